// What of the searches is worth vector code, for one dtype: included by knn.simd.c with T, INT,
// F(name) defined, and under AVX-512 with names for the intrinsics of T. Everything else is
// written as loops of 16 that compilers vectorise.

// The leaves near a query group: box, lattice translation (by axis) and number of each.
typedef struct {
  int64_t n, cap;  // room for a multiple of 16
  T *lo[3], *hi[3], *s[3];
  int32_t *leaf;
  void *block;
} F(list);

static void F(translation)(const ow_box *b, const int64_t *turn, T *s) {
  for (int i = 0; i < 3; i++)
    s[i] = (T)((double)turn[0] * b->m[0][i] + (double)turn[1] * b->m[1][i] + (double)turn[2] * b->m[2][i]);
}

#ifdef OW_ISA_avx512
// Appends the points within `reach` (squared) of u; their id is not `leave`. New count.
static inline int64_t F(scan_leaf)(const F(leaf) *l, const T *u, T reach, int32_t leave, T *d, int32_t *id, int64_t n) {
  for (int i = 0; i < OW_LEAF; i += LANES) {
    V x = SUB(SET(u[0]), LOAD(l->x[0] + i)), y = SUB(SET(u[1]), LOAD(l->x[1] + i)), z = SUB(SET(u[2]), LOAD(l->x[2] + i));
    V s = ADD(ADD(MUL(x, x), MUL(y, y)), MUL(z, z));
    VI v = LOADI(l->id + i);
    M m = CMP(s, SET(reach), _CMP_LE_OQ) & CMPI(v, SETI(leave));
    STORE(d + n, PACK(m, s));
    STOREI(id + n, PACKI(m, v));
    n += __builtin_popcount(m);
  }
  return n;
}

static inline int64_t F(count_leaf)(const F(leaf) *l, const T *u, T reach, int32_t leave) {
  int64_t n = 0;
  for (int i = 0; i < OW_LEAF; i += LANES) {
    V x = SUB(SET(u[0]), LOAD(l->x[0] + i)), y = SUB(SET(u[1]), LOAD(l->x[1] + i)), z = SUB(SET(u[2]), LOAD(l->x[2] + i));
    V s = ADD(ADD(MUL(x, x), MUL(y, y)), MUL(z, z));
    n += __builtin_popcount(CMP(s, SET(reach), _CMP_LE_OQ) & CMPI(LOADI(l->id + i), SETI(leave)));
  }
  return n;
}

// Which of the 16 listed boxes from `at` on come within `reach` (squared) of q: one bit each.
static inline unsigned F(near_boxes)(const F(list) *l, int64_t at, const T *q, T reach) {
  unsigned bits = 0;
  for (int i = 0; i < OW_LEAF; i += LANES) {
    V sum = ZERO;
    for (int a = 0; a < 3; a++) {
      V u = SUB(SET(q[a]), LOAD(l->s[a] + at + i));
      V c = MAX(MAX(SUB(LOAD(l->lo[a] + at + i), u), SUB(u, LOAD(l->hi[a] + at + i))), ZERO);
      sum = ADD(sum, MUL(c, c));
    }
    bits |= (unsigned)CMP(sum, SET(reach), _CMP_LE_OQ) << i;
  }
  return bits;
}

// Moves what is below p (or equals it, with `equal`) of the n pairs at `at` to the front.
static int64_t F(partition)(F(pairs) *b, int64_t at, int64_t n, T p, bool equal) {
  T *d = b->d + at, keep[OW_LEAF];
  int32_t *id = b->id + at, keep_id[OW_LEAF];
  memcpy(keep, d + n, sizeof keep), memcpy(keep_id, id + n, sizeof keep_id);  // stores are whole vectors
  int64_t less = 0, more = 0;
  for (int64_t i = 0; i < n; i += LANES) {
    M all = n - i < LANES ? (M)((1u << (n - i)) - 1) : (M)-1;
    V v = LOAD(d + i);
    VI w = LOADI(id + i);
    M m = (M)(all & (equal ? CMP(v, SET(p), _CMP_LE_OQ) : CMP(v, SET(p), _CMP_LT_OQ))), o = (M)(all & ~m);
    STORE(d + less, PACK(m, v)), STOREI(id + less, PACKI(m, w));
    STORE(b->td + more, PACK(o, v)), STOREI(b->tid + more, PACKI(o, w));
    less += __builtin_popcount(m), more += __builtin_popcount(o);
  }
  memcpy(d + less, b->td, (size_t)more * sizeof *d), memcpy(id + less, b->tid, (size_t)more * sizeof *id);
  memcpy(d + n, keep, sizeof keep), memcpy(id + n, keep_id, sizeof keep_id);
  return less;
}

