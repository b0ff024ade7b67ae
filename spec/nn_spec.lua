-- The tape, variables, modules, initialisers, fused inference copies and summaries of nn.
local ow = require "orowan"
local compare = dofile "spec/support/compare.lua"
local nn, F = ow.nn, ow.nn.functional
local close, message = compare.close, compare.message

local function leaf(t, dtype) return nn.variable(ow.tensor(t, dtype or "f64"), { grad = true }) end
local function in_use() return ow.core.system.memory().in_use end

describe("variables", function()
  it("stand beside tensors and numbers on either side of an operator", function()
    local x, t = leaf { 1, 2 }, ow.tensor { 3.0, 4.0 }
    for _, y in ipairs { x + t, t + x } do assert.same({ 4.0, 6.0 }, y:totable()) end
    assert.same({ -2.0, -2.0 }, (x - t):totable())
    assert.same({ 2.0, 2.0 }, (t - x):totable())
    assert.same({ 3.0, 8.0 }, (t * x):totable())
    assert.same({ 3.0, 2.0 }, (t / x):totable())
    assert.same({ 3.0, 16.0 }, (t ^ x):totable())
    assert.same({ 2.0, 4.0 }, (2 ^ x):totable())
    assert.same({ -1.0, -2.0 }, (-x):totable())
    assert.is_true(nn.is_variable(t + x))
    assert.is_false(nn.is_variable(t))
  end)

  it("sum the gradient of a stretched operand back to its shape", function()
    local a, b = leaf { { 1 }, { 2 }, { 3 } }, leaf { 10, 20 }
    local y = (a * b):sum()
    assert.equal(0, y:ndim())
    y:backward()
    assert.same({ { 30.0 }, { 30.0 }, { 30.0 } }, a.grad:totable())
    assert.same({ 6.0, 6.0 }, b.grad:totable())
  end)

  it("accumulate gradients, over uses and over calls", function()
    local x = leaf { 3 }
    for k = 1, 2 do
      (x * x + x):backward()
      assert.same({ 7.0 * k }, x.grad:totable())
    end
    x:zero_grad()
    assert.is_nil(x.grad)
  end)

  it("never share memory between gradients", function()
    local a, b = leaf { 1, 2 }, leaf { 3, 4 }
    local seed = ow.tensor { 1.0, 1.0 }
    local y = a + b:reshape(2)
    y:backward(seed)
    assert.is_false(a.grad:shares_storage(b.grad))
    assert.is_false(a.grad:shares_storage(seed))
    a.grad:fill(7)
    assert.same({ 1.0, 1.0 }, b.grad:totable())
  end)

  it("go through diamonds once per node", function()
    local x = leaf { 2 }
    local y = x * 3
    for _ = 1, 40 do y = (y + y) * 0.5 end
    y:backward()
    assert.same({ 3.0 }, x.grad:totable())
  end)

  it("give f32 leaves f32 gradients when f64 came in between", function()
    local x = leaf({ 1, 2 }, "f32");
    (x * ow.tensor { 0.5, 0.25 }):sum():backward()
    assert.equal("f32", x.grad:dtype())
    assert.same({ 0.5, 0.25 }, x.grad:totable())
  end)

  it("keep the gradient of an intermediate result on request", function()
    local x = leaf { 2 }
    local y = (x * x):retain_grad();
    (y * 5):backward()
    assert.same({ 5.0 }, y.grad:totable())
    assert.same({ 20.0 }, x.grad:totable())
  end)

  it("release the graph after backward, unless it is retained", function()
    local x = leaf { 2 }
    local y = x * x
    local z = y * x
    z:backward(nil, { retain = true })
    z:backward()
    assert.same({ 24.0 }, x.grad:totable())
    assert.matches("released by an earlier backward", message(z.backward, z))
    local w = y + 1  -- built on a released part
    assert.matches("released by an earlier backward", message(w.backward, w))
  end)

  it("record nothing below no_grad, detach and plain data", function()
    local x = leaf { 2 }
    assert.is_nil(nn.no_grad(function() return x * x end).node)
    assert.is_nil((x:detach() * 3).node)
    assert.is_nil((nn.variable(ow.tensor { 1.0 }) * 3).node)
    assert.is_table((x * 3).node)
    pcall(nn.no_grad, error, "x")
    assert.is_table((x * 3).node, "recording goes on after an error inside no_grad")
    assert.matches("depends on nothing", message(function() x:detach():backward() end))
  end)

  it("refuse wrong seeds and dtypes", function()
    local x = leaf { 1, 2 }
    assert.matches("only at one number, this variable is 2", message(function() (x * 2):backward() end))
    assert.matches("seed: expected shape 2, got 3", message(function() (x * 2):backward(ow.ones(3)) end))
    assert.matches("only f32 and f64 have gradients, got i64", message(nn.variable, ow.tensor { 1, 2 }, { grad = true }))
    assert.matches("variable: expected a tensor, got a variable", message(nn.variable, x))
  end)

  it("carry NaN to where it belongs", function()
    local x = leaf { 1, 0 / 0, 3 };
    (x * x):sum():backward()
    local g = x.grad:totable()
    assert.equal(2.0, g[1])
    assert.is_true(g[2] ~= g[2])
    assert.equal(6.0, g[3])
  end)

  it("leave no memory behind", function()
    nn.seed(3)
    local model = nn.sequential { nn.conv2d(1, 8, { kernel = 3, padding = 1 }), nn.batch_norm(8), nn.relu(), nn.max_pool(2),
      nn.conv2d(8, 8, { kernel = 3, padding = "same" }), nn.relu(), nn.flatten(), nn.linear(128, 2) }
    local x = ow.rng(1):normal({ 4, 1, 8, 8 }, "f32")
    local t = ow.tensor({ 1, 2, 1, 2 }, "i64")
    local function step()
      model:zero_grad()
      F.cross_entropy(model(x), t):backward()
    end
    step()
    collectgarbage() collectgarbage()
    local before = in_use()
    for _ = 1, 20 do step() end
    collectgarbage() collectgarbage()
    assert.equal(before, in_use())
    -- A graph that nobody differentiates goes too, and so does one whose backward failed.
    for _ = 1, 20 do
      model:zero_grad()
      local y = model(x)
      pcall(y.backward, y)
    end
    model:zero_grad()
    step()
    collectgarbage() collectgarbage()
    assert.equal(before, in_use())
  end)

  it("drop intermediate results and gradients during backward", function()
    local n = 1 << 16
    local x = nn.variable(ow.ones({ n }, "f32"), { grad = true })
    collectgarbage() collectgarbage()
    local before = in_use()
    local y = x
    for _ = 1, 30 do y = F.tanh(y) end
    local l = y:sum()
    y = nil
    assert.is_true(in_use() - before >= 30 * 4 * n)
    l:backward()
    collectgarbage() collectgarbage()
    assert.is_true(in_use() - before <= 4 * n + 4096, "only the gradient of x is left")
    assert.equal(n, x.grad:numel())
  end)
end)

