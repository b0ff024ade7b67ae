--- Line by line through a text, and blocks of rows of fixed columns. Rows are read by the table
--- reader in C; where it finds anything amiss they are read again one by one, which names the line.
local core = require "orowan.core"
local failure = require "orowan.failure"

local text = {}

---@class orowan.atoms.cursor
---@field text string
---@field at integer where the next line begins
---@field line integer number of the last line read
---@field path string
local Cursor = {}
Cursor.__index = Cursor

--- Starts at the first line.
---@param content string
---@param path string for messages
---@return orowan.atoms.cursor
function text.cursor(content, path) return setmetatable({ text = content, at = 1, line = 0, path = path }, Cursor) end

--- The next line without its end, nil at the end of the text.
---@return string?
function Cursor:next()
  if self.at > #self.text then return nil end
  local stop = self.text:find("\n", self.at, true) or #self.text + 1
  local line = self.text:sub(self.at, stop - 1)
  self.at, self.line = stop + 1, self.line + 1
  return (line:gsub("\r$", ""))
end

--- A failure at the last line read (or at another one).
---@param fmt string as string.format takes it, with what follows
---@return nil
---@return table err
function Cursor:fail(fmt, ...) return nil, failure("format", ("%s: line %d: %s"):format(self.path, math.max(self.line, 1), fmt:format(...))) end

--- Words of a line.
---@param line string
---@return string[]
function text.words(line)
  local list = {}
  for w in line:gmatch "%S+" do list[#list + 1] = w end
  return list
end

--- Numbers of a line up to the first word that is no finite number, nil when they are too few.
---@param line string
---@param count integer how many are needed
---@return number[]?
function text.numbers(line, count)
  local list = {}
  for w in (line or ""):gmatch "%S+" do
    local x = tonumber(w)
    if not x or w:find "[xXpP]" or x == math.huge or x == -math.huge then break end
    list[#list + 1] = x
  end
  return #list >= count and list or nil
end

local names = { s = "a word", r = "a number", i = "a whole number", l = "T or F" }

-- One word as that kind, nil when it is not.
local function value(word, kind)
  if kind == "s" then return word end
  if kind == "l" then
    local c = word:match "^%.?([TtFf])"
    return c and (c:lower() == "t" and 1 or 0)
  end
  local x = not word:find "[xXpP]" and tonumber(word)
  if kind == "i" then return x and math.tointeger(x) end
  if x then return x + 0.0 end
  local low = word:lower()  -- as printf writes them
  if low == "nan" or low == "-nan" then return 0 / 0 end
  return (low == "inf" or low == "+inf") and math.huge or low == "-inf" and -math.huge or nil
end

-- The same by hand: slower, and it knows what is wrong.
local function slowly(c, n, kinds)
  local columns = {}
  for k = 1, #kinds do columns[k] = {} end
  for row = 1, n do
    local line = c:next()
    if not line then
      c.line = c.line + 1
      return c:fail("the file ends, %d more rows were expected", n - row + 1)
    end
    local k = 0
    for w in line:gmatch "%S+" do
      if k == #kinds then break end
      k = k + 1
      local v = value(w, kinds[k])
      if v == nil then return c:fail("column %d: expected %s, found '%s'", k, names[kinds[k]], w:sub(1, 40)) end
      columns[k][row] = v
    end
    if k < #kinds then return c:fail("expected %d columns, found %d", #kinds, k) end
  end
  for k, kind in ipairs(kinds) do
    if kind ~= "s" then columns[k] = n > 0 and core.tensor.tensor(columns[k], kind == "r" and "f64" or "i64") or core.create.zeros({ 0 }, kind == "r" and "f64" or "i64") end
  end
  return columns
end

--- Reads the next n lines as rows; more columns than kinds are passed over.
---@param c orowan.atoms.cursor
---@param n integer
---@param kinds string[] of each column: "s" word, "r" number, "i" whole number, "l" T or F
---@param options? {slow: boolean?} slow: without the table reader
---@return table? columns tensors f64, i64 [n], or lists of words
---@return table? err
function text.rows(c, n, kinds, options)
  local stop = c.at - 1
  for row = 1, n do
    local next = c.text:find("\n", stop + 1, true)
    if not next then
      if row == n and stop < #c.text then
        stop = #c.text
        break
      end
      return slowly(c, n, kinds)
    end
    stop = next
  end
  if n < 64 or (options and options.slow) or n > #c.text then return slowly(c, n, kinds) end
  local want, words = {}, {}
  for k, kind in ipairs(kinds) do
    want[k] = k
    if kind == "s" or kind == "l" then words[#words + 1] = k end
  end
  local block = c.text:sub(c.at, stop)
  local t = not block:find '[#%%"/]' and core.table.parse(block, { delimiter = "whitespace", decimal = ".", header = false, columns = want, text = words })
  if not t or t.rows ~= n then return slowly(c, n, kinds) end
  for k, kind in ipairs(kinds) do
    local col = t.columns[k]
    if kind == "l" or (kind == "i") ~= (kind ~= "s" and col:dtype() == "i64") and kind ~= "r" and kind ~= "s" then return slowly(c, n, kinds) end
    if kind == "r" then t.columns[k] = col:to "f64" end
  end
  c.at, c.line = stop + 1, c.line + n
  return t.columns
end

--- A number with as many digits as it needs to read back to the same bits.
---@param x number of any unit
---@return string
function text.number(x)
  if math.type(x) == "integer" then return ("%d"):format(x) end
  for digits = 15, 16 do
    local s = ("%." .. digits .. "g"):format(x)
    if tonumber(s) == x then return s end
  end
  return ("%.17g"):format(x)
end

return text
