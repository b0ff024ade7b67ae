--- The table of a model's layers: shapes, parameters, operations. Shapes come from the rules of the
--- layers (nothing is computed inside them); modules of one's own run their forward on zeros.
--- Operations are those of convolutions and linear maps, a multiply-add counted as 2.
local core = require "orowan.core"
local check = require "orowan.nn.check"
local module = require "orowan.nn.module"
local tape = require "orowan.nn.tape"

local M = {}

local function zeros(shape, dtype)
  local ones = {}
  for d = 1, #shape do ones[d] = 1 end
  return tape.leaf(core.create.zeros(ones, dtype):broadcast_to(shape))  -- one number, whatever the shape
end

-- Of a variable or tensor; a module of one's own may give anything.
local function shape_of(v)
  return (tape.is_variable(v) or core.tensor.is_tensor(v)) and v:shape() or {}
end

local function grouped(n)
  local s = tostring(n)
  return (s:reverse():gsub("(%d%d%d)", "%1 "):reverse():gsub("^ ", ""))
end

local function operations(n)
  for _, u in ipairs { { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } } do
    if n >= u[1] then return ("%.4g %sFLOP"):format(n / u[1], u[2]) end
  end
  return n == 0 and "" or ("%d FLOP"):format(n)
end

local function text(rows, totals)
  local head = { "layer", "kind", "output", "parameters", "operations" }
  local cells = { head }
  for _, r in ipairs(rows) do
    cells[#cells + 1] = { r.name, r.kind, check.shape_text(r.shape), r.parameters > 0 and grouped(r.parameters) or "", operations(r.flops) }
  end
  cells[#cells + 1] = { "total", "", "", grouped(totals.parameters), operations(totals.flops) }
  local width = {}
  for _, c in ipairs(cells) do for k = 1, 5 do width[k] = math.max(width[k] or 0, #c[k]) end end
  local lines = {}
  for _, c in ipairs(cells) do
    local padded = {}
    for k = 1, 5 do padded[k] = ("%" .. (k < 4 and "-" or "") .. width[k] .. "s"):format(c[k]) end
    lines[#lines + 1] = table.concat(padded, "  "):gsub("%s+$", "")
  end
  local rule = ("-"):rep(width[1] + width[2] + width[3] + width[4] + width[5] + 8)
  table.insert(lines, 2, rule)
  table.insert(lines, #lines, rule)
  lines[#lines + 1] = ("trained: %s of %s parameters, %.4g MiB"):format(grouped(totals.trained), grouped(totals.parameters), totals.bytes / 2 ^ 20)
  return table.concat(lines, "\n")
end

--- The layers of a model in the order in which they run, with output shapes, parameters and
--- operations (of convolutions and linear maps; a multiply-add counts as 2).
---@param model orowan.module
---@param input_shape integer[] with the batch axis, as {1, 3, 32, 32, 32}
---@return string text
---@return {layers: table[], parameters: integer, trained: integer, flops: integer, bytes: integer, output: integer[]} numbers layers: {name, kind, shape, parameters, flops}
function M.summary(model, input_shape)
  if not module.is_module(model) then check.fail("summary", "model: expected a module, got %s", type(model)) end
  if type(input_shape) ~= "table" or #input_shape == 0 then
    check.fail("summary", "input_shape: expected a list of sizes, got %s", type(input_shape))
  end
  local first = model:parameters()[1]
  local dtype = first and first.variable:dtype() or "f32"
  local rows, counted, flops = {}, {}, {}
  local before = module.dry
  local _ <close> = setmetatable({}, { __close = function() module.dry = before end })
  module.dry = function(layer, x)
    local shape, n = layer:infer(x:shape())
    for d = 1, #shape do
      if shape[d] < 1 then check.fail(layer, "nothing is left: input is %s, output would be %s", check.shape_text(x), check.shape_text(shape)) end
    end
    flops[layer] = n
    return zeros(shape, dtype)
  end
  local training = {}
  for _, m in ipairs(model:modules()) do training[m.module] = m.module.training end
  local _ <close> = setmetatable({}, { __close = function() for m, t in pairs(training) do m.training = t end end })
  model:eval()
  local out = tape.no_grad(tape.watch, function(layer, _, y)
    local own = 0
    for _, e in ipairs(layer.entries) do
      local v = e.what == "parameter" and layer[e.key]
      if v and not counted[v] then
        counted[v] = true
        own = own + v:numel()
      end
    end
    if layer.infer or own > 0 then
      rows[#rows + 1] = { name = layer:path(), kind = layer.kind, shape = shape_of(y), parameters = own, flops = flops[layer] or 0 }
    end
  end, model, zeros(input_shape, dtype))
  local totals = { layers = rows, flops = 0, bytes = 0, output = shape_of(out) }
  totals.parameters, totals.trained = model:count()
  for _, r in ipairs(rows) do totals.flops = totals.flops + r.flops end
  for _, p in ipairs(model:parameters()) do
    totals.bytes = totals.bytes + p.variable:numel() * (p.variable:dtype() == "f64" and 8 or 4)
  end
  return text(rows, totals), totals
end

return M
