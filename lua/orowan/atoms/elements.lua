--- Masses of the elements as they occur in nature.
local isotopes = require "orowan.atoms.isotopes"

local elements = { masses = {} }

for symbol, list in pairs(isotopes) do
  local sum = 0
  for _, i in ipairs(list) do sum = sum + i[2] * i[3] / 100 end
  elements.masses[symbol] = sum
end

--- The element nearest to a mass, within 0.1 u.
---@param mass number u
---@return string? symbol
function elements.nearest(mass)
  local best, distance = nil, 0.1
  for symbol, m in pairs(elements.masses) do
    local d = math.abs(m - mass)
    if d < distance then best, distance = symbol, d end
  end
  return best
end

return elements
