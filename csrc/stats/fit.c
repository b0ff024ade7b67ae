// Maximum likelihood with profile-likelihood intervals for the distributions of model.h.
//
// Per event the negative log-likelihood of all families but stretched is
//   F(p0, p1) = logz(p0, p1) + p0 m0 + p1 m1,
// an exponential family: convex, so a damped Newton step on the natural parameters finds the one
// minimum. Its edge p1 = 0 is the power law; it is the minimum iff dF/dp1 >= 0 there.
// An interval is where 2 n (F_profile - F_min) stays below the square of the normal quantile; the
// root is taken on the signed root of that deviance, which is nearly linear.
// Derivatives in p0 are central differences of logz (fourth order), those in p1 exact moments
// (cutoff: E_{p-1}/E_p). The lognormal, and steeply rising cut-off laws, take their moments from
// Gauss-Legendre quadrature, since differences and recurrences cancel there.
#include <string.h>

#include "base/alloc.h"
#include "stats/model.h"
#include "stats/special.h"

void ow_suff_of(ow_suff *s, const double *x, int64_t n, double a, double b, double *y) {
  double sl = 0, sl2 = 0, su = 0, top = 0;
  int64_t m = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(x[i] >= a && x[i] <= b)) continue;
    double t = log(x[i] / a);
    y[m++] = t;
    sl += t;
    sl2 += t * t;
    su += x[i] / a - 1;
    if (t > top) top = t;
  }
  *s = (ow_suff){.n = m, .a = a, .b = b, .ml = sl / (double)m, .ml2 = sl2 / (double)m,
                 .mu = su / (double)m, .ylast = top, .y = y};
}

// ---- one dimension -------------------------------------------------------------------------

typedef double (*slope_fn)(double x, void *ctx, double *dx);

// Root of an increasing function in (lo, hi): Newton inside a shrinking bracket.
static double root_increasing(slope_fn g, void *ctx, double x, double lo, double hi) {
  double step = 1;
  for (int it = 0; it < 200; it++) {
    double d = NAN, v = g(x, ctx, &d);
    if (v == 0) return x;
    if (v > 0) hi = x;
    else lo = x;
    double nx = x - v / d;
    if (!(d > 0) || !(nx > lo && nx < hi)) {
      if (isinf(lo)) nx = x - step, step *= 2;
      else if (isinf(hi)) nx = x + step, step *= 2;
      else nx = (lo + hi) / 2;
    } else if (fabs(nx - x) > 4 * step) {
      nx = x + (nx > x ? 4 : -4) * step;
      step *= 2;
    }
    if (!(nx > lo && nx < hi)) return x;
    if (fabs(nx - x) <= 1e-12 * (1 + fabs(x))) return nx;
    x = nx;
  }
  return x;
}

// ---- the exponential families --------------------------------------------------------------

typedef struct {
  ow_model m;
  bool discrete;
  double a, b, m0, m1;
  double fixed;  // the parameter held by a profile
} family;

static double logz(const family *f, double p, double k) {
  switch (f->m) {
    case OW_TRUNCATED: return f->discrete ? ow_log_zeta_sum(f->a, f->b, p, 0) : ow_log_expm1_ratio(1 - p, log(f->b / f->a));
    case OW_LOGNORMAL: {
      ow_dist d = {.model = OW_LOGNORMAL, .a = 1, .p0 = p, .p1 = k};
      ow_err e;
      return ow_dist_init(&d, &e) ? d.logz : NAN;
    }
    default: return f->discrete ? ow_log_zeta_sum(f->a, INFINITY, p, k / f->a) : ow_log_expint_scaled(p, k);
  }
}

static double target(const family *f, double p, double k) { return logz(f, p, k) + p * f->m0 + k * f->m1; }

