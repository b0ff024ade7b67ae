// Rows of pooling windows.
#include "nn/pool.h"

#include "nn/vec.h"

static void copy_past(void *to, const void *from, int64_t bytes) {
  ow_stream(to, from, bytes);
  ow_stream_end();
}

#define T float
#define INT int32_t
#include "nn/pool_body.h"
#undef T
#undef INT
#define T double
#define INT int64_t
#include "nn/pool_body.h"
#undef T
#undef INT

#define KERNELS(T) {max_row_##T, sum_row_##T, spread_row_##T, copy_past}
const ow_pool_table_t OW_ISA_FN(ow_pool_table) = {{KERNELS(float), KERNELS(double)}};
