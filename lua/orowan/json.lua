--- JSON (RFC 8259) that loses nothing: doubles keep all their bits, 64-bit integers stay
--- integers, keys come out sorted, so that equal values give equal text.
local core = require("orowan.core").json

local json = {}

--- The value that stands for `null`: it keeps its place in arrays and objects, unlike nil.
json.null = core.null

--- Writes a value as JSON. Tables with keys 1..n become arrays, tables with string keys
--- objects (sorted by bytes), an empty table `{}` unless marked by `json.array`; tensors
--- become nested arrays. NaN and infinities become null; integral floats keep ".0", so that
--- they come back as floats. Bytes that are not UTF-8 become U+FFFD.
--- Raises for functions, other userdata, arrays with holes, mixed keys, nesting above 512.
--- ```lua
--- print(ow.json.encode { b = { 1, 2.0 }, a = "x" })  --> {"a":"x","b":[1,2.0]}
--- ```
---@param value any nil, boolean, number, string, table, tensor or json.null
---@param options? {indent?: integer} indent: spaces a level (0: one line)
---@return string text
function json.encode(value, options) return core.encode(value, options) end

--- Reads JSON text. Numbers without fraction and exponent that fit into 64 bits become
--- integers, all others floats; of equal keys the last wins; arrays come back marked as by
--- `json.array`. A leading byte-order mark is skipped; text that is not UTF-8 is refused.
---@param text string
---@param options? {null?: any} null: value for `null` (default json.null)
---@return any value nil when the text is not JSON
---@return table? err names line and column
function json.decode(text, options) return core.decode(text, options) end

--- Marks a table as an array, so that it is written as `[]` even when it is empty.
---@param t? table keys 1..n (default: a new one)
---@return table t the same table
function json.array(t) return core.array(t) end

--- Tells whether a table is marked as an array.
---@param t any
---@return boolean
function json.is_array(t) return core.is_array(t) end

return json
