local ow = require "orowan"
local compare = dofile "spec/support/compare.lua"
local message = compare.message
local data = os.getenv "OROWAN_DATA"

-- Heights above 0 at which there are neighbours.
local function heights(sdm)
  local list = {}
  for i, c in ipairs(sdm.counts) do
    if c > 0 and sdm.z[i] > sdm.bin then
      if #list == 0 or sdm.z[i] - list[#list] > 2.5 * sdm.bin then list[#list + 1] = sdm.z[i] end
    end
  end
  return list
end

describe("z-SDM of an ideal L1_2 crystal", function()
  if not data then
    pending "skipped: OROWAN_DATA not set"
    return
  end
  local ions, species
  setup(function()
    ions = assert(ow.apt.read(data .. "/apt/cubicTestSmall.pos"))
    species = ions.mass:round():to "i64" -- 1: three quarters, 2: the other quarter
  end)
  local a = 0.405
  local function seen(direction, from, to, lateral)
    return heights(ow.apt.z_sdm(ions.positions, species, { direction = direction, from = from, to = to, lateral = lateral, z_max = 0.62, bin = 0.002 }))
  end
  local function close(want, got)
    assert.equal(#want, #got)
    for k, v in ipairs(want) do assert.is_true(math.abs(v - got[k]) <= 0.0025, ("%g instead of %g"):format(got[k], v)) end
  end

  -- Along <110> the species of the corners repeats at sqrt(2) a; its neighbours half-way are
  -- a / sqrt(2) aside, those of any species a quarter of the way sqrt(3/8) a aside.
  it("along <110> doubles its spacing only in narrow lateral windows", function()
    local d = a / math.sqrt(2)
    for _, lateral in ipairs { 0.05, 0.15, 0.28 } do close({ 2 * d }, seen({ 1, 1, 0 }, 2, 2, lateral)) end
    for _, lateral in ipairs { 0.29, 0.4 } do close({ d, 2 * d }, seen({ 1, 1, 0 }, 2, 2, lateral)) end
    for _, lateral in ipairs { 0.05, 0.15, 0.24 } do close({ d, 2 * d }, seen({ 1, 1, 0 }, 1, 1, lateral)) end
    close({ d / 2, d, 1.5 * d, 2 * d }, seen({ 1, 1, 0 }, 1, 1, 0.25))
    close({ d }, seen({ 1, 1, 0 }, 1, 2, 0.15))
  end)

  it("along <100> has planes every a / 2 or every a", function()
    close({ a }, seen({ 1, 0, 0 }, 1, 1, 0.15))
    close({ a / 2, a, 1.5 * a }, seen({ 1, 0, 0 }, 1, 1, 0.21))
    close({ a }, seen({ 1, 0, 0 }, 2, 2, 0.28))
    close({}, seen({ 1, 0, 0 }, 1, 2, 0.15))
    close({ a / 2, 1.5 * a }, seen({ 1, 0, 0 }, 1, 2, 0.21))
    local sdm = ow.apt.z_sdm(ions.positions, species, { direction = { 0, 0, 1 }, lateral = 0.21, z_max = 1.5, bin = 0.005 })
    local d, _, amplitude = ow.apt.sdm_spacing(sdm)
    compare.close(a / 2, d, 5e-4)
    assert.is_true(amplitude > 0.98)
  end)

  it("has all its low-index planes found, with their spacings", function()
    local p = ow.apt.poles(ions.positions, { spacing = { 0.17, 0.3 }, count = 7, sub_volumes = 4, seed = 2 })
    assert.equal(7, #p.poles) -- 4 {111}, 3 {200}
    local counts = { 0, 0 }
    for _, pole in ipairs(p.poles) do
      local v, hkl = pole.direction, {}
      for k = 1, 3 do hkl[k] = math.abs(v[k]) * a / pole.spacing end
      table.sort(hkl)
      if hkl[1] > 0.5 then
        counts[1] = counts[1] + 1
        compare.close({ 1, 1, 1 }, hkl, 0.01)
        compare.close(a / math.sqrt(3), pole.spacing, 2e-5)
      else
        counts[2] = counts[2] + 1
        compare.close({ 0, 0, 2 }, hkl, 0.01)
        compare.close(a / 2, pole.spacing, 2e-5)
      end
      assert.is_true(pole.coherence > 0.999 and pole.p < 1e-6)
    end
    assert.same({ 4, 3 }, counts)
  end)
end)

describe("spatial distribution maps", function()
  local s
  setup(function()
    s = ow.apt.synthetic { lattice = "fcc", a = 0.405, box = 9, matrix = { Al = 0.75, Li = 0.25 }, rotation = ow.apt.rotation(2, -3, 30), efficiency = 0.5, seed = 2,
      noise = "gaussian", sigma = { 0.25, 0.25, 0.03 } }
  end)

  it("count every pair once from either side", function()
    local n = s.n
    local z = ow.apt.z_sdm(s.positions, s.species, { lateral = 0.3, z_max = 0.8, bin = 0.02 })
    for i = 1, #z.z do
      assert.is_true(math.abs(z.counts[i] - z.counts[#z.z + 1 - i]) <= 2) -- but for rounding at the edges of bins
      assert.equal(z.counts[i], z.all[i])
      compare.close(1, z.ratio[i], 1e-12)
    end
    local v = ow.apt.volume_sdm(s.positions, s.species, { extent = 0.4, bin = 0.1 })
    assert.same({ 9, 9, 9 }, v:shape())
    local near = ow.core.clusters.pairs("t", s.positions, ow.ones({ n }, "u8"), ow.zeros({ n }, "u8"), 1, { radial = true, reach = { 0.45 }, bins = { 1 } })
    assert.is_true(v:sum() > near:sum())
    local map, middles = ow.apt.lateral_sdm(s.positions, s.species, { extent = 0.5, bin = 0.1, thickness = 0.1 })
    assert.same({ 11, 11 }, map:shape())
    compare.close(0, middles[6], 1e-12)
    assert.is_true(math.abs(map:sum() - map:transpose(1, 2):contiguous():sum()) == 0)
  end)

  it("find the pole of a blurred crystal with its error", function()
    local p = ow.apt.poles(s.positions, { tilt = 20, spacing = { 0.18, 0.4 }, seed = 3, radius = 2.2 })
    local pole = p.poles[1]
    assert.is_true(pole.p < 1e-6 and pole.power > 5 * p.threshold)
    assert.is_true(math.abs(pole.spacing - 0.2025) < 4 * pole.spacing_error and pole.spacing_error < 5e-4)
    local R, along = s.rotation, 0
    for k = 1, 3 do along = along + R[k][3] * pole.direction[k] end
    assert.is_true(math.deg(math.acos(math.min(1, along))) < 4 * pole.direction_error + 0.05)
    local z = ow.apt.z_sdm(s.positions, s.species, { direction = pole.direction, lateral = 0.5, z_max = 1.5 })
    local d, err = ow.apt.sdm_spacing(z)
    assert.is_true(math.abs(d - 0.2025) < 0.002 and err > 0)
    local li = ow.apt.z_sdm(s.positions, s.species, { direction = pole.direction, lateral = 0.5, from = "Li", names = s.names, bin = 0.02, z_max = 0.6, relabellings = 63 })
    assert.is_true(li.p > 0.02) -- no order
    assert.is_true(li.low[20] < li.ratio[20] and li.ratio[20] < li.high[20] + 4 * li.null_sd[20])
  end)

  it("find no pole among points at random", function()
    local found = 0
    for i = 1, 4 do
      local x = (ow.rng(i):uniform({ 4000, 3 }) * 8):to("f32", { unchecked = true })
      local p = ow.apt.poles(x, { tilt = 30, spacing = { 0.2, 0.4 }, sub_volumes = 4, null = i == 1 and 2 or 0, seed = i })
      found = found + #p.poles
      if i == 1 then assert.is_true(p.null_power[1] < 1.3 * p.threshold and p.coarse_power < 1.3 * p.threshold) end
    end
    assert.equal(0, found)
  end)

  it("sum the structure factor as a plain sum, at any thread count", function()
    local threads = ow.core.system.threads()
    finally(function() ow.core.system.threads(threads) end)
    local x = (ow.rng(1):uniform({ 333, 3 }) * 6 - 3):to("f32", { unchecked = true })
    local u = ow.rng(2):normal({ 9, 3 })
    u = u / u:square():sum(2):sqrt():unsqueeze(2)
    local first
    for t = 1, 2 do
      ow.core.system.threads(t)
      local p = ow.core.clusters.plane_power("t", x, u, 1.5, 0.05, 40)
      first = first or p
      assert.is_true(first:equal(p))
    end
    for k = 1, 40, 13 do
      local phase = x:to("f64"):matmul(u:transpose(1, 2)) * (2 * math.pi * (1.5 + (k - 1) * 0.05))
      local want = (phase:cos():sum(1):square() + phase:sin():sum(1):square()) / 333
      compare.close(want, first:select(2, k), 2e-3)
    end
  end)

  it("refuse what they cannot do", function()
    assert.matches("z_sdm: lateral: expected a finite number above 0", message(ow.apt.z_sdm, s.positions, s.species, { lateral = 0 }))
    assert.matches("direction: expected a finite vector", message(ow.apt.z_sdm, s.positions, s.species, { direction = { 0, 0, 0 } }))
    assert.matches("species: expected labels when from", message(ow.apt.z_sdm, s.positions, nil, { from = 1 }))
    assert.matches("spacing: expected {least, largest}", message(ow.apt.poles, s.positions, { spacing = { 3, 1 } }))
    assert.matches("at least 50 ions", message(ow.apt.poles, s.positions:slice(1, 1, 10)))
  end)
end)
