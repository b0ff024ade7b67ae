--- How good predictions are: every number with a bootstrap interval {value, low, high}.
--- Scores are sorted once; a resample is a count for each sample, so it costs one pass
--- (csrc/stats/metrics.c). Samples that belong together (frames of a movie, atoms of a
--- trajectory) are drawn together when `groups` tells which they are.
local ow = require "orowan"
local C = require "orowan.stats.common"
local kernel = ow.core.metrics

local metrics = {}

local common = { "repeats", "seed", "level", "groups" }

local function options(fn, opts, ...)
  local names = C.set(...)
  for _, n in ipairs(common) do names[n] = true end
  return C.options(fn, opts, names)
end

-- Finite values of any shape as a contiguous f64 tensor, its shape kept.
local function values(fn, name, x)
  if type(x) == "table" and x.value ~= nil then x = x.value end
  if not ow.is_tensor(x) then
    if type(x) ~= "table" then C.fail(fn, "%s: expected a tensor or a table of numbers, got %s", name, type(x)) end
    x = ow.tensor(x)
  end
  local t = x:to("f64"):contiguous()
  if t:numel() == 0 then C.fail(fn, "%s: no values: expected at least one", name) end
  local s = ow.core.stats.survey(t:view(t:numel()))
  if s.nan + s.infinite > 0 then C.fail(fn, "%s: %d of %d values are not finite", name, s.nan + s.infinite, s.n) end
  return t
end

local function shape_text(t) return table.concat(t:shape(), "x") end

-- One number a sample; a last axis of length 1 is dropped.
local function vector(fn, name, x)
  local t = values(fn, name, x)
  local n = t:numel()
  if t:ndim() > 2 or t:ndim() == 2 and t:shape(2) ~= 1 then
    C.fail(fn, "%s: expected one number a sample, got shape %s", name, shape_text(t))
  end
  return t:view(n), n
end

local function same_length(fn, a, n, b, m)
  if n ~= m then C.fail(fn, "%s and %s: %d and %d samples: expected the same number", a, b, n, m) end
end

-- Scores with labels 1 and 0.
local function scored(fn, score, label)
  local s, n = vector(fn, "score", score)
  local l, m = vector(fn, "label", label)
  same_length(fn, "score", n, "label", m)
  local bad = l:ne(0):band(l:ne(1)):nonzero()
  if #bad > 0 then C.fail(fn, "label[%d]: expected 0 or 1, got %g", bad:get(1), l:get(bad:get(1))) end
  return s, l, n
end

-- Whole numbers 1..K.
local function classes(fn, name, x)
  local t, n = vector(fn, name, x)
  local bad = t:floor():ne(t):bor(t:lt(1)):nonzero()
  if #bad > 0 then C.fail(fn, "%s[%d]: expected a class 1, 2, ..., got %g", name, bad:get(1), t:get(bad:get(1))) end
  return t:to("i64"), n, math.tointeger(t:max())
end

-- Classes of a prediction: given as such, or the largest of N x K scores.
local function predicted(fn, x)
  local t = values(fn, "prediction", x)
  if t:ndim() == 2 and t:shape(2) > 1 then return t:argmax(2), t:shape(1), t:shape(2) end
  return classes(fn, "prediction", t)
end

-- The resampling of a call: groups, their number, seed, repeats; and the level.
local function resampling(fn, opts, n)
  local groups, count = opts.groups, 0
  if groups ~= nil then
    local t, m = vector(fn, "groups", groups)
    same_length(fn, "groups", m, "prediction", n)
    local distinct, inverse = ow.unique(t, { inverse = true })
    groups, count = inverse, #distinct
  end
  return groups, count, C.integer(fn, "seed", opts.seed, 1), C.integer(fn, "repeats", opts.repeats, 1000, 0)
end

-- {value, low, high, n} from the value and its resamples (NaN: the metric is not defined there).
local function interval(fn, opts, list, n)
  local level = C.number(fn, "level", opts.level, 0.95, 0.5, 0.9999)
  local v = {}
  for i = 2, #list do if list[i] == list[i] then v[#v + 1] = list[i] end end
  table.sort(v)
  local r = { value = list[1], n = n }
  if #v > 1 then r.low, r.high = C.quantile(v, 0.5 - level / 2), C.quantile(v, 0.5 + level / 2) end
  return r
end

-- Interval of f(sums of one resample); rows [R+1][cells][1+k] as nested tables.
local function of_sums(fn, opts, rows, n, f)
  local list = {}
  for i, row in ipairs(rows) do list[i] = f(row) end
  return interval(fn, opts, list, n)
end

