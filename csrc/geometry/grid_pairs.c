// Histograms of pairs: every centre walks the rows of cells within its reach; bins of up to 64
// neighbours at a time come from the vector kernels, then the hits are counted. Each thread has its own
// counters; integers, so their sum does not depend on who counted what.
//
// 64 labellings at once: a bin holds bit planes, plane p the bits 2^p of 64 counters. Adding a
// mask is a chain of half adders that ends as soon as no carry is left.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/threads.h"
#include "geometry/grid.h"

enum { PLANES = 40, CHUNK = 512 };

typedef struct {
  const ow_window *w;
  ow_grid g;
  int m[3];                        // cells looked at on either side
  int64_t bins;
  const uint8_t *centre, *kind;    // sorted
  int kinds;
  const uint64_t *from, *to;       // sorted; NULL: by kind
  const ow_grid_kernels *f;
} job;

static bool window_ok(const ow_window *w, int64_t *bins, ow_err *e) {
  *bins = 1;
  for (int d = 0; d < (w->radial ? 1 : 3); d++) {
    if (!(w->reach[d] > 0) || !isfinite(w->reach[d])) return OW_FAIL(e, OW_EARG, "reach: expected finite numbers above 0, got %g", w->reach[d]);
    if (w->bins[d] < 1 || w->bins[d] > 100000) return OW_FAIL(e, OW_EARG, "bins: expected 1 to 100000, got %lld", (long long)w->bins[d]);
    *bins *= w->bins[d];
  }
  if (*bins > 1 << 26) return OW_FAIL(e, OW_EARG, "bins: %lld in all; expected at most 2^26", (long long)*bins);
  if (!w->radial && !(w->lateral > 0)) return OW_FAIL(e, OW_EARG, "lateral window: expected a number above 0, got %g", w->lateral);
  return true;
}

// A grid with several cells per reach where there are many points in it.
static bool prepare(job *j, const float *x, int64_t n, ow_err *e) {
  const ow_window *w = j->w;
  double reach[3], lo[3] = {INFINITY, INFINITY, INFINITY}, hi[3] = {-INFINITY, -INFINITY, -INFINITY}, volume = 1, edge[3];
  for (int d = 0; d < 3; d++) reach[d] = w->radial ? w->reach[0] : d < 2 && w->lateral < w->reach[d] ? w->lateral : w->reach[d];
  for (int64_t i = 0; i < n; i++)
    for (int d = 0; d < 3; d++) lo[d] = fmin(lo[d], x[3 * i + d]), hi[d] = fmax(hi[d], x[3 * i + d]);
  for (int d = 0; d < 3; d++) volume *= fmax((hi[d] - lo[d]) / reach[d], 1);
  double here = (double)n / fmax(volume, 1e-300), m = floor(cbrt(here / 3));  // points in a cell as large as the reach
  m = m < 1 ? 1 : m > 4 ? 4 : m;
  for (int d = 0; d < 3; d++) edge[d] = reach[d] / m;
  if (!ow_grid_new(&j->g, x, n, NULL, edge, e)) return false;
  for (int d = 0; d < 3; d++) j->m[d] = (int)ceil(reach[d] / j->g.edge[d]);
  return true;
}

static void add(uint64_t *plane, uint64_t m) {
  for (int p = 0; m && p < PLANES; p++) {
    uint64_t carry = plane[p] & m;
    plane[p] ^= m;
    m = carry;
  }
}

