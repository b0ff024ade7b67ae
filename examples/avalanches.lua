-- Are the events of a catalogue power-law distributed, with which exponent, and how sure is that?
-- Without input: a depinning line is simulated and its avalanches are the catalogue.
-- With input=PATH column=N: the same for a table of measured sizes.
local ow = require "orowan"
local stats = ow.stats

local names = { powerlaw = "power law", truncated = "truncated power law", cutoff = "power law with cut-off", lognormal = "lognormal",
  stretched = "stretched exponential", exponential = "exponential" }
local order = { "powerlaw", "truncated", "cutoff", "lognormal", "stretched", "exponential" }

-- A number in words: no exponent for what people write without one.
local function show(v, digits)
  if type(v) ~= "number" then return tostring(v) end
  if v == math.floor(v) and math.abs(v) < 1e7 then return ("%d"):format(v) end
  local a = math.abs(v)
  if a >= 1000 and a < 1e7 then return ("%.0f"):format(v) end
  return ("%%.%dg"):format(digits or 4):format(v)
end
local function round(v, digits)
  if type(v) ~= "number" then return v end
  return v == v and math.abs(v) ~= math.huge and tonumber((("%%.%dg"):format(digits or 4)):format(v)) or tostring(v)
end
local function interval(low, high, digits) return ("%s to %s"):format(show(low, digits or 3), show(high, digits or 3)) end
local function rethrow(err) if type(err) == "table" and err.code == "interrupted" then error(err, 0) end end

-- ---- the catalogue ---------------------------------------------------------------------------

-- The line of the file on which data row `row` stands (comments, blanks and a header do not count).
local function file_line(path, row, header)
  local at, seen = 0, header and -1 or 0
  for line in io.lines(path) do
    at = at + 1
    local text = line:match "^%s*(.-)%s*$"
    if text ~= "" and not text:find "^[#%%]" and not text:find "^//" then
      seen = seen + 1
      if seen == row then return at end
    end
  end
end

