// core.crystal.build{cell, basis, box, grains, planes, plane_grains, domains, domain_kinds,
// domain_labels, occupancy, seed} -> positions, species, labels, grains, sites. The public face
// is lua/orowan/apt/synthetic.lua.
#include "physics/crystal.h"

#include "lua/owlua.h"

static const char *const fn = "crystal.build";

// Field `name` as a dense tensor of that dtype, rows x cols (cols 0: a vector), left on the stack.
static ow_tensor *field(lua_State *L, const char *name, ow_dtype dtype, int64_t rows, int64_t cols) {
  lua_getfield(L, 1, name);
  ow_tensor *t = owl_pusharray(L, -1, fn, name, dtype, cols ? 2 : 1);
  if ((rows >= 0 && t->shape[0] != rows) || (cols && t->shape[1] != cols))
    owl_error(L, fn, OW_ESHAPE, "%s: expected %d columns and the rows that belong to it", name, (int)cols);
  return t;
}

static int f_build(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkstack(L, 40, fn);
  ow_crystal c = {0};
  const double *v = ow_tensor_data(field(L, "cell", OW_F64, 3, 3));
  for (int k = 0; k < 9; k++) c.cell[k] = v[k];
  ow_tensor *t = field(L, "basis", OW_F64, -1, 3);
  c.basis = ow_tensor_data(t), c.nb = (int)t->shape[0];
  v = ow_tensor_data(field(L, "box", OW_F64, 3, 0));
  for (int k = 0; k < 3; k++) c.box[k] = v[k];
  t = field(L, "grains", OW_F64, -1, 12);
  c.grain = ow_tensor_data(t), c.ng = (int)t->shape[0];
  t = field(L, "planes", OW_F64, -1, 4);
  c.plane = ow_tensor_data(t), c.np = (int)t->shape[0];
  c.plane_grain = ow_tensor_data(field(L, "plane_grains", OW_I64, c.np, 0));
  t = field(L, "domains", OW_F64, -1, 12);
  c.domain = ow_tensor_data(t), c.nd = (int)t->shape[0];
  c.domain_kind = ow_tensor_data(field(L, "domain_kinds", OW_I64, c.nd, 0));
  c.domain_label = ow_tensor_data(field(L, "domain_labels", OW_I64, c.nd, 0));
  lua_getfield(L, 1, "occupancy");
  t = owl_pusharray(L, -1, fn, "occupancy", OW_F64, 3);
  if (t->shape[1] != c.nb || t->shape[0] < 1 || t->shape[2] < 1 || c.nb < 1 || c.ng < 1)
    return owl_error(L, fn, OW_ESHAPE, "occupancy: expected kinds x basis sites x species");
  c.occupancy = ow_tensor_data(t), c.kinds = (int)t->shape[0] - 1, c.ns = (int)t->shape[2];
  for (int q = 0; q < c.nd; q++)
    if (c.domain_kind[q] < 0 || c.domain_kind[q] > c.kinds) return owl_error(L, fn, OW_EARG, "domain_kinds: %d of %d kinds", (int)c.domain_kind[q], c.kinds);
  lua_getfield(L, 1, "seed");
  c.seed = (uint64_t)owl_checkint(L, -1, fn, "seed", INT64_MIN, INT64_MAX);
  ow_tensor *out[5];
  for (int k = 0; k < 5; k++) out[k] = owl_newtensor(L);
  ow_err e;
  if (!ow_crystal_build(&c, out[0], out[1], out[2], out[3], out[4], &e)) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  for (int k = 0; k < 5; k++) owl_account(L, out[k]);
  return 5;
}

int ow_open_crystal(lua_State *L) {
  static const luaL_Reg funcs[] = {{"build", f_build}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
