// Drivers of the direct convolution; direct.c includes this once a float type, with T the type,
// NAME(f) the names and TILE the kernel's member name.

// [group][phase][block][c][t][o of the block]
static void NAME(pack_weights)(const ow_direct_plan *p, const T *w, T *to) {
#pragma omp parallel for num_threads(ow_threads()) schedule(static) collapse(3) if (p->groups * p->out * p->in * p->taps > OW_GRAIN)
  for (int64_t g = 0; g < p->groups; g++)
    for (int64_t f = 0; f < p->phases; f++)
      for (int64_t b = 0; b < p->out_blocks; b++) {
        int64_t o0 = ow_direct_out_block(p, b), count = ow_direct_out_block(p, b + 1) - o0;
        int64_t t0 = p->first[f], taps = p->first[f + 1] - t0;
        T *q = to + (g * p->taps * p->out + t0 * p->out + taps * o0) * p->in;
        for (int64_t o = 0; o < count; o++) {
          const T *from = w + g * p->wg + (o0 + o) * p->wo;
          for (int64_t c = 0; c < p->in; c++)
            for (int64_t t = 0; t < taps; t++) q[(c * taps + t) * count + o] = from[c * p->wc + p->q[t0 + t]];
        }
      }
}

typedef struct {
  const ow_direct_plan *p;
  const T *x, *w;          // w packed
  T *y;
  const T *bias;
  int activation;
  T alpha;
  int64_t x_step, vectors;  // between packed channels; most vectors of a block
  int lanes;
  bool scatter;             // lanes of a vector are not neighbours in the output
} NAME(job);

// Working memory of one thread.
typedef struct {
  T *x, *tile;
  int64_t *tap, *base, *out, *count, *lane, *lane2;
} NAME(room);

// The vectors of a block: where each starts in the packed input and in the output (from the
// block's first sample and the first channel), and how many of its lanes count.
static int64_t NAME(list)(const NAME(job) *job, const int64_t *j0, const int64_t *range, const NAME(room) *r) {
  const ow_direct_plan *p = job->p;
  int64_t lines[4] = {1, 1, 1, 1}, line = 1, nv = 0;
  ow_direct_axis ax[3];
  for (int a = 0; a < 4; a++) {
    if (a - 1 >= 2 - p->level) line *= range[a];
    else lines[a] = range[a];
    if (a < 3) ax[a] = ow_direct_axis_of(p, a, range[1 + a]);
  }
  for (int64_t d = 0; d < lines[1]; d++)
    for (int64_t h = 0; h < lines[2]; h++)
      for (int64_t i = 0; i < line; i += job->lanes, nv++) {
        int64_t sd = 2 - p->level > 0 ? p->S[0] : 1, sh = 2 - p->level > 1 ? p->S[1] : 1;
        r->base[nv] = (d * sd * ax[1].length + h * sh) * ax[2].length + i;
        r->out[nv] = ((j0[1] + d) * p->osize[1] + j0[2] + h) * p->osize[2] + j0[3] + i;
        r->count[nv] = line - i < job->lanes ? line - i : job->lanes;
      }
  return nv;
}

// Output offset of every lane for a phase, -1 where there is none.
static void NAME(list_lanes)(const NAME(job) *job, const int64_t *j0, const int64_t *range, const int64_t *phase, int64_t nv,
                             const NAME(room) *r) {
  const ow_direct_plan *p = job->p;
  int64_t sample = p->groups * p->out * p->osize[0] * p->osize[1] * p->osize[2], j[4] = {0};
  for (int64_t v = 0; v < nv; v++) {
    int64_t *to = r->lane + v * job->lanes;
    for (int64_t i = 0; i < job->lanes; i++) to[i] = -1;
    for (int64_t i = 0; i < r->count[v]; i++) {
      int64_t o = 0;
      bool in = true;
      for (int a = 0; a < 3; a++) {
        int64_t k = (j0[1 + a] + j[1 + a]) * p->M[a] + phase[a];
        in = in && k < p->osize[a];
        o = o * p->osize[a] + k;
      }
      if (in) to[i] = j[0] * sample + o;
      for (int a = 3; a >= 0 && ++j[a] == range[a] && a > 0; a--) j[a] = 0;
    }
  }
}

