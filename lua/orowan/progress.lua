--- Progress of long work, on standard error: a bar with rate and remaining time on a
--- terminal (redrawn at most ten times a second, at the terminal's present width), plain
--- lines every ten seconds or ten percent elsewhere, nothing when quiet. Bars nest: the
--- outer ones are shown as percentages in front of the innermost.
local sys = require "orowan.sys"
local format = require "orowan.format"

local progress = {
  quiet = false,       -- true: nothing is shown
  stream = io.stderr,  -- where to; any object with write and flush
  tty = nil,           -- nil: ask the terminal; true or false: forced
}

--- The clock that rates are measured with; a test may put its own here.
---@return number seconds monotonic
function progress.clock() return sys.clock() end

--- The width that bars are fitted to; a test may put its own here.
---@return integer columns of the terminal at present
function progress.columns() return sys.columns() end

local REDRAW, LINE_SECONDS, LINE_FRACTION = 0.1, 10, 0.1

local stack = {}   -- active bars, outermost first
local drawn = false

---@class orowan.progress_bar
local bar = {}
bar.__index = bar

local function is_tty()
  if progress.tty ~= nil then return progress.tty end
  return progress.stream == io.stderr and sys.isatty(2)
end

-- Characters on the screen; bytes where the text is not UTF-8.
local function length(s) return utf8.len(s) or #s end

local function cut(s, n)
  if length(s) <= n then return s end
  return utf8.len(s) and s:sub(1, utf8.offset(s, n + 1) - 1) or s:sub(1, n)
end

local function percent(b)
  if not b.total or b.total <= 0 then return nil end
  return math.max(0, math.min(100, 100 * b.done / b.total))
end

local function clear_line()
  if not drawn then return end
  progress.stream:write("\r\27[K")
  drawn = false
end

-- "1.2 k/s, 0:42 left", from the work done since the bar began.
local function pace(b, now)
  local elapsed = now - b.started
  local fresh = b.done - b.first
  if elapsed <= 0 or fresh <= 0 then return "" end
  local rate = fresh / elapsed
  local s = format.rate(rate)
  if rate < 1 then s = format.duration(1 / rate) .. " each" end
  if b.total and b.total > b.done then s = s .. ", " .. format.duration((b.total - b.done) / rate) .. " left" end
  return s
end

local function count(b)
  if b.total then return ("%s/%s"):format(format.number(b.done), format.number(b.total)) end
  return format.number(b.done)
end

local function draw(now)
  local b = stack[#stack]
  local width = math.max(20, (progress.columns() or 80) - 1)
  local outer = {}
  for i = 1, #stack - 1 do
    local p = percent(stack[i])
    outer[i] = stack[i].label .. (p and (" %.0f%%"):format(p) or "") .. " > "
  end
  local head = table.concat(outer) .. b.label
  local p = percent(b)
  local tail = p and ("%3.0f%% "):format(p) .. count(b) or count(b)
  local speed = pace(b, now)
  if speed ~= "" then tail = tail .. "  " .. speed end
  if b.note then tail = tail .. "  " .. b.note end
  local room = width - length(head) - length(tail) - 4
  local line
  if p and room >= 8 then
    local full = math.floor(math.min(room, 24) * p / 100)
    line = ("%s [%s%s] %s"):format(head, ("#"):rep(full), ("-"):rep(math.min(room, 24) - full), tail)
  else
    line = head .. " " .. tail
  end
  progress.stream:write("\r\27[K", cut(line, width))
  progress.stream:flush()
  drawn = true
end

local function plain(b, now, final)
  local p = percent(b)
  local outer = {}
  for i = 1, #stack do
    if stack[i] == b then break end
    outer[#outer + 1] = stack[i].label .. ": "
  end
  local text = p and ("%.0f%% "):format(p) .. "(" .. count(b) .. ")" or count(b)
  local speed = final and "took " .. format.duration(now - b.started) or pace(b, now)
  progress.stream:write(table.concat(outer), b.label, ": ", text, speed ~= "" and ", " .. speed or "",
    b.note and ", " .. b.note or "", "\n")
  progress.stream:flush()
  b.line_at, b.line_done, b.lines = now, b.done, b.lines + 1
end

--- Reports how far the work is.
---@param done number units of work done, of the bar's total
---@param note string? shown behind the numbers
function bar:update(done, note)
  if self.finished then return end
  self.done = done
  self.note = note or self.note
  if progress.quiet then return end
  local now = progress.clock()
  if is_tty() then
    if now - self.drawn_at >= REDRAW and stack[#stack] == self then
      self.drawn_at = now
      draw(now)
    end
  else
    local since = now - self.line_at
    local enough = self.total and self.total > 0 and done - self.line_done >= LINE_FRACTION * self.total
    if since >= LINE_SECONDS or (enough and since >= 1) then plain(self, now) end
  end
end

--- Ends the bar; the line vanishes on a terminal, a plain last line stays elsewhere.
--- Bars opened inside this one and left open end with it.
function bar:finish()
  if self.finished then return end
  local known = false
  for i = #stack, 1, -1 do if stack[i] == self then known = true end end
  while known and stack[#stack] ~= self do stack[#stack]:finish() end
  self.finished = true
  if self.total and self.done < self.total and not self.stopped then self.done = self.total end
  if not progress.quiet then
    local now = progress.clock()
    if is_tty() then
      clear_line()
      if now - self.started >= 1 and #stack == 1 then
        progress.stream:write(("%s: %s, took %s\n"):format(self.label, count(self), format.duration(now - self.started)))
      end
    elseif self.lines > 0 or now - self.started >= 1 then
      plain(self, now, true)
    end
    progress.stream:flush()
  end
  if known then stack[#stack] = nil end
end

--- Ends the bar where it is, without claiming that the work was completed.
function bar:stop()
  self.stopped = true
  self:finish()
end

bar.__close = function(self, err)
  if err then self:stop() else self:finish() end
end

--- Opens a bar. It may be used with `local b <close> = progress.bar(...)`.
--- ```lua
--- do
---   local bar <close> = ow.progress.bar("frames", 3)
---   for i = 1, 3 do bar:update(i) end
--- end
--- ```
---@param label string what is being done
---@param total number? units of work in all; nil when unknown
---@param done number? units already done (a resumed run); the rate counts from there
---@return table bar with :update(done [, note]), :finish(), :stop()
function progress.bar(label, total, done)
  local now = progress.clock()
  local b = setmetatable({
    label = tostring(label), total = total, done = done or 0, first = done or 0, started = now,
    drawn_at = -math.huge, line_at = now, line_done = done or 0, lines = 0,
  }, bar)
  stack[#stack + 1] = b
  return b
end

--- Writes a line of text without breaking an open bar.
---@param text string
function progress.message(text)
  if progress.quiet then return end
  clear_line()
  progress.stream:write(text, "\n")
  progress.stream:flush()
end

--- Forgets all open bars (after an error or an interrupt).
function progress.reset()
  clear_line()
  for i = #stack, 1, -1 do
    stack[i].finished = true
    stack[i] = nil
  end
end

return progress
