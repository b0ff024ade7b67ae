// Fortran LAPACK (it is part of OpenBLAS) behind one table per element type. Matrices are
// `void *`, so that the callers need no copy per type. CHARACTER arguments carry a hidden
// length at the end of the argument list, as gfortran passes it.
#ifndef OW_LINALG_LAPACK_H
#define OW_LINALG_LAPACK_H
#include <stddef.h>

#include "base/dtype.h"
#include "base/tensor.h"

typedef const int *LI;
typedef const char *LC;
typedef size_t LH;  // hidden length

// Same argument list for all four types.
#define OW_LAPACK_COMMON(X, p)                                                             \
  X(p, getrf, (LI m, LI n, void *a, LI lda, int *ipiv, int *info))                            \
  X(p, getrs, (LC trans, LI n, LI nrhs, const void *a, LI lda, LI ipiv, void *b, LI ldb, int *info, LH)) \
  X(p, getri, (LI n, void *a, LI lda, LI ipiv, void *work, LI lwork, int *info))               \
  X(p, potrf, (LC uplo, LI n, void *a, LI lda, int *info, LH))                                 \
  X(p, gelqf, (LI m, LI n, void *a, LI lda, void *tau, void *work, LI lwork, int *info))       \
  X(p, gecon, (LC norm, LI n, const void *a, LI lda, const void *anorm, void *rcond, void *work, void *riwork, int *info, LH)) \
  X(p, geequb, (LI m, LI n, const void *a, LI lda, void *r, void *c, void *rowcnd, void *colcnd, void *amax, int *info))
// Real types only.
#define OW_LAPACK_REAL(X, p)                                                               \
  X(p, orglq, (LI m, LI n, LI k, void *a, LI lda, const void *tau, void *work, LI lwork, int *info)) \
  X(p, gesdd, (LC jobz, LI m, LI n, void *a, LI lda, void *s, void *u, LI ldu, void *vt, LI ldvt, void *work, LI lwork, int *iwork, int *info, LH)) \
  X(p, gesvd, (LC ju, LC jv, LI m, LI n, void *a, LI lda, void *s, void *u, LI ldu, void *vt, LI ldvt, void *work, LI lwork, int *info, LH, LH)) \
  X(p, syevd, (LC jobz, LC uplo, LI n, void *a, LI lda, void *w, void *work, LI lwork, int *iwork, LI liwork, int *info, LH, LH)) \
  X(p, geev, (LC jl, LC jr, LI n, void *a, LI lda, void *wr, void *wi, void *vl, LI ldvl, void *vr, LI ldvr, void *work, LI lwork, int *info, LH, LH)) \
  X(p, gelsd, (LI m, LI n, LI nrhs, void *a, LI lda, void *b, LI ldb, void *s, const void *rcond, int *rank, void *work, LI lwork, int *iwork, int *info))
// Complex types only.
#define OW_LAPACK_COMPLEX(X, p)                                                            \
  X(p, unglq, (LI m, LI n, LI k, void *a, LI lda, const void *tau, void *work, LI lwork, int *info)) \
  X(p, gesdd, (LC jobz, LI m, LI n, void *a, LI lda, void *s, void *u, LI ldu, void *vt, LI ldvt, void *work, LI lwork, void *rwork, int *iwork, int *info, LH)) \
  X(p, gesvd, (LC ju, LC jv, LI m, LI n, void *a, LI lda, void *s, void *u, LI ldu, void *vt, LI ldvt, void *work, LI lwork, void *rwork, int *info, LH, LH)) \
  X(p, heevd, (LC jobz, LC uplo, LI n, void *a, LI lda, void *w, void *work, LI lwork, void *rwork, LI lrwork, int *iwork, LI liwork, int *info, LH, LH)) \
  X(p, geev, (LC jl, LC jr, LI n, void *a, LI lda, void *w, void *vl, LI ldvl, void *vr, LI ldvr, void *work, LI lwork, void *rwork, int *info, LH, LH)) \
  X(p, gelsd, (LI m, LI n, LI nrhs, void *a, LI lda, void *b, LI ldb, void *s, const void *rcond, int *rank, void *work, LI lwork, void *rwork, int *iwork, int *info))

