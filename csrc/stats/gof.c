// Distances between data and distributions, and Monte Carlo around them.
//
// The distance is found by branch and bound: between two events i < j both functions are
// monotone, so nothing inside can exceed max(F_n(j) - F(i), F(j) - F_n(i)); a range whose bound
// is below the best so far is skipped. Exact, with some sqrt(n) evaluations instead of n.
// Invariant: every repeat draws from its own Philox stream and writes its own slot, so results
// do not depend on the number of threads.
// Sources: Clauset, Shalizi, Newman, SIAM Rev. 51 (2009) 661, sections 3.3 and 4.1; Deluca and
// Corral, Acta Geophys. 61 (2013) 1351.
#include "stats/gof.h"

#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "stats/data.h"
#include "stats/special.h"

void ow_sorted_free(ow_sorted *s) {
  ow_free(s->v);
  memset(s, 0, sizeof *s);
}

bool ow_sorted_make(ow_sorted *s, const double *x, int64_t n, ow_err *e) {
  memset(s, 0, sizeof *s);
  if (n < 1) return OW_FAIL(e, OW_EARG, "no events");
  double *buf = ow_alloc_array((size_t)n, 5 * sizeof(double), e);
  if (!buf) return false;
  memcpy(buf, x, (size_t)n * sizeof(double));
  ow_sort_doubles(buf, n);
  s->v = buf;
  s->lv = buf + n;
  s->sl = buf + 2 * n;
  s->su = buf + 3 * n;
  s->c = (int64_t *)(buf + 4 * n);
  s->n = n;
  for (int64_t i = 0; i < n; i++) {
    if (!s->m || buf[i] != buf[s->m - 1]) buf[s->m++] = buf[i];
    s->c[s->m - 1] = i + 1;
  }
  double sl = 0, su = 0;
  for (int64_t k = s->m - 1; k >= 0; k--) {
    double w = (double)(s->c[k] - (k ? s->c[k - 1] : 0));
    s->lv[k] = log(s->v[k]);
    s->sl[k] = sl += w * s->lv[k];
    s->su[k] = su += w * s->v[k];
  }
  return true;
}

// ---- distance ------------------------------------------------------------------------------

typedef struct {
  const ow_sorted *s;
  const ow_dist *d;
  int64_t from, base;  // first distinct value, events before it
  double n, la, slope, best, enough;
  bool published, plain;
} ks_job;

static double cdf_at(const ks_job *j, int64_t k) {
  if (j->plain) return -expm1(j->slope * (j->s->lv[k] - j->la));
  return ow_dist_cdf(j->d, j->s->v[k]);
}
static double emp_lo(const ks_job *j, int64_t k) { return (double)((k > j->from ? j->s->c[k - 1] : j->base) - j->base) / j->n; }
static double emp_hi(const ks_job *j, int64_t k) { return (double)(j->s->c[k] - j->base) / j->n; }

static double visit(ks_job *j, int64_t k) {
  double F = cdf_at(j, k), lo = emp_lo(j, k), hi = emp_hi(j, k);
  if (j->published) hi -= 1 / j->n;
  double Fl = F;
  if (j->d->discrete) Fl = k > j->from || j->s->v[k] > j->d->a ? ow_dist_cdf(j->d, j->s->v[k] - 1) : 0;
  j->best = fmax(j->best, fmax(fabs(Fl - lo), fabs(F - hi)));
  return F;
}

static void between(ks_job *j, int64_t i, int64_t k, double Fi, double Fk) {
  if (k - i < 2 || j->best > j->enough) return;
  double up = emp_hi(j, k - 1) - Fi, down = Fk - emp_lo(j, i + 1);
  if (fmax(up, down) <= j->best) return;
  int64_t m = i + (k - i) / 2;
  double Fm = visit(j, m);
  between(j, i, m, Fi, Fm);
  between(j, m, k, Fm, Fk);
}

double ow_ks(const ow_sorted *s, int64_t from, int64_t to, const ow_dist *d, bool published, double enough) {
  int64_t base = from ? s->c[from - 1] : 0;
  ks_job j = {.s = s, .d = d, .from = from, .base = base, .n = (double)(s->c[to] - base), .la = log(d->a),
              .slope = 1 - d->p0, .enough = enough, .published = published && !d->discrete,
              .plain = d->model == OW_POWERLAW && !d->discrete};
  double F0 = visit(&j, from);
  if (to > from) {
    double F1 = visit(&j, to);
    between(&j, from, to, F0, F1);
  }
  return j.best;
}

// ---- choice of xmin ------------------------------------------------------------------------

