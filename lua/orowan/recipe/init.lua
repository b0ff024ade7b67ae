--- Recipes: one Lua file that says what to study; a run of it makes a folder with numbers,
--- figures, a report and everything needed to repeat it. The command line
--- (`orowan run`, `rerun`, `resume`) is a thin layer over this module.
local source = require "orowan.recipe.source"
local runner = require "orowan.recipe.runner"
local rerun = require "orowan.recipe.rerun"
local params = require "orowan.recipe.params"

local recipe = { params = params }

--- Loads and checks a recipe.
---@param what string a path, or the name of a recipe in examples/
---@return table? recipe {name, summary, params, run, path, source, sha256}
---@return string? err
function recipe.load(what) return source.load(what) end

--- The recipes that come with Orowan.
---@return string[] names sorted
---@return table<string, string> paths by name
function recipe.names() return source.names() end

--- Runs a recipe into a folder.
---@param what string|table a path, a name, or a loaded recipe
---@param options table? {params={name=value}, seed=integer, out=folder, threads=, trace=boolean}
---@return table? outcome {status="complete"|"interrupted"|"failed", dir=, run=, record=, error=}
---@return string? err refused before any work: unknown parameter, folder in the way
function recipe.run(what, options)
  local r, err = what, nil
  if type(what) == "string" then r, err = source.load(what) end
  if not r then return nil, err end
  return runner.run(r, options or {})
end

-- The recipe of a run folder, from the text stored there.
local function stored(dir)
  local record, err = runner.read_record(dir)
  if not record then return nil, err end
  local r
  r, err = source.compile(record.recipe.source, record.recipe.path or "recipe")
  if not r then return nil, err end
  return r, record
end

--- Goes on with an unfinished run, with the recipe text and parameters stored in it.
---@param dir string the run folder, with or without ".partial"
---@param options table? {threads=, trace=}
---@return table? outcome
---@return string? err
function recipe.resume(dir, options)
  options = options or {}
  local sys = require "orowan.sys"
  local final = dir:gsub("/+$", ""):gsub("%.partial$", "")
  if not sys.exists(final .. ".partial") then
    if sys.exists(final .. "/run.json") then return nil, ("'%s' is finished: there is nothing to resume"):format(final) end
    return nil, ("'%s': no unfinished run there"):format(final)
  end
  local r, record = stored(final .. ".partial")
  if not r then return nil, record end
  return runner.run(r, {
    params = record.params, seed = record.seed, out = final, device = record.device, cwd = record.cwd,
    threads = options.threads, trace = options.trace,
  })
end

--- Packs a finished run into one file.
---@param dir string the run folder
---@param path string? the file (default: DIR.orowan.tar)
---@param options {limit: integer?}? limit: bytes up to which an input is put in (4 MiB)
---@return {path: string, size: integer, files: integer, notes: string[]}? info notes: what was left out, and why
---@return any err
function recipe.pack(dir, path, options) return require("orowan.recipe.pack").write(dir, path, options) end

local function rerun_pack(path, options)
  local sys = require "orowan.sys"
  local temp <close> = setmetatable({ path = assert(sys.tmpdir "orowan-pack") }, { __close = function(t) sys.remove_tree(t.path) end })
  local u, err = require("orowan.recipe.pack").unpack(path, temp.path, options.inputs)
  if not u then return nil, err end
  return recipe.rerun(u.run, {
    out = options.out, tolerance = options.tolerance, threads = options.threads, trace = options.trace, found = u.found,
  })
end

--- Runs a finished run again and compares the numbers.
---@param dir string the finished run, or a pack of one
---@param options table? {out=folder, tolerance=number, threads=, trace=, inputs=folder}; inputs: where the inputs lie that are not in the pack
---@return table? comparison {agree=boolean, rows=, outcome=, changed= inputs that changed}
---@return any err
function recipe.rerun(dir, options)
  options = options or {}
  local sys = require "orowan.sys"
  if sys.exists(dir) and not sys.isdir(dir) then return rerun_pack(dir, options) end
  dir = dir:gsub("/+$", "")
  local old, err = rerun.read_summary(dir)
  if not old then return nil, err end
  local r, record = stored(dir)
  if not r then return nil, record end
  local outcome
  outcome, err = runner.run(r, {
    params = record.params, seed = record.seed, device = record.device, cwd = record.cwd, out = options.out,
    threads = options.threads or record.threads, trace = options.trace, found = options.found,
  })
  if not outcome then return nil, err end
  if outcome.status ~= "complete" then return { agree = false, rows = {}, outcome = outcome, changed = {} } end
  local new = assert(rerun.read_summary(outcome.dir))
  local rows, agree = rerun.compare(old, new, options.tolerance)
  local changed, before = {}, {}
  for _, f in ipairs(record.inputs or {}) do before[f.path] = f.sha256 end
  for _, f in ipairs(outcome.run.inputs) do
    if before[f.path] and before[f.path] ~= f.sha256 then changed[#changed + 1] = f.path end
  end
  return { agree = agree, rows = rows, outcome = outcome, changed = changed, record = record }
end

--- Compares two summaries number by number.
--- ```lua
--- local old = { mean = { value = 2.0, unit = "b" } }
--- local rows, agree = ow.recipe.compare(old, { mean = { value = 2.0, unit = "b" } })
--- print(agree, rows[1].verdict)  --> true identical
--- ```
---@param old table content of a summary.json
---@param new table
---@param tolerance number? relative, for all numbers (default: the one a number states, else 1e-9)
---@return table[] rows {name=, old=, new=, difference=, tolerance=, inside=, verdict=}
---@return boolean agree
function recipe.compare(old, new, tolerance) return rerun.compare(old, new, tolerance) end

return recipe
