// Bodies of the real-valued arithmetic kernels, included once per ISA by arith.simd.c and
// once, unvectorised, by reference.c. Each op is an expression in a (and b); the macros
// below turn it into a run with loops the compiler vectorises for the usual strides.
// `ivdep` is true: a result is exactly an argument or apart from it (see ow_run).
#include <math.h>
#include <stdlib.h>

#include "op/op.h"

#pragma GCC diagnostic ignored "-Wtype-limits"  // one body for signed and unsigned
#define LOOP _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)
#define ARGS char *const *restrict p, const int64_t *restrict s, int64_t n

#define RUN1(NAME, R, T, EXPR)                                                        \
  static bool NAME(ARGS) {                                                            \
    char *q = p[0];                                                                   \
    const char *x = p[1];                                                             \
    int64_t ds = s[0], xs = s[1];                                                     \
    if (ds == sizeof(R) && xs == sizeof(T)) {                                         \
      R *d = (R *)q;                                                                  \
      const T *u = (const T *)x;                                                      \
      LOOP { T a = u[i]; d[i] = (R)(EXPR); }                                          \
    } else for (int64_t i = 0; i < n; i++) { T a = *(const T *)(x + i * xs); *(R *)(q + i * ds) = (R)(EXPR); } \
    return true;                                                                      \
  }

#define RUN2(NAME, R, T, EXPR)                                                        \
  static bool NAME(ARGS) {                                                            \
    char *q = p[0];                                                                   \
    const char *x = p[1], *y = p[2];                                                  \
    int64_t ds = s[0], xs = s[1], ys = s[2];                                          \
    R *d = (R *)q;                                                                    \
    const T *u = (const T *)x, *v = (const T *)y;                                     \
    if (ds == sizeof(R) && xs == sizeof(T) && ys == sizeof(T)) {                      \
      LOOP { T a = u[i], b = v[i]; d[i] = (R)(EXPR); }                                \
    } else if (ds == sizeof(R) && xs == sizeof(T) && ys == 0) {                       \
      T b = *v;                                                                       \
      LOOP { T a = u[i]; d[i] = (R)(EXPR); }                                          \
    } else if (ds == sizeof(R) && xs == 0 && ys == sizeof(T)) {                       \
      T a = *u;                                                                       \
      LOOP { T b = v[i]; d[i] = (R)(EXPR); }                                          \
    } else for (int64_t i = 0; i < n; i++) {                                          \
      T a = *(const T *)(x + i * xs), b = *(const T *)(y + i * ys);                   \
      *(R *)(q + i * ds) = (R)(EXPR);                                                 \
    }                                                                                 \
    return true;                                                                      \
  }

// For integers, where b == 0 ends the run.
#define RUN2_NONZERO(NAME, T, EXPR)                                                   \
  static bool NAME(ARGS) {                                                            \
    for (int64_t i = 0; i < n; i++) {                                                 \
      T a = *(const T *)(p[1] + i * s[1]), b = *(const T *)(p[2] + i * s[2]);         \
      if (b == 0) return false;                                                       \
      *(T *)(p[0] + i * s[0]) = (T)(EXPR);                                            \
    }                                                                                 \
    return true;                                                                      \
  }

typedef uint8_t bool8;

