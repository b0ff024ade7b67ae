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
    assert.matches("unknown option 'device'", message(geometry.within, points, 0.1, { device = D }))
  end)
end)
