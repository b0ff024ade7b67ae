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
--- Arguments are tensors, tables of numbers or numbers; shapes broadcast (axes are matched from
--- the last, 1 stretches), dtypes promote (`ow.promote`). NaN and infinity pass through. Shapes
--- that do not fit raise (code "shape"). `{out = t}` writes into t, which may be an argument;
--- the method `t:NAME_(...)` writes into t itself. Operators: + - * / // % ^ unary- & | ~ << >>;
--- comparisons are methods, since Lua's == must be a boolean.
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