describe("functions", function()
  it("name both shapes in errors", function()
    local x3 = ow.zeros({ 8, 3, 32, 32, 32 }, "f32")
    local w = ow.zeros({ 60, 60, 3, 3, 3 }, "f32")
    assert.matches("^conv3d: weight is 60x60x3x3x3 %(60 input channels%), input is 8x3x32x32x32$", message(F.conv3d, x3, w))
    assert.matches("^conv2d: weight is 60x60x3x3x3: expected 4 axes$", message(F.conv2d, x3, w))
    assert.matches("^linear: weight is 2x5 %(5 input features%), input is 3x4$", message(F.linear, ow.zeros(3, 4), ow.zeros(2, 5)))
    assert.matches("^mse: prediction is 2x1, target is 2$", message(F.mse, ow.zeros(2, 1), ow.zeros(2)))
    assert.matches("^layer_norm: weight is 4, input is 2x3$", message(F.layer_norm, ow.zeros(2, 3), ow.ones(4)))
    assert.matches("^max_pool: kernel 4 is larger than spatial axis 2 of the input 1x1x5x3$", message(F.max_pool, ow.zeros(1, 1, 5, 3), 4))
    assert.matches("^conv2d: weight is 1x1x5x5 %(reach 5 on spatial axis 1%), input is 1x1x4x6 %(4 with padding%)$",
      message(F.conv2d, ow.zeros(1, 1, 4, 6), ow.zeros(1, 1, 5, 5)))
    assert.matches("dtype", (select(2, message(F.linear, ow.zeros({ 3, 4 }, "f32"), ow.zeros(2, 4)))).code)
    assert.matches("^conv: padding 'same' needs stride 1, got 2$",
      message(F.conv, ow.zeros(1, 1, 4, 4), ow.zeros(1, 1, 3, 3), nil, { padding = "same", stride = 2 }))
    assert.matches("no gradient flows into it", message(F.mse, leaf { 1 }, leaf { 2 }))
  end)

  it("accept and give tensors of every index dtype where integers are meant", function()
    local w = ow.tensor { { 1.0, 2 }, { 3, 4 } }
    for _, i in ipairs { { 2, 1 }, ow.tensor({ 2, 1 }, "i32"), ow.tensor({ 2, 1 }, "i64") } do
      assert.same({ { 3.0, 4.0 }, { 1.0, 2.0 } }, F.embedding(i, w):totable())
    end
    assert.matches("index: expected integers, got f64", message(F.embedding, ow.tensor { 1.5 }, w))
  end)

  it("transposed convolution is the transpose of the convolution", function()
    local g = ow.rng(2)
    local x, w = g:normal(2, 3, 7, 6), g:normal(4, 3, 3, 2)
    for _, o in ipairs { {}, { stride = 2, padding = 1 }, { dilation = 2 } } do
      local y = F.conv(x, w, nil, o)
      local r = g:normal(y:shape())
      local size, extra = { 7, 6 }, {}
      for d = 1, 2 do  -- what the stride leaves over
        local s, p, k, dil = o.stride or 1, o.padding or 0, w:shape(d + 2), o.dilation or 1
        extra[d] = size[d] - ((r:shape(d + 2) - 1) * s - 2 * p + dil * (k - 1) + 1)
      end
      local back = F.conv_transpose(r, w, nil, { stride = o.stride, padding = o.padding, dilation = o.dilation, output_padding = extra })
      close((y.value * r):sum(), (back.value * x):sum(), 1e-9)
    end
  end)

  it("dropout keeps the mean and repeats itself for one seed and stream", function()
    local x = ow.ones({ 200, 100 }, "f32")
    local a, b = F.dropout(x, 0.3, { seed = 5, stream = 2 }).value, F.dropout(x, 0.3, { seed = 5, stream = 2 }).value
    assert.is_true(ow.equal(a, b))
    assert.is_false(ow.equal(a, F.dropout(x, 0.3, { seed = 5, stream = 3 }).value))
    close(1, a:mean(), 4 * math.sqrt(0.3 / 0.7 / 20000))
    close(0.3, a:eq(0):mean(), 4 * math.sqrt(0.21 / 20000))
  end)
end)

