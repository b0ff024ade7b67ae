// Pooling (rules: nn/pool.c). One work-item an output. The gradient of max pooling: windows may
// overlap, so outputs first count at the element that won, and note the smallest of them; an
// output that won alone adds its slope, the first of several adds all, in their order.
typedef struct { long planes, in, out, size[3], osize[3], kernel_[3], stride[3], padding[3]; } pooling;

// The part of window o inside the input; returns its divisor as an average.
static T window(const pooling *p, long o, int count, long *lo, long *hi) {
  T volume = 1;
  for (int j = 2; j >= 0; o /= p->osize[j], j--) {
    long a = o % p->osize[j] * p->stride[j] - p->padding[j], b = a + p->kernel_[j];
    volume *= (T)(count ? min(b, p->size[j] + p->padding[j]) - a : min(b, p->size[j]) - max(a, 0L));
    lo[j] = max(a, 0L);
    hi[j] = min(b, p->size[j]);
  }
  return volume;
}

kernel void max_forward(IN(T, px), OUT(T, py), OUT(i64, pindex), const pooling p) {
  USE_IN(T, px);
  USE_OUT(T, py);
  USE_OUT(i64, pindex);
  const long t = get_global_id(0);
  if (t >= p.planes * p.out) return;
  long lo[3], hi[3], best = -1;
  window(&p, t % p.out, 1, lo, hi);
  px += t / p.out * p.in;
  T top = 0;
  for (long a = lo[0]; a < hi[0]; a++)
    for (long b = lo[1]; b < hi[1]; b++)
      for (long c = lo[2]; c < hi[2]; c++) {
        const long i = (a * p.size[1] + b) * p.size[2] + c;
        const T v = px[i];
        if (best < 0 || v > top || (isnan(v) && !isnan(top))) best = i, top = v;
      }
  py[t] = top;
  if (pindex) pindex[t] = best;
}

kernel void max_owners(IN(i64, pindex), OUT(i32, pcount), OUT(i32, pfirst), const pooling p, CHECKS) {
  USE_IN(i64, pindex);
  USE_OUT(i32, pcount);
  USE_OUT(i32, pfirst);
  const long t = get_global_id(0);
  if (t >= p.planes * p.out) return;
  const long i = pindex[t], at = t / p.out * p.in + i;
  if (i < 0 || i >= p.in) {
    COMPLAIN;
    return;
  }
  atomic_inc(&pcount[at]);
  atomic_min(&pfirst[at], (int)(t % p.out));
}

kernel void max_backward(IN(T, pdy), IN(i64, pindex), IN(i32, pcount), IN(i32, pfirst), OUT(T, pdx), const pooling p) {
  USE_IN(T, pdy);
  USE_IN(i64, pindex);
  USE_IN(i32, pcount);
  USE_IN(i32, pfirst);
  USE_OUT(T, pdx);
  const long t = get_global_id(0);
  if (t >= p.planes * p.out) return;
  const long i = pindex[t], at = t / p.out * p.in + i, o = t % p.out;
  if (i < 0 || i >= p.in || pfirst[at] != o) return;
  T sum = pdy[t];
  for (long k = 1, left = pcount[at] - 1; left > 0 && o + k < p.out; k++)
    if (pindex[t + k] == i) sum += pdy[t + k], left--;
  pdx[at] = sum;
}

kernel void avg_forward(IN(T, px), OUT(T, py), const pooling p, const int count) {
  USE_IN(T, px);
  USE_OUT(T, py);
  const long t = get_global_id(0);
  if (t >= p.planes * p.out) return;
  long lo[3], hi[3];
  const T volume = window(&p, t % p.out, count, lo, hi);
  px += t / p.out * p.in;
  A sum = 0;
  for (long a = lo[0]; a < hi[0]; a++)
    for (long b = lo[1]; b < hi[1]; b++)
      for (long c = lo[2]; c < hi[2]; c++) sum += px[(a * p.size[1] + b) * p.size[2] + c];
  py[t] = (T)(sum / volume);
}

// Each input gathers from the windows that hold it, in order.
kernel void avg_backward(IN(T, pdy), OUT(T, pdx), const pooling p, const int count) {
  USE_IN(T, pdy);
  USE_OUT(T, pdx);
  const long t = get_global_id(0);
  if (t >= p.planes * p.in) return;
  long at = t % p.in, first[3], last[3], lo[3], hi[3];
  for (int j = 2; j >= 0; at /= p.size[j], j--) {
    const long i = at % p.size[j] + p.padding[j];
    first[j] = i < p.kernel_[j] ? 0 : (i - p.kernel_[j]) / p.stride[j] + 1;
    last[j] = min(i / p.stride[j], p.osize[j] - 1);
  }
  pdy += t / p.in * p.out;
  A sum = 0;
  for (long a = first[0]; a <= last[0]; a++)
    for (long b = first[1]; b <= last[1]; b++)
      for (long c = first[2]; c <= last[2]; c++) {
        const long o = (a * p.osize[1] + b) * p.osize[2] + c;
        const T volume = window(&p, o, count, lo, hi);
        sum += pdy[o] / volume;
      }
  pdx[t] = (T)sum;
}