static void centre_of(const job *j, int64_t i, uint64_t *planes, int64_t *count) {
  const ow_grid *g = &j->g;
  const ow_window *w = j->w;
  const ow_grid_kernels *f = j->f;
  float p[3] = {g->x[0][i], g->x[1][i], g->x[2][i]}, r = (float)w->reach[0];
  double reach = w->radial ? w->reach[0] : w->lateral, limit = reach * reach * (1 + 1e-5);
  int64_t c[3], bins = j->bins;
  for (int d = 0; d < 3; d++) {
    c[d] = ow_grid_axis(g, d, p[d]);
    c[d] = c[d] < 0 ? 0 : c[d] >= g->dims[d] ? g->dims[d] - 1 : c[d];
  }
  int64_t x0 = c[0] - j->m[0], x1 = c[0] + j->m[0];
  if (x0 < 0) x0 = 0;
  if (x1 >= g->dims[0]) x1 = g->dims[0] - 1;
  int32_t bin[64], hit[64], at[64];
  uint64_t mine = planes ? j->from[i] : 0;
  for (int64_t z = c[2] - j->m[2]; z <= c[2] + j->m[2]; z++) {
    if (z < 0 || z >= g->dims[2]) continue;
    for (int64_t y = c[1] - j->m[1]; y <= c[1] + j->m[1]; y++) {
      if (y < 0 || y >= g->dims[1]) continue;
      // least distance of the row of cells, laterally or in all
      double ly = y == c[1] ? 0 : y < c[1] ? p[1] - (g->lo[1] + (double)(y + 1) * g->edge[1]) : g->lo[1] + (double)y * g->edge[1] - p[1];
      double lz = z == c[2] ? 0 : z < c[2] ? p[2] - (g->lo[2] + (double)(z + 1) * g->edge[2]) : g->lo[2] + (double)z * g->edge[2] - p[2];
      ly = ly > 1e-4 ? ly - 1e-4 : 0, lz = lz > 1e-4 ? lz - 1e-4 : 0;
      if ((w->radial ? ly * ly + lz * lz : ly * ly) > limit) continue;
      int64_t row = (z * g->dims[1] + y) * g->dims[0], b = g->start[row + x1 + 1];
      for (int64_t a = g->start[row + x0]; a < b; a += 64) {
        int n = b - a < 64 ? (int)(b - a) : 64, hits = 0;
        if (w->radial) f->radial(g, a, n, p, r * r, (float)((double)w->bins[0] / w->reach[0]), bin);
        else f->displacement(g, a, n, p, w, bin);
        for (int k = 0; k < n; k++) hit[hits] = k, at[hits] = bin[k], hits += bin[k] >= 0;
        for (int h = 0; h < hits; h++) {
          int64_t q = a + hit[h];
          if (q == i) continue;
          int64_t to = at[h] < bins ? at[h] : bins - 1;
          if (planes) add(planes + to * PLANES, mine & j->to[q]);
          else if (j->kind[q] < j->kinds) count[j->kind[q] * bins + to]++;
        }
      }
    }
  }
}

static bool walk(const job *j, int64_t *count, ow_err *e) {
  int64_t chunks = (j->g.n + CHUNK - 1) / CHUNK, rows = j->from ? 64 : j->kinds;
  int threads = ow_threads();
  if (threads > chunks) threads = chunks > 0 ? (int)chunks : 1;
  size_t each = (size_t)j->bins * (j->from ? PLANES : (size_t)j->kinds);
  char *own = ow_alloc_zero((size_t)threads * each * 8, e);
  if (!own) return false;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int64_t c = 0; c < chunks; c++) {
    void *mine = own + (size_t)omp_get_thread_num() * each * 8;
    for (int64_t i = c * CHUNK; i < (c + 1) * CHUNK && i < j->g.n; i++) {
      if (j->from ? !j->from[i] : !j->centre[i]) continue;
      if (ow_interrupted()) break;
      centre_of(j, i, j->from ? mine : NULL, j->from ? NULL : mine);
    }
  }
  memset(count, 0, (size_t)(rows * j->bins) * sizeof *count);
  for (int t = 0; t < threads; t++) {
    const void *mine = own + (size_t)t * each * 8;
    if (!j->from) {
      const int64_t *add_up = mine;
      for (size_t k = 0; k < each; k++) count[k] += add_up[k];
      continue;
    }
    const uint64_t *plane = mine;
    for (int64_t k = 0; k < j->bins; k++)
      for (int p = 0; p < PLANES; p++)
        for (uint64_t m = plane[k * PLANES + p]; m; m &= m - 1) count[__builtin_ctzll(m) * j->bins + k] += (int64_t)1 << p;
  }
  ow_free(own);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool ow_pairs_by_kind(const float *x, int64_t n, const uint8_t *centre, const uint8_t *kind, int kinds, const ow_window *w,
                      int64_t *count, ow_err *e) {
  job j = {.w = w, .kinds = kinds, .f = ow_grid_table()};
  if (!window_ok(w, &j.bins, e) || !prepare(&j, x, n, e)) return false;
  uint8_t *sorted = ow_alloc_array(2 * (size_t)n + 1, 1, e);
  bool ok = sorted != NULL;
  if (ok) {
    for (int64_t i = 0; i < n; i++) sorted[i] = centre[j.g.order[i]], sorted[n + i] = kind[j.g.order[i]];
    j.centre = sorted, j.kind = sorted + n;
    ok = walk(&j, count, e);
  }
  ow_free(sorted);
  ow_grid_free(&j.g);
  return ok;
}

