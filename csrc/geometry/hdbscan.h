// Density clustering over all distances at once (Campello, Moulavi, Zimek and Sander, ACM TKDD 10,
// 5, 2015): core distance d_k(p) of a point to its k-th neighbour (itself the first), mutual
// reachability m(p, q) = max(d_k(p), d_k(q), |p - q|), exact minimum spanning tree, condensed
// tree of clusters with at least min_size points, the clusters of greatest stability.
#ifndef OW_GEOMETRY_HDBSCAN_H
#define OW_GEOMETRY_HDBSCAN_H
#include "geometry/cells.h"

typedef struct { int32_t a, b; double w; } ow_edge;  // rows, a < b

// Minimum spanning tree of the mutual reachability of the points in an open tree of f64, by
// Boruvka's rounds; core[row]: core distances. n - 1 edges sorted by (w, a, b): with this order
// of the edges the tree is unique, so it does not depend on the number of threads.
bool ow_reach_tree(const ow_cells *c, const double *core, ow_edge *edge, ow_err *e);

typedef struct {
  int64_t n, min_size;
  bool single;           // the root may be a cluster
  int64_t *label;        // [n], 0: noise
  double *probability;   // [n], strength of membership
  int64_t clusters;
  double *stability;     // [clusters], of each: sum of (lambda - lambda at birth); to be freed
  double *birth;         // [clusters], lambda = 1 / distance at which it splits off
} ow_hdbscan;
bool ow_condense(const ow_edge *edge, ow_hdbscan *h, ow_err *e);
#endif
