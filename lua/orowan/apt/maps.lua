--- Maps on a plane: projections of labelled ions (counts, densities, concentrations with their
--- errors) and the hit map of the detector.
---
--- Values are [ny, nx], rows along the second axis from its low end up. Counts have Poisson errors,
--- concentrations binomial ones (Wilson's at one standard error, so not 0 for none of n); pixels with
--- fewer than `least` ions are NaN.
local core = require "orowan.core"
local labels = require "orowan.apt.labels"
local plot = require "orowan.plot"

local maps = {}

---@class orowan.apt.map
---@field x number[] centres of the pixels along the first axis, in `unit`
---@field y number[] along the second axis
---@field bin number edge of a pixel, in `unit`
---@field unit string
---@field axes string[] names of the axes
---@field names string[] species; empty for a hit map of ions without species
---@field counts orowan.tensor i64 [species, ny, nx]
---@field total orowan.tensor i64 [ny, nx]
---@field ions integer counted
---@field unknown integer of no species, left out
---@field outside integer outside the depth or the bounds
---@field excluded integer with a position that is not finite
---@field notes string[]
local Map = {}
Map.__index = Map

local number_of = { x = 1, y = 2, z = 3 }

-- Accumulates (u, v, species) into pixels.
local function collector(bounds, bin, kinds)
  local nx = math.max(1, math.ceil((bounds[2] - bounds[1]) / bin - 1e-9))
  local ny = math.max(1, math.ceil((bounds[4] - bounds[3]) / bin - 1e-9))
  if nx * ny * (kinds + 1) > 2 ^ 28 then error(("apt map: %d x %d pixels are too many: use a larger bin"):format(nx, ny), 4) end
  local sums = core.create.zeros({ (kinds + 1) * nx * ny }, "i64")
  local t = { nx = nx, ny = ny, outside = 0 }
  function t.add(u, v, species)
    local i, j = ((u - bounds[1]) / bin):floor(), ((v - bounds[3]) / bin):floor()
    i, j = core.index.where(u:eq(bounds[2]), nx - 1, i), core.index.where(v:eq(bounds[4]), ny - 1, j)
    local inside = i:ge(0):logical_and(i:lt(nx)):logical_and(j:ge(0)):logical_and(j:lt(ny))
    local s = species and core.index.where(species:ge(1):logical_and(species:le(kinds)), species, 0)
    local key = j * nx + i
    if s then key = key + s:to "f64" * (nx * ny) end
    local use = key[inside]:to "i64"
    t.outside = t.outside + u:numel() - use:numel()
    sums:add_(use:bincount { first = 0, size = sums:numel() })
  end
  function t.finish(map)
    map.x, map.y, map.bin = {}, {}, bin
    for k = 1, nx do map.x[k] = bounds[1] + (k - 0.5) * bin end
    for k = 1, ny do map.y[k] = bounds[3] + (k - 0.5) * bin end
    local all = sums:reshape(kinds + 1, ny, nx)
    if kinds > 0 then
      map.counts = all:slice(1, 2)
      map.total = map.counts:sum(1)
      map.unknown = all[1]:sum()
    else map.counts, map.total, map.unknown = all, all[1], 0 end
    map.ions, map.outside = map.total:sum(), map.outside + t.outside
    map.notes = map.notes or {}
    return setmetatable(map, Map)
  end
  return t
end

local function finite(positions)
  local good = core.ops.isfinite(positions):all(2)
  return good, good:numel() - good:to("i64"):sum()
end

--- Projects ions onto a plane.
---@param source orowan.apt.points
---@param options? {axes?: string[], bin?: number, depth?: number[], bounds?: number[]} axes: two of "x", "y", "z", default {"x", "y"}; bin nm, default 1; depth {lo, hi} nm along the third axis, default all; bounds {lo, hi, lo, hi} nm of the map, default those of the ions
---@return orowan.apt.map
function maps.project(source, options)
  labels.check("apt.project", source)
  local o = options or {}
  local axes, bin = o.axes or { "x", "y" }, o.bin or 1
  local a, b = number_of[axes[1]], number_of[axes[2]]
  if not a or not b or a == b then error('apt.project: axes: expected two of "x", "y", "z"', 2) end
  if type(bin) ~= "number" or bin <= 0 or bin ~= bin then error("apt.project: bin: expected a length above 0 in nm", 2) end
  local c, kinds = 6 - a - b, #source.names
  local map = { axes = axes, unit = "nm", names = source.names, outside = 0, excluded = 0 }
  local bounds = o.bounds
  local function each()
    local next_slab = labels.each(source)
    return function()
      local positions, species = next_slab()
      if not positions then return nil end
      local good, bad = finite(positions)
      local p = bad > 0 and positions[good]:to "f64" or positions:to "f64"
      if bad > 0 then species = species[good] end
      return p:select(2, a), p:select(2, b), species, p:select(2, c), bad
    end
  end
  if not bounds then
    for u, v in each() do
      if u:numel() > 0 then
        bounds = bounds or { math.huge, -math.huge, math.huge, -math.huge }
        bounds = { math.min(bounds[1], u:min()), math.max(bounds[2], u:max()), math.min(bounds[3], v:min()), math.max(bounds[4], v:max()) }
      end
    end
    if not bounds then error("apt.project: no ion has a finite position", 2) end
  end
  local sums = collector(bounds, bin, kinds)
  for u, v, species, w, bad in each() do
    map.excluded = map.excluded + bad
    if o.depth then
      local inside = w:ge(o.depth[1]):logical_and(w:lt(o.depth[2]))
      map.outside = map.outside + inside:numel() - inside:to("i64"):sum()
      u, v, species = u[inside], v[inside], species[inside]
    end
    sums.add(u, v, species)
  end
  return sums.finish(map)
end

local function has(file, name)
  for _, column in ipairs(file.columns or {}) do if column.name == name then return column end end
end

--- The hit map: where ions met the detector, from the detector columns of a file (.epos, .ato, .apt),
--- or, where there are none, the ions seen along z, which a note says.
---@param source orowan.apt.file|orowan.apt.ions|orowan.apt.points
---@param options? {bin?: number, bounds?: number[], slab?: integer} bin: mm (nm without a detector), default a 200th of the width; bounds {lo, hi, lo, hi}
---@return orowan.apt.map
function maps.hits(source, options)
  local o = options or {}
  local map = { axes = { "detector x", "detector y" }, unit = "mm", names = {}, outside = 0, excluded = 0, notes = {} }
  local each
  local dx = has(source, "detector_x") or has(source, "detector x")
  if dx and source.read then
    map.unit = dx.unit ~= "" and dx.unit or "mm"
    local size = o.slab or 2 ^ 22 // 1 | 0
    each = function()
      local first = 1
      return function()
        if first > source.n then return nil end
        local k = math.min(size, source.n - first + 1)
        local t = source:read({ dx.name, (dx.name:gsub("x$", "y")) }, first, k)
        first = first + k
        return t
      end
    end
  else
    map.axes, map.unit = { "x", "y" }, "nm"
    map.notes[1] = "no detector coordinates: the ions seen along z"
    each = function()
      if source.slabs and not source.names then  -- an open file
        local next_slab = source:slabs(o.slab)
        return function()
          local _, positions = next_slab()
          return positions and positions:slice(2, 1, 2)
        end
      end
      local next_slab = labels.each(source)
      return function()
        local positions = next_slab()
        return positions and positions:slice(2, 1, 2)
      end
    end
  end
  local bounds, n = o.bounds, 0
  if not bounds then
    bounds = { math.huge, -math.huge, math.huge, -math.huge }
    for t in each() do
      local p = t[(finite(t))]
      if p:shape(1) > 0 then
        local u, v = p:select(2, 1), p:select(2, 2)
        bounds = { math.min(bounds[1], u:min()), math.max(bounds[2], u:max()), math.min(bounds[3], v:min()), math.max(bounds[4], v:max()) }
      end
    end
    if bounds[1] > bounds[2] then error("apt.hit_map: no ion has a finite place", 2) end
  end
  local sums = collector(bounds, o.bin or math.max(1e-9, (bounds[2] - bounds[1]) / 200), 0)
  for t in each() do
    local good, bad = finite(t)
    map.excluded, n = map.excluded + bad, n + t:shape(1)
    local p = t[good]:to "f64"
    sums.add(p:select(2, 1), p:select(2, 2))
  end
  return sums.finish(map)
end

-- ---- reading -------------------------------------------------------------------------------------

local function counts_of(self, fn, which)
  if which == nil then return self.total end
  local list = labels.find(fn, self.names, which)
  local n = self.counts[list[1]]
  for i = 2, #list do n = n + self.counts[list[i]] end
  return n
end

--- Atomic fraction of one or several species together.
---@param which string|string[]
---@param least? integer ions in a pixel, default 5; pixels with fewer are NaN
---@return orowan.tensor values f64 [ny, nx]
---@return orowan.tensor error one standard error
function Map:concentration(which, least)
  local n = counts_of(self, "map:concentration", which):to "f64"
  local N = self.total:to "f64"
  local c = n / N
  local err = (c * (1 - c) / N + N:square():reciprocal() * 0.25):sqrt() / (N:reciprocal() + 1)
  local few = N:lt(least or 5)
  return c:masked_fill(few, 0 / 0), err:masked_fill(few, 0 / 0)
end

--- Ions per area.
---@param which? string|string[] default all
---@return orowan.tensor values f64 [ny, nx], per unit^2
---@return orowan.tensor error Poisson (of one ion where there is none)
function Map:density(which)
  local n = counts_of(self, "map:density", which):to "f64"
  local area = self.bin ^ 2
  return n / area, n:clip(1, math.huge):sqrt() / area
end

--- A heat map.
---@param which? string|string[] species: their concentration in at.%; nil: density of all ions
---@param options? {density?: boolean, least?: integer, title?: string, range?: number[], palette?: string} density: of the species instead of the concentration
---@return orowan.figure
function Map:figure(which, options)
  options = options or {}
  local name = type(which) == "table" and table.concat(which, " + ") or which
  local values, label
  if which and not options.density then
    values = self:concentration(which, options.least) * 100
    label = name .. " (at.%)"
  else
    values = self:density(which):masked_fill(self.total:eq(0), 0 / 0)
    label = (name and name .. " " or "") .. ("ions / %s²"):format(self.unit)
  end
  local w, h = #self.x, #self.y
  local long = 560
  local width = math.floor((w >= h and long or math.max(0.25, w / h) * long) + 220)
  local height = math.floor((h >= w and long or math.max(0.25, h / w) * long) + 110)
  local fig = plot.figure { title = options.title, width = width, height = height }
  -- colours from the bulk of the pixels: single ions at the edge would take the whole scale
  local range = options.range
  local good = values[core.ops.isfinite(values)]
  if not range and good:numel() > 20 then
    local lo, hi = good:quantile(0.005), good:quantile(0.995)
    if hi > lo then range = { lo, hi } end
  end
  local xs, ys = #self.x > 1 and { self.x[1], self.x[w] } or nil, #self.y > 1 and { self.y[1], self.y[h] } or nil
  fig:axes(1):image(values, { x = xs, y = ys, origin = "bottom", label = label, range = range, palette = options.palette, aspect = "equal" })
    :set { xlabel = ("%s (%s)"):format(self.axes[1], self.unit), ylabel = ("%s (%s)"):format(self.axes[2], self.unit) }
  return fig
end

function Map:__tostring()
  return ("map of %d x %d pixels of %g %s: %d ions; left out: %d unknown, %d outside, %d not finite"):format(#self.x, #self.y, self.bin, self.unit, self.ions,
    self.unknown, self.outside, self.excluded)
end

return maps
