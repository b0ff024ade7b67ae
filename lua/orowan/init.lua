--- Orowan: quantitative science of crystal defects.
--- `local ow = require "orowan"`; sub-modules load on first use (`ow.stats`, `ow.plot`, ...).
local core = require "orowan.core"

local ow = { version = core.version, core = core }

-- Functions of the C side that are public under the top-level name.
for _, part in ipairs { "tensor", "create", "index", "ops", "reduce", "sort", "linalg", "fft" } do
  for name, f in pairs(core[part] or {}) do
    if type(f) == "function" and ow[name] == nil then ow[name] = f end
  end
end

-- Laws keep their table: ow.gamma is the function, ow.random.gamma the distribution.
ow.device = core.device.device
ow.random, ow.rng, ow.seed = core.random, core.random.rng, core.random.seed

ow.scope = require "orowan.scope"

local submodules = {
  stats = true, plot = true, io = true, json = true, sys = true, recipe = true, progress = true, depinning = true, apt = true,
  nn = true, atoms = true, barrier = true,
  geometry = true,
}

--- The folder with Orowan's own files (examples, models, benchmarks).
---@return string path absolute
function ow.home() return require "orowan.home" () end

return setmetatable(ow, {
  __names = submodules,  -- for completion and help
  __index = function(t, name)
    if not submodules[name] then return nil end
    local m = require("orowan." .. name)
    rawset(t, name, m)
    return m
  end,
})
