--- Training: nn.fit, and prediction without a tape. Everything that a step depends on is the seed,
--- the place in the run (epoch, batch), the parameters, buffers and the state of optimiser and
--- schedule; a checkpoint holds these, so that a run that was interrupted at any batch ends with the
--- same bits. An interrupt leaves the step that is being computed (its buffers are put back, it is
--- done again after resuming), never an update of parameters half-way.
local ow = require "orowan"
local C = require "orowan.stats.common"
local checkpoint = require "orowan.nn.training.checkpoint"
local data = require "orowan.nn.training.data"
local diagnose = require "orowan.nn.training.diagnose"
local functional = require "orowan.nn.functional"
local history = require "orowan.nn.training.history"
local module = require "orowan.nn.module"
local optim = require "orowan.nn.optim"
local schedules = require "orowan.nn.schedule"
local tape = require "orowan.nn.tape"
local tensors = require "orowan.nn.tensors"
local system = ow.core.system

local M = {}
local fn = "nn.fit"

local function value(v) return type(v) == "table" and v.value or v end

-- ---- arguments -----------------------------------------------------------------------------

local allowed = C.set("model", "loss", "train", "validation", "batch", "epochs", "optimizer", "schedule", "seed", "shuffle",
  "drop_last", "forward", "early_stopping", "monitor", "mode", "keep_best", "metrics", "checkpoint", "checkpoint_every", "resume",
  "clip_norm", "clip_value", "device", "progress", "history", "figure", "on_epoch")

local function loss_function(loss)
  if type(loss) == "function" then return loss end
  local named = type(loss) == "string" and ({ mse = 1, mae = 1, huber = 1, bce_with_logits = 1, focal = 1, cross_entropy = 1 })[loss]
  if not named then
    C.fail(fn, "loss: expected a function or one of mse, mae, huber, bce_with_logits, focal, cross_entropy, got %s", tostring(loss))
  end
  local f = functional[loss]
  return function(prediction, target, batch)
    if target == nil then C.fail(fn, "train: the loss %s needs y in every batch", loss) end
    return f(prediction, target, batch.weight and { weight = batch.weight } or nil)
  end
end

local function optimizer_of(spec, model)
  if type(spec) == "function" then spec = spec(model) end
  if spec == nil then return optim.adam(model) end
  if type(spec) == "table" and spec.groups and spec.step then return spec end
  if type(spec) == "string" then spec = { spec } end
  if type(spec) ~= "table" or type(spec[1]) ~= "string" or type(optim[spec[1]]) ~= "function" then
    C.fail(fn, 'optimizer: expected an optimiser, {"adam", lr = ...}, or a function of the model')
  end
  local o = {}
  for k, v in pairs(spec) do if k ~= 1 then o[k] = v end end
  return optim[spec[1]](model, o)
end

local function stopping_of(spec)
  if spec == nil or spec == false then return nil end
  if type(spec) == "number" then spec = { patience = spec } end
  spec = C.options(fn, spec, C.set("patience", "min_delta"))
  return { patience = C.integer(fn, "early_stopping.patience", spec.patience, 10, 0),
    min_delta = C.number(fn, "early_stopping.min_delta", spec.min_delta, 0, 0) }
end

local function path_of(name, v)
  if v ~= nil and type(v) ~= "string" then C.fail(fn, "%s: expected a path, got %s", name, type(v)) end
  return v
end

