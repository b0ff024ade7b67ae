--- Perfect crystals in boxes of any orientation. The sites of the infinite lattice that lie in the
--- box are listed cell by cell (first cell index slowest), in each cell in the order of its basis;
--- a site belongs to the box when its fractional coordinates are in [0, 1) within rounding, so
--- that any box made of lattice vectors holds exactly its share. Lengths in Angstrom.
local core = require "orowan.core"
local cells = require "orowan.atoms.cells"
local structure = require "orowan.atoms.structure"
local suggest = require "orowan.suggest"

local lattice = {}
local tensor = core.tensor.tensor
local eps <const> = 1e-7

local function raise(fmt, ...) error("atoms.lattice: " .. fmt:format(...), 0) end

local function names()
  local list = {}
  for name in pairs(cells.cells) do if name ~= "bcc16" then list[#list + 1] = name end end
  for name in pairs(cells.orders) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local cubic = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }

-- {basis, vectors in units of a, sublattice of every site ("A", "B"), ordered}
local function definition(which, options)
  if type(which) == "table" then
    if type(which.basis) ~= "table" or #which.basis == 0 then raise "basis: expected a list of sites in fractions of the cell" end
    local sub = which.sublattices or {}
    for b = 1, #which.basis do sub[b] = sub[b] or "A" end
    return { name = which.name or "own", basis = which.basis, vectors = which.vectors or cubic, sub = sub, ordered = which.sublattices ~= nil }
  end
  local order = type(which) == "string" and cells.order(which)
  local cell = order and cells.cells[order.cell] or cells.cells[which] or cells.cells[tostring(which):lower()]
  if not cell then raise("unknown lattice '%s'%s", tostring(which), suggest.hint(tostring(which), names(), "lattices")) end
  local variant = options.variant or (order == cells.orders.L10 and 3) or 1
  if order and (math.type(variant) ~= "integer" or variant < 1 or variant > order.variants) then raise("variant: expected 1 to %d, got %s", order.variants, tostring(variant)) end
  local def = { name = which, basis = cell.basis, vectors = {}, sub = {}, ordered = order ~= nil and order ~= false }
  for b, site in ipairs(cell.basis) do def.sub[b] = order and not order.on(b, site, variant) and "B" or "A" end
  local c = options.c and options.c / options.a or cell.c or 1
  for k, v in ipairs(cell.vectors or cubic) do def.vectors[k] = { v[1], v[2], k == 3 and c or v[3] } end
  return def
end

-- Is d (units of the cell vectors) a translation that maps the crystal on itself?
local function translation(def, d)
  for b, u in ipairs(def.basis) do
    local found = false
    for q, w in ipairs(def.basis) do
      local same = def.sub[b] == def.sub[q]
      for k = 1, 3 do
        local f = u[k] + d[k] - w[k]
        same = same and math.abs(f - math.floor(f + 0.5)) < 1e-6
      end
      found = found or same
    end
    if not found then return false end
  end
  return true
end

local function gcd(a, b) return b == 0 and math.abs(a) or gcd(b, a % b) end

-- Shortest vector of the lattice along [u v w].
local function shortest(def, d, which)
  local g = 0
  for k = 1, 3 do
    local i = math.tointeger(d[k])
    if not i then raise("directions: direction %d: expected three whole numbers [u v w]", which) end
    g = gcd(i, g)
  end
  if g == 0 then raise("directions: direction %d is [0 0 0]", which) end
  for _, part in ipairs { 6, 4, 3, 2, 1 } do
    local s = { d[1] / g / part, d[2] / g / part, d[3] / g / part }
    if part == 1 or translation(def, s) then return s end
  end
end

local function det(m)
  return m[1][1] * (m[2][2] * m[3][3] - m[2][3] * m[3][2]) - m[1][2] * (m[2][1] * m[3][3] - m[2][3] * m[3][1])
    + m[1][3] * (m[2][1] * m[3][2] - m[2][2] * m[3][1])
end

