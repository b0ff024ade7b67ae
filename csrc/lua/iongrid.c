// core.iongrid: counts of ions on voxels. A grid is described by {origin, voxel, n, species}.
//   add(spec, positions, species, grid i64 [s,nz,ny,nx] [, reference]) -> in, unknown, outside, broken
//   bounds(positions, species, kinds) -> lo {3}, hi {3} | nil
//   smooth(t f32 [.., m, ..], axis, taps) -> f32 of the same shape
// The public face is lua/orowan/apt/grid.lua.
#include "physics/iongrid.h"

#include <math.h>

#include "lua/owlua.h"

// positions f32 [n,3] at idx and species i64 [n] behind it, left on the stack.
static void ions(lua_State *L, const char *fn, int idx, ow_tensor **xyz, ow_tensor **species) {
  *xyz = owl_pusharray(L, idx, fn, "positions", OW_F32, 2);
  *species = owl_pusharray(L, idx + 1, fn, "species", OW_I64, 1);
  if ((*xyz)->shape[1] != 3 || (*xyz)->shape[0] != (*species)->shape[0])
    owl_error(L, fn, OW_ESHAPE, "expected positions [n, 3] and species [n], got [%lld, %lld] and [%lld]", (long long)(*xyz)->shape[0],
              (long long)(*xyz)->shape[1], (long long)(*species)->shape[0]);
}

static void three(lua_State *L, const char *fn, const char *name, double v[3]) {
  lua_getfield(L, 1, name);
  for (int d = 0; d < 3; d++) {
    lua_geti(L, -1, d + 1);
    v[d] = owl_checknum(L, -1, fn, name);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static int f_add(lua_State *L) {
  const char *fn = "apt.grid";
  ow_iongrid g;
  double n[3];
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 5);
  three(L, fn, "origin", g.origin), three(L, fn, "voxel", g.voxel), three(L, fn, "n", n);
  for (int d = 0; d < 3; d++) {
    g.n[d] = n[d] >= 0 && n[d] < 1e9 ? (int64_t)n[d] : 0;
    if (!(g.voxel[d] > 0) || !isfinite(g.origin[d]) || g.n[d] < 4)
      return owl_error(L, fn, OW_EARG, "a grid needs at least 4 voxels along each axis, voxel edges above 0 and a finite origin");
  }
  ow_tensor *xyz, *species, *grid = owl_checktensor(L, 4, fn, "grid");
  ions(L, fn, 2, &xyz, &species);
  bool reference = lua_toboolean(L, 5);
  if (grid->dtype != (reference ? OW_F64 : OW_I64) || grid->ndim != 4 || !ow_tensor_is_contiguous(grid) || grid->shape[0] < 1 ||
      grid->shape[0] > 4096 || grid->shape[1] != g.n[2] || grid->shape[2] != g.n[1] || grid->shape[3] != g.n[0])
    return owl_error(L, fn, OW_ESHAPE, "grid: expected a dense tensor of species x nz x ny x nx");
  g.species = (int)grid->shape[0];
  ow_iongrid_count c = {0};
  ow_err e;
  bool ok = reference ? ow_iongrid_reference(&g, ow_tensor_data(xyz), ow_tensor_data(species), xyz->shape[0], ow_tensor_data(grid), &c, &e)
                      : ow_iongrid_add(&g, ow_tensor_data(xyz), ow_tensor_data(species), xyz->shape[0], ow_tensor_data(grid), &c, &e);
  if (!ok) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  lua_pushinteger(L, c.in), lua_pushinteger(L, c.unknown), lua_pushinteger(L, c.outside), lua_pushinteger(L, c.broken);
  return 4;
}

static int f_bounds(lua_State *L) {
  const char *fn = "apt.grid";
  ow_tensor *xyz, *species;
  int kinds = (int)owl_checkint(L, 3, fn, "kinds", 1, 4096);
  ions(L, fn, 1, &xyz, &species);
  float lo[3], hi[3];
  bool any;
  ow_iongrid_bounds(ow_tensor_data(xyz), ow_tensor_data(species), xyz->shape[0], kinds, lo, hi, &any);
  if (!any) return 0;
  for (int side = 0; side < 2; side++) {
    lua_createtable(L, 3, 0);
    for (int d = 0; d < 3; d++) lua_pushnumber(L, side ? hi[d] : lo[d]), lua_rawseti(L, -2, d + 1);
  }
  return 2;
}

static int f_smooth(lua_State *L) {
  const char *fn = "apt.grid";
  int axis = owl_checkaxis(L, 2, fn, 8);
  ow_tensor *tap = owl_pusharray(L, 3, fn, "taps", OW_F32, 1), *t = owl_pusharray(L, 1, fn, "field", OW_F32, -1);
  if (axis >= t->ndim || tap->shape[0] % 2 != 1 || tap->shape[0] > 100001)
    return owl_error(L, fn, OW_ESHAPE, "smooth: expected an odd number of taps and an axis of the field");
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < axis; d++) outer *= t->shape[d];
  for (int d = axis + 1; d < t->ndim; d++) inner *= t->shape[d];
  ow_tensor *out = owl_pushnew(L, fn, OW_F32, t->ndim, t->shape);
  ow_err e;
  if (!ow_smooth_axis(ow_tensor_data(t), ow_tensor_data(out), outer, t->shape[axis], inner, ow_tensor_data(tap), (int)(tap->shape[0] / 2), &e))
    return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return 1;
}

int ow_open_iongrid(lua_State *L) {
  static const luaL_Reg funcs[] = {{"add", f_add}, {"bounds", f_bounds}, {"smooth", f_smooth}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
