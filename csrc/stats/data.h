// Samples, relations between samples, time series: what the statistics need besides fits.
#ifndef OW_STATS_DATA_H
#define OW_STATS_DATA_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

void ow_sort_doubles(double *x, int64_t n);  // ascending; no NaN

// Areas swept forward between frames by noise alone; *out by ow_free.
bool ow_line_noise(double noise, double length, int64_t points, int64_t frames, uint64_t seed, double smallest, double **out,
                   int64_t *count, ow_err *e);

// ---- relations -----------------------------------------------------------------------------
// Four straight lines y = b + m x: least squares of y on x; of x on y (turned round); reduced
// major axis; Theil-Sen (median of pairwise slopes).
enum { OW_YX, OW_XY, OW_RMA, OW_THEIL, OW_NLINE };
typedef struct ow_lines {
  double slope[OW_NLINE], intercept[OW_NLINE];
} ow_lines;
// pairs: at most so many pairs of points for Theil-Sen, drawn from the seed when there are more.
bool ow_regress(const double *x, const double *y, int64_t n, int64_t pairs, uint64_t seed, ow_lines *out, ow_err *e);
bool ow_regress_bootstrap(const double *x, const double *y, int64_t n, int64_t block, int64_t pairs, uint64_t seed, int64_t repeats,
                          ow_lines *out, ow_err *e);
double ow_pearson(const double *x, const double *y, int64_t n);  // NaN when one is constant
bool ow_ranks(const double *x, int64_t n, double *rank, ow_err *e);  // 1..n, ties share their mean
// Pearson and Spearman of resamples: out[2 r], out[2 r + 1].
bool ow_correlation_bootstrap(const double *x, const double *y, int64_t n, int64_t block, uint64_t seed, int64_t repeats,
                              double *out, ow_err *e);

// The r-th resample of 0..n-1: blocks of consecutive indices (cyclic) from random starts.
void ow_resample(int64_t n, int64_t block, uint64_t seed, int64_t r, int64_t *index);

// Gaussian kernel density of x (n) at points at (m).
bool ow_kde(const double *x, int64_t n, double bandwidth, const double *at, int64_t m, double *out, ow_err *e);

// ---- spectra -------------------------------------------------------------------------------
typedef enum { OW_DETREND_NONE, OW_DETREND_CONSTANT, OW_DETREND_LINEAR } ow_detrend;
// One-sided power density of `rows` series of n samples, averaged over rows and over segments of
// `seg` samples that start every `hop`; power has seg / 2 + 1 bins. *count: segments averaged.
bool ow_welch(const double *x, int64_t rows, int64_t n, int64_t seg, int64_t hop, double rate, bool hann, ow_detrend detrend,
              double *power, int64_t *count, ow_err *e);

#endif
