local ow = require "orowan"
local fix = dofile "spec/fixtures/linalg.lua"

local compare = dofile "spec/support/compare.lua"
local close, message = compare.close, compare.message

-- The definition, X[k] = sum x[j] exp(sign 2 pi i j k / n), with the angle reduced exactly.
local function dft(re, im, sign)
  local n, out = #re, {}
  for k = 0, n - 1 do
    local sr, si = 0, 0
    for j = 0, n - 1 do
      local angle = sign * 2 * math.pi * (j * k % n) / n
      local c, s = math.cos(angle), math.sin(angle)
      sr = sr + re[j + 1] * c - im[j + 1] * s
      si = si + re[j + 1] * s + im[j + 1] * c
    end
    out[k + 1] = { sr, si }
  end
  return out
end

local function noise(n, seed)
  math.randomseed(seed)
  local t = {}
  for i = 1, n do t[i] = 2 * math.random() - 1 end
  return t
end

local function zeros(n)
  local t = {}
  for i = 1, n do t[i] = 0 end
  return t
end

local function sum_squares(t)
  if type(t) == "number" then return t * t end
  local s = 0
  for _, v in ipairs(t) do s = s + sum_squares(v) end
  return s
end

describe("fft", function()
  it("is the defining sum for every length up to 40 and some larger", function()
    local lengths = { 64, 97, 100, 127, 128, 210, 243, 256 }
    for n = 1, 40 do lengths[#lengths + 1] = n end
    for _, n in ipairs(lengths) do
      local x = noise(n, n)
      local want = dft(x, zeros(n), -1)
      close(want, ow.fft(x), 2e-13, "fft " .. n)
      close(want, ow.fft(ow.tensor(x, "f32")), 1e-4, "f32 " .. n)
      local half = {}
      for k = 1, n // 2 + 1 do half[k] = want[k] end
      close(half, ow.rfft(x), 2e-13, "rfft " .. n)
      close(x, ow.irfft(ow.rfft(x), { n = n }), 1e-14, "irfft " .. n)
      close(x, ow.real(ow.ifft(ow.fft(x))), 1e-14, "ifft " .. n)
    end
    local z = ow.fft(noise(12, 3))
    local re, im = {}, {}
    for i, v in ipairs(z:totable()) do re[i], im[i] = v[1], v[2] end
    close(dft(re, im, -1), ow.fft(z), 1e-13)
    local inverse = dft(re, im, 1)
    for _, v in ipairs(inverse) do v[1], v[2] = v[1] / 12, v[2] / 12 end
    close(inverse, ow.ifft(z), 1e-13)
  end)

  it("has the documented types", function()
    local types = { u8 = "c128", i32 = "c128", i64 = "c128", f64 = "c128", f32 = "c64", f16 = "c64", bf16 = "c64" }
    for from, to in pairs(types) do
      local a = ow.tensor({ 1, 2, 3 }, from)
      assert.equal(to, ow.fft(a):dtype())
      assert.equal(to, ow.rfft(a):dtype())
      assert.equal(to == "c64" and "f32" or "f64", ow.irfft(ow.rfft(a)):dtype())
      assert.equal(to, ow.fft(ow.fft(a)):dtype())
    end
  end)

  it("agrees with numpy on cropping, padding, norms and axes", function()
    close(fix.fft7, ow.fft(fix.x7), 1e-14)
    close(fix.rfft7, ow.rfft(fix.x7), 1e-14)
    close(fix.fft7_n10, ow.fft(fix.x7, { n = 10 }), 1e-14)
    close(fix.fft7_n4, ow.fft(fix.x7, { n = 4 }), 1e-14)
    local z = ow.rfft(fix.x7)
    close(fix.irfft_z6, ow.irfft(z), 1e-14)
    close(fix.irfft_z7, ow.irfft(z, { n = 7 }), 1e-14)
    close(fix.irfft_z9, ow.irfft(z, { n = 9 }), 1e-14)
    close(fix.fft12_ortho, ow.fft(fix.x12, { norm = "ortho" }), 1e-14)
    close(fix.fft12_forward, ow.fft(fix.x12, { norm = "forward" }), 1e-14)
    for _, norm in ipairs { "ortho", "forward", "backward" } do
      close(fix.x12, ow.real(ow.ifft(ow.fft(fix.x12, { norm = norm }), { norm = norm })), 1e-14)
      close(fix.g, ow.irfftn(ow.rfftn(fix.g, { norm = norm }), { norm = norm, s = { 3, 4, 5 } }), 1e-14)
    end
    close(fix.fftn, ow.fftn(fix.g), 1e-13)
    close(fix.rfftn, ow.rfftn(fix.g), 1e-13)
    close(fix.fft_axis1, ow.fft(fix.g, { axis = 1 }), 1e-14)
    close(fix.fft_axis1, ow.fft(fix.g, { axis = -3 }), 1e-14)
    close(fix.fft_axis2, ow.rfft(fix.g, { axis = 2 }), 1e-14)
    close(fix.fftn_axes31, ow.rfftn(fix.g, { axes = { 3, 1 } }), 1e-13)
    close(fix.fft2_s, ow.fft2(fix.g, { s = { 3, 6 } }), 1e-13)
    close(fix.irfftn_axes, ow.irfftn(ow.fftn(fix.g), { axes = { 1, 3 } }), 1e-14)
  end)

  it("obeys Parseval, linearity, delta and shift theorems", function()
    for _, n in ipairs { 15, 64, 101 } do
      local x = noise(n, n + 7)
      local energy = sum_squares(x)
      assert.is_true(math.abs(sum_squares(ow.fft(x):totable()) / n / energy - 1) < 1e-14)
      assert.is_true(math.abs(sum_squares(ow.fft(x, { norm = "ortho" }):totable()) / energy - 1) < 1e-14)
      local delta = zeros(n)
      delta[1] = 1
      for _, v in ipairs(ow.fft(delta):totable()) do assert.same({ 1, 0 }, { v[1], v[2] + 0 }) end
      -- moving by s multiplies by exp(-2 pi i k s / n)
      local s, moved = 4, {}
      for i = 1, n do moved[(i - 1 + s) % n + 1] = x[i] end
      local want = ow.fft(x):totable()
      for k, v in ipairs(want) do
        local angle = -2 * math.pi * ((k - 1) * s % n) / n
        local c, d = math.cos(angle), math.sin(angle)
        v[1], v[2] = v[1] * c - v[2] * d, v[1] * d + v[2] * c
      end
      close(want, ow.fft(moved), 1e-13)
    end
    -- a cosine of k cycles has two lines of n / 2
    local n, k, cosine = 48, 5, {}
    for i = 0, n - 1 do cosine[i + 1] = math.cos(2 * math.pi * (k * i % n) / n) end
    local lines = zeros(n // 2 + 1)
    for i = 1, n // 2 + 1 do lines[i] = { i == k + 1 and n / 2 or 0, 0 } end
    close(lines, ow.rfft(cosine), 1e-13)
  end)

  it("transforms any axes of views and leaves the input alone", function()
    local t = ow.tensor(fix.g)
    local v = t:transpose(1, 3)
    local copy = v:totable()
    local direct = ow.fftn(ow.tensor(copy), { axes = { 1, 2 } })
    close(direct, ow.fftn(v, { axes = { 1, 2 } }), 1e-14)
    assert.same(copy, v:totable())
    local z = ow.rfftn(fix.g)
    local before = z:totable()
    ow.irfftn(z)
    ow.irfft(z)
    ow.irfft2(z)
    ow.ifftn(z)
    assert.same(before, z:totable())
    assert.same({ 3, 0 }, ow.fft(ow.zeros(3, 0), { axis = 1 }):shape())
  end)

  it("writes into out, a complex one into its own input", function()
    local x = ow.fft(fix.x12)
    local want = ow.fft(x):totable()
    local out = ow.fft(fix.x12)
    assert.is_true(rawequal(out, ow.fft(x, { out = out })))
    assert.same(want, out:totable())
    ow.fft(x, { out = x })
    close(want, x, 1e-14)
    assert.matches("out: expected c128 of shape 12, got c64 of shape 12",
      message(ow.fft, x, { out = ow.fft(ow.tensor(fix.x12, "f32")) }))
    local pair = ow.fft(fix.g)
    assert.matches("overlaps", message(ow.fft, pair:select(1, 1), { out = pair:select(1, 2) }))
    local square = { { 1, 2 }, { 3, 4 } }
    assert.matches("out: expected a contiguous", message(ow.fft, square, { out = ow.fft(square):transpose() }))
  end)

  it("gives the same bits at any thread count and for any batch split", function()
    local sys = ow.core.system
    local usual = sys.threads()
    local big = (ow.linspace(0, 1, 40 * 8192) * 1e5):sin():reshape(40, 8192)
    local results = {}
    for _, n in ipairs { 1, 2, 3 } do
      sys.threads(n)
      results[#results + 1] = ow.abs(ow.fft2(big)):sum() .. " " .. ow.abs(ow.rfft(big, { axis = 1 })):sum()
        .. " " .. ow.irfft2(ow.rfft2(big)):sum()
    end
    sys.threads(usual)
    assert.equal(results[1], results[2])
    assert.equal(results[1], results[3])
    local back = ow.irfft2(ow.rfft2(big))
    assert.is_true(ow.abs(back - big):max() < 1e-13)
    -- columns: a long axis with many columns crosses several pieces
    local tall = big:transpose()
    local columns = ow.fft(tall, { axis = 1 }):transpose()
    assert.is_true(ow.abs(columns - ow.fft(big)):max() < 1e-11)
  end)

  it("plans once", function()
    ow.fft_forget()
    assert.equal(0, ow.fft_plans().cached)
    local x = ow.tensor(noise(77, 1))
    local a = ow.fft(x):totable()
    local before = ow.fft_plans()
    for _ = 1, 5 do assert.same(a, ow.fft(x):totable()) end
    local after = ow.fft_plans()
    assert.equal(before.planned, after.planned)
    assert.is_true(after.hits >= before.hits + 5)
    close(a, ow.fft(x, { plan = "measure" }), 1e-13)
    assert.equal(before.planned + 1, ow.fft_plans().planned)
    for n = 2, 700 do ow.rfft(x, { n = n }) end  -- more lengths than the cache holds
    assert.is_true(ow.fft_plans().cached <= 512)
    close(a, ow.fft(x), 1e-13)
  end)

  it("carries NaN and infinity through without trouble", function()
    local t = ow.fft({ 1, 0 / 0, 3, 4 }):totable()
    for _, v in ipairs(t) do assert.is_true(v[1] ~= v[1] or v[2] ~= v[2]) end
    assert.equal(4, #ow.fft({ math.huge, 1, 1, 1 }):totable())
  end)

  it("refuses bad arguments by name", function()
    assert.matches("fft: axis: expected 1..1", message(ow.fft, { 1, 2 }, { axis = 2 }))
    assert.matches("fftn: axes: axis 1 is given twice", message(ow.fftn, { { 1, 2 } }, { axes = { 1, -2 } }))
    assert.matches("fft2: expected at least 2 dimensions, got 1", message(ow.fft2, { 1, 2 }))
    assert.matches("fft: norm: expected", message(ow.fft, { 1, 2 }, { norm = "x" }))
    assert.matches("fft: plan: expected", message(ow.fft, { 1, 2 }, { plan = "x" }))
    assert.matches("fft: n: expected an integer", message(ow.fft, { 1, 2 }, { n = 0 }))
    assert.matches("fft: n: expected an integer", message(ow.fft, { 1, 2 }, { n = 2.5 }))
    assert.matches("fftn: s: expected a table of 2", message(ow.fftn, { { 1, 2 } }, { s = { 2 } }))
    assert.matches("at least one point", message(ow.fft, ow.tensor {}))
    assert.matches("at least one point, axis 1 has 0", message(ow.irfft, ow.fft { 1 }))
    assert.matches("rfft: expected a real tensor, got c128", message(ow.rfft, ow.fft { 1, 2 }))
    assert.matches("expected at least 1 dimension", message(ow.fft, 3))
    assert.matches("fft: a: expected a tensor", message(ow.fft, "x"))
    assert.matches("fft: options: expected a table", message(ow.fft, { 1, 2 }, 3))
  end)
end)

describe("frequencies and shifts", function()
  it("fftfreq and rfftfreq", function()
    close({ 0, 2, 4, -4, -2 }, ow.fftfreq(5, 0.1), 1e-15)
    close({ 0, 0.25, -0.5, -0.25 }, ow.fftfreq(4), 0)
    close({ 0, 0.25, 0.5 }, ow.rfftfreq(4), 0)
    close({ 0, 0.2, 0.4 }, ow.rfftfreq(5), 1e-16)
    assert.same({ 0. }, ow.fftfreq(1):totable())
    assert.matches("fftfreq: n: expected an integer", message(ow.fftfreq, 0))
    assert.matches("fftfreq: d: expected a spacing", message(ow.fftfreq, 4, -1))
  end)

  it("fftshift puts the zero in the middle and ifftshift undoes it", function()
    assert.same({ 4, 5, 1, 2, 3 }, ow.fftshift({ 1, 2, 3, 4, 5 }):totable())
    assert.same({ 3, 4, 1, 2 }, ow.fftshift({ 1, 2, 3, 4 }):totable())
    for n = 1, 6 do
      local f = ow.fftfreq(n)
      local s = ow.fftshift(f):totable()
      for i = 2, n do assert.is_true(s[i] > s[i - 1]) end
      assert.same(f:totable(), ow.ifftshift(ow.fftshift(f)):totable())
    end
    assert.same({ { 4, 5, 6 }, { 1, 2, 3 } }, ow.fftshift({ { 1, 2, 3 }, { 4, 5, 6 } }, { axes = { 1 } }):totable())
    assert.same({ { 6, 4, 5 }, { 3, 1, 2 } }, ow.fftshift({ { 1, 2, 3 }, { 4, 5, 6 } }):totable())
    assert.same(fix.g, ow.ifftshift(ow.fftshift(fix.g)):totable())
    assert.same({ 0 }, ow.fftshift(ow.tensor {}):shape())
  end)
end)
