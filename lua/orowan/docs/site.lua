--- The reference as HTML files that need no server: a page for each group of functions and each
--- system, the recipes, and a search over all names. Everything comes from the annotations, the
--- recipes and the stored notebooks.
local annotations = require "orowan.docs.annotations"
local doc = require "orowan.doc"
local html = require "orowan.docs.html"
local json = require "orowan.json"
local params = require "orowan.recipe.params"
local recipe = require "orowan.recipe"
local report = require "orowan.recipe.report"
local sys = require "orowan.sys"
local home = require "orowan.home"
local systems = require "orowan.docs.systems"

local site = {}

local esc = html.escape

-- ---- what there is ------------------------------------------------------------------------

-- Names of ow.* stand on the page of the file that documents them (meta/linalg.lua: linalg).
local function group_of(e)
  local name = e and e.file:match "^meta/([%w_]+)%.lua$" or "session"
  return name == "index" and "indexing" or name  -- index.html is the first page
end

local titles = {
  create = "Making tensors", indexing = "Indexing", ops = "Elementwise operations", reduce = "Reductions", sort = "Sorting and counting",
  linalg = "Linear algebra", fft = "Fourier transforms", random = "Random numbers", tensor = "Tensors", device = "Devices", session = "The session",
}
local group_order = { "tensor", "create", "indexing", "ops", "reduce", "sort", "linalg", "fft", "random", "device", "session" }

local first_sentence = doc.first_sentence

