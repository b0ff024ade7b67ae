// The host's side of common.cl's `walk`.
#ifndef OW_OPENCL_WALK_H
#define OW_OPENCL_WALK_H
#include "base/tensor.h"

typedef struct {
  int32_t ndim, pad;
  int64_t inner, istride[3], shape[8], stride[3][8];
} ow_cl_walk;

// Up to 3 tensors of one shape; returns the number of elements. The base offsets are not in it.
int64_t ow_cl_walk_init(ow_cl_walk *w, int nt, const ow_tensor *const *t);

#endif
