// Matrix products through local memory: y[m, n] = sum_k A(m, k) B(k, n), in tiles of 64 x 64 by
// 16 work-items squared with 4 x 4 results each. Convolution and its gradients are the same
// product with B (or A) read from the tensor by position ("implicit GEMM"), MODE says which:
//   MATMUL  strided matrices, z the batch            CONV     columns are output positions
//   CONV_DX columns are input positions              CONV_DW  columns are (channel, tap), the sum
//   runs over samples and positions in chunks of fixed length; `join` adds them in order.
// Prelude: T, MODE, and for convolutions KD KH KW, STR*, PAD*, DIL* (axis 0, 1, 2).
#define TM 64
#define TN 64
#define TK 16
#define MATMUL 0
#define CONV 1
#define CONV_DX 2
#define CONV_DW 3
#define KV (KD * KH * KW)

typedef struct {
  long m, n, k, chunk, sa[3], sb[3], sy;  // strides of matmul: row, column, batch
  int samples, in, out, groups, size[3], osize[3], act, pad;
} geometry;

#if MODE != MATMUL
static void tap(int q, int *d, int *h, int *w) {
  *w = q % KW;
  *h = q / KW % KH;
  *d = q / (KW * KH);
}
#endif

kernel __attribute__((reqd_work_group_size(16, 16, 1)))
void gemm(IN(T, pa), IN(T, pb), IN(T, pbias), OUT(T, py), const geometry p, const T alpha) {
  local T as[TK][TM + 1], bs[TK][TN];
  USE_IN(T, pa);
  USE_IN(T, pb);
  USE_IN(T, pbias);
  USE_OUT(T, py);
  const int tx = get_local_id(0), ty = get_local_id(1), me = ty * 16 + tx, z = get_group_id(2);
  const long n0 = (long)get_group_id(0) * TN, m0 = (long)get_group_id(1) * TM;
#if MODE == MATMUL
  pa += z * p.sa[2];
  pb += z * p.sb[2];
  const long k0 = 0, k1 = p.k;
#else
  const int g = z % p.groups, split = z / p.groups, cg = p.in / p.groups, og = p.out / p.groups;
  const long in = (long)p.size[0] * p.size[1] * p.size[2], out = (long)p.osize[0] * p.osize[1] * p.osize[2];
  const long k0 = split * p.chunk, k1 = min(p.k, k0 + p.chunk);
#endif
#if MODE == CONV || MODE == CONV_DX
  // this work-item loads one column, every fourth row of it
  const long col = n0 + me % TN;
  const int live = col < p.n;
#if MODE == CONV
  const long plane = out;
  const int wd = p.osize[2], wh = p.osize[1];
#else
  const long plane = in;
  const int wd = p.size[2], wh = p.size[1];
#endif
  const int sample = live ? (int)(col / plane) : 0, at = live ? (int)(col % plane) : 0;
  const int aw = at % wd, ah = at / wd % wh, ad = at / wd / wh;
#endif
  T acc[4][4];
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) acc[i][j] = 0;
  for (long kt = k0; kt < k1; kt += TK) {
    for (int i = 0; i < 4; i++) {
      const int kk = me % TK, mm = me / TK + 16 * i;
      const long k = kt + kk, m = m0 + mm;
      T v = 0;
      if (k < k1 && m < p.m) {
#if MODE == MATMUL
        v = pa[m * p.sa[0] + k * p.sa[1]];
#elif MODE == CONV
        v = pa[((long)g * og + m) * p.k + k];
#elif MODE == CONV_DX
        const int o = (int)k / KV;
        v = pa[(((long)g * og + o) * cg + m) * KV + ((int)k - o * KV)];
#else
        const int s = (int)(k / out);
        v = pa[((long)s * p.out + (long)g * og + m) * out + (k - s * out)];
#endif
      }
      as[kk][mm] = v;
    }
    for (int i = 0; i < 4; i++) {
#if MODE == CONV || MODE == CONV_DX
      const int kk = me / TN + 4 * i, nn = me % TN;
      const long k = kt + kk;
      T v = 0;
      if (live && k < k1) {
        const int c = (int)k / KV;
        int td, th, tw;
        tap((int)k - c * KV, &td, &th, &tw);
#if MODE == CONV
        const int d = ad * STR0 - PAD0 + td * DIL0, h = ah * STR1 - PAD1 + th * DIL1, w = aw * STR2 - PAD2 + tw * DIL2;
        if (d >= 0 && d < p.size[0] && h >= 0 && h < p.size[1] && w >= 0 && w < p.size[2])
          v = pb[((long)sample * p.in + g * cg + c) * in + ((long)d * p.size[1] + h) * p.size[2] + w];
#else
        const int d = ad + PAD0 - td * DIL0, h = ah + PAD1 - th * DIL1, w = aw + PAD2 - tw * DIL2;
        if (d >= 0 && h >= 0 && w >= 0 && d % STR0 == 0 && h % STR1 == 0 && w % STR2 == 0 && d / STR0 < p.osize[0] &&
            h / STR1 < p.osize[1] && w / STR2 < p.osize[2])
          v = pb[((long)sample * p.out + g * og + c) * out + ((long)(d / STR0) * p.osize[1] + h / STR1) * p.osize[2] + w / STR2];
#endif
      }
#else
      const int kk = me % TK, nn = me / TK + 16 * i;
      const long k = kt + kk, n = n0 + nn;
      T v = 0;
      if (k < k1 && n < p.n) {
#if MODE == MATMUL
        v = pb[k * p.sb[0] + n * p.sb[1]];
#else
        const int s = (int)(k / out), at = (int)(k % out), c = (int)n / KV;
        int td, th, tw;
        tap((int)n - c * KV, &td, &th, &tw);
        const int aw = at % p.osize[2], ah = at / p.osize[2] % p.osize[1], ad = at / p.osize[2] / p.osize[1];
        const int d = ad * STR0 - PAD0 + td * DIL0, h = ah * STR1 - PAD1 + th * DIL1, w = aw * STR2 - PAD2 + tw * DIL2;
        if (d >= 0 && d < p.size[0] && h >= 0 && h < p.size[1] && w >= 0 && w < p.size[2])
          v = pb[((long)s * p.in + g * cg + c) * in + ((long)d * p.size[1] + h) * p.size[2] + w];
#endif
      }
#endif
      bs[kk][nn] = v;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < TK; k++) {
      T a[4], b[4];
      for (int i = 0; i < 4; i++) a[i] = as[k][ty + 16 * i], b[i] = bs[k][tx + 16 * i];
      for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) acc[i][j] = fma(a[i], b[j], acc[i][j]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int j = 0; j < 4; j++) {
    const long n = n0 + tx + 16 * j;
    if (n >= p.n) continue;
    for (int i = 0; i < 4; i++) {
      const long m = m0 + ty + 16 * i;
      if (m >= p.m) continue;
      T v = acc[i][j];
#if MODE == MATMUL
      if (pbias) v += pbias[n];
      py[z * p.sy + m * p.n + n] = v;
#elif MODE == CONV
      if (pbias) v += pbias[g * og + m];
      if (p.act && v <= 0) v = p.act == 1 ? 0 : alpha * v;
      py[((n / out) * p.out + g * og + m) * out + n % out] = v;
#elif MODE == CONV_DX
      py[((n / in) * p.in + g * cg + m) * in + n % in] = v;
#else
      py[((long)split * p.out + g * og + m) * p.n + n] = v;
#endif
    }
  }
}

// y[i] = the sum of `parts` runs of n, in order.
kernel void join(IN(T, px), OUT(T, py), const long n, const long parts) {
  USE_IN(T, px);
  USE_OUT(T, py);
  const long i = get_global_id(0);
  if (i >= n) return;
  T s = 0;
  for (long j = 0; j < parts; j++) s += px[j * n + i];
  py[i] = s;
}

// dbias[o] = the sum of dy[*, o, *]: one group an output, 64 strided runs and a tree of fixed shape.
kernel void channel_sum(IN(T, px), OUT(T, py), const long samples, const long channels, const long plane) {
  local A lane[64];
  USE_IN(T, px);
  USE_OUT(T, py);
  const long o = get_group_id(0);
  const int me = get_local_id(0);
  A s = 0;
  for (long q = 0; q < samples; q++)
    for (long i = me; i < plane; i += 64) s += px[(q * channels + o) * plane + i];
  lane[me] = s;
  TREE64(lane, me);
  if (me == 0) py[o] = (T)lane[0];
}
