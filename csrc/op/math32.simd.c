// Transcendental functions of single precision, LANES floats at a time: the counterpart of
// math.simd.c for instruction sets with FMA. Where a term's rounding would reach the result,
// its lost part is carried along in a second float, so that a function errs by little more
// than its last rounding. Lanes outside a core's range go through the C library one by one;
// a lane's result depends on its argument alone.
//
// Errors: below 1 ulp for every argument (backend_spec takes every 2^12th one).
//
// Sources: range reductions after Cody and Waite (1980); two-float sums after Dekker (1971);
// the polynomials are our own (spec/fixtures/vmath_coefficients.py).
#include <float.h>
#include <math.h>

#include "op/op.h"
#include "op/vmath32.h"

#ifdef OW_VMATH32
#include "op/vmath32_coef.h"
#include "op/vmath32_erf.h"

// ---- exponentials --------------------------------------------------------------------------

// x clamped to [lo, hi]; NaN stays.
VFN vf clamp(vf x, float lo, float hi) {
  x = vsel(vlt(x, vset(lo)), vset(lo), x);
  return vsel(vlt(vset(hi), x), vset(hi), x);
}
VFN vf pow2(vi t) { return (vf)((t + 127) << 23); }  // -126 <= t <= 127

// x = n ln2 + r (+ what vfma(-n, LN2_2, a - r) gives): returns r; x - n LN2_1 is exact.
VFN vf exp_reduce(vf x, vf *n, vf *a, vi *t) {
  vf m = vfma(x, vset(LOG2E_1), vset(MAGIC));
  *n = m - MAGIC;
  *t = vint(m);
  *a = vfma(-*n, vset(LN2_1), x);
  return vfma(-*n, vset(LN2_2), *a);
}

VFN vf core_exp(vf x, vm *odd) {
  (void)odd;
  vf n, a;
  vi t;
  vf r = exp_reduce(clamp(x, -105, 90), &n, &a, &t);
  return vscale(vfma(vfma(r, VPOLY(r, EXP_C), vset(1)), r, vset(1)), n, t);
}

VFN vf core_exp2(vf x, vm *odd) {
  (void)odd;
  x = clamp(x, -151, 129);
  vf m = x + MAGIC, n = m - MAGIC, r = x - n;
  return vscale(vfma(r, VPOLY(r, EXP2_C), vset(1)), n, vint(m));
}

// For n binary orders (e^x - 1) / 2 = 2^(n-1) (r + q) + (2^(n-1) - 1/2), the larger terms
// summed exactly. n may be 128.
VFN vf core_expm1(vf x, vm *odd) {
  (void)odd;
  vf n, a;
  vi t;
  vf r = exp_reduce(clamp(x, -18, 89), &n, &a, &t), rl = vfma(-n, vset(LN2_2), a - r);
  vf s = pow2(t - 1), q = vfma(r * r, VPOLY(r, EXPM1_C), rl), c = s - 0.5f, sr = s * r, u = c + sr;
  return vsel(vlt(vabs(x), vset(0x1p-25f)), x, 2.0f * (u + vfma(s, q, ((c - u) + sr) + ((s - c) - 0.5f))));
}

// e^a / 4 as the value returned + *lo, a >= 0.
VFN vf quarter_exp(vf x, vf *lo) {
  vf n, a;
  vi t;
  vf r = exp_reduce(x, &n, &a, &t), rl = vfma(-n, vset(LN2_2), a - r), s = pow2(t - 2);
  vf h = 1.0f + r, q = vfma(r * r, VPOLY(r, EXP_C), rl);
  *lo = s * (((1.0f - h) + r) + q);
  return s * h;
}
VFN vf core_cosh(vf x, vm *odd) {
  (void)odd;
  vf l, h = quarter_exp(clamp(vabs(x), 0, 89.5f), &l);
  return 2.0f * (h + (l + 0.0625f / (h + l)));
}
VFN vf core_sinh(vf x, vm *odd) {
  (void)odd;
  vf a = clamp(vabs(x), 0, 89.5f), z = x * x, l, h = quarter_exp(a, &l);
  vf big = 2.0f * (h + (l - 0.0625f / (h + l)));
  return vsel(vlt(a, vset(1)), vfma(x * z, VPOLY(z, SINH_C), x), vxor(big, vsign(x)));
}

