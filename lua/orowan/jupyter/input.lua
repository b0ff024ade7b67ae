--- Standard input of a notebook: `io.read`, `io.lines()` and the methods of `io.stdin` ask the
--- front end, line by line. Other files are read as ever.

local input = {}

local pending = ""  -- of the last line, not yet read
local ask           -- function(prompt, password) -> line, set by the kernel

local function line(keep)
  if pending == "" then pending = ask("", false) .. "\n" end
  local text
  text, pending = pending:match "^([^\n]*)\n?(.*)$"
  return keep and text .. "\n" or text
end

local function one(format)
  if math.type(format) == "integer" then
    if pending == "" then pending = ask("", false) .. "\n" end
    local text = pending:sub(1, format)
    pending = pending:sub(format + 1)
    return text
  end
  local kind = type(format) == "string" and format:gsub("^%*", ""):sub(1, 1)
  if kind == "l" then return line(false) end
  if kind == "L" then return line(true) end
  if kind == "a" then
    if pending == "" then pending = ask("", false) .. "\n" end
    local text = pending
    pending = ""
    return text
  end
  if kind == "n" then
    local text = line(false)
    local word, rest = text:match "^%s*(%S+)(.*)$"
    local number = tonumber(word)
    if number and rest:match "%S" then pending = rest .. "\n" .. pending end
    return number
  end
  error("io.read: expected \"l\", \"L\", \"n\", \"a\" or a count of bytes, got " .. tostring(format), 3)
end

local function read(...)
  if select("#", ...) == 0 then return line(false) end
  local out = {}
  for i = 1, select("#", ...) do
    out[i] = one((select(i, ...)))
    if out[i] == nil then break end
  end
  return table.unpack(out, 1, select("#", ...))
end

--- Asks the reader of a notebook for a line: `name = input("Your name? ")`.
---@param prompt string? shown before the field
---@param password boolean? what is typed is not shown
---@return string line
function input.ask(prompt, password)
  io.stdout:flush()
  return ask(prompt == nil and "" or tostring(prompt), password and true or false)
end

--- Lets the reading functions of Lua ask the front end.
---@param f function(prompt, password) -> line; raises where nobody can be asked
function input.connect(f)
  ask = f
  pending = ""
  local stdin, methods = io.stdin, debug.getmetatable(io.stdin).__index
  local io_read, io_lines, io_input = io.read, io.lines, io.input
  local file_read, file_lines = methods.read, methods.lines
  function methods.read(file, ...)
    if file == stdin then return read(...) end
    return file_read(file, ...)
  end
  function methods.lines(file, ...)
    if file ~= stdin then return file_lines(file, ...) end
    local formats = table.pack(...)
    return function() return read(table.unpack(formats, 1, formats.n)) end
  end
  function io.read(...)  -- luacheck: ignore 122
    if io_input() == stdin then return read(...) end
    return io_read(...)
  end
  function io.lines(name, ...)  -- luacheck: ignore 122
    if name == nil and io_input() == stdin then return stdin:lines(...) end
    return io_lines(name, ...)
  end
end

--- Drops what was typed for an earlier cell.
function input.reset() pending = "" end

return input
