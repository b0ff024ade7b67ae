-- Training: its numbers, resuming bit for bit, interrupts, numbers that are not finite, batches.
local ow = require "orowan"
local nn, sys, system = ow.nn, ow.sys, ow.core.system
local compare = dofile "spec/support/compare.lua"
local files = dofile "spec/support/files.lua"
local program = dofile "spec/support/program.lua"
local message, close, at = compare.message, compare.close, files.at

local g = ow.rng(1)
local x = g:normal({ 70, 4 }, "f32")
local y = (x:select(2, 1) * 2 - x:select(2, 2)):unsqueeze(2):contiguous()
local vx = g:normal({ 30, 4 }, "f32")
local vy = (vx:select(2, 1) * 2 - vx:select(2, 2)):unsqueeze(2):contiguous()

-- Everything that a resumed run must bring back: running statistics, dropout, momentum, schedule.
local function model()
  nn.seed(3)
  return nn.sequential { nn.linear(4, 8, { name = "first" }), nn.batch_norm(8), nn.relu(), nn.dropout(0.2), nn.linear(8, 1, { name = "last" }) }
end

local function options(more)
  local o = { model = model(), loss = "mse", train = { x = x, y = y }, validation = { x = vx, y = vy }, batch = 16, epochs = 4, seed = 5,
    optimizer = { "adam", lr = 0.02 }, schedule = nn.schedule.warmup(1) * nn.schedule.reduce_on_plateau { patience = 0, threshold = 0.2 },
    progress = false }
  for k, v in pairs(more or {}) do o[k] = v end
  for _, k in ipairs(o.without or {}) do o[k] = nil end
  o.without = nil
  return o
end

