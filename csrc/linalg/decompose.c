// Orthogonal factorisations: QR, singular values, pseudo-inverse, least squares.
//
// A row-major matrix is its transpose to LAPACK, so QR is the LQ of the transpose (xGELQF)
// and the SVD of the transpose has u and vh exchanged; both then write row-major results
// directly. SVD: divide and conquer (xGESDD), and QR iteration (xGESVD) on the same matrix
// if that does not converge. Least squares: SVD (xGELSD), so that rank deficiency is met.
//
// Uninterruptible while one matrix is factored (svd 4 to 20 n^3 operations); polled between.
#include <complex.h>
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "linalg/lapack.h"
#include "linalg/linalg.h"
#include "linalg/matmul.h"

bool ow_la_qr(ow_tensor *q, ow_tensor *r, const ow_tensor *a, bool full, ow_err *e) {
  ow_stack in;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(a->dtype), 0, e)) return false;
  ow_tensor Q = {0}, R = {0};
  int m = in.m, n = in.n, k = m < n ? m : n, kq = full ? m : k, info = 0, lw1 = -1, lw2 = -1;
  size_t es = in.L.es;
  double ask[2];
  void *tau = NULL, *work = NULL;
  bool ok = ow_stack_output(&Q, &in, in.L.t, m, kq, e) && ow_stack_output(&R, &in, in.L.t, kq, n, e) &&
            (tau = ow_alloc_array((size_t)k, es, e));
  if (ok) {
    in.L.f->gelqf(&n, &m, ow_tensor_data(&in.t), &n, tau, ask, &lw1, &info);
    ok = ow_work_length(&in.L, ask, &lw1, e);
  }
  if (ok) {
    if (in.L.c) in.L.c->unglq(&kq, &m, &k, ow_tensor_data(&Q), &kq, tau, ask, &lw2, &info);
    else in.L.r->orglq(&kq, &m, &k, ow_tensor_data(&Q), &kq, tau, ask, &lw2, &info);
    ok = ow_work_length(&in.L, ask, &lw2, e);
  }
  if (ok) ok = (work = ow_alloc_array((size_t)(lw1 > lw2 ? lw1 : lw2), es, e)) != NULL;
  for (int64_t i = 0; i < in.items && ok; i++) {
    if (ow_interrupted()) { ok = OW_FAIL(e, OW_EINTR, "interrupted"); break; }
    char *p = ow_stack_item(&in, i), *pq = (char *)ow_tensor_data(&Q) + (size_t)i * (size_t)m * (size_t)kq * es,
         *pr = (char *)ow_tensor_data(&R) + (size_t)i * (size_t)kq * (size_t)n * es;
    in.L.f->gelqf(&n, &m, p, &n, tau, work, &lw1, &info);
    // p, row-major m x n: r in the upper triangle of its first k rows, reflectors below.
    memset(pr, 0, (size_t)kq * (size_t)n * es);
    for (int x = 0; x < k; x++)
      memcpy(pr + ((size_t)x * (size_t)n + (size_t)x) * es, p + ((size_t)x * (size_t)n + (size_t)x) * es, (size_t)(n - x) * es);
    for (int x = 0; x < m; x++) memcpy(pq + (size_t)x * (size_t)kq * es, p + (size_t)x * (size_t)n * es, (size_t)k * es);
    if (in.L.c) in.L.c->unglq(&kq, &m, &k, pq, &kq, tau, work, &lw2, &info);
    else in.L.r->orglq(&kq, &m, &k, pq, &kq, tau, work, &lw2, &info);
  }
  ow_free(tau);
  ow_free(work);
  ow_tensor_close(&in.t);
  if (ok) { *q = Q; *r = R; return true; }
  ow_tensor_close(&Q);
  ow_tensor_close(&R);
  return false;
}

// ---- singular values -----------------------------------------------------------------------

typedef struct {
  ow_lapack L;
  int m, n, k;      // of the column-major matrix
  char job[2];      // "N", "S" or "A"
  int ldu, ldvt, lwork, lwork2;
  void *work, *rwork;
  int *iwork;
} svd_state;

static int svd_run(svd_state *v, bool dc, void *a, void *s, void *u, void *vt, void *work, int lwork) {
  int info = 0;
  if (dc && v->L.c) v->L.c->gesdd(v->job, &v->m, &v->n, a, &v->m, s, u, &v->ldu, vt, &v->ldvt, work, &lwork, v->rwork, v->iwork, &info, 1);
  else if (dc) v->L.r->gesdd(v->job, &v->m, &v->n, a, &v->m, s, u, &v->ldu, vt, &v->ldvt, work, &lwork, v->iwork, &info, 1);
  else if (v->L.c) v->L.c->gesvd(v->job, v->job, &v->m, &v->n, a, &v->m, s, u, &v->ldu, vt, &v->ldvt, work, &lwork, v->rwork, &info, 1, 1);
  else v->L.r->gesvd(v->job, v->job, &v->m, &v->n, a, &v->m, s, u, &v->ldu, vt, &v->ldvt, work, &lwork, &info, 1, 1);
  return info;
}

