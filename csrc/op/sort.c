// LSD radix sort on bytes. A key is the value's bit pattern mapped so that unsigned order is
// the order wanted: sign flipped for integers, the usual bijection for floats, every NaN to
// one key behind infinity, and (descending) the complement of all but NaN. Bytes that are
// the same in all keys are skipped. One pass is stable, so the result is unique and does not
// depend on how many parts count and scatter at once.
#include "op/sort.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "op/index.h"

typedef struct { uint64_t key, at; } pair;  // at: position, for argsort

// ---- keys ----------------------------------------------------------------------------------

static inline uint64_t key_f64(double x, bool desc) {
  uint64_t u;
  if (isnan(x)) return 0xfff8000000000000u;
  memcpy(&u, &x, 8);
  u = u >> 63 ? ~u : u | 1ull << 63;
  return desc ? ~u : u;
}
static inline double val_f64(uint64_t u, bool desc) {
  double x;
  if (u == 0xfff8000000000000u) return NAN;
  if (desc) u = ~u;
  u = u >> 63 ? u ^ 1ull << 63 : ~u;
  memcpy(&x, &u, 8);
  return x;
}
static inline uint32_t key_f32(float x, bool desc) {
  uint32_t u;
  if (isnan(x)) return 0xffc00000u;
  memcpy(&u, &x, 4);
  u = u >> 31 ? ~u : u | 1u << 31;
  return desc ? ~u : u;
}
static inline float val_f32(uint32_t u, bool desc) {
  float x;
  if (u == 0xffc00000u) return NAN;
  if (desc) u = ~u;
  u = u >> 31 ? u ^ 1u << 31 : ~u;
  memcpy(&x, &u, 4);
  return x;
}
#define INT_KEY(n_, T, K, flip)                                                                        \
  static inline K key_##n_(T x, bool desc) { K u = (K)x ^ (K)(flip); return desc ? (K)~u : u; }         \
  static inline T val_##n_(K u, bool desc) { return (T)((desc ? (K)~u : u) ^ (K)(flip)); }
INT_KEY(u8, uint8_t, uint32_t, 0)
INT_KEY(i32, int32_t, uint32_t, 1u << 31)
INT_KEY(i64, int64_t, uint64_t, 1ull << 63)

// ---- radix ---------------------------------------------------------------------------------

enum { INSERTION = 40, PARALLEL = 1 << 17, MAXPARTS = 64, BLOCK = 1 << 19 };  // BLOCK: elements between polls

#define RADIX(NAME, E, K, KEY)                                                                         \
  static void insertion_##NAME(E *a, int64_t n) {                                                      \
    for (int64_t i = 1; i < n; i++) {                                                                  \
      E v = a[i];                                                                                      \
      int64_t j = i;                                                                                   \
      for (; j > 0 && KEY(a[j - 1]) > KEY(v); j--) a[j] = a[j - 1];                                    \
      a[j] = v;                                                                                        \
    }                                                                                                  \
  }                                                                                                    \
  /* Sorts a; b is scratch. Returns where the result lies (a or b), NULL when interrupted. */          \
  static E *radix_##NAME(E *a, E *b, int64_t n, bool parallel) {                                       \
    enum { BYTES = sizeof(K) };                                                                        \
    if (n <= INSERTION) { insertion_##NAME(a, n); return a; }                                          \
    K all_or = 0, all_and = (K)~(K)0;                                                                  \
    bool sorted = true;                                                                                \
    K prev = KEY(a[0]);                                                                                \
    for (int64_t i = 0; i < n; i++) {                                                                  \
      K k = KEY(a[i]);                                                                                 \
      all_or |= k, all_and &= k;                                                                       \
      sorted &= prev <= k;                                                                             \
      prev = k;                                                                                        \
    }                                                                                                  \
    if (sorted) return a;                                                                              \
    K vary = all_or ^ all_and;                                                                         \
    int parts = parallel && n >= PARALLEL ? ow_threads() : 1;                                          \
    if (parts > MAXPARTS) parts = MAXPARTS;                                                            \
    int64_t count[MAXPARTS][256];                                                                      \
    for (int byte = 0; byte < BYTES; byte++) {                                                         \
      int s = 8 * byte;                                                                                \
      if (!(vary >> s & 255)) continue;                                                                \
      if (ow_interrupted()) return NULL;                                                               \
      _Pragma("omp parallel for num_threads(parts) schedule(static, 1) if (parts > 1)")                \
      for (int p = 0; p < parts; p++) {                                                                \
        int64_t c[4][256] = {{0}}, i = n * p / parts, end = n * (p + 1) / parts;                       \
        for (; i + 4 <= end; i += 4) {                                                                 \
          if ((i & (BLOCK - 1)) < 4 && ow_interrupted()) break;                                        \
          for (int q = 0; q < 4; q++) c[q][KEY(a[i + q]) >> s & 255]++;                                \
        }                                                                                              \
        if (end - i < 4)                                                                               \
          for (; i < end; i++) c[0][KEY(a[i]) >> s & 255]++;                                           \
        for (int d = 0; d < 256; d++) count[p][d] = c[0][d] + c[1][d] + c[2][d] + c[3][d];             \
      }                                                                                                \
      if (ow_interrupted()) return NULL;                                                               \
      int64_t at = 0;                                                                                  \
      for (int d = 0; d < 256; d++)                                                                    \
        for (int p = 0; p < parts; p++) { int64_t c = count[p][d]; count[p][d] = at; at += c; }        \
      _Pragma("omp parallel for num_threads(parts) schedule(static, 1) if (parts > 1)")                \
      for (int p = 0; p < parts; p++) {                                                                \
        int64_t *to = count[p];                                                                        \
        for (int64_t i = n * p / parts, end = n * (p + 1) / parts; i < end; i++) {                     \
          if ((i & (BLOCK - 1)) == 0 && ow_interrupted()) break;                                       \
          E v = a[i];                                                                                  \
          b[to[KEY(v) >> s & 255]++] = v;                                                              \
        }                                                                                              \
      }                                                                                                \
      E *swap = a;                                                                                     \
      a = b;                                                                                           \
      b = swap;                                                                                        \
    }                                                                                                  \
    return ow_interrupted() ? NULL : a;                                                                \
  }
