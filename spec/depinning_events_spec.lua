-- Avalanches of a depinning run: detection and shapes on series made by hand, rules,
-- catalogue, checkpoints, interrupt.
local ow = require "orowan"
local depinning = require "orowan.depinning"
local events = depinning.events
local sys = require "orowan.sys"
local tensor = require("orowan.core").tensor.tensor

local function near(want, got, tolerance)
  assert.is_true(math.abs(want - got) <= tolerance, ("expected %.17g, got %.17g"):format(want, got))
end

describe("depinning.events.detect", function()
  it("finds ramps in a flat series and their sizes", function()
    local area = {}
    for i = 1, 300 do
      local a = 0
      if i > 50 then a = a + math.min(i - 50, 20) * 10 end   -- 200 cells over records 50..70
      if i > 200 then a = a + math.min(i - 200, 5) * 100 end -- 500 cells over records 200..205
      area[i] = a
    end
    local list = events.detect(area, 4, 2)
    assert.same({ 200, 500 }, list.sizes)
    assert.is_true(list.first[1] >= 46 and list.first[1] <= 50 and list.last[1] >= 70 and list.last[1] <= 74)
    assert.is_true(list.first[2] >= 196 and list.first[2] <= 200 and list.last[2] >= 205 and list.last[2] <= 209)
    assert.same({}, events.detect(area, 4, 200).sizes)
  end)
  it("leaves out events cut by the ends, and takes short and empty series", function()
    local up = {}
    for i = 1, 50 do up[i] = i * 100 end
    assert.same({}, events.detect(up, 3, 10).sizes)
    assert.same({}, events.detect({}, 3, 10).sizes)
    assert.same({}, events.detect({ 1, 2 }, 5, 0).sizes)
    assert.has_error(function() events.detect(up, 0, 1) end)
  end)
end)

describe("depinning.events shapes and growth", function()
  -- 40 columns; records 1-10 flat with a flicker of +-1 in column 3, then a block of columns
  -- grows by two cells a record, from column 39 on round the end
  local rows = {}
  for i = 1, 40 do
    rows[i] = {}
    for x = 1, 40 do rows[i][x] = x == 3 and i % 2 or 0 end
    for d = 0, 5 do
      local x = (38 + d) % 40 + 1
      rows[i][x] = rows[i][x] + math.max(0, math.min(i - 10, 10)) * 2
    end
  end
  local h = tensor(rows, "i32")
  it("measure width across the border, thickness and size", function()
    local w, t, s = events.shapes(h, { 10 }, { 22 }, 5, 1)
    assert.equal(6, w[1])
    near(20, t[1], 0.6)
    near(120, s[1], 0.6)
    assert.has_error(function() events.shapes(h, { 10 }, { 41 }, 5) end)
  end)
  it("follow the growth in time", function()
    local g = events.growth(h, 10, 20, 1, 1)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 10 }, g.lag)
    for j = 2, 7 do
      assert.equal(6, g.width[j])
      near(2 * g.lag[j], g.height[j], 0.6)
    end
    -- smoothed over 5 columns: one column more on each side is above the cut, two are not
    local w, t = events.shapes(h, { 10 }, { 22 }, 5, 5, 7)
    assert.equal(8, w[1])
    near(20, t[1], 0.6)
    assert.same({ lag = {}, width = {}, height = {} }, events.growth(h, 10, 10, 5))
  end)
end)

describe("depinning.events.roughness", function()
  it("equals the transform of a wave and the steps of a ramp", function()
    local L, rows = 60, { {}, {} }
    for x = 1, L do
      rows[1][x] = math.floor(1000 * math.cos(2 * math.pi * 4 * x / L) + 0.5)
      rows[2][x] = rows[1][x]
    end
    local p, d = events.roughness(tensor(rows, "i32"))
    near(1, p[4] / (1000 ^ 2 * L / 4), 1e-3)
    for k = 1, 30 do if k ~= 4 then assert.is_true(p[k] < 1) end end
    -- mean |cos(a + s) - cos(a)| over a = 2 |sin(s/2)| * 2/pi
    for _, s in ipairs { 3, 7, 15 } do
      local want = 0
      for x = 1, L do want = want + math.abs(rows[1][(x + s - 1) % L + 1] - rows[1][x]) / L end
      near(want, d[s], 1e-9)
    end
    local q = events.roughness(tensor(rows, "i32"), 2, 7)
    assert.same(p, q)
  end)
end)

describe("depinning.events rules", function()
  it("exclude the transient", function()
    local area, stress = {}, {}
    for i = 1, 100 do
      stress[i] = math.min(i, 25) / 25
      area[i] = i * 10
    end
    assert.equal(30, events.transient(area, stress, 10, 30)) -- stress from 24 on, 30 rows from 30 on
    assert.equal(24, events.transient(area, stress, 10, 1)) -- 0.96 is the first within 5 %
    for i = 1, 100 do stress[i] = math.max(1, 3 - i / 10) end -- from above
    assert.equal(20, events.transient(area, stress, 10, 1)) -- 1.05 is met with 1
    assert.equal(101, events.transient(area, stress, 10, 1000))
    assert.equal(3, events.transient({ 1, 2 }, { 1, 2 }, 1, 1))
  end)
  it("take the smallest window whose threshold clears the flicker", function()
    -- independent noise: sd of a difference is sqrt(2) sd whatever the window
    local area, rng = {}, 1
    for i = 1, 4000 do
      rng = (rng * 1103515245 + 12345) % 2147483648
      area[i] = rng // 65536 % 101
    end
    local sd = events.flicker(area, { 1, 10 })
    near(math.sqrt(2 * (101 ^ 2 - 1) / 12), sd[1], 1.5)
    near(sd[1], sd[2], 1.5)
    local w, s, enough = events.choose_window(area, 7, 3)
    assert.equal(20, w) -- 3 * 41.2 = 124 needs 17.7 records
    assert.is_true(enough and s > 39 and s < 43)
    w, s, enough = events.choose_window(area, 0.01, 3)
    assert.is_false(enough)
    assert.equal(200, w)
  end)
  it("give jackknife errors", function()
    local m, e = events.block_mean { 1, 2, 3, 4 }
    near(2.5, m, 0)
    near(math.sqrt(5 / 12), e, 1e-15)
    m, e = events.block_mean { 7 }
    assert.equal(7, m)
    assert.is_true(e ~= e)
  end)
end)

