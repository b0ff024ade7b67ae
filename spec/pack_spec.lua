-- Sharing a run: packs, reruns from them, and the skeleton of `orowan new`.
local ow = require "orowan"
local sys, json = ow.sys, ow.json
local recipe = require "orowan.recipe"
local pack = require "orowan.recipe.pack"
local progress = require "orowan.progress"

local OROWAN = dofile "spec/support/program.lua"
local WALK = sys.cwd() .. "/spec/fixtures/recipes/walk.lua"

describe("a pack", function()
  local dir, run
  setup(function() progress.quiet = true end)
  teardown(function() progress.quiet = false end)
  before_each(function()
    dir = assert(sys.tmpdir "orowan-pack")
    assert(sys.write_atomic(dir .. "/input.txt", ("x"):rep(700)))
    run = dir .. "/run"
    local o = assert(recipe.run(WALK, { params = { steps = 200, input = dir .. "/input.txt" }, out = run }))
    assert.equal("complete", o.status)
  end)
  after_each(function() sys.remove_tree(dir) end)

  it("holds the run and its inputs, as any tar opens it", function()
    local info = assert(recipe.pack(run))
    assert.equal(run .. ".orowan.tar", info.path)
    assert.same({}, info.notes)
    local c = assert(pack.read(info.path))
    assert.equal(("x"):rep(700), c.data["inputs/1-input.txt"])
    assert.equal(sys.read_file(run .. "/summary.json"), c.data["run/summary.json"])
    local r = sys.run { "tar", "xOf", info.path, "run/run.json" }
    if r then assert.equal(sys.read_file(run .. "/run.json"), r.stdout) end
    assert.matches("exists already", select(2, recipe.pack(run)))
  end)

  it("reruns elsewhere to the same numbers, without the first run and its input", function()
    local file = assert(recipe.pack(run, dir .. "/p.tar")).path
    sys.remove_tree(run)
    sys.remove(dir .. "/input.txt")
    local c = assert(recipe.rerun(file, { out = dir .. "/again" }))
    assert.is_true(c.agree)
    for _, r in ipairs(c.rows) do assert.is_true(r.verdict == "identical" or r.verdict == "timing", r.name) end
    assert.same({}, c.changed)
    assert.is_true(sys.exists(dir .. "/again/report.html"))
  end)

  it("knows large inputs by their hash, and finds them", function()
    local info = assert(recipe.pack(run, dir .. "/p.tar", { limit = 100 }))
    assert.matches("only its hash", info.notes[1])
    assert(sys.mkdir(dir .. "/elsewhere"))
    assert(sys.rename(dir .. "/input.txt", dir .. "/elsewhere/input.txt"))
    local c, err = recipe.rerun(info.path, { out = dir .. "/again" })
    assert.is_nil(c)
    assert.matches("input.txt  %(700 B, SHA%-256 %x+%)\ngive their folder with %-%-inputs DIR", err)
    assert.is_true(assert(recipe.rerun(info.path, { out = dir .. "/again", inputs = dir .. "/elsewhere" })).agree)
    assert(sys.write_atomic(dir .. "/elsewhere/input.txt", ("y"):rep(700)))
    assert.is_nil(recipe.rerun(info.path, { out = dir .. "/third", inputs = dir .. "/elsewhere" }))
  end)

  it("says so when an input has changed since the run", function()
    assert(sys.write_atomic(dir .. "/input.txt", "other"))
    assert.matches("changed since the run", assert(recipe.pack(run)).notes[1])
  end)

  it("that is damaged, newer or something else is refused", function()
    local file = assert(recipe.pack(run)).path
    local text = assert(sys.read_file(file))
    local function refused(changed, message)
      assert(sys.write_atomic(dir .. "/bad.tar", changed))
      local c, err = recipe.rerun(dir .. "/bad.tar")
      assert.is_nil(c)
      assert.matches(message, tostring(err))
    end
    refused(text:gsub("xxxx", "xxyx", 1), "damaged: its content does not have its SHA")
    refused(text:gsub('"format_version": 1', '"format_version": 9', 1), "newer than this program")
    refused(text:sub(1, #text // 2), "damaged")
    refused("hello", "neither a run folder nor a pack")
    refused(text:gsub("run/run%.json\0\0\0", "../run.json\0\0\0\0", 1), "outside of its folder")
    for cut = 1, 2000, 97 do refused(text:sub(1, cut), ".") end
    assert.is_nil(recipe.pack(dir))
    assert.is_nil(recipe.rerun(dir .. "/none"))
  end)

  it("compares each number with its own tolerance", function()
    local function entry(v, tolerance) return { value = v, unit = "", low = v - 1, high = v + 1, tolerance = tolerance } end
    local old = { a = entry(100, 0.1), b = entry(100), c = entry(100, 1e-9) }
    local new = { a = entry(104), b = entry(100.5), c = entry(100) }
    local rows, agree = recipe.compare(old, new)
    assert.is_false(agree)
    assert.equal("agrees", rows[1].verdict)
    assert.equal(0.1, rows[1].tolerance)
    assert.is_false(rows[1].inside)
    assert.equal("differs", rows[2].verdict)
    assert.is_true(rows[2].inside)
    assert.equal(1e-9, rows[2].tolerance)
    assert.equal("identical", rows[3].verdict)
    assert.is_true(select(2, recipe.compare(old, new, 0.2)))
  end)
end)

describe("orowan", function()
  local dir
  before_each(function() dir = assert(sys.tmpdir "orowan-new") end)
  after_each(function() sys.remove_tree(dir) end)
  local function orowan(...) return assert(sys.run({ OROWAN, ... }, { cwd = dir, timeout = 60 })) end

  it("new writes a recipe that runs, packs and reruns", function()
    assert.equal(0, orowan("new", "my_study").status)
    local text = assert(sys.read_file(dir .. "/my_study.lua"))
    assert.is_nil(text:find "NAME")
    local r = orowan("run", "my_study.lua", "--out", "first")
    assert.equal(0, r.status, r.stderr)
    local summary = assert(json.decode(assert(sys.read_file(dir .. "/first/summary.json"))))
    assert.equal(200, summary.values.value)
    assert.is_true(summary.mean.low < summary.mean.value and summary.mean.value < summary.mean.high)
    assert.matches("orowan rerun first.orowan.tar", orowan("pack", "first").stdout)
    r = orowan("rerun", "first.orowan.tar", "--out", "second")
    assert.equal(0, r.status, r.stderr)
    assert.matches("3 numbers: 3 bitwise identical", r.stdout)
    assert.matches("samples=200", orowan("run", "my_study.lua", "--help").stdout)
  end)

  it("new takes measured values, counts what it leaves out, and refuses too few", function()
    orowan("new", "my_study")
    local lines = { "a,b" }
    for i = 1, 20 do lines[#lines + 1] = ("%d,%g"):format(i, i / 2) end
    lines[#lines + 1] = "21,nan"
    assert(sys.write_atomic(dir .. "/t.csv", table.concat(lines, "\n")))
    local r = orowan("run", "my_study.lua", "input=t.csv", "column=2", "--out", "r")
    assert.equal(0, r.status, r.stderr)
    assert.matches("1 values are not finite", r.stderr)
    assert(sys.write_atomic(dir .. "/few.csv", "a\n1\n2\n"))
    assert.matches("expected at least 10 values, got 2", orowan("run", "my_study.lua", "input=few.csv").stderr)
  end)

  it("new and pack say what is wrong", function()
    orowan("new", "x")
    assert.matches("exists already", orowan("new", "x").stderr)
    assert.matches("expected a name of letters", orowan("new", "a b").stderr)
    assert.matches("expected one name", orowan("new").stderr)
    assert.matches("not a run folder", orowan("pack", ".").stderr)
    assert.matches("expected one run folder", orowan("pack").stderr)
    assert.matches("did you mean 'pack'", orowan("pakc").stderr)
  end)
end)
