// Numbers that training asks of a whole tensor: the sum of squares (for clipping by norm),
// in f64 over fixed chunks joined in order, and the place of the first NaN or infinity.
#include <math.h>

#include "nn/kernel.h"

static bool shape(ow_nn_call *c, ow_err *e) {
  (void)e;
  int64_t one = 1;
  ow_nn_shape(c, 0, 1, &one);
  return true;
}

static bool plain_squares(ow_nn_call *c, ow_err *e) {
  ow_elems x = ow_elements(c->in[0]);
  int64_t n = ow_tensor_numel(c->in[0]);
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff)) OW_NN_POLL(e);
    sum += ow_get(x, i) * ow_get(x, i);
  }
  *ow_out64(c, 0) = sum;
  return true;
}

static bool plain_nonfinite(ow_nn_call *c, ow_err *e) {
  ow_elems x = ow_elements(c->in[0]);
  int64_t n = ow_tensor_numel(c->in[0]);
  *ow_outi(c, 0) = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff)) OW_NN_POLL(e);
    if (!isfinite(ow_get(x, i))) {
      *ow_outi(c, 0) = i + 1;
      break;
    }
  }
  return true;
}

const ow_nn_op ow_nn_sum_squares = {
    .name = "sum_squares", .doc = "sum of the squares of all elements",
    .in = {{"x", OW_NN_FLOAT, .doc = "any shape"}}, .out = {{"value", OW_NN_DOUBLE, .doc = "[1]"}},
    .shape = shape, .reference = plain_squares};

const ow_nn_op ow_nn_first_nonfinite = {
    .name = "first_nonfinite", .doc = "place of the first NaN or infinity",
    .in = {{"x", OW_NN_FLOAT, .doc = "any shape"}},
    .out = {{"index", OW_NN_INDEX, .doc = "[1], 1-based row-major place, 0 = all are finite"}},
    .shape = shape, .reference = plain_nonfinite};
