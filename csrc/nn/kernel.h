// What the files of rows share: elements read as doubles by the plain kernels, spatial axes
// padded to three, and loops over tasks that the user can interrupt.
#ifndef OW_NN_KERNEL_H
#define OW_NN_KERNEL_H
#include "base/threads.h"
#include "nn/nn.h"

// Elements of a dense f32 or f64 tensor; p is NULL for an absent one.
typedef struct {
  void *p;
  bool wide;
} ow_elems;

static inline ow_elems ow_elements(const ow_tensor *t) {
  return t ? (ow_elems){ow_tensor_data(t), t->dtype == OW_F64} : (ow_elems){NULL, false};
}
static inline double ow_get(ow_elems a, int64_t i) { return a.wide ? ((double *)a.p)[i] : ((float *)a.p)[i]; }
static inline void ow_put(ow_elems a, int64_t i, double v) {
  if (a.wide) ((double *)a.p)[i] = v;
  else ((float *)a.p)[i] = (float)v;
}
static inline float *ow_out32(const ow_nn_call *c, int k) { return c->out[k] ? ow_tensor_data(c->out[k]) : NULL; }
static inline double *ow_out64(const ow_nn_call *c, int k) { return c->out[k] ? ow_tensor_data(c->out[k]) : NULL; }
static inline int64_t *ow_outi(const ow_nn_call *c, int k) { return c->out[k] ? ow_tensor_data(c->out[k]) : NULL; }

// Tasks of fixed size, any thread; the body must not leave the loop. Once the user has
// interrupted, the tasks left are skipped: end the function with OW_NN_DONE.
#define OW_NN_PRAGMA(x) _Pragma(#x)
#define OW_NN_TASKS(k, count)                                                                         \
  OW_NN_PRAGMA(omp parallel for num_threads(ow_threads()) schedule(dynamic, 1) if ((count) > 1))      \
  for (int64_t k = 0; k < (count); k++) if (!ow_interrupted())
#define OW_NN_DONE(e) return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true
#define OW_NN_POLL(e) do { if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted"); } while (0)

static inline int64_t ow_min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ow_max64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t ow_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Product of the extents from axis d on.
static inline int64_t ow_extent_from(const ow_tensor *t, int d) {
  int64_t n = 1;
  for (; d < t->ndim; d++) n *= t->shape[d];
  return n;
}

// in[k] must be [N, C] and `lo` to `hi` spatial axes.
bool ow_nn_expect_nc(const ow_nn_call *c, int k, int lo, int hi, ow_err *e);
// Spatial extents of a tensor [N, C, *S], padded with leading 1s to three.
void ow_nn_extents3(const int64_t *shape, int ndim, int64_t out[3]);
// Parameter k (OW_NN_INT3) at least `least` on every axis; the axes added in front get `fill`.
bool ow_nn_param3(const ow_nn_call *c, int k, int64_t least, int64_t fill, int64_t out[3], ow_err *e);
// Parameter k (OW_NN_INT) within [lo, hi].
bool ow_nn_param_in(const ow_nn_call *c, int k, int64_t lo, int64_t hi, ow_err *e);
// in[k], an index tensor, holds numbers lo..hi only; else the message names the first that does not.
bool ow_nn_index_in(const ow_nn_call *c, int k, int64_t lo, int64_t hi, ow_err *e);

#endif