local function same_model(a, b)
  for _, what in ipairs { "parameters", "buffers" } do
    local p, q = a[what](a), b[what](b)
    assert.equal(#p, #q)
    for i, e in ipairs(p) do
      local s, t = e.tensor or e.variable.value, q[i].tensor or q[i].variable.value
      if not s:equal(t) then return false, e.name end
    end
  end
  return true
end

teardown(files.remove)

describe("nn.fit", function()
  it("learns, keeps the best weights, and tells what happened", function()
    local o = options { epochs = 12, history = at "h.h5", figure = at "h.svg",
      metrics = { mae = function(p, t) return nn.metrics.mae(p, t, { repeats = 0 }) end } }
    local r = nn.fit(o)
    assert.equal(12, #r.history)
    assert.equal(12 * 5, r.steps)
    assert.is_true(r.history[12].loss < 0.4 * r.history[1].loss)
    local least = math.huge
    for _, h in ipairs(r.history) do least = math.min(least, h.val_loss) end
    assert.equal(least, r.best.value)
    assert.equal(least, r.history[r.best.epoch].val_loss)
    assert.near(least, nn.functional.mse(nn.predict(o.model, vx), vy).value:item(), 1e-6)
    assert.near(r.history[r.best.epoch].mae, nn.metrics.mae(nn.predict(o.model, vx), vy).value, 1e-6)
    assert.is_false(o.model.training)
    local h = assert(ow.io.load(at "h.h5"))
    assert.equal(r.history[3].loss, h.loss:get(3))
    assert.equal(12, #h.val_loss)
    assert.matches("<svg", files.slurp(at "h.svg"))
  end)

  it("gives the same bits for the same seed, other ones for another", function()
    local a, b, c = options(), options(), options { seed = 6 }
    nn.fit(a) nn.fit(b) nn.fit(c)
    assert.is_true(same_model(a.model, b.model))
    assert.is_false(same_model(a.model, c.model))
  end)

  it("orders the samples by seed and epoch alone", function()
    local function orders(seed, epochs)
      local list = {}
      nn.fit(options { seed = seed, epochs = epochs, forward = function(m, b)
        if m.training then list[#list + 1] = b.x end
        return m(b.x)
      end })
      return list
    end
    local a, b = orders(5, 2), orders(5, 1)
    for k = 1, 5 do assert.is_true(a[k]:equal(b[k])) end
    assert.is_false(a[1]:equal(a[6]))
    local seen = {}
    for k = 6, 10 do for _, v in ipairs(a[k]:select(2, 1):totable()) do seen[v] = true end end
    local n = 0
    for _ in pairs(seen) do n = n + 1 end
    assert.equal(70, n)
    assert.same({ 6, 4 }, a[5]:shape())
  end)

  it("resumes with the same bits wherever it was interrupted", function()
    local whole = options()
    local expected = nn.fit(whole)
    for _, stop in ipairs { 1, 5, 8, 20 } do  -- the first step, an epoch's last, in the middle, the very last
      local path = at("resume" .. stop .. ".h5")
      local calls = 0
      local ok, err = pcall(nn.fit, options { checkpoint = path, forward = function(m, b)
        local z = m(b.x)  -- batch norm and dropout have moved on already
        if m.training then
          calls = calls + 1
          if calls == stop then system.interrupt() end
        end
        return z
      end })
      system.clear_interrupt()
      assert.is_false(ok)
      assert.matches("interrupted", tostring(err))
      local again = options { checkpoint = path }
      local r = nn.fit(again)
      assert.is_true(r.resumed)
      assert.is_true(same_model(whole.model, again.model), "stopped in step " .. stop)
      assert.equal(expected.steps, r.steps)
      for k, h in ipairs(expected.history) do
        assert.equal(h.loss, r.history[k].loss)
        assert.equal(h.val_loss, r.history[k].val_loss)
        assert.equal(h.lr, r.history[k].lr)
      end
    end
  end)

  it("resumes with the same bits after the process is gone at an epoch's end", function()
    local whole = options { optimizer = { "sgd", lr = 0.02, momentum = 0.9 } }
    nn.fit(whole)
    local first = options { optimizer = { "sgd", lr = 0.02, momentum = 0.9 }, epochs = 2, checkpoint = at "epoch.h5" }
    nn.fit(first)
    local second = options { optimizer = { "sgd", lr = 0.02, momentum = 0.9 }, checkpoint = at "epoch.h5" }
    second.model:parameters()[1].variable.value:fill(9)
    assert.is_true(nn.fit(second).resumed)
    assert.is_true(same_model(whole.model, second.model))
    local done = options { optimizer = { "sgd", lr = 0.02, momentum = 0.9 }, checkpoint = at "epoch.h5" }
    assert.equal(20, nn.fit(done).steps)
    assert.is_true(same_model(whole.model, done.model))
  end)

  it("refuses a checkpoint of something else, and says what differs", function()
    nn.fit(options { checkpoint = at "own.h5", epochs = 1 })
    assert.matches("belongs to another training: batch = 16 %(now 8%), seed = 5 %(now 6%); resume = false starts anew",
      message(nn.fit, options { checkpoint = at "own.h5", seed = 6, batch = 8 }))
    local other = options { checkpoint = at "own.h5" }
    other.model = nn.sequential { nn.linear(4, 9, { name = "first" }), nn.linear(9, 1) }
    local text = message(nn.fit, other)
    assert.matches("parameter 'first.weight': the model has f32 9x4, the file f32 8x4", text)
    assert.matches("parameter 'last.bias' of the file is not in the model", text)
    assert(ow.io.save(at "foreign.h5", { a = 1 }))
    assert.matches("not a checkpoint of nn.fit", message(nn.fit, options { checkpoint = at "foreign.h5" }))
    files.spit(at "broken.h5", files.slurp(at "own.h5"):sub(1, 3000))
    assert.matches("checkpoint: .*broken.h5", message(nn.fit, options { checkpoint = at "broken.h5" }))
    assert.is_false(nn.fit(options { checkpoint = at "own.h5", seed = 6, resume = false, epochs = 1 }).resumed)
  end)

  it("ends within a second of Ctrl-C and leaves a checkpoint", function()
    local script = files.spit(at "endless.lua", [[
      local ow = require "orowan"
      local nn = ow.nn
      local g = ow.rng(1)
      local x = g:normal({ 512, 3, 24, 24 }, "f32")
      nn.fit { model = nn.sequential { nn.conv2d(3, 16, { kernel = 3, padding = 1 }), nn.batch_norm(16), nn.relu(), nn.global_avg_pool(), nn.linear(16, 1) },
        loss = "mse", train = { x = x, y = g:normal({ 512, 1 }, "f32") }, epochs = 100000, checkpoint = arg[1], progress = false,
        on_epoch = function() print "epoch" io.stdout:flush() end }
    ]])
    local p <close> = assert(sys.spawn { program, script, at "endless.h5" })
    assert.equal("epoch", p:read_line(60))
    local t = sys.clock()
    p:kill "INT"
    local r = assert(p:wait(30))
    local took = sys.clock() - t
    assert.equal(130, r.status)
    assert.is_true(took < (system.build().sanitized and 10 or 1), ("took %.2f s"):format(took))
    local f <close> = assert(ow.io.h5_open(at "endless.h5"))
    assert.is_true(ow.json.decode(f:read "state").state.step >= 16)
  end)

  it("stops early, and when on_epoch says so", function()
    local r = nn.fit(options { epochs = 50, early_stopping = { patience = 2, min_delta = 10 } })
    assert.equal("early", r.stopped)
    assert.equal(4, #r.history)  -- the first is the best; the third epoch without gain ends it
    r = nn.fit(options { on_epoch = function(h) return h.epoch < 2 end })
    assert.equal("on_epoch", r.stopped)
    assert.equal(2, #r.history)
    r = nn.fit(options { epochs = 3, monitor = "score", mode = "max", metrics = { score = function() return 1 end } })
    assert.equal(1, r.best.epoch)
  end)

  it("takes batches from iterators and from functions that make them", function()
    local whole = options { shuffle = false, without = { "validation", "schedule" } }
    local function batch(k) return { x = x:slice(1, k * 16 - 15, math.min(k * 16, 70)), y = y:slice(1, k * 16 - 15, math.min(k * 16, 70)) } end
    local made = options { without = { "validation", "schedule" }, train = function()
      local k = 0
      return function()
        k = k + 1
        if k <= 5 then return batch(k) end
      end
    end }
    nn.fit(whole)
    nn.fit(made)
    assert.is_true(same_model(whole.model, made.model))
    local k = 0
    local direct = options { without = { "validation", "schedule" }, train = function()
      k = k % 6 + 1
      if k <= 5 then
        local b = batch(k)
        return b.x, b.y
      end
    end }
    nn.fit(direct)
    assert.is_true(same_model(whole.model, direct.model))
  end)

  describe("with a number that is not finite", function()
    local function failure(more)
      local o = options(more)
      local ok, err = pcall(nn.fit, o)
      assert.is_false(ok)
      assert.equal("numeric", type(err) == "table" and err.code, tostring(err))
      return err, o
    end

    it("names the step, the layer and the checkpoint, and changes nothing", function()
      local bad = y:copy()
      local steps, before = 0, nil
      local err, o = failure { checkpoint = at "nan.h5", forward = function(m, b)
        if m.training then
          steps = steps + 1
          if steps == 7 then
            before = m:copy()
            m.items[1].weight.value:set(2, 3, math.huge)
          end
        end
        return m(b.x)
      end, train = { x = x, y = bad } }
      assert.matches("step 7 %(epoch 2, batch 2%): the loss is", err.message)
      assert.matches("parameter 'first.weight' is inf at %[2, 3%] of 8x4 before the step", err.message)
      assert.matches("the last good checkpoint is .*nan.h5 %(step 5%)", err.message)
      assert.same({ 7, 2, 2, "first.weight" }, { err.step, err.epoch, err.batch, err.layer })
      o.model.items[1].weight.value:copy(before.items[1].weight.value)
      assert.is_true(same_model(before, o.model))
      local f <close> = assert(ow.io.h5_open(at "nan.h5"))
      assert.equal(5, ow.json.decode(f:read "state").state.step)
    end)

    it("finds it in the data", function()
      local bad = x:copy()
      bad:set(1, 2, 0 / 0)
      local err = failure { train = { x = bad, y = y }, batch = 70 }
      assert.matches("the batch's x is %-?nan at %[%d+, 2%] of 70x4", err.message)
      assert.matches("no checkpoint was asked for", err.message)
    end)

    it("finds the layer where it appears", function()
      nn.register("spec_log", function() return nn.module("spec_log", {}, function(_, v) return v:log() end) end)
      local err = failure { schedule = nn.schedule.constant(),
        model = nn.sequential { nn.linear(4, 3), nn.sequential { name = "block", nn.relu(), nn.build { kind = "spec_log", name = "log" } }, nn.linear(3, 1) } }
      assert.matches('first seen in the output of spec_log "block%.%w+": %-inf at %[', err.message)
      assert.matches("^block%.", err.layer)
    end)

    it("finds it in the loss and in the gradients", function()
      local err = failure { loss = function(p) return (p * 0):log():sum() end }
      assert.equal("loss", err.layer)
      err = failure { loss = function(p) return (p * 0):sqrt():sum() end }  -- 0, with an infinite slope
      assert.matches("the gradient's norm is", err.message)
      assert.matches("the loss is finite; first seen in the gradient of 'last%.bias'", err.message)
    end)
  end)

  it("names wrong arguments", function()
    assert.matches("nn.fit: model: expected a module, got nil", message(nn.fit, { epochs = 1 }))
    assert.matches("loss: expected a function or one of mse", message(nn.fit, options { loss = "mean" }))
    assert.matches("train.y: 30 samples, elsewhere 70", message(nn.fit, options { train = { y = vy, x = x } }))
    assert.matches("unknown option 'epoch'", message(nn.fit, options { epoch = 3 }))
    assert.matches("optimizer: expected an optimiser", message(nn.fit, options { optimizer = { "adamm" } }))
    assert.matches("schedule: expected one of nn.schedule", message(nn.fit, options { schedule = 3 }))
    assert.matches("monitor: there is no 'accuracy'", message(nn.fit, options { monitor = "accuracy" }))
    assert.matches("metrics: .* there is none", message(nn.fit, options { metrics = { a = print }, without = { "validation" } }))
    assert.matches("loss: expected it to return a variable", message(nn.fit, options { loss = function() return 1 end }))
  end)

  it("does not leak", function()
    local o = options { epochs = 3 }
    nn.fit(o)
    o = nil
    collectgarbage() collectgarbage()
    local before = system.memory().in_use
    for _ = 1, 3 do nn.fit(options { epochs = 3 }) end
    collectgarbage() collectgarbage()
    assert.is_true(system.memory().in_use - before < 65536)
  end)
end)

describe("nn.predict", function()
  it("is in evaluation mode, in batches, and leaves the mode alone", function()
    local m = model()
    m.items[4].training = false
    local a, b = nn.predict(m, x), nn.predict(m, x, { batch = 7 })
    close(a, b, 1e-6)
    assert.is_true(m.training)
    assert.is_false(m.items[4].training)
    m:eval()
    close(a, m(x).value, 1e-6)
    assert.same({ 70, 1 }, a:shape())
    local two = nn.module("two", {}, function(_, p, q) return p + q end)
    close(x * 2, nn.predict(two, { x, x }, { batch = 9 }), 0)
  end)
end)

describe("nn.ensemble", function()
  local function train(more)
    local o = options { epochs = 2, optimizer = { "adam", lr = 0.02 }, seed = 11 }
    o.model = nil
    for k, v in pairs(more or {}) do o[k] = v end
    return nn.ensemble.train(3, function() return nn.sequential { nn.linear(4, 8), nn.relu(), nn.linear(8, 1) } end, o)
  end

  it("trains members of different seeds, reproducibly", function()
    local a, b = train(), train()
    for i = 1, 3 do assert.is_true(same_model(a.members[i].model, b.members[i].model)) end
    assert.is_false(same_model(a.members[1].model, a.members[2].model))
    assert.same({ 11, 12, 13 }, { a.members[1].seed, a.members[2].seed, a.members[3].seed })
  end)

  it("predicts mean and spread, keeps the best half, saves", function()
    local e = train()
    local mean, spread = e:predict(vx)
    local all = {}
    for i, m in ipairs(e.members) do all[i] = nn.predict(m.model, vx):to "f64" end
    close(ow.stack(all):mean(1), mean, 1e-12)
    close(ow.stack(all):std(1, { ddof = 1 }), spread, 1e-12)
    local half = e:keep()
    assert.equal(2, #half.members)
    local worst = math.max(e.members[1].value, e.members[2].value, e.members[3].value)
    for _, m in ipairs(half.members) do assert.is_true(m.value < worst) end
    local _, none = e:keep(1):predict(vx)
    assert.equal(0, none:max())
    local paths = assert(e:save(at "member.h5"))
    assert.equal(at "member-3.h5", paths[3])
    local loaded = {}
    for i, path in ipairs(paths) do loaded[i] = assert(nn.load(path)) end
    assert.is_true(mean:equal((nn.ensemble.of(loaded):predict(vx))))
    assert.matches("every member needs its own", message(train, { optimizer = nn.optim.adam(model()) }))
  end)
end)
