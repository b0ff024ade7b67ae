-- Picks a second in the steady regime at the published size, against the plain O(N) evaluation
-- and against the published simulator: its own figure (quoted) and its arithmetic as our dds mode
-- does it (measured here).
local core = require("orowan.core").depinning
local depinning = require "orowan.depinning"
local sys = require "orowan.sys"
local tensor = require("orowan.core").tensor.tensor

local function rate(line, picks)
  local t = sys.clock()
  depinning.run(line, picks)
  return picks / (sys.clock() - t)
end

return function(report)
  local published = 300 -- picks a second at Lx 400, Ly 600, built with -O3
  local t = sys.clock()
  local first = depinning.line { lx = 400, ly = 600, y0 = 100, seed = 1 }
  report("line with its kernel tables, Lx 400", sys.clock() - t, "s")
  local fast = {}
  for _, character in ipairs { "edge", "screw" } do
    local o = { lx = 400, ly = 600, y0 = 100, character = character, sigma_0 = (character == "edge" and 0.105 or 0.09) * 0.0175, seed = 1 }
    local line = depinning.line(o)
    depinning.run(line, 3000000) -- past the straight start
    local best = 0
    for _ = 1, 4 do best = math.max(best, rate(line, 1000000)) end
    fast[character] = best
    report(character .. " line, Lx 400, Ly 600, one core", best, "picks/s", {
      peer = "published simulator (300 picks/s, quoted)", ratio = best / published })
    o.plain = true
    local plain = depinning.line(o)
    depinning.run(plain, 20000)
    local slow = rate(plain, 20000)
    report(character .. " line, plain O(N) evaluation", slow, "picks/s", { peer = "plain, this run", ratio = best / slow,
      note = "(fast over plain)" })
  end
  local slow = depinning.line { lx = 400, character = "edge", sigma_0 = 0.105 * 0.0175, rate = 1e-12, seed = 1 }
  depinning.run(slow, 3000000)
  report("edge line, 100 times slower drive", rate(slow, 3000000), "picks/s")

  local field, state = {}, 12345
  local function uniform()
    state = (state * 6364136223846793005 + 1442695040888963407)
    return ((state >> 11) + 0.5) / 2 ^ 53
  end
  for x = 1, 400 do
    field[x] = {}
    for y = 1, 600 do field[x][y] = 0.0175 * math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform()) end
  end
  local control = { Lx = 400, Ly = 600, initial_height = 100, spring_constant = 1e-8, stress_rate = 1e-10, seed = 1,
    stress_init = 0.105 * 0.0175, vertical_burgers = true }
  local picks = 4000
  field = tensor(field, "f64")
  t = sys.clock()
  core.dds(control, field, nil, picks)
  local dds = picks / (sys.clock() - t)
  report("dds mode (published arithmetic), Lx 400, Ly 600", dds, "picks/s", {
    peer = "dds mode, this run", ratio = fast.edge / dds, note = "(fast over dds)" })

  local lines = {}
  for r = 1, 2 * require("orowan.core").system.threads() do
    lines[r] = depinning.line { lx = 400, sigma_0 = 0.105 * 0.0175, replica = r, share = first }
  end
  depinning.run(lines, 1000000)
  t = sys.clock()
  depinning.run(lines, 2000000)
  report(("%d replicas, all threads"):format(#lines), #lines * 2e6 / (sys.clock() - t), "picks/s", {
    ratio = #lines * 2e6 / (sys.clock() - t) / fast.edge, peer = "one core" })
end