#define SELF(v) (v)
#define PAIR_KEY(v) ((v).key)
RADIX(u32, uint32_t, uint32_t, SELF)
RADIX(u64, uint64_t, uint64_t, SELF)
RADIX(pair, pair, uint64_t, PAIR_KEY)

// ---- lines along an axis -------------------------------------------------------------------

// A line: n elements a byte step apart; out alike. two: scratch of 2 n keys or pairs.
typedef bool (*line_fn)(const char *src, int64_t ss, char *out, int64_t os, int64_t n, bool desc, void *two, bool parallel);

#define LINE(ID, n_, T, K, KN)                                                                           \
  static bool sort_##n_(const char *src, int64_t ss, char *out, int64_t os, int64_t n, bool desc, void *two, bool par) { \
    K *a = two, *b = a + n;                                                                              \
    _Pragma("omp parallel for num_threads(ow_threads()) if (par && n > PARALLEL)")                       \
    for (int64_t i = 0; i < n; i++) a[i] = key_##n_(*(const T *)(src + i * ss), desc);                   \
    a = radix_##KN(a, b, n, par);                                                                        \
    if (!a) return false;                                                                                \
    _Pragma("omp parallel for num_threads(ow_threads()) if (par && n > PARALLEL)")                       \
    for (int64_t i = 0; i < n; i++) *(T *)(out + i * os) = val_##n_(a[i], desc);                         \
    return true;                                                                                         \
  }                                                                                                      \
  static bool argsort_##n_(const char *src, int64_t ss, char *out, int64_t os, int64_t n, bool desc, void *two, bool par) { \
    pair *a = two, *b = a + n;                                                                           \
    _Pragma("omp parallel for num_threads(ow_threads()) if (par && n > PARALLEL)")                       \
    for (int64_t i = 0; i < n; i++) a[i] = (pair){key_##n_(*(const T *)(src + i * ss), desc), (uint64_t)i + 1}; \
    a = radix_pair(a, b, n, par);                                                                        \
    if (!a) return false;                                                                                \
    _Pragma("omp parallel for num_threads(ow_threads()) if (par && n > PARALLEL)")                       \
    for (int64_t i = 0; i < n; i++) *(int64_t *)(out + i * os) = (int64_t)a[i].at;                       \
    return true;                                                                                         \
  }
LINE(OW_U8, u8, uint8_t, uint32_t, u32)
LINE(OW_I32, i32, int32_t, uint32_t, u32)
LINE(OW_I64, i64, int64_t, uint64_t, u64)
LINE(OW_F32, f32, float, uint32_t, u32)
LINE(OW_F64, f64, double, uint64_t, u64)

static const struct { line_fn sort, argsort; size_t key; } table[OW_NDTYPE] = {
    [OW_U8] = {sort_u8, argsort_u8, 4},    [OW_I32] = {sort_i32, argsort_i32, 4}, [OW_I64] = {sort_i64, argsort_i64, 8},
    [OW_F32] = {sort_f32, argsort_f32, 4}, [OW_F64] = {sort_f64, argsort_f64, 8}};

