-- Trains a small convolutional network to read handwritten-like digits, from nothing: the digits are
-- drawn here (strokes with random points, affine distortion, thickness, contrast and noise).
-- Training, validation and test digits come from different random streams. What is chosen (the best
-- epoch) is chosen on validation; the test set is used once. Beside the network stand two trivial
-- baselines and a null, the same network trained on shuffled labels.
local ow = require "orowan"
local nn = ow.nn

-- ---- the digits --------------------------------------------------------------------------------

-- Points of an elliptic arc, degrees clockwise from the right (y points down).
local function arc(cx, cy, rx, ry, from, to)
  local t, n = {}, math.max(3, math.ceil(math.abs(to - from) / 30))
  for i = 0, n do
    local a = math.rad(from + (to - from) * i / n)
    t[#t + 1] = { cx + rx * math.cos(a), cy + ry * math.sin(a) }
  end
  return t
end

local function join(...)
  local t = {}
  for _, part in ipairs { ... } do table.move(part, 1, #part, #t + 1, t) end
  return t
end

-- Strokes in a unit box, for 0, 1, ..., 9.
local strokes = {
  { arc(0.5, 0.5, 0.27, 0.42, -90, 270) },
  { { { 0.34, 0.26 }, { 0.54, 0.08 }, { 0.54, 0.92 } } },
  { join(arc(0.5, 0.32, 0.27, 0.24, 190, 390), { { 0.22, 0.92 }, { 0.8, 0.92 } }) },
  { join(arc(0.46, 0.29, 0.26, 0.21, 200, 450), arc(0.46, 0.71, 0.29, 0.22, 270, 520)) },
  { { { 0.64, 0.92 }, { 0.64, 0.08 }, { 0.18, 0.63 }, { 0.85, 0.63 } } },
  { join({ { 0.76, 0.08 }, { 0.31, 0.08 }, { 0.27, 0.47 } }, arc(0.48, 0.66, 0.28, 0.26, 235, 500)) },
  { join({ { 0.68, 0.08 }, { 0.42, 0.28 } }, arc(0.5, 0.68, 0.25, 0.24, 190, 550)) },
  { { { 0.19, 0.1 }, { 0.8, 0.1 }, { 0.42, 0.92 } } },
  { arc(0.5, 0.29, 0.22, 0.2, -90, 270), arc(0.5, 0.71, 0.27, 0.22, -90, 270) },
  { join(arc(0.5, 0.32, 0.25, 0.24, 0, 360), { { 0.72, 0.58 }, { 0.58, 0.92 } }) },
}

-- n pictures of one digit, [n, size * size], bright strokes on dark ground. All pictures of a digit
-- are drawn at once: the brightness follows the distance of each pixel to the nearest segment.
local function draw(g, digit, n, size, o)
  local function uniform(lo, hi) return g:uniform({ n, 1 }, { lo = lo, hi = hi, dtype = "f32" }) end
  local turn = uniform(-o.turn, o.turn) * (math.pi / 180)
  local shear, sx, sy = uniform(-o.shear, o.shear), uniform(0.65, 1.05), uniform(0.7, 1.0)
  local dx, dy = uniform(-o.shift, o.shift), uniform(-o.shift, o.shift)
  local c, s = turn:cos(), turn:sin()
  local pixel = ((ow.arange(1, size) - 0.5) / size):to "f32"
  local px = pixel:unsqueeze(1):broadcast_to(size, size):reshape(1, size * size)
  local py = pixel:unsqueeze(2):broadcast_to(size, size):reshape(1, size * size)
  local nearest
  for _, line in ipairs(strokes[digit + 1]) do
    local ax, ay
    for _, point in ipairs(line) do
      local x = (g:normal({ n, 1 }, "f32") * o.wobble + (point[1] - 0.5)) * sx
      local y = (g:normal({ n, 1 }, "f32") * o.wobble + (point[2] - 0.5)) * sy
      x = x + shear * y
      local bx, by = c * x - s * y + (0.5 + dx), s * x + c * y + (0.5 + dy)
      if ax then
        local ux, uy = bx - ax, by - ay
        local qx, qy = px - ax, py - ay
        local t = ((qx * ux + qy * uy) / (ux * ux + uy * uy + 1e-9)):clip(0, 1)
        qx:sub_(t * ux)
        qy:sub_(t * uy)
        local d = qx:mul_(qx):add_(qy:mul_(qy))
        nearest = nearest and nearest:minimum(d) or d
      end
      ax, ay = bx, by
    end
  end
  local ink = (uniform(0.025, 0.075) - nearest:sqrt()) * (size / 0.8)
  local bright = uniform(0.5, 1.0) / ((-ink):exp() + 1)
  return bright:add_(g:normal({ n, size * size }, "f32") * o.noise):add_(uniform(0, 0.3))
end

-- A set of n pictures [n, 1, size, size] with classes 1..10 (digit + 1) in random order.
local function digits(seed, stream, n, size, o)
  local g = ow.rng(seed, stream)
  local pictures, classes = {}, {}
  for d = 0, 9 do
    local m = (d + 1) * n // 10 - d * n // 10
    if m > 0 then pictures[#pictures + 1], classes[#classes + 1] = draw(g, d, m, size, o), ow.full({ m }, d + 1) end
  end
  local order = g:permutation(n)
  return { x = ow.concat(pictures):take(order):reshape(n, 1, size, size), y = ow.concat(classes):take(order) }
end

-- ---- models ------------------------------------------------------------------------------------

local function network(width)
  local function block(i, o) return nn.conv2d(i, o, { kernel = 3, padding = 1, bias = false }), nn.batch_norm(o), nn.relu() end
  local list = {}
  local function add(...) table.move({ ... }, 1, select("#", ...), #list + 1, list) end
  add(block(1, width))
  add(nn.max_pool(2))
  add(block(width, 2 * width))
  add(nn.max_pool(2))
  add(block(2 * width, 4 * width))
  add(nn.max_pool(2), nn.flatten(), nn.linear(4 * width * 9, 10))
  return nn.sequential(list)
end

local function accuracy(prediction, y) return nn.metrics.accuracy(prediction, y, { repeats = 0 }) end

-- Distance to the mean picture of every class.
local function nearest_mean(train, x)
  local n = train.x:shape(1)
  local flat, to = train.x:reshape(n, -1), x:reshape(x:shape(1), -1)
  local scores = {}
  for c = 1, 10 do
    local mean = flat:take(train.y:eq(c)):mean(1)
    scores[c] = -((to - mean):square():sum(2))
  end
  return ow.stack(scores, 2)
end

-- ---- figures -----------------------------------------------------------------------------------

local function samples_figure(run, set, size)
  local rows, cols = 5, 12
  local sheet = ow.zeros({ rows * (size + 1), cols * (size + 1) }, "f32")
  for k = 1, math.min(rows * cols, set.x:shape(1)) do
    local r, c = (k - 1) // cols * (size + 1), (k - 1) % cols * (size + 1)
    sheet:slice(1, r + 1, r + size):slice(2, c + 1, c + size):copy(set.x:select(1, k):select(1, 1))
  end
  local fig = ow.plot.figure { title = "Digits of the training set", width = 900, height = 420 }
  fig:image(sheet, { palette = "grey", colorbar = false, range = { 0, 1.2 }, aspect = "equal" })
  fig:set { xticks = false, yticks = false }
  run:figure("samples", fig, "Drawn by the recipe. Test digits come from another random stream.")
end

local function confusion_figure(run, m)
  local ticks = {}
  for c = 1, 10 do ticks[c] = { c, tostring(c - 1) } end
  local fig = ow.plot.figure { title = "Confusion matrix of the test set", width = 640, height = 560 }
  fig:image(m.rate, { range = { 0, 1 }, colorbar = "share of the true class", aspect = "equal" })
  for i = 1, 10 do
    for j = 1, 10 do
      local n = m.counts:get(i, j)
      if n > 0 then fig:text(j, i, tostring(n), { align = "center", size = 12, color = m.rate:get(i, j) > 0.5 and "black" or "white" }) end
    end
  end
  fig:set { xlabel = "predicted digit", ylabel = "true digit", xticks = ticks, yticks = ticks }
  run:figure("confusion", fig, "Number of test digits, coloured by the share of their class.")
end

local function calibration_figure(run, c)
  local fig = ow.plot.figure { title = "Calibration on the test set", width = 640, height = 520 }
  fig:line({ 0, 1 }, { 0, 1 }, { dash = "dashed", color = "grey", label = "perfect" })
  local shown = { p = {}, f = {}, low = {}, high = {} }
  for i, n in ipairs(c.count) do
    if n >= 5 then  -- the frequency of fewer says nothing
      local k = #shown.p + 1
      shown.p[k], shown.f[k], shown.low[k], shown.high[k] = c.probability[i], c.frequency[i], c.low[i], c.high[i]
    end
  end
  if #shown.p > 0 then fig:errorbar(shown.p, shown.f, { ylow = shown.low, yhigh = shown.high, label = "network, 95 % interval" }) end
  fig:set { xlabel = "stated probability of the predicted digit", ylabel = "share that is right", xrange = { 0, 1 }, yrange = { 0, 1.02 }, legend = "top left" }
  run:figure("calibration", fig, ("Expected calibration error %.4f (%.4f to %.4f). Bins with fewer than 5 digits are not shown."):format(c.ece.value, c.ece.low, c.ece.high))
end

return {
  name = "train_digits",
  summary = "trains a small convolutional network on digits that it draws itself, beside baselines and a null",
  params = {
    { name = "train", default = 6000, unit = "digits", min = 100, max = 200000, help = "size of the training set" },
    { name = "test", default = 2000, unit = "digits", min = 50, max = 100000, help = "size of the test set; validation has half of it" },
    { name = "epochs", default = 8, min = 1, max = 200, help = "passes over the training set" },
    { name = "batch", default = 50, unit = "digits", min = 2, max = 1000, help = "digits in a step" },
    { name = "lr", default = 0.004, min = 1e-6, max = 1.0, help = "learning rate of Adam" },
    { name = "width", default = 8, unit = "channels", min = 1, max = 128, help = "channels of the first layer; doubled twice" },
    { name = "turn", default = 20.0, unit = "degrees", min = 0.0, max = 180.0, help = "largest rotation" },
    { name = "shear", default = 0.3, min = 0.0, max = 2.0, help = "largest shear" },
    { name = "shift", default = 0.1, unit = "picture widths", min = 0.0, max = 0.5, help = "largest shift" },
    { name = "wobble", default = 0.025, unit = "picture widths", min = 0.0, max = 0.3, help = "random displacement of the strokes' points" },
    { name = "noise", default = 0.25, unit = "of full brightness", min = 0.0, max = 5.0, help = "noise of every pixel" },
    { name = "device", default = "cpu", help = "where the networks are trained: cpu or opencl:0" },
  },
  run = function(run)
    local p, size = run.params, 24
    local device = p.device == "cpu" and run.device or p.device
    local started = ow.sys.clock()
    local train = digits(run.seed, 1, p.train, size, p)
    local validation = digits(run.seed, 2, math.max(20, p.test // 2), size, p)
    local test = digits(run.seed, 3, p.test, size, p)
    local drawn = ow.sys.clock() - started
    samples_figure(run, train, size)

    local function fit(name, model, y, epochs)
      return nn.fit {
        model = model, loss = "cross_entropy", train = { x = train.x, y = y }, validation = validation, batch = p.batch, epochs = epochs,
        optimizer = { "adam", lr = p.lr }, schedule = nn.schedule.cosine(epochs, { floor = 0.02 }), seed = run.seed, drop_last = p.train > p.batch,
        metrics = { accuracy = accuracy }, device = device, checkpoint = run:path(name .. ".checkpoint.h5"),
      }
    end

    nn.seed(run.seed)
    local model = network(p.width)
    run:text(nn.summary(model, { 1, 1, size, size }))
    started = ow.sys.clock()
    local result = fit("network", model, train.y, p.epochs)
    local seconds = ow.sys.clock() - started
    run:figure("history", nn.history_figure(result.history, result.best.epoch), "The weights of the epoch with the smallest validation loss are used.")

    local options = { seed = run.seed }
    local scores = nn.predict(model, test.x, { device = device })
    local probability = nn.functional.softmax(scores).value
    local acc = nn.metrics.accuracy(scores, test.y, options)
    local confusion = nn.metrics.confusion_matrix(scores, test.y, { classes = 10, seed = run.seed })
    local calibration = nn.metrics.calibration(probability, test.y, options)
    confusion_figure(run, confusion)
    calibration_figure(run, calibration)

    -- What is trivial, and what nothing looks like.
    local mean = nn.metrics.accuracy(nearest_mean(train, test.x), test.y, options)
    nn.seed(run.seed)
    local linear = nn.sequential { nn.flatten(), nn.linear(size * size, 10) }
    fit("logistic", linear, train.y, math.max(1, p.epochs // 2))
    local logistic = nn.metrics.accuracy(nn.predict(linear, test.x, { device = device }), test.y, options)
    nn.seed(run.seed)
    local null = network(p.width)
    fit("null", null, train.y:take(ow.rng(run.seed, 4):permutation(p.train)), math.max(1, p.epochs // 4))
    local shuffled = nn.metrics.accuracy(nn.predict(null, test.x, { device = device }), test.y, options)

    local rows = {}
    for _, r in ipairs { { "network", acc, "accuracy.network" }, { "logistic regression", logistic, "accuracy.logistic" },
      { "nearest class mean", mean, "accuracy.nearest_mean" }, { "null: network, shuffled labels", shuffled, "accuracy.null" } } do
      run:put(r[3], { value = r[2].value, low = r[2].low, high = r[2].high })
      rows[#rows + 1] = { r[1], r[2].value, ("%.4f to %.4f"):format(r[2].low, r[2].high) }
    end
    run:put("ece", { value = calibration.ece.value, low = calibration.ece.low, high = calibration.ece.high })
    run:put("best_epoch", { value = result.best.epoch, unit = "epochs" })
    run:put("parameters", { value = (model:count()) })
    run:put("time.drawing", { value = drawn, unit = "s", timing = true })
    run:put("time.training", { value = seconds, unit = "s", timing = true })
    run:table("Accuracy on the test set", { "model", "accuracy", "95 % interval" }, rows, ("%d digits that no model has seen; bootstrap intervals."):format(p.test))
    local ok, err = nn.save(run:path "model.h5", model, {
      preprocessing = { size = size }, metadata = { params = p, seed = run.seed },
      card = { data = "digits drawn by the recipe train_digits", seed = run.seed, accuracy = { acc.value, acc.low, acc.high }, limits = "knows drawn digits only" },
    })
    if not ok then error(err, 0) end
    run:attach("model.h5", "The trained network.")
    for _, name in ipairs { "network", "logistic", "null" } do ow.sys.remove(run:path(name .. ".checkpoint.h5")) end
  end,
}
