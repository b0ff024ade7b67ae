--- Arguments that the point statistics share: positions with species labels, selections of
--- species, null models.
local core = require "orowan.core"
local suggest = require "orowan.suggest"

local points = {}

--- Raises a programmer's error of an analysis.
---@param fn string name of the function
---@param fmt string
function points.raise(fn, fmt, ...) error(("apt.%s: " .. fmt):format(fn, ...), 0) end

--- Options with unknown names refused.
---@param fn string
---@param options table?
---@param known string[]
---@return table options
function points.options(fn, options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then points.raise(fn, "options: expected a table, got %s", type(options)) end
  for name in pairs(options) do
    local found = false
    for _, k in ipairs(known) do found = found or k == name end
    if not found then points.raise(fn, "unknown option '%s'%s", tostring(name), suggest.hint(tostring(name), known, "options")) end
  end
  return options
end

--- A number of an options table, checked.
---@param fn string
---@param o table
---@param name string
---@param default number? in the unit of the option
---@param lo number? lowest value, same unit, exclusive if `open`
---@param open boolean?
---@return number
function points.number(fn, o, name, default, lo, open)
  local v = o[name]
  if v == nil then v = default end
  if type(v) ~= "number" or v ~= v or v == math.huge or lo and (v < lo or open and v == lo) then
    points.raise(fn, "%s: expected a finite number%s, got %s", name, lo and ((open and " above %g" or " of at least %g"):format(lo)) or "", tostring(v))
  end
  return v
end

--- A whole number of an options table, checked.
---@param fn string
---@param o table
---@param name string
---@param default integer?
---@param lo integer
---@return integer
function points.whole(fn, o, name, default, lo)
  local v = o[name]
  if v == nil then v = default end
  local n = math.tointeger(v)
  if not n or n < lo then points.raise(fn, "%s: expected a whole number of at least %d, got %s", name, lo, tostring(v)) end
  return n
end

--- Positions and species, checked against one another.
---@param fn string
---@param positions orowan.tensor [n, 3] nm
---@param species orowan.tensor? i64 [n], 1-based; 0: unknown
---@return orowan.tensor positions f32
---@return orowan.tensor? species i64
function points.check(fn, positions, species)
  local is = core.tensor.is_tensor
  if type(positions) == "table" then positions = core.tensor.tensor(positions, "f32") end
  if not is(positions) or #positions:shape() ~= 2 or positions:shape(2) ~= 3 then
    points.raise(fn, "positions: expected a tensor [n, 3] in nm, got %s", is(positions) and table.concat(positions:shape(), "x") or type(positions))
  end
  positions = positions:to("f32", { unchecked = true })
  local finite = core.ops.isfinite(positions)
  if not finite:all() then
    local row = (finite:all(2):argmin())
    points.raise(fn, "positions: row %d has a coordinate that is not finite; leave such ions out (apt.read does)", row)
  end
  if species == nil then return positions end
  if type(species) == "table" then species = core.tensor.tensor(species, "i64") end
  if not is(species) or #species:shape() ~= 1 or species:shape(1) ~= positions:shape(1) then
    points.raise(fn, "species: expected one label for each of the %d ions, got %s", positions:shape(1), is(species) and table.concat(species:shape(), "x") or type(species))
  end
  species = species:to "i64"
  if species:numel() > 0 and species:min() < 0 then points.raise(fn, "species: expected labels of 0 (unknown) or more, got %d", species:min()) end
  return positions, species
end

--- Numbers of species as a set; names are looked up in names.
---@param fn string
---@param what string name of the argument
---@param wanted integer|string|(integer|string)[]
---@param names string[]?
---@return table<integer, boolean> set
---@return integer[] list
function points.set(fn, what, wanted, names)
  local set, list = {}, {}
  if type(wanted) ~= "table" then wanted = { wanted } end
  if #wanted == 0 then points.raise(fn, "%s: expected a species or a list of them", what) end
  for _, s in ipairs(wanted) do
    local k = math.tointeger(s)
    if type(s) == "string" and not (k and not names) then
      k = nil
      for i, name in ipairs(names or {}) do if name == s then k = i end end
      if not k then
        points.raise(fn, "%s: no species is called '%s'%s", what, s, names and " (there are " .. table.concat(names, ", ") .. ")" or "; give names =, or a number")
      end
    end
    if not k or k < 1 then points.raise(fn, "%s: expected numbers of 1 or more, or names, got %s", what, tostring(s)) end
    if not set[k] then set[k], list[#list + 1] = true, k end
  end
  return set, list
end

--- 1 where the species is in the set.
---@param species orowan.tensor i64 [n]
---@param list integer[]
---@return orowan.tensor u8 [n]
function points.mask(species, list)
  local m = species:eq(list[1])
  for i = 2, #list do m = m:logical_or(species:eq(list[i])) end
  return m
end

--- Counts of the species 0 .. highest.
---@param species orowan.tensor i64 [n]
---@param size? integer highest species that must be there
---@return integer[] counts counts[0] of the unknown
function points.counts(species, size)
  local top = species:numel() > 0 and species:max() or 0
  if size and size > top then top = size end
  local t = species:bincount { first = 0, size = top + 1 }:totable()
  local counts = {}
  for i, n in ipairs(t) do counts[i - 1] = n end
  return counts
end

--- Species shuffled among the ranged ions: chance alone. Unknown ions (0) keep their places.
---@param species orowan.tensor i64 [n]
---@param seed integer
---@param stream integer? default 3
---@return orowan.tensor species i64 [n]
function points.shuffled(species, seed, stream)
  local rng = core.random.rng(seed, stream or 3)
  local ranged = species:gt(0)
  if ranged:all() then return species[rng:permutation(species:numel())] end
  local rows = ranged:nonzero():flatten()
  local copy = species + 0
  copy:index_put(1, rows, species[rows][rng:permutation(rows:numel())])
  return copy
end

return points
