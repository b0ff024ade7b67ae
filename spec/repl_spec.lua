local ow = require "orowan"
local sys = ow.sys
local complete = require "orowan.repl.complete"
local show = require "orowan.repl.show"

local OROWAN = dofile "spec/support/program.lua"

describe("session from a pipe", function()
  local function session(input)
    local r = assert(sys.run({ OROWAN }, { input = input, timeout = 30 }))
    return r.stdout, r.stderr, r.status
  end

  it("echoes values, not statements, and nothing after a semicolon", function()
    assert.equal('2\n"a"\t"b"\nnil\n5\n', (session '1 + 1\n"a", "b"\nnil\nx = 5\nx\nx;\nx + 1 ;\nlocal y = 3\n'))
    assert.equal("7\n", (session "x = 3; y = 4\nx + y\n"))
    assert.equal("hello\n", (session "print 'hello'\n"))
  end)

  it("reads on until a chunk is complete", function()
    assert.equal("6\n", (session "function f(x)\n\n  return x * 2\nend\nf(3)\n"))
    assert.equal('"a\\nb"\n', (session "s = [[a\nb]]\ns\n"))
    assert.equal("{ 1, 2 }\n", (session "t = {\n1,\n2\n}\nt\n"))
    assert.equal("3\n", (session "1 +\n2\n"))
  end)

  it("goes on after an error and says so in its status", function()
    local out, err, status = session "error 'boo'\nnil + 1\nx = = 1\n1\n"
    assert.equal("1\n", out)
    assert.matches("error: boo\nerror: attempt to perform arithmetic on a nil value\nerror: unexpected symbol", err)
    assert.equal(1, status)
    out, err, status = session "error({})\nerror(nil)\nsetmetatable({}, {__tostring = function() error 'no' end})\n1"
    assert.matches("1\n$", out)
    assert.matches("error: table: 0x", err)
    assert.equal(1, status)
    assert.equal(0, select(3, session "1\n"))
  end)

  it("says what a misspelt name may have been", function()
    local _, err = session "ow.io.read_tabel 'x'\now.plt.figure {}\now.zeros(2):mena()\nstats.fit(1)\nprnt(1)\nlocal q q.x = 1\now.nothing_like_it()\n"
    assert.matches("did you mean ow.io.read_table%?.*did you mean ow.plot%?.*did you mean :mean%?.*did you mean ow.stats%?.*did you mean print%?", err)
    assert.equal(5, select(2, err:gsub("did you mean", "")))
  end)

  it("reports a chunk that never ends", function()
    local _, err, status = session "function f(\n"
    assert.matches("<eof>", err)
    assert.equal(1, status)
  end)

  it("shows documentation for ?name", function()
    local out = session "?ow.sys.sha256\n"
    assert.matches("^ow%.sys%.sha256%(data%) %-> string\n  SHA%-256", out)
    local _, err, status = session "?ow.sys.sha265\n"
    assert.matches("did you mean 'ow.sys.sha256'", err)
    assert.equal(1, status)
    assert.matches("Ctrl%-C", (session "?\n"))
  end)

  it("has ow, and starts without a prompt or a banner", function()
    assert.equal('"f64"\n', (session "ow.tensor{1.5}:dtype()"))
  end)

  it("ends with os.exit", function()
    assert.equal(4, select(3, session "os.exit(4)\n1\n"))
  end)
end)

