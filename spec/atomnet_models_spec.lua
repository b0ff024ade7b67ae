-- The models that come with Orowan: they load, say what they are, and find domains in cubes that
-- they were not trained on.
local ow = require "orowan"
local finder, datasets = ow.apt.finder, ow.apt.datasets

describe("the models of ordered domains", function()
  for _, c in ipairs { { "allimg", 3.6, 0.85 }, { "aucu", 3.6, 0.8 }, { "conialw", 4.5, 0.8 } } do
    it("find " .. c[1], function()
      local model, info = assert(finder.load("models/atomnet_" .. c[1] .. ".h5"))
      local pre = info.preprocessing
      assert.equal(c[1], pre.alloy)
      assert.same(datasets.alloys[c[1]].species, pre.species)
      assert.is_string(info.card.limits)
      assert.is_string(info.card.data)
      local p, label = {}, {}
      for k = 1, 3 do
        local cube = datasets.cube { alloy = c[1], noise = info.metadata.params.noise, matched = pre.matched, seed = 770000 + k, edge = c[2] }
        p[k], label[k] = finder.apply(model, info, cube), cube.label:gt(0):to "f32"
      end
      local auc = ow.nn.metrics.roc_auc(ow.concat(p), ow.concat(label), { repeats = 0 }).value
      assert.is_true(auc > c[3], "AUC " .. auc)
      local cube = datasets.cube { alloy = c[1], seed = 770001, edge = c[2], matched = pre.matched }
      assert.equal(cube.n, finder.apply(model, info, cube, { network = "atomnet" }):numel())
    end)
  end
end)
