// What the files of the Winograd convolution share. Not for others: conv.h has the entry points.
//
// Points are ordered (h, d, w): point p = r * a[2] + pw, r = ph * a[0] + pd. What the products read
// and write lies as [r][channel][pw][tile]: a transform touches few pages, a row r of points with
// all channels fits the first-level cache. Tiles are lanes: a block
// is a box of b[3] samples x b[0] x b[1] x b[2] tiles, numbered sample fastest but one:
// tile = ((td * b[1] + th) * b[3] + n) * b[2] + tw, and padded to whole vectors.
#ifndef OW_NN_WINOGRAD_H
#define OW_NN_WINOGRAD_H
#include <stddef.h>

#include "nn/conv.h"
#include "simd/isa.h"

// One-dimensional transforms; the comment gives extent in -> out.
typedef enum {
  OW_WINO_ID,   // 1 -> 1
  OW_WINO_B2,   // 4 -> 4  input, two outputs a tile
  OW_WINO_B4,   // 6 -> 6  input, four outputs
  OW_WINO_A2,   // 2 -> 4  gradient of the output
  OW_WINO_A4,   // 4 -> 6
  OW_WINO_AT2,  // 4 -> 2  output
  OW_WINO_AT4,  // 6 -> 4
  OW_WINO_G2,   // 3 -> 4  filter
  OW_WINO_G4,   // 3 -> 6
  OW_WINO_GT2,  // 4 -> 3  gradient of the filter
  OW_WINO_GT4,  // 6 -> 3
} ow_wino_kind;

// The rows of a box: extents along d, h, n and w, and which of them the tensor has.
typedef struct {
  int64_t count[3], len, first[4], last[4], stride[3];
} ow_wino_rows;

typedef struct {
  int lanes;  // floats of a vector
  int group;  // vectors of tiles in a register block of the product
  int omax;   // channels in a register block, a multiple of 4
  // n (a multiple of lanes) independent transforms side by side: element k of the input is
  // s[k * ss + i], element k of the result d[k * ds + i].
  void (*rows)(ow_wino_kind kind, const float *s, ptrdiff_t ss, float *d, ptrdiff_t ds, int64_t n);
  // The transform along w from rows to lanes. Row r of tile t begins at s[r * row + off[t]];
  // element k of the result goes to v[r * slot + k * T + t], T = nv * lanes, t in
  // lane order. run[i]: the tiles of vector i lie in runs that one load covers. keep, if given:
  // all-ones or zero for each lane.
  void (*gather)(ow_wino_kind kind, const float *s, ptrdiff_t row, int rows, const int32_t *off, const unsigned char *run,
                 int nv, float *v, ptrdiff_t slot, const int32_t *keep);
  // All three inverse transforms of one channel: points v[r * slot + pw * T + t] -> the box
  // o[(d * oh + h) * orow + ooff[t] + w]. tmp holds OW_WINO_TMP vectors.
  void (*scatter)(const ow_wino_kind kind[3], const int a[3], const int m[3], const float *v, ptrdiff_t slot, int nv,
                  float *o, ptrdiff_t oh, ptrdiff_t orow, const int32_t *ooff, const unsigned char *run, float *tmp);
  // Between a tensor and a box whose rows are `row` floats apart. Element (d, h, n, w) of the box
  // belongs to x[d * stride[0] + h * stride[1] + n * stride[2] + w]; what lies outside the tensor
  // is zero in the box. next: where the following channel begins, for prefetching.
  void (*stage)(const ow_wino_rows *g, const float *x, float *box, ptrdiff_t row, ptrdiff_t next);
  // y = act(box + bias)
  void (*finish)(const ow_wino_rows *g, float *y, const float *box, ptrdiff_t row, ptrdiff_t next, float bias, int activation,
                 float alpha);
} ow_wino_table;
OW_SIMD_TABLE(ow_wino_table, ow_wino)
enum { OW_WINO_TMP = 6 * 6 * 4 + 6 * 4 * 4 + 4 * 4 * 4 };

typedef struct {
  // m[o][t] = sum_c u[o, c] v[c][t] of one point; o in blocks that tile `out4` (see ow_wino_oblock),
  // u packed [block][cp][o of the block]; rows of v and m are nv vectors, vs floats apart.
  void (*forward)(int64_t c, int64_t cp, int64_t out4, const float *u, const float *v, ptrdiff_t vs, int nv, float *m);
  // du[o][j] (+)= sum_t y[o][t] v[j][t] of one point; rows of y and v are nv vectors, vs floats
  // apart, rows of du cw (whole vectors); vt: scratch for nv * lanes * cw floats.
  void (*weight)(int64_t c, int64_t cw, int64_t out, const float *y, const float *v, ptrdiff_t vs, int nv, bool add, float *du,
                 float *vt);
} ow_wino_gemm_table;
OW_SIMD_TABLE(ow_wino_gemm_table, ow_wino_gemm)

// Block k of channels: sizes are multiples of 4, as even as they can be.
static inline int ow_wino_oblock(int64_t out4, int omax, int64_t k, int64_t *first) {
  int64_t n = (out4 + omax - 1) / omax, quads = out4 / 4, q = quads / n, r = quads % n;
  *first = 4 * (k * q + (k < r ? k : r));
  return (int)(4 * (q + (k < r)));
}

// One tensor seen as overlapping (input) or touching (output) tiles.
typedef struct {
  int64_t size[3], origin[3];  // extents; where tile 0 begins (minus the padding)
  int ext[3];                  // extents of a block's box
  ow_wino_kind kind[3];
  int64_t rw, row;             // floats of a sample's row in the box; of a row of all samples, whole vectors
  int32_t *off;                // [nv * lanes]: where the tile begins within a transformed row
  unsigned char *run;          // [nv]
  size_t scratch;              // floats
} ow_wino_side;

typedef struct {
  int m[3], k[3], a[3], points;
  int64_t n, tiles[3], blocks[4], count;  // samples, tiles, blocks per axis (samples last), all blocks
  int b[4], nv, tiles_in_box;
  ow_wino_side in, out;  // out: as the gradient of y; out.off is only for gather
  int32_t *ooff;         // where a tile begins in the output box
  unsigned char *orun;
  int32_t *keep;         // lanes that hold a tile; NULL: all do
  int64_t orow;
  size_t oscratch;       // floats for scatter and its box
  void *block;           // what the arrays above live in
} ow_wino_plan;

// The plan for y of extents osize from x of extents size; target: tiles of a block.
bool ow_wino_plan_make(ow_wino_plan *w, const ow_conv *p, const int m[3], int target, ow_err *e);
void ow_wino_plan_free(ow_wino_plan *w);
// Tile coordinates of block k: samples last.
void ow_wino_block(const ow_wino_plan *w, int64_t k, int64_t at[4]);

static inline int64_t ow_wino_up(int64_t n, int64_t q) { return (n + q - 1) / q * q; }

#endif
