// The line: cells, segment list and moving window.
//
// Invariants. Rows lo..hi are in the window; below it all cells are 1, above it all are 0.
// Every segment's row lies in lo+2 .. hi-2, so a flip never touches an edge outside. The
// segment list is a set with swap-removal: its order depends only on the flips made, so the
// plain and the fast engine, and a resumed run, see the same list. The horizontal edge of
// (x, y) lies between (x, y) and (x, y+1), the vertical one between (x, y) and (x+1, y).
//
// Pinning of a cell is a pure function of (seed, x, y): rows that leave the window below and
// the fresh ones above need no memory, so a run never ends at a lattice's top.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "physics/depinning.h"

enum { MARGIN = 3, SPARE = 4 };  // rows kept beyond the segments; rows made at once beyond that

static double cell_pin(const ow_dp *s, int32_t x, int32_t y) {
  const ow_dp_params *p = &s->par;
  if (s->field) return y >= 0 && y < p->ly ? s->field[(size_t)x * (size_t)p->ly + (size_t)y] : 0;
  if (p->sigma_pin == 0) return 0;
  uint32_t w[4];
  uint64_t i = (uint64_t)((int64_t)y + ((int64_t)1 << 31)) << 32 | (uint32_t)x;
  ow_philox_block(p->seed, 2 * p->replica + 1, i, w);
  return p->sigma_pin * ow_normal_from_bits((uint64_t)w[0] | (uint64_t)w[1] << 32, (uint64_t)w[2] | (uint64_t)w[3] << 32);
}

static void toggle(ow_dp *s, int32_t x, int32_t y, uint32_t vertical) {
  int32_t *pos = s->pos + 2 * ow_dp_cell(s, x, y) + vertical;
  int32_t *row = s->rowcount + (y & (s->cap - 1));
  if (*pos >= 0) {
    ow_dp_seg last = s->seg[--s->nseg];
    s->seg[*pos] = last;
    s->pos[2 * ow_dp_cell(s, (int32_t)(last.xt >> 1), last.y) + (last.xt & 1)] = *pos;
    *pos = -1;
    --*row;
  } else {
    *pos = s->nseg;
    s->seg[s->nseg++] = (ow_dp_seg){y, (uint32_t)x << 1 | vertical};
    ++*row;
  }
}

void ow_dp_line_flip(ow_dp *s, int32_t x, int32_t y, uint8_t v) {
  int32_t left = x ? x - 1 : s->par.lx - 1;
  s->site[ow_dp_cell(s, x, y)] = v;
  s->height[x] += v ? 1 : -1;
  toggle(s, x, y, 0);
  toggle(s, x, y - 1, 0);
  toggle(s, x, y, 1);
  toggle(s, left, y, 1);
}

// Fresh rows: cells by side, no segments, pinning.
void ow_dp_line_clear(ow_dp *s, int32_t first, int32_t last, uint8_t v) {
  size_t lx = (size_t)s->par.lx;
  for (int32_t y = first; y <= last; y++) {
    size_t at = ow_dp_cell(s, 0, y);
    memset(s->site + at, v, lx);
    for (size_t j = 0; j < 2 * lx; j++) s->pos[2 * at + j] = -1;
    for (size_t x = 0; x < lx; x++) {
      s->pin[at + x] = cell_pin(s, (int32_t)x, y);
      if (s->slot) s->slot[at + x] = -1;
    }
    s->rowcount[y & (s->cap - 1)] = 0;
  }
}

