// One-dimensional Winograd transforms, on rows and on tiles in lanes.
// The interpolation points are 0, +-1 and infinity (two outputs a tile) and 0, +-5/8, +-3/2 and
// infinity (four): with these the error in three dimensions is four times smaller than with the
// usual +-1, +-2, and all constants of the input transform are exact in f32. With a point's
// polynomial N_a(x) = prod_{b != a} (x - b), the input transform evaluates N_a's coefficients,
// the filter transform g(a) / N_a(a), the output transform powers of a (Cook-Toom; Lavin and
// Gray 2016, Barabasz et al. 2020). Even and odd powers are shared between +a and -a.
#include <string.h>

#include "nn/activation.h"
#include "nn/winograd.h"
#include "nn/winograd_simd.h"

#define P 0.625f                                 // the points +-P, +-Q
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)
#define NP (1.0f / (2 * PP * (PP - QQ)))         // 1 / N_P(P)
#define NQ (1.0f / (2 * QQ * (QQ - PP)))
#define N0 (1.0f / (PP * QQ))

// x and y are arrays of vectors; each body is one transform.
#define F(a, x, y) ow_vfma(ow_vset(a), x, y)
#define BODY_ID y[0] = x[0];
#define BODY_B2 y[0] = x[2] - x[0], y[1] = x[2] + x[1], y[2] = x[2] - x[1], y[3] = x[3] - x[1];
#define BODY_B4                                                                         \
  vf ep = F(-QQ, x[2], x[4]), op = F(-QQ, x[1], x[3]), eq = F(-PP, x[2], x[4]), oq = F(-PP, x[1], x[3]); \
  y[0] = F(PP * QQ, x[0], F(-(PP + QQ), x[2], x[4]));                                   \
  y[1] = F(P, op, ep), y[2] = F(-P, op, ep), y[3] = F(Q, oq, eq), y[4] = F(-Q, oq, eq); \
  y[5] = F(PP * QQ, x[1], F(-(PP + QQ), x[3], x[5]));
#define BODY_A2 y[0] = x[0], y[1] = x[0] + x[1], y[2] = x[0] - x[1], y[3] = x[1];
#define BODY_A4                                                                         \
  vf ep = F(PP, x[2], x[0]), op = F(PP, x[3], x[1]), eq = F(QQ, x[2], x[0]), oq = F(QQ, x[3], x[1]); \
  y[0] = x[0], y[5] = x[3];                                                             \
  y[1] = F(P, op, ep), y[2] = F(-P, op, ep), y[3] = F(Q, oq, eq), y[4] = F(-Q, oq, eq);
#define BODY_AT2 y[0] = x[0] + x[1] + x[2], y[1] = x[1] - x[2] + x[3];
#define BODY_AT4                                                                        \
  vf sp = x[1] + x[2], dp = x[1] - x[2], sq = x[3] + x[4], dq = x[3] - x[4];            \
  y[0] = x[0] + sp + sq, y[1] = F(Q, dq, ow_vset(P) * dp), y[2] = F(QQ, sq, ow_vset(PP) * sp); \
  y[3] = F(Q * QQ, dq, F(P * PP, dp, x[5]));
#define BODY_G2                                                                         \
  vf sp = ow_vset(0.5f) * (x[0] + x[2]);                                                \
  y[0] = -x[0], y[1] = F(0.5f, x[1], sp), y[2] = F(-0.5f, x[1], sp), y[3] = x[2];
#define BODY_G4                                                                         \
  vf ep = ow_vset(NP) * F(PP, x[2], x[0]), eq = ow_vset(NQ) * F(QQ, x[2], x[0]);        \
  y[0] = ow_vset(N0) * x[0], y[5] = x[2];                                               \
  y[1] = F(NP * P, x[1], ep), y[2] = F(-NP * P, x[1], ep), y[3] = F(NQ * Q, x[1], eq), y[4] = F(-NQ * Q, x[1], eq);
#define BODY_GT2                                                                        \
  vf sp = x[1] + x[2], dp = x[1] - x[2];                                                \
  y[0] = F(0.5f, sp, -x[0]), y[1] = ow_vset(0.5f) * dp, y[2] = F(0.5f, sp, x[3]);
#define BODY_GT4                                                                        \
  vf sp = x[1] + x[2], dp = x[1] - x[2], sq = x[3] + x[4], dq = x[3] - x[4];            \
  y[0] = F(N0, x[0], F(NP, sp, ow_vset(NQ) * sq)), y[1] = F(NP * P, dp, ow_vset(NQ * Q) * dq); \
  y[2] = F(NP * PP, sp, F(NQ * QQ, sq, x[5]));

