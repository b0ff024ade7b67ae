--- Appending to an HDF5 file in a way that is also atomic. Rows go to numbered files beside
--- it, PATH.part-000001, ..., each complete (written under a temporary name, then renamed);
--- `close` merges them into a copy of PATH, which then takes the name, and removes them. PATH
--- remembers in the attribute `parts_merged` of its root the number of the last part it has
--- taken in: numbers never come again, so a part that is left over from a kill between the
--- rename and the removal is known as merged and not taken in twice.
local core = require "orowan.core"
local sys = core.sys

---@class orowan.h5_appender
---@field last_part integer number of the last complete part
local appender = {}
appender.__index = appender

local MERGE_BYTES = 64 << 20

local function part_name(path, n) return ("%s.part-%06d"):format(path, n) end

-- Numbers of the parts that lie beside path, in order; unfinished ones are removed.
local function find_parts(path)
  local dir, base = path:match "^(.*/)([^/]+)$"
  if not dir then dir, base = "./", path end
  local parts = {}
  for _, name in ipairs(sys.list(dir) or {}) do
    if name:sub(1, #base + 6) == base .. ".part-" then
      local n, rest = name:sub(#base + 7):match "^(%d+)(.*)$"
      if n and rest == "" then parts[#parts + 1] = math.tointeger(tonumber(n))
      elseif n and rest:match "^%.tmp%-" then sys.remove(dir .. name) end
    end
  end
  table.sort(parts)
  return parts
end

-- All datasets of a file: calls f(name, info). Groups are walked through.
local function each_dataset(file, f, prefix)
  for _, name in ipairs(assert(file:list(prefix or "/"))) do
    local full = (prefix and prefix .. "/" or "") .. name
    local info = assert(file:info(full))
    if info.kind == "group" then each_dataset(file, f, full) else f(full, info) end
  end
end

local function note(self, file)
  each_dataset(file, function(name, info)
    if not info.growable then return end
    local known = self.known[name]
    if known then known.rows = known.rows + info.shape[1]
    else self.known[name] = { rows = info.shape[1], dtype = info.dtype, tail = table.concat(info.shape, "x", 2) } end
  end)
end

local function must_be_open(self, fn)
  if self.closed then error(("%s: this writer was closed"):format(fn), 3) end
end

local function part(self)
  if not self.file then self.file = assert(core.hdf5.open(part_name(self.path, self.last_part + 1), "w")) end
  return self.file
end

--- Adds rows to a dataset, which is made by the first call. They are safe after `flush`.
---@param name string path in the file
---@param rows orowan.tensor|table n x ...; the rest of the shape and the dtype are those of the first call
---@return orowan.h5_appender self
function appender:append(name, rows)
  must_be_open(self, "append")
  local t = core.tensor.tensor(rows)
  local shape, known = t:shape(), self.known[name]
  if #shape == 0 then error("append: rows: expected one dimension or more, got a scalar", 2) end
  local tail = table.concat(shape, "x", 2)
  if known then
    if known.tail ~= tail then
      error(("append: rows: %q has rows of shape %s, got %s"):format(name, known.tail == "" and "scalar" or known.tail,
        tail == "" and "scalar" or tail), 2)
    end
    if known.dtype ~= t:dtype() then t = core.tensor.tensor(t, known.dtype) end
  end
  part(self):append(name, t, self.layout)
  self.known[name] = known or { rows = 0, dtype = t:dtype(), tail = tail }
  self.known[name].rows = self.known[name].rows + shape[1]
  return self
end

--- Writes a whole value, replacing the one before; it takes effect together with the rows of
--- the same flush (a state to go on from, say).
---@param name string path in the file
---@param value any what `orowan.h5.write` takes
---@return orowan.h5_appender self
function appender:write(name, value)
  must_be_open(self, "write")
  if self.known[name] then error(("write: %q is a dataset that rows are appended to"):format(name), 2) end
  part(self):write(name, value, self.layout)
  return self
end

--- Number of rows of a dataset so far, those not yet flushed included.
---@param name string
---@return integer rows 0 when there is none
function appender:rows(name) return self.known[name] and self.known[name].rows or 0 end

--- The last value written by `write` and flushed, be it merged already or not.
---@param name string
---@return any value nil when there is none
---@return table? err
function appender:read(name)
  must_be_open(self, "read")
  for i = #self.parts, 0, -1 do
    local path = i == 0 and self.path or part_name(self.path, self.parts[i])
    if i > 0 or sys.exists(path) then
      local file, err = self.open(path, "r")
      if not file then return nil, err end
      local value
      if file:exists(name) then value, err = file:read(name) end
      file:close()
      if value ~= nil or err then return value, err end
    end
  end
  return nil
end

--- Makes everything so far safe against a kill.
---@return orowan.h5_appender self
function appender:flush()
  must_be_open(self, "flush")
  if self.file then
    self.file:close()
    self.file = nil
    self.last_part = self.last_part + 1
    self.parts[#self.parts + 1] = self.last_part
  end
  return self
end

local function copy_rows(from, to, name, info, layout)
  local bytes = 16
  for i = 2, #info.shape do bytes = bytes * math.max(info.shape[i], 1) end
  local step = math.max(1, MERGE_BYTES // bytes)
  local total = info.shape[1]
  for first = 1, math.max(total, 1), step do
    local count = math.min(step, total - first + 1)
    to:append(name, assert(from:read(name, total > 0 and { first = first, count = count } or nil)), layout)
  end
end

local function merge(self, to)
  for _, n in ipairs(self.parts) do
    local from = assert(self.open(part_name(self.path, n), "r"))
    each_dataset(from, function(name, info)
      if info.growable then copy_rows(from, to, name, info, self.layout)
      else to:write(name, assert(from:read(name)), self.layout) end
    end)
    from:close()
  end
  to:attr("/", "parts_merged", self.last_part)
end

--- Flushes, merges all parts into the file and removes them. Raises when something fails; the
--- parts then stay, and a new writer goes on from them.
function appender:close()
  if self.closed then return end
  self:flush()
  self.closed = true
  if #self.parts > 0 or not sys.exists(self.path) then
    local to = assert(self.open(self.path, "a"))
    local ok, err = pcall(merge, self, to)
    if not ok then
      to:discard()
      error(err, 0)
    end
    to:close()
  end
  for _, n in ipairs(self.parts) do sys.remove(part_name(self.path, n)) end
  self.parts = {}
end

--- Stops without merging: what was flushed stays in the parts, the rest is forgotten.
function appender:discard()
  if self.file then self.file:discard() end
  self.file, self.closed = nil, true
end

function appender:__close(err)
  if err ~= nil then self:discard() else self:close() end
end

function appender:__tostring() return ("HDF5 appender %s (%d parts)"):format(self.path, #self.parts) end

-- open(path, mode): opens an HDF5 file with the caller's options.
return function(path, options, open)
  local self = setmetatable({ path = path, open = open, known = {}, parts = {}, last_part = 0, closed = false,
    layout = { chunk = options.chunk, compress = options.compress, checksum = options.checksum } }, appender)
  if sys.exists(path) then
    local file, err = open(path, "r")
    if not file then return nil, err end
    self.last_part = file:exists("/", "parts_merged") and file:attr("/", "parts_merged") or 0
    note(self, file)
    file:close()
  end
  local merged = self.last_part
  for _, n in ipairs(find_parts(path)) do
    if n <= merged then sys.remove(part_name(path, n))
    else
      if n ~= self.last_part + 1 then
        error(("io.h5_append: %s is missing: the parts found go on with %06d"):format(part_name(path, self.last_part + 1), n), 3)
      end
      local file, err = open(part_name(path, n), "r")
      if not file then return nil, err end
      note(self, file)
      file:close()
      self.last_part = n
      self.parts[#self.parts + 1] = n
    end
  end
  return self
end
