// Sums over all pairs (formulas: geometry/pair_sum.h). A work-item has a target, a group goes
// through its sources in tiles of local memory; sums are compensated (Kahan, CACM 8, 40, 1965).
// Sources are cut into `splits` runs, whose sums `join` adds in order.
// Prelude: T, KIND, VALUES (1, or 4 with the gradient), WHOLE (an integer exponent, or -1); for
// expressions F(r2) and G(r2), its derivative.
#define TILE 128
#define POWER 0
#define YUKAWA 1
#define GAUSSIAN 2
#define EXPRESSION 3

#define ADD(s, c, v)           \
  {                            \
    const T y_ = (v) - (c);    \
    const T t_ = (s) + y_;     \
    c = (t_ - (s)) - y_;       \
    s = t_;                    \
  }

kernel __attribute__((reqd_work_group_size(TILE, 1, 1)))
void pairs(IN(T, psource), IN(T, pcharge), IN(T, ptarget), OUT(T, ppart), const long n, const long m, const long run, const T a,
           const T soft2) {
  local T tile[TILE][4];
  USE_IN(T, psource);
  USE_IN(T, pcharge);
  USE_IN(T, ptarget);
  USE_OUT(T, ppart);
  const int me = get_local_id(0);
  const long i = get_global_id(0), row = min(i, m - 1), split = get_group_id(1), end = min(n, (split + 1) * run);
  const T x = ptarget[3 * row], y = ptarget[3 * row + 1], z = ptarget[3 * row + 2];
  T sum[VALUES], lost[VALUES];
  for (int k = 0; k < VALUES; k++) sum[k] = lost[k] = 0;
  for (long j0 = split * run; j0 < end; j0 += TILE) {
    const int count = (int)min((long)TILE, end - j0);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (me < count) {
      for (int k = 0; k < 3; k++) tile[me][k] = psource[3 * (j0 + me) + k];
      tile[me][3] = pcharge ? pcharge[j0 + me] : (T)1;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int j = 0; j < count; j++) {
      const T dx = x - tile[j][0], dy = y - tile[j][1], dz = z - tile[j][2], q = tile[j][3];
      const T r2 = dx * dx + dy * dy + dz * dz;
      T f, slope = 0;
#if KIND == EXPRESSION
      f = F(r2);
#if VALUES > 1
      slope = 2 * (G(r2));
#endif
#elif KIND == GAUSSIAN
      f = exp(-r2 / (2 * a * a));
      slope = -f / (a * a);
#else
      const int out = r2 == 0;
      const T rho2 = out ? (T)1 : r2 + soft2, one = rsqrt(rho2);
#if KIND == YUKAWA
      f = exp(-a * (rho2 * one)) * one;
      slope = -f * (a * (rho2 * one) + 1) * (one * one);
#else
#if WHOLE >= 0
      f = 1;
      for (int k = 0; k < WHOLE; k++) f *= one;
#else
      f = pow(rho2, a / -2);
#endif
      slope = -a * f * (one * one);
#endif
      if (out) f = slope = 0;
#endif
      ADD(sum[0], lost[0], q * f)
#if VALUES > 1
      slope *= q;
      ADD(sum[1], lost[1], slope * dx)
      ADD(sum[2], lost[2], slope * dy)
      ADD(sum[3], lost[3], slope * dz)
#endif
    }
  }
  if (i < m)
    for (int k = 0; k < VALUES; k++) ppart[(split * m + i) * VALUES + k] = sum[k];
}

kernel void join(IN(T, ppart), OUT(T, pphi), OUT(T, pgradient), const long m, const long splits) {
  USE_IN(T, ppart);
  USE_OUT(T, pphi);
  USE_OUT(T, pgradient);
  const long i = get_global_id(0);
  if (i >= m) return;
  for (int k = 0; k < VALUES; k++) {
    T sum = 0, lost = 0;
    for (long s = 0; s < splits; s++) ADD(sum, lost, ppart[(s * m + i) * VALUES + k])
    if (k == 0) pphi[i] = sum;
    else pgradient[3 * i + k - 1] = sum;
  }
}
