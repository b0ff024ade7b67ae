// Versions of the libraries in use, asked of the libraries themselves at run time.
#include <fftw3.h>
#include <hdf5.h>
#include <histedit.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

#include "lua/owlua.h"

extern char *openblas_get_config(void);

static int f_libraries(lua_State *L) {
  char buf[64];
  unsigned a = 0, b = 0, c = 0;
  lua_createtable(L, 0, 6);
  lua_pushstring(L, LUA_RELEASE), lua_setfield(L, -2, "lua");  // "Lua 5.4.4"
  lua_pushstring(L, openblas_get_config()), lua_setfield(L, -2, "openblas");
  lua_pushstring(L, fftw_version), lua_setfield(L, -2, "fftw");
  lua_pushstring(L, png_get_libpng_ver(NULL)), lua_setfield(L, -2, "libpng");
  H5get_libversion(&a, &b, &c);
  snprintf(buf, sizeof buf, "%u.%u.%u", a, b, c);
  lua_pushstring(L, buf), lua_setfield(L, -2, "hdf5");
  snprintf(buf, sizeof buf, "%d.%d", LIBEDIT_MAJOR, LIBEDIT_MINOR);
  lua_pushstring(L, buf), lua_setfield(L, -2, "libedit");
  return 1;
}

int ow_open_versions(lua_State *L) {
  static const luaL_Reg funcs[] = {{"libraries", f_libraries}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
