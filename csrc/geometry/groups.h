// Sums over groups of points: counts, centres, second moments, extents. One pass in the order of
// the rows, so the same bits at any thread count.
#ifndef OW_GEOMETRY_GROUPS_H
#define OW_GEOMETRY_GROUPS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

// label[i] = 1 .. groups, others are left out; use NULL: all rows, else those with use[i] not 0.
// out [groups][10]: count; mean x, y, z; mean of (x - mean)^2: xx, yy, zz, xy, xz, yz (zeros for
// an empty group).
bool ow_group_moments(const float *x, int64_t n, const int64_t *label, const uint8_t *use, int64_t groups, double *out, ow_err *e);
// Along the rows of axes[groups][9], from the centre[groups][3]: lo, hi [groups][3] (zeros for an
// empty group).
bool ow_group_extents(const float *x, int64_t n, const int64_t *label, const uint8_t *use, int64_t groups, const double *centre,
                      const double *axes, double *lo, double *hi, ow_err *e);
#endif
