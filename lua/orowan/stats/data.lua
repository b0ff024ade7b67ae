--- Resampling, and densities for display.
local core = require("orowan.core").stats
local data = require("orowan.core").stats_data
local C = require "orowan.stats.common"

local M = {}

-- x as a list of equally long f64 tensors: one sample, or {x, y, ...} of paired ones.
local function columns(fn, x)
  local first = type(x) == "table" and x[1]
  local cols = {}
  if type(first) == "table" or type(first) == "userdata" then
    for i, c in ipairs(x) do cols[i] = C.values(fn, ("x[%d]"):format(i), c, 2) end
    for i = 2, #cols do
      if #cols[i] ~= #cols[1] then C.fail(fn, "x: paired samples of different lengths: %d and %d", #cols[1], #cols[i]) end
    end
  else cols[1] = C.values(fn, "x", x, 2) end
  return cols, #cols[1]
end

local function number_from(fn, v)
  if type(v) ~= "number" then C.fail(fn, "f: expected it to return a number, got %s", type(v)) end
  return v
end

local function mean_sd(v)
  local m, s = 0, 0
  for _, a in ipairs(v) do m = m + a / #v end
  for _, a in ipairs(v) do s = s + (a - m) ^ 2 end
  return m, math.sqrt(s / (#v - 1))
end

-- f of the sample without each of `blocks` parts of consecutive elements.
local function leave_out(fn, cols, n, f, blocks)
  local v = {}
  for b = 1, blocks do
    local from, to = (b - 1) * n // blocks + 1, b * n // blocks
    local part = {}
    for i, c in ipairs(cols) do part[i] = data.without(c, from, to) end
    v[b] = number_from(fn, f(table.unpack(part)))
  end
  return v
end

--- Bootstrap of any statistic. `block` > 1 resamples blocks of that many consecutive events
--- (cyclic moving blocks, Kuensch 1989), for events correlated in time.
--- Method "percentile" or "bca" (bias-corrected and accelerated: Efron, JASA 82 (1987) 171).
--- ```lua
--- local x = ow.rng(1):exponential({ 50 })
--- local r = ow.stats.bootstrap(x, function(s) return s:median() end, { seed = 1 })
--- print(r.low < r.value and r.value < r.high)  --> true
--- ```
---@param x orowan.tensor|number[]|table a sample, or a list of paired samples {x, y, ...}, each shape N
---@param f fun(...): number called with tensors of shape N, one per sample
---@param opts? {repeats?: integer, seed?: integer, block?: integer, level?: number, method?: string} repeats 1000; level 0.95; method "percentile"
---@return table result value, se, low, high, bias, samples (sorted)
function M.bootstrap(x, f, opts)
  local fn = "stats.bootstrap"
  opts = C.options(fn, opts, C.set("repeats", "seed", "block", "level", "method"))
  local cols, n = columns(fn, x)
  if type(f) ~= "function" then C.fail(fn, "f: expected a function, got %s", type(f)) end
  local repeats, seed = C.integer(fn, "repeats", opts.repeats, 1000, 2), C.integer(fn, "seed", opts.seed, 1)
  local block = C.integer(fn, "block", opts.block, 1, 1, n)
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local method = opts.method or "percentile"
  if method ~= "percentile" and method ~= "bca" then C.fail(fn, "method: expected 'percentile' or 'bca', got '%s'", tostring(method)) end
  local value = number_from(fn, f(table.unpack(cols)))
  local v, below = {}, 0
  for r = 1, repeats do
    local part = {}
    for i, c in ipairs(cols) do part[i] = data.resample(c, block, seed, r) end
    local a = number_from(fn, f(table.unpack(part)))
    if a == a then
      v[#v + 1] = a
      if a < value then below = below + 1 elseif a == value then below = below + 0.5 end
    end
  end
  if #v < 2 then C.fail(fn, "f: returned NaN for nearly all resamples") end
  local mean, se = mean_sd(v)
  table.sort(v)
  local lo, hi = 0.5 - level / 2, 0.5 + level / 2
  if method == "bca" and below > 0 and below < #v then
    local z0 = core.normal_quantile(below / #v)
    local jack = leave_out(fn, cols, n, f, math.min(n, 500))
    local m = mean_sd(jack)
    local s2, s3 = 0, 0
    for _, a in ipairs(jack) do s2, s3 = s2 + (m - a) ^ 2, s3 + (m - a) ^ 3 end
    local acc = s2 > 0 and s3 / (6 * s2 ^ 1.5) or 0
    local function shift(q)
      local z = z0 + core.normal_quantile(q)
      return core.normal_cdf(z0 + z / (1 - acc * z))
    end
    lo, hi = shift(lo), shift(hi)
  end
  return { value = value, se = se, bias = mean - value, low = C.quantile(v, lo), high = C.quantile(v, hi), samples = v, repeats = #v }
end

--- Jackknife of any statistic, leaving out one of `blocks` runs of consecutive elements at a time
--- (blocks longer than the correlation time make it valid for a time series).
---@param x orowan.tensor|number[]|table a sample, or a list of paired samples, each shape N
---@param f fun(...): number
---@param opts? {blocks?: integer, level?: number} blocks: N (leave one out); level 0.95
---@return table result value, corrected (bias removed), bias, se, low, high (Student's t with blocks - 1 degrees of freedom)
function M.jackknife(x, f, opts)
  local fn = "stats.jackknife"
  opts = C.options(fn, opts, C.set("blocks", "level"))
  local cols, n = columns(fn, x)
  if type(f) ~= "function" then C.fail(fn, "f: expected a function, got %s", type(f)) end
  local blocks = C.integer(fn, "blocks", opts.blocks, n, 2, n)
  local value = number_from(fn, f(table.unpack(cols)))
  local v = leave_out(fn, cols, n, f, blocks)
  local m, sd = mean_sd(v)
  local se, bias = sd * (blocks - 1) / math.sqrt(blocks), (blocks - 1) * (m - value)
  local t = C.student_quantile(C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999), blocks - 1)
  return { value = value, corrected = value - bias, bias = bias, se = se, low = value - t * se, high = value + t * se, blocks = blocks }
end

--- Complementary distribution P(S >= s) at the distinct sizes, with Wilson's pointwise interval.
--- For display; fits never use it.
---@param x orowan.tensor|number[] sizes, shape N
---@param opts? {level?: number, points?: integer} points: thin out to about so many, evenly in log s (all)
---@return table ccdf lists s, p, low, high, count
function M.ccdf(x, opts)
  local fn = "stats.ccdf"
  opts = C.options(fn, opts, C.set("level", "points"))
  local t, n = C.values(fn, "x", x, 1)
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local v, above = core.distinct(t)
  local out = { s = {}, p = {}, low = {}, high = {}, count = {} }
  local points = C.integer(fn, "points", opts.points, #v, 2)
  local step = v[1] > 0 and #v > points and math.log(v[#v] / v[1]) / points or nil
  local nextlog
  for k = 1, #v do
    if not step or not nextlog or math.log(v[k]) >= nextlog or k == #v then
      if step then nextlog = math.log(v[k]) + step end
      local i = #out.s + 1
      out.s[i], out.count[i], out.p[i] = v[k], above[k], above[k] / n
      out.low[i], out.high[i] = C.binomial_interval(above[k], n, level)
    end
  end
  return out
end

--- Density in logarithmic bins, for display. Discrete sizes count the integers in each bin.
---@param x orowan.tensor|number[] sizes, shape N, positive
---@param opts? {per_decade?: number, kind?: string, level?: number, smin?: number, smax?: number}
---@return table density lists s (geometric centre), density (1/unit of x), low, high, count, and edges; empty bins are left out
function M.log_density(x, opts)
  local fn = "stats.log_density"
  opts = C.options(fn, opts, C.set("per_decade", "kind", "level", "smin", "smax"))
  local discrete = C.discrete(fn, opts.kind)
  local t, n = C.values(fn, "x", x, 1)
  local s = core.survey(t)
  if s.nonpositive > 0 then C.fail(fn, "x: %d values are zero or negative (first at %d): expected positive sizes", s.nonpositive, s.first_bad) end
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local lo, hi = C.number(fn, "smin", opts.smin, s.min, 0), C.number(fn, "smax", opts.smax, s.max, 0)
  if discrete then lo, hi = lo - 0.5, hi + 0.5 end
  if hi <= lo then hi = lo * (1 + 1e-6) + 1e-300 end
  local edges = C.log_grid(lo, hi, C.number(fn, "per_decade", opts.per_decade, 5, 0.5, 100))
  local v, above = core.distinct(t)
  local out = { s = {}, density = {}, low = {}, high = {}, count = {}, edges = edges }
  local k = 1
  while v[k] and v[k] < edges[1] do k = k + 1 end
  for b = 1, #edges - 1 do
    local last = b == #edges - 1
    local from = k
    while v[k] and (v[k] < edges[b + 1] or (last and v[k] <= edges[b + 1])) do k = k + 1 end
    local count = (above[from] or 0) - (above[k] or 0)
    local width = edges[b + 1] - edges[b]
    if discrete then width = math.floor(edges[b + 1]) - math.floor(edges[b]) end
    if count > 0 and width > 0 then
      local i = #out.s + 1
      local p, q = C.binomial_interval(count, n, level)
      out.s[i], out.count[i] = math.sqrt(edges[b] * edges[b + 1]), count
      out.density[i], out.low[i], out.high[i] = count / n / width, p / width, q / width
    end
  end
  return out
end

--- Gaussian kernel density estimate.
---@param x orowan.tensor|number[] sample, shape N
---@param opts? {at?: orowan.tensor|number[], bandwidth?: number, points?: integer, log?: boolean} bandwidth: Silverman's 0.9 min(sd, IQR/1.34) N^(-1/5); points: 200 over the data and three bandwidths beyond; log: estimate in ln x, give the density per unit of x
---@return table density lists at, density; bandwidth
function M.kde(x, opts)
  local fn = "stats.kde"
  opts = C.options(fn, opts, C.set("at", "bandwidth", "points", "log"))
  local t, n = C.values(fn, "x", x, 2)
  local v = data.sort(t):totable()
  if opts.log then
    if v[1] <= 0 then C.fail(fn, "log: expected positive values, the smallest is %g", v[1]) end
    for i = 1, n do v[i] = math.log(v[i]) end
  end
  local _, sd = mean_sd(v)
  local iqr = C.quantile(v, 0.75) - C.quantile(v, 0.25)
  local spread = iqr > 0 and math.min(sd, iqr / 1.34) or sd
  local h = C.number(fn, "bandwidth", opts.bandwidth, 0.9 * spread * n ^ -0.2, 0)
  if h <= 0 then C.fail(fn, "bandwidth: all %d values are equal; give a bandwidth above 0", n) end
  local at = {}
  if opts.at then
    at = C.values(fn, "at", opts.at, 1):totable()
    if opts.log then for i = 1, #at do
      if at[i] <= 0 then C.fail(fn, "at: expected positive values with log, got %g", at[i]) end
      at[i] = math.log(at[i])
    end end
  else
    local m = C.integer(fn, "points", opts.points, 200, 2)
    for i = 1, m do at[i] = v[1] - 3 * h + (v[n] - v[1] + 6 * h) * (i - 1) / (m - 1) end
  end
  local p = data.kde(v, h, at):totable()
  if opts.log then for i = 1, #at do
    at[i] = math.exp(at[i])
    p[i] = p[i] / at[i]
  end end
  return { at = at, density = p, bandwidth = h }
end

return M
