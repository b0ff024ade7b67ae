// Matrix products: y[m, n] = sum_k A(m, k) B(k, n). Convolution and its gradients are the same
// product with A or B read from the tensor by position ("implicit GEMM"), MODE says which:
//   MATMUL  strided matrices, z the batch            CONV     columns are output positions
//   CONV_DX columns are input positions              CONV_DW  columns are (channel, tap), the sum
//   runs over samples and positions in chunks of fixed length, which gemm_sums.cl adds in order.
// Prelude: T, MODE, TM TN TK (rows, columns and depth of a tile), VECTOR for devices that are
// processors, and for convolutions KD KH KW, STR*, PAD*, DIL* (axis 0, 1, 2).
//
// On a GPU a group of 16 x 8 work-items computes TM x TN, each TM/8 x 8 of them in registers; the
// tiles of A and B lie twice in local memory, so that the next one is fetched while one is used.
// The taps that fall into the padding are bits of a mask that a work-item makes once.
// On a processor (VECTOR) a group is one work-item that packs B as runs of TN = 32 columns and
// multiplies 4 rows at a time with vectors of 16.
// Either way an element is one sum over k in order (of a chunk), so results depend on neither.
#define MATMUL 0
#define CONV 1
#define CONV_DX 2
#define CONV_DW 3
#define KV (KD * KH * KW)

typedef struct {
  long m, n, k, chunk, sa[3], sb[3], sy;  // strides of matmul: row, column, batch
  int samples, in, out, groups, size[3], osize[3], act, pad;
} geometry;

#define JOIN_(a, b) a##b
#define VEC(t, n) JOIN_(t, n)
typedef float4 f32x4;
typedef float16 f32x16;
#ifdef HAVE_F64
typedef double4 f64x4;
typedef double16 f64x16;
#endif

#if MODE != MATMUL
static void tap(int q, int *d, int *h, int *w) {
  *w = q % KW;
  *h = q / KW % KH;
  *d = q / (KW * KH);
}
#endif

#if MODE == CONV || MODE == CONV_DX
// Where B of a column lies for a tap, as a place of the plane; -1: in the padding.
#if MODE == CONV
#define SOURCE p->size
#define LINEAR 1
#else
#define SOURCE p->osize
#define LINEAR (STR0 == 1 && STR1 == 1 && STR2 == 1)
#endif
static int source(const geometry *p, int ad, int ah, int aw, int q) {
  int td, th, tw;
  tap(q, &td, &th, &tw);
#if MODE == CONV
  const int d = ad * STR0 - PAD0 + td * DIL0, h = ah * STR1 - PAD1 + th * DIL1, w = aw * STR2 - PAD2 + tw * DIL2;
#else
  int d = ad + PAD0 - td * DIL0, h = ah + PAD1 - th * DIL1, w = aw + PAD2 - tw * DIL2;
  if (d < 0 || h < 0 || w < 0 || d % STR0 || h % STR1 || w % STR2) return -1;
  d /= STR0, h /= STR1, w /= STR2;
#endif
  if (d < 0 || d >= SOURCE[0] || h < 0 || h >= SOURCE[1] || w < 0 || w >= SOURCE[2]) return -1;
  return (d * SOURCE[1] + h) * SOURCE[2] + w;
}

