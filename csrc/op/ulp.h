// Accuracy of a kernel against the C library's long double functions.
#ifndef OW_OP_ULP_H
#define OW_OP_ULP_H
#include "op/op.h"

typedef struct {
  double worst;      // largest error in units of the last place of the true value
  double at[2];      // the arguments there
  int64_t mismatches;  // NaN for a number or the other way, wrong infinity, wrong sign of zero
  double first[2];   // arguments of the first mismatch
} ow_ulp_report;

// a, b (b NULL for arity 1): contiguous f32 or f64 tensors of one shape and dtype.
bool ow_op_ulp(const ow_op *op, const ow_tensor *a, const ow_tensor *b, bool reference, ow_ulp_report *r, ow_err *e);

#endif
