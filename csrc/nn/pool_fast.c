// Pooling, the fast way: a task is a plane or several; rows of outputs are made in a buffer in
// L1 and go to memory past the caches when the result is large. The gradient of the maximum is
// gathered in a buffer of one plane in L2 (the places come in any order), then copied out.
#include <string.h>

#include "base/alloc.h"
#include "nn/kernel.h"
#include "nn/pool.h"

enum { GRAIN = 1 << 15, PAST = 8 << 20, BATCH = 1024, PLANE = 1 << 20 };

static const ow_pool_kernels *kernels(const ow_nn_call *c) { return &ow_pool_table()->of[c->dtype == OW_F64]; }
static bool large(const ow_nn_call *c, int64_t n) { return (double)n * (double)ow_dtype_size(c->dtype) > PAST; }
static int64_t per_task(const ow_pool *p) { return ow_max64(1, GRAIN / ow_max64(1, p->in + p->out)); }

// Rows of outputs of one plane, made `rows` at a time.
bool ow_max_pool_fast(ow_nn_call *c, const ow_pool *p, ow_err *e) {
  const ow_pool_kernels *K = kernels(c);
  if (p->in > INT32_MAX) return c->op->reference(c, e);  // f32 keeps places in 32 bits
  int64_t size = (int64_t)ow_dtype_size(c->dtype), w = p->osize[2], lines = p->osize[0] * p->osize[1];
  int64_t rows = ow_max64(1, BATCH / w), per = per_task(p);
  bool past = large(c, p->planes * p->in);
  int64_t room = (rows * w * size + 63) / 64 * 64 + rows * w * 8;
  char *buffers = ow_alloc_array((size_t)ow_threads(), (size_t)(room + w * 8 + 128), e);
  if (!buffers) return false;
  const char *x = ow_tensor_data(c->in[0]);
  char *y = ow_tensor_data(c->out[0]);
  int64_t *index = ow_outi(c, 1);
  OW_NN_TASKS(t, ow_ceil_div(p->planes, per)) {
    char *buf = buffers + (size_t)omp_get_thread_num() * (size_t)((room + w * 8 + 128) / 64 * 64);
    int64_t *ibuf = (int64_t *)(buf + (rows * w * size + 63) / 64 * 64);
    void *scratch = ibuf + rows * w;
    for (int64_t k = t * per; k < ow_min64(p->planes, (t + 1) * per); k++)
      for (int64_t l = 0; l < lines; l += rows) {
        int64_t end = ow_min64(lines, l + rows), first = k * p->out + l * w, n = (end - l) * w;
        char *yo = past ? buf : y + first * size;
        int64_t *io = !index ? NULL : past ? ibuf : index + first;
        for (int64_t q = l; q < end; q++)
          K->max_row(p, x + k * p->in * size, q / p->osize[1], q % p->osize[1], yo + (q - l) * w * size,
                     io ? io + (q - l) * w : NULL, scratch);
        if (past) K->copy_past(y + first * size, buf, n * size);
        if (past && index) K->copy_past(index + first, ibuf, n * 8);
      }
  }
  ow_free(buffers);
  OW_NN_DONE(e);
}

// Adds dy at the places of one plane; false when a place lies outside.
#define SCATTER(T)                                                                          \
  static bool scatter_##T(const ow_pool *p, const T *dy, const int64_t *index, T *dx) {     \
    bool ok = true;                                                                         \
    for (int64_t o = 0; o < p->out; o++) {                                                  \
      if ((uint64_t)index[o] >= (uint64_t)p->in) ok = false;                                \
      else dx[index[o]] += dy[o];                                                           \
    }                                                                                       \
    return ok;                                                                              \
  }
SCATTER(float)
SCATTER(double)

bool ow_max_pool_grad_fast(ow_nn_call *c, const ow_pool *p, ow_err *e) {
  const ow_pool_kernels *K = kernels(c);
  int64_t size = (int64_t)ow_dtype_size(c->dtype), per = per_task(p), bytes = p->in * size;
  bool past = large(c, p->planes * p->in) && bytes <= PLANE;
  char *buffers = ow_alloc_array(past ? (size_t)ow_threads() : 1, (size_t)bytes + 64, e);
  if (!buffers) return false;
  const char *dy = ow_tensor_data(c->in[0]);
  const int64_t *index = ow_i64(c->in[1]);
  char *dx = ow_tensor_data(c->out[0]);
  int bad = 0;
  OW_NN_TASKS(t, ow_ceil_div(p->planes, per)) {
    char *buf = buffers + (size_t)omp_get_thread_num() * (size_t)((bytes + 64) / 64 * 64);
    for (int64_t k = t * per; k < ow_min64(p->planes, (t + 1) * per); k++) {
      char *to = past ? buf : dx + k * bytes;
      memset(to, 0, (size_t)bytes);
      bool ok = c->dtype == OW_F32 ? scatter_float(p, (const float *)dy + k * p->out, index + k * p->out, (float *)to)
                                   : scatter_double(p, (const double *)dy + k * p->out, index + k * p->out, (double *)to);
      if (!ok) __atomic_store_n(&bad, 1, __ATOMIC_RELAXED);
      if (past) K->copy_past(dx + k * bytes, to, bytes);
    }
  }
  ow_free(buffers);
  return bad ? ow_nn_index_in(c, 1, 0, p->in - 1, e) : ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

// 1 / volume of the windows of a row, from the volume along each axis.
static void row_scale(const ow_pool *p, int64_t o0, int64_t o1, bool count, double *scale) {
  double v[3] = {0};
  for (int64_t j = 0; j < p->osize[2]; j++) {
    int64_t o[3] = {o0, o1, j};
    for (int d = j ? 2 : 0; d < 3; d++) {
      int64_t lo, hi;
      ow_pool_span(p, d, o[d], &lo, &hi);
      v[d] = (double)(count ? p->kernel[d] : hi - lo);
    }
    scale[j] = 1 / (v[0] * v[1] * v[2]);
  }
}

bool ow_avg_pool_fast(ow_nn_call *c, const ow_pool *p, bool count, bool grad, ow_err *e) {
  const ow_pool_kernels *K = kernels(c);
  int64_t size = (int64_t)ow_dtype_size(c->dtype), w = p->osize[2], lines = p->osize[0] * p->osize[1], per = per_task(p);
  double *scale = ow_alloc_array((size_t)(lines * w), sizeof *scale, e);
  if (!scale) return false;
  for (int64_t l = 0; l < lines; l++) row_scale(p, l / p->osize[1], l % p->osize[1], count, scale + l * w);
  const char *in = ow_tensor_data(c->in[0]);
  char *out = ow_tensor_data(c->out[0]);
  OW_NN_TASKS(t, ow_ceil_div(p->planes, per)) {
    for (int64_t k = t * per; k < ow_min64(p->planes, (t + 1) * per); k++) {
      if (grad) memset(out + k * p->in * size, 0, (size_t)(p->in * size));
      for (int64_t l = 0; l < lines; l++) {
        int64_t o0 = l / p->osize[1], o1 = l % p->osize[1];
        if (grad) K->spread_row(p, in + (k * p->out + l * w) * size, o0, o1, scale + l * w, out + k * p->in * size);
        else K->sum_row(p, in + k * p->in * size, o0, o1, scale + l * w, out + (k * p->out + l * w) * size);
      }
    }
  }
  ow_free(scale);
  OW_NN_DONE(e);
}