describe("initialisers", function()
  local shape = { 64, 32, 3, 3 }
  local function draw(f) return f(shape, "f64", ow.rng(11)) end
  local fan_in, fan_out, n = 32 * 9, 64 * 9, 64 * 32 * 9

  it("have the variance that their papers ask for", function()
    local cases = {
      { nn.init.kaiming_uniform(), 2 / fan_in, 0.8 }, { nn.init.kaiming_normal { a = 0.5, mode = "fan_out" }, 2 / 1.25 / fan_out, 2 },
      { nn.init.xavier_uniform { gain = 2 }, 4 * 2 / (fan_in + fan_out), 0.8 }, { nn.init.xavier_normal(), 2 / (fan_in + fan_out), 2 },
      { nn.init.normal { std = 0.3 }, 0.09, 2 }, { nn.init.uniform(-0.6, 0.6), 0.12, 0.8 },
    }
    for k, c in ipairs(cases) do
      local t = draw(c[1])
      close(1, t:var() / c[2], 5 * math.sqrt(c[3] / n), "variance of case " .. k)
      close(0, t:mean(), 5 * math.sqrt(c[2] / n), "mean of case " .. k)
    end
  end)

  it("orthogonal has orthonormal rows or columns", function()
    for _, s in ipairs { { 3, 5 }, { 5, 3 }, { 4, 2, 2 } } do
      local t = nn.init.orthogonal { gain = 2 }(s, "f64", ow.rng(1)):reshape(s[1], -1)
      local p = t:shape(1) <= t:shape(2) and t:matmul(t:T()) or t:T():matmul(t)
      close(ow.eye(p:shape(1)) * 4, p, 1e-12)
    end
  end)

  it("are reproducible bit for bit, by nn.seed and by the layer's own seed", function()
    local function make()
      nn.seed(42)
      return nn.sequential { nn.conv2d(2, 3, { kernel = 3 }), nn.linear(4, 2), nn.dropout(0.5) }
    end
    local a, b = make(), make()
    for k, p in ipairs(a:parameters()) do assert.is_true(ow.equal(p.variable.value, b:parameters()[k].variable.value)) end
    assert.equal(a.items[3].options.seed, b.items[3].options.seed)
    local c, d = nn.linear(4, 4, { seed = 9 }), nn.linear(4, 4, { seed = 9 })
    assert.is_true(ow.equal(c.weight.value, d.weight.value))
    assert.is_false(ow.equal(c.weight.value, nn.linear(4, 4, { seed = 10 }).weight.value))
    assert.is_false(ow.equal(nn.linear(4, 4).weight.value, nn.linear(4, 4).weight.value))
  end)

  it("of layers are uniform within 1 / sqrt(fan_in), or what is asked", function()
    local m = nn.linear(100, 50, { seed = 1 })
    local bound = 0.1
    assert.is_true(m.weight.value:abs():max() <= bound and m.weight.value:abs():max() > 0.99 * bound)
    assert.is_true(m.bias.value:abs():max() <= bound)
    assert.equal(0, nn.linear(3, 3, { bias_init = "zeros" }).bias.value:abs():max())
    assert.equal(5, nn.linear(3, 3, { init = nn.init.constant(5) }).weight.value:min())
    assert.matches("nothing is called 'xaver' in nn.init", message(nn.linear, 3, 3, { init = "xaver" }))
  end)
end)

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
