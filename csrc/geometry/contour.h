// Contour lines of a scalar field on a rectangular grid.
#ifndef OW_GEOMETRY_CONTOUR_H
#define OW_GEOMETRY_CONTOUR_H
#include <stdint.h>

#include "base/err.h"

typedef struct {
  double *xy;      // ow_alloc'ed pairs; a pair of NaN ends each line; closed lines repeat their start
  int64_t points;  // pairs, the NaN ones included
  int64_t lines;
} ow_contour;

// z: h x w row-major, z[i][j] at (x[j], y[i]); cells with a NaN corner are left out.
bool ow_contour_lines(ow_contour *c, const double *z, int64_t h, int64_t w, const double *x, const double *y,
                      double level, ow_err *e);

#endif
