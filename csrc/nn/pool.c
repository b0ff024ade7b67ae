// Pooling over windows in 1 to 3 dimensions (shorter ranks get leading axes of size 1).
// Maximum: padding counts as -infinity, the first of equal elements wins, NaN wins over all;
// the index is the winner's flat 0-based place in its plane, and the gradient adds dy there.
// Average: the sum over the part of the window that lies inside, divided by the window's
// volume inside the padded input (count_padding) or inside the input alone.
#include "nn/pool.h"

#include <math.h>

#include "nn/cl.h"
#include "nn/kernel.h"

enum { KERNEL, STRIDE, PADDING, COUNT };                // forward
enum { G_SIZE, G_KERNEL, G_STRIDE, G_PADDING, G_COUNT };  // avg_pool_grad; max_pool_grad has size alone

static bool windows(const ow_nn_call *c, int first, ow_pool *p, ow_err *e) {
  if (!ow_nn_param3(c, first, 1, 1, p->kernel, e) || !ow_nn_param3(c, first + 1, 0, 1, p->stride, e) ||
      !ow_nn_param3(c, first + 2, 0, 0, p->padding, e))
    return false;
  p->out = 1;
  for (int j = 0; j < 3; j++) {
    if (!p->stride[j]) p->stride[j] = p->kernel[j];
    if (2 * p->padding[j] > p->kernel[j])
      return OW_FAIL(e, OW_EARG, "padding: expected at most half of the kernel (%lld), got %lld",
                     (long long)p->kernel[j], (long long)p->padding[j]);
    int64_t room = p->size[j] + 2 * p->padding[j] - p->kernel[j];
    if (room < 0)
      return OW_FAIL(e, OW_ESHAPE, "kernel %lld is larger than the input of %lld with padding %lld",
                     (long long)p->kernel[j], (long long)p->size[j], (long long)p->padding[j]);
    p->osize[j] = room / p->stride[j] + 1;
    p->out *= p->osize[j];
  }
  p->in = p->size[0] * p->size[1] * p->size[2];
  return true;
}

static void plane_shape(const ow_nn_call *c, const int64_t size[3], int64_t shape[5]) {
  const ow_tensor *t = c->in[0];
  shape[0] = t->shape[0], shape[1] = t->shape[1];
  for (int d = 2; d < t->ndim; d++) shape[d] = size[3 - t->ndim + d];
}

// Geometry of any of the four rows; out_ndim and out_shape are filled where c is being shaped.
bool ow_pool_geometry(const ow_nn_call *c, ow_pool *p, ow_err *e) {
  const ow_tensor *t = c->in[0];
  p->planes = t->shape[0] * t->shape[1];
  if (c->op == &ow_nn_max_pool_grad) {
    if (!ow_nn_param3(c, G_SIZE, 1, 1, p->size, e)) return false;
    ow_nn_extents3(t->shape, t->ndim, p->osize);
    p->in = p->size[0] * p->size[1] * p->size[2];
    p->out = p->osize[0] * p->osize[1] * p->osize[2];
    return true;
  }
  if (c->op == &ow_nn_avg_pool_grad) return ow_nn_param3(c, G_SIZE, 1, 1, p->size, e) && windows(c, G_KERNEL, p, e);
  ow_nn_extents3(t->shape, t->ndim, p->size);
  return windows(c, KERNEL, p, e);
}

static bool shape(ow_nn_call *c, ow_err *e) {
  ow_pool p;
  int64_t s[5];
  int nd = c->in[0]->ndim;
  if (!ow_nn_expect_nc(c, 0, 1, 3, e) || !ow_pool_geometry(c, &p, e)) return false;
  bool grad = c->op == &ow_nn_max_pool_grad || c->op == &ow_nn_avg_pool_grad;
  if (grad) {
    plane_shape(c, p.osize, s);
    if (!ow_nn_expect(c, 0, nd, s, e)) return false;
    if (c->op == &ow_nn_max_pool_grad && !ow_nn_expect(c, 1, nd, s, e)) return false;
  }
  plane_shape(c, grad ? p.size : p.osize, s);
  ow_nn_shape(c, 0, nd, s);
  if (c->op == &ow_nn_max_pool) ow_nn_shape(c, 1, nd, s);
  return true;
}

