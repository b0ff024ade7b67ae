local ow = require "orowan"
local files = dofile "spec/support/files.lua"

local data = os.getenv "OROWAN_DATA"
local there = ow.sys.which "lmp"
local lj = { style = "lj/cut 6.0", coeff = { "* * 0.4 2.3" } }

local function sample(turned)
  local s = ow.atoms.lattice("bcc", { a = 2.86, matrix = turned and { { 0, 3, 0 }, { 0, 1, 3 }, { 3, 0, 0 } } or nil, size = turned and 1 or 3, species = "Fe" })
  s.positions = s.positions + ow.rng(1):normal { s.n, 3 } * 0.1
  return s
end

describe("LAMMPS as a child process", function()
  teardown(files.remove)

  it("agrees with our EAM, relaxed too", function()
    if not there or not data then return pending(there and "skipped: OROWAN_DATA not set" or "skipped: LAMMPS is not installed") end
    local fe = { style = "eam/fs", file = data .. "/potentials/Fe_mm.eam.fs" }
    local m, s = assert(ow.atoms.eam(fe.file)), sample(true)
    local a, b = assert(ow.atoms.lammps(s, { potential = fe })), m:compute(s, { stress = true })
    assert.is_true(math.abs(a.energy - b.energy) < 1e-9)
    assert.is_true((a.forces - b.forces):abs():max() < 1e-10)
    assert.is_true((a.stress - b.stress):abs():max() < 1e-7)
    s = sample(true)
    local q, z = assert(ow.atoms.lammps(s, { potential = fe, task = "minimise", force = 1e-3, box = "isotropic" })),
      ow.atoms.relax(s, m, { box = "isotropic", force = 1e-3, stress = 1e-6 })
    assert.is_true(math.abs(q.energy - z.info.energy) < 1e-5)
    assert.is_true(math.abs(q.structure:volume() - z:volume()) < 0.01)
    local stays = assert(ow.atoms.lammps(s, { potential = fe, task = "minimise", frozen = { 3, 1, 2, 9 } })).structure
    local shift = (stays.positions - s.positions):abs():max(2)
    for i = 1, s.n do assert.equal(i <= 3 or i == 9, shift:get(i) < 1e-12) end
  end)

  it("takes slabs and clusters, whose atoms need not lie in their box", function()
    if not there then return pending "skipped: LAMMPS is not installed" end
    local m = ow.atoms.zbl({ "Fe" }, 3, 4)
    local s = ow.atoms.lattice("bcc", { a = 2.86, matrix = { { 0, 3, 0 }, { 0, 1, 3 }, { 3, 0, 0 } }, species = "Fe", periodic = { true, false, false } })
    s.positions = s.positions - 1.3
    local a, b = assert(ow.atoms.lammps(s, { potential = { style = "zbl 3.0 4.0", coeff = { "1 1 26 26" } } })), m:compute(s)
    assert.is_true(math.abs(a.energy - b.energy) < 1e-7)
    assert.is_true((a.forces - b.forces):abs():max() < 1e-7)
    assert.is_true((a.structure.positions - s.positions):abs():max() < 1e-12)
    assert.is_true((a.structure.cell - s.cell):abs():max() < 1e-12)
  end)

  it("agrees with our screened nuclear repulsion, whatever the orientation of the box", function()
    if not there then return pending "skipped: LAMMPS is not installed" end
    local s = sample(true)
    local a, b = assert(ow.atoms.lammps(s, { potential = { style = "zbl 3.0 4.0", coeff = { "1 1 26 26" } } })), ow.atoms.zbl({ "Fe" }, 3, 4):compute(s, { stress = true })
    assert.is_true(math.abs(a.energy - b.energy) < 1e-7)
    assert.is_true((a.forces - b.forces):abs():max() < 1e-7)
    assert.is_true((a.stress - b.stress):abs():max() < 1e-6)
    assert.is_true((a.structure.positions - s.positions):abs():max() < 1e-12)
    assert.is_true((a.structure.cell - s.cell):abs():max() < 1e-12)
  end)

  it("runs dynamics that conserve energy or hold a temperature", function()
    if not there then return pending "skipped: LAMMPS is not installed" end
    local s = ow.atoms.lattice("fcc", { a = 3.55, size = 3, species = "Fe" })
    local r = assert(ow.atoms.lammps(s, { potential = lj, commands = { "pair_modify shift yes" }, task = "md", ensemble = "nve", temperature = 200, steps = 400, every = 50, frames = 200, keep = files.at "run" }))
    assert.same({ 9 }, r.thermo.etotal:shape())
    assert.is_true(r.thermo.etotal:max() - r.thermo.etotal:min() < 0.01, tostring(r.thermo.etotal:max() - r.thermo.etotal:min()))
    assert.equal(3, #r.frames)
    assert.is_true((r.frames[1].positions - s.positions):abs():max() < 1e-12)
    assert.is_true((r.frames[3].positions - r.structure.positions):abs():max() < 1e-12)
    assert.is_true(ow.sys.exists(files.at "run/in.script"))
    local t = assert(ow.atoms.lammps(s, { potential = lj, task = "md", ensemble = "langevin", temperature = 150, damping = 0.02, steps = 3000, every = 20, seed = 5 })).thermo.temp
    -- 108 atoms: the temperature of one row scatters by 150 sqrt(2 / 324) = 12 K; 100 rows, partly correlated
    assert.is_true(math.abs(t:slice(1, 52, -1):mean() - 150) < 10)
  end)

  it("says what went wrong", function()
    local s = sample()
    local r, err = ow.atoms.lammps(s, { potential = lj, program = "no-such-lammps" })
    assert.is_nil(r)
    assert.matches("found no program 'no%-such%-lammps' %(Debian: apt%-get install lammps", tostring(err))
    for pattern, o in pairs { ["potential: expected"] = {}, ["did you mean 'task'"] = { potential = lj, tesk = 1 }, ["task: expected energy, minimise or md, got dance"] = { potential = lj, task = "dance" },
      ["frozen: expected atoms 1 to 54, got 99"] = { potential = lj, frozen = { 99 } }, ["of one line"] = { potential = { style = "lj\nshell rm" } }, ["there is no /none"] = { potential = { style = "eam", file = "/none" } },
      ["temperature: expected a number"] = { potential = lj, task = "md", temperature = -1 } } do
      assert.error_matches(function() ow.atoms.lammps(s, o) end, pattern)
    end
    assert.error_matches(function() ow.atoms.lammps(ow.atoms.lattice("bcc", { a = 3, species = "Xx" }), { potential = lj }) end, "no mass is known for one of Xx")
    if not there then return end
    r, err = ow.atoms.lammps(s, { potential = { style = "nonsense", coeff = { "* *" } } })
    assert.is_nil(r)
    assert.matches("LAMMPS stopped: ERROR: Unrecognized pair style 'nonsense'.*at: pair_style nonsense", tostring(err))
  end)
end)
