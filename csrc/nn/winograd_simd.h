// Vectors of floats for the Winograd bodies; included only by *.simd.c.
#ifndef OW_NN_WINOGRAD_SIMD_H
#define OW_NN_WINOGRAD_SIMD_H
#include <stdint.h>
#include <string.h>

#include "simd/isa.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { OW_VL = OW_VBYTES / 4, OW_VQ = OW_VL / 4 };  // floats and 128-bit quads of a vector
typedef float vf __attribute__((vector_size(OW_VBYTES)));
typedef int32_t vi __attribute__((vector_size(OW_VBYTES)));
typedef float vf_loose __attribute__((vector_size(OW_VBYTES), aligned(4), may_alias));

static inline vf ow_vload(const float *p) { return *(const vf_loose *)p; }
static inline void ow_vstore(float *p, vf v) { *(vf_loose *)p = v; }

#if defined(__AVX512F__)
enum { OW_WINO_GROUP = 1, OW_WINO_OMAX = 20 };
static inline vf ow_vset(float a) { return (vf)_mm512_set1_ps(a); }
static inline vf ow_vfma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
static inline vf ow_vquads(const float *s, const int32_t *o) {
  __m512 r = _mm512_castps128_ps512(_mm_loadu_ps(s + o[0]));
  r = _mm512_mask_broadcast_f32x4(r, 0x00f0, _mm_loadu_ps(s + o[1]));
  r = _mm512_mask_broadcast_f32x4(r, 0x0f00, _mm_loadu_ps(s + o[2]));
  return (vf)_mm512_mask_broadcast_f32x4(r, 0xf000, _mm_loadu_ps(s + o[3]));
}
// The first n floats (0 < n <= VL), zeros behind them; and only the first n stored.
static inline vf ow_vload_part(const float *p, int64_t n) { return (vf)_mm512_maskz_loadu_ps((__mmask16)(0xffffu >> (16 - n)), p); }
static inline void ow_vstore_part(float *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, (__mmask16)(0xffffu >> (16 - n)), (__m512)v); }
#define OW_VPART 1
#define OW_V(f) _mm512_##f
typedef __m512 vps;
typedef __m512d vpd;
#elif defined(__AVX2__)
enum { OW_WINO_GROUP = 1, OW_WINO_OMAX = 12 };
static inline vf ow_vset(float a) { return (vf)_mm256_set1_ps(a); }
static inline vf ow_vfma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
static inline vf ow_vquads(const float *s, const int32_t *o) {
  return (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(s + o[0])), _mm_loadu_ps(s + o[1]), 1);
}
#define OW_V(f) _mm256_##f
typedef __m256 vps;
typedef __m256d vpd;
#else
enum { OW_WINO_GROUP = 1, OW_WINO_OMAX = 12 };
static inline vf ow_vset(float a) { return (vf){a, a, a, a}; }
static inline vf ow_vfma(vf a, vf b, vf c) { return a * b + c; }
static inline vf ow_vquads(const float *s, const int32_t *o) { return ow_vload(s + o[0]); }
#define OW_V(f) _mm_##f
#if defined(__x86_64__)
typedef __m128 vps;
typedef __m128d vpd;
#endif
#endif

#if !defined(OW_VPART)
static inline vf ow_vload_part(const float *p, int64_t n) {
  if (n == OW_VL) return ow_vload(p);
  float t[OW_VL] = {0};
  for (int i = 0; i < n; i++) t[i] = p[i];
  return ow_vload(t);
}
static inline void ow_vstore_part(float *p, vf v, int64_t n) {
  if (n == OW_VL) ow_vstore(p, v);
  else
    for (int i = 0; i < n; i++) p[i] = v[i];
}
#endif

// Transposes the 4 x 4 floats that share a quad.
static inline void ow_vtranspose4(vf r[4]) {
#if defined(__x86_64__)
  vpd a = (vpd)OW_V(unpacklo_ps)((vps)r[0], (vps)r[1]), b = (vpd)OW_V(unpackhi_ps)((vps)r[0], (vps)r[1]);
  vpd c = (vpd)OW_V(unpacklo_ps)((vps)r[2], (vps)r[3]), d = (vpd)OW_V(unpackhi_ps)((vps)r[2], (vps)r[3]);
  r[0] = (vf)OW_V(unpacklo_pd)(a, c), r[1] = (vf)OW_V(unpackhi_pd)(a, c);
  r[2] = (vf)OW_V(unpacklo_pd)(b, d), r[3] = (vf)OW_V(unpackhi_pd)(b, d);
#else
  vf t[4];
  for (int k = 0; k < 4; k++)
    for (int j = 0; j < OW_VL; j++) t[k][j] = r[j % 4][j / 4 * 4 + k];
  for (int k = 0; k < 4; k++) r[k] = t[k];
#endif
}

#endif
