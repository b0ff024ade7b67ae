--- What the parts of `stats` share: checks of their arguments and small numerics.
local core = require("orowan.core").stats

local M = {}

--- Raises "fn: message".
function M.fail(fn, fmt, ...) error(("%s: " .. fmt):format(fn, ...), 0) end

local function plural(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

--- Options may be nil; unknown names are refused with the nearest valid one in sight.
function M.options(fn, opts, allowed)
  if opts == nil then return {} end
  if type(opts) ~= "table" then M.fail(fn, "options: expected a table, got %s", type(opts)) end
  for k in pairs(opts) do
    if not allowed[k] then
      local names = {}
      for n in pairs(allowed) do names[#names + 1] = n end
      table.sort(names)
      M.fail(fn, "unknown option '%s'; expected one of: %s", tostring(k), table.concat(names, ", "))
    end
  end
  return opts
end

--- A set from names, for `options`.
function M.set(...)
  local s = {}
  for _, n in ipairs { ... } do s[n] = true end
  return s
end

--- A number in [lo, hi] (either may be nil), or the default when absent.
function M.number(fn, name, v, def, lo, hi)
  if v == nil then return def end
  if type(v) ~= "number" or v ~= v or (lo and v < lo) or (hi and v > hi) then
    M.fail(fn, "%s: expected a number%s%s, got %s", name, lo and (" of at least %g"):format(lo) or "",
      hi and (" and at most %g"):format(hi) or "", tostring(v))
  end
  return v
end

--- An integer in [lo, hi], or the default.
function M.integer(fn, name, v, def, lo, hi)
  v = M.number(fn, name, v, def, lo, hi)
  local i = math.tointeger(v)
  if not i then M.fail(fn, "%s: expected an integer, got %s", name, tostring(v)) end
  return i
end

--- "continuous" or "discrete" -> true for discrete.
function M.discrete(fn, kind)
  if kind == nil or kind == "continuous" then return false end
  if kind == "discrete" then return true end
  M.fail(fn, "kind: expected 'continuous' or 'discrete', got '%s'", tostring(kind))
end

--- Finite numbers, at least `min` of them, as a contiguous f64 tensor.
function M.values(fn, name, x, min)
  local t = core.array(x, fn, name)
  local s = core.survey(t)
  if s.nan + s.infinite > 0 then
    M.fail(fn, "%s: %s of %d not finite: expected finite numbers", name, plural(s.nan + s.infinite, "value"), s.n)
  end
  if s.n < (min or 1) then M.fail(fn, "%s: %s: expected at least %d", name, plural(s.n, "value"), min or 1) end
  return t, s.n
end

--- Sizes of events: finite, positive, (integers when discrete), at least 10, not all equal.
--- Returns the f64 tensor, a survey {n, min, max} and a warning or nil (below 50 events).
function M.sizes(fn, x, discrete)
  local t = core.array(x, fn, "sizes")
  local s = core.survey(t)
  local function bad(n, what) M.fail(fn, "sizes: %s %s (first at %d): expected positive finite numbers", plural(n, "value"), what, s.first_bad) end
  if s.nan > 0 then bad(s.nan, "NaN") end
  if s.infinite > 0 then bad(s.infinite, "infinite") end
  if s.nonpositive > 0 then bad(s.nonpositive, "zero or negative") end
  if discrete and s.fractional > 0 then
    M.fail(fn, "sizes: %s with a fraction: kind='discrete' expects integers", plural(s.fractional, "value"))
  end
  if s.n < 10 then M.fail(fn, "sizes: %s: expected at least 10", plural(s.n, "event")) end
  if s.min == s.max then M.fail(fn, "sizes: all %d events have size %g: nothing to fit", s.n, s.min) end
  return t, s, M.few(s.n)
end

--- The warning for a small sample, or nil.
function M.few(n)
  if n < 50 then return ("only %d events: the intervals are wide and the model can hardly be told from others"):format(n) end
end

--- Quantile (0..1) of a sorted Lua table, linear between points (Hyndman and Fan type 7).
function M.quantile(sorted, q)
  local h = (#sorted - 1) * q + 1
  local i = math.floor(h)
  if i >= #sorted then return sorted[#sorted] end
  return sorted[i] + (h - i) * (sorted[i + 1] - sorted[i])
end

--- Wilson's interval for k successes of n.
function M.binomial_interval(k, n, level)
  local z = core.normal_quantile(0.5 + (level or 0.95) / 2)
  local p, w = k / n, z * z / n
  local mid, half = (p + w / 2) / (1 + w), z / (1 + w) * math.sqrt(p * (1 - p) / n + w / (4 * n))
  return math.max(0, mid - half), math.min(1, mid + half)
end

--- Two-sided quantile of Student's t: |t| <= it with probability `level`.
function M.student_quantile(level, dof)
  local lo, hi = 0, 1e6
  for _ = 1, 200 do
    local mid = (lo + hi) / 2
    if core.student_p(mid, dof) > 1 - level then lo = mid else hi = mid end
  end
  return (lo + hi) / 2
end

--- Logarithmic grid from lo to hi with about per_decade points, both ends included.
function M.log_grid(lo, hi, per_decade)
  local n = math.max(1, math.ceil(math.log(hi / lo, 10) * per_decade - 1e-9))
  local g = {}
  for i = 0, n do g[#g + 1] = lo * (hi / lo) ^ (i / n) end
  g[1], g[#g] = lo, hi
  return g
end

return M
