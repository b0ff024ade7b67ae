--- Concentration profiles along an axis through a box or cylinder, with binomial errors, and the
--- excess of an element at an interface.
---
--- Errors. Concentrations carry the binomial standard error sqrt(c (1 - c) / N) and Wilson's interval.
--- They tell how well N ions show the composition of the alloy. With `efficiency` eta they tell how
--- well they show the atoms that were there: the error shrinks by sqrt(1 - eta) (drawing without
--- replacement; Danoix, Grancher, Bostel and Blavette, Surf. Interface Anal. 39, 206, 2007).
local core = require "orowan.core"
local labels = require "orowan.apt.labels"
local plot = require "orowan.plot"

local profile = {}

---@class orowan.apt.profile
---@field lo number[] nm, lower ends of the bins
---@field hi number[] nm
---@field position number[] nm, middles of the bins
---@field counts integer[][] [species][bin]
---@field total integer[] known ions per bin
---@field names string[]
---@field area number? nm^2, of the cross-section (or of the iso-surface)
---@field overlap boolean bins overlap: neighbouring values are not independent
---@field ions integer
---@field unknown integer ions of no species in the region, left out
---@field outside integer ions outside the region or the bins
---@field excluded integer ions left out for another reason, see notes
---@field notes string[]
local Profile = {}
Profile.__index = Profile

-- ---- making --------------------------------------------------------------------------------------

-- Bins counted elsewhere: for proxigrams.
---@param t table lo, hi, counts [species][bin], names, ...
---@return orowan.apt.profile
function profile.of(t)
  t.position, t.total, t.ions, t.notes = {}, {}, 0, t.notes or {}
  for b = 1, #t.lo do
    t.position[b] = (t.lo[b] + t.hi[b]) / 2
    local n = 0
    for s = 1, #t.names do n = n + t.counts[s][b] end
    t.total[b] = n
    t.ions = t.ions + n
  end
  return setmetatable(t, Profile)
end

-- Counts per bin and species of coordinates in increasing edges: i64 [bins, species + 1].
---@param coordinate orowan.tensor f64 [n]
---@param species orowan.tensor i64 [n]
---@param edges orowan.tensor f64 [bins + 1]
---@param kinds integer
function profile.tally(coordinate, species, edges, kinds)
  local bins = edges:numel() - 1
  local b = edges:searchsorted(coordinate, { right = true }) - 1  -- 0 before the first, bins + 1.. behind the last
  local inside = b:ge(1):logical_and(b:le(bins)):logical_and(core.ops.isfinite(coordinate))
  local s = core.index.where(species:ge(1):logical_and(species:le(kinds)), species, 0)
  local key = ((b - 1) * (kinds + 1) + s)[inside]
  local all = key:bincount { first = 0, size = bins * (kinds + 1) }
  return all:reshape(bins, kinds + 1), coordinate:numel() - key:numel()
end

local function unit(v)
  if type(v) == "string" then v = ({ x = 1, y = 2, z = 3 })[v] end
  if math.type(v) == "integer" and v >= 1 and v <= 3 then
    local u = { 0, 0, 0 }
    u[v] = 1
    return u
  end
  if type(v) ~= "table" or #v ~= 3 then error('apt.profile: axis: expected "x", "y", "z" or a vector {x, y, z}', 3) end
  local n = math.sqrt(v[1] ^ 2 + v[2] ^ 2 + v[3] ^ 2)
  if not (n > 0 and n < math.huge) then error("apt.profile: axis: the vector has no direction", 3) end
  return { v[1] / n, v[2] / n, v[3] / n }
end

local function cross(a, b) return { a[2] * b[3] - a[3] * b[2], a[3] * b[1] - a[1] * b[3], a[1] * b[2] - a[2] * b[1] } end

-- Two directions across u: the coordinate axes where u is one.
local function frame(u)
  local least = 1
  for k = 2, 3 do if math.abs(u[k]) < math.abs(u[least]) then least = k end end
  for k = 1, 3 do
    if math.abs(u[k]) > 1 - 1e-12 then least = k % 3 + 1 end
  end
  local e = { 0, 0, 0 }
  e[least] = 1
  local w = unit(cross(u, e))
  return unit(cross(w, u)), w
end

local known = { axis = true, centre = true, radius = true, width = true, length = true, bin = true, ions = true, step = true, efficiency = true }

