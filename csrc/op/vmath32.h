// Vectors of floats for math32.simd.c, the counterpart of vmath.h. Only for instruction sets
// with FMA; on others single precision computes in doubles (math.simd.c).
#ifndef OW_OP_VMATH32_H
#define OW_OP_VMATH32_H
#include <stdint.h>

#include "simd/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX2__) || defined(__aarch64__)
#define OW_VMATH32

enum { LANES = OW_VBYTES / 4 };
typedef float vf __attribute__((vector_size(OW_VBYTES)));
typedef int32_t vi __attribute__((vector_size(OW_VBYTES)));

#define VFN static inline __attribute__((always_inline))

VFN vf vset(float x) { return x - (vf){0}; }
VFN vi vbits(vf x) { return (vi)x; }
VFN vf vabs(vf x) { return (vf)((vi)x & INT32_MAX); }
VFN vf vsign(vf x) { return (vf)((vi)x & INT32_MIN); }   // the sign bit alone
VFN vf vxor(vf x, vf s) { return (vf)((vi)x ^ (vi)s); }  // flips x's sign where s has one

#if defined(__AVX512F__)
typedef uint16_t vm;
VFN vm vlt(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ); }
VFN vm vle(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LE_OQ); }
VFN vf vsel(vm m, vf a, vf b) { return (vf)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a); }
VFN vm vnot(vm m) { return (vm)~m; }
VFN int vany(vm m) { return m != 0; }
VFN int vlane(vm m, int k) { return m >> k & 1; }
VFN vm vodd(vi t) { return _mm512_test_epi32_mask((__m512i)t, _mm512_set1_epi32(1)); }
VFN vf vfma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
VFN vf vsqrt(vf a) { return (vf)_mm512_sqrt_ps((__m512)a); }
// p * 2^n, n whole; one rounding, also into the subnormals.
VFN vf vscale(vf p, vf n, vi t) { (void)t; return (vf)_mm512_scalef_ps((__m512)p, (__m512)n); }
#else
typedef vi vm;
VFN vm vlt(vf a, vf b) { return a < b; }
VFN vm vle(vf a, vf b) { return a <= b; }
VFN vm vnot(vm m) { return ~m; }
VFN int vlane(vm m, int k) { return m[k] != 0; }
VFN vm vodd(vi t) { return (t & 1) != 0; }
#if defined(__AVX2__)
VFN vf vsel(vm m, vf a, vf b) { return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)m); }
VFN int vany(vm m) { return !_mm256_testz_si256((__m256i)m, (__m256i)m); }
VFN vf vfma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
VFN vf vsqrt(vf a) { return (vf)_mm256_sqrt_ps((__m256)a); }
#else
VFN vf vsel(vm m, vf a, vf b) { return (vf)((m & (vi)a) | (~m & (vi)b)); }
VFN int vany(vm m) { return vmaxvq_u32((uint32x4_t)m) != 0; }
VFN vf vfma(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
VFN vf vsqrt(vf a) { return (vf)vsqrtq_f32((float32x4_t)a); }
#endif
// In two steps, so that neither factor leaves the range; the first is exact.
VFN vf vscale(vf p, vf n, vi t) {
  (void)n;
  vi half = t >> 1;
  return p * (vf)((half + 127) << 23) * (vf)((t - half + 127) << 23);
}
#endif

// Adding MAGIC rounds |x| < 2^22 to an integer, which then stands in the low bits.
#define MAGIC 0x1.8p23f
VFN vi vint(vf t) { return (vi)t - (vi)vset(MAGIC); }
VFN vf vfromint(vi k) { return __builtin_convertvector(k, vf); }

// Horner's rule; n is known when compiling, so the loop unrolls.
VFN vf vpoly(vf x, const float *c, int n) {
  vf r = vset(c[n - 1]);
  for (int k = n - 2; k >= 0; k--) r = vfma(r, x, vset(c[k]));
  return r;
}
#define VPOLY(x, c) vpoly(x, c, (int)(sizeof(c) / sizeof(*c)))

#endif
#endif
