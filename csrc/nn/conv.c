// The rows conv, conv_grad_input (also the forward of transposed convolution) and
// conv_grad_weight: arguments, shape rules, and the call of the way that conv_choose.c names.
// One to three spatial axes become three, missing ones in front with extent 1.
#include "nn/conv.h"
#include "nn/cl.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "nn/activation.h"

enum { STRIDE, PADDING, DILATION, GROUPS, METHOD, FOURTH };  // parameters that all rows share
enum { SIZE = FOURTH, KERNEL = FOURTH, ACTIVATION = FOURTH, ALPHA };

// ---- shapes ----------------------------------------------------------------------------------

static bool in_range(const ow_nn_call *c, int k, int count, int64_t low, ow_err *e) {
  for (int a = 0; a < count; a++)
    if (c->p[k].i[a] < low || c->p[k].i[a] > 1 << 30)
      return OW_FAIL(e, OW_EARG, "%s: expected %lld to 2^30, got %lld", c->op->param[k].name, (long long)low,
                     (long long)c->p[k].i[a]);
  return true;
}

// Parameters, and the ranks of the two tensors.
static bool begin(const ow_nn_call *c, ow_conv *p, ow_err *e) {
  char s[160];
  for (int k = 0; k < 2; k++) {
    const ow_tensor *t = c->in[k];
    if (t->ndim < 3 || t->ndim > 5)
      return OW_FAIL(e, OW_ESHAPE, "%s: expected 1 to 3 spatial axes after 2 others, got shape %s", c->op->in[k].name,
                     ow_shape_string(s, t->ndim, t->shape));
    bool samples = strcmp(c->op->in[k].name, "w") != 0;  // axis 1 of the others: there may be none
    for (int d = samples; d < t->ndim; d++)
      if (t->shape[d] < 1)
        return OW_FAIL(e, OW_ESHAPE, "%s: axis %d of %s is empty", c->op->in[k].name, d + 1, ow_shape_string(s, t->ndim, t->shape));
  }
  if (c->in[0]->ndim != c->in[1]->ndim)
    return OW_FAIL(e, OW_ESHAPE, "%s has %d spatial axes, %s has %d", c->op->in[0].name, c->in[0]->ndim - 2, c->op->in[1].name,
                   c->in[1]->ndim - 2);
  if (!in_range(c, STRIDE, c->spatial, 1, e) || !in_range(c, PADDING, c->spatial, 0, e) ||
      !in_range(c, DILATION, c->spatial, 1, e) || !in_range(c, GROUPS, 1, 1, e))
    return false;
  memset(p, 0, sizeof *p);
  p->groups = c->p[GROUPS].i[0];
  for (int a = 0; a < 3; a++) {
    int i = a - (3 - c->spatial);
    p->stride[a] = i < 0 ? 1 : c->p[STRIDE].i[i];
    p->padding[a] = i < 0 ? 0 : c->p[PADDING].i[i];
    p->dilation[a] = i < 0 ? 1 : c->p[DILATION].i[i];
    p->size[a] = p->kernel[a] = p->osize[a] = 1;
  }
  return true;
}

// Spatial extents of a tensor, or of a parameter, as three.
static void extents(const ow_nn_call *c, const int64_t *s, int64_t *to) { memcpy(to + 3 - c->spatial, s, (size_t)c->spatial * 8); }

static bool divides(const ow_conv *p, int64_t channels, const char *what, ow_err *e) {
  return channels % p->groups == 0 || OW_FAIL(e, OW_ESHAPE, "%lld %s channels cannot be cut into %lld groups",
                                              (long long)channels, what, (long long)p->groups);
}

static bool output_extents(const ow_nn_call *c, ow_conv *p, ow_err *e) {
  for (int a = 3 - c->spatial; a < 3; a++) {
    int64_t reach = p->dilation[a] * (p->kernel[a] - 1) + 1, room = p->size[a] + 2 * p->padding[a];
    if (room < reach)
      return OW_FAIL(e, OW_ESHAPE, "axis %d: the kernel reaches over %lld, the input with its padding has %lld",
                     a - (3 - c->spatial) + 3, (long long)reach, (long long)room);
    p->osize[a] = (room - reach) / p->stride[a] + 1;
  }
  return true;
}

// dy must be what the convolution of these extents gives.
static bool expect_dy(const ow_nn_call *c, int k, const ow_conv *p, ow_err *e) {
  int64_t want[5] = {p->n, p->out};
  memcpy(want + 2, p->osize + 3 - c->spatial, (size_t)c->spatial * 8);
  return ow_nn_expect(c, k, 2 + c->spatial, want, e);
}

