--- The LuaCATS comments of lua/orowan, read once: functions with their parameters and results,
--- classes with their fields, the comment at the top of every file.
---
--- A function's public name comes from where it is written: `function ow.NAME` and the modules'
--- own tables give ow.NAME and ow.MODULE.NAME, methods of a table that a `---@class` stands above
--- give CLASS:NAME (also in other files of the folder that add methods to the same table).
--- Between lines of three backticks stands an example, Lua that spec/docs_spec.lua runs.
local sys = require "orowan.sys"

local annotations = {}

local tree_cache

-- ---- reading annotations ----------------------------------------------------------------

-- The type at the start of s: no spaces except inside brackets and quotes, and after the
-- colon of a function type. Returns the type and the rest.
local function split_type(s)
  local depth, i, quote = 0, 1, nil
  while i <= #s do
    local c = s:sub(i, i)
    if quote then
      if c == quote then quote = nil end
    elseif c == '"' or c == "'" then quote = c
    elseif c:find("[%(%[{<]") then depth = depth + 1
    elseif c:find("[%)%]}>]") then depth = depth - 1
    elseif c == " " and depth <= 0 then
      local before, after = s:sub(i - 1, i - 1), s:match("^ *([^ ])", i)
      if before ~= ":" and before ~= "|" and before ~= "," and after ~= "|" and after ~= ":" then break end
    end
    i = i + 1
  end
  return s:sub(1, i - 1), (s:sub(i):gsub("^%s+", ""))
end

local function new_block() return { text = {}, params = {}, returns = {}, fields = {}, examples = {} } end

