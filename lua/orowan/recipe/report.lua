--- report.html of a run: one file without references to others, so that it can be mailed
--- and opens without a server. Figures are embedded as SVG (PNG when the SVG is very
--- large), through data addresses, so that nothing in one figure can disturb another.
local sys = require "orowan.sys"
local format = require "orowan.format"
local params = require "orowan.recipe.params"

local report = {}

local SVG_LIMIT, FILE_LIMIT = 2 * 1024 * 1024, 16 * 1024 * 1024
local types = {
  png = "image/png", svg = "image/svg+xml", gif = "image/gif", mp4 = "video/mp4", webm = "video/webm",
}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function esc(s) return (tostring(s):gsub("[&<>\"']", entities)) end

local alphabet = {}
for i = 0, 63 do
  alphabet[i] = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):sub(i + 1, i + 1)
end

--- Base64 of a string (RFC 4648).
---@param s string
---@return string
function report.base64(s)
  local pairs_of = report.pairs_of
  if not pairs_of then  -- 12 bits to two letters: half the work of single letters
    pairs_of = {}
    for i = 0, 4095 do pairs_of[i] = alphabet[i >> 6] .. alphabet[i & 63] end
    report.pairs_of = pairs_of
  end
  local out, n = {}, #s
  for i = 1, n - 2, 3 do
    local a, b, c = s:byte(i, i + 2)
    local v = a << 16 | b << 8 | c
    out[#out + 1] = pairs_of[v >> 12]
    out[#out + 1] = pairs_of[v & 4095]
  end
  local rest = n % 3
  if rest == 1 then
    out[#out + 1] = pairs_of[s:byte(n) << 4] .. "=="
  elseif rest == 2 then
    local a, b = s:byte(n - 1, n)
    local v = (a << 8 | b) << 2
    out[#out + 1] = pairs_of[v >> 6] .. alphabet[v & 63] .. "="
  end
  return table.concat(out)
end

local style = [[
:root { --ink:#1d2329; --soft:#5b6670; --line:#d9dfe4; --head:#f3f6f8; --accent:#0b5c8a; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 62rem; color: var(--ink); background: #fff;
  font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 .2rem; font-size: 1.7rem; }
h2 { margin: 2.4rem 0 .7rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); font-size: 1.25rem; }
h3 { margin: 1.8rem 0 .5rem; font-size: 1.05rem; }
p { margin: .6rem 0; max-width: 48rem; }
.lead { color: var(--soft); margin-top: 0; }
.facts { color: var(--soft); font-size: .88rem; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .75rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { background: var(--head); font-weight: 600; }
td.n, th.n { text-align: right; }
td.n { white-space: nowrap; }
td.u, .note { color: var(--soft); }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; overflow-wrap: anywhere; }
figure { margin: 1.4rem 0; }
figure img, figure video { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; background: #fff; }
figcaption { color: var(--soft); font-size: .9rem; margin-top: .35rem; max-width: 48rem; }
.warn { border-left: 4px solid #c98a00; background: #fff8e6; padding: .5rem 1rem; margin: 1rem 0; border-radius: 0 4px 4px 0; }
.wide { overflow-x: auto; }
details { margin: .8rem 0; } summary { cursor: pointer; color: var(--accent); }
pre { background: var(--head); padding: .8rem 1rem; overflow-x: auto; border-radius: 4px; font-size: .82rem; line-height: 1.4; }
@media print { body { max-width: none; padding: 0; } figure, table { break-inside: avoid; } }
]]

-- Rows of cells; numeric columns are set to the right.
local function html_table(columns, rows, cell_class)
  local numeric = {}
  for c = 1, #columns do
    numeric[c] = false
    for _, r in ipairs(rows) do
      if r[c] ~= nil and type(r[c]) ~= "number" then numeric[c] = false; break end
      if type(r[c]) == "number" then numeric[c] = true end
    end
  end
  local out = { '<div class="wide"><table>' }
  if table.concat(columns) ~= "" then
    out[2] = "<thead><tr>"
    for c, name in ipairs(columns) do
      local right = numeric[c] or cell_class and cell_class[c] == "n"
      out[#out + 1] = ("<th%s>%s</th>"):format(right and ' class="n"' or "", esc(name))
    end
    out[#out + 1] = "</tr></thead>"
  end
  out[#out + 1] = "<tbody>\n"
  for _, r in ipairs(rows) do
    out[#out + 1] = "<tr>"
    for c = 1, #columns do
      local v = r[c]
      local class = cell_class and cell_class[c] or numeric[c] and "n"
      local text = type(v) == "table" and v.html or esc(v == nil and "" or format.number(v, 6))
      out[#out + 1] = ("<td%s>%s</td>"):format(class and (' class="%s"'):format(class) or "", text)
    end
    out[#out + 1] = "</tr>\n"
  end
  out[#out + 1] = "</tbody></table></div>\n"
  return table.concat(out)
end

local function code(s) return { html = "<code>" .. esc(s) .. "</code>" } end

local function interval(entry)
  local low, high = entry.low, entry.high
  if (not low or low ~= low) and (not high or high ~= high) then return "" end
  return ("%s – %s"):format(format.number(entry.low, 5), format.number(entry.high, 5))
end

local function figure(dir, block)
  local path, kind
  for _, file in ipairs(block.files) do
    local info = sys.stat(dir .. "/" .. file)
    if info then
      local ending = file:match("%.(%w+)$")
      if ending == "svg" and info.size <= SVG_LIMIT then path, kind = file, types.svg
      elseif not path and ending == "png" then path, kind = file, types.png end
    end
  end
  if not path then return "" end
  local data = assert(sys.read_file(dir .. "/" .. path))
  local text = block.caption or block.name
  return ('<figure id="%s"><img alt="%s" src="data:%s;base64,%s">\n<figcaption>%s</figcaption></figure>\n'):format(
    esc(block.name), esc(text), kind, report.base64(data), esc(text))
end

-- A file that the recipe made itself; films play in the page.
local function attachment(dir, block)
  local kind = types[block.name:match("%.(%w+)$") or ""]
  local text = block.caption or block.name
  local info = sys.stat(dir .. "/" .. block.name)
  if not info or not kind or info.size > FILE_LIMIT then
    return ('<p><a href="%s">%s</a>: %s</p>\n'):format(esc(block.name), esc(block.name), esc(text))
  end
  local data = ("data:%s;base64,%s"):format(kind, report.base64(assert(sys.read_file(dir .. "/" .. block.name))))
  local shown = kind:match("^video") and ('<video controls loop src="%s"></video>'):format(data)
    or ('<img alt="%s" src="%s">'):format(esc(text), data)
  return ("<figure>%s\n<figcaption>%s</figcaption></figure>\n"):format(shown, esc(text))
end

local function paragraphs(text)
  local out = {}
  for p in (text .. "\n\n"):gmatch("(.-)\n%s*\n") do
    if p:match("%S") then out[#out + 1] = "<p>" .. esc(p) .. "</p>\n" end
  end
  return table.concat(out)
end

--- The report as HTML text.
---@param run table the run object
---@param record table the content of run.json
---@return string
function report.html(run, record)
  local recipe = run.recipe
  local out = {}
  local function add(...) for _, s in ipairs { ... } do out[#out + 1] = s end end
  add('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="generator" content="Orowan ', esc(record.version), '">',
    '<meta name="format_version" content="', tostring(record.format_version), '">',
    "<title>", esc(recipe.name), "</title>\n<style>", style, "</style></head><body>\n")
  add("<h1>", esc(recipe.name), "</h1>\n")
  if recipe.summary ~= "" then add('<p class="lead">', esc(recipe.summary), "</p>\n") end
  add(('<p class="facts">Orowan %s · finished %s · took %s · seed %s</p>\n'):format(esc(record.version),
    esc(record.finished), esc(format.duration(record.elapsed)), esc(record.seed)))

  if #run.warnings > 0 then
    add('<div class="warn"><strong>', #run.warnings == 1 and "Warning" or "Warnings", "</strong>")
    for _, w in ipairs(run.warnings) do add("<p>", esc(w), "</p>") end
    add("</div>\n")
  end

  if #run.order > 0 then
    add("<h2>Results</h2>\n")
    local rows, notes = {}, false
    for i, name in ipairs(run.order) do
      local e = run.summary[name]
      rows[i] = { code(name), type(e.value) == "number" and format.number(e.value, 6) or tostring(e.value), interval(e),
        e.unit, e.note or "" }
      notes = notes or e.note ~= nil
    end
    local columns = { "Quantity", "Value", "Interval", "Unit" }
    if notes then columns[5] = "Note" end
    add(html_table(columns, rows, { "", "n", "n", "u", "note" }))
  end

  if #run.blocks > 0 then add("<h2>Details</h2>\n") end
  for _, b in ipairs(run.blocks) do
    if b.kind == "text" then add(paragraphs(b.text))
    elseif b.kind == "heading" then add("<h3>", esc(b.text), "</h3>\n")
    elseif b.kind == "figure" then add(figure(run.dir, b))
    elseif b.kind == "file" then add(attachment(run.dir, b))
    elseif b.kind == "table" then
      add("<h3>", esc(b.title), "</h3>\n", html_table(b.columns, b.rows))
      if b.note then add('<p class="note">', esc(b.note), "</p>\n") end
    end
  end

  if #recipe.params > 0 then
    add("<h2>Parameters</h2>\n")
    local rows = {}
    for i, p in ipairs(recipe.params) do
      local v = run.params[p.name]
      rows[i] = { code(p.name), params.text(v), p.unit or "", params.text(p.default), p.help or "" }
    end
    add(html_table({ "Parameter", "Value", "Unit", "Default", "Meaning" }, rows, { "", "n", "u", "n", "" }))
  end

  add("<h2>Provenance</h2>\n")
  local rows = {
    { "Recipe", code(recipe.path) }, { "Recipe SHA-256", code(recipe.sha256) }, { "Orowan", record.version },
    { "Seed", tostring(record.seed) },
    { "Device, SIMD level, threads", ("%s, %s, %d (BLAS: %d, core %s)"):format(record.device, record.simd,
      record.threads, record.blas.threads, record.blas.core) },
    { "Machine", ("%s; %d cores; %s"):format(record.machine.cpu, record.machine.cores, record.machine.system) },
    { "Started, finished (UTC)", record.started .. ", " .. record.finished },
    { "Time, peak memory", format.duration(record.elapsed) .. ", " .. format.bytes(record.peak_memory) },
  }
  local libs = {}
  for name in pairs(record.dependencies) do libs[#libs + 1] = name end
  table.sort(libs)
  for i, name in ipairs(libs) do libs[i] = name .. " " .. record.dependencies[name] end
  rows[#rows + 1] = { "Libraries", table.concat(libs, ", ") }
  for _, f in ipairs(run.inputs) do
    rows[#rows + 1] = { "Input", { html = ("<code>%s</code><br>%d bytes, SHA-256 <code>%s</code>"):format(esc(f.path), f.size, f.sha256) } }
  end
  add(html_table({ "", "" }, rows))
  add("<p>The same numbers come back with <code>orowan rerun</code> and the folder of this report.</p>\n")
  add("<details><summary>Recipe source</summary><pre>", esc(recipe.source), "</pre></details>\n")
  add("</body></html>\n")
  return table.concat(out)
end

return report
