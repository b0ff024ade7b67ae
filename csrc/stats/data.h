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

#endif
