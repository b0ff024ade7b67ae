// What lies around points, from lists of their neighbours (knn.c).
#ifndef OW_GEOMETRY_NEIGHBOURHOOD_H
#define OW_GEOMETRY_NEIGHBOURHOOD_H
#include "base/err.h"
#include "base/tensor.h"

enum { OW_NEIGHBOUR_COLUMNS = 32, OW_BOND_ORDER_MAX = 64, OW_BOND_NEIGHBOURS = 256 };

// out[i][s][v]: sum (or maximum) of column v over the first ks[s] neighbours of point i.
// ids [n][k] are 1-based rows of values [m][columns]; ks rises from 1 to k at most.
bool ow_neighbour_sums(const int64_t *ids, int64_t n, int64_t k, const float *values, int64_t m, int64_t columns,
                       const int64_t *ks, int64_t scales, bool maximum, float *out, ow_err *e);

// Bond-orientational order q_l of the bonds from point i to its neighbours, for each l of the list.
// xyz [m][3]; weights [m] of the neighbours or NULL; box {0, 0, 0}: open space.
bool ow_bond_order(const float *xyz, int64_t m, const int64_t *ids, int64_t n, int64_t k, const int64_t *centre,
                   const float *weights, const double box[3], const int64_t *ls, int64_t count, float *out, ow_err *e);

#endif
