// Body of pool.simd.c for one T; INT is an integer as wide as T. The windows of a row are
// visited offset by offset, in the order of the plane, so that ties go to the first.

// v over what stands: larger, or the first NaN.
#define BEATS(v, t) (((v) > (t)) | (((v) != (v)) & ((t) == (t))))

// 2x2x2 windows with stride 2: the largest of the four lines in every column, in pieces that
// stay in registers and L1, then the larger of two columns; of equal ones the first in the plane.
static inline void FN(max_222)(const T *restrict x, int64_t plane, int64_t w, int64_t n, T *restrict y, INT *restrict b) {
  enum { PIECE = 64 };
  const T *restrict r1 = x + w, *restrict r2 = x + plane, *restrict r3 = x + plane + w;
  const INT o1 = (INT)w, o2 = (INT)plane, o3 = (INT)(plane + w);
  _Alignas(64) T top[2 * PIECE];
  _Alignas(64) INT at[2 * PIECE];
  for (int64_t from = 0; from < n; from += PIECE) {
    int64_t m = n - from < PIECE ? n - from : PIECE;
    _Pragma("GCC ivdep") for (int64_t j = 0; j < 2 * m; j++) {
      T t = x[2 * from + j], v1 = r1[2 * from + j], v2 = r2[2 * from + j], v3 = r3[2 * from + j];
      bool m1 = BEATS(v1, t);
      t = m1 ? v1 : t;
      INT k = m1 ? o1 : 0;
      bool m2 = BEATS(v2, t);
      t = m2 ? v2 : t;
      k = m2 ? o2 : k;
      bool m3 = BEATS(v3, t);
      top[j] = m3 ? v3 : t;
      at[j] = m3 ? o3 : k;
    }
    _Pragma("GCC ivdep") for (int64_t j = 0; j < m; j++) {
      T t = top[2 * j], v = top[2 * j + 1];
      INT k = at[2 * j], l = at[2 * j + 1];
      bool odd = BEATS(v, t) | (!BEATS(t, v) & (l < k));
      y[from + j] = odd ? v : t;
      b[from + j] = (odd ? l + 1 : k) + 2 * (INT)(from + j);
    }
  }
}

INL void FN(max_line)(const T *restrict x, int64_t s, int64_t lo, int64_t hi, INT at, T *restrict y, INT *restrict b) {
  _Pragma("GCC ivdep") for (int64_t j = lo; j < hi; j++) {
    T v = x[j * s], t = y[j];
    bool m = (b[j] < 0) | BEATS(v, t);
    y[j] = m ? v : t;
    b[j] = m ? at + (INT)(j * s) : b[j];
  }
}

static void FN(max_row)(const ow_pool *p, const void *px, int64_t o0, int64_t o1, void *py, int64_t *index, void *scratch) {
  const T *x = px;
  T *y = py;
  INT *b = scratch;
  int64_t n = p->osize[2], w = p->size[2], plane = p->size[1] * w, base = 0;
  bool twos = true;
  for (int j = 0; j < 3; j++) twos = twos && p->kernel[j] == 2 && p->stride[j] == 2 && !p->padding[j];
  if (twos) {
    base = 2 * o0 * plane + 2 * o1 * w;
    FN(MAX_222)(x + base, plane, w, n, y, b);
  } else {
    int64_t a0, e0, a1, e1, lo, hi;
    ow_pool_span(p, 0, o0, &a0, &e0);
    ow_pool_span(p, 1, o1, &a1, &e1);
    for (int64_t j = 0; j < n; j++) y[j] = 0, b[j] = -1;
    for (int64_t k0 = a0; k0 < e0; k0++)
      for (int64_t k1 = a1; k1 < e1; k1++)
        for (int64_t k2 = 0; k2 < p->kernel[2]; k2++) {
          int64_t at = (o0 * p->stride[0] - p->padding[0] + k0) * plane + (o1 * p->stride[1] - p->padding[1] + k1) * w + k2 - p->padding[2];
          ow_pool_outputs(p, k2, &lo, &hi);
          if (p->stride[2] == 1) FN(max_line)(x + at, 1, lo, hi, (INT)at, y, b);
          else if (p->stride[2] == 2) FN(max_line)(x + at, 2, lo, hi, (INT)at, y, b);
          else FN(max_line)(x + at, p->stride[2], lo, hi, (INT)at, y, b);
        }
  }
  if (index)
    _Pragma("GCC ivdep") for (int64_t j = 0; j < n; j++) index[j] = base + b[j];
}

INL void FN(sum_line)(const T *restrict x, int64_t s, int64_t lo, int64_t hi, T *restrict y) {
  _Pragma("GCC ivdep") for (int64_t j = lo; j < hi; j++) y[j] += x[j * s];
}

#define ROW_LOOP(LINE)                                                                                             \
  int64_t a0, e0, a1, e1, lo, hi, s = p->stride[2], w = p->size[2];                                                \
  ow_pool_span(p, 0, o0, &a0, &e0);                                                                                \
  ow_pool_span(p, 1, o1, &a1, &e1);                                                                                \
  for (int64_t k0 = a0; k0 < e0; k0++)                                                                             \
    for (int64_t k1 = a1; k1 < e1; k1++)                                                                           \
      for (int64_t k2 = 0; k2 < p->kernel[2]; k2++) {                                                              \
        int64_t at = ((o0 * p->stride[0] - p->padding[0] + k0) * p->size[1] + o1 * p->stride[1] - p->padding[1] + k1) * w + k2 - p->padding[2]; \
        ow_pool_outputs(p, k2, &lo, &hi);                                                                          \
        LINE;                                                                                                      \
      }

static void FN(sum_row)(const ow_pool *p, const void *px, int64_t o0, int64_t o1, const double *scale, void *py) {
  const T *x = px;
  T *y = py;
  for (int64_t j = 0; j < p->osize[2]; j++) y[j] = 0;
  ROW_LOOP(
    if (s == 1) FN(sum_line)(x + at, 1, lo, hi, y);
    else if (s == 2) FN(sum_line)(x + at, 2, lo, hi, y);
    else FN(sum_line)(x + at, s, lo, hi, y))
  for (int64_t j = 0; j < p->osize[2]; j++) y[j] *= (T)scale[j];
}

static void FN(spread_row)(const ow_pool *p, const void *pg, int64_t o0, int64_t o1, const double *scale, void *pd) {
  const T *dy = pg;
  T *dx = pd;
  ROW_LOOP(for (int64_t j = lo; j < hi; j++) dx[at + j * s] += dy[j] * (T)scale[j])
}
#undef ROW_LOOP
#undef BEATS
