--- Normalisations: over the batch (Ioffe and Szegedy 2015), over groups of channels (Wu and He
--- 2018), over the last axes (Ba, Kiros, Hinton 2016). y = (x - mean) / sqrt(var + eps) gamma + beta
--- with the biased variance.
local check = require "orowan.nn.check"
local tape = require "orowan.nn.tape"
local value, record, run, fail = tape.value, tape.record, check.run, check.fail

local F = {}

local function check_channels(who, x, gamma, n, of)
  if x:ndim() < 2 then fail(who, "expected N x C x spatial axes, got %s", check.shape_text(x)) end
  if gamma and x:shape(2) ~= n then fail(who, "%s has %d channels, input is %s", of, n, check.shape_text(x)) end
end

-- Outputs 2 and 3 are wanted only for affine parameters.
local function declined(need)
  local out = {}
  if not need[2] then out[2] = false end
  if not need[3] then out[3] = false end
  return out
end

--- Every channel over the batch and all positions; with mean and var those are taken (as in
--- evaluation), else they are the batch's. May apply relu or leaky_relu at once.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param gamma? orowan.variable|orowan.tensor [C]
---@param beta? orowan.variable|orowan.tensor [C]
---@param options? {mean: orowan.tensor, var: orowan.tensor, eps: number, activation: string, alpha: number} eps default 1e-5; activation "none", "relu" or "leaky_relu", alpha its slope
---@return orowan.variable y as x
---@return orowan.tensor mean [C] that was used
---@return orowan.tensor var [C], biased
function F.batch_norm(x, gamma, beta, options)
  local o = options or {}
  local who = o.who or "batch_norm"
  local t, g, b = value(x), value(gamma), value(beta)
  local first = g or o.mean
  check_channels(who, t, first, first and first:shape(1), g and "weight" or "mean")
  local p = { eps = o.eps, activation = o.activation, alpha = o.alpha }
  if not o.mean and t:numel() == t:shape(2) then
    fail(who, "input is %s: one value a channel has no variance; use evaluation mode", check.shape_text(t))
  end
  local y, mean, var = run(who, "batch_norm", t, g, b, o.mean, o.var, p)
  mean, var = o.mean or mean, o.var or var
  local out = record("batch_norm", y, { x, gamma or false, beta or false }, function(dy, need)
    local q = { eps = o.eps, activation = o.activation, alpha = o.alpha, fixed = o.mean and 1 or 0, out = declined(need) }
    return run(who, "batch_norm_grad", t, dy, g, b, mean, var, q)
  end, true)
  return out, mean, var
end

--- Groups of channels of each sample.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param groups integer divides C
---@param gamma? orowan.variable|orowan.tensor [C]
---@param beta? orowan.variable|orowan.tensor [C]
---@param options? {eps: number} default 1e-5
---@return orowan.variable y as x
function F.group_norm(x, groups, gamma, beta, options)
  local o = options or {}
  local who = o.who or "group_norm"
  local t, g, b = value(x), value(gamma), value(beta)
  check_channels(who, t, g, g and g:shape(1), "weight")
  if t:shape(2) % groups ~= 0 then fail(who, "input is %s: its channels cannot be cut into %d groups", check.shape_text(t), groups) end
  local y, mean, var = run(who, "group_norm", t, g, b, { groups = groups, eps = o.eps })
  return record("group_norm", y, { x, gamma or false, beta or false }, function(dy, need)
    return run(who, "group_norm_grad", t, dy, g, mean, var, { groups = groups, eps = o.eps, out = declined(need) })
  end, true)
end

--- The last axes of each sample, those that gamma has (without gamma: the last one).
---@param x orowan.variable|orowan.tensor [..., *D]
---@param gamma? orowan.variable|orowan.tensor [*D]
---@param beta? orowan.variable|orowan.tensor [*D]
---@param options? {eps: number} default 1e-5
---@return orowan.variable y as x
function F.layer_norm(x, gamma, beta, options)
  local o = options or {}
  local who = o.who or "layer_norm"
  local t, g, b = value(x), value(gamma), value(beta)
  local s = t:shape()
  local last = g and g:shape() or { s[#s] }
  local d = 1
  for k = 1, #last do
    if last[k] ~= s[#s - #last + k] then fail(who, "weight is %s, input is %s", check.shape_text(last), check.shape_text(t)) end
    d = d * last[k]
  end
  local flat = t:reshape { t:numel() // math.max(d, 1), d }
  local g1, b1 = g and g:flatten(), b and b:flatten()
  local y, mean, var = run(who, "layer_norm", flat, g1, b1, { eps = o.eps })
  return record("layer_norm", y:reshape(s), { x, gamma or false, beta or false }, function(dy, need)
    local dx, dg, db = run(who, "layer_norm_grad", flat, dy:reshape(flat:shape()), g1, mean, var, { eps = o.eps, out = declined(need) })
    return dx:reshape(s), dg and dg:reshape(last), db and db:reshape(last)
  end, true)
end

return F
