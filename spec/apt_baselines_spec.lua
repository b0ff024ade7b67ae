local ow = require "orowan"
local nn = ow.nn
local features, baselines, stacked, datasets = ow.apt.features, ow.apt.baselines, ow.apt.stacked, ow.apt.datasets

-- A periodic crystal without noise as a set.
local function crystal(lattice, a, cells, k, domains)
  local cube = ow.apt.synthetic { lattice = lattice, a = a, box = cells * a, matrix = { X = 0.5, Y = 0.5 }, periodic = true, domains = domains }
  return features.neighbourhoods(cube, k), cube
end

local function auc(p, label) return nn.metrics.roc_auc(p, label, { repeats = 0 }).value end

describe("features of an ion", function()
  it("give the bond order of ideal crystals (Steinhardt 1983, table I)", function()
    for _, c in ipairs { { "fcc", 12, { 0, 0.19094065, 0.57452426, 0.40391456 } }, { "bcc", 8, { 0, 0.50917508, 0.62853936, 0.21276158 } },
      { "bcc", 14, { 0, 0.03636965, 0.51068823, 0.42932247 } } } do
      local q = features.bond_order(crystal(c[1], 0.3, 5, c[2] + 1), { 2, 4, 6, 8 }, { k = c[2] })
      for l = 1, 4 do
        local v = q:select(2, l)
        assert.is_true(math.abs(v:min() - c[3][l]) < 1e-5 and math.abs(v:max() - c[3][l]) < 1e-5, c[1] .. c[2] .. " l=" .. 2 * l)
      end
    end
  end)

  it("weigh bonds, and one bond has order 1", function()
    local p = ow.tensor({ { 0, 0, 0 }, { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }, "f32")
    local set = features.neighbourhoods({ positions = p, species = ow.tensor({ 1, 2, 1, 1 }, "i64"), names = { "A", "B" } }, 4)
    local q = features.bond_order(set, { 1, 2, 3 }, { k = 3, weights = features.is(set, { "B" }) })
    for l = 1, 3 do assert.is_true(math.abs(q:get(1, l) - 1) < 1e-6) end
    -- three bonds along the axes: sum over pairs of P_1(0) = 0 and P_2(0) = -1/2
    q = features.bond_order(set, { 1, 2 }, { k = 3 })
    assert.is_true(math.abs(q:get(1, 1) - math.sqrt(3) / 3) < 1e-6 and q:get(1, 2) < 1e-6)
  end)

  it("sum and maximise over the nearest as a plain loop does", function()
    local rng = ow.rng(3)
    local set = features.neighbourhoods({ positions = rng:uniform({ 300, 3 }, { dtype = "f32" }), species = ow.ones({ 300 }, "i64") }, 40)
    local v = rng:normal({ 300, 3 }, "f32")
    local counts = { 1, 7, 40 }
    local sum, largest = features.sums(set.ids, v, counts), features.sums(set.ids, v, counts, { maximum = true })
    for i = 1, 300, 37 do
      for s, k in ipairs(counts) do
        local rows = v:take(set.ids:select(1, i):slice(1, 1, k))
        assert.is_true((rows:to("f64"):sum(1) - sum:select(1, i):select(1, s)):abs():max() < 1e-5)
        assert.is_true(ow.equal(rows:max(1), largest:select(1, i):select(1, s)))
      end
    end
    assert.has_error(function() features.sums(set.ids, v, { 4, 3 }) end)
    assert.has_error(function() features.sums(set.ids, v:slice(1, 1, 200):contiguous(), { 4 }) end)
  end)

  it("find the pole and see order along it", function()
    local cube = datasets.cube { alloy = "conialw", matched = true, seed = 4, edge = 5, fraction = 0.3 }
    local alloy = datasets.alloys.conialw
    local set = features.neighbourhoods(cube, 256)
    local pole = features.pole(set, { a = alloy.a, solute = alloy.solute, step = 1 })
    local r, d = cube.rotation, pole.direction
    local cos = d[1] * r[1][3] + d[2] * r[2][3] + d[3] * r[3][3]
    assert.is_true(math.deg(math.acos(math.min(1, cos))) < 1.5)
    local f = features.fourier(set, { wave = pole.wave, solute = alloy.solute }, { 64, 256 })
    local label = cube.label:gt(0):to "f32"
    assert.is_true(auc(f.order:select(2, 2), label) > 0.85)
    assert.is_true(math.abs(auc(features.fraction(set, alloy.solute, { 256 }):reshape(-1), label) - 0.5) < 0.1)
    -- without order the amplitude is that of noise
    local null = features.neighbourhoods(ow.apt.shuffled(cube, 1), 256)
    local g = features.fourier(null, { wave = pole.wave, solute = alloy.solute }, { 64 })
    assert.is_true(math.abs(g.order:mean() - 1) < 0.1)
  end)

  it("do not change when the cloud is turned about the depth axis", function()
    local cube = datasets.cube { alloy = "allimg", seed = 2, edge = 3 }
    local alloy = datasets.alloys.allimg
    local o = { a = alloy.a, solute = alloy.solute, counts = { 8, 64 } }
    local a = features.describe(cube, o)
    cube.positions = cube.positions:matmul(ow.tensor(ow.apt.rotation(0, 0, 90), "f32"))
    local b = features.describe(cube, o)
    for name, t in pairs(a) do
      assert.is_true((t - b[name]):abs():max() < 2e-2, name)
      assert.is_true(t:isfinite():all())
    end
  end)
end)

describe("the ideal observer", function()
  it("knows the label without noise, and is calibrated with noise", function()
    for _, noise in ipairs { "gaussian", "clipped" } do
      local p, label = {}, {}
      for seed = 1, 3 do
        local cube = datasets.cube { alloy = "allimg", seed = seed, noise = noise, edge = 3.5 }
        p[seed], label[seed] = baselines.ideal(cube, { draws = 150 }), cube.label:gt(0):to "f32"
        cube.sigma = { 1e-6, 1e-6, 1e-6 }
        if noise == "gaussian" then
          local spec = {}
          for k, v in pairs(cube.spec) do spec[k] = v end
          spec.sigma = cube.sigma
          local sharp = ow.apt.synthetic(spec)
          sharp.spec, sharp.spheres, sharp.sigma, sharp.noise = spec, cube.spheres, cube.sigma, noise
          assert.is_true((baselines.ideal(sharp, { draws = 4 }) - sharp.label:gt(0):to "f32"):abs():mean() < 0.002)
        end
      end
      p, label = ow.concat(p), ow.concat(label)
      assert.is_true(auc(p, label) > 0.9)
      assert.is_true(math.abs(p:mean() - label:mean()) < 0.02)
    end
  end)
end)

describe("the stacked network", function()
  local o = { alloy = "conialw", matched = true, edge = 3.5, fraction = 0.35, radius = { 1.2, 1.6 }, cubes = { 4, 2, 1 }, seed = 1, k = 2 }
  local alloy = datasets.alloys.conialw

  it("beats the baselines where only order tells, and goes through a file", function()
    local sets = datasets.make(o)
    local f = { a = alloy.a, solute = alloy.solute, step = 2, counts = { 8, 32, 128 } }
    local described = { counts = f.counts }
    for name, set in pairs(sets) do described[name] = stacked.describe(set, f) end
    f.described, f.seed, f.folds, f.stages, f.hidden, f.epochs = described, 1, 2, 2, { 16 }, 3
    local model = stacked.train(sets.train, sets.validation, f)
    f.described = described.test
    local p = stacked.predict(model, sets.test, f)
    local rows = baselines.scores(sets, described, { seed = 1, epochs = 2 })
    assert.equal(4, #rows)
    local mine = auc(p[#p], sets.test.label)
    for k = 1, 4 do assert.equal(sets.test.n, rows[k].test:numel()) end
    assert.is_true(mine > 0.75)
    assert.is_true(mine > auc(rows[1].test, sets.test.label))
    local path = os.tmpname()
    assert(nn.save(path, model))
    local loaded = assert(nn.load(path))
    os.remove(path)
    local q = stacked.predict(loaded, sets.test, f)
    assert.is_true(ow.equal(p[2], q[2]))
  end)
end)

describe("Platt's scaling", function()
  it("finds slope and offset of a logistic law", function()
    local rng = ow.rng(1)
    local z = rng:normal(20000) * 2
    local label = rng:uniform(20000):lt(1 / ((-(z * 0.5 - 0.7)):exp() + 1)):to "f64"
    local a, b = baselines.platt(z, label)
    assert.is_true(math.abs(a - 0.5) < 0.03 and math.abs(b + 0.7) < 0.05)
    -- and is used only where it helps on cubes that it was not fitted to
    local cloud = (ow.arange(0, 19999) // 4000 + 1):to "i64"
    local set = { label = label:to "f32", cloud = cloud }
    local c, d, loss = baselines.calibrate(z:to "f32", set)
    assert.is_true(math.abs(c - a) < 1e-3 and math.abs(d - b) < 1e-3 and loss.scaled < loss.raw)
    set.label = (z - z):lt(rng:uniform(20000) - 0.5):to "f32"  -- nothing to learn, and few cubes
    set.cloud = ow.where(cloud:eq(1), 1, 2):to "i64"
    c, d = baselines.calibrate(z:to "f32", set)
    assert.same({ 1.0, 0.0 }, { c, d })
  end)
end)
