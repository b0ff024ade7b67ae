// Batch normalisation (formulas: nn/norm_batch.c). Sums over a channel are taken in pieces of
// one plane (or 4096 positions of it) by groups of 64, and joined by one group a channel, always
// in the same tree.
#define PIECE 4096

static T act_of(int kind, T alpha, T z) { return kind && z <= 0 ? (kind == 1 ? (T)0 : alpha * z) : z; }
static T slope_of(int kind, T alpha, T z) { return kind && z <= 0 ? (kind == 1 ? (T)0 : alpha) : (T)1; }

// part[c][n][piece] = sum of x, or of (x - mean)^2 where a mean is given.
kernel void moments(IN(T, px), IN(T, pmean), OUT(A, ppart), const long samples, const long channels, const long plane,
                    const long pieces) {
  local A lane[64];
  USE_IN(T, px);
  USE_IN(T, pmean);
  USE_OUT(A, ppart);
  const long g = get_group_id(0), piece = g % pieces, n = g / pieces % samples, c = g / pieces / samples;
  const int me = get_local_id(0);
  const long end = min(plane, (piece + 1) * PIECE);
  const T mu = pmean ? pmean[c] : (T)0;
  A s = 0;
  for (long i = piece * PIECE + me; i < end; i += 64) {
    A v = (A)(px[(n * channels + c) * plane + i] - mu);
    s += pmean ? v * v : v;
  }
  lane[me] = s;
  TREE64(lane, me);
  if (me == 0) ppart[g] = lane[0];
}

// y[c] = scale times the sum of its `count` parts.
kernel void join(IN(A, ppart), OUT(T, py), const long count, const A scale) {
  local A lane[64];
  USE_IN(A, ppart);
  USE_OUT(T, py);
  const long c = get_group_id(0);
  const int me = get_local_id(0);
  A s = 0;
  for (long i = me; i < count; i += 64) s += ppart[c * count + i];
  lane[me] = s;
  TREE64(lane, me);
  if (me == 0) py[c] = (T)(lane[0] * scale);
}

kernel void apply(IN(T, px), IN(T, pgamma), IN(T, pbeta), IN(T, pmean), IN(T, pvar), OUT(T, py), const long channels,
                  const long plane, const long total, const T eps, const int kind, const T alpha) {
  USE_IN(T, px);
  USE_IN(T, pgamma);
  USE_IN(T, pbeta);
  USE_IN(T, pmean);
  USE_IN(T, pvar);
  USE_OUT(T, py);
  const long i = get_global_id(0);
  if (i >= total) return;
  const long c = i / plane % channels;
  const T scale = (pgamma ? pgamma[c] : (T)1) / sqrt(pvar[c] + eps);
  py[i] = act_of(kind, alpha, (px[i] - pmean[c]) * scale + (pbeta ? pbeta[c] : (T)0));
}

// Two sums a piece: g and g xhat, in two halves of part.
kernel void slopes(IN(T, px), IN(T, pdy), IN(T, pgamma), IN(T, pbeta), IN(T, pmean), IN(T, pvar), OUT(A, ppart), const long samples,
                   const long channels, const long plane, const long pieces, const T eps, const int kind, const T alpha) {
  local A lane[64];
  USE_IN(T, px);
  USE_IN(T, pdy);
  USE_IN(T, pgamma);
  USE_IN(T, pbeta);
  USE_IN(T, pmean);
  USE_IN(T, pvar);
  USE_OUT(A, ppart);
  const long g = get_group_id(0), piece = g % pieces, n = g / pieces % samples, c = g / pieces / samples;
  const int me = get_local_id(0);
  const long end = min(plane, (piece + 1) * PIECE);
  const T mu = pmean[c], r = 1 / sqrt(pvar[c] + eps), w = pgamma ? pgamma[c] : (T)1, shift = pbeta ? pbeta[c] : (T)0;
  A s = 0, sx = 0;
  for (long i = piece * PIECE + me; i < end; i += 64) {
    const long at = (n * channels + c) * plane + i;
    const T h = (px[at] - mu) * r, d = pdy[at] * slope_of(kind, alpha, h * w + shift);
    s += d;
    sx += (A)d * h;
  }
  lane[me] = s;
  TREE64(lane, me);
  if (me == 0) ppart[g] = lane[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  lane[me] = sx;
  TREE64(lane, me);
  if (me == 0) ppart[get_num_groups(0) + g] = lane[0];
}

kernel void apply_grad(IN(T, px), IN(T, pdy), IN(T, pgamma), IN(T, pbeta), IN(T, pmean), IN(T, pvar), IN(T, psum), IN(T, psumx),
                       OUT(T, pdx), const long channels, const long plane, const long total, const T eps, const int kind,
                       const T alpha, const int fixed, const T m) {
  USE_IN(T, px);
  USE_IN(T, pdy);
  USE_IN(T, pgamma);
  USE_IN(T, pbeta);
  USE_IN(T, pmean);
  USE_IN(T, pvar);
  USE_IN(T, psum);
  USE_IN(T, psumx);
  USE_OUT(T, pdx);
  const long i = get_global_id(0);
  if (i >= total) return;
  const long c = i / plane % channels;
  const T r = 1 / sqrt(pvar[c] + eps), w = pgamma ? pgamma[c] : (T)1, h = (px[i] - pmean[c]) * r;
  const T d = pdy[i] * slope_of(kind, alpha, h * w + (pbeta ? pbeta[c] : (T)0));
  pdx[i] = w * r * (fixed ? d : d - psum[c] / m - h * (psumx[c] / m));
}
