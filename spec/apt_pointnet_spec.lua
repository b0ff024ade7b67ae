-- The fused kernel of AtomNet against the modules of nn.
local ow = require "orowan"
local atomnet = ow.apt.atomnet
local nn = ow.nn

local function cloud(seed, n, box)
  local rng = ow.rng(seed)
  return { positions = rng:uniform({ n, 3 }, { hi = 2, dtype = "f32" }), species = rng:uniform(n):lt(0.3):to "i64" + 1,
    periodic = box ~= nil, box = box }
end

-- A block with running statistics and maps that are not those of the start.
local function trained(columns)
  nn.seed(columns)
  local block = atomnet.block(columns)
  for step = 1, 3 do nn.no_grad(function() block(ow.rng(step):normal({ 64, 32, columns }, "f32")) end) end
  local rng = ow.rng(9)
  for _, e in ipairs(block:parameters()) do
    if e.name:find "out" or e.name:find "bias" then e.variable.value:add_(rng:normal(e.variable.value:shape(), "f32") * 0.5) end
  end
  return block:eval()
end

describe("the fused kernel of AtomNet", function()
  for _, case in ipairs { { 5, false, true }, { 4, false, false }, { 7, true, true }, { 6, true, false } } do
    it(("gives what the modules give for %d columns"):format(case[1]), function()
      local block = trained(case[1])
      for _, box in ipairs { false, { 2, 2, 2 } } do
        local set = atomnet.neighbourhoods(cloud(1, 333, box or nil))
        local o = { own = case[3], predictions = case[2] and ow.rng(4):uniform(333, { dtype = "f32" }) or nil }
        local fast = atomnet.apply(block, set, o)
        o.reference = true
        local slow = atomnet.apply(block, set, o)
        assert.is_true(slow:std() > 0.003)
        assert.is_true((fast - slow):abs():max() < 2e-5)
      end
    end)
  end

  it("gives the same bits for some ions, at any thread count, and slab by slab", function()
    local blocks = { trained(5), trained(7) }
    local c = cloud(2, 700)
    local set = atomnet.neighbourhoods(c)
    local all = atomnet.predict(blocks, set)
    local rows = ow.tensor({ 3, 600, 77, 3 }, "i64")
    assert.is_true(ow.equal(all[1]:take(rows), atomnet.apply(blocks[1], set, { rows = rows })))
    local threads = ow.core.system.threads()
    ow.core.system.threads(threads == 1 and 2 or 1)
    local other = atomnet.predict(blocks, set)
    ow.core.system.threads(threads)
    local streamed = atomnet.stream(blocks, c, { slab = 150 })
    for k = 1, 2 do
      assert.is_true(ow.equal(all[k], other[k]))
      assert.is_true(ow.equal(all[k], streamed[k]))
    end
  end)

  it("goes on where a stream was interrupted", function()
    local blocks = { trained(5), trained(7) }
    local c = cloud(3, 600)
    local whole = atomnet.stream(blocks, c, { slab = 120 })
    local path = os.tmpname()
    os.remove(path)
    local o = { slab = 120, checkpoint = path, every = 0, on_slab = function(block, done)
      if block == 2 and done > 200 then error("stop", 0) end
    end }
    assert.has_error(function() atomnet.stream(blocks, c, o) end, "stop")
    assert.is_true(ow.sys.exists(path))
    local other = cloud(4, 600)
    local ok, err = pcall(atomnet.stream, blocks, other, o)
    assert.is_false(ok)
    assert.matches("belongs to other ions", tostring(err))
    local seen = 0
    o.on_slab = function(block)
      assert.equal(2, block)
      seen = seen + 1
    end
    local again = atomnet.stream(blocks, c, o)
    assert.is_true(seen > 0 and seen < 5)
    for k = 1, 2 do assert.is_true(ow.equal(whole[k], again[k])) end
    assert.is_false(ow.sys.exists(path))
  end)

  it("refuses what it cannot compute", function()
    local set = atomnet.neighbourhoods(cloud(1, 50))
    local function refused(what, block, o)
      local ok, err = pcall(atomnet.apply, block, set, o)
      assert.is_false(ok)
      assert.matches(what, tostring(err))
    end
    refused("layer 1: expected 5 x 32, got 7 x 32", trained(7))
    set.ids:set(2, 3, 51)
    refused("ids: 51 is no row of 50 ions", trained(5))
    set.ids:set(2, 3, 1)
    set.positions:set(7, 2, 0 / 0)
    refused("positions: row 7 has a coordinate that is not finite", trained(5))
  end)
end)
