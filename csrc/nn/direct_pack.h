// Packing of a block of the input (layouts: direct_plan.h); included once a float type by the
// drivers, with T the type and NAME(f) the names.

// A row of count elements of which i0 to i1 lie in the input: src[i * step], the others are 0.
static inline void NAME(pack_row)(T *to, const T *src, int64_t step, int64_t i0, int64_t i1, int64_t count) {
  typedef T four __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
  typedef NAME(pick) pick __attribute__((vector_size(4 * sizeof(T))));
  int64_t i = 0;
  for (; i < i0; i++) {
    to[i] = 0;
    __asm__ volatile("" ::: "memory");  // these are one or two elements: a call of memset takes longer
  }
  if (step == 1)
    for (; i + 4 <= i1; i += 4) *(four *)(to + i) = *(const four *)(src + i);
  else if (step == 2)
    for (; i + 4 < i1; i += 4)
      *(four *)(to + i) = __builtin_shuffle(*(const four *)(src + 2 * i), *(const four *)(src + 2 * i + 4), (pick){0, 2, 4, 6});
  for (; i < i1; i++) to[i] = src[i * step];
  for (; i < count; i++) {
    to[i] = 0;
    __asm__ volatile("" ::: "memory");
  }
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
        int64_t count = ax[2].length, i0, i1;
        ow_direct_inside(start[2], ax[2].step, p->isize[2], count, &i0, &i1);
        for (int64_t n = 0; n < range[0]; n++)
          for (int64_t d = 0; d < ax[0].length; d++) {
            int64_t from_d = start[0] + d * ax[0].step;
            for (int64_t h = 0; h < ax[1].length; h++, to += count) {
              int64_t from_h = start[1] + h * ax[1].step;
              if (from_d >= 0 && from_d < p->isize[0] && from_h >= 0 && from_h < p->isize[1])
                NAME(pack_row)(to, x + n * step_n + (from_d * p->isize[1] + from_h) * p->isize[2] + start[2], ax[2].step, i0, i1, count);
              else memset(to, 0, (size_t)count * sizeof(T));
            }
          }
      }
}
