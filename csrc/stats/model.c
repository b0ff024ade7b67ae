// Densities, distribution functions and samplers of the size distributions (see model.h).
//
// Invariant: every normalisation is taken over x/a with the density's value at a set to 1, so
// that nothing over- or underflows whatever the unit of x.
// Sources: Clauset, Shalizi, Newman, SIAM Rev. 51 (2009) 661, table 2.1; exponents at and
// below 1 by the expm1 form and E_p of any order (special.c).
#include "stats/model.h"

#include <string.h>

#include "base/alloc.h"
#include "stats/special.h"

static const char *const names[OW_NMODEL] = {"powerlaw", "truncated", "cutoff", "lognormal", "stretched", "exponential"};

const char *ow_model_name(ow_model m) { return names[m]; }

bool ow_model_from_name(const char *name, ow_model *m) {
  for (int i = 0; i < OW_NMODEL; i++)
    if (!strcmp(name, names[i])) {
      *m = (ow_model)i;
      return true;
    }
  return false;
}

// log int_0^inf exp(-h1 y - h2 y^2) dy
static double lognormal_logz(double h1, double h2) {
  if (h2 == 0) return h1 > 0 ? -log(h1) : INFINITY;
  double r = sqrt(h2), z = h1 / (2 * r);
  return ow_log_erfcx(z) + log(0.88622692545275801365 / r);
}

bool ow_dist_init(ow_dist *d, ow_err *e) {
  if (!(d->a > 0) || isinf(d->a)) return OW_FAIL(e, OW_EARG, "smallest size %g: expected a finite number above 0", d->a);
  if (d->model != OW_TRUNCATED) d->b = INFINITY;
  if (d->model == OW_TRUNCATED && !(d->b > d->a && !isinf(d->b)))
    return OW_FAIL(e, OW_EARG, "largest size %g: expected a finite number above the smallest size %g", d->b, d->a);
  if (d->discrete && d->model > OW_CUTOFF && d->model != OW_EXPONENTIAL)
    return OW_FAIL(e, OW_EARG, "no discrete version of the %s distribution", names[d->model]);
  if (d->discrete && (d->a != floor(d->a) || (!isinf(d->b) && d->b != floor(d->b))))
    return OW_FAIL(e, OW_EARG, "discrete sizes: expected integer bounds, got %g and %g", d->a, d->b);
  double p = d->p0, k = d->p1;
  if (d->model == OW_POWERLAW || d->model == OW_TRUNCATED) k = d->p1 = 0;
  if (d->model == OW_EXPONENTIAL) p = d->p0 = 0;
  switch (d->model) {
    case OW_TRUNCATED:
      d->logz = d->discrete ? ow_log_zeta_sum(d->a, d->b, p, 0) : ow_log_expm1_ratio(1 - p, log(d->b / d->a));
      break;
    case OW_LOGNORMAL: d->logz = lognormal_logz(p, k); break;
    case OW_STRETCHED: d->logz = p > 0 && k >= 0 ? -log(p) : NAN; break;
    default: d->logz = d->discrete ? ow_log_zeta_sum(d->a, INFINITY, p, k / d->a) : ow_log_expint_scaled(p, k);
  }
  if (!(k >= 0) || !isfinite(d->logz))
    return OW_FAIL(e, OW_EARG, "%s distribution: parameters %g, %g give nothing that can be normalised above %g",
                   names[d->model], d->p0, d->p1, d->a);
  return true;
}

static double expm1_over(double b, double y) { return fabs(b * y) < 1e-8 ? y * (1 + b * y / 2) : expm1(b * y) / b; }

double ow_dist_logpdf(const ow_dist *d, double x) {
  if (!(x >= d->a && x <= d->b)) return -INFINITY;
  double y = log(x / d->a);
  switch (d->model) {
    case OW_LOGNORMAL: return -(d->p0 + d->p1 * y) * y - d->logz - log(x);
    case OW_STRETCHED: return d->p1 * y - d->p0 * expm1_over(d->p1, y) - d->logz - log(x);
    default: return -d->p0 * y - d->p1 * (x / d->a - 1) - d->logz - (d->discrete ? 0 : log(d->a));
  }
}