static void svd_close(svd_state *v) {
  ow_free(v->work);
  ow_free(v->rwork);
  ow_free(v->iwork);
}

static bool svd_open(svd_state *v, const ow_stack *in, char job, ow_err *e) {
  memset(v, 0, sizeof *v);
  v->L = in->L;
  v->m = in->n;
  v->n = in->m;
  v->k = v->m < v->n ? v->m : v->n;
  v->job[0] = job;
  v->ldu = v->m;
  v->ldvt = job == 'S' ? v->k : v->n;
  size_t mn = (size_t)v->k, mx = (size_t)(v->m > v->n ? v->m : v->n), rl = job == 'N' ? 7 * mn : mn * (5 * mn + 7);
  if (job != 'N' && mn * (2 * mx + 2 * mn + 1) > rl) rl = mn * (2 * mx + 2 * mn + 1);
  if (mn > 20000) return OW_FAIL(e, OW_ESHAPE, "a: a singular value decomposition is limited to a smaller size of 20000, got %zu", mn);
  double ask[2] = {0};
  if (!(v->iwork = ow_alloc_array(8 * mn, sizeof(int), e)) || (v->L.c && !(v->rwork = ow_alloc_array(rl, v->L.rs, e)))) goto fail;
  svd_run(v, true, ow_tensor_data(&in->t), ask, ask, ask, ask, -1);
  if (!ow_work_length(&v->L, ask, &v->lwork, e)) goto fail;
  svd_run(v, false, ow_tensor_data(&in->t), ask, ask, ask, ask, -1);
  if (!ow_work_length(&v->L, ask, &v->lwork2, e)) goto fail;
  if (!(v->work = ow_alloc_array((size_t)(v->lwork > v->lwork2 ? v->lwork : v->lwork2), v->L.es, e))) goto fail;
  return true;
fail:
  svd_close(v);
  return false;
}

bool ow_la_svd(ow_tensor *u, ow_tensor *s, ow_tensor *vh, const ow_tensor *a, bool full, ow_err *e) {
  char name[64];
  ow_stack in;
  svd_state v;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(a->dtype), 0, e)) return false;
  char job = !u ? 'N' : full ? 'A' : 'S';
  if (!svd_open(&v, &in, job, e)) { ow_tensor_close(&in.t); return false; }
  ow_tensor U = {0}, S = {0}, V = {0};
  int m = in.m, n = in.n, k = v.k, ku = full ? m : k, kv = full ? n : k;
  void *spare = ow_alloc((size_t)in.step, e);
  bool ok = spare && ow_stack_output(&S, &in, in.L.real, k, -1, e);
  if (u) ok = ok && ow_stack_output(&U, &in, in.L.t, m, ku, e) && ow_stack_output(&V, &in, in.L.t, kv, n, e);
  double none[2];
  for (int64_t i = 0; i < in.items && ok; i++) {
    if (ow_interrupted()) { ok = OW_FAIL(e, OW_EINTR, "interrupted"); break; }
    char *p = ow_stack_item(&in, i), *ps = (char *)ow_tensor_data(&S) + (size_t)i * (size_t)k * in.L.rs;
    void *pu = none, *pv = none;
    if (u) {
      pu = (char *)ow_tensor_data(&U) + (size_t)i * (size_t)m * (size_t)ku * in.L.es;
      pv = (char *)ow_tensor_data(&V) + (size_t)i * (size_t)kv * (size_t)n * in.L.es;
    }
    memcpy(spare, p, (size_t)in.step);
    int info = svd_run(&v, true, p, ps, pv, pu, v.work, v.lwork);
    if (info > 0) info = svd_run(&v, false, spare, ps, pv, pu, v.work, v.lwork2);
    if (info) ok = OW_FAIL(e, OW_ENUMERIC, "the singular values of a%s did not converge", ow_item_name(name, &in, i));
  }
  ow_free(spare);
  svd_close(&v);
  ow_tensor_close(&in.t);
  if (ok) {
    *s = S;
    if (u) { *u = U; *vh = V; }
    return true;
  }
  ow_tensor_close(&U);
  ow_tensor_close(&S);
  ow_tensor_close(&V);
  return false;
}

