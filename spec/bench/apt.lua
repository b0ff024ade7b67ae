-- Statistics of atom probe points: clusters by distance and by density, histograms of pairs,
-- planes. Peers (OROWAN_PYTHON, else python3) do the same on the same number of points: scipy's
-- cKDTree pairs with its connected components, scikit-learn's DBSCAN and HDBSCAN, cKDTree's
-- count_neighbors; all on one thread. Points: ions of a synthetic alloy in the order of the
-- crystal, as reconstructions come (nearly sorted), and at random in random order (the worst case).
local ow = require "orowan"
local sys = ow.sys
local core, system = ow.core.clusters, ow.core.system

local function best(repeats, f)
  local t = math.huge
  for _ = 1, repeats do
    local start = sys.clock()
    f()
    t = math.min(t, sys.clock() - start)
  end
  return t
end

local function peer(...)
  local python = os.getenv "OROWAN_PYTHON" or "python3"
  if not sys.which(python) then return {} end
  local r = sys.run({ python, ow.home() .. "/spec/bench/peer_apt.py", ... }, { timeout = 300 })
  local p = {}
  if r and r.status == 0 then
    for name, value in r.stdout:gmatch "(%w+) (%S+)" do p[name] = tonumber(value) or value end
  end
  return p
end

return function(report)
  local n, threads = 1000000, system.threads()
  local density = 5 -- core ions per nm^3: a tenth of the atoms of a metal
  local edge = (n / density) ^ (1 / 3)
  local random = (ow.rng(1):uniform({ n, 3 }) * edge):to("f32", { unchecked = true })
  local s = ow.apt.synthetic { lattice = "fcc", a = (4 / density) ^ (1 / 3), box = edge, matrix = { A = 1 }, noise = "gaussian", sigma = { 0.3, 0.3, 0.05 }, seed = 1 }
  local crystal = s.positions
  local small, r = 30000, 0.5
  local p = peer(tostring(small), tostring(density), tostring(r))
  local function against(name, key, value) return p[key] and { peer = name, ratio = value / p[key] } or nil end
  for _, t in ipairs(threads > 1 and { 1, threads } or { 1 }) do
    system.threads(t)
    local label = (", %d thread%s"):format(t, t > 1 and "s" or "")
    for _, v in ipairs { { "in order", crystal }, { "random order", random } } do
      local m = v[2]:shape(1)
      local rate = m / best(3, function() core.link("bench", v[2], nil, r, 2, false) end)
      report("friends of friends, 1e6, " .. v[1] .. label, rate / t * 1e-6, "M/s/core",
        t == 1 and v[1] == "random order" and against("scipy pairs + components", "friends", rate) or nil)
    end
    local rate = n / best(2, function() core.link("bench", random, nil, 0.8, 10, true) end)
    report("DBSCAN, 1e6, 10 points in 0.8 nm" .. label, rate / t * 1e-6, "M/s/core", t == 1 and against("scikit-learn", "dbscan", rate) or nil)
    local part = random:slice(1, 1, small):contiguous() * (small / n) ^ (1 / 3)
    rate = small / best(2, function() ow.apt.hdbscan(part, { min_size = 20, min_samples = 10 }) end)
    report("HDBSCAN, 3e4, min_samples 10" .. label, rate * 1e-3, "k/s", t == 1 and against("scikit-learn", "hdbscan", rate) or nil)
    local one, zero = ow.ones({ small }, "u8"), ow.zeros({ small }, "u8")
    local window = { radial = true, reach = { 2 }, bins = { 40 } }
    local pairs_ = core.pairs("bench", part, one, zero, 1, window):sum()
    rate = pairs_ / best(2, function() core.pairs("bench", part, one, zero, 1, window) end)
    report("pair histogram, 3e4, to 2 nm" .. label, rate / t * 1e-6, "M/s/core", t == 1 and against("cKDTree count_neighbors", "pairs", rate) or nil)
    local code = ow.rng(2):uniform({ small }):lt(0.1):to "u8" * 3
    rate = pairs_ * 64 / best(1, function() core.relabelled_pairs("bench", part, code:to "u8", 0, 0, window) end)
    report("64 labellings of them, 10 %" .. label, rate / t * 1e-6, "M/s/core", { note = "pairs x labellings" })
    local few = random:slice(1, 1, 20000):contiguous()
    local u = ow.rng(3):normal({ 200, 3 })
    u = u / u:square():sum(2):sqrt():unsqueeze(2)
    rate = 20000 * 200 * 100 / best(2, function() core.plane_power("bench", few, u, 1.5, 0.05, 100) end)
    report("structure factor, directions x 100" .. label, rate / t * 1e-9, "G terms/s/core", t == 1 and against("numpy exp", "planes", rate) or nil)
  end
  system.threads(threads)
end
