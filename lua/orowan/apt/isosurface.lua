--- Iso-surfaces of fields by marching cubes, the regions above a level, and meshes in files.
---
--- The surface is closed wherever the field goes on: ambiguous faces are decided by the saddle
--- value of the bilinear interpolation, alike for both cubes (csrc/geometry/isosurface.h has the
--- rules). Its normals point to lower values. Area and volume converge with the square of the voxel.
---
--- Uncertainty. A counting error e of the field moves the surface by e / |gradient|; places further
--- apart than the kernel move independently. With V(level - e) - V(level + e) = 2 e A / |gradient|
--- and m = A / (4 pi sigma^2) independent patches (the integral of the kernel's autocorrelation is
--- 4 pi sigma^2), the volume has the error [V(level - e) - V(level + e)] / (2 sqrt m), the area
--- likewise. It does not hold what the kernel's width does to small particles: that is a bias.
local core = require "orowan.core"
local labels = require "orowan.apt.labels"
local sys = require "orowan.sys"

local isosurface = {}

---@class orowan.apt.surface
---@field vertices orowan.tensor f32 [nv, 3], nm
---@field triangles orowan.tensor i64 [nt, 3], 1-based
---@field level number
---@field what string
---@field level_error number? the field's error near the level
---@field area number nm^2
---@field area_error number? nm^2
---@field volume number? nm^3 enclosed; nil when the surface is not closed
---@field volume_error number? nm^3
---@field closed boolean every edge has two triangles
---@field border integer edges with one triangle
---@field euler integer vertices - edges + triangles: 2 for each sphere
---@field parts integer connected pieces
---@field part orowan.tensor i64 [nt], piece of each triangle
local Surface = {}
Surface.__index = Surface

local function values_of(field, edge)
  if edge == "closed" then return core.index.where(core.ops.isfinite(field.values), field.values, 0) end
  return field.values
end

local function march(field, values, level)
  return core.isosurface.surface(values, field.origin, field.voxel, level)
end

local function edge_of(fn, edge)
  edge = edge or "open"
  if edge ~= "open" and edge ~= "closed" then error(('%s: edge: expected "open" or "closed", got %s'):format(fn, tostring(edge)), 3) end
  return edge
end

--- The surface on which a field has a value.
---@param field orowan.apt.field for example `grid:concentration "Cr"`
---@param level number in the field's unit
---@param options? {edge?: string, uncertainty?: boolean} edge "open" (default): the surface ends where the field is NaN; "closed": the field is 0 there, which closes it along the specimen's edge; uncertainty = false: no errors (two surfaces less)
---@return orowan.apt.surface
function isosurface.new(field, level, options)
  if type(field) ~= "table" or not core.tensor.is_tensor(field.values) or field.values:ndim() ~= 3 or type(level) ~= "number" then
    error("apt.isosurface: expected a field {values = [nz, ny, nx], origin =, voxel =} and a level", 2)
  end
  options = options or {}
  local values = values_of(field, edge_of("apt.isosurface", options.edge))
  local s = setmetatable({ level = level, what = field.what or "field" }, Surface)
  s.vertices, s.triangles = march(field, values, level)
  local i, part = core.isosurface.measure(s.vertices, s.triangles)
  s.area, s.border, s.parts, s.part = i.area, i.border, i.parts, part
  s.closed = i.border == 0 and i.crowded == 0
  s.euler = i.vertices - i.edges + s.triangles:shape(1)
  s.volume = s.closed and i.volume or nil
  if field.error and field.sigma and options.uncertainty ~= false and s.area > 0 then
    -- the error of voxels near the level
    local near = (values - level):abs():lt(0.25 * math.max(math.abs(level), 1e-12)):logical_and(core.ops.isfinite(field.error))
    local e = near:any() and field.error[near]:median()
    if e then
      local sigma2 = (field.sigma[1] * field.sigma[2] * field.sigma[3]) ^ (2 / 3)
      local patches = math.max(1, s.area / (4 * math.pi * sigma2))
      local function at(l)
        local v, t = march(field, values, l)
        return (core.isosurface.measure(v, t))
      end
      local above, below = at(level + e), at(level - e)
      s.level_error = e
      s.area_error = math.abs(below.area - above.area) / 2 / math.sqrt(patches)
      s.volume_error = s.volume and math.abs(below.volume - above.volume) / 2 / math.sqrt(patches)
    end
  end
  return s
