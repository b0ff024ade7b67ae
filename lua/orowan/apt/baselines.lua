--- What any network that finds ordered domains must beat, and what nothing can: the share of solutes
--- among the nearest, a smoothed Fourier filter along the pole, logistic regression and a small net
--- on composition and bond order; and the ideal observer, who knows every sphere, the noise and the
--- species of the ion.
local ow = require "orowan"
local stacked = require "orowan.apt.stacked"
local nn = ow.nn
local F = nn.functional

local baselines = {}

local function raise(fmt, ...) error("apt.baselines: " .. fmt:format(...), 0) end

-- ---- the ideal observer ------------------------------------------------------------------------

-- The value that all ions beyond one sigma share on this axis ("clipped" noise): the difference to
-- the same cube without noise that occurs most often.
local function shared_draws(cube)
  local spec = {}
  for k, v in pairs(cube.spec) do spec[k] = v end
  spec.noise, spec.sigma = nil, nil
  local clean = ow.apt.synthetic(spec)
  local d = (cube.positions - clean.positions):to "f64"
  local list = {}
  for axis = 1, 3 do
    local values, counts = ow.unique(ow.round(d:select(2, axis):contiguous() * 2e4), { counts = true })
    list[axis] = values:get(counts:argmax()) / 2e4
  end
  return list
end

-- Draws of the displacement, [draws, 3].
local function displacements(cube, draws, rng)
  local columns = {}
  local shared = cube.noise == "clipped" and shared_draws(cube)
  for axis = 1, 3 do
    local s = cube.sigma[axis]
    local d = rng:normal(draws, { std = s, dtype = "f32" })
    if shared then d = ow.where(d:abs():gt(s), shared[axis], d) end
    columns[axis] = d
  end
  return ow.stack(columns, 2)
end

-- Share of each species in matrix and domain.
local function shares(cube)
  local spec = cube.spec
  local inside = {}
  local kind = spec.domains[1]
  local part = kind.order == "L12" and 0.25 or 0.5
  for name, x in pairs(kind.occupancy.A) do inside[name] = (inside[name] or 0) + part * x end
  for name, x in pairs(kind.occupancy.B) do inside[name] = (inside[name] or 0) + (1 - part) * x end
  local a, b = {}, {}
  for s, name in ipairs(cube.names) do a[s], b[s] = inside[name] or 0, spec.matrix[name] or 0 end
  return ow.tensor(a, "f32"), ow.tensor(b, "f32")
end

--- Probability that an ion belongs to a domain, for an observer who knows the spheres, the law and
--- size of the noise (clipped: also the shared draws) and the composition of matrix and domain, and
--- sees where the ion is and what it is. Nobody who has to find the domains can do better.
---@param cube orowan.apt.specimen of datasets.cube, not periodic
---@param options? {draws?: integer, seed?: integer} draws of the noise, shared by all ions (400)
---@return orowan.tensor probability f32 [n]
function baselines.ideal(cube, options)
  local o = options or {}
  if not cube.spec or not cube.spheres then raise("ideal: expected a cube of apt.datasets, which knows its spheres") end
  if cube.periodic then raise("ideal: a periodic cube has no outside; expected an open one") end
  local draws = o.draws or 400
  local d = displacements(cube, draws, ow.rng(o.seed or 0, 11))
  local centres, r2 = {}, {}
  for i, s in ipairs(cube.spheres) do centres[i], r2[i] = s.centre, s.radius ^ 2 end
  local c, limit = ow.tensor(centres, "f32"), ow.tensor(r2, "f32")
  local inside, within = ow.zeros({ cube.n }, "f32"), ow.zeros({ cube.n }, "f32")
  local box = ow.tensor(cube.box, "f32")
  for k = 1, draws do
    ow.scope(function()
      local r = cube.positions - d:slice(1, k, k)
      local possible = r:ge(0):logical_and(r:le(box)):all(2)  -- no ion came from outside the cube
      within:add_(possible:to "f32")
      local any
      for i = 1, #centres do
        local hit = (r - c:slice(1, i, i)):square():sum(2):le(limit:slice(1, i, i))
        any = any and any:logical_or(hit) or hit
      end
      if any then inside:add_(any:logical_and(possible):to "f32") end
    end)
  end
  local a, b = shares(cube)
  local pin, pout = inside * a:take(cube.species), (within - inside):clip(0, math.huge) * b:take(cube.species)
  local total = pin + pout
  return ow.where(total:gt(0), pin / total:clip(1e-12, math.huge), 0):to "f32"
end

--- The ideal observer on all cubes of a set.
---@param set {cubes: orowan.apt.specimen[]}
---@param options? {draws?: integer, seed?: integer}
---@return orowan.tensor probability f32 [n]
function baselines.ideal_set(set, options)
  local list = {}
  for k, cube in ipairs(set.cubes) do list[k] = baselines.ideal(cube, options) end
  return ow.concat(list)
end

-- ---- scores ------------------------------------------------------------------------------------

local function auc(score, label) return nn.metrics.roc_auc(score, label, { repeats = 0 }).value end

