// orowan.core.snap: pairs(cell, periodic, positions, cutoff) -> list of pairs (userdata) with
// count, tensors, close; new{two_j, factor, rfac0, rmin0, zero, radius, weight, beta} -> model
// (userdata) with compute(pairs, cell, positions, types, {force, strain, components, reference}),
// info, close; components(two_j). The public face is lua/orowan/atoms/.
#include "physics/snap.h"

#include "lua/pairs.h"

#define PAIRS OWL_PAIRS
#define SNAP "orowan.atoms.snap"

// ---- pairs ---------------------------------------------------------------------------------

static int f_pairs(lua_State *L) {
  static const char *const fn = "atoms.pairs";
  const double *cell = owl_pushcell(L, 1, fn);
  bool periodic[3];
  luaL_checktype(L, 2, LUA_TTABLE);
  for (int d = 0; d < 3; d++) {
    lua_geti(L, 2, d + 1);
    periodic[d] = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  ow_tensor *x = owl_pushpositions(L, 3, fn);
  double cutoff = owl_checknum(L, 4, fn, "cutoff");
  ow_pair_list *l = lua_newuserdatauv(L, sizeof *l, 0);
  *l = (ow_pair_list){0};
  luaL_setmetatable(L, PAIRS);
  ow_err e;
  if (!ow_pair_list_build(l, cell, periodic, ow_tensor_data(x), x->shape[0], cutoff, &e)) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return 1;
}

static int p_close(lua_State *L) {
  ow_pair_list_free(luaL_checkudata(L, 1, PAIRS));
  return 0;
}

static int p_count(lua_State *L) {
  const ow_pair_list *l = owl_checkpairs(L, 1, "pairs:count");
  lua_pushinteger(L, l->n);
  lua_pushinteger(L, l->pairs);
  return 2;
}

// offset [n + 1] (0-based), other [pairs] (1-based), shift [pairs, 3]
static int p_tensors(lua_State *L) {
  static const char *const fn = "pairs:tensors";
  const ow_pair_list *l = owl_checkpairs(L, 1, fn);
  int64_t *o = ow_tensor_data(owl_pushnew(L, fn, OW_I64, 1, (int64_t[]){l->n + 1}));
  int64_t *j = ow_tensor_data(owl_pushnew(L, fn, OW_I64, 1, (int64_t[]){l->pairs}));
  int64_t *s = ow_tensor_data(owl_pushnew(L, fn, OW_I64, 2, (int64_t[]){l->pairs, 3}));
  for (int64_t i = 0; i <= l->n; i++) o[i] = l->offset[i];
  for (int64_t p = 0; p < l->pairs; p++) {
    j[p] = l->end[p].other + 1;
    for (int d = 0; d < 3; d++) s[3 * p + d] = l->end[p].shift[d];
  }
  return 3;
}

// ---- models --------------------------------------------------------------------------------

static ow_snap *check_model(lua_State *L, const char *fn) {
  ow_snap *s = luaL_testudata(L, 1, SNAP);
  if (!s) owl_badarg(L, fn, "model", "a SNAP model", 1);
  if (!s->beta) owl_error(L, fn, OW_EARG, "the model is closed");
  return s;
}

static ow_tensor *field(lua_State *L, const char *fn, const char *name, int ndim) {
  lua_getfield(L, 1, name);
  return owl_pusharray(L, -1, fn, name, OW_F64, ndim);
}

static int f_new(lua_State *L) {
  static const char *const fn = "snap.new";
  luaL_checktype(L, 1, LUA_TTABLE);
  int two_j = (int)owl_optfield_int(L, 1, fn, "two_j", -1);
  double factor = owl_optfield_num(L, 1, fn, "factor", 0), rfac0 = owl_optfield_num(L, 1, fn, "rfac0", 0.99363), rmin0 = owl_optfield_num(L, 1, fn, "rmin0", 0);
  bool zero = owl_optfield_bool(L, 1, fn, "zero", true);
  ow_tensor *r = field(L, fn, "radius", 1), *w = field(L, fn, "weight", 1), *b = field(L, fn, "beta", 2);
  int64_t n = r->shape[0];
  if (n < 1 || w->shape[0] != n || b->shape[0] != n) return owl_error(L, fn, OW_ESHAPE, "expected a radius, a weight and a row of beta for each element");
  if (two_j < 0 || two_j > 14) return owl_error(L, fn, OW_EARG, "twojmax: expected 0 to 14, got %d", two_j);
  if (b->shape[1] != ow_snap_components(two_j) + 1)
    return owl_error(L, fn, OW_ESHAPE, "beta: twojmax %d has %d coefficients an element with the constant, got %d", two_j, ow_snap_components(two_j) + 1,
                     (int)b->shape[1]);
  ow_snap *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (ow_snap){0};
  luaL_setmetatable(L, SNAP);
  ow_err e;
  if (!ow_snap_new(s, (int)n, two_j, factor, rfac0, rmin0, zero, ow_tensor_data(r), ow_tensor_data(w), ow_tensor_data(b), &e)) return owl_raise(L, fn, &e);
  return 1;
}

static int s_close(lua_State *L) {
  ow_snap_free(luaL_checkudata(L, 1, SNAP));
  return 0;
}

static int s_info(lua_State *L) {
  const ow_snap *s = check_model(L, "snap:info");
  lua_newtable(L);
  lua_pushinteger(L, s->elements), lua_setfield(L, -2, "elements");
  lua_pushinteger(L, s->components), lua_setfield(L, -2, "components");
  lua_pushnumber(L, s->cutoff), lua_setfield(L, -2, "cutoff");
  lua_pushinteger(L, s->program->terms), lua_setfield(L, -2, "terms");
  lua_pushinteger(L, s->program->groups), lua_setfield(L, -2, "groups");
  return 1;
}

// compute(pairs, cell, positions, types [n] 1-based, {force, strain, components, reference})
// -> energy [n], force [n, 3] or nil, strain [3, 3] or nil; with `components`: energy, b [n, k].
static int s_compute(lua_State *L) {
  static const char *const fn = "snap:compute";
  const ow_snap *s = check_model(L, fn);
  const ow_pair_list *l = owl_checkpairs(L, 2, fn);
  lua_settop(L, 6);
  bool force = owl_optfield_bool(L, 6, fn, "force", true), strain = owl_optfield_bool(L, 6, fn, "strain", false),
       components = owl_optfield_bool(L, 6, fn, "components", false), reference = components || owl_optfield_bool(L, 6, fn, "reference", false);
  const double *cell = owl_pushcell(L, 3, fn);
  ow_tensor *x = owl_pushpositions(L, 4, fn), *t = owl_pusharray(L, 5, fn, "types", OW_I32, 1);
  int64_t n = x->shape[0];
  if (t->shape[0] != n || l->n != n)
    return owl_error(L, fn, OW_ESHAPE, "%d positions, %d types and a list of pairs of %d atoms", (int)n, (int)t->shape[0], (int)l->n);
  int32_t *types = ow_tensor_data(owl_pushnew(L, fn, OW_I32, 1, &n));
  const int32_t *given = ow_tensor_data(t);
  for (int64_t i = 0; i < n; i++) {
    if (given[i] < 1 || given[i] > s->elements)
      return owl_error(L, fn, OW_EARG, "types: atom %d has type %d, the model has %d elements", (int)i + 1, (int)given[i], s->elements);
    types[i] = given[i] - 1;
  }
  double *energy = ow_tensor_data(owl_pushnew(L, fn, OW_F64, 1, &n));
  int at = lua_gettop(L);
  ow_err e;
  bool ok;
  if (reference) {
    double *b = components ? ow_tensor_data(owl_pushnew(L, fn, OW_F64, 2, (int64_t[]){n, s->components})) : NULL;
    ok = ow_snap_reference(s, l, cell, ow_tensor_data(x), types, energy, b, &e);
  } else {
    double *f = force || strain ? ow_tensor_data(owl_pushnew(L, fn, OW_F64, 2, (int64_t[]){n, 3})) : NULL;
    double *w = strain ? ow_tensor_data(owl_pushnew(L, fn, OW_F64, 2, (int64_t[]){3, 3})) : NULL;
    ok = ow_snap_compute(s, l, cell, ow_tensor_data(x), types, energy, f, w, &e);
  }
  if (!ok) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return lua_gettop(L) - at + 1;
}

static int f_components(lua_State *L) {
  lua_pushinteger(L, ow_snap_components((int)owl_checkint(L, 1, "snap.components", "two_j", 0, 14)));
  return 1;
}

int ow_open_snap(lua_State *L) {
  static const luaL_Reg pairs[] = {{"count", p_count}, {"tensors", p_tensors}, {"close", p_close}, {NULL, NULL}};
  static const luaL_Reg model[] = {{"compute", s_compute}, {"info", s_info}, {"close", s_close}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"pairs", f_pairs}, {"new", f_new}, {"components", f_components}, {NULL, NULL}};
  owl_class(L, PAIRS, pairs, p_close);
  owl_class(L, SNAP, model, s_close);
  luaL_newlib(L, funcs);
  return 1;
}
