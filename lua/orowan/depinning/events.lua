--- Avalanches of a depinning run: transient, flicker, detection, shapes, roughness.
---
--- A line under random picks flickers: hundreds of cells flip back and forth all the time, so
--- the slipped area A(t) is noisy at every moment. An event is a time in which A grew faster than
--- the drive feeds it: a maximal run of windows of `window` picks in which A grew by more than
--- threshold * window. With the natural threshold rate / B these are the windows in which the
--- external stress fell.
local core = require("orowan.core").depinning
local tensor = require("orowan.core").tensor.tensor

local events = {}

local function mean_of(t, from, to)
  local s = 0
  for i = from, to do s = s + t[i] end
  return s / (to - from + 1)
end

--- First record that counts. Rule: from the first record on at which sigma_ext is within 5 % of
--- its mean over the second half of the run, or has crossed it, and the line has moved `rows`
--- rows on average (more than its own height, so that it has forgotten its straight start).
---@param area integer[] slipped area of the records
---@param stress number[] sigma_ext of the records, mu
---@param lx integer columns
---@param rows? number rows the line must have moved (20)
---@return integer first 1-based record; #area + 1 where the rule is never met
function events.transient(area, stress, lx, rows)
  local n = #stress
  if n < 4 then return n + 1 end
  local level, reached = mean_of(stress, n // 2 + 1, n), false
  local side = stress[1] > level and -1 or 1
  local margin = 0.05 * math.abs(level)
  for i = 1, n do
    reached = reached or side * (stress[i] - level) >= -margin
    if reached and area[i] >= (rows or 20) * lx then return i end
  end
  return n + 1
end

--- Mean with a jackknife error over blocks (for a mean it equals the standard error of the block means).
---@param blocks number[] block means, at least 2
---@return number mean
---@return number err standard error; NaN for fewer than 2 blocks
function events.block_mean(blocks)
  local n = #blocks
  local m = n > 0 and mean_of(blocks, 1, n) or 0 / 0
  if n < 2 then return m, 0 / 0 end
  local s = 0
  for i = 1, n do
    local without = (m * n - blocks[i]) / (n - 1)
    s = s + (without - m) ^ 2
  end
  return m, math.sqrt((n - 1) / n * s)
end

--- Standard deviation of A(t + window) - A(t), for windows given in records.
---@param area integer[]
---@param windows integer[] records
---@param first? integer first record used (1)
---@return number[] sd cells, about the mean drift; NaN where the series is too short
function events.flicker(area, windows, first)
  local out, from = {}, first or 1
  for k, w in ipairs(windows) do
    local n, s, q = 0, 0, 0
    for i = from, #area - w do
      local d = area[i + w] - area[i]
      n, s, q = n + 1, s + d, q + d * d
    end
    out[k] = n > 1 and math.sqrt(math.max(0, (q - s * s / n) / (n - 1))) or 0 / 0
  end
  return out
end

--- The windows tried by the rule of `choose_window`: 1, 2, 5, 10, ... records.
---@param n integer records at hand
---@return integer[]
function events.windows(n)
  local out, base = {}, 1
  while base <= n // 20 do
    for _, m in ipairs { 1, 2, 5 } do
      if base * m <= n // 20 then out[#out + 1] = base * m end
    end
    base = base * 10
  end
  if #out == 0 then out[1] = 1 end
  return out
end

--- Window by a rule fixed in advance: the smallest of 1, 2, 5, 10, ... records in which the
--- threshold growth is at least `factor` times the flicker of a line at rest.
---@param area integer[] a line held at constant stress below yield
---@param threshold number cells per record (rate / B * picks per record)
---@param factor? number times the standard deviation (3)
---@param first? integer first record used
---@return integer window records (the largest tried where none is enough)
---@return number sd flicker at that window, cells
---@return boolean enough
function events.choose_window(area, threshold, factor, first)
  local windows = events.windows(#area - (first or 1) + 1)
  local sd = events.flicker(area, windows, first)
  for k, w in ipairs(windows) do
    if threshold * w >= (factor or 3) * sd[k] then return w, sd[k], true end
  end
  return windows[#windows], sd[#windows], false
end

--- Events of one series.
---@param area orowan.tensor|integer[] slipped area of equally spaced records
---@param window integer records
---@param threshold number growth per record above which a window is active, cells
---@return table list {first = {records, 1-based}, last =, sizes = {cells}}; where a window overlaps the event before so far that nothing is left, there is none
function events.detect(area, window, threshold)
  local t = type(area) == "table" and tensor(area, "i64") or area
  local a = type(area) == "table" and area or area:totable()
  local first, last = core.events(t, window, threshold * window)
  first, last = first:totable(), last:totable()
  local list = { first = {}, last = {}, sizes = {} }
  for i = 1, #first do
    local size, n = a[last[i] + 1] - a[first[i] + 1], #list.sizes + 1
    if size > 0 then list.first[n], list.last[n], list.sizes[n] = first[i] + 1, last[i] + 1, size end
  end
  return list
end

--- Width, thickest height and size of events from height profiles averaged over `mean` records
--- before the onset and after the end and over `columns` neighbours; the run of columns that
--- moved more than `cut`, round the one that moved most.
---@param heights orowan.tensor i32 [records, lx]
---@param first integer[] 1-based records
---@param last integer[]
---@param mean integer records
---@param columns? integer odd (5)
---@param cut? number cells (1)
---@return number[] width columns
---@return number[] height cells
---@return number[] size cells inside that run
function events.shapes(heights, first, last, mean, columns, cut)
  local a, b = {}, {}
  for i = 1, #first do a[i], b[i] = first[i] - 1, last[i] - 1 end
  if #a == 0 then return {}, {}, {} end
  local w, h, s = core.shapes(heights, tensor(a, "i64"), tensor(b, "i64"), mean, columns or 5, cut or 1)
  return w:totable(), h:totable(), s:totable()
end

--- Records over which profiles are averaged for shapes: an eighth of the detector's window, so
--- that the drive itself moves the line by far less than the cut of one cell meanwhile.
---@param window integer records
---@return integer records
function events.shape_mean(window) return math.max(1, window // 8) end

--- Growth history of one event: width and thickest height at logarithmically spaced times.
---@param heights orowan.tensor i32 [records, lx]
---@param first integer 1-based onset record
---@param last integer
---@param mean integer records averaged
---@param columns? integer (5)
---@param cut? number cells (1)
---@return table history {lag = {records}, width = {columns}, height = {cells}}
function events.growth(heights, first, last, mean, columns, cut)
  local lags, at = {}, 1
  while at <= last - first do
    lags[#lags + 1] = at
    at = math.max(at + 1, math.floor(at * 1.25))
  end
  if #lags == 0 then return { lag = {}, width = {}, height = {} } end
  local w, h = core.growth(heights, first - 1, tensor(lags, "i64"), mean, columns or 5, cut or 1)
  return { lag = lags, width = w:totable(), height = h:totable() }
end

--- Power spectrum and structure function of h(x), averaged over records.
---@param heights orowan.tensor i32 [records, lx]
---@param first? integer first record used (1)
---@param stride? integer every so many records (1)
---@return number[] power |sum_x h e^(-2 pi i k x / lx)|^2 / lx for k = 1 .. lx/2, cells^2
---@return number[] diff mean |h(x + d) - h(x)| for d = 1 .. lx/2, cells
function events.roughness(heights, first, stride)
  local p, d = core.roughness(heights, (first or 1) - 1, stride or 1)
  return p:totable(), d:totable()
end

return events
