// Batch normalisation over samples and positions (Ioffe and Szegedy, ICML 2015), with an
// activation applied while the values are at hand:
//   z = (x - mean) / sqrt(var + eps) * gamma + beta,  y = act(z),  var biased.
// The gradient recomputes z, so y need not be kept:
//   g = dy act'(z);  dbeta = sum g;  dgamma = sum g xhat;
//   dx = gamma / sqrt(var + eps) (g - dbeta / m - xhat dgamma / m),  m = N * positions;
// with statistics that were given (fixed) only the first term remains.
//
// The fast way reads x once for the moments and once more to write y; the gradient reads
// x and dy once for both sums and once more to write dx. A run is one channel of one sample;
// partial results of the runs are joined in the order of the samples. Without positions: norm_rows.c.
#include <math.h>

#include "base/alloc.h"
#include "nn/activation.h"
#include "nn/cl.h"
#include "nn/kernel.h"
#include "nn/norm.h"

enum { EPS, ACTIVATION, ALPHA, FIXED };
enum { X, GAMMA, BETA, MEAN, VAR };                         // inputs forward
enum { G_X, G_DY, G_GAMMA, G_BETA, G_MEAN, G_VAR };         // inputs of the gradient

typedef struct { int64_t n, c, s; } dims;

static dims dims_of(const ow_tensor *x) { return (dims){x->shape[0], x->shape[1], ow_extent_from(x, 2)}; }

static double act(int kind, double a, double z) { return kind && z <= 0 ? (kind == OW_ACT_RELU ? 0 : a * z) : z; }
static double gate(int kind, double a, double z, double g) { return kind && z <= 0 ? (kind == OW_ACT_RELU ? 0 : a * g) : g; }

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
        double h = (ow_get(x, i) - mu) * r, g = gate(kind, a, h * w + shift, ow_get(dy, i));
        sum += g;
        sumx += g * h;
      }
    if (dgamma.p) ow_put(dgamma, k, sumx);
    if (dbeta.p) ow_put(dbeta, k, sum);
    for (int64_t n = 0; n < d.n; n++)
      for (int64_t s = 0; s < d.s; s++) {
        int64_t i = (n * d.c + k) * d.s + s;
        double h = (ow_get(x, i) - mu) * r, g = gate(kind, a, h * w + shift, ow_get(dy, i));
        ow_put(dx, i, w * r * (fixed ? g : g - sum / m - h * (sumx / m)));
      }
  }
  return true;
}

// ---- the fast way ------------------------------------------------------------------------
enum { GRAIN = 1 << 15, PAST = 8 << 20 };  // elements of a task; bytes that no cache holds

// Runs [t * per, ...) of the n * c runs; long ones stand alone.
static int64_t runs_per_task(dims d) { return ow_max64(1, GRAIN / ow_max64(1, d.s)); }

static const char *at(const ow_tensor *t, int64_t run, dims d) {
  return (char *)ow_tensor_data(t) + (size_t)(run * d.s) * ow_dtype_size(t->dtype);
}

static bool fast(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c->in[X]);
  if (d.s == 1) return ow_norm_rows(c, c->p[EPS].f, (int)c->p[ACTIVATION].i[0], c->p[ALPHA].f, e);
  const ow_norm_kernels *K = &ow_norm_table()->of[c->dtype == OW_F64];
  ow_elems gamma = ow_elements(c->in[GAMMA]), beta = ow_elements(c->in[BETA]);
  ow_elems mean = ow_elements(c->in[MEAN]), var = ow_elements(c->in[VAR]);
  ow_elems omean = ow_elements(c->out[1]), ovar = ow_elements(c->out[2]);
  int64_t runs = d.n * d.c, per = runs_per_task(d), tasks = ow_ceil_div(runs, per);
  ow_affine *chan = ow_alloc_array((size_t)d.c, sizeof *chan, e);
  ow_moments *part = chan && !mean.p ? ow_alloc_array((size_t)runs, sizeof *part, e) : NULL;
  if (!chan || (!mean.p && !part)) return ow_free(chan), false;
  if (part) {
    OW_NN_TASKS(t, tasks) {
      for (int64_t r = t * per; r < ow_min64(runs, (t + 1) * per); r++) K->moments(at(c->in[X], r, d), d.s, &part[r]);
    }
  }
  for (int64_t k = 0; k < d.c && !ow_interrupted(); k++) {
    ow_moments m = {0, 0, 0};
    for (int64_t n = 0; part && n < d.n; n++) m = ow_moments_join(m, part[n * d.c + k]);
    double mu = part ? (m.n ? m.mean : NAN) : ow_get(mean, k), v = part ? m.m2 / m.n : ow_get(var, k);
    if (omean.p) ow_put(omean, k, mu);
    if (ovar.p) ow_put(ovar, k, v);
    if (c->dtype == OW_F32) mu = (float)mu, v = (float)v;  // as the gradient will see them
    chan[k] = (ow_affine){mu, (gamma.p ? ow_get(gamma, k) : 1) / sqrt(v + c->p[EPS].f), beta.p ? ow_get(beta, k) : 0,
                          c->p[ALPHA].f, (int)c->p[ACTIVATION].i[0]};
  }
  ow_free(part);
  bool past = (double)(runs * d.s) * (double)ow_dtype_size(c->dtype) > PAST;
  OW_NN_TASKS(t, tasks) {
    for (int64_t r = t * per; r < ow_min64(runs, (t + 1) * per); r++)
      K->forward(at(c->in[X], r, d), d.s, &chan[r % d.c], (char *)(uintptr_t)at(c->out[0], r, d), past);
  }
  ow_free(chan);
  OW_NN_DONE(e);
}

