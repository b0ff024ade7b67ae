--- orowan new: a recipe to start from. It runs as it is; what it does is small, but each of
--- its lines shows something that recipes do.
local sys = require "orowan.sys"
local options = require "orowan.cli.options"

local new = {}

local template = [=[
-- NAME: one line that says which question this recipe answers.
--   orowan run FILE                      with the defaults below
--   orowan run FILE samples=500 --out runs/try --seed 2
--   orowan run FILE --help               its parameters
--   orowan rerun runs/try                do the same numbers come out again?
local ow = require "orowan"

return {
  name = "NAME",
  summary = "mean and spread of a sample, simulated or measured (replace this line)",

  -- The type of a parameter is that of its default (2 is an integer, 2.0 a number). A value
  -- that is unknown, of another type or out of bounds is refused before any work starts.
  params = {
    { name = "input", default = "", help = "table with measured values; empty: simulate some" },
    { name = "column", default = 1, min = 1, help = "of that table" },
    { name = "samples", default = 200, min = 10, max = 100000000, help = "values to simulate" },
    { name = "scale", default = 1.5, unit = "MPa", min = 1e-6, max = 1e6, help = "mean of the simulated values" },
  },

  run = function(run)
    local p = run.params

    -- 1. Data. run:input records size and SHA-256 of a file, so that a rerun notices changes.
    --    ow.seed was called with --seed: the same seed gives the same numbers.
    local x
    if p.input ~= "" then
      local t = assert(ow.io.read_table(run:input(p.input), { columns = { p.column } }))
      x = t.columns[1]:to "f64"
      local fine = x:isfinite()
      if x:numel() > fine:sum() then run:warn(("%d values are not finite and were left out"):format(x:numel() - fine:sum())) end
      x = x:take(fine)
    else
      -- Long work reports progress and keeps checkpoints: a run that was interrupted goes on
      -- with `orowan resume DIR` and ends with the same numbers.
      local state = run:checkpoint "simulation" or { done = 0, values = {} }
      local bar <close> = run:progress("simulate", p.samples, state.done)
      while state.done < p.samples do
        state.done = state.done + 1
        state.values[state.done] = -p.scale * math.log(1 - ow.random.uniform(1):get(1))
        bar:update(state.done)
        if run:due "simulation" then run:save_checkpoint("simulation", state) end
      end
      x = ow.tensor(state.values):to "f64"
    end
    if x:numel() < 10 then error(("expected at least 10 values, got %d"):format(x:numel()), 0) end

    -- 2. Numbers, each with its unit and interval: they go to summary.json and into the report.
    local mean = ow.stats.bootstrap(x, function(s) return s:mean() end, { repeats = 500, seed = run.seed })
    run:put("values", { value = x:numel(), unit = "" })
    run:put("mean", { value = mean.value, low = mean.low, high = mean.high, unit = "MPa" })
    run:put("largest", { value = x:max(), unit = "MPa" })
    run:text(("The mean is %.4g MPa, with 95 %% confidence between %.4g and %.4g MPa."):format(mean.value, mean.low, mean.high))

    -- 3. Figures and tables.
    local fig = ow.plot.figure { title = "Distribution of the values" }
    fig:axes(1):ccdf(x, { label = "sample" })
    fig:axes(1):vline(mean.value, { label = "mean" })
    fig:axes(1):set { xlabel = "value (MPa)", ylabel = "fraction above", ylog = true }
    run:figure("distribution", fig, "Fraction of the values above the abscissa.")

    local sorted = x:sort()
    local rows = {}
    for _, q in ipairs { 0.1, 0.5, 0.9 } do rows[#rows + 1] = { q, sorted:get(math.ceil(q * x:numel())) } end
    run:table("Quantiles", { "fraction", "value (MPa)" }, rows)
  end,
}
]=]

local function fail(message)
  io.stderr:write("orowan new: ", tostring(message), "\n")
  return 1
end

--- orowan new NAME
---@param args string[]
---@return integer status
function new.main(args)
  local o, err = options.parse(args, { help = "flag" })
  if not o then return fail(err) end
  if o.help then
    io.stdout:write("usage: orowan new NAME\n\nWrites NAME.lua, a commented recipe that runs, to start from. NAME may have a folder in front.\n")
    return 0
  end
  if #o.words ~= 1 or next(o.pairs) then return fail("expected one name, as in `orowan new my_study`") end
  local path = o.words[1]:match "%.lua$" and o.words[1] or o.words[1] .. ".lua"
  local name = path:match "([^/]+)%.lua$"
  if not name or not name:match "^[%w_-]+$" then
    return fail(("'%s': expected a name of letters, digits, '_', '-'"):format(o.words[1]))
  end
  if sys.exists(path) then return fail(("'%s' exists already; choose another name, or remove it"):format(path)) end
  local shown = path:find("/", 1, true) and path or "./" .. path
  local text = template:gsub("FILE", function() return path end):gsub("NAME", function() return name end)
  local ok
  ok, err = sys.write_atomic(path, text)
  if not ok then return fail(err) end
  io.stdout:write(("wrote %s\nrun it:  orowan run %s\nedit it: it explains itself\n"):format(path, shown))
  return 0
end

return new
