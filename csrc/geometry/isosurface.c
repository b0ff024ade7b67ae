// Two passes over blocks of planes. The first counts the crossings of each plane, which gives
// every vertex its number; the second writes vertices in place and collects the triangles of
// each block, which are then put one block behind the other.
#include "geometry/isosurface.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

enum { BLOCK = 8 };  // planes of one task

typedef struct {
  const float *f;
  int64_t nx, ny, nz, plane;
  double origin[3], spacing[3];
  float level;
  int64_t *first;   // [nz]: first vertex of plane z: its edges along x and y, then those along z
  int64_t *first_z; // [nz]
} job;

typedef struct {
  int64_t *tri;      // 0-based vertices, or -(1 + extra)
  float *extra;      // vertices in the middle of cubes
  int64_t nt, tcap, ne, ecap;
  bool gaps;
  ow_err err;
  bool failed;
} sink;

typedef struct {
  uint8_t *sign[2];
  int32_t *ix[2], *iy[2], *iz;  // of the lower and upper plane: number of the vertex on the edge from here
} planes;

static void signs(const job *j, int64_t z, uint8_t *s) {
  const float *f = j->f + z * j->plane, level = j->level;
  for (int64_t k = 0; k < j->plane; k++) s[k] = f[k] >= level;
}

static uint64_t eight(const uint8_t *s) {
  uint64_t v;
  memcpy(&v, s, 8);
  return v;
}

// Is nothing crossed between row a, row b and along both, from x to x + 8?
static bool calm(const uint8_t *a, const uint8_t *b, int64_t x, int64_t n) {
  if (x + 9 > n) return false;
  uint64_t v = eight(a + x);
  return v == eight(a + x + 1) && v == eight(b + x) && v == eight(b + x + 1) && (v == 0 || v == 0x0101010101010101ull);
}

static float blend(const job *j, float a, float b) {
  double t = ((double)j->level - a) / ((double)b - a);
  if (!(t > 1e-5)) t = 1e-5;  // no two corners of a triangle fall together; infinite ends
  return (float)(t < 1 - 1e-5 ? t : 1 - 1e-5);
}

static void place(const job *j, int64_t x, int64_t y, int64_t z, int axis, float out[3]) {
  const int64_t step[3] = {1, j->nx, j->plane};
  const float *f = j->f + (z * j->ny + y) * j->nx + x;
  double p[3] = {(double)x, (double)y, (double)z};
  p[axis] += blend(j, f[0], f[step[axis]]);
  for (int d = 0; d < 3; d++) out[d] = (float)(j->origin[d] + p[d] * j->spacing[d]);
}

// Numbers the crossings within plane z from `id` on; writes them where vertex is given.
static int64_t in_plane(const job *j, const uint8_t *s, int64_t z, int64_t id, int32_t *ix, int32_t *iy, float *vertex) {
  int64_t nx = j->nx, ny = j->ny;
  for (int64_t y = 0; y < ny; y++) {
    const uint8_t *a = s + y * nx, *b = y + 1 < ny ? a + nx : a;
    for (int64_t x = 0; x < nx; x++) {
      if (calm(a, b, x, nx)) {
        x += 7;
        continue;
      }
      if (x + 1 < nx && a[x] != a[x + 1]) {
        if (ix) ix[y * nx + x] = (int32_t)id;
        if (vertex) place(j, x, y, z, 0, vertex + 3 * id);
        id++;
      }
      if (a[x] != b[x]) {
        if (iy) iy[y * nx + x] = (int32_t)id;
        if (vertex) place(j, x, y, z, 1, vertex + 3 * id);
        id++;
      }
    }
  }
  return id;
}

