// Softmax and cross-entropy (formulas: nn/softmax.c, nn/cross_entropy.c), and what training
// measures of a whole tensor (nn/measure.c). Sums of parts of fixed size, joined in order.
#define PIECE 4096

kernel void softmax(IN(T, px), OUT(T, py), const long outer, const long n, const long inner, const int logarithm) {
  USE_IN(T, px);
  USE_OUT(T, py);
  const long t = get_global_id(0);
  if (t >= outer * inner) return;
  const long at = t / inner * n * inner + t % inner;
  T top = -INFINITY;
  A sum = 0;
  for (long k = 0; k < n; k++) {
    const T v = px[at + k * inner];
    if (v > top || isnan(v)) top = v;
  }
  for (long k = 0; k < n; k++) sum += exp(px[at + k * inner] - top);
  const T l = (T)log(sum), r = (T)(1 / sum);
  for (long k = 0; k < n; k++) {
    const T v = px[at + k * inner] - top;
    py[at + k * inner] = logarithm ? v - l : exp(v) * r;
  }
}

kernel void softmax_grad(IN(T, py), IN(T, pdy), OUT(T, pdx), const long outer, const long n, const long inner, const int logarithm) {
  USE_IN(T, py);
  USE_IN(T, pdy);
  USE_OUT(T, pdx);
  const long t = get_global_id(0);
  if (t >= outer * inner) return;
  const long at = t / inner * n * inner + t % inner;
  A sum = 0;
  for (long k = 0, j = at; k < n; k++, j += inner) sum += (A)pdy[j] * (logarithm ? (T)1 : py[j]);
  for (long k = 0, j = at; k < n; k++, j += inner)
    pdx[j] = logarithm ? pdy[j] - exp(py[j]) * (T)sum : py[j] * (pdy[j] - (T)sum);
}

static T log_sum(global const T *x, long at, long c, long s, T *top) {
  T m = -INFINITY;
  A sum = 0;
  for (long k = 0; k < c; k++) {
    const T v = x[at + k * s];
    if (v > m || isnan(v)) m = v;
  }
  for (long k = 0; k < c; k++) sum += exp(x[at + k * s] - m);
  *top = m;
  return (T)log(sum);
}

// part[g] and part[groups + g]: sums of the terms and of the weights of 1024 places.
kernel void entropy(IN(T, px), IN(i64, pt), IN(T, pw), OUT(A, ppart), const long places, const long c, const long s, const T smooth,
                    CHECKS) {
  local A lane[64];
  USE_IN(T, px);
  USE_IN(i64, pt);
  USE_IN(T, pw);
  USE_OUT(A, ppart);
  const int me = get_local_id(0);
  const long g = get_group_id(0), end = min(places, (g + 1) * 1024);
  A a = 0, b = 0;
  for (long i = g * 1024 + me; i < end; i += 64) {
    const long t = pt[i] - 1, at = i / s * c * s + i % s;
    if (t < -1 || t >= c) COMPLAIN;
    if (t < 0 || t >= c) continue;
    T top;
    const T l = log_sum(px, at, c, s, &top), w = pw ? pw[t] : (T)1;
    A even = 0;
    if (smooth > 0)
      for (long q = 0; q < c; q++) even += (pw ? pw[q] : (T)1) * (px[at + q * s] - top - l);
    a -= (1 - smooth) * w * (px[at + t * s] - top - l) + smooth / (T)c * even;
    b += w;
  }
  lane[me] = a;
  TREE64(lane, me);
  if (me == 0) ppart[g] = lane[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  lane[me] = b;
  TREE64(lane, me);
  if (me == 0) ppart[get_num_groups(0) + g] = lane[0];
}

// y[g] = the sum of run g of `count` parts, divided by `divisor`.
kernel void total(IN(A, ppart), OUT(R, py), const long count, const A divisor) {
  local A lane[64];
  USE_IN(A, ppart);
  USE_OUT(R, py);
  const int me = get_local_id(0);
  const long g = get_group_id(0);
  A s = 0;
  for (long i = me; i < count; i += 64) s += ppart[g * count + i];
  lane[me] = s;
  TREE64(lane, me);
  if (me == 0) py[g] = (R)(lane[0] / divisor);
}

kernel void ratio(IN(A, psums), OUT(T, py), const int mean) {
  USE_IN(A, psums);
  USE_OUT(T, py);
  py[0] = (T)(mean ? psums[0] / psums[1] : psums[0]);
}

kernel void entropy_grad(IN(T, px), IN(i64, pt), IN(T, pw), IN(T, pdvalue), IN(A, psums), OUT(T, pdx), const long places,
                         const long c, const long s, const T smooth) {
  USE_IN(T, px);
  USE_IN(i64, pt);
  USE_IN(T, pw);
  USE_IN(T, pdvalue);
  USE_IN(A, psums);
  USE_OUT(T, pdx);
  const long i = get_global_id(0);
  if (i >= places) return;
  const long t = pt[i] - 1, at = i / s * c * s + i % s;
  const T scale = psums ? (T)(pdvalue[0] / psums[1]) : pdvalue[0];
  T top = 0, l = 0, all = 0;
  const int used = t >= 0 && t < c;
  if (used) l = log_sum(px, at, c, s, &top);
  for (long q = 0; q < c; q++) all += pw ? pw[q] : (T)1;
  for (long q = 0; q < c; q++) {
    T g = 0;
    if (used) {
      const T p = exp(px[at + q * s] - top - l);
      g = (1 - smooth) * (pw ? pw[t] : (T)1) * (p - (T)(q == t)) + smooth / (T)c * (p * all - (pw ? pw[q] : (T)1));
    }
    pdx[at + q * s] = scale * g;
  }
}

kernel void squares(IN(T, px), OUT(A, ppart), const long n) {
  local A lane[64];
  USE_IN(T, px);
  USE_OUT(A, ppart);
  const int me = get_local_id(0);
  const long g = get_group_id(0), end = min(n, (g + 1) * PIECE);
  A s = 0;
  for (long i = g * PIECE + me; i < end; i += 64) s += (A)px[i] * px[i];
  lane[me] = s;
  TREE64(lane, me);
  if (me == 0) ppart[g] = lane[0];
}

// The first place of each piece that is not finite, 1-based; then the first of those.
kernel void nonfinite(IN(T, px), IN(i64, pbefore), OUT(i64, py), const long n) {
  local long lane[64];
  USE_IN(T, px);
  USE_IN(i64, pbefore);
  USE_OUT(i64, py);
  const int me = get_local_id(0);
  const long g = get_group_id(0), end = pbefore ? n : min(n, (g + 1) * PIECE);
  long first = LONG_MAX;
  for (long i = (pbefore ? 0 : g * PIECE) + me; i < end; i += 64) {
    const long found = pbefore ? pbefore[i] : isfinite(px[i]) ? 0 : i + 1;
    if (found && found < first) first = found;
  }
  lane[me] = first;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int h = 32; h; h /= 2) {
    if (me < h && lane[me + h] < lane[me]) lane[me] = lane[me + h];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (me == 0) py[g] = lane[0] == LONG_MAX ? 0 : lane[0];
}
