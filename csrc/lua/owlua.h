// What every binding file uses. A file csrc/lua/NAME.c defines
//   int ow_open_NAME(lua_State *L);   // pushes one table, which becomes orowan.core.NAME
// and may add tensor methods with owl_methods. Nothing has to be registered elsewhere.
//
// Rules: make the Lua object (owl_newtensor) before the C resource; check arguments before
// either; an ow_err becomes a Lua error table through owl_raise, never by hand.
#ifndef OW_LUA_OWLUA_H
#define OW_LUA_OWLUA_H
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "base/alloc.h"
#include "base/device.h"
#include "base/err.h"
#include "base/tensor.h"
#include "base/threads.h"

#define OWL_TENSOR "orowan.tensor"

// ---- errors: tables {message, code, hint, where} with __tostring ---------------------------
// Raises e; `fn` is the user's name of the function ("conv3d"), put before the message.
int owl_raise(lua_State *L, const char *fn, const ow_err *e);
int owl_error(lua_State *L, const char *fn, ow_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// For functions that return nil, err (opening, reading): pushes both, returns 2.
int owl_nil_err(lua_State *L, const char *fn, const ow_err *e);
void owl_push_err(lua_State *L, const char *fn, const ow_err *e);
// Wrong argument: "fn: arg NAME: expected EXPECTED, got a string".
int owl_badarg(lua_State *L, const char *fn, const char *name, const char *expected, int idx);

// ---- tensors -------------------------------------------------------------------------------
// An empty (closed) tensor userdata on the stack; fill *t with ow_tensor_new etc., then call
// owl_account(L, t), which lets Lua's collector know about the bytes.
ow_tensor *owl_newtensor(lua_State *L);
void owl_account(lua_State *L, const ow_tensor *t);
// owl_newtensor + ow_tensor_new/zeros + owl_account; raises on failure.
ow_tensor *owl_pushnew(lua_State *L, const char *fn, ow_dtype dtype, int ndim, const int64_t *shape);
ow_tensor *owl_totensor(lua_State *L, int idx);                      // NULL if it is none
ow_tensor *owl_checktensor(lua_State *L, int idx, const char *fn, const char *name);  // open and in host memory, or raises
ow_tensor *owl_anytensor(lua_State *L, int idx, const char *fn, const char *name);    // open, on any device
ow_tensor *owl_tohost(lua_State *L, const char *fn, const ow_tensor *t);              // pushes it (a view when it is there)
// Tensor, nested Lua table or number at idx -> contiguous tensor of that dtype (checked),
// left on top of the stack so that it stays alive. ndim < 0: any.
ow_tensor *owl_pusharray(lua_State *L, int idx, const char *fn, const char *name, ow_dtype dtype, int ndim);
// A number at idx as a 0-d tensor of i64, f64; a table as a tensor; pushes it.
ow_tensor *owl_pushfromlua(lua_State *L, int idx, const char *fn, const char *name, int dtype_or_minus1);

// ---- arguments -----------------------------------------------------------------------------
ow_dtype owl_checkdtype(lua_State *L, int idx, const char *fn);
ow_dtype owl_optdtype(lua_State *L, int idx, const char *fn, ow_dtype def);
// Axis of a user (1-based, -1 last) -> 0-based.
int owl_checkaxis(lua_State *L, int idx, const char *fn, int ndim);
int owl_axis(lua_State *L, const char *fn, lua_Integer axis, int ndim);
// Shape given as a table {2,3} at idx, or as integers from idx to the top.
int owl_checkshape(lua_State *L, int idx, const char *fn, int64_t *shape);
lua_Integer owl_checkint(lua_State *L, int idx, const char *fn, const char *name, lua_Integer lo, lua_Integer hi);
double owl_checknum(lua_State *L, int idx, const char *fn, const char *name);
const char *owl_checkstr(lua_State *L, int idx, const char *fn, const char *name);
// Fields of an options table at idx (absent table or field: the default).
double owl_optfield_num(lua_State *L, int idx, const char *fn, const char *name, double def);
lua_Integer owl_optfield_int(lua_State *L, int idx, const char *fn, const char *name, lua_Integer def);
bool owl_optfield_bool(lua_State *L, int idx, const char *fn, const char *name, bool def);
const char *owl_optfield_str(lua_State *L, int idx, const char *fn, const char *name, const char *def);
// Pushes the tensor in field `name` and returns it; NULL (and nothing pushed) when absent.
ow_tensor *owl_optfield_tensor(lua_State *L, int idx, const char *fn, const char *name);
ow_tensor *owl_optfield_any(lua_State *L, int idx, const char *fn, const char *name);  // on any device

// ---- registration --------------------------------------------------------------------------
void owl_methods(lua_State *L, const luaL_Reg *methods);      // into the tensor's method table
void owl_metamethods(lua_State *L, const luaL_Reg *methods);  // into the tensor's metatable

// Raises OW_EINTR if the flag is set; call after a kernel returned OW_EINTR or in Lua-side loops.
void owl_check_interrupt(lua_State *L);
// Called for every error that an interrupt made.
void owl_count_interrupt(lua_State *L);
// Forgets an interrupt: for the top level only, after the interrupted work has ended.
void owl_clear_interrupt(lua_State *L);

int luaopen_orowan_core(lua_State *L);

#endif
