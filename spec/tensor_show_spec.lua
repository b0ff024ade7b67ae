local ow = require "orowan"

local function lines(t)
  local out = {}
  for l in tostring(t):gmatch "[^\n]+" do out[#out + 1] = l end
  return out
end

describe("tensor display", function()
  it("tells dtype, shape, min, mean, max and aligns the values", function()
    assert.equal("tensor i64 2x3  min 1  mean 3.5  max 6\n[[1, 2, 3],\n [4, 5, 6]]", tostring(ow.arange(6):reshape(2, 3)))
    assert.equal("tensor f64 3  min -0.5  mean 3.1667  max 10\n[-0.5,  0.0, 10.0]", tostring(ow.tensor { -0.5, 0.0, 10 }))
    assert.equal("[[1, 4],", lines(ow.arange(6):reshape(2, 3):T())[2])
  end)

  it("handles scalars, empty, closed, NaN, infinities, complex", function()
    assert.equal("tensor f64 scalar 3.5", tostring(ow.tensor(3.5)))
    assert.equal("tensor f64 0x3  empty", tostring(ow.zeros(0, 3)))
    local c = ow.zeros(1)
    c:close()
    assert.equal("tensor (closed)", tostring(c))
    local nan = 0 / 0
    assert.same({ "tensor f64 3  min 1  mean 1.5  max 2  nan 1", "[  1, nan,   2]" }, lines(ow.tensor { 1.0, nan, 2 }))
    assert.same({ "tensor f64 1  nan 1", "[nan]" }, lines(ow.tensor { nan }))
    assert.equal("tensor f64 2  min -inf  mean nan  max inf", lines(ow.tensor { 1 / 0, -1 / 0 })[1])
    assert.equal("[3-4i]", lines(ow.full({ 1 }, { 3, -4 }))[2])
    assert.matches("|z| min 5  mean 5  max 5", lines(ow.full({ 1 }, { 3, -4 }))[1], 1, true)
    assert.equal("[ 9223372036854775807, -9223372036854775808]", lines(ow.tensor { math.maxinteger, math.mininteger })[2])
    assert.equal("[0.5, 2.0]", lines(ow.tensor({ 0.5, 2 }, "f16"))[2])
  end)

  it("uses exponents only when needed", function()
    assert.equal("[1.0e-09, 1.5e+00]", lines(ow.tensor { 1e-9, 1.5 })[2])
    assert.equal("[  10, 2000]", lines(ow.tensor { 10.0, 2000.0 })[2])
    assert.equal("[1e+08, 2e+09]", lines(ow.tensor { 1e8, 2e9 })[2])
  end)

  it("stays small for big tensors and many axes", function()
    assert.equal("[ 1,  2,  3,  4,  5, ..., 27, 28, 29, 30]", lines(ow.arange(30))[2])
    local l = lines(ow.zeros(1000, 1000))
    assert.equal(8, #l)
    assert.equal(" ...", l[5])
    assert.is_true(#tostring(ow.zeros(9, 9, 9, 9)) < 2000)
    assert.is_true(#tostring(ow.ones(3, 3, 3, 3, 3, 3, 3, 3)) < 2000)
    assert.matches("%.%.%.", tostring(ow.zeros(5, 2, 2)))
  end)

  it("has a text and an html form", function()
    local mime = getmetatable(ow.zeros(1)).__mime
    local b = mime(ow.arange(6):reshape(2, 3))
    assert.equal(tostring(ow.arange(6):reshape(2, 3)), b["text/plain"])
    assert.matches("<tr><td>4</td><td>5</td><td>6</td></tr>", b["text/html"], 1, true)
    assert.matches("i64 2x3", b["text/html"], 1, true)
    local _, rows = mime(ow.zeros(100, 100))["text/html"]:gsub("<tr>", "")
    assert.equal(7, rows)
    local _, cells = mime(ow.arange(100))["text/html"]:gsub("<td>", "")
    assert.equal(10, cells)
    assert.matches("^<pre>", mime(ow.zeros(2, 2, 2))["text/html"])
    assert.matches("empty", mime(ow.zeros(0))["text/html"])
  end)

  it("sums large tensors in pieces whatever the number of threads", function()
    local t = ow.rng(3):normal(200, 1000)
    local before = ow.core.system.threads()
    local a = tostring(t:T())
    ow.core.system.threads(1)
    assert.equal(a, tostring(t:T()))
    ow.core.system.threads(before)
    assert.matches("nan 2000", tostring(ow.full({ 2000 }, 0 / 0)))
  end)
end)
