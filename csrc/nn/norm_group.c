// Group normalisation (Wu and He, ECCV 2018) and layer normalisation (Ba, Kiros and Hinton,
// 2016): both read x as [N, G, K, S] and normalise every run of K * S elements,
//   y = (x - mean) / sqrt(var + eps) * gamma + beta,
// gamma and beta per channel g * K + k. Layers of [R, D] are N = R, G = 1, K = D, S = 1.
//   dbeta = sum dy;  dgamma = sum dy xhat;
//   dx = (w dy - mean(w dy) - xhat mean(w dy xhat)) / sqrt(var + eps),  w = gamma.
#include <math.h>

#include "nn/cl.h"
#include "nn/kernel.h"
#include "nn/norm.h"

enum { EPS, GROUPS };

typedef struct { int64_t n, g, k, s; } dims;

static bool is_layer(const ow_nn_call *c) { return c->op == &ow_nn_layer_norm || c->op == &ow_nn_layer_norm_grad; }

static dims dims_of(const ow_nn_call *c) {
  const ow_tensor *x = c->in[0];
  if (is_layer(c)) return (dims){x->shape[0], 1, x->shape[1], 1};
  int64_t g = c->p[GROUPS].i[0];
  return (dims){x->shape[0], g, x->shape[1] / g, ow_extent_from(x, 2)};
}

static bool shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0];
  bool layer = is_layer(c), forward = c->op == &ow_nn_layer_norm || c->op == &ow_nn_group_norm;
  if (!ow_nn_expect_nc(c, 0, 0, layer ? 0 : 6, e)) return false;
  int64_t channels = x->shape[1], stats[2] = {x->shape[0], 1};
  if (!layer) {
    stats[1] = c->p[GROUPS].i[0];
    if (stats[1] < 1 || channels % stats[1])
      return OW_FAIL(e, OW_EARG, "groups: expected a divisor of %lld channels, got %lld", (long long)channels,
                     (long long)stats[1]);
  }
  if (forward) {
    if (!ow_nn_expect(c, 1, 1, &channels, e) || !ow_nn_expect(c, 2, 1, &channels, e)) return false;
    ow_nn_shape(c, 1, layer ? 1 : 2, stats);
    ow_nn_shape(c, 2, layer ? 1 : 2, stats);
  } else {
    if (!ow_nn_expect(c, 1, x->ndim, x->shape, e) || !ow_nn_expect(c, 2, 1, &channels, e) ||
        !ow_nn_expect(c, 3, layer ? 1 : 2, stats, e) || !ow_nn_expect(c, 4, layer ? 1 : 2, stats, e))
      return false;
    ow_nn_shape(c, 1, 1, &channels);
    ow_nn_shape(c, 2, 1, &channels);
  }
  ow_nn_shape_like(c, 0, x);
  return true;
}

static bool plain(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c);
  ow_elems x = ow_elements(c->in[0]), gamma = ow_elements(c->in[1]), beta = ow_elements(c->in[2]);
  ow_elems y = ow_elements(c->out[0]), omean = ow_elements(c->out[1]), ovar = ow_elements(c->out[2]);
  int64_t m = d.k * d.s;
  for (int64_t q = 0; q < d.n * d.g; q++) {
    OW_NN_POLL(e);
    double mu = 0, v = 0;
    for (int64_t j = 0; j < m; j++) mu += ow_get(x, q * m + j);
    mu /= (double)m;
    for (int64_t j = 0; j < m; j++) v += (ow_get(x, q * m + j) - mu) * (ow_get(x, q * m + j) - mu);
    v /= (double)m;
    if (omean.p) ow_put(omean, q, mu);
    if (ovar.p) ow_put(ovar, q, v);
    double r = 1 / sqrt(v + c->p[EPS].f);
    for (int64_t j = 0; j < m; j++) {
      int64_t ch = q % d.g * d.k + j / d.s;
      ow_put(y, q * m + j, (ow_get(x, q * m + j) - mu) * r * (gamma.p ? ow_get(gamma, ch) : 1) + (beta.p ? ow_get(beta, ch) : 0));
    }
  }
  return true;
}

static bool plain_grad(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c);
  ow_elems x = ow_elements(c->in[0]), dy = ow_elements(c->in[1]), gamma = ow_elements(c->in[2]);
  ow_elems mean = ow_elements(c->in[3]), var = ow_elements(c->in[4]);
  ow_elems dx = ow_elements(c->out[0]), dgamma = ow_elements(c->out[1]), dbeta = ow_elements(c->out[2]);
  int64_t m = d.k * d.s;
  OW_NN_TASKS(q, d.n * d.g) {
    double mu = ow_get(mean, q), r = 1 / sqrt(ow_get(var, q) + c->p[EPS].f), sum = 0, sumx = 0;
    for (int64_t j = 0; j < m; j++) {
      double g = ow_get(dy, q * m + j) * (gamma.p ? ow_get(gamma, q % d.g * d.k + j / d.s) : 1);
      sum += g;
      sumx += g * (ow_get(x, q * m + j) - mu) * r;
    }
    for (int64_t j = 0; j < m; j++) {
      double g = ow_get(dy, q * m + j) * (gamma.p ? ow_get(gamma, q % d.g * d.k + j / d.s) : 1);
      double h = (ow_get(x, q * m + j) - mu) * r;
      ow_put(dx, q * m + j, r * (g - sum / (double)m - h * (sumx / (double)m)));
    }
  }
  OW_NN_TASKS(ch, d.g * d.k) {
    double sum = 0, sumx = 0;
    for (int64_t n = 0; n < d.n; n++) {
      int64_t q = n * d.g + ch / d.k, at = (n * d.g * d.k + ch) * d.s;
      double mu = ow_get(mean, q), r = 1 / sqrt(ow_get(var, q) + c->p[EPS].f);
      for (int64_t s = 0; s < d.s; s++) {
        sum += ow_get(dy, at + s);
        sumx += ow_get(dy, at + s) * (ow_get(x, at + s) - mu) * r;
      }
    }
    if (dgamma.p) ow_put(dgamma, ch, sumx);
    if (dbeta.p) ow_put(dbeta, ch, sum);
  }
  OW_NN_DONE(e);
}

