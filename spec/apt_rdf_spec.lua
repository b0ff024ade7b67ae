local ow = require "orowan"
local compare = dofile "spec/support/compare.lua"
local message = compare.message
local data = os.getenv "OROWAN_DATA"

describe("pair histograms", function()
  -- The same counts from the radius search and from a plain double loop over displacements.
  it("are those of a plain search, at any thread count", function()
    local threads = ow.core.system.threads()
    finally(function() ow.core.system.threads(threads) end)
    local n = 1500
    local x = (ow.rng(1):uniform({ n, 3 }):pow(2) * 4):to("f32", { unchecked = true })
    local kind, centre = (ow.rng(2):uniform({ n }) * 3):floor():to "u8", ow.rng(3):uniform({ n }):lt(0.5)
    local o, ids, d = ow.geometry.within(x, 1)
    local start, near, far, kinds = o:totable(), ids:totable(), d:totable(), kind:totable()
    local want = { {}, {}, {} }
    for k = 1, 3 do for b = 1, 20 do want[k][b] = 0 end end
    local on = centre:totable()
    for i = 1, n do
      if on[i] == 1 then
        for j = start[i] + 1, start[i + 1] do
          local b = math.floor(far[j] * 20) + 1
          local row = want[kinds[near[j]] + 1]
          if far[j] < 1 then row[b] = row[b] + 1 end
        end
      end
    end
    local first
    for t = 1, 2 do
      ow.core.system.threads(t)
      local c = ow.core.clusters.pairs("t", x, centre, kind, 3, { radial = true, reach = { 1 }, bins = { 20 } })
      first = first or c
      assert.is_true(c:equal(first))
    end
    for k = 1, 3 do
      for b = 1, 20 do assert.is_true(math.abs(first:get(k, b) - want[k][b]) <= 2) end -- d on the edge of a bin, to one rounding
      compare.close(ow.tensor(want[k]):sum(), first:select(1, k):sum(), 0)
    end
    local p = x:slice(1, 1, 200):totable()
    local cells = {}
    for i = 1, 200 do
      for j = 1, 200 do
        local u = { p[j][1] - p[i][1], p[j][2] - p[i][2], p[j][3] - p[i][3] }
        if i ~= j and math.abs(u[1]) < 0.5 and math.abs(u[2]) < 0.5 and math.abs(u[3]) < 1 and u[1] ^ 2 + u[2] ^ 2 <= 0.16 then
          local key = (math.floor((u[1] + 0.5) * 4) * 3 + math.floor((u[2] + 0.5) * 3)) * 8 + math.floor((u[3] + 1) * 4) + 1
          cells[key] = (cells[key] or 0) + 1
        end
      end
    end
    local one = ow.ones({ 200 }, "u8")
    local box = ow.core.clusters.pairs("t", x:slice(1, 1, 200), one, one * 0, 1, { reach = { 0.5, 0.5, 1 }, bins = { 4, 3, 8 }, lateral = 0.4 })
    assert.same({ 1, 4, 3, 8 }, box:shape())
    for key, v in ipairs(box:flatten():totable()) do assert.equal(cells[key] or 0, v) end
  end)

  it("under 64 labellings are those of one labelling after the other", function()
    local n = 600
    local x = (ow.rng(5):uniform({ n, 3 }) * 3):to("f32", { unchecked = true })
    local code = (ow.rng(6):uniform({ n }) * 4):floor():to "u8"
    local w = { radial = true, reach = { 1 }, bins = { 12 } }
    local t = ow.core.clusters.relabelled_pairs("t", x, code, 9, 0, w)
    local from, to = code:mod(2):to "u8", code:ge(2)
    local real = ow.core.clusters.pairs("t", x, from, to:logical_not():to "u8", 1, w)
    assert.is_true(real:select(1, 1):equal(t:select(1, 1)))
    -- every labelling keeps the composition: its mean is n_a n_b / (n (n - 1)) of all pairs
    local every = ow.core.clusters.pairs("t", x, ow.ones({ n }, "u8"), ow.zeros({ n }, "u8"), 1, w):sum()
    local a, b, both = from:to("i64"):sum(), to:to("i64"):sum(), code:eq(3):to("i64"):sum()
    local expected = every * (a * b - both) / (n * (n - 1))
    local means = t:slice(1, 2):sum(2):to "f64"
    assert.is_true(math.abs(means:mean() - expected) < 4 * means:std() / math.sqrt(63))
    assert.is_false(t:select(1, 2):equal(t:select(1, 3)))
    assert.is_true(ow.core.clusters.relabelled_pairs("t", x, code, 9, 0, w):equal(t))
  end)
end)

describe("pair correlation", function()
  it("of an ideal crystal are its shells", function()
    local a = 0.4
    local s = ow.apt.synthetic { lattice = "fcc", a = a, box = 10 * a, matrix = { Al = 1 }, origin = { 0.01, 0.01, 0.01 }, periodic = true, seed = 1 }
    local g = ow.apt.pair_correlation(s.positions, { r_max = 0.78, bin = 0.02 })
    local shells = { { math.sqrt(0.5), 12 }, { 1, 6 }, { math.sqrt(1.5), 24 }, { math.sqrt(2), 12 }, { math.sqrt(2.5), 24 }, { math.sqrt(3), 8 }, { math.sqrt(3.5), 48 } }
    local seen = 0
    for _, shell in ipairs(shells) do
      local b = math.floor(shell[1] * a / 0.02 + 1e-3) + 1
      local here = (g.neighbours[b] or 0) + (math.abs(shell[1] * a / 0.02 % 1) < 0.01 and g.neighbours[b - 1] or 0)
      compare.close(shell[2], here, 1e-9)
      seen = seen + shell[2]
    end
    local all = 0
    for _, v in ipairs(g.neighbours) do all = all + v end
    compare.close(seen, all, 1e-9)
  end)

  it("of a Poisson process is 1", function()
    local n = 30000
    local x = (ow.rng(8):uniform({ n, 3 }) * 10):to("f32", { unchecked = true })
    local g = ow.apt.pair_correlation(x, { r_max = 1.5, bin = 0.1 })
    local local_density = 1 / math.sqrt(g.centres) -- the centres' number fluctuates about the box's density
    for i = 1, #g.g do assert.is_true(math.abs(g.g[i] - 1) < 4 * (g.error[i] + local_density)) end
    assert.matches("r_max: no ion lies 6 nm within", message(ow.apt.pair_correlation, x, { r_max = 6 }))
  end)
end)

