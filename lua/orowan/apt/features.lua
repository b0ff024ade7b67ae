--- What a network sees of an ion: rows of its nearest neighbours (Yu et al., AtomNet; the point
--- network of Qi et al., CVPR 2017, takes them in any order).
--- A neighbourhood set is one or more clouds of ions put one after the other, with the ids of
--- each ion's nearest neighbours, itself first; clouds never share neighbours.
local ow = require "orowan"

local features = {}

local function raise(fmt, ...) error("apt.atomnet: " .. fmt:format(...), 0) end

---@class orowan.apt.neighbourhoods
---@field positions orowan.tensor f32 [n, 3], nm
---@field species orowan.tensor f32 [n], number of the species, from 1
---@field ids orowan.tensor i64 [n, k] rows of this set, the ion itself first
---@field n integer
---@field k integer
---@field box number[]? nm, of a periodic cloud
---@field names string[]?

--- The k nearest of every ion, itself included. Duplicate positions are allowed (equal distances
--- by number, so another ion of the same place may come before the ion itself).
--- Errors: fewer ions than k; positions that are not finite.
---@param cloud {positions: orowan.tensor, species: orowan.tensor, periodic?: boolean, box?: number[], names?: string[]} a specimen or ions: positions [n, 3] nm, species integers from 1
---@param k? integer 32
---@return orowan.apt.neighbourhoods
function features.neighbourhoods(cloud, k)
  k = k or 32
  local n = cloud.positions:shape(1)
  local box = cloud.periodic and cloud.box or nil
  if n < k then raise("%d ions are fewer than the %d neighbours the network looks at", n, k) end
  local ids = ow.geometry.knn(cloud.positions, k, { self = true, box = box })
  return { positions = cloud.positions:to "f32", species = cloud.species:to "f32", ids = ids, n = n, k = k, box = box, names = cloud.names }
end

--- Sets one after the other as one; ids are renumbered.
---@param list orowan.apt.neighbourhoods[] of the same k
---@return orowan.apt.neighbourhoods set with cloud i64 [n], the number of the cloud, and first, rows before each cloud
function features.join(list)
  local positions, species, ids, cloud, first, n = {}, {}, {}, {}, {}, 0
  for c, s in ipairs(list) do
    if s.k ~= list[1].k then raise("join: set %d has %d neighbours an ion, the first one %d", c, s.k, list[1].k) end
    if s.box then raise("join: set %d is periodic; its neighbours would be lost", c) end
    positions[c], species[c], ids[c], cloud[c], first[c] = s.positions, s.species, s.ids + n, ow.full({ s.n }, c, "i64"), n
    n = n + s.n
  end
  return { positions = ow.concat(positions), species = ow.concat(species), ids = ow.concat(ids), cloud = ow.concat(cloud), first = first,
    n = n, k = list[1].k, names = list[1].names }
end

--- Rows of the network's input: (dx, dy, dz) in nm from the ion, species of the neighbour, own
--- species; with predictions also that of the neighbour and the own one.
---@param set orowan.apt.neighbourhoods
---@param rows orowan.tensor i64 [m] which ions
---@param options? {predictions?: orowan.tensor, own?: boolean} predictions: f32 [n] of the block before; own: with the own species (true; a published code left it out of later blocks)
---@return orowan.tensor x f32 [m, k, columns], columns 5 or 7, one less without the own species
function features.rows(set, rows, options)
  local o = options or {}
  local m, k = rows:numel(), set.k
  local ids = set.ids:take(rows)
  local flat = ids:reshape(-1)
  local d = set.positions:take(flat):reshape(m, k, 3) - set.positions:take(rows):reshape(m, 1, 3)
  if set.box then
    local b = ow.tensor(set.box, "f32")
    d = d - ow.round(d / b) * b
  end
  local function pair(t) return t:take(flat):reshape(m, k, 1), t:take(rows):reshape(m, 1, 1):broadcast_to(m, k, 1) end
  local neighbour, own = pair(set.species)
  local columns = { d, neighbour }
  if o.own ~= false then columns[#columns + 1] = own end
  if o.predictions then
    local p, q = pair(o.predictions)
    columns[#columns + 1], columns[#columns + 2] = p, q
  end
  return ow.concat(columns, 3)
end

return features
