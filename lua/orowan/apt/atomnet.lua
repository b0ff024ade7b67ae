--- AtomNet: a point network for each ion and its 32 nearest (itself included), in blocks. The
--- second and later blocks also see the prediction of the block before for every neighbour.
---
--- A block is PointNet (Qi et al., CVPR 2017): a net that proposes a 5 x 5 map of the input
--- (pointwise 32, 64, 128, maximum over the rows, dense 128, 64), pointwise 32, 32, a net for a
--- 32 x 32 map, pointwise 32, 64, 128, maximum, dense 128 and 64 with dropout, one logit. Batch
--- norm and ReLU follow every pointwise and dense layer but the last. The maps start at the
--- identity, and |T T' - 1|^2 is added to the loss.
local ow = require "orowan"
local features = require "orowan.apt.features"
local nn = ow.nn
local F = nn.functional

local atomnet = { neighbourhoods = features.neighbourhoods, join = features.join, rows = features.rows }

local function raise(fmt, ...) error("apt.atomnet: " .. fmt:format(...), 0) end

-- ---- the network -------------------------------------------------------------------------------

-- Linear layers, each with its batch norm.
local function layers(widths)
  local list = {}
  for k = 2, #widths do
    list[#list + 1] = nn.linear(widths[k - 1], widths[k])
    list[#list + 1] = nn.batch_norm(widths[k])
  end
  return list
end

local function through(list, x)
  for k = 1, #list, 2 do x = list[k + 1](list[k](x), "relu") end
  return x
end

-- Proposes a matrix for every ion: x [m * k, c] -> [m, c, c].
local function proposer(c)
  local zeros, eye = nn.init.zeros(), function(_, dtype) return ow.eye(c, dtype):reshape(-1) end
  return nn.module("apt.proposer", { options = { columns = c }, points = layers { c, 32, 64, 128 }, dense = layers { 128, 128, 64 },
    out = nn.linear(64, c * c, { init = zeros, bias_init = eye }) }, function(self, x, offsets)
    local m = offsets:numel() - 1
    return self.out(through(self.dense, F.segment_max(through(self.points, x), offsets))):reshape(m, c, c)
  end)
end

local function mapped(x, t, k)
  local m, c = t:shape(1), t:shape(2)
  return F.matmul(x:reshape(m, k, c), t):reshape(m * k, c)
end

local function departure(t)
  local m, c = t:shape(1), t:shape(2)
  return F.sum(F.square(F.matmul(t, F.transpose(t, 2, 3)) - ow.eye(c, t:dtype()):reshape(1, c, c))) / m
end

--- One block, a module: forward(x [m, k, columns]) gives logits [m] and, in training, the penalty
--- mean |T T' - 1|^2 of both maps.
---@param columns integer 5 for the first block, 7 for the later ones
---@param options? {dropout?: number} dropout 0.3
---@return orowan.module block
function atomnet.block(columns, options)
  local o = options or {}
  if math.type(columns) ~= "integer" or columns < 4 then raise("block: columns: expected an integer from 4, got %s", tostring(columns)) end
  local rate = o.dropout or 0.3
  local dense = layers { 128, 128, 64 }
  return nn.module("apt.pointnet", { options = { columns = columns, dropout = rate }, t1 = proposer(columns), t2 = proposer(32),
    first = layers { columns, 32, 32 }, second = layers { 32, 32, 64, 128 }, dense = dense,
    drop = { nn.dropout(rate), nn.dropout(rate) }, out = nn.linear(64, 1) }, function(self, x)
    local m, k, c = x:shape(1), x:shape(2), x:shape(3)
    if c ~= columns then raise("block: expected %d columns, got %d", columns, c) end
    local offsets = ow.arange(0, m * k, k)
    local rows = F.reshape(x, m * k, c)
    local t1 = self.t1(rows, offsets)
    local h = through(self.first, mapped(rows, t1, k))
    local t2 = self.t2(h, offsets)
    h = F.segment_max(through(self.second, mapped(h, t2, k)), offsets)
    for i = 1, 2 do h = self.drop[i](self.dense[2 * i](self.dense[2 * i - 1](h), "relu")) end
    return self.out(h):reshape(m), self.training and departure(t1) + departure(t2) or nil
  end)
end

nn.register("apt.pointnet", function(o) return atomnet.block(o.columns, { dropout = o.dropout }) end)

--- Blocks as one model, for a file.
---@param blocks orowan.module[]
---@param options {columns: integer[], dropout?: number}
---@return orowan.module model with the list `blocks`
function atomnet.model(blocks, options)
  return nn.module("apt.atomnet", { options = options, blocks = blocks }, function() raise("a model is applied with atomnet.predict") end)
end

nn.register("apt.atomnet", function(o)
  local blocks = {}
  for k, c in ipairs(o.columns) do blocks[k] = atomnet.block(c, { dropout = o.dropout }) end
  return atomnet.model(blocks, o)
end)

-- ---- applying ----------------------------------------------------------------------------------

local function columns_of(first, own) return (first and 5 or 7) - (own == false and 1 or 0) end

-- Linear layers with their batch norms folded in (running statistics), as {w [inputs, outputs], bias}.
local function fold_into(list, widths)
  for k = 1, #widths, 2 do
    local linear, norm = widths[k], widths[k + 1]
    local w, bias = linear.weight.value:to "f64", linear.bias.value:to "f64"
    if norm then
      local scale = norm.weight.value:to "f64" / (norm.running_var:to "f64" + norm.eps):sqrt()
      w = w * scale:reshape(-1, 1)
      bias = (bias - norm.running_mean:to "f64") * scale + norm.bias.value:to "f64"
    end
    list[#list + 1] = { w:T():contiguous():to "f32", bias:to "f32" }
  end
end

local function fold(block)
  local list = {}
  for _, part in ipairs { block.t1.points, block.t1.dense, { block.t1.out }, block.first, block.t2.points, block.t2.dense, { block.t2.out },
    block.second, block.dense, { block.out } } do fold_into(list, part) end
  return list
end

-- The modules themselves, layer by layer: the reference of the fused kernel.
local function apply_modules(block, set, rows, o)
  local parts, m, step = {}, rows:numel(), o.batch or 2048
  nn.no_grad(function()
    for from = 1, m, step do
      parts[#parts + 1] = ow.scope(function()
        local x = features.rows(set, rows:slice(1, from, math.min(m, from + step - 1)), o)
        return F.sigmoid((block(x))).value
      end)
    end
  end)
  return ow.concat(parts)
end

--- Probabilities of one block, f32 [m]. With 32 neighbours a kernel does all of it (features and
--- network, batch norms folded in) in blocks of ions; otherwise, or with `reference`, the modules do.
---@param block orowan.module
---@param set orowan.apt.neighbourhoods
---@param options? {rows?: orowan.tensor, predictions?: orowan.tensor, own?: boolean, batch?: integer, reference?: boolean} rows: only these ions; predictions: of the block before, for every ion of the set; batch: of the reference (2048)
---@return orowan.tensor probability
function atomnet.apply(block, set, options)
  local o = options or {}
  local rows = o.rows or ow.arange(1, set.n)
  block:eval()
  if rows:numel() == 0 then return ow.zeros({ 0 }, "f32") end
  if o.reference or set.k ~= 32 then return apply_modules(block, set, rows, o) end
  return ow.core.pointnet.apply(fold(block), { positions = set.positions, species = set.species, ids = o.rows and set.ids:take(rows) or set.ids,
    rows = rows, predictions = o.predictions, own = o.own ~= false, box = set.box })
end

--- Probabilities of every ion after each block.
---@param model orowan.module of atomnet.model, or a list of blocks
---@param set orowan.apt.neighbourhoods
---@param options? {own?: boolean, batch?: integer, reference?: boolean} own: false if later blocks were trained without the own species; reference: by the modules instead of the kernel
---@return orowan.tensor[] probability of each block, f32 [n]
function atomnet.predict(model, set, options)
  local o, p = options or {}, {}
  for k, block in ipairs(model.blocks or model) do
    p[k] = atomnet.apply(block, set, { predictions = p[k - 1], own = k == 1 or o.own, batch = o.batch, reference = o.reference })
  end
  return p
end

-- What a checkpoint of a stream must agree with.
local function fingerprint(positions, species, blocks, slab)
  local sum = 0.0
  for _, block in ipairs(blocks) do sum = sum + block.out.weight.value:sum() + block.t1.points[1].weight.value:sum() end
  return ow.json.encode { n = positions:shape(1), slab = slab, blocks = #blocks, positions = positions:to("f64"):sum(), species = species:to("f64"):sum(), weights = sum }
end

-- Finished blocks, the block at work, and how many of its slabs are done.
local function load_stream(path, mark)
  local file, err = ow.io.h5_open(path)
  if not file then raise("stream: checkpoint %s: %s", path, tostring(err)) end
  local ok, state = pcall(function()
    if file:attr("/", "format") ~= "orowan.apt.stream" or file:attr("/", "format_version") ~= 1 then raise("stream: %s is no checkpoint of a stream", path) end
    if file:attr("/", "mark") ~= mark then raise("stream: checkpoint %s belongs to other ions, another model or another slab; remove it or give another path", path) end
    local list = {}
    local block, slabs = file:attr("/", "block"), file:attr("/", "slabs")
    for k = 1, block do list[k] = file:read("block" .. k) end
    return { list = list, block = block, slabs = slabs }
  end)
  file:close()
  if not ok then error(state, 0) end
  return state
end

local function save_stream(path, mark, list, block, slabs)
  local file, err = ow.io.h5_open(path, "w")
  if not file then raise("stream: checkpoint %s: %s", path, tostring(err)) end
  file:attr("/", "format", "orowan.apt.stream")
  file:attr("/", "format_version", 1)
  file:attr("/", "mark", mark)
  file:attr("/", "block", block)
  file:attr("/", "slabs", slabs)
  for k = 1, block do file:write("block" .. k, list[k]) end
  file:close()
end

--- Probabilities of every ion of a large cloud after each block, slab by slab: the neighbours of one
--- slab are in memory at a time. With a checkpoint an interrupted stream goes on where it was and gives
--- the same bits; the file is removed at the end.
--- Errors: fewer ions than 32; positions that are not finite; a checkpoint of something else.
---@param model orowan.module of atomnet.model, or a list of blocks
---@param cloud {positions: orowan.tensor, species: orowan.tensor, periodic?: boolean, box?: number[]} positions [n, 3] nm, species integers from 1
---@param options? {own?: boolean, slab?: integer, progress?: boolean, checkpoint?: string, every?: number, on_slab?: function} own: false if later blocks were trained without the own species; slab: ions, about (200000); checkpoint: path, written every so many seconds (60); on_slab(block, ions done)
---@return orowan.tensor[] probability of each block, f32 [n]
function atomnet.stream(model, cloud, options)
  local o = options or {}
  local n = cloud.positions:shape(1)
  if n < 32 then raise("%d ions are fewer than the 32 neighbours the network looks at", n) end
  local box = cloud.periodic and cloud.box or nil
  local positions, species = cloud.positions:to "f32", cloud.species:to "f32"
  local blocks, slab = model.blocks or model, o.slab or 200000
  local mark = o.checkpoint and fingerprint(positions, species, blocks, slab)
  local state = o.checkpoint and ow.sys.exists(o.checkpoint) and load_stream(o.checkpoint, mark) or { list = {}, block = 1, slabs = 0 }
  local list, saved = state.list, ow.sys.clock()
  local bar <close> = o.progress and ow.progress.bar("ions x blocks", n * #blocks) or nil
  for k = state.block, #blocks do
    blocks[k]:eval()
    list[k] = list[k] or ow.zeros({ n }, "f32")
    local folded, done, slabs = fold(blocks[k]), 0, 0
    local skip = k == state.block and state.slabs or 0
    ow.geometry.knn_slabs(positions, 32, { box = box, slab = slab, self = true }, function(rows, ids)
      slabs, done = slabs + 1, done + rows:numel()
      if slabs > skip then
        list[k]:index_put(1, rows, ow.core.pointnet.apply(folded, { positions = positions, species = species, ids = ids, rows = rows,
          predictions = list[k - 1], own = k == 1 or o.own ~= false, box = box }))
        if o.checkpoint and ow.sys.clock() - saved >= (o.every or 60) then
          save_stream(o.checkpoint, mark, list, k, slabs)
          saved = ow.sys.clock()
        end
        if o.on_slab then o.on_slab(k, done) end
      end
      if bar then bar:update((k - 1) * n + done, ("block %d"):format(k)) end
    end)
  end
  if o.checkpoint and ow.sys.exists(o.checkpoint) then ow.sys.remove(o.checkpoint) end
  return list
end

-- ---- training ----------------------------------------------------------------------------------

-- Batches of an epoch: `ions` of the set in an order that is a function of seed and epoch.
local function batches(set, o, predictions)
  return function(epoch)
    local order = ow.rng(o.seed, 1000 + epoch):permutation(set.n)
    local ions = math.min(o.ions or set.n, set.n)
    local k = 0
    return function()
      k = k + 1
      local from, to = (k - 1) * o.batch + 1, math.min(k * o.batch, ions)
      if to - from + 1 < math.min(o.batch, ions) then return nil end  -- no small batch: its statistics would be poor
      local rows = order:slice(1, from, to)
      return { x = features.rows(set, rows, { predictions = predictions, own = o.own }), y = set.label:take(rows), n = to - from + 1 }
    end
  end
end

local function in_order(set, o, predictions)
  return function()
    local from = 1
    return function()
      if from > set.n then return nil end
      local rows = ow.arange(from, math.min(set.n, from + 2047))
      from = from + 2048
      return { x = features.rows(set, rows, { predictions = predictions, own = o.own }), y = set.label:take(rows), n = rows:numel() }
    end
  end
end

local function auc(logits, label) return nn.metrics.roc_auc(logits, label, { repeats = 0 }) end

--- Trains one block: Adam, binary cross-entropy and the penalty, the epoch with the best loss on
--- validation.
---@param train table neighbourhoods with label f32 [n], 1 in a domain
---@param validation table as train; ions of other cubes
---@param options {seed: integer, epochs: integer, ions?: integer, batch?: integer, lr?: number, penalty?: number, dropout?: number, predictions?: {train: orowan.tensor, validation: orowan.tensor}, own?: boolean, checkpoint?: string, progress?: boolean, schedule?: orowan.schedule, on_epoch?: function} ions: of an epoch (default all), drawn anew each time; batch 256; lr 1e-3; penalty 1e-3; predictions of the block before
---@return orowan.module block in evaluation mode
---@return table result of nn.fit; its history has auc on validation
function atomnet.train_block(train, validation, options)
  local o = {}
  for k, v in pairs(options) do o[k] = v end
  o.batch = o.batch or 256
  local p = o.predictions or {}
  local weight = o.penalty or 1e-3
  nn.seed(o.seed)
  local block = atomnet.block(columns_of(not p.train, o.own), { dropout = o.dropout })
  local result = nn.fit {
    model = block, epochs = o.epochs, seed = o.seed, batch = o.batch, optimizer = { "adam", lr = o.lr or 1e-3 }, schedule = o.schedule,
    train = batches(train, o, p.train), validation = in_order(validation, o, p.validation),
    forward = function(model, b)
      local logits, penalty = model(b.x)
      b.penalty = penalty
      return logits
    end,
    loss = function(logits, y, b)
      local l = F.bce_with_logits(logits, y)
      return b.penalty and l + b.penalty * weight or l
    end,
    metrics = { auc = auc }, checkpoint = o.checkpoint, progress = o.progress, on_epoch = o.on_epoch,
  }
  return block, result
end

--- Trains blocks one after the other. Each later block sees the predictions of the one before.
---@param train table as for train_block
---@param validation table as for train_block
---@param options table as for train_block, and blocks: integer (2), checkpoint: path to which the block's number is added
---@return orowan.module[] blocks
---@return table[] results of nn.fit
function atomnet.train(train, validation, options)
  local blocks, results = {}, {}
  local p
  for k = 1, options.blocks or 2 do
    local o = {}
    for key, v in pairs(options) do o[key] = v end
    o.seed, o.predictions = options.seed * 16 + k, p
    if k == 1 then o.own = true end
    o.checkpoint = options.checkpoint and ("%s.%d.h5"):format(options.checkpoint, k)
    blocks[k], results[k] = atomnet.train_block(train, validation, o)
    if k < (options.blocks or 2) then
      local q = {}
      for name, set in pairs { train = train, validation = validation } do
        q[name] = atomnet.apply(blocks[k], set, { predictions = p and p[name], own = o.own })
      end
      p = q
    end
  end
  return blocks, results
end

return atomnet
