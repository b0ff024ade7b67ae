local ow = require "orowan"
local files = dofile "spec/support/files.lua"
local text = require "orowan.atoms.text"

local function file(name, content) return files.spit(files.at(name), content) end

local function same(a, b, tolerance)
  assert.equal(a.n, b.n)
  assert.same(a:symbols(), b:symbols())
  assert.same(a.periodic, b.periodic)
  assert.is_true((a.cell - b.cell):abs():max() <= tolerance)
  assert.is_true((a.positions - b.positions):abs():max() <= tolerance)
end

local function sample()
  local g = ow.rng(8)
  local s = ow.atoms.random(ow.atoms.lattice("bcc", { a = 3.24, size = { 3, 4, 5 }, species = "Mo" }), { Nb = 0.3, Mo = 0.3, Ta = 0.4 }, { seed = 1 })
  s = s:strained { { 9.7, 0, 0 }, { 1.1, 13, 0 }, { -0.7, 2.2, 16 } }
  s.positions = s.positions + g:normal { s.n, 3 } * 0.1
  s.info = { energy = -12.5, comment = "a sample", arrays = { forces = g:normal { s.n, 3 }, velocities = g:normal { s.n, 3 }, tag = g:integers(1, 9, { s.n }) } }
  return s
end

describe("files of structures", function()
  teardown(files.remove)

  it("give back what was written", function()
    local s = sample()
    for ending, tolerance in pairs { xyz = 0, h5 = 0, lmp = 0, dump = 0 } do
      local path = files.at("x." .. ending)
      assert(ow.atoms.write(path, s))
      local r = assert(ow.atoms.read(path, { species = (ending == "lmp" or ending == "xyz") and s.species or nil }))
      same(s, r, tolerance)
      if ending == "xyz" or ending == "h5" then
        assert.equal(-12.5, r.info.energy)
        assert.equal("a sample", r.info.comment)
        assert.is_true(r.info.arrays.tag:equal(s.info.arrays.tag))
      end
      if ending ~= "lmp" then assert.is_true(r.info.arrays.forces:equal(s.info.arrays.forces)) end
      assert.is_true(r.info.arrays.velocities:equal(s.info.arrays.velocities))
    end
    assert.same(s:symbols(), ow.atoms.read(files.at "x.lmp"):symbols())  -- elements by the masses
    local path = files.at "POSCAR"
    assert(ow.atoms.write(path, s))
    local r = assert(ow.atoms.read(path))
    local order = s.types:argsort()
    same(s:with { positions = s.positions[order], types = s.types[order] }, r, 1e-12)
    local frames = { s, s:with { info = { step = 70 } }, s:without { 1, -1 } }
    for _, ending in ipairs { "xyz", "dump", "h5" } do
      path = files.at("frames." .. ending)
      assert(ow.atoms.write(path, frames))
      local all = assert(ow.atoms.read(path, { frame = "all" }))
      assert.equal(3, #all)
      same(frames[3], assert(ow.atoms.read(path, { frame = -1 })), 0)
      if ending == "dump" then assert.equal(70, all[2].info.step) end
    end
  end)

  it("turn boxes as LAMMPS wants them", function()
    local s = ow.atoms.lattice("bcc", { a = 3, matrix = { { 0, 2, 0 }, { 0, 0, 3 }, { 1, 0, 0 } }, species = "Fe" })
    for _, ending in ipairs { "lmp", "dump" } do
      local path = files.at("turned." .. ending)
      assert(ow.atoms.write(path, s))
      local r = assert(ow.atoms.read(path))
      assert.same({ { 6, 0, 0 }, { 0, 9, 0 }, { 0, 0, 3 } }, r.cell:round():totable())
      assert.is_true(r:fractional():allclose(s:fractional(), { atol = 1e-12 }))
    end
    local left = ow.atoms.new { cell = { { 0, 1, 0 }, { 1, 0, 0 }, { 0, 0, 1 } }, positions = { { 0, 0, 0 } }, symbols = { "Fe" } }
    assert.error_matches(function() ow.atoms.write(files.at "l.lmp", left) end, "left%-handed")
  end)

  it("of LAMMPS are read in the forms that it writes", function()
    local s = assert(ow.atoms.read(file("full.data", "LAMMPS data file via write_data\n\n3 atoms\n2 atom types\n1 bonds\n1 bond types\n\n-1 9 xlo xhi\n0 10 ylo yhi\n0 10 zlo zhi\n" ..
      "\nMasses\n\n1 58.6934\n2 26.98154 # Al\n\nPair Coeffs # lj\n\n1 1 1\n2 1 1\n\nAtoms # full\n\n3 1 2 0.5 1 2 3 0 0 1\n1 1 1 0.0 0 0 0 0 0 0\n2 2 1 -0.5 5 5 5 0 0 0\n" ..
      "\nVelocities\n\n2 2 2 2\n1 1 1 1\n3 3 3 3\n\nBonds\n\n1 1 1 2\n")))
    assert.same({ "Ni", "Ni", "Al" }, s:symbols())
    assert.same({ { 1, 0, 0 }, { 6, 5, 5 }, { 2, 2, 3 } }, s.positions:totable())
    assert.same({ { 1, 1, 1 }, { 2, 2, 2 }, { 3, 3, 3 } }, s.info.arrays.velocities:totable())
    assert.same({ 0, -0.5, 0.5 }, s.info.arrays.charge:totable())
    assert.same({ 0, 0, 1 }, s.info.arrays.image[3]:totable())
    local d = assert(ow.atoms.read(file("a.dump", "ITEM: TIMESTEP\n100\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS xy xz yz pp ff pp\n-1 14 2\n0 13 1\n0 10 3\n" ..
      "ITEM: ATOMS id type xs ys zs c_pe\n7 1 0.5 0.5 0.5 -3\n2 2 0 0 0 -4\n"), { species = { "A", "B" } }))
    -- the bounds enclose the box: 11 + max(0, 2, 1, 3) wide, from -1
    assert.same({ { 12, 0, 0 }, { 2, 10, 0 }, { 1, 3, 10 } }, d.cell:totable())
    assert.same({ { 0, 0, 0 }, { 7.5, 6.5, 5 } }, d.positions:totable())
    assert.same({ "B", "A" }, d:symbols())
    assert.same({ true, false, true }, d.periodic)
    assert.same({ -4, -3 }, d.info.arrays.c_pe:totable())
    -- two types of one element
    local two = assert(ow.atoms.read(file("two.lmp", "x\n\n2 atoms\n2 atom types\n0 1 xlo xhi\n0 1 ylo yhi\n0 1 zlo zhi\n\nMasses\n\n1 95.95\n2 95.95\n\nAtoms\n\n1 1 0 0 0\n2 2 .5 .5 .5\n")))
    assert.same({ Mo = 2 }, two:counts())
    assert.same({ 1, 2 }, two.info.arrays.type:totable())
  end)

  it("of VASP are read with scale, selective dynamics and both kinds of coordinates", function()
    local head = "comment\n%s\n2 0 0\n0 2 0\n0 0 4\n"
    local c = assert(ow.atoms.read(file("POSCAR.c", head:format "1.5" .. "Nb_pv Mo\n1 1\nCartesian\n0 0 0\n1 1 2\n\n0 0 0\n0 0 0\n")))
    assert.same({ "Nb", "Mo" }, c:symbols())
    assert.same({ 1.5, 1.5, 3 }, c.positions[2]:totable())
    local v = assert(ow.atoms.read(file("CONTCAR.v", head:format "-128" .. "Nb\n1\nSelective dynamics\nDirect\n.5 .5 .5 T F T Nb\n")))
    assert.is_true(math.abs(v:volume() - 128) < 1e-9)
    assert.same({ { 1, 0, 1 } }, v.info.arrays.move:totable())
    assert(ow.atoms.write(files.at "again.poscar", v))
    assert.same({ { 1, 0, 1 } }, ow.atoms.read(files.at "again.poscar").info.arrays.move:totable())
    assert.same({ "W" }, assert(ow.atoms.read(file("POSCAR.4", head:format "1" .. "1\nDirect\n0 0 0\n"), { species = { "W" } })):symbols())
  end)

  it("of plain and extended XYZ are read", function()
    local m = assert(ow.atoms.read(file("w.xyz", "3\nwater\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n")))
    assert.equal("water", m.info.comment)
    assert.same({ false, false, false }, m.periodic)
    local e = assert(ow.atoms.read(file("e.xyz", "1\nProperties=species:S:1:pos:R:3:Z:I:1:move_mask:L:1 Lattice=\"1 0 0 0 2 0 0 0 3\" pbc=\"T F T\" energy=-1.5 " ..
      "name='x y' list={1 2 3} flag\nCu 0 0 0 29 T\n")))
    assert.same({ true, false, true }, e.periodic)
    assert.equal(-1.5, e.info.energy)
    assert.equal("x y", e.info.name)
    assert.same({ 1, 2, 3 }, e.info.list)
    assert.is_true(e.info.flag)
    assert.same({ 29 }, e.info.arrays.Z:totable())
  end)

  it("name the line where they are broken", function()
    local function wrong(pattern, name, content, options)
      local s, err = ow.atoms.read(file(name, content), options)
      assert.is_nil(s)
      assert.matches(pattern, tostring(err))
    end
    wrong("a.xyz: line 1: expected the number of atoms", "a.xyz", "x\n")
    wrong("line 5: the file ends, 1 more rows were expected", "b.xyz", "3\n\nO 0 0 0\nH 1 1 1\n")
    wrong("line 4: column 3: expected a number, found 'q'", "c.xyz", "2\n\nO 0 0 0\nH 1 q 1\n")
    wrong("line 4: expected 4 columns, found 3", "d.xyz", "2\n\nO 0 0 0\nH 1 1\n")
    wrong("line 2: Lattice: expected nine numbers", "e.xyz", "1\nLattice=\"1 0 0\"\nO 0 0 0\n")
    wrong("line 2: Properties: expected", "f.xyz", "1\nProperties=species:S:1:pos:Q:3\nO 0 0 0\n")
    wrong("line 1: the file is empty", "POSCAR", "")
    wrong("line 8: expected Direct or Cartesian", "POSCAR", "c\n1\n1 0 0\n0 1 0\n0 0 1\nNb\n1\nNonsense\n")
    wrong("line 5: box vector 3", "POSCAR", "c\n1\n1 0 0\n0 1 0\n0 0\n")
    wrong("the box has no volume", "POSCAR", "c\n1\n1 0 0\n1 0 0\n0 0 1\n")
    wrong("line 6: the file names no elements", "POSCAR", "\n1\n1 0 0\n0 1 0\n0 0 1\n2\nDirect\n0 0 0\n0 0 0\n")
    wrong("more than the file can hold", "POSCAR", "c\n1\n1 0 0\n0 1 0\n0 0 1\nNb\n900000000\nDirect\n")
    wrong("line 7: ITEM: ATOMS: NUMBER OF ATOMS and BOX", "g.dump", "ITEM: TIMESTEP\n0\nITEM: BOX BOUNDS pp pp pp\n0 1\n0 1\n0 1\nITEM: ATOMS id type x y z\n")
    wrong("lower and the upper bound along y", "h.dump", "ITEM: TIMESTEP\n0\nITEM: BOX BOUNDS pp pp pp\n0 1\n1 1\n0 1\n")
    wrong("the section Atoms is missing", "i.lmp", "c\n\n1 atoms\n1 atom types\n0 1 xlo xhi\n0 1 ylo yhi\n0 1 zlo zhi\n")
    wrong("bounds along z are missing", "j.lmp", "c\n\n1 atoms\n1 atom types\n0 1 xlo xhi\n0 1 ylo yhi\n\nAtoms\n\n1 1 0 0 0\n")
    wrong("a type is 2, there are 1", "k.lmp", "c\n\n1 atoms\n1 atom types\n0 1 xlo xhi\n0 1 ylo yhi\n0 1 zlo zhi\n\nAtoms\n\n1 2 0 0 0\n")
    wrong("two atoms have the same id", "l.lmp", "c\n\n2 atoms\n1 atom types\n0 1 xlo xhi\n0 1 ylo yhi\n0 1 zlo zhi\n\nAtoms\n\n1 1 0 0 0\n1 1 0 0 0\n")
    wrong("structure 1: site 1: expected one species", "m.json", '[{"lattice": {"matrix": [[1,0,0],[0,1,0],[0,0,1]]}, "sites": [{"species": [], "abc": [0,0,0]}]}]')
    wrong("n.json: .*line 1", "n.json", "[{")
    wrong("there is no frame 2, it has 1", "o.xyz", "1\n\nO 0 0 0\n", { frame = 2 })
    assert(ow.io.save(files.at "p.h5", { format = "something" }))
    assert.matches("not a file of structures", tostring(select(2, ow.atoms.read(files.at "p.h5"))))
    assert.error_matches(function() ow.atoms.read "x.foo" end, "the name does not tell the format")
    assert.error_matches(function() ow.atoms.read("x", { format = "poscr" }) end, "did you mean 'poscar'")
    assert.error_matches(function() ow.atoms.write("x.json", sample()) end, "can be read, not written")
    assert.error_matches(function() ow.atoms.write("x.xyz", {}) end, "expected a structure")
  end)

  it("are read alike row by row and by the table reader", function()
    local g, lines = ow.rng(3), {}
    for i = 1, 200 do lines[i] = ("%s %.17g %d %s"):format(({ "Nb", "Na", "In" })[i % 3 + 1], g:normal(), i, i % 2 == 0 and "nan" or "-1e-300") end
    local content = table.concat(lines, "\n")
    local kinds = { "s", "r", "i", "r" }
    local a = assert(text.rows(text.cursor(content, "a"), 200, kinds))
    local b = assert(text.rows(text.cursor(content, "a"), 200, kinds, { slow = true }))
    assert.same(a[1], b[1])
    for k = 2, 4 do
      assert.equal(a[k]:dtype(), b[k]:dtype())
      assert.is_true(a[k]:equal(b[k], { equal_nan = true }))
    end
    lines[150] = "Nb 1 2.5 3"
    assert.matches("a: line 150: column 3: expected a whole number, found '2.5'",
      tostring(select(2, text.rows(text.cursor(table.concat(lines, "\n"), "a"), 200, kinds))))
  end)

  -- Broken files end in nil and a message, or in a structure; never in an error.
  it("survive mutation", function()
    local s, g = sample():without(ow.arange(9, 120):totable()), ow.rng(77)
    s.info.arrays.move = ow.ones({ s.n, 3 }, "i64")
    local seeds = { json = '[{"structure": {"lattice": {"matrix": [[1,0,0],[0,1,0],[0,0,1]]}, "sites": [{"species": [{"element": "Ta", "occu": 1}], "abc": [0.0, 0.5, 0.0]}]}, "outputs": {"energy": -1.5, "forces": [[0,0,0]]}}]' }
    for _, ending in ipairs { "xyz", "lmp", "dump", "poscar" } do
      assert(ow.atoms.write(files.at("seed." .. ending), s))
      seeds[ending] = files.slurp(files.at("seed." .. ending))
    end
    local odd = { "", "-1", "0", "1e308", "nan", "inf", "99999999999", "\0", "\n", " ", "T", "=", '"', ":", "ITEM: ", "#", "0x1p3", "-", "999999" }
    local parsers = { xyz = require("orowan.atoms.extxyz").parse, lmp = require("orowan.atoms.lammps").parse_data, dump = require("orowan.atoms.lammps").parse_dump,
      poscar = require("orowan.atoms.poscar").parse, json = require("orowan.atoms.pymatgen").parse }
    for ending, parse in pairs(parsers) do
      local read, refused = 0, 0
      for _ = 1, 250 do
        local t = seeds[ending]
        for _ = 1, g:integers(1, 3) do
          local a = g:integers(1, math.max(#t, 1))
          local kind = g:integers(1, 6)
          if kind == 1 then t = t:sub(1, a)
          elseif kind == 2 then t = t:sub(1, a - 1) .. string.char(g:integers(0, 255)) .. t:sub(a + 1)
          elseif kind == 3 then t = t:sub(1, a - 1) .. t:sub(a + g:integers(1, 40))
          elseif kind == 4 then t = t:sub(1, a) .. t:sub(g:integers(1, math.max(#t, 1)))
          else  -- a word
            local from, to = t:find("[^%s]+", a)
            if from then t = t:sub(1, from - 1) .. odd[g:integers(1, #odd)] .. t:sub(to + 1) end
          end
        end
        local ok, frames, err = pcall(parse, t, "m")
        assert.is_true(ok, ("%s: %s\n%s"):format(ending, tostring(frames), t))
        if frames then read = read + 1
        else
          refused = refused + 1
          assert.matches("^m: ", tostring(err))
        end
      end
      assert.is_true(refused > 0 and (read > 0 or ending == "json"), ending)
    end
  end)

  local data = os.getenv "OROWAN_DATA"
  it("of other programs are read", function()
    if not data then return pending "skipped: OROWAN_DATA not set" end
    local s = assert(ow.atoms.read(data .. "/barrier/fpnnk_dft/NbMoTa/POSCAR"))
    assert.same({ Nb = 43, Mo = 43, Ta = 42 }, s:counts())
    assert.is_true(math.abs(s:volume() - 13.0484399796 ^ 3) < 1e-6)
    s = assert(ow.atoms.read(data .. "/barrier/nnk_initial_1024.dump", { species = { "Nb", "Mo", "Ta" } }))
    assert.equal(1024, s.n)
    local sh = ow.atoms.shells(s, 2)
    assert.same({ 8, 6 }, sh.sizes)
    assert.is_true(math.abs(sh.distances[2] - 3.24) < 1e-9)
    s = assert(ow.atoms.read(data .. "/dislocation/initial_screw.lmp", { species = { "Mo", "Nb", "Ta" } }))
    assert.equal(960, s.n)
    assert.same({ 0, 0.100107253025, 0 }, { s.cell:get(2, 1), s.cell:get(3, 1), s.cell:get(3, 2) })
    local all = assert(ow.atoms.read(data .. "/potentials/nbmotaw_dft/NbTa_Test.json", { frame = "all" }))
    assert.equal(40, #all)
    assert.same({ all[1].n, 3 }, all[1].info.arrays.forces:shape())
  end)
end)
