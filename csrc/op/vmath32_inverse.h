// The cores of vmath_inverse.h in floats; part of math32.simd.c.
#ifndef OW_OP_VMATH32_INVERSE_H
#define OW_OP_VMATH32_INVERSE_H
#include <float.h>

#include "op/vmath32.h"
#include "op/vmath32_coef.h"

// k ln2 / 2 + atanh((n + nl) / (d + dl)), |n / d| < 0.265.
VFN vf half_log(vf n, vf nl, vf d, vf dl, vf k) {
  vf inv = 1.0f / d, s = n * inv, sl = (vfma(-s, d, n) + vfma(-s, dl, nl)) * inv, z = s * s;
  vf h = k * (0.5f * LN2_16), t = h + s, low = vfma(s * z, VPOLY(z, ATANH_C), sl);
  return t + (((h - t) + s) + vfma(k, vset(0.5f * LN2_REST), low));
}

VFN vf core_atanh(vf x, vm *odd) {
  vf a = vabs(x), p = 1.0f + a, pl = (1.0f - p) + a, d = 1.0f - a, dl = (1.0f - d) - a;
  *odd = vnot(vlt(a, vset(1)));
  vi ki = 1 - ((vbits(d) - 0x3f19999a) >> 23);  // from 0.6: keeps s small on both sides
  ki = vbits(vsel(vlt(a, vset(0.25f)), vset(0), (vf)ki));
  vf c = pow2(ki), cd = c * d, cl = c * dl;
  vf n0 = p - cd, nl = pl - cl, n = n0 + nl, b = p + cd;
  return vxor(half_log(n, (n0 - n) + nl, b, ((p - b) + cd) + (pl + cl), vfromint(ki)), vsign(x));
}

// sqrt(v + vl) as the value returned + *lo.
VFN vf sqrt_long(vf v, vf vl, vf *lo) {
  vf r = vsqrt(v);
  *lo = (vfma(-r, r, v) + vl) * (0.5f / vsel(vlt(vset(0), r), r, vset(1)));
  return r;
}

VFN vf core_asinh(vf x, vm *odd) {
  vi ki;
  vf a = vabs(x), p = a * a, pl = vfma(a, a, -p), v = 1.0f + p, u = v - p, vl = (1.0f - u) + (p - (v - u));
  vf ql, q = sqrt_long(v, vl + pl, &ql);
  vm small = vlt(a, vset(0.55f)), big = vlt(vset(0x1p15f), a);  // big: log(2 a)
  *odd = vnot(vle(a, vset(FLT_MAX)));
  vf w = q + a, wl = ((q - w) + a) + ql;
  w = vsel(big, a, w);
  vf m = split_exponent(w, &ki), ml = vsel(big, vset(0), wl * pow2(-ki)), k = vfromint(ki);
  vf d0 = vsel(small, q, m), d = 1.0f + d0;
  k = vsel(small, vset(0), vsel(big, k + 1.0f, k));
  vf r = 2.0f * half_log(vsel(small, a, m - 1.0f), vsel(small, vset(0), ml), d, ((1.0f - d) + d0) + vsel(small, ql, ml), k);
  return vsel(vlt(a, vset(0x1p-13f)), x, vxor(r, vsign(x)));
}

VFN vf core_acosh(vf x, vm *odd) {
  vi ki;
  vf t = x - 1.0f, p = t * t, pl = vfma(t, t, -p), t2 = t + t, v = t2 + p, u = v - t2;
  vf rl, r = sqrt_long(v, ((t2 - (v - u)) + (p - u)) + pl, &rl);
  vm small = vlt(x, vset(1.14f)), big = vlt(vset(0x1p15f), x);
  *odd = vnot(vle(vset(1), x)) | vnot(vle(x, vset(FLT_MAX)));
  vf w = x + r, wl = ((x - w) + r) + rl;
  w = vsel(big, x, w);
  vf m = split_exponent(w, &ki), k = vfromint(ki);
  vf n = t + r, nl = ((r - n) + t) + rl, ml = vsel(big, vset(0), wl * pow2(-ki));
  vf d0 = vsel(small, w, m), d = 1.0f + d0;
  k = vsel(small, vset(0), vsel(big, k + 1.0f, k));
  return 2.0f * half_log(vsel(small, n, m - 1.0f), vsel(small, nl, ml), d, ((1.0f - d) + d0) + vsel(small, wl, ml), k);
}

