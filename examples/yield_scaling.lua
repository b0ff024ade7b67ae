-- Depinning stress against pinning strength, sigma ~ Sigma_pin^gamma, for edge and screw lines,
-- and the inverse: the Sigma_pin that gives a measured critical stress.
local ow = require "orowan"
local depinning = ow.depinning

local function numbers(text)
  local list = {}
  for word in text:gmatch "[^,%s]+" do
    local v = tonumber(word)
    if not v or not (v > 0) then error(("sigma_pins: expected positive numbers separated by commas, got %q"):format(word), 0) end
    list[#list + 1] = v
  end
  if #list < 3 then error("sigma_pins: expected at least 3 values for a fit", 0) end
  table.sort(list)
  return list
end

-- Least squares of log stress on log pinning weighted by the jackknife errors.
local function fit(points)
  local w0, wx, wy, wxx, wxy = 0, 0, 0, 0, 0
  for _, p in ipairs(points) do
    local x, y, w = math.log(p.pin), math.log(p.mpa), (p.mpa / p.err) ^ 2
    w0, wx, wy, wxx, wxy = w0 + w, wx + w * x, wy + w * y, wxx + w * x * x, wxy + w * x * y
  end
  local d = w0 * wxx - wx * wx
  local g = (w0 * wxy - wx * wy) / d
  local a = (wy - g * wx) / w0
  local chi = 0
  for _, p in ipairs(points) do chi = chi + ((math.log(p.mpa) - a - g * math.log(p.pin)) * p.mpa / p.err) ^ 2 end
  local scale = math.max(1, chi / (#points - 2)) -- scatter beyond the errors widens the interval
  return { gamma = g, err = math.sqrt(w0 / d * scale), a = a, chi2 = chi / (#points - 2),
    -- error of log stress predicted at log pinning x
    at = function(x) return math.sqrt((wxx - 2 * x * wx + x * x * w0) / d * scale) end }
end

return {
  name = "yield_scaling",
  summary = "depinning stress against pinning strength, and the pinning that gives a measured stress",
  params = {
    { name = "sigma_pins", default = "0.008,0.0125,0.0175,0.025,0.035,0.05", unit = "mu", help = "pinning strengths, comma-separated" },
    { name = "picks", default = 16000000, min = 100000, help = "picks per replica" },
    { name = "replicas", default = 4, min = 2, max = 1000, help = "independent lines for each point" },
    { name = "lx", default = 400, min = 16, max = 10000, unit = "b", help = "length of the line" },
    { name = "rate", default = 1e-10, min = 1e-16, max = 1e-3, unit = "mu per pick", help = "drive" },
    { name = "B", default = 1e-8, min = 1e-14, max = 1e-2, unit = "mu per cell", help = "spring constant" },
    { name = "nu", default = 0.35, min = 0.0, max = 0.49, help = "Poisson's ratio" },
    { name = "mu_gpa", default = depinning.mu_gpa, min = 1e-3, max = 1e4, unit = "GPa", help = "shear modulus" },
    { name = "target", default = 158.0, min = 1e-3, max = 1e5, unit = "MPa", help = "critical stress to invert; overruled by interpolation where stress_1 and stress_2 are given" },
    { name = "temperature", default = 110.0, min = 0.0, max = 3000.0, unit = "K", help = "of the target, for the linear interpolation" },
    { name = "temperature_1", default = 77.0, min = 0.0, max = 3000.0, unit = "K", help = "of stress_1" },
    { name = "temperature_2", default = 293.0, min = 0.0, max = 3000.0, unit = "K", help = "of stress_2" },
    { name = "stress_1", default = 0.0, min = 0.0, max = 1e5, unit = "MPa", help = "measured critical stress at temperature_1 (0: none)" },
    { name = "stress_2", default = 0.0, min = 0.0, max = 1e5, unit = "MPa", help = "measured critical stress at temperature_2 (0: none)" },
  },
  run = function(run)
    local p = run.params
    local pins, mpa = numbers(p.sigma_pins), 1000 * p.mu_gpa
    local target = p.target
    if (p.stress_1 > 0) ~= (p.stress_2 > 0) then error("stress_1 and stress_2: expected both or none", 0) end
    if p.stress_1 > 0 then
      if p.temperature_1 == p.temperature_2 then error("temperature_1 and temperature_2: expected two temperatures", 0) end
      target = p.stress_1 + (p.stress_2 - p.stress_1) * (p.temperature - p.temperature_1) / (p.temperature_2 - p.temperature_1)
    end

    local bar = run:progress("lines", 2 * #pins * p.picks)
    local done, all, warned = 0, {}, {}
    for _, character in ipairs { "edge", "screw" } do
      all[character] = {}
      for i, pin in ipairs(pins) do
        local name = ("%s-%d"):format(character, i)
        local point = run:checkpoint(name)
        if not point then
          local s = depinning.simulate {
            lx = p.lx, character = character, sigma_pin = pin, B = p.B, rate = p.rate, nu = p.nu, seed = run.seed * 1000 + 2 * i + (character == "edge" and 1 or 0), -- pinning of its own
            -- starts a tenth below the stress that is expected, to save time; the transient rule
            -- drops what comes before the plateau, which forgets the start
            sigma_0 = (character == "edge" and 0.098 or 0.085) * pin * (pin / 0.0175) ^ 0.1,
            picks = p.picks, replicas = p.replicas, every = 5000, heights = false,
            progress = function(n) bar:update(done + n, ("%s %g"):format(character, pin)) end,
            checkpoint = { load = function() return run:checkpoint "line" end, save = function(t) run:save_checkpoint("line", t) end },
          }
          run:save_checkpoint("line", nil)
          local blocks, late = {}, 0
          for _, r in ipairs(s.replicas) do
            local area, stress = r.area:totable(), r.stress:totable()
            local from = depinning.events.transient(area, stress, p.lx, 20)
            late = math.max(late, from / #stress)
            local n = #stress - from + 1
            if n >= 16 then
              local sum = 0
              for j = from, #stress do sum = sum + stress[j] end
              blocks[#blocks + 1] = sum / n
            end
          end
          local m, e = depinning.events.block_mean(blocks)
          point = { pin = pin, mpa = m * mpa, err = e * mpa, late = late }
          run:save_checkpoint(name, point)
        end
        done = done + p.picks
        if not (point.mpa == point.mpa and point.err > 0) then
          error(("%s line, Sigma_pin %g: the transient did not end within %d picks; use more picks"):format(character, pin, p.picks), 0)
        end
        if point.late > 0.5 then run:warn(("%s line, Sigma_pin %g: the transient takes more than half of the run"):format(character, pin)) end
        for _, w in ipairs(depinning.warnings { rate = p.rate, B = p.B, sigma_pin = pin, yield = point.mpa / mpa }) do
          if not warned[w:sub(1, 12)] then run:warn(w) end
          warned[w:sub(1, 12)] = true
        end
        all[character][i] = point
      end
    end
    bar:finish()

    local fig = ow.plot.figure { title = "Depinning stress against pinning strength", width = 760, height = 560 }
    local ax = fig:axes(1)
    local rows, inverse = {}, {}
    for _, character in ipairs { "edge", "screw" } do
      local points = all[character]
      local f = fit(points)
      local x, y, e = {}, {}, {}
      for i, pt in ipairs(points) do
        x[i], y[i], e[i] = pt.pin, pt.mpa, pt.err
        rows[#rows + 1] = { character, pt.pin, pt.mpa, pt.err }
        run:put(("stress.%s.%g"):format(character, pt.pin), { value = pt.mpa, unit = "MPa", low = pt.mpa - 1.96 * pt.err, high = pt.mpa + 1.96 * pt.err })
      end
      run:put("gamma." .. character, { value = f.gamma, unit = "", low = f.gamma - 1.96 * f.err, high = f.gamma + 1.96 * f.err,
        note = ("chi2 per degree of freedom %.2f"):format(f.chi2) })
      local lp = (math.log(target) - f.a) / f.gamma
      local d = 1.96 * f.at(lp) / f.gamma
      inverse[#inverse + 1] = { character, target, math.exp(lp), math.exp(lp - d), math.exp(lp + d) }
      run:put("sigma_pin." .. character, { value = math.exp(lp), unit = "mu", low = math.exp(lp - d), high = math.exp(lp + d) })
      local color = ow.plot.cycle and ow.plot.cycle[character == "edge" and 1 or 2] or nil
      ax:errorbar(x, y, { yerr = e, label = ("%s, γ = %.3f ± %.3f"):format(character, f.gamma, f.err), color = color })
      local lx, ly = {}, {}
      for i = 0, 40 do
        lx[i + 1] = pins[1] * (pins[#pins] / pins[1]) ^ (i / 40)
        ly[i + 1] = math.exp(f.a + f.gamma * math.log(lx[i + 1]))
      end
      ax:line(lx, ly, { color = color })
    end
    ax:hline(target, { label = ("target %.4g MPa"):format(target), dash = "dashed" })
    ax:set { markup = true, xlabel = "pinning strength Σ_{pin} (μ)", ylabel = "mean stress (MPa)", xlog = true, ylog = true, legend = "top left" }
    run:put("target", { value = target, unit = "MPa" })
    run:figure("yield_scaling", fig, "Mean external stress in the stick-slip regime; error bars: jackknife over replicas.")
    run:table("Mean stress", { "character", "Sigma_pin (mu)", "stress (MPa)", "standard error (MPa)" }, rows,
      "Transient left out: records before the stress has come within 5 % of the mean of the second half and the line has moved 20 rows.")
    run:table("Inverse", { "character", "target (MPa)", "Sigma_pin (mu)", "low", "high" }, inverse,
      "95 % intervals from the fit's covariance, widened by its chi2 where that exceeds 1. Published: 158 MPa at 110 K, from linear "
      .. "interpolation between 77 and 293 K, gives 0.0175.")
    run:text("Published: sigma ~ Sigma_pin^gamma with gamma about 1.1 for both characters.")
  end,
}
