--- Checkpoints of nn.fit: one HDF5 file that holds everything the next step depends on.
---   /                         attributes format = "orowan.fit", format_version
---   /state                    JSON: place in the run, sums, counters, history, schedule, settings
---   /model/{parameters,buffers}/NAME, /best/...
---   /optimizer/SLOT/NAME
--- Written to a temporary file that takes the name at the end.
local ow = require "orowan"
local C = require "orowan.stats.common"
local tensors = require "orowan.nn.tensors"

local M = { format = "orowan.fit", format_version = 1 }

local fn = "nn.fit"

--- Saves. run: {model list, best list or nil, optimizer, schedule or nil, state, settings}.
function M.save(path, run)
  local o = run.optimizer:state()
  local optimizer = { kind = o.kind, steps = o.steps, groups = o.groups, step = {} }
  local file, err = ow.io.h5_open(path, "w")
  if not file then error(err, 0) end
  local ok, why = pcall(function()
    file:attr("/", "format", M.format)
    file:attr("/", "format_version", M.format_version)
    tensors.write(file, "model/", run.tensors)
    if run.best then tensors.write(file, "best/", run.best) end
    for name, slots in pairs(o.parameters) do
      optimizer.step[name] = slots.step
      for slot, t in pairs(slots) do
        if ow.is_tensor(t) then file:write(("optimizer/%s/%s"):format(slot, name), tensors.host(t)) end
      end
    end
    file:write("state", ow.json.encode { state = run.state, settings = run.settings, optimizer = optimizer,
      schedule = run.schedule and run.schedule:state() })
    file:close()
  end)
  if not ok then
    file:discard()
    error(why, 0)
  end
end

local function read_state(file, path)
  local format = file:exists("/", "format") and file:attr("/", "format")
  if format ~= M.format then C.fail(fn, "%s: not a checkpoint of nn.fit; remove it or give another path", path) end
  local version = file:attr("/", "format_version")
  if math.type(version) ~= "integer" or version > M.format_version then
    C.fail(fn, "%s: format_version %s is newer than this program knows (%d)", path, tostring(version), M.format_version)
  end
  local text = file:read "state"
  local saved = type(text) == "string" and ow.json.decode(text, { null = 0 / 0 })
  if type(saved) ~= "table" or type(saved.state) ~= "table" or type(saved.settings) ~= "table" or type(saved.optimizer) ~= "table" then
    C.fail(fn, "%s: the checkpoint is damaged: no state in it", path)
  end
  return saved
end

local function compare_settings(path, old, new)
  local names = {}
  for k in pairs(old) do names[k] = true end
  for k in pairs(new) do names[k] = true end
  local lines = {}
  for k in pairs(names) do
    if old[k] ~= new[k] then lines[#lines + 1] = ("%s = %s (now %s)"):format(k, tostring(old[k]), tostring(new[k])) end
  end
  table.sort(lines)
  if #lines > 0 then C.fail(fn, "%s belongs to another training: %s; resume = false starts anew", path, table.concat(lines, ", ")) end
end

--- Takes up a checkpoint: fills the model, the optimiser and the schedule; returns the state and the
--- copies of the best weights. Nothing is changed unless all of it fits.
function M.load(path, run)
  local file, err = ow.io.h5_open(path)
  if not file then C.fail(fn, "checkpoint: %s", tostring(err)) end
  local ok, state, best = pcall(function()
    local saved = read_state(file, path)
    compare_settings(path, saved.settings, run.settings)
    local lines = tensors.differences(file, "model/", run.tensors)
    if #lines > 0 then C.fail(fn, "%s does not fit the model:\n  %s", path, table.concat(lines, "\n  ")) end
    local now = assert(tensors.read(file, "model/", run.tensors))
    local kept = file:exists "best" and assert(tensors.read(file, "best/", run.tensors)) or nil
    local o = saved.optimizer
    o.parameters = {}
    for name, step in pairs(o.step) do o.parameters[name] = { step = step } end
    for _, slot in ipairs(file:exists "optimizer" and file:list "optimizer" or {}) do
      for _, name in ipairs(file:list("optimizer/" .. slot)) do
        local t = assert(file:read(("optimizer/%s/%s"):format(slot, name)))
        if not ow.is_tensor(t) then t = ow.full({}, t) end
        o.parameters[name][slot] = t
      end
    end
    run.optimizer:load_state(o)
    if run.schedule then run.schedule:load_state(saved.schedule or {}) end
    tensors.restore(run.tensors, now)
    return saved.state, kept
  end)
  file:close()
  if not ok then error(state, 0) end
  return state, best
end

return M
