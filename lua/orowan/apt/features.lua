--- What a network sees of an ion: rows of its nearest neighbours (Yu et al., AtomNet; the point
--- network of Qi et al., CVPR 2017, takes them in any order).
--- And what describes an ion at several scales: composition, smoothed Fourier amplitudes of the
--- superlattice along the pole, bond order.
--- A neighbourhood set is one or more clouds of ions put one after the other, with the ids of
--- each ion's nearest neighbours, itself first; clouds never share neighbours.
local ow = require "orowan"
local kernel = ow.core.neighbourhood

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

-- ---- several scales ----------------------------------------------------------------------------

--- Sums (or largest values) of columns of numbers over the nearest neighbours, for several numbers of
--- neighbours in one pass.
--- Errors: ids that are no rows of values; counts that fall or exceed the neighbours there are.
---@param ids orowan.tensor i64 [n, k] neighbours by distance
---@param values orowan.tensor f32 [m, c] or [m], at most 32 columns
---@param counts integer[] rising, at most k
---@param options? {maximum?: boolean}
---@return orowan.tensor sums f32 [n, counts, c]
function features.sums(ids, values, counts, options)
  if values:ndim() == 1 then values = values:reshape(-1, 1) end
  return kernel.sums(ids, values, counts, options and options.maximum or false)
end

--- Bond-orientational order q_l (Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28 (1983) 784) of the
--- bonds to the first k neighbours. Ideal fcc, k = 12: q_4 = 0.191, q_6 = 0.575; bcc, k = 8: 0.509, 0.629.
---@param set orowan.apt.neighbourhoods
---@param l integer[] 0 to 64
---@param options? {k?: integer, weights?: orowan.tensor} k: neighbours without the ion itself (12); weights f32 [n] of the neighbours, for example 1 for solutes
---@return orowan.tensor q f32 [n, l]
function features.bond_order(set, l, options)
  local o = options or {}
  local k = (o.k or 12) + 1
  if k > set.k then raise("bond_order: %d neighbours asked for, the set has %d besides the ion itself", k - 1, set.k - 1) end
  return kernel.bond_order(set.positions, set.ids:slice(2, 1, k), ow.arange(1, set.n), l, o.weights, set.box)
end

--- Is an ion one of these species?
---@param set orowan.apt.neighbourhoods with names
---@param solute string[]
---@return orowan.tensor one f32 [n], 1 or 0
function features.is(set, solute)
  local one = ow.zeros({ set.n }, "f32")
  for _, name in ipairs(solute) do
    local found
    for s, known in ipairs(set.names) do
      if known == name then found, one = true, one + set.species:eq(s):to "f32" end
    end
    if not found then raise("there is no species %s; there are %s", name, table.concat(set.names, ", ")) end
  end
  return one
end

--- Numbers of neighbours for a cloud of n ions: 8, 16, ... 512, at most half of the ions.
---@param n integer
---@return integer[] counts
function features.scales(n)
  local ks = {}
  for p = 3, 9 do if p <= 5 or (1 << p) <= n // 2 then ks[#ks + 1] = 1 << p end end
  return ks
end

