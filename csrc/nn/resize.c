// Resampling of planes to other extents in 1 to 3 dimensions. Output i of n reads the input
// of m at
//   nearest: floor(i m / n), in integers;
//   linear: (i + 1/2) m / n - 1/2, not below 0, or i (m - 1) / (n - 1) with align_corners,
// from the two elements around it (the last one twice at the end), axis by axis. The gradient
// is the transposed sum.
#include <math.h>

#include "base/alloc.h"
#include "nn/cl.h"
#include "nn/kernel.h"

enum { SIZE, MODE, ALIGN };
enum { NEAREST, LINEAR };

// One output place along one axis: elements a and b with weights 1 - f and f.
typedef struct { int64_t a, b; double f; } tap;

typedef struct {
  int64_t planes, size[3], osize[3], in, out;
  tap *taps[3];  // one block
} plan;

static bool geometry(const ow_nn_call *c, plan *p, ow_err *e) {
  const ow_tensor *t = c->in[0];
  p->planes = t->shape[0] * t->shape[1];
  bool grad = c->op == &ow_nn_resize_grad;
  if (!ow_nn_param3(c, SIZE, 1, 1, grad ? p->size : p->osize, e)) return false;
  ow_nn_extents3(t->shape, t->ndim, grad ? p->osize : p->size);
  p->in = p->size[0] * p->size[1] * p->size[2];
  p->out = p->osize[0] * p->osize[1] * p->osize[2];
  return true;
}

static bool shape(ow_nn_call *c, ow_err *e) {
  plan p;
  const ow_tensor *t = c->in[0];
  if (!ow_nn_expect_nc(c, 0, 1, 3, e) || !geometry(c, &p, e)) return false;
  if (c->p[ALIGN].i[0] && c->p[MODE].i[0] == NEAREST)
    return OW_FAIL(e, OW_EARG, "align_corners: goes with mode linear, not nearest");
  if (p.out && !p.in) return OW_FAIL(e, OW_ESHAPE, "x: has no elements to resample");
  const int64_t *to = c->op == &ow_nn_resize ? p.osize : p.size;
  int64_t s[5] = {t->shape[0], t->shape[1]};
  for (int d = 2; d < t->ndim; d++) s[d] = to[3 - t->ndim + d];
  ow_nn_shape(c, 0, t->ndim, s);
  return true;
}

static tap tap_at(int64_t i, int64_t m, int64_t n, bool linear, bool align) {
  if (!linear) return (tap){(int64_t)((__int128)i * m / n), (int64_t)((__int128)i * m / n), 0};
  double at = align ? (n > 1 ? (double)i * (double)(m - 1) / (double)(n - 1) : 0)
                    : ((double)i + 0.5) * (double)m / (double)n - 0.5;
  if (at < 0) at = 0;
  int64_t a = ow_min64((int64_t)at, m - 1);
  return (tap){a, ow_min64(a + 1, m - 1), at - (double)a};
}

static bool plan_of(const ow_nn_call *c, plan *p, ow_err *e) {
  if (!geometry(c, p, e)) return false;
  p->taps[0] = ow_alloc_array((size_t)(p->osize[0] + p->osize[1] + p->osize[2]), sizeof(tap), e);
  if (!p->taps[0]) return false;
  for (int j = 0; j < 3; j++) {
    if (j) p->taps[j] = p->taps[j - 1] + p->osize[j - 1];
    for (int64_t i = 0; i < p->osize[j]; i++)
      p->taps[j][i] = tap_at(i, p->size[j], p->osize[j], c->p[MODE].i[0] == LINEAR, c->p[ALIGN].i[0]);
  }
  return true;
}

// The eight elements of an output place and their weights; absent ones have weight 0.
static void corners(const plan *p, int64_t o, int64_t at[8], double w[8]) {
  const tap *t[3];
  for (int j = 2; j >= 0; o /= p->osize[j], j--) t[j] = &p->taps[j][o % p->osize[j]];
  for (int q = 0; q < 8; q++) {
    at[q] = 0, w[q] = 1;
    for (int j = 0; j < 3; j++) {
      bool far = q >> (2 - j) & 1;
      at[q] = at[q] * p->size[j] + (far ? t[j]->b : t[j]->a);
      w[q] *= far ? t[j]->f : 1 - t[j]->f;
    }
  }
}

static bool plain(ow_nn_call *c, ow_err *e) {
  plan p;
  if (!plan_of(c, &p, e)) return false;
  ow_elems x = ow_elements(c->in[0]), y = ow_elements(c->out[0]);
  OW_NN_TASKS(k, p.planes) {
    int64_t at[8];
    double w[8];
    for (int64_t o = 0; o < p.out; o++) {
      corners(&p, o, at, w);
      double sum = 0;
      for (int q = 0; q < 8; q++)
        if (w[q] != 0) sum += w[q] * ow_get(x, k * p.in + at[q]);
      ow_put(y, k * p.out + o, sum);
    }
  }
  ow_free(p.taps[0]);
  OW_NN_DONE(e);
}

static bool plain_grad(ow_nn_call *c, ow_err *e) {
  plan p;
  if (!plan_of(c, &p, e)) return false;
  ow_elems dy = ow_elements(c->in[0]), dx = ow_elements(c->out[0]);
  OW_NN_TASKS(k, p.planes) {
    int64_t at[8];
    double w[8];
    for (int64_t i = 0; i < p.in; i++) ow_put(dx, k * p.in + i, 0);
    for (int64_t o = 0; o < p.out; o++) {
      corners(&p, o, at, w);
      for (int q = 0; q < 8; q++)
        if (w[q] != 0) ow_put(dx, k * p.in + at[q], ow_get(dx, k * p.in + at[q]) + w[q] * ow_get(dy, k * p.out + o));
    }
  }
  ow_free(p.taps[0]);
  OW_NN_DONE(e);
}

#define PARAMS(DOC)                                                                    \
  {{"size", OW_NN_INT3, NAN, NULL, DOC},                                               \
   {"mode", OW_NN_ENUM, 0, "nearest linear", "element at or below, or (bi-, tri-)linear interpolation"}, \
   {"align_corners", OW_NN_INT, 0, NULL, "linear: 1 keeps the corner elements in place"}}

const ow_nn_op ow_nn_resize = {
    .name = "resize", .doc = "resamples planes to other extents",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S], 1 to 3 spatial axes"}},
    .out = {{"y", OW_NN_FLOAT, .doc = "[N, C, *size]"}},
    .param = PARAMS("spatial extents of the result"), .shape = shape, .reference = plain, .opencl = ow_nn_resize_cl};

const ow_nn_op ow_nn_resize_grad = {
    .name = "resize_grad", .doc = "gradient of resize",
    .in = {{"dy", OW_NN_FLOAT, .doc = "[N, C, *O]"}}, .out = {{"dx", OW_NN_FLOAT, .doc = "[N, C, *size]"}},
    .param = PARAMS("spatial extents of the input of resize"), .shape = shape, .reference = plain_grad,
    .opencl = ow_nn_resize_cl};