// d logz / dp0 and its derivative by differences.
static void derivs_p(const family *f, double p, double k, double *g, double *h) {
  if (f->m == OW_TRUNCATED && !f->discrete) {
    double L = log(f->b / f->a), z = (1 - p) * L;
    *g = -ow_log_expm1_ratio_d(1 - p, L);
    *h = L * L * (fabs(z) < 1e-2 ? 1. / 12 - z * z / 240 : 1 / (z * z) - (fabs(z) > 700 ? 0 : 0.25 / pow(sinh(z / 2), 2)));
    return;
  }
  double s = 2e-3 / (1 + f->m0);
  if (k == 0 && f->m != OW_TRUNCATED) s = fmin(s, (p - 1) / 40);  // stay where the sum exists
  double f0 = logz(f, p, k), f1 = logz(f, p + s, k), f2 = logz(f, p + 2 * s, k), e1 = logz(f, p - s, k), e2 = logz(f, p - 2 * s, k);
  *g = (8 * (f1 - e1) - (f2 - e2)) / (12 * s);
  *h = (16 * (f1 + e1) - (f2 + e2) - 30 * f0) / (12 * s * s);
}

// Mean of exp(T) - type moments of the cutoff: d logz/dk = 1 - r, r = <u>; variance of u.
static void derivs_k(const family *f, double p, double k, double *g, double *h) {
  double l0 = logz(f, p, k), r1 = exp(logz(f, p - 1, k) - l0), r2 = exp(logz(f, p - 2, k) - l0);
  *g = 1 - r1;
  *h = r2 - r1 * r1;
}

// Where exp(q), q concave with its top at m, has fallen by e^45 on one side of m.
static double reach(const double q[3], bool ln, double m, double side) {
  // q = {linear, k, top}: the exponent is linear y - k T(y), T = y^2 or e^y - 1.
  double in = m, out = m + side * 1e-3;
  for (int it = 0; it < 80; it++) {
    double T = ln ? out * out : expm1(out);
    if (q[0] * out - q[1] * T < q[2] - 45) break;
    in = out;
    out = m + (out - m) * 2;
    if (side < 0 && out < 0) return 0;
  }
  for (int it = 0; it < 12; it++) {
    double mid = (in + out) / 2, T = ln ? mid * mid : expm1(mid);
    if (q[0] * mid - q[1] * T < q[2] - 45) out = mid;
    else in = mid;
  }
  return out;
}

// Moments under the density exp(-c y - k T) of y >= 0: gradient (-<y>, -<T>) and covariances, by
// Gauss-Legendre panels over where the density is not negligible. All terms are positive.
static void quadrature(double c, double k, bool ln, double g[2], double h[3]) {
  static const double gx[6] = {0.1252334085114689, 0.3678314989981802, 0.5873179542866175,
                               0.7699026741943047, 0.9041172563704749, 0.9815606342467192};
  static const double gw[6] = {0.2491470458134028, 0.2334925365383548, 0.2031674267230659,
                               0.1600783285433462, 0.1069393259953184, 0.0471753363865118};
  double m = c >= 0 || k <= 0 ? 0 : ln ? -c / (2 * k) : fmax(0, log(-c / k));
  double q[3] = {-c, k, -c * m - k * (ln ? m * m : expm1(m))};
  double lo = m > 0 ? fmax(0, reach(q, ln, m, -1)) : 0, hi = reach(q, ln, m, 1);
  enum { PANELS = 24 };
  double w = (hi - lo) / PANELS, Tm = ln ? m * m : expm1(m), M0 = 0, A = 0, B = 0, AA = 0, AB = 0, BB = 0;
  for (int j = 0; j < PANELS; j++)
    for (int i = 0; i < 12; i++) {
      double y = lo + w * (j + 0.5 + 0.5 * (i < 6 ? gx[i] : -gx[i - 6])), T = ln ? y * y : expm1(y);
      double v = gw[i < 6 ? i : i - 6] * exp(-c * y - k * T - q[2]), dy = y - m, dT = T - Tm;
      M0 += v;
      A += v * dy;
      B += v * dT;
      AA += v * dy * dy;
      AB += v * dy * dT;
      BB += v * dT * dT;
    }
  A /= M0;
  B /= M0;
  g[0] = -(m + A);
  g[1] = -(Tm + B);
  h[0] = AA / M0 - A * A;
  h[1] = AB / M0 - A * B;
  h[2] = BB / M0 - B * B;
}

