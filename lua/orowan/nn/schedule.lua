--- Schedules of the learning rate: a factor on each group's own rate as a function of the time t
--- in epochs (0 at the start, fractions within an epoch). Products of schedules are schedules:
--- `nn.schedule.warmup(2) * nn.schedule.cosine(50)`.
local C = require "orowan.stats.common"

local schedule = {}

---@class orowan.schedule
local Schedule = {}
Schedule.__index = Schedule

local function new(kind, factor, extra)
  local s = extra or {}
  s.kind, s.at = kind, factor
  return setmetatable(s, Schedule)
end

--- The factor at time t on a rate that is base at first.
---@param t number epochs since the start
---@param base? number rate of the group (a least rate is absolute), default 1
---@return number factor
function Schedule:factor(t, base) return self.at(t, base or 1, self) end

--- Sets the rates of an optimiser.
---@param optimizer orowan.optimizer
---@param t number epochs since the start
function Schedule:apply(optimizer, t)
  for _, g in ipairs(optimizer.groups) do g.lr = g.base_lr * self:factor(t, g.base_lr) end
end

--- Tells the schedule the quantity that is watched, once after every epoch.
---@param value number
function Schedule:observe(value)
  for _, part in ipairs(self.parts or {}) do part:observe(value) end
  if self.watch then self.watch(self.memory, value) end
end

--- What it remembers, as plain data.
---@return table state
function Schedule:state()
  local s = {}
  for k, v in pairs(self.memory or {}) do s[k] = v end
  for i, part in ipairs(self.parts or {}) do s["part" .. i] = part:state() end
  return s
end

--- Takes up a state.
---@param state table
function Schedule:load_state(state)
  if self.memory then
    for k in pairs(self.memory) do self.memory[k] = nil end
    for k, v in pairs(state) do if type(v) ~= "table" then self.memory[k] = v end end
  end
  for i, part in ipairs(self.parts or {}) do part:load_state(state["part" .. i] or {}) end
end

Schedule.__mul = function(a, b)
  if getmetatable(a) ~= Schedule or getmetatable(b) ~= Schedule then
    error("nn.schedule: expected a schedule on both sides of *", 2)
  end
  return new("product", function(t, base) return a:factor(t, base) * b:factor(t, base) end, { parts = { a, b } })
end

--- Is it a schedule?
---@param v any
---@return boolean
function schedule.is_schedule(v) return getmetatable(v) == Schedule end

--- Always the same rate.
---@return orowan.schedule
function schedule.constant() return new("constant", function() return 1.0 end) end

