// Rows of cells along the third lattice vector are clipped against the box, so that a rotated
// lattice costs no more than an aligned one; slabs of rows run in parallel, counted first and
// filled afterwards.
#include "physics/crystal.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/threads.h"

typedef struct {
  const ow_crystal *c;
  int g;                     // grain
  double m[9];               // R C: columns are the rotated cell vectors
  double origin[3];
  double reach;              // no basis site is further from its cell's corner
  int64_t lo[3], hi[3];      // cells that may hold sites
  double *size;              // largest half-axis of each domain
} frame;

typedef struct {
  float *xyz;
  int64_t *species, *label, *grain, *site;
} sink;

static bool invert(const double m[9], double inv[9]) {
  double c00 = m[4] * m[8] - m[5] * m[7], c01 = m[5] * m[6] - m[3] * m[8], c02 = m[3] * m[7] - m[4] * m[6];
  double det = m[0] * c00 + m[1] * c01 + m[2] * c02;
  if (!(fabs(det) > 1e-12) || !isfinite(det)) return false;
  inv[0] = c00 / det, inv[1] = (m[2] * m[7] - m[1] * m[8]) / det, inv[2] = (m[1] * m[5] - m[2] * m[4]) / det;
  inv[3] = c01 / det, inv[4] = (m[0] * m[8] - m[2] * m[6]) / det, inv[5] = (m[2] * m[3] - m[0] * m[5]) / det;
  inv[6] = c02 / det, inv[7] = (m[1] * m[6] - m[0] * m[7]) / det, inv[8] = (m[0] * m[4] - m[1] * m[3]) / det;
  return true;
}

static void times(const double m[9], const double v[3], double out[3]) {
  for (int d = 0; d < 3; d++) out[d] = m[3 * d] * v[0] + m[3 * d + 1] * v[1] + m[3 * d + 2] * v[2];
}

static bool make_frame(const ow_crystal *c, int g, frame *f, ow_err *e) {
  const double *r = c->grain + 12 * g;
  double inv[9];
  f->c = c, f->g = g;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      f->m[3 * i + j] = r[3 * i] * c->cell[j] + r[3 * i + 1] * c->cell[3 + j] + r[3 * i + 2] * c->cell[6 + j];
  memcpy(f->origin, r + 9, sizeof f->origin);
  if (!invert(f->m, inv)) return OW_FAIL(e, OW_EARG, "grain %d: the lattice vectors and the rotation span no volume", g + 1);
  f->reach = 0;
  for (int b = 0; b < c->nb; b++) {
    double p[3];
    times(f->m, c->basis + 3 * b, p);
    double len = sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]);
    if (len > f->reach) f->reach = len;
  }
  for (int d = 0; d < 3; d++) f->lo[d] = INT64_MAX, f->hi[d] = INT64_MIN;
  for (int corner = 0; corner < 8; corner++) {
    double p[3], q[3];
    for (int d = 0; d < 3; d++) p[d] = (corner >> d & 1 ? c->box[d] : 0) - f->origin[d];
    times(inv, p, q);
    for (int d = 0; d < 3; d++) {
      if (!(fabs(q[d]) < 1e8)) return OW_FAIL(e, OW_EARG, "grain %d: the box spans too many cells", g + 1);
      int64_t lo = (int64_t)floor(q[d]) - 2, hi = (int64_t)ceil(q[d]) + 1;
      if (lo < f->lo[d]) f->lo[d] = lo;
      if (hi > f->hi[d]) f->hi[d] = hi;
    }
  }
  return true;
}

// Cells k of row (i, j) whose corner lies within reach of the box.
static bool clip(const frame *f, int64_t i, int64_t j, int64_t *k0, int64_t *k1) {
  double lo = (double)f->lo[2], hi = (double)f->hi[2];
  for (int d = 0; d < 3; d++) {
    double p = f->origin[d] + f->m[3 * d] * (double)i + f->m[3 * d + 1] * (double)j, v = f->m[3 * d + 2];
    double a = -f->reach - p, b = f->c->box[d] + f->reach - p;
    if (fabs(v) < 1e-9) {
      if (a > 1e-6 || b < -1e-6) return false;
      continue;
    }
    double t0 = a / v, t1 = b / v;
    if (t0 > t1) { double t = t0; t0 = t1, t1 = t; }
    if (t0 > lo) lo = t0;
    if (t1 < hi) hi = t1;
  }
  *k0 = (int64_t)floor(lo), *k1 = (int64_t)ceil(hi);
  return *k0 <= *k1;
}

