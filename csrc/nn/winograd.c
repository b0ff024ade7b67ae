// Convolution by Winograd's minimal filtering (Lavin and Gray 2016), f32, kernel extents 1 and 3,
// stride 1: per axis y = A' [(G w) . (B' x)] on tiles of two or four outputs, so 3 x 3 x 3 needs
// 216 products for 64 outputs, eight times fewer than the sum itself. The tensors stay in their
// own layout: lanes are tiles, so any number of channels costs what it is.
//
// A box of tiles is transformed channel by channel to V[point][c][tile], multiplied point by
// point, and transformed back with bias and activation. M[p] lies one slot below V[p], so that it
// takes the memory of V[p - 1]: box and products fit the second-level cache while U streams by.
// The gradient of x is the same with flipped, transposed filters and padding k - 1 - p. The
// gradient of w sums (A dy)[p][o][t] V[p][c][t] over tiles t and transforms back by G'.
//
// Every sum has one order: the same bits at any number of threads.
// Rounding (60 channels, normal numbers, relative to the root mean square of y; measured against
// f64 by winograd_spec): four outputs in three dimensions 1.6e-6 rms, 1e-5 largest; in two
// 0.8e-6 and 5e-6; two outputs 0.3e-6 and 1e-6, like the direct sum. A NaN or an infinity
// reaches the whole tiles that read it.
#include "nn/winograd.h"

#include <string.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "nn/activation.h"

bool ow_winograd_can(const ow_conv *p) {
  bool any = false;
  if (p->groups != 1 || p->n < 1 || p->in < 1 || p->out < 1) return false;
  for (int i = 0; i < 3; i++) {
    if (p->stride[i] != 1 || p->dilation[i] != 1) return false;
    if (p->kernel[i] != 1 && p->kernel[i] != 3) return false;
    if (p->padding[i] < 0 || p->padding[i] >= p->kernel[i] || p->size[i] < 1 || p->osize[i] < 1) return false;
    any |= p->kernel[i] == 3;
  }
  return any;
}

static bool check(const ow_conv *p, const int m[3], ow_err *e) {
  if (!ow_winograd_can(p))
    return OW_FAIL(e, OW_EARG, "winograd: expected one group, stride and dilation 1, kernel extents 1 or 3, padding below the kernel");
  for (int i = 0; i < 3; i++)
    if (m[i] != 0 && m[i] != 1 && m[i] != 2 && m[i] != 4)
      return OW_FAIL(e, OW_EARG, "winograd: expected a tile of 0 (chosen), 1, 2 or 4 outputs, got %d", m[i]);
  return true;
}

// ---- transforms of one channel ---------------------------------------------------------------
// The rows of a box that begins at element `at` of a tensor [n][channels][size].
static void box_rows(ow_wino_rows *g, const int64_t at[4], const int64_t size[3], int64_t n, int64_t step, const int64_t count[4]) {
  for (int i = 0; i < 4; i++) {
    static const int axis[4] = {0, 1, 3, 2};  // d, h, n, w
    int64_t have = (axis[i] < 3 ? size[axis[i]] : n) - at[axis[i]], c = count[axis[i]];
    g->first[i] = at[axis[i]] < 0 ? -at[axis[i]] : 0;
    g->last[i] = have < c ? have : c;
    if (g->first[i] > c) g->first[i] = c;
    if (i < 3) g->count[i] = c;
    else g->len = c;
  }
  g->stride[0] = size[1] * size[2], g->stride[1] = size[2], g->stride[2] = step;
}

