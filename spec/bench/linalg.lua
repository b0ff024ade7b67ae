--- Products and factorisations against the processor's multiply-add peak measured in the same
--- run; Fourier transforms against FFTW called directly on one thread.
--- `orowan bench linalg`, or `lua5.4 spec/bench/linalg.lua`.
local ow = require "orowan"
local sys = require "orowan.sys"
local peak = ow.core.peak

local function random(m, n, dtype, scale)
  return ((ow.arange(1, m * n) * 0.7548776662):sin() * (scale or 1)):reshape(m, n):to(dtype or "f64")
end

-- Best time of f in seconds, over at least `total` seconds and three calls.
local function best(f, total)
  local fastest, start, calls = math.huge, sys.clock(), 0
  repeat
    local t = sys.clock()
    f()
    fastest = math.min(fastest, sys.clock() - t)
    calls = calls + 1
  until calls >= 3 and sys.clock() - start > (total or 0.3)
  return fastest
end

local function run(report)
  local top = { f64 = peak.mul_add("f64"), f32 = peak.mul_add("f32") }
  report("multiply-add peak f64", top.f64 * 1e-9, "GFLOP/s")
  report("multiply-add peak f32", top.f32 * 1e-9, "GFLOP/s")

  for _, dtype in ipairs { "f64", "f32" } do
    for _, n in ipairs { 64, 256, 1024 } do
      local a, b, c = random(n, n, dtype), random(n, n, dtype), random(n, n, dtype)
      local rate = 2 * n ^ 3 / best(function() a:matmul(b, c) end)
      report(("matmul %s %d"):format(dtype, n), rate * 1e-9, "GFLOP/s", { peak_fraction = rate / top[dtype] })
    end
  end
  do
    local n = 1024
    local a, b, c = random(n, n), random(n, n), random(n, n)
    local at = a:transpose()
    local rate = 2 * n ^ 3 / best(function() at:matmul(b, c) end)
    report("matmul f64 1024, left transposed view", rate * 1e-9, "GFLOP/s", { peak_fraction = rate / top.f64 })
    local stack = random(20000 * 4, 4):reshape(20000, 4, 4)
    report("matmul f64 stack of 20000 4 x 4", 20000 / best(function() stack:matmul(stack) end) * 1e-6, "M/s")
    local m = random(n, n) + ow.eye(n) * 3
    local rhs = random(n, 1)
    rate = 2 / 3 * n ^ 3 / best(function() ow.solve(m, rhs) end)
    report("solve f64 1024", rate * 1e-9, "GFLOP/s", { peak_fraction = rate / top.f64 })
    local s = random(500, 500)
    s = s + s:transpose()
    report("eigh f64 500", best(function() ow.eigh(s) end) * 1e3, "ms")
    report("svd f64 500", best(function() ow.svd(s) end) * 1e3, "ms")
    report("eig f64 300", best(function() ow.eig(random(300, 300)) end) * 1e3, "ms")
    local small = random(20000 * 3, 3):reshape(20000, 3, 3)
    small = small + small:transpose(2, 3)
    report("eigh f64 stack of 20000 3 x 3", 20000 / best(function() ow.eigh(small) end) * 1e-6, "M/s")
  end

  local function flops(n, count) return 5 * n * math.log(n, 2) * count end
  for _, s in ipairs { { 1000, 64 }, { 200, 1000 }, { 100, 1024 }, { 4, 65536 }, { 1, 1 << 20 } } do
    local rows, n = s[1], s[2]
    local x = ow.fft(random(rows, n))
    local y = ow.fft(x)
    local ours, theirs = best(function() ow.fft(x, { out = y }) end), peak.fftw(rows, n, 20)
    report(("fft c128 %d x %d"):format(rows, n), flops(n, rows) / ours * 1e-9, "GFLOP/s",
      { peer = "FFTW, 1 thread", ratio = theirs / ours })
  end
  for _, n in ipairs { 256, 1024 } do
    local x = ow.fft(random(n, n))
    local y = ow.fft(x)
    local ours, theirs = best(function() ow.fft2(x, { out = y }) end), peak.fftw(1, n, 5, n)
    report(("fft2 c128 %d x %d"):format(n, n), flops(n * n, 1) / ours * 1e-9, "GFLOP/s",
      { peer = "FFTW, 1 thread", ratio = theirs / ours })
    local r = random(n, n)
    report(("rfft2 f64 %d x %d"):format(n, n), flops(n * n, 1) / 2 / best(function() ow.rfft2(r) end) * 1e-9, "GFLOP/s")
  end
end

if arg and arg[0] and arg[0]:match("linalg%.lua$") then
  run(function(name, value, unit, more)
    more = more or {}
    print(("%-40s %10.4g %-8s %s %s"):format(name, value, unit,
      more.peak_fraction and ("%.0f %% of peak"):format(100 * more.peak_fraction) or "",
      more.ratio and ("%.2fx %s"):format(more.ratio, more.peer) or ""))
  end)
end
return run
