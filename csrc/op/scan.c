// Running sums and products. A line is cut into CHUNK elements; each chunk runs from its own
// zero and is joined to the total of those before it, so a line can be shared by threads and
// still gives the same bits, and the error grows with CHUNK + n / CHUNK instead of n. Lines
// that lie side by side go together, TILE at a time, so that memory is read in order.
#include "op/reduce.h"

#include <string.h>

#include "base/alloc.h"
#include "base/device.h"
#include "base/threads.h"

enum { CHUNK = 4096, TILE = 64 };

// n steps of m lines: acc runs inside the chunk from nothing, base is what came before.
// out NULL: only the totals are wanted.
typedef void (*scan_fn)(char *out, int64_t os, int64_t ocs, const char *in, int64_t is, int64_t ics, int64_t n,
                        int64_t m, const void *base, void *acc);

#define SCAN(NAME, T, S, START, JOIN)                                                                       \
  static void NAME(char *out, int64_t os, int64_t ocs, const char *in, int64_t is, int64_t ics, int64_t n,  \
                   int64_t m, const void *base, void *acc) {                                                \
    const S *b = base;                                                                                      \
    S *a = acc;                                                                                             \
    if (m == 1) { /* one line: the running value stays in a register */                                     \
      S r = START, before = *b;                                                                             \
      if (out) for (int64_t i = 0; i < n; i++) {                                                            \
        S x = (S) * (const T *)(in + i * is);                                                               \
        r = JOIN(r, x);                                                                                     \
        *(T *)(out + i * os) = (T)JOIN(before, r);                                                          \
      }                                                                                                     \
      else for (int64_t i = 0; i < n; i++) {                                                                \
        S x = (S) * (const T *)(in + i * is);                                                               \
        r = JOIN(r, x);                                                                                     \
      }                                                                                                     \
      *a = JOIN(before, r);                                                                                 \
      return;                                                                                               \
    }                                                                                                       \
    for (int64_t j = 0; j < m; j++) a[j] = START;                                                           \
    for (int64_t i = 0; i < n; i++)                                                                         \
      for (int64_t j = 0; j < m; j++) {                                                                     \
        S x = (S) * (const T *)(in + i * is + j * ics);                                                     \
        a[j] = JOIN(a[j], x);                                                                               \
        if (out) *(T *)(out + i * os + j * ocs) = (T)JOIN(b[j], a[j]);                                      \
      }                                                                                                     \
    for (int64_t j = 0; j < m; j++) a[j] = JOIN(b[j], a[j]);                                                \
  }
#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#define UPLUS(a, b) ((int64_t)((uint64_t)(a) + (uint64_t)(b)))
#define UTIMES(a, b) ((int64_t)((uint64_t)(a) * (uint64_t)(b)))
SCAN(sum_i64, int64_t, int64_t, 0, UPLUS)
SCAN(sum_f32, float, double, 0, PLUS)
SCAN(sum_f64, double, double, 0, PLUS)
SCAN(sum_c64, ow_c64, ow_c128, 0, PLUS)
SCAN(sum_c128, ow_c128, ow_c128, 0, PLUS)
SCAN(prod_i64, int64_t, int64_t, 1, UTIMES)
SCAN(prod_f32, float, double, 1, TIMES)
SCAN(prod_f64, double, double, 1, TIMES)
SCAN(prod_c64, ow_c64, ow_c128, 1, TIMES)
SCAN(prod_c128, ow_c128, ow_c128, 1, TIMES)

static const scan_fn scans[2][OW_NKERNEL_DTYPES] = {
    {[OW_I64] = sum_i64, [OW_F32] = sum_f32, [OW_F64] = sum_f64, [OW_C64] = sum_c64, [OW_C128] = sum_c128},
    {[OW_I64] = prod_i64, [OW_F32] = prod_f32, [OW_F64] = prod_f64, [OW_C64] = prod_c64, [OW_C128] = prod_c128}};

typedef union { double d; int64_t i; ow_c128 c; } state;

static void start(void *s, ow_dtype d, bool product, int64_t m) {
  for (int64_t j = 0; j < m; j++) {
    if (d == OW_I64) ((int64_t *)s)[j] = product;
    else if (ow_dtype_is_complex(d)) ((ow_c128 *)s)[j] = product;
    else ((double *)s)[j] = product;
  }
}