-- Walks the ions of the region: coordinate along the axis f64, species i64. `told` counts what is
-- left out and finds the extent across the axis.
local function walk_region(source, o, u, v, w, told)
  local centre = core.tensor.tensor(o.centre or { 0, 0, 0 }, "f64")
  local turn = core.tensor.tensor({ { u[1], v[1], w[1] }, { u[2], v[2], w[2] }, { u[3], v[3], w[3] } }, "f64")
  local next_slab = labels.each(source)
  told.outside, told.broken, told.extent = 0, 0, { math.huge, -math.huge, math.huge, -math.huge }
  return function()
    local positions, kind = next_slab()
    if not positions then return nil end
    local r = (positions:to "f64" - centre):matmul(turn)
    local t, p, q = r:select(2, 1), r:select(2, 2), r:select(2, 3)
    local fine = core.ops.isfinite(r):all(2)
    local keep, n = fine, fine:to("i64"):sum()
    if o.radius then keep = keep:logical_and((p:square() + q:square()):le(o.radius ^ 2)) end
    if o.width then keep = keep:logical_and(p:abs():le(o.width[1] / 2)):logical_and(q:abs():le(o.width[2] / 2)) end
    if o.length then keep = keep:logical_and(t:abs():le(o.length / 2)) end
    told.broken, told.outside = told.broken + fine:numel() - n, told.outside + n - keep:to("i64"):sum()
    local e = told.extent
    if not (o.radius or o.width) and keep:any() then
      local x, y = p[keep], q[keep]
      told.extent = { math.min(e[1], x:min()), math.max(e[2], x:max()), math.min(e[3], y:min()), math.max(e[4], y:max()) }
    end
    return t[keep], kind[keep]
  end
end

