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

--- Probabilities of every ion of one cloud.
--- Errors: species that the model does not know, or none of them; fewer ions than 32.
---@param model orowan.module of finder.load
---@param info table its preprocessing is used
---@param cloud {positions: orowan.tensor, species: orowan.tensor, names: string[], periodic?: boolean, box?: number[]} names in any order
---@param options? {network?: string} "stack" (default) or "atomnet"
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
    local all = atomnet.predict(model.blocks, atomnet.neighbourhoods(same))
    return all[#all]
  end
  local all = stacked.predict(model.stack, { cubes = { same } }, { a = p.a, solute = p.solute, cone = p.cone, step = p.step })
  return all[#all]
end

return finder
