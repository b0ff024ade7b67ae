// Elements are moved as blocks of 1, 2, 4, 8 or 16 bytes, so one body serves every dtype;
// only sums and comparisons know the type. Work is cut into fixed pieces along the walked
// rows; where indices may repeat (put, scatter) the pieces never share a target and each
// follows the order of the indices, so results do not depend on the number of threads.
#include "op/index.h"

#include <complex.h>
#include <math.h>
#include <string.h>

#include "base/threads.h"

typedef struct { uint64_t a, b; } b16;
typedef void (*run2)(char *d, int64_t ds, const char *s, int64_t ss, int64_t n);

// ---- runs ----------------------------------------------------------------------------------

#define COPY_RUN(T)                                                                 \
  static void copy_##T(char *d, int64_t ds, const char *s, int64_t ss, int64_t n) { \
    if (ds == (int64_t)sizeof(T) && ss == ds) { memcpy(d, s, (size_t)n * sizeof(T)); return; } \
    for (int64_t i = 0; i < n; i++) *(T *)(d + i * ds) = *(const T *)(s + i * ss);  \
  }
COPY_RUN(uint8_t) COPY_RUN(uint16_t) COPY_RUN(uint32_t) COPY_RUN(uint64_t) COPY_RUN(b16)
static run2 copy_run(size_t es) {
  static const run2 table[17] = {[1] = copy_uint8_t, [2] = copy_uint16_t, [4] = copy_uint32_t, [8] = copy_uint64_t, [16] = copy_b16};
  return table[es];
}

#define ADD_RUN(ID, n_, T)                                                          \
  static void add_##n_(char *d, int64_t ds, const char *s, int64_t ss, int64_t n) { \
    for (int64_t i = 0; i < n; i++) *(T *)(d + i * ds) += *(const T *)(s + i * ss); \
  }
// Integer sums wrap.
#define ADD_INT_RUN(ID, n_, T)                                                      \
  static void add_##n_(char *d, int64_t ds, const char *s, int64_t ss, int64_t n) { \
    for (int64_t i = 0; i < n; i++)                                                 \
      *(T *)(d + i * ds) = (T)((uint64_t) * (T *)(d + i * ds) + (uint64_t) * (const T *)(s + i * ss)); \
  }
OW_INT_DTYPES(ADD_INT_RUN)
OW_FLOAT_DTYPES(ADD_RUN)
OW_COMPLEX_DTYPES(ADD_RUN)
static run2 add_run(ow_dtype t) {
#define ROW(ID, n_, T) [ID] = add_##n_,
  static const run2 table[OW_NDTYPE] = {OW_ALL_DTYPES(ROW)};
#undef ROW
  return table[t];
}

// ---- fill, compare -------------------------------------------------------------------------

void ow_fill(const ow_tensor *t, const void *value) {
  if (ow_tensor_numel(t) == 0) return;
  ow_walk w;
  ow_walk_init(&w, 1, &t);
  size_t es = w.esize[0];
  int64_t st = w.istride[0] * (int64_t)es, pieces = (w.inner + OW_GRAIN - 1) / OW_GRAIN;
  run2 copy = copy_run(es);
  const unsigned char *v = value;
  bool same = st == (int64_t)es;  // all bytes alike: memset
  for (size_t i = 1; i < es; i++) same = same && v[i] == v[0];
#pragma omp parallel for num_threads(ow_threads()) if (w.inner * w.outer > OW_GRAIN)
  for (int64_t k = 0; k < w.outer * pieces; k++) {
    char *p[4];
    ow_walk_at(&w, k / pieces, p);
    int64_t i = k % pieces * OW_GRAIN, n = w.inner - i < OW_GRAIN ? w.inner - i : OW_GRAIN;
    char *d = p[0] + i * st;
    if (same) memset(d, v[0], (size_t)n * es);
    else copy(d, st, value, 0, n);
  }
}

