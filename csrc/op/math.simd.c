// Transcendental functions, LANES doubles at a time. Each has a core for the ordinary range,
// without branches, and a mask of lanes outside it (huge trigonometric arguments,
// log of 0, pow of subnormals...), which go through the C library one by one. A lane's
// result depends on its argument alone, never on its place.
//
// The error functions alone have tables: series there need twice the operations.
//
// Errors (measured by ow_op_ulp, checked in backend_spec): f64 at most 2 ulp, pow too; f32
// computes in f64 with short polynomials and is within 1 ulp. Where there is FMA, the f32
// functions but pow are those of math32.simd.c.
//
// Sources: range reductions after Cody and Waite (1980); logarithm through s = f/(2+f) after
// K. C. Ng (FreeBSD msun); double-length sums after Dekker (1971) and Knuth; the polynomials
// are our own (spec/fixtures/vmath_coefficients.py).
#include <float.h>
#include <math.h>

#include "op/op.h"
#include "op/vmath.h"
#include "op/vmath_coef.h"
#include "op/vmath_erf.h"

// ---- exponentials --------------------------------------------------------------------------

// x clamped to [lo, hi]; NaN stays.
VFN vd clamp(vd x, double lo, double hi) {
  x = vsel(vlt(x, vset(lo)), vset(lo), x);
  return vsel(vlt(vset(hi), x), vset(hi), x);
}

// x = n ln2 + r; returns e^r - 1 for |r| < 0.35, n and its integer t. xl: a small addition to x.
VFN vd exp_parts(vd x, vd xl, vd *n, vi *t) {
  vd m = vfma(x, vset(LOG2E), vset(MAGIC));
  *n = m - MAGIC;
  *t = vint(m);
  vd r = vfma(-*n, vset(LN2_HI), x);
  r = r - (*n * LN2_LO - xl);
  return vfma(r * r, VPOLY(r, EXP_C), r);
}

VFN vd exp_sum(vd x, vd xl) {
  vd n, em;
  vi t;
  em = exp_parts(x, xl, &n, &t);
  return vscale(1.0 + em, n, t);
}

VFN vd core_exp(vd x, vm *odd) {
  (void)odd;
  return exp_sum(clamp(x, -746, 710), vset(0));
}

VFN vd core_exp2(vd x, vm *odd) {
  (void)odd;
  x = clamp(x, -1080, 1025);
  vd m = x + MAGIC, n = m - MAGIC, r = x - n, lo;
  vd h = vprod(r, vset(LN2_D), &lo);
  lo = vfma(r, vset(LN2_D2), lo);
  return vscale(1.0 + (h + vfma(h * h, VPOLY(h, EXP_C), lo)), n, vint(m));
}

// (e^x - 1) / 2 = u + v with v below an ulp or two of u: for n binary orders
// 2^(n-1) (r + q) + (2^(n-1) - 1/2), the largest two terms summed exactly. n may be 1024.
VFN vd half_expm1(vd x, vd *v) {
  vd c = clamp(x, -50, 710), m = vfma(c, vset(LOG2E), vset(MAGIC)), n = m - MAGIC;
  vd a = vfma(-n, vset(LN2_HI), c), w = n * LN2_LO, r = a - w, rl = (a - r) - w;
  vd s = (vd)((vint(m) + 1022) << 52), q = vfma(r * r, VPOLY(r, EXP_C), rl);
  vd t = s - 0.5, sr = s * r, u = t + sr;
  vd low = vfma(s, q, (t - u) + sr), h = u + low;
  *v = (u - h) + low;
  return h;
}
VFN vd core_expm1(vd x, vm *odd) {
  (void)odd;
  vd v, u = half_expm1(x, &v);
  return vsel(vlt(vabs(x), vset(0x1p-54)), x, 2.0 * (u + v));
}

