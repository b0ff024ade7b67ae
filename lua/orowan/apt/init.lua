--- Atom probe tomography: files of reconstructions and ranges.
local files = require "orowan.apt.files"
local ranges = require "orowan.apt.ranges"

return {
  open = files.open, read = files.read, write_pos = files.write_pos,
  read_ranges = ranges.read, parse_ranges = ranges.parse, ranges = ranges.new,
}
