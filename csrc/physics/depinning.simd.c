// Inner loops of the depinning engine. Every one adds in a fixed order without
// contraction, so all instruction sets give the same bits.
#include "physics/depinning.h"

typedef double vd __attribute__((vector_size(OW_VBYTES), aligned(8), may_alias));
enum { LANES = OW_VBYTES / 8, UNROLL = 8 };

static void add_row(double *restrict d, const double *restrict a, double f, int n) {
  for (int i = 0; i < n; i++) d[i] += f * a[i];
}

static void fold(double *restrict d, int n, const double *const *src, const double *sign, int nsrc) {
  int i = 0;
  for (; i + LANES * UNROLL <= n; i += LANES * UNROLL) {
    vd s[UNROLL];
    for (int u = 0; u < UNROLL; u++) s[u] = *(const vd *)(d + i + u * LANES);
    for (int j = 0; j < nsrc; j++) {
      const double *a = src[j] + i;
      double f = sign[j];
      for (int u = 0; u < UNROLL; u++) s[u] += *(const vd *)(a + u * LANES) * f;
    }
    for (int u = 0; u < UNROLL; u++) *(vd *)(d + i + u * LANES) = s[u];
  }
  for (; i < n; i++) {
    double s = d[i];
    for (int j = 0; j < nsrc; j++) s += src[j][i] * sign[j];
    d[i] = s;
  }
}

static void add_u32(uint32_t *restrict d, const uint32_t *restrict a, int n) {
  for (int i = 0; i < n; i++) d[i] += a[i];
}

static void sub_u32(uint32_t *restrict d, const uint32_t *restrict a, int n) {
  for (int i = 0; i < n; i++) d[i] -= a[i];
}

// Philox over lanes of 16 blocks, the layout of ow_rng_u64.
static void words(uint64_t seed, uint64_t stream, uint64_t first, uint64_t *out) {
  enum { W = 16 };
  for (int b = 0; b < OW_DP_WORDS / 2; b += W) {
    uint32_t c0[W], c1[W], c2[W], c3[W];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < W; i++) {
      uint64_t n = (first >> 1) + (uint64_t)(b + i);
      c0[i] = (uint32_t)n;
      c1[i] = (uint32_t)(n >> 32);
      c2[i] = (uint32_t)stream;
      c3[i] = (uint32_t)(stream >> 32);
    }
    for (int r = 0; r < 10; r++) {
      for (int i = 0; i < W; i++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
        c1[i] = (uint32_t)p1;
        c3[i] = (uint32_t)p0;
        c0[i] = n0;
        c2[i] = n2;
      }
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < W; i++) {
      out[2 * (b + i)] = (uint64_t)c0[i] | (uint64_t)c1[i] << 32;
      out[2 * (b + i) + 1] = (uint64_t)c2[i] | (uint64_t)c3[i] << 32;
    }
  }
}

extern const ow_dp_kernels OW_ISA_FN(ow_dp_simd);
const ow_dp_kernels OW_ISA_FN(ow_dp_simd) = {add_row, fold, add_u32, sub_u32, words};
