local ow = require "orowan"
local nan, inf = 0 / 0, math.huge

describe("reductions", function()
  local a = ow.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

  it("reduce everything to a Lua number", function()
    assert.equal(21, a:sum())
    assert.equal("integer", math.type(a:sum()))
    assert.equal(720, a:prod())
    assert.equal(3.5, a:mean())
    assert.near(35 / 12, a:var(), 1e-15)
    assert.near(math.sqrt(3.5), a:std { ddof = 1 }, 1e-15)
    assert.equal(1, a:min())
    assert.equal(6, a:argmax())
    assert.is_true(a:any())
    assert.is_true(a:all())
    assert.near(math.sqrt(91), a:norm(), 1e-15)
  end)

  it("take axes, lists of axes, keepdims and out", function()
    assert.same({ 5, 7, 9 }, a:sum(1):totable())
    assert.same({ 6, 15 }, a:sum(-1):totable())
    assert.same({ { 6 }, { 15 } }, a:sum { axis = 2, keepdims = true }:totable())
    assert.equal(21, a:sum { 1, 2 })
    assert.same({ 3, 3 }, a:argmax(2):totable())
    local out = ow.tensor { 0.0, 0.0, 0.0 }
    assert.equal(out, a:mean(1, { out = out }))
    assert.same({ 2.5, 3.5, 4.5 }, out:totable())
  end)

  it("run along an axis", function()
    assert.same({ { 1, 2, 3 }, { 5, 7, 9 } }, a:cumsum(1):totable())
    assert.same({ { 1, 3, 6 }, { 4, 9, 15 } }, a:cumsum(2):totable())
    assert.same({ { 1, 2, 6 }, { 4, 20, 120 } }, a:cumprod(2):totable())
    assert.has_error(function() a:cumsum() end)
  end)

  it("let NaN through", function()
    local t = ow.tensor { 1, nan, 3 }
    for _, f in ipairs { "sum", "prod", "mean", "var", "std", "norm", "min", "max" } do
      local v = t[f](t)
      assert.is_true(v ~= v, f)
    end
    assert.equal(2, t:argmin())
    assert.equal(2, t:argmax())
  end)

  it("treat the empty tensor by rule", function()
    local t = ow.tensor {}
    assert.equal(0, t:sum())
    assert.equal(1, t:prod())
    assert.is_true(t:mean() ~= t:mean())
    assert.is_false(t:any())
    assert.is_true(t:all())
    for _, f in ipairs { "min", "max", "argmin", "argmax" } do
      local ok, err = pcall(t[f], t)
      assert.is_false(ok)
      assert.matches("no elements", tostring(err))
    end
  end)

  it("keep norms in range", function()
    assert.near(5e200, ow.norm { 3e200, 4e200 }, 1e186)
    assert.near(5e-200, ow.norm { 3e-200, 4e-200 }, 1e-214)
    assert.equal(inf, ow.norm { inf, 1 })
    assert.equal(0, ow.norm { 0.0, 0.0 })
  end)
end)
