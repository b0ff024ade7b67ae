--- Reverse-mode differentiation (Griewank and Walther, Evaluating Derivatives, 2008, ch. 3).
--- The tape is the graph itself: a result that needs a gradient holds a node with its inputs and
--- the function that turns the gradient of the result into those of the inputs. Nodes are
--- numbered as they are made, so falling numbers are a valid order for the way back.
--- Invariant: a result whose inputs need no gradient has no node, and nothing is kept for it.
--- Gradients between nodes belong to the tape: one made by a kernel (`fresh`) is added to in
--- place and closed as soon as it was used; any other may be shared, and is only read.
local core = require "orowan.core"
local is_tensor = core.tensor.is_tensor

local tape = {}
local Variable = { __name = "orowan.variable" }  -- filled by variable.lua
tape.class = Variable

local enabled, serial = true, 0
local hooks = {}
local kept = 0  -- bytes that results with nodes held since the last full collection
local COLLECT = 128 << 20

--- Wraps a tensor; see `nn.variable`.
function tape.leaf(value, needs_grad)
  return setmetatable({ value = value, needs_grad = needs_grad or false }, Variable)
end

--- Is it a variable?
function tape.is_variable(v) return getmetatable(v) == Variable end

--- The tensor or number in a variable; anything else comes back as it is.
function tape.value(v)
  if getmetatable(v) == Variable then return v.value end
  return v
end

--- Are operations recorded now?
function tape.recording() return enabled end

--- A variable with the result of an operation. backward(dy, need) returns a gradient for each
--- input k with need[k] (others may be nil). fresh: these share no memory with anything.
function tape.record(name, value, inputs, backward, fresh)
  local out = setmetatable({ value = value, needs_grad = false }, Variable)
  if not enabled then return out end
  local from, any = {}, false
  for k = 1, inputs.n or #inputs do
    local v = inputs[k]
    if getmetatable(v) == Variable and v.needs_grad then from[k], any = v, true else from[k] = false end
  end
  if not any then return out end
  serial = serial + 1
  kept = kept + value:numel() * 4
  out.needs_grad = true
  out.node = { id = serial, name = name, from = from, backward = backward, fresh = fresh }
  return out
end

--- Runs f(...) without recording.
function tape.no_grad(f, ...)
  local before = enabled
  local _ <close> = setmetatable({}, { __close = function() enabled = before end })
  enabled = false
  return f(...)
end

-- ---- watching layers --------------------------------------------------------------------

--- Runs f(...) and calls callback(module, input, output) after every layer.
function tape.watch(callback, f, ...)
  local entry = { callback }
  hooks[#hooks + 1] = entry
  local _ <close> = setmetatable({}, { __close = function()
    for k = #hooks, 1, -1 do if hooks[k] == entry then table.remove(hooks, k) end end
  end })
  return f(...)
end

--- Is somebody watching?
function tape.watched() return #hooks > 0 end

--- Tells the watchers about a layer.
function tape.notify(module, input, output)
  for _, h in ipairs(hooks) do h[1](module, input, output) end
end

-- ---- the way back -----------------------------------------------------------------------

local function accumulate_leaf(v, g, fresh)
  if g:dtype() ~= v.value:dtype() then g, fresh = g:to(v.value:dtype()), true end
  if v.grad then
    v.grad:add_(g)
    if fresh then g:close() end
  else
    v.grad = fresh and g:is_contiguous() and g or g:copy()
  end
end

local function accumulate(slots, node, dtype, g, fresh)
  if g:dtype() ~= dtype then g, fresh = g:to(dtype), true end
  local s = slots[node]
  if not s then
    slots[node] = { g = g, fresh = fresh }
  elseif s.fresh then
    s.g:add_(g)
    if fresh then g:close() end
  else
    s.g, s.fresh = s.g + g, true
    if fresh then g:close() end
  end
end

local function gather(root)
  local order, seen, stack = {}, { [root.node] = true }, { root }
  while #stack > 0 do
    local v = table.remove(stack)
    local node = v.node
    if not node.from then
      error("backward: the graph was released by an earlier backward; call the first one with {retain = true}", 0)
    end
    order[#order + 1] = v
    for _, u in ipairs(node.from) do
      if u and u.node and not seen[u.node] then
        seen[u.node] = true
        stack[#stack + 1] = u
      end
    end
  end
  table.sort(order, function(a, b) return a.node.id > b.node.id end)
  return order
end

local function check_seed(root, seed)
  local value = root.value
  if seed == nil then
    if value:numel() ~= 1 then
      error(("backward: a gradient can start only at one number, this variable is %s; give the seed"):format(
        table.concat(value:shape(), "x")), 0)
    end
    return core.create.ones_like(value), true
  end
  seed = tape.value(seed)
  if type(seed) == "number" then return core.create.full_like(value, seed), true end
  if not is_tensor(seed) then error("backward: seed: expected a tensor or a number, got " .. type(seed), 0) end
  local want, got = table.concat(value:shape(), "x"), table.concat(seed:shape(), "x")
  if want ~= got then error(("backward: seed: expected shape %s, got %s"):format(want, got), 0) end
  return seed, false
end

--- Gradients of root with respect to all leaves below it, added to their .grad.
function tape.backward(root, seed, retain)
  if not root.needs_grad then error("backward: this variable depends on nothing that needs a gradient", 0) end
  local g, fresh = check_seed(root, seed)
  if not root.node then return accumulate_leaf(root, g, fresh) end
  local order = gather(root)
  local slots = { [root.node] = { g = g, fresh = fresh } }
  local before = enabled
  local _ <close> = setmetatable({}, { __close = function() enabled = before end })
  enabled = false
  for k, v in ipairs(order) do
    order[k] = false
    local node = v.node
    local s = slots[node]
    slots[node] = nil
    if s then
      if v.keep_grad then accumulate_leaf(v, s.g, false) end
      local gs = { node.backward(s.g, node.from) }
      local passed_on = false
      for j, u in ipairs(node.from) do
        local gj = gs[j]
        if u and gj then
          if rawequal(gj, s.g) then passed_on = true end
          if u.node then accumulate(slots, u.node, u.value:dtype(), gj, node.fresh)
          else accumulate_leaf(u, gj, node.fresh) end
        end
      end
      if s.fresh and not passed_on then s.g:close() end
    end
    if not retain then node.backward, node.from = nil, nil end
  end
  if not retain and kept > COLLECT then
    -- What was just dropped is dead: its blocks serve the next step instead of new pages.
    kept = 0
    collectgarbage()
  end
end

return tape
