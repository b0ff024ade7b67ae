--- Pooling, resizing and sampling over 1 to 3 spatial axes.
local check = require "orowan.nn.check"
local math_ = require "orowan.nn.functional.math"
local shape = require "orowan.nn.functional.shape"
local tape = require "orowan.nn.tape"
local value, record, run, fail = tape.value, tape.record, check.run, check.fail

local F = {}

local function spatial(who, t)
  local rank = t:ndim() - 2
  if rank < 1 or rank > 3 then fail(who, "expected N x C x 1 to 3 spatial axes, got %s", check.shape_text(t)) end
  return rank, { table.unpack(t:shape(), 3) }
end

local function window(who, t, kernel, o)
  local rank, size = spatial(who, t)
  local p = { kernel = check.per_axis(who, "kernel", kernel, nil, rank, 1), size = size }
  p.stride = check.per_axis(who, "stride", o.stride, p.kernel, rank, 1)
  p.padding = check.per_axis(who, "padding", o.padding, 0, rank, 0)
  for d = 1, rank do
    if 2 * p.padding[d] > p.kernel[d] then fail(who, "padding: expected at most half the kernel (%d), got %d", p.kernel[d], p.padding[d]) end
    if size[d] + 2 * p.padding[d] < p.kernel[d] then
      fail(who, "kernel %d is larger than spatial axis %d of the input %s", p.kernel[d], d, check.shape_text(t))
    end
  end
  return p
end

local function params(p, names)
  local q = {}
  for _, n in ipairs(names) do q[n] = p[n] end
  return q
end

--- Largest value of each window; the first of equal ones takes the gradient.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param kernel integer|integer[]
---@param options? {stride: integer|integer[], padding: integer|integer[]} stride default: the kernel
---@return orowan.variable y [N, C, *T], T = floor((S + 2 padding - K) / stride) + 1
function F.max_pool(x, kernel, options)
  local o = options or {}
  local who, t = o.who or "max_pool", value(x)
  local p = window(who, t, kernel, o)
  local y, at = run(who, "max_pool", t, params(p, { "kernel", "stride", "padding" }))
  return record("max_pool", y, { x }, function(dy) return run(who, "max_pool_grad", dy, at, { size = p.size }) end, true)
end

--- Mean of each window.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param kernel integer|integer[]
---@param options? {stride: integer|integer[], padding: integer|integer[], count_padding: boolean} count_padding: zeros outside count (default true)
---@return orowan.variable y [N, C, *T]
function F.avg_pool(x, kernel, options)
  local o = options or {}
  local who, t = o.who or "avg_pool", value(x)
  local p = window(who, t, kernel, o)
  p.count_padding = o.count_padding == false and 0 or 1
  local y = run(who, "avg_pool", t, params(p, { "kernel", "stride", "padding", "count_padding" }))
  return record("avg_pool", y, { x }, function(dy) return run(who, "avg_pool_grad", dy, p) end, true)
end

--- Mean over all positions of each channel.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param options? table
---@return orowan.variable y [N, C]
function F.global_avg_pool(x, options)
  local rank = spatial(options and options.who or "global_avg_pool", value(x))
  return math_.mean(x, { table.unpack({ 3, 4, 5 }, 1, rank) })
end

--- Largest value over all positions of each channel.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param options? table
---@return orowan.variable y [N, C]
function F.global_max_pool(x, options)
  local t = value(x)
  local _, size = spatial(options and options.who or "global_max_pool", t)
  return shape.reshape(F.max_pool(x, size, options), { t:shape(1), t:shape(2) })
end

local modes = { nearest = "nearest", linear = "linear", bilinear = "linear", trilinear = "linear" }

--- Other extents, by the nearest value or (bi-, tri-)linear interpolation.
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param options {scale: integer|integer[], size: integer|integer[], mode: string, align_corners: boolean} size or scale; mode "nearest" (default), "linear", "bilinear", "trilinear"; align_corners: the corner points stay where they are (default false: the edges do)
---@return orowan.variable y [N, C, *T]
function F.upsample(x, options)
  local o = options or {}
  local who, t = o.who or "upsample", value(x)
  local rank, size = spatial(who, t)
  local mode = modes[o.mode or "nearest"]
  if not mode then fail(who, "mode: expected nearest, linear, bilinear or trilinear, got %s", tostring(o.mode)) end
  local target = o.size and check.per_axis(who, "size", o.size, nil, rank, 1)
  if not target then
    if o.scale == nil then fail(who, "expected a size or a scale, got none") end
    target = check.per_axis(who, "scale", o.scale, nil, rank, 1)
    for d = 1, rank do target[d] = target[d] * size[d] end
  end
  local align = o.align_corners and 1 or 0
  local y = run(who, "resize", t, { size = target, mode = mode, align_corners = align })
  return record("upsample", y, { x }, function(dy)
    return run(who, "resize_grad", dy, { size = size, mode = mode, align_corners = align })
  end, true)
end

--- Values of x at given places (Jaderberg et al. 2015; PyTorch's convention: the last axis of the
--- grid is x, y (, z) in [-1, 1] over the extents, x along the last axis).
---@param x orowan.variable|orowan.tensor [N, C, *S]
---@param grid orowan.variable|orowan.tensor [N, *T, rank]
---@param options? {mode: string, padding: string, align_corners: boolean} mode "linear" (default) or "nearest"; padding "zeros" (default), "border" or "reflection"
---@return orowan.variable y [N, C, *T]
function F.grid_sample(x, grid, options)
  local o = options or {}
  local who, t, at = o.who or "grid_sample", value(x), value(grid)
  local p = { mode = modes[o.mode or "linear"], padding = o.padding, align_corners = o.align_corners and 1 or 0 }
  return record("grid_sample", run(who, "grid_sample", t, at, p), { x, grid }, function(dy, need)
    local q = { mode = p.mode, padding = p.padding, align_corners = p.align_corners }
    if not need[2] then q.out = { nil, false } end
    return run(who, "grid_sample_grad", t, at, dy, q)
  end, true)
end

--- Features of boxes, by bilinear sampling without rounding (He et al. 2017).
---@param x orowan.variable|orowan.tensor [N, C, H, W]
---@param boxes orowan.tensor [R, 4]: x1, y1, x2, y2, pixels before `scale`
---@param batch orowan.tensor|table [R] the sample of each box, from 1
---@param options {height: integer, width: integer, scale: number, sampling: integer, aligned: boolean} output extents; scale default 1; sampling: points per bin and axis, 0: as many as pixels; aligned: half-pixel shift (default true)
---@return orowan.variable y [R, C, height, width]
function F.roi_align(x, boxes, batch, options)
  local o = options or {}
  local who, t = o.who or "roi_align", value(x)
  local aligned = o.aligned ~= false and 1 or 0
  boxes, batch = value(boxes), check.index(who, "batch", value(batch))
  if boxes:dtype() ~= t:dtype() then boxes = boxes:to(t:dtype()) end
  local p = { height = o.height, width = o.width, scale = o.scale, sampling = o.sampling, aligned = aligned }
  return record("roi_align", run(who, "roi_align", t, boxes, batch, p), { x }, function(dy)
    return run(who, "roi_align_grad", dy, boxes, batch, {
      scale = o.scale, sampling = o.sampling, aligned = aligned,
      batches = t:shape(1), height_in = t:shape(3), width_in = t:shape(4),
    })
  end, true)
end

return F