static inline __attribute__((always_inline)) void F(count_vectors)(const T *d, INT *rank, int n, const int nv) {
  V v[64 / LANES];
  __m512i r[64 / LANES];
  for (int i = 0; i < nv; i++) v[i] = LOAD(d + i * LANES), r[i] = _mm512_setzero_si512();
  for (int j = 0; j < n; j++) {
    V x = SET(d[j]);
    for (int i = 0; i < nv; i++) r[i] = ADDR(r[i], CMP(x, v[i], _CMP_LT_OQ), r[i], SETR(1));
  }
  for (int i = 0; i < nv; i++) _mm512_storeu_si512(rank + i * LANES, r[i]);
}

// rank[i] = how many of the n (at most 64) values are below d[i]
static void F(count_smaller)(const T *d, INT *rank, int n) {
  switch ((n + LANES - 1) / LANES) {
    case 1: F(count_vectors)(d, rank, n, 1); break;
    case 2: F(count_vectors)(d, rank, n, 2); break;
    case 3: F(count_vectors)(d, rank, n, 3); break;
    case 4: F(count_vectors)(d, rank, n, 4); break;
#if LANES == 8
    case 5: F(count_vectors)(d, rank, n, 5); break;
    case 6: F(count_vectors)(d, rank, n, 6); break;
    case 7: F(count_vectors)(d, rank, n, 7); break;
    case 8: F(count_vectors)(d, rank, n, 8); break;
#endif
    default: break;
  }
}
#else
static inline void F(distances)(const F(leaf) *l, const T *u, T *s) {
  T a = u[0], b = u[1], c = u[2];
  for (int i = 0; i < OW_LEAF; i++) {
    T x = a - l->x[0][i], y = b - l->x[1][i], z = c - l->x[2][i];
    s[i] = (x * x + y * y) + z * z;
  }
}

static inline int64_t F(scan_leaf)(const F(leaf) *l, const T *u, T reach, int32_t leave, T *d, int32_t *id, int64_t n) {
  T s[OW_LEAF];
  F(distances)(l, u, s);
  for (int i = 0; i < OW_LEAF; i++) {
    d[n] = s[i], id[n] = l->id[i];
    n += (s[i] <= reach) & (l->id[i] != leave);
  }
  return n;
}

static inline int64_t F(count_leaf)(const F(leaf) *l, const T *u, T reach, int32_t leave) {
  T s[OW_LEAF];
  int n = 0;
  F(distances)(l, u, s);
  for (int i = 0; i < OW_LEAF; i++) n += (s[i] <= reach) & (l->id[i] != leave);
  return n;
}

static inline unsigned F(near_boxes)(const F(list) *l, int64_t at, const T *q, T reach) {
  T sum[OW_LEAF] = {0};
  for (int a = 0; a < 3; a++) {
    const T *lo = l->lo[a] + at, *hi = l->hi[a] + at, *s = l->s[a] + at, x = q[a];
    for (int i = 0; i < OW_LEAF; i++) {
      T u = x - s[i], v = lo[i] - u, w = u - hi[i], c = v > w ? v : w;
      c = c > 0 ? c : 0;
      sum[i] += c * c;
    }
  }
  unsigned bits = 0;
  for (int i = 0; i < OW_LEAF; i++) bits |= (unsigned)(sum[i] <= reach) << i;
  return bits;
}

static int64_t F(partition)(F(pairs) *b, int64_t at, int64_t n, T p, bool equal) {
  T *d = b->d + at;
  int32_t *id = b->id + at;
  int64_t less = 0, more = 0;
  for (int64_t i = 0; i < n; i++) {
    T v = d[i];
    int32_t w = id[i];
    bool m = equal ? v <= p : v < p;
    d[less] = v, id[less] = w;
    b->td[more] = v, b->tid[more] = w;
    less += m, more += !m;
  }
  memcpy(d + less, b->td, (size_t)more * sizeof *d), memcpy(id + less, b->tid, (size_t)more * sizeof *id);
  return less;
}

static void F(count_smaller)(const T *d, INT *rank, int n) {
  for (int i = 0; i < n; i += OW_LEAF) {
    INT r[OW_LEAF] = {0};
    for (int j = 0; j < n; j++) {
      T x = d[j];
      for (int l = 0; l < OW_LEAF; l++) r[l] += x < d[i + l];
    }
    memcpy(rank + i, r, sizeof r);
  }
}
#endif
