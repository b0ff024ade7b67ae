--- Tables of clusters: what each holds, where it is, how large and of which shape, with errors;
--- the matrix beside them; number density and sizes.
local core = require "orowan.core"
local geometry = core.clusters
local io = require "orowan.io"
local points = require "orowan.apt.points"
local surface = require "orowan.apt.surface"

local M = {}

---@class orowan.apt.cluster_row
---@field id integer its label
---@field ions integer[] of each species
---@field n integer ranged ions
---@field core integer core ions
---@field centre number[] nm, of all its ions
---@field core_centre number[] nm, of its core ions
---@field rg number[] nm, radius of gyration along x, y, z
---@field core_rg number[] nm, of its core ions
---@field radius_of_gyration number nm, root of the sum of rg^2
---@field radius number nm, of the sphere with this radius of gyration (Guinier): sqrt(5/3) of it
---@field volume_radius number? nm, of the sphere with the volume of its ions, if the atomic volume is known
---@field axes number[][] principal axes, longest first, unit vectors
---@field axis_rms number[] nm, root mean square along them
---@field extent number[] nm, largest distance from the centre along x, y, z
---@field length number[] nm, full lengths along the principal axes
---@field edge boolean it reaches the surface of the reconstruction
---@field composition {element: string, fraction: number, error: number, low: number, high: number}[]
---@field inner {element: string, fraction: number, error: number, low: number, high: number}[] the half of its volume round the centre
---@field outer {element: string, fraction: number, error: number, low: number, high: number}[] the other half

---@class orowan.apt.cluster_table
---@field rows orowan.apt.cluster_row[]
---@field matrix {n: integer, ions: integer[], composition: table[]}
---@field all {n: integer, ions: integer[], composition: table[]} clusters together
---@field density {value: number, low: number, high: number, volume: number, how: string, clusters: number, edge: integer} per nm^3; clusters: edge ones count half
---@field elements string[]
---@field names string[] of the species
---@field cube number nm, edge of the cubes that tell the surface (0: not asked)
local Table = {}
Table.__index = Table

