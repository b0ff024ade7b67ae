-- The table of network kernels: every row's CPU kernel against its plain reference, both
-- against numbers that PyTorch gave, and what bad input says.
local ow = require "orowan"
local compare = require "spec.support.compare"
local nn = ow.core.nn

local function tensor(v)
  if not v then return nil end
  local flat = {}
  for i = 1, #v do flat[i] = v[i] end
  return ow.tensor(flat, v.dtype):reshape(v.shape)
end

describe("network kernels and PyTorch", function()
  local seen = {}
  for number, case in ipairs(require "spec.fixtures.nn_kernels") do
    seen[case.row] = (seen[case.row] or 0) + 1
    local name = ("%s %d (case %d)"):format(case.row, seen[case.row], number)
    it(name, function()
      for _, dtype in ipairs { "f64", "f32" } do
        for _, reference in ipairs { true, false } do
          local inputs, params = {}, { reference = reference }
          for k, v in pairs(case.params) do params[k] = v end
          local function arg(v)
            local t = tensor(v)
            return t and (v.dtype == "i64" and t or t:to(dtype))
          end
          for k, v in ipairs(case.inputs) do inputs[k] = arg(v) end
          if case.before then
            params.out = {}
            for k, v in ipairs(case.before) do params.out[k] = arg(v) end
          end
          local count
          for _, row in ipairs(nn.table()) do
            if row.name == case.row then count = #row.inputs end
          end
          inputs[count + 1] = params
          local got = { nn[case.row](table.unpack(inputs, 1, count + 1)) }
          for k, want in ipairs(case.outputs) do
            local label = ("%s %s%s, output %d"):format(name, dtype, reference and " reference" or "", k)
            assert.same(want.shape, got[k]:shape(), label)
            compare.close(tensor(want), got[k]:to("f64"), dtype == "f64" and 2e-11 or 2e-5, label)
          end
        end
      end
    end)
  end
end)

-- ---- every row of the table ---------------------------------------------------------------
local salt = 0

-- Values that repeat nowhere in [lo, hi], other ones at every call.
local function uniform(shape, lo, hi)
  local n = 1
  for _, s in ipairs(shape) do n = n * s end
  salt = salt + 0.137
  local u = (ow.arange(1, n) * 0.6180339887498949 + salt) % 1
  return ((lo or -2) + ((hi or 2) - (lo or -2)) * u):reshape(shape)
end
local function index(list) return ow.tensor(list, "i64") end

-- Arguments of a row: { inputs (false: absent), parameters, out }. Float inputs are f64 and
-- are converted. `out` lists what is changed in place.
local samples = {}
local function add(row, inputs, params, out)
  samples[row] = samples[row] or {}
  table.insert(samples[row], { inputs = inputs, params = params or {}, out = out })
end

