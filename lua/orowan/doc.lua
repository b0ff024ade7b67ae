--- The documentation of functions, read from the LuaCATS comments that stand above them in
--- lua/orowan (Lua functions: in their source; C functions: in meta/*.lua).
--- A Lua function is found by the place of its definition, so it may be exported under any
--- name; a C function by its name.
local core = require "orowan.core"
local annotations = require "orowan.docs.annotations"
local sys = require "orowan.sys"
local suggest = require "orowan.suggest"

local doc = {}

local tree = annotations.tree

-- ---- finding ----------------------------------------------------------------------------

local function place_of(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" or info.source:sub(1, 1) ~= "@" then return nil end
  return annotations.absolute(info.source:sub(2)) .. ":" .. info.linedefined
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

--- The first sentence of a comment: it ends with a full stop outside of brackets.
---@param text string
---@return string
function doc.first_sentence(text)
  local s = text:gsub("```.*$", ""):gsub("\n", " ")
  local at = 1
  while true do
    local stop, next_at = s:match("()%.%s+()", at)
    if not stop then return s end
    local head = s:sub(1, stop)
    local _, opened = head:gsub("[%(%[{]", "")
    local _, closed = head:gsub("[%)%]}]", "")
    if opened <= closed then return head end
    at = next_at
  end
end
local first_sentence = doc.first_sentence

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

--- The parts of a comment: paragraphs to be wrapped, and what stays as it is (indented lines,
--- examples between lines of three backticks).
---@param text string
---@return {text: string, verbatim: boolean, example: boolean}[]
function doc.paragraphs(text)
  local out, current, fence = {}, nil, false
  local function add(line, verbatim)
    if not current or current.verbatim ~= verbatim then
      current = { text = line, verbatim = verbatim, example = fence }
      out[#out + 1] = current
    else
      current.text = current.text .. "\n" .. line
    end
  end
  for line in (text .. "\n"):gmatch("(.-)\n") do
    if line:match "^```" then fence, current = not fence, nil
    elseif fence then add(line, true)
    elseif line:match "^%s*$" then current = nil
    elseif line:match "^  +%S" then add(line:gsub("^  ? ? ?", "", 1), true)
    else add(line, false) end
  end
  return out
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
  for _, p in ipairs(doc.paragraphs(e.text)) do
    if p.verbatim then
      for line in (p.text .. "\n"):gmatch("(.-)\n") do out[#out + 1] = "    " .. line end
    else
      out[#out + 1] = wrapped(p.text, "  ", width)
    end
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
