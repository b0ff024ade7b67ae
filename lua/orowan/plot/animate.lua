--- Animations: frames drawn by gnuplot as PNG, joined by ffmpeg. A GIF can also do without
--- ffmpeg: gnuplot then writes it itself, a little coarser.
local failure = require "orowan.failure"
local gnuplot = require "orowan.plot.gnuplot"
local sys = require "orowan.sys"

local batch = 20  -- frames for one gnuplot process: bounds its memory and how late an interrupt is seen

local function fail(fmt, ...) error("plot.animate: " .. fmt:format(...), 0) end

-- The frames as an iterator, each checked against the first one's size.
local function frames_of(frames, count)
  local i, w, h = 0, nil, nil
  return function()
    i = i + 1
    if count and i > count then return nil end
    local fig
    if type(frames) == "function" then fig = frames(i) else fig = frames[i] end
    if fig == nil then return nil end
    if type(fig) ~= "table" or not fig.axes_list then fail("frame %d: expected a figure, got %s", i, type(fig)) end
    if not w then w, h = fig.width, fig.height end
    if fig.width ~= w or fig.height ~= h then
      fail("frame %d is %dx%d px, the first is %dx%d: all frames need one size", i, fig.width, fig.height, w, h)
    end
    return fig
  end
end

local encoders = {
  mp4 = { "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-movflags", "+faststart" },
  gif = { "-filter_complex", "split[a][b];[a]palettegen=stats_mode=full[p];[b][p]paletteuse=dither=sierra2_4a", "-loop", "0" },
}

local function encode(dir, kind, fps, timeout)
  local out = "out." .. kind
  local argv = { "ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-framerate", ("%.6g"):format(fps), "-i", "f%06d.png" }
  table.move(encoders[kind], 1, #encoders[kind], #argv + 1, argv)
  for _, a in ipairs { "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", out } do argv[#argv + 1] = a end
  local r, err = sys.run(argv, { cwd = dir, timeout = timeout })
  if not r then
    if err.code == "missing" then
      return nil, failure("missing", "plot.animate: ffmpeg was not found", "install it: apt-get install ffmpeg; or save a .gif, which does without")
    end
    return nil, err
  end
  if r.timed_out then return nil, failure("io", ("plot.animate: ffmpeg was stopped after %g s"):format(timeout)) end
  if r.status ~= 0 then
    return nil, failure("io", "plot.animate: ffmpeg: " .. (r.stderr:gsub("%s+", " "):sub(1, 500)))
  end
  return sys.read_file(dir .. "/" .. out)
end

--- Writes an animation, atomically.
---@param frames orowan.figure[]|fun(i: integer): orowan.figure? figures of one size; a function is called with 1, 2, ... until it returns nil
---@param path string ending in .gif or .mp4
---@param o? {fps: number, frames: integer, scale: number, timeout: number} fps (10); frames: at most so many; scale: pixels per px; timeout: s for each program run (600)
---@return boolean? ok
---@return table? err gnuplot's or ffmpeg's message, or what to install
return function(frames, path, o)
  o = o or {}
  for k in pairs(o) do
    if k ~= "fps" and k ~= "frames" and k ~= "scale" and k ~= "timeout" then fail("no option %q (there are: fps frames scale timeout)", tostring(k)) end
  end
  local fps, timeout, scale = o.fps or 10, o.timeout or 600, o.scale or 1
  if type(frames) ~= "function" and type(frames) ~= "table" then fail("frames: expected a list of figures or a function, got %s", type(frames)) end
  if type(fps) ~= "number" or not (fps > 0 and fps <= 240) then fail("fps: expected a number above 0 and at most 240, got %s", tostring(fps)) end
  if type(scale) ~= "number" or not (scale >= 0.1 and scale <= 10) then fail("scale: expected a number from 0.1 to 10, got %s", tostring(scale)) end
  local kind = type(path) == "string" and path:lower():match "%.(%w+)$"
  if kind ~= "gif" and kind ~= "mp4" then fail("path: expected a name ending in .gif or .mp4, got %s", tostring(path)) end
  local own_gif = kind == "gif" and not sys.which "ffmpeg"
  if kind == "mp4" and not sys.which "ffmpeg" then return encode("/", kind, fps, 1) end  -- before the frames are drawn

  local dir, err = sys.tmpdir "orowan-film"
  if not dir then return nil, err end
  local cleanup <close> = setmetatable({}, { __close = function() sys.remove_tree(dir) end })
  local total, list, names = 0, {}, {}
  local function flush()
    if #list == 0 then return true end
    local script, data = gnuplot.script(list, "png", names, scale)
    local ok, why = gnuplot.run(dir, script, data, timeout)
    list, names = {}, {}
    return ok, why
  end
  for fig in frames_of(frames, o.frames) do
    total = total + 1
    list[#list + 1], names[#names + 1] = fig, ("f%06d.png"):format(total)
    if #list == batch and not own_gif then
      local ok, why = flush()
      if not ok then return nil, why end
    end
  end
  if total == 0 then fail("frames: there are none") end
  local bytes
  if own_gif then
    local script, data = gnuplot.script(list, "gif", {}, scale, fps)
    local ok, why = gnuplot.run(dir, script, data, timeout)
    if not ok then return nil, why end
    bytes, err = sys.read_file(dir .. "/out.gif")
  else
    local ok, why = flush()
    if not ok then return nil, why end
    bytes, err = encode(dir, kind, fps, timeout)
  end
  if not bytes then return nil, err end
  return sys.write_atomic(path, bytes)
end
