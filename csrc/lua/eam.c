// orowan.core.eam: new{elements, nrho, drho, nr, dr, cutoff, embed, density, pair} -> model
// (userdata) with compute(pairs, cell, positions, types, {force, strain}), close. The public face
// is lua/orowan/atoms/eam.lua.
#include "physics/eam.h"

#include "lua/pairs.h"

#define EAM "orowan.atoms.eam"

static const double *field(lua_State *L, const char *fn, const char *name, int ndim, const int64_t *shape) {
  lua_getfield(L, 1, name);
  const ow_tensor *t = owl_pusharray(L, -1, fn, name, OW_F64, ndim);
  for (int d = 0; d < ndim; d++)
    if (t->shape[d] != shape[d]) owl_error(L, fn, OW_ESHAPE, "%s: expected size %d along axis %d, got %d", name, (int)shape[d], d + 1, (int)t->shape[d]);
  return ow_tensor_data(t);
}

static int f_new(lua_State *L) {
  static const char *const fn = "eam.new";
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t n = owl_optfield_int(L, 1, fn, "elements", 0), nrho = owl_optfield_int(L, 1, fn, "nrho", 0), nr = owl_optfield_int(L, 1, fn, "nr", 0);
  if (n < 0 || nrho < 0 || nr < 0 || nrho > INT32_MAX || nr > INT32_MAX) return owl_error(L, fn, OW_EARG, "sizes of tables: expected positive numbers");
  const double *f = field(L, fn, "embed", 2, (int64_t[]){n, nrho}), *rho = field(L, fn, "density", 3, (int64_t[]){n, n, nr}),
               *phi = field(L, fn, "pair", 3, (int64_t[]){n, n, nr});
  ow_eam *m = lua_newuserdatauv(L, sizeof *m, 0);
  *m = (ow_eam){0};
  luaL_setmetatable(L, EAM);
  ow_err e;
  if (!ow_eam_new(m, (int)n, (int)nrho, owl_optfield_num(L, 1, fn, "drho", 0), (int)nr, owl_optfield_num(L, 1, fn, "dr", 0),
                  owl_optfield_num(L, 1, fn, "cutoff", 0), f, rho, phi, &e))
    return owl_raise(L, fn, &e);
  return 1;
}

static int m_close(lua_State *L) {
  ow_eam_free(luaL_checkudata(L, 1, EAM));
  return 0;
}

// -> energy [n], force [n, 3] or nil, strain [3, 3] or nil
static int m_compute(lua_State *L) {
  static const char *const fn = "eam:compute";
  const ow_eam *m = luaL_checkudata(L, 1, EAM);
  if (!m->spline) return owl_error(L, fn, OW_EARG, "the model is closed");
  const ow_pair_list *l = owl_checkpairs(L, 2, fn);
  lua_settop(L, 6);
  bool force = owl_optfield_bool(L, 6, fn, "force", true), strain = owl_optfield_bool(L, 6, fn, "strain", false);
  const double *cell = owl_pushcell(L, 3, fn);
  const ow_tensor *x = owl_pushpositions(L, 4, fn);
  int64_t n = x->shape[0];
  if (l->n != n) return owl_error(L, fn, OW_ESHAPE, "%d positions and a list of pairs of %d atoms", (int)n, (int)l->n);
  const int32_t *types = owl_pushtypes(L, 5, fn, n, m->elements);
  double *energy = ow_tensor_data(owl_pushnew(L, fn, OW_F64, 1, &n)), *f = NULL, *w = NULL;
  if (force || strain) f = ow_tensor_data(owl_pushnew(L, fn, OW_F64, 2, (int64_t[]){n, 3}));
  else lua_pushnil(L);
  if (strain) w = ow_tensor_data(owl_pushnew(L, fn, OW_F64, 2, (int64_t[]){3, 3}));
  else lua_pushnil(L);
  ow_err e;
  if (!ow_eam_compute(m, l, cell, ow_tensor_data(x), types, energy, f, w, &e)) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return 3;
}

int ow_open_eam(lua_State *L) {
  static const luaL_Reg methods[] = {{"compute", m_compute}, {"close", m_close}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"new", f_new}, {NULL, NULL}};
  owl_class(L, EAM, methods, m_close);
  luaL_newlib(L, funcs);
  return 1;
}
