// Arithmetic kernels, compiled once per ISA. The loops are plain: the compiler vectorises
// them to the width of the ISA, and memory is the limit.
#include "op/arith.h"
#include "op/cplx.h"

const ow_op_kernels OW_ISA_FN(ow_arith) = {.run = {REAL_ROWS, COMPLEX_ROWS}, .conv = CONV_TABLE};
