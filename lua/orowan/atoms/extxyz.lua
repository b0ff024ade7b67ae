--- Extended XYZ: a line with the number of atoms, a line of key=value pairs with Lattice (rows of
--- the box, Angstrom) and Properties (name:kind:columns of the rows), one row an atom; any number
--- of such frames (the format of libAtoms and ASE; github.com/libAtoms/extxyz).
local core = require "orowan.core"
local structure = require "orowan.atoms.structure"
local text = require "orowan.atoms.text"

local extxyz = {}

-- key=value, key="a b", key={a b}, key; nil where a quote does not end.
local function pairs_of(line)
  local list, at = {}, 1
  local closing = { ['"'] = '"', ["'"] = "'", ["{"] = "}", ["["] = "]" }
  while true do
    at = line:find("%S", at)
    if not at then return list end
    local key, stop = line:match("^([^%s=]+)()", at)
    if not key then return nil, ("expected key=value, found '%s'"):format(line:sub(at, at + 20)) end
    at = stop
    if line:sub(at, at) == "=" then
      at = at + 1
      local close = closing[line:sub(at, at)]
      local value
      if close then
        local last = line:find(close, at + 1, true)
        if not last then return nil, ("the value of %s does not end"):format(key) end
        value, at = line:sub(at + 1, last - 1), last + 1
      else value, at = line:match("^(%S*)()", at) end
      list[#list + 1] = { key, value }
    else list[#list + 1] = { key, true } end
  end
end

local function properties(value)
  local list, part = {}, {}
  for w in value:gmatch "[^:]+" do part[#part + 1] = w end
  if #part == 0 or #part % 3 ~= 0 then return nil end
  for k = 1, #part, 3 do
    local columns = math.tointeger(tonumber(part[k + 2]))
    local kind = part[k + 1]:lower()
    if not columns or columns < 1 or columns > 1000 or not ("sril"):find(kind, 1, true) or #kind ~= 1 then return nil end
    list[#list + 1] = { name = part[k], kind = kind, columns = columns }
  end
  return list
end

local function flags(value)
  local list = {}
  for w in value:gsub(",", " "):gmatch "%S+" do
    local c = w:match "^[TtFf]" or w:match "^[01]"
    if not c then return nil end
    list[#list + 1] = c == "T" or c == "t" or c == "1"
  end
  return #list == 3 and list or nil
end

-- A value of the comment line as number, truth value, list of numbers, or words.
local function plain(v)
  if v == true then return true end
  if v == "T" or v == "True" or v == "true" then return true end
  if v == "F" or v == "False" or v == "false" then return false end
  local list = text.numbers(v, 1)
  if not list or #list ~= #text.words(v) then return v end
  return #list == 1 and list[1] or list
end

local default = { { name = "species", kind = "s", columns = 1 }, { name = "pos", kind = "r", columns = 3 } }
local positions_of, species_of = { pos = true, positions = true }, { species = true, element = true, symbols = true, symbol = true }

local function columns_of(c, n, props, options)
  local kinds = {}
  for _, p in ipairs(props) do for _ = 1, p.columns do kinds[#kinds + 1] = p.kind end end
  local columns, err = text.rows(c, n, kinds, options)
  if not columns then return nil, err end
  local out, at = {}, 1
  for _, p in ipairs(props) do
    if p.kind == "s" then out[p.name] = columns[at]
    elseif p.columns == 1 then out[p.name] = columns[at]
    else out[p.name] = core.index.stack(table.move(columns, at, at + p.columns - 1, 1, {}), 2) end
    at = at + p.columns
  end
  return out
end

-- A molecule has no box: one that leaves an Angstrom around it.
local function box_around(x)
  if x:shape(1) == 0 then return { 1, 1, 1 } end
  local size = (x:max(1) - x:min(1)):totable()
  return { size[1] + 2, size[2] + 2, size[3] + 2 }
end

local function frame(c, first, options)
  local n = math.tointeger(tonumber(first))
  if not n or n < 0 then return c:fail("expected the number of atoms, found '%s'", first:sub(1, 40)) end
  local line = c:next()
  if not line then return c:fail "the comment line is missing" end
  local list = pairs_of(line)
  local info, props, cell, periodic = {}, default, nil, nil
  if list and line:find("Lattice=", 1, true) or line:find("Properties=", 1, true) then
    if not list then
      local _, why = pairs_of(line)
      return c:fail("%s", why)
    end
    for _, kv in ipairs(list) do
      local key, v = kv[1], kv[2]
      if key == "Lattice" then
        local m = v ~= true and text.numbers(v, 9)
        if not m or #m ~= 9 then return c:fail "Lattice: expected nine numbers" end
        cell = { { m[1], m[2], m[3] }, { m[4], m[5], m[6] }, { m[7], m[8], m[9] } }
      elseif key == "Properties" then
        props = v ~= true and properties(v)
        if not props then return c:fail("Properties: expected name:kind:columns:..., kind S, R, I or L, found '%s'", tostring(v):sub(1, 60)) end
      elseif key == "pbc" then
        periodic = v ~= true and flags(v)
        if not periodic then return c:fail "pbc: expected three of T and F" end
      else info[key] = plain(v) end
    end
  elseif line ~= "" then info.comment = line end
  local data, err = columns_of(c, n, props, options)
  if not data then return nil, err end
  local arrays, x, symbols = {}, nil, nil
  for _, p in ipairs(props) do
    if positions_of[p.name] and p.kind == "r" and p.columns == 3 then x = data[p.name]
    elseif species_of[p.name] and p.kind == "s" then symbols = data[p.name]
    elseif p.kind ~= "s" or p.columns == 1 then arrays[p.name] = data[p.name] end
  end
  if not x or not symbols then return c:fail "Properties: expected species:S:1 and pos:R:3 among them" end
  info.arrays = next(arrays) and arrays or nil
  local ok, s = pcall(structure.new, { cell = cell or box_around(x), positions = x, symbols = symbols, species = options and options.species,
    periodic = periodic or cell ~= nil, info = info })
  if not ok then return c:fail("%s", tostring(s)) end
  return s
end

--- All frames of a text.
---@param content string
---@param path string for messages
---@param options? table
---@return orowan.atoms.structure[]? frames
---@return table? err
function extxyz.parse(content, path, options)
  local c, frames = text.cursor(content, path), {}
  while true do
    local line = c:next()
    while line and #frames > 0 and not line:find "%S" do line = c:next() end
    if not line then break end
    local s, err = frame(c, line, options)
    if not s then return nil, err end
    frames[#frames + 1] = s
  end
  if #frames == 0 then return c:fail "the file is empty" end
  return frames
end

local function shown(v)
  if type(v) == "number" then return text.number(v) end
  if type(v) == "boolean" then return v and "T" or "F" end
  if type(v) == "string" and not v:find "[\r\n\"]" then return '"' .. v .. '"' end
  if type(v) ~= "table" or #v == 0 then return nil end
  local list = {}
  for k, x in ipairs(v) do
    if type(x) ~= "number" then return nil end
    list[k] = text.number(x)
  end
  return '"' .. table.concat(list, " ") .. '"'
end

--- Frames as text. Numbers of info.arrays (tensors [n] or [n, k]) become columns; numbers, words
--- and lists of numbers in info become pairs; the rest of info is left out.
---@param frames orowan.atoms.structure[]
---@return string content
function extxyz.format(frames)
  local out = {}
  for _, s in ipairs(frames) do
    local cell, names = {}, {}
    for r = 1, 3 do for k = 1, 3 do cell[#cell + 1] = text.number(s.cell:get(r, k)) end end
    local head = { ('Lattice="%s"'):format(table.concat(cell, " ")) }
    local props, columns = { "species:S:1:pos:R:3" }, { s.positions:totable() }
    for name in pairs(s.info.arrays or {}) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      local t = s.info.arrays[name]
      if core.tensor.is_tensor(t) and t:shape(1) == s.n and t:ndim() <= 2 and not name:find "[:%s=\"]" then
        local wide = t:ndim() == 2 and t or t:reshape(s.n, 1)
        props[#props + 1] = ("%s:%s:%d"):format(name, t:dtype():find "^f" and "R" or "I", wide:shape(2))
        columns[#columns + 1] = wide:totable()
      end
    end
    head[2] = "Properties=" .. table.concat(props, ":")
    head[3] = ('pbc="%s %s %s"'):format(s.periodic[1] and "T" or "F", s.periodic[2] and "T" or "F", s.periodic[3] and "T" or "F")
    local keys = {}
    for key in pairs(s.info) do if type(key) == "string" and key ~= "arrays" and not key:find "[%s=\"]" then keys[#keys + 1] = key end end
    table.sort(keys)
    for _, key in ipairs(keys) do
      local v = shown(s.info[key])
      if v then head[#head + 1] = key .. "=" .. v end
    end
    out[#out + 1] = ("%d\n%s\n"):format(s.n, table.concat(head, " "))
    for i, symbol in ipairs(s:symbols()) do
      local row = { symbol }
      for _, col in ipairs(columns) do for _, x in ipairs(col[i]) do row[#row + 1] = text.number(x) end end
      out[#out + 1] = table.concat(row, " ") .. "\n"
    end
  end
  return table.concat(out)
end

return extxyz
