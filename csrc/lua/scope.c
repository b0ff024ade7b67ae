// Scopes: tensors made while one is open are noted in its list, and closed with it unless kept.
// The list holds them weakly, so that the collector may take them before. Kept ones pass to the
// scope around. Lua side: lua/orowan/scope.lua.
#include "lua/owlua.h"
#include "lua/scope.h"

static const char key;  // of the innermost list in the registry
int owl_scopes;         // open scopes of all states: 0 for most of the time

// List: [0] = count, [1..count] = tensors (or nil), outer = the list around.
void owl_scope_note(lua_State *L) {
  luaL_checkstack(L, 4, "scope");
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TTABLE) {
    lua_rawgeti(L, -1, 0);
    lua_Integer n = lua_tointeger(L, -1) + 1;
    lua_pop(L, 1);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, n);
    lua_pushinteger(L, n);
    lua_rawseti(L, -2, 0);
  }
  lua_pop(L, 1);
}

static int f_open(lua_State *L) {
  lua_newtable(L);
  lua_pushinteger(L, 0);
  lua_rawseti(L, -2, 0);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  lua_createtable(L, 0, 2);  // metatable: weak values; it holds the list around strongly
  lua_pushstring(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "outer");
  lua_setmetatable(L, -3);
  lua_pop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  owl_scopes++;
  return 0;
}

// close(keep): keep[t] for those that stay.
static int f_close(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) != LUA_TTABLE) return owl_error(L, "scope", OW_EARG, "no scope is open");
  if (luaL_getmetafield(L, 2, "outer") == LUA_TNIL) lua_pushnil(L);  // none is pushed then
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  owl_scopes--;
  lua_rawgeti(L, 2, 0);
  lua_Integer n = lua_tointeger(L, -1);
  lua_pop(L, 1);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, i);
    ow_tensor *t = lua_isnil(L, -1) ? NULL : owl_totensor(L, -1);
    if (t && t->storage) {
      lua_pushvalue(L, -1);
      bool keep = lua_rawget(L, 1) != LUA_TNIL;
      lua_pop(L, 1);
      if (!keep) ow_tensor_close(t);
      else if (owl_scopes) owl_scope_note(L);
    }
    lua_pop(L, 1);
  }
  return 0;
}

int ow_open_scope(lua_State *L) {
  static const luaL_Reg funcs[] = {{"open", f_open}, {"close", f_close}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
