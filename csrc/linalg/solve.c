// Linear systems by LU with partial pivoting (xGETRF), and what follows from it: inverse,
// determinant, the factors themselves; Cholesky.
//
// A row-major matrix is its transpose to LAPACK: the transpose is factored as it lies, and
// solved with TRANS = 'T'; inverse and determinant commute with transposition.
//
// Singular: a zero pivot is refused. Otherwise the condition number is estimated (xGECON,
// Higham 1988); a matrix beyond 1/eps is equilibrated by powers of the radix (xGEEQUB) and
// tried again, so that bad units alone do not count as singular, and refused if it stays so.
//
// Uninterruptible while one matrix is factored (2/3 n^3 operations); polled between items.
#include <complex.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "linalg/lapack.h"
#include "linalg/linalg.h"

typedef struct {
  ow_lapack L;
  int n;
  void *lu, *r, *c;        // factors; row and column scales (of the transpose) when scaled
  int *ipiv;
  void *work, *riwork;     // for the estimate
  bool scaled;
  double rcond;
} lu_state;

static void lu_close(lu_state *s) {
  ow_free(s->lu);
  ow_free(s->r);
  ow_free(s->c);
  ow_free(s->ipiv);
  ow_free(s->work);
  ow_free(s->riwork);
}

static bool lu_open(lu_state *s, ow_lapack L, int n, ow_err *e) {
  size_t k = (size_t)n;
  memset(s, 0, sizeof *s);
  s->L = L;
  s->n = n;
  if ((s->lu = ow_alloc_array(k * k, L.es, e)) && (s->r = ow_alloc_array(k, L.rs, e)) && (s->c = ow_alloc_array(k, L.rs, e)) &&
      (s->ipiv = ow_alloc_array(k, sizeof(int), e)) && (s->work = ow_alloc_array(4 * k, L.es, e)) &&
      (s->riwork = ow_alloc_array(2 * k, 8, e)))
    return true;
  lu_close(s);
  return false;
}

// 1-norm of the column-major matrix p.
static double norm1(const lu_state *s, const void *p) {
  double best = 0;
  int parts = s->L.c ? 2 : 1;
  for (int j = 0; j < s->n; j++) {
    double sum = 0;
    for (int i = 0; i < s->n; i++) {
      int64_t k = ((int64_t)j * s->n + i) * parts;
      double re = ow_real_at(s->L.single, p, k);
      sum += parts == 1 ? fabs(re) : hypot(re, ow_real_at(s->L.single, p, k + 1));
    }
    if (sum > best) best = sum;
  }
  return best;
}

// Factors s->lu in place. False: zero pivot, *pivot its 1-based place.
static bool lu_try(lu_state *s, int *pivot) {
  int n = s->n, info = 0;
  double anorm = norm1(s, s->lu), rc = 0;
  s->L.f->getrf(&n, &n, s->lu, &n, s->ipiv, &info);
  *pivot = info;
  s->rcond = 0;
  if (info) return false;
  float an32 = (float)anorm, rc32 = 0;
  int ginfo = 0;
  if (s->L.single) {
    s->L.f->gecon("1", &n, s->lu, &n, &an32, &rc32, s->work, s->riwork, &ginfo, 1);
    rc = rc32;
  } else s->L.f->gecon("1", &n, s->lu, &n, &anorm, &rc, s->work, s->riwork, &ginfo, 1);
  s->rcond = rc;
  return true;
}

static bool equilibrate(lu_state *s) {
  int n = s->n, info = 0, parts = s->L.c ? 2 : 1;
  double rowcnd = 0, colcnd = 0, amax = 0;
  s->L.f->geequb(&n, &n, s->lu, &n, s->r, s->c, &rowcnd, &colcnd, &amax, &info);
  if (info) return false;
  for (int j = 0; j < n; j++)
    for (int i = 0; i < n; i++)
      for (int q = 0; q < parts; q++) {
        int64_t k = ((int64_t)j * n + i) * parts + q;
        double f = ow_real_at(s->L.single, s->r, i) * ow_real_at(s->L.single, s->c, j);
        ow_real_put(s->L.single, s->lu, k, ow_real_at(s->L.single, s->lu, k) * f);
      }
  return true;
}

