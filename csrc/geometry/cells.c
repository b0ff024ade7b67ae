// Boxes and the making of the tree; cells.h says what they mean, cells_build.h how it is done.
#include "geometry/cells.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

#define T float
#define F(name) OW_CAT(ow_##name, f32)
#define EPSILON 1.2e-7
#include "geometry/cells_build.h"
#undef T
#undef F
#undef EPSILON
#define T double
#define F(name) OW_CAT(ow_##name, f64)
#define EPSILON 2.3e-16
#include "geometry/cells_build.h"

bool ow_box_set(ow_box *b, const double *m, const bool *periodic, ow_err *e) {
  memset(b, 0, sizeof *b);
  memcpy(b->m, m, sizeof b->m);
  double scale = 1;
  for (int i = 0; i < 3; i++) {
    b->periodic[i] = periodic[i];
    b->any |= periodic[i];
    double length = sqrt(m[3 * i] * m[3 * i] + m[3 * i + 1] * m[3 * i + 1] + m[3 * i + 2] * m[3 * i + 2]);
    if (!isfinite(length) || !(length > 0))
      return OW_FAIL(e, OW_EARG, "box: vector %d has length %g; expected a finite length above 0", i + 1, length);
    b->diagonal += length;
    scale *= length;
  }
  double c[3][3], det = 0;  // g[i] = (m[i+1] x m[i+2]) / det
  for (int i = 0; i < 3; i++) {
    const double *p = b->m[(i + 1) % 3], *q = b->m[(i + 2) % 3];
    c[i][0] = p[1] * q[2] - p[2] * q[1], c[i][1] = p[2] * q[0] - p[0] * q[2], c[i][2] = p[0] * q[1] - p[1] * q[0];
  }
  for (int a = 0; a < 3; a++) det += b->m[0][a] * c[0][a];
  if (!(fabs(det) > 1e-9 * scale) || !isfinite(det))
    return OW_FAIL(e, OW_EARG, "box: the three vectors span a volume of %g; expected vectors that are not coplanar", det);
  b->volume = fabs(det);
  for (int i = 0; i < 3; i++) {
    double s = 0;
    for (int a = 0; a < 3; a++) b->g[i][a] = c[i][a] / det, s += b->g[i][a] * b->g[i][a];
    b->gnorm[i] = sqrt(s);
  }
  return true;
}

ow_cells *ow_cells_new(const void *x, int64_t n, ow_dtype dtype, const ow_box *box, const char *what, ow_err *e) {
  if (n > INT32_MAX - OW_LEAF) {
    OW_FAIL(e, OW_EARG, "%s: %lld points; one tree holds at most %d", what, (long long)n, INT32_MAX - OW_LEAF);
    ow_hint(e, "search slab by slab");
    return NULL;
  }
  ow_cells *c = ow_alloc_zero(sizeof *c, e);
  if (!c) return NULL;
  c->dtype = dtype;
  c->n = n;
  c->leaves = (int32_t)((n + OW_LEAF - 1) / OW_LEAF);
  if (box) c->box = *box;
  if (dtype == OW_F32 ? !ow_build_f32(c, x, what, e) : !ow_build_f64(c, x, what, e)) {
    ow_cells_free(c);
    return NULL;
  }
  return c;
}

void ow_cells_free(ow_cells *c) {
  if (!c) return;
  ow_cells_there_free(c);
  ow_free(c->leaf);
  ow_free(c->node);
  ow_free(c);
}

int64_t ow_cells_bytes(const ow_cells *c) {
  bool f32 = c->dtype == OW_F32;
  int64_t leaf = f32 ? sizeof(ow_leaf_f32) : sizeof(ow_leaf_f64), node = f32 ? sizeof(ow_node_f32) : sizeof(ow_node_f64);
  return (int64_t)sizeof *c + c->leaves * (leaf + 2 * node);
}

void ow_image_range(const ow_cells *c, const double lo[3], const double hi[3], double radius, int64_t first[3],
                    int64_t last[3]) {
  const ow_box *b = &c->box;
  for (int i = 0; i < 3; i++) {
    first[i] = last[i] = 0;
    if (!b->periodic[i]) continue;
    double f0 = 0, f1 = 0, reach = b->gnorm[i] * (radius * (1 + 1e-6) + c->pad) + 1e-9;
    for (int a = 0; a < 3; a++) {
      double u = b->g[i][a] * lo[a], v = b->g[i][a] * hi[a];
      f0 += fmin(u, v), f1 += fmax(u, v);
    }
    first[i] = (int64_t)ceil(f0 - reach - c->fhi[i]);
    last[i] = (int64_t)floor(f1 + reach - c->flo[i]);
  }
}
