// Rows by index and reductions over groups of rows (rules: nn/rows.c, nn/segment.c).
// index_add: how often each row is named is counted, the sources of a row are listed in the order
// in which they came by, sorted (by heaps, in place) and added in that order, so that the sum does
// not depend on the device's scheduling.
kernel void gather(IN(T, px), IN(i64, pindex), OUT(T, py), const long rows, const long m, const long d, CHECKS) {
  USE_IN(T, px);
  USE_IN(i64, pindex);
  USE_OUT(T, py);
  const long t = get_global_id(0);
  if (t >= m * d) return;
  const long r = pindex[t / d] - 1;
  if (r < 0 || r >= rows) COMPLAIN;
  else py[t] = px[r * d + t % d];
}

kernel void count(IN(i64, pindex), OUT(i32, pcount), const long rows, const long m, CHECKS) {
  USE_IN(i64, pindex);
  USE_OUT(i32, pcount);
  const long i = get_global_id(0);
  if (i >= m) return;
  const long r = pindex[i] - 1;
  if (r < 0 || r >= rows) COMPLAIN;
  else atomic_inc(&pcount[r]);
}

// first[r] = the sum of the counts before r, in one group; counts become 0 again.
kernel void starts(OUT(i32, pcount), OUT(i32, pfirst), const long rows) {
  local int lane[64];
  USE_OUT(i32, pcount);
  USE_OUT(i32, pfirst);
  const int me = get_local_id(0);
  const long run = (rows + 63) / 64, lo = min(me * run, rows), hi = min(lo + run, rows);
  int sum = 0;
  for (long r = lo; r < hi; r++) sum += pcount[r];
  lane[me] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  sum = 0;
  for (int i = 0; i < me; i++) sum += lane[i];
  for (long r = lo; r < hi; r++) {
    pfirst[r] = sum;
    sum += pcount[r];
    pcount[r] = 0;
  }
  if (me == 63) pfirst[rows] = sum;
}

kernel void list(IN(i64, pindex), OUT(i32, pcount), IN(i32, pfirst), OUT(i32, porder), const long rows, const long m) {
  USE_IN(i64, pindex);
  USE_OUT(i32, pcount);
  USE_IN(i32, pfirst);
  USE_OUT(i32, porder);
  const long i = get_global_id(0);
  if (i >= m) return;
  const long r = pindex[i] - 1;
  if (r >= 0 && r < rows) porder[pfirst[r] + atomic_inc(&pcount[r])] = (int)i;
}

static void sift(global int *v, int root, int n) {
  const int x = v[root];
  for (int child; (child = 2 * root + 1) < n; root = child) {
    if (child + 1 < n && v[child + 1] > v[child]) child++;
    if (v[child] <= x) break;
    v[root] = v[child];
  }
  v[root] = x;
}

kernel void sort(IN(i32, pfirst), OUT(i32, porder), const long rows) {
  USE_IN(i32, pfirst);
  USE_OUT(i32, porder);
  const long r = get_global_id(0);
  if (r >= rows) return;
  global int *v = porder + pfirst[r];
  const int n = pfirst[r + 1] - pfirst[r];
  for (int k = n / 2 - 1; k >= 0; k--) sift(v, k, n);
  for (int k = n - 1; k > 0; k--) {
    const int x = v[0];
    v[0] = v[k];
    v[k] = x;
    sift(v, 0, k);
  }
}

kernel void add(IN(T, psrc), IN(i32, pfirst), IN(i32, porder), OUT(T, py), const long rows, const long d) {
  USE_IN(T, psrc);
  USE_IN(i32, pfirst);
  USE_IN(i32, porder);
  USE_OUT(T, py);
  const long t = get_global_id(0);
  if (t >= rows * d) return;
  const long r = t / d, j = t % d;
  A sum = 0;
  for (int k = pfirst[r]; k < pfirst[r + 1]; k++) sum += psrc[(long)porder[k] * d + j];
  py[t] = (T)sum;
}

// mode 0: sum, 1: mean, 2: maximum
#define BOUNDS                                                            \
  const long g = t / d, j = t % d;                                        \
  long lo = poff[g], hi = poff[g + 1];                                    \
  if (lo < 0 || hi < lo || hi > rows) {                                   \
    COMPLAIN;                                                             \
    lo = hi = 0;                                                          \
  }

kernel void segment(IN(T, px), IN(i64, poff), OUT(T, py), OUT(i64, parg), const long groups, const long d, const long rows,
                    const int mode, CHECKS) {
  USE_IN(T, px);
  USE_IN(i64, poff);
  USE_OUT(T, py);
  USE_OUT(i64, parg);
  const long t = get_global_id(0);
  if (t >= groups * d) return;
  BOUNDS
  A r = 0;
  T top = 0;
  long best = 0;
  for (long i = lo; i < hi; i++) {
    const T v = px[i * d + j];
    if (mode != 2) r += v;
    else if (!best || v > top || (isnan(v) && !isnan(top))) top = v, best = i + 1;
  }
  if (mode == 1 && hi > lo) r /= (A)(hi - lo);
  py[t] = mode == 2 ? top : (T)r;
  if (mode == 2 && parg) parg[t] = best;
}

kernel void segment_grad(IN(T, pdy), IN(i64, poff), IN(i64, parg), OUT(T, pdx), const long groups, const long d, const long rows,
                         const int mode, CHECKS) {
  USE_IN(T, pdy);
  USE_IN(i64, poff);
  USE_IN(i64, parg);
  USE_OUT(T, pdx);
  const long t = get_global_id(0);
  if (t >= groups * d) return;
  BOUNDS
  if (mode == 2) {
    const long i = parg[t];
    if (hi > lo ? i <= lo || i > hi : i != 0) COMPLAIN;
    else if (i) pdx[(i - 1) * d + j] = pdy[t];
    return;
  }
  const T v = mode == 1 ? (T)(pdy[t] / (A)(hi - lo)) : pdy[t];
  for (long i = lo; i < hi; i++) pdx[i * d + j] = v;
}
