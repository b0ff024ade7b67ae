--- Sets of synthetic cubes for networks that find ordered domains: three alloys, two conventions
--- of noise, an option in which matrix and domain have the same composition. Cubes of training,
--- validation and test have seeds of their own; no cube is in two of them.
---
--- Compositions, radii, rotations and efficiencies are those of the published training sets. What
--- was not published is chosen here: domains fill a fifth of a cube (at least one), the nominal
--- composition is the matrix's, variants are equally likely, except that Au-Cu has the c axis
--- near the depth axis (in-plane order is lost in lateral noise) and, with no composition of the
--- domain given, that of the matrix.
local ow = require "orowan"
local features = require "orowan.apt.features"
local synthetic = require "orowan.apt.synthetic"

local datasets = {}

local function raise(fmt, ...) error("apt.datasets: " .. fmt:format(...), 0) end

---@class orowan.apt.alloy
---@field title string
---@field a number lattice constant, nm
---@field edge number edge of a cube, nm
---@field order string
---@field variants integer[]
---@field matrix table<string, number>
---@field occupancy {A: table<string, number>, B: table<string, number>}
---@field radius number[] nm, smallest and largest
---@field tilt number[] degrees, largest rotation about x, y, z
---@field solute string[] species that a domain gathers on sublattice A
---@field blocks integer of the published network
---@field threshold number of the published network

--- The alloys by name: allimg, aucu, conialw.
---@type table<string, orowan.apt.alloy>
datasets.alloys = {
  allimg = {
    title = "Al-6.79Li-5.18Mg, L1_2", a = 0.405, edge = 4, order = "L12", variants = { 1, 2, 3, 4 }, species = { "Al", "Li", "Mg" },
    matrix = { Al = 0.8803, Li = 0.0679, Mg = 0.0518 }, occupancy = { A = { Li = 0.8, Mg = 0.2 }, B = { Al = 1 } },
    radius = { 1.2, 2.0 }, tilt = { 90, 90, 90 }, solute = { "Li" }, blocks = 2, threshold = 0.5,
  },
  aucu = {
    title = "Au-46.8Cu-5.3Ag, L1_0", a = 0.388, edge = 4, order = "L10", variants = { 3 }, species = { "Au", "Ag", "Cu" },
    matrix = { Au = 0.479, Cu = 0.468, Ag = 0.053 },
    occupancy = { A = { Cu = 0.936, Au = 0.0576, Ag = 0.0064 }, B = { Au = 0.9004, Ag = 0.0996 } },
    radius = { 0.8, 1.2 }, tilt = { 3, 3, 90 }, solute = { "Cu" }, blocks = 3, threshold = 0.3,
  },
  conialw = {
    title = "Co-35Ni-9.5Al-4.3W-11.2X, L1_2, matrix of the same composition", a = 0.3585, edge = 10, order = "L12", variants = { 1, 2, 3, 4 },
    species = { "Co", "Ni", "Al", "W", "X" }, matrix = { Co = 0.4, Ni = 0.35, Al = 0.095, W = 0.043, X = 0.112 },
    occupancy = { A = { Al = 0.38, W = 0.172, X = 0.448 }, B = { Co = 0.4 / 0.75, Ni = 0.35 / 0.75 } },
    radius = { 1.4, 2.0 }, tilt = { 3, 3, 90 }, solute = { "Al", "W", "X" }, blocks = 2, threshold = 0.5,
  },
}

--- Ranges of the noise: lateral and depth sigma. "clipped" is in lattice constants, as a
--- published training code has it; the others are in nm (the published table can be read as either).
---@type table<string, {kind: string, lateral: number[], depth: number[], unit: string}>
datasets.noises = {
  gaussian = { kind = "gaussian", lateral = { 0.2, 0.5 }, depth = { 0.02, 0.08 }, unit = "nm" },
  gaussian_wide = { kind = "gaussian", lateral = { 0.2, 0.5 }, depth = { 0.08, 0.2 }, unit = "nm" },
  clipped = { kind = "clipped", lateral = { 0.5, 2 }, depth = { 0.2, 0.5 }, unit = "a" },
}

-- Composition of a domain: sublattice A has a share of the sites.
local function domain_composition(alloy)
  local share = alloy.order == "L12" and 0.25 or 0.5
  local c = {}
  for name, x in pairs(alloy.occupancy.A) do c[name] = (c[name] or 0) + share * x end
  for name, x in pairs(alloy.occupancy.B) do c[name] = (c[name] or 0) + (1 - share) * x end
  return c
