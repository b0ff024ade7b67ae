---@meta orowan.sort
--- Order statistics and counting. Values are tensors or tables of a real dtype. NaN is last in
--- either direction, -0 stands before +0. Every function is also a tensor method. Results are
--- fresh and the same at any number of threads.
local ow = {}
---@class orowan.tensor
local tensor = {}

--- Sorted copy (stable radix sort). The options may stand in the axis's place.
---@param values orowan.tensor|table
---@param axis? integer default -1
---@param options? {descending: boolean}
---@return orowan.tensor
function ow.sort(values, axis, options) end

--- Positions that sort: values:gather(axis, argsort) is sorted. Equal values keep their order.
---@param values orowan.tensor|table
---@param axis? integer default -1
---@param options? {descending: boolean}
---@return orowan.tensor i64, shape of values
function ow.argsort(values, axis, options) end

--- The k greatest, greatest first (NaN counts as the least). The options may stand in the
--- axis's place.
---@param values orowan.tensor|table
---@param k integer
---@param axis? integer default -1
---@param options? {smallest: boolean} the k smallest instead
---@return orowan.tensor values k along axis
---@return orowan.tensor positions i64
function ow.topk(values, k, axis, options) end

--- The k-th smallest along an axis.
---@param values orowan.tensor|table
---@param k integer 1-based, negative from the greatest
---@param axis? integer default -1
---@return number|orowan.tensor a number if no axis is left
function ow.kth(values, k, axis) end

--- Median; the mean of the two middle values if their number is even. NaN gives NaN.
---@param values orowan.tensor|table
---@param axis? integer default: over all elements
---@return number|orowan.tensor f64
function ow.median(values, axis) end

--- Quantiles, interpolated linearly at (n - 1) q (type 7 of Hyndman and Fan 1996). NaN gives NaN.
--- ```lua
--- print(ow.quantile(ow.arange(0, 100), 0.25))  --> 25.0
--- ```
---@param values orowan.tensor|table not empty
---@param q number|table|orowan.tensor 0 to 1
---@param axis? integer default: over all elements
---@return number|orowan.tensor f64; for a list of q their axis comes first
function ow.quantile(values, q, axis) end

--- Different values in increasing order (all NaNs are one, -0 equals +0), then what the
--- options ask for.
---@param values orowan.tensor|table any shape
---@param options? {counts: boolean, inverse: boolean}
---@return orowan.tensor values 1-D
---@return orowan.tensor? counts i64, if asked for
---@return orowan.tensor? inverse i64, if asked for (second without counts): values[inverse] is the input
function ow.unique(values, options) end

--- Where to insert into sorted so that it stays sorted: 1..n+1, before equal entries or, with
--- right, behind them. Raises if sorted is not.
---@param sorted orowan.tensor|table [n]
---@param values number|orowan.tensor|table any shape
---@param options? {right: boolean}
---@return integer|orowan.tensor i64, shape of values
function ow.searchsorted(sorted, values, options) end

--- How often each whole number occurs: entry k counts the value first + k - 1. Values below
--- first, or beyond a given size, raise.
---@param values orowan.tensor|table integers
---@param options? {weights: orowan.tensor|table, first: integer, size: integer} first: default 1; size: default up to the greatest
---@return orowan.tensor counts i64, or sums of weights f64
function ow.bincount(values, options) end

--- Histogram. Bin k holds edges[k] <= x < edges[k + 1], the last one also its right edge.
--- ```lua
--- local counts, edges = ow.histogram(ow.tensor { 0.1, 0.2, 0.9 }, { bins = 2, range = { 0, 1 } })
--- print(counts:get(1), counts:get(2), edges:get(2))  --> 2 1 0.5
--- ```
---@param values orowan.tensor|table any shape, unit u
---@param options? {bins: integer|table|orowan.tensor, range: number[], log: boolean, weights: orowan.tensor|table, density: boolean} bins: number (default 10) or increasing edges; range: {lo, hi}, default that of the finite values; log: bins of constant ratio over values above 0; density: divide by total and bin width (1/u)
---@return orowan.tensor counts i64; f64 with weights or density
---@return orowan.tensor edges f64, unit u, one more than bins
---@return integer left_out values outside the range and NaN
function ow.histogram(values, options) end

--- See `ow.sort`.
---@param axis? integer default -1
---@param options? {descending: boolean}
---@return orowan.tensor
function tensor:sort(axis, options) end

--- See `ow.argsort`.
---@param axis? integer default -1
---@param options? {descending: boolean}
---@return orowan.tensor i64, shape of values
function tensor:argsort(axis, options) end

--- See `ow.topk`.
---@param k integer
---@param axis? integer default -1
---@param options? {smallest: boolean} the k smallest instead
---@return orowan.tensor values k along axis
---@return orowan.tensor positions i64
function tensor:topk(k, axis, options) end

--- See `ow.kth`.
---@param k integer 1-based, negative from the greatest
---@param axis? integer default -1
---@return number|orowan.tensor a number if no axis is left
function tensor:kth(k, axis) end

--- See `ow.median`.
---@param axis? integer default: over all elements
---@return number|orowan.tensor f64
function tensor:median(axis) end

--- See `ow.quantile`.
---@param q number|table|orowan.tensor 0 to 1
---@param axis? integer default: over all elements
---@return number|orowan.tensor f64; for a list of q their axis comes first
function tensor:quantile(q, axis) end

--- See `ow.unique`.
---@param options? {counts: boolean, inverse: boolean}
---@return orowan.tensor values 1-D
---@return orowan.tensor? counts i64, if asked for
---@return orowan.tensor? inverse i64, if asked for (second without counts): values[inverse] is the input
function tensor:unique(options) end

--- See `ow.searchsorted`.
---@param values number|orowan.tensor|table any shape
---@param options? {right: boolean}
---@return integer|orowan.tensor i64, shape of values
function tensor:searchsorted(values, options) end

--- See `ow.bincount`.
---@param options? {weights: orowan.tensor|table, first: integer, size: integer} first: default 1; size: default up to the greatest
---@return orowan.tensor counts i64, or sums of weights f64
function tensor:bincount(options) end

--- See `ow.histogram`.
---@param options? {bins: integer|table|orowan.tensor, range: number[], log: boolean, weights: orowan.tensor|table, density: boolean} bins: number (default 10) or increasing edges; range: {lo, hi}, default that of the finite values; log: bins of constant ratio over values above 0; density: divide by total and bin width (1/u)
---@return orowan.tensor counts i64; f64 with weights or density
---@return orowan.tensor edges f64, unit u, one more than bins
---@return integer left_out values outside the range and NaN
function tensor:histogram(options) end

return ow
