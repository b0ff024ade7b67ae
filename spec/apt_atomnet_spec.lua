local ow = require "orowan"
local nn = ow.nn
local atomnet, datasets = ow.apt.atomnet, ow.apt.datasets

local function running(module)
  local n = 0
  for _, e in ipairs(module:buffers()) do
    if e.name:find "running" then n = n + e.tensor:numel() end
  end
  return n
end

-- 150 ions in open space, species 1 and 2.
local function cloud(seed, n)
  local rng = ow.rng(seed)
  return { positions = rng:uniform({ n, 3 }, { hi = 2, dtype = "f32" }), species = rng:uniform(n):lt(0.3):to "i64" + 1 }
end

describe("the network of AtomNet", function()
  it("has the published number of parameters and running statistics", function()
    local all, trained = atomnet.block(5):count()
    assert.equal(180026, all)
    assert.equal(180026, trained)
    assert.equal(2624, running(atomnet.block(5)))
    -- two columns more: twice 32 weights, and maps of 7 x 7 behind 64 values
    assert.equal(180026 + 2 * 2 * 32 + (49 - 25) * 65, (atomnet.block(7):count()))
  end)

  it("starts with maps that change nothing, and does not see the order of the rows", function()
    nn.seed(3)
    local block = atomnet.block(5):eval()
    local x = ow.rng(1):normal({ 6, 32, 5 }, "f32")
    local _, penalty = block:train()(x)
    assert.is_true(math.abs(penalty:item()) < 1e-6)
    block:eval()
    local y = nn.no_grad(function() return (block(x)).value end)
    local turned = nn.no_grad(function() return (block(x:take(ow.rng(2):permutation(32), 2))).value end)
    assert.same({ 6 }, y:shape())
    assert.is_true((y - turned):abs():max() < 1e-5)
  end)

  it("punishes maps that are no rotations", function()
    nn.seed(4)
    local block = atomnet.block(5)
    block.t1.out.bias.value:mul_(2)  -- 2 1: |4 - 1|^2 on five diagonal elements
    local _, penalty = block(ow.rng(1):normal({ 4, 32, 5 }, "f32"))
    assert.is_true(math.abs(penalty:item() - 45) < 1e-3)
  end)

  it("sees distances, species and predictions of the nearest", function()
    local c = cloud(1, 150)
    local set = atomnet.neighbourhoods(c)
    local p = ow.rng(5):uniform(150, { dtype = "f32" })
    local rows = ow.tensor({ 7, 100, 7 }, "i64")
    local x = atomnet.rows(set, rows, { predictions = p })
    assert.same({ 3, 32, 7 }, x:shape())
    for m, i in ipairs { 7, 100, 7 } do
      local d = (c.positions - c.positions:slice(1, i, i)):square():sum(2)
      local order = d:argsort()
      for k = 1, 32 do
        local j = order:get(k)
        for column = 1, 3 do
          assert.is_true(math.abs(x:get(m, k, column) - (c.positions:get(j, column) - c.positions:get(i, column))) < 1e-6)
        end
        assert.equal(c.species:get(j), x:get(m, k, 4))
        assert.equal(c.species:get(i), x:get(m, k, 5))
        assert.equal(p:get(j), x:get(m, k, 6))
        assert.equal(p:get(i), x:get(m, k, 7))
      end
    end
    assert.same({ 3, 32, 6 }, atomnet.rows(set, rows, { predictions = p, own = false }):shape())
    assert.same({ 3, 32, 5 }, atomnet.rows(set, rows):shape())
  end)

  it("looks through the faces of a periodic box", function()
    local c = cloud(2, 200)
    local shifted = { positions = (c.positions + ow.tensor({ 0.7, 1.1, 1.9 }, "f32")):mod(2), species = c.species, periodic = true, box = { 2, 2, 2 } }
    c.periodic, c.box = true, { 2, 2, 2 }
    local rows = ow.arange(1, 200)
    local a = atomnet.rows(atomnet.neighbourhoods(c, 12), rows)
    local b = atomnet.rows(atomnet.neighbourhoods(shifted, 12), rows)
    assert.is_true((a:square():sum(3):sqrt() - b:square():sum(3):sqrt()):abs():max() < 1e-4)
    assert.is_true(a:slice(3, 1, 3):abs():max() < 1)
  end)

  it("joins clouds without mixing their neighbours", function()
    local a, b = atomnet.neighbourhoods(cloud(1, 60)), atomnet.neighbourhoods(cloud(2, 70))
    local set = atomnet.join { a, b }
    assert.equal(130, set.n)
    local first = atomnet.rows(set, ow.arange(61, 130))
    assert.is_true(ow.equal(first, atomnet.rows(b, ow.arange(1, 70))))
    assert.is_true(set.ids:slice(1, 1, 60):max() <= 60 and set.ids:slice(1, 61, 130):min() > 60)
  end)

  it("learns order, and its blocks go through a file", function()
    local sets = datasets.make { alloy = "conialw", matched = true, edge = 3.5, fraction = 0.4, radius = { 1.4, 1.7 }, cubes = { 3, 1, 1 }, seed = 3 }
    local function train()
      return atomnet.train(sets.train, sets.validation, { seed = 1, epochs = 2, ions = 512, batch = 64, blocks = 2, progress = false })
    end
    local blocks, results = train()
    local h = results[1].history
    assert.is_true(h[#h].loss < h[1].loss)
    assert.equal(7, blocks[2].options.columns)
    local p = atomnet.predict(blocks, sets.test)
    assert.equal(2, #p)
    local path = os.tmpname()
    assert(nn.save(path, atomnet.model(blocks, { columns = { 5, 7 } })))
    local model = assert(nn.load(path))
    os.remove(path)
    local q = atomnet.predict(model, sets.test, { batch = 300 })
    for k = 1, 2 do assert.is_true((p[k] - q[k]):abs():max() < 1e-5) end
  end)

  it("names what is wrong", function()
    assert.has_error(function() atomnet.neighbourhoods(cloud(1, 20)) end, "apt.atomnet: 20 ions are fewer than the 32 neighbours the network looks at")
    local ok, err = pcall(atomnet.block(5), ow.zeros({ 2, 32, 7 }, "f32"))
    assert.is_false(ok)
    assert.matches("expected 5 columns, got 7", tostring(err))
  end)
end)

describe("synthetic sets for training", function()
  it("never share a cube and come back for the same seed", function()
    local o = { alloy = "aucu", cubes = { 2, 2, 1 }, edge = 2.5, seed = 5, k = 8 }
    local a, b = datasets.make(o), datasets.make(o)
    local seeds = {}
    for name, set in pairs(a) do
      assert.is_true(ow.equal(set.positions, b[name].positions) and ow.equal(set.label, b[name].label))
      for _, cube in ipairs(set.cubes) do
        assert.is_nil(seeds[cube.spec.seed])
        seeds[cube.spec.seed] = true
      end
    end
    assert.equal(#a.train.cubes, a.train.cloud:max())
  end)

  it("follow the published ranges in both conventions of noise", function()
    for name, alloy in pairs(datasets.alloys) do
      for noise, range in pairs(datasets.noises) do
        local unit = range.unit == "a" and alloy.a or 1
        for seed = 1, 3 do
          local cube = datasets.cube { alloy = name, noise = noise, seed = seed, edge = 3 }
          local s, e = cube.sigma, cube.spec.efficiency
          assert.is_true(s[1] == s[2] and s[1] >= range.lateral[1] * unit and s[1] <= range.lateral[2] * unit)
          assert.is_true(s[3] >= range.depth[1] * unit and s[3] <= range.depth[2] * unit)
          assert.is_true(e >= 0.4 and e <= 0.8)
          assert.equal(range.kind, cube.noise)
          for _, sphere in ipairs(cube.spheres) do
            assert.is_true(sphere.radius >= alloy.radius[1] and sphere.radius <= alloy.radius[2])
          end
        end
      end
    end
  end)

  it("can hide the domains from composition", function()
    for _, name in ipairs { "conialw", "aucu", "allimg" } do
      local cube = datasets.cube { alloy = name, seed = 2, edge = 9, matched = true, fraction = 0.3 }
      local inside, n = cube.label:gt(0), #cube.names
      local c = {}
      for k, at in ipairs { inside, inside:logical_not() } do
        c[k] = cube.species[at]:bincount { first = 1, size = n }:to "f64" / at:to("i64"):sum()
      end
      local m = inside:to("i64"):sum()
      assert.is_true((c[1] - c[2]):abs():max() < 4 * math.sqrt(0.25 / m + 0.25 / (cube.n - m)))
    end
  end)
end)