// The box of one channel (x: its plane in the first sample of the box; samples are `step` floats
// apart, channels `next`) to points in v.
static void to_points(const ow_wino_plan *w, const ow_wino_side *s, const float *x, int64_t step, int64_t next, const int64_t at[4],
                      float *v, ptrdiff_t slot, const int32_t *keep, float *box) {
  const ow_wino_table *f = ow_wino();
  ptrdiff_t row = s->row;
  int64_t from[4], count[4] = {s->ext[0], s->ext[1], s->ext[2], w->b[3]};
  for (int i = 0; i < 3; i++) from[i] = at[i] * w->m[i] + s->origin[i];
  from[3] = at[3];
  ow_wino_rows g;
  box_rows(&g, from, s->size, w->n, step, count);
  f->stage(&g, x + from[0] * g.stride[0] + from[1] * g.stride[1] + from[2], box, row, next);
  // [d][h] -> [td][h][pd] -> [td][th][ph][pd]
  float *t = box + (ptrdiff_t)s->ext[0] * s->ext[1] * row, *u = t + (ptrdiff_t)w->b[0] * s->ext[1] * w->a[0] * row;
  ptrdiff_t a0 = w->a[0] * row;
  for (int td = 0; td < w->b[0]; td++)
    for (int h = 0; h < s->ext[1]; h++)
      f->rows(s->kind[0], box + (td * w->m[0] * s->ext[1] + h) * row, s->ext[1] * row, t + (td * s->ext[1] + h) * a0, row, row);
  for (int td = 0; td < w->b[0]; td++)
    for (int th = 0; th < w->b[1]; th++)
      f->rows(s->kind[1], t + (td * s->ext[1] + th * w->m[1]) * a0, a0, u + (td * w->b[1] + th) * w->a[1] * a0, a0, a0);
  f->gather(s->kind[2], u, row, w->a[0] * w->a[1], s->off, s->run, w->nv, v, slot, keep);
}

// Points of one channel back to y, whose samples are `step` floats apart.
static void from_points(const ow_wino_plan *w, const float *m, ptrdiff_t slot, const int64_t at[4], float *y, int64_t step, int64_t next,
                        float bias, int activation, float alpha, float *scratch) {
  static const ow_wino_kind kinds[3] = {OW_WINO_ID, OW_WINO_AT2, OW_WINO_AT4};
  const ow_wino_kind kind[3] = {kinds[w->m[0] / 2], kinds[w->m[1] / 2], kinds[w->m[2] / 2]};
  const ow_wino_table *f = ow_wino();
  const int64_t *size = w->out.size;
  float *box = scratch + (size_t)OW_WINO_TMP * (size_t)f->lanes;
  int oh = w->b[1] * w->m[1];
  f->scatter(kind, w->a, w->m, m, slot, w->nv, box, oh, w->orow, w->ooff, w->orun, scratch);
  int64_t from[4] = {at[0] * w->m[0], at[1] * w->m[1], at[2] * w->m[2], at[3]};
  int64_t count[4] = {w->b[0] * w->m[0], oh, w->b[2] * w->m[2], w->b[3]};
  ow_wino_rows g;
  box_rows(&g, from, size, w->n, step, count);
  f->finish(&g, y + from[0] * g.stride[0] + from[1] * g.stride[1] + from[2], box, w->orow, next, bias, activation, alpha);
}

// ---- filters -----------------------------------------------------------------------------------
static ow_wino_kind filter_kind(int m) { return m == 4 ? OW_WINO_G4 : m == 2 ? OW_WINO_G2 : OW_WINO_ID; }
static ow_wino_kind filter_grad_kind(int m) { return m == 4 ? OW_WINO_GT4 : m == 2 ? OW_WINO_GT2 : OW_WINO_ID; }

// Four input channels of one block of outputs to U. `flip`: w is [c][o] and its kernel turned round.
static void filter_points(const ow_wino_plan *w, const float *g, bool flip, int64_t in, int64_t out, int64_t first, int s, int64_t c0,
                          float *u, ptrdiff_t point, float *t0) {
  const ow_wino_table *f = ow_wino();
  int taps = w->k[0] * w->k[1] * w->k[2], n = 4 * s;
  for (int c = 0; c < 4; c++)
    for (int o = 0; o < s; o++) {
      bool real = c0 + c < in && first + o < out;
      const float *src = g + (flip ? (c0 + c) * out + first + o : (first + o) * in + c0 + c) * taps;
      for (int k = 0; k < taps; k++) t0[k * n + c * s + o] = !real ? 0 : flip ? src[taps - 1 - k] : src[k];
    }
  // [kd][kh][kw] -> [pd][kh][kw] -> [ph][pd][kw] -> points
  int k1 = w->k[1], k2 = w->k[2], a0 = w->a[0], a1 = w->a[1], a2 = w->a[2];
  float *t1 = t0 + taps * n, *t2 = t1 + a0 * k1 * k2 * n;
  f->rows(filter_kind(w->m[0]), t0, k1 * k2 * n, t1, k1 * k2 * n, k1 * k2 * n);
  for (int pd = 0; pd < a0; pd++) f->rows(filter_kind(w->m[1]), t1 + pd * k1 * k2 * n, k2 * n, t2 + pd * k2 * n, a0 * k2 * n, k2 * n);
  for (int r = 0; r < a0 * a1; r++) f->rows(filter_kind(w->m[2]), t2 + r * k2 * n, n, u + r * a2 * point, point, n);
}
static size_t filter_scratch(const ow_wino_plan *w, int omax) {
  return (size_t)(4 * omax * w->k[2]) * (size_t)(w->k[0] * w->k[1] + w->a[0] * w->k[1] + w->a[0] * w->a[1]);
}

