// Runs of the normalisations: moments, scaled output with its activation, sums and output of
// the gradient. Memory is the limit: every function reads its inputs once.
#include "nn/norm.h"

#include "nn/activation.h"
#include "nn/vec.h"

// g where z > 0 or NaN, else 0 or slope * g; `kind` is known when compiling.
#if defined(__AVX512F__)
INL vec_float gate_float(vec_float z, vec_float g, float slope, int kind) {
  __mmask16 low = _mm512_cmp_ps_mask((__m512)z, _mm512_setzero_ps(), _CMP_LE_OQ);
  if (kind == OW_ACT_RELU) return (vec_float)_mm512_maskz_mov_ps((__mmask16)~low, (__m512)g);
  return kind ? (vec_float)_mm512_mask_mul_ps((__m512)g, low, (__m512)g, _mm512_set1_ps(slope)) : g;
}
INL vec_double gate_double(vec_double z, vec_double g, double slope, int kind) {
  __mmask8 low = _mm512_cmp_pd_mask((__m512d)z, _mm512_setzero_pd(), _CMP_LE_OQ);
  if (kind == OW_ACT_RELU) return (vec_double)_mm512_maskz_mov_pd((__mmask8)~low, (__m512d)g);
  return kind ? (vec_double)_mm512_mask_mul_pd((__m512d)g, low, (__m512d)g, _mm512_set1_pd(slope)) : g;
}
#else
typedef int32_t mask_float __attribute__((vector_size(OW_VBYTES)));
typedef int64_t mask_double __attribute__((vector_size(OW_VBYTES)));
#define GATE(T)                                                                            \
  INL vec_##T gate_##T(vec_##T z, vec_##T g, T slope, int kind) {                          \
    mask_##T low = z <= 0, rest = kind == OW_ACT_RELU ? (mask_##T){0} : (mask_##T)(g * slope); \
    return kind ? (vec_##T)((low & rest) | (~low & (mask_##T)g)) : g;                      \
  }
GATE(float)
GATE(double)
#endif

#define T float
#include "nn/norm_body.h"
#include "nn/norm_rows.h"
#undef T
#define T double
#include "nn/norm_body.h"
#include "nn/norm_rows.h"
#undef T

#define KERNELS(T) \
  {moments_##T, forward_##T, sums_##T, backward_##T, moments_rows_##T, forward_rows_##T, sums_rows_##T, backward_rows_##T}
const ow_norm_table_t OW_ISA_FN(ow_norm_table) = {{KERNELS(float), KERNELS(double)}};
