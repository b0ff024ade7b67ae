local ow = require "orowan"
local random_ions = function(n, box, share, seed)
  local rng = ow.rng(seed or 1)
  return { positions = (rng:uniform({ n, 3 }, { dtype = "f32" }) * ow.tensor(box, "f32")):to "f32",
    species = rng:uniform(n):lt(share):to "i64" + 1, names = { "A", "B" }, n = n }
end

describe("concentration grids", function()
  it("deposit as the plain loop does", function()
    local s = random_ions(3000, { 6, 7, 8 }, 0.3)
    local job = { origin = { -1.3, -1.2, -1.1 }, voxel = { 0.7, 0.8, 0.9 }, n = { 14, 14, 14 } }
    local fast, plain = ow.zeros({ 2, 14, 14, 14 }, "i64"), ow.zeros({ 2, 14, 14, 14 }, "f64")
    local a = { ow.core.iongrid.add(job, s.positions, s.species, fast) }
    local b = { ow.core.iongrid.add(job, s.positions, s.species, plain, true) }
    assert.same(a, b)
    assert.same({ 3000, 0, 0, 0 }, a)
    assert.is_true(ow.allclose(fast:to "f64" * 2.0 ^ -24, plain, { rtol = 0, atol = 2e-5 }))
    -- layer after layer, as they are measured: another way through, the same bits
    local order, again = s.positions:select(2, 3):contiguous():argsort(), ow.zeros({ 2, 14, 14, 14 }, "i64")
    ow.core.iongrid.add(job, s.positions[order], s.species[order], again)
    assert.is_true(ow.equal(fast, again))
  end)

  it("lose no count and tell what they leave out", function()
    local s = random_ions(2000, { 9, 9, 9 }, 0.5)
    for _, o in ipairs { {}, { voxel = 0.5, delocalisation = 2, kernel = "quadratic" }, { voxel = { 0.6, 0.7, 0.8 }, delocalisation = { 2, 3, 4 } } } do
      local g = ow.apt.grid(s, o)
      assert.is_true(math.abs(g.total:to("f64"):sum() / 2000 - 1) < 1e-6)
      assert.equal(2000, g.ions)
    end
    s.species[1], s.species[2], s.species[3] = 0, 3, -1
    s.positions[4][1], s.positions[5][3] = 0 / 0, math.huge
    local g = ow.apt.grid(s)
    assert.same({ 1995, 3, 0, 2 }, { g.ions, g.unknown, g.outside, g.excluded })
    g = ow.apt.grid(s, { box = { { 0, 0, 0 }, { 4.5, 9, 9 } } })
    assert.is_true(g.outside > 800 and g.ions + g.unknown + g.outside + g.excluded == 2000)
    assert.has_error(function() ow.apt.grid(s, { voxels = 1 }) end, "apt.grid: unknown option voxels")
    assert.has_error(function() ow.apt.grid { positions = s.positions, species = s.species } end)
    assert.has_error(function() ow.apt.grid({ positions = s.positions, species = s.species * 0, names = { "A" } }) end)
    assert.has_error(function() ow.apt.grid(s, { voxel = 1e-9 }) end)
  end)

  it("spread one ion with the mean and the width they say", function()
    for _, kernel in ipairs { "gaussian", "quadratic" } do
      for _, x in ipairs { 0.02, 0.25, 0.48 } do
        local s = { positions = ow.tensor({ { x, 0.1, -0.2 } }, "f32"), species = ow.tensor({ 1 }, "i64"), names = { "A" } }
        local g = ow.apt.grid(s, { voxel = { 0.5, 0.4, 0.3 }, delocalisation = { 3, 2.4, 1.5 }, kernel = kernel, box = { { -3, -3, -3 }, { 3, 3, 3 } } })
        for axis, want in ipairs { { x, 1 }, { 0.1, 0.8 }, { -0.2, 0.5 } } do
          local n = g.total:to("f64")
          for _, a in ipairs { 1, 2, 3 } do if a ~= 4 - axis then n = n:sum { axis = a, keepdims = true } end end
          n = n:reshape(-1)
          local place = (ow.arange(0, n:numel() - 1):to "f64") * g.voxel[axis] + g.origin[axis]
          local mean = (n * place):sum()
          assert.is_true(math.abs(mean - want[1]) < 1e-5)
          assert.is_true(math.abs(math.sqrt((n * (place - mean):square()):sum()) - want[2]) < 1e-4)
          assert.is_true(math.abs(g.sigma[axis] - want[2]) < 1e-12)
        end
      end
    end
    local g = ow.apt.grid({ positions = ow.zeros({ 1, 3 }, "f32"), species = ow.ones({ 1 }, "i64"), names = { "A" } }, { voxel = 1, delocalisation = 1 })
    assert.equal(3, #g.notes)
    assert.equal(0.5, g.sigma[1])
  end)

  it("have the errors that repeated specimens show", function()
    -- the same voxel of many random alloys: the spread of its concentration and the error given
    local values, errors = {}, {}
    for k = 1, 150 do
      local s = random_ions(4000, { 8, 8, 8 }, 0.2, 100 + k)
      local g = ow.apt.grid(s, { voxel = 1, delocalisation = { 3, 3, 2 }, box = { { 0, 0, 0 }, { 8, 8, 8 } } })
      local f = g:concentration "B"
      local i, j, l = g.size[3] // 2, g.size[2] // 2, g.size[1] // 2
      values[k], errors[k] = f.values[i][j][l], f.error[i][j][l]
    end
    local v, e = ow.tensor(values), ow.tensor(errors)
    assert.is_true(math.abs(v:mean() - 0.2) < 4 * v:std() / math.sqrt(150))
    assert.is_true(math.abs(v:std() / e:mean() - 1) < 0.2, tostring(v:std() / e:mean()))
  end)

  it("mask the edge of the specimen", function()
    local s = random_ions(50000, { 12, 12, 12 }, 0.3)
    local g = ow.apt.grid(s, { voxel = 0.5 })
    local volume = g.mask:to("i64"):sum() * 0.125
    assert.is_true(math.abs(volume / 12 ^ 3 - 1) < 0.12, tostring(volume))
    local f = g:concentration "B"
    assert.equal(g.mask:to("i64"):sum(), ow.isfinite(f.values):to("i64"):sum())
    assert.is_true(math.abs(f.values[g.mask]:mean() - 0.3) < 0.01)
    local both = g:concentration { "A", "B" }
    assert.is_true((both.values[g.mask] - 1):abs():max() < 1e-6)
    assert.is_true(math.abs(g:number_density().values:max() / (50000 / 12 ^ 3) - 1) < 0.4)
    assert.has_error(function() g:concentration "C" end, "grid:concentration: species: expected one of A, B, got C")
  end)

  it("are the same bits at any thread count and cut into slabs", function()
    local s = random_ions(30000, { 6, 6, 6 }, 0.3)
    local whole = ow.apt.grid(s, { voxel = 1 })
    local cut = { names = s.names, slabs = function()
      local k = 0
      return function()
        k = k + 1
        if k > 3 then return nil end
        return s.positions:slice(1, 10000 * (k - 1) + 1, 10000 * k), s.species:slice(1, 10000 * (k - 1) + 1, 10000 * k)
      end
    end }
    assert.is_true(ow.equal(whole.counts, ow.apt.grid(cut, { voxel = 1 }).counts))
    local threads = ow.core.system.threads()
    for _, n in ipairs { 1, 3 } do
      ow.core.system.threads(n)
      assert.is_true(ow.equal(whole.counts, ow.apt.grid(s, { voxel = 1 }).counts))
    end
    ow.core.system.threads(threads)
  end)

  it("take ions that ranges label, molecules as their atoms", function()
    local ranges = ow.apt.ranges { { 1, 2, "Fe" }, { 3, 4, "Fe2C" }, { 5, 6, "What59" } }
    local ions = { positions = ow.arange(1, 12):to("f32"):reshape(4, 3), mass = ow.tensor({ 1.5, 3.5, 9, 5.5 }, "f32") }
    local p = ow.apt.label(ions, ranges)
    assert.same({ "Fe", "C", "What59" }, p.names)
    assert.same({ 1, 1, 0, 3, 1, 2 }, p.species:totable())
    assert.same({ 4, 5, 6 }, p.positions[6]:totable())
    -- an open file, slab by slab
    local dir = assert(ow.sys.tmpdir "label")
    assert(ow.apt.write_pos(dir .. "/a.pos", ions.positions, ions.mass))
    local file = assert(ow.apt.open(dir .. "/a.pos"))
    local slabs = ow.apt.label(file, ranges, { slab = 3 })
    assert.same({ "Fe", "C", "What59" }, slabs.names)
    local o = { voxel = 2, delocalisation = 3 }
    assert.is_true(ow.equal(ow.apt.grid(p, o).counts, ow.apt.grid(slabs, o).counts))
    assert.same(ow.apt.profile(p, { bin = 3 }).counts, ow.apt.profile(slabs, { bin = 3 }).counts)
    assert.is_true(ow.equal(ow.apt.project(p, { bin = 2 }).counts, ow.apt.project(slabs, { bin = 2 }).counts))
    file:close()
    ow.sys.remove_tree(dir)
    local whole = ow.apt.label(ions, ranges, { atoms = false })
    assert.same({ 1, 2, 0, 3 }, whole.species:totable())
    assert.same({ "Fe", "Fe2C", "What59" }, whole.names)
  end)
end)