// ---- forward -----------------------------------------------------------------------------------
typedef struct {
  ow_wino_plan w;
  const ow_conv *p;
  const float *x, *filter;
  bool flip;
  const ow_conv_epilogue *ep;
  float *y, *u, *team;        // team: the one box that all threads share, or NULL
  int64_t cp, out4, ublocks;  // channels and their blocks in U
  ptrdiff_t point, slot, row;  // floats of a point in U, of a row of points in V, of one channel there
  size_t per_thread;
} forward_job;

// Part `part` of `parts` of one step of a box: 0 the input, 1 the products, 2 the output.
static void step_input(const forward_job *j, const int64_t at[4], float *v, float *scratch, int64_t c) {
  const int64_t *size = j->p->size;
  int64_t plane = size[0] * size[1] * size[2];
  to_points(&j->w, &j->w.in, j->x + (at[3] * j->p->in + c) * plane, j->p->in * plane, c + 1 < j->p->in ? plane : 0, at,
            v + c * j->row, j->slot, NULL, scratch);
}
static void step_output(const forward_job *j, const int64_t at[4], const float *m, float *scratch, int64_t o) {
  const int64_t *size = j->p->osize;
  int64_t plane = size[0] * size[1] * size[2];
  from_points(&j->w, m + o * j->row, j->slot, at, j->y + (at[3] * j->p->out + o) * plane, j->p->out * plane, o + 1 < j->p->out ? plane : 0,
              j->ep && j->ep->bias ? j->ep->bias[o] : 0, j->ep ? j->ep->activation : OW_ACT_NONE, j->ep ? j->ep->alpha : 0, scratch);
}

// Products of row r of points.
static void step_product(const forward_job *j, const float *v, float *m, int r) {
  int a2 = j->w.a[2];
  ptrdiff_t t = j->row / a2;
  for (int k = 0; k < a2; k++)
    ow_wino_gemm()->forward(j->p->in, j->cp, j->out4, j->u + (r * a2 + k) * j->point, v + r * j->slot + k * t, j->row, j->w.nv,
                            m + r * j->slot + k * t);
}

static void forward_box(const forward_job *j, int64_t k, float *buf) {
  int64_t at[4];
  float *m = buf, *v = buf + j->slot, *scratch = v + j->w.a[0] * j->w.a[1] * j->slot;
  ow_wino_block(&j->w, k, at);
  for (int64_t c = 0; c < j->p->in; c++) step_input(j, at, v, scratch, c);
  for (int r = 0; r < j->w.a[0] * j->w.a[1]; r++) step_product(j, v, m, r);
  for (int64_t o = 0; o < j->p->out; o++) step_output(j, at, m, scratch, o);
}

