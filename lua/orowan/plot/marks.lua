--- What can be drawn: each method turns its data into packed columns with their ranges and
--- says how gnuplot is to draw them. Nothing of the user's is referred to afterwards, so a
--- figure is a value.
---
--- A mark: { fn, elements = { element... }, x = { column... }, y = { column... }, samples }
--- An element: { data, rows, cols, using, with, title }; in `using`, {k} is column k held above
--- the lower end of a logarithmic y axis, <k> the same for x.
local core = require "orowan.core"
local numbers = require "orowan.plot.numbers"
local style = require "orowan.plot.style"

---@class orowan.axes
local Axes = {}
Axes.__index = Axes

local is_tensor = core.tensor.is_tensor

-- ---- helpers -------------------------------------------------------------------------------

local function options_of(fn, o)
  if o ~= nil and (type(o) ~= "table" or o[1] ~= nil) then
    error(fn .. ": options: expected a table of named options, got " .. (type(o) == "table" and "a list" or type(o)), 0)
  end
  return o or {}
end

-- Refuses misspelt options, which would otherwise be ignored in silence.
local function check_options(fn, o, allowed)
  for k in pairs(o) do
    if not (" " .. allowed .. " "):find(" " .. tostring(k) .. " ", 1, true) then
      error(("%s: no option %q (there are: %s)"):format(fn, tostring(k), allowed), 0)
    end
  end
end

local function number_option(fn, o, name, default, lo, hi)
  local v = o[name]
  if v == nil then return default end
  if type(v) ~= "number" or not (v >= lo and v <= hi) then
    error(("%s: %s: expected a number from %g to %g, got %s"):format(fn, name, lo, hi, tostring(v)), 0)
  end
  return v
end

local dashes = { solid = "1", dashed = "2", dotted = "3", dashdot = "4", longdash = "(22,12)" }
local function dash_of(fn, o)
  local d = o.dash or "solid"
  if not dashes[d] then error(('%s: dash: expected solid, dashed, dotted, dashdot or longdash, got "%s"'):format(fn, tostring(d)), 0) end
  return dashes[d]
end

local markers = { circle = 7, square = 5, triangle = 9, down = 11, diamond = 13, plus = 1, cross = 2, star = 3, point = 0,
  open_circle = 6, open_square = 4, open_triangle = 8, open_diamond = 12 }
local function marker_of(fn, o, default)
  local m = o.marker or default or "circle"
  if not markers[m] then
    error(('%s: marker: expected circle square triangle down diamond plus cross star point open_circle open_square open_triangle open_diamond, got "%s"')
      :format(fn, tostring(m)), 0)
  end
  return markers[m]
end

-- A marker of `px` pixels across: gnuplot's size 1 is about 7 of them.
local function size_of(px) return ("%.3g"):format(px / 7) end

local function is_array(v) return is_tensor(v) or (type(v) == "table" and (v[1] ~= nil or next(v) == nil)) end

local function index_column(v)
  local n = is_tensor(v) and v:shape()[1] or #v
  local t = {}
  for i = 1, n do t[i] = i end
  return t
end

-- x may be left out: then it is 1, 2, 3, ...
local function xy_arguments(fn, x, y, o)
  if not is_array(x) then error(fn .. ": x: expected a table or 1-D tensor of numbers, got " .. type(x), 0) end
  if not is_array(y) and (y == nil or type(y) == "table") and o == nil then x, y, o = index_column(x), x, y end
  if not is_array(y) then error(fn .. ": y: expected a table or 1-D tensor of numbers, got " .. type(y), 0) end
  return x, y, options_of(fn, o)
end

