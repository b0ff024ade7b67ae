// Geometry of pooling windows, and the vectorised rows of pool.simd.c.
#ifndef OW_NN_POOL_H
#define OW_NN_POOL_H
#include "nn/nn.h"

#include "nn/nn.h"
#include "simd/isa.h"

typedef struct {
  int64_t planes, in, out;  // planes [N, C]; elements of a plane in and out
  int64_t size[3], osize[3], kernel[3], stride[3], padding[3];
} ow_pool;

typedef struct {
  // One output row (o0, o1, all of the last axis) of one plane; scratch: 8 bytes an output.
  void (*max_row)(const ow_pool *p, const void *x, int64_t o0, int64_t o1, void *y, int64_t *index, void *scratch);
  // Sum over the windows of one output row, times scale[j].
  void (*sum_row)(const ow_pool *p, const void *x, int64_t o0, int64_t o1, const double *scale, void *y);
  // dx += the transposed of sum_row.
  void (*spread_row)(const ow_pool *p, const void *dy, int64_t o0, int64_t o1, const double *scale, void *dx);
  void (*copy_past)(void *to, const void *from, int64_t bytes);  // memcpy past the caches
} ow_pool_kernels;

typedef struct { ow_pool_kernels of[2]; } ow_pool_table_t;  // [0] f32, [1] f64
OW_SIMD_TABLE(ow_pool_table_t, ow_pool_table)

// The fast kernels of the rows (pool_fast.c), called with the geometry of the call.
bool ow_max_pool_fast(ow_nn_call *c, const ow_pool *p, ow_err *e);
bool ow_max_pool_grad_fast(ow_nn_call *c, const ow_pool *p, ow_err *e);
bool ow_avg_pool_fast(ow_nn_call *c, const ow_pool *p, bool count, bool grad, ow_err *e);

// Kernel offsets [lo, hi) of output o along axis j whose elements lie inside the input.
static inline void ow_pool_span(const ow_pool *p, int j, int64_t o, int64_t *lo, int64_t *hi) {
  int64_t a = o * p->stride[j] - p->padding[j], room = p->size[j] - a;
  *lo = a < 0 ? -a : 0;
  *hi = room < p->kernel[j] ? room : p->kernel[j];
}
// Outputs [lo, hi) of the last axis for which kernel offset k lies inside the input.
static inline void ow_pool_outputs(const ow_pool *p, int64_t k, int64_t *lo, int64_t *hi) {
  int64_t first = p->padding[2] - k, last = p->size[2] - 1 + p->padding[2] - k;
  *lo = first > 0 ? (first + p->stride[2] - 1) / p->stride[2] : 0;
  *hi = last < 0 ? 0 : last / p->stride[2] + 1;
  if (*hi > p->osize[2]) *hi = p->osize[2];
}

// Geometry of a call of any of the four rows.
bool ow_pool_geometry(const ow_nn_call *c, ow_pool *p, ow_err *e);

#endif
