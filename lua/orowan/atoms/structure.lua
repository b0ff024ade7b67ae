--- Atoms in a box: species, positions, box vectors. Lengths in Angstrom.
local core = require "orowan.core"

local structure = {}

---@class orowan.atoms.structure
---@field cell orowan.tensor f64 [3, 3], rows are the box vectors, Angstrom
---@field positions orowan.tensor f64 [n, 3], Angstrom; need not lie inside the box
---@field types orowan.tensor i32 [n], index into species
---@field species string[] element symbols
---@field periodic boolean[] three
---@field n integer
---@field info table anything that belongs to it (energy, comment, source)
local Structure = {}
Structure.__index = Structure

local function fail(level, fmt, ...) error("atoms.new: " .. fmt:format(...), level + 1) end

local function types_of(symbols, species)
  local index, list, types = {}, {}, {}
  for i, s in ipairs(species or {}) do
    list[i], index[s] = s, i
  end
  for i, s in ipairs(symbols) do
    if not index[s] then
      if species then fail(3, "symbols: atom %d is '%s', species are %s", i, tostring(s), table.concat(species, ", ")) end
      list[#list + 1] = s
      index[s] = #list
    end
    types[i] = index[s]
  end
  return core.tensor.tensor(types, "i32"), list
end

--- Makes a structure.
---@param spec {cell: orowan.tensor|number[][], positions: orowan.tensor|number[][], symbols: string[]?, types: orowan.tensor|integer[]|nil, species: string[]?, periodic: boolean|boolean[]|nil, info: table?} cell: 3 x 3 Angstrom, or three edges of a right-angled box; symbols, or types with species; periodic: default all three axes
---@return orowan.atoms.structure
function structure.new(spec)
  if type(spec) ~= "table" then fail(2, "expected a table {cell, positions, symbols}, got %s", type(spec)) end
  local tensor = core.tensor.tensor
  local cell = spec.cell and tensor(spec.cell, "f64") or fail(2, "cell: expected three box vectors (Angstrom), got nothing")
  if cell:ndim() == 1 and cell:numel() == 3 then
    local e = cell:totable()
    cell = tensor({ { e[1], 0, 0 }, { 0, e[2], 0 }, { 0, 0, e[3] } }, "f64")
  end
  if cell:ndim() ~= 2 or cell:shape(1) ~= 3 or cell:shape(2) ~= 3 then fail(2, "cell: expected 3 x 3 or three edges") end
  local positions = spec.positions and tensor(spec.positions, "f64") or fail(2, "positions: expected n x 3 (Angstrom), got nothing")
  if positions:numel() == 0 then positions = positions:reshape(0, 3) end
  if positions:ndim() ~= 2 or positions:shape(2) ~= 3 then fail(2, "positions: expected n x 3") end
  local n, types, species = positions:shape(1), nil, spec.species
  if spec.symbols then
    if #spec.symbols ~= n then fail(2, "symbols: expected %d, one for each position, got %d", n, #spec.symbols) end
    types, species = types_of(spec.symbols, species)
  elseif spec.types and species then
    types = tensor(spec.types, "i32")
    if types:ndim() ~= 1 or types:shape(1) ~= n then fail(2, "types: expected %d, one for each position", n) end
    if n > 0 and (types:min() < 1 or types:max() > #species) then fail(2, "types: expected 1 to %d (species %s), got %d to %d", #species, table.concat(species, ", "), types:min(), types:max()) end
  else
    fail(2, "expected symbols, or types together with species")
  end
  local p = spec.periodic
  if type(p) ~= "table" then
    p = p ~= false
    p = { p, p, p }
  end
  return setmetatable({ cell = cell, positions = positions, types = types, species = species, periodic = p, n = n, info = spec.info or {} }, Structure)
end

--- A structure that differs in some fields; tensors that are not named are shared.
---@param changes {cell: orowan.tensor?, positions: orowan.tensor?, types: orowan.tensor?, species: string[]?, info: table?}
---@return orowan.atoms.structure
function Structure:with(changes)
  return structure.new { cell = changes.cell or self.cell, positions = changes.positions or self.positions, types = changes.types or self.types,
    species = changes.species or self.species, periodic = self.periodic, info = changes.info or self.info }
end

--- A deep copy.
---@return orowan.atoms.structure
function Structure:copy()
  local info = {}
  for k, v in pairs(self.info) do info[k] = v end
  return self:with { cell = self.cell:copy(), positions = self.positions:copy(), types = self.types:copy(), info = info }
end

--- The element of every atom.
---@return string[]
function Structure:symbols()
  local list = {}
  for i, t in ipairs(self.types:totable()) do list[i] = self.species[t] end
  return list
end

--- Volume of the box.
---@return number volume Angstrom^3
function Structure:volume()
  local c = self.cell:totable()
  local a, b, d = c[1], c[2], c[3]
  return math.abs(a[1] * (b[2] * d[3] - b[3] * d[2]) + a[2] * (b[3] * d[1] - b[1] * d[3]) + a[3] * (b[1] * d[2] - b[2] * d[1]))
end

--- Positions in units of the box vectors.
---@return orowan.tensor f64 [n, 3]
function Structure:fractional() return self.positions:matmul(core.linalg.inv(self.cell)) end

--- The same atoms in a deformed box: their fractional positions stay.
---@param cell orowan.tensor|number[][] f64 [3, 3], Angstrom
---@return orowan.atoms.structure
function Structure:strained(cell)
  cell = core.tensor.tensor(cell, "f64")
  return self:with { cell = cell, positions = self:fractional():matmul(cell) }
end

--- Without some atoms (a vacancy is one atom less); the others keep their order.
---@param index integer|integer[] 1-based, -1 is the last
---@return orowan.atoms.structure
function Structure:without(index)
  local gone = {}
  for _, i in ipairs(type(index) == "table" and index or { index }) do
    local k = i < 0 and self.n + 1 + i or i
    if math.type(k) ~= "integer" or k < 1 or k > self.n then error(("atoms: without: expected 1 to %d, got %s"):format(self.n, tostring(i)), 2) end
    gone[k] = true
  end
  local keep = {}
  for i = 1, self.n do if not gone[i] then keep[#keep + 1] = i end end
  local rows = core.tensor.tensor(keep, "i64")
  return self:with { positions = self.positions[rows], types = self.types[rows] }
end

--- How many atoms of each species.
---@return table<string, integer>
function Structure:counts()
  local list, counts = core.sort.bincount(self.types:to "i64", { first = 1, size = #self.species }):totable(), {}
  for i, s in ipairs(self.species) do counts[s] = list[i] end
  return counts
end

--- Pairs of atoms closer than a cutoff, with all their images.
---@param cutoff number Angstrom
---@return userdata pairs count() -> atoms, ends of pairs; tensors() -> offset i64 [n + 1] (0-based), other i64 [pairs], shift i64 [pairs, 3] (box vectors to add to the other atom)
function Structure:pairs(cutoff) return core.snap.pairs(self.cell, self.periodic, self.positions, cutoff) end

function Structure:__tostring()
  local parts, counts = {}, self:counts()
  for _, s in ipairs(self.species) do if counts[s] > 0 then parts[#parts + 1] = ("%s %d"):format(s, counts[s]) end end
  return ("%d atoms (%s), %.6g A^3"):format(self.n, table.concat(parts, ", "), self:volume())
end

return structure
