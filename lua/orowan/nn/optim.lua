--- Optimisers. An update is one kernel a parameter, in place. What an optimiser remembers belongs
--- to the parameter, by its name, so that its state can be saved and taken up again bit for bit.
---   SGD with momentum: Sutskever et al., ICML 2013; RMSprop: Hinton, Coursera lecture 6e, 2012;
---   Adam: Kingma and Ba, ICLR 2015; AdamW: Loshchilov and Hutter, ICLR 2019.
local ow = require "orowan"
local C = require "orowan.stats.common"
local kernel = ow.core.nn

local optim = {}

-- Each kind: its options {default, low, high}, its slots of memory (with a condition), its row.
local kinds = {
  sgd = {
    options = { momentum = { 0, 0, 1 }, dampening = { 0, 0, 1 }, nesterov = { false }, weight_decay = { 0, 0 } },
    lr = 0.01,
    slots = function(g) return g.momentum > 0 and { "buffer" } or {} end,
    step = function(g, p, grad, s)
      kernel.sgd(grad, { lr = g.lr, momentum = g.momentum, dampening = g.dampening, nesterov = g.nesterov and 1 or 0,
        weight_decay = g.weight_decay, first = s.step == 1 and 1 or 0, out = { p, s.buffer or false } })
    end,
  },
  rmsprop = {
    options = { alpha = { 0.99, 0, 1 }, eps = { 1e-8, 0 }, momentum = { 0, 0, 1 }, weight_decay = { 0, 0 } },
    lr = 0.01,
    slots = function(g) return g.momentum > 0 and { "square", "buffer" } or { "square" } end,
    step = function(g, p, grad, s)
      kernel.rmsprop(grad, { lr = g.lr, alpha = g.alpha, eps = g.eps, momentum = g.momentum, weight_decay = g.weight_decay,
        out = { p, s.square, s.buffer or false } })
    end,
  },
  adam = {
    options = { beta1 = { 0.9, 0, 1 }, beta2 = { 0.999, 0, 1 }, eps = { 1e-8, 0 }, weight_decay = { 0, 0 } },
    lr = 0.001,
    slots = function() return { "m", "v" } end,
    step = function(g, p, grad, s, decoupled)
      kernel.adam(grad, { lr = g.lr, beta1 = g.beta1, beta2 = g.beta2, eps = g.eps, weight_decay = g.weight_decay,
        decoupled = decoupled and 1 or 0, step = s.step, out = { p, s.m, s.v } })
    end,
  },
}
kinds.adamw = {
  options = { beta1 = { 0.9, 0, 1 }, beta2 = { 0.999, 0, 1 }, eps = { 1e-8, 0 }, weight_decay = { 0.01, 0 } },
  lr = 0.001, slots = kinds.adam.slots,
  step = function(g, p, grad, s) kinds.adam.step(g, p, grad, s, true) end,
}

---@class orowan.optimizer
---@field kind string
---@field groups table[] each {lr, base_lr, parameters, and the options of its kind}
---@field steps integer updates so far
local Optimizer = {}
Optimizer.__index = Optimizer

-- What may stand for parameters: a module, its :parameters(), a list of variables.
local function parameter_list(fn, target)
  if type(target) ~= "table" then C.fail(fn, "parameters: expected a module or a list of parameters, got %s", type(target)) end
  if type(target.parameters) == "function" then return target:parameters() end
  local list = {}
  for i, p in ipairs(target) do
    if type(p) ~= "table" then C.fail(fn, "parameters[%d]: expected a parameter, got %s", i, type(p)) end
    if p.variable then list[i] = p
    elseif ow.is_tensor(p.value) then list[i] = { name = tostring(i), variable = p }
    else C.fail(fn, "parameters[%d]: expected {name=, variable=} or a variable", i) end
  end
  return list
end

local function options_of(fn, kind, opts, base)
  local names = C.set "lr"
  for name in pairs(kind.options) do names[name] = true end
  opts = C.options(fn, opts, names)
  local g = {}
  for name, d in pairs(kind.options) do
    local default = d[1]
    if base then default = base[name] end
    if type(d[1]) == "boolean" then
      g[name] = default
      if opts[name] ~= nil then g[name] = opts[name] and true or false end
    else g[name] = C.number(fn, name, opts[name], default, d[2], d[3]) end
  end
  g.lr = C.number(fn, "lr", opts.lr, base and base.lr or kind.lr, 0)
  if g.nesterov and (g.momentum == 0 or g.dampening ~= 0) then C.fail(fn, "nesterov: needs momentum above 0 and dampening 0") end
  g.base_lr = g.lr
  return g
