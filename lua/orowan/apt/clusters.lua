--- Clusters by the maximum-separation method (friends of friends; Hyde and English, MRS Proc. 650,
--- 2000; Vaumousse, Cerezo and Warren, Ultramicroscopy 95, 215, 2003), with the checks that make
--- its parameters choices and not wishes: d_max from the neighbour distances of shuffled species,
--- N_min from the clusters that shuffled species form.
local core = require "orowan.core"
local points = require "orowan.apt.points"

local clusters = {}

---@class orowan.apt.clusters
---@field label orowan.tensor i64 [n], 1 .. n_clusters; 0: matrix
---@field core orowan.tensor u8 [n], 1: a core ion of a cluster
---@field n_clusters integer
---@field sizes orowan.tensor i64 [n_clusters], core ions of each, falling
---@field method string
---@field parameters table
---@field unknown integer ions of species 0, left out
---@field small integer core ions of groups below n_min, in the matrix
---@field eroded integer envelope ions that erosion took away

-- Labels renumbered by falling size; groups below n_min become 0.
local function by_size(label, count, is_core, n_min)
  local sizes = label:bincount { first = 0, size = count + 1, weights = is_core:to "f64" }:slice(1, 2):to "i64"
  if count == 0 then return label, sizes, 0 end
  local order = sizes:argsort(1, { descending = true })
  local sorted = sizes[order]
  local keep = sorted:ge(n_min):to("i64"):sum()
  local new = core.create.zeros({ count + 1 }, "i64")
  if keep > 0 then new:index_put(1, order:slice(1, 1, keep) + 1, core.create.arange(1, keep, 1, "i64")) end
  local left = keep > 0 and sorted:slice(1, 1, keep) or core.create.zeros({ 0 }, "i64")
  local small = sizes:sum() - (keep > 0 and left:sum() or 0)
  return new[label + 1], left, small
end

local find_options = { "core", "d_max", "order", "n_min", "envelope", "erode", "names" }

--- Clusters by maximum separation. A core ion is an ion of a core species with at least `order`
--- others within d_max; core ions within d_max of one another are of one cluster. Clusters with
--- fewer than n_min core ions go to the matrix. Envelope: every other ranged ion within that
--- distance of a core ion joins the cluster of the nearest one. Erosion: an ion that the envelope
--- brought leaves again when it lies within that distance of an ion of no cluster.
---
--- 5 million ions a second and core; ions with a coordinate that is not finite raise, unknown ions
--- (species 0) take no part and are counted.
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor i64 [n], 1-based; 0: unknown
---@param options {core: integer|string|(integer|string)[], d_max: number, order?: integer, n_min?: integer, envelope?: number, erode?: number, names?: string[]} core: the species that cluster; d_max nm; order k (1); n_min (2), core ions; envelope L nm (0: none); erode nm (0: none); names: of the species
---@return orowan.apt.clusters
function clusters.find(positions, species, options)
  local fn = "clusters"
  local o = points.options(fn, options, find_options)
  local x, s = points.check(fn, positions, species)
  local _, list = points.set(fn, "core", o.core or {}, o.names)
  local d_max = points.number(fn, o, "d_max", nil, 0, true)
  local order, n_min = points.whole(fn, o, "order", 1, 1), points.whole(fn, o, "n_min", 2, 1)
  local envelope, erode = points.number(fn, o, "envelope", 0, 0), points.number(fn, o, "erode", 0, 0)
  if erode > 0 and envelope == 0 then points.raise(fn, "erode: there is nothing to take away without an envelope") end
  local member = points.mask(s, list)
  local label, is_core, count = core.clusters.link("apt.clusters", x, member, d_max, order + 1, false)
  local found, sizes, small = by_size(label, count, is_core, n_min)
  local in_core = found:gt(0)
  local eroded = 0
  if envelope > 0 and sizes:numel() > 0 then
    local outside = in_core:logical_not():logical_and(s:gt(0))
    local near = core.clusters.nearest("apt.clusters", x, in_core, outside, envelope)
    local at = near:gt(0):nonzero():flatten()
    if at:numel() > 0 then found:index_put(1, at, found[near[at]]) end
    if erode > 0 then
      local matrix = found:eq(0):logical_and(s:gt(0))
      local shell = found:gt(0):logical_and(in_core:logical_not())
      local close = core.clusters.nearest("apt.clusters", x, matrix, shell, erode):gt(0):nonzero():flatten()
      eroded = close:numel()
      if eroded > 0 then found:index_put(1, close, 0) end
    end
  end
  return { label = found, core = in_core, n_clusters = sizes:numel(), sizes = sizes, method = "maximum separation", small = small, eroded = eroded,
    unknown = s:eq(0):to("i64"):sum(), parameters = { core = list, d_max = d_max, order = order, n_min = n_min, envelope = envelope, erode = erode } }
