-- Does a network that was trained on order alone see planar faults? Fully ordered L1_2 specimens
-- of the Co alloy hold one fault of a known kind; a fault shows as a sheet of low order probability.
-- The sheet is searched along all {111} normals. What counts as one is set on specimens without a
-- fault; other specimens without fault, and faulted ones whose species were shuffled, tell how
-- often the search is wrong. "Not detectable" is a result.
local ow = require "orowan"
local apt = ow.apt

local normals = { { 1, 1, 1 }, { -1, 1, 1 }, { 1, -1, 1 }, { 1, 1, -1 } }
local kinds = {
  { name = "none", title = "no fault" },
  { name = "intrinsic", title = "intrinsic (1/6<112> shift)" },
  { name = "extrinsic", title = "extrinsic (two shifts)" },
  { name = "apb", title = "antiphase boundary" },
  { name = "twin", title = "twin boundary" },
}

local function between(g, lo, hi) return lo + (hi - lo) * g:uniform() end

local function specimen(p, alloy, noise, kind, seed)
  local g = ow.rng(seed, 3)
  local centre = { p.edge / 2, p.edge / 2, p.edge / 2 }
  local rotation = apt.rotation(between(g, -3, 3), between(g, -3, 3), between(g, -90, 90))
  local lateral, depth = between(g, noise.lateral[1], noise.lateral[2]), between(g, noise.depth[1], noise.depth[2])
  local unit = noise.unit == "a" and alloy.a or 1
  local point = {}
  for k = 1, 3 do point[k] = centre[k] + between(g, -0.1, 0.1) * p.edge end
  local fault
  if kind ~= "none" then
    fault = { kind = kind, point = point, normal = normals[1], shift = kind == "apb" and { 0.5, -0.5, 0 } or nil }
  end
  return apt.synthetic { lattice = "fcc", a = alloy.a, box = p.edge, species = alloy.species, matrix = alloy.matrix, rotation = rotation,
    domains = { { centre = centre, radius = 2 * p.edge, order = alloy.order, variant = 1, occupancy = alloy.occupancy } },
    faults = fault and { fault } or nil, efficiency = p.efficiency, noise = noise.kind, sigma = { lateral * unit, lateral * unit, depth * unit }, seed = seed },
    rotation, point
end

local function unit_of(n)
  local s = math.sqrt(n[1] ^ 2 + n[2] ^ 2 + n[3] ^ 2)
  return { n[1] / s, n[2] / s, n[3] / s }
end
local function turned(r, v)
  local out = {}
  for i = 1, 3 do out[i] = r[i][1] * v[1] + r[i][2] * v[2] + r[i][3] * v[3] end
  return out
end

