-- Writes lua/orowan/meta/ops.lua from the op table: `orowan spec/support/op_annotations.lua`.
-- Run it after adding a row to csrc/op/list.h; doc_spec compares the two.
local core = require "orowan.core"

local rules = {
  same = "Answers in the dtype of the input (of two: the promoted one).",
  float = "Integers are computed and answered in f64, other dtypes in their own.",
  bool = "Answers u8, 1 or 0; of plain numbers a boolean.",
  part = "Answers in the dtype of the input, for complex ones in their real type.",
  int = "Integers only: other dtypes raise (code \"dtype\").",
}

local out = { [[
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
]] }

for _, op in ipairs(core.ops.table.list()) do
  local doc = op.doc:sub(1, 1):upper() .. op.doc:sub(2)
  if op.doc:match("^[ab] [^a-z ]") or op.doc:match("^%l+ ?[(|^]") then doc = op.doc end  -- a formula
  out[#out + 1] = ("--- %s. %s"):format(doc, rules[op.rule])
  out[#out + 1] = "---@param a orowan.tensor|table|number"
  if op.arity == 2 then out[#out + 1] = "---@param b orowan.tensor|table|number broadcast against a" end
  out[#out + 1] = "---@param options? {out: orowan.tensor} result to write into"
  out[#out + 1] = ("---@return orowan.tensor|number%s c %s"):format(op.rule == "bool" and "|boolean" or "",
    op.arity == 2 and "common shape of a and b; a number for two numbers" or "shape of a; a number for a number")
  out[#out + 1] = ("function ow.%s(a, %soptions) end\n"):format(op.name, op.arity == 2 and "b, " or "")
end
out[#out + 1] = "return ow\n"

local text = table.concat(out, "\n")
if arg and arg[0] and arg[0]:match("op_annotations%.lua$") then
  assert(require("orowan.sys").write_atomic("lua/orowan/meta/ops.lua", text))
end
return text
