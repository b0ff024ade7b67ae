--- Finding and loading recipe files.
local sys = require "orowan.sys"
local home = require "orowan.home"
local suggest = require "orowan.suggest"
local params = require "orowan.recipe.params"

local source = {}

local recipe_fields = { "name", "summary", "params", "run", "description" }
local is_field = {}
for _, f in ipairs(recipe_fields) do is_field[f] = true end

-- Whether a file says `return { ... run = ...`: examples/ also holds plain scripts, which a
-- list of recipes must not run.
local function looks_like_recipe(path)
  local text = sys.read_file(path)
  return text ~= nil and ("\n" .. text):find("\nreturn%s*{") ~= nil and text:find("[%s{,]run%s*=") ~= nil
end

-- { name = path } of the recipes that come with Orowan.
local function examples()
  local dir, found, names = home() .. "/examples", {}, {}
  for _, file in ipairs(sys.isdir(dir) and sys.list(dir) or {}) do
    local name = file:match("^([%w_-]+)%.lua$")
    if name and looks_like_recipe(dir .. "/" .. file) then
      found[name] = dir .. "/" .. file
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return found, names
end

--- Names and paths of the recipes in examples/.
---@return string[] names sorted
---@return table<string, string> paths by name
function source.names()
  local found, names = examples()
  return names, found
end

--- The file of a recipe.
---@param what string a path, or the name of a recipe in examples/
---@return string? path
---@return string? err
function source.find(what)
  if what:find("/", 1, true) or what:match("%.lua$") then
    if sys.exists(what) and not sys.isdir(what) then return what end
    return nil, ("recipe '%s': no such file"):format(what)
  end
  local found, names = examples()
  if found[what] then return found[what] end
  if sys.exists(what) and not sys.isdir(what) then return what end
  return nil, ("no recipe '%s'%s"):format(what, suggest.hint(what, names, "recipes"))
end

--- Turns recipe text into a checked recipe.
---@param text string Lua source
---@param path string for messages
---@return table? recipe {name, summary, params, run, path, source, sha256}
---@return string? err
function source.compile(text, path)
  local chunk, err = load(text:gsub("^#[^\n]*", "", 1), "@" .. path, "t")
  if not chunk then return nil, tostring(err) end
  local ok, recipe = pcall(chunk, path)
  if not ok then return nil, tostring(recipe) end
  local where = path .. ": "
  if type(recipe) ~= "table" then
    return nil, where .. "a recipe returns a table {name=, summary=, params=, run=}, this file returned " .. type(recipe)
  end
  for key in pairs(recipe) do
    if not is_field[key] then
      return nil, where .. ("unknown field '%s'"):format(tostring(key)) .. suggest.hint(tostring(key), recipe_fields, "fields")
    end
  end
  if type(recipe.run) ~= "function" then return nil, where .. "run: expected a function, got " .. type(recipe.run) end
  local base = path:match("([^/]+)%.lua$") or path:match("[^/]+$")
  local name = recipe.name or base
  if type(name) ~= "string" or not name:match("^[%w_.-]+$") then
    return nil, where .. "name: expected letters, digits, '_', '-', '.'"
  end
  local list = recipe.params or {}
  ok, err = params.check(list)
  if not ok then return nil, where .. err end
  return {
    name = name, summary = recipe.summary or "", description = recipe.description, params = list, run = recipe.run,
    path = path, source = text, sha256 = sys.sha256(text),
  }
end

--- Loads a recipe by path or name.
---@param what string
---@return table? recipe
---@return string? err
function source.load(what)
  local path, err = source.find(what)
  if not path then return nil, err end
  local text
  text, err = sys.read_file(path)
  if not text then return nil, ("recipe '%s': %s"):format(path, tostring(err)) end
  return source.compile(text, path)
end

return source
