// Numbers that training asks of a whole tensor: the sum of squares (for clipping by norm),
// in f64 over fixed chunks joined in order, and the place of the first NaN or infinity.
#include <math.h>

#include "base/alloc.h"
#include "nn/cl.h"
#include "nn/kernel.h"
#include "nn/measure.h"

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

enum { CHUNK = 1 << 16 };

static const char *chunk_at(const ow_nn_call *c, int64_t t) {
  return (char *)ow_tensor_data(c->in[0]) + (size_t)(t * CHUNK) * ow_dtype_size(c->dtype);
}

static bool fast_squares(ow_nn_call *c, ow_err *e) {
  const ow_measure_kernels *K = &ow_measure_table()->of[c->dtype == OW_F64];
  int64_t n = ow_tensor_numel(c->in[0]), tasks = ow_ceil_div(n, CHUNK);
  double *part = ow_alloc_array((size_t)tasks, sizeof *part, e), sum = 0;
  if (!part) return false;
  OW_NN_TASKS(t, tasks) part[t] = K->squares(chunk_at(c, t), ow_min64(CHUNK, n - t * CHUNK));
  for (int64_t t = 0; t < tasks && !ow_interrupted(); t++) sum += part[t];
  ow_free(part);
  *ow_out64(c, 0) = sum;
  OW_NN_DONE(e);
}

// Chunks after one that holds a bad element need not be looked at; the least wins.
static bool fast_nonfinite(ow_nn_call *c, ow_err *e) {
  const ow_measure_kernels *K = &ow_measure_table()->of[c->dtype == OW_F64];
  int64_t n = ow_tensor_numel(c->in[0]), tasks = ow_ceil_div(n, CHUNK), found = INT64_MAX;
  OW_NN_TASKS(t, tasks) {
    if (t * CHUNK < __atomic_load_n(&found, __ATOMIC_RELAXED)) {
      int64_t i = K->nonfinite(chunk_at(c, t), ow_min64(CHUNK, n - t * CHUNK));
      if (i >= 0) {
        int64_t now = __atomic_load_n(&found, __ATOMIC_RELAXED), mine = t * CHUNK + i;
        while (mine < now && !__atomic_compare_exchange_n(&found, &now, mine, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
      }
    }
  }
  *ow_outi(c, 0) = found == INT64_MAX ? 0 : found + 1;
  OW_NN_DONE(e);
}

const ow_nn_op ow_nn_sum_squares = {
    .name = "sum_squares", .doc = "sum of the squares of all elements",
    .in = {{"x", OW_NN_FLOAT, .doc = "any shape"}}, .out = {{"value", OW_NN_DOUBLE, .doc = "[1]"}},
    .shape = shape, .reference = plain_squares, .cpu = fast_squares, .opencl = ow_nn_measure_cl};

const ow_nn_op ow_nn_first_nonfinite = {
    .name = "first_nonfinite", .doc = "place of the first NaN or infinity",
    .in = {{"x", OW_NN_FLOAT, .doc = "any shape"}},
    .out = {{"index", OW_NN_INDEX, .doc = "[1], 1-based row-major place, 0 = all are finite"}},
    .shape = shape, .reference = plain_nonfinite, .cpu = fast_nonfinite, .opencl = ow_nn_measure_cl};
