// What tensors ask of a device layer. Base knows no device but the host; the layer (opencl/)
// puts its table here before it hands out the first tensor of a device number above 0.
#ifndef OW_BASE_DEVICE_H
#define OW_BASE_DEVICE_H
#include "base/tensor.h"

// A number beside tensors (a 0-d tensor in host memory) belongs to every device.
enum { OW_ANYWHERE = -1 };

typedef struct {
  const char *(*name)(int device);  // "opencl:0"
  // Undefined contents; fills s->data, release and owner.
  bool (*alloc)(int device, ow_storage *s, ow_err *e);
  // dst = src, same shape, not overlapping, at least one of them on a device.
  bool (*copy)(const ow_tensor *dst, const ow_tensor *src, bool unchecked, ow_err *e);
  bool (*fill)(const ow_tensor *t, const void *value, ow_err *e);  // *value: one element
} ow_device_layer;

extern const ow_device_layer *ow_device_layer_in_use;  // NULL: no tensor is on a device

const char *ow_device_name(int device);  // "cpu", "opencl:0"
// A new tensor on a device, contents undefined.
bool ow_tensor_new_on(ow_tensor *t, int device, ow_dtype dtype, int ndim, const int64_t *shape, ow_err *e);
// dst: t's elements on that device; a view when they are there.
bool ow_tensor_to(ow_tensor *dst, const ow_tensor *t, int device, ow_err *e);
// The one device of n tensors (NULL and numbers count for none; *device = OW_CPU when there
// is no other); false names both where they differ.
bool ow_same_device(const ow_tensor *const *t, int n, int *device, ow_err *e);
// Fails with "not available on opencl:0; ..." unless t is in host memory.
bool ow_need_host(const ow_tensor *t, ow_err *e);

#endif