describe("radial concentrations", function()
  it("are 1 for random labels, whatever the shape, and p is even", function()
    local s = ow.apt.synthetic { lattice = "fcc", a = 0.4, box = { 8, 8, 12 }, matrix = { Al = 0.8, Cu = 0.2 }, needle = { radius = 2, angle = 8 }, efficiency = 0.6, seed = 3 }
    local below = 0
    for i = 1, 15 do
      local t = ow.apt.shuffled_species(s.species, i)
      local g = ow.apt.rdf(s.positions, t, { from = "Cu", names = s.names, r_max = 1, bin = 0.1, seed = 50 + i })
      if g.p <= 0.3 then below = below + 1 end
      if i == 1 then
        assert.equal(63, g.relabellings)
        for b = 2, #g.r do
          if g.total[b] > 0 then
            assert.is_true(math.abs(g.null_mean[b] - 1) < 5 * g.null_sd[b] / math.sqrt(63))
            local sum = 0
            for k = 1, 2 do sum = sum + g.bulk[k] * g.normalised[k][b] end
            compare.close(1, sum, 1e-12)
          end
        end
      end
    end
    assert.is_true(below >= 1 and below <= 10)
  end)

  it("of an ordered crystal alternate, shell by shell", function()
    local a = 0.4
    local s = ow.apt.synthetic { lattice = "fcc", a = a, box = 12 * a, matrix = { Al = 1 }, domains = { { centre = { 2.4, 2.4, 2.4 }, radius = 20, order = "L1_2", variant = 1,
      occupancy = { A = { Li = 1 }, B = { Al = 1 } } } }, periodic = true, seed = 1 }
    local g = ow.apt.rdf(s.positions, s.species, { from = "Li", to = "Li", names = s.names, r_max = 0.6, bin = 0.05 })
    local li = s.names[1] == "Li" and 1 or 2
    local first, second = math.floor(a * math.sqrt(0.5) / 0.05) + 1, nil
    compare.close(0, g.concentration[li][first], 0) -- Li has twelve Al
    for b = 1, #g.r do if math.abs(g.r[b] - a) < 0.0501 and g.total[b] > 0 then second = b end end
    compare.close(1, g.concentration[li][second], 0) -- and six Li
    assert.equal(1 / 64, g.p)
    assert.equal(g.centres, s.n // 4)
  end)

  it("write the table that programs exchange", function()
    local x = (ow.rng(1):uniform({ 500, 3 }) * 3):to("f32", { unchecked = true })
    local s = (ow.rng(2):uniform({ 500 }) * 3):floor():to "i64"
    local g = ow.apt.rdf(x, s, { from = 1, names = { "Fe", "Cr" }, r_max = 1, bin = 0.2, relabellings = 0 })
    assert.equal(s:eq(0):to("i64"):sum(), g.unknown)
    assert.is_nil(g.p)
    local path = ow.sys.temp_root() .. "/orowan-rdf-" .. ow.sys.getpid() .. ".csv"
    finally(function() os.remove(path) end)
    assert(g:write(path))
    local t = assert(ow.io.read_table(path))
    assert.same({ "Distance (nm)", "Fe (concentration / bulk)", "Cr (concentration / bulk)" }, t.names)
    compare.close(g.normalised[2], t.columns[3], 1e-12)
    assert.matches("from: none of the", message(ow.apt.rdf, x, s, { from = 7 }))
  end)

  -- Measured Fe-Cr: only the normalised concentrations are at hand, not the ions. What must hold of
  -- them: with bulk shares c, the sum of c times the normalised concentrations is 1 in every
  -- shell. So the shares follow from the curves.
  it("of a measured alloy close to 1 and tell its composition", function()
    if not data then return pending "skipped: OROWAN_DATA not set" end
    for _, f in ipairs { { "10h", 1.072 }, { "100h", 1.216 } } do
      local path = data .. "/apt/fecr_rdf/RDF_" .. f[1] .. "_bulkNormalizedConc.csv"
      local head = io.lines(path)()
      assert.matches("^Distance %(nm%),Si %(concentration, ionic %%%),Cr %(.*Fe %(", head) -- commas in the names, without quotes
      local t = assert(ow.io.read_table(path, { skip = 1, header = false }))
      local columns = { Cr = t.columns[3], Fe = t.columns[4] }
      compare.close(0.2, t.columns[1][2] - t.columns[1][1], 1e-12)
      compare.close(f[2], columns.Cr[1], 5e-4)
      local m = ow.stack({ columns.Cr, columns.Fe }, 2)
      local c = ow.lstsq(m, ow.ones({ m:shape(1) })):totable()
      assert.is_true(c[1] > 0.32 and c[1] < 0.40, "share of Cr " .. c[1]) -- an Fe-35Cr alloy
      assert.is_true(math.abs(c[1] + c[2] - 1) < 0.01)
      local residual = (m:matmul(ow.tensor(c)) - 1):abs():max()
      assert.is_true(residual < 0.005, "sum differs from 1 by " .. residual)
    end
  end)
end)
