// Vectors of doubles for math.simd.c: GCC vector types of the ISA's width, and the few
// things the language lacks. A mask is a vector of 0 and -1, or a k register on AVX-512.
#ifndef OW_OP_VMATH_H
#define OW_OP_VMATH_H
#include <stdint.h>
#include <string.h>

#include "simd/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { LANES = OW_VBYTES / 8 };
typedef double vd __attribute__((vector_size(OW_VBYTES)));
typedef int64_t vi __attribute__((vector_size(OW_VBYTES)));
typedef uint64_t vu __attribute__((vector_size(OW_VBYTES)));
typedef float vf __attribute__((vector_size(OW_VBYTES / 2)));

#define VFN static inline __attribute__((always_inline))

VFN vd vset(double x) { return x - (vd){0}; }
VFN vi vbits(vd x) { return (vi)x; }
VFN vd vabs(vd x) { return (vd)((vi)x & INT64_MAX); }
VFN vd vsign(vd x) { return (vd)((vi)x & INT64_MIN); }     // the sign bit alone
VFN vd vxor(vd x, vd s) { return (vd)((vi)x ^ (vi)s); }    // flips x's sign where s has one

#if defined(__AVX512F__)
typedef uint8_t vm;
VFN vm vlt(vd a, vd b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ); }
VFN vm vle(vd a, vd b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LE_OQ); }
VFN vm veq(vd a, vd b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_EQ_OQ); }
VFN vd vsel(vm m, vd a, vd b) { return (vd)_mm512_mask_blend_pd(m, (__m512d)b, (__m512d)a); }
VFN vm vnot(vm m) { return (vm)~m; }
VFN int vany(vm m) { return m != 0; }
VFN int vlane(vm m, int k) { return m >> k & 1; }
VFN vd vfma(vd a, vd b, vd c) { return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
VFN vm vodd(vi t) { return _mm512_test_epi64_mask((__m512i)t, _mm512_set1_epi64(1)); }
// p * 2^n, n whole; one rounding, also into the subnormals.
VFN vd vscale(vd p, vd n, vi t) { (void)t; return (vd)_mm512_scalef_pd((__m512d)p, (__m512d)n); }
#else
typedef vi vm;
VFN vm vlt(vd a, vd b) { return a < b; }
VFN vm vle(vd a, vd b) { return a <= b; }
VFN vm veq(vd a, vd b) { return a == b; }
VFN vm vnot(vm m) { return ~m; }
VFN int vlane(vm m, int k) { return m[k] != 0; }
#if defined(__AVX2__)
VFN vd vsel(vm m, vd a, vd b) { return (vd)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)m); }
VFN int vany(vm m) { return !_mm256_testz_si256((__m256i)m, (__m256i)m); }
VFN vd vfma(vd a, vd b, vd c) { return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
#else
VFN vd vsel(vm m, vd a, vd b) { return (vd)((m & (vi)a) | (~m & (vi)b)); }
VFN int vany(vm m) { return (m[0] | m[1]) != 0; }
#if defined(__aarch64__)
VFN vd vfma(vd a, vd b, vd c) { return (vd)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
#else
VFN vd vfma(vd a, vd b, vd c) { return a * b + c; }  // two roundings: see vprod
#define OW_NO_FMA
#endif
#endif
#if defined(__AVX2__)
VFN vm vodd(vi t) { return t << 63; }  // for vsel alone, which reads the sign
#else
VFN vm vodd(vi t) { return (t & 1) != 0; }
#endif
// In two steps, so that neither factor leaves the range; the first is exact.
VFN vd vscale(vd p, vd n, vi t) {
  (void)n;
  vi half = (vi)((vu)(t + 4096) >> 1) - 2048;
  return p * (vd)((half + 1023) << 52) * (vd)((t - half + 1023) << 52);
}
#endif

// a * b = the value returned + *lo, exactly (without FMA: Dekker's splitting; |a|, |b| < 2^996).
VFN vd vprod(vd a, vd b, vd *lo) {
  vd p = a * b;
#ifdef OW_NO_FMA
  vd ah = a * 134217729.0, bh = b * 134217729.0;
  ah = ah - (ah - a);
  bh = bh - (bh - b);
  vd al = a - ah, bl = b - bh;
  *lo = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
#else
  *lo = vfma(a, b, -p);
#endif
  return p;
}

// c - a * b, which the caller knows to be nearly 0: exact up to its own rounding.
VFN vd vresidual(vd a, vd b, vd c) {
#ifdef OW_NO_FMA
  vd lo, p = vprod(a, b, &lo);
  return (c - p) - lo;
#else
  return vfma(-a, b, c);
#endif
}

VFN vd vsqrt(vd a) {
#if defined(__AVX512F__)
  return (vd)_mm512_sqrt_pd((__m512d)a);
#elif defined(__AVX2__)
  return (vd)_mm256_sqrt_pd((__m256d)a);
#else
  return (vd){__builtin_sqrt(a[0]), __builtin_sqrt(a[1])};
#endif
}

// Adding MAGIC rounds |x| < 2^51 to an integer, which then stands in the low bits.
#define MAGIC 0x1.8p52
VFN vi vint(vd t) { return (vi)t - (vi)vset(MAGIC); }
VFN vd vfromint(vi k) { return (vd)(k + (vi)vset(MAGIC)) - MAGIC; }
VFN vd vrint(vd x) { return (x + MAGIC) - MAGIC; }

// Horner's rule; n is known when compiling, so the loop unrolls.
VFN vd vpoly(vd x, const double *c, int n) {
  vd r = vset(c[n - 1]);
  for (int k = n - 2; k >= 0; k--) r = vfma(r, x, vset(c[k]));
  return r;
}
#define VPOLY(x, c) vpoly(x, c, (int)(sizeof(c) / sizeof(*c)))

// The same by even and odd terms (2) or four strands (4), less latency; where their signs
// differ this needs FMA's accuracy.
#ifdef OW_NO_FMA
#define VPOLY2 VPOLY
#define VPOLY4 VPOLY
#else
VFN vd vpoly2(vd x, const double *c, int n) {
  vd y = x * x, a = vset(c[(n - 1) & ~1]), b = vset(c[(n - 2) | 1]);
  for (int k = ((n - 1) & ~1) - 2; k >= 0; k -= 2) a = vfma(a, y, vset(c[k]));
  for (int k = ((n - 2) | 1) - 2; k >= 0; k -= 2) b = vfma(b, y, vset(c[k]));
  return vfma(b, x, a);
}
#define VPOLY2(x, c) vpoly2(x, c, (int)(sizeof(c) / sizeof(*c)))
VFN vd vpoly4(vd x, const double *c, int n) {
  vd y = x * x, z = y * y, r[4];
  for (int j = 0; j < 4; j++) {
    int k = j + (n - 1 - j) / 4 * 4;
    r[j] = vset(c[k]);
    for (k -= 4; k >= 0; k -= 4) r[j] = vfma(r[j], z, vset(c[k]));
  }
  return vfma(vfma(r[3], x, r[2]), y, vfma(r[1], x, r[0]));
}
#define VPOLY4(x, c) vpoly4(x, c, (int)(sizeof(c) / sizeof(*c)))
#endif

#endif
