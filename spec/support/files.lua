-- A scratch folder of a spec, and whole files in and out.
local sys = require("orowan").sys
local files = { dir = assert(sys.tmpdir "orowan-spec") }

function files.at(name) return files.dir .. "/" .. name end
function files.remove() sys.remove_tree(files.dir) end

function files.slurp(path)
  local f = assert(io.open(path, "rb"))
  local s = f:read "a"
  f:close()
  return s
end

function files.spit(path, s)
  local f = assert(io.open(path, "wb"))
  f:write(s)
  f:close()
  return path
end

return files
