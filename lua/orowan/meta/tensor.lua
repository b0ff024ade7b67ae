---@meta orowan.tensor
--- The array type: a view (dtype, shape, strides) of counted memory. Views share memory with
--- the tensor they come from; a function whose result is fresh says so.
--- Axes and positions are 1-based, negative from the end. Errors are raised, naming the axis,
--- the index and the size. `#t` is the size of axis 1; `for i, v in pairs(t)` walks it.
---
--- Reading, t[...]:
---   t[i]            number of a 1-D tensor ({re, im} if complex), else a view of row i
---   t[{a, b, ...}]  one item an axis, missing ones mean the whole axis:
---                   integer (drops the axis) | {first, last, step} (both included; nil: to the
---                   end; step may be negative) | ":" or {} (all) | "..." (as many whole axes as
---                   fit) | "new" (an axis of size 1) | integer tensor or 1-D u8 mask (copies)
---   t[mask]         u8 of t's leading shape: fresh, the elements or rows where it is not 0
---   t[integers]     fresh, rows by number; any shape
--- Writing, t[...] = v, takes the same keys (at most one tensor among items); v is a number,
--- {re, im}, nested table or tensor, broadcast, converted with a check.
---@class orowan.tensor
local tensor = {}

--- Sizes of all axes, or of one.
---@param axis? integer
---@return integer[]|integer
function tensor:shape(axis) end

--- Steps of the axes, in elements.
---@return integer[]
function tensor:stride() end

--- Name of the element type: u8 i32 i64 f32 f64 c64 c128 f16 bf16.
---@return string
function tensor:dtype() end

--- Where the elements are: "cpu" or "opencl:N". Operations need all their tensors on one device
--- (plain numbers go with any) and leave the result there; printing, `:totable()`, `:item()` and
--- `:to("cpu")` read back.
---@return string
function tensor:device() end

--- Number of axes.
---@return integer
function tensor:ndim() end

--- Number of elements.
---@return integer
function tensor:numel() end

--- Row-major without gaps?
---@return boolean
function tensor:is_contiguous() end

--- Do both see the same memory block (not necessarily the same part)?
---@param other orowan.tensor
---@return boolean
function tensor:shares_storage(other) end

--- Gives the memory back now instead of at collection (views keep it alive). May be repeated.
function tensor:close() end

--- Nested Lua tables; a number for a 0-d tensor; {re, im} for complex elements.
---@return table|number
function tensor:totable() end

--- The only element of a tensor of one.
---@return number|number[]
function tensor:item() end

--- A fresh contiguous copy; with a source: fills self from it (in place, broadcast, checked).
---@param source? orowan.tensor|table|number
---@return orowan.tensor t the copy, or self
function tensor:copy(source) end

--- Self if contiguous, else a fresh contiguous copy.
---@return orowan.tensor
function tensor:contiguous() end

--- Another dtype (self if it is that already). A value the dtype cannot hold (fraction, range,
--- imaginary part) raises; unchecked: fractions are cut, ranges saturate, NaN becomes 0.
--- Rounding of f64 to f32, f16, bf16 is allowed. Or another device: "cpu", "opencl:0"; a value
--- that does not fit is told of on a device only when a result is read back.
---@param dtype string dtype or device
---@param options? {unchecked: boolean}
---@return orowan.tensor
function tensor:to(dtype, options) end

--- Sets every element, in place.
---@param value number|number[]
---@return orowan.tensor self
function tensor:fill(value) end

--- The elements as a string, row-major.
---@param options? {endian: string} "little" (default) or "big"
---@return string
function tensor:bytes(options) end

--- See `ow.equal`.
---@param other orowan.tensor|table|number
---@param options? {equal_nan: boolean}
---@return boolean
function tensor:equal(other, options) end

--- See `ow.allclose`.
---@param other orowan.tensor|table|number
---@param options? {rtol: number, atol: number, equal_nan: boolean}
---@return boolean
function tensor:allclose(other, options) end

--- View at one index of an axis, which is dropped.
---@param axis integer
---@param index integer
---@return orowan.tensor
function tensor:select(axis, index) end

--- View of first..last (both included) along an axis. An empty range (last just before first)
--- is allowed.
---@param axis integer
---@param first? integer default 1 (the end for a negative step)
---@param last? integer default the end (1 for a negative step)
---@param step? integer default 1; not 0
---@return orowan.tensor
function tensor:slice(axis, first, last, step) end

--- The same as `slice`.
---@param axis integer
---@param first? integer
---@param last? integer
---@param step? integer
---@return orowan.tensor
function tensor:narrow(axis, first, last, step) end

--- View with two axes exchanged; without arguments the last two.
---@param a? integer
---@param b? integer
---@return orowan.tensor
function tensor:transpose(a, b) end

--- View with all axes reversed.
---@return orowan.tensor
function tensor:T() end

--- View with the axes in another order.
---@param axes integer[]|integer every axis once
---@param ... integer
---@return orowan.tensor
function tensor:permute(axes, ...) end

--- Same elements in row-major order, another shape; a view where strides allow, else a copy.
---@param shape integer[]|integer one size may be -1: the rest
---@param ... integer
---@return orowan.tensor
function tensor:reshape(shape, ...) end

--- As `reshape`, but raises where a copy would be needed.
---@param shape integer[]|integer
---@param ... integer
---@return orowan.tensor
function tensor:view(shape, ...) end

--- One axis: `reshape(-1)`.
---@return orowan.tensor
function tensor:flatten() end

--- View without the axes of size 1, or without the given one.
---@param axis? integer
---@return orowan.tensor
function tensor:squeeze(axis) end

--- View with a new axis of size 1 at this place of the result.
---@param axis integer
---@return orowan.tensor
function tensor:unsqueeze(axis) end

--- View that repeats axes of size 1 (and new leading ones) without memory; it cannot be written.
---@param shape integer[]|integer -1 keeps a size
---@param ... integer
---@return orowan.tensor
function tensor:broadcast_to(shape, ...) end

--- The same as `broadcast_to`.
---@param shape integer[]|integer
---@param ... integer
---@return orowan.tensor
function tensor:expand(shape, ...) end

--- View with axes reversed; without arguments all.
---@param axes? integer[]|integer
---@param ... integer
---@return orowan.tensor
function tensor:flip(axes, ...) end

--- Views of consecutive parts: a number of nearly equal ones, or given sizes (their sum is the
--- axis).
---@param parts integer|integer[]
---@param axis? integer default 1
---@return orowan.tensor[]
function tensor:split(parts, axis) end

--- View of the diagonal of the last two axes.
---@return orowan.tensor
function tensor:diagonal() end

return tensor
