local ow = require "orowan"

describe("core", function()
  it("knows Philox4x32-10 (Random123 known-answer vectors)", function()
    local f = ow.core.system.philox
    assert.same({ 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 }, { f(0, 0, 0, 0, 0, 0) })
    local m = 0xffffffff
    assert.same({ 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd }, { f(m, m, m, m, m, m) })
    assert.same({ 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 },
      { f(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0) })
  end)

  it("makes tensors from tables and gives them back", function()
    local t = ow.tensor { { 1, 2 }, { 3, 4.5 } }
    assert.equal("f64", t:dtype())
    assert.same({ { 1, 2 }, { 3, 4.5 } }, t:totable())
    assert.equal("i64", ow.tensor({ 1, 2, 3 }):dtype())
  end)

  it("refuses ragged tables and lossy narrowing, saying why", function()
    local ok, err = pcall(ow.tensor, { { 1 }, { 2, 3 } })
    assert.is_false(ok)
    assert.matches("ragged", tostring(err))
    ok, err = pcall(ow.tensor, { 1.5 }, "i32")
    assert.is_false(ok)
    assert.matches("does not fit", tostring(err))
  end)
end)
