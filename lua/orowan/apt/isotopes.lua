--- See orowan.atoms.isotopes.
return require "orowan.atoms.isotopes"
