#include "nn/nn.h"

#include <stdio.h>
#include <string.h>

#include "base/device.h"
#include "opencl/launch.h"

#define OW_NN_ROW(id) &ow_nn_##id,
const ow_nn_op *const ow_nn_ops[] = {OW_NN_LIST(OW_NN_ROW) NULL};
#undef OW_NN_ROW

const ow_nn_op *ow_nn_find(const char *name) {
  for (const ow_nn_op *const *op = ow_nn_ops; *op; op++)
    if (!strcmp((*op)->name, name)) return *op;
  return NULL;
}

void ow_nn_shape(ow_nn_call *c, int k, int ndim, const int64_t *shape) {
  c->out_ndim[k] = ndim;
  if (ndim) memcpy(c->out_shape[k], shape, (size_t)ndim * sizeof *shape);
}

void ow_nn_shape_like(ow_nn_call *c, int k, const ow_tensor *t) { ow_nn_shape(c, k, t->ndim, t->shape); }

bool ow_nn_expect(const ow_nn_call *c, int k, int ndim, const int64_t *shape, ow_err *e) {
  const ow_tensor *t = c->in[k];
  if (!t) return true;
  bool same = t->ndim == ndim;
  for (int d = 0; same && d < ndim; d++) same = shape[d] < 0 || t->shape[d] == shape[d];
  if (same) return true;
  char want[200] = "", got[160];
  for (int d = 0; d < ndim; d++) {
    size_t n = strlen(want);
    if (shape[d] < 0) snprintf(want + n, sizeof want - n, "%s*", d ? "x" : "");
    else snprintf(want + n, sizeof want - n, "%s%lld", d ? "x" : "", (long long)shape[d]);
  }
  return OW_FAIL(e, OW_ESHAPE, "%s: expected shape %s, got %s", c->op->in[k].name, ndim ? want : "scalar",
                 ow_shape_string(got, t->ndim, t->shape));
}

static ow_dtype want_dtype(const ow_nn_call *c, ow_nn_type type) {
  return type == OW_NN_INDEX ? OW_I64 : type == OW_NN_DOUBLE ? OW_F64 : c->dtype;
}

static bool check_inputs(ow_nn_call *c, int *device, ow_err *e) {
  const ow_nn_op *op = c->op;
  bool known = false;
  *device = -1;
  for (int k = 0; k < OW_NN_MAXIN && op->in[k].name; k++) {
    const ow_tensor *t = c->in[k];
    if (!t) {
      if (!op->in[k].optional) return OW_FAIL(e, OW_EARG, "%s: expected a tensor, got none", op->in[k].name);
      continue;
    }
    if (*device >= 0 && t->storage->device != *device)
      return OW_FAIL(e, OW_EDEVICE, "%s is on %s, the tensors before it on %s", op->in[k].name,
                     ow_device_name(t->storage->device), ow_device_name(*device));
    *device = t->storage->device;
    if (op->in[k].type != OW_NN_FLOAT) continue;
    if (!known && (t->dtype == OW_F32 || t->dtype == OW_F64)) c->dtype = t->dtype, known = true;
  }
  for (int k = 0; k < OW_NN_MAXOUT && op->out[k].name && !known; k++)
    if (c->out[k] && c->out[k]->storage && op->out[k].type == OW_NN_FLOAT) c->dtype = c->out[k]->dtype, known = true;
  if (!known) c->dtype = OW_F32;
  for (int k = 0; k < OW_NN_MAXIN && op->in[k].name; k++) {
    const ow_tensor *t = c->in[k];
    ow_dtype want = want_dtype(c, op->in[k].type);
    if (t && t->dtype != want)
      return OW_FAIL(e, OW_EDTYPE, "%s: expected %s, got %s", op->in[k].name,
                     op->in[k].type == OW_NN_FLOAT && !known ? "f32 or f64" : ow_dtype_name(want), ow_dtype_name(t->dtype));
  }
  return true;
}

static bool check_output(ow_nn_call *c, int k, int device, ow_err *e) {
  const ow_nn_arg *a = &c->op->out[k];
  ow_tensor *t = c->out[k];
  if (!t) return a->optional ? true : OW_FAIL(e, OW_EARG, "output %s cannot be declined", a->name);
  ow_dtype want = want_dtype(c, a->type);
  if (!t->storage) {
    if (a->inplace) return OW_FAIL(e, OW_EARG, "%s is changed in place: give it in out", a->name);
    return ow_tensor_new_on(t, device, want, c->out_ndim[k], c->out_shape[k], e);
  }
  bool same = t->dtype == want && t->ndim == c->out_ndim[k] && ow_tensor_is_contiguous(t);
  for (int d = 0; same && d < t->ndim; d++) same = t->shape[d] == c->out_shape[k][d];
  if (same && (device < 0 || t->storage->device == device)) return true;
  char w[160], g[160];
  return OW_FAIL(e, OW_ESHAPE, "out %s: expected a dense %s tensor %s on the inputs' device, got %s %s", a->name,
                 ow_dtype_name(want), ow_shape_string(w, c->out_ndim[k], c->out_shape[k]), ow_dtype_name(t->dtype),
                 ow_shape_string(g, t->ndim, t->shape));
}

bool ow_nn_run(ow_nn_call *c, bool reference, ow_err *e) {
  const ow_nn_op *op = c->op;
  int device;
  if (!check_inputs(c, &device, e)) return false;
  if (device > OW_CPU && (!ow_cl_can(device, c->dtype, e) || (op->out[0].type == OW_NN_DOUBLE && !ow_cl_can(device, OW_F64, e))))
    return false;
  const ow_tensor *first = c->in[0];
  c->spatial = first && first->ndim > 2 ? first->ndim - 2 : 0;
  if (!op->shape(c, e)) return false;
  bool made[OW_NN_MAXOUT] = {0}, ok = true;
  for (int k = 0; ok && k < OW_NN_MAXOUT && op->out[k].name; k++) {
    made[k] = c->out[k] && !c->out[k]->storage;
    ok = check_output(c, k, device, e);
    made[k] = made[k] && ok;
  }
  ow_tensor dense[OW_NN_MAXIN];
  const ow_tensor *given[OW_NN_MAXIN];
  memset(dense, 0, sizeof dense);
  memcpy(given, c->in, sizeof given);
  for (int k = 0; ok && k < OW_NN_MAXIN; k++)
    if (c->in[k] && !ow_tensor_is_contiguous(c->in[k])) {
      ok = ow_tensor_contiguous(&dense[k], c->in[k], e);
      if (ok) c->in[k] = &dense[k];
    }
  if (ok) {
    ow_nn_kernel f = device > OW_CPU ? op->opencl : reference || !op->cpu ? op->reference : op->cpu;
    ok = f ? f(c, e) : OW_FAIL(e, OW_EDEVICE, "not available on %s; move the tensors with t:to('cpu')", ow_device_name(device));
  }
  for (int k = 0; k < OW_NN_MAXIN; k++) ow_tensor_close(&dense[k]);
  memcpy(c->in, given, sizeof given);
  if (!ok)
    for (int k = 0; k < OW_NN_MAXOUT; k++)
      if (made[k]) ow_tensor_close(c->out[k]);
  return ok;
}
