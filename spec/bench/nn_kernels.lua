-- The network kernels that memory limits, on one activation of the reference network
-- (16 x 60 x 32^3, f32; the transcendental ones on a quarter of it), against what memcpy moves on
-- the same threads in the same run. Bytes are those that the algorithm must move: batch_norm
-- reads x twice and writes y.
-- Run: orowan bench nn_kernels
local ow = require "orowan"
local core, nn, system = ow.core.bench, ow.core.nn, ow.core.system

local function run(report)
  local shape, small = { 16, 60, 32, 32, 32 }, { 16, 60, 16, 16, 16 }
  local n = 16 * 60 * 32 * 32 * 32
  local x = ow.linspace(-3, 3, n):sin():to("f32", { unchecked = true }):view(16, 60, 32, 32, 32)
  local dy, y = x * 0.5, ow.zeros(shape, "f32")
  local gamma, beta, one, two = ow.ones({ 60 }, "f32"), ow.zeros({ 60 }, "f32"), ow.zeros({ 60 }, "f32"), ow.zeros({ 60 }, "f32")
  local py, pi = ow.zeros(small, "f32"), ow.zeros(small, "i64")
  local from, to = ow.ones({ n }, "f32"), ow.zeros({ n }, "f32")
  local rows, copy = {}, math.huge
  local function memory(name, bytes, f)
    local t = math.huge
    for _ = 1, 8 do
      copy = math.min(copy, core.copy_time(to, from))
      local t0 = core.clock()
      f()
      t = math.min(t, core.clock() - t0)
    end
    rows[#rows + 1] = { name, bytes / t }
  end
  memory("batch_norm + relu", 12 * n, function()
    nn.batch_norm(x, gamma, beta, nil, nil, { activation = "relu", out = { y, one, two } })
  end)
  local mean, var = one + 0, two + 0
  memory("batch_norm + relu, given statistics", 8 * n, function()
    nn.batch_norm(x, gamma, beta, mean, var, { activation = "relu", out = { y, one, two } })
  end)
  memory("batch_norm_grad + relu", 20 * n, function()
    nn.batch_norm_grad(x, dy, gamma, beta, mean, var, { activation = "relu", out = { y, one, two } })
  end)
  memory("max_pool 2x2x2", 4 * n + 12 * n // 8, function() nn.max_pool(x, { kernel = 2, out = { py, pi } }) end)
  memory("max_pool_grad 2x2x2", 4 * n + 12 * n // 8, function() nn.max_pool_grad(py, pi, { size = 32, out = { y } }) end)
  memory("avg_pool 2x2x2", 4 * n + 4 * n // 8, function() nn.avg_pool(x, { kernel = 2, out = { py } }) end)
  memory("relu", 8 * n, function() nn.activation(x, { kind = "relu", out = { y } }) end)
  memory("relu gradient", 12 * n, function() nn.activation_grad(x, dy, { kind = "relu", out = { y } }) end)
  memory("sum_squares", 4 * n, function() nn.sum_squares(x) end)
  memory("first_nonfinite", 4 * n, function() nn.first_nonfinite(x) end)
  memory("dropout", 8 * n, function() nn.dropout(x, { out = { y } }) end)
  memory("mse", 8 * n, function() nn.loss(x, dy, nil, { kind = "mse" }) end)
  local q = n // 4
  local function quarter(t) return t:view(-1):slice(1, 1, q) end
  local qx, qg, qy, qm, qv = quarter(x), quarter(dy), quarter(y), ow.zeros({ q }, "f32"), ow.zeros({ q }, "f32")
  memory("adam", 28 * q, function() nn.adam(qg, { lr = 1e-3, step = 1, out = { qy, qm, qv } }) end)
  memory("group_norm", 12 * q, function() nn.group_norm(x:slice(1, 1, 4), gamma, beta, { groups = 6 }) end)
  for _, kind in ipairs { "elu", "gelu", "sigmoid", "tanh", "softplus", "silu" } do
    memory(kind, 8 * q, function() nn.activation(qx, { kind = kind, out = { qy } }) end)
    memory(kind .. " gradient", 12 * q, function() nn.activation_grad(qx, qg, { kind = kind, out = { qy } }) end)
  end
  memory("softmax of 10", 8 * q, function() nn.softmax(qx:view(-1, 10), { out = { qy:view(-1, 10) } }) end)

  local rate = 8 * n / copy
  report(("memcpy, %d MiB, %d threads"):format(4 * n >> 20, system.threads()), rate / 1e9, "GB/s")
  for _, r in ipairs(rows) do report(r[1], r[2] / 1e9, "GB/s", { peak_fraction = r[2] / rate }) end
end

return run
