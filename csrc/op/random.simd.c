// Philox blocks side by side, one a lane: the 32-bit state words sit in the low halves of
// 64-bit lanes, which is what the widening multiply reads; the high halves carry rubbish
// that a last mask removes. The transforms are the scalar ones of base/normal.h in loops
// that the compiler vectorises; bits are equal because contraction is off.
#include <math.h>

#include "base/normal.h"
#include "op/random.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef uint64_t vec __attribute__((vector_size(OW_VBYTES)));
enum { LANES = OW_VBYTES / 8 };

static inline vec mul32(vec a, vec b) {
#if defined(__AVX512F__)
  return (vec)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (vec)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (vec)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

// Blocks b .. b + LANES - 1: two words each.
static inline void blocks(uint64_t seed, uint64_t stream, uint64_t b, uint64_t *out) {
  vec i;
  for (int l = 0; l < LANES; l++) i[l] = b + (uint64_t)l;
  vec c0 = i, c1 = i >> 32, c2 = (vec){0} + stream, c3 = (vec){0} + (stream >> 32);
  uint64_t k0 = (uint32_t)seed, k1 = seed >> 32;
  const vec m0 = (vec){0} + 0xD2511F53u, m1 = (vec){0} + 0xCD9E8D57u;
  for (int r = 0; r < 10; r++) {
    vec p0 = mul32(m0, c0), p1 = mul32(m1, c2);
    c0 = (p1 >> 32) ^ c1 ^ k0;
    c2 = (p0 >> 32) ^ c3 ^ k1;
    c1 = p1;
    c3 = p0;
    k0 = (uint32_t)(k0 + 0x9E3779B9u);
    k1 = (uint32_t)(k1 + 0xBB67AE85u);
  }
  vec lo = (c0 & 0xffffffffu) | c1 << 32, hi = (c2 & 0xffffffffu) | c3 << 32;
  for (int l = 0; l < LANES; l++) out[2 * l] = lo[l], out[2 * l + 1] = hi[l];
}

static void words(uint64_t seed, uint64_t stream, uint64_t first, int64_t n, uint64_t *out) {
  uint64_t buf[2 * LANES];
  uint64_t b = first >> 1;
  if (n > 0 && (first & 1)) {  // begins in the middle of a block
    blocks(seed, stream, b++, buf);
    *out++ = buf[1];
    n--;
  }
  for (; n >= 2 * LANES; n -= 2 * LANES, out += 2 * LANES, b += LANES) blocks(seed, stream, b, out);
  if (n > 0) {
    blocks(seed, stream, b, buf);
    for (int64_t i = 0; i < n; i++) out[i] = buf[i];
  }
}

// lo + (hi - lo) u may round to hi, which does not belong to the range.
static void uniform(const uint64_t *w, int64_t n, double lo, double hi, double *out) {
  double span = hi - lo, last = nextafter(hi, lo);
  for (int64_t i = 0; i < n; i++) {
    double x = lo + span * ow_unit(w[i]);
    out[i] = span > 0 && x >= hi ? last : x;
  }
}

static void uniform24(const uint64_t *w, int64_t n, float lo, float hi, float *out) {
  float span = hi - lo, last = nextafterf(hi, lo);
  for (int64_t i = 0; i < n; i++) {
    float x = lo + span * ((float)(int32_t)(w[i] >> 40) * 0x1p-24f);
    out[i] = span > 0 && x >= hi ? last : x;
  }
}

static void normal(const uint64_t *w, int64_t n, double mean, double std, double *out) {
  for (int64_t i = 0; i < n; i++)
    out[i] = mean + std * (sqrt(-2.0 * ow_log_small(ow_open_unit(w[2 * i]))) * ow_cos_turn(ow_unit(w[2 * i + 1])));
}

static void exponential(const uint64_t *w, int64_t n, double mean, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = -mean * ow_log_small(ow_open_unit(w[i]));
}

const ow_random_kernels OW_ISA_FN(ow_random_table) = {words, uniform, uniform24, normal, exponential};
