--- Neural networks: variables and reverse-mode differentiation, layers, training. Every number is
--- computed by C kernels; shapes are row-major with the batch first: N x C x spatial axes.
---   local model = nn.sequential { nn.conv2d(1, 8, {kernel = 3}), nn.relu(), nn.global_avg_pool() }
---   local loss = nn.functional.mse(model(x), y)
---   loss:backward()
local nn = {}

for name, f in pairs(require "orowan.nn.variable") do nn[name] = f end
for name, f in pairs(require "orowan.nn.layers") do nn[name] = f end

local module = require "orowan.nn.module"
for _, name in ipairs { "module", "is_module", "parameter", "register", "build", "seed", "set_dtype" } do nn[name] = module[name] end
require "orowan.nn.fuse"
nn.summary = require("orowan.nn.summary").summary
for file, names in pairs {
  fit = { "fit", "predict", "history_figure" }, model_file = { "save", "load" }, optim = { "clip_grad_norm", "clip_grad_value" },
} do
  local m = require("orowan.nn." .. file)
  for _, name in ipairs(names) do nn[name] = m[name] end
end

-- Tables of functions, loaded on first use.
local parts = {
  functional = "functional", init = "initializers", optim = "optim", schedule = "schedule", metrics = "metrics", ensemble = "ensemble",
}

return setmetatable(nn, {
  __names = parts,
  __index = function(t, name)
    if not parts[name] then return nil end
    local m = require("orowan.nn." .. parts[name])
    rawset(t, name, m)
    return m
  end,
})
