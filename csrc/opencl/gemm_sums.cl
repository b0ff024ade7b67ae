// Sums that belong to the products of gemm.cl, in fixed orders.

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
