--- Nearest names for messages such as "unknown parameter 'sed' (did you mean 'seed'?)".
local suggest = {}

--- Damerau-Levenshtein distance (optimal string alignment): insertions, deletions,
--- substitutions and swaps of neighbours that turn a into b.
---@param a string
---@param b string
---@return integer distance number of edits
function suggest.distance(a, b)
  local n, m = #a, #b
  local before, last, row = {}, {}, {}
  for j = 0, m do last[j] = j end
  for i = 1, n do
    row = { [0] = i }
    for j = 1, m do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local d = math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        d = math.min(d, before[j - 2] + 1)
      end
      row[j] = d
    end
    before, last = last, row
  end
  return last[m]
end

--- The name of `names` that is nearest to `name`, if it is near enough to be meant.
---@param name string what was written
---@param names string[] the valid names
---@return string? nearest nil when nothing is near
function suggest.nearest(name, names)
  local best, best_d
  local low = name:lower()
  for _, candidate in ipairs(names) do
    local limit = math.max(1, math.ceil(math.min(#name, #candidate) / 3))
    local d
    if #low >= 2 and candidate:lower():sub(1, #low) == low then d = math.min(suggest.distance(low, candidate:lower()), 1)
    elseif math.abs(#low - #candidate) <= math.min(limit, (best_d or limit + 1) - 1) then  -- as many edits at least
      d = suggest.distance(low, candidate:lower())
    end
    if d and d <= limit and (not best_d or d < best_d) then best, best_d = candidate, d end
  end
  return best
end

--- " (did you mean 'x'?)", or the whole list when nothing is near.
---@param name string what was written
---@param names string[] the valid names
---@param what string? what the list is called, "parameters"
---@return string text to append to a message
function suggest.hint(name, names, what)
  local near = suggest.nearest(name, names)
  if near then return (" (did you mean '%s'?)"):format(near) end
  if #names == 0 then return "" end
  return (" (%s: %s)"):format(what or "valid", table.concat(names, ", "))
end

return suggest
