// Products of rows and packed weights: tiles of TILE rows and two vectors of outputs stay in
// registers; the maximum over the rows is taken there too, before bias and ReLU, which keep order.
#include "nn/pointnet.h"

#include "nn/vec.h"

#if defined(__AVX512F__)
enum { TILE = 8 };
INL vec_float spread(const float *p) { return (vec_float)_mm512_set1_ps(*p); }
INL vec_float larger(vec_float a, vec_float b) { return (vec_float)_mm512_max_ps((__m512)a, (__m512)b); }
#else
enum { TILE = 4 };
INL vec_float spread(const float *p) { return all_float(*p); }
INL vec_float larger(vec_float a, vec_float b) {
  typedef int32_t mask __attribute__((vector_size(OW_VBYTES)));
  mask m = a > b;
  return (vec_float)((m & (mask)a) | (~m & (mask)b));
}
#endif
enum { WIDE = OW_VBYTES / 4, PANEL = OW_POINTNET_PANEL };

#define EACH_ROW _Pragma("GCC unroll 8") for (int r = 0; r < TILE; r++)

// acc[r] += rows of x times the panel, two vectors of outputs
#define ACCUMULATE                                          \
  for (int64_t i = 0; i < k; i++, w += PANEL) {             \
    vec_float b0 = load_float(w), b1 = load_float(w + WIDE); \
    EACH_ROW {                                              \
      vec_float a = spread(x + r * ldx + i);                \
      acc0[r] = fma_float(a, b0, acc0[r]);                  \
      acc1[r] = fma_float(a, b1, acc1[r]);                  \
    }                                                       \
  }

// Functions of their own: inlined into the loops over tiles, the row pointers would not fit the
// registers, and what is spilled would be read in the inner loop.
static __attribute__((noinline)) void write_tile(const float *x, int64_t ldx, int64_t k, const float *w, const float *bias, float least, float *y, int64_t ldy) {
  vec_float acc0[TILE], acc1[TILE];
  EACH_ROW acc0[r] = load_float(bias), acc1[r] = load_float(bias + WIDE);
  ACCUMULATE
  vec_float floor = all_float(least);
  EACH_ROW {
    *(vec_float *)(y + r * ldy) = larger(acc0[r], floor);
    *(vec_float *)(y + r * ldy + WIDE) = larger(acc1[r], floor);
  }
}

static __attribute__((noinline)) void max_tile(const float *x, int64_t ldx, int64_t k, const float *w, float *y) {
  vec_float acc0[TILE], acc1[TILE], best0 = load_float(y), best1 = load_float(y + WIDE);
  EACH_ROW acc0[r] = acc1[r] = (vec_float){0};
  ACCUMULATE
  EACH_ROW best0 = larger(acc0[r], best0), best1 = larger(acc1[r], best1);
  *(vec_float *)y = best0;
  *(vec_float *)(y + WIDE) = best1;
}

static const float *panel(const ow_pointnet_layer *l, int64_t j) { return l->w + j / PANEL * PANEL * l->inputs + j % PANEL; }

static void rows(const ow_pointnet_layer *l, const float *x, int64_t ldx, int64_t m, bool relu, float *y, int64_t ldy) {
  for (int64_t j = 0; j < l->outputs; j += 2 * WIDE)
    for (int64_t i = 0; i < m; i += TILE)
      write_tile(x + i * ldx, ldx, l->inputs, panel(l, j), l->bias + j, relu ? 0 : -INFINITY, y + i * ldy + j, ldy);
}

static void rows_max(const ow_pointnet_layer *l, const float *x, int64_t ldx, int64_t m, float *y) {
  for (int64_t j = 0; j < l->outputs; j += 2 * WIDE) {
    for (int64_t c = j; c < j + 2 * WIDE; c++) y[c] = -INFINITY;
    for (int64_t i = 0; i < m; i += TILE) max_tile(x + i * ldx, ldx, l->inputs, panel(l, j), y + j);
    for (int64_t c = j; c < j + 2 * WIDE; c++) y[c] = y[c] + l->bias[c] > 0 ? y[c] + l->bias[c] : 0;
  }
}

const ow_pointnet_kernels OW_ISA_FN(ow_pointnet_table) = {rows, rows_max};
