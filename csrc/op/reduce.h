// Reductions along axes, and running sums and products.
//
// Sums use a fixed tree: leaves of LEAF elements in 16 lanes, halves above them, chunks of
// fixed size above those. The tree depends on the lengths alone, so results are bitwise the
// same at any thread count; the error grows with log n. f32 and c64 accumulate in double
// precision, integers in i64 (wrapping). NaN propagates through all of them.
#ifndef OW_OP_REDUCE_H
#define OW_OP_REDUCE_H
#include "base/tensor.h"
#include "op/op.h"

//  X(id, result, doc); result: SUM ints -> i64, others kept; MEAN ints -> f64; REAL as MEAN
//  with the real type of complex; SAME; INDEX i64; FLAG u8
#define OW_REDUCE_LIST(X)                                                                   \
  X(sum, SUM, "sum of the elements; 0 when empty; integers give i64")                       \
  X(prod, SUM, "product; 1 when empty; integers give i64")                                  \
  X(mean, MEAN, "arithmetic mean; NaN when empty; integers give f64")                       \
  X(var, REAL, "sum |x - mean|^2 / (n - ddof), ddof 0 unless given; two passes")            \
  X(std, REAL, "square root of var")                                                        \
  X(norm, REAL, "Euclidean norm sqrt(sum |x|^2), without overflow")                         \
  X(min, SAME, "smallest element; NaN wins; raises when empty")                             \
  X(max, SAME, "largest element; NaN wins; raises when empty")                              \
  X(argmin, INDEX, "1-based position of the first smallest element (of the first NaN)")     \
  X(argmax, INDEX, "1-based position of the first largest element (of the first NaN)")      \
  X(any, FLAG, "1 where some element is nonzero; 0 when empty")                             \
  X(all, FLAG, "1 where every element is nonzero; 1 when empty")

typedef enum {
#define OW_REDUCE_ID(id, ...) OW_REDUCE_##id,
  OW_REDUCE_LIST(OW_REDUCE_ID)
#undef OW_REDUCE_ID
  OW_NREDUCE
} ow_reduce_id;
const char *ow_reduce_name(ow_reduce_id r);
const char *ow_reduce_doc(ow_reduce_id r);

// Reduces the axes in the bit mask (bit d = axis d, 0-based); keepdims leaves them as 1.
// out: closed, or open with the result's shape and a dtype that holds it.
bool ow_reduce(ow_reduce_id r, const ow_tensor *t, unsigned axes, bool keepdims, double ddof, ow_tensor *out, ow_err *e);

// Running sum or product along one axis; out as above (it may be t itself).
bool ow_cumulate(bool product, const ow_tensor *t, int axis, ow_tensor *out, ow_err *e);

// ---- kernels (reduce.simd.c) ---------------------------------------------------------------
typedef enum { OW_FOLD_sum, OW_FOLD_sumsq, OW_FOLD_dev, OW_FOLD_prod, OW_FOLD_min, OW_FOLD_max,
               OW_FOLD_argmin, OW_FOLD_argmax, OW_FOLD_any, OW_FOLD_all, OW_NFOLDS } ow_fold;
enum { OW_FOLD_TILE = 1024 };  // columns at most in one call of col

typedef struct {
  // n elements `s` bytes apart -> one state. param: the mean (dev: one state of sum, divided)
  // or the index of the first element (arg: int64_t).
  void (*row)(const char *p, int64_t s, int64_t n, void *state, const void *param);
  // n rows `rs` apart of m columns `cs` apart -> m states. param: m means, or one index.
  void (*col)(const char *p, int64_t rs, int64_t cs, int64_t n, int64_t m, void *state, const void *param);
  void (*combine)(void *a, const void *b, int64_t m);  // a[i] = a[i] then b[i]
  size_t state;                                        // bytes
} ow_fold_kernels;
typedef struct { ow_fold_kernels k[OW_NFOLDS][OW_NKERNEL_DTYPES]; } ow_reduce_kernels;
OW_SIMD_TABLE(ow_reduce_kernels, ow_folds)

// State of argmin, argmax for every dtype.
#define OW_ARG_STATE(T) struct { T value; int64_t index; }

#endif
