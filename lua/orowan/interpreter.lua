--- The program that runs Lua scripts in a process of their own.
local core = require "orowan.core"

--- The program we are, where it runs scripts, or one that is found.
---@return string? path
return function()
  local exe = core.hdf5.executable()
  local name = exe and exe:match "([^/]+)$" or ""
  if name:match "^orowan" or name:match "^lua" then return "/proc/self/exe" end
  return core.sys.which "orowan" or core.sys.which "lua5.4"
end
