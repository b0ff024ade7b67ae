// Drivers of the weight gradient; direct_weight.c includes this once a float type, with T, NAME
// and SUM (the kernel's member name).

// to[i * width + o] = from[o * step + i] for o < count, i < n; the other columns are zero.
static void NAME(transpose)(T *to, const T *from, int64_t step, int64_t count, int64_t width, int64_t n) {
  typedef T four __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
  typedef NAME(pick) pick __attribute__((vector_size(4 * sizeof(T))));
  int64_t o = 0;
  for (; o + 4 <= count; o += 4) {
    const T *f = from + o * step;
    T *q = to + o;
    int64_t i = 0;
    for (; i + 4 <= n; i += 4, f += 4, q += 4 * width) {
      four a = *(const four *)f, b = *(const four *)(f + step), c = *(const four *)(f + 2 * step), d = *(const four *)(f + 3 * step);
      four e = __builtin_shuffle(a, b, (pick){0, 4, 1, 5}), g = __builtin_shuffle(c, d, (pick){0, 4, 1, 5});
      four h = __builtin_shuffle(a, b, (pick){2, 6, 3, 7}), k = __builtin_shuffle(c, d, (pick){2, 6, 3, 7});
      *(four *)q = __builtin_shuffle(e, g, (pick){0, 1, 4, 5});
      *(four *)(q + width) = __builtin_shuffle(e, g, (pick){2, 3, 6, 7});
      *(four *)(q + 2 * width) = __builtin_shuffle(h, k, (pick){0, 1, 4, 5});
      *(four *)(q + 3 * width) = __builtin_shuffle(h, k, (pick){2, 3, 6, 7});
    }
    for (; i < n; i++, f++, q += width)
      for (int j = 0; j < 4; j++) q[j] = f[j * step];
  }
  for (; o < count; o++)
    for (int64_t i = 0; i < n; i++) to[i * width + o] = from[o * step + i];
  for (; o < width; o++)
    for (int64_t i = 0; i < n; i++) to[i * width + o] = 0;
}

// Rows of a block of one output channel, each padded with zeros to whole vectors.
static void NAME(copy_rows)(T *to, const T *from, const ow_direct_plan *p, const int64_t *range, int64_t length) {
  for (int64_t d = 0; d < range[1]; d++)
    for (int64_t h = 0; h < range[2]; h++, to += length) {
      memcpy(to, from + (d * p->osize[1] + h) * p->osize[2], (size_t)range[3] * sizeof(T));
      memset(to + range[3], 0, (size_t)(length - range[3]) * sizeof(T));
    }
}

// A block for channels c0 .. c0 + channels of group g, added to the sums of the chunk.
static void NAME(sum_block)(const ow_direct_plan *p, const plan *q, const ow_direct_weight_table *k, int64_t g, int64_t c0,
                            int64_t channels, const int64_t *j0, const int64_t *range, const T *x, const T *dy, T *px, T *pdy,
                            int64_t *at, T *sums) {
  int64_t iv = p->isize[0] * p->isize[1] * p->isize[2], ov = p->osize[0] * p->osize[1] * p->osize[2];
  int64_t packed = ow_direct_packed(p, range), rows = channels * p->taps, lanes = q->lanes, vectors[4];
  for (int64_t c = 0; c < channels; c++) {
    NAME(pack)(p, j0, range, x + (j0[0] * p->groups * p->in + g * p->in + c0 + c) * iv, 0, px + c * packed);
    for (int64_t t = 0; t < p->taps; t++) at[c * p->taps + t] = c * packed + ow_direct_tap(p, t, range);
  }
  int64_t row = (range[3] + k->bytes / (int64_t)sizeof(T) - 1) / (k->bytes / (int64_t)sizeof(T)) * (k->bytes / (int64_t)sizeof(T));
  for (int v = 0; v < 4; v++) vectors[v] = q->dot ? v * row * range[1] * range[2] : v * lanes;
  memset(px + channels * packed, 0, (size_t)k->bytes);  // the last vector of a row may reach over the end
  int64_t line[3];  // of the packed input
  for (int a = 0; a < 3; a++) line[a] = ow_direct_axis_of(p, a, range[1 + a]).length;
  for (int64_t og = 0; og < q->groups; og++) {
    int64_t v0 = og * q->vectors / q->groups, lv = (og + 1) * q->vectors / q->groups - v0, width = lv * lanes;
    int64_t count = p->out - v0 * lanes < width ? p->out - v0 * lanes : width;
    const T *from = dy + ((j0[0] * p->groups + g) * p->out + v0 * lanes) * ov;
    const T *start = from + (j0[1] * p->osize[1] + j0[2]) * p->osize[2] + j0[3];
    for (int64_t o = 0; q->dot && o < count; o++) NAME(copy_rows)(pdy + vectors[o], start + o * ov, p, range, row);
    for (int64_t d = 0; !q->dot && d < range[1]; d++)  // rows that follow each other are transposed as one
      if (range[3] == p->osize[2]) {
        NAME(transpose)(pdy + d * range[2] * range[3] * width, from + ((j0[1] + d) * p->osize[1] + j0[2]) * p->osize[2], ov, count,
                        width, range[2] * range[3]);
      } else
        for (int64_t h = 0; h < range[2]; h++)
          NAME(transpose)(pdy + (d * range[2] + h) * range[3] * width,
                          from + ((j0[1] + d) * p->osize[1] + j0[2] + h) * p->osize[2] + j0[3], ov, count, width, range[3]);
    NAME(ow_sum) t = {.s = px, .v = pdy, .v_at = vectors, .sum_r = width, .sum_v = lanes};
    for (int a = 0; a < 3; a++) t.count[a] = range[1 + a];
    t.s_step[2] = p->S[2], t.s_step[1] = p->S[1] * line[2], t.s_step[0] = p->S[0] * line[1] * line[2];
    t.v_step[2] = width, t.v_step[1] = width * range[3], t.v_step[0] = width * range[3] * range[2];
    if (q->dot) {
      t.count[2] = row / (k->bytes / (int64_t)sizeof(T));
      t.s_step[2] = t.v_step[2] = k->bytes / (int64_t)sizeof(T);
      t.v_step[1] = row, t.v_step[0] = row * range[2];
    }
    int64_t tiles = (rows + k->rows[lv] - 1) / k->rows[lv];
    T *sum = sums + v0 * lanes * p->in * p->taps + c0 * p->taps * width;
    for (int64_t i = 0; i < tiles; i++) {
      int64_t r = i * rows / tiles;
      t.s_at = at + r;
      t.sum = sum + r * width;
      k->SUM((int)((i + 1) * rows / tiles - r), (int)lv, q->dot, &t);
    }
  }
}

