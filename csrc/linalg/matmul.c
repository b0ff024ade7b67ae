// Matrix products. Row-major data goes to BLAS as it lies: a view with unit stride along
// either of its last two axes is passed with a transposition flag, anything else is copied
// once. Leading axes broadcast; when only the left operand has them and they are dense,
// the whole stack is one product. Small products of a stack run over our threads (BLAS is
// single-threaded inside a parallel region), large ones one after the other.
//
// Interrupt: polled between items and between row panels of at most PANEL_FLOPS; one BLAS
// call cannot be interrupted, so a press of Ctrl-C waits for a panel (well under a second).
//
// Integers: exact. When max|a| max|b| k < 2^63 sums cannot overflow and plain 64-bit loops
// are used; otherwise 128-bit sums, and a result beyond i64 is refused, never wrapped.
#include "linalg/matmul.h"

#include <cblas.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/device.h"
#include "base/threads.h"

#define PANEL_FLOPS 1e10
#define SMALL_FLOPS 1e6  // below this one product is not worth a parallel BLAS call

ow_dtype ow_matmul_dtype(ow_dtype a, ow_dtype b) {
  ow_dtype t = ow_dtype_promote(a, b);
  return ow_dtype_is_int(t) ? OW_I64 : t;
}

bool ow_matmul_shape(const ow_tensor *a, const ow_tensor *b, int *ndim, int64_t *shape, ow_err *e) {
  char sa[160], sb[160];
  if (a->ndim == 0 || b->ndim == 0)
    return OW_FAIL(e, OW_ESHAPE, "%s is a scalar: expected a vector or a matrix (a is %s, b is %s)", a->ndim ? "b" : "a",
                   ow_shape_string(sa, a->ndim, a->shape), ow_shape_string(sb, b->ndim, b->shape));
  int64_t ka = a->shape[a->ndim - 1], kb = b->shape[b->ndim >= 2 ? b->ndim - 2 : 0];
  if (ka != kb)
    return OW_FAIL(e, OW_ESHAPE, "a is %s, b is %s: inner sizes %lld and %lld differ",
                   ow_shape_string(sa, a->ndim, a->shape), ow_shape_string(sb, b->ndim, b->shape), (long long)ka,
                   (long long)kb);
  int na = a->ndim > 2 ? a->ndim - 2 : 0, nb = b->ndim > 2 ? b->ndim - 2 : 0, n = na > nb ? na : nb;
  for (int d = 0; d < n; d++) {
    int i = d - (n - na), j = d - (n - nb);
    int64_t x = i >= 0 ? a->shape[i] : 1, y = j >= 0 ? b->shape[j] : 1;
    if (x != y && x != 1 && y != 1)
      return OW_FAIL(e, OW_ESHAPE, "a is %s, b is %s: leading sizes %lld and %lld do not broadcast",
                     ow_shape_string(sa, a->ndim, a->shape), ow_shape_string(sb, b->ndim, b->shape), (long long)x,
                     (long long)y);
    shape[d] = x == 1 ? y : x;
  }
  if (a->ndim >= 2) shape[n++] = a->shape[a->ndim - 2];
  if (b->ndim >= 2) shape[n++] = b->shape[b->ndim - 1];
  *ndim = n;
  return true;
}

// A matrix as BLAS takes it.
typedef struct {
  char *p;
  int64_t ld;
  bool trans;
} mat;

// Whether rows x cols with element strides s0, s1 needs no copy.
static bool as_mat(int64_t rows, int64_t cols, int64_t s0, int64_t s1, mat *m) {
  if (cols == 1) s1 = 1;  // the stride of an axis of one element says nothing
  if (rows == 1 && s1 == 1) s0 = cols;
  if (rows == 1 && s1 != 1) s0 = 1;
  if (s1 == 1 && s0 >= cols && s0 >= 1) { m->trans = false; m->ld = s0; return s0 <= INT_MAX; }
  if (s0 == 1 && s1 >= rows && s1 >= 1) { m->trans = true; m->ld = s1; return s1 <= INT_MAX; }
  return false;
}

