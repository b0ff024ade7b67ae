#include "geometry/groups.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"

bool ow_group_moments(const float *x, int64_t n, const int64_t *label, const uint8_t *use, int64_t groups, double *out, ow_err *e) {
  memset(out, 0, (size_t)groups * 10 * sizeof *out);
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff) && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    if (label[i] < 1 || label[i] > groups || (use && !use[i])) continue;
    double *o = out + 10 * (label[i] - 1);
    o[0]++;
    for (int d = 0; d < 3; d++) o[1 + d] += x[3 * i + d];
  }
  for (int64_t k = 0; k < groups; k++)
    for (int d = 0; d < 3; d++) out[10 * k + 1 + d] /= out[10 * k] > 0 ? out[10 * k] : 1;
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff) && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    if (label[i] < 1 || label[i] > groups || (use && !use[i])) continue;
    double *o = out + 10 * (label[i] - 1), u[3];
    for (int d = 0; d < 3; d++) u[d] = x[3 * i + d] - o[1 + d];
    for (int d = 0; d < 3; d++) o[4 + d] += u[d] * u[d];
    o[7] += u[0] * u[1], o[8] += u[0] * u[2], o[9] += u[1] * u[2];
  }
  for (int64_t k = 0; k < groups; k++)
    for (int d = 4; d < 10; d++) out[10 * k + d] /= out[10 * k] > 0 ? out[10 * k] : 1;
  return true;
}

bool ow_group_extents(const float *x, int64_t n, const int64_t *label, const uint8_t *use, int64_t groups, const double *centre,
                      const double *axes, double *lo, double *hi, ow_err *e) {
  for (int64_t k = 0; k < 3 * groups; k++) lo[k] = INFINITY, hi[k] = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff) && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    if (label[i] < 1 || label[i] > groups || (use && !use[i])) continue;
    int64_t k = label[i] - 1;
    const double *c = centre + 3 * k, *a = axes + 9 * k;
    double u[3] = {x[3 * i] - c[0], x[3 * i + 1] - c[1], x[3 * i + 2] - c[2]};
    for (int d = 0; d < 3; d++) {
      double t = a[3 * d] * u[0] + a[3 * d + 1] * u[1] + a[3 * d + 2] * u[2];
      if (t < lo[3 * k + d]) lo[3 * k + d] = t;
      if (t > hi[3 * k + d]) hi[3 * k + d] = t;
    }
  }
  for (int64_t k = 0; k < 3 * groups; k++)
    if (!isfinite(lo[k])) lo[k] = hi[k] = 0;
  return true;
}
