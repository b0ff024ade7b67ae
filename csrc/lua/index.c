// Reading and writing by position: t[...] in all its forms, gather and scatter, masks,
// where, clip, joining.
//
// t[i]              element of a 1-D tensor, else a view of row i
// t[{a, b, ...}]    one item an axis; missing ones mean the whole axis:
//                   integer (drops the axis), {first, last[, step]} (both included; nil: to
//                   the end), ":" or {} (all), "..." (as many whole axes as fit), "new" (an
//                   axis of size 1), an integer tensor or a 1-D u8 mask (a copy: take)
// t[mask]           u8 of t's leading shape: the elements (or rows) where it is not 0
// t[int tensor]     rows by number
#include <math.h>
#include <string.h>

#include "lua/tensor.h"
#include "op/index.h"

#define FN "index"

static bool is_mask(const ow_tensor *t) { return t->dtype == OW_U8; }

// Integer tensor (or u8 mask of one axis) at idx as contiguous i64 entries, left on the stack.
static ow_tensor *push_entries(lua_State *L, int idx, const char *fn, int axis, int64_t size) {
  ow_err e;
  ow_tensor *t = owl_totensor(L, idx) ? owl_checktensor(L, idx, fn, "index") : owl_pushfromlua(L, idx, fn, "index", OW_I64);
  if (!is_mask(t) && !ow_dtype_is_int(t->dtype))
    owl_error(L, fn, OW_EDTYPE, "index: expected an i32 or i64 tensor or a u8 mask, got %s", ow_dtype_name(t->dtype));
  owl_checkhost(L, fn, t);
  ow_tensor *r = owl_newtensor(L);
  if (is_mask(t)) {
    if (t->ndim != 1 || t->shape[0] != size) {
      char buf[160];
      owl_error(L, fn, OW_ESHAPE, "mask of shape %s does not fit axis %d of size %lld", ow_shape_string(buf, t->ndim, t->shape),
                axis + 1, (long long)size);
    }
    if (!ow_nonzero(r, t, &e)) owl_raise(L, fn, &e);
  } else if (!ow_tensor_cast(r, t, OW_I64, false, &e)) owl_raise(L, fn, &e);
  return r;
}

// take along axis with entries of any shape: the axis is replaced by that shape.
static ow_tensor *push_take(lua_State *L, const char *fn, const ow_tensor *t, int axis, const ow_tensor *entries) {
  ow_err e;
  if (t->ndim - 1 + entries->ndim > OW_MAXDIM)
    owl_error(L, fn, OW_ESHAPE, "the result would have %d dimensions, at most %d", t->ndim - 1 + entries->ndim, OW_MAXDIM);
  ow_tensor *r = owl_newtensor(L);
  if (!ow_take(r, t, axis, ow_tensor_data(entries), ow_tensor_numel(entries), &e)) owl_raise(L, fn, &e);
  int64_t shape[OW_MAXDIM];
  int n = 0;
  for (int d = 0; d < axis; d++) shape[n++] = t->shape[d];
  for (int d = 0; d < entries->ndim; d++) shape[n++] = entries->shape[d];
  for (int d = axis + 1; d < t->ndim; d++) shape[n++] = t->shape[d];
  ow_tensor old = *r;
  ow_tensor_try_reshape(r, &old, n, shape);
  ow_tensor_close(&old);
  owl_account(L, r);
  return r;
}

// src (number, table, tensor) at idx in t's dtype, broadcast to the shape; pushes what it needs.
static ow_tensor *push_source(lua_State *L, int idx, const char *fn, ow_dtype dtype, int ndim, const int64_t *shape) {
  ow_err e;
  ow_tensor *s = owl_pushfromlua(L, idx, fn, "value", dtype), *v = owl_newtensor(L);
  owl_checkhost(L, fn, s);
  if (!ow_tensor_broadcast_to(v, s, ndim, shape, &e)) owl_raise(L, fn, &e);
  return v;
}

// A source that shares memory with what is written goes through a copy.
static const ow_tensor *detach(lua_State *L, const char *fn, const ow_tensor *src, const ow_tensor *dst) {
  ow_err e;
  if (src->storage != dst->storage) return src;
  ow_tensor *c = owl_newtensor(L);
  if (!ow_tensor_new_like(c, src, &e) || !ow_tensor_copy(c, src, true, &e)) owl_raise(L, fn, &e);
  return c;
}

