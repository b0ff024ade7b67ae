--- Modules: trees of layers with parameters (variables), buffers (tensors that are saved but not
--- trained) and children. A module is callable. Its place in the tree gives its name in messages
--- and the names of its parameters, as in "block2.conv1.weight".
local core = require "orowan.core"
local check = require "orowan.nn.check"
local initializers = require "orowan.nn.initializers"
local tape = require "orowan.nn.tape"
local is_tensor = core.tensor.is_tensor

---@class orowan.module
---@field kind string
---@field training boolean
local Module = { __name = "orowan.module" }
Module.__index = Module

local M = { class = Module }

-- ---- settings ---------------------------------------------------------------------------

local default_dtype = "f32"
local seed, made = 0, 0

--- Dtype of parameters made from now on.
---@param dtype string "f32" (at start) or "f64"
function M.set_dtype(dtype)
  default_dtype = check.word("set_dtype", "dtype", dtype, nil, { "f32", "f64" })
end

--- Starts the sequence of random starting values anew: the same seed and the same constructors in
--- the same order give the same bits.
---@param n integer
function M.seed(n)
  seed, made = check.integer("seed", "n", n), 0
end

--- A generator for one layer: of its own seed, or the next stream of nn's.
function M.rng(own)
  if own then return core.random.rng(own, 0) end
  made = made + 1
  return core.random.rng(seed, made)
end

local function initializer(who, v, default)
  v = v or default
  if type(v) == "string" then
    local make = initializers[v]
    if not make then check.fail(who, "init: nothing is called '%s' in nn.init", v) end
    return make()
  end
  return v
end

--- A parameter for a module of one's own.
---@param shape integer[]
---@param options? {init: function|string, dtype: string, seed: integer} init: an initialiser of nn.init or its name, default kaiming_uniform
---@return orowan.variable
function M.parameter(shape, options)
  local o = options or {}
  local f = initializer("parameter", o.init, "kaiming_uniform")
  return M.new_parameter(f, shape, o.dtype or default_dtype, o.rng or M.rng(o.seed))
end

function M.new_parameter(f, shape, dtype, rng) return tape.leaf(f(shape, dtype, rng), true) end

-- ---- construction -----------------------------------------------------------------------

--- Is this value a module?
---@param v any
---@return boolean
function M.is_module(v) return getmetatable(v) == Module end

--- A module without anything; `options` is the plain data that describe() gives.
function M.new(kind, options, forward)
  return setmetatable({
    kind = kind, options = options or {}, forward = forward, training = true,
    entries = {},  -- in order: {what = "parameter" | "buffer" | "child", name =, key =, index =}
  }, Module)
end

local function get(self, e)
  local v = self[e.key]
  if e.index then v = v[e.index] end
  return v
end

local function put(self, e, v)
  if e.index then self[e.key][e.index] = v else self[e.key] = v end
end

