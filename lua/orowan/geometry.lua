--- Neighbours among points in space: exact k nearest, all within a radius, counts; sums over pairs.
---
--- Points are rows (x, y, z) of an N x 3 tensor (f32 or f64; others become f64) in any unit of
--- length; distances come out in that unit and dtype. Points are sorted into a balanced k-d
--- tree with 16 points a leaf (Bentley, CACM 18, 509, 1975).
---
--- Box. nil: open space. {Lx, Ly, Lz}: periodic with these lengths. Three vectors
--- {{ax, ay, az}, {bx, by, bz}, {cx, cy, cz}} (or a 3 x 3 tensor, rows are vectors): periodic,
--- any skew. A field `periodic = {true, true, false}` of the table keeps axes open. Points need
--- not lie inside. A periodic box stands for the infinite crystal: every image of a point is a
--- neighbour (with the point's id), so a radius beyond half the box and k beyond N are right;
--- leaving out the point itself does not leave out its images.
---
--- Order and rounding. Neighbours come by distance, equal distances by id. Distances are
--- compared as computed: squared, in the points' dtype, positions first wrapped into the box;
--- `within` takes d^2 <= r^2 in that dtype. Results are the same bits at any number of threads
--- and instruction set, and on a device.
---
--- Devices. With `device = "opencl:0"`, or points that lie on a device, `knn` runs there (k up to 64)
--- and its results lie there. The tree is built on the host, points on a device are read back for
--- that; it is copied to the device once, with the first search of a `cells` object.
local core = require("orowan.core").neighbours
local make = require("orowan.core").tensor.tensor
local is_tensor = require("orowan.core").tensor.is_tensor
local suggest = require "orowan.suggest"

local geometry = {}

local function fail(fn, message, ...)
  error(("geometry.%s: " .. message):format(fn, ...), 0)
end

local function check(fn, options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then fail(fn, "options: expected a table, got %s", type(options)) end
  for name in pairs(options) do
    local found = false
    for _, k in ipairs(known) do found = found or k == name end
    if not found then fail(fn, "unknown option '%s'%s", tostring(name), suggest.hint(tostring(name), known, "options")) end
  end
  return options
end

local function three(fn, what, list)
  if #list ~= 3 then fail(fn, "%s: expected 3 entries, got %d", what, #list) end
  for i = 1, 3 do
    if type(list[i]) ~= "number" then fail(fn, "%s: entry %d: expected a number, got %s", what, i, type(list[i])) end
  end
end

-- Box as the user wrote it -> 3 x 3 vectors, {p, p, p}; nil for open space.
local function read_box(fn, box)
  if box == nil then return nil end
  local periodic = { true, true, true }
  if is_tensor(box) then
    box = box:totable()
  elseif type(box) ~= "table" then
    fail(fn, "box: expected {Lx, Ly, Lz} or three vectors, got %s", type(box))
  end
  for name in pairs(box) do
    if type(name) ~= "number" and name ~= "periodic" then fail(fn, "box: unknown field '%s'; there is 'periodic'", tostring(name)) end
  end
  if box.periodic ~= nil then
    if type(box.periodic) ~= "table" or #box.periodic ~= 3 then fail(fn, "box.periodic: expected three booleans") end
    for i = 1, 3 do
      if type(box.periodic[i]) ~= "boolean" then fail(fn, "box.periodic: entry %d: expected a boolean, got %s", i, type(box.periodic[i])) end
      periodic[i] = box.periodic[i]
    end
  end
  local rows = {}
  if type(box[1]) == "table" then
    if #box ~= 3 then fail(fn, "box: expected 3 vectors, got %d", #box) end
    for i = 1, 3 do
      if type(box[i]) ~= "table" then fail(fn, "box: entry %d: expected a vector, got %s", i, type(box[i])) end
      three(fn, ("box vector %d"):format(i), box[i])
      rows[i] = { box[i][1], box[i][2], box[i][3] }
    end
  else
    three(fn, "box", box)
    for i = 1, 3 do
      if not (box[i] > 0 and box[i] < math.huge) then fail(fn, "box: length %d is %g; expected a finite length above 0", i, box[i]) end
      rows[i] = { 0, 0, 0 }
      rows[i][i] = box[i]
    end
  end
  if not (periodic[1] or periodic[2] or periodic[3]) then return nil end
  return make(rows, "f64"), periodic
end

---@class orowan.cells
---@field private handle userdata
---@field private device string?
local cells = {}
cells.__index = cells
cells.__name = "orowan.cells"

local search_options = { "queries", "self", "exclude", "labels", "reference" }
local knn_options = { "queries", "self", "exclude", "labels", "reference", "device" }
local search_and_box = { "queries", "self", "exclude", "labels", "reference", "box" }
local knn_and_box = { "queries", "self", "exclude", "labels", "reference", "box", "device" }

-- The tensor on the host, and the device where it lay.
local function on_host(t)
  if not is_tensor(t) or t:device() == "cpu" then return t, nil end
  return t:to "cpu", t:device()
end

local function search(o, device)
  return { queries = on_host(o.queries), leave_self = not o.self, exclude = on_host(o.exclude), labels = on_host(o.labels),
    reference = o.reference, device = o.device or device }
end

--- Points sorted once for many searches.
--- Methods as the functions of this module, without points and box: `cells:knn(k, options)`,
--- `cells:within(radius, options)`, `cells:count_within(radius, options)`; `cells:order()`: ids in
--- the tree's order, in which neighbours in space are near each other in memory (i64 [N]);
--- `cells:info()`: {points, bytes, dtype}; `cells:close()` frees the memory at once.
--- Errors: shapes; a coordinate that is not finite (its row is named); a flat box.
---@param points orowan.tensor N x 3 coordinates (copied)
---@param options table? box: see above
---@return orowan.cells cells
function geometry.cells(points, options)
  local o = check("cells", options, { "box" })
  local m, periodic = read_box("cells", o.box)
  local host, device = on_host(points)
  return setmetatable({ handle = core.cells(host, m, periodic, "geometry.cells"), device = device }, cells)
end

--- The k nearest neighbours of each query.
---@param k integer 1 or more; without a periodic box at most N (N - 1 when points are left out)
---@param options table? queries: M x 3 (default: the points themselves); self: count a point as its own neighbour (false; only without queries); exclude: i64 [M], per query the point to leave out, 0: none; labels: i64 [N], increasing, written in place of ids; reference: the plain double loop; device: "opencl:0" searches there (k up to 64; a periodic box must be wider than the neighbours' distance)
---@return orowan.tensor ids i64 [M, k]
---@return orowan.tensor distances [M, k] of the points' dtype
function cells:knn(k, options)
  return self.handle:knn(k, search(check("knn", options, knn_options), self.device), "geometry.knn")
end

--- All neighbours within a radius of each query.
---@param radius number 0 or more, inclusive
---@param options table? as `cells:knn`
---@return orowan.tensor offsets i64 [M + 1]: neighbours of query i are entries offsets[i] + 1 to offsets[i + 1]
---@return orowan.tensor ids i64, by query, then distance, then id
---@return orowan.tensor distances of the points' dtype
function cells:within(radius, options)
  return self.handle:within(radius, search(check("within", options, search_options)), "geometry.within")
end

--- Number of neighbours within a radius of each query.
---@param radius number 0 or more, inclusive
---@param options table? as `cells:knn`
---@return orowan.tensor counts i64 [M]
function cells:count_within(radius, options)
  return self.handle:count_within(radius, search(check("count_within", options, search_options)), "geometry.count_within")
end

--- Ids in the tree's order.
---@return orowan.tensor ids i64 [N]
function cells:order() return self.handle:order() end

--- What the tree holds.
---@return table info points: number; bytes: memory of the tree; dtype
function cells:info() return self.handle:info() end

--- Frees the memory; later searches raise.
function cells:close() self.handle:close() end
cells.__close = cells.close

function cells:__tostring()
  local ok, i = pcall(self.info, self)
  return ok and ("cells: %d points, %s"):format(i.points, i.dtype) or "cells: closed"
end

local function once(fn, points, options, known)
  local o = check(fn, options, known or search_and_box)
  local m, periodic = read_box(fn, o.box)
  local host, device = on_host(points)
  return core.cells(host, m, periodic, "geometry." .. fn), search(o, device)
end

--- The k nearest neighbours of each query, exact, by distance, then id.
---     local ids, distances = ow.geometry.knn(points, 12, { box = { 10, 10, 10 } })
--- Errors: shapes; a coordinate that is not finite (its row is named); without a periodic box
--- fewer than k points (other than the query's own).
---@param points orowan.tensor N x 3 coordinates
---@param k integer 1 or more
---@param options table? box: see above; queries: M x 3 coordinates (default: the points themselves); self: count a point as its own neighbour (false; only without queries); exclude: i64 [M], per query the point to leave out, 0: none; labels: i64 [N], increasing, written in place of ids; reference: the plain double loop; device: as `cells:knn`
---@return orowan.tensor ids i64 [M, k], 1-based rows of points
---@return orowan.tensor distances [M, k], unit and dtype of points
function geometry.knn(points, k, options)
  local handle <close>, o = once("knn", points, options, knn_and_box)
  return handle:knn(k, o, "geometry.knn")
end

--- All neighbours within a radius of each query, exact, by distance, then id.
---     local offsets, ids, distances = ow.geometry.within(points, 0.35)
--- Errors: shapes; a coordinate that is not finite (its row is named); a negative radius.
---@param points orowan.tensor N x 3 coordinates
---@param radius number 0 or more, inclusive, unit of points
---@param options table? as `geometry.knn`
---@return orowan.tensor offsets i64 [M + 1]: neighbours of query i are entries offsets[i] + 1 to offsets[i + 1]
---@return orowan.tensor ids i64 [offsets[M + 1]], 1-based rows of points
---@return orowan.tensor distances unit and dtype of points
function geometry.within(points, radius, options)
  local handle <close>, o = once("within", points, options)
  return handle:within(radius, o, "geometry.within")
end

--- Number of neighbours within a radius of each query.
--- Errors: as `geometry.within`.
---@param points orowan.tensor N x 3 coordinates
---@param radius number 0 or more, inclusive, unit of points
---@param options table? as `geometry.knn`
---@return orowan.tensor counts i64 [M]
function geometry.count_within(points, radius, options)
  local handle <close>, o = once("count_within", points, options)
  return handle:count_within(radius, o, "geometry.count_within")
end

-- Bins first .. last (1-based; beyond the ends they wrap or are cut) as increasing row numbers,
-- and the slab coordinates between which that is complete.
local function region(s, first, last)
  local n, parts = s.bins, {}
  local function add(a, b)
    local lo, hi = s.start[a] + 1, s.start[b + 1]
    if hi >= lo then parts[#parts + 1] = s.order:slice(1, lo, hi):to "i64" end
  end
  local lo, hi = -math.huge, math.huge
  if last - first + 1 >= n then
    add(1, n)
  elseif s.wrap then
    if first < 1 then
      add(first + n, n)
      add(1, last)
    elseif last > n then
      add(first, n)
      add(1, last - n)
    else
      add(first, last)
    end
    lo = first < 1 and s.bound[first + n] - 1 or s.bound[first]
    hi = last > n and s.bound[last - n + 1] + 1 or s.bound[last + 1]
  else
    first, last = math.max(first, 1), math.min(last, n)
    add(first, last)
    lo, hi = s.bound[first], s.bound[last + 1] -- infinite at the ends
  end
  if #parts == 0 then return make({}, "i64"), lo, hi end
  return require("orowan").concat(parts):sort(), lo, hi
end

-- Widens first .. last until the region holds what lies within u of the slab a .. b.
local function widen(s, first, last, a, b, u)
  while last - first + 1 < s.bins do
    local low = first < 1 and (s.wrap and s.bound[first + s.bins] - 1 or -math.huge) or s.bound[first]
    local high = last > s.bins and (s.wrap and s.bound[last - s.bins + 1] + 1 or math.huge) or s.bound[last + 1]
    local more_low, more_high = s.bound[a] - low < u, high - s.bound[b + 1] < u
    if not (more_low or more_high) then break end
    if more_low then first = first - 1 end
    if more_high and last - first + 1 < s.bins then last = last + 1 end
  end
  return first, last
end

--- The k nearest neighbours of every point, slab by slab along z (or the third box vector):
--- memory for one slab's points and results at a time, and 4 bytes a point for their order.
--- Each slab is searched with a margin of neighbouring points; queries whose k-th neighbour lies
--- beyond the margin are searched again with one that is wide enough, so results are those of
--- `geometry.knn`, exactly (a far outlier can make that second margin wide).
---     ow.geometry.knn_slabs(points, 12, { slab = 1000000 }, function(rows, ids, distances) ... end)
--- Errors: as `geometry.knn`; what f raises.
---@param points orowan.tensor N x 3 coordinates (f32 and f64 tensors are not copied)
---@param k integer 1 or more
---@param options table? box: see above; slab: points in a slab, about (1000000); self: count a point as its own neighbour (false)
---@param f function called with rows i64 [M] (increasing), ids i64 [M, k], distances [M, k] for each slab; every point comes once
function geometry.knn_slabs(points, k, options, f)
  local fn = "knn_slabs"
  local o = check(fn, options, { "box", "slab", "self" })
  local slab = o.slab or 1000000
  if math.type(k) ~= "integer" or k < 1 then fail(fn, "k: expected an integer of 1 or more, got %s", tostring(k)) end
  if math.type(slab) ~= "integer" or slab < 1 then fail(fn, "slab: expected an integer of 1 or more, got %s", tostring(slab)) end
  if type(f) ~= "function" then fail(fn, "expected a function as fourth argument, got %s", type(f)) end
  if not is_tensor(points) then points = make(points, "f64") end
  local m, periodic = read_box(fn, o.box)
  local n = points:shape(1)
  if n == 0 then return end
  if not periodic and k > n - (o.self and 0 or 1) then
    fail(fn, "k: asked for %d neighbours among %d points without a periodic box", k, n)
  end
  local s = { bins = math.max(1, math.min(4096, n // 16)), wrap = periodic and periodic[3] or false }
  local norm, rounding
  s.order, s.start, s.bound, norm, rounding = core.slabs(points, m, periodic, "geometry.knn_slabs", s.bins)

  -- Neighbours of the points `rows` of slab a .. b among the bins first .. last; also the
  -- distance up to which that is complete.
  local function look(rows, a, b, first, last)
    local ids, lo, hi = region(s, first, last)
    local complete = (math.min(s.bound[a] - lo, hi - s.bound[b + 1]) / norm - rounding) * (1 - 1e-6)
    if lo == -math.huge and hi == math.huge then complete = math.huge
    elseif lo == -math.huge then complete = ((hi - s.bound[b + 1]) / norm - rounding) * (1 - 1e-6)
    elseif hi == math.huge then complete = ((s.bound[a] - lo) / norm - rounding) * (1 - 1e-6) end
    if complete < math.huge and ids:shape(1) <= k then return nil end
    local handle <close> = core.cells(points:take(ids), m, periodic, "geometry.knn_slabs")
    local found, d = handle:knn(k, {
      queries = points:take(rows), exclude = not o.self and ids:searchsorted(rows) or nil, labels = ids,
    }, "geometry.knn_slabs")
    return found, d, complete
  end

  local a, margin = 1, nil
  while a <= s.bins do
    local b = a
    while b < s.bins and s.start[b + 2] - s.start[a] <= slab do b = b + 1 end
    local rows = region(s, a, b)
    if s.wrap or a > 1 or b < s.bins then rows = s.order:slice(1, s.start[a] + 1, s.start[b + 1]):to("i64"):sort() end
    local count = rows:shape(1)
    if count > 0 then
      local first, last = a - 1, b + 1
      if margin then first, last = widen(s, a, b, a, b, margin * norm) end
      local ids, d, complete = look(rows, a, b, first, last)
      while not ids do -- fewer than k points so near
        local more = last - first + 1
        first, last = first - more, last + more
        if last - first + 1 >= s.bins then first, last = 1, s.bins end
        ids, d, complete = look(rows, a, b, first, last)
      end
      local far = d:select(2, k)
      local worst = far:max()
      if worst >= complete then
        local again = far:ge(complete):nonzero():flatten()
        first, last = widen(s, first, last, a, b, (worst * (1 + 1e-5) + 2 * rounding) * norm)
        local more, e = look(rows:take(again), a, b, first, last)
        ids:index_put(1, again, more)
        d:index_put(1, again, e)
      end
      margin = d:select(2, k):mean() * 1.5
      f(rows, ids, d)
    end
    a = b + 1
  end
end

-- ---- sums over pairs -----------------------------------------------------------------------

local kernels = {
  power = { index = 0, name = "exponent", default = 1, least = 0 },
  yukawa = { index = 1, name = "kappa", least = 0 },
  gaussian = { index = 2, name = "sigma", least = 0, positive = true },
  expression = { index = 3 },
}
local pair_options = { "kernel", "exponent", "kappa", "sigma", "softening", "value", "slope", "gradient", "device" }

local function number(fn, o, name, default, least, positive)
  local v = o[name]
  if v == nil then v = default end
  if type(v) ~= "number" or not (v >= least and v < math.huge) or (positive and v == 0) then
    fail(fn, "%s: expected a finite number %s %g, got %s", name, positive and "above" or "of at least", least, tostring(v))
  end
  return v + 0.0
end

local function text(fn, o, name)
  local v = o[name]
  if type(v) ~= "string" or v:find "[\n\\#]" or not v:find "%S" then
    fail(fn, "%s: expected one line of OpenCL C in r2, got %s", name, tostring(v))
  end
  return v
end

local function read_law(fn, o)
  local kind = kernels[o.kernel]
  if not kind then fail(fn, "kernel: expected power, yukawa, gaussian or expression, got %s", tostring(o.kernel)) end
  local law = { kernel = kind.index, gradient = o.gradient and true or false, a = 0.0 }
  law.softening = number(fn, o, "softening", 0, 0)
  if kind.name then law.a = number(fn, o, kind.name, kind.default, kind.least, kind.positive) end
  if kind.index == 3 then
    law.value = text(fn, o, "value")
    if law.gradient then law.slope = text(fn, o, "slope") end
  end
  for _, name in ipairs { "exponent", "kappa", "sigma", "value", "slope" } do
    local used = name == kind.name or (kind.index == 3 and (name == "value" or name == "slope"))
    if o[name] ~= nil and not used then fail(fn, "%s: the kernel %s has no such option", name, o.kernel) end
  end
  if law.softening > 0 and kind.index > 1 then fail(fn, "softening: goes with power and yukawa") end
  return law
end

--- Sum over all pairs of sources s_j and targets t:
---     phi(t) = sum_j q_j f(r),  r = |t - s_j|,  and its gradient by t.
--- power: f = rho^-p, rho = sqrt(r^2 + softening^2) (p = 1: Coulomb; softening: Plummer, MNRAS 71, 460,
--- 1911); yukawa: f = exp(-kappa rho) / rho; gaussian: f = exp(-r^2 / (2 sigma^2)); expression (devices
--- only): f is the OpenCL C text `value` in r2 = r^2 (its type is called T), and the gradient needs df/dr2
--- as the text `slope`.
--- power and yukawa leave out a source at the target's own place. Open space, every pair: work grows
--- as N M. On the CPU in f64, sources in order; on a device in the targets' dtype (f32 or f64) with
--- compensated sums, so that f32 keeps the error of single terms.
---     local phi = ow.geometry.pair_sum(ions, charges, probes, { kernel = "yukawa", kappa = 0.3 })
--- Errors: shapes; a kernel's options; an expression on the CPU or one that does not compile.
---@param sources orowan.tensor [N, 3] positions
---@param charges orowan.tensor? [N] factors q; nil: 1
---@param targets orowan.tensor [M, 3] positions, unit of sources
---@param options table kernel: "power", "yukawa", "gaussian" or "expression"; exponent (1), kappa in 1 / length, sigma and softening (0) in length; value, slope: OpenCL C in r2; gradient (false); device: "opencl:0", default the targets' device
---@return orowan.tensor phi [M]; f64 on the CPU, the targets' dtype on a device
---@return orowan.tensor? gradient [M, 3], where asked for
function geometry.pair_sum(sources, charges, targets, options)
  local fn = "pair_sum"
  local o = check(fn, options, pair_options)
  local law = read_law(fn, o)
  local function tensor(name, t)
    if not is_tensor(t) then t = make(t, "f64") end
    local shape = t:shape()
    if name == "charges" and (#shape ~= 1 or shape[1] ~= sources:shape(1)) then
      fail(fn, "charges: expected one number for each of %d sources, got shape %s", sources:shape(1), table.concat(shape, "x"))
    elseif name ~= "charges" and (#shape ~= 2 or shape[2] ~= 3) then
      fail(fn, "%s: expected N x 3 coordinates, got %s", name, table.concat(shape, "x"))
    end
    return t
  end
  sources, targets = tensor("sources", sources), tensor("targets", targets)
  charges = charges ~= nil and tensor("charges", charges) or nil
  local device = o.device or targets:device()
  local dtype = device ~= "cpu" and targets:dtype() == "f32" and "f32" or "f64"
  local function there(t) return t and t:to(device):to(dtype, { unchecked = true }):contiguous() end
  return require("orowan.core").pairs.sum(there(sources), there(charges), there(targets), law)
end

return geometry