// 1 - y, y = 2 / (e^(2a) + 1).
VFN vf core_tanh(vf x, vm *odd) {
  (void)odd;
  vf a = clamp(vabs(x), 0, 10), z = x * x, l, h = quarter_exp(a + a, &l);
  vf b = h + 0.25f, bl = ((h - b) + 0.25f) + l, d = b + bl, dl = (b - d) + bl, y = 0.5f / d;
  vf s = 1.0f - y, big = s + vfma(y * y, dl + dl, (1.0f - s) - y);
  return vxor(vsel(vlt(a, vset(0.625f)), vfma(a * z, VPOLY(z, TANH_C), a), big), vsign(x));
}

// ---- logarithms ----------------------------------------------------------------------------

// x > 0 normal: x = 2^k m, 2/3 <= m < 4/3.
VFN vf split_exponent(vf x, vi *k) {
  *k = (vbits(x) - 0x3f2aaaab) >> 23;
  return (vf)(vbits(x) - (*k << 23));
}
VFN vm not_positive_normal(vf x) { return vnot(vle(vset(FLT_MIN), x)) | vnot(vle(x, vset(FLT_MAX))); }

// k * unit exactly + f as a sum of two, then what is small.
VFN vf log_sum(vf kh, vf f, vf small) {
  vf s = kh + f, e = (kh - s) + f;
  return s + (e + small);
}

VFN vf core_log(vf x, vm *odd) {
  vi ki;
  *odd = not_positive_normal(x);
  vf f = split_exponent(x, &ki) - 1.0f, k = vfromint(ki);
  return log_sum(k * LN2_16, f, vfma(f * f, VPOLY(f, LOG_C), k * LN2_REST));
}

// The part of x that 1 + x rounds away is added to f again.
VFN vf core_log1p(vf x, vm *odd) {
  vi ki;
  vf u = 1.0f + x, b = u - 1.0f, lost = (1.0f - (u - b)) + (x - b);
  *odd = vnot(vlt(vset(-1), x)) | vnot(vle(x, vset(0x1p125f)));
  vf m = split_exponent(u, &ki) - 1.0f, k = vfromint(ki);
  lost = lost * pow2(-ki);
  vf f = m + lost, fl = (m - f) + lost;
  vf r = log_sum(k * LN2_16, f, vfma(f * f, VPOLY(f, LOG_C), vfma(k, vset(LN2_REST), vfma(-f, fl, fl))));
  return vsel(vlt(vabs(x), vset(0x1p-25f)), x, r);
}

VFN vf core_log2(vf x, vm *odd) {
  vi ki;
  *odd = not_positive_normal(x);
  vf f = split_exponent(x, &ki) - 1.0f, p = f * LOG2E_1, pl = vfma(f, vset(LOG2E_1), -p);
  return log_sum(vfromint(ki), p, vfma(f * f, VPOLY(f, LOG2_C), vfma(f, vset(LOG2E_2), pl)));
}

VFN vf core_log10(vf x, vm *odd) {
  vi ki;
  *odd = not_positive_normal(x);
  vf f = split_exponent(x, &ki) - 1.0f, k = vfromint(ki), p = f * LOG10E_1, pl = vfma(f, vset(LOG10E_1), -p);
  vf f2 = f * f, lost = vfma(f, f, -f2);  // -0.27: about P where the sum cancels, near x = 4/3
  pl = vfma(lost, vset(-0.27f), vfma(k, vset(LOG10_2_2), pl));
  return log_sum(k * LOG10_2_1, p, vfma(f2, VPOLY(f, LOG10_C), vfma(f, vset(LOG10E_2), pl)));
}

// ---- trigonometry --------------------------------------------------------------------------

static const float TRIG_LIMIT = 0x1p17f;

// x - n pi/2 as h + lo; n P1 and n P2 enter exactly unless h is so near zero that the lost
// part does not fit a float: such lanes are odd.
VFN vf trig_reduce(vf x, vi *q, vf *lo, vm *odd) {
  vf m = vfma(x, vset(INV_PIO2_1), vset(MAGIC)), n = m - MAGIC;
  *q = vbits(m);
  vf a = vfma(-n, vset(PIO2_1), x), h = vfma(-n, vset(PIO2_2), a), w = a - h;
  *odd = vnot(vle(vabs(x), vset(TRIG_LIMIT))) | vlt(vabs(h), vabs(w + w));
  *lo = vfma(-n, vset(PIO2_3), vfma(-n, vset(PIO2_2), w));
  return h;
}

