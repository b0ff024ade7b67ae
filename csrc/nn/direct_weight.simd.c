// Register tiles of the direct convolution's weight gradient: rows (one number each a position)
// x LV vectors (a vector each a position), summed over the positions of a block; or rows and
// vectors that both run along the positions.
#include <string.h>

#include "nn/direct.h"
#include "nn/direct_vector.h"

#define TO2(M, v) M(1, v) M(2, v)
#define TO4(M, v) TO2(M, v) M(3, v) M(4, v)
#define TO6(M, v) TO4(M, v) M(5, v) M(6, v)
#define TO8(M, v) TO6(M, v) M(7, v) M(8, v)
#if defined(__AVX512F__) || defined(__aarch64__)
#define OW_SUM_V 4
static const unsigned char most[OW_SUM_V + 1] = {0, 8, 8, 8, 6};
#define OW_SUMS(M) TO8(M, 1) TO8(M, 2) TO8(M, 3) TO6(M, 4)
#else  // 16 registers
#define OW_SUM_V 2
static const unsigned char most[OW_SUM_V + 1] = {0, 8, 6};
#define OW_SUMS(M) TO8(M, 1) TO6(M, 2)
#endif

#define T float
#define NAME(f) f##_f32
#define FMA FMA_f
#include "nn/direct_sum.h"
#undef T
#undef NAME
#undef FMA
#define T double
#define NAME(f) f##_f64
#define FMA FMA_d
#include "nn/direct_sum.h"

const ow_direct_weight_table OW_ISA_FN(ow_direct_weight) = {OW_VBYTES, OW_SUM_V, most, sum_f32, sum_f64};
