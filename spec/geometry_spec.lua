local ow = require "orowan"
local geometry = ow.geometry
local compare = dofile "spec/support/compare.lua"
local message = compare.message

local cubic, ortho = { 1, 1, 1 }, { 1, 0.7, 1.3, periodic = { true, false, true } }
local skew = { { 1, 0, 0 }, { 0.7, 0.8, 0 }, { -0.4, 0.6, 0.5 } }

local shapes = {
  uniform = function(u) return u end,
  clustered = function(u) return u:pow(6) end,
  lattice = function(u) return (u * 4):floor() / 4 end,
  line = function(u) return u * ow.tensor { { 0, 1, 0 } } end,
  plane = function(u) return u * ow.tensor { { 1, 0, 1 } } end,
  coincident = function(u) return u * 0 + 0.25 end,
  outlier = function(u)
    u = u:contiguous()
    u:set(1, 1, 1e6)
    return u
  end,
}

local function points(n, shape, dtype, seed)
  return shapes[shape](ow.rng(seed or 5):uniform({ n, 3 })):to(dtype or "f64", { unchecked = true })
end

local function same(expected, got, what)
  for i = 1, math.max(#expected, #got) do
    assert.is_true(expected[i]:equal(got[i]), ("%s: result %d differs"):format(what, i))
  end
end

local function both(cells, method, argument, options, what)
  local o = { reference = true }
  for k, v in pairs(options) do o[k] = v end
  local expected = { cells[method](cells, argument, o) }
  local got = { cells[method](cells, argument, options) }
  same(expected, got, what)
  return table.unpack(got)
end

describe("neighbours", function()
  local names = {}
  for shape in pairs(shapes) do names[#names + 1] = shape end
  table.sort(names)
  for _, dtype in ipairs { "f32", "f64" } do
    for _, shape in ipairs(names) do
      it(("of %s points in %s are those of the plain double loop, bit by bit"):format(shape, dtype), function()
        for name, box in pairs { open = false, cubic = cubic, ortho = ortho, skew = skew } do
          for _, n in ipairs { 1, 2, 17, 150 } do
            if not (shape == "outlier" and box) then
              local cells = geometry.cells(points(n, shape, dtype), { box = box or nil })
              for _, k in ipairs { 1, 8, 40, 100 } do
                if k < n or (box and k <= n + 8) then both(cells, "knn", k, {}, ("%s n %d k %d"):format(name, n, k)) end
              end
              for _, r in ipairs(n > 50 and { 0, 0.25 } or { 0, 0.25, 1.1 }) do
                both(cells, "within", r, {}, ("%s n %d r %g"):format(name, n, r))
                both(cells, "count_within", r, { self = true }, ("%s n %d r %g"):format(name, n, r))
              end
              local q = points(40, "uniform", dtype, 9) * 1.5 - 0.25
              both(cells, "knn", math.min(n, 9), { queries = q }, "queries")
              both(cells, "within", 0.3, { queries = q }, "queries")
            end
          end
        end
      end)
    end
  end

  it("of many points and queries far apart agree with the double loop", function()
    for _, dtype in ipairs { "f32", "f64" } do
      for _, shape in ipairs { "uniform", "clustered", "lattice" } do
        local cells = geometry.cells(points(5000, shape, dtype))
        local q = ow.concat { points(30, "uniform", dtype, 2), points(10, "uniform", dtype, 3) * 1000 - 500 }
        for _, k in ipairs { 1, 32, 128, 1024 } do both(cells, "knn", k, { queries = q }, shape .. " " .. k) end
        both(cells, "within", 0.2, { queries = q }, shape)
        both(cells, "within", 2000, { queries = q:slice(1, 1, 3) }, shape .. ", all")
      end
    end
  end)

  -- Independent of our C: every image within three boxes, in f64, by tensor operations.
  it("are the nearest images in a skewed box", function()
    local n, k = 40, 20
    local x = points(n, "uniform") * 3 - 1
    local m = ow.tensor(skew)
    local all = {}
    for a = -9, 9 do
      for b = -9, 9 do
        for c = -9, 9 do all[#all + 1] = { a, b, c } end
      end
    end
    local shift = ow.tensor(all, "f64"):matmul(m)
    local ids, distances = geometry.knn(x, k, { box = skew })
    for i = 1, n, 7 do
      local d = (x:unsqueeze(2) + shift:unsqueeze(1) - x:select(1, i)):pow(2):sum(3):sqrt()
      local order = d:flatten():sort()
      assert.is_true(order[1] < 1e-12) -- the point itself
      compare.close(order:slice(1, 2, k + 1), distances:select(1, i), 1e-12)
      for j = 1, k do
        compare.close(d:select(1, ids[i][j]):sub(distances[i][j]):abs():min(), 0, 1e-12)
      end
    end
  end)

  it("of a face-centred cubic crystal are its shells", function()
    local a, cell, rows = 0.4, { { 0, 0, 0 }, { 0, 0.5, 0.5 }, { 0.5, 0, 0.5 }, { 0.5, 0.5, 0 } }, {}
    for x = 0, 2 do
      for y = 0, 2 do
        for z = 0, 2 do
          for _, b in ipairs(cell) do rows[#rows + 1] = { a * (x + b[1]), a * (y + b[2]), a * (z + b[3]) } end
        end
      end
    end
    local crystal = geometry.cells(ow.tensor(rows), { box = { 3 * a, 3 * a, 3 * a } })
    for _, s in ipairs { { 0.75, 12 }, { 1.05, 18 }, { 1.25, 42 }, { 1.45, 54 } } do
      local counts = crystal:count_within(s[1] * a)
      assert.equal(s[2], counts:min())
      assert.equal(s[2], counts:max())
    end
    local _, d = crystal:knn(13)
    compare.close(ow.full({ 108, 12 }, a * math.sqrt(0.5)), d:slice(2, 1, 12), 1e-12)
    compare.close(ow.full({ 108, 1 }, a), d:slice(2, 13, 13), 1e-12)
  end)

  it("count every image when the radius passes the box", function()
    local offsets, ids, d = geometry.within(ow.tensor { { 0.3, 0.3, 0.3 } }, 2, { box = cubic })
    assert.equal(32, offsets[2]) -- 6 + 12 + 8 + 6 lattice points up to distance 2
    assert.equal(1, ids:max())
    compare.close({ 1, 1, 1, 1, 1, 1, math.sqrt(2) }, d:slice(1, 1, 7), 1e-12)
    assert.equal(33, geometry.count_within(ow.tensor { { 0.3, 0.3, 0.3 } }, 2, { box = cubic, self = true })[1])
  end)

  it("are ordered by id where distances are equal", function()
    local ids, d = geometry.knn(ow.zeros(5, 3), 4)
    assert.same({ { 2, 3, 4, 5 }, { 1, 3, 4, 5 }, { 1, 2, 4, 5 }, { 1, 2, 3, 5 }, { 1, 2, 3, 4 } }, ids:totable())
    assert.equal(0, d:max())
    local x = ow.tensor { { 1, 0, 0 }, { 0, 1, 0 }, { -1, 0, 0 }, { 0, -1, 0 } }
    assert.same({ { 1, 2, 3 } }, (geometry.knn(x, 3, { queries = { { 0, 0, 0 } } })):totable())
  end)

  it("leave out what is excluded and carry labels", function()
    local x = points(300, "uniform")
    local ids, d = geometry.knn(x, 6)
    local again, e = geometry.knn(x, 6, { queries = x, exclude = ow.arange(1, 300, 1, "i64") })
    same({ ids, d }, { again, e }, "queries that are the points")
    local with = geometry.knn(x, 1, { self = true })
    assert.is_true(with:flatten():equal(ow.arange(1, 300, 1, "i64")))
    local label = ow.arange(1, 300, 1, "i64") * 10 + 7
    assert.is_true((ids * 10 + 7):equal((geometry.knn(x, 6, { labels = label }))))
  end)

  it("are the same bits on one thread and on two", function()
    local threads = ow.core.system.threads()
    finally(function() ow.core.system.threads(threads) end)
    for _, dtype in ipairs { "f32", "f64" } do
      local x, results = points(20000, "clustered", dtype), {}
      for t = 1, 2 do
        ow.core.system.threads(t)
        local cells = geometry.cells(x, { box = cubic })
        local o, i, d = cells:within(0.02)
        local ids, e = cells:knn(20)
        results[t] = { ids, e, o, i, d, cells:order() }
      end
      same(results[1], results[2], dtype)
    end
  end)

  it("slab by slab are those of one search", function()
    for name, box in pairs { open = false, cubic = cubic, ortho = ortho, skew = skew } do
      for _, shape in ipairs { "uniform", "clustered", "lattice", "plane", "outlier" } do
        if not (box and shape == "outlier") then
          for _, dtype in ipairs(box and { "f32" } or { "f32", "f64" }) do
            local x, k = points(3000, shape, dtype), 20
            local expected, e = geometry.knn(x, k, { box = box or nil })
            local ids, d, slabs = ow.zeros({ 3000, k }, "i64"), ow.zeros({ 3000, k }, dtype), 0
            geometry.knn_slabs(x, k, { box = box or nil, slab = 400 }, function(rows, i, r)
              ids:index_put(1, rows, i)
              d:index_put(1, rows, r)
              slabs = slabs + 1
            end)
            assert.is_true(slabs > 5 or shape == "plane" or shape == "lattice")
            same({ expected, e }, { ids, d }, ("%s %s %s"):format(name, shape, dtype))
          end
        end
      end
    end
    local calls = 0
    geometry.knn_slabs(points(5, "uniform"), 40, { box = cubic, self = true, slab = 2 }, function(rows, ids, d)
      assert.same({ #rows, 40 }, ids:shape())
      assert.equal(0, d:select(2, 1):max())
      calls = calls + #rows
    end)
    assert.equal(5, calls)
    assert.matches("k: asked for 5 neighbours among 5", message(geometry.knn_slabs, points(5, "uniform"), 5, nil, print))
    assert.matches("slab: expected an integer", message(geometry.knn_slabs, points(5, "uniform"), 2, { slab = 0 }, print))
    assert.matches("row 2 has a coordinate", message(geometry.knn_slabs, ow.tensor { { 0, 0, 0 }, { 0, 0, 0 / 0 } }, 1, nil, print))
  end)

  it("give every id once in the order of the cells", function()
    local order = geometry.cells(points(1000, "clustered")):order()
    assert.is_true(order:sort():equal(ow.arange(1, 1000, 1, "i64")))
  end)

  it("of empty sets are empty", function()
    local none = ow.zeros(0, 3)
    local o, i, d = geometry.within(none, 1)
    assert.same({ { 0 }, {}, {} }, { o:totable(), i:totable(), d:totable() })
    assert.same({ 0, 5 }, (geometry.knn(none, 5)):shape())
    assert.same({ 0, 2 }, (geometry.knn(points(9, "uniform"), 2, { queries = none })):shape())
    assert.same({ 0, 0 }, geometry.count_within(none, 1, { queries = ow.zeros(2, 3) }):totable())
    assert.matches("points: there are none", message(geometry.knn, none, 1, { queries = ow.zeros(2, 3) }))
  end)

  it("refuse what they cannot do, and say why", function()
    local x = points(10, "uniform")
    local bad = x:contiguous() + 0
    bad:set(7, 2, 0 / 0)
    assert.matches("geometry.knn: points: row 7 is .*nan.*; coordinates must be finite", message(geometry.knn, bad, 1))
    assert.matches("queries: row 7", message(geometry.knn, x, 1, { queries = bad }))
    assert.matches("k: asked for 10 neighbours other than the point itself among 10 points", message(geometry.knn, x, 10))
    assert.matches("k: asked for 11 neighbours among 10 points", message(geometry.knn, x, 11, { self = true }))
    assert.matches("k: ", message(geometry.knn, x, 0))
    assert.matches("points: expected N x 3 coordinates, got 10x2", message(geometry.knn, x:slice(2, 1, 2), 1))
    assert.matches("radius: expected 0 or more, got %-1", message(geometry.within, x, -1))
    assert.matches("unknown option 'boks'.*box", message(geometry.knn, x, 1, { boks = cubic }))
    assert.matches("box: expected 3 entries, got 2", message(geometry.knn, x, 1, { box = { 1, 2 } }))
    assert.matches("box: length 2 is 0", message(geometry.knn, x, 1, { box = { 1, 0, 1 } }))
    assert.matches("not coplanar", message(geometry.knn, x, 1, { box = { { 1, 0, 0 }, { 0, 1, 0 }, { 1, 1, 0 } } }))
    assert.matches("box.periodic: expected three booleans", message(geometry.knn, x, 1, { box = { 1, 1, 1, periodic = true } }))
    assert.matches("exclude: expected 10 entries, got 3", message(geometry.knn, x, 1, { queries = x, exclude = ow.ones({ 3 }, "i64") }))
    assert.matches("exclude: entry 1 is 11", message(geometry.knn, x, 1, { queries = x, exclude = ow.full({ 10 }, 11, "i64") }))
    assert.matches("labels: expected increasing", message(geometry.knn, x, 1, { labels = ow.ones({ 10 }, "i64") }))
    assert.matches("radius: 1e%+06 reaches .* images", message(geometry.within, x, 1e6, { box = cubic }))
    local cells = geometry.cells(x)
    cells:close()
    assert.matches("closed", message(cells.knn, cells, 1))
    assert.equal("cells: closed", tostring(cells))
  end)
end)
