// orowan.core.api: {version, table (light userdata)} for optional modules.
#include "lua/api.h"

static void *data(const ow_tensor *t) { return ow_tensor_data(t); }
static bool interrupted(void) { return ow_interrupted(); }

static const ow_api table = {OW_API_VERSION, owl_error, owl_raise, ow_fail_at, owl_pusharray, owl_pushnew, data, ow_alloc_array, ow_free, ow_pair_list_build,
                             ow_pair_list_free, interrupted};

int ow_open_api(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, OW_API_VERSION), lua_setfield(L, -2, "version");
  lua_pushlightuserdata(L, (void *)(uintptr_t)&table), lua_setfield(L, -2, "table");
  return 1;
}
