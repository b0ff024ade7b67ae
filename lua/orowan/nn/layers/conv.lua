--- Layers with a weight: convolutions, transposed convolutions, linear maps, embeddings.
local check = require "orowan.nn.check"
local common = require "orowan.nn.layers.common"
local functional = require "orowan.nn.functional"
local module = require "orowan.nn.module"
local tape = require "orowan.nn.tape"

local L = {}

local function product(list, first)
  local p = 1
  for k = first or 1, #list do p = p * list[k] end
  return p
end

-- Options of a layer as describe() gives them: a list of equal numbers is one number.
local function short(list)
  for k = 2, #list do if list[k] ~= list[1] then return list end end
  return list[1]
end

-- The activation of a convolution is part of its kernel when no gradient is wanted.
local function activated(self, y)
  if self.activation == "relu" then return functional.relu(y) end
  if self.activation == "leaky_relu" then return functional.leaky_relu(y, self.alpha) end
  return y
end

local function read(kind, rank, inputs, outputs, options, transposed)
  local o = common.options(kind, options, "kernel", "stride", "padding", "dilation", "groups", "bias", "init", "bias_init",
    transposed and "output_padding" or "activation", transposed and "output_padding" or "alpha")
  local g = {
    inputs = check.integer(kind, "inputs", inputs, nil, 1), outputs = check.integer(kind, "outputs", outputs, nil, 1),
    groups = check.integer(kind, "groups", o.groups, 1, 1),
    stride = check.per_axis(kind, "stride", o.stride, 1, rank, 1),
    dilation = check.per_axis(kind, "dilation", o.dilation, 1, rank, 1),
    bias = o.bias ~= false,
  }
  if o.kernel == nil then check.fail(kind, "kernel: expected an integer or %d of them, got nothing", rank) end
  g.kernel = check.per_axis(kind, "kernel", o.kernel, nil, rank, 1)
  g.padding = o.padding == "same" and not transposed and "same" or check.per_axis(kind, "padding", o.padding, 0, rank, 0)
  if g.inputs % g.groups ~= 0 or g.outputs % g.groups ~= 0 then
    check.fail(kind, "groups: %d does not divide %d input and %d output channels", g.groups, g.inputs, g.outputs)
  end
  return o, g
end

local function plain(g)
  local p = { inputs = g.inputs, outputs = g.outputs, kernel = short(g.kernel) }
  for _, k in ipairs { "stride", "dilation" } do if short(g[k]) ~= 1 then p[k] = short(g[k]) end end
  local padding = g.padding == "same" and "same" or short(g.padding)
  if padding ~= 0 then p.padding = padding end
  if g.groups ~= 1 then p.groups = g.groups end
  if not g.bias then p.bias = false end
  return p
end

local function conv_shape(self, s)
  local f, rank = self.geometry, #self.geometry.kernel
  if #s ~= rank + 2 or s[2] ~= f.inputs then
    check.fail(self, "weight is %s (%d input channels), input is %s", check.shape_text(self.weight), f.inputs, check.shape_text(s))
  end
  local out = { s[1], f.outputs }
  for d = 1, rank do
    if f.padding == "same" then out[d + 2] = s[d + 2]
    else out[d + 2] = (s[d + 2] + 2 * f.padding[d] - f.dilation[d] * (f.kernel[d] - 1) - 1) // f.stride[d] + 1 end
  end
  return out, 2 * product(out) * product(self.weight:shape(), 2)
end