// The part of window o that lies inside the input: [lo, hi) on every axis; returns its
// divisor as an average.
static double window(const ow_pool *p, int64_t o, bool count, int64_t lo[3], int64_t hi[3]) {
  double volume = 1;
  for (int j = 2; j >= 0; o /= p->osize[j], j--) {
    int64_t a = o % p->osize[j] * p->stride[j] - p->padding[j], b = a + p->kernel[j];
    volume *= (double)(count ? ow_min64(b, p->size[j] + p->padding[j]) - a : ow_min64(b, p->size[j]) - ow_max64(a, 0));
    lo[j] = ow_max64(a, 0);
    hi[j] = ow_min64(b, p->size[j]);
  }
  return volume;
}

#define WINDOW_LOOP(i)                                                                                \
  for (int64_t i0 = lo[0]; i0 < hi[0]; i0++)                                                          \
    for (int64_t i1 = lo[1]; i1 < hi[1]; i1++)                                                        \
      for (int64_t i = (i0 * p.size[1] + i1) * p.size[2] + lo[2], end = i + hi[2] - lo[2]; i < end; i++)

static bool plain_max(ow_nn_call *c, ow_err *e) {
  ow_pool p;
  if (!ow_pool_geometry(c, &p, e)) return false;
  ow_elems x = ow_elements(c->in[0]), y = ow_elements(c->out[0]);
  int64_t *index = ow_outi(c, 1), lo[3], hi[3];
  for (int64_t k = 0; k < p.planes; k++) {
    OW_NN_POLL(e);
    for (int64_t o = 0; o < p.out; o++) {
      window(&p, o, true, lo, hi);
      int64_t best = -1;
      double top = 0;
      WINDOW_LOOP(i) {
        double v = ow_get(x, k * p.in + i);
        if (best < 0 || v > top || (isnan(v) && !isnan(top))) best = i, top = v;
      }
      ow_put(y, k * p.out + o, top);
      if (index) index[k * p.out + o] = best;
    }
  }
  return true;
}

static bool plain_max_grad(ow_nn_call *c, ow_err *e) {
  ow_pool p;
  if (!ow_pool_geometry(c, &p, e) || !ow_nn_index_in(c, 1, 0, p.in - 1, e)) return false;
  ow_elems dy = ow_elements(c->in[0]), dx = ow_elements(c->out[0]);
  const int64_t *index = ow_i64(c->in[1]);
  for (int64_t k = 0; k < p.planes; k++) {
    OW_NN_POLL(e);
    for (int64_t i = 0; i < p.in; i++) ow_put(dx, k * p.in + i, 0);
    for (int64_t o = k * p.out; o < (k + 1) * p.out; o++)
      ow_put(dx, k * p.in + index[o], ow_get(dx, k * p.in + index[o]) + ow_get(dy, o));
  }
  return true;
}

static bool plain_avg(ow_nn_call *c, ow_err *e) {
  ow_pool p;
  if (!ow_pool_geometry(c, &p, e)) return false;
  ow_elems x = ow_elements(c->in[0]), y = ow_elements(c->out[0]);
  int64_t lo[3], hi[3];
  for (int64_t k = 0; k < p.planes; k++) {
    OW_NN_POLL(e);
    for (int64_t o = 0; o < p.out; o++) {
      double volume = window(&p, o, c->p[COUNT].i[0], lo, hi), sum = 0;
      WINDOW_LOOP(i) sum += ow_get(x, k * p.in + i);
      ow_put(y, k * p.out + o, sum / volume);
    }
  }
  return true;
}

