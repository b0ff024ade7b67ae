// Geometry of pooling windows, shared by the rows of pool.c and their fast kernels.
#ifndef OW_NN_POOL_H
#define OW_NN_POOL_H
#include <stdint.h>

typedef struct {
  int64_t planes, in, out;  // planes [N, C]; elements of a plane in and out
  int64_t size[3], osize[3], kernel[3], stride[3], padding[3];
} ow_pool;

#endif
