--- Minimisers over a tensor of coordinates: FIRE (Bitzek et al., Phys. Rev. Lett. 97 (2006) 170201)
--- and L-BFGS without line search (Nocedal, Math. Comp. 35 (1980) 773). Both limit the longest move
--- of an atom; both take any force field, also the projected ones of a nudged elastic band.
local core = require "orowan.core"

local minimise = {}

local zeros = core.create.zeros

local function dot(a, b) return (a * b):sum() end
local function longest(x) return math.sqrt((x * x):sum(-1):max()) end

--- A FIRE stepper.
---@param o? {dt?: number, dt_max?: number, max_step?: number} dt: first time step, 0.1 (mass 1, eV, Angstrom); max_step: longest move of an atom, 0.1 Angstrom
---@return fun(x: orowan.tensor, force: orowan.tensor): orowan.tensor step new coordinates
function minimise.fire(o)
  o = o or {}
  local dt, dt_max, max_step = o.dt or 0.1, o.dt_max or 1.0, o.max_step or 0.1
  local a, good, v = 0.1, 0, nil
  return function(x, f)
    if not v then
      v = zeros(f:shape(), "f64")
    else
      local power = dot(f, v)
      if power > 0 then
        v = v * (1 - a) + f * (a * math.sqrt(dot(v, v) / math.max(dot(f, f), 1e-300)))
        if good > 5 then
          dt, a = math.min(dt * 1.1, dt_max), a * 0.99
        end
        good = good + 1
      else
        v = v * 0
        a, dt, good = 0.1, dt * 0.5, 0
      end
    end
    v = v + f * dt
    local step = v * dt
    local far = longest(step)
    if far > max_step then step = step * (max_step / far) end
    return x + step
  end
end

--- An L-BFGS stepper.
---@param o? {memory?: integer, max_step?: number, curvature?: number} memory: pairs kept, 30; max_step: longest move of an atom, 0.1 Angstrom; curvature: first guess, 70 eV/Angstrom^2
---@return fun(x: orowan.tensor, force: orowan.tensor): orowan.tensor step new coordinates
function minimise.lbfgs(o)
  o = o or {}
  local memory, max_step, h0 = o.memory or 30, o.max_step or 0.1, 1 / (o.curvature or 70)
  local s, y, rho = {}, {}, {}
  local last_x, last_f
  return function(x, f)
    if last_x then
      local ds, dy = x - last_x, last_f - f
      local curve = dot(ds, dy)
      if curve > 1e-12 * dot(ds, ds) then
        s[#s + 1], y[#y + 1], rho[#rho + 1] = ds, dy, 1 / curve
        if #s > memory then
          table.remove(s, 1)
          table.remove(y, 1)
          table.remove(rho, 1)
        end
      else  -- a region of negative curvature: what was learnt does not hold here
        s, y, rho = {}, {}, {}
      end
    end
    last_x, last_f = x, f
    local q, alpha = f, {}
    for k = #s, 1, -1 do
      alpha[k] = rho[k] * dot(s[k], q)
      q = q - y[k] * alpha[k]
    end
    q = q * h0
    for k = 1, #s do q = q + s[k] * (alpha[k] - rho[k] * dot(y[k], q)) end
    if dot(q, f) < 0 then q = f * h0 end
    local far = longest(q)
    if far > max_step then q = q * (max_step / far) end
    return x + q
  end
end

---@type table<string, fun(o: table?): fun(x: orowan.tensor, force: orowan.tensor): orowan.tensor>
minimise.methods = { fire = minimise.fire, lbfgs = minimise.lbfgs }

return minimise
