--- The kernelspec: the folder by which Jupyter finds the kernel.
--- https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs
local sys = require "orowan.sys"
local json = require "orowan.json"
local logo = require "orowan.jupyter.logo"

local install = { name = "orowan" }

-- The program that a front end starts: this one, or one that is found.
local function program()
  local exe = sys.realpath "/proc/self/exe"
  if exe and exe:match "/orowan[^/]*$" then return exe end
  local here = require "orowan.home" () .. "/build/bin/orowan"
  return sys.exists(here) and here or sys.which "orowan"
end

--- The folder of Jupyter's data for this user.
---@return string? path
---@return string? err
function install.user_folder()
  local own, xdg, home = os.getenv "JUPYTER_DATA_DIR", os.getenv "XDG_DATA_HOME", os.getenv "HOME"
  if own and own ~= "" then return own end
  if xdg and xdg ~= "" then return xdg .. "/jupyter" end
  if not home or home == "" then return nil, "HOME is not set; choose a folder with --prefix DIR" end
  if sys.isdir(home .. "/Library/Jupyter") then return home .. "/Library/Jupyter" end
  return home .. "/.local/share/jupyter"
end

--- Writes the kernelspec.
---@param data string Jupyter's data folder (PREFIX/share/jupyter)
---@return string? folder of the kernelspec
---@return any err
function install.write(data)
  local exe = program()
  if not exe then return nil, "the program `orowan` was not found: build it (make), or put it into PATH" end
  local dir = data .. "/kernels/" .. install.name
  local ok, err = sys.mkdir(dir)
  if not ok then return nil, err end
  local env = { OMP_WAIT_POLICY = "passive" }  -- an idle kernel does not spin
  local own = os.getenv "OROWAN_HOME"
  if own and own ~= "" then env.OROWAN_HOME = sys.realpath(own) or own end
  local spec = {
    argv = json.array { exe, "jupyter", "kernel", "{connection_file}" }, display_name = "Lua (Orowan)", language = "lua",
    interrupt_mode = "signal", env = env, metadata = { debugger = false },
  }
  ok, err = sys.write_atomic(dir .. "/kernel.json", json.encode(spec, { indent = 2 }) .. "\n")
  if ok then ok, err = sys.write_atomic(dir .. "/logo-svg.svg", logo.svg()) end
  for _, size in ipairs { 32, 64 } do
    if ok then ok, err = require("orowan.io").write_png(("%s/logo-%dx%d.png"):format(dir, size, size), logo.image(size)) end
  end
  if not ok then return nil, err end
  return dir
end

return install
