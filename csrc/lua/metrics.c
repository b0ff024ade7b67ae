// orowan.core.metrics: resampled sums and rankings for lua/orowan/nn/metrics.lua, which checks
// what users give. Samples are drawn by (groups | nil, seed, repeats).
#include "stats/metrics.h"

#include "lua/owlua.h"

static const char fn[] = "metrics";

static const int64_t *integers(lua_State *L, int idx, const char *name, int64_t n) {
  if (lua_isnil(L, idx)) return NULL;
  ow_tensor *t = owl_pusharray(L, idx, fn, name, OW_I64, 1);
  if (t->shape[0] != n) owl_error(L, fn, OW_ESHAPE, "%s: expected %d, got %d", name, (int)n, (int)t->shape[0]);
  return ow_tensor_data(t);
}

// The arguments groups, number of groups, seed, repeats from idx on.
static ow_resampling resampling(lua_State *L, int idx, int64_t n) {
  ow_resampling s = {.n = n, .groups = n};
  s.group = integers(L, idx, "groups", n);
  if (s.group) s.groups = owl_checkint(L, idx + 1, fn, "groups", 1, INT64_MAX);
  s.seed = (uint64_t)owl_checkint(L, idx + 2, fn, "seed", LUA_MININTEGER, LUA_MAXINTEGER);
  s.repeats = owl_checkint(L, idx + 3, fn, "repeats", 0, INT32_MAX);
  return s;
}

// (v [n, k], cell [n] | nil, cells, groups, number of groups, seed, repeats) -> [repeats + 1, cells, 1 + k]
static int f_sums(lua_State *L) {
  lua_settop(L, 7);
  ow_tensor *v = owl_pusharray(L, 1, fn, "v", OW_F64, 2);
  int64_t n = v->shape[0], k = v->shape[1], cells = owl_checkint(L, 3, fn, "cells", 1, 1 << 20);
  const int64_t *cell = integers(L, 2, "cell", n);
  ow_resampling s = resampling(L, 4, n);
  ow_tensor *out = owl_pushnew(L, fn, OW_F64, 3, (int64_t[]){s.repeats + 1, cells, 1 + k});
  ow_err e;
  if (!ow_resampled_sums(&s, ow_tensor_data(v), k, cell, cells, ow_tensor_data(out), &e)) return owl_raise(L, fn, &e);
  return 1;
}

// (positive u8 [n], tied u8 [n], groups, number of groups, seed, repeats) -> [repeats + 1, 2]
static int f_ranking(lua_State *L) {
  lua_settop(L, 6);
  ow_tensor *p = owl_pusharray(L, 1, fn, "positive", OW_U8, 1), *t = owl_pusharray(L, 2, fn, "tied", OW_U8, 1);
  int64_t n = p->shape[0];
  if (t->shape[0] != n) owl_error(L, fn, OW_ESHAPE, "tied: expected %d, got %d", (int)n, (int)t->shape[0]);
  ow_resampling s = resampling(L, 3, n);
  ow_tensor *out = owl_pushnew(L, fn, OW_F64, 2, (int64_t[]){s.repeats + 1, 2});
  ow_err e;
  if (!ow_resampled_ranking(&s, ow_tensor_data(p), ow_tensor_data(t), ow_tensor_data(out), &e)) return owl_raise(L, fn, &e);
  return 1;
}

int ow_open_metrics(lua_State *L) {
  static const luaL_Reg funcs[] = {{"sums", f_sums}, {"ranking", f_ranking}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
