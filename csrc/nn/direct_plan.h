// How a convolution is cut for the register tiles: the common form of forward and input
// gradient, the layout of the packed input, and the sizes of the blocks.
//
// Common form, for the channels of one group, per axis:
//   out[o, j M + r] = sum_{c, taps t of phase r} w[o, c, t] in[c, j S + shift(t)]
// Forward: S the stride, M = 1, one phase. Input gradient: S = 1, M the stride, and a phase for
// every remainder r of the input position, with the taps that reach it.
//
// A block is a range of j on each axis (and of samples). Its input is packed a channel at a time
// so that every tap is one offset and neighbouring lanes are neighbouring positions:
//   [variant d][variant h][variant w][n][i_d][i_h][i_w]
// Along an axis the packed input either
//   SLOT   holds input positions as they come (outputs of a vector never move along it),
//   CLASS  holds them by remainder modulo S: a tap is a class and an offset in it,
//   COPY   holds one copy a distinct shift, each as long as the range of j: then the axis
//          outside it continues without a gap, and a vector may run over its end.
// Level 0 keeps vectors in a row (w CLASS), 1 runs over rows (w COPY, h CLASS), 2 over planes
// (w h COPY, d CLASS), 3 over samples (all COPY: im2col).
#ifndef OW_NN_DIRECT_PLAN_H
#define OW_NN_DIRECT_PLAN_H
#include "nn/conv.h"

typedef struct {
  int64_t n, groups, in, out;        // channels of one group
  int64_t isize[3], osize[3];        // extents of the input and the output array
  int64_t S[3], M[3], J[3];          // j runs from 0 to J - 1
  // weights: element (o, c, q) of group g at g * wg + o * wo + c * wc + q
  int64_t wg, wo, wc;
  int64_t taps, phases;
  int64_t *shift;                    // [taps][3], phase by phase
  int64_t *q;                        // [taps] flat tap in w
  int64_t *first;                    // [phases + 1] first tap of a phase
  int64_t *r;                        // [phases][3]
  // layout
  int level;
  int64_t block[4];                  // n d h w: largest ranges
  int64_t blocks[4];                 // how many of them
  int64_t low[3], reach[3];          // least shift; largest minus least
  int64_t variants[3], *variant[3];  // distinct shifts of a COPY axis; else NULL
  int64_t channels;                  // input channels packed at a time
  int64_t out_blocks, parts;         // output channels in nearly equal blocks; those cut into parts for the threads
} ow_direct_plan;

// One axis of one block in the packed layout.
typedef struct { int64_t variants, length, step; } ow_direct_axis;
static inline ow_direct_axis ow_direct_axis_of(const ow_direct_plan *p, int a, int64_t range) {
  int from = 2 - p->level;  // the outermost axis that vectors run over
  if (a > from) return (ow_direct_axis){p->variants[a], range, p->S[a]};
  if (a == from) return (ow_direct_axis){p->S[a], range + p->reach[a] / p->S[a], p->S[a]};
  return (ow_direct_axis){1, (range - 1) * p->S[a] + p->reach[a] + 1, 1};
}

// Which i of 0 <= i < count have 0 <= start + i * step < size: i0 to i1 - 1.
static inline void ow_direct_inside(int64_t start, int64_t step, int64_t size, int64_t count, int64_t *i0, int64_t *i1) {
  *i0 = start < 0 ? (-start + step - 1) / step : 0;
  *i1 = start < size ? (size - start + step - 1) / step : 0;
  if (*i0 > count) *i0 = count;
  if (*i1 > count) *i1 = count;
  if (*i1 < *i0) *i1 = *i0;
}

// lanes: of a vector; most: output channels of a tile. On success the caller frees.
bool ow_direct_plan_forward(ow_direct_plan *p, const ow_conv *c, int lanes, int most, int64_t bytes, ow_err *e);
bool ow_direct_plan_grad_input(ow_direct_plan *p, const ow_conv *c, int lanes, int most, int64_t bytes, ow_err *e);
static inline int64_t ow_direct_out_block(const ow_direct_plan *p, int64_t b) {  // its first channel
  int64_t rest = p->out % p->out_blocks;
  return b * (p->out / p->out_blocks) + (b < rest ? b : rest);
}
void ow_direct_plan_free(ow_direct_plan *p);

// Where a tap lies in the packed input of a channel, for a block of these ranges.
int64_t ow_direct_tap(const ow_direct_plan *p, int64_t t, const int64_t range[4]);
int64_t ow_direct_packed(const ow_direct_plan *p, const int64_t range[4]);  // elements of a channel

#endif
