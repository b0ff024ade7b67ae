#include "geometry/planes.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

enum { LANES = 16 };

bool ow_plane_power(const float *x, int64_t n, const double *u, int64_t m, double first, double step, int64_t steps,
                    float *power, ow_err *e) {
  if (n < 1) return OW_FAIL(e, OW_EARG, "positions: expected at least one");
  for (int64_t i = 0; i < 3 * n; i++)
    if (!isfinite(x[i])) return OW_FAIL(e, OW_EARG, "positions: row %lld is not finite", (long long)(i / 3 + 1));
  int64_t padded = (n + LANES - 1) / LANES * LANES;
  int threads = ow_threads();
  size_t each = (size_t)padded + 2 * LANES * (size_t)steps;
  float *block = ow_alloc_array((size_t)threads * each + (size_t)padded, sizeof *block, e);
  if (!block) return false;
  float *valid = block + (size_t)threads * each;
  for (int64_t i = 0; i < padded; i++) valid[i] = i < n;
  const ow_plane_kernels *f = ow_plane_table();
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads) if (m > 4)
  for (int64_t d = 0; d < m; d++) {
    if (ow_interrupted()) continue;
    float *t = block + (size_t)omp_get_thread_num() * each, *re = t + padded, *im = re + LANES * steps;
    float ux = (float)u[3 * d], uy = (float)u[3 * d + 1], uz = (float)u[3 * d + 2];
    for (int64_t i = 0; i < n; i++) t[i] = (x[3 * i] * ux + x[3 * i + 1] * uy) + x[3 * i + 2] * uz;
    for (int64_t i = n; i < padded; i++) t[i] = 0;
    f->sum(t, valid, padded, (float)first, (float)step, steps, re, im);
    for (int64_t k = 0; k < steps; k++) {
      double r = 0, s = 0;
      for (int l = 0; l < LANES; l++) r += re[k * LANES + l], s += im[k * LANES + l];
      power[d * steps + k] = (float)((r * r + s * s) / (double)n);
    }
  }
  ow_free(block);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
