// Triangles are sorted along a Morton curve of their middles and cut into leaves of four; a
// balanced tree of bounding boxes stands over the leaves (numbered as in cells.h: preorder, the
// left child holds (c + 1) / 2 of c leaves). A query goes down the nearer child first and skips
// boxes, and triangles whose plane is, further than the best so far. Closest point of a triangle: Ericson, Real-Time
// Collision Detection (2005), 5.1.5. All in double precision. Points are asked along the same
// curve, chunk by chunk, each beginning with the triangle that its predecessor found.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "geometry/isosurface.h"

enum { LEAF = 4, CHUNK = 16384 };

typedef struct { double a[3], ab[3], ac[3], n[3]; } flat;  // a triangle: corner, edges, unit normal

typedef struct {
  const ow_mesh *m;
  int64_t *order;     // triangles along the curve
  flat *flat;         // in that order
  float (*box)[6];    // lo, hi of each node
  int64_t leaves;
  double (*face)[3];  // unit normals, 0 for a flat triangle
  double (*corner)[3];// of vertices: faces weighted by their angle
  int64_t *across;
  uint8_t *rim;       // vertex on a border
  float lo[3], hi[3]; // of the mesh
} tree;

static void sub(const float *a, const float *b, double o[3]) {
  for (int d = 0; d < 3; d++) o[d] = (double)a[d] - b[d];
}
static double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
static const float *at(const ow_mesh *m, int64_t t, int k) { return m->vertex + 3 * (m->triangle[3 * t + k] - 1); }

static void normals(tree *w) {
  const ow_mesh *m = w->m;
  memset(w->corner, 0, (size_t)m->nv * sizeof *w->corner);
  memset(w->rim, 0, (size_t)m->nv);
  for (int64_t t = 0; t < m->nt; t++) {
    double e[3][3], n[3], len[3];
    for (int k = 0; k < 3; k++) {
      sub(at(m, t, (k + 1) % 3), at(m, t, k), e[k]);
      len[k] = sqrt(dot(e[k], e[k]));
    }
    for (int d = 0; d < 3; d++) n[d] = e[0][(d + 1) % 3] * e[1][(d + 2) % 3] - e[0][(d + 2) % 3] * e[1][(d + 1) % 3];
    double size = sqrt(dot(n, n));
    for (int d = 0; d < 3; d++) n[d] = w->face[t][d] = size > 0 ? n[d] / size : 0;
    for (int k = 0; k < 3; k++) {
      int64_t v = m->triangle[3 * t + k] - 1;
      int before = (k + 2) % 3;
      double c = -dot(e[k], e[before]) / (len[k] * len[before]);
      double angle = size > 0 ? acos(c < -1 ? -1 : c > 1 ? 1 : c) : 0;
      for (int d = 0; d < 3; d++) w->corner[v][d] += angle * n[d];
      if (w->across[3 * t + k] < 0) w->rim[v] = w->rim[m->triangle[3 * t + (k + 1) % 3] - 1] = 1;
    }
  }
}

static uint32_t spread(uint32_t v) {
  v = (v | v << 16) & 0x030000FFu;
  v = (v | v << 8) & 0x0300F00Fu;
  v = (v | v << 4) & 0x030C30C3u;
  return (v | v << 2) & 0x09249249u;
}

// Place along the curve.
static uint32_t curve(const tree *w, const double p[3]) {
  uint32_t key = 0;
  for (int d = 0; d < 3; d++) {
    double u = w->hi[d] > w->lo[d] ? (p[d] - w->lo[d]) / ((double)w->hi[d] - w->lo[d]) : 0;
    key |= spread((uint32_t)(u > 0 ? u < 1 ? u * 1023 : 1023 : 0)) << d;  // NaN: 0
  }
  return key;
}

