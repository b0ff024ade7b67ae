// One point against a run of up to 64 sorted points: plain loops that the compiler vectorises,
// and the test for links by hand, where a mask is needed.
#include <math.h>

#include "geometry/grid.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

static void radial(const ow_grid *g, int64_t a, int n, const float p[3], float reach2, float scale, int32_t *bin) {
  const float *restrict x = g->x[0] + a, *restrict y = g->x[1] + a, *restrict z = g->x[2] + a;
  float px = p[0], py = p[1], pz = p[2];
  int m = (n + 15) & ~15;  // 64 lanes of padding stand behind the last point
  for (int k = 0; k < m; k++) {
    float dx = x[k] - px, dy = y[k] - py, dz = z[k] - pz, d2 = (dx * dx + dy * dy) + dz * dz;
    float u = sqrtf(d2) * scale;
    bin[k] = d2 < reach2 ? (int32_t)u : -1;
  }
}

static void displacement(const ow_grid *g, int64_t a, int n, const float p[3], const ow_window *w, int32_t *bin) {
  const float *restrict x = g->x[0] + a, *restrict y = g->x[1] + a, *restrict z = g->x[2] + a;
  float px = p[0], py = p[1], pz = p[2];
  float hx = (float)w->reach[0], hy = (float)w->reach[1], hz = (float)w->reach[2], l2 = (float)w->lateral * (float)w->lateral;
  float sx = (float)((double)w->bins[0] / (2 * w->reach[0])), sy = (float)((double)w->bins[1] / (2 * w->reach[1]));
  float sz = (float)((double)w->bins[2] / (2 * w->reach[2]));
  int32_t nx = (int32_t)w->bins[0], ny = (int32_t)w->bins[1], nz = (int32_t)w->bins[2];
  int m = (n + 15) & ~15;
  for (int k = 0; k < m; k++) {
    float dx = x[k] - px, dy = y[k] - py, dz = z[k] - pz;
    int in = (dx >= -hx) & (dx < hx) & (dy >= -hy) & (dy < hy) & (dz >= -hz) & (dz < hz) & (dx * dx + dy * dy <= l2);
    float ux = in ? (dx + hx) * sx : 0, uy = in ? (dy + hy) * sy : 0, uz = in ? (dz + hz) * sz : 0;
    int32_t bx = (int32_t)ux, by = (int32_t)uy, bz = (int32_t)uz;
    bx = bx < nx ? bx : nx - 1, by = by < ny ? by : ny - 1, bz = bz < nz ? bz : nz - 1;
    bin[k] = in ? (bx * ny + by) * nz + bz : -1;
  }
}

static uint64_t within(const ow_grid *g, int64_t a, int n, const float p[3], float r2) {
  const float *restrict x = g->x[0] + a, *restrict y = g->x[1] + a, *restrict z = g->x[2] + a;
  uint64_t mask = 0;
#ifdef OW_ISA_avx512
  __m512 px = _mm512_set1_ps(p[0]), py = _mm512_set1_ps(p[1]), pz = _mm512_set1_ps(p[2]), reach = _mm512_set1_ps(r2);
  for (int k = 0; k < n; k += 16) {
    __m512 dx = _mm512_sub_ps(_mm512_loadu_ps(x + k), px), dy = _mm512_sub_ps(_mm512_loadu_ps(y + k), py);
    __m512 dz = _mm512_sub_ps(_mm512_loadu_ps(z + k), pz);
    __m512 d2 = _mm512_add_ps(_mm512_add_ps(_mm512_mul_ps(dx, dx), _mm512_mul_ps(dy, dy)), _mm512_mul_ps(dz, dz));
    mask |= (uint64_t)_mm512_cmp_ps_mask(d2, reach, _CMP_LE_OQ) << k;
  }
#elif defined(__SSE2__)
  __m128 px = _mm_set1_ps(p[0]), py = _mm_set1_ps(p[1]), pz = _mm_set1_ps(p[2]), reach = _mm_set1_ps(r2);
  for (int k = 0; k < n; k += 4) {
    __m128 dx = _mm_sub_ps(_mm_loadu_ps(x + k), px), dy = _mm_sub_ps(_mm_loadu_ps(y + k), py), dz = _mm_sub_ps(_mm_loadu_ps(z + k), pz);
    __m128 d2 = _mm_add_ps(_mm_add_ps(_mm_mul_ps(dx, dx), _mm_mul_ps(dy, dy)), _mm_mul_ps(dz, dz));
    mask |= (uint64_t)(unsigned)_mm_movemask_ps(_mm_cmple_ps(d2, reach)) << k;
  }
#else
  for (int k = 0; k < n; k++) {
    float dx = x[k] - p[0], dy = y[k] - p[1], dz = z[k] - p[2];
    mask |= (uint64_t)((dx * dx + dy * dy) + dz * dz <= r2) << k;
  }
#endif
  return n < 64 ? mask & (((uint64_t)1 << n) - 1) : mask;  // lanes behind the run are other points
}

extern const ow_grid_kernels OW_ISA_FN(ow_grid_table);
const ow_grid_kernels OW_ISA_FN(ow_grid_table) = {radial, displacement, within};
