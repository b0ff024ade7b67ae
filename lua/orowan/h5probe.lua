-- Run as a program of its own: h5probe.lua PATH SECONDS. Reads a whole HDF5 file, so that a
-- crash of the library happens here. Status 0: readable; 3: refused, the reason on stderr.
local core = require "orowan.core"

local ok, err = core.hdf5.probe(arg[1], tonumber(arg[2]) or 60)
if ok then os.exit(0) end
io.stderr:write(tostring(err), "\n")
os.exit(3)
