// Searches of one dtype: included by knn.simd.c with T, INT, F(name) and the vector primitives
// defined. A query group is one leaf of the query tree (16 points close together). One walk
// through the point tree lists the leaves (with their lattice translation) near the group;
// each query tests 16 listed boxes at a time and collects the points of those that its ball
// touches. Nearest: the ball's size is guessed from the queries before; a ball that holds
// fewer than k points is enlarged, and after that, or where the list grows long (queries far
// apart, outliers), a query goes down the tree by itself, nearest leaf first. The answer does
// not depend on the guess. Box distances are computed with the roundings of point distances,
// so a box is never farther than a point in it (rounding is monotonic).

typedef struct {
  const ow_knn_job *j;
  const F(leaf) *leaf;
  const F(node) *node;
  int32_t leaves;
  bool any;
  double est;     // squared distance that held k points for the queries before; 0: none
  double margin;  // on est, so that few balls hold less than k
  F(list) list;
  F(pairs) b;
  ow_err *e;
} F(state);

static T F(box_distance)(const T *a, const T *b, const F(node) *q) {
  T sum = 0;
  for (int i = 0; i < 3; i++) {
    T u = q->lo[i] - b[i], v = a[i] - q->hi[i], c = u > v ? u : v;
    c = c > 0 ? c : 0;
    sum += c * c;
  }
  return sum;
}

static bool F(list_grow)(F(list) *l, ow_err *e) {
  int64_t cap = l->cap ? 2 * l->cap : 256;
  char *p = ow_alloc_array((size_t)cap, 9 * sizeof(T) + sizeof(int32_t), e);
  if (!p) return false;
  T *from[9] = {l->lo[0], l->lo[1], l->lo[2], l->hi[0], l->hi[1], l->hi[2], l->s[0], l->s[1], l->s[2]};
  T **to[9] = {&l->lo[0], &l->lo[1], &l->lo[2], &l->hi[0], &l->hi[1], &l->hi[2], &l->s[0], &l->s[1], &l->s[2]};
  for (int i = 0; i < 9; i++) {
    *to[i] = (T *)p + i * cap;
    if (l->n) memcpy(*to[i], from[i], (size_t)l->n * sizeof(T));
  }
  int32_t *leaf = (int32_t *)(void *)((T *)(void *)p + 9 * cap);
  if (l->n) memcpy(leaf, l->leaf, (size_t)l->n * sizeof *leaf);
  ow_free(l->block);
  l->leaf = leaf, l->block = p, l->cap = cap;
  return true;
}

typedef struct { int32_t node, first, count; T d; } F(step);

// Lists all leaves within `reach` (squared) of the box qlo..qhi. 1: done, 0: more than `limit`,
// -1: failed.
static int F(make_list)(F(state) *t, const T *qlo, const T *qhi, T reach, int64_t limit) {
  F(list) *l = &t->list;
  const ow_cells *c = t->j->s->points;
  int64_t first[3] = {0}, last[3] = {0}, turn[3];
  l->n = 0;
  if (!t->leaves) return 1;
  if (t->any) {
    double a[3] = {qlo[0], qlo[1], qlo[2]}, b[3] = {qhi[0], qhi[1], qhi[2]};
    ow_image_range(c, a, b, sqrt((double)reach), first, last);
  }
  for (turn[0] = first[0]; turn[0] <= last[0]; turn[0]++)
    for (turn[1] = first[1]; turn[1] <= last[1]; turn[1]++)
      for (turn[2] = first[2]; turn[2] <= last[2]; turn[2]++) {
        T s[3], a[3], b[3];
        F(translation)(&c->box, turn, s);
        for (int i = 0; i < 3; i++) a[i] = qlo[i] - s[i], b[i] = qhi[i] - s[i];
        F(step) stack[64];
        int top = 0;
        stack[top++] = (F(step)){0, 0, t->leaves, 0};
        while (top) {
          F(step) v = stack[--top];
          const F(node) *q = &t->node[v.node];
          if (F(box_distance)(a, b, q) > reach) continue;
          if (v.count > 1) {
            int32_t half = (v.count + 1) / 2;
            stack[top++] = (F(step)){v.node + 2 * half, v.first + half, v.count - half, 0};
            stack[top++] = (F(step)){v.node + 1, v.first, half, 0};
            continue;
          }
          if (l->n == limit) return 0;
          if (l->n == l->cap && (ow_interrupted() || !F(list_grow)(l, t->e)))
            return ow_interrupted() ? OW_FAIL(t->e, OW_EINTR, "interrupted"), -1 : -1;
          for (int i = 0; i < 3; i++) l->lo[i][l->n] = q->lo[i], l->hi[i][l->n] = q->hi[i], l->s[i][l->n] = s[i];
          l->leaf[l->n++] = v.first;
        }
      }
  return 1;
}

