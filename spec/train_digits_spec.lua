-- The digit recipe, run as a user runs it, small, and on an OpenCL device. With its defaults (6000 digits, 8 epochs) the
-- network reads at least 96 % of the test digits; the small set here must give 85 %.
local ow = require "orowan"
local files = dofile "spec/support/files.lua"

local sanitized = ow.core.system.build().sanitized -- such a build cannot host PoCL's compiler
local device = not sanitized and ow.core.device.list()[1]

local function run(name, params)
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
    local s = run("a", { train = 1500, test = 300, epochs = 6 })
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

  it("learns the same on a device", function()
    if not device then return pending("skipped: no OpenCL device") end
    local few = { train = 400, test = 200, epochs = 2, width = 4 }
    local before = device.launches
    local cpu = run("d", few)
    few.device = device.device
    local there = run("e", few)
    assert.is_true(ow.core.device.list()[1].launches - before > 2000)
    -- Sums are taken in another order; single digits may be read otherwise.
    for _, k in ipairs { "accuracy.network", "accuracy.logistic", "accuracy.null" } do
      assert.is_true(math.abs(cpu[k].value - there[k].value) <= 0.03, ("%s: %g and %g"):format(k, cpu[k].value, there[k].value))
    end
    assert.equal(cpu["accuracy.nearest_mean"].value, there["accuracy.nearest_mean"].value)
  end)

  it("reads 96 % of the test digits with its defaults, on CPU and device #slow", function()
    for _, where in ipairs { "cpu", device and device.device } do
      local s = run("full_" .. where:sub(1, 3), { device = where })
      assert.is_true(s["accuracy.network"].value >= 0.96, where .. ": " .. s["accuracy.network"].value)
      assert.is_true(s["accuracy.null"].high < 0.2)
    end
  end)
end)