#define KINDS(K) K(ID, 1, 1) K(B2, 4, 4) K(B4, 6, 6) K(A2, 2, 4) K(A4, 4, 6) K(AT2, 4, 2) K(AT4, 6, 4) \
  K(G2, 3, 4) K(G4, 3, 6) K(GT2, 4, 3) K(GT4, 6, 3)

#define ROWS(K, IN, OUT)                                                                          \
  static inline void rows_##K(const float *s, ptrdiff_t ss, float *d, ptrdiff_t ds, int64_t n) { \
    for (int64_t i = 0; i < n; i += OW_VL) {                                                      \
      vf x[IN], y[OUT];                                                                           \
      for (int k = 0; k < IN; k++) x[k] = ow_vload(s + k * ss + i);                               \
      BODY_##K                                                                                    \
      for (int k = 0; k < OUT; k++) ow_vstore(d + k * ds + i, y[k]);                              \
    }                                                                                             \
  }
KINDS(ROWS)

static void rows(ow_wino_kind kind, const float *s, ptrdiff_t ss, float *d, ptrdiff_t ds, int64_t n) {
  switch (kind) {
#define CASE(K, IN, OUT) case OW_WINO_##K: rows_##K(s, ss, d, ds, n); return;
    KINDS(CASE)
#undef CASE
  }
}

// ---- rows <-> lanes --------------------------------------------------------------------------
// Lane 4 l + q of a vector holds tile (VL / 4) q + l: so a run of neighbouring tiles, four floats
// each, is one load, and four such loads become four vectors by transposing 4 x 4 within 128 bits.
// (The order of tiles does not matter as long as all transforms agree.)
static inline void from_tiles(const float *s, const int32_t *off, bool run, vf r[4]) {
  for (int q = 0; q < 4; q++) r[q] = run ? ow_vload(s + off[q * OW_VQ]) : ow_vquads(s, off + q * OW_VQ);
  ow_vtranspose4(r);
}

static inline vf masked(vf v, const int32_t *keep) {
  vi k;
  memcpy(&k, keep, sizeof k);
  return (vf)((vi)v & k);
}

#define GATHER(K, IN, OUT)                                                                        \
  static inline void gather_##K(const float *s, ptrdiff_t row, int nrows, const int32_t *off,     \
                                const unsigned char *run, int nv, float *v, ptrdiff_t slot, const int32_t *keep) { \
    for (int r = 0; r < nrows; r++, s += row)                                                     \
      for (int i = 0; i < nv; i++) {                                                              \
        vf x[8], y[OUT];                                                                          \
        from_tiles(s, off + i * OW_VL, run[i], x);                                                \
        if (IN > 4) from_tiles(s + 4, off + i * OW_VL, run[i], x + 4);                            \
        BODY_##K                                                                                  \
        float *d = v + r * slot + i * OW_VL;                                                      \
        if (keep)                                                                                 \
          for (int k = 0; k < OUT; k++) y[k] = masked(y[k], keep + i * OW_VL);                    \
        for (int k = 0; k < OUT; k++) ow_vstore(d + k * nv * OW_VL, y[k]);                        \
      }                                                                                           \
  }
GATHER(ID, 1, 1)
GATHER(B2, 4, 4)
GATHER(B4, 6, 6)
GATHER(A2, 2, 4)
GATHER(A4, 4, 6)

static void gather(ow_wino_kind kind, const float *s, ptrdiff_t row, int nrows, const int32_t *off, const unsigned char *run,
                   int nv, float *v, ptrdiff_t slot, const int32_t *keep) {
  switch (kind) {
    case OW_WINO_ID: gather_ID(s, row, nrows, off, run, nv, v, slot, keep); return;
    case OW_WINO_B2: gather_B2(s, row, nrows, off, run, nv, v, slot, keep); return;
    case OW_WINO_B4: gather_B4(s, row, nrows, off, run, nv, v, slot, keep); return;
    case OW_WINO_A2: gather_A2(s, row, nrows, off, run, nv, v, slot, keep); return;
    case OW_WINO_A4: gather_A4(s, row, nrows, off, run, nv, v, slot, keep); return;
    default: return;
  }
}

static inline void to_tiles(float *o, const int32_t *off, bool run, int m, vf r[4]) {
  ow_vtranspose4(r);
  if (run)
    for (int q = 0; q < 4; q++) ow_vstore(o + off[q * OW_VQ], r[q]);
  else
    for (int q = 0; q < 4; q++) {
      float f[OW_VL];
      ow_vstore(f, r[q]);
      for (int l = 0; l < OW_VQ; l++) memcpy(o + off[q * OW_VQ + l], f + 4 * l, (size_t)m * sizeof *f);
    }
}

