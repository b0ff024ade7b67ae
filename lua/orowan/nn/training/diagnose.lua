--- Where a number that is not finite comes from: the parameters, the batch, the first layer whose
--- output holds one, the loss, or the gradients.
local ow = require "orowan"
local tape = require "orowan.nn.tape"

local M = {}

--- 1-based position of the first NaN or infinity, 0 when all are finite.
function M.first_bad(t)
  local dtype = t:dtype()
  if dtype ~= "f32" and dtype ~= "f64" then return 0 end
  if t:numel() == 0 then return 0 end
  return ow.core.nn.first_nonfinite(t):item()
end

local function place(t, at)
  local flat = at - 1
  local index, shape = {}, t:shape()
  for d = #shape, 1, -1 do
    index[d] = flat % shape[d] + 1
    flat = flat // shape[d]
  end
  return ("%s at [%s] of %s"):format(tostring(t:reshape(t:numel()):get(at)), table.concat(index, ", "), table.concat(shape, "x"))
end

local function in_parameters(model)
  for _, p in ipairs(model:parameters()) do
    local at = M.first_bad(p.variable.value)
    if at > 0 then return p.name, ("parameter '%s' is %s before the step"):format(p.name, place(p.variable.value, at)) end
  end
end

local function in_batch(batch)
  for _, key in ipairs { "x", "y" } do
    local list = ow.is_tensor(batch[key]) and { batch[key] } or type(batch[key]) == "table" and batch[key] or {}
    for _, t in ipairs(list) do
      local at = M.first_bad(t)
      if at > 0 then return key, ("the batch's %s is %s"):format(key, place(t, at)) end
    end
  end
end

--- Runs the step again and looks: the place (a layer's path, "x", "loss", a parameter) and a sentence.
---@param compute fun(): orowan.variable forward pass and loss
function M.find(model, batch, compute)
  local where, text = in_parameters(model)
  if where then return where, text end
  where, text = in_batch(batch)
  if where then return where, text end
  local loss
  tape.no_grad(function()
    loss = tape.watch(function(layer, _, output)
      local t = ow.is_tensor(output) and output or type(output) == "table" and output.value
      if where or not ow.is_tensor(t) then return end
      local at = M.first_bad(t)
      if at > 0 then where, text = layer:path(), ("first seen in the output of %s: %s"):format(layer:label(), place(t, at)) end
    end, compute)
  end)
  if where then return where, text end
  if M.first_bad(loss.value) > 0 then return "loss", "all layers are finite, the loss itself is not" end
  compute():backward()
  -- Gradients flow from the last layer to the first.
  local parameters = model:parameters()
  for i = #parameters, 1, -1 do
    local p = parameters[i]
    local at = p.variable.grad and M.first_bad(p.variable.grad) or 0
    if at > 0 then return p.name, ("the loss is finite; first seen in the gradient of '%s': %s"):format(p.name, place(p.variable.grad, at)) end
  end
  return "?", "not seen again when the step was repeated"
end

return M
