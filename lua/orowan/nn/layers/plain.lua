--- Layers without parameters: activations, pooling, resizing, dropout, shapes.
local check = require "orowan.nn.check"
local common = require "orowan.nn.layers.common"
local core = require "orowan.core"
local functional = require "orowan.nn.functional"
local module = require "orowan.nn.module"

local L = {}

local function simple(kind, p, options, forward)
  return common.layer(kind, p, common.options(kind, options), forward, common.same)
end

--- max(x, 0).
---@param options? {name: string}
---@return orowan.module layer
function L.relu(options) return simple("relu", {}, options, function(_, x) return functional.relu(x) end) end

--- x above 0, slope x below.
---@param slope? number default 0.01
---@param options? {name: string}
---@return orowan.module layer
function L.leaky_relu(slope, options)
  slope = check.number("leaky_relu", "slope", slope, 0.01)
  local self = simple("leaky_relu", { slope = slope }, options, function(_, x) return functional.leaky_relu(x, slope) end)
  self.alpha = slope
  return self
end

--- x above 0, alpha (e^x - 1) below.
---@param alpha? number default 1
---@param options? {name: string}
---@return orowan.module layer
function L.elu(alpha, options)
  alpha = check.number("elu", "alpha", alpha, 1)
  return simple("elu", { alpha = alpha }, options, function(_, x) return functional.elu(x, alpha) end)
end

--- x Phi(x).
---@param options? {name: string}
---@return orowan.module layer
function L.gelu(options) return simple("gelu", {}, options, function(_, x) return functional.gelu(x) end) end

--- 1 / (1 + e^-x).
---@param options? {name: string}
---@return orowan.module layer
function L.sigmoid(options) return simple("sigmoid", {}, options, function(_, x) return functional.sigmoid(x) end) end

--- Hyperbolic tangent.
---@param options? {name: string}
---@return orowan.module layer
function L.tanh(options) return simple("tanh", {}, options, function(_, x) return functional.tanh(x) end) end

--- log(1 + e^x).
---@param options? {name: string}
---@return orowan.module layer
function L.softplus(options) return simple("softplus", {}, options, function(_, x) return functional.softplus(x) end) end

--- x / (1 + e^-x).
---@param options? {name: string}
---@return orowan.module layer
function L.silu(options) return simple("silu", {}, options, function(_, x) return functional.silu(x) end) end

--- The input itself.
---@param options? {name: string}
---@return orowan.module layer
function L.identity(options) return simple("identity", {}, options, function(_, x) return x end) end

--- e^x divided by its sum along an axis.
---@param axis? integer default 2: the channels
---@param options? {name: string}
---@return orowan.module layer
function L.softmax(axis, options)
  return simple("softmax", { axis = axis }, options, function(_, x) return functional.softmax(x, axis) end)
end

--- Logarithm of softmax.
---@param axis? integer default 2: the channels
---@param options? {name: string}
---@return orowan.module layer
function L.log_softmax(axis, options)
  return simple("log_softmax", { axis = axis }, options, function(_, x) return functional.log_softmax(x, axis) end)
end

--- In training each element is 0 with probability p, else divided by 1 - p; nothing happens in
--- evaluation. Which ones is a function of the seed and the number of calls so far (a buffer, so
--- that resumed training goes on alike).
---@param p number 0 to below 1
---@param options? {seed: integer, name: string}
---@return orowan.module layer
function L.dropout(p, options)
  local o = common.options("dropout", options)
  p = check.number("dropout", "p", p, nil, 0, 1)
  local self = common.layer("dropout", { p = p, seed = o.seed or module.rng():u64() }, o, function(self, x)
    if not self.training or p == 0 then return x end
    local stream = math.tointeger(self.calls:get(1))
    self.calls:set(1, stream + 1)
    return functional.dropout(x, p, { seed = self.options.seed, stream = stream, who = self })
  end, common.same)
  module.add_buffer(self, "calls", core.create.zeros({ 1 }, "i64"))
  return self
end

