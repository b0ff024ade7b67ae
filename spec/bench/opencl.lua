--- What an OpenCL device does: elementwise bandwidth, the 60 -> 60 convolution 3x3x3 at 32^3 with its two
--- gradients, a training step (forward, backward, Adam) of the network of 8 convolutions of train.lua,
--- nearest neighbours and sums over pairs, each with everything on the device and waited for. Rates
--- count direct convolution (a multiply-add is 2; a step is three forward passes).
--- `orowan bench opencl [--device opencl:1]`; OROWAN_BENCH_BATCH (16; 1 where the device is a
--- processor), OROWAN_BENCH_SECONDS (2).
local ow = require "orowan"
local nn, device = ow.nn, ow.core.device

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

local function flop(layers) -- of one sample, forward
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

return function(report)
  local devices, why = device.list()
  if #devices == 0 then return report("OpenCL devices", 0, "", { note = tostring(why) }) end
  local D = ow.device()
  if D == "cpu" then D = devices[1].device end
  local info
  for _, d in ipairs(devices) do if d.device == D then info = d end end
  local small = info.processor
  local batch = math.tointeger(tonumber(os.getenv "OROWAN_BENCH_BATCH" or (small and 1 or 16))) or 16
  local seconds = tonumber(os.getenv "OROWAN_BENCH_SECONDS" or 2) or 2
  report("device " .. D, info.memory / 2 ^ 30, "GiB", { note = ("%s, %s, driver %s, %d units"):format(info.name, info.platform, info.driver, info.units) })

  -- Best time of f in s; n calls at once, so that waiting for the device does not count.
  local function best(f, n)
    f()
    device.finish(D)
    local fastest, start, calls = math.huge, ow.sys.clock(), 0
    repeat
      local t = ow.sys.clock()
      for _ = 1, n or 1 do f() end
      device.finish(D)
      fastest = math.min(fastest, (ow.sys.clock() - t) / (n or 1))
      calls = calls + 1
      collectgarbage()
    until calls >= 2 and ow.sys.clock() - start >= seconds
    return fastest
  end

  local g = ow.rng(1)
  do
    local n = small and 1 << 22 or 1 << 26
    local a = ow.zeros({ n }, "f32"):to(D)
    local out = ow.zeros_like(a)
    report("a + a, f32, read and written", 8 * n / best(function() ow.add(a, a, { out = out }) end, 4) * 1e-9, "GB/s")
  end

  local x, w = g:normal({ batch, 60, 32, 32, 32 }, "f32"):to(D), g:normal({ 60, 60, 3, 3, 3 }, "f32"):to(D)
  local dy, work = g:normal({ batch, 60, 32, 32, 32 }, "f32"):to(D), 2 * 27 * 3600 * 32 ^ 3 * batch
  local calls = small and 1 or 4
  for _, case in ipairs {
    { "forward", function() ow.core.nn.conv(x, w, nil, { padding = 1 }):close() end },
    { "input gradient", function() ow.core.nn.conv_grad_input(dy, w, { padding = 1, size = { 32, 32, 32 } }):close() end },
    { "weight gradient", function() (ow.core.nn.conv_grad_weight(x, dy, { padding = 1, kernel = { 3, 3, 3 } })):close() end },
  } do
    local t = best(case[2], calls)
    report(("conv 60->60 at 32^3, batch %d, %s"):format(batch, case[1]), work / t * 1e-12, "TFLOP/s", { note = ("%.3g ms"):format(t * 1e3) })
  end

  nn.seed(1)
  local model = network(8):to(D)
  local optimizer = nn.optim.adam(model)
  local input, target = g:normal({ batch, 3, 32, 32, 32 }, "f32"):to(D), g:normal({ batch, 1 }, "f32"):to(D)
  local step = best(function()
    optimizer:zero_grad()
    nn.functional.mse(model(input), target):backward()
    optimizer:step()
  end)
  report(("training step, 8 layers, batch %d"):format(batch), step * 1e3, "ms")
  report(("training step, 8 layers, batch %d"):format(batch), 3 * flop(8) * batch / step * 1e-12, "TFLOP/s")

  local n, k = small and 100000 or 1000000, 32
  local points = g:uniform({ n, 3 }):to("f32", { unchecked = true })
  local start = ow.sys.clock()
  local cells <close> = ow.geometry.cells(points)
  report(("tree of %g points, on the host"):format(n), (ow.sys.clock() - start) * 1e3, "ms")
  report(("kNN, %g points, k = %d, f32"):format(n, k), n / best(function()
    local ids, d = cells:knn(k, { device = D })
    ids:close()
    d:close()
  end) * 1e-6, "M/s")

  local s, t = points:slice(1, 1, small and 4096 or 131072):to(D), points:slice(1, 1, small and 4096 or 131072):to(D)
  report("sums over pairs, 1 / r, f32, compensated", s:shape(1) * t:shape(1) / best(function()
    ow.geometry.pair_sum(s, nil, t, { kernel = "power" }):close()
  end) * 1e-9, "G/s")
end
