--- Rows by number and reductions over ragged groups of rows: what graph networks and embeddings
--- are made of. Sums run in the order of the rows, so results are the same bits every time.
local check = require "orowan.nn.check"
local tape = require "orowan.nn.tape"
local value, record, run, fail = tape.value, tape.record, check.run, check.fail

local F = {}

local function rows(who, t)
  if t:ndim() < 1 then fail(who, "expected rows along axis 1, got a scalar") end
  local s = t:shape()
  local n, d = s[1], 1
  for k = 2, #s do d = d * s[k] end
  return t:reshape { n, d }, s
end

local function with_first(s, first)
  return { first, table.unpack(s, 2) }
end

--- Rows of a table by number (words, species, neighbours).
---@param index orowan.tensor|table integers, 1-based, any shape
---@param w orowan.variable|orowan.tensor [V, *D]
---@param options? table
---@return orowan.variable y [*index, *D]
function F.embedding(index, w, options)
  local who = options and options.who or "embedding"
  index = check.index(who, "index", value(index))
  local t, s = rows(who, value(w))
  local flat = index:flatten()
  local out = index:shape()
  for k = 2, #s do out[#out + 1] = s[k] end
  return record("embedding", run(who, "gather_rows", t, flat):reshape(out), { w }, function(dy)
    return run(who, "index_add", flat, dy:reshape { flat:numel(), t:shape(2) }, { rows = s[1] }):reshape(s)
  end, true)
end

--- out[index[j]] += src[j] into `count` rows of zeros, in the order of j.
---@param index orowan.tensor|table [M] integers, 1-based
---@param src orowan.variable|orowan.tensor [M, *D]
---@param count integer rows of the result
---@param options? table
---@return orowan.variable y [count, *D]
function F.index_add(index, src, count, options)
  local who = options and options.who or "index_add"
  index = check.index(who, "index", value(index))
  local t, s = rows(who, value(src))
  local y = run(who, "index_add", index, t, { rows = check.integer(who, "count", count, nil, 0) })
  return record("index_add", y:reshape(with_first(s, count)), { src }, function(dy)
    return run(who, "gather_rows", dy:reshape { count, t:shape(2) }, index):reshape(s)
  end, true)
end

local function segment(mode, x, offsets, options)
  local who = options and options.who or "segment_" .. mode
  offsets = check.index(who, "offsets", value(offsets))
  local t, s = rows(who, value(x))
  local p = { mode = mode, out = mode ~= "max" and { nil, false } or nil }
  local y, at = run(who, "segment_reduce", t, offsets, p)
  return record("segment_" .. mode, y:reshape(with_first(s, offsets:numel() - 1)), { x }, function(dy)
    return run(who, "segment_reduce_grad", dy:reshape { offsets:numel() - 1, t:shape(2) }, offsets, at, { mode = mode, rows = s[1] }):reshape(s)
  end, true)
end

--- Sum of each group of rows; 0 for an empty one.
---@param x orowan.variable|orowan.tensor [M, *D]
---@param offsets orowan.tensor|table [G + 1] rising: group g is rows offsets[g] + 1 to offsets[g + 1]
---@param options? table
---@return orowan.variable y [G, *D]
function F.segment_sum(x, offsets, options) return segment("sum", x, offsets, options) end

--- Mean of each group of rows; 0 for an empty one.
---@param x orowan.variable|orowan.tensor [M, *D]
---@param offsets orowan.tensor|table [G + 1]; see segment_sum
---@param options? table
---@return orowan.variable y [G, *D]
function F.segment_mean(x, offsets, options) return segment("mean", x, offsets, options) end

--- Largest value of each group of rows and column; 0 for an empty one.
---@param x orowan.variable|orowan.tensor [M, *D]
---@param offsets orowan.tensor|table [G + 1]; see segment_sum
---@param options? table
---@return orowan.variable y [G, *D]
function F.segment_max(x, offsets, options) return segment("max", x, offsets, options) end

return F
