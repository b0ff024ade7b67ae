// Arithmetic kernels, compiled once per ISA. The loops are plain: the compiler vectorises
// them to the width of the ISA, and memory is the limit.
#include "op/arith.h"
#include "op/cplx.h"
#include "simd/stream.h"

#if OW_HAS_STREAM
static void stream(char *d, const char *s, int64_t bytes) {
  ow_stream(d, s, bytes);
  ow_stream_end();
}
#else
#define stream NULL
#endif

const ow_op_kernels OW_ISA_FN(ow_arith) = {.run = {REAL_ROWS, COMPLEX_ROWS}, .conv = CONV_TABLE, .stream = stream};
