// Cores in doubles of the inverse hyperbolic functions, atan, atan2, hypot and cbrt; part of
// math.simd.c, whose log, division and sum they share.
//
// asinh, acosh and atanh are k ln2 + 2 atanh(s) (atanh half of it), s = N/D small: with
// w = e^f, s = (w - 2^k) / (w + 2^k), and without cancellation for k = 0 tanh(f/2) itself:
// asinh a / (1 + sqrt(1 + a^2)), acosh (w - 1) / (w + 1). Identities: DLMF 4.37, 4.38.
// cbrt: r = m y^2 from a polynomial y ~ m^(-1/3), then two terms of the series in the exact
// residual r^3 - m, so no division.
#ifndef OW_OP_VMATH_INVERSE_H
#define OW_OP_VMATH_INVERSE_H
#include <float.h>

#include "op/vmath.h"
#include "op/vmath_coef.h"

// k ln2 / 2 + atanh((n + nl) / (d + dl)), |n / d| < 0.265.
VFN vd half_log(vd n, vd nl, vd d, vd dl, vd k) {
  vd sl, s = div_long(n, nl, d, dl, &sl), z = s * s, h = k * (0.5 * LN2_HI), t = h + s;
  vd low = vfma(s * z, VPOLY2(z, ATANH_C), sl);
  return t + (((h - t) + s) + vfma(k, vset(0.5 * LN2_LO), low));
}

VFN vd core_atanh(vd x, vm *odd) {
  vi ki;
  vd a = vabs(x), p = 1.0 + a, pl = (1.0 - p) + a, d = 1.0 - a, dl = (1.0 - d) - a;
  *odd = vnot(vlt(a, vset(1)));
  split_from(d, 0x3fe3333333333333, &ki);  // 0.6: keeps s small on both sides
  ki = vbits(vsel(vlt(a, vset(0.25)), (vd)(ki ^ ki), (vd)(1 - ki)));
  vd c = (vd)((ki + 1023) << 52), cd = c * d, cl = c * dl;
  vd n0 = p - cd, nl = pl - cl, n = n0 + nl, b = p + cd;
  return vxor(half_log(n, (n0 - n) + nl, b, ((p - b) + cd) + (pl + cl), vfromint(ki)), vsign(x));
}

VFN vd core_asinh(vd x, vm *odd) {
  vi ki;
  vd a = vabs(x), q = vsqrt(vfma(a, a, vset(1)));
  vm small = vlt(a, vset(0.55)), big = vlt(vset(0x1p30), a);  // big: log(2 a)
  *odd = vnot(vle(a, vset(0x1p1000)));
  vd w0 = vsel(big, a, q), w1 = vsel(big, vset(0), a), w = w0 + w1;
  vd m = split_from(w, SQRT_HALF, &ki), ml = ((w0 - w) + w1) * (vd)((1023 - ki) << 52);
  vd d0 = vsel(small, q, m), d = 1.0 + d0, k = vfromint(ki);
  ml = vsel(small, vset(0), ml);
  k = vsel(small, vset(0), vsel(big, k + 1.0, k));
  vd r = 2.0 * half_log(vsel(small, a, m - 1.0), ml, d, ((1.0 - d) + d0) + ml, k);
  return vsel(vlt(a, vset(0x1p-28)), x, vxor(r, vsign(x)));
}

VFN vd core_acosh(vd x, vm *odd) {
  vi ki;
  vd t = x - 1.0, vl, pl, p = vprod(t, t, &pl), v = sum_long(t + t, p, &vl), r = vsqrt(v), el, e = vprod(r, r, &el);
  vd rl = (((v - e) - el) + (vl + pl)) * (0.5 / vsel(vlt(vset(0), r), r, vset(1)));
  vm small = vlt(x, vset(1.14)), big = vlt(vset(0x1p30), x);
  *odd = vnot(vle(vset(1), x)) | vnot(vle(x, vset(DBL_MAX)));
  vd w = x + r, wl = ((x - w) + r) + rl;
  w = vsel(big, x, w);
  vd m = split_from(w, SQRT_HALF, &ki), k = vfromint(ki);
  vd n = t + r, nl = ((r - n) + t) + rl, ml = vsel(big, vset(0), wl * (vd)((1023 - ki) << 52));
  vd d0 = vsel(small, w, m), d = 1.0 + d0;
  k = vsel(small, vset(0), vsel(big, k + 1.0, k));
  return 2.0 * half_log(vsel(small, n, m - 1.0), vsel(small, nl, ml), d, ((1.0 - d) + d0) + vsel(small, wl, ml), k);
}

// atan(n / d), 0 <= n <= d, as hi + t + rest: t = n / d up to tan(pi/8), (n - d) / (n + d) and
// hi = pi/4 above. Sum and difference carry their rounding; e is what the division leaves.
VFN vm atan_parts(vd n, vd d, vd *t, vd *rest) {
  vm far = vlt(0.41421356 * d, n);
  vd u = n - d, v = n + d, zero = vset(0);
  vd ul = vsel(far, n - (d + u), zero), vl = vsel(far, n + (d - v), zero), e;
  *t = div_long(vsel(far, u, n), ul, vsel(far, v, d), vl, &e);
  vd z = *t * *t;
  *rest = vfma(*t * z, VPOLY2(z, ATAN_C), vfma(-0.86 * z, e, e));  // slope: 1 / (1 + z), to 2 %
  return far;
}

