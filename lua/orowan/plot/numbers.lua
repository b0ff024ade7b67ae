--- Numbers behind the charts: box statistics, density estimates, bins, ticks. gnuplot only
--- draws what is computed here.
local core = require "orowan.core"

local numbers = {}

local floor, ceil, log, exp, abs, huge = math.floor, math.ceil, math.log, math.exp, math.abs, math.huge

--- The finite values of a 1-D tensor or table, as a new table.
---@param fn string name for messages
---@param name string
---@param v orowan.tensor|number[]
---@return number[] values
---@return integer dropped how many were NaN or infinite
function numbers.finite(fn, name, v)
  if type(v) ~= "table" and not core.tensor.is_tensor(v) then
    error(("%s: %s: expected a table of numbers or a tensor, got %s"):format(fn, name, type(v)), 0)
  end
  local t = core.tensor.tensor(v, "f64")
  if t:ndim() ~= 1 then
    error(("%s: %s: expected 1 dimension, got %d"):format(fn, name, t:ndim()), 0)
  end
  local out, n, dropped = {}, 0, 0
  for _, x in ipairs(t:totable()) do
    if x == x and x ~= huge and x ~= -huge then n = n + 1; out[n] = x else dropped = dropped + 1 end
  end
  if n == 0 then
    error(("%s: %s: %s"):format(fn, name, dropped > 0 and "has no finite value" or "is empty"), 0)
  end
  return out, dropped
end

