-- Every differentiable function and layer of nn against central differences, in f64.
local gradcheck = dofile "spec/support/gradcheck.lua"
local ow = require "orowan"
local nn = ow.nn
local F = nn.functional

-- Central differences with step 1e-5 are exact to about 1e-10 f''' + 1e-16 f / 1e-5.
local TOLERANCE = 2e-8

local g
local function normal(...) return g:normal { ... } end
local function positive(...) return g:uniform({ ... }, { lo = 0.3, hi = 2 }) end
local function index(list) return ow.tensor(list, "i64") end
-- Distinct values at least 0.1 apart, so that no maximum changes hands within a step.
local function distinct(...)
  local n = 1
  for _, s in ipairs { ... } do n = n * s end
  return (g:permutation(n):to "f64" * 0.1 - n * 0.053):reshape { ... }
end

-- name = list of {function of variables, inputs...}
local cases = {}
local function case(name, f, ...)
  cases[name] = cases[name] or {}
  table.insert(cases[name], { f, ... })
end

local function build_cases()
  g = ow.rng(7)
  for _, name in ipairs { "add", "sub", "mul", "div" } do
    case(name, F[name], normal(3, 4), positive(3, 4))
    case(name, F[name], normal(2, 1, 3), positive(4, 1))
    case(name, F[name], normal(), positive(2, 3))
    case(name, function(x) return F[name](x, 1.5) end, normal(3))
    case(name, function(x) return F[name](1.5, x) end, positive(3))
    case(name, function(x) return F[name](x, x) end, positive(2, 2))
    local t = positive(2, 3)
    case(name, function(x) return F[name](t, x) end, positive(3))
  end
  case("add", function(a, b) return a + b end, normal(2, 3), normal(3))
  case("pow", F.pow, positive(3, 2), normal(3, 1))
  for _, p in ipairs { 2, 3, 0.5, -1.5, 0 } do case("pow", function(x) return x ^ p end, positive(4)) end
  case("pow", function(x) return 2.5 ^ x end, normal(4))
  case("maximum", F.maximum, distinct(3, 4), distinct(3, 4) + 0.03)
  case("maximum", function(x) return F.maximum(x, 0.01) end, normal(5))
  case("minimum", F.minimum, distinct(3, 4), distinct(4) + 0.03)
  case("matmul", F.matmul, normal(3, 4), normal(4, 2))
  case("matmul", F.matmul, normal(2, 3, 4), normal(4, 2))
  case("matmul", F.matmul, normal(2, 1, 3, 4), normal(3, 4, 2))
  case("matmul", F.matmul, normal(4), normal(4, 2))
  case("matmul", F.matmul, normal(3, 4), normal(4))
  case("matmul", F.matmul, normal(4), normal(4))
  case("matmul", F.matmul, normal(4), normal(2, 4, 3))
  local mask = ow.tensor({ { 1, 0, 1 }, { 0, 0, 1 } }, "u8")
  case("where", function(a, b) return F.where(mask, a, b) end, normal(2, 3), normal(3))
  case("where", function(a) return F.where(mask, a, 2) end, normal(2, 3))

  for _, name in ipairs { "neg", "exp", "expm1", "square", "abs", "sin", "cos", "erf", "relu", "leaky_relu", "elu", "gelu",
    "sigmoid", "tanh", "softplus", "silu" } do
    case(name, F[name], normal(3, 5))
  end
  case("leaky_relu", function(x) return F.leaky_relu(x, 0.3) end, normal(7))
  case("elu", function(x) return F.elu(x, 0.7) end, normal(7))
  for _, name in ipairs { "log", "log1p", "sqrt", "rsqrt", "reciprocal" } do case(name, F[name], positive(3, 3)) end
  case("clip", function(x) return F.clip(x, -0.5, 0.8) end, normal(9))
  case("clip", function(x) return F.clip(x, nil, 0.2) end, normal(4))

  for _, name in ipairs { "sum", "mean", "var", "max", "min" } do
    local make = (name == "max" or name == "min") and distinct or normal
    case(name, F[name], make(3, 2, 2))
    case(name, function(x) return F[name](x, 2) end, make(3, 4))
    case(name, function(x) return F[name](x, { 1, -1 }) end, make(2, 3, 4))
    case(name, function(x) return F[name](x, { axis = { 2 }, keepdims = true }) end, make(2, 3, 2))
  end

  case("reshape", function(x) return F.reshape(x, 4, -1) end, normal(2, 6))
  case("reshape", function(x) return F.reshape(F.transpose(x), { 6 }) end, normal(2, 3))
  case("flatten", F.flatten, normal(2, 3, 2))
  case("flatten", function(x) return F.flatten(x, 1) end, normal(2, 3))
  case("permute", function(x) return F.permute(x, { 3, 1, -2 }) end, normal(2, 3, 4))
  case("transpose", function(x) return F.transpose(x, 1, 3) end, normal(2, 3, 4))
  case("squeeze", function(x) return F.squeeze(x, 2) end, normal(2, 1, 3))
  case("unsqueeze", function(x) return F.unsqueeze(x, 2) end, normal(2, 3))
  case("broadcast_to", function(x) return F.broadcast_to(x, { 2, 3, 4 }) end, normal(3, 1))
  case("flip", F.flip, normal(2, 3))
  case("flip", function(x) return F.flip(x, 2) end, normal(2, 3))
  case("roll", function(x) return F.roll(x, 2, 2) end, normal(2, 5))
  case("select", function(x) return F.select(x, -1, 2) end, normal(2, 3))
  case("slice", function(x) return F.slice(x, 2, 5, 1, -2) end, normal(2, 5))
  case("split", function(x)
    local a, b = table.unpack(F.split(x, { 2, 3 }, 2))
    return F.concat({ b * 2, a }, 2)
  end, normal(2, 5))
  case("index", function(x) return x[2] end, normal(3, 2))
  case("index", function(x) return x[{ { 1, 3, 2 }, 2 }] end, normal(3, 2))
  case("index", function(x) return x[mask] end, normal(2, 3))
  case("index", function(x) return x[{ 1, 2 }] end, normal(2, 3))
  case("index", function(x) return x[index { 2, 1, 2 }] end, normal(3, 2))
  case("pad", function(x) return F.pad(x, { 1, 0 }, { 0, 2 }, 3) end, normal(1, 2, 2, 3))
  case("concat", function(a, b) return F.concat { a, b } end, normal(2, 3, 2), normal(2, 1, 2))
  case("concat", function(a) return F.concat({ a, a }, 1) end, normal(2, 3))
  case("stack", function(a, b) return F.stack({ a, b }, 2) end, normal(2, 3), normal(2, 3))
  case("take", function(x) return F.take(x, index { { 2, 1 }, { 2, 2 } }, 2) end, normal(2, 3, 2))
  case("gather", function(x) return F.gather(x, index { { 1, 1 }, { 3, 2 } }, 2) end, normal(2, 3))

  for _, name in ipairs { "softmax", "log_softmax" } do
    case(name, F[name], normal(2, 3, 2))
    case(name, function(x) return F[name](x, -1) end, normal(2, 5))
    case(name, function(x) return F[name](x, 1) end, normal(3))
  end
  case("dropout", function(x) return F.dropout(x, 0.4, { seed = 3, stream = 5 }) end, normal(6, 5))

  local function conv(f, o) return function(x, w, b) return f(x, w, b, o) end end
  case("conv", conv(F.conv), normal(2, 2, 5), normal(3, 2, 3), normal(3))
  case("conv1d", conv(F.conv1d, { stride = 2, padding = 1, dilation = 2 }), normal(1, 2, 9), normal(2, 2, 3), normal(2))
  case("conv1d", conv(F.conv1d, { padding = "same" }), normal(1, 1, 5), normal(2, 1, 4))
  case("conv2d", conv(F.conv2d, { padding = 1 }), normal(2, 3, 5, 4), normal(2, 3, 3, 3), normal(2))
  case("conv2d", conv(F.conv2d, { stride = { 2, 1 }, padding = { 0, 1 }, groups = 2 }), normal(1, 4, 5, 3), normal(2, 2, 3, 2), normal(2))
  case("conv2d", conv(F.conv2d, { groups = 3 }), normal(1, 3, 4, 4), normal(3, 1, 2, 2))
  case("conv3d", conv(F.conv3d, { padding = "same" }), normal(1, 2, 3, 3, 2), normal(2, 2, 3, 3, 3), normal(2))
  case("conv3d", conv(F.conv3d, { stride = 2, padding = 1 }), normal(1, 1, 4, 3, 5), normal(2, 1, 3, 2, 3), normal(2))
  case("conv_transpose", conv(F.conv_transpose), normal(1, 2, 4), normal(2, 3, 3), normal(3))
  case("conv_transpose1d", conv(F.conv_transpose1d, { stride = 3, padding = 1, output_padding = 2, dilation = 2 }), normal(2, 2, 3),
    normal(2, 1, 3), normal(1))
  case("conv_transpose2d", conv(F.conv_transpose2d, { stride = 2, groups = 2 }), normal(1, 2, 3, 2), normal(2, 2, 2, 3), normal(4))
  case("conv_transpose3d", conv(F.conv_transpose3d, { stride = 2, padding = 1, output_padding = 1 }), normal(1, 2, 2, 2, 2),
    normal(2, 1, 3, 3, 3), normal(1))
  case("linear", F.linear, normal(3, 4), normal(2, 4), normal(2))
  case("linear", function(x, w) return F.linear(x, w) end, normal(2, 3, 4), normal(2, 4))
  case("linear", F.linear, normal(4), normal(2, 4), normal(2))

  local stat_mean, stat_var = normal(3), positive(3)
  for _, act in ipairs { "none", "relu", "leaky_relu" } do
    case("batch_norm", function(x, w, b) return (F.batch_norm(x, w, b, { activation = act, alpha = 0.2 })) end, normal(2, 3, 3, 2),
      positive(3), normal(3))
    case("batch_norm", function(x, w, b)
      return (F.batch_norm(x, w, b, { mean = stat_mean, var = stat_var, activation = act }))
    end, normal(2, 3, 4), positive(3), normal(3))
  end
  case("batch_norm", function(x) return (F.batch_norm(x)) end, normal(4, 3))
  case("group_norm", function(x, w, b) return F.group_norm(x, 2, w, b) end, normal(2, 4, 3), positive(4), normal(4))
  case("group_norm", function(x) return F.group_norm(x, 3) end, normal(1, 3, 2, 2))
  case("layer_norm", F.layer_norm, normal(2, 3, 4), positive(4), normal(4))
  case("layer_norm", F.layer_norm, normal(2, 3, 4), positive(3, 4), normal(3, 4))
  case("layer_norm", function(x) return F.layer_norm(x) end, normal(3, 5))

  case("max_pool", function(x) return F.max_pool(x, 2) end, distinct(1, 2, 5, 4))
  case("max_pool", function(x) return F.max_pool(x, 3, { stride = 2, padding = 1 }) end, distinct(2, 1, 7))
  case("max_pool", function(x) return F.max_pool(x, { 2, 1, 2 }, { stride = 1 }) end, distinct(1, 1, 3, 2, 3))
  for _, count in ipairs { true, false } do
    case("avg_pool", function(x) return F.avg_pool(x, 3, { stride = 2, padding = 1, count_padding = count }) end, normal(1, 2, 5, 4))
  end
  case("avg_pool", function(x) return F.avg_pool(x, 2) end, normal(1, 1, 3, 2, 4))
  case("global_avg_pool", F.global_avg_pool, normal(2, 2, 3, 2, 2))
  case("global_max_pool", F.global_max_pool, distinct(2, 2, 3, 2))
  for _, mode in ipairs { "nearest", "linear" } do
    case("upsample", function(x) return F.upsample(x, { scale = 2, mode = mode }) end, normal(1, 2, 3))
    case("upsample", function(x) return F.upsample(x, { size = { 5, 3 }, mode = mode, align_corners = mode == "linear" }) end, normal(1, 1, 3, 4))
    case("upsample", function(x) return F.upsample(x, { scale = { 1, 2, 3 }, mode = mode }) end, normal(1, 1, 2, 2, 2))
    local fixed = g:uniform({ 1, 2, 3, 2 }, { lo = -1.2, hi = 1.2 })
    case("grid_sample", function(x) return F.grid_sample(x, fixed, { mode = mode }) end, normal(1, 2, 3, 4))
  end
  for _, padding in ipairs { "zeros", "border", "reflection" } do
    case("grid_sample", function(x, at) return F.grid_sample(x, at, { padding = padding, align_corners = padding == "border" }) end,
      normal(1, 2, 3, 4), g:uniform({ 1, 2, 2, 2 }, { lo = -1.3, hi = 1.3 }))
  end
  case("grid_sample", F.grid_sample, normal(1, 1, 3, 2, 3), g:uniform({ 1, 1, 2, 2, 3 }, { lo = -0.9, hi = 0.9 }))
  local boxes = ow.tensor { { 0.3, 0.7, 3.1, 4.2 }, { 1.2, 0.1, 4.9, 2.3 } }
  for _, o in ipairs { { sampling = 2 }, { sampling = 0, aligned = false, scale = 0.5 } } do
    case("roi_align", function(x)
      return F.roi_align(x, boxes, { 2, 1 }, { height = 2, width = 3, sampling = o.sampling, aligned = o.aligned, scale = o.scale })
    end, normal(2, 2, 5, 6))
  end

  case("embedding", function(w) return F.embedding({ { 1, 3 }, { 3, 2 } }, w) end, normal(4, 3))
  case("index_add", function(x) return F.index_add({ 2, 1, 2, 4 }, x, 5) end, normal(4, 3))
  case("index_add", function(x) return F.index_add({ 1, 1 }, x, 2) end, normal(2, 2, 2))
  for _, mode in ipairs { "sum", "mean", "max" } do
    local make = mode == "max" and distinct or normal
    case("segment_" .. mode, function(x) return F["segment_" .. mode](x, { 0, 2, 2, 5, 6 }) end, make(6, 3))
  end

  local target, weight, hit = normal(3, 4), positive(3, 4), g:integers(0, 1, { 3, 4 }):to "f64"
  for _, reduction in ipairs { "mean", "sum" } do
    for _, w in ipairs { false, weight } do
      local o = { reduction = reduction, weight = w or nil, delta = 0.6, pos_weight = 2.5, gamma = 1.7, alpha = 0.3 }
      for _, name in ipairs { "mse", "mae", "huber" } do case(name, function(x) return F[name](x, target, o) end, normal(3, 4)) end
      for _, name in ipairs { "bce_with_logits", "focal" } do case(name, function(x) return F[name](x, hit, o) end, normal(3, 4)) end
    end
    local o = { reduction = reduction }
    case("cross_entropy", function(x) return F.cross_entropy(x, { 2, 0, 3 }, o) end, normal(3, 4))
    local p = { reduction = reduction, smoothing = 0.1, class_weight = positive(3) }
    case("cross_entropy", function(x) return F.cross_entropy(x, { { 1, 2 }, { 3, 0 } }, p) end, normal(2, 3, 2))
  end
  case("focal", function(x) return F.focal(x, hit, { alpha = -1 }) end, normal(3, 4))
end

local layers = {}
local function layer(name, make, ...) layers[name] = layers[name] or {}; table.insert(layers[name], { make, ... }) end

local function build_layers()
  g = ow.rng(8)
  local o = function(t) t.dtype = "f64"; t.seed = 5; return t end
  layer("conv1d", function() return nn.conv1d(2, 3, o { kernel = 3, stride = 2 }) end, normal(2, 2, 6))
  layer("conv2d", function() return nn.conv2d(2, 4, o { kernel = 3, padding = "same", groups = 2 }) end, normal(1, 2, 4, 3))
  layer("conv2d", function() return nn.conv2d(2, 2, o { kernel = 2, bias = false, activation = "leaky_relu" }) end, normal(1, 2, 3, 3))
  layer("conv3d", function() return nn.conv3d(1, 2, o { kernel = { 1, 2, 3 } }) end, normal(1, 1, 2, 3, 3))
  layer("conv_transpose1d", function() return nn.conv_transpose1d(2, 1, o { kernel = 3, stride = 2, output_padding = 1 }) end, normal(1, 2, 3))
  layer("conv_transpose2d", function() return nn.conv_transpose2d(2, 2, o { kernel = 2, stride = 2 }) end, normal(1, 2, 2, 3))
  layer("conv_transpose3d", function() return nn.conv_transpose3d(1, 2, o { kernel = 2, padding = 1 }) end, normal(1, 1, 3, 2, 3))
  layer("linear", function() return nn.linear(4, 3, o {}) end, normal(2, 4))
  layer("batch_norm", function() return nn.batch_norm(3, { dtype = "f64" }) end, normal(4, 3, 2))
  layer("batch_norm", function() return nn.batch_norm(3, { dtype = "f64" }):eval() end, normal(2, 3, 2))
  layer("group_norm", function() return nn.group_norm(2, 4, { dtype = "f64" }) end, normal(2, 4, 3))
  layer("layer_norm", function() return nn.layer_norm({ 2, 3 }, { dtype = "f64" }) end, normal(2, 2, 3))
  for _, name in ipairs { "relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "silu", "identity", "softmax", "log_softmax", "flatten" } do
    layer(name, nn[name], normal(2, 3, 2))
  end
  layer("max_pool", function() return nn.max_pool(2) end, distinct(1, 2, 4, 4))
  layer("avg_pool", function() return nn.avg_pool(2, { stride = 1 }) end, normal(1, 2, 3, 3))
  layer("global_avg_pool", nn.global_avg_pool, normal(2, 2, 3))
  layer("global_max_pool", nn.global_max_pool, distinct(2, 2, 3))
  layer("upsample", function() return nn.upsample { scale = 2, mode = "bilinear" } end, normal(1, 1, 3, 2))
  layer("sequential", function()
    return nn.sequential { nn.conv2d(1, 2, o { kernel = 2 }), nn.batch_norm(2, { dtype = "f64" }), nn.relu(), nn.flatten(), nn.linear(8, 2, o {}) }
  end, normal(3, 1, 3, 3))
  layer("residual", function() return nn.residual(nn.linear(3, 3, o {})) end, normal(2, 3))
  layer("residual", function() return nn.residual(nn.linear(3, 2, o {}), nn.linear(3, 2, o { bias = false })) end, normal(2, 3))
  layer("concat", function() return nn.concat { nn.linear(3, 2, o {}), nn.identity() } end, normal(2, 3))
  layer("stack", function() return nn.stack { nn.linear(3, 3, o {}), nn.tanh(), axis = 2 } end, normal(2, 3))
end

build_cases()
build_layers()

local function check(name, f, inputs)
  local worst, where = gradcheck.worst(f, inputs)
  assert.is_true(worst <= TOLERANCE, ("%s: off by %.3g (%s)"):format(name, worst, where or ""))
end

describe("gradients of functions", function()
  for name, list in pairs(cases) do
    it(name, function()
      for k, c in ipairs(list) do check(name .. " " .. k, c[1], { table.unpack(c, 2) }) end
    end)
  end

  it("are checked for every function of nn.functional", function()
    local missing = {}
    for name in pairs(F) do if not cases[name] then missing[#missing + 1] = name end end
    assert.same({}, missing)
  end)
end)

describe("gradients of layers", function()
  for name, list in pairs(layers) do
    it(name, function()
      for k, c in ipairs(list) do
        local m = c[1]()
        local inputs = { c[2] }
        for _, p in ipairs(m:parameters()) do inputs[#inputs + 1] = p.variable end
        check(name .. " " .. k, function(x) return m(x) end, inputs)
      end
    end)
  end

  it("embedding", function()
    local m = nn.embedding(5, 2, { dtype = "f64", seed = 1 })
    check("embedding", function() return m { { 1, 5, 5 }, { 2, 1, 3 } } end, { m.weight })
  end)

  it("dropout, which draws anew every time", function()
    local m = nn.dropout(0.5, { seed = 4 })
    local x = ow.rng(1):normal(5, 4)
    check("dropout", function(v)
      m.calls:fill(0)
      return m(v)
    end, { x })
  end)

  it("are checked for every layer", function()
    local missing = {}
    for name in pairs(require "orowan.nn.layers") do
      if not layers[name] and name ~= "embedding" and name ~= "dropout" then missing[#missing + 1] = name end
    end
    assert.same({}, missing)
  end)
end)
