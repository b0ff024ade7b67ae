// Body of norm.simd.c for one T: rows of channels that lie side by side (no positions). Lanes
// are channels. Sums of T run over 16 rows, then in f64; moments are shifted by the first row.
enum { FN(TILE) = 64, FN(GROUP) = 16 };

static void FN(moments_rows)(const void *px, int64_t n, int64_t c, ow_moments *m) {
  const T *restrict x = px;
  for (int64_t from = 0; from < c; from += FN(TILE)) {
    int64_t w = c - from < FN(TILE) ? c - from : FN(TILE);
    double d[FN(TILE)] = {0}, q[FN(TILE)] = {0};
    const T *restrict s = x + from;
    for (int64_t i = 0; i < n; i += FN(GROUP)) {
      T u[FN(TILE)] = {0}, v[FN(TILE)] = {0};
      for (int64_t r = i; r < n && r < i + FN(GROUP); r++) {
        const T *restrict row = x + r * c + from;
        for (int64_t j = 0; j < w; j++) {
          T a = row[j] - s[j];
          u[j] += a;
          v[j] = FN(muladd)(a, a, v[j]);
        }
      }
      for (int64_t j = 0; j < w; j++) d[j] += (double)u[j], q[j] += (double)v[j];
    }
    for (int64_t j = 0; j < w; j++) {
      double k = (double)n, m2 = q[j] - d[j] * (d[j] / k);
      m[from + j] = (ow_moments){k, (double)s[j] + d[j] / k, m2 < 0 ? 0 : m2};
    }
  }
}

#define ROW_AFFINE                                                                         \
  const T *restrict mean = a->mean, *restrict scale = a->scale, *restrict shift = a->shift; \
  T alpha = (T)a->alpha;                                                                    \
  (void)alpha

static void FN(forward_rows)(const void *px, int64_t n, int64_t c, const ow_affine_rows *a, void *py) {
  const T *restrict x = px;
  T *restrict y = py;
  ROW_AFFINE;
#define LOOP(K)                     \
  for (int64_t r = 0; r < n; r++)   \
    for (int64_t j = 0; j < c; j++) \
      y[r * c + j] = OUT_##K(FN(z)(x[r * c + j], mean[j], scale[j], shift[j]))
  EACH_KIND(LOOP)
#undef LOOP
}

static void FN(sums_rows)(const void *px, const void *pg, int64_t n, int64_t c, const ow_affine_rows *a, double *out) {
  for (int64_t from = 0; from < c; from += FN(TILE)) {
    int64_t w = c - from < FN(TILE) ? c - from : FN(TILE);
    const T *restrict x = (const T *)px + from, *restrict dy = (const T *)pg + from;
    const T *restrict mean = (const T *)a->mean + from, *restrict scale = (const T *)a->scale + from;
    const T *restrict shift = (const T *)a->shift + from;
    T alpha = (T)a->alpha;
    (void)alpha;
    double d[FN(TILE)] = {0}, q[FN(TILE)] = {0};
    for (int64_t i = 0; i < n; i += FN(GROUP)) {
      T u[FN(TILE)] = {0}, v[FN(TILE)] = {0};
      int64_t end = n < i + FN(GROUP) ? n : i + FN(GROUP);
#define LOOP(K)                                                                  \
  for (int64_t r = i; r < end; r++)                                              \
    for (int64_t j = 0; j < w; j++) {                                            \
      T z = FN(z)(x[r * c + j], mean[j], scale[j], shift[j]);                    \
      T g = GATE_##K(z, dy[r * c + j]);                                          \
      (void)z;                                                                   \
      u[j] += g;                                                                 \
      v[j] = FN(muladd)(g, x[r * c + j] - mean[j], v[j]);                        \
    }
      EACH_KIND(LOOP)
#undef LOOP
      for (int64_t j = 0; j < w; j++) d[j] += (double)u[j], q[j] += (double)v[j];
    }
    for (int64_t j = 0; j < w; j++) out[2 * (from + j)] = d[j], out[2 * (from + j) + 1] = q[j];
  }
}

static void FN(backward_rows)(const void *px, const void *pg, int64_t n, int64_t c, const ow_affine_rows *a, void *pd) {
  const T *restrict x = px, *restrict dy = pg;
  T *restrict dx = pd;
  const T *restrict k0 = a->k[0], *restrict k1 = a->k[1], *restrict k2 = a->k[2];
  ROW_AFFINE;
#define EACH(K, VALUE)                                                     \
  for (int64_t r = 0; r < n; r++)                                          \
    for (int64_t j = 0; j < c; j++) {                                      \
      T h = x[r * c + j], z = FN(z)(h, mean[j], scale[j], shift[j]);       \
      T g = GATE_##K(z, dy[r * c + j]);                                    \
      (void)h, (void)z;                                                    \
      dx[r * c + j] = VALUE;                                               \
    }
  if (a->fixed) {  // an infinite x must not turn into NaN
#define LOOP(K) EACH(K, g * k0[j])
    EACH_KIND(LOOP)
#undef LOOP
    return;
  }
#define LOOP(K) EACH(K, FN(muladd)(g, k0[j], FN(muladd)(h - mean[j], k1[j], k2[j])))
  EACH_KIND(LOOP)
#undef LOOP
#undef EACH
}
#undef ROW_AFFINE
