// Reductions: n elements of each output, which stands at `keep`, its elements at `red`.
// Prelude: TS source, TA accumulator, TR result, LIFT(v), INIT, JOIN(a, b), FINISH(a, n);
// ARG for argmin and argmax, where BETTER(v, w) tells whether v comes before w.
//
// The tree has a fixed shape: LANES strided runs through a chunk, halves of the lanes, chunks
// in order by another round. It depends on n alone.
#define LANES 64

#ifndef ARG
kernel void fold(OUT(TR, r), IN(TS, ps), const walk keep, const walk red, const ulong n, const ulong chunk, const ulong chunks,
                 const ulong whole) {
  local TA lane[LANES];
  USE_OUT(TR, r);
  USE_IN(TS, ps);
  ulong g = get_group_id(0), o = g / chunks, c = g % chunks;
  uint me = get_local_id(0);
  long base[1], at[1];
  place(&keep, o, 1, base);
  ulong end = (c + 1) * chunk < n ? (c + 1) * chunk : n;
  TA a = INIT;
  for (ulong j = c * chunk + me; j < end; j += LANES) {
    place(&red, j, 1, at);
    TA v = LIFT(ps[base[0] + at[0]]);
    a = JOIN(a, v);
  }
  lane[me] = a;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint h = LANES / 2; h; h /= 2) {
    if (me < h) {
      TA b = lane[me + h];
      a = lane[me];
      lane[me] = JOIN(a, b);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (me == 0) r[g] = FINISH(lane[0], whole);
}

kernel void each(OUT(TR, r), IN(TS, ps), const walk keep, const walk red, const ulong n, const ulong outputs, const ulong whole) {
  USE_OUT(TR, r);
  USE_IN(TS, ps);
  ulong o = get_global_id(0);
  if (o >= outputs) return;
  long base[1], at[1];
  place(&keep, o, 1, base);
  TA a = INIT;
  for (ulong j = 0; j < n; j++) {
    place(&red, j, 1, at);
    TA v = LIFT(ps[base[0] + at[0]]);
    a = JOIN(a, v);
  }
  r[o] = FINISH(a, whole);
}

#else
// v at i comes before w at j: a NaN first, then the better, then the earlier.
static int before(TS v, long i, TS w, long j) {
  if (j < 0) return 1;
  if (i < 0) return 0;
  int nv = v != v, nw = w != w;
  if (nv || nw) return nv && nw ? i < j : nv;
  return BETTER(v, w) || (v == w && i < j);
}

kernel void fold(OUT(i64, ri), OUT(TS, rv), IN(TS, ps), IN(i64, pi), const walk keep, const walk red, const ulong n,
                 const ulong chunk, const ulong chunks, const int last) {
  local TS lane[LANES];
  local long index[LANES];
  USE_OUT(i64, ri);
  USE_OUT(TS, rv);
  USE_IN(TS, ps);
  USE_IN(i64, pi);
  ulong g = get_group_id(0), o = g / chunks, c = g % chunks;
  uint me = get_local_id(0);
  long base[1], at[1];
  place(&keep, o, 1, base);
  ulong end = (c + 1) * chunk < n ? (c + 1) * chunk : n;
  TS a = 0;
  long i = -1;
  for (ulong j = c * chunk + me; j < end; j += LANES) {
    place(&red, j, 1, at);
    TS v = ps[base[0] + at[0]];
    long k = pi ? pi[base[0] + at[0]] : (long)j;
    if (before(v, k, a, i)) a = v, i = k;
  }
  lane[me] = a;
  index[me] = i;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint h = LANES / 2; h; h /= 2) {
    if (me < h && before(lane[me + h], index[me + h], lane[me], index[me])) lane[me] = lane[me + h], index[me] = index[me + h];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (me == 0) {
    if (!last) rv[g] = lane[0];
    ri[g] = last ? index[0] + 1 : index[0];
  }
}
#endif
