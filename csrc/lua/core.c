// orowan.core: a table with one entry for each binding file. Also the things that must be
// in place before user code: the interrupt hook and the allocator's way to collect garbage.
#include "lua/owlua.h"
#include "simd/isa.h"

#include <pthread.h>

#define OW_MODULE(name) int ow_open_##name(lua_State *L);
#include "modules.h"
#undef OW_MODULE

static const luaL_Reg modules[] = {
#define OW_MODULE(name) {#name, ow_open_##name},
#include "modules.h"
#undef OW_MODULE
    {NULL, NULL}};

static lua_State *collector_state;  // main thread of the state that collects
static pthread_t collector_thread;

static void collect(void) {
  if (collector_state && pthread_equal(pthread_self(), collector_thread)) lua_gc(collector_state, LUA_GCCOLLECT, 0);
}

// Raises as long as the flag is set. The first errors leave closing code time to clean up;
// when the flag is still there after them, someone swallows them (a loop around a pcall):
// from then on every instruction raises, in this coroutine and in the main one.
// Errors of interrupted kernels count too, since a loop of few instructions around kernels and a
// pcall would else go on for thousands of rounds; closing code may raise some of these itself.
enum { HOOK_COUNT = 10000, GRACE = 3, KERNEL_GRACE = 50 };
static int raised, kernels_raised;

static void on_count(lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (!ow_interrupted()) {
    if (lua_gethookcount(L) != HOOK_COUNT) lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_COUNT);
    return;
  }
  if (++raised >= GRACE) {
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    if (collector_state && lua_gethook(collector_state) == on_count) lua_sethook(collector_state, on_count, LUA_MASKCOUNT, 1);
  }
  owl_error(L, "", OW_EINTR, "interrupted");
}

void owl_count_interrupt(lua_State *L) {
  if (!ow_interrupted() || ++kernels_raised < KERNEL_GRACE) return;
  raised = GRACE;
  if (lua_gethook(L) == on_count) lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
  if (collector_state && lua_gethook(collector_state) == on_count) lua_sethook(collector_state, on_count, LUA_MASKCOUNT, 1);
}

void owl_clear_interrupt(lua_State *L) {
  ow_interrupt_clear();
  raised = kernels_raised = 0;
  if (lua_gethook(L) == on_count) lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_COUNT);
}

static int forget_state(lua_State *L) {
  (void)L;
  collector_state = NULL;
  return 0;
}

int luaopen_orowan_core(lua_State *L) {
  luaL_checkversion(L);
  if (ow_simd_complaint()) return luaL_error(L, "%s", ow_simd_complaint());
  if (ow_alloc_complaint()) return luaL_error(L, "%s", ow_alloc_complaint());
  lua_newtable(L);
  luaL_newmetatable(L, OWL_TENSOR);
  if (lua_getfield(L, -1, "methods") == LUA_TNIL) {
    lua_newtable(L);
    lua_setfield(L, -3, "methods");
  }
  lua_pop(L, 2);
  for (const luaL_Reg *m = modules; m->name; m++) {
    lua_pushcfunction(L, m->func);
    lua_call(L, 0, 1);
    lua_setfield(L, -2, m->name);
  }
  lua_pushstring(L, OW_VERSION);
  lua_setfield(L, -2, "version");

  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  collector_state = lua_tothread(L, -1);
  collector_thread = pthread_self();
  lua_pop(L, 1);
  ow_alloc_set_collector(collect);
  lua_newtable(L);  // forgets the state when it closes
  lua_newtable(L);
  lua_pushcfunction(L, forget_state);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, "orowan.state");

  ow_interrupt_install();
  if (!lua_gethook(L)) lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_COUNT);
  return 1;
}
