--- The kernel: one request after the other from shell and control, answered as the messaging
--- protocol says. Invariant: interrupts are held everywhere except while user code runs
--- (cell.run), so a signal can end a cell but not the kernel. The sockets live in a thread of
--- their own (csrc/jupyter).
local core = require "orowan.core"
local json = require "orowan.json"
local sys = require "orowan.sys"
local progress = require "orowan.progress"
local chunk = require "orowan.repl.chunk"
local cell = require "orowan.jupyter.cell"
local display = require "orowan.jupyter.display"
local help = require "orowan.jupyter.help"
local history = require "orowan.jupyter.history"
local input = require "orowan.jupyter.input"
local message = require "orowan.jupyter.message"

local kernel = {}

local array = json.array
-- Requests that a front end sent together with one that failed arrive within this time (s).
local TOGETHER = 0.03

local k  -- {engine=, connection=, count=, request=, history=, stopping=, payload=, later=}

-- ---- sending ------------------------------------------------------------------------------

local function log(...) k.engine:log(table.concat { ... }) end

local function publish(kind, content, request)
  request = request or k.request
  k.engine:send("iopub", (message.frames(k.connection, {
    type = kind, content = content, parent = request and request.header_text, idents = { kind },
  })))
end

local function reply(request, content)
  k.engine:send(request.channel, (message.frames(k.connection, {
    type = request.type:gsub("_request$", "_reply"), content = content, parent = request.header_text, idents = request.idents,
  })))
end

-- ---- the parts of execute_request ----------------------------------------------------------

local function ask(prompt, password)
  local request = k.request
  if not request or request.type ~= "execute_request" or request.content.allow_stdin ~= true then
    error("input: this front end cannot be asked (it runs cells without a reader)", 0)
  end
  while k.engine:receive({ "stdin" }, 0) do end  -- answers to questions that were given up
  local frames, header = message.frames(k.connection, {
    type = "input_request", content = { prompt = prompt, password = password }, parent = request.header_text, idents = request.idents,
  })
  io.stdout:flush()
  k.engine:send("stdin", frames)
  while true do
    local raw, why = k.engine:receive({ "stdin" }, 1)
    if why == "interrupt" or why == "orphan" then error("interrupted", 0) end
    local m = raw and message.parse(raw)
    if m and m.type == "input_reply" and (m.parent.msg_id == nil or m.parent.msg_id == header.msg_id) then
      local v = m.content.value
      return type(v) == "string" and v or ""
    end
  end
end

local function show_results(results, count)
  if results.n == 0 or results.n == 1 and results[1] == io.stdout then return end  -- io.write(...) gives the file back
  local texts, bundles, any_rich = {}, {}, false
  for i = 1, results.n do
    local rich
    bundles[i], rich = display.bundle(results[i])
    texts[i], any_rich = bundles[i]["text/plain"], any_rich or rich
  end
  if results.n == 1 or any_rich then
    for i = 1, results.n - 1 do publish("display_data", { data = bundles[i], metadata = {}, transient = {} }) end
    publish("execute_result", { execution_count = count, data = bundles[results.n], metadata = {} })
    return
  end
  local text = table.concat(texts, "\t")
  if text:find "\n" then text = table.concat(texts, "\n") end
  publish("execute_result", { execution_count = count, data = { ["text/plain"] = text }, metadata = {} })
end

local overview = [[
  x = ow.arange(10)     globals stay from cell to cell; a local ends with its cell
  x                     the last expression of a cell is shown; a semicolon at the end keeps quiet
  display(x)            shows a value now; local d = display(x); d:update(y) replaces it
  ?ow.stats             what a module, function or method does; Tab completes, Shift-Tab explains
  input("name? ")       asks the reader; io.read does so too]]

local function question(text)
  local name = text:match "^%s*%?+%s*(.-)%s*$" or text:match "^%s*([%w_.:]+)%s*%?+%s*$"
  return name
end

local function explain(name)
  if name == "" then return overview end
  local text, err = require("orowan.doc").text(name)
  return text, err
end

-- What a cell leaves behind that must not reach the next.
local function tidy(ok)
  progress.reset()
  progress.stream:finish(ok)
  input.reset()
end

local function fail(content, failure, silent)
  if not silent then
    publish("error", { ename = failure.ename, evalue = failure.evalue, traceback = array(failure.traceback) })
  end
  content.status, content.ename, content.evalue, content.traceback = "error", failure.ename, failure.evalue, array(failure.traceback)
