--- Maximum-likelihood fits of size distributions, their goodness and their comparison.
local core = require("orowan.core").stats
local C = require "orowan.stats.common"

local M = {}

-- Names of the parameters of each model, as users see them.
local names = {
  powerlaw = { "alpha" }, truncated = { "tau" }, cutoff = { "tau", "s0" }, lognormal = { "mu", "sigma" },
  stretched = { "beta", "x0" }, exponential = { "s0" },
}

local fit_options = C.set("kind", "smin", "smax", "level")

-- The fit of one model to the events of t in [smin, smax].
local function fit_model(fn, model, t, discrete, smin, smax, level)
  local tail = core.between(t, smin, model == "truncated" and smax or math.huge)
  if #tail < 10 then
    C.fail(fn, "only %d events %s: expected at least 10", #tail,
      model == "truncated" and ("from %g to %g"):format(smin, smax) or ("at or above smin = %g"):format(smin))
  end
  local r = core.fit(model, tail, discrete, smin, smax, level)
  local fit = {
    model = model, kind = discrete and "discrete" or "continuous", n = r.n, npar = r.npar, loglik = r.loglik,
    aic = 2 * r.npar - 2 * r.loglik, smin = smin, smax = model == "truncated" and smax or nil,
    at_edge = r.at_edge, dist = r.dist, x = tail, level = level, warning = C.few(r.n),
  }
  for i, name in ipairs(names[model]) do
    fit[name], fit[name .. "_se"], fit[name .. "_low"], fit[name .. "_high"] =
      r["par" .. i], r["se" .. i], r["low" .. i], r["high" .. i]
  end
  -- A bound put at the largest event is an estimate, and a free one.
  fit.bound_fitted = model == "truncated" and core.survey(tail).max >= smax or nil
  fit.ks = core.ks(tail, r.dist, false)
  return fit
end
M._fit_model = fit_model

local function bounds(fn, opts, s, discrete)
  local smin = C.number(fn, "smin", opts.smin, s.min, 0)
  local smax = C.number(fn, "smax", opts.smax, s.max)
  if smin <= 0 then C.fail(fn, "smin: expected a number above 0, got %g", smin) end
  if smax <= smin then C.fail(fn, "smax: expected more than smin = %g, got %g", smin, smax) end
  if discrete then smin, smax = math.ceil(smin), math.floor(smax) end
  return smin + 0.0, smax + 0.0
end

local function simple(fn, model, x, opts)
  opts = C.options(fn, opts, fit_options)
  local discrete = C.discrete(fn, opts.kind)
  local t, s = C.sizes(fn, x, discrete)
  local smin, smax = bounds(fn, opts, s, discrete)
  return fit_model(fn, model, t, discrete, smin, smax, C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999))
end

--- Lognormal distribution of the sizes at or above smin (left-truncated there).
--- The family ends in a pure power law (sigma -> infinity); `at_edge` says that the fit went there.
--- Source: Clauset, Shalizi, Newman, SIAM Rev. 51 (2009) 661, table 2.1.
---@param x orowan.tensor|number[] sizes, shape N, any unit
---@param opts? {smin?: number, level?: number} smin: default the smallest size; level: of the intervals, 0.95
---@return table fit mu, sigma (of the natural log of the size) with _se, _low, _high (profile likelihood), n, loglik, aic, ks, dist
function M.fit_lognormal(x, opts) return simple("stats.fit_lognormal", "lognormal", x, opts) end

--- Stretched exponential: P(S > s) ~ exp(-(s/x0)^beta) above smin (Weibull tail).
--- beta -> 0 is a pure power law (`at_edge`). Source: Clauset et al. 2009, table 2.1.
---@param x orowan.tensor|number[] sizes, shape N, any unit
---@param opts? {smin?: number, level?: number}
---@return table fit beta with _se, _low, _high (profile likelihood), x0 (unit of x), n, loglik, aic, ks, dist
function M.fit_stretched(x, opts) return simple("stats.fit_stretched", "stretched", x, opts) end

