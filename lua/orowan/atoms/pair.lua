--- Pair potentials given by a formula, the universal repulsion of Ziegler, Biersack and Littmark,
--- and sums of models. A formula is tabulated as r phi(r) and evaluated by the kernel of the EAM.
local core = require "orowan.core"
local elements = require "orowan.atoms.elements"
local shared = require "orowan.atoms.model"

local pair = {}

---@class orowan.atoms.pair
---@field species string[]
---@field cutoff number Angstrom
---@field name string
local Pair = {}
Pair.__index = Pair

--- A model of a formula: E = sum over pairs of energy(r).
---@param spec {species: string[], cutoff: number, energy: fun(r: number, a: string, b: string): number, points: integer?, name: string?} cutoff: Angstrom; energy: eV at r Angstrom, for elements a and b; should end smoothly at the cutoff; points: of the table, default 10000
---@return orowan.atoms.pair
function pair.new(spec)
  local function fail(fmt, ...) error("atoms.pair_potential: " .. fmt:format(...), 3) end
  if type(spec) ~= "table" or type(spec.species) ~= "table" or #spec.species == 0 then fail "expected {species = {...}, cutoff =, energy = function(r, a, b)}" end
  if type(spec.cutoff) ~= "number" or not (spec.cutoff > 0 and spec.cutoff < math.huge) then fail("cutoff: expected a length in Angstrom, got %s", tostring(spec.cutoff)) end
  if type(spec.energy) ~= "function" then fail("energy: expected a function, got a %s", type(spec.energy)) end
  local n, points = #spec.species, spec.points or 10000
  if math.type(points) ~= "integer" or points < 10 or points > 1e7 then fail("points: expected 10 to 1e7, got %s", tostring(points)) end
  local dr, tables = spec.cutoff / (points - 1), {}
  for a = 1, n do tables[a] = {} end
  for a = 1, n do
    for b = 1, a do
      local t = {}
      for k = 1, points do
        local r = math.max((k - 1) * dr, dr * 1e-6)
        local e = spec.energy(r, spec.species[a], spec.species[b])
        if type(e) ~= "number" or e ~= e or math.abs(e) == math.huge then fail("energy: %s-%s at %g Angstrom: expected a finite number, got %s", spec.species[a], spec.species[b], r, tostring(e)) end
        t[k] = r * e
      end
      tables[a][b], tables[b][a] = t, t
    end
  end
  local model = core.eam.new { elements = n, nrho = 5, drho = 1, nr = points, dr = dr, cutoff = spec.cutoff, embed = core.create.zeros { n, 5 },
    density = core.create.zeros { n, n, points }, pair = core.tensor.tensor(tables, "f64") }
  return setmetatable({ model = model, species = spec.species, cutoff = spec.cutoff, name = spec.name or "pair potential" }, Pair)
end

--- Energies, forces and stress.
---@param s orowan.atoms.structure
---@param options? {force: boolean?, stress: boolean?, pairs: userdata?} force: default true; pairs: a list made with a larger cutoff for this structure, still valid
---@return {energy: number, energies: orowan.tensor, forces: orowan.tensor?, stress: orowan.tensor?} result eV; energies [n] eV; forces [n, 3] eV/A; stress [3, 3] eV/A^3, positive in tension
function Pair:compute(s, options)
  options = options or {}
  return shared.result(s, self.model:compute(options.pairs or s:pairs(self.cutoff), s.cell, s.positions, shared.types(self, s),
    { force = options.force ~= false, strain = options.stress or false }))
end

function Pair:__tostring() return ("%s: %s, cutoff %.4g A"):format(self.name, table.concat(self.species, ", "), self.cutoff) end

-- Screening of the universal potential and its first two derivatives in x.
local shares, rates = { 0.18175, 0.50986, 0.28022, 0.02817 }, { 3.19980, 0.94229, 0.40290, 0.20162 }
local function screening(x)
  local f, g, h = 0, 0, 0
  for k = 1, 4 do
    local e = shares[k] * math.exp(-rates[k] * x)
    f, g, h = f + e, g - rates[k] * e, h + rates[k] ^ 2 * e
  end
  return f, g, h
end

local coulomb <const> = 14.399645 -- e^2 / (4 pi eps_0), eV A, as LAMMPS has it

