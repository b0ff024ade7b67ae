--- Comparing two runs number by number. A number agrees when it and both ends of its interval
--- differ by no more than a relative tolerance: the one that is asked for, else the one that
--- the recipe states for this number, else 1e-9.
local sys = require "orowan.sys"
local json = require "orowan.json"

local rerun = { tolerance = 1e-9 }

local function number(v)
  if v == json.null then return nil end
  return v
end

--- Relative difference, 0 for identical values (two NaN count as identical).
---@param a number
---@param b number
---@return number
function rerun.difference(a, b)
  if a == b or (a ~= a and b ~= b) then return 0 end
  local scale = math.max(math.abs(a), math.abs(b))
  local d = math.abs(a - b) / scale
  return d == d and d or math.huge
end

-- One entry against another; the value and both ends of the interval.
local function compare_entry(a, b, tolerance)
  local worst, same = 0, true
  for _, field in ipairs { "value", "low", "high" } do
    local x, y = number(a[field]), number(b[field])
    if type(x) == "number" and type(y) == "number" then
      worst = math.max(worst, rerun.difference(x, y))
      same = same and rerun.difference(x, y) == 0
    elseif x ~= y then
      return "differs", math.huge
    end
  end
  if a.unit ~= b.unit then return "differs", math.huge end
  if same then return "identical", 0 end
  return worst <= tolerance and "agrees" or "differs", worst
end

--- Compares two summaries.
---@param old table content of summary.json
---@param new table
---@param tolerance number? relative, for all numbers
---@return table[] rows {name=, old=, new=, difference=, tolerance=, inside=, verdict=}; verdict:
--- identical, agrees, differs, missing, new, timing; inside: the new value lies in the old interval
---@return boolean agree
function rerun.compare(old, new, tolerance)
  local names, seen = {}, {}
  for _, t in ipairs { old, new } do
    for name in pairs(t) do
      if not seen[name] and name ~= "format_version" then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  local rows, agree = {}, true
  for i, name in ipairs(names) do
    local a, b = old[name], new[name]
    local row = { name = name, old = a and number(a.value), new = b and number(b.value) }
    if not a then row.verdict = "new"
    elseif not b then row.verdict = "missing"
    elseif a.timing or b.timing then row.verdict = "timing"
    else
      row.tolerance = tolerance or number(a.tolerance) or number(b.tolerance) or rerun.tolerance
      row.verdict, row.difference = compare_entry(a, b, row.tolerance)
      local low, high = number(a.low), number(a.high)
      if low and high and type(row.new) == "number" then row.inside = low <= row.new and row.new <= high end
    end
    if row.verdict ~= "identical" and row.verdict ~= "agrees" and row.verdict ~= "timing" then agree = false end
    rows[i] = row
  end
  return rows, agree
end

--- The summary of a run folder.
---@param dir string
---@return table? summary
---@return string? err
function rerun.read_summary(dir)
  local path = dir .. "/summary.json"
  if not sys.exists(path) then
    return nil, ("'%s' has no summary.json: it is not a finished run"):format(dir)
  end
  local text, err = sys.read_file(path)
  if not text then return nil, tostring(err) end
  local summary
  summary, err = json.decode(text)
  if type(summary) ~= "table" then return nil, ("%s: %s"):format(path, tostring(err or "expected an object")) end
  for name, e in pairs(summary) do
    if type(e) ~= "table" then return nil, ("%s: %s: expected {value, unit, low, high}"):format(path, name) end
  end
  return summary
end

return rerun
