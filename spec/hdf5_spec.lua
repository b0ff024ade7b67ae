local ow = require "orowan"
local sys = ow.sys

local files = dofile "spec/support/files.lua"
local dir = files.dir
local at, slurp, spit = files.at, files.slurp, files.spit
local function raises(pattern, ...)
  local ok, err = pcall(...)
  assert.is_false(ok)
  assert.matches(pattern, tostring(err))
end
local function refused(pattern, ...)
  local v, err = ...
  assert.is_nil(v)
  assert.matches(pattern, tostring(err))
end
local function list_dir()
  local names = sys.list(dir)
  table.sort(names)
  return table.concat(names, " ")
end

-- i, i + 1, ... in rows x cols
local function grid(rows, cols, first)
  local t = {}
  for r = 1, rows do
    t[r] = {}
    for c = 1, cols do t[r][c] = (first or 0) + (r - 1) * cols + c - 1 end
  end
  return t
end

describe("hdf5", function()
  teardown(files.remove)

  describe("a file of h5py", function()
    local f
    setup(function() f = assert(ow.io.h5_open("spec/fixtures/io/h5py.h5")) end)
    teardown(function() f:close() end)

    it("gives all number types", function()
      for name, dtype in pairs { u1 = "u8", u2 = "i32", u4 = "i64", u8 = "i64", i1 = "i32", i2 = "i32", i4 = "i32", i8 = "i64", be_i4 = "i32",
        le_f2 = "f16", le_f4 = "f32", le_f8 = "f64", be_f8 = "f64" } do
        local t = assert(f:read("types/" .. name))
        assert.equal(dtype, t:dtype(), name)
        assert.same(grid(3, 4, name:find "u" and 0 or -6), t:totable(), name)
      end
      local c8, c16 = f:read "types/c8", f:read "types/c16"
      assert.equal("c64", c8:dtype())
      assert.equal("c128", c16:dtype())
      assert.same({ 5.0, 6.0 }, c8:totable()[2][2])
      assert.same({ 5.0, -2.5 }, c16:totable()[2][2])
      assert.same({ 1, 0, 0, 1 }, f:read("types/bool"):totable()[1])
      refused("types/huge\" holds 9223372036854775808, which no 64%-bit signed integer can", f:read "types/huge")
    end)

    it("gives scalars, text and bytes", function()
      assert.equal(42, f:read "scalar/int")
      assert.equal(2.5, f:read "scalar/real")
      assert.equal(true, f:read "scalar/flag")
      assert.equal("Versetzung ⊥", f:read "scalar/text")
      assert.equal("fixed", f:read "scalar/fixed")
      assert.equal("\0\1\2\xFF", f:read "scalar/bytes")
      assert.same({ "a", "", "äö" }, f:read "strings")
      assert.same({ "one", "three" }, f:read "fixed_strings")
    end)

    it("gives attributes, empty datasets and soft links", function()
      local a = assert(f:attrs "grows")
      assert.equal("MPa", a.unit)
      assert.equal(0.5, a.scale)
      assert.same({ 1, 2, 3 }, a.list:totable())
      assert.same({ "x", "y" }, a.names)
      assert.equal(true, a.good)
      assert.same({ 0, 3 }, f:read("empty"):shape())
      assert.same({ 0 }, f:read("nothing"):shape())
      assert.same({ 0, 1, 2, 3, 4 }, f:read("soft"):totable())
    end)

    it("gives parts of compressed chunks", function()
      local want = grid(50, 20)
      assert.same(want, f:read("packed"):totable())
      local part = f:read("packed", { first = { 6, 5 }, count = { 10, 3 } }):totable()
      for r = 1, 10 do for c = 1, 3 do assert.equal(want[r + 5][c + 4], part[r][c]) end end
      assert.same({ want[50] }, f:read("packed", { first = 50 }):totable())
      assert.same({ want[1], want[2] }, f:read("packed", { count = 2 }):totable())
      assert.same({ 0, 20 }, f:read("packed", { first = 51 }):shape())
      refused("count: axis 1 has 1 entries from 50 on, asked for 2", f:read("packed", { first = 50, count = 2 }))
      refused("first: axis 2 has 20 entries, got 22", f:read("packed", { first = { 1, 22 } }))
      raises("first: counts from 1", f.read, f, "packed", { first = 0 })
      raises("has 2 dimensions", f.read, f, "packed", { count = { 1, 1, 1 } })
      raises("unknown option start", f.read, f, "packed", { start = 1 })
      raises("first: expected integers", f.read, f, "packed", { first = { 1.5 } })
    end)

    it("names what it cannot give", function()
      refused("there is no \"absent\"", f:read "absent")
      refused("there is no \"dangling\"", f:read "dangling")
      refused("there is no \"outside\"", f:read "outside") -- links into other files are not followed
      refused("not supported", f:read "record")
      refused("is a group", f:read "types")
      refused("no attribute \"x\"", f:attr("grows", "x"))
      refused("is no group", f:list "grows")
      refused("no \"absent\"", f:list "absent")
      raises("reading only", f.write, f, "x", 1)
      raises("reading only", f.attr, f, "/", "x", 1)
      raises("reading only", f.append, f, "x", { 1 })
      raises("name: expected a string", f.read, f, 1)
      raises("zero byte", f.read, f, "a\0b")
      raises("call it with a colon", f.read, "packed")
    end)
  end)

  it("brings back every kind of value", function()
    local path = at "all.h5"
    local f = assert(ow.io.h5_open(path, "w"))
    local shapes = { grid(3, 4), { 1, 2, 3 }, { { { 1 }, { 2 } }, { { 3 }, { 4 } } } }
    for _, dtype in ipairs { "u8", "i32", "i64", "f32", "f64", "c64", "c128", "f16", "bf16" } do
      for i, v in ipairs(shapes) do
        f:write(("%s/%d"):format(dtype, i), ow.tensor(v, dtype))
        f:write(("%s/packed%d"):format(dtype, i), ow.tensor(v, dtype), { compress = 9, checksum = true })
      end
    end
    f:write("int", math.mininteger):write("real", 0.1):write("yes", true):write("no", false)
    f:write("text", "ä\n"):write("bytes", "\0\xFF\0"):write("void", ""):write("list", { "a", "", "ü" })
    f:write("empty", ow.tensor {}):write("nan", ow.tensor { 0 / 0, math.huge, -0.0 })
    f:attr("/", "title", "test"):attr("f64/1", "unit", "MPa"):attr("f64", "n", 3):attr("real", "ok", false):attr("real", "v", { 1.5, 2.5 })
    f:attr("real", "replaced", 1):attr("real", "replaced", "two")
    f:close()
    f = assert(ow.io.h5_open(path))
    for _, dtype in ipairs { "u8", "i32", "i64", "f32", "f64", "c64", "c128", "f16", "bf16" } do
      for i, v in ipairs(shapes) do
        for _, name in ipairs { "%s/%d", "%s/packed%d" } do
          local t = assert(f:read(name:format(dtype, i)))
          assert.equal(dtype, t:dtype())
          assert.same(ow.tensor(v, dtype):totable(), t:totable())
        end
      end
    end
    assert.equal(math.mininteger, f:read "int")
    assert.equal(0.1, f:read "real")
    assert.equal(true, f:read "yes")
    assert.equal(false, f:read "no")
    assert.equal("ä\n", f:read "text")
    assert.equal("\0\xFF\0", f:read "bytes")
    assert.equal("", f:read "void")
    assert.same({ "a", "", "ü" }, f:read "list")
    assert.same({ 0 }, f:read("empty"):shape())
    local special = f:read("nan"):totable()
    assert.is_true(special[1] ~= special[1] and special[2] == math.huge and 1 / special[3] == -math.huge)
    assert.equal("test", f:attr("/", "title"))
    assert.equal(3, f:attr("f64", "n"))
    assert.equal(false, f:attr("real", "ok"))
    assert.equal("two", f:attr("real", "replaced"))
    assert.same({ 1.5, 2.5 }, f:attr("real", "v"):totable())
    assert.equal(1, f:attr("/", "format_version"))
    assert.same({ "1", "2", "3", "packed1", "packed2", "packed3" }, f:list "f64")
    assert.same({ kind = "group" }, f:info "f64")
    assert.same({ 3, 4 }, f:info("f64/1").shape)
    assert.equal("f64", f:info("f64/1").dtype)
    assert.is_true(f:exists "f64/1" and f:exists("f64/1", "unit") and not f:exists "f64/9" and not f:exists("f64/1", "x"))
    f:close()
    raises("was closed", f.read, f, "real")
    f:close()
  end)

  it("stores views and long datasets in pieces", function()
    local path, n = at "long.h5", 3000000
    local t = ow.arange(n) -- 24 MB: two pieces
    local f = assert(ow.io.h5_open(path, "w"))
    f:write("plain", t):write("packed", t, { chunk = 100000, compress = 1 }):write("grid", t:reshape(3000, 1000), { chunk = { 7, 300 } })
    f:write("view", t:reshape(3000, 1000):transpose())
    f:close()
    f = assert(ow.io.h5_open(path))
    for _, name in ipairs { "plain", "packed" } do
      local back = f:read(name)
      assert.same({ n }, back:shape())
      assert.is_true(t:equal(back))
    end
    assert.is_true(t:equal(f:read("grid"):flatten()))
    assert.same({ 7, 300 }, f:info("grid").chunk)
    assert.same({ 1000, 3000 }, f:info("view").shape)
    assert.same({ { 6 }, { 1006 } }, f:read("grid", { first = { 1, 6 }, count = { 2, 1 } }):totable())
    assert.same({ { 6, 1006 } }, f:read("view", { first = { 6, 1 }, count = { 1, 2 } }):totable())
    assert.is_true(f:info("packed").bytes < 8 * n / 4)
    f:close()
  end)

  it("writes equal bytes for equal content", function()
    local data = { a = ow.tensor { 1.5, 2 }, g = { s = "x", l = { "y", "z" } } }
    assert(ow.io.save(at "one.h5", data))
    assert(ow.io.save(at "two.h5", data))
    assert.equal(sys.sha256_file(at "one.h5"), sys.sha256_file(at "two.h5"))
  end)

  it("saves and loads tables", function()
    local path = at "table.h5"
    assert(ow.io.save(path, { n = 3, x = 0.5, ok = true, name = "ß", list = { "a", "b" }, v = { 1, 2.5 }, deep = { er = { t = ow.tensor { 7 } } }, none = {} }))
    local t = assert(ow.io.load(path))
    assert.equal(3, t.n)
    assert.equal(0.5, t.x)
    assert.equal(true, t.ok)
    assert.equal("ß", t.name)
    assert.same({ "a", "b" }, t.list)
    assert.same({ 1, 2.5 }, t.v:totable())
    assert.same({ 7 }, t.deep.er.t:totable())
    assert.same({}, t.none)
    raises("a name is a string without '/', got a/b", ow.io.save, path, { ["a/b"] = 1 })
    raises("a name is a string", ow.io.save, path, { x = { [1.5] = 1 } })
    raises("value: expected a tensor", ow.io.save, path, { x = print })
    raises("data: expected a table", ow.io.save, path, 3)
    raises("not UTF%-8", ow.io.save, path, { l = { "a", "\xFF" } })
    assert.equal(3, ow.io.load(path).n) -- the failures left it alone
    refused("no/such.h5: cannot write: No such file", ow.io.save(at "no/such.h5", { a = 1 }))
    refused("absent.h5: cannot open: No such file", ow.io.load(at "absent.h5"))
  end)

  describe("atomic writing", function()
    it("keeps the old file until a clean close", function()
      local path = at "atomic.h5"
      assert(ow.io.save(path, { v = 1 }))
      local f = assert(ow.io.h5_open(path, "w"))
      f:write("v", 2)
      assert.equal(1, ow.io.load(path).v)
      f:discard()
      assert.equal(1, ow.io.load(path).v)
      pcall(function()
        local g <close> = assert(ow.io.h5_open(path, "w"))
        g:write("v", 3)
        error "stop"
      end)
      assert.equal(1, ow.io.load(path).v)
      do
        local g <close> = assert(ow.io.h5_open(path, "w"))
        g:write("v", 4)
      end
      assert.equal(4, ow.io.load(path).v)
      f = assert(ow.io.h5_open(path, "w"))
      f:write("v", 5)
      f = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      assert.equal(4, ow.io.load(path).v)
      assert.is_nil(list_dir():find "tmp")
    end)

    it("changes a copy in mode a", function()
      local path = at "change.h5"
      local f = assert(ow.io.h5_open(path, "a")) -- makes it
      f:write("v", 1):write("w", { 1, 2 }):close()
      f = assert(ow.io.h5_open(path, "a"))
      f:write("v", "other"):remove "w":remove "never there":group "g/h"
      assert.equal(1, ow.io.load(path).v)
      f:close()
      local t = ow.io.load(path)
      assert.equal("other", t.v)
      assert.is_nil(t.w)
      assert.same({ h = {} }, t.g)
      f = assert(ow.io.h5_open(path, "a"))
      raises("is a group", f.write, f, "g", 1)
      raises("is no name", f.write, f, "g/", 1)
      raises("no group", f.group, f, "v")
      raises("root group cannot", f.remove, f, "/")
      raises("there is no \"q\"", f.attr, f, "q", "k", 1)
      raises("chunk: expected 1 sizes", f.write, f, "x", { 1, 2 }, { chunk = { 1, 1 } })
      raises("chunk: sizes are 1 or more", f.write, f, "x", { 1, 2 }, { chunk = 0 })
      raises("compress: expected an integer from 0 to 9", f.write, f, "x", { 1, 2 }, { compress = 10 })
      raises("unknown option gzip", f.write, f, "x", { 1, 2 }, { gzip = 1 })
      f:discard()
    end)
  end)

  it("appends rows in a file", function()
    local path = at "rows.h5"
    local f = assert(ow.io.h5_open(path, "w"))
    f:append("x", { 1, 2, 3 }):append("x", { 4 }):append("x", {}):append("m", ow.tensor(grid(2, 3), "f32"), { compress = true })
    f:append("m", grid(1, 3, 6))
    raises("cannot take rows of shape 2", f.append, f, "m", { { 1, 2 } })
    raises("scalar cannot be appended", f.append, f, "s", 1)
    raises("does not fit", f.append, f, "x", { 0.5 })
    f:write("fixed", { 1, 2 })
    raises("a fixed length", f.append, f, "fixed", { 3 })
    f:close()
    f = assert(ow.io.h5_open(path))
    assert.same({ 1, 2, 3, 4 }, f:read("x"):totable())
    assert.same(grid(3, 3), f:read("m"):totable())
    assert.equal("f32", f:read("m"):dtype())
    assert.is_true(f:info("x").growable)
    f:close()
  end)

  describe("the appender", function()
    it("merges its parts at close", function()
      local path = at "events.h5"
      local w = assert(ow.io.h5_append(path, { compress = 1 }))
      w:append("size", { 1, 2 }):append("at/y", grid(2, 2)):write("state", "first"):flush()
      assert.is_false(sys.exists(path))
      assert.matches("events.h5.part%-000001", list_dir())
      w:append("size", { 3 }):append("at/y", grid(1, 2, 4)):write("state", "second")
      assert.equal(3, w:rows "size")
      assert.equal("first", w:read "state")
      w:close()
      assert.is_nil(list_dir():find "part")
      local t = assert(ow.io.load(path))
      assert.same({ 1, 2, 3 }, t.size:totable())
      assert.same(grid(3, 2), t.at.y:totable())
      assert.equal("second", t.state)
      w = assert(ow.io.h5_append(path))
      assert.equal(3, w:rows "size")
      assert.equal("second", w:read "state")
      assert.is_nil(w:read "none")
      w:append("size", { 4 }):close()
      assert.same({ 1, 2, 3, 4 }, ow.io.load(path).size:totable())
      raises("was closed", w.append, w, "size", { 1 })
      w:close()
    end)

    it("goes on from the parts after a kill, and never merges one twice", function()
      local path = at "killed.h5"
      local code = ([[
        local ow = require "orowan"
        local w = assert(ow.io.h5_append(%q))
        w:append("v", { 1, 2 }):flush():append("v", { 3 }):flush():append("v", { 4 })
        os.execute("kill -9 $PPID")
      ]]):format(path)
      local r = assert(sys.run({ "/proc/self/exe", "-e", code }, { env = { LUA_PATH = package.path, LUA_CPATH = package.cpath } }))
      assert.equal(9, r.signal)
      assert.is_false(sys.exists(path))
      local w = assert(ow.io.h5_append(path))
      assert.equal(3, w:rows "v")
      w:append("v", { 5 }):flush()
      local part = slurp(path .. ".part-000002")
      w:close()
      assert.same({ 1, 2, 3, 5 }, ow.io.load(path).v:totable())
      assert.is_nil(list_dir():find "killed.h5%.")
      -- a kill between the rename and the removal of the parts leaves one that is merged already
      spit(path .. ".part-000002", part)
      w = assert(ow.io.h5_append(path))
      assert.equal(4, w:rows "v")
      w:append("v", { 6 }):close()
      assert.same({ 1, 2, 3, 5, 6 }, ow.io.load(path).v:totable())
      assert.is_nil(list_dir():find "killed.h5%.")
    end)

    it("keeps flushed parts when the block ends by an error", function()
      local path = at "block.h5"
      pcall(function()
        local w <close> = assert(ow.io.h5_append(path))
        w:append("v", { 1 }):flush():append("v", { 2 })
        error "stop"
      end)
      assert.is_false(sys.exists(path))
      do
        local w <close> = assert(ow.io.h5_append(path))
        assert.equal(1, w:rows "v")
      end
      assert.same({ 1 }, ow.io.load(path).v:totable())
    end)

    it("refuses rows that do not fit and parts that are missing", function()
      local path = at "fit.h5"
      local w = assert(ow.io.h5_append(path))
      w:append("v", grid(1, 2)):flush()
      raises("rows of shape 2, got 3", w.append, w, "v", grid(1, 3))
      raises("got a scalar", w.append, w, "v", 1)
      raises("does not fit", w.append, w, "v", { { 0.5, 1 } })
      raises("rows are appended to", w.write, w, "v", 1)
      w:append("v", grid(1, 2)):flush():discard()
      sys.rename(path .. ".part-000001", path .. ".lost")
      raises("part%-000001 is missing", ow.io.h5_append, path)
      raises("unknown option level", ow.io.h5_append, path, { level = 1 })
    end)
  end)

  it("refuses a newer format, and files that are none", function()
    local path = at "newer.h5"
    local f = assert(ow.io.h5_open(path, "w"))
    f:attr("/", "format_version", 2):close()
    refused("format_version 2, written by orowan .*; this program reads up to 1.*newer Orowan", ow.io.h5_open(path))
    refused("format_version 2", ow.io.h5_open(path, "a"))
    refused("none.h5: cannot open as HDF5: HDF5 says: file signature not found", ow.io.h5_open(spit(at "none.h5", "no such thing")))
    refused("void.h5: the file is empty", ow.io.h5_open(spit(at "void.h5", "")))
    refused("cannot open: No such file", ow.io.h5_open(at "absent.h5"))
    refused("not a regular file", ow.io.h5_open(dir))
    refused("directory", ow.io.h5_open(dir, "w"))
    raises('mode: expected "r", "w" or "a"', ow.io.h5_open, path, "x")
    raises("path: expected a string", ow.io.h5_open)
    raises("unknown option trust", ow.io.h5_open, path, "r", { trust = true })
  end)

  describe("files of unknown origin", function()
    it("are probed by a child process, once", function()
      local path = spit(at "foreign.h5", slurp "spec/fixtures/io/h5py.h5")
      assert.is_false(ow.core.hdf5.known(path))
      assert(ow.io.h5_open(path)):close()
      assert.is_true(ow.core.hdf5.known(path))
      spit(path, slurp(path) .. "x")
      assert.is_false(ow.core.hdf5.known(path))
      assert(ow.io.h5_open(path, "r", { trusted = true })):close()
      assert.is_false(ow.core.hdf5.known(path))
    end)

    it("are refused when cut anywhere, and this process lives on", function()
      local good = slurp "spec/fixtures/io/h5py.h5"
      for i = 1, 8 do
        refused("cut.h5", ow.io.h5_open(spit(at "cut.h5", good:sub(1, #good * i // 9))))
      end
    end)

    it("are refused with the signal when the library crashes on them", function()
      -- A child that is killed looks the same, whatever bytes did it: one that ends by SIGSEGV.
      local path, run = spit(at "crash.h5", slurp "spec/fixtures/io/h5py.h5"), ow.core.sys.run
      finally(function() ow.core.sys.run = run end)
      ow.core.sys.run = function() return run { "sh", "-c", "kill -SEGV $$" } end
      refused("crash.h5: this file is broken: the HDF5 library crashes on it %(signal 11%)", ow.io.h5_open(path))
      ow.core.sys.run = function() return run({ "sleep", "5" }, { timeout = 0.05 }) end
      refused("reading it took longer than", ow.io.h5_open(path))
    end)
  end)

  it("does not lose memory to errors", function()
    local path = at "leak.h5"
    assert(ow.io.save(path, { v = { 1, 2, 3 }, s = { "a", "b" } }))
    local function use()
      for _ = 1, 20 do
        local f = assert(ow.io.h5_open(path))
        f:read "v"
        f:read "s"
        f:read "absent"
        pcall(f.read, f, "v", { first = 9 })
        f:close()
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
