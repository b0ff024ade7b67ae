local ow = require "orowan"
local nan, inf = 0 / 0, math.huge

describe("reductions", function()
  local a = ow.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

  it("reduce everything to a Lua number", function()
    assert.equal(21, a:sum())
    assert.equal("integer", math.type(a:sum()))
    assert.equal(720, a:prod())
    assert.equal(3.5, a:mean())
    assert.near(35 / 12, a:var(), 1e-15)
    assert.near(math.sqrt(3.5), a:std { ddof = 1 }, 1e-15)
    assert.equal(1, a:min())
    assert.equal(6, a:argmax())
    assert.is_true(a:any())
    assert.is_true(a:all())
    assert.near(math.sqrt(91), a:norm(), 1e-15)
  end)

  it("take axes, lists of axes, keepdims and out", function()
    assert.same({ 5, 7, 9 }, a:sum(1):totable())
    assert.same({ 6, 15 }, a:sum(-1):totable())
    assert.same({ { 6 }, { 15 } }, a:sum { axis = 2, keepdims = true }:totable())
    assert.equal(21, a:sum { 1, 2 })
    assert.same({ 3, 3 }, a:argmax(2):totable())
    local out = ow.tensor { 0.0, 0.0, 0.0 }
    assert.equal(out, a:mean(1, { out = out }))
    assert.same({ 2.5, 3.5, 4.5 }, out:totable())
  end)

  it("run along an axis", function()
    assert.same({ { 1, 2, 3 }, { 5, 7, 9 } }, a:cumsum(1):totable())
    assert.same({ { 1, 3, 6 }, { 4, 9, 15 } }, a:cumsum(2):totable())
    assert.same({ { 1, 2, 6 }, { 4, 20, 120 } }, a:cumprod(2):totable())
    assert.has_error(function() a:cumsum() end)
  end)

  it("let NaN through", function()
    local t = ow.tensor { 1, nan, 3 }
    for _, f in ipairs { "sum", "prod", "mean", "var", "std", "norm", "min", "max" } do
      local v = t[f](t)
      assert.is_true(v ~= v, f)
    end
    assert.equal(2, t:argmin())
    assert.equal(2, t:argmax())
  end)

  it("treat the empty tensor by rule", function()
    local t = ow.tensor {}
    assert.equal(0, t:sum())
    assert.equal(1, t:prod())
    assert.is_true(t:mean() ~= t:mean())
    assert.is_false(t:any())
    assert.is_true(t:all())
    for _, f in ipairs { "min", "max", "argmin", "argmax" } do
      local ok, err = pcall(t[f], t)
      assert.is_false(ok)
      assert.matches("no elements", tostring(err))
    end
  end)

  it("keep norms in range", function()
    assert.near(5e200, ow.norm { 3e200, 4e200 }, 1e186)
    assert.near(5e-200, ow.norm { 3e-200, 4e-200 }, 1e-214)
    assert.equal(inf, ow.norm { inf, 1 })
    assert.equal(0, ow.norm { 0.0, 0.0 })
  end)

  local function fails(pattern, f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.matches(pattern, tostring(err))
  end

  -- The same by a plain loop in Lua over the last axis of `rows`.
  local plain = {
    sum = function(r) local s = 0 for _, x in ipairs(r) do s = s + x end return s end,
    prod = function(r) local s = 1 for _, x in ipairs(r) do s = s * x end return s end,
    min = function(r) return math.min(table.unpack(r)) end,
    max = function(r) return math.max(table.unpack(r)) end,
    any = function(r) for _, x in ipairs(r) do if x ~= 0 then return 1 end end return 0 end,
    all = function(r) for _, x in ipairs(r) do if x == 0 then return 0 end end return 1 end,
    argmin = function(r) local k = 1 for i, x in ipairs(r) do if x < r[k] then k = i end end return k end,
    argmax = function(r) local k = 1 for i, x in ipairs(r) do if x > r[k] then k = i end end return k end,
  }
  function plain.mean(r) return plain.sum(r) / #r end
  function plain.var(r)
    local m, s = plain.mean(r), 0
    for _, x in ipairs(r) do s = s + (x - m) ^ 2 end
    return s / #r
  end
  function plain.std(r) return math.sqrt(plain.var(r)) end
  function plain.norm(r) local s = 0 for _, x in ipairs(r) do s = s + x * x end return math.sqrt(s) end

  it("agree with plain loops along every axis of every layout and dtype", function()
    for _, dtype in ipairs { "u8", "i32", "i64", "f32", "f64" } do
      local v = {}
      for i = 1, 5 * 9 * 40 do v[i] = (i * 7919) % 11 * (i % 3) end
      local base = ow.tensor(v):to(dtype):reshape(5, 9, 40)
      local layouts = {
        base, base:permute(3, 1, 2), base:transpose(1, 2), base:flip(), base:slice(2, 1, 9, 2), base:slice(3, 2, 38, 3),
        base:slice(1, 3, 3), base:select(1, 2):unsqueeze(2),
      }
      for k, t in ipairs(layouts) do
        for axis = 1, t:ndim() do
          local lines = t:transpose(axis, -1):reshape(-1, t:shape(axis)):totable()
          for name, f in pairs(plain) do
            local got = t[name](t, axis, { keepdims = true }):transpose(axis, -1):flatten():totable()
            assert.equal(#lines, #got)
            for i, line in ipairs(lines) do
              local want = f(line)
              local tol = dtype == "f32" and 3e-7 or 1e-14
              if not (math.abs(got[i] - want) <= tol * math.abs(want)) then
                error(("%s of %s, layout %d, axis %d, line %d: %.17g, want %.17g"):format(name, dtype, k, axis, i, got[i], want))
              end
            end
          end
        end
        -- lists of axes, merged or not
        for _, axes in ipairs { { 1, 2 }, { 1, 3 }, { 3, 2 }, { -1, 1, 2 } } do
          if t:ndim() == 3 then
            local want = t
            for axis = 3, 1, -1 do
              for _, x in ipairs(axes) do
                if (x < 0 and x + 4 or x) == axis then want = want:sum(axis, { keepdims = true }) end
              end
            end
            assert.same(want:totable(), t:sum { axis = axes, keepdims = true }:totable())
          end
        end
      end
    end
  end)

  it("sum long arrays to a few ulps", function()
    local n = 3000001
    local t = ow.full({ n }, 0.1)
    assert.near(n * 0.1, t:sum(), 4 * 2.0 ^ -34) -- 4 ulps; a plain loop is off by thousands
    local f = ow.full({ n }, 0.1, "f32")
    assert.near(f:get(1) * n, f:sum(), 0.02) -- half an ulp of f32 there
    assert.near(0.1, t:mean(), 1e-16)
    assert.is_true(t:var() < 1e-30)
    local big = ow.tensor { 1e16, 1, -1e16 }
    assert.near(2 / 3 * 1e32, big:var(), 1e17)
    local shifted = ow.arange(1000):to "f64" + 1e9
    assert.near((1000 ^ 2 - 1) / 12, shifted:var(), 1e-9)
    local ones = ow.ones(n, "u8")
    assert.equal(n, ones:sum()) -- no overflow of the u8
    assert.equal(n * (n + 1) // 2, ow.arange(n):sum())
  end)

  it("give the same bits at any thread count", function()
    local threads = ow.core.system.threads()
    local long = ow.sin(ow.arange(300007))
    local tall, wide = long:slice(1, 1, 300000):reshape(30000, 10), long:slice(1, 1, 300000):reshape(10, 30000)
    local function all()
      local r = {}
      for _, name in ipairs { "sum", "prod", "mean", "var", "norm", "min", "argmax" } do
        r[#r + 1] = string.pack("<d", long[name](long))
        for _, t in ipairs { tall, wide } do
          r[#r + 1] = t[name](t, 1):bytes()
          r[#r + 1] = t[name](t, 2):bytes()
        end
      end
      r[#r + 1] = long:cumsum():bytes()
      r[#r + 1] = tall:cumsum(1):bytes()
      r[#r + 1] = wide:cumprod(2):bytes()
      return r
    end
    ow.core.system.threads(1)
    local one = all()
    for _, n in ipairs { 2, 3, 8 } do
      ow.core.system.threads(n)
      local many = all()
      for i = 1, #one do assert.is_true(one[i] == many[i], n .. " threads, result " .. i) end
    end
    ow.core.system.threads(threads)
    -- a view and its copy, too
    assert.equal(long:slice(1, 1, -1, 3):sum(), long:slice(1, 1, -1, 3):copy():sum())
  end)

  it("find extremes and NaN anywhere in a long array", function()
    local n = 70000
    for _, k in ipairs { 1, 2, 17, 511, 512, 513, 32768, 32769, n } do
      local t = ow.zeros(n)
      t[k] = -1
      assert.equal(k, t:argmin())
      assert.equal(-1, t:min())
      assert.equal(k == 1 and 2 or 1, t:argmax()) -- ties: the first
      t[k] = nan
      assert.equal(k, t:argmin())
      assert.equal(k, t:argmax())
      assert.is_true(t:min() ~= t:min())
      assert.is_true(t:max() ~= t:max())
      assert.is_true(t:sum() ~= t:sum())
      local m = t:reshape(-1, 10)
      assert.equal((k - 1) // 10 + 1, m:argmin(1):totable()[(k - 1) % 10 + 1])
      assert.equal(1, ow.isnan(m:max(1)):sum())
      assert.equal(1, ow.isnan(m:max(2)):sum())
    end
  end)

  it("run over long lines as a loop does", function()
    local n = 20000
    local t = ow.arange(n)
    local c = t:cumsum()
    assert.equal(n * (n + 1) // 2, c:get(n))
    assert.equal(4097 * 4098 // 2, c:get(4097))
    assert.equal("i64", ow.ones(3, "u8"):cumsum():dtype())
    assert.same({ 1, 2, 3 }, ow.ones(3, "f32"):cumsum():totable())
    local f = t:to "f64"
    assert.equal(f, f:cumsum(1, { out = f })) -- in place
    assert.is_true(f:equal(c:to "f64"))
    assert.same({ 3, 5, 6 }, ow.tensor({ 1, 2, 3 }):flip():cumsum():totable())
    local x = ow.arange(6)
    x:cumsum(1, { out = x:flip() }) -- overlapping
    assert.same({ 21, 15, 10, 6, 3, 1 }, x:totable())
    assert.same({ 0 }, ow.zeros(0):cumsum():shape())
    fails("out: is f64, the result i64", t.cumsum, t, 1, { out = f })
  end)

  it("know complex numbers", function()
    local z = ow.tensor({ 3, 1 }, "c128") + ow.full({ 2 }, { 0, 4 }, "c128")
    assert.same({ 4, 8 }, z:sum():totable())
    assert.same({ 2, 4 }, z:mean():totable())
    assert.same({ (3 * 1 - 16), 3 * 4 + 4 }, z:prod():totable())
    assert.equal(1, z:var())
    assert.near(math.sqrt(25 + 17), z:norm(), 1e-15)
    assert.same({ { 3, 4 }, { 4, 8 } }, z:cumsum():totable())
    fails("no order", z.max, z)
  end)

  it("give empty axes their neutral element", function()
    local t = ow.zeros(0, 3)
    assert.same({ 0, 0, 0 }, t:sum(1):totable())
    assert.same({ 0 }, t:sum(2):shape())
    assert.same({ 0 }, t:max(2):shape())
    fails("no elements", t.max, t, 1)
    assert.same({ 1, 1, 1 }, t:all(1):totable())
  end)

  it("say what is wrong", function()
    fails("axis: expected 1..2 or %-2..%-1.*got 3", a.sum, a, 3)
    fails("axis", a.sum, a, 0)
    fails("axis: 2 is given twice", a.sum, a, { 2, -1 })
    fails("axis: expected an integer", a.sum, a, 1.5)
    fails("options: expected a table", a.sum, a, 1, 2)
    fails("keepdims: expected true or false", a.sum, a, { axis = 1, keepdims = 1 })
    fails("out: has shape 2, the result has 3", a.sum, a, 1, { out = ow.zeros({ 2 }, "i64") })
    fails("out: is i64, which cannot hold", a.mean, a, 1, { out = ow.zeros({ 3 }, "i64") })
    fails("input: expected a tensor", ow.sum, "x")
    assert.is_true(a:var { ddof = 6 } ~= a:var { ddof = 6 }) -- NaN
  end)
end)
