// Picks. Two evaluations of the same dynamics:
//  plain: the stress of the picked segment summed over all segments, O(N);
//  fast:  base (stress and pinning of every edge of the window at an epoch's start) plus the
//         cell kernel of the cells that have flipped since, net of returns.
// Flips are kept by blocks of columns. Only the sign of the stress matters, so the sum
// starts with the flips of the picked block and its neighbours and stops as soon as its
// magnitude exceeds the bound of all farther flips (their number times the largest kernel
// at their distance, in whole units, so that the bound never drifts).
//
// Invariant: base + kernel * flips = pinning + stress of the present segments, to rounding.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "physics/depinning.h"

double ow_dp_stress_ext(const ow_dp *s) {
  const ow_dp_params *p = &s->par;
  double b = p->spring * (double)s->area;
  return p->drive == OW_DP_QUASISTATIC ? s->driver - b : p->sigma0 + p->rate * (double)s->pick - b;
}

// ---- flips since the epoch's start -----------------------------------------------------------
static bool engine_init(ow_dp *s, ow_err *e) {
  s->word_first = -1;
  s->word = ow_alloc_array(OW_DP_WORDS, sizeof *s->word, e);
  if (!s->word) return false;
  if (s->par.plain) return true;
  int nb = s->nblock = (s->par.lx + OW_DP_COLUMNS - 1) / OW_DP_COLUMNS;
  // more flips kept: fewer folds (each costs a kernel row for every row of the window), longer sums
  s->netcap = s->par.lx < 64 ? 128 : s->par.lx > 2048 ? 4096 : 2 * s->par.lx;
  s->flipcap = 256;
  size_t n = (size_t)nb * (size_t)s->flipcap;
  if (!(s->flip = ow_alloc_array(n, sizeof *s->flip, e)) || !(s->info = ow_alloc_array(n, sizeof *s->info, e)) ||
      !(s->nflip = ow_alloc_zero((size_t)nb * sizeof *s->nflip, e)) ||
      !(s->far1 = ow_alloc_zero((size_t)nb * sizeof *s->far1, e)) ||
      !(s->far3 = ow_alloc_zero((size_t)nb * sizeof *s->far3, e)) ||
      !(s->weight1 = ow_alloc_zero(2 * (size_t)nb * sizeof *s->weight1, e)) ||
      !(s->weight3 = ow_alloc_zero(2 * (size_t)nb * sizeof *s->weight3, e)))
    return false;
  return true;
}

// Columns that lie between two blocks at least, plus one; the last block may be a short one.
static int far_columns(const ow_dp *s, int blocks) {
  int col = (blocks - 1) * OW_DP_COLUMNS + 1 - (s->nblock * OW_DP_COLUMNS - s->par.lx);
  return col < 0 ? 0 : col > s->par.lx / 2 ? s->par.lx / 2 : col;
}

// Distances grow with the kernel's table, so do the weights: called after each change of k.
void ow_dp_far_weights(ow_dp *s) {
  int nb = s->nblock;
  if (nb < 8) return;  // then all flips are summed
  // netcap flips of the largest weight, that of blocks 2 apart, stay below 2^31 units
  s->far_unit = s->k->gmax[far_columns(s, 2)] * s->netcap * 0x1p-31;
  for (int d = -nb + 1; d < nb; d++) {
    int r = d < 0 ? -d : d;
    if (r > nb - r) r = nb - r;
    uint32_t u = r > 1 ? (uint32_t)ceil(s->k->gmax[far_columns(s, r)] / s->far_unit) + 1 : 0;
    s->weight1[nb + d] = u;
    s->weight3[nb + d] = r > 3 ? u : 0;
  }
}

static void engine_free(ow_dp *s) {
  ow_free(s->word);
  ow_free(s->flip);
  ow_free(s->info);
  ow_free(s->nflip);
  ow_free(s->far1);
  ow_free(s->far3);
  ow_free(s->weight1);
  ow_free(s->weight3);
}

static void drop_flip(ow_dp *s, int b, int32_t j) {
  size_t at = (size_t)b * (size_t)s->flipcap;
  int32_t last = --s->nflip[b];
  s->slot[ow_dp_cell(s, s->info[at + j].x, s->info[at + j].y)] = -1;
  if (j != last) {
    s->flip[at + j] = s->flip[at + last];
    s->info[at + j] = s->info[at + last];
    s->slot[ow_dp_cell(s, s->info[at + j].x, s->info[at + j].y)] = j;
  }
  s->net--;
  const ow_dp_kernels *v = ow_dp_simd();
  v->sub_u32(s->far1, s->weight1 + s->nblock - b, s->nblock);
  v->sub_u32(s->far3, s->weight3 + s->nblock - b, s->nblock);
}

