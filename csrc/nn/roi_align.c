// RoIAlign (He et al., Mask R-CNN, ICCV 2017): every box is cut into height x width bins, a bin
// is the mean of sampling x sampling bilinear reads at regular places. Box corners are
// x1, y1, x2, y2 times scale; aligned shifts them by half an element, so that element centres
// lie at whole numbers; without it boxes are at least one element wide. Reads more than one
// element outside give 0, nearer ones the border. The gradient is added box by box in order.
#include <math.h>

#include "nn/kernel.h"

enum { HEIGHT, WIDTH, SCALE, SAMPLING, ALIGNED };
enum { G_BATCHES, G_HEIGHT, G_WIDTH, G_SCALE, G_SAMPLING, G_ALIGNED };
enum { MOST = 4096 };  // samples of a bin along one axis

typedef struct {
  int64_t boxes, n, c, h, w, ph, pw, sampling;
  double scale;
  bool aligned;
} plan;

static bool is_grad(const ow_nn_call *c) { return c->op == &ow_nn_roi_align_grad; }

static plan plan_of(const ow_nn_call *c) {
  const int64_t *s = c->in[0]->shape;
  if (is_grad(c))
    return (plan){s[0], c->p[G_BATCHES].i[0], s[1], c->p[G_HEIGHT].i[0], c->p[G_WIDTH].i[0], s[2], s[3],
                  c->p[G_SAMPLING].i[0], c->p[G_SCALE].f, c->p[G_ALIGNED].i[0]};
  return (plan){c->in[1]->shape[0], s[0], s[1], s[2], s[3], c->p[HEIGHT].i[0], c->p[WIDTH].i[0],
                c->p[SAMPLING].i[0], c->p[SCALE].f, c->p[ALIGNED].i[0]};
}

static bool shape(ow_nn_call *c, ow_err *e) {
  bool grad = is_grad(c);
  if (!ow_nn_expect_nc(c, 0, 2, 2, e)) return false;
  for (int k = grad ? G_BATCHES : HEIGHT; k <= (grad ? G_WIDTH : WIDTH); k++)
    if (!ow_nn_param_in(c, k, 1, INT32_MAX, e)) return false;
  if (!ow_nn_param_in(c, grad ? G_SAMPLING : SAMPLING, 0, MOST, e)) return false;
  if (!isfinite(c->p[grad ? G_SCALE : SCALE].f)) return OW_FAIL(e, OW_EARG, "scale: expected a finite number");
  if (c->in[1]->ndim != 2) return ow_nn_expect(c, 1, 2, (int64_t[]){-1, 4}, e);
  plan p = plan_of(c);
  if (!grad) p.boxes = c->in[1]->shape[0];
  if (!ow_nn_expect(c, 1, 2, (int64_t[]){p.boxes, 4}, e) || !ow_nn_expect(c, 2, 1, &p.boxes, e)) return false;
  if (p.boxes && (!p.h || !p.w)) return OW_FAIL(e, OW_ESHAPE, "x: has no elements to sample");
  ow_nn_shape(c, 0, 4, grad ? (int64_t[]){p.n, p.c, p.h, p.w} : (int64_t[]){p.boxes, p.c, p.ph, p.pw});
  return true;
}

typedef struct {
  double x, y, bw, bh;  // start and bin extents
  int64_t sx, sy;       // samples of a bin
} box;

static box box_at(const plan *p, ow_elems boxes, int64_t r) {
  double shift = p->aligned ? 0.5 : 0, v[4];
  for (int k = 0; k < 4; k++) v[k] = ow_get(boxes, 4 * r + k) * p->scale - shift;
  double w = v[2] - v[0], h = v[3] - v[1];
  if (!p->aligned) w = fmax(w, 1), h = fmax(h, 1);
  box b = {v[0], v[1], w / (double)p->pw, h / (double)p->ph, p->sampling, p->sampling};
  if (!p->sampling) {
    b.sx = b.bw > 0 ? (int64_t)fmin(ceil(b.bw), MOST + 1) : 0;
    b.sy = b.bh > 0 ? (int64_t)fmin(ceil(b.bh), MOST + 1) : 0;
  }
  return b;
}

static bool check(const ow_nn_call *c, const plan *p, ow_err *e) {
  ow_elems boxes = ow_elements(c->in[1]);
  for (int64_t r = 0; r < p->boxes; r++) {
    for (int k = 0; k < 4; k++)
      if (!isfinite(ow_get(boxes, 4 * r + k))) return OW_FAIL(e, OW_EARG, "boxes: row %lld is not finite", (long long)r + 1);
    box b = box_at(p, boxes, r);
    if (b.sx > MOST || b.sy > MOST)
      return OW_FAIL(e, OW_EARG, "boxes: row %lld needs more than %d samples a bin; give sampling", (long long)r + 1, MOST);
  }
  return ow_nn_index_in(c, 2, 1, p->n, e);
}

// Two elements around v on an axis of m and the share of the second; false: outside.
static bool around(double v, int64_t m, int64_t *a, int64_t *b, double *f) {
  if (!(v >= -1 && v <= (double)m)) return false;
  if (v < 0) v = 0;
  *a = ow_min64((int64_t)v, m - 1);
  *b = ow_min64(*a + 1, m - 1);
  *f = *a == *b ? 0 : v - (double)*a;
  return true;
}