local function setup(o)
  o = C.options(fn, o or {}, allowed)
  if not module.is_module(o.model) then C.fail(fn, "model: expected a module, got %s", type(o.model)) end
  local run = { model = o.model, loss = loss_function(o.loss) }
  local seed, batch = C.integer(fn, "seed", o.seed, 0), C.integer(fn, "batch", o.batch, 32, 1)
  run.epochs = C.integer(fn, "epochs", o.epochs, nil, 0)
  run.device = o.device
  if o.device then o.model:to(o.device) end
  run.train = data.source(fn, "train", o.train, { batch = batch, seed = seed, shuffle = o.shuffle ~= false, drop_last = o.drop_last })
  run.validation = o.validation and data.source(fn, "validation", o.validation, { batch = batch })
  run.forward = o.forward or function(model, b)
    if ow.is_tensor(b.x) then return model(b.x) end
    return model(table.unpack(b.x))
  end
  run.optimizer, run.schedule = optimizer_of(o.optimizer, o.model), o.schedule
  if run.schedule ~= nil and not schedules.is_schedule(run.schedule) then
    C.fail(fn, "schedule: expected one of nn.schedule, got %s", type(run.schedule))
  end
  run.metrics = o.metrics or {}
  for name, f in pairs(run.metrics) do
    if type(name) ~= "string" or type(f) ~= "function" then C.fail(fn, "metrics: expected {name = function(prediction, target)}") end
  end
  if next(run.metrics) and not run.validation then C.fail(fn, "metrics: they are taken on the validation set; there is none") end
  run.stopping = stopping_of(o.early_stopping)
  run.monitor = o.monitor or (run.validation and "val_loss" or "loss")
  run.sign = (o.mode or "min") == "max" and -1 or 1
  run.keep_best = o.keep_best ~= false
  run.clip_norm, run.clip_value = o.clip_norm, o.clip_value
  run.path, run.every = path_of("checkpoint", o.checkpoint), C.number(fn, "checkpoint_every", o.checkpoint_every, 60, 0)
  run.history_path, run.figure_path, run.on_epoch = path_of("history", o.history), path_of("figure", o.figure), o.on_epoch
  run.progress = o.progress ~= false
  run.tensors, run.buffers = tensors.of_model(o.model), {}
  for _, e in ipairs(run.tensors) do if e.group == "buffers" then run.buffers[#run.buffers + 1] = e end end
  run.saved = tensors.copies(run.buffers)
  run.settings = { seed = seed, batch = batch, samples = run.train.samples, optimizer = run.optimizer.kind, monitor = run.monitor,
    shuffle = o.shuffle ~= false, groups = #run.optimizer.groups }
  run.state = { epoch = 1, batch = 0, step = 0, loss = 0.0, samples = 0, norm = 0.0, bad = 0, seconds = 0.0, history = ow.json.array {} }
  if run.path and o.resume ~= false and ow.sys.exists(run.path) then
    run.state, run.best = checkpoint.load(run.path, run)
    run.resumed = true
  end
  return run
end

-- ---- checkpoints ---------------------------------------------------------------------------

local function save(run)
  if not run.path then return end
  -- What is saved is good: a later NaN must not find it spoilt.
  for _, p in ipairs(run.model:parameters()) do
    if diagnose.first_bad(p.variable.value) > 0 then
      run.fail(p.name, ("parameter '%s' is not finite after the step"):format(p.name))
    end
  end
  system.uninterrupted(checkpoint.save, run.path, run)
  run.saved_at, run.saved_step = ow.sys.clock(), run.state.step
end

-- Raises: the numbers went bad at this place.
local function not_finite(run, where, text, what)
  local s = run.state
  local kept = not run.path and "no checkpoint was asked for"
    or ow.sys.exists(run.path) and ("the last good checkpoint is %s%s"):format(run.path,
      run.saved_step and (" (step %d)"):format(run.saved_step) or "")
    or "no checkpoint was written yet"
  local message = ("%s: step %d (epoch %d, batch %d): %s; %s; %s"):format(fn, s.step + 1, s.epoch, s.batch + 1, what, text, kept)
  error(setmetatable({ code = "numeric", message = message, step = s.step + 1, epoch = s.epoch, batch = s.batch + 1, layer = where,
    checkpoint = run.path, hint = "" }, { __tostring = function(e) return e.message end, __name = "orowan.error" }), 0)
end

-- ---- one step ------------------------------------------------------------------------------

local function put_back(run)
  if run.dirty then tensors.restore(run.buffers, run.saved) end
  run.dirty = false
end

local function compute(run, batch)
  local loss = run.loss(run.forward(run.model, batch), batch.y, batch)
  if type(loss) ~= "table" or not loss.backward then C.fail(fn, "loss: expected it to return a variable, got %s", type(loss)) end
  return loss
end

local function look_for_it(run, batch, what)
  put_back(run)
  run.model:zero_grad()
  local where, text = diagnose.find(run.model, batch, function() return compute(run, batch) end)
  tensors.restore(run.buffers, run.saved)
  run.model:zero_grad()
  not_finite(run, where, text, what)
end

local function step(run, batch)
  local s, optimizer = run.state, run.optimizer
  batch = data.to(batch, run.device)
  for i, e in ipairs(run.buffers) do run.saved[i].tensor:copy(e.tensor) end
  run.dirty = true
  optimizer:zero_grad()
  local loss = compute(run, batch)
  local l = value(loss):item()
  if l ~= l or l == math.huge or l == -math.huge then look_for_it(run, batch, "the loss is " .. tostring(l)) end
  loss:backward()
  if run.clip_value then optim.clip_grad_value(optimizer, run.clip_value) end
  local norm = run.clip_norm and optim.clip_grad_norm(optimizer, run.clip_norm) or optim.grad_norm(optimizer)
  if norm ~= norm or norm == math.huge then look_for_it(run, batch, "the gradient's norm is " .. tostring(norm)) end
  system.uninterrupted(function()
    optimizer:step()
    run.dirty = false
    s.step, s.batch, s.samples = s.step + 1, s.batch + 1, s.samples + batch.n
    s.loss, s.norm = s.loss + l * batch.n, s.norm + norm * batch.n
  end)
  optimizer:zero_grad()
  return l
end

-- ---- evaluation ----------------------------------------------------------------------------

-- f() with the model in evaluation mode and no tape; its modes come back afterwards.
local function evaluating(model, f)
  local modes = {}
  for i, m in ipairs(model:modules()) do modes[i] = { m.module, m.module.training } end
  local back <close> = setmetatable({}, { __close = function() for _, m in ipairs(modes) do m[1].training = m[2] end end })
  model:eval()
  return tape.no_grad(f)
end

local function validate(run)
  return evaluating(run.model, function()
    local sum, n, predictions, targets = 0.0, 0, {}, {}
    for _, batch in run.validation:each(run.state.epoch, 1) do
      local on_device = data.to(batch, run.device)
      local prediction = run.forward(run.model, on_device)
      sum, n = sum + value(run.loss(prediction, on_device.y, on_device)):item() * batch.n, n + batch.n
      if next(run.metrics) then
        predictions[#predictions + 1], targets[#targets + 1] = tensors.host(value(prediction)), batch.y
      end
    end
    if n == 0 then C.fail(fn, "validation: no batches came") end
    local out = { val_loss = sum / n }
    if next(run.metrics) then
      local p, t = ow.concat(predictions), ow.concat(targets)
      for name, f in pairs(run.metrics) do
        local v = f(p, t)
        if type(v) == "table" then v = v.value end
        if type(v) ~= "number" then C.fail(fn, "metrics.%s: expected a number, got %s", name, type(v)) end
        out[name] = v
      end
    end
    return out
  end)
end

-- ---- one epoch -----------------------------------------------------------------------------

local function train_epoch(run, bar)
  local s = run.state
  run.model:train()
  local total = run.train.batches
  for k, batch in run.train:each(s.epoch, s.batch + 1) do
    if run.schedule then
      -- Batches of a source of unknown length all count as the start of the epoch.
      run.schedule:apply(run.optimizer, s.epoch - 1 + (total and (k - 1) / total or 0))
    end
    local l = step(run, batch)
    if bar then bar:update(run.done + s.samples, ("epoch %d/%d, loss %.4g"):format(s.epoch, run.epochs, l)) end
    if run.path and ow.sys.clock() - run.saved_at >= run.every then save(run) end
  end
  if s.batch == 0 then C.fail(fn, "train: no batches came in epoch %d", s.epoch) end
end

local function better(run, v, best)
  if v ~= v then return false end
  if best == nil then return true end
  return run.sign * v < run.sign * best - (run.stopping and run.stopping.min_delta or 0)
end

local function end_epoch(run, started)
  local s = run.state
  local record = { epoch = s.epoch, step = s.step, loss = s.loss / s.samples, grad_norm = s.norm / s.samples, lr = run.optimizer:lr() }
  if run.validation then for k, v in pairs(validate(run)) do record[k] = v end end
  local watched = record[run.monitor]
  if watched == nil then C.fail(fn, "monitor: there is no '%s' in the history", run.monitor) end
  system.uninterrupted(function()
    record.seconds = s.seconds + ow.sys.clock() - started
    if better(run, watched, s.best) then
      s.best, s.best_epoch, s.bad = watched, s.epoch, 0
      if run.keep_best then run.best = tensors.copies(run.tensors) end
    else s.bad = s.bad + 1 end
    if run.schedule then run.schedule:observe(watched) end
    s.history[#s.history + 1] = record
    run.done = run.done + s.samples
    s.epoch, s.batch, s.loss, s.samples, s.norm, s.seconds = s.epoch + 1, 0, 0.0, 0, 0.0, 0.0
    if run.stopping and s.bad > run.stopping.patience then s.stopped = "early" end
  end)
  if run.on_epoch and run.on_epoch(record) == false then s.stopped = "on_epoch" end
  save(run)
  if run.history_path then history.save(run.history_path, s.history) end
end

local function train(run)
  local s = run.state
  run.saved_at = ow.sys.clock()
  local samples = run.train.samples
  run.done = samples and samples * (s.epoch - 1) or 0
  local bar <close> = run.progress and ow.progress.bar("training (samples)", samples and samples * run.epochs, run.done + s.samples) or nil
  while s.epoch <= run.epochs and not s.stopped do
    run.started = ow.sys.clock()
    train_epoch(run, bar)
    end_epoch(run, run.started)
  end
  if bar and s.stopped then bar:stop() end
end

local function same(e) return e end

--- Trains a model. The model ends in evaluation mode, with the best weights (keep_best) by the
--- monitored quantity. The order of the samples is a function of seed and epoch. With a checkpoint a
--- run goes on where it was, and ends with the bits of an uninterrupted one (same machine, data and
--- settings); it is written after every epoch, every checkpoint_every seconds and on an interrupt.
---
--- train and validation: a table of tensors {x=, y=, weight=, ...} with the samples along axis 1 (x
--- may be a list of tensors, the model's arguments), or a function(epoch) that returns an iterator
--- of batches {x=, y=, n=} or x, y; to resume it must give the same batches for the same epoch.
--- loss: a name or function(prediction, y, batch) that returns a variable; for batches of unequal size
--- it should be a mean. A loss or gradient that is not finite raises (code "numeric", fields step,
--- epoch, batch, layer, checkpoint) before anything is updated.
---@param options {model: orowan.module, loss: string|function, train: table|function, epochs: integer, validation?: table|function, batch?: integer, optimizer?: orowan.optimizer|table|function, schedule?: orowan.schedule, seed?: integer, shuffle?: boolean, drop_last?: boolean, forward?: function, early_stopping?: table|integer, monitor?: string, mode?: string, keep_best?: boolean, metrics?: table<string, function>, checkpoint?: string, checkpoint_every?: number, resume?: boolean, clip_norm?: number, clip_value?: number, device?: string, progress?: boolean, history?: string, figure?: string, on_epoch?: function} loss: mse, mae, huber, bce_with_logits, focal, cross_entropy or a function; batch 32; optimizer {"adam", lr = 0.001}; forward(model, batch) default model(batch.x); early_stopping {patience = epochs without gain, min_delta =}; monitor "val_loss" (without validation "loss"), mode "min" or "max"; metrics: name = function(prediction, target) on the validation set; checkpoint, history (.h5), figure (.png, .svg): paths; checkpoint_every s (60); on_epoch(record) may return false to stop
---@return table result history (records {epoch, step, loss, val_loss, lr, grad_norm, seconds, metrics}), best {epoch, value}, stopped ("epochs", "early" or "on_epoch"), steps, optimizer, resumed
function M.fit(options)
  local run = setup(options)
  run.fail = function(where, text) not_finite(run, where, text, "training diverged") end
  local s = run.state
  local ok, interrupted, err = system.guard(same, train, run)
  if interrupted or not ok then put_back(run) end
  if interrupted then
    -- The work is kept before the interrupt goes on its way; another one waits for it.
    local kept, why = pcall(system.uninterrupted, function()
      s.seconds = s.seconds + ow.sys.clock() - (run.started or ow.sys.clock())
      save(run)
    end)
    system.interrupt()
    if not kept then error(why, 0) end
    error(not ok and err or "interrupted", 0)
  end
  if not ok then error(err, 0) end
  if run.best and s.best_epoch ~= s.epoch - 1 then tensors.restore(run.tensors, run.best) end
  run.model:eval()
  if run.figure_path and #s.history > 0 then
    local drawn, why = history.figure(s.history, run.validation and s.best_epoch):save(run.figure_path)
    if not drawn then ow.progress.message("warning: the figure of the training was not drawn: " .. tostring(why)) end
  end
  return { history = s.history, best = s.best and { epoch = s.best_epoch, value = s.best }, stopped = s.stopped or "epochs",
    steps = s.step, optimizer = run.optimizer, resumed = run.resumed or false }
end

--- The figure of a training: losses, metrics and learning rate over the epochs.
---@param records table[] history of nn.fit
---@param best? integer epoch to mark
---@return orowan.figure
function M.history_figure(records, best) return history.figure(records, best) end

--- Predictions in evaluation mode, without a tape, in batches.
---@param model orowan.module
---@param x orowan.tensor|orowan.tensor[] samples along axis 1; a list: the model's arguments
---@param options? {batch?: integer, device?: string, forward?: function} batch 256; forward(model, {x=}) default model(x)
---@return orowan.tensor predictions samples along axis 1, on the CPU
function M.predict(model, x, options)
  local who = "nn.predict"
  options = C.options(who, options, C.set("batch", "device", "forward"))
  if not module.is_module(model) then C.fail(who, "model: expected a module, got %s", type(model)) end
  local source = data.source(who, "x", { x = x }, { batch = C.integer(who, "batch", options.batch, 256, 1) })
  if options.device then model:to(options.device) end
  return evaluating(model, function()
    local parts = {}
    for k, batch in source:each(1, 1) do
      local b = data.to(batch, options.device)
      local y
      if options.forward then y = options.forward(model, b)
      elseif ow.is_tensor(b.x) then y = model(b.x)
      else y = model(table.unpack(b.x)) end
      parts[k] = tensors.host(value(y))
    end
    return #parts == 1 and parts[1] or ow.concat(parts)
  end)
end

return M
