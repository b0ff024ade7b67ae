local progress = require "orowan.progress"
local format = require "orowan.format"

describe("progress", function()
  local out, now, columns
  local old = {}

  before_each(function()
    for _, k in ipairs { "stream", "tty", "clock", "columns", "quiet" } do old[k] = progress[k] end
    out, now, columns = {}, 100.0, 80
    progress.stream = {
      write = function(_, ...) for _, s in ipairs { ... } do out[#out + 1] = s end end,
      flush = function() end,
    }
    progress.clock = function() return now end
    progress.columns = function() return columns end
    progress.quiet = false
  end)
  after_each(function()
    progress.reset()
    for k in pairs { stream = 1, tty = 1, clock = 1, columns = 1, quiet = 1 } do progress[k] = old[k] end
  end)

  local function text() return table.concat(out) end

  it("draws a bar with rate and remaining time, at most ten times a second", function()
    progress.tty = true
    local b = progress.bar("picks", 1000)
    local n = 0
    for i = 1, 500 do
      now = now + 0.01
      local before = #out
      b:update(i)
      if #out > before then n = n + 1 end
    end
    assert.is_true(n >= 45 and n <= 51)
    assert.matches("picks %[#+%-+%]  49%% 491/1000  100/s, 5%.1 s left", text())
  end)

  it("fits the present width of the terminal", function()
    progress.tty = true
    local b = progress.bar("a rather long label for a bar", 1000)
    for _, bad in ipairs { "caf\195\169 caf\195\169 caf\195\169", "\255\254 not text" } do
      columns = 20
      local c = progress.bar(bad, 7)
      now = now + 1
      c:update(3, "a note")
      c:finish()
    end
    for _, w in ipairs { 80, 40, 25, 200 } do
      columns, out = w, {}
      now = now + 1
      b:update(10)
      local line = text():match("\27%[K(.*)$")
      assert.is_true(utf8.len(line) <= w - 1)
    end
  end)

  it("shows outer bars in front of the innermost", function()
    progress.tty = true
    local a = progress.bar("replicas", 4)
    a:update(1)
    local b = progress.bar("picks", 10)
    now = now + 1
    out = {}
    b:update(5)
    assert.matches("replicas 25%% > picks %[", text())
    b:finish()
    out = {}
    now = now + 1
    a:update(2)
    assert.matches("\27%[Kreplicas %[", text())
  end)

  it("writes plain lines elsewhere, not faster than one a second", function()
    progress.tty = false
    local b = progress.bar("work", 100)
    for i = 1, 100 do
      now = now + 0.5
      b:update(i)
    end
    b:finish()
    local lines = {}
    for l in text():gmatch("([^\n]*)\n") do lines[#lines + 1] = l end
    assert.equal(11, #lines)
    assert.equal("work: 10% (10/100), 2/s, 45.0 s left", lines[1])
    assert.equal("work: 100% (100/100), took 50.0 s", lines[11])
    assert.is_nil(text():find("\27"))
  end)

  it("writes a line every ten seconds when the total is unknown", function()
    progress.tty = false
    local b = progress.bar("work")
    for i = 1, 40 do
      now = now + 1
      b:update(i)
    end
    local _, n = text():gsub("\n", "")
    assert.equal(4, n)
  end)

  it("says nothing about work that took no time, and nothing when quiet", function()
    progress.tty = false
    progress.bar("quick", 3):finish()
    assert.equal("", text())
    progress.quiet, progress.tty = true, true
    local b = progress.bar("work", 3)
    now = now + 20
    b:update(2)
    b:finish()
    progress.message("hello")
    assert.equal("", text())
  end)

  it("counts the rate of a resumed bar from where it was", function()
    progress.tty = true
    local b = progress.bar("work", 1000, 900)
    now = now + 10
    b:update(910)
    assert.matches("1/s, 1:30 left", text())
  end)

  it("ends inner bars with the outer one, and forgets them on reset", function()
    progress.tty = true
    local a, b = progress.bar("a", 2), progress.bar("b", 2)
    a:finish()
    assert.is_true(b.finished)
    local c = progress.bar("c", 2)
    progress.reset()
    assert.is_true(c.finished)
    out = {}
    c:update(1)
    assert.equal("", text())
  end)

  it("does not claim completion when the block is left by an error", function()
    progress.tty = false
    pcall(function()
      local b <close> = progress.bar("work", 10)
      b:update(3)
      now = now + 2
      error("x")
    end)
    assert.matches("30%% %(3/10%)", text())
    assert.is_nil(text():find("100%%"))
  end)

  it("survives a total of zero and NaN", function()
    progress.tty = true
    local b = progress.bar("none", 0)
    now = now + 1
    b:update(0)
    b:update(0 / 0)
    b:finish()
    assert.is_true(b.finished)
  end)
end)

describe("format", function()
  it("writes durations and sizes", function()
    assert.equal("3.2 s", format.duration(3.2))
    assert.equal("4:07", format.duration(247))
    assert.equal("1:02:33", format.duration(3753))
    assert.equal("2 d 3:04:05", format.duration(2 * 86400 + 3 * 3600 + 245))
    assert.equal("?", format.duration(0 / 0))
    assert.equal("?", format.duration(math.huge))
    assert.equal("512 B", format.bytes(512))
    assert.equal("1.50 GiB", format.bytes(1.5 * 2 ^ 30))
    assert.equal("1.53 M/s", format.rate(1.53e6))
  end)

  it("finds the shortest text that reads back", function()
    for _, x in ipairs { 0.1, 1 / 3, 1e300, -2.5, 5e-324, 1e15 + 0.3 } do assert.equal(x, tonumber(format.exact(x))) end
    for text, x in pairs { ["0.1"] = 0.1, ["3000"] = 3000.0, ["110"] = 110.0, ["1e-10"] = 1e-10, ["1e+20"] = 1e20, ["84650.5"] = 84650.5 } do
      assert.equal(text, format.exact(x))
    end
    assert.equal("42", format.exact(42))
  end)
end)
