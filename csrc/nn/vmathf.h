// Exponentials of vectors of floats for activations and softmax: arguments at most 0 (the
// callers reflect), so nothing overflows; results below 2^-126 become 0; NaN goes through.
//   exp(x) = 2^k (1 + p), k = round(x / ln 2), p = exp(r) - 1 by its Taylor series up to r^7
//   (next term below 2e-8 r): 1 ulp;  log(1 + e) = 2 atanh(e / (2 + e));
//   erfc(a) = exp(-a^2) t P(2 t - 1), t = 1 / (1 + 0.4 a), coefficients by
//   spec/fixtures/nn_vmathf.py, 3e-7 relative.
#ifndef OW_NN_VMATHF_H
#define OW_NN_VMATHF_H
#include "nn/vec.h"

typedef int32_t ivec_float __attribute__((vector_size(OW_VBYTES), may_alias));

// a < b ? x : y, lane by lane; y where one is NaN
INL vec_float pick_lt(vec_float a, vec_float b, vec_float x, vec_float y) {
#if defined(__AVX512F__)
  return (vec_float)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ), (__m512)y, (__m512)x);
#elif defined(__AVX2__)
  return (vec_float)_mm256_blendv_ps((__m256)y, (__m256)x, _mm256_cmp_ps((__m256)a, (__m256)b, _CMP_LT_OQ));
#else
  ivec_float m = (ivec_float)(a < b);
  return (vec_float)((m & (ivec_float)x) | (~m & (ivec_float)y));
#endif
}
INL vec_float abs_vec(vec_float x) { return (vec_float)((ivec_float)x & INT32_MAX); }
INL vec_float with_sign(vec_float x, vec_float s) { return (vec_float)((ivec_float)x | ((ivec_float)s & INT32_MIN)); }
#define F(x) all_float(x)

// exp(x) = p s + s
typedef struct { vec_float p, s; } power;

INL power power_of(vec_float x) {
  const float magic = 0x1.8p23f;
  x = pick_lt(x, F(-88), F(-88), x);
  vec_float n = fma_float(x, F(0x1.715476p0f), F(magic)), k = n - magic;
  vec_float r = fma_float(k, F(-0x1.62e4p-1f), x);  // k times it is exact
  r = fma_float(k, F(-1.42860677e-6f), r);
  vec_float p = F(1 / 5040.f);
  p = fma_float(p, r, F(1 / 720.f));
  p = fma_float(p, r, F(1 / 120.f));
  p = fma_float(p, r, F(1 / 24.f));
  p = fma_float(p, r, F(1 / 6.f));
  p = fma_float(p, r, F(0.5f));
  p = fma_float(p * r, r, r);
  ivec_float e = (ivec_float)n - (ivec_float)F(magic) + 127;  // 0 gives 0
  return (power){p, (vec_float)(e << 23)};
}
INL vec_float exp_vec(vec_float x) { power q = power_of(x); return fma_float(q.p, q.s, q.s); }
INL vec_float expm1_vec(vec_float x) { power q = power_of(x); return fma_float(q.p, q.s, q.s - 1); }

// 0 <= e <= 1
INL vec_float log1p_vec(vec_float e) {
  vec_float t = e / (e + 2), u = t * t, p = F(2 / 15.f);
  p = fma_float(p, u, F(2 / 13.f));
  p = fma_float(p, u, F(2 / 11.f));
  p = fma_float(p, u, F(2 / 9.f));
  p = fma_float(p, u, F(2 / 7.f));
  p = fma_float(p, u, F(2 / 5.f));
  p = fma_float(p, u, F(2 / 3.f));
  return fma_float(p * u, t, t + t);
}

// Half of erfc(|x| / sqrt 2), the tail of the normal distribution, and exp(-x^2 / 2).
INL vec_float normal_tail(vec_float x, vec_float *bell) {
  static const float c[] = {-2.8530306e-05f, -1.09939101e-05f, 0.000264893933f, 0.000165985034f, -0.00191998287f,
                            -0.00335355169f, 0.0113430426f, 0.0684998742f, 0.181565764f, 0.321860766f, 0.421612727f};
  x = abs_vec(x);
  x = pick_lt(F(20), x, F(20), x);
  vec_float half = 0.5f * x, h = half * x, low = fma_float(half, x, -h);  // x^2 / 2 = h + low
  vec_float e = exp_vec(-h);
  *bell = e = fma_float(e, -low, e);
  vec_float t = 1 / fma_float(x, F(0.4f * 0.707106781f), F(1)), u = 2 * t - 1, p = F(c[0]);
  for (int k = 1; k < 11; k++) p = fma_float(p, u, F(c[k]));
  return 0.5f * e * t * p;
}

#endif
