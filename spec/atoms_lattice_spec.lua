local ow = require "orowan"

-- Distances and counts of textbooks, in units of the cell edge.
local known_shells = {
  sc = { { 1, 6 }, { 2 ^ 0.5, 12 }, { 3 ^ 0.5, 8 } },
  bcc = { { 0.75 ^ 0.5, 8 }, { 1, 6 }, { 2 ^ 0.5, 12 }, { 2.75 ^ 0.5, 24 }, { 3 ^ 0.5, 8 }, { 2, 6 }, { 4.75 ^ 0.5, 24 }, { 5 ^ 0.5, 24 } },
  fcc = { { 0.5 ^ 0.5, 12 }, { 1, 6 }, { 1.5 ^ 0.5, 24 }, { 2 ^ 0.5, 12 } },
  diamond = { { 0.1875 ^ 0.5, 4 }, { 0.5 ^ 0.5, 12 }, { 0.6875 ^ 0.5, 12 } },
  hcp = { { 1, 12 }, { 2 ^ 0.5, 6 }, { (8 / 3) ^ 0.5, 2 }, { 3 ^ 0.5, 18 } },
}

describe("atoms.lattice", function()
  it("has the shells of the textbooks", function()
    for name, shells in pairs(known_shells) do
      local s = ow.atoms.lattice(name, { a = 4, size = 2, species = "X" })
      local sh = ow.atoms.shells(s, #shells)
      for k, known in ipairs(shells) do
        assert.equal(known[2], sh.sizes[k], name)
        assert.is_true(math.abs(sh.distances[k] - 4 * known[1]) < 1e-9)
      end
      assert.is_true(sh.neighbours:gt(0):all())
    end
    assert.is_true(math.abs(ow.atoms.lattice("hcp", { a = 3, species = "Ti" }):volume() - 27 * 2 ^ 0.5) < 1e-9)
    assert.is_true(math.abs(ow.atoms.lattice("hcp", { a = 3, c = 5, species = "Ti" }):volume() - 45 * 0.75 ^ 0.5) < 1e-9)
  end)

  it("has the same shells in a large box, where only some sites are looked at", function()
    local function shells(size)
      local s = ow.atoms.lattice("hcp", { a = 3, c = 4.8, size = size, species = "Ti" })
      return ow.atoms.shells(s:strained(s.cell:matmul { { 1, 0.1, 0 }, { 0, 1, 0 }, { 0.05, 0, 1 } }), 6)
    end
    local small, large = shells(3), shells(13)
    assert.same(small.sizes, large.sizes)
    for k = 1, 6 do assert.is_true(math.abs(small.distances[k] - large.distances[k]) < 1e-9) end
    assert.is_true(large.neighbours:gt(0):all())
  end)

  it("lists a bcc cube cell by cell, corner then centre", function()
    local s = ow.atoms.lattice("bcc", { a = 3.2, size = { 2, 3, 4 }, species = "Mo" })
    local k, x = 0, s.positions:totable()
    for i = 0, 1 do
      for j = 0, 2 do
        for l = 0, 3 do
          for _, h in ipairs { 0, 0.5 } do
            k = k + 1
            for d, n in ipairs { i, j, l } do assert.is_true(math.abs(x[k][d] - (n + h) * 3.2) < 1e-12) end
          end
        end
      end
    end
    assert.equal(k, s.n)
  end)

  local data = os.getenv "OROWAN_DATA"
  it("has the sites of the reference barriers", function()
    if not data then return pending "skipped: OROWAN_DATA not set" end
    for _, case in ipairs(assert(ow.json.decode(assert(ow.sys.read_file(data .. "/barrier/neb_snap_lammps_20.json"))))) do
      local s = ow.atoms.lattice("bcc", { a = case.L / 5, size = 5, species = "Mo" })
      assert.is_true(s.positions[case.vac + 1]:allclose(case.site, { rtol = 0, atol = 1e-9 }))
      local movers = {}
      for _, j in ipairs(ow.atoms.jumps(s, case.vac + 1)) do movers[j.mover] = true end
      assert.is_true(movers[case.moved + 1])
    end
  end)

  it("is the same crystal in any box", function()
    for _, case in ipairs {
      { "bcc", 6, { directions = { { 1, 1, -2 }, { -1, 1, 0 }, { 1, 1, 1 } } } },
      { "bcc", 12, { directions = { { 1, 1, -2 }, { -1, 1, 0 }, { 1, 1, 1 } }, size = { 1, 2, 1 } } },
      { "fcc", 6, { directions = { { 1, 1, -2 }, { 1, 1, 1 }, { 1, -1, 0 } } } },
      { "diamond", 12, { directions = { { 1, 1, -2 }, { 1, 1, 1 }, { 1, -1, 0 } } } },
      { "bcc", 10, { matrix = { { 2, 1, 0 }, { 0, 1, 1 }, { -1, 0, 3 } } } },
      { "hcp", 12, { matrix = { { 1, 0, 0 }, { 1, 2, 0 }, { 0, 0, 3 } } } },
    } do
      local name, n, options = case[1], case[2], case[3]
      options.a, options.species = 3, "X"
      local s = ow.atoms.lattice(name, options)
      assert.equal(n, s.n)
      local sh = ow.atoms.shells(s, 3)
      for k = 1, 3 do
        assert.equal(known_shells[name][k][2], sh.sizes[k], name)
        assert.is_true(math.abs(sh.distances[k] - 3 * known_shells[name][k][1]) < 1e-9)
      end
      assert.is_true(sh.neighbours:gt(0):all())
      local f = s:fractional()
      assert.is_true(f:min() > -1e-7 and f:max() < 1)
      if options.directions then  -- along the axes, as LAMMPS wants triclinic boxes
        assert.equal(0, s.cell:get(1, 2))
        assert.equal(0, s.cell:get(1, 3))
        assert.equal(0, s.cell:get(2, 3))
      end
    end
    local length = ow.atoms.lattice("bcc", { a = 2, directions = { { 2, 2, 2 }, { 1, -1, 0 }, { 1, 1, -2 } }, species = "X" }).cell:get(1, 1)
    assert.is_true(math.abs(length - 3 ^ 0.5) < 1e-12)
    -- a B2 crystal has no translation 1/2<111>
    local b2 = ow.atoms.lattice("B2", { a = 2, directions = { { 1, 1, 1 }, { 1, -1, 0 }, { 1, 1, -2 } }, species = { A = "Ni", B = "Al" } })
    assert.is_true(math.abs(b2.cell:get(1, 1) - 12 ^ 0.5) < 1e-12)
  end)

  it("puts the elements of ordered structures on their sublattices", function()
    local function neighbours(name, options, a, b)
      options.a = 4
      options.size = 2
      local s = ow.atoms.lattice(name, options)
      local sh = ow.atoms.shells(s, 2)
      local counts, index = sh:pair_counts(s.types, #s.species):totable(), {}
      for k, e in ipairs(s.species) do index[e] = k end
      local n = s:counts()[a]
      return counts[1][index[a]][index[b]] / n, counts[2][index[a]][index[b]] / n, n / s.n
    end
    local two = { A = "Al", B = "Ni" }
    assert.same({ 12, 0, 0.25 }, { neighbours("L1_2", { species = two }, "Al", "Ni") })
    assert.same({ 4, 6, 0.75 }, { (select(1, neighbours("L12", { species = two }, "Ni", "Al"))), 6, 0.75 })
    assert.same({ 8, 0, 0.5 }, { neighbours("L10", { species = two }, "Al", "Ni") })
    assert.same({ 8, 0, 0.5 }, { neighbours("B2", { species = two, variant = 2 }, "Al", "Ni") })
    for v = 1, 4 do assert.same({ 8, 6, 0.25 }, { neighbours("D0_3", { species = two, variant = v }, "Al", "Ni") }) end
    local own = ow.atoms.lattice({ basis = { { 0, 0, 0 }, { 0.5, 0.5, 0 } }, vectors = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 0.5 } }, sublattices = { "x", "y" } },
      { a = 4, species = { x = "Cu", y = "Au" } })
    assert.equal(32, own:volume())
    assert.same({ "Cu", "Au" }, own:symbols())
  end)

  it("says what is wrong", function()
    local function wrong(pattern, name, options)
      options.a = options.a or 3
      options.species = options.species or "X"
      assert.error_matches(function() ow.atoms.lattice(name, options) end, pattern)
    end
    wrong("unknown lattice 'fc' %(did you mean 'fcc'", "fc", {})
    wrong("expected the edge", "fcc", { a = -1 })
    wrong("sublattices A, B", "B2", { species = { A = "Ni" } })
    wrong("left%-handed", "bcc", { matrix = { { 0, 1, 0 }, { 1, 0, 0 }, { 0, 0, 1 } } })
    wrong("lie in a plane", "bcc", { directions = { { 1, 0, 0 }, { 0, 1, 0 }, { 1, 1, 0 } } })
    wrong("whole numbers", "bcc", { matrix = { { 0.5, 1, 0 }, { 1, 0, 0 }, { 0, 0, 1 } } })
    wrong("size: expected", "bcc", { size = 0 })
    wrong("unknown option 'sise' %(did you mean 'size'", "bcc", { sise = 2 })
    wrong("variant: expected 1 to 2", "B2", { variant = 3 })
  end)
end)

