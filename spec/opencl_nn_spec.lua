-- Network kernels on a device against the plain reference on the host, row by row. PoCL (Debian's
-- pocl-opencl-icd) serves where there is no GPU. Compiling kernels is what takes the time, so each
-- is made few times.
local ow = require "orowan"
local message = require("spec.support.compare").message
local core = ow.core

local devices, why = {}, "sanitized builds cannot host a driver that compiles in the process (LLVM)"
if not core.system.build().sanitized then devices, why = core.device.list() end
local D = devices[1] and devices[1].device

describe("network kernels on a device", function()
  if not D then
    it("have no device here", function() pending("skipped: no OpenCL device: " .. tostring(why)) end)
    return
  end
  local nn = core.nn

  local function sample(shape, shift, scale)
    local n = 1
    for _, s in ipairs(shape) do n = n * s end
    local v = {}
    for i = 1, n do v[i] = ((i * 0.6180339887498949 + (shift or 0)) % 1 - 0.5) * (scale or 2) end
    return ow.tensor(v):to("f32"):reshape(shape)
  end

  local function there(t) return ow.is_tensor(t) and t:to(D) or t end

  -- Runs a row on the plain reference and on the device; both give tol relative to the largest
  -- element. in-place outputs go through `state`.
  local function compare(name, inputs, options, tol, state)
    local count = 0
    for _, row in ipairs(nn.table()) do
      if row.name == name then
        count = #row.inputs
        assert.is_true(row.opencl, name .. " has a device function")
      end
    end
    local a, b = {}, {}
    for k = 1, count do a[k], b[k] = inputs[k], there(inputs[k]) end
    local o, p = { reference = true }, {}
    for k, v in pairs(options or {}) do o[k], p[k] = v, v end
    local want, got
    if state then
      o.out, p.out = {}, {}
      for k, t in ipairs(state) do o.out[k], p.out[k] = t and t:copy(), t and t:to(D) end
    end
    a[count + 1], b[count + 1] = o, p
    want = table.pack(nn[name](table.unpack(a, 1, count + 1)))
    got = table.pack(nn[name](table.unpack(b, 1, count + 1)))
    assert.equal(want.n, got.n)
    for k = 1, want.n do
      local w, g = want[k], got[k]
      if w then
        assert.equal(D, g:device(), name)
        assert.same(w:shape(), g:shape(), name)
        g = g:to("cpu")
        assert.equal(w:dtype(), g:dtype())
        local size = w:dtype() == "i64" and 0 or math.max(w:abs():max(), 1e-30) * tol
        local off = w:dtype() == "i64" and (w:equal(g) and 0 or 1) or (w - g):abs():max()
        if not (off <= size) then error(("%s, output %d: differs by %g, allowed %g"):format(name, k, off, size), 2) end
      end
    end
  end

  it("convolve in 1 to 3 dimensions", function()
    local cases = { -- x, w, options
      { { 2, 3, 9 }, { 5, 3, 3 }, { stride = 2, padding = 1 } },
      { { 2, 4, 9, 7 }, { 6, 2, 3, 2 }, { groups = 2, padding = { 1, 0 }, dilation = { 2, 1 }, stride = { 1, 2 } } },
      { { 1, 3, 6, 7, 8 }, { 70, 3, 3, 3, 3 }, { padding = 1 } },
    }
    for _, case in ipairs(cases) do
      local x, w, o = sample(case[1]), sample(case[2], 0.3), case[3]
      local bias = sample({ case[2][1] }, 0.7)
      local f = { activation = "leaky_relu", alpha = 0.1 }
      for k, v in pairs(o) do f[k] = v end
      compare("conv", { x, w, bias }, f, 2e-6)
      local dy = sample(nn.conv(x, w, nil, o):shape(), 0.1)
      local g = { size = { table.unpack(case[1], 3) } }
      for k, v in pairs(o) do g[k] = v end
      compare("conv_grad_input", { dy, w }, g, 2e-6)
      g.size, g.kernel = nil, { table.unpack(case[2], 3) }
      compare("conv_grad_weight", { x, dy }, g, 2e-6)
    end
  end)

  it("convolve and multiply with a GPU's tiles, to the same bits", function()
    local x, w, dy = sample { 2, 3, 5, 6, 7 }, sample({ 70, 3, 3, 3, 3 }, 0.3), sample({ 2, 70, 5, 6, 7 }, 0.1)
    local o, size, kernel = { padding = 1 }, { 5, 6, 7 }, { 3, 3, 3 }
    local function all()
      return { nn.conv(x:to(D), w:to(D), nil, o), nn.conv_grad_input(dy:to(D), w:to(D), { padding = 1, size = size }),
        (nn.conv_grad_weight(x:to(D), dy:to(D), { padding = 1, kernel = kernel })),
        nn.matmul(sample({ 70, 37 }):to(D), sample({ 150, 37 }):to(D), { transpose_b = 1 }) }
    end
    local before, results = core.device.list()[1].processor, {}
    for k, processor in ipairs { true, false } do
      core.device.processor(D, processor)
      local ok, r = pcall(all)
      core.device.processor(D, before)
      results[k] = ok and r or error(r, 0)
    end
    for k, t in ipairs(results[1]) do assert.is_true(t:to("cpu"):equal(results[2][k]:to("cpu")), "result " .. k) end
  end)

  it("sum the weight's gradient over many positions in a fixed order", function()
    local x, dy = sample({ 3, 2, 60, 60 }), sample({ 3, 4, 60, 60 }, 0.2)
    compare("conv_grad_weight", { x, dy }, { kernel = 3, padding = 1 }, 5e-6)
    local a = nn.conv_grad_weight(x:to(D), dy:to(D), { kernel = 3, padding = 1 })
    local b = nn.conv_grad_weight(x:to(D), dy:to(D), { kernel = 3, padding = 1 })
    assert.equal(a:bytes(), b:bytes())
  end)

  it("multiply matrices", function()
    compare("matmul", { sample { 70, 33 }, sample({ 33, 5 }, 0.4) }, {}, 2e-6)
    compare("matmul", { sample { 2, 33, 7 }, sample({ 5, 33 }, 0.4) }, { transpose_a = 1, transpose_b = 1 }, 2e-6)
    compare("matmul", { sample({ 33, 7 }):T(), sample({ 3, 33, 5 }, 0.4) }, {}, 2e-6)
    compare("linear", { sample { 9, 40 }, sample({ 11, 40 }, 0.3), sample({ 11 }, 0.1) }, {}, 2e-6)
  end)

  it("activate", function()
    local x, dy = sample({ 7, 11 }, 0, 8), sample({ 7, 11 }, 0.3)
    for _, kind in ipairs { "none", "relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "silu" } do
      compare("activation", { x, }, { kind = kind, alpha = 0.3 }, 1e-6)
      compare("activation_grad", { x, dy }, { kind = kind, alpha = 0.3 }, 1e-6)
    end
  end)

  it("normalise batches", function()
    local x, dy = sample({ 3, 5, 70, 65 }, 0, 6), sample({ 3, 5, 70, 65 }, 0.2)
    local gamma, beta, mean, var = sample({ 5 }, 0.5) + 1.5, sample({ 5 }, 0.6), sample({ 5 }, 0.7), sample({ 5 }, 0.8) + 2
    compare("batch_norm", { x, gamma, beta }, { activation = "relu" }, 3e-6)
    compare("batch_norm", { x, nil, nil, mean, var }, {}, 3e-6)
    local _, m, v = nn.batch_norm(x, gamma, beta, nil, nil, {})
    compare("batch_norm_grad", { x, dy, gamma, beta, m, v }, { activation = "leaky_relu", alpha = 0.1 }, 1e-5)
    compare("batch_norm_grad", { x, dy, gamma, nil, mean, var }, { fixed = 1 }, 1e-5)
  end)

  it("pool", function()
    local x = sample { 2, 3, 6, 7, 5 }
    compare("max_pool", { x }, { kernel = 2 }, 0)
    local y, index = nn.max_pool(x, { kernel = 3, stride = 2, padding = 1 })
    compare("max_pool", { x }, { kernel = 3, stride = 2, padding = 1 }, 0)
    compare("max_pool_grad", { sample(y:shape(), 0.4), index }, { size = { 6, 7, 5 } }, 1e-6)
    for count = 0, 1 do
      local o = { kernel = { 3, 2, 3 }, stride = { 2, 1, 2 }, padding = { 1, 0, 1 }, count_padding = count }
      compare("avg_pool", { x }, o, 1e-6)
      local dy = sample(nn.avg_pool(x, o):shape(), 0.4)
      o.size = { 6, 7, 5 }
      compare("avg_pool_grad", { dy }, o, 1e-6)
    end
    assert.matches("max_pool_grad on " .. D .. ": index: expected", message(function()
      return nn.max_pool_grad(sample({ 1, 1, 2 }):to(D), ow.tensor({ { { 0, 99 } } }):to(D), { size = 4 }):to("cpu")
    end))
  end)

  it("drop the same elements as the host", function()
    compare("dropout", { sample { 1003 } }, { p = 0.3, seed = 123456789012, stream = 77 }, 1e-7)
    compare("dropout", { sample { 5 } }, { p = 1 }, 0)
  end)

  it("measure losses", function()
    local x, t, w = sample({ 70, 90 }, 0, 6), sample({ 70, 90 }, 0.4, 1) + 0.5, sample({ 70, 90 }, 0.3, 1) + 0.5
    local dv = ow.tensor({ 0.7 }, "f32")
    for _, kind in ipairs { "mse", "mae", "huber", "bce_logits", "focal" } do
      local o = { kind = kind, pos_weight = 2, reduction = kind == "mae" and "sum" or "mean" }
      compare("loss", { x, t, w }, o, 1e-6)
      compare("loss_grad", { x, t, nil, dv }, o, 2e-6)
    end
  end)

  it("measure classes", function()
    local x, dv = sample({ 40, 7, 30 }, 0, 9), ow.tensor({ 1.3 }, "f32")
    local v = {}
    for i = 1, 40 * 30 do v[i] = i * 5 % 8 end
    local target, w = ow.tensor(v):reshape(40, 30), sample({ 7 }, 0.2, 1) + 1
    for _, o in ipairs { {}, { smoothing = 0.1, reduction = "sum" } } do
      compare("cross_entropy", { x, target, w }, o, 1e-6)
      compare("cross_entropy_grad", { x, target, w, dv }, o, 2e-6)
    end
    for log = 0, 1 do
      compare("softmax", { x }, { axis = 2, log = log }, 1e-6)
      local y = nn.softmax(x, { axis = 2, log = log })
      compare("softmax_grad", { y, sample({ 40, 7, 30 }, 0.1) }, { axis = 2, log = log }, 2e-6)
    end
    assert.matches("cross_entropy on " .. D .. ": target: expected classes", message(function()
      return nn.cross_entropy(sample({ 1, 2 }):to(D), ow.tensor({ 3 }):to(D), nil, {}):to("cpu")
    end))
  end)

  it("step optimisers", function()
    local g, p, m, v = sample { 300 }, sample({ 300 }, 0.2), sample({ 300 }, 0.3), sample({ 300 }, 0.4) + 1.5
    compare("sgd", { g }, { lr = 0.1, momentum = 0.9, nesterov = 1, weight_decay = 0.01 }, 1e-6, { p, m })
    compare("sgd", { g }, { lr = 0.1 }, 1e-6, { p, false })
    compare("rmsprop", { g }, { lr = 0.1, momentum = 0.5 }, 1e-6, { p, v, m })
    compare("adam", { g }, { lr = 0.1, step = 3, weight_decay = 0.1, decoupled = 1 }, 1e-6, { p, m, v })
  end)

  it("measure whole tensors", function()
    local x = sample { 9001 }
    compare("sum_squares", { x }, {}, 1e-12)
    compare("first_nonfinite", { x }, {}, 0)
    x[5000], x[8000] = 0 / 0, 1 / 0
    compare("first_nonfinite", { x }, {}, 0)
  end)

  it("normalise groups and layers", function()
    local x, dy = sample({ 3, 6, 5, 9 }, 0, 6), sample({ 3, 6, 5, 9 }, 0.2)
    local gamma, beta = sample({ 6 }, 0.5) + 1.5, sample({ 6 }, 0.6)
    for _, p in ipairs { { gamma, beta }, {} } do
      compare("group_norm", { x, p[1], p[2] }, { groups = 2 }, 3e-6)
      local _, mean, var = nn.group_norm(x, p[1], p[2], { groups = 2 })
      compare("group_norm_grad", { x, dy, p[1], mean, var }, { groups = 2 }, 1e-5)
    end
    local rows, slope, w = sample({ 7, 130 }, 0, 3), sample({ 7, 130 }, 0.3), sample({ 130 }, 0.5) + 1.5
    compare("layer_norm", { rows, w, nil }, {}, 3e-6)
    local _, mean, var = nn.layer_norm(rows, w, nil, {})
    compare("layer_norm_grad", { rows, slope, w, mean, var }, {}, 1e-5)
  end)

  it("resize", function()
    local x = sample { 2, 2, 4, 7, 5 }
    for _, size in ipairs { { 9, 3, 5 }, { 4, 14, 1 }, { 1, 21, 6 } } do
      local dy = sample({ 2, 2, table.unpack(size) }, 0.4)
      for _, o in ipairs { { mode = "nearest" }, { mode = "linear" }, { mode = "linear", align_corners = 1 } } do
        o.size = size
        compare("resize", { x }, o, 1e-6)
        o.size = { 4, 7, 5 }
        compare("resize_grad", { dy }, o, 2e-6)
      end
    end
    compare("resize", { sample { 1, 2, 1 } }, { size = 4, mode = "linear", align_corners = 1 }, 1e-6)
    compare("resize_grad", { sample { 1, 2, 4 } }, { size = 1, mode = "linear", align_corners = 1 }, 2e-6)
  end)

  it("gather rows, add by index and reduce groups of rows", function()
    local v = {}
    for i = 1, 500 do v[i] = (i * i * 7) % 37 + 1 end
    local index, x, src = ow.tensor(v), sample { 40, 3, 2 }, sample({ 500, 3, 2 }, 0.2)
    compare("gather_rows", { x, index }, {}, 0)
    compare("index_add", { index, src }, { rows = 40 }, 1e-6)
    compare("index_add", { ow.full({ 500 }, 3), src }, { rows = 3 }, 1e-6)
    local off, flat = ow.tensor { 0, 0, 5, 60, 61, 480 }, src:reshape(500, 6)
    for _, mode in ipairs { "sum", "mean", "max" } do
      compare("segment_reduce", { flat, off }, { mode = mode }, mode == "max" and 0 or 1e-6)
      local _, arg = nn.segment_reduce(flat, off, { mode = mode })
      compare("segment_reduce_grad", { sample({ 5, 6 }, 0.3), off, mode == "max" and arg or nil }, { mode = mode, rows = 500 }, 1e-6)
    end
    local function bad(f, ...)
      local args = table.pack(...)
      return message(function() return f(table.unpack(args, 1, args.n)):to("cpu") end)
    end
    assert.matches("gather_rows on " .. D .. ": index: expected rows of x", bad(nn.gather_rows, x:to(D), ow.tensor({ 41 }):to(D)))
    assert.matches("index_add on " .. D .. ": index: expected rows of y", bad(nn.index_add, ow.tensor({ 0 }):to(D), sample({ 1, 2 }):to(D), { rows = 2 }))
    assert.matches("segment_reduce on " .. D .. ": offsets", bad(nn.segment_reduce, flat:to(D), ow.tensor({ 0, 501 }):to(D), {}))
  end)

  it("take views, refuse other devices and rows that are not there", function()
    local x = sample { 6, 4 }
    local y = nn.activation(x:to(D):T(), { kind = "relu" })
    assert.is_true(y:to("cpu"):equal(nn.activation(x:T():contiguous(), { kind = "relu" })))
    assert.matches("dy is on cpu, the tensors before it on " .. D, message(function()
      return nn.activation_grad(x:to(D), x, { kind = "relu" })
    end))
    assert.matches("grid_sample: not available on " .. D .. "; move the tensors with", message(function()
      return nn.grid_sample(sample({ 1, 1, 4, 4 }):to(D), sample({ 1, 2, 2, 2 }):to(D), {})
    end))
  end)
end)