// sin(h + lo) for even q, cos(h + lo) for odd, minus where q has bit 1.
VFN vf sine(vf h, vf lo, vi q) {
  vf z = h * h, s = h + vfma(h * z, VPOLY(z, SIN_C), lo);
  vf zl = vfma(h, h, -z), half = 0.5f * z, c = 1.0f - half, cl = (1.0f - c) - half;
  cl = cl - vfma(h, lo, 0.5f * zl);
  c = c + vfma(z * z, VPOLY(z, COS_C), cl);
  return vxor(vsel(vodd(q), c, s), (vf)((q & 2) << 30));
}

VFN vf core_sin(vf x, vm *odd) {
  vi q;
  vf lo, h = trig_reduce(x, &q, &lo, odd);
  return vsel(vlt(vabs(x), vset(0x1p-12f)), x, sine(h, lo, q));
}
VFN vf core_cos(vf x, vm *odd) {
  vi q;
  vf lo, h = trig_reduce(x, &q, &lo, odd);
  return sine(h, lo, q + 1);
}

// t = tan(h + lo); for odd multiples of pi/2 it is -1/t, in two floats.
VFN vf core_tan(vf x, vm *odd) {
  vi qi;
  vf lo, h = trig_reduce(x, &qi, &lo, odd);
  vf z = h * h, zl = vfma(h, h, -z), c = h * z, cl = vfma(h, zl, vfma(h, z, -c)), p = VPOLY(z, TAN_C);
  vf tl = vfma(c, p, vfma(cl, p, vfma(1.62f * z, lo, lo))), t = h + tl;
  tl = (h - t) + tl;
  vf q = -1.0f / t;
  q = vfma(q, vfma(q, tl, vfma(q, t, vset(1))), q);
  return vsel(vlt(vabs(x), vset(0x1p-12f)), x, vsel(vodd(qi), q, t));
}

// ---- inverse trigonometry ------------------------------------------------------------------

// asin(a) = s + s z P(z) for a <= 1/2; above, pi/2 - 2 asin(s), s + sl = sqrt(z), z = (1 - a)/2.
VFN vm asin_parts(vf a, vf *s, vf *rest, vf *sl) {
  vm small = vle(a, vset(0.5f));
  vf half = vfma(a, vset(-0.5f), vset(0.5f)), root = vsqrt(half), z = vsel(small, a * a, half);
  *s = vsel(small, a, root);
  *rest = *s * z * VPOLY(z, ASIN_C);
  *sl = vfma(-root, root, half) * (0.5f / vsel(vlt(vset(0), root), root, vset(1)));
  return small;
}
// hi + lo - (s + rest)
VFN vf less(vf hi, vf lo, vf s, vf rest) {
  vf d = hi - s;
  return d + (((hi - d) - s) + (lo - rest));
}

VFN vf core_asin(vf x, vm *odd) {
  (void)odd;
  vf a = vabs(x), s, rest, sl;
  vm small = asin_parts(a, &s, &rest, &sl);
  vf big = less(vset(PIO2_1), vset(PIO2_2), s + s, 2.0f * (rest + sl));
  return vxor(vsel(small, s + rest, big), vsign(x));
}
VFN vf core_acos(vf x, vm *odd) {
  (void)odd;
  vf a = vabs(x), s, rest, sl, sign = vsign(x);
  vm small = asin_parts(a, &s, &rest, &sl), negative = vlt(x, vset(0));
  vf near = less(vset(PIO2_1), vset(PIO2_2), vxor(s, sign), vxor(rest, sign));
  vf p = 2.0f * (s + (rest + sl)), far = less(vset(2 * PIO2_1), vset(2 * PIO2_2), s + s, 2.0f * (rest + sl));
  return vsel(small, near, vsel(negative, far, p));
}