// Continuous families whose differences would cancel take the quadrature.
static bool by_quadrature(const family *f, double p, double k) {
  return f->m == OW_LOGNORMAL || (f->m == OW_CUTOFF && !f->discrete && k > 0 && (p < -2 || k > 50));
}
static void moments(const family *f, double p, double k, double g[2], double h[3]) {
  quadrature(f->m == OW_LOGNORMAL ? p : p - 1, k, f->m == OW_LOGNORMAL, g, h);
}

// Gradient of the target and its Hessian (00, 01, 11).
static void derivs(const family *f, double p, double k, double g[2], double h[3]) {
  if (by_quadrature(f, p, k)) moments(f, p, k, g, h);
  else {
    derivs_p(f, p, k, &g[0], &h[0]);
    derivs_k(f, p, k, &g[1], &h[2]);
    double s = 2e-3 / (1 + f->m0);
    double up = exp(logz(f, p + s - 1, k) - logz(f, p + s, k)), dn = exp(logz(f, p - s - 1, k) - logz(f, p - s, k));
    h[1] = -(up - dn) / (2 * s);
  }
  g[0] += f->m0;
  g[1] += f->m1;
}

static double slope_p(double p, void *ctx, double *dp) {
  family *f = ctx;
  double g, h;
  if (by_quadrature(f, p, f->fixed)) {
    double gg[2], hh[3];
    moments(f, p, f->fixed, gg, hh);
    g = gg[0], h = hh[0];
  } else derivs_p(f, p, f->fixed, &g, &h);
  *dp = h;
  return g + f->m0;
}

// In t = log p1: p1 dF/dp1, whose sign changes once.
static double slope_t(double t, void *ctx, double *dt) {
  family *f = ctx;
  double k = exp(t), g, h;
  if (by_quadrature(f, f->fixed, k)) {
    double gg[2], hh[3];
    moments(f, f->fixed, k, gg, hh);
    g = gg[1], h = hh[2];
  } else derivs_k(f, f->fixed, k, &g, &h);
  g += f->m1;
  *dt = k * k * h + fabs(k * g);
  return k * g;
}

// dF/dp1 at the power-law edge; -inf where the moment does not exist.
static double edge_slope(const family *f, double p) {
  if (f->m == OW_LOGNORMAL) return p > 0 ? f->m1 - 2 / (p * p) : -INFINITY;
  if (p <= 2) return -INFINITY;
  double mean = f->discrete ? exp(logz(f, p - 1, 0) - logz(f, p, 0)) : (p - 1) / (p - 2);
  return f->m1 + 1 - mean;
}

// Pure power-law exponent (natural parameter p0 of the family) from its one moment.
static double edge_p(const family *f) {
  if (f->m == OW_LOGNORMAL) return 1 / f->m0;
  if (!f->discrete && f->m != OW_TRUNCATED) return 1 + 1 / f->m0;
  family q = *f;
  q.fixed = 0;
  if (f->m != OW_TRUNCATED) q.m = OW_POWERLAW;
  double start = 1 + 1 / (f->m0 + (f->discrete ? log(f->a / (f->a - 0.5)) : 0));
  return root_increasing(slope_p, &q, start, f->m == OW_TRUNCATED ? -INFINITY : 1, INFINITY);
}

// Smallest F at fixed p0 (over p1 >= 0) or fixed p1 (over p0); *at: the other parameter, in as start.
static double profile_p(const family *f, double p, double *at) {
  if (edge_slope(f, p) >= 0) {
    *at = 0;
    return target(f, p, 0);
  }
  family q = *f;
  q.fixed = p;
  double t = root_increasing(slope_t, &q, *at > 0 ? log(*at) : log(0.1 / (1 + f->m1)), -INFINITY, INFINITY);
  *at = exp(t);
  return target(f, p, *at);
}

static double profile_k(const family *f, double k, double *at) {
  family q = *f;
  q.fixed = k;
  *at = root_increasing(slope_p, &q, *at, -INFINITY, INFINITY);
  return target(f, *at, k);
}

