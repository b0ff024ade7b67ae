// Resampling (formulas: nn/resize.c). Places are exact fractions of integers: along an axis of m
// elements read by n outputs, output i stands at ((2 i + 1) m - n) / 2 n, or with align_corners
// at i (m - 1) / (n - 1). The gradient gathers: each input from the outputs that read it.
typedef struct { long planes, in, out, size[3], osize[3]; int linear, align; } plan;

static void tap(const plan *p, int j, long i, long *a, long *b, A *f) {
  const long m = p->size[j], n = p->osize[j];
  long up, down;
  if (!p->linear) up = i * m, down = n;
  else if (p->align) up = i * (m - 1), down = max(n - 1, 1L);
  else up = max((2 * i + 1) * m - n, 0L), down = 2 * n;
  *a = min(up / down, m - 1);
  *b = p->linear ? min(*a + 1, m - 1) : *a;
  *f = p->linear ? (A)(up - *a * down) / (A)down : (A)0;
}

kernel void forward(IN(T, px), OUT(T, py), const plan p) {
  USE_IN(T, px);
  USE_OUT(T, py);
  const long t = get_global_id(0);
  if (t >= p.planes * p.out) return;
  long o = t % p.out, at[3][2];
  A w[3][2];
  for (int j = 2; j >= 0; o /= p.osize[j], j--) {
    tap(&p, j, o % p.osize[j], &at[j][0], &at[j][1], &w[j][1]);
    w[j][0] = 1 - w[j][1];
  }
  px += t / p.out * p.in;
  A sum = 0;
  for (int q = 0; q < 8; q++) {
    const int x = q >> 2, y = q >> 1 & 1, z = q & 1;
    const A v = w[0][x] * w[1][y] * w[2][z];
    if (v != 0) sum += v * px[(at[0][x] * p.size[1] + at[1][y]) * p.size[2] + at[2][z]];
  }
  py[t] = (T)sum;
}

// Outputs that may read element x of axis j.
static void readers(const plan *p, int j, long x, long *lo, long *hi) {
  const long m = p->size[j], n = p->osize[j];
  *lo = 0, *hi = n - 1;
  if (p->align && m == 1) return;
  const long up = p->align ? n - 1 : n, down = p->align ? m - 1 : m;
  if (x > 0) *lo = max((x - 1) * up / down - 1, 0L);
  if (x < m - 1) *hi = min((x + 2) * up / down + 1, n - 1);
}

static A weight(const plan *p, int j, long i, long x) {
  long a, b;
  A f;
  tap(p, j, i, &a, &b, &f);
  return (a == x ? 1 - f : (A)0) + (b == x ? f : (A)0);
}

kernel void backward(IN(T, pdy), OUT(T, pdx), const plan p) {
  USE_IN(T, pdy);
  USE_OUT(T, pdx);
  const long t = get_global_id(0);
  if (t >= p.planes * p.in) return;
  long i = t % p.in, at[3], lo[3], hi[3];
  for (int j = 2; j >= 0; i /= p.size[j], j--) at[j] = i % p.size[j], readers(&p, j, at[j], &lo[j], &hi[j]);
  pdy += t / p.in * p.out;
  A sum = 0;
  for (long a = lo[0]; a <= hi[0]; a++) {
    const A wa = weight(&p, 0, a, at[0]);
    if (wa == 0) continue;
    for (long b = lo[1]; b <= hi[1]; b++) {
      const A wb = wa * weight(&p, 1, b, at[1]);
      if (wb == 0) continue;
      for (long c = lo[2]; c <= hi[2]; c++) {
        const A w = wb * weight(&p, 2, c, at[2]);
        if (w != 0) sum += w * pdy[(a * p.osize[1] + b) * p.osize[2] + c];
      }
    }
  }
  pdx[t] = (T)sum;
}
