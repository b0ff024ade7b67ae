// Elementwise operations on a device: one kernel (opencl/elementwise.cl) made for each
// operation and its dtypes from a table of expressions, compiled when first used.
#include "op/op_cl.h"

#include <stdio.h>
#include <string.h>

#include "opencl/launch.h"
#include "opencl/walk.h"

// Expressions of a and b: for floats, for integers. NULL: not on the device.
static const struct { const char *real, *integer; } expressions[OW_NOPS] = {
#define SAME_FOR_INT(id) [OW_OP_##id] = {#id "(a)", "a"}
#define CALL(id) [OW_OP_##id] = {#id "(a)", NULL}
#define COMPARE(id, op) [OW_OP_##id] = {"a " op " b", "a " op " b"}
#define LOGICAL(id, op) [OW_OP_##id] = {"(a != 0) " op " (b != 0)", "(a != 0) " op " (b != 0)"}
#define BITS(id, x) [OW_OP_##id] = {NULL, x}
    [OW_OP_add] = {"a + b", "(U)a + (U)b"}, [OW_OP_sub] = {"a - b", "(U)a - (U)b"},
    [OW_OP_mul] = {"a * b", "(U)a * (U)b"}, [OW_OP_div] = {"a / b", NULL}, [OW_OP_pow] = {"pow(a, b)", NULL},
    [OW_OP_mod] = {"float_mod(a, b)", "int_mod(a, b)"}, [OW_OP_idiv] = {"floor(a / b)", "int_idiv(a, b)"},
    [OW_OP_minimum] = {"a < b || a != a ? a : b", "a < b ? a : b"},
    [OW_OP_maximum] = {"a > b || a != a ? a : b", "a > b ? a : b"},
    [OW_OP_atan2] = {"atan2(a, b)", NULL}, [OW_OP_hypot] = {"hypot(a, b)", NULL},
    COMPARE(eq, "=="), COMPARE(ne, "!="), COMPARE(lt, "<"), COMPARE(le, "<="), COMPARE(gt, ">"), COMPARE(ge, ">="),
    LOGICAL(logical_and, "&"), LOGICAL(logical_or, "|"), LOGICAL(logical_xor, "^"),
    BITS(band, "a & b"), BITS(bor, "a | b"), BITS(bxor, "a ^ b"), BITS(bnot, "~a"),
    BITS(shl, "SHIFT(a, (long)b)"), BITS(shr, "SHIFT(a, (b == LONG_MIN ? LONG_MAX : -(long)b))"),
    [OW_OP_logical_not] = {"a == 0", "a == 0"}, [OW_OP_neg] = {"-a", "(U)0 - (U)a"},
    [OW_OP_abs] = {"fabs(a)", "a < 0 ? (TC)((U)0 - (U)a) : a"},
    [OW_OP_sign] = {"a > 0 ? (TC)1 : a < 0 ? (TC)-1 : a == a ? (TC)0 : a", "(a > 0) - (a < 0)"},
    [OW_OP_square] = {"a * a", "(U)a * (U)a"}, [OW_OP_reciprocal] = {"1 / a", NULL},
    [OW_OP_rsqrt] = {"1 / sqrt(a)", NULL}, [OW_OP_gamma] = {"tgamma(a)", NULL},
    CALL(sqrt), CALL(cbrt), CALL(exp), CALL(expm1), CALL(exp2), CALL(log), CALL(log1p), CALL(log2), CALL(log10), CALL(sin),
    CALL(cos), CALL(tan), CALL(asin), CALL(acos), CALL(atan), CALL(sinh), CALL(cosh), CALL(tanh), CALL(asinh), CALL(acosh),
    CALL(atanh), CALL(erf), CALL(erfc), CALL(lgamma),
    SAME_FOR_INT(floor), SAME_FOR_INT(ceil), SAME_FOR_INT(round), SAME_FOR_INT(trunc),
    [OW_OP_isnan] = {"a != a", "0"}, [OW_OP_isinf] = {"INF_OF(fabs(a))", "0"}, [OW_OP_isfinite] = {"fabs(a) < (TC)INFINITY", "1"},
    [OW_OP_real] = {"a", "a"}, [OW_OP_conj] = {"a", "a"}, [OW_OP_imag] = {"a != a ? a : (TC)0", "0"},
};

