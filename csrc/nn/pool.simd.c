// Rows of pooling windows.
#include "nn/pool.h"

#include "nn/vec.h"

static void copy_past(void *to, const void *from, int64_t bytes) {
  ow_stream(to, from, bytes);
  ow_stream_end();
}

#if defined(__AVX512F__)
// 2x2x2 windows of floats, 16 outputs at a time: even and odd columns of the four lines, taken
// in the order of the plane; "not <=" lets NaN win over all but NaN.
static void fast_222_float(const float *restrict x, int64_t plane, int64_t w, int64_t n, float *restrict y, int32_t *restrict b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  const int64_t off[4] = {0, w, plane, plane + w};
  const uintptr_t ahead = plane <= 4096 ? (uintptr_t)plane * 8 : 2048;  // bytes
  for (int64_t j = 0; j < n; j += 16) {
    int64_t m = n - j < 16 ? n - j : 16;
    __mmask16 low = m >= 8 ? 0xffff : (__mmask16)((1u << 2 * m) - 1), high = m >= 16 ? 0xffff : m <= 8 ? 0 : (__mmask16)((1u << (2 * m - 16)) - 1);
    __m512 t = _mm512_setzero_ps();
    __m512i best = _mm512_setzero_si512();
    for (int k = 0; k < 4; k++) {
      const float *r = x + off[k] + 2 * j;
      // Lines are short and planes a page apart: the processor's own prefetch starts anew at each.
      _mm_prefetch((const char *)((uintptr_t)r + ahead), _MM_HINT_T0);
      _mm_prefetch((const char *)((uintptr_t)r + ahead + 64), _MM_HINT_T0);
      __m512 a = _mm512_maskz_loadu_ps(low, r), c = _mm512_maskz_loadu_ps(high, r + 16);
      __m512 v[2] = {_mm512_permutex2var_ps(a, even, c), _mm512_permutex2var_ps(a, odd, c)};
      for (int l = 0; l < 2; l++) {
        if (!k && !l) {
          t = v[0];
          continue;
        }
        __mmask16 wins = _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(t, t, _CMP_ORD_Q), v[l], t, _CMP_NLE_UQ);
        t = _mm512_mask_mov_ps(t, wins, v[l]);
        best = _mm512_mask_mov_epi32(best, wins, _mm512_set1_epi32((int32_t)(off[k] + l)));
      }
    }
    __mmask16 some = m >= 16 ? 0xffff : (__mmask16)((1u << m) - 1);
    best = _mm512_add_epi32(best, _mm512_add_epi32(even, _mm512_set1_epi32((int32_t)(2 * j))));
    _mm512_mask_storeu_ps(y + j, some, t);
    _mm512_mask_storeu_epi32(b + j, some, best);
  }
}
#define MAX_222 fast_222
#else
#define MAX_222 max_222
#endif
#define T float
#define INT int32_t
#include "nn/pool_body.h"
#undef T
#undef INT
#undef MAX_222
#define MAX_222 max_222
#define T double
#define INT int64_t
#include "nn/pool_body.h"
#undef T
#undef INT

#define KERNELS(T) {max_row_##T, sum_row_##T, spread_row_##T, copy_past}
const ow_pool_table_t OW_ISA_FN(ow_pool_table) = {{KERNELS(float), KERNELS(double)}};