static void put(lua_State *L, const char *fn, const ow_tensor *t, int axis, const ow_tensor *entries, int value, bool add) {
  ow_err e;
  int64_t shape[OW_MAXDIM];
  owl_checkwritable(L, fn, t);
  memcpy(shape, t->shape, sizeof shape);
  shape[axis] = ow_tensor_numel(entries);
  const ow_tensor *src = detach(L, fn, push_source(L, value, fn, t->dtype, t->ndim, shape), t);
  if (!ow_put(t, axis, ow_tensor_data(entries), shape[axis], src, add, &e)) owl_raise(L, fn, &e);
}

// ---- masks over leading axes ----------------------------------------------------------------

static void check_mask(lua_State *L, const char *fn, const ow_tensor *t, const ow_tensor *mask) {
  char a[160], b[160];
  owl_checkhost(L, fn, t);
  owl_checkhost(L, fn, mask);
  bool ok = mask->ndim <= t->ndim && mask->ndim > 0;
  for (int d = 0; ok && d < mask->ndim; d++) ok = mask->shape[d] == t->shape[d];
  if (!ok)
    owl_error(L, fn, OW_ESHAPE, "mask of shape %s does not fit a tensor of shape %s", ow_shape_string(a, mask->ndim, mask->shape),
              ow_shape_string(b, t->ndim, t->shape));
}

// t with its first k axes merged: a view, or (false) a contiguous copy.
static bool push_merged(lua_State *L, const char *fn, const ow_tensor *t, int k, ow_tensor **out) {
  ow_err e;
  int64_t shape[OW_MAXDIM] = {1};
  for (int d = 0; d < k; d++) shape[0] *= t->shape[d];
  for (int d = k; d < t->ndim; d++) shape[d - k + 1] = t->shape[d];
  *out = owl_newtensor(L);
  if (ow_tensor_try_reshape(*out, t, t->ndim - k + 1, shape)) return true;
  ow_tensor *c = owl_newtensor(L);
  if (!ow_tensor_contiguous(c, t, &e)) owl_raise(L, fn, &e);
  ow_tensor_try_reshape(*out, c, t->ndim - k + 1, shape);
  lua_pop(L, 1);
  return false;
}

static int get_mask(lua_State *L, const char *fn, const ow_tensor *t, const ow_tensor *mask) {
  ow_err e;
  ow_tensor *flat;
  check_mask(L, fn, t, mask);
  push_merged(L, fn, t, mask->ndim, &flat);
  ow_tensor *where = owl_newtensor(L);
  if (!ow_nonzero(where, mask, &e)) owl_raise(L, fn, &e);
  push_take(L, fn, flat, 0, where);
  return 1;
}

static void set_mask(lua_State *L, const char *fn, const ow_tensor *t, const ow_tensor *mask, int value) {
  ow_err e;
  check_mask(L, fn, t, mask);
  owl_checkwritable(L, fn, t);
  if (owl_iselement(L, value, t->dtype)) {
    _Alignas(16) char v[16];
    owl_storeelement(L, value, fn, t->dtype, v);
    ow_tensor m = *mask;  // over the rest of the axes it repeats
    m.ndim = t->ndim;
    for (int d = mask->ndim; d < t->ndim; d++) m.shape[d] = t->shape[d], m.stride[d] = 0;
    if (!ow_masked_fill(t, &m, v, &e)) owl_raise(L, fn, &e);
    return;
  }
  ow_tensor *flat;
  bool is_view = push_merged(L, fn, t, mask->ndim, &flat);
  ow_tensor *where = owl_newtensor(L);
  if (!ow_nonzero(where, mask, &e)) owl_raise(L, fn, &e);
  put(L, fn, flat, 0, where, value, false);
  if (is_view) return;
  ow_tensor *back = owl_newtensor(L);
  ow_tensor_try_reshape(back, flat, t->ndim, t->shape);
  if (!ow_tensor_copy(t, back, true, &e)) owl_raise(L, fn, &e);
}

// ---- t[{...}] --------------------------------------------------------------------------------

typedef struct {
  int axis;   // of the view
  int entry;  // stack index of its i64 entries
} take_item;

