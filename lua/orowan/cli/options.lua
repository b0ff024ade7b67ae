--- Options of a command: "--name value", "--name=value", "--flag", key=value pairs and
--- plain words, in any order.
local suggest = require "orowan.suggest"

local options = {}

local convert = {
  string = function(s) return s end,
  integer = function(s) return math.tointeger(tonumber(s)) end,
  count = function(s)
    local n = math.tointeger(tonumber(s))
    return n and n >= 1 and n or nil
  end,
  number = function(s)
    local x = tonumber(s)
    return x and x >= 0 and x < math.huge and x or nil
  end,
}
local expected = {
  string = "a text", integer = "an integer", count = "an integer of at least 1", number = "a number of at least 0",
}

--- Splits the arguments of a command.
---@param args string[]
---@param known table<string, string> option name -> "flag", "string", "integer", "count", "number"
---@return table? parsed {words=, pairs=, order=, NAME=value...}
---@return string? err
function options.parse(args, known)
  local parsed = { words = {}, pairs = {} }
  local names = {}
  for name in pairs(known) do names[#names + 1] = "--" .. name end
  table.sort(names)
  local i, rest = 1, false
  while i <= #args do
    local a = args[i]
    if rest or a == "-" or not a:match("^%-") then
      local key, value = a:match("^([%a_][%w_]*)=(.*)$")
      if key and not rest then
        if parsed.pairs[key] ~= nil then return nil, ("parameter '%s' is given twice"):format(key) end
        parsed.pairs[key] = value
      else
        parsed.words[#parsed.words + 1] = a
      end
    elseif a == "--" then
      rest = true
    else
      local name, value = a:match("^%-%-([^=]+)=(.*)$")
      name = name or a:match("^%-%-(.+)$") or ({ ["-h"] = "help", ["-q"] = "quiet", ["-o"] = "out" })[a]
      local kind = name and known[name]
      if not kind then return nil, ("unknown option '%s'%s"):format(a, suggest.hint(a:match("^[^=]+"), names, "options")) end
      if kind == "flag" then
        if value then return nil, ("option --%s takes no value"):format(name) end
        parsed[name] = true
      else
        if not value then
          i = i + 1
          value = args[i]
          if not value then return nil, ("option --%s: expected %s, got nothing"):format(name, expected[kind]) end
        end
        local v = convert[kind](value)
        if v == nil then return nil, ("option --%s: expected %s, got '%s'"):format(name, expected[kind], value) end
        parsed[name] = v
      end
    end
    i = i + 1
  end
  return parsed
end

return options
