--- orowan run, resume, rerun, pack, recipes.
local progress = require "orowan.progress"
local format = require "orowan.format"
local options = require "orowan.cli.options"
local recipe = require "orowan.recipe"
local suggest = require "orowan.suggest"

local runs = {}

local function fail(command, message)
  io.stderr:write("orowan ", command, ": ", tostring(message), "\n")
  return 1
end

local function out(...) if not progress.quiet then io.stdout:write(...) end end

local function print_summary(run)
  local width = 0
  for _, name in ipairs(run.order) do width = math.max(width, #name) end
  for _, name in ipairs(run.order) do
    local e = run.summary[name]
    local line = ("  %-" .. width .. "s  %s"):format(name, format.number(e.value, 6))
    if (e.low and e.low == e.low) or (e.high and e.high == e.high) then line = line .. ("  [%s, %s]"):format(format.number(e.low, 5), format.number(e.high, 5)) end
    if e.unit ~= "" then line = line .. "  " .. e.unit end
    out(line, "\n")
  end
end

-- Says how a run ended; returns the exit status.
local function finish(command, outcome)
  if outcome.status == "complete" then
    print_summary(outcome.run)
    out("run folder: ", outcome.dir, "\nreport:     ", outcome.dir, "/report.html\n")
    return 0
  end
  if outcome.status == "interrupted" then
    io.stderr:write("interrupted", outcome.partial and
      ("; go on with: orowan resume %s"):format(outcome.dir) or "; there was no checkpoint, nothing is kept", "\n")
    return 130
  end
  fail(command, outcome.error)
  if outcome.partial then
    io.stderr:write(("its checkpoints are kept in %s; go on with: orowan resume %s\n"):format(outcome.partial, outcome.dir))
  end
  return 1
end

local run_help = [[
usage: orowan run RECIPE [key=value ...] [options]

RECIPE is a file, or the name of one of the recipes that `orowan recipes` lists.
`orowan run RECIPE --help` shows its parameters.

  --out DIR       run folder (default: runs/NAME-DATE-TIME). The run works in DIR.partial;
                  when that holds the same run, unfinished, it goes on from its checkpoints
  --seed N        seed of the random numbers (default 1)
  --device D      cpu or opencl:N, what ow.device() tells the recipe (default OROWAN_DEVICE,
                  else cpu); `orowan info` lists them
  --threads N     threads (default: all cores; the numbers do not depend on it)
  --quiet         no progress, no summary
  --trace         on an error, show where it happened
]]

local known = {
  out = "string", seed = "integer", device = "string", threads = "count", quiet = "flag", help = "flag", trace = "flag",
}

--- orowan run RECIPE [key=value ...] [options]
---@param args string[]
---@return integer status
function runs.run(args)
  local o, err = options.parse(args, known)
  if not o then return fail("run", err) end
  if #o.words == 0 then
    if o.help then
      io.stdout:write(run_help)
      return 0
    end
    return fail("run", "which recipe? (`orowan recipes` lists them, `orowan run --help` explains)")
  end
  if #o.words > 1 then
    return fail("run", ("unexpected '%s'; parameters are given as key=value"):format(o.words[2]))
  end
  local r
  r, err = recipe.load(o.words[1])
  if not r then return fail("run", err) end
  if o.help then
    io.stdout:write("orowan run ", o.words[1], " [key=value ...]\n\n", r.name, r.summary ~= "" and ": " .. r.summary or "", "\n")
    if r.description then io.stdout:write("\n", r.description, "\n") end
    if #r.params > 0 then io.stdout:write("\nparameters:\n", recipe.params.help(r.params), "\n") end
    io.stdout:write("\noptions: --out DIR --seed N --device D --threads N --quiet --trace (`orowan run --help`)\n")
    return 0
  end
  progress.quiet = o.quiet or false
  local outcome
  outcome, err = recipe.run(r, {
    params = o.pairs, out = o.out, seed = o.seed, device = o.device, threads = o.threads, trace = o.trace,
  })
  if not outcome then return fail("run", r.name .. ": " .. tostring(err)) end
  return finish("run", outcome)
end

--- orowan resume DIR
---@param args string[]
---@return integer status
function runs.resume(args)
  local o, err = options.parse(args, { threads = "count", quiet = "flag", help = "flag", trace = "flag" })
  if not o then return fail("resume", err) end
  if o.help then
    io.stdout:write("usage: orowan resume DIR [--threads N] [--quiet] [--trace]\n\n",
      "Goes on with the unfinished run in DIR.partial, with the recipe, parameters and seed\n",
      "stored there; it ends with the same numbers as an uninterrupted run.\n")
    return 0
  end
  if #o.words ~= 1 or next(o.pairs) then return fail("resume", "expected one run folder") end
  progress.quiet = o.quiet or false
  local outcome
  outcome, err = recipe.resume(o.words[1], { threads = o.threads, trace = o.trace })
  if not outcome then return fail("resume", err) end
  return finish("resume", outcome)
end

--- orowan pack DIR [--out FILE] [--limit SIZE]
---@param args string[]
---@return integer status
function runs.pack(args)
  local o, err = options.parse(args, { out = "string", limit = "number", help = "flag" })
  if not o then return fail("pack", err) end
  if o.help then
    io.stdout:write("usage: orowan pack DIR [--out FILE] [--limit BYTES]\n\n",
      "Makes one file (DIR.orowan.tar) from a finished run: recipe, parameters, summary, figures,\n",
      "report, and the inputs up to --limit bytes each (default 4 MiB; of the others the hash).\n",
      "`orowan rerun FILE` repeats it, here or elsewhere; `tar xf FILE` looks into it.\n")
    return 0
  end
  if #o.words ~= 1 or next(o.pairs) then return fail("pack", "expected one run folder") end
  local info
  info, err = recipe.pack(o.words[1], o.out, { limit = o.limit and math.floor(o.limit) })
  if not info then return fail("pack", err) end
  for _, note in ipairs(info.notes) do io.stdout:write("note: ", note, "\n") end
  io.stdout:write(("wrote %s: %d files, %s\nrepeat it with: orowan rerun %s\n"):format(info.path, info.files, format.bytes(info.size), info.path))
  return 0
end

local words = { identical = "identical", missing = "MISSING now", new = "NEW, was not there", timing = "not compared (timing)" }

local function verdict(r)
  local text = words[r.verdict] or r.verdict == "agrees" and "agrees" or "DIFFERS"
  if r.difference and r.difference > 0 then
    text = text .. (r.difference == math.huge and "" or (" by %.2g relative"):format(r.difference)) .. (" (tolerance %g)"):format(r.tolerance)
    if r.verdict == "differs" and r.inside then text = text .. ", but lies in the old interval" end
  end
  return text
end

--- orowan rerun DIR|FILE [--out DIR] [--tolerance X] [--inputs DIR]
---@param args string[]
---@return integer status
function runs.rerun(args)
  local o, err = options.parse(args, {
    out = "string", tolerance = "number", threads = "count", quiet = "flag", help = "flag", trace = "flag", inputs = "string",
  })
  if not o then return fail("rerun", err) end
  if o.help then
    io.stdout:write("usage: orowan rerun DIR|FILE [--out DIR] [--tolerance X] [--inputs DIR] [--threads N] [--quiet] [--trace]\n\n",
      "Runs a finished run (a run folder, or a file made by `orowan pack`) again, with the recipe,\n",
      "parameters, seed and threads stored in it, and says number by number which agree. A number\n",
      "agrees when it and its interval differ by at most a relative X; without --tolerance X is\n",
      "what the recipe states for this number, else 1e-9. A pack holds a program: rerun only\n",
      "packs from people you would run a script of. --inputs: where inputs lie that a pack only\n",
      "knows by their hash. Exit status 0 when all agree, 1 when not.\n")
    return 0
  end
  if #o.words ~= 1 or next(o.pairs) then return fail("rerun", "expected one run folder or pack") end
  progress.quiet = o.quiet or false
  local c
  c, err = recipe.rerun(o.words[1], { out = o.out, tolerance = o.tolerance, threads = o.threads, trace = o.trace, inputs = o.inputs })
  if not c then return fail("rerun", err) end
  if c.outcome.status ~= "complete" then return finish("rerun", c.outcome) end
  for _, path in ipairs(c.changed) do io.stdout:write("input changed since: ", path, "\n") end
  local old, new = c.record, c.outcome.record
  for _, what in ipairs { { "version", "Orowan" }, { "simd", "SIMD level" } } do
    if old[what[1]] ~= new[what[1]] then io.stdout:write(("%s was %s, is %s\n"):format(what[2], tostring(old[what[1]]), new[what[1]])) end
  end
  local width = 8
  for _, r in ipairs(c.rows) do width = math.max(width, #r.name) end
  local count = { identical = 0, agrees = 0 }
  for _, r in ipairs(c.rows) do
    count[r.verdict] = (count[r.verdict] or 0) + 1
    out(("  %-" .. width .. "s  %-14s %-14s %s\n"):format(r.name, format.number(r.old, 8), format.number(r.new, 8), verdict(r)))
  end
  out("run folder: ", c.outcome.dir, "\n")
  io.stdout:write(("%d numbers: %d bitwise identical, %d agree within %s, %d do not\n"):format(
    #c.rows - (count.timing or 0), count.identical, count.agrees, o.tolerance and ("%g"):format(o.tolerance) or "their tolerance",
    #c.rows - count.identical - count.agrees - (count.timing or 0)))
  return c.agree and 0 or 1
end

local recipes_help = [[
usage: orowan recipes [NAME ...] [--short]

Lists the recipes (or those named) with their parameters: default, meaning, bounds, unit.
--short: one line each.
]]

--- orowan recipes [NAME ...] [--short]
---@param args string[]
---@return integer status
function runs.recipes(args)
  local o, err = options.parse(args, { help = "flag", short = "flag" })
  if not o then return fail("recipes", err) end
  if o.help then
    io.stdout:write(recipes_help)
    return 0
  end
  local names, paths = recipe.names()
  if #names == 0 then
    io.stdout:write("no recipes in ", require "orowan.home" (), "/examples\n")
    return 0
  end
  for _, word in ipairs(o.words) do
    if not paths[word] then return fail("recipes", ("no recipe '%s'%s"):format(word, suggest.hint(word, names, "recipes"))) end
  end
  local status, width = 0, 0
  for _, name in ipairs(names) do width = math.max(width, #name) end
  for i, name in ipairs(#o.words > 0 and o.words or names) do
    local r
    r, err = recipe.load(paths[name])
    if i > 1 and not o.short then io.stdout:write("\n") end
    if not r then
      io.stdout:write(name, ": ", err, "\n")
      status = 1
    elseif o.short then
      io.stdout:write(("%-" .. width .. "s  %s\n"):format(name, r.summary))
    else
      io.stdout:write(name, r.summary ~= "" and ": " .. r.summary or "", "\n")
      if #r.params > 0 then io.stdout:write(recipe.params.help(r.params, "    "), "\n") end
    end
  end
  return status
end

return runs
