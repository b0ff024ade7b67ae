local ow = require "orowan"
local nan, inf = 0 / 0, math.huge

local function fails(pattern, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.matches(pattern, tostring(err))
end

describe("elementwise operations", function()
  local a = ow.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

  it("have the operators, with a number on either side", function()
    assert.same({ { 2, 3, 4 }, { 5, 6, 7 } }, (a + 1):totable())
    assert.same({ { 0, -1, -2 }, { -3, -4, -5 } }, (1 - a):totable())
    assert.same({ { 0.5, 1, 1.5 }, { 2, 2.5, 3 } }, (a / 2):totable())
    assert.same({ { 1, 4, 9 }, { 16, 25, 36 } }, (a ^ 2):totable())
    assert.same({ { 2, 4, 8 }, { 16, 32, 64 } }, (2 ^ a):totable())
    assert.same({ { -1, -2, -3 }, { -4, -5, -6 } }, (-a):totable())
    assert.same({ { 0, 1, 1 }, { 2, 2, 3 } }, (a // 2):totable())
    assert.same({ { 1, 0, 1 }, { 0, 1, 0 } }, (a % 2):totable())
    assert.same({ { 1, 4, 9 }, { 16, 25, 36 } }, (a * a):totable())
    assert.same({ { 2, 4, 6 }, { 8, 10, 12 } }, (a << 1):totable())
  end)

  it("compare by methods and combine masks", function()
    local low, high = a:lt(3), a:gt(4)
    assert.equal("u8", low:dtype())
    assert.same({ { 1, 1, 0 }, { 0, 0, 0 } }, low:totable())
    assert.same({ { 1, 1, 0 }, { 0, 1, 1 } }, (low | high):totable())
    assert.same({ { 0, 0, 0 }, { 0, 0, 0 } }, (low & high):totable())
    assert.same({ { 0, 0, 1 }, { 1, 1, 1 } }, (~low):totable())
    assert.same({ { 1, 1, 0 }, { 0, 1, 1 } }, low:logical_xor(high):totable())
    assert.same({ { 0, 1, 0 }, { 0, 0, 0 } }, a:eq(2):totable())
    assert.same({ 0, 1, 1 }, ow.tensor({ 1, nan, 2 }):ne(1):totable())
    assert.same({ ~1, ~2 }, (~ow.tensor { 1, 2 }):totable()) -- bits where it is no mask
  end)

  it("promote by the table", function()
    local names = { "u8", "i32", "i64", "f32", "f64", "c64", "c128" }
    local want = {
      u8 = { "u8", "i32", "i64", "f32", "f64", "c64", "c128" },
      i32 = { "i32", "i32", "i64", "f64", "f64", "c128", "c128" },
      i64 = { "i64", "i64", "i64", "f64", "f64", "c128", "c128" },
      f32 = { "f32", "f64", "f64", "f32", "f64", "c64", "c128" },
      f64 = { "f64", "f64", "f64", "f64", "f64", "c128", "c128" },
      c64 = { "c64", "c128", "c128", "c64", "c128", "c64", "c128" },
      c128 = { "c128", "c128", "c128", "c128", "c128", "c128", "c128" },
    }
    for _, x in ipairs(names) do
      for j, y in ipairs(names) do
        local r = ow.tensor({ 3 }, x) + ow.tensor({ 4 }, y)
        assert.equal(want[x][j], r:dtype(), x .. " + " .. y)
        assert.equal(want[x][j], ow.promote(x, y))
        assert.equal(7, (r:real():sum()))
      end
    end
    assert.equal("f32", (ow.tensor({ 1 }, "f16") + ow.tensor({ 1 }, "bf16")):dtype())
  end)

  it("let a number keep the tensor's dtype when it can", function()
    local function dtype(t, x) return (ow.tensor({ 1, 2 }, t) + x):dtype() end
    assert.equal("u8", dtype("u8", 255))
    assert.equal("i32", dtype("u8", 256))
    assert.equal("i32", dtype("u8", -1))
    assert.equal("i64", dtype("i32", 1 << 31))
    assert.equal("f64", dtype("u8", 0.5))
    assert.equal("f64", dtype("i64", 2.0))
    assert.equal("f32", dtype("f32", 0.1))
    assert.equal("f32", dtype("f32", 7))
    assert.equal("c64", dtype("c64", 0.1))
    assert.equal("f64", (ow.tensor({ 1, 2 }, "u8") / 2):dtype())
    assert.equal("f32", (ow.tensor({ 1, 2 }, "f32") / 2):dtype())
    assert.equal("f64", ow.exp(ow.tensor({ 1 }, "i32")):dtype())
    assert.equal("f32", ow.abs(ow.tensor({ 1 }, "c64")):dtype())
    assert.equal(2, ow.add(1, 1))
    assert.equal("integer", math.type(ow.add(1, 1)))
    assert.equal(math.exp(1), ow.exp(1, { reference = true }))
    assert.is_true(ow.lt(1, 2))
  end)

  it("divide and take remainders as Lua does", function()
    local ints, floats = { -7, -4, -1, 1, 3, 7, math.mininteger, math.maxinteger }, { -7.5, -1, -0.25, 0.25, 2, 7.5, inf, -inf }
    for _, y in ipairs(ints) do
      for _, x in ipairs(ints) do
        local t = ow.tensor { x }
        assert.same({ x // y }, (t // y):totable(), x .. " // " .. y)
        assert.same({ x % y }, (t % y):totable(), x .. " % " .. y)
        assert.same({ x + y }, (t + y):totable())
        assert.same({ x * y }, (t * y):totable())
      end
    end
    for _, y in ipairs(floats) do
      for _, x in ipairs(floats) do
        local t = ow.tensor { x }
        for name, want in pairs { idiv = x // y, mod = x % y, div = x / y } do
          local got = t[name](t, y):totable()[1]
          assert.is_true(got == want or (got ~= got and want ~= want), ("%s %g %g: %g, Lua says %g"):format(name, x, y, got, want))
        end
      end
    end
    for _, x in ipairs { -9, 5 } do
      for y = -70, 70 do
        assert.same({ x << y }, (ow.tensor { x } << y):totable())
        assert.same({ x >> y }, (ow.tensor { x } >> y):totable())
      end
    end
    assert.same({ 44, 0 }, (ow.tensor({ 200, 156 }, "u8") + 100):totable()) -- wraps
    fails("division by zero", function() return a % 0 end)
    fails("division by zero", function() return a // ow.tensor { 1, 0, 2 } end)
    assert.same({ inf, -inf }, (ow.tensor { 1, -1 } / 0):totable())
  end)

  it("let NaN through, and know the special values", function()
    local t = ow.tensor { nan, 1, nan }
    for _, f in ipairs { "minimum", "maximum", "add", "mul", "atan2", "mod" } do
      local r = t[f](t, ow.tensor { 2.0, nan, nan }):totable()
      for i = 1, 3 do assert.is_true(r[i] ~= r[i], f .. i) end
    end
    assert.same({ 1, 1 }, ow.tensor({ 1, nan }):pow(ow.tensor { nan, 0 }):totable()) -- IEEE 754: x^0 and 1^y are 1
    for _, op in ipairs(ow.core.ops.table.list()) do
      if op.arity == 1 and op.rule ~= "bool" and op.rule ~= "int" and op.name ~= "imag" then
        local r = ow[op.name](ow.tensor { nan }):totable()[1]
        assert.is_true(r ~= r, op.name)
      end
    end
    assert.same({ 1, 0, 0 }, ow.isnan(ow.tensor { nan, inf, 1 }):totable())
    assert.same({ 0, 1, 0 }, ow.isinf(ow.tensor { nan, -inf, 1 }):totable())
    assert.same({ 0, 0, 1 }, ow.isfinite(ow.tensor { nan, inf, 1 }):totable())
    assert.same({ 3, -3, 2, -1 }, ow.round(ow.tensor { 2.5, -2.5, 1.6, -0.6 }):totable())
    assert.same({ 0, inf, -inf }, ow.log(ow.tensor { 1, inf, 0.0 }):totable())
    assert.equal(-inf, 1 / ow.sin(ow.tensor { -0.0 }):totable()[1])
    assert.same({ -1, 0, 1 }, ow.sign(ow.tensor { -2.5, 0.0, 9 }):totable())
  end)

  it("know values from tables (Abramowitz and Stegun, DLMF)", function()
    local function near(want, got) assert.is_true(math.abs(got - want) <= 4e-16 * math.abs(want), want .. " " .. got) end
    near(0.8427007929497149, ow.erf(1.0))
    near(0.1572992070502851, ow.erfc(1.0))
    near(24, ow.gamma(5.0))
    near(1.772453850905516, ow.gamma(0.5))
    near(0.5723649429247001, ow.lgamma(0.5))
    near(2.718281828459045, ow.exp(1.0))
    near(0.6931471805599453, ow.log(2.0))
    near(0.8414709848078965, ow.sin(1.0))
    near(0.5403023058681398, ow.cos(1.0))
    near(1.5574077246549022, ow.tan(1.0))
    near(0.7615941559557649, ow.tanh(1.0))
    near(1.1752011936438014, ow.sinh(1.0))
    near(1.5430806348152437, ow.cosh(1.0))
    near(3, ow.cbrt(27.0))
    near(5, ow.hypot(3.0, 4.0))
    near(0.7853981633974483, ow.atan2(1.0, 1.0))
    near(1.4142135623730951, ow.pow(2.0, 0.5))
  end)

  it("broadcast", function()
    local row, col = ow.tensor { 1, 2, 3 }, ow.tensor { { 10 }, { 20 } }
    assert.same({ { 11, 12, 13 }, { 21, 22, 23 } }, (row + col):totable())
    assert.same({ 0, 3 }, (ow.zeros(0, 3) + row):shape())
    assert.same({}, (ow.zeros({}) + ow.zeros({})):shape())
    fails("2x3 and 2 do not broadcast", function() return a + ow.tensor { 1, 2 } end)
    local cube = ow.arange(24):reshape(2, 3, 4)
    assert.same((cube + cube:select(1, 1)):totable()[2], (cube:select(1, 2) + cube:select(1, 1)):totable())
  end)

  it("write into out and in place, without taking memory", function()
    local x, y = ow.linspace(0, 1, 1000), ow.zeros(1000)
    assert.equal(y, x:add(1, { out = y }))
    assert.equal(2, y:totable()[1000])
    assert.equal(y, y:mul_(2))
    assert.equal(4, y:totable()[1000])
    assert.equal(y, ow.exp(y, { out = y }))
    local before = ow.core.system.memory().allocations
    for _ = 1, 10 do
      x:add(1, { out = y })
      y:mul_(x)
      ow.exp(x, { out = y })
      x:add(ow.core and 1, { out = y })
    end
    assert.equal(before, ow.core.system.memory().allocations)
    -- the result may be wider, and a float may round to a smaller float
    local f = ow.tensor({ 1, 2 }, "f32")
    assert.same({ 1.5, 2.5 }, f:add_(ow.tensor { 0.5, 0.5 }):totable())
    assert.same({ 2, 3 }, ow.tensor({ 1, 2 }):add(1, { out = ow.zeros(2) }):totable())
    fails("i64, which cannot hold the result of dtype f64", a.add_, a, 0.5)
    fails("out: has shape 2, the result has 2x3", a.add, a, 1, { out = ow.zeros(2) })
    fails("broadcast view", a.add, a, 1, { out = ow.zeros(1, 3):broadcast_to(2, 3) })
    fails("out", a.add, a, 1, { out = 3 })
    fails("options", a.add, a, 1, 3)
  end)

  it("read an overlapping argument before they write it", function()
    local t = ow.arange(8)
    t:slice(1, 2, 8):copy() -- no effect
    ow.add(t:slice(1, 1, 7), 100, { out = t:slice(1, 2, 8) })
    assert.same({ 1, 101, 102, 103, 104, 105, 106, 107 }, t:totable())
    local m = ow.arange(9):reshape(3, 3)
    m:add(m:T(), { out = m })
    assert.same({ { 2, 6, 10 }, { 6, 10, 14 }, { 10, 14, 18 } }, m:totable())
    local r = ow.arange(5)
    r:flip():mul(1, { out = r })
    assert.same({ 5, 4, 3, 2, 1 }, r:totable())
  end)

  it("do complex arithmetic", function()
    local z = ow.full({ 1 }, { 3, -4 }, "c128")
    assert.same({ 5 }, z:abs():totable())
    assert.same({ { 3, 4 } }, z:conj():totable())
    assert.same({ 3 }, z:real():totable())
    assert.same({ -4 }, z:imag():totable())
    assert.same({ { -7, -24 } }, (z * z):totable())
    assert.same({ { 1, 0 } }, (z / z):totable())
    assert.near(math.atan(-4, 3), z:arg():totable()[1], 1e-16)
    local e = ow.exp(ow.full({ 1 }, { 0, math.pi }, "c128")):totable()[1]
    assert.near(-1, e[1], 1e-15)
    assert.near(0, e[2], 1e-15)
    assert.same({ { 2, -1 } }, ow.sqrt(ow.full({ 1 }, { 3, -4 }, "c128")):totable())
    assert.same({ 1 }, z:eq(z):totable())
    fails("not defined for c128", z.lt, z, 1)
    fails("not defined for c128", ow.erf, z)
  end)

  it("are documented, each one", function()
    local doc = require "orowan.doc"
    for _, op in ipairs(ow.core.ops.table.list()) do
      local d = doc.find(nil, "ow." .. op.name)
      assert.is_truthy(d, op.name)
      assert.equal(op.arity + 1, #d.params, op.name)
    end
    for name in pairs(ow.core.reduce) do assert.is_truthy(doc.find(nil, "ow." .. name), name) end
  end)

  it("say what is wrong", function()
    fails("add: b: expected a tensor.*got nil", function() return a + nil end)
    fails("add: b: expected a tensor.*got table", function() return a + {} end)
    fails('mul: b: expected.*got "x"', function() return a * "x" end)
    fails("band: not defined for f64 %(integers only%)", a.band, a, 1.5)
    fails("exp: input: expected a tensor", ow.exp, "x")
    fails("exp: input: expected a tensor", ow.exp)
    local closed = ow.zeros(2)
    closed:close()
    fails("closed", ow.exp, closed)
    assert.same({ 2, 3 }, ow.add({ 1, 2 }, 1):totable()) -- a table of numbers stands for its tensor
  end)
end)
