--- Distances to the k-th nearest neighbour of a species, beside what chance alone gives: the
--- same positions with the species relabelled at random (edges, density variations and the
--- crystal stay), and the analytic law of a homogeneous Poisson process
--- (Philippe et al., Nucl. Instrum. Methods B 267, 1653, 2009; Stephenson et al., Microsc.
--- Microanal. 13, 448, 2007).
local core = require "orowan.core"
local geometry = require "orowan.geometry"
local points = require "orowan.apt.points"

local M = {}

---@class orowan.apt.neighbour_distances
---@field r number[] nm, middles of the bins
---@field edges number[] nm
---@field orders {k: integer, density: number[], cdf: number[], null: number[], low: number[], high: number[], poisson: number[], mean: number, null_mean: number, null_sd: number, statistic: number, p: number, p_mean: number}[] one for each k: density 1/nm; cdf at the upper edges; null, low, high: mean and 95 % envelope of the relabelled densities; poisson: density 1/nm of a Poisson process of the same number density; mean nm with its value under the null; statistic: largest |F - mean F|; p: its Monte Carlo p-value; p_mean: of a smaller mean distance (clustering)
---@field from integer ions asked
---@field to integer ions found
---@field density number per nm^3, of the species looked for
---@field relabellings integer

--- Law of the k-th neighbour distance in a Poisson process: P(d <= r) = P(k, 4/3 pi rho r^3)
--- (regularised incomplete gamma function).
---@param r number nm
---@param k integer
---@param density number per nm^3
---@return number probability
function M.poisson_neighbour(r, k, density)
  if not (r > 0) then return 0 end  -- luacheck: ignore
  return 1 - core.stats.chi2_p(2 * density * 4 / 3 * math.pi * r ^ 3, 2 * k)
end

-- Sorted distances of every order.
local function distances(x, labels, from, to, same, k, box)
  local a = x[points.mask(labels, from)]
  local d
  if same then
    local _, r = geometry.knn(a, k, { box = box })
    d = r
  else
    local _, r = geometry.knn(x[points.mask(labels, to)], k, { queries = a, box = box })
    d = r
  end
  local list = {}
  for i = 1, k do list[i] = d:select(2, i):contiguous():to("f64"):sort() end
  return list
end

-- Shares of sorted values up to each edge.
local function shares(sorted, edges)
  local n = sorted:numel()
  local at = core.sort.searchsorted(sorted, edges, { right = true }):totable()
  for i = 1, #at do at[i] = (at[i] - 1) / n end
  return at
end

local function quantile(list, q)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  return sorted[math.max(1, math.min(#sorted, math.floor(q * #sorted + 0.5)))]
end

--- Distributions of the distances to the 1st .. k-th neighbour.
---
--- The p-value compares the largest difference of the distribution function from the mean of the
--- data and all relabellings, so that data and relabellings are exchangeable under the null: p is
--- exact at any number of relabellings (at least 1 / (R + 1)).
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor i64 [n], 1-based; 0: unknown, left out
---@param options {from: integer|string|(integer|string)[], to?: integer|string|(integer|string)[], names?: string[], k?: integer, bins?: integer, r_max?: number, relabellings?: integer, volume?: number, box?: table, seed?: integer} from: ions that ask; to: neighbours looked for (default: from); k orders (1); bins (60) up to r_max nm (default 1.3 times the largest 99 % quantile); relabellings R (39); volume nm^3 for the Poisson law (default: bounding box); box: periodic, as `geometry.knn`
---@return orowan.apt.neighbour_distances
function M.distances(positions, species, options)
  local fn = "neighbour_distances"
  local o = points.options(fn, options, { "from", "to", "names", "k", "bins", "r_max", "relabellings", "volume", "box", "seed" })
  local x, s = points.check(fn, positions, species)
  local from_set, from = points.set(fn, "from", o.from or {}, o.names)
  local to_set, to = from_set, from
  if o.to ~= nil then to_set, to = points.set(fn, "to", o.to, o.names) end
  local same = #from == #to
  for key in pairs(from_set) do same = same and to_set[key] end
  for key in pairs(from_set) do
    if not same and to_set[key] then points.raise(fn, "from and to: species %d is in both; expected the same species or none in common", key) end
  end
  local k, bins, R = points.whole(fn, o, "k", 1, 1), points.whole(fn, o, "bins", 60, 2), points.whole(fn, o, "relabellings", 39, 1)
  local ranged = s:gt(0)
  x, s = x[ranged], s[ranged]
  local n_from, n_to = points.mask(s, from):to("i64"):sum(), points.mask(s, to):to("i64"):sum()
  if n_from == 0 or n_to < k + (same and 1 or 0) then points.raise(fn, "%d ions of from, %d of to: too few for k = %d", n_from, n_to, k) end
  local all = { distances(x, s, from, to, same, k, o.box) }
  for r = 1, R do all[r + 1] = distances(x, points.shuffled(s, o.seed or 0, 3000 + r), from, to, same, k, o.box) end
  local r_max = o.r_max or 1.3 * math.max(all[1][k]:quantile(0.99), all[2][k]:quantile(0.99))
  local edges, middles = {}, {}
  for i = 0, bins do edges[i + 1] = r_max * i / bins end
  for i = 1, bins do middles[i] = (edges[i] + edges[i + 1]) / 2 end
  local volume = o.volume
  if not volume and o.box and type(o.box[1]) == "number" then volume = o.box[1] * o.box[2] * o.box[3] end
  if not volume then
    local size = (x:max(1) - x:min(1)):totable()
    volume = size[1] * size[2] * size[3]
  end
  local density, width = n_to / volume, r_max / bins
  local out = { r = middles, edges = edges, orders = {}, from = n_from, to = n_to, density = density, relabellings = R }
  for j = 1, k do
    local cdf, mean, means = {}, {}, {}
    for t = 1, R + 1 do
      cdf[t], means[t] = shares(all[t][j], edges), all[t][j]:mean()
      for i = 1, bins + 1 do mean[i] = (mean[i] or 0) + cdf[t][i] / (R + 1) end
    end
    local larger, smaller, stat, sum, sum2 = 0, 0, nil, 0, 0
    for t = 1, R + 1 do
      local d = 0
      for i = 1, bins + 1 do d = math.max(d, math.abs(cdf[t][i] - mean[i])) end
      stat = stat or d
      if d >= stat - 1e-15 then larger = larger + 1 end
      if means[t] <= means[1] then smaller = smaller + 1 end
      if t > 1 then sum, sum2 = sum + means[t], sum2 + means[t] ^ 2 end
    end
    local row = { k = j, density = {}, cdf = {}, null = {}, low = {}, high = {}, poisson = {}, mean = means[1], null_mean = sum / R,
      null_sd = R > 1 and math.sqrt(math.max(0, sum2 / R - (sum / R) ^ 2) * R / (R - 1)) or 0 / 0, statistic = stat, p = larger / (R + 1), p_mean = smaller / (R + 1) }
    for i = 1, bins do
      local list, total = {}, 0
      for t = 1, R + 1 do
        list[t] = (cdf[t][i + 1] - cdf[t][i]) / width
        if t > 1 then total = total + list[t] end
      end
      row.density[i], row.cdf[i], row.null[i] = list[1], cdf[1][i + 1], total / R
      table.remove(list, 1)
      row.low[i], row.high[i] = quantile(list, 0.025), quantile(list, 0.975)
      row.poisson[i] = (M.poisson_neighbour(edges[i + 1], j, density) - M.poisson_neighbour(edges[i], j, density)) / width
    end
    out.orders[j] = row
  end
  return out
end

return M
