--- The named tensors of a model (parameters, buffers) and of files: writing, reading, comparing.
local ow = require "orowan"

local M = {}

--- A tensor in the memory of the CPU.
function M.host(t)
  if t.device and t:device() ~= "cpu" then return t:to "cpu" end
  return t
end

--- Writes into a tensor, wherever it lives.
function M.assign(to, from)
  if to.device and to:device() ~= "cpu" then from = from:to(to:device()) end
  to:copy(from)
end

--- All tensors of a model in a fixed order: {group = "parameters" | "buffers", name, tensor}.
function M.of_model(model)
  local list = {}
  for _, p in ipairs(model:parameters()) do list[#list + 1] = { group = "parameters", name = p.name, tensor = p.variable.value } end
  for _, b in ipairs(model:buffers()) do list[#list + 1] = { group = "buffers", name = b.name, tensor = b.tensor } end
  return list
end

--- Copies of such a list.
function M.copies(list)
  local out = {}
  for i, e in ipairs(list) do out[i] = { group = e.group, name = e.name, tensor = e.tensor:copy() } end
  return out
end

--- Puts copies back into a list of the same names.
function M.restore(list, copies)
  for i, e in ipairs(list) do M.assign(e.tensor, copies[i].tensor) end
end

--- Writes a list below a group of an HDF5 file.
function M.write(file, prefix, list)
  for _, group in ipairs { "parameters", "buffers" } do file:group(prefix .. group) end
  for _, e in ipairs(list) do file:write(prefix .. e.group .. "/" .. e.name, M.host(e.tensor)) end
end

local function describe(dtype, shape) return dtype .. " " .. (#shape == 0 and "scalar" or table.concat(shape, "x")) end

--- Differences between a list and what a file holds below a prefix: lines of text, empty when
--- names, shapes and dtypes agree.
function M.differences(file, prefix, list)
  local lines, wanted = {}, {}
  for _, e in ipairs(list) do
    local path = prefix .. e.group .. "/" .. e.name
    wanted[path] = true
    local info = file:info(path)
    local one = e.group == "parameters" and "parameter" or "buffer"
    if not info then lines[#lines + 1] = ("%s '%s' is not in the file"):format(one, e.name)
    elseif info.kind ~= "numbers" then lines[#lines + 1] = ("%s '%s': the file holds %s"):format(one, e.name, info.kind)
    else
      local want, got = describe(e.tensor:dtype(), e.tensor:shape()), describe(info.dtype, info.shape)
      if want ~= got then lines[#lines + 1] = ("%s '%s': the model has %s, the file %s"):format(one, e.name, want, got) end
    end
  end
  for _, group in ipairs { "parameters", "buffers" } do
    for _, name in ipairs(file:exists(prefix .. group) and file:list(prefix .. group) or {}) do
      if not wanted[prefix .. group .. "/" .. name] then
        lines[#lines + 1] = ("%s '%s' of the file is not in the model"):format(group == "parameters" and "parameter" or "buffer", name)
      end
    end
  end
  return lines
end

--- Reads a list's tensors from a file that has them (see `differences`): nil, err when it fails.
function M.read(file, prefix, list)
  local out = {}
  for i, e in ipairs(list) do
    local t, err = file:read(prefix .. e.group .. "/" .. e.name)
    if t == nil then return nil, err end
    if not ow.is_tensor(t) then t = ow.full({}, t, e.tensor:dtype()) end
    out[i] = { group = e.group, name = e.name, tensor = t }
  end
  return out
end

return M
