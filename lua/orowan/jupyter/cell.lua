--- Running a cell: its source, its results, and errors as a reader wants them: the message,
--- the lines of the cell around the place, and the calls that led there.
local core = require "orowan.core"
local chunk = require "orowan.repl.chunk"
local hint = require "orowan.repl.hint"
local show = require "orowan.repl.show"

local cell = { sources = {} }  -- name ("In[3]") -> lines, for tracebacks

local MAX_FRAMES, CONTEXT = 20, 2
local RED, GREEN, DIM, OFF = "\27[31m", "\27[32m", "\27[2m", "\27[0m"

local function lines_of(text)
  local out = {}
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do out[#out + 1] = line end
  return out
end

-- "In[3]", 2 from "In[3]:2: message"; and the message without it.
local function place_in(text)
  local name, line, rest = text:match "^(In%[%d+%]):(%d+): (.*)$"
  if not name then return nil, nil, text end
  return name, math.tointeger(tonumber(line)), rest
end

local function excerpt(out, name, line, around)
  local source = cell.sources[name]
  if not source or not source[line] then return end
  for i = math.max(1, line - around), math.min(#source, line + around) do
    out[#out + 1] = i == line and ("%s----> %3d%s  %s"):format(GREEN, i, OFF, source[i]) or ("      %3d  %s"):format(i, source[i])
  end
end

local own_source = debug.getinfo(1, "S").source

local function frame(level, main)
  local f = debug.getinfo(level, "Slnf")
  if not f or f.source == own_source then return nil end
  return {
    c = f.what == "C", outermost = f.func == main, place = f.short_src, line = f.currentline, cell = f.source:match "^=(In%[%d+%])$",
    name = f.func == main and "the cell" or f.name and ("function '%s'"):format(f.name) or f.what == "main" and "a chunk" or "a function",
  }
end

-- Number of levels of the stack: a stack that overflowed is deep, and looking at a level takes
-- time in proportion to its depth.
local function depth()
  local lo, hi = 1, 64
  while debug.getinfo(hi, "l") do lo, hi = hi, hi * 2 end
  while hi - lo > 1 do
    local mid = (lo + hi) // 2
    if debug.getinfo(mid, "l") then lo = mid else hi = mid end
  end
  return lo
end

-- The calls between the error and the cell's first one: all, or the innermost and the outermost.
local function frames_of(main)
  local frames, level, last, cut = {}, 4, depth() - 1, nil  -- below 4: frame, this one, the handler
  while true do
    local f = frame(level, main)
    if not f then return frames end
    if not f.c then frames[#frames + 1] = f end
    if f.outermost then
      if cut then table.move(frames, math.max(cut + 1, #frames - 4), #frames + cut, cut + 1) end
      return frames
    end
    level = level + 1
    if #frames == MAX_FRAMES and last - level > 60 then
      frames[#frames + 1] = { skipped = true }
      cut, level = #frames, last - 30
    end
  end
end

local function report(e, frames)
  local mt = type(e) == "table" and getmetatable(e)
  local text, name = (type(e) ~= "table" or mt) and tostring(e) or show(e), "Error"
  if type(e) == "table" and type(e.code) == "string" then name = e.code == "interrupted" and "Interrupted" or ("Error (%s)"):format(e.code) end
  local at, line, message = place_in(text)
  if not at then
    for _, f in ipairs(frames) do
      if f.cell then  -- the innermost line of a cell
        at, line = f.cell, f.line
        break
      end
    end
  end
  local out = { ("%s%s%s: %s"):format(RED, name, OFF, message) }
  local meant = type(e) == "string" and hint(message, _G)
  if meant then out[1] = ("%s (%s)"):format(out[1], meant) end
  if at then
    out[#out + 1] = ("%s%s, line %d%s"):format(GREEN, at, line, OFF)
    excerpt(out, at, line, CONTEXT)
  end
  if #frames > 1 then
    out[#out + 1] = "called from"
    for _, f in ipairs(frames) do
      if f.skipped then
        out[#out + 1] = "  ..."
      else
        out[#out + 1] = ("%s  %s:%d: in %s%s"):format(f.cell and "" or DIM, f.cell or f.place, f.line, f.name, f.cell and "" or OFF)
        if f.cell and not (f.cell == at and f.line == line) then excerpt(out, f.cell, f.line, 0) end
      end
    end
  end
  return { ename = name, evalue = text, traceback = out }
end

--- Compiles the source of a cell and remembers its lines.
---@param text string
---@param count integer the cell's number
---@return table piece as from chunk.compile; with `failure` {ename=, evalue=, traceback=} when it does not compile
function cell.compile(text, count)
  local name = ("In[%d]"):format(count)
  cell.sources[name] = lines_of(text)
  local piece = chunk.compile(text, "=" .. name)
  if not piece.run then
    local at, line, message = place_in(piece.err)
    local out = { ("%sSyntax error%s: %s"):format(RED, OFF, message) }
    if at then
      out[2] = ("%s%s, line %d%s"):format(GREEN, at, line, OFF)
      excerpt(out, at, line, CONTEXT)
    end
    piece.failure = { ename = "Syntax error", evalue = piece.err, traceback = out }
  end
  return piece
end

--- Runs a function that interrupts may end.
---@param main function the outermost function that a traceback shows
---@param f function
---@return table? results packed
---@return table? failure {ename=, evalue=, traceback=, interrupted=}
function cell.run(main, f, ...)
  local r = table.pack(core.system.exposed(function(e)
    local ok, made = pcall(report, e, frames_of(main))
    return { error = e, report = ok and made or { ename = "Error", evalue = "an error that cannot be shown", traceback = { "an error that cannot be shown" } } }
  end, f, ...))
  if r[1] then return table.move(r, 3, r.n, 1, { n = r.n - 2 }) end
  local failure = type(r[3]) == "table" and r[3].report
    or { ename = "Error", evalue = tostring(r[3]), traceback = { RED .. "Error" .. OFF .. ": " .. tostring(r[3]) } }  -- in the handler itself: memory, stack
  failure.error = type(r[3]) == "table" and r[3].error or r[3]
  if r[2] then
    failure.interrupted, failure.ename = true, "Interrupted"
    failure.traceback[1] = RED .. "Interrupted" .. OFF
  end
  return nil, failure
end

return cell
