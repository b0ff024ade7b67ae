-- The recipe atomnet_train, run as a user runs it, small.
local ow = require "orowan"
local files = dofile "spec/support/files.lua"

describe("recipe atomnet_train", function()
  local quiet = ow.progress.quiet
  setup(function() ow.progress.quiet = true end)
  teardown(function()
    ow.progress.quiet = quiet
    files.remove()
  end)

  it("puts networks, baselines, null and ceiling side by side and writes a model that can be applied", function()
    local outcome, err = ow.recipe.run("examples/atomnet_train.lua", { seed = 2, out = files.at "a", params = { alloy = "conialw", noise = "gaussian", cubes = 4,
      edge = 3.2, epochs = 1, ions = 512, blocks = 1, seeds = 1, stages = 2, folds = 2, hidden = 16, net_epochs = 5, step = 2.0 } })
    assert(outcome, err)
    assert.equal("complete", outcome.status, tostring(outcome.error))
    local s = assert(ow.json.decode(assert(ow.sys.read_file(files.at "a/summary.json"))))
    for _, name in ipairs { "fraction", "fourier", "logistic", "net", "atomnet1", "stack1", "stack2", "null", "ceiling" } do
      local v = s["auc." .. name].value
      assert.is_true(v >= 0 and v <= 1, name)
    end
    assert.is_true(s["auc.stack2"].value > 0.65, "stack " .. s["auc.stack2"].value)
    assert.is_true(s["auc.ceiling"].value > s["auc.stack2"].value)
    assert.is_true(math.abs(s["auc.null"].value - 0.5) < 0.1)
    assert.is_true(math.abs(s["auc.fraction"].value - 0.5) < 0.2)  -- composition tells nothing
    for _, f in ipairs { "history.png", "scales.png", "map.png", "calibration.png", "table-auc.csv" } do
      assert.is_true(ow.sys.exists(files.at("a/" .. f)), f)
    end
    local model, info = assert(ow.apt.finder.load(files.at "a/model.h5"))
    local cube = ow.apt.datasets.cube { alloy = "conialw", matched = true, seed = 77, edge = 3.2 }
    local p = ow.apt.finder.apply(model, info, cube)
    assert.equal(cube.n, p:numel())
    assert.is_true(p:min() >= 0 and p:max() <= 1)
    assert.equal(cube.n, ow.apt.finder.apply(model, info, cube, { network = "atomnet" }):numel())
    -- names in another order are the same ions
    local turned = { positions = cube.positions, names = { "X", "W", "Al", "Ni", "Co" }, species = 6 - cube.species }
    assert.is_true(ow.equal(p, ow.apt.finder.apply(model, info, turned)))
    turned.names = { "X", "W", "Fe", "Ni", "Co" }
    local ok, why = pcall(ow.apt.finder.apply, model, info, turned)
    assert.is_false(ok)
    assert.matches("the cloud holds Fe, the model knows Co, Ni, Al, W, X", tostring(why))

    -- and the recipe that applies it: a cloud in pieces gives nearly what it gives at once
    local whole = ow.apt.finder.apply(model, info, cube)
    local pieces = ow.apt.finder.apply(model, info, cube, { piece = 700 })
    assert.is_true((whole - pieces):abs():mean() < 0.1)
    outcome, err = ow.recipe.run("examples/atomnet_apply.lua", { seed = 1, out = files.at "b", params = { model = files.at "a/model.h5", edge = 4.0, shuffles = 1,
      network = "stack", counted = 20 } })
    assert(outcome, err)
    assert.equal("complete", outcome.status, tostring(outcome.error))
    s = assert(ow.json.decode(assert(ow.sys.read_file(files.at "b/summary.json"))))
    assert.is_true(s.auc.value > 0.6)
    assert.is_true(s.share_ordered.value > s["share_ordered.null"].value)
    local f = assert(ow.io.h5_open(files.at "b/ions.h5"))
    assert.equal(s.ions.value, f:read("probability"):numel())
    f:close()
  end)
end)
