--- One file from a finished run: what is needed to look at it and to repeat it elsewhere.
--- The file is a tar archive (POSIX ustar, so `tar xf` opens it too) with
---   pack.json      format_version, and path, size and SHA-256 of every file and input
---   run/...        the run folder: recipe source, parameters, summary, figures, report
---   inputs/N-NAME  the inputs that are small; of the others pack.json knows size and hash
local sys = require "orowan.sys"
local json = require "orowan.json"
local format = require "orowan.format"
local runner = require "orowan.recipe.runner"
local rerun = require "orowan.recipe.rerun"

local pack = {
  format_version = 1,
  limit = 4 << 20,        -- bytes: larger inputs are not put in
  file_limit = 64 << 20,  -- bytes: larger results are not put in
}

-- ---- tar ----------------------------------------------------------------------------------

-- name, mode, uid, gid, size, mtime, checksum, type, link, magic, version, user, group, device
-- numbers, prefix; numbers in octal. The checksum is the sum of all bytes, itself as blanks.
local function tar_header(name, size)
  local prefix = ""
  if #name > 100 then
    local cut = name:sub(1, 156):match "^.*()/"
    if not cut or #name - cut > 100 then return nil, ("the name %s is too long for a tar archive"):format(name) end
    prefix, name = name:sub(1, cut - 1), name:sub(cut + 1)
  end
  local function block(checksum)
    return string.pack("c100c8c8c8c12c12c8c1c100c6c2c32c32c8c8c155c12", name, "0000644\0", "0000000\0", "0000000\0",
      ("%011o\0"):format(size), "00000000000\0", checksum, "0", "", "ustar\0", "00", "", "", "0000000\0", "0000000\0", prefix, "")
  end
  local sum, plain = 0, block "        "
  for i = 1, #plain do sum = sum + plain:byte(i) end
  return block(("%06o\0 "):format(sum))
end

