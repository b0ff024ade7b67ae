// Linked cells: the box is cut into bins, at least as wide as the cutoff where the box allows; a
// point looks into the bins whose distance along each axis is at most ceil(cutoff / width),
// wrapped around periodic axes. Counted, then filled, so that the list does not depend on
// threads (Allen and Tildesley, Computer Simulation of Liquids, ch. 5).
#include "geometry/pair_list.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

double ow_cell_inverse(const double c[9], double inv[9]) {
  double det = 0;
  for (int r = 0; r < 3; r++) {
    int p = (r + 1) % 3, q = (r + 2) % 3;
    for (int k = 0; k < 3; k++) {
      int u = (k + 1) % 3, v = (k + 2) % 3;
      inv[3 * k + r] = c[3 * p + u] * c[3 * q + v] - c[3 * p + v] * c[3 * q + u];
    }
  }
  for (int k = 0; k < 3; k++) det += c[k] * inv[3 * k];
  for (int k = 0; k < 9; k++) inv[k] /= det;
  return fabs(det);
}

typedef struct {
  const double *cell, *x;
  double inv[9], cut2;
  const bool *periodic;
  int bins[3], reach[3];
  int64_t n;
  int32_t *first, *next;  // of a bin, of a point; -1 ends
  int32_t *bin;           // of a point, 3 each
  int32_t *wrap;          // box vectors that brought it into the box, 3 each
} grid;