end

--- Clusters of one choice of d_max and order at every n_min: sizes of all groups of two or more
--- core ions, falling. No envelope.
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor i64 [n]
---@param options {core: integer|string|(integer|string)[], d_max: number, order?: integer, names?: string[]}
---@return orowan.tensor sizes i64
function clusters.sizes(positions, species, options)
  local o = points.options("cluster_sizes", options, { "core", "d_max", "order", "names" })
  return clusters.find(positions, species, { core = o.core, d_max = o.d_max, order = o.order, names = o.names, n_min = 2 }).sizes
end

-- How many of the falling sizes are at least n.
local function at_least(sizes, n)
  local lo, hi = 0, #sizes
  while lo < hi do
    local mid = (lo + hi + 1) // 2
    if sizes[mid] >= n then lo = mid else hi = mid - 1 end
  end
  return lo
end

---@class orowan.apt.false_clusters
---@field n_min integer[] sizes at which it is stated
---@field real integer[] clusters of at least n_min core ions in the data
---@field expected number[] mean number of such clusters with shuffled species
---@field low number[] 2.5 % quantile over the shuffles
---@field high number[] 97.5 % quantile
---@field false_share number[] expected / real, at most 1
---@field suggested integer? the smallest n_min at which the share is safely up to `level`; nil: none
---@field null_sizes integer[] sizes of all clusters of all shuffles, falling
---@field shuffles integer

