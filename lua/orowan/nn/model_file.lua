--- Model files: HDF5 with the architecture as data (JSON), named tensors, the constants of the
--- preprocessing, metadata and a model card. Reading one never runs anything from it: layers come
--- from the constructors that this program has registered. A file of unknown origin is probed by a
--- child process first (see io.h5_open).
---   /                    attributes format = "orowan.model", format_version
---   /architecture        JSON of module:describe()
---   /parameters/NAME, /buffers/NAME
---   /extra               JSON {preprocessing, metadata, card}; a tensor in it is {"$tensor": k}
---   /tensors/k           these tensors
local ow = require "orowan"
local C = require "orowan.stats.common"
local module = require "orowan.nn.module"
local tensors = require "orowan.nn.tensors"

local M = { format = "orowan.model", format_version = 1 }

local function failure(fmt, ...)
  return setmetatable({ code = "format", message = fmt:format(...), hint = "" }, {
    __tostring = function(e) return e.message end, __name = "orowan.error" })
end

local sections = { "preprocessing", "metadata", "card" }

-- Plain data with tensors -> data for JSON; the tensors go to `found`.
local function pack(fn, v, found, where, depth)
  if ow.is_tensor(v) then
    found[#found + 1] = tensors.host(v)
    return { ["$tensor"] = #found }
  end
  local kind = type(v)
  if kind == "table" then
    if depth > 64 then C.fail(fn, "%s: nested too deep, or contains itself", where) end
    local t = #v > 0 and ow.json.array {} or {}
    for k, x in pairs(v) do
      if k == "$tensor" then C.fail(fn, "%s: the name '$tensor' is taken", where) end
      t[k] = pack(fn, x, found, where .. "." .. tostring(k), depth + 1)
    end
    return t
  end
  if kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
    C.fail(fn, "%s: expected numbers, strings, booleans, tensors and tables of them, got %s", where, kind)
  end
  if kind == "number" and (v ~= v or v == math.huge or v == -math.huge) then
    C.fail(fn, "%s: expected a finite number, got %s", where, tostring(v))
  end
  return v
end

local function unpack_data(v, file)
  if type(v) ~= "table" then return v end
  local k = v["$tensor"]
  if k ~= nil then
    local t, err = file:read("tensors/" .. tostring(k))
    if t == nil then error(err, 0) end
    return t
  end
  for key, x in pairs(v) do v[key] = unpack_data(x, file) end
  return v
end

--- Saves a model, whole or not at all.
---@param path string
---@param model orowan.module modules of one's own must be registered (nn.register)
---@param options? {preprocessing?: table, metadata?: table, card?: table|string} plain data and tensors, given back by nn.load; card: what the model was trained on, seed, metrics, limits
---@return boolean? true
---@return table? err the system refused
function M.save(path, model, options)
  local fn = "nn.save"
  if type(path) ~= "string" then C.fail(fn, "path: expected a string, got %s", type(path)) end
  if not module.is_module(model) then C.fail(fn, "model: expected a module, got %s", type(model)) end
  options = C.options(fn, options, C.set(table.unpack(sections)))
  local architecture, found, extra = ow.json.encode(model:describe()), {}, {}
  for _, s in ipairs(sections) do if options[s] ~= nil then extra[s] = pack(fn, options[s], found, s, 1) end end
  local text = ow.json.encode(extra)
  local list = tensors.of_model(model)
  local file, err = ow.io.h5_open(path, "w")
  if not file then return nil, err end
  local ok, why = pcall(function()
    file:attr("/", "format", M.format)
    file:attr("/", "format_version", M.format_version)
    file:attr("/", "orowan_version", ow.version)
    file:write("architecture", architecture)
    file:write("extra", text)
    tensors.write(file, "", list)
    for k, t in ipairs(found) do file:write("tensors/" .. k, t) end
    file:close()
  end)
  if ok then return true end
  file:discard()
  if type(why) == "table" and why.code == "interrupted" then error(why, 0) end
  return nil, why
end

local function json(file, name)
  local text, err = file:read(name)
  if type(text) ~= "string" then return nil, failure("%s: '%s' is missing or no text: %s", file:path(), name, tostring(err)) end
  local v
  v, err = ow.json.decode(text)
  if type(v) ~= "table" then return nil, failure("%s: '%s' is no JSON object: %s", file:path(), name, tostring(err)) end
  return v
end

local function identify(file)
  local path = file:path()
  local format = file:exists("/", "format") and file:attr("/", "format")
  if format ~= M.format then return failure("%s: not a model file of Orowan (no attribute format = \"%s\")", path, M.format) end
  local version = file:attr("/", "format_version")
  if math.type(version) ~= "integer" or version < 1 then return failure("%s: format_version %s is none", path, tostring(version)) end
  if version > M.format_version then
    return failure("%s: format_version %d is newer than this program knows (%d)", path, version, M.format_version)
  end
end

local function load_from(file, model)
  local wrong = identify(file)
  if wrong then return nil, wrong end
  local description, err = json(file, "architecture")
  if not description then return nil, err end
  if not model then
    local ok, built = pcall(module.build, description)
    if not ok then
      if type(built) == "table" and built.code == "interrupted" then error(built, 0) end
      return nil, failure("%s: the architecture cannot be built: %s", file:path(), tostring(built))
    end
    model = built
  end
  local list = tensors.of_model(model)
  local lines = tensors.differences(file, "", list)
  if #lines > 0 then return nil, failure("%s does not fit the model:\n  %s", file:path(), table.concat(lines, "\n  ")) end
  local read
  read, err = tensors.read(file, "", list)
  if not read then return nil, err end
  local info
  info, err = json(file, "extra")
  if not info then return nil, err end
  local ok
  ok, info = pcall(unpack_data, info, file)
  if not ok then return nil, info end
  tensors.restore(list, read)
  info.description = description
  return model, info
end

--- Loads a model. A model that is given is only changed when everything fits; without one it is
--- built from the description in the file.
---@param path string
---@param model? orowan.module to load into; names, shapes and dtypes must agree
---@return orowan.module? model in evaluation mode when it was built here
---@return table? info {preprocessing, metadata, card, description}, or the error: no such file, foreign, truncated, newer, or every difference to the model by name
function M.load(path, model)
  local fn = "nn.load"
  if type(path) ~= "string" then C.fail(fn, "path: expected a string, got %s", type(path)) end
  if model ~= nil and not module.is_module(model) then C.fail(fn, "model: expected a module, got %s", type(model)) end
  local file, err = ow.io.h5_open(path)
  if not file then return nil, err end
  local ok, loaded, info = pcall(load_from, file, model)
  file:close()
  if not ok then
    if type(loaded) == "table" and loaded.code == "interrupted" then error(loaded, 0) end
    return nil, loaded
  end
  if loaded and not model then loaded:eval() end
  return loaded, info
end

return M
