local ow = require "orowan"

local nan, inf = 0 / 0, 1 / 0

local function fails(pattern, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.matches(pattern, tostring(err))
end

-- Reference: a stable comparison sort in Lua, NaN last.
local function reference(list, descending)
  local idx = {}
  for i = 1, #list do idx[i] = i end
  table.sort(idx, function(i, j)
    local a, b = list[i], list[j]
    local na, nb = a ~= a, b ~= b
    if na or nb then
      if na and nb then return i < j end
      return nb
    end
    if a ~= b then
      if descending then return a > b end
      return a < b
    end
    return i < j
  end)
  return idx
end

describe("sort", function()
  it("agrees with a stable comparison sort for every dtype, size and direction", function()
    local g = ow.rng(1)
    for _, n in ipairs { 0, 1, 2, 39, 40, 41, 500, 3000 } do
      for _, d in ipairs { "u8", "i32", "i64", "f32", "f64" } do
        local t
        if d == "u8" then t = g:integers(0, 255, { n }, d)
        elseif d:sub(1, 1) == "i" then t = g:integers(-1000, 1000, { n }, d) -- many equal
        else
          t = g:normal({ n }, { std = 100 }):to("i64", { unchecked = true }):to(d)
          if n > 10 then t[3], t[7], t[9], t[n] = nan, inf, -inf, nan end
        end
        local list = t:totable()
        for _, desc in ipairs { false, true } do
          local order = t:argsort { descending = desc }
          assert.same(reference(list, desc), order:totable())
          local s = t:sort { descending = desc }
          assert.equal(d, s:dtype())
          assert.is_true(s:equal(t[order], { equal_nan = true }))
        end
      end
    end
  end)

  it("orders extremes", function()
    assert.same({ math.mininteger, -1, 0, 1, math.maxinteger }, ow.sort({ 0, math.maxinteger, -1, 1, math.mininteger }):totable())
    local s = ow.sort({ 5e-324, -0.0, 0.0, -5e-324, inf, -inf, 1.7e308, -1.7e308 }):totable()
    assert.same({ -inf, -1.7e308, -5e-324, 0, 0, 5e-324, 1.7e308, inf }, s)
    assert.equal(-inf, 1 / s[4])
    assert.equal(inf, 1 / s[5])
    assert.same({ 1, 2 }, ow.sort({ 2, 1 }):totable())
  end)

  it("sorts along any axis and through any strides", function()
    local g = ow.rng(2)
    local t = g:integers(1, 50, 5, 7, 4)
    for axis = 1, 3 do
      local s, a = t:sort(axis), t:argsort(axis)
      assert.is_true(s:equal(t:gather(axis, a)))
      local n = t:shape(axis)
      local lo, hi = s:slice(axis, 1, n - 1):flatten(), s:slice(axis, 2, n):flatten()
      for i = 1, #lo do assert.is_true(lo[i] <= hi[i]) end
      assert.is_true(t:flip():sort(axis):equal(t:flip():copy():sort(axis)))
      assert.is_true(t:T():sort(axis):equal(t:T():copy():sort(axis)))
    end
    assert.is_true(t:sort():equal(t:sort(-1)))
    assert.is_true(t:sort(1, { descending = true }):equal(t:sort(1):flip(1)))
    fails("axis", t.sort, t, 4)
    fails("no order", ow.sort, ow.zeros(3, "c64"))
    fails("dimensions", ow.sort, ow.tensor(3))
  end)

  it("is the same at any thread count, also for large arrays", function()
    local threads = ow.core.system.threads
    local before = threads()
    local x = ow.rng(3):normal(300000)
    local m = ow.rng(4):normal(600, 100)
    local k = ow.rng(4):integers(0, 9, 300000)
    threads(1)
    local a, b, c, d = x:sort(), x:argsort(), m:argsort(1), k:argsort()
    threads(3)
    assert.is_true(a:equal(x:sort()))
    assert.is_true(b:equal(x:argsort()))
    assert.is_true(c:equal(m:argsort(1)))
    assert.is_true(d:equal(k:argsort()))
    threads(before)
    assert.is_true(x[b]:equal(a))
    local up = true
    local list = a:totable()
    for i = 2, #list do up = up and list[i - 1] <= list[i] end
    assert.is_true(up)
    list = k[d]:totable() -- stable: positions rise within equals
    local pos, stable = d:totable(), true
    for i = 2, #list do stable = stable and (list[i - 1] < list[i] or (list[i - 1] == list[i] and pos[i - 1] < pos[i])) end
    assert.is_true(stable)
  end)

  it("finds the k greatest and the k-th smallest", function()
    local v, i = ow.topk({ 3, 9, 1, 9, 4 }, 3)
    assert.same({ 9, 9, 4 }, v:totable())
    assert.same({ 2, 4, 5 }, i:totable())
    assert.same({ 1, 3 }, (ow.topk({ 3, 9, 1, 9, 4 }, 2, { smallest = true })):totable())
    local m = ow.tensor { { 3, 1, 2 }, { 4, 6, 5 } }
    assert.same({ { 3, 2 }, { 6, 5 } }, (m:topk(2)):totable())
    assert.same({ { 4, 6, 5 } }, (m:topk(1, 1)):totable())
    assert.equal(2, m[1]:kth(2))
    assert.equal(3, m[1]:kth(-1))
    assert.same({ 3, 1, 2 }, m:kth(1, 1):totable())
    fails("asked for 4 of 3", m.topk, m, 4)
    fails("out of range", m.kth, m, 4)
  end)

  it("interpolates quantiles (type 7)", function()
    assert.equal(2.5, ow.median { 4, 1, 3, 2 })
    assert.equal(3.0, ow.median { 5, 3, 1 })
    local q = ow.quantile({ 1, 2, 3, 4, 10 }, { 0, 0.1, 0.25, 0.5, 0.9, 1 })
    assert.is_true(q:allclose({ 1, 1.4, 2, 3, 7.6, 10 }, { rtol = 1e-15 }))
    local m = ow.tensor { { 1, 5 }, { 3, 7 }, { 2, 9 } }
    assert.same({ 2, 7 }, m:median(1):totable())
    assert.same({ 3, 5, 5.5 }, m:median(2):totable())
    assert.same({ { 1, 5 }, { 3, 9 } }, m:quantile({ 0, 1 }, 1):totable())
    assert.equal(4.0, m:median())
    assert.equal(8.0, m:T():quantile(0.9))
    local r = ow.median { 1, nan, 2 }
    assert.is_true(r ~= r)
    assert.equal(inf, ow.median { 1, inf, inf })
    assert.equal(7.0, ow.quantile({ 7 }, 0.3))
    fails("from 0 to 1", ow.quantile, { 1 }, 1.5)
    fails("from 0 to 1", ow.quantile, { 1 }, nan)
    fails("empty", ow.median, ow.zeros(0))
  end)

  it("lists different values with counts and positions", function()
    local t = ow.tensor { { 3, 1 }, { 3, 2 } }
    local u, c, inv = t:unique { counts = true, inverse = true }
    assert.same({ 1, 2, 3 }, u:totable())
    assert.same({ 1, 1, 2 }, c:totable())
    assert.same({ { 3, 1 }, { 3, 2 } }, inv:totable())
    assert.is_true(u[inv]:equal(t))
    local _, only = t:unique { inverse = true }
    assert.is_true(only:equal(inv))
    local f, n = ow.unique({ nan, 1, nan, -0.0, 0.0 }, { counts = true })
    assert.equal(3, #f)
    assert.same({ 2, 1, 2 }, n:totable())
    assert.same({}, ow.unique(ow.zeros(0)):totable())
    assert.equal("u8", ow.unique(ow.zeros(3, "u8")):dtype())
  end)

  it("finds places by bisection", function()
    local s = { 1, 3, 3, 5 }
    assert.same({ 1, 1, 2, 2, 4, 5 }, ow.searchsorted(s, { 0, 1, 2, 3, 4, 6 }):totable())
    assert.same({ 1, 2, 2, 4, 4, 5 }, ow.searchsorted(s, { 0, 1, 2, 3, 4, 6 }, { right = true }):totable())
    assert.equal(2, ow.searchsorted(s, 2))
    assert.equal(1, ow.searchsorted({}, 2))
    assert.same({ { 2, 4 } }, ow.searchsorted(s, { { 2.5, 4.5 } }):totable())
    assert.equal(3, ow.searchsorted({ 1, 2, nan }, nan))
    assert.equal(4, ow.searchsorted({ 1, 2, nan }, nan, { right = true }))
    assert.equal(3, ow.searchsorted({ 1, 2, nan }, inf))
    assert.equal(2, ow.searchsorted({ math.maxinteger - 1, math.maxinteger }, math.maxinteger))
    local x = ow.rng(5):uniform(999):sort()
    local v = ow.rng(6):uniform(20000)
    local p = ow.searchsorted(x, v)
    for i = 1, 20000, 37 do
      assert.is_true((p[i] == 1 or x[p[i] - 1] < v[i]) and (p[i] == 1000 or x[p[i]] >= v[i]))
    end
    fails("below the one before", ow.searchsorted, { 2, 1 }, 1)
    fails("1 dimension", ow.searchsorted, { { 1 } }, 1)
  end)

  it("counts whole numbers", function()
    assert.same({ 1, 2, 0, 1 }, ow.bincount({ 2, 1, 4, 2 }):totable())
    assert.same({ 1, 0, 2 }, ow.bincount({ 0, 2, 2 }, { first = 0 }):totable())
    assert.same({ 1, 0, 0, 0 }, ow.bincount({ 1 }, { size = 4 }):totable())
    assert.same({ 0.5, 3 }, ow.bincount({ 2, 1, 2 }, { weights = { 1, 0.5, 2 } }):totable())
    assert.same({}, ow.bincount(ow.zeros(0, "i64")):totable())
    fails("below first", ow.bincount, { 0 })
    fails("above the last bin", ow.bincount, { 5 }, { size = 4 })
    fails("does not fit", ow.bincount, { 1.5 })
    fails("too many bins", ow.bincount, { math.maxinteger })
    fails("weights", ow.bincount, { 1 }, { weights = { 1, 2 } })
  end)

  it("fills histograms: even, log and given bins", function()
    local c, e, out = ow.histogram({ 0, 0.5, 1, 1.5, 2, nan, 9 }, { bins = 2, range = { 0, 2 } })
    assert.same({ 2, 3 }, c:totable()) -- the last bin holds its right edge
    assert.same({ 0, 1, 2 }, e:totable())
    assert.equal(2, out)
    c, e = ow.histogram({ 1, 2, 3, 4 }, { bins = { 0, 2.5, 3, 10 } })
    assert.same({ 2, 0, 2 }, c:totable())
    assert.same({ 0, 2.5, 3, 10 }, e:totable())
    c, e, out = ow.histogram({ 1, 9.99, 10, 99, 1000, 0, -1 }, { bins = 3, log = true })
    assert.same({ 2, 2, 1 }, c:totable())
    assert.same({ 1, 1000 }, { e[1], e[4] })
    assert.near(10, e[2], 1e-14)
    assert.equal(2, out)
    c = ow.histogram({ 0, 1, 2, 3 }, { bins = 2, weights = { 1, 2, 3, 0.5 } })
    assert.same({ 3, 3.5 }, c:totable())
    c, e = ow.histogram(ow.rng(7):normal(5000), { bins = 30, density = true })
    local area = 0
    for k = 1, 30 do area = area + c[k] * (e[k + 1] - e[k]) end
    assert.near(1, area, 1e-12)
    -- against direct comparison with the edges, where rounding matters
    for _, opt in ipairs { { bins = 49, range = { 0.1, 0.7 } }, { bins = 37, range = { 1e-3, 0.9 }, log = true } } do
      local x = ow.concat { ow.rng(8):uniform(3000), (select(2, ow.histogram({ 1 }, opt))) }
      local counts, edges, left = ow.histogram(x, opt)
      local want, missed = {}, 0
      for k = 1, opt.bins do want[k] = 0 end
      for _, v in pairs(x) do
        local k = 0
        for j = 1, opt.bins do if v >= edges[j] and (v < edges[j + 1] or (j == opt.bins and v == edges[j + 1])) then k = j end end
        if k > 0 then want[k] = want[k] + 1 else missed = missed + 1 end
      end
      assert.same(want, counts:totable())
      assert.equal(missed, left)
    end
    assert.same({ 0, 0 }, (ow.histogram(ow.zeros(0), { bins = 2 })):totable())
    assert.same({ 0, 3, 0 }, (ow.histogram({ 5, 5, 5 }, { bins = 3 })):totable())
    assert.equal(1, (ow.histogram({ 1e300 }, { bins = 1 }))[1])
    fails("increase", ow.histogram, { 1 }, { bins = { 1, 1 } })
    fails("2 or more edges", ow.histogram, { 1 }, { bins = { 1 } })
    fails("lo < hi", ow.histogram, { 1 }, { range = { 2, 1 } })
    fails("above 0", ow.histogram, { 1 }, { range = { 0, 1 }, log = true })
    fails("bins", ow.histogram, { 1 }, { bins = 0 })
    fails("do not fit", ow.histogram, { 1 }, { bins = 100, range = { 1, 1 + 4e-16 } })
  end)
end)