--- Share of the solutes among the nearest, at several scales.
---@param set orowan.apt.neighbourhoods of at least the largest count of neighbours
---@param solute string[]
---@param counts integer[]
---@return orowan.tensor share f32 [n, counts]
function features.fraction(set, solute, counts)
  local s = features.sums(set.ids, features.is(set, solute), counts)
  return s:reshape(set.n, #counts) / ow.tensor(counts, "f32")
end

-- Unit vectors within a cone about z, on a square grid of tilts.
local function cone(degrees, step)
  local list, m = {}, math.floor(degrees / step + 1e-9)
  for i = -m, m do
    for j = -m, m do
      local x, y = math.tan(math.rad(i * step)), math.tan(math.rad(j * step))
      if i * i + j * j <= m * m + 1 then
        local n = math.sqrt(x * x + y * y + 1)
        list[#list + 1] = { x / n, y / n, 1 / n }
      end
    end
  end
  return list
end

-- Cosine and sine of the waves `g` (list of vectors, 1/nm, with 2 pi) at all ions, f32 [n, 2 #g].
local function waves(set, g)
  local phase = set.positions:to "f64":matmul(ow.tensor(g, "f64"):T())
  return ow.concat({ phase:cos(), phase:sin() }, 2):to "f32"
end

local function scaled(list, f)
  local out = {}
  for k, v in ipairs(list) do out[k] = { v[1] * f, v[2] * f, v[3] * f } end
  return out
end

-- Mean squared local amplitude of each wave, 1 for noise.
local function power(set, weight, g, k)
  local m = #g
  local w = waves(set, g) * weight:reshape(-1, 1)
  local s = features.sums(set.ids, w, { k }):reshape(set.n, 2 * m):square():mean(1)
  local norm = weight:square():mean() * k
  return ((s:slice(1, 1, m) + s:slice(1, m + 1, 2 * m)) / norm):totable()
end

--- Direction near the depth axis (z) along which planes are seen best: the largest local power of the
--- lattice and of the superlattice, solutes against the rest, on a grid of tilts. No label is used.
---@param set orowan.apt.neighbourhoods of at least 64 neighbours
---@param options {a: number, solute: string[], cone?: number, step?: number, families?: number[]} a nm; cone degrees (4) of tilt searched in steps (0.75); families: wave numbers of the superlattice in 2 pi / a (1 for {001}; add sqrt 2 for {011})
---@return {direction: number[], family: number, power: number, wave: number[]} pole power 1 means nothing but noise
function features.pole(set, options)
  local o = options
  local solute = features.is(set, o.solute)
  local c = solute - solute:mean()
  local one = ow.ones({ set.n }, "f32")
  local best = { power = -math.huge }
  local k = math.min(64, set.k)
  for _, family in ipairs(o.families or { 1 }) do
    local directions = cone(o.cone or 4, o.step or 0.75)
    local g0 = 2 * math.pi / o.a * family
    for from = 1, #directions, 16 do
      local part = table.move(directions, from, math.min(#directions, from + 15), 1, {})
      local super, base = power(set, c, scaled(part, g0), k), power(set, one, scaled(part, 2 * g0), k)
      for i, d in ipairs(part) do
        local p = super[i] + base[i] - 1
        if p > best.power then best = { power = p, direction = d, family = family, wave = scaled({ d }, g0)[1] } end
      end
    end
  end
  return best
end

--- Local Fourier amplitudes along a wave: how much solutes (against the rest) and all ions keep
--- step with planes, among the nearest, and whether the ion itself stands where the solutes are.
---@param set orowan.apt.neighbourhoods of at least the largest count of neighbours
---@param options {wave: number[], solute: string[]} wave: 1/nm with 2 pi, of features.pole
---@param counts integer[]
---@return {order: orowan.tensor, lattice: orowan.tensor, phase: orowan.tensor} amplitudes f32 [n, counts]: order and lattice: squared amplitude, 1 for noise; phase: projection of the ion's own wave on the solutes'
function features.fourier(set, options, counts)
  local solute = features.is(set, options.solute)
  local c = solute - solute:mean()
  local super, base = waves(set, { options.wave }), waves(set, scaled({ options.wave }, 2))
  local s = features.sums(set.ids, ow.concat({ super * c:reshape(-1, 1), base }, 2), counts)
  local k = ow.tensor(counts, "f32")
  local function column(i) return s:select(3, i) end
  local v = c:square():mean()
  local order = (column(1):square() + column(2):square()) / (k * v)
  local lattice = (column(3):square() + column(4):square()) / k
  local own = c:square():reshape(-1, 1)  -- the ion itself says nothing about its place
  local phase = (column(1) * super:slice(2, 1, 1) + column(2) * super:slice(2, 2, 2)) * c:reshape(-1, 1) - own
  return { order = order, lattice = lattice, phase = phase / ((k * v):sqrt() * math.sqrt(v)) }
end

-- ---- all of it ---------------------------------------------------------------------------------

-- log(x + 1), x a share of powers
local function compressed(t) return (t + 1):log() end

-- The largest value of column k among the k nearest (a domain around the ion may have its centre
-- elsewhere): an opening with balls, for counts from 64.
local function opening(ids, t, counts)
  local list = {}
  for i, k in ipairs(counts) do
    if k >= 64 then list[#list + 1] = features.sums(ids, t:slice(2, i, i):contiguous(), { k }, { maximum = true }):reshape(-1, 1) end
  end
  return list
end

-- How crowded and how lopsided the surroundings are: distance to the k-th neighbour over its
-- median, offset of the neighbours' centre (at an edge: half the ball is empty).
local function surroundings(set, counts)
  local list = {}
  local sums = not set.box and features.sums(set.ids, set.positions, counts)
  for i, k in ipairs(counts) do
    if k >= 32 then
      local d = set.positions:take(set.ids:select(2, k)) - set.positions
      if set.box then
        local b = ow.tensor(set.box, "f32")
        d = d - ow.round(d / b) * b
      end
      local r = d:square():sum(2):sqrt():clip(1e-6, math.huge)
      list[#list + 1] = (r / r:median()):log():reshape(-1, 1)
      local offset = sums and (sums:select(2, i) / k - set.positions):square():sum(2):sqrt() / r or r * 0
      list[#list + 1] = offset:reshape(-1, 1)
    end
  end
  return list
end

local function everywhere(set, values) return ow.tensor(values, "f32"):reshape(1, -1):broadcast_to(set.n, #values) end

--- What describes each ion of one cloud, in groups of columns: composition (own species, shares of
--- every species among the nearest), bond (bond order), opening, order (Fourier amplitudes along the
--- pole), context (density, edges, composition and quality of the whole cloud). All of it stays the
--- same when the cloud is turned about the depth axis.
---@param cloud {positions: orowan.tensor, species: orowan.tensor, names: string[], periodic?: boolean, box?: number[]}
---@param options {a: number, solute: string[], counts?: integer[], cone?: number, step?: number, families?: number[]} as for features.pole; counts default features.scales
---@return table<string, orowan.tensor> groups each f32 [n, columns]
---@return table pole as features.pole gives it
function features.describe(cloud, options)
  local counts = options.counts or features.scales(cloud.positions:shape(1))
  local set = features.neighbourhoods(cloud, counts[#counts])
  local g, ids = {}, set.ids
  local own = {}
  for s = 1, #set.names do own[s] = set.species:eq(s):to "f32":reshape(-1, 1) end
  own = ow.concat(own, 2)
  local k = ow.tensor(counts, "f32"):reshape(1, -1, 1)
  local shares = features.sums(ids, own, counts) / k
  g.composition = ow.concat({ own, shares:slice(3, 2, #set.names):reshape(set.n, -1) }, 2)
  local solute = features.is(set, options.solute)
  local share = features.sums(ids, solute, counts):reshape(set.n, -1) / ow.tensor(counts, "f32")
  g.opening = ow.concat({ share, table.unpack(opening(ids, share, counts)) }, 2)
  g.bond = ow.concat({ features.bond_order(set, { 4, 6, 8 }), features.bond_order(set, { 4, 6 }, { k = 31, weights = solute }) }, 2)
  local pole = features.pole(set, options)
  local f = features.fourier(set, { wave = pole.wave, solute = options.solute }, counts)
  local order, lattice = compressed(f.order), compressed(f.lattice)
  g.order = ow.concat({ order, lattice, f.phase, table.unpack(opening(ids, order, counts)) }, 2)
  local context = surroundings(set, counts)
  context[#context + 1] = everywhere(set, { solute:mean(), math.log(pole.power + 1), order:mean(), lattice:mean() })
  g.context = ow.concat(context, 2)
  return g, pole
end

--- Probabilities of the surroundings: own logit, means over the nearest at several scales, and the
--- largest such mean nearby. The update of a later stage.
---@param ids orowan.tensor i64 [n, k]
---@param p orowan.tensor f32 [n]
---@param counts integer[]
---@return orowan.tensor columns f32 [n, columns]
function features.update(ids, p, counts)
  local mean = features.sums(ids, p, counts):reshape(p:numel(), -1) / ow.tensor(counts, "f32")
  local q = p:clip(1e-4, 1 - 1e-4)
  return ow.concat({ (q / (1 - q)):log():reshape(-1, 1), mean, table.unpack(opening(ids, mean, counts)) }, 2)
end

return features
