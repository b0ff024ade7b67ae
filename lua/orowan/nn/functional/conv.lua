--- Convolution (cross-correlation) in 1 to 3 dimensions, its transpose, and linear maps.
--- A transposed convolution is the data gradient of a convolution, so the same three rows of
--- kernels serve both.
local check = require "orowan.nn.check"
local shape = require "orowan.nn.functional.shape"
local tape = require "orowan.nn.tape"
local value, record, run, fail = tape.value, tape.record, check.run, check.fail

local F = {}

local function product(list, first)
  local p = 1
  for k = first or 1, #list do p = p * list[k] end
  return p
end

-- Checks x against w and returns the geometry. `inputs`: which axis of w counts x's channels.
local function geometry(who, x, w, o, transposed)
  local ws, xs = w:shape(), x:shape()
  local rank = #ws - 2
  if rank < 1 or rank > 3 then fail(who, "weight is %s: expected 3 to 5 axes", check.shape_text(w)) end
  if #xs ~= rank + 2 then
    fail(who, "weight is %s (%d spatial axes), input is %s", check.shape_text(w), rank, check.shape_text(x))
  end
  local g = { rank = rank, groups = check.integer(who, "groups", o.groups, 1, 1) }
  local inputs = transposed and ws[1] or ws[2] * g.groups
  if inputs ~= xs[2] then
    fail(who, "weight is %s (%d input channels%s), input is %s", check.shape_text(w), inputs,
      g.groups > 1 and (" in %d groups"):format(g.groups) or "", check.shape_text(x))
  end
  if ws[1] % g.groups ~= 0 then
    fail(who, "weight is %s: %d channels cannot be cut into %d groups", check.shape_text(w), ws[1], g.groups)
  end
  g.stride = check.per_axis(who, "stride", o.stride, 1, rank, 1)
  g.dilation = check.per_axis(who, "dilation", o.dilation, 1, rank, 1)
  g.kernel = { table.unpack(ws, 3) }
  if o.padding ~= "same" then g.padding = check.per_axis(who, "padding", o.padding, 0, rank, 0) end
  return g
end

-- Padding that keeps the extents, and the surplus at the end for even kernels.
local function same_padding(who, g)
  local extra, any = {}, false
  g.padding = {}
  for d = 1, g.rank do
    if g.stride[d] ~= 1 then fail(who, "padding 'same' needs stride 1, got %d", g.stride[d]) end
    local total = g.dilation[d] * (g.kernel[d] - 1)
    g.padding[d], extra[d] = total // 2, total % 2
    any = any or extra[d] > 0
  end
  return any and extra
end

