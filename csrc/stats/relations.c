// Straight lines, correlations and densities, with resampling.
//
// Both regressions are wanted because a scaling law has no independent variable: y on x and x on
// y bracket the slope, the reduced major axis is their geometric mean, Theil-Sen (Sen, JASA 63
// (1968) 1379) does not mind outliers. Resamples are drawn pairwise, in blocks of consecutive
// events when these are correlated in time (Kuensch, Ann. Stat. 17 (1989) 1217, cyclic).
// Invariant: resample r reads stream r of the seed.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/threads.h"
#include "stats/data.h"

void ow_resample(int64_t n, int64_t block, uint64_t seed, int64_t r, int64_t *index) {
  ow_rng g = ow_rng_make(seed, (uint64_t)r);
  for (int64_t i = 0; i < n; i += block) {
    int64_t start = (int64_t)ow_rng_below(&g, (uint64_t)n);
    for (int64_t j = 0; j < block && i + j < n; j++) index[i + j] = (start + j) % n;
  }
}

typedef struct {
  double mx, my, sxx, syy, sxy;
} moments2;

static moments2 second_moments(const double *x, const double *y, int64_t n) {
  moments2 m = {0};
  for (int64_t i = 0; i < n; i++) m.mx += x[i], m.my += y[i];
  m.mx /= (double)n;
  m.my /= (double)n;
  for (int64_t i = 0; i < n; i++) {
    double a = x[i] - m.mx, b = y[i] - m.my;
    m.sxx += a * a;
    m.syy += b * b;
    m.sxy += a * b;
  }
  return m;
}

double ow_pearson(const double *x, const double *y, int64_t n) {
  moments2 m = second_moments(x, y, n);
  double r = m.sxy / sqrt(m.sxx * m.syy);
  return r > 1 ? 1 : r < -1 ? -1 : r;
}

// The k-th smallest of v[0..n-1], which is reordered (Hoare).
static double select_kth(double *v, int64_t n, int64_t k) {
  int64_t lo = 0, hi = n - 1;
  while (lo < hi) {
    double p = v[lo + (hi - lo) / 2];
    int64_t i = lo, j = hi;
    while (i <= j) {
      while (v[i] < p) i++;
      while (v[j] > p) j--;
      if (i <= j) {
        double t = v[i];
        v[i++] = v[j];
        v[j--] = t;
      }
    }
    if (k <= j) hi = j;
    else if (k >= i) lo = i;
    else break;
  }
  return v[k];
}

static double median(double *v, int64_t n) {
  if (n == 0) return NAN;
  double hi = select_kth(v, n, n / 2);
  return n % 2 ? hi : (hi + select_kth(v, n, n / 2 - 1)) / 2;
}

bool ow_regress(const double *x, const double *y, int64_t n, int64_t pairs, uint64_t seed, ow_lines *out, ow_err *e) {
  moments2 m = second_moments(x, y, n);
  out->slope[OW_YX] = m.sxy / m.sxx;
  out->slope[OW_XY] = m.syy / m.sxy;
  out->slope[OW_RMA] = copysign(sqrt(m.syy / m.sxx), m.sxy);
  for (int k = 0; k < OW_THEIL; k++) out->intercept[k] = m.my - out->slope[k] * m.mx;
  out->slope[OW_THEIL] = out->intercept[OW_THEIL] = NAN;
  if (pairs <= 0) return true;
  int64_t all = n > 3000000000 ? INT64_MAX : n * (n - 1) / 2, room = all < pairs ? all : pairs, c = 0;
  double *v = ow_alloc_array((size_t)(room > n ? room : n), sizeof(double), e);
  if (!v) return false;
  if (all <= pairs) {
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = i + 1; j < n; j++)
        if (x[j] != x[i]) v[c++] = (y[j] - y[i]) / (x[j] - x[i]);
  } else {
    ow_rng g = ow_rng_make(seed, UINT64_C(1) << 60);
    for (int64_t k = 0; k < room; k++) {
      int64_t i = (int64_t)ow_rng_below(&g, (uint64_t)n), j = (int64_t)ow_rng_below(&g, (uint64_t)n);
      if (x[j] != x[i]) v[c++] = (y[j] - y[i]) / (x[j] - x[i]);
    }
  }
  double s = median(v, c);
  for (int64_t i = 0; i < n; i++) v[i] = y[i] - s * x[i];
  out->slope[OW_THEIL] = s;
  out->intercept[OW_THEIL] = median(v, n);
  ow_free(v);
  return true;
}

