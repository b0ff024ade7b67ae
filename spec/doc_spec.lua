local ow = require "orowan"
local doc = require "orowan.doc"

-- What a user can call: ow.*, ow.MODULE.*, the methods of tensors.
local function exported()
  local list = {}
  local function add(t, prefix)
    for name, f in pairs(t) do
      if type(name) == "string" and type(f) == "function" and name:sub(1, 2) ~= "__" then
        list[#list + 1] = { name = prefix .. name, f = f }
      end
    end
  end
  add(ow, "ow.")
  for module in pairs(getmetatable(ow).__names) do
    local ok, m = pcall(function() return ow[module] end)
    if ok then add(m, "ow." .. module .. ".") end
  end
  if type(rawget(ow, "random")) == "table" then add(ow.random, "ow.random.") end
  add(doc.tensor_methods(), "tensor:")
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

describe("documentation", function()
  it("stands above every exported function", function()
    local missing = {}
    for _, e in ipairs(exported()) do
      local d = doc.find(e.f, e.name)
      if not d or (d.text == "" and #d.returns == 0) then missing[#missing + 1] = e.name end
    end
    assert.same({}, missing, "functions without a LuaCATS comment")
  end)

  it("describes every parameter of every exported function", function()
    local missing = {}
    for _, e in ipairs(exported()) do
      local d = doc.find(e.f, e.name)
      local known = {}
      for _, p in ipairs(d and d.params or {}) do known[p.name] = true end
      for _, a in ipairs(d and d.args or {}) do
        if a ~= "self" and a ~= "..." and not known[a] then missing[#missing + 1] = e.name .. " " .. a end
      end
      if type(e.f) == "function" and d then
        for _, p in ipairs(d.params) do
          local real = p.name == "..."
          for _, a in ipairs(d.args) do real = real or a == p.name end
          if not real then missing[#missing + 1] = e.name .. " has no parameter " .. p.name end
        end
      end
    end
    assert.same({}, missing)
  end)

  -- Methods of objects made in Lua: every function of a class, in any file that adds to it.
  it("stands above every method of every object, with its parameters", function()
    local missing, seen = {}, 0
    local tree = require("orowan.docs.annotations").tree()
    for _, f in ipairs(tree.files) do
      for _, e in ipairs(f.entries) do
        local method = e.class and e.written:match ":([%a][%w_]*)$"
        local class = e.class and tree.classes[e.class]
        local inherited = method and class and class.base and tree.by_name[class.base:gsub("^orowan%.", "") .. ":" .. method]
        if method and not inherited then
          seen = seen + 1
          if not e.documented or e.text == "" and #e.returns == 0 then missing[#missing + 1] = e.name end
          local known = {}
          for _, p in ipairs(e.params) do known[p.name] = true end
          for _, a in ipairs(e.args) do
            if a ~= "self" and a ~= "..." and a ~= "_" and not known[a] then missing[#missing + 1] = e.name .. " " .. a end
          end
        end
      end
    end
    assert.same({}, missing)
    assert.is_true(seen > 150, seen)
  end)

  -- Words by which a number says what it is measured in, or that it has no unit.
  local units = { "nm", "Angstrom", "eV", "degree", "radian", "MPa", "GPa", "Da", "kV", "byte", "second", "unit", "%%", "share", "fraction", "factor", "probab",
    "ratio", "level", "relative", "toler", "times", "pick", "record", "cell", "row", "exponent", "weight", "count", "%f[%a]K%f[%A]", "%f[%a]A%f[%A]", "%f[%a]s%f[%A]", "%f[%a]b%f[%A]",
    "%f[%a]mu%f[%A]" }

  it("of the sciences says the unit of every number", function()
    local missing, seen = {}, 0
    for _, f in ipairs(require("orowan.docs.annotations").tree().files) do
      for _, e in ipairs(f.entries) do
        local science = e.name:match "^ow%.(%a+)%." or e.name:match "^(%a+)[.:]"
        for _, p in ipairs(({ apt = 1, atoms = 1, barrier = 1, depinning = 1, geometry = 1 })[science] and e.params or {}) do
          if p.type == "number" or p.type == "number?" then
            seen = seen + 1
            local known = false
            for _, u in ipairs(units) do known = known or (p.text or ""):find(u) ~= nil end
            if not known then missing[#missing + 1] = e.name .. " " .. p.name end
          end
        end
      end
    end
    assert.same({}, missing, "numbers without a unit")
    assert.is_true(seen > 20, seen)
  end)

  it("knows every method of the objects that C makes", function()
    local missing, objects = {}, 0
    for _, class in ipairs { "depinning.line", "h5", "rng", "process" } do
      local mt = debug.getregistry()["orowan." .. class]
      if not mt then  -- made with the first object
        ow.rng(1)
        mt = debug.getregistry()["orowan." .. class]
      end
      local methods = mt and (rawget(mt, "methods") or rawget(mt, "__index"))
      if type(methods) == "table" then
        objects = objects + 1
        for name in pairs(methods) do
          if not doc.find(nil, class .. ":" .. name) then missing[#missing + 1] = class .. ":" .. name end
        end
      end
    end
    assert.same({}, missing)
    assert.is_true(objects >= 4, objects)
  end)

  it("of recipes says what every parameter means", function()
    local names, paths = ow.recipe.names()
    assert.is_true(#names > 5)
    for _, name in ipairs(names) do
      local r = assert(ow.recipe.load(paths[name]))
      assert.is_true(r.summary ~= "", name)
      for _, p in ipairs(r.params) do assert.is_true(type(p.help) == "string" and p.help ~= "", name .. " " .. p.name) end
    end
  end)

  it("of the operations is what the op table says", function()
    assert.equal(dofile "spec/support/op_annotations.lua", ow.sys.read_file "lua/orowan/meta/ops.lua")
    local sin = doc.find(ow.sin, "ow.sin")
    assert.equal(sin, doc.find(nil, "tensor:sin"))
    assert.equal(sin, doc.find(nil, "tensor:sin_"))
  end)

  it("reads types, optional parameters and continued lines", function()
    local text = assert(doc.text("ow.sys.run"))
    assert.matches("^ow%.sys%.run%(argv, options%?%) %-> orowan%.run_result%?, table%?\n", text)
    assert.matches("\n  argv: string%[%]  program %(looked up in PATH%)", text)
    assert.matches("returns orowan%.run_result%?  result nil when", text)
    text = assert(doc.text("recipe.compare"))
    assert.matches("tolerance: number%?  relative", text)
  end)

  it("finds functions by name, bare name, method and module", function()
    assert.equal(doc.text("ow.sys.sha256"), doc.text("sys.sha256"))
    assert.matches("^ow%.home%(%)", doc.text("home"))
    assert.matches("^ow%.home%(%)", doc.text("ow.home()"))
    assert.matches("sha256_file", doc.text("ow.sys"))
    assert.matches("modules: .*recipe", doc.text("ow"))
    assert.matches("process:read", doc.text("process:read"))
  end)

  it("says what it does not know", function()
    local text, err = doc.text("ow.sys.sha265")
    assert.is_nil(text)
    assert.matches("did you mean 'ow.sys.sha256'", err)
    text, err = doc.text("print")
    assert.is_nil(text)
    assert.matches("a function without documentation", err)
    for _, odd in ipairs { "", "...", "%", "a b c", "1", "ow.", ":", "ow.sys." } do
      local ok = pcall(doc.text, odd)
      assert.is_true(ok, odd)
    end
  end)
end)