static bool newton2(const family *f, double *pp, double *kk) {
  double p = *pp, k = *kk, F = target(f, p, k), round = 0;
  for (int it = 0; it < 200; it++) {
    double g[2], h[3];
    derivs(f, p, k, g, h);
    double det = h[0] * h[2] - h[1] * h[1];
    if (!(det > 0)) h[0] *= 1 + 1e-6, h[2] *= 1 + 1e-6, det = h[0] * h[2] - h[1] * h[1];
    if (!(det > 0)) h[1] = 0, det = h[0] * h[2];
    double dp = -(h[2] * g[0] - h[1] * g[1]) / det, dk = -(h[0] * g[1] - h[1] * g[0]) / det;
    double dec = -(g[0] * dp + g[1] * dk);
    if (!isfinite(dec)) return false;
    if (dec < 1e-17) {
      *pp = p + dp;
      *kk = k + dk > 0 ? k + dk : k;
      return true;
    }
    round = 1e-15 * (1 + fabs(p) * f->m0 + k * f->m1 + fabs(F));
    double t = 1;
    if (dk < -0.9 * k) t = 0.9 * k / -dk;
    bool moved = false;
    for (int h2 = 0; h2 < 60; h2++, t /= 2) {
      double F1 = target(f, p + t * dp, k + t * dk);
      if (F1 <= F - 1e-4 * t * dec || (dec < 1e-10 && F1 <= F + round)) {
        moved = true;
        p += t * dp;
        k += t * dk;
        F = F1;
        break;
      }
    }
    if (!moved || k < 1e-14) {  // as good as rounding allows
      *pp = p;
      *kk = k;
      return dec < 1e-9 + 10 * round || k < 1e-14;
    }
  }
  return false;
}

// ---- intervals -----------------------------------------------------------------------------

typedef double (*profile_fn)(void *ctx, double t);  // F_profile(t) per event

// Where the deviance 2 n (F(t) - best) first exceeds z^2 on the given side of t0 (where it is
// below); `limit` bounds the search and is returned when the deviance stays below all the way.
static double bound(profile_fn fn, void *ctx, double n, double best, double t0, double step, double z, double limit) {
  double side = limit > t0 ? 1 : -1, in = t0, rin = -z, out = t0, rout = 0;
  step = fmax(step, 1e-9 * (1 + fabs(t0)));
  for (int it = 0;; it++) {
    out = t0 + side * step;
    if (side * (out - limit) >= 0) out = isinf(limit) ? limit : (in + limit) / 2;
    if (isinf(out) || it > 90) return limit;
    double dev = 2 * n * (fn(ctx, out) - best);
    rout = isnan(dev) ? 1e9 : sqrt(fmax(0, dev)) - z;
    if (rout >= 0) break;
    if (fabs(limit - out) < 1e-12 * (1 + fabs(limit))) return limit;
    in = out;
    rin = rout;
    step *= 1.5;
  }
  for (int it = 0; it < 80 && fabs(out - in) > 1e-9 * (1e-3 + fabs(out)); it++) {
    double t = in - rin * (out - in) / (rout - rin);  // regula falsi with Illinois weights
    double dev = 2 * n * (fn(ctx, t) - best), r = isnan(dev) ? 1e9 : sqrt(fmax(0, dev)) - z;
    if (fabs(r) < 1e-8) return t;
    if (r > 0) out = t, rout = r, rin /= 2;
    else in = t, rin = r, rout /= 2;
  }
  return (in + out) / 2;
}

typedef struct {
  const family *f;
  double at;  // warm start of the inner search
  const ow_suff *s;
} prof;

static double fn_single(void *c, double p) { return target(((prof *)c)->f, p, 0); }
static double fn_p(void *c, double p) { return profile_p(((prof *)c)->f, p, &((prof *)c)->at); }
static double fn_t(void *c, double t) { return profile_k(((prof *)c)->f, exp(t), &((prof *)c)->at); }
static double fn_exp(void *c, double t) { return target(((prof *)c)->f, 0, exp(t)); }

