--- Files: text tables, PNG images, HDF5. Reading and opening return `nil, err`; wrong
--- arguments raise. Whatever is written appears whole or not at all: it goes to a temporary
--- file in the same folder, which takes the name at the end.
local core = require "orowan.core"
local interpreter = require "orowan.interpreter"
local failure = require "orowan.failure"
local suggest = require "orowan.suggest"

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

-- Columns by number, or by name: columns["stress (MPa)"], columns.stress.
local function by_name(result, err)
  if not result then return nil, err end
  local number = {}
  for i = #result.names, 1, -1 do number[result.names[i]] = i end
  setmetatable(result.columns, { __index = function(columns, key)
    if type(key) ~= "string" then return nil end
    if number[key] then return rawget(columns, number[key]) end
    error(("io.read_table: no column '%s'%s"):format(key, suggest.hint(key, result.names, "columns")), 2)
  end })
  return result
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
--- ```lua
--- local path = folder .. "/t.csv"
--- assert(ow.io.write_table(path, { names = { "strain", "stress" }, columns = { { 0.1, 0.2 }, { 70, 140 } } }))
--- local t = assert(ow.io.read_table(path, { columns = { "stress" } }))
--- print(t.rows, t.columns.stress:mean())  --> 2 105.0
--- ```
---@param path string
---@param options? {columns?: (integer|string)[], text?: (integer|string)[], delimiter?: string, decimal?: string, header?: boolean, missing?: string, comment?: string, skip?: integer} columns: the wanted ones by number or name, in that order; text: columns kept as strings; delimiter: one character or "whitespace"; missing: "nan" reads empty cells, NA, N/A and null as NaN (default "error"); comment: one more sign that starts a comment line; skip: lines to leave out at the top
---@return {names: string[], columns: table, comments: string[], rows: integer, delimiter: string, decimal: string, header: boolean}? result columns: 1-D tensors or lists of strings, by number or by name (columns.stress; a name that is not there raises)
---@return table? err
function io.read_table(path, options)
  return by_name(core.table.read(path, known("io.read_table", options, read_options)))
end

--- Reads a text table from a string; otherwise as `io.read_table`.
---@param text string
---@param options? table
---@return table? result
---@return table? err
function io.parse_table(text, options)
  return by_name(core.table.parse(text, known("io.parse_table", options, read_options)))
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
--- ```lua
--- local ramp = ow.arange(0, 255):reshape { 16, 16 }:to "u8"
--- assert(ow.io.write_png(folder .. "/ramp.png", ramp))
--- print(ow.equal(ow.io.read_png(folder .. "/ramp.png"), ramp))  --> true
--- ```
---@param path string
---@param image orowan.tensor H x W (grey) or H x W x C (1: grey; 2: grey, alpha; 3: RGB; 4: RGBA), integers
---@param options? {bits?: integer, level?: integer} bits: 8 or 16; level: compression, 0 none to 9 slow
---@return boolean? true
---@return table? err the system refused
function io.write_png(path, image, options)
  options = known("io.write_png", options, png_options)
  return core.png.write(path, image, options.bits, options.level)
end

-- ---- HDF5 -----------------------------------------------------------------------------------
-- The library crashes on some broken files. A file of unknown origin is therefore read once,
-- as a whole, by a child process (h5probe.lua) before this process opens it. The mark that our
-- own files carry proves nothing (bits rot, marks can be copied); what this process has
-- written or probed itself and what has not changed since is not probed again.

local probe_script = debug.getinfo(1, "S").source:sub(2):gsub("io%.lua$", "h5probe.lua")

local function probe(path, seconds)
  if not core.sys.exists(path) or core.hdf5.known(path) then return true end -- opening tells what is wrong
  local program = interpreter()
  if not program then
    return nil, failure("missing", ("io.h5_open: %s: found no lua5.4 to check this file in a process of its own"):format(path),
      "install lua5.4, or trust the file: trusted=true")
  end
  local r, err = core.sys.run({ program, probe_script, path, ("%.0f"):format(seconds) }, {
    timeout = seconds,
    env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false, LUA_INIT_5_4 = false, LUA_PATH_5_4 = false,
      LUA_CPATH_5_4 = false, OMP_NUM_THREADS = "1", OPENBLAS_NUM_THREADS = "1", OROWAN_THREADS = "1" },
  })
  if not r then return nil, err end
  if r.status == 0 then
    core.hdf5.remember(path)
    return true
  end
  if r.status == 3 then return nil, failure("format", "io.h5_open: " .. r.stderr:gsub("%s+$", "")) end
  if r.timed_out or r.signal == 24 then -- SIGXCPU
    return nil, failure("format", ("io.h5_open: %s: reading it took longer than %.0f s"):format(path, seconds),
      "a larger file: timeout=SECONDS; a file of yours: trusted=true")
  end
  if r.signal then
    return nil, failure("format", ("io.h5_open: %s: this file is broken: the HDF5 library crashes on it (signal %d)"):format(path, r.signal))
  end
  return nil, failure("io", ("io.h5_open: %s: the check of this file failed: %s"):format(path, (r.stderr:gsub("%s+$", ""))))
