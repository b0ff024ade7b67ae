// PNG images: io.read_png, io.write_png.
#include "io/png.h"

#include <string.h>

#include "lua/owlua.h"

static int f_read(lua_State *L) {
  const char *fn = "io.read_png", *path = owl_checkstr(L, 1, fn, "path");
  ow_tensor *t = owl_newtensor(L), got;
  ow_err e;
  if (!ow_png_read_file(&got, path, &e)) {
    if (e.code == OW_EINTR) return owl_raise(L, "", &e);
    return owl_nil_err(L, fn, &e);
  }
  *t = got;
  owl_account(L, t);
  return 1;
}

// write(path, image, bits or nil, level or nil)
static int f_write(lua_State *L) {
  const char *fn = "io.write_png", *path = owl_checkstr(L, 1, fn, "path");
  lua_settop(L, 4);
  ow_tensor *t = owl_pushfromlua(L, 2, fn, "image", -1);
  if (!ow_dtype_is_int(t->dtype))
    return owl_error(L, fn, OW_EDTYPE, "image: expected integers (u8: 0..255, i32: 0..65535), got %s; scale and round first",
                     ow_dtype_name(t->dtype));
  lua_Integer bits = lua_isnil(L, 3) ? (t->dtype == OW_I32 ? 16 : 8) : owl_checkint(L, 3, fn, "bits", 8, 16);
  if (bits != 8 && bits != 16) return owl_error(L, fn, OW_EARG, "bits: expected 8 or 16, got %d", (int)bits);
  lua_Integer level = lua_isnil(L, 4) ? -1 : owl_checkint(L, 4, fn, "level", 0, 9);
  ow_err e;
  if (!ow_png_write_file(t, path, (int)bits, (int)level, &e)) {
    if (e.code == OW_EIO) return owl_nil_err(L, fn, &e);
    return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  }
  lua_pushboolean(L, 1);
  return 1;
}

int ow_open_png(lua_State *L) {
  static const luaL_Reg funcs[] = {{"read", f_read}, {"write", f_write}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
