// Exact stress sums of a periodic row of segments.
//
// For a source row with period L, Poisson summation gives, with k = 2 pi n / L,
//   sum_m dy / r^3 = sgn(dy) / L [ 2 / |dy| + 4 sum_{n>0} k K1(k |dy|) cos(k dx) ]
//   sum_m X  / r^3 =          1 / L [        4 sum_{n>0} k K0(k |dy|) sin(k dx) ]
// which converge like exp(-2 pi n |dy| / L); on the row itself (dy = 0) the second is
// [psi1(u) - psi1(1 - u)] / L^2, u = dx / L. K0, K1: power series up to 2, Temme's
// continued fraction above (J. Comput. Phys. 19, 324, 1975). Series are cut where a term
// is below 1e-18 of the scale 1/dy^2 of the leading ones.
#include "physics/depinning.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

static void bessel_small(double x, double *k0, double *k1) {
  const double euler = 0.57721566490153286061;
  double q = x * x / 4, l = log(x / 2) + euler;
  // K0 = -(ln(x/2) + g) I0 + sum q^j H_j / j!^2
  // K1 = 1/x + (x/2) sum q^j / (j! (j+1)!) [ln(x/2) + g - (H_j + H_{j+1}) / 2]
  double t0 = 1, t1 = 1, h = 0, s0 = 0, s1 = 0;
  for (int j = 0; j < 40; j++) {
    double hn = h + 1.0 / (j + 1);
    s0 += t0 * (h - l);
    s1 += t1 * (l - (h + hn) / 2);
    if (t0 < 1e-20) break;
    h = hn;
    t0 *= q / ((j + 1.0) * (j + 1.0));
    t1 *= q / ((j + 1.0) * (j + 2.0));
  }
  *k0 = s0;
  *k1 = 1 / x + x / 2 * s1;
}

static void bessel_large(double x, double *k0, double *k1) {
  double b = 2 * (1 + x), d = 1 / b, h = d, delta = d, q1 = 0, q2 = 1, a1 = 0.25, q = a1, c = a1, a = -a1;
  double s = 1 + q * delta;
  for (int i = 2; i < 20000; i++) {
    a -= 2 * (i - 1);
    c = -a * c / i;
    double qn = (q1 - b * q2) / a;
    q1 = q2;
    q2 = qn;
    q += c * qn;
    b += 2;
    d = 1 / (b + a * d);
    delta = (b * d - 1) * delta;
    h += delta;
    double ds = q * delta;
    s += ds;
    if (fabs(ds) < fabs(s) * 1e-17) break;
  }
  h *= a1;
  *k0 = sqrt(M_PI / (2 * x)) * exp(-x) / s;
  *k1 = *k0 * (x + 0.5 - h) / x;
}

static void bessel_k01(double x, double *k0, double *k1) {
  if (!(x > 0)) { *k0 = *k1 = x == 0 ? INFINITY : NAN; return; }
  if (x > 745) { *k0 = *k1 = 0; return; }
  if (x <= 2) bessel_small(x, k0, k1);
  else bessel_large(x, k0, k1);
}

double ow_bessel_k0(double x) {
  double a, b;
  bessel_k01(x, &a, &b);
  return a;
}

double ow_bessel_k1(double x) {
  double a, b;
  bessel_k01(x, &a, &b);
  return b;
}

double ow_trigamma(double x) {
  if (!(x > 0)) return NAN;
  double s = 0;
  while (x < 20) {
    s += 1 / (x * x);
    x += 1;
  }
  double y = 1 / (x * x);  // asymptotic series with Bernoulli numbers
  return s + 1 / x + y / 2 +
         y / x * (1.0 / 6 - y * (1.0 / 30 - y * (1.0 / 42 - y * (1.0 / 30 - y * (5.0 / 66 - y * (691.0 / 2730))))));
}

static int terms(double dy, double L) {
  // k K1(k d) L-scaled: exp(-2 pi n d / L) below 1e-20 with room for the prefactor
  double n = 52 * L / (2 * M_PI * dy);
  return (int)n + 2;
}

