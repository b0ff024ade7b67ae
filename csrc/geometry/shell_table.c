// The list of pairs has all pairs up to the last edge; each site sorts its own by insertion (some
// ten to hundred neighbours). Sites are independent, counts are whole numbers: the same bits at
// any thread count.
#include "geometry/shell_table.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

static int shell_of(double r2, int shells, const double *edge) {
  double r = sqrt(r2);
  if (r < edge[0] || r >= edge[shells]) return -1;
  int s = 0;
  while (r >= edge[s + 1]) s++;
  return s;
}

static double reach(const double cell[9], const double *x, int64_t i, const ow_pair_end *p, double d[3]) {
  double r2 = 0;
  for (int k = 0; k < 3; k++) {
    d[k] = x[3 * (int64_t)p->other + k] - x[3 * i + k] + p->shift[0] * cell[k] + p->shift[1] * cell[3 + k] + p->shift[2] * cell[6 + k];
    r2 += d[k] * d[k];
  }
  return r2;
}

enum { CHUNK = 256, MOST = 256 };

void ow_shell_widths(const ow_pair_list *l, const double cell[9], const double *x, int shells, const double *edge, int32_t *start) {
  int32_t widest[MOST] = {0};
#pragma omp parallel for schedule(static, CHUNK) num_threads(ow_threads()) reduction(max : widest)
  for (int64_t i = 0; i < l->n; i++) {
    int32_t width[MOST] = {0};
    for (int64_t p = l->offset[i]; p < l->offset[i + 1]; p++) {
      double d[3];
      int s = shell_of(reach(cell, x, i, l->end + p, d), shells, edge);
      if (s >= 0 && ++width[s] > widest[s]) widest[s] = width[s];
    }
  }
  start[0] = 0;
  for (int s = 0; s < shells; s++) start[s + 1] = start[s] + widest[s];
}

static bool before(const double *u, const double *v, double same) {
  for (int k = 0; k < 3; k++)
    if (fabs(u[k] - v[k]) > same) return u[k] < v[k];
  return false;
}

bool ow_shell_fill(const ow_pair_list *l, const double cell[9], const double *x, int shells, const double *edge, const int32_t *start,
                   double same, int32_t *other, double *vector, ow_err *e) {
  int width = start[shells], threads = ow_threads();
  double *scratch = vector ? NULL : ow_alloc_array((size_t)threads * (size_t)width * 3, sizeof *scratch, e);
  if (!vector && !scratch) return false;
  memset(other, 0, (size_t)l->n * (size_t)width * sizeof *other);
#pragma omp parallel for schedule(static, CHUNK) num_threads(threads)
  for (int64_t i = 0; i < l->n; i++) {
    if (ow_interrupted()) continue;
    double *v = vector ? vector + i * width * 3 : scratch + (size_t)omp_get_thread_num() * (size_t)width * 3;
    int32_t *o = other + i * width;
    memset(v, 0, (size_t)width * 3 * sizeof *v);
    for (int64_t p = l->offset[i]; p < l->offset[i + 1]; p++) {
      double d[3];
      int s = shell_of(reach(cell, x, i, l->end + p, d), shells, edge);
      if (s < 0) continue;
      int k = start[s];
      while (o[k]) k++;
      for (; k > start[s] && before(d, v + 3 * (k - 1), same); k--) {
        o[k] = o[k - 1];
        memcpy(v + 3 * k, v + 3 * (k - 1), sizeof d);
      }
      o[k] = l->end[p].other + 1;
      memcpy(v + 3 * k, d, sizeof d);
    }
  }
  ow_free(scratch);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

void ow_shell_count(const ow_shell_table *t, const int32_t *type, int k, int64_t *count) {
  int width = t->start[t->shells];
  memset(count, 0, (size_t)t->shells * (size_t)k * (size_t)k * sizeof *count);
  for (int s = 0; s < t->shells; s++)
    for (int64_t i = 0; i < t->n; i++)
      for (int c = t->start[s]; c < t->start[s + 1]; c++) {
        int32_t j = t->other[i * width + c];
        if (j) count[(s * k + type[i]) * k + type[j - 1]]++;
      }
}
