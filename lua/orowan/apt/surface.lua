--- Which ions lie at the surface of a reconstruction: the space is cut into cubes that hold
--- about 30 ions where there are any; an ion is at the surface when one of the 26 cubes around
--- its own is empty. An ion within the cube's edge of the surface, not less, is told from the inside.
local core = require "orowan.core"

-- Least count of every cube and its neighbours, axis by axis.
local function least(t)
  for axis = 1, 3 do
    local n = t:shape(axis)
    local lower, upper = t:slice(axis, 1, n - 2), t:slice(axis, 3, n)
    t = core.ops.minimum(core.ops.minimum(lower, upper), t:slice(axis, 2, n - 1))
  end
  return t
end

--- 1 for ions in cubes beside an empty one.
---@param x orowan.tensor f32 [n, 3], nm
---@param ions? number ions in a filled cube, about (30)
---@return orowan.tensor u8 [n]
---@return number edge of a cube, nm
return function(x, ions)
  local n = x:shape(1)
  if n == 0 then return core.create.zeros({ 0 }, "u8"), 0 end
  local lo = x:min(1):to "f64"
  local size = (x:max(1):to "f64" - lo):totable()
  local volume = 1
  for k = 1, 3 do volume = volume * math.max(size[k], 1e-3) end
  local edge = (volume * (ions or 30) / n) ^ (1 / 3)
  local function cubes()
    local at = ((x:to "f64" - lo) / edge):floor():to "i64" + 1  -- one empty layer in front
    local d = {}
    for k = 1, 3 do d[k] = math.floor(size[k] / edge) + 3 end
    local flat = (at:select(2, 1) * d[2] + at:select(2, 2)) * d[3] + at:select(2, 3)
    return flat, d, flat:bincount { first = 0, size = d[1] * d[2] * d[3] }
  end
  local _, _, counts = cubes()
  local filled = counts:gt(0):to("i64"):sum()
  edge = edge * ((ions or 30) * filled / n) ^ (1 / 3)  -- empty space does not count
  local flat, d, again = cubes()
  local inner = least(again:reshape(d))
  local all = core.create.zeros(d, "i64")
  all:slice(1, 2, d[1] - 1):slice(2, 2, d[2] - 1):slice(3, 2, d[3] - 1):copy(inner)
  return all:flatten()[flat + 1]:eq(0), edge
end
