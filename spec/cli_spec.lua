local ow = require "orowan"
local sys, json = ow.sys, ow.json

local OROWAN = dofile "spec/support/program.lua"
local WALK = sys.cwd() .. "/spec/fixtures/recipes/walk.lua"

describe("orowan command", function()
  local dir
  before_each(function() dir = assert(sys.tmpdir("orowan-cli")) end)
  after_each(function() sys.remove_tree(dir) end)

  local function orowan(args, options)
    options = options or {}
    options.timeout, options.cwd = options.timeout or 60, options.cwd or dir
    return assert(sys.run({ OROWAN, table.unpack(args) }, options))
  end
  local function write(name, text)
    assert(sys.write_atomic(dir .. "/" .. name, text))
    return dir .. "/" .. name
  end

  describe("runs Lua scripts", function()
    it("with arg as lua5.4 sets it", function()
      write("args.lua", "#!/usr/bin/env orowan\nlocal t = {}\nfor i = -4, 4 do t[#t + 1] = tostring(arg[i]) end\n" ..
        "print(table.concat(t, ' '), ...)\nprint(debug.getinfo(1, 'S').source, debug.getinfo(1, 'l').currentline)")
      local ours = orowan({ "args.lua", "a", "run" })
      local theirs = sys.run({ "lua5.4", "args.lua", "a", "run" }, { cwd = dir, timeout = 20 })
      assert.equal(0, ours.status)
      assert.equal((theirs.stdout:gsub("lua5%.4", function() return OROWAN end)), ours.stdout)
      ours = orowan({ "-e", "x = 5", "args.lua", "a" })
      theirs = sys.run({ "lua5.4", "-e", "x = 5", "args.lua", "a" }, { cwd = dir, timeout = 20 })
      assert.equal((theirs.stdout:gsub("lua5%.4", function() return OROWAN end)), ours.stdout)
    end)

    it("with their exit status", function()
      assert.equal(3, orowan({ write("three.lua", "os.exit(3)") }).status)
      assert.equal(0, orowan({ write("fine.lua", "return 7") }).status)
    end)

    it("and shows where an error came from", function()
      local r = orowan({ write("bad.lua", "local function f() error('boom') end\nf()\n") })
      assert.equal(1, r.status)
      assert.matches("bad.lua:1: boom\nstack traceback:", r.stderr)
      r = orowan({ write("bad2.lua", "require('orowan').tensor({{1}, {2, 3}})\n") })
      assert.equal(1, r.status)
      assert.matches("bad2.lua:1: .*ragged", r.stderr)
      r = orowan({ write("syntax.lua", "x = = 1") })
      assert.equal(1, r.status)
      assert.matches("syntax.lua:1:", r.stderr)
    end)

    it("from any folder, and finds its modules", function()
      assert.equal("f64\n", orowan({ write("t.lua", "print(require('orowan').tensor({1.5}):dtype())") }, { cwd = "/" }).stdout)
    end)

    it("from stdin with -, pieces with -e, modules with -l", function()
      assert.equal("a\ta\tb\n", orowan({ "-", "a", "b" }, { input = "print(arg[1], ...)" }).stdout)
      assert.equal("2\n", orowan({ "-e", "x = 1", "-e", "print(x + 1)" }).stdout)
      assert.equal("true\n", orowan({ "-l", "orowan.format", "-e", "print(_G['orowan.format'] ~= nil)" }).stdout)
      assert.equal("i64\n", orowan({ "-e", "print(ow.tensor({1}):dtype())" }).stdout)
    end)

    it("ends with 130 after an interrupt", function()
      local p <close> = assert(sys.spawn({ OROWAN, write("loop.lua", "print('go') io.stdout:flush() while true do pcall(function() while true do end end) end") }))
      assert.equal("go", p:read_line(20))
      p:kill("INT")
      local r = p:wait(5)
      assert.equal(130, r and r.status)
    end)
  end)

  it("runs busted", function()
    local busted = sys.which("busted")
    write("x_spec.lua", "describe('x', function() it('y', function() assert.equal('f64', require('orowan').tensor({1.5}):dtype()) end) end)")
    local r = orowan({ busted, "x_spec.lua" })
    assert.matches("1 success", r.stdout)
    assert.equal(0, r.status)
  end)

  it("refuses what it does not know, with the nearest word", function()
    for words, message in pairs {
      ["rum"] = "did you mean 'run'",
      ["recipe"] = "did you mean 'recipes'",
      ["nothing_here.lua"] = "cannot open nothing_here.lua",
      ["--versoin"] = "did you mean '%-%-version'",
      ["-e"] = "expected a piece of Lua",
      ["run"] = "which recipe",
      ["run " .. WALK .. " --thraeds 3"] = "did you mean '%-%-threads'",
      ["run " .. WALK .. " --threads 0"] = "expected an integer of at least 1, got '0'",
      ["run " .. WALK .. " --seed x"] = "expected an integer, got 'x'",
      ["run " .. WALK .. " --out"] = "got nothing",
      ["run " .. WALK .. " 12"] = "parameters are given as key=value",
      ["run " .. WALK .. " steps=1 steps=2"] = "given twice",
      ["run " .. WALK .. " stesp=1"] = "did you mean 'steps'",
      ["run " .. WALK .. " --device gpu"] = "expected \"cpu\", \"opencl\" or",
      ["run none.lua"] = "no such file",
      ["rerun"] = "expected one run folder",
      ["rerun nowhere"] = "no summary.json",
      ["resume nowhere"] = "no unfinished run there",
      ["bench no_such_bench"] = "no benchmark 'no_such_bench'",
      ["depinning-compat one"] = "expected CONTROL PINNING OUTDIR",
    } do
      local args = {}
      for w in words:gmatch("%S+") do args[#args + 1] = w end
      local r = orowan(args)
      assert.equal(1, r.status, words)
      assert.matches(message, r.stderr)
      assert.equal("", r.stdout)
      assert.same({}, sys.list(dir))
    end
  end)

  it("tells its version, its help, its machine", function()
    assert.matches("^Orowan " .. ow.version:gsub("%.", "%%.") .. " %(Lua 5%.4", orowan({ "--version" }).stdout)
    assert.matches("orowan run", orowan({ "help" }).stdout:gsub("run RECIPE", "orowan run"))
    local info = orowan({ "info" }, { env = { OROWAN_THREADS = "1", OROWAN_MEMORY = "2G", PATH = "/nowhere" } })
    assert.equal(0, info.status)
    assert.matches("threads used 1", info.stdout)
    assert.matches("budget 2.00 GiB", info.stdout)
    assert.matches("gnuplot +missing; needed for figures: apt%-get install gnuplot", info.stdout)
    assert.matches("OROWAN_THREADS +1", info.stdout)
    assert.matches("simd +" .. ow.core.system.build().simd, info.stdout)
  end)

  it("prints paths with which lua5.4 finds the modules", function()
    local r = sys.run({ "sh", "-c", 'eval "$("$1" env)"; cd /; lua5.4 -e \'print(require("orowan").version)\'', "sh", OROWAN }, { timeout = 20 })
    assert.equal(ow.version .. "\n", r.stdout)
  end)

  describe("recipes", function()
    it("are listed all, by name, or in one line each", function()
      local all, one, short = orowan({ "recipes" }).stdout, orowan({ "recipes", "avalanches" }).stdout, orowan({ "recipes", "--short" }).stdout
      assert.is_truthy(all:find(one, 1, true))
      assert.matches("^avalanches: .*\n    input=", one)
      assert.equal(#ow.recipe.names(), select(2, short:gsub("\n", "")))
      local r = orowan { "recipes", "avalanch" }
      assert.equal(1, r.status)
      assert.matches("did you mean 'avalanches'", r.stderr)
    end)

    it("explain their parameters", function()
      local r = orowan({ "run", WALK, "--help" })
      assert.equal(0, r.status)
      assert.matches("drift=0.25 +mean step %[number, %-1..1, b%]", r.stdout)
      assert.matches("plain|mirrored", r.stdout)
    end)

    it("run, into runs/NAME-DATE-TIME by default", function()
      local r = orowan({ "run", WALK, "steps=200", "--threads", "1", "--seed=5" })
      assert.equal(0, r.status)
      assert.matches("walk.steps +200", r.stdout)
      local name = sys.list(dir .. "/runs")[1]
      assert.matches("^walk%-%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d$", name)
      assert.matches("report: +runs/" .. name:gsub("%-", "%%-") .. "/report.html", r.stdout)
      local record = json.decode(sys.read_file(dir .. "/runs/" .. name .. "/run.json"))
      assert.equal(1, record.threads)
      assert.equal(5, record.seed)
      local again = orowan({ "rerun", "runs/" .. name })
      assert.equal(0, again.status)
      assert.matches("3 numbers: 3 bitwise identical", again.stdout)
    end)

    it("are silent with --quiet", function()
      local r = orowan({ "run", WALK, "--quiet", "--out", "q" })
      assert.equal("", r.stdout .. r.stderr)
      assert.equal(0, r.status)
    end)

    it("fail with one line and status 1; --trace shows where", function()
      local r = orowan({ "run", WALK, "fail_at=5", "--out", "x" })
      assert.equal(1, r.status)
      assert.equal("orowan run: step 5 was told to fail\n", r.stderr)
      assert.same({}, sys.list(dir))
      r = orowan({ "run", WALK, "fail_at=5", "--trace" })
      assert.matches("stack traceback", r.stderr)
    end)

    local function numbers(path)
      local s = assert(json.decode(assert(sys.read_file(path .. "/summary.json"))))
      s.time = nil
      return json.encode(s)
    end

    local function start_slow()
      local p = assert(sys.spawn({ OROWAN, "run", WALK, "steps=2000", "pause=0.05", "--out", "slow" }, { cwd = dir }))
      local t = sys.clock()
      while not sys.exists(dir .. "/slow.partial/checkpoints/walk.ckpt") and sys.clock() - t < 20 do sys.sleep(0.02) end
      sys.sleep(0.1)
      return p
    end

    it("keep their checkpoints on an interrupt and resume to the same numbers", function()
      assert.equal(0, orowan({ "run", WALK, "steps=2000", "--out", "whole" }).status)
      local p <close> = start_slow()
      p:kill("INT")
      local r = p:wait(10)
      assert.equal(130, r.status)
      assert.matches("go on with: orowan resume slow", r.stderr)
      assert.is_false(sys.exists(dir .. "/slow"))
      assert.equal("interrupted", json.decode(sys.read_file(dir .. "/slow.partial/run.json")).status)
      r = orowan({ "resume", "slow" })
      assert.equal(0, r.status)
      assert.equal(numbers(dir .. "/whole"), numbers(dir .. "/slow"))
    end)

    it("survive kill -9: the same command goes on", function()
      assert.equal(0, orowan({ "run", WALK, "steps=2000", "--out", "whole" }).status)
      local p <close> = start_slow()
      p:kill("KILL")
      p:wait(10)
      assert.is_false(sys.exists(dir .. "/slow"))
      assert.is_true(sys.exists(dir .. "/slow.partial/run.json"))
      local r = orowan({ "run", WALK, "steps=2000", "pause=0.05", "--out", "slow" })
      assert.equal(0, r.status)
      assert.matches("taking up slow.partial again", r.stderr)
      assert.equal(numbers(dir .. "/whole"), numbers(dir .. "/slow"))
      assert.is_false(sys.exists(dir .. "/slow.partial"))
      assert.is_false(sys.exists(dir .. "/slow/lock"))
    end)

    it("are listed with their parameters", function()
      assert(sys.mkdir(dir .. "/home/examples"))
      assert(sys.mkdir(dir .. "/home/lua"))
      write("home/examples/walk.lua", sys.read_file(WALK))
      write("home/examples/broken.lua", "return { runs = 5, run = 6 }")
      write("home/examples/script.lua", "error 'a list must not run scripts'")
      local r = sys.run({ "lua5.4", "-e", "os.exit(require('orowan.cli.runs').recipes({}))" },
        { env = { OROWAN_HOME = dir .. "/home", LUA_PATH = "./lua/?.lua;./lua/?/init.lua;;", LUA_CPATH = "./build/lib/?.so" }, timeout = 20 })
      assert.equal(1, r.status)
      assert.matches("walk: a random walk with checkpoints\n    steps=1000", r.stdout)
      assert.matches("broken: .*unknown field 'runs'", r.stdout)
      assert.is_nil(r.stdout:find("script"))
    end)
  end)

  it("runs benchmarks of a home", function()
    assert(sys.mkdir(dir .. "/home/spec/bench"))
    write("home/spec/bench/toy.lua",
      "return function(report) report('add', 1.5, 'GB/s', {peak_fraction=0.8, peer='memcpy', ratio=0.9, note='f64'}) end")
    local function bench(...)
      local words = {}
      for i, w in ipairs { ... } do words[i] = ("%q"):format(w) end
      return sys.run({ "lua5.4", "-e", "os.exit(require('orowan.cli.bench').main{" .. table.concat(words, ",") .. "})" },
        { env = { OROWAN_HOME = dir .. "/home", LUA_PATH = "./lua/?.lua;./lua/?/init.lua;;", LUA_CPATH = "./build/lib/?.so" }, timeout = 20 })
    end
    local r = bench("toy", "--json", dir .. "/bench.json")
    assert.equal(0, r.status)
    assert.matches("add +1.5 GB/s +80 %%  0.90x memcpy  f64\n", r.stdout)
    local j = json.decode(sys.read_file(dir .. "/bench.json"))
    assert.equal(0.9, j.results[1].ratio)
    assert.equal(1, j.format_version)
    assert.matches("benchmarks: toy", bench().stdout)
    assert.matches("did you mean 'toy'", bench("tyo").stderr)
  end)
end)

describe("suggest", function()
  local suggest = require "orowan.suggest"
  it("counts edits, a swap of neighbours as one", function()
    for _, c in ipairs { { "", "", 0 }, { "a", "", 1 }, { "kitten", "sitting", 3 }, { "seed", "sede", 1 }, { "abc", "abc", 0 } } do
      assert.equal(c[3], suggest.distance(c[1], c[2]))
      assert.equal(c[3], suggest.distance(c[2], c[1]))
    end
  end)
  it("suggests only what is near", function()
    assert.equal("threads", suggest.nearest("thraeds", { "seed", "threads" }))
    assert.equal("threads", suggest.nearest("thr", { "seed", "threads" }))
    assert.is_nil(suggest.nearest("banana", { "seed", "threads" }))
    assert.is_nil(suggest.nearest("x", {}))
  end)
end)
