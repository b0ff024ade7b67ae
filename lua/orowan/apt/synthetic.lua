--- Synthetic specimens whose truth is known: crystals with ordered or segregated domains,
--- planar faults and grain boundaries, seen by an imperfect microscope (lost ions, displaced
--- ions). The label of an ion is that of its lattice site, before any noise.
local core = require "orowan.core"
local lattice = require "orowan.atoms.cells"

local synthetic = {}

local function raise(fmt, ...) error("apt.synthetic: " .. fmt:format(...), 0) end

-- ---- small matrices ----------------------------------------------------------------------------

local function mul(a, b)
  local m = {}
  for i = 1, 3 do
    m[i] = {}
    for j = 1, 3 do m[i][j] = a[i][1] * b[1][j] + a[i][2] * b[2][j] + a[i][3] * b[3][j] end
  end
  return m
end

local function apply(m, v)
  local r = {}
  for i = 1, 3 do r[i] = m[i][1] * v[1] + m[i][2] * v[2] + m[i][3] * v[3] end
  return r
end

local function dot(a, b) return a[1] * b[1] + a[2] * b[2] + a[3] * b[3] end
local function unit(v)
  local n = math.sqrt(dot(v, v))
  if n == 0 or n ~= n then raise("expected a direction, got a vector of length %g", n) end
  return { v[1] / n, v[2] / n, v[3] / n }
end

--- Rotation matrix of three angles: about x first, then y, then z.
---@param x number degrees
---@param y number degrees
---@param z number degrees
---@return number[][] rows
function synthetic.rotation(x, y, z)
  local function cs(d) return math.cos(math.rad(d)), math.sin(math.rad(d)) end
  local cx, sx = cs(x)
  local cy, sy = cs(y)
  local cz, sz = cs(z)
  return mul({ { cz, -sz, 0 }, { sz, cz, 0 }, { 0, 0, 1 } },
    mul({ { cy, 0, sy }, { 0, 1, 0 }, { -sy, 0, cy } }, { { 1, 0, 0 }, { 0, cx, -sx }, { 0, sx, cx } }))
end

local identity = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }

-- ---- composition -------------------------------------------------------------------------------

