-- Convolution rows against the definition, worked by hand or by plain Lua loops, and every
-- way of computing them against the scalar reference.
local ow = require "orowan"
local nn = ow.core.nn
local message = (dofile "spec/support/compare.lua").message

local function tensor(dtype, ...) return ow.tensor({ ... }, dtype or "f64") end

-- Values that repeat nowhere: a shuffled grid in [-1, 1].
local function fill(shape, dtype, salt)
  local n = 1
  for _, s in ipairs(shape) do n = n * s end
  return ((ow.arange(1, n) * (0.7548776662 + (salt or 0) * 0.1)):sin()):reshape(shape):to(dtype or "f64")
end

local function largest(t) return t:abs():max() end

-- got against expected, relative to the largest of expected
local function near(expected, got, tol, what)
  assert.same(expected:shape(), got:shape())
  local d = largest(expected:to "f64" - got:to "f64") / math.max(largest(expected:to "f64"), 1e-30)
  local close = d <= tol  -- false for NaN
  if not close then error(("%s: differs by %g, allowed %g"):format(what, d, tol), 2) end
end

describe("conv", function()
  it("computes a 1-D example by hand", function()
    local x = tensor(nil, 1, 2, 3, 4):reshape { 1, 1, 4 }
    local w = tensor(nil, 1, 0, -1):reshape { 1, 1, 3 }
    assert.same({ { { -2, -2 } } }, nn.conv(x, w, nil, {}):totable())
    assert.same({ { { -2, -2, -2, 3 } } }, nn.conv(x, w, nil, { padding = 1 }):totable())
    assert.same({ { { 8, 8, 8, 13 } } }, nn.conv(x, w, tensor(nil, 10), { padding = 1 }):totable())
    assert.same({ { { -2, -2 } } }, nn.conv(x, w, nil, { padding = 1, stride = 2 }):totable())
    assert.same({ { { 0, 0, 0, 3 } } }, nn.conv(x, w, nil, { padding = 1, activation = "relu" }):totable())
    assert.same({ { { -1, -1, -1, 3 } } },
      nn.conv(x, w, nil, { padding = 1, activation = "leaky_relu", alpha = 0.5 }):totable())
  end)

  it("computes a dilated, grouped 2-D example by hand", function()
    local x = ow.arange(1, 18):to("f64"):reshape { 1, 2, 3, 3 }
    local w = ow.ones({ 2, 1, 2, 2 }, "f64")
    assert.same({ { { { 1 + 3 + 7 + 9 } }, { { 10 + 12 + 16 + 18 } } } },
      nn.conv(x, w, nil, { dilation = 2, groups = 2 }):totable())
  end)

  it("lets NaN through", function()
    local x = tensor("f32", 1, 0 / 0, 3, 4):reshape { 1, 1, 4 }
    local y = nn.conv(x, ow.ones({ 1, 1, 1 }, "f32"), nil, { activation = "relu" }):totable()[1][1]
    assert.equal(1, y[1])
    assert.is_true(y[2] ~= y[2])
  end)

  it("names what does not fit", function()
    local x, w = fill { 2, 4, 5, 5 }, fill { 6, 3, 3, 3 }
    assert.matches("conv: weight has 3 input channels, input has 4 %(groups 1%)", message(nn.conv, x, w, nil, {}))
    assert.matches("4 input channels cannot be cut into 3 groups", message(nn.conv, x, w, nil, { groups = 3 }))
    w = fill { 6, 4, 3, 3 }
    assert.matches("bias: expected shape 6, got 5", message(nn.conv, x, w, fill { 5 }, {}))
    assert.matches("stride: expected 1 to 2%^30, got 0", message(nn.conv, x, w, nil, { stride = 0 }))
    assert.matches("axis 4: the kernel reaches over 7, the input with its padding has 5",
      message(nn.conv, x, w, nil, { dilation = { 1, 3 } }))
    assert.matches("x has 2 spatial axes, w has 1", message(nn.conv, x, fill { 6, 4, 3 }, nil, {}))
    assert.matches("x: expected 1 to 3 spatial axes", message(nn.conv, fill { 3, 4 }, w, nil, {}))
    assert.matches("w: axis 1 of 0x4x3x3 is empty", message(nn.conv, x, ow.zeros { 0, 4, 3, 3 }, nil, {}))
    assert.matches("size must be given", message(nn.conv_grad_input, x, w, {}))
    assert.matches("weight has 6 output channels, dy has 4", message(nn.conv_grad_input, x, w, { size = 7 }))
    assert.matches("dy: expected shape 2x6x3x3, got 2x6x4x3",
      message(nn.conv_grad_weight, x, fill { 2, 6, 4, 3 }, { kernel = 3 }))
  end)

  it("takes an empty batch", function()
    assert.same({ 0, 2, 3 }, nn.conv(ow.zeros { 0, 1, 5 }, fill { 2, 1, 3 }, nil, {}):shape())
    local dw, db = nn.conv_grad_weight(ow.zeros { 0, 1, 5 }, ow.zeros { 0, 2, 3 }, { kernel = 3 })
    assert.equal(0, largest(dw) + largest(db))
  end)
end)