bool ow_op_on_device(ow_op_id id, ow_dtype compute) {
  if (compute > OW_F64) return false;
  return (ow_dtype_is_int(compute) ? expressions[id].integer : expressions[id].real) != NULL;
}

// C's conversion without a check: int to int wraps, what is wider holds all.
static const char *convert(ow_dtype to) {
  static const char *const names[] = {"convert_uchar", "convert_int", "convert_long", "convert_float", "convert_double"};
  return names[to];
}

static bool prelude_of(char *out, size_t n, int device, const ow_op *op, ow_dtype compute, ow_dtype in0, ow_dtype in1, ow_dtype to,
                       bool flat, ow_err *e) {
  static const char *const unsigned_of[] = {"uchar", "uint", "ulong"};
  const char *f = ow_op_on_device(op->id, compute) ? ow_dtype_is_int(compute) ? expressions[op->id].integer : expressions[op->id].real : NULL;
  if (!f)
    return OW_FAIL(e, OW_EDEVICE, "not available on %s for %s; move the tensor with t:to('cpu')", ow_device_name(device), ow_dtype_name(compute));
  const ow_dtype all[] = {compute, in0, in1, to};
  for (int k = 0; k < 4; k++)
    if (!ow_cl_can(device, all[k], e)) return false;
  int m = snprintf(out, n, "#define TC %s\n#define TA %s\n#define TB %s\n#define TR %s\n#define A_TO_C(v) %s(v)\n#define B_TO_C(v) %s(v)\n"
                   "#define TO_R(v) %s(v)\n#define F(a, b) %s\n%s", ow_cl_type(compute), ow_cl_type(in0), ow_cl_type(in1), ow_cl_type(to),
                   convert(compute), convert(compute), convert(to), f, flat ? "#define FLAT 1\n" : "");
  if (ow_dtype_is_int(compute))
    m += snprintf(out + m, n - (size_t)m, "#define TC_INT 1\n#define U %s\n#define BITS %d\n%s", unsigned_of[compute],
                  (int)ow_dtype_size(compute) * 8, op->id == OW_OP_mod || op->id == OW_OP_idiv ? "#define CAN_FAIL 1\n" : "");
  return true;
}

bool ow_op_run_cl(const ow_op *op, ow_dtype compute, const ow_tensor *const *t, ow_err *e) {
  int device = t[0]->storage->device;
  char prelude[900];
  ow_cl_walk w;
  // A number repeats by itself; an absent argument follows the first.
  ow_tensor follow[2];
  const ow_tensor *shown[3] = {t[0]};
  for (int k = 1; k <= 2; k++) {
    follow[k - 1] = k <= op->arity ? *t[k] : *t[1];
    shown[k] = &follow[k - 1];
  }
  int64_t n = ow_cl_walk_init(&w, 3, shown);
  bool flat = w.ndim == 0;
  ow_dtype in1 = shown[2]->dtype;
  if (!prelude_of(prelude, sizeof prelude, device, op, compute, shown[1]->dtype, in1, t[0]->dtype, flat, e)) return false;
  ow_cl_launch l;
  if (!ow_cl_begin(&l, device, "elementwise", "apply", prelude, e)) return false;
  l.op = op->name;
  ow_cl_tensor(&l, t[0]);
  for (int k = 1; k <= 2; k++) {
    const ow_tensor *x = shown[k];
    static const double zero = 0;
    bool number = x->storage->device <= OW_CPU;
    ow_cl_tensor(&l, number ? NULL : x);
    ow_cl_bytes(&l, number ? ow_tensor_data(x) : &zero, ow_dtype_size(x->dtype));
  }
  if (flat) for (int k = 0; k < 3; k++) ow_cl_long(&l, w.istride[k]);
  else ow_cl_bytes(&l, &w, sizeof w);
  ow_cl_long(&l, n);
  if (strstr(prelude, "CAN_FAIL")) ow_cl_checks(&l, "integer division by zero");
  else ow_cl_no_checks(&l);
  return ow_cl_run1(&l, n);
}