--- Exponential (kind="discrete": geometric) distribution above smin.
---@param x orowan.tensor|number[] sizes, shape N, any unit
---@param opts? {smin?: number, level?: number, kind?: string}
---@return table fit s0 (mean excess, unit of x) with _se, _low, _high, n, loglik, aic, ks, dist
function M.fit_exponential(x, opts) return simple("stats.fit_exponential", "exponential", x, opts) end

local power_options = C.set("kind", "xmin", "min_tail", "max_xmin", "level", "bootstrap", "seed")

--- Pure power law p(x) ~ x^-alpha above xmin; xmin by the smallest Kolmogorov-Smirnov distance
--- (Clauset, Shalizi, Newman, SIAM Rev. 51 (2009) 661) unless given. `ks` is their statistic:
--- the empirical function just before each event against the model. An untruncated power law
--- cannot have an exponent at or below 1: for those use fit_cutoff or fit_truncated.
---@param x orowan.tensor|number[] sizes, shape N, any unit
---@param opts? {kind?: string, xmin?: number, min_tail?: integer, max_xmin?: number, level?: number, bootstrap?: integer, seed?: integer} min_tail: fewest events above xmin (10); bootstrap: resamples for the intervals that include the choice of xmin (0)
---@return table fit alpha with _se, _low, _high (profile likelihood at that xmin), xmin, ks, n_tail, n, loglik, aic, dist; with bootstrap also boot = {alpha, xmin, n_tail: {low, high}}
function M.fit_power_law(x, opts)
  local fn = "stats.fit_power_law"
  opts = C.options(fn, opts, power_options)
  local discrete = C.discrete(fn, opts.kind)
  local t, s = C.sizes(fn, x, discrete)
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local min_tail = C.integer(fn, "min_tail", opts.min_tail, 10, 2)
  local max_xmin = C.number(fn, "max_xmin", opts.max_xmin, nil, 0)
  local xmin = C.number(fn, "xmin", opts.xmin, nil, 0)
  if xmin and xmin <= 0 then C.fail(fn, "xmin: expected a number above 0, got %g", xmin) end
  local scan
  if not xmin then
    scan = core.xmin_scan(t, discrete, min_tail, max_xmin)
    xmin = scan.xmin
  elseif discrete then xmin = math.ceil(xmin) + 0.0 end
  local fit = fit_model(fn, "powerlaw", t, discrete, xmin, math.huge, level)
  fit.ks_two_sided = fit.ks
  fit.ks = scan and scan.ks or core.ks(fit.x, fit.dist, true)
  fit.xmin, fit.n_tail, fit.n_total = xmin, fit.n, s.n
  fit.scanned, fit.min_tail, fit.max_xmin, fit.all = scan ~= nil, min_tail, max_xmin, t
  local repeats = C.integer(fn, "bootstrap", opts.bootstrap, 0, 0)
  if repeats > 0 and scan then
    local rows = core.xmin_bootstrap(t, discrete, min_tail, max_xmin, C.integer(fn, "seed", opts.seed, 1), repeats):totable()
    fit.boot = { repeats = repeats }
    for j, name in ipairs { "alpha", "xmin", "ks", "n_tail" } do
      local v = {}
      for i, row in ipairs(rows) do v[i] = row[j] end
      table.sort(v)
      fit.boot[name] = { low = C.quantile(v, 0.5 - level / 2), high = C.quantile(v, 0.5 + level / 2) }
    end
  end
  return fit
end

--- Goodness of fit of a power law by Monte Carlo (Clauset et al. 2009, section 4.1): the share of
--- synthetic samples (tail drawn from the fit, body resampled, xmin chosen anew) whose distance is
--- at least the observed one. Small p (below 0.1) speaks against the power law.
---@param fit table from fit_power_law
---@param opts? {repeats?: integer, seed?: integer} repeats: 1000
---@return number p
---@return number low lower end of the 95 % interval of the Monte Carlo error
---@return number high upper end
function M.power_law_pvalue(fit, opts)
  local fn = "stats.power_law_pvalue"
  opts = C.options(fn, opts, C.set("repeats", "seed"))
  if type(fit) ~= "table" or fit.model ~= "powerlaw" then C.fail(fn, "fit: expected the result of fit_power_law") end
  local repeats = C.integer(fn, "repeats", opts.repeats, 1000, 10)
  local seed = C.integer(fn, "seed", opts.seed, 1)
  local p
  if fit.scanned then
    p = core.xmin_pvalue(fit.all, fit.dist.discrete, fit.min_tail, fit.max_xmin,
      { alpha = fit.alpha, xmin = fit.xmin, ks = fit.ks, n_tail = fit.n_tail }, seed, repeats)
  else p = core.gof(fit.dist, fit.n, fit.ks_two_sided, seed, repeats, 0) end
  local low, high = C.binomial_interval(p * repeats, repeats)
  return p, low, high
