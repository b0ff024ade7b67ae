--- Ranging assistant: ranges for chosen elements, from the peaks of a spectrum and the natural
--- abundances of the isotopes.
---
--- Every ion (element or molecule, charge) has lines at known places with known shares. An ion is a
--- candidate when its strongest line meets a peak. How many of each ion there are is the Poisson
--- maximum likelihood of all net counts, at peaks and where lines have none (expectation-
--- maximisation: n_j <- n_j sum_i a_ij y_i / yhat_i / sum_i a_ij; Dempster, Laird and Rubin 1977).
--- A peak belongs to the ion with the most counts in it; what others share is told.
local formula = require "orowan.apt.formula"
local peaks = require "orowan.apt.peaks"
local ranges = require "orowan.apt.ranges"

local ranging = {}

local colours = { "E41A1C", "377EB8", "4DAF4A", "984EA3", "FF7F00", "A65628", "F781BF", "999999", "66C2A5", "FC8D62", "8DA0CB", "E78AC3" }

---@class orowan.apt.ranged_line
---@field number integer mass number
---@field mass number Da, where the line is expected
---@field share number natural share
---@field peak number? Da, of the peak there
---@field lo number? Da, of its range
---@field hi number? Da
---@field net number counts less background
---@field error number one standard error
---@field expected number counts by natural abundance, from all lines of the ion that have a range
---@field ratio number? net / expected; nil where another ion has the range
---@field ratio_error number?
---@field owner string? ion that has the range, when it is another one
---@field overlap number share of the peak's counts that other ions make, by the fit

---@class orowan.apt.ranged_ion
---@field ion string
---@field charge integer
---@field amount number ions by the fit
---@field lines orowan.apt.ranged_line[]
---@field chi2 number of the lines with a range against natural abundance, counting errors alone
---@field dof integer
---@field deviation number largest |net / expected - 1| of those lines

-- The peak that a line meets.
local function meet(list, mass, tolerance)
  local best, at = nil, nil
  for k, p in ipairs(list) do
    local d = math.abs(p.mass - mass)
    if d <= math.max(tolerance, 0.3 * p.fwhm) and (not best or d < best) then best, at = d, k end
  end
  return at
end

