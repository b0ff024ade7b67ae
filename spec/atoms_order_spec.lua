local ow = require "orowan"

local function bcc(n, species) return ow.atoms.lattice("bcc", { a = 3, size = n, species = species or "X" }) end

describe("random solid solutions", function()
  it("have exactly the composition asked for, or sample it", function()
    local s = bcc(5)
    local third = { Nb = 1 / 3, Mo = 1 / 3, Ta = 1 / 3 }
    local r = ow.atoms.random(s, third, { seed = 3 })
    assert.same({ Mo = 84, Nb = 83, Ta = 83 }, r:counts())
    assert.is_true(r.types:equal(ow.atoms.random(s, third, { seed = 3 }).types))
    assert.is_false(r.types:equal(ow.atoms.random(s, third, { seed = 4 }).types))
    assert.same({ "Ta", "Nb", "Mo" }, ow.atoms.random(s, third, { species = { "Ta", "Nb", "Mo" } }).species)
    assert.same({ Nb = 250 }, ow.atoms.random(s, { Nb = 1 }, { sampled = true }):counts())
    local big = ow.atoms.random(bcc(30), { A = 0.2, B = 0.5, C = 0.3 }, { sampled = true, seed = 1 }):counts()
    for name, x in pairs { A = 0.2, B = 0.5, C = 0.3 } do  -- 54,000 sites, 4.5 standard deviations
      assert.is_true(math.abs(big[name] - 54000 * x) < 4.5 * math.sqrt(54000 * x * (1 - x)))
    end
    -- every site is as likely as any other: 400 cells of 16 sites, one B in each
    local hits, small = ow.zeros({ 16 }, "i64"), bcc(2)
    for seed = 1, 400 do hits = hits + ow.atoms.random(small, { A = 15 / 16, B = 1 / 16 }, { seed = seed }).types:eq(2):to "i64" end
    assert.is_true((hits - 25):to("f64"):square():sum() / 25 < 37.7)  -- chi squared, 15 degrees of freedom, 0.1 %
  end)

  it("can fill one sublattice", function()
    local s = ow.atoms.lattice("L12", { a = 3.6, size = 3, species = { A = "Al", B = "Ni" } })
    local r = ow.atoms.random(s, { Al = 0.5, Ti = 0.5 }, { sublattice = 1, seed = 1 })
    assert.same({ Al = 14, Ti = 13, Ni = 81 }, r:counts())
    assert.is_true(r.types[ow.nonzero(s.info.sublattices:eq(2)):reshape(-1)]:eq(3):all())
  end)

  it("refuse compositions that make no sense", function()
    local s = bcc(1)
    assert.error_matches(function() ow.atoms.random(s, { Nb = 0.5, Mo = 0.4 }) end, "add up to 0.9, not 1")
    assert.error_matches(function() ow.atoms.random(s, { Nb = 1.5, Mo = -0.5 }) end, "got Mo = %-0.5")
    assert.error_matches(function() ow.atoms.random(s, { Nb = 1 }, { species = { "Mo" } }) end, "Nb is not among the species Mo")
    assert.error_matches(function() ow.atoms.random(s, {}) end, "expected shares")
    assert.error_matches(function() ow.atoms.random(s, { Nb = 1 }, { sed = 1 }) end, "did you mean 'seed'")
    assert.error_matches(function() ow.atoms.random(s, { Nb = 1 }, { sublattice = 1 }) end, "the structure has none")
  end)
end)

