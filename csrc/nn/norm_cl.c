// Batch normalisation on a device: the host's side of opencl/norm.cl.
#include "nn/cl.h"

enum { PIECE = 4096 };

typedef struct { int64_t n, c, s, pieces, total; } dims;

static dims dims_of(const ow_tensor *x) {
  dims d = {.n = x->shape[0], .c = x->shape[1], .s = 1, .total = ow_tensor_numel(x)};
  for (int k = 2; k < x->ndim; k++) d.s *= x->shape[k];
  d.pieces = (d.s + PIECE - 1) / PIECE;
  return d;
}

// A result that the caller wants, or one of our own.
static bool channel_tensor(ow_nn_call *c, int k, dims d, ow_tensor *t, ow_err *e) {
  if (c->out[k]) { ow_tensor_view(t, c->out[k]); return true; }
  return ow_tensor_new_on(t, ow_nn_device(c), c->dtype, 1, &d.c, e);
}

static bool join(ow_nn_call *c, const ow_tensor *part, int64_t skip, dims d, const ow_tensor *to, double scale, ow_err *e) {
  ow_cl_launch l;
  ow_tensor at = *part;  // borrows
  at.offset += (size_t)skip * ow_dtype_size(part->dtype);
  if (!ow_nn_begin(&l, c, "norm", "join", "", e)) return false;
  ow_cl_tensor(&l, &at);
  ow_cl_tensor(&l, to);
  ow_cl_long(&l, d.n * d.pieces);
  ow_cl_real(&l, part->dtype, scale);
  return ow_nn_groups(&l, d.c);
}

static bool moment(ow_nn_call *c, const ow_tensor *mean, const ow_tensor *part, dims d, const ow_tensor *to, ow_err *e) {
  ow_cl_launch l;
  if (!ow_nn_begin(&l, c, "norm", "moments", "", e)) return false;
  ow_cl_tensor(&l, c->in[0]);
  ow_cl_tensor(&l, mean);
  ow_cl_tensor(&l, part);
  ow_cl_long(&l, d.n);
  ow_cl_long(&l, d.c);
  ow_cl_long(&l, d.s);
  ow_cl_long(&l, d.pieces);
  return ow_nn_groups(&l, d.c * d.n * d.pieces) && join(c, part, 0, d, to, 1 / (double)(d.n * d.s), e);
}

static void activation(ow_cl_launch *l, const ow_nn_call *c) {
  ow_cl_real(l, c->dtype, ow_nn_num(c, "eps"));
  ow_cl_int(l, (int)ow_nn_int(c, "activation"));
  ow_cl_real(l, c->dtype, ow_nn_num(c, "alpha"));
}

static bool copy_if(const ow_tensor *to, const ow_tensor *from, ow_err *e) {
  return !to || to->storage == from->storage || ow_tensor_copy(to, from, true, e);
}

bool ow_nn_batch_norm_cl(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c->in[0]);
  ow_tensor mean = {0}, var = {0}, part = {0};
  int64_t shape[1] = {d.c * d.n * d.pieces};
  bool ok;
  if (c->in[3]) {
    ow_tensor_view(&mean, c->in[3]);
    ow_tensor_view(&var, c->in[4]);
    ok = copy_if(c->out[1], &mean, e) && copy_if(c->out[2], &var, e);
  } else
    ok = channel_tensor(c, 1, d, &mean, e) && channel_tensor(c, 2, d, &var, e) &&
         ow_tensor_new_on(&part, ow_nn_device(c), ow_nn_acc(c), 1, shape, e) && moment(c, NULL, &part, d, &mean, e) &&
         moment(c, &mean, &part, d, &var, e);
  ow_cl_launch l;
  if (ok) ok = ow_nn_begin(&l, c, "norm", "apply", "", e);
  if (ok) {
    ow_cl_tensor(&l, c->in[0]);
    ow_cl_tensor(&l, c->in[1]);
    ow_cl_tensor(&l, c->in[2]);
    ow_cl_tensor(&l, &mean);
    ow_cl_tensor(&l, &var);
    ow_cl_tensor(&l, c->out[0]);
    ow_cl_long(&l, d.c);
    ow_cl_long(&l, d.s);
    ow_cl_long(&l, d.total);
    activation(&l, c);
    ok = ow_cl_run1(&l, d.total);
  }
  ow_tensor_close(&mean);
  ow_tensor_close(&var);
  ow_tensor_close(&part);
  return ok;
}

bool ow_nn_batch_norm_grad_cl(ow_nn_call *c, ow_err *e) {
  dims d = dims_of(c->in[0]);
  ow_tensor sumx = {0}, sum = {0}, part = {0};
  int64_t groups = d.c * d.n * d.pieces, shape[1] = {2 * groups};
  bool ok = channel_tensor(c, 1, d, &sumx, e) && channel_tensor(c, 2, d, &sum, e) &&
            ow_tensor_new_on(&part, ow_nn_device(c), ow_nn_acc(c), 1, shape, e);
  ow_cl_launch l;
  if (ok) ok = ow_nn_begin(&l, c, "norm", "slopes", "", e);
  if (ok) {
    for (int k = 0; k < 6; k++) ow_cl_tensor(&l, c->in[k]);
    ow_cl_tensor(&l, &part);
    ow_cl_long(&l, d.n);
    ow_cl_long(&l, d.c);
    ow_cl_long(&l, d.s);
    ow_cl_long(&l, d.pieces);
    activation(&l, c);
    ok = ow_nn_groups(&l, groups) && join(c, &part, 0, d, &sum, 1, e) && join(c, &part, groups, d, &sumx, 1, e) &&
         ow_nn_begin(&l, c, "norm", "apply_grad", "", e);
  }
  if (ok) {
    for (int k = 0; k < 6; k++) ow_cl_tensor(&l, c->in[k]);
    ow_cl_tensor(&l, &sum);
    ow_cl_tensor(&l, &sumx);
    ow_cl_tensor(&l, c->out[0]);
    ow_cl_long(&l, d.c);
    ow_cl_long(&l, d.s);
    ow_cl_long(&l, d.total);
    activation(&l, c);
    ow_cl_int(&l, ow_nn_int(c, "fixed") != 0);
    ow_cl_real(&l, c->dtype, (double)(d.n * d.s));
    ok = ow_cl_run1(&l, d.total);
  }
  ow_tensor_close(&sumx);
  ow_tensor_close(&sum);
  ow_tensor_close(&part);
  return ok;
}
