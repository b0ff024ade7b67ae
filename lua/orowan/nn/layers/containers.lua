--- Layers made of layers.
local check = require "orowan.nn.check"
local common = require "orowan.nn.layers.common"
local functional = require "orowan.nn.functional"
local module = require "orowan.nn.module"
local tape = require "orowan.nn.tape"

local L = {}

local function container(kind, plain, list, forward)
  if type(list) ~= "table" or getmetatable(list) then check.fail(kind, "expected a table of modules, got %s", type(list)) end
  local self = module.new(kind, plain, forward)
  self.items, self.name = {}, list.name
  local used = {}
  for k, m in ipairs(list) do
    if not module.is_module(m) then check.fail(kind, "item %d: expected a module, got %s", k, type(m)) end
    local name = m.name or tostring(k)
    if used[name] then check.fail(kind, "two items are called '%s'", name) end
    used[name] = true
    self.items[k] = m
    module.add_child(self, name, m, "items", k)
  end
  return self
end

local rectifiers = { relu = true, leaky_relu = true }

-- Can the rectifier after m be done inside its kernel? Batch norm can always (its gradient finds
-- the mask again), a convolution only without a tape.
local function takes_activation(m)
  if m.kind == "batch_norm" then return true end
  return m.kind:match "^conv%dd$" and not m.activation and not tape.recording()
end

--- Modules one after the other. Batch norm and convolution do the relu that follows them in the
--- same pass where that is possible.
--- ```lua
--- local nn = ow.nn
--- local model = nn.sequential { nn.conv2d(1, 4, { kernel = 3 }), nn.relu(), nn.global_avg_pool(), nn.linear(4, 2) }
--- local y = model(nn.variable(ow.zeros({ 5, 1, 8, 8 }, "f32")))
--- print(y:shape()[1], y:shape()[2], (model:count()))  --> 5 2 50
--- ```
---@param modules orowan.module[] may hold name = its name
---@return orowan.module
function L.sequential(modules)
  return container("sequential", {}, modules, function(self, x)
    local items, k = self.items, 1
    local fusing = not tape.watched()
    while k <= #items do
      local m, after = items[k], items[k + 1]
      if fusing and after and rectifiers[after.kind] and takes_activation(m) then
        x = m(x, after.kind, after.alpha)
        k = k + 2
      else
        x = m(x)
        k = k + 1
      end
    end
    return x
  end)
end

--- x + f(x), or shortcut(x) + f(x) where shapes change (He et al. 2016).
---@param f orowan.module
---@param shortcut? orowan.module
---@param options? {name: string}
---@return orowan.module
function L.residual(f, shortcut, options)
  local o = common.options("residual", options)
  local self = module.new("residual", {}, function(self, x)
    local y = self.f(x)
    local s = self.shortcut and self.shortcut(x) or x
    local a, b = check.shape_text(s), check.shape_text(y)
    if a ~= b then check.fail(self, "%s is %s, f(x) is %s", self.shortcut and "shortcut(x)" or "x", a, b) end
    return functional.add(s, y)
  end)
  self.name = o.name
  module.add_child(self, "f", f, "f")
  if shortcut then module.add_child(self, "shortcut", shortcut, "shortcut") end
  return self
end

local function branches(kind, modules, join)
  local axis = type(modules) == "table" and modules.axis
  return container(kind, { axis = axis }, modules, function(self, x)
    local list = {}
    for k, m in ipairs(self.items) do list[k] = m(x) end
    return join(list, axis)
  end)
end

--- The results of several modules for one input, joined along an axis.
---@param modules table modules, and axis = (default 2: the channels)
---@return orowan.module
function L.concat(modules) return branches("concat", modules, functional.concat) end

--- The results of several modules for one input, joined along a new axis.
---@param modules table modules, and axis = place of the new axis (default 1)
---@return orowan.module
function L.stack(modules) return branches("stack", modules, functional.stack) end

for _, kind in ipairs { "sequential", "concat", "stack" } do
  module.builtin(kind, function(o, children)
    for k, v in pairs(o) do children[k] = v end
    return L[kind](children)
  end)
end
module.builtin("residual", function(_, children) return L.residual(children[1], children[2]) end)

return L