static bool lines(const ow_tensor *out, const ow_tensor *t, int axis, bool desc, bool arg, ow_err *e) {
  line_fn f = arg ? table[t->dtype].argsort : table[t->dtype].sort;
  if (!f) return OW_FAIL(e, OW_EDTYPE, "%s has no order", ow_dtype_name(t->dtype));
  if (ow_tensor_numel(t) == 0) return true;
  ow_tensor ro = ow_without_axis(out, axis), rt = ow_without_axis(t, axis);
  const ow_tensor *both[2] = {&ro, &rt};
  ow_walk w;
  ow_walk_init(&w, 2, both);
  int64_t n = t->shape[axis], count = w.outer * w.inner;
  int64_t so = out->stride[axis] * (int64_t)w.esize[0], st = t->stride[axis] * (int64_t)w.esize[1];
  int64_t io = w.istride[0] * (int64_t)w.esize[0], it = w.istride[1] * (int64_t)w.esize[1];
  bool across = count > 1 && n < PARALLEL;  // many lines at once, or one with all threads
  int hands = across && n * count > OW_GRAIN ? ow_threads() : 1;
  size_t scratch = 2 * (size_t)n * (arg ? sizeof(pair) : table[t->dtype].key);
  char *buf = ow_alloc_array((size_t)hands, scratch, e);
  if (!buf) return false;
  int stopped = 0;
#pragma omp parallel for num_threads(hands) schedule(static) if (hands > 1)
  for (int64_t k = 0; k < count; k++) {
    char *p[4];
    if (ow_interrupted()) { __atomic_store_n(&stopped, 1, __ATOMIC_RELAXED); continue; }
    ow_walk_at(&w, k / w.inner, p);
    int64_t i = k % w.inner;
    if (!f(p[1] + i * it, st, p[0] + i * io, so, n, desc, buf + (size_t)omp_get_thread_num() % (size_t)hands * scratch, !across))
      __atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
  }
  ow_free(buf);
  return stopped ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool ow_sort(const ow_tensor *out, const ow_tensor *t, int axis, bool desc, ow_err *e) {
  return lines(out, t, axis, desc, false, e);
}
bool ow_argsort(const ow_tensor *out, const ow_tensor *t, int axis, bool desc, ow_err *e) {
  return lines(out, t, axis, desc, true, e);
}

// ---- quantiles -----------------------------------------------------------------------------

bool ow_quantile(ow_tensor *out, const ow_tensor *t, int axis, const double *q, int64_t nq, ow_err *e) {
  int64_t n = t->shape[axis], shape[OW_MAXDIM];
  if (n == 0) return OW_FAIL(e, OW_ESHAPE, "axis %d is empty: no quantile", axis + 1);
  for (int64_t k = 0; k < nq; k++)
    if (!(q[k] >= 0 && q[k] <= 1)) return OW_FAIL(e, OW_EARG, "q: expected numbers from 0 to 1, got %g", q[k]);
  // Lines last and contiguous, as f64 unless integers would lose bits in it.
  ow_tensor s, r, v = *t;
  v.shape[t->ndim - 1] = n, v.stride[t->ndim - 1] = t->stride[axis];
  for (int d = axis; d + 1 < t->ndim; d++) v.shape[d] = t->shape[d + 1], v.stride[d] = t->stride[d + 1];
  if (!ow_tensor_new(&s, t->dtype, v.ndim, v.shape, e)) return false;
  if (!ow_sort(&s, &v, v.ndim - 1, false, e)) { ow_tensor_close(&s); return false; }
  shape[0] = nq;
  memcpy(shape + 1, v.shape, sizeof(int64_t) * (size_t)(v.ndim - 1));
  if (!ow_tensor_new(&r, OW_F64, v.ndim, shape, e)) { ow_tensor_close(&s); return false; }
  int64_t rows = ow_tensor_numel(&s) / n, es = (int64_t)ow_dtype_size(t->dtype);
  const char *p = ow_tensor_data(&s);
  double *o = ow_tensor_data(&r);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t k = 0; k < nq; k++) {
      double h = (double)(n - 1) * q[k], x, y, last;
      int64_t j = (int64_t)h;
      if (j >= n - 1) j = n > 1 ? n - 2 : 0;
      ow_convert(OW_F64, &x, 0, t->dtype, p + (i * n + j) * es, 0, 1, true);
      ow_convert(OW_F64, &y, 0, t->dtype, p + (i * n + (n > 1 ? j + 1 : 0)) * es, 0, 1, true);
      ow_convert(OW_F64, &last, 0, t->dtype, p + (i * n + n - 1) * es, 0, 1, true);
      double f = h - (double)j;  // not x + f (y - x): infinities of one sign must stay
      o[k * rows + i] = isnan(last) ? NAN : f == 0 || x == y ? x : f == 1 ? y : (1 - f) * x + f * y;
    }
  ow_tensor_close(&s);
  *out = r;
  return true;
}
