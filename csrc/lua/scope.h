// Open scopes note the tensors that are made; see scope.c.
#ifndef OW_LUA_SCOPE_H
#define OW_LUA_SCOPE_H
#include <lua.h>

extern int owl_scopes;              // how many are open
void owl_scope_note(lua_State *L);  // the tensor on top of the stack, which stays there

#endif