// (a + al) / (b + bl) as the value returned + *lo.
VFN vd div_long(vd a, vd al, vd b, vd bl, vd *lo) {
  vd inv = 1.0 / b, q = a * inv;
  *lo = (vresidual(q, b, a) + vfma(-q, bl, al)) * inv;
  return q;
}
// a + b = the value returned + *lo, exactly.
VFN vd sum_long(vd a, vd b, vd *lo) {
  vd s = a + b, t = s - a;
  *lo = (a - (s - t)) + (b - t);
  return s;
}

VFN vd core_cosh(vd x, vm *odd) {
  (void)odd;
  vd n, a = clamp(vabs(x), 0, 712);
  vi t;
  vd em = exp_parts(a, vset(0), &n, &t), h = vscale(1.0 + em, n - 1.0, t - 1);
  return h + 0.25 / h;
}

// With E = e^a - 1 = 2 (u + v): sinh = (E + E / (E + 1)) / 2, tanh = E / (E + 2) at 2a.
VFN vd core_sinh(vd x, vm *odd) {
  vd a = vabs(x), v, u = half_expm1(a, &v), q = u / vfma(vset(2), u, vset(1));
  *odd = vlt(vset(709), a);
  return vsel(vlt(a, vset(0x1p-27)), x, vxor(u + (q + v), vsign(x)));
}

VFN vd core_tanh(vd x, vm *odd) {
  (void)odd;
  vd a = clamp(vabs(x), 0, 22), v, u = half_expm1(2.0 * a, &v), wl, ql;
  vd w = sum_long(u, vset(1), &wl), q = div_long(u, v, w, wl + v, &ql);
  return vsel(vlt(a, vset(0x1p-27)), x, vxor(q + ql, vsign(x)));
}

// ---- logarithms ----------------------------------------------------------------------------

// x > 0 normal: x = 2^k m, low <= m < 2 low, given the bits of low < 1.
VFN vd split_from(vd x, int64_t low, vi *k) {
  vi u = vbits(x) - low;
  *k = (vi)((vu)(u + ((int64_t)1024 << 52)) >> 52) - 1024;
  return (vd)(vbits(x) - (*k << 52));
}
#define SQRT_HALF 0x3fe6a09e667f3bcd
VFN vd split_exponent(vd x, vi *k) { return split_from(x, SQRT_HALF, k); }

VFN vm not_positive_normal(vd x) { return vnot(vle(vset(DBL_MIN), x)) | vnot(vle(x, vset(DBL_MAX))); }

// log(1 + f) = f - (h - tail), h = f^2/2.
VFN vd log_tail(vd f, vd h) {
  vd s = f / (2.0 + f), z = s * s;
  return s * (h + z * VPOLY(z, LOG_C));
}

VFN vd log_of(vd f, vd k) {
  vd h = 0.5 * f * f;
  vd t = vfma(k, vset(LN2_LO), log_tail(f, h));
  return vfma(k, vset(LN2_HI), -((h - t) - f));
}

VFN vd core_log(vd x, vm *odd) {
  vi k;
  *odd = not_positive_normal(x);
  vd m = split_exponent(x, &k);
  return log_of(m - 1.0, vfromint(k));
}

// The part of x that 1 + x rounds away is added to f again.
VFN vd core_log1p(vd x, vm *odd) {
  vi k;
  vd u = 1.0 + x, b = u - 1.0, lost = (1.0 - (u - b)) + (x - b);
  *odd = vnot(vlt(vset(-1), x)) | vnot(vle(x, vset(0x1p1000)));
  vd m = split_exponent(u, &k);
  vd f = (m - 1.0) + lost * (vd)((1023 - k) << 52);
  return vsel(vlt(vabs(x), vset(0x1p-54)), x, log_of(f, vfromint(k)));
}