// All reads of bin (i, j) of box b: BODY sees the elements e[4] of a plane, their weights k[4].
#define BIN_READS(BODY)                                                                   \
  for (int64_t u = 0; u < b.sy; u++) {                                                    \
    int64_t y0, y1;                                                                       \
    double fy;                                                                            \
    if (!around(b.y + ((double)i + ((double)u + 0.5) / (double)b.sy) * b.bh, p.h, &y0, &y1, &fy)) continue; \
    for (int64_t v = 0; v < b.sx; v++) {                                                  \
      int64_t x0, x1;                                                                     \
      double fx;                                                                          \
      if (!around(b.x + ((double)j + ((double)v + 0.5) / (double)b.sx) * b.bw, p.w, &x0, &x1, &fx)) continue; \
      int64_t at[4] = {y0 * p.w + x0, y0 * p.w + x1, y1 * p.w + x0, y1 * p.w + x1};       \
      double k[4] = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx};         \
      for (int q = 0; q < 4; q++)                                                         \
        if (k[q] != 0) { BODY; }                                                          \
    }                                                                                     \
  }

static bool run(ow_nn_call *c, ow_err *e) {
  plan p = plan_of(c);
  if (!check(c, &p, e)) return false;
  ow_elems x = ow_elements(c->in[0]), boxes = ow_elements(c->in[1]), y = ow_elements(c->out[0]);
  const int64_t *batch = ow_i64(c->in[2]);
  OW_NN_TASKS(t, p.boxes * p.c) {
    int64_t r = t / p.c, plane = ((batch[r] - 1) * p.c + t % p.c) * p.h * p.w;
    box b = box_at(&p, boxes, r);
    double count = (double)ow_max64(b.sx * b.sy, 1);
    for (int64_t i = 0; i < p.ph; i++)
      for (int64_t j = 0; j < p.pw; j++) {
        double sum = 0;
        BIN_READS(sum += k[q] * ow_get(x, plane + at[q]))
        ow_put(y, (t * p.ph + i) * p.pw + j, sum / count);
      }
  }
  OW_NN_DONE(e);
}

// A task owns one channel of all samples, so that no two add to one element.
static bool run_grad(ow_nn_call *c, ow_err *e) {
  plan p = plan_of(c);
  if (!check(c, &p, e)) return false;
  ow_elems dy = ow_elements(c->in[0]), boxes = ow_elements(c->in[1]), dx = ow_elements(c->out[0]);
  const int64_t *batch = ow_i64(c->in[2]);
  OW_NN_TASKS(ch, p.c) {
    for (int64_t n = 0; n < p.n; n++)
      for (int64_t q = 0; q < p.h * p.w; q++) ow_put(dx, (n * p.c + ch) * p.h * p.w + q, 0);
    for (int64_t r = 0; r < p.boxes; r++) {
      int64_t plane = ((batch[r] - 1) * p.c + ch) * p.h * p.w;
      box b = box_at(&p, boxes, r);
      double count = (double)ow_max64(b.sx * b.sy, 1);
      for (int64_t i = 0; i < p.ph; i++)
        for (int64_t j = 0; j < p.pw; j++) {
          double g = ow_get(dy, ((r * p.c + ch) * p.ph + i) * p.pw + j) / count;
          BIN_READS(ow_put(dx, plane + at[q], ow_get(dx, plane + at[q]) + k[q] * g))
        }
    }
  }
  OW_NN_DONE(e);
}

#define PARAMS                                                                                 \
  {"scale", OW_NN_NUM, 1, NULL, "elements per unit of the boxes"},                             \
  {"sampling", OW_NN_INT, 0, NULL, "reads of a bin along each axis; 0: one per element it covers"}, \
  {"aligned", OW_NN_INT, 1, NULL, "1: element centres lie at half-integer places of the boxes"}
#define BOXES                                                                    \
  {"boxes", OW_NN_FLOAT, .doc = "[R, 4], x1, y1, x2, y2"},                       \
  {"batch", OW_NN_INDEX, .doc = "[R], sample of every box, 1-based"}

const ow_nn_op ow_nn_roi_align = {
    .name = "roi_align", .doc = "reads boxes of planes on a regular grid of bins",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, H, W]"}, BOXES},
    .out = {{"y", OW_NN_FLOAT, .doc = "[R, C, height, width]"}},
    .param = {{"height", OW_NN_INT, NAN, NULL, "bins along y"}, {"width", OW_NN_INT, NAN, NULL, "bins along x"}, PARAMS},
    .shape = shape, .reference = run};

const ow_nn_op ow_nn_roi_align_grad = {
    .name = "roi_align_grad", .doc = "gradient of roi_align by x",
    .in = {{"dy", OW_NN_FLOAT, .doc = "[R, C, h, w]"}, BOXES},
    .out = {{"dx", OW_NN_FLOAT, .doc = "[batches, C, height_in, width_in]"}},
    .param = {{"batches", OW_NN_INT, NAN, NULL, "samples of x"}, {"height_in", OW_NN_INT, NAN, NULL, "H of x"},
              {"width_in", OW_NN_INT, NAN, NULL, "W of x"}, PARAMS},
    .shape = shape, .reference = run_grad};