for _, kind in ipairs { "none", "relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "silu" } do
  add("activation", { uniform({ 5, 31 }, -8, 8) }, { kind = kind, alpha = 0.3 })
  add("activation", { uniform({ 5, 31 }, -0.1, 0.1) }, { kind = kind, alpha = 0.3 })
  add("activation_grad", { uniform({ 5, 31 }, -8, 8), uniform { 5, 31 } }, { kind = kind, alpha = 0.3 })
end
for axis = 1, 3 do
  for log = 0, 1 do
    add("softmax", { uniform({ 3, 7, 18 }, -9, 9) }, { axis = axis, log = log })
    local y = nn.softmax(uniform { 3, 7, 18 }, { axis = axis, log = log })
    add("softmax_grad", { y, uniform { 3, 7, 18 } }, { axis = axis, log = log })
  end
end
add("softmax", { uniform { 5 } })
add("softmax_grad", { uniform { 5 }, uniform { 5 } })
add("dropout", { uniform { 13, 11 } }, { p = 0.3, seed = 5, stream = 2 })
add("dropout", { uniform { 7 } }, { p = 1 })
for _, shape in ipairs { { 3, 4, 7 }, { 2, 3, 5, 70 }, { 6, 5 }, { 1, 2, 3, 4, 5 } } do
  local c = { shape[2] }
  for _, activation in ipairs { "none", "relu", "leaky_relu" } do
    local p = { activation = activation, alpha = 0.2 }
    add("batch_norm", { uniform(shape), uniform(c), uniform(c), false, false }, p)
    add("batch_norm", { uniform(shape), false, uniform(c), uniform(c), uniform(c, 0.5) }, p)
    add("batch_norm_grad", { uniform(shape), uniform(shape), uniform(c), uniform(c), uniform(c), uniform(c, 0.5) }, p)
    add("batch_norm_grad", { uniform(shape), uniform(shape), false, false, uniform(c), uniform(c, 0.5) },
      { activation = activation, alpha = 0.2, fixed = 1 })
  end
end
for _, shape in ipairs { { 2, 6, 5 }, { 3, 6 }, { 2, 6, 3, 37 } } do
  for _, g in ipairs { 1, 3, 6 } do
    local stat = { shape[1], g }
    add("group_norm", { uniform(shape), uniform { 6 }, uniform { 6 } }, { groups = g, eps = 1e-3 })
    add("group_norm_grad", { uniform(shape), uniform(shape), uniform { 6 }, uniform(stat), uniform(stat, 0.5) }, { groups = g })
  end
end
add("group_norm", { uniform { 2, 6, 5 }, false, false }, { groups = 2 })
for _, d in ipairs { 1, 7, 40 } do
  add("layer_norm", { uniform { 5, d }, uniform { d }, uniform { d } }, { eps = 1e-3 })
  add("layer_norm_grad", { uniform { 5, d }, uniform { 5, d }, d > 1 and uniform { d }, uniform { 5 }, uniform({ 5 }, 0.5) })
end
for _, v in ipairs {
  { { 2, 3, 8, 6, 20 }, { kernel = 2 } }, { { 1, 2, 7, 5, 3 }, { kernel = 2 } },
  { { 2, 2, 9, 35 }, { kernel = 3, stride = 2, padding = 1 } }, { { 1, 3, 6, 7 }, { kernel = { 2, 3 }, stride = 1, padding = { 0, 1 } } },
  { { 2, 1, 40 }, { kernel = 5, stride = 3, padding = 2 } }, { { 1, 1, 4, 4, 4 }, { kernel = 4 } },
} do
  local shape, size = v[1], { table.unpack(v[1], 3) }
  add("max_pool", { uniform(shape) }, v[2])
  local y, i = nn.max_pool(uniform(shape), v[2])
  add("max_pool_grad", { uniform(y:shape()), i }, { size = size })
  for count = 0, 1 do
    local p = { count_padding = count, kernel = v[2].kernel, stride = v[2].stride, padding = v[2].padding }
    add("avg_pool", { uniform(shape) }, p)
    local q = { size = size }
    for k, x in pairs(p) do q[k] = x end
    add("avg_pool_grad", { uniform(y:shape()) }, q)
  end
end
for _, v in ipairs { { { 2, 2, 5 }, { 13 } }, { { 1, 3, 6, 7 }, { 3, 15 } }, { { 1, 2, 3, 4, 5 }, { 5, 4, 21 } } } do
  for _, m in ipairs { { "nearest", 0 }, { "linear", 0 }, { "linear", 1 } } do
    add("resize", { uniform(v[1]) }, { size = v[2], mode = m[1], align_corners = m[2] })
    add("resize_grad", { uniform { v[1][1], v[1][2], table.unpack(v[2]) } },
      { size = { table.unpack(v[1], 3) }, mode = m[1], align_corners = m[2] })
  end
end
for _, v in ipairs { { { 2, 3, 9 }, { 17 } }, { { 1, 2, 5, 6 }, { 4, 7 } }, { { 2, 1, 3, 4, 5 }, { 2, 3, 3 } } } do
  for _, mode in ipairs { "linear", "nearest" } do
    for _, padding in ipairs { "zeros", "border", "reflection" } do
      local grid = { v[1][1], table.unpack(v[2]) }
      grid[#grid + 1] = #v[2]
      local p = { mode = mode, padding = padding, align_corners = #v[2] % 2 }
      add("grid_sample", { uniform(v[1]), uniform(grid, -1.7, 1.7) }, p)
      add("grid_sample_grad", { uniform(v[1]), uniform(grid, -1.7, 1.7), uniform { v[1][1], v[1][2], table.unpack(v[2]) } }, p)
    end
  end
end
local boxes = ow.tensor({ { 0.5, 0.25, 9, 8 }, { 2, 1, 3, 1.5 }, { -2.5, -1, 18, 17 } }, "f64")
for _, sampling in ipairs { 0, 2 } do
  local p = { scale = 0.5, sampling = sampling, aligned = sampling // 2 }
  local f, b = { height = 2, width = 3 }, { batches = 2, height_in = 6, width_in = 7 }
  for k, x in pairs(p) do f[k], b[k] = x, x end
  add("roi_align", { uniform { 2, 3, 6, 7 }, boxes, index { 1, 2, 1 } }, f)
  add("roi_align_grad", { uniform { 3, 3, 2, 3 }, boxes, index { 1, 2, 1 } }, b)
end
add("gather_rows", { uniform { 5, 3 }, index { 5, 1, 1, 3 } })
add("gather_rows", { uniform { 5, 2, 3 }, index { 2 } })
add("index_add", { index { 5, 1, 1, 3, 1, 6 }, uniform { 6, 3 } }, { rows = 6 })
add("index_add", { index { 2, 2, 1 }, uniform { 3, 2, 33 } }, { rows = 2 })
for _, mode in ipairs { "sum", "mean", "max" } do
  for _, d in ipairs { 1, 3, 35 } do
    local x, offsets = uniform { 9, d }, index { 0, 2, 2, 5, 9 }
    local y, argmax = nn.segment_reduce(x, offsets, { mode = mode })
    add("segment_reduce", { x, offsets }, { mode = mode })
    add("segment_reduce_grad", { uniform(y:shape()), offsets, mode == "max" and argmax }, { mode = mode, rows = 9 })
  end
end
for _, kind in ipairs { "mse", "mae", "huber", "bce_logits", "focal" } do
  local p = { kind = kind, delta = 0.7, pos_weight = 2, gamma = 1.5 }
  local target = uniform({ 5, 7 }, 0, 1)
  add("loss", { uniform { 5, 7 }, target, uniform({ 5, 7 }, 0, 1) }, p)
  add("loss", { uniform { 5, 7 }, target, false }, { kind = kind, reduction = "sum" })
  add("loss_grad", { uniform { 5, 7 }, target, uniform({ 5, 7 }, 0, 1), uniform { 1 } }, p)
  add("loss_grad", { uniform { 5, 7 }, target, false, uniform { 1 } }, { kind = kind, reduction = "sum" })
end
for _, smoothing in ipairs { 0, 0.1 } do
  for _, reduction in ipairs { "mean", "sum" } do
    local p, target = { smoothing = smoothing, reduction = reduction }, index { 1, 4, 0, 2, 3, 3 }:reshape { 2, 3 }
    add("cross_entropy", { uniform { 2, 4, 3 }, target, uniform({ 4 }, 0.2, 1) }, p)
    add("cross_entropy_grad", { uniform { 2, 4, 3 }, target, uniform({ 4 }, 0.2, 1), uniform { 1 } }, p)
    add("cross_entropy", { uniform { 3, 17 }, index { 17, 1, 5 }, false }, p)
    add("cross_entropy_grad", { uniform { 3, 17 }, index { 17, 1, 5 }, false, uniform { 1 } }, p)
  end
end
local n = { 37 }
add("sgd", { uniform(n) }, { lr = 0.1, weight_decay = 0.1 }, { uniform(n) })
for nesterov = 0, 1 do
  add("sgd", { uniform(n) }, { lr = 0.1, momentum = 0.9, dampening = 0.1, nesterov = nesterov, first = nesterov }, { uniform(n), uniform(n) })
end
add("rmsprop", { uniform(n) }, { lr = 0.1, weight_decay = 0.1 }, { uniform(n), uniform(n, 0) })
add("rmsprop", { uniform(n) }, { lr = 0.1, momentum = 0.5 }, { uniform(n), uniform(n, 0), uniform(n) })
for decoupled = 0, 1 do
  add("adam", { uniform(n) }, { lr = 0.1, weight_decay = 0.1, decoupled = decoupled, step = 3 }, { uniform(n), uniform(n), uniform(n, 0) })
end
add("sum_squares", { uniform { 5, 77 } })
add("first_nonfinite", { uniform { 5, 77 } })
-- The rows of conv_spec, which looks at them closer.
add("conv", { uniform { 2, 4, 6, 7 }, uniform { 6, 2, 3, 3 }, uniform { 6 } }, { groups = 2, padding = 1, activation = "relu" })
add("conv_grad_input", { uniform { 2, 6, 6, 7 }, uniform { 6, 2, 3, 3 } }, { size = { 6, 7 }, groups = 2, padding = 1 })
add("conv_grad_weight", { uniform { 2, 4, 6, 7 }, uniform { 2, 6, 6, 7 } }, { kernel = 3, groups = 2, padding = 1 })
add("matmul", { uniform { 3, 4, 5 }, uniform { 6, 5 } }, { transpose_b = 1 })
add("linear", { uniform { 3, 5 }, uniform { 4, 5 }, uniform { 4 } })

local rows = {}
for _, row in ipairs(nn.table()) do rows[row.name] = row end

-- Calls a row on fresh copies; `change(inputs, out)` may edit them first.
local function call(name, sample, dtype, reference, change)
  local inputs, params = {}, { reference = reference }
  for k, v in pairs(sample.params) do params[k] = v end
  local function own(t) return t:dtype() == "i64" and t or t:to(dtype) + 0 end
  for k = 1, #rows[name].inputs do inputs[k] = sample.inputs[k] and own(sample.inputs[k]) or nil end
  if sample.out then
    params.out = {}
    for k, t in ipairs(sample.out) do params.out[k] = own(t) end
  end
  if change then change(inputs, params.out) end
  local count = #rows[name].inputs
  inputs[count + 1] = params
  return { nn[name](table.unpack(inputs, 1, count + 1)) }
end

-- Tolerances: of every element, and of the largest one (sums of terms of both signs). f32 results
-- are rounded from f64 in the references, so this is the error of the fast kernels.
local relative, absolute = { f32 = 4e-6, f64 = 1e-13 }, { f32 = 2e-6, f64 = 2e-14 }

-- `least`: the size that absolute errors are measured by, at least (a mean near 0: that of x).
local function agree(want, got, dtype, label, least)
  assert.same(want:shape(), got:shape(), label)
  assert.equal(want:dtype(), got:dtype(), label)
  local w, g = want:to("f64"):flatten():totable(), got:to("f64"):flatten():totable()
  local top = least or 0
  for _, x in ipairs(w) do
    if math.abs(x) > top and math.abs(x) < math.huge then top = math.abs(x) end
  end
  for i, x in ipairs(w) do
    local y = g[i]
    local same = x == y or (x ~= x and y ~= y) or math.abs(x - y) <= relative[dtype] * math.abs(x) + absolute[dtype] * top
    if not same then error(("%s: element %d is %.17g, reference %.17g"):format(label, i, y, x), 2) end
  end
end

local function least(row, o) return row.outputs[o].name == "mean" and 1 or 0 end

describe("network kernels (" .. ow.core.system.build().simd .. ")", function()
  local threads = ow.core.system.threads()
  after_each(function() ow.core.system.threads(threads) end)

  for _, row in ipairs(nn.table()) do
    local name = row.name
    local list = samples[name]
    it(name .. " has samples and describes itself", function()
      assert.is_table(list, name .. ": give it arguments in this spec")
      assert.is_true(#row.doc > 3)
      for _, kind in ipairs { "inputs", "outputs", "params" } do
        for _, arg in ipairs(row[kind]) do assert.is_true(#arg.doc > 1, name .. " " .. arg.name) end
      end
    end)
    if list then
      it(name .. " agrees with its reference", function()
        for k, sample in ipairs(list) do
          for _, dtype in ipairs { "f32", "f64" } do
            local want, got = call(name, sample, dtype, true), call(name, sample, dtype)
            for o = 1, #row.outputs do
              if want[o] then agree(want[o], got[o], dtype, ("%s sample %d %s, %s"):format(name, k, dtype, row.outputs[o].name), least(row, o)) end
            end
          end
        end
      end)
      it(name .. " gives the same bits at 1 and 2 threads", function()
        for k, sample in ipairs(list) do
          ow.core.system.threads(1)
          local one = call(name, sample, "f32")
          ow.core.system.threads(2)
          local two = call(name, sample, "f32")
          for o = 1, #row.outputs do
            if one[o] then assert.is_true(one[o]:equal(two[o]), ("%s sample %d"):format(name, k)) end
          end
        end
      end)
      -- Fast convolutions may multiply a NaN weight by the zeros of the padding; conv_spec looks at NaN there.
      if not name:find "^conv" then it(name .. " treats NaN as its reference does", function()
        for k, sample in ipairs(list) do
          for i, arg in ipairs(row.inputs) do
            if arg.type == "float" and sample.inputs[i] and arg.name ~= "boxes" then
              local size = sample.inputs[i]:numel()
              local function poison(inputs) inputs[i]:view(-1)[{ size // 2 + 1 }] = 0 / 0 end
              local want, got = call(name, sample, "f32", true, poison), call(name, sample, "f32", false, poison)
              local seen = false
              for o = 1, #row.outputs do
                if want[o] then
                  agree(want[o], got[o], "f32", ("%s sample %d, NaN in %s, %s"):format(name, k, arg.name, row.outputs[o].name), least(row, o))
                  if row.outputs[o].type ~= "index" then seen = seen or ow.isnan(want[o]):to("i64"):sum() > 0 end
                end
              end
              local masked = name:find "_grad$" or name == "gather_rows" or name == "resize" or name == "grid_sample"
                or name == "roi_align" or name == "first_nonfinite" or arg.name == "class_weight"
              if not masked then assert.is_true(seen, ("%s sample %d swallows NaN in %s"):format(name, k, arg.name)) end
            end
          end
        end
      end) end
    end
  end

  -- Past 8 MB results bypass the caches, over many tasks.
  it("agrees with the reference on large tensors", function()
    local function whole(t) return t:to "f64":view(-1) end
    local x, dy = uniform({ 3, 5, 36, 64, 64 }):to "f32", uniform({ 3, 5, 36, 64, 64 }):to "f32"
    local c = { uniform { 5 }:to "f32", uniform { 5 }:to "f32", uniform { 5 }:to "f32", uniform({ 5 }, 0.5):to "f32" }
    local py, pi = nn.max_pool(x, { kernel = 2 })
    for _, v in ipairs {
      { "batch_norm", { x, c[1], c[2], nil, nil, { activation = "relu" } }, 6 },
      { "batch_norm_grad", { x, dy, c[1], c[2], c[3], c[4], { activation = "relu" } }, 7 },
      { "max_pool", { x, { kernel = 2 } }, 2 }, { "max_pool_grad", { py, pi, { size = { 36, 64, 64 } } }, 3 },
      { "activation", { x, { kind = "relu" } }, 2 }, { "activation_grad", { x, dy, { kind = "silu" } }, 3 },
      { "sum_squares", { x, {} }, 2 }, { "first_nonfinite", { x, {} }, 2 },
    } do
      local name, args, count = v[1], v[2], v[3]
      args[count].reference = true
      local want = { nn[name](table.unpack(args, 1, count)) }
      args[count].reference = false
      local got = { nn[name](table.unpack(args, 1, count)) }
      for o = 1, #rows[name].outputs do
        local w, g = whole(want[o]), whole(got[o])
        assert.is_true((w - g):abs():max() <= 4e-6 * math.max(w:abs():max(), least(rows[name], o)), name .. " " .. rows[name].outputs[o].name)
      end
    end
    local z = x + 0
    z[{ 2, 3, 4, 5, 6 }] = 1 / 0
    z[{ 3, 3, 4, 5, 6 }] = 0 / 0
    assert.equal(((((1 * 5 + 2) * 36 + 3) * 64 + 4) * 64 + 5) + 1, nn.first_nonfinite(z):item())
  end)

  it("reads inputs of any strides", function()
    local x = uniform { 6, 3, 4 }
    local turned = x:permute(3, 1, 2)
    agree(nn.activation(turned:contiguous(), { kind = "relu" }), nn.activation(turned, { kind = "relu" }), "f64", "turned")
  end)

  it("drops the asked share, the same way each time", function()
    local x = ow.ones({ 100000 }, "f32")
    local y = nn.dropout(x, { p = 0.25, seed = 3, stream = 1 })
    local kept = (y:gt(0)):to("i64"):sum()
    assert.is_true(math.abs(kept - 75000) < 5 * math.sqrt(100000 * 0.25 * 0.75), kept)
    assert.is_true(math.abs(y:max() - 4 / 3) < 1e-6)
    assert.is_true(y:equal(nn.dropout(x, { p = 0.25, seed = 3, stream = 1 })))
    assert.is_false(y:equal(nn.dropout(x, { p = 0.25, seed = 3, stream = 2 })))
  end)

  it("takes the first of equal maxima and lets NaN win", function()
    local x = ow.tensor({ 1, 1, -1, 1, 0 / 0, 2, 0 / 0, 3 }, "f32"):reshape { 1, 1, 8 }
    local y, i = nn.max_pool(x, { kernel = 4 })
    assert.same({ { { 0, 4 } } }, i:totable())
    assert.equal(1, y:totable()[1][1][1])
    y, i = nn.segment_reduce(ow.tensor { { 1.0, 2 }, { 1, 3 }, { 0, 3 } }, index { 0, 3, 3 }, { mode = "max" })
    assert.same({ { 1, 3 }, { 0, 0 } }, y:totable())
    assert.same({ { 1, 2 }, { 0, 0 } }, i:totable())
  end)

  it("says what does not fit", function()
    local message = compare.message
    local x = uniform { 2, 4, 5, 5 }
    local function says(pattern, name, ...) assert.matches(pattern, message(nn[name], ...)) end
    says("activation_grad: dy: expected shape 2x4x5x5, got 3", "activation_grad", x, uniform { 3 }, { kind = "relu" })
    says("kind must be given", "activation", x, {})
    says("axis: expected 1 to 4 or %-4 to %-1, got 5", "softmax", x, { axis = 5 })
    says("p: expected 0 to 1, got 1.5", "dropout", x, { p = 1.5 })
    says("gamma: expected shape 4, got 3", "batch_norm", x, uniform { 3 })
    says("mean and var: give both or neither", "batch_norm", x, nil, nil, uniform { 4 })
    says("groups: expected a divisor of 4 channels, got 3", "group_norm", x, nil, nil, { groups = 3 })
    says("padding: expected at most half of the kernel %(2%), got 2", "max_pool", x, { kernel = 2, padding = 2 })
    says("kernel 7 is larger than the input of 5", "avg_pool", x, { kernel = 7 })
    says("expected %[N, C%] and 1 to 3 spatial axes, got shape 2x4", "max_pool", uniform { 2, 4 }, { kernel = 1 })
    says("index: element 2 is 9, allowed are 0 to 8", "max_pool_grad", uniform { 1, 1, 3 }, index { 0, 9, 1 }:reshape { 1, 1, 3 }, { size = 9 })
    says("align_corners: goes with mode linear", "resize", x, { size = 3, align_corners = 1 })
    says("grid: expected 2 samples, any axes and a last axis of 2 coordinates", "grid_sample", x, uniform { 2, 3, 3, 3 })
    says("boxes: row 2 is not finite", "roi_align", x, ow.tensor { { 0.0, 0, 1, 1 }, { 0, 0 / 0, 1, 1 } }, index { 1, 1 }, { height = 1, width = 1 })
    says("batch: element 1 is 3, allowed are 1 to 2", "roi_align", x, ow.tensor { { 0.0, 0, 1, 1 } }, index { 3 }, { height = 1, width = 1 })
    says("needs more than 4096 samples", "roi_align", x, ow.tensor { { 0.0, 0, 1e9, 1 } }, index { 1 }, { height = 1, width = 1 })
    says("index: element 2 is 3, allowed are 1 to 2", "gather_rows", x, index { 1, 3 })
    says("index: element 1 is 0, allowed are 1 to 4", "index_add", index { 0 }, uniform { 1, 2 }, { rows = 4 })
    says("offsets: element 3 is 1, allowed are 2 to 2", "segment_reduce", uniform { 2, 2 }, index { 0, 2, 1 })
    says("argmax: needed for mode max", "segment_reduce_grad", uniform { 1, 2 }, index { 0, 2 }, nil, { mode = "max", rows = 2 })
    says("argmax: element 2 is 3, not a row of group 1 %(1 to 2%)", "segment_reduce_grad", uniform { 1, 2 }, index { 0, 2 },
      index { { 1, 3 } }, { mode = "max", rows = 2 })
    says("target: expected shape 2x5x5", "cross_entropy", x, index { 1, 2 })
    says("target: element 1 is 5, allowed are 0 to 4", "cross_entropy", uniform { 2, 4 }, index { 5, 1 })
    says("step: expected 1 to", "adam", uniform { 3 }, { lr = 1, step = 0, out = { uniform { 3 }, uniform { 3 }, uniform { 3 } } })
    says("buffer: needed with momentum", "sgd", uniform { 3 }, { lr = 1, momentum = 0.9, out = { uniform { 3 } } })
    says("param is changed in place: give it in out", "sgd", uniform { 3 }, { lr = 1 })
    says("dy: expected f64, got f32", "activation_grad", x, x:to("f32", { unchecked = true }), { kind = "relu" })
  end)
end)
