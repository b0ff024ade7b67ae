--- Proxigrams: composition against the distance from an iso-surface (Hellman, Vandenbroucke,
--- Ruesing, Isheim and Seidman, Microsc. Microanal. 6, 437, 2000).
---
--- The distance of an ion is that from the nearest point of the surface, exact to the triangle,
--- positive above the level (inside). Where the nearest point lies on a border of an open surface
--- the side is not defined: those ions are left out and counted.
local core = require "orowan.core"
local labels = require "orowan.apt.labels"
local profile = require "orowan.apt.profile"

local proxigram = {}

--- Signed distances from a surface.
---@param surface orowan.apt.surface
---@param positions orowan.tensor [n, 3] nm
---@param reach? number nm, default 10: ions further away get NaN
---@return orowan.tensor distance f32 [n], nm; positive above the level, NaN beyond reach
---@return orowan.tensor nearest i64 [n], triangle; 0: beyond reach, negative: the nearest point lies on a border
function proxigram.distance(surface, positions, reach)
  return core.isosurface.distance(surface.vertices, surface.triangles, positions, reach or 10)
end

--- The proxigram of a surface: a profile (`orowan.apt.profile`) over the distance.
---
--- Ions are counted as they are, not delocalised. The surface was found in the same ions, and where
--- the level cuts noise a proxigram shows a step that is not there (an ion pulls the surface
--- towards itself): compare with the proxigram of `apt.shuffled` species.
---@param surface orowan.apt.surface
---@param source orowan.apt.labelled
---@param options? {bin?: number, reach?: number, efficiency?: number} nm: bin default 0.2, reach default 5 on both sides
---@return orowan.apt.profile with `area` that of the surface, `interface` 0
function proxigram.new(surface, source, options)
  labels.check("apt.proxigram", source)
  options = options or {}
  local bin, reach = options.bin or 0.2, options.reach or 5
  if not (bin > 0 and reach >= bin) then error("apt.proxigram: expected bin > 0 and reach >= bin, in nm", 2) end
  if surface.triangles:shape(1) == 0 then error("apt.proxigram: the surface is empty: no voxel crosses its level", 2) end
  local n, kinds = math.ceil(reach / bin - 1e-9), #source.names
  local edges = (core.create.arange(-n, n):to "f64") * bin
  local all, border, far = core.create.zeros({ 2 * n, kinds + 1 }, "i64"), 0, 0
  for positions, species in labels.each(source) do
    local d, near = proxigram.distance(surface, positions, n * bin)
    local ok, rim = near:gt(0), near:lt(0)
    border = border + rim:to("i64"):sum()
    local counts, beyond = profile.tally(d[ok]:to "f64", species[ok], edges, kinds)
    all:add_(counts)
    far = far + beyond + near:eq(0):to("i64"):sum()
  end
  local e = edges:totable()
  local t = { lo = {}, hi = {}, counts = {}, names = source.names, overlap = false, unknown = all:select(2, 1):sum(), outside = far, excluded = border,
    efficiency = options.efficiency, interface = 0, area = surface.area, notes = {}, label = "distance from the iso-surface (nm)" }
  for b = 1, 2 * n do t.lo[b], t.hi[b] = e[b], e[b + 1] end
  for s = 1, kinds do t.counts[s] = all:select(2, s + 1):totable() end
  if border > 0 then t.notes[1] = ("%d ions nearest to a border of the surface were left out"):format(border) end
  return profile.of(t)
end

return proxigram
