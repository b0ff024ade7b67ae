// Register tiles of the direct convolution; direct.simd.c includes this once a float type, with
//   T the type, NAME(f) the names, FMA(a, b, c) = a b + c of vectors, SET1(s) a vector of one value.
// A tile is OB output channels x LV vectors of positions. Named variables instead of an array:
// that the compiler keeps them in registers must not hang on its unrolling. OB and LV are
// constants at every call, so the conditions cost nothing.

typedef T NAME(v) __attribute__((vector_size(OW_VBYTES)));
typedef T NAME(u) __attribute__((vector_size(OW_VBYTES), aligned(sizeof(T)), may_alias));
typedef NAME(int) NAME(m) __attribute__((vector_size(OW_VBYTES)));
#define V NAME(v)

static inline __attribute__((always_inline)) V NAME(activate)(V a, int activation, V alpha) {
  if (activation == OW_ACT_NONE) return a;
  NAME(m) low = (NAME(m))(a <= (V){0});  // false for NaN, which goes through
  V other = activation == OW_ACT_RELU ? (V){0} : a * alpha;
  return (V)((low & (NAME(m))other) | (~low & (NAME(m))a));
}

#define EACH_V(M, o) M(o, 0) M(o, 1) M(o, 2) M(o, 3) M(o, 4) M(o, 5) M(o, 6) M(o, 7)
#define EACH_O(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13)
#define DECLARE(o, v) V a##o##_##v = {0};
#define DECLARES(o) EACH_V(DECLARE, o)
#define LOAD(o, v) V x##v = {0}; if (v < LV) x##v = *(const NAME(u) *)(p + base##v);
#define BASE(o, v) int64_t base##v = v < LV ? t->base[v] : 0;
#define STEP(o, v) if (v < LV) a##o##_##v = FMA(x##v, b, a##o##_##v);
#define STEPS(o) if (o < OB) { V b = SET1(w[o]); EACH_V(STEP, o) }
#define FINISH(o, v)                                                                    \
  if (v < LV) {                                                                         \
    NAME(u) *y = (NAME(u) *)(to + t->out[v]);                                           \
    V r = a##o##_##v;                                                                   \
    if (t->add) r += *y;                                                                \
    *y = NAME(activate)(r + b, t->activation, alpha);                                   \
  }
#define FINISHES(o)                                                                     \
  if (o < OB) {                                                                         \
    T *to = t->y + o * t->y_step;                                                       \
    V b = SET1(t->bias ? t->bias[o] : 0);                                               \
    EACH_V(FINISH, o)                                                                   \
  }

static inline __attribute__((always_inline)) void NAME(body)(const int OB, const int LV, const NAME(ow_tile) *t) {
  EACH_O(DECLARES)
  EACH_V(BASE, 0)
  const T *w = t->w, *x = t->x;
  for (int64_t c = 0; c < t->channels; c++, x += t->x_step)
    for (int64_t k = 0; k < t->taps; k++, w += OB) {
      const T *p = x + t->tap[k];
      EACH_V(LOAD, 0)
      EACH_O(STEPS)
    }
  V alpha = SET1(t->alpha);
  EACH_O(FINISHES)
}

// One function a size: the choice between them is one indexed call.
#define ONE(ob, lv) static void NAME(tile_##ob##_##lv)(const NAME(ow_tile) *t) { NAME(body)(ob, lv, t); }
#define ENTRY(ob, lv) [ob][lv] = NAME(tile_##ob##_##lv),
OW_TILES(ONE)
static void NAME(tile)(int ob, int lv, const NAME(ow_tile) *t) {
  static void (*const all[OW_TILE_O + 1][9])(const NAME(ow_tile) *) = {OW_TILES(ENTRY)};
  all[ob][lv](t);
}

#undef V
#undef EACH_V
#undef EACH_O
#undef DECLARE
#undef DECLARES
#undef LOAD
#undef BASE
#undef STEP
#undef STEPS
#undef FINISH
#undef FINISHES
#undef ONE
#undef ENTRY
