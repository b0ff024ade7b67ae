// Vectors for the .simd.c files here: bodies are written once for T and included with
// T float and T double. FN(name) is name_T; VEC a vector of T. Elementwise work is plain loops,
// which the compiler vectorises; sums need lanes spelled out, because their order counts.
#ifndef OW_NN_VEC_H
#define OW_NN_VEC_H
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "simd/isa.h"
#include "simd/stream.h"

#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)
#define FN(name) CAT(name, T)
#define VEC FN(vec)
#define LANES ((int64_t)(OW_VBYTES / sizeof(T)))
#define INL static inline __attribute__((always_inline))

typedef float vec_float __attribute__((vector_size(OW_VBYTES), aligned(4), may_alias));
typedef double vec_double __attribute__((vector_size(OW_VBYTES), aligned(8), may_alias));
typedef float half_float __attribute__((vector_size(OW_VBYTES / 2), aligned(4), may_alias));

INL vec_float load_float(const float *p) { return *(const vec_float *)p; }
INL vec_double load_double(const double *p) { return *(const vec_double *)p; }
INL vec_float all_float(float x) { return x - (vec_float){0}; }
INL vec_double all_double(double x) { return x - (vec_double){0}; }

// a * b + c, one rounding where the instruction set has it
#if defined(__AVX512F__)
INL vec_float fma_float(vec_float a, vec_float b, vec_float c) { return (vec_float)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INL vec_double fma_double(vec_double a, vec_double b, vec_double c) { return (vec_double)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
#elif defined(__AVX2__)
INL vec_float fma_float(vec_float a, vec_float b, vec_float c) { return (vec_float)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INL vec_double fma_double(vec_double a, vec_double b, vec_double c) { return (vec_double)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
#else
INL vec_float fma_float(vec_float a, vec_float b, vec_float c) { return a * b + c; }
INL vec_double fma_double(vec_double a, vec_double b, vec_double c) { return a * b + c; }
#endif
#if defined(__FMA__)
INL float muladd_float(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
INL double muladd_double(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
INL float muladd_float(float a, float b, float c) { return a * b + c; }
INL double muladd_double(double a, double b, double c) { return a * b + c; }
#endif

// Adds the lanes of v to the f64 lanes of acc.
INL vec_double widen_low_float(vec_float v) {
  return __builtin_convertvector(*(const half_float *)&v, vec_double);
}
INL vec_double widen_high_float(vec_float v) {
  return __builtin_convertvector(*((const half_float *)&v + 1), vec_double);
}
INL vec_double into_float(vec_double acc, vec_float v) { return acc + (widen_low_float(v) + widen_high_float(v)); }
INL vec_double into_double(vec_double acc, vec_double v) { return acc + v; }
INL double across(vec_double v) {
  double s = 0;
  for (unsigned k = 0; k < OW_VBYTES / 8; k++) s += v[k];
  return s;
}

// d[i] = VALUE for i < n, through a block in L1 and past the caches when `past`.
#define SWEEP(d, n, past, VALUE)                                                        \
  do {                                                                                  \
    _Alignas(64) T block_[2048];                                                        \
    for (int64_t from_ = 0; from_ < (n); from_ += 2048) {                               \
      int64_t to_ = (n) - from_ < 2048 ? (n) : from_ + 2048;                            \
      T *restrict q_ = (past) ? block_ : (d) + from_;                                   \
      _Pragma("GCC ivdep") for (int64_t i = from_; i < to_; i++) q_[i - from_] = VALUE; \
      if (past) ow_stream((d) + from_, block_, (to_ - from_) * (int64_t)sizeof(T));     \
    }                                                                                   \
    if (past) ow_stream_end();                                                          \
  } while (0)

#endif
