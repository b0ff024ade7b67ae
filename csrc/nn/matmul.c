// The rows matmul and linear on linalg's matrix product (OpenBLAS), with a plain reference.
// linear is x w^T: the layout in which layers keep their weights.
#include "linalg/matmul.h"

#include <string.h>

#include "base/threads.h"
#include "nn/cl.h"
#include "nn/nn.h"

enum { TRANSPOSE_A, TRANSPOSE_B };

// t as it is multiplied: its last two axes swapped if asked.
static ow_tensor turned(const ow_tensor *t, bool swap) {
  ow_tensor v = *t;  // borrows the storage
  if (swap) {
    int64_t n = v.shape[v.ndim - 1], s = v.stride[v.ndim - 1];
    v.shape[v.ndim - 1] = v.shape[v.ndim - 2], v.stride[v.ndim - 1] = v.stride[v.ndim - 2];
    v.shape[v.ndim - 2] = n, v.stride[v.ndim - 2] = s;
  }
  return v;
}

static bool matmul_shape(ow_nn_call *c, ow_err *e) {
  char s[160], s2[160];
  for (int k = 0; k < 2; k++)
    if (c->in[k]->ndim != 2 && c->in[k]->ndim != 3)
      return OW_FAIL(e, OW_ESHAPE, "%s: expected a matrix or a stack of matrices, got shape %s", c->op->in[k].name,
                     ow_shape_string(s, c->in[k]->ndim, c->in[k]->shape));
  ow_tensor a = turned(c->in[0], c->p[TRANSPOSE_A].i[0]), b = turned(c->in[1], c->p[TRANSPOSE_B].i[0]);
  if (a.ndim == 3 && b.ndim == 3 && a.shape[0] != b.shape[0])
    return OW_FAIL(e, OW_ESHAPE, "a is %s, b is %s: %lld and %lld matrices", ow_shape_string(s, a.ndim, a.shape),
                   ow_shape_string(s2, b.ndim, b.shape), (long long)a.shape[0], (long long)b.shape[0]);
  int ndim;
  int64_t shape[OW_MAXDIM];
  if (!ow_matmul_shape(&a, &b, &ndim, shape, e)) return false;
  ow_nn_shape(c, 0, ndim, shape);
  return true;
}

static bool matmul_fast(ow_nn_call *c, ow_err *e) {
  ow_tensor a = turned(c->in[0], c->p[TRANSPOSE_A].i[0]), b = turned(c->in[1], c->p[TRANSPOSE_B].i[0]);
  return ow_matmul(c->out[0], &a, &b, e);
}

static double get(const ow_tensor *t, int64_t at) {
  return t->dtype == OW_F32 ? (double)((const float *)ow_tensor_data(t))[at] : ((const double *)ow_tensor_data(t))[at];
}

static void put(const ow_tensor *t, int64_t at, double v) {
  if (t->dtype == OW_F32) ((float *)ow_tensor_data(t))[at] = (float)v;
  else ((double *)ow_tensor_data(t))[at] = v;
}

static bool matmul_reference(ow_nn_call *c, ow_err *e) {
  ow_tensor a = turned(c->in[0], c->p[TRANSPOSE_A].i[0]), b = turned(c->in[1], c->p[TRANSPOSE_B].i[0]);
  const ow_tensor *y = c->out[0];
  int64_t m = y->shape[y->ndim - 2], n = y->shape[y->ndim - 1], k = a.shape[a.ndim - 1];
  int64_t batch = y->ndim == 3 ? y->shape[0] : 1, sa = a.ndim == 3 ? a.stride[0] : 0, sb = b.ndim == 3 ? b.stride[0] : 0;
  for (int64_t r = 0; r < batch * m; r++) {
    if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    int64_t q = r / m, i = r % m;
    for (int64_t j = 0; j < n; j++) {
      double s = 0;
      for (int64_t l = 0; l < k; l++)
        s += get(&a, q * sa + i * a.stride[a.ndim - 2] + l * a.stride[a.ndim - 1]) *
             get(&b, q * sb + l * b.stride[b.ndim - 2] + j * b.stride[b.ndim - 1]);
      put(y, r * n + j, s);
    }
  }
  return true;
}