// k * unit + log(m) * scale with scale in two pieces; hi has 21 bits, so hi * scale_hi is exact.
VFN vd log_base(vd x, double scale_hi, double scale_lo, double unit_hi, double unit_lo, vm *odd) {
  vi ki;
  *odd = not_positive_normal(x);
  vd f = split_exponent(x, &ki) - 1.0, k = vfromint(ki), h = 0.5 * f * f;
  vd hi = (vd)(vbits(f - h) & (int64_t)0xffffffff00000000);
  vd lo = ((f - hi) - h) + log_tail(f, h);
  vd y = k * unit_hi, v = hi * scale_hi, w = y + v;
  vd low = vfma(lo + hi, vset(scale_lo), lo * scale_hi) + k * unit_lo;
  return w + (low + ((y - w) + v));
}
VFN vd core_log2(vd x, vm *odd) { return log_base(x, LOG2E_HI, LOG2E_LO, 1, 0, odd); }
VFN vd core_log10(vd x, vm *odd) { return log_base(x, LOG10E_HI, LOG10E_LO, LOG10_2_HI, LOG10_2_LO, odd); }

// ---- trigonometry --------------------------------------------------------------------------

// x - n P as h + lo, P in three pieces of which n P1 and n P2 are exact (|n| < 2^21); lo holds
// n P3 and may be 2^-48.
VFN vd reduce_far(vd x, vd n, double p1, double p2, double p3, vd *lo) {
  vd a = vfma(-n, vset(p1), x), h = vfma(-n, vset(p2), a);
  vd lost = vfma(-n, vset(p2), a - h);  // exact but where |a| < |n P2| < 2^-11, and then below half an ulp of h
  *lo = vfma(-n, vset(p3), lost);
  return h;
}
// The same with lo below half an ulp of h.
VFN vd reduce(vd x, vd n, double p1, double p2, double p3, vd *lo) {
  vd low, h = reduce_far(x, n, p1, p2, p3, &low), r = h + low;
  *lo = (h - r) + low;
  return r;
}

// Out of range, or so near a zero that three pieces are not enough.
VFN vm trig_odd(vd x, vd h, double limit) {
  vd a = vabs(x);
  return vnot(vle(a, vset(limit))) | vlt(vabs(h), a * 0x1p-32);
}

// sin(h + lo) for |h| <= pi/2, with the rounding of h^3 carried along. The parabola stands
// for cos(h), which only weighs lo.
VFN vd sin_of(vd h, vd lo) {
  vd z = h * h, cl, c = vprod(h, z, &cl), p = VPOLY(z, SIN_C);
  vd low = vfma(cl, p, lo * vfma(z, vset(-0.405284735), vset(1)));
#ifdef OW_NO_FMA  // one rounding more: pay with that of h^2 (-0.15 is the slope of z P(z))
  vd zl;
  vprod(h, h, &zl);
  low = low - h * zl * 0.15;
#endif
  return h + vfma(c, p, low);
}

VFN vd core_sin(vd x, vm *odd) {
  vd m = vfma(x, vset(INV_PI), vset(MAGIC)), n = m - MAGIC, lo;
  vd h = reduce(x, n, PI_1, PI_2, PI_3, &lo);
  *odd = trig_odd(x, h, 0x1p20);
  vd r = vxor(sin_of(h, lo), (vd)(vbits(m) << 63));
  return vsel(vlt(vabs(x), vset(0x1p-27)), x, r);
}

VFN vd core_cos(vd x, vm *odd) {  // -+ sin(x - (n + 1/2) pi)
  vd m = vfma(x, vset(INV_PI), vset(-0.5)) + MAGIC, n = (m - MAGIC) + 0.5, lo;
  vd h = reduce(x, n, PI_1, PI_2, PI_3, &lo);
  *odd = trig_odd(x, h, 0x1p20);
  return vxor(sin_of(h, lo), (vd)(~vbits(m) << 63));
}