// Sorts n numbers by their keys; key and number hold 2 n places, the result is in the first n.
static void radix(uint32_t *key, int64_t *number, int64_t n) {
  uint32_t *from = key, *to = key + n;
  int64_t *of = number, *ot = number + n;
  for (int shift = 0; shift < 32; shift += 8) {
    int64_t first[257] = {0};
    for (int64_t i = 0; i < n; i++) first[(from[i] >> shift & 255) + 1]++;
    for (int b = 0; b < 256; b++) first[b + 1] += first[b];
    for (int64_t i = 0; i < n; i++) {
      int64_t k = first[from[i] >> shift & 255]++;
      to[k] = from[i], ot[k] = of[i];
    }
    uint32_t *s = from; from = to, to = s;
    int64_t *o = of; of = ot, ot = o;
  }
}

static bool sort_curve(tree *w, ow_err *e) {
  const ow_mesh *m = w->m;
  int64_t nt = m->nt;
  uint32_t *key = ow_alloc_array((size_t)nt * 2, sizeof *key, e);
  if (!key) return false;
  for (int d = 0; d < 3; d++) w->lo[d] = INFINITY, w->hi[d] = -INFINITY;
  for (int64_t i = 0; i < 3 * nt; i++)
    for (int d = 0; d < 3; d++) {
      float x = m->vertex[3 * (m->triangle[i] - 1) + d];
      if (x < w->lo[d]) w->lo[d] = x;
      if (x > w->hi[d]) w->hi[d] = x;
    }
  for (int64_t t = 0; t < nt; t++) {
    double mid[3];
    for (int d = 0; d < 3; d++) mid[d] = ((double)at(m, t, 0)[d] + at(m, t, 1)[d] + at(m, t, 2)[d]) / 3;
    key[t] = curve(w, mid);
    w->order[t] = t;
  }
  radix(key, w->order, nt);
  ow_free(key);
  return true;
}

static void build(tree *w, int64_t node, int64_t first, int64_t count) {
  float *b = w->box[node];
  if (count == 1) {
    for (int d = 0; d < 3; d++) b[d] = INFINITY, b[d + 3] = -INFINITY;
    int64_t end = (first + 1) * LEAF < w->m->nt ? (first + 1) * LEAF : w->m->nt;
    for (int64_t i = first * LEAF; i < end; i++)
      for (int k = 0; k < 3; k++)
        for (int d = 0; d < 3; d++) {
          float x = at(w->m, w->order[i], k)[d];
          if (x < b[d]) b[d] = x;
          if (x > b[d + 3]) b[d + 3] = x;
        }
    return;
  }
  int64_t left = (count + 1) / 2, l = node + 1, r = node + 2 * left;
  build(w, l, first, left);
  build(w, r, first + left, count - left);
  for (int d = 0; d < 3; d++) {
    b[d] = fminf(w->box[l][d], w->box[r][d]);
    b[d + 3] = fmaxf(w->box[l][d + 3], w->box[r][d + 3]);
  }
}

// Squared distance of p from triangle t; which: 0 the face, 1..3 edge k - 1, 4..6 corner k - 4;
// v: from the closest point to p.
static double closest(const flat *f, const double p[3], int *which, double v[3]) {
  const double *a = f->a, *ab = f->ab, *ac = f->ac;
  double ap[3], q[3];
  for (int d = 0; d < 3; d++) ap[d] = p[d] - a[d];
  double d1 = dot(ab, ap), d2 = dot(ac, ap), s = 0, u = 0;
  double bb = dot(ab, ab), cc = dot(ac, ac), bc = dot(ab, ac);
  double d3 = d1 - bb, d4 = d2 - bc, d5 = d1 - bc, d6 = d2 - cc;
  double vc = d1 * d4 - d3 * d2, vb = d5 * d2 - d1 * d6, va = d3 * d6 - d5 * d4;
  if (d1 <= 0 && d2 <= 0) *which = 4;
  else if (d3 >= 0 && d4 <= d3) *which = 5, s = 1;
  else if (d6 >= 0 && d5 <= d6) *which = 6, u = 1;
  else if (vc <= 0 && d1 >= 0 && d3 <= 0) *which = 1, s = d1 / (d1 - d3);
  else if (vb <= 0 && d2 >= 0 && d6 <= 0) *which = 3, u = d2 / (d2 - d6);
  else if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) *which = 2, u = (d4 - d3) / ((d4 - d3) + (d5 - d6)), s = 1 - u;
  else *which = 0, s = vb / (va + vb + vc), u = vc / (va + vb + vc);
  for (int d = 0; d < 3; d++) q[d] = a[d] + s * ab[d] + u * ac[d], v[d] = p[d] - q[d];
  return dot(v, v);
}

