--- One cell of a set of vacancy barriers, as a job of a farm: a BCC solid solution of given
--- composition, random or ordered by Metropolis swaps, its box at zero pressure; then barriers of
--- vacancy jumps drawn at random. What it returns repeats from the job alone.
local ow = require "orowan"
local atoms = require "orowan.atoms"

local boltzmann <const> = 8.617333262e-5  -- eV/K

-- n sites among species by the largest remainders.
local function counts_of(fractions, n)
  local counts, rest, left = {}, {}, n
  for k, f in ipairs(fractions) do
    counts[k] = math.floor(f * n + 1e-9)
    rest[k] = { f * n - counts[k], k }
    left = left - counts[k]
  end
  table.sort(rest, function(a, b) return a[1] > b[1] or a[1] == b[1] and a[2] < b[2] end)
  for k = 1, left do counts[rest[k][2]] = counts[rest[k][2]] + 1 end
  return counts
end

local function bcc(cubes, a, types, species)
  local x = {}
  for i = 0, cubes - 1 do
    for j = 0, cubes - 1 do
      for k = 0, cubes - 1 do
        x[#x + 1] = { i * a, j * a, k * a }
        x[#x + 1] = { (i + 0.5) * a, (j + 0.5) * a, (k + 0.5) * a }
      end
    end
  end
  return atoms.new { cell = { cubes * a, cubes * a, cubes * a }, positions = x, types = types, species = species }
end

-- Metropolis swaps of unlike atoms on the rigid lattice.
local function order(s, model, g, temperature, trials)
  local list = s:pairs(model.cutoff + 0.1)
  local types, e = s.types:copy(), nil
  e = model:compute(s, { force = false, pairs = list }).energy
  local accepted = 0
  for _ = 1, trials do
    local i, j = g:integers(1, s.n), g:integers(1, s.n)
    local a, b = types:get(i), types:get(j)
    if a ~= b then
      types:set(i, b)
      types:set(j, a)
      local new = model:compute(s:with { types = types }, { force = false, pairs = list }).energy
      if new <= e or g:uniform() < math.exp((e - new) / (boltzmann * temperature)) then
        e, accepted = new, accepted + 1
      else
        types:set(i, a)
        types:set(j, b)
      end
    end
  end
  return s:with { types = types }, accepted
end

-- Unlike minus expected pairs in the first shell: Warren-Cowley parameters alpha_ab = 1 - p_ab / c_b.
local function short_range(s, a)
  local offset, other = s:pairs(0.93 * a):tensors()
  local o, j, t, n = offset:totable(), other:totable(), s.types:totable(), #s.species
  local pair, count = {}, {}
  for p = 1, n do
    pair[p], count[p] = {}, 0
    for q = 1, n do pair[p][q] = 0 end
  end
  for i = 1, s.n do
    count[t[i]] = count[t[i]] + 1
    for k = o[i] + 1, o[i + 1] do pair[t[i]][t[j[k]]] = pair[t[i]][t[j[k]]] + 1 end
  end
  local out = {}
  for p = 1, n do
    for q = p + 1, n do
      if count[p] > 0 and count[q] > 0 then
        out[s.species[p] .. s.species[q]] = 1 - pair[p][q] / (8 * count[p] * count[q] / s.n)
      end
    end
  end
  return out
end

---@param setup {potential: string, species: string[], cubes: integer, force: number, guess: number} guess: lattice constant to begin with, Angstrom
---@return fun(job: {key: string, fractions: number[], seed: integer, jumps: integer, temperature: number?, trials: integer?}): table
return function(setup)
  local model = assert(atoms.snap(setup.potential))
  return function(job)
    local g, n = ow.rng(job.seed), 2 * setup.cubes ^ 3 // 1 | 0
    local list = {}
    for k, c in ipairs(counts_of(job.fractions, n)) do for _ = 1, c do list[#list + 1] = k end end
    local types = ow.tensor(list, "i32")[g:permutation(n)]
    local s = bcc(setup.cubes, setup.guess, types, setup.species)
    local accepted
    if job.temperature then s, accepted = order(s, model, g, job.temperature, job.trials or 20 * n) end
    local relaxed = atoms.relax(s, model, { box = "isotropic", force = 0.005 })
    local edge = relaxed.cell:get(1, 1)
    local perfect = bcc(setup.cubes, edge / setup.cubes, s.types, setup.species)
    local offset, other = perfect:pairs(0.93 * edge / setup.cubes):tensors()
    local first, barriers = offset:totable(), {}
    local sites = g:permutation(n)
    for k = 1, job.jumps do
      local vacancy = sites:get(k)
      local atom = other:get(first[vacancy] + g:integers(1, 8))
      local b = atoms.vacancy_barrier(perfect, vacancy, atom, model, { force = setup.force })
      barriers[k] = { vacancy = vacancy, atom = atom, forward = b.forward, backward = b.backward, status = b.status, max_force = b.max_force,
        first = b.energies[1], last = b.energies[#b.energies], evaluations = b.evaluations }
    end
    local letters = {}
    for i, t in ipairs(s.types:totable()) do letters[i] = tostring(t) end
    return { fractions = job.fractions, temperature = job.temperature, accepted = accepted, edge = edge, energy = relaxed.info.energy,
      converged = relaxed.info.converged, types = table.concat(letters), short_range = short_range(perfect, edge / setup.cubes), barriers = barriers }
  end
end