bool ow_la_pinv(ow_tensor *x, const ow_tensor *a, double rcond, ow_err *e) {
  ow_tensor u = {0}, s = {0}, v = {0}, X = {0};
  if (!ow_la_svd(&u, &s, &v, a, false, e)) return false;
  ow_lapack L = ow_lapack_for(u.dtype);
  int nd = u.ndim, m = (int)u.shape[nd - 2], k = (int)u.shape[nd - 1], n = (int)v.shape[nd - 1], parts = L.c ? 2 : 1;
  if (rcond < 0) rcond = ow_eps(L.single) * (m > n ? m : n);
  int64_t shape[OW_MAXDIM], items = 1;
  for (int d = 0; d < nd - 2; d++) items *= shape[d] = u.shape[d];
  shape[nd - 2] = n;
  shape[nd - 1] = m;
  bool ok = ow_tensor_new(&X, L.t, nd, shape, e);
  for (int64_t i = 0; i < items && ok; i++) {
    if (ow_interrupted()) { ok = OW_FAIL(e, OW_EINTR, "interrupted"); break; }
    char *pu = (char *)ow_tensor_data(&u) + (size_t)i * (size_t)m * (size_t)k * L.es,
         *pv = (char *)ow_tensor_data(&v) + (size_t)i * (size_t)n * (size_t)k * L.es,
         *px = (char *)ow_tensor_data(&X) + (size_t)i * (size_t)n * (size_t)m * L.es;
    double top = ow_real_at(L.single, ow_tensor_data(&s), i * k);
    for (int r = 0; r < k; r++) {
      double sr = ow_real_at(L.single, ow_tensor_data(&s), i * k + r), f = sr > rcond * top ? 1 / sr : 0;
      for (int64_t q = (int64_t)r * n * parts; q < (int64_t)(r + 1) * n * parts; q++)
        ow_real_put(L.single, pv, q, ow_real_at(L.single, pv, q) * f);
    }
    // (vh / s)^H u^H
    const float onef[2] = {1, 0}, zerof[2] = {0, 0};
    const double one[2] = {1, 0}, zero[2] = {0, 0};
    switch (L.t) {
      case OW_F32: cblas_sgemm(CblasRowMajor, CblasTrans, CblasTrans, n, m, k, 1, (float *)pv, n, (float *)pu, k, 0, (float *)px, m); break;
      case OW_F64: cblas_dgemm(CblasRowMajor, CblasTrans, CblasTrans, n, m, k, 1, (double *)pv, n, (double *)pu, k, 0, (double *)px, m); break;
      case OW_C64: cblas_cgemm(CblasRowMajor, CblasConjTrans, CblasConjTrans, n, m, k, onef, pv, n, pu, k, zerof, px, m); break;
      default: cblas_zgemm(CblasRowMajor, CblasConjTrans, CblasConjTrans, n, m, k, one, pv, n, pu, k, zero, px, m); break;
    }
  }
  ow_tensor_close(&u);
  ow_tensor_close(&s);
  ow_tensor_close(&v);
  if (ok) *x = X;
  else ow_tensor_close(&X);
  return ok;
}

// ---- least squares -------------------------------------------------------------------------

// Sum of squares of the columns of b - a x, stacked; in f64 whatever the type.
static bool residuals(ow_tensor *out, const ow_rhs *rhs, const ow_tensor *a, const ow_tensor *b, const ow_tensor *x,
                      ow_lapack L, ow_err *e) {
  ow_tensor ax = {0}, bb = {0}, bc = {0}, ac = {0}, R = {0};
  int nd = rhs->nb, parts = L.c ? 2 : 1;
  int64_t shape[OW_MAXDIM], m = a->shape[a->ndim - 2], k = rhs->k;
  memcpy(shape, rhs->batch, sizeof shape);
  if (!rhs->vector) shape[nd++] = k;
  ow_tensor xm = *x;  // as matrices, so that a vector of each item multiplies its own matrix
  if (rhs->vector) { xm.shape[xm.ndim] = 1; xm.stride[xm.ndim++] = 1; }
  int64_t bshape[OW_MAXDIM];
  int bnd;
  bool ok = ow_tensor_cast(&ac, a, L.t, true, e) && ow_matmul_shape(&ac, &xm, &bnd, bshape, e) &&
            ow_tensor_new(&ax, L.t, bnd, bshape, e) && ow_matmul(&ax, &ac, &xm, e) && ow_tensor_new(&R, L.real, nd, shape, e);
  ow_tensor bm = *b;
  if (rhs->vector) { bm.shape[1] = 1; bm.stride[1] = 1; bm.ndim = 2; }
  ok = ok && ow_tensor_broadcast_to(&bb, &bm, ax.ndim, ax.shape, e) && ow_tensor_cast(&bc, &bb, L.t, true, e);
  for (int64_t i = 0; ok && i < rhs->items; i++)
    for (int64_t j = 0; j < k; j++) {
      double sum = 0;
      for (int64_t r = 0; r < m; r++)
        for (int q = 0; q < parts; q++) {
          int64_t at = ((i * m + r) * k + j) * parts + q;
          double d = ow_real_at(L.single, ow_tensor_data(&bc), at) - ow_real_at(L.single, ow_tensor_data(&ax), at);
          sum += d * d;
        }
      ow_real_put(L.single, ow_tensor_data(&R), i * k + j, sum);
    }
  ow_tensor_close(&ax);
  ow_tensor_close(&bb);
  ow_tensor_close(&bc);
  ow_tensor_close(&ac);
  if (ok) *out = R;
  else ow_tensor_close(&R);
  return ok;
}

