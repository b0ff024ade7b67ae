// The k smallest of n (squared distance, id) pairs in order, for one dtype: included by
// knn.simd.c with T, INT (integer of T's size), F(name) defined. Quicksort that never looks
// beyond k; at most 64 pairs are placed by counting for each how many are smaller, which has
// no branches. Ids decide only where that count says that two distances are equal.
// Buffers have room for 16 more entries than they hold.

enum { F(SMALL) = 64 };

static void F(rank_sort)(T *d, int32_t *id, int n) {
  T dd[F(SMALL) + 16] __attribute__((aligned(64)));
  int32_t ii[F(SMALL) + 16] __attribute__((aligned(64)));
  INT rank[F(SMALL) + 16] __attribute__((aligned(64)));
  for (int i = 0; i < n; i += OW_LEAF) memcpy(dd + i, d + i, OW_LEAF * sizeof *d), memcpy(ii + i, id + i, OW_LEAF * sizeof *id);
  for (int i = 0; i < OW_LEAF; i++) dd[n + i] = (T)INFINITY;
  int64_t sum = 0;
  F(count_smaller)(dd, rank, n);
  for (int i = 0; i < n; i++) sum += rank[i];
  if (sum != (int64_t)n * (n - 1) / 2)
    for (int i = 0; i < n; i++) {
      INT more = 0;
      for (int j = 0; j < n; j++) more += (dd[j] == dd[i]) & ((ii[j] < ii[i]) | ((ii[j] == ii[i]) & (j < i)));  // images of one point may be equal
      rank[i] += more;
    }
  for (int i = 0; i < n; i++) d[rank[i]] = dd[i], id[rank[i]] = ii[i];
}

static void F(sift)(int32_t *a, int64_t i, int64_t n) {
  int32_t v = a[i];
  for (int64_t c; (c = 2 * i + 1) < n; i = c) {
    if (c + 1 < n && a[c + 1] > a[c]) c++;
    if (a[c] <= v) break;
    a[i] = a[c];
  }
  a[i] = v;
}

static void F(heap_sort)(int32_t *a, int64_t n) {
  for (int64_t i = n / 2; i-- > 0;) F(sift)(a, i, n);
  for (int64_t m = n; m-- > 1;) {
    int32_t t = a[0];
    a[0] = a[m], a[m] = t;
    F(sift)(a, 0, m);
  }
}

static T F(pivot)(const T *d, int64_t n) {
  T s[9];
  for (int i = 0; i < 9; i++) {
    T v = d[(n - 1) * i / 8];
    int j = i;
    for (; j > 0 && s[j - 1] > v; j--) s[j] = s[j - 1];
    s[j] = v;
  }
  return s[4];
}

// Afterwards the first min(k, n) pairs are the smallest, in order; the others are all there.
static void F(sort_first)(F(pairs) *b, int64_t at, int64_t n, int64_t k) {
  while (n > F(SMALL) && k > 0) {
    T *d = b->d + at, p = F(pivot)(d, n);
    int64_t m = F(partition)(b, at, n, p, false);
    if (m == 0) {  // p is the least: first all that equal it, by id
      m = F(partition)(b, at, n, p, true);
      F(heap_sort)(b->id + at, m);
    } else F(sort_first)(b, at, m, k);
    at += m, n -= m, k -= m;
  }
  if (k > 0 && n > 1) F(rank_sort)(b->d + at, b->id + at, (int)n);
}
