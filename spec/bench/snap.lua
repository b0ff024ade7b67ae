-- SNAP of Nb-Mo-Ta-W (twojmax 6, 4 elements): energies and forces of a random alloy, against the
-- packaged KIM model, one thread each, in one run.
local ow = require "orowan"
local data = os.getenv "OROWAN_DATA"

-- Processor seconds of one call of one thread, the best of several: a busy machine lengthens what the
-- clock shows of a long call more than of a short one.
local function best(f, clock)
  clock = clock or ow.sys.cpu_time
  local low, runs, until_ = math.huge, 0, ow.sys.clock() + 4
  while runs < 5 or (ow.sys.clock() < until_ and runs < 50) do
    local t = clock()
    f()
    low, runs = math.min(low, clock() - t), runs + 1
  end
  return low
end

return function(report)
  local model = data and ow.atoms.snap(data .. "/potentials/Ta-W-Nb-Mo.snapcoeff")
  if not model then return report("SNAP", 0, "atoms/s", { note = "skipped: OROWAN_DATA has no potentials/Ta-W-Nb-Mo.snapcoeff" }) end
  local s = ow.atoms.random(ow.atoms.lattice("bcc", { a = 3.24, size = 5, species = "Mo" }), { Nb = 1 / 3, Mo = 1 / 3, Ta = 1 / 3 }, { seed = 1 })
  s.positions = s.positions + ow.rng(1):normal { s.n, 3 } * 0.05
  local threads = ow.core.system.threads()
  ow.core.system.threads(1)
  local list = s:pairs(model.cutoff)
  local energy = best(function() model:compute(s, { pairs = list, force = false }) end)
  local force = best(function() model:compute(s, { pairs = list }) end)
  local kim, why = ow.atoms.kim "SNAP_LiChenZheng_2019_NbTaWMo__MO_560387080449_000"
  local more = { note = tostring(why) }
  if kim then
    local near = s:pairs(kim.cutoff)
    local t = best(function() kim:compute(s, { pairs = near }) end)
    report("SNAP, energies and forces, KIM's", s.n / t, "atoms/s", { note = "250 atoms, 1 thread" })
    more = { peer = "KIM", ratio = t / force }
  end
  report("SNAP, energies and forces", s.n / force, "atoms/s", more)
  report("SNAP, energies", s.n / energy, "atoms/s")
  ow.core.system.threads(threads)
  local big = ow.atoms.random(ow.atoms.lattice("bcc", { a = 3.24, size = 12, species = "Mo" }), { Nb = 1 / 3, Mo = 1 / 3, Ta = 1 / 3 }, { seed = 1 })
  report(("SNAP, energies and forces, %d threads"):format(threads), big.n / best(function() model:compute(big) end, ow.sys.clock), "atoms/s",
    { note = ("%d atoms, list of pairs included"):format(big.n) })
end