-- The box vectors in units of the cell vectors, and whether to turn them onto the axes.
local function supercell(def, options)
  if options.matrix and options.directions then raise "give matrix or directions, not both" end
  local m, size = options.matrix, options.size or { 1, 1, 1 }
  if math.type(size) == "integer" then size = { size, size, size } end
  for k = 1, 3 do
    if not math.tointeger(size[k]) or size[k] < 1 then raise("size: expected three whole numbers of 1 or more, got %s", tostring(size[k])) end
  end
  local turn = options.directions ~= nil
  if turn then
    m = {}
    for k = 1, 3 do m[k] = shortest(def, options.directions[k] or {}, k) end
  elseif not m then m = cubic
  else
    for r = 1, 3 do
      for k = 1, 3 do
        if not math.tointeger((m[r] or {})[k]) then raise("matrix: expected 3 x 3 whole numbers, found %s in row %d", tostring((m[r] or {})[k]), r) end
      end
    end
  end
  local big = {}
  for r = 1, 3 do
    big[r] = {}
    for k = 1, 3 do big[r][k] = m[r][k] * size[r] end
  end
  local volume = det(big)
  if math.abs(volume) < 1e-9 then raise "the three vectors of the supercell lie in a plane" end
  if volume < 0 then raise "the three vectors of the supercell are left-handed: exchange two of them" end
  return big, turn, volume
end