bool ow_close_to(const ow_tensor *a, const ow_tensor *b, double rtol, double atol, bool equal_nan) {
  if (ow_tensor_numel(a) == 0) return true;
  const ow_tensor *both[2] = {a, b};
  ow_walk w;
  ow_walk_init(&w, 2, both);
  int64_t sa = w.istride[0] * (int64_t)w.esize[0], sb = w.istride[1] * (int64_t)w.esize[1];
  bool ints = ow_dtype_is_int(a->dtype);
  int differ = 0;
#pragma omp parallel for num_threads(ow_threads()) if (w.inner * w.outer > OW_GRAIN && w.outer > 1)
  for (int64_t k = 0; k < w.outer; k++) {
    char *p[4];
    if (__atomic_load_n(&differ, __ATOMIC_RELAXED)) continue;
    ow_walk_at(&w, k, p);
    for (int64_t i = 0; i < w.inner; i++) {
      const char *x = p[0] + i * sa, *y = p[1] + i * sb;
      bool ok;
      if (ints && rtol == 0 && atol == 0) ok = !memcmp(x, y, w.esize[0]);
      else {
        ow_c128 u, v;
        ow_convert(OW_C128, &u, 0, a->dtype, x, 0, 1, true);
        ow_convert(OW_C128, &v, 0, b->dtype, y, 0, 1, true);
        bool nu = isnan(creal(u)) || isnan(cimag(u)), nv = isnan(creal(v)) || isnan(cimag(v));
        if (nu || nv) ok = equal_nan && nu && nv;
        else ok = u == v || (isfinite(cabs(u)) && isfinite(cabs(v)) && cabs(u - v) <= atol + rtol * cabs(v));
      }
      if (!ok) { __atomic_store_n(&differ, 1, __ATOMIC_RELAXED); break; }
    }
  }
  return !differ;
}

// ---- take, put -----------------------------------------------------------------------------

static inline bool outside(int64_t i, int64_t n) { return i == 0 || (uint64_t)ow_index0(i, n) >= (uint64_t)n; }

static bool check_indices(const int64_t *idx, int64_t m, int axis, int64_t n, ow_err *e) {
  bool bad = false;
  for (int64_t j = 0; j < m; j++) bad |= outside(idx[j], n);
  if (!bad) return true;
  int64_t j = 0;
  while (!outside(idx[j], n)) j++;
  return OW_FAIL(e, OW_EARG, "index %lld (entry %lld) is out of range on axis %d of size %lld", (long long)idx[j],
                 (long long)j + 1, axis + 1, (long long)n);
}

bool ow_take(ow_tensor *out, const ow_tensor *t, int axis, const int64_t *idx, int64_t m, ow_err *e) {
  int64_t shape[OW_MAXDIM], n = t->shape[axis];
  if (!check_indices(idx, m, axis, n, e)) return false;
  memcpy(shape, t->shape, sizeof shape);
  shape[axis] = m;
  ow_tensor r;
  if (!ow_tensor_new(&r, t->dtype, t->ndim, shape, e)) return false;
  if (ow_tensor_numel(&r) > 0) {
    ow_tensor rows_r = ow_without_axis(&r, axis), rows_t = ow_without_axis(t, axis);
    const ow_tensor *both[2] = {&rows_r, &rows_t};
    ow_walk w;
    ow_walk_init(&w, 2, both);
    int64_t es = (int64_t)w.esize[0], ds = w.istride[0] * es, ss = w.istride[1] * es;
    int64_t da = r.stride[axis] * es, sa = t->stride[axis] * es, rows = w.outer * w.inner;
    int64_t chunk = rows < 4096 ? 4096 / rows : 1, chunks = (m + chunk - 1) / chunk;
    run2 copy = copy_run((size_t)es);
#pragma omp parallel for num_threads(ow_threads()) if (rows * m > OW_GRAIN)
    for (int64_t c = 0; c < chunks; c++) {
      if (ow_interrupted()) continue;
      int64_t j1 = (c + 1) * chunk < m ? (c + 1) * chunk : m;
      char *p[4];
      if (rows == 1 && es == 8) {  // the common gather, without a call an element
        for (int64_t j = c * chunk; j < j1; j++)
          *(uint64_t *)(w.base[0] + j * da) = *(const uint64_t *)(w.base[1] + ow_index0(idx[j], n) * sa);
        continue;
      }
      for (int64_t j = c * chunk; j < j1; j++)
        for (int64_t k = 0; k < w.outer; k++) {
          ow_walk_at(&w, k, p);
          copy(p[0] + j * da, ds, p[1] + ow_index0(idx[j], n) * sa, ss, w.inner);
        }
    }
    if (ow_interrupted()) {
      ow_tensor_close(&r);
      return OW_FAIL(e, OW_EINTR, "interrupted");
    }
  }
  *out = r;
  return true;
}

