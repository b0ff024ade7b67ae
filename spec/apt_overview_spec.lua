local ow = require "orowan"
local data = os.getenv "OROWAN_DATA"

local function run(params)
  local dir = assert(ow.sys.tmpdir "overview")
  local outcome, err = ow.recipe.run("apt_overview", { params = params, out = dir .. "/run", seed = 3, quiet = true })
  return outcome, err, dir
end

describe("the recipe apt_overview", function()
  it("finds the spheres of its synthetic alloy and none in shuffled species #slow", function()
    local outcome, err, dir = run { length = 12.0, voxel = 0.6 }
    assert.is_nil(err)
    assert.equal("complete", outcome.status, tostring(outcome.error))
    local s = ow.json.decode(assert(ow.sys.read_file(outcome.dir .. "/summary.json")))
    local function of(name)
      local v = s[name]
      assert.is_table(v, name)
      return v
    end
    assert.is_true(of "domains".value >= 3)
    assert.equal(0, of "domains.shuffled".value)
    assert.is_true(of "interface.inside".low < 24.5 and of "interface.inside".high > 20)
    assert.is_true(math.abs(of "interface.outside".value - 6) < 0.6)
    for _, name in ipairs { "spectrum.png", "hits.png", "proxigram.png", "isosurface.ply", "proposed.rrng", "report.html" } do
      assert.is_true(ow.sys.exists(outcome.dir .. "/" .. name), name)
    end
    ow.sys.remove_tree(dir)
  end)

  it("runs on files, and says what it needs #slow", function()
    if not data then return pending "skipped: OROWAN_DATA not set" end
    local gb = data .. "/apt/gb_sim/70_50_50_atom_Cr_10pct.pos"
    local outcome, _, dir = run { input = gb }
    assert.equal("failed", outcome.status)
    assert.matches("give ranges=FILE, or elements", tostring(outcome.error))
    ow.sys.remove_tree(dir)
    outcome, _, dir = run { input = gb, elements = "Cr", voxel = 1.0 }
    assert.equal("complete", outcome.status, tostring(outcome.error))
    ow.sys.remove_tree(dir)
  end)
end)