static bool forward_run(forward_job *j, ow_err *e) {
  const ow_wino_table *f = ow_wino();
  int nt = ow_threads();
  int64_t in = j->p->in, out = j->p->out, rest = j->w.count < nt ? 0 : j->w.count;
  // Boxes that do not fill all threads are shared step by step instead, with M beside V.
  bool shared = rest == 0;
  size_t box = (size_t)(j->w.a[0] * j->w.a[1] + 1) * (size_t)j->slot, scratch = j->w.in.scratch;
  if (scratch < j->w.oscratch) scratch = j->w.oscratch;
  if (scratch < filter_scratch(&j->w, f->omax)) scratch = filter_scratch(&j->w, f->omax);
  scratch = (size_t)ow_wino_up((int64_t)scratch, 16);
  size_t per = shared ? scratch : box + scratch, u = (size_t)j->w.points * (size_t)j->point;
  float *mem = ow_alloc((u + (size_t)nt * per + (shared ? 2 * box : 0)) * sizeof *mem, e);
  if (!mem) return false;
  j->u = mem;
  float *team = mem + u + (size_t)nt * per;
  bool stop = false;
#pragma omp parallel num_threads(nt)
  {
    float *mine = mem + u + (size_t)omp_get_thread_num() * per;
    int64_t quads = j->cp / 4;
#pragma omp for schedule(dynamic, 1)
    for (int64_t k = 0; k < j->ublocks * quads; k++) {
      int64_t first;
      int s = ow_wino_oblock(j->out4, f->omax, k / quads, &first);
      int64_t c0 = k % quads * 4;
      filter_points(&j->w, j->filter, j->flip, in, out, first, s, c0, j->u + first * j->cp + c0 * s, j->point, mine);
    }
    if (!shared) {
#pragma omp for schedule(dynamic, 1)
      for (int64_t k = 0; k < j->w.count; k++) {
        if (ow_interrupted()) stop = true;
        else forward_box(j, k, mine);
      }
    } else
      for (int64_t k = 0; k < j->w.count; k++) {
        int64_t at[4];
        ow_wino_block(&j->w, k, at);
#pragma omp for schedule(dynamic, 1)
        for (int64_t c = 0; c < in; c++) step_input(j, at, team, mine, c);
#pragma omp for schedule(dynamic, 1)
        for (int r = 0; r < j->w.a[0] * j->w.a[1]; r++) step_product(j, team, team + box, r);
#pragma omp for schedule(dynamic, 1)
        for (int64_t o = 0; o < out; o++) step_output(j, at, team + box, mine, o);
      }
  }
  ow_free(mem);
  return stop || ow_interrupted() ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}

enum { FORWARD_TILES = 16, WEIGHT_TILES = 64 };

static bool forward(const ow_conv *p, const int m[3], const float *x, const float *filter, bool flip, const ow_conv_epilogue *ep,
                    float *y, ow_err *e) {
  forward_job j = {.p = p, .x = x, .filter = filter, .flip = flip, .ep = ep, .y = y};
  if (!ow_wino_plan_make(&j.w, p, m, FORWARD_TILES, e)) return false;
  const ow_wino_table *f = ow_wino();
  j.cp = ow_wino_up(p->in, 4), j.out4 = ow_wino_up(p->out, 4);
  j.ublocks = (j.out4 + f->omax - 1) / f->omax;
  j.point = j.cp * j.out4;
  // An odd number of cache lines, so that the points of a channel fall into different sets.
  j.row = (ptrdiff_t)j.w.a[2] * j.w.nv * f->lanes;
  int64_t lines = ow_wino_up((p->in > j.out4 ? p->in : j.out4) * j.row, 16) / 16;
  j.slot = 16 * (lines | 1);
  bool ok = forward_run(&j, e);
  ow_wino_plan_free(&j.w);
  return ok;
}

bool ow_winograd_forward(const ow_conv *p, const int m[3], const float *x, const float *w, const ow_conv_epilogue *ep, float *y,
                         ow_err *e) {
  return check(p, m, e) && forward(p, m, x, w, false, ep, y, e);
}

bool ow_winograd_grad_input(const ow_conv *p, const int m[3], const float *dy, const float *w, float *dx, ow_err *e) {
  if (!check(p, m, e)) return false;
  ow_conv q = *p;
  q.in = p->out, q.out = p->in;
  for (int i = 0; i < 3; i++) q.size[i] = p->osize[i], q.osize[i] = p->size[i], q.padding[i] = p->kernel[i] - 1 - p->padding[i];
  return forward(&q, m, dy, w, true, NULL, dx, e);
}

// ---- gradient of the filters ---------------------------------------------------------------------
static size_t weight_scratch(const ow_wino_plan *w, size_t cw) {
  return cw * (size_t)w->k[2] * (size_t)(w->a[0] * w->a[1] + w->k[1] * w->a[0] + w->k[0] * w->k[1]);
}