static bool forward_problem(const ow_nn_call *c, ow_conv *p, ow_err *e) {
  const ow_tensor *x = c->in[0], *w = c->in[1];
  if (!begin(c, p, e)) return false;
  p->n = x->shape[0];
  p->in = x->shape[1];
  p->out = w->shape[0];
  extents(c, x->shape + 2, p->size);
  extents(c, w->shape + 2, p->kernel);
  if (!divides(p, p->in, "input", e) || !divides(p, p->out, "output", e)) return false;
  if (w->shape[1] * p->groups != p->in)
    return OW_FAIL(e, OW_ESHAPE, "weight has %lld input channels, input has %lld (groups %lld)",
                   (long long)(w->shape[1] * p->groups), (long long)p->in, (long long)p->groups);
  return output_extents(c, p, e) && ow_nn_expect(c, 2, 1, &p->out, e);
}

static bool grad_input_problem(const ow_nn_call *c, ow_conv *p, ow_err *e) {
  const ow_tensor *dy = c->in[0], *w = c->in[1];
  if (!begin(c, p, e) || !in_range(c, SIZE, c->spatial, 1, e)) return false;
  p->n = dy->shape[0];
  p->out = w->shape[0];
  p->in = w->shape[1] * p->groups;
  extents(c, c->p[SIZE].i, p->size);
  extents(c, w->shape + 2, p->kernel);
  if (dy->shape[1] != p->out)
    return OW_FAIL(e, OW_ESHAPE, "weight has %lld output channels, dy has %lld", (long long)p->out, (long long)dy->shape[1]);
  return divides(p, p->out, "output", e) && output_extents(c, p, e) && expect_dy(c, 0, p, e);
}

static bool grad_weight_problem(const ow_nn_call *c, ow_conv *p, ow_err *e) {
  const ow_tensor *x = c->in[0], *dy = c->in[1];
  if (!begin(c, p, e) || !in_range(c, KERNEL, c->spatial, 1, e)) return false;
  p->n = x->shape[0];
  p->in = x->shape[1];
  p->out = dy->shape[1];
  extents(c, x->shape + 2, p->size);
  extents(c, c->p[KERNEL].i, p->kernel);
  return divides(p, p->in, "input", e) && divides(p, p->out, "output", e) && output_extents(c, p, e) && expect_dy(c, 1, p, e);
}

bool ow_conv_problem(const ow_nn_call *c, ow_conv *p, ow_err *e) {
  return c->op == &ow_nn_conv ? forward_problem(c, p, e)
         : c->op == &ow_nn_conv_grad_input ? grad_input_problem(c, p, e) : grad_weight_problem(c, p, e);
}

static bool forward_shape(ow_nn_call *c, ow_err *e) {
  ow_conv p;
  if (!forward_problem(c, &p, e)) return false;
  int64_t s[5] = {p.n, p.out};
  memcpy(s + 2, p.osize + 3 - c->spatial, (size_t)c->spatial * 8);
  ow_nn_shape(c, 0, 2 + c->spatial, s);
  return true;
}

static bool grad_input_shape(ow_nn_call *c, ow_err *e) {
  ow_conv p;
  if (!grad_input_problem(c, &p, e)) return false;
  int64_t s[5] = {p.n, p.in};
  memcpy(s + 2, p.size + 3 - c->spatial, (size_t)c->spatial * 8);
  ow_nn_shape(c, 0, 2 + c->spatial, s);
  return true;
}

static bool grad_weight_shape(ow_nn_call *c, ow_err *e) {
  ow_conv p;
  if (!grad_weight_problem(c, &p, e)) return false;
  int64_t s[5] = {p.out, p.in / p.groups};
  memcpy(s + 2, p.kernel + 3 - c->spatial, (size_t)c->spatial * 8);
  ow_nn_shape(c, 0, 2 + c->spatial, s);
  ow_nn_shape(c, 1, 1, &p.out);
  return true;
}

// ---- the call --------------------------------------------------------------------------------

static const ow_conv_epilogue *epilogue_f32(const ow_nn_call *c, ow_conv_epilogue *ep) {
  *ep = (ow_conv_epilogue){ow_f32(c->in[2]), (int)c->p[ACTIVATION].i[0], (float)c->p[ALPHA].f};
  return ep;
}

static const ow_conv_epilogue_f64 *epilogue_f64(const ow_nn_call *c, ow_conv_epilogue_f64 *ep) {
  *ep = (ow_conv_epilogue_f64){ow_f64(c->in[2]), (int)c->p[ACTIVATION].i[0], c->p[ALPHA].f};
  return ep;
}

