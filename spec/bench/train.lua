--- Forward pass (evaluation, no tape, batch norms folded) and training step (forward, backward, Adam)
--- of networks of 4, 8, 12 and 16 convolutions with 60 filters 3x3x3 in four groups, batch norm after
--- each, a 2x2x2 max pool after the first three groups, on 3 x 32^3 inputs; PyTorch's times of the same
--- networks from the same run, where OROWAN_PYTHON or python3 has it. Rates count direct convolution
--- (a multiply-add is 2; a step is three forward passes), whatever algorithm computes it.
--- `orowan bench train`; OROWAN_BENCH_BATCH (8), OROWAN_BENCH_LAYERS ("4 8 12 16"), OROWAN_BENCH_SECONDS (3).
local ow = require "orowan"
local nn, sys, system = ow.nn, ow.sys, ow.core.system

local function network(layers)
  local list, c = {}, 3
  for group = 1, 4 do
    for _ = 1, layers // 4 do
      list[#list + 1] = nn.conv3d(c, 60, { kernel = 3, padding = 1 })
      list[#list + 1] = nn.batch_norm(60)
      list[#list + 1] = nn.relu()
      c = 60
    end
    if group < 4 then list[#list + 1] = nn.max_pool(2) end
  end
  list[#list + 1] = nn.global_avg_pool()
  list[#list + 1] = nn.linear(60, 1)
  return nn.sequential(list)
end

-- Multiply-adds of the convolutions, times 2, of one sample.
local function flop(layers)
  local sum, c, n = 0, 3, 32
  for group = 1, 4 do
    for _ = 1, layers // 4 do
      sum = sum + 2 * 27 * c * 60 * n ^ 3
      c = 60
    end
    if group < 4 then n = n // 2 end
  end
  return sum
end

-- Best time of f in seconds, over at least `seconds` and two calls, after one that is not counted.
local function best(f, seconds)
  f()
  local fastest, start, calls = math.huge, sys.clock(), 0
  repeat
    local t = sys.clock()
    f()
    fastest = math.min(fastest, sys.clock() - t)
    calls = calls + 1
  until calls >= 2 and sys.clock() - start >= seconds
  return fastest
end

-- PyTorch's times of one network; nil where there is no PyTorch. Measured just before ours, so that
-- both meet the same load.
local function peer(batch, seconds, layers)
  local python = os.getenv "OROWAN_PYTHON" or "python3"
  local r = sys.run({ python, ow.home() .. "/spec/bench/peer_train.py", tostring(batch), tostring(system.threads()), tostring(seconds),
    tostring(layers) }, { timeout = 3600, env = { OMP_WAIT_POLICY = false } })
  if not r or r.status ~= 0 then return nil end
  local version, f, s, peak = r.stdout:match "^(%S+)\n%d+ (%S+) (%S+) (%d+)\n"
  return version and { version = version, forward = tonumber(f), step = tonumber(s), peak = tonumber(peak) }
end

local function run(report)
  local batch = math.tointeger(tonumber(os.getenv "OROWAN_BENCH_BATCH" or 8)) or 8
  local seconds = tonumber(os.getenv "OROWAN_BENCH_SECONDS" or 3) or 3
  local layers = {}
  for l in (os.getenv "OROWAN_BENCH_LAYERS" or "4 8 12 16"):gmatch "%d+" do layers[#layers + 1] = tonumber(l) end
  local top = ow.core.peak.mul_add("f32")
  report("multiply-add peak f32", top * 1e-9, "GFLOP/s")
  local g = ow.rng(1)
  local x, y = g:normal({ batch, 3, 32, 32, 32 }, "f32"), g:normal({ batch, 1 }, "f32")
  for _, l in ipairs(layers) do
    local other = peer(batch, seconds, l)
    nn.seed(1)
    local model = network(l)
    local optimizer = nn.optim.adam(model)
    local work = flop(l) * batch
    local function show(what, took, factor, their)
      local name = ("%d layers, batch %d, %s"):format(l, batch, what)
      report(name, took * 1e3, "ms", their and { peer = "PyTorch " .. other.version, ratio = their / took }
        or { note = "no PyTorch: set OROWAN_PYTHON to a Python that has it" })
      report(name, factor * work / took * 1e-9, "GFLOP/s", { peak_fraction = factor * work / took / top })
    end
    local step = best(function()
      optimizer:zero_grad()
      nn.functional.mse(model(x), y):backward()
      optimizer:step()
    end, seconds)
    show("training step", step, 3, other and other.step)
    report(("%d layers, batch %d, tensors at most"):format(l, batch), system.memory().peak / 2 ^ 30, "GiB",
      { note = ("process %.2f GiB%s"):format(sys.peak_memory() / 2 ^ 30, other and (", PyTorch %.2f GiB"):format(other.peak / 2 ^ 30) or "") })
    optimizer:zero_grad()
    local folded = model:fuse()
    local forward = best(function() nn.no_grad(folded, x) end, seconds)
    show("forward", forward, 1, other and other.forward)
    collectgarbage()
  end
end

if arg and arg[0] and arg[0]:match "train%.lua$" then
  run(function(name, value, unit, more)
    more = more or {}
    print(("%-44s %10.4g %-8s %s %s %s"):format(name, value, unit, more.peak_fraction and ("%.0f %% of peak"):format(100 * more.peak_fraction) or "",
      more.ratio and ("%.2fx %s"):format(more.ratio, more.peer) or "", more.note or ""))
  end)
end
return run
