--- Search for crystal planes: directions and spacings at which the power of the structure factor
---   P(u, q) = |sum exp(2 pi i q u . x)|^2 / n
--- is large, averaged over sub-volumes. At random positions n P is exponential with mean 1 for
--- one sub-volume, so the mean over V is gamma distributed: this gives a p-value, and jittered
--- positions check it. A coarse search in small spheres (broad peaks, few directions) is refined
--- in larger ones. Lateral resolution blurs all planes that are not nearly at right angles to the
--- depth axis, so a reconstruction shows only those: a small `tilt` saves time.
local core = require "orowan.core"
local points = require "orowan.apt.points"

local M = {}

local function unit(v)
  local n = math.sqrt(v[1] ^ 2 + v[2] ^ 2 + v[3] ^ 2)
  return { v[1] / n, v[2] / n, v[3] / n }
end
local function dot(a, b) return a[1] * b[1] + a[2] * b[2] + a[3] * b[3] end
local function angle(a, b) return math.acos(math.min(1, math.abs(dot(a, b)))) end
local function across(w)  -- two axes at right angles to w
  local k = 1
  for i = 2, 3 do if math.abs(w[i]) < math.abs(w[k]) then k = i end end
  local u = { 0, 0, 0 }
  u[k] = 1
  local d = dot(u, w)
  u = unit { u[1] - d * w[1], u[2] - d * w[2], u[3] - d * w[3] }
  return u, { w[2] * u[3] - w[3] * u[2], w[3] * u[1] - w[1] * u[3], w[1] * u[2] - w[2] * u[1] }
end

-- Directions about `step` radians apart within `tilt` of the axis (a spiral; u and -u are the same).
local function directions(axis, tilt, step)
  local e1, e2 = across(axis)
  local area = 2 * math.pi * (1 - math.cos(tilt))
  local n = math.max(1, math.ceil(area / step ^ 2))
  local list = {}
  for i = 1, n do
    local c = 1 - (1 - math.cos(tilt)) * (i - 0.5) / n
    local s, phi = math.sqrt(1 - c * c), i * math.pi * (3 - math.sqrt(5))
    local a, b = s * math.cos(phi), s * math.sin(phi)
    list[i] = { c * axis[1] + a * e1[1] + b * e2[1], c * axis[2] + a * e1[2] + b * e2[2], c * axis[3] + a * e1[3] + b * e2[3] }
  end
  return list
end

local function mean_power(volumes, list, first, step, steps, without)
  local sum, n = nil, 0
  for v, x in ipairs(volumes) do
    if v ~= without then
      local p = core.clusters.plane_power("apt.poles", x, list, first, step, steps)
      sum = sum and sum:add_(p) or p
      n = n + 1
    end
  end
  return sum / n
end