bool ow_la_lstsq(ow_tensor *x, ow_tensor *residual, ow_tensor *rank, ow_tensor *sv, const ow_tensor *a, const ow_tensor *b,
                 double rcond, ow_err *e) {
  char name[64];
  ow_stack in;
  ow_rhs rhs;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(ow_dtype_promote(a->dtype, b->dtype)), OW_STACK_COLMAJOR, e)) return false;
  int m = in.m, n = in.n, k = m < n ? m : n, ld = m > n ? m : n, info = 0, lwork = -1, rk = 0;
  if (!ow_rhs_take(&rhs, &in, a, b, ld, e)) { ow_tensor_close(&in.t); return false; }
  ow_tensor X = {0}, R = {0}, K = {0}, S = {0};
  ow_lapack L = in.L;
  void *work = NULL, *spare = NULL, *rwork = NULL;
  int *iwork = NULL;
  bool ok = false;
  if (rcond < 0) rcond = ow_eps(L.single) * ld;
  float rc32 = (float)rcond;
  const void *rc = L.single ? (const void *)&rc32 : &rcond;
  int64_t bad = ow_first_nonfinite(L.single, ow_tensor_data(&rhs.w), ow_tensor_numel(&rhs.w) * (L.c ? 2 : 1));
  if (bad >= 0) { OW_FAIL(e, OW_ENUMERIC, "b: has a NaN or infinite element"); goto done; }
  double ask[2] = {0}, rask[2] = {0};
  int iask[2] = {0};
  if (L.c) L.c->gelsd(&m, &n, &rhs.k, ask, &m, ask, &ld, ask, rc, &rk, ask, &lwork, rask, iask, &info);
  else L.r->gelsd(&m, &n, &rhs.k, ask, &m, ask, &ld, ask, rc, &rk, ask, &lwork, iask, &info);
  double rl = ow_real_at(L.single, rask, 0) * (1 + 0x1p-20) + 8;
  if (!ow_work_length(&L, ask, &lwork, e)) goto done;
  if (!(work = ow_alloc_array((size_t)lwork, L.es, e)) || !(spare = ow_alloc((size_t)in.step, e)) ||
      !(iwork = ow_alloc_array((size_t)iask[0] + 1, sizeof(int), e)) || !(rwork = ow_alloc_array((size_t)rl, L.rs, e)))
    goto done;
  int64_t shape[OW_MAXDIM];
  memcpy(shape, rhs.batch, sizeof shape);
  if (!ow_tensor_new(&K, OW_I64, rhs.nb, shape, e)) goto done;
  shape[rhs.nb] = k;
  if (!ow_tensor_new(&S, L.real, rhs.nb + 1, shape, e)) goto done;
  for (int64_t i = 0; i < rhs.items; i++) {
    if (ow_interrupted()) { OW_FAIL(e, OW_EINTR, "interrupted"); goto done; }
    char *p = ow_rhs_item(&rhs, i), *ps = (char *)ow_tensor_data(&S) + (size_t)i * (size_t)k * L.rs;
    int64_t ia = ow_rhs_matrix(&rhs, i);
    memcpy(spare, ow_stack_item(&in, ia), (size_t)in.step);
    if (L.c) L.c->gelsd(&m, &n, &rhs.k, spare, &m, p, &ld, ps, rc, &rk, work, &lwork, rwork, iwork, &info);
    else L.r->gelsd(&m, &n, &rhs.k, spare, &m, p, &ld, ps, rc, &rk, work, &lwork, iwork, &info);
    if (info) { OW_FAIL(e, OW_ENUMERIC, "the singular values of a%s did not converge", ow_item_name(name, &in, ia)); goto done; }
    ((int64_t *)ow_tensor_data(&K))[i] = rk;
  }
  ok = ow_rhs_result(&X, &rhs, n, e) && residuals(&R, &rhs, a, b, &X, L, e);
done:
  ow_free(work);
  ow_free(spare);
  ow_free(iwork);
  ow_free(rwork);
  ow_tensor_close(&in.t);
  ow_tensor_close(&rhs.w);
  if (ok) { *x = X; *residual = R; *rank = K; *sv = S; return true; }
  ow_tensor_close(&X);
  ow_tensor_close(&R);
  ow_tensor_close(&K);
  ow_tensor_close(&S);
  return false;
}
