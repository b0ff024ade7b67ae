---@meta orowan.random
--- Random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC'11) keyed by seed and stream.
--- A generator is a place in a stream of 64-bit words; element k of a draw reads fixed words
--- from there (two for a normal, one else), so the same calls give the same bits at any number
--- of threads, SIMD level and machine. Different streams of one seed are independent.
--- `ow.random.NAME` draws from the default generator (seed 0 at start; see `ow.seed`), `g:NAME`
--- from g.
--- A shape is a table or integers; without one the result is a number. Options follow it; a
--- dtype name may stand for {dtype = name}. Errors (bad parameters, dtype) are raised.
local ow = {}
---@class orowan.rng
local rng = {}
local random = {}

--- A generator. Streams number the independent sequences of a seed (replicas, workers).
--- ```lua
--- local a, b = ow.rng(7):normal({ 100 }), ow.rng(7):normal({ 100 })
--- print(ow.equal(a, b))  --> true
--- ```
---@param seed? integer any 64-bit integer, default 0
---@param stream? integer any 64-bit integer, default 0
---@return orowan.rng
function ow.rng(seed, stream) end

--- Starts the default generator anew.
---@param n integer seed
---@param stream? integer default 0
function ow.seed(n, stream) end

--- A generator; see `ow.rng`.
---@param seed? integer default 0
---@param stream? integer default 0
---@return orowan.rng
function random.rng(seed, stream) end

--- Starts the default generator anew; see `ow.seed`.
---@param n integer seed
---@param stream? integer default 0
function random.seed(n, stream) end

--- The default generator itself, the one behind `ow.random.uniform` and its like.
---@return orowan.rng
function random.generator() end

--- Uniform on [lo, hi).
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return number|orowan.tensor options: lo (0), hi (1), dtype (f64, f32: 24 random bits)
function random.uniform(shape, ...) end

--- Normal, by Box and Muller's cosine branch.
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return number|orowan.tensor options: mean (0), std (1), dtype (f64, f32)
function random.normal(shape, ...) end

--- Exponential.
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return number|orowan.tensor options: mean (1), dtype (f64, f32)
function random.exponential(shape, ...) end

--- Whole numbers lo..hi, both included, equally likely (bias below (hi - lo + 1) / 2^64).
---@param lo integer
---@param hi integer
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return integer|orowan.tensor options: dtype (i64, or one that holds lo and hi)
function random.integers(lo, hi, shape, ...) end

--- Poisson. Below mean 10 by inversion, else PTRS (Hoermann 1993).
---@param mean number 0 to 1e15
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return integer|orowan.tensor options: dtype (i64)
function random.poisson(mean, shape, ...) end

--- Gamma distribution (Marsaglia and Tsang 2000).
---@param alpha number shape parameter, above 0
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return number|orowan.tensor options: scale (1), dtype (f64, f32)
function random.gamma(alpha, shape, ...) end

--- The numbers 1..n in random order.
---@param n integer
---@return orowan.tensor i64 [n]
function random.permutation(n) end

--- A fresh tensor with the entries of an axis in random order; a Lua list is shuffled in place.
---@param values orowan.tensor|table
---@param axis? integer default 1
---@return orowan.tensor|table
function random.shuffle(values, axis) end

--- k random numbers of 1..n, or k random rows of a tensor or table. With weights and without
--- replacement: successive draws in proportion to weight (Efraimidis and Spirakis 2006).
---@param values integer|orowan.tensor|table
---@param k integer
---@param options? {replace: boolean, weights: orowan.tensor|table} replace: default true; weights: 0 or more, finite
---@return orowan.tensor i64 [k], or rows
function random.choice(values, k, options) end

--- The next 64-bit word.
---@return integer
function rng:u64() end

--- The place in the stream, to be saved; a table of three integers.
---@return {seed: integer, stream: integer, next: integer}
function rng:state() end

--- Goes to a saved place.
---@param state {seed: integer, stream: integer, next: integer}
---@return orowan.rng self
function rng:restore(state) end

--- See `ow.random.uniform`.
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return number|orowan.tensor options: lo (0), hi (1), dtype (f64, f32: 24 random bits)
function rng:uniform(shape, ...) end

--- See `ow.random.normal`.
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return number|orowan.tensor options: mean (0), std (1), dtype (f64, f32)
function rng:normal(shape, ...) end

--- See `ow.random.exponential`.
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return number|orowan.tensor options: mean (1), dtype (f64, f32)
function rng:exponential(shape, ...) end

--- See `ow.random.integers`.
---@param lo integer
---@param hi integer
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return integer|orowan.tensor options: dtype (i64, or one that holds lo and hi)
function rng:integers(lo, hi, shape, ...) end

--- See `ow.random.poisson`.
---@param mean number 0 to 1e15
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return integer|orowan.tensor options: dtype (i64)
function rng:poisson(mean, shape, ...) end

--- See `ow.random.gamma`.
---@param alpha number shape parameter, above 0
---@param shape? integer[]|integer
---@param ... integer|table|string
---@return number|orowan.tensor options: scale (1), dtype (f64, f32)
function rng:gamma(alpha, shape, ...) end

--- See `ow.random.permutation`.
---@param n integer
---@return orowan.tensor i64 [n]
function rng:permutation(n) end

--- See `ow.random.shuffle`.
---@param values orowan.tensor|table
---@param axis? integer default 1
---@return orowan.tensor|table
function rng:shuffle(values, axis) end

--- See `ow.random.choice`.
---@param values integer|orowan.tensor|table
---@param k integer
---@param options? {replace: boolean, weights: orowan.tensor|table} replace: default true; weights: 0 or more, finite
---@return orowan.tensor i64 [k], or rows
function rng:choice(values, k, options) end

return ow