// log P(X >= x) for integers x > a
static double discrete_log_tail(const ow_dist *d, double x) {
  return ow_log_zeta_sum(x, d->b, d->p0, d->p1 / d->a) - d->p0 * log(x / d->a) - d->p1 * (x / d->a - 1) - d->logz;
}

double ow_dist_cdf(const ow_dist *d, double x) {
  if (!(x >= d->a)) return isnan(x) ? NAN : 0;
  if (x >= d->b || isinf(x)) return 1;
  if (d->discrete) {
    x = floor(x) + 1;
    return x > d->b ? 1 : -expm1(discrete_log_tail(d, x));
  }
  double u = x / d->a, y = log(u);
  switch (d->model) {
    case OW_POWERLAW: return -expm1(-(d->p0 - 1) * y);
    case OW_TRUNCATED: return y <= 0 ? 0 : exp(ow_log_expm1_ratio(1 - d->p0, y) - d->logz);
    case OW_CUTOFF:
      return -expm1(ow_log_expint_scaled(d->p0, d->p1 * u) - d->p1 * (u - 1) + (1 - d->p0) * y - d->logz);
    case OW_LOGNORMAL:
      return -expm1(lognormal_logz(d->p0 + 2 * d->p1 * y, d->p1) - (d->p0 + d->p1 * y) * y - d->logz);
    case OW_STRETCHED: return -expm1(-d->p0 * expm1_over(d->p1, y));
    default: return -expm1(-d->p1 * (u - 1));
  }
}

// ---- samplers ------------------------------------------------------------------------------

enum { TABLE = 4096 };

bool ow_sampler_init(ow_sampler *s, const ow_dist *d, ow_err *e) {
  *s = (ow_sampler){.d = *d};
  if (!d->discrete) return true;
  s->ntail = isinf(d->b) || d->b - d->a > TABLE ? TABLE : (int64_t)(d->b - d->a) + 1;
  s->tail = ow_alloc_array((size_t)s->ntail, sizeof(double), e);
  if (!s->tail) return false;
  // From the far end down, so that the small tail probabilities keep their digits.
  double x = d->a + (double)s->ntail;
  double t = x > d->b ? 0 : exp(discrete_log_tail(d, x));
  for (int64_t j = s->ntail - 1; j >= 0; j--) {
    s->tail[j] = t;
    t += exp(ow_dist_logpdf(d, d->a + (double)j));
  }
  return true;
}

void ow_sampler_free(ow_sampler *s) {
  ow_free(s->tail);
  s->tail = NULL;
}

// x >= 1 with density ~ x^-p on [1, e^L] (L may be infinite, then p > 1), from a uniform u in [0,1).
static double powerlaw_draw(double p, double L, double u) {
  double c = 1 - p;
  if (isinf(L)) return exp(log1p(-u) / c);
  if (fabs(c * L) < 1e-8) return exp(u * L);
  return exp(fmin(L, log1p(u * expm1(c * L)) / c));
}

// p <= 0: y = log u has the log-concave density exp((1-p) y - k expm1(y)) / Z on y >= 0. With the
// mode m and M the density there, M min(1, e^(1 - M |y - m|)) lies above it (Devroye 1984): one draw
// in four is kept, whatever the parameters.
static double rising_draw(double p, double k, double logz, ow_rng *g) {
  double m = fmax(0, log((1 - p) / k)), lm = (1 - p) * m - k * expm1(m) - logz, M = exp(lm);
  for (;;) {
    uint64_t bits = ow_rng_u64(g);
    double u = ow_rng_uniform(g), v = ow_rng_uniform(g), t = bits & 1 ? u : 1 - log1p(-u);
    double y = m + (bits & 2 ? t : -t) / M;
    if (y < 0) continue;
    if (log(v) + lm + fmin(0, 1 - t) <= (1 - p) * y - k * expm1(y) - logz) return exp(y);
  }
}

