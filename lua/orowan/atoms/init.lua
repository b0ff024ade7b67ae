--- Atoms: structures, interatomic models.
local snap = require "orowan.atoms.snap"
local structure = require "orowan.atoms.structure"

return {
  new = structure.new,
  snap = snap.read,
}
