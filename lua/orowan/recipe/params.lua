--- Parameters of a recipe: the definition is checked when the recipe loads, values before
--- any work starts. The type of a parameter is the type of its default: integer, number,
--- boolean, string, or a list (table) whose items have the type of its first one.
local suggest = require "orowan.suggest"
local format = require "orowan.format"

local params = {}

local fields = { "name", "default", "unit", "min", "max", "choices", "help" }
local is_field = {}
for _, f in ipairs(fields) do is_field[f] = true end

local function kind_of(v)
  if math.type(v) == "integer" then return "integer" end
  if type(v) == "table" then
    if #v == 0 then return nil end
    return "list", kind_of(v[1])
  end
  return ({ number = "number", boolean = "boolean", string = "string" })[type(v)]
end

--- A value as it is written on the command line.
---@param v any
---@return string
function params.text(v)
  if type(v) == "table" then
    local t = {}
    for i, x in ipairs(v) do t[i] = params.text(x) end
    return table.concat(t, ",")
  end
  return type(v) == "number" and format.exact(v) or tostring(v)
end

local articles = { integer = "an integer", number = "a number", boolean = "true or false", string = "a string" }

local function expected(p)
  local kind, item = kind_of(p.default)
  local s = kind == "list" and ("a comma-separated list, each %s"):format(articles[item]) or articles[kind]
  if p.choices then
    return "one of " .. params.text(p.choices):gsub(",", ", ")
  elseif p.min and p.max then
    s = ("%s from %s to %s"):format(s, params.text(p.min), params.text(p.max))
  elseif p.min then
    s = ("%s of at least %s"):format(s, params.text(p.min))
  elseif p.max then
    s = ("%s of at most %s"):format(s, params.text(p.max))
  end
  if p.unit and p.unit ~= "" then s = s .. " (" .. p.unit .. ")" end
  return s
end

-- One scalar of `kind` from text or from a Lua value; nil when it is none.
local function scalar(kind, v)
  if kind == "string" then return type(v) == "string" and v or nil end
  if kind == "boolean" then
    if type(v) == "boolean" then return v end
    if v == "true" or v == "yes" or v == "on" then return true end
    if v == "false" or v == "no" or v == "off" then return false end
    return nil
  end
  local x = v
  if type(v) == "string" then x = tonumber((v:match("^%s*(.-)%s*$"))) end
  if type(x) ~= "number" then return nil end
  if kind == "integer" then return math.tointeger(x) end  -- 1e6 is fine, 1.5 is not
  x = x + 0.0
  if x ~= x or x == math.huge or x == -math.huge then return nil end
  return x
end

local function within(p, v)
  if p.choices then
    for _, c in ipairs(p.choices) do if c == v then return true end end
    return false
  end
  return not (p.min and v < p.min) and not (p.max and v > p.max)
end

local function convert(p, v)
  local kind, item = kind_of(p.default)
  if kind ~= "list" then
    local x = scalar(kind, v)
    -- An optional string may be empty whatever its choices are.
    if x == nil or not (within(p, x) or (x == "" and p.default == "")) then return nil end
    return x
  end
  local out = {}
  if type(v) == "table" then
    for i, x in ipairs(v) do out[i] = scalar(item, x) end
    if #out ~= #v then return nil end
  else
    local text = type(v) == "string" and v or params.text(v)
    for piece in (text .. ","):gmatch("([^,]*),") do
      local x = scalar(item, piece)
      if x == nil then return nil end
      out[#out + 1] = x
    end
  end
  if #out == 0 then return nil end
  for _, x in ipairs(out) do if not within(p, x) then return nil end end
  return out
end

--- Checks a recipe's parameter list.
---@param list table[] {name=, default=, unit=, min=, max=, choices=, help=}, in order
---@return boolean? ok nil when something is wrong
---@return string? err
function params.check(list)
  if type(list) ~= "table" then return nil, "params: expected a list of tables, got " .. type(list) end
  local seen = {}
  for i, p in ipairs(list) do
    if type(p) ~= "table" or type(p.name) ~= "string" or not p.name:match("^[%a_][%w_]*$") then
      return nil, ("params[%d]: expected a table with a name (letters, digits, _)"):format(i)
    end
    local where = ("parameter '%s': "):format(p.name)
    if seen[p.name] then return nil, where .. "defined twice" end
    seen[p.name] = true
    for key in pairs(p) do
      if not is_field[key] then
        return nil, where .. ("unknown field '%s'"):format(tostring(key)) .. suggest.hint(tostring(key), fields, "fields")
      end
    end
    if p.default == nil then return nil, where .. "has no default" end
    local kind, item = kind_of(p.default)
    if not kind or (kind == "list" and not articles[item]) then
      return nil, where .. "default: expected a number, a string, true, false or a list of them"
    end
    if convert(p, p.default) == nil then
      return nil, where .. ("default %s is not %s"):format(params.text(p.default), expected(p))
    end
  end
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 or key > #list then
      return nil, ("params: expected a list (ordered), found the key '%s'"):format(tostring(key))
    end
  end
  return true
end

--- Values of a run: the defaults, replaced by what is given.
---@param list table[] the recipe's parameter list
---@param given table<string, any> values, as text or as Lua values
---@return table<string, any>? values nil when one is unknown or not allowed
---@return string? err
function params.resolve(list, given)
  local values, by_name, names = {}, {}, {}
  for i, p in ipairs(list) do
    by_name[p.name], names[i] = p, p.name
    values[p.name] = type(p.default) == "table" and table.move(p.default, 1, #p.default, 1, {}) or p.default
  end
  local order = {}
  for key in pairs(given) do order[#order + 1] = tostring(key) end
  table.sort(order)
  for _, key in ipairs(order) do
    local p = by_name[key]
    if not p then
      return nil, ("unknown parameter '%s'%s"):format(key,
        #names == 0 and " (this recipe has none)" or suggest.hint(key, names, "parameters"))
    end
    local v = convert(p, given[key])
    if v == nil then
      local got = params.text(given[key])
      local near = p.choices and suggest.nearest(got, (function()
        local t = {}
        for i, c in ipairs(p.choices) do t[i] = tostring(c) end
        return t
      end)())
      return nil, ("parameter '%s': expected %s, got %s%s"):format(key, expected(p),
        got == "" and "nothing" or "'" .. got .. "'", near and (" (did you mean '%s'?)"):format(near) or "")
    end
    values[key] = v
  end
  return values
end

--- The parameters as text for --help.
---@param list table[]
---@param indent string? put before each line
---@return string
function params.help(list, indent)
  indent = indent or "  "
  local lines, width = {}, 0
  local heads = {}
  for i, p in ipairs(list) do
    heads[i] = p.name .. "=" .. params.text(p.default)
    width = math.max(width, math.min(#heads[i], 34))
  end
  for i, p in ipairs(list) do
    local kind, item = kind_of(p.default)
    local about = {}
    if p.choices then
      about[1] = params.text(p.choices):gsub(",", "|")
    else
      about[1] = kind == "list" and "list of " .. item .. "s" or kind
      if p.min or p.max then
        about[#about + 1] = ("%s..%s"):format(p.min and params.text(p.min) or "", p.max and params.text(p.max) or "")
      end
    end
    if p.unit and p.unit ~= "" then about[#about + 1] = p.unit end
    lines[#lines + 1] = ("%s%-" .. width .. "s  %s[%s]"):format(indent, heads[i], p.help and p.help .. " " or "",
      table.concat(about, ", "))
  end
  return table.concat(lines, "\n")
end

return params