-- shape of x, shape of w, parameters
local cases = {
  { { 2, 3, 9 }, { 4, 3, 3 }, { padding = 1 } },
  { { 1, 2, 20 }, { 3, 2, 5 }, { stride = 3, dilation = 2, padding = 4 } },
  { { 2, 5, 7, 9 }, { 7, 5, 3, 3 }, { padding = 1 } },
  { { 1, 4, 8, 19 }, { 6, 2, 3, 2 }, { groups = 2, stride = { 2, 1 }, padding = { 0, 1 } } },
  { { 2, 6, 6, 6 }, { 6, 1, 3, 3 }, { groups = 6, padding = 1 } },
  { { 1, 3, 5, 6, 7 }, { 9, 3, 3, 3, 3 }, { padding = 1 } },
  { { 2, 4, 4, 4, 4 }, { 5, 4, 2, 2, 2 }, { stride = 2 } },
  { { 1, 2, 5, 5, 5 }, { 3, 2, 1, 3, 2 }, { dilation = { 1, 2, 1 }, padding = { 0, 2, 1 } } },
  { { 2, 7, 5, 5 }, { 3, 7, 1, 1 }, {} },
  { { 1, 2, 6, 6 }, { 2, 2, 4, 4 }, { stride = 2, padding = 1 } },
  -- few output channels, rows of more than a vector
  { { 2, 3, 6, 37 }, { 5, 3, 3, 3 }, { padding = 1, dilation = 2 } },
  { { 1, 4, 5, 40 }, { 4, 1, 3, 3 }, { groups = 4, padding = 1, stride = { 2, 1 } } },
  -- transposed: pairs of phases, odd extents, an axis of one
  { { 2, 4, 9, 41 }, { 3, 4, 2, 2 }, { stride = 2 } },
  { { 1, 3, 8, 40 }, { 5, 3, 4, 4 }, { stride = 2, padding = 1 } },
  { { 1, 2, 6, 6, 1 }, { 3, 2, 2, 2, 1 }, { stride = 2 } },
  { { 1, 2, 7, 11 }, { 3, 2, 2, 2 }, { stride = 3 } },
  -- input channels in several pieces
  { { 1, 300, 260 }, { 9, 300, 3 }, { padding = 1 } },
  { { 1, 9, 521 }, { 300, 9, 3 }, { stride = 2, padding = 1 } },
}

local function more(params, extra)
  local t = {}
  for k, v in pairs(params) do t[k] = v end
  for k, v in pairs(extra) do t[k] = v end
  return t
end