--- All public functions and classes, in pages.
---@return {name: string, title: string, header: string?, kind: string, functions: {name: string, entry: table?}[], classes: table[]}[] pages
function site.pages()
  local ow = require "orowan"
  local tree = annotations.tree()
  local pages, by_name = {}, {}
  local function page(name, title, header, kind)
    if not by_name[name] then
      by_name[name] = { name = name, title = title, header = header, kind = kind, functions = {}, classes = {} }
      pages[#pages + 1] = by_name[name]
    end
    return by_name[name]
  end
  for _, g in ipairs(group_order) do page(g, titles[g], tree.headers[g == "indexing" and "index" or g], "tensor") end
  local function add(p, prefix, t)
    for name, f in pairs(t) do
      if type(name) == "string" and type(f) == "function" and name:sub(1, 1) ~= "_" then
        local e = doc.find(f, prefix .. name)
        local to = p or by_name[group_of(e)] or by_name.session
        to.functions[#to.functions + 1] = { name = prefix .. name, entry = e }
      end
    end
  end
  add(nil, "ow.", ow)
  add(by_name.random, "ow.random.", ow.random)
  for name, f in pairs(doc.tensor_methods()) do
    local e = doc.find(f, "tensor:" .. name)
    if e and not (type(ow[name]) == "function" and doc.find(ow[name], "ow." .. name) == e) and not name:match "_$" then
      local to = by_name[group_of(e)] or by_name.tensor
      to.functions[#to.functions + 1] = { name = "tensor:" .. name, entry = e }
    end
  end
  local function module(prefix, t, name)
    local p = page(name, prefix:sub(1, -2), tree.headers[name] , "module")
    add(p, prefix, t)
    local mt = getmetatable(t)
    local names = {}
    for k in pairs(type(mt) == "table" and type(mt.__names) == "table" and mt.__names or {}) do names[#names + 1] = k end
    table.sort(names)
    for _, k in ipairs(names) do
      local sub = t[k]
      if type(sub) == "table" then
        for _, f in ipairs(tree.files) do  -- the comment at the top of its own file
          if f.short == name .. "/" .. k .. ".lua" or f.short == name .. "/" .. k .. "/init.lua" then tree.headers[name .. "." .. k] = f.header end
        end
        module(prefix .. k .. ".", sub, name .. "." .. k)
      end
    end
  end
  local names = {}
  for k in pairs(getmetatable(ow).__names) do names[#names + 1] = k end
  table.sort(names)
  for _, k in ipairs(names) do module("ow." .. k .. ".", ow[k], k) end

  -- Objects: a class stands on the page of the folder or file it is written in.
  local class_names = {}
  for name in pairs(tree.classes) do class_names[#class_names + 1] = name end
  table.sort(class_names)
  for _, name in ipairs(class_names) do
    local c = tree.classes[name]
    local methods = {}
    local prefix = name:gsub("^orowan%.", "") .. ":"
    for _, n in ipairs(tree.names) do
      if n:sub(1, #prefix) == prefix and not n:match ":__" then methods[#methods + 1] = { name = n, entry = tree.by_name[n] } end
    end
    local p = by_name[c.module] or c.module == "hdf5" and by_name.io
    if p and name ~= "orowan.tensor" and (#methods > 0 or #c.fields > 0) and not name:match "^orowan%.docs" then
      p.classes[#p.classes + 1] = { name = name, class = c, methods = methods }
    end
  end
  for _, p in ipairs(pages) do table.sort(p.functions, function(a, b) return a.name < b.name end) end
  return pages
end

-- ---- pages --------------------------------------------------------------------------------

local function anchor(name) return (name:gsub("[^%w_.:]", "-")) end

local function optional(p) return p.optional or p.type:sub(-1) == "?" end

local function function_html(f, places)
  local e, out = f.entry, {}
  local args, results = {}, {}
  for i, a in ipairs(e and e.args or {}) do
    args[i] = esc(a)
    for _, p in ipairs(e.params) do if p.name == a and optional(p) then args[i] = esc(a) .. "?" end end
  end
  for i, r in ipairs(e and e.returns or {}) do results[i] = esc(r.type) end
  out[1] = ('<h3 id="%s">%s(%s)%s</h3>\n'):format(anchor(f.name), esc(f.name), table.concat(args, ", "),
    #results > 0 and ' <span class="type">&rarr; ' .. table.concat(results, ", ") .. "</span>" or "")
  if not e then return out[1] .. "<p>(not documented)</p>\n" end
  out[2] = html.text(e.text, places)
  if #e.params + #e.returns > 0 then
    out[#out + 1] = "<table>\n"
    for _, p in ipairs(e.params) do
      out[#out + 1] = ('<tr><td>%s%s</td><td class="t">%s</td><td>%s</td></tr>\n'):format(esc(p.name), optional(p) and "?" or "", esc(p.type), html.inline(p.text, places))
    end
    for _, r in ipairs(e.returns) do
      out[#out + 1] = ('<tr><td>&rarr;</td><td class="t">%s</td><td>%s</td></tr>\n'):format(esc(r.type), html.inline(r.text, places))
    end
    out[#out + 1] = "</table>\n"
  end
  out[#out + 1] = ('<div class="where">lua/orowan/%s</div>\n'):format(esc(e.file))
  return table.concat(out)
end

local function page_html(p, places)
  local out = { ("<h1>%s</h1>\n"):format(esc(p.title)) }
  if p.header then out[#out + 1] = html.text(p.header, places) end
  if #p.functions > 0 then
    out[#out + 1] = "<table>\n"
    for _, f in ipairs(p.functions) do
      local e = f.entry
      local about = e and (e.text ~= "" and e.text or e.returns[1] and e.returns[1].text) or ""
      out[#out + 1] = ('<tr><td><a href="#%s">%s</a></td><td>%s</td></tr>\n'):format(anchor(f.name), esc(f.name), html.inline(first_sentence(about), places))
    end
    out[#out + 1] = "</table>\n"
    for _, f in ipairs(p.functions) do out[#out + 1] = function_html(f, places) end
  end
  for _, c in ipairs(p.classes) do
    out[#out + 1] = ('<h2 id="%s">%s%s</h2>\n'):format(anchor(c.name), esc(c.name), c.class.base and ' <span class="where">: ' .. esc(c.class.base) .. "</span>" or "")
    out[#out + 1] = html.text(c.class.text, places)
    if #c.class.fields > 0 then
      out[#out + 1] = "<table>\n"
      for _, f in ipairs(c.class.fields) do
        out[#out + 1] = ('<tr><td>%s%s</td><td class="t">%s</td><td>%s</td></tr>\n'):format(esc(f.name), f.optional and "?" or "", esc(f.type), html.inline(f.text, places))
      end
      out[#out + 1] = "</table>\n"
    end
    for _, m in ipairs(c.methods) do out[#out + 1] = function_html(m, places) end
  end
  return table.concat(out)
end

local function params_html(list)
  local out = { "<table>\n<tr><th>parameter</th><th>default</th><th>unit</th><th>bounds</th><th>meaning</th></tr>\n" }
  for _, p in ipairs(list) do
    local bounds = p.choices and params.text(p.choices):gsub(",", ", ")
      or (p.min or p.max) and ("%s .. %s"):format(p.min and params.text(p.min) or "", p.max and params.text(p.max) or "") or ""
    out[#out + 1] = ("<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n"):format(esc(p.name), esc(params.text(p.default)),
      esc(p.unit or ""), esc(bounds), esc(p.help or ""))
  end
  out[#out + 1] = "</table>\n"
  return table.concat(out)
end

local function recipe_html(name, level)
  local r = recipe.load(name)
  if not r then return "" end
  return ('<h%d id="recipe-%s">%s</h%d>\n<p>%s</p>\n%s<pre>orowan run %s --out runs/%s</pre>\n%s'):format(level, esc(name), esc(name), level, esc(r.summary),
    r.description and "<p>" .. esc(r.description) .. "</p>\n" or "", esc(name), esc(name), #r.params > 0 and params_html(r.params) or "")
end

-- The n-th picture of a stored notebook, or a PNG of the checkout, as the source of an <img>.
local function picture(s)
  local text = s.notebook and sys.read_file(home() .. "/notebooks/" .. s.notebook .. ".ipynb")
  local nb, n = text and json.decode(text), 0
  for _, cell in ipairs(nb and nb.cells or {}) do
    for _, o in ipairs(cell.outputs or {}) do
      local png = type(o.data) == "table" and o.data["image/png"]
      if png then
        n = n + 1
        if n == s.picture then return "data:image/png;base64," .. (type(png) == "table" and table.concat(png) or png):gsub("%s", "") end
      end
    end
  end
  local bytes = s.image and sys.read_file(home() .. "/" .. s.image)
  return bytes and "data:image/png;base64," .. report.base64(bytes) or nil
end

local function list_html(items, places)
  local out = { "<ul>\n" }
  for _, s in ipairs(items) do out[#out + 1] = "<li>" .. html.inline(s, places) .. "</li>\n" end
  out[#out + 1] = "</ul>\n"
  return table.concat(out)
end

local function system_html(s, places)
  local out = { ("<h1>System: %s</h1>\n<p>%s</p>\n"):format(esc(s.name), html.inline(s.what, places)) }
  local source = picture(s)
  if source then out[#out + 1] = ('<p><img alt="%s" src="%s"></p>\n'):format(esc(s.name), source) end
  local links = {}
  for i, m in ipairs(s.modules) do links[i] = ('<a href="%s.html">ow.%s</a>'):format(m, m) end
  out[#out + 1] = "<p>Functions: " .. table.concat(links, ", ") .. ".</p>\n<h2>Formulas</h2>\n<pre>" .. esc(table.concat(s.formulas, "\n")) .. "</pre>\n"
  out[#out + 1] = "<h2>Units</h2>\n<p>" .. esc(s.units) .. "</p>\n<h2>Sources</h2>\n" .. list_html(s.sources, places) .. "<h2>Limits</h2>\n" .. list_html(s.limits, places)
  out[#out + 1] = "<h2>Recipes</h2>\n"
  for _, name in ipairs(s.recipes) do out[#out + 1] = recipe_html(name, 3) end
  if s.notebook then out[#out + 1] = ("<h2>Notebook</h2>\n<p><code>notebooks/%s.ipynb</code></p>\n"):format(esc(s.notebook)) end
  return table.concat(out)
end

local function frame(title, body, navigation)
  return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">\n' ..
    '<title>%s - Orowan</title><link rel="stylesheet" href="style.css"></head><body>\n<nav><input id="q" type="search" placeholder="search ( / )" aria-label="search">\n%s</nav>\n' ..
    '<div id="hits"></div>\n<main>%s</main>\n<script src="index.js"></script><script src="search.js"></script></body></html>\n'):format(esc(title), navigation, body)
end

local function system_file(s) return "system-" .. s.name:gsub("%W+", "-") .. ".html" end

local function navigation_html(pages)
  local out = { '<a href="index.html"><strong>Orowan</strong></a><a href="recipes.html">Recipes</a>\n<h4>Systems</h4>' }
  for _, s in ipairs(systems) do out[#out + 1] = ('<a href="%s">%s</a>'):format(system_file(s), esc(s.name)) end
  for _, part in ipairs { { "tensor", "Tensors" }, { "module", "Modules" } } do
    out[#out + 1] = "<h4>" .. part[2] .. "</h4>"
    for _, p in ipairs(pages) do
      if p.kind == part[1] and #p.functions + #p.classes > 0 then out[#out + 1] = ('<a href="%s.html">%s</a>'):format(p.name, esc(p.title)) end
    end
  end
  return table.concat(out, "\n") .. "\n"
end

local welcome = [[
<h1>Orowan</h1>
<p>Quantitative science of crystal defects in Lua 5.4. This reference is made from the comments in the source
(<code>make docs</code>); the same text answers <code>?name</code> in the session and in notebooks.</p>
<pre class="example">%s</pre>
<p>The notebooks (<code>notebooks/first_hour.ipynb</code> first) teach; this reference looks up. Press <code>/</code> to search.</p>
]]

local ten_lines = [[
local ow = require "orowan"
local x = ow.rng(1):uniform(1000) ^ (-1 / 1.5)       -- sizes from P(S) ~ S^-2.5
local fit = ow.stats.fit(x)
print(fit.model, fit.tau, fit.tau_low, fit.tau_high)
]]

--- Writes the reference.
---@param dir string the folder, made where missing
---@return {pages: integer, names: integer}? counts
---@return any err
function site.write(dir)
  local pages = site.pages()
  local places, index = {}, json.array {}
  for _, p in ipairs(pages) do
    local function note(name, e, about)
      local to = p.name .. ".html#" .. anchor(name)
      places[name] = places[name] or to
      index[#index + 1] = json.array { name, to, about or e and first_sentence(e.text ~= "" and e.text or e.returns[1] and e.returns[1].text or "") or "" }
    end
    for _, f in ipairs(p.functions) do note(f.name, f.entry) end
    for _, c in ipairs(p.classes) do
      note(c.name, nil, first_sentence(c.class.text))
      for _, m in ipairs(c.methods) do note(m.name, m.entry) end
    end
  end
  for _, s in ipairs(systems) do index[#index + 1] = json.array { s.name, system_file(s), "system: " .. first_sentence(s.what) } end
  local navigation = navigation_html(pages)
  local files = { ["style.css"] = html.style, ["search.js"] = html.script }
  local count = 0
  local function put(name, title, body)
    files[name], count = frame(title, body, navigation), count + 1
  end
  for _, p in ipairs(pages) do
    if #p.functions + #p.classes > 0 then put(p.name .. ".html", p.title, page_html(p, places)) end
  end
  for _, s in ipairs(systems) do put(system_file(s), s.name, system_html(s, places)) end
  local recipes = { "<h1>Recipes</h1>\n<p><code>orowan run NAME key=value ...</code> makes a folder with numbers, intervals, figures and a report; "
    .. "<code>orowan new NAME</code> writes one to start from, <code>orowan pack DIR</code> makes one file that others can rerun.</p>\n" }
  for _, name in ipairs((recipe.names())) do
    recipes[#recipes + 1] = recipe_html(name, 2)
    local r = recipe.load(name)
    index[#index + 1] = json.array { name, "recipes.html#recipe-" .. name, "recipe: " .. (r and r.summary or "") }
  end
  put("recipes.html", "Recipes", table.concat(recipes))
  local overview = { welcome:format(html.lua(ten_lines)), "<h2>Systems</h2>\n<table>\n" }
  for _, s in ipairs(systems) do
    overview[#overview + 1] = ('<tr><td><a href="%s">%s</a></td><td>%s</td></tr>\n'):format(system_file(s), esc(s.name), html.inline(first_sentence(s.what), places))
  end
  overview[#overview + 1] = "</table>\n"
  put("index.html", "Reference", table.concat(overview))
  files["index.js"] = "var OROWAN_INDEX = " .. json.encode(index) .. ";\n"
  local ok, err = sys.mkdir(dir)
  if not ok then return nil, err end
  for name, text in pairs(files) do
    ok, err = sys.write_atomic(dir .. "/" .. name, text)
    if not ok then return nil, err end
  end
  return { pages = count, names = #index }
end

return site