// lv vectors from v on, count output channels; y: the first of these channels.
static void NAME(do_tile)(const NAME(job) *job, const ow_direct_table *k, NAME(ow_tile) *t, T *y, int64_t count, int64_t v, int lv,
                          int64_t volume, const NAME(room) *r) {
  bool direct = !job->scatter;
  for (int i = 0; i < lv; i++) direct = direct && r->count[v + i] == job->lanes;
  t->base = r->base + v;
  if (direct) {
    t->y = y, t->y_step = volume, t->out = r->out + v;
    k->TILE((int)count, lv, t);
    return;
  }
  int64_t own[OW_TILE_MAXV], n = lv * job->lanes;
  for (int i = 0; i < lv; i++) own[i] = i * job->lanes;
  const int64_t *lane = r->lane + v * job->lanes;
  for (int64_t o = 0; o < count && t->add; o++)
    for (int64_t i = 0; i < n; i++) r->tile[o * n + i] = lane[i] < 0 ? 0 : y[o * volume + lane[i]];
  t->y = r->tile, t->y_step = n, t->out = own;
  k->TILE((int)count, lv, t);
  for (int64_t o = 0; o < count; o++)
    for (int64_t i = 0; i < n; i++)
      if (lane[i] >= 0) y[o * volume + lane[i]] = r->tile[o * n + i];
}

// Two phases that interleave along w, t[0] and t[1]: rows that fit are written as a whole.
static void NAME(do_pair)(const NAME(job) *job, const ow_direct_table *k, NAME(ow_tile) *t, T *y, int64_t count, int64_t v, int lv,
                          int64_t volume, const NAME(room) *r) {
  typedef T four __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
  typedef NAME(pick) pick __attribute__((vector_size(4 * sizeof(T))));
  int64_t own[OW_TILE_MAXV], n = lv * job->lanes, half = k->channels * OW_TILE_MAXV * job->lanes;
  for (int i = 0; i < lv; i++) own[i] = i * job->lanes;
  const int64_t *lane[2] = {r->lane + v * job->lanes, r->lane2 + v * job->lanes};
  for (int s = 0; s < 2; s++) {
    T *tile = r->tile + s * half;
    for (int64_t o = 0; o < count && t[s].add; o++)
      for (int64_t i = 0; i < n; i++) tile[o * n + i] = lane[s][i] < 0 ? 0 : y[o * volume + lane[s][i]];
    t[s].base = r->base + v, t[s].y = tile, t[s].y_step = n, t[s].out = own;
    k->TILE((int)count, lv, &t[s]);
  }
  for (int64_t i = 0; i < n; i += 4) {
    int64_t at = lane[0][i], last = i + 3 < n ? i + 3 : n - 1;
    bool whole = i + 3 < n && at >= 0 && lane[0][i + 3] == at + 6 && lane[1][i] == at + 1 && lane[1][i + 3] == at + 7;
    const T *a = r->tile + i, *b = a + half;
    for (int64_t o = 0; o < count; o++, a += n, b += n) {
      T *to = y + o * volume;
      if (whole) {
        four p = *(const four *)a, q = *(const four *)b;
        *(four *)(to + at) = __builtin_shuffle(p, q, (pick){0, 4, 1, 5});
        *(four *)(to + at + 4) = __builtin_shuffle(p, q, (pick){2, 6, 3, 7});
      } else
        for (int64_t l = i; l <= last; l++) {
          if (lane[0][l] >= 0) to[lane[0][l]] = a[l - i];
          if (lane[1][l] >= 0) to[lane[1][l]] = b[l - i];
        }
    }
  }
}

static void NAME(do_block)(const NAME(job) *job, const ow_direct_table *k, int64_t g, int64_t part, const int64_t *j0,
                           const int64_t *range, const NAME(room) *r) {
  const ow_direct_plan *p = job->p;
  int64_t iv = p->isize[0] * p->isize[1] * p->isize[2], ov = p->osize[0] * p->osize[1] * p->osize[2];
  int64_t nv = NAME(list)(job, j0, range, r), packed = ow_direct_packed(p, range);
  bool partial = false;
  for (int64_t v = 0; v < nv; v++) partial = partial || r->count[v] < job->lanes;
  int64_t b0 = part * p->out_blocks / p->parts, b1 = (part + 1) * p->out_blocks / p->parts;
  for (int64_t t = 0; t < p->taps; t++) r->tap[t] = ow_direct_tap(p, t, range);
  for (int64_t c0 = 0; c0 < p->in; c0 += p->channels) {
    int64_t channels = p->in - c0 < p->channels ? p->in - c0 : p->channels;
    for (int64_t c = 0; c < channels; c++) {
      T *to = r->x + c * job->x_step;
      NAME(pack)(p, j0, range, job->x + (j0[0] * p->groups * p->in + g * p->in + c0 + c) * iv, p->groups * p->in * iv, to);
      memset(to + packed, 0, (size_t)(job->x_step - packed) * sizeof(T));
    }
    NAME(ow_tile) t = {.x = r->x, .x_step = job->x_step, .channels = channels, .add = c0 > 0};
    bool last = c0 + channels == p->in;
    t.activation = last ? job->activation : OW_ACT_NONE;
    t.alpha = job->alpha;
    bool pair = p->M[2] == 2 && p->osize[2] > 1;  // w is the fastest axis of the phases
    for (int64_t f = 0; f < p->phases; f += 1 + pair) {
      if (pair) {
        NAME(room) second = *r;
        second.lane = r->lane2;
        NAME(list_lanes)(job, j0, range, p->r + 3 * f + 3, nv, &second);
      }
      if (job->scatter || (partial && f == 0 && c0 == 0)) NAME(list_lanes)(job, j0, range, p->r + 3 * f, nv, r);
      for (int64_t b = b0; b < b1 && !ow_interrupted(); b++) {
        int64_t o0 = ow_direct_out_block(p, b), count = ow_direct_out_block(p, b + 1) - o0;
        t.bias = last && job->bias ? job->bias + g * p->out + o0 : NULL;
        NAME(ow_tile) both[2] = {t, t};
        for (int s = 0; s < 1 + pair; s++) {
          int64_t t0 = p->first[f + s], taps = p->first[f + s + 1] - t0;
          both[s].taps = taps;
          both[s].tap = r->tap + t0;
          both[s].w = job->w + (g * p->taps * p->out + t0 * p->out + taps * o0) * p->in + c0 * taps * count;
        }
        T *y = job->y + ((j0[0] * p->groups + g) * p->out + o0) * ov;
        int64_t tiles = (nv + k->widest[count] - 1) / k->widest[count];
        for (int64_t i = 0; i < tiles; i++) {
          int64_t v = i * nv / tiles;
          (pair ? NAME(do_pair) : NAME(do_tile))(job, k, both, y, count, v, (int)((i + 1) * nv / tiles - v), ov, r);
        }
      }
    }
  }
}

