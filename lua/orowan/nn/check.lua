--- Checks and error messages that all of nn shares. `who` is the name of a function or the layer
--- (a module) for which it runs; messages name the layer with its path in the tree.
local common = require "orowan.stats.common"
local core = require "orowan.core"
local is_tensor = core.tensor.is_tensor

local M = { options = common.options, set = common.set }

--- Name of a function, or `conv3d "block2.conv1"` for a layer.
function M.label(who)
  return type(who) == "table" and who:label() or who
end

--- Raises "LABEL: message".
function M.fail(who, fmt, ...)
  error(("%s: %s"):format(M.label(who), fmt:format(...)), 0)
end

--- "8x3x32x32" of a tensor, a variable or a list of sizes.
function M.shape_text(t)
  local s = type(t) == "table" and not getmetatable(t) and t or t:shape()
  return #s == 0 and "scalar" or table.concat(s, "x")
end

--- A number in [lo, hi] (either may be nil), or the default.
function M.number(who, name, v, def, lo, hi)
  return common.number(M.label(who), name, v, def, lo, hi)
end

--- An integer in [lo, hi], or the default.
function M.integer(who, name, v, def, lo, hi)
  return common.integer(M.label(who), name, v, def, lo, hi)
end

--- One of the words, or the default.
function M.word(who, name, v, def, words)
  if v == nil then return def end
  for _, w in ipairs(words) do if v == w then return v end end
  M.fail(who, "%s: expected one of %s, got %s", name, table.concat(words, ", "), tostring(v))
end

--- One integer for each of `rank` axes, from a number for all or a list.
function M.per_axis(who, name, v, def, rank, lo)
  if v == nil then v = def end
  local list = {}
  if type(v) == "table" and #v ~= rank then
    M.fail(who, "%s: expected an integer or %d of them, got %d", name, rank, #v)
  end
  for d = 1, rank do list[d] = M.integer(who, name, type(v) == "table" and v[d] or v, nil, lo) end
  return list
end

--- Axis 1..ndim of a user's axis (negative from the end).
function M.axis(who, axis, ndim)
  local a = math.tointeger(axis)
  if a and a < 0 then a = ndim + 1 + a end
  if not a or a < 1 or a > ndim then
    M.fail(who, "axis: expected 1..%d or -%d..-1, got %s", ndim, ndim, tostring(axis))
  end
  return a
end

--- An i64 tensor from a tensor of integers or a nested table.
function M.index(who, name, v)
  local t = v
  if not is_tensor(t) then
    if type(v) ~= "table" or getmetatable(v) then M.fail(who, "%s: expected a tensor of integers or a table, got %s", name, type(v)) end
    t = core.tensor.tensor(v)
  end
  if t:dtype() == "i64" then return t end
  if t:dtype() == "i32" or t:dtype() == "u8" or t:numel() == 0 then return t:to "i64" end
  M.fail(who, "%s: expected integers, got %s", name, t:dtype())
end

local function finish(who, row, ok, ...)
  if ok then return ... end
  local e = ...
  if type(e) == "table" and e.message and e.code ~= "interrupted" then
    local text = e.message
    if text:sub(1, #row + 2) == row .. ": " then text = text:sub(#row + 3) end
    e.message = M.label(who) .. ": " .. text
  end
  error(e, 0)
end

--- Runs a row of the table of network kernels; its errors name the layer.
function M.run(who, row, ...)
  return finish(who, row, pcall(core.nn[row], ...))
end

return M
