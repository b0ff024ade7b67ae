// The tensor userdata: life cycle and description.
#include <stdio.h>
#include <string.h>

#include "lua/owlua.h"

static int t_gc(lua_State *L) {
  ow_tensor *t = luaL_checkudata(L, 1, OWL_TENSOR);
  ow_tensor_close(t);
  return 0;
}

static int t_shape(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "shape", "self");
  lua_createtable(L, t->ndim, 0);
  for (int d = 0; d < t->ndim; d++) {
    lua_pushinteger(L, t->shape[d]);
    lua_rawseti(L, -2, d + 1);
  }
  return 1;
}

static int t_dtype(lua_State *L) {
  lua_pushstring(L, ow_dtype_name(owl_checktensor(L, 1, "dtype", "self")->dtype));
  return 1;
}

static int t_ndim(lua_State *L) {
  lua_pushinteger(L, owl_checktensor(L, 1, "ndim", "self")->ndim);
  return 1;
}

static int t_numel(lua_State *L) {
  lua_pushinteger(L, ow_tensor_numel(owl_checktensor(L, 1, "numel", "self")));
  return 1;
}

static int t_len(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "#", "self");
  lua_pushinteger(L, t->ndim ? t->shape[0] : 1);
  return 1;
}

static void push_element(lua_State *L, const ow_tensor *t, const char *p) {
  ow_err e;
  switch (t->dtype) {
    case OW_U8: lua_pushinteger(L, *(const uint8_t *)p); return;
    case OW_I32: lua_pushinteger(L, *(const int32_t *)p); return;
    case OW_I64: lua_pushinteger(L, *(const int64_t *)p); return;
    case OW_F32: lua_pushnumber(L, *(const float *)p); return;
    case OW_F64: lua_pushnumber(L, *(const double *)p); return;
    default: break;
  }
  ow_tensor one = *t, out;
  one.ndim = 0;
  one.offset += (size_t)(p - (char *)ow_tensor_data(t));
  if (!ow_tensor_cast(&out, &one, OW_C128, true, &e)) { owl_raise(L, "totable", &e); return; }
  double *c = ow_tensor_data(&out);
  if (ow_dtype_is_complex(t->dtype)) {
    lua_createtable(L, 2, 0);
    lua_pushnumber(L, c[0]);
    lua_rawseti(L, -2, 1);
    lua_pushnumber(L, c[1]);
    lua_rawseti(L, -2, 2);
  } else lua_pushnumber(L, c[0]);
  ow_tensor_close(&out);
}

static void push_table(lua_State *L, const ow_tensor *t, int d, const char *p) {
  if (d == t->ndim) { push_element(L, t, p); return; }
  luaL_checkstack(L, 3, "totable");
  lua_createtable(L, (int)t->shape[d], 0);
  for (int64_t i = 0; i < t->shape[d]; i++) {
    push_table(L, t, d + 1, p + i * t->stride[d] * (int64_t)ow_dtype_size(t->dtype));
    lua_rawseti(L, -2, i + 1);
  }
}

static int t_totable(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "totable", "self");
  push_table(L, t, 0, ow_tensor_data(t));
  return 1;
}

static int f_tensor(lua_State *L) {
  int dtype = lua_isnoneornil(L, 2) ? -1 : (int)owl_checkdtype(L, 2, "tensor");
  owl_pushfromlua(L, 1, "tensor", "data", dtype);
  return 1;
}

static int f_istensor(lua_State *L) {
  lua_pushboolean(L, owl_totensor(L, 1) != NULL);
  return 1;
}

int ow_open_tensor(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", t_gc}, {"__close", t_gc}, {"__len", t_len}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"close", t_gc},     {"shape", t_shape}, {"dtype", t_dtype}, {"ndim", t_ndim},
                                     {"numel", t_numel}, {"totable", t_totable}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"tensor", f_tensor}, {"is_tensor", f_istensor}, {NULL, NULL}};
  owl_metamethods(L, meta);
  owl_methods(L, methods);
  luaL_getmetatable(L, OWL_TENSOR);
  lua_getfield(L, -1, "methods");
  lua_setfield(L, -2, "__index");  // index.c replaces it by one that also takes numbers
  lua_pop(L, 1);
  luaL_newlib(L, funcs);
  return 1;
}