typedef struct { double sum[2]; } pair;

static bool fast_grad(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c->in[G_X]);
  if (d.s == 1) return ow_norm_rows_grad(c, c->p[EPS].f, (int)c->p[ACTIVATION].i[0], c->p[ALPHA].f, c->p[FIXED].i[0], e);
  const ow_norm_kernels *K = &ow_norm_table()->of[c->dtype == OW_F64];
  ow_elems gamma = ow_elements(c->in[G_GAMMA]), beta = ow_elements(c->in[G_BETA]);
  ow_elems mean = ow_elements(c->in[G_MEAN]), var = ow_elements(c->in[G_VAR]);
  ow_elems dgamma = ow_elements(c->out[1]), dbeta = ow_elements(c->out[2]);
  bool fixed = c->p[FIXED].i[0];
  int64_t runs = d.n * d.c, per = runs_per_task(d), tasks = ow_ceil_div(runs, per);
  struct channel { ow_affine a; double k[3]; } *chan = ow_alloc_array((size_t)d.c, sizeof *chan, e);
  pair *part = chan ? ow_alloc_array((size_t)runs, sizeof *part, e) : NULL;
  if (!part) return ow_free(chan), false;
  for (int64_t k = 0; k < d.c; k++)
    chan[k].a = (ow_affine){ow_get(mean, k), (gamma.p ? ow_get(gamma, k) : 1) / sqrt(ow_get(var, k) + c->p[EPS].f),
                            beta.p ? ow_get(beta, k) : 0, c->p[ALPHA].f, (int)c->p[ACTIVATION].i[0]};
  if (!fixed || dgamma.p || dbeta.p) {
    OW_NN_TASKS(t, tasks) {
      for (int64_t r = t * per; r < ow_min64(runs, (t + 1) * per); r++) {
        part[r] = (pair){{0, 0}};
        K->sums(at(c->in[G_X], r, d), at(c->in[G_DY], r, d), d.s, &chan[r % d.c].a, part[r].sum);
      }
    }
  } else {
    for (int64_t r = 0; r < runs; r++) part[r] = (pair){{0, 0}};
  }
  double m = (double)(d.n * d.s);
  for (int64_t k = 0; k < d.c && !ow_interrupted(); k++) {
    double s1 = 0, s2 = 0, w = chan[k].a.scale, r = 1 / sqrt(ow_get(var, k) + c->p[EPS].f);
    for (int64_t n = 0; n < d.n; n++) s1 += part[n * d.c + k].sum[0], s2 += part[n * d.c + k].sum[1];
    if (dgamma.p) ow_put(dgamma, k, s2 * r);
    if (dbeta.p) ow_put(dbeta, k, s1);
    chan[k].k[0] = w;
    chan[k].k[1] = fixed ? 0 : -w * r * r * (s2 / m);
    chan[k].k[2] = fixed ? 0 : -w * (s1 / m);
  }
  ow_free(part);
  bool past = (double)(runs * d.s) * (double)ow_dtype_size(c->dtype) > PAST;
  OW_NN_TASKS(t, tasks) {
    for (int64_t r = t * per; r < ow_min64(runs, (t + 1) * per); r++) {
      const struct channel *ch = &chan[r % d.c];
      K->backward(at(c->in[G_X], r, d), at(c->in[G_DY], r, d), d.s, &ch->a, ch->k, (char *)(uintptr_t)at(c->out[0], r, d), past);
    }
  }
  ow_free(chan);
  OW_NN_DONE(e);
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
    .param = {PARAMS}, .shape = shape, .reference = plain, .cpu = fast, .opencl = ow_nn_batch_norm_cl};

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
    .shape = shape, .reference = plain_grad, .cpu = fast_grad, .opencl = ow_nn_batch_norm_grad_cl};