describe("order parameters", function()
  it("of B2 are -1, 1, 1", function()
    local s = ow.atoms.lattice("B2", { a = 3, size = 3, species = { A = "Ni", B = "Al" } })
    local o = ow.atoms.order(s, ow.atoms.shells(s, 3))
    for k, alpha in ipairs { -1, 1, 1 } do
      assert.is_true(math.abs(o.warren_cowley:get(k, 1, 2) - alpha) < 1e-12)
      assert.is_true(math.abs(o.warren_cowley:get(k, 1, 1) + alpha) < 1e-12)
    end
    assert.same({ { 0, 8 }, { 8, 0 } }, o.neighbours[1]:totable())
    assert.same({ { -4, 4 }, { 4, -4 } }, o.delta[1]:totable())
    assert.same({ { 3, -3 }, { -3, 3 } }, o.delta[2]:totable())
  end)

  -- All arrangements of a small cell, in which sites are several times neighbours through the box.
  local function every(n, k, visit)
    local function go(start, left, chosen)
      if left == 0 then return visit(chosen) end
      for i = start, n - left + 1 do
        chosen[left] = i
        go(i + 1, left - 1, chosen)
      end
    end
    go(1, k, {})
  end

  it("have the mean and spread that enumeration gives", function()
    for _, case in ipairs { { { 2, 2, 1 }, 3 }, { { 1, 2, 2 }, 4 }, { { 1, 1, 3 }, 2 } } do
      local s = bcc(case[1])
      local sh = ow.atoms.shells(s, 3)
      local sum, sum2, total = ow.zeros { 3, 2, 2 }, ow.zeros { 3, 2, 2 }, 0
      every(s.n, case[2], function(chosen)
        local types = ow.ones({ s.n }, "i32")
        for _, i in ipairs(chosen) do types:set(i, 2) end
        local c = sh:pair_counts(types, 2):to "f64"
        sum, sum2, total = sum + c, sum2 + c:square(), total + 1
      end)
      local mean, deviation = ow.atoms.order_chance(sh, { s.n - case[2], case[2] })
      assert.is_true(mean:allclose(sum / total, { rtol = 1e-12, atol = 1e-9 }))
      assert.is_true(deviation:square():allclose(sum2 / total - (sum / total):square(), { rtol = 1e-9, atol = 1e-8 }))
    end
  end)

  it("have the mean and spread that shuffling gives", function()
    local s = ow.atoms.random(bcc(4), { A = 0.5, B = 0.3, C = 0.2 }, { seed = 2 })
    local sh = ow.atoms.shells(s, 2)
    local o, m = ow.atoms.order(s, sh), ow.atoms.order_shuffled(s, sh, { samples = 400, seed = 5 })
    local off = (m.warren_cowley - o.chance.warren_cowley):abs() / (o.chance.warren_cowley_deviation / 20)
    assert.is_true(off:max() < 4)
    local ratio = m.delta_deviation / o.chance.delta_deviation
    assert.is_true(ratio:max() < 1.18 and ratio:min() > 0.83)  -- 5 standard errors of a deviation: 1 / sqrt(800)
    assert.matches("shell 1  A%-B", tostring(o))
    assert.error_matches(function() ow.atoms.order(bcc(2), sh) end, "shells of 128 sites, a structure of 16")
  end)
end)

describe("special quasi-random structures", function()
  it("match the random alloy better than random cells do", function()
    local s = bcc(2)  -- 16 atoms, binary: SQS-16 of bcc has exact first and second shells
    local sh = ow.atoms.shells(s, 2)
    local q, r = ow.atoms.sqs(s, { A = 0.5, B = 0.5 }, sh, { seed = 1 })
    assert.same({ A = 8, B = 8 }, q:counts())
    assert.is_true(r.misfit < 1e-20)
    assert.is_true(r.order.warren_cowley:abs():max() < 1e-10)
    local ternary = bcc(3)
    sh = ow.atoms.shells(ternary, 3)
    local third = { A = 1 / 3, B = 1 / 3, C = 1 / 3 }
    local _, found = ow.atoms.sqs(ternary, third, sh, { seed = 1, restarts = 3 })
    local random = ow.atoms.order(ow.atoms.random(ternary, third), sh).warren_cowley:square():mean()
    assert.is_true(found.order.warren_cowley:square():mean() < random / 50)
    ow.core.system.threads(1)
    local a = ow.atoms.sqs(ternary, third, sh, { seed = 2, steps = 5000 })
    ow.core.system.threads(2)
    assert.is_true(a.types:equal(ow.atoms.sqs(ternary, third, sh, { seed = 2, steps = 5000 }).types))
  end)

  it("reach a prescribed order", function()
    local s = bcc(4)
    local sh = ow.atoms.shells(s, 2)
    local _, r = ow.atoms.sqs(s, { A = 0.5, B = 0.5 }, sh, { wanted = { { ["A-B"] = -0.25 }, { ["A-B"] = 0.25 } } })
    assert.is_true(math.abs(r.order.warren_cowley:get(1, 1, 2) + 0.25) < 0.01)
    assert.is_true(math.abs(r.order.warren_cowley:get(2, 1, 2) - 0.25) < 0.01)
    assert.is_true(math.abs(r.order.warren_cowley:get(1, 1, 1) - 0.25) < 0.01)
    assert.error_matches(function() ow.atoms.sqs(s, { A = 1 }, sh, { wanted = { { ["A-C"] = 1 } } }) end, 'expected "A%-B" = number with A, B of A')
    assert.error_matches(function() ow.atoms.sqs(s, { A = 1 }, sh, { weights = { 1 } }) end, "weights: expected 2")
  end)
end)

