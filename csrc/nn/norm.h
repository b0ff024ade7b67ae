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

// The same for rows of c channels that lie side by side; vectors of T, one element a channel.
typedef struct {
  const void *mean, *scale, *shift, *k[3];
  double alpha;
  int kind;
  bool fixed;  // k[1] and k[2] are 0 throughout
} ow_affine_rows;

typedef struct {
  // Vectors are void: the table has one row for float and one for double.
  void (*moments)(const void *x, int64_t n, ow_moments *m);
  void (*forward)(const void *x, int64_t n, const ow_affine *a, void *y, bool past);
  // out[0] += sum g, out[1] += sum g (x - mean), g = dy act'(z)
  void (*sums)(const void *x, const void *dy, int64_t n, const ow_affine *a, double out[2]);
  // dx = k[0] g + k[1] (x - mean) + k[2]
  void (*backward)(const void *x, const void *dy, int64_t n, const ow_affine *a, const double k[3], void *dx, bool past);
  // n rows of c channels; m, out: one element (sums: a pair) a channel, written
  void (*moments_rows)(const void *x, int64_t n, int64_t c, ow_moments *m);
  void (*forward_rows)(const void *x, int64_t n, int64_t c, const ow_affine_rows *a, void *y);
  void (*sums_rows)(const void *x, const void *dy, int64_t n, int64_t c, const ow_affine_rows *a, double *out);
  void (*backward_rows)(const void *x, const void *dy, int64_t n, int64_t c, const ow_affine_rows *a, void *dx);
} ow_norm_kernels;

typedef struct { ow_norm_kernels of[2]; } ow_norm_table_t;  // [0] f32, [1] f64
OW_SIMD_TABLE(ow_norm_table_t, ow_norm_table)

// batch_norm and its gradient where there are no positions, [N, C]; arguments as in norm_batch.c.
struct ow_nn_call;
struct ow_err;
bool ow_norm_rows(struct ow_nn_call *c, double eps, int kind, double alpha, struct ow_err *e);
bool ow_norm_rows_grad(struct ow_nn_call *c, double eps, int kind, double alpha, bool fixed, struct ow_err *e);

#endif
