-- The depinning simulator: exact sums against brute force and analytic results, the fast
-- engine against the plain one on every pick, the published simulator byte for byte.
local core = require("orowan.core").depinning
local depinning = require "orowan.depinning"
local sys = require "orowan.sys"

local function near(want, got, tolerance)
  assert.is_true(math.abs(want - got) <= tolerance, ("expected %.17g, got %.17g"):format(want, got))
end

describe("depinning: special functions", function()
  it("agree with published values", function()
    -- Abramowitz and Stegun, tables 9.8 and 9.11
    local values = {
      { 0.1, 2.4270690247020166, 9.8538447808706061 }, { 1, 0.42102443824070834, 0.60190723019723458 },
      { 2, 0.11389387274953344, 0.13986588181652243 }, { 5, 0.0036910983340425942, 0.0040446134454521642 },
      { 20, 5.7412378153365238e-10, 5.8830579695570381e-10 },
    }
    for _, v in ipairs(values) do
      local k0, k1 = core.bessel_k01(v[1])
      near(1, k0 / v[2], 4e-15)
      near(1, k1 / v[3], 4e-15)
    end
    near(math.pi ^ 2 / 6, core.trigamma(1), 1e-15)
    near(math.pi ^ 2 / 2, core.trigamma(0.5), 2e-15)
    near(core.trigamma(3.25) + 1 / 3.25 ^ 2, core.trigamma(3.25), 1) -- recurrence below
    near(core.trigamma(4.25) + 1 / 3.25 ^ 2, core.trigamma(3.25), 1e-15)
  end)
end)

describe("depinning: periodic row sums", function()
  -- Sum over images -m..m; what is missing falls as 1/m^2 (both tails together), so two
  -- sums give the limit by Richardson's extrapolation.
  local function brute(term, m)
    local s = 0
    for i = m, 1, -1 do s = s + term(i) + term(-i) end
    return s + term(0)
  end
  local function limit(term, m, order)
    local a, b, c = brute(term, m), brute(term, 2 * m), brute(term, 4 * m)
    local f = 2 ^ order
    local ab, bc = (f * b - a) / (f - 1), (f * c - b) / (f - 1)
    local g = 2 ^ (order + 1)
    return (g * bc - ab) / (g - 1)
  end
  it("equal the sums over images", function()
    local L = 23
    for _, d in ipairs { { 3, 2 }, { 0.5, 0.5 }, { -7, 4 }, { 11.5, -1.5 }, { 1, 9 }, { 0, 1 }, { 6, 30 } } do
      local dx, dy = d[1], d[2]
      local h = limit(function(m) return dy / ((dx + m * L) ^ 2 + dy ^ 2) ^ 1.5 end, 4000, 2)
      local v = limit(function(m) return (dx + m * L) / ((dx + m * L) ^ 2 + dy ^ 2) ^ 1.5 end, 4000, 2)
      near(h, core.row_h(dx, dy, L), 1e-12)
      near(v, core.row_v(dx, dy, L), 1e-12)
    end
    for _, dx in ipairs { 1, 5, 11.5, -3 } do
      local v = limit(function(m) return (dx + m * L) / math.abs(dx + m * L) ^ 3 end, 4000, 2)
      near(v, core.row_v(dx, 0, L), 1e-13)
    end
    assert.equal(0, core.row_v(0, 0, L))
    assert.equal(0, core.row_h(4, 0, L))
  end)
  it("have the period and the symmetries", function()
    for _, d in ipairs { { 3.5, 2.5 }, { 1, 1 } } do
      local dx, dy = d[1], d[2]
      near(core.row_h(dx, dy, 16), core.row_h(dx + 16, dy, 16), 1e-14)
      near(core.row_v(dx, dy, 16), core.row_v(dx - 32, dy, 16), 1e-14)
      near(core.row_h(dx, dy, 16), core.row_h(-dx, dy, 16), 1e-14)
      near(core.row_h(dx, dy, 16), -core.row_h(dx, -dy, 16), 0)
      near(core.row_v(dx, dy, 16), -core.row_v(-dx, dy, 16), 1e-14)
      near(core.row_v(dx, dy, 16), core.row_v(dx, -dy, 16), 0)
    end
  end)
  it("give the stress of a straight infinite line", function()
    -- segments at x = 0, 1, 2, ...: sum dy / (x^2 + dy^2)^(3/2) = 2/dy + 8 pi sum n K1(2 pi n dy)
    for _, dy in ipairs { 0.5, 1, 2.5, 7 } do
      local s = 0
      for x = 0, 39 do s = s + core.row_h(x, dy, 40) end
      local want = 2 / dy
      for n = 1, 12 do
        local _, k1 = core.bessel_k01(2 * math.pi * n * dy)
        want = want + 8 * math.pi * n * k1
      end
      near(want, s, 2e-14)
    end
    near(2 / 7, 2 / 7 + 8 * math.pi * select(2, core.bessel_k01(14 * math.pi)), 1e-17)
  end)
end)

