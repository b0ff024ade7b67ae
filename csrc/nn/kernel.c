#include "nn/kernel.h"

bool ow_nn_expect_nc(const ow_nn_call *c, int k, int lo, int hi, ow_err *e) {
  const ow_tensor *t = c->in[k];
  if (t->ndim >= lo + 2 && t->ndim <= hi + 2) return true;
  char got[160];
  return OW_FAIL(e, OW_ESHAPE, "%s: expected [N, C] and %d to %d spatial axes, got shape %s", c->op->in[k].name, lo, hi,
                 ow_shape_string(got, t->ndim, t->shape));
}

void ow_nn_extents3(const int64_t *shape, int ndim, int64_t out[3]) {
  for (int j = 0; j < 3; j++) {
    int d = ndim - 3 + j;
    out[j] = d >= 2 ? shape[d] : 1;
  }
}

bool ow_nn_param3(const ow_nn_call *c, int k, int64_t least, int64_t fill, int64_t out[3], ow_err *e) {
  for (int j = 0; j < 3; j++) {
    int d = j - (3 - c->spatial);
    out[j] = d >= 0 ? c->p[k].i[d] : fill;
    if (d >= 0 && (out[j] < least || out[j] > INT32_MAX))
      return OW_FAIL(e, OW_EARG, "%s: expected %lld or more, got %lld", c->op->param[k].name, (long long)least,
                     (long long)out[j]);
  }
  return true;
}

bool ow_nn_param_in(const ow_nn_call *c, int k, int64_t lo, int64_t hi, ow_err *e) {
  int64_t v = c->p[k].i[0];
  return v >= lo && v <= hi ? true
         : OW_FAIL(e, OW_EARG, "%s: expected %lld to %lld, got %lld", c->op->param[k].name, (long long)lo,
                   (long long)hi, (long long)v);
}

bool ow_nn_index_in(const ow_nn_call *c, int k, int64_t lo, int64_t hi, ow_err *e) {
  enum { CHUNK = 1 << 16 };
  const int64_t *v = ow_i64(c->in[k]);
  int64_t n = ow_tensor_numel(c->in[k]), tasks = ow_ceil_div(n, CHUNK);
  int bad = 0;
  OW_NN_TASKS(t, tasks) {
    int64_t end = ow_min64(n, (t + 1) * CHUNK);
    int b = 0;
    for (int64_t i = t * CHUNK; i < end; i++) b |= (v[i] < lo) | (v[i] > hi);
    if (b) __atomic_store_n(&bad, 1, __ATOMIC_RELAXED);
  }
  OW_NN_POLL(e);
  for (int64_t i = 0; bad && i < n; i++)
    if (v[i] < lo || v[i] > hi)
      return OW_FAIL(e, OW_EARG, "%s: element %lld is %lld, allowed are %lld to %lld", c->op->in[k].name,
                     (long long)i + 1, (long long)v[i], (long long)lo, (long long)hi);
  return true;
}
