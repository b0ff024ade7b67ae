// Operations on a device (OpenCL): what op.c and reduce.c hand over.
#ifndef OW_OP_OP_CL_H
#define OW_OP_OP_CL_H
#include "op/op.h"
#include "op/reduce.h"

bool ow_op_on_device(ow_op_id id, ow_dtype compute);
// t[0] = op(t[1], t[2]), all of one shape; arguments on t[0]'s device or numbers.
bool ow_op_run_cl(const ow_op *op, ow_dtype compute, const ow_tensor *const *t, ow_err *e);
// As ow_reduce.
bool ow_reduce_cl(ow_reduce_id r, const ow_tensor *t, unsigned axes, bool keepdims, double ddof, ow_tensor *out, ow_err *e);

#endif
