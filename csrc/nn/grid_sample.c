// Reading planes at places given by a grid (spatial transformer networks, Jaderberg et al.,
// NeurIPS 2015). The last axis of the grid is x, y, (z): -1 and 1 are the centres of the outermost
// elements (align_corners) or their outer edges. Beyond them: zeros, the nearest element
// (border) or the mirrored input (reflection; about the same -1 and 1). Nearest rounds half
// to even. A NaN coordinate gives NaN and adds nothing to dx.
#include <math.h>

#include "nn/kernel.h"

enum { MODE, PADDING, ALIGN };
enum { LINEAR, NEAREST };
enum { ZEROS, BORDER, REFLECTION };

typedef struct {
  int nd, mode, padding;
  bool align;
  int64_t n, c, places, in;  // samples, channels, places of a sample, elements of a plane
  int64_t size[3];           // of the nd spatial axes, first first
} plan;

// One place: up to 8 elements, their weights and the weights' slopes by the nd coordinates
// of the grid (x first). at < 0: outside, counts as 0.
typedef struct {
  bool bad;  // a coordinate is NaN
  int n;
  int64_t at[8];
  double w[8], dw[3][8];
} taps;

static plan plan_of(const ow_nn_call *c) {
  const ow_tensor *x = c->in[0], *grid = c->in[1];
  plan p = {x->ndim - 2, (int)c->p[MODE].i[0], (int)c->p[PADDING].i[0], c->p[ALIGN].i[0], x->shape[0], x->shape[1], 1, ow_extent_from(x, 2), {0}};
  for (int d = 1; d < grid->ndim - 1; d++) p.places *= grid->shape[d];
  for (int d = 0; d < p.nd; d++) p.size[d] = x->shape[2 + d];
  return p;
}

static bool shape(ow_nn_call *c, ow_err *e) {
  const ow_tensor *x = c->in[0], *grid = c->in[1];
  if (!ow_nn_expect_nc(c, 0, 1, 3, e)) return false;
  if (grid->ndim < 2 || grid->shape[0] != x->shape[0] || grid->shape[grid->ndim - 1] != x->ndim - 2) {
    char g[160];
    return OW_FAIL(e, OW_ESHAPE, "grid: expected %lld samples, any axes and a last axis of %d coordinates, got shape %s",
                   (long long)x->shape[0], x->ndim - 2, ow_shape_string(g, grid->ndim, grid->shape));
  }
  if (!ow_extent_from(x, 2)) return OW_FAIL(e, OW_ESHAPE, "x: has no elements to sample");
  int64_t y[OW_MAXDIM] = {x->shape[0], x->shape[1]};
  int nd = grid->ndim;
  for (int d = 1; d < nd - 1; d++) y[d + 1] = grid->shape[d];
  if (c->op == &ow_nn_grid_sample) {
    ow_nn_shape(c, 0, nd, y);
    return true;
  }
  ow_nn_shape_like(c, 0, x);
  ow_nn_shape_like(c, 1, grid);
  return ow_nn_expect(c, 2, nd, y, e);
}

// Place on an axis of m elements, and its slope by the grid's coordinate.
static double place(const plan *p, double g, int64_t m, double *slope) {
  double at = p->align ? (g + 1) / 2 * (double)(m - 1) : ((g + 1) * (double)m - 1) / 2;
  *slope = (double)(p->align ? m - 1 : m) / 2;
  if (p->padding == REFLECTION) {
    double lo = p->align ? 0 : -0.5, span = p->align ? (double)(m - 1) : (double)m;
    if (span <= 0) {
      *slope = 0;
      at = isnan(at) ? at : 0;
    } else {
      double r = at - lo;
      if (r < 0) r = -r, *slope = -*slope;
      double turns = floor(r / span);
      r = fmod(r, span);
      if (fmod(turns, 2) != 0) r = span - r, *slope = -*slope;
      at = r + lo;
    }
  }
  if (p->padding != ZEROS) {
    if (at <= 0) at = 0, *slope = 0;
    if (at >= (double)(m - 1)) at = (double)(m - 1), *slope = 0;
  }
  return at;
}

