// Eigenvalues. Symmetric and Hermitian: divide and conquer (xSYEVD, xHEEVD) on the lower
// triangle of a copy that was checked to be Hermitian within rounding. General: xGEEV (QR
// iteration after balancing); real pairs are unpacked, so the result is always complex.
//
// Uninterruptible while one matrix is worked on (eigh 4 to 9 n^3, eig about 25 n^3
// operations); polled between the matrices of a stack.
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "linalg/lapack.h"
#include "linalg/linalg.h"

bool ow_la_eigh(ow_tensor *w, ow_tensor *v, const ow_tensor *a, ow_err *e) {
  char name[64];
  ow_stack in;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(a->dtype), OW_STACK_SQUARE | OW_STACK_HERMITIAN | OW_STACK_COLMAJOR, e)) return false;
  ow_tensor W = {0}, V = {0};
  int n = in.n, info = 0, minus = -1, lwork, lrwork = 0, liwork;
  const char *job = v ? "V" : "N";
  double ask[2] = {0}, rask[2] = {0};
  int iask[2] = {0};
  void *work = NULL, *rwork = NULL, *p = ow_tensor_data(&in.t);
  int *iwork = NULL;
  bool ok = false;
  if (in.L.c) in.L.c->heevd(job, "L", &n, p, &n, ask, ask, &minus, rask, &minus, iask, &minus, &info, 1, 1);
  else in.L.r->syevd(job, "L", &n, p, &n, rask, ask, &minus, iask, &minus, &info, 1, 1);
  liwork = iask[0];
  if (n > 30000) {
    OW_FAIL(e, OW_ESHAPE, "a: an eigenproblem is limited to a size of 30000, got %d", n);
    goto done;
  }
  if (!ow_work_length(&in.L, ask, &lwork, e) || (in.L.c && !ow_work_length(&in.L, rask, &lrwork, e))) goto done;
  if (!(work = ow_alloc_array((size_t)lwork, in.L.es, e)) || !(rwork = ow_alloc_array((size_t)lrwork, in.L.rs, e)) ||
      !(iwork = ow_alloc_array((size_t)liwork + 1, sizeof(int), e)) || !ow_stack_output(&W, &in, in.L.real, n, -1, e))
    goto done;
  for (int64_t i = 0; i < in.items; i++) {
    if (ow_interrupted()) { OW_FAIL(e, OW_EINTR, "interrupted"); goto done; }
    char *pw = (char *)ow_tensor_data(&W) + (size_t)i * (size_t)n * in.L.rs;
    p = ow_stack_item(&in, i);
    if (in.L.c) in.L.c->heevd(job, "L", &n, p, &n, pw, work, &lwork, rwork, &lrwork, iwork, &liwork, &info, 1, 1);
    else in.L.r->syevd(job, "L", &n, p, &n, pw, work, &lwork, iwork, &liwork, &info, 1, 1);
    if (info) { OW_FAIL(e, OW_ENUMERIC, "the eigenvalues of a%s did not converge", ow_item_name(name, &in, i)); goto done; }
  }
  ok = !v || ow_tensor_contiguous(&V, &in.t, e);
done:
  ow_free(work);
  ow_free(rwork);
  ow_free(iwork);
  ow_tensor_close(&in.t);
  if (ok) {
    *w = W;
    if (v) *v = V;
    return true;
  }
  ow_tensor_close(&W);
  return false;
}

// Columns of a real xGEEV: a pair of conjugate eigenvalues shares two columns, re and im.
static void unpack(bool single, int n, const void *wr, const void *wi, const void *vr, void *w, void *v) {
  for (int j = 0; j < n; j++) {
    double im = ow_real_at(single, wi, j);
    ow_real_put(single, w, 2 * j, ow_real_at(single, wr, j));
    ow_real_put(single, w, 2 * j + 1, im);
    if (!v) continue;
    int re_col = im < 0 ? j - 1 : j;
    for (int i = 0; i < n; i++) {
      int64_t at = 2 * ((int64_t)i * n + j);
      double x = ow_real_at(single, vr, (int64_t)re_col * n + i), y = im == 0 ? 0 : ow_real_at(single, vr, (int64_t)(re_col + 1) * n + i);
      ow_real_put(single, v, at, x);
      ow_real_put(single, v, at + 1, im < 0 ? -y : y);
    }
  }
}

bool ow_la_eig(ow_tensor *w, ow_tensor *v, const ow_tensor *a, ow_err *e) {
  char name[64];
  ow_stack in;
  if (!ow_stack_take(&in, a, ow_lapack_dtype(a->dtype), OW_STACK_SQUARE | OW_STACK_COLMAJOR, e)) return false;
  ow_tensor W = {0}, V = {0};
  ow_dtype ct = in.L.single ? OW_C64 : OW_C128;
  size_t cs = ow_dtype_size(ct);
  int n = in.n, info = 0, minus = -1, lwork, one = 1;
  const char *job = v ? "V" : "N";
  double ask[2] = {0};
  void *work = NULL, *rwork = NULL, *vr = NULL, *none = ask, *p = ow_tensor_data(&in.t);
  bool ok = false;
  if (in.L.c) in.L.c->geev("N", job, &n, p, &n, ask, none, &one, none, &n, ask, &minus, ask, &info, 1, 1);
  else in.L.r->geev("N", job, &n, p, &n, ask, ask, none, &one, none, &n, ask, &minus, &info, 1, 1);
  if (!ow_work_length(&in.L, ask, &lwork, e)) goto done;
  if (!(work = ow_alloc_array((size_t)lwork, in.L.es, e)) || !(rwork = ow_alloc_array(2 * (size_t)n, in.L.rs, e)) ||
      !(vr = ow_alloc_array((size_t)n * (size_t)n, in.L.es, e)) || !ow_stack_output(&W, &in, ct, n, -1, e) ||
      (v && !ow_stack_output(&V, &in, ct, n, n, e)))
    goto done;
  for (int64_t i = 0; i < in.items; i++) {
    if (ow_interrupted()) { OW_FAIL(e, OW_EINTR, "interrupted"); goto done; }
    char *pw = (char *)ow_tensor_data(&W) + (size_t)i * (size_t)n * cs;
    char *pv = v ? (char *)ow_tensor_data(&V) + (size_t)i * (size_t)n * (size_t)n * cs : NULL;
    p = ow_stack_item(&in, i);
    if (in.L.c) {
      in.L.c->geev("N", job, &n, p, &n, pw, none, &one, vr, &n, work, &lwork, rwork, &info, 1, 1);
      for (int r = 0; v && r < n; r++)
        for (int c = 0; c < n; c++) memcpy(pv + ((size_t)r * (size_t)n + (size_t)c) * cs, (char *)vr + ((size_t)c * (size_t)n + (size_t)r) * cs, cs);
    } else {
      char *wi = (char *)rwork + (size_t)n * in.L.rs;
      in.L.r->geev("N", job, &n, p, &n, rwork, wi, none, &one, vr, &n, work, &lwork, &info, 1, 1);
      unpack(in.L.single, n, rwork, wi, vr, pw, pv);
    }
    if (info) { OW_FAIL(e, OW_ENUMERIC, "the eigenvalues of a%s did not converge", ow_item_name(name, &in, i)); goto done; }
  }
  ok = true;
done:
  ow_free(work);
  ow_free(rwork);
  ow_free(vr);
  ow_tensor_close(&in.t);
  if (ok) {
    *w = W;
    if (v) *v = V;
    return true;
  }
  ow_tensor_close(&W);
  ow_tensor_close(&V);
  return false;
}
