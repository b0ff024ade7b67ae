local ow = require "orowan"

local snap_name <const> = "SNAP_LiChenZheng_2019_NbTaWMo__MO_560387080449_000"
local data = os.getenv "OROWAN_DATA"
local models, version = ow.atoms.kim_models()

-- Opens a model or says why the spec is skipped.
local function open(name)
  if not models then return nil, "skipped: " .. tostring(version) end
  local m, err = ow.atoms.kim(name)
  return m, "skipped: " .. tostring(err)
end

local function alloy(seed)
  local s = ow.atoms.random(ow.atoms.lattice("bcc", { a = 3.25, size = 3, species = "Mo" }), { Nb = 0.25, Mo = 0.25, Ta = 0.25, W = 0.25 }, { seed = seed })
  s = s:strained(s.cell:matmul { { 1, 0.02, 0 }, { 0, 1.01, 0 }, { 0.01, 0.03, 1 } })
  s.positions = s.positions + ow.rng(seed):normal { s.n, 3 } * 0.1
  return s
end

describe("KIM", function()
  it("computes the SNAP of Nb-Mo-Ta-W as our kernel does", function()
    local m, why = open(snap_name)
    if not m or not data then return pending(m and "skipped: OROWAN_DATA not set" or why) end
    local ours = assert(ow.atoms.snap(data .. "/potentials/Ta-W-Nb-Mo.snapcoeff"))
    for seed = 1, 2 do
      local s = alloy(seed)
      local a, b = ours:compute(s, { stress = true }), m:compute(s, { stress = true })
      assert.is_true(math.abs(a.energy - b.energy) / s.n < 1e-10)  -- the model has no repulsion added
      assert.is_true((a.energies - b.energies):abs():max() < 1e-10)
      assert.is_true((a.forces - b.forces):abs():max() < 1e-10)
      assert.is_true((a.stress - b.stress):abs():max() < 1e-12)
      -- a list with more pairs changes nothing; a box smaller than the cutoff is fine
      assert.is_true((m:compute(s, { pairs = s:pairs(m.cutoff + 1) }).forces - b.forces):abs():max() < 1e-10)
      local tiny = ow.atoms.new { cell = { 3.2, 3.3, 3.4 }, positions = { { 0, 0, 0 }, { 1.7, 1.6, 1.65 } }, symbols = { "Ta", "Nb" } }
      assert.is_true((ours:compute(tiny).forces - m:compute(tiny).forces):abs():max() < 1e-10)
    end
  end)

  it("computes the SNAP of tantalum with its nuclear repulsion as ours do", function()
    local m, why = open "SNAP_ThompsonSwilerTrott_2015_Ta__MO_359768485367_000"
    if not m or not data then return pending(m and "skipped: OROWAN_DATA not set" or why) end
    local ours = ow.atoms.overlay { assert(ow.atoms.snap(data .. "/potentials/lammps_snap_ref/Ta06A.snapcoeff")), ow.atoms.zbl({ "Ta" }, 4, 4.8) }
    local s = ow.atoms.lattice("bcc", { a = 3.316, size = 2, species = "Ta" })
    s.positions = s.positions + ow.rng(2):normal { s.n, 3 } * 0.1
    local a, b = ours:compute(s), m:compute(s)
    assert.is_true(math.abs(a.energy - b.energy) / s.n < 1e-6)
    assert.is_true((a.forces - b.forces):abs():max() < 1e-5)
  end)

  it("computes Mendelev's iron as our EAM does", function()
    local m, why = open "EAM_Dynamo_MendelevHanSrolovitz_2003Potential2_Fe__MO_769582363439_005"
    if not m or not data then return pending(m and "skipped: OROWAN_DATA not set" or why) end
    local ours = assert(ow.atoms.eam(data .. "/potentials/Fe_mm.eam.fs"))
    local s = ow.atoms.lattice("bcc", { a = 2.86, size = 3, species = "Fe" })
    s.positions = s.positions + ow.rng(1):normal { s.n, 3 } * 0.1
    local a, b = ours:compute(s, { stress = true }), m:compute(s, { stress = true })
    -- the tables of the two files differ in their last digits
    assert.is_true(math.abs(a.energy - b.energy) / s.n < 1e-4)
    assert.is_true((a.forces - b.forces):abs():max() < 1e-3)
    assert.is_true((a.stress - b.stress):abs():max() < 1e-4)
  end)

  it("gives forces and stress that are derivatives, for models that ask for neighbours of images too", function()
    if ow.core.system.build().sanitized then return pending "skipped: the MEAM driver frees by the wrong operator, which the sanitizer refuses" end
    local m, why = open "MEAM_LAMMPS_AsadiZaeemNouranian_2015_Fe__MO_492310898779_000"
    if not m then return pending(why) end
    local s, h = ow.atoms.lattice("bcc", { a = 2.87, size = 2, species = "Fe" }), 1e-4
    s.positions = s.positions + ow.rng(1):normal { s.n, 3 } * 0.05
    local r = m:compute(s, { stress = true })
    local function moved(by)
      local x = s.positions:copy()
      x:set(5, 2, x:get(5, 2) + by)
      return m:compute(s:with { positions = x }).energy
    end
    assert.is_true(math.abs((moved(-h) - moved(h)) / (2 * h) - r.forces:get(5, 2)) < 1e-5)
    local function strained(by) return m:compute(s:strained(s.cell:matmul { { 1 + by, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } })).energy end
    assert.is_true(math.abs((strained(h) - strained(-h)) / (2 * h) / s:volume() - r.stress:get(1, 1)) < 1e-6)
    assert.is_true(r.forces:sum(1):abs():max() < 1e-9)
  end)

  it("says what is missing", function()
    if not models then
      assert.matches("apt%-get install libkim%-api%-dev", tostring(version))
      local m, err = ow.atoms.kim "x"
      assert.is_nil(m)
      assert.matches("KIM API", tostring(err))
      return
    end
    assert.is_string(version)
    if #models == 0 then return end
    local m, err = ow.atoms.kim(models[1]:sub(1, -3) .. "99")
    assert.is_nil(m)
    assert.matches("no model .* is installed %(did you mean '" .. models[1]:gsub("%p", "%%%0") .. "'", tostring(err))
    assert.same({}, (ow.atoms.kim_models "no such name"))
    m = open(snap_name)
    if not m then return pending "skipped: model not installed" end
    assert.equal(snap_name, assert(ow.atoms.kim "MO_560387080449_000").name)
    assert.error_matches(function() m:compute(ow.atoms.lattice("bcc", { a = 3, species = "Fe" })) end, "has no Fe %(it has Nb, Mo, Ta, W%)")
    m:close()
    assert.error_matches(function() m:compute(alloy(1)) end, "closed")
  end)
end)