static int64_t across(const job *j, const uint8_t *s, const uint8_t *t, int64_t z, int64_t id, int32_t *iz, float *vertex) {
  for (int64_t k = 0; k < j->plane; k++) {
    if (k + 8 <= j->plane && eight(s + k) == eight(t + k)) {
      k += 7;
      continue;
    }
    if (s[k] == t[k]) continue;
    if (iz) iz[k] = (int32_t)id;
    if (vertex) place(j, k % j->nx, k / j->nx, z, 2, vertex + 3 * id);
    id++;
  }
  return id;
}

static bool grow(void **p, int64_t *cap, int64_t need, size_t size, ow_err *e) {
  if (need <= *cap) return true;
  int64_t more = *cap * 2 > need ? *cap * 2 : need + 1024;
  void *q = ow_realloc(*p, (size_t)more * size, e);
  if (!q) return false;
  *p = q, *cap = more;
  return true;
}

static bool cube(const job *j, const planes *p, int code, int64_t x, int64_t y, int64_t z, sink *s) {
  const float *f = j->f + (z * j->ny + y) * j->nx + x;
  double v[8];
  for (int c = 0; c < 8; c++) {
    v[c] = (double)f[(c & 1) + (c >> 1 & 1) * j->nx + (c >> 2) * j->plane] - j->level;
    if (isnan(v[c])) {
      s->gaps = true;
      return true;
    }
  }
  uint8_t faces[6];
  int n = ow_iso_ambiguous(code, faces), joined = 0;
  for (int i = 0; i < n; i++) {
    const uint8_t *c = ow_iso_face(faces[i]);
    double one = v[c[0]] * v[c[2]], two = v[c[1]] * v[c[3]];
    joined |= (code >> c[0] & 1 ? one >= two : two >= one) << i;
  }
  const ow_iso_case *t = ow_iso_find(code, joined);
  if (!grow((void **)&s->tri, &s->tcap, 3 * (s->nt + t->ntri), sizeof *s->tri, &s->err)) return false;
  if (t->nmid && !grow((void **)&s->extra, &s->ecap, 3 * (s->ne + t->nmid), sizeof *s->extra, &s->err)) return false;
  int64_t id[16];
  for (int e = 0; e < 12; e++) {
    int c = ow_iso_corner(e);
    int64_t k = (y + (c >> 1 & 1)) * j->nx + x + (c & 1);
    id[e] = e < 4 ? p->ix[c >> 2][k] : e < 8 ? p->iy[c >> 2][k] : p->iz[k];
  }
  for (int m = 0; m < t->nmid; m++) {
    double sum[3] = {0};
    for (int i = 1; i <= t->mid[m][0]; i++) {  // placed anew: another task may own the vertex
      int edge = t->mid[m][i], c = ow_iso_corner(edge);
      float at[3];
      place(j, x + (c & 1), y + (c >> 1 & 1), z + (c >> 2), edge / 4, at);
      for (int d = 0; d < 3; d++) sum[d] += at[d];
    }
    for (int d = 0; d < 3; d++) s->extra[3 * s->ne + d] = (float)(sum[d] / t->mid[m][0]);
    id[12 + m] = -1 - s->ne++;
  }
  for (int i = 0; i < t->ntri; i++, s->nt++)
    for (int k = 0; k < 3; k++) s->tri[3 * s->nt + k] = id[t->tri[i][k]];
  return true;
}

static bool slab(const job *j, planes *p, int64_t z, float *vertex, sink *s) {
  int64_t nx = j->nx, ny = j->ny;
  across(j, p->sign[0], p->sign[1], z, j->first_z[z], p->iz, vertex);
  for (int64_t y = 0; y + 1 < ny; y++) {
    const uint8_t *a = p->sign[0] + y * nx, *b = a + nx, *c = p->sign[1] + y * nx, *d = c + nx;
    for (int64_t x = 0; x + 1 < nx; x++) {
      if (calm(a, b, x, nx) && calm(c, d, x, nx) && a[x] == c[x]) {
        x += 7;
        continue;
      }
      int code = a[x] | a[x + 1] << 1 | b[x] << 2 | b[x + 1] << 3 | c[x] << 4 | c[x + 1] << 5 | d[x] << 6 | d[x + 1] << 7;
      if (code != 0 && code != 255 && !cube(j, p, code, x, y, z, s)) return false;
    }
  }
  return true;
}

