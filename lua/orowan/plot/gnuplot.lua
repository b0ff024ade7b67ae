--- Writes a laid-out figure as a gnuplot script with one file of binary records, runs gnuplot
--- on it and gives back the picture. Files live in a private temporary folder that goes away
--- whatever happens.
local core = require "orowan.core"
local layout = require "orowan.plot.layout"
local space = require "orowan.plot.space"
local style = require "orowan.plot.style"
local failure = require "orowan.failure"
local sys = require "orowan.sys"

local gnuplot = {}

local font = "Liberation Sans"

-- ---- script --------------------------------------------------------------------------------

local Script = {}
Script.__index = Script

function Script:add(fmt, ...) self[#self + 1] = select("#", ...) > 0 and fmt:format(...) or fmt end

-- Number that gnuplot reads back exactly; never an integer (its integer division would bite).
local function num(v)
  local s = ("%.17g"):format(v)
  return s:find "[%.en]" and s or s .. ".0"
end

function Script:label(text, x, y, how) self:add("set label %s at screen %s,%s %s front", text, num(x / self.W), num(y / self.H), how) end

local function tick_list(ticks, markup)
  local parts = {}
  for _, t in ipairs(ticks) do
    parts[#parts + 1] = ("%s %s %d"):format(t.minor and '""' or style.tick(t.label or "", markup or not t.plain), num(t.value), t.minor and 1 or 0)
  end
  return "(" .. table.concat(parts, ", ") .. ")"
end

local function fit(size, ems, room) return ems * size > room and math.max(room / ems, size * 0.6) or size end

local dark = '"#303030"'

function Script:axis(p, axis, r, ticks, exponent)
  self:add("set %srange [%s:%s] noextend", axis, num(r.lo), num(r.hi))
  self:add(r.log and "set logscale %s" or "unset logscale %s", axis)
  if #ticks == 0 then self:add("unset %stics", axis)  -- an empty list would mean: choose them
  else self:add('set %stics nomirror out scale 0.6,0.35 offset %s font ",%.4g" textcolor rgb %s %s', axis,
    axis == "x" and "0,0.35" or "0.5,0", 0.9 * p.fs, dark, tick_list(ticks, p.markup)) end
  if exponent then
    local text = style.text("×10^{" .. tostring(exponent):gsub("%-", "−") .. "}", true)
    local how = ('font ",%.4g" tc rgb %s'):format(0.9 * p.fs, dark)
    if axis == "y" then self:label(text, p.x0, p.y1 + 0.9 * p.fs, "left " .. how)
    elseif p.ax.props.xlabel then self:label(text, p.x1, p.y0 - 2.9 * p.fs, "right " .. how)
    else self:label(text, p.x1, p.y0 - 2.6 * p.fs, "right " .. how) end
  end
end

function Script:colour_bar(p)
  local c = p.palette
  self:add(style.palette("plot", c.name))
  self:add("set cbrange [%s:%s]", num(c.lo), num(c.hi))
  self:add(c.log and "set logscale cb" or "unset logscale cb")
  if not p.bar then self:add "unset colorbox" return end
  local x, y0, h = p.x1 + p.bar.gap, p.y0, p.y1 - p.y0
  if p.kind ~= "2-D" then y0, h = y0 + 0.12 * h, 0.76 * h end
  self:add("set style line 99 lt 1 lw 1 lc rgb %s", dark)
  self:add("set colorbox user origin screen %s,%s size screen %s,%s border 99", num(x / self.W), num(y0 / self.H),
    num(p.bar.width / self.W), num(h / self.H))
  self:add('set cbtics out nomirror scale 0.4,0.25 offset %s,0 font ",%.4g" textcolor rgb %s %s', num(-0.4), 0.9 * p.fs, dark,
    tick_list(c.ticks, p.markup))
  if c.label then
    local w = style.width(c.label, p.markup)
    self:label(style.text(c.label, p.markup), x + p.bar.width + 1.9 * p.fs + p.bar.labels, (p.y0 + p.y1) / 2,
      ('center rotate by 90 font ",%.4g"'):format(fit(p.fs, w, h * 1.1)))
  end
  if c.exponent then
    self:label(style.text("×10^{" .. tostring(c.exponent):gsub("%-", "−") .. "}", true), x, y0 + h + 0.9 * p.fs,
      ('left font ",%.4g" tc rgb %s'):format(0.9 * p.fs, dark))
  end
end

local function escape_using(u)
  return (u:gsub("{(%d+)}", "(CY($%1))"):gsub("<(%d+)>", "(CX($%1))"))
end

-- A long line as gnuplot can draw it: thinned to what the pixels show, or, where it goes back
-- and forth, cut into pieces (the cost of one path grows faster than its length).
local function shorten(e, p)
  local lo, hi = math.min(p.x.lo, p.x.hi), math.max(p.x.lo, p.x.hi)
  local data = core.plot.thin(e.data, lo, hi, p.x.log or false, 4 * math.ceil(p.x1 - p.x0))
  if not data then
    local parts, gap = {}, ("<dd"):pack(0 / 0, 0 / 0)
    for i = 0, e.rows - 1, 1000 do
      parts[#parts + 1] = e.data:sub(16 * i + 1, 16 * (i + 1001))  -- one row more joins it to the next piece
      parts[#parts + 1] = gap
    end
    data = table.concat(parts)
  end
  return { data = data, rows = #data // 16, cols = 2, using = e.using, with = e.with, title = e.title }
end

-- The commands of one element; its records go to the data file.
function Script:element(e, markup)
  local title = e.title and "title " .. style.text(e.title, markup) or "notitle"
  local source
  if e.array then
    source = ("'data.bin' binary skip=%d array=(%d,%d) format='%s' origin=(%s) dx=%s dy=%s"):format(self.bytes, e.array[1], e.array[2],
      e.format, e.origin, num(e.dx), num(e.dy))
  else
    source = ("'data.bin' binary skip=%d record=(%d) format='%s'"):format(self.bytes, e.rows, ("%double"):rep(e.cols))
  end
  self.bytes = self.bytes + #e.data
  self.blobs[#self.blobs + 1] = e.data
  return ("%s using %s with %s %s"):format(source, escape_using(e.using), e.with, title)
end

function Script:panel(p)
  local ax, fs = p.ax, p.fs
  local props = ax.props
  self:add "reset"
  self:add "set encoding utf8"
  self:add "set minussign"
  self:add("set style fill transparent solid 1 noborder")
  self:add("set errorbars small")
  self:add("set lmargin at screen %s", num(p.x0 / self.W))
  self:add("set rmargin at screen %s", num(p.x1 / self.W))
  self:add("set bmargin at screen %s", num(p.y0 / self.H))
  self:add("set tmargin at screen %s", num(p.y1 / self.H))
  if p.palette then self:colour_bar(p) else self:add "unset colorbox" end
  if p.kind == "2-D" then
    self:axis(p, "x", p.x, p.xticks, p.xexp)
    self:axis(p, "y", p.y, p.yticks, p.yexp)
    local frame = props.frame
    if frame == nil then frame = ax.frame end
    self:add("set border %d front lw 1 lc rgb %s", frame and 15 or 3, dark)
    if props.grid == nil and not ax.no_grid or props.grid then self:add 'set grid xtics ytics back lt 1 lw 0.6 lc rgb "#e3e3e3"' end
    local bottom = math.min(p.y.lo, p.y.hi)
    self:add("CX(v) = v <= %s ? %s : v", num(math.min(p.x.lo, p.x.hi)), num(math.min(p.x.lo, p.x.hi)))
    self:add("CY(v) = v <= %s ? %s : v", num(bottom), num(bottom))
    for axis, name in pairs { x = "xlabel", y = "ylabel" } do
      local s = props[name]
      if s then
        local w = style.width(s, p.markup)
        local room = axis == "x" and (p.x1 - p.x0) + p.left or (p.y1 - p.y0) + p.bottom
        local how = ('center font ",%.4g"'):format(fit(fs, w, room))
        if axis == "x" then self:label(style.text(s, p.markup), (p.x0 + p.x1) / 2, p.y0 - p.bottom + p.xlabel_y + 0.2 * fs, how)
        else self:label(style.text(s, p.markup), p.x0 - p.left + p.ylabel_x + 0.2 * fs, (p.y0 + p.y1) / 2, how .. " rotate by 90") end
      end
    end
  elseif p.kind == "3-D" then
    space.frame(self, p, num)
  elseif p.kind == "ternary" then
    self:add("unset border")
    self:add("unset xtics")
    self:add("unset ytics")
    self:add("set xrange [%s:%s]", num(p.x.lo), num(p.x.hi))
    self:add("set yrange [%s:%s]", num(p.y.lo), num(p.y.hi))
  end
  if props.title then
    local w, lines = style.width(props.title, p.markup)
    local size = fit(1.05 * fs, w * 1.08, self.W / self.cols - 2 * fs)
    local x = (p.x0 + p.x1) / 2
    local half = w * 1.08 * size / 2
    local cell0, cell1 = p.cx0 + 0.3 * fs, p.cx0 + self.W / self.cols - 0.3 * fs
    x = math.max(math.min(x, cell1 - half), cell0 + math.min(half, (cell1 - cell0) / 2))
    self:label(style.text(props.title, p.markup, true), x, p.y1 + (p.yexp and 1.2 or 0.1) * fs + (0.8 + 0.65 * (lines - 1)) * fs,
      ('center font ",%.4g"'):format(size))
  end
  for _, t in ipairs(ax.texts) do
    local place = t.coords == "axes" and ("graph %s, graph %s"):format(num(t.x), num(t.y)) or ("first %s, first %s"):format(num(t.x), num(t.y))
    local markup = t.markup
    if markup == nil then markup = p.markup end
    self:add('set label %s at %s %s font ",%.4g" tc %s %s front', style.text(t.s, markup), place, t.align, t.size or 0.9 * fs, t.colour,
      t.rotate and "rotate by " .. num(t.rotate) or "")
  end
  if p.key_w then
    local where
    if p.outside then
      where = ("at screen %s,%s left top"):format(num((p.x1 + p.outside) / self.W), num(p.y1 / self.H))
    else where = "inside " .. p.corner end
    self:add('set key %s vertical Left reverse samplen 1.8 spacing 1.1 width 0 font ",%.4g" opaque fc rgb "#30ffffff" noautotitle', where, 0.9 * fs)
  else self:add "unset key" end
  for _, line in ipairs(ax.commands) do self:add(line) end
  local elements = {}
  for _, m in ipairs(ax.marks) do
    for _, e in ipairs(m.elements) do
      if m.rule then  -- a line of two points: an arrow would lose its dashes in SVG
        local r, at = m.rule.axis == "y" and p.x or p.y, m.rule.at
        e = { rows = 2, cols = 2, using = "1:2", with = e.with, title = e.title,
          data = m.rule.axis == "y" and ("<dddd"):pack(r.lo, at, r.hi, at) or ("<dddd"):pack(at, r.lo, at, r.hi) }
      end
      if e.long and e.rows > 10000 then e = shorten(e, p) end
      elements[#elements + 1] = self:element(e, p.markup)
    end
  end
  if #elements == 0 then elements[1] = "NaN notitle" end
  self:add("%s", "plot " .. table.concat(elements, ", \\\n  "))
end

local function terminal(fig, format, fs, scale)
  local size, tail = fs * scale, ""
  if format == "png" then
    return ('set terminal pngcairo enhanced rounded color size %d,%d font "%s,%.4g" linewidth %.4g pointscale %.4g background rgb "white"%s'):format(
      math.floor(fig.width * scale + 0.5), math.floor(fig.height * scale + 0.5), font, size, scale, scale, tail)
  elseif format == "svg" then
    return ('set terminal svg enhanced rounded size %d,%d font "%s,%.4g" fontscale 1.3333 linewidth 1 background rgb "white"'):format(fig.width, fig.height, font, fs)
  elseif format == "pdf" then
    -- one px is 1/96 inch; font sizes are in points of 1/72
    return ('set terminal pdfcairo enhanced rounded color size %.6gin,%.6gin font "%s,%.4g" fontscale 0.75 linewidth 1.5 pointscale 0.75 background rgb "white"'):format(
      fig.width / 96, fig.height / 96, font, fs)
  end
end

--- The script and the data of figures: one output file each, or the frames of one GIF.
---@param figures orowan.figure[]
---@param format string png svg pdf gif
---@param outputs string[] unused for gif, which is out.gif
---@param scale number
---@param fps? number of a GIF
---@return string script
---@return string data
function gnuplot.script(figures, format, outputs, scale, fps)
  local s = setmetatable({ blobs = {}, bytes = 0 }, Script)
  s:add "set loadpath"
  for i, fig in ipairs(figures) do
    local panels, fs, head = layout.panels(fig)
    s.W, s.H, s.cols = fig.width, fig.height, fig.cols
    s:add "reset"
    if format ~= "gif" then
      s:add(terminal(fig, format, fs, scale))
      s:add("set output '%s'", outputs[i])
    elseif i == 1 then
      s:add('set terminal gif enhanced truecolor animate delay %d loop 0 size %d,%d font "%s,%.4g" linewidth %.4g background rgb "white"',
        math.max(2, math.floor(100 / fps + 0.5)), math.floor(fig.width * scale + 0.5), math.floor(fig.height * scale + 0.5), font, fs * scale, scale)
      s:add "set output 'out.gif'"
    end
    s:add "set multiplot"
    for k, p in ipairs(panels) do
      local from = #s + 1
      s:panel(p)
      if k == 1 and fig.title then  -- drawn with the first panel, whose reset came before it
        local w, lines = style.width(fig.title, fig.markup)
        table.insert(s, from + 1, ("set label %s at screen 0.5,%s center font \",%.4g\" front"):format(style.text(fig.title, fig.markup, true),
          num((fig.height - head / 2 - 0.25 * fs - 0.25 * fs * (lines - 1)) / fig.height), fit(1.2 * fs, w * 1.08, fig.width - 2 * fs)))
      end
    end
    s:add "unset multiplot"
    if format ~= "gif" then s:add "unset output" end
  end
  if format == "gif" then s:add "unset output" end
  return table.concat(s, "\n") .. "\n", table.concat(s.blobs)
end

-- gnuplot's complaint: the lines that name a place in the script, without the file name; else
-- the last ones that are not fontconfig's.
local function complaint(stderr)
  local named, others = {}, {}
  for line in stderr:gmatch "[^\n]+" do
    local at, message = line:match '^"[^"]*",? line (%d+): (.*)'
    if at then named[#named + 1] = ("line %s: %s"):format(at, message)
    elseif line:match "%S" and not line:match "[Ff]ontconfig" and not line:match "^%s*%^%s*$" then others[#others + 1] = line end
  end
  local list = #named > 0 and named or others
  local s = table.concat(list, "; ", math.max(1, #list - 2)):gsub("%s+", " ")
  return #s > 500 and s:sub(1, 500) .. "..." or s
end

local advice = "install gnuplot: apt-get install gnuplot-nox fonts-liberation, dnf install gnuplot, or brew install gnuplot"

--- Runs gnuplot in a folder. nil, err when it is missing, fails or takes too long.
---@param dir string
---@param script string
---@param data string
---@param timeout number s
---@return boolean? ok
---@return table? err
function gnuplot.run(dir, script, data, timeout)
  local ok, err = sys.write_atomic(dir .. "/data.bin", data)
  if ok then ok, err = sys.write_atomic(dir .. "/figure.gp", script) end
  if not ok then return nil, err end
  local program = os.getenv "OROWAN_GNUPLOT" or "gnuplot"
  local r, why = sys.run({ program, "-d", "figure.gp" }, { cwd = dir, timeout = timeout,
    env = { LC_ALL = "C.UTF-8", GNUTERM = false, GNUPLOT_LIB = false } })
  if not r then
    if why.code == "missing" then return nil, failure("missing", "plot: " .. program .. " was not found", advice) end
    return nil, why
  end
  if r.timed_out then
    return nil, failure("io", ("plot: gnuplot was stopped after %g s"):format(timeout), "give save a longer {timeout=seconds}, or draw less")
  end
  if r.status ~= 0 then
    local said = complaint(r.stderr)
    if said == "" then said = r.signal and "it was ended by signal " .. r.signal or "status " .. tostring(r.status) end
    return nil, failure("io", "plot: gnuplot: " .. said)
  end
  return true, r.stderr
end

-- Removes what changes from run to run, and names fallback fonts for other machines.
local function normalise(fig, format, bytes)
  if format == "svg" then
    local title = tostring(fig.title or "figure"):gsub("[%c]", " "):gsub("&", "&amp;"):gsub("<", "&lt;"):gsub(">", "&gt;")
    if not utf8.len(title) then title = "figure" end
    bytes = bytes:gsub("<title>Gnuplot</title>", function() return "<title>" .. title .. "</title>" end, 1)
    bytes = bytes:gsub("<image ", '<image style="image-rendering:pixelated" ')  -- else browsers smooth the pixels away
    bytes = bytes:gsub('font%-family="Liberation Sans"', 'font-family="Liberation Sans, Arial, Helvetica, sans-serif"')
  elseif format == "pdf" then  -- same length, so that the table of offsets stays true
    bytes = bytes:gsub("/CreationDate %(D:(%d+)", function(d) return "/CreationDate (D:" .. ("20000101000000"):sub(1, #d) .. ("0"):rep(#d - 14) end)
  end
  return bytes
end

--- Draws a figure.
---@param fig orowan.figure
---@param format string "png", "svg" or "pdf"
---@param o? {timeout: number, scale: number}
---@return string? bytes
---@return table? err
function gnuplot.render(fig, format, o)
  o = o or {}
  local out = "out." .. format
  local script, data = gnuplot.script({ fig }, format, { out }, format == "png" and (o.scale or fig.scale) or 1)
  local dir, err = sys.tmpdir "orowan-plot"
  if not dir then return nil, err end
  local cleanup <close> = setmetatable({}, { __close = function() sys.remove_tree(dir) end })
  local ok, said = gnuplot.run(dir, script, data, o.timeout or 120)
  if not ok then return nil, said end
  local bytes = sys.read_file(dir .. "/" .. out)
  if not bytes or #bytes == 0 then return nil, failure("io", "plot: gnuplot drew nothing: " .. complaint(said)) end
  return normalise(fig, format, bytes)
end

return gnuplot