static void locate(const plan *p, ow_elems grid, int64_t k, taps *t) {
  int64_t lo[3] = {0};
  double f[3] = {0}, slope[3] = {0};
  t->bad = false;
  t->n = p->mode == LINEAR ? 1 << p->nd : 1;
  for (int d = 0; d < p->nd; d++) {  // axis d of the input is coordinate nd - 1 - d
    double at = place(p, ow_get(grid, k * p->nd + p->nd - 1 - d), p->size[d], &slope[d]);
    if (isnan(at)) t->bad = true, at = -2;
    if (p->mode == NEAREST) at = nearbyint(at);
    if (!(at > -2 && at < (double)p->size[d] + 1)) at = -2;  // far outside: no element is touched
    lo[d] = (int64_t)floor(at);
    f[d] = at - floor(at);
  }
  for (int q = 0; q < t->n; q++) {
    t->at[q] = 0;
    t->w[q] = 1;
    for (int d = 0; d < p->nd; d++) {
      bool far = p->mode == LINEAR && (q >> d & 1);
      int64_t i = lo[d] + far;
      if (i < 0 || i >= p->size[d]) t->at[q] = INT64_MIN;
      else if (t->at[q] >= 0) t->at[q] = t->at[q] * p->size[d] + i;
      if (p->mode == LINEAR) t->w[q] *= far ? f[d] : 1 - f[d];
    }
    for (int d = 0; d < p->nd; d++) {
      double s = p->mode == LINEAR ? slope[d] : 0;
      for (int b = 0; b < p->nd; b++) s *= b == d ? (q >> b & 1 ? 1 : -1) : (q >> b & 1 ? f[b] : 1 - f[b]);
      t->dw[p->nd - 1 - d][q] = s;
    }
    if (t->bad) t->at[q] = INT64_MIN;
  }
}

static bool plain(ow_nn_call *c, ow_err *e) {
  plan p = plan_of(c);
  ow_elems x = ow_elements(c->in[0]), grid = ow_elements(c->in[1]), y = ow_elements(c->out[0]);
  enum { CHUNK = 256 };
  OW_NN_TASKS(task, ow_ceil_div(p.n * p.places, CHUNK)) {
    taps t;
    for (int64_t k = task * CHUNK; k < ow_min64(p.n * p.places, (task + 1) * CHUNK); k++) {
      int64_t n = k / p.places, o = k % p.places;
      locate(&p, grid, k, &t);
      for (int64_t ch = 0; ch < p.c; ch++) {
        double sum = t.bad ? NAN : 0;
        for (int q = 0; q < t.n; q++)
          if (t.at[q] >= 0 && t.w[q] != 0) sum += t.w[q] * ow_get(x, (n * p.c + ch) * p.in + t.at[q]);
        ow_put(y, (n * p.c + ch) * p.places + o, sum);
      }
    }
  }
  OW_NN_DONE(e);
}

static bool plain_grad(ow_nn_call *c, ow_err *e) {
  plan p = plan_of(c);
  ow_elems x = ow_elements(c->in[0]), grid = ow_elements(c->in[1]), dy = ow_elements(c->in[2]);
  ow_elems dx = ow_elements(c->out[0]), dgrid = ow_elements(c->out[1]);
  OW_NN_TASKS(n, p.n) {  // a task owns a sample, so that no two add to one element
    taps t;
    for (int64_t i = n * p.c * p.in; i < (n + 1) * p.c * p.in; i++) ow_put(dx, i, 0);
    for (int64_t k = n * p.places; k < (n + 1) * p.places && !((k & 0xfff) == 0 && ow_interrupted()); k++) {
      int64_t o = k % p.places;
      double dg[3] = {0};
      locate(&p, grid, k, &t);
      for (int64_t ch = 0; ch < p.c; ch++) {
        double g = ow_get(dy, (n * p.c + ch) * p.places + o);
        for (int q = 0; q < t.n; q++) {
          if (t.at[q] < 0) continue;
          int64_t i = (n * p.c + ch) * p.in + t.at[q];
          if (t.w[q] != 0) ow_put(dx, i, ow_get(dx, i) + t.w[q] * g);
          for (int d = 0; d < p.nd; d++)
            if (t.dw[d][q] != 0) dg[d] += t.dw[d][q] * g * ow_get(x, i);
        }
      }
      for (int d = 0; dgrid.p && d < p.nd; d++) ow_put(dgrid, k * p.nd + d, t.bad ? NAN : dg[d]);
    }
  }
  OW_NN_DONE(e);
}

#define PARAMS                                                                                  \
  {{"mode", OW_NN_ENUM, 0, "linear nearest", "interpolation"},                                  \
   {"padding", OW_NN_ENUM, 0, "zeros border reflection", "what lies beyond the input"},         \
   {"align_corners", OW_NN_INT, 0, NULL, "1: -1 and 1 are the centres of the outermost elements"}}
#define GRID {"grid", OW_NN_FLOAT, .doc = "[N, *T, nd], last axis x, y, (z) in -1..1"}

const ow_nn_op ow_nn_grid_sample = {
    .name = "grid_sample", .doc = "reads planes at the places of a grid",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S], nd = 1 to 3 spatial axes"}, GRID},
    .out = {{"y", OW_NN_FLOAT, .doc = "[N, C, *T]"}}, .param = PARAMS, .shape = shape, .reference = plain};

const ow_nn_op ow_nn_grid_sample_grad = {
    .name = "grid_sample_grad", .doc = "gradient of grid_sample",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S], nd = 1 to 3 spatial axes"}, GRID,
           {"dy", OW_NN_FLOAT, .doc = "[N, C, *T]"}},
    .out = {{"dx", OW_NN_FLOAT, .doc = "as x"}, {"dgrid", OW_NN_FLOAT, true, .doc = "as grid"}},
    .param = PARAMS, .shape = shape, .reference = plain_grad};