// Applies the items to v (a fresh view of t); tensors among them are left as takes to do.
static int apply_items(lua_State *L, const ow_tensor *t, ow_tensor *v, int key, take_item *takes) {
  int items = (int)lua_rawlen(L, key), used = 0, dots = 0, axis = 0, ntake = 0, at = 0;
  luaL_checkstack(L, items * 3 + 8, FN);
  for (int i = 1; i <= items; i++) {
    if (lua_rawgeti(L, key, i) == LUA_TSTRING) {
      const char *s = lua_tostring(L, -1);
      if (!strcmp(s, "...")) dots++;
      else if (!strcmp(s, ":")) used++;
      else if (strcmp(s, "new")) owl_badarg(L, FN, "item", "an integer, {first, last, step}, a tensor, \":\", \"...\" or \"new\"", -1);
    } else used++;
    lua_pop(L, 1);
  }
  char buf[160];
  if (dots > 1) owl_error(L, FN, OW_EARG, "\"...\" may stand only once");
  if (used > t->ndim)
    owl_error(L, FN, OW_ESHAPE, "%d items for a tensor of shape %s", used, ow_shape_string(buf, t->ndim, t->shape));
  for (int i = 1; i <= items; i++) {
    int type = lua_rawgeti(L, key, i), item = lua_gettop(L);
    if (type == LUA_TNUMBER && lua_isinteger(L, item)) {
      owl_drop_axis(v, axis, owl_index(L, FN, lua_tointeger(L, item), at, v->shape[axis]));
      at++;
    } else if (type == LUA_TSTRING) {
      const char *s = lua_tostring(L, item);
      if (!strcmp(s, "new")) {
        if (v->ndim == OW_MAXDIM) owl_error(L, FN, OW_ESHAPE, "a tensor has at most %d dimensions", OW_MAXDIM);
        owl_insert_axis(v, axis++);
      } else if (s[0] == ':') axis++, at++;
      else axis += t->ndim - used, at += t->ndim - used;
    } else if (type == LUA_TTABLE) {
      lua_Integer r[3] = {0, 0, 1};
      bool has[3];
      static const char *const names[3] = {"first", "last", "step"};
      for (int k = 0; k < 3; k++) {
        has[k] = lua_rawgeti(L, item, k + 1) != LUA_TNIL;
        if (has[k]) r[k] = owl_checkint(L, -1, FN, names[k], LUA_MININTEGER, LUA_MAXINTEGER);
        lua_pop(L, 1);
      }
      // The axis in messages is the user's.
      ow_tensor one = *v;
      one.shape[at] = v->shape[axis], one.stride[at] = v->stride[axis];
      owl_slice_axis(L, FN, &one, at, has[0], r[0], has[1], r[1], r[2]);
      v->offset = one.offset, v->shape[axis] = one.shape[at], v->stride[axis] = one.stride[at];
      axis++, at++;
    } else if (owl_totensor(L, item)) {
      push_entries(L, item, FN, at, v->shape[axis]);
      takes[ntake++] = (take_item){axis++, lua_gettop(L)};
      at++;
    } else owl_badarg(L, FN, "item", "an integer, {first, last, step}, a tensor, \":\", \"...\" or \"new\"", item);
  }
  return ntake;
}

static int get_items(lua_State *L, const ow_tensor *t) {
  take_item takes[OW_MAXDIM];
  int top = lua_gettop(L);
  ow_tensor *v = owl_pushview(L, t);
  int n = apply_items(L, t, v, 2, takes);
  if (n == 0) {
    if (v->ndim == 0) v = owl_tohost(L, FN, v), owl_pushelement(L, v->dtype, ow_tensor_data(v));
    else lua_settop(L, top + 1);
    return 1;
  }
  owl_checkhost(L, FN, v);
  int grown = 0;  // earlier takes may have changed the number of axes
  for (int i = 0; i < n; i++) {
    ow_tensor *entries = owl_totensor(L, takes[i].entry);
    v = push_take(L, FN, v, takes[i].axis + grown, entries);
    grown += entries->ndim - 1;
  }
  return 1;
}

static void set_items(lua_State *L, const ow_tensor *t) {
  take_item takes[OW_MAXDIM];
  ow_tensor *v = owl_pushview(L, t);
  int n = apply_items(L, t, v, 2, takes);
  if (n == 0) { owl_assign(L, FN, v, 3); return; }
  if (n > 1) owl_error(L, FN, OW_EARG, "an assignment takes at most one tensor among its items, got %d", n);
  ow_tensor *entries = owl_totensor(L, takes[0].entry);
  if (entries->ndim != 1) owl_error(L, FN, OW_ESHAPE, "an assignment takes 1-D index tensors, got %d-D", entries->ndim);
  put(L, FN, v, takes[0].axis, entries, 3, false);
}

// ---- __index, __newindex ---------------------------------------------------------------------

