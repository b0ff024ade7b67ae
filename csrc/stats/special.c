// Incomplete gamma functions of any real order, sums of the zeta kind, and small relatives.
//
// E_p(x) = x^(p-1) Gamma(1-p, x) is the object: positive and smooth in p for every real p.
//   x >= 1.5 (or far from the series' reach): Lentz' continued fraction, DLMF 8.19.17.
//   x <  1.5: orders p in (0, 3/2] from the series around p = 1 with the pole taken out
//   analytically (Gautschi, ACM TOMS 5 (1979) 466), others by the recurrence
//   p E_{p+1} = e^-x - x E_p (DLMF 8.19.12): upward it loses a few ulps for x < 1.5,
//   downward (p <= 0) all terms are positive.
// Sums over integers: direct terms, then Euler-Maclaurin (DLMF 2.10.1) with the derivatives of
// t^-p e^(-rt) from t f^(j+1) = -[(p + r t + j) f^(j) + j r f^(j-1)].
#include "stats/special.h"

#include <float.h>

// (Gamma(1+a) - 1) / a for -1/2 <= a < 1, without cancellation: lgamma(1+a) by its zeta series.
static double gamma1pm1_over(double a) {
  static const double zeta_m1[] = {  // zeta(k) - 1, k = 2..
      0.6449340668482264365, 0.2020569031595942854, 0.0823232337111381915, 0.0369277551433699263,
      0.0173430619844491397, 0.0083492773819228268, 0.0040773561979443394, 0.0020083928260822144,
      0.0009945751278180853, 0.0004941886041194646, 0.0002460865533080483, 0.0001227133475784891,
      0.0000612481350587048, 0.0000305882363070205, 0.0000152822594086519, 0.0000076371976378998,
      0.0000038172932649998, 0.0000019082127165539, 0.0000009539620338728, 0.0000004769329867878,
      0.0000002384505027277, 0.0000001192199259653, 0.0000000596081890513, 0.0000000298035035147};
  const double euler = 0.57721566490153286061;
  // lgamma(1+a) = -log1p(a) + a (1 - euler) + sum_{k>=2} (-1)^k (zeta(k) - 1) a^k / k
  double s = 0, ak = a * a;
  for (int k = 2; k < 26; k++, ak *= -a) s += zeta_m1[k - 2] * ak / k;
  if (a > 0.5) return (tgamma(1 + a) - 1) / a;
  double lg = -log1p(a) + a * (1 - euler) + s;
  if (fabs(a) < 1e-300) return -euler;
  return expm1(lg) / a;
}

// E_p(x) e^x for 0 < x < 1.5 and 0 < p <= 3/2.
static double expint_series(double p, double x) {
  double a = 1 - p, lx = log(x);
  // Gamma(a,x) = [Gamma(1+a) - x^a]/a - x^a sum_{k>=1} (-x)^k / (k! (a+k)); times x^-a.
  double xa = exp(-a * lx);                                        // x^-a
  double head = gamma1pm1_over(a) * xa - (fabs(a) < 1e-300 ? lx : -expm1(-a * lx) / a);
  double s = 0, t = 1;
  for (int k = 1; k < 60; k++) {
    t *= -x / k;
    double d = t / (a + k);
    s += d;
    if (fabs(d) < 1e-18 * fabs(s)) break;
  }
  return (head - s) * exp(x);
}

// Continued fraction of e^x E_p(x) (modified Lentz), p + x > 0.
static double expint_fraction(double p, double x) {
  double b = x + p, c = 1e300, d = 1 / b, h = d;
  for (int i = 1; i < 20000; i++) {
    double an = -i * (p - 1 + i);
    b += 2;
    d = an * d + b;
    if (fabs(d) < 1e-290) d = 1e-290;
    d = 1 / d;
    c = b + an / c;
    if (fabs(c) < 1e-290) c = 1e-290;
    double del = c * d;
    h *= del;
    if (fabs(del - 1) < 2e-16) break;
  }
  return h;
}

double ow_log_expint_scaled(double p, double x) {
  if (!(x >= 0) || isnan(p) || isinf(p)) return NAN;
  if (isinf(x)) return -INFINITY;
  if (x == 0) return p > 1 ? -log(p - 1) : INFINITY;
  if (p > 0) {
    // Large p: the fraction converges quickly whatever x is.
    if (x >= 1.5 || p > 40) return log(expint_fraction(p, x));
    double q = p < 0.5 ? p : p - floor(p - 0.5);  // in (0, 3/2)
    double e = expint_series(q, x);
    for (; q < p - 0.25; q += 1) e = (1 - x * e) / q;
    return log(e);
  }
  if (p > -200) {
    // Down from an order in (0, 1]; by logs, since E grows like x^p p!.
    double up = p + floor(1 - p);
    double le = ow_log_expint_scaled(up, x), lx = log(x);
    for (double q = up - 1; q > p - 0.25; q -= 1) {
      // e_q = (1 - q e_{q+1}) / x, both terms positive
      double z = -q * exp(le);
      le = isinf(z) ? log(-q) + le - lx : log1p(z) - lx;
    }
    return le;
  }
  // Very negative orders (sharply rising densities): Gamma(1-p, x) is nearly complete.
  double a = 1 - p;
  double q = 1 - ow_gamma_p(a, x);
  return lgamma(a) + log(q > 0 ? q : DBL_MIN) - a * log(x) + x;
}

double ow_log_gamma_upper(double a, double x) {
  if (!(x > 0)) return NAN;
  return ow_log_expint_scaled(1 - a, x) - x + a * log(x);
}