-- Ends of bins that hold k known ions each; all coordinates are in memory for that.
local function even_edges(coordinates, k, notes)
  local t = core.index.concat(coordinates, 1):sort()
  if t:numel() == 0 then error("apt.profile: no ion of a known species lies in the region", 3) end
  local list = {}
  for i = 1, t:numel(), k do list[#list + 1] = i == 1 and t[1] or (t[i - 1] + t[i]) / 2 end
  if t:numel() % k > 0 and #list > 1 then  -- what is left joins the last bin
    list[#list] = nil
    notes[#notes + 1] = ("the last bin holds %d ions"):format(k + t:numel() % k)
  end
  list[#list + 1] = t[t:numel()] + 1e-6
  return list
end

--- A profile along an axis.
---
--- Region: all ions; with `radius` a cylinder about the axis through `centre`; with `width` = {a, b} a
--- box (sides across the axis: along x and y for the axis z, y and z for x, z and x for y; else see the
--- field `across`); with `length` its extent along the axis, about the centre.
--- Bins: of `bin` nm; with `step` a window of `bin` nm is moved by `step` (bins overlap); with
--- `ions` every bin holds that many ions of known species.
---@param source orowan.apt.labelled
---@param options? {axis?: string|number[], centre?: number[], radius?: number, width?: number[], length?: number, bin?: number, step?: number, ions?: integer, efficiency?: number} axis default "z"; centre nm, default the origin; lengths nm; bin default 1 nm
---@return orowan.apt.profile positions count from the centre along the axis
function profile.new(source, options)
  labels.check("apt.profile", source)
  local o = options or {}
  for key in pairs(o) do if not known[key] then error("apt.profile: unknown option " .. tostring(key), 2) end end
  if o.radius and o.width then error("apt.profile: a region has a radius (cylinder) or a width (box), not both", 2) end
  if type(o.width) == "number" then o = setmetatable({ width = { o.width, o.width } }, { __index = options }) end
  if o.efficiency and not (o.efficiency > 0 and o.efficiency <= 1) then error("apt.profile: efficiency: expected a share above 0 and up to 1", 2) end
  local u = unit(o.axis or "z")
  local v, w = frame(u)
  local kinds, notes, told = #source.names, {}, {}
  local bin, edges, moving = o.bin or 1
  if type(bin) ~= "number" or bin <= 0 or bin ~= bin then error("apt.profile: bin: expected a length above 0 in nm", 2) end
  if o.ions and (math.type(o.ions) ~= "integer" or o.ions < 1) then error("apt.profile: ions: expected a number of ions, at least 1", 2) end
  local lo, hi, kept = math.huge, -math.huge, {}
  for t, kind in walk_region(source, o, u, v, w, told) do
    if t:numel() > 0 then lo, hi = math.min(lo, t:min()), math.max(hi, t:max()) end
    if o.ions then kept[#kept + 1] = t[kind:ge(1):logical_and(kind:le(kinds))] end
  end
  if lo > hi then error("apt.profile: no ion lies in the region: check centre, axis and size", 2) end
  if o.ions then edges = even_edges(kept, o.ions, notes)
  else
    local step = o.step or bin
    moving = math.floor(bin / step + 0.5)
    if step <= 0 or math.abs(moving * step - bin) > 1e-9 * bin then error("apt.profile: step: expected a whole part of bin", 2) end
    local first, last = o.length and -o.length / 2 or lo, o.length and o.length / 2 or hi
    local n = math.max(moving, math.ceil((last - first) / step - 1e-9))
    if n > 1e7 then error("apt.profile: more than 1e7 bins: use a larger bin", 2) end
    edges = {}
    for k = 0, n do edges[k + 1] = first + k * step end
    edges[n + 1] = math.max(edges[n + 1], last) + 1e-9
  end
  local e, all, beyond = edges, nil, 0
  edges = core.tensor.tensor(e, "f64")
  for t, kind in walk_region(source, o, u, v, w, told) do
    local counts, out = profile.tally(t, kind, edges, kinds)
    all, beyond = all and all:add_(counts) or counts, beyond + out
  end
  local unknown, extent = all:select(2, 1):sum(), told.extent
  moving = moving or 1
  local t = { lo = {}, hi = {}, counts = {}, names = source.names, overlap = moving > 1, unknown = unknown, outside = told.outside + beyond, excluded = told.broken,
    efficiency = o.efficiency, axis = u, across = { v, w }, notes = notes, label = "distance (nm)" }
  for b = 1, #e - moving do t.lo[b], t.hi[b] = e[b], e[b + moving] end
  for s = 1, kinds do
    local fine = all:select(2, s + 1):totable()
    t.counts[s] = {}
    for b = 1, #e - moving do
      local n = 0
      for k = b, b + moving - 1 do n = n + fine[k] end
      t.counts[s][b] = n
    end
  end
  if o.radius then t.area = math.pi * o.radius ^ 2
  elseif o.width then t.area = o.width[1] * o.width[2]
  else
    t.area = (extent[2] - extent[1]) * (extent[4] - extent[3])
    notes[#notes + 1] = "the cross-section is that of the bounding box: right for a box-shaped specimen alone"
  end
  if told.broken > 0 then notes[#notes + 1] = ("%d ions with positions that are not finite were left out"):format(told.broken) end
  return profile.of(t)
end

-- ---- reading -------------------------------------------------------------------------------------

local function sum_of(self, fn, which)
  local n = {}
  for b = 1, #self.lo do n[b] = 0 end
  for _, s in ipairs(labels.find(fn, self.names, which)) do
    for b, k in ipairs(self.counts[s]) do n[b] = n[b] + k end
  end
  return n
end

local function wilson(k, n)
  local z = 1.959963984540054
  local p, w = k / n, z * z / n
  local mid, half = (p + w / 2) / (1 + w), z / (1 + w) * math.sqrt(p * (1 - p) / n + w / (4 * n))
  return mid, half
end

---@class orowan.apt.profile_values
---@field position number[] nm
---@field value number[] NaN in empty bins
---@field error number[] one standard error
---@field low number[] 95 % interval
---@field high number[]

--- Atomic fraction of one or several species together.
---@param which string|string[]
---@return orowan.apt.profile_values
function Profile:concentration(which)
  local n = sum_of(self, "profile:concentration", which)
  local shrink = self.efficiency and math.sqrt(1 - self.efficiency) or 1
  local v = { position = self.position, value = {}, error = {}, low = {}, high = {} }
  for b, k in ipairs(n) do
    local N = self.total[b]
    if N > 0 then
      local c = k / N
      local mid, half = wilson(k, N)
      v.value[b], v.error[b] = c, shrink * math.sqrt(c * (1 - c) / N)
      -- about c when the interval shrinks to nothing
      v.low[b], v.high[b] = math.max(0, c + shrink * (mid - half - c)), math.min(1, c + shrink * (mid + half - c))
    else v.value[b], v.error[b], v.low[b], v.high[b] = 0 / 0, 0 / 0, 0, 1 end
  end
  return v
end

--- Number density, ions / nm^3 (atoms / nm^3 where the profile has an efficiency), Poisson errors.
---@param which? string|string[] default: all known ions
---@return orowan.apt.profile_values
function Profile:number_density(which)
  if not self.area then error("profile:number_density: this profile has no cross-section", 2) end
  local n = sum_of(self, "profile:number_density", which or self.names)
  local v = { position = self.position, value = {}, error = {}, low = {}, high = {} }
  for b, k in ipairs(n) do
    local volume = self.area * (self.hi[b] - self.lo[b]) * (self.efficiency or 1)
    v.value[b], v.error[b] = k / volume, math.sqrt(math.max(k, 1)) / volume
    v.low[b], v.high[b] = math.max(0, v.value[b] - 1.96 * v.error[b]), v.value[b] + 1.96 * v.error[b]
  end
  return v
end

-- The share of bin b that lies within lo..hi.
local function part(self, b, lo, hi)
  local a, z = math.max(self.lo[b], lo), math.min(self.hi[b], hi)
  return z > a and (z - a) / (self.hi[b] - self.lo[b]) or 0
end

-- Widest stretch that differs from the outer quarters: neighbours both more than 3 errors off.
local function find_zone(self, n, N)
  local bins = #n
  local q = math.max(2, bins // 4)
  if bins < 8 then error("profile:excess: fewer than 8 bins: give zone = {lo, hi}", 3) end
  local a, A, z, Z = 0, 0, 0, 0
  for b = 1, q do a, A, z, Z = a + n[b], A + N[b], z + n[bins + 1 - b], Z + N[bins + 1 - b] end
  local left, right = a / A, z / Z
  local function off(b)
    local function deviates(c) return (n[b] - c * N[b]) ^ 2 > 9 * math.max(c * N[b], 1) end
    return deviates(left) and deviates(right) or (b <= bins // 2 and deviates(left)) or (b > bins // 2 and deviates(right))
  end
  local first, last
  for b = q, bins - q do
    if off(b) and off(b + 1) then
      first = first or b
      last = b + 1
    end
  end
  if not first then
    first, last = bins // 2 - bins // 8, bins // 2 + bins // 8 + 1
    return self.lo[first], self.hi[last], false
  end
  return self.lo[math.max(2, first - 2)], self.hi[math.min(bins - 1, last + 2)], true
end

---@class orowan.apt.excess
---@field excess number Gibbs interfacial excess, ions / nm^2 (atoms / nm^2 with an efficiency)
---@field error number one standard error, from counting
---@field left number plateau before the zone: atomic fraction, or ions / nm^3
---@field left_error number
---@field right number plateau behind it
---@field right_error number
---@field zone number[] {lo, hi}, nm
---@field found boolean the zone stood out of the plateaus (true when it was given)
---@field interface number nm, the dividing surface
---@field slope number change of the excess when the dividing surface moves by 1 nm
---@field area number nm^2

--- Gibbs excess of an element at an interface: what the zone about it holds beyond the two
--- plateaus, each taken up to the dividing surface, over the area (Krakauer and Seidman, Phys.
--- Rev. B 48, 6724, 1993; for proxigrams Hellman and Seidman, Mater. Sci. Eng. A 327, 24, 2002).
---
--- basis "atoms": plateaus are atomic fractions (the usual excess relative to all atoms);
--- "volume": they are densities, for specimens with one species only. The error holds the counts
--- of the zone and of both plateaus. Where the plateaus differ the result depends on the
--- dividing surface by `slope`. A zone that is looked for in the same data is picked where there
--- is most: give `zone` for a test.
---@param which string|string[]
---@param options? {zone?: number[], interface?: number, basis?: string, area?: number} nm; interface default: middle of the zone (0 for a proxigram); area default: the profile's
---@return orowan.apt.excess
function Profile:excess(which, options)
  options = options or {}
  local basis, area = options.basis or "atoms", options.area or self.area
  if basis ~= "atoms" and basis ~= "volume" then error('profile:excess: basis: expected "atoms" or "volume"', 2) end
  if not area then error("profile:excess: this profile has no area: give area = in nm^2", 2) end
  if self.overlap then error("profile:excess: the bins overlap: make the profile without step", 2) end
  local n, N = sum_of(self, "profile:excess", which), {}
  for b = 1, #n do N[b] = basis == "atoms" and self.total[b] or self.hi[b] - self.lo[b] end
  local lo, hi, found
  if options.zone then lo, hi, found = options.zone[1], options.zone[2], true else lo, hi, found = find_zone(self, n, N) end
  local x0 = options.interface or self.interface or (lo + hi) / 2
  if not (lo <= x0 and x0 <= hi) then lo, hi = math.min(lo, x0), math.max(hi, x0) end
  local k = { left = 0, right = 0 }
  local M = { left = 0, right = 0 }
  local zone, var, near = 0, 0, { left = 0, right = 0 }
  for b = 1, #n do
    local inside = part(self, b, lo, hi)
    local before, behind = part(self, b, -math.huge, lo), part(self, b, hi, math.huge)
    if before == 1 then k.left, M.left = k.left + n[b], M.left + N[b] end
    if behind == 1 then k.right, M.right = k.right + n[b], M.right + N[b] end
    if inside > 0 then  -- a bin that lies partly in the zone counts as a whole
      zone = zone + n[b]
      local c = basis == "atoms" and N[b] > 0 and n[b] / N[b] or 0
      var = var + n[b] * (1 - c)
      local share = part(self, b, -math.huge, x0)
      near.left, near.right = near.left + share * N[b], near.right + (1 - share) * N[b]
    end
  end
  if M.left == 0 or M.right == 0 then error("profile:excess: no bins are left beyond the zone: no plateau to compare with", 2) end
  local c, ve = {}, {}
  for _, side in ipairs { "left", "right" } do
    c[side] = k[side] / M[side]
    ve[side] = math.max(k[side], 1) * (basis == "atoms" and 1 - c[side] or 1) / M[side] ^ 2
  end
  local scale = 1 / (area * (self.efficiency or 1))
  local density = 0
  for b = 1, #n do if part(self, b, lo, hi) > 0 and x0 >= self.lo[b] and x0 < self.hi[b] then density = N[b] / (self.hi[b] - self.lo[b]) end end
  local volume = basis == "volume" and scale * area or 1  -- a density of its own: ions per nm and area
  return { excess = (zone - c.left * near.left - c.right * near.right) * scale,
    error = math.sqrt(var + near.left ^ 2 * ve.left + near.right ^ 2 * ve.right) * scale,
    left = c.left * (basis == "volume" and volume / area or 1), left_error = math.sqrt(ve.left) * (basis == "volume" and volume / area or 1),
    right = c.right * (basis == "volume" and volume / area or 1), right_error = math.sqrt(ve.right) * (basis == "volume" and volume / area or 1),
    zone = { lo, hi }, found = found, interface = x0, slope = (c.right - c.left) * density * scale, area = area }
end

--- A figure of the concentrations (at.%) with their 95 % intervals.
---@param which? string|string[] names, one curve each; default all
---@param options? {title?: string, density?: boolean} density: ions / nm^3 instead
---@return orowan.figure
function Profile:figure(which, options)
  options = options or {}
  local fig = plot.figure { title = options.title, width = 760, height = 460 }
  local ax = fig:axes(1)
  for i, name in ipairs(type(which) == "string" and { which } or which or self.names) do
    local v = options.density and self:number_density(name) or self:concentration(name)
    local scale = options.density and 1 or 100
    local function times(t)
      local r = {}
      for b, x in ipairs(t) do r[b] = scale * x end
      return r
    end
    local y = times(v.value)
    local lo, hi = times(v.low), times(v.high)
    for b in ipairs(y) do if y[b] ~= y[b] then lo[b], hi[b] = 0 / 0, 0 / 0 end end
    ax:band(v.position, lo, hi, { color = i, alpha = 0.25 }):line(v.position, y, { label = name, color = i })
  end
  ax:set { xlabel = self.label or "distance (nm)", ylabel = options.density and "density (ions / nm³)" or "concentration (at.%)", legend = "outside" }
  return fig
end

function Profile:__tostring()
  return ("profile of %d bins from %g to %g nm: %d ions of %s; left out: %d unknown, %d outside, %d others"):format(#self.lo, self.lo[1] or 0 / 0,
    self.hi[#self.hi] or 0 / 0, self.ions, table.concat(self.names, ", "), self.unknown, self.outside, self.excluded)
end

return profile
