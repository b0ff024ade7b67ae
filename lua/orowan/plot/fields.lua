--- Charts of fields, groups and three components: image, contour, box, violin, 3-D scatter,
--- ternary map. Adds its methods to the axes of marks.lua.
local core = require "orowan.core"
local numbers = require "orowan.plot.numbers"
local style = require "orowan.plot.style"
local Axes = require "orowan.plot.marks"

local h = Axes._helpers
local options_of, check_options, number_option, col, need_values = h.options_of, h.check_options, h.number_option, h.col, h.need_values
local floor, min, max, abs = math.floor, math.min, math.max, math.abs

local function span(lo, hi)
  return { min = min(lo, hi), max = max(lo, hi), minpos = min(lo, hi) > 0 and min(lo, hi) or max(lo, hi) > 0 and max(lo, hi) or math.huge,
    missing = 0, nonpos = min(lo, hi) > 0 and 0 or 1 }
end

local function pack_points(fn, xs, ys)
  local data, rows = core.plot.pack(fn, { "x", xs, "y", ys })
  return data, rows
end

-- Centres of n pixels from {first, last}, an evenly spaced array, or nothing (1..n).
local function even(fn, name, v, n)
  if v == nil then return 1, 1, n end
  local t = numbers.finite(fn, name, v)
  if #t ~= n and not (#t == 2 and n > 2) then
    error(("%s: %s: expected {first, last} or %d values, got %d"):format(fn, name, n, #t), 0)
  end
  local first, last = t[1], t[#t]
  if first == last and n > 1 then error(("%s: %s: all values are equal"):format(fn, name), 0) end
  local step = n > 1 and (last - first) / (n - 1) or 1
  if #t == n then
    for i, x in ipairs(t) do
      if abs(x - first - (i - 1) * step) > 1e-6 * abs(last - first) then
        error(("%s: %s: expected even spacing, value %d is off"):format(fn, name, i), 0)
      end
    end
  end
  return first, step, last
end

--- An image or heat map. Rows run downwards from the top like a picture, unless `y` or origin =
--- "bottom" says where they lie. NaN stays white. H x W x 3 is drawn as RGB (0..255).
---@param t orowan.tensor|number[][] H x W values, or H x W x 3
---@param o? {x: number[]|orowan.tensor, y: number[]|orowan.tensor, origin: string, colorbar: boolean|string, label: string, palette: string, range: number[], log: boolean, aspect: string} x, y: {first, last} or evenly spaced centres; colorbar or label: text beside the bar, false: none; palette viridis cividis magma diverging grey (_r reversed); range {low, high} of the colours; log: logarithmic colours
---@return orowan.axes self
function Axes:image(t, o)
  local fn = "plot.image"
  o = options_of(fn, o)
  check_options(fn, o, "x y origin colorbar label palette range log aspect")
  self:_kind(fn, "2-D")
  local data, H, W, channels, r = core.plot.image(fn, t)
  local x0, dx, x1 = even(fn, "x", o.x, W)
  local y0, dy, y1 = even(fn, "y", o.y, H)
  if dx < 0 then error(fn .. ": x: expected ascending values", 0) end
  if dy < 0 then  -- rows the other way round
    local row, rows = #data // H, {}
    for i = H, 1, -1 do rows[#rows + 1] = data:sub((i - 1) * row + 1, i * row) end
    data, y0, dy, y1 = table.concat(rows), y1, -dy, y0
  end
  local origin = o.origin or (o.y == nil and "top" or "bottom")
  if origin ~= "top" and origin ~= "bottom" then error(fn .. ': origin: expected "top" or "bottom"', 0) end
  local xs, ys = span(x0 - dx / 2, x1 + dx / 2), span(y0 - dy / 2, y1 + dy / 2)
  if origin == "top" and self.props.yrange == nil then self.auto.flip = true end
  if o.aspect == "equal" or (o.aspect == nil and o.x == nil and o.y == nil) then self.equal = true end
  self.frame, self.no_grid = true, true
  if channels == 1 then
    local label = o.label
    if type(o.colorbar) == "string" or o.colorbar == false then label = o.colorbar end
    self:_palette(fn, { palette = o.palette, range = o.range, log = o.log, colorbar = label }, r, "image")
  end
  return self:_add {
    fn = fn, x = { col("x", xs) }, y = { col("y", ys) }, tight = true, field = true, samples = { {}, {} },
    elements = { { data = data, array = { W, H }, format = channels == 1 and "%double" or "%uchar%uchar%uchar",
      origin = ("%.17g,%.17g"):format(x0, y0), dx = dx, dy = dy, using = channels == 1 and "1" or "1:2:3",
      with = channels == 1 and "image" or "rgbimage" } },
  }
end

--- Contour lines (marching squares) of values on a grid.
---@param z orowan.tensor|number[][] H x W values; NaN: no lines through its cells
---@param o? {levels: integer|number[], x: orowan.tensor|number[], y: orowan.tensor|number[], color: string|integer, width: number, dash: string, label: string, palette: string, colorbar: boolean|string, origin: string} levels: count (8) or values; x (W), y (H): ascending places; color: one for all lines, else by level
---@return orowan.axes self
function Axes:contour(z, o)
  local fn = "plot.contour"
  o = options_of(fn, o)
  check_options(fn, o, "levels x y color width dash label palette colorbar origin")
  self:_kind(fn, "2-D")
  local _, H, W, channels, r = core.plot.image(fn, z)
  if channels ~= 1 then error(fn .. ": z: expected height x width", 0) end
  if r.min > r.max then error(fn .. ": z: has no finite value", 0) end
  local function places(name, v, n)
    if v == nil then
      local t = {}
      for i = 1, n do t[i] = i end
      return t
    end
    local t = numbers.finite(fn, name, v)
    if #t == 2 and n > 2 then
      local a, b = t[1], t[2]
      for i = 1, n do t[i] = a + (b - a) * (i - 1) / (n - 1) end
    end
    if #t ~= n then error(("%s: %s: expected %d values, got %d"):format(fn, name, n, #t), 0) end
    return t
  end
  local x, y = places("x", o.x, W), places("y", o.y, H)
  local levels = o.levels or 8
  if math.type(levels) == "integer" then
    if levels < 1 or levels > 200 then error(("%s: levels: expected 1 to 200, got %d"):format(fn, levels), 0) end
    local n = levels
    levels = {}
    for i = 1, n do levels[i] = r.min + (r.max - r.min) * i / (n + 1) end
  else
    levels = numbers.finite(fn, "levels", levels)
  end
  local with = ("lines lw %g dt %s lc %s"):format(number_option(fn, o, "width", 1.5, 0.1, 50), h.dash_of(fn, o),
    o.color and style.rgb(style.colour(fn, o.color)) or "palette")
  local elements = {}
  for _, level in ipairs(levels) do
    local data, points = core.plot.contour(fn, z, x, y, level)
    if points > 0 then
      elements[#elements + 1] = { data = data, rows = points, cols = 2, with = with, title = #elements == 0 and o.label or nil,
        using = o.color and "1:2" or ("1:2:(%.17g)"):format(level) }
    end
  end
  if not o.color then
    table.sort(levels)
    self:_palette(fn, { palette = o.palette, colorbar = o.colorbar }, span(levels[1], levels[#levels]), "z")
  end
  if (o.origin or (o.y == nil and "top" or "bottom")) == "top" and self.props.yrange == nil then self.auto.flip = true end
  if o.x == nil and o.y == nil then self.equal = true end
  self.frame, self.no_grid = true, true
  return self:_add { fn = fn, x = { col("x", span(x[1], x[W])) }, y = { col("y", span(y[1], y[H])) }, tight = true, field = true, samples = { {}, {} },
    elements = elements }
end

-- ---- groups --------------------------------------------------------------------------------

-- Values of each group with its place and colour; names become the ticks of the x axis.
local function groups_of(self, fn, groups, o)
  if core.tensor.is_tensor(groups) or type(groups) ~= "table" or type(groups[1]) == "number" then groups = { groups } end
  if #groups == 0 then error(fn .. ": groups: expected a table of at least one table or tensor", 0) end
  if o.labels ~= nil and (type(o.labels) ~= "table" or #o.labels ~= #groups) then
    error(("%s: labels: expected %d, one for each group, got %s"):format(fn, #groups, type(o.labels) == "table" and #o.labels or type(o.labels)), 0)
  end
  local ticks, list = {}, {}
  for i, g in ipairs(groups) do
    local name = o.labels and o.labels[i] or i
    ticks[i] = { value = i, label = tostring(name), plain = true }
    list[i] = { v = numbers.finite(fn, "group " .. i, g), at = i,
      colour = style.colour(fn, type(o.color) == "table" and o.color[i] or type(o.color) ~= "table" and o.color or i) }
  end
  self.fixed_ticks = { x = ticks }
  return list
end

local function closed(fn, xs, ys, colour, alpha)
  local data, rows = pack_points(fn, xs, ys)
  return { data = data, rows = rows, cols = 2, using = "<1>:{2}",
    with = ("filledcurves closed lc %s lw 1.2 fs transparent solid %.3g border lc %s"):format(style.rgb(colour), alpha, style.rgb(colour)) }
end

local function stroke(fn, xs, ys, colour, width)
  local data, rows = pack_points(fn, xs, ys)
  return { data = data, rows = rows, cols = 2, using = "1:2", with = ("lines lw %g lc %s"):format(width, style.rgb(colour)) }
end

local function group_mark(self, fn, list, elements, lo, hi)
  local x = span(0.4, #list + 0.6)
  x.nonpos = 0
  local mid = {}
  local y = span(lo, hi)
  local s = { {}, {} }
  for i, g in ipairs(list) do
    for k = 1, #g.v, max(1, #g.v // 60) do s[1][#s[1] + 1], s[2][#s[2] + 1] = i, g.v[k] end
    mid[i] = i
  end
  self.no_x_minor = true
  return self:_add { fn = fn, x = { col("group", x) }, y = { col("values", y) }, samples = s, elements = elements, tight_x = true }
end

--- Box plots: median, quartiles, whiskers at the outermost values within 1.5 interquartile
--- ranges, outliers as points.
---@param groups (orowan.tensor|number[])[] one array for each group; NaN and infinity are left out
---@param o? {labels: string[], color: string|integer|table, width: number, outliers: boolean} color: one, or one for each group; width: of a box, in groups (0.5)
---@return orowan.axes self
function Axes:box(groups, o)
  local fn = "plot.box"
  o = options_of(fn, o)
  check_options(fn, o, "labels color width outliers")
  self:_kind(fn, "2-D")
  local list, half = groups_of(self, fn, groups, o), number_option(fn, o, "width", 0.5, 0.05, 1) / 2
  local elements, lo, hi = {}, math.huge, -math.huge
  for _, g in ipairs(list) do
    local b, x, c = numbers.box_statistics(g.v), g.at, g.colour
    local nan = 0 / 0
    elements[#elements + 1] = stroke(fn, { x, x, nan, x, x, nan, x - half / 2, x + half / 2, nan, x - half / 2, x + half / 2 },
      { b.low, b.q1, nan, b.q3, b.high, nan, b.low, b.low, nan, b.high, b.high }, c, 1.5)
    elements[#elements + 1] = closed(fn, { x - half, x + half, x + half, x - half, x - half }, { b.q1, b.q1, b.q3, b.q3, b.q1 }, c, 0.35)
    elements[#elements + 1] = stroke(fn, { x - half, x + half }, { b.median, b.median }, c, 3)
    lo, hi = min(lo, b.low), max(hi, b.high)
    if #b.outliers > 0 and o.outliers ~= false then
      local data, rows = core.plot.pack(fn, { "x", x, "outliers", b.outliers })
      elements[#elements + 1] = { data = data, rows = rows, cols = 2, using = "1:2",
        with = ("points pt 6 ps %s lc %s"):format(h.size_of(5), style.rgb(c)) }
      lo, hi = min(lo, b.outliers[1]), max(hi, b.outliers[#b.outliers])
    end
  end
  return group_mark(self, fn, list, elements, lo, hi)
end

--- Violins: Gaussian kernel density of each group, mirrored, with its quartiles and median.
--- All violins have the same widest place, so that shapes compare, not counts.
---@param groups (orowan.tensor|number[])[] one array for each group; NaN and infinity are left out
---@param o? {labels: string[], color: string|integer|table, width: number, bandwidth: number, points: integer} width in groups (0.8); bandwidth in units of the values (Silverman's rule)
---@return orowan.axes self
function Axes:violin(groups, o)
  local fn = "plot.violin"
  o = options_of(fn, o)
  check_options(fn, o, "labels color width bandwidth points")
  self:_kind(fn, "2-D")
  local list, half = groups_of(self, fn, groups, o), number_option(fn, o, "width", 0.8, 0.05, 1) / 2
  local elements, lo, hi = {}, math.huge, -math.huge
  for _, g in ipairs(list) do
    local b, x, c = numbers.box_statistics(g.v), g.at, g.colour
    local at, density = numbers.density(g.v, { bandwidth = o.bandwidth, points = o.points })
    if at then
      local peak = max(table.unpack(density))
      local xs, ys, n = {}, {}, #at
      for i = 1, n do
        xs[i], ys[i] = x - half * density[i] / peak, at[i]
        xs[2 * n + 1 - i], ys[2 * n + 1 - i] = x + half * density[i] / peak, at[i]
      end
      elements[#elements + 1] = closed(fn, xs, ys, c, 0.35)
      lo, hi = min(lo, at[1]), max(hi, at[n])
    else
      elements[#elements + 1] = stroke(fn, { x - half, x + half }, { b.median, b.median }, c, 3)
    end
    elements[#elements + 1] = closed(fn, { x - 0.02, x + 0.02, x + 0.02, x - 0.02, x - 0.02 }, { b.q1, b.q1, b.q3, b.q3, b.q1 }, c, 1)
    local data, rows = pack_points(fn, { x }, { b.median })
    elements[#elements + 1] = { data = data, rows = rows, cols = 2, using = "1:2", with = ('points pt 7 ps %s lc rgb "white"'):format(h.size_of(5)) }
    lo, hi = min(lo, b.low), max(hi, b.high)
  end
  return group_mark(self, fn, list, elements, lo, hi)
end

-- ---- three dimensions ----------------------------------------------------------------------

--- Points in space; with an array as `color` they are coloured by value.
---@param x orowan.tensor|number[] N values
---@param y orowan.tensor|number[] N values
---@param z orowan.tensor|number[] N values
---@param o? {label: string, color: string|integer|orowan.tensor|number[], size: number, marker: string, alpha: number, palette: string, colorbar: boolean|string, range: number[], log: boolean, joined: boolean} joined: a line through the points, NaN a gap
---@return orowan.axes self
function Axes:scatter3d(x, y, z, o)
  local fn = "plot.scatter3d"
  o = options_of(fn, o)
  check_options(fn, o, "label color size marker alpha palette colorbar range log joined")
  self:_kind(fn, "3-D")
  local by_value = h.is_array(o.color)
  local columns = { "x", x, "y", y, "z", z }
  if by_value then columns[7], columns[8] = "color", o.color end
  local data, rows, r = core.plot.pack(fn, columns)
  need_values(fn, r, { "x", "y", "z" })
  local px = number_option(fn, o, "size", rows > 5000 and 2.5 or rows > 500 and 4.5 or 7, 0.1, 200)
  local with = o.joined and "lines lw 2" or ("points pt %d ps %s"):format(h.marker_of(fn, o), h.size_of(px))
  if by_value then self:_palette(fn, o, r[4], "color") end
  with = with .. " lc " .. (by_value and "palette" or style.rgb(self:_colour(fn, o), number_option(fn, o, "alpha", 1, 0, 1)))
  return self:_add { fn = fn, x = { col("x", r[1]) }, y = { col("y", r[2]) }, z = { col("z", r[3]) }, samples = { {}, {} },
    elements = { { data = data, rows = rows, cols = #columns // 2, using = "(U($1,$2,$3)):(V($1,$2,$3))" .. (by_value and ":4" or ""), with = with, title = o.label } } }
end

-- ---- ternary -------------------------------------------------------------------------------

local root3 = 3 ^ 0.5

-- Fractions (a, b, c) to the plane: a at the top, b at the left, c at the right.
local function project(a, c) return c + a / 2, a * root3 / 2 end

-- Nearest sample of every pixel of the triangle, found through a grid of buckets.
local function nearest_map(px, py, v, size)
  local n = #px
  local m = max(1, floor((n / 2) ^ 0.5))
  local buckets = {}
  local function cell(x) return min(m - 1, max(0, floor(x * m))) end
  for i = 1, n do
    local k = cell(py[i]) * m + cell(px[i])
    buckets[k] = buckets[k] or {}
    table.insert(buckets[k], i)
  end
  local rows, nan = {}, 0 / 0
  local height = floor(size * root3 / 2 + 0.5)
  for j = 1, height do
    local y = (j - 0.5) / size
    local row = {}
    for i = 1, size do
      local x = (i - 0.5) / size
      local a = y * 2 / root3
      local c = x - a / 2
      if a > 1 or c < 0 or a + c > 1 then row[i] = nan
      else
        local bx, by, best, who, ring = cell(x), cell(y), math.huge, nil, 0
        while ring <= m and (not who or ((ring - 1) / m) ^ 2 <= best) do
          for q = max(by - ring, 0), min(by + ring, m - 1) do
            local edge = q == by - ring or q == by + ring
            for p = max(bx - ring, 0), min(bx + ring, m - 1), 1 do
              if edge or p == bx - ring or p == bx + ring then
                for _, k in ipairs(buckets[q * m + p] or {}) do
                  local d = (px[k] - x) ^ 2 + (py[k] - y) ^ 2
                  if d < best then best, who = d, k end
                end
              end
            end
          end
          ring = ring + 1
        end
        row[i] = v[who]
      end
    end
    rows[j] = row
  end
  return rows, height
end

local function ternary_frame(fn, labels, axes)
  local elements, grid, nan = {}, { {}, {} }, 0 / 0
  local function segment(t, x0, y0, x1, y1)
    for i, x in ipairs { x0, x1, nan } do t[1][#t[1] + 1] = x; t[2][#t[2] + 1] = ({ y0, y1, nan })[i] end
  end
  local function text(x, y, s, align, o) o = o or {}; o.align = align; axes:text(x, y, s, o) end
  local ticks = { {}, {} }
  for k = 1, 4 do
    local f = k / 5
    local x0, y0 = project(f, 0)      -- a = f: from the left side to the right side
    local x1, y1 = project(f, 1 - f)
    segment(grid, x0, y0, x1, y1)
    segment(ticks, x1, y1, x1 + 0.018, y1)
    text(x1 + 0.03, y1, ("%g"):format(f), "left")
    x0, y0 = project(1 - f, 0)        -- b = f
    x1, y1 = project(0, 1 - f)
    segment(grid, x0, y0, x1, y1)
    segment(ticks, x0, y0, x0 - 0.009, y0 + 0.0156)
    text(x0 - 0.02, y0 + 0.03, ("%g"):format(f), "right")
    x0, y0 = project(0, f)            -- c = f
    x1, y1 = project(1 - f, f)
    segment(grid, x0, y0, x1, y1)
    segment(ticks, x0, y0, x0 - 0.009, y0 - 0.0156)
    text(x0 - 0.012, y0 - 0.042, ("%g"):format(f), "center")
  end
  text(0.5, root3 / 2 + 0.055, labels[1], "center")
  text(-0.02, -0.055, labels[2], "right")
  text(1.02, -0.055, labels[3], "left")
  elements[1] = stroke(fn, grid[1], grid[2], "#d0d0d0", 0.6)
  elements[2] = stroke(fn, ticks[1], ticks[2], "#303030", 1)
  elements[3] = stroke(fn, { 0, 1, 0.5, 0 }, { 0, 0, root3 / 2, 0 }, "#303030", 1.3)
  return elements
end

--- A ternary map: samples of three fractions, coloured by value. The fractions are divided by
--- their sum; negative ones and a sum of 0 are refused.
---@param a orowan.tensor|number[] N parts of the top corner
---@param b orowan.tensor|number[] N parts of the left corner
---@param c orowan.tensor|number[] N parts of the right corner
---@param values? orowan.tensor|number[] N values; nil: plain points
---@param o? {labels: string[], fill: boolean, size: number, marker: string, palette: string, colorbar: boolean|string, range: number[], log: boolean, label: string, color: string|integer} labels of the corners a, b, c; fill: each place takes the colour of the nearest sample
---@return orowan.axes self
function Axes:ternary(a, b, c, values, o)
  local fn = "plot.ternary"
  o = options_of(fn, o)
  check_options(fn, o, "labels fill size marker palette colorbar range log label color")
  self:_kind(fn, "ternary")
  local labels = o.labels or { "a", "b", "c" }
  if type(labels) ~= "table" or #labels ~= 3 then error(fn .. ": labels: expected the names of three corners", 0) end
  local columns = { "a", a, "b", b, "c", c }
  if values ~= nil then columns[7], columns[8] = "values", values end
  local data, rows, r = core.plot.pack(fn, columns)
  local px, py, v = {}, {}, {}
  for i = 0, rows - 1 do
    local fa, fb, fc, fv
    if values ~= nil then fa, fb, fc, fv = string.unpack("<dddd", data, i * 32 + 1)
    else fa, fb, fc = string.unpack("<ddd", data, i * 24 + 1) end
    local sum = fa + fb + fc
    local eps = -1e-9 * abs(sum)  -- 1 - a - b is rarely exactly 0
    if fa < eps or fb < eps or fc < eps or sum == 0 then
      error(("%s: sample %d (%g, %g, %g): expected fractions of 0 or more with a sum above 0"):format(fn, i + 1, fa, fb, fc), 0)
    end
    if sum == sum and (values == nil or fv == fv) then
      local k = #px + 1
      px[k], py[k] = project(fa / sum, fc / sum)
      v[k] = fv
    end
  end
  if #px == 0 then error(fn .. ": has no finite sample", 0) end
  local marker = h.marker_of(fn, o)
  local elements = {}
  if values ~= nil then self:_palette(fn, o, r[4], "values") end
  if values ~= nil and o.fill then
    local size = 400
    local map, height = nearest_map(px, py, v, size)
    local image = core.plot.image(fn, map)
    elements[1] = { data = image, array = { size, height }, format = "%double", origin = ("%.17g,%.17g"):format(0.5 / size, 0.5 / size),
      dx = 1 / size, dy = 1 / size, using = "1", with = "image" }
  end
  if not self.has_triangle then
    self.has_triangle = true
    for _, e in ipairs(ternary_frame(fn, labels, self)) do elements[#elements + 1] = e end
  end
  if not (values ~= nil and o.fill) then
    local size = h.size_of(number_option(fn, o, "size", #px > 500 and 4.5 or 8, 0.1, 200))
    local points, n = core.plot.pack(fn, values ~= nil and { "x", px, "y", py, "v", v } or { "x", px, "y", py })
    elements[#elements + 1] = { data = points, rows = n, cols = values ~= nil and 3 or 2, using = values ~= nil and "1:2:3" or "1:2",
      with = ("points pt %d ps %s lc %s"):format(marker, size, values ~= nil and "palette" or style.rgb(self:_colour(fn, o))), title = o.label }
  end
  return self:_add { fn = fn, x = { col("x", span(-0.1, 1.1)) }, y = { col("y", span(-0.1, root3 / 2 + 0.09)) }, tight = true,
    samples = { {}, {} }, elements = elements }
end

return Axes
