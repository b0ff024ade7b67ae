--- Relaxation of atoms and boxes to zero force and pressure.
local core = require "orowan.core"
local minimise = require "orowan.atoms.minimise"

local relax = {}

--- Energies and forces of one structure whose atoms move: the list of pairs is made with a skin and
--- made again only when an atom has moved by half of it.
---@param model orowan.atoms.snap any model with `cutoff` and `compute`
---@param s orowan.atoms.structure cell, types and periodic axes are taken from it
---@param skin? number Angstrom, default 0.5
---@return fun(positions: orowan.tensor, options: table?): {energy: number, energies: orowan.tensor, forces: orowan.tensor, stress: orowan.tensor?} evaluate
function relax.evaluator(model, s, skin)
  skin = skin or 0.5
  local list, made_at
  return function(positions, options)
    local now = s:with { positions = positions }
    if list then
      local moved = positions - made_at
      if (moved * moved):sum(2):max() > skin * skin / 4 then list = list:close() end
    end
    if not list then list, made_at = now:pairs(model.cutoff + skin), positions end
    return model:compute(now, { pairs = list, stress = options and options.stress })
  end
end

local known = { method = true, force = true, steps = true, pressure = true, box = true, frozen = true, max_step = true, stress = true }

-- f64 [n, 1]: 0 for frozen atoms.
local function mask_of(s, frozen)
  if not frozen then return nil end
  local free = core.create.ones({ s.n, 1 }, "f64")
  for _, i in ipairs(core.tensor.is_tensor(frozen) and frozen:totable() or frozen) do
    if math.type(i) ~= "integer" or i < 1 or i > s.n then error(("atoms.relax: frozen: expected atoms 1 to %d, got %s"):format(s.n, tostring(i)), 3) end
    free:set(i, 1, 0)
  end
  return free
end

-- Positions and box together: the box as rows of their own, scaled so that both have like stiffness
-- (Tadmor et al., Phys. Rev. B 59 (1999) 235). kind: "isotropic" or "full".
local function with_box(model, s, o)
  local volume0, n = s:volume(), s.n
  local scale = n ^ (1 / 2)
  local identity = core.create.eye(3)
  local pressure = o.pressure or 0
  local function split(x)
    local deform = identity + x:slice(1, n + 1, n + 3) / scale
    local cell = s.cell:matmul(deform)
    return cell, x:slice(1, 1, n):matmul(deform), deform
  end
  local function field(x)
    local cell, positions, deform = split(x)
    local now = s:with { cell = cell, positions = positions }
    local r = model:compute(now, { stress = true })
    local stress = r.stress + identity * pressure
    if o.box == "isotropic" then
      local d = stress:totable()
      stress = identity * ((d[1][1] + d[2][2] + d[3][3]) / 3)
    end
    -- dE/dF = V sigma F^-T
    local on_box = -(stress:matmul(core.linalg.inv(deform):T()) * now:volume())
    local forces = r.forces:matmul(deform:T())
    if o.free then forces = forces * o.free end
    local worst = stress:abs():max()
    return { force = core.index.concat({ forces, on_box / scale }, 1), energy = r.energy, result = r, structure = now,
      longest = math.sqrt((r.forces * r.forces * (o.free or 1)):sum(2):max()), stress = worst }
  end
  return core.index.concat({ s.positions, core.create.zeros({ 3, 3 }, "f64") }, 1), field, volume0
end

--- Moves the atoms, and on request the box, until the forces vanish.
---@param s orowan.atoms.structure
---@param model orowan.atoms.snap any model with `cutoff` and `compute`
---@param options? {method?: string, force?: number, stress?: number, steps?: integer, box?: string, pressure?: number, frozen?: integer[]|orowan.tensor, max_step?: number} method: "lbfgs" (default) or "fire"; force: largest allowed, default 0.01 eV/A; box: "isotropic" or "full", default fixed; stress: largest allowed then, default 1e-5 eV/A^3 (1.6 MPa); pressure: eV/A^3, default 0; steps: at most, default 1000; frozen: atoms that stay
---@return orowan.atoms.structure relaxed info: energy (eV), max_force (eV/A), steps, converged, and max_stress with a box
function relax.relax(s, model, options)
  local o = {}
  for k, v in pairs(options or {}) do
    if not known[k] then error(("atoms.relax: unknown option '%s'"):format(k), 2) end
    o[k] = v
  end
  local make = minimise.methods[o.method or "lbfgs"] or error(("atoms.relax: method: expected lbfgs or fire, got %s"):format(tostring(o.method)), 2)
  if o.box and o.box ~= "isotropic" and o.box ~= "full" then error(("atoms.relax: box: expected isotropic or full, got %s"):format(tostring(o.box)), 2) end
  o.free = mask_of(s, o.frozen)
  local limit, limit_stress, step = o.force or 0.01, o.stress or 1e-5, make { max_step = o.max_step }
  local x, field
  if o.box then
    x, field = with_box(model, s, o)
  else
    local evaluate = relax.evaluator(model, s)
    x, field = s.positions, function(positions)
      local r = evaluate(positions)
      local f = o.free and r.forces * o.free or r.forces
      return { force = f, energy = r.energy, longest = math.sqrt((f * f):sum(2):max()), stress = 0 }
    end
  end
  local now
  for n = 0, o.steps or 1000 do
    now = field(x)
    now.steps = n
    if now.energy ~= now.energy then error(("atoms.relax: the energy is not a number after %d steps: atoms are too close"):format(n), 2) end
    now.converged = now.longest <= limit and now.stress <= limit_stress
    if now.converged or n == (o.steps or 1000) then break end
    x = step(x, now.force)
  end
  local out = now.structure or s:with { positions = x }
  out.info = { energy = now.energy, max_force = now.longest, max_stress = o.box and now.stress or nil, steps = now.steps, converged = now.converged }
  return out
end

return relax
