--- How values show themselves in the session: through __tostring, tables by their content.
local core = require "orowan.core"

local MAX_ITEMS, MAX_DEPTH, MAX_STRING = 40, 3, 400

local keywords = {}
for w in ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while"):gmatch("%a+") do
  keywords[w] = true
end

local function quote(s)
  local cut = #s > MAX_STRING
  if cut then s = s:sub(1, (utf8.offset(s, 0, MAX_STRING + 1) or MAX_STRING + 1) - 1) end
  s = '"' .. s:gsub('[%c"\\]', function(c)
    return ({ ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" })[c] or ("\\%d"):format(c:byte())
  end) .. '"'
  return cut and s .. "..." or s
end

local show

local function key_text(k)
  if type(k) == "string" then
    if k:match("^[%a_][%w_]*$") and not keywords[k] then return k end
    return "[" .. quote(k) .. "]"
  end
  return "[" .. show(k, MAX_DEPTH, {}) .. "]"
end

local function show_table(t, depth, seen)
  if seen[t] then return "<the table around it>" end
  if depth > MAX_DEPTH then return next(t) == nil and "{}" or "{...}" end
  seen[t] = true
  local items, count, n = {}, 0, rawlen(t)
  local function add(s)
    count = count + 1
    if count <= MAX_ITEMS then items[count] = s end
  end
  for i = 1, math.min(n, MAX_ITEMS + 1) do add(show(rawget(t, i), depth + 1, seen)) end
  if n > MAX_ITEMS then count = n end
  local keys = {}
  for k in next, t do
    if not (math.type(k) == "integer" and k >= 1 and k <= n) then keys[#keys + 1] = k end
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "string" or type(a) == "number") then return a < b end
    return type(a) .. tostring(a) < type(b) .. tostring(b)
  end)
  for _, k in ipairs(keys) do
    if count < MAX_ITEMS then add(key_text(k) .. " = " .. show(rawget(t, k), depth + 1, seen)) else count = count + 1 end
  end
  seen[t] = nil
  if count > MAX_ITEMS then items[#items + 1] = ("... (%d in all)"):format(count) end
  local one = "{ " .. table.concat(items, ", ") .. " }"
  if #items == 0 then return "{}" end
  if #one <= 100 and not one:find("\n") then return one end
  local pad = ("  "):rep(depth)
  return "{\n" .. pad .. table.concat(items, ",\n" .. pad) .. "\n" .. ("  "):rep(depth - 1) .. "}"
end

function show(v, depth, seen)
  if type(v) == "string" then return quote(v) end
  if type(v) == "table" then
    local mt = getmetatable(v)
    if type(mt) == "table" and rawget(mt, "__tostring") or type(mt) ~= "table" and mt ~= nil then return tostring(v) end
    return show_table(v, depth, seen)
  end
  if core.tensor.is_tensor(v) and depth > 1 then  -- inside a table: one line
    return ("tensor %s %s"):format(v:dtype(), table.concat(v:shape(), "x"))
  end
  return tostring(v)
end

--- A value as the session echoes it.
---@param v any
---@return string
return function(v) return show(v, 1, {}) end
