--- Structures in JSON as pymatgen writes them: a Structure, a record {structure, outputs}, or a list
--- of either. Of outputs the energy (eV) and forces (eV/A) are taken over.
local core = require "orowan.core"
local failure = require "orowan.failure"
local json = require "orowan.json"
local structure = require "orowan.atoms.structure"

local pymatgen = {}

local function numbers(t, count)
  if type(t) ~= "table" then return nil end
  for k = 1, count do if type(t[k]) ~= "number" then return nil end end
  return { t[1], t[2], t[3] }
end

local function one(record, fail)
  local s = record.structure or record
  if type(s) ~= "table" or type(s.lattice) ~= "table" or type(s.lattice.matrix) ~= "table" or type(s.sites) ~= "table" then
    return fail "expected lattice.matrix and sites"
  end
  local cell, x, symbols = {}, {}, {}
  for r = 1, 3 do
    cell[r] = numbers(s.lattice.matrix[r], 3)
    if not cell[r] then return fail "lattice.matrix: expected 3 x 3 numbers" end
  end
  for i, site in ipairs(s.sites) do
    local sp = type(site) == "table" and type(site.species) == "table" and site.species
    if not sp or #sp ~= 1 or type(sp[1]) ~= "table" or type(sp[1].element) ~= "string" or (sp[1].occu or 1) ~= 1 then
      return fail("site %d: expected one species with occupation 1", i)
    end
    symbols[i] = sp[1].element
    x[i] = numbers(site.xyz, 3)
    local f = numbers(site.abc, 3)
    if f then
      x[i] = {}
      for k = 1, 3 do x[i][k] = f[1] * cell[1][k] + f[2] * cell[2][k] + f[3] * cell[3][k] end
    elseif not x[i] then return fail("site %d: expected abc or xyz, three numbers", i) end
  end
  if #x == 0 then return fail "no sites" end
  local info, out = {}, record.structure and type(record.outputs) == "table" and record.outputs or {}
  if type(out.energy) == "number" then info.energy = out.energy end
  if type(out.forces) == "table" then
    local ok, f = pcall(core.tensor.tensor, out.forces, "f64")
    if not ok or f:ndim() ~= 2 or f:shape(1) ~= #x or f:shape(2) ~= 3 then return fail("outputs.forces: expected %d x 3 numbers", #x) end
    info.arrays = { forces = f }
  end
  local ok, made = pcall(structure.new, { cell = cell, positions = x, symbols = symbols, info = info })
  if not ok then return fail("%s", tostring(made)) end
  return made
end

--- Reads the text of such a file.
---@param content string
---@param path string for messages
---@return orowan.atoms.structure[]? frames
---@return table? err
function pymatgen.parse(content, path)
  local data, err = json.decode(content)
  if data == nil then return nil, failure("format", ("%s: %s"):format(path, tostring(err))) end
  if type(data) ~= "table" then return nil, failure("format", path .. ": expected a structure or a list of them") end
  if not json.is_array(data) then data = { data } end
  local frames = {}
  for k, record in ipairs(data) do
    local function fail(fmt, ...) return nil, failure("format", ("%s: structure %d: %s"):format(path, k, fmt:format(...))) end
    if type(record) ~= "table" then return fail "expected an object" end
    frames[k], err = one(record, fail)
    if not frames[k] then return nil, err end
  end
  if #frames == 0 then return nil, failure("format", path .. ": the list is empty") end
  return frames
end

return pymatgen