static bool plain_avg_grad(ow_nn_call *c, ow_err *e) {
  ow_pool p;
  if (!ow_pool_geometry(c, &p, e)) return false;
  ow_elems dy = ow_elements(c->in[0]), dx = ow_elements(c->out[0]);
  int64_t lo[3], hi[3];
  for (int64_t k = 0; k < p.planes; k++) {
    OW_NN_POLL(e);
    for (int64_t i = 0; i < p.in; i++) ow_put(dx, k * p.in + i, 0);
    for (int64_t o = 0; o < p.out; o++) {
      double volume = window(&p, o, c->p[G_COUNT].i[0], lo, hi);
      WINDOW_LOOP(i) ow_put(dx, k * p.in + i, ow_get(dx, k * p.in + i) + ow_get(dy, k * p.out + o) / volume);
    }
  }
  return true;
}

static bool fast_max(ow_nn_call *c, ow_err *e) {
  ow_pool p;
  return ow_pool_geometry(c, &p, e) && ow_max_pool_fast(c, &p, e);
}
static bool fast_max_grad(ow_nn_call *c, ow_err *e) {
  ow_pool p;
  return ow_pool_geometry(c, &p, e) && ow_max_pool_grad_fast(c, &p, e);
}
static bool fast_avg(ow_nn_call *c, ow_err *e) {
  ow_pool p;
  bool grad = c->op == &ow_nn_avg_pool_grad;
  return ow_pool_geometry(c, &p, e) && ow_avg_pool_fast(c, &p, c->p[grad ? G_COUNT : COUNT].i[0], grad, e);
}

#define WINDOW                                                                  \
  {"kernel", OW_NN_INT3, NAN, NULL, "extents of the window"},                   \
  {"stride", OW_NN_INT3, 0, NULL, "steps between windows; 0: the kernel"},      \
  {"padding", OW_NN_INT3, 0, NULL, "border on both sides, at most half of the kernel"}
#define SIZE {"size", OW_NN_INT3, NAN, NULL, "spatial extents of the input of the forward row"}
#define COUNTING {"count_padding", OW_NN_INT, 1, NULL, "1: divide by the window's volume with the padding in it"}

const ow_nn_op ow_nn_max_pool = {
    .name = "max_pool", .doc = "largest element of every window",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S], 1 to 3 spatial axes"}},
    .out = {{"y", OW_NN_FLOAT, .doc = "[N, C, *O]"},
            {"index", OW_NN_INDEX, true, .doc = "as y, 0-based place of the element in its plane"}},
    .param = {WINDOW}, .shape = shape, .reference = plain_max, .cpu = fast_max, .opencl = ow_nn_pool_cl};

const ow_nn_op ow_nn_max_pool_grad = {
    .name = "max_pool_grad", .doc = "gradient of max_pool",
    .in = {{"dy", OW_NN_FLOAT, .doc = "[N, C, *O]"}, {"index", OW_NN_INDEX, .doc = "as max_pool gave it"}},
    .out = {{"dx", OW_NN_FLOAT, .doc = "[N, C, *S]"}},
    .param = {SIZE}, .shape = shape, .reference = plain_max_grad, .cpu = fast_max_grad, .opencl = ow_nn_pool_cl};

const ow_nn_op ow_nn_avg_pool = {
    .name = "avg_pool", .doc = "mean of every window",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S], 1 to 3 spatial axes"}},
    .out = {{"y", OW_NN_FLOAT, .doc = "[N, C, *O]"}},
    .param = {WINDOW, COUNTING}, .shape = shape, .reference = plain_avg, .cpu = fast_avg, .opencl = ow_nn_pool_cl};

const ow_nn_op ow_nn_avg_pool_grad = {
    .name = "avg_pool_grad", .doc = "gradient of avg_pool",
    .in = {{"dy", OW_NN_FLOAT, .doc = "[N, C, *O]"}},
    .out = {{"dx", OW_NN_FLOAT, .doc = "[N, C, *S]"}},
    .param = {SIZE, WINDOW, COUNTING}, .shape = shape, .reference = plain_avg_grad, .cpu = fast_avg,
    .opencl = ow_nn_pool_cl};
