--- Depinning of one dislocation line in random pinning.
---
--- Model. Cells of a lattice are slipped (1) or not (0), periodic in x; the line is the set of
--- edges between unlike cells. The stress on edge i is
---   sigma = sigma_ext + (p_a + p_b)/2
---         + sum over other edges j and all their x-images of
---           (mu b a / 4 pi) [n_y dy / f_h + n_x X / f_v] / (X^2 + dy^2)^(3/2)
--- with n the outward normal of j, (f_h, f_v) = (1 - nu, 1) for an edge and (1, 1 - nu) for a
--- screw line, p Gaussian of standard deviation sigma_pin. A pick draws an edge uniformly; both
--- its cells become 1 if sigma >= 0, else 0; the slipped area A changes by +-1. Then
---   sigma_ext = sigma_0 + rate * picks - B * A.
--- Units: lengths in b, stresses in mu, areas in cells. The line never ends at a lattice's top
--- unless `ly` says so: a window of rows moves with it.
local core = require("orowan.core").depinning
local sys = require "orowan.sys"
local tensor = require("orowan.core").tensor.tensor

local depinning = {}

-- depinning.events, .analysis and .catalogue stand in files of their own.

--- Shear modulus of the published set, GPa: stress in MPa = stress in mu * 1000 * mu_gpa.
depinning.mu_gpa = 84.65

local function fail(fn, message, ...)
  error(("depinning.%s: " .. message):format(fn, ...), 3)
end

local line_options = {
  lx = "number", ly = "number", y0 = "number", character = "string", sigma_pin = "number", B = "number",
  rate = "number", sigma_0 = "number", nu = "number", mu = "number", b = "number", a = "number", seed = "number",
  replica = "number", plain = "boolean", protocol = "string", wait = "number", step_max = "number", pinning = "any",
  share = "any",
}