describe("depinning.catalogue", function()
  local o = { lx = 60, sigma_pin = 0.03, picks = 3000000, every = 500, replicas = 2, rate = 1e-8, B = 3e-7, seed = 5, sigma_0 = 0.003,
    settle_rows = 3 }
  it("agrees with itself and with its own series", function()
    local c = depinning.catalogue(o)
    local n = c.sizes:numel()
    assert.is_true(n >= 5, n)
    for _, name in ipairs { "onset_stress", "widths", "heights", "durations" } do assert.equal(n, c[name]:numel()) end
    local sizes, onset, w = c.sizes:totable(), c.onset_stress:totable(), c.widths:totable()
    for i = 1, n do
      local s = c.series[c.replica[i]]
      local area, stress = s.area:totable(), s.stress:totable()
      assert.equal(area[c.last[i]] - area[c.first[i]], sizes[i])
      assert.equal(stress[c.first[i]], onset[i])
      assert.is_true(c.first[i] >= s.first and w[i] <= 60)
    end
    assert.equal(2, #c.power)
    assert.equal(30, #c.power[1])
    assert.is_true(c.mean_stress.err > 0 and c.mean_stress.value > 0.001)
    assert.is_true(c.smin >= c.threshold * c.window)
    local again = depinning.catalogue(o)
    assert.same(sizes, again.sizes:totable())
  end)
  it("refuses drives that have no falling stress", function()
    assert.has_error(function() depinning.catalogue { protocol = "constant" } end)
    assert.has_error(function() depinning.catalogue { rate = 0 } end)
    assert.has_error(function() depinning.catalogue { picks = 0 } end)
    assert.has_error(function() depinning.catalogue { sigma = 1 } end)
  end)
end)

describe("depinning.simulate", function()
  it("goes on after a kill with the same numbers", function()
    local o = { lx = 100, picks = 400000, every = 1000, replicas = 2, sigma_0 = 0.0015, seed = 9 }
    local whole = depinning.simulate(o)
    local kept, saves
    local function run(stop_at)
      saves = 0
      local t = {}
      for k, v in pairs(o) do t[k] = v end
      t.checkpoint_interval = 0
      t.checkpoint = {
        load = function() return kept end,
        save = function(v)
          saves = saves + 1
          if saves == stop_at then error "killed" end
          -- what a file would keep: copies
          kept = { format_version = v.format_version, done = v.done, picks = v.picks, lines = {}, records = {} }
          for i, l in ipairs(v.lines) do kept.lines[i] = tensor(l:totable(), "u8") end
          for i, r in ipairs(v.records) do
            kept.records[i] = { every = r.every, count = r.count, pick = tensor(r.pick:totable(), "i64"), area = tensor(r.area:totable(), "i64"),
              stress = tensor(r.stress:totable(), "f64"), heights = tensor(r.heights:totable(), "i32") }
          end
        end,
      }
      return depinning.simulate(t)
    end
    assert.has_error(function() run(3) end, "killed")
    assert.is_true(kept.done > 0 and kept.done < o.picks)
    local rest = run(-1)
    for r = 1, 2 do
      for _, f in ipairs { "pick", "area", "stress", "heights" } do
        assert.same(whole.replicas[r][f]:totable(), rest.replicas[r][f]:totable())
      end
      assert.same(whole.replicas[r].info.stress, rest.replicas[r].info.stress)
    end
    assert.has_error(function() depinning.simulate { picks = 7, checkpoint = { load = function() return kept end } } end)
  end)

  it("stops within a second of an interrupt", function()
    local bin = "build/bin/orowan"
    if not sys.exists(bin) then return pending "skipped: build/bin/orowan is not built" end
    local file = sys.temp_root() .. "/orowan-depinning-" .. sys.getpid() .. ".lua"
    assert(sys.write_atomic(file, [[
      local d = require "orowan.depinning"
      d.simulate { lx = 200, picks = 1 << 40, every = 1 << 20, heights = false, replicas = 2, plain = ... == "plain" }]]))
    for _, way in ipairs { "fast", "plain" } do
      local t = sys.clock()
      local r = sys.run({ "timeout", "-s", "INT", "-k", "5", "1", bin, file, way }, { timeout = 20 })
      assert.is_true(sys.clock() - t < 2.5)
      assert.are_not.equal(0, r.status)
      assert.matches("interrupted", r.stdout .. r.stderr)
    end
    sys.remove(file)
  end)
  it("is reached as ow.depinning", function()
    assert.equal(depinning, ow.depinning)
  end)
end)