-- Ions with their lines, each at a site (a peak, or a place without one).
local function candidates(s, list, elements, options)
  local sites, jobs = {}, {}
  for k, p in ipairs(list) do sites[k] = { net = math.max(p.net, 0), mass = p.mass } end
  local function place(mass)  -- a site without a peak
    for k = #list + 1, #sites do if math.abs(sites[k].mass - mass) < 0.05 then return k end end
    local half = peaks.width_near(list, mass)
    local net = peaks.net(s, mass - half, mass + half)
    sites[#sites + 1] = { net = math.max(net, 0), mass = mass }
    return #sites
  end
  local function add(ion, charge)
    local lines = peaks.lines(ion, charge, 0.001)
    local top
    for _, l in ipairs(lines) do if not top or l.share > top.share then top = l end end
    local k = top and meet(list, top.mass, options.tolerance)
    if not k then return end
    local atoms = 0
    for _, a in ipairs(formula.parse(ion)) do atoms = atoms + a[2] end
    local job = { ion = ion, charge = charge, lines = lines, site = {}, amount = math.max(list[k].net, 1) / (atoms ^ 2 * charge), atoms = atoms }
    for i, l in ipairs(lines) do  -- weak lines without a peak tell nothing beside the tails of strong ones
      job.site[i] = meet(list, l.mass, options.tolerance) or l.share >= 0.02 and place(l.mass) or false
    end
    jobs[#jobs + 1] = job
  end
  for _, e in ipairs(elements) do for z = 1, options.charges do add(e, z) end end
  for _, m in ipairs(options.ions) do for z = 1, options.charges do add(m, z) end end
  return jobs, sites
end

local function fit(jobs, sites)
  for _ = 1, 3000 do
    for _, site in ipairs(sites) do site.model = 1e-9 end
    for _, j in ipairs(jobs) do for i, l in ipairs(j.lines) do
      local site = sites[j.site[i]]
      if site then site.model = site.model + j.amount * l.share end
    end end
    local change = 0
    for _, j in ipairs(jobs) do
      local sum, all = 0, 0
      for i, l in ipairs(j.lines) do
        local site = sites[j.site[i]]
        if site then sum, all = sum + l.share * site.net / site.model, all + l.share end
      end
      local new = j.amount * sum / all
      change = math.max(change, math.abs(new - j.amount) / (j.amount + 1))
      j.amount = new
    end
    if change < 1e-8 then break end
  end
end

local function options_of(o)
  o = o or {}
  local known = { ions = true, charges = true, tolerance = true, significance = true, cut = true, peaks = true, width = true }
  for key in pairs(o) do if not known[key] then error("apt.propose_ranges: unknown option " .. tostring(key), 3) end end
  return { ions = o.ions or {}, charges = o.charges or 3, tolerance = o.tolerance or 0.06, peaks = o.peaks, significance = o.significance, cut = o.cut,
    width = o.width }
end

--- Proposes ranges for chosen elements.
---
--- A range reaches from where the peak has fallen to `cut` of its height, or to the valley beside the
--- next peak. Measured ratios carry counting errors alone; pile-up, tails of strong neighbours and
--- hydrides make larger differences in measured spectra, so read `deviation` beside chi2.
---@param s orowan.apt.spectrum
---@param elements string[] symbols
---@param options? {ions?: string[], charges?: integer, tolerance?: number, significance?: number, cut?: number, width?: number, peaks?: orowan.apt.peak[]} ions: molecules besides, {"AlO", "O2"}; charges: highest, default 3; tolerance: Da between line and peak, default 0.06; significance, cut, width: as `apt.find_peaks`, or peaks that were found
---@return orowan.apt.ranges? ranges nil when no peak fits
---@return orowan.apt.ranged_ion[] table of ions by amount
---@return orowan.apt.peak[] unassigned peaks that no chosen ion explains
function ranging.propose(s, elements, options)
  local o = options_of(options)
  if type(elements) ~= "table" or #elements == 0 then error("apt.propose_ranges: elements: expected a list of symbols", 2) end
  local list = o.peaks or peaks.search(s, { significance = o.significance, cut = o.cut, width = o.width })
  local jobs, sites = candidates(s, list, elements, o)
  fit(jobs, sites)
  local owner, most = {}, {}
  for j, job in ipairs(jobs) do
    for i, l in ipairs(job.lines) do
      local k, n = job.site[i], job.amount * l.share
      -- more than its error, and a good part of the peak
      if k and k <= #list and n > math.max(list[k].error, 0.25 * list[k].net) and n > (most[k] or 0) then owner[k], most[k] = j, n end
    end
  end
  local entries, out, unassigned, colour = {}, {}, {}, {}
  for k, p in ipairs(list) do
    local job = owner[k] and jobs[owner[k]]
    if job then
      if not colour[job.ion] then
        local n = 0
        for _ in pairs(colour) do n = n + 1 end
        colour[job.ion] = colours[n % #colours + 1]
      end
      entries[#entries + 1] = { p.lo, p.hi, job.ion, colour = colour[job.ion] }
    else unassigned[#unassigned + 1] = p end
  end
  for j, job in ipairs(jobs) do
    local wins, net, share = 0, 0, 0
    local lines = {}
    for i, l in ipairs(job.lines) do
      local k = job.site[i]
      local p = k and list[k]
      local n, e
      if p then n, e = p.net, p.error
      else
        local half = peaks.width_near(list, l.mass)
        n, e = peaks.net(s, l.mass - half, l.mass + half)
      end
      local mine = owner[k] == j
      lines[i] = { number = l.number, mass = l.mass, share = l.share, peak = p and p.mass, lo = mine and p.lo or nil, hi = mine and p.hi or nil, net = n, error = e,
        owner = p and not mine and owner[k] and jobs[owner[k]].ion .. ("+"):rep(jobs[owner[k]].charge) or nil,
        overlap = k and sites[k].model > 0 and math.max(0, 1 - job.amount * l.share / sites[k].model) or 0 }
      if mine then wins, net, share = wins + 1, net + n, share + l.share end
    end
    if wins > 0 then
      local one = { ion = job.ion, charge = job.charge, amount = job.amount, lines = lines, chi2 = 0, dof = wins - 1, deviation = 0 }
      for _, l in ipairs(lines) do
        l.expected = net / share * l.share
        if not l.owner then l.ratio, l.ratio_error = l.net / l.expected, l.error / l.expected end
        if l.lo and wins > 1 then
          one.chi2 = one.chi2 + ((l.net - l.expected) / l.error) ^ 2
          one.deviation = math.max(one.deviation, math.abs(l.ratio - 1))
        end
      end
      out[#out + 1] = one
    end
  end
  table.sort(out, function(a, b)
    if a.amount ~= b.amount then return a.amount > b.amount end
    return a.ion .. a.charge < b.ion .. b.charge
  end)
  return #entries > 0 and ranges.new(entries) or nil, out, unassigned
end

--- The lines of proposed ions as rows for a table.
---@param list orowan.apt.ranged_ion[]
---@return string[] columns
---@return any[][] rows
function ranging.rows(list)
  local rows = {}
  for _, one in ipairs(list) do
    for _, l in ipairs(one.lines) do
      if l.peak or l.net > 3 * l.error then
        rows[#rows + 1] = { one.ion .. ("+"):rep(one.charge), l.number, tonumber(("%.3f"):format(l.mass)), l.peak and tonumber(("%.3f"):format(l.peak)),
          l.lo and ("%.3f-%.3f"):format(l.lo, l.hi) or l.owner and "has " .. l.owner or "none", tonumber(("%.4g"):format(100 * l.share)),
          tonumber(("%.0f"):format(l.net)), tonumber(("%.0f"):format(l.error)), tonumber(("%.0f"):format(l.expected)), l.ratio and tonumber(("%.3f"):format(l.ratio)),
          l.ratio and tonumber(("%.3f"):format(l.ratio_error)), tonumber(("%.2f"):format(l.overlap)) }
      end
    end
  end
  return { "ion", "mass number", "line (Da)", "peak (Da)", "range (Da)", "natural share (%)", "net counts", "error", "expected", "measured / expected", "error of it",
    "overlap" }, rows
end

return ranging
