--- Every kind of chart, one PNG each: `orowan examples/plot_gallery.lua [FOLDER] [png|svg|pdf]`
--- (default folder build/plot_gallery). Numbers are made up with a fixed seed.
local ow = require "orowan"
local plot, sys = ow.plot, ow.sys

local folder, format = arg and arg[1] or "build/plot_gallery", arg and arg[2] or "png"
assert(sys.mkdir(folder))
math.randomseed(7)

local function normal(n, mean, sd)
  local t = {}
  for i = 1, n do t[i] = mean + sd * (-2 * math.log(1 - math.random())) ^ 0.5 * math.cos(2 * math.pi * math.random()) end
  return t
end
local function power_law(n, tau, smin, cut)
  local t = {}
  while #t < n do
    local s = smin * (1 - math.random()) ^ (-1 / (tau - 1))
    if math.random() < math.exp(-s / cut) then t[#t + 1] = s end
  end
  return t
end
local function range(a, b, n)
  local t = {}
  for i = 1, n do t[i] = a + (b - a) * (i - 1) / (n - 1) end
  return t
end
local function map(f, ...)
  local lists, t = { ... }, {}
  for i = 1, #lists[1] do t[i] = f(lists[1][i], lists[2] and lists[2][i]) end
  return t
end

local function show(name, fig)
  local start = sys.clock()
  local path = ("%s/%s.%s"):format(folder, name, format)
  assert(fig:save(path))
  print(("%-16s %5.2f s  %s"):format(name, sys.clock() - start, path))
end

do  -- line, band, rules, text
  local x = range(0, 12, 240)
  local y = map(function(t) return 160 * (1 - math.exp(-t / 1.5)) + 4 * math.sin(6 * t) * math.exp(-t / 8) end, x)
  y[150] = 0 / 0
  local fig = plot.figure { markup = true }
  fig:band(x, map(function(v) return v - 8 end, y), map(function(v) return v + 8 end, y), { color = 1 })
  fig:line(x, y, { label = "stress, one run", color = 1 })
  fig:line(x, map(function(t) return 160 * (1 - math.exp(-t / 1.5)) end, x), { label = "1 − e^{−t/τ}, τ = 1.5 s", dash = "dashed", color = 2 })
  fig:hline(158, { label = "target σ_c = 158 MPa" }):vline(3, { dash = "dotted" })
  fig:text(3.15, 20, "end of the transient")
  fig:set { title = "Line, band, rules and a gap", xlabel = "time t (s)", ylabel = "resolved shear stress σ (MPa)" }
  show("line", fig)
end

do  -- scatter
  local fig = plot.figure { rows = 1, cols = 2, title = "Scatter", markup = true }
  local a, b = normal(1500, 0, 1), normal(1500, 0, 1)
  fig:axes(1):scatter(a, map(function(u, v) return 0.6 * u + 0.5 * v end, a, b), { label = "replica A" })
    :scatter(normal(40, 1, 0.4), normal(40, -1.4, 0.3), { label = "replica B", marker = "diamond", size = 9 })
    :set { xlabel = "onset stress (σ − ⟨σ⟩) / s_σ", ylabel = "log size (normalised)" }
  fig:axes(2):scatter(a, b, { color = map(function(u, v) return u * u + v * v end, a, b), colorbar = "distance squared r^{2} (nm^{2})", size = 6 })
    :set { xlabel = "x (nm)", ylabel = "y (nm)", aspect = "equal" }
  show("scatter", fig)
end

do  -- error bars, logarithmic axes
  local s = { 0.004, 0.008, 0.0175, 0.035, 0.07 }
  local y = map(function(v) return 8200 * v ^ 1.1 end, s)
  local z = map(function(v) return 6900 * v ^ 1.12 end, s)
  local fig = plot.figure { markup = true }
  fig:errorbar(s, y, { yerr = map(function(v) return 0.09 * v end, y), label = "edge" })
  fig:errorbar(s, z, { ylow = map(function(v) return 0.8 * v end, z), yhigh = map(function(v) return 1.3 * v end, z), xerr = map(function(v) return 0.1 * v end, s),
    label = "screw", marker = "square" })
  fig:line({ 0.003, 0.09 }, map(function(v) return 8200 * v ^ 1.1 end, { 0.003, 0.09 }), { label = "σ_{yield} ∝ Σ^{1.1}", dash = "dashed", color = "black", width = 1.5 })
  fig:set { title = "Error bars on logarithmic axes", xlabel = "pinning strength Σ_{pin} (μ)", ylabel = "yield stress σ_{yield} (MPa)", xlog = true, ylog = true }
  show("errorbar", fig)
end

do  -- distributions
  local s = power_law(20000, 1.4, 1, 3e4)
  local fig = plot.figure { rows = 2, cols = 2, title = "Distributions", markup = true }
  fig:axes(1):histogram(normal(3000, 0.82, 0.12), { label = "vacancy hops, CrCoNi" }):histogram(normal(1500, 1.05, 0.09), { label = "NiCo" })
    :set { title = "histogram", xlabel = "barrier (eV)", ylabel = "hops per bin" }
  fig:axes(2):histogram(s, { log = true, label = "events" }):set { title = "logarithmic bins", xlabel = "size s (b^{2})", ylabel = "events per bin", ylog = true }
  fig:axes(3):ccdf(s, { label = "20,000 events" }):ccdf(power_law(300, 1.4, 1, 3e4), { label = "300 events" })
    :set { title = "complementary cumulative distribution", xlabel = "size s (b^{2})", ylabel = "P(S ≥ s)" }
  fig:axes(4):log_density(s, { label = "events, Poisson errors" }):line({ 1, 1e5 }, { 0.4, 0.4 * 1e5 ^ -1.4 }, { label = "s^{−1.4}", dash = "dashed", color = "black" })
    :set { title = "log-binned density", xlabel = "size s (b^{2})", ylabel = "p(s) (b^{−2})" }
  show("distributions", fig)
end

do  -- images
  local z, w = {}, {}
  for i = 1, 120 do
    z[i], w[i] = {}, {}
    for j = 1, 160 do
      z[i][j] = 100 + 60 * math.exp(-((i - 60 - 12 * math.sin(j / 25)) / 4) ^ 2) + 6 * math.random()
      w[i][j] = 10 ^ (4 - 0.06 * ((i - 60) ^ 2 + (j - 80) ^ 2) ^ 0.5)
    end
  end
  z[30][40] = 0 / 0
  local fig = plot.figure { rows = 2, cols = 2, title = "Images and heat maps", markup = true }
  local x = range(1, 160, 160)
  fig:axes(1):image(z, { palette = "grey", label = "intensity (counts)" }):line(x, map(function(u) return 60 + 12 * math.sin(u / 25) end, x), { color = 2, label = "detected line" })
    :set { title = "frame with an overlay", xlabel = "x (px)", ylabel = "y (px)" }
  fig:axes(2):image(w, { log = true, label = "power (arb. units)", x = { -4, 4 }, y = { -3, 3 }, palette = "magma" })
    :set { title = "logarithmic colours", xlabel = "k_x (nm^{−1})", ylabel = "k_y (nm^{−1})" }
  local c = {}
  for i = 1, 12 do c[i] = {} for j = 1, 10 do c[i][j] = 1.0 + 0.5 * math.exp(-((i - 6) ^ 2 + (j - 4) ^ 2) / 20) + 0.05 * math.random() end end
  fig:axes(3):image(c, { x = { 1, 10 }, y = { 0.5, 6 }, label = "τ", range = { 0.8, 1.6 } }):set { title = "sensitivity map", xlabel = "window (10^{3} picks)", ylabel = "threshold (rate/B)" }
  local f = {}
  for i = 1, 60 do f[i] = {} for j = 1, 80 do f[i][j] = math.sin(i / 9) * math.cos(j / 11) + 0.4 * math.sin(j / 5) * i / 60 end end
  fig:axes(4):image(f, { x = { 0, 8 }, y = { 0, 6 }, palette = "diverging", range = { -1.5, 1.5 }, label = "strain ε_{xx} (%)" })
    :contour(f, { x = { 0, 8 }, y = { 0, 6 }, color = "black", levels = { -1, -0.5, 0, 0.5, 1 }, width = 1 })
    :set { title = "strain with contours", xlabel = "x (nm)", ylabel = "y (nm)" }
  show("image", fig)
end

do  -- contour alone
  local f, x, y = {}, range(-2, 2, 90), range(-1.5, 1.5, 70)
  for i = 1, 70 do f[i] = {} for j = 1, 90 do f[i][j] = (1 - x[j] ^ 2) ^ 2 + 2 * y[i] ^ 2 end end
  local fig = plot.figure()
  fig:contour(f, { x = x, y = y, levels = range(0.1, 3.1, 16), colorbar = "energy (eV)" })
  fig:scatter({ -1, 1 }, { 0, 0 }, { label = "minima", color = "black" }):scatter({ 0 }, { 0 }, { label = "saddle", marker = "cross", color = "red", size = 11 })
  fig:set { title = "Contour lines", xlabel = "reaction coordinate (Å)", ylabel = "lateral displacement (Å)" }
  show("contour", fig)
end

do  -- groups
  local groups = { normal(400, 0.82, 0.12), normal(400, 1.05, 0.09), normal(60, 0.95, 0.2), {} }
  for i = 1, 400 do groups[4][i] = math.random() < 0.5 and normal(1, 0.7, 0.05)[1] or normal(1, 1.1, 0.06)[1] end
  local names = { "CrCoNi", "NiCo", "FeNi", "CrCoNi, ordered" }
  local fig = plot.figure { rows = 1, cols = 2, title = "Groups" }
  fig:axes(1):violin(groups, { labels = names }):set { title = "violin", ylabel = "migration barrier (eV)" }
  fig:axes(2):box(groups, { labels = names }):set { title = "box", ylabel = "migration barrier (eV)" }
  show("groups", fig)
end

do  -- space
  local x, y, z = normal(900, 0, 20), normal(900, 0, 20), {}
  for i = 1, 900 do z[i] = 100 * math.random() end
  local t = range(0, 20, 300)
  local fig = plot.figure { rows = 1, cols = 2, title = "Three dimensions" }
  fig:axes(1):scatter3d(x, y, z, { color = map(function(u, v) return (u * u + v * v) ^ 0.5 end, x, y), colorbar = "distance from the axis (nm)" })
    :set { title = "coloured points", xlabel = "x (nm)", ylabel = "y (nm)", zlabel = "depth z (nm)" }
  fig:axes(2):scatter3d(map(math.cos, t), map(math.sin, t), t, { joined = true, label = "helix" })
    :scatter3d(map(function(u) return 1.4 * math.cos(u) end, range(0, 6.2, 60)), map(function(u) return 1.4 * math.sin(u) end, range(0, 6.2, 60)), range(10, 10, 60), { label = "loop" })
    :set { title = "lines and points", xlabel = "x", ylabel = "y", zlabel = "z (nm)", view = { 70, 50 } }
  show("scatter3d", fig)
end

do  -- ternary
  local a, b, c, v = {}, {}, {}, {}
  for i = 0, 25 do
    for j = 0, 25 - i do
      local n = #a + 1
      a[n], b[n], c[n] = i / 25, j / 25, (25 - i - j) / 25
      v[n] = 0.7 + 0.5 * a[n] * b[n] - 0.9 * b[n] * c[n] + 0.3 * a[n]
    end
  end
  local fig = plot.figure { rows = 1, cols = 2, title = "Ternary maps" }
  fig:axes(1):ternary(a, b, c, v, { fill = true, labels = { "Ni", "Co", "Cr" }, colorbar = "mean barrier (eV)" }):set { title = "nearest sample" }
  fig:axes(2):ternary(a, b, c, v, { labels = { "Ni", "Co", "Cr" }, colorbar = "mean barrier (eV)", palette = "cividis" })
    :ternary({ 1 }, { 1 }, { 1 }, nil, { label = "equimolar", color = "red", size = 13, marker = "star" }):set { title = "samples" }
  show("ternary", fig)
end

do  -- many labels
  local fig = plot.figure()
  local x = range(0, 10, 100)
  for k = 1, 8 do fig:line(x, map(function(u) return math.sin(u + k / 3) + k end, x), { label = "Σ = " .. 0.01 * k, dash = k > 6 and "dashed" or nil }) end
  fig:set { title = "Eight lines, the legend outside", xlabel = "slip (b)", ylabel = "stress (10 MPa)", legend = "outside" }
  show("legend", fig)
end
