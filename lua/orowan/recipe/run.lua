--- What a recipe's function gets: parameters, and the ways to record numbers, figures,
--- tables, text, inputs and checkpoints in the run folder.
local core = require "orowan.core"
local sys = require "orowan.sys"
local progress = require "orowan.progress"
local checkpoint = require "orowan.recipe.checkpoint"
local format = require "orowan.format"

---@class orowan.run
local run = {}
run.__index = run

local function file_name(name, what)
  if type(name) ~= "string" or not name:match("^[%w_][%w_.-]*$") then
    error(("%s: expected a name of letters, digits, '_', '-', '.', got '%s'"):format(what, tostring(name)), 3)
  end
  return name
end

--- Makes the object; called by the runner only.
---@param spec table {recipe=, params=, seed=, dir=, device=, threads=, cwd=, quiet=, found= inputs that lie elsewhere now}
---@return table run
function run.new(spec)
  return setmetatable({
    params = spec.params, seed = spec.seed, dir = spec.dir, device = spec.device, threads = spec.threads,
    recipe = spec.recipe, summary = {}, order = {}, blocks = {}, warnings = {}, inputs = {},
    cwd = spec.cwd, found = spec.found or {}, saved_at = {},
  }, run)
end

local put_fields = { value = true, unit = true, low = true, high = true, timing = true, note = true, tolerance = true }