void ow_dp_note_flip(ow_dp *s, int32_t x, int32_t y, int up, int64_t since) {
  int b = x / OW_DP_COLUMNS;
  int32_t *slot = s->slot + ow_dp_cell(s, x, y);
  if (*slot >= 0) {
    drop_flip(s, b, *slot);
    return;
  }
  int32_t j = s->nflip[b]++;
  size_t at = (size_t)b * (size_t)s->flipcap + (size_t)j;
  s->flip[at] = (ow_dp_flip){(int64_t)y * (int64_t)s->k->stride + x, up ? 1 : -1};
  s->info[at] = (ow_dp_flip_info){x, y, since};
  *slot = j;
  s->net++;
  const ow_dp_kernels *v = ow_dp_simd();
  v->add_u32(s->far1, s->weight1 + s->nblock - b, s->nblock);
  v->add_u32(s->far3, s->weight3 + s->nblock - b, s->nblock);
}

void ow_dp_fold(ow_dp *s, int64_t older_than) {
  enum { BATCH = 128 };
  const ow_dp_kernels *v = ow_dp_simd();
  int lx = s->par.lx;
  size_t plane = (size_t)s->cap * (size_t)lx, st = s->k->stride;
  ow_dp_flip_info f[BATCH];
  const double *src[BATCH];
  double sign[BATCH];
  for (int b = 0, j = 0; b < s->nblock;) {
    int n = 0;
    for (; b < s->nblock && n < BATCH;) {  // takes a batch off the lists
      if (j >= s->nflip[b]) { b++; j = 0; continue; }
      size_t at = (size_t)b * (size_t)s->flipcap + (size_t)j;
      if (s->info[at].since > older_than) { j++; continue; }
      f[n] = s->info[at];
      sign[n++] = s->flip[at].sign;
      drop_flip(s, b, j);
    }
    s->folded += n;
    for (int32_t y = s->lo; n && y <= s->hi; y++) {
      double *row = s->base + ow_dp_cell(s, 0, y);
      for (int vert = 0; vert < 2; vert++) {
        const double *k = vert ? s->k->cv : s->k->ch;
        for (int i = 0; i < n; i++)
          src[i] = k + (size_t)(y - f[i].y + s->k->rows - 1) * st + (size_t)(lx - f[i].x);
        v->fold(row + (vert ? plane : 0), lx, src, sign, n);
      }
    }
  }
}

static inline double block_sum(const ow_dp *s, const double *k, int64_t t, int b, double sum) {
  const ow_dp_flip *f = s->flip + (size_t)b * (size_t)s->flipcap;
  for (int32_t j = 0, n = s->nflip[b]; j < n; j++) sum += f[j].sign * k[t - f[j].at];
  return sum;
}

static inline int ring(int b, int n) { return b < 0 ? b + n : b >= n ? b - n : b; }

// sigma without the far flips where the sign is already certain (given that ext is added).
static inline double stress_near(ow_dp *s, ow_dp_seg g, double ext) {
  int32_t x = (int32_t)(g.xt >> 1);
  int vert = (int)(g.xt & 1), nb = s->nblock, b = x / OW_DP_COLUMNS;
  const double *k = vert ? s->k->cv : s->k->ch;
  double v = s->base[(vert ? (size_t)s->cap * (size_t)s->par.lx : 0) + ow_dp_cell(s, x, g.y)] + ext;
  int64_t t = ((int64_t)g.y + s->k->rows - 1) * (int64_t)s->k->stride + x + s->par.lx;
  if (nb < 8) {
    for (int j = 0; j < nb; j++) v = block_sum(s, k, t, j, v);
    return v;
  }
  v = block_sum(s, k, t, b, v);
  v = block_sum(s, k, t, ring(b - 1, nb), v);
  v = block_sum(s, k, t, ring(b + 1, nb), v);
  if (fabs(v) > s->far1[b] * s->far_unit) return v;
  s->wide++;
  for (int d = 2; d <= 3; d++) {
    v = block_sum(s, k, t, ring(b - d, nb), v);
    v = block_sum(s, k, t, ring(b + d, nb), v);
  }
  if (fabs(v) > s->far3[b] * s->far_unit) return v;
  s->full++;
  for (int d = 4; d <= nb - 4; d++) v = block_sum(s, k, t, ring(b + d, nb), v);
  return v;
}