static const int any_tile[3];  // zeros: chosen by shape
static bool winograd_forward(const ow_conv *p, const float *x, const float *w, const ow_conv_epilogue *ep, float *y, ow_err *e) {
  return ow_winograd_forward(p, any_tile, x, w, ep, y, e);
}
static bool winograd_grad_input(const ow_conv *p, const float *dy, const float *w, float *dx, ow_err *e) {
  return ow_winograd_grad_input(p, any_tile, dy, w, dx, e);
}
static bool winograd_grad_weight(const ow_conv *p, const float *x, const float *dy, float *dw, ow_err *e) {
  return ow_winograd_grad_weight(p, any_tile, x, dy, dw, e);
}

// What serves each method; Winograd is for f32 only (conv_choose.c sees to that).
static const struct {
  bool (*forward)(const ow_conv *, const float *, const float *, const ow_conv_epilogue *, float *, ow_err *);
  bool (*grad_input)(const ow_conv *, const float *, const float *, float *, ow_err *);
  bool (*grad_weight)(const ow_conv *, const float *, const float *, float *, ow_err *);
  bool (*forward_f64)(const ow_conv *, const double *, const double *, const ow_conv_epilogue_f64 *, double *, ow_err *);
  bool (*grad_input_f64)(const ow_conv *, const double *, const double *, double *, ow_err *);
  bool (*grad_weight_f64)(const ow_conv *, const double *, const double *, double *, ow_err *);
} methods[] = {
    [OW_CONV_DIRECT] = {ow_direct_forward, ow_direct_grad_input, ow_direct_grad_weight, ow_direct_forward_f64,
                        ow_direct_grad_input_f64, ow_direct_grad_weight_f64},
    [OW_CONV_WINOGRAD] = {winograd_forward, winograd_grad_input, winograd_grad_weight, NULL, NULL, NULL},
    [OW_CONV_REFERENCE] = {ow_conv_reference_forward, ow_conv_reference_grad_input, ow_conv_reference_grad_weight,
                           ow_conv_reference_forward_f64, ow_conv_reference_grad_input_f64, ow_conv_reference_grad_weight_f64}};

static bool forward(ow_nn_call *c, ow_conv_method wish, ow_err *e) {
  ow_conv p;
  ow_conv_method m;
  ow_conv_epilogue f;
  ow_conv_epilogue_f64 d;
  if (!forward_problem(c, &p, e) || !ow_conv_choose(&p, OW_CONV_FORWARD, c->dtype, wish, &m, e)) return false;
  void *y = ow_tensor_data(c->out[0]);
  return c->dtype == OW_F32 ? methods[m].forward(&p, ow_f32(c->in[0]), ow_f32(c->in[1]), epilogue_f32(c, &f), y, e)
                            : methods[m].forward_f64(&p, ow_f64(c->in[0]), ow_f64(c->in[1]), epilogue_f64(c, &d), y, e);
}

static bool grad_input(ow_nn_call *c, ow_conv_method wish, ow_err *e) {
  ow_conv p;
  ow_conv_method m;
  if (!grad_input_problem(c, &p, e) || !ow_conv_choose(&p, OW_CONV_GRAD_INPUT, c->dtype, wish, &m, e)) return false;
  void *dx = ow_tensor_data(c->out[0]);
  return c->dtype == OW_F32 ? methods[m].grad_input(&p, ow_f32(c->in[0]), ow_f32(c->in[1]), dx, e)
                            : methods[m].grad_input_f64(&p, ow_f64(c->in[0]), ow_f64(c->in[1]), dx, e);
}

// dbias[o]: the sum of dy over samples and positions, in f64, plane by plane in index order.
static void grad_bias(const ow_conv *p, ow_dtype dtype, const void *dy, void *dbias) {
  int64_t out = p->osize[0] * p->osize[1] * p->osize[2];
#pragma omp parallel for num_threads(ow_threads()) schedule(static) if (p->n * p->out * out > OW_GRAIN)
  for (int64_t o = 0; o < p->out; o++) {
    double total = 0;
    for (int64_t n = 0; n < p->n; n++) {
      double part[8] = {0};  // eight sums side by side: one would wait for each addition
      int64_t i = 0;
      if (dtype == OW_F32) {
        const float *g = (const float *)dy + (n * p->out + o) * out;
        for (; i + 8 <= out; i += 8)
          for (int k = 0; k < 8; k++) part[k] += (double)g[i + k];
        for (; i < out; i++) part[i & 7] += (double)g[i];
      } else {
        const double *g = (const double *)dy + (n * p->out + o) * out;
        for (; i + 8 <= out; i += 8)
          for (int k = 0; k < 8; k++) part[k] += g[i + k];
        for (; i < out; i++) part[i & 7] += g[i];
      }
      for (int k = 0; k < 8; k++) total += part[k];
    }
    if (dtype == OW_F32) ((float *)dbias)[o] = (float)total;
    else ((double *)dbias)[o] = total;
  }
}

