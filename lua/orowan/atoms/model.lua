--- What interatomic models share.
local core = require "orowan.core"

local model = {}

--- Types of a structure in the order of a model's species; raises for an element that it lacks.
---@param m {species: string[], name: string}
---@param s orowan.atoms.structure
---@return orowan.tensor types i32 [n]
function model.types(m, s)
  local same = #s.species <= #m.species
  for i, name in ipairs(s.species) do same = same and m.species[i] == name end
  if same then return s.types end
  local index, map = {}, {}
  for i, name in ipairs(m.species) do index[name] = i end
  local used = s:counts()
  for i, name in ipairs(s.species) do
    if not index[name] and used[name] > 0 then
      error(("the model %s has no %s (it has %s)"):format(m.name, name, table.concat(m.species, ", ")), 0)
    end
    map[i] = index[name] or 1
  end
  return core.tensor.tensor(map, "i32")[s.types:to "i64"]
end

--- Energies, forces and strain derivative as a model's result.
---@param s orowan.atoms.structure
---@param energies orowan.tensor f64 [n], eV
---@param forces orowan.tensor? f64 [n, 3], eV/A
---@param strain orowan.tensor? f64 [3, 3], eV
---@return {energy: number, energies: orowan.tensor, forces: orowan.tensor?, stress: orowan.tensor?} result eV; energies [n] eV; forces [n, 3] eV/A; stress [3, 3] eV/A^3, positive in tension
function model.result(s, energies, forces, strain)
  return { energy = energies:sum(), energies = energies, forces = forces, stress = strain and (strain + strain:T()) * (0.5 / s:volume()) or nil }
end

return model
