--- Where everything of a figure lies, in px: ranges, ticks, margins, legend corners. Panels of
--- a column share their left and right edges, those of a row their top and bottom.
local numbers = require "orowan.plot.numbers"
local space = require "orowan.plot.space"
local style = require "orowan.plot.style"

local layout = {}

local huge, log, max, min = math.huge, math.log, math.max, math.min

-- ---- ranges --------------------------------------------------------------------------------

local axis_hint = "a logarithmic axis shows values above 0 only; leave them out or use a linear axis"

-- Range of one axis of a panel: the user's ends, else the data's with a margin.
local function find_range(ax, axis)
  local is_log = ax.props[axis .. "log"]
  if is_log == nil then is_log = ax.auto[axis .. "log"] or false end
  local lo, hi, tight, base, field = huge, -huge, true, false, false
  for _, m in ipairs(ax.marks) do field = field or m.field end
  for _, m in ipairs(ax.marks) do  -- what lies on an image does not widen its frame
    for _, c in ipairs((m.field or not field) and m[axis] or {}) do
      local r = c.range
      if is_log and r.nonpos > 0 and not c.clip then
        error(("%s: %s: %d value%s not above 0 on a logarithmic %s axis (%s)"):format(m.fn, c.name, r.nonpos,
          r.nonpos == 1 and " is" or "s are", axis, axis_hint), 0)
      end
      if r.min <= r.max then
        local a = is_log and r.minpos or r.min
        if not (is_log and c.clip and c.name == "base") then lo = min(lo, a) end
        if not is_log or r.max > 0 then hi = max(hi, r.max) end
      end
    end
    if not field and #(m[axis] or {}) > 0 and not (axis == "x" and m.tight_x) and not m.tight then tight = false end
    if m.base and axis == (m.base == true and "y" or m.base) then base = true end
  end
  local user = ax.props[axis .. "range"] or {}
  if lo > hi then lo, hi = is_log and 1 or 0, is_log and 10 or 1 end
  for k = 1, 2 do
    if user[k] and is_log and user[k] <= 0 then
      error(("plot.set: %srange: %g is not above 0 on a logarithmic axis"):format(axis, user[k]), 0)
    end
  end
  if is_log then
    local a, b = log(lo), log(hi)
    if b - a < 1e-12 then a, b = a - 0.7, b + 0.7 end
    local pad = tight and 0 or 0.04 * (b - a)
    a, b = a - pad - (base and not user[1] and 0.05 * (b - a) or 0), b + pad
    lo, hi = max(math.exp(a), 1e-305), min(math.exp(b), 1e305)
  else
    if hi - lo == huge then error(("plot: %s values from %g to %g: their difference is no number"):format(axis, lo, hi), 0) end
    if hi - lo <= 1e-12 * max(math.abs(lo), math.abs(hi)) then
      local half = lo == 0 and 0.5 or math.abs(lo) * 0.05
      lo, hi = lo - half, hi + half
    elseif not tight then
      local pad = 0.04 * (hi - lo)
      if not (base and lo == 0) then lo = lo - pad end
      hi = hi + pad
    end
  end
  if axis == "y" and ax.auto.flip and not user[1] and not user[2] then lo, hi = hi, lo end
  local a, b = user[1] or lo, user[2] or hi
  if a == b then b = is_log and a * 10 or a + 1 end
  return { lo = a, hi = b, log = is_log, reversed = (a > b) or nil }
end

-- Fixed ticks of the user: {{value, "label"}, ...}, {value, ...} or false.
local function user_ticks(name, given)
  local ticks = {}
  for i, t in ipairs(given or {}) do
    local v, label = t, nil
    if type(t) == "table" then v, label = t[1], t[2] end
    if type(v) ~= "number" then error(("plot.set: %s: item %d: expected a number or {number, \"label\"}"):format(name, i), 0) end
    ticks[i] = { value = v, label = label ~= nil and tostring(label) or ("%g"):format(v):gsub("^%-", "−"), plain = true }
  end
  return ticks
end

local function find_ticks(ax, axis, r, room)
  local given = ax.props[axis .. "ticks"]
  if given ~= nil and given ~= true then return user_ticks(axis .. "ticks", given) end
  if ax.fixed_ticks and ax.fixed_ticks[axis] then return ax.fixed_ticks[axis] end
  local lo, hi = min(r.lo, r.hi), max(r.lo, r.hi)
  if r.log then return numbers.log_ticks(lo, hi, room) end
  return numbers.linear_ticks(lo, hi, room)
end

local function widest(ticks)
  local w = 0
  for _, t in ipairs(ticks) do
    if t.label then w = max(w, (style.width(t.label, true))) end
  end
  return w
end

-- ---- panels --------------------------------------------------------------------------------

