--- Files: text tables, PNG images, HDF5. Reading and opening return `nil, err`; wrong
--- arguments raise. Whatever is written appears whole or not at all: it goes to a temporary
--- file in the same folder, which takes the name at the end.
local core = require "orowan.core"

local io = {}

-- Raises for an option that does not exist.
local function known(fn, options, names)
  if options == nil then return {} end
  if type(options) ~= "table" then
    error(("%s: options: expected a table, got a %s"):format(fn, type(options)), 3)
  end
  for key in pairs(options) do
    if not names[key] then
      local list = {}
      for name in pairs(names) do list[#list + 1] = name end
      table.sort(list)
      error(("%s: unknown option %s; there are: %s"):format(fn, tostring(key), table.concat(list, ", ")), 3)
    end
  end
  return options
end

local function set(list)
  local t = {}
  for name in list:gmatch "%S+" do t[name] = true end
  return t
end

local read_options = set "columns text delimiter decimal header missing comment skip"

--- Reads a text table: comma, semicolon, tab or blanks between cells, decimal point or
--- comma; both are found out from the first 64 KiB unless given. Lines that start with
--- `#`, `%` or `//` are comments, blank lines are passed over; CRLF and a byte-order mark
--- are fine; cells may stand in double quotes. The first line is a header when it has no
--- number and a number stands below; otherwise the last comment line names the columns if
--- it has one word for each; otherwise they are `column1`, ...
---
--- A column is i64 when all its cells are integers, else f64; `nan` and `inf` are numbers.
--- A column whose first cell is no number is a list of strings. A later cell that is no
--- number, an empty one included, is an error naming file, line, column and cell.
--- Streams: memory is that of the wanted columns.
---@param path string
---@param options? {columns?: (integer|string)[], text?: (integer|string)[], delimiter?: string, decimal?: string, header?: boolean, missing?: string, comment?: string, skip?: integer} columns: the wanted ones by number or name, in that order; text: columns kept as strings; delimiter: one character or "whitespace"; missing: "nan" reads empty cells, NA, N/A and null as NaN (default "error"); comment: one more sign that starts a comment line; skip: lines to leave out at the top
---@return {names: string[], columns: table, comments: string[], rows: integer, delimiter: string, decimal: string, header: boolean}? result columns: 1-D tensors or lists of strings
---@return table? err
function io.read_table(path, options)
  return core.table.read(path, known("io.read_table", options, read_options))
end

--- Reads a text table from a string; otherwise as `io.read_table`.
---@param text string
---@param options? table
---@return table? result
---@return table? err
function io.parse_table(text, options)
  return core.table.parse(text, known("io.parse_table", options, read_options))
end

local write_options = set "delimiter comment"

--- Writes a text table. Doubles get as many digits as they need to read back to the same
--- bits (at most 17), f32 at most 9; NaN and infinities are written `nan`, `inf`.
---@param path string `.csv`: commas, `.tsv`: tabs, others: blanks
---@param data table|orowan.tensor {names = {...}, columns = {...}}, a list of columns, or a tensor of shape rows x columns; a column is a 1-D tensor or a table of numbers or strings
---@param options? {delimiter?: string, comment?: string} comment: text for the top, each line after "# "
---@return boolean? true
---@return table? err
function io.write_table(path, data, options)
  options = known("io.write_table", options, write_options)
  if type(path) ~= "string" then error("io.write_table: path: expected a string, got a " .. type(path), 2) end
  local columns, names = data, nil
  if type(data) == "table" and data.columns then columns, names = data.columns, data.names end
  local delimiter = options.delimiter
  if delimiter == "whitespace" then delimiter = " " end
  if delimiter == nil then
    local ext = path:lower():match "%.(%w+)$"
    delimiter = ext == "csv" and "," or ext == "tsv" and "\t" or " "
  end
  if type(delimiter) ~= "string" or #delimiter ~= 1 or delimiter:find '["\r\n%w.+-]' then
    error(("io.write_table: delimiter: expected one character, got %s"):format(tostring(delimiter)), 2)
  end
  return core.table.write(path, columns, names, delimiter, options.comment)
end

--- Reads a PNG image. Palettes and 1, 2 and 4 bit grey are expanded to 8 bits, transparency
--- becomes an alpha channel. A file that is cut off or not PNG gives nil, err.
---@param path string
---@return orowan.tensor? image H x W (grey) or H x W x C (2: grey, alpha; 3: RGB; 4: RGBA); u8, or i32 holding 0..65535 for a 16-bit file
---@return table? err
function io.read_png(path) return core.png.read(path) end

local png_options = set "bits level"

--- Writes a PNG image: u8 as 8 bits, i32 as 16 bits, a table or i64 as 8 bits unless told.
--- Raises when a value is not within 0..2^bits - 1.
---@param path string
---@param image orowan.tensor H x W (grey) or H x W x C (1: grey; 2: grey, alpha; 3: RGB; 4: RGBA), integers
---@param options? {bits?: integer, level?: integer} bits: 8 or 16; level: compression, 0 none to 9 slow
---@return boolean? true
---@return table? err the system refused
function io.write_png(path, image, options)
  options = known("io.write_png", options, png_options)
  return core.png.write(path, image, options.bits, options.level)
end

return io