bool ow_put(const ow_tensor *t, int axis, const int64_t *idx, int64_t m, const ow_tensor *src, bool add, ow_err *e) {
  int64_t n = t->shape[axis];
  if (!check_indices(idx, m, axis, n, e)) return false;
  if (ow_tensor_numel(src) == 0) return true;
  run2 run = add ? add_run(t->dtype) : copy_run(ow_dtype_size(t->dtype));
  if (!run) return OW_FAIL(e, OW_EDTYPE, "%s is for storage only; convert first", ow_dtype_name(t->dtype));
  ow_tensor rows_t = ow_without_axis(t, axis), rows_s = ow_without_axis(src, axis);
  const ow_tensor *both[2] = {&rows_t, &rows_s};
  ow_walk w;
  ow_walk_init(&w, 2, both);
  int64_t es = (int64_t)w.esize[0], ds = w.istride[0] * es, ss = w.istride[1] * es;
  int64_t da = t->stride[axis] * es, sa = src->stride[axis] * es;
  enum { RUN = 4096 };
  int64_t pieces = (w.inner + RUN - 1) / RUN;
#pragma omp parallel for num_threads(ow_threads()) if (w.outer * w.inner * m > OW_GRAIN && w.outer * pieces > 1)
  for (int64_t k = 0; k < w.outer * pieces; k++) {
    char *p[4];
    if (ow_interrupted()) continue;
    ow_walk_at(&w, k / pieces, p);
    int64_t i = k % pieces * RUN, c = w.inner - i < RUN ? w.inner - i : RUN;
    for (int64_t j = 0; j < m; j++) run(p[0] + i * ds + ow_index0(idx[j], n) * da, ds, p[1] + i * ss + j * sa, ss, c);
  }
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

// ---- gather, scatter -----------------------------------------------------------------------

static bool check_gather(const ow_tensor *t, int axis, const ow_tensor *idx, ow_err *e) {
  char a[160], b[160];
  bool ok = idx->ndim == t->ndim;
  for (int d = 0; ok && d < t->ndim; d++) ok = d == axis || idx->shape[d] == t->shape[d];
  if (!ok)
    return OW_FAIL(e, OW_ESHAPE, "index of shape %s does not go with a tensor of shape %s: only axis %d may differ",
                   ow_shape_string(a, idx->ndim, idx->shape), ow_shape_string(b, t->ndim, t->shape), axis + 1);
  if (ow_tensor_numel(idx) == 0) return true;
  ow_walk w;
  ow_walk_init(&w, 1, &idx);
  for (int64_t k = 0; k < w.outer; k++) {
    char *p[4];
    ow_walk_at(&w, k, p);
    for (int64_t i = 0; i < w.inner; i++) {
      int64_t v = ((int64_t *)p[0])[i * w.istride[0]];
      if (outside(v, t->shape[axis]))
        return OW_FAIL(e, OW_EARG, "index %lld is out of range on axis %d of size %lld", (long long)v, axis + 1,
                       (long long)t->shape[axis]);
    }
  }
  return true;
}

// For each line along axis: run(target element, source element), j in order.
static bool along_axis(const ow_tensor *t, int axis, const ow_tensor *idx, const ow_tensor *other, bool to_t, run2 run, ow_err *e) {
  ow_tensor rt = ow_without_axis(t, axis), ri = ow_without_axis(idx, axis), ro = ow_without_axis(other, axis);
  const ow_tensor *three[3] = {&rt, &ri, &ro};
  ow_walk w;
  ow_walk_init(&w, 3, three);
  int64_t es = (int64_t)w.esize[0], n = t->shape[axis], m = idx->shape[axis];
  int64_t at = t->stride[axis] * es, ai = idx->stride[axis], ao = other->stride[axis] * es;
#pragma omp parallel for num_threads(ow_threads()) if (w.outer * w.inner * m > OW_GRAIN)
  for (int64_t k = 0; k < w.outer * w.inner; k++) {
    char *p[4];
    if (ow_interrupted()) continue;
    ow_walk_at(&w, k / w.inner, p);
    int64_t i = k % w.inner;
    char *pt = p[0] + i * w.istride[0] * es, *po = p[2] + i * w.istride[2] * es;
    const int64_t *pi = (const int64_t *)p[1] + i * w.istride[1];
    for (int64_t j = 0; j < m; j++) {
      char *x = pt + ow_index0(pi[j * ai], n) * at, *y = po + j * ao;
      if (to_t) run(x, 0, y, 0, 1);
      else run(y, 0, x, 0, 1);
    }
  }
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool ow_gather(ow_tensor *out, const ow_tensor *t, int axis, const ow_tensor *idx, ow_err *e) {
  ow_tensor r;
  if (!check_gather(t, axis, idx, e) || !ow_tensor_new(&r, t->dtype, idx->ndim, idx->shape, e)) return false;
  if (ow_tensor_numel(&r) && !along_axis(t, axis, idx, &r, false, copy_run(ow_dtype_size(t->dtype)), e)) {
    ow_tensor_close(&r);
    return false;
  }
  *out = r;
  return true;
}

bool ow_scatter(const ow_tensor *t, int axis, const ow_tensor *idx, const ow_tensor *src, bool add, ow_err *e) {
  if (!check_gather(t, axis, idx, e)) return false;
  run2 run = add ? add_run(t->dtype) : copy_run(ow_dtype_size(t->dtype));
  if (!run) return OW_FAIL(e, OW_EDTYPE, "%s is for storage only; convert first", ow_dtype_name(t->dtype));
  return ow_tensor_numel(idx) ? along_axis(t, axis, idx, src, true, run, e) : true;
}

// ---- masks ---------------------------------------------------------------------------------

#define NONZERO(ID, n_, T)                                                       \
  static int64_t count_##n_(const void *p, int64_t n) {                          \
    const T *x = p;                                                              \
    int64_t c = 0;                                                               \
    for (int64_t i = 0; i < n; i++) c += x[i] != 0;                              \
    return c;                                                                    \
  }                                                                              \
  static void emit_##n_(const void *p, int64_t n, int64_t first, int64_t *out) { \
    const T *x = p;                                                              \
    for (int64_t i = 0; i < n; i++)                                              \
      if (x[i] != 0) *out++ = first + i;                                         \
  }
