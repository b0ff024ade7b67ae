--- NeXus files of atom probe data after the application definition NXapm: reconstructed positions,
--- mass-to-charge values and ranges. Nuclides are hashed as Z + 256 N, N = 255 for an element of
--- natural isotopes (Kuehbach et al., Microsc. Microanal. 28 (2022) 1038). Reading converts
--- lengths to nm; masses are Da.
local core = require "orowan.core"
local failure = require "orowan.failure"
local formula = require "orowan.apt.formula"
local io = require "orowan.io"
local ranges = require "orowan.apt.ranges"

local nexus = {}

local atoms_at_most <const> = 32  -- nuclides in a hash vector
local element_neutrons <const> = 255

local function class(h, group, name) h:group(group):attr(group, "NX_class", name) end

local function write_ranges(h, at, list)
  class(h, at, "NXapm_ranging")
  local peaks = at .. "/peak_identification"
  class(h, peaks, "NXprocess")
  local function ion(index, name, atoms, bounds, volume)
    local group = ("%s/ion%d"):format(peaks, index)
    class(h, group, "NXatom")
    local hash, k = core.create.zeros({ atoms_at_most }, "i32"), 0
    for _, a in ipairs(atoms or {}) do
      for _ = 1, math.min(a[2], atoms_at_most - k) do
        k = k + 1
        hash[k] = formula.number[a[1]] + 256 * element_neutrons
      end
    end
    h:write(group .. "/name", name):write(group .. "/nuclide_hash", hash):write(group .. "/charge_state", 0)
    h:write(group .. "/mass_to_charge_range", core.tensor.tensor(bounds, "f64")):attr(group .. "/mass_to_charge_range", "units", "Da")
    if volume > 0 then h:write(group .. "/volume", volume):attr(group .. "/volume", "units", "nm^3") end
  end
  ion(0, "unknown", nil, { { 0, 0.001 } }, 0)
  for i, each in ipairs(list.ions) do
    local bounds, volume = {}, 0
    for _, r in ipairs(list.list) do
      if r.ion == i then
        bounds[#bounds + 1] = { r.lo, r.hi }
        volume = math.max(volume, r.volume)  -- NXatom has one volume an ion
      end
    end
    ion(i, each.name, each.atoms, bounds, volume)
  end
  h:write(peaks .. "/number_of_ion_types", #list.ions + 1):write(peaks .. "/maximum_number_of_atoms_per_molecular_ion", atoms_at_most)
end

--- Writes a reconstruction, and its ranges where given, as NeXus/HDF5 (NXapm), atomically. An open
--- file is streamed by slabs.
---@param path string usually .nxs
---@param source orowan.apt.file|orowan.apt.ions|{positions: orowan.tensor, mass: orowan.tensor?} what `apt.open` or `apt.read` gives; nm, Da
---@param options? {ranges?: orowan.apt.ranges, title?: string, compress?: integer} compress: deflate level 1 to 9, default 1
---@return boolean? true
---@return table? err
function nexus.write(path, source, options)
  options = options or {}
  for key in pairs(options) do
    if key ~= "ranges" and key ~= "title" and key ~= "compress" then error(("apt.write_nexus: unknown option '%s' (ranges, title, compress)"):format(key), 2) end
  end
  local from_file = type(source) == "table" and source.slabs
  if not from_file and not (type(source) == "table" and core.tensor.is_tensor(source.positions)) then
    error("apt.write_nexus: source: expected an open file or a table with positions [n, 3] and mass [n]", 2)
  end
  local h, err = io.h5_open(path, "w")
  if not h then return nil, err end
  local ok, why = pcall(function()
    h:attr("/", "NX_class", "NXroot"):attr("/", "default", "entry1")
    class(h, "entry1", "NXentry")
    h:write("entry1/definition", "NXapm"):write("entry1/title", options.title or path:match "[^/]+$")
    h:group("entry1/profiling")
    class(h, "entry1/profiling", "NXcs_profiling")
    h:write("entry1/profiling/program", "Orowan"):attr("entry1/profiling/program", "version", require "orowan.core".version)
    local probe = "entry1/atom_probe"
    class(h, probe, "NXroi_process")
    local xyz, mq = probe .. "/reconstruction/reconstructed_positions", probe .. "/mass_to_charge_conversion/mass_to_charge"
    class(h, probe .. "/reconstruction", "NXapm_reconstruction")
    class(h, probe .. "/mass_to_charge_conversion", "NXprocess")
    local layout = { chunk = true, compress = options.compress or 1 }
    if from_file then
      for _, p, m in source:slabs() do
        h:append(xyz, p, { chunk = { 2 ^ 16 // 1 | 0, 3 }, compress = layout.compress })
        if m then h:append(mq, m, { chunk = 2 ^ 16 // 1 | 0, compress = layout.compress }) end
      end
    else
      h:write(xyz, source.positions:to "f32", layout)
      if source.mass then h:write(mq, source.mass:to "f32", layout) end
    end
    h:attr(xyz, "units", "nm")
    if h:exists(mq) then h:attr(mq, "units", "Da") end
    if options.ranges then write_ranges(h, probe .. "/ranging", options.ranges) end
  end)
  if not ok then
    h:discard()
    if type(why) == "table" and why.code == "interrupted" then error(why, 0) end
    return nil, type(why) == "table" and why or failure("io", tostring(why))
  end
  h:close()
  return true
end

-- The group below an NXentry that holds what is asked, for example .../reconstruction.
local function find(h, what)
  for _, entry in ipairs(h:list "/") do
    local info = h:info(entry)
    if info and info.kind == "group" then
      for _, group in ipairs(h:list(entry)) do
        local name = entry .. "/" .. group .. "/" .. what
        if h:exists(name) then return name end
      end
    end
  end
end

local nm_of = { nm = 1, nanometer = 1, ["Å"] = 0.1, angstrom = 0.1, um = 1e3, ["µm"] = 1e3, m = 1e9 }

---@class orowan.apt.nexus_file: orowan.apt.file a NeXus file opened by `apt.open`
local File = {}
File.__index = File

function nexus.open(path)
  local h, err = io.h5_open(path, "r")
  if not h then return nil, err end
  local function refuse(text)
    h:close()
    return nil, failure("format", ("apt.open: %s: %s"):format(path, text))
  end
  local xyz, mq = find(h, "reconstruction/reconstructed_positions"), find(h, "mass_to_charge_conversion/mass_to_charge")
  if not xyz then return refuse "expected ENTRY/atom_probe/reconstruction/reconstructed_positions (NXapm), found none" end
  local shape = h:info(xyz).shape
  if not shape or #shape ~= 2 or shape[2] ~= 3 then return refuse(xyz .. ": expected shape [n, 3]") end
  local unit = h:attr(xyz, "units")
  local scale = nm_of[unit or "nm"]
  if not scale then return refuse(("%s: unknown unit of length '%s' (nm, angstrom, um, m)"):format(xyz, tostring(unit))) end
  local columns = {}
  for i, name in ipairs { "x", "y", "z" } do columns[i] = { name = name, unit = "nm", dtype = "f32" } end
  if mq then
    local m = h:info(mq).shape
    if not m or #m ~= 1 or m[1] ~= shape[1] then return refuse(("%s: expected %d values, one for each position"):format(mq, shape[1])) end
    columns[4] = { name = "mass", unit = "Da", dtype = "f32" }
  end
  return setmetatable({ handle = h, path = path, format = "nxapm", n = shape[1], columns = columns, xyz = xyz, mq = mq, scale = scale,
    notes = unit and {} or { "no unit of length in the file: taken as nm" } }, File)
end

local function part(self, name, first, count)
  first = first or 1
  count = count or self.n - first + 1
  if first < 1 or count < 0 or first + count - 1 > self.n then
    error(("ions %d to %d: the file %s has %d"):format(first, first + count - 1, self.path, self.n), 3)
  end
  local two = name == self.xyz
  local t, err = self.handle:read(name, { first = two and { first, 1 } or first, count = two and { count, 3 } or count })
  if not t then error(err, 3) end
  return t:to "f32"
end

function File:positions(first, count)
  local p = part(self, self.xyz, first, count)
  return self.scale == 1 and p or p * self.scale
end

function File:mass(first, count)
  if not self.mq then error(("mass: %s holds no mass-to-charge values"):format(self.path), 2) end
  return part(self, self.mq, first, count)
end

local place = { x = 1, y = 2, z = 3 }

function File:read(names, first, count)
  local list = type(names) == "table" and names or { names }
  local out, p = {}, nil
  for i, name in ipairs(list) do
    if name == "mass" then
      out[i] = self:mass(first, count)
    elseif place[name] then
      p = p or self:positions(first, count)
      out[i] = p:select(2, place[name])
    else
      error(("read: unknown column '%s' (x, y, z, mass)"):format(tostring(name)), 2)
    end
  end
  return #out == 1 and out[1]:contiguous() or core.index.stack(out, 2)
end

function File:close() self.handle:close() end
File.__close = File.close

--- Reads the ranges of a NeXus file (NXapm).
---@param path string
---@return orowan.apt.ranges? ranges
---@return table? err
function nexus.read_ranges(path)
  local h, err = io.h5_open(path, "r")
  if not h then return nil, err end
  local at = find(h, "ranging/peak_identification")
  local list, symbol = {}, {}
  for s, z in pairs(formula.number) do symbol[z] = s end
  for _, name in ipairs(at and h:list(at) or {}) do
    local group = at .. "/" .. name
    local bounds = name:match "^ion%d+$" and name ~= "ion0" and h:read(group .. "/mass_to_charge_range")
    if bounds then
      local text = h:read(group .. "/name")
      text = type(text) == "string" and text or name
      -- names such as "56Fe ++" carry mass numbers and charges
      local plain = text:gsub("%s*[%+%d]*%+$", ""):gsub("%s+", " ")
      local atoms = formula.parse(plain)
      local hash = not atoms and h:read(group .. "/nuclide_hash")
      if hash then
        local order, n = {}, {}
        for _, code in ipairs(hash:flatten():totable()) do
          local s = symbol[code % 256]
          if s then
            if not n[s] then order[#order + 1] = s end
            n[s] = (n[s] or 0) + 1
          end
        end
        for i, s in ipairs(order) do order[i] = { s, n[s] } end
        if #order > 0 then plain = formula.text(order) end
      end
      local volume = h:read(group .. "/volume")
      for _, b in ipairs(bounds:reshape(-1, 2):totable()) do
        list[#list + 1] = { b[1], b[2], plain, volume = type(volume) == "number" and volume or 0 }
      end
    end
  end
  h:close()
  if #list == 0 then return nil, failure("format", ("apt.read_ranges: %s: expected ENTRY/atom_probe/ranging/peak_identification/ionN (NXapm), found none"):format(path)) end
  local ok, made = pcall(ranges.new, list)
  if not ok then return nil, failure("format", ("apt.read_ranges: %s: %s"):format(path, made)) end
  return made
end

nexus.File = File

return nexus
