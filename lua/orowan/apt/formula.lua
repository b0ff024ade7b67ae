--- Chemical formulas of molecular ions: "Mn2O" is two Mn and one O.
local formula = {}

local symbols = [[
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru
Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At
Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og]]

--- Atomic number of an element symbol.
---@type table<string, integer>
formula.number = {}
do
  local z = 0
  for s in symbols:gmatch "%a+" do
    z = z + 1
    formula.number[s] = z
  end
end

--- The atoms of a formula in the order written, an element once; nil when a part is no element.
---@param text string for example "Ca2CO3", "Fe", "Ca:2 C:1 O:3"
---@return {[1]: string, [2]: integer}[]? atoms {symbol, count}
function formula.parse(text)
  local atoms, at = {}, {}
  local rest = text:gsub("[%s:]", "")
  if rest == "" then return nil end
  while rest ~= "" do
    local symbol, count, tail = rest:match "^(%u%l?)(%d*)(.*)$"
    if not symbol or not formula.number[symbol] then return nil end
    count = count == "" and 1 or math.tointeger(tonumber(count))
    if not count or count < 1 or count > 1000 then return nil end
    if not at[symbol] then
      atoms[#atoms + 1] = { symbol, 0 }
      at[symbol] = atoms[#atoms]
    end
    at[symbol][2] = at[symbol][2] + count
    rest = tail
  end
  return atoms
end

--- The formula of a list of atoms.
---@param atoms {[1]: string, [2]: integer}[]
---@return string
function formula.text(atoms)
  local t = {}
  for i, a in ipairs(atoms) do t[i] = a[2] == 1 and a[1] or a[1] .. a[2] end
  return table.concat(t)
end

return formula