static void gemm(ow_dtype t, bool ta, bool tb, int m, int n, int k, const void *a, int lda, const void *b, int ldb,
                 void *c, int ldc) {
  enum CBLAS_TRANSPOSE A = ta ? CblasTrans : CblasNoTrans, B = tb ? CblasTrans : CblasNoTrans;
  static const float one_c[2] = {1, 0}, zero_c[2] = {0, 0};
  static const double one_z[2] = {1, 0}, zero_z[2] = {0, 0};
  switch (t) {
    case OW_F32: cblas_sgemm(CblasRowMajor, A, B, m, n, k, 1, a, lda, b, ldb, 0, c, ldc); break;
    case OW_F64: cblas_dgemm(CblasRowMajor, A, B, m, n, k, 1, a, lda, b, ldb, 0, c, ldc); break;
    case OW_C64: cblas_cgemm(CblasRowMajor, A, B, m, n, k, one_c, a, lda, b, ldb, zero_c, c, ldc); break;
    default: cblas_zgemm(CblasRowMajor, A, B, m, n, k, one_z, a, lda, b, ldb, zero_z, c, ldc); break;
  }
}

// y = op(A) x for a stored A of `rows` x `cols`.
static void gemv(ow_dtype t, bool trans, int rows, int cols, const void *a, int lda, const void *x, int incx, void *y,
                 int incy) {
  enum CBLAS_TRANSPOSE A = trans ? CblasTrans : CblasNoTrans;
  static const float one_c[2] = {1, 0}, zero_c[2] = {0, 0};
  static const double one_z[2] = {1, 0}, zero_z[2] = {0, 0};
  switch (t) {
    case OW_F32: cblas_sgemv(CblasRowMajor, A, rows, cols, 1, a, lda, x, incx, 0, y, incy); break;
    case OW_F64: cblas_dgemv(CblasRowMajor, A, rows, cols, 1, a, lda, x, incx, 0, y, incy); break;
    case OW_C64: cblas_cgemv(CblasRowMajor, A, rows, cols, one_c, a, lda, x, incx, zero_c, y, incy); break;
    default: cblas_zgemv(CblasRowMajor, A, rows, cols, one_z, a, lda, x, incx, zero_z, y, incy); break;
  }
}

static void dot(ow_dtype t, int n, const void *x, int incx, const void *y, int incy, void *out) {
  switch (t) {
    case OW_F32: *(float *)out = cblas_sdot(n, x, incx, y, incy); break;
    case OW_F64: *(double *)out = cblas_ddot(n, x, incx, y, incy); break;
    case OW_C64: cblas_cdotu_sub(n, x, incx, y, incy, out); break;
    default: cblas_zdotu_sub(n, x, incx, y, incy, out); break;
  }
}

// One product of float or complex matrices; c is row-major with leading dimension ldc.
static bool product(ow_dtype t, int64_t m, int64_t n, int64_t k, mat a, mat b, char *c, int64_t ldc) {
  size_t es = ow_dtype_size(t);
  if (m == 1 && n == 1) {
    // a row of a: stride 1 (or ld when it lies as a column of its storage)
    dot(t, (int)k, a.p, a.trans ? (int)a.ld : 1, b.p, b.trans ? 1 : (int)b.ld, c);
    return true;
  }
  if (n == 1) {
    gemv(t, a.trans, a.trans ? (int)k : (int)m, a.trans ? (int)m : (int)k, a.p, (int)a.ld, b.p, b.trans ? 1 : (int)b.ld, c,
         (int)ldc);
    return true;
  }
  if (m == 1) {
    gemv(t, !b.trans, b.trans ? (int)n : (int)k, b.trans ? (int)k : (int)n, b.p, (int)b.ld, a.p, a.trans ? (int)a.ld : 1, c, 1);
    return true;
  }
  int64_t panel = m;
  double flops_per_row = 2.0 * (double)n * (double)k * (ow_dtype_is_complex(t) ? 4 : 1);
  if (flops_per_row * (double)m > PANEL_FLOPS) {
    panel = (int64_t)(PANEL_FLOPS / flops_per_row) / 256 * 256;
    if (panel < 256) panel = 256;
  }
  for (int64_t i = 0; i < m; i += panel) {
    if (i && ow_interrupted()) return false;
    int rows = (int)(m - i < panel ? m - i : panel);
    gemm(t, a.trans, b.trans, rows, (int)n, (int)k, a.p + (size_t)(a.trans ? i : i * a.ld) * es, (int)a.ld, b.p, (int)b.ld,
         c + (size_t)(i * ldc) * es, (int)ldc);
  }
  return true;
}

