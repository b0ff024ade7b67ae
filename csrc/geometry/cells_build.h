// Sorting points into leaves, for one dtype: included by cells.c with T, F(name) defined.
// Each node is split across the widest side of its box at a multiple of 16 points, so that
// every leaf but the last is full whatever the distribution; places are found by selection
// with a sampled pivot (Floyd and Rivest, CACM 18, 165, 1975). Subtrees are independent, so
// the tree does not depend on the number of threads.

typedef struct { T x[3]; int32_t id; } F(rec);

// Afterwards a[0..k-1] <= a[k] <= a[k+1..] along axis d.
static void F(place)(F(rec) *a, int64_t lo, int64_t hi, int64_t k, int d) {
  while (hi > lo) {
    if (ow_interrupted()) return;
    if (hi - lo > 600) {
      double n = (double)(hi - lo + 1), i = (double)(k - lo), z = log(n), s = 0.5 * exp(2 * z / 3);
      double sd = 0.5 * sqrt(z * s * (n - s) / n) * (i < n / 2 ? -1 : 1);
      int64_t l = k - (int64_t)(i * s / n - sd), h = k + (int64_t)((n - i) * s / n + sd);
      F(place)(a, l < lo ? lo : l, h > hi ? hi : h, k, d);
    } else {
      int64_t m = lo + (hi - lo) / 2;  // median of three to k
      F(rec) t;
      if (a[m].x[d] < a[lo].x[d]) t = a[m], a[m] = a[lo], a[lo] = t;
      if (a[hi].x[d] < a[lo].x[d]) t = a[hi], a[hi] = a[lo], a[lo] = t;
      if (a[hi].x[d] < a[m].x[d]) t = a[hi], a[hi] = a[m], a[m] = t;
      t = a[m], a[m] = a[k], a[k] = t;
    }
    T p = a[k].x[d];
    int64_t i = lo, j = hi;
    do {
      while (a[i].x[d] < p) i++;
      while (a[j].x[d] > p) j--;
      if (i <= j) {
        F(rec) t = a[i];
        a[i++] = a[j], a[j--] = t;
      }
    } while (i <= j);
    if (k <= j) hi = j;
    else if (k >= i) lo = i;
    else return;
  }
}

typedef struct { F(rec) *rec; F(leaf) *leaf; F(node) *node; int64_t n; } F(builder);

static void F(fill_leaf)(const F(builder) *b, int32_t first, int32_t node) {
  const F(rec) *a = b->rec + (int64_t)first * OW_LEAF;
  int64_t n = b->n - (int64_t)first * OW_LEAF;
  F(leaf) *l = &b->leaf[first];
  F(node) *q = &b->node[node];
  for (int d = 0; d < 3; d++) q->lo[d] = q->hi[d] = a[0].x[d];
  for (int i = 0; i < OW_LEAF; i++) {
    for (int d = 0; d < 3; d++) {
      T x = i < n ? a[i].x[d] : (T)NAN;
      l->x[d][i] = x;
      if (x < q->lo[d]) q->lo[d] = x;
      if (x > q->hi[d]) q->hi[d] = x;
    }
    l->id[i] = i < n ? a[i].id : -1;
  }
}

// box: what the splits above leave of the root's box; only its shape matters.
static void F(split)(const F(builder) *b, int32_t first, int32_t count, int32_t node, F(node) box) {
  if (ow_interrupted()) return;
  if (count == 1) {
    F(fill_leaf)(b, first, node);
    return;
  }
  int d = 0;
  for (int i = 1; i < 3; i++)
    if (box.hi[i] - box.lo[i] > box.hi[d] - box.lo[d]) d = i;
  int32_t half = (count + 1) / 2, left = node + 1, right = node + 2 * half;
  int64_t lo = (int64_t)first * OW_LEAF, mid = lo + (int64_t)half * OW_LEAF, hi = lo + (int64_t)count * OW_LEAF;
  if (hi > b->n) hi = b->n;
  F(place)(b->rec, lo, hi - 1, mid, d);
  F(node) lower = box, upper = box;
  lower.hi[d] = upper.lo[d] = b->rec[mid].x[d];
  if (count > 512) {
#pragma omp task
    F(split)(b, first, half, left, lower);
    F(split)(b, first + half, count - half, right, upper);
#pragma omp taskwait
  } else {
    F(split)(b, first, half, left, lower);
    F(split)(b, first + half, count - half, right, upper);
  }
  const F(node) *l = &b->node[left], *r = &b->node[right];
  F(node) *q = &b->node[node];
  for (int i = 0; i < 3; i++) {
    q->lo[i] = l->lo[i] < r->lo[i] ? l->lo[i] : r->lo[i];
    q->hi[i] = l->hi[i] > r->hi[i] ? l->hi[i] : r->hi[i];
  }
}