// With a mask: place = place of tap 0 (perhaps outside) + shift(q) where bit q is set.
#if KV <= 64 && LINEAR
#define MASKED 1
#if KV <= 32
typedef uint bits;
#else
typedef ulong bits;
#endif
static int shift(const geometry *p, int q) {
  int td, th, tw;
  tap(q, &td, &th, &tw);
  const int s = (td * DIL0 * SOURCE[1] + th * DIL1) * SOURCE[2] + tw * DIL2;
  return MODE == CONV ? s : -s;
}
static int origin(const geometry *p, int ad, int ah, int aw) {
  if (MODE == CONV) return ((ad * STR0 - PAD0) * SOURCE[1] + ah * STR1 - PAD1) * SOURCE[2] + aw * STR2 - PAD2;
  return ((ad + PAD0) * SOURCE[1] + ah + PAD1) * SOURCE[2] + aw + PAD2;
}
static bits mask_of(const geometry *p, int ad, int ah, int aw) {
  const int sign = MODE == CONV ? 1 : -1;
  const int d = MODE == CONV ? ad * STR0 - PAD0 : ad + PAD0, h = MODE == CONV ? ah * STR1 - PAD1 : ah + PAD1;
  const int w = MODE == CONV ? aw * STR2 - PAD2 : aw + PAD2;
  bits row = 0, b = 0;
  for (int t = 0; t < KW; t++)
    if ((uint)(w + sign * t * DIL2) < (uint)SOURCE[2]) row |= (bits)1 << t;
  for (int s = 0; s < KD; s++)
    for (int t = 0; t < KH; t++)
      if ((uint)(d + sign * s * DIL0) < (uint)SOURCE[0] && (uint)(h + sign * t * DIL1) < (uint)SOURCE[1]) b |= row << (s * KH + t) * KW;
  return b;
}
#endif
#endif

// What every kernel begins with: the group, its tile and its part of the sum.
#define BEGIN                                                                                                    \
  USE_IN(T, pa);                                                                                                 \
  USE_IN(T, pb);                                                                                                 \
  USE_IN(T, pbias);                                                                                              \
  USE_OUT(T, py);                                                                                                \
  const int z = get_group_id(2);                                                                                 \
  const long n0 = (long)get_group_id(0) * TN, m0 = (long)get_group_id(1) * TM;                                   \
  const int g = MODE == MATMUL ? 0 : z % p.groups, split = MODE == MATMUL ? 0 : z / p.groups;                    \
  const int cg = MODE == MATMUL ? 0 : p.in / p.groups, og = MODE == MATMUL ? 0 : p.out / p.groups;               \
  const int in = p.size[0] * p.size[1] * p.size[2], out = p.osize[0] * p.osize[1] * p.osize[2];                  \
  const long k0 = MODE == MATMUL ? 0 : split * p.chunk, k1 = MODE == MATMUL ? p.k : min(p.k, k0 + p.chunk);      \
  if (MODE == MATMUL) pa += z * p.sa[2], pb += z * p.sb[2]

// Channels and plane of what the columns are positions of, and of what they read.
#define COLUMN_PLANE (MODE == CONV ? out : in)
#define COLUMN_SIZE (MODE == CONV ? p.osize : p.size)
#define SOURCE_PLANE (MODE == CONV ? in : out)
#define SOURCE_FIRST(sample) (MODE == CONV ? (long)(sample) * p.in + g * cg : (long)(sample) * p.out + g * og)

// Where a column of the result begins; its elements lie ROW_STRIDE apart.
#if MODE == MATMUL
#define COLUMN(col) (z * p.sy + (col))
#define ROW_STRIDE p.n
#define BIAS(m, n) pbias[n]
#elif MODE == CONV
#define COLUMN(col) (((col) / out * p.out + g * og) * out + (col) % out)
#define ROW_STRIDE out
#define BIAS(m, n) pbias[g * og + (m)]
#elif MODE == CONV_DX
#define COLUMN(col) (((col) / in * p.in + g * cg) * in + (col) % in)
#define ROW_STRIDE in
#define BIAS(m, n) (T)0
#else
#define COLUMN(col) (((long)split * p.out + g * og) * p.n + (col))
#define ROW_STRIDE p.n
#define BIAS(m, n) (T)0
#endif
#define ACT(v) (p.act && (v) <= 0 ? (p.act == 1 ? (T)0 : alpha * (v)) : (v))

#ifdef VECTOR
typedef VEC(T, x16) vec;