static bool scan(scan_fn f, bool product, const ow_tensor *dst, const ow_tensor *src, int axis, ow_err *e) {
  int64_t n = dst->shape[axis], es = (int64_t)ow_dtype_size(dst->dtype);
  int64_t os = dst->stride[axis] * es, is = src->stride[axis] * es;
  ow_tensor a = *dst, b = *src;  // the lines: the other axes
  for (int d = axis; d + 1 < dst->ndim; d++) {
    a.shape[d] = b.shape[d] = dst->shape[d + 1];
    a.stride[d] = dst->stride[d + 1];
    b.stride[d] = src->stride[d + 1];
  }
  a.ndim = b.ndim = dst->ndim - 1;
  const ow_tensor *both[2] = {&a, &b};
  ow_walk w;
  ow_walk_init(&w, 2, both);
  int64_t ocs = w.istride[0] * es, ics = w.istride[1] * es, tiles = (w.inner + TILE - 1) / TILE, tasks = w.outer * tiles;
  int64_t chunks = (n + CHUNK - 1) / CHUNK;
  int stop = 0;
  if (w.outer * w.inner == 1 && chunks > 1 && ow_threads() > 1) {  // one line: totals, their running sum, lines
    state *base = ow_alloc_array((size_t)chunks + 1, sizeof *base, e), one, ignore;
    if (!base) return false;
    start(&one, dst->dtype, product, 1);
#pragma omp parallel for num_threads(ow_threads())
    for (int64_t c = 0; c < chunks; c++)
      if (!ow_interrupted())
        f(NULL, 0, 0, w.base[1] + c * CHUNK * is, is, ics, n - c * CHUNK < CHUNK ? n - c * CHUNK : CHUNK, 1, &one, &base[c + 1]);
    base[0] = one;
    for (int64_t c = 1; c <= chunks; c++) {
      if (dst->dtype == OW_I64) base[c].i = product ? UTIMES(base[c - 1].i, base[c].i) : UPLUS(base[c - 1].i, base[c].i);
      else if (ow_dtype_is_complex(dst->dtype)) base[c].c = product ? base[c - 1].c * base[c].c : base[c - 1].c + base[c].c;
      else base[c].d = product ? base[c - 1].d * base[c].d : base[c - 1].d + base[c].d;
    }
#pragma omp parallel for num_threads(ow_threads()) private(ignore)
    for (int64_t c = 0; c < chunks; c++)
      if (!ow_interrupted())
        f(w.base[0] + c * CHUNK * os, os, ocs, w.base[1] + c * CHUNK * is, is, ics,
          n - c * CHUNK < CHUNK ? n - c * CHUNK : CHUNK, 1, &base[c], &ignore);
    stop = ow_interrupted();
    ow_free(base);
  } else {
#pragma omp parallel for num_threads(ow_threads()) if (tasks > 1 && tasks * n > 1024)
    for (int64_t k = 0; k < tasks; k++) {
      if (__atomic_load_n(&stop, __ATOMIC_RELAXED)) continue;
      state base[TILE], acc[TILE];
      int64_t c0 = k % tiles * TILE, m = w.inner - c0 < TILE ? w.inner - c0 : TILE;
      char *p[4];
      ow_walk_at(&w, k / tiles, p);
      start(base, dst->dtype, product, m);
      for (int64_t i = 0; i < n && !ow_interrupted(); i += CHUNK) {
        f(p[0] + c0 * ocs + i * os, os, ocs, p[1] + c0 * ics + i * is, is, ics, n - i < CHUNK ? n - i : CHUNK, m, base, acc);
        memcpy(base, acc, sizeof base);
      }
      if (ow_interrupted()) __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    }
  }
  return stop ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool ow_cumulate(bool product, const ow_tensor *t, int axis, ow_tensor *out, ow_err *e) {
  char sa[160], sb[160];
  if (!ow_need_host(t, e) || (out->storage && !ow_need_host(out, e))) return false;
  ow_dtype d = ow_dtype_is_int(t->dtype) ? OW_I64 : t->dtype == OW_F16 || t->dtype == OW_BF16 ? OW_F32 : t->dtype;
  if (out->storage) {
    bool same = out->ndim == t->ndim && !memcmp(out->shape, t->shape, sizeof(int64_t) * (size_t)t->ndim);
    if (!same)
      return OW_FAIL(e, OW_ESHAPE, "out: has shape %s, the result has %s", ow_shape_string(sa, out->ndim, out->shape),
                     ow_shape_string(sb, t->ndim, t->shape));
    if (out->dtype != d) return OW_FAIL(e, OW_EDTYPE, "out: is %s, the result %s", ow_dtype_name(out->dtype), ow_dtype_name(d));
  }
  ow_tensor src = {0}, dst = {0};
  if (t->dtype != d) {
    if (!ow_tensor_cast(&src, t, d, true, e)) return false;
  } else ow_tensor_view(&src, t);
  // Into out directly when it is t itself or has other storage; else through a fresh block.
  bool direct = out->storage && (out->storage != src.storage ||
                (out->offset == src.offset && !memcmp(out->stride, src.stride, sizeof(int64_t) * (size_t)t->ndim)));
  bool ok = true;
  if (direct) ow_tensor_view(&dst, out);
  else ok = ow_tensor_new_like(&dst, &src, e);
  if (ok && ow_tensor_numel(&src) > 0) ok = scan(scans[product][d], product, &dst, &src, axis, e);
  if (ok && !direct) {
    if (out->storage) ok = ow_tensor_copy(out, &dst, true, e);
    else { *out = dst; dst.storage = NULL; }
  }
  ow_tensor_close(&src);
  ow_tensor_close(&dst);
  return ok;
}
