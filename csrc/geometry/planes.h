// How strongly points lie on planes: power of the structure factor along directions.
//   P(u, q) = |sum_j exp(2 pi i q u . x_j)|^2 / n
// is 1 on average for points at random and n for ideal planes of spacing 1/q. Wave numbers are
// stepped by a rotation of the phase, so an ion costs four multiplications for each of them.
#ifndef OW_GEOMETRY_PLANES_H
#define OW_GEOMETRY_PLANES_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "simd/isa.h"

// x: n x 3 f32, near the origin; u: m x 3 unit vectors; q = first + k step, k < steps.
// power [m][steps]. The same bits at any thread count.
bool ow_plane_power(const float *x, int64_t n, const double *u, int64_t m, double first, double step, int64_t steps,
                    float *power, ow_err *e);

typedef struct {
  // t: n projections, n a multiple of 16 with cos = sin = 0 where valid is 0
  void (*sum)(const float *t, const float *valid, int64_t n, float first, float step, int64_t steps, float *re, float *im);
} ow_plane_kernels;
OW_SIMD_TABLE(ow_plane_kernels, ow_plane_table)

#endif