-- Spheres of that radius on a grid, those at least half as full as the fullest, `count` of them at random.
local function spheres(x, radius, count, rng, within)
  local lo, size = x:min(1):totable(), (x:max(1) - x:min(1)):totable()
  local list, most = {}, 0
  local n = {}
  for k = 1, 3 do n[k] = math.max(1, math.floor(size[k] / (2 * radius) + 1e-3)) end
  local cells = {}
  for i = 0, n[1] - 1 do
    for j = 0, n[2] - 1 do
      for k = 0, n[3] - 1 do
        cells[#cells + 1] = { lo[1] + size[1] * (i + 0.5) / n[1], lo[2] + size[2] * (j + 0.5) / n[2], lo[3] + size[3] * (k + 0.5) / n[3] }
      end
    end
  end
  local order = rng:permutation(#cells):totable()
  local tried = {}
  for t = 1, math.min(#cells, 4 * count) do tried[t] = cells[order[t]] end
  local handle <close> = require("orowan.geometry").cells(x)
  local numbers = handle:count_within(radius, { queries = core.tensor.tensor(tried, "f32") }):totable()
  for _, m in ipairs(numbers) do most = math.max(most, m) end
  for t, c in ipairs(tried) do
    if numbers[t] >= 0.5 * most and numbers[t] >= 20 and #list < count then list[#list + 1] = c end
  end
  local out = {}
  for v, c in ipairs(list) do
    out[v] = {}
    for r, rad in ipairs(within) do
      local _, ids = handle:within(rad, { queries = core.tensor.tensor({ c }, "f32") })
      out[v][r] = x[ids] - core.tensor.tensor(c, "f32")
    end
  end
  return out
end

local function stage(volumes, r)
  local t = {}
  for v, x in ipairs(volumes) do t[v] = x[r] end
  return t
end

-- Climbs to the local maximum: directions on a 3 x 3 patch, wave numbers around, steps halved.
local function climb(volumes, u, q, angle_step, q_step, rounds, without)
  local best = -1
  for _ = 1, rounds do
    local moved = true
    while moved do
      local e1, e2 = across(u)
      local list = {}
      for i = -1, 1 do
        for j = -1, 1 do
          local a, b = i * angle_step, j * angle_step
          list[#list + 1] = unit { u[1] + a * e1[1] + b * e2[1], u[2] + a * e1[2] + b * e2[2], u[3] + a * e1[3] + b * e2[3] }
        end
      end
      local p = mean_power(volumes, list, q - 3 * q_step, q_step, 7, without)
      local top, at = p:max(), p:argmax()
      moved = top > best * (1 + 1e-6)
      if moved then
        best, u, q = top, list[(at - 1) // 7 + 1], q + ((at - 1) % 7 - 3) * q_step
      end
    end
    angle_step, q_step = angle_step / 2, q_step / 2
  end
  return u, q, best
end

---@class orowan.apt.pole
---@field direction number[] unit vector, upper half
---@field spacing number nm
---@field spacing_error number nm, jackknife over the sub-volumes (NaN for one)
---@field direction_error number degrees, jackknife
---@field power number mean power in the final spheres; 1: no planes
---@field coherence number sqrt(power / ions): 1 for ideal planes
---@field p number chance of a power as large anywhere in the coarse search without planes (at most 1)
---@field tilt number degrees from the axis

---@class orowan.apt.poles
---@field poles orowan.apt.pole[] strongest first
---@field searched integer directions times wave numbers
---@field coarse_power number strongest of the coarse search
---@field null_power number[] strongest of the same search in jittered positions
---@field threshold number power that random positions pass anywhere with a chance of 5 %
---@field sub_volumes integer
---@field radius number nm, of the final spheres
---@field ions number mean number of ions in them

--- Pole directions and plane spacings, strongest first.
---@param positions orowan.tensor f32 [n, 3], nm
---@param options? {spacing?: number[], axis?: number[], tilt?: number, count?: integer, sub_volumes?: integer, radius?: number, null?: integer, separation?: number, seed?: integer} spacing {least, largest} nm (0.15, 0.45); axis ({0, 0, 1}) and tilt: only directions within it, degrees (90); count of poles (6); sub_volumes (8); radius of the final spheres nm (4, at most a quarter of the box); null: searches in jittered positions (1); separation of poles, degrees (6)
---@return orowan.apt.poles
function M.find(positions, options)
  local fn = "poles"
  local o = points.options(fn, options, { "spacing", "axis", "tilt", "count", "sub_volumes", "radius", "null", "separation", "seed" })
  local x = points.check(fn, positions)
  if x:shape(1) < 50 then points.raise(fn, "positions: expected at least 50 ions, got %d", x:shape(1)) end
  local range = o.spacing or { 0.15, 0.45 }
  if type(range) ~= "table" or #range ~= 2 or not (range[1] > 0 and range[2] > range[1]) then points.raise(fn, "spacing: expected {least, largest} in nm") end
  local tilt, count = math.rad(points.number(fn, o, "tilt", 90, 0, true)), points.whole(fn, o, "count", 6, 1)
  local rng = core.random.rng(o.seed or 0, 91)
  local axis = unit(o.axis or { 0, 0, 1 })
  local size = (x:max(1) - x:min(1)):totable()
  local least = math.min(size[1], size[2], size[3])
  if least <= 0 then points.raise(fn, "positions: expected ions that fill a volume, got a box of %g x %g x %g nm", size[1], size[2], size[3]) end
  local radius = points.number(fn, o, "radius", math.min(4, least / 4), 0, true)
  local q0, q1 = 1 / range[2], 1 / range[1]
  -- coarse spheres: small, but with some hundred ions
  local density = x:shape(1) / (size[1] * size[2] * size[3])
  local small = math.min(radius, math.max(1.2, (1200 / density * 3 / (4 * math.pi)) ^ (1 / 3)))
  local radii = { small }
  while radii[#radii] * 1.8 < radius do radii[#radii + 1] = radii[#radii] * 1.8 end
  if radii[#radii] < radius then radii[#radii + 1] = radius end
  local volumes = spheres(x, radius, points.whole(fn, o, "sub_volumes", 8, 1), rng, radii)
  if #volumes == 0 then points.raise(fn, "radius: spheres of %g nm hold fewer than 20 ions", radius) end
  local V = #volumes
  local coarse = stage(volumes, 1)
  local angle_step, q_step = 0.5 / (q1 * small), 0.35 / (2 * small)
  local list = directions(axis, math.min(tilt, math.pi / 2), angle_step)
  local steps = math.max(2, math.ceil((q1 - q0) / q_step) + 1)
  local power = mean_power(coarse, list, q0, q_step, steps)
  local out = { poles = {}, searched = #list * steps, coarse_power = power:max(), null_power = {}, sub_volumes = V, radius = radius, ions = 0 }
  for r = 1, points.whole(fn, o, "null", 1, 0) do
    local jittered = {}
    for v, y in ipairs(coarse) do jittered[v] = y + (rng:uniform(y:shape()) - 0.5):to("f32", { unchecked = true }) * (2 * range[2]) end
    out.null_power[r] = mean_power(jittered, list, q0, q_step, steps):max()
  end
  local function chance(p) return math.min(1, out.searched * core.stats.chi2_p(2 * V * p, 2 * V)) end
  do
    local lo, hi = 1, 100
    for _ = 1, 60 do
      local mid = (lo + hi) / 2
      if chance(mid) > 0.05 then lo = mid else hi = mid end
    end
    out.threshold = lo
  end
  -- the strongest wave number of every direction, the lowest of those nearly as strong
  local best = power:max(2):totable()
  local order = power:max(2):argsort(1, { descending = true }):totable()
  local final = stage(volumes, #radii)
  for _, y in ipairs(final) do out.ions = out.ions + y:shape(1) / V end
  local separation = math.rad(points.number(fn, o, "separation", 6, 0))
  local function near(u)
    for _, pole in ipairs(out.poles) do if angle(pole.direction, u) < separation then return true end end
    return false
  end
  local tried = 0
  for _, k in ipairs(order) do
    if #out.poles >= count or tried >= 6 * count or chance(best[k]) > 0.05 then break end
    if not near(list[k]) then
      tried = tried + 1
      local row = power:select(1, k):totable()
      local i = 1
      while row[i] < 0.8 * best[k] do i = i + 1 end
      while row[i + 1] and row[i + 1] > row[i] do i = i + 1 end
      local u, q, p = list[k], q0 + (i - 1) * q_step, row[i]
      local coarse_p = p
      for r = 1, #radii do
        u, q, p = climb(stage(volumes, r), u, q, 0.25 / (q * radii[r]), 0.08 / radii[r], r == #radii and 7 or 3)
      end
      if u[3] < 0 or u[3] == 0 and (u[2] < 0 or u[2] == 0 and u[1] < 0) then u = { -u[1], -u[2], -u[3] } end
      if not near(u) then
        local spread, turn = 0, 0
        for v = 1, V > 1 and V or 0 do
          local w, s = climb(final, u, q, 0.06 / (q * radius), 0.02 / radius, 5, v)
          spread, turn = spread + (1 / s - 1 / q) ^ 2, turn + angle(w, u) ^ 2
        end
        out.poles[#out.poles + 1] = { direction = u, spacing = 1 / q, spacing_error = V > 1 and math.sqrt(spread * (V - 1) / V) or 0 / 0,
          direction_error = V > 1 and math.deg(math.sqrt(turn * (V - 1) / V)) or 0 / 0, power = p, coherence = math.sqrt(p / out.ions),
          p = chance(math.max(coarse_p, best[k])), tilt = math.deg(angle(u, axis)) }
      end
    end
  end
  table.sort(out.poles, function(a, b) return a.power > b.power end)
  return out
end

return M
