// How a convolution is cut into tiles and boxes of tiles. A box becomes the lanes of the small
// products; its shape is the one with the least estimated work: lanes that hold no tile and the
// overlap of the boxes' input cost as much as useful ones.
#include <string.h>

#include "base/alloc.h"
#include "nn/winograd.h"

static int64_t cut(int64_t n, int64_t by) { return (n + by - 1) / by; }

// Extents that do not depend on the box.
static void set_tile(ow_wino_plan *w, const ow_conv *p, const int m[3]) {
  w->points = 1;
  for (int i = 0; i < 3; i++) {
    w->k[i] = (int)p->kernel[i];
    w->m[i] = p->kernel[i] == 1 ? 1 : m[i] > 2 ? 4 : 2;
    w->a[i] = w->m[i] + w->k[i] - 1;
    w->points *= w->a[i];
    w->tiles[i] = cut(p->osize[i], w->m[i]);
  }
}

// Vector operations of all boxes, roughly: products, then transforms with their loads and stores.
static double work(const ow_wino_plan *w, const ow_conv *p, const int b[4], int lanes) {
  double count = (double)cut(p->n, b[3]), rows[2];
  int64_t tiles = b[3];
  for (int i = 0; i < 3; i++) count *= (double)cut(w->tiles[i], b[i]), tiles *= b[i];
  int64_t nv = cut(tiles, lanes);
  int e0 = b[0] * w->m[0] + w->k[0] - 1, e1 = b[1] * w->m[1] + w->k[1] - 1;
  int64_t row = cut(b[3] * (b[2] * w->m[2] + w->k[2] - 1), lanes);
  rows[0] = (double)row * (2 * e0 * e1 + 3 * b[0] * e1 * w->a[0] + 3 * b[0] * b[1] * w->a[0] * w->a[1]);
  rows[1] = (double)nv * w->points;
  return count * (rows[1] * (double)p->in * (double)p->out + (double)p->in * (rows[0] + 6 * rows[1]) + (double)p->out * 8 * rows[1]);
}

// Boxes that cut an axis evenly.
static bool even(int64_t tiles, int64_t b) { return cut(tiles, cut(tiles, b)) == b; }

static double best_box(ow_wino_plan *w, const ow_conv *p, int target, int lanes) {
  double best = -1;
  for (int b2 = 1; b2 <= target && b2 <= w->tiles[2]; b2++) {
    if (!even(w->tiles[2], b2)) continue;
    for (int b1 = 1; b1 * b2 <= target && b1 <= w->tiles[1]; b1++) {
      if (!even(w->tiles[1], b1)) continue;
      for (int b0 = 1; b0 * b1 * b2 <= target && b0 <= w->tiles[0]; b0++) {
        if (!even(w->tiles[0], b0)) continue;
        int most = target / (b0 * b1 * b2), b3 = most < p->n ? most : (int)p->n;
        int b[4] = {b0, b1, b2, (int)cut(p->n, cut(p->n, b3))};
        double t = work(w, p, b, lanes);
        if (best < 0 || t < best) best = t, memcpy(w->b, b, sizeof b);
      }
    }
  }
  return best;
}

static void choose(ow_wino_plan *w, const ow_conv *p, const int m[3], int target, int lanes) {
  double best = -1;
  int box[4] = {1, 1, 1, 1}, tile[3] = {2, 2, 2};
  for (int k = 0; k < 8; k++) {
    int t[3];
    bool same = false;
    for (int i = 0; i < 3; i++) {
      t[i] = m[i] ? m[i] : k >> i & 1 ? 2 : 4;
      same |= (m[i] || p->kernel[i] == 1) && k >> i & 1;  // nothing to choose on this axis
    }
    if (same) continue;
    set_tile(w, p, t);
    double cost = best_box(w, p, target, lanes);
    if (best < 0 || cost < best) best = cost, memcpy(box, w->b, sizeof box), memcpy(tile, t, sizeof tile);
  }
  set_tile(w, p, tile);
  memcpy(w->b, box, sizeof box);
}

