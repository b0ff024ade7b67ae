// Vectorised runs of the normalisations, per ISA and type. A run is n elements in a row that
// share one mean and one scale.
#ifndef OW_NN_NORM_H
#define OW_NN_NORM_H
#include <stdbool.h>
#include <stdint.h>

#include "simd/isa.h"

// Mean and sum of squared distances from it of n elements.
typedef struct { double n, mean, m2; } ow_moments;

// Joins two sets (Chan, Golub and LeVeque, Am. Stat. 1983).
static inline ow_moments ow_moments_join(ow_moments a, ow_moments b) {
  if (a.n == 0) return b;
  if (b.n == 0) return a;
  double n = a.n + b.n, d = b.mean - a.mean;
  return (ow_moments){n, a.mean + d * (b.n / n), a.m2 + b.m2 + d * d * (a.n * b.n / n)};
}

// z = (x - mean) * scale + shift, y = act(z); kind OW_ACT_NONE, _RELU or _LEAKY_RELU
typedef struct {
  double mean, scale, shift, alpha;
  int kind;
} ow_affine;

typedef struct {
  // Vectors are void: the table has one row for float and one for double.
  void (*moments)(const void *x, int64_t n, ow_moments *m);
  void (*forward)(const void *x, int64_t n, const ow_affine *a, void *y, bool past);
  // out[0] += sum g, out[1] += sum g (x - mean), g = dy act'(z)
  void (*sums)(const void *x, const void *dy, int64_t n, const ow_affine *a, double out[2]);
  // dx = k[0] g + k[1] (x - mean) + k[2]
  void (*backward)(const void *x, const void *dy, int64_t n, const ow_affine *a, const double k[3], void *dx, bool past);
} ow_norm_kernels;

typedef struct { ow_norm_kernels of[2]; } ow_norm_table_t;  // [0] f32, [1] f64
OW_SIMD_TABLE(ow_norm_table_t, ow_norm_table)

#endif