static void check_rank(lua_State *L, const ow_tensor *t) {
  if (t->ndim == 0) owl_error(L, FN, OW_ESHAPE, "a scalar tensor has no elements to index; use :item()");
}

int owl_getindex(lua_State *L) {
  int ok;
  ow_tensor *t = owl_anytensor(L, 1, FN, "self");
  lua_Integer i = lua_tointegerx(L, 2, &ok);
  if (ok && lua_type(L, 2) == LUA_TNUMBER) {
    check_rank(L, t);
    int64_t k = owl_index(L, FN, i, 0, t->shape[0]);
    if (t->ndim == 1) {
      if (t->storage->device > OW_CPU) {
        owl_drop_axis(t = owl_pushview(L, t), 0, k);
        owl_pushelement(L, t->dtype, ow_tensor_data(owl_tohost(L, FN, t)));
        return 1;
      }
      char *p = owl_base(t) + k * t->stride[0] * (int64_t)ow_dtype_size(t->dtype);
      if (t->dtype == OW_F64) lua_pushnumber(L, *(double *)p);
      else owl_pushelement(L, t->dtype, p);
    } else owl_drop_axis(owl_pushview(L, t), 0, k);
    return 1;
  }
  if (lua_istable(L, 2)) return get_items(L, t);
  if (owl_totensor(L, 2)) {
    ow_tensor *key = owl_checktensor(L, 2, FN, "index");
    if (is_mask(key)) return get_mask(L, FN, t, key);
    check_rank(L, t);
    owl_checkhost(L, FN, t);
    push_take(L, FN, t, 0, push_entries(L, 2, FN, 0, t->shape[0]));
    return 1;
  }
  return owl_badarg(L, FN, "index", "an integer, a table of items, a u8 mask or an integer tensor", 2);
}

static int t_newindex(lua_State *L) {
  int ok;
  ow_tensor *t = owl_anytensor(L, 1, FN, "self");
  if (lua_type(L, 2) != LUA_TSTRING) owl_checkdistinct(L, FN, t);
  lua_Integer i = lua_tointegerx(L, 2, &ok);
  if (ok && lua_type(L, 2) == LUA_TNUMBER) {
    check_rank(L, t);
    int64_t k = owl_index(L, FN, i, 0, t->shape[0]);
    if (t->ndim == 1 && t->storage->device <= OW_CPU && owl_iselement(L, 3, t->dtype)) {
      char *p = owl_base(t) + k * t->stride[0] * (int64_t)ow_dtype_size(t->dtype);
      if (t->dtype == OW_F64 && lua_type(L, 3) == LUA_TNUMBER) *(double *)p = lua_tonumber(L, 3);
      else owl_storeelement(L, 3, FN, t->dtype, p);
      return 0;
    }
    ow_tensor row = *t;
    owl_drop_axis(&row, 0, k);
    owl_assign(L, FN, &row, 3);
    return 0;
  }
  if (lua_istable(L, 2)) set_items(L, t);
  else if (owl_totensor(L, 2)) {
    ow_tensor *key = owl_checktensor(L, 2, FN, "index");
    if (is_mask(key)) set_mask(L, FN, t, key, 3);
    else {
      check_rank(L, t);
      if (key->ndim != 1) return owl_error(L, FN, OW_ESHAPE, "an assignment takes 1-D index tensors, got %d-D", key->ndim);
      put(L, FN, t, 0, push_entries(L, 2, FN, 0, t->shape[0]), 3, false);
    }
  } else if (lua_type(L, 2) == LUA_TSTRING)
    return owl_error(L, FN, OW_EARG, "tensors have no field \"%s\" to set", lua_tostring(L, 2));
  else return owl_badarg(L, FN, "index", "an integer, a table of items, a u8 mask or an integer tensor", 2);
  return 0;
}

static char *element_at(lua_State *L, const char *fn, ow_tensor *t, int count) {
  owl_checkhost(L, fn, t);
  if (count != t->ndim) owl_error(L, fn, OW_ESHAPE, "expected %d indices, got %d", t->ndim, count);
  char *p = owl_base(t);
  for (int d = 0; d < t->ndim; d++) {
    lua_Integer i = owl_checkint(L, d + 2, fn, "index", LUA_MININTEGER, LUA_MAXINTEGER);
    p += owl_index(L, fn, i, d, t->shape[d]) * t->stride[d] * (int64_t)ow_dtype_size(t->dtype);
  }
  return p;
}