--- Times gamma after every `size` epochs.
---@param size integer epochs
---@param gamma? number default 0.1
---@return orowan.schedule
function schedule.step(size, gamma)
  local fn = "nn.schedule.step"
  C.number(fn, "size", size, nil, 1)
  gamma = C.number(fn, "gamma", gamma, 0.1, 0)
  return new("step", function(t) return gamma ^ (t // size) end)
end

--- Times gamma after each of the epochs given.
---@param milestones number[] epochs, increasing
---@param gamma? number default 0.1
---@return orowan.schedule
function schedule.multi_step(milestones, gamma)
  local fn = "nn.schedule.multi_step"
  if type(milestones) ~= "table" or #milestones == 0 then C.fail(fn, "milestones: expected a list of epochs") end
  for i, m in ipairs(milestones) do C.number(fn, ("milestones[%d]"):format(i), m, nil, i > 1 and milestones[i - 1] or 0) end
  gamma = C.number(fn, "gamma", gamma, 0.1, 0)
  return new("multi_step", function(t)
    local k = 0
    for _, m in ipairs(milestones) do if t >= m then k = k + 1 end end
    return gamma ^ k
  end)
end

--- gamma^t: falls by gamma in an epoch, smoothly.
---@param gamma number
---@return orowan.schedule
function schedule.exponential(gamma)
  C.number("nn.schedule.exponential", "gamma", gamma, nil, 0)
  return new("exponential", function(t) return gamma ^ t end)
end

--- Half a cosine from 1 to `floor` in the given epochs, then constant; with restarts again and
--- again (Loshchilov and Hutter, ICLR 2017).
---@param epochs number
---@param opts? {floor?: number, restarts?: boolean} floor: last factor (0)
---@return orowan.schedule
function schedule.cosine(epochs, opts)
  local fn = "nn.schedule.cosine"
  opts = C.options(fn, opts, C.set("floor", "restarts"))
  C.number(fn, "epochs", epochs, nil, 1e-9)
  local floor = C.number(fn, "floor", opts.floor, 0, 0)
  return new("cosine", function(t)
    local x = opts.restarts and t % epochs / epochs or math.min(t / epochs, 1)
    return floor + (1 - floor) * (1 + math.cos(math.pi * x)) / 2
  end)
end

--- Rises linearly from `start` to 1 in the given epochs; then constant, or the schedule `after`,
--- whose time begins there.
---@param epochs number
---@param opts? {start?: number, after?: orowan.schedule} start: first factor (0.01)
---@return orowan.schedule
function schedule.warmup(epochs, opts)
  local fn = "nn.schedule.warmup"
  opts = C.options(fn, opts, C.set("start", "after"))
  C.number(fn, "epochs", epochs, nil, 1e-9)
  local start, after = C.number(fn, "start", opts.start, 0.01, 0), opts.after
  if after ~= nil and not schedule.is_schedule(after) then C.fail(fn, "after: expected a schedule, got %s", type(after)) end
  return new("warmup", function(t, base)
    if t < epochs then return start + (1 - start) * t / epochs end
    return after and after:factor(t - epochs, base) or 1.0
  end, { parts = after and { after } })
end

--- Times `factor` when the watched quantity has not improved for more than `patience` epochs; then
--- waits `cooldown` epochs before it counts again. Never below min_lr.
---@param opts? {factor?: number, patience?: integer, cooldown?: integer, threshold?: number, min_lr?: number, mode?: string} factor 1 / sqrt(10), patience 10, cooldown 0, threshold 1e-4 (relative gain that counts as one), min_lr 0, mode "min" or "max"
---@return orowan.schedule
function schedule.reduce_on_plateau(opts)
  local fn = "nn.schedule.reduce_on_plateau"
  opts = C.options(fn, opts, C.set("factor", "patience", "cooldown", "threshold", "min_lr", "mode"))
  local factor = C.number(fn, "factor", opts.factor, 1 / math.sqrt(10), 0, 1)
  local patience, cooldown = C.integer(fn, "patience", opts.patience, 10, 0), C.integer(fn, "cooldown", opts.cooldown, 0, 0)
  local threshold, min_lr = C.number(fn, "threshold", opts.threshold, 1e-4, 0), C.number(fn, "min_lr", opts.min_lr, 0, 0)
  local mode = opts.mode or "min"
  if mode ~= "min" and mode ~= "max" then C.fail(fn, "mode: expected 'min' or 'max', got '%s'", tostring(mode)) end
  local function watch(m, v)
    local sign = mode == "min" and 1 or -1
    if v == v and (not m.best or sign * v < sign * m.best - threshold * math.abs(m.best)) then m.best, m.bad = v, 0
    else m.bad = m.bad + 1 end
    if m.wait > 0 then m.wait, m.bad = m.wait - 1, 0 end
    if m.bad > patience then m.reductions, m.bad, m.wait = m.reductions + 1, 0, cooldown end
  end
  local memory = { bad = 0, wait = 0, reductions = 0 }
  return new("reduce_on_plateau", function(_, base)
    return math.max(factor ^ memory.reductions, base > 0 and math.min(1, min_lr / base) or 0)
  end, { memory = memory, watch = watch })
end

return schedule
