// Body of norm.simd.c for one T. Sums of T run over four vectors in T, then in f64. Every
// block of 4096 elements is shifted by its own first element, which keeps the one-pass
// variance exact to 4096 roundings of f64 (the element itself is in the block).
static void FN(moments)(const void *px, int64_t n, ow_moments *m) {
  const T *x = px;
  *m = (ow_moments){0, 0, 0};
  for (int64_t from = 0; from < n; from += 4096) {
    int64_t end = n - from < 4096 ? n : from + 4096, i = from;
    T s = x[from];
    vec_double d2 = {0}, q2 = {0};
    for (; i + 4 * LANES <= end; i += 4 * LANES) {
      VEC a = FN(load)(x + i) - s, b = FN(load)(x + i + LANES) - s;
      VEC c = FN(load)(x + i + 2 * LANES) - s, e = FN(load)(x + i + 3 * LANES) - s;
      d2 = FN(into)(d2, (a + b) + (c + e));
      q2 = FN(into)(q2, FN(fma)(a, a, b * b) + FN(fma)(c, c, e * e));
    }
    double d = across(d2), q = across(q2), k = (double)(end - from);
    for (; i < end; i++) {
      double a = (double)x[i] - (double)s;
      d += a;
      q += a * a;
    }
    double m2 = q - d * (d / k);
    *m = ow_moments_join(*m, (ow_moments){k, (double)s + d / k, m2 < 0 ? 0 : m2});
  }
}

// One loop per activation. OUT(z) and GATE(z, g) are what it does to the value and to the
// gradient; NaN goes through.
#define OW_ACT_LEAKY OW_ACT_LEAKY_RELU
#define OUT_NONE(z) (z)
#define OUT_RELU(z) ((z) <= 0 ? 0 : (z))
#define OUT_LEAKY(z) ((z) <= 0 ? alpha * (z) : (z))
#define GATE_NONE(z, g) (g)
#define GATE_RELU(z, g) ((z) <= 0 ? 0 : (g))
#define GATE_LEAKY(z, g) ((z) <= 0 ? alpha * (g) : (g))
#define EACH_KIND(LOOP)                                      \
  switch (a->kind) {                                         \
    case OW_ACT_NONE: LOOP(NONE); break;                     \
    case OW_ACT_RELU: LOOP(RELU); break;                     \
    default: LOOP(LEAKY);                                    \
  }
#define AFFINE                                                                              \
  T mean = (T)a->mean, scale = (T)a->scale, shift = (T)a->shift, alpha = (T)a->alpha;        \
  (void)scale, (void)shift, (void)alpha

INL T FN(z)(T x, T mean, T scale, T shift) { return FN(muladd)(x - mean, scale, shift); }

static void FN(forward)(const void *px, int64_t n, const ow_affine *a, void *py, bool past) {
  const T *restrict x = px;
  T *y = py;
  AFFINE;
#define LOOP(K) SWEEP(y, n, past, OUT_##K(FN(z)(x[i], mean, scale, shift)))
  EACH_KIND(LOOP)
#undef LOOP
}

static void FN(sums)(const void *px, const void *pg, int64_t n, const ow_affine *a, double out[2]) {
  const T *restrict x = px, *restrict dy = pg;
  AFFINE;
  vec_double s1 = {0}, s2 = {0};
  int64_t i = 0;
#define LOOP(K)                                                                      \
  for (; i + 4 * LANES <= n; i += 4 * LANES) {                                       \
    VEC u = {0}, v = {0};                                                            \
    for (int64_t j = i; j < i + 4 * LANES; j += LANES) {                             \
      VEC h = FN(load)(x + j) - mean, g = FN(load)(dy + j);                          \
      VEC z = FN(fma)(h, FN(all)(scale), FN(all)(shift));                            \
      g = FN(gate)(z, g, alpha, OW_ACT_##K);                                         \
      u += g;                                                                        \
      v = FN(fma)(g, h, v);                                                          \
    }                                                                                \
    s1 = FN(into)(s1, u);                                                            \
    s2 = FN(into)(s2, v);                                                            \
  }                                                                                  \
  for (; i < n; i++) {                                                               \
    T z = FN(z)(x[i], mean, scale, shift), g = GATE_##K(z, dy[i]);                   \
    (void)z;                                                                         \
    out[0] += g;                                                                     \
    out[1] += (double)g * (double)(x[i] - mean);                                     \
  }
  EACH_KIND(LOOP)
#undef LOOP
  out[0] += across(s1);
  out[1] += across(s2);
}

static void FN(backward)(const void *px, const void *pg, int64_t n, const ow_affine *a, const double k[3], void *pd, bool past) {
  const T *restrict x = px, *restrict dy = pg;
  T *dx = pd, k0 = (T)k[0], k1 = (T)k[1], k2 = (T)k[2];
  AFFINE;
  if (k1 == 0 && k2 == 0) {  // given statistics: an infinite x must not turn into NaN
#define LOOP(K) SWEEP(dx, n, past, GATE_##K(FN(z)(x[i], mean, scale, shift), dy[i]) * k0)
    EACH_KIND(LOOP)
#undef LOOP
    return;
  }
#define LOOP(K) SWEEP(dx, n, past, FN(muladd)(GATE_##K(FN(z)(x[i], mean, scale, shift), dy[i]), k0, FN(muladd)(x[i] - mean, k1, k2)))
  EACH_KIND(LOOP)
#undef LOOP
}