local function find_palette(ax, room)
  local p = ax.palette
  if not p then return end
  local lo, hi
  if p.range then lo, hi = p.range[1], p.range[2]
  elseif p.log then
    if p.nonpos > 0 then
      error(("%s: %d colour value%s not above 0 on a logarithmic scale"):format(p.fn, p.nonpos, p.nonpos == 1 and " is" or "s are"), 0)
    end
    lo, hi = p.min, p.max
  else lo, hi = p.min, p.max end
  if p.log and lo <= 0 then error(("%s: range: %g is not above 0 on a logarithmic scale"):format(p.fn, lo), 0) end
  if lo == hi then
    local half = lo == 0 and 0.5 or math.abs(lo) * 0.05
    lo, hi = lo - half, hi + half
  end
  local ticks, exponent
  if p.ticks then ticks = p.ticks
  elseif p.log then ticks = numbers.log_ticks(lo, hi, room) else ticks, exponent = numbers.linear_ticks(lo, hi, room) end
  return { lo = lo, hi = hi, log = p.log, ticks = ticks, exponent = exponent, name = p.name, bar = p.bar, label = p.label }
end

local function legend_entries(ax)
  local entries = {}
  for _, m in ipairs(ax.marks) do
    for _, e in ipairs(m.elements) do
      if e.title then entries[#entries + 1] = tostring(e.title) end
    end
  end
  return entries
end

-- Sizes that do not depend on where the panel lies.
local function measure(fig, ax, cell_w, cell_h, fs)
  local p = { ax = ax, kind = ax.kind or "2-D", fs = fs }
  local props, markup = ax.props, ax.props.markup
  if markup == nil then markup = fig.markup end
  p.markup = markup
  local left, right, top, bottom = 0.8 * fs, 1.2 * fs, 0.8 * fs, 0.8 * fs
  if p.kind == "3-D" then
    left, right, bottom, top = 3.2 * fs, 2.2 * fs, 3.2 * fs, 0.6 * fs
    p.px, p.py = space.ranges(ax)
    p.z = find_range(ax, "z")
    for _, a in ipairs { "x", "y" } do p[a] = find_range(ax, a) end
    for _, a in ipairs { "x", "y", "z" } do
      p[a .. "ticks"], p[a .. "exp"] = find_ticks(ax, a, p[a], max(3, min(6, cell_w / (6.5 * fs))))
    end
    left = left + widest(p.zticks) * 0.85 * fs
  else
    p.x, p.y = find_range(ax, "x"), find_range(ax, "y")
    p.xticks, p.xexp = find_ticks(ax, "x", p.x, (cell_w - 6 * fs) / (4.5 * fs))
    p.yticks, p.yexp = find_ticks(ax, "y", p.y, (cell_h - 5 * fs) / (3 * fs))
    if p.kind == "2-D" then
      local tick_w, has_x = widest(p.yticks) * 0.9 * fs, false
      for _, t in ipairs(p.xticks) do has_x = has_x or t.label ~= nil end
      if tick_w > 0 then left = left + tick_w + 0.7 * fs end
      if props.ylabel then left = left + 1.9 * fs end
      if has_x then bottom = bottom + 1.6 * fs end
      if props.xlabel then bottom = bottom + 1.6 * fs end
      if p.xexp and not props.xlabel then bottom = bottom + 1.3 * fs end
      if p.yexp then top = top + 1.1 * fs end
      p.ylabel_x, p.xlabel_y = 0.75 * fs, 0.75 * fs
    end
  end
  if props.title then
    local _, lines = style.width(props.title, markup)
    top = top + 1.6 * fs * lines
  end
  p.palette = find_palette(ax, (cell_h - 6 * fs) / (3 * fs))
  if p.palette and p.palette.bar then
    local w = widest(p.palette.ticks) * 0.9 * fs
    local gap = 0.9 * fs + (p.kind == "3-D" and (widest(p.yticks) * 0.85 + 1.4) * fs or 0)
    p.bar = { gap = gap, width = 1.0 * fs, labels = w }
    right = p.bar.gap + p.bar.width + 0.6 * fs + w + (p.palette.label and 3.0 * fs or 0.8 * fs)
    if p.palette.exponent then top = max(top, 2 * fs) end
  end
  p.legend = legend_entries(ax)
  if #p.legend > 0 and props.legend ~= false then
    local w = 0
    for _, s in ipairs(p.legend) do w = max(w, (style.width(s, markup))) end
    p.key_w, p.key_h = (w * 0.95 + 5.4) * fs, #p.legend * 1.45 * fs + 0.7 * fs
    if props.legend == "outside" then p.outside = right; right = right + p.key_w end
  end
  p.left, p.right, p.top, p.bottom = left, right, top, bottom
  return p
end

-- Fraction of a panel for a value.
local function fraction(r, v)
  if r.log then
    if v <= 0 then return -1 end
    return (log(v) - log(r.lo)) / (log(r.hi) - log(r.lo))
  end
  return (v - r.lo) / (r.hi - r.lo)
end
layout.fraction = fraction

-- The corner that hides the fewest points.
local function best_corner(p, w, h)
  local kw, kh = p.key_w / w, p.key_h / h
  local corners = {
    { "top right", 1 - kw, 1 - kh }, { "top left", 0, 1 - kh }, { "bottom right", 1 - kw, 0 }, { "bottom left", 0, 0 },
    { "center right", 1 - kw, 0.5 - kh / 2 }, { "center left", 0, 0.5 - kh / 2 }, { "top center", 0.5 - kw / 2, 1 - kh },
    { "bottom center", 0.5 - kw / 2, 0 },
  }
  for _, c in ipairs(corners) do c.hits = 0 end
  local function point(u, v)
    for _, c in ipairs(corners) do
      if u >= c[2] - 0.01 and u <= c[2] + kw + 0.01 and v >= c[3] - 0.02 and v <= c[3] + kh + 0.02 then c.hits = c.hits + 1 end
    end
  end
  for _, m in ipairs(p.ax.marks) do
    local xs, ys = m.samples[1], m.samples[2]
    local pu, pv
    if m.rule then
      for k = 0, 30 do
        if m.rule.axis == "y" then point(k / 30, fraction(p.y, m.rule.at)) else point(fraction(p.x, m.rule.at), k / 30) end
      end
    end
    for i = 1, #xs do
      local u, v = fraction(p.x, xs[i]), fraction(p.y, ys[i])
      if u == u and v == v then
        if m.joined and pu then  -- along the line too
          local n = math.min(40, math.ceil(30 * (math.abs(u - pu) + math.abs(v - pv))))
          for k = 1, n - 1 do point(pu + (u - pu) * k / n, pv + (v - pv) * k / n) end
        end
        if m.base then for k = 1, 4 do point(u, v * k / 5) end end
        point(u, v)
        pu, pv = u, v
      else
        pu, pv = nil, nil
      end
    end
  end
  for _, t in ipairs(p.ax.texts) do
    local u, v = t.x, t.y
    if t.coords == "data" then u, v = fraction(p.x, t.x), fraction(p.y, t.y) end
    for k = 0, 3 do point(u + k * 0.05, v) point(u + k * 0.05, v) end
  end
  local best = corners[1]
  for _, c in ipairs(corners) do
    if c.hits < best.hits then best = c end
  end
  return best[1]
end

--- Lays out a figure.
---@param fig orowan.figure
---@return table[] panels each with x0 y0 x1 y1 in px (y up), ranges, ticks, legend corner
function layout.panels(fig)
  local W, H, rows, cols = fig.width, fig.height, fig.rows, fig.cols
  local fs = fig.font_size or max(11, min(17, min(W / cols, 1.5 * H / rows) / 56))
  local head = 0
  if fig.title then
    local _, lines = style.width(fig.title, fig.markup)
    head = 1.9 * fs * lines
  end
  local cell_w, cell_h = W / cols, (H - head) / rows
  local panels, L, R, T, B = {}, {}, {}, {}, {}
  for k = 1, rows * cols do
    local ax = fig.axes_list[k]
    if ax and (#ax.marks > 0 or #ax.texts > 0) then
      local p = measure(fig, ax, cell_w, cell_h, fs)
      p.row, p.col = (k - 1) // cols + 1, (k - 1) % cols + 1
      panels[#panels + 1] = p
      if p.kind == "2-D" then
        L[p.col], R[p.col] = max(L[p.col] or 0, p.left), max(R[p.col] or 0, p.right)
        T[p.row], B[p.row] = max(T[p.row] or 0, p.top), max(B[p.row] or 0, p.bottom)
      end
    end
  end
  for _, p in ipairs(panels) do
    local left, right, top, bottom = p.left, p.right, p.top, p.bottom
    if p.kind == "2-D" then left, right, top, bottom = L[p.col], R[p.col], T[p.row], B[p.row] end
    p.cx0, p.cy1 = (p.col - 1) * cell_w, H - head - (p.row - 1) * cell_h
    p.x0, p.x1 = p.cx0 + left, p.cx0 + cell_w - right
    p.y0, p.y1 = p.cy1 - cell_h + bottom, p.cy1 - top
    p.left, p.bottom = left, bottom
    if p.x1 - p.x0 < 20 or p.y1 - p.y0 < 20 then
      error(("plot: %d x %d px are too few for %d x %d panels with these labels; give the figure more width or height")
        :format(W, H, rows, cols), 0)
    end
    if p.kind ~= "2-D" or p.ax.props.aspect == "equal" or (p.ax.equal and p.ax.props.aspect == nil) then
      local x, y = p.px or p.x, p.py or p.y
      local w, h = math.abs(x.hi - x.lo), math.abs(y.hi - y.lo)
      local s = min((p.x1 - p.x0) / w, (p.y1 - p.y0) / h)
      local dw, dh = (p.x1 - p.x0) - s * w, (p.y1 - p.y0) - s * h
      p.x0, p.x1, p.y0, p.y1 = p.x0 + dw / 2, p.x1 - dw / 2, p.y0 + dh / 2, p.y1 - dh / 2
    end
    if p.key_w then
      local want = p.ax.props.legend
      if want == nil or want == true or want == "best" then
        p.corner = p.kind ~= "2-D" and "top right" or best_corner(p, p.x1 - p.x0, p.y1 - p.y0)
      elseif want ~= "outside" then p.corner = want end
    end
  end
  return panels, fs, head
end

return layout
