// Plans of the direct convolution (see direct_plan.h). Everything here depends on the shape
// and the instruction set alone, never on the number of threads.
#include "nn/direct_plan.h"

#include <string.h>

#include "base/alloc.h"

#define PACK_BYTES (256 << 10)  // of packed input: half of a level-2 cache, the weights need the rest
#define MOST_POSITIONS 1024
#define FEW_CHANNELS 8          // with so few, blocks are four times longer: what a block costs besides its sums counts
#define LEAST_TASKS 16

void ow_direct_plan_free(ow_direct_plan *p) {
  ow_free(p->shift);
  p->shift = NULL;
}

// One block for all lists.
static bool lists(ow_direct_plan *p, int64_t taps, int64_t phases, ow_err *e) {
  p->taps = taps;
  p->phases = phases;
  int64_t *m = ow_alloc_array((size_t)(taps * 7 + phases * 4 + 1), sizeof *m, e);
  if (!m) return false;
  p->shift = m;
  p->q = p->shift + 3 * taps;
  p->first = p->q + taps;
  p->r = p->first + phases + 1;
  for (int a = 0; a < 3; a++) p->variant[a] = p->r + 3 * phases + a * taps;
  return true;
}

static void shifts(ow_direct_plan *p) {
  for (int a = 0; a < 3; a++) {
    int64_t low = p->shift[a], high = low;
    p->variants[a] = 0;
    for (int64_t t = 0; t < p->taps; t++) {
      int64_t s = p->shift[3 * t + a], v = 0;
      if (s < low) low = s;
      if (s > high) high = s;
      while (v < p->variants[a] && p->variant[a][v] != s) v++;
      if (v == p->variants[a]) p->variant[a][p->variants[a]++] = s;
    }
    p->low[a] = low;
    p->reach[a] = high - low;
  }
}

int64_t ow_direct_packed(const ow_direct_plan *p, const int64_t range[4]) {
  int64_t n = range[0];
  for (int a = 0; a < 3; a++) {
    ow_direct_axis x = ow_direct_axis_of(p, a, range[1 + a]);
    n *= x.variants * x.length;
  }
  return n;
}

int64_t ow_direct_tap(const ow_direct_plan *p, int64_t t, const int64_t range[4]) {
  int64_t v = 0, at = 0, size = range[0];
  for (int a = 0; a < 3; a++) {
    ow_direct_axis x = ow_direct_axis_of(p, a, range[1 + a]);
    int64_t s = p->shift[3 * t + a], which = 0, q = 0;
    if (a > 2 - p->level)
      while (p->variant[a][which] != s) which++;
    else q = (s - p->low[a]) / x.step, which = (s - p->low[a]) % x.step;
    v = v * x.variants + which;
    at = at * x.length + q;
    size *= x.length;
  }
  return v * size + at;
}

// Cost of a multiply-add of one position with all taps and output channels, in vectors a lane:
// what lanes that hang over the end of a line waste, and the packing of the input.
static double cost(const ow_direct_plan *p, const int64_t range[4], int lanes) {
  int64_t line = 1, lines = 1;
  const int64_t whole[4] = {p->n, p->J[0], p->J[1], p->J[2]};
  double rounds = 1;
  for (int a = 0; a < 4; a++) {
    if (a - 1 >= 2 - p->level) line *= range[a];
    else lines *= range[a];
    rounds *= (double)((whole[a] + range[a] - 1) / range[a] * range[a]) / (double)whole[a];
  }
  int64_t vectors = (line + lanes - 1) / lanes;
  double work = (double)(lines * vectors * p->out * p->taps);
  double pack = 0.6 * (double)ow_direct_packed(p, range) + 6.0 * (double)(ow_direct_packed(p, range) / range[3]);
  double weights = 0.06 * (double)(p->out * p->taps);  // read again for every block
  return (work + pack + weights) * (0.5 + 0.5 * rounds) / (double)(line * lines);
}

// 1, 16, 32, 64 ... and the whole
static int64_t wider(int64_t w, int64_t whole) {
  if (w == whole) return w + 1;
  w = w < 8 ? 16 : 2 * w;
  return w < whole ? w : whole;
}

