--- Figures. Lua computes what is shown (bins, densities, quartiles, ticks, layout), gnuplot
--- draws it, one process a figure.
---
---     local fig = ow.plot.figure { title = "Events", rows = 1, cols = 2 }
---     fig:axes(1):scatter(x, y, { label = "measured" }):set { xlabel = "size (nm^{2})", markup = true }
---     fig:axes(2):ccdf(sizes)
---     assert(fig:save "events.png")
---
--- Tensors and tables of numbers are taken alike and copied: a figure is a value, and saving it
--- twice gives the same bytes. NaN is a gap. Text is literal unless markup = true.
local Axes = require "orowan.plot.fields"
local gnuplot = require "orowan.plot.gnuplot"
local numbers = require "orowan.plot.numbers"
local style = require "orowan.plot.style"
local sys = require "orowan.sys"

local plot = {
  box_statistics = numbers.box_statistics, density = numbers.density, bins = numbers.bins, ccdf = numbers.ccdf,
  log_density = numbers.log_density, animate = require "orowan.plot.animate", palettes = style.palettes, cycle = style.cycle,
}

---@class orowan.figure
local Figure = {}

local figure_options = "title width height rows cols markup font_size scale"

local function whole(name, v, default, lo, hi)
  if v == nil then return default end
  local n = math.tointeger(v)
  if not n or n < lo or n > hi then
    error(("plot.figure: %s: expected a whole number from %d to %d, got %s"):format(name, lo, hi, tostring(v)), 0)
  end
  return n
end

--- A new figure of rows x cols axes.
--- ```lua
--- local fig = ow.plot.figure { title = "Sizes" }
--- fig:line({ 1, 2, 3 }, { 1, 4, 9 }, { label = "squares" })
--- fig:set { xlabel = "n", ylabel = "n^2" }
--- print(fig)  --> figure 960x640 px, 1x1 axes, 1 mark
--- ```
---@param o? {title: string, width: integer, height: integer, rows: integer, cols: integer, markup: boolean, font_size: number, scale: number} width, height, font_size in px; markup: ^{...} and _{...} in all texts; scale: PNG pixels per px (1)
---@return orowan.figure
function plot.figure(o)
  o = Axes._helpers.options_of("plot.figure", o)
  Axes._helpers.check_options("plot.figure", o, figure_options)
  local rows, cols = whole("rows", o.rows, 1, 1, 20), whole("cols", o.cols, 1, 1, 20)
  local single = rows == 1 and cols == 1
  local fig = {
    title = o.title, markup = o.markup or false, rows = rows, cols = cols, axes_list = {},
    width = whole("width", o.width, single and 960 or cols == 1 and 900 or math.min(600 * cols, 2400), 100, 20000),
    height = whole("height", o.height, single and 640 or 460 * rows, 80, 20000),
    font_size = Axes._helpers.number_option("plot.figure", o, "font_size", nil, 4, 200),
    scale = Axes._helpers.number_option("plot.figure", o, "scale", 1, 0.1, 10),
  }
  return setmetatable(fig, Figure)
end

--- Axes k of the figure, counted along the rows.
---@param k? integer 1..rows*cols (1)
---@return orowan.axes
function Figure:axes(k)
  k = k or 1
  local n = self.rows * self.cols
  if math.type(k) ~= "integer" or k < 1 or k > n then
    error(("plot.axes: expected a number from 1 to %d (%d x %d), got %s"):format(n, self.rows, self.cols, tostring(k)), 0)
  end
  if not self.axes_list[k] then
    self.axes_list[k] = setmetatable({ marks = {}, texts = {}, commands = {}, props = {}, auto = {}, cycle = 0 }, Axes)
  end
  return self.axes_list[k]
end

Figure.__index = function(_, name)
  local own = rawget(Figure, name)
  if own ~= nil then return own end
  local method = Axes[name]
  if type(method) ~= "function" or name:sub(1, 1) == "_" then return nil end
  return function(fig, ...)  -- drawing on the figure is drawing on its first axes
    method(fig:axes(1), ...)
    return fig
  end
end

local function check_saving(fn, o)
  o = Axes._helpers.options_of(fn, o)
  Axes._helpers.check_options(fn, o, "timeout scale")
  Axes._helpers.number_option(fn, o, "timeout", 1, 0.001, 1e6)
  Axes._helpers.number_option(fn, o, "scale", 1, 0.1, 10)
  return o
end

--- Draws the figure into a string.
---@param format string "png", "svg" or "pdf"
---@param o? {timeout: number, scale: number} timeout in s (120); scale: PNG pixels per px
---@return string? bytes
---@return table? err gnuplot's own message, or what to install
function Figure:render(format, o)
  if format ~= "png" and format ~= "svg" and format ~= "pdf" then
    error(('plot.render: format: expected "png", "svg" or "pdf", got %s'):format(tostring(format)), 0)
  end
  return gnuplot.render(self, format, check_saving("plot.render", o))
end

--- Draws the figure into a file, atomically; the ending tells the format.
---@param path string ending in .png, .svg or .pdf
---@param o? {timeout: number, scale: number} timeout in s (120); scale: PNG pixels per px
---@return boolean? ok
---@return table? err gnuplot's own message, what to install, or what could not be written
function Figure:save(path, o)
  local format = type(path) == "string" and path:lower():match "%.(%w+)$"
  if format ~= "png" and format ~= "svg" and format ~= "pdf" then
    error(("plot.save: path: expected a name ending in .png, .svg or .pdf, got %s"):format(tostring(path)), 0)
  end
  local bytes, err = gnuplot.render(self, format, check_saving("plot.save", o))
  if not bytes then return nil, err end
  return sys.write_atomic(path, bytes)
end

--- The gnuplot script of the figure, for looking at what is drawn.
---@return string script
function Figure:script() return (gnuplot.script({ self }, "png", { "out.png" }, 1)) end

--- The figure as a notebook shows it. Where it cannot be drawn the text says why.
---@param formats string[]? of "png", "svg" (default: both)
---@return table<string, string> bundle MIME type -> bytes
function Figure:__mime(formats)
  local bundle = {}
  for _, format in ipairs(formats or { "png", "svg" }) do
    local bytes, err = gnuplot.render(self, format, format == "png" and { scale = math.max(self.scale, 1) } or nil)
    if not bytes then return { ["text/plain"] = ("%s\n(not drawn: %s)"):format(tostring(self), tostring(err)) } end
    bundle[format == "svg" and "image/svg+xml" or "image/png"] = bytes
  end
  return bundle
end

function Figure:__tostring()
  local marks = 0
  for k = 1, self.rows * self.cols do
    if self.axes_list[k] then marks = marks + #self.axes_list[k].marks end
  end
  return ("figure %dx%d px, %dx%d axes, %d mark%s"):format(self.width, self.height, self.rows, self.cols, marks, marks == 1 and "" or "s")
end

return plot
