// Reductions in Lua: t:sum(), t:sum(axis), t:sum{axis=, keepdims=, out=, ddof=}, and the
// same as functions of ow. A result without axes is a Lua number (boolean for any and all,
// a 0-d tensor for complex), unless keepdims or out is given.
#include <string.h>

#include "lua/owlua.h"
#include "op/reduce.h"

typedef struct {
  unsigned axes;
  bool keepdims;
  double ddof;
  int out;  // stack index, 0: none
} options;

static unsigned add_axis(lua_State *L, const char *fn, int idx, int ndim, unsigned axes) {
  int a = owl_checkaxis(L, idx, fn, ndim);
  if (axes >> a & 1) owl_error(L, fn, OW_EARG, "axis: %d is given twice", a + 1);
  return axes | 1u << a;
}

// Axis number or list of them on top of the stack; pops it.
static unsigned read_axes(lua_State *L, const char *fn, int ndim) {
  unsigned axes = 0;
  if (lua_istable(L, -1)) {
    int n = (int)lua_rawlen(L, -1);
    for (int i = 1; i <= n; i++) {
      lua_rawgeti(L, -1, i);
      axes = add_axis(L, fn, -1, ndim, axes);
      lua_pop(L, 1);
    }
  } else axes = add_axis(L, fn, lua_absindex(L, -1), ndim, 0);
  lua_pop(L, 1);
  return axes;
}

static options read_options(lua_State *L, const char *fn, const ow_tensor *t, bool *has_axis) {
  options o = {.axes = (1u << t->ndim) - 1};
  int opts = 2;
  *has_axis = false;
  if (!lua_isnoneornil(L, 2) && (!lua_istable(L, 2) || lua_rawlen(L, 2) > 0)) {
    lua_pushvalue(L, 2);
    o.axes = read_axes(L, fn, t->ndim);
    *has_axis = true;
    opts = 3;
  } else if (lua_isnoneornil(L, 2)) opts = 3;
  if (lua_isnoneornil(L, opts)) return o;
  if (!lua_istable(L, opts)) owl_badarg(L, fn, "options", "a table {axis=, keepdims=, out=, ddof=}", opts);
  if (lua_getfield(L, opts, "axis") != LUA_TNIL) {
    o.axes = read_axes(L, fn, t->ndim);
    *has_axis = true;
  } else lua_pop(L, 1);
  o.keepdims = owl_optfield_bool(L, opts, fn, "keepdims", false);
  o.ddof = owl_optfield_num(L, opts, fn, "ddof", 0);
  if (owl_optfield_any(L, opts, fn, "out")) o.out = lua_gettop(L);
  return o;
}

// The tensor at 1; a table of numbers becomes one.
static ow_tensor *self(lua_State *L, const char *fn) {
  if (lua_istable(L, 1)) {
    owl_pushfromlua(L, 1, fn, "input", -1);
    lua_replace(L, 1);
  }
  return owl_anytensor(L, 1, fn, "input");
}

// Replaces a 0-d tensor on top of the stack by its number.
static void as_number(lua_State *L, ow_reduce_id id, ow_tensor *r) {
  if (r->storage->device > OW_CPU) {  // the one place where a reduction waits
    ow_tensor *there = r;
    r = owl_tohost(L, ow_reduce_name(id), r);
    ow_tensor_close(there);
    lua_remove(L, -2);
  }
  const void *p = ow_tensor_data(r);
  switch (r->dtype) {
    case OW_U8:
      if (id == OW_REDUCE_any || id == OW_REDUCE_all) lua_pushboolean(L, *(const uint8_t *)p);
      else lua_pushinteger(L, *(const uint8_t *)p);
      break;
    case OW_I32: lua_pushinteger(L, *(const int32_t *)p); break;
    case OW_I64: lua_pushinteger(L, *(const int64_t *)p); break;
    case OW_F32: lua_pushnumber(L, *(const float *)p); break;
    case OW_F64: lua_pushnumber(L, *(const double *)p); break;
    default: return;
  }
  ow_tensor_close(r);
}

static int f_reduce(lua_State *L) {
  ow_reduce_id id = (ow_reduce_id)lua_tointeger(L, lua_upvalueindex(1));
  const char *fn = ow_reduce_name(id);
  lua_settop(L, 3);
  ow_tensor *t = self(L, fn);
  bool has_axis;
  options o = read_options(L, fn, t, &has_axis);
  ow_tensor *out = o.out ? owl_anytensor(L, o.out, fn, "out") : owl_newtensor(L);
  ow_err e;
  if (!ow_reduce(id, t, o.axes, o.keepdims, o.ddof, out, &e)) return owl_raise(L, fn, &e);
  if (o.out) lua_pushvalue(L, o.out);
  else {
    owl_account(L, out);
    if (out->ndim == 0) as_number(L, id, out);
  }
  return 1;
}

static int f_cumulate(lua_State *L) {
  bool product = lua_toboolean(L, lua_upvalueindex(1));
  const char *fn = product ? "cumprod" : "cumsum";
  lua_settop(L, 3);
  ow_tensor *t = self(L, fn);
  bool has_axis;
  options o = read_options(L, fn, t, &has_axis);
  if (!has_axis) {
    if (t->ndim != 1) return owl_error(L, fn, OW_EARG, "axis: is needed for a tensor of %d dimensions", t->ndim);
    o.axes = 1;
  }
  if (o.axes == 0 || (o.axes & (o.axes - 1))) return owl_error(L, fn, OW_EARG, "axis: expected one axis");
  ow_tensor *out = o.out ? owl_anytensor(L, o.out, fn, "out") : owl_newtensor(L);
  ow_err e;
  if (!ow_cumulate(product, t, __builtin_ctz(o.axes), out, &e)) return owl_raise(L, fn, &e);
  if (o.out) lua_pushvalue(L, o.out);
  else owl_account(L, out);
  return 1;
}

int ow_open_reduce(lua_State *L) {
  lua_newtable(L);
  luaL_getmetatable(L, OWL_TENSOR);
  lua_getfield(L, -1, "methods");
  lua_remove(L, -2);  // stack: module, methods
  for (int i = 0; i < OW_NREDUCE; i++) {
    lua_pushinteger(L, i);
    lua_pushcclosure(L, f_reduce, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, ow_reduce_name((ow_reduce_id)i));
    lua_setfield(L, -3, ow_reduce_name((ow_reduce_id)i));
  }
  for (int i = 0; i < 2; i++) {
    lua_pushboolean(L, i);
    lua_pushcclosure(L, f_cumulate, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, i ? "cumprod" : "cumsum");
    lua_setfield(L, -3, i ? "cumprod" : "cumsum");
  }
  lua_pop(L, 1);
  return 1;
}
