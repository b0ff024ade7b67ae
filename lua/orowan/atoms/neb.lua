--- Minimum energy paths by the nudged elastic band with improved tangents (Henkelman and Jonsson,
--- J. Chem. Phys. 113 (2000) 9978) and a climbing image (Henkelman, Uberuaga, Jonsson, J. Chem.
--- Phys. 113 (2000) 9901), and the barriers of vacancy jumps.
local core = require "orowan.core"
local minimise = require "orowan.atoms.minimise"
local relax = require "orowan.atoms.relax"

local neb = {}

local function norm(x) return math.sqrt((x * x):sum()) end

-- Direction of the path at image k: towards the higher neighbour; at an extremum both, weighted.
local function tangent(x, e, k)
  local up, down = x[k + 1] - x[k], x[k] - x[k - 1]
  local high, low = e[k + 1], e[k - 1]
  local t
  if high > e[k] and e[k] > low then
    t = up
  elseif high < e[k] and e[k] < low then
    t = down
  else
    local a, b = math.abs(high - e[k]), math.abs(low - e[k])
    local most, least = math.max(a, b), math.min(a, b)
    t = high > low and up * most + down * least or up * least + down * most
  end
  return t / math.max(norm(t), 1e-300), norm(up) - norm(down)
end

local known = { images = true, spring = true, force = true, before_climb = true, steps = true, method = true, climb = true, max_step = true }

---@class orowan.atoms.path
---@field energies number[] eV, of all images, ends included
---@field images orowan.atoms.structure[]
---@field saddle integer the highest image
---@field forward number barrier from the first end, eV
---@field backward number barrier from the last end, eV
---@field converged boolean
---@field max_force number eV/A, on the climbing image (without climbing: on all images)
---@field steps integer
---@field evaluations integer of a structure's forces

--- Finds the path between two relaxed ends. Atoms keep their order; each moves straight, without
--- wrapping, in the first guess.
---@param first orowan.atoms.structure
---@param last orowan.atoms.structure
---@param model orowan.atoms.snap any model with `cutoff` and `compute`
---@param options? {images?: integer, spring?: number, force?: number, before_climb?: number, climb?: boolean, steps?: integer, method?: string, max_step?: number} images: ends included, 5 to 9 usual, default 7; spring: 5 eV/A^2; force: 0.01 eV/A on the climbing image; before_climb: largest force at which climbing begins, default 10 force; steps: at most, 500; method: "fire" (default) or "lbfgs"
---@return orowan.atoms.path path
function neb.path(first, last, model, options)
  local o = {}
  for k, v in pairs(options or {}) do
    if not known[k] then error(("atoms.neb: unknown option '%s'"):format(k), 2) end
    o[k] = v
  end
  local images, spring, limit, climb = o.images or 7, o.spring or 5, o.force or 0.01, o.climb ~= false
  if math.type(images) ~= "integer" or images < 3 then error("atoms.neb: images: expected an integer of at least 3 (ends included)", 2) end
  if first.n ~= last.n or not first.types:equal(last.types) then error("atoms.neb: the ends differ in number or species of atoms", 2) end
  local make = minimise.methods[o.method or "fire"] or error(("atoms.neb: method: expected fire or lbfgs, got %s"):format(tostring(o.method)), 2)
  local x, e, evaluate, count = {}, {}, {}, 0
  for k = 1, images do
    x[k] = first.positions + (last.positions - first.positions) * ((k - 1) / (images - 1))
    evaluate[k] = relax.evaluator(model, first)
  end
  for _, k in ipairs { 1, images } do
    e[k] = evaluate[k](x[k]).energy
    count = count + 1
  end
  local climbing, step, before = false, make { max_step = o.max_step }, o.before_climb or 10 * limit
  local out = { converged = false }
  for n = 0, o.steps or 500 do
    local f, largest = {}, 0
    for k = 2, images - 1 do
      local r = evaluate[k](x[k])
      e[k], f[k] = r.energy, r.forces
      if r.energy ~= r.energy then error(("atoms.neb: the energy of image %d is not a number after %d steps: atoms are too close"):format(k, n), 2) end
    end
    count = count + images - 2
    local top = 2
    for k = 3, images - 1 do if e[k] > e[top] then top = k end end
    local on_top
    for k = 2, images - 1 do
      local t, stretch = tangent(x, e, k)
      local along = (f[k] * t):sum()
      if climbing and k == top then
        f[k] = f[k] - t * (2 * along)
      else
        f[k] = f[k] + t * (spring * stretch - along)
      end
      local size = math.sqrt((f[k] * f[k]):sum(2):max())
      largest = math.max(largest, size)
      if k == top then on_top = size end
    end
    out.steps, out.saddle = n, top
    out.max_force = climbing and on_top or largest
    out.converged = (climbing or not climb) and out.max_force <= limit
    if out.converged or n == (o.steps or 500) then break end
    if climb and not climbing and largest <= before then
      climbing, step = true, make { max_step = o.max_step }
    else
      local moving = step(core.index.stack({ table.unpack(x, 2, images - 1) }, 1), core.index.stack({ table.unpack(f, 2, images - 1) }, 1))
      for k = 2, images - 1 do x[k] = moving:select(1, k - 1):contiguous() end
    end
  end
  out.energies, out.images, out.evaluations = e, {}, count
  for k = 1, images do out.images[k] = first:with { positions = x[k] } end
  out.forward, out.backward = e[out.saddle] - e[1], e[out.saddle] - e[images]
  return out
