// Views: the same storage under another shape. Nothing here copies an element, except
// reshape and flatten when the strides leave no other way (view raises instead).
#include <stdlib.h>
#include <string.h>

#include "lua/tensor.h"

static int t_select(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "select", "self");
  int axis = owl_checkaxis(L, 2, "select", t->ndim);
  int64_t i = owl_index(L, "select", owl_checkint(L, 3, "select", "index", LUA_MININTEGER, LUA_MAXINTEGER), axis, t->shape[axis]);
  ow_tensor *v = owl_pushview(L, t);
  owl_drop_axis(v, axis, i);
  return 1;
}

// 1-based, both ends included, negative from the end; an empty range (last before first) is
// allowed at the borders, everything else outside raises.
void owl_slice_axis(lua_State *L, const char *fn, ow_tensor *v, int axis, bool has_a, lua_Integer a, bool has_b,
                    lua_Integer b, lua_Integer step) {
  int64_t n = v->shape[axis];
  if (step == 0 || step == LUA_MININTEGER) owl_error(L, fn, OW_EARG, "step: expected an integer other than 0");
  int64_t i = !has_a ? (step > 0 ? 1 : n) : a < 0 ? a + n + 1 : a;
  int64_t j = !has_b ? (step > 0 ? n : 1) : b < 0 ? b + n + 1 : b;
  if (n == 0 && !has_a) i = step > 0 ? 1 : 0;
  int64_t count = step > 0 ? (j >= i ? (j - i) / step + 1 : 0) : (i >= j ? (i - j) / -step + 1 : 0);
  int64_t lo = step > 0 ? i : j, hi = step > 0 ? j : i;
  bool ok = count > 0 ? lo >= 1 && hi <= n : i >= 0 && i <= n + 1 && j >= 0 && j <= n + 1;
  if (!ok)
    owl_error(L, fn, OW_EARG, "range {%lld, %lld} is out of range on axis %d of size %lld", (long long)(has_a ? a : i),
              (long long)(has_b ? b : j), axis + 1, (long long)n);
  if (count > 0) v->offset = (size_t)((int64_t)v->offset + (i - 1) * v->stride[axis] * (int64_t)ow_dtype_size(v->dtype));
  v->shape[axis] = count;
  if (count > 1) v->stride[axis] *= step;
}

void owl_drop_axis(ow_tensor *v, int axis, int64_t i) {
  v->offset = (size_t)((int64_t)v->offset + i * v->stride[axis] * (int64_t)ow_dtype_size(v->dtype));
  v->ndim--;
  for (int d = axis; d < v->ndim; d++) { v->shape[d] = v->shape[d + 1]; v->stride[d] = v->stride[d + 1]; }
}

static int t_slice(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "slice", "self");
  int axis = owl_checkaxis(L, 2, "slice", t->ndim);
  bool ha = !lua_isnoneornil(L, 3), hb = !lua_isnoneornil(L, 4);
  lua_Integer a = ha ? owl_checkint(L, 3, "slice", "first", LUA_MININTEGER, LUA_MAXINTEGER) : 0;
  lua_Integer b = hb ? owl_checkint(L, 4, "slice", "last", LUA_MININTEGER, LUA_MAXINTEGER) : 0;
  lua_Integer s = lua_isnoneornil(L, 5) ? 1 : owl_checkint(L, 5, "slice", "step", LUA_MININTEGER, LUA_MAXINTEGER);
  owl_slice_axis(L, "slice", owl_pushview(L, t), axis, ha, a, hb, b, s);
  return 1;
}

static int t_transpose(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "transpose", "self");
  int a, b;
  if (lua_isnoneornil(L, 2)) {
    if (t->ndim < 2) return owl_error(L, "transpose", OW_ESHAPE, "expected 2 or more dimensions, got %d", t->ndim);
    a = t->ndim - 2, b = t->ndim - 1;
  } else a = owl_checkaxis(L, 2, "transpose", t->ndim), b = owl_checkaxis(L, 3, "transpose", t->ndim);
  ow_tensor *v = owl_pushview(L, t);
  v->shape[a] = t->shape[b], v->shape[b] = t->shape[a];
  v->stride[a] = t->stride[b], v->stride[b] = t->stride[a];
  return 1;
}

static int t_T(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "T", "self"), *v = owl_pushview(L, t);
  for (int d = 0; d < t->ndim; d++) v->shape[d] = t->shape[t->ndim - 1 - d], v->stride[d] = t->stride[t->ndim - 1 - d];
  return 1;
}