static int t_get(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "get", "self");
  owl_pushelement(L, t->dtype, element_at(L, "get", t, lua_gettop(L) - 1));
  return 1;
}

static int t_set(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "set", "self");
  char *p = element_at(L, "set", t, lua_gettop(L) - 2);
  owl_checkwritable(L, "set", t);
  owl_storeelement(L, lua_gettop(L), "set", t->dtype, p);
  lua_settop(L, 1);
  return 1;
}

static int next_row(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "pairs", "self");
  lua_Integer i = lua_tointeger(L, 2) + 1;
  if (t->ndim == 0 || i > t->shape[0]) return 0;
  lua_settop(L, 1);
  lua_pushinteger(L, i);
  owl_getindex(L);
  lua_pushinteger(L, i);
  lua_insert(L, -2);
  return 2;
}

static int t_pairs(lua_State *L) {
  owl_checktensor(L, 1, "pairs", "self");
  lua_pushcfunction(L, next_row);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

// ---- by index tensors --------------------------------------------------------------------------

// take(t, index [, axis = 1])
static int f_take(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "take", "self");
  owl_checkhost(L, "take", t);
  int axis = lua_isnoneornil(L, 3) ? owl_axis(L, "take", 1, t->ndim) : owl_checkaxis(L, 3, "take", t->ndim);
  push_take(L, "take", t, axis, push_entries(L, 2, "take", axis, t->shape[axis]));
  return 1;
}

static int add_or_put(lua_State *L, const char *fn, bool add) {  // (axis, index, source), in place
  ow_tensor *t = owl_checktensor(L, 1, fn, "self");
  int axis = owl_checkaxis(L, 2, fn, t->ndim);
  ow_tensor *entries = push_entries(L, 3, fn, axis, t->shape[axis]);
  if (entries->ndim != 1) return owl_error(L, fn, OW_ESHAPE, "index: expected 1 dimension, got %d", entries->ndim);
  put(L, fn, t, axis, entries, 4, add);
  lua_settop(L, 1);
  return 1;
}
static int t_index_add(lua_State *L) { return add_or_put(L, "index_add", true); }
static int t_index_put(lua_State *L) { return add_or_put(L, "index_put", false); }

static int t_gather(lua_State *L) {
  ow_err e;
  ow_tensor *t = owl_checktensor(L, 1, "gather", "self");
  owl_checkhost(L, "gather", t);
  int axis = owl_checkaxis(L, 2, "gather", t->ndim);
  ow_tensor *idx = owl_pusharray(L, 3, "gather", "index", OW_I64, -1), *r = owl_newtensor(L);
  if (!ow_gather(r, t, axis, idx, &e)) owl_raise(L, "gather", &e);
  owl_account(L, r);
  return 1;
}

static int scatter(lua_State *L, const char *fn, bool add) {  // (axis, index, source), in place
  ow_err e;
  ow_tensor *t = owl_checktensor(L, 1, fn, "self");
  owl_checkwritable(L, fn, t);
  int axis = owl_checkaxis(L, 2, fn, t->ndim);
  ow_tensor *idx = owl_pusharray(L, 3, fn, "index", OW_I64, -1);
  const ow_tensor *src = detach(L, fn, push_source(L, 4, fn, t->dtype, idx->ndim, idx->shape), t);
  if (!ow_scatter(t, axis, idx, src, add, &e)) owl_raise(L, fn, &e);
  lua_settop(L, 1);
  return 1;
}
static int t_scatter(lua_State *L) { return scatter(L, "scatter", false); }
static int t_scatter_add(lua_State *L) { return scatter(L, "scatter_add", true); }

// 1-D: positions; N-D: count x ndim
static int f_nonzero(lua_State *L) {
  ow_err e;
  ow_tensor *t = owl_checktensor(L, 1, "nonzero", "self"), *flat = owl_newtensor(L);
  owl_checkhost(L, "nonzero", t);
  if (!ow_nonzero(flat, t, &e)) owl_raise(L, "nonzero", &e);
  owl_account(L, flat);
  if (t->ndim == 1) return 1;
  int64_t shape[2] = {flat->shape[0], t->ndim}, *p = ow_tensor_data(flat);
  int64_t *o = ow_tensor_data(owl_pushnew(L, "nonzero", OW_I64, 2, shape));
  for (int64_t k = 0; k < shape[0]; k++) {
    int64_t i = p[k] - 1;
    for (int d = t->ndim - 1; d >= 0; d--) o[k * t->ndim + d] = i % t->shape[d] + 1, i /= t->shape[d];
  }
  return 1;
}