--- Quantile of sorted values by linear interpolation (type 7 of Hyndman and Fan 1996).
---@param sorted number[]
---@param q number 0..1
---@return number
function numbers.quantile(sorted, q)
  local h = (#sorted - 1) * q
  local i = floor(h)
  local a, b = sorted[i + 1], sorted[i + 2] or sorted[i + 1]
  return a + (h - i) * (b - a)
end

--- Tukey's box: quartiles, whiskers at the outermost values within 1.5 interquartile ranges of
--- the box, the values beyond as outliers.
---@param v orowan.tensor|number[] values; NaN and infinity are left out
---@return {n: integer, mean: number, q1: number, median: number, q3: number, low: number, high: number, outliers: number[]}
function numbers.box_statistics(v)
  local s = numbers.finite("plot.box_statistics", "values", v)
  table.sort(s)
  local q1, q3 = numbers.quantile(s, 0.25), numbers.quantile(s, 0.75)
  local lo, hi = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
  local box = { n = #s, q1 = q1, median = numbers.quantile(s, 0.5), q3 = q3, low = q1, high = q3, outliers = {} }
  local sum = 0
  for _, x in ipairs(s) do
    sum = sum + x
    if x < lo or x > hi then box.outliers[#box.outliers + 1] = x
    elseif x < box.low then box.low = x
    elseif x > box.high then box.high = x end
  end
  box.mean = sum / #s
  return box
end

local function spread(s)
  local mean, m2 = 0, 0
  for i, x in ipairs(s) do
    local d = x - mean
    mean = mean + d / i
    m2 = m2 + d * (x - mean)
  end
  return #s > 1 and (m2 / (#s - 1)) ^ 0.5 or 0, numbers.quantile(s, 0.75) - numbers.quantile(s, 0.25)
end

--- Gaussian kernel density estimate on an even grid that reaches 3 bandwidths beyond the
--- values. The bandwidth is Silverman's rule 0.9 min(sd, IQR/1.34) n^(-1/5) (Silverman 1986,
--- eq. 3.31) unless given. More than 4000 values are first binned at a sixteenth of it.
---@param v orowan.tensor|number[] NaN and infinity are left out
---@param options? {points: integer, bandwidth: number} points of the grid (128)
---@return number[]? x nil when all values are equal: they have no density
---@return number[]? density per unit of x
---@return number bandwidth
function numbers.density(v, options)
  local s = numbers.finite("plot.density", "values", v)
  table.sort(s)
  local h = options and options.bandwidth
  if not h then
    local sd, iqr = spread(s)
    h = 0.9 * (iqr > 0 and math.min(sd, iqr / 1.34) or sd) * (#s) ^ -0.2
  end
  if not (h > 0) then return nil, nil, 0 end
  local at, weight = s, nil
  local lo, hi = s[1], s[#s]
  if #s > 4000 then
    local step = math.max(h / 16, (hi - lo) / 200000)
    local bins = {}
    for _, x in ipairs(s) do  -- linear binning: each value shared by its two neighbours
      local u = (x - lo) / step
      local i = floor(u)
      bins[i] = (bins[i] or 0) + 1 - (u - i)
      bins[i + 1] = (bins[i + 1] or 0) + (u - i)
    end
    at, weight = {}, {}
    for i = 0, floor((hi - lo) / step) + 1 do
      if bins[i] and bins[i] > 0 then at[#at + 1] = lo + i * step; weight[#at] = bins[i] end
    end
  end
  local m = options and options.points or 128
  local xs, ds = {}, {}
  local a, b = lo - 3 * h, hi + 3 * h
  local norm = 1 / (#s * h * (2 * math.pi) ^ 0.5)
  local from = 1
  for k = 1, m do
    local x = a + (b - a) * (k - 1) / (m - 1)
    while from < #at and at[from] < x - 8 * h do from = from + 1 end
    local sum = 0
    for i = from, #at do
      local u = (at[i] - x) / h
      if u > 8 then break end
      sum = sum + (weight and weight[i] or 1) * exp(-0.5 * u * u)
    end
    xs[k], ds[k] = x, sum * norm
  end
  return xs, ds, h
end

-- Edges from a count, or from the Freedman-Diaconis width 2 IQR n^(-1/3), 5 to 200 bins.
local function linear_edges(s, count)
  local lo, hi = s[1], s[#s]
  if lo == hi then
    local half = lo == 0 and 0.5 or abs(lo) / 2
    lo, hi, count = lo - half, hi + half, 1
  elseif not count then
    local width = 2 * (numbers.quantile(s, 0.75) - numbers.quantile(s, 0.25)) * (#s) ^ (-1 / 3)
    count = width > 0 and (hi - lo) / width < 200 and ceil((hi - lo) / width) or (width > 0 and 200 or 20)
    count = math.max(count, 5)
  end
  local edges = {}
  for i = 0, count do edges[i + 1] = lo + (hi - lo) * (i / count) end
  edges[count + 1] = hi
  return edges
end

local function log_edges(s, per_decade, count)
  local lo, hi = log(s[1], 10), log(s[#s], 10)
  local edges = {}
  if count then
    if lo == hi then lo, hi = lo - 0.05, hi + 0.05 end
    for i = 0, count do edges[i + 1] = 10 ^ (lo + (hi - lo) * i / count) end
  else
    for i = floor(lo * per_decade), floor(hi * per_decade) + 1 do edges[#edges + 1] = 10 ^ (i / per_decade) end
  end
  edges[1] = math.min(edges[1], s[1])  -- rounding must not lose the outermost values
  edges[#edges] = math.max(edges[#edges], s[#s])
  return edges
end

--- Histogram of values, in even or logarithmic bins. Bins hold their lower edge, the last one
--- both.
---@param v orowan.tensor|number[] NaN and infinity are left out
---@param options? {bins: integer|number[], log: boolean, bins_per_decade: integer} bins: count or ascending edges; default Freedman-Diaconis, or 8 a decade
---@return {edges: number[], counts: integer[], density: number[], n: integer, outside: integer} density: per unit of value, over all n values
function numbers.bins(v, options)
  local fn = "plot.bins"
  options = options or {}
  local s = numbers.finite(fn, "values", v)
  table.sort(s)
  if options.log and s[1] <= 0 then
    local bad = 0
    while s[bad + 1] and s[bad + 1] <= 0 do bad = bad + 1 end
    error(("%s: %d of %d values are not positive: logarithmic bins cannot hold them"):format(fn, bad, #s), 0)
  end
  local edges
  local count = options.bins
  if type(count) == "table" or core.tensor.is_tensor(count) then
    edges = numbers.finite(fn, "bins", count)
    for i = 2, #edges do
      if edges[i] <= edges[i - 1] then error(fn .. ": bins: edges must ascend", 0) end
    end
    if #edges < 2 then error(fn .. ": bins: expected at least 2 edges", 0) end
  else
    if count and (math.type(count) ~= "integer" or count < 1 or count > 1000000) then
      error(("%s: bins: expected a count from 1 to 1000000 or a table of edges, got %s"):format(fn, tostring(count)), 0)
    end
    edges = options.log and log_edges(s, options.bins_per_decade or 8, count) or linear_edges(s, count)
  end
  local counts, density, k, outside = {}, {}, 1, 0
  for i = 1, #edges - 1 do counts[i] = 0 end
  for _, x in ipairs(s) do
    if x < edges[1] or x > edges[#edges] then outside = outside + 1
    else
      while k < #counts and x >= edges[k + 1] do k = k + 1 end
      counts[k] = counts[k] + 1
    end
  end
  for i = 1, #counts do density[i] = counts[i] / (#s * (edges[i + 1] - edges[i])) end
  return { edges = edges, counts = counts, density = density, n = #s, outside = outside }
end

--- Fraction of values at or above each distinct value.
---@param v orowan.tensor|number[] NaN and infinity are left out
---@return number[] x distinct values, ascending
---@return number[] p P(X >= x), 1 at the first
function numbers.ccdf(v)
  local s = numbers.finite("plot.ccdf", "values", v)
  table.sort(s)
  local xs, ps, n = {}, {}, #s
  for i = 1, n do
    if s[i] ~= s[i - 1] then xs[#xs + 1] = s[i]; ps[#xs] = (n - i + 1) / n end
  end
  return xs, ps
end

--- Probability density in logarithmic bins, empty bins left out, with the 84 % one-sided Poisson
--- limits of each count (Gehrels 1986, eq. 7 and 14), which are those of one standard deviation.
---@param v orowan.tensor|number[] positive
---@param bins_per_decade? integer 8
---@return number[] x geometric middle of each bin
---@return number[] density per unit of x
---@return number[] lower limit
---@return number[] high
function numbers.log_density(v, bins_per_decade)
  local b = numbers.bins(v, { log = true, bins_per_decade = bins_per_decade })
  local xs, ds, lo, hi = {}, {}, {}, {}
  for i, c in ipairs(b.counts) do
    if c > 0 then
      local k = #xs + 1
      xs[k], ds[k] = (b.edges[i] * b.edges[i + 1]) ^ 0.5, b.density[i]
      local unit = b.density[i] / c
      lo[k], hi[k] = unit * c * (1 - 1 / (9 * c) - 1 / (3 * c ^ 0.5)) ^ 3, unit * (c + 1 + (c + 0.75) ^ 0.5)
    end
  end
  return xs, ds, lo, hi
end

-- ---- ticks ---------------------------------------------------------------------------------

local function with_minus(s) return (s:gsub("^%-", "−")) end

-- Fewest digits after the point that tell all ticks apart exactly.
local function decimals(step)
  for d = 0, 17 do
    local x = step * 10 ^ d
    if abs(x - floor(x + 0.5)) < 1e-6 * x then return d end
  end
  return 17
end

--- Ticks of a linear axis: multiples of 1, 2 or 5 times a power of ten.
---@param lo number
---@param hi number above lo
---@param count number how many fit
---@return {value: number, label: string, minor: boolean}[] ticks labels in our markup
---@return integer? exponent a common factor 10^exponent taken out of the labels
function numbers.linear_ticks(lo, hi, count)
  local raw = (hi - lo) / math.max(count, 2.5)  -- fewer could leave no tick at all
  local base = 10 ^ floor(log(raw, 10))
  local lead, step = 10, 10 * base
  for _, m in ipairs { 1, 2, 5 } do
    if m * base >= raw * 0.999 then lead, step = m, m * base; break end
  end
  local first, last = ceil(lo / step - 1e-9), floor(hi / step + 1e-9)
  local largest = math.max(abs(first), abs(last)) * step
  local exponent
  if largest >= 1e5 or (largest < 1e-3 and largest > 0) then exponent = floor(log(largest, 10) + 1e-9) end
  local unit = exponent and 10 ^ exponent or 1
  local digits = decimals(step / unit)
  local ticks = {}
  local fifths, slack = lead == 2 and 4 or 5, 1e-7 * (hi - lo)
  for k = -1, math.min(floor(last - first + 0.5), 1000) do  -- counted, since first + 1 may equal first
    local v = (first + k) * step
    if k >= 0 and v >= lo - slack and v <= hi + slack then
      ticks[#ticks + 1] = { value = v, label = v == 0 and "0" or with_minus(("%." .. digits .. "f"):format(v / unit)) }
    end
    for j = 1, fifths - 1 do
      local w = (first + k + j / fifths) * step
      if w > lo and w < hi then ticks[#ticks + 1] = { value = w, minor = true } end
    end
  end
  return ticks, exponent
end

local function power_label(k) return "10^{" .. with_minus(tostring(k)) .. "}" end

local function plain_label(v)
  local k = floor(log(v, 10) + 1e-9)
  if k >= 5 or k <= -4 then
    local m = floor(v / 10.0 ^ k + 0.5)
    return m == 1 and power_label(k) or m .. "×" .. power_label(k)
  end
  return ("%.10g"):format(v)
end

--- Ticks of a logarithmic axis: decades; below two of them 1, 2, 5; below that even ones.
---@param lo number above 0
---@param hi number above lo
---@param count number how many fit
---@return {value: number, label: string, minor: boolean}[] ticks labels in our markup
function numbers.log_ticks(lo, hi, count)
  local first, last = ceil(log(lo, 10) - 1e-9), floor(log(hi, 10) + 1e-9)
  local ticks = {}
  local function minors(from, to)
    for k = from, to do
      for m = 2, 9 do
        local v = m * 10.0 ^ k
        if v > lo and v < hi then ticks[#ticks + 1] = { value = v, minor = true } end
      end
    end
  end
  local few = last - first < 2 and count >= 5 and lo >= 1e-4 and hi <= 1e5  -- then plain numbers read better
  if last - first >= 1 and not few then
    local step = math.max(1, ceil((last - first + 1) / math.max(count, 2)))
    for k = first, last do
      if k % step == 0 then ticks[#ticks + 1] = { value = 10.0 ^ k, label = power_label(k) }
      else ticks[#ticks + 1] = { value = 10.0 ^ k, minor = true } end
    end
    if step == 1 then minors(first - 1, last) end
    return ticks
  end
  local labelled = 0
  for k = first - 1, last + 1 do
    for _, m in ipairs { 1, 2, 5 } do
      local v = m * 10.0 ^ k
      if v >= lo * (1 - 1e-12) and v <= hi * (1 + 1e-12) then
        ticks[#ticks + 1] = { value = v, label = plain_label(v) }
        labelled = labelled + 1
      end
    end
  end
  if labelled >= 2 then minors(first - 1, last) return ticks end
  local even = {}
  for _, t in ipairs((numbers.linear_ticks(lo, hi, count))) do
    if not t.minor and t.value > 0 then even[#even + 1] = { value = t.value, label = ("%.10g"):format(t.value) } end
  end
  return even
end

return numbers
