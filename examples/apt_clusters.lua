-- Are the solutes of an atom probe reconstruction clustered, and what are the clusters? Neighbour
-- distances, radial concentrations, clusters by maximum separation with both parameters
-- chosen against shuffled species, the table of clusters, their sizes against chance, and the
-- order inside them seen along a crystal pole.
-- Without input: a synthetic Al-Li-Mg specimen whose truth is known.
local ow = require "orowan"
local apt = ow.apt

-- ---- the ions ------------------------------------------------------------------------------------

local function synthetic(run)
  local p = run.params
  local list = apt.spheres(p.box, { 1.2, 2.0 }, { fraction = p.fraction, gap = 0.8, seed = run.seed })
  for i, d in ipairs(list) do
    list[i] = { centre = d.centre, radius = d.radius, order = "L1_2", variant = 1 + i % 4, occupancy = { A = { Li = 0.8, Mg = 0.2 }, B = { Al = 1 } } }
  end
  local li, mg = (0.0679 - 0.2 * p.fraction) / (1 - p.fraction), (0.0518 - 0.05 * p.fraction) / (1 - p.fraction)
  local s = apt.synthetic { lattice = "fcc", a = 0.405, box = p.box, species = { "Al", "Li", "Mg" }, matrix = { Al = 1 - li - mg, Li = li, Mg = mg },
    domains = list, rotation = apt.rotation(2, -3, 30), efficiency = p.efficiency, noise = "gaussian", sigma = { 0.3, 0.3, 0.05 }, seed = run.seed }
  return { positions = s.positions, species = s.species, names = s.names, truth = s.label, domains = #list, notes = {} }
end

local function measured(run)
  local p = run.params
  if p.ranges == "" then error("ranges: expected the range file that belongs to the input", 0) end
  local ions, err = apt.read(run:input(p.input))
  if not ions then error(tostring(err), 0) end
  if not ions.mass then error(("input %s: expected mass-to-charge values"):format(p.input), 0) end
  local ranges
  ranges, err = apt.read_ranges(run:input(p.ranges))
  if not ranges then error(tostring(err), 0) end
  local names = {}
  for i, ion in ipairs(ranges.ions) do names[i] = ion.name end
  for _, note in ipairs(ions.notes) do run:warn(note) end
  return { positions = ions.positions, species = ranges:assign(ions.mass), names = names, ranges = ranges, notes = ions.notes }
end

-- Ion species that are, or hold, one of the wanted elements.
local function core_species(list, data)
  local wanted, found = {}, {}
  for w in list:gmatch "[^,%s]+" do wanted[#wanted + 1] = w end
  for i, name in ipairs(data.names) do
    local has = false
    for _, w in ipairs(wanted) do
      has = has or w == name
      for _, a in ipairs(data.ranges and data.ranges.ions[i].atoms or {}) do has = has or a[1] == w end
    end
    if has then found[#found + 1] = i end
  end
  if #found == 0 then error(("core: none of the ions holds %s (there are %s)"):format(list, table.concat(data.names, ", ")), 0) end
  return found
end

-- A slab across the middle with at most so many ions, for the statistics of pairs.
local function middle_slab(data, most)
  local n = data.positions:shape(1)
  if n <= most then return data.positions, data.species, nil end
  local z = data.positions:select(2, 3):contiguous()
  local half = most / n / 2
  local lo, hi = z:quantile(0.5 - half), z:quantile(0.5 + half)
  local at = z:ge(lo):logical_and(z:le(hi))
  return data.positions[at], data.species[at], hi - lo
end

-- ---- figures -------------------------------------------------------------------------------------

local function neighbour_figure(run, d)
  local fig = ow.plot.figure { title = "Distances to the nearest core ions", width = 1100, height = 480, rows = 1, cols = #d.orders }
  for i, o in ipairs(d.orders) do
    local ax = fig:axes(i)
    ax:band(d.r, o.low, o.high, { color = 2, label = "relabelled, 95 %" })
    ax:line(d.r, o.poisson, { color = 3, dash = "dashed", label = "Poisson process" })
    ax:line(d.r, o.density, { color = 1, width = 2, label = "data" })
    ax:set { xlabel = "distance (nm)", ylabel = "density (1/nm)", title = ("neighbour %d, p = %.3g"):format(o.k, o.p) }
  end
  run:figure("neighbours", fig, ("Distances from every core ion to its k-th nearest core ion. Where the data leave the band the core species is not randomly placed; p from %d relabellings."):format(d.relabellings))
end

local function rdf_figure(run, g)
  local fig = ow.plot.figure { title = "Concentration around core ions over that of the bulk", width = 900, height = 560 }
  fig:band(g.r, g.low, g.high, { color = 1, label = "core species, relabelled, 95 %" })
  for k, name in ipairs(g.names) do
    if g.bulk[k] > 1e-4 then fig:line(g.r, g.normalised[k], { color = k, width = 2, label = name }) end
  end
  fig:hline(1, { dash = "dotted" })
  local lo, hi = 0.6, 1.4  -- the first shells hold few pairs
  for i = 1, #g.r do
    if g.r[i] > 0.2 then
      for k in ipairs(g.names) do
        local v = g.normalised[k][i]
        if v == v and g.bulk[k] > 1e-4 then lo, hi = math.min(lo, v - 0.1), math.max(hi, v + 0.1) end
      end
    end
  end
  fig:set { xlabel = "distance (nm)", ylabel = "concentration / bulk", yrange = { lo, hi } }
  run:figure("rdf", fig, "Radial concentrations. Above 1: more often near a core ion than by chance. The distance at which the core species comes down to 1 is about the size of the clusters.")
end

local function d_max_figure(run, c, chosen)
  local fig = ow.plot.figure { title = "Choice of the linking distance", width = 1100, height = 480, rows = 1, cols = 2 }
  local ax = fig:axes(1)
  ax:line(c.d_max, c.real, { color = 1, marker = "circle", label = "data" })
  ax:line(c.d_max, c.expected, { color = 2, marker = "square", dash = "dashed", label = "shuffled species" })
  ax:vline(chosen, { dash = "dotted", label = "chosen" })
  ax:set { xlabel = "d_max (nm)", ylabel = ("clusters of at least %d core ions"):format(c.n_min) }
  ax = fig:axes(2)
  ax:line(c.d_max, c.ions, { color = 1, width = 2, label = "in clusters, data" })
  ax:line(c.d_max, c.ions_null, { color = 2, dash = "dashed", width = 2, label = "in clusters, shuffled" })
  ax:line(c.d_max, c.linked, { color = 1, width = 1, dash = "dotted", label = "neighbour within d_max, data" })
  ax:line(c.d_max, c.linked_null, { color = 2, width = 1, dash = "dotted", label = "neighbour within d_max, shuffled" })
  ax:vline(chosen, { dash = "dotted" })
  ax:set { xlabel = "d_max (nm)", ylabel = "share of core ions", yrange = { 0, 1.05 }, legend = "top left" }
  run:figure("d_max", fig, "Left: clusters formed. Right: core ions held by them. Chosen is the distance with the largest share of ions in clusters beyond what shuffled species give.")
end

local function sizes_figure(run, f, real, n_min)
  local fig = ow.plot.figure { title = "Clusters of at least n core ions", width = 900, height = 560 }
  local n, low, high, mean, seen, count = {}, {}, {}, {}, {}, {}
  for i, v in ipairs(f.n_min) do
    if f.high[i] > 0 then
      local k = #n + 1
      n[k], low[k], high[k], mean[k] = v, math.max(f.low[i], 0.05), math.max(f.high[i], 0.06), math.max(f.expected[i], 0.05)
    end
    if f.real[i] > 0 then seen[#seen + 1], count[#count + 1] = v, f.real[i] end
  end
  if #n > 1 then
    fig:band(n, low, high, { color = 2, label = "shuffled species, 95 %" })
    fig:line(n, mean, { color = 2, dash = "dashed", label = "shuffled, mean" })
  end
  fig:line(seen, count, { color = 1, width = 2, label = ("data (%d groups)"):format(#real) })
  fig:vline(n_min, { dash = "dotted", label = "N_min" })
  fig:set { xlabel = "core ions n", ylabel = "clusters of n or more", xlog = true, ylog = true, yrange = { 0.05, 2 * (count[1] or 1) } }
  run:figure("sizes", fig, "Size distribution against chance. Left of the crossing groups are mostly accidental; N_min keeps the share of false clusters small.")
end

local function map_figure(run, data, found, shown)
  local at = found.label:gt(0):logical_and(found.core):nonzero():flatten()
  if at:numel() == 0 then return end
  if at:numel() > shown then at = at[ow.rng(run.seed):permutation(at:numel()):slice(1, 1, shown):sort()] end
  local x, colour = data.positions[at], (found.label[at] * 7919):mod(97):to "f64"  -- neighbours in the table get unlike colours
  local fig = ow.plot.figure { title = ("Core ions of the %d clusters"):format(found.n_clusters), width = 900, height = 820 }
  fig:scatter3d(x:select(2, 1):to "f64", x:select(2, 2):to "f64", x:select(2, 3):to "f64", { color = colour, size = 2, colorbar = false })
  fig:set { xlabel = "x (nm)", ylabel = "y (nm)", zlabel = "z (nm)" }
  run:figure("map", fig, "Every cluster has its colour; ions of the matrix are not shown.")
end

local function composition_figure(run, t, element, matrix)
  if #t.rows == 0 then return end
  local n, c, lo, hi = {}, {}, {}, {}
  local k
  for i, e in ipairs(t.elements) do if e == element then k = i end end
  for i, r in ipairs(t.rows) do
    n[i], c[i], lo[i], hi[i] = r.n, 100 * r.composition[k].fraction, 100 * r.composition[k].low, 100 * r.composition[k].high
  end
  local fig = ow.plot.figure { title = ("%s in the clusters"):format(element), width = 900, height = 520 }
  fig:errorbar(n, c, { ylow = lo, yhigh = hi, label = "cluster, 95 % interval", size = 4 })
  if matrix.n > 0 then fig:hline(100 * matrix.composition[k].fraction, { dash = "dashed", label = "matrix", color = 2 }) end
  fig:set { xlabel = "ions in the cluster", ylabel = element .. " (at.%)", xlog = true }
  run:figure("composition", fig, "Counting errors only. Small clusters that were found by their core species are biased towards it.")
end

local function sdm_figure(run, curves, title)
  local fig = ow.plot.figure { title = title, width = 900, height = 520 }
  local lo, hi = 0.5, 1.5
  for i, c in ipairs(curves) do
    if c.sdm.low then fig:band(c.sdm.z, c.sdm.low, c.sdm.high, { color = i, label = c.name .. ", relabelled, 95 %" }) end
    fig:line(c.sdm.z, c.sdm.ratio, { color = i, width = 2, label = c.name })
    for k, v in ipairs(c.sdm.ratio) do
      if v == v and math.abs(c.sdm.z[k]) > 0.1 then lo, hi = math.min(lo, v), math.max(hi, v) end
    end
  end
  fig:hline(1, { dash = "dotted" })
  fig:set { xlabel = "height along the pole (nm)", ylabel = "pairs / random labels", yrange = { math.max(0, lo - 0.1), math.min(hi + 0.5 * (hi - lo), 8) } }
  run:figure("z_sdm", fig, "Pairs of core ions over what random labels give on the same positions. In L1_2 order every other plane is rich in the minority species: the peaks are two plane spacings apart.")
end

-- ---- the run -------------------------------------------------------------------------------------

local function describe(list)
  local t = {}
  for _, c in ipairs(list) do
    if c.fraction == c.fraction and c.fraction > 5e-5 then t[#t + 1] = ("%s %.2f ± %.2f"):format(c.element, 100 * c.fraction, 100 * c.error) end
  end
  return table.concat(t, ", ")
end

local function order_along_pole(run, data, found, core)
  local p = run.params
  local direction
  if p.direction ~= "auto" then
    direction = {}
    for w in p.direction:gmatch "[^,%s]+" do direction[#direction + 1] = tonumber(w) end
    if #direction ~= 3 then error(("direction: expected auto or x,y,z, got %s"):format(p.direction), 0) end
  else
    local poles = apt.poles(data.positions, { tilt = p.tilt, seed = run.seed })
    local rows = {}
    for i, q in ipairs(poles.poles) do
      rows[i] = { i, ("%.4f %.4f %.4f"):format(table.unpack(q.direction)), q.direction_error, q.spacing, q.spacing_error, q.power, q.coherence, q.p }
    end
    if #rows == 0 then
      run:text(("No crystal planes are seen within %g degrees of the depth axis: the strongest power, %.2f, is below the %.2f that random positions pass with a chance of 5 %%. There is no z-SDM."):format(
        p.tilt, poles.coarse_power, poles.threshold))
      return
    end
    run:table("Poles", { "pole", "direction", "error (degrees)", "spacing (nm)", "error (nm)", "power", "coherence", "p" }, rows,
      ("Power of the structure factor over %d spheres of %g nm; 1 without planes; random positions pass %.2f with a chance of 5 %%. Errors: jackknife over the spheres."):format(
        poles.sub_volumes, poles.radius, poles.threshold))
    local best = poles.poles[1]
    direction = best.direction
    run:put("pole.spacing", { value = best.spacing, unit = "nm", low = best.spacing - 1.96 * best.spacing_error, high = best.spacing + 1.96 * best.spacing_error })
  end
  local curves = {}
  local function add(name, at, seed)
    local s = data.species[at]
    if s:numel() > 100 then
      local sdm = apt.z_sdm(data.positions[at], s, { direction = direction, from = core, lateral = p.lateral, z_max = 1.2, bin = 0.02, relabellings = 63, seed = seed })
      if sdm.centres > 20 then
        curves[#curves + 1] = { name = name, sdm = sdm }
        run:put("z_sdm." .. name .. ".p", { value = sdm.p, note = "random order along the pole; from 63 relabellings" })
      end
    end
  end
  add("clusters", found.label:gt(0), run.seed)
  add("matrix", found.label:eq(0), run.seed + 1)
  if #curves > 0 then sdm_figure(run, curves, ("Core ions along the pole, lateral window %g nm"):format(p.lateral)) end
  local map, z = apt.lateral_sdm(data.positions, data.species, { direction = direction, from = core, extent = 1, bin = 0.1, thickness = 0.1 })
  local centre = #z // 2 + 1
  map = map:to "f64"
  map:set(centre, centre, 0 / 0)
  local fig = ow.plot.figure { title = "Core ions in the plane", width = 760, height = 640 }
  fig:image(map, { x = z, y = z, colorbar = "pairs", aspect = "equal", origin = "bottom" })
  fig:set { xlabel = "across the pole (nm)", ylabel = "across the pole (nm)" }
  run:figure("lateral", fig, "Displacements between core ions whose heights differ by at most 0.1 nm. Lateral blur usually leaves no more than a hole.")
end

local function truth(run, data, found)
  local domain, got = data.truth:gt(0), found.label:gt(0)
  local both = domain:logical_and(got):to("i64"):sum()
  local n_domain, n_got = domain:to("i64"):sum(), math.max(1, got:to("i64"):sum())
  local hit, clean = {}, 0
  for c = 1, found.n_clusters do
    local labels = data.truth[found.label:eq(c)]:bincount { first = 0, size = data.domains + 1 }:totable()
    local best, at = 0, 0
    for d = 2, #labels do if labels[d] > best then best, at = labels[d], d - 1 end end
    if at > 0 and best > labels[1] * 0.25 then hit[at], clean = true, clean + 1 end
  end
  local n = 0
  for _ in pairs(hit) do n = n + 1 end
  local function wilson(k, m)
    local z, f = 1.96, k / m
    local mid, half = (f + z * z / (2 * m)) / (1 + z * z / m), z / (1 + z * z / m) * math.sqrt(f * (1 - f) / m + z * z / (4 * m * m))
    return { value = f, low = math.max(0, mid - half), high = math.min(1, mid + half) }
  end
  run:put("truth.ion_recall", wilson(both, n_domain))
  run:put("truth.ion_precision", wilson(both, n_got))
  run:put("truth.domains_found", wilson(n, data.domains))
  run:table("Truth of the synthetic specimen", { "what", "number" }, { { "domains made", data.domains }, { "domains with a cluster", n }, { "clusters in domains", clean },
    { "clusters of chance", found.n_clusters - clean }, { "ions of domains in clusters (%)", 100 * both / n_domain }, { "ions of clusters in domains (%)", 100 * both / n_got } },
    "A domain counts as found when a cluster lies mostly in it. Recall is low where the domains hold few core ions; this is what maximum separation can do, stated without embellishment.")
end

return {
  name = "apt_clusters",
  summary = "clusters of solutes in an atom probe reconstruction, with every choice tested against chance",
  params = {
    { name = "input", default = "", help = "reconstruction (.pos, .epos, .apt, .ato or table); empty: a synthetic Al-Li-Mg specimen" },
    { name = "ranges", default = "", help = "range file (.rrng, .rng, .env) that belongs to it" },
    { name = "core", default = "Li", help = "species that cluster, comma-separated ions or elements" },
    { name = "d_max", default = 0.0, min = 0.0, max = 10.0, unit = "nm", help = "linking distance (0: chosen against shuffled species)" },
    { name = "order", default = 1, min = 1, max = 100, help = "core ions need as many others within d_max" },
    { name = "n_min", default = 0, min = 0, max = 1000000, help = "least number of core ions of a cluster (0: chosen by the false clusters)" },
    { name = "envelope", default = -1.0, min = -1.0, max = 10.0, unit = "nm", help = "other ions join a cluster within this distance (-1: d_max)" },
    { name = "erode", default = 0.0, min = 0.0, max = 10.0, unit = "nm", help = "and leave it within this distance of the matrix" },
    { name = "shuffles", default = 20, min = 2, max = 1000, help = "shuffled data sets" },
    { name = "relabellings", default = 39, min = 5, max = 9999, help = "for the neighbour distances" },
    { name = "r_max", default = 4.0, min = 0.1, max = 50.0, unit = "nm", help = "reach of the radial concentrations" },
    { name = "pair_ions", default = 100000, min = 1000, max = 100000000, help = "ions of the slab in which neighbour distances and radial concentrations are measured" },
    { name = "direction", default = "auto", help = "of the z-SDM: auto (pole search), or x,y,z" },
    { name = "tilt", default = 25.0, min = 1.0, max = 90.0, unit = "degrees", help = "poles are searched within it of the depth axis z" },
    { name = "lateral", default = 0.5, min = 0.01, max = 10.0, unit = "nm", help = "radius of the lateral window of the z-SDM" },
    { name = "atomic_volume", default = 0.0166, min = 0.0, max = 1.0, unit = "nm^3", help = "for volumes and number density (0: bounding box)" },
    { name = "efficiency", default = 0.5, min = 0.01, max = 1.0, help = "share of ions that are detected" },
    { name = "box", default = 30.0, min = 8.0, max = 200.0, unit = "nm", help = "edge of the synthetic specimen" },
    { name = "fraction", default = 0.08, min = 0.001, max = 0.25, help = "volume of the ordered domains in the synthetic specimen" },
  },
  run = function(run)
    local p = run.params
    local bar = run:progress("steps", 7)
    local data = p.input == "" and synthetic(run) or measured(run)
    bar:update(1, "ions")
    local core = core_species(p.core, data)
    local n, unknown = data.positions:shape(1), data.species:eq(0):to("i64"):sum()
    run:heading "Ions"
    local names = {}
    for i, k in ipairs(core) do names[i] = data.names[k] end
    run:text(("%d ions, %d without a range (left out of every count). Core species: %s."):format(n, unknown, table.concat(names, ", ")))

    run:heading "Neighbours and radial concentrations"
    local x, s, slab = middle_slab(data, p.pair_ions)
    if slab then run:text(("Measured in a slab %.2f nm thick across the middle (%d ions)."):format(slab, x:shape(1))) end
    local d = apt.neighbour_distances(x, s, { from = core, k = 2, relabellings = p.relabellings, seed = run.seed })
    bar:update(2, "neighbour distances")
    neighbour_figure(run, d)
    for _, o in ipairs(d.orders) do run:put(("neighbours.%d.p"):format(o.k), { value = o.p, low = o.p, high = o.p, note = "exact Monte Carlo rank" }) end
    local g = apt.rdf(x, s, { from = core, to = core, names = data.names, r_max = p.r_max, bin = 0.1, seed = run.seed })
    bar:update(3, "radial concentrations")
    rdf_figure(run, g)
    assert(g:write(run:path "rdf.csv"))
    run:put("rdf.p", { value = g.p, low = g.p, high = g.p, note = "exact Monte Carlo rank, 63 relabellings" })

    run:heading "Clusters"
    local how = { core = core, order = p.order }
    local c = apt.choose_d_max(data.positions, data.species, { core = core, order = p.order, shuffles = 3, seed = run.seed })
    c.n_min = 10
    bar:update(4, "linking distance")
    local d_max = p.d_max > 0 and p.d_max or c.suggested
    d_max_figure(run, c, d_max)
    if not c.clustered then
      run:warn("at no linking distance do clusters hold twice as many core ions as with shuffled species: the core species is not seen to cluster; what follows is listed for completeness")
    end
    local share = d.from / math.max(1, x:shape(1))
    if share > 0.5 then
      run:warn(("%.0f %% of the ions are of the core species: shuffling hardly changes who is where, so the null models have no power; give d_max and n_min"):format(100 * share))
    end
    how.d_max, how.shuffles, how.seed = d_max, p.shuffles, run.seed
    local f = apt.false_clusters(data.positions, data.species, how)
    local real = apt.cluster_sizes(data.positions, data.species, { core = core, order = p.order, d_max = d_max }):totable()
    local n_min = p.n_min > 0 and p.n_min or f.suggested
    bar:update(5, "false clusters")
    if not n_min then
      run:warn(("no size has fewer than 5 %% false clusters at d_max %.3f nm: the data do not show clusters by this method; sizes from the largest of chance on are listed"):format(d_max))
      n_min = (f.null_sizes[1] or 1) + 1
    end
    sizes_figure(run, f, real, n_min)
    local envelope = p.envelope < 0 and d_max or p.envelope
    local found = apt.clusters(data.positions, data.species, { core = core, order = p.order, d_max = d_max, n_min = n_min, envelope = envelope, erode = p.erode })
    local row = 1
    for i, v in ipairs(f.n_min) do if v <= n_min then row = i end end
    run:put("clusters.number", { value = found.n_clusters })
    run:put("clusters.beyond_chance", { value = found.n_clusters - f.expected[row], low = found.n_clusters - f.high[row], high = found.n_clusters - f.low[row], note = "interval: clusters of chance, 95 %" })
    run:put("clusters.expected_by_chance", { value = f.expected[row], low = f.low[row], high = f.high[row] })
    run:put("clusters.d_max", { value = d_max, unit = "nm", note = p.d_max > 0 and "given" or "chosen against shuffled species" })
    run:put("clusters.n_min", { value = n_min, note = p.n_min > 0 and "given" or "chosen: at most 5 % false clusters" })
    local m = apt.contingency(real, f.null_sizes, { seed = run.seed })
    run:put("contingency.mu", { value = m.mu, low = 0, high = m.null_high, note = "low, high: what 95 % of permutations give without a difference" })
    run:put("contingency.p", { value = m.p, low = m.p, high = m.p, note = ("permutations; about %.3f is the mu of chance"):format(m.null_mean) })
    run:text(("Contingency coefficient of the sizes in the data and in %d shuffled sets: mu = %.3f ± %.3f in %d bins of %d clusters; without a difference about %.3f (95 %% below %.3f), p = %.3g."):format(
      p.shuffles, m.mu, m.error, m.k, m.n, m.null_mean, m.null_high, m.p))
    if m.p == m.p and m.p > 0.05 then run:warn(("the sizes of the clusters do not differ from those of shuffled species (p = %.2g)"):format(m.p)) end
    local t = apt.cluster_table(data.positions, data.species, found, { names = data.names, ranges = data.ranges,
      atomic_volume = p.atomic_volume > 0 and p.atomic_volume or nil, efficiency = p.efficiency })
    local columns, rows = t:cells()
    run:table("Clusters", columns, rows, tostring(t))
    assert(t:write(run:path "clusters.h5"))
    run:put("clusters.density", { value = t.density.value, unit = "per nm^3", low = t.density.low, high = t.density.high, note = "edge clusters count half; " .. t.density.how })
    run:text(("Clusters: %s at.%%. Matrix: %s."):format(describe(t.all.composition), t.matrix.n > 0 and describe(t.matrix.composition) .. " at.%" or "no ions"))
    local element = data.ranges and (data.ranges.ions[core[1]].atoms or { { data.names[core[1]] } })[1][1] or data.names[core[1]]
    for i, e in ipairs(t.elements) do
      if e == element then
        local a, b = t.all.composition[i], t.matrix.composition[i]
        if #t.rows > 0 then run:put("clusters." .. e, { value = 100 * a.fraction, unit = "at.%", low = 100 * a.low, high = 100 * a.high }) end
        if t.matrix.n > 0 then run:put("matrix." .. e, { value = 100 * b.fraction, unit = "at.%", low = 100 * b.low, high = 100 * b.high }) end
      end
    end
    if #t.rows > 1 then
      local sum, sum2 = 0, 0
      for _, r in ipairs(t.rows) do sum, sum2 = sum + r.radius, sum2 + r.radius ^ 2 end
      local k = #t.rows
      local mean = sum / k
      local err = math.sqrt(math.max(0, sum2 / k - mean ^ 2) / (k - 1))
      run:put("clusters.radius", { value = mean, unit = "nm", low = mean - 1.96 * err, high = mean + 1.96 * err, note = "mean radius from the radius of gyration" })
    end
    composition_figure(run, t, element, t.matrix)
    map_figure(run, data, found, 30000)
    if data.truth then truth(run, data, found) end

    bar:update(6, "clusters")
    run:heading "Order along a pole"
    order_along_pole(run, data, found, core)
    bar:update(7, "order along a pole")
    bar:finish()
  end,
}