end

--- Goodness of fit of any fitted model at its bounds: the share of samples drawn from the fit,
--- fitted again, whose Kolmogorov-Smirnov distance is at least the observed one.
---@param fit table from any fit_*
---@param opts? {repeats?: integer, seed?: integer, decide?: number} repeats: 500; decide: stop early once p is clearly above or below this
---@return number p
---@return number low 95 % interval of the Monte Carlo error
---@return number high
function M.goodness_of_fit(fit, opts)
  local fn = "stats.goodness_of_fit"
  opts = C.options(fn, opts, C.set("repeats", "seed", "decide"))
  if type(fit) ~= "table" or not fit.dist then C.fail(fn, "fit: expected the result of a fit") end
  local p, done = core.gof(fit.dist, fit.n, fit.ks_two_sided or fit.ks, C.integer(fn, "seed", opts.seed, 1),
    C.integer(fn, "repeats", opts.repeats, 500, 10), C.number(fn, "decide", opts.decide, 0, 0, 1))
  local low, high = C.binomial_interval(p * done, done)
  return p, low, high
end

-- True when the parameters of `a` are a special case of those of `b`; edge: at the boundary of b.
local function nested(a, b)
  if a == "powerlaw" and (b == "cutoff" or b == "lognormal" or b == "stretched") then return "edge" end
  if a == "exponential" and (b == "cutoff" or b == "stretched") then return "inside" end
end

