-- Modules of nn: trees, descriptions, fused inference copies, summaries.
local ow = require "orowan"
local compare = dofile "spec/support/compare.lua"
local nn, F = ow.nn, ow.nn.functional
local close, message = compare.close, compare.message

local function leaf(t, dtype) return nn.variable(ow.tensor(t, dtype or "f64"), { grad = true }) end

local function small()
  return nn.sequential {
    nn.sequential { nn.conv2d(1, 2, { kernel = 3, name = "conv", seed = 1 }), nn.batch_norm(2), name = "block1" },
    nn.flatten(), nn.linear(2, 3, { seed = 2 }),
  }
end

describe("modules", function()
  it("name parameters and buffers by their place", function()
    local names = {}
    for _, p in ipairs(small():parameters()) do names[#names + 1] = p.name end
    assert.same({ "block1.conv.weight", "block1.conv.bias", "block1.2.weight", "block1.2.bias", "3.weight", "3.bias" }, names)
    names = {}
    for _, b in ipairs(small():buffers()) do names[#names + 1] = b.name end
    assert.same({ "block1.2.running_mean", "block1.2.running_var" }, names)
  end)

  it("name the layer and both shapes in errors", function()
    local m = small()
    assert.matches('^conv2d "block1.conv": weight is 2x1x3x3 %(1 input channels%), input is 4x3x3x3$', message(m, ow.zeros({ 4, 3, 3, 3 }, "f32")))
    assert.matches('^linear "3": weight is 3x2 %(2 input features%), input is 4x8$', message(m, ow.zeros({ 4, 1, 4, 4 }, "f32")))
    assert.matches('^conv2d "block1.conv": w: expected f64, got f32', message(m, ow.zeros(4, 1, 3, 3)))
    assert.matches('^batch_norm "block1.2": input is 1x2x1x1: one value a channel', message(m, ow.zeros({ 1, 1, 3, 3 }, "f32")))
    assert.matches('^residual: x is 2x3, f%(x%) is 2x4$', message(nn.residual(nn.linear(3, 4)), ow.zeros({ 2, 3 }, "f32")))
  end)

  it("refuse wrong constructions", function()
    assert.matches("^conv2d: kernel: expected an integer or 2 of them, got nothing", message(nn.conv2d, 1, 2, {}))
    assert.matches("^conv2d: unknown option 'pading'", message(nn.conv2d, 1, 2, { kernel = 3, pading = 1 }))
    assert.matches("^conv3d: groups: 2 does not divide 3 input and 4 output channels", message(nn.conv3d, 3, 4, { kernel = 1, groups = 2 }))
    assert.matches("^sequential: item 2: expected a module, got function", message(nn.sequential, { nn.relu(), print }))
    assert.matches("two items are called 'a'", message(nn.sequential, { nn.relu { name = "a" }, nn.relu { name = "a" } }))
    assert.matches("^dropout: p: expected a number", message(nn.dropout, 1.5))
  end)

  it("train, evaluate, freeze by subtree", function()
    local m = small()
    local x = ow.rng(1):normal({ 4, 1, 3, 3 }, "f32")
    local bn = m.items[1].items[2]
    m(x)
    assert.is_false(ow.equal(bn.running_mean, ow.zeros({ 2 }, "f32")))
    local kept = bn.running_mean:copy()
    m:eval()
    m(x)
    assert.is_true(ow.equal(kept, bn.running_mean))
    m:train()
    m.items[1]:freeze()
    F.mse(m(x), ow.zeros({ 4, 3 }, "f32")):backward()
    assert.is_true(ow.equal(kept, bn.running_mean), "a frozen batch norm leaves its statistics")
    for _, p in ipairs(m:parameters()) do
      assert.equal(p.name:match "^block1" ~= nil, p.frozen)
      assert.equal(p.frozen, p.variable.grad == nil)
    end
    local all, trained = m:count()
    assert.same({ 2 * 9 + 2 + 4 + 9, 9 }, { all, trained })
    m:freeze(false)
    assert.is_false(m:parameters()[1].frozen)
    m:zero_grad()
    for _, p in ipairs(m:parameters()) do assert.is_nil(p.variable.grad) end
  end)

  it("follow the running statistics with the unbiased variance", function()
    local m = nn.batch_norm(1, { momentum = 0.25, dtype = "f64" })
    m(ow.tensor { { { 1.0, 2, 3, 6 } } })
    close({ 0.25 * 3 }, m.running_mean, 1e-15)
    close({ 0.75 + 0.25 * 14 / 3 }, m.running_var, 1e-15)
    m:eval()
    close({ { { (3 - 0.75) / math.sqrt(0.75 + 3.5 / 3 + 1e-5) } } }, m(ow.tensor { { { 3.0 } } }).value, 1e-14)
  end)

  it("do relu within batch norm with the same result and gradients", function()
    local x = leaf(ow.rng(3):normal(2, 3, 4, 4):totable())
    for _, act in ipairs { nn.relu, function() return nn.leaky_relu(0.2) end } do
      local bn = nn.batch_norm(3, { dtype = "f64" })
      local fused = nn.sequential { bn, act() }
      local r = ow.rng(4):normal(2, 3, 4, 4)
      local results = {}
      for k, f in ipairs { fused, function(v) return act()(bn(v)) end } do
        x.grad = nil
        bn:zero_grad()
        local y = f(x)
        y:backward(r)
        results[k] = { y.value, x.grad, bn.weight.grad, bn.bias.grad }
      end
      for k = 1, 4 do close(results[2][k], results[1][k], 1e-12) end
      assert.equal("batch_norm", fused(x).node.name)
    end
  end)

  it("change dtype in place", function()
    local m = small()
    local v = m:parameters()[1].variable
    m:to "f64"
    assert.equal(v, m:parameters()[1].variable)
    assert.equal("f64", v:dtype())
    assert.equal("f64", m:buffers()[1].tensor:dtype())
    assert.equal("f64", m(ow.zeros(2, 1, 3, 3)):dtype())
    nn.set_dtype "f64"
    local wide = nn.linear(1, 1)
    nn.set_dtype "f32"
    assert.equal("f64", wide.weight:dtype())
  end)

  it("drop only in training, anew at every call, and resume from the counter", function()
    local m = nn.dropout(0.5, { seed = 3 })
    local x = ow.ones({ 50 }, "f32")
    local a, b = m(x).value, m(x).value
    assert.is_false(ow.equal(a, b))
    assert.equal(2, m:buffers()[1].tensor:get(1))
    m.calls:fill(0)
    assert.is_true(ow.equal(a, m(x).value))
    assert.is_true(rawequal(x, m:eval()(x)))
  end)

  it("can be one's own, with children, lists, parameters and buffers", function()
    local function net(options)
      return nn.module("net", {
        options = options, scale = nn.parameter({ 2 }, { init = "ones" }), shift = ow.full({ 2 }, 3.0, "f32"),
        head = nn.linear(options.width, 2, { seed = 1 }), blocks = { nn.tanh(), nn.relu() },
      }, function(self, x)
        local y = self.head(x)
        for _, b in ipairs(self.blocks) do y = b(y) end
        return y * self.scale + self.shift
      end)
    end
    local m = net { width = 4 }
    local names = {}
    for _, p in ipairs(m:parameters()) do names[#names + 1] = p.name end
    assert.same({ "scale", "head.weight", "head.bias" }, names)
    assert.equal("shift", m:buffers()[1].name)
    assert.equal("blocks.2", m:modules()[3].name)
    assert.matches('^linear "head": ', message(m, ow.zeros({ 2, 5 }, "f32")))
    m.shift:fill(5)
    local x = ow.rng(1):normal({ 3, 4 }, "f32")
    assert.is_true(ow.equal(F.relu(F.tanh(m.head(x))).value + 5, m(x).value))
    assert.matches("net is not registered", message(m.describe, m))
    nn.register("net", net)
    local twin = nn.build(ow.json.decode(ow.json.encode(m:describe())))
    assert.equal(m:count(), twin:count())
    assert.equal("net", twin.kind)
    local whole = nn.sequential { m, nn.relu() }
    assert.equal('linear "1.head"', m.head:label())
    assert.equal(2, #whole:describe().children)
    m:replace("head", nn.linear(7, 2))
    assert.equal(7, m.head.weight:shape(2))
    assert.matches("the name 'forward' is taken", message(nn.module, "x", { forward = nn.relu() }, print))
    assert.matches("'conv2d' is a layer of nn", message(nn.register, "conv2d", net))
  end)

  it("are rebuilt from their description, which is plain data", function()
    local o = { seed = 1 }
    local all = nn.sequential {
      nn.conv1d(1, 2, { kernel = 3, stride = 2, padding = 1, dilation = 2 }), nn.conv2d(2, 4, { kernel = { 1, 3 }, groups = 2, bias = false }),
      nn.conv3d(1, 1, { kernel = 3, padding = "same", activation = "leaky_relu", alpha = 0.2, dtype = "f64" }),
      nn.conv_transpose1d(1, 2, { kernel = 2 }), nn.conv_transpose2d(1, 2, { kernel = 2, stride = { 2, 1 }, output_padding = { 1, 0 } }),
      nn.conv_transpose3d(1, 2, { kernel = 2 }), nn.linear(3, 4, { bias = false }), nn.embedding(5, 2), nn.batch_norm(3, { eps = 1e-3, momentum = 0.2 }),
      nn.group_norm(2, 4), nn.layer_norm { 2, 3 }, nn.relu(), nn.leaky_relu(0.3), nn.elu(0.5), nn.gelu(), nn.sigmoid(), nn.tanh(), nn.softplus(), nn.silu(),
      nn.identity(), nn.softmax(-1), nn.log_softmax(), nn.dropout(0.2), nn.flatten(3), nn.max_pool({ 2, 3 }, { stride = 1 }), nn.avg_pool(3, { padding = 1, count_padding = false }),
      nn.global_avg_pool(), nn.global_max_pool(), nn.upsample { scale = 2, mode = "bilinear", align_corners = true },
      nn.residual(nn.linear(2, 2, o), nn.identity()), nn.concat { nn.relu { name = "left" }, nn.tanh(), axis = 3 }, nn.stack { nn.relu() },
      nn.sequential { nn.relu(), name = "inner" },
    }
    local d = all:describe()
    local twin = nn.build(ow.json.decode(ow.json.encode(d)))
    assert.same(d, twin:describe())
    local p, q = all:parameters(), twin:parameters()
    assert.equal(#p, #q)
    for k = 1, #p do
      assert.equal(p[k].name, q[k].name)
      assert.same(p[k].variable:shape(), q[k].variable:shape())
      assert.equal(p[k].variable:dtype(), q[k].variable:dtype())
    end
    -- Every constructor is in the list above.
    local seen = {}
    for _, m in ipairs(all:modules()) do seen[m.module.kind] = true end
    for name in pairs(require "orowan.nn.layers") do assert.is_true(seen[name] ~= nil, name) end
    assert.matches("no module is called 'nonsense'", message(nn.build, { kind = "nonsense" }))
  end)

  it("show layers to watchers in the order in which they run", function()
    local m = small()
    local seen = {}
    nn.watch(function(layer, x, y) seen[#seen + 1] = layer:path() .. " " .. table.concat(x:shape(), "x") .. " " .. table.concat(y:shape(), "x") end,
      m, ow.zeros({ 4, 1, 3, 3 }, "f32"))
    assert.same({ "block1.conv 4x1x3x3 4x2x1x1", "block1.2 4x2x1x1 4x2x1x1", "block1 4x1x3x3 4x2x1x1", "2 4x2x1x1 4x2", "3 4x2 4x3", " 4x1x3x3 4x3" }, seen)
    local count = #seen
    m(ow.zeros({ 4, 1, 3, 3 }, "f32"))
    assert.equal(count, #seen)
  end)
end)

describe("fused copies", function()
  local function model(dtype)
    nn.seed(6)
    local m = nn.sequential {
      nn.conv2d(2, 5, { kernel = 3, padding = 1, bias = false, dtype = dtype }), nn.batch_norm(5, { dtype = dtype }), nn.relu(),
      nn.residual(nn.sequential { nn.conv2d(5, 5, { kernel = 3, padding = 1, dtype = dtype }), nn.batch_norm(5, { affine = false, dtype = dtype }), nn.leaky_relu(0.1) }),
      nn.batch_norm(5, { dtype = dtype }), nn.conv2d(5, 3, { kernel = 1, dtype = dtype }), nn.relu(), nn.dropout(0.5),
    }
    local g = ow.rng(5)
    for _, b in ipairs(m:buffers()) do
      if b.name:match "mean" then b.tensor:copy(g:normal(b.tensor:shape()) * 0.3) end
      if b.name:match "var" then b.tensor:copy(g:uniform(b.tensor:shape(), { lo = 0.4, hi = 2 })) end
    end
    for _, p in ipairs(m:parameters()) do
      if p.variable:ndim() == 1 then p.variable.value:copy(g:uniform(p.variable:shape(), { lo = -1, hi = 1.5 })) end
    end
    return m:eval(), g:normal({ 2, 2, 6, 5 }, { dtype = dtype })
  end

  for dtype, tolerance in pairs { f32 = 1e-5, f64 = 1e-12 } do
    it("agree with the model in evaluation mode in " .. dtype, function()
      local m, x = model(dtype)
      local fused = m:fuse()
      local want = m(x).value
      local got = nn.no_grad(fused, x).value
      close(want, got, tolerance * want:abs():max())
      close(want, fused(x).value, tolerance * want:abs():max())
      local kinds = {}
      for _, e in ipairs(fused.items) do kinds[#kinds + 1] = e.kind end
      assert.same({ "conv2d", "residual", "batch_norm", "conv2d", "dropout" }, kinds)
      assert.equal(1, #fused.items[2].f.items)
      assert.equal("relu", fused.items[1].activation)
      assert.is_true(fused:parameters()[1].frozen)
    end)
  end

  it("are models of their own, which can be described and built", function()
    local m, x = model "f32"
    local before = m(x).value
    local fused = m:fuse()
    local twin = nn.build(ow.json.decode(ow.json.encode(fused:describe()))):eval()
    for k, p in ipairs(twin:parameters()) do p.variable.value:copy(fused:parameters()[k].variable.value) end
    for k, b in ipairs(twin:buffers()) do b.tensor:copy(fused:buffers()[k].tensor) end
    assert.is_true(ow.equal(fused(x).value, twin(x).value))
    for _, p in ipairs(fused:parameters()) do p.variable.value:fill(0) end
    assert.is_true(ow.equal(before, m(x).value))
    assert.equal(8, #m.items)
  end)

  it("differentiate rightly with respect to their input", function()
    local m, x = model "f64"
    local fused, r = m:fuse(), ow.rng(2):normal(2, 3, 6, 5)
    local grads = {}
    for k, f in ipairs { m, fused } do
      local v = nn.variable(x, { grad = true })
      f(v):backward(r)
      grads[k] = v.grad
    end
    close(grads[1], grads[2], 1e-12)
  end)
end)

describe("summaries", function()
  local function reference(layers)
    local list, channels = {}, 3
    for group = 1, 4 do
      for _ = 1, layers // 4 do
        list[#list + 1] = nn.conv3d(channels, 60, { kernel = 3, padding = 1 })
        list[#list + 1] = nn.batch_norm(60)
        list[#list + 1] = nn.relu()
        channels = 60
      end
      if group < 4 then list[#list + 1] = nn.max_pool(2) end
    end
    list[#list + 1] = nn.global_avg_pool()
    list[#list + 1] = nn.linear(60, 1)
    return nn.sequential(list)
  end

  it("count the operations of the reference networks", function()
    for layers, gflop in pairs { [4] = 1.2, [8] = 8.5, [12] = 15.8, [16] = 23.1 } do
      local _, t = nn.summary(reference(layers), { 1, 3, 32, 32, 32 })
      close(gflop, t.flops / 1e9, 0.05)
    end
  end)

  it("are tables of shapes, parameters and operations, as the model computes them", function()
    local model = nn.sequential {
      nn.conv2d(1, 4, { kernel = 3, stride = 2, padding = 1 }), nn.relu(), nn.conv_transpose2d(4, 2, { kernel = 2, stride = 2 }),
      nn.upsample { scale = 2 }, nn.avg_pool(3, { padding = 1, stride = 2 }), nn.concat { nn.max_pool(2), nn.max_pool(2) }, nn.flatten(), nn.linear(64, 3),
    }
    local text, t = nn.summary(model, { 2, 1, 8, 8 })
    assert.matches("6%.2 +max_pool +2x2x4x4", text)
    assert.matches("\ntotal +%d+", text)
    assert.matches("trained: 269 of 269 parameters", text)
    assert.equal(40 + 34 + 195, t.parameters)
    assert.equal(2 * 2 * (4 * 16 * 9 + 4 * 16 * 2 * 4 + 64 * 3), t.flops)
    local shapes = {}
    nn.watch(function(m, _, y) if m.infer then shapes[#shapes + 1] = y:shape() end end, model, ow.zeros({ 2, 1, 8, 8 }, "f32"))
    for k, row in ipairs(t.layers) do assert.same(shapes[k], row.shape) end
    assert.same({ 2, 3 }, t.output)
  end)

  it("leave the model alone and name the layer that does not fit", function()
    local m = small()
    nn.summary(m, { 1, 1, 3, 3 })
    assert.is_true(m.training)
    assert.is_true(ow.equal(m:buffers()[1].tensor, ow.zeros({ 2 }, "f32")))
    assert.matches('^conv2d "block1.conv": nothing is left: input is 1x1x2x2', message(nn.summary, m, { 1, 1, 2, 2 }))
    assert.matches('^conv2d "block1.conv": weight is 2x1x3x3', message(nn.summary, m, { 1, 2, 3, 3 }))
    assert.matches('^summary: model: expected a module', message(nn.summary, {}, { 1 }))
  end)
end)
