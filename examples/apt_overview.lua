-- A first look at a reconstruction: mass spectrum, composition, maps, profile, iso-surface with
-- its proxigram and domains, each with uncertainty and beside shuffled species.
-- orowan run apt_overview input=FILE.pos ranges=FILE.rrng; without input a synthetic Al-Li alloy.
local ow = require "orowan"

local function round(v, digits) return v and v == v and tonumber((("%%.%dg"):format(digits or 4)):format(v)) or nil end
local function words(text)
  local list = {}
  for w in text:gmatch "[^%s,]+" do list[#list + 1] = w end
  return list
end

-- ---- the ions ------------------------------------------------------------------------------------

-- A box of Al-Li with spheres of Al3Li, and mass-to-charge values drawn from the isotopes.
local function synthetic(run)
  local p = run.params
  local box = { 30, 30, p.length }
  local domains = {}
  for i, s in ipairs(ow.apt.spheres(box, { 2.0, 3.5 }, { fraction = 0.06, gap = 1, seed = run.seed })) do
    domains[i] = { shape = "sphere", centre = s.centre, radius = s.radius, order = "L12", variant = i % 4 + 1, occupancy = { A = { Li = 0.95, Al = 0.05 }, B = { Al = 1 } } }
  end
  local s = ow.apt.synthetic { lattice = "fcc", a = 0.405, box = box, matrix = { Al = 0.94, Li = 0.06 }, species = { "Al", "Li" }, domains = domains,
    rotation = ow.apt.rotation(10, 20, 30), efficiency = 0.5, noise = "gaussian", sigma = { 0.3, 0.3, 0.05 }, seed = run.seed }
  local rng = ow.rng(run.seed, 77)
  local mass = ow.zeros({ s.n }, "f32")
  local pick, blur = rng:uniform(s.n), rng:normal(s.n, { std = 1 })
  local states = { Al = { { 1, 0.3 }, { 2, 0.65 }, { 3, 0.05 } }, Li = { { 1, 1 } } }
  for k, name in ipairs(s.names) do
    local from = 0
    for _, state in ipairs(states[name]) do
      for _, l in ipairs(ow.apt.ion_lines(name, state[1])) do
        local to = from + state[2] * l.share
        local mine = s.species:eq(k):logical_and(pick:ge(from)):logical_and(pick:lt(to))
        mass[mine] = (blur[mine] * (0.02 * math.sqrt(l.mass / 27)) + l.mass):to "f32"
        from = to
      end
    end
  end
  local stray = rng:uniform(s.n):lt(0.02)  -- ions at random times
  local root = rng:uniform(s.n) * (math.sqrt(80) - 0.7) + 0.7
  mass = ow.where(stray, root * root, mass:to "f64"):to "f32"
  return { positions = s.positions, mass = mass, n = s.n, excluded = 0, notes = { "synthetic: " .. #domains .. " spheres of Al3Li" }, truth = domains }
end

local function open_input(run)
  local p = run.params
  local path = run:input(p.input)
  local file = ow.apt.open(path)
  if file and file.n > p.in_memory then return file, file end
  if file then file:close() end
  local ions, err = ow.apt.read(path)
  if not ions then error(tostring(err), 0) end
  if not ions.mass then error(p.input .. ": there are no mass-to-charge values", 0) end
  local again = ow.apt.open(path)  -- for detector columns; a text table has none
  return ions, again
end

-- ---- parts of the report -------------------------------------------------------------------------

local function spectrum_part(run, source)
  local p = run.params
  local s
  if source.mass and type(source.mass) ~= "function" then s = ow.apt.spectrum(source.mass, { bin = p.mass_bin, last = p.mass_last })
  else
    local next_slab = source:slabs()
    s = ow.apt.spectrum(function()
      local _, _, mass = next_slab()
      return mass
    end, { bin = p.mass_bin, last = p.mass_last })
  end
  local peaks = s:peaks()
  local ranges, proposed
  if p.ranges ~= "" then
    local err
    ranges, err = ow.apt.read_ranges(run:input(p.ranges))
    if not ranges then error(tostring(err), 0) end
  else
    local elements = words(p.elements)
    if #elements == 0 then
      local hints = ow.apt.peak_hints(s, peaks)
      local rows = {}
      for k, peak in ipairs(peaks) do
        local h = {}
        for i = 1, math.min(3, #hints[k]) do h[i] = hints[k][i].number .. hints[k][i].ion .. ("+"):rep(hints[k][i].charge) end
        rows[k] = { round(peak.mass, 6), round(peak.significance, 3), round(peak.net, 5), table.concat(h, ", ") }
      end
      run:table("Peaks", { "m/q (Da)", "significance", "net counts", "may be" }, rows)
      error("give ranges=FILE, or elements=Al,Li,... to have ranges proposed; the table of peaks says what there may be", 0)
    end
    local rest
    ranges, proposed, rest = ow.apt.propose_ranges(s, elements, { ions = words(p.molecules), peaks = peaks })
    if not ranges then error("no peak fits the elements " .. p.elements, 0) end
    if #rest > 0 then
      local t = {}
      for k, peak in ipairs(rest) do t[k] = ("%.2f"):format(peak.mass) end
      run:warn(("%d peaks belong to none of the chosen elements: %s Da"):format(#rest, table.concat(t, ", ")))
    end
  end
  run:heading "Mass spectrum"
  local last = 0
  for _, r in ipairs(ranges.list) do last = math.max(last, r.hi) end
  for _, peak in ipairs(peaks) do last = math.max(last, peak.hi) end
  run:figure("spectrum", ow.apt.spectrum_figure(s, { ranges = ranges, peaks = peaks, first = 0, last = math.min(p.mass_last, last * 1.05 + 1) }),
    ("%d ions in adaptive bins, with %d peaks above 5 standard deviations and the ranges."):format(s.counts:sum(), #peaks))
  if proposed then
    local columns, rows = ow.apt.ranging_rows(proposed)
    run:table("Proposed ranges", columns, rows, "Measured counts against natural abundance; errors are those of counting. Overlap: share of the peak's counts that other ions make.")
    assert(ranges:write(run:path "proposed.rrng"))
    run:attach "proposed.rrng"
  end
  local ok, why = pcall(s.fit_background, s, { ranges = ranges })
  if not ok then run:warn("no background was taken away: " .. tostring(why)) end
  local counts, unranged = s:ranged(ranges)
  local list, unknown = ow.apt.composition(ranges, counts)
  local rows = {}
  for i, e in ipairs(list) do
    rows[i] = { e.element, round(e.atoms, 7), round(100 * e.fraction, 5), round(100 * e.error, 2), round(200 * 0.98 * e.error, 2) }
    run:put("composition." .. e.element, { value = 100 * e.fraction, unit = "at.%", low = 100 * (e.fraction - 1.96 * e.error), high = 100 * (e.fraction + 1.96 * e.error) })
  end
  run:table("Composition", { "element", "atoms", "at.%", "error", "95 % half-width" }, rows,
    ("%s; %d counts lie in no range.%s"):format(s.background and "Background (constant in time of flight) taken away; its error is included" or "No background taken away",
      unranged, #unknown > 0 and (" %d named ions are no formula and were left out."):format(#unknown) or ""))
  run:put("unranged", { value = unranged / s.counts:sum(), note = "share of the spectrum's counts" })
  return ranges, list
end

-- The element that is looked for: the one asked for, or the most frequent solute.
local function pick_element(run, points, composition)
  local wanted = run.params.element
  if wanted == "" then wanted = composition[2] and composition[2].element or composition[1].element end
  for _, name in ipairs(points.names) do if name == wanted then return wanted end end
  error(("element=%s: the ranges have %s"):format(wanted, table.concat(points.names, ", ")), 0)
end

local function maps_part(run, points, file, element)
  run:heading "Maps"
  local hits = ow.apt.hit_map(file or points)
  run:figure("hits", hits:figure(), "Hit map" .. (#hits.notes > 0 and " (" .. table.concat(hits.notes, "; ") .. ")" or "") .. ".")
  for _, axes in ipairs { { "x", "y" }, { "x", "z" }, { "y", "z" } } do
    local m = ow.apt.project(points, { axes = axes, bin = run.params.voxel })
    run:figure("projection_" .. axes[1] .. axes[2], m:figure(element, { least = 20 }),
      ("%s along %s; pixels with fewer than 20 ions are white."):format(element, axes[1] == "x" and (axes[2] == "y" and "z" or "y") or "x"))
  end
  local profile = ow.apt.profile(points, { axis = "z", bin = run.params.voxel, efficiency = nil })
  run:figure("profile_z", profile:figure(element), ("Profile of %s along z, all ions; band: 95 %% interval (Wilson)."):format(element))
  return profile
end

-- Halfway between the matrix and what is rich, or the level that was asked for.
local function pick_level(run, field)
  if run.params.level > 0 then return run.params.level / 100 end
  local v = field.values[ow.isfinite(field.values)]
  local lo, hi = v:median(), v:quantile(0.999)
  return (lo + hi) / 2
end

-- A proxigram's concentrations, with bins of fewer than 20 ions left out of the figure.
local function thin(prox, element)
  local c, out = prox:concentration(element), { position = {}, value = {}, low = {}, high = {} }
  for b, n in ipairs(prox.total) do
    for key, t in pairs(out) do t[b] = key ~= "position" and n < 20 and 0 / 0 or c[key][b] end
  end
  return out
end

local function surface_part(run, points, element)
  local p = run.params
  run:heading "Iso-surface and proxigram"
  local options = { voxel = p.voxel, delocalisation = { p.delocalisation, p.delocalisation, p.delocalisation / 2 } }
  if p.delocalisation / 2 < 1.5 * p.voxel then options.delocalisation = p.delocalisation end
  local grid = ow.apt.grid(points, options)
  run:text(tostring(grid) .. (" Kernel: Gaussian of standard deviation %.2g, %.2g, %.2g nm."):format(grid.sigma[1], grid.sigma[2], grid.sigma[3]))
  for _, note in ipairs(grid.notes) do run:text(note .. ".") end
  local field = grid:concentration(element)
  local level = pick_level(run, field)
  run:put("level", { value = 100 * level, unit = "at.%" })
  local surface = ow.apt.isosurface(field, level, { edge = "closed" })
  if surface.triangles:shape(1) == 0 then
    run:warn(("no voxel reaches %.3g at.%% %s: no iso-surface"):format(100 * level, element))
    return
  end
  local open = ow.apt.isosurface(field, level)  -- without the caps along the specimen's edge
  run:text(tostring(surface) .. (" (closed along the specimen's edge); %.6g nm² without the edge."):format(open.area))
  run:put("surface.area", { value = open.area, unit = "nm^2", low = open.area - 1.96 * (open.area_error or 0), high = open.area + 1.96 * (open.area_error or 0),
    note = "without the parts along the specimen's edge" })
  if surface.volume then
    run:put("surface.volume", { value = surface.volume, unit = "nm^3", low = surface.volume - 1.96 * (surface.volume_error or 0), high = surface.volume + 1.96 * (surface.volume_error or 0) })
  end
  assert(surface:write(run:path "isosurface.ply"))
  run:attach "isosurface.ply"

  local domains, _, told = ow.apt.domains(field, level, points, { ions = p.least_ions })
  run:put("domains", { value = #domains, note = ("with at least %d ions"):format(p.least_ions) })
  local at
  for s, name in ipairs(points.names) do if name == element then at = s end end
  local rows, v = {}, surface.vertices
  for i = 1, math.min(#domains, 200) do
    local d = domains[i]
    rows[i] = { i, d.ions, round(100 * d.fraction[at]), round(100 * d.error[at], 2), round(d.volume), round(d.volume_low), round(d.rg, 3),
      round(d.centre[1]), round(d.centre[2]), round(d.centre[3]), d.edge and "cut" or "" }
  end
  run:table("Domains", { "domain", "ions", element .. " (at.%)", "error", "volume (nm^3)", "one error lower", "Rg (nm)", "x (nm)", "y (nm)", "z (nm)", "edge" }, rows,
    ("Voxels at or above %.3g at.%% %s, joined across faces. %d regions with fewer than %d ions are left out."):format(100 * level, element, told.left_out, p.least_ions))

  local fig = ow.plot.figure { width = 700, height = 620 }
  local every = math.max(1, v:shape(1) // 20000)
  local some = v:slice(1, 1, v:shape(1), every)
  fig:axes(1):scatter3d(some:select(2, 1), some:select(2, 2), some:select(2, 3), { color = some:select(2, 3), size = 1.6, colorbar = false, alpha = 0.8 })
    :set { xlabel = "x (nm)", ylabel = "y (nm)", zlabel = "z (nm)" }
  run:figure("isosurface", fig, ("Iso-surface of %.3g at.%% %s (its vertices)."):format(100 * level, element))

  -- The proxigram, of the surface open at the specimen's edge, and that of shuffled species.
  if open.triangles:shape(1) == 0 then
    run:warn "the iso-surface follows the edge of the specimen alone: no proxigram"
    return
  end
  local prox = ow.apt.proxigram(open, points, { bin = p.prox_bin, reach = p.prox_reach, efficiency = p.efficiency > 0 and p.efficiency or nil })
  local c = prox:concentration(element)
  local null
  if points.positions then
    local shuffled = { positions = points.positions, species = ow.apt.shuffled_species(points.species, run.seed), names = points.names }
    local other = ow.apt.grid(shuffled, options):concentration(element)
    local list = ow.apt.domains(other, level, shuffled, { ions = p.least_ions })
    run:put("domains.shuffled", { value = #list, note = "the same with shuffled species: found by chance" })
    -- a null with a surface: the same excess over the median of its own field
    local values = other.values[ow.isfinite(other.values)]
    local null_level = (values:median() + values:quantile(0.999)) / 2
    local surf = ow.apt.isosurface(other, null_level, { uncertainty = false })
    run:put("surface.shuffled_area", { value = surf.area, unit = "nm^2", note = "of the surface halfway up the noise of shuffled species" })
    if surf.triangles:shape(1) > 0 then null = thin(ow.apt.proxigram(surf, shuffled, { bin = p.prox_bin, reach = p.prox_reach }), element) end
  end
  local ax = ow.plot.figure { width = 760, height = 460 }
  local function percent(t)
    local out = {}
    for k, x in ipairs(t) do out[k] = 100 * x end
    return out
  end
  local shown = thin(prox, element)
  local low, high = percent(shown.low), percent(shown.high)
  local a = ax:axes(1)
  a:band(shown.position, low, high, { color = 1, alpha = 0.25 }):line(shown.position, percent(shown.value), { label = element, color = 1 })
  if null then a:line(null.position, percent(null.value), { label = "shuffled species", color = "grey", dash = "dashed" }) end
  a:vline(0, { dash = "dotted" }):set { xlabel = "distance from the iso-surface, inside positive (nm)", ylabel = "concentration (at.%)", legend = "outside" }
  run:figure("proxigram", ax, ("Proxigram of %s with 95 %% intervals; %d ions nearest to a border of the surface are left out. Dashed: the surface halfway up the noise of shuffled species, "
    .. "which shows the step that a surface makes out of chance. Bins with fewer than 20 ions are not drawn."):format(element, prox.excluded))
  run:text(("Read the proxigram beyond about %.2g nm from the surface, the kernel's standard deviation and more: nearer, any surface shows a step, since each ion "
    .. "draws the surface towards itself. The shuffled curve is that step alone; composition differs where there is a plateau."):format(math.max(table.unpack(grid.sigma))))
  local rows2 = {}
  for b, x in ipairs(c.value) do rows2[b] = { round(c.position[b]), prox.total[b], x == x and round(100 * x) or nil, x == x and round(100 * c.error[b], 2) or nil } end
  run:table("Proxigram", { "distance (nm)", "ions", element .. " (at.%)", "error" }, rows2)
  local zone = { -math.min(1.5, p.prox_reach / 2), math.min(1.5, p.prox_reach / 2) }
  local ok, e = pcall(prox.excess, prox, element, { zone = zone })
  if ok then
    run:put("interface.excess", { value = e.excess, unit = "1/nm^2", low = e.excess - 1.96 * e.error, high = e.excess + 1.96 * e.error,
      note = ("Gibbs excess of %s at the iso-surface, of the ions seen; it changes by %.3g per nm of the dividing surface, and holds the bias of a surface that was found in the same ions"):format(element, e.slope) })
    run:put("interface.outside", { value = 100 * e.left, unit = "at.%", low = 100 * (e.left - 1.96 * e.left_error), high = 100 * (e.left + 1.96 * e.left_error) })
    run:put("interface.inside", { value = 100 * e.right, unit = "at.%", low = 100 * (e.right - 1.96 * e.right_error), high = 100 * (e.right + 1.96 * e.right_error) })
  else run:warn("no interfacial excess: " .. tostring(e)) end
end

return {
  name = "apt_overview",
  summary = "A first look at an atom probe reconstruction: spectrum, composition, maps, profile, iso-surface, proxigram",
  params = {
    { name = "input", default = "", help = ".pos, .epos, .ato, .apt or a text table; empty: a synthetic Al-Li alloy" },
    { name = "ranges", default = "", help = ".rrng, .rng or .env; empty: ranges are proposed for `elements`" },
    { name = "elements", default = "", help = "symbols, for proposed ranges: Al,Li (the synthetic alloy needs none)" },
    { name = "molecules", default = "", help = "molecular ions, for proposed ranges: AlO,O2" },
    { name = "element", default = "", help = "of maps, profile and iso-surface; empty: the most frequent solute" },
    { name = "level", default = 0.0, min = 0.0, max = 100.0, unit = "at.%", help = "of the iso-surface; 0: halfway between the field's median and its 99.9 % quantile" },
    { name = "voxel", default = 0.5, min = 0.05, max = 20.0, unit = "nm", help = "of grid, maps and profile" },
    { name = "delocalisation", default = 2.0, min = 0.1, max = 50.0, unit = "nm", help = "three standard deviations of the kernel; half of it along z where the voxel allows" },
    { name = "least_ions", default = 50, min = 1, max = 100000000, help = "in a domain of the table" },
    { name = "prox_bin", default = 0.2, min = 0.01, max = 10.0, unit = "nm", help = "bin of the proxigram" },
    { name = "prox_reach", default = 4.0, min = 0.1, max = 100.0, unit = "nm", help = "of the proxigram on either side" },
    { name = "efficiency", default = 0.0, min = 0.0, max = 1.0, help = "of detection, for errors that refer to the atoms that were there; 0: unknown" },
    { name = "mass_bin", default = 0.01, min = 0.0005, max = 0.1, unit = "Da", help = "of the spectrum" },
    { name = "mass_last", default = 120.0, min = 5.0, max = 1000.0, unit = "Da", help = "end of the spectrum" },
    { name = "in_memory", default = 50000000, min = 1, max = 10000000000, help = "files with more ions are read in slabs, without the shuffled null" },
    { name = "length", default = 40.0, min = 5.0, max = 500.0, unit = "nm", help = "of the synthetic specimen" },
  },
  run = function(run)
    local p = run.params
    local source, file
    if p.input == "" then
      source = synthetic(run)
      if p.elements == "" and p.ranges == "" then p.elements = "Al,Li" end
    else source, file = open_input(run) end
    run:put("ions", { value = source.n })
    for _, note in ipairs(source.notes or {}) do run:text("Note: " .. note .. ".") end
    if source.excluded and source.excluded > 0 then run:put("excluded", { value = source.excluded, note = "ions with values that are not finite" }) end
    local ranges, composition = spectrum_part(run, source)
    local points = ow.apt.label(source, ranges)
    local element = pick_element(run, points, composition)
    run:put("element", { value = element })
    maps_part(run, points, file, element)
    if #points.names > 1 then surface_part(run, points, element)
    else run:warn("there is one species only (" .. element .. "): no iso-surface of its concentration") end
    if file then file:close() end
  end,
}
