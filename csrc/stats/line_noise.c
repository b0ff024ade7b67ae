// Events that measurement noise alone produces on a static line.
//
// A frame is `points` support points at equal distances over `length`, each with an independent
// normal error, joined by straight segments. Between two frames the displacement is again
// piecewise linear; every maximal run where it is positive encloses an area: one event.
// Invariant: frame f reads stream f of the seed, so chunks may be made in any order.
#include "stats/data.h"

#include <math.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/threads.h"

bool ow_line_noise(double noise, double length, int64_t points, int64_t frames, uint64_t seed, double smallest, double **out,
                   int64_t *count, ow_err *e) {
  *out = NULL;
  *count = 0;
  int64_t cap = 1024, n = 0;
  double *o = ow_alloc_array((size_t)cap, sizeof(double), e);
  double *h = o ? ow_alloc_array((size_t)points, 2 * sizeof(double), e) : NULL;
  if (!h) return ow_free(o), false;
  double *prev = h, *now = h + points, w = length / (double)(points - 1);
  for (int64_t f = 0; f < frames; f++) {
    if (!(f & 63) && ow_interrupted()) {
      ow_free(o), ow_free(h);
      return OW_FAIL(e, OW_EINTR, "interrupted");
    }
    ow_rng g = ow_rng_make(seed, (uint64_t)f);
    for (int64_t i = 0; i < points; i++) now[i] = noise * ow_rng_normal(&g);
    double area = 0;
    for (int64_t i = 0; f > 0 && i < points; i++) {
      double a = now[i] - prev[i], b = i + 1 < points ? now[i + 1] - prev[i + 1] : 0;
      bool last = i + 1 == points, ends = last;
      if (!last) {
        if (a > 0 && b > 0) area += w * (a + b) / 2;
        else if (a > 0) area += w * a * a / (2 * (a - b)), ends = true;  // falls through zero
        else if (b > 0) area = w * b * b / (2 * (b - a));                // rises through zero
      }
      if (ends && area > 0) {
        if (area > smallest) {
          if (n == cap) {
            double *more = ow_realloc(o, (size_t)(cap *= 2) * sizeof(double), e);
            if (!more) return ow_free(o), ow_free(h), false;
            o = more;
          }
          o[n++] = area;
        }
        area = 0;
      }
    }
    double *t = prev;
    prev = now, now = t;
  }
  ow_free(h);
  *out = o;
  *count = n;
  return true;
}
