// AtomNet's block, fused. BLOCK ions go through the whole network while their activations lie in
// the second-level cache; pointwise layers run ion by ion on its 32 rows, dense layers on the
// BLOCK ions together, so that their weights are read once. Batch norms are folded into the weights
// by the caller. The reference is the module itself (spec/atomnet_apply_spec.lua).
//
// Layers: 0-2 points, 3-4 dense, 5 map of the first proposer; 6-7 first; 8-10 points, 11-12 dense,
// 13 map of the second; 14-16 second; 17-18 dense, 19 logit.
//
// An ion's numbers do not depend on the others of its block, so the cut does not show in the bits.
#include "nn/pointnet.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"

enum { BLOCK = 32, ROWS = OW_POINTNET_ROWS, COLS = OW_POINTNET_COLUMNS, PANEL = OW_POINTNET_PANEL, LAYERS = OW_POINTNET_LAYERS, TASK = 4 };
enum { T1 = 0, D1 = 3, M1 = 5, FIRST = 6, T2 = 8, D2 = 11, M2 = 13, SECOND = 14, D3 = 17, LOGIT = 19 };

typedef struct {
  float x[BLOCK][ROWS][COLS];          // input rows
  float mapped[ROWS][COLS];
  float h[BLOCK][ROWS][32];
  float a[ROWS][128], b[ROWS][128];    // activations of one ion
  float pooled[BLOCK][128], d1[BLOCK][128], d2[BLOCK][64];
  float map[BLOCK][1024];
} scratch;

static int64_t padded(int64_t n) { return (n + PANEL - 1) / PANEL * PANEL; }

// Packs weights [inputs][outputs] into panels; returns the block that holds all of them.
static float *pack(const ow_pointnet_weights *p, ow_pointnet_layer *l, ow_err *e) {
  size_t total = 0;
  for (int k = 0; k < LAYERS; k++) total += (size_t)(padded(p->outputs[k]) * (p->inputs[k] + 1));
  float *block = ow_alloc_zero(total * sizeof *block, e), *at = block;
  if (!block) return NULL;
  for (int k = 0; k < LAYERS; k++) {
    int64_t in = p->inputs[k], out = p->outputs[k], wide = padded(out);
    for (int64_t i = 0; i < in; i++)
      for (int64_t j = 0; j < out; j++) at[j / PANEL * PANEL * in + i * PANEL + j % PANEL] = p->w[k][i * out + j];
    memcpy(at + wide * in, p->bias[k], (size_t)out * sizeof *at);
    l[k] = (ow_pointnet_layer){in, wide, at, at + wide * in};
    at += wide * (in + 1);
  }
  return block;
}

static void gather(const ow_pointnet_ions *s, int64_t ion, float x[ROWS][COLS]) {
  int64_t own = s->rows[ion] - 1;
  const float *p = s->positions + 3 * own;
  for (int r = 0; r < ROWS; r++) {
    int64_t j = s->ids[ion * ROWS + r] - 1;
    const float *q = s->positions + 3 * j;
    int c = 3;
    for (int a = 0; a < 3; a++) {
      float d = q[a] - p[a], b = (float)s->box[a];
      if (b > 0) d -= rintf(d / b) * b;
      x[r][a] = d;
    }
    x[r][c++] = s->species[j];
    if (s->own) x[r][c++] = s->species[own];
    if (s->predictions) x[r][c++] = s->predictions[j], x[r][c++] = s->predictions[own];
    while (c < COLS) x[r][c++] = 0;
  }
}

// Three pointwise layers and the maximum over the rows.
static void points(const ow_pointnet_kernels *K, const ow_pointnet_layer *l, const float *x, int64_t ldx, scratch *s, float *out) {
  K->rows(l, x, ldx, ROWS, true, s->a[0], 128);
  K->rows(l + 1, s->a[0], 128, ROWS, true, s->b[0], 128);
  K->rows_max(l + 2, s->b[0], 128, ROWS, out);
}

static void dense(const ow_pointnet_kernels *K, const ow_pointnet_layer *l, scratch *s, float *out, int64_t ldo) {
  K->rows(l, s->pooled[0], 128, BLOCK, true, s->d1[0], 128);
  K->rows(l + 1, s->d1[0], 128, BLOCK, true, s->d2[0], 64);
  K->rows(l + 2, s->d2[0], 64, BLOCK, false, out, ldo);
}

// The map of one ion, c x c, is applied to its rows. c <= COLS: too small for tiles.
static void apply_small(const float x[ROWS][COLS], const float *map, int64_t c, float y[ROWS][COLS]) {
  for (int r = 0; r < ROWS; r++) {
    float sum[COLS] = {0};
    for (int64_t i = 0; i < c; i++)
      for (int64_t j = 0; j < c; j++) sum[j] += x[r][i] * map[i * c + j];
    memcpy(y[r], sum, sizeof sum);
  }
}