// Lognormal at fixed mu - log a = m: p = -2 k m, a line on which F stays convex; golden section
// in log k.
static double fn_mu(void *c, double m) {
  prof *q = c;
  double lo = log(q->at) - 6, hi = log(q->at) + 6, r = 0.6180339887498949;
  double a = hi - r * (hi - lo), b = lo + r * (hi - lo);
  double fa = target(q->f, -2 * exp(a) * m, exp(a)), fb = target(q->f, -2 * exp(b) * m, exp(b));
  for (int it = 0; it < 60; it++) {
    if (fa < fb) hi = b, b = a, fb = fa, a = hi - r * (hi - lo), fa = target(q->f, -2 * exp(a) * m, exp(a));
    else lo = a, a = b, fa = fb, b = lo + r * (hi - lo), fb = target(q->f, -2 * exp(b) * m, exp(b));
  }
  return fmin(fa, fb);
}

// ---- stretched exponential: y is Gompertz distributed; rate p0 is analytic at fixed shape -----

static void stretched_sums(const ow_suff *s, double b, double *mean, double *dmean) {
  double m = 0, d = 0;
  for (int64_t i = 0; i < s->n; i++) {
    double y = s->y[i], z = b * y;
    if (z < 1e-4) m += y * (1 + z / 2 + z * z / 6), d += y * y * (0.5 + z / 3 + z * z / 8);
    else {
      double q = expm1(z);
      m += q / b;
      d += (y * (q + 1) - q / b) / b;
    }
  }
  *mean = m / (double)s->n;
  *dmean = d / (double)s->n;
}
static double fn_stretched(void *c, double b) {
  const ow_suff *s = ((prof *)c)->s;
  double m, d;
  stretched_sums(s, b, &m, &d);
  return log(m) - b * s->ml + 1;
}
static double slope_stretched(double b, void *c, double *db) {
  const ow_suff *s = ((prof *)c)->s;
  double m, d, m2, d2, step = 1e-4 * (1 + b);
  stretched_sums(s, b, &m, &d);
  stretched_sums(s, b + step, &m2, &d2);
  *db = (d2 / m2 - d / m) / step;
  return d / m - s->ml;
}

static bool fit_stretched(const ow_suff *s, double z, ow_fit *f) {
  prof c = {.s = s};
  double slope, shape = 0, top = 600 / s->ylast;
  if (slope_stretched(0, &c, &slope) < 0) shape = root_increasing(slope_stretched, &c, fmin(0.3, top / 2), 0, top);
  double m, d, best = fn_stretched(&c, shape), h = 1e-3 * (0.1 + shape);
  stretched_sums(s, shape, &m, &d);
  f->d.p0 = 1 / m;
  f->d.p1 = shape;
  f->at_edge = shape == 0;
  double up = fn_stretched(&c, shape + 2 * h), mid = fn_stretched(&c, shape + h);
  double dn = shape > h ? fn_stretched(&c, shape - h) : NAN;
  double curv = (isnan(dn) ? up - 2 * mid + best : mid - 2 * best + dn) / (h * h);
  f->par[0] = shape;
  f->se[0] = 1 / sqrt(curv * (double)s->n);
  // exp(-(x/x0)^beta): rate p0/beta = (a/x0)^beta
  f->par[1] = shape > 0 ? s->a * exp(-log(f->d.p0 / shape) / shape) : 0;
  if (z > 0) {
    double st = isfinite(f->se[0]) ? z * f->se[0] : 0.1;
    f->low[0] = shape > 0 ? bound(fn_stretched, &c, (double)s->n, best, shape, st, z, 0) : 0;
    f->high[0] = bound(fn_stretched, &c, (double)s->n, best, shape, st, z, top);
  }
  return true;
}

// ---- the fit -------------------------------------------------------------------------------

static void single_fit(const family *f, const ow_suff *s, double z, ow_fit *out) {
  double p = edge_p(f), g, h, best = target(f, p, 0);
  derivs_p(f, p, 0, &g, &h);
  if (f->m == OW_POWERLAW && !f->discrete) h = 1 / ((p - 1) * (p - 1));
  out->d.p0 = out->par[0] = p;
  out->se[0] = 1 / sqrt(h * (double)s->n);
  if (z <= 0) return;
  prof c = {.f = f};
  double lim = f->m == OW_POWERLAW ? 1 : -INFINITY;
  out->low[0] = bound(fn_single, &c, (double)s->n, best, p, z * out->se[0], z, lim);
  out->high[0] = bound(fn_single, &c, (double)s->n, best, p, z * out->se[0], z, INFINITY);
}

