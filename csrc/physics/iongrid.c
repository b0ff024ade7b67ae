// Each thread fills a grid of its own, the grids are added up afterwards: integers, so any
// split gives the same sums. Ions of one layer write to a part of the grid that fits the cache;
// measured ones come layer after layer, others are sorted by species and layer first.
#include "physics/iongrid.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

static ow_iongrid_frame make_frame(const ow_iongrid *g) {
  ow_iongrid_frame f = {.nx = g->n[0], .ny = g->n[1], .nz = g->n[2], .kinds = g->species};
  f.voxels = f.nx * f.ny * f.nz;
  for (int d = 0; d < 3; d++) {
    f.origin[d] = (float)g->origin[d];
    f.scale[d] = (float)(1 / g->voxel[d]);
    f.top[d] = (float)(g->n[d] - (d == 0 ? 2 : 1));  // rows are written four wide: one voxel more along x
  }
  return f;
}

enum { BLOCK = 65536, SORTED = 1 << 20 };

// Layer of an ion, 0 when it lies in none.
static int64_t layer(const ow_iongrid_frame *f, const float *xyz) {
  float t = (xyz[2] - f->origin[2]) * f->scale[2];
  return t >= 1 && t < f->top[2] ? (int64_t)t : 0;
}

// Do most ions jump to another layer from their predecessor?
static bool jumps(const ow_iongrid_frame *f, const float *xyz, int64_t n) {
  int64_t far = 0, step = n / 1024 + 1, seen = 0;
  for (int64_t i = 1; i < n; i += step, seen++) {
    int64_t d = layer(f, xyz + 3 * i) - layer(f, xyz + 3 * i - 3);
    far += d > 2 || d < -2;
  }
  return 2 * far > seen;
}

typedef struct { float *xyz; int64_t *species, *first; } scratch;  // first: [kinds nz + 2]

static void sort_layers(const ow_iongrid_frame *f, const float *xyz, const int64_t *species, int64_t n, const scratch *to) {
  int64_t buckets = (int64_t)f->kinds * f->nz + 1;
  memset(to->first, 0, (size_t)(buckets + 1) * sizeof *to->first);
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t i = 0; i < n; i++) {
      uint64_t s = (uint64_t)species[i] - 1;
      int64_t b = s < (uint64_t)f->kinds ? 1 + (int64_t)s * f->nz + layer(f, xyz + 3 * i) : 0;
      if (!pass) to->first[b + 1]++;
      else {
        int64_t k = to->first[b]++;
        memcpy(to->xyz + 3 * k, xyz + 3 * i, 3 * sizeof *xyz);
        to->species[k] = species[i];
      }
    }
    for (int64_t b = 1; !pass && b <= buckets; b++) to->first[b] += to->first[b - 1];
  }
}

// Ions first .. last - 1 into the grid; tmp: NULL when there was no memory for sorting.
static void add_part(const ow_iongrid_frame *f, const float *xyz, const int64_t *species, int64_t first, int64_t last,
                     int64_t *grid, const scratch *tmp, ow_iongrid_count *count) {
  const ow_iongrid_kernels *kernels = ow_iongrid_table();
  for (int64_t i = first, k; i < last && !ow_interrupted(); i += k) {
    k = last - i < SORTED ? last - i : SORTED;
    const float *x = xyz + 3 * i;
    const int64_t *s = species + i;
    if (tmp->xyz && k > f->nz && jumps(f, x, k)) {
      sort_layers(f, x, s, k, tmp);
      x = tmp->xyz, s = tmp->species;
    }
    for (int64_t j = 0; j < k && !ow_interrupted(); j += BLOCK)
      kernels->deposit(f, x + 3 * j, s + j, k - j < BLOCK ? k - j : BLOCK, grid, count);
  }
}

bool ow_iongrid_add(const ow_iongrid *g, const float *xyz, const int64_t *species, int64_t n, int64_t *grid,
                    ow_iongrid_count *count, ow_err *e) {
  ow_iongrid_frame f = make_frame(g);
  int64_t cells = f.voxels * f.kinds, most = n / (cells / 4 + 1) + 1;  // an own grid costs a few ns a voxel
  int threads = ow_threads();
  if (threads > most) threads = (int)most;
  while (threads > 1 && (double)cells * 8 * (threads - 1) > 2e9) threads--;
  int64_t *own = threads > 1 ? ow_alloc_array((size_t)cells * (size_t)(threads - 1), sizeof *own, e) : grid;
  ow_iongrid_count *part = own ? ow_alloc_zero((size_t)threads * sizeof *part, e) : NULL;
  if (!part) {
    if (own != grid) ow_free(own);
    return false;
  }
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; t++) {
    int64_t *to = t ? own + cells * (t - 1) : grid;
    if (t) memset(to, 0, (size_t)cells * sizeof *to);
    int64_t first = n / threads * t + (t < n % threads ? t : n % threads), last = first + n / threads + (t < n % threads);
    int64_t most_sorted = last - first < SORTED ? last - first : SORTED;
    ow_err ignored;
    scratch tmp = {.xyz = ow_alloc_array((size_t)most_sorted * 3, sizeof *tmp.xyz, &ignored),
                   .species = ow_alloc_array((size_t)most_sorted, sizeof *tmp.species, &ignored),
                   .first = ow_alloc_array((size_t)f.kinds * (size_t)f.nz + 2, sizeof *tmp.first, &ignored)};
    bool room = tmp.xyz && tmp.species && tmp.first;
    add_part(&f, xyz, species, first, last, to, room ? &tmp : &(scratch){0}, &part[t]);
    ow_free(tmp.xyz);
    ow_free(tmp.species);
    ow_free(tmp.first);
  }
  if (threads > 1 && !ow_interrupted()) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t k = 0; k < cells; k++)
      for (int t = 1; t < threads; t++) grid[k] += own[cells * (t - 1) + k];
  }
  for (int t = 0; t < threads; t++) {
    count->in += part[t].in, count->unknown += part[t].unknown;
    count->outside += part[t].outside, count->broken += part[t].broken;
  }
  ow_free(part);
  if (own != grid) ow_free(own);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

