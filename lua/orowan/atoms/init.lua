--- Atoms: structures, interatomic models, relaxation, minimum energy paths.
local neb = require "orowan.atoms.neb"
local relax = require "orowan.atoms.relax"
local snap = require "orowan.atoms.snap"
local structure = require "orowan.atoms.structure"

return {
  new = structure.new,
  snap = snap.read,
  relax = relax.relax, evaluator = relax.evaluator,
  neb = neb.path, vacancy_jump = neb.vacancy_jump, vacancy_barrier = neb.vacancy_barrier,
}
