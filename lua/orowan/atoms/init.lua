--- Atoms: structures, crystals and alloys, their order, interatomic models, relaxation, minimum
--- energy paths.
local alloy = require "orowan.atoms.alloy"
local eam = require "orowan.atoms.eam"
local files = require "orowan.atoms.files"
local kim = require "orowan.atoms.kim"
local lammps = require "orowan.atoms.lammps_run"
local lattice = require "orowan.atoms.lattice"
local neb = require "orowan.atoms.neb"
local order = require "orowan.atoms.order"
local pair = require "orowan.atoms.pair"
local relax = require "orowan.atoms.relax"
local shells = require "orowan.atoms.shells"
local snap = require "orowan.atoms.snap"
local structure = require "orowan.atoms.structure"

return {
  new = structure.new,
  lattice = lattice.new,
  random = alloy.random, sqs = alloy.sqs, lattice_swaps = alloy.lattice_swaps,
  shells = shells.new, jumps = shells.jumps,
  order = order.of, order_chance = order.chance, order_shuffled = order.shuffled, order_records = order.records,
  read = files.read, write = files.write,
  snap = snap.read, eam = eam.read, pair_potential = pair.new, zbl = pair.zbl, overlay = pair.overlay,
  kim = kim.open, kim_models = kim.models, lammps = lammps.run,
  relax = relax.relax, evaluator = relax.evaluator,
  neb = neb.path, vacancy_jump = neb.vacancy_jump, vacancy_barrier = neb.vacancy_barrier,
}