--- False clusters to expect: the same method on the same positions with the species shuffled
--- among the ranged ions. Suggests the smallest N_min at which at most a share `level` of the
--- clusters found is expected by chance, counting one false cluster more than was seen (no
--- shuffled set proves that there is none).
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor i64 [n]
---@param options {core: integer|string|(integer|string)[], d_max: number, order?: integer, names?: string[], shuffles?: integer, level?: number, seed?: integer} shuffles (20); level (0.05)
---@return orowan.apt.false_clusters
function clusters.false_clusters(positions, species, options)
  local fn = "false_clusters"
  local o = points.options(fn, options, { "core", "d_max", "order", "names", "shuffles", "level", "seed" })
  local x, s = points.check(fn, positions, species)
  local shuffles, level = points.whole(fn, o, "shuffles", 20, 1), points.number(fn, o, "level", 0.05, 0, true)
  local how = { core = o.core, d_max = o.d_max, order = o.order, names = o.names }
  local real = clusters.sizes(x, s, how):totable()
  local null, pool = {}, {}
  for r = 1, shuffles do
    null[r] = clusters.sizes(x, points.shuffled(s, o.seed or 0, 1000 + r), how):totable()
    table.move(null[r], 1, #null[r], #pool + 1, pool)
  end
  table.sort(pool, function(a, b) return a > b end)
  local top = math.max(real[1] or 2, pool[1] or 2) + 1
  local out = { n_min = {}, real = {}, expected = {}, low = {}, high = {}, false_share = {}, null_sizes = pool, shuffles = shuffles }
  local n = 2
  while n <= top do
    local counts, sum = {}, 0
    for r = 1, shuffles do
      counts[r] = at_least(null[r], n)
      sum = sum + counts[r]
    end
    table.sort(counts)
    local k, found = #out.n_min + 1, at_least(real, n)
    out.n_min[k], out.real[k], out.expected[k] = n, found, sum / shuffles
    out.low[k], out.high[k] = counts[math.max(1, math.floor(0.025 * shuffles + 0.5))], counts[math.min(shuffles, math.ceil(0.975 * shuffles))]
    out.false_share[k] = found > 0 and math.min(1, sum / shuffles / found) or (sum > 0 and 1 or 0)
    if not out.suggested and found > 0 and (sum + 1) / shuffles / found <= level then out.suggested = n end
    n = n < 50 and n + 1 or math.ceil(n * 1.05)
  end
  return out
end

---@class orowan.apt.d_max_choice
---@field d_max number[] nm, candidates
---@field real integer[] clusters of at least n_min core ions
---@field expected number[] mean with shuffled species
---@field error number[] standard error of that mean
---@field ions number[] share of the core ions in clusters of at least n_min
---@field ions_null number[] the same with shuffled species, mean
---@field linked number[] share of the core ions whose k-th neighbour is within d_max
---@field linked_null number[] the same with shuffled species
---@field suggested number nm, where ions - ions_null is largest among the candidates with ions of at least twice ions_null; without any such, `parts`
---@field clustered boolean is there such a candidate? false: clusters are not told from chance
---@field parts number nm, where linked - linked_null is largest: the neighbour distances' own choice

--- Choice of d_max. For every candidate: which share of the core ions has its k-th neighbour of a
--- core species within d_max, how many clusters of at least n_min core ions form, and which share
--- of the core ions they hold, in the data and with shuffled species. Suggested is the d_max with
--- the largest share of ions in clusters beyond chance, where chance makes up at most half of it (near
--- percolation both are large and their difference is noise). The d_max that parts the neighbour distances best
--- (`parts`) is stated too: it links most ions of a cluster to another, but leaves the
--- cluster in pieces where the core species is dilute.
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor i64 [n]
---@param options {core: integer|string|(integer|string)[], candidates?: number[], order?: integer, n_min?: integer, names?: string[], shuffles?: integer, seed?: integer} candidates nm (20 between the 1 % and 99 % quantiles of the distances); n_min (10); shuffles (5)
---@return orowan.apt.d_max_choice
function clusters.choose_d_max(positions, species, options)
  local fn = "choose_d_max"
  local o = points.options(fn, options, { "core", "candidates", "order", "n_min", "names", "shuffles", "seed" })
  local geometry = require "orowan.geometry"
  local x, s = points.check(fn, positions, species)
  local _, list = points.set(fn, "core", o.core or {}, o.names)
  local order, n_min, shuffles = points.whole(fn, o, "order", 1, 1), points.whole(fn, o, "n_min", 10, 2), points.whole(fn, o, "shuffles", 5, 1)
  local function distances(labels)
    local at = points.mask(labels, list):nonzero():flatten()
    if at:numel() <= order then points.raise(fn, "%d ions of the core species: too few for order %d", at:numel(), order) end
    local _, d = geometry.knn(x[at], order)
    return d:select(2, order):contiguous():sort()
  end
  local real, null = distances(s), {}
  local labels = {}
  for r = 1, shuffles do
    labels[r] = points.shuffled(s, o.seed or 0, 2000 + r)
    null[r] = distances(labels[r])
  end
  local candidates = o.candidates
  if not candidates then
    local all = core.index.concat { real, null[1] }
    local lo, hi = math.max(all:quantile(0.01), 0.01 * all:quantile(0.99)), all:quantile(0.99)
    if hi <= 0 then points.raise(fn, "positions: the core ions have others at the very same place; there is no distance to choose") end
    candidates = {}
    for i = 1, 20 do candidates[i] = lo + (hi - lo) * (i - 1) / 19 end
  end
  local out = { d_max = candidates, real = {}, expected = {}, error = {}, ions = {}, ions_null = {}, linked = {}, linked_null = {} }
  local n, best, parts = real:numel(), -math.huge, -math.huge
  for i, d in ipairs(candidates) do
    local function count(t)
      local f = clusters.find(x, t, { core = list, d_max = d, order = order, n_min = n_min })
      return f.n_clusters, f.n_clusters > 0 and f.sizes:sum() / n or 0
    end
    out.real[i], out.ions[i] = count(s)
    out.linked[i] = core.sort.searchsorted(real, d, { right = true }) - 1
    local sum, sum2, held, linked = 0, 0, 0, 0
    for r = 1, shuffles do
      local c, ions = count(labels[r])
      sum, sum2, held = sum + c, sum2 + c * c, held + ions
      linked = linked + core.sort.searchsorted(null[r], d, { right = true }) - 1
    end
    local mean = sum / shuffles
    out.expected[i] = mean
    out.error[i] = shuffles > 1 and math.sqrt(math.max(0, sum2 / shuffles - mean * mean) / (shuffles - 1)) or math.sqrt(mean)
    out.ions_null[i] = held / shuffles
    out.linked[i], out.linked_null[i] = out.linked[i] / n, linked / shuffles / n
    if out.ions[i] > 0 and out.ions[i] >= 2 * out.ions_null[i] and out.ions[i] - out.ions_null[i] > best then best, out.suggested = out.ions[i] - out.ions_null[i], d end
    if out.linked[i] - out.linked_null[i] > parts then parts, out.parts = out.linked[i] - out.linked_null[i], d end
  end
  out.clustered = out.suggested ~= nil
  out.suggested = out.suggested or out.parts
  return out
end

return clusters
