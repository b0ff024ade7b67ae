-- Trains networks that find ordered domains in atom probe data, on synthetic cubes, and judges them:
-- the published AtomNet (blocks of a point network) and our stacked network on features at several
-- scales, beside the baselines that any network must beat and the ceiling of an ideal observer.
-- Cubes of training, validation and test never mix; what is chosen is chosen on validation, and the
-- test cubes are used once. `alloy=` allimg, aucu or conialw; `noise=` gaussian, gaussian_wide, clipped.
local ow = require "orowan"
local nn = ow.nn
local apt = ow.apt
local F = nn.functional

-- Published on cubes of their own making: AUC (and its spread), recall, precision.
local published = {
  allimg = { { "published AtomNet, test", "0.890 +- 0.033", "0.79", "0.72" } },
  aucu = { { "published AtomNet, validation, one block", "0.78" }, { "published AtomNet, validation, updated", "0.86" },
    { "published AtomNet, test, diameter 1.6 nm", "0.822 +- 0.052" } },
  conialw = {},
}

-- ---- numbers -----------------------------------------------------------------------------------

local function auc(score, set, repeats)
  return nn.metrics.roc_auc(score, set.label, { repeats = repeats or 0, groups = repeats and set.cloud or nil })
end

-- Mean and standard deviation over the cubes that hold both; also the AUC of each.
local function by_cube(score, set)
  local list = {}
  for c in ipairs(set.cubes) do
    local rows = set.cloud:eq(c):nonzero():flatten()
    local y = set.label:take(rows)
    local share = y:mean()
    if share > 0 and share < 1 then list[#list + 1] = nn.metrics.roc_auc(score:take(rows), y, { repeats = 0 }).value end
  end
  local t = ow.tensor(list)
  return t:mean(), #list > 1 and t:std() or 0, t
end

local function interval(v) return v.low and ("%.3f to %.3f"):format(v.low, v.high) or nil end

local function logit(p)
  local q = p:clip(1e-6, 1 - 1e-6)
  return (q / (1 - q)):log()
end

local function calibrated(p, a, b) return F.sigmoid(logit(p) * a + b).value end

-- Recall and precision of an ion's species at a threshold.
local function by_species(p, set, threshold)
  local rows = {}
  for s, name in ipairs(set.names) do
    local at = set.species:eq(s):nonzero():flatten()
    local m = nn.metrics.precision_recall_f1(p:take(at), set.label:take(at), { thresholds = threshold, repeats = 0 })[1]
    rows[s] = { name, at:numel(), m.recall.value, m.precision.value }
  end
  return rows
end

-- ---- the published network ---------------------------------------------------------------------

-- A file may only be judged on cubes that are not among those it was trained on.
local function same_cubes(run, p, path, m, seed)
  local matched = p.alloy == "conialw" or (m.matched or false) == p.matched
  if m.alloy ~= p.alloy or m.noise ~= p.noise or seed ~= run.seed or m.cubes ~= p.cubes or (m.edge or 0) ~= p.edge or not matched then
    error(("%s was trained on alloy=%s noise=%s cubes=%s edge=%s, seed %s: give the same, or leave it away"):format(path, m.alloy, m.noise, m.cubes, m.edge, seed), 0)
  end
end

local function load_stack(run, p, sets, described, o)
  local model, info = apt.finder.load(run:input(p.stack))
  if not model then error(tostring(info), 0) end
  same_cubes(run, p, p.stack, info.metadata.params, info.metadata.seed)
  local stack = model.stack
  stack.calibration:copy(ow.tensor({ 1, 0 }, "f32"))
  local q = { a = o.a, solute = o.solute, cone = o.cone, step = o.step }
  local best = { model = stack }
  for _, part in ipairs { "validation", "test" } do
    q.described = described[part]
    best[part] = apt.stacked.predict(stack, sets[part], q)
  end
  local spread = info.card.spread_of_seeds
  return best, ow.tensor(spread or { auc(best.test[#best.test], sets.test).value })
end

local function load_blocks(run, p)
  local _ = apt.atomnet  -- its modules can be built from a file only once it is loaded
  local model, info = nn.load(run:input(p.model))
  if not model then error(info, 0) end
  local m = info.metadata
  same_cubes(run, p, p.model, m, m.seed)
  return model.blocks.blocks or model.blocks, m.history
end

local function train_blocks(run, p, sets)
  if p.model ~= "" then return load_blocks(run, p) end
  local n = p.blocks > 0 and p.blocks or apt.datasets.alloys[p.alloy].blocks
  local blocks, results = apt.atomnet.train(sets.train, sets.validation, { seed = run.seed, epochs = p.epochs, ions = p.ions, blocks = n,
    own = not p.drop_own, checkpoint = run:path "block" })
  local history = {}
  for k, r in ipairs(results) do history[k] = r.history end
  return blocks, history
end

local function history_figure(run, history, p)
  local fig = ow.plot.figure { title = "AtomNet, " .. p.alloy .. ", " .. p.noise .. " noise", width = 980, height = 420, cols = 2 }
  for k, records in ipairs(history) do
    local x, a, l, v = {}, {}, {}, {}
    for i, r in ipairs(records) do x[i], a[i], l[i], v[i] = r.epoch, r.auc, r.loss, r.val_loss end
    fig:axes(1):line(x, a, { label = "block " .. k, color = k, marker = "circle" })
    fig:axes(2):line(x, v, { label = ("block %d, validation"):format(k), color = k, marker = "circle" })
    fig:axes(2):line(x, l, { label = ("block %d, training"):format(k), color = k, dash = "dashed" })
  end
  fig:axes(1):set { xlabel = "epoch", ylabel = "AUC on validation", legend = "bottom right" }
  fig:axes(2):set { xlabel = "epoch", ylabel = "loss", legend = "top right" }
  run:figure("history", fig, ("An epoch is %d ions. The weights of the epoch with the smallest validation loss are used."):format(p.ions))
end

-- ---- figures -----------------------------------------------------------------------------------

local function scale_figure(run, sweeps, ceiling, mine, p)
  local fig = ow.plot.figure { title = "AUC against the number of neighbours, " .. p.alloy .. ", " .. p.noise .. " noise", width = 720, height = 460 }
  for i, s in ipairs { { "fraction", "solute fraction" }, { "fourier", "Fourier filter" } } do
    local k, v = {}, {}
    for j, r in ipairs(sweeps[s[1]]) do k[j], v[j] = r.k, r.test end
    fig:line(k, v, { label = s[2], color = i, marker = "circle" })
  end
  fig:hline(mine, { label = "stacked network", color = 3, dash = "solid" })
  fig:hline(ceiling, { label = "ideal observer", color = "grey", dash = "dashed" })
  fig:set { xlabel = "neighbours", ylabel = "AUC on test", xlog = true, legend = "bottom right", yrange = { 0.25, 1.02 } }
  run:figure("scales", fig, "Baselines at every number of neighbours, on test; the table has the one that validation chose.")
end

local function map_figure(run, set, list, p)
  local cube = set.cubes[1]
  local rows = set.cloud:eq(1):nonzero():flatten()
  local middle = cube.box[3] / 2
  local z = cube.positions:select(2, 3)
  local near = (z - middle):abs():lt(0.15 * cube.box[3]):nonzero():flatten()
  local fig = ow.plot.figure { title = "A slab of the first test cube", width = 860, height = 760, rows = 2, cols = 2 }
  local x, y = cube.positions:select(2, 1):take(near), cube.positions:select(2, 2):take(near)
  for k = 0, #list do
    local v = (k == 0 and set.label or list[k][2]):take(rows):take(near)
    fig:axes(k + 1):scatter(x, y, { color = v, size = 4, palette = "viridis", range = { 0, 1 }, colorbar = k == 0 and "label" or "probability" })
    fig:axes(k + 1):set { title = k == 0 and "truth" or list[k][1], xlabel = "x (nm)", ylabel = "y (nm)", aspect = "equal" }
  end
  run:figure("map", fig, ("Ions within %.1f nm of the middle of the cube, %s noise."):format(0.15 * cube.box[3], p.noise))
end

local function calibration_figure(run, before, after)
  local fig = ow.plot.figure { title = "Calibration on test", width = 560, height = 460 }
  fig:line({ 0, 1 }, { 0, 1 }, { dash = "dashed", color = "grey", label = "perfect" })
  for i, c in ipairs { { before, "as trained" }, { after, "as used" } } do
    local x, y = {}, {}
    for j, n in ipairs(c[1].count) do
      if n >= 50 then x[#x + 1], y[#y + 1] = c[1].probability[j], c[1].frequency[j] end
    end
    fig:line(x, y, { label = ("%s, ECE %.4f"):format(c[2], c[1].ece.value), color = i, marker = "circle" })
  end
  fig:set { xlabel = "stated probability", ylabel = "share in domains", xrange = { 0, 1 }, yrange = { 0, 1 }, legend = "top left" }
  run:figure("calibration", fig, "Stacked network. Platt's scaling is used if it helps on validation. Bins with fewer than 50 ions are not shown.")
end

-- ---- the recipe --------------------------------------------------------------------------------

local function describe(sets, p)
  local alloy = apt.datasets.alloys[p.alloy]
  local o = { a = alloy.a, solute = alloy.solute, cone = p.cone, step = p.step }
  local all = {}
  all.train, all.counts = apt.stacked.describe(sets.train, o)
  o.counts = all.counts
  for _, part in ipairs { "validation", "test" } do all[part] = apt.stacked.describe(sets[part], o) end
  return all, o
end

-- The stack for several seeds: the one with the smallest validation loss is kept.
local function train_stacks(run, p, sets, described, o)
  local best, tests = nil, {}
  for s = 1, p.seeds do
    local q = { a = o.a, solute = o.solute, cone = o.cone, step = o.step, counts = o.counts, described = described, seed = run.seed * 100 + s,
      folds = p.folds, stages = p.stages, epochs = p.net_epochs, hidden = { p.hidden, p.hidden } }
    local model, losses = apt.stacked.train(sets.train, sets.validation, q)
    run:log(("stacked network, seed %d: loss on validation %s"):format(s, table.concat(losses, " ")))
    local function predict(part)
      q.described = described[part]
      return apt.stacked.predict(model, sets[part], q)
    end
    local v, t = predict "validation", predict "test"
    tests[s] = auc(t[#t], sets.test).value
    if not best or losses[#losses] < best.loss then
      best = { model = model, loss = losses[#losses], losses = losses, validation = v, test = t }
    end
  end
  return best, ow.tensor(tests)
end

return {
  name = "atomnet_train",
  summary = "trains networks that find ordered domains in atom probe data, beside baselines and a ceiling",
  params = {
    { name = "alloy", default = "allimg", help = "allimg, aucu or conialw" },
    { name = "noise", default = "clipped", help = "gaussian (depth 0.02 to 0.08 nm), gaussian_wide (0.08 to 0.2 nm) or clipped (the published convention)" },
    { name = "matched", default = false, help = "give the matrix the composition of the domains, so that only order tells (conialw has it so)" },
    { name = "cubes", default = 80, min = 4, max = 10000, unit = "cubes", help = "for training" },
    { name = "held", default = 0, min = 0, max = 10000, unit = "cubes", help = "for validation and for test, each; 0: an eighth of cubes" },
    { name = "edge", default = 0.0, min = 0.0, max = 100.0, unit = "nm", help = "of a cube; 0: the published one" },
    { name = "blocks", default = 0, min = 0, max = 6, help = "of AtomNet; 0: the published number" },
    { name = "epochs", default = 8, min = 1, max = 1000, help = "of each block" },
    { name = "ions", default = 40960, min = 256, max = 100000000, unit = "ions", help = "of an epoch of AtomNet, drawn anew each time" },
    { name = "drop_own", default = false, help = "leave the own species out of later blocks, as a published code does" },
    { name = "model", default = "", help = "file with blocks that were trained before on the same cubes" },
    { name = "stack", default = "", help = "model file of an earlier run on the same cubes: its stacked network is judged again, not trained" },
    { name = "stages", default = 2, min = 1, max = 6, help = "of the stacked network" },
    { name = "folds", default = 4, min = 2, max = 20, help = "of the stacked network" },
    { name = "hidden", default = 64, min = 2, max = 1024, help = "width of its nets" },
    { name = "net_epochs", default = 6, min = 1, max = 200, help = "of its nets" },
    { name = "seeds", default = 3, min = 1, max = 20, help = "of the stacked network: their spread is reported" },
    { name = "cone", default = 4.0, min = 0.0, max = 30.0, unit = "degrees", help = "tilts of the pole that are searched" },
    { name = "step", default = 0.75, min = 0.1, max = 10.0, unit = "degrees", help = "of that search" },
  },
  run = function(run)
    local p = run.params
    local alloy = apt.datasets.alloys[p.alloy]
    if not alloy then error("alloy: expected allimg, aucu or conialw, got " .. p.alloy, 0) end
    local matched = p.matched or p.alloy == "conialw"
    local part = p.held > 0 and p.held or math.max(2, p.cubes // 8)
    local data = { alloy = p.alloy, noise = p.noise, matched = matched, edge = p.edge > 0 and p.edge or nil, seed = run.seed, cubes = { p.cubes, part, part } }
    local started = ow.sys.clock()
    local sets = apt.datasets.make(data)
    local counts = {}
    for i, name in ipairs { "train", "validation", "test" } do counts[i] = { name, #sets[name].cubes, sets[name].n, sets[name].label:mean() } end
    run:table("Synthetic cubes, " .. alloy.title, { "set", "cubes", "ions", "share in domains" }, counts,
      ("Edge %.3g nm, %s noise; no cube is in two sets."):format(p.edge > 0 and p.edge or alloy.edge, p.noise))

    run:log "features"
    local described, o = describe(sets, p)
    run:log "baselines"
    local rows, sweeps = apt.baselines.scores(sets, described, { seed = run.seed })
    local ceiling = apt.baselines.ideal_set(sets.test, { seed = run.seed })
    local best, spread = (p.stack ~= "" and load_stack or train_stacks)(run, p, sets, described, o)
    run:put("time.stack", { value = ow.sys.clock() - started, unit = "s", timing = true })

    started = ow.sys.clock()
    local blocks, history = train_blocks(run, p, sets)
    run:put("time.atomnet", { value = ow.sys.clock() - started, unit = "s", timing = true })
    history_figure(run, history, p)
    local own = not p.drop_own
    local predicted = { validation = apt.atomnet.predict(blocks, sets.validation, { own = own }), test = apt.atomnet.predict(blocks, sets.test, { own = own }) }

    -- one table for all
    for k in ipairs(blocks) do
      rows[#rows + 1] = { name = ("AtomNet, block %d"):format(k), validation = predicted.validation[k], test = predicted.test[k], key = "atomnet" .. k }
    end
    for k in ipairs(best.test) do
      rows[#rows + 1] = { name = ("stacked network, stage %d"):format(k), validation = best.validation[k], test = best.test[k], key = "stack" .. k }
    end
    local null = ow.rng(run.seed, 99):permutation(sets.test.n)
    rows[#rows + 1] = { name = "null: stacked network, ions shuffled", validation = best.validation[#best.validation]:take(ow.rng(run.seed, 98):permutation(sets.validation.n)),
      test = best.test[#best.test]:take(null), key = "null" }
    rows[#rows + 1] = { name = "ideal observer (ceiling)", test = ceiling, key = "ceiling" }
    local keys = { "fraction", "fourier", "logistic", "net" }
    local cells, baseline, rival, ours = {}, 0, nil, nil
    for i, r in ipairs(rows) do
      local t = auc(r.test, sets.test, 200)
      local mean, sd
      mean, sd, r.cubes = by_cube(r.test, sets.test)
      local v = r.validation and auc(r.validation, sets.validation).value
      cells[i] = { r.name, v, t.value, interval(t), ("%.3f +- %.3f"):format(mean, sd) }
      run:put("auc." .. (r.key or keys[i]), { value = t.value, low = t.low, high = t.high })
      r.auc = t.value
      if i <= 4 and t.value > baseline then baseline, rival = t.value, r end
      if r.key == "stack" .. #best.test then ours = r end
    end
    for _, row in ipairs(published[p.alloy]) do cells[#cells + 1] = { row[1], nil, nil, nil, row[2] } end
    run:table("AUC", { "method", "validation", "test", "95 % over cubes", "mean and sd of single cubes" }, cells,
      "Intervals are bootstrapped over whole cubes. Published values are of cubes made by the authors.")
    -- cube by cube, what is hard for one is hard for the other: the difference is known better than either
    local gain = ours.cubes - rival.cubes
    local cubes = gain:numel()
    local half = cubes > 1 and 2 * gain:std() / math.sqrt(cubes) or 0 / 0
    run:put("stack.gain", { value = gain:mean(), low = gain:mean() - half, high = gain:mean() + half,
      note = ("stacked network minus %s, mean of %d test cubes, 2 standard errors"):format(rival.name, cubes) })
    local mine = auc(best.test[#best.test], sets.test).value
    local top = auc(ceiling, sets.test).value
    local seeds = spread:numel()
    run:put("stack.spread", { value = seeds > 1 and spread:std() or 0, note = "standard deviation of the test AUC over seeds of the nets" })
    run:put("stack.gap", { value = top - mine, note = "ceiling minus stacked network" })
    run:text(("The stacked network reaches %.4f on test (sd of %d seeds %.4f), %.4f below the ideal observer; the best baseline reaches %.4f. %s"):format(
      mine, seeds, seeds > 1 and spread:std() or 0, top - mine, baseline,
      gain:mean() > half and "It beats every baseline by more than two standard errors." or mine > baseline and "It is above every baseline, by less than two standard errors." or "It does not beat every baseline: take the best one of the table."))

    -- thresholds, species, calibration
    local a, b, loss = apt.baselines.calibrate(logit(best.validation[#best.validation]), sets.validation)
    run:text(("Platt's scaling, fitted to all validation cubes but one: loss %.4f on that one, %.4f without; %s."):format(loss.scaled, loss.raw,
      a == 1 and b == 0 and "it is not used" or ("used with a = %.3f, b = %.3f"):format(a, b)))
    local raw, final = best.test[#best.test], calibrated(best.test[#best.test], a, b)
    local last = predicted.test[#blocks]
    local sweep, species, operating = {}, {}, { atomnet = {}, stack = {} }
    for _, m in ipairs { { "AtomNet", last }, { "stacked network", final } } do
      for _, t in ipairs { 0.3, 0.5, 0.7 } do
        local r = nn.metrics.precision_recall_f1(m[2], sets.test.label, { thresholds = t, repeats = 200, groups = sets.test.cloud })[1]
        sweep[#sweep + 1] = { m[1], t, r.recall.value, interval(r.recall), r.precision.value, interval(r.precision) }
        local key = m[1] == "AtomNet" and "atomnet" or "stack"
        if r.precision.value == r.precision.value then
          table.insert(operating[key], { threshold = t, recall = { r.recall.value, r.recall.low, r.recall.high },
            precision = { r.precision.value, r.precision.low, r.precision.high } })
        end
        if t == alloy.threshold then
          run:put(key .. ".recall", { value = r.recall.value, low = r.recall.low, high = r.recall.high })
          run:put(key .. ".precision", { value = r.precision.value, low = r.precision.low, high = r.precision.high })
        end
      end
      for _, row in ipairs(by_species(m[2], sets.test, alloy.threshold)) do species[#species + 1] = { m[1], table.unpack(row) } end
    end
    run:table("Thresholds, on test", { "network", "threshold", "recall", "95 %", "precision", "95 %" }, sweep,
      ("The published threshold of this alloy is %.1f."):format(alloy.threshold) .. (p.alloy == "allimg" and " Published at 0.5: recall 0.79, precision 0.72." or ""))
    run:table(("Species, on test, threshold %.1f"):format(alloy.threshold), { "network", "species", "ions", "recall", "precision" }, species)
    local before, after = nn.metrics.calibration(raw, sets.test.label, { repeats = 0 }), nn.metrics.calibration(final, sets.test.label, { repeats = 0 })
    calibration_figure(run, before, after)
    run:put("ece.before", { value = before.ece.value })
    run:put("ece.after", { value = after.ece.value })
    scale_figure(run, sweeps, top, mine, p)
    map_figure(run, sets.test, { { "AtomNet", last }, { "stacked network", final }, { "ideal observer", ceiling } }, p)

    if p.alloy == "aucu" then  -- the size of the published test
      local small = apt.datasets.make { alloy = "aucu", noise = p.noise, matched = matched, edge = data.edge, seed = run.seed + 500, cubes = { 1, 1, part }, radius = { 0.8, 0.8 } }.test
      local s = apt.stacked.predict(best.model, small, o)
      local q = apt.atomnet.predict(blocks, small, { own = own })
      local list = {}
      for _, m in ipairs { { "AtomNet", q[#q] }, { "stacked network", s[#s] }, { "ideal observer", apt.baselines.ideal_set(small) } } do
        local mean, sd = by_cube(m[2], small)
        list[#list + 1] = { m[1], auc(m[2], small).value, ("%.3f +- %.3f"):format(mean, sd) }
      end
      run:table("Domains of 1.6 nm diameter", { "method", "AUC", "mean and sd of single cubes" }, list, "Published: 0.822 +- 0.052.")
    end

    best.model.calibration:copy(ow.tensor({ a, b }, "f32"))
    local columns = {}
    for k, block in ipairs(blocks) do columns[k] = block.options.columns end
    local model = apt.finder.model { stack = best.model, atomnet = apt.atomnet.model(blocks, { columns = columns }) }
    local metrics = {}
    for _, r in ipairs(rows) do metrics[r.name] = r.auc end
    local kept = {}  -- without the folders of this machine
    for k, v in pairs(p) do kept[k] = type(v) == "string" and v:match "[^/]*$" or v end
    assert(nn.save(run:path "model.h5", model, {
      preprocessing = { alloy = p.alloy, species = alloy.species, a = alloy.a, solute = alloy.solute, threshold = alloy.threshold, cone = p.cone, step = p.step, own = own,
        matched = matched, operating = operating,
        length_unit = "nm", depth_axis = "z" },
      metadata = { params = kept, seed = run.seed, history = history },
      card = { data = ("%s: %d synthetic cubes of %.3g nm, %s noise (apt.datasets)"):format(alloy.title, p.cubes, p.edge > 0 and p.edge or alloy.edge, p.noise),
        seed = run.seed, test_auc = metrics, spread_of_seeds = spread:totable(), calibration = a == 1 and b == 0 and "as trained (scaling did not help on validation)" or "Platt's scaling on validation",
        limits = "trained on synthetic cubes only: spherical domains, one convention of noise, detection efficiency 40 to 80 %; measured data need the depth axis along z and a pole within the searched tilt" },
    }))
    run:attach("model.h5", "Both networks; copy it to models/atomnet_" .. p.alloy .. ".h5 to make it the standard one.")
    for k = 1, 6 do if ow.sys.exists(run:path("block." .. k .. ".h5")) then ow.sys.remove(run:path("block." .. k .. ".h5")) end end
  end,
}