// Element (m, k) of A; from there `run` elements of one row lie `stride` apart.
static long a_at(const geometry *p, int g, long m, long k, long *run, long *stride) {
  *stride = 1;
#if MODE == MATMUL
  *run = p->k - k;
  *stride = p->sa[1];
  return m * p->sa[0] + k * p->sa[1];
#elif MODE == CONV
  *run = p->k - k;
  return ((long)g * (p->out / p->groups) + m) * p->k + k;
#elif MODE == CONV_DX
  const int o = (int)k / KV, q = (int)k - o * KV;
  *run = KV - q;
  return (((long)g * (p->out / p->groups) + o) * (p->in / p->groups) + m) * KV + q;
#else
  const long out = (long)p->osize[0] * p->osize[1] * p->osize[2], s = k / out, at = k - s * out;
  *run = out - at;
  return (s * p->out + (long)g * (p->out / p->groups) + m) * out + at;
#endif
}

kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void gemm(IN(T, pa), IN(T, pb), IN(T, pbias), OUT(T, py), const geometry p, const T alpha) {
  local T bs[TK][TN] __attribute__((aligned(64)));
  local T acc[TM][TN] __attribute__((aligned(64)));
  BEGIN;
  const int rows = (int)min((long)TM, p.m - m0), columns = (int)min((long)TN, p.n - n0);
#if MODE == CONV || MODE == CONV_DX
  long base[TN];
  long sample = n0 / COLUMN_PLANE;
  int at = (int)(n0 - sample * COLUMN_PLANE);
  int d = at / COLUMN_SIZE[2] / COLUMN_SIZE[1], h = at / COLUMN_SIZE[2] % COLUMN_SIZE[1], w = at % COLUMN_SIZE[2];
  int ad[TN], ah[TN], aw[TN];
#ifdef MASKED
  bits mask[TN], common = ~(bits)0;
  int together = columns == TN;
#endif
  for (int j = 0; j < TN; j++) {
    const int live = j < columns;
    ad[j] = d, ah[j] = h, aw[j] = w;
    base[j] = SOURCE_FIRST(sample) * SOURCE_PLANE;
#ifdef MASKED
    base[j] += origin(&p, ad[j], ah[j], aw[j]);
    mask[j] = live ? mask_of(&p, ad[j], ah[j], aw[j]) : 0;
    common &= mask[j];
    together = together && base[j] == base[0] + j;
#endif
    if (++w < COLUMN_SIZE[2]) continue;
    w = 0;
    if (++h < COLUMN_SIZE[1]) continue;
    h = 0;
    if (++d < COLUMN_SIZE[0]) continue;
    d = 0;
    sample++;
  }
#elif MODE == CONV_DW
  int off[TN], td[TN], th[TN], tw[TN];
  for (int j = 0; j < TN; j++) {
    const int n = (int)min(n0 + j, p.n - 1), c = n / KV;
    tap(n - c * KV, &td[j], &th[j], &tw[j]);
    td[j] = td[j] * DIL0 - PAD0, th[j] = th[j] * DIL1 - PAD1, tw[j] = tw[j] * DIL2 - PAD2;
    off[j] = c * in + (td[j] * p.size[1] + th[j]) * p.size[2] + tw[j];
  }
#endif
  for (long kt = k0; kt == k0 || kt < k1; kt += TK) {
    const int depth = (int)min((long)TK, k1 - kt);
    for (int k = 0; k < depth; k++) {
#if MODE == MATMUL
      for (int j = 0; j < TN; j++) bs[k][j] = j < columns ? pb[(kt + k) * p.sb[0] + (n0 + j) * p.sb[1]] : (T)0;
#elif MODE == CONV_DW
      const long s = (kt + k) / out, first = (s * p.in + g * cg) * in;
      const int at = (int)((kt + k) - s * out);
      const int w = at % p.osize[2] * STR2, h = at / p.osize[2] % p.osize[1] * STR1, d = at / p.osize[2] / p.osize[1] * STR0;
      global const T *x = pb + first;
      const int here = (d * p.size[1] + h) * p.size[2] + w;
      for (int j = 0; j < TN; j++) {
        const int ok = ((uint)(d + td[j]) < (uint)p.size[0]) & ((uint)(h + th[j]) < (uint)p.size[1]) & ((uint)(w + tw[j]) < (uint)p.size[2]);
        bs[k][j] = ok ? x[here + off[j]] : (T)0;
      }
#else
      const int c = (int)(kt + k) / KV, q = (int)(kt + k) - c * KV;
#ifdef MASKED
      const long more = (long)c * SOURCE_PLANE + shift(&p, q);
      if (together && (common >> q & 1))
        for (int j = 0; j < TN; j++) bs[k][j] = pb[base[0] + more + j];
      else
        for (int j = 0; j < TN; j++) bs[k][j] = mask[j] >> q & 1 ? pb[base[j] + more] : (T)0;
#else
      for (int j = 0; j < TN; j++) {
        const int at = j < columns ? source(&p, ad[j], ah[j], aw[j], q) : -1;
        bs[k][j] = at >= 0 ? pb[base[j] + (long)c * SOURCE_PLANE + at] : (T)0;
      }
#endif
#endif
    }
    for (int m = 0; m < rows; m += 4) {
      local T *a0 = acc[m];
      vec c00 = 0, c01 = 0, c10 = 0, c11 = 0, c20 = 0, c21 = 0, c30 = 0, c31 = 0;
      if (kt > k0) {
        c00 = vload16(0, a0), c01 = vload16(1, a0), c10 = vload16(2, a0), c11 = vload16(3, a0);
        c20 = vload16(4, a0), c21 = vload16(5, a0), c30 = vload16(6, a0), c31 = vload16(7, a0);
      }
      for (int k = 0; k < depth;) {
        long run, stride;
        global const T *r0 = pa + a_at(&p, g, m0 + m, kt + k, &run, &stride);
        global const T *r1 = pa + a_at(&p, g, m0 + min(m + 1, rows - 1), kt + k, &run, &stride);
        global const T *r2 = pa + a_at(&p, g, m0 + min(m + 2, rows - 1), kt + k, &run, &stride);
        global const T *r3 = pa + a_at(&p, g, m0 + min(m + 3, rows - 1), kt + k, &run, &stride);
        const int end = (int)min((long)depth, k + run);
        for (long i = 0; k < end; k++, i += stride) {
          const vec b0 = vload16(0, bs[k]), b1 = vload16(1, bs[k]);
          c00 = fma((vec)r0[i], b0, c00), c01 = fma((vec)r0[i], b1, c01);
          c10 = fma((vec)r1[i], b0, c10), c11 = fma((vec)r1[i], b1, c11);
          c20 = fma((vec)r2[i], b0, c20), c21 = fma((vec)r2[i], b1, c21);
          c30 = fma((vec)r3[i], b0, c30), c31 = fma((vec)r3[i], b1, c31);
        }
      }
      vstore16(c00, 0, a0), vstore16(c01, 1, a0), vstore16(c10, 2, a0), vstore16(c11, 3, a0);
      vstore16(c20, 4, a0), vstore16(c21, 5, a0), vstore16(c30, 6, a0), vstore16(c31, 7, a0);
    }
  }
  for (int j = 0; j < columns; j++) {
    global T *y = py + COLUMN(n0 + j) + m0 * ROW_STRIDE;
    for (int m = 0; m < rows; m++, y += ROW_STRIDE) {
      T v = acc[m][j];
      if (pbias) v += BIAS(m0 + m, n0 + j);
      *y = ACT(v);
    }
  }
}

