-- The HTML reference: whole, linked, and made from the annotations; the examples in them run.
local ow = require "orowan"
local sys, json = ow.sys, ow.json
local annotations = require "orowan.docs.annotations"
local doc = require "orowan.doc"
local html = require "orowan.docs.html"
local site = require "orowan.docs.site"
local systems = require "orowan.docs.systems"

describe("the reference", function()
  local dir, made, files
  setup(function()
    dir = assert(sys.tmpdir "orowan-docs")
    made = assert(site.write(dir))
    files = {}
    for _, name in ipairs(sys.list(dir)) do files[name] = assert(sys.read_file(dir .. "/" .. name)) end
  end)
  teardown(function() sys.remove_tree(dir) end)

  local function index()
    return assert(json.decode((files["index.js"]:match "^var OROWAN_INDEX = (.*);\n$")))
  end

  it("has a page for every module, system and group of functions", function()
    for _, name in ipairs { "index", "recipes", "stats", "plot", "apt", "nn", "nn.metrics", "tensor", "linalg", "io", "sys", "system-depinning" } do
      assert.is_string(files[name .. ".html"], name)
    end
    assert.is_true(made.pages > 35 and made.names > 700)
    for name in pairs(getmetatable(ow).__names) do assert.is_string(files[name .. ".html"], name) end
  end)

  it("names every exported function in its search, at a place that exists", function()
    local found = {}
    for _, e in ipairs(index()) do
      found[e[1]] = true
      local file, anchor = e[2]:match "^([^#]+)#?(.*)$"
      assert.is_string(files[file], e[2])
      if anchor ~= "" then assert.is_truthy(files[file]:find('id="' .. anchor .. '"', 1, true), e[2]) end
    end
    for name, f in pairs(ow) do
      if type(f) == "function" and not name:match "^__" then assert.is_true(found["ow." .. name], "ow." .. name) end
    end
    for name, f in pairs(ow.stats) do if type(f) == "function" then assert.is_true(found["ow.stats." .. name], name) end end
    for _, name in ipairs { "figure:save", "orowan.figure", "axes:image", "run:put", "process:read", "tensor:reshape", "avalanches" } do
      assert.is_true(found[name], name)
    end
  end)

  it("has no link that leads nowhere", function()
    for name, text in pairs(files) do
      if name:match "%.html$" then
        for link in text:gmatch 'href="([^"]+)"' do
          local file, anchor = link:match "^([^#]*)#?(.*)$"
          file = file == "" and name or file
          assert.is_string(files[file], name .. " -> " .. link)
          if anchor ~= "" then assert.is_truthy(files[file]:find('id="' .. anchor .. '"', 1, true), name .. " -> " .. link) end
        end
        assert.is_nil(text:find("http", 1, true) and text:match '<script[^>]*src="http', name)  -- nothing from elsewhere
      end
    end
  end)

  it("says of each system what it computes, its units, sources, limits, recipes and figure", function()
    for _, s in ipairs(systems) do
      for _, field in ipairs { "what", "units" } do assert.is_true(#s[field] > 3, s.name .. " " .. field) end
      for _, field in ipairs { "formulas", "sources", "limits", "recipes", "modules" } do assert.is_true(#s[field] > 0, s.name .. " " .. field) end
      local _, paths = ow.recipe.names()
      for _, r in ipairs(s.recipes) do assert.is_string(paths[r], s.name .. ": no recipe " .. r) end
      local page = files["system-" .. s.name:gsub("%W+", "-") .. ".html"]
      if s.notebook or s.image then assert.matches("data:image/png;base64,", page) end
    end
  end)

  it("escapes what it quotes", function()
    assert.equal("&lt;a&gt; &amp; &quot;", html.escape '<a> & "')
    assert.equal('<b>local</b> x = <s>&quot;a&lt;&quot;</s> <i>-- so</i>', html.lua 'local x = "a<" -- so')
    assert.equal('<a href="p">ow.x</a> and <code>y &lt; z</code>', html.inline("ow.x and `y < z`", { ["ow.x"] = "p" }))
    for name, text in pairs(files) do if name:match "%.html$" then assert.is_nil(text:find("<script>", 1, true), name) end end
  end)

  it("is written by `orowan docs`", function()
    local r = sys.run({ dofile "spec/support/program.lua", "docs", dir .. "/again" }, { timeout = 60 })
    assert.equal(0, r.status, r.stderr)
    assert.matches("pages", r.stdout)
    assert.equal(files["style.css"], sys.read_file(dir .. "/again/style.css"))
  end)
end)

describe("comments", function()
  it("keep what is indented and what stands between backticks", function()
    local p = doc.paragraphs "One\ntwo.\n\n  formula = 1\n  more\nend\n```lua\nlocal x = 1\n\n  x = 2\n```\nlast"
    assert.same({ "One\ntwo.", "formula = 1\nmore", "end", "local x = 1\n\n  x = 2", "last" },
      { p[1].text, p[2].text, p[3].text, p[4] and p[4].text, p[5] and p[5].text })
    assert.is_true(p[2].verbatim and not p[2].example and p[4].example and not p[5].verbatim)
  end)

  it("have a first sentence", function()
    assert.equal("Power law (Clauset et al. 2009) above xmin.", doc.first_sentence "Power law (Clauset et al. 2009) above xmin. More.")
    assert.equal("No stop", doc.first_sentence "No stop")
  end)
end)

describe("the example of", function()
  local dir, before
  setup(function()
    dir = assert(sys.tmpdir "orowan-examples")
    before = rawget(_G, "ow")
  end)
  teardown(function()
    rawset(_G, "ow", before)
    sys.remove_tree(dir)
  end)

  local count = 0
  for _, f in ipairs(annotations.tree().files) do
    for _, e in ipairs(f.entries) do
      for _, code in ipairs(e.examples) do
        count = count + 1
        it(e.name .. " runs", function()
          -- `value  --> text` in an example is a claim about what is printed
          local said, claimed = {}, {}
          for claim in code:gmatch "%-%->%s*([^\n]+)" do claimed[#claimed + 1] = (claim:gsub("%s+$", "")) end
          local env = setmetatable({ ow = ow, print = function(...)
            local t = table.pack(...)
            for i = 1, t.n do t[i] = tostring(t[i]) end
            said[#said + 1] = table.concat(t, " ", 1, t.n)
          end, folder = dir }, { __index = _G })
          local chunk = assert(load(code, "=" .. e.name, "t", env))
          chunk()
          assert.same(claimed, said)
        end)
      end
    end
  end

  it("functions is written down for the main ones", function() assert.is_true(count >= 20, count .. " examples") end)
end)