static void block_of(const ow_pointnet_kernels *K, const ow_pointnet_layer *l, const ow_pointnet_ions *ions, int64_t first, int64_t count,
                     scratch *s, float *probability) {
  static const float none[PANEL] = {0};
  int64_t c = l[T1].inputs;
  for (int64_t i = 0; i < count; i++) {
    gather(ions, first + i, s->x[i]);
    points(K, l + T1, s->x[i][0], COLS, s, s->pooled[i]);
  }
  dense(K, l + D1, s, s->map[0], l[M1].outputs);
  for (int64_t i = 0; i < count; i++) {
    apply_small((const float(*)[COLS])s->x[i], s->map[0] + i * l[M1].outputs, c, s->mapped);
    K->rows(l + FIRST, s->mapped[0], COLS, ROWS, true, s->a[0], 128);
    K->rows(l + FIRST + 1, s->a[0], 128, ROWS, true, s->h[i][0], 32);
    points(K, l + T2, s->h[i][0], 32, s, s->pooled[i]);
  }
  dense(K, l + D2, s, s->map[0], 1024);
  for (int64_t i = 0; i < count; i++) {
    ow_pointnet_layer map = {32, 32, s->map[i], none};  // row-major 32 x 32 is one panel
    K->rows(&map, s->h[i][0], 32, ROWS, false, s->b[0], 128);
    points(K, l + SECOND, s->b[0], 128, s, s->pooled[i]);
  }
  dense(K, l + D3, s, s->map[0], PANEL);
  for (int64_t i = 0; i < count; i++) probability[i] = 1 / (1 + expf(-s->map[0][i * PANEL]));
}

static bool check(const ow_pointnet_weights *w, const ow_pointnet_ions *s, ow_err *e) {
  static const int64_t widths[LAYERS][2] = {{0, 32}, {32, 64}, {64, 128}, {128, 128}, {128, 64}, {64, 0}, {0, 32}, {32, 32}, {32, 32}, {32, 64},
                                            {64, 128}, {128, 128}, {128, 64}, {64, 1024}, {32, 32}, {32, 64}, {64, 128}, {128, 128}, {128, 64}, {64, 1}};
  int64_t c = 4 + s->own + (s->predictions ? 2 : 0);
  for (int k = 0; k < LAYERS; k++) {
    int64_t in = widths[k][0] ? widths[k][0] : c, out = widths[k][1] ? widths[k][1] : c * c;
    if (w->inputs[k] != in || w->outputs[k] != out)
      return OW_FAIL(e, OW_ESHAPE, "layer %d: expected %lld x %lld, got %lld x %lld", k + 1, (long long)in, (long long)out,
                     (long long)w->inputs[k], (long long)w->outputs[k]);
  }
  for (int64_t i = 0; i < s->m * (ROWS + 1); i++) {
    int64_t id = i < s->m * ROWS ? s->ids[i] : s->rows[i - s->m * ROWS];
    if (id < 1 || id > s->n) return OW_FAIL(e, OW_EARG, "ids: %lld is no row of %lld ions", (long long)id, (long long)s->n);
  }
  for (int64_t i = 0; i < 3 * s->n; i++)  // the maximum over the rows does not carry NaN
    if (!isfinite(s->positions[i])) return OW_FAIL(e, OW_EARG, "positions: row %lld has a coordinate that is not finite", (long long)(i / 3 + 1));
  return true;
}

bool ow_pointnet(const ow_pointnet_weights *weights, const ow_pointnet_ions *ions, float *probability, ow_err *e) {
  const ow_pointnet_kernels *K = ow_pointnet_table();
  ow_pointnet_layer l[LAYERS];
  if (!check(weights, ions, e)) return false;
  float *packed = pack(weights, l, e);
  if (!packed) return false;
  int threads = ow_threads();
  scratch *all = ow_alloc_zero((size_t)threads * sizeof *all, e);
  if (!all) return ow_free(packed), false;
  int64_t blocks = (ions->m + BLOCK - 1) / BLOCK;
#pragma omp parallel for num_threads(threads) schedule(dynamic, TASK)
  for (int64_t t = 0; t < blocks; t++) {
    if (ow_interrupted()) continue;
    int64_t first = t * BLOCK, count = ions->m - first < BLOCK ? ions->m - first : BLOCK;
    block_of(K, l, ions, first, count, &all[omp_get_thread_num()], probability + first);
  }
  ow_free(all);
  ow_free(packed);
  return ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
