-- Fields of labelled ions: ions a second onto a grid (in the order of evaporation, layer after layer,
-- and in random order), voxels a second through smoothing and marching cubes, ions a second through
-- the distance from an iso-surface. Rates are per core: processor time, all threads.
local ow = require "orowan"
local sys, system = ow.sys, ow.core.system

local function timed(f)
  local wall, cpu = sys.clock(), sys.cpu_time()
  f()
  return sys.cpu_time() - cpu, sys.clock() - wall
end

local function best(repeats, f)
  local cpu, wall = math.huge, math.huge
  for _ = 1, repeats do
    local c, w = timed(f)
    cpu, wall = math.min(cpu, c), math.min(wall, w)
  end
  return cpu, wall
end

return function(report)
  local rng, n = ow.rng(1), 8000000
  local p = rng:uniform({ n, 3 }, { dtype = "f32" }) * ow.tensor({ 60, 60, 200 }, "f32")
  local species = rng:integers(1, 3, n)
  local job = { origin = { -2, -2, -2 }, voxel = { 1, 1, 1 }, n = { 64, 64, 204 } }
  local counts = ow.zeros({ 3, 204, 64, 64 }, "i64")
  local threads = system.threads()
  local function grid() ow.core.iongrid.add(job, p, species, counts) end
  for _, order in ipairs { "random order", "evaporation order" } do
    if order ~= "random order" then p:slice(2, 3, 3):copy(ow.linspace(0.0, 200, n, "f32"):reshape(n, 1)) end
    for _, t in ipairs(threads > 1 and { 1, threads } or { 1 }) do
      system.threads(t)
      local cpu, wall = best(4, grid)
      report(("grid, %s, %d thread%s, per core"):format(order, t, t > 1 and "s" or ""), n / cpu / 1e6, "M ions/s")
      report(("grid, %s, %d thread%s, together"):format(order, t, t > 1 and "s" or ""), n / wall / 1e6, "M ions/s")
    end
  end
  system.threads(1)
  local f = rng:normal({ 192, 192, 192 }, { dtype = "f32" })
  local taps = { 0.05, 0.1, 0.2, 0.3, 0.2, 0.1, 0.05 }
  local smooth
  local cpu = best(3, function()
    smooth = f
    for axis = 1, 3 do smooth = ow.core.iongrid.smooth(smooth, axis, taps) end
  end)
  report("smoothing, 7 taps along 3 axes, per core", f:numel() / cpu / 1e6, "M voxels/s")
  local spread = smooth:std()
  for _, what in ipairs { { "domains (2.3 sigma)", 2.3 }, { "noise (0 sigma)", 0 } } do
    local triangles
    cpu = best(3, function()
      local _, t = ow.core.isosurface.surface(smooth, { 0, 0, 0 }, { 1, 1, 1 }, what[2] * spread)
      triangles = t:shape(1)
    end)
    report(("marching cubes, %s, %.2f triangles a voxel, per core"):format(what[1], triangles / f:numel()), f:numel() / cpu / 1e6, "M voxels/s")
  end
  local v, t = ow.core.isosurface.surface(smooth, { 0, 0, 0 }, { 1, 1, 1 }, 2.3 * spread)
  local q = rng:uniform({ 500000, 3 }, { dtype = "f32" }) * 191
  cpu = best(2, function() ow.core.isosurface.distance(v, t, q, 5) end)
  report(("distance within 5 voxels of %d triangles, per core"):format(t:shape(1)), 0.5 / cpu, "M ions/s")
  system.threads(threads)
end