--- The universal screened nuclear repulsion (Ziegler, Biersack, Littmark, The Stopping and Range of
--- Ions in Matter, 1985), brought to zero with value, slope and curvature between two distances by a
--- polynomial, as LAMMPS's pair_style zbl does.
---@param species string[]
---@param inner number Angstrom, where the polynomial begins
---@param outer number Angstrom, where the energy is zero
---@return orowan.atoms.pair
function pair.zbl(species, inner, outer)
  if not (type(inner) == "number" and type(outer) == "number" and inner >= 0 and inner < outer and outer < math.huge) then
    error(("atoms.zbl: expected inner < outer in Angstrom, got %s and %s"):format(tostring(inner), tostring(outer)), 2)
  end
  for _, name in ipairs(species) do if not elements.numbers[name] then error(("atoms.zbl: '%s' is no element up to uranium"):format(name), 2) end end
  local kept = {}
  local function constants(a, b)
    local key = a .. "-" .. b
    if not kept[key] then
      local za, zb = elements.numbers[a], elements.numbers[b]
      local c = { q = coulomb * za * zb, length = 0.46850 / (za ^ 0.23 + zb ^ 0.23) }
      local f, g, h = screening(outer / c.length)
      g, h = g / c.length, h / c.length ^ 2
      local e = c.q / outer * f
      local e1 = c.q / outer * (g - f / outer)
      local e2 = c.q / outer * (h - 2 * g / outer + 2 * f / outer ^ 2)
      local w = outer - inner
      c.A, c.B = (-3 * e1 + w * e2) / w ^ 2, (2 * e1 - w * e2) / w ^ 3
      c.C = -e + w / 2 * e1 - w ^ 2 / 12 * e2
      kept[key] = c
    end
    return kept[key]
  end
  return pair.new { species = species, cutoff = outer, name = "ZBL", points = 20000, energy = function(r, a, b)
    local c, t = constants(a, b), math.max(0, r - inner)
    return c.q / r * screening(r / c.length) + c.A / 3 * t ^ 3 + c.B / 4 * t ^ 4 + c.C
  end }
end

---@class orowan.atoms.sum
---@field species string[] those that all models have
---@field cutoff number Angstrom, the largest
---@field name string
---@field parts table[]
local Sum = {}
Sum.__index = Sum

--- The sum of models (a SNAP and the repulsion that it was fitted with).
---@param parts table[] models
---@return orowan.atoms.sum
function pair.overlay(parts)
  if type(parts) ~= "table" or #parts == 0 then error("atoms.overlay: expected a list of models", 2) end
  local species, cutoff, names = {}, 0, {}
  for _, name in ipairs(parts[1].species) do
    local all = true
    for _, m in ipairs(parts) do
      local has = false
      for _, other in ipairs(m.species) do has = has or other == name end
      all = all and has
    end
    if all then species[#species + 1] = name end
  end
  if #species == 0 then error("atoms.overlay: the models have no element in common", 2) end
  for k, m in ipairs(parts) do cutoff, names[k] = math.max(cutoff, m.cutoff), m.name end
  return setmetatable({ parts = parts, species = species, cutoff = cutoff, name = table.concat(names, " + ") }, Sum)
end

--- Energies, forces and stress.
---@param s orowan.atoms.structure
---@param options? {force: boolean?, stress: boolean?, pairs: userdata?} force: default true; pairs: a list made with a larger cutoff for this structure, still valid
---@return {energy: number, energies: orowan.tensor?, forces: orowan.tensor?, stress: orowan.tensor?} result eV; energies [n] eV; forces [n, 3] eV/A; stress [3, 3] eV/A^3, positive in tension
function Sum:compute(s, options)
  options = options or {}
  local list, sum = options.pairs or s:pairs(self.cutoff), nil
  for _, m in ipairs(self.parts) do
    local r = m:compute(s, { force = options.force, stress = options.stress, pairs = list })
    if not sum then sum = r
    else
      sum.energy = sum.energy + r.energy
      for _, key in ipairs { "energies", "forces", "stress" } do sum[key] = sum[key] and r[key] and sum[key] + r[key] or nil end
    end
  end
  return sum
end

function Sum:__tostring() return ("%s: %s, cutoff %.4g A"):format(self.name, table.concat(self.species, ", "), self.cutoff) end

return pair
