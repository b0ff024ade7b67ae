local ow = require "orowan"

describe("elementwise operations", function()
  local a = ow.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

  it("has the operators, with a number on either side", function()
    assert.same({ { 2, 3, 4 }, { 5, 6, 7 } }, (a + 1):totable())
    assert.same({ { 0, -1, -2 }, { -3, -4, -5 } }, (1 - a):totable())
    assert.same({ { 0.5, 1, 1.5 }, { 2, 2.5, 3 } }, (a / 2):totable())
    assert.same({ { 1, 4, 9 }, { 16, 25, 36 } }, (a ^ 2):totable())
    assert.same({ { -1, -2, -3 }, { -4, -5, -6 } }, (-a):totable())
  end)
end)
