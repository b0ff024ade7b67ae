--- orowan info, orowan env.
local core = require "orowan.core"
local sys = require "orowan.sys"
local format = require "orowan.format"
local machine = require "orowan.machine"
local home = require "orowan.home"

local info = {}

-- What an outside program is for, and where it comes from.
local programs = {
  { "gnuplot", "figures", "gnuplot-nox" },
  { "ffmpeg", "movies (reading and writing)", "ffmpeg" },
}

local variables = { "OROWAN_HOME", "OROWAN_DATA", "OROWAN_THREADS", "OROWAN_SIMD", "OROWAN_MEMORY", "OROWAN_DEVICE" }

--- Prints what this program is, what it runs on and what is missing.
---@return integer status
function info.info()
  local function line(name, ...) io.stdout:write(("%-15s"):format(name), table.concat({ ... }), "\n") end
  local here, build, memory = machine.describe(), core.system.build(), core.system.memory()
  local libs = machine.dependencies()
  line("orowan", core.version, ", home ", home())
  line("machine", here.cpu, ", ", here.system)
  line("cores", tostring(here.cores), ", threads used ", tostring(core.system.threads()))
  line("simd", build.simd)
  line("memory", here.memory and format.bytes(here.memory) .. " in the machine" or "unknown", "; budget ",
    memory.budget > 0 and format.bytes(memory.budget) or "none (OROWAN_MEMORY sets one)")
  line("blas", "OpenBLAS ", libs.openblas, ", core ", build.blas_core, ", ", tostring(build.blas_threads), " threads")
  line("libraries", "Lua ", libs.lua, ", FFTW ", libs.fftw, ", HDF5 ", libs.hdf5, ", libpng ", libs.libpng, ", libedit ", libs.libedit)
  line("compiler", build.compiler)
  for _, p in ipairs(programs) do
    local version = machine.program(p[1])
    line(p[1], version or ("missing; needed for %s: apt-get install %s"):format(p[2], p[3]))
  end
  local models, kim = require("orowan.atoms.kim").models()
  line("kim", models and ("KIM API %s, %d models (ow.atoms.kim_models() lists them)"):format(kim, #models) or tostring(kim))
  local zmq, missing = core.jupyter.available()
  line("jupyter", zmq and ("ZeroMQ %s (`orowan jupyter install` makes the kernel known)"):format(zmq) or tostring(missing))
  local devices, why = core.device.list()
  if #devices == 0 then line("opencl", why) end
  for _, d in ipairs(devices) do
    line(d.device, d.name, " (", d.platform, ", driver ", d.driver, "), ", tostring(d.units), " units, ",
      format.bytes(d.memory), d.f64 and "" or ", no f64")
  end
  for _, name in ipairs(variables) do
    local v = os.getenv(name)
    local note = ""
    if v and name == "OROWAN_DATA" and not sys.isdir(v) then note = " (no such folder)" end
    line(name, v or "not set", note)
  end
  return 0
end

--- Prints shell lines that let a plain lua5.4 find the modules.
---@return integer status
function info.env()
  local here = debug.getinfo(1, "S").source:match("^@(.*)/orowan/cli/info%.lua$")
  if here:sub(1, 1) ~= "/" then here = sys.cwd() .. "/" .. here end
  local lib = home() .. "/build/lib"
  if not sys.exists(lib .. "/orowan/core.so") then
    lib = here:gsub("/share/lua/5%.4$", "/lib/lua/5.4")
  end
  io.stdout:write(("export LUA_PATH='%s/?.lua;%s/?/init.lua;;'\nexport LUA_CPATH='%s/?.so;;'\n"):format(here, here, lib))
  return 0
end

return info
