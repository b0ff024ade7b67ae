-- Model files: what is saved comes back, what does not fit is named, nothing from a file runs.
local ow = require "orowan"
local nn = ow.nn
local compare = dofile "spec/support/compare.lua"
local files = dofile "spec/support/files.lua"
local message, at = compare.message, files.at

local function network(width)
  nn.seed(4)
  return nn.sequential {
    nn.conv2d(2, width, { kernel = 3, padding = 1, name = "stem" }), nn.batch_norm(width), nn.leaky_relu(0.2),
    nn.residual(nn.sequential { nn.conv2d(width, width, { kernel = 3, padding = 1 }), nn.dropout(0.3) }),
    nn.max_pool(2), nn.global_avg_pool(), nn.linear(width, 3, { name = "head" }),
  }
end

local x = ow.rng(2):normal({ 4, 2, 8, 8 }, "f32")

local function trained()
  local m = network(5)
  for _ = 1, 3 do m(x):sum():backward() end  -- moves the running statistics and the dropout's counter
  m:zero_grad()
  return m
end

describe("model files", function()
  teardown(files.remove)

  it("give back the model, its buffers and what was said about it", function()
    local m, path = trained(), at "m.h5"
    assert.is_true(nn.save(path, m, {
      preprocessing = { mean = ow.tensor({ 0.25, 0.5 }, "f32"), scale = 0.1, names = { "Al", "Mg" } },
      metadata = { seed = 7, rate = 1.0, nested = { deep = { true, false } } }, card = "trained on noise",
    }))
    local back, info = assert(nn.load(path))
    assert.is_false(back.training)
    assert.is_true(nn.predict(m, x):equal(nn.predict(back, x)))
    for i, b in ipairs(m:buffers()) do assert.is_true(b.tensor:equal(back:buffers()[i].tensor), b.name) end
    assert.same(m:describe(), back:describe())
    assert.is_true(info.preprocessing.mean:equal(ow.tensor({ 0.25, 0.5 }, "f32")))
    assert.equal("f32", info.preprocessing.mean:dtype())
    assert.equal("Mg", info.preprocessing.names[2])
    assert.equal(7, info.metadata.seed)
    assert.equal("float", math.type(info.metadata.rate))
    assert.same({ true, false }, { info.metadata.nested.deep[1], info.metadata.nested.deep[2] })
    assert.equal("trained on noise", info.card)
    local f <close> = assert(ow.io.h5_open(path))
    assert.equal("orowan.model", f:attr("/", "format"))
    assert.equal(1, f:attr("/", "format_version"))
    assert.is_true(f:exists "parameters/stem.weight")
  end)

  it("keep f64", function()
    nn.seed(1)
    local m = nn.sequential { nn.linear(3, 2, { dtype = "f64" }) }
    assert(nn.save(at "d.h5", m))
    local back = assert(nn.load(at "d.h5"))
    assert.equal("f64", back:parameters()[1].variable.value:dtype())
    assert.is_true(m:parameters()[1].variable.value:equal(back:parameters()[1].variable.value))
  end)

  it("load into a model that fits, else name every difference and change nothing", function()
    local m = trained()
    assert(nn.save(at "m.h5", m))
    local same = network(5)
    local got = assert(nn.load(at "m.h5", same))
    assert.equal(same, got)
    assert.is_true(nn.predict(m, x):equal(nn.predict(same, x)))

    local other = network(6)
    local before = other:parameters()[1].variable.value:copy()
    local none, err = nn.load(at "m.h5", other)
    assert.is_nil(none)
    local text = tostring(err)
    assert.matches("m.h5 does not fit the model", text)
    assert.matches("parameter 'stem.weight': the model has f32 6x2x3x3, the file f32 5x2x3x3", text)
    assert.matches("parameter 'head.weight': the model has f32 3x6, the file f32 3x5", text)
    assert.matches("buffer '2.running_mean': the model has f32 6, the file f32 5", text)
    assert.is_true(before:equal(other:parameters()[1].variable.value))

    text = tostring(select(2, nn.load(at "m.h5", nn.sequential { nn.linear(2, 2, { dtype = "f64", name = "head" }), nn.linear(2, 2, { name = "tail" }) })))
    assert.matches("parameter 'head.bias': the model has f64 2, the file f32 3", text)
    assert.matches("parameter 'tail.weight' is not in the file", text)
    assert.matches("parameter 'stem.weight' of the file is not in the model", text)
    assert.matches("buffer '2.running_var' of the file is not in the model", text)
  end)

  it("of modules of one's own load where they are registered", function()
    local function double(o)
      return nn.module("spec_double", { options = o, inner = nn.linear(2, 2) }, function(self, v) return self.inner(v) * o.factor end)
    end
    assert.matches("spec_double is not registered", message(nn.save, at "own.h5", double { factor = 2 }))
    nn.register("spec_double", double)
    local m = nn.sequential { double { factor = 3 } }
    assert(nn.save(at "own.h5", m))
    local back = assert(nn.load(at "own.h5"))
    local v = ow.ones({ 1, 2 }, "f32")
    assert.is_true(nn.predict(m, v):equal(nn.predict(back, v)))
  end)

  describe("that are not right", function()
    local function refused(name, pattern, change)
      assert(nn.save(at(name), trained()))
      if change then
        local f <close> = assert(ow.io.h5_open(at(name), "a"))
        change(f)
      end
      local m, err = nn.load(at(name))
      assert.is_nil(m)
      assert.matches(pattern, tostring(err))
      assert.matches(name, tostring(err), 1, true)
    end

    it("are refused with the reason", function()
      refused("newer.h5", "format_version 2", function(f) f:attr("/", "format_version", 2) end)
      refused("foreign.h5", "not a model file of Orowan", function(f) f:attr("/", "format", "something") end)
      refused("unknown.h5", "cannot be built: .*no module is called 'os.execute'", function(f)
        f:write("architecture", '{"kind":"os.execute","options":{"1":"true"}}')
      end)
      refused("nojson.h5", "'architecture' is no JSON object", function(f) f:write("architecture", "return os.exit()") end)
      refused("nonsense.h5", "cannot be built", function(f) f:write("architecture", '{"kind":"linear","options":{"inputs":-3}}') end)
      refused("missing.h5", "parameter 'head.weight' is not in the file", function(f) f:remove "parameters/head.weight" end)
      refused("wrong.h5", "parameter 'head.bias': the model has f32 3, the file i64 3", function(f) f:write("parameters/head.bias", ow.arange(1, 3)) end)
      refused("text.h5", "parameter 'head.bias': the file holds strings", function(f) f:write("parameters/head.bias", { "a", "b" }) end)
      refused("noextra.h5", "'extra' is missing", function(f) f:remove "extra" end)
      refused("tensor.h5", "tensors/5", function(f) f:write("extra", '{"preprocessing":{"$tensor":5}}') end)
    end)

    it("cut off, of another kind, or not there", function()
      assert(nn.save(at "whole.h5", trained()))
      local bytes = files.slurp(at "whole.h5")
      for _, n in ipairs { 0, 10, 600, #bytes // 2, #bytes - 1 } do
        files.spit(at "cut.h5", bytes:sub(1, n))
        local m, err = nn.load(at "cut.h5")
        assert.is_nil(m)
        assert.matches("cut.h5", tostring(err))
      end
      files.spit(at "text.txt", "not a model\n")
      assert.matches("text.txt", tostring(select(2, nn.load(at "text.txt"))))
      assert.matches("No such file", tostring(select(2, nn.load(at "absent.h5"))))
    end)
  end)

  it("appear whole or not at all", function()
    assert(nn.save(at "keep.h5", trained()))
    local before = files.slurp(at "keep.h5")
    assert.matches("metadata.f: expected numbers, strings, booleans, tensors and tables of them, got function",
      message(nn.save, at "keep.h5", trained(), { metadata = { f = print } }))
    assert.matches("metadata.x: expected a finite number", message(nn.save, at "keep.h5", trained(), { metadata = { x = 0 / 0 } }))
    assert.equal(before, files.slurp(at "keep.h5"))
    local ok, err = nn.save(files.dir .. "/no/such/folder.h5", trained())
    assert.is_nil(ok)
    assert.matches("folder.h5", tostring(err))
    assert.matches("nn.save: model: expected a module, got table", message(nn.save, at "x.h5", {}))
    assert.matches("nn.save: unknown option 'meta'", message(nn.save, at "x.h5", trained(), { meta = 1 }))
  end)
end)
