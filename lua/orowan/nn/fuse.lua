--- Inference copies of models: batch norm is folded into the convolution before it, and a relu
--- behind a convolution is done in its kernel. With s = gamma / sqrt(var + eps):
---   w' = w s,  b' = (b - mean) s + beta
--- Outputs agree with the model in evaluation mode within rounding: a few units in the last place
--- of the largest term of each sum (spec: 1e-5 relative in f32, 1e-12 in f64).
local module = require "orowan.nn.module"
local tape = require "orowan.nn.tape"

local function is_conv(m) return m.kind:match "^conv%dd$" and not m.activation end

-- In f64, so that the folded weights are the rounded exact ones.
local function fold(m, bn)
  local w = m.weight.value
  local dtype = w:dtype()
  local function wide(v) return v and v:to "f64" end
  local s = (wide(bn.running_var) + bn.eps):rsqrt()
  if bn.weight then s = s * wide(bn.weight.value) end
  local shape = { -1 }
  for d = 2, w:ndim() do shape[d] = 1 end
  local b = (m.bias and wide(m.bias.value) or 0) - wide(bn.running_mean)
  b = b * s
  if bn.bias then b = b + wide(bn.bias.value) end
  m.weight.value = (wide(w) * s:reshape(shape)):to(dtype)
  if m.bias then m.bias.value = b:to(dtype)
  else
    m.options.bias = nil
    module.add_parameter(m, "bias", tape.leaf(b:to(dtype)))
  end
end

local function shorten(self)
  local items, kept = self.items, {}
  local k = 1
  while k <= #items do
    local m, after = items[k], items[k + 1]
    if after and is_conv(m) and after.kind == "batch_norm" then
      fold(m, after)
      k = k + 1
      after = items[k + 1]
    end
    if after and is_conv(m) and (after.kind == "relu" or after.kind == "leaky_relu") then
      m.activation, m.alpha = after.kind, after.alpha
      m.options.activation, m.options.alpha = m.activation, m.alpha
      k = k + 1
    end
    kept[#kept + 1] = m
    k = k + 1
  end
  self.items = {}
  self.entries = {}
  for i, m in ipairs(kept) do
    self.items[i] = m
    module.add_child(self, m.name, m, "items", i)
  end
end

---@class orowan.module
local Module = module.class

--- A copy for inference, in evaluation mode, without gradients: batch norms are folded into the
--- layers before them and relus into convolutions, within each sequential. Outputs agree with the
--- model's in evaluation mode within rounding (about 1e-6 relative in f32).
---@return orowan.module
function Module:fuse()
  local copy = module.clone(self, function(m)
    m.options = module.plain_copy(m.options)
    if m.kind == "sequential" then shorten(m) end
    return m
  end)
  return copy:freeze():eval()
end

return {}
