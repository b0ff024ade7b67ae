--- Convolution layers, forward and both gradients, against the machine's multiply-add peak and
--- PyTorch, all measured in this run: ours, theirs, ours, and the best of each. GFLOP/s count the
--- multiplications of the direct sum, also for Winograd's way, which does fewer: it may pass the peak.
--- `orowan bench conv`, or `lua5.4 spec/bench/conv.lua [LAYER ...]`. OROWAN_PYTHON names a Python that
--- has PyTorch (default: python3); without one the ratios are left out.
local ow = require "orowan"
local sys = require "orowan.sys"
local nn, peak = ow.core.nn, ow.core.peak

-- name, batch, in, out, extents, kernel, stride, padding, dilation, groups
local layers = {
  { "3-D 60>60 3x3x3 at 32^3", 8, 60, 60, { 32, 32, 32 }, 3 },
  { "3-D 60>60 3x3x3 at 16^3", 8, 60, 60, { 16, 16, 16 }, 3 },
  { "3-D 60>60 3x3x3 at 8^3", 8, 60, 60, { 8, 8, 8 }, 3 },
  { "3-D 60>60 3x3x3 at 4^3", 8, 60, 60, { 4, 4, 4 }, 3 },
  { "3-D 3>60 3x3x3 at 32^3", 8, 3, 60, { 32, 32, 32 }, 3 },
  { "2-D 64>64 3x3 at 128^2", 4, 64, 64, { 128, 128 }, 3 },
  { "2-D 32>32 3x3 at 256^2", 2, 32, 32, { 256, 256 }, 3 },
  { "2-D 1>32 3x3 at 512^2", 2, 1, 32, { 512, 512 }, 3 },
  { "2-D 64>128 3x3 stride 2 at 128^2", 4, 64, 128, { 128, 128 }, 3, 2 },
  { "2-D 64>64 3x3 dilation 2 at 128^2", 4, 64, 64, { 128, 128 }, 3, 1, 2, 2 },
  { "2-D 64>128 1x1 at 64^2", 4, 64, 128, { 64, 64 }, 1, 1, 0 },
  { "2-D 64>64 3x3 depthwise at 128^2", 4, 64, 64, { 128, 128 }, 3, 1, 1, 1, 64 },
  { "2-D 32>64 2x2 stride 2 at 128^2", 4, 32, 64, { 128, 128 }, 2, 2, 0 },
  { "1-D 64>64 5 at 4096", 4, 64, 64, { 4096 }, 5, 1, 2 },
}
local passes = { "forward", "grad_input", "grad_weight" }

local function best(f, total)
  local fastest, start, calls = math.huge, sys.clock(), 0
  repeat
    local t = sys.clock()
    f()
    fastest = math.min(fastest, sys.clock() - t)
    calls = calls + 1
  until calls >= 2 and sys.clock() - start > total
  return fastest
end

-- The other program, or nil and why not.
local function open_peer(dir)
  local python = os.getenv "OROWAN_PYTHON" or "python3"
  local p = sys.spawn({ python, dir .. "/peer_conv.py" }, { stderr = "null" })
  local version = p and p:read_line(120)
  if not version or version == "absent" then
    return nil, ("no PyTorch in %s: set OROWAN_PYTHON to a Python that has it"):format(python)
  end
  return p, version
end