static void exponential_fit(const family *f, const ow_suff *s, double z, ow_fit *out) {
  // Continuous: k = 1/mean. Integers: geometric with mean m = s->mu a: r = log(1 + 1/m).
  double k = f->discrete ? s->a * log1p(1 / (s->mu * s->a)) : 1 / s->mu, best = target(f, 0, k), g, h;
  derivs_k(f, 0, k, &g, &h);
  if (!f->discrete) h = 1 / (k * k);
  out->d.p1 = k;
  out->par[0] = s->a / k;
  double sk = 1 / sqrt(h * (double)s->n);
  out->se[0] = s->a / (k * k) * sk;
  if (z <= 0) return;
  prof c = {.f = f};
  out->low[0] = s->a / exp(bound(fn_exp, &c, (double)s->n, best, log(k), z * sk / k, z, INFINITY));
  out->high[0] = s->a / exp(bound(fn_exp, &c, (double)s->n, best, log(k), z * sk / k, z, -INFINITY));
}

static bool double_fit(const family *f, const ow_suff *s, double z, ow_fit *out, ow_err *e) {
  double p = edge_p(f), k = 0, n = (double)s->n;
  bool ln = f->m == OW_LOGNORMAL;
  out->at_edge = edge_slope(f, p) >= 0;
  if (!out->at_edge) {
    double start = ln ? 0.5 / fmax(s->ml2, 1e-12) : 3 / expm1(fmax(s->ylast, 1e-6));
    double p0 = p;
    k = start;
    profile_k(f, k, &p0);
    p = p0;
    if (!newton2(f, &p, &k)) return OW_FAIL(e, OW_ENUMERIC, "%s fit of %lld events did not converge", ow_model_name(f->m), (long long)s->n);
  }
  out->d.p0 = p;
  out->d.p1 = k;
  double best = target(f, p, k), g[2], h[3], sp, sk, cov;
  if (out->at_edge) {
    // One-sided: the spread of p0 is that of the power law; p1 has no two-sided error.
    double gg, hh;
    if (ln) hh = 1 / (p * p);
    else derivs_p(f, p, 0, &gg, &hh);
    sp = 1 / sqrt(hh * n);
    sk = NAN;
    cov = 0;
  } else {
    derivs(f, p, k, g, h);
    double det = h[0] * h[2] - h[1] * h[1];
    sp = sqrt(h[2] / det / n);
    sk = sqrt(h[0] / det / n);
    cov = -h[1] / det / n;
  }
  if (ln) {
    double sigma = k > 0 ? 1 / sqrt(2 * k) : INFINITY, m = k > 0 ? -p / (2 * k) : -INFINITY;
    out->par[0] = m + log(s->a);
    out->par[1] = sigma;
    out->se[1] = sk * sigma / (2 * k);
    double dk = p / (2 * k * k), dp = -1 / (2 * k);
    out->se[0] = sqrt(dp * dp * sp * sp + dk * dk * sk * sk + 2 * dp * dk * cov);
  } else {
    out->par[0] = p;
    out->se[0] = sp;
    out->par[1] = k > 0 ? s->a / k : INFINITY;
    out->se[1] = s->a / (k * k) * sk;
  }
  if (z <= 0) return true;
  prof c = {.f = f, .at = p};
  // The second parameter, in log k; down to the edge if the deviance there is small enough.
  double klo = 0, khi, edge = edge_p(f), t0 = k > 0 ? log(k) : log(1e-3 / (1 + s->mu));
  double at_zero = edge > (ln ? 0 : 1) ? 2 * n * (target(f, edge, 0) - best) : INFINITY;
  double step = k > 0 ? z * sk / k : 1;
  if (step > 3) step = 3;
  if (!out->at_edge && !(at_zero <= z * z)) klo = exp(bound(fn_t, &c, n, best, t0, step, z, -INFINITY));
  if (out->at_edge)
    for (t0 -= 5; 2 * n * (fn_t(&c, t0) - best) > z * z && t0 > -60;) t0 -= 3;
  c.at = p;
  khi = exp(bound(fn_t, &c, n, best, t0, step, z, INFINITY));
  if (ln) {
    out->low[1] = 1 / sqrt(2 * khi);
    out->high[1] = klo > 0 ? 1 / sqrt(2 * klo) : INFINITY;
    if (out->at_edge) {
      out->low[0] = -INFINITY;
      out->high[0] = NAN;
      return true;
    }
    c.at = k;
    double m = -p / (2 * k), st = z * out->se[0];
    out->high[0] = log(s->a) + bound(fn_mu, &c, n, best, m, st, z, INFINITY);
    out->low[0] = klo > 0 ? log(s->a) + bound(fn_mu, &c, n, best, m, st, z, -INFINITY) : -INFINITY;
    return true;
  }
  out->low[1] = s->a / khi;
  out->high[1] = klo > 0 ? s->a / klo : INFINITY;
  c.at = k;
  out->low[0] = bound(fn_p, &c, n, best, p, z * sp, z, -INFINITY);
  c.at = k;
  out->high[0] = bound(fn_p, &c, n, best, p, z * sp, z, INFINITY);
  return true;
}