static void swap_planes(planes *p) {
  uint8_t *s = p->sign[0];
  int32_t *x = p->ix[0], *y = p->iy[0];
  p->sign[0] = p->sign[1], p->sign[1] = s;
  p->ix[0] = p->ix[1], p->ix[1] = x;
  p->iy[0] = p->iy[1], p->iy[1] = y;
}

static planes workspace(const job *j, char *at) {
  planes p;
  int64_t n = j->plane;
  int32_t *i = (int32_t *)at;
  p.ix[0] = i, p.ix[1] = i + n, p.iy[0] = i + 2 * n, p.iy[1] = i + 3 * n, p.iz = i + 4 * n;
  p.sign[0] = (uint8_t *)(i + 5 * n), p.sign[1] = p.sign[0] + n;
  return p;
}

static void count_block(const job *j, planes p, int64_t b) {
  int64_t z0 = b * BLOCK, z1 = z0 + BLOCK < j->nz ? z0 + BLOCK : j->nz;
  signs(j, z0, p.sign[0]);
  for (int64_t z = z0; z < z1 && !ow_interrupted(); z++) {
    j->first[z] = in_plane(j, p.sign[0], z, 0, NULL, NULL, NULL);
    j->first_z[z] = 0;
    if (z + 1 == j->nz) break;
    signs(j, z + 1, p.sign[1]);
    j->first_z[z] = across(j, p.sign[0], p.sign[1], z, 0, NULL, NULL);
    swap_planes(&p);
  }
}

static bool fill_block(const job *j, planes p, int64_t b, float *vertex, sink *s) {
  int64_t z0 = b * BLOCK, z1 = z0 + BLOCK < j->nz ? z0 + BLOCK : j->nz;
  signs(j, z0, p.sign[0]);
  in_plane(j, p.sign[0], z0, j->first[z0], p.ix[0], p.iy[0], vertex);
  for (int64_t z = z0; z < z1 && z + 1 < j->nz && !ow_interrupted(); z++) {
    signs(j, z + 1, p.sign[1]);
    in_plane(j, p.sign[1], z + 1, j->first[z + 1], p.ix[1], p.iy[1], z + 1 < z1 ? vertex : NULL);  // the next block writes its own
    if (!slab(j, &p, z, vertex, s)) return false;
    swap_planes(&p);
  }
  return true;
}

// Takes out vertices that no triangle uses (beside NaN).
static bool compact(ow_iso_mesh *m, ow_err *e) {
  int64_t *to = ow_alloc_zero((size_t)m->nv * sizeof *to, e), k = 0;
  if (!to) return false;
  for (int64_t i = 0; i < 3 * m->nt; i++) to[m->triangle[i] - 1] = 1;
  for (int64_t v = 0; v < m->nv; v++)
    if (to[v]) {
      memmove(m->vertex + 3 * k, m->vertex + 3 * v, 3 * sizeof *m->vertex);
      to[v] = ++k;
    }
  for (int64_t i = 0; i < 3 * m->nt; i++) m->triangle[i] = to[m->triangle[i] - 1];
  m->nv = k;
  ow_free(to);
  return true;
}

