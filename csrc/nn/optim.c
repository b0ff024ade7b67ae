// One step of an optimiser on one parameter, in place. g is the gradient, plus weight_decay
// times the parameter where the decay is not decoupled.
//   sgd: b = momentum b + (1 - dampening) g (first step: b = g); p -= lr b, or lr (g + momentum b)
//   rmsprop (Hinton's lecture 6e): q = alpha q + (1 - alpha) g^2; u = g / (sqrt q + eps)
//   adam (Kingma and Ba, ICLR 2015): m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
//     p -= lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)
//   decoupled decay (Loshchilov and Hutter, ICLR 2019): p -= lr weight_decay p before that.
#include <math.h>

#include "nn/cl.h"
#include "nn/kernel.h"
#include "nn/optim.h"

enum { S_LR, S_MOMENTUM, S_DAMPENING, S_NESTEROV, S_DECAY, S_FIRST };
enum { R_LR, R_ALPHA, R_EPS, R_MOMENTUM, R_DECAY };
enum { A_LR, A_BETA1, A_BETA2, A_EPS, A_DECAY, A_DECOUPLED, A_STEP };

static bool shape(ow_nn_call *c, ow_err *e) {
  for (int k = 0; k < OW_NN_MAXOUT; k++) ow_nn_shape_like(c, k, c->in[0]);
  if (c->op == &ow_nn_adam) return ow_nn_param_in(c, A_STEP, 1, INT64_MAX, e);
  bool sgd = c->op == &ow_nn_sgd;
  if (c->p[sgd ? S_MOMENTUM : R_MOMENTUM].f != 0 && !c->out[sgd ? 1 : 2])
    return OW_FAIL(e, OW_EARG, "buffer: needed with momentum; give it in out");
  return true;
}

static bool plain_sgd(ow_nn_call *c, ow_err *e) {
  ow_elems g = ow_elements(c->in[0]), p = ow_elements(c->out[0]), b = ow_elements(c->out[1]);
  double lr = c->p[S_LR].f, mu = c->p[S_MOMENTUM].f;
  int64_t n = ow_tensor_numel(c->in[0]);
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff)) OW_NN_POLL(e);
    double x = ow_get(p, i), d = ow_get(g, i) + c->p[S_DECAY].f * x;
    if (mu != 0) {
      double v = c->p[S_FIRST].i[0] ? d : mu * ow_get(b, i) + (1 - c->p[S_DAMPENING].f) * d;
      ow_put(b, i, v);
      d = c->p[S_NESTEROV].i[0] ? d + mu * v : v;
    }
    ow_put(p, i, x - lr * d);
  }
  return true;
}

static bool plain_rmsprop(ow_nn_call *c, ow_err *e) {
  ow_elems g = ow_elements(c->in[0]), p = ow_elements(c->out[0]), q = ow_elements(c->out[1]), b = ow_elements(c->out[2]);
  double lr = c->p[R_LR].f, mu = c->p[R_MOMENTUM].f, a = c->p[R_ALPHA].f;
  int64_t n = ow_tensor_numel(c->in[0]);
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff)) OW_NN_POLL(e);
    double x = ow_get(p, i), d = ow_get(g, i) + c->p[R_DECAY].f * x, s = a * ow_get(q, i) + (1 - a) * d * d;
    ow_put(q, i, s);
    d = d / (sqrt(s) + c->p[R_EPS].f);
    if (mu != 0) {
      d += mu * ow_get(b, i);
      ow_put(b, i, d);
    }
    ow_put(p, i, x - lr * d);
  }
  return true;
}

static bool plain_adam(ow_nn_call *c, ow_err *e) {
  ow_elems g = ow_elements(c->in[0]), p = ow_elements(c->out[0]), m = ow_elements(c->out[1]), v = ow_elements(c->out[2]);
  double lr = c->p[A_LR].f, b1 = c->p[A_BETA1].f, b2 = c->p[A_BETA2].f, decay = c->p[A_DECAY].f;
  double t = (double)c->p[A_STEP].i[0], rate = lr / (1 - pow(b1, t)), root = 1 / sqrt(1 - pow(b2, t));
  bool decoupled = c->p[A_DECOUPLED].i[0];
  int64_t n = ow_tensor_numel(c->in[0]);
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff)) OW_NN_POLL(e);
    double x = ow_get(p, i), d = ow_get(g, i);
    if (decoupled) x -= lr * decay * x;
    else d += decay * x;
    double a = b1 * ow_get(m, i) + (1 - b1) * d, s = b2 * ow_get(v, i) + (1 - b2) * d * d;
    ow_put(m, i, a);
    ow_put(v, i, s);
    ow_put(p, i, x - rate * a / (sqrt(s) * root + c->p[A_EPS].f));
  }
  return true;
}