// A task is one group of one sample; runs of one channel go by vectors.
static bool fast(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c);
  const ow_norm_kernels *K = &ow_norm_table()->of[c->dtype == OW_F64];
  ow_elems x = ow_elements(c->in[0]), gamma = ow_elements(c->in[1]), beta = ow_elements(c->in[2]);
  ow_elems y = ow_elements(c->out[0]), omean = ow_elements(c->out[1]), ovar = ow_elements(c->out[2]);
  int64_t m = d.k * d.s, size = (int64_t)ow_dtype_size(c->dtype);
  if (!m) return plain(c, e);
  OW_NN_TASKS(q, d.n * d.g) {
    ow_moments s;
    K->moments((char *)x.p + q * m * size, m, &s);
    double v = s.m2 / s.n, r = 1 / sqrt(v + c->p[EPS].f);
    if (omean.p) ow_put(omean, q, s.mean);
    if (ovar.p) ow_put(ovar, q, v);
    for (int64_t k = 0; k < d.k; k++) {
      int64_t ch = q % d.g * d.k + k, at = q * m + k * d.s;
      double w = gamma.p ? ow_get(gamma, ch) : 1, b = beta.p ? ow_get(beta, ch) : 0;
      ow_affine a = {s.mean, w * r, b, 0, 0};
      if (d.s >= 8) K->forward((char *)x.p + at * size, d.s, &a, (char *)y.p + at * size, false);
      else
        for (int64_t j = at; j < at + d.s; j++) ow_put(y, j, (ow_get(x, j) - s.mean) * r * w + b);
    }
  }
  OW_NN_DONE(e);
}

#define EPS_PARAM {"eps", OW_NN_NUM, 1e-5, NULL, "added to the variance"}
#define GROUP_PARAM {"groups", OW_NN_INT, 1, NULL, "groups of channels, a divisor of C"}
#define FORWARD(XDOC, CDOC, SDOC, ...)                                        \
  .in = {{"x", OW_NN_FLOAT, .doc = XDOC},                                     \
         {"gamma", OW_NN_FLOAT, true, .doc = CDOC ", scale; absent: 1"},      \
         {"beta", OW_NN_FLOAT, true, .doc = CDOC ", shift; absent: 0"}},      \
  .out = {{"y", OW_NN_FLOAT, .doc = "as x"},                                  \
          {"mean", OW_NN_FLOAT, true, .doc = SDOC},                           \
          {"var", OW_NN_FLOAT, true, .doc = SDOC ", biased"}},                \
  .param = {__VA_ARGS__}, .shape = shape, .reference = plain, .cpu = fast, .opencl = ow_nn_group_norm_cl
#define BACKWARD(XDOC, CDOC, SDOC, ...)                                       \
  .in = {{"x", OW_NN_FLOAT, .doc = XDOC},                                     \
         {"dy", OW_NN_FLOAT, .doc = "as x"},                                  \
         {"gamma", OW_NN_FLOAT, true, .doc = CDOC},                           \
         {"mean", OW_NN_FLOAT, .doc = SDOC ", as the forward row gave it"},   \
         {"var", OW_NN_FLOAT, .doc = SDOC ", as the forward row gave it"}},   \
  .out = {{"dx", OW_NN_FLOAT, .doc = "as x"},                                 \
          {"dgamma", OW_NN_FLOAT, true, .doc = CDOC},                         \
          {"dbeta", OW_NN_FLOAT, true, .doc = CDOC}},                         \
  .param = {__VA_ARGS__}, .shape = shape, .reference = plain_grad, .opencl = ow_nn_group_norm_grad_cl

const ow_nn_op ow_nn_group_norm = {
    .name = "group_norm", .doc = "normalises groups of channels of every sample",
    FORWARD("[N, C, *S]", "[C]", "[N, G]", EPS_PARAM, GROUP_PARAM)};
const ow_nn_op ow_nn_group_norm_grad = {
    .name = "group_norm_grad", .doc = "gradient of group_norm",
    BACKWARD("[N, C, *S]", "[C]", "[N, G]", EPS_PARAM, GROUP_PARAM)};
const ow_nn_op ow_nn_layer_norm = {
    .name = "layer_norm", .doc = "normalises every row", FORWARD("[R, D]", "[D]", "[R]", EPS_PARAM)};
const ow_nn_op ow_nn_layer_norm_grad = {
    .name = "layer_norm_grad", .doc = "gradient of layer_norm", BACKWARD("[R, D]", "[D]", "[R]", EPS_PARAM)};