local function species_of(spec)
  local names, seen = {}, {}
  local function take(t)
    local sorted = {}
    for name in pairs(t) do sorted[#sorted + 1] = name end
    table.sort(sorted)
    for _, name in ipairs(sorted) do
      if not seen[name] then names[#names + 1], seen[name] = name, #names + 1 end
    end
  end
  for _, name in ipairs(spec.species or {}) do take { [name] = 1 } end
  take(spec.matrix)
  for _, d in ipairs(spec.domains or {}) do
    if d.composition then take(d.composition) end
    if d.occupancy then take(d.occupancy.A); take(d.occupancy.B) end
  end
  return names, seen
end

-- Cumulative shares in the order of the species; they must add up to 1.
local function cumulative(shares, index, n, what)
  local row, sum = {}, 0
  for k = 1, n do row[k] = 0 end
  for name, v in pairs(shares) do
    if type(v) ~= "number" or v < 0 then raise("%s: share of %s: expected a number from 0 to 1, got %s", what, name, tostring(v)) end
    row[index[name]] = v
    sum = sum + v
  end
  if math.abs(sum - 1) > 1e-6 then raise("%s: the shares add up to %.6g, not 1", what, sum) end
  for k = 2, n do row[k] = row[k] + row[k - 1] end
  row[n] = 1
  return row
end

-- ---- domains -----------------------------------------------------------------------------------

local function half_axes(d, i)
  local r = d.radius
  local axes = d.shape == "ellipsoid" and d.axes or d.shape == "plate" and { r, r, d.thickness and d.thickness / 2 } or { r, r, r }
  for k = 1, 3 do
    if type(axes and axes[k]) ~= "number" or axes[k] <= 0 then
      raise("domain %d (%s): expected positive %s in nm", i, d.shape or "sphere",
        d.shape == "ellipsoid" and "axes = {a, b, c}" or d.shape == "plate" and "radius and thickness" or "radius")
    end
  end
  return axes
end

-- A of |A (r - c)| <= 1 and the centre, as the kernel wants them.
local function ellipsoid(axes, centre, orientation)
  local o, row = orientation or identity, {}
  for i = 1, 3 do
    for j = 1, 3 do row[#row + 1] = o[j][i] / axes[i] end  -- rows: axes of the body
  end
  return table.move(centre, 1, 3, 10, row)
end

local shapes = { sphere = true, ellipsoid = true, plate = true, irregular = true }

local function add_domains(job, spec, cell, index, n)
  for i, d in ipairs(spec.domains or {}) do
    local shape = d.shape or "sphere"
    if not shapes[shape] then raise("domain %d: shape: expected sphere, ellipsoid, plate or irregular, got %s", i, tostring(shape)) end
    local kind = {}
    if d.order then
      local order = lattice.order(d.order)
      if not order then raise("domain %d: order: expected L12, L10, B2 or D03, got %s", i, tostring(d.order)) end
      if order.cell ~= job.cell_name then raise("domain %d: %s needs the lattice %s, this one is %s", i, d.order, order.cell, job.cell_name) end
      local v = d.variant or 1
      if math.type(v) ~= "integer" or v < 1 or v > order.variants then raise("domain %d: variant: expected 1 to %d, got %s", i, order.variants, tostring(v)) end
      if not (d.occupancy and d.occupancy.A and d.occupancy.B) then raise("domain %d: expected occupancy = {A = {...}, B = {...}}", i) end
      local a = cumulative(d.occupancy.A, index, n, ("domain %d, sublattice A"):format(i))
      local b = cumulative(d.occupancy.B, index, n, ("domain %d, sublattice B"):format(i))
      for s, site in ipairs(cell.basis) do kind[s] = order.on(s, site, v) and a or b end
    else
      local row = cumulative(d.composition or raise("domain %d: expected order and occupancy, or composition", i), index, n, ("domain %d"):format(i))
      for s = 1, #cell.basis do kind[s] = row end
    end
    job.occupancy[#job.occupancy + 1] = kind
    local bodies = shape == "irregular" and d.spheres or { d }
    if not bodies or #bodies == 0 then raise("domain %d: expected spheres = {{centre =, radius =}, ...}", i) end
    for _, body in ipairs(bodies) do
      if type(body.centre) ~= "table" or #body.centre ~= 3 then raise("domain %d: expected centre = {x, y, z} in nm", i) end
      local k = #job.domains + 1
      job.domains[k] = ellipsoid(half_axes(body, i), body.centre, body.orientation)
      job.domain_kinds[k] = #job.occupancy - 1
      job.domain_labels[k] = d.label or i
    end
  end
end

-- ---- faults ------------------------------------------------------------------------------------

-- Shifts of what lies beyond the plane, in nm, each one layer after the other.
local function partial(n)  -- <112>/6 in the plane of n = <111>
  return { n[1] / 6, n[2] / 6, -2 * n[3] / 6 }
end

local function close_packed(n) return math.abs(n[1]) == 1 and math.abs(n[2]) == 1 and math.abs(n[3]) == 1 end

local function fault_steps(f, i, a, lattice_name)
  local n = f.normal or { 1, 1, 1 }
  if f.kind == "intrinsic" or f.kind == "extrinsic" or f.kind == "twin" then
    if lattice_name ~= "fcc" or not close_packed(n) then raise("fault %d: a %s fault lies on {1 1 1} of fcc, got (%g %g %g) of %s", i, f.kind, n[1], n[2], n[3], lattice_name) end
    if f.kind == "twin" then return {} end
    local b = partial(n)
    for k = 1, 3 do b[k] = b[k] * a end
    return f.kind == "intrinsic" and { b } or { b, b }
  elseif f.kind == "apb" then
    local b = f.shift or raise("fault %d: an antiphase boundary needs shift = {x, y, z} in lattice constants", i)
    return { { b[1] * a, b[2] * a, b[3] * a } }
  elseif f.kind == "boundary" then
    return {}
  end
  raise("fault %d: kind: expected intrinsic, extrinsic, apb, twin or boundary, got %s", i, tostring(f.kind))
end

-- Grains between parallel planes. Positions of planes are moved between atomic layers.
local function add_grains(job, spec, a, rotation, origin)
  local faults = {}
  for i, f in ipairs(spec.faults or {}) do faults[i] = f end
  local n0 = faults[1] and (faults[1].normal or { 1, 1, 1 })
  local u = n0 and unit(n0)
  local lab = u and apply(rotation, u)
  local spacing = n0 and a / math.sqrt(dot(n0, n0))
  local cuts = {}  -- distance along lab, what changes
  for i, f in ipairs(faults) do
    local n = f.normal or { 1, 1, 1 }
    if n[1] ~= n0[1] or n[2] ~= n0[2] or n[3] ~= n0[3] then raise("fault %d: faults of one specimen lie on parallel planes; (%g %g %g) is not the first one's", i, n[1], n[2], n[3]) end
    if type(f.point) ~= "table" then raise("fault %d: expected point = {x, y, z} in nm", i) end
    local s = dot(f.point, lab) - dot(origin, lab)
    -- between two layers: {111} of fcc has one in each spacing, other planes may have two
    s = (math.floor(s / spacing) + (close_packed(n) and 0.5 or 0.25)) * spacing + dot(origin, lab)
    local steps = fault_steps(f, i, a, spec.lattice)
    if #steps == 0 then
      cuts[#cuts + 1] = { at = s, turn = f.kind == "twin" and "twin" or (f.rotation or raise("fault %d: a boundary needs rotation = rows of a matrix", i)) }
    end
    for k, b in ipairs(steps) do cuts[#cuts + 1] = { at = s + (k - 1) * spacing, shift = b } end
  end
  table.sort(cuts, function(p, q) return p.at < q.at end)
  local R, t, from = rotation, { table.unpack(origin) }, nil
  local function grain(to)
    local g = #job.grains
    local row = {}
    for i = 1, 3 do for j = 1, 3 do row[#row + 1] = R[i][j] end end
    job.grains[g + 1] = table.move(t, 1, 3, 10, row)
    if from then
      job.planes[#job.planes + 1] = { -lab[1], -lab[2], -lab[3], -from }
      job.plane_grains[#job.plane_grains + 1] = g
    end
    if to then
      job.planes[#job.planes + 1] = { lab[1], lab[2], lab[3], to }
      job.plane_grains[#job.plane_grains + 1] = g
    end
  end
  for _, cut in ipairs(cuts) do
    grain(cut.at)
    if cut.shift then
      local b = apply(R, cut.shift)
      for k = 1, 3 do t[k] = t[k] + b[k] end
    elseif cut.turn == "twin" then  -- half a turn about the normal, the plane half a layer below stays
      local half = {}
      for i = 1, 3 do
        half[i] = {}
        for j = 1, 3 do half[i][j] = 2 * u[i] * u[j] - (i == j and 1 or 0) end
      end
      local foot = cut.at - 0.5 * spacing - dot(t, lab)  -- from the origin to the mirror layer
      local layers = math.floor(foot / spacing + 0.5)
      -- a lattice point of that layer: layers steps of a vector that climbs one layer each
      local climb = apply(R, { u[1] * spacing, u[2] * spacing, u[3] * spacing })
      local side = apply(R, partial(n0))
      local point = {}
      for k = 1, 3 do point[k] = t[k] + layers * (climb[k] + side[k] * a) end
      R, t = mul(R, half), point
    else
      R = mul(cut.turn, rotation)
    end
    from = cut.at
  end
  grain(nil)
end

-- ---- the microscope ----------------------------------------------------------------------------

-- Displacements in the frame of the microscope (z: depth).
local function noise(n, kind, sigma, rng)
  local columns = {}
  for axis = 1, 3 do
    local s = sigma[axis]
    local d = rng:normal(n, { std = s, dtype = "f32" })
    if kind == "clipped" then
      -- what lies beyond one sigma becomes one shared uniform draw of this axis
      local shared = (2 * rng:uniform() - 1) * s
      d = core.index.where(core.ops.abs(d):gt(s), shared, d)
    end
    columns[axis] = d
  end
  return core.index.stack(columns, 2)
end

---@class orowan.apt.specimen
---@field positions orowan.tensor f32 [n, 3], nm
---@field species orowan.tensor i64 [n], index into names
---@field label orowan.tensor i64 [n], number of the domain, 0: matrix
---@field grain orowan.tensor i64 [n], 1-based
---@field site orowan.tensor i64 [n], basis site of the cell
---@field names string[]
---@field box number[] nm
---@field periodic boolean
---@field rotation number[][] crystal to microscope; the positions of a periodic specimen are in the crystal's frame
---@field n integer

local known = { lattice = true, a = true, box = true, matrix = true, species = true, domains = true, faults = true, rotation = true, origin = true,
  periodic = true, efficiency = true, noise = true, sigma = true, needle = true, seed = true }

--- Builds a specimen. Lengths in nm, angles in degrees.
---
--- noise = "gaussian" displaces every ion by normal deviates of sigma = {lateral, lateral, depth};
--- "clipped" does as a published training code: a value beyond one sigma is replaced by one
--- shared uniform draw from (-sigma, sigma), per axis.
--- ```lua
--- local s = ow.apt.synthetic { lattice = "fcc", a = 0.405, box = 4, matrix = { Al = 0.95, Cu = 0.05 }, seed = 1 }
--- print(s.names[1], s.names[2], s.positions:shape(2))  --> Al Cu 3
--- ```
---@param spec {lattice: string, a: number, box: number|number[], matrix: table<string, number>, species?: string[], domains?: table[], faults?: table[], rotation?: number[][], origin?: number[], periodic?: boolean, efficiency?: number, noise?: string, sigma?: number[], needle?: table, seed?: integer} lattice: fcc, bcc or bcc16; a: lattice constant; matrix: shares that add up to 1; domains: {shape = "sphere" | "ellipsoid" | "plate" | "irregular", centre =, radius | axes | thickness | spheres =, orientation =, label =, and order =, variant =, occupancy = {A =, B =} or composition =}; faults: {kind = "intrinsic" | "extrinsic" | "apb" | "twin" | "boundary", point =, normal =, shift | rotation =}; rotation: rows of a matrix (`apt.rotation`); origin: of the lattice (default random); periodic: the box is rounded to whole cells; efficiency: share of ions that are detected; needle: {radius =, angle =} a cone along z with a hemispherical cap
---@return orowan.apt.specimen
function synthetic.build(spec)
  for key in pairs(spec) do
    if not known[key] then raise("unknown field %s", tostring(key)) end
  end
  local cell = lattice.cells[spec.lattice]
  if not cell or cell.vectors then raise("lattice: expected fcc, bcc, bcc16, sc or diamond, got %s", tostring(spec.lattice)) end
  local a = spec.a
  if type(a) ~= "number" or a <= 0 then raise("a: expected the lattice constant in nm, got %s", tostring(a)) end
  if type(spec.matrix) ~= "table" then raise("matrix: expected shares of species, for example {Al = 1}") end
  local box = type(spec.box) == "number" and { spec.box, spec.box, spec.box } or spec.box
  local edge = a * cell.edge
  for k = 1, 3 do
    if type(box and box[k]) ~= "number" or box[k] < edge then raise("box: expected an edge or three of them in nm, each at least one cell (%.4g)", edge) end
  end
  local rng = core.random.rng(spec.seed or 0, 1)
  local rotation, origin = spec.rotation or identity, spec.origin
  local build_rotation = rotation
  if spec.periodic then
    if spec.faults and #spec.faults > 0 then raise("a periodic specimen cannot hold faults") end
    box = { table.unpack(box) }
    for k = 1, 3 do box[k] = math.floor(box[k] / edge + 0.5) * edge end
    build_rotation, origin = identity, origin or { edge * 1e-3, edge * 1e-3, edge * 1e-3 }
  end
  if not origin then origin = { rng:uniform() * edge, rng:uniform() * edge, rng:uniform() * edge } end

  local names, index = species_of(spec)
  local job = { cell_name = spec.lattice, cell = { { edge, 0, 0 }, { 0, edge, 0 }, { 0, 0, edge } }, basis = cell.basis, box = box, grains = {}, planes = {},
    plane_grains = {}, domains = {}, domain_kinds = {}, domain_labels = {}, occupancy = {}, seed = spec.seed or 0 }
  local matrix, row = {}, cumulative(spec.matrix, index, #names, "matrix")
  for s = 1, #cell.basis do matrix[s] = row end
  job.occupancy[1] = matrix
  add_domains(job, spec, cell, index, #names)
  add_grains(job, spec, a, build_rotation, origin)
  for _, name in ipairs { "planes", "domains" } do
    if #job[name] == 0 then job[name] = core.create.zeros({ 0, name == "planes" and 4 or 12 }) end
  end
  for _, name in ipairs { "plane_grains", "domain_kinds", "domain_labels" } do
    if #job[name] == 0 then job[name] = core.create.zeros({ 0 }, "i64") end
  end
  local positions, species, label, grain, site = core.crystal.build(job)
  local parts = { positions, species, label, grain + 1, site + 1 }

  local keep
  if spec.needle then
    local r0, slope = spec.needle.radius, math.tan(math.rad(spec.needle.angle or 0))
    if type(r0) ~= "number" or r0 <= 0 then raise("needle: expected radius in nm and angle in degrees") end
    local x = positions:slice(2, 1, 1):sub(box[1] / 2):square() + positions:slice(2, 2, 2):sub(box[2] / 2):square()
    local depth = box[3] - positions:slice(2, 3, 3)  -- the apex is at the top
    local radius = core.index.where(depth:lt(r0), (r0 * r0 - (r0 - depth):square()):clip(0, math.huge):sqrt(), r0 + (depth - r0) * slope)
    keep = x:le(radius:square()):reshape(-1)
  end
  if spec.efficiency then
    local e = spec.efficiency
    if type(e) ~= "number" or not (e > 0 and e <= 1) then raise("efficiency: expected a share above 0 and up to 1, got %s", tostring(e)) end
    local seen = rng:uniform(positions:shape(1)):lt(e)
    keep = keep and keep:logical_and(seen) or seen
  end
  if keep then for k, t in ipairs(parts) do parts[k] = t[keep] end end

  if spec.noise then
    if spec.noise ~= "gaussian" and spec.noise ~= "clipped" then raise("noise: expected \"gaussian\" or \"clipped\", got %s", tostring(spec.noise)) end
    if type(spec.sigma) ~= "table" or #spec.sigma ~= 3 then raise("sigma: expected {lateral, lateral, depth} in nm") end
    local d = noise(parts[1]:shape(1), spec.noise, spec.sigma, rng)
    if spec.periodic then d = d:matmul(core.tensor.tensor(rotation, "f32")) end  -- into the crystal's frame
    parts[1] = parts[1] + d
    if spec.periodic then
      local b = core.tensor.tensor(box, "f32")
      parts[1] = parts[1]:mod(b)
      parts[1] = core.index.where(parts[1]:ge(b), 0, parts[1])  -- a small negative number rounds up to the edge
    end
  end
  return { positions = parts[1], species = parts[2], label = parts[3], grain = parts[4], site = parts[5], names = names, box = box,
    periodic = spec.periodic or false, rotation = rotation, n = parts[1]:shape(1) }
end

--- Spheres that do not touch, placed at random until they fill a share of the box.
---@param box number|number[] nm
---@param radius number[] {smallest, largest} nm, drawn uniformly
---@param options {fraction?: number, count?: integer, gap?: number, periodic?: boolean, seed?: integer} fraction of the volume or a count; gap: least distance of two surfaces, nm
---@return {centre: number[], radius: number}[]
function synthetic.spheres(box, radius, options)
  box = type(box) == "number" and { box, box, box } or box
  local rng = core.random.rng(options.seed or 0, 2)
  local list, filled, volume, gap = {}, 0, box[1] * box[2] * box[3], options.gap or 0
  local misses = 0
  while misses < 2000 do
    if options.count and #list >= options.count or options.fraction and filled >= options.fraction * volume then break end
    local r = radius[1] + rng:uniform() * (radius[2] - radius[1])
    local c = { rng:uniform() * box[1], rng:uniform() * box[2], rng:uniform() * box[3] }
    local free = true
    for _, s in ipairs(list) do
      local d2 = 0
      for k = 1, 3 do
        local d = math.abs(c[k] - s.centre[k])
        if options.periodic and d > box[k] / 2 then d = box[k] - d end
        d2 = d2 + d * d
      end
      if d2 < (r + s.radius + gap) ^ 2 then free = false break end
    end
    if free then
      list[#list + 1] = { centre = c, radius = r }
      filled = filled + 4 / 3 * math.pi * r ^ 3
      misses = 0
    else misses = misses + 1 end
  end
  return list
end

--- The same positions with the species shuffled: what chance alone would show.
---@param specimen orowan.apt.specimen
---@param seed integer
---@return orowan.apt.specimen
function synthetic.shuffled(specimen, seed)
  local copy = {}
  for k, v in pairs(specimen) do copy[k] = v end
  copy.species = specimen.species[core.random.rng(seed, 3):permutation(specimen.n)]
  return copy
end

return synthetic