local function read_column(run, path, column, transform, kind)
  local file = run:input(path)
  local t, err = ow.io.read_table(file, { columns = { column } })
  if not t then error(tostring(err), 0) end
  local x = t.columns[1]
  if type(x) == "table" then error(("%s: column %d holds text: expected numbers"):format(path, column), 0) end
  local v = x:totable()
  for i = 1, #v do
    local s = transform == "pow10" and 10.0 ^ v[i] or v[i]
    local wrong
    if s ~= s or s == math.huge then wrong = "a finite number" elseif s <= 0 then wrong = "a size above 0"
    elseif kind == "discrete" and s % 1 ~= 0 then wrong = "an integer (kind=discrete)" end
    if wrong then
      error(("%s:%s: column %d: expected %s, got %s"):format(path, file_line(file, i, t.header) or "?", column, wrong, tostring(v[i])), 0)
    end
    v[i] = s + 0.0
  end
  if #v < 10 then error(("%s: column %d holds %d sizes: a fit needs at least 10"):format(path, column, #v), 0) end
  local varies = false
  for i = 2, #v do varies = varies or v[i] ~= v[1] end
  if not varies then error(("%s: column %d: all %d sizes are %g: nothing to fit"):format(path, column, #v, v[1]), 0) end
  return v
end

local function simulate(run)
  local p = run.params
  local done = run:checkpoint "catalogue"
  if done then return done end
  local mpa = 1000 * ow.depinning.mu_gpa
  local bar = run:progress("picks", p.picks * p.replicas)
  local c = ow.depinning.catalogue {
    lx = p.lx, character = p.character, sigma_pin = p.sigma_pin, B = p.B, rate = p.rate, picks = p.picks, replicas = p.replicas,
    every = p.every, seed = run.seed,
    -- a tenth below the stress that is expected, to save time; the transient rule drops the approach
    sigma_0 = (p.character == "edge" and 0.098 or 0.085) * p.sigma_pin * (p.sigma_pin / 0.0175) ^ 0.1,
    progress = function(n) bar:update(n * p.replicas) end,
    checkpoint = { load = function() return run:checkpoint "line" end, save = function(t) run:save_checkpoint("line", t) end },
  }
  bar:finish()
  local used, curve, s = 0, { slip = {}, stress = {} }, c.series[1]
  for _, q in ipairs(c.series) do used = used + #q.stress - q.first + 1 end
  local stress, area = s.stress:totable(), s.area:totable()
  for i = 1, #stress, math.max(1, #stress // 3000) do
    local k = #curve.slip + 1
    curve.slip[k], curve.stress[k] = area[i] / p.lx, stress[i] * mpa
  end
  local r = {
    sizes = c.sizes:totable(), null = c.null_sizes, exposure = used / math.max(1, #c.null_area), detector_smin = c.smin, window = c.window,
    flicker = c.flicker, mean = c.mean_stress.value * mpa, err = c.mean_stress.err * mpa, curve = curve, lines = c.lines[1] or {},
    transient = area[math.min(s.first, #area)] / p.lx, warnings = c.warnings,
  }
  run:save_checkpoint("catalogue", r)
  run:save_checkpoint("line", nil)
  return r
end

-- ---- figures -----------------------------------------------------------------------------------

local function log_points(lo, hi, n)
  local t = {}
  for i = 0, n - 1 do t[#t + 1] = lo * (hi / lo) ^ (i / (n - 1)) end
  t[1], t[n] = lo, hi
  return t
end

local function size_label(p) return p.input == "" and "size S (cells)" or p.unit ~= "" and ("size S (%s)"):format(p.unit) or "size S" end

-- Points of a fitted curve; over integers only integers.
local function curve_points(fit, top, n)
  local s, out = log_points(fit.smin, math.max(top, fit.smin * 1.01), n), {}
  if fit.kind ~= "discrete" then return s end
  for _, v in ipairs(s) do
    v = math.floor(v + 0.5) + 0.0
    if v ~= out[#out] then out[#out + 1] = v end
  end
  return out
end

local function ccdf_figure(run, x, top, shown)
  local p, total = run.params, #x
  local c = stats.ccdf(x, { points = 250 })
  local fig = ow.plot.figure { title = "How many events are at least this large", width = 900, height = 620 }
  local least = 0.5 / total
  fig:scatter(c.s, c.p, { label = ("%d events"):format(total), color = "black", size = 4 })
  for i, f in ipairs(shown) do
    local beyond = 0
    for _, v in ipairs(f.smax and x or {}) do if v > f.smax then beyond = beyond + 1 end end
    local b = stats.fit_band(f, curve_points(f, f.smax or top, 120), { seed = run.seed, scale = f.n / total, beyond = beyond / total })
    local s, q, lo, hi = {}, {}, {}, {}
    for k = 1, #b.s do
      if b.p[k] > least then s[#s + 1], q[#q + 1], lo[#lo + 1], hi[#hi + 1] = b.s[k], b.p[k], math.max(b.low[k], least), math.max(b.high[k], least) end
    end
    if #s > 1 then
      if i == 1 then fig:band(s, lo, hi, { color = i, label = "95 % of refitted samples" }) end
      local tau = f.tau or f.alpha
      local low, high = f.tau_low or f.alpha_low, f.tau_high or f.alpha_high
      fig:line(s, q, { color = i, width = 2, dash = i == 1 and "solid" or i == 2 and "dashed" or "dotted",
        label = ("%s, %s (%s)"):format(names[f.model], show(tau, 3), interval(low, high)) })
    end
  end
  if shown[1] then fig:vline(shown[1].smin, { dash = "dotted", label = "Smin" }) end
  fig:set { xlabel = size_label(p), ylabel = "share of events of size S or more", xlog = true, ylog = true, yrange = { least, 2 } }
  run:figure("ccdf", fig, "Complementary distribution of the sizes (every event counts) with the fits above their smallest size and their exponents (95 % interval). "
    .. "The band holds 95 % of the fits to synthetic samples drawn from the first one.")
end

local function density_figure(run, x, top, fits, smin)
  local d = stats.log_density(x, { per_decade = 6, kind = run.params.kind })
  local fig = ow.plot.figure { title = "Density in logarithmic bins", width = 900, height = 620 }
  local lowest = math.huge
  for i = 1, #d.s do lowest = math.min(lowest, d.density[i]) end
  fig:errorbar(d.s, d.density, { ylow = d.low, yhigh = d.high, label = "events, 95 % interval", color = "black" })
  local k = 0
  for _, model in ipairs { "cutoff", "truncated", "powerlaw", "lognormal" } do
    local f = fits[model]
    if f then
      k = k + 1
      local s = curve_points(f, f.smax or top, 120)
      local q, a, b = stats.logpdf(f, s):totable(), {}, {}
      for i = 1, #s do
        local v = math.exp(q[i]) * f.n / #x
        if v > lowest / 10 then a[#a + 1], b[#b + 1] = s[i], v end
      end
      if #a > 1 then fig:line(a, b, { color = k, dash = ({ "solid", "dashed", "dotted", "dashdot" })[k], label = names[model], width = 2 }) end
    end
  end
  if smin then fig:vline(smin, { dash = "dotted", label = "Smin" }) end
  fig:set { xlabel = size_label(run.params), ylabel = "density of events", xlog = true, ylog = true }
  run:figure("density", fig, "Log-binned density, for the eye only: no fit uses the bins.")
end

local function tau_figure(run, x, floor, result, power)
  local kind, p = run.params.kind, run.params
  local fig = ow.plot.figure { title = "The exponent as a function of the smallest size", width = 900, height = 560 }
  local lo, hi = math.huge, -math.huge
  for i, model in ipairs { "cutoff", "powerlaw" } do
    local c = stats.tau_of_smin(x, { model = model, kind = kind })
    if #c.smin > 1 then
      fig:band(c.smin, c.low, c.high, { color = i })
      fig:line(c.smin, c.tau, { color = i, marker = i == 1 and "circle" or "square", size = 5, dash = i == 1 and "solid" or "dashed",
        label = i == 1 and "tau, with cut-off (95 % interval)" or "alpha, pure power law" })
      for k = 1, #c.tau do
        if c.n[k] >= 100 or k == 1 then lo, hi = math.min(lo, c.low[k]), math.max(hi, c.high[k]) end
      end
    end
  end
  if floor then fig:vline(floor, { dash = "dashdot", label = "noise floor", color = "grey" }) end
  if result and result.smin then fig:vline(result.smin, { dash = "dotted", label = "chosen Smin" })
  elseif power then fig:vline(power.xmin, { dash = "dotted", label = "chosen xmin" }) end
  lo, hi = math.max(lo, -1), math.min(hi, 6)
  if lo < hi then fig:set { yrange = { lo - 0.1 * (hi - lo), hi + 0.15 * (hi - lo) } } end
  fig:set { xlabel = "smallest size Smin" .. size_label(p):gsub("^size S", ""), ylabel = "exponent", xlog = true }
  run:figure("tau_smin", fig, "An exponent that means something has a plateau here. The pure power law drifts where a cut-off is at work.")
end

local function simulation_figures(run, c)
  local fig = ow.plot.figure { title = "Stress-slip curve", width = 900, height = 460 }
  fig:line(c.curve.slip, c.curve.stress, { width = 1, label = "one replica" })
  if c.mean == c.mean then fig:hline(c.mean, { dash = "dashed", label = ("mean of all replicas %.1f ± %.1f MPa"):format(c.mean, c.err) }) end
  fig:vline(c.transient, { dash = "dotted", label = "end of the transient" })
  fig:set { xlabel = "mean slip of the line (b)", ylabel = "external stress (MPa)" }
  run:figure("stress_slip", fig, "Every drop of the stress is an avalanche. Records before the transient's end are left out.")

  if #c.lines > 0 then
    fig = ow.plot.figure { title = "Shapes of the line, equally spaced in time", width = 900, height = 560 }
    local x = {}
    for i = 1, #c.lines[1] do x[i] = i end
    for k, h in ipairs(c.lines) do
      fig:line(x, h, { width = 1.5, color = ("#%02x%02x%02x"):format(30 + 190 * (k - 1) // math.max(1, #c.lines - 1), 90, 200 - 150 * (k - 1) // math.max(1, #c.lines - 1)) })
    end
    fig:set { xlabel = "x (b)", ylabel = "height of the line h(x) (b)" }
    run:figure("lines", fig, "The line of the first replica after its transient, early (blue) to late (red). Where lines lie on top of each other it was pinned.")
  end
end

-- ---- results -----------------------------------------------------------------------------------

local function put_all(run, power, p, plow, phigh, cutoff, truncated)
  local unit = run.params.input == "" and "cells" or run.params.unit
  if power then
    local boot = power.boot
    run:put("powerlaw.alpha", { value = power.alpha, low = boot.alpha.low, high = boot.alpha.high, note = "interval: bootstrap with xmin chosen anew" })
    run:put("powerlaw.xmin", { value = power.xmin, unit = unit, low = boot.xmin.low, high = boot.xmin.high })
    run:put("powerlaw.ks", { value = power.ks, low = power.ks, high = power.ks, note = "a property of the data, not an estimate" })
    run:put("powerlaw.n_tail", { value = power.n_tail, unit = "events", low = boot.n_tail.low, high = boot.n_tail.high })
    run:put("powerlaw.p", { value = p, low = plow, high = phigh, note = "interval: Monte Carlo error" })
  end
  if cutoff then
    local none = cutoff.at_edge and "no cut-off is seen: S0 is infinite" or nil
    run:put("cutoff.tau", { value = cutoff.tau, low = cutoff.tau_low, high = cutoff.tau_high })
    run:put("cutoff.s0", { value = cutoff.s0, unit = unit, low = cutoff.s0_low, high = cutoff.s0_high, note = none })
    run:put("cutoff.smin", { value = cutoff.smin, unit = unit, low = cutoff.smin_low or cutoff.smin, high = cutoff.smin_high or cutoff.smin,
      note = "chosen: last refused and first accepted" })
  end
  if truncated then
    local step = truncated.ranges and 10 ^ (1 / 8) or 1
    run:put("truncated.tau", { value = truncated.tau, low = truncated.tau_low, high = truncated.tau_high })
    for _, k in ipairs { "smin", "smax" } do
      run:put("truncated." .. k, { value = truncated[k], unit = unit, low = truncated[k] / step, high = truncated[k] * step, note = "chosen: the scan's resolution" })
    end
  end
end

local function fit_rows(fits)
  local rows = {}
  for _, m in ipairs(order) do
    local f = fits[m]
    if f then
      local a = f.tau and "tau" or f.alpha and "alpha" or f.mu and "mu" or f.beta and "beta" or "s0"
      local b = f.s0 and a ~= "s0" and "s0" or f.sigma and "sigma" or f.x0 and "x0" or f.smax and "smax"
      rows[#rows + 1] = { names[m], round(f.smin, 5), f.n, ("%s = %s"):format(a, show(f[a])), interval(f[a .. "_low"], f[a .. "_high"]),
        b and ("%s = %s"):format(b, show(f[b])) or "", b and f[b .. "_low"] and f[b .. "_low"] == f[b .. "_low"] and interval(f[b .. "_low"], f[b .. "_high"]) or "",
        round(f.loglik, 7), round(f.aic, 7), round(f.ks, 3) }
    end
  end
  return rows
end

local function fit_table(run, fits, note)
  run:table("Fits", { "model", "Smin", "events", "parameter", "95 % interval", "second parameter", "95 % interval", "log likelihood", "AIC", "KS distance" },
    fit_rows(fits), note)
end

local function ratio_table(run, tests)
  local rows = {}
  for _, t in ipairs(tests) do
    rows[#rows + 1] = { names[t.a], names[t.b], round(t.ratio), round(t.z, 3), round(t.p, 3), t.nested and "nested" or "Vuong",
      t.better == "undecided" and t.better or names[t.better] }
  end
  run:table("Likelihood ratios", { "model A", "model B", "log likelihood A - B", "Vuong's z", "p", "test", "better at p < 0.05" }, rows,
    "A positive ratio favours A. Models that contain one another are compared by the nested test (Wilks; for a bound at the largest event p = exp(-ratio)), others by Vuong's.")
end

-- Fits of all models to the events above one size, for the tables of fit=clauset.
local function all_above(x, smin, top, kind)
  local fits = {}
  local function try(m, f)
    local ok, r = pcall(f)
    if ok then fits[m] = r else rethrow(r) end
  end
  try("truncated", function() return stats.fit_truncated(x, { smin = smin, smax = top, kind = kind }) end)
  try("cutoff", function() return stats.fit_cutoff(x, { smin = smin, kind = kind }) end)
  try("exponential", function() return stats.fit_exponential(x, { smin = smin, kind = kind }) end)
  if kind ~= "discrete" then
    try("lognormal", function() return stats.fit_lognormal(x, { smin = smin }) end)
    try("stretched", function() return stats.fit_stretched(x, { smin = smin }) end)
  end
  return fits
end

return {
  name = "avalanches",
  summary = "Power-law fits of event sizes that can be believed: a simulated depinning line, or your own table",
  params = {
    { name = "input", default = "", help = "table of measured sizes; empty: simulate a depinning line" },
    { name = "column", default = 1, min = 1, max = 100000, help = "of the table" },
    { name = "transform", default = "none", choices = { "none", "pow10" }, help = "pow10: the table holds magnitudes, the size is 10^value" },
    { name = "unit", default = "", help = "of the measured sizes, for labels" },
    { name = "kind", default = "continuous", choices = { "continuous", "discrete" }, help = "discrete: the sizes are integers" },
    { name = "fit", default = "default", choices = { "default", "clauset" }, help = "clauset: pure power law, smallest size by KS distance" },
    { name = "null", default = "", help = "table of sizes found on a static line, for the noise floor" },
    { name = "null_column", default = 1, min = 1, max = 100000, help = "of that table" },
    { name = "exposure", default = 1.0, min = 1e-9, max = 1e9, help = "measured time over that of the null table" },
    { name = "floor", default = 0.0, min = 0.0, help = "no fit below this size, whatever the null says" },
    { name = "repeats", default = 200, min = 50, max = 100000, help = "Monte Carlo samples for each choice of a bound" },
    { name = "p_repeats", default = 500, min = 50, max = 1000000, help = "Monte Carlo samples for the p-value of the power law" },
    { name = "bootstrap", default = 200, min = 50, max = 100000, help = "resamples for the intervals of the power law" },
    { name = "character", default = "edge", choices = { "edge", "screw" }, help = "of the simulated line" },
    { name = "sigma_pin", default = 0.0175, min = 1e-4, max = 1.0, unit = "mu", help = "pinning strength" },
    { name = "lx", default = 400, min = 40, max = 10000, unit = "b", help = "length of the line" },
    { name = "picks", default = 30000000, min = 100000, max = 1000000000000, help = "of each replica" },
    { name = "replicas", default = 8, min = 1, max = 1000, help = "independent lines" },
    { name = "every", default = 2000, min = 10, max = 10000000, unit = "picks", help = "between records" },
    { name = "B", default = 1e-8, min = 1e-14, max = 1e-2, unit = "mu per cell", help = "spring constant" },
    { name = "rate", default = 1e-10, min = 1e-16, max = 1e-3, unit = "mu per pick", help = "drive" },
  },
  run = function(run)
    local p = run.params
    local x, null, exposure, c
    local lowest = p.floor
    if p.input ~= "" then
      x = read_column(run, p.input, p.column, p.transform, p.kind)
      if p.null ~= "" then null, exposure = read_column(run, p.null, p.null_column, p.transform, p.kind), p.exposure end
      run:text(("%d events from column %d of %s."):format(#x, p.column, p.input))
    else
      c = simulate(run)
      x = c.sizes
      for _, w in ipairs(c.warnings) do run:warn(w) end
      if #c.null >= 5 then null, exposure = c.null, c.exposure else lowest = math.max(lowest, c.detector_smin) end
      run:put("simulation.stress", { value = c.mean, unit = "MPa", low = c.mean - 1.96 * c.err, high = c.mean + 1.96 * c.err })
      run:text(("A dislocation line of %d b in random pinning (%s, %g mu) was driven through %.3g picks. An event is a time in which the slipped area grew "
        .. "faster than the drive feeds it, seen through a window of %d picks; the same detector on a line held at half the stress gives the null events. "
        .. "Mean stress %.1f ± %.1f MPa."):format(p.lx, p.character, p.sigma_pin, p.picks * p.replicas, c.window, c.mean, c.err))
    end
    run:put("events", { value = #x, unit = "events" })

    local top = -math.huge
    for _, v in ipairs(x) do top = math.max(top, v) end
    local result, fits, tests
    if p.fit == "default" then
      result = stats.fit(x, { kind = p.kind, null = null, exposure = exposure, floor = lowest > 0 and lowest or nil, repeats = p.repeats, seed = run.seed })
      run:put("verdict", { value = result.status })
      if result.floor then
        run:put("noise_floor", { value = result.floor.smin, unit = p.input == "" and "cells" or p.unit })
        run:text("Noise floor: " .. result.floor.reason .. ".")
      end
      if result.status == "no avalanches" then
        run:warn("no avalanches: " .. result.reason)
        run:text("No exponent is given: the catalogue cannot be told from measurement noise.")
        density_figure(run, x, top, {}, nil)
        if c then simulation_figures(run, c) end
        return
      end
      if result.warning then run:warn(result.warning) end
      if result.note then run:text("Note: " .. result.note .. ". The recipe takes a catalogue of a static line as null=PATH, or a size as floor=.") end
      lowest = math.max(lowest, result.floor and result.floor.smin or 0)
    end

    -- The pure power law, for what is left above the floor.
    local above = {}
    for _, v in ipairs(x) do if v >= lowest then above[#above + 1] = v end end
    local power = stats.fit_power_law(above, { kind = p.kind, bootstrap = p.bootstrap, seed = run.seed })
    local pv, plow, phigh = stats.power_law_pvalue(power, { repeats = p.p_repeats, seed = run.seed })

    local cutoff, truncated
    if result then
      fits, tests, cutoff = result.fits, result.tests, result.fits.cutoff
      if cutoff and not cutoff.smin_low then cutoff.smin_low, cutoff.smin_high = result.smin_low, result.smin_high end
      local ok, t = pcall(stats.fit_truncated, above, { kind = p.kind, repeats = p.repeats, seed = run.seed, floor = result.smin })
      if ok then truncated = t else rethrow(t) run:warn("truncated power law: " .. tostring(t)) end
      if truncated and truncated.warning then run:warn(truncated.warning) end
    else
      fits, tests = all_above(above, power.xmin, top, p.kind), {}
      cutoff, truncated = fits.cutoff, fits.truncated
      fits.powerlaw = power
      for _, m in ipairs(order) do
        if fits[m] and m ~= "powerlaw" then tests[#tests + 1] = stats.compare(power, fits[m]) end
      end
      if power.n_tail < 50 then run:warn(("only %d events above xmin: wide intervals"):format(power.n_tail)) end
    end
    put_all(run, power, pv, plow, phigh, cutoff, truncated)

    if result then
      run:text(("Verdict: %s. Above Smin = %s the %s describes %d events (p = %s); exponent %s, 95 %% interval %s."):format(result.status,
        show(result.smin), names[result.model], result.n, show(result.p, 2), show(result.tau), interval(result.tau_low, result.tau_high)))
    end
    run:text(("Pure power law (Clauset, Shalizi and Newman): alpha = %s (%s at this xmin; %s with xmin chosen anew in each of %d resamples), "
      .. "xmin = %s, %d events, KS distance %s, p = %s. It cannot see exponents at or below 1, nor a cut-off."):format(show(power.alpha), interval(power.alpha_low, power.alpha_high),
      interval(power.boot.alpha.low, power.boot.alpha.high), power.boot.repeats, show(power.xmin, 6), power.n_tail, show(power.ks), show(pv, 3)))

    local shown
    if result then
      shown = { fits[result.model] }
      if truncated and result.model ~= "truncated" then shown[2] = truncated end
      shown[#shown + 1] = power
    else shown = { power, cutoff } end
    ccdf_figure(run, x, top, shown)
    local drawn = { cutoff = cutoff, truncated = result and truncated or nil, powerlaw = power, lognormal = fits.lognormal }
    density_figure(run, x, top, drawn, result and result.smin or power.xmin)
    tau_figure(run, x, result and result.floor and result.floor.smin, result, power)
    local listed = fits
    fit_table(run, listed, result and "All models above the same Smin. Intervals by profile likelihood." or "All models above the power law's xmin. Intervals by profile likelihood.")
    ratio_table(run, tests)
    if result and truncated then
      run:table("Truncated power law, range by scan", { "tau", "95 % interval", "Smin", "Smax", "events", "p", "ranges tried" },
        { { round(truncated.tau), interval(truncated.tau_low, truncated.tau_high), round(truncated.smin, 5), round(truncated.smax, 5), truncated.n, round(truncated.p, 2), truncated.ranges_tried } },
        "The widest range at or above Smin whose Monte Carlo p-value is at least 0.1 (Deluca and Corral 2013).")
    end
    if c then simulation_figures(run, c) end
  end,
}