bool ow_pairs_by_bit(const float *x, int64_t n, const uint64_t *from, const uint64_t *to, const ow_window *w, int64_t *count,
                     ow_err *e) {
  job j = {.w = w, .f = ow_grid_table()};
  if (!window_ok(w, &j.bins, e)) return false;
  if (j.bins > 1 << 18) return OW_FAIL(e, OW_EARG, "bins: %lld; 64 labellings at once are counted in at most 2^18", (long long)j.bins);
  if (!prepare(&j, x, n, e)) return false;
  uint64_t *sorted = ow_alloc_array(2 * (size_t)n + 1, sizeof *sorted, e);
  bool ok = sorted != NULL;
  if (ok) {
    for (int64_t i = 0; i < n; i++) sorted[i] = from[j.g.order[i]], sorted[n + i] = to[j.g.order[i]];
    j.from = sorted, j.to = sorted + n;
    ok = walk(&j, count, e);
  }
  ow_free(sorted);
  ow_grid_free(&j.g);
  return ok;
}

bool ow_relabel(const uint8_t *code, int64_t n, uint64_t seed, uint64_t first, uint64_t *from, uint64_t *to, ow_err *e) {
  enum { AT_ONCE = 8 };
  uint8_t *p = ow_alloc_array((size_t)n * AT_ONCE + 1, 1, e);
  if (!p) return false;
  for (int64_t i = 0; i < n; i++) from[i] = code[i] & 1, to[i] = code[i] >> 1 & 1;
  for (int r = 1; r < 64; r += AT_ONCE) {
#pragma omp parallel for schedule(static, 1) num_threads(ow_threads())
    for (int k = 0; k < AT_ONCE; k++) {
      if (r + k > 63) continue;
      uint8_t *a = p + (int64_t)k * n;
      memcpy(a, code, (size_t)n);
      ow_rng g = ow_rng_make(seed, 0x72656c6162ull + first + (uint64_t)(r + k));
      for (int64_t i = n - 1; i > 0; i--) {
        if (!(i & 0xffff) && ow_interrupted()) break;
        int64_t o = (int64_t)ow_rng_below(&g, (uint64_t)i + 1);
        uint8_t t = a[i];
        a[i] = a[o], a[o] = t;
      }
    }
#pragma omp parallel for num_threads(ow_threads()) if (n > OW_GRAIN)
    for (int64_t i = 0; i < n; i++)
      for (int k = 0; k < AT_ONCE && r + k < 64; k++) {
        uint64_t c = p[(int64_t)k * n + i];
        from[i] |= (c & 1) << (r + k), to[i] |= (c >> 1 & 1) << (r + k);
      }
  }
  ow_free(p);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
