// Quality of predictions under resampling: what metrics with bootstrap intervals are made of.
#ifndef OW_STATS_METRICS_H
#define OW_STATS_METRICS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

// How samples are drawn anew: group[i] in 1..groups is drawn as a whole (group NULL: every
// sample is its own group, groups is n). Row 0 of every result is the sample itself, row r its
// r-th resample, which reads stream r of the seed.
typedef struct ow_resampling {
  int64_t n, groups, repeats;
  const int64_t *group;
  uint64_t seed;
} ow_resampling;

// Sums over samples, apart for each cell 1..cells (cell NULL: one): out[repeats + 1][cells][1 + k],
// first the number of samples, then the sums of the k columns of v[n][k].
bool ow_resampled_sums(const ow_resampling *s, const double *v, int64_t k, const int64_t *cell, int64_t cells, double *out,
                       ow_err *e);

// Area under the ROC curve and average precision of samples in order of falling score:
// positive[i] is 1 or 0, tied[i] tells that i has the score of i + 1. out[repeats + 1][2]; NaN
// where a resample has one class only.
bool ow_resampled_ranking(const ow_resampling *s, const uint8_t *positive, const uint8_t *tied, double *out, ow_err *e);

#endif
