--- Chemical order of an alloy on a lattice. N^k_ab is the mean number of b atoms in shell k around
--- an atom of a; N^k_0,ab = z_k x_b that of the infinite random alloy; delta = N - N_0 (Ding, Yu,
--- Asta, Ritchie, PNAS 115 (2018) 8919), alpha = 1 - N / N_0 the parameters of Cowley, J. Appl.
--- Phys. 21 (1950) 24. What chance gives in a finite cell of fixed composition is exact: the
--- counts of pairs are join counts of a random permutation (Moran, J. R. Stat. Soc. B 10 (1948)
--- 243; Cliff and Ord, Spatial Processes, 1981, ch. 2, non-free sampling), extended here to sites
--- that are several times neighbours through the periodic box.
local core = require "orowan.core"

local order = {}

-- Sums over the table that the variance needs, for each shell: L directed joins, A2 = sum of w_ij^2,
-- D2 = sum of squared degrees, W = joins of atoms with their own images.
local kept = setmetatable({}, { __mode = "k" })
local function joins(sh)
  if kept[sh] then return kept[sh] end
  local out, at = {}, sh.starts:totable()
  local own = core.create.arange(1, sh.n, 1, "i32"):reshape(sh.n, 1)
  for k = 1, sh.count do
    local o = sh.neighbours:slice(2, at[k] + 1, at[k + 1])
    local real = o:gt(0):logical_and(o:ne(own))
    local degree = real:to "i64":sum(2)
    -- neighbours of a site sorted: a site met m times stands in a run of m; sum of m^2 = m + 2 sum of
    -- those met before in the run, which shifted comparisons count
    local sorted = core.index.where(real, o, 0):to "i64":sort(2)
    local a2 = degree:sum()
    for d = 1, at[k + 1] - at[k] - 1 do
      local same = sorted:slice(2, 1 + d, -1):eq(sorted:slice(2, 1, -1 - d)):logical_and(sorted:slice(2, 1 + d, -1):gt(0)):to("i64"):sum()
      if same == 0 then break end
      a2 = a2 + 2 * same
    end
    out[k] = { L = degree:sum(), A2 = a2, D2 = degree:square():sum(), W = o:eq(own):to("i64"):sum() }
  end
  kept[sh] = out
  return out
end

local function falling(n, k)
  local p = 1.0
  for i = 0, k - 1 do p = p * (n - i) end
  return p
end

--- Mean and spread of the numbers of pairs when the atoms of a cell are shuffled.
---@param sh orowan.atoms.shells
---@param amounts integer[] atoms of each species; their sum is the number of sites
---@return orowan.tensor mean f64 [shells, species, species], neighbours b around all atoms a
---@return orowan.tensor deviation f64, standard deviation
function order.chance(sh, amounts)
  local n, S = sh.n, #amounts
  local sum = 0
  for _, a in ipairs(amounts) do sum = sum + a end
  if sum ~= n then error(("atoms.order: amounts: %d atoms on %d sites"):format(sum, n), 2) end
  local mean, deviation = {}, {}
  for k, j in ipairs(joins(sh)) do
    mean[k], deviation[k] = {}, {}
    local shared, apart = j.D2 - j.A2, j.L ^ 2 - 2 * j.A2 - 4 * (j.D2 - j.A2)
    local function over(p, m) return p > 0 and p / falling(n, m) or 0 end
    for a = 1, S do
      mean[k][a], deviation[k][a] = {}, {}
      for b = 1, S do
        local x, y = amounts[a], amounts[b]
        local first, second
        if a == b then
          first = j.L * over(falling(x, 2), 2)
          second = 2 * j.A2 * over(falling(x, 2), 2) + 4 * shared * over(falling(x, 3), 3) + apart * over(falling(x, 4), 4)
        else
          first = j.L * over(x * y, 2)
          second = j.A2 * over(x * y, 2) + shared * over(x * falling(y, 2) + falling(x, 2) * y, 3) + apart * over(falling(x, 2) * falling(y, 2), 4)
        end
        mean[k][a][b] = first + (a == b and j.W * x / n or 0)
        deviation[k][a][b] = math.sqrt(math.max(0, second - first ^ 2))
      end
    end
  end
  return core.tensor.tensor(mean, "f64"), core.tensor.tensor(deviation, "f64")
end