static bool factor(lu_state *s, const ow_stack *in, int64_t item, bool check, ow_err *e) {
  char name[64];
  int pivot;
  double eps = ow_eps(s->L.single);
  s->scaled = false;
  memcpy(s->lu, ow_stack_item(in, item), (size_t)in->step);
  if (!lu_try(s, &pivot)) {
    OW_FAIL(e, OW_ENUMERIC, "a is singular%s: pivot %d of %d is zero (condition number infinite)",
            ow_item_name(name, in, item), pivot, s->n);
    return ow_hint(e, "lstsq or pinv give the solution of least norm");
  }
  if (!check || s->rcond >= eps) return true;
  double rcond = s->rcond;
  memcpy(s->lu, ow_stack_item(in, item), (size_t)in->step);
  s->scaled = true;
  if (equilibrate(s) && lu_try(s, &pivot) && s->rcond >= eps) return true;
  OW_FAIL(e, OW_ENUMERIC, "a is singular to working precision%s: condition number about %.1e, %s resolves up to %.1e",
          ow_item_name(name, in, item), rcond > 0 ? 1 / rcond : INFINITY, ow_dtype_name(s->L.t), 1 / eps);
  return ow_hint(e, "lstsq or pinv give the solution of least norm; {check=false} solves it anyway");
}

// Multiplies row i of a column-major n x k block by d[i].
static void scale_rows(const lu_state *s, const void *d, void *p, int64_t k) {
  int parts = s->L.c ? 2 : 1;
  for (int64_t j = 0; j < k; j++)
    for (int64_t i = 0; i < s->n; i++)
      for (int q = 0; q < parts; q++) {
        int64_t at = (j * s->n + i) * parts + q;
        ow_real_put(s->L.single, p, at, ow_real_at(s->L.single, p, at) * ow_real_at(s->L.single, d, i));
      }
}

bool ow_la_solve(ow_tensor *x, const ow_tensor *a, const ow_tensor *b, bool check, ow_err *e) {
  ow_stack in;
  ow_rhs rhs;
  lu_state s;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(ow_dtype_promote(a->dtype, b->dtype)), OW_STACK_SQUARE, e)) return false;
  if (!ow_rhs_take(&rhs, &in, a, b, in.n, e)) { ow_tensor_close(&in.t); return false; }
  bool ok = false;
  if (!lu_open(&s, in.L, in.n, e)) goto done;
  int64_t last = -1;
  for (int64_t i = 0; i < rhs.items; i++) {
    if (ow_interrupted()) { OW_FAIL(e, OW_EINTR, "interrupted"); goto close; }
    int64_t ia = ow_rhs_matrix(&rhs, i);
    if (ia != last && !factor(&s, &in, ia, check, e)) goto close;
    last = ia;
    char *p = ow_rhs_item(&rhs, i);
    int info = 0;
    // The transpose is R^-1 F C^-1: F^T y = C b, x = R y.
    if (s.scaled) scale_rows(&s, s.c, p, rhs.k);
    s.L.f->getrs("T", &in.n, &rhs.k, s.lu, &in.n, s.ipiv, p, &in.n, &info, 1);
    if (s.scaled) scale_rows(&s, s.r, p, rhs.k);
  }
  ok = ow_rhs_result(x, &rhs, in.n, e);
close:
  lu_close(&s);
done:
  ow_tensor_close(&rhs.w);
  ow_tensor_close(&in.t);
  return ok;
}