--- Records a named result; it goes to summary.json and into the report.
---@param name string dotted name, "cutoff.tau"
---@param entry table|number {value=, unit=, low=, high=, note=, timing=, tolerance=}; value: a
--- number, string or boolean; low, high: ends of its interval; timing=true: depends on the
--- machine, a rerun does not compare it; tolerance: relative difference within which a rerun
--- on another machine agrees (1e-9)
function run:put(name, entry)
  if type(name) ~= "string" or name == "" then error("run:put: name: expected a string, got " .. type(name), 2) end
  if type(entry) ~= "table" then entry = { value = entry } end
  for key, v in pairs(entry) do
    if not put_fields[key] then error(("run:put: %s: unknown field '%s'"):format(name, tostring(key)), 2) end
    if (key == "low" or key == "high" or key == "tolerance") and type(v) ~= "number" then
      error(("run:put: %s: %s: expected a number, got a %s"):format(name, key, type(v)), 2)
    end
  end
  local t = type(entry.value)
  if t ~= "number" and t ~= "string" and t ~= "boolean" then
    error(("run:put: %s: value: expected a number, a string or a boolean, got %s"):format(name, t), 2)
  end
  if not self.summary[name] then self.order[#self.order + 1] = name end
  self.summary[name] = {
    value = entry.value, unit = entry.unit or "", low = entry.low, high = entry.high,
    timing = entry.timing or nil, note = entry.note, tolerance = entry.tolerance,
  }
end

--- Saves a figure as NAME.png and NAME.svg and shows it in the report. A figure that
--- cannot be drawn (gnuplot missing) is a warning: the numbers are still there.
---@param name string file name without ending
---@param fig table an ow.plot figure, or anything with :save(path)
---@param caption string?
---@return boolean ok
function run:figure(name, fig, caption)
  file_name(name, "run:figure")
  if type(fig) ~= "table" and type(fig) ~= "userdata" or not fig.save then
    error("run:figure: " .. name .. ": expected a figure (ow.plot.figure), got " .. type(fig), 2)
  end
  local files = {}
  for _, ending in ipairs { "png", "svg" } do
    local ok, err = fig:save(self.dir .. "/" .. name .. "." .. ending)
    if not ok then
      self:warn(("figure %s was not drawn: %s"):format(name, tostring(err)))
      return false
    end
    files[#files + 1] = name .. "." .. ending
  end
  self.blocks[#self.blocks + 1] = { kind = "figure", name = name, caption = caption, files = files }
  return true
end

--- Shows a file of the run folder in the report: a picture (png, svg, gif) or a film (mp4,
--- webm) is embedded, anything else is linked.
---@param name string file name in the run folder; it must be there
---@param caption string?
function run:attach(name, caption)
  file_name(name, "run:attach")
  if not sys.exists(self:path(name)) then error(("run:attach: %s: no such file in the run folder"):format(name), 2) end
  self.blocks[#self.blocks + 1] = { kind = "file", name = name, caption = caption, files = { name } }
end

local function csv_cell(v)
  if v == nil then return "" end
  local s = type(v) == "number" and format.exact(v) or tostring(v)
  return s:find('[,"\n]') and '"' .. s:gsub('"', '""') .. '"' or s
end

--- Shows a table in the report and writes it as a CSV file beside it.
---@param title string
---@param columns string[] headings, with units
---@param rows any[][] cells: numbers, strings, booleans or nil
---@param note string? shown under the table
---@return string file name of the CSV file in the run folder
function run:table(title, columns, rows, note)
  if type(columns) ~= "table" or type(rows) ~= "table" then
    error("run:table: expected (title, columns, rows [, note])", 2)
  end
  local file = "table-" .. title:lower():gsub("[^%w]+", "-"):gsub("^%-+", ""):gsub("%-+$", "") .. ".csv"
  local out = {}
  local function line(cells)
    local t = {}
    for i = 1, #columns do t[i] = csv_cell(cells[i]) end
    out[#out + 1] = table.concat(t, ",")
  end
  line(columns)
  for _, r in ipairs(rows) do line(r) end
  assert(sys.write_atomic(self.dir .. "/" .. file, table.concat(out, "\n") .. "\n"))
  self.blocks[#self.blocks + 1] = { kind = "table", title = title, columns = columns, rows = rows, note = note, file = file }
  return file
end

--- A paragraph of the report.
---@param paragraph string
function run:text(paragraph)
  self.blocks[#self.blocks + 1] = { kind = "text", text = tostring(paragraph) }
end

--- A heading of the report.
---@param text string
function run:heading(text)
  self.blocks[#self.blocks + 1] = { kind = "heading", text = tostring(text) }
end

--- A warning: shown at once, and at the top of the report.
---@param message string
function run:warn(message)
  message = tostring(message)
  self.warnings[#self.warnings + 1] = message
  progress.message("warning: " .. message)
end

--- A line for the person who watches; not part of the result.
---@param message string
function run.log(_, message) progress.message(tostring(message)) end

--- Opens a progress bar.
---@param label string
---@param total number? units of work
---@param done number? units already done (from a checkpoint)
---@return table bar with :update(done [, note]) and :finish()
function run.progress(_, label, total, done) return progress.bar(label, total, done) end

--- Registers a file that the run reads; its size and SHA-256 go to run.json.
---@param path string
---@return string path where the file is now (a rerun may start in another folder)
function run:input(path)
  if type(path) ~= "string" or path == "" then error("run:input: path: expected a string", 2) end
  local real = self.found[path] or path
  if not sys.exists(real) and path:sub(1, 1) ~= "/" and self.cwd then real = self.cwd .. "/" .. path end
  if not sys.exists(real) then error(("input '%s': no such file"):format(path), 0) end
  if sys.isdir(real) then error(("input '%s': expected a file, this is a folder"):format(path), 0) end
  for _, known in ipairs(self.inputs) do if known.path == path then return real end end
  local hash, err = sys.sha256_file(real)
  if not hash then error(("input '%s': %s"):format(path, tostring(err)), 0) end
  self.inputs[#self.inputs + 1] = { path = path, size = assert(sys.stat(real)).size, sha256 = hash }
  return real
end

--- The path of a file in the run folder. The folder is renamed when the run completes:
--- do not store this path in results.
---@param name string
---@return string
function run:path(name) return self.dir .. "/" .. name end

local function checkpoint_path(self, name)
  return self.dir .. "/checkpoints/" .. file_name(name, "run:checkpoint") .. ".ckpt"
end

--- What an earlier, unfinished attempt of this run saved under this name. The generator
--- behind ow.random goes back to where it was then, too.
---@param name string
---@return any value nil when there is none
function run:checkpoint(name)
  local saved, err = checkpoint.load(checkpoint_path(self, name))
  if saved == nil then
    if err then self:warn("checkpoint is not used: " .. err) end
    return nil
  end
  core.random.generator():restore(saved.random)
  return saved.value
end

--- Saves a checkpoint atomically; a run that is killed goes on from its last ones.
---@param name string
---@param value any numbers, strings, booleans, tensors and tables of them
function run:save_checkpoint(name, value)
  sys.mkdir(self.dir .. "/checkpoints")
  local ok, err = checkpoint.save(checkpoint_path(self, name), { value = value, random = core.random.generator():state() })
  if not ok then error(("checkpoint '%s': %s"):format(name, tostring(err)), 0) end
  self.saved_at[name] = sys.clock()
end

--- True when it is time to save a checkpoint again.
---@param name string
---@param seconds number? interval, default 30
---@return boolean
function run:due(name, seconds)
  local now = sys.clock()
  self.saved_at[name] = self.saved_at[name] or now
  return now - self.saved_at[name] >= (seconds or 30) or core.system.interrupted()
end

return run
