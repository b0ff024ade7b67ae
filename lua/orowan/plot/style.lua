--- Looks: colours that survive colour blindness and grey print, palettes, and text that can
--- neither run a command nor break a label.
local style = {}

--- Okabe and Ito's colours (Color Universal Design, 2008), strongest first.
style.cycle = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D1F" }

local names = {
  blue = "#0072B2", red = "#D55E00", vermillion = "#D55E00", green = "#009E73", purple = "#CC79A7", pink = "#CC79A7",
  orange = "#E69F00", sky = "#56B4E9", black = "#000000", yellow = "#F0E442", grey = "#808080", gray = "#808080",
  lightgrey = "#C0C0C0", darkgrey = "#404040", white = "#FFFFFF",
}

--- Palettes as evenly spaced anchors: viridis, cividis, magma (van der Walt, Smith, Firing),
--- RdBu (ColorBrewer), grey.
style.palettes = {
  viridis = { "#440154", "#481A6C", "#472F7D", "#414487", "#39568C", "#31688E", "#2A788E", "#23888E", "#1F988B",
    "#22A884", "#35B779", "#54C568", "#7AD151", "#A5DB36", "#D2E21B", "#FDE725" },
  cividis = { "#00204D", "#00336F", "#39486B", "#575C6D", "#707173", "#8A8779", "#A69D75", "#C4B56C", "#E4CF5B", "#FFEA46" },
  magma = { "#000004", "#180F3E", "#451077", "#721F81", "#9F2F7F", "#CD4071", "#F1605D", "#FD9567", "#FEC98D", "#FCFDBF" },
  diverging = { "#053061", "#2166AC", "#4393C3", "#92C5DE", "#D1E5F0", "#F7F7F7", "#FDDBC7", "#F4A582", "#D6604D", "#B2182B", "#67001F" },
  grey = { "#000000", "#FFFFFF" },
}
style.palettes.gray = style.palettes.grey

--- "#rrggbb" of a colour given by name, by "#rrggbb" or by its number in the cycle.
---@param fn string for messages
---@param c string|integer
---@return string
function style.colour(fn, c)
  if math.type(c) == "integer" then return style.cycle[(c - 1) % #style.cycle + 1] end
  if type(c) == "string" then
    if c:match "^#%x%x%x%x%x%x$" then return c end
    if names[c] then return names[c] end
  end
  error(("%s: color: expected \"#rrggbb\", a number of the cycle, or one of blue red green purple orange sky black yellow grey, got %s")
    :format(fn, type(c) == "string" and '"' .. c .. '"' or tostring(c)), 0)
end

--- gnuplot's colour with opacity.
---@param hex string "#rrggbb"
---@param alpha? number 1 opaque .. 0 invisible
---@return string
function style.rgb(hex, alpha)
  if not alpha or alpha >= 1 then return ('rgb "%s"'):format(hex) end
  return ('rgb "#%02x%s"'):format(math.floor(255 * (1 - math.max(alpha, 0)) + 0.5), hex:sub(2))
end

--- gnuplot's palette command.
---@param fn string
---@param name string of style.palettes, with "_r" appended: reversed
---@return string
function style.palette(fn, name)
  local reverse = type(name) == "string" and name:match "^(.*)_r$"
  local anchors = style.palettes[reverse or name]
  if not anchors then
    error(("%s: palette: expected viridis, cividis, magma, diverging or grey (with _r: reversed), got %s"):format(fn, tostring(name)), 0)
  end
  local parts = {}
  for i = 1, #anchors do
    parts[i] = ('%d "%s"'):format(i - 1, anchors[reverse and #anchors + 1 - i or i])
  end
  return "set palette defined (" .. table.concat(parts, ", ") .. ")"
end

-- ---- text ----------------------------------------------------------------------------------
-- Everything but plain letters goes as an octal escape, so no quote, backtick, @ or newline
-- of the user's is ever seen by gnuplot's parser.

local function octal(s)
  -- with the digits behind it: gnuplot reads on after three
  return (s:gsub("[^%w ,.:;()/=+%-]%d*", function(run)
    return (run:gsub(".", function(c) return ("\\%03o"):format(c:byte()) end))
  end))
end

-- Characters that its enhanced text gives a meaning get a backslash in front.
local function literal(s) return (s:gsub("[\\{}^_@&~]", "\\%0")) end

local function printable(s)
  s = s:gsub("[\0-\9\11-\31\127]", " ")
  if not utf8.len(s) then s = s:gsub("[\128-\255]", "?") end
  return s
end

-- Our markup: ^x ^{...} _x _{...}; anything else is literal. Braces that do not close are too.
local function marked(s)
  local out, i = {}, 1
  while i <= #s do
    local from = s:find("[%^_]", i)
    if not from then break end
    out[#out + 1] = literal(s:sub(i, from - 1))
    local mark, body, next_i = s:sub(from, from), nil, nil
    if s:sub(from + 1, from + 1) == "{" then
      local close = s:match("^%b{}()", from + 1)
      if close then body, next_i = s:sub(from + 2, close - 2), close end
    else
      local char, after = s:match("^([\0-\127\194-\253][\128-\191]*)()", from + 1)
      if char and not char:match "[%s%^_}]" then body, next_i = char, after end
    end
    if body then
      out[#out + 1] = mark .. "{" .. marked(body) .. "}"
      i = next_i
    else
      out[#out + 1] = literal(mark)
      i = from + 1
    end
  end
  out[#out + 1] = literal(s:sub(i))
  return table.concat(out)
end

--- A gnuplot string of the user's text.
---@param s any
---@param markup? boolean understand ^{...} and _{...}
---@param bold? boolean
---@return string quoted
function style.text(s, markup, bold)
  s = printable(tostring(s))
  s = markup and marked(s) or literal(s)
  if bold then s = "{/:Bold " .. s .. "}" end
  return '"' .. octal(s) .. '"'
end

--- A quoted tick label: gnuplot reads % in it as a format.
---@param s any
---@param markup? boolean
---@return string quoted
function style.tick(s, markup)
  s = printable(tostring(s))
  return '"' .. octal(((markup and marked(s) or literal(s)):gsub("%%", "%%%%"))) .. '"'
end

--- Rough width of a text in units of its font size (Liberation Sans averages).
---@param s string
---@param markup? boolean
---@return number ems of the longest line
---@return integer lines
function style.width(s, markup)
  local widest, lines = 0, 0
  s = tostring(s)
  if markup then s = s:gsub("[%^_](%b{})", function(t) return t:sub(2, math.ceil(#t * 0.7)) end) end
  for line in (s .. "\n"):gmatch "(.-)\n" do
    local w = 0
    for c in line:gmatch "[\0-\127\194-\253][\128-\191]*" do
      w = w + (c:match "[%.,:;'il|!jtf%(%)%[%] ]" and 0.32 or c:match "[mwMW@%%]" and 0.88 or c:match "%u" and 0.68 or 0.55)
    end
    widest, lines = math.max(widest, w), lines + 1
  end
  return widest, lines
end

return style
