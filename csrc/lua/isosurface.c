// core.isosurface: surfaces of fields, meshes, regions.
//   surface(field f32 [nz,ny,nx], {x,y,z} origin, {x,y,z} spacing, level) -> vertices f32 [nv,3], triangles i64 [nt,3]
//   measure(vertices, triangles) -> {edges, border, crowded, used, parts, area, volume}, part i64 [nt]
//   distance(vertices, triangles, positions, reach [, reference]) -> f32 [n], nearest i64 [n]
//   regions(mask u8 [nz,ny,nx]) -> label i64, count
// The public face is lua/orowan/apt/isosurface.lua.
#include "geometry/isosurface.h"

#include <math.h>
#include <string.h>

#include "lua/owlua.h"

static const char *const FN = "apt.isosurface";

static int fail(lua_State *L, const ow_err *e) { return owl_raise(L, e->code == OW_EINTR ? "" : FN, e); }

static void three(lua_State *L, int idx, double v[3]) {
  luaL_checktype(L, idx, LUA_TTABLE);
  for (int d = 0; d < 3; d++) {
    lua_geti(L, idx, d + 1);
    v[d] = owl_checknum(L, -1, FN, "origin and spacing");
    lua_pop(L, 1);
  }
}

static int f_surface(lua_State *L) {
  double origin[3], spacing[3], level = owl_checknum(L, 4, FN, "level");
  three(L, 2, origin), three(L, 3, spacing);
  lua_settop(L, 4);
  ow_tensor *f = owl_pusharray(L, 1, FN, "field", OW_F32, 3);
  int64_t n[3] = {f->shape[2], f->shape[1], f->shape[0]}, shape[2] = {0, 3};
  ow_tensor *v = owl_newtensor(L), *t = owl_newtensor(L);
  ow_iso_mesh m;
  ow_err e;
  if (!ow_isosurface(&m, ow_tensor_data(f), n, origin, spacing, level, &e)) return fail(L, &e);
  shape[0] = m.nv;
  bool ok = ow_tensor_new(v, OW_F32, 2, shape, &e);
  shape[0] = m.nt;
  ok = ok && ow_tensor_new(t, OW_I64, 2, shape, &e);
  if (ok && m.nv) memcpy(ow_tensor_data(v), m.vertex, (size_t)m.nv * 3 * sizeof *m.vertex);
  if (ok && m.nt) memcpy(ow_tensor_data(t), m.triangle, (size_t)m.nt * 3 * sizeof *m.triangle);
  ow_iso_free(&m);
  if (!ok) return fail(L, &e);
  owl_account(L, v), owl_account(L, t);
  return 2;
}

// Vertices at 1 and triangles at 2, pushed.
static ow_mesh mesh(lua_State *L) {
  ow_tensor *v = owl_pusharray(L, 1, FN, "vertices", OW_F32, 2), *t = owl_pusharray(L, 2, FN, "triangles", OW_I64, 2);
  if (v->shape[1] != 3 || t->shape[1] != 3) owl_error(L, FN, OW_ESHAPE, "expected vertices [n, 3] and triangles [m, 3]");
  return (ow_mesh){ow_tensor_data(v), ow_tensor_data(t), v->shape[0], t->shape[0]};
}

static int f_measure(lua_State *L) {
  ow_mesh m = mesh(L);
  ow_mesh_info i;
  ow_err e;
  ow_tensor *part = owl_pushnew(L, FN, OW_I64, 1, &m.nt);
  if (!ow_mesh_measure(&m, &i, NULL, ow_tensor_data(part), &e)) return fail(L, &e);
  lua_createtable(L, 0, 7);
  lua_pushinteger(L, i.edges), lua_setfield(L, -2, "edges");
  lua_pushinteger(L, i.border), lua_setfield(L, -2, "border");
  lua_pushinteger(L, i.crowded), lua_setfield(L, -2, "crowded");
  lua_pushinteger(L, i.used), lua_setfield(L, -2, "vertices");
  lua_pushinteger(L, i.parts), lua_setfield(L, -2, "parts");
  lua_pushnumber(L, i.area), lua_setfield(L, -2, "area");
  lua_pushnumber(L, i.volume), lua_setfield(L, -2, "volume");
  lua_pushvalue(L, -2);
  return 2;
}

static int f_distance(lua_State *L) {
  double reach = owl_checknum(L, 4, FN, "reach");
  bool reference = lua_toboolean(L, 5);
  if (!(reach > 0)) return owl_error(L, FN, OW_EARG, "reach: expected a distance above 0, got %g", reach);
  ow_mesh m = mesh(L);
  ow_tensor *x = owl_pusharray(L, 3, FN, "positions", OW_F32, 2);
  if (x->shape[1] != 3) return owl_error(L, FN, OW_ESHAPE, "positions: expected [n, 3]");
  ow_tensor *d = owl_pushnew(L, FN, OW_F32, 1, x->shape), *near = owl_pushnew(L, FN, OW_I64, 1, x->shape);
  ow_err e;
  if (!(reference ? ow_mesh_distance_reference : ow_mesh_distance)(&m, ow_tensor_data(x), x->shape[0], reach, ow_tensor_data(d),
                                                                   ow_tensor_data(near), &e))
    return fail(L, &e);
  return 2;
}

static int f_regions(lua_State *L) {
  ow_tensor *mask = owl_pusharray(L, 1, FN, "mask", OW_U8, 3), *label = owl_pushnew(L, FN, OW_I64, 3, mask->shape);
  int64_t n[3] = {mask->shape[2], mask->shape[1], mask->shape[0]}, count = 0;
  ow_err e;
  if (!ow_label_regions(ow_tensor_data(mask), n, ow_tensor_data(label), &count, &e)) return fail(L, &e);
  lua_pushinteger(L, count);
  return 2;
}

int ow_open_isosurface(lua_State *L) {
  static const luaL_Reg funcs[] = {{"surface", f_surface}, {"measure", f_measure}, {"distance", f_distance}, {"regions", f_regions}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
