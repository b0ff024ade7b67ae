local ow = require "orowan"

local function alloy(n)
  local rng = ow.rng(2)
  local p = (rng:uniform({ n, 3 }, { dtype = "f32" }) * ow.tensor({ 10, 6, 4 }, "f32")):to "f32"
  return { positions = p, species = p:select(2, 1):gt(5):to "i64" + 1, names = { "A", "B" } }
end

describe("maps", function()
  it("count every ion in its pixel", function()
    local s = alloy(3000)
    local m = ow.apt.project(s, { axes = { "x", "z" }, bin = 0.5, bounds = { 0, 10, 0, 4 } })
    assert.same({ 20, 8 }, { #m.x, #m.y })
    assert.equal(3000, m.ions)
    assert.same({ 2, 8, 20 }, m.counts:shape())
    local x, z = s.positions:select(2, 1), s.positions:select(2, 3)
    local inside = x:ge(3):logical_and(x:lt(3.5)):logical_and(z:ge(1)):logical_and(z:lt(1.5))
    assert.equal(inside:to("i64"):sum(), m.total[3][7])
    assert.is_true(math.abs(m.x[7] - 3.25) < 1e-12 and math.abs(m.y[3] - 1.25) < 1e-12)
    local c, e = m:concentration("B", 1)
    assert.is_true(c:slice(2, 1, 10):max() == 0 and c:slice(2, 11, 20):min() == 1)
    assert.is_true(e:min() > 0)
    local d, de = m:density()
    assert.is_true(math.abs(d:sum() * 0.25 - 3000) < 1e-6 and de:min() > 0)
    assert.is_true((m:concentration("B", 10000)):isnan():all())
  end)

  it("tell what they leave out", function()
    local s = alloy(1000)
    s.positions[1][2], s.species[2], s.species[3] = 0 / 0, 0, 7
    local m = ow.apt.project(s, { depth = { 1, 2 } })
    assert.equal(1, m.excluded)
    assert.equal(1000, m.ions + m.unknown + m.outside + m.excluded)
    m = ow.apt.project(s)
    assert.same({ 997, 2, 0 }, { m.ions, m.unknown, m.outside })
    assert.has_error(function() ow.apt.project(s, { axes = { "x", "x" } }) end)
    assert.has_error(function() ow.apt.project(s, { bin = 0 }) end)
    assert.has_error(function() m:concentration "C" end)
  end)

  it("of hits come from the detector, or from x and y", function()
    local dir = assert(ow.sys.tmpdir "hits")
    local rows = {}
    for i = 1, 200 do  -- .epos: nine floats and two counts, big-endian
      rows[i] = (">fffffffffI4I4"):pack(i / 10, 0, 0, 27, 500, 5, 1, i % 10, i % 4, 1, 1)
    end
    assert(ow.sys.write_atomic(dir .. "/a.epos", table.concat(rows)))
    local file = assert(ow.apt.open(dir .. "/a.epos"))
    local m = ow.apt.hit_map(file, { bin = 1, bounds = { -0.5, 9.5, -0.5, 3.5 }, slab = 64 })
    assert.equal("mm", m.unit)
    assert.equal(200, m.ions)
    assert.equal(10, m.total[1][1])  -- i a multiple of 20
    assert.equal(0, m.total[2][1])
    file:close()
    assert(ow.apt.write_pos(dir .. "/a.pos", alloy(500).positions, ow.ones({ 500 }, "f32")))
    file = assert(ow.apt.open(dir .. "/a.pos"))
    m = ow.apt.hit_map(file, { bin = 1 })
    assert.same({ "nm", 500 }, { m.unit, m.ions })
    assert.matches("no detector", m.notes[1])
    local same = ow.apt.hit_map(alloy(500), { bin = 1 })
    assert.is_true(ow.equal(m.total, same.total))
    file:close()
    ow.sys.remove_tree(dir)
  end)

  it("draw heat maps", function()
    local m = ow.apt.project(alloy(2000), { bin = 1 })
    for _, which in ipairs { "A", "none" } do
      local script = m:figure(which ~= "none" and which or nil, { title = "map" }):script()
      assert.matches(which == "A" and "A %(at" or "ions / nm", script)
    end
    assert.matches("at", m:figure({ "A", "B" }):script())
  end)
end)