--- Convolution of any rank; the rank is that of the weight.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param w orowan.variable|orowan.tensor [O, C/groups, *K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? {stride: integer|integer[], padding: integer|integer[]|string, dilation: integer|integer[], groups: integer} padding "same" keeps the extents (stride 1)
---@return orowan.variable y [N, O, *T], T = floor((S + 2 padding - dilation (K - 1) - 1) / stride) + 1
function F.conv(x, w, bias, options)
  local o = options or {}
  local who = o.who or "conv"
  local g = geometry(who, value(x), value(w), o)
  if o.padding == "same" then
    local extra = same_padding(who, g)
    if extra then x = shape.pad(x, 0, extra) end
  end
  local t, k, b = value(x), value(w), value(bias)
  for d = 1, g.rank do
    local extent, reach = t:shape(d + 2) + 2 * g.padding[d], g.dilation[d] * (g.kernel[d] - 1) + 1
    if reach > extent then
      fail(who, "weight is %s (reach %d on spatial axis %d), input is %s (%d with padding)", check.shape_text(k), reach, d,
        check.shape_text(t), extent)
    end
  end
  g.activation, g.alpha = o.activation, o.alpha  -- without a tape only
  local y = run(who, "conv", t, k, b, g)
  return record("conv", y, { x, w, bias or false }, function(dy, need)
    local p = { stride = g.stride, padding = g.padding, dilation = g.dilation, groups = g.groups }
    local dx, dw, db
    if need[1] then
      p.size = { table.unpack(t:shape(), 3) }
      dx = run(who, "conv_grad_input", dy, k, p)
    end
    if need[2] or need[3] then
      p.kernel, p.size, p.out = g.kernel, nil, { nil, need[3] and nil }
      if not need[3] then p.out[2] = false end
      dw, db = run(who, "conv_grad_weight", t, dy, p)
    end
    return dx, dw, db
  end, true)
end

-- f for a weight of this rank only.
local function ranked(name, rank, f, x, w, bias, options)
  local o = options or {}
  if value(w):ndim() ~= rank + 2 then
    fail(o.who or name, "weight is %s: expected %d axes", check.shape_text(value(w)), rank + 2)
  end
  if not o.who then o = setmetatable({ who = name }, { __index = o }) end
  return f(x, w, bias, o)
end

--- Convolution along one axis; options as `conv`.
---@param x orowan.variable|orowan.tensor [N, C, W]
---@param w orowan.variable|orowan.tensor [O, C/groups, K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? table
---@return orowan.variable y [N, O, W']
function F.conv1d(x, w, bias, options) return ranked("conv1d", 1, F.conv, x, w, bias, options) end

--- Convolution in the plane; options as `conv`.
---@param x orowan.variable|orowan.tensor [N, C, H, W]
---@param w orowan.variable|orowan.tensor [O, C/groups, K, K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? table
---@return orowan.variable y [N, O, H', W']
function F.conv2d(x, w, bias, options) return ranked("conv2d", 2, F.conv, x, w, bias, options) end

--- Convolution in space; options as `conv`.
---@param x orowan.variable|orowan.tensor [N, C, D, H, W]
---@param w orowan.variable|orowan.tensor [O, C/groups, K, K, K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? table
---@return orowan.variable y [N, O, D', H', W']
function F.conv3d(x, w, bias, options) return ranked("conv3d", 3, F.conv, x, w, bias, options) end

--- Transposed convolution of any rank: the map whose matrix is the transpose of a convolution's.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param w orowan.variable|orowan.tensor [C, O/groups, *K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? {stride: integer|integer[], padding: integer|integer[], output_padding: integer|integer[], dilation: integer|integer[], groups: integer}
---@return orowan.variable y [N, O, *T], T = (S - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1
function F.conv_transpose(x, w, bias, options)
  local o = options or {}
  local who = o.who or "conv_transpose"
  local t, k, b = value(x), value(w), value(bias)
  if o.padding == "same" then fail(who, "padding: expected integers, got 'same'") end
  local g = geometry(who, t, k, o, true)
  local extra = check.per_axis(who, "output_padding", o.output_padding, 0, g.rank, 0)
  local p = { stride = g.stride, padding = g.padding, dilation = g.dilation, groups = g.groups, size = {} }
  for d = 1, g.rank do
    if extra[d] >= math.max(g.stride[d], g.dilation[d]) then
      fail(who, "output_padding: expected less than stride or dilation (%d), got %d", math.max(g.stride[d], g.dilation[d]), extra[d])
    end
    p.size[d] = (t:shape(d + 2) - 1) * g.stride[d] - 2 * g.padding[d] + g.dilation[d] * (g.kernel[d] - 1) + extra[d] + 1
    if p.size[d] < 1 then fail(who, "weight is %s, input is %s: nothing is left after the padding", check.shape_text(k), check.shape_text(t)) end
  end
  local y = run(who, "conv_grad_input", t, k, p)
  local ones = {}
  for d = 1, g.rank + 2 do ones[d] = d == 2 and -1 or 1 end
  if b then
    if b:ndim() ~= 1 or b:shape(1) ~= y:shape(2) then
      fail(who, "bias is %s, expected %d", check.shape_text(b), y:shape(2))
    end
    y:add_(b:reshape(ones))
  end
  return record("conv_transpose", y, { x, w, bias or false }, function(dy, need)
    local q = { stride = g.stride, padding = g.padding, dilation = g.dilation, groups = g.groups }
    local dx, dw, db
    if need[1] then dx = run(who, "conv", dy, k, nil, q) end
    if need[2] then
      q.kernel, q.out = g.kernel, { nil, false }
      dw = run(who, "conv_grad_weight", dy, t, q)
    end
    if need[3] then
      local axes = { 1 }
      for d = 3, g.rank + 2 do axes[#axes + 1] = d end
      db = dy:sum { axis = axes }
    end
    return dx, dw, db
  end, true)
end

--- Transposed convolution along one axis; options as `conv_transpose`.
---@param x orowan.variable|orowan.tensor [N, C, W]
---@param w orowan.variable|orowan.tensor [C, O/groups, K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? table
---@return orowan.variable y [N, O, W']
function F.conv_transpose1d(x, w, bias, options) return ranked("conv_transpose1d", 1, F.conv_transpose, x, w, bias, options) end

--- Transposed convolution in the plane; options as `conv_transpose`.
---@param x orowan.variable|orowan.tensor [N, C, H, W]
---@param w orowan.variable|orowan.tensor [C, O/groups, K, K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? table
---@return orowan.variable y [N, O, H', W']
function F.conv_transpose2d(x, w, bias, options) return ranked("conv_transpose2d", 2, F.conv_transpose, x, w, bias, options) end

--- Transposed convolution in space; options as `conv_transpose`.
---@param x orowan.variable|orowan.tensor [N, C, D, H, W]
---@param w orowan.variable|orowan.tensor [C, O/groups, K, K, K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? table
---@return orowan.variable y [N, O, D', H', W']
function F.conv_transpose3d(x, w, bias, options) return ranked("conv_transpose3d", 3, F.conv_transpose, x, w, bias, options) end

--- x w^T + bias over the last axis.
---@param x orowan.variable|orowan.tensor [..., K]
---@param w orowan.variable|orowan.tensor [O, K]
---@param bias? orowan.variable|orowan.tensor [O]
---@param options? {who: string}
---@return orowan.variable y [..., O]
function F.linear(x, w, bias, options)
  local who = options and options.who or "linear"
  local t, k, b = value(x), value(w), value(bias)
  local s = t:shape()
  if k:ndim() ~= 2 or s[#s] ~= k:shape(2) then
    fail(who, "weight is %s (%s input features), input is %s", check.shape_text(k), k:ndim() == 2 and k:shape(2) or "no", check.shape_text(t))
  end
  local flat = t:reshape { product(s) // math.max(1, s[#s]), s[#s] }
  local y = run(who, "linear", flat, k, b)
  local shape_out = { table.unpack(s, 1, #s - 1) }
  shape_out[#s] = k:shape(1)
  return record("linear", y:reshape(shape_out), { x, w, bias or false }, function(dy, need)
    local g = dy:reshape { flat:shape(1), k:shape(1) }
    return need[1] and run(who, "matmul", g, k):reshape(s), need[2] and run(who, "matmul", g, flat, { transpose_a = 1 }),
      need[3] and g:sum(1)
  end, true)
end

return F