static int f_masked_fill(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "masked_fill", "self"), *m = owl_checktensor(L, 2, "masked_fill", "mask");
  ow_err e;
  if (!is_mask(m)) return owl_error(L, "masked_fill", OW_EDTYPE, "mask: expected u8, got %s", ow_dtype_name(m->dtype));
  owl_checkhost(L, "masked_fill", t);
  ow_tensor *r = owl_pushnew(L, "masked_fill", t->dtype, t->ndim, t->shape);
  if (!ow_tensor_copy(r, t, true, &e)) owl_raise(L, "masked_fill", &e);
  int at = lua_gettop(L);
  set_mask(L, "masked_fill", r, m, 3);
  lua_settop(L, at);
  return 1;
}

// ---- where, clip -------------------------------------------------------------------------------

// A number beside a tensor takes the tensor's dtype, unless it has a fraction part to lose.
static ow_dtype beside(lua_State *L, int number, ow_dtype t) {
  return lua_isinteger(L, number) || lua_isboolean(L, number) || !ow_dtype_is_int(t) ? t : OW_F64;
}

static int f_where(lua_State *L) {
  const char *fn = "where";
  ow_err e;
  ow_tensor *c = owl_checktensor(L, 1, fn, "cond");
  if (!is_mask(c)) return owl_error(L, fn, OW_EDTYPE, "cond: expected u8 (a comparison gives it), got %s", ow_dtype_name(c->dtype));
  owl_checkhost(L, fn, c);
  lua_settop(L, 3);
  bool num[2];
  ow_dtype type[2];
  for (int i = 0; i < 2; i++) {
    num[i] = lua_type(L, 2 + i) == LUA_TNUMBER;
    ow_tensor *t = owl_pushfromlua(L, 2 + i, fn, i ? "b" : "a", -1);
    owl_checkhost(L, fn, t);
    type[i] = t->dtype;
    if (!num[i]) lua_replace(L, 2 + i);
    else lua_pop(L, 1);
  }
  ow_dtype dtype = num[0] && !num[1] ? beside(L, 2, type[1]) : num[1] && !num[0] ? beside(L, 3, type[0]) : ow_dtype_promote(type[0], type[1]);
  ow_tensor *a = owl_pushfromlua(L, 2, fn, "a", dtype), *b = owl_pushfromlua(L, 3, fn, "b", dtype);
  int64_t shape[OW_MAXDIM];
  int ndim;
  ow_tensor all = {.dtype = OW_U8};
  if (!ow_broadcast_shapes(a, b, &all.ndim, all.shape, &e) || !ow_broadcast_shapes(&all, c, &ndim, shape, &e)) owl_raise(L, fn, &e);
  ow_tensor *v[3], *src[3] = {c, a, b};
  for (int i = 0; i < 3; i++) {
    v[i] = owl_newtensor(L);
    if (!ow_tensor_broadcast_to(v[i], src[i], ndim, shape, &e)) owl_raise(L, fn, &e);
  }
  ow_where(owl_pushnew(L, fn, dtype, ndim, shape), v[0], v[1], v[2]);
  return 1;
}

// A bound at idx as a tensor broadcast to t. Integer tensors take ceil(lo), floor(hi).
static ow_tensor *push_bound(lua_State *L, int idx, const ow_tensor *t, bool upper) {
  const char *fn = "clip", *name = upper ? "hi" : "lo";
  ow_err e;
  ow_tensor *s;
  if (lua_isnoneornil(L, idx) || lua_type(L, idx) == LUA_TNUMBER) {
    double x = lua_isnoneornil(L, idx) ? (upper ? INFINITY : -INFINITY) : lua_tonumber(L, idx);
    if (isnan(x)) owl_badarg(L, fn, name, "a number, not NaN", idx);
    if (ow_dtype_is_int(t->dtype)) x = upper ? floor(x) : ceil(x);
    bool exact = lua_isinteger(L, idx);
    int64_t i = lua_tointeger(L, idx);
    s = owl_pushnew(L, fn, t->dtype, 0, NULL);
    ow_convert(t->dtype, ow_tensor_data(s), 0, exact ? OW_I64 : OW_F64, exact ? (void *)&i : &x, 0, 1, true);
  } else s = owl_pushfromlua(L, idx, fn, name, t->dtype);
  owl_checkhost(L, fn, s);
  ow_tensor *v = owl_newtensor(L);
  if (!ow_tensor_broadcast_to(v, s, t->ndim, t->shape, &e)) owl_raise(L, fn, &e);
  return v;
}

