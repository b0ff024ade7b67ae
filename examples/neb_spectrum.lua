-- The spectrum of vacancy migration barriers of a BCC alloy by nudged elastic bands: means and
-- spreads by jumping species. Works on as many cores as there are and goes on after a kill.
local ow = require "orowan"
local farm = require "orowan.farm"

local function list_of(text, what, convert)
  local list = {}
  for word in text:gmatch "[^,%s]+" do
    local v = convert(word)
    if not v then error(("%s: '%s' is not what is expected here"):format(what, word), 0) end
    list[#list + 1] = v
  end
  return list
end

-- Means of resamples of whole cells: barriers of one cell are not independent.
local function bootstrap(by_cell, statistic, g, repeats)
  local values = {}
  for r = 1, repeats do
    local pick = {}
    for _ = 1, #by_cell do
      for _, v in ipairs(by_cell[g:integers(1, #by_cell)]) do pick[#pick + 1] = v end
    end
    values[r] = #pick > 1 and statistic(pick) or 0 / 0
  end
  table.sort(values)
  return values[math.max(1, math.floor(0.025 * repeats))], values[math.ceil(0.975 * repeats)]
end

local function mean(list)
  local sum = 0
  for _, v in ipairs(list) do sum = sum + v end
  return sum / #list
end
local function deviation(list)
  local m, sum = mean(list), 0
  for _, v in ipairs(list) do sum = sum + (v - m) ^ 2 end
  return math.sqrt(sum / (#list - 1))
end

return {
  name = "neb_spectrum",
  summary = "vacancy migration barriers of a BCC alloy by nudged elastic bands, by jumping species",
  params = {
    { name = "potential", default = "", help = "a .snapcoeff file (its .snapparam beside it)" },
    { name = "species", default = "Ta,Nb,Mo", help = "elements, comma-separated" },
    { name = "composition", default = "1,1,1", help = "parts of each element, comma-separated" },
    { name = "cells", default = 4, min = 1, max = 10000, help = "independent cells" },
    { name = "jumps", default = 16, min = 1, max = 10000, help = "vacancy jumps drawn in each cell; each gives a forward and a backward barrier" },
    { name = "cubes", default = 5, min = 3, max = 20, help = "edge of a cell in BCC cubes of two atoms" },
    { name = "temperature", default = 0.0, min = 0.0, max = 10000.0, unit = "K", help = "of Metropolis swaps that order the cell first; 0: a random alloy" },
    { name = "guess", default = 3.27, min = 2.0, max = 6.0, unit = "A", help = "lattice constant to begin with" },
    { name = "force", default = 0.01, min = 1e-4, max = 0.1, unit = "eV/A", help = "tolerance, on the climbing image" },
  },
  run = function(run)
    local p = run.params
    if p.potential == "" then error("potential: name a .snapcoeff file (potential=PATH); its .snapparam is expected beside it", 0) end
    local species = list_of(p.species, "species", function(w) return w:match "^%u%l?$" and w end)
    local parts = list_of(p.composition, "composition", function(w) local v = tonumber(w) return v and v >= 0 and v end)
    if #parts ~= #species then error(("composition: expected %d parts, one for each of %s, got %d"):format(#species, p.species, #parts), 0) end
    local sum, fractions = 0, {}
    for _, v in ipairs(parts) do sum = sum + v end
    if sum <= 0 then error("composition: expected a positive sum", 0) end
    for k, v in ipairs(parts) do fractions[k] = v / sum end
    local potential = run:input(p.potential)
    run:input((p.potential:gsub("%.snapcoeff$", "") .. ".snapparam"))
    if p.jumps > 2 * p.cubes ^ 3 then error(("jumps: a cell of %d atoms has no %d sites"):format(2 * p.cubes ^ 3, p.jumps), 0) end

    local jobs = {}
    for c = 1, p.cells do
      jobs[c] = { key = "cell " .. c, fractions = fractions, seed = 1000003 * run.seed + c, jumps = p.jumps, temperature = p.temperature > 0 and p.temperature or nil }
    end
    local results, err = farm.run(jobs, { module = "orowan.barrier.cell_job", log = run:path "cells.jsonl", label = "cells", workers = run.threads,
      setup = { potential = potential, species = species, cubes = p.cubes, force = p.force, guess = p.guess } })
    if not results then error(tostring(err), 0) end

    local groups, all, status, edges, symmetric = {}, {}, {}, {}, 0
    for k in ipairs(species) do groups[k] = {} end
    for c = 1, p.cells do
      local entry = results["cell " .. c]
      if entry.error then error(("cell %d: %s"):format(c, entry.error), 0) end
      local r = entry.result
      edges[#edges + 1] = r.edge / p.cubes
      local here, mine = {}, {}
      for k in ipairs(species) do mine[k] = {} end
      for _, b in ipairs(r.barriers) do
        status[b.status] = (status[b.status] or 0) + 1
        if b.status == "ok" then
          local kind = tonumber(r.types:sub(b.atom, b.atom))
          for _, v in ipairs { b.forward, b.backward } do
            here[#here + 1], mine[kind][#mine[kind] + 1] = v, v
          end
          symmetric = math.max(symmetric, math.abs((b.forward - b.backward) - (b.last - b.first)))
        end
      end
      all[c] = here
      for k in ipairs(species) do groups[k][c] = mine[k] end
    end
    local function flat(by_cell)
      local list = {}
      for _, cell in ipairs(by_cell) do for _, v in ipairs(cell) do list[#list + 1] = v end end
      return list
    end

    local g, rows, violins, names = ow.rng(run.seed), {}, {}, {}
    local function report(name, by_cell)
      local list = flat(by_cell)
      if #list < 2 then
        run:warn(("%s: %d barriers: no statistics"):format(name, #list))
        return
      end
      local m, s = mean(list), deviation(list)
      local ml, mh = bootstrap(by_cell, mean, g, 1000)
      local sl, sh = bootstrap(by_cell, deviation, g, 1000)
      if p.cells < 2 then ml, mh, sl, sh = nil, nil, nil, nil end
      run:put("mean." .. name, { value = m, unit = "eV", low = ml, high = mh })
      run:put("deviation." .. name, { value = s, unit = "eV", low = sl, high = sh })
      rows[#rows + 1] = { name, #list, m, ml and ("%.3f to %.3f"):format(ml, mh) or "", s, math.min(table.unpack(list)), math.max(table.unpack(list)) }
      if name ~= "all" then violins[#violins + 1], names[#names + 1] = ow.tensor(list), name end
    end
    report("all", all)
    for k, name in ipairs(species) do if fractions[k] > 0 then report(name, groups[k]) end end
    run:put("lattice_constant", { value = mean(edges), unit = "A" })
    local failed, tally = 0, {}
    for name, n in pairs(status) do
      tally[#tally + 1] = { name, n }
      if name ~= "ok" then failed = failed + n end
    end
    table.sort(tally, function(a, b) return a[2] > b[2] end)
    run:put("jumps.found", status.ok or 0)
    run:put("jumps.failed", failed)
    if failed > 0 then run:warn(("%d of %d jumps gave no barrier; the table counts the reasons"):format(failed, p.cells * p.jumps)) end

    local fig = ow.plot.figure { title = "Vacancy migration barriers, " .. p.species .. " " .. p.composition, cols = 2, width = 1000, height = 420 }
    fig:axes(1):histogram(ow.tensor(flat(all)), { bins = 24 })
    fig:axes(1):set { xlabel = "barrier (eV)", ylabel = "jumps" }
    fig:axes(2):violin(violins, { labels = names })
    fig:axes(2):set { ylabel = "barrier (eV)", xlabel = "jumping species" }
    run:figure("spectrum", fig, "Forward and backward barriers, all and by jumping species.")
    run:table("Barriers", { "species", "barriers", "mean (eV)", "95 % (cells resampled)", "deviation (eV)", "smallest", "largest" }, rows,
      "Intervals from a bootstrap of whole cells, since barriers of one cell are not independent.")
    run:table("Outcome of the bands", { "status", "jumps" }, tally)
    if p.cells < 2 then run:warn "one cell only: no intervals" end
    run:text(("Box of the perfect alloy at zero pressure, kept with the vacancy. Climbing image, 7 images, springs 5 eV/A^2, tolerance %g eV/A. Forward minus backward barrier equals the difference of the relaxed ends within %.1e eV."):format(p.force, symmetric))
  end,
}