local function ask(peer, c, seconds)
  assert(peer:write(("%d %d %d %d %d %d %d %d %s %s %g\n"):format(c.n, c.cin, c.cout, c.stride, c.padding, c.dilation,
    c.groups, ow.core.system.threads(), table.concat(c.size, ","), table.concat(c.kernel, ","), seconds)))
  local t = {}
  for word in assert(peer:read_line(600), "PyTorch's side ended"):gmatch "%S+" do t[#t + 1] = tonumber(word) end
  return t
end

local function prepare(l)
  local c = { n = l[2], cin = l[3], cout = l[4], size = l[5], stride = l[7] or 1, padding = l[8] or 1, dilation = l[9] or 1,
    groups = l[10] or 1, kernel = {} }
  local xs, ws = { c.n, c.cin }, { c.cout, c.cin // c.groups }
  for a, s in ipairs(c.size) do
    c.kernel[a] = l[6]
    xs[2 + a], ws[2 + a] = s, l[6]
  end
  local x, w = ow.random.normal(xs):to "f32", ow.random.normal(ws):to "f32"
  local function options(method, out)
    return { stride = c.stride, padding = c.padding, dilation = c.dilation, groups = c.groups, size = c.size,
      kernel = c.kernel, method = method, out = out }
  end
  local y = nn.conv(x, w, nil, options())
  local dy, dx, dw = ow.random.normal(y:shape()):to "f32", ow.zeros(xs, "f32"), ow.zeros(ws, "f32")
  c.flops = 2 * y:numel() * (c.cin // c.groups) * l[6] ^ #c.size
  -- times of the three passes
  function c.times(method, seconds)
    local f, i, g = options(method, { y }), options(method, { dx }), options(method, { dw, false })
    return { best(function() nn.conv(x, w, nil, f) end, seconds), best(function() nn.conv_grad_input(dy, w, i) end, seconds),
      best(function() nn.conv_grad_weight(x, dy, g) end, seconds) }
  end
  function c.has(method) return (pcall(nn.conv, x, w, nil, options(method))) end
  -- Which methods serve the passes: the choice shows in the bits.
  function c.chosen(methods)
    local function all(method)
      return { nn.conv(x, w, nil, options(method)), nn.conv_grad_input(dy, w, options(method)),
        (nn.conv_grad_weight(x, dy, options(method))) }
    end
    local auto, names = all(), {}
    for _, m in ipairs(methods) do
      for i, t in ipairs(all(m)) do
        if not names[i] and (t - auto[i]):abs():max() == 0 then names[i] = m end
      end
    end
    return names
  end
  return c
end

local function fold(into, t)
  for i, v in ipairs(t) do into[i] = math.min(into[i] or math.huge, v) end
end

local function run(report, only)
  local dir = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "spec/bench"
  local peer, version = open_peer(dir)
  if not peer then print("  " .. version) end
  local seconds = 0.15
  for _, l in ipairs(layers) do
    if not only or l[1]:find(only, 1, true) then
      local c = prepare(l)
      local methods = c.has "winograd" and { "direct", "winograd" } or { "direct" }
      local ours, theirs, top, chosen = {}, {}, 0, c.chosen(methods)
      for round = 1, 3 do
        top = math.max(top, peak.mul_add "f32")
        for _, m in ipairs(methods) do
          ours[m] = ours[m] or {}
          fold(ours[m], c.times(m, seconds))
        end
        if peer and round < 3 then fold(theirs, ask(peer, c, seconds)) end
      end
      for i, pass in ipairs(passes) do
        for _, m in ipairs(methods) do
          local rate = c.flops / ours[m][i]
          report(("%s %s, %s"):format(l[1], pass, m), rate * 1e-9, "GFLOP/s", { peak_fraction = rate / top,
            peer = peer and ("%s (%.0f GFLOP/s)"):format(version, c.flops / theirs[i] * 1e-9) or nil,
            ratio = peer and theirs[i] / ours[m][i] or nil, note = chosen[i] == m and "chosen" or nil })
        end
      end
    end
  end
  if peer then
    peer:close_input()
    peer:close()
  end
end

if arg and arg[0] and arg[0]:match "conv%.lua$" then
  for _, only in ipairs(arg[1] and arg or { false }) do
    run(function(name, value, unit, more)
      print(("%-58s %8.4g %-8s %4.0f %%  %s  %s"):format(name, value, unit, 100 * more.peak_fraction,
        more.ratio and ("%.2fx %s"):format(more.ratio, more.peer) or "", more.note or ""))
    end, only or nil)
  end
end
return run
