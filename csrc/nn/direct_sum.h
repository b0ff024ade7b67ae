// Register tiles of the weight gradient; direct_weight.simd.c includes this once a float type
// (T, NAME, FMA as in direct_tile.h). DOT is a constant at every call: positions are lanes of
// both factors, and a sum over the lanes ends the tile.

typedef T NAME(v) __attribute__((vector_size(OW_VBYTES)));
typedef T NAME(u) __attribute__((vector_size(OW_VBYTES), aligned(sizeof(T)), may_alias));
#define V NAME(v)

#define EACH_V(M, r) M(r, 0) M(r, 1) M(r, 2) M(r, 3)
#define EACH_R(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7)
#define DECLARE(r, v) V a##r##_##v = {0};
#define DECLARES(r) EACH_V(DECLARE, r)
#define ROW(r) int64_t row##r = r < R ? t->s_at[r] : 0;
#define BASE(r, v) int64_t base##v = v < LV ? t->v_at[v] : 0;
#define LOAD(r, v) V x##v = {0}; if (v < LV) x##v = *(const NAME(u) *)(vw + base##v);
#define STEP(r, v) if (v < LV) a##r##_##v = FMA(x##v, b, a##r##_##v);
#define STEPS(r)                                        \
  if (r < R) {                                          \
    V b;                                                \
    if (DOT) b = *(const NAME(u) *)(sw + row##r);       \
    else b = SET1(sw[row##r]);                          \
    EACH_V(STEP, r)                                     \
  }
#define FINISH(r, v)                                     \
  if (v < LV) {                                          \
    T *to = t->sum + r * t->sum_r + v * t->sum_v;        \
    if (DOT) *to += NAME(across)(a##r##_##v);            \
    else *(NAME(u) *)to += a##r##_##v;                   \
  }
#define FINISHES(r) if (r < R) { EACH_V(FINISH, r) }

// The sum of the lanes, by halves.
static inline T NAME(across)(V a) {
  T s[OW_VBYTES / sizeof(T)];
  memcpy(s, &a, sizeof s);
  for (int n = OW_VBYTES / sizeof(T) / 2; n; n /= 2)
    for (int i = 0; i < n; i++) s[i] += s[i + n];
  return s[0];
}

static inline __attribute__((always_inline)) void NAME(body)(const int R, const int LV, const int DOT, const NAME(ow_sum) *t) {
  EACH_R(DECLARES)
  EACH_R(ROW)
  EACH_V(BASE, 0)
  for (int64_t d = 0; d < t->count[0]; d++)
    for (int64_t h = 0; h < t->count[1]; h++) {
      const T *vw = t->v + d * t->v_step[0] + h * t->v_step[1], *sw = t->s + d * t->s_step[0] + h * t->s_step[1];
      int64_t dv = t->v_step[2], ds = t->s_step[2];
      for (int64_t w = t->count[2]; w > 0; w--, vw += dv, sw += ds) {
        EACH_V(LOAD, 0)
        EACH_R(STEPS)
      }
    }
  EACH_R(FINISHES)
}

#define ONE(r, lv)                                                                    \
  static void NAME(sum_##r##_##lv)(const NAME(ow_sum) *t) { NAME(body)(r, lv, 0, t); } \
  static void NAME(dot_##r##_##lv)(const NAME(ow_sum) *t) { NAME(body)(r, lv, 1, t); }
#define SUM(r, lv) [r][lv] = NAME(sum_##r##_##lv),
#define DOT(r, lv) [r][lv] = NAME(dot_##r##_##lv),
OW_SUMS(ONE)
static void NAME(sum)(int rows, int vectors, bool dot, const NAME(ow_sum) *t) {
  static void (*const all[2][9][5])(const NAME(ow_sum) *) = {{OW_SUMS(SUM)}, {OW_SUMS(DOT)}};
  all[dot][rows][vectors](t);
}

#undef V
#undef EACH_V
#undef EACH_R
#undef DECLARE
#undef DECLARES
#undef ROW
#undef BASE
#undef LOAD
#undef STEP
#undef STEPS
#undef FINISH
#undef FINISHES
#undef ONE
#undef SUM
#undef DOT