end

local known = { alloy = true, noise = true, seed = true, edge = true, fraction = true, matched = true, radius = true, periodic = true }

--- One cube.
---@param options {alloy: string, noise?: string, seed: integer, edge?: number, fraction?: number, matched?: boolean, radius?: number[], periodic?: boolean} noise: gaussian (default), gaussian_wide or clipped; edge nm (default the published one); fraction of the volume in domains (0.2); matched: the matrix gets the composition of the domains; radius nm, {smallest, largest}; periodic: no edge is seen (the published cubes are open)
---@return orowan.apt.specimen cube also with spheres, sigma (nm), noise, alloy, spec (what synthetic.build got)
function datasets.cube(options)
  local o = options
  for key in pairs(o) do if not known[key] then raise("cube: unknown field %s", tostring(key)) end end
  local alloy = datasets.alloys[o.alloy] or raise("alloy: expected allimg, aucu or conialw, got %s", tostring(o.alloy))
  local noise = datasets.noises[o.noise or "gaussian"] or raise("noise: expected gaussian, gaussian_wide or clipped, got %s", tostring(o.noise))
  local rng = ow.rng(o.seed, 7)
  local function between(lo, hi) return lo + (hi - lo) * rng:uniform() end
  local edge = o.edge or alloy.edge
  local unit = noise.unit == "a" and alloy.a or 1
  local lateral, depth = between(table.unpack(noise.lateral)) * unit, between(table.unpack(noise.depth)) * unit
  local rotation = synthetic.rotation(between(-alloy.tilt[1], alloy.tilt[1]), between(-alloy.tilt[2], alloy.tilt[2]), between(-alloy.tilt[3], alloy.tilt[3]))
  local efficiency = between(0.4, 0.8)
  local spheres = synthetic.spheres(edge, o.radius or alloy.radius, { fraction = o.fraction or 0.2, seed = o.seed, periodic = o.periodic, gap = alloy.a })
  local domains = {}
  for i, s in ipairs(spheres) do
    domains[i] = { centre = s.centre, radius = s.radius, order = alloy.order, variant = alloy.variants[1 + math.floor(rng:uniform() * #alloy.variants)],
      occupancy = alloy.occupancy }
  end
  local spec = { lattice = "fcc", a = alloy.a, box = edge, species = alloy.species, matrix = o.matched and domain_composition(alloy) or alloy.matrix,
    domains = domains, rotation = rotation, periodic = o.periodic, efficiency = efficiency, noise = noise.kind,
    sigma = { lateral, lateral, depth }, seed = o.seed }
  local cube = synthetic.build(spec)
  cube.spheres, cube.sigma, cube.noise, cube.alloy, cube.spec = spheres, spec.sigma, noise.kind, o.alloy, spec
  return cube
end

-- Seeds of the three sets lie far apart.
local parts = { train = 0, validation = 1, test = 2 }

--- Cubes for training, validation and test, each joined to one set.
---@param options table as for cube without seed, and cubes: integer[] {train, validation, test} (80, 10, 10), seed: integer, k: neighbours of an ion (32)
---@return table sets {train, validation, test}: neighbourhoods with label f32 [n] (1 in a domain), cloud i64 [n], cubes (specimens)
function datasets.make(options)
  local cubes, k = options.cubes or { 80, 10, 10 }, options.k or 32
  local sets = {}
  for name, part in pairs(parts) do
    local list, labels, specimens = {}, {}, {}
    for c = 1, cubes[part + 1] do
      local o = {}
      for key, v in pairs(options) do if known[key] then o[key] = v end end
      o.seed = ((options.seed or 0) * 4 + part) * 1000003 + c
      local cube = datasets.cube(o)
      specimens[c] = cube
      list[c] = features.neighbourhoods(cube, k)
      labels[c] = cube.label:gt(0):to "f32"
    end
    if #list == 0 then raise("cubes: expected three numbers of 1 or more, got %s", table.concat(cubes, ", ")) end
    local set = features.join(list)
    set.label, set.cubes, set.alloy = ow.concat(labels), specimens, options.alloy
    sets[name] = set
  end
  return sets
end

return datasets