local function ratio(a, b) return b > 0 and a / b or 0 / 0 end

-- ---- ranking -------------------------------------------------------------------------------

-- Order of falling score with its labels: positive u8, tied u8 (same score as the next), scores.
local function ranked(s, l, n)
  local order = ow.argsort(s, 1, { descending = true })
  local sorted = s:take(order)
  local tied = ow.zeros({ n }, "u8")
  if n > 1 then tied:slice(1, 1, n - 1):copy(sorted:slice(1, 1, n - 1):eq(sorted:slice(1, 2, n))) end
  return l:take(order):to("u8"), tied, sorted, order
end

local function ranking(fn, score, label, opts, column)
  opts = options(fn, opts)
  local s, l, n = scored(fn, score, label)
  local positives = math.tointeger(l:sum())
  if positives == 0 or (positives == n and column == 1) then
    C.fail(fn, "label: %d of %d are 1: expected both classes", positives, n)
  end
  local p, tied, _, order = ranked(s, l, n)
  local groups, count, seed, repeats = resampling(fn, opts, n)
  local rows = kernel.ranking(p, tied, groups and groups:take(order), count, seed, repeats)
  local r = interval(fn, opts, rows:select(2, column):totable(), n)
  r.positives = positives
  return r
end

--- Area under the ROC curve, exactly: the share of (positive, negative) pairs in right order, a
--- tie counting one half (midranks; Hanley and McNeil, Radiology 143 (1982) 29).
---@param score orowan.tensor|number[] shape N, any scale, larger: more likely 1
---@param label orowan.tensor|number[] shape N, 1 or 0
---@param opts? {repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]} repeats 1000 (0: no interval); groups: numbers, samples of one number are drawn together
---@return table result value, low, high, n, positives
function metrics.roc_auc(score, label, opts) return ranking("nn.metrics.roc_auc", score, label, opts, 1) end

--- Average precision: sum over the distinct scores of (recall gained) times precision there.
---@param score orowan.tensor|number[] shape N
---@param label orowan.tensor|number[] shape N, 1 or 0
---@param opts? {repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]}
---@return table result value, low, high, n, positives
function metrics.average_precision(score, label, opts) return ranking("nn.metrics.average_precision", score, label, opts, 2) end

-- True and false positives at each distinct score, falling.
local function counts_by_threshold(fn, score, label)
  local s, l, n = scored(fn, score, label)
  local p, tied, sorted = ranked(s, l, n)
  local last = tied:eq(0):nonzero()
  local tp = p:to("f64"):cumsum():take(last)
  return sorted:take(last), tp, last:to("f64") - tp, l:sum(), n
end

--- The ROC curve: one point for each distinct score, and (0, 0) in front.
---@param score orowan.tensor|number[] shape N
---@param label orowan.tensor|number[] shape N, 1 or 0
---@return {threshold: orowan.tensor, tpr: orowan.tensor, fpr: orowan.tensor} curve falling thresholds, the first infinite
function metrics.roc_curve(score, label)
  local t, tp, fp, positives, n = counts_by_threshold("nn.metrics.roc_curve", score, label)
  if positives == 0 or positives == n then
    C.fail("nn.metrics.roc_curve", "label: %d of %d are 1: expected both classes", positives, n)
  end
  local zero = ow.zeros(1)
  return { threshold = ow.concat { ow.full({ 1 }, math.huge), t },
    tpr = ow.concat { zero, tp / positives }, fpr = ow.concat { zero, fp / (n - positives) } }
end

--- The precision-recall curve: one point for each distinct score (a sample counts as positive
--- from its own score down).
---@param score orowan.tensor|number[] shape N
---@param label orowan.tensor|number[] shape N, 1 or 0, at least one 1
---@return {threshold: orowan.tensor, precision: orowan.tensor, recall: orowan.tensor} curve falling thresholds
function metrics.precision_recall_curve(score, label)
  local t, tp, fp, positives = counts_by_threshold("nn.metrics.precision_recall_curve", score, label)
  if positives == 0 then C.fail("nn.metrics.precision_recall_curve", "label: none is 1: recall is not defined") end
  return { threshold = t, precision = tp / (tp + fp), recall = tp / positives }
end