bool ow_la_inv(ow_tensor *x, const ow_tensor *a, bool check, ow_err *e) {
  ow_stack in;
  lu_state s;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(a->dtype), OW_STACK_SQUARE, e)) return false;
  bool ok = false;
  void *work = NULL;
  if (!lu_open(&s, in.L, in.n, e)) { ow_tensor_close(&in.t); return false; }
  int n = in.n, info = 0, lwork = -1;
  s.L.f->getri(&n, s.lu, &n, s.ipiv, s.work, &lwork, &info);
  if (!ow_work_length(&s.L, s.work, &lwork, e) || !(work = ow_alloc_array((size_t)lwork, s.L.es, e))) goto done;
  for (int64_t i = 0; i < in.items; i++) {
    if (ow_interrupted()) { OW_FAIL(e, OW_EINTR, "interrupted"); goto done; }
    if (!factor(&s, &in, i, check, e)) goto done;
    s.L.f->getri(&n, s.lu, &n, s.ipiv, work, &lwork, &info);
    if (s.scaled) {  // C F^-1 R
      scale_rows(&s, s.c, s.lu, n);
      int parts = s.L.c ? 2 : 1;
      for (int64_t k = 0; k < (int64_t)n * n * parts; k++)
        ow_real_put(s.L.single, s.lu, k, ow_real_at(s.L.single, s.lu, k) * ow_real_at(s.L.single, s.r, k / parts / n));
    }
    memcpy(ow_stack_item(&in, i), s.lu, (size_t)in.step);
  }
  *x = in.t;
  in.t.storage = NULL;
  ok = true;
done:
  ow_free(work);
  lu_close(&s);
  ow_tensor_close(&in.t);
  return ok;
}

// ---- determinant ---------------------------------------------------------------------------
// The product is kept as a mantissa and an exponent, so nothing overflows on the way.

static void put(ow_lapack L, ow_tensor *t, int64_t i, ow_c128 v) {
  int parts = L.c ? 2 : 1;
  ow_real_put(L.single, ow_tensor_data(t), i * parts, creal(v));
  if (L.c) ow_real_put(L.single, ow_tensor_data(t), i * parts + 1, cimag(v));
}

bool ow_la_slogdet(ow_tensor *sign, ow_tensor *logdet, ow_tensor *det, const ow_tensor *a, ow_err *e) {
  ow_stack in;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(a->dtype), OW_STACK_SQUARE | OW_STACK_ANY_VALUE, e)) return false;
  ow_tensor sg = {0}, ld = {0}, dt = {0};
  int n = in.n, parts = in.L.c ? 2 : 1;
  int *ipiv = ow_alloc_array((size_t)n, sizeof(int), e);
  bool ok = ipiv && ow_stack_output(&sg, &in, in.L.t, -1, -1, e) && ow_stack_output(&ld, &in, in.L.real, -1, -1, e) &&
            ow_stack_output(&dt, &in, in.L.t, -1, -1, e);
  for (int64_t i = 0; i < in.items && ok; i++) {
    if (ow_interrupted()) { ok = OW_FAIL(e, OW_EINTR, "interrupted"); break; }
    char *p = ow_stack_item(&in, i);
    if (ow_first_nonfinite(in.L.single, p, (int64_t)n * n * parts) >= 0) {
      put(in.L, &sg, i, NAN);
      put(in.L, &dt, i, NAN);
      ow_real_put(in.L.single, ow_tensor_data(&ld), i, NAN);
      continue;
    }
    int info = 0;
    if (n) in.L.f->getrf(&n, &n, p, &n, ipiv, &info);
    ow_c128 m = 1;
    int64_t ex = 0;
    for (int k = 0; k < n; k++) {
      int64_t at = ((int64_t)k * n + k) * parts;
      double re = ow_real_at(in.L.single, p, at), im = parts == 2 ? ow_real_at(in.L.single, p, at + 1) : 0;
      m = parts == 2 ? m * CMPLX(re, im) : (ow_c128)(creal(m) * re);
      if (ipiv[k] != k + 1) m = -m;
      double big = fmax(fabs(creal(m)), fabs(cimag(m)));
      int ek = 0;
      if (big > 0) {
        frexp(big, &ek);
        m = CMPLX(ldexp(creal(m), -ek), ldexp(cimag(m), -ek));
        ex += ek;
      }
    }
    double size = parts == 2 ? cabs(m) : fabs(creal(m));
    int ldx = ex > 100000 ? 100000 : ex < -100000 ? -100000 : (int)ex;
    put(in.L, &sg, i, size > 0 ? m / size : 0);
    put(in.L, &dt, i, CMPLX(ldexp(creal(m), ldx), ldexp(cimag(m), ldx)));
    ow_real_put(in.L.single, ow_tensor_data(&ld), i, size > 0 ? log(size) + (double)ex * M_LN2 : -INFINITY);
  }
  ow_free(ipiv);
  ow_tensor_close(&in.t);
  if (ok) { *sign = sg; *logdet = ld; *det = dt; return true; }
  ow_tensor_close(&sg);
  ow_tensor_close(&ld);
  ow_tensor_close(&dt);
  return false;
}

