// The op table's one list: elementwise operations with arity, result rule, the range from
// which tests draw arguments, and the doc line. Adding a row here and a kernel in
// arith.h, cplx.h, libm.h or math.simd.c (math32.simd.c) is all that a new operation needs; the bindings,
// the backend spec and the reference docs walk this list.
//
// Rules (c = promoted dtype of the arguments; f16 and bf16 compute as f32):
//   SAME   computes and answers in c
//   FLOAT  integers compute and answer in f64, others in c
//   BOOL   computes in c, answers u8 (0 or 1)
//   PART   as SAME; complex answers its real type (c64 -> f32, c128 -> f64)
//   INT    integers only, answers c
//
//  OP(id, arity, rule, lo1, hi1, lo2, hi2, doc)
#define OW_OP_LIST(OP)                                                                          \
  OP(add, 2, SAME, -9, 9, -9, 9, "a + b; integers wrap around, as in Lua")                      \
  OP(sub, 2, SAME, -9, 9, -9, 9, "a - b; integers wrap around")                                 \
  OP(mul, 2, SAME, -9, 9, -9, 9, "a * b, element by element; integers wrap around")             \
  OP(div, 2, FLOAT, -9, 9, 0.5, 9, "a / b; integers give f64, as in Lua")                       \
  OP(pow, 2, FLOAT, 0.1, 9, -3, 3, "a ^ b; integers give f64, as in Lua")                       \
  OP(mod, 2, SAME, -9, 9, 1, 9, "a % b, floored as in Lua (sign of b); an integer b = 0 raises") \
  OP(idiv, 2, SAME, -9, 9, 1, 9, "a // b, floored as in Lua; an integer b = 0 raises")          \
  OP(minimum, 2, SAME, -9, 9, -9, 9, "the smaller of a and b; NaN wins")                        \
  OP(maximum, 2, SAME, -9, 9, -9, 9, "the larger of a and b; NaN wins")                         \
  OP(atan2, 2, FLOAT, -9, 9, -9, 9, "angle of the point (b, a), radians in [-pi, pi]")          \
  OP(hypot, 2, FLOAT, -9, 9, -9, 9, "sqrt(a^2 + b^2) without overflow")                         \
  OP(eq, 2, BOOL, -3, 3, -3, 3, "a == b")                                                       \
  OP(ne, 2, BOOL, -3, 3, -3, 3, "a ~= b (true for NaN)")                                        \
  OP(lt, 2, BOOL, -3, 3, -3, 3, "a < b")                                                        \
  OP(le, 2, BOOL, -3, 3, -3, 3, "a <= b")                                                       \
  OP(gt, 2, BOOL, -3, 3, -3, 3, "a > b")                                                        \
  OP(ge, 2, BOOL, -3, 3, -3, 3, "a >= b")                                                       \
  OP(logical_and, 2, BOOL, 0, 2, 0, 2, "a and b both nonzero")                                  \
  OP(logical_or, 2, BOOL, 0, 2, 0, 2, "a or b nonzero")                                         \
  OP(logical_xor, 2, BOOL, 0, 2, 0, 2, "exactly one of a and b nonzero")                        \
  OP(band, 2, INT, 0, 99, 0, 99, "bitwise and")                                                 \
  OP(bor, 2, INT, 0, 99, 0, 99, "bitwise or")                                                   \
  OP(bxor, 2, INT, 0, 99, 0, 99, "bitwise exclusive or")                                        \
  OP(shl, 2, INT, 0, 99, 0, 9, "a << b, as in Lua (0 when b passes the width, b < 0 shifts right)") \
  OP(shr, 2, INT, 0, 99, 0, 9, "a >> b, filling with zeros, as in Lua")                         \
  OP(bnot, 1, INT, 0, 99, 0, 0, "bitwise not")                                                  \
  OP(logical_not, 1, BOOL, 0, 2, 0, 0, "1 where a is zero")                                     \
  OP(neg, 1, SAME, -9, 9, 0, 0, "minus a")                                                           \
  OP(abs, 1, PART, -9, 9, 0, 0, "magnitude; of a complex its modulus")                          \
  OP(sign, 1, SAME, -9, 9, 0, 0, "-1, 0 or 1; NaN stays")                                       \
  OP(square, 1, SAME, -9, 9, 0, 0, "a * a")                                                     \
  OP(reciprocal, 1, FLOAT, 0.5, 9, 0, 0, "1 / a")                                               \
  OP(sqrt, 1, FLOAT, 0, 99, 0, 0, "square root")                                                \
  OP(rsqrt, 1, FLOAT, 0.01, 99, 0, 0, "1 / sqrt(a)")                                            \
  OP(cbrt, 1, FLOAT, -99, 99, 0, 0, "cube root")                                                \
  OP(exp, 1, FLOAT, -20, 20, 0, 0, "e^a")                                                       \
  OP(expm1, 1, FLOAT, -5, 5, 0, 0, "e^a - 1, exact near 0")                                     \
  OP(exp2, 1, FLOAT, -20, 20, 0, 0, "2^a")                                                      \
  OP(log, 1, FLOAT, 0.01, 99, 0, 0, "natural logarithm")                                        \
  OP(log1p, 1, FLOAT, -0.9, 9, 0, 0, "log(1 + a), exact near 0")                                \
  OP(log2, 1, FLOAT, 0.01, 99, 0, 0, "logarithm to base 2")                                     \
  OP(log10, 1, FLOAT, 0.01, 99, 0, 0, "logarithm to base 10")                                   \
  OP(sin, 1, FLOAT, -9, 9, 0, 0, "sine of radians")                                             \
  OP(cos, 1, FLOAT, -9, 9, 0, 0, "cosine of radians")                                           \
  OP(tan, 1, FLOAT, -1.5, 1.5, 0, 0, "tangent of radians")                                      \
  OP(asin, 1, FLOAT, -1, 1, 0, 0, "arc sine, radians in [-pi/2, pi/2]")                         \
  OP(acos, 1, FLOAT, -1, 1, 0, 0, "arc cosine, radians in [0, pi]")                             \
  OP(atan, 1, FLOAT, -9, 9, 0, 0, "arc tangent, radians in [-pi/2, pi/2]")                      \
  OP(sinh, 1, FLOAT, -5, 5, 0, 0, "hyperbolic sine")                                            \
  OP(cosh, 1, FLOAT, -5, 5, 0, 0, "hyperbolic cosine")                                          \
  OP(tanh, 1, FLOAT, -5, 5, 0, 0, "hyperbolic tangent")                                         \
  OP(asinh, 1, FLOAT, -9, 9, 0, 0, "inverse hyperbolic sine")                                   \
  OP(acosh, 1, FLOAT, 1, 9, 0, 0, "inverse hyperbolic cosine, a >= 1")                          \
  OP(atanh, 1, FLOAT, -0.9, 0.9, 0, 0, "inverse hyperbolic tangent, |a| <= 1")                  \
  OP(erf, 1, FLOAT, -4, 4, 0, 0, "error function")                                              \
  OP(erfc, 1, FLOAT, -4, 4, 0, 0, "1 - erf(a), exact in the tail")                              \
  OP(gamma, 1, FLOAT, 0.1, 9, 0, 0, "gamma function")                                           \
  OP(lgamma, 1, FLOAT, 0.1, 99, 0, 0, "log |gamma(a)|")                                         \
  OP(floor, 1, SAME, -9, 9, 0, 0, "largest integer not above a (dtype kept)")                   \
  OP(ceil, 1, SAME, -9, 9, 0, 0, "smallest integer not below a (dtype kept)")                   \
  OP(round, 1, SAME, -9, 9, 0, 0, "nearest integer, halves away from zero (dtype kept)")        \
  OP(trunc, 1, SAME, -9, 9, 0, 0, "integer part, towards zero (dtype kept)")                    \
  OP(isnan, 1, BOOL, -9, 9, 0, 0, "1 where a is NaN")                                           \
  OP(isinf, 1, BOOL, -9, 9, 0, 0, "1 where a is infinite")                                      \
  OP(isfinite, 1, BOOL, -9, 9, 0, 0, "1 where a is neither infinite nor NaN")                   \
  OP(real, 1, PART, -9, 9, 0, 0, "real part")                                                   \
  OP(imag, 1, PART, -9, 9, 0, 0, "imaginary part (0 for real dtypes)")                          \
  OP(conj, 1, SAME, -9, 9, 0, 0, "complex conjugate")                                           \
  OP(arg, 1, PART, -9, 9, 0, 0, "phase, radians in [-pi, pi]; 0 or pi for real dtypes")
