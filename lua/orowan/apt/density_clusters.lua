--- Clusters by density: DBSCAN (Ester, Kriegel, Sander and Xu, KDD-96).
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

return M