// t = tan(h + lo), |h| <= pi/4; for odd multiples of pi/2 its -1/t, in double length.
VFN vd core_tan(vd x, vm *odd) {
  vd m = vfma(x, vset(INV_PIO2), vset(MAGIC)), n = m - MAGIC, lo;
  vd h = reduce_far(x, n, PIO2_1, PIO2_2, PIO2_3, &lo);
  *odd = trig_odd(x, h, 0x1p20);
  vd z = h * h, slope = vfma(z, vfma(z, vfma(z, vset(0.74551518), vset(0.5169762)), vset(1.01655979)), vset(1));  // 1 + tan^2, to 0.001
  vd tl = vfma(h * z, VPOLY4(z, TAN_C), lo * slope), t = h + tl;
  tl = (h - t) + tl;
  vd q = -1.0 / t;
  q = vfma(q, vfma(q, tl, vresidual(-q, t, vset(1))), q);
  return vsel(vlt(vabs(x), vset(0x1p-27)), x, vsel(vodd(vbits(m)), q, t));
}

// ---- inverse trigonometry ------------------------------------------------------------------

// asin(a) = s + s z P(z) for a <= 1/2; above, pi/2 - 2 asin(s), s + sl = sqrt(z), z = (1 - a)/2.
VFN vm asin_parts(vd a, vd *s, vd *rest, vd *sl) {
  vm small = vle(a, vset(0.5));
  vd half = 0.5 - 0.5 * a, root = vsqrt(half), z = vsel(small, a * a, half), e, p = vprod(root, root, &e);
  *s = vsel(small, a, root);
  *rest = *s * z * VPOLY2(z, ASIN_C);
  *sl = ((half - p) - e) * (0.5 / vsel(vlt(vset(0), root), root, vset(1)));
  return small;
}
// hi + lo - (s + rest)
VFN vd less(vd hi, vd lo, vd s, vd rest) {
  vd d = hi - s;
  return d + (((hi - d) - s) + (lo - rest));
}

VFN vd core_asin(vd x, vm *odd) {
  (void)odd;
  vd a = vabs(x), s, rest, sl;
  vm small = asin_parts(a, &s, &rest, &sl);
  vd big = less(vset(PIO2_D), vset(PIO2_D2), s + s, 2.0 * (rest + sl));
  return vxor(vsel(small, s + rest, big), vsign(x));
}
VFN vd core_acos(vd x, vm *odd) {
  (void)odd;
  vd a = vabs(x), s, rest, sl, sign = vsign(x);
  vm small = asin_parts(a, &s, &rest, &sl), negative = vlt(x, vset(0));
  vd near = less(vset(PIO2_D), vset(PIO2_D2), vxor(s, sign), vxor(rest, sign));
  vd p = 2.0 * (s + (rest + sl)), far = less(vset(2 * PIO2_D), vset(2 * PIO2_D2), s + s, 2.0 * (rest + sl));
  return vsel(small, near, vsel(negative, far, p));
}

// atan, atan2, asinh, acosh, atanh, hypot, cbrt
#include "op/vmath_inverse.h"

// ---- error function ------------------------------------------------------------------------

// Taylor's series about the nearest multiple r of 1/64, |d| <= 1/128, with its value and slope
// from a table: the columns of table[k], k = 64 r.
VFN vd columns(const double (*table)[2], vi k, vd *second) {
  vd a, b;
  for (int l = 0; l < LANES; l++) a[l] = table[k[l]][0], b[l] = table[k[l]][1];
  *second = b;
  return a;
}
VFN vd nearest_64th(vd a, vi *k) {
  vd m = a + MAGIC / 64;
  *k = vbits(m) - vbits(vset(MAGIC / 64));
  return m - MAGIC / 64;
}

VFN vd core_erf(vd x, vm *odd) {
  (void)odd;
  vi k;
  vd a = vabs(x), b = vsel(vlt(a, vset(6)), a, vset(6)), r = nearest_64th(b, &k), d = b - r, u = r * d, v = d * d;
  vd slope, e = columns(ERF_TABLE, k, &slope), c = vfma(v, vset(GAUSS_D[0]), vfma(u, vset(GAUSS_C[1]), vset(GAUSS_C[0])));
  vd w = vfma(v, vfma(v, c, vpoly(u, GAUSS_B, 4)), u * vpoly(u, GAUSS_A, 6));
  return vsel(veq(x, x), vxor(e + vfma(d, slope, d * slope * w), vsign(x)), x);
}