end

--- The two ends of a vacancy jump: an atom beside a vacant site moves into it.
---@param perfect orowan.atoms.structure the crystal without vacancy
---@param vacancy integer the site that is vacant
---@param atom integer the site whose atom jumps
---@return orowan.atoms.structure first
---@return orowan.atoms.structure last
---@return integer moving index of the jumping atom in both
function neb.vacancy_jump(perfect, vacancy, atom)
  for name, i in pairs { vacancy = vacancy, atom = atom } do
    if math.type(i) ~= "integer" or i < 1 or i > perfect.n then error(("atoms.vacancy_jump: %s: expected a site 1 to %d, got %s"):format(name, perfect.n, tostring(i)), 2) end
  end
  if vacancy == atom then error("atoms.vacancy_jump: the vacant site and the jumping atom are the same", 2) end
  -- the image of the vacant site nearest to the atom
  local inverse = core.linalg.inv(perfect.cell)
  local d = perfect.positions[vacancy] - perfect.positions[atom]
  local s = d:reshape(1, 3):matmul(inverse)
  local shift = core.ops.floor(s + 0.5)
  local p = perfect.periodic
  shift = shift * core.tensor.tensor({ { p[1] and 1 or 0, p[2] and 1 or 0, p[3] and 1 or 0 } }, "f64")
  d = (s - shift):matmul(perfect.cell):reshape(3)
  local first = perfect:without(vacancy)
  local moving = atom > vacancy and atom - 1 or atom
  local positions = first.positions:copy()
  for k = 1, 3 do positions:set(moving, k, positions:get(moving, k) + d:get(k)) end
  return first, first:with { positions = positions }, moving
end

---@class orowan.atoms.barrier
---@field forward number eV
---@field backward number eV
---@field status string "ok", "not converged", "end not relaxed", "moved elsewhere", "extra minimum", "no barrier"
---@field energies number[] eV, of the images
---@field max_force number eV/A
---@field steps integer
---@field evaluations integer
---@field species string of the jumping atom
---@field box string the box convention: "perfect" or "with vacancy"

--- The barrier of one vacancy jump, both ways. Nothing is dropped: what went wrong stands in `status`.
---@param perfect orowan.atoms.structure the crystal without vacancy, its box at zero pressure
---@param vacancy integer vacant site
---@param atom integer site of the jumping atom
---@param model orowan.atoms.snap any model with `cutoff` and `compute`
---@param options? table those of `atoms.neb`, and box: "perfect" (default: the box of the perfect crystal is kept) or "with vacancy" (relaxed to zero pressure at the first end)
---@return orowan.atoms.barrier barrier
---@return orowan.atoms.path? path nil when an end did not relax
function neb.vacancy_barrier(perfect, vacancy, atom, model, options)
  local o, box = {}, "perfect"
  for k, v in pairs(options or {}) do
    if k == "box" then box = v else o[k] = v end
  end
  if box ~= "perfect" and box ~= "with vacancy" then error(("atoms.vacancy_barrier: box: expected \"perfect\" or \"with vacancy\", got %s"):format(tostring(box)), 2) end
  local limit = o.force or 0.01
  local first, last, moving = neb.vacancy_jump(perfect, vacancy, atom)
  local out = { status = "ok", species = perfect.species[perfect.types:get(atom)], box = box, evaluations = 0, steps = 0 }
  local ideal_first, ideal_last = first, last
  if box == "with vacancy" then
    first = relax.relax(first, model, { box = "isotropic", force = limit / 2 })
    last = first:with { positions = ideal_last:strained(first.cell).positions }
    ideal_first, ideal_last = ideal_first:strained(first.cell), ideal_last:strained(first.cell)
  end
  local ends = {}
  for k, s in ipairs { first, last } do
    ends[k] = relax.relax(s, model, { force = limit / 2 })
    out.evaluations = out.evaluations + ends[k].info.steps + 1
    if not ends[k].info.converged then out.status = "end not relaxed" end
    -- a relaxed end keeps every atom nearer to its own site than to the vacancy
    local moved = ends[k].positions - (k == 1 and ideal_first or ideal_last).positions
    local jump = norm(ideal_last.positions[moving] - ideal_first.positions[moving])
    if math.sqrt((moved * moved):sum(2):max()) > jump / 2 then out.status = "moved elsewhere" end
  end
  if out.status ~= "ok" then
    out.energies = { ends[1].info.energy, ends[2].info.energy }
    return out
  end
  local path = neb.path(ends[1], ends[2], model, o)
  out.forward, out.backward, out.energies, out.max_force = path.forward, path.backward, path.energies, path.max_force
  out.steps, out.evaluations = path.steps, out.evaluations + path.evaluations
  local e = path.energies
  if not path.converged then
    out.status = "not converged"
  elseif path.forward <= 0 or path.backward <= 0 then
    out.status = "no barrier"
  else
    for k = 2, #e - 1 do if e[k] < e[k - 1] - 1e-4 and e[k] < e[k + 1] - 1e-4 then out.status = "extra minimum" end end
  end
  return out, path
end

return neb
