-- Devices: tensors there against the same on the host. PoCL (Debian's pocl-opencl-icd) serves
-- where there is no GPU. Compiling kernels is what takes the time, so each is made few times.
local ow = require "orowan"
local message = require("spec.support.compare").message
local core = ow.core

local sanitized = core.system.build().sanitized
local devices, why = {}, "sanitized builds cannot host a driver that compiles in the process (LLVM)"
if not sanitized then devices, why = core.device.list() end
local D = devices[1] and devices[1].device

describe("without a device", function()
  local program = "build/bin/orowan"
  local function run(code)
    local r = assert(ow.sys.run({ ow.home() .. "/" .. program, "-e", code }, { env = { OROWAN_OPENCL = "none" }, timeout = 60 }))
    return r.stdout .. r.stderr
  end

  it("everything else works and the error says what to install", function()
    if sanitized or not ow.sys.exists(ow.home() .. "/" .. program) then return pending("needs build/bin/orowan") end
    local out = run [[local ow = require "orowan"
      print(ow.device(), ow.tensor({ 1, 2 }):to("cpu"):sum())
      print(pcall(ow.device, "opencl:0"))
      print(pcall(function() return ow.tensor({ 1 }):to("opencl") end))]]
    assert.matches("cpu\t3", out)
    assert.matches("device: opencl:0: there is no OpenCL device %(.*apt%-get install", out)
    assert.matches("to: opencl: there is no OpenCL device", out)
    local info = assert(ow.sys.run({ ow.home() .. "/" .. program, "info" }, { env = { OROWAN_OPENCL = "none" }, timeout = 60 }))
    assert.matches("\nopencl%s+no OpenCL library.*apt%-get install", info.stdout)
  end)

  it("names are checked", function()
    assert.matches('expected "cpu", "opencl" or "opencl:N", got "gpu"', message(ow.device, "gpu"))
    assert.matches('expected "cpu", "opencl" or', message(ow.device, "opencl:x"))
    assert.matches("or a device", message(function() return ow.zeros(1):to("gpu") end))
    assert.equal("cpu", ow.zeros(1):device())
  end)
end)

describe("OpenCL", function()
  if not D then
    it("has no device here", function() pending("skipped: no OpenCL device: " .. tostring(why)) end)
    return
  end

  -- Numbers over [lo, hi], the same each time.
  local function sample(shape, lo, hi, dtype)
    local n = 1
    for _, s in ipairs(shape) do n = n * s end
    local v = {}
    for i = 1, n do
      local x = lo + (hi - lo) * ((i * 0.6180339887498949) % 1)
      v[i] = dtype:find "^f" and x or math.floor(x)
    end
    return ow.tensor(v):to(dtype):reshape(shape)
  end

  local function check(want, got, tol, label)
    assert.equal(D, got:device(), label)
    assert.same(want:shape(), got:shape(), label)
    assert.equal(want:dtype(), got:dtype(), label)
    local g = got:to("cpu")
    if tol == 0 then return assert.is_true(want:equal(g, { equal_nan = true }), label) end
    assert.is_true(want:allclose(g, { rtol = tol, atol = tol, equal_nan = true }), label)
  end

  it("tells what it is", function()
    for i, d in ipairs(devices) do
      assert.equal("opencl:" .. i - 1, d.device)
      assert.is_true(d.memory > 0 and d.units > 0 and d.group >= 64 and #d.name > 0)
    end
    local none = "opencl:" .. #devices
    assert.matches("there .* " .. #devices .. " OpenCL device", message(ow.device, none))
  end)

  it("is the default device once chosen", function()
    local before = ow.device()
    assert.equal(D, ow.device(D))
    assert.equal(D, ow.device())
    assert.equal("cpu", ow.zeros(2):device())
    ow.device(before)
  end)

  it("keeps what goes there, of every dtype and layout", function()
    for _, dtype in ipairs { "u8", "i32", "i64", "f32", "f64", "c64", "c128", "f16", "bf16" } do
      local t = sample({ 5, 6 }, 0, 100, "i64"):to(dtype)
      local d = t:to(D)
      assert.equal(D, d:device())
      assert.is_true(d:is_contiguous() and d:to(D) == d)
      assert.equal(t:bytes(), d:bytes())
      assert.equal(t:bytes(), d:to("cpu"):bytes())
      assert.equal(t:T():copy():bytes(), t:T():to(D):bytes())
    end
    assert.equal(0, ow.zeros(0, 3):to(D):to("cpu"):numel())
    assert.equal(7, ow.tensor({ 7 }):to(D):reshape({}):item())
  end)

  it("has views without a copy, strided copies and assignment", function()
    local t = sample({ 4, 6, 5 }, -9, 9, "f32")
    local d = t:to(D)
    for _, f in ipairs {
      function(x) return x:select(2, 3) end,
      function(x) return x:slice(2, 2, -1, 2) end,
      function(x) return x:permute(3, 1, 2) end,
      function(x) return x:flip(1) end,
      function(x) return x[{ 2, { 2, 5 }, "..." }] end,
      function(x) return x:select(1, 1):T() end,
    } do
      local v = f(d)
      assert.is_true(v:shares_storage(d))
      check(f(t), v, 0)
      assert.same(f(t):contiguous():stride(), v:contiguous():stride())
    end
    assert.equal(t[{ 2, 3, 4 }], d[{ 2, 3, 4 }])
    check(t:permute(3, 1, 2):reshape(5, 24), d:permute(3, 1, 2):reshape(5, 24), 0)
    for _, x in ipairs { t, d } do
      x[{ 2, ":", 3 }] = 7
      x[1] = 0.5
      x:select(3, 1):fill(-1)
      x:select(1, 3):copy(sample({ 6, 5 }, 0, 1, "f32"))
    end
    check(t, d, 0)
    check(ow.zeros({ 3, 2 }, "f32"), ow.zeros_like(ow.zeros({ 3, 2 }, "f32"):to(D)), 0)
    check(ow.full({ 4, 6, 5 }, 3, "i64"), ow.full_like(d, 3, "i64"), 0)
    local s = ow.arange(20):to("f32"):to(D) -- overlapping: as if read first
    s:slice(1, 2, 20):copy(s:slice(1, 1, 19))
    assert.equal(19, s[20])
    assert.matches("cannot write into a broadcast view", message(function() d:select(1, 1):broadcast_to(3, 6, 5):fill(1) end))
  end)

  it("converts, and tells of a value that does not fit when it is read", function()
    local t = sample({ 40 }, -300, 300, "f64")
    local d = t:to(D)
    check(t:to("f32"), d:to("f32"), 0)
    check(t:to("u8", { unchecked = true }), d:to("u8", { unchecked = true }), 0)
    check(t:to("i32", { unchecked = true }), d:to("i32", { unchecked = true }), 0)
    local odd = ow.tensor { 1 / 0, -1 / 0, 0 / 0, 1e30, -1e30 }
    check(odd:to("i32", { unchecked = true }), odd:to(D):to("i32", { unchecked = true }), 0)
    local i = ow.tensor { 1, 200, 3 }
    check(i:to("u8"), i:to(D):to("u8"), 0)
    local bad = (i + 100):to(D):to("u8")
    assert.matches("a value does not fit", message(function() return bad:to("cpu") end))
    assert.equal(204, i:to(D):sum()) -- told once
  end)

  it("adds, broadcasts and takes numbers on either side", function()
    local a, b, c = sample({ 7, 1, 9 }, -9, 9, "f32"), sample({ 5, 1 }, 1, 9, "f32"), sample({ 7, 5, 9 }, -9, 9, "i32")
    local x, y, z = a:to(D), b:to(D), c:to(D)
    check(a + b, x + y, 0)
    check(a:T() - b, x:T() - y, 0)
    check(2 * a, 2 * x, 0)
    check(a * 2, x * 2, 0)
    check(a + c, x + z, 1e-14) -- f64
    check(c + 1, z + 1, 0)
    check(c / 3, z / 3, 0)
    local out = ow.zeros({ 7, 5, 9 }, "f32"):to(D)
    assert.equal(out, ow.add(x, y, { out = out }))
    check(a + b, out, 0)
    x:add_(x)
    check(a + a, x, 0)
    local wide = ow.zeros({ 7, 5, 18 }, "f32"):to(D)
    ow.add(x, y, { out = wide:slice(3, 1, -1, 2) })
    check(a + a + b, wide:slice(3, 1, -1, 2):contiguous(), 0)
  end)

  it("refuses to mix devices and what it cannot do", function()
    local a = ow.ones({ 3 }, "f32")
    local d = a:to(D)
    assert.matches("add: tensors on different devices: " .. D .. " and cpu", message(function() return d + a end))
    assert.matches("different devices: cpu and " .. D, message(function() return ow.add(a, a, { out = d }) end))
    for _, f in ipairs { ow.sort, ow.cumsum, ow.fft, ow.nonzero, ow.inverse } do
      assert.matches("not available on " .. D .. "; move the tensor with t:to%('cpu'%)", message(f, d))
    end
    assert.matches("not available on " .. D, message(function() return d[ow.tensor { 1, 2 }] end))
    assert.matches("not available on " .. D .. " for c64", message(function() return ow.exp(ow.ones({ 2 }, "c64"):to(D)) end))
  end)

  -- Largest relative differences from the C library: OpenCL 1.2 grants 16 ulp to pow and the
  -- gamma functions, 5 to tan, 4 or fewer to the others.
  local loose = { pow = 2e-6, gamma = 2e-6, lgamma = 1e-5, tan = 8e-7 }
  local exact = { add = 0, sub = 0, mul = 0, neg = 0, abs = 0, sign = 0, square = 0, floor = 0, ceil = 0, round = 0, trunc = 0,
    minimum = 0, maximum = 0, real = 0, imag = 0, conj = 0 }
  it("computes the op table in one dtype each", function()
    local missing = {}
    for _, op in ipairs(core.ops.table.list()) do
      local dtype = op.rule == "int" and "i32" or "f32"
      local a, b = sample({ 130 }, op.lo1, op.hi1, dtype), op.arity == 2 and sample({ 130 }, op.lo2, op.hi2, dtype):flip() or nil
      local x, y = a:to(D), b and b:to(D)
      local ok, got = pcall(ow[op.name], x, y)
      if not ok then
        assert.matches("not available on", tostring(got))
        missing[#missing + 1] = op.name
      else
        local want = ow[op.name](a, b)
        check(want, got, want:dtype() ~= "f32" and 0 or exact[op.name] or loose[op.name] or 5e-7, op.name)
      end
    end
    assert.same({ "arg" }, missing)
  end)

  it("keeps NaN, infinities and Lua's integer rules", function()
    local v = ow.tensor({ 0 / 0, 1 / 0, -1 / 0, 0.0, -0.0, 1, -1 }, "f32")
    local w = v:reshape(7, 1)
    for _, f in ipairs { ow.minimum, ow.maximum, ow.mod } do
      check(f(v, w), f(v:to(D), w:to(D)), 0)
    end
    local i = ow.tensor { -7, 7, math.mininteger, 5 }
    local j = ow.tensor({ 3, -3, -1, 2 }):to(D)
    check(i % j:to("cpu"), i:to(D) % j, 0)
    check(i // j:to("cpu"), i:to(D) // j, 0)
    local z = i:to(D) // (j - j)
    assert.matches("idiv on " .. D .. ": integer division by zero", message(function() return z:to("cpu") end))
  end)

  it("reduces along any axes, in a fixed order", function()
    local t = sample({ 6, 70, 9 }, -3, 5, "f32")
    local d = t:to(D)
    for _, name in ipairs { "sum", "mean", "max", "min", "argmax", "argmin", "var", "std", "norm", "any", "all", "prod" } do
      local tol = (name:find "^arg" or name == "max" or name == "min" or name:find "^a[nl]") and 0 or 1e-5
      for _, axis in ipairs { 1, 2, 3 } do check(t[name](t, axis), d[name](d, axis), tol, name .. axis) end
    end
    check(t:sum({ 1, 3 }), d:sum({ 1, 3 }), 1e-6)
    check(t:permute(2, 3, 1):sum({ axis = { 1, 3 }, keepdims = true }), d:permute(2, 3, 1):sum({ axis = { 1, 3 }, keepdims = true }), 1e-6)
    assert.near(t:sum(), d:sum(), 1e-3)
    local long = sample({ 300001 }, -1, 1, "f64")
    local e = long:to(D)
    assert.near(long:sum(), e:sum(), 1e-9)
    assert.equal(e:sum(), e:copy():sum())
    assert.equal(long:argmax(), e:argmax())
    assert.equal(long:min(), e:min())
    local n = ow.tensor { 1, 0 / 0, 5, 0 / 0 }
    assert.equal(2, n:to(D):argmin())
    assert.is_true(n:to(D):max() ~= n:to(D):max())
    assert.equal(0, ow.zeros(0):to(D):sum())
    assert.matches("no elements", message(function() return ow.zeros(0):to(D):max() end))
    local i = sample({ 3, 100 }, -50, 50, "i32")
    check(i:sum(2), i:to(D):sum(2), 0)
    check(i:mean(2), i:to(D):mean(2), 1e-14)
  end)

  it("shows itself", function()
    local t = ow.tensor { 1.5, 2 }
    assert.equal((tostring(t):gsub("\n", "  on " .. D .. "\n", 1)), tostring(t:to(D)))
  end)

  it("says what was asked and what is free when memory ends", function()
    collectgarbage()
    core.device.trim(D)
    local used = core.device.list()[1].in_use
    core.device.memory(D, used + (64 << 20))
    local keep = ow.zeros({ 10 << 20 }, "f32"):to(D) -- 40 MiB
    assert.matches("out of device memory: asked for 40%.0 MiB on " .. D .. " .* MiB free of", message(function() return keep + 1 end))
    keep:close()
    assert.equal(D, ow.zeros({ 10 << 20 }, "f32"):to(D):device()) -- collects what Lua has not
    core.device.memory(D, 0)
    core.device.trim(D)
  end)

  it("uses freed buffers again", function()
    local t = ow.zeros({ 1000 }, "f32"):to(D)
    t:close()
    local cached = core.device.list()[1].cached
    local again = ow.zeros({ 1000 }, "f32"):to(D)
    assert.is_true(again:device() == D and core.device.list()[1].cached < cached)
  end)

  it("says so when a device fails or vanishes", function()
    local d = ow.ones({ 4 }, "f32"):to(D)
    core.device.inject(D, -5)
    assert.matches(D .. " %(.*%): add failed: the device is out of resources", message(function() return d + d end))
    check(ow.full({ 4 }, 2, "f32"), d + d, 0)
    core.device.inject(D, -2)
    assert.matches("the device is gone", message(function() return d:to("cpu") end))
    assert.matches("is gone", message(function() return d + d end))
    assert.matches("is gone", message(function() return ow.ones(2):to(D) end))
    core.device.inject(D, 0) -- back again
    check(ow.full({ 4 }, 2, "f32"), d + d, 0)
  end)
end)
