// Tensors as raw bytes and back: row-major, little-endian as every machine we build for.
// Checkpoints and binary pipes use it; files meant to last go through HDF5.
#include <string.h>

#include "lua/owlua.h"

static int t_tobytes(lua_State *L) {
  ow_tensor *t = owl_checktensor(L, 1, "tobytes", "self"), *c = owl_newtensor(L);
  ow_err e;
  if (t->storage->device != OW_CPU)
    return owl_error(L, "tobytes", OW_EDEVICE, "self: is on a device; use :to(\"cpu\")");
  if (!ow_tensor_contiguous(c, t, &e)) return owl_raise(L, "tobytes", &e);
  owl_account(L, c);
  lua_pushlstring(L, ow_tensor_data(c), (size_t)ow_tensor_numel(c) * ow_dtype_size(c->dtype));
  return 1;
}

static int f_frombytes(lua_State *L) {  // bytes, dtype, shape
  if (lua_type(L, 1) != LUA_TSTRING) return owl_badarg(L, "frombytes", "bytes", "a string", 1);
  size_t n;
  const char *s = lua_tolstring(L, 1, &n);
  ow_dtype d = owl_checkdtype(L, 2, "frombytes");
  int64_t shape[OW_MAXDIM];
  int ndim = owl_checkshape(L, 3, "frombytes", shape);
  // The size is checked before anything is allocated, so that a damaged shape costs nothing.
  unsigned __int128 want = ow_dtype_size(d);
  for (int i = 0; i < ndim; i++) {
    if (shape[i] < 0) return owl_error(L, "frombytes", OW_ESHAPE, "shape: negative size");
    want *= (uint64_t)shape[i];
    if (want > (unsigned __int128)1 << 62) break;
  }
  if (want != n) {
    char buf[160];
    return owl_error(L, "frombytes", OW_ESHAPE, "bytes: %zu bytes do not fill a %s tensor of shape %s", n,
                     ow_dtype_name(d), ow_shape_string(buf, ndim, shape));
  }
  ow_tensor *t = owl_pushnew(L, "frombytes", d, ndim, shape);
  memcpy(ow_tensor_data(t), s, n);
  return 1;
}

int ow_open_bytes(lua_State *L) {
  static const luaL_Reg methods[] = {{"tobytes", t_tobytes}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"frombytes", f_frombytes}, {NULL, NULL}};
  owl_methods(L, methods);
  luaL_newlib(L, funcs);
  return 1;
}