end

local function evaluate_all(expressions)
  local out = {}
  if type(expressions) ~= "table" then return out end
  for name, text in pairs(expressions) do
    local f, err = load("return " .. tostring(text), "=expression", "t")
    local results, failure
    if f then results, failure = cell.run(f, f)
    else failure = { ename = "Syntax error", evalue = err, traceback = { err } } end
    out[name] = results and { status = "ok", data = (display.bundle(results[1])), metadata = {} }
      or { status = "error", ename = failure.ename, evalue = failure.evalue, traceback = array(failure.traceback) }
  end
  return out
end

-- Moves the execute requests that came with a failed one to k.later, where they are refused.
local function gather_together()
  local limit = sys.clock() + TOGETHER
  repeat
    local raw = k.engine:receive({ "shell" }, math.max(0, limit - sys.clock()))
    if raw then
      raw.abort = true
      k.later[#k.later + 1] = raw
    end
  until sys.clock() >= limit
end

local exit_mark = setmetatable({}, { __tostring = function() return "the session ends" end })

local function execute(request)
  local c = request.content
  if type(c.code) ~= "string" then
    reply(request, { status = "error", ename = "Protocol", evalue = "execute_request: code: expected a string", traceback = array {},
      execution_count = k.count })
    return
  end
  local silent = c.silent == true
  local keep = not silent and c.store_history ~= false
  if keep then
    k.count = k.count + 1
    if c.code:match "%S" then k.history:add(k.count, c.code) end
  end
  local count = math.max(1, k.count)
  if not silent then publish("execute_input", { code = c.code, execution_count = count }) end
  local content = { execution_count = count, status = "ok", payload = array {}, user_expressions = {} }
  k.payload = content.payload

  local asked = question(c.code)
  if asked then
    local results, failure = cell.run(explain, explain, asked)
    if results and results[1] then
      content.payload[1] = { source = "page", data = { ["text/plain"] = results[1] }, start = 0 }
    else
      local why = failure and failure.evalue or tostring(results[2])
      fail(content, { ename = "Help", evalue = why, traceback = { why } }, silent)
    end
  elseif c.code:match "%S" then
    local piece = cell.compile(c.code, count)
    local failure = piece.failure
    if piece.run then
      local results
      results, failure = cell.run(piece.main, piece.run)
      tidy(results ~= nil)
      if results and not silent and not piece.quiet then
        local _
        _, failure = cell.run(show_results, show_results, results, count)
      end
      if failure and failure.error == exit_mark then
        content.payload[1] = { source = "ask_exit", keepkernel = false }
        k.stopping, failure = true, nil
      end
    end
    if failure then fail(content, failure, silent) end
  end
  if content.status == "ok" then
    content.user_expressions = evaluate_all(c.user_expressions)
  elseif c.stop_on_error ~= false and not silent then
    gather_together()
  end
  reply(request, content)
end

-- ---- the other requests --------------------------------------------------------------------

local handlers = { execute_request = execute }

function handlers.kernel_info_request(request)
  local lua = _VERSION:match "%d+%.%d+"
  reply(request, {
    status = "ok", protocol_version = message.version, implementation = "orowan", implementation_version = core.version,
    language_info = {
      name = "lua", version = lua, mimetype = "text/x-lua", file_extension = ".lua", pygments_lexer = "lua", codemirror_mode = "lua",
    },
    banner = ("Orowan %s, Lua %s. ?name explains a function, ? alone this notebook."):format(core.version, lua),
    help_links = array { { text = "Lua 5.4 manual", url = "https://www.lua.org/manual/5.4/" } },
    debugger = false,
  })
end

function handlers.complete_request(request)
  local c = request.content
  local code = type(c.code) == "string" and c.code or ""
  local list, first, last = help.complete(code, math.tointeger(c.cursor_pos) or utf8.len(code) or #code, _G)
  reply(request, { status = "ok", matches = array(list), cursor_start = first, cursor_end = last, metadata = {} })
end

function handlers.inspect_request(request)
  local c = request.content
  local code = type(c.code) == "string" and c.code or ""
  local text = help.inspect(code, math.tointeger(c.cursor_pos) or utf8.len(code) or #code, _G)
  reply(request, { status = "ok", found = text ~= nil, data = text and { ["text/plain"] = text } or {}, metadata = {} })
end

function handlers.is_complete_request(request)
  local code = type(request.content.code) == "string" and request.content.code or ""
  if question(code) or not code:match "%S" then
    reply(request, { status = "complete" })
    return
  end
  local piece = chunk.compile(code, "=input")
  if piece.run then reply(request, { status = "complete" })
  elseif piece.incomplete then reply(request, { status = "incomplete", indent = ("  "):rep(chunk.depth(piece.tokens)) })
  else reply(request, { status = "invalid" }) end
end

function handlers.history_request(request)
  local c = request.content
  local kind, n = c.hist_access_type, math.tointeger(c.n)
  local list
  if kind == "range" then
    list = k.history:range(math.tointeger(c.session) or 0, math.tointeger(c.start), math.tointeger(c.stop))
  elseif kind == "search" then
    list = k.history:search(type(c.pattern) == "string" and c.pattern or "*", n, c.unique == true)
  else
    list = k.history:tail(n)
  end
  local out = array {}
  for i, e in ipairs(list) do out[i] = c.output and array { e[1], e[2], array { e[3], json.null } } or array { e[1], e[2], e[3] } end
  reply(request, { status = "ok", history = out })
end

function handlers.comm_info_request(request) reply(request, { status = "ok", comms = {} }) end

function handlers.comm_open(request)  -- no widgets: what was opened is closed
  publish("comm_close", { comm_id = request.content.comm_id or "", data = {} })
end
function handlers.comm_msg() end
function handlers.comm_close() end

function handlers.connect_request(request)
  local ports = { status = "ok" }
  for name, address in pairs(k.connection.addresses) do ports[name .. "_port"] = math.tointeger(tonumber(address:match "%d+$")) end
  reply(request, ports)
end

function handlers.interrupt_request(request) reply(request, { status = "ok" }) end

function handlers.shutdown_request(request)
  local content = { status = "ok", restart = request.content.restart == true }
  reply(request, content)
  publish("shutdown_reply", content)
  k.stopping = true
end

function handlers.debug_request(request) reply(request, { status = "error", ename = "Debugger", evalue = "there is no debugger", traceback = array {} }) end

local function refuse(request)
  reply(request, { status = "aborted", execution_count = k.count, payload = array {}, user_expressions = {} })
end

-- ---- life ---------------------------------------------------------------------------------

local function handle(raw)
  local request, err = message.parse(raw)
  if not request then
    log("a message on ", raw.channel, " was ignored: ", err)
    return
  end
  local f = handlers[request.type]
  if f == execute and raw.abort then f = refuse end
  k.request = request
  k.engine:parent(request.header_text, request.type == "execute_request")
  publish("status", { execution_state = "busy" })
  if f then
    local ok, problem = xpcall(f, debug.traceback, request)
    if not ok then
      log(request.type, " failed: ", tostring(problem))
      reply(request, { status = "error", ename = "Kernel", evalue = tostring(problem), traceback = array { tostring(problem) }, execution_count = k.count })
    end
  else
    log("a request of an unknown type was ignored: ", request.type)
  end
  k.engine:parent(request.header_text, false)
  publish("status", { execution_state = "idle" })
end

local function loop()
  publish("status", { execution_state = "starting" })
  while not k.stopping do
    local raw, why
    if #k.later > 0 then raw = table.remove(k.later, 1)
    else raw, why = k.engine:receive({ "control", "shell" }, -1) end
    core.system.forget_interrupt()
    if raw then handle(raw) elseif why == "orphan" then return end
  end
end

local function prepare_globals()
  rawset(_G, "ow", require "orowan")
  rawset(_G, "display", display)
  rawset(_G, "input", input.ask)
  function os.exit() error(exit_mark, 0) end  -- luacheck: ignore
end

--- Runs a kernel until it is told to end.
---@param path string the connection file
---@return integer? status
---@return any err the connection file or the sockets
function kernel.main(path)
  local connection, err = message.connection(path)
  if not connection then return nil, err end
  local engine
  engine, err = core.jupyter.open { key = connection.key, session = connection.session, addresses = connection.addresses }
  if not engine then return nil, err end
  local ok
  ok, err = engine:capture()
  if not ok then return nil, err end
  k = { engine = engine, connection = connection, count = 0, history = history.open(), later = {} }
  display.connect(publish)
  input.connect(ask)
  progress.tty, progress.columns, progress.stream = true, function() return 80 end, display.progress_stream()
  prepare_globals()
  core.system.uninterrupted(loop)
  engine:close()
  return 0
end

return kernel