-- { {name, data}, ... } from the text of an archive.
local function tar_entries(text)
  local out, at = {}, 1
  while at + 511 <= #text and text:byte(at) ~= 0 do
    local head = text:sub(at, at + 511)
    local name, size, kind = head:sub(1, 100):match "^[^\0]*", tonumber(head:sub(125, 136):match "^[0-7]+" or "", 8), head:sub(157, 157)
    local prefix = head:sub(346, 500):match "^[^\0]*"
    if head:sub(258, 262) ~= "ustar" or not size or at + 511 + size > #text then return nil, "damaged: a header or its data is not whole" end
    if prefix ~= "" then name = prefix .. "/" .. name end
    if kind == "0" or kind == "\0" then out[#out + 1] = { name, text:sub(at + 512, at + 511 + size) } end
    at = at + 512 + (size + 511) // 512 * 512
  end
  return out
end

-- A path that stays below the folder it is put into.
local function is_inside(name)
  if name == "" or name:sub(1, 1) == "/" or name:find "[%z\\]" then return false end
  for part in (name .. "/"):gmatch "([^/]*)/" do if part == "" or part == "." or part == ".." then return false end end
  return true
end

-- ---- writing ------------------------------------------------------------------------------

local function walk(dir, prefix, found)
  for _, name in ipairs(assert(sys.list(dir))) do
    if sys.isdir(dir .. "/" .. name) then walk(dir .. "/" .. name, prefix .. name .. "/", found)
    else found[#found + 1] = prefix .. name end
  end
  return found
end

local function where_is(path, cwd)
  if path:sub(1, 1) ~= "/" and cwd and sys.exists(cwd .. "/" .. path) then return cwd .. "/" .. path end
  return sys.exists(path) and path or nil
end

--- Packs a finished run.
---@param dir string the run folder
---@param path string? the file to write (default: DIR.orowan.tar)
---@param options {limit: integer?}? limit: bytes up to which an input is put in (4 MiB)
---@return {path: string, size: integer, files: integer, notes: string[]}? info notes: what was left out, and why
---@return any err
function pack.write(dir, path, options)
  dir = dir:gsub("(.)/+$", "%1")
  local limit = options and options.limit or pack.limit
  local record, err = runner.read_record(dir)
  if not record then return nil, err end
  local summary
  summary, err = rerun.read_summary(dir)
  if not summary then return nil, err end
  path = path or dir .. ".orowan.tar"
  if sys.exists(path) then return nil, ("'%s' exists already; choose another --out"):format(path) end

  local entries, notes = {}, {}
  local index = { format_version = pack.format_version, name = record.recipe.name, version = record.version, files = json.array {}, inputs = json.array {} }
  for _, name in ipairs(walk(dir, "", {})) do
    local file = dir .. "/" .. name
    local size = assert(sys.stat(file)).size
    local kept = size <= pack.file_limit
    index.files[#index.files + 1] = { path = name, size = size, sha256 = assert(sys.sha256_file(file)), kept = kept }
    if kept then entries[#entries + 1] = { "run/" .. name, assert(sys.read_file(file)) }
    else notes[#notes + 1] = ("%s (%s) was left out: larger than %s"):format(name, format.bytes(size), format.bytes(pack.file_limit)) end
  end
  for i, f in ipairs(record.inputs or {}) do
    local real = where_is(f.path, record.cwd)
    local same = real and sys.sha256_file(real) == f.sha256
    local entry = { path = f.path, size = f.size, sha256 = f.sha256 }
    if same and f.size <= limit then
      entry.packed = ("inputs/%d-%s"):format(i, f.path:match "[^/]+$")
      entries[#entries + 1] = { entry.packed, assert(sys.read_file(real)) }
    else
      notes[#notes + 1] = ("input %s (%s): only its hash was put in: %s"):format(f.path, format.bytes(f.size),
        not real and "it is no longer there" or not same and "it has changed since the run" or "it is larger than " .. format.bytes(limit))
    end
    index.inputs[i] = entry
  end
  table.insert(entries, 1, { "pack.json", json.encode(index, { indent = 2 }) .. "\n" })

  local out = {}
  for _, e in ipairs(entries) do
    local head
    head, err = tar_header(e[1], #e[2])
    if not head then return nil, err end
    out[#out + 1] = head
    out[#out + 1] = e[2]
    out[#out + 1] = ("\0"):rep(-#e[2] % 512)
  end
  out[#out + 1] = ("\0"):rep(1024)
  local text, ok = table.concat(out), nil
  ok, err = sys.write_atomic(path, text)
  if not ok then return nil, err end
  return { path = path, size = #text, files = #entries - 1, notes = notes }
end

-- ---- reading ------------------------------------------------------------------------------

--- Reads a pack and checks every file in it against its hash.
---@param path string
---@return {index: table, data: table<string, string>}? content data: name in the archive -> bytes
---@return any err not a pack, newer than this program, or damaged
function pack.read(path)
  local text, err = sys.read_file(path)
  if not text then return nil, err end
  if text:sub(258, 262) ~= "ustar" or text:sub(1, 9) ~= "pack.json" then
    return nil, ("'%s' is neither a run folder nor a pack (`orowan pack DIR` makes one)"):format(path)
  end
  local entries
  entries, err = tar_entries(text)
  if not entries then return nil, ("%s: %s"):format(path, err) end
  local data = {}
  for _, e in ipairs(entries) do
    if not is_inside(e[1]) then return nil, ("%s: holds a file outside of its folder: %q"):format(path, e[1]) end
    data[e[1]] = e[2]
  end
  local index
  index, err = json.decode(data["pack.json"] or "")
  if type(index) ~= "table" or math.type(index.format_version) ~= "integer" or type(index.files) ~= "table" or type(index.inputs) ~= "table" then
    return nil, ("%s: pack.json: %s"):format(path, tostring(err or "expected format_version, files and inputs"))
  end
  if index.format_version > pack.format_version then
    return nil, ("%s: format_version %d is newer than this program knows (%d)"):format(path, index.format_version, pack.format_version)
  end
  local function check(name, f)
    if type(f) ~= "table" or type(f.path) ~= "string" or type(f.sha256) ~= "string" then return "pack.json: expected path and sha256 of every file" end
    if not data[name] then return ("%s is missing"):format(name) end
    if sys.sha256(data[name]) ~= f.sha256 then return ("%s is damaged: its content does not have its SHA-256"):format(name) end
  end
  for _, f in ipairs(index.files) do
    err = f.kept ~= false and check("run/" .. tostring(f.path), f)
    if err then return nil, ("%s: %s"):format(path, err) end
  end
  for _, f in ipairs(index.inputs) do
    err = type(f.packed) == "string" and check(f.packed, f)
    if err then return nil, ("%s: %s"):format(path, err) end
  end
  return { index = index, data = data }
end

-- A file with this hash: at its old place, or under its name in `folder`.
local function find_input(f, folder)
  local places = { f.path }
  if folder then places = { folder .. "/" .. f.path:match "[^/]+$", folder .. "/" .. f.path, f.path } end
  for _, p in ipairs(places) do
    if sys.exists(p) and not sys.isdir(p) and sys.sha256_file(p) == f.sha256 then return p end
  end
  return nil
end

--- Unpacks into a folder, for a rerun.
---@param path string the pack
---@param dir string an empty folder
---@param inputs string? where inputs lie that are not in the pack
---@return {run: string, found: table<string, string>}? unpacked run: the run folder; found: input as the run named it -> file
---@return any err also: inputs that are nowhere, with size and hash
function pack.unpack(path, dir, inputs)
  local content, err = pack.read(path)
  if not content then return nil, err end
  for name, bytes in pairs(content.data) do
    local ok
    ok, err = sys.mkdir(dir .. "/" .. (name:match "^(.*)/" or ""))
    if ok then ok, err = sys.write_atomic(dir .. "/" .. name, bytes) end
    if not ok then return nil, err end
  end
  local found, missing = {}, {}
  for _, f in ipairs(content.index.inputs) do
    local real = f.packed and dir .. "/" .. f.packed or find_input(f, inputs)
    if real then found[f.path] = real
    else missing[#missing + 1] = ("  %s  (%s, SHA-256 %s)"):format(f.path, format.bytes(f.size), f.sha256) end
  end
  if #missing > 0 then
    return nil, ("%s: these inputs are not in the pack and were not found%s:\n%s\ngive their folder with --inputs DIR"):format(path,
      inputs and " in " .. inputs or "", table.concat(missing, "\n"))
  end
  return { run = dir .. "/run", found = found }
end

return pack