end

local open_options = set "trusted timeout"

local function open(fn, path, mode, options)
  if type(path) ~= "string" then error(("%s: path: expected a string, got a %s"):format(fn, type(path)), 3) end
  if mode ~= "w" and not options.trusted then
    local f <close> = _G.io.open(path, "rb")
    local size = f and f:seek "end" or 0
    local ok, err = probe(path, options.timeout or 60 + size / 1e7)
    if not ok then return nil, err end
  end
  return core.hdf5.open(path, mode)
end

--- Opens an HDF5 file. "r" reads; "w" makes a new file, which takes its name at `close` (until
--- then, and after an error or without a close, the old one stays); "a" does the same starting
--- from a copy of the old file, if there is one. `local f <close> = ...` closes at the end of
--- the block and throws away what was written when the block ends by an error.
---
--- A file that this process has not written is first read once by a child process, since the
--- HDF5 library crashes on some broken files. Raw data and links into other files are refused.
--- Files written by a newer format than this program knows are refused.
---@param path string
---@param mode? "r"|"w"|"a" default "r"
---@param options? {trusted?: boolean, timeout?: number} trusted: no child process (a crash of the library then ends this one); timeout: s for the child (default 60 s and 1 s for every 10 MB)
---@return orowan.h5? file
---@return table? err
function io.h5_open(path, mode, options)
  mode = mode or "r"
  if mode ~= "r" and mode ~= "w" and mode ~= "a" then
    error(('io.h5_open: mode: expected "r", "w" or "a", got %s'):format(tostring(mode)), 2)
  end
  return open("io.h5_open", path, mode, known("io.h5_open", options, open_options))
end

local function is_leaf(v)
  if type(v) ~= "table" then return true end
  return #v > 0
end

local function save_into(file, prefix, t)
  for key, value in pairs(t) do
    if type(key) ~= "string" or key == "" or key:find "/" or key == "." then
      error(("io.save: a name is a string without '/', got %s below \"/%s\""):format(tostring(key), prefix), 0)
    end
    if is_leaf(value) then file:write(prefix .. key, value)
    else
      file:group(prefix .. key)
      save_into(file, prefix .. key .. "/", value)
    end
  end
end

--- Saves a table as an HDF5 file, whole or not at all: tensors, numbers, booleans, strings,
--- lists of strings and of numbers; tables with string keys become groups.
--- ```lua
--- assert(ow.io.save(folder .. "/r.h5", { stress = ow.tensor { 1.5, 2.5 }, unit = "MPa" }))
--- local r = assert(ow.io.load(folder .. "/r.h5"))
--- print(r.unit, r.stress:sum())  --> MPa 4.0
--- ```
---@param path string
---@param data table keys: names
---@return boolean? true
---@return table? err
function io.save(path, data)
  if type(data) ~= "table" then error("io.save: data: expected a table, got a " .. type(data), 2) end
  local file, err = open("io.save", path, "w", {})
  if not file then return nil, err end
  local ok
  ok, err = pcall(save_into, file, "", data)
  if not ok then
    file:discard()
    error(err, 2)
  end
  ok, err = pcall(file.close, file)
  if not ok then return nil, err end
  return true
end

local function load_from(file, prefix, depth)
  if depth > 64 then return nil, failure("format", file:path() .. ": groups nested deeper than 64") end
  local out = {}
  for _, name in ipairs(assert(file:list(prefix == "" and "/" or prefix))) do
    local info, err = file:info(prefix .. name)
    if not info then return nil, err end
    local value
    if info.kind == "group" then value, err = load_from(file, prefix .. name .. "/", depth + 1)
    else value, err = file:read(prefix .. name) end
    if value == nil then return nil, err end
    out[name] = value
  end
  return out
end

--- Loads a whole HDF5 file as a table: datasets as tensors (scalars as numbers, booleans,
--- strings; lists of strings as tables), groups as tables.
---@param path string
---@param options? {trusted?: boolean, timeout?: number} as for io.h5_open
---@return table? data
---@return table? err
function io.load(path, options)
  local file, err = open("io.load", path, "r", known("io.load", options, open_options))
  if not file then return nil, err end
  local ok, data, why = pcall(load_from, file, "", 1)
  file:close()
  if not ok then return nil, data end
  return data, why
end

--- A writer that adds rows to the datasets of an HDF5 file and survives a kill: what was
--- flushed is never lost, and the file itself is whole at any moment. See `orowan.h5_appender`.
---@param path string one writer at a time
---@param options? {chunk?: table, compress?: integer|boolean, checksum?: boolean, trusted?: boolean, timeout?: number} layout of new datasets; trusted, timeout as for io.h5_open
---@return orowan.h5_appender? writer
---@return table? err
function io.h5_append(path, options)
  if type(path) ~= "string" then error("io.h5_append: path: expected a string, got a " .. type(path), 2) end
  options = known("io.h5_append", options, set "chunk compress checksum trusted timeout")
  return require("orowan.h5append")(path, options, function(p, mode) return open("io.h5_append", p, mode, options) end)
end

return io