#define OW_LAPACK_DECLARE(p, name, args) void p##name##_ args;
OW_LAPACK_COMMON(OW_LAPACK_DECLARE, s) OW_LAPACK_COMMON(OW_LAPACK_DECLARE, d)
OW_LAPACK_COMMON(OW_LAPACK_DECLARE, c) OW_LAPACK_COMMON(OW_LAPACK_DECLARE, z)
OW_LAPACK_REAL(OW_LAPACK_DECLARE, s) OW_LAPACK_REAL(OW_LAPACK_DECLARE, d)
OW_LAPACK_COMPLEX(OW_LAPACK_DECLARE, c) OW_LAPACK_COMPLEX(OW_LAPACK_DECLARE, z)

#define OW_LAPACK_POINTER(p, name, args) void(*name) args;
#define OW_LAPACK_ENTRY(p, name, args) .name = p##name##_,
typedef struct { OW_LAPACK_COMMON(OW_LAPACK_POINTER, _) } ow_lapack_common;
typedef struct { OW_LAPACK_REAL(OW_LAPACK_POINTER, _) } ow_lapack_real;
typedef struct { OW_LAPACK_COMPLEX(OW_LAPACK_POINTER, _) } ow_lapack_complex;

// Tables for the type; the real one is NULL for complex types and the other way round.
typedef struct {
  ow_dtype t, real;       // element type, type of its norms
  size_t es, rs;          // their sizes
  bool single;
  const ow_lapack_common *f;
  const ow_lapack_real *r;
  const ow_lapack_complex *c;
} ow_lapack;
ow_lapack ow_lapack_for(ow_dtype t);  // t: f32 f64 c64 c128
ow_dtype ow_lapack_dtype(ow_dtype t);  // the type in which t is computed

// ---- what the files of this folder share ---------------------------------------------------
// A dense private copy of a stack of matrices, for LAPACK to overwrite.
typedef struct {
  ow_lapack L;
  ow_tensor t;            // as copied: row-major, or column-major behind a swapped view
  int m, n;               // rows, columns of one matrix
  int64_t items, step;    // matrices, bytes from one to the next
  int nb;                 // leading axes
  int64_t batch[OW_MAXDIM];
} ow_stack;
enum { OW_STACK_SQUARE = 1, OW_STACK_COLMAJOR = 2, OW_STACK_ANY_VALUE = 4, OW_STACK_HERMITIAN = 8 };
bool ow_stack_take(ow_stack *s, const ow_tensor *a, ow_dtype t, int flags, ow_err *e);
static inline char *ow_stack_item(const ow_stack *s, int64_t i) { return (char *)ow_tensor_data(&s->t) + i * s->step; }
// New tensor of the stack's leading axes followed by up to two more (negative: absent).
bool ow_stack_output(ow_tensor *t, const ow_stack *s, ow_dtype dtype, int64_t r, int64_t c, ow_err *e);
// The same elements with the last two axes exchanged; a view.
void ow_swap_last(ow_tensor *t);
// Right-hand sides for the matrices of a stack, column-major with `ld` rows, of which the
// first a.m are b's. b is a vector (1-D) or a stack of matrices that broadcasts with a's.
typedef struct {
  ow_tensor w;           // leading axes x ld, or leading axes x k x ld
  bool vector;
  int k, ld, nb;
  int64_t items, step, batch[OW_MAXDIM], astride[OW_MAXDIM];
} ow_rhs;
bool ow_rhs_take(ow_rhs *r, const ow_stack *a, const ow_tensor *ta, const ow_tensor *b, int ld, ow_err *e);
static inline char *ow_rhs_item(const ow_rhs *r, int64_t i) { return (char *)ow_tensor_data(&r->w) + i * r->step; }
int64_t ow_rhs_matrix(const ow_rhs *r, int64_t i);  // which matrix item i belongs to
bool ow_rhs_result(ow_tensor *x, const ow_rhs *r, int rows, ow_err *e);  // first rows, row-major
// First element that is not finite, or -1. n counts real numbers.
int64_t ow_first_nonfinite(bool single, const void *p, int64_t n);
static inline double ow_real_at(bool single, const void *p, int64_t i) {
  return single ? (double)((const float *)p)[i] : ((const double *)p)[i];
}
static inline void ow_real_put(bool single, void *p, int64_t i, double v) {
  if (single) ((float *)p)[i] = (float)v;
  else ((double *)p)[i] = v;
}
static inline double ow_eps(bool single) { return single ? 0x1p-23 : 0x1p-52; }
// Length answered by a workspace query (rounded up: a float cannot hold every length);
// false when it exceeds LAPACK's 32-bit integers.
bool ow_work_length(const ow_lapack *L, const void *answer, int *lwork, ow_err *e);
// " (matrix 3 of the stack)" or "".
char *ow_item_name(char buf[64], const ow_stack *s, int64_t i);

#endif
