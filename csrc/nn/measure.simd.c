// Runs of measure.c. Squares are taken in f64, where no float overflows; an element is not
// finite when all bits of its exponent are set.
#include "nn/measure.h"

#include "nn/vec.h"

INL vec_double squares_of_float(vec_float v) {
  vec_double a = widen_low_float(v), b = widen_high_float(v);
  return fma_double(a, a, b * b);
}
INL vec_double squares_of_double(vec_double v) { return v * v; }

#define RUNS(T, INT, EXPONENT)                                                     \
  static double squares_##T(const void *px, int64_t n) {                           \
    const T *x = px;                                                               \
    enum { L = OW_VBYTES / sizeof(T) };                                            \
    vec_double a = {0}, b = {0};                                                   \
    int64_t i = 0;                                                                 \
    for (; i + 2 * L <= n; i += 2 * L) {                                           \
      a += squares_of_##T(load_##T(x + i));                                        \
      b += squares_of_##T(load_##T(x + i + L));                                    \
    }                                                                              \
    double s = across(a + b);                                                      \
    for (; i < n; i++) s += (double)x[i] * (double)x[i];                           \
    return s;                                                                      \
  }                                                                                \
  static int64_t nonfinite_##T(const void *px, int64_t n) {                        \
    typedef INT bits __attribute__((may_alias));                                   \
    const bits *x = px;                                                            \
    for (int64_t from = 0; from < n; from += 4096) {                               \
      int64_t end = n - from < 4096 ? n : from + 4096;                             \
      INT bad = 0;                                                                 \
      for (int64_t i = from; i < end; i++) bad |= (x[i] & EXPONENT) == EXPONENT;   \
      for (int64_t i = from; bad && i < end; i++)                                  \
        if ((x[i] & EXPONENT) == EXPONENT) return i;                               \
    }                                                                              \
    return -1;                                                                     \
  }
RUNS(float, uint32_t, 0x7f800000u)
RUNS(double, uint64_t, 0x7ff0000000000000u)

#define KERNELS(T) {squares_##T, nonfinite_##T}
const ow_measure_table_t OW_ISA_FN(ow_measure_table) = {{KERNELS(float), KERNELS(double)}};