double ow_dp_row_h(double dx, double dy, double L) {
  double d = fabs(dy), s = 0;
  if (!(L > 0)) return NAN;
  if (d == 0) return 0;
  for (int n = terms(d, L); n >= 1; n--) {
    double k = 2 * M_PI * n / L;
    s += k * ow_bessel_k1(k * d) * cos(2 * M_PI * fmod(n * dx, L) / L);
  }
  return copysign((2 / d + 4 * s) / L, dy);
}

double ow_dp_row_v(double dx, double dy, double L) {
  double d = fabs(dy), s = 0;
  if (!(L > 0)) return NAN;
  if (d == 0) {
    double u = dx / L;
    u -= floor(u);
    return u == 0 ? 0 : (ow_trigamma(u) - ow_trigamma(1 - u)) / (L * L);
  }
  for (int n = terms(d, L); n >= 1; n--) {
    double k = 2 * M_PI * n / L;
    s += k * ow_bessel_k0(k * d) * sin(2 * M_PI * fmod(n * dx, L) / L);
  }
  return 4 * s / L;
}

// One row of both sums at dx = j + half/2, j = -L..L; wave: cos, then sin, of pi j / L.
static void fill_row(double *h, double *v, int L, double d, int half, const double *wave) {
  int nt = terms(d, L), period = 2 * L;
  int64_t last = L + 1;
  memset(h, 0, (size_t)(2 * L + 1) * sizeof *h);
  memset(v, 0, (size_t)(2 * L + 1) * sizeof *v);
  for (int n = nt; n >= 1; n--) {
    double k = 2 * M_PI * n / L, k0, k1;
    bessel_k01(k * d, &k0, &k1);
    k0 *= k;
    k1 *= k;
    // phase of dx = j + half/2 in units of pi / L: n (2 j + half)
    int step = (int)((2 * (int64_t)n) % period), ph = (int)(((int64_t)n * half) % period);
    for (int64_t j = 0; j < last; j++) {
      h[L + j] += k1 * wave[ph];
      v[L + j] += k0 * wave[period + ph];
      ph += step;
      if (ph >= period) ph -= period;
    }
  }
  for (int64_t j = 0; j < last; j++) {
    h[L + j] = (2 / d + 4 * h[L + j]) / L;
    v[L + j] = 4 * v[L + j] / L;
  }
  // the other half by symmetry: dx -> -dx, where -(j + 1/2) = -(j+1) + 1/2
  for (int64_t j = 1; j <= L; j++) {
    int64_t m = half ? j - 1 : j;
    h[L - j] = h[L + m];
    v[L - j] = -v[L + m];
  }
}