VFN vd core_atan(vd x, vm *odd) {
  vd a = vabs(x), one = vset(1), zero = vset(0), t, rest;
  vm steep = vlt(one, a);
  *odd = vnot(vle(a, vset(0x1p900)));
  vm far = atan_parts(vsel(steep, one, a), vsel(steep, a, one), &t, &rest);
  vd flip = vsel(steep, vset(-0.0), zero), hi = vsel(far, vset(PIO2_D / 2), vsel(steep, vset(PIO2_D), zero));
  vd lo = vsel(far, vset(PIO2_D2 / 2), vsel(steep, vset(PIO2_D2), zero)), s;
  t = vxor(t, flip);
  s = hi + t;
  return vxor(s + (((hi - s) + t) + (lo + vxor(rest, flip))), vsign(x));
}

// Angle of the point (x, y), by its eighth of the circle.
VFN vd core_atan2(vd y, vd x, vm *odd) {
  vd a = vabs(y), b = vabs(x), zero = vset(0), t, rest;
  vm steep = vlt(b, a), left = vlt(vxor(vset(1), vsign(x)), zero);
  vd n = vsel(steep, b, a), d = vsel(steep, a, b);
  d = vsel(veq(d, zero), vset(1), d);
  *odd = vnot(vle(vset(0x1p-900), d)) | vnot(vle(d, vset(0x1p900))) | (vlt(n, vset(0x1p-900)) & vlt(zero, n));
  vm far = atan_parts(n, d, &t, &rest);
  vd flip = vxor(vsign(x), vsel(steep, vset(-0.0), zero));
  vd eighth = vxor(vsel(far, vset(PIO2_D / 2), zero), flip), eighth_lo = vxor(vsel(far, vset(PIO2_D2 / 2), zero), flip);
  vd hi = vsel(steep, vset(PIO2_D), vsel(left, vset(2 * PIO2_D), zero)) + eighth;
  vd lo = vsel(steep, vset(PIO2_D2), vsel(left, vset(2 * PIO2_D2), zero)) + eighth_lo;
  t = vxor(t, flip);
  vd s = hi + t;
  return vxor(s + (((hi - s) + t) + (lo + vxor(rest, flip))), vsign(y));
}

// Scaled where a square would leave the range.
VFN vd core_hypot(vd x, vd y, vm *odd) {
  vd a = vabs(x), b = vabs(y), c = vsel(vlt(a, b), b, a);
  vm large = vlt(vset(0x1p500), c), tiny = vlt(c, vset(0x1p-450));
  vd f = vsel(large, vset(0x1p-600), vsel(tiny, vset(0x1p600), vset(1)));
  vd back = vsel(large, vset(0x1p600), vsel(tiny, vset(0x1p-600), vset(1)));
  a = a * f;
  b = b * f;
  vd s = vfma(a, a, b * b);
  *odd = vnot(vle(s, vset(DBL_MAX)));
  return vsqrt(s) * back;
}

// x = m 2^(3n), 1/2 <= m < 4: r = m^(1/3) from y ~ m^(-1/3); with g = (r^3 - m) y^3 the root
// is r (1 - g/3 + 7/18 g^2 - ...).
VFN vd core_cbrt(vd x, vm *odd) {
  (void)odd;
  vd a = vabs(x);
  vm tiny = vlt(a, vset(DBL_MIN)), ordinary = vlt(vset(0), a) & vle(a, vset(DBL_MAX));
  vd b = vsel(tiny, a * 0x1p54, a), e = vfromint((vi)((vu)vbits(b) >> 52) - 1023);
  vd u = vfma(e, vset(1.0 / 3), vset(MAGIC)), part = e - 3.0 * (u - MAGIC);
  vi n = vint(u);
  vd y = VPOLY2((vd)((vbits(b) & 0xfffffffffffff) | 0x3ff0000000000000), CBRT_C);
  y = y * vsel(vlt(part, vset(0)), vset(CBRT2), vsel(vlt(vset(0), part), vset(1 / CBRT2), vset(1)));
  vd m = (vd)(vbits(b) - ((n + n + n) << 52)), y2 = y * y, r = m * y2;
  vd ql, q = vprod(r, r, &ql), pl, p = vprod(q, r, &pl), g = ((p - m) + vfma(ql, r, pl)) * (y2 * y);
  r = vfma(r * g, vfma(g, vset(7.0 / 18), vset(-1.0 / 3)), r);
  r = (vd)(vbits(r) + (n << 52)) * vsel(tiny, vset(0x1p-18), vset(1));
  return vsel(ordinary, vxor(r, vsign(x)), x);
}

#endif