double ow_dp_stress_fast(const ow_dp *s, int32_t i) {
  if (s->par.plain) return ow_dp_stress_plain(s, i);
  ow_dp_seg g = s->seg[i];
  int32_t x = (int32_t)(g.xt >> 1);
  int vert = (int)(g.xt & 1);
  double v = s->base[(vert ? (size_t)s->cap * (size_t)s->par.lx : 0) + ow_dp_cell(s, x, g.y)];
  int64_t t = ((int64_t)g.y + s->k->rows - 1) * (int64_t)s->k->stride + x + s->par.lx;
  for (int j = 0; j < s->nblock; j++) v = block_sum(s, vert ? s->k->cv : s->k->ch, t, j, v);
  return v;
}

// ---- running ---------------------------------------------------------------------------------
// Nothing advanced for wait * n picks: raise the drive until the weakest segment that would
// now fall back would advance instead, by step_max at most. The drive is kept in whole units
// of 2^-30, rounded up, so that neither the sign at that segment nor the drive itself hangs
// on the last bits of a sum.
static void raise_drive(ow_dp *s) {
  double ext = ow_dp_stress_ext(s), least = INFINITY;
  for (int32_t i = 0; i < s->nseg; i++) {
    double v = -(ow_dp_stress_fast(s, i) + ext);
    if (v > 0 && v < least) least = v;
  }
  if (s->par.step_max > 0 && least > s->par.step_max) least = s->par.step_max;
  if (least < INFINITY) s->driver = ceil((s->driver + least) * 0x1p30) * 0x1p-30;
  s->last_advance = s->pick;
}

static void record(ow_dp *s, ow_dp_record *r) {
  if (r->count >= r->max) return;
  int64_t i = r->count++;
  if (r->pick) r->pick[i] = s->pick;
  if (r->area) r->area[i] = s->area;
  if (r->stress) r->stress[i] = ow_dp_stress_ext(s);
  if (r->height) memcpy(r->height + i * s->par.lx, s->height, (size_t)s->par.lx * sizeof *s->height);
}

