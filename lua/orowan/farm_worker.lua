-- Run as a program of its own by farm.lua: reads a line with module and set-up, then a job a line,
-- and answers each with a line. What a job prints goes to stderr.
local json = require "orowan.json"
local sys = require "orowan.sys"

local out = io.stdout
io.output(io.stderr)
print = function(...)  -- luacheck: ignore
  local t = table.pack(...)
  for i = 1, t.n do t[i] = tostring(t[i]) end
  io.stderr:write(table.concat(t, "\t"), "\n")
end

local head = json.decode(io.read "l")
local work = require(head.module)(head.setup)
for line in io.lines() do
  local job = json.decode(line)
  local begin = sys.clock()
  local ok, result = pcall(work, job)
  if not ok and type(result) == "table" and result.code == "interrupted" then os.exit(130) end
  out:write(json.encode { key = job.key, result = ok and result or nil, error = not ok and tostring(result) or nil, seconds = sys.clock() - begin }, "\n")
  out:flush()
end
