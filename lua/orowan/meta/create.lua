---@meta orowan.create
--- Making tensors. A shape is a table {2, 3} or plain integers; the dtype, one of
--- u8 i32 i64 f32 f64 c64 c128 (f16 bf16: storage and conversion only), stands behind it.
--- Errors are raised: a bad dtype or shape, a value the dtype cannot hold, memory.
local ow = {}

--- Tensor of a number or of nested tables of equal rows; of a tensor: a copy.
--- Integers (and booleans) give i64, any float gives f64, unless a dtype is given (checked).
--- ```lua
--- local t = ow.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
--- print(t:dtype(), t:shape(1), t:get(2, 3))  --> i64 2 6
--- ```
---@param data number|table|orowan.tensor
---@param dtype? string
---@return orowan.tensor t shape of the nesting
function ow.tensor(data, dtype) end

--- Is this value a tensor?
---@param value any
---@return boolean
function ow.is_tensor(value) end

--- All 0: `zeros(2, 3)`, `zeros({2, 3}, "f32")`, `zeros(2, 3, "f32")`.
---@param shape integer[]|integer
---@param ... integer|string further sizes, then the dtype
---@return orowan.tensor t default f64
function ow.zeros(shape, ...) end

--- All 1; arguments as `zeros`.
---@param shape integer[]|integer
---@param ... integer|string further sizes, then the dtype
---@return orowan.tensor t default f64
function ow.ones(shape, ...) end

--- Undefined contents, to be written; arguments as `zeros`.
---@param shape integer[]|integer
---@param ... integer|string further sizes, then the dtype
---@return orowan.tensor t default f64
function ow.empty(shape, ...) end

--- All one value.
---@param shape integer[]
---@param value number|number[] {re, im} for a complex tensor
---@param dtype? string default: i64 for an integer, f64 for a float, c128 for {re, im}
---@return orowan.tensor t
function ow.full(shape, value, dtype) end

--- Zeros of another tensor's shape.
---@param like orowan.tensor
---@param dtype? string default like's
---@return orowan.tensor t
function ow.zeros_like(like, dtype) end

--- Ones of another tensor's shape.
---@param like orowan.tensor
---@param dtype? string default like's
---@return orowan.tensor t
function ow.ones_like(like, dtype) end

--- Undefined contents in another tensor's shape.
---@param like orowan.tensor
---@param dtype? string default like's
---@return orowan.tensor t
function ow.empty_like(like, dtype) end

--- One value in another tensor's shape.
---@param like orowan.tensor
---@param value number|number[]
---@param dtype? string default like's
---@return orowan.tensor t
function ow.full_like(like, value, dtype) end

--- first, first + step, ... up to and including last, as Lua's `for` counts (a last point
--- missed by rounding alone is kept). `arange(n)` is 1..n.
--- ```lua
--- print(ow.arange(2, 8, 3):sum(), ow.arange(4):sum())  --> 15 10
--- ```
---@param first number
---@param last? number
---@param step? number default 1; not 0
---@param dtype? string default i64 if all arguments are integers, else f64
---@return orowan.tensor t [floor((last - first) / step) + 1], possibly 0 long
function ow.arange(first, last, step, dtype) end

--- n points evenly from first to last, both exact.
--- ```lua
--- print(ow.linspace(0, 1, 5):get(2))  --> 0.25
--- ```
---@param first number
---@param last number
---@param n integer 0 or more
---@param dtype? string default f64
---@return orowan.tensor t [n]
function ow.linspace(first, last, n, dtype) end

--- n points with a constant ratio from first to last (the values themselves, not exponents).
---@param first number above 0
---@param last number above 0
---@param n integer
---@param dtype? string default f64
---@return orowan.tensor t [n]
function ow.logspace(first, last, n, dtype) end

--- Ones on the diagonal: `eye(n)`, `eye(n, m)`, `eye(n, "f32")`.
---@param n integer rows
---@param m? integer|string columns (default n), or the dtype
---@param dtype? string default f64
---@return orowan.tensor t [n, m]
function ow.eye(n, m, dtype) end

--- Tensor of the bytes of a string, row-major.
---@param data string
---@param dtype string
---@param shape? integer[] default: 1-D, as many as there are
---@param options? {endian: string} byte order of data, "little" (default) or "big"
---@return orowan.tensor t
function ow.from_bytes(data, dtype, shape, options) end

--- Complex numbers from their parts, broadcast together. `t:real()` and `t:imag()` give them back.
---@param re orowan.tensor|table|number real part
---@param im orowan.tensor|table|number imaginary part
---@return orowan.tensor t c64 if both parts are f32, else c128
--- Errors: a complex part; shapes that do not broadcast.
function ow.complex(re, im) end

--- Same shape and same values? NaN equals nothing unless equal_nan.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number
---@param options? {equal_nan: boolean}
---@return boolean
function ow.equal(a, b, options) end

--- |a - b| <= atol + rtol |b| everywhere, after broadcasting; infinities must be equal.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number the reference
---@param options? {rtol: number, atol: number, equal_nan: boolean} defaults 1e-5, 1e-8, false
---@return boolean
function ow.allclose(a, b, options) end

return ow