-- What each species is made of: {element, count} lists, and all elements.
local function atoms_of(names, ranges)
  local list, elements, seen = {}, {}, {}
  for i, name in ipairs(names) do
    list[i] = ranges and ranges.ions[i] and ranges.ions[i].atoms or { { name, 1 } }
    for _, a in ipairs(list[i]) do
      if not seen[a[1]] then elements[#elements + 1], seen[a[1]] = a[1], true end
    end
  end
  return list, elements
end

-- Fractions with the error of sum_i (a_ie - c a_i)^2 n_i / N^2: binomial for single atoms.
-- low, high: Wilson's 95 % interval for the number of atoms that has this error.
local function composition(ions, atoms, elements)
  local count, total = {}, 0
  for i, list in ipairs(atoms) do
    for _, a in ipairs(list) do
      count[a[1]] = (count[a[1]] or 0) + a[2] * ions[i]
      total = total + a[2] * ions[i]
    end
  end
  local out = {}
  for k, e in ipairs(elements) do
    local c, var = total > 0 and (count[e] or 0) / total or 0 / 0, 0
    for i, list in ipairs(atoms) do
      local of, all = 0, 0
      for _, a in ipairs(list) do
        all = all + a[2]
        if a[1] == e then of = of + a[2] end
      end
      var = var + (of - c * all) ^ 2 * ions[i]
    end
    local err = total > 0 and math.sqrt(var) / total or 0 / 0
    local n = err > 0 and c * (1 - c) / err ^ 2 or total
    local z = 1.959964
    local mid, half = (c + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * math.sqrt(c * (1 - c) / n + z * z / (4 * n * n))
    out[k] = { element = e, fraction = c, error = err, low = math.max(0, mid - half), high = math.min(1, mid + half) }
  end
  return out
end

-- Ends of the 95 % interval of a Poisson mean after k counts (Garwood), by bisection of the chi2
-- distribution: P(chi2 > 2 m; 2 k) = P(Poisson(m) < k).
local function garwood(k)
  local function solve(p, dof)
    local lo, hi = 0, 10 * dof + 100
    for _ = 1, 80 do
      local mid = (lo + hi) / 2
      if core.stats.chi2_p(mid, dof) > p then lo = mid else hi = mid end
    end
    return lo / 2
  end
  return k > 0 and solve(0.975, 2 * k) or 0, solve(0.025, 2 * k + 2)
end

-- Counts [groups + 1][species] with row 1 for label 0.
local function table_of(label, species, groups, n_species)
  local width = n_species + 1
  return (label * width + species):bincount { first = 0, size = (groups + 1) * width }:reshape(groups + 1, width)
end

local function principal(moments)  -- axes as rows, longest first, and their mean squares
  local n = moments:shape(1)
  local m = core.create.zeros({ n, 3, 3 })
  local at = { { 5, 8, 9 }, { 8, 6, 10 }, { 9, 10, 7 } }
  for i = 1, 3 do
    for j = 1, 3 do m:slice(2, i, i):slice(3, j, j):copy(moments:slice(2, at[i][j], at[i][j]):reshape(n, 1, 1)) end
  end
  local w, v = core.linalg.eigh(m)
  local back = core.tensor.tensor({ 3, 2, 1 }, "i64")
  return v:transpose(2, 3):contiguous():take(back, 2), w:take(back, 2):clip(0, math.huge)
end

-- 1: member within the inner half of the volume of its cluster's ellipsoid.
local function inner_half(x, label, centre, axes, ms)
  local at = label:gt(0):nonzero():flatten()
  local inner = core.create.zeros({ label:numel() }, "u8")
  if at:numel() == 0 then return inner end
  local of = label[at]
  local d = x[at]:to "f64" - centre[of]
  local u = (axes[of] * d:unsqueeze(2)):sum(3):square() / (ms[of] * 5 + 1e-12)
  inner:index_put(1, at, u:sum(2):le(0.5 ^ (2 / 3)))
  return inner
end

--- The table of a set of clusters.
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor i64 [n], 1-based; 0: unknown (in no count)
---@param found orowan.apt.clusters what `apt.clusters`, `apt.dbscan` or `apt.hdbscan` give
---@param options? {names?: string[], ranges?: orowan.apt.ranges, atomic_volume?: number, efficiency?: number, surface?: boolean} names of the species (default those of the ranges, or 1, 2, ..); ranges: species i is its ion i, molecular ions count as their atoms; atomic_volume nm^3 and efficiency (share of ions detected) give volumes, else the density refers to the bounding box; surface: flag clusters at the surface (true)
---@return orowan.apt.cluster_table
function M.build(positions, species, found, options)
  local fn = "cluster_table"
  local o = points.options(fn, options, { "names", "ranges", "atomic_volume", "efficiency", "surface" })
  local x, s = points.check(fn, positions, species)
  local n_species = s:numel() > 0 and s:max() or 0
  local names = {}
  for i = 1, math.max(n_species, o.names and #o.names or 0, o.ranges and #o.ranges.ions or 0) do
    names[i] = o.names and o.names[i] or o.ranges and o.ranges.ions[i] and o.ranges.ions[i].name or tostring(i)
  end
  n_species = #names
  local atoms, elements = atoms_of(names, o.ranges)
  local groups, label = found.n_clusters, found.label
  local ranged = s:gt(0)
  if label:numel() ~= s:numel() then points.raise(fn, "clusters of %d ions do not belong to %d positions", label:numel(), s:numel()) end
  local ions = table_of(label, s, groups, n_species):slice(2, 2):totable()
  local moments = geometry.moments("apt.cluster_table", x, label, ranged, groups)
  local core_moments = geometry.moments("apt.cluster_table", x, label, found.core, groups)
  local rows, at_edge, cube = {}, nil, 0
  local out = setmetatable({ rows = rows, elements = elements, names = names }, Table)
  if groups > 0 then
    local centre = moments:slice(2, 2, 4):contiguous()
    local axes, ms = principal(moments)
    local cartesian = core.create.eye(3):reshape(1, 3, 3):tile(groups, 1, 1)
    local lo, hi = geometry.extents("apt.cluster_table", x, label, ranged, centre, cartesian)
    local plo, phi = geometry.extents("apt.cluster_table", x, label, ranged, centre, axes)
    local inner = inner_half(x, label, centre, axes, ms)
    local function half(mask)
      local part = core.index.where(mask:logical_and(ranged), label, 0)
      return table_of(part, s, groups, n_species):slice(2, 2):totable()
    end
    local inside, outside = half(inner), half(inner:logical_not())
    if o.surface ~= false then
      local flag
      flag, cube = surface(x)
      at_edge = label:bincount { first = 0, size = groups + 1, weights = flag:to "f64" }:totable()
    end
    local m, cm, reach = moments:totable(), core_moments:totable(), core.ops.maximum(lo:neg(), hi):totable()
    local rms, dirs, lengths = ms:sqrt():totable(), axes:totable(), (phi - plo):totable()
    for k = 1, groups do
      local r, c = m[k], cm[k]
      local g = math.sqrt(r[5] + r[6] + r[7])
      rows[k] = {
        id = k, ions = ions[k + 1], n = math.tointeger(r[1]), core = math.tointeger(c[1]), centre = { r[2], r[3], r[4] }, core_centre = { c[2], c[3], c[4] },
        rg = { math.sqrt(r[5]), math.sqrt(r[6]), math.sqrt(r[7]) }, core_rg = { math.sqrt(c[5]), math.sqrt(c[6]), math.sqrt(c[7]) },
        radius_of_gyration = g, radius = g * math.sqrt(5 / 3), axes = dirs[k], axis_rms = rms[k], extent = reach[k], length = lengths[k],
        edge = at_edge ~= nil and at_edge[k + 1] > 0, composition = composition(ions[k + 1], atoms, elements),
        inner = composition(inside[k + 1], atoms, elements), outer = composition(outside[k + 1], atoms, elements),
      }
      if o.atomic_volume then
        rows[k].volume_radius = (r[1] * o.atomic_volume / (o.efficiency or 1) * 3 / (4 * math.pi)) ^ (1 / 3)
      end
    end
  end
  local together, of_matrix = {}, 0
  for i = 1, n_species do
    together[i] = 0
    for k = 1, groups do together[i] = together[i] + ions[k + 1][i] end
    of_matrix = of_matrix + ions[1][i]
  end
  local in_all = 0
  for _, v in ipairs(together) do in_all = in_all + v end
  out.matrix = { n = of_matrix, ions = ions[1], composition = composition(ions[1], atoms, elements) }
  out.all = { n = in_all, ions = together, composition = composition(together, atoms, elements) }
  local volume, how
  if o.atomic_volume then
    volume, how = x:shape(1) * o.atomic_volume / (o.efficiency or 1), "ions x atomic volume / efficiency"
  elseif x:shape(1) > 0 then
    local size = (x:max(1) - x:min(1)):totable()
    volume, how = size[1] * size[2] * size[3], "bounding box"
  else volume, how = 0, "no ions" end
  if volume <= 0 then volume = 0 / 0 end
  local edge = 0
  for _, r in ipairs(rows) do if r.edge then edge = edge + 1 end end
  local low, high = garwood(groups)
  local counted = groups - edge / 2
  local scale = groups > 0 and counted / groups or 1
  out.density = { value = counted / volume, low = low * scale / volume, high = high * scale / volume, volume = volume, how = how, clusters = counted, edge = edge }
  out.cube = cube
  return out
end

--- Columns of the table, one row for each cluster.
---@return string[] names with units
---@return any[][] rows
function Table:cells()
  local names = { "cluster", "ions", "core ions", "x (nm)", "y (nm)", "z (nm)", "Rg (nm)", "radius (nm)", "rms 1 (nm)", "rms 2 (nm)", "rms 3 (nm)",
    "length 1 (nm)", "length 2 (nm)", "length 3 (nm)", "at the surface" }
  for _, n in ipairs(self.names) do names[#names + 1] = n .. " ions" end
  for _, e in ipairs(self.elements) do
    names[#names + 1] = e .. " (at.%)"
    names[#names + 1] = e .. " error (at.%)"
  end
  local rows = {}
  for k, r in ipairs(self.rows) do
    local t = { r.id, r.n, r.core, r.centre[1], r.centre[2], r.centre[3], r.radius_of_gyration, r.radius, r.axis_rms[1], r.axis_rms[2], r.axis_rms[3],
      r.length[1], r.length[2], r.length[3], r.edge and 1 or 0 }
    for _, v in ipairs(r.ions) do t[#t + 1] = v end
    for _, c in ipairs(r.composition) do
      t[#t + 1] = 100 * c.fraction
      t[#t + 1] = 100 * c.error
    end
    rows[k] = t
  end
  return names, rows
end

--- Writes the table: .csv, .tsv, or HDF5 (.h5) with a column each.
---@param path string
---@return boolean? true
---@return table? err
function Table:write(path)
  local names, rows = self:cells()
  local columns = {}
  for c = 1, #names do
    local whole = c <= 3 or c == 15 or c > 15 and c <= 15 + #self.names
    local col = {}
    for k, r in ipairs(rows) do col[k] = r[c] end
    columns[c] = #col > 0 and core.tensor.tensor(col, whole and "i64" or "f64") or core.create.zeros({ 0 }, whole and "i64" or "f64")
  end
  if path:lower():match "%.h5$" or path:lower():match "%.hdf5$" then
    local data = {}
    for c, name in ipairs(names) do data[name] = columns[c] end
    return io.save(path, { format_version = 1, clusters = data, column_order = names, density_per_nm3 = self.density.value })
  end
  return io.write_table(path, { names = names, columns = columns })
end

function Table:__tostring()
  return ("%d clusters (%d at the surface) of %d ions, %d ions of matrix, %.3g per nm^3 (95 %%: %.3g to %.3g, %s)"):format(#self.rows, self.density.edge,
    self.all.n, self.matrix.n, self.density.value, self.density.low, self.density.high, self.density.how)
end

return M