// Through long double: glibc's erfc errs by 2.6 ulp out there.
static __attribute__((noinline)) vd erfc_far(vd x, vd r, vm far) {
  for (int k = 0; k < LANES; k++)
    if (vlane(far, k)) r[k] = (double)erfcl((long double)x[k]);
  return r;
}
VFN vd core_erfc(vd x, vm *odd) {
  (void)odd;
  vi k;
  vd a = vabs(x), b = vsel(vlt(a, vset(14)), a, vset(14)), r = nearest_64th(b, &k), d = b - r, u = r * d, v = d * d;
  vd slope, e = columns(ERFC_TABLE, k, &slope), c = vfma(v, VPOLY(u, GAUSS_D), VPOLY(u, GAUSS_C));
  vd w = vfma(v, vfma(v, c, VPOLY(u, GAUSS_B)), u * VPOLY(u, GAUSS_A));
  vd tail = e - vfma(d, slope, d * slope * w);
  vm far = vlt(vset(14), x) & vlt(x, vset(28));
  tail = vsel(vlt(x, vset(28)), vsel(vlt(x, vset(0)), 2.0 - tail, tail), vset(0));
  if (__builtin_expect(vany(far), 0)) tail = erfc_far(x, tail, far);
  return vsel(veq(x, x), tail, x);
}

// ---- power ---------------------------------------------------------------------------------

// log(x) as hi + lo with about 2^-66 relative error: s = f/(2+f), z = s^2 and the first two
// terms of the series in double length.
VFN vd log_long(vd x, vd *lo) {
  vi ki;
  vd m = split_exponent(x, &ki), k = vfromint(ki), f = m - 1.0, d = m + 1.0, dl = m - (d - 1.0);
  vd inv = 1.0 / d, s = f * inv, e, sd = vprod(s, d, &e);
  vd sl = (((f - sd) - e) - s * dl) * inv;
  vd zl, z = vprod(s, s, &zl);
  zl = vfma(2.0 * s, sl, zl);
  vd c = z * VPOLY(z, POW_C), a = TWO_THIRDS + c, al = ((TWO_THIRDS - a) + c) + TWO_THIRDS_LO;
  vd bl, b = vprod(z, a, &bl);
  bl = bl + vfma(z, al, zl * a);
  vd t = 2.0 + b, tl = ((2.0 - t) + b) + bl;
  vd ll, l = vprod(s, t, &ll);
  ll = ll + vfma(s, tl, sl * t);
  vd kh = k * LN2_HI, h = kh + l;
  *lo = ((kh - h) + l) + vfma(k, vset(LN2_LO), ll);
  return h;
}

VFN vd core_pow(vd x, vd y, vm *odd) {
  vd a = vabs(x), ay = vabs(y), lo, pl;
  vm negative = vlt(x, vset(0));
  *odd = not_positive_normal(a) | vnot(vle(ay, vset(0x1p900))) | (negative & vle(vset(0x1p51), ay));
  vd h = log_long(a, &lo), p = vprod(y, h, &pl);
  pl = vfma(y, lo, pl);
  vm far = vlt(vset(800), vabs(p));
  vd r = exp_sum(clamp(p, -800, 800), vsel(far, vset(0), pl));
  if (vany(negative)) {  // whole exponents keep or flip the sign, others have no real power
    vd n = vrint(y), half = 0.5 * n;
    vm whole = veq(n, y), flips = vnot(veq(vrint(half), half));
    r = vsel(negative & flips, -r, r);
    r = vsel(negative & vnot(whole), vset(NAN), r);
  }
  return r;
}

// ---- single precision: doubles with short polynomials --------------------------------------

