// Points ordered into slabs: a counting sort by one linear coordinate u (z, or the third
// fractional coordinate, taken modulo 1 in a periodic box). The bounds are quantiles of an
// even sample, so outliers and clusters do not make bins of very unequal content. Within a
// bin rows increase. Needs 4 bytes a point and no copy of the points.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "geometry/cells.h"

enum { SAMPLE = 65536 };

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double height(const void *x, ow_dtype dtype, int64_t i, const double *g, bool wrap) {
  const float *f = (const float *)x + 3 * i;
  const double *d = (const double *)x + 3 * i;
  double u = dtype == OW_F32 ? g[0] * (double)f[0] + g[1] * (double)f[1] + g[2] * (double)f[2] : g[0] * d[0] + g[1] * d[1] + g[2] * d[2];
  return wrap ? u - floor(u) : u;
}

// Largest b with bound[b] <= u, 0 .. bins - 1.
static int64_t find(const double *bound, int64_t bins, double u) {
  int64_t lo = 0, hi = bins;
  while (hi - lo > 1) {
    int64_t m = (lo + hi) / 2;
    if (bound[m] <= u) lo = m;
    else hi = m;
  }
  return lo;
}

bool ow_slab_order(const void *x, int64_t n, ow_dtype dtype, const double g[3], bool wrap, int64_t bins, int32_t *order,
                   int64_t *start, double *bound, ow_err *e) {
  memset(start, 0, (size_t)(bins + 1) * sizeof *start);
  for (int64_t i = 0; i <= bins; i++) bound[i] = i == bins;
  if (n == 0) return true;
  if (n > INT32_MAX) return OW_FAIL(e, OW_EARG, "points: %lld; expected at most %d", (long long)n, INT32_MAX);
  int64_t m = n < SAMPLE ? n : SAMPLE;
  double *sample = ow_alloc_array((size_t)m, sizeof *sample, e);
  if (!sample) return false;
  for (int64_t i = 0; i < m; i++) sample[i] = height(x, dtype, (int64_t)((double)i / (double)m * (double)n), g, wrap);
  qsort(sample, (size_t)m, sizeof *sample, ascending);
  for (int64_t b = 0; b < bins; b++) bound[b] = sample[b * m / bins];
  bound[0] = wrap ? 0 : -INFINITY, bound[bins] = wrap ? 1 : INFINITY;
  ow_free(sample);
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t i = 0; i < n; i++) {
      if ((i & 0xfffff) == 0 && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
      double u = height(x, dtype, i, g, wrap);
      if (!pass && !isfinite(u)) return OW_FAIL(e, OW_EARG, "points: row %lld has a coordinate that is not finite", (long long)i + 1);
      int64_t b = find(bound, bins, u);
      if (pass) order[start[b]++] = (int32_t)(i + 1);
      else start[b + 1]++;
    }
    if (!pass) for (int64_t b = 0; b < bins; b++) start[b + 1] += start[b];
  }
  memmove(start + 1, start, (size_t)bins * sizeof *start);  // each had moved to its end
  start[0] = 0;
  return true;
}
