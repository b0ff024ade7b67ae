-- Winograd convolution against the sum itself in f64, built here from shifted views and matrix
-- products. Errors are relative to the root mean square of the exact result.
local ow = require "orowan"
local core = require "orowan.core"
local compare = require "spec.support.compare"
local winograd = core.winograd

local function list(v, n)
  if type(v) == "table" then return v end
  local t = {}
  for i = 1, n do t[i] = v end
  return t
end

-- Calls f(k, view) for each kernel offset: k the offset's index tuple, view the part of the padded
-- input that it meets, as a view of [N, C, *osize].
local function each_offset(padded, kernel, osize, f)
  local axes = #kernel
  local k = {}
  local function go(axis, view)
    if axis > axes then return f(k, view) end
    for i = 0, kernel[axis] - 1 do
      k[axis] = i
      go(axis + 1, view:slice(axis + 2, i + 1, i + osize[axis]))
    end
  end
  go(1, padded)
end

local function inner(padded, size, padding)
  local view = padded
  for i = 1, #size do view = view:slice(i + 2, padding[i] + 1, padding[i] + size[i]) end
  return view
end

local function channels_first(t)
  local order = { 2, 1 }
  for i = 3, t:ndim() do order[i] = i end
  return t:permute(order):contiguous():reshape(t:shape(2), -1)
end

local function tap(w, k)
  for i = #k, 1, -1 do w = w:select(i + 2, k[i] + 1) end
  return w
end

-- One problem: random tensors and the exact results.
local function problem(seed, n, cin, cout, size, kernel, padding)
  local axes = #size
  kernel, padding = list(kernel, axes), list(padding, axes)
  local g = ow.rng(seed)
  local xs, ws, ys, ps, osize = { n, cin }, { cout, cin }, { n, cout }, { n, cin }, {}
  for i = 1, axes do
    osize[i] = size[i] + 2 * padding[i] - kernel[i] + 1
    xs[i + 2], ws[i + 2], ys[i + 2], ps[i + 2] = size[i], kernel[i], osize[i], size[i] + 2 * padding[i]
  end
  local p = { n = n, size = size, kernel = kernel, padding = padding }
  p.x, p.w, p.dy = g:normal(xs):to("f32"), g:normal(ws):to("f32"), g:normal(ys):to("f32")
  p.bias = g:normal({ cout }):to("f32")
  local padded = ow.zeros(ps, "f64")
  inner(padded, size, padding):copy(p.x:to("f64"))
  local w64, dy = p.w:to("f64"), channels_first(p.dy:to("f64"))
  local y = ow.zeros({ cout, dy:shape(2) }, "f64")
  local dpadded, dw = ow.zeros(ps, "f64"), ow.zeros(ws, "f64")
  each_offset(padded, kernel, osize, function(k, view)
    local columns = channels_first(view)
    y = y + tap(w64, k):matmul(columns)
    tap(dw, k):copy(dy:matmul(columns:transpose()))
  end)
  local first = { cin, n }
  for i = 1, axes do first[i + 2] = osize[i] end
  each_offset(dpadded, kernel, osize, function(k, view)
    local back = tap(w64, k):transpose():matmul(dy):reshape(first):transpose(1, 2)
    view:copy(view + back)
  end)
  first[1] = cout
  p.y, p.dw = y:reshape(first):transpose(1, 2):contiguous(), dw
  p.dx = inner(dpadded, size, padding):contiguous()
  return p
end

local function value(v) return ow.is_tensor(v) and v:item() or v end
local function mean(t) return value(t:mean()) end

local function errors(got, exact)
  local scale = mean(exact * exact) ^ 0.5
  local d = got:to("f64") - exact
  return mean(d * d) ^ 0.5 / scale, value(d:abs():max()) / scale
end

local function near(got, exact, rms, largest, what)
  assert.same({ exact:shape() }, { got:shape() })
  local r, m = errors(got, exact)
  if not (r <= rms and m <= largest) then
    error(("%s: error %.2g rms, %.2g largest; allowed %.2g, %.2g"):format(what, r, m, rms, largest), 2)
  end
end

local function check(p, tile, rms, largest)
  local o = { padding = p.padding, tile = tile, size = p.size, kernel = p.kernel }
  near(winograd.forward(p.x, p.w, nil, o), p.y, rms, largest, "forward")
  near(winograd.grad_input(p.dy, p.w, o), p.dx, rms, largest, "grad_input")
  near(winograd.grad_weight(p.x, p.dy, o), p.dw, rms, largest, "grad_weight")
end