-- Mean probability of the ions in windows along a direction, inside a sphere about the middle (away
-- from faces, where neighbours are missing). Dividing by the ions of the window, not by its volume,
-- takes out the density of poles.
local function profile(p, x, probability, direction, middle, radius)
  local r = x - ow.tensor({ middle }, "f32")
  local inside = (r * r):sum(2):le(radius * radius)
  local s = r[inside]:matmul(ow.tensor({ direction }, "f32"):T()):flatten()
  local q = probability[inside]
  local step = p.window / 3
  local bins = math.floor(2 * 0.8 * radius / step)
  local first = -bins * step / 2
  local index = ow.floor((s - first) / step):to "i64" + 1
  local ok = index:ge(1):logical_and(index:le(bins))
  local n = ow.bincount(index[ok], { first = 1, size = bins }):to("f64"):totable()
  local sum = ow.bincount(index[ok], { first = 1, size = bins, weights = q[ok]:to "f64" }):totable()
  local z, mean, count = {}, {}, {}
  for b = 2, bins - 1 do  -- windows of three bins
    local c = n[b - 1] + n[b] + n[b + 1]
    if c > 0 then
      z[#z + 1], mean[#mean + 1], count[#count + 1] = first + (b - 0.5) * step, (sum[b - 1] + sum[b] + sum[b + 1]) / c, c
    end
  end
  return z, mean, count
end

-- The deepest window over all normals: how far below the median of its own profile, and where.
local function deepest(p, s, probability, rotation)
  local best = { depth = -math.huge }
  local middle = { p.edge / 2, p.edge / 2, p.edge / 2 }
  for k, n in ipairs(normals) do
    local z, mean = profile(p, s.positions, probability, turned(rotation, unit_of(n)), middle, p.edge / 2 - p.margin)
    local median = ow.tensor(mean):median()
    for i, m in ipairs(mean) do
      if median - m > best.depth then best = { depth = median - m, normal = k, at = z[i], z = z, mean = mean } end
    end
  end
  return best
end

-- Wilson's interval of a share.
local function wilson(hits, n)
  local z, share = 1.96, hits / n
  local d = 1 + z * z / n
  local mid, half = (share + z * z / (2 * n)) / d, z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / d
  return math.max(0, mid - half), math.min(1, mid + half)
end

return {
  name = "stacking_faults",
  summary = "which planar faults of an ordered alloy show in the order probabilities of a trained network",
  params = {
    { name = "model", default = "", help = "model file; empty: models/atomnet_conialw.h5" },
    { name = "network", default = "stack", help = "stack, or atomnet (the published network)" },
    { name = "noise", default = "gaussian", help = "gaussian, gaussian_wide or clipped" },
    { name = "edge", default = 10.0, min = 7.0, max = 40.0, unit = "nm", help = "of a specimen" },
    { name = "efficiency", default = 0.6, min = 0.1, max = 1.0, help = "share of ions that are detected" },
    { name = "specimens", default = 6, min = 2, max = 1000, help = "of each kind" },
    { name = "calibration", default = 12, min = 4, max = 1000, help = "specimens without fault that set the threshold" },
    { name = "window", default = 0.6, min = 0.1, max = 3.0, unit = "nm", help = "thickness of a sheet" },
    { name = "margin", default = 1.0, min = 0.0, max = 5.0, unit = "nm", help = "from the faces that is not searched" },
  },
  run = function(run)
    local p = run.params
    local path = p.model ~= "" and p.model or ow.home() .. "/models/atomnet_conialw.h5"
    local model, info = apt.finder.load(run:input(path))
    if not model then error(tostring(info), 0) end
    local pre = info.preprocessing
    local alloy = apt.datasets.alloys[pre.alloy] or error("model: its alloy is unknown: " .. tostring(pre.alloy), 0)
    if alloy.order ~= "L12" then error("model: expected one of an L1_2 alloy, this one is for " .. pre.alloy, 0) end
    local noise = apt.datasets.noises[p.noise] or error("noise: expected gaussian, gaussian_wide or clipped, got " .. p.noise, 0)
    local total = p.calibration + p.specimens * (#kinds + 1)
    local bar <close> = run:progress("specimens", total)
    local done = 0

    local function look(kind, seed, shuffle)
      local s, rotation, point = specimen(p, alloy, noise, kind, seed)
      if shuffle then s.species = s.species[ow.rng(seed, 9):permutation(s.n)] end
      local q = ow.scope(apt.finder.apply, model, info, s, { network = p.network })
      local best = deepest(p, s, q, rotation)
      -- distance of the place found from the true plane
      if kind ~= "none" then
        local u = turned(rotation, unit_of(normals[1]))
        local truth = 0
        for k = 1, 3 do truth = truth + (point[k] - p.edge / 2) * u[k] end
        best.right = best.normal == 1 and math.abs(best.at - truth) < p.window
        local z, mean = profile(p, s.positions, q, u, { p.edge / 2, p.edge / 2, p.edge / 2 }, p.edge / 2 - p.margin)
        best.z, best.mean, best.truth = z, mean, truth
      end
      best.share = q:mean()
      best.specimen, best.probability = s, q
      done = done + 1
      bar:update(done)
      return best
    end

    -- a checkpoint after each group, so that a killed run goes on
    local function group(name, n, offset, kind, shuffle)
      local saved = run:checkpoint(name)
      if saved then
        done = done + n
        bar:update(done)
        return saved
      end
      local list = {}
      for i = 1, n do
        local b = look(kind, 1000 * run.seed + offset + i, shuffle)
        list[i] = { depth = b.depth, right = b.right or false, share = b.share, z = b.z, mean = b.mean, truth = b.truth }
        if i == 1 and not shuffle and offset > 0 then
          -- share of ordered ions seen along [0 1 0]: pixels divide by their ions
          local x = b.specimen.positions
          local edge, cells = p.edge, 40
          local middle = (x:select(2, 2) - edge / 2):abs():lt(edge / 6)
          local col = ow.floor(x:select(2, 1)[middle] / edge * cells):to("i64"):clip(0, cells - 1)
          local row = ow.floor(x:select(2, 3)[middle] / edge * cells):to("i64"):clip(0, cells - 1)
          local at = row * cells + col + 1
          local count = ow.bincount(at, { first = 1, size = cells * cells }):to "f64"
          local sum = ow.bincount(at, { first = 1, size = cells * cells, weights = b.probability[middle]:to "f64" })
          list[1].map = (sum / count):totable()
        end
      end
      run:save_checkpoint(name, list)
      return list
    end

    local calibration, depths = group("calibration", p.calibration, 0, "none"), {}
    for i, b in ipairs(calibration) do depths[i] = b.depth end
    table.sort(depths)
    local threshold = depths[#depths]
    run:put("threshold", { value = threshold, note = ("deepest window of %d specimens without fault"):format(p.calibration) })
    run:put("false_alarm.expected", { value = 1 / (p.calibration + 1) })

    local rows, fig = {}, ow.plot.figure { title = "Order probability across the fault", width = 960, height = 480 }
    local maps = ow.plot.figure { title = "Order probability, ions divided out", cols = 3, rows = 2, width = 1100, height = 720 }
    local panel = 0
    local function judge(name, title, list)
      local faulted = name ~= "none" and name ~= "shuffled"
      local hits, right, share, deep = 0, 0, 0, {}
      for i, b in ipairs(list) do
        if b.depth > threshold then
          hits = hits + 1
          if b.right then right = right + 1 end
        end
        share, deep[i] = share + b.share / #list, b.depth
      end
      local counted = faulted and right or hits
      local lo, hi = wilson(counted, #list)
      run:put("detected." .. name, { value = counted / #list, low = lo, high = hi,
        note = faulted and "share of specimens whose fault was found in its place" or "share of specimens with a sheet that is none" })
      local chance = 1 / (p.calibration + 1)
      local verdict = name == "none" and "false alarms" or name == "shuffled" and "null" or lo > chance and "detectable"
        or hits > 0 and wilson(hits, #list) > chance and "seen, but not as a sheet in its place" or "not shown to be detectable"
      rows[#rows + 1] = { title, #list, hits, faulted and tostring(right) or "", counted / #list, lo, hi, ow.tensor(deep):median(), share, verdict }
    end
    for k, kind in ipairs(kinds) do
      local list = group(kind.name, p.specimens, 100 * k, kind.name)
      judge(kind.name, kind.title, list)
      local first = list[1]
      local shift = first.truth or 0
      local z = {}
      for i, v in ipairs(first.z) do z[i] = v - shift end
      fig:line(z, first.mean, { label = kind.title, width = 1.5 })
      panel = panel + 1
      local at = maps:axes(panel)
      at:image(ow.tensor(first.map):reshape(40, 40), { x = { 0, p.edge }, y = { 0, p.edge }, range = { 0, 1 } })
      at:set { title = kind.title, xlabel = "x (nm)", ylabel = "z (nm)" }
    end
    judge("shuffled", "intrinsic, species shuffled", group("shuffled", p.specimens, 900, "intrinsic", true))
    fig:set { xlabel = "distance from the fault along its normal (nm)", ylabel = "mean order probability", legend = "outside", yrange = { 0, 1.05 } }
    run:figure("profiles", fig, "One specimen of each kind; windows of " .. p.window .. " nm. Without a fault: along the normal of the deepest window.")
    run:figure("maps", maps, "Mean probability of the ions in each pixel, a slab of a third of the specimen seen along y; a sum over ions would show poles as well.")
    run:table("Detection by kind of fault", { "specimens with", "number", "detected", "in the right place", "share", "low", "high", "median depth", "mean probability", "verdict" }, rows,
      ("A sheet counts when it lies deeper below the median of its profile than any of %d specimens without fault. Intervals: Wilson, 95 %%."):format(p.calibration))
    run:text "A twin turns the crystal beyond it, so that the pole points elsewhere there: a network that was trained near one pole calls the whole twin disordered instead of showing a sheet."
    run:text(("Orientation is taken as known (the pole), the normal as one of four {111}, the place as unknown. Noise %s, detection efficiency %g, edge %g nm."):format(p.noise, p.efficiency, p.edge))
  end,
}
