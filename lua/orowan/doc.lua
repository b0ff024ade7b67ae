--- The documentation of functions, read from the LuaCATS comments that stand above them in
--- lua/orowan (Lua functions: in their source; C functions: in meta/*.lua).
--- A Lua function is found by the place of its definition, so it may be exported under any
--- name; a C function by its name.
local core = require "orowan.core"
local sys = require "orowan.sys"
local suggest = require "orowan.suggest"

local doc = {}

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

local function new_block() return { text = {}, params = {}, returns = {}, fields = {} } end

-- One "---" line into a block; plain lines after a tag continue that tag.
local function add_line(block, s)
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
    block.class = rest:match("^[%w_.]+")
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

-- All documented functions of one file, and the comment at its top.
local function parse(text, file)
  local entries, classes = {}, {}
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
          documented = block ~= nil, file = file, line = number,
        }
      elseif block and not header and number < 40 and #entries == 0 and not block.class then
        header = table.concat(block.text, "\n")
      end
      if var and block and block.class then classes[var] = block.class end
      if not line:match("^%s*%-%-") or line:match("^%s*$") then block = nil end
    end
  end
  return entries, header, classes
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

-- The index of all files: by place (file:line), by public name, headers of modules.
local function tree()
  if tree_cache then return tree_cache end
  local root = absolute(debug.getinfo(1, "S").source:sub(2)):match("^(.*)/doc%.lua$")
  local t = { by_place = {}, by_name = {}, headers = {}, names = {} }
  for _, path in ipairs(lua_files(root, {})) do
    local text = sys.read_file(path)
    local short = path:sub(#root + 2)
    local entries, header, classes = parse(text or "", short)
    local module = short:match("^meta/([%w_]+)%.lua$") or short:match("^([%w_]+)%.lua$") or short:match("^([%w_]+)/")
    local is_meta = short:match("^meta/") ~= nil
    local main = is_meta or short:match("^[%w_]+%.lua$") or short:match("^[%w_]+/init%.lua$")
    if header and header ~= "" and main and not (is_meta and t.headers[module]) then
      if is_meta or not t.headers[module] then t.headers[module] = header end
    end
    for _, e in ipairs(entries) do
      if not is_meta then t.by_place[path .. ":" .. e.line] = e end
      local owner, sep, last = e.written:match("^([%w_]+)([.:])([%w_]+)$")
      if owner then
        local class = classes[owner]
        local public
        if owner == "ow" then public = "ow." .. last
        elseif owner == "tensor" or class == "orowan.tensor" then public = "tensor:" .. last
        elseif class then public = class:gsub("^orowan%.", "") .. sep .. last
        elseif module == "init" then public = "ow." .. last
        else public = "ow." .. module .. sep .. last end
        e.name = public
        if e.documented and (not t.by_name[public] or is_meta) then
          if not t.by_name[public] then t.names[#t.names + 1] = public end
          t.by_name[public] = e
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

-- ---- finding ----------------------------------------------------------------------------

local function place_of(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" or info.source:sub(1, 1) ~= "@" then return nil end
  return absolute(info.source:sub(2)) .. ":" .. info.linedefined
end

--- The documentation of a function.
---@param f function? the function, when it is at hand
---@param name string? its public name, "ow.stats.fit_cutoff" or "tensor:sum"
---@return table? entry {name, args, text, params, returns, file, line}
function doc.find(f, name)
  local t = tree()
  if type(f) == "function" then
    local place = place_of(f)
    local e = place and t.by_place[place]
    if e and e.documented then return e end
  end
  if not name then return nil end
  local e = t.by_name[name]
  if e then return e end
  -- A method and the function of one name are one; NAME_ is NAME into its first operand.
  local owner, last = name:match("^(ow)%.([%w_]+)$")
  if not owner then owner, last = name:match("^(tensor):([%w_]+)$") end
  if not owner then return nil end
  local plain = last:gsub("_$", "")
  return t.by_name["tensor:" .. last] or t.by_name["ow." .. last] or t.by_name["tensor:" .. plain] or t.by_name["ow." .. plain]
end

--- The methods of tensors.
---@return table<string, function>
function doc.tensor_methods()
  local mt = debug.getmetatable(core.tensor.tensor { 1 })
  return mt.methods
end

local function walk(root, name)
  local v = root
  for part in name:gmatch("[^.:]+") do
    local ok, r = pcall(function() return v[part] end)
    if not ok or r == nil then return nil end
    v = r
  end
  return v
end

-- Value and public name of what a user wrote after the question mark.
local function resolve(name)
  local ow = require "orowan"
  local bare = name:gsub("^ow%.", "")
  if name == "ow" then return ow, "ow" end
  local v = walk(ow, bare)
  if v ~= nil then return v, "ow." .. bare end
  local method = bare:match("^tensor[:.]([%w_]+)$") or bare:match("^[%w_]+$")
  if method and doc.tensor_methods()[method] then return doc.tensor_methods()[method], "tensor:" .. method end
  v = walk(_G, name)
  if v ~= nil then
    local last = name:match("[.:]([%w_]+)$")
    if last and core.tensor.is_tensor(walk(_G, name:match("^(.*)[.:]"))) then return v, "tensor:" .. last end
    return v, name
  end
  return nil, name
end

-- ---- printing ---------------------------------------------------------------------------

local function first_sentence(text)
  local s = text:gsub("\n", " ")
  return s:match("^(.-[.])%s") or s:match("^(.-[.])$") or s
end

local function wrapped(text, indent, width, first)
  local out, line = {}, first or indent
  for word in text:gmatch("%S+") do
    if #line + #word + 1 > width and line:match("%S") then
      out[#out + 1] = line
      line = indent .. word
    else
      line = line .. (line:match("%S$") and " " or "") .. word
    end
  end
  out[#out + 1] = line
  return table.concat(out, "\n")
end

--- An entry as text.
---@param e table from doc.find
---@param name string? the name to show
---@return string
function doc.format(e, name)
  local width = math.max(40, math.min(100, sys.columns()))
  local args = {}
  for i, a in ipairs(e.args) do
    args[i] = a
    for _, p in ipairs(e.params) do if p.name == a and (p.optional or p.type:sub(-1) == "?") then args[i] = a .. "?" end end
  end
  local results = {}
  for i, r in ipairs(e.returns) do results[i] = r.type end
  local out = { (name or e.name) .. "(" .. table.concat(args, ", ") .. ")" ..
    (#results > 0 and " -> " .. table.concat(results, ", ") or "") }
  for paragraph in (e.text .. "\n\n"):gmatch("(.-)\n%s*\n") do
    if paragraph:match("%S") then out[#out + 1] = wrapped(paragraph, "  ", width) end
  end
  for _, p in ipairs(e.params) do
    out[#out + 1] = wrapped(p.text, "      ", width, ("  %s%s: %s  "):format(p.name, p.optional and "?" or "", p.type))
  end
  for _, r in ipairs(e.returns) do
    out[#out + 1] = wrapped(r.text, "      ", width, ("  returns %s  "):format(r.type))
  end
  for i, s in ipairs(out) do out[i] = s:gsub("%s+$", "") end
  return table.concat(out, "\n")
end

-- One line of a module's list: name and first sentence, cut to the terminal.
local function listing(name, e)
  local width = math.max(60, sys.columns())
  local line = ("  %-22s %s"):format(name, e and first_sentence(e.text ~= "" and e.text or e.returns[1] and e.returns[1].text or "") or "")
  if utf8.len(line) and utf8.len(line) > width then line = line:sub(1, utf8.offset(line, width - 2) - 1) .. "..." end
  return (line:gsub("%s+$", ""))
end

local function module_text(t, v, name)
  local short = name:gsub("^ow%.", "")
  local out = {}
  local header = tree().headers[name == "ow" and "init" or short]
  if header then out[1] = header end
  local names = {}
  for k, f in pairs(v) do if type(k) == "string" and type(f) == "function" then names[#names + 1] = k end end
  table.sort(names)
  for _, k in ipairs(names) do out[#out + 1] = listing(k, doc.find(v[k], name .. "." .. k)) end
  local modules = {}
  for k, f in pairs(t) do if type(k) == "string" and f then modules[#modules + 1] = k end end
  if #modules > 0 then
    table.sort(modules)
    out[#out + 1] = "modules: " .. table.concat(modules, ", ")
  end
  return table.concat(out, "\n")
end

--- What `?name` shows: a function's signature, parameters and results, or a module's list.
---@param name string "zeros", "ow.stats", "tensor:sum", or any global
---@return string? text
---@return string? err nothing is known under this name, with the nearest one
function doc.text(name)
  name = name:gsub("%s+", ""):gsub("%(.*$", "")
  local value, public = resolve(name)
  local e = doc.find(value, public) or doc.find(nil, name)
  if e then return doc.format(e, public:match("^ow%.") and public or e.name) end
  if type(value) == "table" then
    local mt = getmetatable(value)
    return module_text(type(mt) == "table" and type(mt.__names) == "table" and mt.__names or {}, value, public)
  end
  if core.tensor.is_tensor(value) then
    local out = { "a tensor; its methods (?tensor:name):" }
    local names = {}
    for k in pairs(doc.tensor_methods()) do names[#names + 1] = k end
    table.sort(names)
    out[2] = wrapped(table.concat(names, " "), "  ", math.max(40, sys.columns()))
    return table.concat(out, "\n")
  end
  local topic = name:gsub("^ow%.", "")
  if value == nil and tree().headers[topic] then  -- a group of functions that is no module: linalg, fft
    local out = { tree().headers[topic] }
    for _, n in ipairs(tree().names) do
      local member = tree().by_name[n]
      if member.file == "meta/" .. topic .. ".lua" then out[#out + 1] = listing(n, member) end
    end
    return table.concat(out, "\n")
  end
  if value ~= nil then return nil, ("'%s' is a %s without documentation"):format(name, type(value)) end
  local candidates = {}
  for i, n in ipairs(tree().names) do candidates[i] = n end
  local near = suggest.nearest(public, candidates) or suggest.nearest("ow." .. name, candidates)
    or suggest.nearest("tensor:" .. name, candidates)
  return nil, ("nothing is known about '%s'%s"):format(name, near and (" (did you mean '%s'?)"):format(near) or "")
end

--- Names that have documentation, sorted.
---@return string[]
function doc.names() return tree().names end

return doc
