// Exchanges of atoms on a fixed lattice with a table of neighbours.
#ifndef OW_PHYSICS_LATTICE_MC_H
#define OW_PHYSICS_LATTICE_MC_H
#include "geometry/shell_table.h"

// Metropolis exchanges at constant composition with energies of pairs.
typedef struct {
  ow_shell_table table;
  int k;                 // species
  const double *energy;  // [shells][k][k], symmetric, of a pair; of an atom with its own image too
  double kt;             // same unit as energy; 0: only downhill
  int64_t steps, every;  // trials; how many between two records
  uint64_t seed, stream;
} ow_lattice_mc;

// type [n], 0-based, changed. Records, steps / every of them, after each `every` trials: energy of
// the whole lattice and, unless NULL, the counts of ow_shell_count [shells][k][k]. accepted: trials
// that exchanged two unlike atoms.
bool ow_lattice_mc_run(const ow_lattice_mc *m, int32_t *type, double *energy, int64_t *count, int64_t *accepted, ow_err *e);
double ow_lattice_energy(const ow_lattice_mc *m, const int32_t *type);

// Exchanges that bring the numbers of pairs towards wanted ones (special quasi-random structures:
// those of the infinite random alloy).
typedef struct {
  ow_shell_table table;
  int k;
  const double *weight;  // [shells]
  const double *wanted;  // [shells][k][k] Warren-Cowley parameters
  int64_t steps;
  int restarts;
  uint64_t seed;
} ow_sqs;

// type [n] in: the composition; out: the best of all restarts. misfit: its value.
bool ow_sqs_run(const ow_sqs *q, int32_t *type, double *misfit, ow_err *e);
// The misfit of pair numbers: sum over shells of weight * sum over a, b of x_a x_b (alpha_ab - wanted_ab)^2.
double ow_sqs_misfit(const ow_sqs *q, const double *share, const int64_t *count);

#endif
