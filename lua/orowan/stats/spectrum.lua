--- Power spectra and their slope.
local core = require("orowan.core").stats
local data = require("orowan.core").stats_data
local C = require "orowan.stats.common"

local M = {}

local function spectrum(fn, x, opts, seg, hop, hann)
  local rate = C.number(fn, "rate", opts.rate, 1, 0)
  if rate <= 0 then C.fail(fn, "rate: expected samples per unit of time or length above 0, got %g", rate) end
  local p, count = data.welch(x, seg, hop, rate, hann, opts.detrend or "constant")
  p = p:totable()
  local f = {}
  for k = 1, #p do
    if p[k] ~= p[k] then C.fail(fn, "x: NaN or infinite values") end
    f[k] = (k - 1) * rate / seg
  end
  return { frequency = f, power = p, segments = count, segment = seg, rate = rate, window = hann and "hann" or "none" }
end

-- Length of one series of x.
local function length(fn, x)
  if type(x) == "userdata" then
    local s = x:shape()
    return s[#s]
  elseif type(x) ~= "table" then C.fail(fn, "x: expected a tensor or a table, got %s", type(x)) end
  return type(x[1]) == "table" and #x[1] or #x
end

local function window(fn, w, def)
  if w == nil then return def end
  if w == "hann" then return true elseif w == "none" then return false end
  C.fail(fn, "window: expected 'hann' or 'none', got '%s'", tostring(w))
end

--- Power density by Welch's method: one-sided, mean of windowed overlapping segments.
--- The rows of a 2-D x are independent series and are averaged too.
---@param x orowan.tensor|number[] shape N, or M x N (M series)
---@param opts? {rate?: number, segment?: integer, overlap?: number, window?: string, detrend?: string} rate: samples per unit (1); segment: samples (N/8, at least 16, at most N); overlap 0.5; window "hann"; detrend "constant" | "linear" | "none"
---@return table spectrum lists frequency (cycles per unit), power (unit of x squared per frequency); segments averaged
function M.welch(x, opts)
  local fn = "stats.welch"
  opts = C.options(fn, opts, C.set("rate", "segment", "overlap", "window", "detrend"))
  local n = length(fn, x)
  if n < 2 then C.fail(fn, "x: %d samples: expected at least 2", n) end
  local seg = C.integer(fn, "segment", opts.segment, math.min(n, math.max(16, n // 8)), 2, n)
  local overlap = C.number(fn, "overlap", opts.overlap, 0.5, 0, 0.95)
  local hann = window(fn, opts.window, true)
  local s = spectrum(fn, x, opts, seg, math.max(1, math.floor(seg * (1 - overlap) + 0.5)), hann)
  -- Independent periodograms the mean is worth: neighbours share correlation 1/36 (Hann, half overlap).
  local k = s.segments
  s.effective = hann and overlap <= 0.5 and k / (1 + 2 / 36 * (k - 1) / k) or (overlap > 0.5 and k * (1 - overlap) / 0.5 or k * (1 - overlap * 0.5))
  s.effective = math.max(1, s.effective)
  return s
end

--- Periodogram: one-sided power density of the whole series, without a window by default (right
--- for a periodic line). The rows of a 2-D x are averaged.
---@param x orowan.tensor|number[] shape N, or M x N (M series)
---@param opts? {rate?: number, window?: string, detrend?: string}
---@return table spectrum lists frequency, power; segments averaged (M)
function M.periodogram(x, opts)
  local fn = "stats.periodogram"
  opts = C.options(fn, opts, C.set("rate", "window", "detrend"))
  local n = length(fn, x)
  if n < 2 then C.fail(fn, "x: %d samples: expected at least 2", n) end
  local s = spectrum(fn, x, opts, n, n, window(fn, opts.window, false))
  s.effective = s.segments
  return s
end

--- Slope g of power ~ frequency^-g within a stated band, by maximum likelihood: an averaged
--- periodogram ordinate is gamma distributed about its mean (Whittle), so no logarithm of a noisy
--- quantity is averaged. Interval: profile likelihood, widened by the correlation of
--- neighbouring bins under a window. Bins are assumed independent otherwise.
---@param spec table from welch or periodogram
---@param opts {low: number, high: number, level?: number} the band, in frequency units, inclusive
---@return table result slope, low, high, se, amplitude (power at frequency 1), bins, least_squares (slope of log power on log frequency, for comparison)
function M.spectrum_slope(spec, opts)
  local fn = "stats.spectrum_slope"
  opts = C.options(fn, opts, C.set("low", "high", "level"))
  if type(spec) ~= "table" or not spec.frequency then C.fail(fn, "spec: expected the result of welch or periodogram") end
  local lo, hi = C.number(fn, "low", opts.low, nil, 0), C.number(fn, "high", opts.high, nil, 0)
  if not lo or not hi or hi <= lo then C.fail(fn, "low, high: expected the band of frequencies to fit, low < high") end
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local x, p = {}, {}
  for k, f in ipairs(spec.frequency) do
    if f > 0 and f >= lo and f <= hi and spec.power[k] > 0 then x[#x + 1], p[#p + 1] = math.log(f), math.log(spec.power[k]) end
  end
  local n = #x
  if n < 4 then C.fail(fn, "the band [%g, %g] holds %d frequencies: expected at least 4", lo, hi, n) end
  local mx, mp = 0, 0
  for i = 1, n do mx, mp = mx + x[i] / n, mp + p[i] / n end
  local sxx, sxy = 0, 0
  for i = 1, n do sxx, sxy = sxx + (x[i] - mx) ^ 2, sxy + (x[i] - mx) * (p[i] - mp) end
  -- F(g) = log mean(P f^g) - g mean(log f), convex in g; deviance 2 K n (F - min).
  local function F(g)
    local top = -math.huge
    for i = 1, n do top = math.max(top, p[i] + g * x[i]) end
    local s, s1, s2 = 0, 0, 0
    for i = 1, n do
      local w = math.exp(p[i] + g * x[i] - top)
      s, s1, s2 = s + w, s1 + w * (x[i] - mx), s2 + w * (x[i] - mx) ^ 2
    end
    return math.log(s / n) + top - g * mx, s1 / s, s2 / s - (s1 / s) ^ 2
  end
  local g = -sxy / sxx
  for _ = 1, 100 do
    local _, d, h = F(g)
    local step = math.max(-2, math.min(2, d / h))
    g = g - step
    if math.abs(step) < 1e-12 * (1 + math.abs(g)) then break end
  end
  local best, _, curvature = F(g)
  local weight = (spec.effective or 1) * n / (spec.window == "hann" and 1.5 or 1)
  local se = 1 / math.sqrt(weight * curvature)
  local z = core.normal_quantile(0.5 + level / 2)
  local function edge(side)
    local inner, outer = g, g + side * z * se
    while 2 * weight * (F(outer) - best) < z * z do inner, outer = outer, outer + side * z * se end
    for _ = 1, 60 do
      local mid = (inner + outer) / 2
      if 2 * weight * (F(mid) - best) < z * z then inner = mid else outer = mid end
    end
    return (inner + outer) / 2
  end
  return { slope = g, low = edge(-1), high = edge(1), se = se, amplitude = math.exp(best + g * mx), bins = n, band = { lo, hi },
    least_squares = -sxy / sxx }
end

return M