end

function Surface:__tostring()
  return ("iso-surface %s = %g: %d triangles in %d pieces, area %.6g nm², %s"):format(self.what, self.level, self.triangles:shape(1), self.parts,
    self.area, self.closed and ("volume %.6g nm³"):format(self.volume or 0) or ("open along %d edges"):format(self.border))
end

-- ---- files ---------------------------------------------------------------------------------------

local function ply_head(s)
  local nv, nt = s.vertices:shape(1), s.triangles:shape(1)
  local head = ("ply\nformat binary_little_endian 1.0\ncomment iso-surface %s = %g, lengths in nm\nelement vertex %d\nproperty float x\n" ..
    "property float y\nproperty float z\nelement face %d\nproperty list uchar int vertex_indices\nend_header\n"):format(s.what:gsub("%c", " "), s.level, nv, nt)
  return head, nt
end

--- Writes the triangles, atomically; the ending tells the format: .ply (binary) or .obj (text).
---@param path string
---@return boolean? true
---@return table? err
function Surface:write(path)
  local kind = type(path) == "string" and path:lower():match "%.(%w+)$"
  if kind ~= "ply" and kind ~= "obj" then error("surface:write: expected a path ending in .ply or .obj, got " .. tostring(path), 2) end
  if kind == "ply" then
    local head, nt = ply_head(self)
    local rows = {}
    local ids = (self.triangles - 1):to("i32"):bytes { endian = "little" }
    for t = 0, nt - 1 do rows[t + 1] = ids:sub(12 * t + 1, 12 * t + 12) end
    return sys.write_atomic(path, head .. self.vertices:bytes { endian = "little" } .. (nt > 0 and "\3" .. table.concat(rows, "\3") or ""))
  end
  local out = { ("# iso-surface %s = %g, lengths in nm"):format(self.what:gsub("%c", " "), self.level) }
  local v, t = self.vertices:totable(), self.triangles:totable()
  for _, p in ipairs(v) do out[#out + 1] = ("v %.7g %.7g %.7g"):format(p[1], p[2], p[3]) end
  for _, p in ipairs(t) do out[#out + 1] = ("f %d %d %d"):format(p[1], p[2], p[3]) end
  return sys.write_atomic(path, table.concat(out, "\n") .. "\n")
end

-- ---- domains -------------------------------------------------------------------------------------

---@class orowan.apt.domain
---@field label integer number in the regions
---@field voxels integer
---@field volume number nm^3
---@field volume_low number nm^3, of the voxels that stay above the level when the field is one standard error lower
---@field ions integer of known species
---@field counts integer[] per species
---@field fraction number[] per species
---@field error number[] binomial standard error of the fractions
---@field centre number[] nm, mean position of its ions
---@field rg number nm, radius of gyration of its ions
---@field edge boolean reaches the edge of the specimen: cut

--- Regions in which a field is at or above a level (voxels joined across faces), with the ions in
--- their voxels: raw counts, no delocalised ones.
---@param field orowan.apt.field
---@param level number in the unit of the field
---@param source orowan.apt.labelled
---@param options? {ions?: integer} ions: regions with fewer are left out, default 1
---@return orowan.apt.domain[] domains by falling number of ions
---@return orowan.tensor regions i64 [nz, ny, nx], 0 outside
---@return {left_out: integer, unknown: integer} stated: regions with too few ions; ions of no species in the regions kept
function isosurface.domains(field, level, source, options)
  labels.check("apt.domains", source)
  if type(field) ~= "table" or not core.tensor.is_tensor(field.values) then error("apt.domains: expected a field", 2) end
  options = options or {}
  local values, species = field.values, #source.names
  local regions, count = core.isosurface.regions(values:ge(level))
  local size = { size = count + 1, first = 0 }
  local flat = regions:reshape(-1)
  local voxels = flat:bincount(size)
  local low = voxels
  if field.error then
    low = (regions * (values - field.error):ge(level):to "i64"):reshape(-1):bincount(size)
  end
  -- voxels beside NaN or the border of the grid
  local nan = core.ops.isfinite(values):logical_not():to "u8"
  local touched = core.create.zeros({ count + 1 }, "i64")
  local function touch(a, where) touched:add_((a * where:to "i64"):reshape(-1):bincount(size)) end
  for axis = 1, 3 do
    local n = values:shape(axis)
    touch(regions:slice(axis, 1, n - 1), nan:slice(axis, 2, n))
    touch(regions:slice(axis, 2, n), nan:slice(axis, 1, n - 1))
    for _, k in ipairs { 1, n } do
      local face = regions:slice(axis, k, k)
      touch(face, core.create.ones_like(face))
    end
  end
  local counts, unknown = core.create.zeros({ (count + 1) * (species + 1) }, "i64"), 0
  local sums = {}
  for k = 1, 4 do sums[k] = core.create.zeros({ count + 1 }, "f64") end
  local shape = { values:shape(3), values:shape(2), values:shape(1) }
  for positions, kind in labels.each(source) do
    local index, inside = 0, nil
    local xyz = positions:to "f64"
    for k = 3, 1, -1 do
      local u = ((xyz:select(2, k) - field.origin[k]) / field.voxel[k] + 0.5):floor()
      local ok = u:ge(0):logical_and(u:lt(shape[k]))
      inside = inside and inside:logical_and(ok) or ok
      index = index * shape[k] + u
    end
    local at = core.index.where(inside, index, 0):to "i64"
    local label = flat[at + 1] * inside:to "i64"
    local s = core.index.where(kind:ge(1):logical_and(kind:le(species)), kind, 0)
    counts:add_((label * (species + 1) + s):bincount { first = 0, size = counts:numel() })
    local use = label:gt(0):logical_and(s:gt(0))
    local who, r = label[use], xyz[use]
    for k = 1, 3 do sums[k]:add_(who:bincount { first = 0, size = count + 1, weights = r:select(2, k):contiguous() }) end
    sums[4]:add_(who:bincount { first = 0, size = count + 1, weights = r:square():sum(2) })
  end
  local volume = field.voxel[1] * field.voxel[2] * field.voxel[3]
  local list, left_out = {}, 0
  local table_of = counts:reshape(count + 1, species + 1)
  for d = 1, count do
    local row, n = table_of[d + 1]:totable(), 0
    for s = 2, species + 1 do n = n + row[s] end
    if n < math.max(1, options.ions or 1) then left_out = left_out + 1
    else
      local one = { label = d, voxels = voxels[d + 1], volume = voxels[d + 1] * volume, volume_low = low[d + 1] * volume, ions = n, counts = {},
        fraction = {}, error = {}, centre = {}, edge = touched[d + 1] > 0 }
      local r2 = sums[4][d + 1] / n
      for s = 1, species do
        local c = row[s + 1] / n
        one.counts[s], one.fraction[s], one.error[s] = row[s + 1], c, math.sqrt(c * (1 - c) / n)
      end
      for k = 1, 3 do
        one.centre[k] = sums[k][d + 1] / n
        r2 = r2 - one.centre[k] ^ 2
      end
      one.rg = math.sqrt(math.max(0, r2))
      unknown = unknown + row[1]
      list[#list + 1] = one
    end
  end
  table.sort(list, function(a, b)
    if a.ions ~= b.ions then return a.ions > b.ions end
    return a.label < b.label
  end)
  return list, regions, { left_out = left_out, unknown = unknown }
end

return isosurface