describe("session on a terminal", function()
  if not sys.which "script" then
    pending("skipped: script (bsdutils) is not installed")
    return
  end
  if sys.run({ "script", "-qec", "true", "/dev/null" }, { timeout = 10 }).status ~= 0 then
    pending("skipped: this system gives no pseudo-terminal")
    return
  end

  local dir, p
  before_each(function()
    dir = assert(sys.tmpdir("orowan-repl"))
    assert(sys.write_atomic(dir .. "/data_file.txt", "x"))
    -- exec: a shell that stays between (dash) would itself die of the interrupts
    p = assert(sys.spawn({ "script", "-qfec", "exec " .. OROWAN, "/dev/null" },
      { cwd = dir, env = { XDG_STATE_HOME = dir .. "/state", HOME = dir, TERM = "xterm", LANG = "C.UTF-8", COLUMNS = "80" } }))
  end)
  after_each(function()
    p:close()
    sys.remove_tree(dir)
  end)

  local seen, all = "", ""
  local function wait_for(text, seconds)
    local limit = sys.clock() + (seconds or 10)
    while not seen:find(text, 1, true) do
      local data, why = p:read(math.max(0.01, limit - sys.clock()))
      if data then seen, all = seen .. data, all .. data end
      if why == "end" or sys.clock() > limit then error(("waited for %q, saw %q of %q"):format(text, seen, all)) end
    end
    seen = seen:sub(select(2, seen:find(text, 1, true)) + 1)
  end
  local function type_keys(s) assert(p:write(s)) end

  it("edits, completes, interrupts and remembers", function()
    seen = ""
    wait_for "Ctrl-D leaves."
    wait_for "> "
    type_keys "6 * 7\r"
    wait_for "42\r\n"

    type_keys "ow.sys.sha256_f\t\r"       -- completion
    wait_for "function"

    type_keys "x = 'data_f\t'\rx\r"  -- file names
    wait_for '"data_file.txt"'

    type_keys("12X\127" .. "3\r")        -- editing
    wait_for "123\r\n"

    type_keys "'\195\169'\r"              -- UTF-8
    wait_for '"\195\169"\r\n'

    local t
    type_keys "while true do end\r"
    wait_for "while true do end"
    sys.sleep(0.3)
    t = sys.clock()
    type_keys "\3"
    wait_for "interrupted"
    assert.is_true(sys.clock() - t < 1)

    type_keys "while true do pcall(function() while true do end end) end\r"
    wait_for "end end) end"
    sys.sleep(0.3)
    t = sys.clock()
    type_keys "\3"
    wait_for "interrupted"
    assert.is_true(sys.clock() - t < 1)

    type_keys "co = coroutine.wrap(function() while true do end end) co()\r"
    wait_for "co()"
    sys.sleep(0.2)
    type_keys "\3"
    wait_for "interrupted"

    type_keys "t = ow.random.normal(2000000) for i = 1, 1e9 do ow.sin(t, {out = t}) end\r"  -- a kernel
    wait_for "end\r\n"
    sys.sleep(0.4)
    t = sys.clock()
    type_keys "\3"
    wait_for "interrupted"
    assert.is_true(sys.clock() - t < 1)

    type_keys "function f()\r"
    wait_for ">> "
    type_keys "\3"                        -- drops what was begun
    wait_for "> "
    type_keys "x\r"                       -- the session is as it was
    wait_for '"data_file.txt"'
    type_keys "nonsense\3"
    wait_for "^C"
    type_keys "1 + 1\r"
    wait_for "2\r\n"

    wait_for "> "  -- before it, the terminal itself would take the end-of-file key
    type_keys "\4"
    local r = p:wait(10)
    assert.equal(0, r and r.status)
    local history = sys.read_file(dir .. "/state/orowan/history")
    assert.matches("6\\040%*\\0407", history)
    assert.equal(384, sys.stat(dir .. "/state/orowan/history").mode & 511)  -- rw for its owner only
    assert.same({ "history" }, sys.list(dir .. "/state/orowan"))
  end)
end)

describe("completion", function()
  local function at(line, env) return (complete.candidates(line, env)) end

  it("finds names through tables and metatables", function()
    local base = { inherited = 1, hidden_method = function() end }
    local env = { thing = setmetatable({ own = 2, other = 3 }, { __index = base }), theme = 1, _G = 1 }
    assert.same({ "theme", "then", "thing" }, at("x = th", env))
    assert.same({ "hidden_method", "inherited", "other", "own" }, at("thing.", env))
    assert.same({ "other", "own" }, at("f(thing.o", env))
    assert.same({ "hidden_method" }, at("thing:", env))
    assert.same({}, at("nothing.", env))
    assert.same({}, at("f().", env))
    assert.same({}, at("thing.own.x.", env))
  end)

  it("knows tensor methods, string methods and modules that load late", function()
    local env = { t = ow.tensor { 1, 2 }, s = "text", ow = ow }
    assert.same({ "totable" }, at("t:tot", env))
    assert.same({ "sub" }, at("s:su", env))
    assert.same({ "recipe", "recipro" }, { at("ow.rec", env)[1], (at("ow.rec", env)[2] or ""):sub(1, 7) })
    assert.same({ "sha256", "sha256_file" }, at("?ow.sys.sha", env))
    assert.same({ "home" }, at("?hom", env))
  end)

  it("inserts the common part, then lists", function()
    local env = { alpha_one = 1, alpha_two = 2 }
    assert.equal("ha_", (complete.key("alp", env)))
    local insert, listing = complete.key("alpha_", env)
    assert.equal("", insert)
    assert.equal("alpha_one  alpha_two", listing)
    assert.equal("ne", (complete.key("alpha_o", env)))
    assert.equal("  ", (complete.key("", env)))
  end)

  it("finds files inside quotes, and no names there", function()
    assert.equal("file", (complete.key("f('spec/fixtures/recipes/../../../Make", {})))
    assert.same({}, at("'no_such_folder/", { x = 1 }))
    assert.same({ "xyz" }, at("'a' .. x", { xyz = 1 }))
  end)
end)

describe("values", function()
  it("show their content, bounded", function()
    assert.equal("{}", show {})
    assert.equal('{ 1, "a\\n", ["a b"] = 0.5, ["end"] = 1, x = true }', show { 1, "a\n", x = true, ["a b"] = 0.5, ["end"] = 1 })
    local loop = {}
    loop.me = loop
    assert.equal("{ me = <the table around it> }", show(loop))
    assert.equal("{ { { {...} } } }", show { { { { 1 } } } })
    local long = {}
    for i = 1, 10000 do long[i] = i end
    assert.matches("39,%s+40,%s+%.%.%. %(10000 in all%)", show(long))
    assert.equal("me", show(setmetatable({}, { __tostring = function() return "me" end })))
    assert.is_true(#show(("x"):rep(1e6)) < 500)
  end)
end)