-- stress of segment i from the formula, images by brute force
local function formula(list, cells, low, i, lx, character, nu, m)
  local fh, fv = character == "edge" and 1 - nu or 1, character == "edge" and 1 or 1 - nu
  local function place(g) return g[3] == 1 and g[1] + 1 or g[1] + 0.5, g[3] == 1 and g[2] + 0.5 or g[2] + 1 end
  local tx, ty = place(list[i])
  local function total(images)
    local s = 0
    for j, g in ipairs(list) do
      if j ~= i then
        local x, y = place(g)
        local n = cells[g[2] - low + 1][g[1] + 1] == 1 and 1 or -1
        for k = -images, images do
          local X, dy = tx - x + k * lx, ty - y
          local r3 = (X * X + dy * dy) ^ 1.5
          s = s + n * (g[3] == 1 and X / fv or dy / fh) / r3
        end
      end
    end
    return s / (4 * math.pi)
  end
  local a, b, c = total(m), total(2 * m), total(4 * m)
  local ab, bc = (4 * b - a) / 3, (4 * c - b) / 3
  return (8 * bc - ab) / 7
end

describe("depinning: engine", function()
  local base = { lx = 32, sigma_pin = 0.03, sigma_0 = 0.003, seed = 7 }
  local function with(t)
    local o = {}
    for k, v in pairs(base) do o[k] = v end
    for k, v in pairs(t) do o[k] = v end
    return o
  end

  it("has the stress of the formula, pinning included", function()
    for _, character in ipairs { "edge", "screw" } do
      local line = depinning.line(with { character = character })
      depinning.run(line, 4000)
      local list, fast = line:segments("fast")
      local _, plain = line:segments("plain")
      local cells, low = line:cells()
      local pinning = line:pinning():totable()
      list, fast, plain, cells = list:totable(), fast:totable(), plain:totable(), cells:totable()
      for i = 1, #list, 5 do
        local g = list[i]
        local r = g[2] - low + 1
        local p = pinning[r][g[1] + 1] + (g[3] == 1 and pinning[r][(g[1] + 1) % 32 + 1] or pinning[r + 1][g[1] + 1])
        local want = formula(list, cells, low, i, 32, character, 0.35, 60) + p / 2
        near(want, plain[i], 2e-10)
        near(plain[i], fast[i], 1e-14)
      end
    end
  end)

  it("makes the same picks fast and plain", function()
    for _, t in ipairs {
      { character = "edge", lx = 400, sigma_pin = 0.0175, rate = 1e-8, B = 1e-6 },
      { character = "screw", lx = 101, rate = 1e-8, B = 1e-6 }, { character = "edge", lx = 9 },
      { character = "screw", protocol = "quasistatic", step_max = 1e-4, wait = 2 },
      { character = "edge", sigma_0 = 0.01, protocol = "constant" },
      { character = "edge", lx = 75, mu = 1000, sigma_pin = 30, sigma_0 = 3, B = 1e-4 }, -- other units
    } do
      local a = depinning.line(with(t))
      t.plain = true
      local b = depinning.line(with(t))
      local ra, rb = depinning.run({ a, b }, 30000, { every = 1 })[1], nil
      local c = depinning.line(with(t))
      rb = depinning.run(c, 30000, { every = 1 })[1]
      local x, y, s, u = ra.area:totable(), rb.area:totable(), ra.stress:totable(), rb.stress:totable()
      assert.equal(30000, #x)
      for i = 1, #x do
        if x[i] ~= y[i] or s[i] ~= u[i] then error(("differ at pick %d"):format(i)) end
      end
      assert.same(a:segments():totable(), b:segments():totable())
      local _, p = a:segments("fast")
      local _, q = b:segments("plain")
      p, q = p:totable(), q:totable()
      for i = 1, #p do near(q[i], p[i], 1e-13 * (t.mu or 1)) end
    end
  end)

  it("raises a quasi-static drive only when the line is arrested, by step_max at most", function()
    local step, wait = 1e-5, 3
    local line = depinning.line(with { protocol = "quasistatic", B = 0, step_max = step, wait = wait })
    local r = depinning.run(line, 40000, { every = 1 })[1]
    local area, stress, top, since, raises = r.area:totable(), r.stress:totable(), 0, 0, 0
    for i = 2, #area do
      if area[i - 1] > top then top, since = area[i - 1], i - 1 end
      local d = stress[i] - stress[i - 1]
      if d ~= 0 then
        raises = raises + 1
        assert.is_true(d > 0 and d <= step + 2 ^ -30)
        assert.is_true(i - since >= wait * 32) -- at least lx segments
        since = i
      end
    end
    assert.is_true(raises > 20)
  end)

  it("changes A by one cell a pick and keeps cells, list and heights together", function()
    local line = depinning.line(with { lx = 40 })
    local r = depinning.run(line, 20000, { every = 1, heights = true })[1]
    local area, last = r.area:totable(), 0
    for i = 1, #area do
      assert.equal(1, math.abs(area[i] - last))
      last = area[i]
    end
    local sum = 0
    for _, h in ipairs(line:heights():totable()) do sum = sum + h end
    assert.equal(last, sum)
    assert.same(r.heights:totable()[20000], line:heights():totable())
    local cells, low = line:cells()
    cells = cells:totable()
    local want = {}
    for y = 1, #cells do
      for x = 1, 40 do
        if y < #cells and cells[y][x] ~= cells[y + 1][x] then want[("%d %d 0"):format(x - 1, y + low - 1)] = true end
        if cells[y][x] ~= cells[y][x % 40 + 1] then want[("%d %d 1"):format(x - 1, y + low - 1)] = true end
      end
    end
    local list = line:segments():totable()
    for _, g in ipairs(list) do
      local key = table.concat(g, " ")
      assert.is_true(want[key])
      want[key] = nil
    end
    assert.is_nil(next(want))
    assert.equal(line:info().segments, #list)
    local info = line:info()
    near(0.003 + 1e-10 * info.pick - 1e-8 * info.area, info.stress, 0)
  end)

  it("is translation invariant along x", function()
    -- a field shifted by 5 columns: the same stresses at shifted segments
    local lx, ly, rows = 24, 20, {}
    local rng = 12345
    for x = 1, lx do
      rows[x] = {}
      for y = 1, ly do
        rng = (rng * 1103515245 + 12345) % 2147483648
        rows[x][y] = (rng / 2147483648 - 0.5) * 0.1
      end
    end
    local shifted = {}
    for x = 1, lx do shifted[(x + 4) % lx + 1] = rows[x] end
    local function stresses(field)
      local line = depinning.line { lx = lx, ly = ly, y0 = 10, pinning = require("orowan.core").tensor.tensor(field) }
      local list, s = line:segments()
      local by = {}
      list, s = list:totable(), s:totable()
      for i, g in ipairs(list) do by[g[1]] = s[i] end
      return by
    end
    local a, b = stresses(rows), stresses(shifted)
    for x = 0, lx - 1 do near(a[x], b[(x + 5) % lx], 1e-15) end
  end)

  it("moves its window as far as the line goes", function()
    local line = depinning.line { lx = 16, sigma_pin = 0.001, sigma_0 = 1, protocol = "constant", seed = 3 }
    depinning.run(line, 200000)
    local info = line:info()
    assert.is_true(info.area > 150000) -- driven hard: nearly every pick advances
    assert.is_true(info.row_high - info.row_low < 64)
    assert.is_true(info.row_low > 9000)
    local _, fast = line:segments("fast")
    local _, plain = line:segments("plain")
    fast, plain = fast:totable(), plain:totable()
    for i = 1, #fast do near(plain[i], fast[i], 1e-11) end
  end)

  it("stops at the ends of a finite lattice", function()
    local up = depinning.line { lx = 16, ly = 20, y0 = 10, sigma_0 = 1, protocol = "constant" }
    local r = depinning.run(up, 100000, { every = 1000 })[1]
    assert.equal("top", up:info().stop)
    assert.equal(up:info().pick, r.pick:totable()[#r.pick])
    local down = depinning.line { lx = 16, ly = 20, y0 = 10, sigma_0 = -1, protocol = "constant" }
    depinning.run(down, 100000)
    assert.equal("bottom", down:info().stop)
    local pick = down:info().pick
    depinning.run(down, 10)
    assert.equal(pick, down:info().pick)
  end)

  it("gives the same replica alone and beside others, at any thread count", function()
    local system = require("orowan.core").system
    local before = system.threads()
    local function areas(n, threads)
      system.threads(threads)
      local r = depinning.simulate(with { replicas = n, picks = 30000, every = 500, heights = false })
      return r.replicas
    end
    local three, one = areas(3, 2), areas(3, 1)
    for i = 1, 3 do assert.same(one[i].area:totable(), three[i].area:totable()) end
    local alone = depinning.simulate(with { replica = 2, picks = 30000, every = 500 })
    assert.same(three[3].area:totable(), alone.area:totable())
    assert.are_not.same(three[1].area:totable(), three[2].area:totable())
    system.threads(before)
  end)
end)

describe("depinning: state", function()
  it("goes on with the same numbers after a stop", function()
    for _, t in ipairs { { character = "edge" }, { character = "screw", protocol = "quasistatic" }, { character = "edge", plain = true, lx = 20 } } do
      t.lx, t.sigma_0, t.sigma_pin, t.seed, t.rate = t.lx or 130, 0.003, 0.02, 11, 1e-9
      local through = depinning.line(t)
      depinning.run(through, 23456)
      local state = through:save()
      local again = depinning.restore(state)
      local a = depinning.run(through, 30000, { every = 1 })[1]
      local b = depinning.run(again, 30000, { every = 1 })[1]
      assert.same(a.area:totable(), b.area:totable())
      assert.same(a.stress:totable(), b.stress:totable())
      assert.same(through:save():totable(), again:save():totable())
    end
  end)

  it("refuses foreign, short and damaged bytes", function()
    local tensor = require("orowan.core").tensor.tensor
    local line = depinning.line { lx = 12, seed = 2 }
    depinning.run(line, 500)
    local bytes = line:save():totable()
    local function refused(t, text)
      local ok, err = pcall(depinning.restore, tensor(t, "u8"))
      assert.is_false(ok)
      assert.matches(text, tostring(err))
    end
    refused({ 1, 2, 3 }, "not the state")
    refused({}, "not the state")
    local cut = table.move(bytes, 1, #bytes - 9, 1, {})
    refused(cut, "truncated or damaged")
    for _, at in ipairs { 30, 60, 200, #bytes - 3 } do
      local t = table.move(bytes, 1, #bytes, 1, {})
      t[at] = t[at] ~ 16
      refused(t, "truncated or damaged")
    end
    local t = table.move(bytes, 1, #bytes, 1, {})
    t[8] = string.byte("9")
    refused(t, "version")
  end)
end)

describe("depinning: state of ill will", function()
  it("is refused or runs, whatever its bytes say", function()
    -- bytes changed at random under a checksum made right again (FNV-1a)
    local tensor = require("orowan.core").tensor.tensor
    local line = depinning.line { lx = 6, seed = 4, sigma_pin = 0.03 }
    depinning.run(line, 2000)
    local good = line:save():totable()
    local rng = 99
    local function random(n)
      rng = (rng * 1103515245 + 12345) % 2147483648
      return rng // 64 % n
    end
    local refused = 0
    for _ = 1, 150 do
      local t = table.move(good, 1, #good, 1, {})
      for _ = 1, 1 + random(3) do t[25 + (random(2) == 0 and random(#t - 24) or random(180))] = random(256) end
      local h = 0xcbf29ce484222325
      for i = 25, #t do h = (h ~ t[i]) * 0x100000001b3 end
      for i = 0, 7 do t[17 + i] = h >> 8 * i & 255 end
      local ok, other = pcall(depinning.restore, tensor(t, "u8"))
      if ok then depinning.run(other, 50) else
        refused = refused + 1
        assert.matches("depinning", tostring(other))
      end
    end
    assert.is_true(refused > 20 and refused < 150)
  end)
end)

describe("depinning: arguments", function()
  it("are refused with a clear message", function()
    local function refused(o, text)
      local ok, err = pcall(depinning.line, o)
      assert.is_false(ok)
      assert.matches(text, tostring(err))
    end
    refused({ lxx = 3 }, "unknown option \"lxx\"")
    refused({ lx = 3 }, "lx: expected 4")
    refused({ lx = 1e9 }, "lx")
    refused({ character = "mixed" }, "character")
    refused({ protocol = "jump" }, "protocol")
    refused({ nu = 1 }, "nu")
    refused({ sigma_pin = -1 }, "sigma_pin")
    refused({ sigma_pin = 0 / 0 }, "sigma_pin")
    refused({ sigma_0 = math.huge }, "sigma_0")
    refused({ ly = 10, y0 = 10 }, "y0")
    refused({ pinning = {} }, "needs ly")
    refused({ lx = 4, ly = 4, y0 = 2, pinning = { { 1, 2, 3, 4 } } }, "expected lx x ly = 4 x 4")
    assert.has_error(function() depinning.run({}, 10) end)
    local line = depinning.line { lx = 8 }
    assert.has_error(function() depinning.run({ line, line }, 10) end)
    assert.has_error(function() depinning.run(line, -1) end)
    line:close()
    line:close()
    assert.has_error(function() depinning.run(line, 10) end)
  end)
  it("warn outside rate << B << yield stress", function()
    assert.same({}, depinning.warnings {})
    assert.matches("rate", depinning.warnings({ rate = 1e-8 })[1])
    assert.matches("yield", depinning.warnings({ B = 1e-2 })[1])
    assert.same({}, depinning.warnings { protocol = "constant", rate = 1 })
  end)
end)

describe("depinning: the published simulator", function()
  local data = os.getenv "OROWAN_DATA"
  for _, name in ipairs { "edge_small", "screw_small" } do
    it("is reproduced byte for byte: " .. name, function()
      if not data then return pending "skipped: OROWAN_DATA not set" end
      local dir = sys.temp_root() .. "/orowan-dds-" .. sys.getpid()
      local from = data .. "/depinning/" .. name
      local result = assert(depinning.compat_run(from .. ".ctrl", from .. ".fld", dir))
      assert.equal("top", result.stop)
      local want = sys.run({ "gunzip", "-c", from .. ".stress.gz" }, { timeout = 60 })
      assert.equal(0, want.status)
      local f = assert(io.open(dir .. "/stress", "rb"))
      local got = f:read "a"
      f:close()
      sys.remove_tree(dir)
      assert.is_true(#got > 1000000)
      assert.is_true(got == want.stdout)
    end)
  end

  local dir = sys.temp_root() .. "/orowan-dds-files-" .. sys.getpid()
  local function file(name, text)
    assert(sys.mkdir(dir))
    local f = assert(io.open(dir .. "/" .. name, "w"))
    f:write(text)
    f:close()
    return dir .. "/" .. name
  end
  local good = "# comment\nLx = 4\nLy=6 # six\ninitial_height=3\n\nstress_init=-1\n"
  local rows = ("0 0 0 0 0 0\n"):rep(4)
  teardown(function() sys.remove_tree(dir) end)

  it("stops at the bottom, at the top and after max_picks", function()
    local c, p = file("c", good), file("p", rows)
    assert.equal("bottom", depinning.compat_run(c, p, dir .. "/o").stop)
    assert.equal("top", depinning.compat_run(file("c2", good .. "stress_init=1\n"), p, dir .. "/o").stop)
    assert.equal("running", depinning.compat_run(c, p, dir .. "/o", { max_picks = 2 }).stop)
    assert.is_false(sys.exists(dir .. "/o/stress.part"))
  end)

  it("names file, line and expectation of bad input", function()
    local c, p = file("c", good), file("p", rows)
    local function refused(control, pinning, text)
      local r, err = depinning.compat_run(control, pinning, dir .. "/none")
      assert.is_nil(r)
      assert.matches(text, err)
      assert.is_false(sys.exists(dir .. "/none"))
    end
    refused(dir .. "/absent", p, "absent")
    refused(c, dir .. "/absent", "absent")
    refused(file("x", "Lx=4\nfoo=3\n"), p, "x:2: unknown key \"foo\"")
    refused(file("x", "Lx=4\nfoo\n"), p, "x:2: expected KEY=VALUE")
    refused(file("x", "Lx=four\n"), p, "x:1: Lx: expected an integer")
    refused(file("x", "Poisson=nan\n"), p, "x:1: Poisson: expected a number")
    refused(file("x", "Lx=4\nLy=6\ninitial_height=6\n"), p, "initial_height")
    refused(file("x", "Lx=1\nLy=6\n"), p, "Lx, Ly")
    refused(c, file("q", "0 0 0 0 0 0\n0 0 0\n"), "q:2: expected 6 values")
    refused(c, file("q", "0 0 0 0 0 0\n"), "q: expected 4 lines")
    refused(c, file("q", "0 0 0 0 0 zero\n"), "q:1: expected a number, got \"zero\"")
    refused(c, file("q", "0 0 0 0 0 nan\n"), "q:1: expected a number")
  end)
end)
