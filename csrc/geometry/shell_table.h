// Neighbours of the sites of a crystal, shell by shell, as a table of fixed width.
#ifndef OW_GEOMETRY_SHELL_TABLE_H
#define OW_GEOMETRY_SHELL_TABLE_H
#include "geometry/pair_list.h"

typedef struct {
  int64_t n;
  int shells;
  const int32_t *start;  // [shells + 1] first column of each shell
  const int32_t *other;  // [n][start[shells]] 1-based site, 0: none (surface)
} ow_shell_table;

// Shell s holds distances edge[s] <= r < edge[s + 1]. First the widths: start [shells + 1].
void ow_shell_widths(const ow_pair_list *l, const double cell[9], const double *x, int shells, const double *edge, int32_t *start);
// Then the columns; in a shell they are ordered by direction (x, then y, then z, equal within
// `same`), so that equivalent sites have the same direction in the same column. vector may be
// NULL, else [n][width][3].
bool ow_shell_fill(const ow_pair_list *l, const double cell[9], const double *x, int shells, const double *edge, const int32_t *start,
                   double same, int32_t *other, double *vector, ow_err *e);
// How often an atom of type a (0-based) has one of type b in shell s, over all atoms: count
// [shells][k][k]. Every pair counts from both ends, an image of the atom itself too.
void ow_shell_count(const ow_shell_table *t, const int32_t *type, int k, int64_t *count);

#endif
