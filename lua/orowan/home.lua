--- Where Orowan's own files lie (examples, models, benchmarks): OROWAN_HOME, then the
--- checkout that holds these Lua files, then the folder orowan/home beside installed ones.
local sys = require "orowan.sys"

local found

local function absolute(path)
  return path:sub(1, 1) == "/" and path or sys.cwd() .. "/" .. path:gsub("^%./", "")
end

local function find()
  local env = os.getenv("OROWAN_HOME")
  if env and sys.isdir(env) then return (absolute(env):gsub("/+$", "")) end
  local here = absolute(debug.getinfo(1, "S").source:match("^@(.*)$"))
  local lua = here:match("^(.*)/orowan/home%.lua$")
  local root = lua:match("^(.*)/lua$")
  if root and sys.exists(root .. "/csrc") then return root end
  return lua .. "/orowan/home"
end

--- The folder with Orowan's own files, absolute.
---@return string path
return function()
  found = found or find()
  return found
end
