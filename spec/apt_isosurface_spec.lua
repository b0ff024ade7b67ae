local ow = require "orowan"
local core = ow.core.isosurface

-- Distance from a sphere, positive inside, on n^3 voxels of a cube of edge 2.6.
local function ball(n, radius)
  local h = 2.6 / n
  local c = ((ow.arange(0, n - 1):to "f64") + 0.5) * h - 1.3
  local r2 = c:square():reshape(n, 1, 1) + c:square():reshape(1, n, 1) + c:square():reshape(1, 1, n)
  return { values = (radius - r2:sqrt()):to "f32", origin = { h / 2 - 1.3, h / 2 - 1.3, h / 2 - 1.3 }, voxel = { h, h, h }, what = "ball" }
end

-- Random values, below the level at the border: many ambiguous cubes, closed.
local function noise(seed, n)
  local f = ow.rng(seed):normal({ n, n + 1, n + 2 }, { dtype = "f32" })
  for axis = 1, 3 do
    for _, k in ipairs { 1, f:shape(axis) } do f:slice(axis, k, k):fill(-9) end
  end
  return { values = f, origin = { 0, 0, 0 }, voxel = { 1, 1, 1 }, what = "noise" }
end

describe("iso-surfaces", function()
  it("converge to a sphere with the square of the voxel", function()
    local last
    for _, n in ipairs { 12, 24, 48 } do
      local s = ow.apt.isosurface(ball(n, 1), 0)
      assert.is_true(s.closed and s.euler == 2 and s.parts == 1)
      local area, volume = s.area / (4 * math.pi) - 1, s.volume / (4 / 3 * math.pi) - 1
      if last then
        assert.is_true(math.abs(last[1] / area - 4) < 0.6, tostring(last[1] / area))
        assert.is_true(math.abs(last[2] / volume - 4) < 0.6, tostring(last[2] / volume))
      end
      last = { area, volume }
    end
    assert.is_true(math.abs(last[1]) < 1.2e-3 and math.abs(last[2]) < 2.5e-3)
  end)

  it("are exact for planes, on any voxel", function()
    local x = (ow.arange(0, 7):to "f64") * 0.5 + 1
    local f = { values = (ow.zeros({ 5, 6, 8 }) + x:reshape(1, 1, 8)):to "f32", origin = { 1, -1, 2 }, voxel = { 0.5, 0.25, 2 } }
    local s = ow.apt.isosurface(f, 2.2)
    assert.is_true(math.abs(s.area - 1.25 * 8) < 1e-5)
    assert.is_true((s.vertices:select(2, 1) - 2.2):abs():max() < 1e-6)
    assert.is_false(s.closed)
    assert.is_nil(s.volume)
  end)

  it("stay closed whatever the field, with no vertex twice", function()
    for seed = 1, 4 do
      local f = noise(seed, 14)
      local s = ow.apt.isosurface(f, 0)
      assert.is_true(s.closed and s.border == 0)
      local info = core.measure(s.vertices, s.triangles)
      assert.equal(0, info.crowded)
      assert.equal(info.vertices, s.vertices:shape(1))
      -- the enclosed side is the one above: the volumes of both sides add up to the box
      local other = ow.apt.isosurface({ values = f.values:neg(), origin = f.origin, voxel = f.voxel }, 0)
      assert.is_true(s.volume > 0 and other.volume < 0)
    end
  end)

  it("leave out what touches NaN, or close it", function()
    local f = ball(24, 1)
    f.values:slice(1, 13, 24):fill(0 / 0)
    local open = ow.apt.isosurface(f, 0)
    assert.is_true(open.border > 20 and open.area < 2.1 * math.pi)
    assert.equal(core.measure(open.vertices, open.triangles).vertices, open.vertices:shape(1))
    f.values = f.values + 10
    local closed = ow.apt.isosurface(f, 10, { edge = "closed" })
    assert.is_true(closed.closed and closed.euler == 2)
    assert.is_true(math.abs(closed.volume / (2 / 3 * math.pi) - 1) < 0.12)
    local none = ow.apt.isosurface(f, 99)
    assert.same({ 0, 0 }, { none.triangles:shape(1), none.parts })
    assert.has_error(function() ow.apt.isosurface(f, 1, { edge = "shut" }) end)
    assert.has_error(function() ow.apt.isosurface({}, 1) end)
  end)

  it("are the same bits at any thread count", function()
    local f, threads = noise(9, 30), ow.core.system.threads()
    local a = ow.apt.isosurface(f, 0.3)
    for _, n in ipairs { 1, 3 } do
      ow.core.system.threads(n)
      local b = ow.apt.isosurface(f, 0.3)
      assert.is_true(ow.equal(a.vertices, b.vertices) and ow.equal(a.triangles, b.triangles))
    end
    ow.core.system.threads(threads)
  end)

  it("go to PLY and OBJ files", function()
    local dir = assert(ow.sys.tmpdir "surface")
    local s = ow.apt.isosurface(ball(8, 1), 0)
    local nv, nt = s.vertices:shape(1), s.triangles:shape(1)
    assert(s:write(dir .. "/s.ply"))
    local bytes = assert(ow.sys.read_file(dir .. "/s.ply"))
    local head = bytes:match "^(.-end_header\n)"
    assert.matches("element vertex " .. nv .. "\n", head)
    assert.equal(#head + 12 * nv + 13 * nt, #bytes)
    local three, a, b, c = ("<Bi4i4i4"):unpack(bytes, #head + 12 * nv + 13 * (nt - 1) + 1)
    local last = s.triangles[nt]:totable()
    assert.same({ 3, last[1] - 1, last[2] - 1, last[3] - 1 }, { three, a, b, c })
    assert(s:write(dir .. "/s.obj"))
    local text = assert(ow.sys.read_file(dir .. "/s.obj"))
    assert.equal(nv, select(2, text:gsub("\nv ", "\nv ")))
    assert.equal(nt, select(2, text:gsub("\nf ", "\nf ")))
    assert.has_error(function() s:write(dir .. "/s.stl") end)
    assert.is_nil((s:write(dir .. "/none/s.ply")))
    ow.sys.remove_tree(dir)
  end)

  it("have errors that cover the truth", function()
    -- a random alloy with a rich slab across the box: the volume above the level, repeated
    local inside, repeats = 0, 25
    local volumes, errors = {}, {}
    for k = 1, repeats do
      local rng = ow.rng(500 + k)
      local p = rng:uniform({ 20000, 3 }, { dtype = "f32" }) * 10
      local r = (p - 5):square():sum(2):sqrt()
      local species = rng:uniform(20000):lt(ow.where(r:lt(3), 0.5, 0.1)):to "i64" + 1
      local g = ow.apt.grid({ positions = p:to "f32", species = species, names = { "A", "B" } }, { voxel = 0.5, delocalisation = 2 })
      local s = ow.apt.isosurface(g:concentration "B", 0.3)
      volumes[k], errors[k] = s.volume, s.volume_error
      assert.is_true(s.area_error > 0)
    end
    local v = ow.tensor(volumes)
    for k = 1, repeats do if math.abs(volumes[k] - v:mean()) < 1.96 * errors[k] then inside = inside + 1 end end
    assert.is_true(inside >= 19, ("%d of %d; spread %.3g, error %.3g"):format(inside, repeats, v:std(), ow.tensor(errors):mean()))
    assert.is_true(v:std() > 0.3 * ow.tensor(errors):mean())
  end)
end)

describe("distances from a mesh", function()
  it("are those of the plain loop, and of a sphere", function()
    local s = ow.apt.isosurface(ball(16, 1), 0)
    local p = ow.rng(3):uniform({ 400, 3 }, { dtype = "f32" }) * 3 - 1.5
    local d, near = ow.apt.surface_distance(s, p, 9)
    local e, other = core.distance(s.vertices, s.triangles, p, 9, true)
    assert.is_true(ow.equal(d, e) and ow.equal(near, other))
    local exact = 1 - p:to("f64"):square():sum(2):sqrt()
    assert.is_true((d:to "f64" - exact):abs():max() < 0.02)
    local many, threads = ow.rng(4):uniform({ 40000, 3 }, { dtype = "f32" }) * 3 - 1.5, ow.core.system.threads()
    local whole, tri = ow.apt.surface_distance(s, many, 0.4)
    ow.core.system.threads(threads == 1 and 3 or 1)
    local again, same = ow.apt.surface_distance(s, many, 0.4)
    ow.core.system.threads(threads)
    assert.is_true(ow.equal(whole, again, { equal_nan = true }) and ow.equal(tri, same))
    local few = ow.apt.surface_distance(s, p, 0.2)
    assert.equal(exact:abs():lt(0.2):to("i64"):sum(), ow.isfinite(few):to("i64"):sum())
  end)

  it("have the right sign at sharp edges and corners", function()
    -- a tetrahedron; outward triangles
    local v = ow.tensor({ { 0, 0, 0 }, { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }, "f32")
    local t = ow.tensor({ { 1, 3, 2 }, { 1, 2, 4 }, { 1, 4, 3 }, { 2, 3, 4 } }, "i64")
    local info = core.measure(v, t)
    assert.is_true(math.abs(info.volume - 1 / 6) < 1e-7 and info.border == 0)
    local p = ow.rng(5):uniform({ 3000, 3 }, { dtype = "f32" }) * 3 - 1
    local d = core.distance(v, t, p, 99)
    local q = p:to "f64"
    local inside = q:gt(0):all(2):logical_and(q:sum(2):lt(1))
    assert.is_true(ow.equal(inside, d:gt(0)))
    local corner, near = core.distance(v, t, ow.tensor({ { -1, -1, -1 }, { 3, -1, -1 }, { 0 / 0, 0, 0 } }, "f32"), 99)
    assert.is_true(math.abs(corner[1] + math.sqrt(3)) < 1e-6 and math.abs(corner[2] + math.sqrt(6)) < 1e-6)
    assert.is_true(corner[3] ~= corner[3] and near[3] == 0)
  end)

  it("tell where a border is nearest, and refuse bad meshes", function()
    local v = ow.tensor({ { 0, 0, 0 }, { 1, 0, 0 }, { 0, 1, 0 } }, "f32")
    local t = ow.tensor({ { 1, 2, 3 } }, "i64")
    local d, near = core.distance(v, t, ow.tensor({ { 0.2, 0.2, 0.5 }, { 2, 0, 0 } }, "f32"), 9)
    assert.same({ -0.5, 1, -1 }, { d[1], near[1], near[2] })
    assert.has_error(function() core.measure(v, ow.tensor({ { 1, 2, 4 } }, "i64")) end)
    assert.has_error(function() core.distance(v, ow.zeros({ 0, 3 }, "i64"), v, 1) end)
  end)
end)

describe("iso-concentration domains", function()
  it("find spheres with their ions", function()
    local centres = { { 7, 7, 7 }, { 20, 7, 8 }, { 13, 20, 14 } }
    local domains = {}
    for i, c in ipairs(centres) do domains[i] = { shape = "sphere", centre = c, radius = 2.2 + 0.4 * i, composition = { A = 0.2, B = 0.8 } } end
    local s = ow.apt.synthetic { lattice = "fcc", a = 0.4, box = { 27, 27, 20 }, matrix = { A = 0.97, B = 0.03 }, species = { "A", "B" }, domains = domains, seed = 4 }
    local g = ow.apt.grid(s, { voxel = 0.5, delocalisation = 1.5 })
    local field = g:concentration "B"
    local list, regions, told = ow.apt.domains(field, 0.4, s, { ions = 100 })
    assert.equal(3, #list)
    assert.equal(0, told.unknown)
    for i, d in ipairs(list) do
      local which = 4 - i  -- the largest first
      local r = 2.2 + 0.4 * which
      for k = 1, 3 do assert.is_true(math.abs(d.centre[k] - centres[which][k]) < 0.1) end
      assert.is_true(math.abs(d.volume / (4 / 3 * math.pi * r ^ 3) - 1) < 0.08)
      assert.is_true(d.volume_low <= d.volume)
      assert.is_true(math.abs(d.rg - math.sqrt(3 / 5) * r) < 0.1)
      assert.is_true(math.abs(d.fraction[2] - 0.8) < 0.06)
      assert.equal(d.ions, d.counts[1] + d.counts[2])
      assert.is_false(d.edge)
      assert.equal(d.voxels, regions:eq(d.label):to("i64"):sum())
    end
  end)

  it("join across faces only and know the specimen's edge", function()
    local mask = ow.zeros({ 2, 3, 4 }, "u8")
    mask[1][1][1], mask[1][2][2], mask[2][2][2], mask[2][3][4] = 1, 1, 1, 1
    local label, count = core.regions(mask)
    assert.equal(3, count)
    assert.same({ 1, 2, 2, 3 }, { label[1][1][1], label[1][2][2], label[2][2][2], label[2][3][4] })
    -- a U that two runs of the scan must join
    mask = ow.tensor({ { { 1, 0, 1, 0, 1 }, { 1, 0, 1, 1, 1 }, { 1, 1, 1, 0, 0 } } }, "u8")
    label, count = core.regions(mask)
    assert.equal(1, count)
    assert.equal(mask:to("i64"):sum(), label:sum())
    local field = { values = ow.tensor({ { { 1, 1, 0, 0 }, { 0, 0, 0, 0 } } }, "f32"), origin = { 0, 0, 0 }, voxel = { 1, 1, 1 } }
    local list = ow.apt.domains(field, 1, { positions = ow.tensor({ { 0, 0, 0 }, { 1.4, 0, 0 }, { 1.6, 0, 0 }, { 0, 0, 9 } }, "f32"),
      species = ow.tensor({ 1, 0, 1, 1 }, "i64"), names = { "A" } })
    assert.same({ 1, 1, true }, { #list, list[1].ions, list[1].edge })
  end)
end)
