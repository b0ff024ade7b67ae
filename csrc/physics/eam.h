// Embedded-atom and Finnis-Sinclair potentials from tables: E = sum_i F_i(sum_j rho_ji(r_ij)) +
// 1/2 sum_ij phi_ij(r_ij). Daw and Baskes, Phys. Rev. B 29 (1984) 6443; Finnis and Sinclair,
// Phil. Mag. A 50 (1984) 45.
#ifndef OW_PHYSICS_EAM_H
#define OW_PHYSICS_EAM_H
#include "geometry/pair_list.h"

typedef struct {
  int elements, nrho, nr;
  double drho, dr, cutoff;
  double *spline;  // all tables; of each interval the cubic's four coefficients in [0, 1)
  double *embed;   // [elements][nrho][4] F(rho)
  double *density; // [elements][elements][nr][4] rho that the first lends to the second
  double *pair;    // [elements][elements][nr][4] r phi(r)
} ow_eam;

// Tables: embed [elements][nrho], density [elements][elements][nr] (first: the source), pair
// [elements][elements][nr] r phi in eV A; all begin at 0.
bool ow_eam_new(ow_eam *m, int elements, int nrho, double drho, int nr, double dr, double cutoff, const double *embed, const double *density,
                const double *pair, ow_err *e);
void ow_eam_free(ow_eam *m);
// As ow_snap_compute.
bool ow_eam_compute(const ow_eam *m, const ow_pair_list *l, const double cell[9], const double *x, const int32_t *type, double *energy,
                    double *force, double *strain, ow_err *e);

#endif
