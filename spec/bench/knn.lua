-- Nearest neighbours of every point among the same points, queries a second and core, and pairs
-- a second within a radius; the peer is scipy's cKDTree (OROWAN_PYTHON, else python3) on as many
-- points of the same distribution, measured between our repeats. Points: even in a cube; half
-- of them in Gaussian blobs, 10^4 times as dense as the rest.
local ow = require "orowan"
local sys = ow.sys
local geometry, system = ow.geometry, ow.core.system

local function uniform(n) return ow.rng(1):uniform({ n, 3 }) end

local function clustered(n)
  local r, half = ow.rng(2), n // 2
  local centre = r:uniform({ 100, 3 })
  local which = (r:uniform({ half }) * 100):floor():to "i64" + 1
  -- 100 blobs, n/2 points in all: the density at a centre is 10^4 times the other half's
  local sigma = (1 / (100 * 1e4)) ^ (1 / 3) / math.sqrt(2 * math.pi)
  return ow.concat { r:uniform({ n - half, 3 }), centre:take(which) + r:normal({ half, 3 }) * sigma }
end

local function timed(f)
  local t = sys.clock()
  local a, b, c = f()
  t = sys.clock() - t
  for _, v in pairs { a, b, c } do v:close() end
  return t
end

local function best(repeats, f)
  local t = math.huge
  for _ = 1, repeats do t = math.min(t, timed(f)) end
  return t
end

local function peer(n, k, radius)
  local python = os.getenv "OROWAN_PYTHON" or "python3"
  if not sys.which(python) then return nil end
  local r = sys.run({ python, ow.home() .. "/spec/bench/peer_knn.py", tostring(n), tostring(k), "200000", tostring(radius) }, { timeout = 300 })
  if not r or r.status ~= 0 then return nil end
  local p = {}
  for name, value in r.stdout:gmatch "(%w+) (%S+)" do p[name] = tonumber(value) or value end
  return p
end

return function(report)
  local n, k, threads = 1000000, 32, system.threads()
  local radius = (50 / n * 3 / (4 * math.pi)) ^ (1 / 3) -- about 50 neighbours
  local x = uniform(n)
  local single = x:to("f32", { unchecked = true })
  local p = peer(n, k, radius)
  local name = p and ("cKDTree (scipy %s)"):format(p.version)
  local function against(value, key) return p and { peer = name .. ", " .. (key:match "%d+") .. (key:match "%d+" == "1" and " thread" or " threads"), ratio = value / p[key] } or nil end

  local rate = {}
  for _, t in ipairs(threads > 1 and { 1, threads } or { 1 }) do
    system.threads(t)
    for _, s in ipairs { { "f32", single }, { "f64", x } } do
      local label = (", %s, %d thread%s"):format(s[1], t, t > 1 and "s" or "")
      local build = best(2, function() geometry.cells(s[2]):close() end)
      report("build, 1e6 points" .. label, build * 1e3, "ms", p and { peer = name .. ", 1 thread", ratio = p.build / build })
      local cells <close> = geometry.cells(s[2])
      if t == 1 then report("memory of the tree, " .. s[1], cells:info().bytes / n, "B/point") end
      for _, kk in ipairs(t == 1 and { 8, 32, 128 } or { 32 }) do
        local q = n / best(kk == 128 and 1 or 2, function() return cells:knn(kk) end)
        if t == 1 then rate[s[1] .. kk] = q end
        report(("even, k = %d%s"):format(kk, label), q / t * 1e-6, "M/s/core", kk == k and t <= 2 and against(q, "knn" .. t) or nil)
      end
      if t == 1 then
        local pairs_ = 0
        local w = best(2, function()
          local o, i, d = cells:within(radius)
          pairs_ = o[n + 1]
          return o, i, d
        end)
        report("pairs in a radius (50 each)" .. label, pairs_ / w * 1e-6, "M/s", against(pairs_ / w, "within1"))
        w = best(2, function() return cells:count_within(radius) end)
        report("pairs counted" .. label, pairs_ / w * 1e-6, "M/s")
      end
    end
  end
  system.threads(1)
  local function case(what, points, box)
    for _, dtype in ipairs { "f32", "f64" } do
      local cells <close> = geometry.cells(points:to(dtype, { unchecked = true }), { box = box })
      local q = n / best(2, function() return cells:knn(k) end)
      report(("%s, k = %d, %s, 1 thread"):format(what, k, dtype), q * 1e-6, "M/s/core", { peer = "even", ratio = q / rate[dtype .. k] })
    end
  end
  case("clustered 1e4 : 1", clustered(n))
  case("periodic cube", x, { 1, 1, 1 })
  case("periodic, skewed", x, { { 1, 0, 0 }, { 0.5, 0.9, 0 }, { -0.3, 0.4, 1.1 } })
  do
    local cells <close> = geometry.cells(single)
    local q = ow.rng(3):uniform({ n, 3 }):to("f32", { unchecked = true })
    report("other points ask, k = 32, f32, 1 thread", n / best(2, function() return cells:knn(k, { queries = q }) end) * 1e-6, "M/s/core")
  end
  system.threads(threads)
  local big = 10000000
  local all = uniform(big):to("f32", { unchecked = true })
  local count = 0
  local t = timed(function()
    geometry.knn_slabs(all, k, {}, function(rows, ids, d)
      count = count + rows:shape(1)
      ids:close()
      d:close()
    end)
  end)
  report(("1e7 points slab by slab, k = 32, f32, %d threads"):format(threads), count / t / threads * 1e-6, "M/s/core")
end
