--- Independent jobs over worker processes. Every result is appended to a log as it comes, so that a
--- killed or interrupted farm goes on where it stopped; a job that fails is recorded and does not
--- stop the others; a worker that dies costs its job only.
local failure = require "orowan.failure"
local interpreter = require "orowan.interpreter"
local json = require "orowan.json"
local progress = require "orowan.progress"
local sys = require "orowan.sys"

local farm = {}

local worker_script = debug.getinfo(1, "S").source:sub(2):gsub("farm%.lua$", "farm_worker.lua")
local format_version <const> = 1

local known = { module = true, setup = true, log = true, workers = true, label = true, timeout = true, on_result = true, retry = true }

-- What an earlier call left in the log: results by key. A last line that was cut off is dropped.
local function read_log(path, head)
  if not sys.exists(path) then return {}, false end
  local text, err = sys.read_file(path)
  if not text then return nil, err end
  local done, first = {}, true
  for line in text:gmatch "([^\n]*)\n" do
    local ok, entry = pcall(json.decode, line)
    if not ok or type(entry) ~= "table" then
      return nil, failure("format", ("farm.run: %s: a line is not JSON: the file is damaged"):format(path), "move it away to begin anew")
    end
    if first then
      if (entry.format_version or 0) > format_version then
        return nil, failure("format", ("farm.run: %s: written by a newer version (format %s)"):format(path, tostring(entry.format_version)))
      end
      if entry.head ~= head then
        return nil, failure("arg", ("farm.run: %s holds the results of another set-up"):format(path), "use another log, or move it away")
      end
      first = false
    elseif entry.key then
      done[entry.key] = entry
    end
  end
  local kept = text:match "^.*\n"
  if not kept then return {}, false end  -- not even the head was complete
  if #kept < #text then
    local ok, why = sys.write_atomic(path, kept)
    if not ok then return nil, why end
  end
  return done, true
end

local function start(o, head)
  local program = interpreter()
  if not program then error("farm.run: found no lua5.4 to run workers with", 3) end
  local p = assert(sys.spawn({ program, worker_script }, { stderr = "inherit",
    env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_INIT = false, LUA_INIT_5_4 = false, LUA_PATH_5_4 = false, LUA_CPATH_5_4 = false,
      OMP_NUM_THREADS = "1", OPENBLAS_NUM_THREADS = "1", OROWAN_THREADS = "1" } }))
  assert(p:write(head .. "\n"))
  return { process = p }
end

--- Runs jobs. The module, loaded in each worker, returns a function that takes the set-up and gives
--- the function that does one job: plain data in, plain data out.
---@param jobs {key: string}[] plain data, each with a key of its own
---@param options {module: string, setup: table?, log: string, workers: integer?, label: string?, timeout: number?, retry: boolean?, on_result: fun(entry: table)?} log: path of the results (JSON lines); workers: default the cores; timeout: s a job may take, default 3600; retry: run jobs again that failed before
---@return table<string, {key: string, result: any, error: string?, seconds: number}>? results by key
---@return table? err the log cannot be used, or the system refused
function farm.run(jobs, options)
  for key in pairs(options) do if not known[key] then error(("farm.run: unknown option '%s'"):format(key), 2) end end
  if type(options.module) ~= "string" or type(options.log) ~= "string" then error("farm.run: expected a module and a log", 2) end
  local timeout = options.timeout or 3600
  local head = json.encode { module = options.module, setup = options.setup or {} }
  local done, there = read_log(options.log, head)
  if not done then return nil, there end
  local keys, todo = {}, {}
  for i, job in ipairs(jobs) do
    if type(job.key) ~= "string" or keys[job.key] then error(("farm.run: job %d: expected a key that no other job has"):format(i), 2) end
    keys[job.key] = true
    local old = done[job.key]
    if not old or options.retry and old.error then todo[#todo + 1] = job end
  end
  local log, err = io.open(options.log, "a")
  if not log then return nil, failure("io", "farm.run: " .. err) end
  local workers = {}
  local function close_all()
    for _, w in ipairs(workers) do w.process:close() end
    log:close()
  end
  local closer <close> = setmetatable({}, { __close = close_all })
  if not there then
    log:write(json.encode { format_version = format_version, head = head }, "\n")
    log:flush()
  end
  local bar <close> = progress.bar(options.label or "jobs", #jobs, #jobs - #todo)
  local finished, next_job, failed = #jobs - #todo, 1, 0
  local function record(entry)
    done[entry.key] = entry
    log:write(json.encode(entry), "\n")
    log:flush()
    finished = finished + 1
    if entry.error then failed = failed + 1 end
    if options.on_result then options.on_result(entry) end
    bar:update(finished, failed > 0 and ("%d failed"):format(failed) or nil)
  end
  local function give(w)
    w.job = todo[next_job]
    if not w.job then return end
    next_job, w.since = next_job + 1, sys.clock()
    w.process:write(json.encode(w.job) .. "\n")
  end
  for k = 1, math.min(options.workers or sys.cores(), #todo) do
    workers[k] = start(options, head)
    give(workers[k])
  end
  while true do
    local busy = 0
    for k, w in ipairs(workers) do
      if w.job then
        busy = busy + 1
        local line, why = w.process:read_line(0.02)
        local entry
        if line then
          local ok, answer = pcall(json.decode, line)
          entry = ok and type(answer) == "table" and answer.key == w.job.key and answer or { key = w.job.key, error = "the worker gave no answer: " .. line:sub(1, 200) }
        elseif why == "end" then
          local r = w.process:wait(5)
          entry = { key = w.job.key, error = ("the worker ended (%s)"):format(r and (r.signal and "signal " .. r.signal or "status " .. tostring(r.status)) or "?") }
        elseif sys.clock() - w.since > timeout then
          entry = { key = w.job.key, error = ("no answer within %g s"):format(timeout) }
        end
        if entry then
          entry.seconds = entry.seconds or sys.clock() - w.since
          record(entry)
          if not line then
            w.process:close()
            workers[k] = start(options, head)
          end
          give(workers[k])
        end
      end
    end
    if busy == 0 then break end
  end
  return done
end

return farm
