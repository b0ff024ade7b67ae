local ow = require "orowan"
local json = ow.json

-- Random bit patterns as doubles, from a fixed generator of ours.
local function random_doubles(n, seed)
  local out, philox = {}, ow.core.system.philox
  for i = 1, n do
    local a, b = philox(i, 0, 0, 0, seed, 0)
    out[i] = string.unpack("<d", string.pack("<I4I4", a, b))
  end
  return out
end

local function refused(text, pattern)
  local v, err = json.decode(text)
  assert.is_nil(v)
  assert.is_truthy(err, "accepted: " .. text)
  assert.matches(pattern, tostring(err))
end

describe("json", function()
  it("brings back every finite double bit by bit", function()
    local list = random_doubles(20000, 7)
    for _, v in ipairs { 0.1, 1 / 3, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 2 ^ 53 + 1.0, 1e22, 1e23,
      9007199254740993.0, -0.0, 123456789012345680.0, 8.41e21, 9.5367431640625e-07, 1e15, 1e16, 4.35, 0.000001 } do
      list[#list + 1] = v
    end
    local kept = {}
    for _, v in ipairs(list) do if v == v and v ~= math.huge and v ~= -math.huge then kept[#kept + 1] = v end end
    local back = assert(json.decode(json.encode(kept)))
    assert.equal(#kept, #back)
    local wrong = 0
    for i = 1, #kept do
      if string.pack("<d", kept[i]) ~= string.pack("<d", back[i]) or math.type(back[i]) ~= "float" then wrong = wrong + 1 end
    end
    assert.equal(0, wrong)
  end)

  it("reads decimal text as the C library does", function()
    local wrong, philox = 0, ow.core.system.philox
    for i = 1, 20000 do
      local a, b, c, d = philox(i, 1, 0, 0, 3, 0)
      local digits = 1 + c % 19
      local m = tostring((a * 4294967296 + b) & math.maxinteger):sub(1, digits):gsub("^0+(%d)", "%1")
      local point = d % (#m + 1)
      local text = (point == 0 and "0" or m:sub(1, point)) .. "." .. (point == #m and "0" or m:sub(point + 1))
      text = text:gsub("^0+(%d)", "%1") .. ("e%d"):format((d >> 8) % 61 - 30)
      if json.decode(text) ~= tonumber(text) then wrong = wrong + 1 end
    end
    assert.equal(0, wrong)
  end)

  it("writes the shortest of 15, 16 and 17 digits", function()
    assert.equal("0.1", json.encode(0.1))
    assert.equal("0.3333333333333333", json.encode(1 / 3))
    assert.equal("0.30000000000000004", json.encode(0.1 + 0.2))
    assert.equal("1e+300", json.encode(1e300))
    assert.equal("-0.0", json.encode(-0.0))
    assert.equal("3.0", json.encode(3.0))
    assert.equal("1e+15", json.encode(1e15))
  end)

  it("keeps 64-bit integers", function()
    for _, v in ipairs { 0, 1, -1, math.maxinteger, math.mininteger, 9007199254740993 } do
      local back = json.decode(json.encode(v))
      assert.equal(v, back)
      assert.equal("integer", math.type(back))
    end
    assert.equal("float", math.type(json.decode("9223372036854775808")))
    assert.equal(9223372036854775808.0, json.decode("9223372036854775808"))
    assert.equal("float", math.type(json.decode("1.0")))
    assert.equal(-math.huge, 1 / json.decode("-0"))
  end)

  it("writes what JSON has no word for as null", function()
    assert.equal("[null,null,null,null]", json.encode { 0 / 0, math.huge, -math.huge, json.null })
    assert.equal("null", json.encode(nil))
    local t = json.decode('{"a":null,"b":[null,1]}')
    assert.equal(json.null, t.a)
    assert.equal(json.null, t.b[1])
    assert.equal("null", tostring(json.null))
    assert.equal(false, json.decode("[null]", { null = false })[1])
  end)

  it("sorts keys and indents", function()
    assert.equal('{"a":1,"ab":2,"b":{"y":true,"z":false}}', json.encode { b = { z = false, y = true }, ab = 2, a = 1 })
    assert.equal('{\n  "a": [1, 2],\n  "b": {\n    "c": "x"\n  },\n  "d": [\n    [],\n    {}\n  ],\n  "e": {}\n}',
      json.encode({ a = { 1, 2 }, b = { c = "x" }, d = { json.array {}, {} }, e = {} }, { indent = 2 }))
  end)

  it("tells empty arrays from empty objects", function()
    assert.equal("{}", json.encode {})
    assert.equal("[]", json.encode(json.array()))
    assert.equal('{"a":[],"b":{}}', json.encode(json.decode '{"a":[],"b":{}}'))
    assert.is_true(json.is_array(json.decode "[]"))
    assert.is_false(json.is_array(json.decode "{}"))
  end)

  it("lets the last of equal keys win", function()
    assert.same({ a = 3, b = 1 }, json.decode '{"a":1,"b":1,"a":3}')
  end)

  it("passes strings through, escapes included", function()
    local all = {}
    for c = 0, 127 do all[#all + 1] = string.char(c) end
    local s = table.concat(all) .. "äöü €\u{1F600}"
    assert.equal(s, json.decode(json.encode(s)))
    assert.equal("é\u{1F600}/\0", json.decode [["\u00e9\ud83d\ude00\/\u0000"]])
    assert.equal('"\\u0000\\u001f\\"\\\\\\n"', json.encode("\0\31\"\\\n"))
    assert.same({ ["a\nb"] = 1 }, json.decode '{"a\\nb":1}')
  end)

  it("replaces bytes that are not UTF-8 when writing", function()
    assert.equal('"a\u{FFFD}b\u{FFFD}\u{FFFD}"', json.encode("a\xFFb\xC0\xAF"))
    assert.equal('"\u{FFFD}\u{FFFD}\u{FFFD}"', json.encode("\xED\xA0\x80"))
  end)

  it("skips a byte-order mark and all four kinds of space", function()
    assert.same({ 1 }, json.decode("\u{FEFF} \t\r\n[ 1 ] \n"))
  end)

  it("writes tensors as nested arrays", function()
    assert.equal("[[1,2],[3,4]]", json.encode(ow.tensor { { 1, 2 }, { 3, 4 } }))
    assert.equal('{"t":[0.5]}', json.encode { t = ow.tensor { 0.5 } })
    assert.equal("[]", json.encode(ow.tensor {}))
  end)

  it("refuses bad text and says where", function()
    refused("", "line 1, column 1: expected a value, but the text ends")
    refused("[1,\n  2,]", "line 2, column 5: expected a value")
    refused("[1 2]", "column 4: expected ',' or ']'")
    refused('{"a":1,}', "column 8: expected a key")
    refused("{1:2}", "expected a key in quotes or '}'")
    refused('{"a" 1}', "expected ':'")
    refused('["ä", x]', "column 7: expected a value")
    refused("[1] 2", "expected the end")
    refused("01", "leading zeros")
    refused("1.", "digit after the point")
    refused("1e", "digit in the exponent")
    refused("-", "expected a digit")
    refused("+1", "expected a value")
    refused(".5", "expected a value")
    refused("1e999", "range of a double")
    refused("nan", "expected a value")
    refused("nullx", "expected a value")
    refused("'a'", "expected a value")
    refused('"abc', "closing '\"'")
    refused('"a\nb"', "control character")
    refused([["\x"]], "expected one of")
    refused([["\u12g4"]], "hexadecimal")
    refused([["\ud83d"]], "surrogate pair")
    refused([["\ude00\ud83d"]], "surrogate pair")
    refused('"\xFF"', "UTF%-8")
    refused('"\xC0\xAF"', "UTF%-8")
    refused('"\xED\xA0\x80"', "UTF%-8")
    refused("[1}", "expected ',' or ']'")
    refused("]", "expected a value")
    refused("\0", "expected a value")
    refused("[1]\0", "expected the end")
  end)

  it("bounds the nesting", function()
    assert.is_table(json.decode(("["):rep(512) .. ("]"):rep(512)))
    refused(("["):rep(513), "512 nested")
    refused(("["):rep(1000000), "512 nested")
    refused(('{"a":'):rep(1000000), "512 nested")
    local loop = {}
    loop.me = loop
    assert.has_error(function() json.encode(loop) end)
    local ok, err = pcall(json.encode, loop)
    assert.is_false(ok)
    assert.matches("value.me.me.me.me: nested deeper than 512", tostring(err))
  end)

  it("refuses what it cannot write, naming the place", function()
    local function raises(v, pattern)
      local ok, err = pcall(json.encode, v)
      assert.is_false(ok)
      assert.matches(pattern, tostring(err))
    end
    raises({ a = { 1, 2, { b = print } } }, "value.a%[3%].b: a function cannot be written")
    raises({ 1, 2, x = 3 }, "neither array nor object")
    raises({ [1] = 1, [3] = 3 }, "hole")
    raises({ [0] = 1 }, "another key")
    raises({ [1.5] = 1 }, "another key")
    raises(io.stdout, "userdata")
    raises(json.array { x = 1 }, "neither array nor object")
    assert.has_error(function() json.decode(12) end)
    assert.has_error(function() json.encode(1, { indent = -1 }) end)
  end)

  it("does not lose memory to errors", function()
    local function use()
      for _ = 1, 200 do
        json.decode('["' .. ("x\\n"):rep(2000) .. '", 1')
        pcall(json.encode, { ("y"):rep(5000), print })
      end
      collectgarbage()
      collectgarbage()
    end
    use()
    local before = ow.core.system.memory().in_use
    use()
    assert.equal(before, ow.core.system.memory().in_use)
  end)
end)
