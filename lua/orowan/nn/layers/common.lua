--- What the constructors of layers share. A layer is a module with
---   forward(self, x)          computes
---   infer(self, shape)        shape of the result and multiply-adds counted as 2 operations,
---                             without computing (nn.summary)
local check = require "orowan.nn.check"
local module = require "orowan.nn.module"

local M = {}

local always = { name = true, dtype = true, seed = true }

--- The options of a constructor; name, dtype and seed are allowed everywhere.
function M.options(kind, o, ...)
  local allowed = check.set(...)
  for k in pairs(always) do allowed[k] = true end
  return check.options(kind, o, allowed)
end

--- A layer; `plain` is what describe() gives, `o` the constructor's options (name).
function M.layer(kind, plain, o, forward, infer)
  local self = module.new(kind, plain, forward)
  self.infer, self.name = infer, o.name
  if o.name ~= nil and (type(o.name) ~= "string" or o.name == "" or o.name:find "%.") then
    check.fail(kind, "name: expected a word without dots, got %s", tostring(o.name))
  end
  return self
end

--- Weight and bias, drawn from one stream of random numbers. As the field expects, both are uniform
--- within 1 / sqrt(fan_in) unless the options say otherwise (He et al. 2015 with a = sqrt 5).
function M.weights(self, o, shape, bias_shape, fan_in)
  local dtype, rng = o.dtype or module.default_dtype(), module.rng(o.seed)
  local bound = 1 / math.sqrt(math.max(1, fan_in))
  local init = require "orowan.nn.initializers"
  local default = init.uniform(-bound, bound)
  local weight = module.new_parameter(module.initializer(self.kind, o.init, default), shape, dtype, rng)
  module.add_parameter(self, "weight", weight)
  local bias
  if bias_shape then
    bias = module.new_parameter(module.initializer(self.kind, o.bias_init, default), bias_shape, dtype, rng)
  end
  module.add_parameter(self, "bias", bias)
end

--- infer for layers that keep the shape.
function M.same(_, shape) return shape, 0 end

return M
