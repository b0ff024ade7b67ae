-- The avalanche recipe, run as a user runs it: on tables of sizes, good and bad, and on a short
-- simulation.
local ow = require "orowan"
local sys, stats = ow.sys, ow.stats

describe("recipe avalanches", function()
  local dir
  local keys = { "powerlaw.alpha", "powerlaw.xmin", "powerlaw.ks", "powerlaw.n_tail", "powerlaw.p", "cutoff.tau", "cutoff.s0", "cutoff.smin",
    "truncated.tau", "truncated.smin", "truncated.smax" }
  setup(function()
    dir = sys.temp_root() .. "/orowan-avalanches-" .. sys.getpid()
    assert(sys.mkdir(dir))
  end)
  teardown(function() sys.remove_tree(dir) end)

  local function write(name, sizes)
    local t = {}
    for i, v in ipairs(sizes) do t[i] = type(v) == "string" and v or ("%.17g"):format(v) end
    local path = dir .. "/" .. name
    assert(sys.write_atomic(path, "# sizes\nevent,size\n" .. (function()
      for i = 1, #t do t[i] = i .. "," .. t[i] end
      return table.concat(t, "\n")
    end)() .. "\n"))
    return path
  end
  local function run(out, params)
    params.repeats, params.p_repeats, params.bootstrap = params.repeats or 50, 50, 50
    local outcome, err = ow.recipe.run("examples/avalanches.lua", { params = params, out = dir .. "/" .. out })
    if not outcome then return nil, tostring(err) end
    if outcome.status ~= "complete" then return nil, tostring(outcome.error) end
    return assert(ow.json.decode(assert(sys.read_file(dir .. "/" .. out .. "/summary.json"))))
  end
  local function number(summary, key) return (summary.results or summary.numbers or summary)[key] end

  it("recovers the exponent of a table and writes every key", function()
    local path = write("good.csv", stats.sample({ model = "cutoff", tau = 1.05, smin = 1, s0 = 1000 }, 2000, 3):totable())
    local s = assert(run("good", { input = path, column = 2 }))
    for _, k in ipairs(keys) do
      local v = number(s, k)
      assert.is_truthy(v, k)
      assert.is_truthy(v.value, k)
      assert.is_truthy(v.unit, k)
      assert.is_truthy(v.low ~= nil and v.high ~= nil, k)
    end
    local tau = number(s, "cutoff.tau")
    assert.is_true(tau.low < 1.05 and 1.05 < tau.high)
    assert.equal("ok", number(s, "verdict").value)
    for _, f in ipairs { "report.html", "run.json", "table-fits.csv", "table-likelihood-ratios.csv" } do assert.is_truthy(sys.exists(dir .. "/good/" .. f), f) end
  end)

  it("says no avalanches for noise on a static line", function()
    local line = { noise = 0.2, length = 300, points = 20, frames = 500 }
    line.seed = 5
    local x = write("noise.csv", stats.line_noise_sizes(line):totable())
    line.seed = 6
    local null = write("null.csv", stats.line_noise_sizes(line):totable())
    local s = assert(run("noise", { input = x, column = 2, null = null, null_column = 2 }))
    assert.equal("no avalanches", number(s, "verdict").value)
    for _, k in ipairs(keys) do assert.is_nil(number(s, k)) end
  end)

  it("names file, line and expectation of bad input, and leaves no finished folder", function()
    local good = {}
    for i = 1, 30 do good[i] = i * 1.1 end
    local function bad(name, i, v, want, extra)
      local t = { table.unpack(good) }
      if i then t[i] = v end
      local params = { input = write(name .. ".csv", t), column = 2 }
      for k, w in pairs(extra or {}) do params[k] = w end
      local s, err = run("out-" .. name, params)
      assert.is_nil(s)
      for _, w in ipairs(want) do assert.matches(w, err) end
      assert.is_falsy(sys.exists(dir .. "/out-" .. name))
    end
    bad("negative", 7, -2, { "negative.csv:9", "above 0" })
    bad("zero", 1, 0, { "zero.csv:3", "above 0" })
    bad("nan", 5, "nan", { "nan.csv:7", "finite" })
    bad("text", 5, "many", { "text.csv", "7" })
    bad("fraction", 5, 2.5, { "fraction.csv:%d+", "integer" }, { kind = "discrete" })
    bad("column", nil, nil, { "column" }, { column = 3 })
    local few, same = {}, {}
    for i = 1, 9 do few[i] = i end
    for i = 1, 30 do same[i] = 4 end
    local s, err = run("few", { input = write("few.csv", few), column = 2 })
    assert.is_nil(s); assert.matches("at least 10", err)
    s, err = run("same", { input = write("same.csv", same), column = 2 })
    assert.is_nil(s); assert.matches("all 30 sizes are 4", err)
    s, err = run("missing", { input = dir .. "/nowhere.csv" })
    assert.is_nil(s); assert.matches("no such file", err)
    s, err = run("typo", { inptu = "x" })
    assert.is_nil(s); assert.matches("inptu", err)
  end)

  it("reproduces a published fit with fit=clauset", function()
    local root = os.getenv "OROWAN_DATA"
    if not root then return pending "skipped: OROWAN_DATA not set" end
    local s = assert(run("terrorism", { input = root .. "/avalanche/clauset/terrorism.txt", fit = "clauset", kind = "discrete" }))
    assert.is_true(math.abs(number(s, "powerlaw.alpha").value - 2.3699) < 1e-4)
    assert.equal(12, number(s, "powerlaw.xmin").value)
    assert.equal(547, number(s, "powerlaw.n_tail").value)
    assert.is_true(math.abs(number(s, "powerlaw.ks").value - 0.01769) < 1e-5)
  end)

  it("simulates its own catalogue", function()
    local s = assert(run("simulated", { lx = 80, picks = 3000000, replicas = 2, every = 1000, B = 1e-7, rate = 1e-9 }))
    assert.is_true(number(s, "events").value >= 10)
    assert.is_true(number(s, "simulation.stress").value > 50)
    assert.is_truthy(number(s, "verdict"))
    for _, f in ipairs { "stress_slip.png", "lines.png" } do assert.is_truthy(not sys.which "gnuplot" or sys.exists(dir .. "/simulated/" .. f), f) end
  end)
end)