bool ow_iongrid_reference(const ow_iongrid *g, const float *xyz, const int64_t *species, int64_t n, double *grid,
                          ow_iongrid_count *count, ow_err *e) {
  for (int64_t i = 0; i < n; i++) {
    if (i % 65536 == 0 && ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    if (species[i] < 1 || species[i] > g->species) {
      count->unknown++;
      continue;
    }
    double w[3][3];
    int64_t at[3];
    bool finite = true, inside = true;
    for (int d = 0; d < 3; d++) {
      double t = (xyz[3 * i + d] - g->origin[d]) / g->voxel[d], k = floor(t), u = t - k - 0.5;
      finite = finite && isfinite(t);
      inside = inside && t >= 1 && t < (double)(g->n[d] - (d == 0 ? 2 : 1));
      at[d] = inside ? (int64_t)k : 0;
      w[d][0] = 0.5 * (0.5 - u) * (0.5 - u), w[d][1] = 0.75 - u * u, w[d][2] = 0.5 * (0.5 + u) * (0.5 + u);
    }
    if (!inside) {
      if (finite) count->outside++;
      else count->broken++;
      continue;
    }
    count->in++;
    for (int x = 0; x < 3; x++)
      for (int y = 0; y < 3; y++)
        for (int z = 0; z < 3; z++)
          grid[(((species[i] - 1) * g->n[2] + at[2] + z - 1) * g->n[1] + at[1] + y - 1) * g->n[0] + at[0] + x - 1] +=
              w[0][x] * w[1][y] * w[2][z];
  }
  return true;
}

void ow_iongrid_bounds(const float *xyz, const int64_t *species, int64_t n, int kinds, float lo[3], float hi[3], bool *any) {
  float x0 = INFINITY, y0 = INFINITY, z0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY, z1 = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    float x = xyz[3 * i], y = xyz[3 * i + 1], z = xyz[3 * i + 2];
    if ((uint64_t)species[i] - 1 >= (uint64_t)kinds || !isfinite(x) || !isfinite(y) || !isfinite(z)) continue;
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
    if (z < z0) z0 = z;
    if (z > z1) z1 = z;
  }
  lo[0] = x0, lo[1] = y0, lo[2] = z0, hi[0] = x1, hi[1] = y1, hi[2] = z1;
  *any = x0 <= x1;
}

// ---- smoothing -----------------------------------------------------------------------------------

static void smooth_contiguous(const float *in, float *out, int64_t m, const float *tap, int r, float *row) {
  memset(row, 0, (size_t)r * sizeof *row);
  memcpy(row + r, in, (size_t)m * sizeof *row);
  memset(row + r + m, 0, (size_t)r * sizeof *row);
  for (int64_t z = 0; z < m; z++) out[z] = 0;
  for (int k = 0; k <= 2 * r; k++) {
    const float t = tap[k], *from = row + k;
    for (int64_t z = 0; z < m; z++) out[z] += t * from[z];
  }
}

static void smooth_rows(const float *in, float *out, int64_t m, int64_t inner, int64_t at, int64_t width, const float *tap, int r) {
  for (int64_t j = 0; j < m; j++) {
    float *o = out + j * inner + at;
    for (int64_t z = 0; z < width; z++) o[z] = 0;
    for (int k = -r; k <= r; k++) {
      if (j + k < 0 || j + k >= m) continue;
      const float t = tap[k + r], *from = in + (j + k) * inner + at;
      for (int64_t z = 0; z < width; z++) o[z] += t * from[z];
    }
  }
}

bool ow_smooth_axis(const float *in, float *out, int64_t outer, int64_t m, int64_t inner, const float *tap, int r, ow_err *e) {
  int threads = ow_threads();
  if (inner == 1) {
    int64_t width = m + 2 * r;
    float *row = ow_alloc_array((size_t)width * (size_t)threads, sizeof *row, e);
    if (!row) return false;
#pragma omp parallel for num_threads(threads) schedule(static) if (outer * m > OW_GRAIN)
    for (int64_t o = 0; o < outer; o++)
      if (!ow_interrupted()) smooth_contiguous(in + o * m, out + o * m, m, tap, r, row + width * omp_get_thread_num());
    ow_free(row);
  } else {
    const int64_t width = 1024;
    int64_t blocks = (inner + width - 1) / width;
#pragma omp parallel for num_threads(threads) schedule(static) collapse(2) if (outer * m * inner > OW_GRAIN)
    for (int64_t o = 0; o < outer; o++)
      for (int64_t b = 0; b < blocks; b++)
        if (!ow_interrupted())
          smooth_rows(in + o * m * inner, out + o * m * inner, m, inner, b * width, inner - b * width < width ? inner - b * width : width, tap, r);
  }
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
