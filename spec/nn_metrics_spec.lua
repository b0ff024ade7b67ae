-- Metrics against counts by hand, scikit-learn's numbers and the coverage of their intervals.
local ow = require "orowan"
local metrics = require "orowan.nn.metrics"
local compare = dofile "spec/support/compare.lua"
local message, close = compare.message, compare.close
local F = dofile "spec/fixtures/nn_metrics.lua"

describe("nn.metrics", function()
  it("agree with scikit-learn, ties included", function()
    assert.near(F.auc, metrics.roc_auc(F.score, F.label).value, 1e-14)
    assert.near(F.ap, metrics.average_precision(F.score, F.label).value, 1e-14)
    local roc = metrics.roc_curve(F.score, F.label)
    close(F.tpr, roc.tpr, 1e-14, "tpr")
    close(F.fpr, roc.fpr, 1e-14, "fpr")
    local pr = metrics.precision_recall_curve(F.score, F.label)
    -- the fixture holds scikit-learn's curve in order of falling thresholds
    close(F.pr_threshold, pr.threshold:slice(1, 1, #F.pr_threshold), 0, "threshold")
    close(F.pr_precision, pr.precision:slice(1, 1, #F.pr_threshold), 1e-14, "precision")
    close(F.pr_recall, pr.recall:slice(1, 1, #F.pr_threshold), 1e-14, "recall")
    local at = metrics.precision_recall_f1(F.score, F.label)[1]
    for _, name in ipairs { "precision", "recall", "f1" } do assert.near(F[name], at[name].value, 1e-14, name) end
    assert.same(F.confusion, metrics.confusion_matrix(F.guess, F.truth).counts:totable())
    for _, m in ipairs { "mae", "rmse", "r2" } do assert.near(F[m], metrics[m](F.f, F.y).value, 1e-12, m) end
    assert.near(F.accuracy, metrics.accuracy(F.guess, F.truth).value, 1e-14)
  end)

  it("count pairs as the definition of the AUC does", function()
    local function by_pairs(s, l)
      local wins, pairs_ = 0, 0
      for i = 1, #s do
        for j = 1, #s do
          if l[i] == 1 and l[j] == 0 then
            pairs_ = pairs_ + 1
            wins = wins + (s[i] > s[j] and 1 or s[i] == s[j] and 0.5 or 0)
          end
        end
      end
      return wins / pairs_
    end
    assert.equal(0.75, metrics.roc_auc({ 0.1, 0.4, 0.35, 0.8 }, { 0, 0, 1, 1 }).value)
    assert.equal(0.5, metrics.roc_auc({ 3, 3, 3, 3, 3 }, { 0, 1, 0, 1, 1 }).value)
    assert.near(by_pairs(F.score, F.label), metrics.roc_auc(F.score, F.label).value, 1e-14)
    assert.near(1 - by_pairs(F.score, F.label), metrics.roc_auc(-ow.tensor(F.score), F.label).value, 1e-14)
  end)

  it("have the values that a hand computes", function()
    local at = metrics.precision_recall_f1({ 0.9, 0.8, 0.3, 0.2, 0.7 }, { 1, 0, 1, 0, 1 }, { thresholds = { 0.5, 0.25, 0.95 } })
    assert.same({ 2, 1, 1, 1 }, { at[1].tp, at[1].fp, at[1].fn, at[1].tn })
    assert.near(2 / 3, at[1].precision.value, 1e-15)
    assert.near(2 / 3, at[1].recall.value, 1e-15)
    assert.near(0.6, at[1].accuracy.value, 1e-15)
    assert.equal(1, at[2].recall.value)
    assert.is_true(at[3].precision.value ~= at[3].precision.value)  -- nothing found
    assert.equal(0, at[3].recall.value)
    local c = metrics.confusion_matrix(ow.tensor { { 0.1, 0.9, 0 }, { 0.5, 0.2, 0.3 } }, { 2, 3 })
    assert.same({ { 0, 0, 0 }, { 0, 1, 0 }, { 1, 0, 0 } }, c.counts:totable())
    assert.equal(1, c.rate:get(3, 1))
    assert.equal(1, metrics.r2({ 1, 2, 4 }, { 1, 2, 4 }).value)
    assert.near(0, metrics.r2({ 2, 2, 2 }, { 1, 2, 3 }).value, 1e-15)
    -- bins [0.2, 0.3): 0.25, 0.25 with one of two right; [0.9, 1]: 1, 0.95, both right
    local k = metrics.calibration({ 0.25, 0.25, 1, 0.95 }, { 0, 1, 1, 1 })
    assert.same({ 2, 2 }, k.count)
    assert.same({ 0.5, 1 }, k.frequency)
    assert.near(0.5 * 0.25 + 0.5 * 0.025, k.ece.value, 1e-15)
    local top = metrics.calibration(ow.tensor { { 0.7, 0.3 }, { 0.4, 0.6 } }, { 1, 1 }, { bins = 2 })
    assert.same({ 0.5 }, top.frequency)
    assert.near(0.65, top.probability[1], 1e-15)
  end)

  it("have intervals that cover the truth", function()
    -- accuracy of independent samples is binomial; unit normals one apart have AUC Phi(1 / sqrt 2)
    local auc, covered, right = 0.76024993890652, 0, 0
    for r = 1, 200 do
      local g = ow.rng(r, 5)
      local label = g:uniform(100):lt(0.5)
      local a = metrics.roc_auc(g:normal(100) + label, label, { repeats = 200, seed = r })
      if a.low <= auc and auc <= a.high then covered = covered + 1 end
      local p = metrics.accuracy(g:uniform(100):lt(0.8):to("i64") + 1, ow.full({ 100 }, 2), { repeats = 200, seed = r })
      if p.low <= 0.8 and 0.8 <= p.high then right = right + 1 end
    end
    assert.is_true(covered >= 178 and covered <= 198, "AUC covered " .. covered .. " of 200")
    assert.is_true(right >= 178 and right <= 198, "accuracy covered " .. right .. " of 200")
  end)

  it("draw groups whole when samples are ranked", function()
    -- ten equal groups: every resample has the same ranking, with ties
    local rng = ow.rng(3)
    local y, s = rng:uniform(200):lt(0.3):to "f64", rng:normal(200)
    s = s + y
    local function ten(t) return t:reshape(1, 200):broadcast_to(10, 200):reshape(-1) end
    local id = ow.arange(1, 10):reshape(10, 1):broadcast_to(10, 200):reshape(-1)
    for _, name in ipairs { "roc_auc", "average_precision" } do
      local r = metrics[name](ten(s), ten(y), { groups = id, repeats = 50 })
      assert.is_true(math.abs(r.high - r.low) < 1e-12 and math.abs(r.value - r.low) < 1e-12)
    end
  end)

  it("draw groups whole: repeated samples do not narrow an interval", function()
    local g = ow.rng(3)
    local e = g:normal(40)
    local rep, id = e:repeat_each(25), ow.arange(1, 40):repeat_each(25)
    local zero = ow.zeros(1000)
    local single, alone = metrics.mae(e, ow.zeros(40)), metrics.mae(rep, zero)
    local grouped = metrics.mae(rep, zero, { groups = id })
    assert.near(single.value, grouped.value, 1e-12)
    assert.near(single.low, grouped.low, 1e-12)
    assert.near(single.high, grouped.high, 1e-12)
    assert.is_true(alone.high - alone.low < 0.4 * (grouped.high - grouped.low))
  end)

  it("give the same bits at any number of threads", function()
    local system = ow.core.system
    local threads, results = system.threads(), {}
    local g = ow.rng(9)
    local s, l = g:uniform(3000), g:uniform(3000):lt(0.4)
    for i, n in ipairs { 1, 3 } do
      system.threads(n)
      results[i] = { metrics.roc_auc(s, l), metrics.calibration(s, l), metrics.r2(s, s + l) }
    end
    system.threads(threads)
    assert.same(results[1], results[2])
  end)

  it("refuse what has no meaning, and say why", function()
    assert.matches("label: 0 of 3 are 1: expected both classes", message(metrics.roc_auc, { 1, 2, 3 }, { 0, 0, 0 }))
    assert.matches("score and label: 3 and 2 samples", message(metrics.roc_auc, { 1, 2, 3 }, { 0, 1 }))
    assert.matches("label%[2%]: expected 0 or 1, got 2", message(metrics.roc_auc, { 1, 2 }, { 0, 2 }))
    assert.matches("score: 1 of 2 values are not finite", message(metrics.roc_auc, { 1, 0 / 0 }, { 0, 1 }))
    assert.matches("target%[1%]: expected a class 1, 2, ..., got 0", message(metrics.accuracy, { 1 }, { 0 }))
    assert.matches("all 2 values are 4: R2 is not defined", message(metrics.r2, { 1, 2 }, { 4, 4 }))
    assert.matches("probability: expected 0 to 1", message(metrics.calibration, { 1.5, 0 }, { 1, 0 }))
    assert.matches("unknown option 'repeat'", message(metrics.mae, { 1 }, { 1 }, { ["repeat"] = 3 }))
    assert.matches("expected one number a sample, got shape 2x2", message(metrics.mae, ow.zeros(2, 2), ow.zeros(2, 2)))
    assert.matches("groups and prediction: 1 and 2 samples", message(metrics.mae, { 1, 2 }, { 1, 2 }, { groups = { 1 } }))
    assert.matches("no values", message(metrics.mae, {}, {}))
    assert.is_nil(metrics.mae({ 1 }, { 2 }, { repeats = 0 }).low)
  end)
end)
