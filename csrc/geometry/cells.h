// Points in space, sorted into a balanced k-d tree whose leaves hold 16 points each, and the
// exact searches over it: k nearest neighbours, all within a radius, counts.
//
// Box: none, or three vectors of which each may be periodic. In a periodic box the searches see
// the infinite crystal: every image of a point is a neighbour of its own (it carries the same
// id), so a radius beyond half the box and k beyond the number of points are right.
//
// Distances are computed in the points' dtype T: positions are wrapped into the box (in f64,
// rounded to T); for query q, point p and the lattice translation s rounded to T
//   d2 = (dx dx + dy dy) + dz dz,  d = (q - s) - p,  each step rounded once.
// Neighbours are ordered by (d2, id); `within` keeps d2 <= T(r) T(r). Ids and distances are the
// same bits at any instruction set and thread count.
#ifndef OW_GEOMETRY_CELLS_H
#define OW_GEOMETRY_CELLS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/err.h"
#include "simd/isa.h"

#define OW_LEAF 16

typedef struct { float x[3][OW_LEAF]; int32_t id[OW_LEAF]; } ow_leaf_f32;   // id: 0-based row;
typedef struct { double x[3][OW_LEAF]; int32_t id[OW_LEAF]; } ow_leaf_f64;  // unused lanes NaN, -1
typedef struct { float lo[3], hi[3]; } ow_node_f32;
typedef struct { double lo[3], hi[3]; } ow_node_f64;

typedef struct {
  bool periodic[3], any;
  double m[3][3];   // rows: box vectors
  double g[3][3];   // fractional coordinate i = g[i] . x
  double gnorm[3];  // |g[i]|: two points d apart differ by at most d |g[i]| in coordinate i
  double diagonal;  // sum of the vectors' lengths
  double volume;
} ow_box;
// m: 3 x 3 row vectors. False when they do not span a volume.
bool ow_box_set(ow_box *b, const double *m, const bool *periodic, ow_err *e);

typedef struct ow_cells {
  ow_dtype dtype;        // OW_F32 or OW_F64
  int64_t n;
  int32_t leaves;
  void *leaf;            // leaves of the dtype; full but for the last
  void *node;            // 2 leaves - 1 bounding boxes, preorder: a node over c leaves has its
                         // left child (c + 1) / 2 leaves behind it, the right one after that
  ow_box box;
  double flo[3], fhi[3]; // range of fractional coordinates
  double pad;            // bound on rounding of wrapped and shifted positions
  struct ow_cells_there *there;  // the copy on a device, once one has searched (knn_cl.c)
} ow_cells;

// x: n x 3 of dtype. Refuses coordinates that are not finite, naming the row of `what`.
ow_cells *ow_cells_new(const void *x, int64_t n, ow_dtype dtype, const ow_box *box, const char *what, ow_err *e);
void ow_cells_free(ow_cells *c);  // NULL is fine
void ow_cells_there_free(ow_cells *c);
int64_t ow_cells_bytes(const ow_cells *c);

typedef struct {
  const ow_cells *points, *queries;  // the same object: the points themselves are asked
  const int64_t *exclude;            // per query the 0-based row of a point to leave out, or -1; NULL
  bool leave_self;                   // queries == points: leave the point itself out (not its images)
  const int64_t *label;              // per point, increasing: what is written as its id; NULL: row + 1
} ow_search;

// Whether these can be searched for k nearest, or (k 0) within a radius.
bool ow_search_check(const ow_search *s, int64_t k, double radius, ow_err *e);
// id, distance: (queries) x k, row-major, distance in the points' dtype.
bool ow_knn(const ow_search *s, int64_t k, int64_t *id, void *distance, ow_err *e);
// Number of neighbours with d2 <= r r of each query.
bool ow_within_count(const ow_search *s, double radius, int64_t *count, ow_err *e);
// The neighbours themselves; row i fills offset[i] .. offset[i+1] - 1 (offset from the counts).
bool ow_within(const ow_search *s, double radius, const int64_t *offset, int64_t *id, void *distance, ow_err *e);
// The plain scalar double loop over queries and points. k > 0: nearest; else within, as above.
bool ow_neighbours_reference(const ow_search *s, int64_t k, double radius, int64_t *count, const int64_t *offset,
                             int64_t *id, void *distance, ow_err *e);

// Lattice translations that can bring a point within `radius` of the box lo..hi (Cartesian).
void ow_image_range(const ow_cells *c, const double lo[3], const double hi[3], double radius, int64_t first[3],
                    int64_t last[3]);

// 1-based rows ordered by bins of u = g . x (wrap: modulo 1): bin b holds order[start[b] ..
// start[b+1] - 1], rows increasing, with bound[b] <= u < bound[b+1] (open ends infinite).
bool ow_slab_order(const void *x, int64_t n, ow_dtype dtype, const double g[3], bool wrap, int64_t bins, int32_t *order,
                   int64_t *start, double *bound, ow_err *e);

// ---- per instruction set -----------------------------------------------------------------------
typedef struct ow_knn_scratch ow_knn_scratch;
typedef struct {
  const ow_search *s;
  int64_t k;                  // 0: within
  double radius;
  int64_t *count;             // within: filled when id is NULL
  const int64_t *offset;
  int64_t *id;
  void *distance;
  int64_t longest;            // within: longest row
} ow_knn_job;
typedef struct {
  // Query leaves first .. last - 1. False with e filled on failure or interrupt.
  bool (*run_f32)(const ow_knn_job *j, int32_t first, int32_t last, ow_err *e);
  bool (*run_f64)(const ow_knn_job *j, int32_t first, int32_t last, ow_err *e);
} ow_knn_kernels;
OW_SIMD_TABLE(ow_knn_kernels, ow_knn_table)

#endif
