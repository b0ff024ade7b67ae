--- The statistics of points under the names that `ow.apt` gives them.
local cluster_table = require "orowan.apt.cluster_table"
local clusters = require "orowan.apt.clusters"
local contingency = require "orowan.apt.contingency"
local density = require "orowan.apt.density_clusters"
local neighbours = require "orowan.apt.neighbours"
local points = require "orowan.apt.points"
local poles = require "orowan.apt.poles"
local rdf = require "orowan.apt.rdf"
local sdm = require "orowan.apt.sdm"

return {
  clusters = clusters.find, cluster_sizes = clusters.sizes, false_clusters = clusters.false_clusters, choose_d_max = clusters.choose_d_max,
  dbscan = density.dbscan, hdbscan = density.hdbscan,
  neighbour_distances = neighbours.distances, poisson_neighbour = neighbours.poisson_neighbour,
  rdf = rdf.rdf, pair_correlation = rdf.pair_correlation,
  z_sdm = sdm.z, sdm_spacing = sdm.spacing, lateral_sdm = sdm.lateral, volume_sdm = sdm.volume, poles = poles.find,
  shuffled_species = points.shuffled, cluster_table = cluster_table.build, contingency = contingency.contingency,
}
