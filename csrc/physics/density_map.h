// Gaussian density maps of the atoms around a vacancy, one channel an element: what a convolution
// network sees of a jump. Xi(z, y, x, beta) = sum over atoms j of element beta with |r_j| < r_c of
// exp(-|r_j - (x, y, z)|^2 / (2 Delta^2)), at voxel centres -l_c + Delta/2 ... l_c - Delta/2.
#ifndef OW_PHYSICS_DENSITY_MAP_H
#define OW_PHYSICS_DENSITY_MAP_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "simd/isa.h"

typedef struct {
  double reach, half, delta;  // r_c, l_c, Delta
  int voxels, elements;       // a side, 2 l_c / Delta; channels
} ow_density_map;

// map: [elements][voxels]^3 (z, y, x), overwritten. r: n x 3 positions in the frame of the map; type:
// 0-based. Atoms at |r| >= reach are left out. Cut 6.5 Delta from an atom, where 7e-10 is left.
typedef struct {
  void (*add)(const ow_density_map *m, int64_t n, const double *r, const int32_t *type, float *map);
} ow_density_map_table;
OW_SIMD_TABLE(ow_density_map_table, ow_density_map_kernels)
// The sum as it stands above, without window, in double.
void ow_density_map_reference(const ow_density_map *m, int64_t n, const double *r, const int32_t *type, float *map);

// Atoms around jumps of one structure. For each jump: the sites within reach of the vacant site (itself
// left out), rotated so that the jump points along x and then by roll about x (radians).
typedef struct {
  int64_t sites;
  const double *cell, *inverse, *x;  // rows are box vectors; [sites x 3]
  const int32_t *type;
} ow_jump_frame;
// Fills r and type with at most `most` atoms; gives their number, or -1 when there are more.
int64_t ow_jump_atoms(const ow_jump_frame *f, int64_t vacancy, int64_t atom, double roll, double reach, int64_t most, double *r,
                      int32_t *type);

#endif
