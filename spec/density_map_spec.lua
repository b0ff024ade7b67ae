local ow = require "orowan"

local function bcc(a, n, types)
  local x = {}
  for i = 0, n - 1 do
    for j = 0, n - 1 do
      for k = 0, n - 1 do
        x[#x + 1] = { i * a, j * a, k * a }
        x[#x + 1] = { (i + 0.5) * a, (j + 0.5) * a, (k + 0.5) * a }
      end
    end
  end
  return ow.atoms.new { cell = { n * a, n * a, n * a }, positions = x, types = types or ow.rng(3):integers(1, 3, { #x }):to "i32", species = { "Ta", "Nb", "Mo" } }
end

-- Neighbours of a site in the first shell.
local function neighbours(s, site, a)
  local offset, other = s:pairs(0.9 * a):tensors()
  local list = {}
  for p = offset:get(site) + 1, offset:get(site + 1) do list[#list + 1] = other:get(p) end
  return list
end

describe("density maps of vacancy jumps", function()
  local a, s = 3.27, nil
  setup(function() s = bcc(3.27, 5) end)

  it("are the plain sum", function()
    local g = ow.rng(1)
    local moved = s:with { positions = s.positions + g:normal({ s.n, 3 }) * 0.05 }
    local near = neighbours(s, 40, a)
    local o = { rolls = { 0, 0.4, 2.5 } }
    local maps = ow.barrier.density_map(moved, { 40, 40, 40 }, { near[1], near[5], near[8] }, o)
    assert.same({ 3, 3, 32, 32, 32 }, maps:shape())
    o.reference = true
    local exact = ow.barrier.density_map(moved, { 40, 40, 40 }, { near[1], near[5], near[8] }, o)
    assert.is_true((maps - exact):abs():max() < 1e-6)
    -- atoms at the map's edge, a coarser and a smaller map
    o = { reach = 5, half = 4.8, delta = 0.6 }
    local small = ow.barrier.density_map(moved, { 40 }, { near[1] }, o)
    o.reference = true
    assert.is_true((small - ow.barrier.density_map(moved, { 40 }, { near[1] }, o)):abs():max() < 1e-6)
  end)

  it("hold 112 atoms, the jumping one on the negative x axis", function()
    local near = neighbours(s, 40, a)[3]
    local map = ow.barrier.density_map(s, { 40 }, { near })
    -- an atom's Gaussian sums to (2 pi)^(3/2) over voxels, less what the faces cut off
    local atoms = map:to("f64"):sum() / (2 * math.pi) ^ 1.5
    assert.is_true(math.abs(atoms - 112) < 3)
    local jump = a * math.sqrt(3) / 2
    local voxel = math.floor((8 - jump) / 0.5) + 1
    local own = map:select(1, 1):select(1, s.types:get(near))
    local row = own:select(1, 16):select(1, 16)
    local best = 1
    for k = 2, 16 do if row:get(k) > row:get(best) then best = k end end
    assert.is_true(math.abs(best - voxel) <= 1)
  end)

  it("do not change when the crystal is turned, but for the roll", function()
    local one = bcc(3.27, 5, ow.ones({ 250 }, "i32"))
    local near = neighbours(one, 40, a)
    local maps = ow.barrier.density_map(one, { 40, 40 }, { near[1], near[2] })
    local third = ow.barrier.density_map(one, { 40 }, { near[1] }, { rolls = { 2 * math.pi / 3 } })  -- <111> is a threefold axis
    assert.is_true((third:select(1, 1) - maps:select(1, 1)):abs():max() < 1e-5)
    assert.is_true(math.abs(maps:select(1, 1):sum() - maps:select(1, 2):sum()) < 0.5)
  end)

  it("refuse what has no meaning", function()
    local near = neighbours(s, 40, a)[1]
    assert.error_matches(function() ow.barrier.density_map(s, { 40 }, { 40 }) end, "two different sites")
    assert.error_matches(function() ow.barrier.density_map(bcc(3.27, 4), { 40 }, { 41 }) end, "at least twice the reach")
    assert.error_matches(function() ow.barrier.density_map(s, { 40 }, { near }, { delta = 0.7 }) end, "whole number of voxels")
    assert.error_matches(function() ow.barrier.density_map(s, { 40 }, { near }, { size = 1 }) end, "unknown option 'size'")
  end)
end)