static int floor_div(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

static void place(grid *g) {
  for (int64_t i = g->n - 1; i >= 0; i--) {
    int64_t at = 0;
    for (int d = 0; d < 3; d++) {
      double s = g->x[3 * i] * g->inv[d] + g->x[3 * i + 1] * g->inv[3 + d] + g->x[3 * i + 2] * g->inv[6 + d];
      double w = g->periodic[d] ? -floor(s) : 0;
      int b = (int)fmin(fmax(floor((s + w) * g->bins[d]), 0), g->bins[d] - 1);
      g->bin[3 * i + d] = b;
      g->wrap[3 * i + d] = (int32_t)w;
      at = at * g->bins[d] + b;
    }
    g->next[i] = g->first[at];
    g->first[at] = (int32_t)i;
  }
}

static int order(const ow_pair_end *a, const ow_pair_end *b) {
  if (a->other != b->other) return a->other < b->other ? -1 : 1;
  for (int d = 0; d < 3; d++)
    if (a->shift[d] != b->shift[d]) return a->shift[d] < b->shift[d] ? -1 : 1;
  return 0;
}

// Partners of point i; end may be NULL (counting).
static int64_t partners(const grid *g, int64_t i, ow_pair_end *end) {
  int64_t count = 0;
  const double *xi = g->x + 3 * i;
  const int32_t *bi = g->bin + 3 * i, *wi = g->wrap + 3 * i;
  int o[3];
  for (o[0] = -g->reach[0]; o[0] <= g->reach[0]; o[0]++)
    for (o[1] = -g->reach[1]; o[1] <= g->reach[1]; o[1]++)
      for (o[2] = -g->reach[2]; o[2] <= g->reach[2]; o[2]++) {
        int64_t at = 0;
        int image[3];
        bool inside = true;
        for (int d = 0; d < 3; d++) {
          int b = bi[d] + o[d];
          image[d] = floor_div(b, g->bins[d]);
          inside = inside && (g->periodic[d] || image[d] == 0);
          at = at * g->bins[d] + (b - image[d] * g->bins[d]);
        }
        if (!inside) continue;
        for (int32_t j = g->first[at]; j >= 0; j = g->next[j]) {
          const int32_t *wj = g->wrap + 3 * (int64_t)j;
          int s[3];
          for (int d = 0; d < 3; d++) s[d] = image[d] + wj[d] - wi[d];
          if (j == i && !s[0] && !s[1] && !s[2]) continue;
          // from the same end in both lists, so that rounding decides alike
          bool back = j != i ? j < i : s[0] != 0 ? s[0] < 0 : s[1] != 0 ? s[1] < 0 : s[2] < 0;
          const double *u = back ? g->x + 3 * (int64_t)j : xi, *v = back ? xi : g->x + 3 * (int64_t)j;
          int sign = back ? -1 : 1;
          double r2 = 0;
          for (int d = 0; d < 3; d++) {
            double dx = v[d] + sign * (s[0] * g->cell[d] + s[1] * g->cell[3 + d] + s[2] * g->cell[6 + d]) - u[d];
            r2 += dx * dx;
          }
          if (r2 >= g->cut2) continue;
          if (end) {
            ow_pair_end p = {j, {(int16_t)s[0], (int16_t)s[1], (int16_t)s[2]}};
            int64_t k = count;
            for (; k > 0 && order(&p, end + k - 1) < 0; k--) end[k] = end[k - 1];
            end[k] = p;
          }
          count++;
        }
      }
  return count;
}

static int64_t find(const ow_pair_list *l, int64_t at, const ow_pair_end *key) {
  int64_t lo = l->offset[at], hi = l->offset[at + 1];
  while (lo < hi) {
    int64_t mid = (lo + hi) / 2;
    if (order(l->end + mid, key) < 0) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

static bool fill(ow_pair_list *l, const grid *g, ow_err *e) {
  l->n = g->n;
  l->offset = ow_alloc_array((size_t)g->n + 1, sizeof *l->offset, e);
  if (!l->offset) return false;
  bool stop = false;
#pragma omp parallel for schedule(static, 64) num_threads(ow_threads()) reduction(| : stop)
  for (int64_t i = 0; i < g->n; i++) {
    stop = stop || ow_interrupted();
    l->offset[i + 1] = stop ? 0 : partners(g, i, NULL);
  }
  if (stop) return OW_FAIL(e, OW_EINTR, "interrupted");
  l->offset[0] = 0;
  for (int64_t i = 0; i < g->n; i++) l->offset[i + 1] += l->offset[i];
  l->pairs = l->offset[g->n];
  size_t m = (size_t)l->pairs;
  if (!(l->end = ow_alloc_array(m, sizeof *l->end, e)) || !(l->mirror = ow_alloc_array(m, sizeof *l->mirror, e))) return false;
#pragma omp parallel for schedule(static, 64) num_threads(ow_threads())
  for (int64_t i = 0; i < g->n; i++) partners(g, i, l->end + l->offset[i]);
#pragma omp parallel for schedule(static, 64) num_threads(ow_threads())
  for (int64_t i = 0; i < g->n; i++)
    for (int64_t p = l->offset[i]; p < l->offset[i + 1]; p++) {
      ow_pair_end key = {(int32_t)i, {0}};
      for (int d = 0; d < 3; d++) key.shift[d] = (int16_t)-l->end[p].shift[d];
      l->mirror[p] = find(l, l->end[p].other, &key);
    }
  return true;
}

bool ow_pair_list_build(ow_pair_list *l, const double cell[9], const bool periodic[3], const double *x, int64_t n, double cutoff,
                        ow_err *e) {
  memset(l, 0, sizeof *l);
  if (n > INT32_MAX) return OW_FAIL(e, OW_EARG, "pair list: expected at most 2^31 - 1 points, got %lld", (long long)n);
  if (!(cutoff > 0) || !isfinite(cutoff)) return OW_FAIL(e, OW_EARG, "pair list: cutoff: expected a positive number, got %g", cutoff);
  for (int64_t k = 0; k < 3 * n; k++)
    if (!isfinite(x[k])) return OW_FAIL(e, OW_ENUMERIC, "pair list: position %lld is not finite", (long long)(k / 3 + 1));
  grid g = {.cell = cell, .x = x, .n = n, .periodic = periodic, .cut2 = cutoff * cutoff};
  double volume = ow_cell_inverse(cell, g.inv);
  if (!(volume > 0) || !isfinite(volume)) return OW_FAIL(e, OW_EARG, "pair list: cell: the three box vectors lie in a plane");
  double bins = 1;
  for (int d = 0; d < 3; d++) {
    double height = 1 / sqrt(g.inv[d] * g.inv[d] + g.inv[3 + d] * g.inv[3 + d] + g.inv[6 + d] * g.inv[6 + d]);
    double most = fmax(1, floor(cbrt((double)n) + 1));  // no more bins than points
    g.bins[d] = (int)fmin(fmax(1, floor(height / cutoff)), most);
    double reach = ceil(cutoff * g.bins[d] / height);
    if (reach > 1000) return OW_FAIL(e, OW_EARG, "pair list: the cutoff %g is more than 1000 times the height %g of the box along axis %d", cutoff, height, d + 1);
    g.reach[d] = (int)reach;
    bins *= g.bins[d];
  }
  g.first = ow_alloc_array((size_t)bins, sizeof *g.first, e);
  g.next = g.first ? ow_alloc_array((size_t)n * 7, sizeof *g.next, e) : NULL;
  bool ok = g.next != NULL;
  if (ok) {
    g.bin = g.next + n, g.wrap = g.next + 4 * n;
    memset(g.first, 0xff, (size_t)bins * sizeof *g.first);
    place(&g);
    ok = fill(l, &g, e);
  }
  ow_free(g.first);
  ow_free(g.next);
  if (!ok) ow_pair_list_free(l);
  return ok;
}

void ow_pair_list_free(ow_pair_list *l) {
  ow_free(l->offset);
  ow_free(l->end);
  ow_free(l->mirror);
  memset(l, 0, sizeof *l);
}
