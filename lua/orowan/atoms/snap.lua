--- SNAP, the spectral neighbour analysis potential, from LAMMPS's .snapcoeff and .snapparam files
--- (Thompson et al., J. Comput. Phys. 285 (2015) 316). Linear models of any number of elements.
--- Energies in eV and lengths in Angstrom, as such files have them.
local core = require "orowan.core"
local failure = require "orowan.failure"
local shared = require "orowan.atoms.model"
local sys = require "orowan.sys"

local snap = {}

---@class orowan.atoms.snap
---@field species string[]
---@field cutoff number Angstrom, the largest of a pair
---@field name string
local Snap = {}
Snap.__index = Snap

local function words_of(text)
  local rows = {}
  for line in text:gmatch "[^\r\n]+" do
    local row = {}
    for w in line:gsub("#.*", ""):gmatch "%S+" do row[#row + 1] = w end
    if #row > 0 then rows[#rows + 1] = row end
  end
  return rows
end

local known = { rcutfac = true, twojmax = true, rfac0 = true, rmin0 = true, bzeroflag = true, switchflag = true, quadraticflag = true,
  diagonalstyle = true, bnormflag = true, chemflag = true, wselfallflag = true, switchinnerflag = true }

local function read_parameters(path)
  local text, err = sys.read_file(path)
  if not text then return nil, err end
  local p = {}
  for _, row in ipairs(words_of(text)) do
    local value = tonumber(row[2])
    if not known[row[1]] or not value then
      return nil, failure("format", ("atoms.snap: %s: expected a known keyword and a number, found '%s'"):format(path, table.concat(row, " ")))
    end
    p[row[1]] = value
  end
  if not p.rcutfac or not p.twojmax then return nil, failure("format", ("atoms.snap: %s: rcutfac or twojmax is missing"):format(path)) end
  for key, only in pairs { switchflag = 1, quadraticflag = 0, diagonalstyle = 3, bnormflag = 0, chemflag = 0, wselfallflag = 0, switchinnerflag = 0 } do
    if p[key] and p[key] ~= only then
      return nil, failure("format", ("atoms.snap: %s: %s %g is not supported (only %d)"):format(path, key, p[key], only))
    end
  end
  return p
end

--- Reads a model.
---@param coefficients string path of the .snapcoeff file
---@param parameters? string path of the .snapparam file; default: the same name with that ending
---@return orowan.atoms.snap? model
---@return table? err
function snap.read(coefficients, parameters)
  parameters = parameters or coefficients:gsub("%.snapcoeff$", "") .. ".snapparam"
  local p, err = read_parameters(parameters)
  if not p then return nil, err end
  local text, why = sys.read_file(coefficients)
  if not text then return nil, why end
  local rows = words_of(text)
  local function wrong(fmt, ...) return nil, failure("format", ("atoms.snap: %s: "):format(coefficients) .. fmt:format(...)) end
  local two_j = math.tointeger(p.twojmax)
  if not two_j or two_j < 0 or two_j > 14 then return nil, failure("format", ("atoms.snap: %s: twojmax: expected 0 to 14, found %g"):format(parameters, p.twojmax)) end
  local elements, count = math.tointeger(tonumber(rows[1] and rows[1][1])), math.tointeger(tonumber(rows[1] and rows[1][2]))
  if not elements or not count or elements < 1 then return wrong "expected the numbers of elements and coefficients in the first line" end
  if count ~= core.snap.components(two_j) + 1 then
    return wrong("%d coefficients an element, but twojmax %d has %d", count, two_j, core.snap.components(two_j) + 1)
  end
  local species, radius, weight, beta, at = {}, {}, {}, {}, 2
  for e = 1, elements do
    local row = rows[at]
    species[e], radius[e], weight[e] = row and row[1], tonumber(row and row[2]), tonumber(row and row[3])
    if not radius[e] or not weight[e] then return wrong("element %d: expected symbol, radius and weight", e) end
    beta[e] = {}
    for k = 1, count do
      local value = rows[at + k] and tonumber(rows[at + k][1])
      if not value then return wrong("element %s: expected %d coefficients, found %d", species[e], count, k - 1) end
      beta[e][k] = value
    end
    at = at + count + 1
  end
  local tensor = core.tensor.tensor
  local ok, model = pcall(core.snap.new, { two_j = two_j, factor = p.rcutfac, rfac0 = p.rfac0 or 0.99363, rmin0 = p.rmin0 or 0,
    zero = (p.bzeroflag or 1) ~= 0, radius = tensor(radius, "f64"), weight = tensor(weight, "f64"), beta = tensor(beta, "f64") })
  if not ok then return nil, type(model) == "table" and model or failure("format", tostring(model)) end
  local info = model:info()
  return setmetatable({ model = model, species = species, cutoff = info.cutoff, components = info.components, name = coefficients:match "[^/]+$" }, Snap)
end

--- Energies, forces and stress.
---@param s orowan.atoms.structure
---@param options? {force: boolean?, stress: boolean?, pairs: userdata?} force: default true; pairs: a list made with a larger cutoff for this structure, still valid
---@return {energy: number, energies: orowan.tensor, forces: orowan.tensor?, stress: orowan.tensor?} result eV; energies [n] eV; forces [n, 3] eV/A; stress [3, 3] eV/A^3, positive in tension
function Snap:compute(s, options)
  options = options or {}
  local types = shared.types(self, s)
  local list = options.pairs or s:pairs(self.cutoff)
  local energies, forces, strain = self.model:compute(list, s.cell, s.positions, types, { force = options.force ~= false, strain = options.stress or false })
  return shared.result(s, energies, forces, strain)
end

--- Bispectrum components of every atom, by their definition (slow).
---@param s orowan.atoms.structure
---@return orowan.tensor components f64 [n, k]
---@return orowan.tensor energies f64 [n], eV
function Snap:components_of(s)
  local energies, b = self.model:compute(s:pairs(self.cutoff), s.cell, s.positions, shared.types(self, s), { components = true })
  return b, energies
end

function Snap:__tostring() return ("SNAP %s: %s, cutoff %.4g A"):format(self.name, table.concat(self.species, ", "), self.cutoff) end

return snap