static bool fast(ow_nn_call *c, ow_err *e) {
  enum { CHUNK = 1 << 14 };
  const ow_optim_kernels *K = &ow_optim_table()->of[c->dtype == OW_F64];
  ow_optim o = {0};
  void (*step)(const ow_optim *, void *const *, int64_t);
  if (c->op == &ow_nn_adam) {
    double t = (double)c->p[A_STEP].i[0];
    bool decoupled = c->p[A_DECOUPLED].i[0];
    o = (ow_optim){.lr = c->p[A_LR].f / (1 - pow(c->p[A_BETA1].f, t)), .beta1 = c->p[A_BETA1].f, .beta2 = c->p[A_BETA2].f,
                   .rest1 = 1 - c->p[A_BETA1].f, .rest2 = 1 - c->p[A_BETA2].f, .eps = c->p[A_EPS].f,
                   .decay = decoupled ? 0 : c->p[A_DECAY].f, .keep = decoupled ? 1 - c->p[A_LR].f * c->p[A_DECAY].f : 1,
                   .root = 1 / sqrt(1 - pow(c->p[A_BETA2].f, t))};
    step = K->adam;
  } else if (c->op == &ow_nn_rmsprop) {
    o = (ow_optim){.lr = c->p[R_LR].f, .beta1 = c->p[R_MOMENTUM].f, .beta2 = c->p[R_ALPHA].f, .rest2 = 1 - c->p[R_ALPHA].f,
                   .eps = c->p[R_EPS].f, .decay = c->p[R_DECAY].f};
    step = K->rmsprop;
  } else {
    o = (ow_optim){.lr = c->p[S_LR].f, .beta1 = c->p[S_MOMENTUM].f, .rest1 = 1 - c->p[S_DAMPENING].f, .decay = c->p[S_DECAY].f,
                   .nesterov = c->p[S_NESTEROV].i[0], .first = c->p[S_FIRST].i[0]};
    step = K->sgd;
  }
  int64_t n = ow_tensor_numel(c->in[0]), size = (int64_t)ow_dtype_size(c->dtype);
  OW_NN_TASKS(t, ow_ceil_div(n, CHUNK)) {
    void *v[4] = {NULL};
    for (int k = 0; k < 4; k++) {
      const ow_tensor *x = k ? c->out[k - 1] : c->in[0];
      if (x) v[k] = (char *)ow_tensor_data(x) + t * CHUNK * size;
    }
    step(&o, v, ow_min64(CHUNK, n - t * CHUNK));
  }
  OW_NN_DONE(e);
}

#define GRAD .in = {{"grad", OW_NN_FLOAT, .doc = "any shape"}}
#define LR {"lr", OW_NN_NUM, NAN, NULL, "learning rate"}
#define DECAY {"weight_decay", OW_NN_NUM, 0, NULL, "pull towards 0, times the parameter"}
#define STATE(NAME, OPTIONAL, DOC) {NAME, OW_NN_FLOAT, OPTIONAL, true, DOC}

const ow_nn_op ow_nn_sgd = {
    .name = "sgd", .doc = "a step of gradient descent with momentum", GRAD,
    .out = {STATE("param", false, "as grad"), STATE("buffer", true, "as grad; with momentum")},
    .param = {LR, {"momentum", OW_NN_NUM, 0, NULL, "share of the last step that is kept"},
              {"dampening", OW_NN_NUM, 0, NULL, "1 minus the weight of the gradient in the buffer"},
              {"nesterov", OW_NN_INT, 0, NULL, "1: look ahead along the momentum"}, DECAY,
              {"first", OW_NN_INT, 0, NULL, "1: the buffer has no content yet"}},
    .shape = shape, .reference = plain_sgd, .cpu = fast, .opencl = ow_nn_optim_cl};

const ow_nn_op ow_nn_rmsprop = {
    .name = "rmsprop", .doc = "a step of RMSprop", GRAD,
    .out = {STATE("param", false, "as grad"), STATE("square", false, "as grad, 0 at first"),
            STATE("buffer", true, "as grad, 0 at first; with momentum")},
    .param = {LR, {"alpha", OW_NN_NUM, 0.99, NULL, "share of the mean square that is kept"},
              {"eps", OW_NN_NUM, 1e-8, NULL, "added to the root"},
              {"momentum", OW_NN_NUM, 0, NULL, "share of the last step that is kept"}, DECAY},
    .shape = shape, .reference = plain_rmsprop, .cpu = fast, .opencl = ow_nn_optim_cl};

const ow_nn_op ow_nn_adam = {
    .name = "adam", .doc = "a step of Adam or AdamW", GRAD,
    .out = {STATE("param", false, "as grad"), STATE("m", false, "as grad, 0 at first"),
            STATE("v", false, "as grad, 0 at first")},
    .param = {LR, {"beta1", OW_NN_NUM, 0.9, NULL, "share of the mean that is kept"},
              {"beta2", OW_NN_NUM, 0.999, NULL, "share of the mean square that is kept"},
              {"eps", OW_NN_NUM, 1e-8, NULL, "added to the root"}, DECAY,
              {"decoupled", OW_NN_INT, 0, NULL, "1: decay beside the gradient (AdamW)"},
              {"step", OW_NN_INT, NAN, NULL, "1 at the first step"}},
    .shape = shape, .reference = plain_adam, .cpu = fast, .opencl = ow_nn_optim_cl};
