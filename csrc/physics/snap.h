// Spectral neighbour analysis potential (SNAP), linear in the bispectrum components of each
// atom's neighbourhood. Thompson, Swiler, Trott, Foiles, Tucker, J. Comput. Phys. 285 (2015) 316;
// adjoint form of the forces: Wood and Thompson, J. Chem. Phys. 148 (2018) 241721.
#ifndef OW_PHYSICS_SNAP_H
#define OW_PHYSICS_SNAP_H
#include "geometry/pair_list.h"
#include "simd/isa.h"

// A program for the adjoint Y of one element: for every output a sum over groups
// y[out] += u[a] * sum of c u[b], products of complex numbers with real coefficients.
typedef struct {
  int outputs, groups, terms;
  int16_t *out;      // [outputs] index in the half planes
  int32_t *group_of; // [outputs + 1]
  int16_t *a;        // [groups] index in the full planes
  int32_t *term_of;  // [groups + 1]
  int16_t *b;        // [terms]
  double *c;         // [terms]
} ow_snap_program;

typedef struct {
  int elements, two_j, components;  // components: B without the constant
  double factor, rfac0, rmin0;      // cutoff of a pair: factor (R_i + R_j)
  bool zero;                        // B of an isolated atom is subtracted
  double *radius, *weight;          // [elements]
  double *beta;                     // [elements][components + 1], the constant first
  double cutoff;                    // the largest of a pair

  // tables made by ow_snap_new
  int full, half;                   // elements of all U_j, of their half planes 2 mb <= j
  int full_at[32], half_at[32];     // where j begins
  int16_t (*triple)[3];             // [components] j1 >= j2, j >= j1, of the B
  double *recur;                    // sqrt(p/q), [two_j + 1][two_j + 1]
  double *share;                    // [half] weight of an element in the sum over a half plane: 1, 1/2, 0
  ow_snap_program *program;         // [elements]
  double *shift;                    // [elements] constant of the energy
} ow_snap;

bool ow_snap_new(ow_snap *s, int elements, int two_j, double factor, double rfac0, double rmin0, bool zero, const double *radius,
                 const double *weight, const double *beta, ow_err *e);
void ow_snap_free(ow_snap *s);
int ow_snap_components(int two_j);
// Clebsch-Gordan coefficient of C(j1 m1 j2 m2 | j m); arguments doubled, m counted from 0.
double ow_snap_coupling(int j1, int j2, int j, int m1, int m2, int m);

// Energies [n] of the atoms (eV, as the coefficients), forces [n x 3] and strain derivative
// [9] = sum over pairs of d (x) dE/dd; the last two may be NULL. type: 0-based element. The list's
// cutoff is at least s->cutoff; x may have moved since it was made by less than half the surplus.
bool ow_snap_compute(const ow_snap *s, const ow_pair_list *l, const double cell[9], const double *x, const int32_t *type,
                     double *energy, double *force, double *strain, ow_err *e);
// The definition, term by term: energies and, unless NULL, B [n x components].
bool ow_snap_reference(const ow_snap *s, const ow_pair_list *l, const double cell[9], const double *x, const int32_t *type,
                       double *energy, double *b, ow_err *e);

// Values of one neighbour, a row of lanes each.
enum { OW_SNAP_X, OW_SNAP_Y, OW_SNAP_Z, OW_SNAP_R, OW_SNAP_Z0, OW_SNAP_DZ0, OW_SNAP_S, OW_SNAP_DS, OW_SNAP_VALUES };
typedef struct {
  int lanes;
  size_t work;  // doubles of scratch per group beside lanes * (2 full + 6 half)
  // energy without constants [lanes]; force: dE/dd of each neighbour, [count][3][lanes], or NULL
  void (*group)(const ow_snap *s, int element, int count, const double *neighbour, double *energy, double *force, double *scratch);
} ow_snap_table;
OW_SIMD_TABLE(ow_snap_table, ow_snap_kernels)

#endif
