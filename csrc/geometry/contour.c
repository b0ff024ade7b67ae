// Marching squares (the two-dimensional case of Lorensen and Cline, SIGGRAPH 1987): a line
// crosses a grid edge where its ends lie on different sides of the level (>= is above), at
// the linearly interpolated place. The two readings of a saddle cell are decided by the mean
// of its corners. Invariant: an edge belongs to at most two cells and each uses it at most
// once, so every edge has at most two neighbours and lines are walked by following them.
#include "geometry/contour.h"

#include <math.h>

#include "base/alloc.h"
#include "base/threads.h"

typedef struct {
  const double *z, *x, *y;
  int64_t h, w;
  double level;
  int32_t (*next)[2];  // of edge k; -1: none. Row edges first, then column edges.
} field;

static void join(field *f, int64_t a, int64_t b) {
  f->next[a][f->next[a][0] >= 0] = (int32_t)b;
  f->next[b][f->next[b][0] >= 0] = (int32_t)a;
}

static void add_cell(field *f, int64_t i, int64_t j) {
  const double *p = f->z + i * f->w + j;
  double a = p[0], b = p[1], c = p[f->w + 1], d = p[f->w], v = f->level;  // around the cell
  if (isnan(a) || isnan(b) || isnan(c) || isnan(d)) return;
  int64_t n = f->h * f->w, k = i * f->w + j;
  int64_t ab = k, bc = n + k + 1, cd = k + f->w, da = n + k;
  switch ((a >= v) | (b >= v) << 1 | (c >= v) << 2 | (d >= v) << 3) {
    case 0: case 15: return;
    case 1: case 14: join(f, da, ab); return;
    case 2: case 13: join(f, ab, bc); return;
    case 4: case 11: join(f, bc, cd); return;
    case 8: case 7: join(f, cd, da); return;
    case 3: case 12: join(f, da, bc); return;
    case 6: case 9: join(f, ab, cd); return;
    default: break;
  }
  bool a_above = a >= v, centre_above = (a + b + c + d) / 4 >= v;
  if (a_above == centre_above) { join(f, ab, bc); join(f, cd, da); }  // b and d are cut off
  else { join(f, da, ab); join(f, bc, cd); }                          // a and c are
}

static double blend(double za, double zb, double v, double pa, double pb) {
  double t = (v - za) / (zb - za);
  if (!(t >= 0)) t = 0;  // infinite ends
  return pa + (t > 1 ? 1 : t) * (pb - pa);
}

static void put(const field *f, ow_contour *c, int64_t edge) {
  int64_t n = f->h * f->w, k = edge % n, i = k / f->w, j = k % f->w;
  double *o = c->xy + 2 * c->points++;
  o[0] = f->x[j];
  o[1] = f->y[i];
  if (edge < n) o[0] = blend(f->z[k], f->z[k + 1], f->level, f->x[j], f->x[j + 1]);
  else o[1] = blend(f->z[k], f->z[k + f->w], f->level, f->y[i], f->y[i + 1]);
}

// Follows the line that starts at `first`, taking its links away.
static void walk(const field *f, ow_contour *c, int64_t first) {
  int64_t prev = -1, cur = first, nxt;
  do {
    put(f, c, cur);
    int32_t *l = f->next[cur];
    nxt = l[0] == prev ? l[1] : l[0];  // prev is -1 at the start: an open end holds {neighbour, -1}
    l[0] = l[1] = -1;
    prev = cur;
    cur = nxt;
  } while (nxt >= 0 && nxt != first);
  if (nxt == first) put(f, c, first);
  c->xy[2 * c->points] = c->xy[2 * c->points + 1] = NAN;
  c->points++;
  c->lines++;
}

bool ow_contour_lines(ow_contour *c, const double *z, int64_t h, int64_t w, const double *x, const double *y,
                      double level, ow_err *e) {
  *c = (ow_contour){0};
  if (h < 2 || w < 2) return OW_FAIL(e, OW_ESHAPE, "contour lines need at least 2x2 values, got %lldx%lld", (long long)h, (long long)w);
  if (h > INT32_MAX / 2 / w) return OW_FAIL(e, OW_ESHAPE, "%lldx%lld values are too many for contour lines", (long long)h, (long long)w);
  int64_t edges = 2 * h * w, used = 0;
  field f = {.z = z, .x = x, .y = y, .h = h, .w = w, .level = level};
  f.next = ow_alloc_array((size_t)edges, sizeof *f.next, e);
  if (!f.next) return false;
  for (int64_t k = 0; k < edges; k++) f.next[k][0] = f.next[k][1] = -1;
  bool ok = true;
  for (int64_t i = 0; i + 1 < h && ok; i++) {
    for (int64_t j = 0; j + 1 < w; j++) add_cell(&f, i, j);
    if (ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  }
  for (int64_t k = 0; k < edges; k++) used += f.next[k][0] >= 0;
  if (ok) c->xy = ow_alloc_array(2 * (size_t)(2 * used + 1), sizeof *c->xy, e);  // a line of 2 edges takes 3 points, a loop of 4 takes 6
  ok = ok && c->xy;
  if (ok) {
    for (int64_t k = 0; k < edges; k++)  // open lines from one of their ends, then loops
      if (f.next[k][0] >= 0 && f.next[k][1] < 0) walk(&f, c, k);
    for (int64_t k = 0; k < edges; k++)
      if (f.next[k][0] >= 0) walk(&f, c, k);
  }
  ow_free(f.next);
  return ok;
}
