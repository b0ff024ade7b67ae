--- Reconstructions: positions and mass-to-charge values of ions, from .pos, .epos, .ato, .apt
--- files or text tables. Files are opened without being read; slabs bound the memory.
local core = require "orowan.core"
local failure = require "orowan.failure"
local io = require "orowan.io"
local nexus = require "orowan.apt.nexus"

local files = {}

---@class orowan.apt.file
---@field path string
---@field format string "pos", "epos", "ato", "apt", "nxapm"
---@field n integer ions
---@field columns {name: string, unit: string, dtype: string}[]
---@field notes string[] what was decided while opening (byte order, volts, an incomplete record)
local File = {}
File.__index = File

local hdf5 <const> = { nxs = true, h5 = true, hdf5 = true, nxapm = true }

--- Opens an atom probe file. Nothing but the header and some samples are read. The byte order
--- is judged by the values: a file in the other order is read as it is and `notes` says so;
--- voltages of .epos that are volts come out as kV, with a note.
---@param path string .pos, .epos, .ato (versions 3, 5), .apt, or NeXus (NXapm: .nxs, .h5, .hdf5)
---@param options? {format?: string, partial?: boolean} format: when the ending misleads; partial: leave out a last incomplete record, with a note, instead of failing
---@return orowan.apt.file? file
---@return table? err
function files.open(path, options)
  local format = options and options.format or type(path) == "string" and path:match "%.(%w+)$"
  if hdf5[format and format:lower()] then return nexus.open(path) end
  local handle, err = core.ions.open(path, options)
  if not handle then return nil, err end
  local info = handle:info()
  local notes = {}
  if info.foreign_order then notes[#notes + 1] = "the values are in the other byte order than ." .. info.format .. " files have; read accordingly" end
  if info.volts then notes[#notes + 1] = "the voltages are in V by their magnitude; given in kV" end
  if info.trailing > 0 then notes[#notes + 1] = ("%d bytes after the last whole record were left out"):format(info.trailing) end
  return setmetatable({ handle = handle, path = path, format = info.format, version = info.version, n = info.n,
    columns = info.columns, notes = notes }, File)
end

--- Values of one column, or of several of one dtype side by side.
---@param names string|string[]
---@param first? integer default 1
---@param count? integer default to the end
---@return orowan.tensor values [count] or [count, number of names]; f32 (f64 and i64 where the file has them)
function File:read(names, first, count)
  return self.handle:read(type(names) == "table" and names or { names }, first, count)
end

--- Positions of ions.
---@param first? integer
---@param count? integer
---@return orowan.tensor positions f32 [count, 3], nm
function File:positions(first, count) return self:read({ "x", "y", "z" }, first, count) end

--- Mass-to-charge values of ions.
---@param first? integer
---@param count? integer
---@return orowan.tensor mass f32 [count], Da
function File:mass(first, count) return self:read("mass", first, count) end

--- Walks the file in slabs of consecutive ions.
---@param size? integer ions per slab, default 2^22 (64 MiB of positions and masses)
---@return fun(): integer?, orowan.tensor?, orowan.tensor? iterator first ion, positions [k, 3], mass [k] (nil where the file has none)
function File:slabs(size)
  size = size or 2 ^ 22 // 1 | 0
  if math.type(size) ~= "integer" or size < 1 then error("slabs: size: expected a whole number of ions, at least 1", 2) end
  local first = 1
  return function()
    if first > self.n then return nil end
    local start, k = first, math.min(size, self.n - first + 1)
    first = first + k
    return start, self:positions(start, k), #self.columns > 3 and self:mass(start, k) or nil
  end
end

--- Closes the file at once.
function File:close() self.handle:close() end
File.__close = File.close

function File:__tostring()
  local names = {}
  for i, c in ipairs(self.columns) do names[i] = c.name end
  return ("%s: .%s, %d ions (%s)%s"):format(self.path, self.format, self.n, table.concat(names, ", "),
    #self.notes > 0 and "; " .. table.concat(self.notes, "; ") or "")
end

-- a NeXus file walks and shows itself as the others do
nexus.File.slabs, nexus.File.__tostring = File.slabs, File.__tostring

---@class orowan.apt.ions
---@field positions orowan.tensor f32 [n, 3], nm
---@field mass orowan.tensor? f32 [n], Da
---@field n integer
---@field excluded integer ions left out because a value was not finite
---@field notes string[]

-- Columns of a text table by the names in use, else by their place.
local aliases = { x = "x", y = "y", z = "z", mass = "mass", ["m/q"] = "mass", mq = "mass", ["m/n"] = "mass", da = "mass", ["mass-to-charge"] = "mass" }

local function from_table(path)
  local t, err = io.read_table(path)
  if not t then return nil, err end
  local at = {}
  for i, name in ipairs(t.names) do
    local plain = aliases[name:lower():gsub("%s*[%(%[].*$", ""):gsub("^%s+", "")]
    if plain and not at[plain] then at[plain] = i end
  end
  if not (at.x and at.y and at.z) then
    if #t.columns < 3 then return nil, failure("format", ("apt.read: %s: expected columns x, y, z (nm) and maybe m/q (Da), found %d columns"):format(path, #t.columns)) end
    at = { x = 1, y = 2, z = 3, mass = #t.columns >= 4 and 4 or nil }
  end
  local function column(name)
    local c = t.columns[at[name]]
    if not core.tensor.is_tensor(c) then
      return nil, failure("format", ("apt.read: %s: column %s holds text"):format(path, t.names[at[name]]))
    end
    return c:to "f32"
  end
  local xyz = {}
  for i, name in ipairs { "x", "y", "z" } do
    local c, why = column(name)
    if not c then return nil, why end
    xyz[i] = c
  end
  local mass, why
  if at.mass then
    mass, why = column "mass"
    if not mass then return nil, why end
  end
  return core.index.stack(xyz, 2), mass, { "text table: columns " .. table.concat({ t.names[at.x], t.names[at.y], t.names[at.z], at.mass and t.names[at.mass] }, ", ") }
end

--- Reads a whole reconstruction into memory. Ions with a value that is not finite are left out
--- and counted in `excluded`.
---@param path string .pos, .epos, .ato, .apt, .nxs, or a text table with x, y, z and maybe m/q
---@param options? {format?: string, partial?: boolean} as for `apt.open`
---@return orowan.apt.ions? ions
---@return table? err
function files.read(path, options)
  local positions, mass, notes
  local ending = type(path) == "string" and (path:match "%.(%w+)$" or ""):lower() or ""
  if not (options and options.format) and (ending == "csv" or ending == "txt" or ending == "tsv" or ending == "dat" or ending == "xyz") then
    local err
    positions, err, notes = from_table(path)
    if not positions then return nil, err end
    mass = err
  else
    local file, err = files.open(path, options)
    if not file then return nil, err end
    positions, notes = file:positions(), file.notes
    if #file.columns > 3 then mass = file:mass() end
    file:close()
  end
  local good = core.ops.isfinite(positions):all(2)
  if mass then good = good:logical_and(core.ops.isfinite(mass)) end
  local excluded = positions:shape(1) - good:to("i64"):sum()
  if excluded > 0 then
    positions, mass = positions[good], mass and mass[good]
    notes[#notes + 1] = ("%d ions with values that are not finite were left out"):format(excluded)
  end
  return { positions = positions, mass = mass, n = positions:shape(1), excluded = excluded, notes = notes, path = path }
end

--- Writes positions and mass-to-charge values as .pos, atomically.
---@param path string
---@param positions orowan.tensor [n, 3] nm
---@param mass orowan.tensor [n] Da
---@return boolean? true
---@return table? err
function files.write_pos(path, positions, mass) return core.ions.write_pos(path, positions, mass) end

return files
