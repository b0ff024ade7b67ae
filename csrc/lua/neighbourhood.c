// core.neighbourhood.sums(ids, values, counts, maximum?) -> f32 [n, counts, columns]
// core.neighbourhood.bond_order(positions, ids, centres, ls, weights?, box?) -> f32 [n, ls]
// The public face is lua/orowan/apt/features.lua.
#include "geometry/neighbourhood.h"

#include "lua/owlua.h"

static int f_sums(lua_State *L) {
  static const char *const fn = "neighbourhood.sums";
  bool maximum = lua_toboolean(L, 4);
  ow_tensor *ids = owl_pusharray(L, 1, fn, "ids", OW_I64, 2);
  ow_tensor *values = owl_pusharray(L, 2, fn, "values", OW_F32, 2);
  ow_tensor *ks = owl_pusharray(L, 3, fn, "counts", OW_I64, 1);
  int64_t n = ids->shape[0], scales = ks->shape[0], columns = values->shape[1];
  ow_tensor *out = owl_pushnew(L, fn, OW_F32, 3, (int64_t[]){n, scales, columns});
  ow_err e;
  if (!ow_neighbour_sums(ow_tensor_data(ids), n, ids->shape[1], ow_tensor_data(values), values->shape[0], columns,
                         ow_tensor_data(ks), scales, maximum, ow_tensor_data(out), &e))
    return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return 1;
}

static int f_bond_order(lua_State *L) {
  static const char *const fn = "neighbourhood.bond_order";
  lua_settop(L, 6);
  ow_tensor *xyz = owl_pusharray(L, 1, fn, "positions", OW_F32, 2);
  ow_tensor *ids = owl_pusharray(L, 2, fn, "ids", OW_I64, 2);
  ow_tensor *centre = owl_pusharray(L, 3, fn, "centres", OW_I64, 1);
  ow_tensor *ls = owl_pusharray(L, 4, fn, "l", OW_I64, 1);
  ow_tensor *weights = lua_isnil(L, 5) ? NULL : owl_pusharray(L, 5, fn, "weights", OW_F32, 1);
  ow_tensor *side = lua_isnil(L, 6) ? NULL : owl_pusharray(L, 6, fn, "box", OW_F64, 1);
  double box[3] = {0, 0, 0};
  if (xyz->shape[1] != 3) return owl_error(L, fn, OW_ESHAPE, "positions: expected 3 columns, got %d", (int)xyz->shape[1]);
  if (centre->shape[0] != ids->shape[0]) return owl_error(L, fn, OW_ESHAPE, "centres: expected as many as rows of ids");
  if (weights && weights->shape[0] != xyz->shape[0]) return owl_error(L, fn, OW_ESHAPE, "weights: expected one a point");
  if (side && side->shape[0] != 3) return owl_error(L, fn, OW_ESHAPE, "box: expected three lengths");
  for (int a = 0; side && a < 3; a++) box[a] = ((const double *)ow_tensor_data(side))[a];
  ow_tensor *out = owl_pushnew(L, fn, OW_F32, 2, (int64_t[]){ids->shape[0], ls->shape[0]});
  ow_err e;
  if (!ow_bond_order(ow_tensor_data(xyz), xyz->shape[0], ow_tensor_data(ids), ids->shape[0], ids->shape[1], ow_tensor_data(centre),
                     weights ? ow_tensor_data(weights) : NULL, box, ow_tensor_data(ls), ls->shape[0], ow_tensor_data(out), &e))
    return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return 1;
}

int ow_open_neighbourhood(lua_State *L) {
  static const luaL_Reg funcs[] = {{"sums", f_sums}, {"bond_order", f_bond_order}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
