---@meta orowan.depinning
--- Methods of a depinning line (csrc/lua/depinning.c); lines come from depinning.line and
--- depinning.restore.

---@class orowan.depinning.line
local line = {}

--- Where the line stands.
---@return table info pick, area (cells), stress (sigma_ext, mu), segments, lx, row_low and row_high (the window), stop ("running"|"top"|"bottom"|"starved"); counters of the fast evaluation: flips (kept since the epoch's start), folded, wide, full
function line:info() end

--- Slipped cells of every column above the start height y0 (below: negative).
---@return orowan.tensor heights i32 [lx], cells
function line:heights() end

--- The segments in the order in which they are picked, with their stress.
---@param way? "fast"|"plain" by the fast engine (default) or the plain sum over all segments
---@return orowan.tensor segments i32 [n, 3]: x, y (0-based), 1 for a vertical edge (between x and x + 1), 0 for a horizontal one (between y and y + 1)
---@return orowan.tensor stress f64 [n], mu, with pinning, without sigma_ext
function line:segments(way) end

--- The cells of the window of rows that moves with the line; below it all are 1, above all 0.
---@return orowan.tensor cells u8 [rows, lx]
---@return integer low number of the first row
function line:cells() end

--- The pinning of the window's cells.
---@return orowan.tensor pinning f64 [rows, lx], mu
---@return integer low number of the first row
function line:pinning() end

--- The exact state; depinning.restore makes the line again, which goes on with the same picks.
---@return orowan.tensor state u8 [bytes]
function line:save() end

--- Frees the line; later calls raise. Closing twice is fine.
function line:close() end

return line
