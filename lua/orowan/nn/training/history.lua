--- What happened in each epoch, as columns, an HDF5 file and a figure.
local ow = require "orowan"

local M = { format_version = 1 }

--- Records {epoch =, loss =, ...} as columns {epoch = tensor, loss = tensor, ...}.
function M.columns(records)
  local names, columns = {}, {}
  for _, r in ipairs(records) do for k in pairs(r) do names[k] = true end end
  for name in pairs(names) do
    local list = {}
    for i, r in ipairs(records) do list[i] = r[name] or 0 / 0 end
    columns[name] = ow.tensor(list)
  end
  return columns
end

--- Writes the columns, whole or not at all.
function M.save(path, records)
  local file = assert(ow.io.h5_open(path, "w"))
  local ok, err = pcall(function()
    file:attr("/", "format", "orowan.history")
    file:attr("/", "format_version", M.format_version)
    for name, column in pairs(M.columns(records)) do file:write(name, column) end
    file:close()
  end)
  if not ok then
    file:discard()
    error(err, 0)
  end
end

--- Losses, metrics and learning rate over the epochs.
---@param records table[] history of nn.fit
---@param best? integer epoch of the best weights
function M.figure(records, best)
  local metrics, positive = {}, true
  local known = { epoch = true, step = true, loss = true, val_loss = true, lr = true, grad_norm = true, seconds = true, rate = true }
  for _, r in ipairs(records) do
    for k in pairs(r) do if not known[k] then known[k], metrics[#metrics + 1] = true, k end end
    positive = positive and r.loss > 0 and (r.val_loss or 1) > 0
  end
  table.sort(metrics)
  local columns = M.columns(records)
  local panels = #metrics > 0 and 3 or 2
  local fig = ow.plot.figure { title = "Training", rows = 1, cols = panels, width = 480 * panels, height = 420 }
  local function panel(k, names, labels, set, colour)
    local axes = fig:axes(k)
    for i, name in ipairs(names) do
      if columns[name] then
        axes:line(columns.epoch, columns[name], { label = labels and labels[i] or name, color = colour or i, width = 2,
          dash = ({ "solid", "dashed", "dotted", "dashdot" })[(i - 1) % 4 + 1], marker = #records < 40 and "circle" or nil, size = 4 })
      end
    end
    if best and k < panels then axes:vline(best, { dash = "dotted", color = "grey", label = "best" }) end
    axes:set(set)
  end
  panel(1, { "loss", "val_loss" }, { "training", "validation" }, { xlabel = "epoch", ylabel = "loss", ylog = positive })
  if #metrics > 0 then panel(2, metrics, nil, { xlabel = "epoch", ylabel = "metric of the validation set" }) end
  local falls = true
  for _, r in ipairs(records) do falls = falls and r.lr > 0 end
  panel(panels, { "lr" }, { "learning rate" }, { xlabel = "epoch", ylabel = "learning rate", ylog = falls, legend = false }, 4)
  return fig
end

return M
