-- The program under test: the one that runs the specs, when that is an `orowan` (so that a
-- sanitizer build tests itself), else build/bin/orowan.
local sys = require "orowan.sys"

local options = os.getenv "LSAN_OPTIONS"
if options then  -- children may start in another folder
  sys.setenv("LSAN_OPTIONS", (options:gsub("suppressions=spec/", function() return "suppressions=" .. sys.cwd() .. "/spec/" end)))
end

local self = sys.realpath "/proc/self/exe"
return self and self:match "/orowan$" and self or sys.cwd() .. "/build/bin/orowan"
