--- How values are shown in a notebook: the bundle of their `__mime`, text otherwise. The table
--- that this module returns is the global `display` of a notebook:
---
--- `display(fig)` shows a value now; `local d = display(x); d:update(y)` replaces it in place.
--- `display.figures = "svg"` (or "png", "both") chooses how figures are drawn.
local core = require "orowan.core"
local sys = require "orowan.sys"
local show = require "orowan.repl.show"
local base64 = require("orowan.recipe.report").base64

local display = { figures = "png" }

local publish  -- function(type, content), set by the kernel
local ids = 0

local binary = { ["image/png"] = true, ["image/jpeg"] = true, ["image/gif"] = true, ["application/pdf"] = true }

-- ---- pictures -----------------------------------------------------------------------------

local Picture = { __name = "orowan.picture" }
Picture.__index = Picture
Picture.__tostring = function(self) return ("picture %s of %s"):format(self.shape, self.dtype) end
Picture.__mime = function(self) return { ["image/png"] = self.png } end

local function png_of(t)
  local dir = assert(sys.tmpdir "orowan-picture")
  local ok, err = pcall(require("orowan.io").write_png, dir .. "/p.png", t)
  local bytes = ok and sys.read_file(dir .. "/p.png")
  sys.remove_tree(dir)
  if not bytes then error(err, 0) end
  return bytes
end

--- A tensor as a picture.
---@param t orowan.tensor H x W (grey) or H x W x C (2: grey, alpha; 3: RGB; 4: RGBA); u8: 0..255, i32: 0..65535; other numbers are scaled linearly, their least to black and their largest to white (NaN: black)
---@return table picture that a notebook shows
function display.picture(t)
  if not core.tensor.is_tensor(t) then error("display.picture: expected a tensor, got a " .. type(t), 2) end
  local shape = t:shape()
  if not (#shape == 2 or #shape == 3 and shape[3] <= 4) then
    error(("display.picture: expected H x W or H x W x C with 1 to 4 channels, got %s"):format(table.concat(shape, " x ")), 2)
  end
  local dtype, shown = t:dtype(), t
  if dtype ~= "u8" and dtype ~= "i32" then
    local x = t:to "f64"
    local finite = x:isfinite()
    local lo, hi = core.index.where(finite, x, math.huge):min(), core.index.where(finite, x, -math.huge):max()
    if not (lo < hi) then lo, hi = math.min(lo, 0), math.min(lo, 0) + 1 end
    x = core.index.where(finite, (x - lo) * (255 / (hi - lo)), 0.0)
    shown = x:clip(0.0, 255.0):round():to "u8"
  end
  return setmetatable({ png = png_of(shown), shape = table.concat(shape, "x"), dtype = dtype }, Picture)
end

-- A tensor that can only be an image: as read from a PNG file, and large enough to look at.
local function is_image(v)
  if not core.tensor.is_tensor(v) or v:dtype() ~= "u8" then return false end
  local shape = v:shape()
  local colour = #shape == 3 and (shape[3] == 3 or shape[3] == 4)
  return (colour or #shape == 2) and shape[1] >= 16 and shape[2] >= 16
end

-- ---- bundles ------------------------------------------------------------------------------

local function mime_of(v)
  if is_image(v) then return { ["image/png"] = png_of(v) } end
  local mt = debug.getmetatable(v)
  local f = type(mt) == "table" and mt.__mime
  if not f then return nil end
  local wanted = display.figures
  return f(v, wanted ~= "both" and { wanted } or nil)
end

--- What a front end gets to show a value: MIME type -> text (bytes in base64).
---@param v any
---@return table<string, string> bundle always with text/plain
---@return boolean rich there is more than the text
function display.bundle(v)
  local ok, made = pcall(mime_of, v)
  if not ok and core.system.interrupted() then error(made, 0) end
  local bundle, rich = {}, false
  if ok and type(made) == "table" then
    for kind, data in pairs(made) do
      if type(kind) == "string" and type(data) == "string" then
        bundle[kind] = binary[kind] and base64(data) or data
        rich = rich or kind ~= "text/plain"
      end
    end
  end
  if not bundle["text/plain"] then
    local fine, text = pcall(show, v)
    if not fine and core.system.interrupted() then error(text, 0) end
    bundle["text/plain"] = fine and text or "<cannot be shown: " .. tostring(text) .. ">"
  end
  if not ok then bundle["text/plain"] = ("%s\n(not drawn: %s)"):format(bundle["text/plain"], tostring(made)) end
  return bundle, rich
end

-- ---- showing ------------------------------------------------------------------------------

---@class orowan.display
local Shown = { __name = "orowan.display" }
Shown.__index = Shown
Shown.__tostring = function(self) return "display " .. self.id end

--- Shows another value in the place of the first.
---@param v any
---@return table self
function Shown:update(v)
  publish("update_display_data", { data = (display.bundle(v)), metadata = {}, transient = { display_id = self.id } })
  return self
end

--- Shows a value now, between the lines that a cell prints.
---@param v any
---@return table shown with :update(v)
function display.show(v)
  if not publish then error("display: only a notebook can show values; elsewhere use print or fig:save", 2) end
  ids = ids + 1
  local shown = setmetatable({ id = ("orowan-%d-%d"):format(sys.getpid(), ids) }, Shown)
  publish("display_data", { data = (display.bundle(v)), metadata = {}, transient = { display_id = shown.id } })
  return shown
end

local Text = { __name = "orowan.text" }
Text.__tostring = function(self) return self.text end
Text.__mime = function(self) return { [self.kind] = self.text, ["text/plain"] = self.text } end

--- Text that a notebook renders: `display(display.html "<b>bold</b>")`.
---@param text string
---@return table value
function display.html(text) return setmetatable({ kind = "text/html", text = tostring(text) }, Text) end

--- Markdown, with formulas in dollars.
---@param text string
---@return table value
function display.markdown(text) return setmetatable({ kind = "text/markdown", text = tostring(text) }, Text) end

--- Clears the output of the running cell.
---@param wait boolean? only when the next output comes (no flicker)
function display.clear(wait)
  if publish then publish("clear_output", { wait = wait and true or false }) end
end

--- Called by the kernel: how messages go out.
---@param f function?
function display.connect(f) publish = f end

-- ---- progress -----------------------------------------------------------------------------

-- orowan.progress draws on a terminal of one line: "\r\27[K" .. bar, and last a line with its
-- end. Here the line is a display that is updated; nothing is shown for what is quickly done,
-- and what is done without a last word leaves an empty line, not a bar at 90 %.
local FIRST = 0.3

--- A stream for orowan.progress.
---@return table stream with :write(...), :flush() and :finish(ok), for the end of a cell
function display.progress_stream()
  local line, shown, since = nil, nil, nil
  local stream = {}
  local function put(text)
    local value = setmetatable({ text = text }, { __tostring = function(self) return self.text end })
    if shown then shown:update(value) else shown = display.show(value) end
  end
  function stream:write(...)
    local text = table.concat { ... }
    if text:sub(1, 4) == "\r\27[K" then
      line = text:sub(5)
      if line ~= "" then
        since = since or sys.clock()
        if shown or sys.clock() - since >= FIRST then put(line) end
      end
    elseif text:match ", took [^\n]*\n$" then
      put((text:gsub("\n$", "")))
      stream:forget()
    else
      io.stderr:write(text)
    end
    return self
  end
  function stream:flush() return self end
  function stream:forget() line, shown, since = nil, nil, nil end
  function stream:finish(ok)
    if shown and ok then put "" end
    self:forget()
  end
  return stream
end

return setmetatable(display, { __call = function(_, v) return display.show(v) end })
