// Counts of ions on a grid of voxels, delocalised, and the smoothing of such a grid.
//
// Every ion is spread over the 3 x 3 x 3 voxels around it by the quadratic B-spline of one
// voxel's width (Hellman, Vandenbroucke, Blatz du Rivage and Seidman, Ultramicroscopy 95, 199,
// 2003, the first of the two steps there). Its weights add up to 1, keep the ion's place as
// their mean and have the variance voxel^2 / 4 wherever in the voxel the ion lies, so that a
// smoothing of the grid afterwards (the second step) gives a kernel of a known width.
//
// Weights are summed as whole multiples of 2^-24: sums do not depend on the order of the
// ions, the number of threads or how a file was cut into slabs, bit for bit. The weights of
// one ion are within 27 * 2^-25 of 1; a voxel holds up to 2^39 ions.
#ifndef OW_PHYSICS_IONGRID_H
#define OW_PHYSICS_IONGRID_H
#include <stdint.h>

#include "base/err.h"
#include "simd/isa.h"

#define OW_IONGRID_ONE 16777216.0f

typedef struct {
  double origin[3];  // lower corner of voxel (0, 0, 0), nm
  double voxel[3];   // edges, nm
  int64_t n[3];      // voxels along x, y, z; x varies fastest
  int species;
} ow_iongrid;

typedef struct { int64_t in, unknown, outside, broken; } ow_iongrid_count;  // broken: not finite

// Adds n ions (xyz f32 [n][3], species 1 .. g->species, others are unknown and left out) to
// grid [species][nz][ny][nx]. Ions whose voxel has no full neighbourhood are outside.
bool ow_iongrid_add(const ow_iongrid *g, const float *xyz, const int64_t *species, int64_t n, int64_t *grid,
                    ow_iongrid_count *count, ow_err *e);
// The same in plain double precision, one ion after the other: what the fast one is compared with.
bool ow_iongrid_reference(const ow_iongrid *g, const float *xyz, const int64_t *species, int64_t n, double *grid,
                          ow_iongrid_count *count, ow_err *e);
// Smallest box of the ions of a known species; false in any[0] when there is none.
void ow_iongrid_bounds(const float *xyz, const int64_t *species, int64_t n, int kinds, float lo[3], float hi[3], bool *any);

// out [outer][m][inner] = sum over k = -r .. r of tap[k + r] in [.][m + k][.], zero beyond the
// ends. in and out do not overlap.
bool ow_smooth_axis(const float *in, float *out, int64_t outer, int64_t m, int64_t inner, const float *tap, int r, ow_err *e);

// ---- per instruction set -------------------------------------------------------------------------
typedef struct {
  float origin[4], scale[4], top[4];  // an ion is inside where 1 <= (x - origin) scale < top
  int64_t nx, ny, nz, voxels;
  int kinds;
} ow_iongrid_frame;
typedef struct {
  void (*deposit)(const ow_iongrid_frame *f, const float *xyz, const int64_t *species, int64_t n, int64_t *grid, ow_iongrid_count *c);
} ow_iongrid_kernels;
OW_SIMD_TABLE(ow_iongrid_kernels, ow_iongrid_table)

#endif
