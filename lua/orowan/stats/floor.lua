--- The noise floor: which sizes can be told from measurement noise.
---
--- A moving line with independent errors at its support points shows areas between frames even
--- when it stands still, and their sizes imitate a power law of exponent 0.9 to 1.3 over two to
--- three decades. What noise makes is bounded from above by a null catalogue: events found by
--- the same detector on a static line, or simulated from the stated noise.
local core = require("orowan.core").stats
local data = require("orowan.core").stats_data
local C = require "orowan.stats.common"

local M = {}

--- Sizes that pure noise produces on a static line: `points` support points with independent
--- normal errors, straight between them; each connected area swept forward between two frames
--- is an event (backward areas have the same law and are left out).
---@param spec {noise: number, length: number, points: integer, frames?: integer, seed?: integer, smallest?: number} noise: standard deviation of a support point (px); length: of the line (px); frames: 2000; smallest: areas below are dropped (px^2, default 0)
---@return orowan.tensor sizes areas, px^2 (or the square of whatever unit noise and length share)
function M.line_noise_sizes(spec)
  local fn = "stats.line_noise_sizes"
  spec = C.options(fn, spec, C.set("noise", "length", "points", "frames", "seed", "smallest"))
  for _, k in ipairs { "noise", "length", "points" } do
    if spec[k] == nil then C.fail(fn, "%s: missing", k) end
  end
  return data.line_noise(C.number(fn, "noise", spec.noise, nil, 0), C.number(fn, "length", spec.length, nil, 0),
    C.integer(fn, "points", spec.points, nil, 2, 100000), C.integer(fn, "frames", spec.frames, 2000, 2, 100000000),
    C.integer(fn, "seed", spec.seed, 1), C.number(fn, "smallest", spec.smallest, 0, 0))
end

-- Expected number of null events at or above s, for the exposure of the data. Counted where the
-- null has at least 20 events left, beyond that continued by the exponential of its mean excess
-- (noise has a thinner tail than that, so this errs on the safe side).
local function null_rate(v, exposure)
  local n = #v
  local keep = math.max(1, math.min(n, math.max(20, n // 50)))  -- events in the tail that is continued
  local u = v[n - keep + 1]
  local excess = 0
  for i = n - keep + 1, n do excess = excess + v[i] - u end
  local scale = math.max(excess / math.max(1, keep - 1), 1e-300)
  return function(s)
    if s > u then return exposure * keep * math.exp(-(s - u) / scale) end
    local lo, hi = 1, n + 1
    while lo < hi do
      local m = (lo + hi) // 2
      if v[m] >= s then hi = m else lo = m + 1 end
    end
    return exposure * (n - lo + 1)
  end, u, scale, keep
end

--- The smallest trustworthy size.
--- Without `sizes`: the size that pure noise exceeds `allowed` times in a catalogue of the stated
--- exposure. With the measured `sizes`: the smallest one above which, at every larger threshold
--- with `min_events` or more, noise explains at most `contamination` of the n events and at most
--- 0.3 sqrt(n) of them (more would move an exponent by a good part of its standard error); no
--- such size is the verdict "no avalanches".
---@param null orowan.tensor|number[]|table sizes of null events (a static line through the same detector), or {noise=, length=, points=, frames=, seed=} of line_noise_sizes
---@param opts? {sizes?: orowan.tensor|number[], exposure?: number, contamination?: number, min_events?: integer, allowed?: number, uncertainty?: number} exposure: measured frames x line length over those of the null (1); contamination 0.05; min_events 10; allowed 0.5; uncertainty: relative standard error of the noise, the floor is taken two of them higher (0.05 for {noise=}, 0 for a null catalogue)
---@return table floor smin (unit of the sizes), verdict ("avalanches" | "no avalanches" | nil without sizes), reason, n_above, n_null_expected, null (sorted sizes)
function M.noise_floor(null, opts)
  local fn = "stats.noise_floor"
  opts = C.options(fn, opts, C.set("sizes", "exposure", "contamination", "min_events", "allowed", "uncertainty"))
  local unc, smallest = opts.uncertainty, nil
  local sizes
  if opts.sizes then
    sizes = core.array(opts.sizes, fn, "sizes")
    local s = core.survey(sizes)
    if s.nan + s.infinite + s.nonpositive > 0 then
      C.fail(fn, "sizes: %d values are NaN, infinite, zero or negative (first at %d): expected positive finite numbers",
        s.nan + s.infinite + s.nonpositive, s.first_bad)
    end
    smallest = s.min
  end
  if type(null) == "table" and null.noise then
    unc = unc or 0.05
    null = M.line_noise_sizes(null)
  end
  unc = C.number(fn, "uncertainty", unc, 0, 0, 1)
  if type(null) ~= "table" and type(null) ~= "userdata" then C.fail(fn, "null: expected sizes or {noise=, length=, points=}, got %s", type(null)) end
  local t = core.array(null, fn, "null")
  if #t < 5 then C.fail(fn, "null: %d events: expected at least 5 (watch the static line longer)", #t) end
  local s = core.survey(t)
  if s.nan + s.infinite + s.nonpositive > 0 then C.fail(fn, "null: sizes must be positive and finite (first bad value at %d)", s.first_bad) end
  local v = data.sort(t):totable()
  for i = 1, #v do v[i] = v[i] * (1 + 2 * unc) end
  local exposure = C.number(fn, "exposure", opts.exposure, 1, 0)
  if exposure <= 0 then C.fail(fn, "exposure: expected a number above 0, got %g", exposure) end
  local rate, u, scale, keep = null_rate(v, exposure)
  local result = { null = v, rate = rate, exposure = exposure }
  if #v < 20 then result.warning = ("the noise floor rests on only %d null events"):format(#v) end
  local allowed = C.number(fn, "allowed", opts.allowed, 0.5, 1e-9)
  if rate(u) <= allowed then
    -- The null is so long that the size lies inside it.
    local k = math.max(1, #v - math.floor(allowed / exposure))
    result.smin = v[k]
  else result.smin = u + scale * math.log(exposure * keep / allowed) end
  if not sizes then return result end

  local contamination = C.number(fn, "contamination", opts.contamination, 0.05, 1e-6, 1)
  local min_events = C.integer(fn, "min_events", opts.min_events, 10, 1)
  local d, above = core.distinct(sizes)
  -- From the largest size down; the first threshold (with enough events) that noise can explain ends it.
  local at
  for k = #d, 1, -1 do
    if above[k] >= min_events then
      if rate(d[k]) > math.min(contamination * above[k], 0.3 * math.sqrt(above[k])) then break end
      at = k
    end
  end
  result.n_total = above[1]
  if not at then
    result.verdict, result.n_above = "no avalanches", 0
    for k = 1, #d do
      if d[k] >= result.smin then result.n_above = above[k] break end
    end
    result.reason = ("at no threshold do %d or more events stand clear of the noise: of %d events noise alone explains %.0f"):format(
      min_events, above[1], math.min(above[1], rate(smallest)))
    return result
  end
  result.smin, result.n_above, result.n_null_expected = d[at], above[at], rate(d[at])
  result.verdict = "avalanches"
  result.reason = ("%d events at or above %.4g, of which noise explains %.2g"):format(above[at], d[at], rate(d[at]))
  if above[at] < 50 then
    result.warning = (result.warning and result.warning .. "; " or "") .. ("only %d events stand clear of the noise"):format(above[at])
  end
  return result
end

return M
