--- Ranges: which interval of m/q belongs to which ion. Reads .rrng (AP Suite, IVAS), .rng
--- (Oak Ridge, with its polyatomic extension) and .env (Rouen), writes .rrng.
---
--- A range holds lo <= m/q <= hi (Da); where two touch, the bound belongs to the upper one.
--- Ranges of one ion may overlap (they are joined), those of two ions may not.
local core = require "orowan.core"
local failure = require "orowan.failure"
local formula = require "orowan.apt.formula"
local sys = require "orowan.sys"

local ranges = {}

---@class orowan.apt.ranges
---@field ions {name: string, atoms: {[1]: string, [2]: integer}[]?, colour: string?}[] atoms is nil for an ion that is only named
---@field list {lo: number, hi: number, ion: integer, volume: number}[] Da, index into ions, nm^3; sorted by lo
---@field notes string[] what was mended or left out while reading
---@field bounds orowan.tensor f64 [2 m]: lo and the number after hi of the joined ranges
---@field lookup orowan.tensor i64 [2 m + 1]: ion at each place that searchsorted gives, 0 outside
local Ranges = {}
Ranges.__index = Ranges

local function describe(self, r) return ("%s %.4f-%.4f Da"):format(self.ions[r.ion].name, r.lo, r.hi) end

local function ion_index(self, by_name, name, atoms, colour)
  local i = by_name[name]
  if not i then
    i = #self.ions + 1
    self.ions[i] = { name = name, atoms = atoms, colour = colour }
    by_name[name] = i
  end
  self.ions[i].colour = self.ions[i].colour or colour
  return i
end

