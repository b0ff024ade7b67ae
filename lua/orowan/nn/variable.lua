--- Variables: tensors that remember how they came about. `v.value` is the tensor, `v.grad` its
--- gradient once a result was differentiated. Operators + - * / ^ and unary - broadcast; numbers
--- and tensors may stand on either side; comparisons are made on `.value`.
local core = require "orowan.core"
local functional = require "orowan.nn.functional"
local tape = require "orowan.nn.tape"
local is_tensor = core.tensor.is_tensor

local Variable = tape.class

---@class orowan.variable
---@field value orowan.tensor
---@field grad orowan.tensor? sum of the gradients so far; nil: none came
---@field needs_grad boolean
local methods = {}

for _, name in ipairs {
  "matmul", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "abs", "sin", "cos", "erf", "clip",
  "maximum", "minimum", "sum", "mean", "var", "max", "min", "reshape", "flatten", "permute", "transpose", "squeeze",
  "unsqueeze", "broadcast_to", "flip", "roll", "select", "slice", "split", "take", "gather", "tanh", "sigmoid", "relu",
  "softmax", "log_softmax",
} do methods[name] = functional[name] end
methods.narrow, methods.expand = functional.slice, functional.broadcast_to

for event, name in pairs { __add = "add", __sub = "sub", __mul = "mul", __div = "div", __pow = "pow", __unm = "neg" } do
  Variable[event] = functional[name]
end

for _, name in ipairs { "shape", "ndim", "numel", "dtype", "totable", "item" } do
  methods[name] = function(self, ...) return self.value[name](self.value, ...) end
end

--- With all axes reversed.
---@return orowan.variable
function methods:T()
  local order = {}
  for d = self.value:ndim(), 1, -1 do order[#order + 1] = d end
  return functional.permute(self, order)
end

--- Gradients of this variable with respect to all leaves that need one, added to their `.grad`.
--- The intermediate results are dropped on the way, so a second call raises unless `retain`.
---@param seed? orowan.tensor|number gradient of something with respect to this (default 1, for one number)
---@param options? {retain: boolean} keep the graph for another backward
function methods:backward(seed, options)
  if type(seed) == "table" and not tape.is_variable(seed) then seed, options = nil, seed end
  return tape.backward(self, seed, options and options.retain)
end

--- The same tensor without history.
---@return orowan.variable
function methods:detach() return tape.leaf(self.value) end

--- Asks for the gradient of this intermediate result too.
---@return orowan.variable self
function methods:retain_grad()
  rawset(self, "keep_grad", true)
  return self
end

--- Forgets the gradient.
function methods:zero_grad() self.grad = nil end

Variable.__index = function(self, key)
  if type(key) == "string" then return methods[key] end
  return functional.index(self, key)
end

Variable.__len = function(self) return #self.value end

Variable.__tostring = function(self)
  return "variable of " .. tostring(self.value)
end

local M = {}

--- Wraps a tensor for differentiation.
---@param t orowan.tensor|table|number numbers and tables become f32 unless dtype says otherwise
---@param options? {grad: boolean, dtype: string} grad: a leaf whose gradient is wanted (default false)
---@return orowan.variable
function M.variable(t, options)
  local o = options or {}
  if tape.is_variable(t) then error("variable: expected a tensor, got a variable; use :detach()", 0) end
  if not is_tensor(t) then t = core.tensor.tensor(t, o.dtype or "f32")
  elseif o.dtype and t:dtype() ~= o.dtype then t = t:to(o.dtype) end
  local dtype = t:dtype()
  if o.grad and dtype ~= "f32" and dtype ~= "f64" then
    error(("variable: only f32 and f64 have gradients, got %s; convert it or give dtype"):format(dtype), 0)
  end
  return tape.leaf(t, o.grad)
end

--- Is this value a variable?
---@param value any
---@return boolean
function M.is_variable(value) return tape.is_variable(value) end

--- Runs f without recording: results have no history, and nothing is kept for a gradient.
---@param f function
---@param ... any its arguments
---@return any ... what f returns
function M.no_grad(f, ...) return tape.no_grad(f, ...) end

--- Runs f and calls back after every layer, for looking inside a model.
---@param callback fun(module: orowan.module, input: any, output: any)
---@param f function
---@param ... any its arguments
---@return any ... what f returns
function M.watch(callback, f, ...) return tape.watch(callback, f, ...) end

return M
