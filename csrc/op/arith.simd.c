// Arithmetic kernels, compiled once per ISA. The loops are plain: the compiler vectorises
// them to the width of the ISA, and memory is the limit.
#include "op/arith.h"
#include "op/cplx.h"

// Stores that do not read the line first. Only lines written whole; the edges go by memcpy.
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
static void stream(char *d, const char *s, int64_t bytes) {
  int64_t head = (int64_t)(-(uintptr_t)d & 63);
  if (head > bytes) head = bytes;
  memcpy(d, s, (size_t)head);
  int64_t i = head;
  for (; i + 64 <= bytes; i += 64) {
#if defined(__AVX512F__)
    _mm512_stream_si512((void *)(d + i), _mm512_loadu_si512(s + i));
#elif defined(__AVX2__)
    _mm256_stream_si256((__m256i *)(d + i), _mm256_loadu_si256((const __m256i *)(s + i)));
    _mm256_stream_si256((__m256i *)(d + i + 32), _mm256_loadu_si256((const __m256i *)(s + i + 32)));
#else
    for (int k = 0; k < 64; k += 16)
      _mm_stream_si128((__m128i *)(d + i + k), _mm_loadu_si128((const __m128i *)(s + i + k)));
#endif
  }
  memcpy(d + i, s + i, (size_t)(bytes - i));
  _mm_sfence();
}
#else
#define stream NULL
#endif

const ow_op_kernels OW_ISA_FN(ow_arith) = {.run = {REAL_ROWS, COMPLEX_ROWS}, .conv = CONV_TABLE, .stream = stream};
