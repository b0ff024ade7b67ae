local ow = require "orowan"
local a = 0.4

-- Atoms at least `margin` from the box's faces, with the distances to all others.
local function bulk(s, margin)
  local p = s.positions:to "f64"
  local inner = p:gt(margin):all(2):logical_and(p:lt(ow.tensor(s.box) - margin):all(2))
  local q = p[inner]
  local d2 = ow.zeros(q:shape(1), s.n)
  for k = 1, 3 do d2 = d2 + (q:slice(2, k, k) - p:slice(2, k, k):reshape(1, -1)):square() end
  return inner, d2:sqrt()
end

local function count_at(d, r) return (d - r):abs():lt(1e-3 * r):to("i64"):sum(2) end

-- Layers of a {111} stack that have an atom straight above or below them, two layers off, at
-- sqrt(8/3) of the first distance: the two sides of every hexagonal layer (none in fcc).
local function sides_of_hexagonal_layers(s)
  local inner, d = bulk(s, 1.7 * a)
  local first = a / math.sqrt(2)
  assert.same({ 12 }, ow.unique(count_at(d, first)):totable())
  local hexagonal = count_at(d, first * math.sqrt(8 / 3)):gt(0)
  local height = s.positions[inner]:to("f64"):sum(2) / a  -- a layer of (111) each 1.0
  local at = height[hexagonal]
  return at:numel() == 0 and {} or ow.unique(ow.round(at - at:min())):totable()
end

local function fcc(extra)
  local spec = { lattice = "fcc", a = a, box = 8 * a, matrix = { Al = 1 }, origin = { 0.01, 0.02, 0.03 }, seed = 1 }
  for k, v in pairs(extra) do spec[k] = v end
  return ow.apt.synthetic(spec)
end

