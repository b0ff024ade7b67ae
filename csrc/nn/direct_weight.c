// Direct convolution, weight gradient:
//   dw[o,c,k] = sum_{n,j} dy[n,o,j] x[n,c, j S - padding + k dilation]
// A product of two tall matrices, dy with a column an output channel and x with a column a
// (channel, tap). Lanes are output channels: blocks of dy are transposed to [position][o], x is
// packed with its padding, and a tile holds some (c, k) x vectors of o over all positions of a
// block, so that a sum leaves the registers once a block.
// With so few output channels that most lanes would idle, lanes are neighbouring positions of
// both factors instead (dot).
// Samples and positions are cut into chunks by the shape alone; their sums are joined in index
// order: the same bits at any number of threads.
#include "nn/direct.h"

#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "nn/direct_plan.h"

#define PACK_BYTES (256 << 10)
#define SUM_BYTES (64 << 20)    // of sums beyond the first chunk's
#define CHUNK_WORK 50e6         // multiply-adds that are worth a chunk of their own
#define MOST_CHUNKS 32
#define POSITIONS 384           // of a block
#define DOT_POSITIONS 2048      // the sum over lanes at its end costs more

typedef struct {
  bool dot;
  int lanes;                        // output channels of a vector: 1 if dot
  int64_t vectors, groups, widest;  // of output channels; tiles' worth of them; most vectors of one
  int64_t blocks, chunks;
} plan;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static bool plan_weight(ow_direct_plan *p, plan *q, const ow_conv *c, const ow_direct_weight_table *k, int64_t bytes, ow_err *e) {
  q->lanes = k->bytes / (int)bytes;
  if (!ow_direct_plan_forward(p, c, q->lanes, 1, bytes, e)) return false;
  p->level = -1;  // every axis SLOT
  q->dot = p->S[2] == 1 && 2 * p->out <= q->lanes && p->J[2] >= q->lanes;
  if (q->dot) q->lanes = 1;
  int64_t positions = q->dot ? DOT_POSITIONS : POSITIONS;
  q->vectors = (p->out + q->lanes - 1) / q->lanes;
  q->groups = (q->vectors + k->vectors - 1) / k->vectors;
  q->widest = (q->vectors + q->groups - 1) / q->groups;
  p->block[0] = 1;
  p->block[3] = p->J[2] <= 2 * positions ? p->J[2] : positions;
  p->block[2] = least(p->J[1], (positions + p->block[3] - 1) / p->block[3]);
  p->block[1] = least(p->J[0], (positions + p->block[3] * p->block[2] - 1) / (p->block[3] * p->block[2]));
  for (int a = 1; a < 4; a++) {  // nearly equal blocks
    p->blocks[a] = (p->J[a - 1] + p->block[a] - 1) / p->block[a];
    p->block[a] = (p->J[a - 1] + p->blocks[a] - 1) / p->blocks[a];
    p->blocks[a] = (p->J[a - 1] + p->block[a] - 1) / p->block[a];
  }
  q->blocks = p->n * p->blocks[1] * p->blocks[2] * p->blocks[3];
  int64_t fit = PACK_BYTES / bytes / ow_direct_packed(p, p->block);
  p->channels = fit < 1 ? 1 : least(fit, p->in);
  double work = (double)p->n * (double)(p->J[0] * p->J[1] * p->J[2]) * (double)(p->out * p->in * p->taps);
  int64_t sums = q->vectors * q->lanes * p->in * p->taps * p->groups * bytes;
  q->chunks = least(MOST_CHUNKS / least(p->groups, MOST_CHUNKS), 1 + SUM_BYTES / (sums + 1));
  q->chunks = least(q->chunks, 1 + (int64_t)(work / CHUNK_WORK));
  q->chunks = least(q->chunks, q->blocks);
  if (q->chunks < 1) q->chunks = 1;
  return true;
}

typedef int32_t pick_f32;
typedef int64_t pick_f64;
#define T float
#define NAME(f) f##_f32
#define SUM sum_f32
#include "nn/direct_pack.h"
#include "nn/direct_weight_body.h"
#undef T
#undef NAME
#undef SUM
#define T double
#define NAME(f) f##_f64
#define SUM sum_f64
#include "nn/direct_pack.h"
#include "nn/direct_weight_body.h"

bool ow_direct_grad_weight(const ow_conv *p, const float *x, const float *dy, float *dw, ow_err *e) {
  return weight_f32(p, x, dy, dw, e);
}

bool ow_direct_grad_weight_f64(const ow_conv *p, const double *x, const double *dy, double *dw, ow_err *e) {
  return weight_f64(p, x, dy, dw, e);
}
