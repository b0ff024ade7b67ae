--- Tensors for a while: what a function makes and does not return is freed when it ends, without
--- waiting for the collector.
local core = require "orowan.core"
local is_tensor = core.tensor.is_tensor

-- Tensors in the results, also inside tables.
local function mark(v, keep, seen)
  if is_tensor(v) then keep[v] = true
  elseif type(v) == "table" and not seen[v] then
    seen[v] = true
    for k, x in next, v do
      mark(k, keep, seen)
      mark(x, keep, seen)
    end
  end
end

local function leave(ok, ...)
  local keep, seen = {}, {}
  if ok then for k = 1, select("#", ...) do mark((select(k, ...)), keep, seen) end end
  core.scope.close(keep)
  if not ok then error((...), 0) end
  return ...
end

--- Runs f and closes every tensor that was made meanwhile, except those that f returns, alone or in
--- tables. So what f stores elsewhere (in tables of others, as parameters, gradients or states) is
--- closed too, and a returned variable of nn must be detached. Scopes nest; an error closes all.
--- ```lua
--- local total = ow.scope(function() return (ow.ones(1000) * 2):sum() end)
--- print(total)  --> 2000.0
--- ```
---@param f function
---@param ... any its arguments
---@return any ... what f returns
return function(f, ...)
  core.scope.open()
  return leave(pcall(f, ...))
end
