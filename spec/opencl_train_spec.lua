-- Training on a device: nothing but the loss value leaves it, and it learns what the CPU learns.
local ow = require "orowan"
local nn = ow.nn
local device = ow.core.device

local devices, why = {}, "sanitized builds cannot host a driver that compiles in the process (LLVM)"
if not ow.core.system.build().sanitized then devices, why = device.list() end
local D = devices[1] and devices[1].device

-- No bias before a batch norm: its gradient is rounding alone, and Adam would step by its sign.
local function network()
  nn.seed(7)
  return nn.sequential {
    nn.conv3d(2, 5, { kernel = 3, padding = 1, bias = false }), nn.batch_norm(5), nn.relu(), nn.max_pool(2),
    nn.conv3d(5, 6, { kernel = 3, padding = 1, bias = false }), nn.batch_norm(6), nn.relu(), nn.max_pool(2),
    nn.flatten(), nn.linear(48, 3),
  }
end

describe("training on a device", function()
  if not D then
    it("has no device here", function() pending("skipped: no OpenCL device: " .. tostring(why)) end)
    return
  end

  local g = ow.rng(3)
  local x, y = g:normal({ 8, 2, 8, 8, 8 }, "f32"), (g:uniform({ 8 }) * 3):floor():to "i64" + 1
  local steps = 6

  -- Losses of some steps, and the transfers of each.
  local function train(where)
    local model = network():to(where)
    local optimizer = nn.optim.adam(model, { lr = 0.01 })
    local bx, by, losses, moved = x:to(where), y:to(where), {}, {}
    for k = 1, steps do
      local before = device.list()[1]
      optimizer:zero_grad()
      local loss = nn.functional.cross_entropy(model(bx), by)
      loss:backward()
      optimizer:step()
      losses[k] = loss.value:item()
      local after = device.list()[1]
      moved[k] = { reads = after.reads - before.reads, read_bytes = after.read_bytes - before.read_bytes,
        uploads = after.uploads - before.uploads, upload_bytes = after.upload_bytes - before.upload_bytes,
        launches = after.launches - before.launches }
    end
    return losses, moved, model
  end

  it("reads back the loss and nothing else", function()
    local _, moved = train(D)
    for k, m in ipairs(moved) do
      assert.is_true(m.launches > 40, "step " .. k .. " ran on the device")
      assert.same({ 1, 4, 0, 0 }, { m.reads, m.read_bytes, m.uploads, m.upload_bytes }, "step " .. k)
    end
  end)

  it("follows the CPU's losses and weights", function()
    -- Both add the same f32 products in other orders; Adam divides by the gradients' size, so what
    -- they differ by grows a little with the steps.
    local host, _, a = train "cpu"
    local there, _, b = train(D)
    for k = 1, steps do assert.is_true(math.abs(host[k] - there[k]) <= 1e-5 * host[k], ("step %d: %.7g and %.7g"):format(k, host[k], there[k])) end
    assert.is_true(there[steps] < 0.7 * there[1], "it learns")
    a:eval()
    b:eval()
    local p, q = nn.no_grad(a, x), nn.no_grad(b, x:to(D))
    p, q = p.value or p, q.value or q
    assert.equal(D, q:device())
    assert.is_true((p - q:to("cpu")):abs():max() <= 1e-4 * p:abs():max())
  end)

  it("reads two numbers a step in nn.fit: the loss and the gradient's norm", function()
    local quiet, seen, before = ow.progress.quiet, {}, nil
    ow.progress.quiet = true
    local ok, err = pcall(nn.fit, { model = network(), loss = "cross_entropy", train = { x = x, y = y }, batch = 4, epochs = 3, device = D,
      on_epoch = function()
        local now = device.list()[1]
        if before then
          seen[#seen + 1] = { now.reads - before.reads, now.read_bytes - before.read_bytes, now.uploads - before.uploads }
        end
        before = now
      end })
    ow.progress.quiet = quiet
    assert(ok, err)
    -- 2 steps an epoch; the batches go up (x and y), 4 and 8 bytes come back; the best weights are kept
    -- on the device.
    assert.is_true(#seen == 2)
    for _, s in ipairs(seen) do assert.same({ 4, 24, 4 }, s) end
  end)

  it("repeats itself bit for bit", function()
    local a, b = train(D), train(D)
    assert.same(a, b)
  end)
end)
