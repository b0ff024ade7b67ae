// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC'11): random numbers as a pure function of
// (seed, stream, index). The same index gives the same number at any thread count, SIMD
// level and machine, so a fill may be cut anywhere.
#ifndef OW_BASE_RANDOM_H
#define OW_BASE_RANDOM_H
#include <stdint.h>

static inline void ow_philox4x32(const uint32_t ctr[4], uint32_t k0, uint32_t k1, uint32_t out[4]) {
  uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3];
  for (int r = 0; r < 10; r++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1; c3 = (uint32_t)p0; c0 = n0; c2 = n2;
    k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;
  }
  out[0] = c0; out[1] = c1; out[2] = c2; out[3] = c3;
}

// Block `i` of a stream: four 32-bit words. Key = seed, counter = (i, stream).
static inline void ow_philox_block(uint64_t seed, uint64_t stream, uint64_t i, uint32_t out[4]) {
  uint32_t ctr[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
  ow_philox4x32(ctr, (uint32_t)seed, (uint32_t)(seed >> 32), out);
}

// A sequential reader of one stream, two 64-bit words a block.
typedef struct ow_rng {
  uint64_t seed, stream, next;  // next: index of the next 64-bit word
  uint32_t buf[4];
} ow_rng;

static inline ow_rng ow_rng_make(uint64_t seed, uint64_t stream) {
  return (ow_rng){.seed = seed, .stream = stream};
}
static inline uint64_t ow_rng_u64(ow_rng *g) {
  if (!(g->next & 1)) ow_philox_block(g->seed, g->stream, g->next >> 1, g->buf);
  int h = (int)(g->next++ & 1) * 2;
  return (uint64_t)g->buf[h] | (uint64_t)g->buf[h + 1] << 32;
}
// Jumps to 64-bit word n of the stream.
static inline void ow_rng_seek(ow_rng *g, uint64_t n) {
  g->next = n;
  if (n & 1) ow_philox_block(g->seed, g->stream, n >> 1, g->buf);
}
// [0, 1) with 53 random bits.
static inline double ow_u64_to_unit(uint64_t u) { return (double)(u >> 11) * 0x1p-53; }
static inline double ow_rng_uniform(ow_rng *g) { return ow_u64_to_unit(ow_rng_u64(g)); }
// 0..n-1; bias below n / 2^64.
static inline uint64_t ow_u64_below(uint64_t u, uint64_t n) {
  return (uint64_t)(((unsigned __int128)u * n) >> 64);
}
static inline uint64_t ow_rng_below(ow_rng *g, uint64_t n) { return ow_u64_below(ow_rng_u64(g), n); }
// Standard normal (Box-Muller, the cosine branch: two words a number, so it can be sought).
double ow_rng_normal(ow_rng *g);
double ow_normal_from_bits(uint64_t u, uint64_t v);

#endif
