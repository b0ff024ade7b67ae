// Batch normalisation of rows [N, C]: channels lie side by side, so lanes are channels. Rows are
// cut into chunks of CHUNK; moments and sums of the chunks are joined in their order.
#include <math.h>

#include "base/alloc.h"
#include "nn/kernel.h"
#include "nn/norm.h"

enum { CHUNK = 512 };

static char *row(const ow_tensor *t, int64_t r) {
  return (char *)ow_tensor_data(t) + (size_t)(r * t->shape[1]) * ow_dtype_size(t->dtype);
}

// Vectors of six values a channel, in the call's dtype.
static bool make(ow_affine_rows *a, void **block, const ow_nn_call *c, int64_t n, ow_err *e) {
  size_t size = (size_t)n * ow_dtype_size(c->dtype);
  char *p = *block = ow_alloc(6 * size + 64, e);
  if (!p) return false;
  a->mean = p, a->scale = p + size, a->shift = p + 2 * size;
  for (int i = 0; i < 3; i++) a->k[i] = p + (size_t)(3 + i) * size;
  return true;
}

static void set(const ow_nn_call *c, const void *v, int64_t k, double x) {
  ow_put((ow_elems){(void *)(uintptr_t)v, c->dtype == OW_F64}, k, x);
}

bool ow_norm_rows(ow_nn_call *c, double eps, int kind, double alpha, ow_err *e) {
  const ow_tensor *x = c->in[0];
  int64_t n = x->shape[0], w = x->shape[1], tasks = ow_ceil_div(n, CHUNK);
  const ow_norm_kernels *K = &ow_norm_table()->of[c->dtype == OW_F64];
  ow_elems gamma = ow_elements(c->in[1]), beta = ow_elements(c->in[2]), mean = ow_elements(c->in[3]), var = ow_elements(c->in[4]);
  ow_elems omean = ow_elements(c->out[1]), ovar = ow_elements(c->out[2]);
  ow_affine_rows a = {.alpha = alpha, .kind = kind};
  void *block;
  if (!make(&a, &block, c, w, e)) return false;
  ow_moments *part = mean.p ? NULL : ow_alloc_array((size_t)(tasks * w + 1), sizeof *part, e);
  if (!mean.p && !part) return ow_free(block), false;
  if (part) {
    OW_NN_TASKS(t, tasks) K->moments_rows(row(x, t * CHUNK), ow_min64(CHUNK, n - t * CHUNK), w, part + t * w);
  }
  for (int64_t k = 0; k < w && !ow_interrupted(); k++) {
    ow_moments m = {0, 0, 0};
    for (int64_t t = 0; part && t < tasks; t++) m = ow_moments_join(m, part[t * w + k]);
    double mu = part ? (m.n ? m.mean : NAN) : ow_get(mean, k), v = part ? m.m2 / m.n : ow_get(var, k);
    if (omean.p) ow_put(omean, k, mu);
    if (ovar.p) ow_put(ovar, k, v);
    if (c->dtype == OW_F32) v = (float)v;  // as the gradient will see it
    set(c, a.mean, k, mu);
    set(c, a.scale, k, (gamma.p ? ow_get(gamma, k) : 1) / sqrt(v + eps));
    set(c, a.shift, k, beta.p ? ow_get(beta, k) : 0);
  }
  ow_free(part);
  OW_NN_TASKS(t, tasks) K->forward_rows(row(x, t * CHUNK), ow_min64(CHUNK, n - t * CHUNK), w, &a, row(c->out[0], t * CHUNK));
  ow_free(block);
  OW_NN_DONE(e);
}

bool ow_norm_rows_grad(ow_nn_call *c, double eps, int kind, double alpha, bool fixed, ow_err *e) {
  const ow_tensor *x = c->in[0], *dy = c->in[1];
  int64_t n = x->shape[0], w = x->shape[1], tasks = ow_ceil_div(n, CHUNK);
  const ow_norm_kernels *K = &ow_norm_table()->of[c->dtype == OW_F64];
  ow_elems gamma = ow_elements(c->in[2]), beta = ow_elements(c->in[3]), mean = ow_elements(c->in[4]), var = ow_elements(c->in[5]);
  ow_elems dgamma = ow_elements(c->out[1]), dbeta = ow_elements(c->out[2]);
  ow_affine_rows a = {.alpha = alpha, .kind = kind, .fixed = fixed};
  void *block;
  if (!make(&a, &block, c, w, e)) return false;
  double *part = ow_alloc_array((size_t)(2 * tasks * w + 1), sizeof *part, e);
  if (!part) return ow_free(block), false;
  for (int64_t k = 0; k < w; k++) {
    set(c, a.mean, k, ow_get(mean, k));
    set(c, a.scale, k, (gamma.p ? ow_get(gamma, k) : 1) / sqrt(ow_get(var, k) + eps));
    set(c, a.shift, k, beta.p ? ow_get(beta, k) : 0);
  }
  OW_NN_TASKS(t, tasks)
    K->sums_rows(row(x, t * CHUNK), row(dy, t * CHUNK), ow_min64(CHUNK, n - t * CHUNK), w, &a, part + 2 * t * w);
  for (int64_t k = 0; k < w && !ow_interrupted(); k++) {
    double s1 = 0, s2 = 0, r = 1 / sqrt(ow_get(var, k) + eps), s = r * (gamma.p ? ow_get(gamma, k) : 1);
    for (int64_t t = 0; t < tasks; t++) s1 += part[2 * (t * w + k)], s2 += part[2 * (t * w + k) + 1];
    if (dgamma.p) ow_put(dgamma, k, s2 * r);
    if (dbeta.p) ow_put(dbeta, k, s1);
    set(c, a.k[0], k, s);
    set(c, a.k[1], k, fixed ? 0 : -s * r * r * (s2 / (double)n));
    set(c, a.k[2], k, fixed ? 0 : -s * (s1 / (double)n));
  }
  ow_free(part);
  OW_NN_TASKS(t, tasks)
    K->backward_rows(row(x, t * CHUNK), row(dy, t * CHUNK), ow_min64(CHUNK, n - t * CHUNK), w, &a, row(c->out[0], t * CHUNK));
  ow_free(block);
  OW_NN_DONE(e);
}
