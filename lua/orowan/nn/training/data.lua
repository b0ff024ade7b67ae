--- Batches. Tensors are cut into batches in an order that is a pure function of seed and epoch;
--- anything else gives its batches itself. A batch is a table {x=, y=, ...} with n, its number
--- of samples.
local ow = require "orowan"
local C = require "orowan.stats.common"

local M = {}

local function is_list(v) return type(v) == "table" and ow.is_tensor(v[1]) end

-- f of a tensor or of each of a list.
local function map(v, f)
  if ow.is_tensor(v) then return f(v) end
  local out = {}
  for i, t in ipairs(v) do out[i] = f(t) end
  return out
end

local function count(fn, name, batch)
  local n = math.tointeger(batch.n)
  if n then return n end
  for _, key in ipairs { "x", "y" } do
    local v = batch[key]
    v = is_list(v) and v[1] or v
    if ow.is_tensor(v) and v:ndim() > 0 then return v:shape(1) end
  end
  C.fail(fn, "%s: a batch has no tensor x: give n, its number of samples", name)
end

-- {x=, y=, ...}: all tensors share their first axis.
local function from_tensors(fn, name, spec, o)
  local n
  local keys = {}
  for key in pairs(spec) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local v = spec[key]
    if not ow.is_tensor(v) and not is_list(v) then
      C.fail(fn, "%s.%s: expected a tensor or a list of tensors, got %s", name, tostring(key), type(v))
    end
    map(v, function(t)
      if t:ndim() == 0 then C.fail(fn, "%s.%s: expected samples along axis 1, got a scalar", name, key) end
      if n and t:shape(1) ~= n then C.fail(fn, "%s.%s: %d samples, elsewhere %d", name, key, t:shape(1), n) end
      n = t:shape(1)
    end)
  end
  if not spec.x then C.fail(fn, "%s: expected tensors {x=, y=}, x is missing", name) end
  if n == 0 then C.fail(fn, "%s: there are no samples", name) end
  local size = math.min(o.batch, n)
  local batches = o.drop_last and n // size or (n + size - 1) // size
  return {
    samples = o.drop_last and batches * size or n, batches = batches,
    each = function(_, epoch, first)
      local order = o.shuffle and ow.rng(o.seed, epoch):permutation(n)
      local k = first - 1
      return function()
        k = k + 1
        if k > batches then return nil end
        local from, to = (k - 1) * size + 1, math.min(k * size, n)
        local batch = { n = to - from + 1 }
        for key, v in pairs(spec) do
          batch[key] = map(v, function(t)
            if order then return t:take(order:slice(1, from, to)) end
            return t:slice(1, from, to)
          end)
        end
        return k, batch
      end
    end,
  }
end

-- A function of the epoch that returns an iterator, or an iterator itself; batches that were
-- seen before an interruption are drawn again and passed over.
local function from_function(fn, name, f)
  return {
    each = function(_, epoch, first)
      local got = table.pack(f(epoch))
      local next_batch = f
      if type(got[1]) == "function" then next_batch, got = got[1], nil end
      local k = 0
      local function pull()
        local a, b = nil, nil
        if got then a, b, got = got[1], got[2], nil else a, b = next_batch() end
        if a == nil then return nil end
        k = k + 1
        local batch = ow.is_tensor(a) and { x = a, y = b } or a
        if type(batch) ~= "table" then C.fail(fn, "%s: expected batches {x=, y=} or x, y, got %s", name, type(a)) end
        batch.n = count(fn, name, batch)
        return k, batch
      end
      return function()
        while k < first - 1 do if not pull() then return nil end end
        return pull()
      end
    end,
  }
end

--- A source of batches: {samples, batches (nil: unknown), each = function(self, epoch, first batch)}.
---@param o table {batch=, seed=, shuffle=, drop_last=}
function M.source(fn, name, spec, o)
  if type(spec) == "function" then return from_function(fn, name, spec) end
  if type(spec) ~= "table" then
    C.fail(fn, "%s: expected tensors {x=, y=} or a function that gives batches, got %s", name, type(spec))
  end
  return from_tensors(fn, name, spec, o)
end

--- All tensors of a batch on a device.
function M.to(batch, device)
  if not device or device == "cpu" then return batch end
  local out = {}
  for key, v in pairs(batch) do
    out[key] = (ow.is_tensor(v) or is_list(v)) and map(v, function(t) return t:to(device) end) or v
  end
  return out
end

return M