// alpha of the events from distinct value k on.
static bool tail_fit(const ow_sorted *s, int64_t k, bool discrete, ow_dist *d) {
  ow_err e;
  int64_t base = k ? s->c[k - 1] : 0, n = s->n - base;
  double ml = s->sl[k] / (double)n - s->lv[k];
  if (!(ml > 1e-12)) return false;
  *d = (ow_dist){.model = OW_POWERLAW, .discrete = discrete, .a = s->v[k]};
  if (!discrete) {
    d->b = INFINITY;
    d->p0 = 1 + 1 / ml;
    d->logz = log(ml);
    return true;
  }
  ow_suff q = {.n = n, .a = s->v[k], .b = INFINITY, .ml = ml};
  ow_fit f;
  if (!ow_fit_model(OW_POWERLAW, true, &q, 0, &f, &e)) return false;
  *d = f.d;
  return true;
}

static void try_xmin(const ow_sorted *s, int64_t k, bool discrete, ow_scan *best) {
  ow_dist d;
  if (!tail_fit(s, k, discrete, &d)) return;
  double ks = ow_ks(s, k, s->m - 1, &d, true, best->ks);
  if (ks < best->ks || (ks == best->ks && s->v[k] < best->xmin))
    *best = (ow_scan){.alpha = d.p0, .xmin = s->v[k], .ks = ks, .n_tail = s->n - (k ? s->c[k - 1] : 0)};
}

