--- Gaussian density maps of the surroundings of a vacancy jump, the input of a convolution network:
--- Xi(z, y, x, beta) = sum over the atoms j of element beta within r_c of the vacant site of
--- exp(-|r_j - (x, y, z)|^2 / (2 Delta^2)), the moving atom included, the jump along x.
local core = require "orowan.core"

local density_map = {}

local known = { reach = true, half = true, delta = true, rolls = true, reference = true }

--- Maps of jumps in one structure without vacancy (ideal or relaxed sites: the same in training and use).
---@param s orowan.atoms.structure box at least twice the reach in every direction
---@param vacancies orowan.tensor|integer[] [b] sites that are vacant
---@param atoms orowan.tensor|integer[] [b] sites whose atoms jump there
---@param options? {reach?: number, half?: number, delta?: number, rolls?: orowan.tensor|number[], reference?: boolean} reach: r_c, default 7.6 A; half: half an edge of the map, default 8.0 A; delta: voxel and Gaussian width, default 0.5 A; rolls: [b] rotations about the jump, radians, default 0 (random ones augment a training set); reference: the plain sum, slow
---@return orowan.tensor maps f32 [b, species, z, y, x]
function density_map.maps(s, vacancies, atoms, options)
  local o = { elements = #s.species }
  for k, v in pairs(options or {}) do
    if not known[k] then error(("barrier.density_map: unknown option '%s'"):format(k), 2) end
    o[k] = v
  end
  return core.density_map.maps(s.cell, s.positions, s.types, vacancies, atoms, o.rolls, o)
end

return density_map