bool ow_fit_model(ow_model m, bool discrete, const ow_suff *s, double level, ow_fit *f, ow_err *e) {
  if (s->n < 2) return OW_FAIL(e, OW_EARG, "%lld events at or above %g: expected at least 2", (long long)s->n, s->a);
  // A spread of rounding errors is none: the estimators would run away.
  if (!(s->ml > 1e-12) || !(s->ml2 >= 0)) return OW_FAIL(e, OW_EARG, "all %lld events have size %g: nothing to fit", (long long)s->n, s->a);
  if (discrete && m > OW_CUTOFF && m != OW_EXPONENTIAL) return OW_FAIL(e, OW_EARG, "no discrete version of the %s distribution", ow_model_name(m));
  double z = level > 0 ? ow_normal_quantile(0.5 + level / 2) : 0;
  *f = (ow_fit){.d = {.model = m, .discrete = discrete, .a = s->a, .b = m == OW_TRUNCATED ? s->b : INFINITY},
                .n = s->n, .npar = m == OW_CUTOFF || m == OW_LOGNORMAL || m == OW_STRETCHED ? 2 : 1};
  for (int i = 0; i < 2; i++) f->par[i] = f->se[i] = f->low[i] = f->high[i] = NAN;
  family fam = {.m = m, .discrete = discrete, .a = s->a, .b = s->b, .m0 = s->ml, .m1 = m == OW_LOGNORMAL ? s->ml2 : s->mu};
  if (m == OW_TRUNCATED && !(isfinite(s->b) && s->b > s->a))
    return OW_FAIL(e, OW_EARG, "truncated power law: largest size %g: expected a finite number above %g", s->b, s->a);
  // All events at the far end of a truncated law: the exponent runs to -infinity.
  if (m == OW_TRUNCATED && !(s->ml < log(s->b / s->a) * (1 - 1e-12)))
    return OW_FAIL(e, OW_ENUMERIC, "all %lld events have the largest size %g", (long long)s->n, s->b);
  bool ok = true;
  if (m == OW_STRETCHED) ok = fit_stretched(s, z, f);
  else if (m == OW_EXPONENTIAL) exponential_fit(&fam, s, z, f);
  else if (f->npar == 2) ok = double_fit(&fam, s, z, f, e);
  else single_fit(&fam, s, z, f);
  if (!ok || !ow_dist_init(&f->d, e)) return false;
  // Sum of log densities over x: the y-space families carry their Jacobian 1/x.
  double n = (double)s->n, per;
  if (m == OW_STRETCHED) {
    double mm, dd;
    stretched_sums(s, f->d.p1, &mm, &dd);
    per = f->d.p1 * s->ml - f->d.p0 * mm - f->d.logz - s->ml - log(s->a);
  } else {
    per = -target(&fam, f->d.p0, f->d.p1);
    if (m == OW_LOGNORMAL) per -= s->ml + log(s->a);
    else if (!discrete) per -= log(s->a);
  }
  f->loglik = n * per;
  return true;
}
