--- Shapes, selection and joining of variables. What is a view of a tensor is a view here too;
--- its gradient goes into zeros of the operand's shape.
local core = require "orowan.core"
local check = require "orowan.nn.check"
local tape = require "orowan.nn.tape"
local value, record = tape.value, tape.record
local is_tensor = core.tensor.is_tensor

local F = {}

local function sizes(first, ...)
  return type(first) == "table" and first or { first, ... }
end

-- A view made by `forward` whose gradient is copied into the same view of zeros.
local function window(name, x, forward)
  local t = value(x)
  return record(name, forward(t), { x }, function(dy)
    local g = core.create.zeros_like(t)
    forward(g):copy(dy)
    return g
  end, true)
end

--- The same elements in row-major order, another shape.
---@param x orowan.variable|orowan.tensor
---@param shape integer[]|integer one size may be -1: the rest
---@param ... integer
---@return orowan.variable
function F.reshape(x, shape, ...)
  local t = value(x)
  return record("reshape", t:reshape(sizes(shape, ...)), { x }, function(dy) return dy:reshape(t:shape()) end)
end

--- Axes from `first` on as one (for a batch: everything but the batch axis).
---@param x orowan.variable|orowan.tensor
---@param first? integer default 2
---@return orowan.variable
function F.flatten(x, first)
  local t = value(x)
  first = check.axis("flatten", first or math.min(2, t:ndim()), t:ndim())
  local s, shape, rest = t:shape(), {}, 1
  for d = 1, #s do
    if d < first then shape[d] = s[d] else rest = rest * s[d] end
  end
  shape[first] = rest
  return F.reshape(x, shape)
end

--- The axes in another order.
---@param x orowan.variable|orowan.tensor
---@param axes integer[]|integer every axis once
---@param ... integer
---@return orowan.variable
function F.permute(x, axes, ...)
  local t = value(x)
  local order, inverse = {}, {}
  for k, a in ipairs(sizes(axes, ...)) do order[k] = check.axis("permute", a, t:ndim()) end
  for k, a in ipairs(order) do inverse[a] = k end
  return record("permute", t:permute(order), { x }, function(dy) return dy:permute(inverse) end)
end

--- Two axes exchanged; without arguments the last two.
---@param x orowan.variable|orowan.tensor
---@param a? integer
---@param b? integer
---@return orowan.variable
function F.transpose(x, a, b)
  a, b = a or -2, b or -1
  return record("transpose", value(x):transpose(a, b), { x }, function(dy) return dy:transpose(a, b) end)
end

--- Without the axes of size 1, or without the given one.
---@param x orowan.variable|orowan.tensor
---@param axis? integer
---@return orowan.variable
function F.squeeze(x, axis)
  local t = value(x)
  return record("squeeze", t:squeeze(axis), { x }, function(dy) return dy:reshape(t:shape()) end)
end

--- With a new axis of size 1 at this place of the result.
---@param x orowan.variable|orowan.tensor
---@param axis integer
---@return orowan.variable
function F.unsqueeze(x, axis)
  local t = value(x)
  return record("unsqueeze", t:unsqueeze(axis), { x }, function(dy) return dy:reshape(t:shape()) end)
end