--- Precision, recall and F1 when scores at or above a threshold count as positive.
---@param score orowan.tensor|number[] shape N
---@param label orowan.tensor|number[] shape N, 1 or 0
---@param opts? {thresholds?: number|number[], repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]} thresholds {0.5}
---@return table[] results one for each threshold: threshold, tp, fp, fn, tn, and {value, low, high} of precision, recall, f1, accuracy; NaN where nothing was found or there is nothing to find
function metrics.precision_recall_f1(score, label, opts)
  local fn = "nn.metrics.precision_recall_f1"
  opts = options(fn, opts, "thresholds")
  local s, l, n = scored(fn, score, label)
  local thresholds = opts.thresholds or 0.5
  if type(thresholds) ~= "table" then thresholds = { thresholds } end
  local none = ow.zeros { n, 0 }
  local out = {}
  for i, t in ipairs(thresholds) do
    t = C.number(fn, ("thresholds[%d]"):format(i), t)
    local cell = l:to("i64") * 2 + s:ge(t):to("i64") + 1  -- 1 tn, 2 fp, 3 fn, 4 tp
    local rows = kernel.sums(none, cell, 4, resampling(fn, opts, n)):totable()
    local function of(f) return of_sums(fn, opts, rows, n, function(r) return f(r[1][1], r[2][1], r[3][1], r[4][1]) end) end
    local first = rows[1]
    out[i] = {
      threshold = t, tn = first[1][1], fp = first[2][1], fn = first[3][1], tp = first[4][1],
      precision = of(function(_, fp, _, tp) return ratio(tp, tp + fp) end),
      recall = of(function(_, _, missed, tp) return ratio(tp, tp + missed) end),
      f1 = of(function(_, fp, missed, tp) return ratio(2 * tp, 2 * tp + fp + missed) end),
      accuracy = of(function(tn, fp, missed, tp) return (tp + tn) / (tp + tn + fp + missed) end),
    }
  end
  return out
end

-- ---- classes -------------------------------------------------------------------------------

--- Share of samples whose class is right.
---@param prediction orowan.tensor|number[] classes 1..K of shape N, or N x K scores (the largest counts)
---@param target orowan.tensor|number[] shape N, classes from 1
---@param opts? {repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]}
---@return table result value, low, high, n
function metrics.accuracy(prediction, target, opts)
  local fn = "nn.metrics.accuracy"
  opts = options(fn, opts)
  local p, n = predicted(fn, prediction)
  local t, m = classes(fn, "target", target)
  same_length(fn, "prediction", n, "target", m)
  local rows = kernel.sums(p:eq(t):to("f64"):view(n, 1), nil, 1, resampling(fn, opts, n)):totable()
  return of_sums(fn, opts, rows, n, function(r) return r[1][2] / r[1][1] end)
end

--- Confusion matrix: true classes down, predicted ones across.
---@param prediction orowan.tensor|number[] classes 1..K of shape N, or N x K scores
---@param target orowan.tensor|number[] shape N, classes from 1
---@param opts? {classes?: integer, repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]} classes: K, default the largest seen
---@return table result counts (i64, K x K), rate (K x K, each row divided by its sum, NaN for an absent class), low, high (of rate)
function metrics.confusion_matrix(prediction, target, opts)
  local fn = "nn.metrics.confusion_matrix"
  opts = options(fn, opts, "classes")
  local p, n, a = predicted(fn, prediction)
  local t, m, b = classes(fn, "target", target)
  same_length(fn, "prediction", n, "target", m)
  local k = C.integer(fn, "classes", opts.classes, math.max(a, b), math.max(a, b))
  local rows = kernel.sums(ow.zeros { n, 0 }, (t - 1) * k + p, k * k, resampling(fn, opts, n))
  local all = rows:view(rows:shape(1), k, k)
  local rate = all / all:sum(3, { keepdims = true })
  local r = { counts = all:select(1, 1):to("i64"), rate = rate:select(1, 1):contiguous(), n = n }
  if rows:shape(1) > 2 then
    r.low, r.high = ow.full({ k, k }, 0 / 0), ow.full({ k, k }, 0 / 0)
    for i = 1, k do
      for j = 1, k do
        local c = interval(fn, opts, rate:select(2, i):select(2, j):totable(), n)
        if c.low then r.low:set(i, j, c.low) r.high:set(i, j, c.high) end
      end
    end
  end
  return r
end

-- ---- regression ----------------------------------------------------------------------------

local function errors(fn, prediction, target, opts)
  opts = options(fn, opts)
  local p, n = vector(fn, "prediction", prediction)
  local t, m = vector(fn, "target", target)
  same_length(fn, "prediction", n, "target", m)
  return p - t, t, n, opts
end

--- Mean absolute error.
---@param prediction orowan.tensor|number[] shape N
---@param target orowan.tensor|number[] shape N
---@param opts? {repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]}
---@return table result value, low, high, n, in the unit of the target
function metrics.mae(prediction, target, opts)
  local fn = "nn.metrics.mae"
  local e, _, n, o = errors(fn, prediction, target, opts)
  local rows = kernel.sums(e:abs():view(n, 1), nil, 1, resampling(fn, o, n)):totable()
  return of_sums(fn, o, rows, n, function(r) return r[1][2] / r[1][1] end)