// ---- integers ------------------------------------------------------------------------------

static uint64_t max_abs(const int64_t *p, int64_t n) {
  uint64_t m = 0;
  for (int64_t i = 0; i < n; i++) {
    uint64_t v = p[i] < 0 ? 0 - (uint64_t)p[i] : (uint64_t)p[i];
    if (v > m) m = v;
  }
  return m;
}

// Rows [i0, i1) of c = a b, all dense.
static bool int_rows(int64_t i0, int64_t i1, int64_t n, int64_t k, const int64_t *a, const int64_t *b, int64_t *c, bool wide) {
  for (int64_t i = i0; i < i1; i++) {
    int64_t *row = c + i * n;
    if (!wide) {
      memset(row, 0, (size_t)n * 8);
      for (int64_t q = 0; q < k; q++) {
        int64_t x = a[i * k + q];
        const int64_t *y = b + q * n;
        for (int64_t j = 0; j < n; j++) row[j] += x * y[j];
      }
      continue;
    }
    for (int64_t j = 0; j < n; j++) {
      __int128 s = 0;
      for (int64_t q = 0; q < k; q++)
        if (__builtin_add_overflow(s, (__int128)a[i * k + q] * b[q * n + j], &s)) return false;
      if (s > INT64_MAX || s < INT64_MIN) return false;
      row[j] = (int64_t)s;
    }
  }
  return true;
}

static bool int_product(int64_t m, int64_t n, int64_t k, const int64_t *a, const int64_t *b, int64_t *c, ow_err *e) {
  __int128 bound = (__int128)max_abs(a, m * k) * max_abs(b, k * n);
  bool wide = bound > INT64_MAX || bound * k > INT64_MAX;
  int bad = 0, stop = 0;
  int64_t rows = 1 + 1000000 / (n * k + 1), pieces = (m + rows - 1) / rows;
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic) if (m * n * k > OW_GRAIN)
  for (int64_t p = 0; p < pieces; p++) {
    if (ow_interrupted()) { __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); continue; }
    int64_t i1 = (p + 1) * rows < m ? (p + 1) * rows : m;
    if (!int_rows(p * rows, i1, n, k, a, b, c, wide)) __atomic_store_n(&bad, 1, __ATOMIC_RELAXED);
  }
  if (stop) return OW_FAIL(e, OW_EINTR, "interrupted");
  if (bad) {
    OW_FAIL(e, OW_ENUMERIC, "an integer result does not fit i64");
    return ow_hint(e, "convert to f64 first");
  }
  return true;
}

// ---- the stack -----------------------------------------------------------------------------

// Adds the axis that a 1-D operand lacks.
static void promote_vector(ow_tensor *t, bool left) {
  if (t->ndim != 1) return;
  t->ndim = 2;
  int at = left ? 1 : 0;  // where the given axis goes
  int64_t n = t->shape[0], s = t->stride[0];
  t->shape[at] = n; t->stride[at] = s;
  t->shape[1 - at] = 1; t->stride[1 - at] = left ? n : 1;
}

