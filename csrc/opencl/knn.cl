// The k nearest neighbours of each query (meaning and roundings: geometry/cells.h): a work-item
// takes one query of a leaf of the query tree (neighbours in the tree are neighbours in space, so
// a group walks together), goes down the point tree with the nearer child first, then the
// translated trees that its ball touches, and keeps the K nearest sorted by (d2, id), in
// registers where loops are unrolled (UNROLL). A box is never farther than a point in it, because both
// are rounded alike. Prelude: T, K (8 to 64; the first K - k places of the list stay empty).
#ifdef UNROLL
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED
#endif
typedef struct { T x[3][16]; int id[16]; } leaf;
typedef struct { T lo[3], hi[3]; } node;
typedef struct { T s[27][3], limit; int images, leaves; } lattice;

static T box_distance(const T *u, global const node *b) {
  T sum = 0;
  for (int i = 0; i < 3; i++) {
    const T below = b->lo[i] - u[i], above = u[i] - b->hi[i];
    T c = below > above ? below : above;
    c = c > 0 ? c : 0;
    sum += c * c;
  }
  return sum;
}

kernel void nearest(IN(u8, pquery), IN(u8, pleaf), IN(u8, pnode), IN(i64, plabel), IN(i64, pexclude), OUT(i64, pid), OUT(T, pdistance),
                    const lattice im, const int queries, const int k, const int leave_self, CHECKS) {
  USE_IN(i64, plabel);
  USE_IN(i64, pexclude);
  USE_OUT(i64, pid);
  USE_OUT(T, pdistance);
  global const leaf *leaves = (global const leaf *)(pleaf_ + pleaf_o);
  global const node *nodes = (global const node *)(pnode_ + pnode_o);
  const int t = get_global_id(0), lane = t % 16;
  if (t >= queries) return;
  global const leaf *home = (global const leaf *)(pquery_ + pquery_o) + t / 16;
  const int row = home->id[lane], leave = leave_self ? row : pexclude ? (int)pexclude[row] : -2;
  T d[K];
  int id[K];
  for (int i = 0; i < K; i++) {
    d[i] = i < K - k ? -INFINITY : INFINITY;
    id[i] = i < K - k ? -1 : INT_MAX;
  }
  for (int image = 0; image < im.images; image++) {
    const T u[3] = {home->x[0][lane] - im.s[image][0], home->x[1][lane] - im.s[image][1], home->x[2][lane] - im.s[image][2]};
    int at[32], first[32], count[32], top = 0;
    T far[32];
    at[0] = first[0] = 0, count[0] = im.leaves, far[0] = box_distance(u, nodes);
    top = 1;
    while (top) {
      int n = at[--top], f = first[top], c = count[top];
      if (far[top] > d[K - 1]) continue;
      while (c > 1) {  // on with the nearer child
        const int half_ = (c + 1) / 2, left = n + 1, right = n + 2 * half_;
        const T dl = box_distance(u, nodes + left), dr = box_distance(u, nodes + right);
        const int turn = dr < dl;
        const T other = turn ? dl : dr;
        if (other <= d[K - 1]) {
          at[top] = turn ? left : right;
          first[top] = turn ? f : f + half_;
          count[top] = turn ? half_ : c - half_;
          far[top++] = other;
        }
        n = turn ? right : left;
        f = turn ? f + half_ : f;
        c = turn ? c - half_ : half_;
        if ((turn ? dr : dl) > d[K - 1]) c = 0;
      }
      if (c == 0) continue;
      global const leaf *l = leaves + f;
      for (int j = 0; j < 16; j++) {
        const T x = u[0] - l->x[0][j], y = u[1] - l->x[1][j], z = u[2] - l->x[2][j], v = (x * x + y * y) + z * z;
        if (!(v <= d[K - 1])) continue;  // also the empty places of a leaf, NaN
        const int who = l->id[j];
        if ((v == d[K - 1] && who > id[K - 1]) || (who == leave && image == 0)) continue;
        UNROLLED
        for (int i = K - 1; i >= 0; i--) {
          if (i == 0 || v > d[i - 1] || (v == d[i - 1] && who > id[i - 1])) {
            d[i] = v, id[i] = who;
            break;
          }
          d[i] = d[i - 1], id[i] = id[i - 1];
        }
      }
    }
  }
  if (!(d[K - 1] < im.limit)) COMPLAIN;
  UNROLLED
  for (int i = 0; i < K; i++) {
    const long to = (long)row * k + (i - (K - k));
    if (i < K - k || id[i] == INT_MAX) continue;
    pid[to] = plabel ? plabel[id[i]] : id[i] + 1;
#ifdef HAVE_F64
    pdistance[to] = (T)sqrt((f64)d[i]);  // rounded once, also where the device's own f32 root is not
#else
    pdistance[to] = sqrt(d[i]);
#endif
  }
}
