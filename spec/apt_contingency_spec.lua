local ow = require "orowan"
local compare = dofile "spec/support/compare.lua"
local message = compare.message

local function spread(list)  -- {{size, times}, ..}
  local t = {}
  for _, v in ipairs(list) do for _ = 1, v[2] do t[#t + 1] = v[1] end end
  return t
end

describe("the contingency coefficient", function()
  it("is that of a table worked out by hand", function()
    -- rows 30 10 / 10 30 of two sizes: chi2 = 80 (30 30 - 10 10)^2 / 40^4 = 20, mu = sqrt(20 / 100)
    local m = ow.apt.contingency(spread { { 3, 10 }, { 9, 30 } }, spread { { 3, 30 }, { 9, 10 } }, { permutations = 199 })
    assert.equal(2, m.k)
    assert.equal(80, m.n)
    compare.close(20, m.chi2, 1e-12)
    compare.close(math.sqrt(0.2), m.mu, 1e-12)
    assert.same({ { 10, 30 }, { 30, 10 } }, m.counts)
    compare.close(math.sqrt(1 / 80), m.null, 1e-12)
    assert.equal(1 / 200, m.p)
    compare.close(7.744e-6, m.p_chi2, 1e-8)
    -- mu of this table is |difference of shares| / sqrt(that^2 + 4 p (1 - p)): to first order the
    -- error of mu is that of the difference, sqrt(2 (3/4) (1/4) / 40), times d mu / d difference = 0.8^1.5
    assert.is_true(math.abs(m.error / (math.sqrt(2 * 0.1875 / 40) * 0.8 ^ 1.5) - 1) < 0.25, m.error)
  end)

  it("merges bins to an expectation of five in both rows", function()
    local r = ow.rng(1)
    local function sizes(n) return (r:exponential({ n }) * 8):floor():to("i64"):add(2):totable() end
    local m = ow.apt.contingency(sizes(60), sizes(400), { permutations = 99 })
    assert.is_true(m.k > 4)
    for k = 1, m.k do
      assert.is_true((m.counts[1][k] + m.counts[2][k]) * 60 / 460 >= 5)
      assert.is_true(k == 1 or m.edges[k] > m.edges[k - 1])
    end
  end)

  it("without a difference is about sqrt((k - 1) / N), and p is even", function()
    local r = ow.rng(3)
    local below, sum, null, n = 0, 0, 0, 60
    for i = 1, n do
      local function sizes() return (r:exponential({ 150 }) * 8):floor():to("i64"):add(2):totable() end
      local m = ow.apt.contingency(sizes(), sizes(), { permutations = 99, seed = i })
      if m.p <= 0.2 then below = below + 1 end
      sum, null = sum + m.mu, null + m.null
    end
    assert.is_true(below > 3 and below < 24) -- binomial(60, 0.2) within 3 sigma
    assert.is_true(sum / null > 0.85 and sum / null < 1.05)
  end)

  it("says that there is nothing to compare, and refuses nonsense", function()
    local m = ow.apt.contingency({ 3, 3, 4 }, { 3, 5 })
    assert.equal(1, m.k)
    assert.equal(0, m.mu)
    assert.equal(1, m.p)
    local none = ow.apt.contingency({}, { 3 })
    assert.equal(0, none.k)
    assert.is_true(none.mu ~= none.mu)
    assert.matches("real: size 2: expected a number above 0, got %-1", message(ow.apt.contingency, { 1, -1 }, { 1 }))
    assert.matches("shuffled: expected a list", message(ow.apt.contingency, { 1 }, 3))
  end)
end)
