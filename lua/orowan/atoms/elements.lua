--- Atomic numbers, and masses of the elements as they occur in nature.
local isotopes = require "orowan.atoms.isotopes"

local elements = { masses = {}, numbers = {} }

local z = 0
for symbol in ([[H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr
  Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi
  Po At Rn Fr Ra Ac Th Pa U]]):gmatch "%S+" do
  z = z + 1
  elements.numbers[symbol] = z
end

for symbol, list in pairs(isotopes) do
  local sum = 0
  for _, i in ipairs(list) do sum = sum + i[2] * i[3] / 100 end
  elements.masses[symbol] = sum
end

--- The element nearest to a mass, within 0.1 u.
---@param mass number in u (Da)
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
