--- Elementwise functions, products and reductions of variables. The forward values are the
--- engine's own operations; a gradient of a broadcast operand is summed back to its shape.
local core = require "orowan.core"
local check = require "orowan.nn.check"
local tape = require "orowan.nn.tape"
local ops, value, record = core.ops, tape.value, tape.record

local F = {}

-- Sums g over the axes along which `shape` was stretched.
local function sum_to(g, shape)
  local s = g:shape()
  local lead, axes = #s - #shape, {}
  for d = 1, #s do
    if d <= lead or (shape[d - lead] == 1 and s[d] ~= 1) then axes[#axes + 1] = d end
  end
  if #axes == 0 then return g end
  g = g:sum { axis = axes, keepdims = true }
  return lead > 0 and g:reshape(shape) or g
end

local function shape_of(v)
  return type(v) == "number" and {} or v:shape()
end

-- da, db: gradient of each operand before it is summed back, from (dy, a, b, y).
local function binary(name, a, b, da, db)
  local x, z = value(a), value(b)
  local y = ops[name](x, z)
  return record(name, y, { a, b }, function(dy, need)
    return need[1] and sum_to(da(dy, x, z, y), shape_of(x)), need[2] and sum_to(db(dy, x, z, y), shape_of(z))
  end)
end

local function pass(dy) return dy end
local function minus(dy) return -dy end

-- One input; dx from (dy, x, y).
local function unary(name, a, dx)
  local x = value(a)
  local y = ops[name](x)
  return record(name, y, { a }, function(dy) return dx(dy, x, y) end)
end

-- ---- two operands -----------------------------------------------------------------------

--- a + b, broadcast.
---@param a orowan.variable|orowan.tensor|number
---@param b orowan.variable|orowan.tensor|number
---@return orowan.variable
function F.add(a, b) return binary("add", a, b, pass, pass) end

--- a - b, broadcast.
---@param a orowan.variable|orowan.tensor|number
---@param b orowan.variable|orowan.tensor|number
---@return orowan.variable
function F.sub(a, b) return binary("sub", a, b, pass, minus) end

--- a * b, element by element, broadcast.
---@param a orowan.variable|orowan.tensor|number
---@param b orowan.variable|orowan.tensor|number
---@return orowan.variable
function F.mul(a, b)
  return binary("mul", a, b, function(dy, _, z) return dy * z end, function(dy, x) return dy * x end)
end

--- a / b, broadcast.
---@param a orowan.variable|orowan.tensor|number
---@param b orowan.variable|orowan.tensor|number
---@return orowan.variable
function F.div(a, b)
  return binary("div", a, b, function(dy, _, z) return dy / z end, function(dy, _, z, y) return -(dy * y / z) end)
end

local function pow_base(dy, x, p)
  if p == 2 then return dy * (2 * x) end
  if type(p) == "number" then return p == 0 and core.create.zeros_like(dy) or dy * (p * x ^ (p - 1)) end
  return dy * core.index.where(p:eq(0), 0, p * x ^ (p - 1))
end

-- d/dp x^p = x^p log x, with its limit 0 at x = 0.
local function pow_exponent(dy, x, _, y)
  if type(x) == "number" then return x == 0 and core.create.zeros_like(dy) or dy * (y * math.log(x)) end
  return dy * core.index.where(x:eq(0), 0, y * x:log())
end

--- a ^ b, broadcast.
---@param a orowan.variable|orowan.tensor|number
---@param b orowan.variable|orowan.tensor|number
---@return orowan.variable
function F.pow(a, b) return binary("pow", a, b, pow_base, pow_exponent) end

-- Where both are equal each gets half, so that the sum is right.
local function share(mine, other)
  return function(dy, x, z)
    return dy * ((ops[mine](x, z) + ops[other](x, z)):to(dy:dtype()) * 0.5)
  end
end

--- The larger one of each pair; of equal ones each gets half the gradient.
---@param a orowan.variable|orowan.tensor|number
---@param b orowan.variable|orowan.tensor|number
---@return orowan.variable
function F.maximum(a, b) return binary("maximum", a, b, share("gt", "ge"), share("lt", "le")) end

--- The smaller one of each pair; of equal ones each gets half the gradient.
---@param a orowan.variable|orowan.tensor|number
---@param b orowan.variable|orowan.tensor|number
---@return orowan.variable
function F.minimum(a, b) return binary("minimum", a, b, share("lt", "le"), share("gt", "ge")) end

--- Matrix product over the last two axes; leading axes broadcast, a vector counts as in `ow.matmul`.
---@param a orowan.variable|orowan.tensor [..., M, K] or [K]
---@param b orowan.variable|orowan.tensor [..., K, N] or [K]
---@return orowan.variable c [..., M, N]
function F.matmul(a, b)
  local x, z = value(a), value(b)
  local y = core.linalg.matmul(x, z)
  return record("matmul", y, { a, b }, function(dy, need)
    local row, col = x:ndim() == 1, z:ndim() == 1
    local x2, z2, g = row and x:unsqueeze(1) or x, col and z:unsqueeze(2) or z, dy
    if row and col then g = g:reshape { 1, 1 }
    elseif row then g = g:unsqueeze(-2)
    elseif col then g = g:unsqueeze(-1) end
    local dx = need[1] and sum_to(core.linalg.matmul(g, z2:transpose(-2, -1)), x2:shape())
    local dz = need[2] and sum_to(core.linalg.matmul(x2:transpose(-2, -1), g), z2:shape())
    return dx and dx:reshape(x:shape()), dz and dz:reshape(z:shape())
  end)
end

--- a where cond is not 0, else b; all broadcast.
---@param cond orowan.tensor u8
---@param a orowan.variable|orowan.tensor|number
---@param b orowan.variable|orowan.tensor|number
---@return orowan.variable
function F.where(cond, a, b)
  cond = value(cond)
  local x, z = value(a), value(b)
  local y = core.index.where(cond, x, z)
  return record("where", y, { a, b }, function(dy, need)
    return need[1] and sum_to(core.index.where(cond, dy, 0), shape_of(x)),
      need[2] and sum_to(core.index.where(cond, 0, dy), shape_of(z))
  end)
end

-- ---- one operand ------------------------------------------------------------------------

--- -x.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.neg(x) return unary("neg", x, minus) end

--- e^x.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.exp(x) return unary("exp", x, function(dy, _, y) return dy * y end) end

--- e^x - 1.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.expm1(x) return unary("expm1", x, function(dy, _, y) return dy * (y + 1) end) end

--- Natural logarithm.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.log(x) return unary("log", x, function(dy, t) return dy / t end) end

--- log(1 + x).
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.log1p(x) return unary("log1p", x, function(dy, t) return dy / (t + 1) end) end

--- Square root.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.sqrt(x) return unary("sqrt", x, function(dy, _, y) return dy * 0.5 / y end) end

--- 1 / sqrt(x).
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.rsqrt(x) return unary("rsqrt", x, function(dy, t, y) return dy * (-0.5 * y / t) end) end

--- x * x.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.square(x) return unary("square", x, function(dy, t) return dy * (2 * t) end) end

--- 1 / x.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.reciprocal(x) return unary("reciprocal", x, function(dy, _, y) return -(dy * y:square()) end) end

--- |x|; the gradient at 0 is 0.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.abs(x) return unary("abs", x, function(dy, t) return dy * t:sign() end) end

--- Sine.
---@param x orowan.variable|orowan.tensor rad
---@return orowan.variable
function F.sin(x) return unary("sin", x, function(dy, t) return dy * t:cos() end) end

--- Cosine.
---@param x orowan.variable|orowan.tensor rad
---@return orowan.variable
function F.cos(x) return unary("cos", x, function(dy, t) return -(dy * t:sin()) end) end

--- Error function.
---@param x orowan.variable|orowan.tensor
---@return orowan.variable
function F.erf(x)
  return unary("erf", x, function(dy, t) return dy * ((-t:square()):exp() * (2 / math.sqrt(math.pi))) end)
end

--- Values below lo become lo, above hi become hi; no gradient flows there.
---@param x orowan.variable|orowan.tensor
---@param lo? number
---@param hi? number
---@return orowan.variable
function F.clip(x, lo, hi)
  local t = value(x)
  return record("clip", t:clip(lo, hi), { x }, function(dy)
    if lo then dy = core.index.where(t:ge(lo), dy, 0) end
    if hi then dy = core.index.where(t:le(hi), dy, 0) end
    return dy
  end)
end

-- ---- reductions -------------------------------------------------------------------------

-- Axes and keepdims from (axis) or ({axis=, keepdims=}), as ow.sum takes them. Returns the sorted
-- axes, the shape with and without the reduced axes.
local function reduction(fn, t, axis, options)
  if type(axis) == "table" and axis[1] == nil then axis, options = axis.axis, axis end
  local n, hit = t:ndim(), {}
  for _, a in ipairs(type(axis) == "table" and axis or { axis }) do hit[check.axis(fn, a, n)] = true end
  local axes, keep, drop = {}, t:shape(), {}
  for d = 1, n do
    if axis == nil or hit[d] then axes[#axes + 1], keep[d] = d, 1
    else drop[#drop + 1] = keep[d] end
  end
  return axes, keep, options and options.keepdims and keep or drop
end

local function reduce(name, x, axis, options)
  local t = value(x)
  local axes, keep, shape = reduction(name, t, axis, options)
  if #axes == 0 then return record(name, t, { x }, pass) end
  local y = t[name](t, { axis = axes, keepdims = true })
  local share_of = name == "mean" and y:numel() / t:numel() or 1
  return record(name, y:reshape(shape), { x }, function(dy)
    dy = dy:reshape(keep)
    return (share_of == 1 and dy or dy * share_of):broadcast_to(t:shape())
  end)
end

--- Sum over all axes, or over some. Over all it is a variable of no axes.
---@param x orowan.variable|orowan.tensor
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean}
---@return orowan.variable
function F.sum(x, axis, options) return reduce("sum", x, axis, options) end

--- Arithmetic mean over all axes, or over some.
---@param x orowan.variable|orowan.tensor
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean}
---@return orowan.variable
function F.mean(x, axis, options) return reduce("mean", x, axis, options) end

--- Variance, sum (x - mean)^2 / n, over all axes, or over some.
---@param x orowan.variable|orowan.tensor
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean}
---@return orowan.variable
function F.var(x, axis, options)
  local axes = reduction("var", value(x), axis, options)
  if #axes == 0 then return F.mul(x, 0) end
  return F.mean(F.square(F.sub(x, F.mean(x, { axis = axes, keepdims = true }))), axis, options)
