#include "base/device.h"

#include <string.h>

#include "base/alloc.h"

const ow_device_layer *ow_device_layer_in_use;

const char *ow_device_name(int device) {
  return device <= OW_CPU || !ow_device_layer_in_use ? "cpu" : ow_device_layer_in_use->name(device);
}

bool ow_tensor_new_on(ow_tensor *t, int device, ow_dtype dtype, int ndim, const int64_t *shape, ow_err *e) {
  if (device <= OW_CPU) return ow_tensor_new(t, dtype, ndim, shape, e);
  size_t bytes;
  ow_tensor r;
  if (!ow_tensor_bytes(dtype, ndim, shape, &bytes, e) || !ow_tensor_wrap(&r, dtype, ndim, shape, NULL, bytes, NULL, NULL, e))
    return false;
  if (!ow_device_layer_in_use->alloc(device, r.storage, e)) { ow_tensor_close(&r); return false; }
  r.storage->device = device;
  *t = r;
  return true;
}

bool ow_tensor_to(ow_tensor *dst, const ow_tensor *t, int device, ow_err *e) {
  if (t->storage->device == device) { ow_tensor_view(dst, t); return true; }
  ow_tensor r;
  if (!ow_tensor_new_on(&r, device, t->dtype, t->ndim, t->shape, e)) return false;
  if (!ow_tensor_copy(&r, t, true, e)) { ow_tensor_close(&r); return false; }
  *dst = r;
  return true;
}

bool ow_same_device(const ow_tensor *const *t, int n, int *device, ow_err *e) {
  int found = OW_ANYWHERE;
  for (int k = 0; k < n; k++) {
    if (!t[k] || t[k]->storage->device == OW_ANYWHERE) continue;
    int d = t[k]->storage->device;
    if (found >= OW_CPU && d != found) {
      OW_FAIL(e, OW_EDEVICE, "tensors on different devices: %s and %s", ow_device_name(found), ow_device_name(d));
      return ow_hint(e, "move one of them with t:to(\"%s\")", ow_device_name(found));
    }
    found = d;
  }
  *device = found < OW_CPU ? OW_CPU : found;
  return true;
}

bool ow_need_host(const ow_tensor *t, ow_err *e) {
  if (t->storage->device <= OW_CPU) return true;
  return OW_FAIL(e, OW_EDEVICE, "not available on %s; move the tensor with t:to('cpu')", ow_device_name(t->storage->device));
}
