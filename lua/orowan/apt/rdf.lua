--- Pair correlation of ions. Two ways past the edges of a reconstruction:
---
--- `rdf` divides by what the same positions give with random labels: the concentration of a
--- species in the shell at r around ions of another, over its concentration in the bulk
--- ("bulk-normalised concentration"; de Geuser et al., Philos. Mag. Lett. 86, 227, 2006). Edges,
--- poles and density variations are in both and cancel, whatever the shape of the specimen.
---
--- `pair_correlation` is the classical g(r) of a box: centres at least r_max inside, number
--- density times shell volume as the expectation. The density is that of the whole box: where it
--- varies, g does not tend to 1.
local core = require "orowan.core"
local io = require "orowan.io"
local points = require "orowan.apt.points"

local M = {}

---@class orowan.apt.rdf
---@field r number[] nm, middles of the shells
---@field bin number nm
---@field names string[]
---@field pairs integer[][] per species: pairs of a centre and a neighbour in the shell
---@field total integer[] pairs with any ranged neighbour
---@field concentration number[][] per species: share of it in the shell
---@field bulk number[] share of each species in the bulk (the centre itself left out)
---@field normalised number[][] per species: concentration / bulk; 1: random
---@field error number[][] per species: counting error of it, sqrt(pairs); overlapping shells make the true error larger: see null_sd
---@field to integer[] species of the null
---@field g number[] normalised concentration of the species `to` together
---@field null_mean number[] of g under relabelling
---@field null_sd number[]
---@field low number[] 2.5 % quantile of the relabelled g
---@field high number[] 97.5 % quantile
---@field statistic number largest |g - mean| / sd over the shells
---@field p number its Monte Carlo p-value, from the data and all relabellings
---@field relabellings integer
---@field centres integer
---@field unknown integer ions of species 0, left out
local Rdf = {}
Rdf.__index = Rdf

local known = { "from", "to", "names", "r_max", "bin", "relabellings", "seed" }

-- Global test: the data are row 1, all rows exchangeable.
local function compare(rows, bins)
  local n, mean, sd = #rows, {}, {}
  for i = 1, bins do
    local s, s2, m = 0, 0, 0
    for t = 1, n do
      local v = rows[t][i]
      if v == v then s, s2, m = s + v, s2 + v * v, m + 1 end
    end
    mean[i] = m > 0 and s / m or 0 / 0
    sd[i] = m > 1 and math.sqrt(math.max(0, s2 / m - mean[i] ^ 2) * m / (m - 1)) or 0
  end
  local stat, larger
  for t = 1, n do
    local d = 0
    for i = 1, bins do
      local v = rows[t][i]
      if v == v and sd[i] > 0 then d = math.max(d, math.abs(v - mean[i]) / sd[i]) end
    end
    stat, larger = stat or d, larger or 0
    if d >= stat - 1e-12 then larger = larger + 1 end
  end
  return stat, larger / n
end

