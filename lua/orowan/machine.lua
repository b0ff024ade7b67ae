--- What this program runs on and is made of: for run.json, `orowan info` and benchmarks.
local core = require "orowan.core"
local sys = require "orowan.sys"

local machine = {}

local function ask(argv)
  if not sys.which(argv[1]) then return nil end
  local r = sys.run(argv, { timeout = 10 })
  if not r or r.status ~= 0 then return nil end
  return (r.stdout:gsub("%s+$", ""))
end

--- Processor, system, cores and memory.
---@return table machine {cpu=, system=, host=, cores=, memory= bytes or nil}
function machine.describe()
  local bytes
  local f = io.open("/proc/meminfo", "r")
  if f then
    local kib = f:read("a"):match("MemTotal:%s*(%d+)")
    f:close()
    bytes = kib and math.tointeger(kib) * 1024
  else
    bytes = math.tointeger(ask { "sysctl", "-n", "hw.memsize" } or "")
  end
  return { cpu = sys.cpu_name(), system = sys.os_name(), host = sys.hostname(), cores = sys.cores(), memory = bytes }
end

--- Version of an outside program (gnuplot, ffmpeg), or nil when it is not installed.
---@param program string
---@return string?
function machine.program(program)
  local text = ask { program, program == "ffmpeg" and "-version" or "--version" }
  if not text then return nil end
  if program == "gnuplot" then
    local major, patch = text:match("gnuplot ([%d.]+) patchlevel (%S+)")
    return major and major .. "." .. patch or text:match("[^\n]*")
  end
  return text:match("version (%S+)") or text:match("[^\n]*")
end

--- Versions of the libraries and programs a result may depend on.
---@return table<string, string>
function machine.dependencies()
  local t = core.versions.libraries()
  t.lua = t.lua:gsub("^Lua ", "")
  t.openblas = t.openblas:match("OpenBLAS ([%d.]+%S*)") or t.openblas
  t.fftw = t.fftw:match("^fftw%-([%d.]+)") or t.fftw
  t.gnuplot = machine.program("gnuplot")
  return t
end

return machine
