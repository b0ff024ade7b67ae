---@meta orowan.index
--- Moving elements by position. Index tensors are i32 or i64, 1-based, negative from the end;
--- masks are u8 (comparisons give them). Every index is checked before anything is written.
local ow = {}
---@class orowan.tensor
local tensor = {}

--- One element.
---@param ... integer an index for each axis
---@return number|number[]
function tensor:get(...) end

--- Sets one element.
---@param ... integer|number an index for each axis, then the value
---@return orowan.tensor self
function tensor:set(...) end

--- Iterator over axis 1: index, number or view. `pairs(t)` is the same.
---@return function
---@return orowan.tensor
---@return integer
function tensor:ipairs() end

--- Fresh: entries of an axis by number; the axis is replaced by the index's shape.
--- ```lua
--- local t = ow.tensor { 5, 6, 7, 8 }
--- print(t:take({ 4, 1 }):sum(), t:take(t:gt(6)):sum())  --> 13 15
--- ```
---@param self orowan.tensor
---@param index orowan.tensor|table integers, or a u8 mask of that axis
---@param axis? integer default 1
---@return orowan.tensor
function ow.take(self, index, axis) end

--- See `ow.take`.
---@param index orowan.tensor|table
---@param axis? integer default 1
---@return orowan.tensor
function tensor:take(index, axis) end

--- In place: self[.., index[j], ..] += source[.., j, ..], in the order of j.
---@param axis integer
---@param index orowan.tensor|table [m]
---@param source orowan.tensor|table|number self's shape with m along axis, broadcast
---@return orowan.tensor self
function tensor:index_add(axis, index, source) end

--- In place: self[.., index[j], ..] = source[.., j, ..], in the order of j.
---@param axis integer
---@param index orowan.tensor|table [m]
---@param source orowan.tensor|table|number
---@return orowan.tensor self
function tensor:index_put(axis, index, source) end

--- Fresh: out[.., j, ..] = self[.., index[.., j, ..], ..].
---@param axis integer
---@param index orowan.tensor|table self's shape but along axis
---@return orowan.tensor out the index's shape
function tensor:gather(axis, index) end

--- In place: self[.., index[.., j, ..], ..] = source[.., j, ..]; later entries win.
---@param axis integer
---@param index orowan.tensor|table self's shape but along axis
---@param source orowan.tensor|table|number the index's shape, broadcast
---@return orowan.tensor self
function tensor:scatter(axis, index, source) end

--- In place: self[.., index[.., j, ..], ..] += source[.., j, ..].
---@param axis integer
---@param index orowan.tensor|table
---@param source orowan.tensor|table|number
---@return orowan.tensor self
function tensor:scatter_add(axis, index, source) end

--- Positions of the elements that are not 0 (NaN counts), row-major.
---@param self orowan.tensor
---@return orowan.tensor i64 [count] of a 1-D tensor, else [count, ndim]
function ow.nonzero(self) end

--- See `ow.nonzero`.
---@return orowan.tensor
function tensor:nonzero() end

--- Fresh: self with value where mask is not 0. (`t[mask] = value` writes in place.)
---@param self orowan.tensor
---@param mask orowan.tensor u8, self's leading shape
---@param value number|orowan.tensor
---@return orowan.tensor
function ow.masked_fill(self, mask, value) end

--- See `ow.masked_fill`.
---@param mask orowan.tensor u8
---@param value number|orowan.tensor
---@return orowan.tensor
function tensor:masked_fill(mask, value) end

--- Fresh: a where cond is not 0, else b; all broadcast. A number beside a tensor takes the
--- tensor's dtype (a float beside integers gives f64); two tensors are promoted.
--- ```lua
--- local t = ow.tensor { -1, 2, -3 }
--- print(ow.where(t:gt(0), t, 0):sum())  --> 2
--- ```
---@param cond orowan.tensor u8
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number
---@return orowan.tensor
function ow.where(cond, a, b) end

--- Fresh: values below lo become lo, above hi become hi; NaN stays NaN. Integers take
--- ceil(lo) and floor(hi).
---@param self orowan.tensor
---@param lo? number|orowan.tensor default: no bound
---@param hi? number|orowan.tensor default: no bound
---@return orowan.tensor
function ow.clip(self, lo, hi) end

--- See `ow.clip`.
---@param lo? number|orowan.tensor
---@param hi? number|orowan.tensor
---@return orowan.tensor
function tensor:clip(lo, hi) end

--- Fresh: tensors joined along an axis; other sizes must agree; dtypes are promoted.
---@param list (orowan.tensor|table)[]
---@param axis? integer default 1
---@return orowan.tensor
function ow.concat(list, axis) end

--- Fresh: tensors of one shape joined along a new axis.
---@param list (orowan.tensor|table|number)[]
---@param axis? integer place of the new axis in the result, default 1
---@return orowan.tensor
function ow.stack(list, axis) end

--- Fresh: the whole tensor repeated along its last axes.
---@param repeats integer[]|integer one for each of the last axes; more than axes adds leading ones
---@param ... integer
---@return orowan.tensor
function tensor:tile(repeats, ...) end

--- Fresh: each entry of an axis n times in a row.
---@param n integer 0 or more
---@param axis? integer default 1
---@return orowan.tensor
function tensor:repeat_each(n, axis) end

--- Fresh: entry i goes to i + shift, around the end.
---@param shift integer
---@param axis? integer default 1
---@return orowan.tensor
function tensor:roll(shift, axis) end

return ow
