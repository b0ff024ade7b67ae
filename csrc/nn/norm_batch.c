// Batch normalisation over samples and positions (Ioffe and Szegedy, ICML 2015), with an
// activation applied while the values are at hand:
//   z = (x - mean) / sqrt(var + eps) * gamma + beta,  y = act(z),  var biased.
// The gradient recomputes z, so y need not be kept:
//   g = dy act'(z);  dbeta = sum g;  dgamma = sum g xhat;
//   dx = gamma / sqrt(var + eps) (g - dbeta / m - xhat dgamma / m),  m = N * positions;
// with statistics that were given (fixed) only the first term remains.
#include <math.h>

#include "nn/activation.h"
#include "nn/kernel.h"

enum { EPS, ACTIVATION, ALPHA, FIXED };
enum { X, GAMMA, BETA, MEAN, VAR };                         // inputs forward
enum { G_X, G_DY, G_GAMMA, G_BETA, G_MEAN, G_VAR };         // inputs of the gradient

typedef struct { int64_t n, c, s; } dims;

static dims dims_of(const ow_tensor *x) { return (dims){x->shape[0], x->shape[1], ow_extent_from(x, 2)}; }

static double act(int kind, double a, double z) { return kind && z <= 0 ? (kind == OW_ACT_RELU ? 0 : a * z) : z; }
static double slope(int kind, double a, double z) { return kind && z <= 0 ? (kind == OW_ACT_RELU ? 0 : a) : 1; }

static bool shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0];
  if (!ow_nn_expect_nc(c, 0, 0, 6, e)) return false;
  bool forward = c->op == &ow_nn_batch_norm;
  for (int k = forward ? GAMMA : G_GAMMA; k <= (forward ? VAR : G_VAR); k++)
    if (!ow_nn_expect(c, k, 1, &x->shape[1], e)) return false;
  if (forward && !c->in[MEAN] != !c->in[VAR]) return OW_FAIL(e, OW_EARG, "mean and var: give both or neither");
  if (!forward && !ow_nn_expect(c, G_DY, x->ndim, x->shape, e)) return false;
  ow_nn_shape_like(c, 0, x);
  ow_nn_shape(c, 1, 1, &x->shape[1]);
  ow_nn_shape(c, 2, 1, &x->shape[1]);
  return true;
}

static bool plain(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c->in[X]);
  double eps = c->p[EPS].f, a = c->p[ALPHA].f, m = (double)(d.n * d.s);
  int kind = (int)c->p[ACTIVATION].i[0];
  ow_elems x = ow_elements(c->in[X]), gamma = ow_elements(c->in[GAMMA]), beta = ow_elements(c->in[BETA]);
  ow_elems mean = ow_elements(c->in[MEAN]), var = ow_elements(c->in[VAR]);
  ow_elems y = ow_elements(c->out[0]), omean = ow_elements(c->out[1]), ovar = ow_elements(c->out[2]);
  for (int64_t k = 0; k < d.c; k++) {
    OW_NN_POLL(e);
    double mu = 0, v = 0;
    if (mean.p) {
      mu = ow_get(mean, k), v = ow_get(var, k);
    } else {
      for (int64_t n = 0; n < d.n; n++)
        for (int64_t s = 0; s < d.s; s++) mu += ow_get(x, (n * d.c + k) * d.s + s);
      mu /= m;
      for (int64_t n = 0; n < d.n; n++)
        for (int64_t s = 0; s < d.s; s++) {
          double r = ow_get(x, (n * d.c + k) * d.s + s) - mu;
          v += r * r;
        }
      v /= m;
    }
    if (omean.p) ow_put(omean, k, mu);
    if (ovar.p) ow_put(ovar, k, v);
    double scale = (gamma.p ? ow_get(gamma, k) : 1) / sqrt(v + eps), shift = beta.p ? ow_get(beta, k) : 0;
    for (int64_t n = 0; n < d.n; n++)
      for (int64_t s = 0; s < d.s; s++) {
        int64_t i = (n * d.c + k) * d.s + s;
        ow_put(y, i, act(kind, a, (ow_get(x, i) - mu) * scale + shift));
      }
  }
  return true;
}

