-- AtomNet's two blocks on a cloud of a million ions, slab by slab (neighbours, features, network), ions a
-- second and the share of the machine's own peak that the network's 2.5 MFLOP an ion and block are;
-- beside it the network alone, and the modules of nn that are its reference.
local ow = require "orowan"
local sys, system = ow.sys, ow.core.system
local atomnet = ow.apt.atomnet

local FLOP = 2.5e6 -- of an ion and block

return function(report)
  local n = tonumber(os.getenv "OROWAN_BENCH_IONS") or 1000000
  local side = (n / 36) ^ (1 / 3) -- 36 ions a cubic nanometre: aluminium at 60 % efficiency
  local cloud = { positions = ow.rng(1):uniform({ n, 3 }, { hi = side, dtype = "f32" }), species = (ow.rng(2):uniform(n) * 3):floor():to "i64" + 1 }
  local blocks = { atomnet.block(5):eval(), atomnet.block(7):eval() }
  local small = atomnet.neighbourhoods { positions = ow.rng(3):uniform({ 20000, 3 }, { hi = 8, dtype = "f32" }), species = cloud.species:slice(1, 1, 20000):contiguous() }
  local function rate(f, ions, repeats)
    local best = math.huge
    for _ = 1, repeats do
      local t = sys.clock()
      f()
      best = math.min(best, sys.clock() - t)
    end
    return ions / best
  end
  local fused, top = 0, 0
  for _ = 1, 5 do -- turn about: the machine may be shared
    fused = math.max(fused, rate(function() atomnet.apply(blocks[1], small) end, small.n, 1))
    top = math.max(top, ow.core.peak.mul_add "f32")
  end
  report(("network and features, %d threads"):format(system.threads()), fused, "ions/s", nil)
  report("of it", fused * FLOP / 1e9, "GFLOP/s", { peak_fraction = fused * FLOP / top })
  local modules = rate(function() atomnet.apply(blocks[1], small, { reference = true }) end, small.n, 1)
  report("modules of nn", modules, "ions/s", { peer = "fused kernel", ratio = modules / fused })
  local t = sys.clock()
  atomnet.stream(blocks, cloud)
  t = sys.clock() - t
  report(("%d ions through two blocks"):format(n), t, "s", nil)
end
