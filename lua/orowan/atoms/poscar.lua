--- POSCAR and CONTCAR of VASP: comment, scale (negative: the volume, Angstrom^3; or three factors),
--- box vectors, symbols (VASP 5) and numbers of atoms, optional selective dynamics, direct or
--- Cartesian coordinates (vasp.at/wiki/POSCAR). Velocities at the end of a CONTCAR are passed over.
local core = require "orowan.core"
local structure = require "orowan.atoms.structure"
local text = require "orowan.atoms.text"

local poscar = {}

local function box_of(c)
  local line = c:next()
  local scale = line and text.numbers(line, 1)
  if not scale then return c:fail "expected the scale, one number or three" end
  local rows = {}
  for k = 1, 3 do
    line = c:next()
    rows[k] = line and text.numbers(line, 3)
    if not rows[k] then return c:fail("box vector %d: expected three numbers", k) end
    rows[k] = { rows[k][1], rows[k][2], rows[k][3] }
  end
  local a, b, d = rows[1], rows[2], rows[3]
  local volume = math.abs(a[1] * (b[2] * d[3] - b[3] * d[2]) + a[2] * (b[3] * d[1] - b[1] * d[3]) + a[3] * (b[1] * d[2] - b[2] * d[1]))
  local f = { scale[1], scale[2] and scale[3] and scale[2] or scale[1], scale[2] and scale[3] or scale[1] }
  if scale[1] < 0 and not scale[3] then
    local s = volume > 0 and (-scale[1] / volume) ^ (1 / 3) or 0
    f = { s, s, s }
  end
  for r = 1, 3 do for k = 1, 3 do rows[r][k] = rows[r][k] * f[k] end end
  local scaled = volume * math.abs(f[1] * f[2] * f[3])
  if scaled ~= scaled or scaled <= 0 or scaled == math.huge then return c:fail "the box has no volume" end
  return rows, f
end

-- Symbols and numbers of atoms.
local function counts_of(c, comment, options)
  local line = c:next()
  local symbols = line and text.words(line) or {}
  if #symbols == 0 then return c:fail "expected symbols or numbers of atoms" end
  if tonumber(symbols[1]) then  -- VASP 4: the symbols may stand in the comment
    local list = options and options.species or text.words(comment)
    if #list < #symbols then return c:fail "the file names no elements (VASP 4): give species = {...}" end
    return list, line, false
  end
  for k, s in ipairs(symbols) do symbols[k] = s:match "^[%a]+" or s end  -- Nb_pv, Nb/hash
  line = c:next()
  return symbols, line or "", true
end

--- Reads the text of a POSCAR.
---@param content string
---@param path string for messages
---@param options? {species: string[]?} species: for files of VASP 4; else the order of the types
---@return orowan.atoms.structure[]? one
---@return table? err
function poscar.parse(content, path, options)
  local c = text.cursor(content, path)
  local comment = c:next()
  if not comment then return c:fail "the file is empty" end
  local cell, f = box_of(c)
  if not cell then return nil, f end
  local symbols, line, strict = counts_of(c, comment, options)
  if not symbols then return nil, line end
  local list, n, given = {}, 0, 0
  local words = text.words(line)
  for k, w in ipairs(words) do
    local m = math.tointeger(tonumber(w))
    if not m or m < 0 or m > 1e9 then
      if k > #symbols then break end
      return c:fail("expected the number of %s atoms, found '%s'", symbols[k], w:sub(1, 40))
    end
    if not symbols[k] then return c:fail("%d numbers of atoms for %d elements", k, #symbols) end
    n, given = n + m, k
    if n > #content then return c:fail("%d atoms are more than the file can hold", n) end
    for _ = 1, m do list[#list + 1] = symbols[k] end
  end
  if #words == 0 or (strict and given < #symbols) then return c:fail("expected the numbers of atoms of %d elements", #symbols) end
  line = c:next() or ""
  local selective = line:find "^%s*[Ss]" ~= nil
  if selective then line = c:next() or "" end
  local cartesian = line:find "^%s*[CcKk]" ~= nil
  if not cartesian and not line:find "^%s*[Dd]" then return c:fail("expected Direct or Cartesian, found '%s'", line:sub(1, 40)) end
  local kinds = selective and { "r", "r", "r", "l", "l", "l" } or { "r", "r", "r" }
  local columns, err = text.rows(c, n, kinds, options)
  if not columns then return nil, err end
  local x = core.index.stack({ columns[1], columns[2], columns[3] }, 2)
  if cartesian then x = x * core.tensor.tensor({ f }, "f64")
  else x = x:matmul(core.tensor.tensor(cell, "f64")) end
  local info = { comment = comment }
  if selective then info.arrays = { move = core.index.stack({ columns[4], columns[5], columns[6] }, 2) } end
  local ok, s = pcall(structure.new, { cell = cell, positions = x, symbols = list, species = options and options.species, info = info })
  if not ok then return c:fail("%s", tostring(s)) end
  return { s }
end

--- A structure as the text of a POSCAR. VASP wants the atoms of an element together: they are
--- written species by species, each in its order.
---@param frames orowan.atoms.structure[] one
---@return string content
function poscar.format(frames)
  if #frames ~= 1 then error(("atoms.write: a POSCAR holds one structure, got %d"):format(#frames), 0) end
  local s, out = frames[1], {}
  local comment = type(s.info.comment) == "string" and s.info.comment:gsub("[\r\n]", " ") or "Orowan"
  out[1], out[2] = comment, "1.0"
  for r = 1, 3 do out[#out + 1] = ("  %s %s %s"):format(text.number(s.cell:get(r, 1)), text.number(s.cell:get(r, 2)), text.number(s.cell:get(r, 3))) end
  local counts, symbols, amounts = s:counts(), {}, {}
  for _, name in ipairs(s.species) do
    if counts[name] > 0 and not name:find "^%a+$" then error(("atoms.write: a POSCAR names elements, a species is called '%s'"):format(name), 0) end
    if counts[name] > 0 then symbols[#symbols + 1], amounts[#amounts + 1] = name, ("%d"):format(counts[name]) end
  end
  out[#out + 1] = table.concat(symbols, " ")
  out[#out + 1] = table.concat(amounts, " ")
  local move = s.info.arrays and s.info.arrays.move
  if move and not (core.tensor.is_tensor(move) and move:ndim() == 2 and move:shape(1) == s.n and move:shape(2) == 3) then move = nil end
  if move then out[#out + 1] = "Selective dynamics" end
  out[#out + 1] = "Direct"
  local f, m = s:fractional():totable(), move and move:totable()
  for _, i in ipairs(s.types:argsort():totable()) do
    local row = { text.number(f[i][1]), text.number(f[i][2]), text.number(f[i][3]) }
    if m then for k = 1, 3 do row[k + 3] = m[i][k] ~= 0 and "T" or "F" end end
    out[#out + 1] = "  " .. table.concat(row, " ")
  end
  return table.concat(out, "\n") .. "\n"
end

return poscar
