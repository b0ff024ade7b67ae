// Sorting into cells by counting; grid.h says what it is for.
#include "geometry/grid.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

void ow_grid_free(ow_grid *g) {
  ow_free(g->start);
  ow_free(g->order);
  for (int d = 0; d < 3; d++) ow_free(g->x[d]);
  memset(g, 0, sizeof *g);
}

static bool bounds(ow_grid *g, const float *x, int64_t n, const uint8_t *keep, double hi[3], ow_err *e) {
  float l0 = INFINITY, l1 = INFINITY, l2 = INFINITY, h0 = -INFINITY, h1 = -INFINITY, h2 = -INFINITY;
  int64_t count = 0, bad = n;
#pragma omp parallel for num_threads(ow_threads()) if (n > OW_GRAIN) reduction(+ : count) reduction(min : bad, l0, l1, l2) \
    reduction(max : h0, h1, h2)
  for (int64_t i = 0; i < n; i++) {
    if (keep && !keep[i]) continue;
    float a = x[3 * i], b = x[3 * i + 1], c = x[3 * i + 2];
    if (!(isfinite(a) && isfinite(b) && isfinite(c)) && i < bad) bad = i;
    l0 = a < l0 ? a : l0, l1 = b < l1 ? b : l1, l2 = c < l2 ? c : l2;
    h0 = a > h0 ? a : h0, h1 = b > h1 ? b : h1, h2 = c > h2 ? c : h2;
    count++;
  }
  if (bad < n)
    return OW_FAIL(e, OW_EARG, "positions: row %lld is (%g, %g, %g); coordinates must be finite", (long long)bad + 1,
                   (double)x[3 * bad], (double)x[3 * bad + 1], (double)x[3 * bad + 2]);
  float l[3] = {l0, l1, l2}, h[3] = {h0, h1, h2};
  g->n = count;
  for (int d = 0; d < 3; d++) g->lo[d] = g->n ? l[d] : 0, hi[d] = g->n ? h[d] : 0;
  return true;
}

bool ow_grid_new(ow_grid *g, const float *x, int64_t n, const uint8_t *keep, const double edge[3], ow_err *e) {
  memset(g, 0, sizeof *g);
  double hi[3], cells;
  if (n > INT32_MAX - 64) return OW_FAIL(e, OW_EARG, "positions: %lld points; one grid holds at most %d", (long long)n, INT32_MAX - 64);
  if (!bounds(g, x, n, keep, hi, e)) return false;
  for (int d = 0; d < 3; d++) {
    if (!(edge[d] > 0)) return OW_FAIL(e, OW_EARG, "edge of a cell: expected a number above 0, got %g", edge[d]);
    // A hair larger, so that points as far apart as the edge are never two cells apart.
    g->edge[d] = edge[d] * (1 + 1e-6) + 1e-6 * fmax(fabs(g->lo[d]), fabs(hi[d]));
  }
  for (;;) {
    cells = 1;
    for (int d = 0; d < 3; d++) cells *= floor((hi[d] - g->lo[d]) / g->edge[d]) + 1;
    if (cells <= fmin(8.0 * (double)g->n + 4096, INT32_MAX - 1.0)) break;
    for (int d = 0; d < 3; d++) g->edge[d] *= 1.26;
  }
  for (int d = 0; d < 3; d++) g->dims[d] = (int64_t)((hi[d] - g->lo[d]) / g->edge[d]) + 1;
  int64_t total = g->dims[0] * g->dims[1] * g->dims[2];
  g->start = ow_alloc_zero((size_t)(total + 1) * sizeof *g->start, e);
  g->order = g->start ? ow_alloc_array((size_t)g->n + 1, sizeof *g->order, e) : NULL;
  bool ok = g->order != NULL;
  for (int d = 0; ok && d < 3; d++) ok = (g->x[d] = ow_alloc_array((size_t)g->n + 64, sizeof(float), e)) != NULL;
  int32_t *cell = ok ? ow_alloc_array((size_t)n + 1, sizeof *cell, e) : NULL;
  if (!cell) {
    ow_grid_free(g);
    return false;
  }
#pragma omp parallel for num_threads(ow_threads()) if (n > OW_GRAIN)
  for (int64_t i = 0; i < n; i++) {
    if (keep && !keep[i]) {
      cell[i] = -1;
      continue;
    }
    int64_t c[3];
    for (int d = 0; d < 3; d++) {
      c[d] = (int64_t)(((double)x[3 * i + d] - g->lo[d]) / g->edge[d]);
      c[d] = c[d] >= g->dims[d] ? g->dims[d] - 1 : c[d];
    }
    cell[i] = (int32_t)((c[2] * g->dims[1] + c[1]) * g->dims[0] + c[0]);
  }
  for (int64_t i = 0; i < n; i++) {
    if (!(i & 0xfffff) && ow_interrupted()) break;
    if (cell[i] >= 0) g->start[cell[i] + 1]++;
  }
  for (int64_t c = 0; c < total; c++) g->start[c + 1] += g->start[c];
  for (int64_t i = 0; i < n; i++) {
    if (ow_interrupted()) break;
    if (cell[i] < 0) continue;
    g->order[g->start[cell[i]]++] = (int32_t)i;
  }
  if (ow_interrupted()) {
    ow_free(cell);
    ow_grid_free(g);
    return OW_FAIL(e, OW_EINTR, "interrupted");
  }
#pragma omp parallel for num_threads(ow_threads()) if (n > OW_GRAIN)
  for (int64_t i = 0; i < g->n; i++)
    for (int d = 0; d < 3; d++) g->x[d][i] = x[3 * (int64_t)g->order[i] + d];
  memmove(g->start + 1, g->start, (size_t)total * sizeof *g->start);
  g->start[0] = 0;
  for (int d = 0; d < 3; d++)
    for (int k = 0; k < 64; k++) g->x[d][g->n + k] = NAN;
  ow_free(cell);
  return true;
}
