// Factorisations and solutions of dense systems; see linalg_*.c for the algorithms.
// Every function takes tensors of any dtype and strides, of 2 dimensions or with leading
// axes (a stack), leaves them unchanged, and on success has filled each output with a new
// dense tensor; on failure the outputs are untouched. Integers are computed in f64, f16
// and bf16 in f32. A NaN or infinite element is refused by name, because LAPACK may loop on
// it; ow_la_slogdet alone passes it on.
#ifndef OW_LINALG_LINALG_H
#define OW_LINALG_LINALG_H
#include "base/err.h"
#include "base/tensor.h"

// x with a x = b; b a vector (1-D) or a stack of matrices. `check`: refuse a matrix whose
// estimated condition number exceeds 1/eps even after equilibration (a zero pivot always).
bool ow_la_solve(ow_tensor *x, const ow_tensor *a, const ow_tensor *b, bool check, ow_err *e);
bool ow_la_inv(ow_tensor *x, const ow_tensor *a, bool check, ow_err *e);
// det = sign * exp(logdet); also the determinant itself, free of the overflow in between.
bool ow_la_slogdet(ow_tensor *sign, ow_tensor *logdet, ow_tensor *det, const ow_tensor *a, ow_err *e);
// Row perm[i] of a is row i of l u (0-based here).
bool ow_la_lu(ow_tensor *perm, ow_tensor *l, ow_tensor *u, const ow_tensor *a, ow_err *e);
bool ow_la_cholesky(ow_tensor *l, const ow_tensor *a, ow_err *e);
bool ow_la_qr(ow_tensor *q, ow_tensor *r, const ow_tensor *a, bool full, ow_err *e);
// a = u diag(s) vh; u and vh may be NULL (both or none).
bool ow_la_svd(ow_tensor *u, ow_tensor *s, ow_tensor *vh, const ow_tensor *a, bool full, ow_err *e);
bool ow_la_pinv(ow_tensor *x, const ow_tensor *a, double rcond, ow_err *e);
// rank: i64, s: singular values, residual: sum of squares of b - a x for each column.
bool ow_la_lstsq(ow_tensor *x, ow_tensor *residual, ow_tensor *rank, ow_tensor *s, const ow_tensor *a,
                 const ow_tensor *b, double rcond, ow_err *e);
// Ascending eigenvalues, eigenvectors as columns; v may be NULL.
bool ow_la_eigh(ow_tensor *w, ow_tensor *v, const ow_tensor *a, ow_err *e);
bool ow_la_eig(ow_tensor *w, ow_tensor *v, const ow_tensor *a, ow_err *e);

#endif
