--- Runs of the program LAMMPS (Thompson et al., Comput. Phys. Commun. 271 (2022) 108171) as a child
--- process: energy, minimisation, molecular dynamics. Its library ends the process that it lives in
--- when something is wrong, so it never lives in ours. Units metal: eV, Angstrom, ps, bar, K.
local core = require "orowan.core"
local failure = require "orowan.failure"
local files = require "orowan.atoms.lammps"
local suggest = require "orowan.suggest"
local sys = require "orowan.sys"
local text = require "orowan.atoms.text"

local run = {}

local bar_per_eV_A3 <const> = 1.602176634e6

local function raise(fmt, ...) error("atoms.lammps: " .. fmt:format(...), 0) end

local known = {}
for name in ([[potential task force steps box pressure frozen ensemble temperature start_temperature timestep damping pressure_damping seed every frames masses
  program processes timeout keep commands]]):gmatch "%S+" do known[name] = true end

local function check(options)
  for key in pairs(options) do
    if not known[key] then
      local list = {}
      for name in pairs(known) do list[#list + 1] = name end
      table.sort(list)
      raise("unknown option '%s'%s", tostring(key), suggest.hint(tostring(key), list))
    end
  end
  local p = options.potential
  if type(p) ~= "table" or not (p.kim or p.style) then raise 'potential: expected {kim = "MODEL"} or {style = "eam/fs", file = PATH}, {style =, coeff = {...}}' end
  for _, list in ipairs { { p.kim, p.style, p.file }, p.coeff or {}, options.commands or {} } do
    for _, v in pairs(list) do
      if type(v) ~= "string" or v:find "[\r\n]" then raise("potential and commands: expected text of one line, got %s", tostring(v)) end
    end
  end
end

local function number(options, name, default, low, high)
  local v = options[name]
  if v == nil then v = default end
  if type(v) ~= "number" or v < low or v > (high or math.huge) or v ~= v then raise("%s: expected a number from %g to %g, got %s", name, low, high or math.huge, tostring(v)) end
  return v
end

local function whole(options, name, default, low) return math.tointeger(number(options, name, default, low, 2 ^ 53)) or raise("%s: expected a whole number", name) end

-- Species without atoms would need parameters.
local function used(s)
  local counts, list, map = s:counts(), {}, {}
  for k, name in ipairs(s.species) do
    if counts[name] > 0 then list[#list + 1] = name end
    map[k] = math.max(#list, 1)
  end
  if #list == #s.species then return s end
  return s:with { types = core.tensor.tensor(map, "i32")[s.types:to "i64"], species = list }
end

-- Ranges of ids, since a line has an end.
local function ids(list, n)
  local sorted = {}
  for k, i in ipairs(core.tensor.is_tensor(list) and list:totable() or list) do
    if math.type(i) ~= "integer" or i < 1 or i > n then raise("frozen: expected atoms 1 to %d, got %s", n, tostring(i)) end
    sorted[k] = i
  end
  table.sort(sorted)
  local out, k = {}, 1
  while k <= #sorted do
    local last = k
    while sorted[last + 1] and sorted[last + 1] <= sorted[last] + 1 do last = last + 1 end
    out[#out + 1] = sorted[last] > sorted[k] and ("%d:%d"):format(sorted[k], sorted[last]) or ("%d"):format(sorted[k])
    k = last + 1
  end
  return out
end

local columns <const> = "step time temp pe ke etotal pxx pyy pzz pxy pxz pyz vol"

local function potential(out, p, s)
  local elements = table.concat(s.species, " ")
  if p.kim then return out("kim interactions %s", elements) end
  out("pair_style %s", p.style)
  if p.file then
    local path = sys.realpath(p.file)
    if not path then raise("potential: file: there is no %s", p.file) end
    out('pair_coeff * * "%s" %s', path, elements)
  end
  for _, line in ipairs(p.coeff or {}) do out("pair_coeff %s", line) end
end

local function dynamics(out, o, steps)
  local t, ensemble = number(o, "temperature", 300, 0), o.ensemble or "nvt"
  local damping = number(o, "damping", 0.1, 1e-6)
  out("timestep %.17g", number(o, "timestep", 0.001, 1e-9, 1))
  local seed = whole(o, "seed", 1, 1) % 899999 + 1
  if o.start_temperature or t > 0 then
    out("velocity free create %.17g %d mom yes rot no dist gaussian", number(o, "start_temperature", t, 0), seed)
  end
  if ensemble == "nve" then out "fix move free nve"
  elseif ensemble == "langevin" then
    out "fix move free nve"
    out("fix bath free langevin %.17g %.17g %.17g %d", t, t, damping, seed)
  elseif ensemble == "nvt" then out("fix move free nvt temp %.17g %.17g %.17g", t, t, damping)
  elseif ensemble == "npt" then
    if o.frozen then raise "frozen: atoms cannot be frozen in a box that moves" end
    local p = number(o, "pressure", 0, -1e9)
    out("fix move free npt temp %.17g %.17g %.17g %s %.17g %.17g %.17g", t, t, damping, o.box == "full" and "tri" or o.box == "aniso" and "aniso" or "iso", p, p,
      number(o, "pressure_damping", 1, 1e-6))
  else raise("ensemble: expected nve, nvt, npt or langevin, got %s", tostring(ensemble)) end
  out("run %d", steps)
end

local function minimisation(out, o, steps)
  if o.box then
    if o.box ~= "isotropic" and o.box ~= "full" then raise("box: expected isotropic or full, got %s", tostring(o.box)) end
    if o.frozen then raise "frozen: atoms cannot be frozen in a box that moves" end
    out("fix box all box/relax %s %.17g vmax 0.001", o.box == "full" and "tri" or "iso", number(o, "pressure", 0, -1e9))
  end
  out "min_style cg"
  -- the largest component of any force; with a box, again after its reference has followed
  out "min_modify norm max line quadratic"
  for _ = 1, o.box and 3 or 1 do out("minimize 0 %.17g %d %d", number(o, "force", 0.01, 0), steps, 10 * steps) end
end

-- The script, complete.
local function script(s, o)
  local lines = {}
  local function out(fmt, ...) lines[#lines + 1] = select("#", ...) > 0 and fmt:format(...) or fmt end
  local task = o.task or "energy"
  local steps = whole(o, "steps", task == "md" and 1000 or 2000, 0)
  if o.potential.kim then out("kim init %s metal unit_conversion_mode", o.potential.kim)
  else out "units metal" end
  out "atom_style atomic"
  out "atom_modify map array sort 0 0"
  local p = s.periodic
  out("boundary %s %s %s", p[1] and "p" or "s", p[2] and "p" or "s", p[3] and "p" or "s")
  out "box tilt large"
  out "read_data in.data"
  if o.box == "full" then out "change_box all triclinic" end
  potential(out, o.potential, s)
  for _, line in ipairs(o.commands or {}) do out("%s", line) end
  local frozen = o.frozen and ids(o.frozen, s.n) or {}
  for k = 1, #frozen, 50 do out("group frozen id %s", table.concat(frozen, " ", k, math.min(k + 49, #frozen))) end
  if #frozen > 0 then
    out "group free subtract all frozen"
    out "fix hold frozen setforce 0 0 0"
  else out "group free union all" end
  out("thermo_style custom %s", columns)
  out("thermo %d", whole(o, "every", 100, 1))
  out 'thermo_modify norm no lost error format float "%.15g"'
  if o.frames then
    out("dump movie all custom %d frames.dump id type element xu yu zu", whole(o, "frames", 100, 1))
    out('dump_modify movie sort id element %s format float "%%.17g"', table.concat(s.species, " "))
  end
  if task == "energy" then out "run 0"
  elseif task == "minimise" then minimisation(out, o, steps)
  elseif task == "md" then dynamics(out, o, steps)
  else raise("task: expected energy, minimise or md, got %s", tostring(task)) end
  out('write_dump all custom last.dump id type xu yu zu fx fy fz vx vy vz modify sort id format float "%.17g"')
  return table.concat(lines, "\n") .. "\n"
end

-- The tables of the log: rows of all runs, by column.
local function thermo(log)
  local rows, inside = {}, false
  local names = text.words(columns)
  for line in log:gmatch "[^\r\n]+" do
    if line:find "^%s*Step%s+Time%s+Temp" then inside = true
    elseif line:find "^Loop time" then inside = false
    elseif inside then
      local v = text.numbers(line, #names)
      if v then rows[#rows + 1] = v end
    end
  end
  if #rows == 0 then return nil end
  local t = core.tensor.tensor(rows, "f64")
  local out = {}
  for k, name in ipairs(names) do out[name] = t:select(2, k):copy() end
  return out
end

-- Along axes that are not periodic the box of the file must hold all atoms: the box, and by what the
-- atoms were moved into it.
local function enclose(s)
  local open = not (s.periodic[1] and s.periodic[2] and s.periodic[3])
  if not open then return s, nil end
  local f = s:fractional()
  local lo, hi, cell, shift = f:min(1):totable(), f:max(1):totable(), s.cell:copy(), core.create.zeros { 1, 3 }
  for k = 1, 3 do
    if not s.periodic[k] then
      local by = math.max(0, -lo[k]) + 0.01
      shift = shift + s.cell[k]:reshape(1, 3) * by
      cell[k] = s.cell[k] * (math.max(1, hi[k]) + by + 0.01)
    end
  end
  return s:with { cell = cell, positions = s.positions + shift }, shift
end

-- What LAMMPS says when it stops.
local function complaint(r)
  local all = r.stdout .. "\n" .. r.stderr
  local message = all:match "ERROR[^\n]*" or all:match "[Ee]rror[^\n]*" or all:sub(-300)
  local command = all:match "Last command: ([^\n]*)"
  return message .. (command and (" (at: %s)"):format(command) or "")
end

local function argv_of(o)
  local program = o.program or "lmp"
  if not sys.which(program) and not sys.exists(program) then
    return nil, failure("missing", ("atoms.lammps: found no program '%s'"):format(program), "Debian: apt-get install lammps; or program = PATH")
  end
  local argv = { program, "-in", "in.script", "-log", "log.lammps", "-nocite" }
  local n = whole(o, "processes", 1, 1)
  if n > 1 then
    if not sys.which "mpirun" then return nil, failure("missing", "atoms.lammps: found no mpirun for several processes", "Debian: apt-get install openmpi-bin") end
    argv = { "mpirun", "--allow-run-as-root", "--oversubscribe", "-np", ("%d"):format(n), table.unpack(argv) }
  end
  return argv
end

local function collect(dir, s, shift, turn, o)
  local content, err = sys.read_file(dir .. "/last.dump")
  if not content then return nil, err end
  local last, why = files.parse_dump(content, dir .. "/last.dump", { species = s.species })
  if not last then return nil, why end
  local log = sys.read_file(dir .. "/log.lammps") or ""
  local table_of = thermo(log)
  if not table_of then return nil, failure("format", "atoms.lammps: the log has no table of energies") end
  local back = turn and turn:T()
  local function turned_back(t) return back and t:matmul(back) or t end
  local function made(frame, info)
    local cell = turned_back(frame.cell):copy()
    for k = 1, 3 do if not s.periodic[k] then cell[k] = s.cell[k] end end -- a shrink-wrapped side is no box
    local x = turned_back(frame.positions + core.tensor.tensor({ frame.info.origin }, "f64"))
    return s:with { cell = cell, positions = shift and x - shift or x, info = info }
  end
  local end_ = last[1]
  local arrays = end_.info.arrays
  local n = table_of.pe:numel()
  local function p(name) return table_of[name]:get(n) end
  local pressure = core.tensor.tensor({ { p "pxx", p "pxy", p "pxz" }, { p "pxy", p "pyy", p "pyz" }, { p "pxz", p "pyz", p "pzz" } }, "f64")
  if turn then pressure = turn:matmul(pressure):matmul(back) end
  local result = { energy = p "pe", stress = pressure / -bar_per_eV_A3, thermo = table_of, forces = turned_back(arrays.forces), log = log,
    structure = made(end_, { energy = p "pe", arrays = { velocities = turned_back(arrays.velocities) } }) }
  if o.frames then
    content, err = sys.read_file(dir .. "/frames.dump")
    if not content then return nil, err end
    result.frames, err = files.parse_dump(content, dir .. "/frames.dump", { species = s.species })
    if not result.frames then return nil, err end
    for k, f in ipairs(result.frames) do result.frames[k] = made(f, { step = f.info.step }) end
  end
  return result
end

--- Runs LAMMPS on a structure. The box is turned as LAMMPS wants it and everything that comes back
--- is turned back. Axes that are not periodic are shrink-wrapped.
---@param s orowan.atoms.structure
---@param options {potential: table, task: string?, force: number?, steps: integer?, box: string?, pressure: number?, frozen: integer[]?, ensemble: string?, temperature: number?, start_temperature: number?, timestep: number?, damping: number?, pressure_damping: number?, seed: integer?, every: integer?, frames: integer?, masses: table?, program: string?, processes: integer?, timeout: number?, keep: string?, commands: string[]?} potential: {kim = "MODEL"}, or {style = "eam/fs", file = PATH} (the elements are added), or {style =, coeff = {"1 1 ...", ...}}; task: "energy" (default), "minimise", "md"; force: eV/A, minimisation ends there, default 0.01; steps: at most 2000 of a minimisation, 1000 of md; box: "isotropic" or "full" moves too (md: npt); pressure: bar, default 0; frozen: atoms that stay; ensemble: "nvt" (default, Nose-Hoover), "nve", "npt", "langevin"; temperature: K, default 300; start_temperature: of the first velocities, default temperature; timestep: ps, default 0.001; damping: ps, of the thermostat, default 0.1; pressure_damping: ps, default 1; seed: default 1; every: steps between rows of thermo, default 100; frames: steps between kept frames; masses: u; program: default "lmp"; processes: with mpirun, default 1; timeout: s; keep: folder for the script, log and dumps; commands: further lines of the script behind the potential
---@return {energy: number, forces: orowan.tensor, stress: orowan.tensor, structure: orowan.atoms.structure, thermo: table<string, orowan.tensor>, frames: orowan.atoms.structure[]?, log: string}? result energy: potential, eV; forces eV/A; stress eV/A^3 (of md: with the kinetic part); thermo: step, time (ps), temp (K), pe, ke, etotal (eV), pxx ... (bar), vol (A^3)
---@return table? err the program is missing, failed, or took too long
function run.run(s, options)
  if type(options) ~= "table" then raise("expected (structure, {potential = ...}), got options of type %s", type(options)) end
  check(options)
  if s.n == 0 then raise "the structure has no atoms" end
  s = used(s)
  local content = script(s, options)
  local boxed, shift = enclose(s)
  local data = files.format_data({ boxed }, { masses = options.masses })
  if not data:find "\nMasses\n" then raise("no mass is known for one of %s: give masses = {...}", table.concat(s.species, ", ")) end
  local turn = select(3, files.turned(boxed))
  local argv, err = argv_of(options)
  if not argv then return nil, err end
  local dir
  if options.keep then
    local ok
    ok, err = sys.mkdir(options.keep)
    if not ok then return nil, err end
    dir = assert(sys.realpath(options.keep))
    for _, name in ipairs { "last.dump", "frames.dump", "log.lammps" } do if sys.exists(dir .. "/" .. name) then sys.remove(dir .. "/" .. name) end end
  else
    dir, err = sys.tmpdir "orowan-lammps"
    if not dir then return nil, err end
  end
  local _ <close> = setmetatable({}, { __close = function() if not options.keep then sys.remove_tree(dir) end end })
  for name, body in pairs { ["in.data"] = data, ["in.script"] = content } do
    local ok
    ok, err = sys.write_atomic(dir .. "/" .. name, body)
    if not ok then return nil, err end
  end
  local r
  r, err = sys.run(argv, { cwd = dir, timeout = options.timeout, env = { OMP_NUM_THREADS = "1" } })
  if not r then return nil, err end
  if r.timed_out then return nil, failure("io", ("atoms.lammps: LAMMPS took longer than %g s"):format(options.timeout)) end
  if r.status ~= 0 then
    local why = complaint(r)
    local hint = why:find "package which is not enabled" and "this LAMMPS was built without it: a KIM model may do ({kim = ...})" or ""
    return nil, failure("format", "atoms.lammps: LAMMPS stopped: " .. why, hint)
  end
  return collect(dir, s, shift, turn, options)
end

return run
