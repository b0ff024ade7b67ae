// Cross-entropy of logits [N, C, S] with class numbers [N, S] (1-based, 0 is ignored), class
// weights w and label smoothing s (Szegedy et al., CVPR 2016). With L = log softmax(logits):
//   term = -(1 - s) w[t] L[t] - s / C sum_c w[c] L[c];   the mean divides by the sum of w[t].
// Terms are summed in f64 over fixed chunks, joined in order.
#include <math.h>

#include "base/alloc.h"
#include "nn/cl.h"
#include "nn/kernel.h"

enum { SMOOTHING, REDUCTION };
enum { CHUNK = 1 << 10 };

typedef struct { int64_t n, c, s; } dims;

static dims dims_of(const ow_tensor *x) { return (dims){x->shape[0], x->shape[1], ow_extent_from(x, 2)}; }

static bool shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0];
  int64_t want[OW_MAXDIM], one = 1;
  if (!ow_nn_expect_nc(c, 0, 0, 6, e)) return false;
  want[0] = x->shape[0];
  for (int d = 2; d < x->ndim; d++) want[d - 1] = x->shape[d];
  if (!ow_nn_expect(c, 1, x->ndim - 1, want, e) || !ow_nn_expect(c, 2, 1, &x->shape[1], e)) return false;
  if (!(c->p[SMOOTHING].f >= 0 && c->p[SMOOTHING].f <= 1))
    return OW_FAIL(e, OW_EARG, "smoothing: expected 0 to 1, got %g", c->p[SMOOTHING].f);
  if (c->op == &ow_nn_cross_entropy) {
    ow_nn_shape(c, 0, 1, &one);
    return true;
  }
  ow_nn_shape_like(c, 0, x);
  return ow_nn_expect(c, 3, 1, &one, e);
}

// Largest logit of one place and the logarithm of the sum of exponentials above it.
static double log_sum(ow_elems x, int64_t at, dims d, double *top) {
  double m = -INFINITY, sum = 0;
  for (int64_t k = 0; k < d.c; k++) {
    double v = ow_get(x, at + k * d.s);
    if (v > m || isnan(v)) m = v;
  }
  for (int64_t k = 0; k < d.c; k++) sum += exp(ow_get(x, at + k * d.s) - m);
  *top = m;
  return log(sum);
}

static double weight(ow_elems w, int64_t k) { return w.p ? ow_get(w, k) : 1; }

// Sum of the terms (NULL: not wanted) and of the weights.
static bool sums(ow_nn_call *c, double *terms, double *weights, ow_err *e) {
  dims d = dims_of(c->in[0]);
  ow_elems x = ow_elements(c->in[0]), w = ow_elements(c->in[2]);
  const int64_t *target = ow_i64(c->in[1]);
  double s = c->p[SMOOTHING].f;
  int64_t places = d.n * d.s, tasks = ow_ceil_div(places, CHUNK);
  double *part = ow_alloc_array((size_t)tasks, 2 * sizeof *part, e);
  if (!part) return false;
  OW_NN_TASKS(k, tasks) {
    double a = 0, b = 0;
    for (int64_t i = k * CHUNK; i < ow_min64(places, (k + 1) * CHUNK); i++) {
      if (!target[i]) continue;
      int64_t at = i / d.s * d.c * d.s + i % d.s, t = target[i] - 1;
      b += weight(w, t);
      if (!terms) continue;
      double top, lse = log_sum(x, at, d, &top), smooth = 0;
      if (s > 0)
        for (int64_t q = 0; q < d.c; q++) smooth += weight(w, q) * (ow_get(x, at + q * d.s) - top - lse);
      a -= (1 - s) * weight(w, t) * (ow_get(x, at + t * d.s) - top - lse) + s / (double)d.c * smooth;
    }
    part[2 * k] = a;
    part[2 * k + 1] = b;
  }
  double a = 0, b = 0;
  for (int64_t k = 0; k < tasks && !ow_interrupted(); k++) a += part[2 * k], b += part[2 * k + 1];
  ow_free(part);
  if (terms) *terms = a;
  *weights = b;
  OW_NN_DONE(e);
}

static bool run(ow_nn_call *c, ow_err *e) {
  double a, b;
  if (!ow_nn_index_in(c, 1, 0, c->in[0]->shape[1], e) || !sums(c, &a, &b, e)) return false;
  ow_put(ow_elements(c->out[0]), 0, c->p[REDUCTION].i[0] ? a : a / b);
  return true;
}

static bool run_grad(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c->in[0]);
  double s = c->p[SMOOTHING].f, scale = ow_get(ow_elements(c->in[3]), 0), all = 0, b;
  if (!ow_nn_index_in(c, 1, 0, d.c, e)) return false;
  if (!c->p[REDUCTION].i[0]) {
    if (!sums(c, NULL, &b, e)) return false;
    scale /= b;
  }
  ow_elems x = ow_elements(c->in[0]), w = ow_elements(c->in[2]), dx = ow_elements(c->out[0]);
  const int64_t *target = ow_i64(c->in[1]);
  for (int64_t q = 0; q < d.c; q++) all += weight(w, q);
  int64_t places = d.n * d.s;
  OW_NN_TASKS(k, ow_ceil_div(places, CHUNK)) {
    for (int64_t i = k * CHUNK; i < ow_min64(places, (k + 1) * CHUNK); i++) {
      int64_t at = i / d.s * d.c * d.s + i % d.s, t = target[i] - 1;
      double top, lse = t < 0 ? 0 : log_sum(x, at, d, &top);
      for (int64_t q = 0; q < d.c; q++) {
        if (t < 0) {
          ow_put(dx, at + q * d.s, 0);
          continue;
        }
        double p = exp(ow_get(x, at + q * d.s) - top - lse);
        double g = (1 - s) * weight(w, t) * (p - (q == t)) + s / (double)d.c * (p * all - weight(w, q));
        ow_put(dx, at + q * d.s, scale * g);
      }
    }
  }
  OW_NN_DONE(e);
}

#define INPUTS                                                              \
  {"logits", OW_NN_FLOAT, .doc = "[N, C, *S]"},                             \
  {"target", OW_NN_INDEX, .doc = "[N, *S], class 1..C, 0 = ignored"},       \
  {"class_weight", OW_NN_FLOAT, true, .doc = "[C]"}
#define PARAMS                                                                                        \
  {{"smoothing", OW_NN_NUM, 0, NULL, "share of the target spread over all classes"},                  \
   {"reduction", OW_NN_ENUM, 0, "mean sum", "mean divides by the sum of the targets' weights"}}

const ow_nn_op ow_nn_cross_entropy = {
    .name = "cross_entropy", .doc = "cross-entropy of logits with classes", .in = {INPUTS},
    .out = {{"value", OW_NN_FLOAT, .doc = "[1]"}}, .param = PARAMS, .shape = shape, .reference = run,
    .opencl = ow_nn_cross_entropy_cl};

const ow_nn_op ow_nn_cross_entropy_grad = {
    .name = "cross_entropy_grad", .doc = "gradient of cross_entropy by the logits",
    .in = {INPUTS, {"dvalue", OW_NN_FLOAT, .doc = "[1]"}},
    .out = {{"dlogits", OW_NN_FLOAT, .doc = "as logits"}},
    .param = PARAMS, .shape = shape, .reference = run_grad, .opencl = ow_nn_cross_entropy_cl};
