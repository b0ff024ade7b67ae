// Elementwise losses, summed or averaged over all elements; an optional weight multiplies
// every element's term (the mean still divides by the number of elements). With x the
// prediction, t the target, d = x - t, p = sigmoid(x), q = 1 - p:
//   mse d^2; mae |d|; huber d^2 / 2 up to |d| = delta, then delta (|d| - delta / 2);
//   bce_logits: P t softplus(-x) + (1 - t) softplus(x), P = pos_weight;
//   focal (Lin et al., ICCV 2017): A u^gamma (t softplus(-x) + (1 - t) softplus(x)),
//   u = q t + p (1 - t), A = a t + (1 - a)(1 - t), a = alpha_balance (below 0: A = 1).
// Sums run in f64 over fixed chunks, joined in order.
#include <math.h>

#include "base/alloc.h"
#include "nn/cl.h"
#include "nn/kernel.h"

enum { KIND, DELTA, POS_WEIGHT, GAMMA, ALPHA, REDUCTION };
enum { MSE, MAE, HUBER, BCE, FOCAL };
enum { CHUNK = 1 << 14 };

typedef struct {
  int kind;
  double delta, pos, gamma, alpha;
} law;

static law law_of(const ow_nn_call *c) {
  return (law){(int)c->p[KIND].i[0], c->p[DELTA].f, c->p[POS_WEIGHT].f, c->p[GAMMA].f, c->p[ALPHA].f};
}

static double softplus(double x) { return (x > 0 || isnan(x) ? x : 0) + log1p(exp(-fabs(x))); }
static double sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }

static double term(const law *l, double x, double t) {
  double d = x - t, a;
  switch (l->kind) {
    case MSE: return d * d;
    case MAE: return fabs(d);
    case HUBER: a = fabs(d); return a <= l->delta ? 0.5 * d * d : l->delta * (a - 0.5 * l->delta);
    case BCE: return l->pos * t * softplus(-x) + (1 - t) * softplus(x);
    default: a = l->alpha < 0 ? 1 : l->alpha * t + (1 - l->alpha) * (1 - t);
      return a * pow(sigmoid(-x) * t + sigmoid(x) * (1 - t), l->gamma) * (t * softplus(-x) + (1 - t) * softplus(x));
  }
}

static double slope(const law *l, double x, double t) {
  double d = x - t, p, q, a, u;
  switch (l->kind) {
    case MSE: return 2 * d;
    case MAE: return isnan(d) ? d : (d > 0) - (d < 0);
    case HUBER: return d > l->delta ? l->delta : d < -l->delta ? -l->delta : d;
    case BCE: return (1 - t) * sigmoid(x) - l->pos * t * sigmoid(-x);
    default: p = sigmoid(x), q = sigmoid(-x), u = q * t + p * (1 - t);
      a = l->alpha < 0 ? 1 : l->alpha * t + (1 - l->alpha) * (1 - t);
      d = pow(u, l->gamma) * (p * (1 - t) - q * t);
      if (l->gamma != 0 && !(u <= 0))  // du/dx = p q (1 - 2 t)
        d += l->gamma * pow(u, l->gamma - 1) * p * q * (1 - 2 * t) * (t * softplus(-x) + (1 - t) * softplus(x));
      return a * d;
  }
}

static bool shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0];
  int64_t one = 1;
  if (!ow_nn_expect(c, 1, x->ndim, x->shape, e) || !ow_nn_expect(c, 2, x->ndim, x->shape, e)) return false;
  if (!(c->p[DELTA].f > 0)) return OW_FAIL(e, OW_EARG, "delta: expected a number above 0, got %g", c->p[DELTA].f);
  if (!(c->p[GAMMA].f >= 0)) return OW_FAIL(e, OW_EARG, "gamma: expected 0 or more, got %g", c->p[GAMMA].f);
  if (c->op == &ow_nn_loss) {
    ow_nn_shape(c, 0, 1, &one);
    return true;
  }
  ow_nn_shape_like(c, 0, x);
  return ow_nn_expect(c, 3, 1, &one, e);
}

