local ow = require "orowan"
local sys, json = ow.sys, ow.json
local recipe = require "orowan.recipe"
local params = require "orowan.recipe.params"
local checkpoint = require "orowan.recipe.checkpoint"
local source = require "orowan.recipe.source"
local report = require "orowan.recipe.report"
local progress = require "orowan.progress"

local WALK = "spec/fixtures/recipes/walk.lua"

describe("recipe", function()
  local dir
  setup(function() progress.quiet = true end)
  teardown(function() progress.quiet = false end)
  before_each(function() dir = assert(sys.tmpdir("orowan-recipe")) end)
  after_each(function() sys.remove_tree(dir) end)

  local function run(given, options)
    options = options or {}
    options.params = given or {}
    options.out = options.out or dir .. "/run"
    return recipe.run(WALK, options)
  end

  local function read(path) return assert(json.decode(assert(sys.read_file(path)))) end

  describe("parameters", function()
    local list = {
      { name = "n", default = 10, min = 1, max = 100 },
      { name = "rate", default = 0.5, min = 0, unit = "1/s" },
      { name = "kind", default = "edge", choices = { "edge", "screw" } },
      { name = "fast", default = true },
      { name = "file", default = "" },
      { name = "sigmas", default = { 0.01, 0.02 }, min = 0 },
    }

    it("have the type of their default", function()
      local v = assert(params.resolve(list, { n = "1e1", rate = "2", kind = "screw", fast = "no", file = "a=b", sigmas = "0.5,1" }))
      assert.equal("integer", math.type(v.n))
      assert.equal(10, v.n)
      assert.equal("float", math.type(v.rate))
      assert.equal(2.0, v.rate)
      assert.is_false(v.fast)
      assert.equal("a=b", v.file)
      assert.same({ 0.5, 1.0 }, v.sigmas)
    end)

    it("keep their defaults, which the caller cannot change", function()
      local v = assert(params.resolve(list, {}))
      v.sigmas[1] = 99
      assert.equal(0.01, params.resolve(list, {}).sigmas[1])
    end)

    for given, message in pairs {
      ["rates=1"] = "unknown parameter 'rates' %(did you mean 'rate'%?%)",
      ["xyzzy=1"] = "unknown parameter 'xyzzy' %(parameters: n, rate",
      ["n=1.5"] = "parameter 'n': expected an integer from 1 to 100, got '1.5'",
      ["n="] = "got nothing",
      ["n=0"] = "from 1 to 100, got '0'",
      ["n=101"] = "got '101'",
      ["n=many"] = "got 'many'",
      ["rate=-1"] = "a number of at least 0 %(1/s%), got '%-1'",
      ["rate=nan"] = "got 'nan'",
      ["rate=inf"] = "got 'inf'",
      ["rate=1e999"] = "got '1e999'",
      ["kind=egde"] = "one of edge, screw, got 'egde' %(did you mean 'edge'%?%)",
      ["fast=maybe"] = "true or false",
      ["sigmas=1,,2"] = "comma%-separated list",
      ["sigmas=1,-2"] = "comma%-separated list",
      ["sigmas="] = "comma%-separated list",
    } do
      it("refuse " .. given, function()
        local key, value = given:match("^(.-)=(.*)$")
        local v, err = params.resolve(list, { [key] = value })
        assert.is_nil(v)
        assert.matches(message, err)
      end)
    end

    it("take Lua values as well as text", function()
      local v = assert(params.resolve(list, { n = 7, fast = false, sigmas = { 1, 2 }, rate = 3 }))
      assert.same({ 7, false, { 1.0, 2.0 }, 3.0 }, { v.n, v.fast, v.sigmas, v.rate })
    end)

    it("are checked when the recipe loads", function()
      for text, message in pairs {
        ["{name='a'}"] = "has no default",
        ["{name='a b', default=1}"] = "expected a table with a name",
        ["{name='a', default=1, defualt=2}"] = "unknown field 'defualt' %(did you mean 'default'",
        ["{name='a', default=5, max=4}"] = "default 5 is not an integer of at most 4",
        ["{name='a', default={}}"] = "default: expected",
        ["{name='a', default=1}, {name='a', default=2}"] = "defined twice",
      } do
        local r, err = source.compile("return {params={" .. text .. "}, run=function() end}", "x.lua")
        assert.is_nil(r)
        assert.matches("x.lua: ", err)
        assert.matches(message, err)
      end
    end)
  end)

  describe("loading", function()
    it("says what is wrong with a file that is no recipe", function()
      for text, message in pairs {
        ["return 5"] = "returned number",
        ["return {}"] = "run: expected a function, got nil",
        ["return {run=function() end, sumary='x'}"] = "unknown field 'sumary' %(did you mean 'summary'",
        ["x ="] = "x.lua:1:",
        ["error('no')"] = "x.lua:1: no",
        ["return {run=print, name='a/b'}"] = "name: expected letters",
      } do
        local r, err = source.compile(text, "x.lua")
        assert.is_nil(r)
        assert.matches(message, err)
      end
    end)

    it("names a recipe after its file", function()
      assert.equal("plain", recipe.load("spec/fixtures/recipes/plain.lua").name)
    end)

    it("suggests the nearest of the recipes that come along", function()
      local r, err = recipe.load("no_such_recipe_at_all")
      assert.is_nil(r)
      assert.matches("no recipe 'no_such_recipe_at_all'", err)
      r, err = recipe.load("no/such/file.lua")
      assert.is_nil(r)
      assert.matches("no such file", err)
    end)
  end)

  describe("run folder", function()
    it("holds numbers, provenance, tables and the report", function()
      assert(sys.write_atomic(dir .. "/data.txt", "12345\n"))
      local o = assert(run({ steps = "300", loud = "yes", input = dir .. "/data.txt" }, { seed = 7 }))
      assert.equal("complete", o.status)
      assert.is_false(sys.exists(dir .. "/run.partial"))
      assert.same({ "report.html", "run.json", "summary.json", "table-some-rows.csv" }, sys.list(dir .. "/run"))

      local s = read(dir .. "/run/summary.json")
      assert.equal(300, s["walk.steps"].value)
      assert.equal(json.null, s["walk.steps"].low)
      assert.equal("b", s["walk.x"].unit)
      assert.equal(s["walk.x"].value - 1, s["walk.x"].low)
      assert.equal(6, s["input.bytes"].value)
      assert.equal(1, s.format_version.value)

      local r = read(dir .. "/run/run.json")
      assert.equal("complete", r.status)
      assert.equal(1, r.format_version)
      assert.equal(7, r.seed)
      assert.equal(300, r.params.steps)
      assert.equal(sys.sha256(sys.read_file(WALK)), r.recipe.sha256)
      assert.equal(sys.read_file(WALK), r.recipe.source)
      assert.same({ { path = dir .. "/data.txt", size = 6, sha256 = sys.sha256("12345\n") } }, { (table.unpack(r.inputs)) })
      assert.equal(ow.version, r.version)
      for _, lib in ipairs { "lua", "openblas", "fftw", "hdf5", "libpng" } do assert.matches("^%d+%.%d", r.dependencies[lib]) end
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", r.started)
      assert.is_true(r.finished >= r.started)
      assert.is_true(r.peak_memory > 1000000)
      assert.equal("cpu", r.device)
      assert.equal(ow.core.system.build().simd, r.simd)
      assert.is_true(r.threads >= 1)
      assert.same({ "loud & clear" }, { (table.unpack(r.warnings)) })
      assert.equal('k,name,"x, b"\n1,one,0.5\n2,"two, ""2""",\n', sys.read_file(dir .. "/run/table-some-rows.csv"))
    end)

    it("has a report that stands alone and escapes text", function()
      assert(run { loud = true })
      local html = assert(sys.read_file(dir .. "/run/report.html"))
      assert.matches("^<!DOCTYPE html>", html)
      assert.matches("The walk &lt;starts&gt; at 0 &amp; goes on%.", html)
      assert.matches("<p>Second paragraph", html)
      assert.matches("loud &amp; clear", html)
      assert.matches("walk%.x", html)
      assert.matches("two, &quot;2&quot;", html)
      assert.is_nil(html:find('src="[^d]'))
      assert.is_nil(html:find("https?://"))
      assert.is_nil(html:find("<script"))
    end)

    it("embeds figures, and turns one that cannot be drawn into a warning", function()
      local svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
      local good = { save = function(_, path) return sys.write_atomic(path, svg) end }
      local bad = { save = function() return nil, "gnuplot: no such command" end }
      local r = assert(source.compile("return {name='fig', run=function() end}", "fig.lua"))
      r.run = function(x)
        assert.is_true(x:figure("good", good, "A <good> one"))
        assert.is_false(x:figure("bad", bad))
        assert.has_error(function() x:figure("../up", good) end)
        assert.has_error(function() x:figure("none", 5) end)
      end
      assert(recipe.run(r, { out = dir .. "/run" }))
      assert.same({ "good.png", "good.svg", "report.html", "run.json", "summary.json" }, sys.list(dir .. "/run"))
      local html = sys.read_file(dir .. "/run/report.html")
      assert.truthy(html:find("data:image/svg+xml;base64," .. report.base64(svg), 1, true))
      assert.truthy(html:find("A &lt;good&gt; one", 1, true))
      assert.truthy(html:find("figure bad was not drawn: gnuplot: no such command", 1, true))
    end)

    it("shows films and links other files", function()
      local r = assert(source.compile("return {name='film', run=function() end}", "film.lua"))
      r.run = function(x)
        assert(sys.write_atomic(x:path("line.mp4"), "not really"))
        assert(sys.write_atomic(x:path("data.h5"), "not really"))
        x:attach("line.mp4", "The line")
        x:attach("data.h5", "All stresses")
        assert.has_error(function() x:attach("missing.png") end)
      end
      assert(recipe.run(r, { out = dir .. "/run" }))
      local html = sys.read_file(dir .. "/run/report.html")
      assert.truthy(html:find('<video controls loop src="data:video/mp4;base64,' .. report.base64("not really"), 1, true))
      assert.truthy(html:find('<a href="data.h5">data.h5</a>: All stresses', 1, true))
    end)

    it("is refused when something is in the way", function()
      assert(run())
      local o, err = run()
      assert.is_nil(o)
      assert.matches("exists already", err)
      assert(sys.mkdir(dir .. "/b.partial"))
      assert(sys.write_atomic(dir .. "/b.partial/precious", "x"))
      o, err = run({}, { out = dir .. "/b" })
      assert.is_nil(o)
      assert.matches("is in the way", err)
      assert.is_true(sys.exists(dir .. "/b.partial/precious"))
    end)

    it("may be an empty folder that exists", function()
      assert(sys.mkdir(dir .. "/empty"))
      assert.equal("complete", run({}, { out = dir .. "/empty/" }).status)
    end)

    it("refuses wrong parameters, seeds and devices before any work", function()
      for _, case in ipairs { { { stps = 1 } }, { {}, { seed = 1.5 } }, { {}, { device = "quantum" } } } do
        local o, err = run(case[1], case[2])
        assert.is_nil(o)
        assert.is_string(err)
        assert.same({}, sys.list(dir))
      end
    end)

    it("vanishes when the recipe fails before its first checkpoint", function()
      local o = assert(run { fail_at = 50 })
      assert.equal("failed", o.status)
      assert.equal("step 50 was told to fail", o.error)
      assert.same({}, sys.list(dir))
    end)

    it("refuses a missing input by its name", function()
      local o = assert(run { input = dir .. "/nothing.csv", steps = 50 })
      assert.equal("failed", o.status)
      assert.matches("nothing.csv': no such file", o.error)
    end)
  end)

  describe("resume", function()
    it("goes on from the checkpoint and ends with the same numbers", function()
      local whole = assert(run({ steps = 1000 }, { out = dir .. "/whole" }))
      local function interrupted_after(n)  -- raises like an interrupt would
        local r = assert(recipe.load(WALK))
        local inner = r.run
        r.run = function(x)
          local save, count = x.save_checkpoint, 0
          x.save_checkpoint = function(...)
            save(...)
            count = count + 1
            if count == n then error("stopped", 0) end
          end
          return inner(x)
        end
        return r
      end
      local o = assert(recipe.run(interrupted_after(3), { params = { steps = 1000 }, out = dir .. "/cut" }))
      assert.equal("failed", o.status)
      assert.equal(dir .. "/cut.partial", o.partial)
      assert.is_false(sys.exists(dir .. "/cut"))
      assert.equal("failed", read(dir .. "/cut.partial/run.json").status)
      assert(recipe.run(interrupted_after(2), { params = { steps = 1000 }, out = dir .. "/cut" }))
      local done = assert(recipe.resume(dir .. "/cut"))
      assert.equal("complete", done.status)
      assert.equal(3, done.record.attempts)
      assert.equal(whole.run.summary["walk.x"].value, done.run.summary["walk.x"].value)
      assert.matches("starts&gt; at 500", sys.read_file(dir .. "/cut/report.html"))
      assert.same({ "report.html", "run.json", "summary.json", "table-some-rows.csv" }, sys.list(dir .. "/cut"))
      local again, err = recipe.resume(dir .. "/cut")
      assert.is_nil(again)
      assert.matches("is finished", err)
    end)

    it("puts the random generator back to where it was", function()
      local function make(fail)
        local r = assert(source.compile("return {name='r', run=function() end}", "r.lua"))
        r.run = function(x)
          local v = x:checkpoint("a")
          if not v then
            v = ow.random.normal(3)
            x:save_checkpoint("a", v)
            if fail then error("stopped", 0) end
          end
          x:put("sum", { value = v:totable()[3] + ow.random.normal(2):totable()[2] })
        end
        return r
      end
      local whole = assert(recipe.run(make(false), { out = dir .. "/whole", seed = 11 }))
      assert(recipe.run(make(true), { out = dir .. "/cut", seed = 11 }))
      local cut = assert(recipe.run(make(false), { out = dir .. "/cut", seed = 11 }))
      assert.equal(2, cut.record.attempts)
      assert.equal(whole.run.summary.sum.value, cut.run.summary.sum.value)
      local other = assert(recipe.run(make(false), { out = dir .. "/other", seed = 12 }))
      assert.is_true(whole.run.summary.sum.value ~= other.run.summary.sum.value)
    end)

    it("refuses to mix an unfinished run with another", function()
      assert(run { fail_at = 250 })
      for _, case in ipairs {
        { { fail_at = 250, drift = 0.5 }, nil, "parameter drift=0.25 %(now 0.5%)" },
        { { fail_at = 250 }, { seed = 2 }, "seed 1 %(now 2%)" },
      } do
        local o, err = run(case[1], case[2])
        assert.is_nil(o)
        assert.matches(case[3], err)
      end
      assert.is_true(sys.exists(dir .. "/run.partial/checkpoints/walk.ckpt"))
    end)

    it("refuses while another process writes", function()
      assert(run { fail_at = 250 })
      local p <close> = assert(sys.spawn { "sleep", "60" })
      local stat = sys.read_file("/proc/" .. p:pid() .. "/stat")
      local started = stat:match("^.*%) " .. ("%S+ "):rep(19) .. "(%S+)")
      local function locked(pid, host, since)
        assert(sys.write_atomic(dir .. "/run.partial/lock", ("%d %s %s\n"):format(pid, host, since)))
        return run { fail_at = 250 }
      end
      local o, err = locked(p:pid(), sys.hostname(), started)
      assert.is_nil(o)
      assert.matches("being written by process " .. p:pid(), err)
      o, err = locked(p:pid(), "elsewhere", started)
      assert.is_nil(o)
      assert.matches("on elsewhere", err)
      assert.is_table(locked(p:pid(), sys.hostname(), "1"))  -- the number was given to another process
      p:kill()
      p:wait(10)
      assert.is_table(locked(p:pid() or 4194305, sys.hostname(), started))
    end)

    it("starts again when a checkpoint is damaged, with a warning", function()
      assert(run { fail_at = 250 })
      local path = dir .. "/run.partial/checkpoints/walk.ckpt"
      local text = sys.read_file(path)
      assert(sys.write_atomic(path, text:sub(1, -2)))
      local o = assert(recipe.resume(dir .. "/run"))
      assert.equal("failed", o.status)
      assert.matches("damaged", o.run.warnings[1])
    end)

    it("refuses a record of a newer format", function()
      assert(run())
      local path = dir .. "/run/run.json"
      local r = read(path)
      r.format_version = 99
      assert(sys.write_atomic(path, json.encode(r)))
      local c, err = recipe.rerun(dir .. "/run")
      assert.is_nil(c)
      assert.matches("format_version 99 is newer", err)
    end)
  end)

  describe("rerun", function()
    it("finds identical numbers, and says which differ", function()
      assert(run({ steps = 500 }, { seed = 3 }))
      local c = assert(recipe.rerun(dir .. "/run", { out = dir .. "/again" }))
      assert.is_true(c.agree)
      assert.equal(3, c.outcome.record.seed)
      local verdicts = {}
      for _, r in ipairs(c.rows) do verdicts[r.name] = r.verdict end
      assert.same({ ["walk.x"] = "identical", ["walk.steps"] = "identical", ["list.sum"] = "identical", time = "timing" }, verdicts)

      local s = read(dir .. "/run/summary.json")
      s["walk.x"].value = s["walk.x"].value * (1 + 1e-6)
      assert(sys.write_atomic(dir .. "/run/summary.json", json.encode(s)))
      c = assert(recipe.rerun(dir .. "/run", { out = dir .. "/third" }))
      assert.is_false(c.agree)
      c = assert(recipe.rerun(dir .. "/run", { out = dir .. "/fourth", tolerance = 1e-5 }))
      assert.is_true(c.agree)
    end)

    it("uses the stored recipe text and notices changed inputs", function()
      assert(sys.write_atomic(dir .. "/data.txt", "one"))
      assert(run { input = dir .. "/data.txt" })
      assert(sys.write_atomic(dir .. "/data.txt", "two"))
      local c = assert(recipe.rerun(dir .. "/run", { out = dir .. "/again" }))
      assert.same({ dir .. "/data.txt" }, c.changed)
    end)

    it("compares by rule", function()
      local function e(v, low) return { value = v, unit = "b", low = low or json.null, high = json.null } end
      local function verdict(a, b)
        local rows, agree = recipe.compare({ x = a }, { x = b })
        return rows[1].verdict .. (agree and "+" or "-")
      end
      local nan = 0 / 0
      assert.equal("identical+", verdict(e(1.0), e(1.0)))
      assert.equal("identical+", verdict(e(nan), e(nan)))
      assert.equal("agrees+", verdict(e(1.0), e(1.0 + 1e-10)))
      assert.equal("differs-", verdict(e(1.0), e(1.0 + 1e-8)))
      assert.equal("differs-", verdict(e(1.0), e(nan)))
      assert.equal("differs-", verdict(e(0.0), e(1e-300)))
      assert.equal("differs-", verdict(e(1.0, 0.5), e(1.0)))
      assert.equal("differs-", verdict(e(1.0, 0.5), e(1.0, 0.6)))
      assert.equal("differs-", verdict(e("a"), e("b")))
      assert.equal("identical+", verdict(e("a"), e("a")))
      assert.equal("missing-", verdict(e(1), nil))
      assert.equal("new-", verdict(nil, e(1)))
    end)

    it("says what is not a finished run", function()
      local c, err = recipe.rerun(dir)
      assert.is_nil(c)
      assert.matches("no summary.json", err)
    end)
  end)

  describe("checkpoint", function()
    it("keeps values bit by bit", function()
      local t = ow.tensor { { 1.5, -0.0 }, { 1e-310, 2 ^ 53 + 1 } }
      local v = {
        i = math.mininteger, f = 0.1, whole = 3.0, inf = -math.huge, s = "a\0b\255", yes = true, no = false,
        list = { 1, 2, { "x" } }, t = t, ints = ow.tensor({ 1, 2, 3 }, "i32"), [5] = "five",
      }
      local w = assert(checkpoint.decode(checkpoint.encode(v)))
      assert.same(t:totable(), w.t:totable())
      assert.equal("f64", w.t:dtype())
      assert.equal("i32", w.ints:dtype())
      assert.equal("float", math.type(w.whole))
      v.t, w.t, v.ints, w.ints = nil, nil, nil, nil
      assert.same(v, w)
      local nan = checkpoint.decode(checkpoint.encode { 0 / 0 })[1]
      assert.is_true(nan ~= nan)
    end)

    it("writes equal values as equal bytes", function()
      assert.equal(checkpoint.encode { a = 1, b = 2, c = { 3 } }, checkpoint.encode { c = { 3 }, b = 2, a = 1 })
    end)

    it("refuses what it cannot keep", function()
      for _, v in ipairs { { f = print }, { [1.5] = 1 }, { co = coroutine.create(print) } } do
        assert.has_error(function() checkpoint.encode(v) end)
      end
      local loop = {}
      loop.loop = loop
      local ok, err = pcall(checkpoint.encode, loop)
      assert.is_false(ok)
      assert.matches("contains itself", err)
    end)

    it("refuses every truncation and every changed byte", function()
      local text = checkpoint.encode { a = { 1, 2.5, "three" }, t = ow.tensor { 1, 2 } }
      for n = 0, #text - 1 do assert.is_nil((checkpoint.decode(text:sub(1, n)))) end
      for n = 1, #text, 3 do
        local b = text:byte(n)
        local v = checkpoint.decode(text:sub(1, n - 1) .. string.char((b + 1) % 256) .. text:sub(n + 1))
        assert.is_nil(v)
      end
    end)
  end)

  it("encodes base64 (RFC 4648 vectors)", function()
    for plain, coded in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=", foobar = "Zm9vYmFy" } do
      assert.equal(coded, report.base64(plain))
    end
    assert.equal("AP8Q/w==", report.base64("\0\255\16\255"))
  end)
end)