--- Axes from `first` on as one.
---@param first? integer default 2
---@param options? {name: string}
---@return orowan.module layer
function L.flatten(first, options)
  local o = common.options("flatten", options)
  return common.layer("flatten", { first = first }, o, function(_, x) return functional.flatten(x, first) end, function(_, s)
    local from = check.axis("flatten", first or math.min(2, #s), #s)
    local out, rest = {}, 1
    for d = 1, #s do if d < from then out[d] = s[d] else rest = rest * s[d] end end
    out[from] = rest
    return out, 0
  end)
end

-- ---- pooling ----------------------------------------------------------------------------

local function pooled(kernel, o)
  return function(self, s)
    local rank = #s - 2
    if rank < 1 then check.fail(self, "expected N x C x 1 to 3 spatial axes, got %s", check.shape_text(s)) end
    local k = check.per_axis(self, "kernel", kernel, nil, rank, 1)
    local stride = check.per_axis(self, "stride", o.stride, k, rank, 1)
    local padding = check.per_axis(self, "padding", o.padding, 0, rank, 0)
    local out = { s[1], s[2] }
    for d = 1, rank do out[d + 2] = (s[d + 2] + 2 * padding[d] - k[d]) // stride[d] + 1 end
    return out, 0
  end
end

local function pool(kind, kernel, options, ...)
  local o = common.options(kind, options, "stride", "padding", ...)
  if kernel == nil or type(kernel) == "table" and #kernel == 0 then
    check.fail(kind, "kernel: expected an integer or one per spatial axis as first argument (%s(2, {stride = 2})), got %s", kind, kernel and "a table of options" or "nothing")
  end
  local p = { kernel = kernel, stride = o.stride, padding = o.padding, count_padding = o.count_padding }
  return common.layer(kind, p, o, function(self, x)
    return functional[kind](x, kernel, { stride = o.stride, padding = o.padding, count_padding = o.count_padding, who = self })
  end, pooled(kernel, o))
end

--- Largest value of each window; 1 to 3 spatial axes, as the input has them.
---@param kernel integer|integer[]
---@param options? {stride: integer|integer[], padding: integer|integer[], name: string} stride default: the kernel
---@return orowan.module layer
function L.max_pool(kernel, options) return pool("max_pool", kernel, options) end

--- Mean of each window; 1 to 3 spatial axes, as the input has them.
---@param kernel integer|integer[]
---@param options? {stride: integer|integer[], padding: integer|integer[], count_padding: boolean, name: string} count_padding: zeros outside count (default true)
---@return orowan.module layer
function L.avg_pool(kernel, options) return pool("avg_pool", kernel, options, "count_padding") end

local function global(kind, options)
  return common.layer(kind, {}, common.options(kind, options), function(self, x) return functional[kind](x, { who = self }) end,
    function(_, s) return { s[1], s[2] }, 0 end)
end

--- Mean over all positions of each channel.
---@param options? {name: string}
---@return orowan.module layer [N, C, *S] -> [N, C]
function L.global_avg_pool(options) return global("global_avg_pool", options) end

--- Largest value over all positions of each channel.
---@param options? {name: string}
---@return orowan.module layer [N, C, *S] -> [N, C]
function L.global_max_pool(options) return global("global_max_pool", options) end

--- Other extents, by the nearest value or (bi-, tri-)linear interpolation.
---@param options {scale: integer|integer[], size: integer|integer[], mode: string, align_corners: boolean, name: string} as for functional.upsample
---@return orowan.module layer
function L.upsample(options)
  local o = common.options("upsample", options, "scale", "size", "mode", "align_corners")
  if o.scale == nil and o.size == nil then check.fail("upsample", "expected a size or a scale, got none") end
  local p = { scale = o.scale, size = o.size, mode = o.mode, align_corners = o.align_corners }
  return common.layer("upsample", p, o, function(self, x)
    return functional.upsample(x, { scale = p.scale, size = p.size, mode = p.mode, align_corners = p.align_corners, who = self })
  end, function(self, s)
    local out = { s[1], s[2] }
    local list = check.per_axis(self, p.size and "size" or "scale", p.size or p.scale, nil, #s - 2, 1)
    for d = 1, #s - 2 do out[d + 2] = p.size and list[d] or list[d] * s[d + 2] end
    return out, 0
  end)
end

for _, kind in ipairs { "relu", "gelu", "sigmoid", "tanh", "softplus", "silu", "identity", "global_avg_pool", "global_max_pool", "upsample" } do
  module.builtin(kind, function(o) return L[kind](o) end)
end
for kind, first in pairs {
  leaky_relu = "slope", elu = "alpha", softmax = "axis", log_softmax = "axis", dropout = "p", flatten = "first",
  max_pool = "kernel", avg_pool = "kernel",
} do
  module.builtin(kind, function(o)
    local v = o[first]
    o[first] = nil
    return L[kind](v, o)
  end)
end

return L