typedef struct { double d2; int64_t tri, i; int which; double v[3]; } best;  // tri -1: none; i: its number along the curve

// Triangle number i along the curve.
static void consider(const tree *w, int64_t i, const double p[3], best *b) {
  const flat *f = &w->flat[i];
  double v[3] = {p[0] - f->a[0], p[1] - f->a[1], p[2] - f->a[2]}, high = dot(v, f->n);
  if (high * high * (1 - 1e-9) > b->d2) return;
  int which;
  double d2 = closest(f, p, &which, v);
  int64_t t = w->order[i];
  if (d2 < b->d2 || (d2 == b->d2 && (b->tri < 0 || t < b->tri))) {
    b->d2 = d2, b->tri = t, b->i = i, b->which = which;
    memcpy(b->v, v, sizeof v);
  }
}

static double box_distance(const float *b, const double p[3]) {
  double sum = 0;
  for (int d = 0; d < 3; d++) {
    double x = p[d] < b[d] ? b[d] - p[d] : p[d] > b[d + 3] ? p[d] - b[d + 3] : 0;
    sum += x * x;
  }
  return sum;
}

static void search(const tree *w, const double p[3], best *b) {
  struct { int64_t node, first, count; double d2; } stack[64];
  int n = 0;
  stack[n++] = (typeof(stack[0])){0, 0, w->leaves, box_distance(w->box[0], p)};
  while (n) {
    typeof(stack[0]) s = stack[--n];
    if (s.d2 > b->d2) continue;
    if (s.count == 1) {
      int64_t end = (s.first + 1) * LEAF < w->m->nt ? (s.first + 1) * LEAF : w->m->nt;
      for (int64_t i = s.first * LEAF; i < end; i++) consider(w, i, p, b);
      continue;
    }
    int64_t left = (s.count + 1) / 2, l = s.node + 1, r = s.node + 2 * left;
    double dl = box_distance(w->box[l], p), dr = box_distance(w->box[r], p);
    typeof(stack[0]) a = {l, s.first, left, dl}, c = {r, s.first + left, s.count - left, dr};
    stack[n++] = dl < dr ? c : a;
    stack[n++] = dl < dr ? a : c;
  }
}

static void answer(const tree *w, const best *b, float *d, int64_t *near) {
  if (b->tri < 0) {
    *d = NAN, *near = 0;
    return;
  }
  const ow_mesh *m = w->m;
  double n[3] = {0};
  bool border = false;
  int k = b->which;
  int64_t other = k >= 1 && k <= 3 ? w->across[3 * b->tri + k - 1] : -1;
  for (int i = 0; i < 3; i++) n[i] = w->face[b->tri][i];
  if (k >= 4) {
    int64_t v = m->triangle[3 * b->tri + k - 4] - 1;
    memcpy(n, w->corner[v], sizeof n);
    border = w->rim[v];
  } else if (k >= 1) {
    border = other < 0;
    for (int i = 0; i < 3 && other >= 0; i++) n[i] += w->face[other][i];
  }
  *d = (float)(dot(b->v, n) > 0 ? -sqrt(b->d2) : sqrt(b->d2));
  *near = border ? -(b->tri + 1) : b->tri + 1;
}

static void tree_free(tree *w) {
  ow_free(w->order);
  ow_free(w->flat);
  ow_free(w->box);
  ow_free(w->face);
  ow_free(w->corner);
  ow_free(w->across);
  ow_free(w->rim);
}

