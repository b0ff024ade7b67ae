--- Completion: names through tables, metatables and tensor methods; file names inside
--- quotes. Nothing is called to find out, except __index of the values on the way.
local sys = require "orowan.sys"

local complete = {}

local keywords = {}
for w in ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while"):gmatch("%a+") do
  keywords[#keywords + 1] = w
end

local function index(v, k)
  local ok, r = pcall(function() return v[k] end)
  if ok then return r end
  return nil
end

-- All names under which v answers; only_functions after a colon.
local function members(v, only_functions)
  local names, seen = {}, {}
  local function add_from(t)
    for k, x in next, t do
      if type(k) == "string" and k:match("^[%a_][%w_]*$") and names[k] == nil then names[k] = type(x) == "function" end
    end
  end
  local function walk(x)
    if seen[x] then return end
    seen[x] = true
    if type(x) == "table" then add_from(x) end
    local mt = debug.getmetatable(x)
    if type(mt) ~= "table" then return end
    for _, field in ipairs { "methods", "__names" } do  -- our userdata; modules that load late
      if type(rawget(mt, field)) == "table" then add_from(rawget(mt, field)) end
    end
    local i = rawget(mt, "__index")
    if type(i) == "table" then walk(i) end
  end
  if v ~= nil then walk(v) end
  local list = {}
  for k, is_function in pairs(names) do
    if is_function or not only_functions then list[#list + 1] = k end
  end
  return list
end

local function files(prefix)
  local dir, base = prefix:match("^(.*/)([^/]*)$")
  dir, base = dir or "", base or prefix
  local list = {}
  for _, name in ipairs(sys.list(dir == "" and "." or dir) or {}) do
    if name:sub(1, #base) == base and (base ~= "" or name:sub(1, 1) ~= ".") then
      list[#list + 1] = name .. (sys.isdir(dir .. name) and "/" or "")
    end
  end
  return list, base
end

local function inside_quotes(line)
  local quote, start
  local i = 1
  while i <= #line do
    local c = line:sub(i, i)
    if quote then
      if c == "\\" then i = i + 1 elseif c == quote then quote = nil end
    elseif c == '"' or c == "'" then quote, start = c, i + 1 end
    i = i + 1
  end
  return quote and line:sub(start) or nil
end

--- What could stand at the cursor.
---@param line string the text before the cursor
---@param env table the globals
---@return string[] candidates sorted full names of the last part
---@return string typed what of it is there already
function complete.candidates(line, env)
  local list, typed
  local quoted = inside_quotes(line)
  if quoted then
    list, typed = files(quoted)
  else
    local chain, sep, last = line:match("([%a_][%w_.]*)%s*([.:])%s*([%a_]?[%w_]*)$")
    if not chain then
      typed = line:match("[%a_][%w_]*$") or ""
      if line:match("[%w_)%]}\"']%s*[.:]%s*$") then return {}, "" end  -- of a value we do not compute
      list = members(env, false)
      if not line:match("^%s*%?") then table.move(keywords, 1, #keywords, #list + 1, list) end
      if line:match("^%s*%?") and type(env.ow) == "table" then
        local more = members(env.ow, false)
        table.move(more, 1, #more, #list + 1, list)
      end
    else
      typed = last
      local v = env
      for name in chain:gmatch("[^.]+") do v = index(v, name) end
      if v == nil then return {}, typed end
      list = members(v, sep == ":")
    end
  end
  local kept, seen = {}, {}
  for _, name in ipairs(list) do
    if name:sub(1, #typed) == typed and not seen[name] and (typed ~= "" or name:sub(1, 2) ~= "__") then
      seen[name] = true
      kept[#kept + 1] = name
    end
  end
  table.sort(kept)
  return kept, typed
end

local function columns(list, width)
  local w = 0
  for _, s in ipairs(list) do w = math.max(w, #s + 2) end
  local per_row = math.max(1, width // w)
  local rows = math.ceil(#list / per_row)
  local out = {}
  for r = 1, rows do
    local line = {}
    for c = 0, per_row - 1 do
      local s = list[c * rows + r]
      if s then line[#line + 1] = ("%-" .. w .. "s"):format(s) end
    end
    out[r] = (table.concat(line):gsub("%s+$", ""))
  end
  return table.concat(out, "\n")
end

--- What the completion key does.
---@param line string the text before the cursor
---@param env table the globals
---@return string insert text to insert at the cursor, may be empty
---@return string? listing the choices, when nothing can be inserted
function complete.key(line, env)
  if line:match("^%s*$") then return "  " end
  local list, typed = complete.candidates(line, env)
  if #list == 0 then return "" end
  local common = list[1]
  for _, s in ipairs(list) do
    while s:sub(1, #common) ~= common do common = common:sub(1, -2) end
  end
  if #common > #typed then return common:sub(#typed + 1) end
  if #list == 1 then return "" end
  local width = sys.columns()
  if #list > 200 then return "", ("%d choices"):format(#list) end
  return "", columns(list, width)
end

return complete
