local ow = require "orowan"
local io_ = ow.io

local files = dofile "spec/support/files.lua"
local dir = files.dir
local slurp = files.slurp
local function file(name, text)
  local path = dir .. "/" .. name
  if text then
    local f = assert(io.open(path, "wb"))
    f:write(text)
    f:close()
  end
  return path
end

local function columns(t)
  local out = {}
  for i, c in ipairs(t.columns) do out[i] = ow.is_tensor(c) and c:totable() or c end
  return out
end
local function parse(text, options) return assert(io_.parse_table(text, options)) end
local function refused(text, options, pattern)
  local t, err = io_.parse_table(text, options)
  assert.is_nil(t)
  assert.matches(pattern, tostring(err))
end

describe("table", function()
  teardown(files.remove)

  it("gives columns by number and by name", function()
    local t = assert(ow.io.parse_table "time (s),stress,stress\n1,10,20\n2,30,40\n")
    assert.equal(20, t.columns.stress:mean())
    assert.equal(t.columns[1], t.columns["time (s)"])
    assert.is_nil(t.columns[4])
    assert.equal(3, #t.columns)
    local ok, err = pcall(function() return t.columns.stres end)
    assert.is_false(ok)
    assert.matches("no column 'stres' %(did you mean 'stress'%?%)", err)
  end)

  it("reads CSV with a header", function()
    local t = parse "size,stress\n1,2.5\n3,4.5\n"
    assert.same({ "size", "stress" }, t.names)
    assert.same({ { 1, 3 }, { 2.5, 4.5 } }, columns(t))
    assert.equal("i64", t.columns[1]:dtype())
    assert.equal("f64", t.columns[2]:dtype())
    assert.equal(2, t.rows)
    assert.is_true(t.header)
  end)

  it("finds delimiter and decimal sign", function()
    local want = { { 1.5, 3.5 }, { 2, 4 } }
    for text, delimiter in pairs {
      ["1.5,2\n3.5,4\n"] = ",", ["1.5, 2\n3.5, 4\n"] = ",", ["1.5;2\n3.5;4"] = ";", ["1,5;2\n3,5;4"] = ";",
      ["1.5\t2\n3.5\t4\n"] = "\t", ["1.5 2\n3.5 4\n"] = " ", ["  1.5    2  \n 3.5 \t 4\n"] = " ", ["1,5\t2\n3,5\t4\n"] = "\t",
      ["1,5  2,0\n3,5  4,0\n"] = " ", ["a b,c\n1.5,2\n3.5,4\n"] = ",", ["1.5|2\n3.5|4"] = "|",
    } do
      local t = parse(text, delimiter == "|" and { delimiter = "|" } or nil)
      assert.equal(delimiter, t.delimiter, text)
      assert.same(want, columns(t), text)
    end
    assert.same({ { 1, 2, 3 } }, columns(parse "1\n2\n3"))
    assert.same({ { 1, 2, 3 } }, columns(parse "Size (px)\n1\n2\n3"))
  end)

  it("takes CRLF, lone CR, a byte-order mark and blank lines", function()
    assert.same({ { 1, 3 }, { 2, 4 } }, columns(parse "\u{FEFF}1,2\r\n\r\n3,4\r\n"))
    assert.same({ { 1, 3 }, { 2, 4 } }, columns(parse "1 2\r3 4\r"))
    assert.same({ "a", "b" }, parse("\u{FEFF}a,b\r\n1,2\r\n").names)
  end)

  it("keeps comments, and names in the last of them", function()
    local t = parse "# made by hand\n% with care\n// time size\n1 2\n# in between\n3 4\n"
    assert.same({ "made by hand", "with care", "time size", "in between" }, t.comments)
    assert.same({ "time", "size" }, t.names)
    assert.same({ { 1, 3 }, { 2, 4 } }, columns(t))
    assert.same({ "column1", "column2" }, parse("# three words here\n1 2\n").names)
    assert.same({ { 1 }, { 2 } }, columns(parse("! note\n1 2 # trailing\n", { comment = "!" })))
    assert.same({ { 7 } }, columns(parse("rubbish, really\nmore\n7\n", { skip = 2 })))
  end)

  it("reads quoted cells, also across lines", function()
    local t = parse 'name,x\n"a, ""b""",1\n"two\nlines",2\nplain,3\n'
    assert.same({ { 'a, "b"', "two\nlines", "plain" }, { 1, 2, 3 } }, columns(t))
    refused('name,x\n"a",1\n"open,2\n', nil, "line 3: a quoted cell is not closed")
    refused('name,x\n"a"b,1\n', nil, "line 2: text after the closing quote")
    local _, err = io_.parse_table('n,x\n"a\nb",1\nc,?\n')
    assert.matches("line 4, column 2 %(x%)", tostring(err))
  end)

  it("widens integers to reals and keeps 64-bit integers", function()
    local t = parse "9223372036854775807 1\n-9223372036854775808 0.5\n"
    assert.equal(math.maxinteger, t.columns[1]:totable()[1])
    assert.equal(math.mininteger, t.columns[1]:totable()[2])
    assert.same({ 1, 0.5 }, t.columns[2]:totable())
    assert.same({ -math.huge, math.huge, 1e-300 }, parse("-inf\nInfinity\n1E-300").columns[1]:totable())
  end)

  it("chooses columns by number and name", function()
    local text = "a,b,c\n1,x,3\n4,y,6\n"
    assert.same({ { 3, 6 }, { 1, 4 } }, columns(parse(text, { columns = { "c", 1 } })))
    assert.same({ { "x", "y" } }, columns(parse(text, { columns = "b" })))
    assert.same({ { "1", "4" }, { 3, 6 }, { "1", "4" } }, columns(parse(text, { columns = { "a", "c", "a" }, text = { "a" } })))
    refused(text, { columns = { "z" } }, 'no column named "z"; there are: a, b, c')
    refused(text, { columns = { 4 } }, "no column 4; the table has 3")
    refused("a,a\n1,2\n", { columns = { "a" } }, "columns 1 and 2 are both named")
  end)

  it("reads missing cells as NaN only when asked", function()
    refused("a,b\n1,2\n,4\n", nil, "text, line 3, column 1 %(a%): expected a number, got an empty cell.*missing")
    refused("a,b\n1,2\nNA,4\n", nil, 'got "NA"')
    refused("a,b\n,2\n3,4\n", nil, "line 3, column 1 %(a%): expected no missing cells above")
    local t = parse("a,b\n1,2\n,N/A\nnull,4.5\n", { missing = "nan" })
    assert.equal("1.0 nan nan", table.concat(t.columns[1]:totable(), " "):gsub("-nan", "nan") .. "")
    assert.equal(2.0, t.columns[2]:totable()[1])
    local first = parse("a,b\n,2\n3,4\n", { missing = "nan" }).columns[1]:totable()
    assert.is_true(first[1] ~= first[1] and first[2] == 3)
    assert.same({ { 1, 2 }, { "", "" } }, columns(parse "a,b\n1,\n2,\n"))
    assert.same({ { 1, 3 }, { 2, 4 } }, columns(parse "1,2,\n3,4,\n"))
    assert.same({ "", "x" }, parse("1,\n2,x\n").columns[2])
  end)

  it("names file, line, column and cell of what is wrong", function()
    local path = file("bad.csv", "# note\nsize,stress\n1,2\n3,oops\n")
    local t, err = io_.read_table(path)
    assert.is_nil(t)
    assert.equal('io.read_table: ' .. path .. ', line 4, column 2 (stress): expected a number, got "oops"', tostring(err))
    refused("1,2\n3\n", nil, "line 2: expected 2 cells as in the lines before, got 1")
    refused("1,2\n3,4,5\n", nil, "line 2: expected 2 cells as in the lines before, got 3")
    refused("a,b,c\n1,2\n", nil, "line 1: the header has 3 cells, the first row 2")
    refused("1e999\n", nil, "range of a double")
    refused("", nil, "empty")
    refused("\n\n# only this\n", nil, "empty")
    refused("1,2\n3,\0\n", nil, "zero byte at offset 6")
    refused("\xFF\xFE1\0", nil, "UTF%-16")
    refused("1 2\n", { skip = 5 }, "empty")
    t, err = io_.read_table(dir .. "/absent.csv")
    assert.is_nil(t)
    assert.matches("absent.csv: cannot open: No such file", tostring(err))
    t, err = io_.read_table(dir)
    assert.is_nil(t)
    assert.matches("directory", tostring(err))
  end)

  it("reads a header with no rows below", function()
    local t = parse "a,b\n"
    assert.same({ "a", "b" }, t.names)
    assert.same({ {}, {} }, columns(t))
    assert.same({ "1", "2" }, parse("1,2\n3,4\n", { header = true }).names)
    assert.same({ { "a", "c" }, { "b", "d" } }, columns(parse("a,b\nc,d\n")))
    assert.same({ "a", "b" }, parse("a,b\nc,d\n", { header = true }).names)
  end)

  it("refuses wrong options", function()
    local function raises(pattern, ...)
      local ok, err = pcall(...)
      assert.is_false(ok)
      assert.matches(pattern, tostring(err))
    end
    raises("unknown option colums; there are: columns", io_.parse_table, "1", { colums = { 1 } })
    raises("missing: expected", io_.parse_table, "1", { missing = "zero" })
    raises("delimiter: expected one character", io_.parse_table, "1", { delimiter = "ab" })
    raises("columns: expected", io_.parse_table, "1", { columns = { 0 } })
    raises("columns: expected", io_.parse_table, "1", { columns = true })
    raises("skip: expected", io_.parse_table, "1", { skip = -1 })
    raises("path: expected a string", io_.read_table, 3)
    raises("path: expected a string", io_.write_table, nil, { { 1 } })
    raises("column 2 has 1 rows, column 1 has 2", io_.write_table, file "x.csv", { { 1, 2 }, { 1 } })
    raises("names: expected 1", io_.write_table, file "x.csv", { names = { "a", "b" }, columns = { { 1 } } })
    raises("complex", io_.write_table, file "x.csv", { ow.tensor({ 1 }, "c128") })
    raises("at least one", io_.write_table, file "x.csv", {})
    assert.is_nil(io.open(file "x.csv"))
  end)

  it("brings back every double and integer", function()
    local reals, ints, philox = {}, {}, ow.core.system.philox
    for i = 1, 5000 do
      local a, b = philox(i, 5, 0, 0, 9, 0)
      local v = string.unpack("<d", string.pack("<I4I4", a, b))
      if v ~= v then v = 0.1 * i end
      reals[i], ints[i] = v, (a << 32 | b)
    end
    local path = file "round.csv"
    assert(io_.write_table(path, { names = { "r", "i", "s" }, columns = { ow.tensor(reals), ow.tensor(ints), reals } }))
    local t = assert(io_.read_table(path))
    local r, n, wrong = t.columns[1]:totable(), t.columns[2]:totable(), 0
    for i = 1, #reals do
      if string.pack("<d", r[i]) ~= string.pack("<d", reals[i]) or n[i] ~= ints[i] then wrong = wrong + 1 end
    end
    assert.equal(0, wrong)
    assert.equal("i64", t.columns[2]:dtype())
  end)

  it("writes text, f32, NaN, comments and 2-D tensors", function()
    local path = file "mixed.csv"
    assert(io_.write_table(path, { names = { "s", "x" }, columns = { { 'a,"b', "", "c\nd" }, ow.tensor({ 0.1, 0 / 0, math.huge }, "f32") } },
      { comment = "first\nsecond" }))
    assert.equal('# first\n# second\ns,x\n"a,""b",0.1\n"",nan\n"c\nd",inf\n', (slurp(path):gsub("-nan", "nan")))
    local t = assert(io_.read_table(path))
    assert.same({ 'a,"b', "", "c\nd" }, t.columns[1])
    assert.same({ "first", "second" }, t.comments)
    path = file "grid.txt"
    assert(io_.write_table(path, ow.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } }))
    assert.equal("1 2\n3 4\n5 6\n", slurp(path))
    assert(io_.write_table(path, ow.tensor({ { 1, 2 }, { 3, 4 } }, "f64"), { delimiter = ";" }))
    assert.equal("1.0;2.0\n3.0;4.0\n", slurp(path))
  end)

  it("leaves the old file alone when writing fails", function()
    local path = file("keep.csv", "old")
    assert.is_false((pcall(io_.write_table, path, { { "a", "b" }, { "c", {} } })))
    assert.equal("old", slurp(path))
    local p = io.popen("ls -A " .. dir)
    assert.is_nil(p:read("a"):match "tmp")
    p:close()
    local ok, err = io_.write_table(dir .. "/no/such.csv", { { 1 } })
    assert.is_nil(ok)
    assert.matches("cannot write", tostring(err))
  end)

  it("crosses block borders", function()
    local lines = {}
    for i = 1, 200000 do lines[i] = ("%d,%.3f,row%d"):format(i, i / 8, i) end
    local t = assert(io_.read_table(file("big.csv", "n,v,s\n" .. table.concat(lines, "\n"))))
    assert.equal(200000, t.rows)
    local a, b, bad = t.columns[1]:totable(), t.columns[2]:totable(), 0
    for i = 1, 200000 do
      if a[i] ~= i or b[i] ~= i / 8 or t.columns[3][i] ~= "row" .. i then bad = bad + 1 end
    end
    assert.equal(0, bad)
  end)

  it("frees what it took when a file is bad", function()
    local text = {}
    for i = 1, 5000 do text[i] = i .. ",x" .. i end
    text = table.concat(text, "\n") .. "\nbad,y\n"
    local function use()
      for _ = 1, 20 do assert.is_nil((io_.parse_table(text))) end
      collectgarbage()
      collectgarbage()
    end
    use()
    local before = ow.core.system.memory().in_use
    use()
    assert.equal(before, ow.core.system.memory().in_use)
  end)
end)
