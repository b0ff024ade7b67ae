--- From what a user typed (a line, a cell) to a function: the value of the last expression is
--- returned, although Lua has no expression statements.
---
--- The last statement is found in the tokens: a statement can only start outside all brackets
--- and blocks, at the start of a line or after a semicolon. The last such place where
--- "return " can be put in, so that the whole still compiles, is the last expression. A line
--- that starts with an operator or a bracket goes on with the line above, as Lua itself reads it.
--- It is "return nil, " in truth: `return f()` would be a tail call, and the line of the cell
--- would be missing in a traceback.
local chunk = {}

local openers = { ["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true }
local closers = { ["end"] = true, ["until"] = true }
local MAX_TRIES = 64

--- Splits Lua source into tokens; never fails, whatever the text is.
---@param text string
---@return {kind: string, at: integer, stop: integer, text: string, line: integer}[] tokens kind: "name" (also keywords), "number", "string", "symbol"; at, stop: first and last byte
function chunk.tokens(text)
  local out, at, line, n = {}, 1, 1, #text
  local function lines_in(s) for _ in s:gmatch "\n" do line = line + 1 end end
  local function long_bracket(from)  -- end of [==[ ... ]==] that starts at `from`
    local level = text:match("^%[(=*)%[", from)
    if not level then return nil end
    return select(2, text:find("]" .. level .. "]", from + #level + 2, true)) or n
  end
  while true do
    local blank = text:match("^%s+", at)
    if blank then
      lines_in(blank)
      at = at + #blank
    end
    if at > n then return out end
    local kind, stop
    if text:find("^%-%-", at) then
      stop = long_bracket(at + 2) or (text:find("\n", at, true) or n + 1) - 1
    elseif text:find("^[%a_]", at) then
      kind, stop = "name", select(2, text:find("^[%w_]+", at))
    elseif text:find("^%.?%d", at) then
      local _, e = text:find("^0[xX][%x.]*[pP][+-]?%d+", at)
      if not e then _, e = text:find("^0[xX][%x.]+", at) end
      if not e then _, e = text:find("^[%d.]+[eE][+-]?%d+", at) end
      if not e then _, e = text:find("^[%d.]+", at) end
      kind, stop = "number", e
    elseif text:find("^[\"']", at) then
      local quote, i = text:sub(at, at), at + 1
      while i <= n do
        local c = text:sub(i, i)
        if c == "\\" then i = i + 1
        elseif c == quote or c == "\n" then break end
        i = i + 1
      end
      kind, stop = "string", math.min(i, n)
    else
      stop = long_bracket(at)
      kind = stop and "string" or "symbol"
      stop = stop or at
    end
    if kind then out[#out + 1] = { kind = kind, at = at, stop = stop, text = text:sub(at, stop), line = line } end
    lines_in(text:sub(at, stop))
    at = stop + 1
  end
end

-- Indices of tokens where a statement can start.
local function starts(tokens)
  local found, block, bracket = {}, 0, 0
  for i, t in ipairs(tokens) do
    local before = tokens[i - 1]
    if block == 0 and bracket == 0 and (not before or before.text == ";" or t.line > before.line) then found[#found + 1] = i end
    if t.kind == "name" then
      if openers[t.text] then block = block + 1 elseif closers[t.text] then block = block - 1 end
    elseif t.kind == "symbol" then
      if t.text:find "[%(%[{]" then bracket = bracket + 1 elseif t.text:find "[%)%]}]" then bracket = bracket - 1 end
    end
  end
  return found
end

local function continues(t) return t.kind == "string" or t.text:find "^[%-%(%[{~]" ~= nil end

local function without_first(f)
  return function() return select(2, f()) end
end

--- Compiles a piece of source.
---@param text string
---@param name string the chunk's name, "=stdin"
---@return {run: function?, main: function?, quiet: boolean?, err: string?, incomplete: boolean?, tokens: table} piece run: nil when it does not compile (then err; incomplete: more text could mend it); main: the chunk's own function, as debug.getinfo sees it; quiet: it ends with a semicolon
function chunk.compile(text, name)
  local source = text:gsub("^%s*=", "return ", 1)
  local tokens = chunk.tokens(source)
  local quiet = #tokens > 0 and tokens[#tokens].text == ";"
  local whole, err = load(source, name, "t")
  local places = starts(tokens)
  for k = #places, math.max(1, #places - MAX_TRIES), -1 do
    local t, before = tokens[places[k]], tokens[places[k] - 1]
    if not (whole and before and before.text ~= ";" and continues(t)) then
      local head, tail = source:sub(1, t.at - 1), source:sub(t.at)
      local main = load(head .. "return nil, " .. tail, name, "t")
      if main then return { run = without_first(main), main = main, quiet = quiet, tokens = tokens } end
      if t.text ~= ";" and load(head, name, "t") and load(tail, name, "t") then break end  -- a last statement without a value
    end
  end
  if whole then return { run = whole, main = whole, quiet = quiet, tokens = tokens } end
  local _, as_value = load("return " .. source, name, "t")
  local incomplete = err:match "<eof>$" ~= nil or as_value ~= nil and as_value:match "<eof>$" ~= nil
  return { err = err, incomplete = incomplete, tokens = tokens }
end

--- How deep the next line would be indented: open blocks and brackets.
---@param tokens table from `chunk.tokens`
---@return integer depth
function chunk.depth(tokens)
  local depth = 0
  for _, t in ipairs(tokens) do
    if t.kind == "name" then
      if openers[t.text] then depth = depth + 1 elseif closers[t.text] then depth = depth - 1 end
    elseif t.kind == "symbol" then
      if t.text:find "[%(%[{]" then depth = depth + 1 elseif t.text:find "[%)%]}]" then depth = depth - 1 end
    end
  end
  return math.max(0, depth)
end

--- Names that the text makes itself: locals, parameters, loop variables.
---@param tokens table from `chunk.tokens`
---@return string[] names sorted
function chunk.locals(tokens)
  local seen, names = {}, {}
  local function add(t)
    if t and t.kind == "name" and not seen[t.text] and t.text ~= "function" and t.text ~= "in" then
      seen[t.text] = true
      names[#names + 1] = t.text
    end
  end
  for i, t in ipairs(tokens) do
    if t.text == "local" or t.text == "for" then
      local k = i + 1
      if tokens[k] and tokens[k].text == "function" then k = k + 1 end
      add(tokens[k])
      while tokens[k + 1] and tokens[k + 1].text == "," do
        k = k + 2
        add(tokens[k])
      end
    elseif t.text == "function" then
      local k = i + 1
      while tokens[k] and tokens[k].text ~= "(" and k < i + 8 do k = k + 1 end
      while tokens[k + 1] and tokens[k + 1].kind == "name" do
        add(tokens[k + 1])
        if not tokens[k + 2] or tokens[k + 2].text ~= "," then break end
        k = k + 2
      end
    end
  end
  table.sort(names)
  return names
end

return chunk
