// Softmax along one axis and its logarithm, with the largest element taken out first:
//   y = exp(x - max) / sum exp(x - max),   log y = x - max - log sum exp(x - max).
// The tensor is read as [outer, n, inner], n the axis.
#include <math.h>

#include "nn/cl.h"
#include "nn/kernel.h"

enum { AXIS, LOG };

typedef struct { int64_t outer, n, inner; } view;

static view view_of(const ow_nn_call *c) {
  const ow_tensor *t = c->in[0];
  int axis = (int)c->p[AXIS].i[0];
  axis = axis < 0 ? axis + t->ndim : axis - 1;
  view v = {1, t->shape[axis], 1};
  for (int d = 0; d < t->ndim; d++)
    if (d != axis) *(d < axis ? &v.outer : &v.inner) *= t->shape[d];
  return v;
}

static int64_t lines_per_task(view v) { return ow_max64(1, 4096 / ow_max64(1, v.n)); }

static bool shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *t = c->in[0];
  int64_t axis = c->p[AXIS].i[0];
  if (!axis || axis < -t->ndim || axis > t->ndim)
    return OW_FAIL(e, OW_EARG, "axis: expected 1 to %d or -%d to -1, got %lld", t->ndim, t->ndim, (long long)axis);
  ow_nn_shape_like(c, 0, t);
  return ow_nn_expect(c, 1, t->ndim, t->shape, e);
}

static bool plain(ow_nn_call *c, ow_err *e) {
  view v = view_of(c);
  bool log_of = c->p[LOG].i[0];
  ow_elems x = ow_elements(c->in[0]), y = ow_elements(c->out[0]);
  int64_t lines = v.outer * v.inner, per = lines_per_task(v);
  OW_NN_TASKS(task, ow_ceil_div(lines, per)) {
    for (int64_t line = task * per; line < ow_min64(lines, (task + 1) * per); line++) {
      int64_t at = line / v.inner * v.n * v.inner + line % v.inner;
      double top = -INFINITY, sum = 0;
      for (int64_t k = 0; k < v.n; k++) {
        double a = ow_get(x, at + k * v.inner);
        if (a > top || isnan(a)) top = a;
      }
      for (int64_t k = 0; k < v.n; k++) sum += exp(ow_get(x, at + k * v.inner) - top);
      for (int64_t k = 0; k < v.n; k++) {
        double a = ow_get(x, at + k * v.inner) - top;
        ow_put(y, at + k * v.inner, log_of ? a - log(sum) : exp(a) / sum);
      }
    }
  }
  OW_NN_DONE(e);
}

// softmax: dx = y (dy - sum dy y);  log: dx = dy - exp(y) sum dy
static bool plain_grad(ow_nn_call *c, ow_err *e) {
  view v = view_of(c);
  bool log_of = c->p[LOG].i[0];
  ow_elems y = ow_elements(c->in[0]), dy = ow_elements(c->in[1]), dx = ow_elements(c->out[0]);
  int64_t lines = v.outer * v.inner, per = lines_per_task(v);
  OW_NN_TASKS(task, ow_ceil_div(lines, per)) {
    for (int64_t line = task * per; line < ow_min64(lines, (task + 1) * per); line++) {
      int64_t at = line / v.inner * v.n * v.inner + line % v.inner;
      double sum = 0;
      for (int64_t k = 0, j = at; k < v.n; k++, j += v.inner) sum += ow_get(dy, j) * (log_of ? 1 : ow_get(y, j));
      for (int64_t k = 0, j = at; k < v.n; k++, j += v.inner)
        ow_put(dx, j, log_of ? ow_get(dy, j) - exp(ow_get(y, j)) * sum : ow_get(y, j) * (ow_get(dy, j) - sum));
    }
  }
  OW_NN_DONE(e);
}

#define PARAMS                                                                            \
  {{"axis", OW_NN_INT, -1, NULL, "axis along which the results sum to 1; -1 is the last"}, \
   {"log", OW_NN_INT, 0, NULL, "1: the logarithm of softmax"}}

const ow_nn_op ow_nn_softmax = {
    .name = "softmax", .doc = "softmax along an axis, or its logarithm",
    .in = {{"x", OW_NN_FLOAT, .doc = "any shape"}}, .out = {{"y", OW_NN_FLOAT, .doc = "as x"}},
    .param = PARAMS, .shape = shape, .reference = plain, .opencl = ow_nn_softmax_cl};

const ow_nn_op ow_nn_softmax_grad = {
    .name = "softmax_grad", .doc = "gradient of softmax from its result",
    .in = {{"y", OW_NN_FLOAT, .doc = "result of softmax with the same parameters"},
           {"dy", OW_NN_FLOAT, .doc = "as y"}},
    .out = {{"dx", OW_NN_FLOAT, .doc = "as y"}}, .param = PARAMS, .shape = shape, .reference = plain_grad,
    .opencl = ow_nn_softmax_cl};
