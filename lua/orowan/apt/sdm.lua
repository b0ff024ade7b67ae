--- Spatial distribution maps: where the neighbours of an ion are, seen along a crystal direction
--- (Geiser et al., Microsc. Microanal. 13, 437, 2007; Moody et al., Microsc. Res. Tech. 72, 359,
--- 2009). The lateral window decides what is seen: in an ideal L1_2 crystal a wide one shows
--- planes that a narrow one does not.
local core = require "orowan.core"
local points = require "orowan.apt.points"

local M = {}

-- Rows of a right-handed frame whose third axis is the direction.
local function frame(fn, direction)
  local d = core.tensor.is_tensor(direction) and direction:totable() or direction
  if type(d) ~= "table" or #d ~= 3 then points.raise(fn, "direction: expected {x, y, z}") end
  local n = math.sqrt(d[1] ^ 2 + d[2] ^ 2 + d[3] ^ 2)
  if not (n > 0 and n < math.huge) then points.raise(fn, "direction: expected a finite vector that is not zero") end
  local w = { d[1] / n, d[2] / n, d[3] / n }
  local k = 1  -- the axis farthest from it
  for i = 2, 3 do if math.abs(w[i]) < math.abs(w[k]) then k = i end end
  local u = { 0, 0, 0 }
  u[k] = 1
  for i = 1, 3 do u[i] = u[i] - w[k] * w[i] end
  local s = math.sqrt(u[1] ^ 2 + u[2] ^ 2 + u[3] ^ 2)
  for i = 1, 3 do u[i] = u[i] / s end
  return { u, { w[2] * u[3] - w[3] * u[2], w[3] * u[1] - w[1] * u[3], w[1] * u[2] - w[2] * u[1] }, w }
end

-- Ranged ions in the frame of the direction, and who is centre and neighbour.
local function prepare(fn, positions, species, o)
  local x, s = points.check(fn, positions, species)
  local rows = frame(fn, o.direction or { 0, 0, 1 })
  local from, to
  if s then
    local ranged = s:gt(0)
    x, s = x[ranged], s[ranged]
    local function chosen(name, v)
      if v == nil then return core.create.ones({ s:numel() }, "u8") end
      local _, list = points.set(fn, name, v, o.names)
      return points.mask(s, list)
    end
    from = chosen("from", o.from)
    to = o.to == nil and from or chosen("to", o.to)
  else
    if o.from or o.to then points.raise(fn, "species: expected labels when from or to are given") end
    from = core.create.ones({ x:shape(1) }, "u8")
    to = from
  end
  if x:shape(1) > 0 then x = (x:to "f64" - x:to("f64"):mean(1)):matmul(core.tensor.tensor(rows, "f64"):transpose(1, 2)):to("f32", { unchecked = true }) end
  return x, from:to "u8", to:to "u8", rows
end

---@class orowan.apt.z_sdm
---@field z number[] nm, middles of the bins, 0 in the middle
---@field bin number nm
---@field counts integer[] pairs from -> to
---@field all integer[] pairs of any two ranged ions with the same window
---@field expected number[] pairs from -> to that random labels would give: all n_a n_b / (n (n - 1))
---@field ratio number[] counts / expected
---@field low number[]? 2.5 % quantile of counts / expected under relabelling
---@field high number[]? 97.5 %
---@field null_sd number[]?
---@field p number? of the largest |counts - mean| / sd over the bins, from the data and all relabellings
---@field lateral number nm, radius of the window
---@field direction number[]
---@field centres integer
---@field neighbours integer ions of `to`
---@field frame number[][]