-- The best column on validation, turned so that more means a domain.
local function best_column(groups, labels, first, counts)
  local best, list = nil, {}
  for i, k in ipairs(counts) do
    local v = auc(groups.validation:select(2, first + i - 1), labels.validation)
    local sign = v < 0.5 and -1 or 1
    list[i] = { k = k, validation = math.max(v, 1 - v), test = groups.test:select(2, first + i - 1) * sign, scores = groups.validation:select(2, first + i - 1) * sign }
    if not best or list[i].validation > best.validation then best = list[i] end
  end
  return best, list
end

local function pick(described, names)
  local out = {}
  for part, groups in pairs(described) do
    if type(groups) == "table" and groups.composition then
      local list = {}
      for _, name in ipairs(names) do list[#list + 1] = groups[name] end
      out[part] = ow.concat(list, 2)
    end
  end
  return out
end

--- Scores of all baselines. What has to be chosen (number of neighbours, sign, epoch) is chosen on
--- validation.
---@param sets {train: table, validation: table, test: table} of datasets.make
---@param described {train: table, validation: table, test: table, counts: integer[]} of stacked.describe
---@param options {seed: integer, epochs?: integer}
---@return {name: string, validation: orowan.tensor, test: orowan.tensor, note: string?}[] rows larger scores mean a domain
---@return table sweeps {fraction = {{k =, validation =, test =}, ...}, fourier = ...}: AUC of each number of neighbours
function baselines.scores(sets, described, options)
  local rows, sweeps = {}, {}
  local labels = { validation = sets.validation.label, test = sets.test.label }
  local function add(name, p, note) rows[#rows + 1] = { name = name, validation = p.validation, test = p.test, note = note } end
  for _, s in ipairs { { "fraction", "opening", "solute fraction" }, { "fourier", "order", "Fourier filter" } } do
    local g = { validation = described.validation[s[2]], test = described.test[s[2]] }
    local best, list = best_column(g, labels, 1, described.counts)
    sweeps[s[1]] = {}
    for i, c in ipairs(list) do sweeps[s[1]][i] = { k = c.k, validation = c.validation, test = auc(c.test, labels.test) } end
    add(("%s, k = %d"):format(s[3], best.k), { validation = best.scores, test = best.test }, "k chosen on validation")
  end
  local x = pick(described, { "composition", "bond" })
  for _, m in ipairs { { "logistic regression, composition and bond order", {} }, { "small net, composition and bond order", { 16 } } } do
    local net = stacked.fit({ x = x.train, y = sets.train.label }, { x = x.validation, y = sets.validation.label },
      { seed = options.seed, hidden = m[2], dropout = 0, epochs = options.epochs })
    local p = {}
    for _, part in ipairs { "validation", "test" } do p[part] = F.sigmoid(nn.predict(net, x[part], { batch = 8192 })).value end
    add(m[1], p)
  end
  return rows, sweeps
end

-- ---- calibration -------------------------------------------------------------------------------

--- Platt's scaling (Advances in Large Margin Classifiers, 1999): a and b of 1 / (1 + exp(-(a z + b)))
--- with the largest likelihood, by Newton's method.
---@param logit orowan.tensor f32 [n]
---@param label orowan.tensor f32 [n], 1 or 0
---@return number a
---@return number b
function baselines.platt(logit, label)
  local z, y = logit:to "f64", label:to "f64"
  local a, b = 1.0, 0.0
  for _ = 1, 50 do
    local p = 1 / ((-(z * a + b)):exp() + 1)
    local r, w = p - y, p * (1 - p)
    local ga, gb = (r * z):sum(), r:sum()
    local haa, hab, hbb = (w * z * z):sum() + 1e-9, (w * z):sum(), w:sum() + 1e-9
    local det = haa * hbb - hab * hab
    if det <= 0 or det ~= det then break end
    local da, db = (hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det
    a, b = a - da, b - db
    if math.abs(da) + math.abs(db) < 1e-9 then break end
  end
  return a, b
end

local function log_loss(z, label) return F.bce_with_logits(z, label).value:item() end

--- Platt's scaling if it helps: fitted to all cubes but one and judged on that one, in turn. Fewer
--- than five cubes say too little about calibration, and a net that was trained on the likelihood may need none.
---@param logit orowan.tensor f32 [n] on validation
---@param set table with label f32 [n] and cloud i64 [n]
---@return number a 1 when it does not help
---@return number b 0 when it does not help
---@return {raw: number, scaled: number} loss mean over the cubes, of those left out
function baselines.calibrate(logit, set)
  local raw, scaled, n = 0.0, 0.0, math.tointeger(set.cloud:max())
  if n < 5 then return 1.0, 0.0, { raw = log_loss(logit, set.label), scaled = math.huge } end
  for c = 1, n do
    local out = set.cloud:eq(c)
    local rest, rows = out:logical_not():nonzero():flatten(), out:nonzero():flatten()
    local a, b = baselines.platt(logit:take(rest), set.label:take(rest))
    local z, y = logit:take(rows), set.label:take(rows)
    raw, scaled = raw + log_loss(z, y) / n, scaled + log_loss(z * a + b, y) / n
  end
  local a, b = 1.0, 0.0
  if scaled < raw then a, b = baselines.platt(logit, set.label) end
  return a, b, { raw = raw, scaled = scaled }
end

return baselines
