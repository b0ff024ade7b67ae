// What the rows' functions for devices share (NAME_cl.c): parameters by name and launches whose
// prelude names the row's dtype: T its elements, A what sums are kept in (f64 where there is).
#ifndef OW_NN_CL_H
#define OW_NN_CL_H
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/nn.h"
#include "opencl/launch.h"

static inline int ow_nn_which(const ow_nn_call *c, const char *name) {
  int k = 0;
  while (strcmp(c->op->param[k].name, name)) k++;
  return k;
}
static inline double ow_nn_num(const ow_nn_call *c, const char *name) { return c->p[ow_nn_which(c, name)].f; }
static inline int64_t ow_nn_int(const ow_nn_call *c, const char *name) { return c->p[ow_nn_which(c, name)].i[0]; }
static inline int ow_nn_device(const ow_nn_call *c) { return c->in[0]->storage->device; }

static inline bool ow_nn_begin(ow_cl_launch *l, const ow_nn_call *c, const char *program, const char *kernel, const char *more, ow_err *e) {
  char prelude[600];
  int d = ow_nn_device(c);
  snprintf(prelude, sizeof prelude, "#define T %s\n#define A %s\n%s", ow_cl_type(c->dtype), ow_cl_has_f64(d) ? "f64" : "f32", more);
  if (!ow_cl_begin(l, d, program, kernel, prelude, e)) return false;
  l->op = c->op->name;
  return true;
}

static inline bool ow_nn_groups(ow_cl_launch *l, int64_t groups) {  // of 64 work-items
  size_t n = (size_t)groups, local = 64;
  return ow_cl_run(l, 1, &n, &local);
}
// What sums are kept in, as a dtype.
static inline ow_dtype ow_nn_acc(const ow_nn_call *c) { return ow_cl_has_f64(ow_nn_device(c)) ? OW_F64 : OW_F32; }

// to[g] = the sum of run g of `count` parts divided by `divisor`, in a fixed order.
bool ow_nn_total_cl(ow_nn_call *c, const ow_tensor *part, int64_t count, double divisor, const ow_tensor *to, ow_err *e);

// The opencl functions of the rows.
bool ow_nn_activation_cl(ow_nn_call *c, ow_err *e);  // and its gradient
bool ow_nn_conv_cl(ow_nn_call *c, ow_err *e);        // conv, conv_grad_input, conv_grad_weight
bool ow_nn_matmul_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_linear_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_batch_norm_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_batch_norm_grad_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_pool_cl(ow_nn_call *c, ow_err *e);        // the four rows of pool.c
bool ow_nn_group_norm_cl(ow_nn_call *c, ow_err *e);  // and layer_norm
bool ow_nn_group_norm_grad_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_resize_cl(ow_nn_call *c, ow_err *e);      // and its gradient
bool ow_nn_gather_rows_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_index_add_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_segment_cl(ow_nn_call *c, ow_err *e);     // segment_reduce and its gradient
bool ow_nn_softmax_cl(ow_nn_call *c, ow_err *e);     // and its gradient
bool ow_nn_dropout_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_optim_cl(ow_nn_call *c, ow_err *e);       // sgd, rmsprop, adam
bool ow_nn_loss_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_loss_grad_cl(ow_nn_call *c, ow_err *e);
bool ow_nn_cross_entropy_cl(ow_nn_call *c, ow_err *e);  // and its gradient
bool ow_nn_measure_cl(ow_nn_call *c, ow_err *e);     // sum_squares, first_nonfinite

#endif
