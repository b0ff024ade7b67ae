--- Atom probe tomography: files of reconstructions and ranges, synthetic specimens.
local files = require "orowan.apt.files"
local ranges = require "orowan.apt.ranges"
local synthetic = require "orowan.apt.synthetic"

return {
  open = files.open, read = files.read, write_pos = files.write_pos,
  read_ranges = ranges.read, parse_ranges = ranges.parse, ranges = ranges.new,
  synthetic = synthetic.build, spheres = synthetic.spheres, shuffled = synthetic.shuffled, rotation = synthetic.rotation,
}