end

--- Root of the mean squared error.
---@param prediction orowan.tensor|number[] shape N
---@param target orowan.tensor|number[] shape N
---@param opts? {repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]}
---@return table result value, low, high, n, in the unit of the target
function metrics.rmse(prediction, target, opts)
  local fn = "nn.metrics.rmse"
  local e, _, n, o = errors(fn, prediction, target, opts)
  local rows = kernel.sums((e * e):view(n, 1), nil, 1, resampling(fn, o, n)):totable()
  return of_sums(fn, o, rows, n, function(r) return math.sqrt(r[1][2] / r[1][1]) end)
end

--- Coefficient of determination, 1 - sum (t - p)^2 / sum (t - mean t)^2; the mean is that of
--- each resample. Negative: worse than the mean.
---@param prediction orowan.tensor|number[] shape N
---@param target orowan.tensor|number[] shape N, not all equal
---@param opts? {repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]}
---@return table result value, low, high, n
function metrics.r2(prediction, target, opts)
  local fn = "nn.metrics.r2"
  local e, t, n, o = errors(fn, prediction, target, opts)
  if t:min() == t:max() then C.fail(fn, "target: all %d values are %g: R2 is not defined", n, t:min()) end
  t = t - t:mean()  -- against cancellation in the sums of squares
  local columns = ow.stack({ e * e, t, t * t }, 2)
  local rows = kernel.sums(columns, nil, 1, resampling(fn, o, n)):totable()
  return of_sums(fn, o, rows, n, function(r)
    local w, ee, s, ss = table.unpack(r[1])
    local spread = ss - s * s / w
    return spread > 1e-12 * ss and 1 - ee / spread or 0 / 0  -- a resample of equal targets has none
  end)
end

-- ---- calibration ---------------------------------------------------------------------------

--- How often predictions of a stated probability come true, in bins of equal width, and the
--- expected calibration error: the mean over samples of |frequency - stated probability| of
--- their bin (Naeini, Cooper, Hauskrecht, AAAI 2015). ECE cannot be negative: finite samples
--- give above 0 even for a perfect forecast, and its bootstrap interval lies higher still.
---@param probability orowan.tensor|number[] shape N in 0..1 (of label 1), or N x K (each row sums to 1; the largest against whether it is right)
---@param label orowan.tensor|number[] shape N: 1 or 0, or classes from 1
---@param opts? {bins?: integer, repeats?: integer, seed?: integer, level?: number, groups?: orowan.tensor|number[]} bins 10
---@return table result lists probability (mean of the bin), frequency, low, high (of the frequency), count, of the bins that hold samples; ece {value, low, high}; n
function metrics.calibration(probability, label, opts)
  local fn = "nn.metrics.calibration"
  opts = options(fn, opts, "bins")
  local bins = C.integer(fn, "bins", opts.bins, 10, 1, 1000)
  local p, hit, n = values(fn, "probability", probability), nil, nil
  if p:ndim() == 2 and p:shape(2) > 1 then
    local t, m = classes(fn, "label", label)
    n = p:shape(1)
    same_length(fn, "probability", n, "label", m)
    hit, p = p:argmax(2):eq(t):to("f64"), p:max(2)
  else p, hit, n = scored(fn, p, label) end
  if p:min() < 0 or p:max() > 1 + 1e-6 then
    C.fail(fn, "probability: expected 0 to 1, got %g to %g", p:min(), p:max())
  end
  local cell = (p * bins):floor():clip(0, bins - 1):to("i64") + 1
  local rows = kernel.sums(ow.stack({ p, hit }, 2), cell, bins, resampling(fn, opts, n)):totable()
  local r = { probability = {}, frequency = {}, low = {}, high = {}, count = {}, n = n }
  for b = 1, bins do
    local first = rows[1][b]
    if first[1] > 0 then
      local i = #r.count + 1
      local f = of_sums(fn, opts, rows, n, function(row) return ratio(row[b][3], row[b][1]) end)
      r.count[i], r.probability[i], r.frequency[i] = math.tointeger(first[1]), first[2] / first[1], f.value
      r.low[i], r.high[i] = f.low, f.high
    end
  end
  r.ece = of_sums(fn, opts, rows, n, function(row)
    local gap, w = 0, 0
    for b = 1, bins do gap, w = gap + math.abs(row[b][3] - row[b][2]), w + row[b][1] end
    return gap / w
  end)
  return r
end

return metrics
