// The one array type: a view (dtype, shape, strides, byte offset) of a counted storage.
// Views share storage; nothing here copies unless its name says so.
#ifndef OW_BASE_TENSOR_H
#define OW_BASE_TENSOR_H
#include "base/dtype.h"
#include "base/err.h"

#define OW_MAXDIM 8
enum { OW_CPU = 0 };  // device numbers above 0 belong to the device layer

typedef struct ow_storage {
  void *data;          // host address, or the device layer's handle
  size_t bytes;
  int device;
  int refs;            // atomic
  void (*release)(struct ow_storage *);  // frees data; NULL: ow_free(data)
  void *owner;         // for release: a mapping, a buffer handle
} ow_storage;

typedef struct ow_tensor {
  ow_storage *storage;         // NULL: closed
  size_t offset;               // bytes
  ow_dtype dtype;
  int ndim;                    // 0 = scalar
  int64_t shape[OW_MAXDIM];
  int64_t stride[OW_MAXDIM];   // elements; may be 0 (broadcast) or negative (reversed)
} ow_tensor;

// New storage, row-major. On failure t is untouched.
bool ow_tensor_new(ow_tensor *t, ow_dtype dtype, int ndim, const int64_t *shape, ow_err *e);
bool ow_tensor_zeros(ow_tensor *t, ow_dtype dtype, int ndim, const int64_t *shape, ow_err *e);
// Bytes of a tensor; fails when the shape is none or too large.
bool ow_tensor_bytes(ow_dtype dtype, int ndim, const int64_t *shape, size_t *bytes, ow_err *e);
// Same dtype, shape and device as src, contents undefined.
bool ow_tensor_new_like(ow_tensor *t, const ow_tensor *src, ow_err *e);
// dst becomes another view of src's storage (takes a reference).
void ow_tensor_view(ow_tensor *dst, const ow_tensor *src);
// Wraps foreign host memory; release(storage) is called with the last reference.
bool ow_tensor_wrap(ow_tensor *t, ow_dtype dtype, int ndim, const int64_t *shape, void *data,
                    size_t bytes, void (*release)(ow_storage *), void *owner, ow_err *e);
void ow_tensor_close(ow_tensor *t);  // drops the reference; idempotent

int64_t ow_tensor_numel(const ow_tensor *t);
bool ow_tensor_is_contiguous(const ow_tensor *t);  // row-major, dense
static inline void *ow_tensor_data(const ow_tensor *t) { return (char *)t->storage->data + t->offset; }

// dst: a contiguous tensor with t's elements; t itself (as a view) when it already is.
bool ow_tensor_contiguous(ow_tensor *dst, const ow_tensor *t, ow_err *e);
// dst: contiguous, of another dtype; a view when nothing has to change. Narrowing is
// checked: a value that the new dtype cannot hold (fraction, range, imaginary part; f64
// to f32 may round) is OW_EDTYPE, unless `unchecked` (C conversion, saturating).
bool ow_tensor_cast(ow_tensor *dst, const ow_tensor *t, ow_dtype dtype, bool unchecked, ow_err *e);
// Copies src into dst (any strides, any dtypes, same shape or broadcastable), same checks.
bool ow_tensor_copy(const ow_tensor *dst, const ow_tensor *src, bool unchecked, ow_err *e);

// n elements between plain buffers; steps in bytes. False when a value does not fit.
bool ow_convert(ow_dtype dt, void *d, int64_t dstep, ow_dtype st, const void *s, int64_t sstep, int64_t n,
                bool unchecked);

// View with shape `ndim, shape` by stride 0; false when it cannot be.
bool ow_tensor_broadcast_to(ow_tensor *dst, const ow_tensor *t, int ndim, const int64_t *shape, ow_err *e);
// The same elements in row-major order under another shape, as a view; false (no error) when
// the strides do not allow it without a copy. The numbers of elements must agree.
bool ow_tensor_try_reshape(ow_tensor *dst, const ow_tensor *t, int ndim, const int64_t *shape);
// Common shape of two; false and OW_ESHAPE naming both.
bool ow_broadcast_shapes(const ow_tensor *a, const ow_tensor *b, int *ndim, int64_t *shape, ow_err *e);
// Writes "2x3x4" (or "scalar").
char *ow_shape_string(char buf[160], int ndim, const int64_t *shape);

// Walks up to 4 tensors of one shape together: the dimensions are merged where all strides
// allow, the innermost is handed to the caller as (count, element strides).
typedef struct {
  int nt, ndim;                      // outer dimensions left
  int64_t inner, istride[4];         // innermost run and its element strides
  int64_t shape[OW_MAXDIM], stride[4][OW_MAXDIM];
  int64_t outer;                     // product of the outer shape
  char *base[4];
  size_t esize[4];
} ow_walk;
void ow_walk_init(ow_walk *w, int nt, const ow_tensor *const *t);
// Pointers of outer index k (0 <= k < outer): any order, any thread.
static inline void ow_walk_at(const ow_walk *w, int64_t k, char **p) {
  for (int j = 0; j < w->nt; j++) p[j] = w->base[j];
  for (int d = w->ndim - 1; d >= 0; d--) {
    int64_t i = k % w->shape[d];
    k /= w->shape[d];
    for (int j = 0; j < w->nt; j++) p[j] += i * w->stride[j][d] * (int64_t)w->esize[j];
  }
}

#endif
