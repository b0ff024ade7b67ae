--- The command line. `orowan` alone is the interactive session; a first word that is a
--- command is one; anything else is a Lua script, run as lua5.4 would run it.
local core = require "orowan.core"
local suggest = require "orowan.suggest"
local sys = require "orowan.sys"

local cli = {}

local usage = [[
usage: orowan                       interactive session
       orowan FILE.lua [args]       run a Lua script
       orowan -e CODE               run a piece of Lua (`ow` is there)
       orowan COMMAND ...

commands:
  run RECIPE [key=value ...]        run a recipe into a run folder (run --help: options)
  resume DIR                        go on with an unfinished run
  rerun DIR|FILE                    run a finished run (or a pack of one) again, compare its numbers
  pack DIR                          one file from a finished run, for others to rerun
  new NAME                          write a commented recipe to start from
  recipes [NAME] [--short]          the recipes and their parameters
  info                              version, machine, libraries, what is missing
  bench [NAME]                      measure speed (no name: the list)
  docs [DIR]                        the reference as HTML files
  jupyter install                   let Jupyter find this program as a kernel
  env                               shell lines for using the modules from lua5.4
  depinning-compat CONTROL PINNING OUTDIR
                                    the published depinning simulator, byte for byte
  help, --version

lua options: -e CODE, -l MODULE, -i (interactive after the script), - (script from stdin)
]]

local function fail(message)
  io.stderr:write("orowan: ", message, "\n")
  return 1
end

local function version()
  io.stdout:write(("Orowan %s (%s, simd %s)\n"):format(core.version, core.versions.libraries().lua, core.system.build().simd))
  return 0
end

local function rest(first) return table.move(arg, first, #arg, 1, {}) end

local function depinning_compat(args)
  if #args ~= 3 then
    return fail("depinning-compat: expected CONTROL PINNING OUTDIR\n" ..
      "CONTROL: control file; PINNING: pinning file, row i holds the Ly values of column x = i;\n" ..
      "OUTDIR/stress is written: pick, slipped area, external stress")
  end
  local depinning = require "orowan.depinning"
  local ok, result, err = pcall(depinning.compat_run, args[1], args[2], args[3])
  if not ok and core.system.interrupted() then error(result, 0) end
  if not ok or not result then return fail("depinning-compat: " .. tostring(ok and err or result)) end
  io.stdout:write(("%s: stopped at %s\n"):format(result.path, tostring(result.stop)))
  return 0
end

local commands = {
  run = function(args) return require("orowan.cli.runs").run(args) end,
  resume = function(args) return require("orowan.cli.runs").resume(args) end,
  rerun = function(args) return require("orowan.cli.runs").rerun(args) end,
  pack = function(args) return require("orowan.cli.runs").pack(args) end,
  recipes = function(args) return require("orowan.cli.runs").recipes(args) end,
  info = function() return require("orowan.cli.info").info() end,
  env = function() return require("orowan.cli.info").env() end,
  jupyter = function(args) return require("orowan.cli.jupyter").main(args) end,
  docs = function(args) return require("orowan.cli.docs").main(args) end,
  new = function(args) return require("orowan.cli.new").main(args) end,
  bench = function(args) return require("orowan.cli.bench").main(args) end,
  ["depinning-compat"] = depinning_compat,
  help = function()
    io.stdout:write(usage)
    return 0
  end,
  version = version,
}
commands["--help"], commands["-h"] = commands.help, commands.help
commands["--version"], commands["-v"] = version, version

local function handler(e)
  if type(e) == "string" then return debug.traceback(e, 2) end
  if core.system.interrupted() then return e end
  local text = tostring(e)
  if type(e) == "table" and e.traceback_line then text = e.traceback_line .. ": " .. text end
  return debug.traceback(text, 2)
end

-- Runs user code; reports an error as lua does. Returns ok and the exit status.
local function guarded(f, ...)
  local ok, interrupted, e = core.system.guard(handler, f, ...)
  if ok then return true, 0 end
  if interrupted then
    io.stderr:write("interrupted\n")
    return false, 130
  end
  io.stderr:write("orowan: ", tostring(e), "\n")
  return false, 1
end

-- arg as lua5.4 sets it: the script at 0, its arguments after, the rest before.
local function shift_arg(script_at)
  local n, shifted = #arg, {}
  for i = 0, n do shifted[i - script_at] = arg[i] end
  _G.arg = shifted
  return table.unpack(shifted, 1, n - script_at)
end

local function is_command_like(word) return word:match("^[%a][%w-]*$") ~= nil end

local function run_lua()
  local interactive, did_something = false, false
  local i = 1
  local pieces = {}
  while arg[i] and arg[i]:match("^%-.") do
    local a = arg[i]
    if a == "--" then
      i = i + 1
      break
    elseif a == "-i" then
      interactive = true
    elseif a:match("^%-[el]") then
      local value = #a > 2 and a:sub(3) or nil
      if not value then
        i = i + 1
        value = arg[i]
        if not value then return fail(("option %s: expected %s"):format(a, a == "-e" and "a piece of Lua" or "a module name")) end
      end
      pieces[#pieces + 1] = { a:sub(1, 2), value }
    else
      local names = { "--help", "--version", "-e", "-l", "-i" }
      return fail(("unknown option '%s'%s"):format(a, suggest.hint(a, names, "options")))
    end
    i = i + 1
  end
  local script = arg[i]

  if script and script ~= "-" and is_command_like(script) and not sys.exists(script) then
    local names = {}
    for name in pairs(commands) do if is_command_like(name) then names[#names + 1] = name end end
    table.sort(names)
    return fail(("no command and no file '%s'%s"):format(script, suggest.hint(script, names, "commands")))
  end

  local script_args
  if script then script_args = table.pack(shift_arg(i)) end
  for _, p in ipairs(pieces) do
    did_something = true
    local ok, status
    if p[1] == "-e" then
      if rawget(_G, "ow") == nil then rawset(_G, "ow", require "orowan") end
      local chunk, err = load(p[2], "=(command line)")
      if not chunk then return fail(err) end
      ok, status = guarded(chunk)
    else
      ok, status = guarded(function() _G[p[2]] = require(p[2]) end)
    end
    if not ok then return status end
  end
  if script then
    did_something = true
    local chunk, err
    if script == "-" then chunk, err = loadfile() else chunk, err = loadfile(script) end
    if not chunk then return fail(err) end
    local ok, status = guarded(chunk, table.unpack(script_args, 1, script_args.n))
    if not ok and not interactive then return status end
  end
  if interactive or not did_something then return require("orowan.repl").main() end
  return 0
end

--- Runs the command line in the global `arg`.
---@param home string? the folder that the program found beside itself
---@return integer status exit status
function cli.main(home)
  cli.home = home
  local word = arg[1]
  if word and commands[word] then
    local status
    local ok, failed = guarded(function() status = commands[word](rest(2)) end)
    if not ok then return failed end
    return status or 0
  end
  return run_lua()
end

return cli