--- z-SDM: heights of neighbours above the ions, for neighbours within a radius `lateral` of the axis.
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor? i64 [n], 1-based; 0: unknown, left out
---@param options {direction?: number[], from?: integer|string|(integer|string)[], to?: integer|string|(integer|string)[], names?: string[], lateral?: number, z_max?: number, bin?: number, relabellings?: integer, seed?: integer} direction ({0, 0, 1}); from (all), to (from); lateral window: radius nm (0.15); z_max nm (1.5); bin nm (0.01); relabellings: 0, or rounded up to a multiple of 63 (0)
---@return orowan.apt.z_sdm
function M.z(positions, species, options)
  local fn = "z_sdm"
  local o = points.options(fn, options, { "direction", "from", "to", "names", "lateral", "z_max", "bin", "relabellings", "seed" })
  local lateral, z_max, bin = points.number(fn, o, "lateral", 0.15, 0, true), points.number(fn, o, "z_max", 1.5, 0, true), points.number(fn, o, "bin", 0.01, 0, true)
  local wanted = points.whole(fn, o, "relabellings", 0, 0)
  local x, from, to, rows = prepare(fn, positions, species, o)
  local half = math.max(1, math.floor(z_max / bin + 0.5))
  local bins = 2 * half + 1
  local side = lateral * (1 + 1e-6) + 1e-9
  local window = { reach = { side, side, bins * bin / 2 }, bins = { 1, 1, bins }, lateral = lateral }
  local n = x:shape(1)
  local counts = core.clusters.pairs("apt.z_sdm", x, from, to:logical_not():to "u8", 1, window):flatten():totable()
  local all = counts
  if from:sum() < n or to:sum() < n then
    all = core.clusters.pairs("apt.z_sdm", x, core.create.ones({ n }, "u8"), core.create.zeros({ n }, "u8"), 1, window):flatten():totable()
  end
  local a, b, both = from:to("i64"):sum(), to:to("i64"):sum(), from:logical_and(to):to("i64"):sum()
  local share = n > 1 and (a * b - both) / (n * (n - 1)) or 0
  local out = { z = {}, bin = bin, counts = counts, all = all, expected = {}, ratio = {}, lateral = lateral, direction = rows[3], centres = a, neighbours = b, frame = rows }
  for i = 1, bins do
    out.z[i], out.expected[i] = (i - 1 - half) * bin, all[i] * share
    out.ratio[i] = out.expected[i] > 0 and counts[i] / out.expected[i] or 0 / 0
  end
  if wanted > 0 then
    local code, sets = from + to * 2, {}
    for first = 0, wanted - 1, 63 do
      local t = core.clusters.relabelled_pairs("apt.z_sdm", x, code:to "u8", o.seed or 0, first, window):reshape(64, bins):totable()
      for k = first == 0 and 1 or 2, 64 do sets[#sets + 1] = t[k] end
    end
    local mean, sd, m = {}, {}, #sets
    out.low, out.high, out.null_sd = {}, {}, {}
    for i = 1, bins do
      local list, s, s2 = {}, 0, 0
      for k = 1, m do
        s, s2 = s + sets[k][i], s2 + sets[k][i] ^ 2
        if k > 1 then list[#list + 1] = sets[k][i] end
      end
      table.sort(list)
      mean[i], sd[i] = s / m, math.sqrt(math.max(0, s2 / m - (s / m) ^ 2))
      local e = out.expected[i]
      out.low[i], out.high[i] = list[math.max(1, math.floor(0.025 * #list + 0.5))] / e, list[math.ceil(0.975 * #list)] / e
      out.null_sd[i] = sd[i] / e
    end
    local stat, larger = nil, 0
    for k = 1, m do
      local d = 0
      for i = 1, bins do if sd[i] > 0 then d = math.max(d, math.abs(sets[k][i] - mean[i]) / sd[i]) end end
      stat = stat or d
      if d >= stat - 1e-12 then larger = larger + 1 end
    end
    out.p = larger / m
  end
  return out
end

-- |sum h cos(2 pi q z)| of a map without its smooth part, tapered to its ends.
local function amplitude(s, q)
  local n, sum, norm = #s.z, 0, 0
  local z_end = s.z[n] + s.bin / 2
  for i = 1, n do
    if math.abs(s.z[i]) > s.bin / 4 then
      local w = math.cos(math.pi / 2 * s.z[i] / z_end) ^ 2
      sum = sum + w * s.counts[i] * math.cos(2 * math.pi * q * s.z[i])
      norm = norm + w * s.counts[i]
    end
  end
  return norm > 0 and sum / norm or 0
end

-- Middles of the peaks near the multiples of d, and what they say of d: sum m c_m W / sum m^2 W.
local function from_peaks(sdm, d)
  local n, top, below, err = #sdm.z, 0, 0, 0
  local last = sdm.z[n]
  for m = 1, math.floor(last / d - 0.25) do
    local sum, first, second = 0, 0, 0
    for i = 1, n do
      local u = math.abs(sdm.z[i]) - m * d
      if math.abs(u) < d / 4 then
        local c = sdm.counts[i]
        sum, first, second = sum + c, first + c * u, second + c * u * u
      end
    end
    if sum > 0 then
      top, below = top + m * (m * d * sum + first), below + m * m * sum
      err = err + m * m * second
    end
  end
  if below == 0 then return d, 0 / 0 end
  return top / below, math.sqrt(err) / below
end

--- Repeat distance of a z-SDM. Where to look: the wave number at which its Fourier amplitude is
--- largest, the lowest one whose amplitude is at least 0.8 of that (others are harmonics). Then
--- the middles of the peaks near the multiples, to self-consistency.
---@param sdm orowan.apt.z_sdm
---@param range? number[] {least, largest} nm (0.1, 0.7)
---@return number spacing nm
---@return number error nm, from the counts (an ion is in several pairs: a lower bound; `apt.poles` jackknifes)
---@return number amplitude 1: all neighbours on planes, 0: none
function M.spacing(sdm, range)
  range = range or { 0.1, 0.7 }
  local q0, q1 = 1 / range[2], 1 / range[1]
  local dq = 0.1 / sdm.z[#sdm.z]
  local list, best = {}, 0
  for k = 0, math.floor((q1 - q0) / dq) do
    list[k + 1] = { q0 + k * dq, amplitude(sdm, q0 + k * dq) }
    best = math.max(best, list[k + 1][2])
  end
  for k, v in ipairs(list) do
    local up = not list[k + 1] or list[k + 1][2] <= v[2]
    if best > 0 and v[2] >= 0.8 * best and up then
      local lo, hi = v[1] - dq, v[1] + dq
      for _ = 1, 60 do
        local a, b = lo + (hi - lo) / 3, hi - (hi - lo) / 3
        if amplitude(sdm, a) < amplitude(sdm, b) then lo = a else hi = b end
      end
      local d, err = 2 / (lo + hi), nil
      for _ = 1, 30 do d, err = from_peaks(sdm, d) end
      return d, err, v[2]
    end
  end
  return 0 / 0, 0 / 0, 0
end

--- Lateral map: neighbours whose height differs by at most `thickness`.
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor? i64 [n]
---@param options {direction?: number[], from?: integer|string|(integer|string)[], to?: integer|string|(integer|string)[], names?: string[], extent?: number, bin?: number, thickness?: number} extent nm on either side (1); bin nm (0.02); thickness nm on either side (0.05)
---@return orowan.tensor counts i64 [m, m], displacements along the first two axes of the frame
---@return number[] middles nm
---@return number[][] frame rows: axes of the map, direction
function M.lateral(positions, species, options)
  local fn = "lateral_sdm"
  local o = points.options(fn, options, { "direction", "from", "to", "names", "extent", "bin", "thickness" })
  local extent, bin = points.number(fn, o, "extent", 1, 0, true), points.number(fn, o, "bin", 0.02, 0, true)
  local thickness = points.number(fn, o, "thickness", 0.05, 0, true)
  local x, from, to, rows = prepare(fn, positions, species, o)
  local half = math.max(1, math.floor(extent / bin + 0.5))
  local n, z = 2 * half + 1, {}
  for i = 1, n do z[i] = (i - 1 - half) * bin end
  local t = core.clusters.pairs("apt.lateral_sdm", x, from, to:logical_not():to "u8", 1, { reach = { n * bin / 2, n * bin / 2, thickness }, bins = { n, n, 1 } })
  return t:reshape(n, n), z, rows
end

--- Three-dimensional map of displacements.
---@param positions orowan.tensor f32 [n, 3], nm
---@param species orowan.tensor? i64 [n]
---@param options {direction?: number[], from?: integer|string|(integer|string)[], to?: integer|string|(integer|string)[], names?: string[], extent?: number, bin?: number} extent nm on either side (0.8); bin nm (0.04)
---@return orowan.tensor counts i64 [m, m, m], displacements along the axes of the frame
---@return number[] middles nm
---@return number[][] frame rows; the third is the direction
function M.volume(positions, species, options)
  local fn = "volume_sdm"
  local o = points.options(fn, options, { "direction", "from", "to", "names", "extent", "bin" })
  local extent, bin = points.number(fn, o, "extent", 0.8, 0, true), points.number(fn, o, "bin", 0.04, 0, true)
  local x, from, to, rows = prepare(fn, positions, species, o)
  local half = math.max(1, math.floor(extent / bin + 0.5))
  local n, z = 2 * half + 1, {}
  for i = 1, n do z[i] = (i - 1 - half) * bin end
  local r = n * bin / 2
  local t = core.clusters.pairs("apt.volume_sdm", x, from, to:logical_not():to "u8", 1, { reach = { r, r, r }, bins = { n, n, n } })
  return t:reshape(n, n, n), z, rows
end

return M