// pi/2 - atan(1/a) above 1; e is what the division leaves.
VFN vf core_atan(vf x, vm *odd) {
  (void)odd;
  vf a = vabs(x), inv = 1.0f / a, e = vfma(-inv, a, vset(1)) * inv;
  vm small = vle(a, vset(1));
  e = vsel(vle(a, vset(0x1p30f)), e, vset(0));
  vf t = vsel(small, a, inv), z = t * t, zl = vfma(t, t, -z), p = VPOLY(z, ATAN_C);
  vf c = t * z, cl = vfma(t, zl, vfma(t, z, -c)), rest = vfma(c, p, cl * p);
  vf big = less(vset(PIO2_1), vset(PIO2_2), t, vfma(e, 1.0f / (1.0f + z), rest));
  return vxor(vsel(small, t + rest, big), vsign(x));
}

// asinh, acosh, atanh, atan2, hypot, cbrt
#include "op/vmath32_inverse.h"

// ---- error function ------------------------------------------------------------------------

VFN vf core_erf(vf x, vm *odd) {
  (void)odd;
  vf a = clamp(vabs(x), 0, 4), z = a * a, n, b;
  vi k;
  vf zl = vfma(a, a, -z), small = vfma(a, vfma(zl, vset(-0.25f), VPOLY(z, ERF_C)), a);  // -1/4: about the slope of P
  vf t = a - 1.0f, r = exp_reduce(VPOLY(t, ERFC_C), &n, &b, &k);
  vf e = vfma(vfma(r, VPOLY(r, EXP_C), vset(1)), r, vset(1));
  return vxor(vsel(vlt(a, vset(1)), small, vfma(-pow2(k), e, vset(1))), vsign(x));
}

// Columns 1 to 3 of table[k].
#if defined(__AVX512F__)
#define ROW(l) _mm512_insertf32x4(_mm512_insertf32x4(_mm512_insertf32x4(_mm512_castps128_ps512( \
  _mm_loadu_ps(table[k[l]])), _mm_loadu_ps(table[k[l + 4]]), 1), _mm_loadu_ps(table[k[l + 8]]), 2), _mm_loadu_ps(table[k[l + 12]]), 3)
#define V(f) _mm512_##f##_ps
typedef __m512 rows;
#elif defined(__AVX2__)
#define ROW(l) _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(table[k[l]])), _mm_loadu_ps(table[k[l + 4]]), 1)
#define V(f) _mm256_##f##_ps
typedef __m256 rows;
#endif
VFN vf columns(const float (*table)[4], vi k, vf *second, vf *third) {
#ifdef ROW
  rows a = ROW(0), b = ROW(1), c = ROW(2), d = ROW(3), s = V(unpacklo)(a, b), t = V(unpacklo)(c, d);
  *second = (vf)V(shuffle)(s, t, 0xee);
  *third = (vf)V(shuffle)(V(unpackhi)(a, b), V(unpackhi)(c, d), 0x44);
  return (vf)V(shuffle)(s, t, 0x44);
#undef ROW
#undef V
#else
  vf first;
  for (int l = 0; l < LANES; l++) first[l] = table[k[l]][0], (*second)[l] = table[k[l]][1], (*third)[l] = table[k[l]][2];
  return first;
#endif
}

// Taylor's series about the nearest multiple of 1/64, as in math.simd.c; 2^64 keeps the table normal.
VFN vf core_erfc(vf x, vm *odd) {
  (void)odd;
  vf a = vabs(x), b = vsel(vlt(a, vset(10.125f)), a, vset(10.125f)), m = b + MAGIC / 64, r = m - MAGIC / 64;
  vf d = b - r, u = r * d, v = d * d, el, slope, e = columns(ERFC_TABLE, vbits(m) - vbits(vset(MAGIC / 64)), &el, &slope);
  vf w = vfma(v, VPOLY(u, GAUSS_B), u * VPOLY(u, GAUSS_A));
  vf tail = (e + (el - vfma(d, slope, d * slope * w))) * 0x1p-64f;
  return vsel(vlt(x, vset(0)), 2.0f - tail, vsel(vle(x, vset(FLT_MAX)), tail, vsel(vlt(vset(0), x), vset(0), x)));
}

// ---- runs ----------------------------------------------------------------------------------

typedef float vf_any __attribute__((vector_size(OW_VBYTES), aligned(4), may_alias));

static __attribute__((noinline)) vf fix(vf x, vf r, vm odd, double (*f)(double)) {
  for (int k = 0; k < LANES; k++)
    if (vlane(odd, k)) r[k] = (float)f((double)x[k]);
  return r;
}

