--- Activation functions, softmax and dropout.
local check = require "orowan.nn.check"
local tape = require "orowan.nn.tape"
local value, record, run = tape.value, tape.record, check.run

local F = {}

local function activate(x, kind, alpha, who)
  local t, p = value(x), { kind = kind, alpha = alpha }
  return record(kind, run(who or kind, "activation", t, p), { x }, function(dy)
    return run(who or kind, "activation_grad", t, dy, p)
  end, true)
end

--- max(x, 0).
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.relu(x) return activate(x, "relu") end

--- x above 0, slope x below.
---@param x orowan.variable|orowan.tensor
---@param slope? number default 0.01
---@return orowan.variable
function F.leaky_relu(x, slope) return activate(x, "leaky_relu", slope or 0.01) end

--- x above 0, alpha (e^x - 1) below (Clevert, Unterthiner, Hochreiter 2016).
---@param x orowan.variable|orowan.tensor
---@param alpha? number default 1
---@return orowan.variable
function F.elu(x, alpha) return activate(x, "elu", alpha or 1) end

--- x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016), not approximated.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.gelu(x) return activate(x, "gelu") end

--- 1 / (1 + e^-x).
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.sigmoid(x) return activate(x, "sigmoid") end

--- Hyperbolic tangent.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.tanh(x) return activate(x, "tanh") end

--- log(1 + e^x).
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.softplus(x) return activate(x, "softplus") end

--- x / (1 + e^-x).
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.silu(x) return activate(x, "silu") end

local function soft(name, x, axis, log)
  local t = value(x)
  local p = { axis = check.axis(name, axis or math.min(2, t:ndim()), t:ndim()), log = log }
  local y = run(name, "softmax", t, p)
  return record(name, y, { x }, function(dy) return run(name, "softmax_grad", y, dy, p) end, true)
end

--- e^x divided by its sum along an axis.
---@param x orowan.variable|orowan.tensor
---@param axis? integer default 2: the channels
---@return orowan.variable
function F.softmax(x, axis) return soft("softmax", x, axis, 0) end

--- Logarithm of softmax, without overflow.
---@param x orowan.variable|orowan.tensor
---@param axis? integer default 2: the channels
---@return orowan.variable
function F.log_softmax(x, axis) return soft("log_softmax", x, axis, 1) end

--- Each element is 0 with probability p, else divided by 1 - p (Srivastava et al. 2014). The
--- choice is a pure function of seed and stream (Philox).
---@param x orowan.variable|orowan.tensor
---@param p number 0 to below 1
---@param options? {seed: integer, stream: integer} defaults 0
---@return orowan.variable
function F.dropout(x, p, options)
  local o = options or {}
  local who = o.who or "dropout"
  local q = { p = check.number(who, "p", p, nil, 0, 1), seed = o.seed or 0, stream = o.stream or 0 }
  return record("dropout", run(who, "dropout", value(x), q), { x }, function(dy) return run(who, "dropout", dy, q) end, true)
end

return F
