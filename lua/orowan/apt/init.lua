--- Atom probe tomography: files of reconstructions and ranges, synthetic specimens, statistics of
--- points, fields, surfaces and profiles of labelled ions, networks that find ordered domains.
local files = require "orowan.apt.files"
local grid = require "orowan.apt.grid"
local isosurface = require "orowan.apt.isosurface"
local labels = require "orowan.apt.labels"
local peaks = require "orowan.apt.peaks"
local profile = require "orowan.apt.profile"
local proxigram = require "orowan.apt.proxigram"
local ranges = require "orowan.apt.ranges"
local ranging = require "orowan.apt.ranging"
local maps = require "orowan.apt.maps"
local nexus = require "orowan.apt.nexus"
local spectrum = require "orowan.apt.spectrum"
local synthetic = require "orowan.apt.synthetic"

-- Tables of functions, loaded on first use (networks are not needed to read a file).
local parts = { atomnet = true, baselines = true, datasets = true, features = true, finder = true, stacked = true, voxel = true }

local api = {
  open = files.open, read = files.read, write_pos = files.write_pos, write_nexus = nexus.write,
  read_ranges = ranges.read, parse_ranges = ranges.parse, ranges = ranges.new,
  spectrum = spectrum.count, binned_spectrum = spectrum.binned, composition = spectrum.composition,
  synthetic = synthetic.build, spheres = synthetic.spheres, shuffled = synthetic.shuffled, rotation = synthetic.rotation,
  label = labels.label, grid = grid.new, isosurface = isosurface.new, domains = isosurface.domains,
  find_peaks = peaks.search, adaptive_bins = peaks.adaptive, ion_lines = peaks.lines, peak_hints = peaks.hints, peak_counts = peaks.net,
  spectrum_figure = peaks.figure, propose_ranges = ranging.propose, ranging_rows = ranging.rows, isotopes = require "orowan.apt.isotopes",
  proxigram = proxigram.new, surface_distance = proxigram.distance, profile = profile.new, project = maps.project, hit_map = maps.hits,
}
for name, f in pairs(require "orowan.apt.statistics") do api[name] = f end

return setmetatable(api, {
  __names = parts,
  __index = function(t, name)
    if not parts[name] then return nil end
    local m = require("orowan.apt." .. name)
    rawset(t, name, m)
    return m
  end,
})