static bool linear_shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0], *w = c->in[1];
  char s[160];
  if (w->ndim != 2) return OW_FAIL(e, OW_ESHAPE, "w: expected [O, K], got shape %s", ow_shape_string(s, w->ndim, w->shape));
  if (x->ndim < 2) return OW_FAIL(e, OW_ESHAPE, "x: expected [..., M, K], got shape %s", ow_shape_string(s, x->ndim, x->shape));
  if (x->shape[x->ndim - 1] != w->shape[1])
    return OW_FAIL(e, OW_ESHAPE, "weight has %lld inputs, input has %lld (shape %s)", (long long)w->shape[1],
                   (long long)x->shape[x->ndim - 1], ow_shape_string(s, x->ndim, x->shape));
  int64_t shape[OW_MAXDIM];
  memcpy(shape, x->shape, sizeof shape);
  shape[x->ndim - 1] = w->shape[0];
  ow_nn_shape(c, 0, x->ndim, shape);
  return ow_nn_expect(c, 2, 1, w->shape, e);
}

static bool linear_fast(ow_nn_call *c, ow_err *e) {
  ow_tensor w = turned(c->in[1], true);
  if (!ow_matmul(c->out[0], c->in[0], &w, e)) return false;
  if (!c->in[2]) return true;
  const ow_tensor *y = c->out[0];
  int64_t o = c->in[1]->shape[0], rows = o ? ow_tensor_numel(y) / o : 0;
  const void *bias = ow_tensor_data(c->in[2]);
  void *p = ow_tensor_data(y);
#pragma omp parallel for num_threads(ow_threads()) schedule(static) if (rows * o > OW_GRAIN)
  for (int64_t r = 0; r < rows; r++) {
    if (c->dtype == OW_F32)
      for (int64_t j = 0; j < o; j++) ((float *)p)[r * o + j] += ((const float *)bias)[j];
    else
      for (int64_t j = 0; j < o; j++) ((double *)p)[r * o + j] += ((const double *)bias)[j];
  }
  return true;
}

static bool linear_reference(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0], *w = c->in[1];
  int64_t o = w->shape[0], k = w->shape[1], rows = o ? ow_tensor_numel(c->out[0]) / o : 0;
  for (int64_t r = 0; r < rows; r++) {
    if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    for (int64_t j = 0; j < o; j++) {
      double s = c->in[2] ? get(c->in[2], j) : 0;
      for (int64_t l = 0; l < k; l++) s += get(x, r * k + l) * get(w, j * k + l);
      put(c->out[0], r * o + j, s);
    }
  }
  return true;
}

const ow_nn_op ow_nn_matmul = {
    .name = "matmul", .doc = "matrix product of matrices or of equally long stacks; a matrix serves a whole stack",
    .in = {{"a", OW_NN_FLOAT, .doc = "[B, M, K] or [M, K]"}, {"b", OW_NN_FLOAT, .doc = "[B, K, N] or [K, N]"}},
    .out = {{"c", OW_NN_FLOAT, .doc = "[B, M, N] or [M, N]"}},
    .param = {{"transpose_a", OW_NN_INT, 0, NULL, "1: a is given as [..., K, M]"},
              {"transpose_b", OW_NN_INT, 0, NULL, "1: b is given as [..., N, K]"}},
    .shape = matmul_shape, .reference = matmul_reference, .cpu = matmul_fast, .opencl = ow_nn_matmul_cl};

const ow_nn_op ow_nn_linear = {
    .name = "linear", .doc = "x w^T + bias",
    .in = {{"x", OW_NN_FLOAT, .doc = "[..., M, K]"}, {"w", OW_NN_FLOAT, .doc = "[O, K]"},
           {"bias", OW_NN_FLOAT, .optional = true, .doc = "[O]"}},
    .out = {{"y", OW_NN_FLOAT, .doc = "[..., M, O]"}},
    .shape = linear_shape, .reference = linear_reference, .cpu = linear_fast, .opencl = ow_nn_linear_cl};