// Domains that come near the row's segment: their numbers go to near[].
static int near_row(const frame *f, int64_t i, int64_t j, int64_t k0, int64_t k1, int *near) {
  const ow_crystal *c = f->c;
  double p[3], v[3], len2 = 0;
  int n = 0;
  for (int d = 0; d < 3; d++) {
    p[d] = f->origin[d] + f->m[3 * d] * (double)i + f->m[3 * d + 1] * (double)j + f->m[3 * d + 2] * (double)k0;
    v[d] = f->m[3 * d + 2] * (double)(k1 - k0);
    len2 += v[d] * v[d];
  }
  for (int q = 0; q < c->nd; q++) {
    const double *centre = c->domain + 12 * q + 9;
    double dot = 0, d2 = 0;
    for (int d = 0; d < 3; d++) dot += (centre[d] - p[d]) * v[d];
    double t = len2 > 0 ? dot / len2 : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    for (int d = 0; d < 3; d++) {
      double s = centre[d] - p[d] - t * v[d];
      d2 += s * s;
    }
    double r = f->size[q] + f->reach;
    if (d2 <= r * r) near[n++] = q;
  }
  return n;
}

static bool inside(const frame *f, const double r[3]) {
  const ow_crystal *c = f->c;
  for (int d = 0; d < 3; d++)
    if (!(r[d] >= 0 && r[d] < c->box[d])) return false;
  for (int p = 0; p < c->np; p++) {
    const double *q = c->plane + 4 * p;
    if (c->plane_grain[p] == f->g && q[0] * r[0] + q[1] * r[1] + q[2] * r[2] > q[3]) return false;
  }
  return true;
}

static int domain_of(const ow_crystal *c, const double r[3], const int *near, int n) {
  for (int q = 0; q < n; q++) {
    const double *a = c->domain + 12 * near[q];
    double s[3] = {r[0] - a[9], r[1] - a[10], r[2] - a[11]}, u[3];
    times(a, s, u);
    if (u[0] * u[0] + u[1] * u[1] + u[2] * u[2] <= 1) return near[q];
  }
  return -1;
}

// Sites of the slab of cells i; with s NULL only their number.
static int64_t slab(const frame *f, int64_t i, int *near, const sink *s, int64_t at) {
  const ow_crystal *c = f->c;
  int64_t n = 0, row = f->hi[2] - f->lo[2] + 1, rows = f->hi[1] - f->lo[1] + 1;
  for (int64_t j = f->lo[1]; j <= f->hi[1]; j++) {
    int64_t k0, k1;
    if (!clip(f, i, j, &k0, &k1)) continue;
    int close = s && c->nd ? near_row(f, i, j, k0, k1, near) : 0;
    for (int64_t k = k0; k <= k1; k++)
      for (int b = 0; b < c->nb; b++) {
        const double *u = c->basis + 3 * b;
        double q[3] = {(double)i + u[0], (double)j + u[1], (double)k + u[2]}, r[3];
        times(f->m, q, r);
        for (int d = 0; d < 3; d++) r[d] += f->origin[d];
        if (!inside(f, r)) continue;
        if (s) {
          int64_t to = at + n;
          uint64_t id = (uint64_t)((((i - f->lo[0]) * rows + (j - f->lo[1])) * row + (k - f->lo[2])) * c->nb + b);
          uint32_t bits[4];
          ow_philox_block(c->seed, 0x63727973ull + (uint64_t)f->g, id, bits);
          double pick = ow_u64_to_unit((uint64_t)bits[0] << 32 | bits[1]);
          int dom = domain_of(c, r, near, close), sp = 0;
          const double *occ = c->occupancy + ((dom < 0 ? 0 : c->domain_kind[dom]) * c->nb + b) * c->ns;
          while (sp < c->ns - 1 && pick >= occ[sp]) sp++;
          for (int d = 0; d < 3; d++) s->xyz[3 * to + d] = (float)r[d];
          s->species[to] = sp + 1;
          s->label[to] = dom < 0 ? 0 : c->domain_label[dom];
          s->grain[to] = f->g;
          s->site[to] = b;
        }
        n++;
      }
  }
  return n;
}

