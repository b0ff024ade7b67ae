--- A stacked network on features at several scales (orowan.apt.features): small fully connected
--- nets, each stage sees what the stage before says of the surroundings. The predictions that train a
--- later stage are out of fold: of nets that have not seen the cube (Wolpert, Neural Networks 5 (1992)
--- 241), else a stage would trust its predecessor too much. The result is the mean logit of the folds.
---
--- A set here is {cubes = clouds, label = f32 [n] (training and validation)}, as datasets.make gives it.
local ow = require "orowan"
local features = require "orowan.apt.features"
local nn = ow.nn
local F = nn.functional

local stacked = {}

local function raise(fmt, ...) error("apt.stacked: " .. fmt:format(...), 0) end

-- ---- one net -----------------------------------------------------------------------------------

--- A fully connected net on standardised columns, a module: x [m, columns] -> logits [m]. Without
--- hidden layers: logistic regression.
---@param columns integer
---@param options? {hidden?: integer[], dropout?: number} hidden {64, 64}; dropout 0.1
---@return orowan.module net with the buffers mean and scale
function stacked.net(columns, options)
  local o = options or {}
  local hidden, list, last = o.hidden or { 64, 64 }, {}, columns
  for _, w in ipairs(hidden) do
    list[#list + 1], list[#list + 2], list[#list + 3] = nn.linear(last, w), nn.relu(), nn.dropout(o.dropout or 0.1)
    last = w
  end
  list[#list + 1] = nn.linear(last, 1)
  return nn.module("apt.dense", { options = { columns = columns, hidden = hidden, dropout = o.dropout or 0.1 }, layers = list,
    mean = ow.zeros({ columns }, "f32"), scale = ow.ones({ columns }, "f32") }, function(self, x)
    x = (x - self.mean) * self.scale
    for _, layer in ipairs(self.layers) do x = layer(x) end
    return x:reshape(x:shape(1))
  end)
end

nn.register("apt.dense", function(o) return stacked.net(o.columns, o) end)

--- Trains a net on rows of features; the epoch with the best loss on validation.
---@param train {x: orowan.tensor, y: orowan.tensor} f32 [n, columns], f32 [n]
---@param validation {x: orowan.tensor, y: orowan.tensor}
---@param options {seed: integer, hidden?: integer[], epochs?: integer, lr?: number, batch?: integer, dropout?: number} epochs 8, lr 2e-3 (cosine), batch 512
---@return orowan.module net in evaluation mode
---@return table result of nn.fit
function stacked.fit(train, validation, options)
  local o = options
  nn.seed(o.seed)
  local net = stacked.net(train.x:shape(2), o)
  net.mean:copy(train.x:mean(1))
  net.scale:copy(1 / train.x:std(1):clip(1e-6, math.huge))
  local epochs = o.epochs or 8
  local result = nn.fit { model = net, loss = "bce_with_logits", train = train, validation = validation, batch = o.batch or 512, epochs = epochs,
    optimizer = { "adam", lr = o.lr or 2e-3 }, schedule = nn.schedule.cosine(epochs, { floor = 0.02 }), seed = o.seed, progress = false }
  return net, result
end

local function logits(net, x) return nn.predict(net, x, { batch = 8192 }) end

-- ---- features of sets --------------------------------------------------------------------------

local function joined(groups, names)
  local list = {}
  for _, name in ipairs(names) do list[#list + 1] = groups[name] end
  return ow.concat(list, 2)
end

--- The groups of columns of all cubes of a set, one after the other.
---@param set {cubes: table[]}
---@param options table as for features.describe; counts are those of the smallest cube unless given
---@return table<string, orowan.tensor> groups
---@return integer[] counts
function stacked.describe(set, options)
  local o, least = {}, math.huge
  for k, v in pairs(options) do o[k] = v end
  for _, cube in ipairs(set.cubes) do least = math.min(least, cube.positions:shape(1)) end
  o.counts = o.counts or features.scales(least)
  local all = {}
  for _, cube in ipairs(set.cubes) do
    for name, t in pairs(ow.scope(function() return (features.describe(cube, o)) end)) do
      all[name] = all[name] or {}
      table.insert(all[name], t)
    end
  end
  for name, list in pairs(all) do all[name] = ow.concat(list) end
  return all, o.counts
end

-- Columns of the update for all cubes, from probabilities of the whole set.
local function update(set, p, counts)
  local list, first = {}, 0
  for c, cube in ipairs(set.cubes) do
    local n = cube.positions:shape(1)
    list[c] = ow.scope(function()
      local ids = features.neighbourhoods(cube, counts[#counts]).ids
      return features.update(ids, p:slice(1, first + 1, first + n):contiguous(), counts)
    end)
    first = first + n
  end
  return ow.concat(list)
end

-- ---- the stack ---------------------------------------------------------------------------------

local default_groups = { "composition", "opening", "bond", "order", "context" }

--- The stack as a module, for a file.
---@param options {columns: integer[], folds: integer, hidden: integer[], dropout: number, counts: integer[], groups: string[]}
---@param nets? orowan.module[] stage by stage, fold by fold
---@return orowan.module model
function stacked.model(options, nets)
  if not nets then
    nets = {}
    for _, c in ipairs(options.columns) do
      for _ = 1, options.folds do nets[#nets + 1] = stacked.net(c, options) end
    end
  end
  return nn.module("apt.stacked", { options = options, nets = nets, calibration = ow.tensor({ 1, 0 }, "f32") },
    function() raise("a model is applied with stacked.predict") end)
end

nn.register("apt.stacked", function(o) return stacked.model(o) end)

local function mean_logits(nets, x)
  local sum
  for _, net in ipairs(nets) do
    local y = logits(net, x)
    sum = sum and sum + y or y
  end
  return sum / #nets
end

local function sigmoid(t) return F.sigmoid(t).value end

-- Fold of every ion: cubes are dealt out in turn.
local function folds_of(set, folds)
  local list = {}
  for c, cube in ipairs(set.cubes) do list[c] = ow.full({ cube.positions:shape(1) }, (c - 1) % folds + 1, "i64") end
  return ow.concat(list)
end

--- Trains the stack.
---@param train table set with label; its cubes are dealt to folds
---@param validation table set with label
---@param options {seed: integer, a: number, solute: string[], stages?: integer, folds?: integer, hidden?: integer[], epochs?: integer, groups?: string[], described?: {train: table, validation: table, counts: integer[]}, extra?: {train: orowan.tensor, validation: orowan.tensor}} stages 3, folds 4; described: results of stacked.describe, where they are at hand
---@return orowan.module model
---@return number[] loss on validation after each stage
function stacked.train(train, validation, options)
  local o = options
  local folds, names = o.folds or 4, o.groups or default_groups
  local described = o.described
  if not described then
    described = {}
    described.train, described.counts = stacked.describe(train, o)
    described.validation = stacked.describe(validation, { a = o.a, solute = o.solute, cone = o.cone, step = o.step, families = o.families, counts = described.counts })
  end
  local counts = described.counts
  local base = { train = joined(described.train, names), validation = joined(described.validation, names) }
  local fold = folds_of(train, folds)
  local nets, columns, losses, p = {}, {}, {}, nil
  for stage = 1, o.stages or 3 do
    local x = base
    if p then x = { train = ow.concat({ base.train, update(train, p.train, counts) }, 2),
      validation = ow.concat({ base.validation, update(validation, p.validation, counts) }, 2) } end
    columns[stage] = x.train:shape(2)
    local out, first = ow.zeros({ x.train:shape(1) }, "f32"), #nets
    for f = 1, folds do
      local inside = fold:eq(f)
      local seen = inside:logical_not():nonzero():flatten()
      nets[first + f] = stacked.fit({ x = x.train:take(seen), y = train.label:take(seen) }, { x = x.validation, y = validation.label },
        { seed = (o.seed * 64 + stage) * 64 + f, hidden = o.hidden, epochs = o.epochs, dropout = o.dropout })
      local rows = inside:nonzero():flatten()
      out:index_put(1, rows, sigmoid(logits(nets[first + f], x.train:take(rows))))
    end
    local z = mean_logits(table.move(nets, first + 1, first + folds, 1, {}), x.validation)
    p = { train = out, validation = sigmoid(z) }
    losses[stage] = F.bce_with_logits(z, validation.label).value:item()
  end
  local model = stacked.model({ columns = columns, folds = folds, hidden = o.hidden or { 64, 64 }, dropout = o.dropout or 0.1, counts = counts, groups = names }, nets)
  model:eval()
  return model, losses
end

--- Probabilities of every ion, after each stage, calibrated if the model is.
---@param model orowan.module
---@param set {cubes: table[]}
---@param options {a: number, solute: string[], described?: table} as for features.describe
---@return orowan.tensor[] probability of each stage, f32 [n]
function stacked.predict(model, set, options)
  local m = model.options
  local o = { counts = m.counts }
  for k, v in pairs(options) do if k ~= "described" then o[k] = v end end
  local base = joined(options.described or stacked.describe(set, o), m.groups)
  local list = {}
  local a, b = model.calibration:get(1), model.calibration:get(2)
  local p
  for stage in ipairs(m.columns) do
    local x = p and ow.concat({ base, update(set, p, m.counts) }, 2) or base
    local z = mean_logits(table.move(model.nets, (stage - 1) * m.folds + 1, stage * m.folds, 1, {}), x)
    p = sigmoid(z)
    list[stage] = stage == #m.columns and sigmoid(z * a + b) or p
  end
  return list
end

return stacked