local function conv(kind, rank, inputs, outputs, options)
  local o, g = read(kind, rank, inputs, outputs, options)
  local p = plain(g)
  p.activation = check.word(kind, "activation", o.activation, nil, { "relu", "leaky_relu" })
  if p.activation == "leaky_relu" then p.alpha = check.number(kind, "alpha", o.alpha, 0.01) end
  local self = common.layer(kind, p, o, function(self, x, kind_next, alpha_next)
    local f = { stride = g.stride, padding = g.padding, dilation = g.dilation, groups = g.groups, who = self }
    if tape.recording() then return activated(self, functional.conv(x, self.weight, self.bias, f)) end
    f.activation, f.alpha = kind_next or self.activation, alpha_next or self.alpha
    return functional.conv(x, self.weight, self.bias, f)
  end, conv_shape)
  self.geometry, self.activation, self.alpha = g, p.activation, p.alpha
  local shape = { g.outputs, g.inputs // g.groups, table.unpack(g.kernel) }
  common.weights(self, o, shape, g.bias and { g.outputs }, product(shape, 2))
  return self
end

--- Convolution along one axis.
---@param inputs integer channels
---@param outputs integer channels
---@param options {kernel: integer|integer[], stride: integer|integer[], padding: integer|integer[]|string, dilation: integer|integer[], groups: integer, bias: boolean, activation: string, alpha: number, init: function, bias_init: function, name: string, seed: integer, dtype: string} kernel must be given; padding "same" keeps the extents; activation "relu" or "leaky_relu" (slope alpha) is fused
---@return orowan.module layer [N, inputs, W] -> [N, outputs, W']
function L.conv1d(inputs, outputs, options) return conv("conv1d", 1, inputs, outputs, options) end

--- Convolution in the plane.
---@param inputs integer channels
---@param outputs integer channels
---@param options table as for conv1d; one integer or one per axis
---@return orowan.module layer [N, inputs, H, W] -> [N, outputs, H', W']
function L.conv2d(inputs, outputs, options) return conv("conv2d", 2, inputs, outputs, options) end

--- Convolution in space.
---@param inputs integer channels
---@param outputs integer channels
---@param options table as for conv1d; one integer or one per axis
---@return orowan.module layer [N, inputs, D, H, W] -> [N, outputs, D', H', W']
function L.conv3d(inputs, outputs, options) return conv("conv3d", 3, inputs, outputs, options) end

local function transpose_shape(self, s)
  local f, rank = self.geometry, #self.geometry.kernel
  if #s ~= rank + 2 or s[2] ~= f.inputs then
    check.fail(self, "weight is %s (%d input channels), input is %s", check.shape_text(self.weight), f.inputs, check.shape_text(s))
  end
  local out = { s[1], f.outputs }
  for d = 1, rank do
    out[d + 2] = (s[d + 2] - 1) * f.stride[d] - 2 * f.padding[d] + f.dilation[d] * (f.kernel[d] - 1) + f.extra[d] + 1
  end
  return out, 2 * product(s) * product(self.weight:shape(), 2)
end

local function conv_transpose(kind, rank, inputs, outputs, options)
  local o, g = read(kind, rank, inputs, outputs, options, true)
  g.extra = check.per_axis(kind, "output_padding", o.output_padding, 0, rank, 0)
  local p = plain(g)
  if short(g.extra) ~= 0 then p.output_padding = short(g.extra) end
  local self = common.layer(kind, p, o, function(self, x)
    return functional.conv_transpose(x, self.weight, self.bias, {
      stride = g.stride, padding = g.padding, dilation = g.dilation, groups = g.groups, output_padding = g.extra, who = self,
    })
  end, transpose_shape)
  self.geometry = g
  local shape = { g.inputs, g.outputs // g.groups, table.unpack(g.kernel) }
  common.weights(self, o, shape, g.bias and { g.outputs }, product(shape, 2))
  return self
end

--- Transposed convolution along one axis.
---@param inputs integer channels
---@param outputs integer channels
---@param options {kernel: integer|integer[], stride: integer|integer[], padding: integer|integer[], output_padding: integer|integer[], dilation: integer|integer[], groups: integer, bias: boolean, init: function, bias_init: function, name: string, seed: integer, dtype: string} kernel must be given
---@return orowan.module layer [N, inputs, W] -> [N, outputs, (W - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1]
function L.conv_transpose1d(inputs, outputs, options) return conv_transpose("conv_transpose1d", 1, inputs, outputs, options) end

--- Transposed convolution in the plane.
---@param inputs integer channels
---@param outputs integer channels
---@param options table as for conv_transpose1d; one integer or one per axis
---@return orowan.module layer
function L.conv_transpose2d(inputs, outputs, options) return conv_transpose("conv_transpose2d", 2, inputs, outputs, options) end

--- Transposed convolution in space.
---@param inputs integer channels
---@param outputs integer channels
---@param options table as for conv_transpose1d; one integer or one per axis
---@return orowan.module layer
function L.conv_transpose3d(inputs, outputs, options) return conv_transpose("conv_transpose3d", 3, inputs, outputs, options) end

--- x w^T + bias over the last axis.
---@param inputs integer features
---@param outputs integer features
---@param options? {bias: boolean, init: function, bias_init: function, name: string, seed: integer, dtype: string}
---@return orowan.module layer [..., inputs] -> [..., outputs]
function L.linear(inputs, outputs, options)
  local o = common.options("linear", options, "bias", "init", "bias_init")
  inputs = check.integer("linear", "inputs", inputs, nil, 1)
  outputs = check.integer("linear", "outputs", outputs, nil, 1)
  local p = { inputs = inputs, outputs = outputs }
  if o.bias == false then p.bias = false end
  local self = common.layer("linear", p, o, function(self, x)
    return functional.linear(x, self.weight, self.bias, { who = self })
  end, function(self, s)
    if s[#s] ~= inputs then
      check.fail(self, "weight is %dx%d (%d input features), input is %s", outputs, inputs, inputs, check.shape_text(s))
    end
    local out = table.move(s, 1, #s - 1, 1, {})
    out[#s] = outputs
    return out, 2 * product(out) * inputs
  end)
  common.weights(self, o, { outputs, inputs }, o.bias ~= false and { outputs }, inputs)
  return self
end

--- A table of rows, taken by number; starts from normal numbers.
---@param count integer rows
---@param features integer columns
---@param options? {init: function, name: string, seed: integer, dtype: string}
---@return orowan.module layer integers [*I], 1-based -> [*I, features]
function L.embedding(count, features, options)
  local o = common.options("embedding", options, "init")
  local p = {
    count = check.integer("embedding", "count", count, nil, 1),
    features = check.integer("embedding", "features", features, nil, 1),
  }
  local self = common.layer("embedding", p, o, function(self, index)
    return functional.embedding(index, self.weight, { who = self })
  end, function(_, s)
    local out = table.move(s, 1, #s, 1, {})
    out[#out + 1] = features
    return out, 0
  end)
  module.add_parameter(self, "weight", module.new_parameter(module.initializer("embedding", o.init, "normal"), { count, features },
    o.dtype or module.default_dtype(), module.rng(o.seed)))
  return self
end

for name, f in pairs(L) do
  module.builtin(name, function(o)
    local a, b = o.inputs or o.count, o.outputs or o.features
    o.inputs, o.outputs, o.count, o.features = nil, nil, nil, nil
    return f(a, b, o)
  end)
end

return L