bool ow_dp_run(ow_dp *s, int64_t picks, ow_dp_record *rec, ow_err *e) {
  const ow_dp_params *p = &s->par;
  const int32_t lx = p->lx, ly = p->ly;
  const int plain = p->plain, quasi = p->drive == OW_DP_QUASISTATIC;
  const int64_t every = rec ? rec->every : 0;
  int64_t next = every ? (s->pick / every + 1) * every : INT64_MAX;
  const int poll = plain ? 255 : 0xffff;
  if (!plain) ow_dp_far_weights(s);
  for (int64_t end = s->pick + picks; s->pick < end && s->stop == OW_DP_RUNNING;) {
    if ((s->pick & poll) == 0 && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    int64_t w = s->pick - s->word_first;
    if (s->word_first < 0 || w < 0 || w >= OW_DP_WORDS) {
      s->word_first = s->pick & ~(int64_t)1;
      ow_dp_simd()->words(p->seed, 2 * p->replica, (uint64_t)s->word_first, s->word);
      w = s->pick - s->word_first;
    }
    int32_t i = (int32_t)ow_u64_below(s->word[w], (uint64_t)s->nseg);
    ow_dp_seg g = s->seg[i];
    int32_t x = (int32_t)(g.xt >> 1), y = g.y;
    double ext = ow_dp_stress_ext(s);
    if (ly && (y + !(g.xt & 1) > ly - 2 || y < 1)) {  // no room to move
      s->stop = y < 1 ? OW_DP_BOTTOM : OW_DP_TOP;
      s->pick++;
    } else {
      double v = plain ? ow_dp_stress_plain(s, i) + ext : stress_near(s, g, ext);
      uint8_t up = v >= 0;
      // the cell whose value has to change
      if (s->site[ow_dp_cell(s, x, y)] == up) {
        if (g.xt & 1) x = x + 1 < lx ? x + 1 : 0;
        else y++;
      }
      if ((y - 2 < s->lo || y + 2 > s->hi)) {
        if (!ow_dp_line_reach(s, y, e)) return false;
        if (!plain) ow_dp_far_weights(s);
      }
      ow_dp_line_flip(s, x, y, up);
      s->area += up ? 1 : -1;
      if (!plain) {
        ow_dp_note_flip(s, x, y, up, s->pick);
        const int32_t *nb = s->nflip + x / OW_DP_COLUMNS;
        if (s->net >= s->netcap || *nb >= s->flipcap) {  // cells that flip back soon had better stay
          ow_dp_fold(s, s->pick - 4 * (int64_t)s->nseg);
          if (s->net > s->netcap / 2 || *nb > s->flipcap / 2) ow_dp_fold(s, INT64_MAX);
        }
      }
      s->pick++;
      if (quasi) {
        if (s->area > s->area_max) {
          s->area_max = s->area;
          s->last_advance = s->pick;
        } else if ((double)(s->pick - s->last_advance) >= p->wait * s->nseg) raise_drive(s);
      }
    }
    if (s->pick == next || (every && s->stop)) {
      record(s, rec);
      next += every;
    }
  }
  return true;
}

// ---- life ------------------------------------------------------------------------------------
static bool good(double v) { return isfinite(v); }

static bool check(const ow_dp_params *p, ow_err *e) {
  if (p->lx < 4 || p->lx > 100000) return OW_FAIL(e, OW_EARG, "lx: expected 4 .. 100000 columns, got %d", p->lx);
  if (p->ly && (p->ly < 4 || p->ly > 1 << 30)) return OW_FAIL(e, OW_EARG, "ly: expected 0 (unlimited) or 4 .. 2^30 rows, got %d", p->ly);
  if (p->ly ? p->y0 < 1 || p->y0 >= p->ly : p->y0 < -(1 << 30) || p->y0 > 1 << 30)
    return OW_FAIL(e, OW_EARG, "y0: expected a height inside the lattice, got %d", p->y0);
  if (!good(p->mu) || !good(p->b) || !good(p->a) || p->mu <= 0 || p->b <= 0 || p->a <= 0)
    return OW_FAIL(e, OW_EARG, "mu, b and cell size: expected positive numbers");
  if (!good(p->nu) || p->nu <= -1 || p->nu >= 1) return OW_FAIL(e, OW_EARG, "nu: expected -1 < nu < 1, got %g", p->nu);
  if (!good(p->sigma_pin) || p->sigma_pin < 0) return OW_FAIL(e, OW_EARG, "sigma_pin: expected a number >= 0, got %g", p->sigma_pin);
  if (!good(p->sigma0) || !good(p->rate) || !good(p->spring) || p->spring < 0)
    return OW_FAIL(e, OW_EARG, "sigma_0, rate and B: expected finite numbers, B >= 0");
  if (!good(p->wait) || p->wait < 1 || !good(p->step_max) || p->step_max < 0)
    return OW_FAIL(e, OW_EARG, "wait: expected >= 1; step_max: expected >= 0");
  if (p->drive != OW_DP_SPRING && p->drive != OW_DP_QUASISTATIC) return OW_FAIL(e, OW_EARG, "drive: unknown");
  return true;
}

ow_dp *ow_dp_make(const ow_dp_params *p, const double *field, ow_dp_kernel *kernel, ow_err *e) {
  if (!check(p, e)) return NULL;
  ow_dp *s = ow_alloc_zero(sizeof *s, e);
  if (!s) return NULL;
  s->par = *p;
  if (field) {
    size_t n = (size_t)p->lx * (size_t)p->ly;
    for (size_t i = 0; i < n; i++)
      if (!isfinite(field[i])) {
        OW_FAIL(e, OW_EARG, "pinning: value %zu of column %zu is not a finite number", i % (size_t)p->ly + 1, i / (size_t)p->ly + 1);
        ow_free(s);
        return NULL;
      }
    if (!(s->field_own = ow_alloc_array(n, sizeof *field, e))) { ow_free(s); return NULL; }
    memcpy(s->field_own, field, n * sizeof *field);
    s->field = s->field_own;
  }
  const double fh = p->edge ? 1 - p->nu : 1, fv = p->edge ? 1 : 1 - p->nu, scale = p->mu * p->b * p->a / (4 * M_PI);
  if (kernel && kernel->lx == p->lx && kernel->fh == fh && kernel->fv == fv && kernel->scale == scale)
    s->k = ow_dp_kernel_ref(kernel);
  if (!engine_init(s, e)) { ow_dp_free(s); return NULL; }
  return s;
}

ow_dp *ow_dp_new(const ow_dp_params *p, const double *field, ow_dp_kernel *kernel, ow_err *e) {
  ow_dp *s = ow_dp_make(p, field, kernel, e);
  if (!s) return NULL;
  s->driver = p->sigma0;
  if (!ow_dp_line_init(s, e)) { ow_dp_free(s); return NULL; }
  return s;
}

void ow_dp_free(ow_dp *s) {
  if (!s) return;
  engine_free(s);
  ow_free(s->site);
  ow_free(s->pin);
  ow_free(s->base);
  ow_free(s->pos);
  ow_free(s->rowcount);
  ow_free(s->seg);
  ow_free(s->slot);
  ow_free(s->height);
  ow_free(s->field_own);
  ow_dp_kernel_free(s->k);
  ow_free(s);
}
