// The true value is taken in long double (64-bit significand on x86, 113 bits on most Arm
// systems), so an error can be told to about a thousandth of an ulp of f64.
#include "op/ulp.h"

#include <float.h>
#include <math.h>

typedef long double real;

static real recip(real x) { return 1 / x; }
static real rsqrt_l(real x) { return 1 / sqrtl(x); }
static real lgamma_long(real x) {
  int sign;
  return lgammal_r(x, &sign);
}

static const struct { real (*f1)(real); real (*f2)(real, real); } truth[OW_NOPS] = {
#define F1(op, f) [OW_OP_##op] = {.f1 = f}
#define F2(op, f) [OW_OP_##op] = {.f2 = f}
    F1(sqrt, sqrtl), F1(rsqrt, rsqrt_l), F1(reciprocal, recip), F1(cbrt, cbrtl), F1(exp, expl), F1(expm1, expm1l),
    F1(exp2, exp2l), F1(log, logl), F1(log1p, log1pl), F1(log2, log2l), F1(log10, log10l), F1(sin, sinl), F1(cos, cosl),
    F1(tan, tanl), F1(asin, asinl), F1(acos, acosl), F1(atan, atanl), F1(sinh, sinhl), F1(cosh, coshl), F1(tanh, tanhl),
    F1(asinh, asinhl), F1(acosh, acoshl), F1(atanh, atanhl), F1(erf, erfl), F1(erfc, erfcl), F1(gamma, tgammal),
    F1(lgamma, lgamma_long), F2(pow, powl), F2(atan2, atan2l), F2(hypot, hypotl)};

// Distance in ulps of the target precision (digits, smallest exponent).
static double error_in_ulp(double got, real want, int digits, int min_exp, double largest) {
  int ex;
  real rounded = want;
  if (isinf(want) || fabsl(want) > largest * (1 + ldexpl(1, -digits - 1))) rounded = copysignl(INFINITY, want);
  if (isinf(got) || isinf(rounded)) {
    if (isinf(got) && isinf(rounded)) return got == (double)rounded ? 0 : INFINITY;
    if (fabsl(want) > (real)largest / 2) return 1;  // one step between the largest number and infinity
    return INFINITY;
  }
  frexpl(want, &ex);
  if (want == 0 || ex < min_exp) ex = min_exp;
  return (double)(fabsl((real)got - want) / ldexpl(1, ex - digits));
}

bool ow_op_ulp(const ow_op *op, const ow_tensor *a, const ow_tensor *b, bool reference, ow_ulp_report *r, ow_err *e) {
  *r = (ow_ulp_report){0};
  if (!truth[op->id].f1 && !truth[op->id].f2) return OW_FAIL(e, OW_EARG, "%s is exact or has no long double form", op->name);
  const ow_tensor *in[2] = {a, b};
  ow_tensor out = {0};
  if (!ow_op_apply(op, &out, in, reference, e)) return false;
  bool single = a->dtype == OW_F32;
  int64_t n = ow_tensor_numel(a);
  const void *pa = ow_tensor_data(a), *pb = b ? ow_tensor_data(b) : NULL, *po = ow_tensor_data(&out);
#define AT(p, i) (single ? (double)((const float *)(p))[i] : ((const double *)(p))[i])
  for (int64_t i = 0; i < n; i++) {
    double x = AT(pa, i), y = pb ? AT(pb, i) : 0, got = AT(po, i);
    real want = truth[op->id].f1 ? truth[op->id].f1(x) : truth[op->id].f2(x, y);
    bool wrong = isnan(got) != isnan(want) || (!isnan(want) && got == 0 && want == 0 && !signbit(got) != !signbit(want));
    double u = isnan(want) || wrong ? 0
               : single ? error_in_ulp(got, want, 24, FLT_MIN_EXP, FLT_MAX) : error_in_ulp(got, want, 53, DBL_MIN_EXP, DBL_MAX);
    if (isinf(u)) wrong = true;
    if (wrong) {
      if (!r->mismatches++) r->first[0] = x, r->first[1] = y;
    } else if (u > r->worst) {
      r->worst = u;
      r->at[0] = x;
      r->at[1] = y;
    }
  }
  ow_tensor_close(&out);
  return true;
}
