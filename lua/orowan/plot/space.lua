--- Axes in space: an orthographic view of a box, drawn on the plane. Floor and the two walls
--- behind carry the grid; ticks stand along the edges in front.
---
--- With X, Y, Z in the box (-1/2..1/2, the height 0.8 of it), tilt t from the vertical and turn
--- f about it: right = X cos f + Y sin f, up = (Y cos f - X sin f) cos t + Z sin t.
local style = require "orowan.plot.style"

local space = {}

local height = 0.8

local function view_of(ax)
  local v = ax.props.view or {}
  local tilt, turn = math.rad(v[1] or 64), math.rad(v[2] or 32)
  return { ct = math.cos(tilt), st = math.sin(tilt), cf = math.cos(turn), sf = math.sin(turn) }
end

local function project(w, x, y, z)
  z = z * height
  return x * w.cf + y * w.sf, (y * w.cf - x * w.sf) * w.ct + z * w.st
end

--- The plane's ranges that hold the box.
---@param ax orowan.axes
---@return table x
---@return table y
function space.ranges(ax)
  local w = view_of(ax)
  local x0, x1, y0, y1 = math.huge, -math.huge, math.huge, -math.huge
  for i = 0, 7 do
    local u, v = project(w, i % 2 - 0.5, i // 2 % 2 - 0.5, i // 4 - 0.5)
    x0, x1, y0, y1 = math.min(x0, u), math.max(x1, u), math.min(y0, v), math.max(y1, v)
  end
  return { lo = x0, hi = x1 }, { lo = y0, hi = y1 }
end

local function inside(r, v)
  if r.log then return math.log(v / r.lo) / math.log(r.hi / r.lo) - 0.5 end
  return (v - r.lo) / (r.hi - r.lo) - 0.5
end

-- gnuplot's expression for a coordinate of the box.
local function expression(r, name, num)
  if r.log then return ("(log(%s/%s)/%s-0.5)"):format(name, num(r.lo), num(math.log(r.hi / r.lo))) end
  return ("((%s-%s)/%s-0.5)"):format(name, num(r.lo), num(r.hi - r.lo))
end

--- Commands that draw box, grid, ticks and labels and define U(x,y,z), V(x,y,z).
---@param s table script with add
---@param p table panel
---@param num fun(v: number): string
function space.frame(s, p, num)
  local w, fs, props = view_of(p.ax), p.fs, p.ax.props
  local unit = (p.px.hi - p.px.lo) / (p.x1 - p.x0)  -- of the plane, in a px
  local xb, yb = w.sf > 0 and -0.5 or 0.5, w.cf > 0 and 0.5 or -0.5
  local zb = w.ct >= 0 and -0.5 or 0.5
  s:add("unset border")
  s:add("unset xtics")
  s:add("unset ytics")
  s:add("set xrange [%s:%s] noextend", num(p.px.lo), num(p.px.hi))
  s:add("set yrange [%s:%s] noextend", num(p.py.lo), num(p.py.hi))
  local X, Y, Z = expression(p.x, "x", num), expression(p.y, "y", num), expression(p.z, "z", num)
  s:add("U(x,y,z) = %s*%s + %s*%s", X, num(w.cf), Y, num(w.sf))
  s:add("V(x,y,z) = (%s*%s - %s*%s)*%s + %s*%s", Y, num(w.cf), X, num(w.sf), num(w.ct), Z, num(height * w.st))
  local function line(a, b, colour, width, layer)
    local ax, ay = project(w, a[1], a[2], a[3])
    local bx, by = project(w, b[1], b[2], b[3])
    s:add('set arrow from first %s,%s to first %s,%s nohead lt 1 lw %g lc rgb "%s" %s', num(ax), num(ay), num(bx), num(by), width, colour, layer or "back")
  end
  local function text(str, x, y, how) s:add("set label %s at first %s,%s %s", str, num(x), num(y), how) end
  -- outward directions on the plane
  local function outward(dx, dy)
    local u, v = project(w, dx, dy, 0)
    local n = (u * u + v * v) ^ 0.5
    if n < 1e-6 then return 0, -1 end
    return u / n, v / n
  end
  local ox, oy = {}, {}
  ox[1], oy[1] = outward(0, -yb)
  ox[2], oy[2] = outward(-xb, 0)
  local edges = {  -- where the ticks of each axis stand: a point for a coordinate
    function(c) return c, -yb, zb end,
    function(c) return -xb, c, zb end,
    nil,
  }
  local u1 = project(w, xb, -yb, 0)
  local u2 = project(w, -xb, yb, 0)
  local zx, zy = xb, -yb
  if u2 < u1 then zx, zy = -xb, yb end
  edges[3] = function(c) return zx, zy, c end
  ox[3], oy[3] = -1, 0
  local grey, dark = "#e0e0e0", "#707070"
  for a, name in ipairs { "x", "y", "z" } do
    local r, widest = p[name], 0
    for _, t in ipairs(p[name .. "ticks"]) do
      local c = inside(r, t.value)
      if not t.minor and c >= -0.5 - 1e-9 and c <= 0.5 + 1e-9 then
        if a == 1 then line({ c, -0.5, zb }, { c, 0.5, zb }, grey, 0.8) line({ c, yb, -0.5 }, { c, yb, 0.5 }, grey, 0.8)
        elseif a == 2 then line({ -0.5, c, zb }, { 0.5, c, zb }, grey, 0.8) line({ xb, c, -0.5 }, { xb, c, 0.5 }, grey, 0.8)
        else line({ -0.5, yb, c }, { 0.5, yb, c }, grey, 0.8) line({ xb, -0.5, c }, { xb, 0.5, c }, grey, 0.8) end
        local u, v = project(w, edges[a](c))
        local d = 6 * unit
        s:add('set arrow from first %s,%s to first %s,%s nohead lt 1 lw 1 lc rgb "%s" back', num(u), num(v), num(u + ox[a] * d), num(v + oy[a] * d), dark)
        local width = style.width(t.label, true)
        widest = math.max(widest, width)
        d = (0.75 * fs + 4) * unit
        local align = a == 3 and "right" or ox[a] > 0.35 and "left" or ox[a] < -0.35 and "right" or "center"
        text(style.tick(t.label, p.markup or not t.plain), u + ox[a] * d * (a == 3 and 0.8 or 1), v + oy[a] * d - (a < 3 and 0.2 * fs * unit or 0),
          ('%s font ",%.4g" tc rgb "#303030"'):format(align, 0.85 * fs))
      end
    end
    local label, e = props[name .. "label"], p[name .. "exp"]
    local shown = label and style.text(label, p.markup)
    if e then  -- our own factor is markup even where the label is not
      local factor = style.text(" (×10^{" .. tostring(e):gsub("%-", "−") .. "})", true)
      shown = shown and shown:sub(1, -2) .. factor:sub(2) or factor
    end
    if shown then
      local u, v = project(w, edges[a](0))
      local d = (a == 3 and (0.85 * widest + 1.9) * fs or (math.abs(ox[a]) * 0.85 * widest + 2.4) * fs) * unit
      local how = a == 3 and "center rotate by 90" or ox[a] > 0.35 and "left" or ox[a] < -0.35 and "right" or "center"
      if a ~= 3 then d = (a == 1 and 3.1 or 2.6) * fs * unit end
      text(shown, u + ox[a] * d + (a == 2 and 0.85 * widest * fs * unit * math.abs(ox[a]) * 0.4 or 0), v + oy[a] * d, ('%s font ",%.4g"'):format(how, fs))
    end
  end
  for _, c in ipairs { -0.5, 0.5 } do  -- edges of floor and back walls
    line({ c, -0.5, zb }, { c, 0.5, zb }, dark, 1)
    line({ -0.5, c, zb }, { 0.5, c, zb }, dark, 1)
    line({ -0.5, yb, c }, { 0.5, yb, c }, dark, 1)
    line({ xb, -0.5, c }, { xb, 0.5, c }, dark, 1)
  end
  line({ xb, yb, -0.5 }, { xb, yb, 0.5 }, dark, 1)
  line({ -xb, yb, -0.5 }, { -xb, yb, 0.5 }, dark, 1)
  line({ xb, -yb, -0.5 }, { xb, -yb, 0.5 }, dark, 1)
end

return space
