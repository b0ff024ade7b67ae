// Packing of a block of the input (layouts: direct_plan.h); included once a float type by the
// drivers, with T the type and NAME(f) the names.

// count elements of a row whose element i is src[start + i * step], 0 where that is outside.
static inline void NAME(pack_row)(T *to, const T *src, int64_t size, int64_t start, int64_t step, int64_t count) {
  int64_t i0 = start < 0 ? (-start + step - 1) / step : 0, i1 = start < size ? (size - start + step - 1) / step : 0;
  if (i0 > count || !src) i0 = count;
  if (i1 > count) i1 = count;
  if (i1 < i0) i1 = i0;
  for (int64_t i = 0; i < i0; i++) to[i] = 0;
  if (step == 1) {
    typedef T four __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
    int64_t i = i0;
    for (; i + 4 <= i1; i += 4) *(four *)(to + i) = *(const four *)(src + start + i);
    for (; i < i1; i++) to[i] = src[start + i];
  } else
    for (int64_t i = i0; i < i1; i++) to[i] = src[start + i * step];
  for (int64_t i = i1; i < count; i++) to[i] = 0;
}

// One channel of a block; x: the channel of the block's first sample, step_n to the next sample's.
static void NAME(pack)(const ow_direct_plan *p, const int64_t *j0, const int64_t *range, const T *x, int64_t step_n, T *to) {
  ow_direct_axis ax[3];
  int64_t v[3], start[3];
  for (int a = 0; a < 3; a++) ax[a] = ow_direct_axis_of(p, a, range[1 + a]);
  for (v[0] = 0; v[0] < ax[0].variants; v[0]++)
    for (v[1] = 0; v[1] < ax[1].variants; v[1]++)
      for (v[2] = 0; v[2] < ax[2].variants; v[2]++) {
        for (int a = 0; a < 3; a++) start[a] = j0[1 + a] * p->S[a] + (a > 2 - p->level ? p->variant[a][v[a]] : p->low[a] + v[a]);
        for (int64_t n = 0; n < range[0]; n++)
          for (int64_t d = 0; d < ax[0].length; d++) {
            int64_t from_d = start[0] + d * ax[0].step;
            for (int64_t h = 0; h < ax[1].length; h++, to += ax[2].length) {
              int64_t from_h = start[1] + h * ax[1].step;
              bool in = from_d >= 0 && from_d < p->isize[0] && from_h >= 0 && from_h < p->isize[1];
              NAME(pack_row)(to, in ? x + n * step_n + (from_d * p->isize[1] + from_h) * p->isize[2] : NULL, p->isize[2],
                             start[2], ax[2].step, ax[2].length);
            }
          }
      }
}