// Right-aligns the leading axes of t with those of a stack of nb axes; strides of the others.
static void stack_strides(const ow_tensor *t, int nb, const int64_t *shape, int64_t *stride) {
  int lead = t->ndim - 2;
  for (int d = 0; d < nb; d++) {
    int i = d - (nb - lead);
    stride[d] = i < 0 || (t->shape[i] == 1 && shape[d] != 1) ? 0 : t->stride[i];
  }
}

typedef struct {
  ow_dtype t;
  int nb;
  int64_t items, shape[OW_MAXDIM], sa[OW_MAXDIM], sb[OW_MAXDIM];
  int64_t m, n, k, sc;
} plan;

static void item(const plan *p, int64_t i, const mat *a, const mat *b, mat *ai, mat *bi) {
  int64_t oa = 0, ob = 0, es = (int64_t)ow_dtype_size(p->t);
  for (int d = p->nb - 1; d >= 0; d--) {
    int64_t x = i % p->shape[d];
    i /= p->shape[d];
    oa += x * p->sa[d];
    ob += x * p->sb[d];
  }
  *ai = *a; ai->p += oa * es;
  *bi = *b; bi->p += ob * es;
}

static bool run_items(const plan *p, const mat *a, const mat *b, char *c, int64_t ldc, ow_err *e) {
  size_t es = ow_dtype_size(p->t);
  double flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
  int stop = 0;
  if (p->items > 1 && flops < SMALL_FLOPS) {
    int64_t chunk = 1 + (int64_t)(2e5 / (flops + 100)), pieces = (p->items + chunk - 1) / chunk;
#pragma omp parallel for num_threads(ow_threads()) schedule(dynamic) if (pieces > 1)
    for (int64_t q = 0; q < pieces; q++) {
      if (ow_interrupted()) { __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); continue; }
      int64_t end = (q + 1) * chunk < p->items ? (q + 1) * chunk : p->items;
      for (int64_t i = q * chunk; i < end; i++) {
        mat ai, bi;
        item(p, i, a, b, &ai, &bi);
        product(p->t, p->m, p->n, p->k, ai, bi, c + (size_t)(i * p->sc) * es, ldc);
      }
    }
  } else {
    for (int64_t i = 0; i < p->items && !stop; i++) {
      mat ai, bi;
      item(p, i, a, b, &ai, &bi);
      if (ow_interrupted() || !product(p->t, p->m, p->n, p->k, ai, bi, c + (size_t)(i * p->sc) * es, ldc)) stop = 1;
    }
  }
  return stop ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool ow_matmul(const ow_tensor *out, const ow_tensor *a0, const ow_tensor *b0, ow_err *e) {
  int ndim;
  int64_t shape[OW_MAXDIM];
  char s1[160], s2[160];
  (void)ow_threads();  // fixes the thread count of BLAS
  if (!ow_need_host(a0, e) || !ow_need_host(b0, e) || !ow_need_host(out, e)) return false;
  if (!ow_matmul_shape(a0, b0, &ndim, shape, e)) return false;
  ow_dtype t = ow_matmul_dtype(a0->dtype, b0->dtype);
  if (out->dtype != t)
    return OW_FAIL(e, OW_EDTYPE, "out: expected dtype %s, got %s", ow_dtype_name(t), ow_dtype_name(out->dtype));
  if (out->ndim != ndim || memcmp(out->shape, shape, (size_t)ndim * sizeof *shape))
    return OW_FAIL(e, OW_ESHAPE, "out: expected shape %s, got %s", ow_shape_string(s1, ndim, shape),
                   ow_shape_string(s2, out->ndim, out->shape));
  if (ow_tensor_numel(out) == 0) return true;

  ow_tensor a = {0}, b = {0}, c = {0};
  bool ok = false;
  // A view of the right dtype stays a view; the matrices are made dense below if need be.
  if (a0->dtype == t) ow_tensor_view(&a, a0);
  else if (!ow_tensor_cast(&a, a0, t, true, e)) goto done;
  if (b0->dtype == t) ow_tensor_view(&b, b0);
  else if (!ow_tensor_cast(&b, b0, t, true, e)) goto done;
  if (ow_tensor_is_contiguous(out) && !ow_same_storage(out, &a) && !ow_same_storage(out, &b)) ow_tensor_view(&c, out);
  else if (!ow_tensor_new_like(&c, out, e)) goto done;
  promote_vector(&a, true);
  promote_vector(&b, false);

  plan p = {.t = t, .items = 1};
  p.m = a.shape[a.ndim - 2];
  p.k = a.shape[a.ndim - 1];
  p.n = b.shape[b.ndim - 1];
  p.sc = p.m * p.n;
  if (p.m > INT_MAX || p.k > INT_MAX || p.n > INT_MAX) {
    OW_FAIL(e, OW_ESHAPE, "a is %s, b is %s: a matrix size above 2147483647", ow_shape_string(s1, a0->ndim, a0->shape),
            ow_shape_string(s2, b0->ndim, b0->shape));
    goto done;
  }
  if (p.k == 0) {
    memset(ow_tensor_data(&c), 0, (size_t)ow_tensor_numel(&c) * ow_dtype_size(t));
    ok = true;
    goto copy_out;
  }
  mat ma, mb;
  bool fa = as_mat(p.m, p.k, a.stride[a.ndim - 2], a.stride[a.ndim - 1], &ma);
  bool fb = as_mat(p.k, p.n, b.stride[b.ndim - 2], b.stride[b.ndim - 1], &mb);
  if (t == OW_I64) fa = ow_tensor_is_contiguous(&a), fb = ow_tensor_is_contiguous(&b);
  for (int side = 0; side < 2; side++) {
    if (side ? fb : fa) continue;
    ow_tensor dense;
    if (!ow_tensor_contiguous(&dense, side ? &b : &a, e)) goto done;
    ow_tensor_close(side ? &b : &a);
    *(side ? &b : &a) = dense;
    if (side) mb = (mat){.ld = p.n}; else ma = (mat){.ld = p.k};
  }
  ma.p = ow_tensor_data(&a);
  mb.p = ow_tensor_data(&b);
  if (t == OW_I64) ma.trans = mb.trans = false, ma.ld = p.k, mb.ld = p.n;

  p.nb = a.ndim > b.ndim ? a.ndim - 2 : b.ndim - 2;
  for (int d = 0; d < p.nb; d++) p.items *= p.shape[d] = shape[d];
  stack_strides(&a, p.nb, p.shape, p.sa);
  stack_strides(&b, p.nb, p.shape, p.sb);
  bool one = p.items > 1 && !ma.trans && ma.ld == p.k && ow_tensor_is_contiguous(&a) && p.items * p.m <= INT_MAX;
  for (int d = 0; d < p.nb && one; d++) one = p.shape[d] == 1 || (p.sb[d] == 0 && p.sa[d] != 0);
  if (one) { p.m *= p.items; p.items = 1; p.nb = 0; }

  if (t == OW_I64) {
    ok = true;
    for (int64_t i = 0; i < p.items && ok; i++) {
      mat ai, bi;
      item(&p, i, &ma, &mb, &ai, &bi);
      ok = int_product(p.m, p.n, p.k, (int64_t *)ai.p, (int64_t *)bi.p, (int64_t *)ow_tensor_data(&c) + i * p.sc, e);
    }
  } else ok = run_items(&p, &ma, &mb, ow_tensor_data(&c), p.n, e);
copy_out:
  if (ok && c.storage != out->storage) ok = ow_tensor_copy(out, &c, true, e);
done:
  ow_tensor_close(&a);
  ow_tensor_close(&b);
  ow_tensor_close(&c);
  return ok;
}