#else
#define ITEMS 128              // work-items of a group
#define RM (TM / 8)            // rows of one
#define LA (TK * TM / ITEMS)   // elements of a tile that one fetches
#define LB (TK * TN / ITEMS)
typedef VEC(T, x4) vec;

kernel __attribute__((reqd_work_group_size(16, 8, 1)))
void gemm(IN(T, pa), IN(T, pb), IN(T, pbias), OUT(T, py), const geometry p, const T alpha) {
  local T as[2][TK][TM + 4] __attribute__((aligned(32)));
  local T bs[2][TK][TN] __attribute__((aligned(32)));
  BEGIN;
  const int tx = get_local_id(0), ty = get_local_id(1), me = ty * 16 + tx, kk = me % TK, nn = me / TK;
#if MODE == CONV || MODE == CONV_DX
  // This work-item fetches one column (TN = ITEMS).
  const long col = n0 + me;
  const int live = col < p.n, sample = live ? (int)(col / COLUMN_PLANE) : 0, at = live ? (int)(col % COLUMN_PLANE) : 0;
  const int aw = at % COLUMN_SIZE[2], ah = at / COLUMN_SIZE[2] % COLUMN_SIZE[1], ad = at / COLUMN_SIZE[2] / COLUMN_SIZE[1];
  global const T *from = pb + SOURCE_FIRST(sample) * SOURCE_PLANE;
  int c = 0, q = 0;  // channel and tap of the next row
#ifdef MASKED
  local int shifts[KV];
  for (int i = me; i < KV; i += ITEMS) shifts[i] = shift(&p, i);
  barrier(CLK_LOCAL_MEM_FENCE);
  const bits mask = live ? mask_of(&p, ad, ah, aw) : 0;
  int origin_ = origin(&p, ad, ah, aw);
#endif
#elif MODE == CONV_DW
  // One position of a tile and every (ITEMS / TK)th column of it.
  int off[LB], taps[LB];
  for (int i = 0; i < LB; i++) {
    const int n = (int)min(n0 + nn + i * (ITEMS / TK), p.n - 1), ch = n / KV;
    int td, th, tw;
    taps[i] = n - ch * KV;
    tap(taps[i], &td, &th, &tw);
    off[i] = ch * in + (td * DIL0 * p.size[1] + th * DIL1) * p.size[2] + tw * DIL2;
    taps[i] = td | th << 10 | tw << 20;
  }
  int s = (int)((k0 + kk) / out), at = (int)((k0 + kk) % out);
#endif
  vec acc[RM][2];
  for (int i = 0; i < RM; i++) acc[i][0] = acc[i][1] = 0;
  int buffer = 0;
  for (long kt = k0; kt < k1 + TK; kt += TK) {
    T ra[LA], rb[LB];
    if (kt < k1) {
      const long k = kt + kk;
#if MODE == MATMUL
      const int along = p.sa[1] == 1, across = p.sb[1] == 1;  // neighbours in memory go to neighbours in the group
      for (int i = 0; i < LA; i++) {
        const int t = i * ITEMS + me;
        const long ak = kt + (along ? t % TK : t / TM), m = m0 + (along ? t / TK : t % TM);
        ra[i] = ak < k1 && m < p.m ? pa[m * p.sa[0] + ak * p.sa[1]] : (T)0;
      }
      for (int i = 0; i < LB; i++) {
        const int t = i * ITEMS + me;
        const long bk = kt + (across ? t / TN : t % TK), n = n0 + (across ? t % TN : t / TK);
        rb[i] = bk < k1 && n < p.n ? pb[bk * p.sb[0] + n * p.sb[1]] : (T)0;
      }
#else
#if MODE == CONV
      global const T *a = pa + ((long)g * og + m0 + nn) * p.k + k;
      const long step = p.k * (ITEMS / TK);
#elif MODE == CONV_DX
      const int o = (int)k / KV;
      global const T *a = pa + (((long)g * og + o) * cg + m0 + nn) * KV + ((int)k - o * KV);
      const long step = (ITEMS / TK) * KV;
#else
      global const T *a = pa + ((long)s * p.out + (long)g * og + m0 + nn) * out + at;
      const long step = (long)out * (ITEMS / TK);
#endif
      for (int i = 0; i < LA; i++) ra[i] = k < k1 && m0 + nn + i * (ITEMS / TK) < p.m ? a[i * step] : (T)0;
#endif
#if MODE == CONV || MODE == CONV_DX
      const int left = (int)min(k1 - kt, (long)TK);
      for (int i = 0; i < LB; i++) {
#ifdef MASKED
        rb[i] = i < left && (mask >> q & 1) ? from[origin_ + shifts[q]] : (T)0;
#else
        const int place_ = live && i < left ? source(&p, ad, ah, aw, q) : -1;
        rb[i] = place_ >= 0 ? from[place_] : (T)0;
#endif
        if (++q == KV) q = 0, from += SOURCE_PLANE;
      }
#elif MODE == CONV_DW
      const int w = at % p.osize[2] * STR2 - PAD2, h = at / p.osize[2] % p.osize[1] * STR1 - PAD1;
      const int d = at / p.osize[2] / p.osize[1] * STR0 - PAD0, here = (d * p.size[1] + h) * p.size[2] + w;
      global const T *x = pb + ((long)s * p.in + g * cg) * in;
      for (int i = 0; i < LB; i++) {
        const int ok = ((uint)(d + (taps[i] & 1023) * DIL0) < (uint)p.size[0]) & ((uint)(h + (taps[i] >> 10 & 1023) * DIL1) < (uint)p.size[1]) &
                       ((uint)(w + (taps[i] >> 20) * DIL2) < (uint)p.size[2]);
        rb[i] = ok && k < k1 ? x[here + off[i]] : (T)0;
      }
      for (at += TK; at >= out; at -= out) s++;
#endif
    }
    if (kt > k0)
      for (int k = 0; k < TK; k++) {
        local const T *row = &as[buffer ^ 1][k][ty * RM];
        const vec b0 = *(local const vec *)&bs[buffer ^ 1][k][tx * 4], b1 = *(local const vec *)&bs[buffer ^ 1][k][TN / 2 + tx * 4];
#define ROW(i, v) acc[i][0] = fma((vec)(v), b0, acc[i][0]), acc[i][1] = fma((vec)(v), b1, acc[i][1]);
#if RM % 4 == 0
        for (int i = 0; i < RM; i += 4) {
          const vec a = *(local const vec *)(row + i);
          ROW(i, a.s0) ROW(i + 1, a.s1) ROW(i + 2, a.s2) ROW(i + 3, a.s3)
        }
#else
        for (int i = 0; i < RM; i++) ROW(i, row[i])
#endif
      }
    if (kt >= k1) break;
#if MODE == MATMUL
    const int along = p.sa[1] == 1, across = p.sb[1] == 1;
    for (int i = 0; i < LA; i++) {
      const int t = i * ITEMS + me;
      as[buffer][along ? t % TK : t / TM][along ? t / TK : t % TM] = ra[i];
    }
    for (int i = 0; i < LB; i++) {
      const int t = i * ITEMS + me;
      bs[buffer][across ? t / TN : t % TK][across ? t % TN : t / TK] = rb[i];
    }
#else
    for (int i = 0; i < LA; i++) as[buffer][kk][nn + i * (ITEMS / TK)] = ra[i];
    for (int i = 0; i < LB; i++) {
#if MODE == CONV_DW
      bs[buffer][kk][nn + i * (ITEMS / TK)] = rb[i];
#else
      bs[buffer][i][me] = rb[i];
#endif
    }
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
    buffer ^= 1;
  }
  const long m1 = m0 + ty * RM;
#define STORE(half_, j, field)                                               \
  {                                                                          \
    const long n = n0 + half_ * (TN / 2) + tx * 4 + j;                       \
    if (n < p.n) {                                                           \
      global T *y = py + COLUMN(n) + m1 * ROW_STRIDE;                        \
      for (int i = 0; i < RM; i++)                                           \
        if (m1 + i < p.m) {                                                  \
          T v = acc[i][half_].field;                                         \
          if (pbias) v += BIAS(m1 + i, n);                                   \
          y[i * (long)ROW_STRIDE] = ACT(v);                                  \
        }                                                                    \
    }                                                                        \
  }
  STORE(0, 0, s0) STORE(0, 1, s1) STORE(0, 2, s2) STORE(0, 3, s3)
  STORE(1, 0, s0) STORE(1, 1, s1) STORE(1, 2, s2) STORE(1, 3, s3)
}
#endif
