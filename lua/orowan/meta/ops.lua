---@meta orowan.ops
--- Elementwise operations. Written by spec/support/op_annotations.lua from csrc/op/list.h.
--- Each is a function `ow.NAME(a [, b] [, options])`, a method `a:NAME([b] [, options])` and an
--- in-place method `a:NAME_([b])` that writes into a and returns it. Operators: + - * / // % ^
--- unary - (all element by element), & | ~ << >> (bits; ~mask of a u8 is the logical not).
--- Comparisons are methods, since Lua's == must be a boolean.
---
--- Arguments are tensors, numbers or tables of numbers; shapes broadcast (axes are matched from
--- the last, 1 stretches). Two numbers give a number. `{out = t}` takes the result: a tensor of
--- its shape whose dtype can hold it (a float may round to a smaller float); t may be an
--- argument or overlap one.
---
--- Dtype that two tensors compute in:
---          u8    i32   i64   f32   f64   c64   c128
---   u8     u8    i32   i64   f32   f64   c64   c128
---   i32    i32   i32   i64   f64   f64   c128  c128
---   i64    i64   i64   i64   f64   f64   c128  c128
---   f32    f32   f64   f64   f32   f64   c64   c128
---   f64    f64   f64   f64   f64   f64   c128  c128
---   c64    c64   c128  c128  c64   c128  c64   c128
---   c128   c128  c128  c128  c128  c128  c128  c128
--- f16 and bf16 compute as f32. A number beside a tensor keeps the tensor's dtype when it can:
--- beside integers a float gives f64, an integer that does not fit gives i32 or i64.
---
--- Integers wrap around; dividing them by zero (// and %) raises. NaN propagates, also through
--- minimum and maximum. exp to log10, sin, cos, tan, sinh, cosh, tanh, erf and pow are our own
--- vector code: at most 2 ulp in f64 (pow 1), 1 ulp in f32; the other functions are the C
--- library's. Results do not depend on the thread count; between SIMD levels floats may differ
--- within those errors.
---
--- Errors are raised: shapes that do not broadcast (code "shape"), an operation that is not
--- defined for a dtype or an out that cannot hold the result (code "dtype").
local ow = {}

--- Result dtype of an operation on two dtypes.
---@param a string
---@param b string
---@return string dtype the smallest that holds both; i32 with f32 gives f64
function ow.promote(a, b) end

--- a + b; integers wrap around, as in Lua. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.add(a, b, options) end

--- a - b; integers wrap around. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.sub(a, b, options) end

--- a * b, element by element; integers wrap around. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.mul(a, b, options) end

--- a / b; integers give f64, as in Lua. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.div(a, b, options) end

--- a ^ b; integers give f64, as in Lua. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.pow(a, b, options) end

--- a % b, floored as in Lua (sign of b); an integer b = 0 raises. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.mod(a, b, options) end

--- a // b, floored as in Lua; an integer b = 0 raises. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.idiv(a, b, options) end

--- The smaller of a and b; NaN wins. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.minimum(a, b, options) end

--- The larger of a and b; NaN wins. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.maximum(a, b, options) end

--- Angle of the point (b, a), radians in [-pi, pi]. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.atan2(a, b, options) end

--- sqrt(a^2 + b^2) without overflow. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.hypot(a, b, options) end

--- a == b. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.eq(a, b, options) end

--- a ~= b (true for NaN). Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.ne(a, b, options) end

--- a < b. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.lt(a, b, options) end

--- a <= b. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.le(a, b, options) end

--- a > b. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.gt(a, b, options) end

--- a >= b. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.ge(a, b, options) end

--- A and b both nonzero. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.logical_and(a, b, options) end

--- A or b nonzero. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.logical_or(a, b, options) end

--- Exactly one of a and b nonzero. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c common shape of a and b; a number for two numbers
function ow.logical_xor(a, b, options) end

--- Bitwise and. Integers only: other dtypes raise (code "dtype").
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.band(a, b, options) end

--- Bitwise or. Integers only: other dtypes raise (code "dtype").
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.bor(a, b, options) end

--- Bitwise exclusive or. Integers only: other dtypes raise (code "dtype").
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.bxor(a, b, options) end

--- a << b, as in Lua (0 when b passes the width, b < 0 shifts right). Integers only: other dtypes raise (code "dtype").
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.shl(a, b, options) end

--- a >> b, filling with zeros, as in Lua. Integers only: other dtypes raise (code "dtype").
---@param a orowan.tensor|table|number
---@param b orowan.tensor|table|number broadcast against a
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c common shape of a and b; a number for two numbers
function ow.shr(a, b, options) end

--- Bitwise not. Integers only: other dtypes raise (code "dtype").
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.bnot(a, options) end

--- 1 where a is zero. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c shape of a; a number for a number
function ow.logical_not(a, options) end

--- Minus a. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.neg(a, options) end

--- Magnitude; of a complex its modulus. Answers in the dtype of the input, for complex ones in their real type.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.abs(a, options) end

--- -1, 0 or 1; NaN stays. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.sign(a, options) end

--- a * a. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.square(a, options) end

--- 1 / a. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.reciprocal(a, options) end

--- Square root. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.sqrt(a, options) end

--- 1 / sqrt(a). Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.rsqrt(a, options) end

--- Cube root. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.cbrt(a, options) end

--- e^a. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.exp(a, options) end

--- e^a - 1, exact near 0. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.expm1(a, options) end

--- 2^a. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.exp2(a, options) end

--- Natural logarithm. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.log(a, options) end

--- log(1 + a), exact near 0. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.log1p(a, options) end

--- Logarithm to base 2. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.log2(a, options) end

--- Logarithm to base 10. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.log10(a, options) end

--- Sine of radians. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.sin(a, options) end

--- Cosine of radians. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.cos(a, options) end

--- Tangent of radians. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.tan(a, options) end

--- Arc sine, radians in [-pi/2, pi/2]. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.asin(a, options) end

--- Arc cosine, radians in [0, pi]. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.acos(a, options) end

--- Arc tangent, radians in [-pi/2, pi/2]. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.atan(a, options) end

--- Hyperbolic sine. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.sinh(a, options) end

--- Hyperbolic cosine. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.cosh(a, options) end

--- Hyperbolic tangent. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.tanh(a, options) end

--- Inverse hyperbolic sine. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.asinh(a, options) end

--- Inverse hyperbolic cosine, a >= 1. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.acosh(a, options) end

--- Inverse hyperbolic tangent, |a| <= 1. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.atanh(a, options) end

--- Error function. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.erf(a, options) end

--- 1 - erf(a), exact in the tail. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.erfc(a, options) end

--- Gamma function. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.gamma(a, options) end

--- log |gamma(a)|. Integers are computed and answered in f64, other dtypes in their own.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.lgamma(a, options) end

--- Largest integer not above a (dtype kept). Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.floor(a, options) end

--- Smallest integer not below a (dtype kept). Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.ceil(a, options) end

--- Nearest integer, halves away from zero (dtype kept). Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.round(a, options) end

--- Integer part, towards zero (dtype kept). Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.trunc(a, options) end

--- 1 where a is NaN. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c shape of a; a number for a number
function ow.isnan(a, options) end

--- 1 where a is infinite. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c shape of a; a number for a number
function ow.isinf(a, options) end

--- 1 where a is neither infinite nor NaN. Answers u8, 1 or 0; of plain numbers a boolean.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number|boolean c shape of a; a number for a number
function ow.isfinite(a, options) end

--- Real part. Answers in the dtype of the input, for complex ones in their real type.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.real(a, options) end

--- Imaginary part (0 for real dtypes). Answers in the dtype of the input, for complex ones in their real type.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.imag(a, options) end

--- Complex conjugate. Answers in the dtype of the input (of two: the promoted one).
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.conj(a, options) end

--- Phase, radians in [-pi, pi]; 0 or pi for real dtypes. Answers in the dtype of the input, for complex ones in their real type.
---@param a orowan.tensor|table|number
---@param options? {out: orowan.tensor} result to write into
---@return orowan.tensor|number c shape of a; a number for a number
function ow.arg(a, options) end

return ow
