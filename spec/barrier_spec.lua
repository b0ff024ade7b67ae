local job_of = require "orowan.barrier.cell_job"
local data = os.getenv "OROWAN_DATA"

describe("cells of a set of barriers", function()
  if not data then
    it("need a potential", function() pending "skipped: OROWAN_DATA not set" end)
    return
  end
  local work
  setup(function()
    work = job_of { potential = data .. "/potentials/Ta-W-Nb-Mo.snapcoeff", species = { "Ta", "Nb", "Mo" }, cubes = 3, force = 0.02, guess = 3.27 }
  end)

  it("repeat from their job alone and obey energy conservation", function()
    local job = { key = "a", fractions = { 0.25, 0.25, 0.5 }, seed = 4, jumps = 2 }
    local r, again = work(job), work(job)
    assert.same(r, again)
    local count = {}
    for c in r.types:gmatch "." do count[c] = (count[c] or 0) + 1 end
    assert.same({ ["1"] = 14, ["2"] = 13, ["3"] = 27 }, count)
    assert.is_true(r.converged and r.edge > 9.6 and r.edge < 9.9)
    for _, b in ipairs(r.barriers) do
      assert.equal("ok", b.status)
      assert.is_true(b.forward > 0.3 and b.forward < 3)
      assert.is_true(math.abs((b.forward - b.backward) - (b.last - b.first)) < 1e-9)
    end
  end)

  it("order when swaps are asked for", function()
    local random = work { key = "b", fractions = { 0.5, 0, 0.5 }, seed = 1, jumps = 0 }
    local ordered = work { key = "b", fractions = { 0.5, 0, 0.5 }, seed = 1, jumps = 0, temperature = 300, trials = 600 }
    assert.is_true(ordered.accepted > 20)
    assert.is_true(ordered.energy < random.energy - 0.5)
    assert.is_true(ordered.short_range.TaMo < random.short_range.TaMo - 0.2)  -- unlike neighbours: B2
  end)
end)