VFN vd short_exp_parts(vd x, vi *t) {
  vd m = vfma(x, vset(LOG2E), vset(MAGIC)), n = m - MAGIC;
  *t = vint(m);
  vd r = vfma(-n, vset(LN2_D), x);
  return vfma(r * r, VPOLY(r, EXP_SHORT), r);
}
VFN vd pow2(vi t) { return (vd)((t + 1023) << 52); }
VFN vd short_exp(vd x, vm *odd) {
  vi t;
  (void)odd;
  vd em = short_exp_parts(clamp(x, -110, 90), &t);
  return vfma(pow2(t), em, pow2(t));
}
#ifdef OW_NO_FMA  // elsewhere: math32.simd.c
VFN vd short_exp2(vd x, vm *odd) { return short_exp(x * LN2_D, odd); }
VFN vd short_expm1_any(vd x) {
  vi t;
  vd c = clamp(x, -50, 180), em = short_exp_parts(c, &t), s = pow2(t);
  return vsel(vlt(vabs(x), vset(0x1p-30)), x, vfma(s, em, s - 1.0));
}
VFN vd short_expm1(vd x, vm *odd) {
  (void)odd;
  return short_expm1_any(x);
}
VFN vd short_cosh(vd x, vm *odd) {
  vd h = 0.5 * short_exp(vabs(x), odd);
  return h + 0.25 / h;
}
VFN vd short_sinh(vd x, vm *odd) {
  (void)odd;
  vd E = short_expm1_any(vabs(x));
  return vxor(0.5 * (E + E / (E + 1.0)), vsign(x));
}
VFN vd short_tanh(vd x, vm *odd) {
  (void)odd;
  vd E = short_expm1_any(2.0 * clamp(vabs(x), 0, 22));
  return vxor(E / (E + 2.0), vsign(x));
}
VFN vd short_log_of(vd f, vd k) {
  vd s = f / (2.0 + f), z = s * s;
  return vfma(k, vset(LN2_D), vfma(s * z, VPOLY(z, LOG_SHORT), 2.0 * s));
}
VFN vd short_log(vd x, vm *odd) {
  vi k;
  *odd = not_positive_normal(x);
  vd m = split_exponent(x, &k);
  return short_log_of(m - 1.0, vfromint(k));
}
VFN vd short_log2(vd x, vm *odd) { return short_log(x, odd) * LOG2E; }
VFN vd short_log10(vd x, vm *odd) { return short_log(x, odd) * (LOG10E_HI + LOG10E_LO); }
VFN vd short_log1p(vd x, vm *odd) {
  vi k;
  vd u = 1.0 + x;
  *odd = vnot(vlt(vset(-1), x)) | vnot(vle(x, vset(DBL_MAX)));
  vd m = split_exponent(u, &k);
  return vsel(vlt(vabs(x), vset(0x1p-27)), x - 0.5 * x * x, short_log_of(m - 1.0, vfromint(k)));
}
VFN vd short_sin_of(vd x, vd n) {
  vd h = (x - n * PI_1) - n * PI_2, z = h * h;
  return vfma(h * z, VPOLY(z, SIN_SHORT), h);
}
VFN vd short_sin(vd x, vm *odd) {
  vd m = vfma(x, vset(INV_PI), vset(MAGIC));
  *odd = vnot(vle(vabs(x), vset(0x1p20)));
  vd r = vxor(short_sin_of(x, m - MAGIC), (vd)(vbits(m) << 63));
  return vsel(vlt(vabs(x), vset(0x1p-30)), x, r);
}
VFN vd short_cos(vd x, vm *odd) {
  vd m = vfma(x, vset(INV_PI), vset(-0.5)) + MAGIC;
  *odd = vnot(vle(vabs(x), vset(0x1p20)));
  return vxor(short_sin_of(x, (m - MAGIC) + 0.5), (vd)(~vbits(m) << 63));
}
#define short_tan core_tan
#define short_asin core_asin
#define short_acos core_acos
#define short_atan core_atan
#define short_erf core_erf
#define short_erfc core_erfc
#define short_asinh core_asinh
#define short_acosh core_acosh
#define short_atanh core_atanh
#define short_cbrt core_cbrt
#define short_atan2 core_atan2
#define short_hypot core_hypot
#endif
VFN vd short_pow(vd x, vd y, vm *odd) {
  vi k;
  vd a = vabs(x), ay = vabs(y);
  vm negative = vlt(x, vset(0));
  *odd = not_positive_normal(a) | vnot(vle(ay, vset(DBL_MAX)));
  vd m = split_exponent(a, &k);
  vd p = y * log_of(m - 1.0, vfromint(k)), r = short_exp(p, odd);
  if (vany(negative)) {
    *odd = *odd | (negative & vle(vset(0x1p51), ay));
    vd n = vrint(y), half = 0.5 * n;
    r = vsel(negative & vnot(veq(vrint(half), half)), -r, r);
    r = vsel(negative & vnot(veq(n, y)), vset(NAN), r);
  }
  return r;
}