// The sums of output channel o back to dw[o][c][kd][kh][kw].
static void filter_back(const ow_wino_plan *w, const float *du, int64_t in, int64_t out, int64_t cw, int64_t o, float *dw, float *t1) {
  const ow_wino_table *f = ow_wino();
  int k0 = w->k[0], k1 = w->k[1], k2 = w->k[2], a0 = w->a[0], a1 = w->a[1], a2 = w->a[2], taps = k0 * k1 * k2;
  int64_t n = cw;
  float *t2 = t1 + a0 * a1 * k2 * n, *t3 = t2 + k1 * a0 * k2 * n;
  for (int r = 0; r < a0 * a1; r++)
    f->rows(filter_grad_kind(w->m[2]), du + (r * a2 * out + o) * cw, out * cw, t1 + r * k2 * n, n, n);
  f->rows(filter_grad_kind(w->m[1]), t1, a0 * k2 * n, t2, a0 * k2 * n, a0 * k2 * n);
  for (int kh = 0; kh < k1; kh++)
    f->rows(filter_grad_kind(w->m[0]), t2 + kh * a0 * k2 * n, k2 * n, t3 + kh * k2 * n, k1 * k2 * n, k2 * n);
  for (int64_t c = 0; c < in; c++)
    for (int k = 0; k < taps; k++) dw[(o * in + c) * taps + k] = t3[k * n + c];
}

bool ow_winograd_grad_weight(const ow_conv *p, const int m[3], const float *x, const float *dy, float *dw, ow_err *e) {
  ow_wino_plan w;
  if (!check(p, m, e) || !ow_wino_plan_make(&w, p, m, WEIGHT_TILES, e)) return false;
  const ow_wino_table *f = ow_wino();
  int nt = ow_threads();
  int64_t in = p->in, out = p->out, cw = ow_wino_up(in, f->lanes), t = (int64_t)w.nv * f->lanes;
  int rows = w.a[0] * w.a[1], a2 = w.a[2];
  ptrdiff_t row = a2 * t, vslot = 16 * (ow_wino_up(in * row, 16) / 16 | 1), yslot = 16 * (ow_wino_up(out * row, 16) / 16 | 1);
  ptrdiff_t dslot = out * cw;
  size_t scratch = w.in.scratch > w.out.scratch ? w.in.scratch : w.out.scratch;
  if (scratch < (size_t)(t * cw)) scratch = (size_t)(t * cw);
  if (scratch < weight_scratch(&w, (size_t)cw)) scratch = weight_scratch(&w, (size_t)cw);
  scratch = (size_t)ow_wino_up((int64_t)scratch, 16);
  float *mem = ow_alloc(((size_t)rows * (size_t)(vslot + yslot) + (size_t)(w.points * dslot) + (size_t)nt * scratch) * sizeof *mem, e);
  if (!mem) {
    ow_wino_plan_free(&w);
    return false;
  }
  float *v = mem, *yp = v + rows * vslot, *du = yp + rows * yslot, *rest = du + w.points * dslot;
  int64_t xplane = p->size[0] * p->size[1] * p->size[2], yplane = p->osize[0] * p->osize[1] * p->osize[2];
  bool stop = false;
#pragma omp parallel num_threads(nt)
  {
    float *mine = rest + (size_t)omp_get_thread_num() * scratch;
    for (int64_t k = 0; k < w.count; k++) {
#pragma omp single
      stop = ow_interrupted();
      if (stop) break;
      int64_t at[4];
      ow_wino_block(&w, k, at);
#pragma omp for schedule(dynamic, 2)
      for (int64_t c = 0; c < in + out; c++) {
        if (c < in) to_points(&w, &w.in, x + (at[3] * in + c) * xplane, in * xplane, c + 1 < in ? xplane : 0, at, v + c * row, vslot, NULL, mine);
        else
          to_points(&w, &w.out, dy + (at[3] * out + c - in) * yplane, out * yplane, c + 1 < in + out ? yplane : 0, at, yp + (c - in) * row, yslot, w.keep, mine);
      }
#pragma omp for schedule(dynamic, 4)
      for (int i = 0; i < w.points; i++)
        ow_wino_gemm()->weight(in, cw, out, yp + i / a2 * yslot + i % a2 * t, v + i / a2 * vslot + i % a2 * t, row, w.nv, k > 0,
                               du + i * dslot, mine);
    }
    if (!stop) {
#pragma omp for schedule(dynamic, 1)
      for (int64_t o = 0; o < out; o++) filter_back(&w, du, in, out, cw, o, dw, mine);
    }
  }
  ow_free(mem);
  ow_wino_plan_free(&w);
  return stop ? OW_FAIL(e, OW_EINTR, "interrupted") : true;
}