// T, an unsigned type U of its width (wrap-around is defined there), its bits.
#define INT_OPS(N, T, U, BITS)                                                        \
  RUN2(add_##N, T, T, (U)a + (U)b)                                                    \
  RUN2(sub_##N, T, T, (U)a - (U)b)                                                    \
  RUN2(mul_##N, T, T, (U)a * (U)b)                     \
  RUN2_NONZERO(mod_##N, T, b == (T)-1 && (T)-1 < 0 ? 0 : a % b + ((a % b != 0) & (((a % b) ^ b) < 0) ? b : 0)) \
  RUN2_NONZERO(idiv_##N, T, b == (T)-1 && (T)-1 < 0 ? (T)(0 - (U)a) : a / b - ((a % b != 0) & ((a ^ b) < 0))) \
  RUN2(minimum_##N, T, T, a < b ? a : b)                                              \
  RUN2(maximum_##N, T, T, a > b ? a : b)                                              \
  RUN2(band_##N, T, T, a & b)                                                         \
  RUN2(bor_##N, T, T, a | b)                                                          \
  RUN2(bxor_##N, T, T, a ^ b)                                                         \
  RUN2(shl_##N, T, T, SHIFT(U, BITS, a, (int64_t)b))                                  \
  RUN2(shr_##N, T, T, SHIFT(U, BITS, a, b == INT64_MIN ? INT64_MAX : -(int64_t)b))    \
  RUN1(bnot_##N, T, T, ~a)                                                            \
  RUN1(neg_##N, T, T, (U)0 - (U)a)                                                    \
  RUN1(abs_##N, T, T, a < 0 ? (T)((U)0 - (U)a) : a)                                   \
  RUN1(sign_##N, T, T, (a > 0) - (a < 0))                                             \
  RUN1(square_##N, T, T, (U)a * (U)a)                  \
  RUN1(same_##N, T, T, a)                                                             \
  RUN1(zero_##N, T, T, ((void)a, 0))                                                  \
  RUN1(no_##N, bool8, T, ((void)a, 0))                                                \
  RUN1(yes_##N, bool8, T, ((void)a, 1))                                               \
  COMPARE_OPS(N, T)

// k >= 0 shifts left; k < 0 right, filling with zeros.
#define SHIFT(U, BITS, a, k) \
  ((k) >= (BITS) || (k) <= -(BITS) ? (U)0 : (k) >= 0 ? (U)((uint64_t)(U)(a) << ((k) & 63)) : (U)((U)(a) >> (-(k) & 63)))

#define COMPARE_OPS(N, T)                                                             \
  RUN2(lt_##N, bool8, T, a < b)                                                       \
  RUN2(le_##N, bool8, T, a <= b)                                                      \
  RUN2(gt_##N, bool8, T, a > b)                                                       \
  RUN2(ge_##N, bool8, T, a >= b)                                                      \
  EQUAL_OPS(N, T)
#define EQUAL_OPS(N, T)                                                               \
  RUN2(eq_##N, bool8, T, a == b)                                                      \
  RUN2(ne_##N, bool8, T, a != b)                                                      \
  RUN2(logical_and_##N, bool8, T, (a != 0) & (b != 0))                                \
  RUN2(logical_or_##N, bool8, T, (a != 0) | (b != 0))                                 \
  RUN2(logical_xor_##N, bool8, T, (a != 0) ^ (b != 0))                                \
  RUN1(logical_not_##N, bool8, T, a == 0)

// F(name): the function of that precision.
#define FLOAT_OPS(N, T, F, INF)                                                       \
  RUN2(add_##N, T, T, a + b)                                                          \
  RUN2(sub_##N, T, T, a - b)                                                          \
  RUN2(mul_##N, T, T, a * b)                                                          \
  RUN2(div_##N, T, T, a / b)                                                          \
  RUN2(mod_##N, T, T, float_mod_##N(a, b))                                            \
  RUN2(idiv_##N, T, T, F(floor)(a / b))                                               \
  RUN2(minimum_##N, T, T, a < b || a != a ? a : b)                                    \
  RUN2(maximum_##N, T, T, a > b || a != a ? a : b)                                    \
  RUN1(neg_##N, T, T, -a)                                                             \
  RUN1(abs_##N, T, T, F(fabs)(a))                                                     \
  RUN1(sign_##N, T, T, a > 0 ? (T)1 : a < 0 ? (T)-1 : a == a ? (T)0 : a)              \
  RUN1(square_##N, T, T, a * a)                                                       \
  RUN1(reciprocal_##N, T, T, 1 / a)                                                   \
  RUN1(sqrt_##N, T, T, F(sqrt)(a))                                                    \
  RUN1(rsqrt_##N, T, T, 1 / F(sqrt)(a))                                               \
  RUN1(floor_##N, T, T, F(floor)(a))                                                  \
  RUN1(ceil_##N, T, T, F(ceil)(a))                                                    \
  RUN1(round_##N, T, T, F(round)(a))                                                  \
  RUN1(trunc_##N, T, T, F(trunc)(a))                                                  \
  RUN1(isnan_##N, bool8, T, a != a)                                                   \
  RUN1(isinf_##N, bool8, T, F(fabs)(a) == INF)                                        \
  RUN1(isfinite_##N, bool8, T, F(fabs)(a) < INF)                                      \
  RUN1(same_##N, T, T, a)                                                             \
  RUN1(zero_##N, T, T, a != a ? a : (T)0)                                             \
  COMPARE_OPS(N, T)

// As Lua: the remainder of fmod, moved to the sign of b.
#define FLOAT_MOD(N, T, F)                                   \
  static inline T float_mod_##N(T a, T b) {                  \
    T m = F(fmod)(a, b);                                     \
    return (m > 0 && b < 0) || (m < 0 && b > 0) ? m + b : m; \
  }
#define F32F(x) x##f
#define F64F(x) x
FLOAT_MOD(f32, float, F32F)
FLOAT_MOD(f64, double, F64F)

INT_OPS(u8, uint8_t, uint8_t, 8)
INT_OPS(i32, int32_t, uint32_t, 32)
INT_OPS(i64, int64_t, uint64_t, 64)
FLOAT_OPS(f32, float, F32F, INFINITY)
FLOAT_OPS(f64, double, F64F, (double)INFINITY)

#define ROW_ALL_REAL(op) [OW_OP_##op] = {op##_u8, op##_i32, op##_i64, op##_f32, op##_f64}
#define ROW_INT(op) [OW_OP_##op] = {op##_u8, op##_i32, op##_i64}
#define ROW_FLOAT(op) [OW_OP_##op] = {[OW_F32] = op##_f32, [OW_F64] = op##_f64}
#define ROW_ROUND(op) [OW_OP_##op] = {same_u8, same_i32, same_i64, op##_f32, op##_f64}

#define REAL_ROWS                                                                        \
  ROW_ALL_REAL(mod), ROW_ALL_REAL(idiv), ROW_ALL_REAL(minimum), ROW_ALL_REAL(maximum),   \
  ROW_ALL_REAL(lt), ROW_ALL_REAL(le), ROW_ALL_REAL(gt), ROW_ALL_REAL(ge),                \
  ROW_ALL_REAL(sign), ROW_INT(band), ROW_INT(bor), ROW_INT(bxor), ROW_INT(shl), ROW_INT(shr), ROW_INT(bnot), \
  ROW_FLOAT(rsqrt), ROW_ROUND(floor), ROW_ROUND(ceil), ROW_ROUND(round), ROW_ROUND(trunc)
