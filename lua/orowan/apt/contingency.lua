--- Are clusters larger, or more, than chance makes them? The 2 x k table of cluster sizes in the
--- data and with shuffled species, and the contingency coefficient mu = sqrt(chi2 / (N + chi2)),
--- N the clusters of both rows (Moody et al., Microsc. Res. Tech. 71, 542, 2008). Without any
--- difference mu is not 0 but about sqrt((k - 1) / N): the permutation p-value says what that means.
local core = require "orowan.core"
local points = require "orowan.apt.points"

local M = {}

local function numbers(fn, what, v)
  if core.tensor.is_tensor(v) then v = v:totable() end
  if type(v) ~= "table" then points.raise(fn, "%s: expected a list of cluster sizes, got %s", what, type(v)) end
  for i, s in ipairs(v) do
    if type(s) ~= "number" or s ~= s or s <= 0 then points.raise(fn, "%s: size %d: expected a number above 0, got %s", what, i, tostring(s)) end
  end
  return v
end

-- Upper edges of bins over the pooled sizes such that both rows are expected to hold at least
-- `least` each; what is left at the end joins the last bin.
local function merge(pool, rows, least)
  local total = rows[1] + rows[2]
  local need = least * total / math.min(rows[1], rows[2])
  local edges, n = {}, 0
  for i, s in ipairs(pool) do
    n = n + 1
    if n >= need and pool[i + 1] ~= s then edges[#edges + 1], n = s, 0 end
  end
  if n > 0 and #edges > 0 then edges[#edges] = pool[#pool]
  elseif n > 0 then edges[1] = pool[#pool] end
  return edges
end

local function chi2_of(counts, rows)
  local total, chi2 = rows[1] + rows[2], 0
  for k = 1, #counts[1] do
    local column = counts[1][k] + counts[2][k]
    for r = 1, 2 do
      local e = rows[r] * column / total
      if e > 0 then chi2 = chi2 + (counts[r][k] - e) ^ 2 / e end
    end
  end
  return chi2
end

---@class orowan.apt.contingency
---@field mu number
---@field error number standard deviation of mu over resampled clusters (bootstrap of either row); NaN with `resamples` 0
---@field chi2 number
---@field k integer bins
---@field n integer clusters in both rows
---@field null number sqrt((k - 1) / N), what mu is about without any difference
---@field null_mean number mean of mu over the permutations
---@field null_high number 95 % quantile of mu over the permutations
---@field p number share of permutations with a mu at least as large, (1 + m) / (1 + permutations)
---@field p_chi2 number from the chi2 distribution with k - 1 degrees of freedom
---@field edges number[] upper ends of the bins
---@field counts integer[][] {real, shuffled}

--- Compares two lists of cluster sizes. For rows that hold fewer than five clusters in two bins
--- there is nothing to compare: k = 1, mu = 0, p = 1.
---@param real integer[]|orowan.tensor sizes of clusters in the data
---@param shuffled integer[]|orowan.tensor sizes of clusters with shuffled species
---@param options? {expectation?: number, permutations?: integer, resamples?: integer, seed?: integer} expectation: least number expected in every cell (5); permutations (999); resamples for the error (200)
---@return orowan.apt.contingency
function M.contingency(real, shuffled, options)
  local fn = "contingency"
  local o = points.options(fn, options, { "expectation", "permutations", "resamples", "seed" })
  local least, perms = points.number(fn, o, "expectation", 5, 0, true), points.whole(fn, o, "permutations", 999, 1)
  local resamples = points.whole(fn, o, "resamples", 200, 0)
  real, shuffled = numbers(fn, "real", real), numbers(fn, "shuffled", shuffled)
  local rows = { #real, #shuffled }
  local n = rows[1] + rows[2]
  if rows[1] == 0 or rows[2] == 0 then
    return { mu = 0 / 0, error = 0 / 0, chi2 = 0 / 0, k = 0, n = n, null = 0 / 0, null_mean = 0 / 0, null_high = 0 / 0, p = 0 / 0, p_chi2 = 0 / 0, edges = {}, counts = { {}, {} } }
  end
  local pool, of = {}, {}
  for i = 1, n do of[i] = { i <= rows[1] and real[i] or shuffled[i - rows[1]], i <= rows[1] and 1 or 2 } end
  table.sort(of, function(a, b) return a[1] < b[1] end)
  for i, v in ipairs(of) do pool[i] = v[1] end
  local edges = merge(pool, rows, least)
  local k = #edges
  local bin, counts, at = {}, { {}, {} }, 1
  for b = 1, k do counts[1][b], counts[2][b] = 0, 0 end
  for i = 1, n do
    while pool[i] > edges[at] do at = at + 1 end
    bin[i] = at
    local r = counts[of[i][2]]
    r[at] = r[at] + 1
  end
  local chi2 = chi2_of(counts, rows)
  local function mu_of(c) return math.sqrt(c / (n + c)) end
  local rng, bins = core.random.rng(o.seed or 0, 77), core.tensor.tensor(bin, "i64")
  local column, mus, larger, sum = bins:bincount { first = 1, size = k }:totable(), {}, 0, 0
  for p = 1, perms do
    local first = bins[rng:permutation(n):slice(1, 1, rows[1])]:bincount { first = 1, size = k }:totable()
    local second = {}
    for b = 1, k do second[b] = column[b] - first[b] end
    local c = chi2_of({ first, second }, rows)
    mus[p] = mu_of(c)
    sum = sum + mus[p]
    if c >= chi2 * (1 - 1e-12) then larger = larger + 1 end
  end
  table.sort(mus)
  local err = 0 / 0
  if resamples > 1 then
    local row = {}  -- bins of either row's clusters
    for r = 1, 2 do
      local list = {}
      for i = 1, n do if of[i][2] == r then list[#list + 1] = bin[i] end end
      row[r] = core.tensor.tensor(list, "i64")
    end
    local s, s2 = 0, 0
    for _ = 1, resamples do
      local c = {}
      for r = 1, 2 do c[r] = row[r][rng:integers(1, rows[r], { rows[r] })]:bincount { first = 1, size = k }:totable() end
      local v = mu_of(chi2_of(c, rows))
      s, s2 = s + v, s2 + v * v
    end
    err = math.sqrt(math.max(0, s2 / resamples - (s / resamples) ^ 2) * resamples / (resamples - 1))
  end
  return { mu = mu_of(chi2), error = err, chi2 = chi2, k = k, n = n, null = math.sqrt((k - 1) / n), null_mean = sum / perms,
    null_high = mus[math.ceil(0.95 * perms)], p = (1 + larger) / (1 + perms), p_chi2 = k > 1 and core.stats.chi2_p(chi2, k - 1) or 1,
    edges = edges, counts = counts }
end

return M
