// What `orowan info` and the recipes report: threads, SIMD level, memory, random words,
// the interrupt flag.
#include <string.h>

#include "base/random.h"
#include "lua/owlua.h"
#include "simd/isa.h"

extern char *openblas_get_config(void);
extern char *openblas_get_corename(void);

static int f_threads(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) ow_set_threads((int)owl_checkint(L, 1, "threads", "n", 1, 1024));
  lua_pushinteger(L, ow_threads());
  return 1;
}

static int f_memory(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) ow_alloc_set_budget((uint64_t)owl_checkint(L, 1, "memory", "budget", 0, LUA_MAXINTEGER));
  ow_alloc_stats_t s = ow_alloc_stats();
  lua_createtable(L, 0, 6);
#define FIELD(f) lua_pushinteger(L, (lua_Integer)s.f), lua_setfield(L, -2, #f)
  FIELD(in_use); FIELD(cached); FIELD(peak); FIELD(budget); FIELD(allocations); FIELD(reuses);
#undef FIELD
  return 1;
}

static int f_trim(lua_State *L) {
  (void)L;
  ow_alloc_trim();
  return 0;
}

static int f_build(lua_State *L) {
  lua_createtable(L, 0, 6);
  lua_pushstring(L, ow_simd_name(ow_simd_level())), lua_setfield(L, -2, "simd");
  lua_pushstring(L, openblas_get_config()), lua_setfield(L, -2, "blas");
  lua_pushstring(L, openblas_get_corename()), lua_setfield(L, -2, "blas_core");
  lua_pushinteger(L, ow_blas_threads()), lua_setfield(L, -2, "blas_threads");
  lua_pushstring(L, __VERSION__), lua_setfield(L, -2, "compiler");
  lua_pushboolean(L, OW_ASAN), lua_setfield(L, -2, "sanitized");
  return 1;
}

static int f_philox(lua_State *L) {  // counter (4 words), key (2 words) -> 4 words
  uint32_t v[6], out[4];
  for (int i = 0; i < 6; i++) v[i] = (uint32_t)owl_checkint(L, i + 1, "philox", "word", 0, UINT32_MAX);
  ow_philox4x32(v, v[4], v[5], out);
  for (int i = 0; i < 4; i++) lua_pushinteger(L, out[i]);
  return 4;
}

static int f_interrupted(lua_State *L) {
  lua_pushboolean(L, ow_interrupted());
  return 1;
}

static int f_clear_interrupt(lua_State *L) {
  owl_clear_interrupt(L);
  return 0;
}

static int f_interrupt(lua_State *L) {
  (void)L;
  ow_interrupt_raise();
  return 0;
}

// f, ... -> its results; an interrupt waits until it has returned.
static int f_uninterrupted(lua_State *L) {
  luaL_checkany(L, 1);
  ow_interrupt_hold();
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  ow_interrupt_release();
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

// handler, f, ... -> ok, interrupted, results or the handled error. An interrupt is over when
// this returns: clearing it in Lua would need instructions that may be interrupted themselves.
static int f_guard(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checkany(L, 2);
  bool ok = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1) == LUA_OK, interrupted = ow_interrupted();
  if (interrupted) owl_clear_interrupt(L);
  lua_pushboolean(L, ok);
  lua_replace(L, 1);
  lua_pushboolean(L, interrupted);
  lua_insert(L, 2);
  return lua_gettop(L);
}

// As guard, for a session inside `uninterrupted`: interrupts reach f.
static int f_exposed(lua_State *L) {
  int holds = ow_interrupt_expose(), n = f_guard(L);
  ow_interrupt_cover(holds);
  return n;
}

static int f_forget_interrupt(lua_State *L) {
  (void)L;
  ow_interrupt_forget();
  return 0;
}

int ow_open_system(lua_State *L) {
  static const luaL_Reg funcs[] = {{"threads", f_threads}, {"memory", f_memory}, {"trim", f_trim}, {"build", f_build},
                                   {"philox", f_philox}, {"interrupted", f_interrupted},
                                   {"clear_interrupt", f_clear_interrupt}, {"guard", f_guard}, {"interrupt", f_interrupt},
                                   {"uninterrupted", f_uninterrupted}, {"exposed", f_exposed},
                                   {"forget_interrupt", f_forget_interrupt}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