static bool plain_grad(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c->in[G_X]);
  double eps = c->p[EPS].f, a = c->p[ALPHA].f, m = (double)(d.n * d.s);
  int kind = (int)c->p[ACTIVATION].i[0];
  bool fixed = c->p[FIXED].i[0];
  ow_elems x = ow_elements(c->in[G_X]), dy = ow_elements(c->in[G_DY]), gamma = ow_elements(c->in[G_GAMMA]);
  ow_elems beta = ow_elements(c->in[G_BETA]), mean = ow_elements(c->in[G_MEAN]), var = ow_elements(c->in[G_VAR]);
  ow_elems dx = ow_elements(c->out[0]), dgamma = ow_elements(c->out[1]), dbeta = ow_elements(c->out[2]);
  for (int64_t k = 0; k < d.c; k++) {
    OW_NN_POLL(e);
    double mu = ow_get(mean, k), r = 1 / sqrt(ow_get(var, k) + eps), w = gamma.p ? ow_get(gamma, k) : 1;
    double shift = beta.p ? ow_get(beta, k) : 0, sum = 0, sumx = 0;
    for (int64_t n = 0; n < d.n; n++)
      for (int64_t s = 0; s < d.s; s++) {
        int64_t i = (n * d.c + k) * d.s + s;
        double h = (ow_get(x, i) - mu) * r, g = ow_get(dy, i) * slope(kind, a, h * w + shift);
        sum += g;
        sumx += g * h;
      }
    if (dgamma.p) ow_put(dgamma, k, sumx);
    if (dbeta.p) ow_put(dbeta, k, sum);
    for (int64_t n = 0; n < d.n; n++)
      for (int64_t s = 0; s < d.s; s++) {
        int64_t i = (n * d.c + k) * d.s + s;
        double h = (ow_get(x, i) - mu) * r, g = ow_get(dy, i) * slope(kind, a, h * w + shift);
        ow_put(dx, i, w * r * (fixed ? g : g - sum / m - h * (sumx / m)));
      }
  }
  return true;
}

#define PARAMS                                                                               \
  {"eps", OW_NN_NUM, 1e-5, NULL, "added to the variance"},                                   \
  {"activation", OW_NN_ENUM, 0, "none relu leaky_relu", "applied to the normalised values"}, \
  {"alpha", OW_NN_NUM, 0.01, NULL, "slope of leaky_relu below 0"}

const ow_nn_op ow_nn_batch_norm = {
    .name = "batch_norm", .doc = "normalises every channel over samples and positions",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S]"},
           {"gamma", OW_NN_FLOAT, true, .doc = "[C], scale; absent: 1"},
           {"beta", OW_NN_FLOAT, true, .doc = "[C], shift; absent: 0"},
           {"mean", OW_NN_FLOAT, true, .doc = "[C], statistics to use; absent: those of the batch"},
           {"var", OW_NN_FLOAT, true, .doc = "[C], biased variance, with mean"}},
    .out = {{"y", OW_NN_FLOAT, .doc = "as x"},
            {"mean", OW_NN_FLOAT, true, .doc = "[C], the statistics used"},
            {"var", OW_NN_FLOAT, true, .doc = "[C], biased"}},
    .param = {PARAMS}, .shape = shape, .reference = plain};

const ow_nn_op ow_nn_batch_norm_grad = {
    .name = "batch_norm_grad", .doc = "gradient of batch_norm",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S]"},
           {"dy", OW_NN_FLOAT, .doc = "as x"},
           {"gamma", OW_NN_FLOAT, true, .doc = "[C]"},
           {"beta", OW_NN_FLOAT, true, .doc = "[C]"},
           {"mean", OW_NN_FLOAT, .doc = "[C], as batch_norm gave it"},
           {"var", OW_NN_FLOAT, .doc = "[C], as batch_norm gave it"}},
    .out = {{"dx", OW_NN_FLOAT, .doc = "as x"},
            {"dgamma", OW_NN_FLOAT, true, .doc = "[C]"},
            {"dbeta", OW_NN_FLOAT, true, .doc = "[C]"}},
    .param = {PARAMS, {"fixed", OW_NN_INT, 0, NULL, "1: the statistics were given, not taken from the batch"}},
    .shape = shape, .reference = plain_grad};
