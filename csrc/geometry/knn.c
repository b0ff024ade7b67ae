// Drivers of the neighbour searches: arguments, chunks of query groups over threads, and the
// plain double loop that the specs compare with. Rows are written by the group that owns them
// and do not depend on the chunk, so results are the same bits at any number of threads.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "geometry/cells.h"

enum { CHUNK = 32 };  // query leaves a thread takes at once

static bool run(const ow_knn_job *j, ow_err *e) {
  const ow_cells *q = j->s->queries;
  bool f32 = q->dtype == OW_F32, failed = false;
  bool (*f)(const ow_knn_job *, int32_t, int32_t, ow_err *) = f32 ? ow_knn_table()->run_f32 : ow_knn_table()->run_f64;
  int32_t chunks = (q->leaves + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(dynamic) num_threads(ow_threads()) if (chunks > 1)
  for (int32_t i = 0; i < chunks; i++) {
    bool stop;
#pragma omp atomic read
    stop = failed;
    if (stop) continue;
    ow_err mine;
    int32_t last = (i + 1) * CHUNK < q->leaves ? (i + 1) * CHUNK : q->leaves;
    if (!f(j, i * CHUNK, last, &mine)) {
#pragma omp critical(ow_knn_error)
      {
        if (!failed) *e = mine;
#pragma omp atomic write
        failed = true;
      }
    }
  }
  return !failed;
}

bool ow_search_check(const ow_search *s, int64_t k, double radius, ow_err *e) {
  const ow_cells *c = s->points;
  int64_t spare = s->leave_self || s->exclude ? 1 : 0;
  if (k > 0 && s->queries->n > 0) {
    if (c->n == 0) return OW_FAIL(e, OW_EARG, "points: there are none; expected at least one for k = %lld", (long long)k);
    if (!c->box.any && k > c->n - spare)
      return OW_FAIL(e, OW_EARG, "k: asked for %lld neighbours%s among %lld points without a periodic box", (long long)k,
                     spare ? " other than the point itself" : "", (long long)c->n);
    if (k > 1 << 20) return OW_FAIL(e, OW_EARG, "k: expected at most %d, got %lld", 1 << 20, (long long)k);
  }
  if (k == 0 && (isnan(radius) || radius < 0)) return OW_FAIL(e, OW_EARG, "radius: expected 0 or more, got %g", radius);
  if (k == 0 && c->box.any) {
    double images = 1;
    for (int i = 0; i < 3; i++)
      if (c->box.periodic[i]) images *= 2 * radius * c->box.gnorm[i] + 2;
    if (!(images < 1e7))
      return OW_FAIL(e, OW_EARG, "radius: %g reaches %.3g images of the box; expected at most 1e7", radius, images);
  }
  return true;
}

bool ow_knn(const ow_search *s, int64_t k, int64_t *id, void *distance, ow_err *e) {
  ow_knn_job j = {.s = s, .k = k, .id = id, .distance = distance};
  return ow_search_check(s, k, 0, e) && run(&j, e);
}

bool ow_within_count(const ow_search *s, double radius, int64_t *count, ow_err *e) {
  ow_knn_job j = {.s = s, .radius = radius, .count = count};
  return ow_search_check(s, 0, radius, e) && run(&j, e);
}

bool ow_within(const ow_search *s, double radius, const int64_t *offset, int64_t *id, void *distance, ow_err *e) {
  ow_knn_job j = {.s = s, .radius = radius, .offset = offset, .id = id, .distance = distance};
  for (int64_t i = 0; i < s->queries->n; i++)
    if (offset[i + 1] - offset[i] > j.longest) j.longest = offset[i + 1] - offset[i];
  return ow_search_check(s, 0, radius, e) && run(&j, e);
}

// ---- reference -----------------------------------------------------------------------------------

typedef struct { double d; int32_t id; } pair;

static int order(const void *a, const void *b) {
  const pair *x = a, *y = b;
  return x->d != y->d ? (x->d < y->d ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
}

static void coordinates(const ow_cells *c, int64_t i, double x[3], int32_t *id) {
  const ow_leaf_f32 *f = (const ow_leaf_f32 *)c->leaf + i / OW_LEAF;
  const ow_leaf_f64 *g = (const ow_leaf_f64 *)c->leaf + i / OW_LEAF;
  bool f32 = c->dtype == OW_F32;
  for (int a = 0; a < 3; a++) x[a] = f32 ? f->x[a][i % OW_LEAF] : g->x[a][i % OW_LEAF];
  *id = f32 ? f->id[i % OW_LEAF] : g->id[i % OW_LEAF];
}

static double squared(const ow_cells *c, const double *q, const double *p, const int64_t *turn) {
  double s[3];
  for (int a = 0; a < 3; a++)
    s[a] = (double)turn[0] * c->box.m[0][a] + (double)turn[1] * c->box.m[1][a] + (double)turn[2] * c->box.m[2][a];
  if (c->dtype == OW_F32) {
    float x = ((float)q[0] - (float)s[0]) - (float)p[0], y = ((float)q[1] - (float)s[1]) - (float)p[1];
    float z = ((float)q[2] - (float)s[2]) - (float)p[2];
    return (x * x + y * y) + z * z;
  }
  double x = (q[0] - s[0]) - p[0], y = (q[1] - s[1]) - p[1], z = (q[2] - s[2]) - p[2];
  return (x * x + y * y) + z * z;
}

// All images of all points within `radius` of one query (reach: its square in the dtype).
static bool gather(const ow_search *s, const double *q, int32_t leave, double radius, double reach, pair **list,
                   int64_t *n, int64_t *cap, ow_err *e) {
  const ow_cells *c = s->points;
  int64_t first[3] = {0}, last[3] = {0}, t[3];
  if (c->box.any) ow_image_range(c, q, q, radius, first, last);
  *n = 0;
  for (int64_t i = 0; i < c->n; i++) {
    double p[3];
    int32_t id;
    coordinates(c, i, p, &id);
    for (t[0] = first[0]; t[0] <= last[0]; t[0]++)
      for (t[1] = first[1]; t[1] <= last[1]; t[1]++)
        for (t[2] = first[2]; t[2] <= last[2]; t[2]++) {
          double d = squared(c, q, p, t);
          if (!(d <= reach) || (id == leave && !t[0] && !t[1] && !t[2])) continue;
          if (*n == *cap) {
            pair *more = ow_realloc(*list, (size_t)(2 * *cap + 64) * sizeof **list, e);
            if (!more) return false;
            *list = more, *cap = 2 * *cap + 64;
          }
          (*list)[(*n)++] = (pair){d, id};
        }
  }
  return true;
}

bool ow_neighbours_reference(const ow_search *s, int64_t k, double radius, int64_t *count, const int64_t *offset,
                             int64_t *id, void *distance, ow_err *e) {
  if (!ow_search_check(s, k, radius, e)) return false;
  const ow_cells *c = s->points;
  bool f32 = c->dtype == OW_F32;
  pair *list = NULL;
  int64_t n, cap = 0;
  for (int64_t i = 0; i < s->queries->n; i++) {
    if (ow_interrupted()) {
      ow_free(list);
      return OW_FAIL(e, OW_EINTR, "interrupted");
    }
    double q[3], r = radius;
    int32_t row, leave = -2;
    coordinates(s->queries, i, q, &row);
    if (s->leave_self) leave = row;
    else if (s->exclude) leave = (int32_t)s->exclude[row];
    if (k) r = c->box.any ? cbrt(c->box.volume * (double)(k + 1) / (4 * (double)c->n)) : INFINITY;
    do {
      if (!gather(s, q, leave, r, f32 ? (float)r * (float)r : r * r, &list, &n, &cap, e)) {
        ow_free(list);
        return false;
      }
      r *= 1.5;
    } while (k > n);
    if (count) count[row] = n;
    if (!id) continue;
    if (n) qsort(list, (size_t)n, sizeof *list, order);
    if (k) n = k;
    int64_t at = k ? row * k : offset[row];
    for (int64_t m = 0; m < n; m++) {
      id[at + m] = s->label ? s->label[list[m].id] : (int64_t)list[m].id + 1;
      if (f32) ((float *)distance)[at + m] = sqrtf((float)list[m].d);
      else ((double *)distance)[at + m] = sqrt(list[m].d);
    }
  }
  ow_free(list);
  return true;
}
