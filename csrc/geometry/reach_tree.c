// Boruvka's rounds over a k-d tree: every point looks for its nearest point (in mutual
// reachability) of another component; whole subtrees of its own component, and boxes farther
// than the best edge its component has so far, are left out. Edges are ordered by (w, a, b).
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "geometry/hdbscan.h"

typedef struct {
  const ow_cells *c;
  const ow_leaf_f64 *leaf;
  const ow_node_f64 *node;
  const double *core;      // by row
  int32_t *of;             // component of a row
  int32_t *same;           // component of all points below a node, or -1
  double *least;           // least core distance below a node
  ow_edge *best;           // by component
  double *bound;           // its w, read while others write
  omp_lock_t *lock;        // LOCKS of them
} rounds;
enum { LOCKS = 256 };

static bool before(ow_edge x, ow_edge y) {
  if (x.w != y.w) return x.w < y.w;
  return x.a != y.a ? x.a < y.a : x.b < y.b;
}

// Least core distances and common components of the nodes, below upwards.
static void summarise(rounds *r, int32_t node, int32_t first, int32_t count) {
  if (count == 1) {
    const ow_leaf_f64 *l = &r->leaf[first];
    r->same[node] = r->of[l->id[0]];
    r->least[node] = INFINITY;
    for (int k = 0; k < OW_LEAF && l->id[k] >= 0; k++) {
      if (r->of[l->id[k]] != r->same[node]) r->same[node] = -1;
      if (r->core[l->id[k]] < r->least[node]) r->least[node] = r->core[l->id[k]];
    }
    return;
  }
  int32_t half = (count + 1) / 2, left = node + 1, right = node + 2 * half;
  summarise(r, left, first, half);
  summarise(r, right, first + half, count - half);
  r->same[node] = r->same[left] == r->same[right] ? r->same[left] : -1;
  r->least[node] = fmin(r->least[left], r->least[right]);
}

static double box_distance2(const double *p, const ow_node_f64 *q) {
  double sum = 0;
  for (int d = 0; d < 3; d++) {
    double u = q->lo[d] - p[d], v = p[d] - q->hi[d], c = u > v ? u : v;
    if (c > 0) sum += c * c;
  }
  return sum;
}

static double read_bound(const rounds *r, int32_t comp) {
  double w;
  __atomic_load(&r->bound[comp], &w, __ATOMIC_RELAXED);
  return w;
}

static void offer(rounds *r, int32_t comp, ow_edge x) {
  omp_lock_t *l = &r->lock[comp % LOCKS];
  omp_set_lock(l);
  if (before(x, r->best[comp])) {
    r->best[comp] = x;
    __atomic_store(&r->bound[comp], &x.w, __ATOMIC_RELAXED);
  }
  omp_unset_lock(l);
}

typedef struct { int32_t node, first, count; double d2; } step;

static void search(rounds *r, const double p[3], int32_t row) {
  int32_t comp = r->of[row];
  double mine = r->core[row], bound = read_bound(r, comp);
  if (mine > bound) return;
  ow_edge best = {INT32_MAX, INT32_MAX, INFINITY};
  step stack[64];
  int top = 0;
  stack[top++] = (step){0, 0, r->c->leaves, box_distance2(p, &r->node[0])};
  while (top) {
    step v = stack[--top];
    double limit = fmin(bound, best.w), l2 = limit * limit * (1 + 1e-15);
    if (v.d2 > l2 || r->least[v.node] > limit || r->same[v.node] == comp) continue;
    if (v.count > 1) {
      int32_t half = (v.count + 1) / 2;
      step a = {v.node + 1, v.first, half, 0}, b = {v.node + 2 * half, v.first + half, v.count - half, 0};
      a.d2 = box_distance2(p, &r->node[a.node]), b.d2 = box_distance2(p, &r->node[b.node]);
      bool nearer = a.d2 < b.d2;
      stack[top++] = nearer ? b : a;
      stack[top++] = nearer ? a : b;
      continue;
    }
    const ow_leaf_f64 *q = &r->leaf[v.first];
    for (int k = 0; k < OW_LEAF && q->id[k] >= 0; k++) {
      int32_t o = q->id[k];
      if (r->of[o] == comp) continue;
      double dx = q->x[0][k] - p[0], dy = q->x[1][k] - p[1], dz = q->x[2][k] - p[2];
      double w = fmax(fmax(mine, r->core[o]), sqrt((dx * dx + dy * dy) + dz * dz));
      ow_edge x = {row < o ? row : o, row < o ? o : row, w};
      if (before(x, best)) best = x;
    }
  }
  if (best.w <= bound && best.a != INT32_MAX) offer(r, comp, best);
}

