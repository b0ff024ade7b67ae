--- Comments as HTML: paragraphs, code with colours, names that link to their place.
local chunk = require "orowan.repl.chunk"
local doc = require "orowan.doc"

local html = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

--- Text that stands for itself.
---@param s any
---@return string
function html.escape(s) return (tostring(s):gsub('[&<>"]', entities)) end
local esc = html.escape

local keywords = {}
for w in ("and break do else elseif end false for function goto if in local nil not or repeat return then true until while"):gmatch "%a+" do keywords[w] = true end

--- Lua source with colours.
---@param code string
---@return string
function html.lua(code)
  local out, at = {}, 1
  local function plain(s)  -- blanks and comments
    return (esc(s):gsub("%-%-[^\n]*", "<i>%0</i>"))
  end
  for _, t in ipairs(chunk.tokens(code)) do
    out[#out + 1] = plain(code:sub(at, t.at - 1))
    local s = esc(t.text)
    if t.kind == "string" then s = "<s>" .. s .. "</s>"
    elseif t.kind == "name" and keywords[t.text] then s = "<b>" .. s .. "</b>" end
    out[#out + 1] = s
    at = t.stop + 1
  end
  out[#out + 1] = plain(code:sub(at))
  return table.concat(out)
end

--- One line of text: `code`, and links where a name in it is known.
---@param s string
---@param places table<string, string> public name -> address
---@return string
function html.inline(s, places)
  local function linked(code, shown)
    local name = code:gsub("%(.*$", "")
    local to = places[name] or places["ow." .. name]
    return to and ('<a href="%s">%s</a>'):format(to, shown) or shown
  end
  local parts, at = {}, 1
  while true do
    local from, to, code = s:find("`([^`\n]+)`", at)
    local before = esc(s:sub(at, (from or 0) - 1)):gsub("ow%.[%w_.]*[%w_]", function(n) return linked(n, n) end)
    parts[#parts + 1] = before
    if not from then break end
    parts[#parts + 1] = linked(code, "<code>" .. esc(code) .. "</code>")
    at = to + 1
  end
  return table.concat(parts)
end

--- A comment.
---@param text string
---@param places table<string, string>
---@return string
function html.text(text, places)
  local out = {}
  for _, p in ipairs(doc.paragraphs(text)) do
    if p.example then out[#out + 1] = '<pre class="example">' .. html.lua(p.text) .. "</pre>\n"
    elseif p.verbatim then out[#out + 1] = "<pre>" .. esc(p.text) .. "</pre>\n"
    else out[#out + 1] = "<p>" .. html.inline(p.text, places) .. "</p>\n" end
  end
  return table.concat(out)
end

html.style = [[
:root { --ink:#1d2329; --soft:#5b6670; --line:#d9dfe4; --head:#f3f6f8; --accent:#0b5c8a; --paper:#fff; --code:#f6f8f9; }
@media (prefers-color-scheme: dark) { :root { --ink:#dfe5ea; --soft:#9aa7b2; --line:#37424b; --head:#232b32; --accent:#6cb6e4; --paper:#171c20; --code:#1f262c; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; display: flex; }
nav { width: 15rem; flex: none; height: 100vh; position: sticky; top: 0; overflow-y: auto; padding: 1rem; border-right: 1px solid var(--line); background: var(--head); font-size: .92rem; }
nav a { display: block; padding: .1rem 0; } nav h4 { margin: 1rem 0 .2rem; color: var(--soft); font-size: .8rem; text-transform: uppercase; }
main { flex: 1; min-width: 0; padding: 1.2rem 2rem 5rem; max-width: 62rem; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { margin: .3rem 0 .6rem; font-size: 1.7rem; } h2 { margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); font-size: 1.3rem; }
h3 { margin: 1.8rem 0 .3rem; font: 600 1rem/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
h3 .type { font-weight: normal; color: var(--soft); }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88em; }
code { background: var(--code); padding: 0 .2em; border-radius: 3px; }
pre { background: var(--code); padding: .7rem .9rem; overflow-x: auto; border-radius: 4px; } pre.example { border-left: 3px solid var(--accent); }
pre b { color: var(--accent); } pre s { text-decoration: none; color: #a04a1f; } pre i { color: var(--soft); }
@media (prefers-color-scheme: dark) { pre s { color: #e0a075; } }
table { border-collapse: collapse; margin: .5rem 0; font-size: .93rem; } td, th { border-top: 1px solid var(--line); padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top; }
td:first-child { font-family: ui-monospace, "DejaVu Sans Mono", monospace; white-space: nowrap; } td.t { color: var(--soft); max-width: 16rem; overflow-wrap: anywhere; }
.where { color: var(--soft); font-size: .8rem; } img { max-width: 100%; background: #fff; }
#q { width: 100%; padding: .4rem .5rem; font: inherit; border: 1px solid var(--line); border-radius: 4px; background: var(--paper); color: var(--ink); }
#hits { position: fixed; left: 15.5rem; top: .8rem; width: min(44rem, calc(100vw - 17rem)); max-height: 85vh; overflow-y: auto; background: var(--paper); border: 1px solid var(--line); box-shadow: 0 4px 18px #0003; display: none; z-index: 2; }
#hits a { display: block; padding: .35rem .8rem; border-bottom: 1px solid var(--line); color: var(--ink); } #hits a.on, #hits a:hover { background: var(--head); text-decoration: none; }
#hits b { color: var(--accent); font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-weight: 600; } #hits span { color: var(--soft); font-size: .88rem; }
@media (max-width: 50rem) { body { display: block; } nav { width: auto; height: auto; position: static; } #hits { left: 1rem; width: calc(100vw - 2rem); top: 4rem; } }
]]

-- All words must occur in the name or the sentence; names that begin with the text come first.
html.script = [[
(function () {
  var q = document.getElementById("q"), hits = document.getElementById("hits"), at = 0;
  function rank(e, words) {
    var name = e[0].toLowerCase(), all = name + " " + e[2].toLowerCase(), last = name.split(/[.:]/).pop(), score = 0;
    for (var i = 0; i < words.length; i++) {
      if (all.indexOf(words[i]) < 0) return -1;
      score += last === words[i] ? 100 : last.indexOf(words[i]) === 0 ? 50 : name.indexOf(words[i]) >= 0 ? 20 : 1;
    }
    return score - name.length / 100;
  }
  function show() {
    var words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
    hits.textContent = "";
    at = 0;
    if (!words.length) { hits.style.display = "none"; return; }
    var found = OROWAN_INDEX.map(function (e) { return [rank(e, words), e]; }).filter(function (r) { return r[0] >= 0; });
    found.sort(function (a, b) { return b[0] - a[0]; });
    found.slice(0, 40).forEach(function (r, i) {
      var a = document.createElement("a"), b = document.createElement("b"), s = document.createElement("span");
      a.href = r[1][1]; b.textContent = r[1][0]; s.textContent = "  " + r[1][2];
      a.appendChild(b); a.appendChild(s);
      if (i === 0) a.className = "on";
      hits.appendChild(a);
    });
    if (!found.length) { var none = document.createElement("a"); none.textContent = "nothing is called so"; hits.appendChild(none); }
    hits.style.display = "block";
  }
  q.addEventListener("input", show);
  q.addEventListener("keydown", function (e) {
    var list = hits.querySelectorAll("a");
    if (e.key === "Escape") { q.value = ""; show(); return; }
    if (e.key === "Enter" && list[at] && list[at].href) { location.href = list[at].href; hits.style.display = "none"; return; }
    if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
    e.preventDefault();
    if (list[at]) list[at].className = "";
    at = Math.max(0, Math.min(list.length - 1, at + (e.key === "ArrowDown" ? 1 : -1)));
    if (list[at]) { list[at].className = "on"; list[at].scrollIntoView({ block: "nearest" }); }
  });
  document.addEventListener("keydown", function (e) { if (e.key === "/" && document.activeElement !== q) { e.preventDefault(); q.focus(); } });
  document.addEventListener("click", function (e) { if (!hits.contains(e.target)) hits.style.display = "none"; });
})();
]]

return html
