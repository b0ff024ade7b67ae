// Peak rate of multiply-add: 12 independent accumulators of the widest vector hide the
// latency of the two units; fused where the instruction set has it.
#include "simd/peak.h"

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

enum { ACC = 12 };
typedef double vd __attribute__((vector_size(OW_VBYTES)));
typedef float vf __attribute__((vector_size(OW_VBYTES)));

#if defined(__AVX512F__)
#define FMA_D(a, b, c) (vd) _mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c))
#define FMA_F(a, b, c) (vf) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#elif defined(__AVX2__)
#define FMA_D(a, b, c) (vd) _mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c))
#define FMA_F(a, b, c) (vf) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#else
#define FMA_D(a, b, c) ((a) * (b) + (c))
#define FMA_F(a, b, c) ((a) * (b) + (c))
#endif

#define BODY(T, V, FMA)                                                            \
  V x[ACC], f = (V){0} + (T)0.9999, g = (V){0} + (T)1e-4;                           \
  for (int k = 0; k < ACC; k++) x[k] = (V){0} + (T)k;                               \
  for (int64_t i = 0; i < n; i++)                                                  \
    for (int k = 0; k < ACC; k++) x[k] = FMA(x[k], f, g);                           \
  V sum = x[0];                                                                    \
  for (int k = 1; k < ACC; k++) sum += x[k];                                        \
  *out = sum[0];                                                                   \
  return 2.0 * ACC * (double)(sizeof(V) / sizeof(T)) * (double)n;

static double mul_add_f64(int64_t n, double *out) { BODY(double, vd, FMA_D) }
static double mul_add_f32(int64_t n, float *out) { BODY(float, vf, FMA_F) }

const ow_peak_table OW_ISA_FN(ow_peak) = {mul_add_f64, mul_add_f32};