// Stress of the present segments on every edge of rows first..last, plus pinning. Flips
// must have been folded in (net == 0) for this to be an epoch's base.
void ow_dp_base_rows(ow_dp *s, int32_t first, int32_t last) {
  if (!s->base) return;
  int lx = s->par.lx;
  const ow_dp_kernel *k = s->k;
  size_t plane = (size_t)s->cap * (size_t)lx, st = k->stride;
  for (int32_t y = first; y <= last; y++) {
    size_t at = ow_dp_cell(s, 0, y);
    double *h = s->base + at, *v = s->base + plane + at;
    const double *p = s->pin + at;
    for (int x = 0; x < lx; x++) {
      // the row above the window has its pinning too
      double up = y < s->hi ? s->pin[ow_dp_cell(s, x, y + 1)] : cell_pin(s, x, y + 1);
      h[x] = (p[x] + up) / 2;
      v[x] = (p[x] + p[x + 1 < lx ? x + 1 : 0]) / 2;
    }
    s->rebuilt++;
    for (int32_t i = 0; i < s->nseg; i++) {
      ow_dp_seg g = s->seg[i];
      int32_t sx = (int32_t)(g.xt >> 1), dy = y - g.y;
      double n = s->site[ow_dp_cell(s, sx, g.y)] ? 1 : -1;
      size_t col = (size_t)(lx - sx);
      if (!(g.xt & 1)) {  // source (sx + 1/2, g.y + 1), normal along y
        double f = n * k->scale / k->fh;
        int j = dy - 1;   // to the vertical edge (x + 1, y + 1/2): dx + 1/2, dy - 1/2
        ow_dp_simd()->add_row(h, k->h_ii + (size_t)(dy < 0 ? -dy : dy) * st + col, dy < 0 ? -f : f, lx);
        ow_dp_simd()->add_row(v, k->h_hh + (size_t)(j < 0 ? -j - 1 : j) * st + col, j < 0 ? -f : f, lx);
      } else {            // source (sx + 1, g.y + 1/2), normal along x
        double f = n * k->scale / k->fv;
        // to the horizontal edge (x + 1/2, y + 1): dx - 1/2, dy + 1/2
        ow_dp_simd()->add_row(h, k->v_hh + (size_t)(dy < 0 ? -dy - 1 : dy) * st + col - 1, f, lx);
        ow_dp_simd()->add_row(v, k->v_ii + (size_t)(dy < 0 ? -dy : dy) * st + col, f, lx);
      }
    }
  }
}

double ow_dp_stress_plain(const ow_dp *s, int32_t i) {
  const ow_dp_kernel *k = s->k;
  int lx = s->par.lx;
  size_t st = k->stride;
  ow_dp_seg t = s->seg[i];
  int32_t tx = (int32_t)(t.xt >> 1);
  int tv = t.xt & 1;
  double sum = 0;
  for (int32_t j = 0; j < s->nseg; j++) {
    if (j == i) continue;
    ow_dp_seg g = s->seg[j];
    int32_t sx = (int32_t)(g.xt >> 1), dx = tx - sx, dy = t.y - g.y;
    double n = s->site[ow_dp_cell(s, sx, g.y)] ? 1 : -1, w;
    if (!(g.xt & 1)) {
      if (!tv) w = dy < 0 ? -k->h_ii[(size_t)-dy * st + (size_t)(dx + lx)] : k->h_ii[(size_t)dy * st + (size_t)(dx + lx)];
      else {
        int r = dy - 1;
        w = r < 0 ? -k->h_hh[(size_t)(-r - 1) * st + (size_t)(dx + lx)] : k->h_hh[(size_t)r * st + (size_t)(dx + lx)];
      }
      sum += n * k->scale / k->fh * w;
    } else {
      if (!tv) w = k->v_hh[(size_t)(dy < 0 ? -dy - 1 : dy) * st + (size_t)(dx - 1 + lx)];
      else w = k->v_ii[(size_t)(dy < 0 ? -dy : dy) * st + (size_t)(dx + lx)];
      sum += n * k->scale / k->fv * w;
    }
  }
  int32_t x2 = tv ? (tx + 1 < lx ? tx + 1 : 0) : tx, y2 = tv ? t.y : t.y + 1;
  return (s->pin[ow_dp_cell(s, tx, t.y)] + s->pin[ow_dp_cell(s, x2, y2)]) / 2 + sum;
}

