-- Speed of elementwise operations and reductions. The limit is what memcpy moves on the same
-- threads in the same run, counted as bytes read plus bytes written; a sum of two arrays into
-- a third moves three streams, a reduction one. The peer of the functions is glibc's libmvec
-- (4 ulp; ours 2 in f64, below 1 in f32), on one thread and in cache. Best of several repeats throughout.
-- Run: orowan bench tensor, or orowan spec/bench/tensor.lua
local ow = require "orowan"
local core = ow.core.bench
local system = ow.core.system

local function best(repeats, f)
  local t = math.huge
  for _ = 1, repeats do
    local t0 = core.clock()
    f()
    t = math.min(t, core.clock() - t0)
  end
  return t
end

local function run(report)
  local n, threads = 1 << 22, system.threads()
  local a, b, out, from, to = ow.linspace(0.1, 9, n), ow.linspace(-3, 3, n), ow.zeros(n), ow.ones(n), ow.zeros(n)
  -- The copy is timed again between the repeats of every row, so that a neighbour on the
  -- machine slows both; the quickest of all copies is the limit.
  local rows, copy = {}, math.huge
  local function memory(name, bytes, f)
    local t = math.huge
    for _ = 1, 40 do
      copy = math.min(copy, core.copy_time(to, from))
      t = math.min(t, best(1, f))
    end
    rows[#rows + 1] = { name, bytes / t }
  end
  memory("a + b into out, f64", 24 * n, function() a:add(b, { out = out }) end)
  memory("a * 2 into out, f64", 16 * n, function() a:mul(2, { out = out }) end)
  memory("out += a, f64", 24 * n, function() out:add_(a) end)
  memory("out *= 0.5 in place, f64", 16 * n, function() out:mul_(0.5) end)
  memory("a / b into out, f64", 24 * n, function() a:div(b, { out = out }) end)
  memory("sqrt(a) into out, f64", 16 * n, function() ow.sqrt(a, { out = out }) end)
  memory("a < b into u8", 17 * n, (function()
    local mask = ow.zeros({ n }, "u8")
    return function() a:lt(b, { out = mask }) end
  end)())
  local fa, fb, fo = a:to "f32", b:to "f32", ow.zeros({ n }, "f32")
  memory("a + b into out, f32", 12 * n, function() fa:add(fb, { out = fo }) end)
  memory("a + b into a new tensor, f64", 24 * n, function() (a + b):close() end)
  local m, row, col = a:view(2048, -1), b:slice(1, 1, n // 2048), b:slice(1, 1, 2048):view(2048, 1)
  local om = out:view(2048, -1)
  memory("matrix + row into out", 16 * n, function() m:add(row, { out = om }) end)
  memory("matrix * column into out", 16 * n, function() m:mul(col, { out = om }) end)
  memory("exp(a) into out, f64", 16 * n, function() ow.exp(a, { out = out }) end)
  memory("log(a) into out, f64", 16 * n, function() ow.log(a, { out = out }) end)
  memory("sin(a) into out, f64", 16 * n, function() ow.sin(a, { out = out }) end)

  memory("sum, f64", 8 * n, function() a:sum() end)
  memory("sum, f32", 4 * n, function() fa:sum() end)
  memory("min, f64", 8 * n, function() a:min() end)
  memory("argmax, f64", 8 * n, function() a:argmax() end)
  memory("var, f64 (reads twice)", 16 * n, function() a:var() end)
  memory("norm, f64", 8 * n, function() a:norm() end)
  memory("sum of rows (axis 2)", 8 * n, function() m:sum(2) end)
  memory("sum of columns (axis 1)", 8 * n, function() m:sum(1) end)
  memory("max of columns (axis 1)", 8 * n, function() m:max(1) end)
  memory("cumsum into out, f64 (reads twice)", 24 * n, function() a:cumsum(1, { out = out }) end)

  local rate = 16 * n / copy
  report(("memcpy, %d MiB, %d threads"):format(8 * n >> 20, threads), rate / 1e9, "GB/s")
  for _, r in ipairs(rows) do report(r[1], r[2] / 1e9, "GB/s", { peak_fraction = r[2] / rate }) end

  local k = 1 << 14
  system.threads(1)
  for _, f in ipairs {
    { "exp", -20, 20 }, { "exp2", -20, 20 }, { "expm1", -5, 5 }, { "log", 0.01, 99 }, { "log1p", -0.9, 9 }, { "log2", 0.01, 99 },
    { "log10", 0.01, 99 }, { "sin", -9, 9 }, { "cos", -9, 9 }, { "tan", -1.5, 1.5 }, { "sinh", -5, 5 }, { "cosh", -5, 5 },
    { "tanh", -5, 5 }, { "asin", -1, 1 }, { "acos", -1, 1 }, { "atan", -9, 9 }, { "erf", -4, 4 }, { "erfc", -4, 4 }, { "pow", 0.1, 9, -3, 3 },
    { "asinh", -9, 9 }, { "acosh", 1, 9 }, { "atanh", -0.999, 0.999 }, { "cbrt", -99, 99 },
    { "atan2", -9, 9, -7, 8 }, { "hypot", -9, 9, -7, 8 },
  } do
    for _, dtype in ipairs { "f64", "f32" } do
      local function line(from_, to_) return ow.linspace(from_, to_, k):to(dtype, { unchecked = true }) end
      local name, x, r = f[1], line(f[2], f[3]), line(0, 0)
      local y = f[4] and line(f[4], f[5])
      local op, o = ow[name], { out = r }
      local once = y and function() op(x, y, o) end or function() op(x, o) end
      local t, peer = math.huge, math.huge
      for _ = 1, 60 do -- in turn, so that a neighbour on the machine slows both
        t = math.min(t, best(1, once))
        peer = math.min(peer, core.libmvec_time(name, r, x, y) or math.huge)
      end
      report(("%s, %s, %d elements, 1 thread"):format(name, dtype, k), 1e9 * t / k, "ns each",
        peer < math.huge and { peer = "libmvec's time", ratio = t / peer } or nil)
    end
  end
  system.threads(threads)
end

if not pcall(debug.getlocal, 5, 1) and arg and arg[0] and arg[0]:find "bench/tensor.lua$" then
  run(function(name, value, unit, more)
    more = more or {}
    print(("%-44s %10.4g %-8s %5s  %s"):format(name, value, unit, more.peak_fraction and ("%.0f %%"):format(100 * more.peak_fraction) or "",
      more.ratio and ("%.2fx %s"):format(more.ratio, more.peer) or ""))
  end)
end
return run
