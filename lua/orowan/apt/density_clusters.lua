--- Clusters by density: DBSCAN (Ester, Kriegel, Sander and Xu, KDD-96) at one distance, HDBSCAN
--- (Campello, Moulavi, Zimek and Sander, ACM TKDD 10, 5, 2015) over all distances at once.
local core = require "orowan.core"
local points = require "orowan.apt.points"

local M = {}

-- Rows that take part: ions of the core species, or all ranged ones.
local function members(fn, s, o)
  if not s then return nil end
  if o.core then
    local _, list = points.set(fn, "core", o.core, o.names)
    return points.mask(s, list), list
  end
  return s:gt(0)
end

local function sizes_of(label, count)
  return label:bincount { first = 0, size = count + 1 }:slice(1, 2)
end

--- DBSCAN. Core: at least min_points ions within eps, the ion itself included; core ions within
--- eps of one another are of one cluster; others within eps of a core ion are its border (of the
--- cluster found first); the rest is noise, label 0. Labels in the order of the first core ions.
---@param positions orowan.tensor f32 [n, 3], nm
---@param options {eps: number, min_points: integer, species?: orowan.tensor, core?: integer|string|(integer|string)[], names?: string[]} eps nm; species i64 [n] (0: left out) and core: only ions of these species take part
---@return orowan.apt.clusters found with field `noise` (ions that took part and are of no cluster)
function M.dbscan(positions, options)
  local fn = "dbscan"
  local o = points.options(fn, options, { "eps", "min_points", "species", "core", "names" })
  local x, s = points.check(fn, positions, o.species)
  local eps, least = points.number(fn, o, "eps", nil, 0, true), points.whole(fn, o, "min_points", nil, 1)
  local keep, list = members(fn, s, o)
  local label, is_core, count
  if least == 2 then  -- an ion with one other is core, so there is no border
    label, is_core, count = core.clusters.link("apt.dbscan", x, keep, eps, 2, false)
  else
    label, is_core, count = core.clusters.link("apt.dbscan", x, keep, eps, least, true)
  end
  local part = keep and keep:to("i64"):sum() or x:shape(1)
  return { label = label, core = is_core, n_clusters = count, sizes = sizes_of(label, count), method = "DBSCAN", small = 0, eroded = 0,
    unknown = s and s:eq(0):to("i64"):sum() or 0, noise = part - label:gt(0):to("i64"):sum(), parameters = { eps = eps, min_points = least, core = list } }
end

---@class orowan.apt.hdbscan : orowan.apt.clusters
---@field probability orowan.tensor f64 [n], strength of membership, 0 for noise
---@field stability orowan.tensor f64 [n_clusters], excess of mass (1/nm)
---@field birth orowan.tensor f64 [n_clusters], 1/nm: 1 / distance at which it parts from the rest
---@field noise integer
---@field reach orowan.tensor f64 [ions that took part], nm: their core distances
---@field edges orowan.tensor i64 [m - 1, 2], rows of the ions that took part: minimum spanning tree of the mutual reachability
---@field weights orowan.tensor f64 [m - 1], nm, rising

--- HDBSCAN: clusters of at least min_size ions that last longest as the distance grows (excess of
--- mass). min_samples smooths the density: the core distance is that to the min_samples-th ion, the
--- ion itself counted first. The spanning tree is exact (Boruvka over a k-d tree); equal edges are
--- taken in the order of their rows, so the same positions always give the same clusters.
--- Labels in the order in which the clusters stand in the condensed tree.
---@param positions orowan.tensor [n, 3], nm; f64 is kept
---@param options {min_size: integer, min_samples?: integer, single?: boolean, species?: orowan.tensor, core?: integer|string|(integer|string)[], names?: string[]} min_samples (default min_size); single: all ions may be one cluster (false); species i64 [n] (0: left out) and core: only ions of these species take part
---@return orowan.apt.hdbscan
function M.hdbscan(positions, options)
  local fn = "hdbscan"
  local o = points.options(fn, options, { "min_size", "min_samples", "single", "species", "core", "names" })
  local least = points.whole(fn, o, "min_size", nil, 2)
  local samples = points.whole(fn, o, "min_samples", least, 1)
  local x32, s = points.check(fn, positions, o.species)
  local n = x32:shape(1)
  local keep, list = members(fn, s, o)
  local rows = keep and keep:nonzero():flatten()
  local x = core.tensor.is_tensor(positions) and positions:dtype() == "f64" and positions or x32:to "f64"
  if rows then x = x[rows] end
  local m = x:shape(1)
  if m > 0 and samples > m then points.raise(fn, "min_samples: asked for %d among %d ions", samples, m) end
  local part, strength, stability, birth, reach, edges, weights = core.clusters.hdbscan("apt.hdbscan", x, least, samples, o.single or false)
  local label, probability = part, strength
  if rows then
    label, probability = core.create.zeros({ n }, "i64"), core.create.zeros({ n }, "f64")
    if m > 0 then
      label:index_put(1, rows, part)
      probability:index_put(1, rows, strength)
    end
  end
  local count = stability:numel()
  return { label = label, core = label:gt(0), n_clusters = count, sizes = sizes_of(label, count), method = "HDBSCAN", small = 0, eroded = 0,
    unknown = s and s:eq(0):to("i64"):sum() or 0, noise = m - label:gt(0):to("i64"):sum(), probability = probability, stability = stability,
    birth = birth, reach = reach, edges = edges, weights = weights, parameters = { min_size = least, min_samples = samples, core = list } }
end

return M
