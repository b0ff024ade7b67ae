-- The notebook kernel without Python: signatures, messages, cells, help, and the kernel itself
-- talked to through our own sockets.
local ow = require "orowan"
local core = require "orowan.core"
local sys, json = ow.sys, ow.json
local chunk = require "orowan.repl.chunk"
local help = require "orowan.jupyter.help"
local logo = require "orowan.jupyter.logo"
local message = require "orowan.jupyter.message"

local OROWAN = dofile "spec/support/program.lua"

describe("signatures", function()
  local hmac = core.jupyter.hmac
  -- RFC 4231, test cases 1, 2, 3, 6 and 7
  it("are those of RFC 4231", function()
    assert.equal("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", hmac(("\x0b"):rep(20), "Hi There"))
    assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", hmac("Jefe", "what do ya want ", "for nothing?"))
    assert.equal("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe", hmac(("\xaa"):rep(20), ("\xdd"):rep(50)))
    assert.equal("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      hmac(("\xaa"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First"))
    assert.equal("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2", hmac(("\xaa"):rep(131),
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm."))
  end)

  it("stand over header, parent, metadata and content", function()
    local c = { key = "k", session = "s" }
    local frames, header = message.frames(c, { type = "status", content = { a = 1 }, idents = { "topic" }, buffers = { "b" } })
    assert.equal(8, #frames)
    assert.equal("<IDS|MSG>", frames[2])
    assert.equal(hmac("k", table.unpack(frames, 4, 7)), frames[3])
    local m = assert(message.parse { channel = "shell", idents = { "topic" }, frames = table.move(frames, 3, #frames, 1, {}) })
    assert.equal("status", m.type)
    assert.equal(header.msg_id, m.header.msg_id)
    assert.same({ a = 1 }, m.content)
    assert.same({ "b" }, m.buffers)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$", header.date)
    assert.equal("", message.frames({ key = "", session = "s" }, { type = "x", content = {} })[2])
  end)

  it("of malformed messages do not matter: they are refused", function()
    for _, parts in ipairs { { "no json", "{}", "{}", "{}" }, { "[]", "{}", "{}", "{}" }, { "{}", "{}", "{}", "{}" }, { "{}" }, {},
      { '{"msg_type":"x","msg_id":"1"}', "{}", "{}", "7" }, { '{"msg_type":"x","msg_id":1}', "{}", "{}", "{}" } } do
      local m, err = message.parse { channel = "shell", idents = {}, frames = { "", table.unpack(parts) } }
      assert.is_nil(m)
      assert.matches("expected", err)
    end
  end)
end)

describe("a connection file", function()
  local dir
  before_each(function() dir = assert(sys.tmpdir "orowan-jupyter") end)
  after_each(function() sys.remove_tree(dir) end)
  local good = { transport = "tcp", ip = "127.0.0.1", key = "k", signature_scheme = "hmac-sha256",
    shell_port = 1, control_port = 2, stdin_port = 3, iopub_port = 4, hb_port = 5 }
  local function read(change)
    local c = {}
    for k, v in pairs(good) do c[k] = v end
    for k, v in pairs(change) do c[k] = v end
    assert(sys.write_atomic(dir .. "/c.json", json.encode(c)))
    return message.connection(dir .. "/c.json")
  end

  it("gives the addresses, and nothing but these", function()
    local c = assert(read {})
    assert.same({ shell = "tcp://127.0.0.1:1", control = "tcp://127.0.0.1:2", stdin = "tcp://127.0.0.1:3", iopub = "tcp://127.0.0.1:4",
      hb = "tcp://127.0.0.1:5" }, c.addresses)
    assert.equal("ipc:///tmp/x-1", assert(read { transport = "ipc", ip = "/tmp/x" }).addresses.shell)
  end)

  it("that is wrong is refused with the field", function()
    for _, case in ipairs { { { signature_scheme = "hmac-md5" }, "expected hmac%-sha256, got hmac%-md5" }, { { transport = "udp" }, "transport" },
      { { shell_port = "x" }, "shell_port" }, { { ip = 7 }, "ip" } } do
      local c, err = read(case[1])
      assert.is_nil(c)
      assert.matches(case[2], err)
    end
    assert.is_nil(message.connection(dir .. "/none.json"))
    assert(sys.write_atomic(dir .. "/c.json", "no json"))
    assert.is_nil(message.connection(dir .. "/c.json"))
  end)
end)

describe("a cell", function()
  local function results(text)
    local piece = chunk.compile(text, "=cell")
    assert(piece.run, piece.err)
    return table.pack(piece.run())
  end
  local function value(text)
    local r = results(text)
    assert.equal(1, r.n, text)
    return r[1]
  end

  it("gives the value of its last expression", function()
    assert.equal(2, value "1 + 1")
    assert.equal(12, value "local a = 3\nlocal b = 4\na * b")
    assert.equal(6, value "local x = 5; x + 1")
    assert.equal(3, value "local t = { 1,\n2,\n3 }\n#t")
    assert.equal("b", value "local s = [[a\nb]]\ns:sub(3)")
    assert.equal(7, value "return 7")
    assert.equal(7, value "= 7")
    assert.equal(4, value "local function f(x)\n  return x * 2\nend\n\nf(2) -- four\n")
    assert.equal(3, value "local x = 1\nrepeat x = x + 1\nuntil x > 2\nx")
    assert.equal("a;b", value "'a;b'")
    assert.equal(2, results("1, 2").n)
    assert.equal(0, results("local x = 3").n)
    assert.equal(0, results("-- only a comment").n)
    assert.equal(0, results("for i = 1, 2 do end").n)
    assert.equal(0, results("local function f() end\nf()").n)
  end)

  it("is read as Lua reads it where a line goes on", function()
    assert.equal(0, results("local x, y = 5, 2\nlocal z = x\n- y").n)      -- z = x - y
    local f, g = chunk.compile("local function id(x) return x end\nlocal z = id\n(3)\nz", "=cell").run, nil
    assert.equal(3, f())
    g = chunk.compile("local function id(t) return t end\nlocal t = id\n{ 1 }\n#t", "=cell").run
    assert.equal(1, g())
  end)

  it("is quiet with a semicolon", function()
    assert.is_true(chunk.compile("1;", "=c").quiet)
    assert.is_true(chunk.compile("x = 1; -- so", "=c").quiet)
    assert.is_false(chunk.compile("'a;'", "=c").quiet)
    assert.is_false(chunk.compile("1 -- a;", "=c").quiet)
  end)

  it("is incomplete, or wrong", function()
    for _, text in ipairs { "for i = 1, 2 do", "f(", "x = {", "s = [[a", "1 +", "function f()", "--[[ a" } do
      assert.is_true(chunk.compile(text, "=c").incomplete, text)
    end
    for _, text in ipairs { "x = = 1", "end", "1 2", "f)", "x = 'a\nb", "goto nowhere" } do
      local p = chunk.compile(text, "=c")
      assert.is_nil(p.run)
      assert.is_false(p.incomplete, text)
      assert.matches("^c:1:", p.err)
    end
    assert.equal(2, chunk.depth(chunk.tokens "for i = 1, 2 do\n  f(function() x"  ) - 1)
  end)

  it("keeps its line numbers", function()
    local ok, err = pcall(chunk.compile("local x = 1\n\nx.y.z", "=c").run)
    assert.is_false(ok)
    assert.matches("^c:3:", err)
  end)

  it("of any bytes is cut into tokens", function()
    local rng = ow.rng(7)
    local pieces = { "'", '"', "[[", "]]", "[=[", "--", "\n", "\\", "x", "1e", "0x", "..", "\xff", ";", "end", "function", "(", ")" }
    for _ = 1, 300 do
      local t = {}
      for i = 1, 12 do t[i] = pieces[1 + rng:uniform(1):totable()[1] * #pieces // 1 | 0] end
      local text = table.concat(t)
      local at = 0
      for _, token in ipairs(chunk.tokens(text)) do
        assert.is_true(token.at > at and token.stop >= token.at and token.stop <= #text, text)
        at = token.stop
      end
      chunk.compile(text, "=c")
    end
  end)

  it("of two thousand lines compiles at once", function()
    local lines = {}
    for i = 1, 2000 do lines[i] = ("v%d = function() return %d end"):format(i, i) end
    local start = sys.clock()
    assert.is_not_nil(chunk.compile(table.concat(lines, "\n") .. "\n1", "=c").run)
    assert.is_true(sys.clock() - start < 2)
  end)
end)

describe("help in a cell", function()
  it("completes names, methods and locals at a place counted in characters", function()
    local list, first, last = help.complete("s = 'é' .. thing.al", 19, { thing = { alpha = 1 } })
    assert.same({ { "alpha" }, 17, 19 }, { list, first, last })
    assert.same({ "own_local" }, (help.complete("local own_local = 1\nown", 23, {})))
    assert.same({ "argument" }, (help.complete("function f(argument, b)\n arg", 28, {})))
    assert.is_table((help.complete("\xff\xfe.", 3, {})))
  end)

  it("explains the name under the cursor, or the open call", function()
    assert.matches("^ow.sys.sha256%(", help.inspect("x = ow.sys.sha256", 17, _G))
    assert.matches("^ow.sys.sha256%(", help.inspect("ow.sys.sha256('a', ", 19, { ow = ow }))
    assert.matches("^ow.sys.sha256%(", help.inspect("ow.sys.sha256(f(1)[2], y", 24, { ow = ow }))
    assert.matches("n: number\n7", help.inspect("n", 1, { n = 7 }))
    assert.is_nil(help.inspect("", 0, {}))
    assert.is_nil(help.inspect("no_such", 3, {}))
  end)
end)

describe("history", function()
  it("is kept between sessions, bounded, and forgives a damaged file", function()
    local dir = assert(sys.tmpdir "orowan-history")
    local script = [[
      local h = require("orowan.jupyter.history").open()
      h:add(1, "first") h:add(2, "se\ncond")
      for _, e in ipairs(h:range(-1)) do io.write(e[1], " ", e[2], " ", e[3], ";") end
      for _, e in ipairs(h:search("f?rst*", 1, true)) do io.write(e[1], " ", e[3]) end]]
    local env = { env = { XDG_STATE_HOME = dir } }
    assert.equal("1 first", sys.run({ OROWAN, "-e", script }, env).stdout)
    local f = assert(io.open(dir .. "/orowan/notebooks.jsonl", "a"))
    f:write("damaged\n[1]\n{}\n")
    f:close()
    assert.equal("1 1 first;1 2 se\ncond;2 first", sys.run({ OROWAN, "-e", script }, env).stdout)
    assert.equal(384, sys.stat(dir .. "/orowan/notebooks.jsonl").mode & 511)
    sys.remove_tree(dir)
  end)
end)

describe("orowan jupyter", function()
  local dir
  before_each(function() dir = assert(sys.tmpdir "orowan-jupyter") end)
  after_each(function() sys.remove_tree(dir) end)
  local function orowan(args, env) return assert(sys.run({ OROWAN, "jupyter", table.unpack(args) }, { env = env, timeout = 30 })) end

  it("writes a kernelspec with a logo, and removes it", function()
    local r = orowan { "install", "--prefix", dir .. "/new" }
    assert.equal(0, r.status, r.stderr)
    local spec = assert(json.decode(assert(sys.read_file(dir .. "/new/share/jupyter/kernels/orowan/kernel.json"))))
    assert.equal("Lua (Orowan)", spec.display_name)
    assert.same({ sys.realpath(OROWAN), "jupyter", "kernel", "{connection_file}" }, table.move(spec.argv, 1, 4, 1, {}))
    assert.same({ 64, 64, 4 }, assert(ow.io.read_png(dir .. "/new/share/jupyter/kernels/orowan/logo-64x64.png")):shape())
    assert.equal(0, orowan({ "uninstall", "--prefix", dir .. "/new" }).status)
    assert.is_false(sys.exists(dir .. "/new/share/jupyter/kernels/orowan"))
    r = orowan({ "install" }, { JUPYTER_DATA_DIR = dir .. "/data" })
    assert.is_true(sys.exists(dir .. "/data/kernels/orowan/logo-svg.svg"))
  end)

  it("says what is wrong", function()
    assert.matches("did you mean 'install'", orowan({ "instal" }).stderr)
    assert.matches("exclude each other", orowan({ "install", "--user", "--prefix", dir }).stderr)
    assert.matches("connection file", orowan({ "kernel" }).stderr)
    assert.matches("usage", orowan({}).stdout)
    local r = orowan({ "install" }, { OROWAN_ZMQ = "none", JUPYTER_DATA_DIR = dir })
    assert.equal(1, r.status)
    assert.matches("apt%-get install libzmq5", r.stderr)
  end)

  it("has a logo whose disc is where it should be", function()
    local t = logo.image(64)
    assert.same({ 29, 35, 41, 255 }, t:select(1, 44):select(1, 16):totable())  -- left obstacle
    assert.equal(0, t:get(2, 2, 4))
    assert.equal(255, t:get(19, 33, 4))                                        -- top of the arc
  end)
end)

if not core.jupyter.available() then
  pending("skipped: libzmq is missing (apt-get install libzmq5)")
  return
end

describe("the kernel", function()
  local dir, kernel, client, connection
  local function start()
    dir = assert(sys.tmpdir "orowan-kernel")
    local c = { transport = "ipc", ip = dir .. "/s", key = "secret", signature_scheme = "hmac-sha256", shell_port = 1, control_port = 2,
      stdin_port = 3, iopub_port = 4, hb_port = 5 }
    assert(sys.write_atomic(dir .. "/c.json", json.encode(c)))
    kernel = assert(sys.spawn({ OROWAN, "jupyter", "kernel", dir .. "/c.json" }, { env = { XDG_STATE_HOME = dir } }))
    connection = assert(message.connection(dir .. "/c.json"))
    client = assert(core.jupyter.open { client = true, key = connection.key, session = connection.session, addresses = connection.addresses })
  end
  local function send(channel, kind, content, key)
    local frames, header = message.frames({ key = key or connection.key, session = connection.session }, { type = kind, content = content })
    client:send(channel, frames)
    return header.msg_id
  end
  local function receive(channel, id, seconds)
    local limit = sys.clock() + (seconds or 30)
    while sys.clock() < limit do
      local raw = client:receive({ channel }, 0.2)
      local m = raw and assert(message.parse(raw))
      if m and m.parent.msg_id == id then return m end
    end
    error("nothing came on " .. channel .. ": " .. kernel:stderr())
  end
  local function run(code)
    local id = send("shell", "execute_request", { code = code, allow_stdin = true })
    local reply = receive("shell", id)
    local text, result = {}, nil
    repeat
      local m = receive("iopub", id)
      if m.type == "stream" then text[#text + 1] = m.content.text end
      if m.type == "execute_result" then result = m.content.data["text/plain"] end
    until m.type == "status" and m.content.execution_state == "idle"
    return reply.content, result, table.concat(text)
  end

  setup(function()
    start()
    receive("shell", send("shell", "kernel_info_request", {}))
    sys.sleep(0.1)  -- until the subscription to iopub has arrived
  end)
  teardown(function()
    client:close()
    kernel:close()
    sys.remove_tree(dir)
  end)

  it("executes, streams and answers", function()
    local reply, result, text = run("print 'hello'\nx = 2\nx + 1")
    assert.equal("ok", reply.status)
    assert.equal("3", result)
    assert.equal("hello\n", text)
    reply = run("error 'boo'")
    assert.equal("error", reply.status)
    assert.matches("In%[2%], line 1", table.concat(reply.traceback))
  end)

  it("echoes its heartbeat while a cell runs", function()
    local id = send("shell", "execute_request", { code = "while true do end" })
    sys.sleep(0.2)
    client:send("hb", { "ping" })
    send("control", "interrupt_request", {})
    local t = sys.clock()
    assert.equal("Interrupted", receive("shell", id).content.ename)
    assert.is_true(sys.clock() - t < 1)
  end)

  it("ignores what is not signed with its key", function()
    send("shell", "execute_request", { code = "forged = true" }, "another key")
    client:send("shell", { "nothing", "of the protocol" })
    client:send("shell", { "<IDS|MSG>", "short" })
    assert.equal("nil", select(2, run "forged"))
    assert.matches("signature is wrong", kernel:stderr())
  end)

  it("asks on the stdin channel", function()
    local id = send("shell", "execute_request", { code = "answer = input('How many? ')", allow_stdin = true })
    local asked = receive("stdin", id)
    assert.equal("How many? ", asked.content.prompt)
    client:send("stdin", (message.frames(connection, { type = "input_reply", content = { value = "seven" }, parent = asked.header_text })))
    receive("shell", id)
    assert.equal('"seven"', select(2, run "answer"))
  end)

  it("shuts down", function()
    assert.equal("shutdown_reply", receive("control", send("control", "shutdown_request", { restart = false })).type)
    local r = kernel:wait(10)
    assert.equal(0, r and r.status)
  end)
end)