static int compare(const void *x, const void *y) {
  const ow_edge *a = x, *b = y;
  return before(*a, *b) ? -1 : before(*b, *a);
}

static int32_t root(int32_t *up, int32_t i) {
  while (up[i] != i) up[i] = up[up[i]], i = up[i];
  return i;
}

static bool run(rounds *r, int32_t *up, ow_edge *edge, ow_err *e) {
  int64_t n = r->c->n, made = 0;
  for (int32_t i = 0; i < n; i++) up[i] = r->of[i] = i;
  while (made < n - 1) {
    summarise(r, 0, 0, r->c->leaves);
    for (int64_t i = 0; i < n; i++) r->best[i] = (ow_edge){INT32_MAX, INT32_MAX, INFINITY}, r->bound[i] = INFINITY;
#pragma omp parallel for schedule(dynamic, 8) num_threads(ow_threads()) if (n > 2000)
    for (int32_t l = 0; l < r->c->leaves; l++) {
      if (ow_interrupted()) continue;
      const ow_leaf_f64 *q = &r->leaf[l];
      for (int k = 0; k < OW_LEAF && q->id[k] >= 0; k++) {
        double p[3] = {q->x[0][k], q->x[1][k], q->x[2][k]};
        search(r, p, q->id[k]);
      }
    }
    if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    int64_t had = made;
    for (int64_t i = 0; i < n; i++) {
      ow_edge x = r->best[i];
      if (x.a == INT32_MAX) continue;
      int32_t a = root(up, x.a), b = root(up, x.b);
      if (a == b) continue;  // both sides chose this edge
      if (a < b) up[b] = a;
      else up[a] = b;
      edge[made++] = x;
    }
    if (made == had) return OW_FAIL(e, OW_ENUMERIC, "the spanning tree does not grow: distances are not finite");
    for (int32_t i = 0; i < n; i++) r->of[i] = root(up, i);
  }
  qsort(edge, (size_t)made, sizeof *edge, compare);
  return true;
}

bool ow_reach_tree(const ow_cells *c, const double *core, ow_edge *edge, ow_err *e) {
  if (c->dtype != OW_F64 || c->box.any) return OW_FAIL(e, OW_EARG, "expected points of f64 without a periodic box");
  if (c->n < 2) return true;
  rounds r = {.c = c, .leaf = c->leaf, .node = c->node, .core = core};
  size_t n = (size_t)c->n, nodes = 2 * (size_t)c->leaves;
  omp_lock_t lock[LOCKS];
  for (int k = 0; k < LOCKS; k++) omp_init_lock(&lock[k]);
  r.lock = lock;
  r.best = ow_alloc_array(n, sizeof *r.best, e);
  r.bound = r.best ? ow_alloc_array(n, sizeof *r.bound, e) : NULL;
  r.least = r.bound ? ow_alloc_array(nodes, sizeof *r.least, e) : NULL;
  r.same = r.least ? ow_alloc_array(nodes, sizeof *r.same, e) : NULL;
  r.of = r.same ? ow_alloc_array(2 * n, sizeof *r.of, e) : NULL;
  bool ok = r.of && run(&r, r.of + n, edge, e);
  ow_free(r.of);
  ow_free(r.same);
  ow_free(r.least);
  ow_free(r.bound);
  ow_free(r.best);
  for (int k = 0; k < LOCKS; k++) omp_destroy_lock(&lock[k]);
  return ok;
}
