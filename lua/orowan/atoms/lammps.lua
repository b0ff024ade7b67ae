--- Text files of LAMMPS: data files (read_data) and dumps (docs.lammps.org/read_data.html,
--- dump.html). Boxes are restricted triclinic: the first vector along x, the second in the plane of
--- x and y; the box of a structure begins at the origin, positions are moved there. Atoms come
--- sorted by id. Types get elements from `species`, from an element column, or from the masses;
--- else they are called "1", "2", ...
local core = require "orowan.core"
local elements = require "orowan.atoms.elements"
local lattice = require "orowan.atoms.lattice"
local structure = require "orowan.atoms.structure"
local text = require "orowan.atoms.text"

local lammps = {}
local tensor = core.tensor.tensor

local function cell_of(lo, hi, tilt)
  return { { hi[1] - lo[1], 0, 0 }, { tilt[1], hi[2] - lo[2], 0 }, { tilt[2], tilt[3], hi[3] - lo[3] } }
end

-- Several types may be one element; the types of the file are kept beside.
local function merged(types, species, arrays)
  local index, list, map = {}, {}, {}
  for k, name in ipairs(species) do
    if not index[name] then list[#list + 1], index[name] = name, #list + 1 end
    map[k] = index[name]
  end
  if #list == #species then return types, species end
  arrays.type = types
  return tensor(map, "i64")[types], list
end

-- Atoms of columns by name; ids sort them.
local function assemble(c, n, col, frame)
  local x = core.index.stack({ col.x, col.y, col.z }, 2)
  local types, species = col.type, frame.species
  if n > 0 and types:min() < 1 then return c:fail("a type is %d: types begin at 1", types:min()) end
  local most = n > 0 and types:max() or 0
  if most > (frame.types or most) or most > 10000 then return c:fail("a type is %d, there are %d", most, frame.types or 10000) end
  if species and #species < most then return c:fail("there are %d types, species names %d", most, #species) end
  if not species then
    species = {}
    for k = 1, math.max(frame.types or most, 1) do species[k] = frame.names and frame.names[k] or ("%d"):format(k) end
  end
  local arrays, rows = {}, nil
  types, species = merged(types, species, arrays)
  if col.id then
    rows = col.id:argsort()
    local sorted = col.id[rows]
    if n > 1 and sorted:slice(1, 2, -1):eq(sorted:slice(1, 1, -2)):any() then return c:fail "two atoms have the same id" end
    arrays.id = sorted
    for name, t in pairs(col) do col[name] = core.tensor.is_tensor(t) and t[rows] or t end
    x, types = x[rows], types[rows]
    if arrays.type then arrays.type = arrays.type[rows] end
  end
  for name, t in pairs(frame.extra or {}) do arrays[name] = rows and t[rows] or t end
  frame.info.arrays = next(arrays) and arrays or nil
  local ok, s = pcall(structure.new, { cell = frame.cell, positions = x - tensor({ frame.lo }, "f64"), types = types:to "i32", species = species,
    periodic = frame.periodic, info = frame.info })
  if not ok then return c:fail("%s", tostring(s)) end
  return s
end

-- ---- data files --------------------------------------------------------------------------------

-- Columns before the coordinates in each atom style: what of them we keep.
local styles = {
  atomic = { "id", "type" }, charge = { "id", "type", "charge" }, molecular = { "id", "molecule", "type" }, bond = { "id", "molecule", "type" },
  angle = { "id", "molecule", "type" }, full = { "id", "molecule", "type", "charge" },
}

local sections = {}
for name in ([[Atoms Velocities Masses Bonds Angles Dihedrals Impropers Ellipsoids Lines Triangles Bodies PairIJ]]):gmatch "%S+" do sections[name] = true end

local function header(c, head)
  while true do
    local raw = c:next()
    if not raw then return nil end
    local line = raw:gsub("#.*", "")
    local word = line:match "^%s*(%a+)"
    if word and (sections[word] or line:find "Coeffs") then return raw end
    local number, what = line:match "^%s*(%S+)%s+(%a.-)%s*$"
    if what == "atoms" or what == "atom types" then
      local v = math.tointeger(tonumber(number))
      if not v or v < 0 then return c:fail("%s: expected a whole number, found '%s'", what, number) end
      head[what] = v
    else
      local axis = line:match "([xyz])lo%s+[xyz]hi"
      if axis then
        local v = text.numbers(line, 2)
        if not v or v[1] >= v[2] then return c:fail("expected the lower and the upper bound along %s", axis) end
        local k = ("xyz"):find(axis, 1, true)
        head.lo[k], head.hi[k] = v[1], v[2]
      elseif line:find "xy%s+xz%s+yz" then
        head.tilt = text.numbers(line, 3)
        if not head.tilt then return c:fail "expected three tilt factors" end
      end
    end
  end
end

local function masses(c, head)
  local line = c:next()
  while line and not line:find "%S" do line = c:next() end
  for k = 1, head["atom types"] do
    local v = line and text.numbers(line, 2)
    local type = v and math.tointeger(v[1])
    if not type or type < 1 or type > head["atom types"] then return c:fail("Masses: expected a type and a mass (row %d of %d)", k, head["atom types"]) end
    local note = line:match "#%s*(%a+)"
    head.names[type] = note and elements.masses[note] and note or elements.nearest(v[2]) or nil
    head.masses[type] = v[2]
    if k < head["atom types"] then line = c:next() end
  end
  return true
end

local function atoms_rows(c, head, heading, options)
  local style = options.style or heading:match "#%s*(%a+)"
  c:next()
  local at, line = c.at, c.line
  local first = c:next() or ""
  c.at, c.line = at, line
  local width = #text.words((first:gsub("#.*", "")))
  if not style then style = (width == 5 or width == 8) and "atomic" or (width == 6 or width == 9) and "charge" or "full" end
  local before = styles[style]
  if not before then return c:fail("atom style '%s' is not supported (atomic, charge, molecular, bond, angle, full)", style) end
  local kinds, names = {}, {}
  for k, name in ipairs(before) do kinds[k], names[k] = name == "charge" and "r" or "i", name end
  for _, name in ipairs { "x", "y", "z" } do kinds[#kinds + 1], names[#names + 1] = "r", name end
  if width == #kinds + 3 then for _, name in ipairs { "ix", "iy", "iz" } do kinds[#kinds + 1], names[#names + 1] = "i", name end end
  local columns, err = text.rows(c, head.atoms, kinds, options)
  if not columns then return nil, err end
  local col = {}
  for k, name in ipairs(names) do col[name] = columns[k] end
  return col
end

--- Reads the text of a data file.
---@param content string
---@param path string for messages
---@param options? {species: string[]?, style: string?} species: element of each type; style: atom style, where the file does not say it
---@return orowan.atoms.structure[]? one
---@return table? err
function lammps.parse_data(content, path, options)
  options = options or {}
  local c = text.cursor(content, path)
  local comment = c:next()
  if not comment then return c:fail "the file is empty" end
  local head, col, extra = { lo = {}, hi = {}, names = {}, masses = {} }, nil, {}
  local err
  local line, why = header(c, head)
  if why then return nil, why end
  for _, need in ipairs { "atoms", "atom types" } do if not head[need] then return c:fail("the number of %s is missing", need) end end
  if head["atom types"] > 10000 or head.atoms > #content then return c:fail("%d atoms of %d types are more than the file can hold", head.atoms, head["atom types"]) end
  for k = 1, 3 do
    if not head.lo[k] then return c:fail("the bounds along %s are missing", ("xyz"):sub(k, k)) end
  end
  while line do
    local word = line:match "^%s*(%a+)"
    if word == "Masses" then
      local ok
      ok, err = masses(c, head)
      if not ok then return nil, err end
    elseif word == "Atoms" then
      col, err = atoms_rows(c, head, line, options)
      if not col then return nil, err end
    elseif word == "Velocities" then
      c:next()
      local v
      v, err = text.rows(c, head.atoms, { "i", "r", "r", "r" }, options)
      if not v then return nil, err end
      extra.velocity_id, extra.velocities = v[1], core.index.stack({ v[2], v[3], v[4] }, 2)
    end
    repeat
      line = c:next()
      local w = line and line:match "^%s*(%a+)"
    until not line or (w and (sections[w] or line:find "Coeffs"))
  end
  if not col then return c:fail "the section Atoms is missing" end
  local frame = { species = options.species, types = head["atom types"], names = head.names, lo = head.lo, cell = cell_of(head.lo, head.hi, head.tilt or { 0, 0, 0 }),
    info = { comment = comment, origin = head.lo, masses = #head.masses > 0 and head.masses or nil }, extra = {} }
  if extra.velocities then  -- in an order of its own
    local here, there = col.id:argsort(), extra.velocity_id:argsort()
    if not col.id[here]:equal(extra.velocity_id[there]) then return c:fail "Velocities: the ids are not those of Atoms" end
    frame.extra.velocities = core.index.concat({ extra.velocities[there] }, 1)[here:argsort()]
  end
  if col.ix then frame.extra.image = core.index.stack({ col.ix, col.iy, col.iz }, 2) end
  if col.charge then frame.extra.charge = col.charge end
  if col.molecule then frame.extra.molecule = col.molecule end
  local s
  s, err = assemble(c, head.atoms, col, frame)
  return s and { s }, err
end

--- The box turned as LAMMPS wants it.
---@param s orowan.atoms.structure
---@return orowan.tensor cell
---@return orowan.tensor positions
---@return orowan.tensor? rotation right-hand factor, nil when nothing had to be turned
function lammps.turned(s)
  local c = s.cell
  if c:get(1, 2) == 0 and c:get(1, 3) == 0 and c:get(2, 3) == 0 and c:get(1, 1) > 0 and c:get(2, 2) > 0 and c:get(3, 3) > 0 then return c, s.positions end
  local r = lattice.onto_axes(c:totable())
  local cell = c:matmul(r)
  if cell:get(3, 3) <= 0 then error("atoms.write: the box vectors are left-handed: LAMMPS wants them right-handed", 0) end
  return cell, s.positions:matmul(r), r
end

--- A structure as the text of a data file (atom style atomic, units metal); without masses when one of
--- them is not known.
---@param frames orowan.atoms.structure[] one
---@param options? {masses: table<string, number>?} masses: u, of symbols that are no element with a natural mass
---@return string content
function lammps.format_data(frames, options)
  if #frames ~= 1 then error(("atoms.write: a LAMMPS data file holds one structure, got %d"):format(#frames), 0) end
  local s = frames[1]
  local cell, x, r = lammps.turned(s)
  local out = { "written by Orowan, units metal", "", ("%d atoms"):format(s.n), ("%d atom types"):format(#s.species), "" }
  for k, axis in ipairs { "x", "y", "z" } do out[#out + 1] = ("0 %s %slo %shi"):format(text.number(cell:get(k, k)), axis, axis) end
  local tilt = { cell:get(2, 1), cell:get(3, 1), cell:get(3, 2) }
  if tilt[1] ~= 0 or tilt[2] ~= 0 or tilt[3] ~= 0 then out[#out + 1] = ("%s %s %s xy xz yz"):format(text.number(tilt[1]), text.number(tilt[2]), text.number(tilt[3])) end
  local list, all = { "\nMasses\n" }, true
  for k, name in ipairs(s.species) do
    local mass = options and options.masses and options.masses[name] or elements.masses[name]
    all = all and mass
    if all then list[k + 1] = ("%d %s # %s"):format(k, text.number(mass), name) end
  end
  if all then table.move(list, 1, #list, #out + 1, out) end
  out[#out + 1] = "\nAtoms # atomic\n"
  local types = s.types:totable()
  for i, p in ipairs(x:totable()) do out[#out + 1] = ("%d %d %s %s %s"):format(i, types[i], text.number(p[1]), text.number(p[2]), text.number(p[3])) end
  local v = s.info.arrays and s.info.arrays.velocities
  if v and core.tensor.is_tensor(v) and v:ndim() == 2 and v:shape(1) == s.n and v:shape(2) == 3 then
    out[#out + 1] = "\nVelocities\n"
    if r then v = v:to "f64":matmul(r) end
    for i, p in ipairs(v:totable()) do out[#out + 1] = ("%d %s %s %s"):format(i, text.number(p[1]), text.number(p[2]), text.number(p[3])) end
  end
  return table.concat(out, "\n") .. "\n"
end

-- ---- dumps -------------------------------------------------------------------------------------

-- Bounds of the dump enclose the tilted box.
local function bounds_of(c, line)
  local rows = {}
  for k = 1, 3 do
    local v = c:next()
    rows[k] = v and text.numbers(v, 2)
    if not rows[k] or rows[k][1] >= rows[k][2] then return c:fail("BOX BOUNDS: expected the lower and the upper bound along %s", ("xyz"):sub(k, k)) end
  end
  local tilt, lo, hi = { 0, 0, 0 }, {}, {}
  if line:find "xy xz yz" then
    for k = 1, 3 do
      tilt[k] = rows[k][3]
      if not tilt[k] then return c:fail "BOX BOUNDS xy xz yz: expected a tilt factor behind the bounds" end
    end
  end
  for k = 1, 3 do lo[k], hi[k] = rows[k][1], rows[k][2] end
  local xy, xz, yz = tilt[1], tilt[2], tilt[3]
  lo[1] = lo[1] - math.min(0, xy, xz, xy + xz)
  hi[1] = hi[1] - math.max(0, xy, xz, xy + xz)
  lo[2], hi[2] = lo[2] - math.min(0, yz), hi[2] - math.max(0, yz)
  if hi[1] <= lo[1] or hi[2] <= lo[2] then return c:fail "BOX BOUNDS: the box has no volume" end
  local periodic = {}
  for a in line:gmatch "%f[%w]([pfsm])[pfsm]%f[%W]" do periodic[#periodic + 1] = a == "p" end
  if #periodic ~= 3 then periodic = { true, true, true } end
  return lo, cell_of(lo, hi, tilt), periodic
end

local whole = { id = true, type = true, mol = true, ix = true, iy = true, iz = true, proc = true }
local word = { element = true }

-- x, y, z whatever they are called: scaled ones are fractions of the box.
local function coordinates(c, col, frame)
  for _, set in ipairs { { "x", "y", "z" }, { "xu", "yu", "zu" } } do
    if col[set[1]] and col[set[2]] and col[set[3]] then
      col.x, col.y, col.z = col[set[1]], col[set[2]], col[set[3]]
      return true
    end
  end
  for _, set in ipairs { { "xs", "ys", "zs" }, { "xsu", "ysu", "zsu" } } do
    if col[set[1]] and col[set[2]] and col[set[3]] then
      local x = core.index.stack({ col[set[1]], col[set[2]], col[set[3]] }, 2):matmul(tensor(frame.cell, "f64")) + tensor({ frame.lo }, "f64")
      col.x, col.y, col.z = x:select(2, 1), x:select(2, 2), x:select(2, 3)
      return true
    end
  end
  return c:fail "ITEM: ATOMS: expected columns x y z, xu yu zu, xs ys zs or xsu ysu zsu"
end

local coordinate = {}
for name in ("x y z xu yu zu xs ys zs xsu ysu zsu id type element"):gmatch "%S+" do coordinate[name] = true end

local function atoms_of(c, line, n, frame, options)
  local names, kinds = text.words(line:sub(12)), {}
  for k, name in ipairs(names) do kinds[k] = whole[name] and "i" or word[name] and "s" or "r" end
  local columns, err = text.rows(c, n, kinds, options)
  if not columns then return nil, err end
  local col, extra = {}, {}
  for k, name in ipairs(names) do
    col[name] = columns[k]
    if not coordinate[name] and kinds[k] ~= "s" then extra[name] = columns[k] end
  end
  for array, set in pairs { forces = { "fx", "fy", "fz" }, velocities = { "vx", "vy", "vz" } } do
    if extra[set[1]] and extra[set[2]] and extra[set[3]] then
      extra[array] = core.index.stack({ extra[set[1]], extra[set[2]], extra[set[3]] }, 2)
      for _, name in ipairs(set) do extra[name] = nil end
    end
  end
  local ok
  ok, err = coordinates(c, col, frame)
  if not ok then return nil, err end
  if col.element and not frame.species then
    local index, list, types = {}, {}, {}
    for i, e in ipairs(col.element) do
      if not index[e] then list[#list + 1], index[e] = e, #list + 1 end
      types[i] = index[e]
    end
    if n > 0 then col.type, frame.species = tensor(types, "i64"), list end
  end
  if not col.type then return c:fail "ITEM: ATOMS: expected a column type or element" end
  frame.extra = extra
  return assemble(c, n, { x = col.x, y = col.y, z = col.z, id = col.id, type = col.type }, frame)
end

--- Reads all frames of a dump (styles atom and custom).
---@param content string
---@param path string for messages
---@param options? {species: string[]?} species: element of each type
---@return orowan.atoms.structure[]? frames info.step: the time step
---@return table? err
function lammps.parse_dump(content, path, options)
  options = options or {}
  local c, frames = text.cursor(content, path), {}
  local step, n, frame = nil, nil, nil
  for line in function() return c:next() end do
    local item = line:match "^ITEM: (.*)$"
    if not item then
      if line:find "%S" then return c:fail("expected ITEM: ..., found '%s'", line:sub(1, 40)) end
    elseif item:find "^TIMESTEP" then
      step = tonumber((c:next() or ""):match "^%s*(%-?%d+)%s*$")
      if not step then return c:fail "ITEM: TIMESTEP: expected a whole number" end
    elseif item:find "^NUMBER OF ATOMS" then
      n = math.tointeger(tonumber(c:next() or ""))
      if not n or n < 0 or n > #content then return c:fail "ITEM: NUMBER OF ATOMS: expected the number of atoms" end
    elseif item:find "^BOX BOUNDS" then
      local lo, cell, periodic = bounds_of(c, item)
      if not lo then return nil, cell end
      frame = { lo = lo, cell = cell, periodic = periodic, species = options.species, info = { step = step, origin = lo } }
    elseif item:find "^ATOMS" then
      if not n or not frame then return c:fail "ITEM: ATOMS: NUMBER OF ATOMS and BOX BOUNDS must stand before" end
      local s, err = atoms_of(c, line, n, frame, options)
      if not s then return nil, err end
      frames[#frames + 1] = s
      n, frame = nil, nil
    else c:next() end -- UNITS, TIME: one line
  end
  if #frames == 0 then return c:fail "the file has no ITEM: ATOMS" end
  return frames
end

--- Frames as the text of a dump (id type element x y z, then velocities and forces where info.arrays
--- has them).
---@param frames orowan.atoms.structure[]
---@return string content
function lammps.format_dump(frames)
  local out = {}
  for k, s in ipairs(frames) do
    local cell, x, r = lammps.turned(s)
    local xy, xz, yz = cell:get(2, 1), cell:get(3, 1), cell:get(3, 2)
    local flags = {}
    for d = 1, 3 do flags[d] = s.periodic[d] and "pp" or "ff" end
    out[#out + 1] = ("ITEM: TIMESTEP\n%d\nITEM: NUMBER OF ATOMS\n%d"):format(math.tointeger(s.info.step) or k - 1, s.n)
    local tilted = xy ~= 0 or xz ~= 0 or yz ~= 0
    out[#out + 1] = ("ITEM: BOX BOUNDS %s%s"):format(tilted and "xy xz yz " or "", table.concat(flags, " "))
    local lo = { math.min(0, xy, xz, xy + xz), math.min(0, yz), 0 }
    local hi = { cell:get(1, 1) + math.max(0, xy, xz, xy + xz), cell:get(2, 2) + math.max(0, yz), cell:get(3, 3) }
    local tilt = { xy, xz, yz }
    for d = 1, 3 do out[#out + 1] = ("%s %s%s"):format(text.number(lo[d]), text.number(hi[d]), tilted and " " .. text.number(tilt[d]) or "") end
    local head, columns = "ITEM: ATOMS id type element x y z", { x:totable() }
    for _, v in ipairs { { "velocities", " vx vy vz" }, { "forces", " fx fy fz" } } do
      local t = s.info.arrays and s.info.arrays[v[1]]
      if t and core.tensor.is_tensor(t) and t:ndim() == 2 and t:shape(1) == s.n and t:shape(2) == 3 then
        head, columns[#columns + 1] = head .. v[2], (r and t:to "f64":matmul(r) or t):totable()
      end
    end
    out[#out + 1] = head
    local types = s.types:totable()
    for i = 1, s.n do
      local row = { ("%d %d %s"):format(i, types[i], s.species[types[i]]) }
      for _, col in ipairs(columns) do for d = 1, 3 do row[#row + 1] = text.number(col[i][d]) end end
      out[#out + 1] = table.concat(row, " ")
    end
  end
  return table.concat(out, "\n") .. "\n"
end

return lammps
