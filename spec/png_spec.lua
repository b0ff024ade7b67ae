local ow = require "orowan"

local files = dofile "spec/support/files.lua"
local dir = files.dir
local slurp, spit = files.slurp, files.spit
local fixtures = "spec/fixtures/io/"

-- What make_png.py drew, pixel by pixel.
local H, W = 5, 7
local function image(f)
  local t = {}
  for y = 0, H - 1 do
    t[y + 1] = {}
    for x = 0, W - 1 do t[y + 1][x + 1] = f(y, x, (13 * y + 7 * x) % 256) end
  end
  return t
end
local function rgb(_, _, g) return { g, g * 3 % 256, 255 - g } end

local function check(name, dtype, want)
  local t = assert(ow.io.read_png(fixtures .. name))
  assert.equal(dtype, t:dtype())
  assert.same(want, t:totable(), name)
end

describe("png", function()
  teardown(files.remove)

  it("reads what another encoder wrote", function()
    check("grey8.png", "u8", image(function(_, _, g) return g end))
    check("rgb8.png", "u8", image(rgb))
    check("adam7.png", "u8", image(rgb))
    check("rgba8.png", "u8", image(function(_, _, g) return { g, g * 3 % 256, 255 - g, g * 5 % 256 } end))
    check("grey_alpha8.png", "u8", image(function(_, _, g) return { g, 255 - g } end))
    check("grey16.png", "i32", image(function(_, _, g) return g * 257 + 1 end))
    check("rgb16.png", "i32", image(function(y, x, g)
      local c = rgb(y, x, g)
      return { c[1] * 251 + 3, c[2] * 251 + 3, c[3] * 251 + 3 }
    end))
    check("bits1.png", "u8", image(function(y, x) return (x + y) % 2 == 0 and 255 or 0 end))
    local colours = { [0] = { 255, 0, 0, 255 }, { 0, 255, 0, 128 }, { 0, 0, 255, 0 } }
    check("palette.png", "u8", image(function(y, x) return { table.unpack(colours[(x + y) % 3], 1, 3) } end))
    check("palette_alpha.png", "u8", image(function(y, x) return colours[(x + y) % 3] end))
  end)

  it("brings back every kind of image", function()
    local path = dir .. "/round.png"
    for channels = 1, 4 do
      for bits = 8, 16, 8 do
        local t = ow.tensor(image(function(y, x, g)
          if channels == 1 then return bits == 8 and g or g * 200 + x end
          local p = {}
          for c = 1, channels do p[c] = (g * c + y) * (bits == 8 and 1 or 60) % (bits == 8 and 256 or 65536) end
          return p
        end), bits == 8 and "u8" or "i32")
        assert(ow.io.write_png(path, t))
        local back = assert(ow.io.read_png(path))
        assert.equal(t:dtype(), back:dtype())
        assert.same(t:totable(), back:totable())
        local ihdr = slurp(path)
        assert.equal(bits, ihdr:byte(25))
        assert.equal(({ 0, 4, 2, 6 })[channels], ihdr:byte(26))
      end
    end
    assert(ow.io.write_png(path, { { 0, 255 }, { 1, 2 } }, { level = 0 }))
    assert.same({ { 0, 255 }, { 1, 2 } }, ow.io.read_png(path):totable())
    assert(ow.io.write_png(path, { { 0, 65535 } }, { bits = 16 }))
    assert.same({ { 0, 65535 } }, ow.io.read_png(path):totable())
    assert(ow.io.write_png(path, ow.tensor({ { { 7 } } }, "u8")))
    assert.same({ { 7 } }, ow.io.read_png(path):totable())
  end)

  it("refuses what is no image", function()
    local function raises(pattern, ...)
      local ok, err = pcall(ow.io.write_png, ...)
      assert.is_false(ok)
      assert.matches(pattern, tostring(err))
    end
    local path = dir .. "/none.png"
    raises("expected integers", path, { { 0.5 } })
    raises("expected integers", path, { { 0 / 0 } })
    raises("H x W", path, { 1, 2 })
    raises("H x W", path, ow.tensor({ { { 1, 2, 3, 4, 5 } } }, "u8"))
    raises("does not fit", path, { { 256 } })
    raises("does not fit", path, { { -1 } })
    raises("0 to 65535, got 70000 at element 2", path, ow.tensor({ { 1, 70000 } }, "i32"))
    raises("bits: expected 8 or 16", path, { { 1 } }, { bits = 12 })
    raises("level: expected", path, { { 1 } }, { level = 11 })
    raises("unknown option depth", path, { { 1 } }, { depth = 8 })
    raises("H x W", path, ow.tensor({ {} }, "u8"))
    assert.is_nil(io.open(path))
    local ok, err = ow.io.write_png(dir .. "/no/such.png", { { 1 } })
    assert.is_nil(ok)
    assert.matches("no/such.png: cannot write: No such file", tostring(err))
  end)

  it("refuses cut, altered and lying files by name", function()
    local function refused(path, pattern)
      local t, err = ow.io.read_png(path)
      assert.is_nil(t)
      assert.matches(pattern, tostring(err))
    end
    local good, path = slurp(fixtures .. "rgba8.png"), dir .. "/bad.png"
    for n = 0, #good - 1 do
      refused(spit(path, good:sub(1, n)), n == 0 and "empty" or n < 8 and "not a PNG" or "bad.png")
    end
    refused(spit(path, good:sub(1, 60) .. string.char(good:byte(61) ~ 1) .. good:sub(62)), "bad.png: not a readable PNG image")
    refused(dir .. "/absent.png", "absent.png: cannot open")
    refused(dir, "not a regular file")
    refused("README.nothing", "cannot open")
    -- a header of 2 Gpixel x 2 Gpixel: the sum of the IHDR chunk is right, the pixels are not there
    local function crc(s)
      local c = 0xffffffff
      for i = 1, #s do
        c = c ~ s:byte(i)
        for _ = 1, 8 do c = c & 1 == 1 and (c >> 1) ~ 0xedb88320 or c >> 1 end
      end
      return ~c & 0xffffffff
    end
    local ihdr = "IHDR" .. string.pack(">I4I4I1I1I1I1I1", 0x7fffffff, 0x7fffffff, 16, 6, 0, 0, 0)
    refused(spit(path, good:sub(1, 12) .. ihdr .. string.pack(">I4", crc(ihdr)) .. good:sub(34)), "bad.png")
    ihdr = "IHDR" .. string.pack(">I4I4I1I1I1I1I1", 30000, 30000, 8, 6, 0, 0, 0)
    refused(spit(path, good:sub(1, 12) .. ihdr .. string.pack(">I4", crc(ihdr)) .. good:sub(34)), "30000 x 30000 pixels, which cannot")
  end)

  it("frees what it took when a file is bad", function()
    local good, path = slurp(fixtures .. "rgb16.png"), dir .. "/cut.png"
    local function use()
      for n = 8, #good - 1, 7 do assert.is_nil((ow.io.read_png(spit(path, good:sub(1, n))))) end
      collectgarbage()
      collectgarbage()
    end
    use()
    local before = ow.core.system.memory().in_use
    use()
    assert.equal(before, ow.core.system.memory().in_use)
  end)
end)