// Axes given as a table or as arguments -> 0-based; returns how many.
static int get_axes(lua_State *L, int idx, const char *fn, int ndim, int *axes) {
  int64_t raw[OW_MAXDIM];
  int n = owl_checkshape(L, idx, fn, raw);
  unsigned seen = 0;
  for (int i = 0; i < n; i++) {
    axes[i] = owl_axis(L, fn, raw[i], ndim);
    if (seen >> axes[i] & 1) owl_error(L, fn, OW_EARG, "axis %d is named twice", axes[i] + 1);
    seen |= 1u << axes[i];
  }
  return n;
}

static int t_permute(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "permute", "self");
  int axes[OW_MAXDIM], n = get_axes(L, 2, "permute", t->ndim, axes);
  if (n != t->ndim) return owl_error(L, "permute", OW_EARG, "expected %d axes, got %d", t->ndim, n);
  ow_tensor *v = owl_pushview(L, t);
  for (int d = 0; d < n; d++) v->shape[d] = t->shape[axes[d]], v->stride[d] = t->stride[axes[d]];
  return 1;
}

static int reshape_to(lua_State *L, const char *fn, const ow_tensor *t, int ndim, int64_t *shape, bool may_copy) {
  char a[160], b[160];
  ow_err e;
  int64_t n = ow_tensor_numel(t), known = 1;
  int free_axis = -1;
  for (int d = 0; d < ndim; d++) {
    if (shape[d] == -1 && free_axis < 0) free_axis = d;
    else if (shape[d] < 0) return owl_error(L, fn, OW_ESHAPE, "shape: sizes are 0 or more, and one may be -1 (the rest)");
    else if (__builtin_mul_overflow(known, shape[d], &known)) known = INT64_MAX;
  }
  if (free_axis >= 0 && known > 0 && n % known == 0) {
    shape[free_axis] = n / known;
    known = n;
  }
  if (known != n || (free_axis >= 0 && shape[free_axis] < 0))
    return owl_error(L, fn, OW_ESHAPE, "shape %s (%lld elements) does not reshape to %s", ow_shape_string(a, t->ndim, t->shape),
                     (long long)n, ow_shape_string(b, ndim, shape));
  ow_tensor *v = owl_newtensor(L);
  if (ow_tensor_try_reshape(v, t, ndim, shape)) return 1;
  if (!may_copy)
    return owl_error(L, fn, OW_ESHAPE, "a tensor of these strides cannot be seen as %s without a copy; use reshape",
                     ow_shape_string(b, ndim, shape));
  ow_tensor *c = owl_newtensor(L);
  if (!ow_tensor_contiguous(c, t, &e)) owl_raise(L, fn, &e);
  owl_account(L, c);
  ow_tensor_try_reshape(v, c, ndim, shape);
  lua_pop(L, 1);
  return 1;
}

static int t_reshape(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "reshape", "self");
  int64_t shape[OW_MAXDIM];
  int ndim = owl_checkshape(L, 2, "reshape", shape);
  return reshape_to(L, "reshape", t, ndim, shape, true);
}

static int t_view(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "view", "self");
  int64_t shape[OW_MAXDIM];
  int ndim = owl_checkshape(L, 2, "view", shape);
  return reshape_to(L, "view", t, ndim, shape, false);
}

static int t_flatten(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "flatten", "self");
  int64_t shape[1] = {ow_tensor_numel(t)};
  return reshape_to(L, "flatten", t, 1, shape, true);
}

static int t_squeeze(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "squeeze", "self");
  int only = lua_isnoneornil(L, 2) ? -1 : owl_checkaxis(L, 2, "squeeze", t->ndim);
  if (only >= 0 && t->shape[only] != 1)
    return owl_error(L, "squeeze", OW_ESHAPE, "axis %d has size %lld, not 1", only + 1, (long long)t->shape[only]);
  ow_tensor *v = owl_pushview(L, t);
  int n = 0;
  for (int d = 0; d < t->ndim; d++) {
    if (only >= 0 ? d == only : t->shape[d] == 1) continue;
    v->shape[n] = t->shape[d], v->stride[n++] = t->stride[d];
  }
  v->ndim = n;
  return 1;
}

void owl_insert_axis(ow_tensor *v, int axis) {
  for (int d = v->ndim; d > axis; d--) v->shape[d] = v->shape[d - 1], v->stride[d] = v->stride[d - 1];
  v->shape[axis] = 1;
  v->stride[axis] = axis < v->ndim ? v->shape[axis + 1] * v->stride[axis + 1] : 1;
  v->ndim++;
}

