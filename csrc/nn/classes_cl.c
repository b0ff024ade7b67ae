// Softmax, cross-entropy and whole-tensor measures on a device: the host's side of
// opencl/classes.cl.
#include "nn/cl.h"

enum { PIECE = 4096, PLACES = 1024 };

#define FLOAT_RESULT "#define R T\n"

bool ow_nn_total_cl(ow_nn_call *c, const ow_tensor *part, int64_t count, double divisor, const ow_tensor *to, ow_err *e) {
  ow_cl_launch l;
  if (!ow_nn_begin(&l, c, "classes", "total", to->dtype == c->dtype ? FLOAT_RESULT : "#define R A\n", e)) return false;
  ow_cl_tensor(&l, part);
  ow_cl_tensor(&l, to);
  ow_cl_long(&l, count);
  ow_cl_real(&l, part->dtype, divisor);
  return ow_nn_groups(&l, ow_tensor_numel(to));
}

bool ow_nn_softmax_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  const ow_tensor *t = c->in[0];
  bool grad = c->op == &ow_nn_softmax_grad;
  int axis = (int)ow_nn_int(c, "axis");
  axis = axis < 0 ? axis + t->ndim : axis - 1;
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < t->ndim; d++)
    if (d != axis) *(d < axis ? &outer : &inner) *= t->shape[d];
  if (!ow_nn_begin(&l, c, "classes", grad ? "softmax_grad" : "softmax", FLOAT_RESULT, e)) return false;
  ow_cl_tensor(&l, t);
  if (grad) ow_cl_tensor(&l, c->in[1]);
  ow_cl_tensor(&l, c->out[0]);
  ow_cl_long(&l, outer);
  ow_cl_long(&l, t->shape[axis]);
  ow_cl_long(&l, inner);
  ow_cl_int(&l, ow_nn_int(c, "log") != 0);
  return ow_cl_run1(&l, outer * inner);
}

static void places_of(const ow_nn_call *c, int64_t *places, int64_t *s) {
  const ow_tensor *x = c->in[0];
  *s = 1;
  for (int d = 2; d < x->ndim; d++) *s *= x->shape[d];
  *places = x->shape[0] * *s;
}

// sums: [2], of the terms and of the weights.
static bool entropy_sums(ow_nn_call *c, ow_tensor *sums, ow_err *e) {
  ow_cl_launch l;
  int64_t places, s, two = 2;
  places_of(c, &places, &s);
  int64_t groups = (places + PLACES - 1) / PLACES, shape[1] = {2 * groups};
  ow_tensor part = {0};
  bool ok = ow_tensor_new_on(&part, ow_nn_device(c), ow_nn_acc(c), 1, shape, e) &&
            ow_tensor_new_on(sums, ow_nn_device(c), ow_nn_acc(c), 1, &two, e) && ow_nn_begin(&l, c, "classes", "entropy", FLOAT_RESULT, e);
  if (ok) {
    for (int k = 0; k < 3; k++) ow_cl_tensor(&l, c->in[k]);
    ow_cl_tensor(&l, &part);
    ow_cl_long(&l, places);
    ow_cl_long(&l, c->in[0]->shape[1]);
    ow_cl_long(&l, s);
    ow_cl_real(&l, c->dtype, ow_nn_num(c, "smoothing"));
    ow_cl_checks(&l, "target: expected classes from 0 (ignored) to the number of channels");
    ok = ow_nn_groups(&l, groups);
  }
  if (ok) ok = ow_nn_begin(&l, c, "classes", "total", "#define R A\n", e);
  if (ok) {
    ow_cl_tensor(&l, &part);
    ow_cl_tensor(&l, sums);
    ow_cl_long(&l, groups);
    ow_cl_real(&l, part.dtype, 1);
    ok = ow_nn_groups(&l, 2);
  }
  ow_tensor_close(&part);
  return ok;
}

bool ow_nn_cross_entropy_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  ow_tensor sums = {0};
  bool mean = !ow_nn_int(c, "reduction"), grad = c->op == &ow_nn_cross_entropy_grad;
  int64_t places, s;
  places_of(c, &places, &s);
  bool ok = entropy_sums(c, &sums, e) && ow_nn_begin(&l, c, "classes", grad ? "entropy_grad" : "ratio", FLOAT_RESULT, e);
  if (ok && grad) {
    for (int k = 0; k < 4; k++) ow_cl_tensor(&l, c->in[k]);
    ow_cl_tensor(&l, mean ? &sums : NULL);
    ow_cl_tensor(&l, c->out[0]);
    ow_cl_long(&l, places);
    ow_cl_long(&l, c->in[0]->shape[1]);
    ow_cl_long(&l, s);
    ow_cl_real(&l, c->dtype, ow_nn_num(c, "smoothing"));
    ok = ow_cl_run1(&l, places);
  } else if (ok) {
    size_t one = 1;
    ow_cl_tensor(&l, &sums);
    ow_cl_tensor(&l, c->out[0]);
    ow_cl_int(&l, mean);
    ok = ow_cl_run(&l, 1, &one, &one);
  }
  ow_tensor_close(&sums);
  return ok;
}

bool ow_nn_measure_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  int64_t n = ow_tensor_numel(c->in[0]), parts = (n + PIECE - 1) / PIECE, shape[1] = {parts};
  bool squares = c->op == &ow_nn_sum_squares;
  ow_tensor part = {0};
  if (!ow_tensor_new_on(&part, ow_nn_device(c), squares ? ow_nn_acc(c) : OW_I64, 1, shape, e)) return false;
  bool ok = ow_nn_begin(&l, c, "classes", squares ? "squares" : "nonfinite", FLOAT_RESULT, e);
  if (ok) {
    ow_cl_tensor(&l, c->in[0]);
    if (!squares) ow_cl_tensor(&l, NULL);
    ow_cl_tensor(&l, &part);
    ow_cl_long(&l, n);
    ok = ow_nn_groups(&l, parts);
  }
  if (ok && squares) ok = ow_nn_total_cl(c, &part, parts, 1, c->out[0], e);
  else if (ok && (ok = ow_nn_begin(&l, c, "classes", "nonfinite", FLOAT_RESULT, e))) {
    ow_cl_tensor(&l, NULL);
    ow_cl_tensor(&l, &part);
    ow_cl_tensor(&l, c->out[0]);
    ow_cl_long(&l, parts);
    ok = ow_nn_groups(&l, 1);
  }
  ow_tensor_close(&part);
  return ok;
}
