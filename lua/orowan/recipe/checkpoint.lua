--- Checkpoints: one Lua value (numbers, strings, booleans, tables, tensors) in one file,
--- written atomically. Layout: a line "orowan checkpoint FORMAT_VERSION", a line with the
--- SHA-256 of what follows, then the value. Never code: reading one cannot run anything.
local core = require "orowan.core"
local sys = require "orowan.sys"

local checkpoint = { format_version = 1 }

local is_tensor = core.tensor.is_tensor
local MAX_DEPTH = 64

-- Tags: N nil, T true, F false, i integer, d float, s string, t table, x tensor.
local function put(out, v, depth, where)
  local kind = math.type(v) or type(v)
  if kind == "integer" then
    out[#out + 1] = string.pack("<c1i8", "i", v)
  elseif kind == "float" then
    out[#out + 1] = string.pack("<c1d", "d", v)
  elseif kind == "string" then
    out[#out + 1] = string.pack("<c1s8", "s", v)
  elseif kind == "boolean" then
    out[#out + 1] = v and "T" or "F"
  elseif is_tensor(v) then
    local shape = v:shape()
    out[#out + 1] = string.pack("<c1s1I1", "x", v:dtype(), #shape)
    for _, n in ipairs(shape) do out[#out + 1] = string.pack("<i8", n) end
    out[#out + 1] = string.pack("<s8", v:bytes())
  elseif kind == "table" then
    if depth > MAX_DEPTH then error("checkpoint: " .. where .. " is nested too deep, or contains itself", 0) end
    local keys = {}
    for k in pairs(v) do
      if type(k) ~= "string" and math.type(k) ~= "integer" then
        error(("checkpoint: %s has a key that is neither a string nor an integer (%s)"):format(where, tostring(k)), 0)
      end
      keys[#keys + 1] = k
    end
    table.sort(keys, function(a, b)
      if type(a) ~= type(b) then return type(a) == "number" end
      return a < b
    end)
    out[#out + 1] = string.pack("<c1I8", "t", #keys)
    for _, k in ipairs(keys) do
      put(out, k, depth, where)
      put(out, v[k], depth + 1, where .. "." .. tostring(k))
    end
  else
    error(("checkpoint: %s: expected numbers, strings, booleans, tables and tensors, got a %s"):format(where, type(v)), 0)
  end
end

local function get(s, pos, depth)
  local tag = s:sub(pos, pos)
  pos = pos + 1
  if tag == "i" then return string.unpack("<i8", s, pos) end
  if tag == "d" then return string.unpack("<d", s, pos) end
  if tag == "s" then return string.unpack("<s8", s, pos) end
  if tag == "T" then return true, pos end
  if tag == "F" then return false, pos end
  if tag == "x" then
    local dtype, ndim, bytes
    dtype, ndim, pos = string.unpack("<s1I1", s, pos)
    local shape = {}
    for d = 1, ndim do shape[d], pos = string.unpack("<i8", s, pos) end
    bytes, pos = string.unpack("<s8", s, pos)
    return core.tensor.from_bytes(bytes, dtype, shape), pos
  end
  if tag == "t" and depth <= MAX_DEPTH then
    local n, k, v
    n, pos = string.unpack("<I8", s, pos)
    local t = {}
    for _ = 1, n do
      k, pos = get(s, pos, depth)
      v, pos = get(s, pos, depth + 1)
      t[k] = v
    end
    return t, pos
  end
  error("unknown tag", 0)
end

--- A value as a string.
---@param value any numbers, strings, booleans, tables (string and integer keys), tensors
---@return string
function checkpoint.encode(value)
  local out = {}
  put(out, value, 1, "value")
  local body = table.concat(out)
  return ("orowan checkpoint %d\n%s\n"):format(checkpoint.format_version, sys.sha256(body)) .. body
end

--- The value back.
---@param text string
---@return any value nil when it is damaged or newer than this program
---@return string? err
function checkpoint.decode(text)
  local version, hash, start = text:match("^orowan checkpoint (%d+)\n(%x+)\n()")
  if not version then return nil, "not a checkpoint" end
  if tonumber(version) > checkpoint.format_version then
    return nil, ("format_version %s is newer than this program knows (%d)"):format(version, checkpoint.format_version)
  end
  local body = text:sub(start)
  if sys.sha256(body) ~= hash then return nil, "damaged: its content does not have its SHA-256" end
  local ok, value = pcall(get, body, 1, 1)
  if not ok then return nil, "damaged: " .. tostring(value) end
  return value
end

--- Writes a checkpoint file: complete or not at all.
---@param path string
---@param value any
---@return boolean? ok
---@return any err
function checkpoint.save(path, value)
  return sys.write_atomic(path, checkpoint.encode(value))
end

--- Reads a checkpoint file.
---@param path string
---@return any value nil when there is none or it cannot be used
---@return string? err nil when there is none
function checkpoint.load(path)
  if not sys.exists(path) then return nil end
  local text, err = sys.read_file(path)
  if not text then return nil, tostring(err) end
  local value
  value, err = checkpoint.decode(text)
  if value == nil then return nil, path .. ": " .. err end
  return value
end

return checkpoint