static void scatter(const ow_wino_kind kind[3], const int a[3], const int m[3], const float *v, ptrdiff_t slot, int nv,
                    float *o, ptrdiff_t oh, ptrdiff_t orow, const int32_t *ooff, const unsigned char *run, float *tmp) {
  float *t1 = tmp, *t2 = t1 + 6 * 6 * 4 * OW_VL, *t3 = t2 + 6 * 4 * 4 * OW_VL;
  int mw = m[2] * OW_VL, tiles = nv * OW_VL;
  for (int i = 0; i < nv; i++, v += OW_VL, ooff += OW_VL) {
    for (int r = 0; r < a[0] * a[1]; r++) {
      const float *s = v + r * slot;
      if (kind[2] == OW_WINO_AT4) rows_AT4(s, tiles, t1 + r * mw, OW_VL, OW_VL);
      else if (kind[2] == OW_WINO_AT2) rows_AT2(s, tiles, t1 + r * mw, OW_VL, OW_VL);
      else rows_ID(s, tiles, t1 + r * mw, OW_VL, OW_VL);
    }
    rows(kind[1], t1, a[0] * mw, t2, a[0] * mw, a[0] * mw);
    for (int h = 0; h < m[1]; h++) {
      rows(kind[0], t2 + h * a[0] * mw, mw, t3, mw, mw);
      for (int d = 0; d < m[0]; d++) {
        vf r[4] = {ow_vset(0), ow_vset(0), ow_vset(0), ow_vset(0)};
        for (int k = 0; k < m[2]; k++) r[k] = ow_vload(t3 + d * mw + k * OW_VL);
        to_tiles(o + (d * oh + h) * orow, ooff, run[i], m[2], r);
      }
    }
  }
}

// Rows end with zeros up to a whole vector: the next row is written later.
static void stage(const ow_wino_rows *g, const float *x, float *box, ptrdiff_t row, ptrdiff_t next) {
  for (int64_t d = 0; d < g->count[0]; d++)
    for (int64_t h = 0; h < g->count[1]; h++) {
      bool inside = d >= g->first[0] && d < g->last[0] && h >= g->first[1] && h < g->last[1];
      float *r = box + (d * g->count[1] + h) * row;
      const float *s = x + d * g->stride[0] + h * g->stride[1];
      for (int64_t n = 0; n < g->count[2]; n++, r += g->len, s += g->stride[2]) {
        int64_t i = 0, lo = inside && n < g->last[2] ? g->first[3] : g->len, hi = g->last[3];
        for (; i < lo; i += OW_VL) ow_vstore(r + i, ow_vset(0));
        if (lo == g->len) continue;
        for (int64_t k = lo; k < hi; k += 16) __builtin_prefetch(s + next + k);
        for (i = lo; i < g->len; i += OW_VL)
          ow_vstore(r + i, i + OW_VL <= hi ? ow_vload(s + i) : i < hi ? ow_vload_part(s + i, hi - i) : ow_vset(0));
      }
    }
}

static inline vf activate(vf t, int activation, vf alpha) {
  if (activation == OW_ACT_NONE) return t;
  vi negative = t < ow_vset(0);
  vf low = activation == OW_ACT_RELU ? ow_vset(0) : alpha * t;
  return (vf)((negative & (vi)low) | (~negative & (vi)t));
}

static inline void finish_rows(const ow_wino_rows *g, float *y, const float *box, ptrdiff_t row, ptrdiff_t next, float bias,
                               int activation, float alpha) {
  for (int64_t d = 0; d < g->last[0]; d++)
    for (int64_t h = 0; h < g->last[1]; h++) {
      const float *s = box + (d * g->count[1] + h) * row;
      float *r = y + d * g->stride[0] + h * g->stride[1];
      for (int64_t n = 0; n < g->last[2]; n++, s += g->len, r += g->stride[2]) {
        int64_t i = 0, hi = g->last[3];
        for (int64_t k = 0; k < hi; k += 16) __builtin_prefetch(r + next + k, 1);
        for (; i + OW_VL <= hi; i += OW_VL) ow_vstore(r + i, activate(ow_vload(s + i) + ow_vset(bias), activation, ow_vset(alpha)));
        if (i < hi) ow_vstore_part(r + i, activate(ow_vload(s + i) + ow_vset(bias), activation, ow_vset(alpha)), hi - i);
      }
    }
}

static void finish(const ow_wino_rows *g, float *y, const float *box, ptrdiff_t row, ptrdiff_t next, float bias, int activation,
                   float alpha) {
  if (activation == OW_ACT_NONE) finish_rows(g, y, box, row, next, bias, OW_ACT_NONE, 0);
  else finish_rows(g, y, box, row, next, bias, activation, alpha);
}

const ow_wino_table OW_ISA_FN(ow_wino) = {OW_VL, OW_WINO_GROUP, OW_WINO_OMAX, rows, gather, scatter, stage, finish};