static void blocks(ow_direct_plan *p, int lanes, int most, int64_t bytes) {
  double best = 0;
  int top = 0;
  int64_t most_positions = p->in <= FEW_CHANNELS ? 4 * MOST_POSITIONS : MOST_POSITIONS;
  for (int level = 0; level < 4; level++) {
    p->level = level;
    int64_t r[4] = {1, 1, 1, 1};
    int64_t w0 = level ? p->J[2] : 1, h0 = level > 1 ? p->J[1] : 1, d0 = level > 2 ? p->J[0] : 1;
    for (r[3] = w0; r[3] <= p->J[2]; r[3] = wider(r[3], p->J[2]))
      for (r[2] = h0; r[2] <= p->J[1]; r[2]++)
        for (r[1] = d0; r[1] <= p->J[0]; r[1]++)
          for (r[0] = 1; r[0] <= (level == 3 ? p->n : 1); r[0]++) {
            int64_t positions = r[0] * r[1] * r[2] * r[3];
            bool first = best == 0;
            if (positions > most_positions && !first && level < 1) break;
            if (positions > 2 * most_positions && !first) break;
            int64_t most_channels = PACK_BYTES / bytes / (ow_direct_packed(p, r) + 1);
            double c = cost(p, r, lanes) * (1 + (most_channels < p->in && most_channels < 8 ? 0.05 : 0));
            if (!first && c >= best) continue;
            best = c;
            memcpy(p->block, r, sizeof r);
            top = level;
          }
  }
  p->level = top;
  const int64_t whole[4] = {p->n, p->J[0], p->J[1], p->J[2]};
  int64_t tasks = p->groups;
  for (int a = 0; a < 4; a++) tasks *= p->blocks[a] = (whole[a] + p->block[a] - 1) / p->block[a];
  int64_t fit = PACK_BYTES / bytes / (ow_direct_packed(p, p->block) + lanes);
  if (fit < 1) fit = 1;
  int64_t pieces = (p->in + fit - 1) / fit;
  p->channels = (p->in + pieces - 1) / pieces;
  p->out_blocks = (p->out + most - 1) / most;
  p->parts = tasks >= LEAST_TASKS ? 1 : (LEAST_TASKS + tasks - 1) / tasks;
  if (p->parts > p->out_blocks) p->parts = p->out_blocks;
}

bool ow_direct_plan_forward(ow_direct_plan *p, const ow_conv *c, int lanes, int most, int64_t bytes, ow_err *e) {
  memset(p, 0, sizeof *p);
  int64_t k = c->kernel[0] * c->kernel[1] * c->kernel[2];
  p->n = c->n, p->groups = c->groups, p->in = c->in / c->groups, p->out = c->out / c->groups;
  for (int a = 0; a < 3; a++)
    p->isize[a] = c->size[a], p->osize[a] = p->J[a] = c->osize[a], p->S[a] = c->stride[a], p->M[a] = 1;
  p->wc = k, p->wo = k * p->in, p->wg = p->wo * p->out;
  if (!lists(p, k, 1, e)) return false;
  p->first[0] = 0, p->first[1] = k;
  memset(p->r, 0, 3 * sizeof *p->r);
  for (int64_t t = 0; t < k; t++) {
    const int64_t at[3] = {t / c->kernel[2] / c->kernel[1], t / c->kernel[2] % c->kernel[1], t % c->kernel[2]};
    for (int a = 0; a < 3; a++) p->shift[3 * t + a] = at[a] * c->dilation[a] - c->padding[a];
    p->q[t] = t;
  }
  shifts(p);
  blocks(p, lanes, most, bytes);
  return true;
}

bool ow_direct_plan_grad_input(ow_direct_plan *p, const ow_conv *c, int lanes, int most, int64_t bytes, ow_err *e) {
  memset(p, 0, sizeof *p);
  int64_t k = c->kernel[0] * c->kernel[1] * c->kernel[2], t = 0;
  p->n = c->n, p->groups = c->groups, p->in = c->out / c->groups, p->out = c->in / c->groups;
  for (int a = 0; a < 3; a++) {
    p->isize[a] = c->osize[a], p->osize[a] = c->size[a], p->S[a] = 1;
    p->M[a] = c->stride[a] < c->size[a] ? c->stride[a] : c->size[a];
    p->J[a] = (c->size[a] + c->stride[a] - 1) / c->stride[a];
  }
  p->wc = k * p->out, p->wo = k, p->wg = p->wc * p->in;
  int64_t phases = p->M[0] * p->M[1] * p->M[2];
  if (!lists(p, k, phases, e)) return false;
  for (int64_t f = 0; f < phases; f++) {
    int64_t *r = p->r + 3 * f;
    r[0] = f / p->M[2] / p->M[1], r[1] = f / p->M[2] % p->M[1], r[2] = f % p->M[2];
    p->first[f] = t;
    for (int64_t q = 0; q < k; q++) {
      const int64_t at[3] = {q / c->kernel[2] / c->kernel[1], q / c->kernel[2] % c->kernel[1], q % c->kernel[2]};
      int64_t d[3];
      bool hits = true;
      for (int a = 0; a < 3; a++) {
        d[a] = r[a] + c->padding[a] - at[a] * c->dilation[a];
        hits = hits && d[a] % c->stride[a] == 0;
      }
      if (!hits) continue;
      for (int a = 0; a < 3; a++) p->shift[3 * t + a] = d[a] / c->stride[a];
      p->q[t++] = q;
    }
  }
  p->first[phases] = p->taps = t;  // taps of remainders beyond a short axis are in no phase
  for (int a = 0; a < 3; a++) p->M[a] = c->stride[a];
  if (!t) return true;
  shifts(p);
  blocks(p, lanes, most, bytes);
  return true;
}
