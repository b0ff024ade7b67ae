--- Embedded-atom (eam/alloy) and Finnis-Sinclair (eam/fs) potentials from setfl files, as LAMMPS
--- reads them: three comment lines; number of elements and their symbols; Nrho drho Nr dr cutoff;
--- for each element a line (number, mass, lattice constant, lattice), F(rho) and the densities that
--- it lends (one, or with fs one to each element); then r phi(r), eV A, for pairs 11, 21, 22, 31, ...
local core = require "orowan.core"
local failure = require "orowan.failure"
local shared = require "orowan.atoms.model"
local sys = require "orowan.sys"

local eam = {}

---@class orowan.atoms.eam
---@field species string[]
---@field cutoff number Angstrom
---@field name string
---@field masses number[] u
---@field constants number[] Angstrom, of each element's lattice, as the file states them
local Eam = {}
Eam.__index = Eam

--- Reads a model.
---@param path string a setfl file (.eam.alloy, .eam.fs); the number of tables tells which of the two
---@return orowan.atoms.eam? model
---@return table? err
function eam.read(path)
  local content, err = sys.read_file(path)
  if not content then return nil, err end
  local line, at = 0, 1
  local function fail(fmt, ...) return nil, failure("format", ("atoms.eam: %s: line %d: "):format(path, line) .. fmt:format(...)) end
  local function next_line()
    if at > #content then return nil end
    local stop = content:find("\n", at, true) or #content + 1
    local s = content:sub(at, stop - 1)
    at, line = stop + 1, line + 1
    return s
  end
  for _ = 1, 3 do if not next_line() then return fail "expected three comment lines" end end
  local species = {}
  for w in (next_line() or ""):gmatch "%S+" do species[#species + 1] = w end
  local n = math.tointeger(tonumber(table.remove(species, 1)))
  if not n or n < 1 or n > 100 or #species ~= n then return fail "expected the number of elements and their symbols" end
  local h = {}
  for w in (next_line() or ""):gmatch "%S+" do h[#h + 1] = tonumber(w) end
  local nrho, drho, nr, dr, cutoff = math.tointeger(h[1]), h[2], math.tointeger(h[3]), h[4], h[5]
  if not (nrho and nr and cutoff) or nrho < 5 or nr < 5 or nrho + nr > #content then return fail "expected Nrho drho Nr dr cutoff" end
  -- numbers may stand any number in a line, but element lines are lines of their own
  local rest = {}
  local function take(count)
    local list = {}
    while #list < count do
      if #rest == 0 then
        local l = next_line()
        if not l then return fail("the file ends, %d more numbers were expected", count - #list) end
        for w in l:gmatch "%S+" do rest[#rest + 1] = w end
        for k = 1, #rest // 2 do rest[k], rest[#rest + 1 - k] = rest[#rest + 1 - k], rest[k] end
      end
      while #rest > 0 and #list < count do
        local w = table.remove(rest)
        local v = tonumber(w) or tonumber((w:gsub("[dD]", "e")))
        if not v or v ~= v or v == math.huge or v == -math.huge then return fail("expected a number, found '%s'", w:sub(1, 40)) end
        list[#list + 1] = v
      end
    end
    return list
  end
  -- how many densities an element has: what is left of the file tells
  local _, words = content:sub(at):gsub("%S+", "")
  local function expected(densities) return n * (nrho + densities * nr + 4) + n * (n + 1) // 2 * nr end
  local fs = n > 1 and 2 * words > expected(1) + expected(n)
  local densities = fs and n or 1
  local embed, density, pair, masses, constants = {}, {}, {}, {}, {}
  for a = 1, n do
    rest = {}
    local w = {}
    for x in (next_line() or ""):gmatch "%S+" do w[#w + 1] = x end
    masses[a], constants[a] = tonumber(w[2]), tonumber(w[3])
    if not tonumber(w[1]) or not masses[a] or not constants[a] then return fail("element %s: expected atomic number, mass, lattice constant, lattice", species[a]) end
    local why
    embed[a], why = take(nrho)
    if not embed[a] then return nil, why end
    density[a] = {}
    for b = 1, densities do
      density[a][b], why = take(nr)
      if not density[a][b] then return nil, why end
    end
    for b = densities + 1, n do density[a][b] = density[a][1] end
    if #rest > 0 then return fail("element %s: %d numbers more than expected in this line", species[a], #rest) end
    pair[a] = {}
  end
  rest = {}
  for a = 1, n do
    for b = 1, a do
      local t, why = take(nr)
      if not t then return nil, why end
      pair[a][b], pair[b][a] = t, t
    end
  end
  local tensor = core.tensor.tensor
  local ok, model = pcall(core.eam.new, { elements = n, nrho = nrho, drho = drho, nr = nr, dr = dr, cutoff = cutoff, embed = tensor(embed, "f64"),
    density = tensor(density, "f64"), pair = tensor(pair, "f64") })
  if not ok then return nil, type(model) == "table" and model or failure("format", tostring(model)) end
  return setmetatable({ model = model, species = species, cutoff = cutoff, name = path:match "[^/]+$", masses = masses, constants = constants }, Eam)
end

--- Energies, forces and stress.
---@param s orowan.atoms.structure
---@param options? {force: boolean?, stress: boolean?, pairs: userdata?} force: default true; pairs: a list made with a larger cutoff for this structure, still valid
---@return {energy: number, energies: orowan.tensor, forces: orowan.tensor?, stress: orowan.tensor?} result eV; energies [n] eV; forces [n, 3] eV/A; stress [3, 3] eV/A^3, positive in tension
function Eam:compute(s, options)
  options = options or {}
  return shared.result(s, self.model:compute(options.pairs or s:pairs(self.cutoff), s.cell, s.positions, shared.types(self, s),
    { force = options.force ~= false, strain = options.stress or false }))
end

function Eam:__tostring() return ("EAM %s: %s, cutoff %.4g A"):format(self.name, table.concat(self.species, ", "), self.cutoff) end

return eam
