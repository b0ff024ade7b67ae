local ow = require "orowan"
local sys = ow.sys

local function sh(script, options) return assert(sys.run({ "sh", "-c", script }, options)) end

-- A Lua script in a child that sees the same modules.
local function child(script, options)
  options = options or {}
  options.env = { LUA_PATH = package.path, LUA_CPATH = package.cpath }
  return assert(sys.run({ "lua5.4", "-e", script }, options))
end

describe("sys.run", function()
  it("gives status, stdout and stderr", function()
    local r = sh "echo out; echo err >&2; exit 3"
    assert.same({ status = 3, stdout = "out\n", stderr = "err\n", timed_out = false }, r)
  end)

  it("hands arguments over as they are", function()
    local args = { "a b", "$HOME", "`id`", "", "*", "ä\"'" }
    local r = sys.run { "printf", "%s\\n", table.unpack(args) }
    assert.equal(table.concat(args, "\n") .. "\n", r.stdout)
    assert.equal("1.5 7\n", sys.run({ "echo", 1.5, 7 }).stdout)
  end)

  it("feeds and collects more than any pipe holds, all at once", function()
    local big = ("0123456789abcdef"):rep(200000)
    local r = sh("tee /dev/stderr", { input = big })
    assert.is_true(r.stdout == big and r.stderr == big)
  end)

  it("is not disturbed by a program that does not read its input", function()
    assert.equal(0, sys.run({ "true" }, { input = ("x"):rep(1e6) }).status)
    assert.equal("ab", sys.run({ "head", "-c", "2" }, { input = ("ab"):rep(1e6) }).stdout)
  end)

  it("gives an empty input without one", function()
    assert.equal("", sys.run({ "cat" }, { timeout = 5 }).stdout)
  end)

  it("kills the whole group when time is up", function()
    local dir = assert(sys.tmpdir())
    local t = sys.clock()
    local r = sh("(sleep 0.8; touch " .. dir .. "/alive) & sleep 30", { timeout = 0.2 })
    assert.is_true(r.timed_out)
    assert.equal(15, r.signal)
    assert.is_true(sys.clock() - t < 5)
    sys.sleep(1)
    assert.is_false(sys.exists(dir .. "/alive"))
    assert(sys.remove_tree(dir))
  end)

  it("kills what ignores the polite signal", function()
    local r = sh("trap '' TERM; while :; do sleep 0.1; done", { timeout = 0.2 })
    assert.is_true(r.timed_out)
    assert.equal(9, r.signal)
  end)

  it("does not wait for background children of a program that has ended", function()
    local t = sys.clock()
    local r = sh("echo done; sleep 30 &")
    assert.equal("done\n", r.stdout)
    assert.is_true(sys.clock() - t < 5)
  end)

  it("reports a signal", function()
    local r = sh "kill -SEGV $$"
    assert.equal(11, r.signal)
    assert.is_nil(r.status)
  end)

  it("names a missing program, a missing folder and a file that is no program", function()
    local r, err = sys.run { "orowan-no-such-program" }
    assert.is_nil(r)
    assert.equal("missing", err.code)
    assert.matches("orowan%-no%-such%-program: program not found in PATH", tostring(err))
    r, err = sys.run { "/no/such/program" }
    assert.is_nil(r)
    assert.matches("/no/such/program", tostring(err))
    r, err = sys.run({ "true" }, { cwd = "/no/such/folder" })
    assert.is_nil(r)
    assert.matches("/no/such/folder: no such folder", tostring(err))
    r, err = sys.run { "/etc/passwd" }
    assert.is_nil(r)
    assert.matches("[Pp]ermission denied", tostring(err))
  end)

  it("sets folder and environment", function()
    local r = sh("pwd; echo $ORO_A-$ORO_B-${HOME-none}", { cwd = "/usr", env = { ORO_A = "x=y z", ORO_B = 3, HOME = false } })
    assert.equal("/usr\nx=y z-3-none\n", r.stdout)
  end)

  it("merges and drops streams", function()
    assert.equal("a\nb\n", sh("echo a; echo b >&2", { stderr = "merge" }).stdout)
    local r = sh("echo a; echo b >&2", { stdout = "null" })
    assert.equal("", r.stdout)
    assert.equal("b\n", r.stderr)
  end)

  it("leaks no file, neither here nor into the child", function()
    if not sys.isdir "/proc/self/fd" then pending "no /proc" end
    local before = #sys.list "/proc/self/fd"
    local f = assert(io.open "/etc/passwd")  -- opened without O_CLOEXEC
    for _ = 1, 20 do
      sh "exit 0"
      sys.run { "orowan-no-such-program" }
      sys.run({ "true" }, { cwd = "/no/such/folder" })
    end
    local inside = sh "ls /proc/self/fd"
    f:close()
    assert.equal(before, #sys.list "/proc/self/fd")
    assert.equal("0\n1\n2\n3\n", inside.stdout)  -- 3 is ls's own
  end)

  it("ends child and call when the user interrupts", function()
    local r = child [[
      local sys = require "orowan".sys
      local p = assert(sys.spawn({"sh", "-c", "sleep 0.3; kill -INT " .. sys.getpid()}))
      local t = sys.clock()
      local ok, err = pcall(sys.run, {"sleep", "30"})
      print(ok, err.code, sys.clock() - t < 5)
      require "orowan".core.system.clear_interrupt()]]
    assert.equal("false\tinterrupted\ttrue\n", r.stdout, r.stderr)
  end)

  it("refuses wrong arguments, naming them", function()
    for _, case in ipairs {
      { {}, "argv" }, { "ls", "argv" }, { { "ls", {} }, "argv" }, { { "a\0b" }, "zero byte" },
    } do
      local ok, err = pcall(sys.run, case[1])
      assert.is_false(ok)
      assert.matches(case[2], tostring(err))
    end
    for _, case in ipairs {
      { { timeout = -1 }, "timeout" }, { { timeout = "x" }, "timeout" }, { { input = 3 }, "input" },
      { { env = { A = {} } }, "env" }, { { stdout = "merge" }, "stdout" }, { 3, "options" }, { { timeout = 0 / 0 }, "timeout" },
    } do
      local ok, err = pcall(sys.run, { "true" }, case[1])
      assert.is_false(ok)
      assert.matches(case[2], tostring(err))
    end
  end)
end)

describe("sys.spawn", function()
  it("talks line by line", function()
    local p = assert(sys.spawn { "sh", "-c", "while read x; do echo \"<$x>\"; done; echo bye >&2" })
    for i = 1, 3 do
      assert(p:write(i .. "\n"))
      assert.equal("<" .. i .. ">", p:read_line(5))
    end
    local line, why = p:read_line(0.05)
    assert.is_nil(line)
    assert.equal("timeout", why)
    assert.is_true(p:poll())
    assert.is_number(p:pid())
    p:close_input()
    local r = p:wait(5)
    assert.equal(0, r.status)
    assert.equal("bye\n", r.stderr)
    assert.is_false(p:poll())
    line, why = p:read(0)
    assert.is_nil(line)
    assert.equal("end", why)
    local ok, err = p:write "x"
    assert.is_nil(ok)
    assert.matches("closed", tostring(err))
  end)

  it("splits lines exactly, also the last one without a newline", function()
    local p = assert(sys.spawn { "printf", "a\\n\\nb" })
    assert.equal("a", p:read_line(5))
    assert.equal("", p:read_line(5))
    assert.equal("b", p:read_line(5))
    assert.same({ nil, "end" }, { p:read_line(5) })
  end)

  it("collects output while it writes", function()
    local p <close> = assert(sys.spawn { "cat" })
    local big = ("y"):rep(3e6)
    assert(p:write(big, 20))
    p:close_input()
    assert.is_true(p:wait(20).stdout == big)
  end)

  it("waits with a limit, kills, and close may be called again", function()
    local p = assert(sys.spawn { "sleep", "30" })
    local r, why = p:wait(0.05)
    assert.is_nil(r)
    assert.equal("timeout", why)
    p:kill "TERM"
    assert.equal(15, p:wait(5).signal)
    p:close()
    p:close()
    assert.matches("signal 15", tostring(p))
  end)

  it("kills the child when the value is collected", function()
    local pid
    do
      local p = assert(sys.spawn { "sleep", "30" })
      pid = p:pid()
    end
    collectgarbage()
    collectgarbage()
    assert.not_equal(0, sh("kill -0 " .. pid).status)
  end)
end)

describe("sys files", function()
  local dir
  before_each(function() dir = assert(sys.tmpdir "orowan-spec") end)
  after_each(function() assert(sys.remove_tree(dir)) end)

  it("writes atomically: content, permissions, links, no leftovers", function()
    local path = dir .. "/f"
    assert(sys.write_atomic(path, "one\0two"))
    assert.equal("one\0two", sys.read_file(path))
    sh("chmod 640 f; ln -s f link", { cwd = dir })
    assert(sys.write_atomic(dir .. "/link", "three"))
    assert.equal("three", sys.read_file(path))
    assert.equal(tonumber("640", 8), sys.stat(path).mode)
    assert(sys.write_atomic(path, ""))
    assert.equal("", sys.read_file(path))
    assert.same({ "f", "link" }, sys.list(dir))
    assert.equal(0, sh("test -L link", { cwd = dir }).status)
  end)

  it("leaves the old file when the disk is full", function()
    assert(sys.write_atomic(dir .. "/f", "old"))
    -- a limit on the size of files stands in for a full disk: write() fails half way
    local r = sh([[trap '' XFSZ; ulimit -f 8; exec lua5.4 -e '
      local sys = require "orowan".sys
      print(sys.write_atomic("f", ("x"):rep(1e6)))']],
      { cwd = dir, env = { LUA_PATH = package.path:gsub("%./", sys.cwd() .. "/"), LUA_CPATH = package.cpath:gsub("%./", sys.cwd() .. "/") } })
    assert.matches("nil\tsys.write_atomic: f: cannot write", r.stdout)
    assert.equal("old", sys.read_file(dir .. "/f"))
    assert.same({ "f" }, sys.list(dir))
  end)

  it("says what it could not open or write", function()
    local r, err = sys.read_file(dir .. "/none")
    assert.is_nil(r)
    assert.matches("none: cannot open: No such file", tostring(err))
    r, err = sys.read_file(dir)
    assert.is_nil(r)
    assert.matches("directory", tostring(err))
    r, err = sys.write_atomic(dir .. "/no/f", "x")
    assert.is_nil(r)
    assert.matches("cannot write", tostring(err))
    assert.is_nil((sys.write_atomic(dir, "x")))
    assert.is_nil((sys.sha256_file(dir)))
    assert.is_nil((sys.list(dir .. "/none")))
    assert.is_nil((sys.stat(dir .. "/none")))
    assert.is_nil((sys.write_atomic(("x"):rep(10000), "x")))
    assert.has_error(function() sys.read_file("a\0b") end)
  end)

  it("makes, lists and removes folders", function()
    assert(sys.mkdir(dir .. "/a/b/c"))
    assert(sys.mkdir(dir .. "/a/b/c/"))
    assert(sys.write_atomic(dir .. "/a/z", "1"))
    assert.same({ "b", "z" }, sys.list(dir .. "/a"))
    assert.is_true(sys.isdir(dir .. "/a/b"))
    assert.is_false(sys.isdir(dir .. "/a/z"))
    assert.equal(1, sys.stat(dir .. "/a/z").size)
    assert.is_true(math.abs(sys.stat(dir .. "/a/z").mtime - sys.time()) < 60)
    local r, err = sys.mkdir(dir .. "/a/z/x")
    assert.is_nil(r)
    assert.matches("cannot make folder", tostring(err))
    assert.is_nil((sys.remove(dir .. "/a")))
    assert(sys.rename(dir .. "/a/z", dir .. "/y"))
    assert(sys.remove(dir .. "/y"))
    assert.is_nil((sys.remove(dir .. "/y")))
    sh("mkdir keep; echo 1 > keep/f; ln -s ../keep a/link", { cwd = dir })
    assert(sys.remove_tree(dir .. "/a"))
    assert(sys.remove_tree(dir .. "/a"))
    assert.is_true(sys.exists(dir .. "/keep/f"))
  end)

  it("refuses to remove the folders that everything lies in", function()
    for _, path in ipairs { "/", "//", "/usr/..", sys.temp_root(), os.getenv "HOME" or "/" } do
      local r, err = sys.remove_tree(path)
      assert.is_nil(r)
      assert.matches("refusing", tostring(err))
    end
  end)

  it("finds programs", function()
    assert.matches("/sh$", sys.which "sh")
    assert.is_nil(sys.which "orowan-no-such-program")
    assert.is_nil(sys.which "")
    assert.is_nil(sys.which(dir))
  end)
end)

describe("sys.sha256", function()
  -- FIPS 180-4 examples and NIST's long messages
  local vectors = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    { ("a"):rep(1000000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
  }
  it("gives the published digests", function()
    for _, v in ipairs(vectors) do assert.equal(v[2], sys.sha256(v[1])) end
  end)

  it("agrees with coreutils at every length around the block size, from files too", function()
    local path = assert(sys.tmpdir()) .. "/f"
    for _, n in ipairs { 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 262143, 262144, 262145, 700001 } do
      local s = ("%d:"):format(n):rep(n):sub(1, n)
      assert(sys.write_atomic(path, s))
      local digest = sys.run({ "sha256sum" }, { input = s }).stdout:match "^%x+"
      assert.equal(digest, sys.sha256(s))
      assert.equal(digest, sys.sha256_file(path))
    end
    sys.remove_tree(path:match "(.*)/")
  end)
end)

describe("sys machine", function()
  it("has clocks that agree with each other", function()
    local c, t = sys.clock(), sys.time()
    sys.sleep(0.05)
    local dc, dt = sys.clock() - c, sys.time() - t
    assert.is_true(dc >= 0.05 and math.abs(dc - dt) < 0.05)
    assert.is_true(math.abs(sys.time() - os.time()) < 2)
    assert.is_true(sys.cpu_time() > 0)
    assert.has_error(function() sys.sleep(-1) end)
    assert.has_error(function() sys.sleep(0 / 0) end)
  end)

  it("sees memory grow", function()
    -- in a process of its own: this one's peak may lie far above what it holds now
    assert.equal("true\ttrue\n", child [[
      local sys = require("orowan").sys
      local before = sys.peak_memory()
      local s = ("x"):rep(100 * 2 ^ 20)
      print(sys.peak_memory() - before > 90 * 2 ^ 20, sys.resident_memory() > #s)]].stdout)
  end)

  it("knows names, terminal and environment", function()
    assert.is_true(#sys.hostname() > 0 and #sys.cpu_name() > 0 and #sys.os_name() > 0)
    assert.is_true(sys.cores() >= 1 and sys.columns() >= 1 and sys.getpid() > 1)
    assert.equal("false\n", child("print(require('orowan').sys.isatty(1))").stdout)
    sys.setenv("OROWAN_SPEC_VARIABLE", "1")
    assert.equal("1\n", sh("echo $OROWAN_SPEC_VARIABLE").stdout)
    sys.setenv "OROWAN_SPEC_VARIABLE"
    assert.equal("\n", sh("echo $OROWAN_SPEC_VARIABLE").stdout)
    assert.has_error(function() sys.setenv("a=b", "c") end)
  end)
end)
