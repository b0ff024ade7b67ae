// What sorted data is for: different values, bisection, histograms. Bisection keeps
// "everything before lo is below, everything from hi on is not"; it has no branch on the
// data, so its time does not depend on how predictable the values are.
#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "op/sort.h"

// ---- unique --------------------------------------------------------------------------------

#define UNIQUE(ID, n_, T)                                                                        \
  static int64_t unique_##n_(const void *p, int64_t n, void *out, int64_t *first) {              \
    const T *x = p;                                                                              \
    T *o = out;                                                                                  \
    int64_t m = 0;                                                                               \
    for (int64_t i = 0; i < n; i++) {                                                            \
      if (i > 0 && (x[i] == x[i - 1] || (x[i] != x[i] && x[i - 1] != x[i - 1]))) continue;       \
      if (o) o[m] = x[i], first[m] = i + 1;                                                      \
      m++;                                                                                       \
    }                                                                                            \
    return m;                                                                                    \
  }
OW_REAL_DTYPES(UNIQUE)

bool ow_unique_sorted(ow_tensor *values, ow_tensor *counts, ow_tensor *first, const ow_tensor *sorted, ow_err *e) {
#define ROW(ID, n_, T) [ID] = unique_##n_,
  static int64_t (*const table[OW_NDTYPE])(const void *, int64_t, void *, int64_t *) = {OW_REAL_DTYPES(ROW)};
#undef ROW
  if (!table[sorted->dtype]) return OW_FAIL(e, OW_EDTYPE, "%s has no order", ow_dtype_name(sorted->dtype));
  int64_t n = sorted->shape[0], m = table[sorted->dtype](ow_tensor_data(sorted), n, NULL, NULL);
  ow_tensor v, f, c;
  if (!ow_tensor_new(&v, sorted->dtype, 1, &m, e)) return false;
  if (!ow_tensor_new(&f, OW_I64, 1, &m, e)) { ow_tensor_close(&v); return false; }
  int64_t *at = ow_tensor_data(&f);
  table[sorted->dtype](ow_tensor_data(sorted), n, ow_tensor_data(&v), at);
  if (counts) {
    if (!ow_tensor_new(&c, OW_I64, 1, &m, e)) { ow_tensor_close(&v); ow_tensor_close(&f); return false; }
    int64_t *o = ow_tensor_data(&c);
    for (int64_t k = 0; k < m; k++) o[k] = (k + 1 < m ? at[k + 1] : n + 1) - at[k];
    *counts = c;
  }
  *values = v;
  if (first) *first = f;
  else ow_tensor_close(&f);
  return true;
}

// ---- searchsorted --------------------------------------------------------------------------

// NaN behind everything.
static inline bool below_f64(double a, double b) { return a < b || (isnan(b) && !isnan(a)); }
static inline bool below_i64(int64_t a, int64_t b) { return a < b; }

#define SEARCH(n_, T)                                                                   \
  static int64_t search_##n_(const T *s, int64_t n, T v, bool right) {                  \
    const T *lo = s;                                                                    \
    for (int64_t len = n; len > 0;) {                                                   \
      int64_t half = len / 2;                                                           \
      bool go = right ? !below_##n_(v, lo[half]) : below_##n_(lo[half], v);             \
      lo = go ? lo + half + 1 : lo;                                                     \
      len = go ? len - half - 1 : half;                                                 \
    }                                                                                   \
    return lo - s + 1;                                                                  \
  }
SEARCH(f64, double)
SEARCH(i64, int64_t)

bool ow_searchsorted(int64_t *out, const ow_tensor *sorted, const ow_tensor *values, bool right, ow_err *e) {
  int64_t n = sorted->shape[0], m = ow_tensor_numel(values);
  const void *s = ow_tensor_data(sorted), *v = ow_tensor_data(values);
  bool ints = sorted->dtype == OW_I64;
  if (ints)
    for (int64_t i = 1; i < n; i++)
      if (((const int64_t *)s)[i] < ((const int64_t *)s)[i - 1])
        return OW_FAIL(e, OW_EARG, "sorted: entry %lld is below the one before it", (long long)i + 1);
  if (!ints)
    for (int64_t i = 1; i < n; i++)
      if (below_f64(((const double *)s)[i], ((const double *)s)[i - 1]))
        return OW_FAIL(e, OW_EARG, "sorted: entry %lld is below the one before it", (long long)i + 1);
  enum { CHUNK = 4096 };
#pragma omp parallel for num_threads(ow_threads()) if (m > CHUNK)
  for (int64_t c = 0; c < (m + CHUNK - 1) / CHUNK; c++) {
    if (ow_interrupted()) continue;
    for (int64_t i = c * CHUNK; i < m && i < (c + 1) * CHUNK; i++)
      out[i] = ints ? search_i64(s, n, ((const int64_t *)v)[i], right) : search_f64(s, n, ((const double *)v)[i], right);
  }
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

// ---- histogram -----------------------------------------------------------------------------

bool ow_histogram(const double *x, const double *w, int64_t n, const double *edges, int64_t n_bins, ow_bins kind,
                  double *sums, int64_t *counts, int64_t *left_out, ow_err *e) {
  double lo = edges[0], hi = edges[n_bins];
  double scale = kind == OW_BINS_LOG ? (double)n_bins / (log(hi) - log(lo)) : (double)n_bins / (hi - lo), base = log(lo);
  int64_t missed = 0;
  for (int64_t i = 0; i < n; i++) {
    if ((i & 0xfffff) == 0 && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    double v = x[i];
    if (!(v >= lo && v <= hi)) { missed++; continue; }
    int64_t k;
    if (kind == OW_BINS_FREE) k = search_f64(edges, n_bins + 1, v, true) - 2;
    else {
      double g = kind == OW_BINS_LOG ? (log(v) - base) * scale : (v - lo) * scale;
      k = g >= 0 && g < (double)n_bins ? (int64_t)g : g > 0 ? n_bins - 1 : 0;
      while (k > 0 && v < edges[k]) k--;  // the guess may be off by rounding
      while (k + 1 < n_bins && v >= edges[k + 1]) k++;
    }
    if (k >= n_bins) k = n_bins - 1;
    if (w) sums[k] += w[i];
    else counts[k]++;
  }
  *left_out = missed;
  return true;
}
