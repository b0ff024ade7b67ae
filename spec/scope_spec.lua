-- ow.scope: what is freed at its end and what stays.
local ow = require "orowan"
local function in_use() return ow.core.system.memory().in_use end
local message = dofile("spec/support/compare.lua").message

describe("scopes", function()
  it("free what was made inside and not returned", function()
    collectgarbage() collectgarbage()
    collectgarbage "stop"
    local before = in_use()
    local inner
    local y, list, n = ow.scope(function(k)
      inner = ow.ones(1000)
      local t = inner * k
      for _ = 1, 5 do t = t + inner end
      return t, { deep = { inner:slice(1, 1, 3) } }, 7
    end, 3)
    local after = in_use()
    collectgarbage "restart"
    assert.equal(8, y:get(1))
    assert.same({ 1.0, 1.0, 1.0 }, list.deep[1]:totable())
    assert.equal(7, n)
    assert.matches("this tensor was closed", message(function() return inner + 1 end))
    assert.is_true(after - before <= 2 * 8000 + 512, "y and the memory below the view are all that is left")
  end)

  it("leave alone what was there before", function()
    local t = ow.ones(3)
    local same = ow.scope(function() return t end)
    ow.scope(function() return t + 1 end)
    assert.is_true(rawequal(t, same))
    assert.same({ 1.0, 1.0, 1.0 }, t:totable())
  end)

  it("nest: what the inner one returns belongs to the outer one", function()
    local kept, dropped
    local result = ow.scope(function()
      kept, dropped = ow.scope(function() return ow.ones(2), ow.zeros(2) end)
      return kept
    end)
    assert.same({ 1.0, 1.0 }, result:totable())
    assert.matches("closed", message(function() return dropped + 1 end))
    assert.same({ 2.0 }, (ow.ones(1) + 1):totable())
  end)

  it("free everything after an error and pass it on", function()
    local t
    local text = message(ow.scope, function()
      t = ow.ones(2)
      error("stop here", 0)
    end)
    assert.equal("stop here", text)
    assert.matches("closed", message(function() return t + 1 end))
    assert.matches("no scope is open", message(ow.core.scope.close, {}))
  end)

  it("work while the collector runs", function()
    local sum = ow.scope(function()
      local s = ow.zeros(100)
      for k = 1, 2000 do
        s = s + k
        if k % 500 == 0 then collectgarbage() end
      end
      return s
    end)
    assert.equal(2001000.0, sum:get(7))
  end)
end)
