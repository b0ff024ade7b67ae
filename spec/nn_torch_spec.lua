-- Small networks against what PyTorch computes for them in f64 (fixtures/nn_torch.py): outputs,
-- losses of several steps of plain gradient descent, first gradients, buffers, evaluation.
local ow = require "orowan"
local compare = dofile "spec/support/compare.lua"
local fix = dofile "spec/fixtures/nn_torch.lua"
local nn, F = ow.nn, ow.nn.functional

local TOLERANCE = 1e-11

local networks = {}

function networks.classifier(f)
  local weight = ow.tensor(f.class_weight)
  return nn.sequential {
    nn.conv2d(2, 4, { kernel = 3, padding = 1 }), nn.batch_norm(4), nn.leaky_relu(0.1), nn.max_pool(2),
    nn.conv2d(4, 4, { kernel = { 3, 2 }, stride = { 1, 2 }, padding = 1, groups = 2, bias = false }), nn.batch_norm(4), nn.relu(),
    nn.global_avg_pool(), nn.linear(4, 3),
  }, function(y) return F.cross_entropy(y, f.target, { class_weight = weight, smoothing = 0.1 }) end
end

function networks.unet(f)
  local target = ow.tensor(f.target)
  local inner = nn.sequential {
    nn.conv2d(1, 4, { kernel = 3, stride = 2, padding = 1 }), nn.group_norm(2, 4), nn.silu(),
    nn.conv_transpose2d(4, 3, { kernel = 3, stride = 2, padding = 1, output_padding = 1 }), nn.elu(0.7),
  }
  return nn.sequential {
    nn.concat { nn.identity(), inner }, nn.conv2d(4, 1, { kernel = 3, padding = "same" }),
    nn.upsample { scale = 2, mode = "bilinear" }, nn.avg_pool(3, { stride = 2, padding = 1, count_padding = false }),
  }, function(y) return F.bce_with_logits(y, target, { pos_weight = 2.5 }) end
end

function networks.volume(f)
  local target = ow.tensor(f.target)
  return nn.sequential {
    nn.conv3d(1, 3, { kernel = 3, padding = 1 }), nn.batch_norm(3, { eps = 1e-3, momentum = 0.3 }), nn.softplus(), nn.max_pool(2),
    nn.conv3d(3, 2, { kernel = { 1, 2, 1 } }), nn.tanh(), nn.global_max_pool(), nn.linear(2, 2),
  }, function(y) return F.huber(y, target, { delta = 0.5 }) end
end

function networks.graph(f)
  local target = ow.tensor(f.target)
  -- Fields are ordered by name: the letters give PyTorch's order of parameters.
  local model = nn.module("graph", {
    a_table = nn.embedding(4, 3), b_message = nn.linear(6, 5), c_norm = nn.layer_norm(5), d_head = nn.linear(5, 1),
  }, function(self, species)
    local h = self.a_table(species)
    local a, b = { 1, 2, 3, 3, 4, 5, 5 }, { 2, 1, 1, 4, 5, 3, 1 }
    local m = F.gelu(self.b_message(F.concat { h:take(a), h:take(b) }))
    local node = self.c_norm(F.index_add(a, m, 5))
    local groups = { 0, 2, 5 }
    return self.d_head(F.segment_mean(node, groups) + F.segment_max(node, groups))
  end)
  return model, function(y) return F.mse(y, target) end
end

function networks.attention(f)
  local mask = ow.tensor(f.mask)
  local at = ow.tensor { { { { -0.7, 0.1 }, { 0.2, -0.3 }, { 0.9, 0.0 } } } }:broadcast_to { 2, 1, 3, 2 }
  local o = { bias = false }
  local model = nn.module("attention", { a_q = nn.linear(4, 4, o), b_k = nn.linear(4, 4, o), c_v = nn.linear(4, 4, o) }, function(self, x)
    local a = F.softmax(self.a_q(x):matmul(self.b_k(x):transpose(2, 3)) / 2, -1)
    local y = a:matmul(self.c_v(x)):permute(1, 3, 2):reshape(2, 4, 1, 3)
    return F.log_softmax(F.grid_sample(y, at, { align_corners = true, padding = "border" }), 2)
  end)
  return model, function(y) return (y * mask):abs():sum() + (y ^ 2):mean():sqrt() end
end

local function close(expected, got, what) compare.close(expected, got, TOLERANCE, what) end

describe("networks computed by PyTorch", function()
  for name, f in pairs(fix) do
    it(name, function()
      local model, loss = networks[name](f)
      model:to "f64"
      local params = model:parameters()
      assert.equal(#f.params, #params)
      for k, p in ipairs(params) do p.variable.value:copy(f.params[k]) end
      local x = f.dx and nn.variable(ow.tensor(f.x, "f64"), { grad = true }) or ow.tensor(f.x, "i64")
      for step, expected in ipairs(f.losses) do
        model:zero_grad()
        if f.dx then x:zero_grad() end
        local y = model(x)
        local l = loss(y)
        l:backward()
        close(expected, l:item(), "loss of step " .. step)
        if step == 1 then
          close(f.y, y.value, "output")
          for k, p in ipairs(params) do close(f.grads[k], p.variable.grad, "gradient of " .. p.name) end
          if f.dx then close(f.dx, x.grad, "gradient of the input") end
        end
        for _, p in ipairs(params) do p.variable.value:sub_(p.variable.grad * 0.05) end
      end
      for k, b in ipairs(model:buffers()) do close(f.buffers[k], b.tensor, b.name) end
      model:eval()
      close(f.after, model(x).value, "evaluation")
    end)
  end
end)
