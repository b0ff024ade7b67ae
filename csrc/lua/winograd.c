// core.winograd: the Winograd functions of csrc/nn by name, for specs and benchmarks (a network
// uses the rows conv, conv_grad_input and conv_grad_weight, which choose for themselves).
//   forward(x, w, [bias], {padding, tile, activation, alpha}) -> y
//   grad_input(dy, w, {size, padding, tile}) -> dx
//   grad_weight(x, dy, {kernel, padding, tile}) -> dw
// padding, tile, size and kernel: one integer for all spatial axes or a list; tile 0 is chosen.
#include <string.h>

#include "lua/owlua.h"
#include "nn/activation.h"
#include "nn/conv.h"

static void integers(lua_State *L, int opts, const char *fn, const char *name, int axes, int64_t def, int64_t v[3]) {
  for (int i = 0; i < 3; i++) v[i] = def;
  if (opts == 0) return;
  int type = lua_getfield(L, opts, name);
  for (int i = 0; i < axes && type != LUA_TNIL; i++) {
    if (type == LUA_TTABLE) lua_rawgeti(L, -1, i + 1);
    else lua_pushvalue(L, -1);
    v[3 - axes + i] = owl_checkint(L, -1, fn, name, 0, INT32_MAX);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static ow_tensor *dense(lua_State *L, int idx, const char *fn, const char *name) {
  ow_tensor *t = owl_checktensor(L, idx, fn, name);
  if (t->dtype != OW_F32 || !ow_tensor_is_contiguous(t)) owl_badarg(L, fn, name, "a dense f32 tensor", idx);
  return t;
}

static int options(lua_State *L, int idx, const char *fn) {
  if (lua_isnoneornil(L, idx)) return 0;
  if (!lua_istable(L, idx)) owl_badarg(L, fn, "options", "a table", idx);
  return idx;
}

// Extents of the spatial axes of t, behind leading ones.
static void spatial(const ow_tensor *t, int64_t v[3]) {
  for (int i = 0; i < 3; i++) v[i] = i < 5 - t->ndim ? 1 : t->shape[t->ndim - 3 + i];
}

static void finish(lua_State *L, int opts, const char *fn, int axes, ow_conv *p, int m[3], bool from_output) {
  int64_t tile[3];
  integers(L, opts, fn, "padding", axes, 0, p->padding);
  integers(L, opts, fn, "tile", axes, 0, tile);
  p->groups = 1;
  for (int i = 0; i < 3; i++) {
    m[i] = (int)tile[i];
    p->stride[i] = p->dilation[i] = 1;
    if (i < 3 - axes) p->padding[i] = 0, p->kernel[i] = 1, m[i] = 0, p->size[i] = p->osize[i] = 1;
    else if (!from_output) p->osize[i] = p->size[i] + 2 * p->padding[i] - p->kernel[i] + 1;
    else if (p->osize[i] != p->size[i] + 2 * p->padding[i] - p->kernel[i] + 1)
      owl_error(L, fn, OW_ESHAPE, "axis %d: input %d, kernel %d and padding %d do not give output %d", i + axes - 2, (int)p->size[i],
                (int)p->kernel[i], (int)p->padding[i], (int)p->osize[i]);
  }
}

static void check_ranks(lua_State *L, const char *fn, const ow_tensor *a, const ow_tensor *b) {
  if (a->ndim < 3 || a->ndim > 5 || a->ndim != b->ndim)
    owl_error(L, fn, OW_ESHAPE, "expected two tensors of equal rank 3 to 5, got %d and %d", a->ndim, b->ndim);
}

static float *new_output(lua_State *L, const char *fn, int axes, int64_t a, int64_t b, const int64_t *size) {
  int64_t shape[5] = {a, b};
  for (int i = 0; i < axes; i++) shape[2 + i] = size[3 - axes + i];
  for (int i = 0; i < axes; i++)
    if (shape[2 + i] < 1) owl_error(L, fn, OW_ESHAPE, "the kernel is larger than the padded input");
  return ow_tensor_data(owl_pushnew(L, fn, OW_F32, 2 + axes, shape));
}

static int f_forward(lua_State *L) {
  const char *fn = "winograd.forward";
  const ow_tensor *x = dense(L, 1, fn, "x"), *w = dense(L, 2, fn, "w");
  ow_conv_epilogue ep = {0};
  check_ranks(L, fn, x, w);
  if (!lua_isnoneornil(L, 3)) ep.bias = ow_tensor_data(dense(L, 3, fn, "bias"));
  int opts = options(L, 4, fn), m[3];
  ow_conv p = {.n = x->shape[0], .in = x->shape[1], .out = w->shape[0]};
  if (w->shape[1] != p.in) return owl_error(L, fn, OW_ESHAPE, "weight has %d input channels, input has %d", (int)w->shape[1], (int)p.in);
  spatial(x, p.size), spatial(w, p.kernel);
  finish(L, opts, fn, x->ndim - 2, &p, m, false);
  if (opts) {
    const char *act = owl_optfield_str(L, opts, fn, "activation", "none");
    ep.activation = !strcmp(act, "relu") ? OW_ACT_RELU : !strcmp(act, "leaky_relu") ? OW_ACT_LEAKY_RELU : OW_ACT_NONE;
    ep.alpha = (float)owl_optfield_num(L, opts, fn, "alpha", 0.01);
  }
  float *y = new_output(L, fn, x->ndim - 2, p.n, p.out, p.osize);
  ow_err e;
  if (!ow_winograd_forward(&p, m, ow_tensor_data(x), ow_tensor_data(w), &ep, y, &e)) return owl_raise(L, fn, &e);
  return 1;
}

static int f_grad_input(lua_State *L) {
  const char *fn = "winograd.grad_input";
  const ow_tensor *dy = dense(L, 1, fn, "dy"), *w = dense(L, 2, fn, "w");
  int opts = options(L, 3, fn), m[3], axes = dy->ndim - 2;
  check_ranks(L, fn, dy, w);
  ow_conv p = {.n = dy->shape[0], .in = w->shape[1], .out = dy->shape[1]};
  if (w->shape[0] != p.out) return owl_error(L, fn, OW_ESHAPE, "weight has %d output channels, gradient has %d", (int)w->shape[0], (int)p.out);
  spatial(dy, p.osize), spatial(w, p.kernel);
  integers(L, opts, fn, "size", axes, 0, p.size);
  finish(L, opts, fn, axes, &p, m, true);
  float *dx = new_output(L, fn, axes, p.n, p.in, p.size);
  ow_err e;
  if (!ow_winograd_grad_input(&p, m, ow_tensor_data(dy), ow_tensor_data(w), dx, &e)) return owl_raise(L, fn, &e);
  return 1;
}

static int f_grad_weight(lua_State *L) {
  const char *fn = "winograd.grad_weight";
  const ow_tensor *x = dense(L, 1, fn, "x"), *dy = dense(L, 2, fn, "dy");
  int opts = options(L, 3, fn), m[3], axes = dy->ndim - 2;
  check_ranks(L, fn, x, dy);
  if (x->shape[0] != dy->shape[0]) return owl_error(L, fn, OW_ESHAPE, "x has %d samples, dy has %d", (int)x->shape[0], (int)dy->shape[0]);
  ow_conv p = {.n = x->shape[0], .in = x->shape[1], .out = dy->shape[1]};
  spatial(x, p.size), spatial(dy, p.osize);
  integers(L, opts, fn, "kernel", axes, 3, p.kernel);
  finish(L, opts, fn, axes, &p, m, true);
  float *dw = new_output(L, fn, axes, p.out, p.in, p.kernel);
  ow_err e;
  if (!ow_winograd_grad_weight(&p, m, ow_tensor_data(x), ow_tensor_data(dy), dw, &e)) return owl_raise(L, fn, &e);
  return 1;
}

int ow_open_winograd(lua_State *L) {
  static const luaL_Reg fns[] = {{"forward", f_forward}, {"grad_input", f_grad_input}, {"grad_weight", f_grad_weight}, {NULL, NULL}};
  luaL_newlib(L, fns);
  return 1;
}
