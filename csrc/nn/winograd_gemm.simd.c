// The products of the Winograd convolution, one small matrix product a point.
// Forward: lanes are tiles, the filter's numbers are broadcast, a block of channels x one or two
// vectors of tiles stays in registers while the loop runs over the input channels. Every sum
// runs over the channels in order: the same bits whatever the blocks or threads.
// Weight gradient: the tiles of a block are summed, lanes are input channels; the input's points
// are transposed into a buffer that stays in the first-level cache.
#include "nn/winograd.h"
#include "nn/winograd_simd.h"

// S channels x G vectors; v and m advance by vs floats a channel.
#define FORWARD(S, G)                                                                            \
  static void forward_##S##_##G(int64_t c, const float *u, const float *v, float *m, ptrdiff_t vs) { \
    vf acc[S][G];                                                                                \
    _Pragma("GCC unroll 24") for (int s = 0; s < S; s++)                                         \
      _Pragma("GCC unroll 2") for (int g = 0; g < G; g++) acc[s][g] = ow_vset(0);                \
    for (int64_t k = 0; k < c; k++, u += S, v += vs) {                                           \
      vf x[G];                                                                                   \
      _Pragma("GCC unroll 2") for (int g = 0; g < G; g++) x[g] = ow_vload(v + g * OW_VL);        \
      _Pragma("GCC unroll 24") for (int s = 0; s < S; s++)                                       \
        _Pragma("GCC unroll 2") for (int g = 0; g < G; g++) acc[s][g] = ow_vfma(ow_vset(u[s]), x[g], acc[s][g]); \
    }                                                                                            \
    _Pragma("GCC unroll 24") for (int s = 0; s < S; s++)                                         \
      _Pragma("GCC unroll 2") for (int g = 0; g < G; g++) ow_vstore(m + s * vs + g * OW_VL, acc[s][g]); \
  }
FORWARD(4, 1)
FORWARD(8, 1)
FORWARD(12, 1)
#if OW_VBYTES == 64
FORWARD(16, 1)
FORWARD(20, 1)
#endif

static void forward(int64_t c, int64_t cp, int64_t out4, const float *u, const float *v, ptrdiff_t vs, int nv, float *m) {
  int64_t nb = (out4 + OW_WINO_OMAX - 1) / OW_WINO_OMAX, first;
  for (int64_t k = 0; k < nb; k++) {
    int s = ow_wino_oblock(out4, OW_WINO_OMAX, k, &first);
    const float *ub = u + first * cp;
    float *mb = m + first * vs;
    for (int i = 0; i < nv; i++) {
      const float *vi_ = v + i * OW_VL;
      float *mi = mb + i * OW_VL;
      switch (s) {
        case 4: forward_4_1(c, ub, vi_, mi, vs); break;
        case 8: forward_8_1(c, ub, vi_, mi, vs); break;
        case 12: forward_12_1(c, ub, vi_, mi, vs); break;
#if OW_VBYTES == 64
        case 16: forward_16_1(c, ub, vi_, mi, vs); break;
        case 20: forward_20_1(c, ub, vi_, mi, vs); break;
#endif
      }
    }
  }
}

// O channels of y x J vectors of channels of x
#define WEIGHT(O, J)                                                                             \
  static void weight_##O##_##J(int64_t t, const float *y, ptrdiff_t ys, const float *vt, ptrdiff_t cw, bool add, float *du) { \
    vf acc[O][J];                                                                                \
    _Pragma("GCC unroll 6") for (int o = 0; o < O; o++)                                          \
      _Pragma("GCC unroll 4") for (int j = 0; j < J; j++)                                        \
        acc[o][j] = add ? ow_vload(du + o * cw + j * OW_VL) : ow_vset(0);                        \
    for (int64_t k = 0; k < t; k++, y++, vt += cw) {                                             \
      vf x[J];                                                                                   \
      _Pragma("GCC unroll 4") for (int j = 0; j < J; j++) x[j] = ow_vload(vt + j * OW_VL);       \
      _Pragma("GCC unroll 6") for (int o = 0; o < O; o++)                                        \
        _Pragma("GCC unroll 4") for (int j = 0; j < J; j++) acc[o][j] = ow_vfma(ow_vset(y[o * ys]), x[j], acc[o][j]); \
    }                                                                                            \
    _Pragma("GCC unroll 6") for (int o = 0; o < O; o++)                                          \
      _Pragma("GCC unroll 4") for (int j = 0; j < J; j++) ow_vstore(du + o * cw + j * OW_VL, acc[o][j]); \
  }
#if OW_VBYTES == 64
enum { WO = 6, WJ = 4 };
#define EACH_J(K, O) K(O, 1) K(O, 2) K(O, 3) K(O, 4)
#else
enum { WO = 6, WJ = 2 };
#define EACH_J(K, O) K(O, 1) K(O, 2)
#endif
EACH_J(WEIGHT, 6)
EACH_J(WEIGHT, 5)
EACH_J(WEIGHT, 4)
EACH_J(WEIGHT, 3)
EACH_J(WEIGHT, 2)
EACH_J(WEIGHT, 1)

static void weight_block(int o, int j, int64_t t, const float *y, ptrdiff_t ys, const float *vt, ptrdiff_t cw, bool add, float *du) {
  switch (8 * o + j) {
#define CASE(O, J) case 8 * O + J: weight_##O##_##J(t, y, ys, vt, cw, add, du); return;
    EACH_J(CASE, 6) EACH_J(CASE, 5) EACH_J(CASE, 4) EACH_J(CASE, 3) EACH_J(CASE, 2) EACH_J(CASE, 1)
  }
}

static void weight(int64_t c, int64_t cw, int64_t out, const float *y, const float *v, ptrdiff_t vs, int nv, bool add, float *du,
                   float *vt) {
  ptrdiff_t t = (ptrdiff_t)nv * OW_VL;
  for (int64_t j = 0; j < cw; j += OW_VL) {
    int32_t off[OW_VL];
    for (int q = 0; q < 4; q++)
      for (int l = 0; l < OW_VQ; l++) {  // lanes past the last channel repeat it; nobody reads them
        int64_t i = j + 4 * l + q;
        off[q * OW_VQ + l] = (int32_t)((i < c ? i : c - 1) * vs);
      }
    for (ptrdiff_t k = 0; k < t; k += 4) {
      vf r[4];
      for (int q = 0; q < 4; q++) r[q] = ow_vquads(v + k, off + q * OW_VQ);
      ow_vtranspose4(r);
      for (int q = 0; q < 4; q++) ow_vstore(vt + (k + q) * cw + j, r[q]);
    }
  }
  int vecs = (int)(cw / OW_VL);
  for (int j = 0; j < vecs; j += WJ)
    for (int64_t o = 0; o < out; o += WO)
      weight_block(out - o < WO ? (int)(out - o) : WO, vecs - j < WJ ? vecs - j : WJ, t, y + o * vs, vs, vt + j * OW_VL, cw, add,
                   du + o * cw + j * OW_VL);
}

const ow_wino_gemm_table OW_ISA_FN(ow_wino_gemm) = {forward, weight};
