// Register tiles of the direct convolution (forward and input gradient): OB output channels x LV
// vectors of positions. One input vector serves OB multiply-adds, one broadcast weight LV; the
// accumulators fill the register file, so that the two multiply-add units and not the loads set the pace.
#include "nn/activation.h"
#include "nn/direct.h"
#include "nn/direct_vector.h"

// Vectors that go with each number of channels.
#if defined(__AVX512F__) || defined(__aarch64__)
#define OW_TILE_O 14
static const unsigned char widest[OW_TILE_O + 1] = {0, 8, 8, 8, 6, 5, 4, 4, 3, 3, 2, 2, 2, 2, 2};
#define UP2(M, o) M(o, 1) M(o, 2)
#define UP3(M, o) UP2(M, o) M(o, 3)
#define UP4(M, o) UP3(M, o) M(o, 4)
#define UP5(M, o) UP4(M, o) M(o, 5)
#define UP6(M, o) UP5(M, o) M(o, 6)
#define UP8(M, o) UP6(M, o) M(o, 7) M(o, 8)
#define OW_TILES(M) UP8(M, 1) UP8(M, 2) UP8(M, 3) UP6(M, 4) UP5(M, 5) UP4(M, 6) UP4(M, 7) UP3(M, 8) UP3(M, 9) \
  UP2(M, 10) UP2(M, 11) UP2(M, 12) UP2(M, 13) UP2(M, 14)
#else  // 16 registers
#define OW_TILE_O 6
static const unsigned char widest[OW_TILE_O + 1] = {0, 6, 5, 3, 3, 2, 2};
#define UP2(M, o) M(o, 1) M(o, 2)
#define UP3(M, o) UP2(M, o) M(o, 3)
#define UP5(M, o) UP3(M, o) M(o, 4) M(o, 5)
#define OW_TILES(M) UP5(M, 1) M(1, 6) UP5(M, 2) UP3(M, 3) UP3(M, 4) UP2(M, 5) UP2(M, 6)
#endif

typedef int32_t int_f32;
typedef int64_t int_f64;
#define T float
#define NAME(f) f##_f32
#define FMA FMA_f
#include "nn/direct_tile.h"
#undef T
#undef NAME
#undef FMA
#define T double
#define NAME(f) f##_f64
#define FMA FMA_d
#include "nn/direct_tile.h"

const ow_direct_table OW_ISA_FN(ow_direct) = {OW_VBYTES, OW_TILE_O, widest, tile_f32, tile_f64};