end

local function make(name, target, opts)
  local fn, kind = "nn.optim." .. name, kinds[name]
  local self = setmetatable({ kind = name, groups = {}, slots = {}, steps = 0 }, Optimizer)
  local base = options_of(fn, kind, opts)
  local seen, names = {}, {}
  local function group(list, settings)
    settings.parameters = list
    for _, p in ipairs(list) do
      if seen[p.variable] then C.fail(fn, "parameter '%s' stands in two groups", p.name) end
      if names[p.name] then C.fail(fn, "two parameters are called '%s'", p.name) end
      seen[p.variable], names[p.name] = true, true
    end
    self.groups[#self.groups + 1] = settings
  end
  local first = type(target) == "table" and not target.parameters and target[1]
  if type(first) == "table" and first.parameters and not first.variable then
    for _, g in ipairs(target) do
      local own = {}
      for k, v in pairs(g) do if k ~= "parameters" then own[k] = v end end
      group(parameter_list(fn, g.parameters), options_of(fn, kind, own, base))
    end
  else group(parameter_list(fn, target), base) end
  if not next(seen) then C.fail(fn, "parameters: there are none") end
  return self
end

--- Gradient descent: p = p - lr b, b = momentum b + (1 - dampening) (gradient + weight_decay p).
---@param parameters orowan.module|table a module, a list of parameters, or a list of groups {parameters=, lr=, ...}
---@param opts? {lr?: number, momentum?: number, dampening?: number, nesterov?: boolean, weight_decay?: number} lr 0.01
---@return orowan.optimizer
function optim.sgd(parameters, opts) return make("sgd", parameters, opts) end

--- RMSprop: steps divided by the root of a running mean of squared gradients.
---@param parameters orowan.module|table a module, a list of parameters, or a list of groups {parameters=, lr=, ...}
---@param opts? {lr?: number, alpha?: number, eps?: number, momentum?: number, weight_decay?: number} lr 0.01, alpha 0.99
---@return orowan.optimizer
function optim.rmsprop(parameters, opts) return make("rmsprop", parameters, opts) end

--- Adam; weight_decay is added to the gradient.
---@param parameters orowan.module|table a module, a list of parameters, or a list of groups {parameters=, lr=, ...}
---@param opts? {lr?: number, beta1?: number, beta2?: number, eps?: number, weight_decay?: number} lr 0.001
---@return orowan.optimizer
function optim.adam(parameters, opts) return make("adam", parameters, opts) end

--- Adam with decay beside the gradient: p shrinks by lr weight_decay p each step.
---@param parameters orowan.module|table a module, a list of parameters, or a list of groups {parameters=, lr=, ...}
---@param opts? {lr?: number, beta1?: number, beta2?: number, eps?: number, weight_decay?: number} lr 0.001, weight_decay 0.01
---@return orowan.optimizer
function optim.adamw(parameters, opts) return make("adamw", parameters, opts) end

-- f(parameter, group) for every parameter, in order.
local function each(self, f)
  for _, g in ipairs(self.groups) do
    for _, p in ipairs(g.parameters) do f(p, g) end
  end
end

-- What is remembered of a parameter, made at its first step.
local function memory(self, p, g)
  local s = self.slots[p.name]
  if not s then
    s = { step = 0 }
    self.slots[p.name] = s
    for _, name in ipairs(kinds[self.kind].slots(g)) do s[name] = ow.zeros_like(p.variable.value) end
  end
  return s
end

--- Updates all parameters that have a gradient.
function Optimizer:step()
  local kind = kinds[self.kind]
  each(self, function(p, g)
    local v = p.variable
    if not v.grad then return end
    local s = memory(self, p, g)
    s.step = s.step + 1
    kind.step(g, v.value, v.grad, s)
  end)
  self.steps = self.steps + 1
end

--- Forgets all gradients.
function Optimizer:zero_grad() each(self, function(p) p.variable.grad = nil end) end

--- The learning rate of the first group.
---@return number lr
function Optimizer:lr() return self.groups[1].lr end

--- Everything that the next step depends on besides the parameters: plain data and tensors. The
--- tensors are the live ones; copy them, or write them to a file.
---@return table state {kind, steps, groups = {{lr, ...}}, parameters = {[name] = {step, slot = tensor}}}
function Optimizer:state()
  local groups = {}
  for i, g in ipairs(self.groups) do
    groups[i] = {}
    for k, v in pairs(g) do if k ~= "parameters" then groups[i][k] = v end end
  end
  return { kind = self.kind, steps = self.steps, groups = groups, parameters = self.slots }
end

--- Takes up a saved state. Raises, naming what differs, when it belongs to something else.
---@param state table of :state(), perhaps read from a file
function Optimizer:load_state(state)
  local fn = "optimizer:load_state"
  if type(state) ~= "table" or state.kind ~= self.kind then
    C.fail(fn, "expected the state of %s, got that of %s", self.kind, tostring(type(state) == "table" and state.kind or state))
  end
  if #state.groups ~= #self.groups then C.fail(fn, "expected %d groups of parameters, got %d", #self.groups, #state.groups) end
  local slots, known = {}, {}
  each(self, function(p, g)
    known[p.name] = true
    local from = state.parameters[p.name]
    if not from then return end
    local s = { step = math.tointeger(from.step) }
    for _, name in ipairs(kinds[self.kind].slots(g)) do
      local want, t = p.variable.value, from[name]
      if not ow.is_tensor(t) then C.fail(fn, "%s of '%s' is missing", name, p.name) end
      local a, b = table.concat(want:shape(), "x"), table.concat(t:shape(), "x")
      if a ~= b or want:dtype() ~= t:dtype() then
        C.fail(fn, "%s of '%s': expected %s %s, got %s %s", name, p.name, want:dtype(), a, t:dtype(), b)
      end
      s[name] = ow.zeros_like(want):copy(t)
    end
    slots[p.name] = s
  end)
  for name in pairs(state.parameters) do
    if not known[name] then C.fail(fn, "the state has a parameter '%s' that is not here", name) end
  end
  for i, g in ipairs(self.groups) do
    for k, v in pairs(state.groups[i]) do if k ~= "parameters" then g[k] = v end end
  end
  self.slots, self.steps = slots, math.tointeger(state.steps)
end

-- ---- clipping ------------------------------------------------------------------------------

local function gradients(fn, target)
  local list = {}
  if getmetatable(target) == Optimizer then
    each(target, function(p) if p.variable.grad then list[#list + 1] = p end end)
    return list
  end
  for _, p in ipairs(parameter_list(fn, target)) do if p.variable.grad then list[#list + 1] = p end end
  return list
end

--- Euclidean norm of all gradients together, computed in f64.
---@param parameters orowan.optimizer|orowan.module|table
---@return number norm NaN or infinite when a gradient is
function optim.grad_norm(parameters)
  local sum, there = 0.0, nil -- on a device the squares are added there: one number is read
  for _, p in ipairs(gradients("nn.optim.grad_norm", parameters)) do
    local squares = kernel.sum_squares(p.variable.grad)
    if squares:device() == "cpu" then sum = sum + squares:item()
    elseif not there then there = squares
    elseif there:device() == squares:device() then there = there + squares
    else
      sum, there = sum + there:item(), squares
    end
  end
  return math.sqrt(there and sum + there:item() or sum)
end

--- Scales all gradients by one factor so that their norm is at most max_norm.
---@param parameters orowan.optimizer|orowan.module|table
---@param max_norm number above 0
---@return number norm before
function optim.clip_grad_norm(parameters, max_norm)
  local fn = "nn.clip_grad_norm"
  C.number(fn, "max_norm", max_norm, nil, 0)
  local norm = optim.grad_norm(parameters)
  if norm > max_norm and norm < math.huge then
    for _, p in ipairs(gradients(fn, parameters)) do p.variable.grad:mul_(max_norm / norm) end
  end
  return norm
end

--- Brings every element of all gradients into [-limit, limit].
---@param parameters orowan.optimizer|orowan.module|table
---@param limit number above 0
function optim.clip_grad_value(parameters, limit)
  local fn = "nn.clip_grad_value"
  C.number(fn, "limit", limit, nil, 0)
  for _, p in ipairs(gradients(fn, parameters)) do p.variable.grad = p.variable.grad:clip(-limit, limit) end
end

return optim
