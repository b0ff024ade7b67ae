// Ordering: sort and argsort along an axis (stable, NaN last either way, -0 before +0),
// quantiles, unique values, bisection, counting.
#ifndef OW_OP_SORT_H
#define OW_OP_SORT_H
#include "base/tensor.h"

// out: t's dtype and shape. Real dtypes only.
bool ow_sort(const ow_tensor *out, const ow_tensor *t, int axis, bool descending, ow_err *e);
// out: i64 of t's shape; 1-based positions along axis.
bool ow_argsort(const ow_tensor *out, const ow_tensor *t, int axis, bool descending, ow_err *e);
// out: f64, shape nq x (t without axis); linear interpolation between order statistics at
// (n - 1) q; a line that holds a NaN gives NaN. q in [0, 1].
bool ow_quantile(ow_tensor *out, const ow_tensor *t, int axis, const double *q, int64_t nq, ow_err *e);

// sorted, contiguous 1-D -> the different values (new, same dtype; all NaNs are one), and,
// where not NULL, their counts and first positions (1-based), as new i64 tensors.
bool ow_unique_sorted(ow_tensor *values, ow_tensor *counts, ow_tensor *first, const ow_tensor *sorted, ow_err *e);

// 1-based position where each value would be inserted: before its equals (left) or behind
// them (right). f64 or i64, both alike, contiguous; out i64. NaN is the greatest value.
bool ow_searchsorted(int64_t *out, const ow_tensor *sorted, const ow_tensor *values, bool right, ow_err *e);

// How histogram bins lie, for a first guess that the edges then correct.
typedef enum { OW_BINS_EVEN, OW_BINS_LOG, OW_BINS_FREE } ow_bins;
// Adds weight (1 when w is NULL) of each x to its bin: edges[k] <= x < edges[k + 1], the last
// bin also holds its right edge. sums[n_bins] f64 or, without weights, counts[n_bins].
// left_out: values outside and NaN.
bool ow_histogram(const double *x, const double *w, int64_t n, const double *edges, int64_t n_bins, ow_bins kind,
                  double *sums, int64_t *counts, int64_t *left_out, ow_err *e);

#endif
