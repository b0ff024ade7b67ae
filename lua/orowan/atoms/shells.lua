--- Shells of neighbours of a crystal's sites, by distance, and the jumps of a vacancy into the
--- first of them. Distances closer to each other than `gap` make one shell. Lengths in Angstrom.
local core = require "orowan.core"

local shells = {}

---@class orowan.atoms.shells
---@field n integer sites
---@field count integer shells
---@field distances number[] mean distance of each shell, Angstrom
---@field sizes integer[] neighbours in each shell (the most that a site has)
---@field neighbours orowan.tensor i32 [n, width], shell after shell; 0: none (surface). In a shell ordered by direction (x, y, z), so that equivalent sites have the same direction in a column
---@field starts orowan.tensor i32 [count + 1], columns before each shell
---@field vectors orowan.tensor? f64 [n, width, 3], Angstrom, to each neighbour
local Shells = {}
Shells.__index = Shells

local function raise(fmt, ...) error("atoms.shells: " .. fmt:format(...), 0) end

-- Distances up to r from some sites spread over the list, sorted. In a box more than twice as high
-- as r the nearest image is the only one, and a few sites need no list of all pairs.
local function distances(s, r)
  local inverse = core.linalg.inv(s.cell)
  local height = 1 / math.sqrt(inverse:square():sum(1):max())
  local list = {}
  if s.n > 4096 and height > 2 * r then
    local f, periodic = s.positions:matmul(inverse), {}
    for k = 1, 3 do periodic[k] = s.periodic[k] and 1 or 0 end
    periodic = core.tensor.tensor({ periodic }, "f64")
    for i = 1, s.n, s.n // 24 do
      local d = f - f[i]
      local r2 = (d - core.ops.round(d) * periodic):matmul(s.cell):square():sum(2)
      list[#list + 1] = r2[r2:gt(0):logical_and(r2:lt(r * r))]:sqrt()
    end
  else
    local pairs <close> = s:pairs(r)
    local offset, other, shift = pairs:tensors()
    for i = 1, s.n, math.max(1, s.n // 64) do
      local a, b = offset:get(i) + 1, offset:get(i + 1)
      if b >= a then
        local d = s.positions[other:slice(1, a, b)] + shift:slice(1, a, b):to "f64":matmul(s.cell) - s.positions[i]
        list[#list + 1] = d:square():sum(2):sqrt()
      end
    end
  end
  return #list > 0 and core.index.concat(list, 1):sort():totable() or {}
end

-- Runs of distances without a gap: {mean, low, high}.
local function runs(list, gap)
  local out = {}
  for _, r in ipairs(list) do
    local last = out[#out]
    if last and r - last.high <= gap then last.high, last.sum, last.n = r, last.sum + r, last.n + 1
    else out[#out + 1] = { low = r, high = r, sum = r, n = 1 } end
  end
  return out
end

local known = { count = 1, cutoff = 1, gap = 1, vectors = 1 }

--- Shells of a perfect crystal.
---@param s orowan.atoms.structure a crystal: every site counts, whatever sits on it
---@param options integer|{count: integer?, cutoff: number?, gap: number?, vectors: boolean?} how many shells; or up to a distance, Angstrom; gap: least distance between two shells, default 0.05 Angstrom; vectors: keep the vector to each neighbour
---@return orowan.atoms.shells
function shells.new(s, options)
  if math.type(options) == "integer" then options = { count = options } end
  if type(options) ~= "table" or (options.count == nil) == (options.cutoff == nil) then raise "expected a number of shells, or {count =} or {cutoff =}" end
  for key in pairs(options) do if not known[key] then raise("unknown option '%s' (count, cutoff, gap, vectors)", tostring(key)) end end
  local count, gap = options.count, options.gap or 0.05
  if count and (math.type(count) ~= "integer" or count < 1 or count > 255) then raise("count: expected 1 to 255, got %s", tostring(count)) end
  if s.n == 0 then raise "the structure has no atoms" end
  local r = options.cutoff or 1.2 * (8 * count * s:volume() / s.n) ^ (1 / 3) * (3 / (4 * math.pi)) ^ (1 / 3) + gap
  local found
  for _ = 1, 20 do
    found = runs(distances(s, r), gap)
    if not count then break end
    -- the last run may go on beyond r
    if #found > count or (#found == count and found[count].high < r - gap) then break end
    r = r * 1.2
  end
  if count and #found < count then raise("the structure has only %d shells", #found) end
  count = count or #found
  if count < 1 then raise("no neighbours within %g Angstrom", r) end
  if count > 255 then raise("%d shells: more than 255; is it a perfect crystal?", count) end
  local edges, mean = { 0 }, {}
  for k = 1, count do
    local next = found[k + 1]
    edges[k + 1] = next and (found[k].high + next.low) / 2 or math.min(r, found[k].high + gap / 2)
    mean[k] = found[k].sum / found[k].n
  end
  local list <close> = s:pairs(edges[count + 1])
  local other, starts, vectors = core.lattice.table(list, s.cell, s.positions, core.tensor.tensor(edges, "f64"), gap, options.vectors or false)
  local sizes, at = {}, starts:totable()
  for k = 1, count do sizes[k] = at[k + 1] - at[k] end
  return setmetatable({ n = s.n, count = count, distances = mean, sizes = sizes, neighbours = other, starts = starts, vectors = vectors }, Shells)
end

--- Neighbours of a site in one shell.
---@param site integer 1-based
---@param shell? integer default 1
---@return integer[] sites in the order of direction
function Shells:of(site, shell)
  shell = shell or 1
  if math.type(site) ~= "integer" or site < 1 or site > self.n then error(("shells: site: expected 1 to %d, got %s"):format(self.n, tostring(site)), 2) end
  if math.type(shell) ~= "integer" or shell < 1 or shell > self.count then error(("shells: shell: expected 1 to %d, got %s"):format(self.count, tostring(shell)), 2) end
  local list = {}
  for c = self.starts:get(shell) + 1, self.starts:get(shell + 1) do
    local j = self.neighbours:get(site, c)
    if j > 0 then list[#list + 1] = j end
  end
  return list
end

--- How many pairs of species each shell has.
---@param types orowan.tensor i32 [n]
---@param species integer how many
---@return orowan.tensor counts i64 [shells, species, species]: neighbours of the second species around all atoms of the first, so that every pair counts from both ends
function Shells:pair_counts(types, species) return core.lattice.count(self.neighbours, self.starts, types, species) end

function Shells:__tostring()
  local parts = {}
  for k = 1, self.count do parts[k] = ("%d at %.4g A"):format(self.sizes[k], self.distances[k]) end
  return ("%d sites, %d shells: %s"):format(self.n, self.count, table.concat(parts, ", "))
end

--- All jumps of a vacancy to its nearest neighbours.
---@param s orowan.atoms.structure the crystal with all its atoms
---@param vacant integer the empty site
---@param around? orowan.atoms.shells of s; default: its first shell
---@return {mover: integer, species: string}[] jumps one for each neighbour of the first shell, in the order of its direction
function shells.jumps(s, vacant, around)
  local list = {}
  for k, site in ipairs((around or shells.new(s, 1)):of(vacant, 1)) do
    list[k] = { mover = site, species = s.species[s.types:get(site)] }
  end
  return list
end

return shells
