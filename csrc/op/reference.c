// The scalar reference: the bodies of arith.h without vectorisation, and every function
// through the C library (glibc: below 1 ulp for most, see its manual). Vector kernels are
// tested against it, and stand in front of it where they exist.
#pragma GCC optimize("no-tree-vectorize")
#include "op/arith.h"
#include "op/cplx.h"

#define LIBM1(op, fn) \
  RUN1(op##_f32, float, float, fn##f(a)) \
  RUN1(op##_f64, double, double, fn(a))
#define LIBM2(op, fn) \
  RUN2(op##_f32, float, float, fn##f(a, b)) \
  RUN2(op##_f64, double, double, fn(a, b))

static double lgamma_sign(double x) {
  int sign;
  return lgamma_r(x, &sign);
}
static float lgamma_signf(float x) {
  int sign;
  return lgammaf_r(x, &sign);
}

LIBM2(pow, pow)
LIBM2(atan2, atan2)
LIBM2(hypot, hypot)
#define LIBM_LIST(X)                                                                       \
  X(cbrt, cbrt) X(exp, exp) X(expm1, expm1) X(exp2, exp2) X(log, log) X(log1p, log1p)      \
  X(log2, log2) X(log10, log10) X(sin, sin) X(cos, cos) X(tan, tan) X(asin, asin)          \
  X(acos, acos) X(atan, atan) X(sinh, sinh) X(cosh, cosh) X(tanh, tanh) X(asinh, asinh)    \
  X(acosh, acosh) X(atanh, atanh) X(erf, erf) X(erfc, erfc) X(gamma, tgamma) X(lgamma, lgamma_sign)
LIBM_LIST(LIBM1)

// The rows below replace the complex-only ones of COMPLEX_ROWS.
#pragma GCC diagnostic ignored "-Woverride-init"
const ow_op_kernels ow_reference = {
    .run = {REAL_ROWS, COMPLEX_ROWS, ROW_FLOAT(atan2), ROW_FLOAT(hypot), ROW_FC(pow), ROW_FC(exp), ROW_FC(log),
            ROW_FC(sin), ROW_FC(cos), ROW_FC(tan), ROW_FC(sinh), ROW_FC(cosh), ROW_FC(tanh), ROW_FLOAT(cbrt),
            ROW_FLOAT(expm1), ROW_FLOAT(exp2), ROW_FLOAT(log1p), ROW_FLOAT(log2), ROW_FLOAT(log10), ROW_FLOAT(asin),
            ROW_FLOAT(acos), ROW_FLOAT(atan), ROW_FLOAT(asinh), ROW_FLOAT(acosh), ROW_FLOAT(atanh), ROW_FLOAT(erf),
            ROW_FLOAT(erfc), ROW_FLOAT(gamma), ROW_FLOAT(lgamma)},
    .conv = CONV_TABLE};