// Wrapped copies; *bad becomes the lowest row that is not finite, or stays n.
static void F(wrap)(ow_cells *c, const T *x, F(rec) *rec, int64_t *bad, F(node) *all) {
  int64_t n = c->n, worst = n;
  const ow_box *b = &c->box;
  double fl0 = INFINITY, fl1 = INFINITY, fl2 = INFINITY, fh0 = -INFINITY, fh1 = -INFINITY, fh2 = -INFINITY;
  T l0 = INFINITY, l1 = INFINITY, l2 = INFINITY, h0 = -INFINITY, h1 = -INFINITY, h2 = -INFINITY;
#pragma omp parallel for num_threads(ow_threads()) if (n > OW_GRAIN) reduction(min : worst, fl0, fl1, fl2, l0, l1, l2) \
    reduction(max : fh0, fh1, fh2, h0, h1, h2)
  for (int64_t i = 0; i < n; i++) {
    T p[3] = {x[3 * i], x[3 * i + 1], x[3 * i + 2]};
    if (!(isfinite(p[0]) && isfinite(p[1]) && isfinite(p[2]))) {
      if (i < worst) worst = i;
      continue;
    }
    if (b->any) {
      double turn[3], f[3];
      for (int a = 0; a < 3; a++)
        turn[a] = b->periodic[a] ? floor(b->g[a][0] * p[0] + b->g[a][1] * p[1] + b->g[a][2] * p[2]) : 0;
      if (turn[0] != 0 || turn[1] != 0 || turn[2] != 0)
        for (int a = 0; a < 3; a++)
          p[a] = (T)(p[a] - (turn[0] * b->m[0][a] + turn[1] * b->m[1][a] + turn[2] * b->m[2][a]));
      for (int a = 0; a < 3; a++) f[a] = b->g[a][0] * p[0] + b->g[a][1] * p[1] + b->g[a][2] * p[2];
      fl0 = f[0] < fl0 ? f[0] : fl0, fl1 = f[1] < fl1 ? f[1] : fl1, fl2 = f[2] < fl2 ? f[2] : fl2;
      fh0 = f[0] > fh0 ? f[0] : fh0, fh1 = f[1] > fh1 ? f[1] : fh1, fh2 = f[2] > fh2 ? f[2] : fh2;
    }
    l0 = p[0] < l0 ? p[0] : l0, l1 = p[1] < l1 ? p[1] : l1, l2 = p[2] < l2 ? p[2] : l2;
    h0 = p[0] > h0 ? p[0] : h0, h1 = p[1] > h1 ? p[1] : h1, h2 = p[2] > h2 ? p[2] : h2;
    rec[i] = (F(rec)){{p[0], p[1], p[2]}, (int32_t)i};
  }
  *bad = worst;
  *all = (F(node)){{l0, l1, l2}, {h0, h1, h2}};
  double flo[3] = {fl0, fl1, fl2}, fhi[3] = {fh0, fh1, fh2}, largest = 0;
  for (int a = 0; a < 3; a++) {
    c->flo[a] = flo[a], c->fhi[a] = fhi[a];
    largest = fmax(largest, fmax(fabs((double)all->lo[a]), fabs((double)all->hi[a])));
  }
  c->pad = b->any ? 16 * EPSILON * (largest + b->diagonal) : 0;
}

static bool F(build)(ow_cells *c, const T *x, const char *what, ow_err *e) {
  F(rec) *rec = ow_alloc_array((size_t)c->n, sizeof *rec, e);
  if (!rec) return false;
  int64_t bad;
  F(node) all;
  F(wrap)(c, x, rec, &bad, &all);
  if (bad < c->n) {
    ow_free(rec);
    return OW_FAIL(e, OW_EARG, "%s: row %lld is (%g, %g, %g); coordinates must be finite", what, (long long)bad + 1,
                   (double)x[3 * bad], (double)x[3 * bad + 1], (double)x[3 * bad + 2]);
  }
  if (c->leaves) {
    c->leaf = ow_alloc_array((size_t)c->leaves, sizeof(F(leaf)), e);
    if (c->leaf) c->node = ow_alloc_array(2 * (size_t)c->leaves - 1, sizeof(F(node)), e);
    if (!c->leaf || !c->node) {
      ow_free(rec);
      return false;
    }
    F(builder) b = {rec, c->leaf, c->node, c->n};
#pragma omp parallel num_threads(ow_threads()) if (c->leaves > 1024)
#pragma omp single
    F(split)(&b, 0, c->leaves, 0, all);
  }
  ow_free(rec);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