local function check(fn, options, known)
  if type(options) ~= "table" then fail(fn, "expected a table of options, got %s", type(options)) end
  for name, v in pairs(options) do
    local want = known[name]
    if not want then
      local names = {}
      for k in pairs(known) do names[#names + 1] = k end
      table.sort(names)
      fail(fn, "unknown option %q; known: %s", tostring(name), table.concat(names, ", "))
    end
    if want ~= "any" and type(v) ~= want then fail(fn, "%s: expected a %s, got %s", name, want, type(v)) end
  end
end

--- A line at rest at height y0, ready to run.
---
--- Quasi-static protocol. Picks flip cells back and forth for ever, so no state is at rest in
--- the strict sense; the line counts as arrested when A has reached no new record for
--- wait * (number of segments) picks. The drive is then raised by exactly the amount that
--- brings the weakest segment that would fall back (largest sigma < 0) to sigma = 0, but by
--- step_max at most (in whole units of 2^-30 mu, rounded up); between arrests the drive is constant and sigma_ext = drive - B * A.
--- Errors: unknown option, wrong type, value out of range.
---@param options table lx: columns (400); ly: rows of a finite lattice, or nil: unlimited; y0: start height, rows (0, or ly/4); character: "edge"|"screw" ("edge"); sigma_pin: standard deviation of the pinning, mu (0.0175); B: spring constant, mu per cell (1e-8); rate: mu per pick (1e-10); sigma_0: start stress, mu (0); nu (0.35); mu, b, a: 1; seed (1), replica (0): independent random streams; protocol: "spring" | "constant" (sigma_0 kept) | "quasistatic"; wait: quasi-static, picks per segment without a new record of A before the drive rises (20); step_max: largest rise, mu (1e-6); plain: the O(N) evaluation (false); pinning: lx x ly tensor instead of Gaussian pinning (needs ly); share: another line of the same lx, character and nu whose kernel tables are shared
---@return orowan.depinning.line line methods: `run` via depinning.run, `info()`, `heights()` i32 [lx] slipped cells per column above y0, `segments(way)` i32 [n, 3] (x, y, vertical) and f64 [n] stresses (mu) without the external one, `cells()` u8 [rows, lx] and the lowest row, `pinning()` f64 [rows, lx], mu, `save()` u8 [bytes], `close()`
function depinning.line(options)
  options = options or {}
  check("line", options, line_options)
  local o = {}
  for k, v in pairs(options) do o[k] = v end
  local character, protocol = o.character or "edge", o.protocol or "spring"
  if character ~= "edge" and character ~= "screw" then fail("line", "character: expected \"edge\" or \"screw\", got %q", character) end
  if protocol == "constant" then
    o.rate, o.B = 0, 0
  elseif protocol == "quasistatic" then
    o.quasistatic, o.step_max = true, o.step_max or 1e-6
  elseif protocol ~= "spring" then
    fail("line", "protocol: expected \"spring\", \"constant\" or \"quasistatic\", got %q", protocol)
  end
  o.edge = character == "edge"
  if o.pinning and not o.ly then fail("line", "pinning: needs ly, the number of rows of the field") end
  return core.line(o)
end

--- Runs lines, each on its own thread (one line's run does not depend on the others).
--- Errors: a bad argument; interrupt (the lines stay whole and can go on).
---@param lines orowan.depinning.line|orowan.depinning.line[]
---@param picks integer picks for each line
---@param options? table every: picks between records (0: none); heights: record h(x) too (false)
---@return table[] records one {pick = i64 [n], area = i64 [n], stress = f64 [n] (sigma_ext, mu), heights = i32 [n, lx]} a line; empty tables when every is 0
function depinning.run(lines, picks, options)
  options = options or {}
  check("run", options, { every = "number", heights = "boolean" })
  if type(lines) == "userdata" then lines = { lines } end
  local every = options.every or 0
  local records
  if every ~= 0 then records = core.record(lines, picks, every, options.heights or false) end
  core.run(lines, picks, records)
  if not records then
    records = {}
    for i = 1, #lines do records[i] = {} end
    return records
  end
  core.trim(records)
  return records
end

--- The line that `line:save()` wrote: the same picks and the same numbers follow.
--- Errors: truncated, damaged or foreign bytes.
---@param state orowan.tensor u8 [bytes]
---@param options? table share: a line whose kernel tables to share
---@return orowan.depinning.line
function depinning.restore(state, options)
  return core.restore(state, options)
end

local simulate_options = {
  picks = "number", every = "number", heights = "boolean", replicas = "number", progress = "any",
  checkpoint = "table", checkpoint_interval = "number",
}
for k, v in pairs(line_options) do simulate_options[k] = v end

-- Lines and records of a run: fresh, or as a checkpoint left them.
local function start(o, p, options)
  local saved = p.checkpoint and p.checkpoint.load and p.checkpoint.load()
  local lines = {}
  if saved then
    if saved.format_version ~= 1 then fail("simulate", "checkpoint: format_version %s is not known here", tostring(saved.format_version)) end
    for r = 1, #saved.lines do lines[r] = depinning.restore(saved.lines[r], { share = lines[1] }) end
    if #lines ~= p.replicas or saved.picks ~= p.picks then fail("simulate", "checkpoint: it is of another run") end
    return lines, saved.records, saved.done
  end
  for r = 1, p.replicas do
    o.replica, o.share = (options.replica or 0) + r - 1, lines[1] or options.share
    lines[r] = depinning.line(o)
  end
  return lines, core.record(lines, p.picks, p.every, p.heights), 0
end

--- Simulates independent replicas (their own pinning and picks) and returns what they did.
--- With a checkpoint, a run that was killed goes on from the last one and ends with the same
--- numbers. Errors: as depinning.line; interrupt (within a second).
--- ```lua
--- local s = ow.depinning.simulate { lx = 40, sigma_pin = 0.0175, picks = 1e5, every = 1000, seed = 1 }
--- print(s.stress:numel(), s.area:dtype())  --> 100 i64
--- ```
---@param options table the options of depinning.line and picks: per replica (1e7); every: picks between records (1000); heights: record h(x) (true); replicas (1): threads share them; progress: function(picks done, all picks) of a replica; checkpoint: {load = function() -> table|nil, save = function(table)}; checkpoint_interval: seconds (30)
---@return table result {options =, replicas = {{pick, area, stress, heights, info}...}, warnings = {string...}}; the first replica's tensors stand in the result itself too
function depinning.simulate(options)
  options = options or {}
  check("simulate", options, simulate_options)
  local o, p = {}, { picks = 10000000, every = 1000, heights = true, replicas = 1, checkpoint_interval = 30 }
  for k, v in pairs(options) do
    if line_options[k] then o[k] = v else p[k] = v end
  end
  for _, name in ipairs { "picks", "every", "replicas" } do
    local v = math.tointeger(p[name])
    if not v or v < 1 then fail("simulate", "%s: expected a positive integer, got %s", name, tostring(p[name])) end
    p[name] = v
  end
  local lines, records, done = start(o, p, options)
  local function save()
    local states = {}
    for r, line in ipairs(lines) do states[r] = line:save() end
    p.checkpoint.save { format_version = 1, lines = states, records = records, done = done, picks = p.picks }
  end
  -- in pieces of about a quarter of a second, so that progress shows between them
  local piece, saved_at = 1 << 14, sys.clock()
  while done < p.picks do
    local n, t = math.min(piece, p.picks - done), sys.clock()
    core.run(lines, n, records)
    done = done + n
    local now = sys.clock()
    if now - t < 0.125 then piece = piece * 2 elseif now - t > 0.5 and piece > 1024 then piece = piece // 2 end
    if p.progress then p.progress(done, p.picks) end
    if p.checkpoint and now - saved_at > p.checkpoint_interval and done < p.picks then
      save()
      saved_at = sys.clock()
    end
  end
  core.trim(records)
  local result = { options = options, replicas = records, warnings = depinning.warnings(o) }
  for r = 1, p.replicas do
    records[r].info = lines[r]:info()
    lines[r]:close()
  end
  for k, v in pairs(records[1]) do result[k] = v end
  return result
end

--- Says where a spring drive leaves the regime rate << B << sigma_yield (a factor 10 apart).
---@param options table rate, B (mu), sigma_pin: as in depinning.line; yield: yield stress, mu, where known (else 0.1 sigma_pin stands in for it)
---@return string[] warnings empty when all is well
function depinning.warnings(options)
  local w = {}
  if (options.protocol or "spring") ~= "spring" then return w end
  local rate, B, pin = options.rate or 1e-10, options.B or 1e-8, options.sigma_pin or 0.0175
  local yield = options.yield or 0.1 * pin
  if not (rate * 10 <= B) then
    w[#w + 1] = ("rate %g per pick is not far below B %g: the stress does not fall during an event"):format(rate, B)
  end
  if not (B * 10 <= yield) then
    w[#w + 1] = ("B %g is not far below the yield stress %g: one flip changes the drive too much"):format(B, yield)
  end
  return w
end

--- A few line profiles out of a record.
---@param heights orowan.tensor i32 [records, lx]
---@param n integer how many, equally spaced in time
---@param first? integer first record used (1)
---@return integer[][] profiles h(x), cells
function depinning.profiles(heights, n, first)
  return core.profiles(heights, (first or 1) - 1, n):totable()
end

depinning.events = require "orowan.depinning.events"
depinning.analysis = require "orowan.depinning.analysis"
depinning.catalogue = require("orowan.depinning.catalogue")(depinning)

-- ---- the published simulator ------------------------------------------------------------------
local control_keys = {
  Burgers = "number", mu = "number", Poisson = "number", cellsize = "number", spring_constant = "number",
  stress_init = "number", stress_rate = "number", Lx = "integer", Ly = "integer", initial_height = "integer",
  seed = "integer", vertical_burgers = "flag",
}

--- Reads a control file of the published simulator: KEY=VALUE lines, `#` starts a comment.
---@param path string
---@return table|nil control keys Burgers, mu, Poisson, cellsize, spring_constant, Lx, Ly, initial_height, stress_init, stress_rate, seed, vertical_burgers (missing ones absent: the simulator's defaults hold)
---@return string|nil err file, line and what was expected
function depinning.read_control(path)
  local f, err = io.open(path, "r")
  if not f then return nil, err end
  local control, n = {}, 0
  for line in f:lines() do
    n = n + 1
    local text = line:gsub("#.*", ""):gsub("%s+", "")
    if text ~= "" then
      local key, value = text:match("^([^=]+)=(.*)$")
      local want = key and control_keys[key]
      local v = want and tonumber(value)
      if want == "integer" or want == "flag" then v = v and math.tointeger(v) end
      if not want or not v or v ~= v or v == math.huge or v == -math.huge then
        f:close()
        if not key then return nil, ("%s:%d: expected KEY=VALUE, got %q"):format(path, n, line) end
        if not want then return nil, ("%s:%d: unknown key %q"):format(path, n, key) end
        return nil, ("%s:%d: %s: expected %s, got %q"):format(path, n, key, want == "number" and "a number" or "an integer", value)
      end
      if want == "flag" then v = v ~= 0 end
      control[key] = v
    end
  end
  f:close()
  return control
end

--- Reads a pinning file of the published simulator: line i holds the values of column x = i.
---@param path string
---@param lx integer columns (lines of the file)
---@param ly integer rows (values of a line)
---@return orowan.tensor|nil pinning f64 [lx, ly], mu; values beyond lx, ly are left out
---@return string|nil err file, line and what was expected
function depinning.read_pinning(path, lx, ly)
  local f, err = io.open(path, "r")
  if not f then return nil, err end
  local rows = {}
  for line in f:lines() do
    if #rows == lx then break end
    local row = {}
    for word in line:gmatch("%S+") do
      if #row == ly then break end
      local v = tonumber(word)
      if not v or v ~= v or v == math.huge or v == -math.huge then
        f:close()
        return nil, ("%s:%d: expected a number, got %q"):format(path, #rows + 1, word)
      end
      row[#row + 1] = v + 0.0
    end
    if #row < ly then
      f:close()
      return nil, ("%s:%d: expected %d values (Ly), got %d"):format(path, #rows + 1, ly, #row)
    end
    rows[#rows + 1] = row
  end
  f:close()
  if #rows < lx then return nil, ("%s: expected %d lines (Lx), got %d"):format(path, lx, #rows) end
  return tensor(rows, "f64")
end

--- The published simulator (compat = "dds"): reads its control and pinning file and writes
--- OUTDIR/stress byte for byte as it does (pick, A, sigma_ext; tab-separated).
--- Errors: interrupt (nothing is left behind).
---@param control string path of the control file
---@param pinning string path of the pinning file
---@param outdir string folder, made where missing
---@param options? table max_picks: stop after so many (0: none)
---@return table|nil result {stop = "top"|"bottom"|"starved"|"running", path =}
---@return string|nil err
function depinning.compat_run(control, pinning, outdir, options)
  options = options or {}
  check("compat_run", options, { max_picks = "number" })
  local c, err = depinning.read_control(control)
  if not c then return nil, err end
  local lx, ly, y0 = c.Lx or 100, c.Ly or 100, c.initial_height or 50
  if lx < 2 or ly < 2 or lx > 1 << 20 or ly > 1 << 20 then return nil, ("%s: Lx, Ly: expected 2 .. 2^20, got %d, %d"):format(control, lx, ly) end
  if y0 < 1 or y0 >= ly then
    return nil, ("%s: initial_height: expected 1 .. %d (Ly - 1), got %d: there is no line in the lattice"):format(control, ly - 1, y0)
  end
  local field
  field, err = depinning.read_pinning(pinning, lx, ly)
  if not field then return nil, err end
  local made
  made, err = sys.mkdir(outdir)
  if not made then return nil, err end
  local path = outdir .. "/stress"
  local ok, stop, why = pcall(core.dds, c, field, path .. ".part", options.max_picks or 0)
  if not ok or not stop then
    os.remove(path .. ".part")
    if not ok then error(stop, 0) end
    return nil, why
  end
  ok, err = os.rename(path .. ".part", path)
  if not ok then return nil, err end
  return { stop = stop, path = path }
end

return depinning
