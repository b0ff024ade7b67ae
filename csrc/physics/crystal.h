// Atoms of a box: one or more grains (a lattice, its rotation and origin, cut by planes), with
// ordered or segregated domains in which the site occupancies differ.
//
// A site r = R (C (i + basis_b)) + origin belongs to a grain when it lies in the box and on the
// inner side of all its planes; it lies in a domain when |A (r - centre)| <= 1 for one of its
// ellipsoids (the first in the list decides). Its species is drawn from the cumulative
// occupancy of (kind of the domain, basis site): kind 0 is the matrix.
//
// Random numbers depend on (seed, grain, site) only: same atoms at any thread count, and a
// domain changes no atom outside it. Faults are grains: a stacking fault or an antiphase
// boundary shifts the origin, a twin or grain boundary changes R.
#ifndef OW_PHYSICS_CRYSTAL_H
#define OW_PHYSICS_CRYSTAL_H
#include "base/err.h"
#include "base/tensor.h"

typedef struct {
  double cell[9];             // columns are the cell vectors, nm
  const double *basis;        // [nb][3], fractions of the cell
  int nb;
  double box[3];              // 0 <= x < box, nm
  const double *grain;        // [ng][12]: R (row-major), origin (nm)
  int ng;
  const double *plane;        // [np][4]: n, d; inside where n . r <= d
  const int64_t *plane_grain; // [np], 0-based
  int np;
  const double *domain;       // [nd][12]: A (row-major), centre (nm)
  const int64_t *domain_kind; // [nd], 1-based kind
  const int64_t *domain_label;// [nd], 1-based label; ellipsoids of one label make one domain
  int nd;
  const double *occupancy;    // [kinds + 1][nb][ns], cumulative, the last is 1
  int kinds, ns;
  uint64_t seed;
} ow_crystal;

// Makes positions f32 [n,3] (nm), species, domain label (0: matrix), grain (0-based), basis
// site (0-based): i64 [n]. Tensors are untouched on failure.
bool ow_crystal_build(const ow_crystal *c, ow_tensor *xyz, ow_tensor *species, ow_tensor *label, ow_tensor *grain,
                      ow_tensor *site, ow_err *e);

#endif
