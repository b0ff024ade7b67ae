--- The logo: a dislocation bowing out between two obstacles, the mechanism that Orowan found.
--- Drawn from distances to circles, four by four samples a pixel.
local core = require "orowan.core"

local logo = {}

-- In units of the width: obstacles, and the circle whose arc is the line.
local LEFT, RIGHT, Y, R = 0.24, 0.76, 0.68, 0.1
local CX, CY, ARC, HALF = 0.5, 0.56, 0.2864, 0.035

--- The logo as an image.
---@param size integer pixels
---@return orowan.tensor image size x size x 4, u8
function logo.image(size)
  local n = size * 4
  local axis = (core.create.arange(0, n - 1):to "f64" + 0.5) / n
  local x, y = axis:reshape { 1, n }:broadcast_to { n, n }, axis:reshape { n, 1 }:broadcast_to { n, n }
  local function within(f) return f:lt(0):to "f64" end
  local function disc(cx, cy, r) return within(((x - cx) ^ 2 + (y - cy) ^ 2):sqrt() - r) end
  local ring = within((((x - CX) ^ 2 + (y - CY) ^ 2):sqrt() - ARC):abs() - HALF)
  local above = within(y - Y)
  local legs = within((y - Y):abs() - HALF) * (1 - within((x - 0.5):abs() - 0.26)) * within((x - 0.5):abs() - 0.46)
  local line = core.ops.maximum(ring * above, legs)
  local dots = core.ops.maximum(disc(LEFT, Y, R), disc(RIGHT, Y, R))
  local function smooth(t) return t:reshape { size, 4, size, 4 }:mean(4):mean(2) end
  local ink, dot = smooth(line * (1 - dots)), smooth(dots)
  local alpha = core.ops.maximum(smooth(core.ops.maximum(line, dots)), 1e-9)
  local function channel(a, b) return (ink * a + dot * b) / alpha end
  local parts = { channel(11, 29), channel(92, 35), channel(138, 41), alpha * 255 }
  for k, p in ipairs(parts) do parts[k] = p:clip(0.0, 255.0):round():to "u8" end
  return core.index.stack(parts, 3)
end

--- The logo as SVG text.
---@return string
function logo.svg()
  local rise = math.sqrt(ARC ^ 2 - (Y - CY) ^ 2)
  return ([[<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
<path d="M4 %g H%g A%g %g 0 1 1 %g %g H96" fill="none" stroke="#0b5c8a" stroke-width="%g"/>
<circle cx="%g" cy="%g" r="%g" fill="#1d2329"/><circle cx="%g" cy="%g" r="%g" fill="#1d2329"/>
</svg>
]]):format(100 * Y, 100 * (CX - rise), 100 * ARC, 100 * ARC, 100 * (CX + rise), 100 * Y, 200 * HALF,
    100 * LEFT, 100 * Y, 100 * R, 100 * RIGHT, 100 * Y, 100 * R)
end

return logo
