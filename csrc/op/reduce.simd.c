// Fold kernels. A row is folded in leaves of LEAF elements over 16 lanes (two vectors of 8,
// whatever the ISA's width), and leaves in halves; a strided row takes the same lanes, so a
// view and its copy give the same bits.
#include "op/reduce.h"

#include <math.h>

enum { LEAF = 512, ROWS = 32 };

// Lanes of a source type T and of its state S.
#define VECTORS(N, T, S)                                                              \
  typedef T v_##N __attribute__((vector_size(8 * sizeof(T)), aligned(1), may_alias)); \
  typedef S w_##N __attribute__((vector_size(8 * sizeof(S))));                        \
  static inline w_##N load_##N(const char *p, int64_t s) {                            \
    if (s == sizeof(T)) return __builtin_convertvector(*(const v_##N *)p, w_##N);     \
    w_##N r;                                                                          \
    for (int k = 0; k < 8; k++) r[k] = (S) * (const T *)(p + k * s);                  \
    return r;                                                                         \
  }

// JOIN(a, b) combines states, MAP(x) makes a state of an element (vector or scalar; `mean`
// is in reach), S0 is the state of nothing.
#define FOLD(F, N, T, S, S0, MAP, JOIN)                                               \
  static S leaf_##F##_##N(const char *p, int64_t s, int64_t n, S mean) {              \
    (void)mean;                                                                       \
    S r = S0;                                                                         \
    int64_t i = 0;                                                                    \
    if (n >= 16) {                                                                    \
      w_##N a = MAP(load_##N(p, s)), b = MAP(load_##N(p + 8 * s, s));                 \
      if (s == sizeof(T)) {                                                           \
        for (i = 16; i + 16 <= n; i += 16) {                                          \
          const v_##N *v = (const v_##N *)((const T *)p + i);                         \
          w_##N x = __builtin_convertvector(v[0], w_##N), y = __builtin_convertvector(v[1], w_##N); \
          a = JOIN(a, MAP(x));                                                        \
          b = JOIN(b, MAP(y));                                                        \
        }                                                                             \
      } else for (i = 16; i + 16 <= n; i += 16) {                                     \
        a = JOIN(a, MAP(load_##N(p + i * s, s)));                                     \
        b = JOIN(b, MAP(load_##N(p + (i + 8) * s, s)));                               \
      }                                                                               \
      a = JOIN(a, b);                                                                 \
      S c[4], d[2];                                                                   \
      for (int k = 0; k < 4; k++) c[k] = SJOIN_##F(a[k], a[k + 4]);                   \
      for (int k = 0; k < 2; k++) d[k] = SJOIN_##F(c[k], c[k + 2]);                   \
      r = SJOIN_##F(d[0], d[1]);                                                      \
    } else if (n > 0) {                                                               \
      S x = (S) * (const T *)p;                                                       \
      r = MAP(x);                                                                     \
      i = 1;                                                                          \
    }                                                                                 \
    for (; i < n; i++) {                                                              \
      S x = (S) * (const T *)(p + i * s);                                             \
      r = SJOIN_##F(r, MAP(x));                                                       \
    }                                                                                 \
    return r;                                                                         \
  }                                                                                   \
  static S tree_##F##_##N(const char *p, int64_t s, int64_t n, S mean) {              \
    if (n <= LEAF) return leaf_##F##_##N(p, s, n, mean);                              \
    int64_t h = (n / 2 + LEAF - 1) / LEAF * LEAF;                                     \
    S a = tree_##F##_##N(p, s, h, mean), b = tree_##F##_##N(p + h * s, s, n - h, mean); \
    return SJOIN_##F(a, b);                                                           \
  }                                                                                   \
  static void row_##F##_##N(const char *p, int64_t s, int64_t n, void *state, const void *param) { \
    *(S *)state = tree_##F##_##N(p, s, n, param ? *(const S *)param : (S)0);          \
  }                                                                                   \
  FOLD_COL(F, N, T, S, S0, MAP)

#define FOLD_COL(F, N, T, S, S0, MAP)                                                 \
  static void join_##F##_##N(void *x, const void *y, int64_t m) {                     \
    S *restrict a = x;                                                                \
    const S *restrict b = y;                                                          \
    for (int64_t j = 0; j < m; j++) a[j] = SJOIN_##F(a[j], b[j]);                     \
  }                                                                                   \
  static void col_##F##_##N(const char *p, int64_t rs, int64_t cs, int64_t n, int64_t m, void *state, \
                            const void *param) {                                      \
    S *restrict r = state;                                                            \
    const S *means = param;                                                           \
    (void)means;                                                                      \
    if (n > ROWS) {                                                                   \
      S other[OW_FOLD_TILE];                                                          \
      int64_t h = (n / 2 + ROWS - 1) / ROWS * ROWS;                                   \
      col_##F##_##N(p, rs, cs, h, m, state, param);                                   \
      col_##F##_##N(p + h * rs, rs, cs, n - h, m, other, param);                      \
      join_##F##_##N(r, other, m);                                                    \
      return;                                                                         \
    }                                                                                 \
    for (int64_t j = 0; j < m; j++) {                                                 \
      if (n == 0) { r[j] = S0; continue; }                                            \
      S x = (S) * (const T *)(p + j * cs), mean = param ? means[j] : (S)0;            \
      (void)mean;                                                                     \
      r[j] = MAP(x);                                                                  \
    }                                                                                 \
    int64_t i = 1;                                                                    \
    if (cs == sizeof(T) && !param)                                                    \
      for (; i + 4 <= n; i += 4) { /* four rows at once: four streams from memory */  \
        const T *u0 = (const T *)(p + i * rs), *u1 = (const T *)(p + (i + 1) * rs);   \
        const T *u2 = (const T *)(p + (i + 2) * rs), *u3 = (const T *)(p + (i + 3) * rs); \
        S mean = (S)0;                                                                \
        (void)mean;                                                                   \
        _Pragma("GCC ivdep") for (int64_t j = 0; j < m; j++) {                        \
          S x = (S)u0[j], y = (S)u1[j], a = SJOIN_##F(r[j], MAP(x)), b = SJOIN_##F(a, MAP(y)); \
          S z = (S)u2[j], w = (S)u3[j], c = SJOIN_##F(b, MAP(z));                     \
          r[j] = SJOIN_##F(c, MAP(w));                                                \
        }                                                                             \
      }                                                                               \
    for (; i < n; i++) {                                                              \
      const char *q = p + i * rs;                                                     \
      if (cs == sizeof(T)) {                                                          \
        const T *restrict u = (const T *)q;                                           \
        if (param) for (int64_t j = 0; j < m; j++) { S x = (S)u[j], mean = means[j]; (void)mean; r[j] = SJOIN_##F(r[j], MAP(x)); } \
        else for (int64_t j = 0; j < m; j++) { S x = (S)u[j], mean = (S)0; (void)mean; r[j] = SJOIN_##F(r[j], MAP(x)); } \
      } else for (int64_t j = 0; j < m; j++) {                                        \
        S x = (S) * (const T *)(q + j * cs), mean = param ? means[j] : (S)0;          \
        (void)mean;                                                                   \
        r[j] = SJOIN_##F(r[j], MAP(x));                                               \
      }                                                                               \
    }                                                                                 \
  }

#define IDENTITY(x) (x)
#define SQUARE(x) ((x) * (x))
#define DEVIATION(x) (((x) - mean) * ((x) - mean))
#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#define SJOIN_sum PLUS
#define SJOIN_sumsq PLUS
#define SJOIN_dev PLUS
#define SJOIN_prod TIMES
#define SJOIN_any(a, b) ((a) | (b))
#define SJOIN_all(a, b) ((a) & (b))
// A NaN in b enters; a NaN in a stays, because no comparison with it is true.
#define SJOIN_min(a, b) ((b) < (a) || (b) != (b) ? (b) : (a))
#define SJOIN_max(a, b) ((b) > (a) || (b) != (b) ? (b) : (a))

VECTORS(u8, uint8_t, int64_t)
VECTORS(i32, int32_t, int64_t)
VECTORS(i64, int64_t, int64_t)
VECTORS(f32, float, double)
VECTORS(f64, double, double)
// Extremes stay in their own type: same vectors, other name.
VECTORS(mu8, uint8_t, uint8_t)
VECTORS(mi32, int32_t, int32_t)
VECTORS(mi64, int64_t, int64_t)
VECTORS(mf32, float, float)
VECTORS(mf64, double, double)
// Integers seen as doubles, for variance and norm.
VECTORS(du8, uint8_t, double)
VECTORS(di32, int32_t, double)
VECTORS(di64, int64_t, double)

// Integer sums and products wrap around; -fwrapv would be a flag for one file.
#pragma GCC optimize("wrapv")
#define SUMS(N, T, S) FOLD(sum, N, T, S, 0, IDENTITY, PLUS) FOLD(prod, N, T, S, 1, IDENTITY, TIMES)
SUMS(u8, uint8_t, int64_t)
SUMS(i32, int32_t, int64_t)
SUMS(i64, int64_t, int64_t)
SUMS(f32, float, double)
SUMS(f64, double, double)
#define SQUARES(N, T) FOLD(sumsq, N, T, double, 0, SQUARE, PLUS) FOLD(dev, N, T, double, 0, DEVIATION, PLUS)
SQUARES(du8, uint8_t)
SQUARES(di32, int32_t)
SQUARES(di64, int64_t)
SQUARES(f32, float)
SQUARES(f64, double)

#define EXTREME(N, T, MASK)                                                            \
  typedef MASK mask_##N __attribute__((vector_size(8 * sizeof(T))));                   \
  static inline w_##N vmin_##N(w_##N a, w_##N b) {                                     \
    mask_##N m = (mask_##N)(b < a) | (mask_##N)(b != b);                               \
    return (w_##N)((m & (mask_##N)b) | (~m & (mask_##N)a));                            \
  }                                                                                    \
  static inline w_##N vmax_##N(w_##N a, w_##N b) {                                     \
    mask_##N m = (mask_##N)(b > a) | (mask_##N)(b != b);                               \
    return (w_##N)((m & (mask_##N)b) | (~m & (mask_##N)a));                            \
  }                                                                                    \
  FOLD(min, N, T, T, 0, IDENTITY, vmin_##N)                                            \
  FOLD(max, N, T, T, 0, IDENTITY, vmax_##N)                                            \
  ARG(min, <, N, T)                                                                    \
  ARG(max, >, N, T)

// The extreme of each leaf by the fold above; the leaf is searched for its place only when
// it beats what was seen so far.
#define ARG(F, LESS, N, T)                                                             \
  typedef OW_ARG_STATE(T) arg##F##_##N;                                                \
  static void row_arg##F##_##N(const char *p, int64_t s, int64_t n, void *state, const void *param) { \
    arg##F##_##N r = {*(const T *)p, 0};                                               \
    for (int64_t i = 0; i < n && r.value == r.value; i += LEAF) {                      \
      int64_t m = n - i < LEAF ? n - i : LEAF;                                         \
      T v = leaf_##F##_##N(p + i * s, s, m, (T)0);                                     \
      if (!(v LESS r.value || v != v)) continue;                                       \
      int64_t k = i;                                                                   \
      for (T w; m - (k - i) > 64; k += 64) { /* the first piece that holds it */      \
        w = leaf_##F##_##N(p + k * s, s, 64, (T)0);                                    \
        if (w == v || w != w) break;                                                   \
      }                                                                                \
      for (;; k++) {                                                                   \
        T x = *(const T *)(p + k * s);                                                 \
        if (x == v || x != x) break;                                                   \
      }                                                                                \
      r.value = v;                                                                     \
      r.index = k;                                                                     \
    }                                                                                  \
    r.index += *(const int64_t *)param;                                                \
    *(arg##F##_##N *)state = r;                                                        \
  }                                                                                    \
  static void col_arg##F##_##N(const char *p, int64_t rs, int64_t cs, int64_t n, int64_t m, void *state, \
                               const void *param) {                                    \
    arg##F##_##N *r = state;                                                           \
    int64_t first = *(const int64_t *)param;                                           \
    for (int64_t j = 0; j < m; j++) r[j] = (arg##F##_##N){*(const T *)(p + j * cs), first}; \
    for (int64_t i = 1; i < n; i++)                                                    \
      for (int64_t j = 0; j < m; j++) {                                                \
        T x = *(const T *)(p + i * rs + j * cs);                                       \
        if (x LESS r[j].value || (x != x && r[j].value == r[j].value)) r[j] = (arg##F##_##N){x, first + i}; \
      }                                                                                \
  }                                                                                    \
  static void join_arg##F##_##N(void *x, const void *y, int64_t m) {                   \
    arg##F##_##N *a = x;                                                               \
    const arg##F##_##N *b = y;                                                         \
    for (int64_t j = 0; j < m; j++)                                                    \
      if (b[j].value LESS a[j].value || (b[j].value != b[j].value && a[j].value == a[j].value)) a[j] = b[j]; \
  }
EXTREME(mu8, uint8_t, uint8_t)
EXTREME(mi32, int32_t, int32_t)
EXTREME(mi64, int64_t, int64_t)
EXTREME(mf32, float, int32_t)
EXTREME(mf64, double, int64_t)

// Complex sums and the flags: no vectors, four chains of plain C (and no vfmaddsub: cplx.h).
#pragma GCC optimize("no-tree-slp-vectorize")
#define PLAIN(F, N, T, S, S0, MAP)                                                     \
  static S tree_##F##_##N(const char *p, int64_t s, int64_t n, S2(F, S) mean) {        \
    (void)mean;                                                                        \
    if (n > LEAF) {                                                                    \
      int64_t h = (n / 2 + LEAF - 1) / LEAF * LEAF;                                    \
      S u = tree_##F##_##N(p, s, h, mean), v = tree_##F##_##N(p + h * s, s, n - h, mean); \
      return SJOIN_##F(u, v);                                                          \
    }                                                                                  \
    S r[4] = {S0, S0, S0, S0};                                                         \
    int64_t i = 0;                                                                     \
    for (; i + 4 <= n; i += 4)                                                         \
      for (int k = 0; k < 4; k++) { T x = *(const T *)(p + (i + k) * s); r[k] = SJOIN_##F(r[k], MAP(x)); } \
    for (; i < n; i++) { T x = *(const T *)(p + i * s); r[0] = SJOIN_##F(r[0], MAP(x)); } \
    S u = SJOIN_##F(r[0], r[1]), v = SJOIN_##F(r[2], r[3]);                            \
    return SJOIN_##F(u, v);                                                            \
  }                                                                                    \
  static void row_##F##_##N(const char *p, int64_t s, int64_t n, void *state, const void *param) { \
    *(S *)state = tree_##F##_##N(p, s, n, param ? *(const S2(F, S) *)param : (S2(F, S))0); \
  }                                                                                    \
  static void join_##F##_##N(void *x, const void *y, int64_t m) {                      \
    S *a = x;                                                                          \
    const S *b = y;                                                                    \
    for (int64_t j = 0; j < m; j++) a[j] = SJOIN_##F(a[j], b[j]);                      \
  }                                                                                    \
  static void col_##F##_##N(const char *p, int64_t rs, int64_t cs, int64_t n, int64_t m, void *state, \
                            const void *param) {                                       \
    S *r = state;                                                                      \
    const S2(F, S) *means = param;                                                     \
    for (int64_t j = 0; j < m; j++)                                                    \
      r[j] = tree_##F##_##N(p + j * cs, rs, n, param ? means[j] : (S2(F, S))0);        \
  }
// Type of the mean: the state, but a complex mean goes with a real sum of squares.
#define S2(F, S) MEAN_##F(S)
#define MEAN_sum(S) S
#define MEAN_prod(S) S
#define MEAN_any(S) S
#define MEAN_all(S) S
#define MEAN_sumsq(S) ow_c128
#define MEAN_dev(S) ow_c128
#define NONZERO(x) ((x) != 0)
#define WIDE(x) ((ow_c128)(x))
static inline double abs2(ow_c128 z) { return __real__ z * __real__ z + __imag__ z * __imag__ z; }
#define ABS2(x) abs2(x)
#define ABS2DEV(x) abs2((x) - mean)
#define COMPLEX(N, T)                      \
  PLAIN(sum, N, T, ow_c128, 0, WIDE)       \
  PLAIN(prod, N, T, ow_c128, 1, WIDE)      \
  PLAIN(sumsq, N, T, double, 0, ABS2)      \
  PLAIN(dev, N, T, double, 0, ABS2DEV)
COMPLEX(c64, ow_c64)
COMPLEX(c128, ow_c128)
#define FLAGS(ID, N, T) PLAIN(any, N, T, uint8_t, 0, NONZERO) PLAIN(all, N, T, uint8_t, 1, NONZERO)
OW_ALL_DTYPES(FLAGS)

#define K(F, N, S) {row_##F##_##N, col_##F##_##N, join_##F##_##N, sizeof(S)}
#define SUM_ROW(F)                                                                                            \
  [OW_FOLD_##F] = {K(F, u8, int64_t), K(F, i32, int64_t), K(F, i64, int64_t), K(F, f32, double), K(F, f64, double), \
                   K(F, c64, ow_c128), K(F, c128, ow_c128)}
#define SQUARE_ROW(F)                                                                                         \
  [OW_FOLD_##F] = {K(F, du8, double), K(F, di32, double), K(F, di64, double), K(F, f32, double), K(F, f64, double), \
                   K(F, c64, double), K(F, c128, double)}
#define EXTREME_ROW(F)                                                                                        \
  [OW_FOLD_##F] = {K(F, mu8, uint8_t), K(F, mi32, int32_t), K(F, mi64, int64_t), K(F, mf32, float), K(F, mf64, double)}
#define ARG_ROW(F)                                                                                            \
  [OW_FOLD_##F] = {K(F, mu8, F##_mu8), K(F, mi32, F##_mi32), K(F, mi64, F##_mi64), K(F, mf32, F##_mf32),      \
                   K(F, mf64, F##_mf64)}
#define FLAG_ROW(F)                                                                                           \
  [OW_FOLD_##F] = {K(F, u8, uint8_t), K(F, i32, uint8_t), K(F, i64, uint8_t), K(F, f32, uint8_t), K(F, f64, uint8_t), \
                   K(F, c64, uint8_t), K(F, c128, uint8_t)}

const ow_reduce_kernels OW_ISA_FN(ow_folds) = {
    .k = {SUM_ROW(sum), SUM_ROW(prod), SQUARE_ROW(sumsq), SQUARE_ROW(dev), EXTREME_ROW(min), EXTREME_ROW(max),
          ARG_ROW(argmin), ARG_ROW(argmax), FLAG_ROW(any), FLAG_ROW(all)}};
