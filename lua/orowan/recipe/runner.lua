--- The life of a run folder. Work happens in DIR.partial, which becomes DIR by one rename
--- after everything in it is complete: a folder without ".partial" is a finished run.
--- DIR.partial with the same recipe, parameters and seed is taken up again where its
--- checkpoints are; anything else in the way is refused.
local core = require "orowan.core"
local sys = require "orowan.sys"
local json = require "orowan.json"
local machine = require "orowan.machine"
local progress = require "orowan.progress"
local params = require "orowan.recipe.params"
local report = require "orowan.recipe.report"
local run_object = require "orowan.recipe.run"

local runner = { format_version = 1 }

local function utc() return os.date("!%Y-%m-%dT%H:%M:%SZ") end

local function is_empty(dir) return sys.isdir(dir) and #sys.list(dir) == 0 end

--- The content of a run folder's run.json.
---@param dir string
---@return table? record
---@return string? err
function runner.read_record(dir)
  local path = dir .. "/run.json"
  if not sys.exists(path) then return nil, ("'%s' is not a run folder: it has no run.json"):format(dir) end
  local text, err = sys.read_file(path)
  if not text then return nil, tostring(err) end
  local record
  record, err = json.decode(text)
  if record == nil then return nil, ("%s: %s"):format(path, tostring(err)) end
  local v = type(record) == "table" and record.format_version
  if math.type(v) ~= "integer" or type(record.recipe) ~= "table" or type(record.recipe.source) ~= "string" then
    return nil, path .. ": expected the record of a run (format_version, recipe), found something else"
  end
  if v > runner.format_version then
    return nil, ("%s: format_version %d is newer than this program knows (%d)"):format(path, v, runner.format_version)
  end
  return record
end

-- JSON does not keep 1.0 apart from 1 and has no empty list: values go through the
-- recipe's own parameter list again when they are read.
local function same_params(recipe, record, values)
  local old = params.resolve(recipe.params, record.params or {})
  if not old then return false, "its parameters" end
  for _, p in ipairs(recipe.params) do
    if params.text(old[p.name]) ~= params.text(values[p.name]) then
      return false, ("parameter %s=%s (now %s)"):format(p.name, params.text(old[p.name]), params.text(values[p.name]))
    end
  end
  return true
end