local function sample(data, rows, cols, cx, cy, limit)
  local xs, ys, width = {}, {}, cols * 8
  local step = math.max(1, rows // (limit or 3000))
  for i = 0, rows - 1, step do
    local x = string.unpack("<d", data, i * width + (cx - 1) * 8 + 1)
    local y = string.unpack("<d", data, i * width + (cy - 1) * 8 + 1)
    xs[#xs + 1], ys[#ys + 1] = x, y
  end
  return { xs, ys }
end

local function need_values(fn, ranges, names)
  for i, name in ipairs(names) do
    if ranges[i] and ranges[i].min > ranges[i].max then
      error(("%s: %s: has no finite value"):format(fn, name), 0)
    end
  end
end

local function col(name, range, clip) return { name = name, range = range, clip = clip } end

function Axes:_add(mark)
  self.marks[#self.marks + 1] = mark
  return self
end

function Axes:_colour(fn, o)
  if o.color ~= nil then return style.colour(fn, o.color) end
  self.cycle = self.cycle + 1
  return style.colour(fn, self.cycle)
end

function Axes:_kind(fn, kind)
  if self.kind and self.kind ~= kind then
    error(("%s: these axes already hold %s marks; use other axes of the figure"):format(fn, self.kind), 0)
  end
  self.kind = kind
end

-- ---- points and lines ----------------------------------------------------------------------

--- A line through points; NaN leaves a gap.
---@param x orowan.tensor|number[] N values; left out: 1, 2, 3, ...
---@param y orowan.tensor|number[] N values
---@param o? {label: string, color: string|integer, width: number, dash: string, alpha: number, marker: string, size: number, steps: boolean} width, size in px; dash solid dashed dotted dashdot longdash; steps: constant until the next x
---@return orowan.axes self
function Axes:line(x, y, o)
  local fn = "plot.line"
  x, y, o = xy_arguments(fn, x, y, o)
  check_options(fn, o, "label color width dash alpha marker size steps")
  self:_kind(fn, "2-D")
  local data, rows, r = core.plot.pack(fn, { "x", x, "y", y })
  need_values(fn, r, { "x", "y" })
  local colour = style.rgb(self:_colour(fn, o), number_option(fn, o, "alpha", 1, 0, 1))
  local with = ("%s lc %s lw %g dt %s"):format(o.steps and "steps" or o.marker and "linespoints" or "lines", colour,
    number_option(fn, o, "width", 2, 0.1, 50), dash_of(fn, o))
  if o.marker then with = with .. (" pt %d ps %s"):format(marker_of(fn, o), size_of(number_option(fn, o, "size", 7, 0.1, 200))) end
  return self:_add {
    fn = fn, x = { col("x", r[1]) }, y = { col("y", r[2]) }, samples = sample(data, rows, 2, 1, 2), joined = true,
    elements = { { data = data, rows = rows, cols = 2, using = "1:2", with = with, title = o.label, long = not o.marker and not o.steps } },
  }
end

--- Points; with an array as `color` they are coloured by value, with a colour bar.
---@param x orowan.tensor|number[] N values
---@param y orowan.tensor|number[] N values
---@param o? {label: string, color: string|integer|orowan.tensor|number[], size: number|orowan.tensor|number[], marker: string, alpha: number, palette: string, colorbar: boolean|string, range: number[], log: boolean} size: px, one or N; colorbar: its label; range, log: of the colours
---@return orowan.axes self
function Axes:scatter(x, y, o)
  local fn = "plot.scatter"
  x, y, o = xy_arguments(fn, x, y, o)
  check_options(fn, o, "label color size marker alpha palette colorbar range log")
  self:_kind(fn, "2-D")
  local by_value, by_size = is_array(o.color), is_array(o.size)
  local columns = { "x", x, "y", y }
  if by_size then columns[#columns + 1] = "size"; columns[#columns + 1] = o.size end
  if by_value then columns[#columns + 1] = "color"; columns[#columns + 1] = o.color end
  local data, rows, r = core.plot.pack(fn, columns)
  need_values(fn, r, { "x", "y" })
  local px = not by_size and number_option(fn, o, "size", rows > 5000 and 3 or rows > 500 and 5 or 7, 0.1, 200)
  local alpha = number_option(fn, o, "alpha", rows > 500 and not by_value and 0.6 or 1, 0, 1)
  local with = ("points pt %d ps %s"):format(marker_of(fn, o), by_size and "variable" or size_of(px))
  local using = "1:2" .. (by_size and ":($3/7.)" or "") .. (by_value and (by_size and ":4" or ":3") or "")
  with = with .. " lc " .. (by_value and "palette" or style.rgb(self:_colour(fn, o), alpha))
  if by_value then
    self:_palette(fn, o, r[#r], by_size and "color" or "color")
  end
  return self:_add {
    fn = fn, x = { col("x", r[1]) }, y = { col("y", r[2]) }, samples = sample(data, rows, #columns // 2, 1, 2),
    elements = { { data = data, rows = rows, cols = #columns // 2, using = using, with = with, title = o.label } },
  }
end

-- One palette a panel: its range holds all that is coloured by value.
function Axes:_palette(fn, o, r, name)
  if r.min > r.max then error(("%s: %s: has no finite value"):format(fn, name), 0) end
  local p = self.palette or { min = math.huge, max = -math.huge, minpos = math.huge, nonpos = 0, name = "viridis", bar = true }
  self.palette = p
  p.fn = fn
  p.min, p.max = math.min(p.min, r.min), math.max(p.max, r.max)
  p.minpos, p.nonpos = math.min(p.minpos, r.minpos), p.nonpos + r.nonpos
  if o.palette ~= nil then style.palette(fn, o.palette); p.name = o.palette end
  if o.colorbar == false then p.bar = false elseif type(o.colorbar) == "string" then p.label = o.colorbar end
  if o.log ~= nil then p.log = o.log end
  if o.range ~= nil then
    local a, b = o.range[1], o.range[2]
    if type(a) ~= "number" or type(b) ~= "number" or not (a < b) then error(fn .. ": range: expected {low, high} with low < high", 0) end
    p.range = { a, b }
  end
end

-- Samples along the bars, for the legend to keep clear of.
local function both_ends(data, rows)
  local all = { {}, {} }
  for _, y in ipairs { 2, 5, 6 } do
    local s = sample(data, rows, 6, 1, y, 150)
    table.move(s[1], 1, #s[1], #all[1] + 1, all[1])
    table.move(s[2], 1, #s[2], #all[2] + 1, all[2])
  end
  return all
end

local function error_ends(fn, v, o, axis)
  local err, low, high = o[axis .. "err"], o[axis .. "low"], o[axis .. "high"]
  if err ~= nil and (low ~= nil or high ~= nil) then
    error(("%s: give %serr or %slow and %shigh, not both"):format(fn, axis, axis, axis), 0)
  end
  if (low == nil) ~= (high == nil) then error(("%s: %slow and %shigh belong together"):format(fn, axis, axis), 0) end
  if err == nil then return low or v, high or v, low ~= nil end
  local _, _, r = core.plot.pack(fn, { axis, v, axis .. "err", err })
  if r[2].min < 0 then error(("%s: %serr: has negative values"):format(fn, axis), 0) end
  local vs = core.tensor.tensor(v, "f64"):totable()
  local es = type(err) == "number" and err or core.tensor.tensor(err, "f64"):totable()
  local lo, hi = {}, {}
  for i, x in ipairs(vs) do
    local d = type(es) == "number" and es or es[i]
    lo[i], hi[i] = x - d, x + d
  end
  return lo, hi, true
end

--- Points with error bars. Ends are absolute (ylow, yhigh) or distances (yerr); the same for x.
--- On a logarithmic axis an end at or below 0 reaches the axis.
---@param x orowan.tensor|number[] N values
---@param y orowan.tensor|number[] N values
---@param o {yerr: number|orowan.tensor|number[], ylow: orowan.tensor|number[], yhigh: orowan.tensor|number[], xerr: number|orowan.tensor|number[], xlow: orowan.tensor|number[], xhigh: orowan.tensor|number[], label: string, color: string|integer, size: number, marker: string, width: number}
---@return orowan.axes self
function Axes:errorbar(x, y, o)
  local fn = "plot.errorbar"
  x, y, o = xy_arguments(fn, x, y, o)
  check_options(fn, o, "yerr ylow yhigh xerr xlow xhigh label color size marker width")
  self:_kind(fn, "2-D")
  local xlow, xhigh, has_x = error_ends(fn, x, o, "x")
  local ylow, yhigh, has_y = error_ends(fn, y, o, "y")
  if not has_x and not has_y then error(fn .. ": expected yerr, ylow and yhigh, xerr, or xlow and xhigh", 0) end
  local data, rows, r = core.plot.pack(fn, { "x", x, "y", y, "xlow", xlow, "xhigh", xhigh, "ylow", ylow, "yhigh", yhigh })
  need_values(fn, r, { "x", "y" })
  local colour = style.rgb(self:_colour(fn, o))
  local kind = has_x and has_y and "xyerrorbars" or has_x and "xerrorbars" or "yerrorbars"
  local using = kind == "xyerrorbars" and "1:2:<3>:4:{5}:6" or kind == "xerrorbars" and "1:2:<3>:4" or "1:2:{5}:6"
  local with = ("%s lc %s lw %g pt %d ps %s"):format(kind, colour, number_option(fn, o, "width", 1.5, 0.1, 50), marker_of(fn, o),
    size_of(number_option(fn, o, "size", 7, 0.1, 200)))
  return self:_add {
    fn = fn, x = { col("x", r[1]), col("xlow", r[3], true), col("xhigh", r[4], true) },
    y = { col("y", r[2]), col("ylow", r[5], true), col("yhigh", r[6], true) }, samples = both_ends(data, rows),
    elements = { { data = data, rows = rows, cols = 6, using = using, with = with, title = o.label } },
  }
end

--- A filled band between two curves; NaN leaves a gap.
---@param x orowan.tensor|number[] N values
---@param ylow orowan.tensor|number[]|number N values or one for all
---@param yhigh orowan.tensor|number[]|number N values or one for all
---@param o? {label: string, color: string|integer, alpha: number}
---@return orowan.axes self
function Axes:band(x, ylow, yhigh, o)
  local fn = "plot.band"
  o = options_of(fn, o)
  check_options(fn, o, "label color alpha")
  self:_kind(fn, "2-D")
  local data, rows, r = core.plot.pack(fn, { "x", x, "ylow", ylow, "yhigh", yhigh })
  need_values(fn, r, { "x", "ylow", "yhigh" })
  -- gnuplot would fill across a gap: one element for each unbroken run
  local elements, from = {}, nil
  local with = "filledcurves lc " .. style.rgb(self:_colour(fn, o)) ..
    (" fs transparent solid %.3g noborder"):format(number_option(fn, o, "alpha", 0.25, 0, 1))
  for i = 0, rows do
    local ok = false
    if i < rows then
      local a, b, c = string.unpack("<ddd", data, i * 24 + 1)
      ok = a == a and b == b and c == c
    end
    if ok and not from then from = i end
    if not ok and from then
      elements[#elements + 1] = { data = data:sub(from * 24 + 1, i * 24), rows = i - from, cols = 3, using = "1:{2}:{3}", with = with,
        title = #elements == 0 and o.label or nil }
      from = nil
    end
  end
  if #elements == 0 then error(fn .. ": no row has finite x, ylow and yhigh", 0) end
  return self:_add {
    fn = fn, x = { col("x", r[1]) }, y = { col("ylow", r[2], true), col("yhigh", r[3], true) },
    samples = sample(data, rows, 3, 1, 3), joined = true, elements = elements,
  }
end

-- ---- distributions -------------------------------------------------------------------------

--- Histogram: counts, or densities.
---@param v orowan.tensor|number[] NaN and infinity are left out
---@param o? {bins: integer|number[], log: boolean, bins_per_decade: integer, density: boolean, label: string, color: string|integer, alpha: number} log: logarithmic bins (values above 0) and x axis
---@return orowan.axes self
function Axes:histogram(v, o)
  local fn = "plot.histogram"
  o = options_of(fn, o)
  check_options(fn, o, "bins log bins_per_decade density label color alpha")
  self:_kind(fn, "2-D")
  local b = numbers.bins(v, { bins = o.bins, log = o.log, bins_per_decade = o.bins_per_decade })
  local x, lo, hi, height = {}, {}, {}, o.density and b.density or b.counts
  for i = 1, #height do lo[i], hi[i] = b.edges[i], b.edges[i + 1]; x[i] = (lo[i] + hi[i]) / 2 end
  local data, rows, r = core.plot.pack(fn, { "x", x, "height", height, "low", lo, "high", hi, "base", 0 })
  local colour = self:_colour(fn, o)
  if o.log and self.props.xlog == nil then self.auto.xlog = true end
  r[2].nonpos = 0  -- empty bins are no error on a logarithmic axis
  return self:_add {
    fn = fn, x = { col("low", r[3]), col("high", r[4]) }, y = { col("height", r[2], true), col("base", r[5], true) }, base = true,
    samples = sample(data, rows, 5, 1, 2),
    elements = { { data = data, rows = rows, cols = 5, using = "1:{2}:3:4:{5}:{2}", title = o.label,
      with = ("boxxyerror lc %s lw 1 fs transparent solid %.3g border lc %s"):format(style.rgb(colour),
        number_option(fn, o, "alpha", 0.55, 0, 1), style.rgb(colour)) } },
  }
end

--- Complementary cumulative distribution P(X >= x), on logarithmic axes. More than 2000
--- distinct values are thinned evenly in log(rank), which no eye can see.
---@param v orowan.tensor|number[] NaN and infinity are left out
---@param o? {label: string, color: string|integer, width: number, dash: string, marker: string, size: number, log: boolean} log = false: linear axes; marker: points instead of a line
---@return orowan.axes self
function Axes:ccdf(v, o)
  local fn = "plot.ccdf"
  o = options_of(fn, o)
  check_options(fn, o, "label color width dash marker size log")
  self:_kind(fn, "2-D")
  local xs, ps = numbers.ccdf(v)
  if #xs > 2000 then
    local tx, tp, last = {}, {}, math.huge
    for i = 1, #xs do
      local u = math.log(ps[i])
      if last - u > 0.004 or i == 1 or i == #xs or #xs - i < 200 then tx[#tx + 1], tp[#tp + 1] = xs[i], ps[i]; last = u end
    end
    xs, ps = tx, tp
  end
  if o.log ~= false then
    for _, k in ipairs { "xlog", "ylog" } do if self.props[k] == nil then self.auto[k] = true end end
  end
  if o.marker then
    local inner = { label = o.label, color = o.color, marker = o.marker, size = o.size or 5 }
    self:scatter(xs, ps, inner)
  else
    local sx, sp = {}, {}
    for i = 1, #xs do  -- P(X >= x) holds its value up to and including x, then drops
      sx[#sx + 1], sp[#sp + 1] = xs[i], ps[i]
      if ps[i + 1] then sx[#sx + 1], sp[#sp + 1] = xs[i], ps[i + 1] end
    end
    self:line(sx, sp, { label = o.label, color = o.color, width = o.width, dash = o.dash })
  end
  self.marks[#self.marks].fn = fn
  return self
end

--- Probability density in logarithmic bins with Poisson errors, on logarithmic axes.
---@param v orowan.tensor|number[] above 0
---@param o? {bins_per_decade: integer, label: string, color: string|integer, size: number, marker: string}
---@return orowan.axes self
function Axes:log_density(v, o)
  local fn = "plot.log_density"
  o = options_of(fn, o)
  check_options(fn, o, "bins_per_decade label color size marker")
  local xs, ds, lo, hi = numbers.log_density(v, o.bins_per_decade)
  for _, k in ipairs { "xlog", "ylog" } do if self.props[k] == nil then self.auto[k] = true end end
  self:errorbar(xs, ds, { ylow = lo, yhigh = hi, label = o.label, color = o.color, size = o.size, marker = o.marker })
  self.marks[#self.marks].fn = fn
  return self
end

-- ---- annotations ---------------------------------------------------------------------------

local function rule(self, fn, at, o, axis)
  o = options_of(fn, o)
  check_options(fn, o, "label color width dash")
  self:_kind(fn, "2-D")
  if type(at) ~= "number" or at ~= at or at == math.huge or at == -math.huge then
    error(("%s: expected a finite number, got %s"):format(fn, tostring(at)), 0)
  end
  local with = ("lc %s lw %g dt %s"):format(style.rgb(style.colour(fn, o.color or "darkgrey")),
    number_option(fn, o, "width", 1.5, 0.1, 50), dash_of(fn, { dash = o.dash or "dashed" }))
  local r = { min = at, max = at, minpos = at > 0 and at or math.huge, missing = 0, nonpos = at > 0 and 0 or 1 }
  return self:_add {
    fn = fn, x = axis == "x" and { col("x", r) } or {}, y = axis == "y" and { col("y", r) } or {},
    rule = { axis = axis, at = at }, samples = { {}, {} }, elements = { { with = "lines " .. with, title = o.label } },
  }
end

--- A horizontal line across the axes.
---@param y number
---@param o? {label: string, color: string|integer, width: number, dash: string}
---@return orowan.axes self
function Axes:hline(y, o) return rule(self, "plot.hline", y, o, "y") end

--- A vertical line across the axes.
---@param x number
---@param o? {label: string, color: string|integer, width: number, dash: string}
---@return orowan.axes self
function Axes:vline(x, o) return rule(self, "plot.vline", x, o, "x") end

--- Text at a place.
---@param x number data coordinates, or 0..1 of the axes with coords = "axes"
---@param y number
---@param s string
---@param o? {align: string, color: string|integer, size: number, rotate: number, coords: string, markup: boolean} align left center right; size in px; rotate in degrees
---@return orowan.axes self
function Axes:text(x, y, s, o)
  local fn = "plot.text"
  o = options_of(fn, o)
  check_options(fn, o, "align color size rotate coords markup")
  for name, v in pairs { x = x, y = y } do
    if type(v) ~= "number" or v ~= v then error(("%s: %s: expected a number, got %s"):format(fn, name, tostring(v)), 0) end
  end
  if s == nil then error(fn .. ": text: expected a string, got nothing", 0) end
  local align = o.align or "left"
  if not (align == "left" or align == "center" or align == "right") then error(fn .. ": align: expected left, center or right", 0) end
  if o.coords ~= nil and o.coords ~= "axes" and o.coords ~= "data" then error(fn .. ': coords: expected "data" or "axes"', 0) end
  self.texts[#self.texts + 1] = { x = x, y = y, s = tostring(s), align = align, colour = style.rgb(style.colour(fn, o.color or "black")),
    size = number_option(fn, o, "size", nil, 1, 500), rotate = number_option(fn, o, "rotate", nil, -360, 360), coords = o.coords or "data",
    markup = o.markup }
  return self
end

local settings = "title xlabel ylabel zlabel xlog ylog xrange yrange zrange legend grid markup aspect xticks yticks view palette_range frame"

--- Sets what belongs to the axes. Ranges may leave one end nil. legend: "best" (default), "top
--- left", ..., "outside" or false. aspect "equal": one unit of x is as long as one of y.
--- xticks, yticks: {{value, "label"}, ...}, {value, ...} or false. view: {tilt, turn} of 3-D axes.
--- markup: ^{...} and _{...} in texts and labels raise and lower.
---@param t {title: string, xlabel: string, ylabel: string, zlabel: string, xlog: boolean, ylog: boolean, xrange: number[], yrange: number[], zrange: number[], legend: string|boolean, grid: boolean, markup: boolean, aspect: string, xticks: table|boolean, yticks: table|boolean, view: number[], frame: boolean}
---@return orowan.axes self
function Axes:set(t)
  local fn = "plot.set"
  if type(t) ~= "table" then error(fn .. ": expected a table, got " .. type(t), 0) end
  check_options(fn, t, settings)
  for _, k in ipairs { "xrange", "yrange", "zrange" } do
    local r = t[k]
    if r ~= nil then
      local a, b = type(r) == "table" and r[1] or nil, type(r) == "table" and r[2] or nil
      local function bad(v) return v ~= nil and (type(v) ~= "number" or v ~= v or v == math.huge or v == -math.huge) end
      if type(r) ~= "table" or bad(a) or bad(b) or (a and a == b) then
        error(("%s: %s: expected {low, high} of two different finite numbers"):format(fn, k), 0)
      end
    end
  end
  if t.aspect ~= nil and t.aspect ~= "equal" and t.aspect ~= "auto" then error(fn .. ': aspect: expected "equal" or "auto"', 0) end
  if t.legend ~= nil and type(t.legend) ~= "boolean" then
    local ok = t.legend == "best" or t.legend == "outside"
    for _, v in ipairs { "top", "center", "bottom" } do
      for _, h in ipairs { "left", "center", "right" } do ok = ok or t.legend == v .. " " .. h end
    end
    if not ok then
      error(('%s: legend: expected "best", "outside", "top left" ... "bottom right" or false, got "%s"'):format(fn, tostring(t.legend)), 0)
    end
  end
  for k, v in pairs(t) do self.props[k] = v end
  return self
end

--- Hands a line to gnuplot as it is, before the panel is drawn. For what nothing else here
--- does; gnuplot can run programs, so never pass on text from outside.
---@param line string
---@return orowan.axes self
function Axes:command(line)
  self.commands[#self.commands + 1] = line
  return self
end

Axes._helpers = { options_of = options_of, check_options = check_options, number_option = number_option, is_array = is_array,
  marker_of = marker_of, size_of = size_of, sample = sample, need_values = need_values, col = col, dash_of = dash_of }

return Axes
