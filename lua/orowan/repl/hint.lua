--- For a person at a prompt: the nearest known name behind Lua's "attempt to call a nil value
--- (field 'read_tabel')".
local suggest = require "orowan.suggest"

local known  -- last part of a public name -> the name

local function names()
  if known then return known end
  known = {}
  local list = {}
  for _, n in ipairs(require("orowan.doc").names()) do
    local last = n:match "([%w_]+)$"
    if last and not last:match "^_" and (not known[last] or #n < #known[last]) then
      if not known[last] then list[#list + 1] = last end
      known[last] = n
    end
  end
  for module in pairs(getmetatable(require "orowan").__names) do
    if not known[module] then list[#list + 1] = module end
    known[module] = "ow." .. module
  end
  known[1] = list
  return known
end

--- What may have been meant.
---@param message string an error message of Lua
---@param env table the globals
---@return string? hint "did you mean ow.io.read_table?"
return function(message, env)
  local kind, name = message:match "a nil value %((%a+) '([%a_][%w_]*)'%)"
  if not kind or kind == "local" or kind == "upvalue" or kind == "constant" then return nil end
  if kind == "global" then
    local list = {}
    for k in pairs(env) do if type(k) == "string" then list[#list + 1] = k end end
    table.sort(list)
    local near = suggest.nearest(name, list)
    if near then return ("did you mean %s?"):format(near) end
  end
  local ok, all = pcall(names)
  if not ok then return nil end
  if kind == "global" and all[name] then return ("did you mean %s?"):format(all[name]) end
  if all[name] then return nil end  -- a right name at a wrong place
  local candidates = all[1]
  if message:match "^[^']*to index" or message:match ": attempt to index" then  -- only a module can be indexed
    candidates = {}
    for _, last in ipairs(all[1]) do if all[last]:match "^ow%.[%w_]+$" and rawget(getmetatable(require "orowan").__names, last) then candidates[#candidates + 1] = last end end
  end
  local near = #name > 2 and suggest.nearest(name, candidates)
  if not near then return nil end
  return kind == "method" and ("did you mean :%s?"):format(near) or ("did you mean %s?"):format(all[near])
end
