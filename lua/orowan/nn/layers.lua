--- The constructors of all layers.
local layers = {}
for _, part in ipairs { "conv", "norm", "plain", "containers" } do
  for name, f in pairs(require("orowan.nn.layers." .. part)) do layers[name] = f end
end
return layers
