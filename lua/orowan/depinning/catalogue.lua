--- Catalogues of depinning avalanches, every choice by a rule.
local events = require "orowan.depinning.events"

local own_options = {
  window = true, threshold = true, settle_rows = true, flicker_factor = true, null = true, keep_heights = true, blocks = true,
}

-- A line held at half the mean stress: what the detector finds there is flicker.
local function null_series(depinning, o, stress, picks)
  local t = {}
  for _, k in ipairs { "lx", "character", "sigma_pin", "nu", "mu", "b", "a", "seed", "share" } do t[k] = o[k] end
  t.protocol, t.sigma_0, t.replica, t.picks, t.every, t.heights = "constant", stress / 2, 1000, picks, o.every, false
  local s = depinning.simulate(t)
  local area = s.area:totable()
  -- the straight start line roughens first: the first fifth is left out
  return table.move(area, #area // 5 + 1, #area, 1, {})
end

return function(depinning)
  --- Simulates replicas under a spring drive and returns the catalogue of their avalanches.
  ---
  --- Rules. Transient: records before sigma_ext has come within 5 % of its mean
  --- over the second half of the run and the line has moved `settle_rows` rows are left out. Threshold:
  --- rate / B, where the external stress begins to fall. Window: the smallest of 1, 2, 5, 10, ...
  --- records in which the threshold growth is 3 times the flicker of a null run (the line held at
  --- half the mean stress). Smin: the largest event that the same detector finds in the null run
  --- (the threshold growth of one window where it finds none). Shapes: profiles averaged over an
  --- eighth of the window and 5 columns, cut at one cell.
  --- Errors: as depinning.simulate; rate or B not positive.
  ---@param options table the options of depinning.simulate and: window, picks (by the rule); threshold, cells per pick (rate / B); settle_rows (20); flicker_factor (3); blocks: per replica, for errors (1 for 4 replicas or more, else 4); keep_heights: keep line profiles in `series` (false). sigma_0 is 0.08 sigma_pin unless given
  ---@return table catalogue {sizes = f64 [n] cells, onset_stress = f64 [n] mu, widths = f64 [n] columns, heights = f64 [n] cells (thickest), durations = f64 [n] picks, replica =, first =, last = (records), smin = cells, window = picks, threshold = cells per pick, flicker = cells (in a window), null_sizes =, mean_stress = {value, err} mu, series = {{pick, area, stress, first}...} per replica, lines = {i32 profile...}, growth = {{lag, width, height}...}, power =, diff = per replica, warnings}
  local function catalogue(options)
    local sim, own = {}, {}
    for k, v in pairs(options or {}) do
      if own_options[k] then own[k] = v else sim[k] = v end
    end
    sim.rate, sim.B, sim.sigma_pin = sim.rate or 1e-10, sim.B or 1e-8, sim.sigma_pin or 0.0175
    sim.sigma_0, sim.every, sim.lx = sim.sigma_0 or 0.08 * sim.sigma_pin, sim.every or 2000, sim.lx or 400
    if sim.protocol and sim.protocol ~= "spring" then
      error("depinning.catalogue: protocol: expected \"spring\" (an event is where the stress falls), got " .. tostring(sim.protocol), 2)
    end
    if not (sim.rate > 0 and sim.B > 0) then error("depinning.catalogue: rate and B: expected positive numbers", 2) end
    sim.heights = true
    local run = depinning.simulate(sim)
    local c = {
      sizes = {}, onset_stress = {}, widths = {}, heights = {}, durations = {}, replica = {}, first = {}, last = {},
      series = {}, lines = {}, growth = {}, power = {}, diff = {}, null_sizes = {}, warnings = run.warnings, options = options,
    }
    local per_pick = own.threshold or sim.rate / sim.B
    local per_record = per_pick * sim.every

    -- slow drifts of the stress correlate parts of one replica: with 4 or more, each is one block
    local blocks, nblocks = {}, own.blocks or (#run.replicas >= 4 and 1 or 4)
    for r, s in ipairs(run.replicas) do
      local area, stress = s.area:totable(), s.stress:totable()
      local from = events.transient(area, stress, sim.lx, own.settle_rows or 20)
      c.series[r] = { pick = s.pick, area = s.area, stress = s.stress, first = from, every = sim.every }
      if from > #area // 2 then
        c.warnings[#c.warnings + 1] = ("replica %d: the transient takes more than half of the run"):format(r)
      end
      local n = #stress - from + 1
      for k = 1, n >= 16 and nblocks or 0 do
        local a, b = from + (k - 1) * n // nblocks, from + k * n // nblocks - 1
        local sum = 0
        for i = a, b do sum = sum + stress[i] end
        blocks[#blocks + 1] = sum / (b - a + 1)
      end
      c.series[r].areas = area
    end
    local m, err = events.block_mean(blocks)
    c.mean_stress = { value = m, err = err, blocks = blocks }
    if m == m then
      for _, w in ipairs(depinning.warnings { rate = sim.rate, B = sim.B, sigma_pin = sim.sigma_pin, yield = m }) do
        local known = false
        for _, v in ipairs(c.warnings) do known = known or v:sub(1, 12) == w:sub(1, 12) end
        if not known then c.warnings[#c.warnings + 1] = w end
      end
    end

    local null = m == m and own.null ~= false and null_series(depinning, sim, m, run.replicas[1].info.pick) or {}
    local window, sd, enough
    if own.window then
      window = math.max(1, own.window // sim.every)
      sd = events.flicker(null, { window })[1]
      enough = true
    elseif #null > 20 then
      window, sd, enough = events.choose_window(null, per_record, own.flicker_factor or 3)
    else
      window, sd, enough = 10, 0 / 0, false
    end
    if not enough then c.warnings[#c.warnings + 1] = "no window of this run lifts the threshold above the flicker: run longer" end
    c.window, c.window_records, c.threshold, c.flicker, c.null_area = window * sim.every, window, per_pick, sd, null
    c.smin = per_record * window
    if #null > window + 2 then
      c.null_sizes = events.detect(null, window, per_record).sizes
      for _, v in ipairs(c.null_sizes) do c.smin = math.max(c.smin, v) end
    end

    for r, s in ipairs(run.replicas) do
      local from, area = c.series[r].first, c.series[r].areas
      local stress = s.stress:totable()
      local late = table.move(area, from, #area, 1, {})
      if #late > window + 2 then
        local list = events.detect(late, window, per_record)
        local first, last = {}, {}
        for i = 1, #list.sizes do first[i], last[i] = list.first[i] + from - 1, list.last[i] + from - 1 end
        local w, h = events.shapes(s.heights, first, last, events.shape_mean(window))
        for i = 1, #list.sizes do
          local n = #c.sizes + 1
          c.sizes[n], c.onset_stress[n], c.widths[n], c.heights[n] = list.sizes[i], stress[first[i]], w[i], h[i]
          c.durations[n], c.replica[n], c.first[n], c.last[n] = (last[i] - first[i]) * sim.every, r, first[i], last[i]
          if list.sizes[i] >= c.smin then
            local g = events.growth(s.heights, first[i], last[i], events.shape_mean(window))
            for j = 1, #g.lag do g.lag[j] = g.lag[j] * sim.every end
            c.growth[#c.growth + 1] = g
          end
        end
        c.power[#c.power + 1], c.diff[#c.diff + 1] = events.roughness(s.heights, from, math.max(1, (#area - from) // 400))
        c.lines[r] = depinning.profiles(s.heights, 20, from)
      end
      if own.keep_heights then c.series[r].heights = s.heights end
      c.series[r].areas = nil
    end
    local f64 = require("orowan.core").tensor.tensor
    for _, name in ipairs { "sizes", "onset_stress", "widths", "heights", "durations" } do
      c[name] = f64(c[name], "f64")
    end
    return c
  end
  return catalogue
end
