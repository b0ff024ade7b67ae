local ow = require "orowan"
local data = os.getenv "OROWAN_DATA"

-- One atom in the plane: wells at x = -1 and 1, the valley y = 1 - x^2 between them, its saddle at (0, 1).
local valley = { cutoff = 1, calls = 0 }
function valley:compute(s, options)
  self.calls = self.calls + 1
  local x, y, z = s.positions:get(1, 1), s.positions:get(1, 2), s.positions:get(1, 3)
  local u = y - (1 - x * x)
  local e = (x * x - 1) ^ 2 + 4 * u * u + 3 * z * z
  return { energy = e, forces = ow.tensor { { -4 * x * (x * x - 1) - 16 * x * u, -8 * u, -6 * z } }, stress = options and options.stress and ow.zeros { 3, 3 } or nil }
end
local function at(x, y, z) return ow.atoms.new { cell = { 20, 20, 20 }, positions = { { x, y, z or 0 } }, symbols = { "A" } } end

local function bcc(edge, cubes, types, species)
  local x, a = {}, edge / cubes
  for i = 0, cubes - 1 do
    for j = 0, cubes - 1 do
      for k = 0, cubes - 1 do
        x[#x + 1] = { i * a, j * a, k * a }
        x[#x + 1] = { (i + 0.5) * a, (j + 0.5) * a, (k + 0.5) * a }
      end
    end
  end
  if type(types) == "string" then
    local one = types
    types, species = {}, { one }
    for i = 1, #x do types[i] = 1 end
  end
  return ow.atoms.new { cell = { edge, edge, edge }, positions = x, types = types, species = species }
end

describe("structures", function()
  it("are made, changed and described", function()
    local s = ow.atoms.new { cell = { 4, 5, 6 }, positions = { { 0, 0, 0 }, { 1, 1, 1 }, { 2, 2, 3 } }, symbols = { "Mo", "Nb", "Mo" } }
    assert.equal("3 atoms (Mo 2, Nb 1), 120 A^3", tostring(s))
    assert.same({ "Mo", "Nb", "Mo" }, s:symbols())
    assert.same({ { 0.5, 0.4, 0.5 } }, s:without({ 1, 2 }):fractional():totable())
    assert.same({ { 4, 2, 3 } }, s:strained({ { 8, 0, 0 }, { 0, 5, 0 }, { 0, 0, 6 } }):without({ 1, 2 }).positions:totable())
    assert.error_matches(function() s:without(4) end, "expected 1 to 3, got 4")
    assert.error_matches(function() ow.atoms.new { cell = { 1, 1, 1 }, positions = { { 0, 0, 0 } }, types = { 2 }, species = { "A" } } end, "types: expected 1 to 1")
    assert.error_matches(function() ow.atoms.new { cell = { 1, 1, 1 }, positions = { { 0, 0, 0 } }, symbols = { "A", "B" } } end, "symbols: expected 1")
  end)
end)

describe("relaxation", function()
  it("finds a minimum by either method", function()
    for _, method in ipairs { "fire", "lbfgs" } do
      local r = ow.atoms.relax(at(0.6, 0.2, 0.1), valley, { method = method, force = 1e-6 })
      assert.is_true(r.info.converged)
      assert.is_true(r.positions:allclose(ow.tensor { { 1, 0, 0 } }, { rtol = 0, atol = 1e-6 }))
    end
    local r = ow.atoms.relax(at(0.6, 0.2), valley, { steps = 2 })
    assert.is_false(r.info.converged)
    assert.equal(2, r.info.steps)
  end)

  it("keeps frozen atoms and refuses unknown options", function()
    local r = ow.atoms.relax(at(0.6, 0.2), valley, { frozen = { 1 } })
    assert.same({ { 0.6, 0.2, 0 } }, r.positions:totable())
    assert.error_matches(function() ow.atoms.relax(at(0, 0), valley, { forces = 1 }) end, "unknown option 'forces'")
    assert.error_matches(function() ow.atoms.relax(at(0, 0), valley, { frozen = { 2 } }) end, "frozen: expected atoms 1 to 1, got 2")
  end)

  it("takes boxes to zero pressure", function()
    if not data then return pending "skipped: OROWAN_DATA not set" end
    local model = assert(ow.atoms.snap(data .. "/potentials/Ta-W-Nb-Mo.snapcoeff"))
    for _, box in ipairs { "isotropic", "full" } do
      local r = ow.atoms.relax(bcc(3.25, 1, "Mo"), model, { box = box, stress = 1e-7 })
      assert.is_true(r.info.converged)
      assert.is_true(math.abs(r.cell:get(1, 1) - 3.16669) < 2e-5)
    end
  end)
end)

describe("nudged elastic band", function()
  it("climbs to the saddle of a bent valley", function()
    for _, method in ipairs { "fire", "lbfgs" } do
      local path = ow.atoms.neb(at(-1, 0), at(1, 0), valley, { images = 6, force = 1e-4, method = method })
      assert.is_true(path.converged)
      assert.is_true(math.abs(path.forward - 1) < 1e-6 and math.abs(path.backward - 1) < 1e-6)
      assert.is_true(path.images[path.saddle].positions:allclose(ow.tensor { { 0, 1, 0 } }, { rtol = 0, atol = 1e-3 }))
    end
    local path = ow.atoms.neb(at(-1, 0), at(1, 0), valley, { steps = 3 })
    assert.is_false(path.converged)
  end)

  it("refuses ends that do not belong together", function()
    local two = ow.atoms.new { cell = { 9, 9, 9 }, positions = { { 0, 0, 0 }, { 3, 0, 0 } }, symbols = { "A", "A" } }
    assert.error_matches(function() ow.atoms.neb(at(0, 0), two, valley) end, "the ends differ")
    assert.error_matches(function() ow.atoms.vacancy_jump(two, 1, 1) end, "are the same")
    local first, last, moving = ow.atoms.vacancy_jump(ow.atoms.new { cell = { 9, 9, 9 }, positions = { { 0.5, 0, 0 }, { 8.5, 0, 0 } }, symbols = { "A", "A" } }, 1, 2)
    assert.equal(1, moving)
    assert.same({ { 8.5, 0, 0 } }, first.positions:totable())
    assert.same({ { 9.5, 0, 0 } }, last.positions:totable())  -- through the box's face
  end)

  it("gives the barriers that LAMMPS gives", function()
    if not data then return pending "skipped: OROWAN_DATA not set" end
    local model = assert(ow.atoms.snap(data .. "/potentials/Ta-W-Nb-Mo.snapcoeff"))
    local cases = ow.json.decode(assert(ow.sys.read_file(data .. "/barrier/neb_snap_lammps_20.json")))
    for _, k in ipairs { 2 } do
      local c = cases[k]
      local b = ow.atoms.vacancy_barrier(bcc(c.L, 5, c.types, { "Ta", "Nb", "Mo" }), c.vac + 1, c.moved + 1, model)
      assert.equal("ok", b.status)
      assert.is_true(math.abs(b.forward - c.EBF) < 0.002 and math.abs(b.backward - c.EBR) < 0.002)
    end
  end)
end)
