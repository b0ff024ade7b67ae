---@meta orowan.reduce
--- Reductions along axes, and running sums and products. `t:sum()` reduces all axes and gives
--- a number (complex: a 0-d tensor); `t:sum(axis)`, `t:sum({1, -1})` and `t:sum{axis=, keepdims=,
--- out=}` reduce some and give a tensor without them (keepdims leaves them with length 1).
--- Sums follow a fixed tree: bitwise the same at any thread count, error growing with log n;
--- f32 and c64 accumulate in double precision, integers in i64 (wrapping). NaN propagates.
--- An axis that is not there or given twice raises (code "argument").
local ow = {}

--- Sum of the elements; 0 when empty; integers give i64.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|number s
function ow.sum(t, axis, options) end

--- Product of the elements; 1 when empty; integers give i64.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|number p
function ow.prod(t, axis, options) end

--- Arithmetic mean; NaN when empty; integers give f64.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|number m
function ow.mean(t, axis, options) end

--- Variance, sum |x - mean|^2 / (n - ddof), in two passes; integers give f64, complex input
--- its real type.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor, ddof: number} ddof: default 0; 1 for the unbiased estimate
---@return orowan.tensor|number v
function ow.var(t, axis, options) end

--- Standard deviation: square root of the variance.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor, ddof: number} ddof: default 0
---@return orowan.tensor|number s
function ow.std(t, axis, options) end

--- Euclidean norm sqrt(sum |x|^2), without overflow of the squares.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|number n
function ow.norm(t, axis, options) end

--- Smallest element; NaN wins; raises when empty.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|number m in the dtype of t
function ow.min(t, axis, options) end

--- Largest element; NaN wins; raises when empty.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|number m in the dtype of t
function ow.max(t, axis, options) end

--- Position of the first smallest element, or of the first NaN; raises when empty.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|integer i from 1; over all axes the position in row-major order
function ow.argmin(t, axis, options) end

--- Position of the first largest element, or of the first NaN; raises when empty.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|integer i from 1; over all axes the position in row-major order
function ow.argmax(t, axis, options) end

--- Whether some element is nonzero (NaN is); false when empty.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|boolean b along axes: u8, 1 or 0
function ow.any(t, axis, options) end

--- Whether every element is nonzero; true when empty.
---@param t orowan.tensor|table
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean, out: orowan.tensor}
---@return orowan.tensor|boolean b along axes: u8, 1 or 0
function ow.all(t, axis, options) end

--- Running sum along an axis; integers give i64.
---@param t orowan.tensor|table
---@param axis? integer|table one axis (needed above one dimension), or the options
---@param options? {axis: integer, out: orowan.tensor} out may be t itself
---@return orowan.tensor s shape of t
function ow.cumsum(t, axis, options) end

--- Running product along an axis; integers give i64.
---@param t orowan.tensor|table
---@param axis? integer|table one axis (needed above one dimension), or the options
---@param options? {axis: integer, out: orowan.tensor} out may be t itself
---@return orowan.tensor p shape of t
function ow.cumprod(t, axis, options) end

return ow