// ---- factors -------------------------------------------------------------------------------

bool ow_la_lu(ow_tensor *perm, ow_tensor *l, ow_tensor *u, const ow_tensor *a, ow_err *e) {
  ow_stack in;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(a->dtype), OW_STACK_COLMAJOR, e)) return false;
  ow_tensor P = {0}, A = {0}, U = {0};
  int m = in.m, n = in.n, k = m < n ? m : n;
  size_t es = in.L.es;
  static const double one[2] = {1, 0};
  static const float onef[2] = {1, 0};
  int *ipiv = ow_alloc_array((size_t)k, sizeof(int), e);
  bool ok = ipiv && ow_stack_output(&P, &in, OW_I64, m, -1, e) && ow_stack_output(&A, &in, in.L.t, m, k, e) &&
            ow_stack_output(&U, &in, in.L.t, k, n, e);
  for (int64_t i = 0; i < in.items && ok; i++) {
    if (ow_interrupted()) { ok = OW_FAIL(e, OW_EINTR, "interrupted"); break; }
    char *p = ow_stack_item(&in, i);
    int info = 0;
    in.L.f->getrf(&m, &n, p, &m, ipiv, &info);  // info > 0: u is singular, still a factorisation
    int64_t *q = (int64_t *)ow_tensor_data(&P) + i * m;
    for (int r = 0; r < m; r++) q[r] = r;
    for (int r = 0; r < k; r++) {
      int64_t x = q[r];
      q[r] = q[ipiv[r] - 1];
      q[ipiv[r] - 1] = x;
    }
    char *pl = (char *)ow_tensor_data(&A) + (size_t)(i * m * k) * es, *pu = (char *)ow_tensor_data(&U) + (size_t)(i * k * n) * es;
    memset(pl, 0, (size_t)m * (size_t)k * es);
    memset(pu, 0, (size_t)k * (size_t)n * es);
    for (int c = 0; c < n; c++)
      for (int r = 0; r < m; r++) {
        const char *src = p + ((size_t)c * (size_t)m + (size_t)r) * es;
        if (r <= c && r < k) memcpy(pu + ((size_t)r * (size_t)n + (size_t)c) * es, src, es);
        if (r > c && c < k) memcpy(pl + ((size_t)r * (size_t)k + (size_t)c) * es, src, es);
      }
    for (int r = 0; r < k; r++)
      memcpy(pl + ((size_t)r * (size_t)k + (size_t)r) * es, in.L.single ? (const void *)onef : one, es);
  }
  ow_free(ipiv);
  ow_tensor_close(&in.t);
  if (ok) { *perm = P; *l = A; *u = U; return true; }
  ow_tensor_close(&P);
  ow_tensor_close(&A);
  ow_tensor_close(&U);
  return false;
}

bool ow_la_cholesky(ow_tensor *l, const ow_tensor *a, ow_err *e) {
  char name[64];
  ow_stack in;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(a->dtype), OW_STACK_SQUARE | OW_STACK_HERMITIAN, e)) return false;
  int n = in.n;
  for (int64_t i = 0; i < in.items; i++) {
    int info = 0;
    char *p = ow_stack_item(&in, i);
    if (ow_interrupted()) { OW_FAIL(e, OW_EINTR, "interrupted"); goto fail; }
    // The transpose is U^H U with U^T = l, and U lies where row-major l lies.
    in.L.f->potrf("U", &n, p, &n, &info, 1);
    if (info > 0) {
      OW_FAIL(e, OW_ENUMERIC, "a is not positive definite%s: its leading minor of order %d is not positive",
              ow_item_name(name, &in, i), info);
      goto fail;
    }
    for (int r = 0; r < n; r++) memset(p + ((size_t)r * (size_t)n + (size_t)r + 1) * in.L.es, 0, (size_t)(n - r - 1) * in.L.es);
  }
  *l = in.t;
  return true;
fail:
  ow_tensor_close(&in.t);
  return false;
}
