local ow = require "orowan"
local files = dofile "spec/support/files.lua"
local apt = ow.apt

describe("NeXus files of atom probe data", function()
  teardown(files.remove)

  local g = ow.rng(7)
  local positions, mass = g:uniform({ 1000, 3 }, "f32") * 20, g:uniform({ 1000 }, "f32") * 60
  local ranges = apt.ranges { { 27.9, 28.2, "Si" }, { 13.9, 14.1, "Si", volume = 0.02 }, { 43.8, 44.3, "SiO", colour = "00FF00" } }

  it("come back as they were written, by slabs too", function()
    local path = files.at "a.nxs"
    assert(apt.write_nexus(path, { positions = positions, mass = mass }, { ranges = ranges, title = "needle 3" }))
    local ions = assert(apt.read(path))
    assert.is_true(ions.positions:equal(positions) and ions.mass:equal(mass))
    local file <close> = assert(apt.open(path))
    assert.equal("nxapm", file.format)
    assert.equal(1000, file.n)
    assert.is_true(file:read({ "x", "z" }, 11, 5):equal(ow.stack({ positions:select(2, 1):slice(1, 11, 15), positions:select(2, 3):slice(1, 11, 15) }, 2)))
    local n = 0
    for first, p, m in file:slabs(300) do
      assert.is_true(p:equal(positions:slice(1, first, first + p:shape(1) - 1)))
      n = n + m:shape(1)
    end
    assert.equal(1000, n)
    local back = assert(apt.read_ranges(path))
    assert.equal(tostring(ranges), tostring(back))
    assert.is_true(back:assign(mass):equal(ranges:assign(mass)))
    assert.equal(0.02, back.list[1].volume)
    assert.same({ { "Si", 1 }, { "O", 1 } }, back.ions[back.list[3].ion].atoms)
  end)

  it("stream from an open reconstruction", function()
    local pos, path = files.at "b.pos", files.at "b.nxs"
    assert(apt.write_pos(pos, positions, mass))
    local file <close> = assert(apt.open(pos))
    assert(apt.write_nexus(path, file))
    local ions = assert(apt.read(path))
    assert.is_true(ions.positions:equal(positions) and ions.mass:equal(mass))
    local _, err = apt.read_ranges(path)
    assert.matches("peak_identification", tostring(err))
  end)

  it("follow NXapm: classes, units and the hash of nuclides", function()
    local path = files.at "c.nxs"
    assert(apt.write_nexus(path, { positions = positions, mass = mass }, { ranges = ranges }))
    local h = assert(ow.io.h5_open(path, "r"))
    assert.equal("NXapm", h:read "entry1/definition")
    for group, class in pairs { entry1 = "NXentry", ["entry1/atom_probe/reconstruction"] = "NXapm_reconstruction", ["entry1/atom_probe/ranging"] = "NXapm_ranging",
      ["entry1/atom_probe/ranging/peak_identification/ion1"] = "NXatom" } do
      assert.equal(class, h:attr(group, "NX_class"))
    end
    assert.equal("nm", h:attr("entry1/atom_probe/reconstruction/reconstructed_positions", "units"))
    local hash = h:read "entry1/atom_probe/ranging/peak_identification/ion2/nuclide_hash"
    assert.same({ 14 + 255 * 256, 8 + 255 * 256, 0 }, { hash:get(1), hash:get(2), hash:get(3) })
    h:close()
  end)

  it("convert units of length, and decode ions from names or hashes", function()
    local path = files.at "d.nxs"
    local h = assert(ow.io.h5_open(path, "w"))
    h:write("entry/probe/reconstruction/reconstructed_positions", positions * 10):attr("entry/probe/reconstruction/reconstructed_positions", "units", "angstrom")
    local peaks = "entry/probe/ranging/peak_identification/"
    h:write(peaks .. "ion1/name", "56Fe ++"):write(peaks .. "ion1/mass_to_charge_range", ow.tensor({ { 27.9, 28.1 } }, "f64"))
    h:write(peaks .. "ion1/nuclide_hash", ow.tensor({ 26 + 30 * 256, 0 }, "i32"))
    h:write(peaks .. "ion2/name", "Al+++"):write(peaks .. "ion2/mass_to_charge_range", ow.tensor({ { 8.9, 9.1 } }, "f64"))
    h:close()
    local ions = assert(apt.read(path))
    assert.is_nil(ions.mass)
    assert.is_true(ions.positions:allclose(positions, { rtol = 1e-6 }))
    assert.equal("ranges: 2 of 2 ions (Fe, Al)", tostring(assert(apt.read_ranges(path))))
  end)

  it("are refused with a reason", function()
    local path = files.at "e.nxs"
    local h = assert(ow.io.h5_open(path, "w"))
    h:write("x", 1):close()
    local _, err = apt.open(path)
    assert.matches("expected ENTRY/atom_probe/reconstruction/reconstructed_positions", tostring(err))
    h = assert(ow.io.h5_open(path, "w"))
    h:write("entry/probe/reconstruction/reconstructed_positions", positions):attr("entry/probe/reconstruction/reconstructed_positions", "units", "parsec")
    h:close()
    assert.matches("unknown unit of length 'parsec'", tostring(select(2, apt.open(path))))
    assert.matches("[Nn]o such file", tostring(select(2, apt.open(files.at "none.nxs"))))
    assert.has_error(function() apt.write_nexus(path, {}) end, "apt.write_nexus: source: expected an open file or a table with positions [n, 3] and mass [n]")
  end)
end)
