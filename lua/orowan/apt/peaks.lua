--- Peaks of mass spectra: adaptive bins, search with significance, and which ions they may be.
---
--- Search. A window about a place is compared with two windows beside it, by the significance of
--- Li and Ma (Astrophys. J. 272, 317, 1983, eq. 17) for counts on and off a source; windows of
--- several widths are tried, and a peak is a local maximum over places and widths. The mean of both
--- sides stands for the background, so that a falling tail is no peak.
---
--- Significance is local: of 1e5 places some reach 4 by chance; the default is 5.
local formula = require "orowan.apt.formula"
local isotopes = require "orowan.apt.isotopes"
local plot = require "orowan.plot"
local spectrum = require "orowan.apt.spectrum"

local peaks = {}
local electron = 0.000548579909  -- u
local Spectrum = spectrum.class

-- ---- counts in windows ---------------------------------------------------------------------------

-- Running sums of the counts: sums[i + 1] - sums[j + 1] are the counts of bins j + 1 .. i.
local function running(s)
  if s._running and s._running.of == s.counts then return s._running end
  local c = s.counts:totable()
  local r = { of = s.counts, n = #c, counts = c }
  local total = 0
  r[1] = 0
  for i, v in ipairs(c) do
    total = total + v
    r[i + 1] = total
  end
  s._running = r
  return r
end

-- Counts and bins between two values, whole bins whose middles lie within.
local function between(s, lo, hi)
  local r = running(s)
  local a = math.max(0, math.ceil((lo - s.first) / s.bin - 0.5))
  local b = math.min(r.n, math.ceil((hi - s.first) / s.bin - 0.5))
  if b <= a then return 0, 0 end
  return r[b + 1] - r[a + 1], b - a
end

local function li_ma(on, off, alpha)
  if on + off == 0 or on <= alpha * off then return 0 end
  local sum = on * math.log((1 + alpha) / alpha * on / (on + off))
  if off > 0 then sum = sum + off * math.log((1 + alpha) * off / (on + off)) end
  return math.sqrt(2 * math.max(0, sum))
end

-- Net counts from lo to hi over the mean of the sides, with their error. The sides end at
-- before and behind, where other peaks are.
local function net_counts(s, lo, hi, before, behind)
  local on, n = between(s, lo, hi)
  local side = math.max(0.25 * (hi - lo), 2 * s.bin)
  local function beside(a, b, at)
    if b - a < 1.5 * s.bin then a, b = at - s.bin, at + s.bin end  -- a valley
    return between(s, a, b)
  end
  local left, nl = beside(math.max(lo - side, before or -math.huge), lo, lo)
  local right, nr = beside(hi, math.min(hi + side, behind or math.huge), hi)
  if n == 0 or nl + nr == 0 then return on, math.sqrt(on), 0 end
  local b, v
  if nl > 0 and nr > 0 then
    local L, R = left / nl, right / nr
    v = (left / nl ^ 2 + right / nr ^ 2) / 4
    -- straight between the sides; exponential, as tails are, where they clearly differ
    b = (L - R) ^ 2 > 36 * v and L > 0 and R > 0 and (L - R) / math.log(L / R) or (L + R) / 2
  else b, v = (left + right) / (nl + nr), (left + right) / (nl + nr) ^ 2 end
  return on - n * b, math.sqrt(on + n * n * v), n * b
end

---@class orowan.apt.peak
---@field mass number Da, centre of its upper half
---@field significance number standard deviations (Li and Ma)
---@field height number counts in the highest bin
---@field fwhm number Da
---@field lo number Da, where the peak ends to the left: at `cut` of its height, or in a valley
---@field hi number Da
---@field counts number between lo and hi
---@field net number less the background between its sides
---@field error number of net

-- Counts smoothed over a few bins at place i.
local function smooth(r, i, h)
  local a, b = math.max(1, i - h), math.min(r.n, i + h)
  return (r[b + 1] - r[a]) / (b - a + 1)
end

-- Ends of the peak at bin i: where the counts fall to the cut, or rise again.
local function ends(s, r, i, h, cut)
  local top = smooth(r, i, h)
  local stop = {}
  for side = -1, 1, 2 do
    local least, at, k = top, i, i
    while true do
      k = k + side
      if k < 1 or k > r.n or math.abs(k - i) * s.bin > 2 then break end
      local v = smooth(r, k, h)
      if v < least then least, at = v, k end
      if v <= cut * top then at = k break end
      -- a rise by more than chance from the lowest place: the next peak begins
      if v > least + 4 * math.sqrt(math.max(least, 1) / (2 * h + 1)) and v > 1.3 * least then break end
      if math.abs(k - at) > 8 * h + 8 then break end  -- flat: the background
    end
    stop[side] = at
  end
  return s.first + (stop[-1] - 1) * s.bin, s.first + stop[1] * s.bin
end

local function half_width(s, r, i, h)
  local half, left, right = smooth(r, i, h) / 2, i, i
  while left > 1 and smooth(r, left, h) > half do left = left - 1 end
  while right < r.n and smooth(r, right, h) > half do right = right + 1 end
  local sum, weight = 0, 0
  for k = left, right do
    local w = math.max(0, r.counts[k] - half)
    sum, weight = sum + w * k, weight + w
  end
  return (right - left) * s.bin, s.first + ((weight > 0 and sum / weight or i) - 0.5) * s.bin
end

--- Peaks of a spectrum.
---@param s orowan.apt.spectrum bins of 0.001 to 0.02 Da
---@param options? {significance?: number, width?: number, first?: number, last?: number, cut?: number} least significance, default 5; narrowest peak, Da at 27 Da (it grows with the root of m/q), default 0.03; where to look, Da, default above 0.5; share of the height at which a peak ends, default 0.005
---@return orowan.apt.peak[] by mass
function peaks.search(s, options)
  options = options or {}
  local least, width, cut = options.significance or 5, options.width or 0.03, options.cut or 0.005
  local r = running(s)
  local best, scale = {}, {}
  local from = math.max(1, math.floor(((options.first or 0.5) - s.first) / s.bin) + 1)
  local to = math.min(r.n, math.ceil(((options.last or math.huge) - s.first) / s.bin))
  for i = from, to do
    local m = s.first + (i - 0.5) * s.bin
    best[i] = 0
    for factor = 0, 3 do
      local h = math.max(1, math.floor(width * 2 ^ factor * math.sqrt(m / 27) / 2 / s.bin + 0.5))
      local gap = 2 * h + 1
      if i - 3 * h - 1 >= 1 and i + 3 * h + 1 <= r.n then
        local on = r[i + h + 1] - r[i - h]
        local off = r[i - gap + h + 1] - r[i - gap - h] + r[i + gap + h + 1] - r[i + gap - h]
        local v = li_ma(on, off, 0.5)
        if v > best[i] then best[i], scale[i] = v, h end
      end
    end
  end
  local list = {}
  for i = from, to do
    local v = best[i]
    if v >= least then
      local top = true
      for k = math.max(from, i - 2 * scale[i]), math.min(to, i + 2 * scale[i]) do
        if best[k] > v or (best[k] == v and k < i) then top = false break end
      end
      if top then
        -- the highest place of the counts near it
        local h, at, highest = 0, i, 0
        repeat  -- no more smoothing than the counts need
          local a = math.max(1, i - 2 * scale[i])
          for k = a, math.min(r.n, i + 2 * scale[i]) do
            local c = smooth(r, k, h)
            if k == a or c > highest then at, highest = k, c end
          end
          h = h + 1
        until highest * (2 * h - 1) >= 60 or h > math.max(1, scale[i] // 4)
        h = h - 1
        local p = { significance = v, height = highest }
        p.fwhm, p.mass = half_width(s, r, at, h)
        h = math.max(1, scale[i] // 4)
        p.lo, p.hi = ends(s, r, at, h, cut)
        local last = list[#list]
        if not last or p.lo >= last.hi - 1e-9 then list[#list + 1] = p
        elseif p.mass - last.mass < 0.5 * math.max(p.fwhm, last.fwhm) then
          if p.significance > last.significance then list[#list] = p end
        else  -- neighbours meet in the valley
          local low, valley = math.huge, (last.mass + p.mass) / 2
          for k = math.ceil((last.mass - s.first) / s.bin), math.floor((p.mass - s.first) / s.bin) do
            local c = smooth(r, math.max(1, math.min(r.n, k)), h)
            if c < low then low, valley = c, s.first + (k - 0.5) * s.bin end
          end
          last.hi, p.lo = math.min(last.hi, valley), math.max(p.lo, valley)
          list[#list + 1] = p
        end
      end
    end
  end
  for k, p in ipairs(list) do
    p.counts = between(s, p.lo, p.hi)
    p.net, p.error = net_counts(s, p.lo, p.hi, k > 1 and list[k - 1].hi or nil, k < #list and list[k + 1].lo or nil)
  end
  return list
end

--- Joins bins until each holds enough counts, so that tails and background read as well as peaks.
---@param s orowan.apt.spectrum
---@param options? {counts?: number, widest?: number} counts: least per bin, default 25 (an error of 20 %); widest: Da, default 1
---@return {lo: number[], hi: number[], counts: number[], density: number[], error: number[]} bins Da; density and its Poisson error in counts / Da
function peaks.adaptive(s, options)
  options = options or {}
  local enough, widest = options.counts or 25, options.widest or 1
  local r = running(s)
  local t = { lo = {}, hi = {}, counts = {}, density = {}, error = {} }
  local first, sum = 1, 0
  for i = 1, r.n do
    sum = sum + r.counts[i]
    local width = (i - first + 1) * s.bin
    if sum >= enough or width >= widest - 1e-9 or i == r.n then
      local k = #t.lo + 1
      t.lo[k], t.hi[k] = s.first + (first - 1) * s.bin, s.first + i * s.bin
      t.counts[k], t.density[k], t.error[k] = sum, sum / width, math.sqrt(math.max(sum, 1)) / width
      first, sum = i + 1, 0
    end
  end
  return t
end

-- ---- ions ----------------------------------------------------------------------------------------

---@class orowan.apt.line
---@field mass number Da, m/q
---@field share number of the ion's isotopologues
---@field number integer mass number

--- The lines of an ion in natural isotopic abundance: isotopologues of one mass number together.
--- Masses are less the electrons taken away.
---@param ion string formula: "Fe", "Al2O"
---@param charge integer
---@param least? number smallest share that is given, default 1e-4
---@return orowan.apt.line[] lines by mass
function peaks.lines(ion, charge, least)
  local atoms = type(ion) == "string" and formula.parse(ion)
  if not atoms then error("apt.ion_lines: ion: expected a formula such as Fe or Al2O, got " .. tostring(ion), 2) end
  if math.type(charge) ~= "integer" or charge < 1 then error("apt.ion_lines: charge: expected 1, 2, ..., got " .. tostring(charge), 2) end
  local now = { [0] = { share = 1, mass = 0 } }
  for _, a in ipairs(atoms) do
    local list = isotopes[a[1]]
    if not list then error(("apt.ion_lines: %s has no natural isotopic composition"):format(a[1]), 2) end
    for _ = 1, a[2] do
      local after = {}
      for number, x in pairs(now) do
        for _, iso in ipairs(list) do
          local share = x.share * iso[3] / 100
          if share > 1e-12 then
            local y = after[number + iso[1]] or { share = 0, mass = 0 }
            y.mass = (y.mass * y.share + (x.mass + iso[2]) * share) / (y.share + share)
            y.share = y.share + share
            after[number + iso[1]] = y
          end
        end
      end
      now = after
    end
  end
  local out = {}
  for number, x in pairs(now) do
    if x.share >= (least or 1e-4) then
      out[#out + 1] = { mass = (x.mass - charge * electron) / charge, share = x.share, number = number }
    end
  end
  table.sort(out, function(a, b) return a.number < b.number end)
  return out
end

--- Net counts about a place: in mass +- half, less the background between its sides from both sides.
---@param s orowan.apt.spectrum
---@param lo number Da
---@param hi number Da
---@return number net
---@return number error one standard error
---@return number background taken away
function peaks.net(s, lo, hi) return net_counts(s, lo, hi) end

-- Width of peaks near m: of the most significant peak within a factor of 1.5.
local function width_near(list, m)
  local best, width = -1, nil
  for _, p in ipairs(list) do
    local q = p.significance / (1 + (math.log(p.mass / m) / 0.4) ^ 2)
    if q > best then best, width = q, p.fwhm * math.sqrt(m / p.mass) end
  end
  return width or 0.1
end
peaks.width_near = width_near

--- What the peaks may be: for each the ions of the given elements with a line there, best first.
--- An ion is judged by its other lines: `missing` adds up, in standard deviations with 20 % of
--- allowance, what the natural abundances ask for and the spectrum lacks (counts beyond are other ions').
---@param s orowan.apt.spectrum
---@param list orowan.apt.peak[]
---@param options? {elements?: string[], ions?: string[], charges?: integer, tolerance?: number, most?: integer} elements default: H to U; ions: molecules besides; charges: highest, default 3; tolerance Da, default 0.06; most: per peak, default 5
---@return {ion: string, charge: integer, number: integer, offset: number, share: number, missing: number, lines: integer}[][] hints for each peak: number: mass number; offset: Da from the line; lines: that were found
function peaks.hints(s, list, options)
  options = options or {}
  local tolerance, most = options.tolerance or 0.06, options.most or 5
  local ions = {}
  if options.elements then for i, e in ipairs(options.elements) do ions[i] = e end
  else for e in pairs(isotopes) do ions[#ions + 1] = e end end
  table.sort(ions)
  for _, m in ipairs(options.ions or {}) do ions[#ions + 1] = m end
  local out = {}
  for k in ipairs(list) do out[k] = {} end
  for _, ion in ipairs(ions) do
    for charge = 1, options.charges or 3 do
      local lines = peaks.lines(ion, charge, 0.002)
      for k, p in ipairs(list) do
        local at
        for _, l in ipairs(lines) do
          if math.abs(l.mass - p.mass) <= tolerance and (not at or l.share > at.share) then at = l end
        end
        if at then
          local amount, missing, found = math.max(p.net, 1) / at.share, 0, 0
          for _, l in ipairs(lines) do
            local half = width_near(list, l.mass)
            local n, e = net_counts(s, l.mass - half, l.mass + half)
            local want = amount * l.share
            local z = (n - want) / math.sqrt(e ^ 2 + (0.2 * want) ^ 2 + 1)
            if z < 0 then missing = missing + z * z end
            if l == at or (n > 3 * e and n > 0.3 * want) then found = found + l.share end
          end
          out[k][#out[k] + 1] = { ion = ion, charge = charge, number = at.number, offset = p.mass - at.mass, share = at.share,
            missing = math.sqrt(missing), found = found }
        end
      end
    end
  end
  for k, hints in ipairs(out) do
    local function cost(x) return x.missing + 2 * math.abs(x.offset) / tolerance + 2 * (1 - x.found) end
    table.sort(hints, function(a, b)
      local ca, cb = cost(a), cost(b)
      if ca ~= cb then return ca < cb end
      return a.ion .. a.charge < b.ion .. b.charge
    end)
    for i = #hints, most + 1, -1 do hints[i] = nil end
    out[k] = hints
  end
  return out
end

--- Logarithmic plot of a spectrum in adaptive bins, with its ranges and peaks.
---@param s orowan.apt.spectrum
---@param options? {ranges?: orowan.apt.ranges, peaks?: orowan.apt.peak[], first?: number, last?: number, counts?: number, title?: string} counts: least per bin
---@return orowan.figure
function peaks.figure(s, options)
  options = options or {}
  local t = peaks.adaptive(s, { counts = options.counts or 10, widest = 0.25 })
  local x, y, first, last = {}, {}, options.first, options.last
  for k, d in ipairs(t.density) do
    if (not first or t.hi[k] >= first) and (not last or t.lo[k] <= last) then
      -- steps: both ends of each bin
      x[#x + 1], y[#y + 1] = t.lo[k], math.max(d, 1e-3)
      x[#x + 1], y[#y + 1] = t.hi[k], math.max(d, 1e-3)
    end
  end
  local low, high = math.huge, 0
  for k, v in ipairs(y) do
    if v > 0.01 then low = math.min(low, v) end
    high = math.max(high, v)
    y[k] = v > 0.01 and v or 0 / 0
  end
  if low > high then low, high = 1, 10 end
  local fig = plot.figure { title = options.title, width = 1100, height = 480 }
  local ax = fig:axes(1)
  if options.ranges then
    local shown = {}
    for _, r in ipairs(options.ranges.list) do
      if (not first or r.hi >= first) and (not last or r.lo <= last) then
        local name = options.ranges.ions[r.ion].name
        ax:band({ r.lo, r.hi }, { low / 2, low / 2 }, { high * 2, high * 2 }, { color = (r.ion - 1) % 8 + 1, alpha = 0.25, label = not shown[name] and #options.ranges.ions <= 16 and name or nil })
        shown[name] = true
      end
    end
  end
  ax:line(x, y, { color = "black", width = 1 })
  local apart, shown = 0.0095 * ((last or x[#x]) - (first or s.first)), {}
  local sorted = table.move(options.peaks or {}, 1, #(options.peaks or {}), 1, {})
  table.sort(sorted, function(a, b) return a.height > b.height end)
  for _, p in ipairs(sorted) do
    local free = (not first or p.mass >= first) and (not last or p.mass <= last)
    for _, m in ipairs(shown) do free = free and math.abs(m - p.mass) > apart end
    if free then
      shown[#shown + 1] = p.mass
      ax:text(p.mass, p.height / s.bin * 1.5, ("%.2f"):format(p.mass), { align = "left", rotate = 90, size = 9 })
    end
  end
  ax:set { xlabel = "m/q (Da)", ylabel = "counts / Da", ylog = true, yrange = { low / 2, high * (options.peaks and 8 or 2) }, xrange = { first or s.first, last or x[#x] }, legend = "outside" }
  return fig
end

--- Peaks; see `apt.find_peaks`.
---@param options? table
---@return orowan.apt.peak[]
function Spectrum:peaks(options) return peaks.search(self, options) end

--- Logarithmic plot; see `apt.spectrum_figure`.
---@param options? table
---@return orowan.figure
function Spectrum:figure(options) return peaks.figure(self, options) end

--- Adaptive bins; see `apt.adaptive_bins`.
---@param options? table
---@return table
function Spectrum:adaptive(options) return peaks.adaptive(self, options) end

return peaks
