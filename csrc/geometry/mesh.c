// Edges are found by collecting, for each vertex, the edges to vertices of higher number; area
// and enclosed volume (divergence theorem, one tetrahedron per triangle, from the first vertex
// to keep the terms small) are summed in double precision in the order of the triangles.
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "geometry/isosurface.h"

bool ow_mesh_check(const ow_mesh *m, ow_err *e) {
  for (int64_t i = 0; i < 3 * m->nt; i++)
    if (m->triangle[i] < 1 || m->triangle[i] > m->nv)
      return OW_FAIL(e, OW_EARG, "triangle %lld: vertex %lld of %lld", (long long)(i / 3 + 1), (long long)m->triangle[i], (long long)m->nv);
  for (int64_t i = 0; i < 3 * m->nv; i++)
    if (!isfinite(m->vertex[i])) return OW_FAIL(e, OW_EARG, "vertex %lld is not finite", (long long)(i / 3 + 1));
  return true;
}

static int64_t root(int64_t *up, int64_t i) {
  while (up[i] != i) i = up[i] = up[up[i]];
  return i;
}

typedef struct { int64_t to, tri; } half;  // higher vertex, 3 * triangle + edge

// Halves of each vertex, sorted by `to`, from start[v] to start[v + 1].
static half *halves(const ow_mesh *m, int64_t *start, ow_err *e) {
  half *h = ow_alloc_array((size_t)(3 * m->nt), sizeof *h, e);
  if (!h) return NULL;
  memset(start, 0, (size_t)(m->nv + 2) * sizeof *start);
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t i = 0; i < 3 * m->nt; i++) {
      int64_t a = m->triangle[i] - 1, b = m->triangle[i % 3 == 2 ? i - 2 : i + 1] - 1, lo = a < b ? a : b;
      if (!pass) start[lo + 2]++;
      else h[start[lo + 1]++] = (half){a < b ? b : a, i};
    }
    if (!pass)
      for (int64_t v = 1; v <= m->nv; v++) start[v + 1] += start[v];
  }
  for (int64_t v = 0; v < m->nv; v++)
    for (int64_t i = start[v] + 1; i < start[v + 1]; i++) {  // a few: insertion keeps the order of triangles
      half x = h[i];
      int64_t k = i;
      for (; k > start[v] && h[k - 1].to > x.to; k--) h[k] = h[k - 1];
      h[k] = x;
    }
  return h;
}

bool ow_mesh_measure(const ow_mesh *m, ow_mesh_info *info, int64_t *other, int64_t *part, ow_err *e) {
  *info = (ow_mesh_info){0};
  if (!ow_mesh_check(m, e)) return false;
  int64_t *start = ow_alloc_array((size_t)m->nv + 2, sizeof *start, e);
  half *h = start ? halves(m, start, e) : NULL;
  int64_t *up = h ? ow_alloc_array((size_t)m->nv + 1, sizeof *up, e) : NULL;
  if (!up) {
    ow_free(h);
    ow_free(start);
    return false;
  }
  for (int64_t v = 0; v < m->nv; v++) up[v] = v;
  for (int64_t i = 0; other && i < 3 * m->nt; i++) other[i] = -1;
  for (int64_t v = 0; v < m->nv; v++)
    for (int64_t i = start[v], k; i < start[v + 1]; i = k) {
      for (k = i + 1; k < start[v + 1] && h[k].to == h[i].to; k++) {}
      info->edges++;
      if (k == i + 1) info->border++;
      else if (k > i + 2) info->crowded++;
      else if (other) other[h[i].tri] = h[i + 1].tri / 3, other[h[i + 1].tri] = h[i].tri / 3;
      int64_t a = root(up, v), b = root(up, h[i].to);
      if (a != b) up[a > b ? a : b] = a < b ? a : b;
    }
  memset(start, 0, (size_t)(m->nv + 1) * sizeof *start);  // now: which part a root is, 0 not yet
  const float *o = m->nt ? m->vertex + 3 * (m->triangle[0] - 1) : NULL;
  for (int64_t t = 0; t < m->nt; t++) {
    const int64_t *c = m->triangle + 3 * t;
    double p[3][3];
    for (int k = 0; k < 3; k++)
      for (int d = 0; d < 3; d++) p[k][d] = (double)m->vertex[3 * (c[k] - 1) + d] - o[d];
    double u[3], w[3], n[3];
    for (int d = 0; d < 3; d++) u[d] = p[1][d] - p[0][d], w[d] = p[2][d] - p[0][d];
    for (int d = 0; d < 3; d++) n[d] = u[(d + 1) % 3] * w[(d + 2) % 3] - u[(d + 2) % 3] * w[(d + 1) % 3];
    info->area += 0.5 * sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    info->volume += (p[0][0] * n[0] + p[0][1] * n[1] + p[0][2] * n[2]) / 6;
    int64_t r = root(up, c[0] - 1);
    if (!start[r]) start[r] = ++info->parts;
    if (part) part[t] = start[r];
  }
  memset(start, 0, (size_t)(m->nv + 1) * sizeof *start);
  for (int64_t i = 0; i < 3 * m->nt; i++) start[m->triangle[i] - 1] = 1;
  for (int64_t v = 0; v < m->nv; v++) info->used += start[v];
  ow_free(up);
  ow_free(h);
  ow_free(start);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool ow_label_regions(const uint8_t *mask, const int64_t n[3], int64_t *label, int64_t *count, ow_err *e) {
  int64_t nx = n[0], ny = n[1], total = nx * ny * n[2], found = 0;
  for (int64_t k = 0; k < total; k++) {  // label holds the parent + 1 for now
    if (k % nx == 0 && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    label[k] = 0;
    if (!mask[k]) continue;
    label[k] = k + 1;
    const int64_t back[3] = {k % nx ? 1 : 0, k / nx % ny ? nx : 0, k >= nx * ny ? nx * ny : 0};
    for (int d = 0; d < 3; d++) {
      if (!back[d] || !mask[k - back[d]]) continue;
      int64_t a = k, b = k - back[d];
      while (label[a] != a + 1) a = label[a] - 1;
      while (label[b] != b + 1) label[b] = label[label[b] - 1], b = label[b] - 1;
      if (a < b) label[b] = a + 1;
      else label[a] = b + 1;
    }
  }
  for (int64_t k = 0; k < total; k++)  // a parent never stands behind its child: negative is final
    if (label[k]) label[k] = label[k] == k + 1 ? -++found : label[label[k] - 1];
  for (int64_t k = 0; k < total; k++) label[k] = -label[k];
  *count = found;
  return true;
}