-- State letter and start time of a process, where the system has /proc; a process number
-- alone may have been given to another since.
local function process_facts(pid)
  local stat = sys.read_file("/proc/" .. pid .. "/stat")
  local rest = stat and stat:match("^.*%) (.*)$")  -- the program's name may hold anything
  if not rest then return nil end
  local fields = {}
  for f in rest:gmatch("%S+") do fields[#fields + 1] = f end
  return fields[1], fields[20]
end

local function take_lock(dir)
  local _, started = process_facts("self")
  assert(sys.write_atomic(dir .. "/lock", ("%d %s %s\n"):format(sys.getpid(), sys.hostname(), started or "-")))
end

-- Who writes in this folder at present, or nil.
local function lock_holder(dir)
  local text = sys.exists(dir .. "/lock") and sys.read_file(dir .. "/lock") or ""
  local pid, host, started = text:match("^(%d+) (%S+) (%S+)")
  if not pid or math.tointeger(tonumber(pid)) == sys.getpid() then return nil end
  if host ~= sys.hostname() then return ("process %s on %s"):format(pid, host) end
  if process_facts("self") then
    local state, since = process_facts(pid)
    if not state or state == "Z" or state == "X" or since ~= started then return nil end
  end
  return "process " .. pid
end

-- Finds or makes DIR.partial. Returns its path and the record of the attempt it continues.
local function open_folder(recipe, values, seed, out)
  local final = out:gsub("/+$", "")
  local part = final .. ".partial"
  if sys.exists(final) and not is_empty(final) then
    return nil, ("'%s' exists already; choose another --out, or compare with `orowan rerun %s`"):format(final, final)
  end
  if not sys.exists(part) or is_empty(part) then
    local ok, err = sys.mkdir(part)
    if not ok then return nil, ("run folder '%s': %s"):format(part, tostring(err)) end
    return part, nil, final
  end
  local record, err = runner.read_record(part)
  if not record then return nil, ("'%s' is in the way: %s; remove it, or choose another --out"):format(part, err) end
  local holder = lock_holder(part)
  if holder then
    return nil, ("'%s' is being written by %s (if that is gone, remove %s/lock)"):format(part, holder, part)
  end
  local same, what
  if record.recipe.sha256 ~= recipe.sha256 then same, what = false, "another text of the recipe"
  elseif record.seed ~= seed then same, what = false, ("seed %s (now %d)"):format(tostring(record.seed), seed)
  else same, what = same_params(recipe, record, values) end
  if not same then
    return nil, ("'%s' holds an unfinished run with %s; finish it with `orowan resume %s`, remove it, or choose another --out")
      :format(part, what, final)
  end
  return part, record, final
end

local function write_json(path, value)
  assert(sys.write_atomic(path, json.encode(value, { indent = 2 }) .. "\n"))
end

local function has_checkpoint(part)
  local dir = part .. "/checkpoints"
  if not sys.isdir(dir) then return false end
  for _, f in ipairs(sys.list(dir)) do if f:match("%.ckpt$") then return true end end
  return false
end

--- summary.json as a table: {name = {value, unit, low, high}}, absent intervals as null.
---@param run table
---@return table
function runner.summary(run)
  local t = { format_version = { value = runner.format_version, unit = "", low = json.null, high = json.null } }
  for name, e in pairs(run.summary) do
    t[name] = {
      value = e.value, unit = e.unit, low = e.low == nil and json.null or e.low,
      high = e.high == nil and json.null or e.high, timing = e.timing, note = e.note, tolerance = e.tolerance,
    }
  end
  return t
end

--- A folder for a run without --out: runs/NAME-YYYYMMDD-HHMMSS.
---@param name string
---@return string
function runner.default_folder(name)
  local base = ("runs/%s-%s"):format(name, os.date("%Y%m%d-%H%M%S"))
  local dir, k = base, 1
  while sys.exists(dir) or sys.exists(dir .. ".partial") do
    k = k + 1
    dir = base .. "-" .. k
  end
  return dir
end

--- Runs a recipe into a folder.
---@param recipe table from source.load
---@param options table {params= given values, seed=, out=, device=, threads=, cwd=, trace=, path=, found=}
---@return table? outcome {status="complete"|"interrupted"|"failed", dir=, run=, record=, error=}
---@return string? err refused before any work
function runner.run(recipe, options)
  local values, err = params.resolve(recipe.params, options.params or {})
  if not values then return nil, err end
  local seed = options.seed or 1
  if math.type(seed) ~= "integer" then return nil, "seed: expected an integer, got " .. tostring(seed) end
  local before = core.device.device()
  local known, device = pcall(core.device.device, options.device)
  if not known then return nil, tostring(device) end
  local part, earlier, final = open_folder(recipe, values, seed, options.out or runner.default_folder(recipe.name))
  if not part then
    core.device.device(before)
    return nil, earlier
  end

  local threads = options.threads or earlier and earlier.threads
  if threads then core.system.threads(threads) end
  take_lock(part)
  local build, here = core.system.build(), machine.describe()
  local record = {
    format_version = runner.format_version, status = "running", version = core.version,
    recipe = { name = recipe.name, path = recipe.path, sha256 = recipe.sha256, source = recipe.source },
    params = values, seed = seed, device = device, simd = build.simd, threads = core.system.threads(),
    blas = { core = build.blas_core, threads = build.blas_threads, config = build.blas }, compiler = build.compiler,
    dependencies = machine.dependencies(), machine = here, cwd = options.cwd or sys.cwd(),
    inputs = json.array {}, started = earlier and earlier.started or utc(),
    attempts = earlier and (earlier.attempts or 1) + 1 or 1, elapsed_before = earlier and earlier.elapsed or 0,
  }
  write_json(part .. "/run.json", record)

  local run = run_object.new {
    recipe = recipe, params = values, seed = seed, dir = part, device = device, threads = record.threads, cwd = record.cwd,
    found = options.found,
  }
  if earlier then
    progress.message(("taking up %s again"):format(part))
    for _, what in ipairs { "version", "simd" } do
      if earlier[what] ~= record[what] then
        run:warn(("begun with %s %s, continued with %s"):format(what, tostring(earlier[what]), record[what]))
      end
    end
  end
  core.random.seed(seed)
  local began = sys.clock()
  local ok, interrupted, message = core.system.guard(function(e)
    return options.trace and debug.traceback(tostring(e), 2) or tostring(e)
  end, recipe.run, run)
  core.device.device(before)
  interrupted = interrupted and not ok
  if not ok then progress.reset() end

  record.elapsed = record.elapsed_before + sys.clock() - began
  record.elapsed_before = nil
  record.finished = utc()
  record.peak_memory = sys.peak_memory()
  record.inputs, record.warnings = json.array(run.inputs), json.array(run.warnings)
  record.status = ok and "complete" or interrupted and "interrupted" or "failed"

  if not ok then
    message = tostring(message)
    record.error = message
    local kept = has_checkpoint(part)
    if kept then
      write_json(part .. "/run.json", record)
      sys.remove(part .. "/lock")
    else
      sys.remove_tree(part)  -- nothing to go on from
    end
    return { status = record.status, dir = final, partial = kept and part or nil, run = run, record = record, error = message }
  end

  write_json(part .. "/summary.json", runner.summary(run))
  assert(sys.write_atomic(part .. "/report.html", report.html(run, record)))
  write_json(part .. "/run.json", record)
  sys.remove_tree(part .. "/checkpoints")
  sys.remove(part .. "/lock")
  if is_empty(final) then sys.remove_tree(final) end
  assert(sys.rename(part, final))
  run.dir = final
  return { status = "complete", dir = final, run = run, record = record }
end

return runner
