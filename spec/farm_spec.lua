local farm = require "orowan.farm"
local progress = require "orowan.progress"
local files = dofile "spec/support/files.lua"
local at, spit, slurp = files.at, files.spit, files.slurp

describe("farm of jobs", function()
  teardown(files.remove)
  local quiet
  setup(function() quiet, progress.quiet = progress.quiet, true end)
  teardown(function() progress.quiet = quiet end)

  local function run(jobs, log, more)
    local o = { module = "spec.support.farm_job", setup = { offset = 7, count = at "count" }, log = at(log), workers = 2 }
    for k, v in pairs(more or {}) do o[k] = v end
    return farm.run(jobs, o)
  end
  local function jobs(n)
    local list = {}
    for i = 1, n do list[i] = { key = "job " .. i, x = i } end
    return list
  end
  local function runs_of(key)
    local n = 0
    for line in slurp(at "count"):gmatch "[^\n]+" do if line == key then n = n + 1 end end
    return n
  end

  it("does every job once and goes on from its log", function()
    spit(at "count", "")
    local r = assert(run(jobs(5), "a.log"))
    for i = 1, 5 do assert.same({ square = i * i, offset = 7 }, r["job " .. i].result) end
    r = assert(run(jobs(7), "a.log"))
    assert.equal(49, r["job 7"].result.square)
    assert.equal(1, runs_of "job 3")
    -- a line that was being written when the machine stopped
    local text = slurp(at "a.log")
    spit(at "a.log", text .. '{"key":"job 8","resu')
    r = assert(run(jobs(8), "a.log"))
    assert.equal(64, r["job 8"].result.square)
    assert.equal(1, runs_of "job 8")
    assert.equal(1, runs_of "job 7")
  end)

  it("records failures and dead workers and does the rest", function()
    local list = jobs(4)
    list[1].fail, list[3].die = "one", true
    local r = assert(run(list, "b.log"))
    assert.equal("no square of one", r["job 1"].error)
    assert.matches("the worker ended %(status 3%)", r["job 3"].error)
    assert.equal(16, r["job 4"].result.square)
    list[1].fail = nil
    assert.truthy(run(list, "b.log")["job 1"].error)  -- not again unless asked
    assert.equal(1, run(list, "b.log", { retry = true })["job 1"].result.square)
  end)

  it("ends a job that takes too long", function()
    local list = jobs(2)
    list[1].sleep = 30
    local r = assert(run(list, "c.log", { timeout = 0.3 }))
    assert.equal("no answer within 0.3 s", r["job 1"].error)
    assert.equal(4, r["job 2"].result.square)
  end)

  it("refuses a log of something else", function()
    assert(run(jobs(1), "d.log"))
    local _, err = run(jobs(1), "d.log", { setup = { offset = 8 } })
    assert.matches("holds the results of another set%-up", tostring(err))
    _, err = farm.run(jobs(1), { module = "spec.support.farm_job", log = spit(at "e.log", "what?\n") })
    assert.matches("the file is damaged", tostring(err))
    assert.error_matches(function() run({ { key = "a" }, { key = "a" } }, "f.log") end, "job 2: expected a key that no other job has")
  end)
end)
