-- Neighbours and interaction sums on a device against the CPU: ids and distances to the bit.
local ow = require "orowan"
local geometry = ow.geometry
local message = require("spec.support.compare").message

local devices, why = {}, "sanitized builds cannot host a driver that compiles in the process (LLVM)"
if not ow.core.system.build().sanitized then devices, why = ow.core.device.list() end
local D = devices[1] and devices[1].device

local function clustered(g, n)
  local a = g:uniform({ n // 2, 3 })
  return ow.concat { a, g:normal({ n - n // 2, 3 }) * 0.01 + 0.5 }
end

describe("nearest neighbours on a device", function()
  if not D then
    it("have no device here", function() pending("skipped: no OpenCL device: " .. tostring(why)) end)
    return
  end

  local function same(points, k, options)
    local ids, distances = geometry.knn(points, k, options)
    local there = { device = D }
    for name, v in pairs(options or {}) do there[name] = v end
    local i, d = geometry.knn(points, k, there)
    assert.equal(D, i:device())
    assert.equal(D, d:device())
    assert.is_true(ids:equal(i:to "cpu"), "ids")
    assert.is_true(distances:equal(d:to "cpu"), "distances")
  end

  it("are those of the CPU, to the bit", function()
    local g = ow.rng(5)
    for _, dtype in ipairs { "f32", devices[1].f64 and "f64" or nil } do
      local points = clustered(g, 1500):to(dtype, { unchecked = true })
      local queries = (g:uniform({ 200, 3 }) * 3 - 1):to(dtype, { unchecked = true })
      same(points, 12)
      same(points, 30, { queries = queries })
      same(points, 7, { box = { 1, 1.5, 1.2 }, self = true })
      same(points, 16, { box = { { 1, 0, 0 }, { 0.4, 1, 0 }, { 0, -0.3, 1.1 }, periodic = { true, true, false } }, queries = g:uniform({ 200, 3 }):to(dtype, { unchecked = true }) })
    end
  end)

  it("are ordered by id where distances are equal", function()
    local v = {}
    for x = 0, 5 do for y = 0, 5 do for z = 0, 5 do v[#v + 1] = { x, y, z } end end end
    local lattice = ow.tensor(v):to "f32"
    same(lattice, 18)
    same(lattice, 18, { box = { 6, 6, 6 } })
    same(ow.zeros({ 40, 3 }, "f32"), 5)
  end)

  it("know labels, points left out and tensors of the device", function()
    local g = ow.rng(6)
    local points = g:uniform({ 300, 3 }):to("f32", { unchecked = true })
    local labels, exclude = ow.arange(1, 300) * 10, ow.arange(1, 300):flip():contiguous()
    same(points, 4, { labels = labels })
    same(points, 4, { queries = points, exclude = exclude })
    local cells <close> = geometry.cells(points:to(D))
    local ids = cells:knn(3)
    assert.equal(D, ids:device())
    assert.is_true(ids:to("cpu"):equal((geometry.knn(points, 3))))
    assert.is_true(cells:knn(5, { queries = points:to(D) }):to("cpu"):equal((geometry.knn(points, 5, { queries = points }))))
  end)

  it("refuse what a device cannot hold", function()
    local points = ow.rng(7):uniform({ 100, 3 })
    assert.matches("k: at most 64 on " .. D .. ", got 65", message(geometry.knn, points, 65, { device = D }))
    assert.matches("asked for 64 neighbours", message(geometry.knn, points:slice(1, 1, 20), 64, { device = D }))
    local few = geometry.knn(points:slice(1, 1, 4), 40, { box = { 1, 1, 1 }, device = D })
    assert.matches("knn on " .. D .. ": the k neighbours reach beyond", message(function() return few:to "cpu" end))
    assert.matches("expected \"cpu\"", message(geometry.knn, points, 3, { device = "gpu" }))
    assert.matches("reference: the plain loop", message(geometry.knn, points, 3, { device = D, reference = true }))
    assert.matches("unknown option 'device'", message(geometry.within, points, 0.1, { device = D }))
  end)
end)

describe("sums over pairs", function()
  local laws = {
    { { kernel = "power" }, function(r) return 1 / r end, function(r) return -1 / r ^ 2 end },
    { { kernel = "power", exponent = 6 }, function(r) return r ^ -6 end, function(r) return -6 * r ^ -7 end },
    { { kernel = "power", exponent = 2.5, softening = 0.2 }, function(r) return (r * r + 0.04) ^ -1.25 end,
      function(r) return -2.5 * r * (r * r + 0.04) ^ -2.25 end },
    { { kernel = "yukawa", kappa = 1.7 }, function(r) return math.exp(-1.7 * r) / r end,
      function(r) return -math.exp(-1.7 * r) * (1.7 * r + 1) / r ^ 2 end },
    { { kernel = "gaussian", sigma = 0.4 }, function(r) return math.exp(-r * r / 0.32) end,
      function(r) return -r / 0.16 * math.exp(-r * r / 0.32) end },
  }

  local function with(o, more)
    local t = {}
    for k, v in pairs(o) do t[k] = v end
    for k, v in pairs(more) do t[k] = v end
    return t
  end

  local g = ow.rng(11)
  local sources, charges, targets = g:uniform({ 300, 3 }), g:normal({ 300 }), g:uniform({ 37, 3 }) + 0.01
  targets[1] = sources[5] -- at a source's place

  it("are the formulas", function()
    local s, q, t = sources:totable(), charges:totable(), targets:totable()
    for n, law in ipairs(laws) do
      local phi, gradient = geometry.pair_sum(sources, charges, targets, with(law[1], { gradient = true }))
      for _, i in ipairs { 1, 2, 37 } do
        local sum, slope = 0, { 0, 0, 0 }
        for j = 1, #s do
          local d, r = {}, 0
          for a = 1, 3 do d[a] = t[i][a] - s[j][a] r = r + d[a] * d[a] end
          r = math.sqrt(r)
          if r > 0 or law[1].sigma then sum = sum + q[j] * law[2](r) end
          if r > 0 then for a = 1, 3 do slope[a] = slope[a] + q[j] * law[3](r) * d[a] / r end end
        end
        assert.is_true(math.abs(phi[i] - sum) <= 1e-10 * (1 + math.abs(sum)), "law " .. n)
        for a = 1, 3 do
          assert.is_true(math.abs(gradient[{ i, a }] - slope[a]) <= 1e-9 * (1 + math.abs(slope[a])), "gradient of law " .. n)
        end
      end
      assert.is_true(phi:equal((geometry.pair_sum(sources, charges, targets, law[1]))))
    end
    assert.is_true(geometry.pair_sum(sources, nil, targets, { kernel = "power" }):allclose(
      geometry.pair_sum(sources, ow.ones(300), targets, { kernel = "power" }), { rtol = 0, atol = 0 }))
    assert.equal(0, geometry.pair_sum(ow.zeros(0, 3), nil, targets, { kernel = "power" }):abs():max())
    local before = ow.core.system.threads()
    local want = geometry.pair_sum(sources, charges, targets, { kernel = "power" })
    ow.core.system.threads(1)
    local one = geometry.pair_sum(sources, charges, targets, { kernel = "power" })
    ow.core.system.threads(before)
    assert.is_true(want:equal(one))
  end)

  it("have a shell's potential", function() -- outside a uniform shell that of its charge at the centre
    local n, v = 2000, {}
    for i = 1, n do -- Fibonacci points
      local z = 1 - (2 * i - 1) / n
      local a, r = i * math.pi * (3 - math.sqrt(5)), math.sqrt(1 - z * z)
      v[i] = { r * math.cos(a), r * math.sin(a), z }
    end
    local phi = geometry.pair_sum(ow.tensor(v), nil, { { 3, 0, 0 }, { 0, 0.2, 0.1 } }, { kernel = "power" })
    assert.near(n / 3, phi[1], 1e-2)
    assert.near(n, phi[2], 1)
  end)

  it("refuse what makes no sense", function()
    local function bad(o) return message(geometry.pair_sum, sources, charges, targets, o) end
    assert.matches("kernel: expected power", bad {})
    assert.matches("kappa: expected a finite number", bad { kernel = "yukawa" })
    assert.matches("sigma: expected a finite number above 0", bad { kernel = "gaussian", sigma = 0 })
    assert.matches("sigma: the kernel power has no such option", bad { kernel = "power", sigma = 1 })
    assert.matches("value: expected one line of OpenCL C", bad { kernel = "expression" })
    assert.matches("an expression is OpenCL text and runs on devices only", bad { kernel = "expression", value = "1 / r2" })
    assert.matches("charges: expected one number for each of 300", message(geometry.pair_sum, sources, ow.ones(3), targets, { kernel = "power" }))
    assert.matches("targets: expected N x 3", message(geometry.pair_sum, sources, nil, ow.ones(3), { kernel = "power" }))
  end)

  it("are the same on a device", function()
    if not D then return pending("skipped: no OpenCL device: " .. tostring(why)) end
    local single = { sources:to("f32", { unchecked = true }), charges:to("f32", { unchecked = true }), targets:to("f32", { unchecked = true }) }
    for n, law in ipairs { laws[1], laws[3], laws[4], laws[5] } do
      local o = with(law[1], { gradient = true })
      local phi, gradient = geometry.pair_sum(single[1], single[2], single[3], o)
      -- Terms carry the rounding of f32; the sum of their sizes is what errors are relative to.
      local size = geometry.pair_sum(single[1], single[2]:abs(), single[3], law[1])
      local p, d = geometry.pair_sum(single[1], single[2], single[3], with(o, { device = D }))
      assert.equal("f32", p:dtype())
      assert.is_true(((p:to("cpu") - phi):abs() / size):max() <= 1e-6, "law " .. n)
      assert.is_true((d:to("cpu") - gradient):abs():max() <= 2e-6 * gradient:abs():max(), "gradient of law " .. n)
    end
    if devices[1].f64 then
      local o = { kernel = "power", exponent = 3, gradient = true }
      local phi, gradient = geometry.pair_sum(sources, charges, targets, o)
      local p, d = geometry.pair_sum(sources:to(D), charges:to(D), targets:to(D), o)
      assert.equal("f64", p:dtype())
      assert.is_true((p:to("cpu") - phi):abs():max() <= 1e-13 * phi:abs():max())
      assert.is_true((d:to("cpu") - gradient):abs():max() <= 1e-13 * gradient:abs():max())
    end
  end)

  it("take an expression and keep many terms apart in f32 on a device", function()
    if not D then return pending("skipped: no OpenCL device: " .. tostring(why)) end
    local o = { kernel = "expression", value = "exp(-r2 / (T)0.32)", slope = "-exp(-r2 / (T)0.32) / (T)0.32", gradient = true, device = D }
    local n = 20000
    local many, place = g:uniform({ n, 3 }):to("f32", { unchecked = true }), targets:to("f32", { unchecked = true })
    local p, d = geometry.pair_sum(many, nil, place, o)
    local phi, gradient = geometry.pair_sum(many, nil, place, with(laws[5][1], { gradient = true }))
    assert.is_true(((p:to("cpu") - phi) / phi):abs():max() <= 3e-7)
    assert.is_true((d:to("cpu") - gradient):abs():max() <= 1e-6 * gradient:abs():max())
    assert.is_true(p:to("cpu"):equal((geometry.pair_sum(many, nil, place, o):to("cpu"))))
    assert.matches("does not compile", message(geometry.pair_sum, many, nil, place, { kernel = "expression", value = "no_such(r2)", device = D }))
    assert.matches("slope: expected one line", message(geometry.pair_sum, many, nil, place, { kernel = "expression", value = "r2", gradient = true, device = D }))
  end)
end)
