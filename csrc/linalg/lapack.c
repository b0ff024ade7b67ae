// The LAPACK tables, and the stacks of matrices that the factorisations work on.
#include "linalg/lapack.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/threads.h"

static const ow_lapack_common common_s = {OW_LAPACK_COMMON(OW_LAPACK_ENTRY, s)}, common_d = {OW_LAPACK_COMMON(OW_LAPACK_ENTRY, d)},
                              common_c = {OW_LAPACK_COMMON(OW_LAPACK_ENTRY, c)}, common_z = {OW_LAPACK_COMMON(OW_LAPACK_ENTRY, z)};
static const ow_lapack_real real_s = {OW_LAPACK_REAL(OW_LAPACK_ENTRY, s)}, real_d = {OW_LAPACK_REAL(OW_LAPACK_ENTRY, d)};
static const ow_lapack_complex complex_c = {OW_LAPACK_COMPLEX(OW_LAPACK_ENTRY, c)}, complex_z = {OW_LAPACK_COMPLEX(OW_LAPACK_ENTRY, z)};

ow_lapack ow_lapack_for(ow_dtype t) {
  (void)ow_threads();  // fixes the thread count of BLAS
  switch (t) {
    case OW_F32: return (ow_lapack){t, OW_F32, 4, 4, true, &common_s, &real_s, NULL};
    case OW_C64: return (ow_lapack){t, OW_F32, 8, 4, true, &common_c, NULL, &complex_c};
    case OW_C128: return (ow_lapack){t, OW_F64, 16, 8, false, &common_z, NULL, &complex_z};
    default: return (ow_lapack){OW_F64, OW_F64, 8, 8, false, &common_d, &real_d, NULL};
  }
}

ow_dtype ow_lapack_dtype(ow_dtype t) {
  if (ow_dtype_is_int(t)) return OW_F64;
  return t == OW_F16 || t == OW_BF16 ? OW_F32 : t;
}

void ow_swap_last(ow_tensor *t) {
  int i = t->ndim - 2, j = t->ndim - 1;
  int64_t x = t->shape[i];
  t->shape[i] = t->shape[j]; t->shape[j] = x;
  x = t->stride[i];
  t->stride[i] = t->stride[j]; t->stride[j] = x;
}

int64_t ow_first_nonfinite(bool single, const void *p, int64_t n) {
  for (int64_t i = 0; i < n; i += 256) {  // x - x is 0 for finite x, NaN otherwise
    int64_t end = i + 256 < n ? i + 256 : n;
    double sum = 0;
    if (single) for (int64_t k = i; k < end; k++) { float x = ((const float *)p)[k]; sum += x - x; }
    else for (int64_t k = i; k < end; k++) { double x = ((const double *)p)[k]; sum += x - x; }
    if (sum == 0) continue;
    for (int64_t k = i; k < end; k++)
      if (!isfinite(ow_real_at(single, p, k))) return k;
  }
  return -1;
}

char *ow_item_name(char buf[64], const ow_stack *s, int64_t i) {
  buf[0] = 0;
  if (s->nb) snprintf(buf, 64, " (matrix %lld of the stack)", (long long)i + 1);
  return buf;
}

// Largest |a - a^H| and |a| of one matrix; symmetric in layout, so it need not know it.
static bool is_hermitian(const ow_stack *s, const char *p) {
  int n = s->n, step = ow_dtype_is_complex(s->L.t) ? 2 : 1;
  double worst = 0, scale = 0;
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++) {
      int64_t x = ((int64_t)i * n + j) * step, y = ((int64_t)j * n + i) * step;
      double re = ow_real_at(s->L.single, p, x), d = fabs(re - ow_real_at(s->L.single, p, y));
      if (d > worst) worst = d;
      if (fabs(re) > scale) scale = fabs(re);
      if (step == 1) continue;
      double im = ow_real_at(s->L.single, p, x + 1);
      d = fabs(im + ow_real_at(s->L.single, p, y + 1));
      if (d > worst) worst = d;
      if (fabs(im) > scale) scale = fabs(im);
    }
  return worst <= sqrt(ow_eps(s->L.single)) * scale;
}