---@class orowan.atoms.order
---@field species string[]
---@field fractions number[] share of each species
---@field neighbours orowan.tensor N^k_ab, f64 [shells, species, species]: mean number of b around an a
---@field delta orowan.tensor N^k_ab - z_k x_b
---@field warren_cowley orowan.tensor alpha^k_ab = 1 - N^k_ab / (z_k x_b)
---@field chance {delta: orowan.tensor, warren_cowley: orowan.tensor, delta_deviation: orowan.tensor, warren_cowley_deviation: orowan.tensor} mean and standard deviation over random arrangements of the same atoms on the same sites
local Order = {}
Order.__index = Order

-- Counts (any leading axes, then shells, a, b) -> N, delta, alpha.
local function parameters(counts, sh, amounts)
  local S, n = #amounts, sh.n
  local x, z = core.tensor.tensor(amounts, "f64"):reshape(1, S) / n, {}
  for k, j in ipairs(joins(sh)) do z[k] = (j.L + j.W) / n end
  local zt = core.tensor.tensor(z, "f64"):reshape(sh.count, 1, 1)
  local N = counts:to "f64" / core.tensor.tensor(amounts, "f64"):reshape(S, 1)
  return N, N - zt * x, 1 - N / (zt * x)
end

--- Pair order of a structure.
---@param s orowan.atoms.structure
---@param sh orowan.atoms.shells its shells
---@return orowan.atoms.order order a species without atoms has NaN
function order.of(s, sh)
  if sh.n ~= s.n then error(("atoms.order: shells of %d sites, a structure of %d atoms"):format(sh.n, s.n), 2) end
  local S, counts, amounts, fractions = #s.species, s:counts(), {}, {}
  for a, name in ipairs(s.species) do
    amounts[a] = counts[name]
    fractions[a] = counts[name] / s.n
  end
  local N, delta, alpha = parameters(sh:pair_counts(s.types, S), sh, amounts)
  local mean, deviation = order.chance(sh, amounts)
  local _, mean_delta, mean_alpha = parameters(mean, sh, amounts)
  local spread, base = parameters(deviation, sh, amounts), parameters(mean, sh, amounts)
  local z = (base - mean_delta) -- z_k x_b
  return setmetatable({ species = s.species, fractions = fractions, neighbours = N, delta = delta, warren_cowley = alpha,
    chance = { delta = mean_delta, warren_cowley = mean_alpha, delta_deviation = spread, warren_cowley_deviation = spread / z } }, Order)
end

--- The same parameters from records of pair numbers (of a Monte Carlo run).
---@param counts orowan.tensor i64 [records, shells, species, species]
---@param s orowan.atoms.structure any with that composition
---@param sh orowan.atoms.shells
---@return orowan.tensor delta f64, same shape
---@return orowan.tensor warren_cowley f64, same shape
function order.records(counts, s, sh)
  local amounts, c = {}, s:counts()
  for a, name in ipairs(s.species) do amounts[a] = c[name] end
  local _, delta, alpha = parameters(counts, sh, amounts)
  return delta, alpha
end

--- Mean and spread by shuffling, for structures and quantities that the formula does not cover.
---@param s orowan.atoms.structure
---@param sh orowan.atoms.shells
---@param options? {samples: integer?, seed: integer?} samples: default 200
---@return {delta: orowan.tensor, warren_cowley: orowan.tensor, delta_deviation: orowan.tensor, warren_cowley_deviation: orowan.tensor, samples: integer} chance
function order.shuffled(s, sh, options)
  options = options or {}
  local samples, g, list = options.samples or 200, core.random.rng(options.seed or 0, 11), {}
  if math.type(samples) ~= "integer" or samples < 2 then error(("atoms.order: samples: expected 2 or more, got %s"):format(tostring(samples)), 2) end
  for k = 1, samples do list[k] = sh:pair_counts(s.types[g:permutation(s.n)], #s.species) end
  local delta, alpha = order.records(core.index.stack(list, 1), s, sh)
  return { delta = delta:mean(1), warren_cowley = alpha:mean(1), delta_deviation = delta:std(1, { ddof = 1 }),
    warren_cowley_deviation = alpha:std(1, { ddof = 1 }), samples = samples }
end

function Order:__tostring()
  local lines = { "Warren-Cowley parameters (in brackets: chance gives mean +- standard deviation)" }
  for k = 1, self.warren_cowley:shape(1) do
    for a = 1, #self.species do
      for b = a, #self.species do
        lines[#lines + 1] = ("shell %d  %s-%s  %+.4f  (%+.4f +- %.4f)"):format(k, self.species[a], self.species[b], self.warren_cowley:get(k, a, b),
          self.chance.warren_cowley:get(k, a, b), self.chance.warren_cowley_deviation:get(k, a, b))
      end
    end
  end
  return table.concat(lines, "\n")
end

return order