-- Sites p of the infinite lattice in the box m (both in units of the cell vectors), their basis number.
local function sites(def, m, expected)
  local axes = {}
  for k = 1, 3 do
    local lo, hi = 0, 0
    for r = 1, 3 do
      lo, hi = lo + math.min(m[r][k], 0), hi + math.max(m[r][k], 0)
    end
    local low, high = math.huge, -math.huge
    for _, u in ipairs(def.basis) do low, high = math.min(low, u[k]), math.max(high, u[k]) end
    axes[k] = core.create.arange(math.floor(lo - high - eps), math.ceil(hi - low + eps), 1, "f64")
  end
  local n = { axes[1]:numel(), axes[2]:numel(), axes[3]:numel(), #def.basis }
  if n[1] * n[2] * n[3] * n[4] > 3e8 then raise "more than 3e8 sites" end
  local u, parts = tensor(def.basis, "f64"), {}
  for k = 1, 3 do
    local shape = { 1, 1, 1, 1 }
    shape[k] = n[k]
    parts[k] = (axes[k]:reshape(shape) + u:select(2, k)):broadcast_to(n):reshape(-1)
  end
  local p = core.index.stack(parts, 2)
  local s = p:matmul(core.linalg.inv(tensor(m, "f64")))
  local rows = core.index.nonzero(s:ge(-eps):logical_and(s:lt(1 - eps)):all(2)):reshape(-1)
  if rows:numel() ~= expected then
    raise("the box holds %d sites, %g were expected: the basis has sites closer than rounding, or the box is too large", rows:numel(), expected)
  end
  return p[rows], (rows - 1):mod(n[4]) + 1
end

--- Rotation (right-hand factor) that turns row 1 onto x and row 2 into the plane of x and y.
---@param cell number[][] rows
---@return orowan.tensor f64 [3, 3]
function lattice.onto_axes(cell)
  local a, b = cell[1], cell[2]
  local function norm(v)
    local l = math.sqrt(v[1] ^ 2 + v[2] ^ 2 + v[3] ^ 2)
    return { v[1] / l, v[2] / l, v[3] / l }
  end
  local x = norm(a)
  local z = norm { a[2] * b[3] - a[3] * b[2], a[3] * b[1] - a[1] * b[3], a[1] * b[2] - a[2] * b[1] }
  local y = { z[2] * x[3] - z[3] * x[2], z[3] * x[1] - z[1] * x[3], z[1] * x[2] - z[2] * x[1] }
  return tensor({ { x[1], y[1], z[1] }, { x[2], y[2], z[2] }, { x[3], y[3], z[3] } }, "f64")
end

local known = { a = 1, c = 1, size = 1, matrix = 1, directions = 1, species = 1, variant = 1, periodic = 1 }

--- A perfect crystal. Sites are in the order of the cells i, j, k (k fastest), in a cell in the
--- order of its basis: bcc corner, then centre. Ordered structures have two sublattices: A is the
--- corner of L1_2, the (001) layers through the corner of L1_0, the corner of B2, a quarter of D0_3.
---@param which string|{basis: number[][], vectors: number[][]?, sublattices: string[]?, name: string?} "sc", "bcc", "fcc", "hcp", "diamond", "L12", "L10", "B2", "D03" (also L1_2, ...); or a basis in fractions of the cell with its vectors in units of a (default cubic) and the sublattice of every site
---@param options {a: number, c: number?, size: integer|integer[]|nil, matrix: integer[][]?, directions: integer[][]?, species: string|table<string, string>, variant: integer?, periodic: boolean[]?} a: edge of the cubic or hexagonal cell, Angstrom (of D0_3 the large cell); c: height, Angstrom (hcp: default ideal; cubic names become tetragonal); size: repeats of the three box vectors; matrix: whole-number rows, box vectors in units of the cell's; directions: Miller directions of the three box vectors (the shortest lattice vectors along them, turned so that the first lies along x and the second in the xy plane); species: an element, or one for each sublattice {A = , B = }; variant: which of the equivalent choices of sublattice A
---@return orowan.atoms.structure s info.lattice: name, a, c, vectors (rows, of the cell, Angstrom), basis; info.sublattices: i32 [n], 1 for A
function lattice.new(which, options)
  if type(options) ~= "table" then raise("expected (lattice, {a =, species =, ...}), got options of type %s", type(options)) end
  for key in pairs(options) do
    if not known[key] then
      local list = {}
      for name in pairs(known) do list[#list + 1] = name end
      table.sort(list)
      raise("unknown option '%s'%s", tostring(key), suggest.hint(tostring(key), list))
    end
  end
  local a = options.a
  if type(a) ~= "number" or not (a > 0 and a < math.huge) then raise("a: expected the edge of the cell in Angstrom, got %s", tostring(a)) end
  if options.c and not (type(options.c) == "number" and options.c > 0 and options.c < math.huge) then raise("c: expected a height in Angstrom, got %s", tostring(options.c)) end
  local def = definition(which, options)
  local m, turn, volume = supercell(def, options)
  local p, b = sites(def, m, math.floor(volume * #def.basis + 0.5))
  local vectors = tensor(def.vectors, "f64") * a
  local cell, positions = tensor(m, "f64"):matmul(vectors), p:matmul(vectors)
  if turn then
    local r = lattice.onto_axes(cell:totable())
    cell, positions = cell:matmul(r), positions:matmul(r)
    local c, scale = cell:totable(), a * 1e-12
    for i = 1, 3 do
      for j = 1, 3 do if j > i or math.abs(c[i][j]) < scale * 10 then c[i][j] = 0 end end
    end
    cell = tensor(c, "f64")
  end
  local letters, index = {}, {}
  for _, l in ipairs(def.sub) do
    if not index[l] then letters[#letters + 1], index[l] = l, true end
  end
  table.sort(letters)
  for i, l in ipairs(letters) do index[l] = i end
  local species, of = {}, {}
  for i, l in ipairs(letters) do
    local e = type(options.species) == "table" and options.species[l] or options.species
    if type(e) ~= "string" then raise("species: expected %s, got %s", #letters > 1 and "an element for each of the sublattices " .. table.concat(letters, ", ") or "an element", tostring(e)) end
    for k, s in ipairs(species) do if s == e then of[i] = k end end
    if not of[i] then species[#species + 1], of[i] = e, #species + 1 end
  end
  local sub = {}
  for k, l in ipairs(def.sub) do sub[k] = index[l] end
  local sublattices = tensor(sub, "i32")[b]
  return structure.new { cell = cell, positions = positions, types = tensor(of, "i32")[sublattices:to "i64"], species = species, periodic = options.periodic,
    info = { lattice = { name = def.name, a = a, c = options.c, vectors = vectors, basis = def.basis }, sublattices = def.ordered and sublattices or nil } }
end

return lattice
