--- orowan jupyter: the kernel for notebooks.
local core = require "orowan.core"
local sys = require "orowan.sys"
local options = require "orowan.cli.options"
local suggest = require "orowan.suggest"

local jupyter = {}

local help = [[
usage: orowan jupyter install [--user | --prefix DIR]
       orowan jupyter uninstall [--user | --prefix DIR]
       orowan jupyter kernel CONNECTION_FILE

install writes the kernelspec "Lua (Orowan)", so that Jupyter (notebook, lab, console,
nbconvert) finds this program: for this user (the default), or below DIR/share/jupyter
(--prefix /usr/local: for everybody; --prefix "$VIRTUAL_ENV": for a virtual environment).
kernel is what Jupyter starts.
]]

local function fail(message)
  io.stderr:write("orowan jupyter: ", tostring(message), "\n")
  return 1
end

local function data_folder(o)
  if o.user and o.prefix then return nil, "--user and --prefix exclude each other" end
  if o.prefix then return sys.mkdir(o.prefix) and (sys.realpath(o.prefix) or o.prefix) .. "/share/jupyter" end
  return require("orowan.jupyter.install").user_folder()
end

local actions = {}

function actions.install(o)
  local version, missing = core.jupyter.available()
  local data, err = data_folder(o)
  if not data then return fail(err or "the folder of --prefix cannot be made") end
  local dir
  dir, err = require("orowan.jupyter.install").write(data)
  if not dir then return fail(err) end
  io.stdout:write("installed: ", dir, "\n")
  if not version then
    io.stderr:write("but the kernel will not start yet: ", tostring(missing), "\n")
    return 1
  end
  if not sys.which "jupyter" then io.stdout:write("Jupyter itself was not found in PATH: apt-get install jupyter-notebook\n")
  else io.stdout:write("start:     jupyter notebook (then New, \"Lua (Orowan)\"), or jupyter console --kernel=orowan\n") end
  return 0
end

function actions.uninstall(o)
  local data, err = data_folder(o)
  if not data then return fail(err) end
  local dir = data .. "/kernels/orowan"
  if not sys.exists(dir .. "/kernel.json") then return fail(("nothing to remove: there is no %s"):format(dir)) end
  local ok
  ok, err = sys.remove_tree(dir)
  if not ok then return fail(err) end
  io.stdout:write("removed: ", dir, "\n")
  return 0
end

function actions.kernel(o)
  if not o.words[2] then return fail("kernel: expected the connection file that Jupyter writes") end
  local status, err = require("orowan.jupyter.kernel").main(o.words[2])
  if not status then return fail(err) end
  return status
end

--- orowan jupyter install | uninstall | kernel
---@param args string[]
---@return integer status
function jupyter.main(args)
  local o, err = options.parse(args, { user = "flag", prefix = "string", help = "flag" })
  if not o then return fail(err) end
  local word = o.words[1]
  if o.help or not word then
    io.stdout:write(help)
    return 0
  end
  local names = {}
  for name in pairs(actions) do names[#names + 1] = name end
  table.sort(names)
  if not actions[word] then return fail(("unknown action '%s'%s"):format(word, suggest.hint(word, names, "actions"))) end
  if #o.words > (word == "kernel" and 2 or 1) then return fail(("unexpected '%s'"):format(o.words[#o.words])) end
  return actions[word](o)
end

return jupyter