static bool tree_make(tree *w, const ow_mesh *m, ow_err *e) {
  ow_mesh_info info;
  *w = (tree){.m = m, .leaves = (m->nt + LEAF - 1) / LEAF};
  if (!m->nt) return OW_FAIL(e, OW_EARG, "the mesh has no triangles: nothing to measure distances from");
  bool ok = (w->order = ow_alloc_array((size_t)m->nt * 2, sizeof *w->order, e)) && (w->flat = ow_alloc_array((size_t)m->nt, sizeof *w->flat, e)) && (w->box = ow_alloc_array((size_t)w->leaves * 2, sizeof *w->box, e)) &&
            (w->face = ow_alloc_array((size_t)m->nt, sizeof *w->face, e)) && (w->corner = ow_alloc_array((size_t)m->nv, sizeof *w->corner, e)) &&
            (w->across = ow_alloc_array((size_t)m->nt * 3, sizeof *w->across, e)) && (w->rim = ow_alloc((size_t)m->nv, e)) &&
            ow_mesh_measure(m, &info, w->across, NULL, e) && sort_curve(w, e);
  if (!ok) {
    tree_free(w);
    return false;
  }
  normals(w);
  for (int64_t i = 0; i < m->nt; i++) {
    int64_t t = w->order[i];
    flat *f = &w->flat[i];
    for (int d = 0; d < 3; d++) f->a[d] = at(m, t, 0)[d], f->ab[d] = at(m, t, 1)[d] - f->a[d], f->ac[d] = at(m, t, 2)[d] - f->a[d], f->n[d] = w->face[t][d];
  }
  build(w, 0, 0, w->leaves);
  return true;
}

static void ask(const tree *w, const float *x, double reach, bool reference, int64_t *last, float *d, int64_t *near) {
  double p[3] = {x[0], x[1], x[2]};
  best b = {.d2 = reach * reach, .tri = -1, .i = -1};
  if (isfinite(p[0]) && isfinite(p[1]) && isfinite(p[2])) {
    if (reference) {
      for (int64_t i = 0; i < w->m->nt; i++) consider(w, i, p, &b);
    } else {
      if (*last >= 0) consider(w, *last, p, &b);
      search(w, p, &b);
      if (b.i >= 0) *last = b.i;
    }
  }
  answer(w, &b, d, near);
}

static bool distance(const ow_mesh *m, const float *xyz, int64_t n, double reach, float *d, int64_t *near, bool reference, ow_err *e) {
  tree w;
  int threads = ow_threads();
  uint32_t *key = ow_alloc_array((size_t)threads * 2 * CHUNK, sizeof *key, e);
  int64_t *number = key ? ow_alloc_array((size_t)threads * 2 * CHUNK, sizeof *number, e) : NULL;
  bool ok = number && tree_make(&w, m, e);
  if (ok) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (n > CHUNK)
    for (int64_t c = 0; c < (n + CHUNK - 1) / CHUNK; c++) {
      int64_t first = c * CHUNK, count = n - first < CHUNK ? n - first : CHUNK, last = -1;
      uint32_t *k = key + (size_t)omp_get_thread_num() * 2 * CHUNK;
      int64_t *num = number + (size_t)omp_get_thread_num() * 2 * CHUNK;
      for (int64_t i = 0; i < count; i++) {
        const float *x = xyz + 3 * (first + i);
        k[i] = curve(&w, (double[3]){x[0], x[1], x[2]});
        num[i] = first + i;
      }
      radix(k, num, count);
      for (int64_t i = 0; i < count; i++) {
        if (i % 256 == 0 && ow_interrupted()) break;
        ask(&w, xyz + 3 * num[i], reach, reference, &last, &d[num[i]], &near[num[i]]);
      }
    }
    tree_free(&w);
    if (ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  }
  ow_free(number);
  ow_free(key);
  return ok;
}

bool ow_mesh_distance(const ow_mesh *m, const float *xyz, int64_t n, double reach, float *d, int64_t *near, ow_err *e) {
  return distance(m, xyz, n, reach, d, near, false, e);
}

bool ow_mesh_distance_reference(const ow_mesh *m, const float *xyz, int64_t n, double reach, float *d, int64_t *near, ow_err *e) {
  return distance(m, xyz, n, reach, d, near, true, e);
}
