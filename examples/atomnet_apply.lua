-- Finds ordered domains in an atom probe reconstruction with a trained network (examples/atomnet_train.lua):
-- probabilities of all ions, domains by maximum separation, their table and sizes against data sets
-- whose species were shuffled (contingency coefficient mu with a permutation p-value), z-SDMs of
-- domains, matrix and the undecided, thresholds, comparison with an iso-surface.
-- Without input: a synthetic specimen of the model's alloy, whose truth is known.
local ow = require "orowan"
local apt = ow.apt
local nn = ow.nn

-- ---- the ions ----------------------------------------------------------------------------------

local function synthetic(run, pre)
  local p = run.params
  local cube = apt.datasets.cube { alloy = pre.alloy, noise = p.noise, seed = 900000 + run.seed, edge = p.edge, matched = pre.matched }
  run:text(("No input was given: a synthetic specimen of %s, %.3g nm, %d ions, %d domains, %s noise."):format(pre.alloy, p.edge, cube.n, #cube.spheres, p.noise))
  return { positions = cube.positions, species = cube.species, names = cube.names, truth = cube.label:gt(0):to "f32", domains = #cube.spheres }
end

local function measured(run, pre)
  local p = run.params
  if p.ranges == "" then error("ranges: expected the range file that belongs to the input", 0) end
  local ions, err = apt.read(run:input(p.input))
  if not ions then error(tostring(err), 0) end
  local ranges
  ranges, err = apt.read_ranges(run:input(p.ranges))
  if not ranges then error(tostring(err), 0) end
  for _, note in ipairs(ions.notes) do run:warn(note) end
  local data = apt.label(ions, ranges)
  local place, map = {}, { 0 }
  for s, name in ipairs(pre.species) do place[name] = s end
  local others = {}
  for s, name in ipairs(data.names) do
    map[s + 1] = place[name] or 0
    if not place[name] then others[#others + 1] = name end
  end
  local species = ow.tensor(map, "i64"):take(data.species + 1)
  local x = data.positions:to "f32"
  local known = species:gt(0)
  local finite = x:isfinite():all(2)
  local keep = known:logical_and(finite)
  local n, left = species:numel(), keep:to("i64"):sum()
  if left < 1000 then
    error(("input: %d of %d ions are of the species of the model (%s; the file also holds %s): expected at least 1000"):format(left, n,
      table.concat(pre.species, ", "), #others > 0 and table.concat(others, ", ") or "no others"), 0)
  end
  run:text(("%d of %d ions are of the species of the model (%s); left out: %d unranged or of other species (%s), %d without a finite place."):format(left, n,
    table.concat(pre.species, ", "), n - known:to("i64"):sum(), #others > 0 and table.concat(others, ", ") or "none", n - finite:to("i64"):sum()))
  return { positions = x[keep], species = species[keep], names = pre.species }
end

-- A cylinder along the depth axis: a pole, or a place away from it.
local function cut(data, p)
  if p.radius <= 0 then return data end
  local x, y = data.positions:select(2, 1) - p.centre_x, data.positions:select(2, 2) - p.centre_y
  local keep = (x:square() + y:square()):le(p.radius ^ 2)
  for _, name in ipairs { "positions", "species", "truth" } do data[name] = data[name] and data[name][keep] end
  if data.species:numel() < 1000 then error(("radius: %d ions lie in the cylinder, expected at least 1000"):format(data.species:numel()), 0) end
  return data
end

-- ---- domains -----------------------------------------------------------------------------------

-- Domains among the ions at or above a threshold, with labels of all ions.
local function domains_of(positions, p, threshold, o)
  local rows = p:ge(threshold):nonzero():flatten()
  local n = p:numel()
  local label = ow.zeros({ n }, "i64")
  if rows:numel() == 0 then return { label = label, core = label:gt(0), n_clusters = 0, sizes = ow.zeros({ 0 }, "i64"), method = "network", parameters = {}, small = 0, eroded = 0, unknown = 0 } end
  local found = apt.clusters(positions:take(rows), ow.ones({ rows:numel() }, "i64"), { core = 1, d_max = o.d_max, n_min = o.n_min })
  label:index_put(1, rows, found.label)
  found.label, found.core = label, label:gt(0)
  return found
end

local function above(sizes, least)
  local list = {}
  for _, s in ipairs(sizes:totable()) do if s > least then list[#list + 1] = s end end
  return list
end

local function concentration(data, solute, at)
  local is = apt.features.is({ n = data.species:numel(), species = data.species:to "f32", names = data.names }, solute)
  local part = at and is[at] or is
  local n = part:numel()
  local c = n > 0 and part:mean() or 0 / 0
  return c, n > 0 and math.sqrt(c * (1 - c) / n) or 0 / 0, n
end

-- ---- figures -----------------------------------------------------------------------------------

local function size_figure(run, real, null, p)
  local fig = ow.plot.figure { title = "Sizes of domains", width = 720, height = 480 }
  if #real > 0 then fig:ccdf(real, { label = "data", marker = "circle" }) end
  if #null > 0 then fig:ccdf(null, { label = ("species shuffled, %d times"):format(p.shuffles), marker = "square" }) end
  fig:set { xlabel = "ions in a domain", ylabel = "share of domains at least as large", legend = "bottom left" }
  run:figure("sizes", fig, "Domains of at least n_min ions above the threshold.")
end

local function sdm_figure(run, list)
  local fig = ow.plot.figure { title = "z-SDM, solute to solute", width = 860, height = 480 }
  local top = 1
  for i, s in ipairs(list) do
    fig:line(s[2].z, s[2].ratio, { label = s[1], color = i, width = 1.5 })
    for _, v in ipairs(s[2].ratio) do if v == v then top = math.max(top, v) end end
  end
  fig:set { xlabel = "height above a solute (nm)", ylabel = "pairs / pairs of random labels", legend = "top right", yrange = { 0, top * 1.25 } }
  run:figure("z_sdm", fig, "Ordered solutes stand on every second plane.")
end

local function space_figure(run, data, found)
  local at = found.label:gt(0):nonzero():flatten()
  if at:numel() == 0 then return end
  if at:numel() > 30000 then at = at:take(ow.rng(1):permutation(at:numel()):slice(1, 1, 30000):contiguous()) end
  local x = data.positions:take(at)
  local colour = (found.label:take(at) * 7):mod(20):to "f32"
  local fig = ow.plot.figure { title = ("%d domains"):format(found.n_clusters), width = 720, height = 640 }
  fig:scatter3d(x:select(2, 1), x:select(2, 2), x:select(2, 3), { color = colour, size = 3, colorbar = false })
  fig:set { xlabel = "x (nm)", ylabel = "y (nm)", zlabel = "z (nm)" }
  run:figure("domains", fig, "Ions of domains, coloured by domain.")
end

return {
  name = "atomnet_apply",
  summary = "finds ordered domains in an atom probe reconstruction with a trained network, against shuffled species",
  params = {
    { name = "input", default = "", help = "reconstruction (.pos, .epos, .apt, ...); empty: a synthetic specimen" },
    { name = "ranges", default = "", help = "range file of the input (.rrng, .rng, .env)" },
    { name = "model", default = "", help = "model file; empty: models/atomnet_ALLOY.h5" },
    { name = "alloy", default = "allimg", help = "allimg, aucu or conialw: which of the models that come with Orowan" },
    { name = "network", default = "stack", help = "stack, or atomnet (the published network)" },
    { name = "threshold", default = 0.0, min = 0.0, max = 1.0, help = "of the probability; 0: that of the model" },
    { name = "d_max", default = 0.4, min = 0.01, max = 10.0, unit = "nm", help = "largest distance of two ions of one domain" },
    { name = "n_min", default = 3, min = 1, max = 1000000, unit = "ions", help = "of a domain" },
    { name = "counted", default = 55, min = 0, max = 1000000, unit = "ions", help = "only domains above this size are counted as such" },
    { name = "shuffles", default = 4, min = 1, max = 100, help = "data sets with shuffled species" },
    { name = "low", default = 0.3, min = 0.0, max = 1.0, help = "ions from low to high are the undecided of the z-SDM" },
    { name = "high", default = 0.7, min = 0.0, max = 1.0, help = "see low" },
    { name = "iso", default = 0.08, min = 0.0, max = 1.0, help = "solute share of the iso-surface" },
    { name = "lateral", default = 0.3, min = 0.01, max = 5.0, unit = "nm", help = "window of the z-SDM" },
    { name = "centre_x", default = 0.0, min = -1e6, max = 1e6, unit = "nm", help = "axis of the cylinder that is analysed" },
    { name = "centre_y", default = 0.0, min = -1e6, max = 1e6, unit = "nm", help = "see centre_x" },
    { name = "radius", default = 0.0, min = 0.0, max = 1e6, unit = "nm", help = "of that cylinder; 0: everything" },
    { name = "edge", default = 10.0, min = 4.0, max = 60.0, unit = "nm", help = "of the synthetic specimen" },
    { name = "noise", default = "gaussian", help = "of the synthetic specimen" },
  },
  run = function(run)
    local p = run.params
    if p.network ~= "stack" and p.network ~= "atomnet" then error("network: expected stack or atomnet, got " .. p.network, 0) end
    local path = p.model ~= "" and p.model or ow.home() .. "/models/atomnet_" .. p.alloy .. ".h5"
    local model, info = apt.finder.load(run:input(path))
    if not model then error(tostring(info), 0) end
    local pre = info.preprocessing
    local threshold = p.threshold > 0 and p.threshold or pre.threshold
    local data = cut(p.input ~= "" and measured(run, pre) or synthetic(run, pre), p)
    local n = data.species:numel()

    local options = { network = p.network, progress = true }
    local started = ow.sys.clock()
    local probability = apt.finder.apply(model, info, data, { network = p.network, progress = true, checkpoint = run:path "stream.checkpoint.h5" })
    run:put("time.network", { value = ow.sys.clock() - started, unit = "s", timing = true })
    run:put("ions", { value = n, unit = "ions" })
    run:put("share_ordered", { value = probability:ge(threshold):to("f64"):mean(), note = ("ions at or above %.2f"):format(threshold) })

    local found = domains_of(data.positions, probability, threshold, p)
    local null, null_share, null_domains = {}, {}, {}
    for k = 1, p.shuffles do
      local other = { positions = data.positions, names = data.names, species = data.species[ow.rng(run.seed, 20 + k):permutation(n)] }
      local q = apt.finder.apply(model, info, other, options)
      null_share[k] = q:ge(threshold):to("f64"):mean()
      local f = domains_of(data.positions, q, threshold, p)
      null_domains[k] = #above(f.sizes, p.counted)
      table.move(f.sizes:totable(), 1, f.sizes:numel(), #null + 1, null)
    end
    local real = found.sizes:totable()
    local counted = #above(found.sizes, p.counted)
    local null_t = ow.tensor(null_domains)
    run:put("domains", { value = counted, note = ("above %d ions"):format(p.counted) })
    run:put("domains.null", { value = null_t:mean(), low = null_t:min(), high = null_t:max(), note = "with shuffled species: mean, smallest and largest" })
    run:put("share_ordered.null", { value = ow.tensor(null_share):mean() })
    local all = apt.contingency(real, null, { seed = run.seed })
    local large = apt.contingency(above(found.sizes, p.counted), above(ow.tensor(#null > 0 and null or { 0 }, "i64"), p.counted), { seed = run.seed })
    local mu = {}
    for _, c in ipairs { { ("all domains (at least %d ions)"):format(p.n_min), all }, { ("domains above %d ions"):format(p.counted), large } } do
      mu[#mu + 1] = { c[1], c[2].n, c[2].k, c[2].mu, c[2].null, c[2].null_high, c[2].p }
    end
    run:table("Sizes against shuffled species", { "domains", "N", "bins", "mu", "sqrt((k-1)/N)", "95 % of permutations", "p" }, mu,
      "mu = sqrt(chi2 / (N + chi2)) of the table of sizes, data against shuffled; it is not 0 by chance, so the permutations decide. p = 1 with one bin: too few domains to compare.")
    run:put("mu", { value = all.mu, note = ("p = %.4g"):format(all.p) })
    size_figure(run, real, null, p)
    space_figure(run, data, found)

    if found.n_clusters > 0 then
      local t = apt.cluster_table(data.positions, data.species, found, { names = data.names })
      local names, rows = t:cells()
      local shown = table.move(rows, 1, math.min(#rows, 30), 1, {})
      run:table("Domains", names, shown, #rows > 30 and ("The 30 largest of %d; domains.csv has all."):format(#rows) or nil)
      local ok, err = t:write(run:path "domains.csv")
      if not ok then run:warn(tostring(err)) end
    end

    -- thresholds
    local sweep = {}
    for _, t in ipairs { 0.3, 0.5, 0.7, 0.9 } do
      local f = t == threshold and found or domains_of(data.positions, probability, t, p)
      local inside = f.label:gt(0)
      local c, e, m = concentration(data, pre.solute, inside)
      local row = { t, #above(f.sizes, p.counted), m, c, e }
      if data.truth then
        local r = nn.metrics.precision_recall_f1(probability, data.truth, { thresholds = t, repeats = 0 })[1]
        row[6], row[7] = r.recall.value, r.precision.value
      else
        for _, known in ipairs(pre.operating and pre.operating[p.network] or {}) do
          if known.threshold == t then
            local r, q = known.recall, known.precision
            row[6], row[7] = r[1], q[1]
            if r[3] and q[3] and r[2] > 0 then row[9] = ("%.0f to %.0f"):format(m * q[2] / r[3], m * q[3] / r[2]) end
          end
        end
      end
      if row[6] and row[6] > 0 then row[8] = m * row[7] / row[6] end
      sweep[#sweep + 1] = row
    end
    run:table("Thresholds", { "threshold", ("domains above %d ions"):format(p.counted), "ions in domains", "solute share inside", "counting error", "recall", "precision", "ions, corrected", "95 % ends of both" }, sweep,
      (data.truth and "Recall and precision are those of this specimen. " or "Recall and precision are those of the model's synthetic test set: they hold as far as that resembles the data. ") ..
      "Corrected: ions in domains x precision / recall; the range takes the far ends of both intervals.")

    -- order seen along the depth axis
    local inside = found.label:gt(0)
    local middle = probability:ge(p.low):logical_and(probability:lt(p.high))
    local list = {}
    for _, s in ipairs { { "domains", inside }, { "matrix", inside:logical_not() }, { ("%.2f to %.2f"):format(p.low, p.high), middle } } do
      if s[2]:to("i64"):sum() > 500 then
        list[#list + 1] = { s[1], apt.z_sdm(data.positions[s[2]], data.species[s[2]], { names = data.names, from = pre.solute, lateral = p.lateral, z_max = 1.2, bin = 0.04 }) }
      end
    end
    if #list > 0 then sdm_figure(run, list) end

    -- the iso-surface beside it
    local labelled = { positions = data.positions, species = data.species, names = data.names }
    local rows = {}
    local field = apt.grid(labelled, { voxel = 0.5, delocalisation = { 1.5, 1.5, 1.5 } }):concentration(pre.solute)
    local regions = apt.domains(field, p.iso, labelled, { ions = p.counted + 1 })
    local ions = 0
    for _, d in ipairs(regions) do ions = ions + d.ions end
    rows[1] = { ("iso-surface, %.3g solute"):format(p.iso), #regions, ions / n }
    rows[2] = { "network, " .. p.network, counted, ow.tensor(above(found.sizes, p.counted)):sum() / n }
    if data.truth then rows[3] = { "truth", data.domains, data.truth:mean() } end
    run:table("Beside the iso-surface", { "method", ("domains above %d ions"):format(p.counted), "share of ions inside" }, rows)

    if data.truth then
      local a = nn.metrics.roc_auc(probability, data.truth, { repeats = 200 })
      run:put("auc", { value = a.value, low = a.low, high = a.high, note = "on this synthetic specimen" })
    end
    local file, err = ow.io.h5_open(run:path "ions.h5", "w")
    if not file then error(tostring(err), 0) end
    file:write("positions", data.positions)
    file:write("species", data.species)
    file:write("probability", probability)
    file:write("domain", found.label)
    file:attr("/", "format", "orowan.apt.domains")
    file:attr("/", "format_version", 1)
    file:close()
    run:attach("ions.h5", "Positions (nm), species, probability and domain of every ion.")
  end,
}
