// Activation functions and their gradients, element by element. GELU is the exact one (erf).
#include "nn/activation.h"

#include <math.h>

#include "nn/cl.h"
#include "nn/kernel.h"

enum { KIND, ALPHA };  // parameters

// value and derivative of one element; y is the value already computed (backward)
static double act(int kind, double a, double x) {
  switch (kind) {
    case OW_ACT_RELU: return x > 0 || isnan(x) ? x : 0;
    case OW_ACT_LEAKY_RELU: return x > 0 ? x : a * x;
    case OW_ACT_ELU: return x > 0 ? x : a * expm1(x);
    case OW_ACT_GELU: return 0.5 * x * (1 + erf(x * M_SQRT1_2));
    case OW_ACT_SIGMOID: return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
    case OW_ACT_TANH: return tanh(x);
    case OW_ACT_SOFTPLUS: return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
    case OW_ACT_SILU: return x >= 0 ? x / (1 + exp(-x)) : x * exp(x) / (1 + exp(x));
    default: return x;
  }
}

static double slope(int kind, double a, double x) {
  double s;
  switch (kind) {
    case OW_ACT_RELU: return !(x <= 0);
    case OW_ACT_LEAKY_RELU: return x > 0 ? 1 : a;
    case OW_ACT_ELU: return x > 0 ? 1 : a * exp(x);
    case OW_ACT_GELU: return 0.5 * (1 + erf(x * M_SQRT1_2)) + x * exp(-0.5 * x * x) * (0.5 * M_2_SQRTPI * M_SQRT1_2);
    case OW_ACT_SIGMOID: s = act(OW_ACT_SIGMOID, 0, x); return s * (1 - s);
    case OW_ACT_TANH: s = tanh(x); return 1 - s * s;
    case OW_ACT_SOFTPLUS: return act(OW_ACT_SIGMOID, 0, x);
    case OW_ACT_SILU: s = act(OW_ACT_SIGMOID, 0, x); return s * (1 + x * (1 - s));
    default: return 1;
  }
}

#define BODY(T)                                                                        \
  static void forward_##T(int kind, double a, const T *x, T *y, int64_t n) {           \
    for (int64_t i = 0; i < n; i++) y[i] = (T)act(kind, a, x[i]);                      \
  }                                                                                    \
  static void backward_##T(int kind, double a, const T *x, const T *g, T *d, int64_t n) { \
    for (int64_t i = 0; i < n; i++) d[i] = kind == OW_ACT_RELU && x[i] <= 0 ? 0 : (T)(slope(kind, a, x[i]) * g[i]); \
  }
BODY(float)
BODY(double)

static bool shape(ow_nn_call *c, ow_err *e) {
  ow_nn_shape_like(c, 0, c->in[0]);
  return ow_nn_expect(c, 1, c->in[0]->ndim, c->in[0]->shape, e);
}

static bool plain(ow_nn_call *c, ow_err *e) {
  (void)e;
  int kind = (int)c->p[KIND].i[0];
  double a = c->p[ALPHA].f;
  int64_t n = ow_tensor_numel(c->in[0]);
  void *y = ow_tensor_data(c->out[0]);
  if (c->op == &ow_nn_activation) {
    if (c->dtype == OW_F32) forward_float(kind, a, ow_f32(c->in[0]), y, n);
    else forward_double(kind, a, ow_f64(c->in[0]), y, n);
  } else {
    if (c->dtype == OW_F32) backward_float(kind, a, ow_f32(c->in[0]), ow_f32(c->in[1]), y, n);
    else backward_double(kind, a, ow_f64(c->in[0]), ow_f64(c->in[1]), y, n);
  }
  return true;
}

// f32 by vectors, f64 by the plain loops, both in chunks shared by the threads.
static bool fast(ow_nn_call *c, ow_err *e) {
  enum { CHUNK = 1 << 15, PAST = 2 << 20 };  // elements of a task; elements that no cache holds
  int kind = (int)c->p[KIND].i[0];
  double a = c->p[ALPHA].f;
  int64_t n = ow_tensor_numel(c->in[0]);
  bool grad = c->op == &ow_nn_activation_grad, past = n > PAST;
  OW_NN_TASKS(t, ow_ceil_div(n, CHUNK)) {
    int64_t i = t * CHUNK, m = ow_min64(CHUNK, n - i);
    if (c->dtype == OW_F32) {
      const ow_activation_kernels *K = ow_activation_table();
      if (grad) K->backward(kind, a, ow_f32(c->in[0]) + i, ow_f32(c->in[1]) + i, ow_out32(c, 0) + i, m, past);
      else K->forward(kind, a, ow_f32(c->in[0]) + i, ow_out32(c, 0) + i, m, past);
    } else {
      if (grad) backward_double(kind, a, ow_f64(c->in[0]) + i, ow_f64(c->in[1]) + i, ow_out64(c, 0) + i, m);
      else forward_double(kind, a, ow_f64(c->in[0]) + i, ow_out64(c, 0) + i, m);
    }
  }
  OW_NN_DONE(e);
}

#define PARAMS                                                                             \
  {{"kind", OW_NN_ENUM, NAN, OW_ACT_WORDS, "which function"},                              \
   {"alpha", OW_NN_NUM, 1, NULL, "slope of leaky_relu below 0, height of elu"}}

const ow_nn_op ow_nn_activation = {
    .name = "activation", .doc = "activation function of every element",
    .in = {{"x", OW_NN_FLOAT, .doc = "any shape"}}, .out = {{"y", OW_NN_FLOAT, .doc = "as x"}},
    .param = PARAMS, .shape = shape, .reference = plain, .cpu = fast, .opencl = ow_nn_activation_cl};

const ow_nn_op ow_nn_activation_grad = {
    .name = "activation_grad", .doc = "gradient of activation",
    .in = {{"x", OW_NN_FLOAT, .doc = "any shape"}, {"dy", OW_NN_FLOAT, .doc = "as x"}},
    .out = {{"dx", OW_NN_FLOAT, .doc = "as x"}}, .param = PARAMS, .shape = shape, .reference = plain, .cpu = fast,
    .opencl = ow_nn_activation_cl};
