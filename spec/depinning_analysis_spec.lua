-- Exponents of a depinning catalogue on catalogues made by hand with known ones.
local depinning = require "orowan.depinning"
local analysis = depinning.analysis
local tensor = require("orowan.core").tensor.tensor

local function near(want, got, tolerance)
  assert.is_true(math.abs(want - got) <= tolerance, ("expected %.17g, got %.17g"):format(want, got))
end

local state = 7
local function uniform()
  state = state * 6364136223846793005 + 1442695040888963407
  return ((state >> 11) + 0.5) / 2 ^ 53
end

describe("depinning.analysis", function()
  it("gives jackknife errors", function()
    local v, e = analysis.jackknife({ 1, 2, 3, 4 }, function(g)
      local s = 0
      for _, x in ipairs(g) do s = s + x end
      return s / #g
    end)
    near(2.5, v, 0)
    near(math.sqrt(5 / 12), e, 1e-15) -- of a mean: the standard error
    v, e = analysis.jackknife({ 3 }, function(g) return g[1] end)
    assert.equal(3, v)
    assert.is_true(e ~= e)
  end)

  it("finds zeta from curves that are power laws", function()
    local power, diff = {}, {}
    for r = 1, 3 do
      power[r], diff[r] = {}, {}
      for k = 1, 200 do power[r][k], diff[r][k] = (1 + 0.01 * r) * k ^ -2.7, k ^ 0.85 end
    end
    local z = analysis.roughness { power = power, diff = diff }
    near(0.85, z.spectrum.value, 1e-9)
    near(0.85, z.structure.value, 1e-9)
    assert.is_true(z.spectrum.err < 1e-9)
  end)

  it("finds zeta_av from s = w^1.35 with scatter, and leaves out events wider than half the line", function()
    local sizes, widths, power = {}, {}, { {} }
    for k = 1, 200 do power[1][k] = 1 end
    for i = 1, 400 do
      widths[i] = 10 * 20 ^ uniform()
      sizes[i] = widths[i] ^ 1.35 * math.exp(0.2 * (uniform() - 0.5))
    end
    for i = 401, 440 do widths[i], sizes[i] = 300, 1e6 end
    local c = { sizes = tensor(sizes, "f64"), widths = tensor(widths, "f64"), power = power, smin = 1 }
    local z = analysis.width_scaling(c)
    assert.equal(40, z.spanning)
    assert.equal(400, z.n)
    near(0.35, z.value, 0.02)
    assert.is_true(z.low < 0.35 and z.high > 0.35 and z.size_on_width <= z.value and z.value <= z.width_on_size)
    z = analysis.zeta_av({ 5, 5, 5 }, { 1, 2, 3 })
    assert.is_true(z.value ~= z.value)
  end)

  it("finds growth exponents", function()
    local growth = {}
    for i = 1, 60 do
      local g = { lag = {}, width = {}, height = {} }
      local a = math.exp(uniform() - 0.5)
      for j = 1, 12 do g.lag[j], g.width[j], g.height[j] = 1000 * 2 ^ (j / 2), a * 2 ^ (0.4 * j), a * 2 ^ (0.14 * j) end
      growth[i] = g
    end
    local g = analysis.growth { growth = growth }
    near(0.8, g.alpha_w.value, 0.02)
    near(0.28, g.alpha_h.value, 0.02)
    assert.is_true(g.alpha_w.err < 0.05 and #g.t == #g.w)
    -- a line of 12 columns: beyond 6 the widths are stuck and left out
    for _, h in ipairs(growth) do for j = 1, 12 do h.width[j] = math.min(h.width[j], 12) end end
    local power = { {} }
    for k = 1, 6 do power[1][k] = 1 end
    near(0.8, analysis.growth({ growth = growth, power = power }).alpha_w.value, 0.03)
    assert.is_true(analysis.growth({ growth = growth }).alpha_w.value < 0.76)
    g = analysis.growth { growth = {} }
    assert.is_true(g.alpha_w.value ~= g.alpha_w.value)
  end)

  it("correlates onset stress and size", function()
    local s, o = {}, {}
    for i = 1, 200 do
      o[i] = uniform()
      s[i] = 100 + 50 * o[i] + 50 * uniform()
    end
    local r = analysis.onset_correlation { sizes = tensor(s, "f64"), onset_stress = tensor(o, "f64"), smin = 1 }
    near(math.sqrt(0.5), r.value, 0.06)
    assert.is_true(r.low < r.value and r.value < r.high)
    r = analysis.onset_correlation { sizes = tensor(s, "f64"), onset_stress = tensor(o, "f64"), smin = 1e9 }
    assert.is_true(r.value ~= r.value and r.n == 0)
  end)

  it("maps the detector", function()
    local c = depinning.catalogue { lx = 60, sigma_pin = 0.03, picks = 2000000, every = 500, replicas = 2, rate = 1e-8, B = 3e-7, seed = 5,
      sigma_0 = 0.003, settle_rows = 3, keep_heights = true }
    local seen = 0
    local map = analysis.sensitivity(c, { 2000, c.window }, { 0.5, 1 }, function(sizes, smin)
      for _, v in ipairs(sizes) do assert.is_true(v >= smin) end
      seen = seen + 1
      return 1.25
    end)
    assert.is_true(seen > 0)
    local big = 0
    for _, v in ipairs(c.sizes:totable()) do if v >= c.smin then big = big + 1 end end
    assert.equal(big, map.n[2][2]) -- the chosen point is the catalogue itself
    assert.equal(c.smin, map.smin[2][2])
    for i = 1, 2 do
      for j = 1, 2 do assert.is_true(map.n[i][j] < 20 or map.tau[i][j] == 1.25) end
    end
  end)
end)
