--- Concentration fields: counts of ions per voxel, delocalised, with their counting error.
---
--- Kernel. Every ion is spread by a kernel with the standard deviation L / 3 along each axis, L the
--- delocalisation length of that axis: a Gaussian, or the quadratic B-spline, which is zero
--- beyond L. First the ion goes to 3 x 3 x 3 voxels by the quadratic B-spline of one voxel
--- (variance v^2 / 4), then the grid is smoothed along each axis by taps whose variance makes up
--- the rest (Hellman et al., Ultramicroscopy 95, 199, 2003). L is at least 1.5 voxels. No count is
--- lost: the grid reaches as far beyond the ions as the kernel.
---
--- Error. A voxel's count N = sum of the kernel's values at its ions rests on N / spread ions, with
--- spread the integral of the kernel squared in voxels; concentrations have the binomial error of
--- that many (Wilson's interval at one standard error, so that it is not 0 for none of n).
--- Neighbouring voxels share ions: their errors are correlated over about L.
---
--- Edge. Concentrations where the density is below `mask` (0.5) times the mean density that an ion
--- sees, sum N^2 / sum N, are NaN: that is, about beyond a plane surface of the specimen.
---
--- Tensors are [nz, ny, nx], with x varying fastest, as volumes of images are.
local core = require "orowan.core"
local labels = require "orowan.apt.labels"

local grid = {}
local one = 2.0 ^ -24  -- unit of the kernel's sums

---@class orowan.apt.grid
---@field origin number[] nm, centre of the first voxel {x, y, z}
---@field voxel number[] nm, edges {x, y, z}
---@field size integer[] voxels {nx, ny, nz}
---@field names string[]
---@field counts orowan.tensor f32 [species, nz, ny, nx], delocalised
---@field total orowan.tensor f32 [nz, ny, nx]
---@field mask orowan.tensor u8 [nz, ny, nx], 1 where concentrations hold
---@field sigma number[] nm, standard deviation of the kernel along x, y, z
---@field spread number a voxel's count N rests on N / spread ions
---@field density number ions / nm^3, the mean that an ion sees
---@field ions integer that were counted
---@field unknown integer ions of no species, left out
---@field outside integer ions outside the box, left out
---@field excluded integer ions with a position that is not finite, left out
---@field notes string[]
local Grid = {}
Grid.__index = Grid

local function three(name, v, default)
  if v == nil then v = default end
  if type(v) == "number" then v = { v, v, v } end
  if type(v) ~= "table" or #v ~= 3 then error(("apt.grid: %s: expected a number or three, in nm"):format(name), 3) end
  for k = 1, 3 do
    if type(v[k]) ~= "number" or not (v[k] > 0 and v[k] < math.huge) then
      error(("apt.grid: %s: expected lengths above 0 in nm, got %s"):format(name, tostring(v[k])), 3)
    end
  end
  return { v[1], v[2], v[3] }
end

local shapes = {
  gaussian = function(k, s) return math.exp(-k * k / (2 * s * s)) end,
  quadratic = function(k, s)  -- quadratic B-spline of standard deviation s
    local u = math.abs(k) / (2 * s)
    return u < 0.5 and 0.75 - u * u or u < 1.5 and 0.5 * (1.5 - u) ^ 2 or 0
  end,
}

-- Taps at whole voxels with that variance (voxel^2).
local function taps_of(kind, variance)
  if variance < 1e-9 then return { 1.0 } end
  local f, r = shapes[kind], math.ceil(3 * math.sqrt(variance + 0.25))
  local function make(s)
    local t, sum, var = {}, 0, 0
    for k = -r, r do
      t[k + r + 1] = f(k, s)
      sum = sum + t[k + r + 1]
    end
    for i, v in ipairs(t) do
      t[i] = v / sum
      var = var + t[i] * (i - r - 1) ^ 2
    end
    return t, var
  end
  local lo, hi = 1e-3, 4 * math.sqrt(variance) + 1
  for _ = 1, 100 do
    local mid = (lo + hi) / 2
    local _, var = make(mid)
    if var < variance then lo = mid else hi = mid end
  end
  return (make(hi))
end

-- Mean over the ion's place in its voxel of the sum of squares of the whole kernel.
local function spread_of(taps)
  local sum, steps = 0, 64
  for i = 1, steps do
    local d = (i - 0.5) / steps - 0.5
    local w = { 0.5 * (0.5 - d) ^ 2, 0.75 - d * d, 0.5 * (0.5 + d) ^ 2 }
    local k = {}
    for a, t in ipairs(taps) do for b = 1, 3 do k[a + b] = (k[a + b] or 0) + t * w[b] end end
    for _, v in pairs(k) do sum = sum + v * v end
  end
  return sum / steps
end

local function bounds_of(source)
  local lo, hi
  for positions, species in labels.each(source) do
    local a, b = core.iongrid.bounds(positions, species, #source.names)
    if a then
      lo, hi = lo or a, hi or b
      for k = 1, 3 do lo[k], hi[k] = math.min(lo[k], a[k]), math.max(hi[k], b[k]) end
    end
  end
  if not lo then error("apt.grid: no ion has a known species and a finite position", 3) end
  return lo, hi
end

local known = { voxel = true, delocalisation = true, kernel = true, box = true, mask = true }

--- Counts ions on a grid of voxels, spread by a kernel of a known width. The source may be a file
--- (`apt.label` of an open one): it is then read in slabs, twice when no box is given.
---@param source orowan.apt.labelled ions with species
---@param options? {voxel?: number|number[], delocalisation?: number|number[], kernel?: string, box?: number[][], mask?: number} nm: voxel default 1, delocalisation L (the kernel's standard deviation is L / 3) default {3, 3, 1.5}; kernel "gaussian" (default) or "quadratic"; box {{x, y, z}, {x, y, z}}: only ions in lo <= r < hi; mask: share of the mean density below which concentrations are NaN, default 0.5
---@return orowan.apt.grid
function grid.new(source, options)
  labels.check("apt.grid", source)
  options = options or {}
  for key in pairs(options) do if not known[key] then error("apt.grid: unknown option " .. tostring(key), 2) end end
  local voxel = three("voxel", options.voxel, 1)
  local length = three("delocalisation", options.delocalisation, { 3, 3, 1.5 })
  local kind = options.kernel or "gaussian"
  if not shapes[kind] then error(("apt.grid: kernel: expected \"gaussian\" or \"quadratic\", got %s"):format(tostring(kind)), 2) end
  local g = setmetatable({ voxel = voxel, names = source.names, sigma = {}, notes = {}, ions = 0, unknown = 0, outside = 0, excluded = 0 }, Grid)
  local lo, hi
  if options.box then lo, hi = options.box[1], options.box[2] else lo, hi = bounds_of(source) end
  local taps, corner, size, cells = {}, {}, {}, 1
  g.spread, g.origin = 1, {}
  for k = 1, 3 do
    local variance = (length[k] / 3 / voxel[k]) ^ 2 - 0.25
    if variance < -1e-9 then
      g.notes[#g.notes + 1] = ("%s: the delocalisation is 1.5 voxels = %g nm, the least that is possible"):format(("xyz"):sub(k, k), 1.5 * voxel[k])
    end
    if length[k] > 500 * voxel[k] then
      error(("apt.grid: the delocalisation of %g nm is more than 500 voxels of %g nm: use larger voxels"):format(length[k], voxel[k]), 2)
    end
    taps[k] = taps_of(kind, math.max(0, variance))
    g.sigma[k] = math.sqrt(math.max(0, variance) + 0.25) * voxel[k]
    g.spread = g.spread * spread_of(taps[k])
    if lo[k] > hi[k] or lo[k] ~= lo[k] or hi[k] ~= hi[k] then error("apt.grid: box: expected {lo, hi} with lo below hi along each axis", 2) end
    local pad = #taps[k] // 2 + 2
    size[k] = math.max(1, math.ceil((hi[k] - lo[k]) / voxel[k] + 1e-6)) + 2 * pad
    corner[k] = lo[k] - pad * voxel[k]
    g.origin[k] = corner[k] + voxel[k] / 2
    cells = cells * size[k]
  end
  if cells > 2 ^ 31 then
    error(("apt.grid: %.3g voxels are too many: use larger ones, or a box without stray ions"):format(cells), 2)
  end
  g.size = size
  local sums = core.create.zeros({ #source.names, size[3], size[2], size[1] }, "i64")
  local job = { origin = corner, voxel = voxel, n = size }
  local box = options.box and { core.tensor.tensor(lo, "f32"), core.tensor.tensor(hi, "f32") }
  for positions, species in labels.each(source) do
    if box then
      local inside = positions:ge(box[1]):logical_and(positions:lt(box[2])):all(2)
      local all = positions:shape(1)
      positions, species = positions[inside], species[inside]
      g.outside = g.outside + all - positions:shape(1)
    end
    local n, unknown, outside, broken = core.iongrid.add(job, positions, species, sums)
    g.ions, g.unknown, g.outside, g.excluded = g.ions + n, g.unknown + unknown, g.outside + outside, g.excluded + broken
  end
  if g.ions == 0 then error("apt.grid: no ion of a known species lies in the box", 2) end
  local fields = {}
  for s = 1, #source.names do
    local f = (sums[s]:to "f64" * one):to "f32"
    for k = 1, 3 do
      if #taps[k] > 1 then f = core.iongrid.smooth(f, 4 - k, taps[k]) end
    end
    fields[s] = f
  end
  g.counts = core.index.stack(fields, 1)
  g.total = g.counts:sum(1)
  local mean = g.total:square():to("f64"):sum() / g.total:to("f64"):sum()
  local least = (options.mask or 0.5) * mean
  g.density = mean / (voxel[1] * voxel[2] * voxel[3])
  g.mask = g.total:gt(0):logical_and(g.total:ge(least))
  return g
end

---@class orowan.apt.field
---@field values orowan.tensor f32 [nz, ny, nx], NaN where there is none
---@field error orowan.tensor? f32 [nz, ny, nx], one standard error
---@field origin number[] nm, centre of the first voxel {x, y, z}
---@field voxel number[] nm
---@field sigma number[]? nm, of the kernel that smoothed it
---@field what string for labels

--- Atomic fraction of one or several species together, NaN where masked.
---@param which string|string[] names
---@return orowan.apt.field
function Grid:concentration(which)
  local list = labels.find("grid:concentration", self.names, which)
  local n = self.counts[list[1]]
  for i = 2, #list do n = n + self.counts[list[i]] end
  local c = n / self.total
  local eff = self.total / self.spread
  -- Wilson's interval at z = 1, half its width
  local err = ((c - c:square()):clip(0, 1) / eff + eff:square():reciprocal() * 0.25):sqrt() / (eff:reciprocal() + 1)
  local off = self.mask:logical_not()
  return { values = c:masked_fill(off, 0 / 0), error = err:masked_fill(off, 0 / 0), origin = self.origin, voxel = self.voxel,
    sigma = self.sigma, what = type(which) == "table" and table.concat(which, " + ") or which }
end

--- Number density, ions / nm^3, of one or several species, or of all: not masked.
---@param which? string|string[] names, default all
---@return orowan.apt.field
function Grid:number_density(which)
  local n = self.total
  if which then
    local list = labels.find("grid:number_density", self.names, which)
    n = self.counts[list[1]]
    for i = 2, #list do n = n + self.counts[list[i]] end
  end
  local volume = self.voxel[1] * self.voxel[2] * self.voxel[3]
  return { values = n / volume, error = (n * self.spread):clip(0, math.huge):sqrt() / volume, origin = self.origin, voxel = self.voxel,
    sigma = self.sigma, what = (type(which) == "table" and table.concat(which, " + ") or which or "all") .. " ions / nm³" }
end

function Grid:__tostring()
  return ("grid of %d x %d x %d voxels of %g x %g x %g nm: %d ions of %s; left out: %d unknown, %d outside, %d not finite"):format(
    self.size[1], self.size[2], self.size[3], self.voxel[1], self.voxel[2], self.voxel[3], self.ions, table.concat(self.names, ", "),
    self.unknown, self.outside, self.excluded)
end

return grid
