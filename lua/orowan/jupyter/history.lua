--- What was typed in notebooks: this session in memory, all sessions in a file of JSON lines,
--- {session, number of the cell, source}, readable by its owner only.
local sys = require "orowan.sys"
local json = require "orowan.json"

local history = {}
history.__index = history

local KEEP, MAX_BYTES = 1000, 4 << 20

local function state_folder()
  local base = os.getenv "XDG_STATE_HOME"
  if not base or base == "" then
    local user = os.getenv "HOME"
    if not user or user == "" then return nil end
    base = user .. "/.local/state"
  end
  return sys.mkdir(base .. "/orowan") and base .. "/orowan" or nil
end

--- Opens the history; without a file when there is no place for one.
---@return table history with :add, :tail, :range, :search
function history.open()
  local self = setmetatable({ entries = {}, session = 1 }, history)
  local dir = state_folder()
  if not dir then return self end
  self.path = dir .. "/notebooks.jsonl"
  local info = sys.stat(self.path)
  local text = info and info.size <= MAX_BYTES and sys.read_file(self.path) or ""
  for line in text:gmatch "[^\n]+" do
    local e = json.decode(line)
    if type(e) == "table" and math.type(e[1]) == "integer" and math.type(e[2]) == "integer" and type(e[3]) == "string" then
      self.entries[#self.entries + 1] = { e[1], e[2], e[3] }
      self.session = math.max(self.session, e[1] + 1)
    end
  end
  if #self.entries > KEEP or info and info.size > MAX_BYTES then
    self.entries = table.move(self.entries, math.max(1, #self.entries - KEEP + 1), #self.entries, 1, {})
    local out = {}
    for i, e in ipairs(self.entries) do out[i] = json.encode(e) .. "\n" end
    sys.write_atomic(self.path, table.concat(out))
  end
  return self
end

--- Remembers a cell.
---@param number integer
---@param source string
function history:add(number, source)
  local e = { self.session, number, source }
  self.entries[#self.entries + 1] = e
  if not self.path then return end
  if not sys.exists(self.path) then
    sys.write_atomic(self.path, "")
    sys.run({ "chmod", "600", self.path }, { timeout = 5 })
  end
  local f = io.open(self.path, "a")
  if f then
    f:write(json.encode(e), "\n")
    f:close()
  end
end

local function last(list, n)
  if not n or n >= #list then return list end
  return table.move(list, #list - n + 1, #list, 1, {})
end

--- The last n cells.
---@param n integer?
---@return table[] entries {session, number, source}
function history:tail(n) return last(self.entries, n) end

--- Cells of a session: 0 is this one, -1 the one before.
---@param session integer
---@param first integer?
---@param stop integer? the first that is not wanted
---@return table[] entries
function history:range(session, first, stop)
  if session <= 0 then session = self.session + session end
  local out = {}
  for _, e in ipairs(self.entries) do
    if e[1] == session and e[2] >= (first or 1) and (not stop or e[2] < stop) then out[#out + 1] = e end
  end
  return out
end

--- Cells that fit a pattern with * and ?.
---@param pattern string
---@param n integer?
---@param unique boolean? equal sources once
---@return table[] entries
function history:search(pattern, n, unique)
  local p = "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
  local out, seen = {}, {}
  for i = #self.entries, 1, -1 do
    local e = self.entries[i]
    if e[3]:find(p) and not (unique and seen[e[3]]) then
      seen[e[3]] = true
      table.insert(out, 1, e)
      if n and #out >= n then break end
    end
  end
  return out
end

return history