// Angle of the point (x, y): atan of the smaller by the larger, set into its eighth.
VFN vf core_atan2(vf y, vf x, vm *odd) {
  vf a = vabs(y), b = vabs(x), zero = vset(0);
  vm steep = vlt(b, a), left = vlt(vxor(vset(1), vsign(x)), zero);
  vf n = vsel(steep, b, a), d = vsel(steep, a, b);
  d = vsel(vle(d, zero), vset(1), d);
  *odd = vnot(vle(vset(0x1p-100f), d)) | vnot(vle(d, vset(0x1p100f))) | (vlt(n, vset(0x1p-100f)) & vlt(zero, n));
  vf inv = 1.0f / d, t = n * inv, tl = vfma(-t, d, n) * inv, z = t * t, zl = vfma(t, t, -z), p = VPOLY(z, ATAN_C);
  vf slope = vfma(z, vfma(z, vset(0.33f), vset(-0.83f)), vset(1));  // of atan: 1 / (1 + z), to 3 %
  vf c = t * z, cl = vfma(t, zl, vfma(t, z, -c)), rest = vfma(c, p, vfma(cl, p, tl * slope));
  vf flip = vxor(vsign(x), vsel(steep, vset(-0.0f), zero));
  vf hi = vsel(steep, vset(PIO2_1), vsel(left, vset(2 * PIO2_1), zero));
  vf lo = vsel(steep, vset(PIO2_2), vsel(left, vset(2 * PIO2_2), zero));
  t = vxor(t, flip);
  vf s = hi + t;
  return vxor(s + (((hi - s) + t) + (lo + vxor(rest, flip))), vsign(y));
}

// The sum of squares in two floats: s >= p, so p - s is exact. The root is within an ulp; what
// corrects it may weigh 1 / (2 r) to 12 %, which comes of the exponent's negation. Scaled where
// a square would leave the range.
VFN vf core_hypot(vf x, vf y, vm *odd) {
  vf a = vabs(x), b = vabs(y), back = vset(1);
  vm less_b = vlt(a, b);
  vf c = vsel(less_b, b, a), d = vsel(less_b, a, b);
  vm tame = vle(vset(0x1p-40f), c) & vle(c, vset(0x1p60f));
  if (__builtin_expect(vany(vnot(tame)), 0)) {
    vm large = vlt(vset(0x1p60f), c), tiny = vlt(c, vset(0x1p-40f));
    vf f = vsel(large, vset(0x1p-70f), vsel(tiny, vset(0x1p100f), vset(1)));
    back = vsel(large, vset(0x1p70f), vsel(tiny, vset(0x1p-100f), vset(1)));
    c = c * f;
    d = d * f;
    *odd = vnot(vle(c + d, vset(FLT_MAX)));
  }
  vf p = c * c, s = vfma(d, d, p), r = vsqrt(s), half = (vf)(0x7e7311c7 - vbits(r));
  return vfma(half, vfma(-r, r, s) + (vfma(d, d, p - s) + vfma(c, c, -p)), r) * back;
}

VFN vf core_cbrt(vf x, vm *odd) {
  (void)odd;
  vf a = vabs(x);
  vm tiny = vlt(a, vset(FLT_MIN)), ordinary = vlt(vset(0), a) & vle(a, vset(FLT_MAX));
  vf b = vsel(tiny, a * 0x1p24f, a), e = vfromint((vbits(b) >> 23) - 127);
  vf u = vfma(e, vset(1.0f / 3), vset(MAGIC)), part = e - 3.0f * (u - MAGIC);
  vi n = vint(u);
  vf y = VPOLY((vf)((vbits(b) & 0x7fffff) | 0x3f800000), CBRT_C);
  y = y * vsel(vlt(part, vset(0)), vset(CBRT2), vsel(vlt(vset(0), part), vset(1 / CBRT2), vset(1)));
  vf m = (vf)(vbits(b) - ((n + n + n) << 23)), y2 = y * y, r = m * y2;
  vf q = r * r, ql = vfma(r, r, -q), g = vfma(ql, r, vfma(q, r, -m)) * (y2 * y);
  r = vfma(r * g, vset(-1.0f / 3), r);
  r = (vf)(vbits(r) + (n << 23)) * vsel(tiny, vset(0x1p-8f), vset(1));
  return vsel(ordinary, vxor(r, vsign(x)), x);
}

#endif