// Arrays for a ring of `cap` rows; the old contents are carried over.
bool ow_dp_line_grow(ow_dp *s, int cap, ow_err *e) {
  size_t lx = (size_t)s->par.lx, n = (size_t)cap * lx;
  if (cap > 1 << 20 || n > (size_t)1 << 29) return OW_FAIL(e, OW_EMEM, "the line spans more than %d rows", cap / 2);
  bool fast = !s->par.plain;
  ow_dp old = *s, t = *s;
  t.cap = cap;
  t.site = ow_alloc_zero(n, e);
  t.pin = t.site ? ow_alloc_array(n, sizeof *t.pin, e) : NULL;
  t.pos = t.pin ? ow_alloc_array(2 * n, sizeof *t.pos, e) : NULL;
  t.rowcount = t.pos ? ow_alloc_zero((size_t)cap * sizeof *t.rowcount, e) : NULL;
  t.seg = t.rowcount ? ow_alloc_array(2 * n, sizeof *t.seg, e) : NULL;
  t.base = NULL;
  t.slot = NULL;
  bool ok = t.seg != NULL;
  if (ok && fast) {
    t.base = ow_alloc_zero(2 * n * sizeof *t.base, e);
    t.slot = t.base ? ow_alloc_array(n, sizeof *t.slot, e) : NULL;
    ok = t.slot != NULL;
  }
  ow_dp_kernel *k = s->k;
  if (ok && (!k || k->rows < cap)) {  // distances within the window stay below cap
    k = ow_dp_kernel_new((int)lx, cap, s->par.edge ? 1 - s->par.nu : 1, s->par.edge ? 1 : 1 - s->par.nu,
                         s->par.mu * s->par.b * s->par.a / (4 * M_PI), e);
    ok = k != NULL;
  }
  if (!ok) {
    ow_free(t.site); ow_free(t.pin); ow_free(t.pos); ow_free(t.rowcount); ow_free(t.seg); ow_free(t.base); ow_free(t.slot);
    return false;
  }
  if (s->k != k) { ow_dp_kernel_free(s->k); t.k = k; }
  t.segcap = (int32_t)(2 * n);
  if (old.site) {
    for (int32_t y = old.lo; y <= old.hi; y++) {
      size_t a = ow_dp_cell(&old, 0, y), b = ow_dp_cell(&t, 0, y);
      memcpy(t.site + b, old.site + a, lx);
      memcpy(t.pin + b, old.pin + a, lx * sizeof *t.pin);
      memcpy(t.pos + 2 * b, old.pos + 2 * a, 2 * lx * sizeof *t.pos);
      t.rowcount[y & (cap - 1)] = old.rowcount[y & (old.cap - 1)];
      if (fast) {
        memcpy(t.slot + b, old.slot + a, lx * sizeof *t.slot);
        memcpy(t.base + b, old.base + a, lx * sizeof *t.base);
        memcpy(t.base + n + b, old.base + (size_t)old.cap * lx + a, lx * sizeof *t.base);
      }
    }
    memcpy(t.seg, old.seg, (size_t)old.nseg * sizeof *t.seg);
  }
  *s = t;
  ow_free(old.site); ow_free(old.pin); ow_free(old.pos); ow_free(old.rowcount);
  ow_free(old.seg); ow_free(old.base); ow_free(old.slot);
  return true;
}

bool ow_dp_line_reach(ow_dp *s, int32_t y, ow_err *e) {
  if (y > (1 << 30) || y < -(1 << 30)) return OW_FAIL(e, OW_ENUMERIC, "the line has moved 2^30 rows");
  int32_t lo = INT32_MAX, hi = INT32_MIN;  // rows with segments
  for (int32_t r = s->lo; r <= s->hi; r++)
    if (s->rowcount[r & (s->cap - 1)]) {
      if (lo == INT32_MAX) lo = r;
      hi = r;
    }
  if (y < lo) lo = y;
  if (y > hi) hi = y;
  lo -= MARGIN;
  hi += MARGIN;
  int32_t new_lo = s->lo > lo || s->lo < lo - 3 * SPARE ? lo - SPARE : s->lo;
  int32_t new_hi = s->hi < hi || s->hi > hi + 3 * SPARE ? hi + SPARE : s->hi;
  if (!s->par.plain) ow_dp_fold(s, INT64_MAX);
  int cap = s->cap;
  while (new_hi - new_lo + 1 > cap) cap *= 2;
  // rows that fall out leave first: the ring may need their places
  int32_t keep_lo = new_lo > s->lo ? new_lo : s->lo, keep_hi = new_hi < s->hi ? new_hi : s->hi;
  int32_t old_lo = s->lo, old_hi = s->hi;
  s->lo = keep_lo;
  s->hi = keep_hi;
  if (cap > s->cap && !ow_dp_line_grow(s, cap, e)) {
    s->lo = old_lo;
    s->hi = old_hi;
    return false;
  }
  s->lo = new_lo;
  s->hi = new_hi;
  if (new_lo < keep_lo) ow_dp_line_clear(s, new_lo, keep_lo - 1, 1);
  if (new_hi > keep_hi) ow_dp_line_clear(s, keep_hi + 1, new_hi, 0);
  if (new_lo < keep_lo) ow_dp_base_rows(s, new_lo, keep_lo - 1);
  if (new_hi > keep_hi) ow_dp_base_rows(s, keep_hi + 1, new_hi);
  return true;
}

bool ow_dp_line_init(ow_dp *s, ow_err *e) {
  int32_t y0 = s->par.y0;
  s->lo = y0 - 1 - MARGIN - SPARE;
  s->hi = y0 + MARGIN + SPARE;
  s->height = ow_alloc_zero((size_t)s->par.lx * sizeof *s->height, e);
  if (!s->height || !ow_dp_line_grow(s, 64, e)) return false;
  ow_dp_line_clear(s, s->lo, y0 - 1, 1);
  ow_dp_line_clear(s, y0, s->hi, 0);
  for (int32_t x = 0; x < s->par.lx; x++) toggle(s, x, y0 - 1, 0);
  ow_dp_base_rows(s, s->lo, s->hi);
  return true;
}
