local ow = require "orowan"
local plot, sys = ow.plot, ow.sys

local have_gnuplot = sys.which "gnuplot" ~= nil
local function needs_gnuplot()
  if not have_gnuplot then pending "gnuplot not installed" end
  return have_gnuplot
end

local function close(expected, got, tolerance)
  assert(math.abs(expected - got) <= (tolerance or 1e-12), ("expected %.17g, got %.17g"):format(expected, got))
end

local function raises(pattern, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.matches(pattern, tostring(err))
end

local function draw(fig, format) return assert(fig:render(format or "png", { timeout = 60 })) end

local function png_size(bytes)
  assert.equal("\137PNG\r\n\26\n", bytes:sub(1, 8))
  return string.unpack(">I4I4", bytes, 17)
end

-- A small linear congruential generator: the spec's samples must not change with ours.
local function generator(seed)
  local s = seed
  return function()
    s = (s * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff
    return ((s >> 11) & ((1 << 52) - 1)) / (1 << 52)
  end
end

describe("plot numbers", function()
  it("box statistics: type-7 quartiles, Tukey's whiskers, outliers", function()
    -- R: quantile(c(1:10, 100)) = 1 3.5 6 8.5 100; boxplot.stats whiskers 1 and 10
    local b = plot.box_statistics { 100, 3, 1, 2, 4, 5, 6, 7, 8, 9, 10, 0 / 0 }
    assert.same({ 11, 3.5, 6, 8.5, 1, 10, { 100 } }, { b.n, b.q1, b.median, b.q3, b.low, b.high, b.outliers })
    close(155 / 11, b.mean)
    b = plot.box_statistics { 7 }
    assert.same({ 7, 7, 7, 7, 7 }, { b.q1, b.median, b.q3, b.low, b.high })
  end)

  it("density: the kernel itself for one value, unit area, Silverman's bandwidth", function()
    local x, d, h = plot.density({ 2 }, { bandwidth = 0.5, points = 31 })
    assert.equal(0.5, h)
    for i = 1, 31 do close(math.exp(-0.5 * ((x[i] - 2) / 0.5) ^ 2) / (0.5 * (2 * math.pi) ^ 0.5), d[i], 1e-12) end
    -- sd of 1..9 is 2.7386, IQR/1.34 is 2.9851: 0.9 * 2.7386 * 9^-0.2
    local _, _, bw = plot.density { 1, 2, 3, 4, 5, 6, 7, 8, 9 }
    close(0.9 * 7.5 ^ 0.5 * 9 ^ -0.2, bw)
    x, d = plot.density({ 1, 5, 5.5, 9, 20 }, { points = 2000 })
    local area = 0
    for i = 2, #x do area = area + (x[i] - x[i - 1]) * (d[i] + d[i - 1]) / 2 end
    close(1, area, 0.002)  -- 3 bandwidths hold 99.7 % of each kernel
    local none, _, zero = plot.density { 3, 3, 3 }
    assert.is_nil(none)
    assert.equal(0, zero)
  end)

  it("density: binned values give what the direct sum gives", function()
    local random, v = generator(1), {}
    for i = 1, 5000 do v[i] = random() + random() + (i % 3) end
    local _, binned, h = plot.density(v, { points = 40 })
    local a, b = math.huge, -math.huge
    for _, x in ipairs(v) do a, b = math.min(a, x), math.max(b, x) end
    a, b = a - 3 * h, b + 3 * h
    for k = 1, 40 do
      local x, sum = a + (b - a) * (k - 1) / 39, 0
      for _, y in ipairs(v) do sum = sum + math.exp(-0.5 * ((y - x) / h) ^ 2) end
      close(sum / (5000 * h * (2 * math.pi) ^ 0.5), binned[k], 1e-3)
    end
  end)

  it("bins: half-open, the last closed; counts, densities, values outside", function()
    local b = plot.bins({ 0, 0.5, 1, 1.5, 2, 3, -1 }, { bins = { 0, 1, 2 } })
    assert.same({ 2, 3 }, b.counts)
    assert.equal(2, b.outside)
    close(2 / 7, b.density[1])
    b = plot.bins({ 1, 2, 3, 4 }, { bins = 3 })
    assert.same({ 1, 1, 2 }, b.counts)
    assert.same({ 1, 2, 3, 4 }, b.edges)
    b = plot.bins({ 5, 5, 5 })
    assert.same({ 3 }, b.counts)
    b = plot.bins({ 1, 10, 100, 1000 }, { log = true, bins_per_decade = 1 })
    assert.same({ 1, 1, 1, 1 }, b.counts)
    local sum, random, v = 0, generator(2), {}
    for i = 1, 10000 do v[i] = (1 - random()) ^ -2 end
    b = plot.bins(v, { log = true })
    for i, c in ipairs(b.counts) do sum = sum + c; close(c / 1e4, b.density[i] * (b.edges[i + 1] - b.edges[i]), 1e-12) end
    assert.equal(10000, sum)
    -- Freedman-Diaconis: 2 IQR n^(-1/3) = 2 * 499.5 / 10 = 99.9 over 999: 10 bins
    v = {}
    for i = 1, 1000 do v[i] = i end
    assert.equal(10, #plot.bins(v).counts)
  end)

  it("ccdf: P(X >= x) at each distinct value", function()
    local x, p = plot.ccdf { 3, 1, 2, 2 }
    assert.same({ 1, 2, 3 }, x)
    assert.same({ 1, 0.75, 0.25 }, p)
  end)

  it("log_density: Gehrels's limits of a count", function()
    -- Gehrels 1986, tables 1 and 2 (84.13 %): n = 1: 0.173, 3.300; n = 4: 2.086, 7.163
    local _, d, lo, hi = plot.log_density({ 1.5, 20, 21, 22, 23 }, 1)
    close(0.173, lo[1] / d[1], 0.01)
    close(3.300, hi[1] / d[1], 0.03)
    close(2.086, lo[2] / d[2] * 4, 0.01)
    close(7.163, hi[2] / d[2] * 4, 0.03)
  end)

  it("takes tensors and tables alike and refuses what holds nothing", function()
    assert.same(plot.bins { 1, 2, 3, 4 }, plot.bins(ow.tensor { 1, 2, 3, 4 }))
    assert.same(plot.bins { 1, 2, 3, 4 }, plot.bins(ow.tensor({ 1, 2, 3, 4 }, "f32")))
    raises("is empty", plot.bins, {})
    raises("no finite value", plot.bins, { 0 / 0, 1 / 0 })
    raises("2 of 3 values are not positive", plot.bins, { 0, -1, 1 }, { log = true })
    raises("edges must ascend", plot.bins, { 1 }, { bins = { 1, 1 } })
    raises("bins: expected a count", plot.bins, { 1 }, { bins = 0 })
    raises("expected a table of numbers or a tensor, got string", plot.ccdf, "abc")
    raises("1 dimension", plot.ccdf, { { 1, 2 }, { 3, 4 } })
  end)

  it("ticks: round numbers, fewest digits, decades, common factors", function()
    local numbers = require "orowan.plot.numbers"
    local function labels(ticks)
      local t = {}
      for _, k in ipairs(ticks) do if not k.minor then t[#t + 1] = k.label end end
      return table.concat(t, " ")
    end
    assert.equal("0 2 4 6 8 10", labels((numbers.linear_ticks(0, 10, 6))))
    assert.equal("−0.2 0 0.2 0.4", labels((numbers.linear_ticks(-0.25, 0.45, 5))))
    local ticks, e = numbers.linear_ticks(0, 3e-8, 4)
    assert.equal(-8, e)
    assert.equal("0 1 2 3", labels(ticks))
    ticks, e = numbers.linear_ticks(0, 2.5e6, 6)
    assert.equal(6, e)
    assert.equal("0 0.5 1.0 1.5 2.0 2.5", labels(ticks))
    assert.equal("10^{0} 10^{1} 10^{2}", labels(numbers.log_ticks(0.7, 300, 10)))
    assert.equal("10^{−6} 10^{−3} 10^{0} 10^{3}", labels(numbers.log_ticks(1e-7, 2e4, 4)))
    assert.equal("2 5 10 20", labels(numbers.log_ticks(1.5, 30, 10)))
    assert.equal("100 110 120", labels(numbers.log_ticks(100, 120, 3)))
    -- whatever the range: some labels, no two alike, all inside
    local random = generator(11)
    for _ = 1, 3000 do
      local a = (random() - 0.5) * 10.0 ^ (600 * random() - 300)
      local b = random() < 0.5 and (random() - 0.5) * 10.0 ^ (600 * random() - 300) or a * (1 + 10.0 ^ (-11 * random()))
      local lo, hi, seen = math.min(a, b), math.max(a, b), {}
      if hi - lo > 1e-12 * math.max(math.abs(a), math.abs(b)) then
        for _, k in ipairs((numbers.linear_ticks(lo, hi, 6))) do
          assert.is_true(k.value >= lo - 1e-6 * (hi - lo) and k.value <= hi + 1e-6 * (hi - lo))
          if k.label then
            assert.is_nil(seen[k.label])
            seen[k.label] = true
          end
        end
        assert.is_not_nil(next(seen))
      end
    end
  end)
end)

describe("plot contour", function()
  local contour = ow.core.plot.contour
  local function lines_of(packed, n)
    local lines, line = {}, {}
    for i = 0, n - 1 do
      local x, y = string.unpack("<dd", packed, i * 16 + 1)
      if x ~= x then lines[#lines + 1] = line; line = {} else line[#line + 1] = { x, y } end
    end
    assert.equal(0, #line)
    return lines
  end

  it("finds a circle as one closed line", function()
    local z, x = {}, {}
    for i = 1, 81 do x[i] = (i - 41) / 20 end
    for i = 1, 81 do
      z[i] = {}
      for j = 1, 81 do z[i][j] = x[i] ^ 2 + x[j] ^ 2 end
    end
    local packed, n, count = contour("contour", z, x, x, 1)
    assert.equal(1, count)
    local line = lines_of(packed, n)[1]
    assert.same(line[1], line[#line])
    local length = 0
    for i, p in ipairs(line) do
      close(1, (p[1] ^ 2 + p[2] ^ 2) ^ 0.5, 1e-3)
      if i > 1 then length = length + ((p[1] - line[i - 1][1]) ^ 2 + (p[2] - line[i - 1][2]) ^ 2) ^ 0.5 end
    end
    close(2 * math.pi, length, 0.01)
  end)

  it("interpolates exactly on a plane and splits a saddle by its centre", function()
    local packed, n = contour("contour", { { 0, 1, 2 }, { 0, 1, 2 } }, { 10, 20, 30 }, { 5, 6 }, 0.25)
    assert.same({ { { 12.5, 5 }, { 12.5, 6 } } }, lines_of(packed, n))
    -- centre 0.5 is above 0.4: the corners below it are cut off
    local _, _, count = contour("contour", { { 1, 0 }, { 0, 1 } }, { 0, 1 }, { 0, 1 }, 0.4)
    assert.equal(2, count)
    packed, n = contour("contour", { { 1, 0 }, { 0, 1 } }, { 0, 1 }, { 0, 1 }, 0.4)
    for _, l in ipairs(lines_of(packed, n)) do
      local mx, my = (l[1][1] + l[2][1]) / 2, (l[1][2] + l[2][2]) / 2
      close(0.6, math.abs(mx - my), 1e-12)  -- near the corners (1, 0) and (0, 1)
    end
    packed, n = contour("contour", { { 1, 0 }, { 0, 1 } }, { 0, 1 }, { 0, 1 }, 0.6)
    for _, l in ipairs(lines_of(packed, n)) do
      local mx, my = (l[1][1] + l[2][1]) / 2, (l[1][2] + l[2][2]) / 2
      close(0.6, math.abs(mx + my - 1), 1e-12)
    end
  end)

  it("has every crossed edge once, on noise with holes", function()
    local random, z, x = generator(3), {}, {}
    for i = 1, 60 do
      x[i] = i
      z[i] = {}
      for j = 1, 60 do z[i][j] = random() < 0.02 and 0 / 0 or random() end
    end
    local expected = 0
    for i = 1, 60 do
      for j = 1, 60 do
        local function crossed(a, b, c1, c2)  -- an edge counts when a cell beside it has no NaN
          if not a or not b or a ~= a or b ~= b or (a >= 0.5) == (b >= 0.5) then return end
          for _, c in ipairs { c1, c2 } do
            local ok = true
            for di = 0, 1 do for dj = 0, 1 do
              local v = z[c[1] + di] and z[c[1] + di][c[2] + dj]
              ok = ok and v and v == v
            end end
            if ok then expected = expected + 1 return end
          end
        end
        crossed(z[i][j], z[i][j + 1], { i, j }, { i - 1, j })
        crossed(z[i][j], z[i + 1] and z[i + 1][j], { i, j }, { i, j - 1 })
      end
    end
    local packed, n = contour("contour", z, x, x, 0.5)
    local points = 0
    for _, l in ipairs(lines_of(packed, n)) do
      points = points + #l
      if #l > 2 and l[1][1] == l[#l][1] and l[1][2] == l[#l][2] then points = points - 1 end
      for k = 2, #l do assert.is_true(math.abs(l[k][1] - l[k - 1][1]) <= 1 and math.abs(l[k][2] - l[k - 1][2]) <= 1) end
    end
    assert.equal(expected, points)
  end)

  it("refuses what is no grid", function()
    raises("at least 2x2", contour, "contour", { { 1, 2 } }, { 1, 2 }, { 1 }, 0)
    raises("z is 2x2 but y has 3", contour, "contour", { { 1, 2 }, { 1, 2 } }, { 1, 2 }, { 1, 2, 3 }, 0)
  end)
end)

describe("plot thinning of long lines", function()
  local thin = ow.core.plot.thin
  local function pack(xs, ys)
    local t = {}
    for i = 1, #xs do t[i] = ("<dd"):pack(xs[i], ys[i]) end
    return table.concat(t)
  end

  it("keeps first, lowest, highest and last of every pixel column, in order", function()
    local random, xs, ys = generator(5), {}, {}
    local x = 1
    for i = 1, 20000 do
      x = x * (1 + 0.001 * random())
      xs[i], ys[i] = x, random()
    end
    for _, log in ipairs { false, true } do
      local out = thin(pack(xs, ys), xs[1], x, log, 100)
      assert.is_true(#out // 16 <= 4 * 102)
      local function columns(n, get)
        local c = {}
        for i = 1, n do
          local u, v = get(i)
          local k = math.floor(100 * (log and math.log(u / xs[1]) / math.log(x / xs[1]) or (u - xs[1]) / (x - xs[1])) + 1e-9)
          c[k] = c[k] or { u, v, v }
          c[k][2], c[k][3], c[k][4], c[k][5] = math.min(c[k][2], v), math.max(c[k][3], v), u, v
        end
        return c
      end
      local want = columns(#xs, function(i) return xs[i], ys[i] end)
      local last = -math.huge
      local got = columns(#out // 16, function(i)
        local u, v = ("<dd"):unpack(out, 16 * i - 15)
        assert.is_true(u > last)
        last = u
        return u, v
      end)
      assert.same(want, got)
    end
  end)

  it("keeps gaps and gives up where x goes back", function()
    local nan = 0 / 0
    local out = thin(pack({ 0, 1, 2, nan, nan, 3, 4 }, { 5, 6, nan, 1, 1, 7, 8 }), 0, 4, false, 1000)
    local seen = {}
    for i = 1, #out, 16 do
      local u, v = ("<dd"):unpack(out, i)
      seen[#seen + 1] = (u ~= u or v ~= v) and "gap" or u .. ":" .. v
    end
    assert.equal("0.0:5.0 1.0:6.0 gap 3.0:7.0 4.0:8.0", table.concat(seen, " "))
    assert.is_nil(thin(pack({ 0, 2, 1 }, { 0, 0, 0 }), 0, 2, false, 10))
  end)

  it("draws a million points in seconds, also back and forth", function()
    if not needs_gnuplot() then return end
    local x, y = {}, {}
    for i = 1, 300000 do x[i], y[i] = i, (i * 7919) % 1013 end
    draw(plot.figure():line(x, y):line(y, x):line(x, y, { alpha = 0.5 }))
  end)
end)

describe("plot text", function()
  it("keeps digits that follow a special character", function()
    local fig = ow.plot.figure { title = "shift 1/6<112>" }
    fig:line({ 1, 2 }, { 1, 2 })
    assert.matches("shift 1/6&lt;112&gt;", assert(fig:render "svg"), 1, true)
  end)

  local style = require "orowan.plot.style"

  it("lets nothing of the user's reach gnuplot's parser", function()
    for _, nasty in ipairs { "`touch x`", '"; system "id', "a'b", "@macro", "line\nbreak", "\\", "{", "}", "a{b", "$HOME", "%s", "\0\1\255" } do
      for _, quoted in ipairs { style.text(nasty), style.text(nasty, true), style.tick(nasty) } do
        local inner = quoted:match '^"(.*)"$'
        assert.is_string(inner)
        assert.is_nil((inner:gsub("\\%d%d%d", "")):find "[^%w ,.:;()/=+%-]")
      end
    end
  end)

  it("understands ^ and _ in markup only", function()
    local function plain(quoted) return (quoted:sub(2, -2):gsub("\\(%d%d%d)", function(o) return string.char(tonumber(o, 8)) end)) end
    assert.equal("a\\^{2}\\_b", (plain(style.text "a^{2}_b"):gsub("\\([{}])", "%1")))
    assert.equal("10^{−3} S_{min}", plain(style.text("10^{−3} S_{min}", true)))
    assert.equal("x^{2}", plain(style.text("x^2", true)))
    assert.equal("σ_{é}", plain(style.text("σ_é", true)))
    assert.equal("x^{a_{b}}", plain(style.text("x^{a_b}", true)))
    assert.equal("a\\^\\{b", plain(style.text("a^{b", true)))
    assert.equal("a\\^", plain(style.text("a^", true)))
  end)
end)

describe("plot errors", function()
  local function on(name, ...)
    local args = table.pack(...)
    return function() local ax = plot.figure():axes(); return ax[name](ax, table.unpack(args, 1, args.n)) end
  end

  it("name what is wrong", function()
    for _, c in ipairs {
      { "plot.line: x has 2 values, y has 3", on("line", { 1, 2 }, { 1, 2, 3 }) },
      { "plot.line: x: is empty", on("line", {}, {}) },
      { "plot.line: y: expected a table", on("line", { 1 }, "no") },
      { "plot.line: y: has no finite value", on("line", { 1, 2 }, { 0 / 0, 1 / 0 }) },
      { "plot.line: no option \"colour\"", on("line", { 1 }, { 1 }, { colour = "red" }) },
      { "plot.line: color: expected", on("line", { 1 }, { 1 }, { color = "mauve" }) },
      { "plot.line: dash: expected", on("line", { 1 }, { 1 }, { dash = "wavy" }) },
      { "plot.line: width: expected a number", on("line", { 1 }, { 1 }, { width = -1 }) },
      { "plot.line: x: expected real numbers", on("line", ow.tensor({ 1, 2 }, "c128"), { 1, 2 }) },
      { "plot.scatter: x has 2 values, color has 3", on("scatter", { 1, 2 }, { 1, 2 }, { color = { 1, 2, 3 } }) },
      { "plot.errorbar: expected yerr", on("errorbar", { 1 }, { 1 }) },
      { "plot.errorbar: give yerr or", on("errorbar", { 1 }, { 1 }, { yerr = 1, ylow = { 0 }, yhigh = { 1 } }) },
      { "ylow and yhigh belong together", on("errorbar", { 1 }, { 1 }, { ylow = { 0 } }) },
      { "yerr: has negative", on("errorbar", { 1 }, { 1 }, { yerr = { -1 } }) },
      { "plot.image: image: expected height x width", on("image", { 1, 2, 3 }) },
      { "plot.image: x: expected even spacing", on("image", { { 1, 2, 3 }, { 1, 2, 3 } }, { x = { 1, 2, 4 } }) },
      { "plot.image: palette: expected", on("image", { { 1, 2 }, { 1, 2 } }, { palette = "jet" }) },
      { "plot.image: image: has no finite value", on("image", { { 0 / 0, 0 / 0 }, { 0 / 0, 0 / 0 } }) },
      { "plot.ternary: sample 1 .*fractions of 0 or more", on("ternary", { -0.2 }, { 0.6 }, { 0.6 }) },
      { "plot.violin: labels: expected 2", on("violin", { { 1, 2 }, { 1, 2 } }, { labels = { "a" } }) },
      { "plot.violin: group 2: is empty", on("violin", { { 1, 2 }, {} }) },
      { "plot.hline: expected a finite number", on("hline", 0 / 0) },
      { "plot.text: x: expected a number", on("text", "a", 1, "s") },
      { "plot.set: no option \"xlabels\"", on("set", { xlabels = "x" }) },
      { "plot.set: xrange: expected", on("set", { xrange = { 1, 1 } }) },
      { "plot.set: legend: expected", on("set", { legend = "upper right" }) },
      { "plot.histogram: options: expected", on("histogram", { 1, 2 }, { 1 }) },
      { "plot.axes: expected a number from 1 to 2", function() plot.figure({ cols = 2 }):axes(3) end },
      { "plot.figure: width: expected", function() plot.figure { width = 1e9 } end },
      { "ending in .png, .svg or .pdf", function() plot.figure():save "x.jpg" end },
    } do raises(c[1], c[2]) end
  end)

  it("keep 2-D and 3-D apart", function()
    raises("already hold 2%-D marks", function() plot.figure():line({ 1 }, { 1 }):scatter3d({ 1 }, { 1 }, { 1 }) end)
  end)

  it("refuse values that a logarithmic axis cannot show", function()
    local fig = plot.figure():line({ 0, 1, 2 }, { 1, 2, 3 }):set { xlog = true }
    raises("plot.line: x: 1 value is not above 0 on a logarithmic x axis", fig.script, fig)
    fig = plot.figure():scatter({ 1, 2, 3 }, { -1, 0, 3 }):set { ylog = true }
    raises("plot.scatter: y: 2 values are not above 0", fig.script, fig)
    fig = plot.figure():line({ 1, 2 }, { 1, 2 }):set { ylog = true, yrange = { 0, 10 } }
    raises("yrange: 0 is not above 0", fig.script, fig)
    fig = plot.figure():image({ { 0, 1 }, { 2, 3 } }, { log = true })
    raises("1 colour value is not above 0", fig.script, fig)
    -- the lower end of an error bar may: it is drawn to the edge
    plot.figure():errorbar({ 1, 2 }, { 1, 2 }, { yerr = 1.5 }):set({ ylog = true }):script()
  end)

  it("come back from gnuplot, and nothing stays behind", function()
    if not needs_gnuplot() then return end
    local root = assert(sys.tmpdir())
    local old = os.getenv "TMPDIR"
    sys.setenv("TMPDIR", root)
    local fig = plot.figure():line({ 1, 2 }, { 1, 2 })
    fig:command "set nonsense 3"
    local ok, err = fig:save(root .. "/x.png")
    assert.is_nil(ok)
    assert.matches("gnuplot: line %d+: .*[Uu]nrecognized option", tostring(err))
    local slow = plot.figure():line({ 1, 2 }, { 1, 2 })
    slow:command "pause 20"
    ok, err = slow:save(root .. "/x.png", { timeout = 0.3 })
    assert.is_nil(ok)
    assert.matches("stopped after 0.3 s", tostring(err))
    ok, err = plot.figure():line({ 1, 2 }, { 1, 2 }):save(root .. "/no/such/folder.png")
    assert.is_nil(ok)
    assert.matches("cannot write", tostring(err))
    assert(plot.figure():line({ 1, 2 }, { 1, 2 }):save(root .. "/x.png"))
    sys.setenv("TMPDIR", old)
    assert.same({ "x.png" }, sys.list(root))
    sys.remove_tree(root)
  end)

  it("say what to install when gnuplot is missing", function()
    local fig = plot.figure():line({ 1, 2 }, { 1, 2 })
    sys.setenv("OROWAN_GNUPLOT", "orowan-no-gnuplot")
    local ok, err = fig:render "png"
    sys.setenv "OROWAN_GNUPLOT"
    assert.is_nil(ok)
    assert.equal("missing", err.code)
    assert.matches("apt%-get install gnuplot%-nox", tostring(err))
  end)
end)

describe("plot figures", function()
  local random = generator(7)
  local function normal(n, mean, sd)
    local t = {}
    for i = 1, n do t[i] = mean + sd * (-2 * math.log(1 - random())) ^ 0.5 * math.cos(2 * math.pi * random()) end
    return t
  end
  local wave = {}
  for i = 1, 24 do
    wave[i] = {}
    for j = 1, 32 do wave[i][j] = math.sin(i / 5) * math.cos(j / 6) end
  end
  local size = {}
  for i = 1, 3000 do size[i] = (1 - random()) ^ -1.5 end

  local kinds = {
    line = function(a) a:line({ 1, 2, 3, 4 }, { 1, 0 / 0, 3, 2 }, { label = "a" }):line({ 3, 1, 2 }, { dash = "dotted", marker = "square" }) end,
    scatter = function(a) a:scatter(ow.tensor { 1, 2, 3 }, ow.tensor { 1, 4, 9 }, { color = { 1, 2, 3 }, colorbar = "v", size = { 4, 8, 12 } }) end,
    errorbar = function(a) a:errorbar({ 1, 2, 3 }, { 1, 2, 3 }, { yerr = 0.5, xerr = { 0.1, 0.2, 0.3 }, label = "e" }) end,
    band = function(a) a:band({ 1, 2, 3, 4, 5 }, { 0, 0, 0 / 0, 0, 0 }, { 1, 2, 2, 2, 1 }, { label = "b" }):hline(1, { label = "h" }):vline(2) end,
    histogram = function(a) a:histogram(normal(500, 0, 1), { label = "n" }):set { ylog = true } end,
    log_histogram = function(a) a:histogram(size, { log = true, density = true }) end,
    ccdf = function(a) a:ccdf(size, { label = "c" }):ccdf({ 1, 2, 3 }, { marker = "circle" }) end,
    log_density = function(a) a:log_density(size):text(10, 0.1, "here", { color = "red", rotate = 30 }) end,
    image = function(a) a:image(wave, { label = "z" }):line({ 1, 10 }, { 1, 20 }) end,
    rgb = function(a) a:image(ow.tensor({ { { 255, 0, 0 }, { 0, 255, 0 } }, { { 0, 0, 255 }, { 9, 9, 9 } } }, "u8")) end,
    contour = function(a) a:contour(wave, { x = { 0, 1 }, y = { 0, 2 } }):contour(wave, { x = { 0, 1 }, y = { 0, 2 }, levels = { 0 }, color = "black" }) end,
    violin = function(a) a:violin({ normal(100, 0, 1), normal(50, 2, 0.5), { 1, 1, 1 } }, { labels = { "a", "b", "const" } }) end,
    box = function(a) a:box { normal(100, 0, 1), ow.tensor(normal(50, 2, 0.5)) } end,
    scatter3d = function(a) a:scatter3d({ 1, 2, 3 }, { 1, 2, 1 }, { 5, 6, 7 }, { color = { 1, 2, 3 } }):set { zlabel = "z" } end,
    ternary = function(a) a:ternary({ 1, 0, 0, 1 }, { 0, 1, 0, 1 }, { 0, 0, 1, 1 }, { 1, 2, 3, 4 }, { fill = true }) end,
  }

  for name, f in pairs(kinds) do
    it("draw " .. name .. " as PNG, SVG and PDF, twice alike", function()
      if not needs_gnuplot() then return end
      local fig = plot.figure { width = 400, height = 300, title = name }
      f(fig:axes(1))
      fig:set { xlabel = "x (nm)", ylabel = "y_{a} (b²)" }
      local png = draw(fig)
      local w, h = png_size(png)
      assert.same({ 400, 300 }, { w, h })
      assert.is_true(#png > 2000)
      local svg, pdf = draw(fig, "svg"), draw(fig, "pdf")
      assert.matches("<svg", svg)
      assert.matches("</svg>%s*$", svg)
      assert.equal("%PDF", pdf:sub(1, 4))
      assert.is_true(png == draw(fig))
      assert.is_true(svg == draw(fig, "svg"))
      assert.is_true(pdf == draw(fig, "pdf"))
    end)
  end

  it("survive hostile text everywhere, running none of it", function()
    if not needs_gnuplot() then return end
    local dir = assert(sys.tmpdir())
    for _, s in ipairs { "`touch " .. dir .. "/ran`", "a{b^_@&~\\", "'\"\n\"'", "\"; system(\"touch " .. dir .. "/ran\")#", "<&>;%d%s", "τ_σ²−∞", "\255\0" } do
      for _, markup in ipairs { false, true } do
        local fig = plot.figure { title = s, markup = markup, width = 300, height = 240 }
        fig:line({ 1, 2 }, { 1, 2 }, { label = s }):hline(1, { label = s }):scatter({ 1 }, { 1 }, { color = { 1 }, colorbar = s })
        fig:text(1, 1, s):set { title = s, xlabel = s, ylabel = s, xticks = { { 1, s } } }
        draw(fig)
        local svg = draw(fig, "svg")
        assert.is_true(utf8.len(svg) ~= nil)
      end
    end
    assert.same({}, sys.list(dir))
    sys.remove_tree(dir)
  end)

  it("are values: later changes of the data do not show", function()
    local x, y = { 1, 2, 3 }, ow.tensor { 1, 2, 3 }
    local fig = plot.figure():line(x, y)
    local before = fig:script()
    x[1] = 100
    y:close()
    assert.equal(before, fig:script())
  end)

  it("hold constant, single and huge values", function()
    if not needs_gnuplot() then return end
    draw(plot.figure():line({ 1, 2 }, { 5, 5 }):scatter({ 1 }, { 5 }))
    draw(plot.figure():line({ 1, 2, 3 }, { 1e300, -1e300, 0 }))
    draw(plot.figure():line({ 1e-300, 1e300 }, { 1e-300, 1e300 }):set { xlog = true, ylog = true })
    draw(plot.figure():scatter({ 0 }, { 0 }))
    draw(plot.figure():line({ 1, 2 }, { 1e15, 1e15 + 1 }))
    draw(plot.figure())
  end)

  it("put panels where they belong and refuse those without room", function()
    if not needs_gnuplot() then return end
    local fig = plot.figure { rows = 2, cols = 3 }
    for k = 1, 6 do fig:axes(k):line({ 1, 2 }, { 1, k }):set { title = "panel " .. k, legend = "outside" } end
    local w, h = png_size(draw(fig))
    assert.same({ 1800, 920 }, { w, h })
    local tiny = plot.figure { rows = 8, cols = 8, width = 200, height = 200 }
    for k = 1, 64 do tiny:axes(k):line({ 1, 2 }, { 1, 2 }):set { ylabel = "y" } end
    raises("too few", tiny.render, tiny, "png")
    w, h = png_size(assert(plot.figure({ width = 300, height = 200 }):line({ 1, 2 }, { 1, 2 }):render("png", { scale = 2 })))
    assert.same({ 600, 400 }, { w, h })
  end)

  it("show themselves", function()
    local fig = plot.figure { rows = 1, cols = 2 }
    fig:axes(2):line({ 1, 2 }, { 1, 2 })
    assert.equal("figure 1200x460 px, 1x2 axes, 1 mark", tostring(fig))
    if not needs_gnuplot() then return end
    local bundle = getmetatable(fig).__mime(fig)
    assert.equal("\137PNG", bundle["image/png"]:sub(1, 4))
    assert.matches("<svg", bundle["image/svg+xml"])
  end)
end)

describe("plot animations", function()
  local function frame(i)
    return plot.figure({ width = 201, height = 151 }):line({ 0, i }, { 0, 1 }):set { xrange = { 0, 30 } }
  end
  local function gif_frames(bytes)  -- graphic control extensions: one before each frame
    local n = 0
    for _ in bytes:gmatch "\33\249\4" do n = n + 1 end
    return n
  end

  it("are written as GIF and MP4, and leave nothing behind", function()
    if not needs_gnuplot() then return end
    local root, old, path = assert(sys.tmpdir()), os.getenv "TMPDIR", os.getenv "PATH"
    sys.setenv("TMPDIR", root)
    if sys.which "ffmpeg" then
      assert(plot.animate(frame, root .. "/a.mp4", { frames = 25, fps = 12 }))
      local data = sys.read_file(root .. "/a.mp4")
      assert.equal("ftyp", data:sub(5, 8))
      local probe = sys.run { "ffprobe", "-v", "error", "-count_frames", "-of", "csv=p=0", "-show_entries", "stream=width,height,r_frame_rate,nb_read_frames", root .. "/a.mp4" }
      if probe then assert.matches("202,152,12/1,25", probe.stdout) end
      assert(plot.animate({ frame(1), frame(2), frame(3) }, root .. "/b.gif"))
      assert.equal(3, gif_frames(sys.read_file(root .. "/b.gif")))
    end
    sys.setenv("PATH", root)  -- gnuplot alone
    sys.setenv("OROWAN_GNUPLOT", sys.run({ "/bin/sh", "-c", "PATH='" .. path .. "'; command -v gnuplot" }).stdout:match "[^\n]+")
    local ok, err = plot.animate(function(i) return i <= 3 and frame(i) or nil end, root .. "/c.gif")
    local mp4, why = plot.animate(frame, root .. "/c.mp4", { frames = 2 })
    sys.setenv("PATH", path)
    sys.setenv "OROWAN_GNUPLOT"
    sys.setenv("TMPDIR", old)
    assert(ok, tostring(err))
    assert.equal("GIF89a", sys.read_file(root .. "/c.gif"):sub(1, 6))
    assert.equal(3, gif_frames(sys.read_file(root .. "/c.gif")))
    assert.is_nil(mp4)
    assert.matches("apt%-get install ffmpeg", tostring(why))
    for _, name in ipairs(sys.list(root)) do assert.matches("^%a%.%a+", name) end
    sys.remove_tree(root)
  end)

  it("refuse what makes no film", function()
    raises("path: expected a name ending in", plot.animate, { frame(1) }, "x.avi")
    raises("there are none", plot.animate, {}, "/tmp/x.gif")
    raises("frame 1: expected a figure, got number", plot.animate, { 3 }, "/tmp/x.gif")
    raises("all frames need one size", plot.animate, { frame(1), plot.figure() }, "/tmp/x.gif")
    raises("fps: expected", plot.animate, { frame(1) }, "/tmp/x.gif", { fps = 0 })
    raises("no option", plot.animate, { frame(1) }, "/tmp/x.gif", { speed = 1 })
  end)
end)