// Room for `extra` more pairs and the 16 lanes behind them.
static bool F(room)(F(state) *t, int64_t cap) {
  F(pairs) *b = &t->b;
  if (cap <= b->cap) return true;
  size_t bytes = (size_t)(cap + 32);
  T *d = ow_alloc_array(bytes, 2 * (sizeof(T) + sizeof(int32_t)), t->e);
  if (!d) return false;
  ow_free(b->d);
  b->d = d, b->td = d + bytes;
  b->id = (int32_t *)(void *)(d + 2 * bytes), b->tid = b->id + bytes;
  b->cap = cap;
  return true;
}

// Keeps the k nearest of what was collected and tightens the ball to them.
static void F(shrink)(F(state) *t, T *reach) {
  int64_t k = t->j->k;
  if (t->b.n < k) return;
  F(sort_first)(&t->b, 0, t->b.n, k);
  t->b.n = k;
  if (t->b.d[k - 1] < *reach) *reach = t->b.d[k - 1];
}

// Collects all points within *reach from the list; with k, the nearest suffice.
static void F(collect)(F(state) *t, const T *q, T *reach, int32_t leave) {
  const F(list) *l = &t->list;
  for (int64_t i = 0; i < l->n; i += OW_LEAF) {
    unsigned m = F(near_boxes)(l, i, q, *reach);
    if (l->n - i < OW_LEAF) m &= (1u << (l->n - i)) - 1;
    for (; m; m &= m - 1) {
      int64_t j = i + __builtin_ctz(m);
      T s[3] = {l->s[0][j], l->s[1][j], l->s[2][j]}, u[3] = {q[0] - s[0], q[1] - s[1], q[2] - s[2]};
      bool moved = s[0] != 0 || s[1] != 0 || s[2] != 0;
      t->b.n = F(scan_leaf)(&t->leaf[l->leaf[j]], u, *reach, moved ? -2 : leave, t->b.d, t->b.id, t->b.n);
      if (t->b.n + OW_LEAF > t->b.cap) F(shrink)(t, reach);
    }
  }
}

static int64_t F(count)(F(state) *t, const T *q, T reach, int32_t leave) {
  const F(list) *l = &t->list;
  int64_t n = 0;
  for (int64_t i = 0; i < l->n; i += OW_LEAF) {
    unsigned m = F(near_boxes)(l, i, q, reach);
    if (l->n - i < OW_LEAF) m &= (1u << (l->n - i)) - 1;
    for (; m; m &= m - 1) {
      int64_t j = i + __builtin_ctz(m);
      T s[3] = {l->s[0][j], l->s[1][j], l->s[2][j]}, u[3] = {q[0] - s[0], q[1] - s[1], q[2] - s[2]};
      bool moved = s[0] != 0 || s[1] != 0 || s[2] != 0;
      n += F(count_leaf)(&t->leaf[l->leaf[j]], u, reach, moved ? -2 : leave);
    }
  }
  return n;
}

// One query down one translated tree, nearer child first.
static void F(descend)(F(state) *t, const T *u, T *reach, int32_t leave) {
  F(step) stack[64];
  int top = 0;
  stack[top++] = (F(step)){0, 0, t->leaves, F(box_distance)(u, u, &t->node[0])};
  int64_t soon = 2 * t->j->k + OW_LEAF;  // tighten when twice as many as needed are there
  while (top) {
    F(step) v = stack[--top];
    if (v.d > *reach) continue;
    while (v.count > 1) {
      int32_t half = (v.count + 1) / 2;
      F(step) a = {v.node + 1, v.first, half, 0}, b = {v.node + 2 * half, v.first + half, v.count - half, 0};
      a.d = F(box_distance)(u, u, &t->node[a.node]), b.d = F(box_distance)(u, u, &t->node[b.node]);
      if (b.d < a.d) { F(step) x = a; a = b, b = x; }
      if (b.d <= *reach) stack[top++] = b;
      v = a;
    }
    if (v.d > *reach) continue;
    t->b.n = F(scan_leaf)(&t->leaf[v.first], u, *reach, leave, t->b.d, t->b.id, t->b.n);
    if (t->b.n >= soon) F(shrink)(t, reach);
  }
}

// The k nearest of one query without a guess.
static bool F(alone)(F(state) *t, const T *q, int32_t leave) {
  const ow_cells *c = t->j->s->points;
  T reach = (T)INFINITY;
  t->b.n = 0;
  F(descend)(t, q, &reach, leave);
  F(shrink)(t, &reach);
  if (!t->any) return true;
  double at[3] = {q[0], q[1], q[2]}, radius = sqrt((double)reach);
  if (t->b.n < t->j->k) radius = cbrt(c->box.volume * (double)t->j->k / (2 * (double)c->n));
  for (;; radius *= 1.25) {
    if (ow_interrupted()) return OW_FAIL(t->e, OW_EINTR, "interrupted");
    int64_t first[3], last[3], turn[3];
    ow_image_range(c, at, at, radius, first, last);
    bool again = t->b.n < t->j->k;  // too few points: all images within a growing radius
    if (again) t->b.n = 0, reach = (T)(radius * radius);
    for (turn[0] = first[0]; turn[0] <= last[0]; turn[0]++)
      for (turn[1] = first[1]; turn[1] <= last[1]; turn[1]++)
        for (turn[2] = first[2]; turn[2] <= last[2]; turn[2]++) {
          T s[3], u[3];
          bool home = !turn[0] && !turn[1] && !turn[2];
          if (home && !again) continue;
          F(translation)(&c->box, turn, s);
          for (int i = 0; i < 3; i++) u[i] = q[i] - s[i];
          F(descend)(t, u, &reach, home ? leave : -2);
        }
    F(shrink)(t, &reach);
    if (t->b.n >= t->j->k) return true;
  }
}