static int f_clip(lua_State *L) {
  ow_err e;
  lua_settop(L, 3);
  ow_tensor *t = owl_checktensor(L, 1, "clip", "self");
  owl_checkhost(L, "clip", t);
  ow_tensor *lo = push_bound(L, 2, t, false), *hi = push_bound(L, 3, t, true);
  ow_tensor *r = owl_pushnew(L, "clip", t->dtype, t->ndim, t->shape);
  if (!ow_clip(r, t, lo, hi, &e)) owl_raise(L, "clip", &e);
  return 1;
}

// ---- joining -------------------------------------------------------------------------------------

static int join(lua_State *L, const char *fn, bool new_axis) {
  char a[160], b[160];
  ow_err e;
  if (!lua_istable(L, 1)) owl_badarg(L, fn, "list", "a table of tensors", 1);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  if (n == 0) return owl_error(L, fn, OW_EARG, "list: expected one or more tensors, got an empty table");
  if (n > 1000000) return owl_error(L, fn, OW_EARG, "list: at most 1000000 tensors, got %lld", (long long)n);
  lua_settop(L, 2);
  lua_createtable(L, (int)n, 0);  // at 3: the pieces as tensors
  ow_dtype dtype = OW_U8;
  int axis = 0;
  int64_t shape[OW_MAXDIM] = {0}, total = 0;
  ow_tensor *first = NULL;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    ow_tensor *t = owl_pushfromlua(L, -1, fn, "list", -1);
    owl_checkhost(L, fn, t);
    if (new_axis && t->ndim == OW_MAXDIM) owl_error(L, fn, OW_ESHAPE, "a tensor has at most %d dimensions", OW_MAXDIM);
    if (!first) {
      first = t;
      dtype = t->dtype;
      int ndim = t->ndim + new_axis;
      if (ndim == 0) owl_error(L, fn, OW_ESHAPE, "scalars cannot be joined; use stack");
      axis = lua_isnoneornil(L, 2) ? 0 : owl_checkaxis(L, 2, fn, ndim);
    }
    bool ok = t->ndim == first->ndim;
    for (int d = 0; ok && d < t->ndim; d++) ok = (!new_axis && d == axis) || t->shape[d] == first->shape[d];
    if (!ok)
      owl_error(L, fn, OW_ESHAPE, "item %d of shape %s does not fit the first, of shape %s", (int)i,
                ow_shape_string(a, t->ndim, t->shape), ow_shape_string(b, first->ndim, first->shape));
    if (t->dtype != dtype) dtype = ow_dtype_promote(dtype, t->dtype);
    total += new_axis ? 1 : t->shape[axis];
    lua_rawseti(L, 3, i);
    lua_pop(L, 1);
  }
  ow_tensor model = *first;
  if (new_axis) owl_insert_axis(&model, axis);
  memcpy(shape, model.shape, sizeof shape);
  shape[axis] = total;
  ow_tensor *r = owl_pushnew(L, fn, dtype, model.ndim, shape);
  int64_t at = 0;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 3, i);
    ow_tensor src = *owl_totensor(L, -1), dst = *r;
    if (new_axis) owl_insert_axis(&src, axis);
    dst.shape[axis] = src.shape[axis];
    dst.offset += (size_t)(at * r->stride[axis]) * ow_dtype_size(dtype);
    at += src.shape[axis];
    if (!ow_tensor_copy(&dst, &src, false, &e)) owl_raise(L, fn, &e);
    lua_pop(L, 1);
  }
  return 1;
}
static int f_concat(lua_State *L) { return join(L, "concat", false); }
static int f_stack(lua_State *L) { return join(L, "stack", true); }

// Repeats along one axis: each element r times (inner), or the whole axis r times.
static ow_tensor *push_repeat(lua_State *L, const char *fn, const ow_tensor *t, int axis, int64_t r, bool each) {
  ow_err e;
  if (t->ndim == OW_MAXDIM) owl_error(L, fn, OW_ESHAPE, "at most %d dimensions here, got %d", OW_MAXDIM - 1, OW_MAXDIM);
  ow_tensor v = *t;
  int at = axis + each;
  owl_insert_axis(&v, at);
  v.shape[at] = r;
  v.stride[at] = 0;
  ow_tensor *c = owl_pushnew(L, fn, t->dtype, v.ndim, v.shape);
  if (!ow_tensor_copy(c, &v, true, &e)) owl_raise(L, fn, &e);
  int64_t shape[OW_MAXDIM];
  memcpy(shape, t->shape, sizeof shape);
  shape[axis] *= r;
  ow_tensor old = *c;
  ow_tensor_try_reshape(c, &old, t->ndim, shape);
  ow_tensor_close(&old);
  return c;
}