static bool run(ow_nn_call *c, ow_err *e) {
  law l = law_of(c);
  ow_elems x = ow_elements(c->in[0]), t = ow_elements(c->in[1]), w = ow_elements(c->in[2]);
  int64_t n = ow_tensor_numel(c->in[0]), tasks = ow_ceil_div(n, CHUNK);
  double *part = ow_alloc_array((size_t)tasks, sizeof *part, e), sum = 0;
  if (!part) return false;
  OW_NN_TASKS(k, tasks) {
    double s = 0;
    for (int64_t i = k * CHUNK; i < ow_min64(n, (k + 1) * CHUNK); i++)
      s += term(&l, ow_get(x, i), ow_get(t, i)) * (w.p ? ow_get(w, i) : 1);
    part[k] = s;
  }
  for (int64_t k = 0; k < tasks && !ow_interrupted(); k++) sum += part[k];
  ow_free(part);
  ow_put(ow_elements(c->out[0]), 0, c->p[REDUCTION].i[0] ? sum : sum / (double)n);
  OW_NN_DONE(e);
}

static bool run_grad(ow_nn_call *c, ow_err *e) {
  law l = law_of(c);
  ow_elems x = ow_elements(c->in[0]), t = ow_elements(c->in[1]), w = ow_elements(c->in[2]), dx = ow_elements(c->out[0]);
  int64_t n = ow_tensor_numel(c->in[0]);
  double scale = ow_get(ow_elements(c->in[3]), 0) / (c->p[REDUCTION].i[0] ? 1 : (double)n);
  OW_NN_TASKS(k, ow_ceil_div(n, CHUNK)) {
    for (int64_t i = k * CHUNK; i < ow_min64(n, (k + 1) * CHUNK); i++)
      ow_put(dx, i, scale * slope(&l, ow_get(x, i), ow_get(t, i)) * (w.p ? ow_get(w, i) : 1));
  }
  OW_NN_DONE(e);
}

#define INPUTS                                                                    \
  {"prediction", OW_NN_FLOAT, .doc = "any shape; logits for bce_logits and focal"}, \
  {"target", OW_NN_FLOAT, .doc = "as prediction; 0..1 for bce_logits and focal"},   \
  {"weight", OW_NN_FLOAT, true, .doc = "as prediction"}
#define PARAMS                                                                                  \
  {{"kind", OW_NN_ENUM, NAN, "mse mae huber bce_logits focal", "which loss"},                   \
   {"delta", OW_NN_NUM, 1, NULL, "huber: where the square becomes a line"},                     \
   {"pos_weight", OW_NN_NUM, 1, NULL, "bce_logits: weight of the positive class"},              \
   {"gamma", OW_NN_NUM, 2, NULL, "focal: exponent that mutes easy elements"},                   \
   {"alpha_balance", OW_NN_NUM, 0.25, NULL, "focal: weight of the positive class, 1 minus it of the other; below 0: none"}, \
   {"reduction", OW_NN_ENUM, 0, "mean sum", "over all elements"}}

const ow_nn_op ow_nn_loss = {
    .name = "loss", .doc = "elementwise loss, averaged or summed", .in = {INPUTS},
    .out = {{"value", OW_NN_FLOAT, .doc = "[1]"}}, .param = PARAMS, .shape = shape, .reference = run,
    .opencl = ow_nn_loss_cl};

const ow_nn_op ow_nn_loss_grad = {
    .name = "loss_grad", .doc = "gradient of loss by the prediction",
    .in = {INPUTS, {"dvalue", OW_NN_FLOAT, .doc = "[1]"}},
    .out = {{"dprediction", OW_NN_FLOAT, .doc = "as prediction"}},
    .param = PARAMS, .shape = shape, .reference = run_grad, .opencl = ow_nn_loss_grad_cl};
