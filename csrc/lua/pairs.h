// Arguments of bindings that work on atoms: a list of pairs (made by snap.c), box and positions.
#ifndef OW_LUA_PAIRS_H
#define OW_LUA_PAIRS_H
#include "geometry/pair_list.h"
#include "lua/owlua.h"

#define OWL_PAIRS "orowan.atoms.pairs"

static inline const ow_pair_list *owl_checkpairs(lua_State *L, int idx, const char *fn) {
  const ow_pair_list *l = luaL_testudata(L, idx, OWL_PAIRS);
  if (!l) owl_badarg(L, fn, "pairs", "a list of pairs", idx);
  if (!l->offset) owl_error(L, fn, OW_EARG, "the list of pairs is closed");
  return l;
}

static inline const double *owl_pushcell(lua_State *L, int idx, const char *fn) {
  ow_tensor *t = owl_pusharray(L, idx, fn, "cell", OW_F64, 2);
  if (t->shape[0] != 3 || t->shape[1] != 3) owl_error(L, fn, OW_ESHAPE, "cell: expected 3 x 3 (rows are box vectors)");
  return ow_tensor_data(t);
}

static inline ow_tensor *owl_pushpositions(lua_State *L, int idx, const char *fn) {
  ow_tensor *t = owl_pusharray(L, idx, fn, "positions", OW_F64, 2);
  if (t->shape[1] != 3) owl_error(L, fn, OW_ESHAPE, "positions: expected n x 3, got %d columns", (int)t->shape[1]);
  return t;
}

// Types 1..k -> a fresh tensor of types 0..k-1, left on the stack.
static inline int32_t *owl_pushtypes(lua_State *L, int idx, const char *fn, int64_t n, int64_t k) {
  const ow_tensor *t = owl_pusharray(L, idx, fn, "types", OW_I32, 1);
  if (t->shape[0] != n) owl_error(L, fn, OW_ESHAPE, "types: expected %d, got %d", (int)n, (int)t->shape[0]);
  const int32_t *given = ow_tensor_data(t);
  int32_t *types = ow_tensor_data(owl_pushnew(L, fn, OW_I32, 1, &n));
  for (int64_t i = 0; i < n; i++) {
    if (given[i] < 1 || given[i] > k) owl_error(L, fn, OW_EARG, "types: atom %d has type %d, there are %d", (int)i + 1, (int)given[i], (int)k);
    types[i] = given[i] - 1;
  }
  return types;
}

// A userdata with these methods, freed by `close`, by the collector and at the end of a block.
static inline void owl_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close) {
  if (luaL_newmetatable(L, name)) {
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, close);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
  }
  lua_pop(L, 1);
}

#endif
