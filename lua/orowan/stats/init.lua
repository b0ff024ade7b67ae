--- Statistics that can be believed: fits of event sizes with their noise floor, resampling,
--- scaling relations, spectra. Every estimate comes with an interval.
local stats = {}
for _, part in ipairs { "fits", "choose", "floor", "data", "relations", "spectrum" } do
  for name, f in pairs(require("orowan.stats." .. part)) do
    if name:sub(1, 1) ~= "_" then stats[name] = f end
  end
end
return stats