local function name(c) return table.concat(c[1], "x") .. " * " .. table.concat(c[2], "x") end
local function spatial(t) return table.move(t:shape(), 3, #t:shape(), 1, {}) end

describe("conv gradients", function()
  -- <dy, conv(x, w)> = <conv_grad_input(dy, w), x> = <conv_grad_weight(x, dy), w>: both are the
  -- transposes of conv, which is linear in each argument.
  it("are the transposes of conv", function()
    for _, c in ipairs(cases) do
      for _, reference in ipairs { true, false } do
        local p = more(c[3], { reference = reference })
        local x, w = fill(c[1]), fill(c[2], "f64", 1)
        local y = nn.conv(x, w, nil, p)
        local dy = fill(y:shape(), "f64", 2)
        local dx = nn.conv_grad_input(dy, w, more(p, { size = spatial(x) }))
        local dw, db = nn.conv_grad_weight(x, dy, more(p, { kernel = spatial(w) }))
        local s = (dy * y):sum()
        local scale = 1e-12 * y:numel()
        assert.is_true(math.abs((dx * x):sum() - s) < scale, name(c))
        assert.is_true(math.abs((dw * w):sum() - s) < scale, name(c))
        local bias = fill({ c[2][1] }, "f64", 3)
        local with = nn.conv(x, w, bias, p)
        assert.is_true(math.abs(((with - y) * dy):sum() - (db * bias):sum()) < scale, name(c))
      end
    end
  end)
end)

describe("convolution by every method", function()
  for _, dtype in ipairs { "f32", "f64" } do
    it("agrees with the reference in " .. dtype, function()
      local tol = dtype == "f32" and 3e-6 or 1e-14
      for _, c in ipairs(cases) do
        local x, w, bias = fill(c[1], dtype), fill(c[2], dtype, 1), fill({ c[2][1] }, dtype, 3)
        for _, act in ipairs { "none", "relu", "leaky_relu" } do
          local p = more(c[3], { activation = act, alpha = 0.2 })
          near(nn.conv(x, w, bias, more(p, { reference = true })), nn.conv(x, w, bias, p), tol, name(c))
        end
        local y = nn.conv(x, w, nil, more(c[3], { reference = true }))
        near(y, nn.conv(x, w, nil, c[3]), tol, name(c))
        local dy = fill(y:shape(), dtype, 2)
        local p = more(c[3], { size = spatial(x) })
        near(nn.conv_grad_input(dy, w, more(p, { reference = true })), nn.conv_grad_input(dy, w, p), tol, name(c))
        p = more(c[3], { kernel = spatial(w) })
        local dw, db = nn.conv_grad_weight(x, dy, more(p, { reference = true }))
        local fw, fb = nn.conv_grad_weight(x, dy, p)
        near(dw, fw, tol, name(c))
        near(db, fb, tol, name(c))
      end
    end)
  end
end)

describe("nn.matmul and nn.linear", function()
  it("multiply by hand", function()
    local a, b = ow.tensor { { 1., 2. }, { 3., 4. } }, ow.tensor { { 5., 6. }, { 7., 8. } }
    assert.same({ { 19, 22 }, { 43, 50 } }, nn.matmul(a, b, {}):totable())
    assert.same({ { 26, 30 }, { 38, 44 } }, nn.matmul(a, b, { transpose_a = 1 }):totable())
    assert.same({ { 17, 23 }, { 39, 53 } }, nn.matmul(a, b, { transpose_b = 1 }):totable())
    assert.same({ { 18, 25 }, { 40, 55 } }, nn.linear(a, b, ow.tensor { 1., 2. }, {}):totable())
  end)

  it("agree with their references", function()
    for _, dtype in ipairs { "f32", "f64" } do
      local tol = dtype == "f32" and 1e-6 or 1e-15
      for _, s in ipairs { { { 3, 4, 5 }, { 3, 5, 6 } }, { { 4, 5 }, { 3, 5, 6 } }, { { 3, 4, 5 }, { 5, 6 } }, { { 7, 1 }, { 1, 9 } } } do
        for ta = 0, 1 do
          for tb = 0, 1 do
            local a, b = fill(s[1], dtype), fill(s[2], dtype, 1)
            if ta == 1 then a = a:transpose(-1, -2) end
            if tb == 1 then b = b:transpose(-1, -2) end
            local p = { transpose_a = ta, transpose_b = tb }
            near(nn.matmul(a, b, more(p, { reference = true })), nn.matmul(a, b, p), tol, "matmul")
          end
        end
      end
      local x, w, bias = fill({ 2, 3, 5 }, dtype), fill({ 4, 5 }, dtype, 1), fill({ 4 }, dtype, 2)
      near(nn.linear(x, w, bias, { reference = true }), nn.linear(x, w, bias, {}), tol, "linear")
      near(nn.linear(x, w, nil, { reference = true }), nn.linear(x, w, nil, {}), tol, "linear")
    end
  end)

  it("name what does not fit", function()
    assert.matches("linear: weight has 4 inputs, input has 5", message(nn.linear, fill { 2, 5 }, fill { 3, 4 }, nil, {}))
    assert.matches("inner sizes 5 and 4 differ", message(nn.matmul, fill { 2, 5 }, fill { 4, 3 }, {}))
    assert.matches("2 and 3 matrices", message(nn.matmul, fill { 2, 5, 4 }, fill { 3, 4, 5 }, {}))
  end)
end)

describe("choice of the method", function()
  local x, w = fill({ 1, 16, 5, 6, 7 }, "f32"), fill({ 17, 16, 3, 3, 3 }, "f32", 1)
  local function with(m, extra) return nn.conv(x, w, nil, more({ padding = 1, method = m }, extra or {})) end

  it("takes the parameter, then OROWAN_CONV", function()
    local reference, direct, winograd = with "reference", with "direct", with "winograd"
    near(reference, direct, 3e-6, "direct")
    near(reference, winograd, 2e-5, "winograd")
    assert.is_true(largest(direct - winograd) > 0)  -- two different sums
    local sys = require "orowan.sys"
    for m, y in pairs { direct = direct, winograd = winograd, reference = reference } do
      sys.setenv("OROWAN_CONV", m)
      assert.equal(0, largest(with "auto" - y))
      assert.equal(0, largest(with "direct" - direct))
    end
    sys.setenv("OROWAN_CONV", "fast")
    local text = message(with, "auto")
    sys.setenv("OROWAN_CONV", nil)
    assert.matches('OROWAN_CONV=fast: expected one of "auto direct winograd reference"', text)
  end)

  it("refuses Winograd where it cannot be", function()
    assert.matches("method winograd: expected f32, one group", message(with, "winograd", { stride = 2 }))
  end)

  it("gives the same bits at any number of threads", function()
    local system = ow.core.system
    local n = system.threads()
    local dy = fill({ 1, 17, 5, 6, 7 }, "f32", 2)
    local function all()
      local p = { padding = 1, method = "direct", size = { 5, 6, 7 }, kernel = 3 }
      return { nn.conv(x, w, nil, p), nn.conv_grad_input(dy, w, p), (nn.conv_grad_weight(x, dy, p)) }
    end
    local a = all()
    system.threads(3)
    local b = all()
    system.threads(n)
    for i = 1, 3 do assert.equal(0, largest(a[i] - b[i])) end
  end)
end)
