-- Resampling, relations, densities and spectra against scipy and against analytic results.
local ow = require "orowan"
local stats = ow.stats
local ref = dofile "spec/fixtures/stats_data.lua"

local function near(want, got, tol, what)
  assert.is_true(math.abs(want - got) <= tol * math.max(1, math.abs(want)),
    ("%s: expected %.15g within %g, got %.15g"):format(what or "value", want, tol, got))
end
local function all_near(want, got, tol, what)
  assert.equal(#want, #got)
  for i = 1, #want do near(want[i], got[i], tol, (what or "") .. "[" .. i .. "]") end
end
local function message(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return tostring(err)
end
local function mean(t)
  local s = 0
  for _, v in ipairs(t:totable()) do s = s + v end
  return s / #t
end
local function normals(n, seed)  -- a lognormal sample far from its truncation gives normals
  local v = stats.sample({ model = "lognormal", mu = 0, sigma = 1, smin = 1e-12 }, n, seed):totable()
  for i = 1, n do v[i] = math.log(v[i]) end
  return v
end

describe("stats: relations", function()
  it("four lines and two correlations agree with scipy", function()
    local r = stats.regress(ref.x, ref.y, { repeats = 200 })
    near(ref.yx[1], r.yx.slope, 1e-12); near(ref.yx[2], r.yx.intercept, 1e-12)
    near(ref.xy[1], r.xy.slope, 1e-12); near(ref.xy[2], r.xy.intercept, 1e-12)
    near(ref.rma, r.rma.slope, 1e-12)
    near(ref.theil[1], r.theil_sen.slope, 1e-12); near(ref.theil[2], r.theil_sen.intercept, 1e-12)
    local p = stats.pearson(ref.x, ref.y)
    near(ref.pearson[1], p.value, 1e-12); near(ref.pearson[2], p.low, 1e-9); near(ref.pearson[3], p.high, 1e-9); near(ref.pearson[4], p.p, 1e-9)
    local s = stats.spearman(ref.x, ref.y)
    near(ref.spearman[1], s.value, 1e-12); near(ref.spearman[2], s.p, 1e-9)
  end)

  it("bootstrap intervals cover and do not depend on threads", function()
    local hit, hits = 0, 0
    for seed = 1, 200 do
      local x, e = normals(60, seed), normals(60, seed + 1000)
      local y = {}
      for i = 1, 60 do y[i] = 2 * x[i] + e[i] end
      local r = stats.regress(x, y, { repeats = 200, seed = seed })
      if r.yx.slope_low <= 2 and 2 <= r.yx.slope_high then hit = hit + 1 end
      assert.is_true(r.yx.slope < r.rma.slope and r.rma.slope < r.xy.slope)
      local c = stats.pearson(x, y)
      if c.low <= 2 / math.sqrt(5) and 2 / math.sqrt(5) <= c.high then hits = hits + 1 end
    end
    assert.is_true(hit >= 176 and hit <= 199, "slope coverage " .. hit / 200)
    assert.is_true(hits >= 180 and hits <= 199, "correlation coverage " .. hits / 200)
    local set, got = ow.core.system.threads, {}
    for i, n in ipairs { 1, 3 } do
      set(n)
      got[i] = { stats.regress(ref.x, ref.y), stats.pearson(ref.x, ref.y, { bootstrap = 100, block = 5 }), stats.spearman(ref.x, ref.y, { bootstrap = 100 }) }
    end
    set(2)
    assert.same(got[1], got[2])
  end)

  it("log = true finds an exponent", function()
    local x, y = {}, {}
    for i = 1, 50 do x[i], y[i] = i, 3 * i ^ 1.35 end
    local r = stats.regress(x, y, { log = true })
    for _, k in ipairs { "yx", "xy", "rma", "theil_sen" } do near(1.35, r[k].slope, 1e-9) near(math.log(3), r[k].intercept, 1e-9) end
  end)

  it("refuses what has no answer", function()
    assert.matches("different lengths", message(stats.regress, { 1, 2, 3 }, { 1, 2, 3, 4 }))
    assert.matches("x: all 3 values are equal", message(stats.regress, { 1, 1, 1 }, { 1, 2, 3 }))
    assert.matches("no correlation", message(stats.pearson, { 1, 1, 1, 1 }, { 1, 2, 3, 4 }))
    assert.matches("not finite", message(stats.pearson, { 1, 0 / 0, 1, 1 }, { 1, 2, 3, 4 }))
    assert.matches("positive", message(stats.regress, { 1, -2, 3 }, { 1, 2, 3 }, { log = true }))
    assert.matches("unknown option", message(stats.spearman, { 1, 2, 3, 4 }, { 1, 2, 3, 4 }, { foo = 1 }))
  end)
end)

describe("stats: resampling", function()
  it("bootstrap of a mean has the analytic error", function()
    local x = normals(400, 3)
    local v = 0
    local m = mean(ow.tensor(x))
    for _, a in ipairs(x) do v = v + (a - m) ^ 2 / 400 end
    for _, method in ipairs { "percentile", "bca" } do
      local b = stats.bootstrap(x, mean, { repeats = 2000, method = method })
      near(m, b.value, 1e-12)
      near(math.sqrt(v / 400), b.se, 0.06)
      assert.is_true(math.abs((b.high - b.low) / (2 * 1.96 * b.se) - 1) < 0.06)
    end
  end)
  it("block bootstrap sees a correlation that the plain one misses", function()
    local e, x = normals(4000, 5), {}
    local phi = 0.9
    x[1] = e[1]
    for i = 2, 4000 do x[i] = phi * x[i - 1] + e[i] end
    local truth = 1 / (1 - phi) / math.sqrt(4000)  -- standard error of the mean of an AR(1)
    local plain, block = stats.bootstrap(x, mean, { repeats = 400 }).se, stats.bootstrap(x, mean, { repeats = 400, block = 100 }).se
    assert.is_true(plain < 0.35 * truth)
    assert.is_true(math.abs(block / truth - 1) < 0.25, block / truth)
  end)
  it("jackknife of a mean is the textbook error; it removes the bias of a variance", function()
    local x = ref.x
    local m = mean(ow.tensor(x))
    local s = 0
    for _, a in ipairs(x) do s = s + (a - m) ^ 2 end
    local j = stats.jackknife(x, mean)
    near(math.sqrt(s / 39 / 40), j.se, 1e-10)
    near(0, j.bias, 1e-10)
    local w = stats.jackknife(x, function(t)
      local c, q = mean(t), 0
      for _, a in ipairs(t:totable()) do q = q + (a - c) ^ 2 end
      return q / #t
    end)
    near(s / 39, w.corrected, 1e-10)
    local C = require "orowan.stats.common"
    for i, d in ipairs { 1, 4, 30 } do near(ref.student[i], C.student_quantile(0.95, d), 1e-8) end
    local blocks = stats.jackknife(x, mean, { blocks = 5 })
    assert.is_true(blocks.low < m and m < blocks.high and blocks.blocks == 5)
  end)
  it("takes paired samples and refuses bad ones", function()
    local b = stats.bootstrap({ ref.x, ref.y }, function(p, q) return stats.pearson(p, q).value end, { repeats = 200 })
    near(ref.pearson[1], b.value, 1e-12)
    assert.is_true(b.low < b.value and b.value < b.high)
    assert.matches("different lengths", message(stats.bootstrap, { { 1, 2 }, { 1, 2, 3 } }, mean))
    assert.matches("function", message(stats.bootstrap, { 1, 2 }, 3))
    assert.matches("number", message(stats.bootstrap, { 1, 2 }, function() end))
    assert.matches("at least 2", message(stats.jackknife, { 1 }, mean))
  end)
end)

describe("stats: densities", function()
  it("kernel density by its definition, and it integrates to 1", function()
    local k = stats.kde(ref.x, { bandwidth = 0.4, at = { -3, -2, -1, 0, 1, 2, 3 } })
    all_near(ref.kde, k.density, 1e-12)
    for _, opts in ipairs { {}, { log = true, points = 2000 } } do
      local v = opts.log and stats.sample({ model = "lognormal", mu = 0, sigma = 1, smin = 1e-9 }, 500, 1) or ref.x
      local d = stats.kde(v, opts)
      local s = 0
      for i = 2, #d.at do s = s + (d.at[i] - d.at[i - 1]) * (d.density[i] + d.density[i - 1]) / 2 end
      near(1, s, 5e-3)
    end
    assert.matches("equal", message(stats.kde, { 2, 2, 2 }))
  end)
  it("ccdf counts, density in log bins sums to 1", function()
    local c = stats.ccdf { 3, 1, 2, 2 }
    assert.same({ 1, 2, 3 }, c.s)
    assert.same({ 1, 0.75, 0.25 }, c.p)
    assert.is_true(c.low[3] < 0.25 and c.high[3] > 0.25)
    local x = stats.sample({ model = "powerlaw", alpha = 1.8, smin = 1 }, 5000, 2)
    for _, kind in ipairs { "continuous", "discrete" } do
      local y = kind == "discrete" and stats.sample({ model = "powerlaw", alpha = 1.8, smin = 1, kind = kind }, 5000, 2) or x
      local d = stats.log_density(y, { kind = kind })
      local n = 0
      for _, k in ipairs(d.count) do n = n + k end
      assert.equal(5000, n)
      -- Against the true density where there are many events.
      for i = 1, #d.s do
        if d.count[i] > 200 and d.s[i] > 5 then
          local p = math.exp(stats.logpdf({ model = "powerlaw", alpha = 1.8, smin = 1, kind = kind }, { kind == "discrete" and math.floor(d.s[i] + 0.5) + 0.0 or d.s[i] }):totable()[1])
          assert.is_true(math.abs(d.density[i] / p - 1) < 0.2)
        end
      end
    end
    assert.is_true(#stats.ccdf(x, { points = 50 }).s < 70)
    assert.matches("positive", message(stats.log_density, { 1, 2, 0 }))
  end)
end)

describe("stats: spectra", function()
  it("Welch and periodogram agree with scipy", function()
    local w = stats.welch(ref.series, { rate = 2, segment = 50 })
    all_near(ref.welch, w.power, 1e-10, "welch")
    all_near(ref.welch_f, w.frequency, 1e-12)
    all_near(ref.welch_odd, stats.welch(ref.series, { rate = 2, segment = 51, overlap = 0, detrend = "linear" }).power, 1e-10, "odd")
    all_near(ref.periodogram, stats.periodogram(ref.series, { rate = 2 }).power, 1e-10, "periodogram")
  end)
  it("Parseval: the density integrates to the variance", function()
    local x = normals(256, 4)
    local p = stats.periodogram(x, { rate = 3 })
    local s, m, v = 0, mean(ow.tensor(x)), 0
    for _, a in ipairs(p.power) do s = s + a * 3 / 256 end
    for _, a in ipairs(x) do v = v + (a - m) ^ 2 / 256 end
    near(v, s, 1e-12)
  end)
  it("finds the slope of a random walk, with intervals that cover", function()
    local hit, sum = 0, 0
    for seed = 1, 100 do
      local e, x = normals(512, seed), {}
      x[1] = e[1]
      for i = 2, 512 do x[i] = x[i - 1] + e[i] end
      -- Exact spectrum of x is 1/(4 sin^2(pi f)): within 1 % of f^-2 below f = 0.05. A window is needed:
      -- a walk is not periodic.
      local r = stats.spectrum_slope(stats.periodogram(x, { window = "hann", detrend = "linear" }), { low = 0.006, high = 0.06 })
      sum = sum + r.slope / 100
      if r.low <= 2 and 2 <= r.high then hit = hit + 1 end
    end
    near(2, sum, 0.03)
    assert.is_true(hit >= 88 and hit <= 100, "coverage " .. hit)
    local rows = {}
    for i = 1, 20 do rows[i] = normals(128, 200 + i) end
    local s = stats.welch(rows, { segment = 64 })
    assert.equal(60, s.segments)
    local r = stats.spectrum_slope(s, { low = 0.02, high = 0.5 })
    assert.is_true(r.low < 0 and 0 < r.high and r.high - r.low < 0.4)
  end)
  it("refuses nonsense", function()
    assert.matches("segment", message(stats.welch, { 1, 2, 3 }, { segment = 8 }))
    assert.matches("band", message(stats.spectrum_slope, stats.periodogram(ref.series), { low = 0.4, high = 0.1 }))
    assert.matches("NaN", message(stats.periodogram, { 1, 2, 0 / 0, 4 }))
    assert.matches("window", message(stats.welch, ref.series, { window = "blackman" }))
  end)
end)
