-- Gradients of a function of variables against central differences, in f64. The result is
-- projected on fixed random numbers, so that one number is differentiated.
local ow = require "orowan"
local nn = ow.nn
local gradcheck = {}

local step = 1e-5

local function project(y, r) return (y * r):sum() end

--- Largest difference between f's gradients and central differences, relative to the largest
--- difference quotient (at least 1), over all elements of all tensors of `inputs` (f64, changed
--- and restored). f takes one variable per input and returns one.
function gradcheck.worst(f, inputs, seed)
  local vars = {}
  for k, t in ipairs(inputs) do vars[k] = nn.is_variable(t) and t or nn.variable(t, { grad = true }) end
  for _, v in ipairs(vars) do v.grad = nil end
  local y = f(table.unpack(vars))
  local r = ow.rng(seed or 99):normal(y:shape())
  if not ow.is_tensor(r) then r = ow.full({}, r, "f64") end
  y:backward(r)
  local worst, where = 0, nil
  for k, v in ipairs(vars) do
    assert(v.grad, "no gradient came for input " .. k)
    assert(ow.equal(ow.tensor(v.grad:shape(), "i64"), ow.tensor(v.value:shape(), "i64")), "gradient of another shape")
    local flat, grad = v.value:view(v.value:numel()), v.grad:contiguous():view(v.value:numel())
    local numeric, scale = {}, 1
    for i = 1, flat:numel() do
      local x = flat:get(i)
      local function at(h)
        flat:set(i, x + h)
        local p = project(nn.no_grad(f, table.unpack(vars)).value, r)
        flat:set(i, x)
        return p
      end
      numeric[i] = (at(step) - at(-step)) / (2 * step)
      scale = math.max(scale, math.abs(numeric[i]))
    end
    for i, d in ipairs(numeric) do
      local e = math.abs(grad:get(i) - d) / scale
      if e > worst or e ~= e then worst, where = e, ("input %d, element %d: %.9g, quotient %.9g"):format(k, i, grad:get(i), d) end
    end
  end
  return worst, where
end

return gradcheck
