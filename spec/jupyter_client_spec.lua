-- The kernel under Debian's own clients: spec/jupyter/kernel.py runs once, each of its tests is
-- reported here.
local ow = require "orowan"
local sys, json = ow.sys, ow.json
local core = require "orowan.core"

local OROWAN = dofile "spec/support/program.lua"

local names = {
  "starts", "executes", "streams", "displays", "draws_figures", "shows_errors", "refuses_what_follows_an_error", "interrupts",
  "heart_beats_while_busy", "completes", "inspects", "knows_what_is_complete", "remembers", "asks", "shows_progress_in_place",
  "survives_bad_messages", "prints_a_million_lines", "prints_any_bytes", "outlives_a_killed_front_end", "ends_with_its_starter",
  "restarts", "runs_a_thousand_cells", "ends_when_told", "ends_with_os_exit", "runs_notebooks",
}

-- The interpreter that Debian's packages belong to, whatever stands first in PATH.
local function python()
  for _, p in ipairs { "/usr/bin/python3", "python3" } do
    local r = sys.run({ p, "-c", "import jupyter_client, nbclient, zmq" }, { timeout = 30 })
    if r and r.status == 0 then return p end
  end
end

describe("the kernel under jupyter_client #slow", function()
  local program = python()
  if not program then
    pending("skipped: apt-get install python3-jupyter-client python3-nbclient")
    return
  end
  if not core.jupyter.available() then
    pending("skipped: libzmq is missing (apt-get install libzmq5)")
    return
  end

  local results, log
  setup(function()
    local data <close> = setmetatable({ path = assert(sys.tmpdir "orowan-jupyter") }, { __close = function(d) sys.remove_tree(d.path) end })
    local installed = assert(sys.run({ OROWAN, "jupyter", "install" }, { env = { JUPYTER_DATA_DIR = data.path }, timeout = 30 }))
    assert(installed.status == 0, installed.stderr)
    local r = assert(sys.run({ program, "spec/jupyter/kernel.py", OROWAN, data.path }, { timeout = 300, env = { PYTHONWARNINGS = "ignore" } }))
    results, log = json.decode(r.stdout), r.stderr
    assert(type(results) == "table", r.stderr)
  end)

  for _, name in ipairs(names) do
    it((name:gsub("_", " ")), function()
      assert.is_not_nil(results[name], "was not run")
      assert(results[name] == json.null, tostring(results[name]) .. "\n" .. log)
    end)
  end

  it("was tested as listed here", function()
    local listed = {}
    for _, name in ipairs(names) do listed[name] = true end
    for name in pairs(results) do assert.is_true(listed[name], name) end
  end)
end)
