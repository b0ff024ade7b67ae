-- The digit recipe, run as a user runs it, small. With its defaults (6000 digits, 8 epochs) the
-- network reads at least 96 % of the test digits; the small set here must give 85 %.
local ow = require "orowan"
local files = dofile "spec/support/files.lua"

local function run(name, params)
  params.train, params.test, params.epochs = params.train or 1500, params.test or 300, params.epochs or 6
  local outcome, err = ow.recipe.run("examples/train_digits.lua", { params = params, out = files.at(name) })
  assert(outcome, err)
  assert.equal("complete", outcome.status, tostring(outcome.error))
  return assert(ow.json.decode(assert(ow.sys.read_file(files.at(name) .. "/summary.json"))))
end

describe("recipe train_digits", function()
  local quiet = ow.progress.quiet
  setup(function() ow.progress.quiet = true end)
  teardown(function()
    ow.progress.quiet = quiet
    files.remove()
  end)

  it("reads digits better than the baselines, and nothing from shuffled labels", function()
    local s = run("a", {})
    local net = s["accuracy.network"]
    assert.is_true(net.value >= 0.85, "accuracy " .. net.value)
    assert.is_true(net.low < net.value and net.value < net.high)
    assert.is_true(net.low > s["accuracy.logistic"].high)
    assert.is_true(net.low > s["accuracy.nearest_mean"].high)
    assert.is_true(s["accuracy.nearest_mean"].value > 0.25)
    assert.is_true(s["accuracy.null"].value < 0.25, "null " .. s["accuracy.null"].value)
    for _, f in ipairs { "samples.png", "history.png", "confusion.png", "calibration.png", "report.html" } do
      assert.is_true(ow.sys.exists(files.at("a/" .. f)), f)
    end
    local model, info = assert(ow.nn.load(files.at "a/model.h5"))
    assert.equal(net.value, info.card.accuracy[1])
    assert.same({ 2, 10 }, ow.nn.predict(model, ow.zeros({ 2, 1, 24, 24 }, "f32")):shape())
  end)

  it("gives the same numbers again", function()
    local few = { train = 200, test = 60, epochs = 1 }
    local a, b = run("b", few), run("c", few)
    for k, v in pairs(a) do
      if type(v) == "table" and not v.timing then assert.equal(v.value, b[k].value, k) end
    end
  end)
end)
