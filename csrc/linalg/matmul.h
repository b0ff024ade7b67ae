// Matrix products of tensors: OpenBLAS for f32 f64 c64 c128, an exact kernel for integers.
#ifndef OW_LINALG_MATMUL_H
#define OW_LINALG_MATMUL_H
#include "base/err.h"
#include "base/tensor.h"

// dtype of a product: integers i64, f16/bf16 as f32, otherwise the promoted type.
ow_dtype ow_matmul_dtype(ow_dtype a, ow_dtype b);
// Shape of a @ b (numpy's rules: a 1-D operand is a row on the left, a column on the right,
// and that axis is dropped again; leading axes broadcast). False names both shapes.
bool ow_matmul_shape(const ow_tensor *a, const ow_tensor *b, int *ndim, int64_t *shape, ow_err *e);
// out: made by the caller with that dtype and shape, any strides, may overlap a or b.
bool ow_matmul(const ow_tensor *out, const ow_tensor *a, const ow_tensor *b, ow_err *e);

// Where one tensor may write while another is read.
static inline bool ow_same_storage(const ow_tensor *a, const ow_tensor *b) { return a->storage == b->storage; }

#endif
