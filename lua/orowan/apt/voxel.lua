--- A voxel network, for comparison: ions are counted per species on a grid and a fully convolutional
--- 3-D network gives each voxel the probability of order; an ion gets that of its voxel. Ions of one
--- voxel cannot be told apart, and order on the scale of atoms is lost.
local ow = require "orowan"
local nn = ow.nn

local voxel = {}

local function raise(fmt, ...) error("apt.voxel: " .. fmt:format(...), 0) end

-- Place of every ion in a grid of n voxels from lo, 1-based flat index over z, y, x; and the sizes.
local function places(positions, edge)
  local lo, hi = positions:min(1), positions:max(1)
  local size = ow.ceil((hi - lo) / edge + 1e-6):clip(1, math.huge):to("i64"):totable()
  local k = ow.floor((positions - lo) / edge):to "i64"
  local x = k:select(2, 1):clip(0, size[1] - 1)
  local y = k:select(2, 2):clip(0, size[2] - 1)
  local z = k:select(2, 3):clip(0, size[3] - 1)
  return (z * size[2] + y) * size[1] + x + 1, size
end

--- Counts of each species per voxel.
---@param cloud {positions: orowan.tensor, species: orowan.tensor, names: string[]} [n, 3] nm; 1-based species
---@param edge number of a voxel, nm
---@return orowan.tensor counts f32 [1, species, z, y, x]
---@return orowan.tensor place i64 [n], flat index of the voxel of every ion
function voxel.counts(cloud, edge)
  local place, size = places(cloud.positions, edge)
  local voxels, kinds = size[1] * size[2] * size[3], #cloud.names
  local all = ow.bincount((cloud.species:to "i64" - 1) * voxels + place, { first = 1, size = kinds * voxels })
  return all:to("f32"):reshape(1, kinds, size[3], size[2], size[1]), place
end

--- The network: convolutions 3x3x3 with batch norm, dilated in the middle, one logit a voxel.
---@param species integer
---@param options? {filters?: integer} filters 24
---@return orowan.module network [N, species, z, y, x] -> [N, 1, z, y, x]
function voxel.network(species, options)
  local f = options and options.filters or 24
  local list, from = {}, species
  for _, dilation in ipairs { 1, 1, 2, 3, 1 } do
    list[#list + 1] = nn.conv3d(from, f, { kernel = 3, padding = dilation, dilation = dilation, bias = false })
    list[#list + 1] = nn.batch_norm(f)
    list[#list + 1] = nn.relu()
    from = f
  end
  list[#list + 1] = nn.conv3d(f, 1, { kernel = 1 })
  return nn.sequential(list)
end

-- One sample for each cube: counts, the share of ordered ions of each voxel, and its ions as weight.
local function samples(cubes, edge)
  local x, y, w = {}, {}, {}
  local size
  for i, cube in ipairs(cubes) do
    local counts, place = voxel.counts(cube, edge)
    local s = counts:shape()
    size = size or s
    for d = 1, 5 do
      -- cubes of one set differ by a voxel at most: cut to the smallest
      size[d] = math.min(size[d], s[d])
    end
    local voxels = s[3] * s[4] * s[5]
    local ordered = ow.bincount(place, { first = 1, size = voxels, weights = cube.label:gt(0):to "f64" }):to "f32"
    local n = counts:sum(2):flatten()
    x[i], w[i] = counts, n:reshape(1, 1, s[3], s[4], s[5])
    y[i] = (ordered / n:clip(1, math.huge)):reshape(1, 1, s[3], s[4], s[5])
  end
  for _, list in ipairs { x, y, w } do
    for i, t in ipairs(list) do list[i] = t:slice(3, 1, size[3]):slice(4, 1, size[4]):slice(5, 1, size[5]):contiguous() end
  end
  return { x = ow.concat(x, 1), y = ow.concat(y, 1), weight = ow.concat(w, 1) }
end

--- Trains a voxel network on cubes with known order.
---@param sets {train: {cubes: table[]}, validation: {cubes: table[]}} of apt.datasets.make
---@param options {seed: integer, edge?: number, filters?: integer, epochs?: integer, lr?: number, batch?: integer, progress?: boolean} edge: of a voxel, 0.25 nm; epochs 30; lr 3e-3; batch 4 cubes
---@return orowan.module network in evaluation mode
---@return table result of nn.fit
function voxel.train(sets, options)
  local o = options
  for _, name in ipairs { "train", "validation" } do
    if not (sets[name] and sets[name].cubes and #sets[name].cubes > 0) then raise("sets: expected %s with cubes", name) end
  end
  local edge = o.edge or 0.25
  nn.seed(o.seed)
  local network = voxel.network(#sets.train.cubes[1].names, o)
  local result = nn.fit { model = network, train = samples(sets.train.cubes, edge), validation = samples(sets.validation.cubes, edge), loss = "bce_with_logits",
    optimizer = { "adam", lr = o.lr or 3e-3 }, schedule = nn.schedule.cosine(o.epochs or 30), epochs = o.epochs or 30, batch = o.batch or 4,
    seed = o.seed, progress = o.progress or false }
  network:train(false)
  return network, result
end

--- Probabilities of every ion.
---@param network orowan.module of voxel.train
---@param cloud {positions: orowan.tensor, species: orowan.tensor, names: string[]}
---@param edge? number of a voxel, nm, default 0.25
---@return orowan.tensor probability f32 [n]
function voxel.apply(network, cloud, edge)
  local counts, place = voxel.counts(cloud, edge or 0.25)
  return (1 / (1 + (-nn.predict(network, counts)):exp())):flatten():take(place)
end

return voxel
