--- Normalisation layers.
local check = require "orowan.nn.check"
local common = require "orowan.nn.layers.common"
local core = require "orowan.core"
local functional = require "orowan.nn.functional"
local module = require "orowan.nn.module"

local L = {}

local function affine(self, o, shape)
  local dtype = o.dtype or module.default_dtype()
  local on = o.affine ~= false
  local init = require "orowan.nn.initializers"
  module.add_parameter(self, "weight", on and module.new_parameter(init.ones(), shape, dtype) or nil)
  module.add_parameter(self, "bias", on and module.new_parameter(init.zeros(), shape, dtype) or nil)
  return dtype
end

local function channels(n)
  return function(self, s)
    if #s < 2 or s[2] ~= n then check.fail(self, "weight has %d channels, input is %s", n, check.shape_text(s)) end
    return s, 0
  end
end

-- Running statistics follow the batch's, with the unbiased variance, as the field has it.
local function follow(self, x, mean, var)
  local n = x:numel() / x:shape(2)
  local m = self.momentum
  self.running_mean:mul_(1 - m):add_(mean * m)
  self.running_var:mul_(1 - m):add_(var * (m * n / (n - 1)))
end

--- Batch normalisation of every channel, for any number of spatial axes. In training it uses the
--- batch's statistics and lets the running ones follow; in evaluation, and when frozen, it uses the
--- running ones.
---@param count integer channels
---@param options? {eps: number, momentum: number, affine: boolean, name: string, dtype: string} eps 1e-5; momentum 0.1: weight of the new batch; affine: with weight and bias (default true)
---@return orowan.module layer [N, count, *S] -> the same shape
function L.batch_norm(count, options)
  local o = common.options("batch_norm", options, "eps", "momentum", "affine")
  local p = { count = check.integer("batch_norm", "count", count, nil, 1) }
  p.eps = check.number("batch_norm", "eps", o.eps, nil, 0)
  p.momentum = check.number("batch_norm", "momentum", o.momentum, nil, 0, 1)
  if o.affine == false then p.affine = false end
  local self = common.layer("batch_norm", p, o, function(self, x, activation, alpha)
    local f = { eps = p.eps, activation = activation, alpha = alpha, who = self }
    local learn = self.training and not self.frozen
    if not learn then f.mean, f.var = self.running_mean, self.running_var end
    local y, mean, var = functional.batch_norm(x, self.weight, self.bias, f)
    if learn then follow(self, x, mean, var) end
    return y
  end, channels(count))
  self.eps, self.momentum = p.eps or 1e-5, p.momentum or 0.1
  local dtype = affine(self, o, { count })
  module.add_buffer(self, "running_mean", core.create.zeros({ count }, dtype))
  module.add_buffer(self, "running_var", core.create.ones({ count }, dtype))
  return self
end

--- Normalisation of groups of channels of each sample.
---@param groups integer divides count
---@param count integer channels
---@param options? {eps: number, affine: boolean, name: string, dtype: string} eps 1e-5
---@return orowan.module layer [N, count, *S] -> the same shape
function L.group_norm(groups, count, options)
  local o = common.options("group_norm", options, "eps", "affine")
  local p = {
    groups = check.integer("group_norm", "groups", groups, nil, 1), count = check.integer("group_norm", "count", count, nil, 1),
    eps = check.number("group_norm", "eps", o.eps, nil, 0),
  }
  if count % groups ~= 0 then check.fail("group_norm", "groups: %d does not divide %d channels", groups, count) end
  if o.affine == false then p.affine = false end
  local self = common.layer("group_norm", p, o, function(self, x)
    return functional.group_norm(x, groups, self.weight, self.bias, { eps = p.eps, who = self })
  end, channels(count))
  affine(self, o, { count })
  return self
end

--- Normalisation over the last axes of each sample.
---@param shape integer|integer[] their extents
---@param options? {eps: number, name: string, dtype: string} eps 1e-5
---@return orowan.module layer [..., *shape] -> the same shape
function L.layer_norm(shape, options)
  local o = common.options("layer_norm", options, "eps")
  local list = type(shape) == "table" and shape or { shape }
  for k = 1, #list do list[k] = check.integer("layer_norm", "shape", list[k], nil, 1) end
  if #list == 0 then check.fail("layer_norm", "shape: expected at least one extent, got none") end
  local p = { shape = list, eps = check.number("layer_norm", "eps", o.eps, nil, 0) }
  local self = common.layer("layer_norm", p, o, function(self, x)
    return functional.layer_norm(x, self.weight, self.bias, { eps = p.eps, who = self })
  end, common.same)
  affine(self, o, list)
  return self
end

local function builtin(name, first, second)
  module.builtin(name, function(o)
    local a, b = o[first], second and o[second]
    o[first] = nil
    if not second then return L[name](a, o) end
    o[second] = nil
    return L[name](a, b, o)
  end)
end
builtin("batch_norm", "count")
builtin("group_norm", "groups", "count")
builtin("layer_norm", "shape")

return L