-- Sorts, checks and joins; returns nil and what is wrong.
local function finish(self)
  if #self.list == 0 then return nil, "there are no ranges" end
  for i, r in ipairs(self.list) do
    if not (r.lo < r.hi and r.lo >= 0 and r.hi < 1e5) then
      return nil, ("range %d: expected 0 <= lo < hi in Da, got %g to %g"):format(i, r.lo, r.hi)
    end
  end
  table.sort(self.list, function(a, b)
    if a.lo ~= b.lo then return a.lo < b.lo end
    return a.hi < b.hi
  end)
  local bounds, lookup, last = {}, { 0 }, nil
  for _, r in ipairs(self.list) do
    if last and r.lo < last.hi then
      if r.ion ~= last.ion then
        return nil, ("ranges overlap: %s and %s"):format(describe(self, last), describe(self, r))
      end
      self.notes[#self.notes + 1] = ("overlapping ranges of one ion were joined: %s and %s"):format(describe(self, last), describe(self, r))
      if r.hi > last.hi then last = { lo = last.lo, hi = r.hi, ion = last.ion } end
      bounds[#bounds] = last.hi
    else
      bounds[#bounds + 1], bounds[#bounds + 2] = r.lo, r.hi
      lookup[#lookup + 1], lookup[#lookup + 2] = r.ion, 0
      last = r
    end
  end
  for k = 2, #bounds, 2 do  -- searchsorted takes hi as outside: the next number is the bound
    if bounds[k] ~= bounds[k + 1] then bounds[k] = bounds[k] * (1 + 2 ^ -52) end
  end
  self.bounds = core.tensor.tensor(bounds, "f64")
  self.lookup = core.tensor.tensor(lookup, "i64")
  return setmetatable(self, Ranges)
end

-- Decimal comma or point.
local function number(s) return s and tonumber((s:gsub(",", "."))) end

local function lines_of(text)
  text = text:gsub("^\239\187\191", ""):gsub("\r\n?", "\n")
  local list = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do list[#list + 1] = line end
  return list
end

local function parse_rrng(lines)
  local self, by_name, section = { ions = {}, list = {}, notes = {} }, {}, nil
  for n, line in ipairs(lines) do
    line = line:gsub("[#;].*$", ""):match "^%s*(.-)%s*$"
    local title = line:match "^%[(.-)%]"
    local key, value = line:match "^(%a+)%s*%d*%s*=%s*(.*)$"
    if title then section = title:lower()
    elseif section == "ions" and key and key:lower() == "ion" then
      ion_index(self, by_name, value, formula.parse(value))
    elseif section == "ranges" and key and key:lower() == "range" then
      local lo, hi, rest = value:match "^(%S+)%s+(%S+)%s*(.*)$"
      lo, hi = number(lo), number(hi)
      if not lo or not hi then
        return nil, ("line %d: expected RangeK=lo hi Vol:v Element:n Color:RRGGBB, got \"%s\""):format(n, line:sub(1, 80))
      end
      local volume, colour, name, atoms = 0, nil, nil, {}
      for field, v in rest:gmatch "(%S-):(%S*)" do
        if field == "Vol" then volume = number(v) or 0
        elseif field == "Color" then colour = v:upper()
        elseif field == "Name" then name = v
        elseif not formula.number[field] or not math.tointeger(number(v)) or number(v) < 1 then
          if math.tointeger(number(v)) then  -- an [Ions] name that is no element
            name = (name or "") .. field .. (number(v) == 1 and "" or v)
          else
            return nil, ("line %d: expected Element:count, got \"%s:%s\""):format(n, field, v)
          end
        else atoms[#atoms + 1] = { field, math.tointeger(number(v)) } end
      end
      if not name and #atoms == 0 then return nil, ("line %d: this range names no element"):format(n) end
      if name then atoms = nil end
      local ion = ion_index(self, by_name, name or formula.text(atoms), atoms, colour)
      self.list[#self.list + 1] = { lo = lo, hi = hi, ion = ion, volume = volume }
    elseif line ~= "" and not (key and key:lower() == "number") then
      return nil, ("line %d: expected [Ions], [Ranges], IonK=... or RangeK=..., got \"%s\""):format(n, line:sub(1, 80))
    end
  end
  return self
end

local function hex(r, g, b)
  local function byte(v) return math.floor(math.max(0, math.min(1, v)) * 255 + 0.5) end
  return ("%02X%02X%02X"):format(byte(r), byte(g), byte(b))
end

-- One table of a .rng file: counts, names with colours, then rows of counts per ion.
local function rng_block(self, by_name, lines, at)
  local function next_line()
    while lines[at] and not lines[at]:match "%S" do at = at + 1 end
    at = at + 1
    return lines[at - 1]
  end
  local head = next_line()
  local ions, rows = (head or ""):match "^%s*(%d+)%s+(%d+)"
  ions, rows = math.tointeger(tonumber(ions)), math.tointeger(tonumber(rows))
  if not ions or ions < 1 or ions > 1000 or rows > 100000 then
    return nil, ("line %d: expected the numbers of ions and ranges, got \"%s\""):format(at - 1, (head or "the end"):sub(1, 60))
  end
  local names, colours = {}, {}
  for i = 1, ions do
    local long, short = next_line(), next_line()
    local name, r, g, b = (short or ""):match "^%s*(%S+)%s+(%S+)%s+(%S+)%s+(%S+)"
    r, g, b = number(r), number(g), number(b)
    if not long or not b or not r or not g then return nil, ("line %d: expected a short name and three colour values"):format(at - 1) end
    names[i], colours[i] = name, hex(r, g, b)
  end
  local dashes = next_line()
  if not (dashes or ""):match "^%s*%-%-" then return nil, ("line %d: expected the line of dashes and names"):format(at - 1) end
  for _ = 1, rows do
    local line = next_line()
    local lo, hi, rest = (line or ""):match "^%s*%S+%s+(%S+)%s+(%S+)(.*)$"
    lo, hi = number(lo), number(hi)
    if not lo or not hi then return nil, ("line %d: expected \". lo hi counts\", got \"%s\""):format(at - 1, (line or "the end"):sub(1, 60)) end
    local atoms, one, k, known = {}, nil, 0, true
    for c in rest:gmatch "%S+" do
      k = k + 1
      local count = math.tointeger(tonumber(c))
      if not count or count < 0 or k > ions then return nil, ("line %d: expected %d counts"):format(at - 1, ions) end
      if count > 0 then
        one = k
        local parts = formula.parse(names[k])
        if parts then for _, p in ipairs(parts) do atoms[#atoms + 1] = { p[1], p[2] * count } end
        else known = false end
      end
    end
    if k ~= ions or not one then return nil, ("line %d: expected %d counts, at least one above 0"):format(at - 1, ions) end
    local name = known and formula.text(atoms) or names[one]
    local ion = ion_index(self, by_name, name, known and atoms or nil, colours[one])
    self.list[#self.list + 1] = { lo = lo, hi = hi, ion = ion, volume = 0 }
  end
  return at
end

local function parse_rng(lines)
  local self, by_name = { ions = {}, list = {}, notes = {} }, {}
  local at, err = rng_block(self, by_name, lines, 1)
  if not at then return nil, err end
  for n = at, #lines do
    if lines[n]:lower():find("polyatomic", 1, true) then
      local stop, why = rng_block(self, by_name, lines, n + 1)
      if not stop then return nil, why end
      break
    end
  end
  return self
end

local function parse_env(lines)
  local self, by_name, names, elements, rows = { ions = {}, list = {}, notes = {} }, {}, {}, nil, nil
  local ranged, listed = 0, 0
  for n, line in ipairs(lines) do
    line = line:gsub("#.*$", ""):match "^%s*(.-)%s*$"
    local words = {}
    for w in line:gmatch "%S+" do words[#words + 1] = w end
    if #words == 0 or line:match "^Rev" then goto continue end
    if not elements then
      elements, rows = math.tointeger(number(words[1])), math.tointeger(number(words[2] or ""))
      if not elements or not rows then return nil, ("line %d: expected the numbers of elements and ranges, got \"%s\""):format(n, line:sub(1, 60)) end
    elseif listed < elements then
      local r, g, b = number(words[2] or ""), number(words[3] or ""), number(words[4] or "")
      if not r or not g or not b then return nil, ("line %d: expected a name and three colour values"):format(n) end
      listed = listed + 1
      names[words[1]] = hex(r, g, b)
    elseif ranged < rows then
      local lo, hi, volume = number(words[2] or ""), number(words[3] or ""), number(words[4] or "0")
      if not lo or not hi or not volume then return nil, ("line %d: expected a name, lo, hi and a volume"):format(n) end
      if not names[words[1]] then return nil, ("line %d: \"%s\" is not in the list of elements"):format(n, words[1]) end
      ranged = ranged + 1
      local ion = ion_index(self, by_name, words[1], formula.parse(words[1]), names[words[1]])
      self.list[#self.list + 1] = { lo = lo, hi = hi, ion = ion, volume = volume * 1e-3 }  -- cubic angstrom
    end
    ::continue::
  end
  if ranged ~= (rows or 0) then return nil, ("the file says %d ranges and holds %d"):format(rows or 0, ranged) end
  return self
end

local parsers = { rrng = parse_rrng, rng = parse_rng, env = parse_env }

--- Ranges from the text of a range file.
---@param text string
---@param format string "rrng", "rng" or "env"
---@return orowan.apt.ranges? ranges
---@return table? err naming the line
function ranges.parse(text, format)
  local parser = parsers[format]
  if not parser then error(("apt.parse_ranges: format: expected \"rrng\", \"rng\" or \"env\", got %q"):format(tostring(format)), 2) end
  local self, err = parser(lines_of(text))
  if self then self, err = finish(self) end
  if not self then return nil, failure("format", "apt.parse_ranges: " .. err) end
  return self
end

--- Reads a range file.
---@param path string .rrng, .rng, .env, or NeXus (NXapm: .nxs, .h5, .hdf5)
---@param format? string when the ending misleads
---@return orowan.apt.ranges? ranges
---@return table? err naming the file and the line
function ranges.read(path, format)
  format = format or (path:match "%.(%w+)$" or ""):lower()
  if format == "nxs" or format == "h5" or format == "hdf5" then return require("orowan.apt.nexus").read_ranges(path) end
  if not parsers[format] then
    return nil, failure("arg", ("apt.read_ranges: %s: expected a .rrng, .rng, .env or .nxs file"):format(path), 'give the format as second argument')
  end
  local text, err = sys.read_file(path)
  if not text then return nil, err end
  local self, why = parsers[format](lines_of(text))
  if self then self, why = finish(self) end
  if not self then return nil, failure("format", ("apt.read_ranges: %s: %s"):format(path, why)) end
  return self
end

--- Ranges from a list in the program.
---@param list {[1]: number, [2]: number, [3]: string, volume: number?, colour: string?}[] {lo, hi, ion}: Da, Da, formula or name; volume nm^3
---@return orowan.apt.ranges
function ranges.new(list)
  local self, by_name = { ions = {}, list = {}, notes = {} }, {}
  for i, r in ipairs(list) do
    if type(r) ~= "table" or type(r[1]) ~= "number" or type(r[2]) ~= "number" or type(r[3]) ~= "string" then
      error(("apt.ranges: entry %d: expected {lo, hi, \"ion\"}"):format(i), 2)
    end
    self.list[i] = { lo = r[1], hi = r[2], ion = ion_index(self, by_name, r[3], formula.parse(r[3]), r.colour), volume = r.volume or 0 }
  end
  local made, err = finish(self)
  if not made then error("apt.ranges: " .. err, 2) end
  return made
end

--- The ion of every mass-to-charge value.
---@param mass orowan.tensor [n] Da
---@return orowan.tensor i64 [n], index into ions; 0: in no range (NaN too)
function Ranges:assign(mass)
  local place = core.sort.searchsorted(self.bounds, mass:to("f64"), { right = true })
  return self.lookup[place]
end

--- How many values fall on each ion.
---@param mass orowan.tensor [n] Da
---@return orowan.tensor counts i64 [number of ions]
---@return integer unranged
function Ranges:counts(mass)
  local all = core.sort.bincount(self:assign(mass), { first = 0, size = #self.ions + 1 })
  return all:slice(1, 2), all[1]
end

--- Writes the ranges as .rrng, atomically.
---@param path string
---@return boolean? true
---@return table? err
function Ranges:write(path)
  local elements, seen = {}, {}
  for _, ion in ipairs(self.ions) do
    for _, a in ipairs(ion.atoms or { { ion.name, 1 } }) do
      if not seen[a[1]] then elements[#elements + 1], seen[a[1]] = a[1], true end
    end
  end
  local out = { "[Ions]", "Number=" .. #elements }
  for i, name in ipairs(elements) do out[#out + 1] = ("Ion%d=%s"):format(i, name) end
  out[#out + 1] = "[Ranges]"
  out[#out + 1] = "Number=" .. #self.list
  for i, r in ipairs(self.list) do
    local ion, parts = self.ions[r.ion], {}
    for k, a in ipairs(ion.atoms or {}) do parts[k] = ("%s:%d"):format(a[1], a[2]) end
    out[#out + 1] = ("Range%d=%.4f %.4f Vol:%.5f %s Color:%s"):format(i, r.lo, r.hi, r.volume,
      ion.atoms and table.concat(parts, " ") or "Name:" .. ion.name, ion.colour or "808080")
  end
  return sys.write_atomic(path, table.concat(out, "\r\n") .. "\r\n")
end

function Ranges:__tostring()
  local names = {}
  for i, ion in ipairs(self.ions) do names[i] = ion.name end
  return ("ranges: %d of %d ions (%s)"):format(#self.list, #self.ions, table.concat(names, ", "))
end

return ranges
