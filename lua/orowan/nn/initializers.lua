--- Starting values of parameters. Each function gives an initialiser f(shape, dtype, rng) for a
--- layer's options `init` and `bias_init`. Values are a pure function of the seed (Philox).
--- fan_in is the number of inputs that one output sums: size of axis 2 times the kernel; fan_out
--- is size of axis 1 times the kernel.
local core = require "orowan.core"
local check = require "orowan.nn.check"

local init = {}

local function fans(shape)
  if #shape == 0 then return 1, 1 end
  if #shape == 1 then return shape[1], shape[1] end
  local field = 1
  for k = 3, #shape do field = field * shape[k] end
  return math.max(1, shape[2] * field), math.max(1, shape[1] * field)
end

local function fan(shape, mode)
  local fan_in, fan_out = fans(shape)
  return mode == "fan_out" and fan_out or fan_in
end

local function uniform(bound)
  return function(shape, dtype, rng) return rng:uniform(shape, { lo = -bound(shape), hi = bound(shape), dtype = dtype }) end
end

local function normal(std)
  return function(shape, dtype, rng) return rng:normal(shape, { std = std(shape), dtype = dtype }) end
end

local kaiming = check.set("a", "mode")
local function kaiming_std(fn, o)
  o = check.options(fn, o, kaiming)
  local a = check.number(fn, "a", o.a, 0)
  local mode = check.word(fn, "mode", o.mode, "fan_in", { "fan_in", "fan_out" })
  return function(shape) return math.sqrt(2 / (1 + a * a) / fan(shape, mode)) end
end

--- Uniform with variance 2 / ((1 + a^2) fan) (He et al. 2015), a the slope of the leaky relu that
--- follows.
---@param options? {a: number, mode: string} a default 0; mode "fan_in" (default) or "fan_out"
---@return fun(shape: integer[], dtype: string, rng: orowan.rng): orowan.tensor
function init.kaiming_uniform(options)
  local std = kaiming_std("kaiming_uniform", options)
  return uniform(function(shape) return math.sqrt(3) * std(shape) end)
end

--- Normal with variance 2 / ((1 + a^2) fan) (He et al. 2015).
---@param options? {a: number, mode: string} as for kaiming_uniform
---@return fun(shape: integer[], dtype: string, rng: orowan.rng): orowan.tensor
function init.kaiming_normal(options) return normal(kaiming_std("kaiming_normal", options)) end

local function xavier_std(fn, o)
  local gain = check.number(fn, "gain", check.options(fn, o, check.set "gain").gain, 1)
  return function(shape)
    local fan_in, fan_out = fans(shape)
    return gain * math.sqrt(2 / (fan_in + fan_out))
  end
end

--- Uniform with variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio 2010).
---@param options? {gain: number} default 1
---@return fun(shape: integer[], dtype: string, rng: orowan.rng): orowan.tensor
function init.xavier_uniform(options)
  local std = xavier_std("xavier_uniform", options)
  return uniform(function(shape) return math.sqrt(3) * std(shape) end)
end

--- Normal with variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio 2010).
---@param options? {gain: number} default 1
---@return fun(shape: integer[], dtype: string, rng: orowan.rng): orowan.tensor
function init.xavier_normal(options) return normal(xavier_std("xavier_normal", options)) end

--- Orthonormal rows or columns (whichever are fewer) of the matrix [axis 1, rest], times gain
--- (Saxe, McClelland, Ganguli 2014): Q of a normal matrix, signs fixed by R's diagonal.
---@param options? {gain: number} default 1
---@return fun(shape: integer[], dtype: string, rng: orowan.rng): orowan.tensor
function init.orthogonal(options)
  local gain = check.number("orthogonal", "gain", check.options("orthogonal", options, check.set "gain").gain, 1)
  return function(shape, dtype, rng)
    if #shape < 2 then check.fail("orthogonal", "expected at least 2 axes, got %s", check.shape_text(shape)) end
    local rows, cols = shape[1], 1
    for k = 2, #shape do cols = cols * shape[k] end
    local q, r = core.linalg.qr(rng:normal(math.max(rows, cols), math.min(rows, cols)))
    q = q * r:diagonal():sign()
    if rows < cols then q = q:T() end
    return (q * gain):contiguous():reshape(shape):to(dtype)
  end
end

--- Zeros.
---@return fun(shape: integer[], dtype: string): orowan.tensor
function init.zeros() return init.constant(0) end

--- Ones.
---@return fun(shape: integer[], dtype: string): orowan.tensor
function init.ones() return init.constant(1) end

--- One value.
---@param value number
---@return fun(shape: integer[], dtype: string): orowan.tensor
function init.constant(value)
  return function(shape, dtype) return core.create.full(shape, value, dtype) end
end

--- Normal numbers.
---@param options? {mean: number, std: number} defaults 0, 1
---@return fun(shape: integer[], dtype: string, rng: orowan.rng): orowan.tensor
function init.normal(options)
  local o = check.options("normal", options, check.set("mean", "std"))
  return function(shape, dtype, rng) return rng:normal(shape, { mean = o.mean or 0, std = o.std or 1, dtype = dtype }) end
end

--- Uniform numbers on [lo, hi).
---@param lo number
---@param hi number
---@return fun(shape: integer[], dtype: string, rng: orowan.rng): orowan.tensor
function init.uniform(lo, hi)
  return function(shape, dtype, rng) return rng:uniform(shape, { lo = lo, hi = hi, dtype = dtype }) end
end

return init
