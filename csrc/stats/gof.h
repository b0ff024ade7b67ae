// Kolmogorov-Smirnov distances, the choice of the smallest size, Monte Carlo p-values.
#ifndef OW_STATS_GOF_H
#define OW_STATS_GOF_H
#include "stats/model.h"

// Distinct sizes in ascending order with cumulative counts; made once, scanned often.
typedef struct ow_sorted {
  int64_t n, m;        // events, distinct values
  double *v, *lv;      // value, its log
  int64_t *c;          // c[k]: events with size <= v[k]
  double *sl, *su;     // suffix sums over events of log v and of v (for one-pass fits)
} ow_sorted;
// Takes positive finite values; x is left alone.
bool ow_sorted_make(ow_sorted *s, const double *x, int64_t n, ow_err *e);
void ow_sorted_free(ow_sorted *s);

// Largest distance between the empirical function of the events from distinct value `from` to
// `to` (inclusive) and d. Stops and returns a lower bound once it exceeds `enough`.
// published: Clauset's convention i/n - F(x_i), i = 0..n-1 (continuous only); otherwise the
// true supremum.
double ow_ks(const ow_sorted *s, int64_t from, int64_t to, const ow_dist *d, bool published, double enough);

typedef struct ow_scan {
  double alpha, xmin, ks;
  int64_t n_tail;
} ow_scan;
// Power law with xmin of the smallest KS distance (Clauset et al. 2009), among tails of at least
// min_tail events and, if max_xmin is finite, xmin <= max_xmin.
bool ow_xmin_scan(const ow_sorted *s, bool discrete, int64_t min_tail, double max_xmin, ow_scan *out, ow_err *e);

// Repeats of a whole procedure on synthetic data, over threads; repeat r uses stream r of the seed.
// Clauset: body resampled, tail drawn; fills ks[repeats] (and, if not NULL, xmin and alpha).
bool ow_xmin_pvalue(const ow_sorted *s, bool discrete, const ow_scan *fit, int64_t min_tail, double max_xmin, uint64_t seed,
                    int64_t repeats, double *p, ow_err *e);
// Bootstrap of the scan: xmin, alpha, n_tail, ks of each resample.
bool ow_xmin_bootstrap(const ow_sorted *s, bool discrete, int64_t min_tail, double max_xmin, uint64_t seed, int64_t repeats,
                       ow_scan *out, ow_err *e);
// Goodness of fit of any model with its bounds kept: n events drawn from d, fitted again, share
// with a larger distance than ks. Stops early (in fixed batches) when the answer is clearly on one
// side of `decide` (0: never); *done: repeats made.
bool ow_gof_pvalue(const ow_dist *d, int64_t n, double ks, uint64_t seed, int64_t repeats, double decide, double *p,
                   int64_t *done, ow_err *e);
// Calibration: fits of `repeats` samples of n events; rows of 2 estimates, 2 se, 2 low, 2 high.
bool ow_calibrate(const ow_dist *d, int64_t n, uint64_t seed, int64_t repeats, double level, double *rows, ow_err *e);

#endif