--- Likelihood-ratio test of two fits of the same events (Vuong 1989; Clauset et al. 2009, C).
--- When one model contains the other, `p` is Wilks' chi-squared (halved where the smaller model
--- lies on the edge of the larger: Self and Liang 1987), otherwise Vuong's two-sided p.
--- A truncated law whose bound is the largest event has a free gain: under a power law n P(S > max)
--- is exponential with mean 1, so its ratio against the power law has p = exp(-ratio), and against
--- others the gain's mean and variance (1 and 1) are taken off and added in Vuong's z.
---@param a table fit
---@param b table fit
---@return table result ratio (log likelihood of a minus b; positive favours a), z (Vuong's normalised ratio), p_vuong, nested, p, better ("a model's name" at p < 0.05, else "undecided")
function M.compare(a, b)
  local fn = "stats.compare"
  if type(a) ~= "table" or type(b) ~= "table" or not a.dist or not b.dist then C.fail(fn, "expected two fits") end
  if a.kind ~= b.kind or a.n ~= b.n or a.smin ~= b.smin then
    C.fail(fn, "the fits are of different events: %s n = %d above %g and %s n = %d above %g", a.model, a.n, a.smin, b.model, b.n, b.smin)
  end
  local la, lb = core.logpdf(a.dist, a.x):totable(), core.logpdf(b.dist, a.x):totable()
  local n, sum, sum2 = #la, 0, 0
  for i = 1, n do
    local d = la[i] - lb[i]
    la[i] = d
    sum = sum + d
  end
  for i = 1, n do sum2 = sum2 + (la[i] - sum / n) ^ 2 end
  local sd = math.sqrt(sum2 / n)
  local free = (a.bound_fitted and 1 or 0) - (b.bound_fitted and 1 or 0)
  local z = sd > 0 and (sum - free) / math.sqrt(sd * sd * n + math.abs(free)) or 0
  local p = sd > 0 and 2 * core.normal_cdf(-math.abs(z)) or 1
  local r = { a = a.model, b = b.model, ratio = sum, z = z, p_vuong = p, p = p, nested = false }
  local how, sign = nested(a.model, b.model), -1
  if not how then how, sign = nested(b.model, a.model), 1 end
  if how then
    r.nested = true
    r.p = core.chi2_p(math.max(0, 2 * sign * sum), 1) * (how == "edge" and 0.5 or 1)
  end
  if free ~= 0 and (a.model == "powerlaw" or b.model == "powerlaw") then
    r.nested = true
    r.p = math.min(1, math.exp(-free * sum))
  end
  r.better = "undecided"
  if r.p < 0.05 then r.better = (r.nested and sum or z) > 0 and a.model or b.model end
  return r
end

--- Random sizes of a fitted or given distribution (Philox; the same at any thread count).
--- ```lua
--- local x = ow.stats.sample({ model = "powerlaw", alpha = 2.5, smin = 1 }, 100, 3)
--- print(x:numel(), x:min() >= 1)  --> 100 true
--- ```
---@param dist table a fit, or {model, smin, smax, tau|alpha, s0, kind}: "powerlaw", "truncated" or "cutoff"
---@param n integer
---@param seed? integer default 0
---@return orowan.tensor x shape n
function M.sample(dist, n, seed)
  local fn = "stats.sample"
  if type(dist) ~= "table" then C.fail(fn, "dist: expected a fit or a table {model=, smin=, ...}") end
  return core.sample(dist.dist or M._dist(fn, dist), C.integer(fn, "n", n, nil, 0), seed or 0)
end

-- The C side's form of {model, smin, smax, tau, s0, ...}.
function M._dist(fn, d)
  local a = C.number(fn, "smin", d.smin, 1, 0) + 0.0
  local r = { model = d.model, discrete = C.discrete(fn, d.kind), a = a, b = d.smax and d.smax + 0.0 or math.huge, p0 = 0, p1 = 0 }
  if d.model == "powerlaw" or d.model == "truncated" or d.model == "cutoff" then
    r.p0 = C.number(fn, "tau", d.tau or d.alpha)
    if not r.p0 then C.fail(fn, "tau: expected a number, got nil") end
    if d.model == "cutoff" and d.s0 ~= math.huge then r.p1 = a / C.number(fn, "s0", d.s0, math.huge, 0) end
  elseif d.model == "exponential" then r.p1 = a / C.number(fn, "s0", d.s0, 1, 0)
  elseif d.model == "lognormal" then
    if d.sigma == math.huge then C.fail(fn, "sigma: expected a finite number, got infinity (a power law)") end
    local mu, sigma = C.number(fn, "mu", d.mu, 0), C.number(fn, "sigma", d.sigma, 1, 0)
    r.p1 = 1 / (2 * sigma * sigma)
    r.p0 = -2 * r.p1 * (mu - math.log(a))
  elseif d.model == "stretched" then
    r.p1 = C.number(fn, "beta", d.beta, 1, 0)
    r.p0 = r.p1 * (a / C.number(fn, "x0", d.x0, 1, 0)) ^ r.p1
  else C.fail(fn, "model: unknown '%s'", tostring(d.model)) end
  return r
end

--- How far to trust a fit of this kind and size: fits `repeats` synthetic samples drawn from it.
---@param fit table a fit, or a description as for `sample` with n
---@param opts? {n?: integer, repeats?: integer, seed?: integer, level?: number}
---@return table rows one per parameter: name, truth, mean, bias, se (mean reported), sd (seen), coverage (share of intervals that hold the truth)
function M.calibrate(fit, opts)
  local fn = "stats.calibrate"
  opts = C.options(fn, opts, C.set("n", "repeats", "seed", "level"))
  local dist = fit.dist or M._dist(fn, fit)
  local n, repeats = C.integer(fn, "n", opts.n or fit.n, 1000, 2), C.integer(fn, "repeats", opts.repeats, 1000, 2)
  local rows = core.calibrate(dist, n, C.integer(fn, "seed", opts.seed, 1), repeats, opts.level or 0.95):totable()
  local truth
  if dist.model == "lognormal" then
    truth = { -dist.p0 / (2 * dist.p1) + math.log(dist.a), 1 / math.sqrt(2 * dist.p1) }
  elseif dist.model == "stretched" then truth = { dist.p1 }
  elseif dist.model == "exponential" then truth = { dist.a / dist.p1 }
  else truth = { dist.p0, dist.model == "cutoff" and dist.a / dist.p1 or nil } end
  local out = {}
  for j, t in ipairs(truth) do
    local m, se, sq, hit = 0, 0, 0, 0
    for _, r in ipairs(rows) do m, se = m + r[j] / repeats, se + r[2 + j] / repeats end
    for _, r in ipairs(rows) do
      sq = sq + (r[j] - m) ^ 2
      if r[4 + j] <= t and t <= r[6 + j] then hit = hit + 1 end
    end
    out[j] = { name = names[dist.model][j], truth = t, mean = m, bias = m - t, se = se, sd = math.sqrt(sq / (repeats - 1)), coverage = hit / repeats }
  end
  return out
end

-- P(S >= s), which over integers includes s.
local function at_least(dist, s)
  local at = s
  if dist.discrete then
    at = {}
    for i, v in ipairs(s) do at[i] = math.ceil(v) - 1.0 end
  end
  local p = core.cdf(dist, at):totable()
  for i = 1, #p do p[i] = 1 - p[i] end
  return p
end

--- The fitted P(S >= s) with a pointwise interval from refitted synthetic samples (parametric
--- bootstrap at the bounds of the fit).
---@param fit table a fit
---@param s number[] sizes, within the bounds
---@param opts? {repeats?: integer, seed?: integer, level?: number, scale?: number, beyond?: number} repeats 200; scale: share of all events that lie within the bounds (1); beyond: share above the upper bound (0)
---@return table band lists s, p, low, high
function M.fit_band(fit, s, opts)
  local fn = "stats.fit_band"
  opts = C.options(fn, opts, C.set("repeats", "seed", "level", "scale", "beyond"))
  if type(fit) ~= "table" or not fit.dist then C.fail(fn, "fit: expected the result of a fit") end
  s = C.values(fn, "s", s, 1):totable()
  local repeats, level = C.integer(fn, "repeats", opts.repeats, 200, 10), C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local scale, beyond = C.number(fn, "scale", opts.scale, 1, 0), C.number(fn, "beyond", opts.beyond, 0, 0)
  local rows = core.calibrate(fit.dist, fit.n, C.integer(fn, "seed", opts.seed, 1), repeats, 0):totable()
  local curves = {}
  for _, row in ipairs(rows) do
    local d = { model = fit.model, kind = fit.kind, smin = fit.smin, smax = fit.smax }
    for i, name in ipairs(names[fit.model]) do d[name] = row[i] end
    local ok, p = pcall(function() return at_least(M._dist(fn, d), s) end)
    if ok then curves[#curves + 1] = p end
  end
  local out = { s = s, p = at_least(fit.dist, s), low = {}, high = {} }
  for i = 1, #s do
    local v = {}
    for j, c in ipairs(curves) do v[j] = c[i] end
    table.sort(v)
    out.p[i] = beyond + out.p[i] * scale
    out.low[i] = beyond + (#v > 0 and C.quantile(v, 0.5 - level / 2) or 0 / 0) * scale
    out.high[i] = beyond + (#v > 0 and C.quantile(v, 0.5 + level / 2) or 0 / 0) * scale
  end
  return out
end

--- Distribution function P(S <= s) of a fit, within its bounds.
---@param fit table a fit
---@param s orowan.tensor|number[] sizes
---@return orowan.tensor cdf
function M.cdf(fit, s) return core.cdf(fit.dist or M._dist("stats.cdf", fit), s) end

--- Logarithm of the probability density (discrete: of the probability) of a fit at sizes s.
---@param fit table a fit
---@param s orowan.tensor|number[] sizes
---@return orowan.tensor logpdf -inf outside the bounds
function M.logpdf(fit, s) return core.logpdf(fit.dist or M._dist("stats.logpdf", fit), s) end

return M