static bool join(ow_iso_mesh *m, int64_t nv, const sink *s, int64_t blocks, ow_err *e) {
  int64_t nt = 0, ne = 0;
  bool gaps = false;
  for (int64_t b = 0; b < blocks; b++) nt += s[b].nt, ne += s[b].ne, gaps = gaps || s[b].gaps;
  m->triangle = ow_alloc_array((size_t)(3 * nt), sizeof *m->triangle, e);
  if (!m->triangle) return false;
  if (ne) {
    float *v = ow_realloc(m->vertex, (size_t)(nv + ne) * 3 * sizeof *v, e);
    if (!v) return false;
    m->vertex = v;
  }
  m->nt = 0, m->nv = nv;
  for (int64_t b = 0; b < blocks; b++) {
    for (int64_t i = 0; i < 3 * s[b].nt; i++) {
      int64_t id = s[b].tri[i];
      m->triangle[3 * m->nt + i] = 1 + (id >= 0 ? id : m->nv - 1 - id);
    }
    if (s[b].ne) memcpy(m->vertex + 3 * m->nv, s[b].extra, (size_t)s[b].ne * 3 * sizeof *m->vertex);
    m->nt += s[b].nt, m->nv += s[b].ne;
  }
  return !gaps || compact(m, e);
}

void ow_iso_free(ow_iso_mesh *m) {
  ow_free(m->vertex);
  ow_free(m->triangle);
  *m = (ow_iso_mesh){0};
}

bool ow_isosurface(ow_iso_mesh *m, const float *f, const int64_t n[3], const double origin[3], const double spacing[3],
                   double level, ow_err *e) {
  *m = (ow_iso_mesh){0};
  if (n[0] < 2 || n[1] < 2 || n[2] < 2) return OW_FAIL(e, OW_ESHAPE, "an iso-surface needs at least 2 voxels along each axis");
  if (n[0] > INT32_MAX / 8 / n[1]) return OW_FAIL(e, OW_ESHAPE, "planes of %lld x %lld voxels are too large", (long long)n[0], (long long)n[1]);
  if (!ow_iso_prepare(e)) return false;
  job j = {.f = f, .nx = n[0], .ny = n[1], .nz = n[2], .plane = n[0] * n[1], .level = (float)level};
  for (int d = 0; d < 3; d++) j.origin[d] = origin[d], j.spacing[d] = spacing[d];
  int64_t blocks = (j.nz + BLOCK - 1) / BLOCK, nv = 0;
  int threads = ow_threads() < blocks ? ow_threads() : (int)blocks;
  size_t work = ((size_t)j.plane * 22 + 127) / 64 * 64;
  char *space = ow_alloc_array((size_t)threads, work, e);
  sink *s = space ? ow_alloc_zero((size_t)blocks * sizeof *s, e) : NULL;
  j.first = s ? ow_alloc_array((size_t)j.nz * 2, sizeof *j.first, e) : NULL;
  bool ok = j.first != NULL;
  if (ok) {
    j.first_z = j.first + j.nz;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t b = 0; b < blocks; b++)
      if (!ow_interrupted()) count_block(&j, workspace(&j, space + work * (size_t)omp_get_thread_num()), b);
    if (ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  }
  for (int64_t z = 0; ok && z < j.nz; z++) {
    int64_t a = j.first[z], b = j.first_z[z];
    j.first[z] = nv, j.first_z[z] = nv + a;
    nv += a + b;
  }
  if (ok && nv > INT32_MAX) ok = OW_FAIL(e, OW_EARG, "the surface has %lld vertices: more than 2^31; use larger voxels", (long long)nv);
  if (ok) ok = (m->vertex = ow_alloc_array((size_t)(3 * nv), sizeof *m->vertex, e)) != NULL;
  if (ok) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t b = 0; b < blocks; b++)
      if (!ow_interrupted()) s[b].failed = !fill_block(&j, workspace(&j, space + work * (size_t)omp_get_thread_num()), b, m->vertex, &s[b]);
    if (ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
  }
  for (int64_t b = 0; ok && b < blocks; b++)
    if (s[b].failed) *e = s[b].err, ok = false;
  ok = ok && join(m, nv, s, blocks, e);
  for (int64_t b = 0; s && b < blocks; b++) {
    ow_free(s[b].tri);
    ow_free(s[b].extra);
  }
  ow_free(s);
  ow_free(j.first);
  ow_free(space);
  if (!ok) ow_iso_free(m);
  return ok;
}
