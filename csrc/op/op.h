// Elementwise operations: a table of op x dtype -> kernel, and one driver that broadcasts,
// converts and cuts the work into fixed chunks. Kernels see one run of elements at a time.
#ifndef OW_OP_OP_H
#define OW_OP_OP_H
#include "base/tensor.h"
#include "op/list.h"
#include "simd/isa.h"

typedef enum {
#define OW_OP_ID(id, ...) OW_OP_##id,
  OW_OP_LIST(OW_OP_ID)
#undef OW_OP_ID
  OW_NOPS
} ow_op_id;

typedef enum { OW_RULE_SAME, OW_RULE_FLOAT, OW_RULE_BOOL, OW_RULE_PART, OW_RULE_INT } ow_op_rule;

typedef struct {
  ow_op_id id;
  const char *name;
  int arity;
  ow_op_rule rule;
  double lo[2], hi[2];  // where tests draw the arguments
  const char *doc;
} ow_op;

extern const ow_op ow_ops[OW_NOPS];
const ow_op *ow_op_find(const char *name);  // NULL: unknown

// One run: p[0] = result, p[1], p[2] = arguments, s = byte strides (0 repeats an argument).
// The result may be exactly an argument (same address and stride), never a shifted one.
// False: an integer was divided by zero.
typedef bool (*ow_run)(char *const *p, const int64_t *s, int64_t n);
#define OW_NKERNEL_DTYPES (OW_C128 + 1)
typedef struct {
  ow_run run[OW_NOPS][OW_NKERNEL_DTYPES];                   // by the dtype computed in
  ow_run conv[OW_NKERNEL_DTYPES][OW_NKERNEL_DTYPES];        // [to][from]; NULL where it would lose
  void (*stream)(char *d, const char *s, int64_t bytes);    // memcpy past the caches; NULL: none
} ow_op_kernels;
OW_SIMD_TABLE(ow_op_kernels, ow_arith)  // arithmetic: bodies in arith.h, cplx.h
OW_SIMD_TABLE(ow_op_kernels, ow_vmath)  // own transcendental functions
OW_SIMD_TABLE(ow_op_kernels, ow_vmath32)  // the same in float lanes, where there is FMA
extern const ow_op_kernels ow_reference;  // scalar: the same bodies unvectorised, and libm

// The kernel in force, or the scalar reference; NULL when the op is not defined there.
ow_run ow_op_kernel(ow_op_id op, ow_dtype dtype, bool reference);

// Dtypes of an application: what is computed in, what comes out. OW_EDTYPE when undefined.
bool ow_op_dtypes(const ow_op *op, const ow_tensor *const *in, ow_dtype *compute, ow_dtype *result, ow_err *e);

// The dtype that a number takes beside a tensor of dtype t: t when it can hold it; a
// fraction beside integers is f64, an integer that does not fit i32 or i64.
ow_dtype ow_op_number_dtype(ow_dtype t, bool is_integer, int64_t value);

// out: closed (a new tensor is made) or an open tensor of the broadcast shape, whose dtype
// must be able to hold the result (a float may round to a smaller float). It may be one of
// the arguments, or overlap one. Fails with OW_EINTR on interrupt.
bool ow_op_apply(const ow_op *op, ow_tensor *out, const ow_tensor *const *in, bool reference, ow_err *e);

#endif
