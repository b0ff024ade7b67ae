-- Random views, reads and writes against a plain Lua model of the same tensor, and what must
-- not happen on the way: leaks after errors, kernels deaf to interrupts.
local ow = require "orowan"
local sys = ow.sys

-- The model: flat list of cells, and for a view the list of cell numbers with its shape.
local function model_view(shape)
  local n = 1
  for _, s in ipairs(shape) do n = n * s end
  local at = {}
  for i = 1, n do at[i] = i end
  return { shape = shape, at = at }
end

local function strides(shape)
  local st, s = {}, 1
  for d = #shape, 1, -1 do st[d], s = s, s * shape[d] end
  return st
end

-- A view whose axis d keeps the entries list.
local function model_pick(m, d, entries, drop)
  local st, shape = strides(m.shape), { table.unpack(m.shape) }
  shape[d] = #entries
  local out = { shape = shape, at = {} }
  local function walk(k, offset)
    if k > #shape then
      out.at[#out.at + 1] = m.at[offset + 1]
      return
    end
    for i = 1, shape[k] do walk(k + 1, offset + ((k == d and entries[i] or i) - 1) * st[k]) end
  end
  walk(1, 0)
  if drop then table.remove(shape, d) end
  return out
end

local function model_permute(m, order)
  local st, shape = strides(m.shape), {}
  for k, d in ipairs(order) do shape[k] = m.shape[d] end
  local out = { shape = shape, at = {} }
  local function walk(k, offset)
    if k > #shape then out.at[#out.at + 1] = m.at[offset + 1] return end
    for i = 0, shape[k] - 1 do walk(k + 1, offset + i * st[order[k]]) end
  end
  walk(1, 0)
  return out
end

describe("indexing at random", function()
  it("agrees with a plain model over 600 chains of views, reads and writes", function()
    local g = ow.rng(77)
    local function int(a, b) return g:integers(a, b) end
    for _ = 1, 600 do
      local shape = {}
      for d = 1, int(1, 4) do shape[d] = int(1, 5) end
      local m = model_view(shape)
      local cells = {}
      for i = 1, #m.at do cells[i] = i end
      local base = ow.arange(#m.at):reshape(shape)
      local t = base
      for _ = 1, int(1, 4) do
        local d = #m.shape > 0 and int(1, #m.shape) or 0
        local what = int(1, 5)
        if d == 0 then break end
        local n = m.shape[d]
        if what == 1 and #m.shape > 1 and n > 0 then
          local i = int(1, n)
          t = t:select(d, int(0, 1) == 0 and i or i - n - 1)
          m = model_pick(m, d, { i }, true)
        elseif what == 2 and n > 0 then
          local a, b, s = int(1, n), int(1, n), int(1, 3)
          if a > b then s = -s end
          local e = {}
          for i = a, b, s do e[#e + 1] = i end
          local items = {}
          for k = 1, d - 1 do items[k] = ":" end
          items[d] = { int(0, 1) == 0 and a or a - n - 1, b, s }
          t = t[items]
          m = model_pick(m, d, e)
        elseif what == 3 then
          local order = g:permutation(#m.shape):totable()
          t, m = t:permute(order), model_permute(m, order)
        elseif what == 4 then
          local e = {}
          for i = n, 1, -1 do e[#e + 1] = i end
          t, m = t:flip(d), model_pick(m, d, e)
        else
          t = t:unsqueeze(d)
          local s = { table.unpack(m.shape) }
          table.insert(s, d, 1)
          m = { shape = s, at = m.at }
          if #s > 6 then break end
        end
      end
      assert.same(m.shape, t:shape())
      assert.is_true(t:shares_storage(base))
      -- reads
      local want = {}
      for i, c in ipairs(m.at) do want[i] = cells[c] end
      assert.same(want, t:flatten():totable())
      if #m.at > 0 then
        local d = int(1, #m.shape)
        local e = {}
        for i = 1, int(1, 4) do e[i] = int(1, m.shape[d]) end
        local picked, model = t:take(e, d), model_pick(m, d, e)
        local list = {}
        for i, c in ipairs(model.at) do list[i] = cells[c] end
        assert.same(list, picked:flatten():totable())
        -- writes: through a mask, by index, the whole view
        local mask = g:integers(0, 1, m.shape, "u8")
        local flat = mask:flatten():totable()
        t[mask] = -7
        for i, c in ipairs(m.at) do if flat[i] == 1 then cells[c] = -7 end end
        t:index_add(d, e, 100)
        for _, k in ipairs(e) do
          for _, c in ipairs(model_pick(m, d, { k }).at) do cells[c] = cells[c] + 100 end
        end
        local values = g:integers(1, 1000, m.shape)
        if int(0, 1) == 1 then
          t:copy(values)
          for i, v in ipairs(values:flatten():totable()) do cells[m.at[i]] = v end
        end
        assert.same(cells, base:flatten():totable())
      end
    end
  end)

  it("gives everything back after errors", function()
    local memory = ow.core.system.memory
    local function failures()
      local t = ow.ones(20, 20)
      for _, f in ipairs {
        function() t[ow.tensor { 21 }] = 0 end, function() return t[{ 1, 21 }] end, function() return t:take({ 99 }, 2) end,
        function() return t:gather(1, { { 1 } }) end, function() return ow.concat { t, ow.ones(3) } end,
        function() return t:to("u8"):clip(0 / 0) end, function() t[ow.ones(3, "u8")] = 1 end, function() return t:reshape(7) end,
        function() return ow.where(t, 1, 2) end, function() t:index_add(1, { 1 }, ow.ones(7)) end,
        function() return (t + 0.5):to("i32") end, function() return ow.histogram(t, { bins = { 2, 1 } }) end,
        function() return ow.unique(ow.zeros(4, "c64")) end, function() return ow.quantile(t, 2) end,
        function() return ow.bincount(t - 5) end, function() return ow.rng(1):choice(t, 50, { replace = false }) end,
        function() return ow.tensor { { 1 }, { 2, 3 } } end, function() return ow.searchsorted({ 2, 1 }, t) end,
        function() return ow.from_bytes("abc", "u8", { 2 }) end, function() return ow.sort(t:to("c64")) end,
      } do
        assert.is_false(pcall(f))
      end
    end
    failures()
    collectgarbage()
    collectgarbage()
    local before = memory().in_use
    for _ = 1, 20 do failures() end
    collectgarbage()
    collectgarbage()
    assert.equal(before, memory().in_use)
  end)

  it("stops within a second of an interrupt", function()
    local bin = "build/bin/orowan"
    if not sys.exists(bin) then return pending "skipped: build/bin/orowan is not built" end
    local file = sys.temp_root() .. "/orowan-index-" .. sys.getpid() .. ".lua"
    assert(sys.write_atomic(file, [[
      local ow = require "orowan"
      local x = ow.rng(1):uniform(8000000)
      while true do
        local order = x:argsort()
        local y = x[order]
        ow.random.normal(8000000)
      end]]))
    local t = sys.clock()
    local r = sys.run({ "timeout", "-s", "INT", "-k", "5", "1", bin, file }, { timeout = 20 })
    assert.is_true(sys.clock() - t < 2.5)
    assert.are_not.equal(0, r.status)
    assert.matches("interrupted", r.stdout .. r.stderr)
    sys.remove(file)
  end)
end)
