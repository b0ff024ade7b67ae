// Devices in Lua: core.device. Names are "cpu" and "opencl:N"; the layer below is opened by the
// first question about it.
#include <stdlib.h>
#include <string.h>

#include "lua/owlua.h"
#include "opencl/device.h"

static int chosen = -1;  // device number; -1: OROWAN_DEVICE has not been read

static int check_device(lua_State *L, int idx, const char *fn) {
  int device;
  ow_err e;
  if (!ow_cl_find(owl_checkstr(L, idx, fn, "name"), &device, &e)) owl_raise(L, fn, &e);
  return device;
}

static int check_opencl(lua_State *L, int idx, const char *fn) {
  int device = check_device(L, idx, fn);
  if (device <= OW_CPU) owl_error(L, fn, OW_EARG, "name: expected an OpenCL device, got \"cpu\"");
  return device;
}

// device([name]): the device that programs are asked to use; with a name it becomes that one.
static int f_device(lua_State *L) {
  ow_err e;
  if (!lua_isnoneornil(L, 1)) {
    int device = check_device(L, 1, "device");
    if (device > OW_CPU && !ow_cl_open(device, &e)) return owl_raise(L, "device", &e);
    chosen = device;
  } else if (chosen < 0) {
    const char *env = getenv("OROWAN_DEVICE");
    int device = OW_CPU;
    if (env && *env && (!ow_cl_find(env, &device, &e) || (device > OW_CPU && !ow_cl_open(device, &e))))
      return owl_raise(L, "OROWAN_DEVICE", &e);
    chosen = device;
  }
  lua_pushstring(L, ow_device_name(chosen));
  return 1;
}

// list() -> {{name=, ...}, ...}, why there is none
static int f_list(lua_State *L) {
  const char *why;
  int n = ow_cl_count(&why);
  lua_createtable(L, n, 0);
  for (int k = 1; k <= n; k++) {
    ow_cl_info i;
    ow_err e;
    if (!ow_cl_describe(k, &i, &e)) return owl_raise(L, "list", &e);
    lua_createtable(L, 0, 20);
#define STRING(f) lua_pushstring(L, i.f), lua_setfield(L, -2, #f)
#define INTEGER(f) lua_pushinteger(L, (lua_Integer)i.f), lua_setfield(L, -2, #f)
    lua_pushstring(L, ow_device_name(k)), lua_setfield(L, -2, "device");
    STRING(name); STRING(platform); STRING(version); STRING(driver);
    INTEGER(memory); INTEGER(largest); INTEGER(local); INTEGER(in_use); INTEGER(cached); INTEGER(units); INTEGER(group);
    INTEGER(launches); INTEGER(uploads); INTEGER(upload_bytes); INTEGER(reads); INTEGER(read_bytes);
    lua_pushboolean(L, i.f64), lua_setfield(L, -2, "f64");
    lua_pushboolean(L, i.processor), lua_setfield(L, -2, "processor");
    lua_pushboolean(L, i.open), lua_setfield(L, -2, "open");
    lua_pushboolean(L, i.lost), lua_setfield(L, -2, "lost");
    lua_rawseti(L, -2, k);
  }
  if (n) return 1;
  lua_pushstring(L, why);
  return 2;
}

static int f_finish(lua_State *L) {
  ow_err e;
  int device = check_opencl(L, 1, "finish");
  if (!ow_cl_finish(device, &e)) return owl_raise(L, "finish", &e);
  return 0;
}

static int f_trim(lua_State *L) {
  ow_cl_trim(check_opencl(L, 1, "trim"));
  return 0;
}

// memory(name, budget in bytes; 0: what the device has)
static int f_memory(lua_State *L) {
  int device = check_opencl(L, 1, "memory");
  ow_cl_set_budget(device, (uint64_t)owl_checkint(L, 2, "memory", "budget", 0, LUA_MAXINTEGER));
  return 0;
}

// inject(name, code): the next command fails with this OpenCL code (specs).
static int f_inject(lua_State *L) {
  int device = check_opencl(L, 1, "inject");
  ow_cl_inject(device, (int)owl_checkint(L, 2, "inject", "code", INT32_MIN, 0));
  return 0;
}

// processor(name, yes): from now on it is treated as a processor, or as a GPU (specs).
static int f_processor(lua_State *L) {
  int device = check_opencl(L, 1, "processor");
  ow_cl_set_processor(device, lua_toboolean(L, 2));
  return 0;
}

int ow_open_device(lua_State *L) {
  static const luaL_Reg funcs[] = {{"device", f_device}, {"list", f_list}, {"finish", f_finish}, {"trim", f_trim},
                                   {"memory", f_memory}, {"inject", f_inject}, {"processor", f_processor}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
