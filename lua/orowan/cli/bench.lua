--- orowan bench NAME: runs spec/bench/NAME.lua, a file that returns function(report);
--- report(name, value, unit, {peak_fraction=, peer=, ratio=, note=}) prints a line at once.
--- A benchmark says how fast, it never passes or fails.
local core = require "orowan.core"
local sys = require "orowan.sys"
local json = require "orowan.json"
local format = require "orowan.format"
local machine = require "orowan.machine"
local home = require "orowan.home"
local suggest = require "orowan.suggest"
local options = require "orowan.cli.options"

local bench = {}

local fields = { "peak_fraction", "peer", "ratio", "note" }
local is_field = {}
for _, f in ipairs(fields) do is_field[f] = true end

local function names()
  local dir, list = home() .. "/spec/bench", {}
  for _, file in ipairs(sys.isdir(dir) and sys.list(dir) or {}) do
    list[#list + 1] = file:match("^([%w_]+)%.lua$")
  end
  table.sort(list)
  return list, dir
end

local function header()
  local m, build = machine.describe(), core.system.build()
  io.stdout:write(("%s, %d cores, %s\nOrowan %s, simd %s, %d threads, BLAS core %s\n"):format(
    m.cpu, m.cores, m.system, core.version, build.simd, core.system.threads(), build.blas_core))
end

local function run_one(dir, name, results)
  local chunk, err = loadfile(dir .. "/" .. name .. ".lua", "t")
  if not chunk then return nil, err end
  local f = chunk()
  if type(f) ~= "function" then return nil, ("%s/%s.lua: expected a file that returns function(report)"):format(dir, name) end
  io.stdout:write(("\n%s\n  %-44s %12s %-12s %6s  %s\n"):format(name, "what", "value", "unit", "peak", "against"))
  f(function(what, value, unit, more)
    more = more or {}
    for key in pairs(more) do
      if not is_field[key] then error(("report: unknown field '%s'"):format(tostring(key)) .. suggest.hint(tostring(key), fields), 2) end
    end
    if type(what) ~= "string" or type(value) ~= "number" then
      error("report: expected (name, number, unit [, more])", 2)
    end
    local against = ""
    if more.ratio then against = ("%.2fx %s"):format(more.ratio, more.peer or "peer")
    elseif more.peer then against = more.peer end
    if more.note then against = against .. (against ~= "" and "  " or "") .. more.note end
    local line = ("  %-44s %12s %-12s %6s  %s"):format(what, format.number(value, 4), unit or "",
      more.peak_fraction and ("%.0f %%"):format(100 * more.peak_fraction) or "", against)
    io.stdout:write((line:gsub("%s+$", "")), "\n")
    io.stdout:flush()
    results[#results + 1] = {
      bench = name, name = what, value = value, unit = unit or "", peak_fraction = more.peak_fraction, peer = more.peer,
      ratio = more.ratio, note = more.note,
    }
  end)
  return true
end

--- orowan bench [NAME ...] [--threads N] [--device D] [--json FILE]
---@param args string[]
---@return integer status
function bench.main(args)
  local o, err = options.parse(args, { json = "string", threads = "count", device = "string", help = "flag" })
  local list, dir = names()
  if not o then
    io.stderr:write("orowan bench: ", err, "\n")
    return 1
  end
  if o.help or #o.words == 0 then
    io.stdout:write("usage: orowan bench NAME ... | all [--threads N] [--device D] [--json FILE]\nbenchmarks: ",
      #list > 0 and table.concat(list, ", ") or "none in " .. dir, "\n")
    return o.help and 0 or (#list > 0 and 0 or 1)
  end
  local wanted = #o.words == 1 and o.words[1] == "all" and list or o.words
  local known = {}
  for _, n in ipairs(list) do known[n] = true end
  for _, n in ipairs(wanted) do
    if not known[n] then
      io.stderr:write(("orowan bench: no benchmark '%s'%s\n"):format(n, suggest.hint(n, list, "benchmarks")))
      return 1
    end
  end
  if o.threads then core.system.threads(o.threads) end
  if o.device then
    local known_device, message = pcall(core.device.device, o.device)
    if not known_device then
      io.stderr:write("orowan bench: ", tostring(message), "\n")
      return 1
    end
  end
  header()
  local results = json.array {}
  for _, n in ipairs(wanted) do
    local ok
    ok, err = run_one(dir, n, results)
    if not ok then
      io.stderr:write("orowan bench: ", tostring(err), "\n")
      return 1
    end
  end
  if o.json then
    local ok
    ok, err = sys.write_atomic(o.json, json.encode({
      format_version = 1, machine = machine.describe(), version = core.version, simd = core.system.build().simd,
      threads = core.system.threads(), results = results,
    }, { indent = 2 }) .. "\n")
    if not ok then
      io.stderr:write("orowan bench: ", tostring(err), "\n")
      return 1
    end
  end
  return 0
end

return bench
