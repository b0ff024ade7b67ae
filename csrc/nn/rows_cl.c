// Rows by index and reductions over groups of rows on a device: the host's side of
// opencl/rows.cl.
#include "base/device.h"
#include "nn/cl.h"
#include "nn/kernel.h"

bool ow_nn_gather_rows_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  int64_t m = c->in[1]->shape[0], d = ow_extent_from(c->in[0], 1);
  if (!ow_nn_begin(&l, c, "rows", "gather", "", e)) return false;
  for (int k = 0; k < 2; k++) ow_cl_tensor(&l, c->in[k]);
  ow_cl_tensor(&l, c->out[0]);
  ow_cl_long(&l, c->in[0]->shape[0]), ow_cl_long(&l, m), ow_cl_long(&l, d);
  ow_cl_checks(&l, "index: expected rows of x, from 1");
  return ow_cl_run1(&l, m * d);
}

static bool fill_zero(const ow_tensor *t, ow_err *e) {
  static const double zero = 0;
  return ow_device_layer_in_use->fill(t, &zero, e);
}

// The sources of every row in order: row r has order[first[r]] .. order[first[r + 1] - 1].
static bool sort_sources(ow_nn_call *c, const ow_tensor *count, const ow_tensor *first, const ow_tensor *order, int64_t rows, ow_err *e) {
  ow_cl_launch l;
  int64_t m = c->in[0]->shape[0];
  if (!fill_zero(count, e) || !ow_nn_begin(&l, c, "rows", "count", "", e)) return false;
  ow_cl_tensor(&l, c->in[0]), ow_cl_tensor(&l, count);
  ow_cl_long(&l, rows), ow_cl_long(&l, m);
  ow_cl_checks(&l, "index: expected rows of y, from 1");
  if (!ow_cl_run1(&l, m) || !ow_nn_begin(&l, c, "rows", "starts", "", e)) return false;
  ow_cl_tensor(&l, count), ow_cl_tensor(&l, first);
  ow_cl_long(&l, rows);
  if (!ow_nn_groups(&l, 1) || !ow_nn_begin(&l, c, "rows", "list", "", e)) return false;
  ow_cl_tensor(&l, c->in[0]), ow_cl_tensor(&l, count), ow_cl_tensor(&l, first), ow_cl_tensor(&l, order);
  ow_cl_long(&l, rows), ow_cl_long(&l, m);
  if (!ow_cl_run1(&l, m) || !ow_nn_begin(&l, c, "rows", "sort", "", e)) return false;
  ow_cl_tensor(&l, first), ow_cl_tensor(&l, order);
  ow_cl_long(&l, rows);
  return ow_cl_run1(&l, rows);
}

bool ow_nn_index_add_cl(ow_nn_call *c, ow_err *e) {
  int64_t rows = ow_nn_int(c, "rows"), m = c->in[0]->shape[0], d = ow_extent_from(c->in[1], 1), bounds = rows + 1;
  int device = ow_nn_device(c);
  if (rows >= INT32_MAX || m >= INT32_MAX) return OW_FAIL(e, OW_ESHAPE, "more than 2^31 rows on %s", ow_device_name(device));
  ow_tensor count = {0}, first = {0}, order = {0};
  bool ok = ow_tensor_new_on(&count, device, OW_I32, 1, &rows, e) && ow_tensor_new_on(&first, device, OW_I32, 1, &bounds, e) &&
            ow_tensor_new_on(&order, device, OW_I32, 1, &m, e) && sort_sources(c, &count, &first, &order, rows, e);
  ow_cl_launch l;
  if (ok && (ok = ow_nn_begin(&l, c, "rows", "add", "", e))) {
    ow_cl_tensor(&l, c->in[1]), ow_cl_tensor(&l, &first), ow_cl_tensor(&l, &order), ow_cl_tensor(&l, c->out[0]);
    ow_cl_long(&l, rows), ow_cl_long(&l, d);
    ok = ow_cl_run1(&l, rows * d);
  }
  ow_tensor_close(&count);
  ow_tensor_close(&first);
  ow_tensor_close(&order);
  return ok;
}

bool ow_nn_segment_cl(ow_nn_call *c, ow_err *e) {
  ow_cl_launch l;
  bool grad = c->op == &ow_nn_segment_reduce_grad;
  int64_t groups = c->in[1]->shape[0] - 1, d = c->in[0]->shape[1], rows = grad ? ow_nn_int(c, "rows") : c->in[0]->shape[0];
  int mode = (int)ow_nn_int(c, "mode");
  if (grad && !fill_zero(c->out[0], e)) return false;
  if (!ow_nn_begin(&l, c, "rows", grad ? "segment_grad" : "segment", "", e)) return false;
  ow_cl_tensor(&l, c->in[0]), ow_cl_tensor(&l, c->in[1]);
  if (grad) ow_cl_tensor(&l, mode == 2 ? c->in[2] : NULL);
  ow_cl_tensor(&l, c->out[0]);
  if (!grad) ow_cl_tensor(&l, mode == 2 ? c->out[1] : NULL);
  ow_cl_long(&l, groups), ow_cl_long(&l, d), ow_cl_long(&l, rows);
  ow_cl_int(&l, mode);
  ow_cl_checks(&l, grad ? "offsets: expected ascending bounds of rows, and in argmax rows of their group" : "offsets: expected ascending bounds of rows");
  return ow_cl_run1(&l, groups * d);
}
