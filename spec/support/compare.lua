-- Comparing tensors and nested tables within a tolerance; the message of an error.
local ow = require "orowan"
local assert = require "luassert"
local compare = {}

function compare.plain(t) return ow.is_tensor(t) and t:totable() or t end

--- Largest |x - y| over two nested tables of one shape; NaN if there is one.
function compare.distance(x, y)
  if type(x) == "table" or type(y) == "table" then
    assert.equal("table", type(x))
    assert.equal("table", type(y))
    assert.equal(#x, #y)
    local worst = 0
    for i = 1, #x do
      local d = compare.distance(x[i], y[i])
      if d > worst or d ~= d then worst = d end
    end
    return worst
  end
  return math.abs(x - y)
end

function compare.close(expected, got, tol, what)
  local d = compare.distance(compare.plain(expected), compare.plain(got))
  if not (d <= tol) then error(("%s: differs by %g, allowed %g"):format(what or "result", d, tol), 2) end
end

function compare.message(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return tostring(err), err
end

return compare
