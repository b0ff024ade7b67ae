-- The ground under all tensors: conversions, broadcasting, overlapping copies, the allocator.
local ow = require "orowan"
local half = dofile "spec/fixtures/half.lua"
local system = ow.core.system

local names = { "u8", "i32", "i64", "f32", "f64", "c64", "c128", "f16", "bf16" }
local nan, inf = 0 / 0, math.huge

local function message(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return tostring(err), err
end

local function real(v) return type(v) == "table" and v[1] or v end

describe("conversion", function()
  it("keeps what every pair of types can hold", function()
    for _, from in ipairs(names) do
      local t = ow.tensor({ 0, 1, 2, 100, 255 }, from)
      assert.equal(from, t:dtype())
      for _, to in ipairs(names) do
        for _, unchecked in ipairs { false, true } do
          local got = t:to(to, { unchecked = unchecked }):totable()
          for i, v in ipairs { 0, 1, 2, 100, 255 } do
            assert.equal(v, real(got[i]))
            if type(got[i]) == "table" then assert.equal(0, got[i][2]) end
          end
        end
      end
    end
  end)

  it("refuses what the target cannot hold, and saturates when told to", function()
    local limits = { u8 = { 0, 255 }, i32 = { -1 << 31, (1 << 31) - 1 }, i64 = { math.mininteger, math.maxinteger } }
    for to, range in pairs(limits) do
      for _, from in ipairs { "f32", "f64", "c64", "c128", "f16", "bf16" } do
        for _, v in ipairs { 0.5, -0.5, inf, -inf, nan } do
          local t = ow.tensor({ v }, from)
          local text, err = message(t.to, t, to)
          assert.matches("a value does not fit: " .. from .. " holds values that " .. to, text)
          assert.equal("dtype", err.code)
          local got = t:to(to, { unchecked = true }):totable()[1]
          local want = v == inf and range[2] or v == -inf and range[1] or 0
          assert.equal(want, got)
        end
      end
      assert.equal(range[1], ow.tensor({ -2 ^ 70 }):to(to, { unchecked = true }):totable()[1])
      assert.equal(range[2], ow.tensor({ 2 ^ 70 }):to(to, { unchecked = true }):totable()[1])
    end
    -- the very edges
    for _, case in ipairs {
      { 255.0, "u8", 255 }, { 256.0, "u8" }, { -1.0, "u8" }, { -0.0, "u8", 0 },
      { 2147483647.0, "i32", 2147483647 }, { 2147483648.0, "i32" },
      { -2147483648.0, "i32", -2147483648 }, { -2147483649.0, "i32" },
      { 2.0 ^ 63 - 1024, "i64", math.maxinteger - 1023 }, { 2.0 ^ 63, "i64" }, { -2.0 ^ 63, "i64", math.mininteger },
      { -2.0 ^ 63 - 2048, "i64" },
    } do
      local t = ow.tensor { case[1] }
      if case[3] then assert.equal(case[3], t:to(case[2]):totable()[1])
      else assert.matches("does not fit", message(t.to, t, case[2])) end
    end
    for _, case in ipairs { { 256, "u8" }, { -1, "u8" }, { 1 << 31, "i32" }, { -(1 << 31) - 1, "i32" } } do
      local t = ow.tensor({ case[1] }, "i64")
      assert.matches("does not fit", message(t.to, t, case[2]))
    end
    assert.same({ 0, 255 }, ow.tensor({ -5, 300 }, "i64"):to("u8", { unchecked = true }):totable())
  end)

  it("refuses to drop an imaginary part", function()
    local z = ow.from_bytes(string.pack("<dddd", 1, 2, 3, 0), "c128")
    for _, to in ipairs { "u8", "i32", "i64", "f32", "f64", "f16", "bf16" } do
      assert.matches("does not fit", message(z.to, z, to))
      assert.equal(1, z:to(to, { unchecked = true }):totable()[1])
      assert.equal(3, z[{ { 2, 2 } }]:to(to):totable()[1])
    end
    assert.same({ { 1, 2 }, { 3, 0 } }, z:to("c64"):totable())
  end)

  it("lets numbers round but not become infinite", function()
    assert.equal(0x1.99999ap-4, ow.tensor({ 0.1 }):to("f32"):totable()[1])
    assert.equal(0, ow.tensor({ 1e-300 }):to("f32"):totable()[1])
    for _, case in ipairs { { 1e300, "f32" }, { -1e39, "f32" }, { 1e300, "c64" }, { 65520, "f16" },
      { 1e39, "bf16" }, { 1e300, "f16" } } do
      for _, n in ipairs { 1, 100 } do  -- alone and inside a vector
        local t = ow.full({ n }, case[1] + 0.0)
        assert.matches("does not fit", message(t.to, t, case[2]))
        assert.equal(case[1] < 0 and -inf or inf, real(t:to(case[2], { unchecked = true }):totable()[n]))
        local s = ow.full({ 2 * n }, case[1] + 0.0)[{ { 1, -1, 2 } }]
        assert.matches("does not fit", message(s.to, s, case[2]))
      end
    end
    for _, to in ipairs { "f32", "f64", "c64", "c128", "f16", "bf16" } do
      local got = ow.tensor({ inf, -inf, nan }):to(to):totable()
      assert.equal(inf, real(got[1]))
      assert.equal(-inf, real(got[2]))
      assert.is_true(real(got[3]) ~= real(got[3]))
    end
    assert.matches("does not fit", message(ow.tensor({ 70000 }, "i64").to, ow.tensor({ 70000 }, "i64"), "f16"))
  end)

  it("rounds to f16 and bf16 once, ties to even", function()
    for k, name in ipairs { "f16", "bf16" } do
      for _, row in ipairs(half) do
        local t = ow.tensor({ row[1] }, "f64"):to(name, { unchecked = true })
        local bits = string.unpack("<I2", t:bytes())
        assert(bits == row[k + 1], ("%s of %a: expected %04x, got %04x"):format(name, row[1], row[k + 1], bits))
      end
      -- every bit pattern survives the way through the wider types
      local all = {}
      for u = 0, 65535 do all[u + 1] = string.pack("<I2", u) end
      local t = ow.from_bytes(table.concat(all), name)
      for _, wide in ipairs { "f32", "f64", "c64" } do
        local back = t:to(wide):to(name):bytes()
        local wrong = 0
        for u = 0, 65535 do
          local got = string.unpack("<I2", back, 2 * u + 1)
          local is_nan = u & 0x7fff > (name == "f16" and 0x7c00 or 0x7f80)
          if is_nan then
            if got & 0x7fff <= (name == "f16" and 0x7c00 or 0x7f80) then wrong = wrong + 1 end
          elseif got ~= u then wrong = wrong + 1 end
        end
        assert.equal(0, wrong)
      end
    end
    -- an integer that f64 cannot hold, just above a tie of bf16: 2^62 (1 + 2^-8) + 1
    local t = ow.tensor({ (1 << 62) + (1 << 54), (1 << 62) + (1 << 54) + 1, -(1 << 62) - (1 << 54) - 1 }, "i64")
    assert.same({ 2.0 ^ 62, 2.0 ^ 62 * (1 + 2 ^ -7), -2.0 ^ 62 * (1 + 2 ^ -7) }, t:to("bf16"):to("f64"):totable())
  end)

  it("converts strided, reversed and broadcast views like dense ones", function()
    local t = ow.arange(1, 24):reshape(2, 3, 4):to("f64")
    local views = {
      t:transpose(1, 3), t[{ {}, { -1, 1, -1 }, { 1, 4, 2 } }], t:select(2, 2), t[{ { 1, 1 } }]:broadcast_to(5, 3, 4),
    }
    for _, v in ipairs(views) do
      for _, to in ipairs { "f32", "i32", "c128", "bf16", "u8" } do
        local got, want = v:to(to):to("f64"):totable(), v:totable()
        assert.same(want, got)
      end
      assert.is_true(v:contiguous():is_contiguous())
      assert.same(v:totable(), v:contiguous():totable())
    end
    for _, s in ipairs { { 70, 90 }, { 64, 128 }, { 33, 1 }, { 1, 40 }, { 129, 67 } } do  -- tiles and their rests
      for _, dtype in ipairs { "u8", "f16", "i32", "f64", "c128" } do
        local a = (ow.arange(1, s[1] * s[2]) % 251):reshape(s[1], s[2]):to(dtype)
        local b = a:transpose():contiguous()
        for _, at in ipairs { { 1, 1 }, { s[1], s[2] }, { s[1] // 2 + 1, s[2] // 3 + 1 } } do
          assert.same(a[{ at[1], at[2] }], b[{ at[2], at[1] }])
        end
        assert.is_true(b:transpose():contiguous():equal(a))
      end
    end
  end)

  it("handles tensors without elements", function()
    for _, from in ipairs(names) do
      for _, to in ipairs(names) do assert.same({ 0, 3 }, ow.zeros(0, 3, from):to(to):shape()) end
    end
    assert.same({}, ow.zeros(3, 0):transpose():contiguous():totable())
  end)
end)

describe("shapes", function()
  it("refuses sizes that overflow, whatever their order", function()
    for _, s in ipairs {
      { 1 << 40, 1 << 40 }, { 0, 1 << 40, 1 << 40 }, { 1 << 40, 1 << 40, 0 }, { 1 << 62, 4 }, { math.maxinteger, 2 },
    } do
      local text, err = message(ow.zeros, s)
      assert.matches("too large", text)
      assert.equal("memory", err.code)
    end
    assert.matches("sizes are 0 or more", message(ow.zeros, { 2, -1 }))
    local one = ow.tensor { 1 }
    assert.matches("too many elements", message(one.broadcast_to, one, 1 << 40, 1 << 40))
    assert.matches("at most 8 dimensions", message(ow.zeros, { 1, 1, 1, 1, 1, 1, 1, 1, 1 }))
  end)

  it("refuses a small table that describes a huge tensor", function()
    local row = {}
    for i = 1, 1000 do row[i] = 1 end
    for _ = 1, 5 do
      local outer = {}
      for i = 1, 1000 do outer[i] = row end
      row = outer
    end
    assert.matches("more than 2^40 elements", message(ow.tensor, row), 1, true)
    local loop = {}
    loop[1] = loop
    assert.matches("nested deeper than 8", message(ow.tensor, loop))
  end)

  it("broadcasts like numpy: right-aligned, 1 stretches", function()
    local cases = {
      { { 3 }, { 2, 3 }, { 2, 3 } }, { { 2, 1 }, { 1, 3 }, { 2, 3 } }, { { 4, 1, 5 }, { 3, 1 }, { 4, 3, 5 } },
      { { 1 }, { 0 }, { 0 } }, { { 0, 3 }, { 1, 3 }, { 0, 3 } },
    }
    for _, c in ipairs(cases) do
      assert.same(c[3], (ow.ones(c[1]) + ow.ones(c[2])):shape())
      assert.same(c[3], (ow.ones(c[2]) + ow.ones(c[1])):shape())
    end
    assert.same({ { 11, 12 }, { 21, 22 } }, (ow.tensor { { 10 }, { 20 } } + ow.tensor { 1, 2 }):totable())
    assert.matches("3 and 2", message(function() return ow.ones(3) + ow.ones(2) end))
    local t = ow.ones(2, 3)
    assert.matches("does not broadcast", message(t.broadcast_to, t, 3))
    assert.matches("does not broadcast", message(t.broadcast_to, t, 4, 3))
  end)
end)

describe("overlapping copies", function()
  local function fresh() return ow.arange(1, 8) end

  it("behave as if the source had been copied first", function()
    local t = fresh()
    t[{ { 2, 8 } }] = t[{ { 1, 7 } }]
    assert.same({ 1, 1, 2, 3, 4, 5, 6, 7 }, t:totable())
    t = fresh()
    t[{ { 1, 7 } }] = t[{ { 2, 8 } }]
    assert.same({ 2, 3, 4, 5, 6, 7, 8, 8 }, t:totable())
    t = fresh()
    t[{ {} }] = t[{ { -1, 1, -1 } }]
    assert.same({ 8, 7, 6, 5, 4, 3, 2, 1 }, t:totable())
    t = fresh()
    t[{ { 1, 8, 2 } }] = t[{ { 5, 8 } }]
    assert.same({ 5, 2, 6, 4, 7, 6, 8, 8 }, t:totable())
    local m = ow.arange(1, 9):reshape(3, 3)
    m[{ {}, {} }] = m:transpose()
    assert.same({ { 1, 4, 7 }, { 2, 5, 8 }, { 3, 6, 9 } }, m:totable())
    m[{ 1 }] = m[{ 3 }]  -- rows that do not overlap
    assert.same({ 3, 6, 9 }, m[{ 1 }]:totable())
    m[{ {}, {} }] = m[{ { 1, 1 }, {} }]  -- a row of itself, broadcast
    assert.same({ { 3, 6, 9 }, { 3, 6, 9 }, { 3, 6, 9 } }, m:totable())
  end)

  it("also for large tensors on several threads", function()
    local n = 200000
    local t = ow.arange(1, n)
    t[{ { 2, n } }] = t[{ { 1, n - 1 } }]
    assert.same(n - 1, t[n])
    assert.same(n * (n - 1) // 2 + 1, t:sum())
    t = ow.arange(1, n)
    t[{ {} }] = t[{ { -1, 1, -1 } }]
    assert.is_true(t:equal(ow.arange(n, 1, -1)))
  end)
end)

describe("allocator", function()
  it("counts what is in use and serves again what was freed", function()
    collectgarbage()
    collectgarbage()
    local before = system.memory()
    local t = ow.zeros(100000)
    local with = system.memory()
    assert.is_true(with.in_use - before.in_use >= 800000)
    assert.is_true(with.in_use - before.in_use <= 1100000)
    assert.is_true(with.peak >= with.in_use)
    t:close()
    t:close()
    local after = system.memory()
    assert.equal(before.in_use, after.in_use)
    if system.build().sanitized then  -- every block is its own there, so that overruns show
      assert.equal(0, after.cached)
      return
    end
    assert.is_true(after.cached >= 800000)
    local again = ow.zeros(100000)
    assert.is_true(system.memory().reuses > after.reuses)
    again:close()
    system.trim()
    assert.equal(0, system.memory().cached)
  end)

  it("shares storage between views and frees it with the last", function()
    collectgarbage()
    collectgarbage()
    local base = system.memory().in_use
    local t = ow.zeros(1000, 100)
    local v = t:transpose()
    t:close()
    assert.equal(0, v[{ 1, 1 }])
    assert.is_true(system.memory().in_use >= base + 800000)
    v:close()
    collectgarbage()  -- the view that indexing made
    assert.equal(base, system.memory().in_use)
    assert.matches("closed", message(v.sum, v))
  end)

  it("collects garbage at the budget, then says what is in use", function()
    collectgarbage()
    collectgarbage()
    local old = system.memory().budget
    local budget = system.memory().in_use + (64 << 20)
    system.memory(budget)
    local ok, err = pcall(function()
      for _ = 1, 40 do ow.zeros(1 << 20) end  -- 320 MiB of garbage under 64 MiB
      assert.is_true(system.memory().in_use <= budget)
      local text, e = message(ow.zeros, 1 << 24)
      assert.matches("asked for 128.0 MiB, .* MiB in use, budget", text)
      assert.equal("memory", e.code)
      assert.matches("OROWAN_MEMORY", text)
      local held = {}
      local _, full = message(function() for i = 1, 100 do held[i] = ow.zeros(1 << 20) end end)
      assert.equal("memory", full.code)
      assert.is_true(#held >= 6 and #held <= 8)
      assert.equal(0, held[1]:sum())
    end)
    system.memory(old)
    assert(ok, err)
  end)

  it("loses nothing when functions fail", function()
    local function all()
      for _, f in ipairs {
        function() ow.tensor { { 1, 2 }, { 3 } } end, function() ow.tensor({ 1.5, 2 }, "i32") end,
        function() ow.ones(3):matmul(ow.ones(4)) end, function() ow.solve({ { 1, 2 }, { 2, 4 } }, { 1, 2 }) end,
        function() ow.inv { { nan } } end, function() ow.cholesky { { -1 } } end, function() ow.svd { { inf } } end,
        function() ow.eigh { { 1, 2 }, { 3, 4 } } end, function() ow.lstsq({ { 1 } }, { nan }) end,
        function() ow.lstsq({ { 1 } }, { 1, 2 }) end, function() ow.eig { { nan } } end,
        function() ow.fft(ow.ones(4), { out = ow.ones(4) }) end, function() ow.fftn(ow.ones(4), { s = { -1 } }) end,
        function() ow.matmul({ 1 << 62, 1 << 62 }, { 1, 1 }) end,
      } do assert.is_false(pcall(f)) end
      for _, f in ipairs { "inv", "lu", "qr", "svd", "eig", "eigh", "pinv", "cond", "det", "slogdet", "cholesky" } do
        ow[f] { { 4, 1 }, { 1, 3 } }
      end
      ow.lstsq({ { 1, 2 }, { 3, 4 }, { 5, 6 } }, { 1, 2, 3 })
      ow.irfft2(ow.rfft2(ow.ones(8, 8)))
    end
    all()
    collectgarbage()
    collectgarbage()
    local before = system.memory().in_use
    for _ = 1, 20 do all() end
    collectgarbage()
    collectgarbage()
    assert.equal(before, system.memory().in_use)
  end)

  it("refuses a budget in the environment that it cannot read", function()
    local sys = require "orowan.sys"
    local code = 'io.write(require("orowan.core").system.memory().budget)'
    local paths = { LUA_PATH = package.path, LUA_CPATH = package.cpath }
    for value, want in pairs { ["512M"] = 512 << 20, ["2G"] = 2 << 30, ["1.5GiB"] = 3 << 29,
      ["100000000"] = 100000000, ["0"] = 0 } do
      paths.OROWAN_MEMORY = value
      local r = assert(sys.run({ "lua5.4", "-e", code }, { env = paths, timeout = 20 }))
      assert.equal(tostring(want), r.stdout)
    end
    for _, value in ipairs { "4X", "lots", "-5", "4GG" } do
      paths.OROWAN_MEMORY = value
      local r = assert(sys.run({ "lua5.4", "-e", code }, { env = paths, timeout = 20 }))
      assert.equal(1, r.status)
      assert.matches("OROWAN_MEMORY: expected a size", r.stderr)
    end
  end)
end)
