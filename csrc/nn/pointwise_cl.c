// Rows that treat each element by itself, and the losses, on a device: the host's side of
// opencl/pointwise.cl. Losses are summed in parts of 4096 elements, joined in order.
#include "nn/cl.h"

#define WHAT(n) "#define WHAT " #n "\n#define R T\n"

bool ow_nn_activation_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  int64_t n = ow_tensor_numel(c->in[0]);
  bool grad = c->op == &ow_nn_activation_grad;
  if (!ow_nn_begin(&l, c, "pointwise", grad ? "backward" : "forward", WHAT(0), e)) return false;
  ow_cl_tensor(&l, c->in[0]);
  if (grad) ow_cl_tensor(&l, c->in[1]);
  ow_cl_tensor(&l, c->out[0]);
  ow_cl_long(&l, n);
  ow_cl_int(&l, (int)ow_nn_int(c, "kind"));
  ow_cl_real(&l, c->dtype, ow_nn_num(c, "alpha"));
  return ow_cl_run1(&l, n);
}

bool ow_nn_dropout_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  double p = ow_nn_num(c, "p");
  int64_t n = ow_tensor_numel(c->in[0]);
  if (!ow_nn_begin(&l, c, "pointwise", "dropout", WHAT(1), e)) return false;
  ow_cl_tensor(&l, c->in[0]);
  ow_cl_tensor(&l, c->out[0]);
  ow_cl_long(&l, n);
  ow_cl_long(&l, ow_nn_int(c, "seed"));
  ow_cl_long(&l, ow_nn_int(c, "stream"));
  ow_cl_long(&l, (int64_t)nearbyint(p * 0x1p32));
  ow_cl_real(&l, c->dtype, p < 1 ? 1 / (1 - p) : 0);
  return ow_cl_run1(&l, (n + 3) / 4);
}

bool ow_nn_optim_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  int64_t n = ow_tensor_numel(c->in[0]);
  bool sgd = c->op == &ow_nn_sgd, adam = c->op == &ow_nn_adam;
  if (!ow_nn_begin(&l, c, "pointwise", sgd ? "sgd" : adam ? "adam" : "rmsprop", WHAT(2), e)) return false;
  ow_cl_tensor(&l, c->in[0]);
  for (int k = 0; k < (sgd ? 2 : 3); k++) ow_cl_tensor(&l, c->out[k]);
  ow_cl_long(&l, n);
  double lr = ow_nn_num(c, "lr"), decay = ow_nn_num(c, "weight_decay");
#define REAL(v) ow_cl_real(&l, c->dtype, (v))
  if (sgd) {
    REAL(lr), REAL(ow_nn_num(c, "momentum")), REAL(1 - ow_nn_num(c, "dampening"));
    ow_cl_int(&l, ow_nn_int(c, "nesterov") != 0);
    REAL(decay);
    ow_cl_int(&l, ow_nn_int(c, "first") != 0);
  } else if (adam) {
    double b1 = ow_nn_num(c, "beta1"), b2 = ow_nn_num(c, "beta2"), t = (double)ow_nn_int(c, "step");
    bool decoupled = ow_nn_int(c, "decoupled");
    REAL(decoupled ? 1 - lr * decay : 1), REAL(decoupled ? 0 : decay);
    REAL(b1), REAL(1 - b1), REAL(b2), REAL(1 - b2);
    REAL(lr / (1 - pow(b1, t))), REAL(1 / sqrt(1 - pow(b2, t))), REAL(ow_nn_num(c, "eps"));
  } else {
    double a = ow_nn_num(c, "alpha");
    REAL(lr), REAL(a), REAL(1 - a), REAL(ow_nn_num(c, "eps")), REAL(ow_nn_num(c, "momentum")), REAL(decay);
  }
  return ow_cl_run1(&l, n);
}

static void law(ow_cl_launch *l, const ow_nn_call *c) {
  ow_cl_int(l, (int)ow_nn_int(c, "kind"));
  ow_cl_real(l, c->dtype, ow_nn_num(c, "delta"));
  ow_cl_real(l, c->dtype, ow_nn_num(c, "pos_weight"));
  ow_cl_real(l, c->dtype, ow_nn_num(c, "gamma"));
  ow_cl_real(l, c->dtype, ow_nn_num(c, "alpha_balance"));
}

bool ow_nn_loss_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  int64_t n = ow_tensor_numel(c->in[0]), parts = (n + 4095) / 4096, shape[1] = {parts};
  ow_tensor part;
  if (!ow_tensor_new_on(&part, ow_nn_device(c), ow_nn_acc(c), 1, shape, e)) return false;
  bool ok = ow_nn_begin(&l, c, "pointwise", "forward", WHAT(3), e);
  if (ok) {
    for (int k = 0; k < 3; k++) ow_cl_tensor(&l, c->in[k]);
    ow_cl_tensor(&l, &part);
    ow_cl_long(&l, n);
    law(&l, c);
    ok = ow_nn_groups(&l, parts) && ow_nn_total_cl(c, &part, parts, ow_nn_int(c, "reduction") ? 1 : (double)n, c->out[0], e);
  }
  ow_tensor_close(&part);
  return ok;
}

bool ow_nn_loss_grad_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  int64_t n = ow_tensor_numel(c->in[0]);
  if (!ow_nn_begin(&l, c, "pointwise", "backward", WHAT(3), e)) return false;
  for (int k = 0; k < 4; k++) ow_cl_tensor(&l, c->in[k]);
  ow_cl_tensor(&l, c->out[0]);
  ow_cl_long(&l, n);
  law(&l, c);
  ow_cl_real(&l, c->dtype, ow_nn_int(c, "reduction") ? 1 : (double)n);
  return ow_cl_run1(&l, n);
}