static void F(put)(const F(state) *t, int64_t at, int64_t n) {
  const int64_t *label = t->j->s->label;
  int64_t *id = t->j->id + at;
  T *d = (T *)t->j->distance + at;
  if (label) for (int64_t i = 0; i < n; i++) id[i] = label[t->b.id[i]];
  else for (int64_t i = 0; i < n; i++) id[i] = (int64_t)t->b.id[i] + 1;
  for (int64_t i = 0; i < n; i++) d[i] = SQRT(t->b.d[i]);
}

static int32_t F(left_out)(const F(state) *t, int32_t row) {
  if (t->j->s->leave_self) return row;
  return t->j->s->exclude ? (int32_t)t->j->s->exclude[row] : -2;
}

static bool F(nearest)(F(state) *t, const F(leaf) *g, int nq, const T *lo, const T *hi) {
  int64_t k = t->j->k, limit = 96 + 12 * (k / OW_LEAF);
  T listed = -1;   // squared distance up to which the list is complete
  int misses = 0;  // lists that came out too long
  for (int i = 0; i < nq; i++) {
    if (ow_interrupted()) return OW_FAIL(t->e, OW_EINTR, "interrupted");
    T q[3] = {g->x[0][i], g->x[1][i], g->x[2][i]};
    int32_t leave = F(left_out)(t, g->id[i]);
    bool found = false;
    double want = t->est * t->margin;
    for (int round = 0; round < 3 && !found && want > 0 && misses < 2; round++, want *= 1.5) {
      T reach = (T)want;
      if (reach > listed) {
        listed = (T)(want * 1.25);
        int made = F(make_list)(t, lo, hi, listed, limit);
        if (made < 0) return false;
        if (!made) {
          listed = -1, misses++;
          break;
        }
      }
      t->b.n = 0;
      F(collect)(t, q, &reach, leave);
      found = t->b.n >= k;
    }
    if (found) F(sort_first)(&t->b, 0, t->b.n, k);
    else if (!F(alone)(t, q, leave)) return false;
    double last = t->b.d[k - 1];
    t->est = found ? t->est + 0.25 * (last - t->est) : last;
    if (!isfinite(t->est)) t->est = 0;
    F(put)(t, (int64_t)g->id[i] * k, k);
  }
  return true;
}

static bool F(around)(F(state) *t, const F(leaf) *g, int nq, const T *lo, const T *hi) {
  const ow_knn_job *j = t->j;
  T r = (T)j->radius, reach = r * r;
  int made = F(make_list)(t, lo, hi, reach, 4096);
  if (made < 0) return false;
  for (int i = 0; i < nq; i++) {
    if (ow_interrupted()) return OW_FAIL(t->e, OW_EINTR, "interrupted");
    T q[3] = {g->x[0][i], g->x[1][i], g->x[2][i]};
    if (!made && F(make_list)(t, q, q, reach, INT64_MAX) < 0) return false;
    int32_t row = g->id[i], leave = F(left_out)(t, row);
    if (!j->id) {
      j->count[row] = F(count)(t, q, reach, leave);
      continue;
    }
    t->b.n = 0;
    T all = reach;
    F(collect)(t, q, &all, leave);
    F(sort_first)(&t->b, 0, t->b.n, t->b.n);
    F(put)(t, j->offset[row], t->b.n);
  }
  return true;
}

static bool F(run)(const ow_knn_job *j, int32_t first, int32_t last, ow_err *e) {
  const ow_cells *c = j->s->points;
  F(state) t = {.j = j, .leaf = c->leaf, .node = c->node, .leaves = c->leaves, .any = c->box.any, .e = e};
  double k = (double)j->k;
  t.margin = j->k ? pow((k + 2.2 * sqrt(k) + 2) / k, 2.0 / 3) : 0;
  bool ok = F(room)(&t, j->k ? 4 * j->k + 256 : j->longest + OW_LEAF);
  for (int32_t g = first; ok && g < last; g++) {
    const F(leaf) *q = (const F(leaf) *)j->s->queries->leaf + g;
    T lo[3], hi[3];
    int nq = 1;
    for (int a = 0; a < 3; a++) lo[a] = hi[a] = q->x[a][0];
    for (; nq < OW_LEAF && q->id[nq] >= 0; nq++)
      for (int a = 0; a < 3; a++) {
        T x = q->x[a][nq];
        lo[a] = x < lo[a] ? x : lo[a], hi[a] = x > hi[a] ? x : hi[a];
      }
    ok = j->k ? F(nearest)(&t, q, nq, lo, hi) : F(around)(&t, q, nq, lo, hi);
  }
  ow_free(t.b.d);
  ow_free(t.list.block);
  return ok;
}