static void set_side(const ow_wino_plan *w, ow_wino_side *s, const int64_t *size, const int64_t *padding, bool input, int lanes) {
  static const ow_wino_kind kinds[2][3] = {{OW_WINO_ID, OW_WINO_A2, OW_WINO_A4}, {OW_WINO_ID, OW_WINO_B2, OW_WINO_B4}};
  for (int i = 0; i < 3; i++) {
    s->size[i] = size[i];
    s->origin[i] = input ? -padding[i] : 0;
    s->ext[i] = w->b[i] * w->m[i] + (input ? w->k[i] - 1 : 0);
    s->kind[i] = kinds[input][w->m[i] / 2];
  }
  s->rw = s->ext[2];
  s->row = ow_wino_up(w->b[3] * s->rw, lanes);
  size_t row = (size_t)s->row, a0 = (size_t)w->a[0];
  size_t lines = (size_t)s->ext[0] * (size_t)s->ext[1] + (size_t)w->b[0] * (size_t)s->ext[1] * a0 +
                 (size_t)w->b[0] * (size_t)w->b[1] * a0 * (size_t)w->a[1];
  s->scratch = lines * row + 32;
}

static bool runs(const int32_t *off, int lanes) {
  for (int j = 0; j < lanes; j++)
    if (off[j] != off[j - j % (lanes / 4)] + 4 * (j % (lanes / 4))) return false;
  return true;
}

bool ow_wino_plan_make(ow_wino_plan *w, const ow_conv *p, const int m[3], int target, ow_err *e) {
  int lanes = ow_wino()->lanes;
  memset(w, 0, sizeof *w);
  choose(w, p, m, target, lanes);
  w->n = p->n;
  w->count = 1;
  w->tiles_in_box = 1;
  for (int i = 0; i < 4; i++) {
    w->blocks[i] = cut(i < 3 ? w->tiles[i] : p->n, w->b[i]);
    w->count *= w->blocks[i];
    w->tiles_in_box *= w->b[i];
  }
  w->nv = (int)cut(w->tiles_in_box, lanes);
  set_side(w, &w->in, p->size, p->padding, true, lanes);
  set_side(w, &w->out, p->osize, p->padding, false, lanes);
  int t = w->nv * lanes, b2 = w->b[2], m2 = w->m[2];
  w->block = ow_alloc((size_t)t * 4 * sizeof(int32_t) + (size_t)w->nv * 3, e);
  if (!w->block) return false;
  w->in.off = w->block;
  w->out.off = w->in.off + t;
  w->ooff = w->out.off + t;
  int32_t *keep = w->ooff + t;
  w->in.run = (unsigned char *)(keep + t);
  w->out.run = w->in.run + w->nv;
  w->orun = w->out.run + w->nv;
  w->orow = w->b[3] * b2 * m2;
  int64_t obox = (int64_t)w->b[0] * w->m[0] * w->b[1] * w->m[1] * w->orow;
  for (int j = 0; j < t; j++) {
    bool real = j < w->tiles_in_box;
    int64_t k = real ? j : 0, tw = k % b2, n = k / b2 % w->b[3], dh = k / b2 / w->b[3];
    int64_t base = dh * w->a[0] * w->a[1];
    w->in.off[j] = (int32_t)(base * w->in.row + n * w->in.rw + tw * m2);
    w->out.off[j] = (int32_t)(base * w->out.row + n * w->out.rw + tw * m2);
    int64_t td = dh / w->b[1], th = dh % w->b[1];
    // Lanes without a tile write behind the box.
    w->ooff[j] = real ? (int32_t)((td * w->m[0] * w->b[1] * w->m[1] + th * w->m[1]) * w->orow + (n * b2 + tw) * m2) : (int32_t)obox;
    int q = j % lanes / (lanes / 4), l = j % (lanes / 4);
    keep[j / lanes * lanes + 4 * l + q] = real ? -1 : 0;
  }
  w->keep = w->tiles_in_box < t ? keep : NULL;
  for (int i = 0; i < w->nv; i++) {
    w->in.run[i] = runs(w->in.off + i * lanes, lanes);
    w->out.run[i] = runs(w->out.off + i * lanes, lanes);
    w->orun[i] = m2 == 4 && runs(w->ooff + i * lanes, lanes);
  }
  // a lane without a tile may write a whole transformed box behind it
  w->oscratch = (size_t)OW_WINO_TMP * (size_t)lanes + 2 * (size_t)obox + 32;
  return true;
}

void ow_wino_plan_free(ow_wino_plan *w) { ow_free(w->block); }

void ow_wino_block(const ow_wino_plan *w, int64_t k, int64_t at[4]) {
  static const int order[4] = {2, 1, 0, 3};
  for (int i = 0; i < 4; i++) {
    int d = order[i];
    at[d] = k % w->blocks[d] * w->b[d];
    k /= w->blocks[d];
  }
}
