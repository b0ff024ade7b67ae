// Clusters by distance: union-find over the pairs of neighbouring cells. A larger place is always
// hung below a smaller one (lock-free, Anderson and Woll, STOC 1991), so the sets do not depend
// on the order of the pairs; half of the stencil suffices because links have no direction.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "geometry/grid.h"

static int32_t find(int32_t *up, int32_t i) {
  for (;;) {
    int32_t p = __atomic_load_n(&up[i], __ATOMIC_RELAXED);
    if (p == i) return i;
    int32_t q = __atomic_load_n(&up[p], __ATOMIC_RELAXED);
    if (q == p) return p;
    __atomic_compare_exchange_n(&up[i], &p, q, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED);  // halve the path
    i = q;
  }
}

static void join(int32_t *up, int32_t a, int32_t b) {
  for (;;) {
    a = find(up, a), b = find(up, b);
    if (a == b) return;
    if (a < b) { int32_t t = a; a = b, b = t; }
    int32_t expected = a;
    if (__atomic_compare_exchange_n(&up[a], &expected, b, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
  }
}

typedef struct {
  const ow_grid *g;
  float r2;
  int64_t min_points;
  const uint8_t *core;  // sorted; NULL: all
  int32_t *up;
  uint64_t (*within)(const ow_grid *g, int64_t a, int n, const float p[3], float r2);
} job;

// Sorted places of row (y, z), cells first .. last; false outside the grid.
static bool run_of(const ow_grid *g, int64_t y, int64_t z, int64_t first, int64_t last, int64_t *a, int64_t *b) {
  if (y < 0 || y >= g->dims[1] || z < 0 || z >= g->dims[2]) return false;
  if (first < 0) first = 0;
  if (last >= g->dims[0]) last = g->dims[0] - 1;
  if (first > last) return false;
  int64_t row = (z * g->dims[1] + y) * g->dims[0];
  *a = g->start[row + first], *b = g->start[row + last + 1];
  return *a < *b;
}

static void link_row(const job *j, int64_t y, int64_t z) {
  static const int step[4][2] = {{1, 0}, {-1, 1}, {0, 1}, {1, 1}};
  const ow_grid *g = j->g;
  for (int64_t c = 0; c < g->dims[0]; c++) {
    int64_t first, end, a[5], b[5];
    int runs = 1;
    if (!run_of(g, y, z, c, c, &first, &end)) continue;
    if (!run_of(g, y, z, c, c + 1, &a[0], &b[0])) continue;
    for (int s = 0; s < 4; s++)
      if (run_of(g, y + step[s][0], z + step[s][1], c - 1, c + 1, &a[runs], &b[runs])) runs++;
    for (int64_t i = first; i < end; i++) {
      if (j->core && !j->core[i]) continue;
      float p[3] = {g->x[0][i], g->x[1][i], g->x[2][i]};
      int32_t root = find(j->up, (int32_t)i);
      a[0] = i + 1;
      for (int s = 0; s < runs; s++)
        for (int64_t q = a[s]; q < b[s]; q += 64) {
          uint64_t m = j->within(g, q, b[s] - q < 64 ? (int)(b[s] - q) : 64, p, j->r2);
          for (; m; m &= m - 1) {
            int64_t o = q + __builtin_ctzll(m);
            if (j->core && !j->core[o]) continue;
            if (__atomic_load_n(&j->up[o], __ATOMIC_RELAXED) == root) continue;
            join(j->up, (int32_t)i, (int32_t)o);
            root = find(j->up, (int32_t)i);
          }
        }
    }
  }
}

// Is place i core: at least min_points within the radius?
static bool dense(const job *j, int64_t c, int64_t y, int64_t z, int64_t i) {
  const ow_grid *g = j->g;
  float p[3] = {g->x[0][i], g->x[1][i], g->x[2][i]};
  int64_t n = 0, a, b;
  for (int dz = -1; dz <= 1; dz++)
    for (int dy = -1; dy <= 1; dy++) {
      if (!run_of(g, y + dy, z + dz, c - 1, c + 1, &a, &b)) continue;
      for (int64_t q = a; q < b; q += 64) {
        n += __builtin_popcountll(j->within(g, q, b - q < 64 ? (int)(b - q) : 64, p, j->r2));
        if (n >= j->min_points) return true;
      }
    }
  return false;
}

static bool find_core(const job *j, uint8_t *core) {
  const ow_grid *g = j->g;
  int64_t rows = g->dims[1] * g->dims[2];
#pragma omp parallel for schedule(dynamic, 4) num_threads(ow_threads()) if (g->n > 4096)
  for (int64_t r = 0; r < rows; r++) {
    if (ow_interrupted()) continue;
    for (int64_t c = 0; c < g->dims[0]; c++)
      for (int64_t i = g->start[r * g->dims[0] + c]; i < g->start[r * g->dims[0] + c + 1]; i++)
        core[i] = dense(j, c, r % g->dims[1], r / g->dims[1], i);
  }
  return !ow_interrupted();
}

// Lowest label of a core point within the radius of place i.
static int64_t border_label(const job *j, const int64_t *label, int64_t c, int64_t y, int64_t z, int64_t i) {
  const ow_grid *g = j->g;
  float p[3] = {g->x[0][i], g->x[1][i], g->x[2][i]};
  int64_t best = 0, a, b;
  for (int dz = -1; dz <= 1; dz++)
    for (int dy = -1; dy <= 1; dy++) {
      if (!run_of(g, y + dy, z + dz, c - 1, c + 1, &a, &b)) continue;
      for (int64_t q = a; q < b; q += 64) {
        uint64_t m = j->within(g, q, b - q < 64 ? (int)(b - q) : 64, p, j->r2);
        for (; m; m &= m - 1) {
          int64_t o = q + __builtin_ctzll(m), l;
          if (j->core[o] && (l = label[g->order[o]]) > 0 && (!best || l < best)) best = l;
        }
      }
    }
  return best;
}

// Labels of the sets in the order of their first core rows.
static int64_t number(const job *j, int64_t n, int32_t *place, int32_t *name, int64_t *label, bool singles) {
  const ow_grid *g = j->g;
  int64_t clusters = 0;
  for (int64_t i = 0; i < n; i++) place[i] = -1;
  memset(name, 0, (size_t)(g->n + 1) * sizeof *name);
  for (int64_t i = 0; i < g->n; i++) {
    if (j->core && !j->core[i]) continue;
    place[g->order[i]] = find(j->up, (int32_t)i);
    if (!singles && place[g->order[i]] != (int32_t)i) name[place[g->order[i]]] = -1;  // more than one
  }
  for (int64_t i = 0; i < n; i++) {
    label[i] = 0;
    if (place[i] < 0) continue;
    int32_t *at = &name[place[i]];
    if (*at == -1 || (singles && *at == 0)) *at = (int32_t)++clusters;
    label[i] = *at;
  }
  return clusters;
}

bool ow_link(const float *x, int64_t n, const uint8_t *keep, double radius, int64_t min_points, bool border,
             int64_t *label, uint8_t *core, int64_t *clusters, ow_err *e) {
  if (!(radius > 0) || !isfinite(radius)) return OW_FAIL(e, OW_EARG, "distance: expected a finite number above 0, got %g", radius);
  ow_grid g;
  // Cells larger than needed: 16 points cost as much as one, and there are fewer cells to visit.
  double wide = 1.5 * radius, edge[3] = {wide, wide, wide};
  if (!ow_grid_new(&g, x, n, keep, edge, e)) return false;
  float r = (float)radius;
  job j = {.g = &g, .r2 = r * r, .min_points = min_points, .within = ow_grid_table()->within};
  j.up = ow_alloc_array((size_t)g.n + 1, sizeof *j.up, e);
  int32_t *name = j.up ? ow_alloc_array((size_t)g.n + 1, sizeof *name, e) : NULL;
  int32_t *place = name ? ow_alloc_array((size_t)n + 1, sizeof *place, e) : NULL;
  uint8_t *is_core = place && min_points > 2 ? ow_alloc_array((size_t)g.n + 1, 1, e) : NULL;
  bool ok = place && (min_points <= 2 || is_core);
  if (ok && is_core && !find_core(&j, is_core)) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  if (ok) {
    j.core = is_core;
    for (int64_t i = 0; i < g.n; i++) j.up[i] = (int32_t)i;
    int64_t rows = g.dims[1] * g.dims[2];
#pragma omp parallel for schedule(dynamic, 4) num_threads(ow_threads()) if (g.n > 4096)
    for (int64_t r2 = 0; r2 < rows; r2++)
      if (!ow_interrupted()) link_row(&j, r2 % g.dims[1], r2 / g.dims[1]);
    if (ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  }
  if (ok) {
    *clusters = number(&j, n, place, name, label, min_points != 2);
    if (core) {
      memset(core, 0, (size_t)n);
      for (int64_t i = 0; i < g.n; i++) {
        int64_t row = g.order[i];
        core[row] = is_core ? is_core[i] : label[row] != 0;
      }
    }
    if (border && is_core) {
      int64_t rows = g.dims[1] * g.dims[2];
#pragma omp parallel for schedule(dynamic, 4) num_threads(ow_threads()) if (g.n > 4096)
      for (int64_t r3 = 0; r3 < rows; r3++)
        for (int64_t c = 0; c < g.dims[0]; c++)
          for (int64_t i = g.start[r3 * g.dims[0] + c]; i < g.start[r3 * g.dims[0] + c + 1]; i++)
            if (!is_core[i] && !ow_interrupted())
              label[g.order[i]] = border_label(&j, label, c, r3 % g.dims[1], r3 / g.dims[1], i);
      if (ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
    }
  }
  ow_free(is_core);
  ow_free(place);
  ow_free(name);
  ow_free(j.up);
  ow_grid_free(&g);
  return ok;
}

bool ow_nearest_member(const float *x, int64_t n, const uint8_t *member, const uint8_t *query, double radius, int64_t *row,
                       ow_err *e) {
  if (!(radius >= 0) || !isfinite(radius)) return OW_FAIL(e, OW_EARG, "distance: expected a finite number of 0 or more, got %g", radius);
  ow_grid g;
  double edge[3];
  for (int d = 0; d < 3; d++) edge[d] = radius > 1e-3 ? radius : 1e-3;
  if (!ow_grid_new(&g, x, n, member, edge, e)) return false;
  float r2 = (float)radius * (float)radius;
#pragma omp parallel for schedule(dynamic, 4096) num_threads(ow_threads()) if (n > 4096)
  for (int64_t i = 0; i < n; i++) {
    row[i] = -1;
    if ((query && !query[i]) || ow_interrupted()) continue;
    const float *p = x + 3 * i;
    if (!(isfinite(p[0]) && isfinite(p[1]) && isfinite(p[2]))) continue;
    int64_t c[3], a, b;
    for (int d = 0; d < 3; d++) c[d] = ow_grid_axis(&g, d, p[d]);
    float best = r2;
    for (int64_t z = c[2] - 1; z <= c[2] + 1; z++)
      for (int64_t y = c[1] - 1; y <= c[1] + 1; y++) {
        if (c[0] - 1 >= g.dims[0] || !run_of(&g, y, z, c[0] - 1, c[0] + 1, &a, &b)) continue;
        for (int64_t q = a; q < b; q++) {
          float dx = g.x[0][q] - p[0], dy = g.x[1][q] - p[1], dz = g.x[2][q] - p[2], d2 = (dx * dx + dy * dy) + dz * dz;
          if (d2 > best || (d2 == best && row[i] >= 0 && g.order[q] > row[i])) continue;
          best = d2, row[i] = g.order[q];
        }
      }
  }
  ow_grid_free(&g);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