bool ow_xmin_scan(const ow_sorted *s, bool discrete, int64_t min_tail, double max_xmin, ow_scan *out, ow_err *e) {
  ow_scan best = {.ks = INFINITY, .xmin = INFINITY};
  int64_t last = s->m - 1;
  while (last > 0 && (s->n - s->c[last - 1] < min_tail || s->v[last] > max_xmin)) last--;
  int64_t stride = last / 32 + 1;
  for (int64_t k = 0; k <= last; k += stride) try_xmin(s, k, discrete, &best);  // a good bound first
  for (int64_t k = 0; k <= last; k++) {
    if (!(k & 255) && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    if (k % stride) try_xmin(s, k, discrete, &best);
  }
  if (isinf(best.ks)) return OW_FAIL(e, OW_EARG, "no smallest size leaves %lld events that differ", (long long)min_tail);
  *out = best;
  return true;
}

// ---- Monte Carlo ---------------------------------------------------------------------------

// One place for what all loops share: an error of any repeat wins by lowest number.
typedef struct {
  ow_err e;
  int64_t at;
} first_error;

static void note(first_error *f, int64_t r, const ow_err *e) {
#pragma omp critical(ow_stats_note)
  if (f->at < 0 || r < f->at) f->at = r, f->e = *e;
}

static double pick_event(const ow_sorted *s, int64_t i) {  // the i-th smallest event
  int64_t lo = 0, hi = s->m - 1;
  while (lo < hi) {
    int64_t m = (lo + hi) / 2;
    if (s->c[m] > i) hi = m;
    else lo = m + 1;
  }
  return s->v[lo];
}

bool ow_xmin_pvalue(const ow_sorted *s, bool discrete, const ow_scan *fit, int64_t min_tail, double max_xmin, uint64_t seed,
                    int64_t repeats, double *p, ow_err *e) {
  ow_dist d = {.model = OW_POWERLAW, .discrete = discrete, .a = fit->xmin, .p0 = fit->alpha};
  ow_sampler smp;
  if (!ow_dist_init(&d, e) || !ow_sampler_init(&smp, &d, e)) return false;
  int64_t body = s->n - fit->n_tail, larger = 0;
  first_error fe = {.at = -1};
#pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads()) reduction(+ : larger)
  for (int64_t r = 0; r < repeats; r++) {
    ow_err le;
    if (ow_interrupted() || fe.at >= 0) continue;
    ow_rng g = ow_rng_make(seed, (uint64_t)r);
    double *x = ow_alloc_array((size_t)s->n, sizeof(double), &le);
    ow_sorted q = {0};
    ow_scan sc;
    bool ok = x != NULL;
    for (int64_t i = 0; ok && i < s->n; i++)
      x[i] = (int64_t)ow_rng_below(&g, (uint64_t)s->n) < body ? pick_event(s, (int64_t)ow_rng_below(&g, (uint64_t)body))
                                                              : ow_sampler_draw(&smp, &g);
    ok = ok && ow_sorted_make(&q, x, s->n, &le) && ow_xmin_scan(&q, discrete, min_tail, max_xmin, &sc, &le);
    if (ok) larger += sc.ks >= fit->ks;
    else note(&fe, r, &le);
    ow_sorted_free(&q);
    ow_free(x);
  }
  ow_sampler_free(&smp);
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (fe.at >= 0) return *e = fe.e, false;
  *p = (double)larger / (double)repeats;
  return true;
}

bool ow_xmin_bootstrap(const ow_sorted *s, bool discrete, int64_t min_tail, double max_xmin, uint64_t seed, int64_t repeats,
                       ow_scan *out, ow_err *e) {
  first_error fe = {.at = -1};
#pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads())
  for (int64_t r = 0; r < repeats; r++) {
    ow_err le;
    if (ow_interrupted() || fe.at >= 0) continue;
    ow_rng g = ow_rng_make(seed, (uint64_t)r);
    double *x = ow_alloc_array((size_t)s->n, sizeof(double), &le);
    ow_sorted q = {0};
    bool ok = x != NULL;
    for (int64_t i = 0; ok && i < s->n; i++) x[i] = pick_event(s, (int64_t)ow_rng_below(&g, (uint64_t)s->n));
    ok = ok && ow_sorted_make(&q, x, s->n, &le) && ow_xmin_scan(&q, discrete, min_tail, max_xmin, &out[r], &le);
    if (!ok) note(&fe, r, &le);
    ow_sorted_free(&q);
    ow_free(x);
  }
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (fe.at >= 0) return *e = fe.e, false;
  return true;
}

// A sample of n events fitted with the bounds of d.
static bool resample_fit(const ow_sampler *smp, int64_t n, uint64_t seed, int64_t r, double level, double *x, double *y, ow_fit *f,
                         ow_err *e) {
  ow_rng g = ow_rng_make(seed, (uint64_t)r);
  for (int64_t i = 0; i < n; i++) x[i] = ow_sampler_draw(smp, &g);
  ow_suff s;
  ow_suff_of(&s, x, n, smp->d.a, smp->d.b, y);
  return ow_fit_model(smp->d.model, smp->d.discrete, &s, level, f, e);
}

bool ow_gof_pvalue(const ow_dist *d, int64_t n, double ks, uint64_t seed, int64_t repeats, double decide, double *p,
                   int64_t *done, ow_err *e) {
  ow_sampler smp;
  if (!ow_sampler_init(&smp, d, e)) return false;
  enum { BATCH = 50 };
  int64_t larger = 0, made = 0;
  first_error fe = {.at = -1};
  while (made < repeats && fe.at < 0 && !ow_interrupted()) {
    int64_t to = made + BATCH < repeats ? made + BATCH : repeats;
#pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads()) reduction(+ : larger)
    for (int64_t r = made; r < to; r++) {
      ow_err le;
      if (ow_interrupted() || fe.at >= 0) continue;
      double *x = ow_alloc_array((size_t)n, 2 * sizeof(double), &le);
      ow_sorted q = {0};
      ow_fit f;
      bool ok = x && resample_fit(&smp, n, seed, r, 0, x, x + n, &f, &le) && ow_sorted_make(&q, x, n, &le);
      // Only whether the distance reaches ks matters: stop there.
      if (ok) larger += ow_ks(&q, 0, q.m - 1, &f.d, false, nextafter(ks, 0)) >= ks;
      else note(&fe, r, &le);
      ow_sorted_free(&q);
      ow_free(x);
    }
    made = to;
    double ph = ((double)larger + 1) / ((double)made + 2);
    if (decide > 0 && fabs(ph - decide) > 3.5 * sqrt(ph * (1 - ph) / (double)made)) break;
  }
  ow_sampler_free(&smp);
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (fe.at >= 0) return *e = fe.e, false;
  *p = made ? (double)larger / (double)made : NAN;
  *done = made;
  return true;
}

bool ow_calibrate(const ow_dist *d, int64_t n, uint64_t seed, int64_t repeats, double level, double *rows, ow_err *e) {
  ow_sampler smp;
  if (!ow_sampler_init(&smp, d, e)) return false;
  first_error fe = {.at = -1};
#pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads())
  for (int64_t r = 0; r < repeats; r++) {
    ow_err le;
    if (ow_interrupted() || fe.at >= 0) continue;
    double *x = ow_alloc_array((size_t)n, 2 * sizeof(double), &le);
    ow_fit f;
    if (x && resample_fit(&smp, n, seed, r, level, x, x + n, &f, &le))
      for (int i = 0; i < 2; i++) {
        rows[8 * r + i] = f.par[i];
        rows[8 * r + 2 + i] = f.se[i];
        rows[8 * r + 4 + i] = f.low[i];
        rows[8 * r + 6 + i] = f.high[i];
      }
    else note(&fe, r, &le);
    ow_free(x);
  }
  ow_sampler_free(&smp);
  if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (fe.at >= 0) return *e = fe.e, false;
  return true;
}
