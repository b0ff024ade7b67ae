--- Mass spectra: counts per bin of m/q, their background, and the composition of what is
--- ranged, with errors that count both ions and background.
local core = require "orowan.core"

local spectrum = {}

---@class orowan.apt.spectrum
---@field first number Da, lower edge of the first bin
---@field bin number Da
---@field counts orowan.tensor f64 [n]
---@field background orowan.tensor? f64 [n], counts expected per bin
---@field background_error number relative standard error of the background as a whole
local Spectrum = {}
Spectrum.__index = Spectrum

--- Counts mass-to-charge values.
---@param mass orowan.tensor|fun(): orowan.tensor? values in Da, or a function that gives one slab after the other and then nil
---@param options? {bin?: number, first?: number, last?: number} Da; default 0.01, 0, 150
---@return orowan.apt.spectrum
function spectrum.count(mass, options)
  options = options or {}
  local bin, first, last = options.bin or 0.01, options.first or 0, options.last or 150
  if not (bin > 0 and last > first) then error(("apt.spectrum: expected bin > 0 and last > first, got %g, %g, %g"):format(bin, first, last), 2) end
  local n = math.ceil((last - first) / bin - 1e-9)
  local total = core.create.zeros({ n }, "f64")
  local function add(m)
    local k = ((m:to "f64" - first) / bin):floor()
    local inside = k:ge(0):logical_and(k:lt(n))
    total:add_(k[inside]:to("i64"):bincount { first = 0, size = n })
  end
  if type(mass) == "function" then
    for m in mass do add(m) end
  else add(mass) end
  return setmetatable({ first = first, bin = bin, counts = total, background_error = 0 }, Spectrum)
end

--- A spectrum that is already binned.
---@param first number Da, lower edge of the first bin
---@param bin number Da
---@param counts orowan.tensor|number[]
---@param background? orowan.tensor|number[] counts expected per bin
---@param background_error? number its relative standard error, default 0
---@return orowan.apt.spectrum
function spectrum.binned(first, bin, counts, background, background_error)
  return setmetatable({ first = first, bin = bin, counts = core.tensor.tensor(counts, "f64"),
    background = background and core.tensor.tensor(background, "f64"), background_error = background_error or 0 }, Spectrum)
end

--- Middles of the bins.
---@return orowan.tensor f64 [n], Da
function Spectrum:mass()
  return core.create.arange(0, self.counts:numel() - 1):to "f64" * self.bin + (self.first + self.bin / 2)
end

--- Fits the background of ions that come at random times: constant in time of flight, so that
--- its density falls as 1/sqrt(m/q). The level is the median over windows that hold no range
--- and no peak, with its error from their spread.
---@param options? {ranges?: orowan.apt.ranges, window?: number, first?: number} window: Da, default 1; first: m/q from which windows count, default 2 Da
---@return orowan.apt.spectrum self, now with `background`
---@return number level counts per sqrt(Da)
---@return number error one standard error
function Spectrum:fit_background(options)
  options = options or {}
  local width, from = options.window or 1, options.first or 2
  local per = math.max(1, math.floor(width / self.bin + 0.5))
  local n = self.counts:numel()
  local occupied = options.ranges and options.ranges:assign(self:mass()):gt(0)
  local levels = {}
  for k = 0, n // per - 1 do
    local lo, hi = k * per + 1, (k + 1) * per
    local a, b = self.first + (lo - 1) * self.bin, self.first + hi * self.bin
    if a >= from and not (occupied and occupied:slice(1, lo, hi):any()) then
      levels[#levels + 1] = self.counts:slice(1, lo, hi):sum() / (2 * (math.sqrt(b) - math.sqrt(a)))
    end
  end
  if #levels < 5 then error(("apt.spectrum: only %d windows of %g Da hold no range: too few for a background"):format(#levels, width), 2) end
  local t = core.tensor.tensor(levels, "f64")
  local level = t:median()
  -- peaks that no range covers make the upper side; the lower side tells the spread
  local below = (level - t[t:le(level)]):abs():median() * 1.4826
  local edges = core.create.arange(0, n):to "f64" * self.bin + self.first
  local root = edges:clip(0, math.huge):sqrt()
  self.background = (root:slice(1, 2) - root:slice(1, 1, n)) * (2 * level)
  local err = 1.2533 * below / math.sqrt(#levels)
  self.background_error = level > 0 and err / level or 0
  return self, level, err
end

--- Ions in their ranges, with what the background takes away.
---@param ranges orowan.apt.ranges
---@return {ion: string, counts: number, background: number, error: number}[] list one for each ion of the ranges; error: of counts - background, Poisson for the counts
---@return number unranged
function Spectrum:ranged(ranges)
  local ion = ranges:assign(self:mass())
  local size = #ranges.ions + 1
  local counts = ion:bincount { first = 0, size = size, weights = self.counts }
  local back = self.background and ion:bincount { first = 0, size = size, weights = self.background }
  local list = {}
  for i, what in ipairs(ranges.ions) do
    local c, b = counts[i + 1], back and back[i + 1] or 0
    list[i] = { ion = what.name, counts = c, background = b, error = math.sqrt(math.max(c, 0) + (self.background_error * b) ^ 2) }
  end
  return list, counts[1]
end

--- Atomic composition of ranged ions: molecular ions count as their atoms.
---
--- The error of a fraction is propagated from the Poisson errors of all ions: with c_e = N_e / N
--- and a_ie atoms of e in ion i, var(c_e) = sum_i (a_ie - c_e a_i)^2 var(n_i) / N^2.
---@param ranges orowan.apt.ranges
---@param counts {counts: number, background: number, error: number}[]|orowan.tensor what `spectrum:ranged` gives, or counts i64 from `ranges:counts`
---@return {element: string, atoms: number, fraction: number, error: number}[] list by falling fraction
---@return {[1]: string, [2]: number}[] unknown named ions that are no formula, with their counts: left out
function spectrum.composition(ranges, counts)
  local net, var = {}, {}
  for i in ipairs(ranges.ions) do
    if type(counts) == "table" then
      net[i], var[i] = counts[i].counts - counts[i].background, counts[i].error ^ 2
    else net[i], var[i] = counts[i], counts[i] end
  end
  local atoms, order, total, unknown = {}, {}, 0, {}
  for i, ion in ipairs(ranges.ions) do
    if not ion.atoms and net[i] ~= 0 then unknown[#unknown + 1] = { ion.name, net[i] } end
    for _, a in ipairs(ion.atoms or {}) do
      if not atoms[a[1]] then
        atoms[a[1]] = 0
        order[#order + 1] = a[1]
      end
      atoms[a[1]] = atoms[a[1]] + a[2] * net[i]
      total = total + a[2] * net[i]
    end
  end
  if total <= 0 then error("apt.composition: no counts are left in the ranges", 2) end
  local list = {}
  for _, e in ipairs(order) do
    local c, v = atoms[e] / total, 0
    for i, ion in ipairs(ranges.ions) do
      local of_e, all = 0, 0
      for _, a in ipairs(ion.atoms or {}) do
        all = all + a[2]
        if a[1] == e then of_e = of_e + a[2] end
      end
      v = v + (of_e - c * all) ^ 2 * var[i]
    end
    list[#list + 1] = { element = e, atoms = atoms[e], fraction = c, error = math.sqrt(v) / total }
  end
  table.sort(list, function(a, b)
    if a.fraction ~= b.fraction then return a.fraction > b.fraction end
    return a.element < b.element
  end)
  return list, unknown
end

spectrum.class = Spectrum  -- peaks.lua adds methods

return spectrum