static bool grad_weight(ow_nn_call *c, ow_conv_method wish, ow_err *e) {
  ow_conv p;
  ow_conv_method m;
  if (!grad_weight_problem(c, &p, e) || !ow_conv_choose(&p, OW_CONV_GRAD_WEIGHT, c->dtype, wish, &m, e)) return false;
  void *dw = ow_tensor_data(c->out[0]);
  if (c->out[1]) grad_bias(&p, c->dtype, ow_tensor_data(c->in[1]), ow_tensor_data(c->out[1]));
  return c->dtype == OW_F32 ? methods[m].grad_weight(&p, ow_f32(c->in[0]), ow_f32(c->in[1]), dw, e)
                            : methods[m].grad_weight_f64(&p, ow_f64(c->in[0]), ow_f64(c->in[1]), dw, e);
}

static ow_conv_method wish(const ow_nn_call *c) { return (ow_conv_method)c->p[METHOD].i[0]; }
static bool forward_reference(ow_nn_call *c, ow_err *e) { return forward(c, OW_CONV_REFERENCE, e); }
static bool forward_fast(ow_nn_call *c, ow_err *e) { return forward(c, wish(c), e); }
static bool grad_input_reference(ow_nn_call *c, ow_err *e) { return grad_input(c, OW_CONV_REFERENCE, e); }
static bool grad_input_fast(ow_nn_call *c, ow_err *e) { return grad_input(c, wish(c), e); }
static bool grad_weight_reference(ow_nn_call *c, ow_err *e) { return grad_weight(c, OW_CONV_REFERENCE, e); }
static bool grad_weight_fast(ow_nn_call *c, ow_err *e) { return grad_weight(c, wish(c), e); }

// ---- rows ------------------------------------------------------------------------------------

#define SHARED                                                                                   \
  {"stride", OW_NN_INT3, 1, NULL, "input elements between neighbouring outputs"},                \
  {"padding", OW_NN_INT3, 0, NULL, "zeros in front of and behind each axis of the input"},       \
  {"dilation", OW_NN_INT3, 1, NULL, "input elements between neighbouring taps"},                 \
  {"groups", OW_NN_INT, 1, NULL, "channels are cut into as many independent convolutions"},      \
  {"method", OW_NN_ENUM, 0, OW_CONV_METHODS, "what computes it; auto: by shape, or OROWAN_CONV"}

const ow_nn_op ow_nn_conv = {
    .name = "conv", .doc = "convolution (cross-correlation) in 1 to 3 dimensions, with bias and activation",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S]"}, {"w", OW_NN_FLOAT, .doc = "[O, C / groups, *K]"},
           {"bias", OW_NN_FLOAT, .optional = true, .doc = "[O]"}},
    .out = {{"y", OW_NN_FLOAT, .doc = "[N, O, *((S + 2 padding - dilation (K - 1) - 1) / stride + 1)]"}},
    .param = {SHARED, {"activation", OW_NN_ENUM, 0, "none relu leaky_relu", "applied to y"},
              {"alpha", OW_NN_NUM, 0.01, NULL, "slope of leaky_relu below 0"}},
    .shape = forward_shape, .reference = forward_reference, .cpu = forward_fast, .opencl = ow_nn_conv_cl};

const ow_nn_op ow_nn_conv_grad_input = {
    .name = "conv_grad_input", .doc = "gradient of conv with respect to x; the forward of transposed convolution",
    .in = {{"dy", OW_NN_FLOAT, .doc = "[N, O, *]"}, {"w", OW_NN_FLOAT, .doc = "[O, C / groups, *K]"}},
    .out = {{"dx", OW_NN_FLOAT, .doc = "[N, C, *size]"}},
    .param = {SHARED, {"size", OW_NN_INT3, NAN, NULL, "spatial extents of x"}},
    .shape = grad_input_shape, .reference = grad_input_reference, .cpu = grad_input_fast, .opencl = ow_nn_conv_cl};

const ow_nn_op ow_nn_conv_grad_weight = {
    .name = "conv_grad_weight", .doc = "gradient of conv with respect to w and bias",
    .in = {{"x", OW_NN_FLOAT, .doc = "[N, C, *S]"}, {"dy", OW_NN_FLOAT, .doc = "[N, O, *]"}},
    .out = {{"dw", OW_NN_FLOAT, .doc = "[O, C / groups, *kernel]"},
            {"dbias", OW_NN_FLOAT, .optional = true, .doc = "[O]"}},
    .param = {SHARED, {"kernel", OW_NN_INT3, NAN, NULL, "spatial extents of w"}},
    .shape = grad_weight_shape, .reference = grad_weight_reference, .cpu = grad_weight_fast, .opencl = ow_nn_conv_cl};
