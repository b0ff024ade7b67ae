// Moving elements by position: fill, take, put, masks, where, clip. All work on any strides
// and on every dtype; index values are the user's (1-based, negative from the end).
#ifndef OW_OP_INDEX_H
#define OW_OP_INDEX_H
#include "base/tensor.h"

static inline int64_t ow_index0(int64_t i, int64_t n) { return i < 0 ? i + n : i - 1; }

// t at position 0 of an axis: what is walked line by line.
static inline ow_tensor ow_without_axis(const ow_tensor *t, int axis) {
  ow_tensor r = *t;
  for (int d = axis; d + 1 < t->ndim; d++) { r.shape[d] = t->shape[d + 1]; r.stride[d] = t->stride[d + 1]; }
  r.ndim--;
  return r;
}

// Sets every element to *value (one element of t's dtype).
void ow_fill(const ow_tensor *t, const void *value);
// Same dtype and shape: every |a - b| <= atol + rtol |b|; infinities must be equal.
bool ow_close_to(const ow_tensor *a, const ow_tensor *b, double rtol, double atol, bool equal_nan);

// out (new): t with axis replaced by the m entries idx.
bool ow_take(ow_tensor *out, const ow_tensor *t, int axis, const int64_t *idx, int64_t m, ow_err *e);
// t[.., idx[j], ..] = or += src[.., j, ..], in the order of j. src: t's dtype and shape but for
// m along axis, any strides.
bool ow_put(const ow_tensor *t, int axis, const int64_t *idx, int64_t m, const ow_tensor *src, bool add, ow_err *e);
// out (new, shape of idx): out[.., j, ..] = t[.., idx[.., j, ..], ..]; idx is i64 and has t's
// shape but along axis.
bool ow_gather(ow_tensor *out, const ow_tensor *t, int axis, const ow_tensor *idx, ow_err *e);
// The inverse: t[.., idx[.., j, ..], ..] = or += src[.., j, ..]; src has idx's shape.
bool ow_scatter(const ow_tensor *t, int axis, const ow_tensor *idx, const ow_tensor *src, bool add, ow_err *e);

// out (new, i64): row-major positions, 1-based, of the elements that are not 0 (NaN counts).
bool ow_nonzero(ow_tensor *out, const ow_tensor *t, ow_err *e);
// Sets the elements of t where mask (u8, same shape) is not 0.
bool ow_masked_fill(const ow_tensor *t, const ow_tensor *mask, const void *value, ow_err *e);
// out = cond ? a : b; all of one shape, cond u8, the others of one dtype.
void ow_where(const ow_tensor *out, const ow_tensor *cond, const ow_tensor *a, const ow_tensor *b);
// out = min(max(x, lo), hi), real dtypes, all alike; a NaN anywhere gives NaN.
bool ow_clip(const ow_tensor *out, const ow_tensor *x, const ow_tensor *lo, const ow_tensor *hi, ow_err *e);

#endif
