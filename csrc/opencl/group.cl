// Group and layer normalisation (formulas: nn/norm_group.c), x as [N, G, K, S]. One group of 64
// work-items a run of K * S elements, or a channel; sums in a tree of fixed shape.
static A total_of(local A *lane, int me, A v) {
  barrier(CLK_LOCAL_MEM_FENCE);
  lane[me] = v;
  TREE64(lane, me);
  return lane[0];
}

kernel void forward(IN(T, px), IN(T, pgamma), IN(T, pbeta), OUT(T, py), OUT(T, pmean), OUT(T, pvar), const long groups, const long k,
                    const long s, const T eps) {
  local A lane[64];
  USE_IN(T, px);
  USE_IN(T, pgamma);
  USE_IN(T, pbeta);
  USE_OUT(T, py);
  USE_OUT(T, pmean);
  USE_OUT(T, pvar);
  const long q = get_group_id(0), m = k * s, first = q % groups * k;
  const int me = get_local_id(0);
  A a = 0;
  for (long j = me; j < m; j += 64) a += px[q * m + j];
  const A mu = total_of(lane, me, a) / m;
  a = 0;
  for (long j = me; j < m; j += 64) a += (px[q * m + j] - mu) * (px[q * m + j] - mu);
  const A var = total_of(lane, me, a) / m, r = 1 / sqrt(var + eps);
  if (me == 0 && pmean) pmean[q] = (T)mu;
  if (me == 0 && pvar) pvar[q] = (T)var;
  for (long j = me; j < m; j += 64) {
    const long ch = first + j / s;
    py[q * m + j] = (T)((px[q * m + j] - mu) * r * (pgamma ? pgamma[ch] : (T)1) + (pbeta ? pbeta[ch] : (T)0));
  }
}

kernel void backward(IN(T, px), IN(T, pdy), IN(T, pgamma), IN(T, pmean), IN(T, pvar), OUT(T, pdx), const long groups, const long k,
                     const long s, const T eps) {
  local A lane[64];
  USE_IN(T, px);
  USE_IN(T, pdy);
  USE_IN(T, pgamma);
  USE_IN(T, pmean);
  USE_IN(T, pvar);
  USE_OUT(T, pdx);
  const long q = get_group_id(0), m = k * s, first = q % groups * k;
  const int me = get_local_id(0);
  const A mu = pmean[q], r = 1 / sqrt((A)pvar[q] + eps);
  A a = 0, ax = 0;
  for (long j = me; j < m; j += 64) {
    const A d = (A)pdy[q * m + j] * (pgamma ? pgamma[first + j / s] : (T)1);
    a += d;
    ax += d * (px[q * m + j] - mu) * r;
  }
  const A sum = total_of(lane, me, a) / m, sumx = total_of(lane, me, ax) / m;
  for (long j = me; j < m; j += 64) {
    const A d = (A)pdy[q * m + j] * (pgamma ? pgamma[first + j / s] : (T)1);
    pdx[q * m + j] = (T)(r * (d - sum - (px[q * m + j] - mu) * r * sumx));
  }
}

kernel void channels(IN(T, px), IN(T, pdy), IN(T, pmean), IN(T, pvar), OUT(T, pdgamma), OUT(T, pdbeta), const long samples,
                     const long groups, const long k, const long s, const T eps) {
  local A lane[64];
  USE_IN(T, px);
  USE_IN(T, pdy);
  USE_IN(T, pmean);
  USE_IN(T, pvar);
  USE_OUT(T, pdgamma);
  USE_OUT(T, pdbeta);
  const long ch = get_group_id(0);
  const int me = get_local_id(0);
  A a = 0, ax = 0;
  for (long t = me; t < samples * s; t += 64) {
    const long n = t / s, q = n * groups + ch / k, at = (n * groups * k + ch) * s + t % s;
    const A r = 1 / sqrt((A)pvar[q] + eps);
    a += pdy[at];
    ax += pdy[at] * (px[at] - (A)pmean[q]) * r;
  }
  const A sum = total_of(lane, me, a), sumx = total_of(lane, me, ax);
  if (me == 0 && pdbeta) pdbeta[ch] = (T)sum;
  if (me == 0 && pdgamma) pdgamma[ch] = (T)sumx;
}