describe("exchanges on the lattice", function()
  it("sample Boltzmann's distribution of a cell that can be enumerated", function()
    local s = bcc({ 2, 2, 1 }) -- 8 sites, 4 B: 70 states
    local sh = ow.atoms.shells(s, 2)
    local v, kt = { 0.02, -0.007 }, 8.617333262e-5 * 600
    local z, e1, e2 = 0, 0, 0
    local types = {}
    local function go(i, left)
      if i > 8 then
        if left > 0 then return end
        local c = sh:pair_counts(ow.tensor(types, "i32"), 2):totable()
        local e = 0
        for k = 1, 2 do e = e + c[k][1][2] * v[k] end
        local w = math.exp(-e / kt)
        z, e1, e2 = z + w, e1 + w * e, e2 + w * e * e
        return
      end
      types[i] = 1
      go(i + 1, left)
      if left > 0 then
        types[i] = 2
        go(i + 1, left - 1)
        types[i] = 1
      end
    end
    go(1, 4)
    local start = ow.atoms.random(s, { A = 0.5, B = 0.5 }, { seed = 1 })
    local _, run = ow.atoms.lattice_swaps(start, sh, { energies = { { ["A-B"] = v[1] }, { ["A-B"] = v[2] } }, temperature = 600, steps = 600000, record = 30, seed = 4 })
    local mean, variance = e1 / z, e2 / z - (e1 / z) ^ 2
    -- 20,000 records, nearly independent: five standard errors
    assert.is_true(math.abs(run.energy:mean() - mean) < 5 * math.sqrt(variance / 20000 * 1.5))
    assert.is_true(math.abs(run.energy:var() / variance - 1) < 0.1)
    assert.same({ 20000, 2, 2, 2 }, run.counts:shape())
  end)

  it("order below the critical temperature of the bcc Ising model and not above", function()
    -- kT_c = 6.355 J with J = V_AB / 2 for unlike pairs attracting by V_AB (Ising bcc antiferromagnet)
    local s = ow.atoms.random(bcc(6), { A = 0.5, B = 0.5 }, { seed = 1 })
    local sh = ow.atoms.shells(s, 2)
    local v = 0.05
    local tc = 6.355 * v / 2 / 8.617333262e-5
    local function alpha(t)
      local _, run = ow.atoms.lattice_swaps(s, sh, { energies = { { ["A-B"] = -v } }, temperature = t, steps = 2000 * s.n, record = 20 * s.n, seed = 2 })
      return run.warren_cowley:slice(1, 51, 100):mean(1)
    end
    local cold, hot = alpha(0.6 * tc), alpha(1.6 * tc)
    assert.is_true(cold:get(2, 1, 2) > 0.7)
    assert.is_true(hot:get(2, 1, 2) < 0.25 and hot:get(1, 1, 2) < -0.05)
  end)

  it("say what is wrong", function()
    local s = bcc(2, "A")
    local sh = ow.atoms.shells(s, 1)
    assert.error_matches(function() ow.atoms.lattice_swaps(s, sh, { energies = {}, steps = 1 }) end, "temperature: expected kelvins")
    assert.error_matches(function() ow.atoms.lattice_swaps(s, sh, { energies = {}, temperature = 1 }) end, "steps: expected")
    assert.error_matches(function() ow.atoms.lattice_swaps(bcc(1), sh, { energies = {}, temperature = 1, steps = 1 }) end, "shells: expected those")
    assert.error_matches(function() ow.atoms.lattice_swaps(s, sh, { energies = { {}, {} }, temperature = 1, steps = 1 }) end, "shell 2 of 1")
  end)
end)
