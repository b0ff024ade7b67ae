--- Losses: one number from predictions and targets. Targets and weights are data: no gradient
--- flows into them.
local check = require "orowan.nn.check"
local tape = require "orowan.nn.tape"
local value, record, run, fail = tape.value, tape.record, check.run, check.fail

local F = {}

local function data(who, name, v, like)
  if tape.is_variable(v) and v.needs_grad then
    fail(who, "%s: no gradient flows into it; use :detach()", name)
  end
  v = value(v)
  if v ~= nil and v:dtype() ~= like:dtype() then v = v:to(like:dtype()) end
  return v
end

local function loss(kind, prediction, target, o, extra)
  local who, t = o.who or kind, value(prediction)
  local y, w = data(who, "target", target, t), data(who, "weight", o.weight, t)
  if check.shape_text(t) ~= check.shape_text(y) then
    fail(who, "prediction is %s, target is %s", check.shape_text(t), check.shape_text(y))
  end
  if w and check.shape_text(w) ~= check.shape_text(t) then w = w:broadcast_to(t:shape()) end
  extra.kind, extra.reduction = kind, check.word(who, "reduction", o.reduction, "mean", { "mean", "sum" })
  return record(who, run(who, "loss", t, y, w, extra):reshape {}, { prediction }, function(dy)
    return run(who, "loss_grad", t, y, w, dy:reshape { 1 }, extra)
  end, true)
end

--- Mean of (prediction - target)^2.
---@param prediction orowan.variable|orowan.tensor
---@param target orowan.tensor as prediction
---@param options? {weight: orowan.tensor, reduction: string} weight of each element, broadcast; reduction "mean" (default) or "sum"
---@return orowan.variable loss one number
function F.mse(prediction, target, options) return loss("mse", prediction, target, options or {}, {}) end

--- Mean of |prediction - target|.
---@param prediction orowan.variable|orowan.tensor
---@param target orowan.tensor as prediction
---@param options? {weight: orowan.tensor, reduction: string} as for mse
---@return orowan.variable loss one number
function F.mae(prediction, target, options) return loss("mae", prediction, target, options or {}, {}) end

--- Half the square within delta of the target, delta (|d| - delta / 2) beyond (Huber 1964).
---@param prediction orowan.variable|orowan.tensor
---@param target orowan.tensor as prediction
---@param options? {delta: number, weight: orowan.tensor, reduction: string} delta default 1
---@return orowan.variable loss one number
function F.huber(prediction, target, options)
  local o = options or {}
  return loss("huber", prediction, target, o, { delta = o.delta })
end

--- Binary cross-entropy of sigmoid(logits): -(pos_weight t log s + (1 - t) log(1 - s)).
---@param logits orowan.variable|orowan.tensor
---@param target orowan.tensor 0 to 1, as logits
---@param options? {pos_weight: number, weight: orowan.tensor, reduction: string} pos_weight default 1
---@return orowan.variable loss one number
function F.bce_with_logits(logits, target, options)
  local o = options or {}
  return loss("bce_logits", logits, target, setmetatable({ who = o.who or "bce_with_logits" }, { __index = o }), { pos_weight = o.pos_weight })
end

--- Focal loss of sigmoid(logits): -a (1 - p)^gamma log p, p the probability given to the truth
--- (Lin et al. 2017).
---@param logits orowan.variable|orowan.tensor
---@param target orowan.tensor 0 or 1, as logits
---@param options? {gamma: number, alpha: number, weight: orowan.tensor, reduction: string} gamma default 2; alpha: weight of the positives, 1 - alpha that of the negatives (default 0.25; below 0: none)
---@return orowan.variable loss one number
function F.focal(logits, target, options)
  local o = options or {}
  return loss("focal", logits, target, o, { gamma = o.gamma, alpha_balance = o.alpha })
end

--- Cross-entropy of softmax(logits) over axis 2, averaged over the positions that count (with
--- class weights: the weighted mean).
---@param logits orowan.variable|orowan.tensor [N, C, *S]
---@param target orowan.tensor|table [N, *S] classes from 1; 0: ignored
---@param options? {class_weight: orowan.tensor, smoothing: number, reduction: string} class_weight [C]; smoothing default 0
---@return orowan.variable loss one number
function F.cross_entropy(logits, target, options)
  local o = options or {}
  local who, t = o.who or "cross_entropy", value(logits)
  local classes = check.index(who, "target", value(target))
  local w = data(who, "class_weight", o.class_weight, t)
  local p = { smoothing = o.smoothing, reduction = check.word(who, "reduction", o.reduction, "mean", { "mean", "sum" }) }
  return record(who, run(who, "cross_entropy", t, classes, w, p):reshape {}, { logits }, function(dy)
    return run(who, "cross_entropy_grad", t, classes, w, dy:reshape { 1 }, p)
  end, true)
end

return F
