// Vector operations of the direct kernels, for a vector type V of floats (_f) or doubles (_d).
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#define SET1(s) ((s) - (V){0})  // minus, not plus: exact for -0, so that the compiler leaves only the broadcast
#if defined(__AVX512F__)
#define FMA_f(a, b, c) (V)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define FMA_d(a, b, c) (V)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c))
#elif defined(__AVX2__)
#define FMA_f(a, b, c) (V)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define FMA_d(a, b, c) (V)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c))
#else
#define FMA_f(a, b, c) ((a) * (b) + (c))
#define FMA_d(a, b, c) ((a) * (b) + (c))
#endif
