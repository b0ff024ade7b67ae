// Bodies of the complex kernels, included after arith.h. Multiplication and division are
// C's own (infinities follow Annex G); functions are the C library's.
//
// GCC 12 turns the product of two pairs into vfmaddsub in spite of -ffp-contract=off, in some
// loops and not in others; without the SLP vectoriser it does not.
#pragma GCC push_options
#pragma GCC optimize("no-tree-slp-vectorize")
#define COMPLEX_OPS(N, T, P, F, FC, INF)                                              \
  RUN2(add_##N, T, T, a + b)                                                          \
  RUN2(sub_##N, T, T, a - b)                                                          \
  RUN2(mul_##N, T, T, a * b)                                                          \
  RUN2(div_##N, T, T, a / b)                                                          \
  RUN2(pow_##N, T, T, FC(pow)(a, b))                                                  \
  RUN1(neg_##N, T, T, -a)                                                             \
  RUN1(abs_##N, P, T, FC(abs)(a))                                                     \
  RUN1(square_##N, T, T, a * a)                                                       \
  RUN1(reciprocal_##N, T, T, 1 / a)                                                   \
  RUN1(conj_##N, T, T, ~a)                                                            \
  RUN1(real_##N, P, T, __real__ a)                                                    \
  RUN1(imag_##N, P, T, __imag__ a)                                                    \
  RUN1(arg_##N, P, T, F(atan2)(__imag__ a, __real__ a))                               \
  RUN1(sqrt_##N, T, T, FC(sqrt)(a))                                                   \
  RUN1(exp_##N, T, T, FC(exp)(a))                                                     \
  RUN1(log_##N, T, T, FC(log)(a))                                                     \
  RUN1(sin_##N, T, T, FC(sin)(a))                                                     \
  RUN1(cos_##N, T, T, FC(cos)(a))                                                     \
  RUN1(tan_##N, T, T, FC(tan)(a))                                                     \
  RUN1(sinh_##N, T, T, FC(sinh)(a))                                                   \
  RUN1(cosh_##N, T, T, FC(cosh)(a))                                                   \
  RUN1(tanh_##N, T, T, FC(tanh)(a))                                                   \
  RUN1(isnan_##N, bool8, T, (__real__ a != __real__ a) | (__imag__ a != __imag__ a))  \
  RUN1(isinf_##N, bool8, T, (F(fabs)(__real__ a) == INF) | (F(fabs)(__imag__ a) == INF))   \
  RUN1(isfinite_##N, bool8, T, (F(fabs)(__real__ a) < INF) & (F(fabs)(__imag__ a) < INF))  \
  EQUAL_OPS(N, T)

#define C64F(x) c##x##f
#define C128F(x) c##x
COMPLEX_OPS(c64, ow_c64, float, F32F, C64F, INFINITY)
COMPLEX_OPS(c128, ow_c128, double, F64F, C128F, (double)INFINITY)

#pragma GCC pop_options

// Phase of a real: 0, pi, or NaN.
#define REAL_ARG(N, T, F) RUN1(arg_##N, T, T, a != a ? a : F(atan2)((T)0, a))
REAL_ARG(f32, float, F32F)
REAL_ARG(f64, double, F64F)

#define ROW_COMPLEX(op) [OW_OP_##op] = {[OW_C64] = op##_c64, [OW_C128] = op##_c128}
#define ROW_ALL(op) \
  [OW_OP_##op] = {op##_u8, op##_i32, op##_i64, op##_f32, op##_f64, op##_c64, op##_c128}
#define ROW_FC(op) \
  [OW_OP_##op] = {[OW_F32] = op##_f32, [OW_F64] = op##_f64, [OW_C64] = op##_c64, [OW_C128] = op##_c128}
#define ROW_OF(op, real, cplx) \
  [OW_OP_##op] = {real##_u8, real##_i32, real##_i64, real##_f32, real##_f64, cplx##_c64, cplx##_c128}
#define ROW_CLASS_ALL(op, ints) \
  [OW_OP_##op] = {ints##_u8, ints##_i32, ints##_i64, op##_f32, op##_f64, op##_c64, op##_c128}

#define COMPLEX_ROWS                                                                      \
  ROW_ALL(add), ROW_ALL(sub), ROW_ALL(mul), ROW_FC(div), ROW_COMPLEX(pow), ROW_ALL(neg),  \
  ROW_ALL(abs), ROW_ALL(square), ROW_FC(reciprocal), ROW_OF(conj, same, conj), ROW_OF(real, same, real), \
  ROW_OF(imag, zero, imag), ROW_FC(arg), ROW_FC(sqrt), ROW_COMPLEX(exp), ROW_COMPLEX(log), ROW_COMPLEX(sin), \
  ROW_COMPLEX(cos), ROW_COMPLEX(tan), ROW_COMPLEX(sinh), ROW_COMPLEX(cosh), ROW_COMPLEX(tanh), \
  ROW_CLASS_ALL(isnan, no), ROW_CLASS_ALL(isinf, no), ROW_CLASS_ALL(isfinite, yes),        \
  ROW_ALL(eq), ROW_ALL(ne), ROW_ALL(logical_and), ROW_ALL(logical_or), ROW_ALL(logical_xor), ROW_ALL(logical_not)

// Conversions between arguments and the dtype computed in: only those that lose nothing
// but rounding. Checked conversion lives in base/tensor.c.
#define CONV(F, FT, D, DT) RUN1(conv_##F##_##D, DT, FT, a)
CONV(u8, uint8_t, i32, int32_t)
CONV(u8, uint8_t, i64, int64_t)
CONV(u8, uint8_t, f32, float)
CONV(u8, uint8_t, f64, double)
CONV(u8, uint8_t, c64, ow_c64)
CONV(u8, uint8_t, c128, ow_c128)
CONV(i32, int32_t, i64, int64_t)
CONV(i32, int32_t, f64, double)
CONV(i32, int32_t, c128, ow_c128)
CONV(i64, int64_t, f64, double)
CONV(i64, int64_t, c128, ow_c128)
CONV(f32, float, f64, double)
CONV(f32, float, c64, ow_c64)
CONV(f32, float, c128, ow_c128)
CONV(f64, double, f32, float)
CONV(f64, double, c64, ow_c64)
CONV(f64, double, c128, ow_c128)
CONV(c64, ow_c64, c128, ow_c128)
CONV(c128, ow_c128, c64, ow_c64)

#define CONV_TABLE                                                                           \
  {[OW_I32] = {[OW_U8] = conv_u8_i32},                                                       \
   [OW_I64] = {[OW_U8] = conv_u8_i64, [OW_I32] = conv_i32_i64},                              \
   [OW_F32] = {[OW_U8] = conv_u8_f32, [OW_F64] = conv_f64_f32},                              \
   [OW_F64] = {conv_u8_f64, conv_i32_f64, conv_i64_f64, conv_f32_f64},                       \
   [OW_C64] = {[OW_U8] = conv_u8_c64, [OW_F32] = conv_f32_c64, [OW_F64] = conv_f64_c64, [OW_C128] = conv_c128_c64}, \
   [OW_C128] = {conv_u8_c128, conv_i32_c128, conv_i64_c128, conv_f32_c128, conv_f64_c128, conv_c64_c128}}
