-- Are the reported errors true? 1,000 synthetic samples of 1,000 events for each exponent, with
-- known bounds: the mean must be off by less than a third of the reported standard error, and the
-- 95 % profile-likelihood intervals must hold the truth in 93 to 97 % of the samples.
local ow = require "orowan"
local stats = ow.stats

local function check(d)
  for _, r in ipairs(stats.calibrate(d, { n = d.n or 1000, repeats = 1000, seed = 20240 })) do
    local what = ("%s %s %s = %g: mean %.4f, se %.4f, coverage %.3f"):format(d.kind or "continuous", d.model, r.name, r.truth, r.mean, r.se, r.coverage)
    assert.is_true(math.abs(r.bias) < r.se / 3, what)
    assert.is_true(r.coverage >= 0.93 and r.coverage <= 0.97, what)
  end
end

describe("stats coverage", function()
  for _, kind in ipairs { "continuous", "discrete" } do
    for _, tau in ipairs { 0.8, 0.95, 1.0, 1.05, 1.11, 1.5, 2.5 } do
      it(("%s truncated, tau = %g"):format(kind, tau), function()
        check { model = "truncated", kind = kind, tau = tau, smin = 1, smax = 1e4 }
      end)
      it(("%s cut-off, tau = %g"):format(kind, tau), function()
        -- A cut-off that a thousand events of so steep a law can still see.
        check { model = "cutoff", kind = kind, tau = tau, smin = 1, s0 = tau > 2 and 10 or 1000 }
      end)
    end
    for _, alpha in ipairs { 1.5, 2.5 } do
      it(("%s power law, alpha = %g"):format(kind, alpha), function() check { model = "powerlaw", kind = kind, tau = alpha, smin = 1 } end)
    end
    it(kind .. " exponential", function() check { model = "exponential", kind = kind, s0 = 5, smin = 1 } end)
  end
  it("lognormal", function() check { model = "lognormal", mu = 2, sigma = 1.4, smin = 1 } end)
  it("stretched exponential", function() check { model = "stretched", beta = 0.5, x0 = 3, smin = 1 } end)
end)
