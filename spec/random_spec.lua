local ow = require "orowan"

local function fails(pattern, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.matches(pattern, tostring(err))
end

local function philox_words(seed, stream, n) -- from the scalar block function
  local out = {}
  local lo, hi = seed & 0xffffffff, seed >> 32 & 0xffffffff
  for i = 0, (n - 1) // 2 do
    local a, b, c, d = ow.core.system.philox(i, 0, stream & 0xffffffff, stream >> 32 & 0xffffffff, lo, hi)
    out[#out + 1], out[#out + 2] = a | b << 32, c | d << 32
  end
  return out
end

local function unit(w) return (w >> 11) * 2.0 ^ -53 end

-- Kolmogorov-Smirnov distance to a law; 1.95/sqrt(n) is exceeded with probability 1e-3.
local function ks(t, cdf)
  local x = t:totable()
  table.sort(x)
  local n, d = #x, 0
  for i = 1, n do
    local f = cdf(x[i])
    d = math.max(d, i / n - f, f - (i - 1) / n)
  end
  return d * math.sqrt(n)
end

local function moments(t)
  local n, s, q = 0, 0, 0
  for _, v in pairs(t) do n, s = n + 1, s + v end
  local m = s / n
  for _, v in pairs(t) do q = q + (v - m) ^ 2 end
  return m, q / (n - 1), n
end

local function erf(x) -- Abramowitz and Stegun 7.1.26, error 1.5e-7
  local t = 1 / (1 + 0.3275911 * math.abs(x))
  local y = 1 - (((((1.061405429 * t - 1.453152027) * t) + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * math.exp(-x * x)
  return x < 0 and -y or y
end

describe("random", function()
  it("reads Philox words in order, at any position and SIMD width", function()
    local seed, stream = 0x123456789abcdef, 0x77665544332211
    local w = philox_words(seed, stream, 70)
    local g = ow.rng(seed, stream)
    for i = 1, 70 do assert.equal(w[i], g:u64()) end
    for _, first in ipairs { 0, 1, 2, 7, 20 } do
      for _, n in ipairs { 1, 2, 3, 16, 17, 49 } do
        g:restore { seed = seed, stream = stream, next = first }
        local u = g:uniform(n)
        for i = 1, n do assert.equal(unit(w[first + i]), u[i]) end
        assert.equal(first + n, g:state().next)
      end
    end
  end)

  it("computes normals and exponentials as their formulas say", function()
    local seed = 42
    local w = philox_words(seed, 0, 400)
    local g = ow.rng(seed)
    local x = g:normal(200)
    for i = 1, 200 do
      local u = ((w[2 * i - 1] >> 11) + 0.5) * 2.0 ^ -53
      local want = math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * unit(w[2 * i]))
      assert.near(want, x[i], 4e-15)
    end
    g:restore { seed = seed, stream = 0, next = 0 }
    local y = g:exponential(400)
    for i = 1, 400 do assert.near(-math.log(((w[i] >> 11) + 0.5) * 2.0 ^ -53), y[i], 4e-15) end
  end)

  it("is the same at any thread count", function()
    local threads = ow.core.system.threads
    local before = threads()
    local function all()
      local g = ow.rng(7, 3)
      g:u64() -- odd position
      return { g:uniform(50001), g:normal(50001), g:integers(-5, 1000, 50001), g:exponential(50001),
        g:poisson(3, 20001), g:poisson(50, 20001), g:gamma(0.5, 20001), g:uniform({ 50001 }, "f32"), g:permutation(1000) }
    end
    threads(1)
    local a = all()
    threads(3)
    local b = all()
    threads(before)
    for i = 1, #a do assert.is_true(a[i]:equal(b[i]), "draw " .. i) end
  end)

  it("draws the same bits at every SIMD level (change detector: digests of our own output)", function()
    local want = {
      uniform = { "84f830eae5aca998", "ce8404eb57774b49" },
      normal = { "969d3653cda5498b", "aa8773b6b4a76ab0" },
      exponential = { "762f3bb4d19f9631", "adff93b5777d9f57" },
    }
    for name, digest in pairs(want) do
      local g = ow.rng(2024, 7)
      assert.equal(digest[1], ow.sys.sha256(g[name](g, 10001):bytes()):sub(1, 16))
      assert.equal(digest[2], ow.sys.sha256(g[name](g, { 10001 }, "f32"):bytes()):sub(1, 16))
    end
  end)

  it("saves and restores its state, keeps streams apart", function()
    local g = ow.rng(5)
    g:normal(3)
    local s = g:state()
    local a = g:uniform(4)
    g:restore(s)
    assert.is_true(a:equal(g:uniform(4)))
    assert.is_false(ow.rng(5, 1):uniform(4):equal(ow.rng(5, 2):uniform(4)))
    assert.is_false(ow.rng(5):uniform(4):equal(ow.rng(6):uniform(4)))
    ow.seed(5)
    local b = ow.random.uniform(4)
    ow.seed(5)
    assert.is_true(b:equal(ow.random.uniform(4)))
    assert.is_true(b:equal(ow.rng(5):uniform(4)))
    assert.matches("seed 5", tostring(g))
    fails("seed", g.restore, g, {})
  end)

  it("takes shapes, options and dtypes", function()
    local g = ow.rng(1)
    assert.equal("float", math.type(g:uniform()))
    assert.equal("integer", math.type(g:integers(1, 6)))
    assert.same({ 2, 3 }, g:uniform(2, 3):shape())
    assert.same({ 2, 3 }, g:normal({ 2, 3 }, { mean = 1 }):shape())
    assert.equal("f32", g:normal(3, "f32"):dtype())
    assert.equal("u8", g:integers(0, 255, { 3 }, { dtype = "u8" }):dtype())
    assert.same({}, g:uniform({}):shape())
    assert.same({ 0 }, g:uniform(0):shape())
    local x = g:uniform { lo = 5, hi = 5 }
    assert.equal(5.0, x)
    fails("f32 or f64", g.uniform, g, 3, "i32")
    fails("u8 cannot hold", g.integers, g, 0, 300, { 1000 }, "u8")
    fails("at least lo", g.integers, g, 3, 2)
    fails("lo <= hi", g.uniform, g, 3, { lo = 2, hi = 1 })
    fails("std", g.normal, g, 3, { std = -1 })
    fails("std", g.normal, g, 3, { std = 0 / 0 })
    fails("mean", g.poisson, g, -1, 3)
    fails("shape", g.gamma, g, 0, 3)
    fails("options", g.uniform, g, 3, true)
  end)

  it("uniform: law and range", function()
    local g = ow.rng(11)
    assert.is_true(ks(g:uniform(20000), function(x) return x end) < 1.95)
    assert.is_true(ks(g:uniform({ 20000 }, { lo = -3, hi = 5 }), function(x) return (x + 3) / 8 end) < 1.95)
    assert.is_true(ks(g:uniform({ 20000 }, "f32"), function(x) return x end) < 1.95)
    for _, v in pairs(g:uniform({ 20000 }, { lo = 1, hi = 1 + 2 ^ -52 })) do assert.equal(1.0, v) end
    for _, v in pairs(g:uniform({ 2000 }, { lo = 1, hi = 1 + 2 ^ -23, dtype = "f32" })) do assert.equal(1.0, v) end
  end)

  it("normal, exponential, gamma: law", function()
    local g = ow.rng(12)
    local x = g:normal({ 20000 }, { mean = 2, std = 3 })
    assert.is_true(ks(x, function(v) return 0.5 * (1 + erf((v - 2) / (3 * math.sqrt(2)))) end) < 1.95)
    assert.is_true(ks(g:normal(20000, "f32"), function(v) return 0.5 * (1 + erf(v / math.sqrt(2))) end) < 1.95)
    assert.is_true(ks(g:exponential({ 20000 }, { mean = 4 }), function(v) return 1 - math.exp(-v / 4) end) < 1.95)
    assert.is_true(ks(g:gamma(1, 20000), function(v) return 1 - math.exp(-v) end) < 1.95)
    assert.is_true(ks(g:gamma(3, { 20000 }, { scale = 2 }), function(v)
      v = v / 2
      return 1 - math.exp(-v) * (1 + v + v * v / 2)
    end) < 1.95)
    assert.is_true(ks(g:gamma(0.5, 20000), function(v) return erf(math.sqrt(v)) end) < 1.95)
  end)

  it("poisson: both algorithms", function()
    local g = ow.rng(13)
    for _, mean in ipairs { 0.3, 4, 9.99, 10, 35, 400 } do
      local n, bins = 20000, {}
      for _, k in pairs(g:poisson(mean, n)) do bins[k] = (bins[k] or 0) + 1 end
      -- chi-square over classes with an expectation above 10, the rest as one class
      local p, chi, df, rest_e, rest_o = math.exp(-mean), 0, 0, n, n
      for k = 0, math.floor(mean + 12 * math.sqrt(mean) + 20) do
        if k > 0 then p = p * mean / k end
        if n * p > 10 then
          chi, df = chi + ((bins[k] or 0) - n * p) ^ 2 / (n * p), df + 1
          rest_e, rest_o = rest_e - n * p, rest_o - (bins[k] or 0)
        end
      end
      if rest_e > 5 then chi, df = chi + (rest_o - rest_e) ^ 2 / rest_e, df + 1 end
      df = df - 1
      -- Wilson-Hilferty: a standard normal; 3.3 is one in two thousand
      local z = ((chi / df) ^ (1 / 3) - (1 - 2 / (9 * df))) / math.sqrt(2 / (9 * df))
      assert.is_true(math.abs(z) < 3.3, ("mean %g: z = %g"):format(mean, z))
    end
    assert.same({ 0, 0 }, g:poisson(0, 2):totable())
    local m, v, n = moments(g:poisson(1e6, 20000))
    assert.near(1e6, m, 4 * math.sqrt(1e6 / n))
    assert.near(1, v / 1e6, 0.05)
  end)

  it("integers: even, with full ranges", function()
    local g = ow.rng(14)
    local counts = {}
    for _, k in pairs(g:integers(-2, 4, 70000)) do counts[k] = (counts[k] or 0) + 1 end
    local chi = 0
    for k = -2, 4 do chi = chi + (counts[k] - 10000) ^ 2 / 10000 end
    assert.is_true(chi < 22.5) -- 6 degrees of freedom, p = 1e-3
    assert.is_nil(counts[-3] or counts[5])
    local t = ow.rng(9):integers(math.mininteger, math.maxinteger, 3)
    local w = philox_words(9, 0, 4)
    for i = 1, 3 do assert.equal(w[i] + math.mininteger, t[i]) end
    assert.same({ 6, 6 }, g:integers(6, 6, 2):totable())
  end)

  it("permutes, shuffles", function()
    local g = ow.rng(15)
    local seen = {}
    for _, k in pairs(g:permutation(500)) do seen[k] = true end
    assert.equal(500, #seen)
    assert.same({}, g:permutation(0):totable())
    -- all 6 orders of 3 are equally likely
    local c = {}
    for _ = 1, 6000 do
      local p = g:permutation(3)
      local k = p[1] * 100 + p[2] * 10 + p[3]
      c[k] = (c[k] or 0) + 1
    end
    local chi, n = 0, 0
    for _, v in pairs(c) do chi, n = chi + (v - 1000) ^ 2 / 1000, n + 1 end
    assert.equal(6, n)
    assert.is_true(chi < 20.6)
    local t = g:shuffle(ow.arange(20):reshape(10, 2))
    for _, row in pairs(t) do assert.equal(row[1] + 1, row[2]) end
    local list = g:shuffle { "a", "b", "c" }
    table.sort(list)
    assert.same({ "a", "b", "c" }, list)
  end)

  it("chooses with and without replacement and weights", function()
    local g = ow.rng(16)
    assert.equal(1000, #g:choice(5, 1000))
    for _, n in ipairs { 50, 100000 } do
      local seen, c = {}, g:choice(n, 40, { replace = false })
      for _, k in pairs(c) do
        assert.is_nil(seen[k])
        assert.is_true(k >= 1 and k <= n)
        seen[k] = true
      end
    end
    local count = { 0, 0, 0, 0 }
    for _, k in pairs(g:choice(4, 30000, { weights = { 1, 0, 2, 3 } })) do count[k] = count[k] + 1 end
    assert.equal(0, count[2])
    assert.near(5000, count[1], 4 * math.sqrt(30000 * 5 / 36))
    assert.near(15000, count[4], 4 * math.sqrt(7500))
    -- without replacement: first of two from weights 1:2:3, P(3 among them) = 1 - P(1,2) - P(2,1)
    local hits, trials = 0, 4000
    for _ = 1, trials do
      local c = g:choice(3, 2, { weights = { 1, 2, 3 }, replace = false })
      assert.is_true(c[1] ~= c[2])
      if c[1] == 3 or c[2] == 3 then hits = hits + 1 end
    end
    local p = 1 - (1 / 6 * 2 / 5 + 2 / 6 * 1 / 4)
    assert.near(p, hits / trials, 4 * math.sqrt(p * (1 - p) / trials))
    assert.same({ 7.5, 7.5 }, g:choice({ 7.5 }, 2):totable())
    assert.same({ 3, 2 }, g:choice(ow.zeros(9, 2), 3):shape())
    fails("different", g.choice, g, 3, 4, { replace = false })
    fails("different", g.choice, g, 3, 2, { replace = false, weights = { 1, 0, 0 } })
    fails("weights", g.choice, g, 2, 4, { weights = { 1, -1 } })
    fails("sum is 0", g.choice, g, 2, 4, { weights = { 0, 0 } })
    fails("nothing", g.choice, g, 0, 1)
    fails("expected 2 entries", g.choice, g, 2, 4, { weights = { 1 } })
  end)

  it("has no correlation between neighbours or streams", function()
    local n = 20000
    local function corr(a, b)
      local s = 0
      for i = 1, #a do s = s + (a[i] - 0.5) * (b[i] - 0.5) end
      return s / #a * 12 * math.sqrt(#a)
    end
    local a, b = ow.rng(1):uniform(n), ow.rng(2):uniform(n)
    local c = ow.rng(1, 1):uniform(n)
    assert.is_true(math.abs(corr(a, b)) < 3.5)
    assert.is_true(math.abs(corr(a, c)) < 3.5)
    assert.is_true(math.abs(corr(a[{ { 1, n - 1 } }], a[{ { 2, n } }])) < 3.5)
  end)
end)
