local ow = require "orowan"
local compare = dofile "spec/support/compare.lua"
local message = compare.message

local function poisson(n, edge, seed)
  return (ow.rng(seed):uniform({ n, 3 }) * edge):to("f32", { unchecked = true }), (ow.rng(seed + 1):uniform({ n }) * 4):floor():to "i64"
end

describe("neighbour distances", function()
  it("of a Poisson process follow the incomplete gamma function", function()
    -- k = 1: 1 - exp(-rho v); the mean is gamma(k + 1/3) / gamma(k) (4/3 pi rho)^(-1/3)
    local rho, r = 3, 0.4
    compare.close(1 - math.exp(-rho * 4 / 3 * math.pi * r ^ 3), ow.apt.poisson_neighbour(r, 1, rho), 1e-12)
    local l = rho * 4 / 3 * math.pi * r ^ 3
    compare.close(1 - math.exp(-l) * (1 + l + l * l / 2), ow.apt.poisson_neighbour(r, 3, rho), 1e-12)
    assert.equal(0, ow.apt.poisson_neighbour(0, 1, rho))
    local x, s = poisson(8000, 10, 1)
    local d = ow.apt.neighbour_distances(x, s, { from = 1, k = 3, relabellings = 19, box = { 10, 10, 10 } })
    assert.equal(2, math.floor(d.density))
    local gamma = { 0.8929795115692493, 1.1906393487589990, 2.7781584804376643 / 2 } -- gamma(k + 1/3) / gamma(k)
    for k, o in ipairs(d.orders) do
      local scale = (4 / 3 * math.pi * d.density) ^ (-1 / 3)
      assert.is_true(math.abs(o.mean / (gamma[k] * scale) - 1) < 0.03)
      local cdf, law = 0, 0
      for i = 1, #d.r do
        law = law + o.poisson[i] * (d.edges[i + 1] - d.edges[i])
        cdf = math.max(cdf, math.abs(law - o.cdf[i]))
      end
      assert.is_true(cdf < 1.63 / math.sqrt(d.from) * 1.5) -- KS at 1 %, neighbours are not independent
      assert.is_true(o.p > 0.02)
      local inside = 0
      for i = 1, #d.r do if o.density[i] >= o.low[i] and o.density[i] <= o.high[i] then inside = inside + 1 end end
      assert.is_true(inside > 0.75 * #d.r)
    end
  end)

  it("tell clustered ions from chance, and p is even without clusters", function()
    local x, s = poisson(3000, 8, 3)
    local below = 0
    for i = 1, 20 do
      local t = ow.apt.shuffled_species(s, i)
      if ow.apt.neighbour_distances(x, t, { from = 1, relabellings = 9, seed = 100 + i }).orders[1].p <= 0.3 then below = below + 1 end
    end
    assert.is_true(below >= 1 and below <= 13) -- binomial(20, 0.3)
    local near = (x - ow.tensor({ 4, 4, 4 }, "f32")):square():sum(2):lt(2)
    local clustered = ow.where(near, 1, ow.where(s:eq(1), 2, s)):to "i64"
    local d = ow.apt.neighbour_distances(x, clustered, { from = 1, relabellings = 19 })
    assert.equal(1 / 20, d.orders[1].p)
    assert.equal(1 / 20, d.orders[1].p_mean)
    assert.is_true(d.orders[1].mean < d.orders[1].null_mean - 5 * d.orders[1].null_sd)
  end)

  it("look for other species, names and all", function()
    local x, s = poisson(2000, 6, 5)
    local names = { "Al", "Li", "Mg" }
    local d = ow.apt.neighbour_distances(x, s, { from = "Li", to = "Mg", names = names, relabellings = 5 })
    assert.equal(s:eq(2):to("i64"):sum(), d.from)
    assert.equal(s:eq(3):to("i64"):sum(), d.to)
    local a, b = x[s:eq(2)], x[s:eq(3)]
    local _, r = ow.geometry.knn(b, 1, { queries = a })
    compare.close(r:mean(), d.orders[1].mean, 1e-6)
    assert.matches("from and to: species 1 is in both", message(ow.apt.neighbour_distances, x, s, { from = { 1, 2 }, to = 1 }))
    assert.matches("too few for k = 3", message(ow.apt.neighbour_distances, x:slice(1, 1, 9), ow.tensor({ 1, 1, 1, 2, 2, 2, 2, 2, 2 }, "i64"), { from = 1, k = 3 }))
  end)
end)