describe("synthetic specimens", function()
  it("fill a box with the lattice's density, rotated or not", function()
    assert.equal(4 * 8 ^ 3, fcc { periodic = true }.n)
    local s = fcc { box = { 6, 7, 8 }, rotation = ow.apt.rotation(20, 30, 40) }
    assert.is_true(math.abs(s.n / (6 * 7 * 8 * 4 / a ^ 3) - 1) < 0.005)
    local b = ow.apt.synthetic { lattice = "bcc", a = 0.3, box = 3, matrix = { Fe = 1 }, periodic = true }
    assert.equal(2000, b.n)
    local _, d = bulk(fcc { rotation = ow.apt.rotation(10, 20, 30) }, 1.1 * a)
    assert.same({ 12 }, ow.unique(count_at(d, a / math.sqrt(2))):totable())
    assert.same({ 6 }, ow.unique(count_at(d, a)):totable())
  end)

  it("give the same ions at any thread count and for the same seed", function()
    local function make(seed) return ow.apt.synthetic { lattice = "fcc", a = a, box = 6, matrix = { Al = 0.7, Li = 0.3 }, seed = seed,
      rotation = ow.apt.rotation(1, 2, 3), efficiency = 0.6, noise = "gaussian", sigma = { 0.3, 0.3, 0.05 } } end
    local one, two = make(1), make(1)
    local threads = ow.core.system.threads()
    ow.core.system.threads(1)
    local three = make(1)
    ow.core.system.threads(threads)
    assert.is_true(ow.equal(one.positions, two.positions) and ow.equal(one.positions, three.positions) and ow.equal(one.species, three.species))
    assert.is_false(ow.equal(one.species:slice(1, 1, 500), make(2).species:slice(1, 1, 500)))
  end)

  it("order the domains and leave the matrix random", function()
    local list = {}
    for v = 1, 4 do
      list[v] = { centre = { 3 + 6 * ((v - 1) % 2), 3 + 6 * ((v - 1) // 2), 6 }, radius = 2.5, order = "L1_2", variant = v,
        occupancy = { A = { Li = 0.8, Mg = 0.2 }, B = { Al = 1 } } }
    end
    local s = ow.apt.synthetic { lattice = "fcc", a = 0.405, box = 12, species = { "Al", "Li", "Mg" }, matrix = { Al = 0.88, Li = 0.07, Mg = 0.05 }, domains = list, seed = 4 }
    assert.same({ "Al", "Li", "Mg" }, s.names)
    for v = 0, 4 do
      local at = s.label:eq(v)
      local n = at:to("i64"):sum()
      local share = (s.species[at]:bincount { first = 1, size = 3 }:to "f64" / n):totable()
      local want = v == 0 and { 0.88, 0.07, 0.05 } or { 0.75, 0.2, 0.05 }
      for k = 1, 3 do assert.is_true(math.abs(share[k] - want[k]) < 4 * math.sqrt(want[k] * (1 - want[k]) / n)) end
      if v > 0 then
        local solute = s.species:gt(1):logical_and(at)
        assert.same({ v }, ow.unique(s.site[solute]):totable())
        local r = (s.positions[at]:to "f64" - ow.tensor(list[v].centre)):square():sum(2):sqrt()
        assert.is_true(r:max() <= 2.5001)
        assert.is_true(math.abs(n / (4 / 3 * math.pi * 2.5 ^ 3 * 4 / 0.405 ^ 3) - 1) < 0.03)
      end
    end
  end)

  it("know the variants of every order", function()
    for name, want in pairs { L12 = { "fcc", 4, 0.25 }, L10 = { "fcc", 3, 0.5 }, B2 = { "bcc", 2, 0.5 }, D03 = { "bcc16", 4, 0.25 } } do
      local seen = {}
      for v = 1, want[2] do
        local s = ow.apt.synthetic { lattice = want[1], a = 0.3, box = 3, matrix = { X = 0.5, Y = 0.5 }, periodic = true,
          domains = { { centre = { 1.5, 1.5, 1.5 }, radius = 9, order = name, variant = v, occupancy = { A = { X = 1 }, B = { Y = 1 } } } } }
        assert.equal(want[3], s.species:eq(1):to("i64"):sum() / s.n)
        local sites = table.concat(ow.unique(s.site[s.species:eq(1)]):totable(), " ")
        assert.is_nil(seen[sites])
        seen[sites] = true
        -- minority atoms are never first neighbours in L1_2, B2 and D0_3
        if name ~= "L10" then
          local first = want[1] == "fcc" and 0.3 / math.sqrt(2) or 0.3 * math.sqrt(3) / 2
          local p = s.positions[s.species:eq(1)]:to "f64"
          local d2 = ow.zeros(p:shape(1), p:shape(1))
          for k = 1, 3 do
            local d = p:slice(2, k, k) - p:slice(2, k, k):reshape(1, -1)
            d2 = d2 + (d - ow.round(d / s.box[k]) * s.box[k]):square()
          end
          assert.equal(0, (d2:sqrt() - first):abs():lt(1e-3):to("i64"):sum())
        end
      end
    end
  end)

  it("take plates, ellipsoids and irregular domains", function()
    local function volume(d)
      d.composition, d.centre = { Cu = 1 }, d.centre or { 5, 5, 5 }
      local s = ow.apt.synthetic { lattice = "fcc", a = 0.2, box = 10, matrix = { Al = 1 }, domains = { d }, seed = 2 }
      return s.label:gt(0):to("i64"):sum() * 0.2 ^ 3 / 4
    end
    assert.is_true(math.abs(volume { shape = "ellipsoid", axes = { 1, 2, 3 }, orientation = ow.apt.rotation(0, 45, 10) } / (8 * math.pi) - 1) < 0.02)
    assert.is_true(math.abs(volume { shape = "plate", radius = 3, thickness = 1 } / (4 / 3 * math.pi * 9 * 0.5) - 1) < 0.02)
    local two = volume { shape = "irregular", spheres = { { centre = { 3, 5, 5 }, radius = 1.5 }, { centre = { 7, 5, 5 }, radius = 1.5 } } }
    assert.is_true(math.abs(two / (9 * math.pi) - 1) < 0.02)
  end)

  it("build stacking faults, twins and antiphase boundaries layer by layer", function()
    local centre = { 4 * a, 4 * a, 4 * a }
    assert.same({}, (sides_of_hexagonal_layers(fcc {})))
    assert.same({ 0, 2 }, (sides_of_hexagonal_layers(fcc { faults = { { kind = "twin", point = centre } } })))
    assert.same({ 0, 1, 2, 3 }, (sides_of_hexagonal_layers(fcc { faults = { { kind = "intrinsic", point = centre } } })))
    assert.same({ 0, 2, 4 }, (sides_of_hexagonal_layers(fcc { faults = { { kind = "extrinsic", point = centre } } })))
    for _, kind in ipairs { "twin", "intrinsic", "extrinsic", "boundary" } do
      local s = fcc { box = 6, rotation = ow.apt.rotation(5, 10, 15), faults = { { kind = kind, point = { 3, 3, 3 }, rotation = ow.apt.rotation(0, 0, 30) } } }
      assert.is_true(math.abs(s.n / (6 ^ 3 * 4 / a ^ 3) - 1) < 0.01)
    end
    -- across an antiphase boundary the lattice goes on, the order does not
    local ordered = { { centre = centre, radius = 9, order = "L12", occupancy = { A = { Li = 1 }, B = { Al = 1 } } } }
    local apb = fcc { matrix = { Al = 0.75, Li = 0.25 }, domains = ordered, faults = { { kind = "apb", point = centre, normal = { 0, 0, 1 }, shift = { 0.5, 0, 0.5 } } } }
    local _, d = bulk(apb, 1.1 * a)
    assert.same({ 12 }, ow.unique(count_at(d, a / math.sqrt(2))):totable())
    assert.same({ 1, 2 }, ow.unique(apb.grain):totable())
    local minority = {}
    for g = 1, 2 do
      local p = apb.positions[apb.grain:eq(g):logical_and(apb.species:eq(2))]:to "f64"
      minority[g] = ((p:slice(2, 1, 1) - 0.01) / a + 0.25):mod(1):mean()
    end
    assert.is_true(math.abs(math.abs(minority[1] - minority[2]) - 0.5) < 1e-3)
  end)

  it("lose and displace ions as told", function()
    local function make(noise, periodic)
      return ow.apt.synthetic { lattice = "fcc", a = a, box = 12, matrix = { Al = 1 }, origin = { 0.01, 0.01, 0.01 }, periodic = periodic, noise = noise,
        sigma = noise and { 0.02, 0.02, 0.005 }, seed = 5 }
    end
    local clean = make()
    for _, kind in ipairs { "gaussian", "clipped" } do
      local d = (make(kind).positions - clean.positions):to "f64"
      for k, sigma in ipairs { 0.02, 0.02, 0.005 } do
        local c = d:slice(2, k, k)
        if kind == "gaussian" then assert.is_true(math.abs(c:std() / sigma - 1) < 0.02)
        else
          assert.is_true(c:abs():max() <= sigma * 1.001)
          local _, counts = ow.unique(ow.round(c / sigma * 500):reshape(-1), { counts = true })
          assert.is_true(math.abs(counts:max() / clean.n - 0.3173) < 0.02)  -- beyond one sigma: one shared value
        end
      end
    end
    local s = ow.apt.synthetic { lattice = "fcc", a = a, box = 12, matrix = { Al = 1 }, efficiency = 0.4, seed = 6 }
    assert.is_true(math.abs(s.n / clean.n - 0.4) < 0.01)
    local p = make("gaussian", true).positions
    assert.is_true(p:min() >= 0 and p:max() < 12)
    local needle = ow.apt.synthetic { lattice = "fcc", a = 0.2, box = { 10, 10, 12 }, matrix = { Al = 1 }, needle = { radius = 2, angle = 10 } }
    local t = math.tan(math.rad(10))
    local volume = 2 / 3 * math.pi * 8 + math.pi / 3 * 10 * (4 + 2 * (2 + 10 * t) + (2 + 10 * t) ^ 2)
    assert.is_true(math.abs(needle.n * 0.2 ^ 3 / 4 / volume - 1) < 0.02)
  end)

  it("place spheres apart and shuffle species", function()
    local list = ow.apt.spheres(10, { 1, 1.5 }, { fraction = 0.2, gap = 0.3, periodic = true, seed = 3 })
    local volume = 0
    for i, s in ipairs(list) do
      volume = volume + 4 / 3 * math.pi * s.radius ^ 3
      for j = 1, i - 1 do
        local d2 = 0
        for k = 1, 3 do
          local d = math.abs(s.centre[k] - list[j].centre[k])
          d2 = d2 + math.min(d, 10 - d) ^ 2
        end
        assert.is_true(math.sqrt(d2) >= s.radius + list[j].radius + 0.3 - 1e-9)
      end
    end
    assert.is_true(volume > 180 and volume < 230)
    local s = ow.apt.synthetic { lattice = "fcc", a = a, box = 4, matrix = { Al = 0.5, Li = 0.5 }, seed = 1 }
    local t = ow.apt.shuffled(s, 2)
    assert.same(s.species:bincount():totable(), t.species:bincount():totable())
    assert.is_false(ow.equal(s.species, t.species))
    assert.is_true(ow.equal(s.positions, t.positions))
  end)

  it("name what is wrong", function()
    local good = { lattice = "fcc", a = a, box = 4, matrix = { Al = 1 } }
    local function refused(what, change)
      local spec = {}
      for k, v in pairs(good) do spec[k] = v end
      for k, v in pairs(change) do spec[k] = v end
      local ok, err = pcall(ow.apt.synthetic, spec)
      assert.is_false(ok)
      assert.matches(what, tostring(err))
    end
    refused("unknown field colour", { colour = 1 })
    refused("lattice: expected fcc", { lattice = "hcp" })
    refused("a: expected the lattice constant", { a = -1 })
    refused("box: expected", { box = 0.1 })
    refused("add up to 0.9", { matrix = { Al = 0.9 } })
    refused("L12 needs the lattice fcc", { lattice = "bcc", domains = { { order = "L12", centre = { 1, 1, 1 }, radius = 1, occupancy = { A = { Al = 1 }, B = { Al = 1 } } } } })
    refused("variant: expected 1 to 4", { domains = { { order = "L12", variant = 5, centre = { 1, 1, 1 }, radius = 1 } } })
    refused("expected positive radius", { domains = { { centre = { 1, 1, 1 }, composition = { Al = 1 } } } })
    refused("noise: expected", { noise = "pink", sigma = { 1, 1, 1 } })
    refused("efficiency", { efficiency = 2 })
    refused("parallel planes", { faults = { { kind = "twin", point = { 1, 1, 1 } }, { kind = "twin", point = { 1, 1, 1 }, normal = { 1, 1, -1 } } } })
    refused("intrinsic fault lies on", { faults = { { kind = "intrinsic", point = { 1, 1, 1 }, normal = { 1, 0, 0 } } } })
  end)
end)