static bool NAME(run)(const ow_direct_plan *p, const T *x, const T *w, const T *bias, int activation, T alpha, T *y, ow_err *e) {
  const ow_direct_table *k = ow_direct();
  NAME(job) job = {.p = p, .x = x, .y = y, .bias = bias, .activation = activation, .alpha = alpha,
                   .lanes = k->bytes / (int)sizeof(T), .scatter = p->level == 3};
  for (int a = 0; a < 3; a++) job.scatter = job.scatter || p->M[a] > 1;
  int64_t line = 1, lines = 1, blocks = p->groups * p->parts;
  for (int a = 0; a < 4; a++) {
    if (a - 1 >= 2 - p->level) line *= p->block[a];
    else lines *= p->block[a];
    blocks *= p->blocks[a];
  }
  job.vectors = lines * ((line + job.lanes - 1) / job.lanes);
  // a multiple of the page between channels would put them all in one set of the cache
  job.x_step = (ow_direct_packed(p, p->block) + job.lanes + 15) / 16 * 16;
  if (job.x_step % 512 == 0) job.x_step += 16;
  int threads = ow_threads();
  size_t xs = (size_t)(p->channels * job.x_step + job.lanes), ts = (size_t)(2 * k->channels * OW_TILE_MAXV * job.lanes);
  size_t is = (size_t)(p->taps + job.vectors * (3 + 2 * job.lanes)), one = ((xs + ts) * sizeof(T) + is * 8 + 63) / 64 * 64;
  T *packed = ow_alloc_array((size_t)(p->groups * p->out * p->in), (size_t)p->taps * sizeof(T), e);
  if (!packed) return false;
  char *room = ow_alloc_array((size_t)threads, one, e);
  if (!room) {
    ow_free(packed);
    return false;
  }
  NAME(pack_weights)(p, w, packed);
  job.w = packed;
  bool small = p->n * p->osize[0] * p->osize[1] * p->osize[2] * p->out * p->in * p->taps < OW_GRAIN;
#pragma omp parallel num_threads(threads) if (!small)
  {
    char *mine = room + (size_t)omp_get_thread_num() * one;
    NAME(room) r = {.x = (T *)mine, .tile = (T *)mine + xs, .tap = (int64_t *)(mine + ((xs + ts) * sizeof(T) + 7) / 8 * 8)};
    r.base = r.tap + p->taps, r.out = r.base + job.vectors, r.count = r.out + job.vectors, r.lane = r.count + job.vectors;
    r.lane2 = r.lane + job.vectors * job.lanes;
    memset(r.x + p->channels * job.x_step, 0, (size_t)job.lanes * sizeof(T));
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < blocks; task++) {
      if (ow_interrupted()) continue;
      int64_t q = task, j0[4], range[4];
      int64_t part = q % p->parts;
      q /= p->parts;
      const int64_t whole[4] = {p->n, p->J[0], p->J[1], p->J[2]};
      for (int a = 3; a > 0; a--) j0[a] = q % p->blocks[a] * p->block[a], q /= p->blocks[a];
      int64_t g = q % p->groups;
      j0[0] = q / p->groups * p->block[0];
      for (int a = 0; a < 4; a++) range[a] = whole[a] - j0[a] < p->block[a] ? whole[a] - j0[a] : p->block[a];
      NAME(do_block)(&job, k, g, part, j0, range, &r);
    }
  }
  ow_free(room);
  ow_free(packed);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
