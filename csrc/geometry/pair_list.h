// Pairs of points within a cutoff in a box of any shape, periodic along any of its axes; a point
// may pair with several images of another, or of itself, so that the box may be smaller than the
// cutoff.
#ifndef OW_GEOMETRY_PAIR_LIST_H
#define OW_GEOMETRY_PAIR_LIST_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct {
  int32_t other;
  int16_t shift[3];  // box vectors to add to the other point
} ow_pair_end;

typedef struct {
  int64_t n, pairs;     // every pair twice, once for each end
  int64_t *offset;      // [n + 1]
  ow_pair_end *end;     // [pairs], of one point sorted by (other, shift)
  int64_t *mirror;      // [pairs], the pair as its other end has it
} ow_pair_list;

// cell: rows are the box vectors; x: n x 3, need not lie inside the box.
bool ow_pair_list_build(ow_pair_list *l, const double cell[9], const bool periodic[3], const double *x, int64_t n, double cutoff,
                        ow_err *e);
void ow_pair_list_free(ow_pair_list *l);
// Volume of the box; its inverse (columns give fractional coordinates: s = x inv).
double ow_cell_inverse(const double cell[9], double inv[9]);

#endif
