-- Crystals, their order, exchanges on the lattice, files and EAM; one thread, by processor time.
local ow = require "orowan"
local data = os.getenv "OROWAN_DATA"

local function seconds(f)
  local low = math.huge
  for _ = 1, 3 do
    local t = ow.sys.cpu_time()
    f()
    low = math.min(low, ow.sys.cpu_time() - t)
  end
  return low
end

return function(report)
  local threads = ow.core.system.threads()
  ow.core.system.threads(1)
  local n, r, sh = 128000, nil, nil
  report("bcc crystal, 128,000 atoms", n / seconds(function() r = ow.atoms.lattice("bcc", { a = 3.2, size = 40, species = "Mo" }) end), "atoms/s")
  r = ow.atoms.random(r, { Nb = 0.5, Mo = 0.5 })
  report("two shells of it", n / seconds(function() sh = ow.atoms.shells(r, 2) end), "atoms/s")
  report("order of two shells, with chance", n / seconds(function() ow.atoms.order(r, sh) end), "atoms/s", { note = "the sums over the lattice are kept" })
  report("exchanges at 300 K, two shells", 1e6 / seconds(function()
    ow.atoms.lattice_swaps(r, sh, { energies = { { ["Mo-Nb"] = -0.02 } }, temperature = 300, steps = 1000000, record = 500000 })
  end), "trials/s")
  local small = ow.atoms.lattice("bcc", { a = 3.2, size = 4, species = "Mo" })
  local near = ow.atoms.shells(small, 4)
  report("quasi-random structure, 128 atoms, 4 shells", 1e5 / seconds(function()
    ow.atoms.sqs(small, { A = 0.3, B = 0.3, C = 0.4 }, near, { steps = 100000, restarts = 1 })
  end), "trials/s")
  local dir = assert(ow.sys.tmpdir "orowan-bench")
  for _, ending in ipairs { "xyz", "dump", "lmp" } do
    local path = dir .. "/s." .. ending
    report("write ." .. ending, n / seconds(function() assert(ow.atoms.write(path, r)) end), "atoms/s")
    report("read ." .. ending, n / seconds(function() assert(ow.atoms.read(path)) end), "atoms/s")
  end
  ow.sys.remove_tree(dir)
  local m = data and ow.atoms.eam(data .. "/potentials/Fe_mm.eam.fs")
  if m then
    local s = ow.atoms.lattice("bcc", { a = 2.86, size = 10, species = "Fe" })
    local ours = seconds(function() m:compute(s, { pairs = s:pairs(m.cutoff) }) end)
    local kim = ow.atoms.kim "EAM_Dynamo_MendelevHanSrolovitz_2003Potential2_Fe__MO_769582363439_005"
    local theirs = kim and seconds(function() kim:compute(s, { pairs = s:pairs(kim.cutoff) }) end)
    report("EAM of iron, list of pairs included", s.n / ours, "atoms/s", theirs and { peer = "KIM", ratio = theirs / ours } or nil)
  end
  ow.core.system.threads(threads)
end
