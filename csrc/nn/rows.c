// Reading rows by index and adding rows by index; each is the other's gradient. Indices are
// 1-based and checked before anything is written. index_add sums in f64 in the order of the
// index: a stable counting sort lists the sources of every destination row, and a
// destination belongs to one task, so the bits do not depend on the threads.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "nn/cl.h"
#include "nn/kernel.h"

enum { ROWS };

static bool gather_shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0];
  int64_t s[OW_MAXDIM];
  if (x->ndim < 1) return OW_FAIL(e, OW_ESHAPE, "x: expected rows, got a scalar");
  if (c->in[1]->ndim != 1) return ow_nn_expect(c, 1, 1, (int64_t[]){-1}, e);
  memcpy(s, x->shape, sizeof s);
  s[0] = c->in[1]->shape[0];
  ow_nn_shape(c, 0, x->ndim, s);
  return true;
}

static bool gather(ow_nn_call *c, ow_err *e) {
  enum { CHUNK = 1 << 16 };
  const ow_tensor *x = c->in[0];
  const int64_t *index = ow_i64(c->in[1]);
  if (!ow_nn_index_in(c, 1, 1, x->shape[0], e)) return false;
  size_t bytes = (size_t)ow_extent_from(x, 1) * ow_dtype_size(x->dtype);
  int64_t m = c->in[1]->shape[0], rows = ow_max64(1, CHUNK / (int64_t)(bytes + 1));
  const char *from = ow_tensor_data(x);
  char *to = ow_tensor_data(c->out[0]);
  OW_NN_TASKS(t, ow_ceil_div(m, rows)) {
    for (int64_t i = t * rows; i < ow_min64(m, (t + 1) * rows); i++)
      memcpy(to + (size_t)i * bytes, from + (size_t)(index[i] - 1) * bytes, bytes);
  }
  OW_NN_DONE(e);
}

static bool add_shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *src = c->in[1];
  int64_t s[OW_MAXDIM];
  if (src->ndim < 1) return OW_FAIL(e, OW_ESHAPE, "src: expected rows, got a scalar");
  if (!ow_nn_expect(c, 0, 1, src->shape, e) || !ow_nn_param_in(c, ROWS, 0, INT64_MAX / 16, e)) return false;
  memcpy(s, src->shape, sizeof s);
  s[0] = c->p[ROWS].i[0];
  ow_nn_shape(c, 0, src->ndim, s);
  return true;
}

static bool plain_add(ow_nn_call *c, ow_err *e) {
  int64_t rows = c->p[ROWS].i[0], m = c->in[1]->shape[0], d = ow_extent_from(c->in[1], 1);
  if (!ow_nn_index_in(c, 0, 1, rows, e)) return false;
  double *sum = ow_alloc_array((size_t)(rows * d), sizeof *sum, e);
  if (!sum) return false;
  memset(sum, 0, (size_t)(rows * d) * sizeof *sum);
  ow_elems src = ow_elements(c->in[1]), y = ow_elements(c->out[0]);
  for (int64_t i = 0; i < m && !ow_interrupted(); i++)
    for (int64_t j = 0; j < d; j++) sum[(ow_i64(c->in[0])[i] - 1) * d + j] += ow_get(src, i * d + j);
  for (int64_t i = 0; i < rows * d; i++) ow_put(y, i, sum[i]);
  ow_free(sum);
  OW_NN_DONE(e);
}

static bool fast_add(ow_nn_call *c, ow_err *e) {
  enum { COLUMNS = 512 };
  int64_t rows = c->p[ROWS].i[0], m = c->in[1]->shape[0], d = ow_extent_from(c->in[1], 1);
  const int64_t *index = ow_i64(c->in[0]);
  if (!ow_nn_index_in(c, 0, 1, rows, e)) return false;
  int64_t *first = ow_alloc_zero((size_t)(rows + 2 + m) * sizeof *first, e);
  if (!first) return false;
  int64_t *order = first + rows + 2;
  for (int64_t i = 0; i < m; i++) first[index[i] + 1]++;
  for (int64_t r = 1; r <= rows; r++) first[r + 1] += first[r];
  for (int64_t i = 0; i < m; i++) order[first[index[i]]++] = i;  // first[r] ends where r + 1 began
  ow_elems src = ow_elements(c->in[1]), y = ow_elements(c->out[0]);
  int64_t per = ow_max64(1, 4096 / ow_max64(1, d));
  OW_NN_TASKS(t, ow_ceil_div(rows, per)) {
    double sum[COLUMNS];
    for (int64_t r = t * per; r < ow_min64(rows, (t + 1) * per); r++)
      for (int64_t j = 0; j < d; j += COLUMNS) {
        int64_t n = ow_min64(COLUMNS, d - j);
        for (int64_t q = 0; q < n; q++) sum[q] = 0;
        for (int64_t k = first[r]; k < first[r + 1]; k++)
          for (int64_t q = 0; q < n; q++) sum[q] += ow_get(src, order[k] * d + j + q);
        for (int64_t q = 0; q < n; q++) ow_put(y, r * d + j + q, sum[q]);
      }
  }
  ow_free(first);
  OW_NN_DONE(e);
}

const ow_nn_op ow_nn_gather_rows = {
    .name = "gather_rows", .doc = "rows of x by index",
    .in = {{"x", OW_NN_FLOAT, .doc = "[R, ...]"}, {"index", OW_NN_INDEX, .doc = "[M], 1-based rows of x"}},
    .out = {{"y", OW_NN_FLOAT, .doc = "[M, ...]"}}, .shape = gather_shape, .reference = gather, .opencl = ow_nn_gather_rows_cl};

const ow_nn_op ow_nn_index_add = {
    .name = "index_add", .doc = "adds rows of src into the rows of a zero tensor that index names",
    .in = {{"index", OW_NN_INDEX, .doc = "[M], 1-based rows of y"}, {"src", OW_NN_FLOAT, .doc = "[M, ...]"}},
    .out = {{"y", OW_NN_FLOAT, .doc = "[rows, ...]"}},
    .param = {{"rows", OW_NN_INT, NAN, NULL, "rows of y"}}, .shape = add_shape, .reference = plain_add, .cpu = fast_add,
    .opencl = ow_nn_index_add_cl};