static int t_tile(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "tile", "self");
  int64_t reps[OW_MAXDIM];
  owl_checkhost(L, "tile", t);
  int n = owl_checkshape(L, 2, "tile", reps);
  ow_tensor *v = owl_pushview(L, t);
  while (v->ndim < n) owl_insert_axis(v, 0);
  for (int i = 0; i < n; i++) {
    if (reps[i] < 0) return owl_error(L, "tile", OW_EARG, "repeats: expected 0 or more, got %lld", (long long)reps[i]);
    int axis = v->ndim - n + i;
    if (reps[i] != 1) v = push_repeat(L, "tile", v, axis, reps[i], false);
  }
  if (v->storage != t->storage) return 1;
  ow_err e;  // all ones: still fresh memory
  ow_tensor *c = owl_pushnew(L, "tile", v->dtype, v->ndim, v->shape);
  if (!ow_tensor_copy(c, v, true, &e)) owl_raise(L, "tile", &e);
  return 1;
}

static int t_repeat_each(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "repeat_each", "self");
  owl_checkhost(L, "repeat_each", t);
  int64_t r = owl_checkint(L, 2, "repeat_each", "n", 0, LUA_MAXINTEGER);
  int axis = lua_isnoneornil(L, 3) ? owl_axis(L, "repeat_each", 1, t->ndim) : owl_checkaxis(L, 3, "repeat_each", t->ndim);
  owl_account(L, push_repeat(L, "repeat_each", t, axis, r, true));
  return 1;
}

// roll(shift [, axis = 1]): element i goes to i + shift, around the end
static int t_roll(lua_State *L) {
  ow_err e;
  ow_tensor *t = owl_checktensor(L, 1, "roll", "self");
  owl_checkhost(L, "roll", t);
  int64_t s = owl_checkint(L, 2, "roll", "shift", LUA_MININTEGER, LUA_MAXINTEGER);
  int axis = lua_isnoneornil(L, 3) ? owl_axis(L, "roll", 1, t->ndim) : owl_checkaxis(L, 3, "roll", t->ndim);
  ow_tensor *r = owl_pushnew(L, "roll", t->dtype, t->ndim, t->shape);
  int64_t n = t->shape[axis];
  if (ow_tensor_numel(t) == 0) return 1;
  s = (s % n + n) % n;
  for (int part = 0; part < 2; part++) {  // the tail to the front, the rest behind it
    ow_tensor d = *r, src = *t;
    int64_t from = part ? 0 : n - s, to = part ? s : 0;
    d.shape[axis] = src.shape[axis] = part ? n - s : s;
    d.offset = (size_t)((int64_t)d.offset + to * d.stride[axis] * (int64_t)ow_dtype_size(t->dtype));
    src.offset = (size_t)((int64_t)src.offset + from * src.stride[axis] * (int64_t)ow_dtype_size(t->dtype));
    if (d.shape[axis] && !ow_tensor_copy(&d, &src, true, &e)) owl_raise(L, "roll", &e);
  }
  return 1;
}

int ow_open_index(lua_State *L) {
  static const luaL_Reg meta[] = {{"__newindex", t_newindex}, {"__pairs", t_pairs}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"get", t_get}, {"set", t_set}, {"ipairs", t_pairs}, {"take", f_take}, {"index_add", t_index_add},
      {"index_put", t_index_put}, {"gather", t_gather}, {"scatter", t_scatter}, {"scatter_add", t_scatter_add},
      {"nonzero", f_nonzero}, {"masked_fill", f_masked_fill}, {"clip", f_clip}, {"tile", t_tile},
      {"repeat_each", t_repeat_each}, {"roll", t_roll}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"take", f_take}, {"nonzero", f_nonzero}, {"masked_fill", f_masked_fill},
                                   {"where", f_where}, {"clip", f_clip}, {"concat", f_concat}, {"stack", f_stack}, {NULL, NULL}};
  owl_metamethods(L, meta);
  owl_methods(L, methods);
  luaL_newlib(L, funcs);
  return 1;
}
