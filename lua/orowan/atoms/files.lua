--- Files of structures: the format by name, reading and writing. Lengths in Angstrom.
local core = require "orowan.core"
local extxyz = require "orowan.atoms.extxyz"
local failure = require "orowan.failure"
local io = require "orowan.io"
local lammps = require "orowan.atoms.lammps"
local poscar = require "orowan.atoms.poscar"
local pymatgen = require "orowan.atoms.pymatgen"
local structure = require "orowan.atoms.structure"
local suggest = require "orowan.suggest"
local sys = require "orowan.sys"

local files = {}

local format_version <const> = 1

local formats = {
  extxyz = { parse = extxyz.parse, format = extxyz.format },
  ["lammps-data"] = { parse = lammps.parse_data, format = lammps.format_data },
  ["lammps-dump"] = { parse = lammps.parse_dump, format = lammps.format_dump },
  poscar = { parse = poscar.parse, format = poscar.format },
  pymatgen = { parse = pymatgen.parse },
  hdf5 = {},
}

local by_ending = { xyz = "extxyz", extxyz = "extxyz", lmp = "lammps-data", data = "lammps-data", dump = "lammps-dump", lammpstrj = "lammps-dump",
  poscar = "poscar", contcar = "poscar", vasp = "poscar", json = "pymatgen", h5 = "hdf5", hdf5 = "hdf5" }

local function names()
  local list = {}
  for name in pairs(formats) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function format_of(fn, path, options)
  if type(path) ~= "string" then error(("%s: path: expected a string, got a %s"):format(fn, type(path)), 3) end
  local name = options.format
  if name then
    if not formats[name] then error(("%s: unknown format '%s'%s"):format(fn, tostring(name), suggest.hint(tostring(name), names(), "formats")), 3) end
    return name
  end
  local base = path:match "[^/]*$":lower()
  name = by_ending[base:match "%.([%w]+)$" or ""]
  if not name then
    for _, start in ipairs { "poscar", "contcar" } do if base:find(start, 1, true) == 1 then name = "poscar" end end
    if base:find("dump", 1, true) == 1 then name = "lammps-dump" end
  end
  if not name then error(("%s: %s: the name does not tell the format: give format = one of %s"):format(fn, path, table.concat(names(), ", ")), 3) end
  return name
end

-- ---- HDF5 --------------------------------------------------------------------------------------
-- /format, /format_version, /frames/N/{cell, positions, types, species, periodic, arrays/*, info/*}

local function save(path, frames)
  local groups = {}
  for k, s in ipairs(frames) do
    local info, arrays = {}, {}
    for key, v in pairs(s.info) do
      local t = type(v)
      if type(key) == "string" and key ~= "arrays" and not key:find "/" and key ~= "." and (t == "number" or t == "string" or t == "boolean") then info[key] = v end
    end
    for key, v in pairs(s.info.arrays or {}) do if core.tensor.is_tensor(v) and not key:find "/" then arrays[key] = v end end
    groups[("%d"):format(k)] = { cell = s.cell, positions = s.positions, types = s.types, species = s.species,
      periodic = core.tensor.tensor({ s.periodic[1] and 1 or 0, s.periodic[2] and 1 or 0, s.periodic[3] and 1 or 0 }, "u8"),
      info = next(info) and info or nil, arrays = next(arrays) and arrays or nil }
  end
  return io.save(path, { format = "orowan.atoms", format_version = format_version, count = #frames, frames = groups })
end

local function load(path, options)
  local data, err = io.load(path, { trusted = options.trusted })
  if not data then return nil, err end
  local function fail(fmt, ...) return nil, failure("format", ("%s: %s"):format(path, fmt:format(...))) end
  if data.format ~= "orowan.atoms" or type(data.frames) ~= "table" or math.type(data.count) ~= "integer" then return fail "not a file of structures written by Orowan" end
  if data.format_version ~= format_version then return fail("written by a newer version (format %s, this program knows %d)", tostring(data.format_version), format_version) end
  local frames = {}
  for k = 1, data.count do
    local g = data.frames[("%d"):format(k)]
    if type(g) ~= "table" then return fail("structure %d is missing", k) end
    local info = type(g.info) == "table" and g.info or {}
    info.arrays = type(g.arrays) == "table" and g.arrays or nil
    local ok, s = pcall(function()
      local p = g.periodic:totable()
      return structure.new { cell = g.cell, positions = g.positions, types = g.types, species = g.species, periodic = { p[1] ~= 0, p[2] ~= 0, p[3] ~= 0 }, info = info }
    end)
    if not ok then return fail("structure %d: %s", k, tostring(s)) end
    frames[k] = s
  end
  return frames
end

-- ---- public ------------------------------------------------------------------------------------

--- Reads structures. Formats: extended XYZ (.xyz, .extxyz), LAMMPS data (.lmp, .data) and dump
--- (.dump, .lammpstrj), POSCAR and CONTCAR, JSON of pymatgen (.json), our HDF5 (.h5).
---@param path string
---@param options? {format: string?, frame: integer|"all"|nil, species: string[]?, style: string?, trusted: boolean?} format: "extxyz", "lammps-data", "lammps-dump", "poscar", "pymatgen", "hdf5", default by the name; frame: default the first, -1 the last; species: elements of the types (LAMMPS, VASP 4) or their order; style: atom style of a LAMMPS data file that does not say it; trusted: HDF5 without the check in a child process
---@return orowan.atoms.structure|orowan.atoms.structure[]|nil s a list with frame = "all"; info: energy, comment, step, arrays (tensors with a row for each atom), ... as the file has them
---@return table? err names the line
function files.read(path, options)
  options = options or {}
  local name = format_of("atoms.read", path, options)
  local frames, err
  if name == "hdf5" then frames, err = load(path, options)
  else
    local content
    content, err = sys.read_file(path)
    if not content then return nil, err end
    frames, err = formats[name].parse(content, path, options)
  end
  if not frames then return nil, err end
  local k = options.frame or 1
  if k == "all" then return frames end
  if math.type(k) ~= "integer" then error(('atoms.read: frame: expected a whole number or "all", got %s'):format(tostring(k)), 2) end
  local s = frames[k < 0 and #frames + 1 + k or k]
  if not s then return nil, failure("arg", ("atoms.read: %s: there is no frame %d, it has %d"):format(path, k, #frames)) end
  return s
end

--- Writes a structure, or several where the format holds them, whole or not at all.
---@param path string
---@param s orowan.atoms.structure|orowan.atoms.structure[]
---@param options? {format: string?, masses: table<string, number>?} format: as for `read`; masses: u, for a LAMMPS data file
---@return boolean? true
---@return table? err the system refused
function files.write(path, s, options)
  options = options or {}
  local name = format_of("atoms.write", path, options)
  local frames = type(s) == "table" and (s.positions and { s } or s) or nil
  if not frames or not frames[1] or not frames[1].positions then error("atoms.write: expected a structure or a list of them", 2) end
  if name == "hdf5" then return save(path, frames) end
  if not formats[name].format then error(("atoms.write: %s can be read, not written"):format(name), 2) end
  return sys.write_atomic(path, formats[name].format(frames, options))
end

return files
