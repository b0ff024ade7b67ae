--- Fits that choose their own bounds, and the default protocol `stats.fit`.
local core = require("orowan.core").stats
local C = require "orowan.stats.common"
local fits = require "orowan.stats.fits"
local floor = require "orowan.stats.floor"

local M = {}

-- Distinct values, events at or above each, and a function that snaps a size up to a value.
local function catalogue(t)
  local v, above = core.distinct(t)
  local function snap(s)
    local lo, hi = 1, #v + 1
    while lo < hi do
      local m = (lo + hi) // 2
      if v[m] >= s then hi = m else lo = m + 1 end
    end
    return lo <= #v and lo or nil
  end
  return v, above, snap
end

-- p of a fit, or 0 at once where even the known-parameter Kolmogorov law (which is too generous
-- to a fitted model) puts it below p_min. Ties of discrete data void that law: no short cut.
local function accept(fit, p_min, repeats, seed)
  if fit.kind ~= "discrete" and core.kolmogorov_p(fit.ks, fit.n) < p_min then return 0 end
  local p = core.gof(fit.dist, fit.n, fit.ks, seed, repeats, p_min)
  return p
end

local choose_options = C.set("kind", "smin", "smax", "level", "p_min", "repeats", "seed", "per_decade", "min_events", "floor")

-- The smallest smin from which one of `models` passes p >= p_min (truncated: up to the largest
-- size). The fit carries p, smin_low (last refused smin) and tried. If none passes: the one of the
-- smallest distance, with a warning.
local function scan_smin(fn, models, t, discrete, opts, s)
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local p_min = C.number(fn, "p_min", opts.p_min, 0.1, 0, 1)
  local repeats = C.integer(fn, "repeats", opts.repeats, 200, 20)
  local seed = C.integer(fn, "seed", opts.seed, 1)
  local v, above, snap = catalogue(t)
  local from = math.max(s.min, C.number(fn, "floor", opts.floor, s.min, 0))
  local k0 = snap(from)
  local left = k0 and above[k0] or 0
  if left < 10 then C.fail(fn, "only %d events at or above the floor %g: expected at least 10", left, from) end
  local min_events = C.integer(fn, "min_events", opts.min_events, math.min(50, left), 10)
  local tried, last, chosen, closest, before = {}, nil, nil, nil, nil
  for _, g in ipairs(C.log_grid(from, s.max, C.number(fn, "per_decade", opts.per_decade, 8, 1, 100))) do
    local k = snap(g * (1 - 1e-12))
    if k and k ~= last and above[k] >= min_events and v[k] < s.max then
      last = k
      for _, model in ipairs(models) do
        local ok, fit = pcall(fits._fit_model, fn, model, t, discrete, v[k], s.max, level)
        if ok then
          fit.p = accept(fit, p_min, repeats, seed)
          tried[#tried + 1] = { smin = v[k], model = model, tau = fit.tau, p = fit.p, n = fit.n, ks = fit.ks }
          if not closest or fit.ks < closest.ks then closest = fit end
          if fit.p >= p_min and (not chosen or fit.p > chosen.p) then chosen = fit end
        elseif type(fit) == "table" and fit.code == "interrupted" then error(fit, 0) end
      end
      if chosen then break end
      before = v[k]
    end
  end
  local best = chosen or closest
  if not best then C.fail(fn, "fewer than %d events at or above %g: no smallest size to choose", min_events, from) end
  best.smin_low, best.smin_high = chosen and before or best.smin, best.smin
  if not chosen then
    best.warning = ("no smallest size gives an acceptable fit (smin = %g has the smallest distance, p = %.2g)"):format(best.smin, best.p)
  end
  best.tried = tried
  return best
end

--- Power law with exponential cut-off P(S) ~ S^-tau exp(-S/S0) above smin, tau of any value
--- (incomplete gamma function of any order). Without smin: the smallest one whose fit passes a
--- Monte Carlo Kolmogorov-Smirnov test (p >= p_min).
---@param x orowan.tensor|number[] sizes, shape N, any unit
---@param opts? {smin?: number, kind?: string, level?: number, p_min?: number, repeats?: integer, seed?: integer, per_decade?: number, min_events?: integer, floor?: number} p_min 0.1; repeats 200; floor: no smin below it
---@return table fit tau, s0 (unit of x) with _se, _low, _high (profile likelihood), smin (smin_low, smin_high: last refused and first accepted), p, n, loglik, aic, ks, dist; at_edge when no cut-off is seen (s0 = inf)
function M.fit_cutoff(x, opts)
  local fn = "stats.fit_cutoff"
  opts = C.options(fn, opts, choose_options)
  local discrete = C.discrete(fn, opts.kind)
  local t, s = C.sizes(fn, x, discrete)
  local smin = C.number(fn, "smin", opts.smin, nil, 0)
  if not smin then return scan_smin(fn, { "cutoff" }, t, discrete, opts, s) end
  if smin <= 0 then C.fail(fn, "smin: expected a number above 0, got %g", smin) end
  if discrete then smin = math.ceil(smin) end
  local fit = fits._fit_model(fn, "cutoff", t, discrete, smin + 0.0, math.huge, C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999))
  fit.smin_low, fit.smin_high = fit.smin, fit.smin
  return fit
