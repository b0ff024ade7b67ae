-- The tape, variables, functions and initialisers of nn.
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
    local function chain(v)
      for _ = 1, 30 do v = F.tanh(v) end
      return v:sum()
    end
    local l = chain(x)
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