// ---- runs ----------------------------------------------------------------------------------

typedef double vd_any __attribute__((vector_size(OW_VBYTES), aligned(8), may_alias));
typedef float vf_any __attribute__((vector_size(OW_VBYTES / 2), aligned(4), may_alias));

// m <= LANES elements s bytes apart; the lanes behind them are 1.
#define PARTIAL(T)                                                                  \
  static vd part_##T(const char *p, int64_t s, int64_t m) {                         \
    vd r = vset(1);                                                                 \
    for (int64_t k = 0; k < m; k++) r[k] = *(const T *)(p + k * s);                 \
    return r;                                                                       \
  }
PARTIAL(double)
PARTIAL(float)

#define WIDEN_double(x) ((vd)(x))
#define NARROW_double(x) (x)
#define WIDEN_float(x) __builtin_convertvector(x, vd)
#define NARROW_float(x) __builtin_convertvector(x, vf)

static __attribute__((noinline)) vd fix1(vd x, vd r, vm odd, double (*f)(double)) {
  for (int k = 0; k < LANES; k++)
    if (vlane(odd, k)) r[k] = f(x[k]);
  return r;
}
static __attribute__((noinline)) vd fix2(vd x, vd y, vd r, vm odd, double (*f)(double, double)) {
  for (int k = 0; k < LANES; k++)
    if (vlane(odd, k)) r[k] = f(x[k], y[k]);
  return r;
}

#define VRUN1(op, N, T, ANY, core)                                                  \
  static bool op##_##N(char *const *p, const int64_t *s, int64_t n) {               \
    char *d = p[0];                                                                 \
    const char *x = p[1];                                                           \
    int64_t i = 0, ds = s[0], xs = s[1];                                            \
    if (ds == sizeof(T) && xs == sizeof(T))                                         \
      for (; i + LANES <= n; i += LANES) {                                          \
        vm odd = (vm){0};                                                           \
        vd v = WIDEN_##T(*(const ANY *)((const T *)x + i)), r = core(v, &odd);      \
        if (__builtin_expect(vany(odd), 0)) r = fix1(v, r, odd, op);                \
        *(ANY *)((T *)d + i) = NARROW_##T(r);                                       \
      }                                                                             \
    for (; i < n; i += LANES) {                                                     \
      int64_t m = n - i < LANES ? n - i : LANES;                                    \
      vm odd = (vm){0};                                                             \
      vd v = part_##T(x + i * xs, xs, m), r = core(v, &odd);                        \
      if (vany(odd)) r = fix1(v, r, odd, op);                                       \
      for (int64_t k = 0; k < m; k++) *(T *)(d + (i + k) * ds) = (T)r[k];           \
    }                                                                               \
    return true;                                                                    \
  }

