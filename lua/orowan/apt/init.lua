--- Atom probe tomography: files of reconstructions and ranges, synthetic specimens.
local files = require "orowan.apt.files"
local ranges = require "orowan.apt.ranges"
local nexus = require "orowan.apt.nexus"
local spectrum = require "orowan.apt.spectrum"
local synthetic = require "orowan.apt.synthetic"

return {
  open = files.open, read = files.read, write_pos = files.write_pos, write_nexus = nexus.write,
  read_ranges = ranges.read, parse_ranges = ranges.parse, ranges = ranges.new,
  spectrum = spectrum.count, binned_spectrum = spectrum.binned, composition = spectrum.composition,
  synthetic = synthetic.build, spheres = synthetic.spheres, shuffled = synthetic.shuffled, rotation = synthetic.rotation,
}
