--- Ensembles: members that differ in their seed (starting values and order of the samples); the
--- mean predicts, the spread says how sure (Lakshminarayanan, Pritzel, Blundell, NeurIPS 2017).
local ow = require "orowan"
local C = require "orowan.stats.common"
local fit = require "orowan.nn.fit"
local model_file = require "orowan.nn.model_file"
local module = require "orowan.nn.module"

local M = {}

---@class orowan.ensemble
---@field members table[] {model, seed, value (monitored, of the best epoch), result (of nn.fit)}
local Ensemble = {}
Ensemble.__index = Ensemble

local function new(members, sign) return setmetatable({ members = members, sign = sign }, Ensemble) end

-- "dir/run.h5" -> "dir/run-3.h5"
local function numbered(path, i)
  if path == nil then return nil end
  local stem, ending = path:match "^(.*)(%.[^./]+)$"
  return ("%s-%d%s"):format(stem or path, i, ending or "")
end

--- Trains members one after the other. Each gets its own seed: seed + i - 1, for nn.seed before the
--- constructor and for the order of the samples. Paths (checkpoint, history, figure) are numbered.
---@param count integer members
---@param constructor fun(seed: integer): orowan.module
---@param options table of nn.fit, without model; optimizer as a table or a function of the model; schedule as a function that makes one, or one whose state is started anew
---@return orowan.ensemble
function M.train(count, constructor, options)
  local fn = "nn.ensemble.train"
  count = C.integer(fn, "count", count, nil, 1)
  if type(constructor) ~= "function" then C.fail(fn, "constructor: expected a function of the seed, got %s", type(constructor)) end
  if type(options) ~= "table" then C.fail(fn, "options: expected a table, got %s", type(options)) end
  if type(options.optimizer) == "table" and options.optimizer.groups then
    C.fail(fn, 'optimizer: every member needs its own: give {"adam", lr = ...} or a function of the model')
  end
  local base, members = C.integer(fn, "seed", options.seed, 0), {}
  local schedule = options.schedule
  local start = type(schedule) == "table" and schedule:state()
  for i = 1, count do
    local o = {}
    for k, v in pairs(options) do o[k] = v end
    o.seed = base + i - 1
    module.seed(o.seed)
    o.model = constructor(o.seed)
    if type(schedule) == "function" then o.schedule = schedule() elseif start then schedule:load_state(start) end
    for _, k in ipairs { "checkpoint", "history", "figure" } do o[k] = numbered(options[k], i) end
    local result = fit.fit(o)
    members[i] = { model = o.model, seed = o.seed, value = result.best and result.best.value, result = result }
  end
  return new(members, options.mode == "max" and -1 or 1)
end

--- Joins models that are already trained.
---@param models orowan.module[]
---@param values? number[] a quantity to rank them by, smaller is better
---@return orowan.ensemble
function M.of(models, values)
  local members = {}
  for i, m in ipairs(models) do members[i] = { model = m, value = values and values[i] } end
  if #members == 0 then C.fail("nn.ensemble.of", "models: there are none") end
  return new(members, 1)
end

--- The best members by the monitored quantity, as a new ensemble.
---@param count? integer default: half, rounded up
---@return orowan.ensemble
function Ensemble:keep(count)
  local fn = "ensemble:keep"
  count = C.integer(fn, "count", count, (#self.members + 1) // 2, 1, #self.members)
  local order = {}
  for i, m in ipairs(self.members) do
    if m.value == nil then C.fail(fn, "member %d has no value to rank it by", i) end
    order[i] = { i = i, v = m.value ~= m.value and math.huge or self.sign * m.value, m = m }
  end
  table.sort(order, function(a, b) return a.v < b.v or (a.v == b.v and a.i < b.i) end)
  local kept = {}
  for i = 1, count do kept[i] = order[i].m end
  return new(kept, self.sign)
end

--- Mean and spread of the members' predictions.
---@param x orowan.tensor|orowan.tensor[] samples along axis 1
---@param options? {batch?: integer, device?: string, forward?: function, transform?: fun(prediction: orowan.tensor): orowan.tensor} transform: of each member's prediction before they are joined (a softmax)
---@return orowan.tensor mean
---@return orowan.tensor spread standard deviation over the members (n - 1 in the denominator; 0 for one member)
function Ensemble:predict(x, options)
  local o = {}
  for k, v in pairs(options or {}) do o[k] = v end
  local transform = o.transform
  o.transform = nil
  -- Running mean and sum of squares (Welford 1962), in f64: no list of all predictions.
  local mean, squares
  for i, m in ipairs(self.members) do
    local y = fit.predict(m.model, x, o)
    y = (transform and transform(y) or y):to "f64"
    if i == 1 then mean, squares = y, ow.zeros_like(y)
    else
      local d = y - mean
      mean = mean + d / i
      squares:add_(d * (y - mean))
    end
  end
  return mean, (squares / math.max(1, #self.members - 1)):sqrt()
end

--- Saves every member as a model file: PATH with its number before the ending.
---@param path string
---@param options? table of nn.save
---@return string[]? paths
---@return table? err
function Ensemble:save(path, options)
  local paths = {}
  for i, m in ipairs(self.members) do
    paths[i] = numbered(path, i)
    local ok, err = model_file.save(paths[i], m.model, options)
    if not ok then return nil, err end
  end
  return paths
end

return M