OW_ALL_DTYPES(NONZERO)

bool ow_nonzero(ow_tensor *out, const ow_tensor *t, ow_err *e) {
#define ROW(ID, n_, T) [ID] = {count_##n_, emit_##n_},
  static const struct {
    int64_t (*count)(const void *, int64_t);
    void (*emit)(const void *, int64_t, int64_t, int64_t *);
  } table[OW_NDTYPE] = {OW_ALL_DTYPES(ROW)};
#undef ROW
  if (!table[t->dtype].count) return OW_FAIL(e, OW_EDTYPE, "%s is for storage only; convert first", ow_dtype_name(t->dtype));
  ow_tensor c, r, part;
  if (!ow_tensor_contiguous(&c, t, e)) return false;
  int64_t n = ow_tensor_numel(&c), chunks = (n + OW_GRAIN - 1) / OW_GRAIN, total = 0;
  if (!ow_tensor_new(&part, OW_I64, 1, &chunks, e)) { ow_tensor_close(&c); return false; }
  const char *p = ow_tensor_data(&c);
  int64_t *at = ow_tensor_data(&part), es = (int64_t)ow_dtype_size(c.dtype);
#pragma omp parallel for num_threads(ow_threads()) if (chunks > 1)
  for (int64_t k = 0; k < chunks; k++)
    at[k] = table[c.dtype].count(p + k * OW_GRAIN * es, k + 1 < chunks ? OW_GRAIN : n - k * OW_GRAIN);
  for (int64_t k = 0; k < chunks; k++) { int64_t v = at[k]; at[k] = total; total += v; }
  bool ok = ow_tensor_new(&r, OW_I64, 1, &total, e);
  if (ok) {
    int64_t *o = ow_tensor_data(&r);
#pragma omp parallel for num_threads(ow_threads()) if (chunks > 1)
    for (int64_t k = 0; k < chunks; k++)
      table[c.dtype].emit(p + k * OW_GRAIN * es, k + 1 < chunks ? OW_GRAIN : n - k * OW_GRAIN, k * OW_GRAIN + 1, o + at[k]);
    *out = r;
  }
  ow_tensor_close(&c);
  ow_tensor_close(&part);
  return ok;
}

// ---- where, clip, masked fill: one frame, a run for each element size or dtype ---------------

typedef void (*run4)(char *const *p, const int64_t *step, int64_t n);