// dw[o][c][tap] of a group from the sums of its chunks, in their order.
static void NAME(join)(const ow_direct_plan *p, const plan *q, int64_t g, int64_t row0, int64_t row1, T *sums, T *dw) {
  int64_t rows = p->in * p->taps, one = q->vectors * q->lanes * rows;
  T *s = sums + g * q->chunks * one;
  for (int64_t og = 0; og < q->groups; og++) {
    int64_t v0 = og * q->vectors / q->groups, width = ((og + 1) * q->vectors / q->groups - v0) * q->lanes;
    T *a = s + v0 * q->lanes * rows + row0 * width;
    for (int64_t c = 1; c < q->chunks; c++)
      for (int64_t i = 0; i < (row1 - row0) * width; i++) a[i] += a[c * one + i];
    int64_t count = p->out - v0 * q->lanes < width ? p->out - v0 * q->lanes : width;
    for (int64_t o = 0; o < count; o++)
      for (int64_t r = row0; r < row1; r++) dw[(g * p->out + v0 * q->lanes + o) * rows + r] = a[(r - row0) * width + o];
  }
}

static bool NAME(weight)(const ow_conv *c, const T *x, const T *dy, T *dw, ow_err *e) {
  const ow_direct_weight_table *k = ow_direct_weight();
  ow_direct_plan p;
  plan q;
  if (!c->n) return memset(dw, 0, (size_t)(c->out * c->in / c->groups * c->kernel[0] * c->kernel[1] * c->kernel[2]) * sizeof(T)), true;
  if (!plan_weight(&p, &q, c, k, sizeof(T), e)) return false;
  int64_t rows = p.in * p.taps, one = q.vectors * q.lanes * rows, packed = ow_direct_packed(&p, p.block);
  int threads = ow_threads();
  size_t spare = (size_t)k->bytes / sizeof(T), xs = (size_t)(p.channels * packed) + spare;
  size_t ys = (size_t)(q.widest * q.lanes * p.block[1] * p.block[2]) * ((size_t)p.block[3] + spare);
  size_t room_one = ((xs + ys) * sizeof(T) + (size_t)(p.channels * p.taps) * 8 + 127) / 64 * 64;
  T *sums = ow_alloc_array((size_t)(p.groups * q.chunks), (size_t)one * sizeof(T), e);
  char *room = sums ? ow_alloc_array((size_t)threads, room_one, e) : NULL;
  if (!room) {
    ow_free(sums);
    ow_direct_plan_free(&p);
    return false;
  }
  int64_t parts = (p.in + p.channels - 1) / p.channels, tasks = p.groups * q.chunks * parts;
  bool small = c->n * p.osize[0] * p.osize[1] * p.osize[2] * p.out * rows < OW_GRAIN;
#pragma omp parallel num_threads(threads) if (!small)
  {
    T *px = (T *)(room + (size_t)omp_get_thread_num() * room_one), *py = px + xs;
    int64_t *at = (int64_t *)(((uintptr_t)(py + ys) + 7) / 8 * 8);
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < tasks; task++) {
      int64_t chunk = task / parts % q.chunks, g = task / parts / q.chunks, c0 = task % parts * p.in / parts;
      int64_t channels = (task % parts + 1) * p.in / parts - c0;
      T *sum = sums + (g * q.chunks + chunk) * one;
      for (int64_t og = 0; og < q.groups; og++) {
        int64_t v0 = og * q.vectors / q.groups, width = ((og + 1) * q.vectors / q.groups - v0) * q.lanes;
        memset(sum + v0 * q.lanes * rows + c0 * p.taps * width, 0, (size_t)(channels * p.taps * width) * sizeof(T));
      }
      int64_t b0 = chunk * q.blocks / q.chunks, b1 = (chunk + 1) * q.blocks / q.chunks;
      for (int64_t b = b0; b < b1 && !ow_interrupted(); b++) {
        int64_t i = b, j0[4], range[4] = {1};
        for (int a = 3; a > 0; a--) {
          j0[a] = i % p.blocks[a] * p.block[a], i /= p.blocks[a];
          range[a] = p.J[a - 1] - j0[a] < p.block[a] ? p.J[a - 1] - j0[a] : p.block[a];
        }
        j0[0] = i;
        NAME(sum_block)(&p, &q, k, g, c0, channels, j0, range, x, dy, px, py, at, sum);
      }
    }
    int64_t cuts = (rows + 255) / 256;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < p.groups * cuts; i++) {
      int64_t r0 = i % cuts * 256;
      NAME(join)(&p, &q, i / cuts, r0, r0 + 256 < rows ? r0 + 256 : rows, sums, dw);
    }
  }
  ow_free(room);
  ow_free(sums);
  ow_direct_plan_free(&p);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