describe("winograd", function()
  it("agrees with the sum for any rank, extent, padding and number of channels", function()
    local cases = {
      { 1, 1, 1, { 5 }, 3, 0 }, { 3, 2, 5, { 37 }, 3, 1 }, { 2, 3, 4, { 9, 70 }, 3, 1 }, { 1, 5, 21, { 17, 33 }, 3, 2 },
      { 5, 4, 3, { 8, 8 }, 3, 0 }, { 1, 17, 9, { 5, 6, 7 }, 3, 1 }, { 9, 3, 2, { 4, 4, 4 }, 3, 1 }, { 2, 6, 33, { 3, 10, 9 }, 3, 0 },
      { 1, 2, 3, { 6, 5, 34 }, 3, 2 }, { 2, 3, 3, { 3, 7, 8 }, { 1, 3, 3 }, { 0, 1, 1 } }, { 1, 4, 4, { 5, 6, 7 }, { 3, 3, 1 }, { 1, 0, 0 } },
      { 2, 2, 2, { 6, 9, 5 }, { 3, 1, 3 }, { 2, 0, 1 } },
    }
    for i, c in ipairs(cases) do
      local p = problem(i, table.unpack(c))
      for _, tile in ipairs { 0, 2, 4 } do
        local ok, err = pcall(check, p, tile, 1e-5, 1e-4)
        if not ok then error(("case %d, tile %d: %s"):format(i, tile, tostring(err))) end
      end
    end
  end)

  it("takes a tile for each axis", function()
    local p = problem(20, 2, 3, 5, { 6, 7, 9 }, 3, 1)
    for k = 0, 7 do check(p, { 2 + 2 * (k & 1), 2 + (k & 2), 2 + 2 * (k >> 2) }, 1e-5, 1e-4) end
  end)

  it("adds the bias and applies the activation", function()
    local p = problem(21, 2, 3, 5, { 9, 11 }, 3, 1)
    local y = p.y + p.bias:to("f64"):reshape(1, 5, 1, 1)
    local o = { padding = 1 }
    near(winograd.forward(p.x, p.w, p.bias, o), y, 1e-5, 1e-4, "bias")
    o.activation = "relu"
    near(winograd.forward(p.x, p.w, p.bias, o), ow.maximum(y, 0), 1e-5, 1e-4, "relu")
    o.activation, o.alpha = "leaky_relu", 0.25
    near(winograd.forward(p.x, p.w, p.bias, o), ow.maximum(y, 0.25 * y), 1e-5, 1e-4, "leaky_relu")
  end)

  -- Measured (AVX-512, this case): see the limits; they are about twice that.
  it("has the rounding error that its header states", function()
    local p3, p2 = problem(30, 1, 60, 16, { 8, 8, 8 }, 3, 1), problem(31, 1, 60, 16, { 24, 24 }, 3, 1)
    local o = { padding = 1, tile = 4 }
    near(winograd.forward(p3.x, p3.w, nil, o), p3.y, 3.5e-6, 3e-5, "3-D, tile 4")
    near(winograd.forward(p2.x, p2.w, nil, o), p2.y, 1.6e-6, 1.2e-5, "2-D, tile 4")
    o.tile = 2
    near(winograd.forward(p3.x, p3.w, nil, o), p3.y, 7e-7, 5e-6, "3-D, tile 2")
    near(winograd.forward(p2.x, p2.w, nil, o), p2.y, 6e-7, 4e-6, "2-D, tile 2")
  end)

  it("gives the same bits at any number of threads", function()
    local before = core.system.threads()
    for i, c in ipairs { { 2, 7, 9, { 6, 9, 21 }, 3, 1 }, { 1, 6, 5, { 4, 4, 4 }, 3, 1 } } do
      local p = problem(40 + i, table.unpack(c))
      local o, one = { padding = 1, size = p.size }, nil
      for _, t in ipairs { 1, 2, 3 } do
        core.system.threads(t)
        local r = { winograd.forward(p.x, p.w, p.bias, o), winograd.grad_input(p.dy, p.w, o), winograd.grad_weight(p.x, p.dy, o) }
        one = one or r
        for k = 1, 3 do assert.is_true(r[k]:equal(one[k])) end
      end
    end
    core.system.threads(before)
  end)

  it("lets NaN and infinity through", function()
    local p = problem(50, 1, 2, 3, { 12, 12 }, 3, 1)
    p.x:set(1, 1, 6, 6, 0 / 0)
    local y = winograd.forward(p.x, p.w, nil, { padding = 1 })
    for i = 5, 7 do for j = 5, 7 do assert.is_true(y:get(1, 2, i, j) ~= y:get(1, 2, i, j)) end end
    assert.is_true(y:get(1, 2, 12, 12) == y:get(1, 2, 12, 12))
    local dw = winograd.grad_weight(p.x, p.dy, { padding = 1 })
    assert.is_true(dw:get(2, 1, 2, 2) ~= dw:get(2, 1, 2, 2))
    assert.is_true(dw:get(2, 2, 2, 2) == dw:get(2, 2, 2, 2))
  end)

  it("refuses what it cannot do", function()
    local x, w = ow.zeros({ 1, 2, 8, 8 }, "f32"), ow.zeros({ 3, 2, 5, 5 }, "f32")
    assert.matches("kernel extents 1 or 3", compare.message(winograd.forward, x, w, nil, { padding = 1 }))
    w = ow.zeros({ 3, 2, 3, 3 }, "f32")
    assert.matches("padding below the kernel", compare.message(winograd.forward, x, w, nil, { padding = 3 }))
    assert.matches("tile of 0", compare.message(winograd.forward, x, w, nil, { padding = 1, tile = 3 }))
    assert.matches("weight has 2 input channels, input has 3",
      compare.message(winograd.forward, ow.zeros({ 1, 3, 8, 8 }, "f32"), w, nil, { padding = 1 }))
  end)
end)
