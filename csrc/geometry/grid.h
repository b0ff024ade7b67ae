// Points sorted into the cells of a rectangular grid, and what is found by looking at the cells
// around: friends-of-friends and density clusters, the nearest member of a set, histograms of
// pair distances and displacements.
//
// Cells are numbered with x fastest, so the cells ix - m .. ix + m of one row are one run of
// sorted points. Within a cell points keep their order. Distances are computed in f32 as in
// cells.h, d2 = (dx dx + dy dy) + dz dz, each step rounded once, and compared with (float)r squared:
// clusters and counts are the same at any thread count and instruction set.
#ifndef OW_GEOMETRY_GRID_H
#define OW_GEOMETRY_GRID_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "simd/isa.h"

typedef struct {
  int64_t n, dims[3];
  double lo[3], edge[3];
  int64_t *start;   // cells + 1
  int32_t *order;   // sorted place -> row
  float *x[3];      // sorted; 64 more floats behind each
} ow_grid;

// Sorts the rows of x (n x 3) for which keep is not 0 (NULL: all). Cells have at least the
// given edges; they are made larger where the box would need many more cells than points.
// Refuses coordinates that are not finite, naming the row.
bool ow_grid_new(ow_grid *g, const float *x, int64_t n, const uint8_t *keep, const double edge[3], ow_err *e);
void ow_grid_free(ow_grid *g);  // zeroed is fine
static inline int64_t ow_grid_axis(const ow_grid *g, int d, float x) {
  double u = ((double)x - g->lo[d]) / g->edge[d];
  int64_t i = u > 0 ? (u < 1e15 ? (int64_t)u : INT64_MAX) : u < 0 ? -1 : 0;
  return i;
}

// Clusters of points linked by distances up to `radius`: a point with at least min_points within
// the radius, itself included, is core; core points within the radius of each other are of one
// cluster; another point within the radius of a core point is a border point of the cluster with
// the lowest label among those (border false: of none). label: 1.. in the order of the
// clusters' first core rows, 0: none. core: 1 or 0 (may be NULL).
// min_points 2 without border: friends of friends (single linkage cut at the radius), each
// single point without a label; else DBSCAN (Ester et al., KDD-96), the border as there.
bool ow_link(const float *x, int64_t n, const uint8_t *keep, double radius, int64_t min_points, bool border,
             int64_t *label, uint8_t *core, int64_t *clusters, ow_err *e);

// Row of the nearest member (by distance, then row) within the radius of each query, -1: none.
bool ow_nearest_member(const float *x, int64_t n, const uint8_t *member, const uint8_t *query, double radius, int64_t *row,
                       ow_err *e);

// ---- histograms of pairs -----------------------------------------------------------------------
typedef struct {
  bool radial;        // bins[0] of distances 0 <= d < reach[0]; else of displacements
  double reach[3];    // |d_i| < reach[i], displacement of the neighbour from the centre
  double lateral;     // only pairs with d_x^2 + d_y^2 <= lateral^2 (INFINITY: all)
  int64_t bins[3];    // bin (b_x bins_y + b_y) bins_z + b_z
} ow_window;

// count [kinds][bins]: pairs of a centre (centre[i] not 0) and another point, by the
// neighbour's kind 0 .. kinds - 1 (a kind beyond: in no row).
bool ow_pairs_by_kind(const float *x, int64_t n, const uint8_t *centre, const uint8_t *kind, int kinds, const ow_window *w,
                      int64_t *count, ow_err *e);
// count [64][bins]: pairs i, j with bit b of from[i] & to[j] set. One walk through the pairs
// counts 64 labellings at once, by adders on bit planes.
bool ow_pairs_by_bit(const float *x, int64_t n, const uint64_t *from, const uint64_t *to, const ow_window *w, int64_t *count,
                     ow_err *e);

// from, to: bit 0 as in `code` (1: of from, 2: of to, 3: both), bits 1 .. 63 from random
// permutations number first + 1 .. first + 63 of it (Fisher and Yates).
bool ow_relabel(const uint8_t *code, int64_t n, uint64_t seed, uint64_t first, uint64_t *from, uint64_t *to, ow_err *e);

// ---- per instruction set -----------------------------------------------------------------------
typedef struct {
  // Bin of point a + k (k < n <= 64) as seen from p, or -1.
  void (*radial)(const ow_grid *g, int64_t a, int n, const float p[3], float reach2, float scale, int32_t *bin);
  void (*displacement)(const ow_grid *g, int64_t a, int n, const float p[3], const ow_window *w, int32_t *bin);
  // Mask of the points a + k (k < n <= 64) with d2 <= r2.
  uint64_t (*within)(const ow_grid *g, int64_t a, int n, const float p[3], float r2);
} ow_grid_kernels;
OW_SIMD_TABLE(ow_grid_kernels, ow_grid_table)

#endif