// p > 0: rejection for u^-p exp(-k (u - 1)), u >= 1: a power law up to the knee 1/k, an exponential
// behind it. Each piece's envelope touches the density at its left end.
static double cutoff_draw(double p, double k, double logz, ow_rng *g) {
  if (k == 0) return powerlaw_draw(p, INFINITY, ow_rng_uniform(g));
  if (p <= 0) return rising_draw(p, k, logz, g);
  double knee = fmax(1, 1 / k), L = log(knee);
  double w0 = L > 0 ? exp(ow_log_expm1_ratio(1 - p, L)) : 0, w1 = exp(-p * L - k * (knee - 1)) / k;
  for (;;) {
    double pick = ow_rng_uniform(g) * (w0 + w1), u = ow_rng_uniform(g), v = ow_rng_uniform(g);
    if (pick < w0) {
      double x = powerlaw_draw(p, L, u);
      if (v < exp(-k * (x - 1))) return x;
    } else {
      double x = knee - log1p(-u) / k;
      if (v < exp(-p * log(x / knee))) return x;
    }
  }
}

// y >= 0 with density ~ exp(-h1 y - h2 y^2): a normal tail (Robert 1995) or a plain normal.
static double lognormal_draw(double h1, double h2, ow_rng *g) {
  if (h2 == 0) return -log1p(-ow_rng_uniform(g)) / h1;
  double sd = 1 / sqrt(2 * h2), z0 = h1 * sd;  // y = sd (z - z0), z standard normal above z0
  if (z0 < 0.5)
    for (;;) {
      double z = ow_rng_normal(g);
      if (z > z0) return sd * (z - z0);
    }
  double rate = (z0 + sqrt(z0 * z0 + 4)) / 2;
  for (;;) {
    double t = -log1p(-ow_rng_uniform(g)) / rate, z = z0 + t;
    if (ow_rng_uniform(g) < exp(-0.5 * (z - rate) * (z - rate))) return sd * t;
  }
}

static double discrete_draw(const ow_sampler *s, double u) {
  // Smallest x with P(X > x) <= 1 - u.
  const ow_dist *d = &s->d;
  double t = 1 - u;
  if (s->tail[s->ntail - 1] <= t) {
    int64_t lo = 0, hi = s->ntail - 1;
    while (lo < hi) {
      int64_t m = (lo + hi) / 2;
      if (s->tail[m] <= t) hi = m;
      else lo = m + 1;
    }
    return d->a + (double)lo;
  }
  double lt = log(t), lo = d->a + (double)s->ntail, hi = 2 * lo;
  while (hi < fmin(d->b, 0x1p52) && discrete_log_tail(d, hi + 1) > lt) lo = hi, hi *= 2;
  hi = fmin(hi, d->b);
  while (lo < hi) {
    double m = floor((lo + hi) / 2);
    if (m >= d->b || discrete_log_tail(d, m + 1) <= lt) hi = m;
    else lo = m + 1;
  }
  return lo;
}

double ow_sampler_draw(const ow_sampler *s, ow_rng *g) {
  const ow_dist *d = &s->d;
  if (d->discrete) return discrete_draw(s, ow_rng_uniform(g));
  switch (d->model) {
    case OW_POWERLAW: return d->a * powerlaw_draw(d->p0, INFINITY, ow_rng_uniform(g));
    case OW_TRUNCATED: return fmin(d->b, d->a * powerlaw_draw(d->p0, log(d->b / d->a), ow_rng_uniform(g)));
    case OW_CUTOFF: return d->a * cutoff_draw(d->p0, d->p1, d->logz, g);
    case OW_LOGNORMAL: return d->a * exp(lognormal_draw(d->p0, d->p1, g));
    case OW_STRETCHED: {
      double q = -log1p(-ow_rng_uniform(g)) / d->p0;  // expm1(p1 y) / p1 = q
      return d->a * exp(d->p1 * q < 1e-8 ? q : log1p(d->p1 * q) / d->p1);
    }
    default: return d->a * (1 - log1p(-ow_rng_uniform(g)) / d->p1);
  }
}