end

-- The first extreme element along one axis takes the whole gradient.
local function extreme(name, arg, x, axis, options)
  local t = value(x)
  local axes, _, shape = reduction(name, t, axis, options)
  if #axes == 0 then return record(name, t, { x }, pass) end
  -- Reduced axes last, then as one.
  local order, hit = {}, {}
  for _, d in ipairs(axes) do hit[d] = true end
  for d = 1, t:ndim() do if not hit[d] then order[#order + 1] = d end end
  local lead = #order
  for _, d in ipairs(axes) do order[#order + 1] = d end
  local moved = t:permute(order)
  local sizes, count = moved:shape(), 1
  for d = lead + 1, #sizes do count = count * sizes[d] end
  local flat = moved:reshape { t:numel() // math.max(count, 1), count }
  local at = flat[arg](flat, { axis = 2, keepdims = true })
  local y = flat:gather(2, at)
  return record(name, y:reshape(shape), { x }, function(dy)
    local g = core.create.zeros_like(flat)
    g:scatter(2, at, dy:reshape(at:shape()))
    local inverse = {}
    for k, d in ipairs(order) do inverse[d] = k end
    return g:reshape(sizes):permute(inverse)
  end)
end

--- Largest element over all axes, or over some; the first of equal ones takes the gradient.
---@param x orowan.variable|orowan.tensor
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean}
---@return orowan.variable
function F.max(x, axis, options) return extreme("max", "argmax", x, axis, options) end

--- Smallest element over all axes, or over some; the first of equal ones takes the gradient.
---@param x orowan.variable|orowan.tensor
---@param axis? integer|integer[]|table axis or axes, or the options
---@param options? {axis: integer|integer[], keepdims: boolean}
---@return orowan.variable
function F.min(x, axis, options) return extreme("min", "argmin", x, axis, options) end

return F
