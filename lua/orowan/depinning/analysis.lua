--- Exponents of a depinning catalogue, and how they hang on the detector.
local events = require "orowan.depinning.events"

local analysis = {}

local function stats() return require "orowan.stats" end  -- when it is needed: it is large

-- Least-squares slope of log y against log x; NaN for fewer than 3 pairs.
local function log_slope(x, y)
  local a, b = {}, {}
  for i = 1, #x do if x[i] > 0 and y[i] > 0 then a[#a + 1], b[#b + 1] = x[i], y[i] end end
  if #a < 3 then return 0 / 0 end
  return stats().regress(a, b, { log = true, repeats = 0 }).yx.slope
end

--- Value of f on all groups with its jackknife error over groups (replicas).
---@param groups any[]
---@param f fun(groups: any[]): number
---@return number value
---@return number err NaN for fewer than 2 groups
function analysis.jackknife(groups, f)
  local all, n, without = f(groups), #groups, {}
  if n < 2 then return all, 0 / 0 end
  local m = 0
  for i = 1, n do
    local rest = {}
    for j = 1, n do if j ~= i then rest[#rest + 1] = groups[j] end end
    without[i] = f(rest)
    m = m + without[i] / n
  end
  local s = 0
  for i = 1, n do s = s + (without[i] - m) ^ 2 end
  return all, math.sqrt((n - 1) / n * s)
end

local function mean_curve(groups)
  local out = {}
  for k = 1, #groups[1] do
    local s = 0
    for _, g in ipairs(groups) do s = s + g[k] end
    out[k] = s / #groups
  end
  return out
end

local function band(curve, lo, hi)
  local x, y = {}, {}
  for k = lo, math.min(hi, #curve) do x[#x + 1], y[#y + 1] = k, curve[k] end
  return log_slope(x, y)
end

--- Roughness exponent two ways, with jackknife errors over replicas. Bands, fixed in advance:
--- spectrum P(k) ~ k^-g over wavelengths lx/2 .. 20 b, zeta = (g - 1)/2; structure function
--- <|h(x+d) - h(x)|> ~ d^zeta over d = 2 .. 20 b.
---@param c table catalogue (power, diff)
---@return table zeta {spectrum = {value, err}, structure = {value, err}, power = mean curve, diff = mean curve}
function analysis.roughness(c)
  local lx = 2 * #c.power[1]
  local zs, es = analysis.jackknife(c.power, function(g) return (-band(mean_curve(g), 2, math.max(4, lx // 20)) - 1) / 2 end)
  local zd, ed = analysis.jackknife(c.diff, function(g) return band(mean_curve(g), 2, 20) end)
  return { spectrum = { value = zs, err = es }, structure = { value = zd, err = ed }, power = mean_curve(c.power), diff = mean_curve(c.diff) }
end

--- Avalanche roughness zeta_av from s ~ w^(1 + zeta_av), over events of at least smin that span
--- at most half of the line (wider ones meet themselves round the period). Size on width and
--- width on size bracket the answer where both scatter (the cut at smin pulls the first down, the
--- one at half the line pushes the second up); the value is the reduced major axis between them.
--- Its own interval: bootstrap over events; the bracket is the honest one.
---@param c table catalogue
---@param smin? number cells (the catalogue's)
---@return table zeta_av {value, low, high, size_on_width, width_on_size, n, spanning = events left out as too wide}; NaN below 20 events
function analysis.width_scaling(c, smin)
  local sizes, widths, lx = c.sizes:totable(), c.widths:totable(), 2 * #c.power[1]
  local x, y, spanning = {}, {}, 0
  for i = 1, #sizes do
    if sizes[i] >= (smin or c.smin) and widths[i] > 0 then
      if widths[i] <= lx / 2 then x[#x + 1], y[#y + 1] = widths[i], sizes[i] else spanning = spanning + 1 end
    end
  end
  return analysis.zeta_av(x, y, spanning)
end

--- The same from lists of widths and sizes.
---@param x number[] widths, columns
---@param y number[] sizes, cells
---@param spanning? integer events left out before
---@return table zeta_av as width_scaling
function analysis.zeta_av(x, y, spanning)
  local nan = 0 / 0
  local out = { value = nan, low = nan, high = nan, size_on_width = nan, width_on_size = nan, n = #x, spanning = spanning or 0 }
  if #x < 20 then return out end
  local varied = false
  for i = 2, #x do varied = varied or x[i] ~= x[1] end
  if not varied then return out end
  local r = stats().regress(x, y, { log = true, repeats = 400, seed = 1 })
  out.value, out.low, out.high = r.rma.slope - 1, r.rma.slope_low - 1, r.rma.slope_high - 1
  out.size_on_width, out.width_on_size = r.yx.slope - 1, r.xy.slope - 1
  return out
end

--- Growth within events: w ~ t^alpha_w, h ~ t^alpha_h. Means of log w and log h over events in
--- bins of log t; the fit takes bins with at least `least` events whose mean width is at most half
--- the line (wider events cannot widen on).
---@param c table catalogue
---@param least? integer events in a bin (10)
---@return table growth {alpha_w = {value, err}, alpha_h = {value, err}, t = picks, w = columns, h = cells, n = events}; err: jackknife over ten groups of events
function analysis.growth(c, least)
  least = least or 10
  local widest = c.power and c.power[1] and #c.power[1] or math.huge
  local function curves(list)
    local bins = {}
    for _, g in ipairs(list) do
      for j = 1, #g.lag do
        if g.width[j] > 0 and g.height[j] > 0 then
          local k = math.floor(4 * math.log(g.lag[j], 10))
          local b = bins[k] or { 0, 0, 0, 0 }
          bins[k] = { b[1] + 1, b[2] + math.log(g.lag[j]), b[3] + math.log(g.width[j]), b[4] + math.log(g.height[j]) }
        end
      end
    end
    local keys, out = {}, { t = {}, w = {}, h = {}, n = {} }
    for k, b in pairs(bins) do if b[1] >= least then keys[#keys + 1] = k end end
    table.sort(keys)
    for i, k in ipairs(keys) do
      local b = bins[k]
      out.t[i], out.w[i], out.h[i], out.n[i] = math.exp(b[2] / b[1]), math.exp(b[3] / b[1]), math.exp(b[4] / b[1]), b[1]
    end
    return out
  end
  local parts = {}
  for i, g in ipairs(c.growth) do
    local k = i % 10 + 1
    parts[k] = parts[k] or {}
    table.insert(parts[k], g)
  end
  local function slope(name)
    return function(groups)
      local list = {}
      for _, p in ipairs(groups) do for _, g in ipairs(p) do list[#list + 1] = g end end
      local m = curves(list)
      local t, v = {}, {}
      for i = 1, #m.t do if m.w[i] <= widest then t[#t + 1], v[#v + 1] = m.t[i], m[name][i] end end
      return log_slope(t, v)
    end
  end
  local out = curves(c.growth)
  if #parts == 0 then parts = { {} } end
  for _, name in ipairs { "w", "h" } do
    local v, e = analysis.jackknife(parts, slope(name))
    out["alpha_" .. name] = { value = v, err = e }
  end
  return out
end

--- Pearson correlation of onset stress and size over events of at least smin, with Fisher's 95 % interval.
---@param c table catalogue
---@return table r {value, low, high, n}; NaN below 5 events
function analysis.onset_correlation(c)
  local s, o, x, y = c.sizes:totable(), c.onset_stress:totable(), {}, {}
  for i = 1, #s do if s[i] >= c.smin then x[#x + 1], y[#y + 1] = o[i], s[i] end end
  if #x < 5 then return { value = 0 / 0, low = 0 / 0, high = 0 / 0, n = #x } end
  local r = stats().pearson(x, y)
  return { value = r.value, low = r.low, high = r.high, n = #x }
end

--- The detector at other windows and thresholds: number of events, smin, tau, zeta_av.
---@param c table catalogue made with keep_heights = true
---@param windows integer[] picks
---@param factors number[] of the natural threshold rate / B
---@param fit_tau fun(sizes: number[], smin: number): number? exponent, or nil where there are too few
---@return table map {windows =, factors =, n = [window][factor], smin =, tau =, zeta_av =} NaN where undefined
function analysis.sensitivity(c, windows, factors, fit_tau)
  local map = { windows = windows, factors = factors, n = {}, smin = {}, tau = {}, zeta_av = {} }
  local natural = c.threshold
  for i, picks in ipairs(windows) do
    for _, name in ipairs { "n", "smin", "tau", "zeta_av" } do map[name][i] = {} end
    for j, f in ipairs(factors) do
      local every = c.series[1].every
      local w, per_record = math.max(1, picks // every), f * natural * every
      local smin = per_record * w
      if #c.null_area > w + 2 then
        for _, v in ipairs(events.detect(c.null_area, w, per_record).sizes) do smin = math.max(smin, v) end
      end
      local sizes, x, y = {}, {}, {}
      for _, s in ipairs(c.series) do
        local area = s.area:totable()
        local late = table.move(area, s.first, #area, 1, {})
        if #late > w + 2 then
          local list = events.detect(late, w, per_record)
          local first, last = {}, {}
          for k = 1, #list.sizes do
            if list.sizes[k] >= smin then
              sizes[#sizes + 1] = list.sizes[k]
              first[#first + 1], last[#last + 1] = list.first[k] + s.first - 1, list.last[k] + s.first - 1
            end
          end
          if s.heights and #first > 0 then
            local width = events.shapes(s.heights, first, last, events.shape_mean(w))
            for k = 1, #width do
              if width[k] > 0 and width[k] <= #c.power[1] then x[#x + 1], y[#y + 1] = width[k], sizes[#sizes - #width + k] end
            end
          end
        end
      end
      map.n[i][j], map.smin[i][j] = #sizes, smin
      map.tau[i][j] = #sizes >= 20 and fit_tau(sizes, smin) or 0 / 0
      map.zeta_av[i][j] = analysis.zeta_av(x, y).value
    end
  end
  return map
end

return analysis
