-- The recipe apt_clusters, run as a user runs it: a small synthetic specimen, measured ions with
-- a range file, and wrong input.
local ow = require "orowan"
local sys = ow.sys
local data = os.getenv "OROWAN_DATA"

describe("recipe apt_clusters", function()
  local dir
  setup(function()
    dir = sys.temp_root() .. "/orowan-apt-clusters-" .. sys.getpid()
    assert(sys.mkdir(dir))
  end)
  teardown(function() sys.remove_tree(dir) end)

  local function run(out, params)
    local quick = { relabellings = 5, shuffles = 5, r_max = 1.0, pair_ions = 2000 }
    for k, v in pairs(quick) do if params[k] == nil then params[k] = v end end
    local outcome, err = ow.recipe.run("examples/apt_clusters.lua", { params = params, out = dir .. "/" .. out, seed = 3 })
    if not outcome then return nil, tostring(err) end
    if outcome.status ~= "complete" then return nil, tostring(outcome.error) end
    local s = assert(ow.json.decode(assert(sys.read_file(dir .. "/" .. out .. "/summary.json"))))
    return s.results or s.numbers or s
  end

  it("finds the domains of a specimen that it makes", function()
    local s = assert(run("made", { box = 11.0, fraction = 0.15, n_min = 20 }))
    for _, k in ipairs { "neighbours.1.p", "rdf.p", "clusters.number", "clusters.density", "contingency.mu", "contingency.p", "truth.ion_recall", "truth.domains_found" } do
      assert.is_truthy(s[k], k)
      assert.equal("number", type(s[k].value), k)
    end
    assert.is_true(s["clusters.number"].value >= 1)
    assert.is_true(math.abs(s["pole.spacing"].value - 0.2025) < 5e-4)
    for _, f in ipairs { "report.html", "rdf.csv", "clusters.h5", "table-clusters.csv" } do assert.is_truthy(sys.exists(dir .. "/made/" .. f), f) end
  end)

  it("takes a reconstruction with ranges #slow", function()
    if not data then return pending "skipped: OROWAN_DATA not set" end
    local f = data .. "/apt/rpv_sim/006_full.cluster."
    local s = assert(run("read", { input = f .. "pos", ranges = f .. "rrng", core = "Cu,Ni", d_max = 0.5, n_min = 20, envelope = 0.25, direction = "0,0,1" }))
    assert.equal(36, s["clusters.number"].value)
    assert.is_nil(s["truth.ion_recall"])
  end)

  it("says what is wrong with its input", function()
    assert.matches("ranges: expected the range file", select(2, run("a", { input = "x.pos" })))
    assert.matches("none of the ions holds Xx %(there are Al, Li, Mg%)", select(2, run("b", { core = "Xx", box = 8.0 })))
    assert.matches("d_max", select(2, run("c", { d_max = -1.0 })))
  end)
end)