bool ow_stack_take(ow_stack *s, const ow_tensor *a, ow_dtype t, int flags, ow_err *e) {
  char buf[160], item[64];
  memset(s, 0, sizeof *s);
  if (a->ndim < 2)
    return OW_FAIL(e, OW_ESHAPE, "a: expected a matrix or a stack of matrices, got shape %s",
                   ow_shape_string(buf, a->ndim, a->shape));
  int64_t m = a->shape[a->ndim - 2], n = a->shape[a->ndim - 1];
  if ((flags & OW_STACK_SQUARE) && m != n)
    return OW_FAIL(e, OW_ESHAPE, "a: expected a square matrix, got shape %s", ow_shape_string(buf, a->ndim, a->shape));
  if (m > INT_MAX / 4 || n > INT_MAX / 4)
    return OW_FAIL(e, OW_ESHAPE, "a: shape %s is too large for LAPACK", ow_shape_string(buf, a->ndim, a->shape));
  if ((m == 0 || n == 0) && !(flags & OW_STACK_ANY_VALUE))
    return OW_FAIL(e, OW_ESHAPE, "a: expected at least one row and one column, got shape %s",
                   ow_shape_string(buf, a->ndim, a->shape));
  s->L = ow_lapack_for(t);
  s->m = (int)m;
  s->n = (int)n;
  s->nb = a->ndim - 2;
  s->items = 1;
  for (int d = 0; d < s->nb; d++) s->items *= s->batch[d] = a->shape[d];
  s->step = m * n * (int64_t)s->L.es;

  ow_tensor c, shape = *a;
  if (flags & OW_STACK_COLMAJOR) ow_swap_last(&shape);
  if (!ow_tensor_new(&c, t, a->ndim, shape.shape, e)) return false;
  if (flags & OW_STACK_COLMAJOR) ow_swap_last(&c);
  if (!ow_tensor_copy(&c, a, false, e)) { ow_tensor_close(&c); return false; }
  s->t = c;
  if (flags & OW_STACK_ANY_VALUE) return true;
  int parts = ow_dtype_is_complex(t) ? 2 : 1;
  int64_t bad = ow_first_nonfinite(s->L.single, ow_tensor_data(&c), s->items * m * n * parts);
  if (bad >= 0) {
    bad /= parts;
    int64_t q = bad % (m * n), i = q / n, j = q % n;
    if (flags & OW_STACK_COLMAJOR) i = q % m, j = q / m;
    OW_FAIL(e, OW_ENUMERIC, "a: element [%lld][%lld]%s is NaN or infinite", (long long)i + 1, (long long)j + 1,
            ow_item_name(item, s, bad / (m * n)));
    goto fail;
  }
  if (flags & OW_STACK_HERMITIAN)
    for (int64_t i = 0; i < s->items; i++) {
      if (is_hermitian(s, ow_stack_item(s, i))) continue;
      OW_FAIL(e, OW_ENUMERIC, "a: expected a %s matrix%s", parts == 2 ? "Hermitian" : "symmetric", ow_item_name(item, s, i));
      ow_hint(e, "replace it by the mean of itself and its %stranspose if the difference is noise", parts == 2 ? "conjugate " : "");
      goto fail;
    }
  return true;
fail:
  ow_tensor_close(&s->t);
  return false;
}

bool ow_stack_output(ow_tensor *t, const ow_stack *s, ow_dtype dtype, int64_t r, int64_t c, ow_err *e) {
  int64_t shape[OW_MAXDIM];
  int nd = s->nb;
  memcpy(shape, s->batch, sizeof shape);
  if (r >= 0) shape[nd++] = r;
  if (c >= 0) shape[nd++] = c;
  return ow_tensor_new(t, dtype, nd, shape, e);
}

bool ow_work_length(const ow_lapack *L, const void *answer, int *lwork, ow_err *e) {
  double q = ow_real_at(L->single, answer, 0);
  if (L->single) q = q * (1 + 0x1p-20) + 8;
  if (!(q < INT_MAX)) return OW_FAIL(e, OW_ESHAPE, "a: too large, LAPACK's workspace would exceed 2147483647 elements");
  *lwork = q < 1 ? 1 : (int)q;
  return true;
}

// ---- right-hand sides ----------------------------------------------------------------------

bool ow_rhs_take(ow_rhs *r, const ow_stack *a, const ow_tensor *ta, const ow_tensor *b, int ld, ow_err *e) {
  char sa[160], sb[160];
  memset(r, 0, sizeof *r);
  ow_shape_string(sa, ta->ndim, ta->shape);
  ow_shape_string(sb, b->ndim, b->shape);
  if (b->ndim == 0) return OW_FAIL(e, OW_ESHAPE, "b: expected a vector or a matrix, got a scalar");
  r->vector = b->ndim == 1;
  int64_t rows = b->shape[r->vector ? 0 : b->ndim - 2], k = r->vector ? 1 : b->shape[b->ndim - 1];
  if (rows != a->m)
    return OW_FAIL(e, OW_ESHAPE, "a is %s, b is %s: a has %d rows, b has %lld", sa, sb, a->m, (long long)rows);
  if (k > INT_MAX / 4) return OW_FAIL(e, OW_ESHAPE, "b: shape %s is too large for LAPACK", sb);
  r->k = (int)k;
  r->ld = ld;
  int nb = r->vector ? 0 : b->ndim - 2;
  r->nb = a->nb > nb ? a->nb : nb;
  int64_t shape[OW_MAXDIM], stride = 1;
  r->items = 1;
  for (int d = r->nb - 1; d >= 0; d--) {
    int i = d - (r->nb - a->nb), j = d - (r->nb - nb);
    int64_t x = i >= 0 ? a->batch[i] : 1, y = j >= 0 ? b->shape[j] : 1;
    if (x != y && x != 1 && y != 1)
      return OW_FAIL(e, OW_ESHAPE, "a is %s, b is %s: leading sizes %lld and %lld do not broadcast", sa, sb, (long long)x,
                     (long long)y);
    r->astride[d] = x == 1 ? 0 : stride;
    stride *= x;
    r->items *= r->batch[d] = shape[d] = x == 1 ? y : x;
  }
  int nd = r->nb;
  if (!r->vector) shape[nd++] = k;
  shape[nd++] = ld;
  r->step = k * ld * (int64_t)a->L.es;
  if (!ow_tensor_zeros(&r->w, a->L.t, nd, shape, e)) return false;
  ow_tensor v = r->w;
  if (!r->vector) ow_swap_last(&v);
  v.shape[r->vector ? nd - 1 : nd - 2] = rows;
  if (ow_tensor_copy(&v, b, false, e)) return true;
  ow_tensor_close(&r->w);
  return false;
}

int64_t ow_rhs_matrix(const ow_rhs *r, int64_t i) {
  int64_t at = 0;
  for (int d = r->nb - 1; d >= 0; d--) {
    at += i % r->batch[d] * r->astride[d];
    i /= r->batch[d];
  }
  return at;
}

bool ow_rhs_result(ow_tensor *x, const ow_rhs *r, int rows, ow_err *e) {
  ow_tensor v = r->w;
  if (!r->vector) ow_swap_last(&v);
  v.shape[r->vector ? v.ndim - 1 : v.ndim - 2] = rows;
  return ow_tensor_contiguous(x, &v, e);
}