void ow_dp_kernel_free(ow_dp_kernel *k) {
  if (!k || __atomic_sub_fetch(&k->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
  ow_free(k->h_ii);
  ow_free(k->h_hh);
  ow_free(k->v_ii);
  ow_free(k->v_hh);
  ow_free(k->ch);
  ow_free(k->cv);
  ow_free(k->gmax);
  ow_free(k);
}

ow_dp_kernel *ow_dp_kernel_ref(ow_dp_kernel *k) {
  __atomic_add_fetch(&k->refs, 1, __ATOMIC_ACQ_REL);
  return k;
}

static void fill_cells(ow_dp_kernel *k) {
  int L = k->lx, R = k->rows;
  size_t st = k->stride;
  double sh = k->scale / k->fh, sv = k->scale / k->fv;
  // H is odd in dy: integer rows by |dy|, half rows by j with dy = j + 1/2
  #define HI(dx, dy) ((dy) < 0 ? -k->h_ii[(size_t)(-(dy)) * st + (size_t)((dx) + L)] : k->h_ii[(size_t)(dy) * st + (size_t)((dx) + L)])
  #define HH(dx, j) ((j) < 0 ? -k->h_hh[(size_t)(-(j) - 1) * st + (size_t)((dx) + L)] : k->h_hh[(size_t)(j) * st + (size_t)((dx) + L)])
  #define VI(dx, dy) (k->v_ii[(size_t)((dy) < 0 ? -(dy) : (dy)) * st + (size_t)((dx) + L)])
  #define VH(dx, j) (k->v_hh[(size_t)((j) < 0 ? -(j) - 1 : (j)) * st + (size_t)((dx) + L)])
  for (int dy = -(R - 1); dy <= R - 1; dy++) {
    double *ch = k->ch + (size_t)(dy + R - 1) * st, *cv = k->cv + (size_t)(dy + R - 1) * st;
    for (int dx = -L; dx <= L; dx++) {
      int l = dx > -L ? dx - 1 : L - 1, r = dx < L ? dx + 1 : 1 - L;  // neighbours, by the period
      ch[dx + L] = sh * (HI(dx, dy) - HI(dx, dy + 1)) + sv * (VH(l, dy) - VH(dx, dy));
      cv[dx + L] = sh * (HH(dx, dy - 1) - HH(dx, dy)) + sv * (VI(dx, dy) - VI(r, dy));
    }
  }
  int half = L / 2;
  for (int d = 0; d <= half; d++) k->gmax[d] = 0;
  for (int row = 0; row < 2 * R - 1; row++)
    for (int dx = -L; dx <= L; dx++) {
      int d = dx < 0 ? -dx : dx;
      if (d > half) d = L - d;
      double g = fmax(fabs(k->ch[(size_t)row * st + (size_t)(dx + L)]), fabs(k->cv[(size_t)row * st + (size_t)(dx + L)]));
      if (g > k->gmax[d]) k->gmax[d] = g;
    }
  for (int d = half - 1; d >= 0; d--)
    if (k->gmax[d + 1] > k->gmax[d]) k->gmax[d] = k->gmax[d + 1];
}

ow_dp_kernel *ow_dp_kernel_new(int lx, int rows, double fh, double fv, double scale, ow_err *e) {
  ow_dp_kernel *k = ow_alloc_zero(sizeof *k, e);
  if (!k) return NULL;
  k->refs = 1;
  k->lx = lx;
  k->rows = rows;
  k->fh = fh;
  k->fv = fv;
  k->scale = scale;
  k->stride = ((size_t)2 * (size_t)lx + 1 + 7) & ~(size_t)7;
  size_t n = (size_t)(rows + 1) * k->stride, m = (size_t)(2 * rows - 1) * k->stride;
  double *wave = ow_alloc_array((size_t)4 * (size_t)lx, sizeof *wave, e);
  if (!wave || !(k->h_ii = ow_alloc_array(n, sizeof(double), e)) || !(k->h_hh = ow_alloc_array(n, sizeof(double), e)) ||
      !(k->v_ii = ow_alloc_array(n, sizeof(double), e)) || !(k->v_hh = ow_alloc_array(n, sizeof(double), e)) ||
      !(k->ch = ow_alloc_array(m, sizeof(double), e)) || !(k->cv = ow_alloc_array(m, sizeof(double), e)) ||
      !(k->gmax = ow_alloc_array((size_t)lx / 2 + 1, sizeof(double), e))) {
    ow_free(wave);
    ow_dp_kernel_free(k);
    return NULL;
  }
  for (int j = 0; j < 2 * lx; j++) {
    wave[j] = cos(M_PI * j / lx);
    wave[2 * lx + j] = sin(M_PI * j / lx);
  }
  // one task a row: the same sums whatever the number of threads
  #pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads())
  for (int r = 0; r < 2 * (rows + 1); r++) {
    if (ow_interrupted()) continue;
    int j = r / 2, half = r & 1;
    size_t at = (size_t)j * k->stride;
    if (half) fill_row(k->h_hh + at, k->v_hh + at, lx, j + 0.5, 1, wave);
    else if (j > 0) fill_row(k->h_ii + at, k->v_ii + at, lx, j, 0, wave);
    else
      for (int dx = -lx; dx <= lx; dx++) {
        k->h_ii[dx + lx] = 0;
        k->v_ii[dx + lx] = ow_dp_row_v(dx, 0, lx);
      }
  }
  ow_free(wave);
  if (ow_interrupted()) {
    ow_dp_kernel_free(k);
    OW_FAIL(e, OW_EINTR, "interrupted");
    return NULL;
  }
  fill_cells(k);
  return k;
}
