--- Messages of the Jupyter protocol 5.3: JSON parts, their signature (HMAC-SHA256 over header,
--- parent header, metadata and content), in the frames idents..., "<IDS|MSG>", signature,
--- header, parent header, metadata, content, buffers...
local core = require "orowan.core"
local json = require "orowan.json"
local sys = require "orowan.sys"

local message = { version = "5.3" }

local counter = 0

--- An identifier that no other process makes.
---@return string hex
function message.id()
  counter = counter + 1
  return sys.sha256(("%d %s %.9f %.9f %d"):format(sys.getpid(), sys.hostname(), sys.time(), sys.clock(), counter)):sub(1, 32)
end

local function date()
  local now = sys.time()
  return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(now)) .. (".%06dZ"):format(math.floor(now % 1 * 1e6))
end

--- A new message as frames.
---@param connection table {key=, session=, username=}
---@param m {type: string, parent: string?, content: table, metadata: table?, idents: string[]?, buffers: string[]?} parent: the header of the request, as JSON text
---@return string[] frames
---@return table header
function message.frames(connection, m)
  local header = {
    msg_id = message.id(), msg_type = m.type, username = connection.username or "kernel", session = connection.session,
    date = date(), version = message.version,
  }
  local parts = { json.encode(header), m.parent or "{}", json.encode(m.metadata or {}), json.encode(m.content) }
  local frames = table.move(m.idents or {}, 1, #(m.idents or {}), 1, {})
  frames[#frames + 1] = "<IDS|MSG>"
  frames[#frames + 1] = connection.key ~= "" and core.jupyter.hmac(connection.key, table.unpack(parts)) or ""
  table.move(parts, 1, 4, #frames + 1, frames)
  if m.buffers then table.move(m.buffers, 1, #m.buffers, #frames + 1, frames) end
  return frames, header
end

--- What came, decoded. The signature was checked by the sockets' thread.
---@param raw table {channel=, idents=, frames=} from the sockets
---@return table? m {channel=, idents=, header_text=, header=, parent=, metadata=, content=, type=, buffers=}
---@return string? err it is not what the protocol says
function message.parse(raw)
  local parts = {}
  for i, name in ipairs { "header", "parent", "metadata", "content" } do
    local value, err = json.decode(raw.frames[i + 1] or "")
    if type(value) ~= "table" or json.is_array(value) then
      return nil, ("%s: expected a JSON object%s"):format(name, err and ", " .. tostring(err) or "")
    end
    parts[name] = value
  end
  local kind = parts.header.msg_type
  if type(kind) ~= "string" or type(parts.header.msg_id) ~= "string" then
    return nil, "header: expected msg_type and msg_id, both strings"
  end
  return {
    channel = raw.channel, idents = raw.idents, header_text = raw.frames[2], header = parts.header, parent = parts.parent,
    metadata = parts.metadata, content = parts.content, type = kind, buffers = table.move(raw.frames, 6, #raw.frames, 1, {}),
  }
end

local channels = { shell = "shell_port", control = "control_port", stdin = "stdin_port", iopub = "iopub_port", hb = "hb_port" }

--- Reads a connection file.
---@param path string
---@return table? connection {key=, session=, addresses = {shell=...}}
---@return string? err
function message.connection(path)
  local text, err = sys.read_file(path)
  if not text then return nil, tostring(err) end
  local c
  c, err = json.decode(text)
  if type(c) ~= "table" then return nil, ("%s: expected a connection file (JSON): %s"):format(path, tostring(err or "not an object")) end
  local scheme = c.signature_scheme or "hmac-sha256"
  if scheme ~= "hmac-sha256" then
    return nil, ("%s: signature_scheme: expected hmac-sha256, got %s"):format(path, tostring(scheme))
  end
  if c.transport ~= "tcp" and c.transport ~= "ipc" then
    return nil, ("%s: transport: expected tcp or ipc, got %s"):format(path, tostring(c.transport))
  end
  if type(c.ip) ~= "string" or c.key ~= nil and type(c.key) ~= "string" then
    return nil, path .. ": expected ip and key, both strings"
  end
  local addresses = {}
  for name, field in pairs(channels) do
    if math.type(c[field]) ~= "integer" then return nil, ("%s: %s: expected an integer"):format(path, field) end
    addresses[name] = ("%s://%s%s%d"):format(c.transport, c.ip, c.transport == "tcp" and ":" or "-", c[field])
  end
  return { key = c.key or "", session = message.id(), addresses = addresses }
end

return message
