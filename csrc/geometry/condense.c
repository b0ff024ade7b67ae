// From a spanning tree to clusters. The single-linkage dendrogram (node n + i joins by edge i) is
// walked from the root: a split into two parts of at least min_size points begins two
// clusters, smaller parts fall out as single points at lambda = 1 / distance. A cluster's
// stability is the sum over its points of lambda at leaving minus lambda at birth; from the
// leaves upwards a cluster is kept when it is at least as stable as its children together
// (excess of mass). Definitions of noise and membership as in the hdbscan program (McInnes,
// Healy and Astels, J. Open Source Softw. 2, 205, 2017).
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "geometry/hdbscan.h"

typedef struct {
  int32_t parent, children[2];  // clusters; -1: none
  double birth, stability, last;  // last: greatest lambda at which something left it
  bool chosen, inside;
} cluster;

typedef struct {
  int64_t n;
  int32_t *left, *right;   // by joint
  int64_t *size;
  double *lambda;
  cluster *cl;
  int32_t clusters, room;
  int32_t *in;             // cluster that a point fell out of
  double *out;             // at which lambda
} tree;

static int64_t size_of(const tree *t, int32_t node) { return node < t->n ? 1 : t->size[node - t->n]; }

static bool dendrogram(tree *t, const ow_edge *edge, ow_err *e) {
  int32_t *up = ow_alloc_array(2 * (size_t)t->n, sizeof *up, e);
  if (!up) return false;
  for (int32_t i = 0; i < 2 * t->n; i++) up[i] = i;
  for (int64_t i = 0; i < t->n - 1; i++) {
    if (ow_interrupted()) break;
    int32_t ab[2] = {edge[i].a, edge[i].b};
    for (int k = 0; k < 2; k++) {
      int32_t j = ab[k];
      while (up[j] != j) up[j] = up[up[j]], j = up[j];
      ab[k] = j;
    }
    t->left[i] = ab[0], t->right[i] = ab[1];
    t->size[i] = size_of(t, ab[0]) + size_of(t, ab[1]);
    t->lambda[i] = edge[i].w > 0 ? 1 / edge[i].w : INFINITY;
    up[ab[0]] = up[ab[1]] = (int32_t)(t->n + i);
  }
  ow_free(up);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

static int32_t begin(tree *t, int32_t parent, double birth) {
  t->cl[t->clusters] = (cluster){.parent = parent, .children = {-1, -1}, .birth = birth};
  return t->clusters++;
}

static void leave(tree *t, int32_t c, double lambda, int64_t count) {
  cluster *q = &t->cl[c];
  if (lambda > q->last) q->last = lambda;
  double more = lambda - q->birth;
  if (count && isfinite(more)) q->stability += more * (double)count;
  else if (count && lambda == INFINITY && q->birth < INFINITY) q->stability = INFINITY;
}

// Every point below node falls out of cluster c at lambda.
static void drop(tree *t, int32_t node, int32_t c, double lambda, int32_t *stack) {
  int64_t top = 0;
  stack[top++] = node;
  while (top) {
    int32_t v = stack[--top];
    if (v < t->n) {
      t->in[v] = c, t->out[v] = lambda;
      continue;
    }
    stack[top++] = t->left[v - t->n], stack[top++] = t->right[v - t->n];
  }
  leave(t, c, lambda, size_of(t, node));
}

static bool condense(tree *t, int64_t least, ow_err *e) {
  typedef struct { int32_t node, c; } item;
  item *todo = ow_alloc_array((size_t)t->n + 2, sizeof *todo, e);
  int32_t *stack = todo ? ow_alloc_array((size_t)t->n + 2, sizeof *stack, e) : NULL;
  if (!stack) {
    ow_free(todo);
    return false;
  }
  int64_t top = 0;
  todo[top++] = (item){(int32_t)(2 * t->n - 2), begin(t, -1, 0)};
  while (top && !ow_interrupted()) {
    item v = todo[--top];
    if (v.node < t->n) {  // a cluster of one point (min_size 1) lives for ever
      t->in[v.node] = v.c, t->out[v.node] = INFINITY;
      leave(t, v.c, INFINITY, 1);
      continue;
    }
    int32_t l = t->left[v.node - t->n], r = t->right[v.node - t->n];
    double lambda = t->lambda[v.node - t->n];
    bool big_l = size_of(t, l) >= least, big_r = size_of(t, r) >= least;
    if (big_l && big_r) {
      leave(t, v.c, lambda, size_of(t, l) + size_of(t, r));
      int32_t a = begin(t, v.c, lambda), b = begin(t, v.c, lambda);
      t->cl[v.c].children[0] = a, t->cl[v.c].children[1] = b;
      todo[top++] = (item){l, a}, todo[top++] = (item){r, b};
    } else {
      if (!big_l) drop(t, l, v.c, lambda, stack);
      if (!big_r) drop(t, r, v.c, lambda, stack);
      if (big_l) todo[top++] = (item){l, v.c};
      if (big_r) todo[top++] = (item){r, v.c};
    }
  }
  ow_free(stack);
  ow_free(todo);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

// Excess of mass.
static void choose(tree *t, bool single) {
  for (int32_t c = t->clusters - 1; c >= (single ? 0 : 1); c--) {  // children come after their parents
    cluster *q = &t->cl[c];
    double below = 0;
    for (int k = 0; k < 2; k++)
      if (q->children[k] >= 0) below += t->cl[q->children[k]].stability;
    if (q->children[0] >= 0 && below > q->stability) q->stability = below;
    else q->chosen = true;
  }
  for (int32_t c = 1; c < t->clusters; c++) {  // what lies below a chosen cluster is part of it
    const cluster *up = &t->cl[t->cl[c].parent];
    t->cl[c].inside = up->chosen || up->inside;
    if (t->cl[c].inside) t->cl[c].chosen = false;
  }
}

static bool label(tree *t, ow_hdbscan *h, ow_err *e) {
  int32_t *name = ow_alloc_zero((size_t)t->clusters * sizeof *name, e);
  if (!name) return false;
  h->clusters = 0;
  for (int32_t c = 0; c < t->clusters; c++)
    if (t->cl[c].chosen) h->clusters++;
  h->stability = ow_alloc_array((size_t)h->clusters + 1, sizeof *h->stability, e);
  h->birth = h->stability ? ow_alloc_array((size_t)h->clusters + 1, sizeof *h->birth, e) : NULL;
  if (!h->birth) {
    ow_free(h->stability);
    ow_free(name);
    return false;
  }
  int32_t k = 0;
  for (int32_t c = 0; c < t->clusters; c++) {
    if (t->cl[c].chosen) {
      h->stability[k] = t->cl[c].stability, h->birth[k] = t->cl[c].birth;
      name[c] = ++k;
    } else name[c] = t->cl[c].parent >= 0 ? name[t->cl[c].parent] : 0;  // its chosen ancestor
  }
  // greatest lambda of every chosen cluster, for the strength of membership
  double *last = ow_alloc_zero(((size_t)h->clusters + 1) * sizeof *last, e);
  if (!last) {
    ow_free(h->birth);
    ow_free(h->stability);
    ow_free(name);
    return false;
  }
  for (int32_t c = 0; c < t->clusters; c++)
    if (t->cl[c].chosen) last[name[c]] = t->cl[c].last;
  for (int64_t i = 0; i < t->n; i++) {
    int32_t c = name[t->in[i]];
    // out of a chosen root only those are members that stay as long as its last split
    if (c && t->cl[0].chosen && t->in[i] == 0 && t->out[i] < t->cl[0].last) c = 0;
    h->label[i] = c;
    double top = last[c], l = t->out[i];
    h->probability[i] = !c ? 0 : top == 0 || !isfinite(l) ? 1 : (l < top ? l : top) / top;
  }
  ow_free(last);
  ow_free(name);
  return true;
}

bool ow_condense(const ow_edge *edge, ow_hdbscan *h, ow_err *e) {
  int64_t n = h->n;
  h->clusters = 0, h->stability = h->birth = NULL;
  if (n < 2) {
    for (int64_t i = 0; i < n; i++) h->label[i] = 0, h->probability[i] = 0;
    return true;
  }
  if (n > INT32_MAX / 2 - 2) return OW_FAIL(e, OW_EARG, "%lld points: expected at most %d", (long long)n, INT32_MAX / 2 - 2);
  tree t = {.n = n, .room = (int32_t)(2 * (n / h->min_size) + 3)};
  if (t.room > 2 * n) t.room = (int32_t)(2 * n);
  t.left = ow_alloc_array(2 * (size_t)n, sizeof *t.left, e);
  t.size = t.left ? ow_alloc_array((size_t)n, sizeof *t.size, e) : NULL;
  t.lambda = t.size ? ow_alloc_array(2 * (size_t)n, sizeof *t.lambda, e) : NULL;
  t.in = t.lambda ? ow_alloc_array((size_t)n, sizeof *t.in, e) : NULL;
  t.cl = t.in ? ow_alloc_array((size_t)t.room, sizeof *t.cl, e) : NULL;
  bool ok = t.cl != NULL;
  if (ok) {
    t.right = t.left + n, t.out = t.lambda + n;
    ok = dendrogram(&t, edge, e) && condense(&t, h->min_size, e);
    if (ok) {
      choose(&t, h->single);
      ok = label(&t, h, e);
    }
  }
  ow_free(t.cl);
  ow_free(t.in);
  ow_free(t.lambda);
  ow_free(t.size);
  ow_free(t.left);
  return ok;
}
