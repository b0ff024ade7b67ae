--- Vacancy migration barriers: what networks see of a jump.
local density_map = require "orowan.barrier.density_map"

return {
  density_map = density_map.maps,
}
