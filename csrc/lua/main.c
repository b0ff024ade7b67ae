// The program `orowan`: Lua 5.4 with orowan.core built in. It finds its home, sets the
// paths and hands over to lua/orowan/cli.lua, which owns all commands.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/owlua.h"

static bool join(char out[PATH_MAX], const char *dir, const char *tail) {
  int n = snprintf(out, PATH_MAX, "%s%s", dir, tail);
  return n > 0 && n < PATH_MAX;
}

static bool readable(const char *dir, const char *tail) {
  char p[PATH_MAX];
  return join(p, dir, tail) && access(p, R_OK) == 0;
}

// Fills home (models, examples, docs) and lua (modules): OROWAN_HOME, then a folder above
// the program that is a checkout (it has csrc), then PREFIX/share/lua/5.4
// beside PREFIX/bin, with the examples in orowan/home there.
static bool find_home(char *home, char *lua) {
  char dir[PATH_MAX];
  const char *env = getenv("OROWAN_HOME");
  if (env && readable(env, "/lua/orowan/init.lua")) return join(home, env, "") && join(lua, env, "/lua");
  ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
  if (n < 0) return false;
  dir[n] = 0;
  for (char *slash; (slash = strrchr(dir, '/')); ) {
    *slash = 0;
    if (readable(dir, "/lua/orowan/init.lua") && readable(dir, "/csrc")) return join(home, dir, "") && join(lua, dir, "/lua");
    if (readable(dir, "/share/lua/5.4/orowan/init.lua"))
      return join(home, dir, "/share/lua/5.4/orowan/home") && join(lua, dir, "/share/lua/5.4");
  }
  return false;
}

static int traceback(lua_State *L) {
  if (lua_type(L, 1) == LUA_TSTRING) {
    luaL_traceback(L, L, lua_tostring(L, 1), 1);
    return 1;
  }
  luaL_tolstring(L, 1, NULL);
  return 1;
}

static int pmain(lua_State *L) {
  int argc = (int)lua_tointeger(L, 1);
  char **argv = lua_touserdata(L, 2);
  static char home[PATH_MAX], lua[PATH_MAX];
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_orowan_core);
  lua_setfield(L, -2, "orowan.core");
  lua_pop(L, 1);
  if (!find_home(home, lua))
    return luaL_error(L, "orowan: its Lua files were not found beside the program; set OROWAN_HOME to the checkout");
  lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;", lua, lua);
  lua_getfield(L, -2, "path");
  lua_concat(L, 2);
  lua_setfield(L, -2, "path");
  char dir[PATH_MAX];  // optional modules: build/lib beside build/bin, PREFIX/lib/lua/5.4 beside PREFIX/bin
  ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
  dir[n > 0 ? n : 0] = 0;
  for (int up = 0; up < 2 && strrchr(dir, '/'); up++) *strrchr(dir, '/') = 0;
  lua_pushfstring(L, "%s/lib/?.so;%s/lib/lua/5.4/?.so;", dir, dir);
  lua_getfield(L, -2, "cpath");
  lua_concat(L, 2);
  lua_setfield(L, -2, "cpath");
  lua_pop(L, 1);
  lua_pushstring(L, home);
  lua_setfield(L, LUA_REGISTRYINDEX, "orowan.home");

  lua_createtable(L, argc, 2);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
  lua_setglobal(L, "arg");
  lua_getglobal(L, "require");
  lua_pushliteral(L, "orowan.cli");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "main");
  lua_pushstring(L, home);
  lua_call(L, 1, 1);
  return 1;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (!L) {
    fputs("orowan: not enough memory to start\n", stderr);
    return 1;
  }
  lua_pushcfunction(L, traceback);
  lua_pushcfunction(L, pmain);
  lua_pushinteger(L, argc);
  lua_pushlightuserdata(L, argv);
  int status = lua_pcall(L, 2, 1, 1), rc;
  if (status != LUA_OK) {
    fprintf(stderr, "orowan: %s\n", lua_tostring(L, -1));
    rc = ow_interrupted() ? 130 : 1;
  } else if (ow_interrupted()) {  // the flag came too late for the last call to raise it
    rc = 130;
  } else {
    rc = lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : 0;
  }
  ow_interrupt_clear();
  lua_close(L);
  return rc;
}
