--- Relations between two quantities: regressions both ways, correlations.
local core = require("orowan.core").stats
local data = require("orowan.core").stats_data
local C = require "orowan.stats.common"

local M = {}

local function pair(fn, x, y, min)
  local a, n = C.values(fn, "x", x, min)
  local b, m = C.values(fn, "y", y, min)
  if n ~= m then C.fail(fn, "x and y: different lengths: %d and %d", n, m) end
  return a, b, n
end

local function logarithms(fn, name, t)
  local v = t:totable()
  for i = 1, #v do
    if v[i] <= 0 then C.fail(fn, "%s[%d]: %g: log expects positive values", name, i, v[i]) end
    v[i] = math.log(v[i])
  end
  return core.array(v)
end

local lines = { "yx", "xy", "rma", "theil_sen" }

--- Straight lines y = intercept + slope x by four methods, with bootstrap intervals (pairs are
--- resampled). With log = true both are taken as natural logarithms first, so that the slope is
--- the exponent of y ~ x^slope. yx: least squares of y on x; xy: of x on y, turned round; rma:
--- reduced major axis; theil_sen: median of pairwise slopes. Where neither quantity is the cause
--- the truth lies between yx and xy; their distance is part of the uncertainty.
--- ```lua
--- local x = ow.linspace(1, 10, 20)
--- local r = ow.stats.regress(x, x ^ 2 * 3, { log = true, repeats = 0 })
--- print(("%.3f"):format(r.yx.slope))  --> 2.000
--- ```
---@param x orowan.tensor|number[] shape N, at least 3
---@param y orowan.tensor|number[] shape N
---@param opts? {log?: boolean, repeats?: integer, seed?: integer, block?: integer, level?: number} repeats 1000 (0: no intervals); block: length of resampled runs (1)
---@return table result yx, xy, rma, theil_sen: each {slope, slope_low, slope_high, slope_se, intercept, intercept_low, intercept_high}; r (Pearson), n
function M.regress(x, y, opts)
  local fn = "stats.regress"
  opts = C.options(fn, opts, C.set("log", "repeats", "seed", "block", "level"))
  local a, b, n = pair(fn, x, y, 3)
  if opts.log then a, b = logarithms(fn, "x", a), logarithms(fn, "y", b) end
  local s = core.survey(a)
  local distinct = core.distinct(a)
  if #distinct < 2 then C.fail(fn, "x: all %d values are equal: no slope", s.n) end
  if #core.distinct(b) < 2 then C.fail(fn, "y: all %d values are equal: x on y has no slope", n) end
  local seed = C.integer(fn, "seed", opts.seed, 1)
  local repeats = C.integer(fn, "repeats", opts.repeats, 1000, 0)
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  -- Theil-Sen takes all pairs up to 2000 points (the bootstrap: up to 300), more are sampled.
  local v = { data.regress(a, b, 2000000, seed) }
  local rows = repeats > 0 and data.regress_bootstrap(a, b, C.integer(fn, "block", opts.block, 1, 1, n), 50000, seed, repeats):totable()
  local result = { n = n, r = data.pearson(a, b), log = opts.log or false }
  for k, name in ipairs(lines) do
    local line = { slope = v[2 * k - 1], intercept = v[2 * k] }
    for column, what in pairs { [k] = "slope", [k + 4] = "intercept" } do
      local q, m = {}, 0
      for _, row in ipairs(rows or {}) do
        local z = row[column]
        if z == z and z ~= math.huge and z ~= -math.huge then q[#q + 1] = z end
      end
      if #q > 1 then
        table.sort(q)
        line[what .. "_low"], line[what .. "_high"] = C.quantile(q, 0.5 - level / 2), C.quantile(q, 0.5 + level / 2)
        local ss = 0
        for _, z in ipairs(q) do m = m + z / #q end
        for _, z in ipairs(q) do ss = ss + (z - m) ^ 2 end
        line[what .. "_se"] = math.sqrt(ss / (#q - 1))
      end
    end
    result[name] = line
  end
  return result
end

local function correlation(fn, x, y, opts, ranks)
  opts = C.options(fn, opts, C.set("level", "bootstrap", "seed", "block"))
  local a, b, n = pair(fn, x, y, 4)
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local u, v = a, b
  if ranks then u, v = data.ranks(a), data.ranks(b) end
  local r = data.pearson(u, v)
  if r ~= r then C.fail(fn, "x or y: all values are equal: no correlation") end
  local z = core.normal_quantile(0.5 + level / 2)
  local se = ranks and math.sqrt((1 + r * r / 2) / (n - 3)) or 1 / math.sqrt(n - 3)
  local w = 0.5 * math.log((1 + r) / math.max(1 - r, 1e-300))
  local function back(t) return (math.exp(2 * t) - 1) / (math.exp(2 * t) + 1) end
  local result = { value = r, n = n, low = back(w - z * se), high = back(w + z * se) }
  if math.abs(r) == 1 then result.low, result.high = r, r end
  result.p = math.abs(r) < 1 and core.student_p(r * math.sqrt((n - 2) / (1 - r * r)), n - 2) or 0
  local repeats = C.integer(fn, "bootstrap", opts.bootstrap, 0, 0)
  if repeats > 0 then
    local rows = data.correlation_bootstrap(a, b, C.integer(fn, "block", opts.block, 1, 1, n), C.integer(fn, "seed", opts.seed, 1), repeats):totable()
    local q = {}
    for _, row in ipairs(rows) do
      local c = row[ranks and 2 or 1]
      if c == c then q[#q + 1] = c end
    end
    table.sort(q)
    if #q > 1 then result.low, result.high = C.quantile(q, 0.5 - level / 2), C.quantile(q, 0.5 + level / 2) end
  end
  return result
end

--- Pearson's correlation. Interval: Fisher's z, or the percentile bootstrap (in blocks for series).
---@param x orowan.tensor|number[] shape N, at least 4
---@param y orowan.tensor|number[] shape N
---@param opts? {level?: number, bootstrap?: integer, block?: integer, seed?: integer} bootstrap: resamples (0: Fisher)
---@return table result value, low, high, p (Student's t, no correlation), n
function M.pearson(x, y, opts) return correlation("stats.pearson", x, y, opts, false) end

--- Spearman's rank correlation. Interval: Fisher's z with the variance of Bonett and Wright
--- (Psychometrika 65 (2000) 23), or the percentile bootstrap.
---@param x orowan.tensor|number[] shape N, at least 4
---@param y orowan.tensor|number[] shape N
---@param opts? {level?: number, bootstrap?: integer, block?: integer, seed?: integer}
---@return table result value, low, high, p, n
function M.spearman(x, y, opts) return correlation("stats.spearman", x, y, opts, true) end

return M
