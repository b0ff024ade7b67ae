--- Labelled ions: what the analyses of positions and species take.
---
--- A table {positions = [n, 3] nm, species = i64 [n], names = {...}}: species s is names[s], every
--- other number (0) is unknown, left out and counted. Synthetic specimens have this form. Instead
--- of positions and species a source may have `slabs`: a function that starts a walk over
--- (positions, species) of consecutive ions, so that files need not fit into memory.
local core = require "orowan.core"

local labels = {}

---@class orowan.apt.labelled
---@field positions orowan.tensor? [n, 3], nm
---@field species orowan.tensor? i64 [n], index into names
---@field names string[]
---@field slabs? fun(): fun(): orowan.tensor?, orowan.tensor? instead of positions and species

--- Raises unless the table is labelled ions.
---@param fn string for messages
---@param p orowan.apt.labelled
function labels.check(fn, p)
  if type(p) ~= "table" or type(p.names) ~= "table" or #p.names == 0 then
    error(fn .. ": expected ions with their species: {positions =, species =, names = {...}}; apt.label makes them", 3)
  end
  if p.slabs then return end
  local is = core.tensor.is_tensor
  if not is(p.positions) or not is(p.species) or p.positions:ndim() ~= 2 or p.positions:shape(2) ~= 3
    or p.species:ndim() ~= 1 or p.species:shape(1) ~= p.positions:shape(1) then
    error(fn .. ": expected positions [n, 3] and species [n]", 3)
  end
end

--- Walks over (positions, species) of a source.
---@param p orowan.apt.labelled
---@return fun(): orowan.tensor?, orowan.tensor?
function labels.each(p)
  if p.slabs then return p.slabs() end
  local done = false
  return function()
    if done then return nil end
    done = true
    return p.positions, p.species
  end
end

--- Numbers of the species that a name or a list of names means.
---@param fn string
---@param names string[] of the source
---@param which string|string[]
---@return integer[] numbers
function labels.find(fn, names, which)
  local list = {}
  for i, name in ipairs(type(which) == "table" and which or { which }) do
    for s, known in ipairs(names) do if known == name then list[i] = s end end
    if not list[i] then error(("%s: species: expected one of %s, got %s"):format(fn, table.concat(names, ", "), tostring(name)), 3) end
  end
  if #list == 0 then error(fn .. ": species: expected a name or a list of names", 3) end
  return list
end

--- Ions with the species that ranges give them, from a reconstruction in memory or an open file
--- (which is then read slab by slab, as often as an analysis needs it).
---
--- With `atoms` (default) a molecular ion becomes its atoms, all at its place: compositions are then
--- atomic fractions, while errors that count atoms as independent are too small where many ions
--- are molecular. Ions that are no formula keep their names.
---@param source orowan.apt.ions|orowan.apt.file
---@param ranges orowan.apt.ranges
---@param options? {atoms?: boolean, slab?: integer} atoms = false: species are the ions of the ranges; slab: ions per slab of a file
---@return orowan.apt.labelled
function labels.label(source, ranges, options)
  options = options or {}
  local atoms = options.atoms ~= false
  local names, index, rows, most = {}, {}, {}, 1
  for i, ion in ipairs(ranges.ions) do
    rows[i] = {}
    for _, a in ipairs(atoms and ion.atoms or { { ion.name, 1 } }) do
      if not index[a[1]] then
        names[#names + 1] = a[1]
        index[a[1]] = #names
      end
      for _ = 1, a[2] do rows[i][#rows[i] + 1] = index[a[1]] end
    end
    most = math.max(most, #rows[i])
  end
  -- atom k of ion i, 0: it has fewer; row 1 is of unranged ions
  local of = core.create.zeros({ #ranges.ions + 1, most }, "i64")
  for i, row in ipairs(rows) do for k, s in ipairs(row) do of:set(i + 1, k, s) end end
  local function one(positions, mass)
    local ion = ranges:assign(mass) + 1
    local list_p, list_s = { positions }, { of:select(2, 1):contiguous()[ion] }
    for k = 2, most do
      local s = of:select(2, k):contiguous()[ion]
      local there = s:gt(0)
      if there:any() then list_p[#list_p + 1], list_s[#list_s + 1] = positions[there], s[there] end
    end
    if #list_p == 1 then return positions, list_s[1] end
    return core.index.concat(list_p, 1), core.index.concat(list_s, 1)
  end
  if source.positions and core.tensor.is_tensor(source.positions) then
    if not source.mass then error("apt.label: these ions have no mass-to-charge values", 2) end
    local positions, species = one(source.positions, source.mass)
    return { positions = positions, species = species, names = names, n = species:numel() }
  end
  if not source.slabs then error("apt.label: expected ions (apt.read) or an open file (apt.open)", 2) end
  return { names = names, slabs = function()
    local next_slab = source:slabs(options.slab)
    return function()
      local first, positions, mass = next_slab()
      if first then return one(positions, mass) end
    end
  end }
end

return labels
