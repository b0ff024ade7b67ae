// core.pairs.sum(sources, charges or nil, targets, options) -> phi [, gradient], for tensors of
// one device and dtype; the public face is geometry.pair_sum, which brings them there.
// Options: kernel (0-based), a, softening, value, slope, gradient.
#include <math.h>
#include <string.h>

#include "geometry/pair_sum.h"
#include "lua/owlua.h"

static int f_sum(lua_State *L) {
  static const char *const fn = "geometry.pair_sum";
  ow_err e;
  lua_settop(L, 4);
  ow_pair_law law = {.kind = (ow_pair_kind)owl_optfield_int(L, 4, fn, "kernel", 0), .a = owl_optfield_num(L, 4, fn, "a", 0),
                     .softening = owl_optfield_num(L, 4, fn, "softening", 0)};
  law.value = owl_optfield_str(L, 4, fn, "value", NULL);
  law.slope = owl_optfield_str(L, 4, fn, "slope", NULL);
  bool gradient = owl_optfield_bool(L, 4, fn, "gradient", false);
  const ow_tensor *t[3];
  for (int k = 0; k < 3; k++) t[k] = k == 1 && lua_isnil(L, 2) ? NULL : owl_anytensor(L, k + 1, fn, "points");
  int64_t n = t[0]->shape[0], m = t[2]->shape[0], three[2] = {m, 3};
  if (t[2]->storage->device > OW_CPU) {
    ow_tensor *phi = owl_newtensor(L), *g = gradient ? owl_newtensor(L) : NULL;
    if (!ow_pair_sum_cl(&law, t[0], t[1], t[2], phi, g, &e)) return owl_raise(L, fn, &e);
    owl_account(L, phi);
    if (g) owl_account(L, g);
    return gradient ? 2 : 1;
  }
  ow_tensor *phi = owl_pushnew(L, fn, OW_F64, 1, &m), *g = gradient ? owl_pushnew(L, fn, OW_F64, 2, three) : NULL;
  if (!ow_pair_sum(&law, ow_tensor_data(t[0]), t[1] ? ow_tensor_data(t[1]) : NULL, n, ow_tensor_data(t[2]), m, ow_tensor_data(phi),
                   g ? ow_tensor_data(g) : NULL, &e))
    return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return gradient ? 2 : 1;
}

int ow_open_pairs(lua_State *L) {
  static const luaL_Reg funcs[] = {{"sum", f_sum}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
