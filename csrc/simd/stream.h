// Stores that do not read the line first, for results that no cache will hold. Only lines
// written whole; the edges go by memcpy. Included by .simd.c files. Other threads may read
// what was stored after ow_stream_end.
#ifndef OW_SIMD_STREAM_H
#define OW_SIMD_STREAM_H
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define OW_HAS_STREAM 1

static inline void ow_stream(void *to, const void *from, int64_t bytes) {
  char *d = to;
  const char *s = from;
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
}
static inline void ow_stream_end(void) { _mm_sfence(); }
#else
#define OW_HAS_STREAM 0
static inline void ow_stream(void *to, const void *from, int64_t bytes) { memcpy(to, from, (size_t)bytes); }
static inline void ow_stream_end(void) {}
#endif

#endif