-- One "---" line into a block; plain lines after a tag continue that tag.
local function add_line(block, s)
  if s:match "^ ?```" or block.fence then
    local text = s:gsub("^ ", "", 1)
    block.text[#block.text + 1], block.last = text, nil
    if not s:match "^ ?```" then block.fence[#block.fence + 1] = text
    elseif block.fence then block.examples[#block.examples + 1], block.fence = table.concat(block.fence, "\n"), nil
    else block.fence = {} end
    return
  end
  local tag, rest = s:match("^%s*@(%w+)%s*(.*)$")
  if not tag then
    s = s:gsub("^ ", "", 1)
    if block.last then block.last.text = (block.last.text .. " " .. s:gsub("^%s+", "")):gsub("^ ", "")
    else block.text[#block.text + 1] = s end
    return
  end
  block.last = nil
  if tag == "param" or tag == "field" then
    local name, more = rest:match("^(%S+)%s*(.*)$")
    if not name then return end
    local optional = name:sub(-1) == "?"
    local type_name, text = split_type(more)
    block.last = { name = optional and name:sub(1, -2) or name, optional = optional, type = type_name, text = text }
    local list = tag == "param" and block.params or block.fields
    list[#list + 1] = block.last
  elseif tag == "return" then
    local type_name, text = split_type(rest)
    block.last = { type = type_name, text = text }
    block.returns[#block.returns + 1] = block.last
  elseif tag == "class" then
    block.class, block.base = rest:match("^([%w_.]+)%s*:?%s*([%w_.]*)")
  elseif tag == "overload" then
    block.text[#block.text + 1] = "also: " .. rest
  end
end

-- Name and parameters of a function definition on this line, if it is one.
local function definition(line)
  local name, args = line:match("^%s*function%s+([%w_.:]+)%s*(%b())")
  if not name then name, args = line:match("^%s*local%s+function%s+([%w_]+)%s*(%b())") end
  if not name then name, args = line:match("^%s*local%s+([%w_]+)%s*=%s*function%s*(%b())") end
  if not name then name, args = line:match("^%s*([%w_.]+)%s*=%s*function%s*(%b())") end
  if not name then
    args = line:match("^%s*return%s+function%s*(%b())")
    name = args and "return"
  end
  if not name then return nil end
  local list = {}
  for a in args:sub(2, -2):gmatch("[%w_.]+") do list[#list + 1] = a end
  return name, list
end

-- All documented functions of one file, the comment at its top, its classes: by variable, and all.
local function parse(text, file)
  local entries, classes, described = {}, {}, {}
  local block, header, number = nil, nil, 0
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    local comment = line:match("^%s*%-%-%-(.*)$")
    if comment and not comment:match("^%-") then
      if comment:match("^@meta") then block = nil
      else
        block = block or new_block()
        add_line(block, comment)
      end
    else
      local name, args = definition(line)
      local var = line:match("^%s*local%s+([%w_]+)%s*=%s*[{s]")
      if name then
        local b = block or new_block()
        entries[#entries + 1] = {
          written = name, args = args, text = table.concat(b.text, "\n"), params = b.params, returns = b.returns,
          examples = b.examples, documented = block ~= nil, file = file, line = number,
        }
      elseif block and not header and number < 40 and #entries == 0 and not block.class then
        header = table.concat(block.text, "\n")
      end
      if var and block and block.class then classes[var] = block.class end
      if block and block.class then
        described[#described + 1] = { name = block.class, base = block.base ~= "" and block.base or nil, fields = block.fields,
          text = table.concat(block.text, "\n"), file = file, line = number }
      end
      if not line:match("^%s*%-%-") or line:match("^%s*$") then block = nil end
    end
  end
  return entries, header, classes, described
end

local function lua_files(dir, found)
  for _, name in ipairs(sys.list(dir) or {}) do
    local path = dir .. "/" .. name
    if sys.isdir(path) then
      if name ~= "home" then lua_files(path, found) end
    elseif name:match("%.lua$") then
      found[#found + 1] = path
    end
  end
  return found
end

local function absolute(path)
  if path:sub(1, 1) ~= "/" then path = sys.cwd() .. "/" .. path:gsub("^%./", "") end
  return (path:gsub("/%./", "/"))
end

local function public_name(owner, sep, last, module, class)
  if owner == "ow" then return "ow." .. last end
  if owner == "tensor" or class == "orowan.tensor" then return "tensor:" .. last end
  if class then return class:gsub("^orowan%.", "") .. sep .. last end
  if module == "init" then return "ow." .. last end
  return "ow." .. module .. sep .. last
end

--- Everything that is known, read on the first call.
---@return {by_place: table, by_name: table, headers: table, names: string[], classes: table, files: table} tree by_place: "file:line" -> entry; by_name: public name -> entry; headers: module -> text; classes: name -> class; files: list of {path, module, header, entries}
function annotations.tree()
  if tree_cache then return tree_cache end
  local root = absolute(debug.getinfo(1, "S").source:sub(2)):match("^(.*)/docs/annotations%.lua$")
  local t = { by_place = {}, by_name = {}, headers = {}, names = {}, classes = {}, files = {} }
  local shared = {}  -- module -> variable -> class, for files that add methods to a class
  for _, path in ipairs(lua_files(root, {})) do
    local short = path:sub(#root + 2)
    local entries, header, classes, described = parse(sys.read_file(path) or "", short)
    local module = short:match("^meta/([%w_]+)%.lua$") or short:match("^([%w_]+)%.lua$") or short:match("^([%w_]+)/")
    local is_meta = short:match("^meta/") ~= nil
    local main = is_meta or short:match("^[%w_]+%.lua$") or short:match("^[%w_]+/init%.lua$")
    if header and header ~= "" and main and (is_meta or not t.headers[module]) and not (is_meta and t.headers[module]) then
      t.headers[module] = header
    end
    for _, c in ipairs(described) do
      c.module = module
      t.classes[c.name] = t.classes[c.name] or c
    end
    shared[module] = shared[module] or {}
    for var, class in pairs(classes) do shared[module][var] = shared[module][var] or class end
    t.files[#t.files + 1] = { path = path, short = short, module = module, meta = is_meta, header = header, entries = entries, classes = classes }
  end
  for _, f in ipairs(t.files) do
    for _, e in ipairs(f.entries) do
      e.module = f.module
      if not f.meta then t.by_place[f.path .. ":" .. e.line] = e end
      local owner, sep, last = e.written:match("^([%w_]+)([.:])([%w_]+)$")
      if owner then
        local class = f.classes[owner] or owner:match "^%u" and shared[f.module][owner]
        e.class = sep == ":" and class or nil
        e.name = public_name(owner, sep, last, f.module, class)
        if e.documented and (not t.by_name[e.name] or f.meta) then
          if not t.by_name[e.name] then t.names[#t.names + 1] = e.name end
          t.by_name[e.name] = e
        end
      else
        e.name = e.written
      end
    end
  end
  table.sort(t.names)
  tree_cache = t
  return t
end

--- An absolute path without "./".
annotations.absolute = absolute

return annotations