--- Radial concentration around the ions of a species, normalised by the bulk, with its null.
---
--- The null relabels all ranged ions at random; 63 labellings are counted in one walk through the pairs.
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor i64 [n], 1-based; 0: unknown, left out
---@param options {from: integer|string|(integer|string)[], to?: integer|string|(integer|string)[], names?: string[], r_max?: number, bin?: number, relabellings?: integer, seed?: integer} from: centres; to: species whose null is made (default: from); r_max nm (3); bin nm (0.05); relabellings: rounded up to a multiple of 63 (63), 0: none
---@return orowan.apt.rdf
function M.rdf(positions, species, options)
  local fn = "rdf"
  local o = points.options(fn, options, known)
  local x, s = points.check(fn, positions, species)
  local _, from = points.set(fn, "from", o.from or {}, o.names)
  local _, to = points.set(fn, "to", o.to or o.from, o.names)
  local r_max, width = points.number(fn, o, "r_max", 3, 0, true), points.number(fn, o, "bin", 0.05, 0, true)
  local wanted = points.whole(fn, o, "relabellings", 63, 0)
  local bins = math.max(1, math.floor(r_max / width + 0.5))
  local window = { radial = true, reach = { bins * width }, bins = { bins } }
  local ranged = s:gt(0)
  local unknown = ranged:numel() - ranged:to("i64"):sum()
  x, s = x[ranged], s[ranged]
  local counts = points.counts(s, o.names and #o.names)
  local n_species, n = #counts, s:numel()
  if n_species > 255 then points.raise(fn, "species: expected at most 255, got %d", n_species) end
  local centre = points.mask(s, from)
  local centres = centre:to("i64"):sum()
  if centres == 0 or n < 2 then points.raise(fn, "from: none of the %d ranged ions is of this species", n) end
  local names = {}
  for k = 1, n_species do names[k] = o.names and o.names[k] or tostring(k) end
  local pairs_ = core.clusters.pairs("apt.rdf", x, centre, (s - 1):to "u8", n_species, window):totable()
  local from_set = {}
  for _, k in ipairs(from) do from_set[k] = true end
  local out = setmetatable({ r = {}, bin = width, names = names, pairs = pairs_, total = {}, concentration = {}, bulk = {}, normalised = {}, error = {}, to = to,
    centres = centres, unknown = unknown }, Rdf)
  for i = 1, bins do
    out.r[i], out.total[i] = (i - 0.5) * width, 0
    for k = 1, n_species do out.total[i] = out.total[i] + pairs_[k][i] end
  end
  local function bulk_of(k)  -- mean over the centres of what is left when the centre is taken out
    local own = from_set[k] and counts[k] / centres or 0
    return (counts[k] - own) / (n - 1)
  end
  for k = 1, n_species do
    local c, g, e, bulk = {}, {}, {}, bulk_of(k)
    for i = 1, bins do
      local t = out.total[i]
      c[i] = t > 0 and pairs_[k][i] / t or 0 / 0
      g[i] = c[i] / bulk
      e[i] = t > 0 and math.sqrt(pairs_[k][i]) / t / bulk or 0 / 0
    end
    out.concentration[k], out.normalised[k], out.error[k], out.bulk[k] = c, g, e, bulk
  end
  -- the species `to` together, and under relabelling
  local bulk_to = 0
  for _, k in ipairs(to) do bulk_to = bulk_to + bulk_of(k) end
  local rows, g = {}, {}
  for i = 1, bins do
    local sum = 0
    for _, k in ipairs(to) do sum = sum + pairs_[k][i] end
    g[i] = out.total[i] > 0 and sum / out.total[i] / bulk_to or 0 / 0
  end
  out.g, out.relabellings = g, math.ceil(wanted / 63) * 63
  if wanted > 0 then
    local code = centre:to("u8") + points.mask(s, to):to("u8") * 2
    local any = centre:to("u8") + 2  -- the same permutations, every neighbour counts
    for first = 0, wanted - 1, 63 do
      local t = core.clusters.relabelled_pairs("apt.rdf", x, code:to "u8", o.seed or 0, first, window):totable()
      local all = core.clusters.relabelled_pairs("apt.rdf", x, any:to "u8", o.seed or 0, first, window):totable()
      for b = first == 0 and 1 or 2, 64 do
        local row = {}
        for i = 1, bins do row[i] = all[b][i] > 0 and t[b][i] / all[b][i] / bulk_to or 0 / 0 end
        rows[#rows + 1] = row
      end
    end
    out.statistic, out.p = compare(rows, bins)
    out.null_mean, out.null_sd, out.low, out.high = {}, {}, {}, {}
    for i = 1, bins do
      local list, sum, sum2 = {}, 0, 0
      for t = 2, #rows do
        local v = rows[t][i]
        if v == v then list[#list + 1], sum, sum2 = v, sum + v, sum2 + v * v end
      end
      table.sort(list)
      local m = #list
      out.null_mean[i] = sum / m
      out.null_sd[i] = math.sqrt(math.max(0, sum2 / m - (sum / m) ^ 2))
      out.low[i], out.high[i] = list[math.max(1, math.floor(0.025 * m + 0.5))] or 0 / 0, list[math.min(m, math.ceil(0.975 * m))] or 0 / 0
    end
  end
  return out
end

--- Writes the bulk-normalised concentrations as a table: distance, then each species.
---@param path string .csv, .tsv
---@return boolean? true
---@return table? err
function Rdf:write(path)
  local names, columns = { "Distance (nm)" }, { core.tensor.tensor(self.r, "f64") }
  for k, name in ipairs(self.names) do
    names[k + 1] = name .. " (concentration / bulk)"
    columns[k + 1] = core.tensor.tensor(self.normalised[k], "f64")
  end
  return io.write_table(path, { names = names, columns = columns })
end

function Rdf:__tostring()
  return ("radial concentrations around %d ions up to %g nm%s"):format(self.centres, self.r[#self.r] + self.bin / 2,
    self.p and (", p = %.3g from %d relabellings"):format(self.p, self.relabellings) or "")
end

--- Pair correlation function of a box-shaped cloud. Centres lie at least r_max within the bounding
--- box; g = 1 for a Poisson process.
---@param positions orowan.tensor f32 [n, 3], nm
---@param options {species?: orowan.tensor, from?: integer|string|(integer|string)[], to?: integer|string|(integer|string)[], names?: string[], r_max: number, bin?: number} without species all ions; from (default all ranged), to (default from); r_max nm; bin nm (0.02)
---@return {r: number[], g: number[], error: number[], neighbours: number[], centres: integer, density: number} neighbours: mean number in the shell; density per nm^3 of the species `to`; error: of g, counting
function M.pair_correlation(positions, options)
  local fn = "pair_correlation"
  local o = points.options(fn, options, { "species", "from", "to", "names", "r_max", "bin" })
  local x, s = points.check(fn, positions, o.species)
  local r_max, width = points.number(fn, o, "r_max", nil, 0, true), points.number(fn, o, "bin", 0.02, 0, true)
  if (o.from or o.to) and not s then points.raise(fn, "species: expected labels when from or to are given") end
  if s then x, s = x[s:gt(0)], s[s:gt(0)] end
  if x:shape(1) < 2 then points.raise(fn, "positions: expected at least 2 ions") end
  local function chosen(name, v)
    if not v then return core.create.ones({ x:shape(1) }, "u8") end
    local _, list = points.set(fn, name, v, o.names)
    return points.mask(s, list)
  end
  local from, to = chosen("from", o.from), chosen("to", o.to or o.from)
  local bins = math.max(1, math.floor(r_max / width + 0.5))
  local lo, hi = x:min(1), x:max(1)
  local reach = bins * width
  local inside = x:ge(lo + reach):logical_and(x:le(hi - reach)):all(2):logical_and(from)
  local centres = inside:to("i64"):sum()
  if centres == 0 then points.raise(fn, "r_max: no ion lies %g nm within the bounding box; expected a smaller r_max", reach) end
  local size, volume = (hi - lo):totable(), 1
  for k = 1, 3 do volume = volume * size[k] end
  local n_to = to:to("i64"):sum()
  local density = n_to / volume
  local counts = core.clusters.pairs("apt.pair_correlation", x, inside, to:logical_not():to "u8", 1, { radial = true, reach = { reach }, bins = { bins } }):totable()[1]
  local out = { r = {}, g = {}, error = {}, neighbours = {}, centres = centres, density = density }
  for i = 1, bins do
    local expected = centres * density * 4 / 3 * math.pi * ((i * width) ^ 3 - ((i - 1) * width) ^ 3)
    out.r[i], out.g[i], out.error[i] = (i - 0.5) * width, counts[i] / expected, math.sqrt(counts[i]) / expected
    out.neighbours[i] = counts[i] / centres
  end
  return out
end

return M
