// The published simulator's own arithmetic, so that its output comes out byte for byte:
// its truncated image sum with weighted ghosts, its order of segments and of additions, its
// random numbers (glibc's rand, the additive feedback generator r[i] = r[i-3] + r[i-31]
// behind it written out here, so that the sequence is the same on every system) and its
// stop states. A is counted in flips, sigma_ext is evaluated after each pick, also after
// the one that meets the end of the lattice.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "physics/depinning.h"

typedef struct { uint32_t r[31]; int i; } feedback;

static uint32_t feedback_next(feedback *g) {
  int f = g->i, b = f >= 3 ? f - 3 : f + 28;  // r[i-31] sits where r[i] goes
  g->r[f] += g->r[b];
  g->i = f == 30 ? 0 : f + 1;
  return g->r[f] >> 1;
}

static void feedback_seed(feedback *g, int32_t seed) {
  int32_t w = seed ? seed : 1;
  g->r[0] = (uint32_t)w;
  for (int i = 1; i < 31; i++) {  // minimal standard generator by Schrage's division
    int32_t hi = w / 127773, lo = w % 127773;
    w = (int32_t)(16807 * (int64_t)lo - 2836 * (int64_t)hi);
    if (w < 0) w += 2147483647;
    g->r[i] = (uint32_t)w;
  }
  g->i = 3;  // r[31..33] repeat r[0..2]
  for (int i = 0; i < 310; i++) feedback_next(g);
}

void ow_dds_defaults(ow_dds_params *p) {
  *p = (ow_dds_params){.burgers = 1, .mu = 1, .poisson = 0.35, .cellsize = 1, .spring = 1e-2, .lx = 100, .ly = 100, .y0 = 50};
}

typedef struct { double x, y, n; bool vertical; } dds_seg;

static double term(double front, double d, double factor, double dx, double dy) {
  return front * d / (4 * M_PI * factor * pow(dx * dx + dy * dy, 1.5));
}

static double images(const ow_dds_params *p, double n, double factor, double dx, double dy, bool vertical, double xs) {
  double front = n * p->mu * p->burgers * p->cellsize, s;
  const int L = p->lx;
  #define AT(X) term(front, vertical ? (X) : dy, factor, (X), dy)
  s = AT(dx);
  s += AT(dx + L * 1);
  s += AT(dx - L * 1);
  s += AT(dx + L * 2) * (L - xs) / (L - 1);
  s += AT(dx - L * 2) * xs / (L - 1);
  #undef AT
  return s;
}

bool ow_dds_run(const ow_dds_params *p, const double *pinning, int64_t max_picks,
                bool (*line)(void *ctx, const ow_dds_line *l), void *ctx, ow_dp_stop *stop, ow_err *e) {
  const int lx = p->lx, ly = p->ly;
  if (lx < 2 || ly < 2 || lx > 1 << 20 || ly > 1 << 20) return OW_FAIL(e, OW_EARG, "Lx, Ly: expected 2 .. 2^20, got %d, %d", lx, ly);
  if (p->y0 < 1 || p->y0 >= ly) return OW_FAIL(e, OW_EARG, "initial_height: expected 1 .. %d (Ly - 1), got %d: no line in the lattice", ly - 1, p->y0);
  size_t n = (size_t)lx * (size_t)ly;
  uint8_t *site = ow_alloc_zero(n, e);
  dds_seg *seg = site ? ow_alloc_array(2 * n, sizeof *seg, e) : NULL;
  if (!seg) { ow_free(site); return false; }
  for (int x = 0; x < lx; x++) memset(site + (size_t)x * (size_t)ly, 1, (size_t)p->y0);
  const double fh = p->vertical_burgers ? 1.0 - p->poisson : 1.0, fv = p->vertical_burgers ? 1.0 : 1.0 - p->poisson;
  feedback rng;
  feedback_seed(&rng, p->seed);
  int lo = p->y0 - 1, hi = p->y0;  // rows with unlike neighbours
  ow_dds_line l = {0, 0, p->stress_init};
  bool ok = true;
  for (*stop = OW_DP_RUNNING; *stop == OW_DP_RUNNING && (max_picks == 0 || l.pick < max_picks);) {
    if ((l.pick & 255) == 0 && ow_interrupted()) { ok = OW_FAIL(e, OW_EINTR, "interrupted"); break; }
    int from = lo > 1 ? lo - 1 : 0, to = hi + 1 < ly - 1 ? hi + 1 : ly - 2, m = 0;
    lo = ly;
    hi = 0;
    for (int x = 0; x < lx; x++) {
      const uint8_t *c = site + (size_t)x * (size_t)ly, *r = site + (size_t)(x + 1 < lx ? x + 1 : 0) * (size_t)ly;
      for (int y = from; y <= to; y++) {
        int was = m;
        if (c[y] != c[y + 1]) seg[m++] = (dds_seg){x, y + 0.5, c[y] ? 1 : -1, false};
        if (c[y] != r[y]) seg[m++] = (dds_seg){x + 0.5, y, c[y] ? 1 : -1, true};
        if (m != was && y < lo) lo = y;
        if (m != was && y > hi) hi = y;
      }
    }
    if (m == 0) { *stop = OW_DP_STARVED; break; }
    int i = (int)trunc((double)feedback_next(&rng) / 2147483647.0 * (double)m);
    if (i == m) i = m - 1;
    const dds_seg *t = seg + i;
    double self = 0;
    for (int j = 0; j < m; j++)
      if (j != i) self += images(p, seg[j].n, seg[j].vertical ? fv : fh, t->x - seg[j].x, t->y - seg[j].y, seg[j].vertical, seg[j].x);
    int x = (int)t->x, y = (int)t->y, x2 = t->vertical ? (x + 1) % lx : x, y2 = t->vertical ? y : y + 1;
    size_t a = (size_t)x * (size_t)ly + (size_t)y, b = (size_t)x2 * (size_t)ly + (size_t)y2;
    double sigma = l.stress + (pinning[a] + pinning[b]) / 2.0 + self;
    if (t->y > ly - 2) *stop = OW_DP_TOP;
    else if (t->y < 1) *stop = OW_DP_BOTTOM;
    else {
      uint8_t up = !(sigma < 0);
      site[a] = site[b] = up;
      l.area += up ? 1 : -1;
    }
    l.pick++;
    l.stress = p->stress_init + p->stress_rate * (double)l.pick - p->spring * (double)l.area;
    if (!line(ctx, &l)) break;
  }
  ow_free(site);
  ow_free(seg);
  return ok;
}
