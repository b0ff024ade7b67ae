// orowan.core.stats_data: samples, resampling, relations and spectra for lua/orowan/stats.
#include <math.h>
#include <string.h>

#include "lua/owlua.h"
#include "stats/data.h"

static int f_sort(lua_State *L) {
  ow_tensor *t = owl_pusharray(L, 1, "stats", "x", OW_F64, 1);
  ow_tensor *o = owl_pushnew(L, "stats", OW_F64, 1, t->shape);
  memcpy(ow_tensor_data(o), ow_tensor_data(t), (size_t)t->shape[0] * sizeof(double));
  ow_sort_doubles(ow_tensor_data(o), t->shape[0]);
  return 1;
}

// (noise, length, points, frames, seed, smallest) -> tensor of areas
static int f_line_noise(lua_State *L) {
  static const char fn[] = "stats.line_noise_sizes";
  double *v, noise = luaL_checknumber(L, 1), length = luaL_checknumber(L, 2), smallest = luaL_checknumber(L, 6);
  int64_t n;
  ow_err e;
  ow_tensor *out = owl_newtensor(L);
  if (!ow_line_noise(noise, length, luaL_checkinteger(L, 3), luaL_checkinteger(L, 4), (uint64_t)luaL_checkinteger(L, 5), smallest, &v, &n, &e))
    return owl_raise(L, fn, &e);
  bool ok = ow_tensor_new(out, OW_F64, 1, &n, &e);
  if (ok) memcpy(ow_tensor_data(out), v, (size_t)n * sizeof(double));
  ow_free(v);
  if (!ok) return owl_raise(L, fn, &e);
  owl_account(L, out);
  return 1;
}

int ow_open_stats_data(lua_State *L) {
  static const luaL_Reg funcs[] = {{"sort", f_sort}, {"line_noise", f_line_noise}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