static void drive(int nt, const ow_tensor *const *t, run4 run) {
  if (ow_tensor_numel(t[0]) == 0) return;
  ow_walk w;
  ow_walk_init(&w, nt, t);
  int64_t s[4], pieces = (w.inner + OW_GRAIN - 1) / OW_GRAIN;
  for (int j = 0; j < nt; j++) s[j] = w.istride[j] * (int64_t)w.esize[j];
#pragma omp parallel for num_threads(ow_threads()) if (w.inner * w.outer > OW_GRAIN)
  for (int64_t k = 0; k < w.outer * pieces; k++) {
    char *p[4];
    ow_walk_at(&w, k / pieces, p);
    int64_t i = k % pieces * OW_GRAIN, n = w.inner - i < OW_GRAIN ? w.inner - i : OW_GRAIN;
    for (int j = 0; j < nt; j++) p[j] += i * s[j];
    run(p, s, n);
  }
}

#define SELECT_RUNS(T)                                                                                  \
  static void fill_mask_##T(char *const *p, const int64_t *s, int64_t n) {                              \
    for (int64_t i = 0; i < n; i++)                                                                     \
      if (p[1][i * s[1]]) *(T *)(p[0] + i * s[0]) = *(const T *)(p[2] + i * s[2]);                      \
  }                                                                                                     \
  static void where_##T(char *const *p, const int64_t *s, int64_t n) {                                  \
    for (int64_t i = 0; i < n; i++) {                                                                   \
      T a = *(const T *)(p[2] + i * s[2]), b = *(const T *)(p[3] + i * s[3]);                           \
      *(T *)(p[0] + i * s[0]) = p[1][i * s[1]] ? a : b;                                                 \
    }                                                                                                   \
  }
SELECT_RUNS(uint8_t) SELECT_RUNS(uint16_t) SELECT_RUNS(uint32_t) SELECT_RUNS(uint64_t) SELECT_RUNS(b16)
#define ROW(T) [sizeof(T)] = {fill_mask_##T, where_##T}
static const struct { run4 fill, where; } select_table[17] = {ROW(uint8_t), ROW(uint16_t), ROW(uint32_t), ROW(uint64_t), ROW(b16)};
#undef ROW

bool ow_masked_fill(const ow_tensor *t, const ow_tensor *mask, const void *value, ow_err *e) {
  ow_tensor v;
  if (!ow_tensor_new(&v, t->dtype, 0, NULL, e)) return false;
  memcpy(ow_tensor_data(&v), value, ow_dtype_size(t->dtype));
  ow_tensor b = v;
  b.ndim = t->ndim;
  for (int d = 0; d < t->ndim; d++) { b.shape[d] = t->shape[d]; b.stride[d] = 0; }
  drive(3, (const ow_tensor *[]){t, mask, &b}, select_table[ow_dtype_size(t->dtype)].fill);
  ow_tensor_close(&v);
  return true;
}

void ow_where(const ow_tensor *out, const ow_tensor *cond, const ow_tensor *a, const ow_tensor *b) {
  drive(4, (const ow_tensor *[]){out, cond, a, b}, select_table[ow_dtype_size(out->dtype)].where);
}

#define CLIP_RUN(ID, n_, T)                                                                    \
  static void clip_##n_(char *const *p, const int64_t *s, int64_t n) {                         \
    for (int64_t i = 0; i < n; i++) {                                                          \
      T x = *(const T *)(p[1] + i * s[1]), lo = *(const T *)(p[2] + i * s[2]), hi = *(const T *)(p[3] + i * s[3]); \
      x = x < lo ? lo : x;                                                                     \
      x = x > hi ? hi : x;                                                                     \
      *(T *)(p[0] + i * s[0]) = lo != lo || hi != hi ? (T)(lo + hi) : x;                       \
    }                                                                                          \
  }
OW_REAL_DTYPES(CLIP_RUN)

bool ow_clip(const ow_tensor *out, const ow_tensor *x, const ow_tensor *lo, const ow_tensor *hi, ow_err *e) {
#define ROW(ID, n_, T) [ID] = clip_##n_,
  static const run4 table[OW_NDTYPE] = {OW_REAL_DTYPES(ROW)};
#undef ROW
  if (!table[x->dtype]) return OW_FAIL(e, OW_EDTYPE, "%s has no order", ow_dtype_name(x->dtype));
  drive(4, (const ow_tensor *[]){out, x, lo, hi}, table[x->dtype]);
  return true;
}