double ow_gamma_p(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return NAN;
  if (x == 0) return 0;
  if (x < a + 1) {
    double t = 1 / a, s = t;
    for (int k = 1; k < 100000; k++) {
      t *= x / (a + k);
      s += t;
      if (t < 1e-17 * s) break;
    }
    return exp(a * log(x) - x - lgamma(a)) * s;
  }
  return 1 - exp(a * log(x) - x - lgamma(a)) * expint_fraction(1 - a, x);
}

double ow_log_expm1_ratio(double c, double L) {
  double z = c * L;
  if (fabs(z) < 1e-5) return log(L) + z / 2 + z * z / 24;
  if (z > 0) return z + log(-expm1(-z)) - log(c);
  return log(-expm1(z)) - log(-c);
}

double ow_log_expm1_ratio_d(double c, double L) {
  double z = c * L;
  if (fabs(z) < 1e-2) return L * (0.5 + z / 12 - z * z * z / 720 + z * z * z * z * z / 30240);
  return L / -expm1(-z) - 1 / c;
}

double ow_log_zeta_sum(double a, double b, double p, double r) {
  // Direct terms until Euler-Maclaurin is good: its j-th term falls like ((p/t + r) / 2 pi)^2.
  double N = fmax(a, ceil(16 + 1.5 * fabs(p))), s = 0, la = log(a);
  if (r >= 0.5) N = INFINITY;
  if (isinf(b) && r <= 0 && p <= 1) return INFINITY;
  if (N > b || b - N < 16) N = INFINITY;
  for (double k = a; k < N && k <= b; k++) {
    double t = exp(-p * (log(k) - la) - r * (k - a));
    s += t;
    if (isinf(N) && isinf(b) && (k > a - p / r || p > 0) && t < 1e-17 * s) return log(s);
  }
  if (isinf(N)) return log(s);
  static const double bern[] = {1. / 12, -1. / 720, 1. / 30240, -1. / 1209600, 1. / 47900160, -691. / 1307674368000.};
  double part[2] = {0, 0}, at[2] = {N, b};
  for (int w = 0; w < (isinf(b) ? 1 : 2); w++) {
    double t = at[w], f0 = exp(-p * (log(t) - la) - r * (t - a)), fm = 0, f = f0, corr = 0;
    for (int j = 0; j < 11; j++) {  // f becomes the (j+1)-th derivative
      double fn = -((p + r * t + j) * f + j * r * fm) / t;
      fm = f;
      f = fn;
      if (!(j & 1)) corr += bern[j / 2] * f;
    }
    part[w] = (w ? f0 / 2 + corr : f0 / 2 - corr);
  }
  double integral;
  if (isinf(b)) integral = exp(-p * (log(N) - la) - r * (N - a) + ow_log_expint_scaled(p, r * N)) * N;
  else integral = exp(-p * (log(N) - la) + ow_log_expm1_ratio(1 - p, log(b / N))) * N;
  return log(s + integral + part[0] + part[1]);
}

double ow_log_erfcx(double z) {
  if (z < 20) {
    if (z > -5) return z * z + log(erfc(z));
    return z * z + log(2 - erfc(-z));
  }
  double q = 1 / (2 * z * z);  // asymptotic series, DLMF 7.12.1
  return log1p(-q * (1 - 3 * q * (1 - 5 * q * (1 - 7 * q * (1 - 9 * q * (1 - 11 * q)))))) - log(z * 1.7724538509055160273);
}

double ow_normal_quantile(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
  // Rough start (Abramowitz & Stegun 26.2.23), then Halley steps on erfc.
  double q = p < 0.5 ? p : 1 - p, t = sqrt(-2 * log(q));
  double z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (int i = 0; i < 4; i++) {
    double e = ow_normal_cdf(-z) - q, u = e * 2.50662827463100050242 * exp(z * z / 2);
    z += u / (1 + z * u / 2);
  }
  return p < 0.5 ? -z : z;
}

double ow_beta_inc(double a, double b, double x) {
  if (!(x > 0)) return 0;
  if (x >= 1) return 1;
  double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
  if (x > (a + 1) / (a + b + 2)) return 1 - ow_beta_inc(b, a, 1 - x);
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  if (fabs(d) < 1e-290) d = 1e-290;
  d = 1 / d;
  double h = d;
  for (int m = 1; m < 5000; m++) {  // DLMF 8.17.22
    double m2 = 2 * m, aa = m * (b - m) * x / ((a + m2 - 1) * (a + m2));
    d = 1 + aa * d;
    if (fabs(d) < 1e-290) d = 1e-290;
    c = 1 + aa / c;
    if (fabs(c) < 1e-290) c = 1e-290;
    d = 1 / d;
    h *= d * c;
    aa = -(a + m) * (a + b + m) * x / ((a + m2) * (a + m2 + 1));
    d = 1 + aa * d;
    if (fabs(d) < 1e-290) d = 1e-290;
    c = 1 + aa / c;
    if (fabs(c) < 1e-290) c = 1e-290;
    d = 1 / d;
    h *= d * c;
    if (fabs(d * c - 1) < 1e-15) break;
  }
  return front * h / a;
}

double ow_student_p(double t, double dof) {
  if (isnan(t) || !(dof > 0)) return NAN;
  return ow_beta_inc(dof / 2, 0.5, dof / (dof + t * t));
}

double ow_kolmogorov_p(double d, double n) {
  double s = sqrt(n), z = d * (s + 0.12 + 0.11 / s), p = 0;
  if (z < 0.2) return 1;
  for (int k = 1; k < 100; k++) {
    double t = exp(-2.0 * k * k * z * z);
    p += k & 1 ? t : -t;
    if (t < 1e-16) break;
  }
  return fmin(1, fmax(0, 2 * p));
}