bool ow_regress_bootstrap(const double *x, const double *y, int64_t n, int64_t block, int64_t pairs, uint64_t seed, int64_t repeats,
                          ow_lines *out, ow_err *e) {
  bool failed = false;
#pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads()) reduction(|| : failed)
  for (int64_t r = 0; r < repeats; r++) {
    ow_err le;
    if (ow_interrupted() || failed) continue;
    int64_t *index = ow_alloc_array((size_t)n, 3 * sizeof(double), &le);
    if (!index) {
      failed = true;
      continue;
    }
    double *a = (double *)(index + n), *b = a + n;
    ow_resample(n, block, seed, r, index);
    for (int64_t i = 0; i < n; i++) a[i] = x[index[i]], b[i] = y[index[i]];
    if (!ow_regress(a, b, n, pairs, seed + (uint64_t)r, &out[r], &le)) failed = true;
    ow_free(index);
  }
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (failed) return OW_FAIL(e, OW_EMEM, "no memory for resamples of %lld points", (long long)n);
  return true;
}

// Merge sort of indices by value: stable, so ties keep a fixed order.
static void sort_index(const double *x, int64_t *idx, int64_t *tmp, int64_t n) {
  for (int64_t w = 1; w < n; w *= 2) {
    for (int64_t lo = 0; lo < n; lo += 2 * w) {
      int64_t mid = lo + w < n ? lo + w : n, hi = lo + 2 * w < n ? lo + 2 * w : n, i = lo, j = mid, k = lo;
      while (i < mid || j < hi) tmp[k++] = j >= hi || (i < mid && x[idx[i]] <= x[idx[j]]) ? idx[i++] : idx[j++];
    }
    memcpy(idx, tmp, (size_t)n * sizeof *idx);
  }
}

bool ow_ranks(const double *x, int64_t n, double *rank, ow_err *e) {
  int64_t *idx = ow_alloc_array((size_t)n, 2 * sizeof(int64_t), e);
  if (!idx) return false;
  for (int64_t i = 0; i < n; i++) idx[i] = i;
  sort_index(x, idx, idx + n, n);
  for (int64_t i = 0; i < n;) {
    int64_t j = i + 1;
    while (j < n && x[idx[j]] == x[idx[i]]) j++;
    for (int64_t k = i; k < j; k++) rank[idx[k]] = (double)(i + j + 1) / 2;
    i = j;
  }
  ow_free(idx);
  return true;
}

bool ow_correlation_bootstrap(const double *x, const double *y, int64_t n, int64_t block, uint64_t seed, int64_t repeats,
                              double *out, ow_err *e) {
  bool failed = false;
#pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads()) reduction(|| : failed)
  for (int64_t r = 0; r < repeats; r++) {
    ow_err le;
    if (ow_interrupted() || failed) continue;
    int64_t *index = ow_alloc_array((size_t)n, 5 * sizeof(double), &le);
    if (!index) {
      failed = true;
      continue;
    }
    double *a = (double *)(index + n), *b = a + n, *ra = b + n, *rb = ra + n;
    ow_resample(n, block, seed, r, index);
    for (int64_t i = 0; i < n; i++) a[i] = x[index[i]], b[i] = y[index[i]];
    if (ow_ranks(a, n, ra, &le) && ow_ranks(b, n, rb, &le)) {
      out[2 * r] = ow_pearson(a, b, n);
      out[2 * r + 1] = ow_pearson(ra, rb, n);
    } else failed = true;
    ow_free(index);
  }
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (failed) return OW_FAIL(e, OW_EMEM, "no memory for resamples of %lld points", (long long)n);
  return true;
}

bool ow_kde(const double *x, int64_t n, double bandwidth, const double *at, int64_t m, double *out, ow_err *e) {
  double norm = 0.39894228040143267794 / (bandwidth * (double)n);
#pragma omp parallel for num_threads(ow_threads()) if (n * m > OW_GRAIN)
  for (int64_t j = 0; j < m; j++) {
    double s = 0;
    for (int64_t i = 0; i < n && !ow_interrupted(); i++) {
      double z = (at[j] - x[i]) / bandwidth;
      s += fabs(z) < 39 ? exp(-0.5 * z * z) : 0;
    }
    out[j] = s * norm;
  }
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  return true;
}
