--- Models of the archive of interatomic models (openkim.org) through the KIM API, when it is there.
--- eV and Angstrom. The library runs one thread; a call into it cannot be interrupted.
local core = require "orowan.core"
local failure = require "orowan.failure"
local shared = require "orowan.atoms.model"
local suggest = require "orowan.suggest"

local kim = {}

local hint <const> = "Debian: apt-get install libkim-api-dev openkim-models, then make"

-- The module orowan.kim, or nil and why not.
local function library()
  local ok, m = pcall(require, "orowan.kim")
  if ok then return m end
  if type(m) == "string" and m:find("module 'orowan.kim' not found", 1, true) then
    return nil, failure("missing", "the KIM API is not built in", hint)
  end
  return nil, failure("missing", "the KIM API does not load: " .. tostring(m):match "[^\n]*\n?[^\n]*", hint)
end

---@class orowan.atoms.kim
---@field species string[]
---@field cutoff number Angstrom, the model's distance of influence
---@field name string
local Kim = {}
Kim.__index = Kim

--- Names of the portable models that are installed.
---@param pattern? string Lua pattern that the name matches, such as "SNAP" or "_Fe__"
---@return string[]? names sorted
---@return table|string err when the KIM API is missing; else its version
function kim.models(pattern)
  local m, err = library()
  if not m then return nil, err end
  local all, version = m.models()
  local list = {}
  for _, name in ipairs(all) do if not pattern or name:find(pattern) then list[#list + 1] = name end end
  table.sort(list)
  return list, version
end

-- The name in full: exact, or the only one of which it is a part.
local function resolve(name)
  local part = {}
  for _, known in ipairs(assert(kim.models())) do
    if known == name then return name end
    if known:find(name, 1, true) then part[#part + 1] = known end
  end
  if #part == 1 then return part[1] end
  if #part > 1 then
    return nil, failure("arg", ("atoms.kim: '%s' is part of %d models: %s%s"):format(name, #part, table.concat(part, ", ", 1, math.min(#part, 5)), #part > 5 and ", ..." or ""))
  end
  return nil, failure("missing", ("atoms.kim: no model '%s' is installed%s"):format(name, suggest.hint(name, assert(kim.models())):sub(1, 300)),
    "ow.atoms.kim_models() lists them; kim-api-collections-management installs more")
end

--- Opens a model.
---@param name string its name in the archive, or a part that no other has ("MO_560387080449_000")
---@return orowan.atoms.kim? model
---@return table? err missing API, unknown model
function kim.open(name)
  if type(name) ~= "string" then error(("atoms.kim: name: expected a string, got a %s"):format(type(name)), 2) end
  local m, err = library()
  if not m then return nil, err end
  local full, why = resolve(name)
  if not full then return nil, why end
  local ok, model = pcall(m.new, full)
  if not ok then return nil, type(model) == "table" and model or failure("format", tostring(model)) end
  return setmetatable({ model = model, species = model:species(), cutoff = model:cutoff(), name = full }, Kim)
end

--- Energies, forces and stress.
---@param s orowan.atoms.structure
---@param options? {force: boolean?, stress: boolean?, pairs: userdata?} force: always computed; pairs: a list made with a larger cutoff for this structure, still valid
---@return {energy: number, energies: orowan.tensor?, forces: orowan.tensor, stress: orowan.tensor?} result eV; energies [n] eV, where the model has them; forces [n, 3] eV/A; stress [3, 3] eV/A^3, positive in tension
function Kim:compute(s, options)
  options = options or {}
  local types = shared.types(self, s)
  local energy, energies, forces, strain = self.model:compute(options.pairs or s:pairs(self.cutoff), s.cell, s.positions, types, self.species, options.stress or false)
  local r = shared.result(s, energies or core.create.zeros { s.n }, forces, strain)
  r.energy, r.energies = energy, energies
  return r
end

--- Frees the model.
function Kim:close() self.model:close() end

function Kim:__tostring() return ("KIM %s: %s, cutoff %.4g A"):format(self.name, table.concat(self.species, ", "), self.cutoff) end

return kim