static bool all_frames(const ow_crystal *c, frame *f, double *size, ow_err *e) {
  for (int q = 0; q < c->nd; q++) {
    double inv[9];
    if (!invert(c->domain + 12 * q, inv)) return OW_FAIL(e, OW_EARG, "domain %d: an axis is zero or not finite", q + 1);
    // the image of the unit ball lies within the Frobenius norm of A^-1
    double sum = 0;
    for (int d = 0; d < 9; d++) sum += inv[d] * inv[d];
    size[q] = sqrt(sum);
  }
  for (int g = 0; g < c->ng; g++) {
    if (!make_frame(c, g, &f[g], e)) return false;
    f[g].size = size;
  }
  return true;
}

static bool outputs(int64_t n, ow_tensor t[5], ow_err *e) {
  int64_t shape[2] = {n, 3};
  memset(t, 0, 5 * sizeof *t);
  bool ok = ow_tensor_new(&t[0], OW_F32, 2, shape, e);
  for (int k = 1; ok && k < 5; k++) ok = ow_tensor_new(&t[k], OW_I64, 1, shape, e);
  if (!ok)
    for (int k = 0; k < 5; k++) ow_tensor_close(&t[k]);
  return ok;
}

bool ow_crystal_build(const ow_crystal *c, ow_tensor *xyz, ow_tensor *species, ow_tensor *label, ow_tensor *grain,
                      ow_tensor *site, ow_err *e) {
  frame *f = ow_alloc_array((size_t)c->ng, sizeof *f, e);
  double *size = f ? ow_alloc_array((size_t)c->nd + 1, sizeof *size, e) : NULL;
  int threads = ow_threads(), *near = size ? ow_alloc_array((size_t)threads * ((size_t)c->nd + 1), sizeof *near, e) : NULL;
  int64_t **first = near ? ow_alloc_array((size_t)c->ng + 1, sizeof *first, e) : NULL;
  bool ok = first && (memset(first, 0, ((size_t)c->ng + 1) * sizeof *first), all_frames(c, f, size, e));
  int64_t total = 0;
  for (int g = 0; ok && g < c->ng; g++) {  // how many sites each slab holds
    int64_t slabs = f[g].hi[0] - f[g].lo[0] + 1;
    first[g] = ow_alloc_array((size_t)slabs, sizeof **first, e);
    if (!(ok = first[g] != NULL)) break;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t i = 0; i < slabs; i++) first[g][i] = ow_interrupted() ? 0 : slab(&f[g], f[g].lo[0] + i, NULL, NULL, 0);
    for (int64_t i = 0; i < slabs; i++) {
      int64_t n = first[g][i];
      first[g][i] = total;
      total += n;
    }
  }
  if (ok && ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  ow_tensor t[5];
  if (ok && (ok = outputs(total, t, e))) {
    sink s = {ow_tensor_data(&t[0]), ow_tensor_data(&t[1]), ow_tensor_data(&t[2]), ow_tensor_data(&t[3]), ow_tensor_data(&t[4])};
    for (int g = 0; g < c->ng; g++) {
      int64_t slabs = f[g].hi[0] - f[g].lo[0] + 1;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
      for (int64_t i = 0; i < slabs; i++)
        if (!ow_interrupted()) slab(&f[g], f[g].lo[0] + i, near + (size_t)omp_get_thread_num() * ((size_t)c->nd + 1), &s, first[g][i]);
    }
    if (ow_interrupted()) {
      ok = OW_FAIL(e, OW_EINTR, "interrupted");
      for (int k = 0; k < 5; k++) ow_tensor_close(&t[k]);
    } else *xyz = t[0], *species = t[1], *label = t[2], *grain = t[3], *site = t[4];
  }
  for (int g = 0; first && g < c->ng; g++) ow_free(first[g]);
  ow_free(first);
  ow_free(near);
  ow_free(size);
  ow_free(f);
  return ok;
}