#define VRUN2(op, N, T, ANY, core)                                                  \
  static bool op##_##N(char *const *p, const int64_t *s, int64_t n) {               \
    char *d = p[0];                                                                 \
    const char *x = p[1], *y = p[2];                                                \
    int64_t i = 0, ds = s[0], xs = s[1], ys = s[2];                                 \
    if (ds == sizeof(T) && (xs == sizeof(T) || xs == 0) && (ys == sizeof(T) || ys == 0)) \
      for (; i + LANES <= n; i += LANES) {                                          \
        vm odd = (vm){0};                                                           \
        vd u = xs ? WIDEN_##T(*(const ANY *)((const T *)x + i)) : vset(*(const T *)x); \
        vd v = ys ? WIDEN_##T(*(const ANY *)((const T *)y + i)) : vset(*(const T *)y); \
        vd r = core(u, v, &odd);                                                    \
        if (__builtin_expect(vany(odd), 0)) r = fix2(u, v, r, odd, op);             \
        *(ANY *)((T *)d + i) = NARROW_##T(r);                                       \
      }                                                                             \
    for (; i < n; i += LANES) {                                                     \
      int64_t m = n - i < LANES ? n - i : LANES;                                    \
      vm odd = (vm){0};                                                             \
      vd u = part_##T(x + i * xs, xs, m), v = part_##T(y + i * ys, ys, m), r = core(u, v, &odd); \
      if (vany(odd)) r = fix2(u, v, r, odd, op);                                    \
      for (int64_t k = 0; k < m; k++) *(T *)(d + (i + k) * ds) = (T)r[k];           \
    }                                                                               \
    return true;                                                                    \
  }

#define VMATH_LIST(X) \
  X(exp) X(exp2) X(expm1) X(sinh) X(cosh) X(tanh) X(log) X(log1p) X(log2) X(log10) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) \
  X(erf) X(erfc) X(asinh) X(acosh) X(atanh) X(cbrt)
#define VMATH_LIST2(X) X(atan2) X(hypot)
#ifdef OW_NO_FMA
#define RUNS(op) VRUN1(op, f64, double, vd_any, core_##op) VRUN1(op, f32, float, vf_any, short_##op)
#define RUNS2(op) VRUN2(op, f64, double, vd_any, core_##op) VRUN2(op, f32, float, vf_any, short_##op)
#define ROW(op) [OW_OP_##op] = {[OW_F32] = op##_f32, [OW_F64] = op##_f64},
#else
#define RUNS(op) VRUN1(op, f64, double, vd_any, core_##op)
#define RUNS2(op) VRUN2(op, f64, double, vd_any, core_##op)
#define ROW(op) [OW_OP_##op] = {[OW_F64] = op##_f64},
#endif
VMATH_LIST(RUNS)
VMATH_LIST2(RUNS2)
VRUN2(pow, any_f64, double, vd_any, core_pow)
VRUN2(pow, any_f32, float, vf_any, short_pow)

// The powers that are one exact step away take it.
#define POW_RUN(N, T)                                                         \
  static bool pow_##N(char *const *p, const int64_t *s, int64_t n) {                \
    double y = s[2] == 0 ? (double)*(const T *)p[2] : NAN;                          \
    if (y != 2 && y != 1 && y != -1) return pow_any_##N(p, s, n);                   \
    bool dense = s[0] == sizeof(T) && s[1] == sizeof(T);                            \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) {                          \
      T *d = dense ? (T *)p[0] + i : (T *)(p[0] + i * s[0]);                        \
      T x = dense ? ((const T *)p[1])[i] : *(const T *)(p[1] + i * s[1]);           \
      *d = y == 2 ? x * x : y == 1 ? x : 1 / x;                                     \
    }                                                                               \
    return true;                                                                    \
  }
POW_RUN(f32, float)
POW_RUN(f64, double)

const ow_op_kernels OW_ISA_FN(ow_vmath) = {
    .run = {VMATH_LIST(ROW) VMATH_LIST2(ROW)[OW_OP_pow] = {[OW_F32] = pow_f32, [OW_F64] = pow_f64}}};
