// Pieces of fixed size are converted to double and reduced each by itself; the partial sums
// are added in order, so the mean does not depend on the number of threads.
#include "op/summary.h"

#include <complex.h>
#include <math.h>

#include "base/alloc.h"
#include "base/threads.h"

enum { PIECE = 4096 };

static void piece(const ow_walk *w, int64_t outer, int64_t first, int64_t n, ow_dtype dtype, ow_summary_t *s) {
  double x[PIECE];
  char *p[4];
  ow_walk_at(w, outer, p);
  int64_t step = w->istride[0] * (int64_t)w->esize[0];
  const char *src = p[0] + first * step;
  if (ow_dtype_is_complex(dtype))
    for (int64_t i = 0; i < n; i++) {
      ow_c128 c;
      ow_convert(OW_C128, &c, 0, dtype, src + i * step, 0, 1, true);
      x[i] = cabs(c);
    }
  else ow_convert(OW_F64, x, 8, dtype, src, step, n, true);
  double lo = INFINITY, hi = -INFINITY, sum = 0;
  int64_t nan = 0;
  for (int64_t i = 0; i < n; i++) {
    if (isnan(x[i])) { nan++; continue; }
    lo = x[i] < lo ? x[i] : lo;
    hi = x[i] > hi ? x[i] : hi;
    sum += x[i];
  }
  *s = (ow_summary_t){lo, sum, hi, nan, n - nan};
}

bool ow_summary(const ow_tensor *t, ow_summary_t *s, ow_err *e) {
  *s = (ow_summary_t){NAN, NAN, NAN, 0, 0};
  if (ow_tensor_numel(t) == 0) return true;
  ow_walk w;
  ow_walk_init(&w, 1, &t);
  int64_t pieces = (w.inner + PIECE - 1) / PIECE, total = w.outer * pieces;
  ow_summary_t *part = ow_alloc_array((size_t)total, sizeof *part, e);
  if (!part) return false;
#pragma omp parallel for num_threads(ow_threads()) if (w.outer * w.inner > OW_GRAIN)
  for (int64_t k = 0; k < total; k++) {
    int64_t i = k % pieces * PIECE;
    if (!ow_interrupted()) piece(&w, k / pieces, i, w.inner - i < PIECE ? w.inner - i : PIECE, t->dtype, part + k);
  }
  if (ow_interrupted()) {
    ow_free(part);
    return OW_FAIL(e, OW_EINTR, "interrupted");
  }
  double lo = INFINITY, hi = -INFINITY, sum = 0;
  for (int64_t k = 0; k < total; k++) {
    if (part[k].used) {
      lo = part[k].min < lo ? part[k].min : lo;
      hi = part[k].max > hi ? part[k].max : hi;
      sum += part[k].mean;
    }
    s->nan += part[k].nan;
    s->used += part[k].used;
  }
  ow_free(part);
  if (s->used) s->min = lo, s->max = hi, s->mean = sum / (double)s->used;
  return true;
}
