--- What a model file of an alloy holds: the published network (blocks of apt.atomnet) and the
--- stacked network on features at several scales, with what is needed to apply them.
local atomnet = require "orowan.apt.atomnet"
local ow = require "orowan"
local stacked = require "orowan.apt.stacked"
local nn = ow.nn

local finder = {}

--- Both networks as one module, for a file.
---@param parts {atomnet: orowan.module?, stack: orowan.module} of atomnet.model and stacked.model
---@return orowan.module finder
function finder.model(parts)
  local options = { stack = parts.stack.options, atomnet = parts.atomnet and parts.atomnet.options }
  local fields = { options = options, stack = parts.stack, blocks = parts.atomnet }
  return nn.module("apt.finder", fields, function() error("apt.finder: a model is applied with finder.apply", 0) end)
end

nn.register("apt.finder", function(o)
  local blocks
  if o.atomnet then
    local list = {}
    for k, c in ipairs(o.atomnet.columns) do list[k] = atomnet.block(c, { dropout = o.atomnet.dropout }) end
    blocks = atomnet.model(list, o.atomnet)
  end
  return finder.model { atomnet = blocks, stack = stacked.model(o.stack) }
end)

--- Loads a model file of examples/atomnet_train.lua.
---@param path string
---@return orowan.module? model
---@return table? info preprocessing {alloy, species, a, solute, threshold, ...}, card, metadata; or the error
function finder.load(path)
  local model, info = nn.load(path)
  if not model then return nil, info end
  if model.kind ~= "apt.finder" then
    return nil, setmetatable({ code = "format", message = path .. ": a model, but none that finds domains", hint = "see examples/atomnet_train.lua" },
      { __tostring = function(e) return e.message end, __name = "orowan.error" })
  end
  return model, info
end

-- Boxes that share out the cloud, halved along their longest edge until each holds at most `most`
-- ions; each comes with the ions within `margin` of it.
local function pieces(positions, most, margin)
  local list = {}
  local function lower(t) return t:min(1):totable() end
  local function split(rows, lo, hi)
    if rows:numel() == 0 then return end
    if rows:numel() <= most then
      list[#list + 1] = { rows = rows, lo = lo, hi = hi }
      return
    end
    local axis = 1
    for a = 2, 3 do if hi[a] - lo[a] > hi[axis] - lo[axis] then axis = a end end
    local x = positions:select(2, axis):take(rows)
    local middle = x:median()
    local left = x:lt(middle)
    if left:to("i64"):sum() == 0 then  -- many ions in one place
      list[#list + 1] = { rows = rows, lo = lo, hi = hi }
      return
    end
    local a, b = { table.unpack(hi) }, { table.unpack(lo) }
    a[axis], b[axis] = middle, middle
    split(rows[left], lo, a)
    split(rows[left:logical_not()], b, hi)
  end
  split(ow.arange(1, positions:shape(1)), lower(positions), (positions:max(1)):totable())
  for _, piece in ipairs(list) do
    local inside = positions:ge(ow.tensor(piece.lo, "f32") - margin):logical_and(positions:le(ow.tensor(piece.hi, "f32") + margin)):all(2)
    piece.around = inside:nonzero():flatten()
  end
  return list
end

-- The stack needs 512 neighbours of every ion; a large cloud goes through it piece by piece, each
-- with a margin that holds them. So composition and pole of "the whole cloud" are those of a piece.
local function stack_in_pieces(model, cloud, o, most, progress)
  local n = cloud.positions:shape(1)
  if n <= most then
    local all = stacked.predict(model, { cubes = { cloud } }, o)
    return all[#all]
  end
  local counts = model.options.counts
  local sample = ow.rng(1, 5):permutation(n):slice(1, 1, math.min(n, 2000)):contiguous()
  local _, d = ow.geometry.knn(cloud.positions, counts[#counts], { queries = cloud.positions:take(sample) })
  local margin = d:select(2, counts[#counts]):quantile(0.95) * 1.1
  local p, done = ow.zeros({ n }, "f32"), 0
  local bar <close> = progress and ow.progress.bar("stacked network (ions)", n) or nil
  for _, piece in ipairs(pieces(cloud.positions, most, margin)) do
    local part = { positions = cloud.positions:take(piece.around), species = cloud.species:take(piece.around), names = cloud.names }
    local all = ow.scope(stacked.predict, model, { cubes = { part } }, o)
    p:index_put(1, piece.rows, all[#all]:take(piece.around:searchsorted(piece.rows)))
    done = done + piece.rows:numel()
    if bar then bar:update(done) end
  end
  return p
end

--- Probabilities of every ion of one cloud.
--- Errors: species that the model does not know, or none of them; fewer ions than 32.
---@param model orowan.module of finder.load
---@param info table its preprocessing is used
---@param cloud {positions: orowan.tensor, species: orowan.tensor, names: string[], periodic?: boolean, box?: number[]} names in any order
---@param options? {network?: string, piece?: integer, progress?: boolean, checkpoint?: string} network: "stack" (default) or "atomnet"; checkpoint: path, of atomnet.stream; piece: ions that the stack takes at a time (30000; the margins come on top)
---@return orowan.tensor probability f32 [n]
function finder.apply(model, info, cloud, options)
  local p = info.preprocessing
  local which = options and options.network or "stack"
  local place = {}
  for s, name in ipairs(p.species) do place[name] = s end
  local map = {}
  for s, name in ipairs(cloud.names) do
    if not place[name] then
      error(("apt.finder: the cloud holds %s, the model knows %s: leave its ions out or choose another model"):format(name, table.concat(p.species, ", ")), 0)
    end
    map[s] = place[name]
  end
  local same = { positions = cloud.positions, species = ow.tensor(map, "i64"):take(cloud.species), names = p.species,
    periodic = cloud.periodic, box = cloud.box }
  if which == "atomnet" then
    if not model.blocks then error("apt.finder: this file holds no blocks of AtomNet", 0) end
    local all = atomnet.stream(model.blocks, same, { own = p.own, progress = options.progress, checkpoint = options.checkpoint })
    return all[#all]
  end
  return stack_in_pieces(model.stack, same, { a = p.a, solute = p.solute, cone = p.cone, step = p.step }, options and options.piece or 30000,
    options and options.progress)
end

return finder