--- Axes of size 1, and new leading ones, repeated.
---@param x orowan.variable|orowan.tensor
---@param shape integer[]|integer -1 keeps a size
---@param ... integer
---@return orowan.variable
function F.broadcast_to(x, shape, ...)
  local t = value(x)
  local y = t:broadcast_to(sizes(shape, ...))
  return record("broadcast_to", y, { x }, function(dy)
    local s, axes = t:shape(), {}
    local lead = dy:ndim() - #s
    for d = 1, dy:ndim() do
      if d <= lead or (s[d - lead] == 1 and dy:shape(d) ~= 1) then axes[#axes + 1] = d end
    end
    return #axes == 0 and dy or dy:sum({ axis = axes, keepdims = true }):reshape(s)
  end)
end

--- Axes reversed; without arguments all.
---@param x orowan.variable|orowan.tensor
---@param axes? integer[]|integer
---@param ... integer
---@return orowan.variable
function F.flip(x, axes, ...)
  local t = value(x)
  local list = axes and sizes(axes, ...) or nil
  return record("flip", t:flip(list), { x }, function(dy) return dy:flip(list) end)
end

--- Entry i goes to i + shift along an axis, around the end.
---@param x orowan.variable|orowan.tensor
---@param shift integer
---@param axis? integer default 1
---@return orowan.variable
function F.roll(x, shift, axis)
  return record("roll", value(x):roll(shift, axis), { x }, function(dy) return dy:roll(-shift, axis) end)
end

--- One index of an axis, which is dropped.
---@param x orowan.variable|orowan.tensor
---@param axis integer
---@param index integer
---@return orowan.variable
function F.select(x, axis, index)
  return window("select", x, function(t) return t:select(axis, index) end)
end

--- first..last (both included) along an axis.
---@param x orowan.variable|orowan.tensor
---@param axis integer
---@param first? integer default 1
---@param last? integer default the end
---@param step? integer default 1
---@return orowan.variable
function F.slice(x, axis, first, last, step)
  return window("slice", x, function(t) return t:slice(axis, first, last, step) end)
end

--- Consecutive parts: a number of nearly equal ones, or given sizes.
---@param x orowan.variable|orowan.tensor
---@param parts integer|integer[]
---@param axis? integer default 1
---@return orowan.variable[]
function F.split(x, parts, axis)
  axis = axis or 1
  local list, first = {}, 1
  for k, t in ipairs(value(x):split(parts, axis)) do
    local n = t:shape(axis)
    list[k] = F.slice(x, axis, first, first + n - 1)
    first = first + n
  end
  return list
end

--- What t[key] gives for a tensor, as a variable (one element: of no axes). Positions given by a
--- tensor of integers are for `take`, which adds up the gradients of repeated ones.
---@param x orowan.variable|orowan.tensor
---@param key integer|table|orowan.tensor see the indexing of tensors; a mask (u8) is allowed
---@return orowan.variable
function F.index(x, key)
  local t = value(x)
  if is_tensor(key) and key:dtype() ~= "u8" then return F.take(x, key, 1) end
  if math.type(key) == "integer" then return F.select(x, 1, key) end
  if type(key) == "table" then
    for _, item in ipairs(key) do
      if is_tensor(item) and item:dtype() ~= "u8" then
        check.fail("index", "a tensor of integers among the items: use :take(index, axis)")
      end
    end
  end
  local y = t[key]
  local single = type(y) == "number"
  if single then y = core.create.full({}, y, t:dtype()) end
  return record("index", y, { x }, function(dy)
    local g = core.create.zeros_like(t)
    g[key] = dy
    return g
  end, true)
end

--- Zeros (or another value) around the spatial axes, which are those from the third on.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param before integer[]|integer one per spatial axis, or one for all
---@param after? integer[]|integer default: before
---@param fill? number default 0
---@return orowan.variable
function F.pad(x, before, after, fill)
  local t = value(x)
  local rank = t:ndim() - 2
  if rank < 1 then check.fail("pad", "expected N x C x spatial axes, got %s", check.shape_text(t)) end
  before = check.per_axis("pad", "before", before, nil, rank, 0)
  after = check.per_axis("pad", "after", after, before, rank, 0)
  local shape, key = t:shape(), { ":", ":" }
  for d = 1, rank do
    key[d + 2] = { before[d] + 1, before[d] + shape[d + 2] }
    shape[d + 2] = shape[d + 2] + before[d] + after[d]
  end
  local y = core.create.empty(shape, t:dtype()):fill(fill or 0)
  y[key] = t
  return record("pad", y, { x }, function(dy) return dy[key] end)
end

-- ---- joining ----------------------------------------------------------------------------

local function values(list)
  local t = {}
  for k, v in ipairs(list) do t[k] = value(v) end
  return t
end

--- Variables joined along an axis.
---@param list (orowan.variable|orowan.tensor)[]
---@param axis? integer default 2: the channels
---@return orowan.variable
function F.concat(list, axis)
  local t = values(list)
  if #t == 0 then check.fail("concat", "expected at least one variable, got none") end
  axis = check.axis("concat", axis or math.min(2, t[1]:ndim()), t[1]:ndim())
  return record("concat", core.index.concat(t, axis), list, function(dy, need)
    local gs, first = {}, 1
    for k = 1, #t do
      local n = t[k]:shape(axis)
      gs[k] = need[k] and dy:slice(axis, first, first + n - 1)
      first = first + n
    end
    return table.unpack(gs, 1, #t)
  end)
end

--- Variables of one shape joined along a new axis.
---@param list (orowan.variable|orowan.tensor)[]
---@param axis? integer place of the new axis in the result, default 1
---@return orowan.variable
function F.stack(list, axis)
  local t = values(list)
  local y = core.index.stack(t, axis or 1)
  return record("stack", y, list, function(dy, need)
    local gs = {}
    for k = 1, #t do gs[k] = need[k] and dy:select(axis or 1, k) end
    return table.unpack(gs, 1, #t)
  end)
end

-- ---- by position ------------------------------------------------------------------------

--- Entries of an axis by number; the axis is replaced by the index's shape. Gradients of entries
--- taken several times add up, in the order of the index.
---@param x orowan.variable|orowan.tensor
---@param index orowan.tensor|table integers, 1-based
---@param axis? integer default 1
---@return orowan.variable
function F.take(x, index, axis)
  local t = value(x)
  index = check.index("take", "index", value(index))
  axis = check.axis("take", axis or 1, t:ndim())
  return record("take", core.index.take(t, index, axis), { x }, function(dy)
    local g, shape = core.create.zeros_like(t), t:shape()
    shape[axis] = index:numel()
    return g:index_add(axis, index:flatten(), dy:reshape(shape))
  end, true)
end

--- out[.., j, ..] = x[.., index[.., j, ..], ..] along an axis.
---@param x orowan.variable|orowan.tensor
---@param index orowan.tensor|table integers, x's shape but along axis
---@param axis integer
---@return orowan.variable out the index's shape
function F.gather(x, index, axis)
  local t = value(x)
  index = check.index("gather", "index", value(index))
  axis = check.axis("gather", axis, t:ndim())
  return record("gather", t:gather(axis, index), { x }, function(dy)
    return core.create.zeros_like(t):scatter_add(axis, index, dy)
  end, true)
end

return F