static __attribute__((noinline)) vf fix2(vf x, vf y, vf r, vm odd, double (*f)(double, double)) {
  for (int k = 0; k < LANES; k++)
    if (vlane(odd, k)) r[k] = (float)f((double)x[k], (double)y[k]);
  return r;
}

#define VRUN(op)                                                                    \
  static bool op##_f32(char *const *p, const int64_t *s, int64_t n) {               \
    char *d = p[0];                                                                 \
    const char *x = p[1];                                                           \
    int64_t i = 0, ds = s[0], xs = s[1];                                            \
    if (ds == sizeof(float) && xs == sizeof(float))                                 \
      for (; i + LANES <= n; i += LANES) {                                          \
        vm odd = (vm){0};                                                           \
        vf v = *(const vf_any *)((const float *)x + i), r = core_##op(v, &odd);     \
        if (__builtin_expect(vany(odd), 0)) r = fix(v, r, odd, op);                 \
        *(vf_any *)((float *)d + i) = r;                                            \
      }                                                                             \
    for (; i < n; i += LANES) {                                                     \
      int64_t m = n - i < LANES ? n - i : LANES;                                    \
      vm odd = (vm){0};                                                             \
      vf v = vset(1);                                                               \
      for (int64_t k = 0; k < m; k++) v[k] = *(const float *)(x + (i + k) * xs);    \
      vf r = core_##op(v, &odd);                                                    \
      if (vany(odd)) r = fix(v, r, odd, op);                                        \
      for (int64_t k = 0; k < m; k++) *(float *)(d + (i + k) * ds) = r[k];          \
    }                                                                               \
    return true;                                                                    \
  }

#define VRUN2(op)                                                                   \
  static bool op##_f32(char *const *p, const int64_t *s, int64_t n) {               \
    char *d = p[0];                                                                 \
    const char *x = p[1], *y = p[2];                                                \
    int64_t i = 0, ds = s[0], xs = s[1], ys = s[2], one = sizeof(float);            \
    if (ds == one && (xs == one || xs == 0) && (ys == one || ys == 0))              \
      for (; i + LANES <= n; i += LANES) {                                          \
        vm odd = (vm){0};                                                           \
        vf u = xs ? (vf)*(const vf_any *)((const float *)x + i) : vset(*(const float *)x); \
        vf v = ys ? (vf)*(const vf_any *)((const float *)y + i) : vset(*(const float *)y); \
        vf r = core_##op(u, v, &odd);                                               \
        if (__builtin_expect(vany(odd), 0)) r = fix2(u, v, r, odd, op);             \
        *(vf_any *)((float *)d + i) = r;                                            \
      }                                                                             \
    for (; i < n; i += LANES) {                                                     \
      int64_t m = n - i < LANES ? n - i : LANES;                                    \
      vm odd = (vm){0};                                                             \
      vf u = vset(1), v = vset(1);                                                  \
      for (int64_t k = 0; k < m; k++) {                                             \
        u[k] = *(const float *)(x + (i + k) * xs);                                  \
        v[k] = *(const float *)(y + (i + k) * ys);                                  \
      }                                                                             \
      vf r = core_##op(u, v, &odd);                                                 \
      if (vany(odd)) r = fix2(u, v, r, odd, op);                                    \
      for (int64_t k = 0; k < m; k++) *(float *)(d + (i + k) * ds) = r[k];          \
    }                                                                               \
    return true;                                                                    \
  }

#define VMATH32_LIST(X) \
  X(exp) X(exp2) X(expm1) X(sinh) X(cosh) X(tanh) X(log) X(log1p) X(log2) X(log10) X(sin) X(cos) X(tan) X(asin) \
  X(acos) X(atan) X(erf) X(erfc) X(asinh) X(acosh) X(atanh) X(cbrt)
#define VMATH32_LIST2(X) X(atan2) X(hypot)
VMATH32_LIST(VRUN)
VMATH32_LIST2(VRUN2)

#define ROW(op) [OW_OP_##op] = {[OW_F32] = op##_f32},
const ow_op_kernels OW_ISA_FN(ow_vmath32) = {.run = {VMATH32_LIST(ROW) VMATH32_LIST2(ROW)}};
#else
const ow_op_kernels OW_ISA_FN(ow_vmath32) = {.run = {{0}}};
#endif
