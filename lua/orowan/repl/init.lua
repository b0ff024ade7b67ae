--- The interactive session. Each input is a chunk of its own: globals stay, locals end with
--- it. On a terminal libedit edits the line; from a pipe the lines are read as they come.
local core = require "orowan.core"
local sys = require "orowan.sys"
local chunk = require "orowan.repl.chunk"
local show = require "orowan.repl.show"
local complete = require "orowan.repl.complete"
local hint = require "orowan.repl.hint"
local progress = require "orowan.progress"

local repl = {}

local help = [[
  1 + 1                an expression shows its value; `;` at the end keeps quiet
  x = ow.arange(10)    globals stay; locals end with their line
  ?ow.stats            what a module, function or tensor method does (?zeros works too)
  TAB                  completes names and, inside quotes, files
  Ctrl-C               stops what runs; Ctrl-D or os.exit() leaves]]

local function message(e)
  if type(e) == "table" and e.traceback_line and not e.traceback_line:match("^stdin") then
    return e.traceback_line .. ": " .. tostring(e)
  end
  local text = tostring(e):gsub("^stdin:1: ", "")
  local meant = type(e) == "string" and hint(text, _G)
  return meant and ("%s (%s)"):format(text, meant) or text
end

-- Runs a chunk; returns false after an error.
local function evaluate(f, quiet)
  local r = table.pack(core.system.guard(function(e) return e end, f))
  local ok, interrupted = r[1], r[2]
  if not ok then
    progress.reset()
    io.stdout:flush()
    io.stderr:write(interrupted and "interrupted" or "error: " .. message(r[3]), "\n")
    return false
  end
  if quiet or r.n == 2 then return true end
  local shown, several_lines = {}, false
  for i = 3, r.n do
    local done, text
    done, interrupted, text = core.system.guard(tostring, show, r[i])
    if not done then text = interrupted and "interrupted" or "<cannot be shown: " .. tostring(text) .. ">" end
    shown[#shown + 1] = text
    several_lines = several_lines or text:find("\n") ~= nil
  end
  io.stdout:write(table.concat(shown, several_lines and "\n" or "\t"), "\n")
  return true
end

local function show_doc(name)
  name = name:match("^%s*(.-)%s*$")
  if name == "" then
    io.stdout:write(help, "\n")
    return true
  end
  local ok, interrupted, text, err = core.system.guard(tostring, require("orowan.doc").text, name)
  if not ok or not text then
    io.stderr:write(interrupted and "interrupted" or ok and err or tostring(text), "\n")
    return false
  end
  io.stdout:write(text, "\n")
  return true
end

--- A session fed with lines.
---@return table session with :line(text) -> "more" | true | false, and :finish()
function repl.session()
  local pending
  local session = {}
  function session:line(text)
    if not pending and text:match("^%s*%?") then return show_doc(text:match("^%s*%?(.*)$")) end
    local whole = pending and pending .. "\n" .. text or text
    if not pending and whole:match("^%s*$") then return true end
    local piece = chunk.compile(whole, "=stdin")
    if piece.incomplete then
      pending = whole
      return "more"
    end
    pending = nil
    if not piece.run then
      io.stderr:write("error: ", message(piece.err), "\n")
      return false
    end
    return evaluate(piece.run, piece.quiet)
  end
  function session:cancel() pending = nil end
  function session:finish()
    if not pending then return true end
    io.stderr:write("error: ", message(chunk.compile(pending, "=stdin").err), "\n")
    pending = nil
    return false
  end
  return session
end

local function history_path()
  local base = os.getenv("XDG_STATE_HOME")
  if not base or base == "" then
    local user = os.getenv("HOME")
    if not user or user == "" then return nil end
    base = user .. "/.local/state"
  end
  if not sys.mkdir(base .. "/orowan") then return nil end
  return base .. "/orowan/history"
end

local function on_terminal(session)
  io.stdout:write(("Orowan %s, %s. ? shows help, ?name a function's doc; Ctrl-D leaves.\n"):format(
    core.version, core.versions.libraries().lua))
  local editor <close> = core.edit.open(history_path(), function(line) return complete.key(line, _G) end)
  local prompt, said_local = "> ", false
  while true do
    local line, why = editor:read(prompt)
    if line then
      if line:match("%S") then editor:add(line) end
      local state = session:line(line)
      prompt = state == "more" and ">> " or "> "
      if state == true and not said_local and line:match("^%s*local%s") and not line:match(";.*%S") then
        io.stdout:write("(a local ends with its line; without `local` the name stays)\n")
        said_local = true
      end
    elseif why == "interrupt" then
      session:cancel()
      prompt = "> "
    else
      io.stdout:write("\n")
      return 0
    end
  end
end

--- Runs the session on standard input until its end.
---@return integer status from a pipe: 1 when a line failed
function repl.main()
  if rawget(_G, "ow") == nil then rawset(_G, "ow", require "orowan") end
  local session = repl.session()
  if sys.isatty(0) and sys.isatty(1) then
    while true do  -- an interrupt between two inputs must not end the session
      local ok, interrupted, r = core.system.guard(function(e) return e end, on_terminal, session)
      if ok then return r end
      if not interrupted then error(r, 0) end
      session:cancel()
    end
  end
  local good = true
  for line in io.stdin:lines() do
    if session:line(line) == false then good = false end
    io.stdout:flush()
  end
  return session:finish() and good and 0 or 1
end

return repl
