#include "op/op.h"
const ow_op_kernels OW_ISA_FN(ow_vmath) = {.run = {{0}}};
