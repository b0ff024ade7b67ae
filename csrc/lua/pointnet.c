// core.pointnet.apply(layers, ions) -> f32 [m]: layers is {{w, bias} x 20}, w [inputs, outputs] with
// batch norms folded in; ions is {positions, species, ids, rows, predictions?, own, box?}. The public
// face is lua/orowan/apt/atomnet.lua.
#include "nn/pointnet.h"

#include "lua/owlua.h"

static const char *const fn = "pointnet.apply";

static ow_tensor *field(lua_State *L, const char *name, ow_dtype dtype, int ndim) {
  lua_getfield(L, 2, name);
  if (lua_isnil(L, -1)) return NULL;
  return owl_pusharray(L, -1, fn, name, dtype, ndim);
}

static int f_apply(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checkstack(L, 6 * OW_POINTNET_LAYERS, fn);
  ow_pointnet_weights w;
  if (luaL_len(L, 1) != OW_POINTNET_LAYERS) return owl_error(L, fn, OW_EARG, "layers: expected %d", OW_POINTNET_LAYERS);
  for (int k = 0; k < OW_POINTNET_LAYERS; k++) {
    lua_geti(L, 1, k + 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    int at = lua_gettop(L);
    lua_geti(L, at, 1);
    ow_tensor *m = owl_pusharray(L, -1, fn, "w", OW_F32, 2);
    lua_geti(L, at, 2);
    ow_tensor *b = owl_pusharray(L, -1, fn, "bias", OW_F32, 1);
    if (b->shape[0] != m->shape[1]) return owl_error(L, fn, OW_ESHAPE, "layer %d: bias does not fit", k + 1);
    w.w[k] = ow_tensor_data(m), w.bias[k] = ow_tensor_data(b), w.inputs[k] = m->shape[0], w.outputs[k] = m->shape[1];
  }
  ow_pointnet_ions s = {0};
  ow_tensor *positions = field(L, "positions", OW_F32, 2), *species = field(L, "species", OW_F32, 1);
  ow_tensor *ids = field(L, "ids", OW_I64, 2), *rows = field(L, "rows", OW_I64, 1);
  ow_tensor *predictions = field(L, "predictions", OW_F32, 1), *box = field(L, "box", OW_F64, 1);
  if (!positions || !species || !ids || !rows) return owl_error(L, fn, OW_EARG, "ions: expected positions, species, ids and rows");
  s.n = positions->shape[0], s.m = ids->shape[0];
  if (positions->shape[1] != 3 || species->shape[0] != s.n || (predictions && predictions->shape[0] != s.n) ||
      ids->shape[1] != OW_POINTNET_ROWS || rows->shape[0] != s.m || (box && box->shape[0] != 3))
    return owl_error(L, fn, OW_ESHAPE, "ions: expected positions [n, 3], species [n], ids [m, %d], rows [m]", OW_POINTNET_ROWS);
  s.positions = ow_tensor_data(positions), s.species = ow_tensor_data(species);
  s.ids = ow_tensor_data(ids), s.rows = ow_tensor_data(rows);
  s.predictions = predictions ? ow_tensor_data(predictions) : NULL;
  for (int a = 0; box && a < 3; a++) s.box[a] = ((const double *)ow_tensor_data(box))[a];
  s.own = owl_optfield_bool(L, 2, fn, "own", true);
  ow_tensor *out = owl_pushnew(L, fn, OW_F32, 1, (int64_t[]){s.m});
  ow_err e;
  if (!ow_pointnet(&w, &s, ow_tensor_data(out), &e)) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return 1;
}

int ow_open_pointnet(lua_State *L) {
  static const luaL_Reg funcs[] = {{"apply", f_apply}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
