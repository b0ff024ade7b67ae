-- A voxel 3-D network beside the point networks: the same synthetic cubes, ions counted on a grid.
-- In one table with the solute fraction (trivial), the voxel network on shuffled species
-- (null) and, where a model is given, its stacked network on the same test cubes.
local ow = require "orowan"
local apt = ow.apt
local auc = ow.nn.metrics.roc_auc

return {
  name = "atomnet_voxel",
  summary = "a voxel 3-D network for ordered domains, on the cubes of the point networks",
  params = {
    { name = "alloy", default = "allimg", help = "allimg, aucu or conialw" },
    { name = "noise", default = "clipped", help = "gaussian, gaussian_wide or clipped" },
    { name = "matched", default = false, help = "give the matrix the composition of the domains" },
    { name = "cubes", default = 40, min = 8, max = 10000, help = "for training; validation and test have an eighth each" },
    { name = "edge", default = 0.0, min = 0.0, max = 100.0, unit = "nm", help = "of a cube; 0: the published one" },
    { name = "voxel", default = 0.25, min = 0.05, max = 2.0, unit = "nm", help = "edge of a voxel" },
    { name = "filters", default = 24, min = 4, max = 256, help = "of each convolution" },
    { name = "epochs", default = 30, min = 1, max = 1000, help = "of training" },
    { name = "seeds", default = 3, min = 1, max = 20, help = "networks: their spread is reported" },
    { name = "model", default = "", help = "file of examples/atomnet_train.lua to compare with" },
  },
  run = function(run)
    local p = run.params
    local eighth = math.max(1, p.cubes // 8)
    local sets = apt.datasets.make { alloy = p.alloy, noise = p.noise, matched = p.matched, edge = p.edge > 0 and p.edge or nil,
      cubes = { p.cubes, eighth, eighth }, seed = run.seed }
    local test = sets.test
    local function score(network)
      local list = {}
      for i, cube in ipairs(test.cubes) do list[i] = apt.voxel.apply(network, cube, p.voxel) end
      return ow.concat(list)
    end
    local function judge(name, values, note)
      local r = auc(values, test.label, { groups = test.cloud, repeats = 500, seed = run.seed })
      run:put("auc." .. name, { value = r.value, low = r.low, high = r.high, note = note })
      return r
    end
    local rows, values, kept = {}, {}, nil
    local bar <close> = run:progress("networks", p.seeds + 1)
    for k = 1, p.seeds do
      local network = apt.voxel.train(sets, { seed = 100 * run.seed + k, edge = p.voxel, filters = p.filters, epochs = p.epochs })
      values[k] = auc(score(network), test.label, { repeats = 0 }).value
      if k == 1 then
        kept = network
        local r = judge("voxel", score(network), "first seed; interval from resampled cubes")
        rows[#rows + 1] = { "voxel network", r.value, r.low, r.high }
        run:put("parameters", (function()
          local n = 0
          for _, v in ipairs(network:parameters()) do n = n + v.variable.value:numel() end
          return n
        end)())
      end
      bar:update(k)
    end
    local v = ow.tensor(values)
    run:put("auc.voxel.seeds", { value = v:mean(), low = v:min(), high = v:max(), note = ("mean, smallest and largest of %d seeds"):format(p.seeds) })
    -- the null: the same network on the test cubes with species dealt anew
    local blind = {}
    for i, c in ipairs(test.cubes) do
      blind[i] = apt.voxel.apply(kept, { positions = c.positions, species = c.species[ow.rng(run.seed, 40 + i):permutation(c.n)], names = c.names }, p.voxel)
    end
    local null = judge("null", ow.concat(blind), "species shuffled")
    rows[#rows + 1] = { "voxel network, species shuffled", null.value, null.low, null.high }
    bar:update(p.seeds + 1)
    local alloy = apt.datasets.alloys[p.alloy]
    local parts = {}
    for i, cube in ipairs(test.cubes) do
      local is = apt.features.is({ n = cube.n, species = cube.species:to "f32", names = cube.names }, alloy.solute)
      local ids = ow.geometry.knn(cube.positions, math.min(256, cube.n - 1))
      parts[i] = is:take(ids):mean(2)
    end
    local f = judge("fraction", ow.concat(parts), "share of solutes among 256 neighbours")
    rows[#rows + 1] = { "solute fraction, 256 neighbours", f.value, f.low, f.high }
    if p.model ~= "" then
      local model, info = apt.finder.load(run:input(p.model))
      if not model then error(tostring(info), 0) end
      if info.preprocessing.alloy ~= p.alloy then error(("model: it is for %s, the cubes are %s"):format(info.preprocessing.alloy, p.alloy), 0) end
      for i, cube in ipairs(test.cubes) do parts[i] = ow.scope(apt.finder.apply, model, info, cube) end
      local r = judge("stack", ow.concat(parts), "stacked network of the model file")
      rows[#rows + 1] = { "stacked network", r.value, r.low, r.high }
    end
    run:table("AUC on test", { "method", "AUC", "low", "high" }, rows, "Intervals: bootstrap of whole cubes.")
    local fig = ow.plot.figure { title = "Voxel network beside others, " .. p.alloy .. ", " .. p.noise .. " noise", width = 720, height = 420 }
    local x, y, low, high = {}, {}, {}, {}
    for i, r in ipairs(rows) do x[i], y[i], low[i], high[i] = i, r[2], r[3], r[4] end
    fig:errorbar(x, y, { ylow = low, yhigh = high })
    fig:set { ylabel = "AUC on test", xlabel = "row of the table", yrange = { 0.4, 1.02 }, xrange = { 0.5, #rows + 0.5 } }
    run:figure("auc", fig, "Rows of the table above, 95 % intervals.")
    run:text "The test cubes of one seed are the same for every recipe that makes sets of this alloy, noise and number of cubes."
  end,
}
