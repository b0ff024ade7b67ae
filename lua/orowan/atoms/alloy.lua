--- Which atom sits where: random solid solutions, special quasi-random structures, prescribed or
--- equilibrated order on a lattice.
local core = require "orowan.core"
local order = require "orowan.atoms.order"
local suggest = require "orowan.suggest"

local alloy = {}
local tensor = core.tensor.tensor

--- Boltzmann's constant (exact in the SI), eV/K.
local boltzmann <const> = 8.617333262e-5

local function options_of(fn, options, known)
  local set, list = {}, {}
  for name in known:gmatch "%S+" do
    set[name] = true
    list[#list + 1] = name
  end
  for key in pairs(options or {}) do
    if not set[key] then error(("%s: unknown option '%s'%s"):format(fn, tostring(key), suggest.hint(tostring(key), list)), 3) end
  end
  return options or {}
end

-- Names of a composition, sorted or as given, and their shares; they add up to 1.
local function shares_of(fn, composition, species)
  if type(composition) ~= "table" or next(composition) == nil then error(fn .. ": composition: expected shares of elements, such as {Nb = 0.25, Mo = 0.75}", 3) end
  local names, index = {}, {}
  for _, name in ipairs(species or {}) do names[#names + 1], index[name] = name, true end
  local more, sum = {}, 0
  for name, x in pairs(composition) do
    if type(name) ~= "string" or type(x) ~= "number" or not (x >= 0 and x < math.huge) then
      error(("%s: composition: expected a share of each element, got %s = %s"):format(fn, tostring(name), tostring(x)), 3)
    end
    if not index[name] then more[#more + 1] = name end
    sum = sum + x
  end
  if species and #more > 0 then error(("%s: composition: %s is not among the species %s"):format(fn, more[1], table.concat(species, ", ")), 3) end
  table.sort(more)
  table.move(more, 1, #more, #names + 1, names)
  if math.abs(sum - 1) > 1e-6 then error(("%s: composition: the shares add up to %.9g, not 1"):format(fn, sum), 3) end
  local x = {}
  for k, name in ipairs(names) do x[k] = (composition[name] or 0) / sum end
  return names, x
end

-- Whole numbers of atoms nearest to the shares (largest remainders; the first of equals).
local function whole(n, x)
  local amounts, rest, left = {}, {}, n
  for k, share in ipairs(x) do
    amounts[k] = math.floor(share * n + 1e-9)
    rest[k] = { k = k, r = share * n - amounts[k] }
    left = left - amounts[k]
  end
  table.sort(rest, function(a, b) return math.abs(a.r - b.r) > 1e-9 and a.r > b.r or math.abs(a.r - b.r) <= 1e-9 and a.k < b.k end)
  for i = 1, left do amounts[rest[i].k] = amounts[rest[i].k] + 1 end
  return amounts
end

-- Types of one exact composition, in order.
local function in_order(amounts)
  local list = {}
  for k, m in ipairs(amounts) do for _ = 1, m do list[#list + 1] = k end end
  return tensor(list, "i32")
end

local function check_seed(fn, seed)
  if seed ~= nil and math.type(seed) ~= "integer" then error(("%s: seed: expected a whole number, got %s"):format(fn, tostring(seed)), 3) end
  return seed or 0
end

-- Sites given by a number of the sublattice, or all.
local function sites_of(fn, s, sublattice)
  if sublattice == nil then return nil end
  local of = s.info.sublattices
  if not of or of:numel() ~= s.n then error(fn .. ": sublattice: the structure has none (see atoms.lattice)", 3) end
  local rows = core.index.nonzero(of:eq(sublattice)):reshape(-1)
  if rows:numel() == 0 then error(("%s: sublattice: no site has number %s"):format(fn, tostring(sublattice)), 3) end
  return rows
end

--- A random solid solution on the sites of a crystal.
---@param s orowan.atoms.structure
---@param composition table<string, number> share of each element; the sum is 1
---@param options? {seed: integer?, sampled: boolean?, species: string[]?, sublattice: integer?} seed: default 0; sampled: every site draws for itself (default: whole numbers nearest to the shares, by largest remainders, shuffled); species: order of the types, default alphabetical; sublattice: fill only the sites of this number in info.sublattices
---@return orowan.atoms.structure
function alloy.random(s, composition, options)
  local fn <const> = "atoms.random"
  options = options_of(fn, options, "seed sampled species sublattice")
  local names, x = shares_of(fn, composition, options.species)
  local g, rows = core.random.rng(check_seed(fn, options.seed), 7), sites_of(fn, s, options.sublattice)
  local n = rows and rows:numel() or s.n
  local types
  if options.sampled then
    local edges, sum = {}, 0
    for k = 1, #x - 1 do
      sum = sum + x[k]
      edges[k] = sum
    end
    types = #x == 1 and core.create.ones({ n }, "i32") or core.sort.searchsorted(tensor(edges, "f64"), g:uniform { n }, { right = true }):to "i32"
  else types = in_order(whole(n, x))[g:permutation(n)] end
  if rows then
    local all, index, map = { table.unpack(names) }, {}, {}
    for k, name in ipairs(names) do index[name] = k end
    for k, name in ipairs(s.species) do
      if not index[name] then all[#all + 1], index[name] = name, #all + 1 end
      map[k] = index[name]
    end
    local old = tensor(map, "i32")[s.types:to "i64"]
    old[rows] = types
    names, types = all, old
  end
  return s:with { types = types, species = names }
end

-- f64 [shells, k, k] of a list, one for each shell, of {["A-B"] = value}; missing ones 0.
local function pair_values(fn, what, list, sh, names)
  local index, out = {}, core.create.zeros { sh.count, #names, #names }
  for k, name in ipairs(names) do index[name] = k end
  if type(list) ~= "table" then error(("%s: %s: expected a list, one table for each shell"):format(fn, what), 3) end
  for k, t in pairs(list) do
    if math.type(k) ~= "integer" or k < 1 or k > sh.count then error(("%s: %s: shell %s of %d"):format(fn, what, tostring(k), sh.count), 3) end
    for pair, v in pairs(t) do
      local a, b = tostring(pair):match "^(%S+)%-(%S+)$"
      if not (index[a] and index[b]) or type(v) ~= "number" or v ~= v then
        error(("%s: %s: shell %d: expected \"A-B\" = number with A, B of %s, got %s = %s"):format(fn, what, k, table.concat(names, ", "), tostring(pair), tostring(v)), 3)
      end
      out:set(k, index[a], index[b], v)
      out:set(k, index[b], index[a], v)
    end
  end
  return out
end

local function check_shells(fn, s, sh)
  if type(sh) ~= "table" or sh.n ~= s.n then error(("%s: shells: expected those of a crystal of %d sites (atoms.shells)"):format(fn, s.n), 3) end
end

--- A special quasi-random structure, or one of prescribed short-range order: an arrangement whose
--- pair correlations come nearest to wanted ones, found by simulated annealing of exchanges from
--- several random starts. The misfit is sum over shells of weight_k * sum over a, b of
--- x_a x_b (alpha^k_ab - wanted^k_ab)^2 (Zunger, Wei, Ferreira, Bernard, PRL 65 (1990) 353: wanted
--- 0, the infinite random alloy).
---@param s orowan.atoms.structure
---@param composition table<string, number> share of each element; rounded to whole atoms as by atoms.random
---@param sh orowan.atoms.shells of s, those to match
---@param options? {seed: integer?, steps: integer?, restarts: integer?, weights: number[]?, wanted: table<string, number>[]?, species: string[]?} steps: trials of each start, default 200 for each atom, at least 20000; restarts: default 4; weights: of each shell, default 1 / k; wanted: {{["Nb-Mo"] = -0.1}, ...} Warren-Cowley parameters by shell, default all 0 (of like pairs they follow from the unlike ones and are set so)
---@return orowan.atoms.structure
---@return {misfit: number, order: orowan.atoms.order} result
function alloy.sqs(s, composition, sh, options)
  local fn <const> = "atoms.sqs"
  options = options_of(fn, options, "seed steps restarts weights wanted species")
  check_shells(fn, s, sh)
  local names, x = shares_of(fn, composition, options.species)
  local amounts = whole(s.n, x)
  local weights = options.weights or {}
  if not options.weights then for k = 1, sh.count do weights[k] = 1 / k end end
  if #weights ~= sh.count then error(("%s: weights: expected %d, one for each shell, got %d"):format(fn, sh.count, #weights), 2) end
  local wanted = pair_values(fn, "wanted", options.wanted or {}, sh, names)
  for k = 1, sh.count do  -- sum over b of x_b alpha_ab = 0
    for a = 1, #names do
      local sum = 0
      for b = 1, #names do if b ~= a then sum = sum + amounts[b] * wanted:get(k, a, b) end end
      if amounts[a] > 0 then wanted:set(k, a, a, -sum / amounts[a]) end
    end
  end
  local types, misfit = core.lattice.sqs(sh.neighbours, sh.starts, in_order(amounts), { species = #names, weight = weights, wanted = wanted,
    steps = options.steps or math.max(20000, 200 * s.n), restarts = options.restarts or 4, seed = check_seed(fn, options.seed) })
  local found = s:with { types = types, species = names }
  return found, { misfit = misfit, order = order.of(found, sh) }
end

--- Metropolis exchanges of atoms on the lattice with energies of pairs, at constant composition.
--- One trial draws two sites at random; like atoms count as a trial without effect.
---@param s orowan.atoms.structure
---@param sh orowan.atoms.shells of s
---@param options {energies: table<string, number>[], temperature: number, steps: integer, record: integer?, seed: integer?, stream: integer?} energies: {{["Nb-Mo"] = -0.02}, ...} of a pair in each shell, eV, missing ones 0; temperature: K; record: trials between records, default one for each atom; stream: for replicas of one seed
---@return orowan.atoms.structure s the last arrangement
---@return {energy: orowan.tensor, counts: orowan.tensor, delta: orowan.tensor, warren_cowley: orowan.tensor, accepted: number, record: integer} run energy [records], eV, of the lattice; counts, delta and warren_cowley [records, shells, species, species]; accepted: share of all trials
function alloy.lattice_swaps(s, sh, options)
  local fn <const> = "atoms.lattice_swaps"
  options = options_of(fn, options, "energies temperature steps record seed stream")
  check_shells(fn, s, sh)
  local t, steps, record = options.temperature, options.steps, options.record or s.n
  if type(t) ~= "number" or not (t >= 0 and t < math.huge) then error(("%s: temperature: expected kelvins, got %s"):format(fn, tostring(t)), 2) end
  if math.type(steps) ~= "integer" or steps < 0 then error(("%s: steps: expected a number of trials, got %s"):format(fn, tostring(steps)), 2) end
  local types, energy, counts, accepted = core.lattice.mc(sh.neighbours, sh.starts, s.types, { species = #s.species,
    energy = pair_values(fn, "energies", options.energies, sh, s.species), kt = boltzmann * t, steps = steps, every = record,
    seed = check_seed(fn, options.seed), stream = options.stream or 0 })
  local delta, alpha = order.records(counts, s, sh)
  return s:with { types = types }, { energy = energy, counts = counts, delta = delta, warren_cowley = alpha, accepted = steps > 0 and accepted / steps or 0, record = record }
end

return alloy
