-- Optimisers against PyTorch's numbers, their state, clipping; schedules against their formulas.
local ow = require "orowan"
local nn = ow.nn
local compare = dofile "spec/support/compare.lua"
local message, close = compare.message, compare.close
local F = dofile "spec/fixtures/nn_optim.lua"

local function variable(values, dtype) return nn.variable(ow.tensor(values, dtype or "f64"), { grad = true }) end

describe("nn.optim", function()
  it("agrees with PyTorch over several steps", function()
    for i, case in ipairs(F.cases) do
      local p = variable(F.start)
      local o = nn.optim[case.kind]({ p }, case.options)
      for _, g in ipairs(F.gradients) do
        p.grad = ow.tensor(g, "f64")
        o:step()
      end
      close(case.result, p.value, 1e-12, ("case %d, %s"):format(i, case.kind))
      assert.equal(#F.gradients, o.steps)
    end
  end)

  it("follows a loss down to its minimum", function()
    for kind, lr in pairs { sgd = 0.3, rmsprop = 0.02, adam = 0.1, adamw = 0.1 } do
      local p = variable({ 3, -2 }, "f32")
      local o = nn.optim[kind]({ p }, { lr = lr, weight_decay = 0 })
      for _ = 1, 400 do
        o:zero_grad();
        ((p - ow.tensor({ 1, 2 }, "f32")) ^ 2):sum():backward()
        o:step()
      end
      close({ 1, 2 }, p.value, 0.03, kind)
    end
  end)

  it("goes on from a saved state with the same bits", function()
    for _, case in ipairs(F.cases) do
      local function run(interrupted)
        local p = variable(F.start)
        local o = nn.optim[case.kind]({ p }, case.options)
        for k, g in ipairs(F.gradients) do
          if interrupted and k == 4 then
            local state = o:state()
            p = variable(p.value)
            o = nn.optim[case.kind]({ p }, { lr = 7 })
            if case.options.momentum then o = nn.optim[case.kind]({ p }, { lr = 7, momentum = 0.1 }) end
            o:load_state(state)
          end
          p.grad = ow.tensor(g, "f64")
          o:step()
        end
        return p.value
      end
      assert.is_true(run(false):equal(run(true)), case.kind)
    end
  end)

  it("has groups, and leaves parameters without gradient alone", function()
    local a, b, c = variable { 1 }, variable { 1 }, variable { 1 }
    local o = nn.optim.sgd({ { parameters = { { name = "a", variable = a } }, lr = 0.5 }, { parameters = { { name = "b", variable = b }, { name = "c", variable = c } } } }, { lr = 0.1 })
    a.grad, b.grad = ow.ones(1), ow.ones(1)
    o:step()
    assert.same({ 0.5, 0.9, 1 }, { a.value:item(), b.value:item(), c.value:item() })
    nn.schedule.step(1, 0.1):apply(o, 1)
    assert.near(0.05, o.groups[1].lr, 1e-15)
    assert.near(0.01, o.groups[2].lr, 1e-15)
    o:zero_grad()
    assert.is_nil(a.grad)
  end)

  it("does not train what is frozen", function()
    nn.seed(1)
    local m = nn.sequential { nn.linear(3, 4), nn.linear(4, 1) }
    m:parameters()[1].variable.value:fill(0.5)
    local o = nn.optim.adam(m, { lr = 0.1 })
    m.items[1]:freeze()
    local before = m:parameters()[3].variable.value:copy()
    m(ow.ones({ 2, 3 }, "f32")):sum():backward()
    o:step()
    assert.is_true(m:parameters()[1].variable.value:equal(ow.full({ 4, 3 }, 0.5, "f32")))
    assert.is_false(m:parameters()[3].variable.value:equal(before))
  end)

  it("clips gradients by norm and by value", function()
    local a, b = variable { 0, 0 }, variable { 0 }
    a.grad, b.grad = ow.tensor { 3.0, 0 }, ow.tensor { -4.0 }
    assert.equal(5, nn.clip_grad_norm({ a, b }, 10))
    assert.same({ 3, 0 }, a.grad:totable())
    assert.equal(5, nn.clip_grad_norm({ a, b }, 1))
    close({ 0.6, 0 }, a.grad, 1e-15)
    close({ -0.8 }, b.grad, 1e-15)
    nn.clip_grad_value({ a, b }, 0.7)
    close({ 0.6, 0 }, a.grad, 1e-15)
    close({ -0.7 }, b.grad, 1e-15)
    a.grad = ow.tensor { 0 / 0, 1 }
    assert.is_true(nn.optim.grad_norm { a } ~= nn.optim.grad_norm { a })
  end)

  it("names what is wrong", function()
    local a = variable { 1, 2 }
    assert.matches("nn.optim.sgd: lr: expected a number of at least 0, got %-1", message(nn.optim.sgd, { a }, { lr = -1 }))
    assert.matches("nn.optim.adam: unknown option 'betas'", message(nn.optim.adam, { a }, { betas = 1 }))
    assert.matches("nesterov: needs momentum", message(nn.optim.sgd, { a }, { nesterov = true }))
    assert.matches("parameters: there are none", message(nn.optim.sgd, {}, {}))
    assert.matches("stands in two groups", message(nn.optim.sgd, { a, a }))
    local o = nn.optim.adam { a }
    a.grad = ow.ones(2)
    o:step()
    assert.matches("expected the state of sgd, got that of adam", message(o.load_state, nn.optim.sgd { a }, o:state()))
    assert.matches("m of '1': expected f64 3, got f64 2", message(o.load_state, nn.optim.adam { variable { 1, 2, 3 } }, o:state()))
  end)
end)

describe("nn.schedule", function()
  local S = nn.schedule
  local function factors(s, ...)
    local t = {}
    for i, v in ipairs { ... } do t[i] = s:factor(v) end
    return t
  end

  it("follows its formulas", function()
    close({ 1, 1, 0.5, 0.25 }, factors(S.step(3, 0.5), 0, 2.99, 3, 6), 1e-15)
    close({ 1, 0.1, 0.01 }, factors(S.multi_step { 2, 5 }, 1.9, 2, 5), 1e-15)
    close({ 1, 0.9, 0.9 ^ 2.5 }, factors(S.exponential(0.9), 0, 1, 2.5), 1e-15)
    close({ 1, 0.55, 0.1, 0.1 }, factors(S.cosine(10, { floor = 0.1 }), 0, 5, 10, 20), 1e-15)
    close({ 1, 0.5, 1 }, factors(S.cosine(10, { restarts = true }), 0, 15, 20), 1e-15)
    close({ 0.2, 0.6, 1, 1 }, factors(S.warmup(2, { start = 0.2 }), 0, 1, 2, 9), 1e-15)
    close({ 0.01, 1, 0.5, 0 }, factors(S.warmup(2, { after = S.cosine(4) }), 0, 2, 4, 6), 1e-15)
    close({ 0.5, 0.25 }, factors(S.warmup(2, { start = 0 }) * S.step(2, 0.25), 1, 2), 1e-15)
    assert.equal(1, S.constant():factor(7))
  end)

  it("reduces on a plateau, with patience, cooldown and a least rate", function()
    local s = S.reduce_on_plateau { factor = 0.1, patience = 1, cooldown = 2, min_lr = 0.002 }
    local seen = {}
    for i, v in ipairs { 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3 } do
      s:observe(v)
      seen[i] = s:factor(0, 0.1)
    end
    -- second epoch without gain: x 0.1; two of cooldown; two more: x 0.01, held at 0.002 / 0.1
    close({ 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.02, 0.02, 0.02, 0.02, 0.02 }, seen, 1e-15)
    local d = S.reduce_on_plateau { patience = 0, mode = "max" }
    d:observe(1)
    d:observe(1)
    assert.near(1 / math.sqrt(10), d:factor(0), 1e-15)
    d:observe(0 / 0)
    assert.near(1 / 10, d:factor(0), 1e-15)
    local e = S.warmup(1) * S.reduce_on_plateau { patience = 0, mode = "max" }
    e:load_state { part2 = d:state() }
    assert.near(0.1, e:factor(5), 1e-15)
    assert.same(d:state(), e:state().part2)
  end)

  it("refuses nonsense", function()
    assert.matches("size: expected a number of at least 1, got 0", message(S.step, 0))
    assert.matches("milestones%[2%]: expected a number of at least 5", message(S.multi_step, { 5, 2 }))
    assert.matches("mode: expected 'min' or 'max'", message(S.reduce_on_plateau, { mode = "up" }))
    assert.matches("expected a schedule on both sides", message(function() return S.constant() * 2 end))
  end)
end)
