---@meta orowan.hdf5
--- An open HDF5 file, made by `io.h5_open`. Names are paths in the file ("group/data"), "/" is
--- the root group; groups on the way are made. Reading returns nil, err; writing raises.
--- Numbers: u8 i32 i64 f32 f64 f16 bf16 as such, c64 c128 as compounds {r, i} as h5py has them;
--- other integer types are widened (u32 to i64, ...), u64 above 2^63 - 1 is refused.

---@class orowan.h5
local h5 = {}

--- Finishes the file: what was written takes the name. Raises when the system refuses.
function h5:close() end

--- Closes without keeping what was written.
function h5:discard() end

--- Reads a dataset: a tensor; a scalar as a number, boolean or string (a complex one as a 0-d
--- tensor); strings as a list.
---@param name string
---@param options? {first?: integer|integer[], count?: integer|integer[]} part of it, one entry an axis: first from 1 (default 1), count (default and -1: the rest)
---@return any value nil when there is no such dataset, or it cannot be read
---@return table? err
function h5:read(name, options) end

--- Writes a dataset, replacing one of that name. Long ones are written in pieces of 16 MiB, so
--- that an interrupt gets through.
---@param name string
---@param value any tensor, number, boolean, string (any bytes), list of strings (UTF-8), nested table of numbers
---@param options? {chunk?: boolean|integer|integer[], compress?: boolean|integer, checksum?: boolean} chunk: sizes, one an axis, or true: about 1 MiB; compress: deflate level 1..9 after a byte shuffle (true: 4); checksum: one a chunk
---@return orowan.h5 self
function h5:write(name, value, options) end

--- Adds rows along the first axis of a dataset; the first call makes it.
---@param name string
---@param rows orowan.tensor|table n x ..., the rest of the shape as it is there; values must fit its dtype
---@param options? {chunk?: boolean|integer|integer[], compress?: boolean|integer, checksum?: boolean} for the first call, as for `write`; default chunk about 64 KiB
---@return orowan.h5 self
function h5:append(name, rows, options) end

--- Reads or, given a value, writes an attribute of a dataset or group.
---@param name string "/" for the file itself
---@param key string
---@param value? any number, boolean, string, list of strings, small tensor
---@return any value the attribute, or (writing) the file; nil when there is none
---@return table? err
function h5:attr(name, key, value) end

--- All attributes of a dataset or group.
---@param name? string default "/"
---@return table? attributes key = value
---@return table? err
function h5:attrs(name) end

--- The names in a group, sorted.
---@param group? string default "/"
---@return string[]? names
---@return table? err
function h5:list(group) end

--- What a name stands for. kind: "group", "numbers", "booleans", "strings", "bytes", "other".
---@param name string
---@return {kind: string, dtype: string?, shape: integer[]?, chunk: integer[]?, bytes: integer?, growable: boolean?}? info bytes: as stored; growable: rows can be appended
---@return table? err
function h5:info(name) end

--- Tells whether there is a dataset or group, or an attribute of it.
---@param name string
---@param key? string an attribute
---@return boolean
function h5:exists(name, key) end

--- Makes a group, with those above it; nothing happens when it is there.
---@param name string
---@return orowan.h5 self
function h5:group(name) end

--- Removes a dataset, a group with all in it, or an attribute; nothing happens when there is none.
---@param name string
---@param key? string an attribute
---@return orowan.h5 self
function h5:remove(name, key) end

--- The path the file was opened with.
---@return string path
function h5:path() end

return h5
