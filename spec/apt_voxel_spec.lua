local ow = require "orowan"
local voxel = ow.apt.voxel

describe("voxel network", function()
  it("counts every ion once, in its voxel and species", function()
    local cloud = { positions = ow.tensor({ { 0, 0, 0 }, { 0.1, 0.1, 0.1 }, { 0.6, 0, 0 }, { 0, 0.6, 1.1 } }, "f32"), species = ow.tensor({ 1, 2, 2, 1 }, "i64"), names = { "A", "B" } }
    local counts, place = voxel.counts(cloud, 0.5)
    assert.same({ 1, 2, 3, 2, 2 }, counts:shape())
    assert.same({ 1, 1, 2, 11 }, place:totable())
    assert.equal(4, counts:sum())
    assert.equal(1, counts:get(1, 1, 1, 1, 1))
    assert.equal(1, counts:get(1, 2, 1, 1, 1))
    assert.equal(1, counts:get(1, 1, 3, 2, 1))
  end)

  it("learns composition from a few cubes, and gives each ion the value of its voxel", function()
    local sets = ow.apt.datasets.make { alloy = "allimg", noise = "gaussian", cubes = { 8, 1, 1 }, edge = 4, seed = 2 }
    local network = voxel.train(sets, { seed = 1, edge = 0.3, filters = 8, epochs = 12, batch = 2 })
    local cube = sets.test.cubes[1]
    local p = voxel.apply(network, cube, 0.3)
    assert.same({ cube.n }, p:shape())
    assert.is_true(p:min() >= 0 and p:max() <= 1)
    local _, place = voxel.counts(cube, 0.3)
    local first, second = {}, nil
    for i, v in ipairs(place:totable()) do
      if first[v] then second = { first[v], i } break end
      first[v] = i
    end
    assert.equal(p:get(second[1]), p:get(second[2]))
    assert.is_true(ow.nn.metrics.roc_auc(p, cube.label:gt(0), { repeats = 0 }).value > 0.6)
    assert.error_matches(function() voxel.train({ train = {} }, { seed = 1 }) end, "expected train with cubes")
  end)
end)