describe("vacancies and jumps", function()
  it("are the first neighbours, by the nearest image", function()
    local s = ow.atoms.lattice("bcc", { a = 3, size = 3, species = "Mo" })
    local sh = ow.atoms.shells(s, { count = 2, vectors = true })
    for _, vacant in ipairs { 1, 2, 17, 54 } do
      local jumps = ow.atoms.jumps(s, vacant, sh)
      assert.equal(8, #jumps)
      for k, j in ipairs(jumps) do
        local first, last, moving = ow.atoms.vacancy_jump(s, vacant, j.mover)
        local way = last.positions[moving] - first.positions[moving]
        for d = 1, 3 do assert.is_true(math.abs(sh.vectors:get(vacant, k, d) + way:get(d)) < 1e-12) end
      end
    end
    -- equivalent sites have equal directions in equal columns
    assert.is_true((sh.vectors[1] - sh.vectors[54]):abs():max() < 1e-9)
    assert.error_matches(function() sh:of(1, 3) end, "shell: expected 1 to 2")
    assert.error_matches(function() ow.atoms.shells(s, {}) end, "expected a number of shells")
  end)

  it("has no neighbours beyond a surface", function()
    local s = ow.atoms.lattice("sc", { a = 3, size = 3, species = "Po", periodic = { true, true, false } })
    local sh = ow.atoms.shells(s, 1)
    assert.equal(5, #sh:of(1))
    assert.equal(6, #sh:of(2))
    assert.equal(27 * 6 - 18, sh:pair_counts(s.types, 1):sum())
  end)
end)