local function entry(self, what, name, key, index)
  self.entries[#self.entries + 1] = { what = what, name = name, key = key, index = index }
end

--- Adds a parameter under a name; v may be nil: no such parameter (a layer without bias).
function M.add_parameter(self, name, v)
  self[name] = v
  if v then entry(self, "parameter", name, name) end
end

function M.add_buffer(self, name, t)
  self[name] = t
  entry(self, "buffer", name, name)
end

--- Adds a child at self[key] or self[key][index].
function M.add_child(self, name, child, key, index)
  if not M.is_module(child) then check.fail(self.kind, "%s: expected a module, got %s", name, type(child)) end
  child.parent, child.name = self, name
  if not index then self[key] = child end
  entry(self, "child", name, key, index)
end

local function all_modules(t)
  if type(t) ~= "table" or getmetatable(t) or #t == 0 then return false end
  for _, v in ipairs(t) do if not M.is_module(v) then return false end end
  return true
end

local reserved = check.set("kind", "options", "forward", "training", "entries", "parent", "name", "frozen")

--- A module of one's own: fields become children (modules, lists of modules), parameters
--- (variables) and buffers (tensors), in the order of their names; anything else is kept as it is.
--- `forward(self, x, ...)` computes. `nn.register` makes it one that can be saved.
---@param kind string its name in messages, descriptions and nn.build
---@param fields table options = plain data that the registered constructor takes
---@param forward fun(self: orowan.module, ...): any
---@return orowan.module
function M.module(kind, fields, forward)
  if type(kind) ~= "string" then check.fail("module", "kind: expected a name, got %s", type(kind)) end
  if type(fields) ~= "table" then check.fail("module", "fields: expected a table, got %s", type(fields)) end
  if type(forward) ~= "function" then check.fail("module", "forward: expected a function, got %s", type(forward)) end
  local self = M.new(kind, fields.options, forward)
  self.own = true
  local names = {}
  for name in pairs(fields) do
    if type(name) ~= "string" then check.fail("module", "fields: expected names, got %s", tostring(name)) end
    if name ~= "options" then
      if reserved[name] or Module[name] then check.fail("module", "fields: the name '%s' is taken", name) end
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local v = fields[name]
    if M.is_module(v) then M.add_child(self, name, v, name)
    elseif tape.is_variable(v) then M.add_parameter(self, name, v)
    elseif is_tensor(v) then M.add_buffer(self, name, v)
    elseif all_modules(v) then
      self[name] = v
      for k, child in ipairs(v) do M.add_child(self, name .. "." .. k, child, name, k) end
    else self[name] = v end
  end
  return self
end

-- ---- calling ----------------------------------------------------------------------------

Module.__call = function(self, x, ...)
  if M.dry and self.infer then
    local out = M.dry(self, x)
    tape.notify(self, x, out)
    return out
  end
  if not tape.watched() then return self.forward(self, x, ...) end
  local results = table.pack(self.forward(self, x, ...))
  tape.notify(self, x, results[1])
  return table.unpack(results, 1, results.n)
end

Module.__tostring = function(self)
  local o, words = self.options, {}
  local keys = {}
  for k in pairs(o) do keys[#keys + 1] = k end
  table.sort(keys)
  for _, k in ipairs(keys) do
    local v = o[k]
    if type(v) == "table" and not getmetatable(v) and (v[1] == nil or type(v[1]) == "number") then v = table.concat(v, "x") end
    if type(v) ~= "table" then words[#words + 1] = k .. "=" .. tostring(v) end
  end
  return ("%s(%s)"):format(self.kind, table.concat(words, ", "))
end

local function escaped(v) return (tostring(v):gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })) end

--- The module as a notebook shows it: its layers and their parameters. (`nn.summary` also knows
--- shapes and operations, but needs the shape of an input.)
Module.__mime = function(self)
  local rows, text = {}, {}
  for i, m in ipairs(self:modules()) do
    local own, shapes = 0, {}
    for _, e in ipairs(m.module.entries) do
      local v = e.what == "parameter" and m.module[e.key]
      if v then
        own = own + v:numel()
        shapes[#shapes + 1] = e.name .. " " .. table.concat(v:shape(), "x")
      end
    end
    local name = i == 1 and "" or m.name
    text[i] = ("%-20s %s%s"):format(name, tostring(m.module), own > 0 and ("  %d"):format(own) or "")
    rows[i] = ("<tr><td>%s</td><td>%s</td><td>%s</td><td style=\"text-align:right\">%s</td></tr>"):format(escaped(name),
      escaped(m.module), escaped(table.concat(shapes, ", ")), own > 0 and own or "")
  end
  local all, trained = self:count()
  local total = ("%d parameters, %d of them trained"):format(all, trained)
  text[#text + 1] = total
  return {
    ["text/plain"] = (table.concat(text, "\n"):gsub(" +\n", "\n")),
    ["text/html"] = ("<table><caption style=\"text-align:left\">%s: %s</caption><tr><th>layer</th><th>kind</th><th>shapes</th><th>parameters</th></tr>\n%s</table>")
      :format(escaped(self.kind), total, table.concat(rows, "\n")),
  }
end

--- Name of the place in the tree, "" for the root.
---@return string
function Module:path()
  local parts, m = {}, self
  while m.parent do
    table.insert(parts, 1, m.name)
    m = m.parent
  end
  return table.concat(parts, ".")
end

--- Kind and place, for messages: conv3d "block2.conv1".
---@return string
function Module:label()
  local path = self:path()
  return path == "" and self.kind or ('%s "%s"'):format(self.kind, path)
end

-- ---- walking ----------------------------------------------------------------------------

local function walk(self, prefix, visit)
  for _, e in ipairs(self.entries) do
    if e.what ~= "child" then visit(e.what, prefix .. e.name, get(self, e), self, e) end
  end
  for _, e in ipairs(self.entries) do
    if e.what == "child" then
      local child = get(self, e)
      visit("child", prefix .. e.name, child, self, e)
      walk(child, prefix .. e.name .. ".", visit)
    end
  end
end

--- All parameters of the tree, in a fixed order, each once.
---@return {name: string, variable: orowan.variable, frozen: boolean}[]
function Module:parameters()
  local list, seen = {}, {}
  walk(self, "", function(what, name, v)
    if what == "parameter" and not seen[v] then
      seen[v] = true
      list[#list + 1] = { name = name, variable = v, frozen = not v.needs_grad }
    end
  end)
  return list
end

--- All buffers of the tree, in a fixed order. Assigning to `tensor` of an entry does not change the
--- module; write into the tensor.
---@return {name: string, tensor: orowan.tensor}[]
function Module:buffers()
  local list, seen = {}, {}
  walk(self, "", function(what, name, t)
    if what == "buffer" and not seen[t] then
      seen[t] = true
      list[#list + 1] = { name = name, tensor = t }
    end
  end)
  return list
end

--- This module and all below it, parents first.
---@return {name: string, module: orowan.module}[]
function Module:modules()
  local list = { { name = "", module = self } }
  walk(self, "", function(what, name, m)
    if what == "child" then list[#list + 1] = { name = name, module = m } end
  end)
  return list
end

--- Number of parameters: all, and those that are trained.
---@return integer all
---@return integer trained
function Module:count()
  local all, trained = 0, 0
  for _, p in ipairs(self:parameters()) do
    local n = p.variable.value:numel()
    all, trained = all + n, trained + (p.frozen and 0 or n)
  end
  return all, trained
end

--- Training mode: dropout drops, batch norm uses and follows the batch's statistics.
---@param on? boolean default true
---@return orowan.module self
function Module:train(on)
  for _, m in ipairs(self:modules()) do m.module.training = on ~= false end
  return self
end

--- Evaluation mode.
---@return orowan.module self
function Module:eval() return self:train(false) end

--- Excludes the parameters of this subtree from training; its batch norms use their running
--- statistics and leave them as they are.
---@param on? boolean default true; false thaws
---@return orowan.module self
function Module:freeze(on)
  on = on ~= false
  for _, m in ipairs(self:modules()) do m.module.frozen = on end
  for _, p in ipairs(self:parameters()) do
    p.variable.needs_grad = not on
    if on then p.variable.grad = nil end
  end
  return self
end

--- Forgets all gradients.
function Module:zero_grad()
  for _, p in ipairs(self:parameters()) do p.variable.grad = nil end
end

--- Parameters and buffers in another dtype, or on another device. Gradients are forgotten;
--- variables stay the same objects, so optimisers keep them.
---@param what string "f32", "f64", or a device ("cpu", "opencl:0"); buffers of integers stay
---@return orowan.module self
function Module:to(what)
  for _, p in ipairs(self:parameters()) do
    p.variable.value, p.variable.grad = p.variable.value:to(what), nil
  end
  local moved = {}
  walk(self, "", function(kind, _, t, owner, e)
    if kind ~= "buffer" or t:dtype() == "i64" then return end
    moved[t] = moved[t] or t:to(what)
    put(owner, e, moved[t])
  end)
  return self
end

--- Puts another module in a child's place.
---@param name string name of the child, a path such as "block2.conv1"
---@param child orowan.module
---@return orowan.module self
function Module:replace(name, child)
  if not M.is_module(child) then check.fail("replace", "child: expected a module, got %s", type(child)) end
  local found
  walk(self, "", function(what, path, _, owner, e)
    if what == "child" and path == name and not found then found = { owner, e } end
  end)
  if not found then check.fail("replace", "%s has no child '%s'", self:label(), tostring(name)) end
  put(found[1], found[2], child)
  child.parent, child.name = found[1], found[2].name
  return self
end

--- A copy of the tree with its own memory; `change(copy)` may give another module for a copy.
function M.clone(self, change)
  local new = {}
  for k, v in pairs(self) do new[k] = v end
  new.parent, new.name = nil, self.name
  new.entries = {}
  for k, e in ipairs(self.entries) do
    new.entries[k] = e
    if e.index and new[e.key] == self[e.key] then new[e.key] = table.move(self[e.key], 1, #self[e.key], 1, {}) end
  end
  setmetatable(new, Module)
  for _, e in ipairs(new.entries) do
    local v = get(self, e)
    if e.what == "child" then
      local child = M.clone(v, change)
      child.parent = new
      put(new, e, child)
    elseif e.what == "buffer" then put(new, e, v:copy())
    else put(new, e, tape.leaf(v.value:copy(), v.needs_grad)) end
  end
  return change and change(new) or new
end

--- A copy of the tree with its own memory.
---@return orowan.module
function Module:copy() return M.clone(self) end

-- ---- descriptions -----------------------------------------------------------------------

local builders = {}

--- Makes modules of one's own buildable from their description, so that models with them can be
--- saved and loaded.
---@param kind string the name given to nn.module
---@param constructor fun(options: table): orowan.module
function M.register(kind, constructor)
  if type(kind) ~= "string" then check.fail("register", "kind: expected a name, got %s", type(kind)) end
  if type(constructor) ~= "function" then check.fail("register", "constructor: expected a function, got %s", type(constructor)) end
  if builders[kind] and builders[kind].builtin then check.fail("register", "'%s' is a layer of nn", kind) end
  builders[kind] = { build = constructor }
end

--- For the layers of nn: build(options, children).
function M.builtin(kind, build) builders[kind] = { build = build, builtin = true } end

local function plain_copy(v)
  if type(v) ~= "table" then return v end
  local t = {}
  for k, x in pairs(v) do t[k] = plain_copy(x) end
  return t
end

--- The architecture as plain data, for nn.build and for model files: {kind=, name=, options=,
--- children=}. Raises for modules of one's own that are not registered.
---@return table
function Module:describe()
  local b = builders[self.kind]
  if not b or (self.own and b.builtin) then
    check.fail("describe", "%s is not registered; see nn.register", self:label())
  end
  local d = { kind = self.kind, name = self.name, options = plain_copy(self.options) }
  if self.own then
    local first = self:parameters()[1]
    if first and first.variable:dtype() ~= "f32" then d.dtype = first.variable:dtype() end
    return d
  end
  for _, e in ipairs(self.entries) do
    if e.what == "child" then
      d.children = d.children or {}
      d.children[#d.children + 1] = get(self, e):describe()
    elseif not d.options.dtype then
      local v = get(self, e)
      local dtype = (e.what == "parameter" and v.value or v):dtype()
      if dtype == "f64" then d.options.dtype = dtype end
    end
  end
  return d
end

--- The module that a description stands for, with fresh starting values.
---@param description table from module:describe()
---@return orowan.module
function M.build(description)
  if type(description) ~= "table" or type(description.kind) ~= "string" then
    check.fail("build", "expected a description with a kind, got %s", type(description))
  end
  local b = builders[description.kind]
  if not b then check.fail("build", "no module is called '%s'; see nn.register", description.kind) end
  local children = {}
  for k, d in ipairs(description.children or {}) do
    children[k] = M.build(d)
    children[k].name = d.name
  end
  local module = b.build(plain_copy(description.options or {}), children)
  return description.dtype and module:to(description.dtype) or module
end

function M.default_dtype() return default_dtype end
M.initializer, M.plain_copy = initializer, plain_copy

return M
