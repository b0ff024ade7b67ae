--- Completion and inspection at a place in a cell. Jupyter counts characters, Lua bytes.
local chunk = require "orowan.repl.chunk"
local complete = require "orowan.repl.complete"
local show = require "orowan.repl.show"
local doc = require "orowan.doc"

local help = {}

-- Byte offset after `count` characters; the end where the text is not UTF-8 or shorter.
local function byte_at(text, count)
  local ok, at = pcall(utf8.offset, text, count + 1)
  return ok and at and at - 1 or #text
end

local function characters(text) return utf8.len(text) or #text end

--- What could stand at the cursor.
---@param code string
---@param cursor integer characters before the cursor
---@param env table the globals
---@return string[] matches full names of the last part
---@return integer first characters before the part that they replace
---@return integer last
function help.complete(code, cursor, env)
  local before = code:sub(1, byte_at(code, cursor))
  local line = before:match "[^\n]*$"
  local list, typed = complete.candidates(line, env)
  if not line:match "[.:]%s*[%w_]*$" and typed ~= "" then
    local seen = {}
    for _, name in ipairs(list) do seen[name] = true end
    for _, name in ipairs(chunk.locals(chunk.tokens(code))) do
      if name:sub(1, #typed) == typed and not seen[name] and name ~= typed then table.insert(list, 1, name) end
    end
  end
  local last = characters(before)
  return list, last - characters(typed), last
end

local name_pattern = "[%a_][%w_]*[%w_.:]*$"

-- The name under the cursor, and the function whose call is open there.
local function names_at(code, at)
  local left, right = code:sub(1, at):match(name_pattern), code:sub(at + 1):match "^[%w_]*"
  local found = { left and left .. right or right:match "^[%a_].*" }
  local depth = 0
  for i = at - #(left or ""), math.max(1, at - 4000), -1 do
    local c = code:sub(i, i)
    if c:find "[%)%]}]" then depth = depth + 1
    elseif c:find "[%(%[{]" then
      depth = depth - 1
      local name = depth < 0 and code:sub(1, i - 1):gsub("%s+$", ""):match(name_pattern)
      if name then
        found[#found + 1] = name
        break
      end
    end
  end
  return found
end

local function value_of(name, env)
  local v = env
  for part in name:gmatch "[^.:]+" do
    local ok, r = pcall(function() return v[part] end)
    if not ok or r == nil then return nil end
    v = r
  end
  return v
end

--- What is known about the name at the cursor: its documentation, else its value.
---@param code string
---@param cursor integer characters before the cursor
---@param env table the globals
---@return string? text nil: nothing
function help.inspect(code, cursor, env)
  for _, name in ipairs(names_at(code, byte_at(code, cursor))) do
    name = name:gsub("[.:]+$", "")
    local text = doc.text(name)
    if text and text:match "%S" then return text end
    local v = value_of(name, env)
    if v ~= nil then return ("%s: %s\n%s"):format(name, type(v), show(v)) end
  end
  return nil
end

return help