end

--- Doubly truncated power law p(x) ~ x^-tau on [smin, smax], tau of any value. With both bounds
--- it is one fit; without, the scan of Deluca and Corral (Acta Geophys. 61 (2013) 1351): among
--- log-spaced bounds the widest range smax/smin whose Monte Carlo p-value is at least p_min.
---@param x orowan.tensor|number[] sizes, shape N, any unit
---@param opts? {smin?: number, smax?: number, kind?: string, level?: number, p_min?: number, repeats?: integer, seed?: integer, per_decade?: number, min_events?: integer, floor?: number}
---@return table fit tau with _se, _low, _high (profile likelihood), smin, smax, n, loglik, aic, ks, dist; from the scan also p and ranges_tried
function M.fit_truncated(x, opts)
  local fn = "stats.fit_truncated"
  opts = C.options(fn, opts, choose_options)
  local discrete = C.discrete(fn, opts.kind)
  local t, s = C.sizes(fn, x, discrete)
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local smin, smax = C.number(fn, "smin", opts.smin, nil, 0), C.number(fn, "smax", opts.smax, nil, 0)
  if smin and smin <= 0 then C.fail(fn, "smin: expected a number above 0, got %g", smin) end
  if smin and smax and smax <= smin then C.fail(fn, "smax: expected more than smin = %g, got %g", smin, smax) end
  if discrete then smin, smax = smin and math.ceil(smin), smax and math.floor(smax) end
  if smin and smax then return fits._fit_model(fn, "truncated", t, discrete, smin + 0.0, smax + 0.0, level) end

  local p_min = C.number(fn, "p_min", opts.p_min, 0.1, 0, 1)
  local repeats, seed = C.integer(fn, "repeats", opts.repeats, 200, 20), C.integer(fn, "seed", opts.seed, 1)
  local per_decade = C.number(fn, "per_decade", opts.per_decade, 8, 1, 100)
  local v, above, snap = catalogue(t)
  local from = math.max(s.min, C.number(fn, "floor", opts.floor, s.min, 0))
  local k0 = snap(from)
  local min_events = C.integer(fn, "min_events", opts.min_events, math.max(10, math.min(50, k0 and above[k0] or 0)), 10)
  local grid, seen = {}, {}
  for _, g in ipairs(k0 and C.log_grid(from, s.max, per_decade) or {}) do
    local k = snap(g * (1 - 1e-12))
    if k and not seen[k] then seen[k], grid[#grid + 1] = true, k end
  end
  local lows, highs = smin and { snap(smin) } or grid, smax and { snap(smax) or #v } or grid
  local ranges = {}
  for _, a in ipairs(lows) do
    for _, b in ipairs(highs) do
      local n = above[a] - (b < #v and above[b + 1] or 0)
      if v[b] > 1.5 * v[a] and n >= min_events then ranges[#ranges + 1] = { a = smin or v[a], b = smax or v[b], n = n } end
    end
  end
  table.sort(ranges, function(p, q)
    local rp, rq = p.b / p.a, q.b / q.a
    if rp ~= rq then return rp > rq end
    return p.n > q.n
  end)
  if not ranges[1] then C.fail(fn, "no range holds %d events", min_events) end
  local best, tried
  for i, r in ipairs(ranges) do
    tried = i
    local ok, fit = pcall(fits._fit_model, fn, "truncated", t, discrete, r.a + 0.0, r.b + 0.0, level)
    if ok then
      fit.p = accept(fit, p_min, repeats, seed)
      if not best or fit.p > best.p or (fit.p == best.p and fit.ks * fit.n ^ 0.5 < best.ks * best.n ^ 0.5) then best = fit end
      if fit.p >= p_min then break end
    end
  end
  if not best then C.fail(fn, "no range of sizes could be fitted") end
  if best.p < p_min then
    best.warning = ("no range gives an acceptable truncated power law (best p = %.2g on [%g, %g])"):format(best.p, best.smin, best.smax)
  end
  best.ranges_tried, best.ranges = tried, #ranges
  return best
end

--- The exponent as a function of the smallest size: a fit that means something has a plateau.
---@param x orowan.tensor|number[] sizes, shape N, any unit
---@param opts? {model?: string, kind?: string, per_decade?: number, min_events?: integer, smax?: number, level?: number, floor?: number} model: "cutoff" (default), "truncated" (up to smax, default the largest size) or "powerlaw"
---@return table curve lists smin, tau, low, high, n (and s0 for the cut-off)
function M.tau_of_smin(x, opts)
  local fn = "stats.tau_of_smin"
  opts = C.options(fn, opts, C.set("model", "kind", "per_decade", "min_events", "smax", "level", "floor"))
  local discrete = C.discrete(fn, opts.kind)
  local t, s = C.sizes(fn, x, discrete)
  local model = opts.model or "cutoff"
  if model ~= "cutoff" and model ~= "truncated" and model ~= "powerlaw" then
    C.fail(fn, "model: expected 'cutoff', 'truncated' or 'powerlaw', got '%s'", tostring(model))
  end
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local smax = C.number(fn, "smax", opts.smax, s.max, 0)
  local min_events = C.integer(fn, "min_events", opts.min_events, math.min(50, s.n), 10)
  local v, above, snap = catalogue(t)
  local out = { model = model, smin = {}, tau = {}, low = {}, high = {}, n = {}, s0 = {} }
  local last
  for _, g in ipairs(C.log_grid(math.max(s.min, opts.floor or s.min), s.max, C.number(fn, "per_decade", opts.per_decade, 6, 1, 100))) do
    local k = snap(g * (1 - 1e-12))
    if k and k ~= last and above[k] >= min_events and v[k] < smax then
      last = k
      local ok, f = pcall(fits._fit_model, fn, model, t, discrete, v[k], smax, level)
      if ok then
        local i = #out.smin + 1
        local name = model == "powerlaw" and "alpha" or "tau"
        out.smin[i], out.tau[i], out.low[i], out.high[i], out.n[i] = v[k], f[name], f[name .. "_low"], f[name .. "_high"], f.n
        out.s0[i] = f.s0
      elseif type(f) == "table" and f.code == "interrupted" then error(f, 0) end
    end
  end
  return out
end

local fit_options = C.set("kind", "smin", "null", "noise", "exposure", "floor", "level", "p_min", "repeats", "seed", "min_events", "per_decade")

--- The default protocol for a catalogue of event sizes.
--- 1. Noise floor, if `null` (sizes of events found on a static line) or `noise` (as for
---    noise_floor) is given; nothing above it means status "no avalanches".
--- 2. smin: the smallest size, not below the floor, from which a power law with cut-off, or one
---    truncated at the largest size, passes a Monte Carlo Kolmogorov-Smirnov test.
--- 3. All models above smin, likelihood ratios, and the power-law family of the lowest AIC.
--- An exponent near 1 is seen as such: untruncated estimators would return about 1.2.
--- ```lua
--- local x = ow.rng(1):uniform(1000) ^ (-1 / 1.5)  -- P(S) ~ S^-2.5
--- local fit = ow.stats.fit(x)
--- print(fit.status, fit.tau_low < 2.5 and 2.5 < fit.tau_high + 0.01)  --> ok true
--- ```
---@param x orowan.tensor|number[] sizes, shape N, any unit
---@param opts? {kind?: string, smin?: number, null?: orowan.tensor|number[]|table, noise?: table, exposure?: number, floor?: number, level?: number, p_min?: number, repeats?: integer, seed?: integer, min_events?: integer, per_decade?: number} exposure: of the data over that of the null (1); floor: no smin below this size, whatever the null says
---@return table result status ("ok" | "no avalanches" | "not a power law" | "poor fit"), model, tau (tau_low, tau_high, tau_se), smin, p, floor, fits (by model), tests (likelihood ratios against the chosen one), warning, note (when no noise floor was given)
function M.fit(x, opts)
  local fn = "stats.fit"
  opts = C.options(fn, opts, fit_options)
  local discrete = C.discrete(fn, opts.kind)
  local result = { kind = discrete and "discrete" or "continuous" }
  local warnings = {}
  if opts.null or opts.noise then
    local fl = floor.noise_floor(opts.null or opts.noise, { sizes = x, exposure = opts.exposure })
    result.floor = fl
    if fl.verdict == "no avalanches" then
      result.status, result.reason, result.n = "no avalanches", fl.reason, fl.n_above
      return result
    end
    warnings[#warnings + 1] = fl.warning
  end
  if not result.floor and not opts.floor then
    result.note = "no noise floor was given: small sizes are taken on trust (measurement noise imitates a power law; see stats.noise_floor)"
  end
  local t, s, few = C.sizes(fn, x, discrete)
  warnings[#warnings + 1] = few
  local lowest = math.max(s.min, result.floor and result.floor.smin or 0, C.number(fn, "floor", opts.floor, 0, 0))
  local chosen
  if opts.smin then
    chosen = M.fit_cutoff(t, { kind = opts.kind, smin = math.max(opts.smin, lowest), level = opts.level })
    chosen.p = fits.goodness_of_fit(chosen, { repeats = opts.repeats, seed = opts.seed })
  else
    chosen = scan_smin(fn, { "cutoff", "truncated" }, t, discrete, {
      level = opts.level, p_min = opts.p_min, repeats = opts.repeats, seed = opts.seed, min_events = opts.min_events,
      per_decade = opts.per_decade, floor = lowest,
    }, s)
  end
  local smin = chosen.smin
  result.smin, result.smin_low, result.smin_high, result.n = smin, chosen.smin_low, chosen.smin_high, chosen.n
  result.p, result.tried = chosen.p, chosen.tried
  if not discrete then
    local distinct = #(core.distinct(chosen.x))
    if chosen.n >= 200 and distinct < chosen.n / 10 then
      warnings[#warnings + 1] = ("the sizes are rounded (%d distinct values among %d): a continuous law fails for that alone"):format(distinct, chosen.n)
    end
  end
  local level = opts.level or 0.95
  result.fits = { [chosen.model] = chosen }
  for _, model in ipairs(discrete and { "powerlaw", "truncated", "cutoff", "exponential" }
    or { "powerlaw", "truncated", "cutoff", "lognormal", "stretched", "exponential" }) do
    local ok, f = pcall(fits._fit_model, fn, model, t, discrete, smin, s.max, level)
    if ok then result.fits[model] = result.fits[model] or f
    elseif type(f) == "table" and f.code == "interrupted" then error(f, 0)
    else warnings[#warnings + 1] = model .. ": " .. tostring(f) end
  end
  -- Within the power-law family: lowest AIC. A bound at the largest event gains Exp(1) for nothing:
  -- it has to gain 3 (p = 0.05) to count.
  local best
  local family = { powerlaw = true, truncated = true, cutoff = true }
  for _, model in ipairs { "powerlaw", "truncated", "cutoff" } do
    local f = result.fits[model]
    if f then
      local aic = f.aic + (model == "truncated" and 6 or 0)
      if not best or aic < best.aic - 1e-9 then best = { aic = aic, fit = f } end
    end
  end
  local f = best.fit
  local name = f.model == "powerlaw" and "alpha" or "tau"
  result.model, result.tau, result.tau_se, result.tau_low, result.tau_high = f.model, f[name], f[name .. "_se"], f[name .. "_low"], f[name .. "_high"]
  result.s0, result.s0_low, result.s0_high = f.s0, f.s0_low, f.s0_high
  result.tests = {}
  result.status = "ok"
  for _, model in ipairs { "powerlaw", "truncated", "cutoff", "lognormal", "stretched", "exponential" } do
    local g = result.fits[model]
    if g and g ~= f then
      local test = fits.compare(f, g)
      result.tests[#result.tests + 1] = test
      -- Only a model outside the power-law family can refute it.
      if test.better == model and not family[model] and test.p_vuong < 0.05 then
        result.status, result.alternative = "not a power law", model
        warnings[#warnings + 1] = ("the %s distribution fits better than the %s one (p = %.2g)"):format(model, f.model, test.p_vuong)
      end
    end
  end
  local p_min = opts.p_min or 0.1
  if result.status == "ok" and result.p < p_min then
    result.status = "poor fit"
    warnings[#warnings + 1] = chosen.warning or ("the %s power law is a poor description above %g (p = %.2g)"):format(chosen.model, smin, result.p)
  end
  if f.n < 50 and not few then warnings[#warnings + 1] = C.few(f.n) end
  if #warnings > 0 then result.warning = table.concat(warnings, "; ") end
  return result
end

return M