static int t_unsqueeze(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "unsqueeze", "self");
  if (t->ndim == OW_MAXDIM) return owl_error(L, "unsqueeze", OW_ESHAPE, "a tensor has at most %d dimensions", OW_MAXDIM);
  int axis = owl_checkaxis(L, 2, "unsqueeze", t->ndim + 1);
  owl_insert_axis(owl_pushview(L, t), axis);
  return 1;
}

static int t_broadcast_to(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "broadcast_to", "self");
  int64_t shape[OW_MAXDIM];
  ow_err e;
  int ndim = owl_checkshape(L, 2, "broadcast_to", shape);
  for (int d = 0; d < ndim; d++) {
    int s = d - (ndim - t->ndim);
    if (shape[d] == -1 && s >= 0) shape[d] = t->shape[s];
    if (shape[d] < 0) return owl_error(L, "broadcast_to", OW_ESHAPE, "shape: size %lld of axis %d", (long long)shape[d], d + 1);
  }
  ow_tensor *v = owl_newtensor(L);
  if (!ow_tensor_broadcast_to(v, t, ndim, shape, &e)) owl_raise(L, "broadcast_to", &e);
  return 1;
}

static int t_flip(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "flip", "self");
  int axes[OW_MAXDIM], n;
  if (lua_isnoneornil(L, 2)) {
    n = t->ndim;
    for (int d = 0; d < n; d++) axes[d] = d;
  } else n = get_axes(L, 2, "flip", t->ndim, axes);
  ow_tensor *v = owl_pushview(L, t);
  for (int i = 0; i < n; i++)
    if (v->shape[axes[i]] > 1) owl_slice_axis(L, "flip", v, axes[i], false, 0, false, 0, -1);
  return 1;
}

// split(parts [, axis]) or split({size, ...} [, axis]) -> list of views
static int t_split(lua_State *L) {
  const char *fn = "split";
  ow_tensor *t = owl_anytensor(L, 1, fn, "self");
  int axis = lua_isnoneornil(L, 3) ? owl_axis(L, fn, 1, t->ndim) : owl_checkaxis(L, 3, fn, t->ndim);
  int64_t n = t->shape[axis], at = 1;
  bool sizes = lua_istable(L, 2);
  int64_t parts = sizes ? (int64_t)lua_rawlen(L, 2) : owl_checkint(L, 2, fn, "parts", 1, INT32_MAX);
  if (parts > INT32_MAX) return owl_error(L, fn, OW_EARG, "too many parts");
  lua_createtable(L, (int)parts, 0);
  for (int64_t k = 0; k < parts; k++) {  // equal parts: the first n % parts are one larger
    int64_t size = n / parts + (k < n % parts);
    if (sizes) {
      lua_rawgeti(L, 2, k + 1);
      size = owl_checkint(L, -1, fn, "size", 0, LUA_MAXINTEGER);
      lua_pop(L, 1);
    }
    if (size > n - at + 1)
      return owl_error(L, fn, OW_ESHAPE, "the sizes add up to more than axis %d has (%lld)", axis + 1, (long long)n);
    ow_tensor *v = owl_pushview(L, t);
    owl_slice_axis(L, fn, v, axis, true, at, true, at + size - 1, 1);
    at += size;
    lua_rawseti(L, -2, k + 1);
  }
  if (at != n + 1)
    return owl_error(L, fn, OW_ESHAPE, "the sizes add up to %lld, axis %d has %lld", (long long)at - 1, axis + 1, (long long)n);
  return 1;
}

static int t_diagonal(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "diagonal", "self");
  if (t->ndim < 2) return owl_error(L, "diagonal", OW_ESHAPE, "expected 2 or more dimensions, got %d", t->ndim);
  ow_tensor *v = owl_pushview(L, t);
  int a = t->ndim - 2;
  v->shape[a] = t->shape[a] < t->shape[a + 1] ? t->shape[a] : t->shape[a + 1];
  v->stride[a] = t->stride[a] + t->stride[a + 1];
  v->ndim--;
  return 1;
}

int ow_open_view(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"select", t_select}, {"slice", t_slice}, {"narrow", t_slice}, {"transpose", t_transpose}, {"T", t_T},
      {"permute", t_permute}, {"reshape", t_reshape}, {"view", t_view}, {"flatten", t_flatten},
      {"squeeze", t_squeeze}, {"unsqueeze", t_unsqueeze}, {"broadcast_to", t_broadcast_to},
      {"expand", t_broadcast_to}, {"flip", t_flip}, {"split", t_split}, {"diagonal", t_diagonal}, {NULL, NULL}};
  owl_methods(L, methods);
  lua_newtable(L);
  return 1;
}
