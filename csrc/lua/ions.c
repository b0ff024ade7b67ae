// Atom probe files: core.ions.open(path, {format, partial}) -> file | nil, err; methods
//   f:info() -> {path, format, version, n, trailing, notes..., columns = {{name, unit, dtype}}}
//   f:read({names}, first, count) -> tensor [count, #names], or [count] for one name
//   f:close()
#include "io/ions.h"

#include <stdlib.h>
#include <string.h>

#include "lua/owlua.h"

#define IONS_META "orowan.ions"

static ow_ions *check(lua_State *L) {
  ow_ions *f = luaL_checkudata(L, 1, IONS_META);
  if (f->fd < 0) owl_error(L, "ions", OW_EARG, "the file is closed");
  return f;
}

static int f_close(lua_State *L) {
  ow_ions *f = luaL_checkudata(L, 1, IONS_META);
  if (f->path) ow_ions_close(f);
  return 0;
}

static int f_open(lua_State *L) {
  const char *fn = "apt.open", *path = owl_checkstr(L, 1, fn, "path");
  lua_settop(L, 2);
  const char *format = owl_optfield_str(L, 2, fn, "format", NULL);
  bool partial = owl_optfield_bool(L, 2, fn, "partial", false);
  ow_ions *f = lua_newuserdatauv(L, sizeof *f, 0);
  memset(f, 0, sizeof *f);
  f->fd = -1;
  luaL_setmetatable(L, IONS_META);
  ow_err e;
  if (!ow_ions_open(f, path, format, partial, &e)) return e.code == OW_EINTR ? owl_raise(L, "", &e) : owl_nil_err(L, fn, &e);
  return 1;
}

static const char *dtype_of(const ow_ions_column *c) {
  return c->type != 'f' && c->scale == 1 ? "i64" : c->type == 'f' && c->size == 8 ? "f64" : "f32";
}

static int f_info(lua_State *L) {
  ow_ions *f = check(L);
  lua_createtable(L, 0, 10);
  lua_pushstring(L, f->path), lua_setfield(L, -2, "path");
  lua_pushstring(L, f->format), lua_setfield(L, -2, "format");
  lua_pushinteger(L, f->version), lua_setfield(L, -2, "version");
  lua_pushinteger(L, f->n), lua_setfield(L, -2, "n");
  lua_pushinteger(L, f->trailing), lua_setfield(L, -2, "trailing");
  lua_pushboolean(L, f->foreign_order), lua_setfield(L, -2, "foreign_order");
  lua_pushboolean(L, f->volts), lua_setfield(L, -2, "volts");
  lua_createtable(L, f->ncol, 0);
  for (int c = 0; c < f->ncol; c++) {
    lua_createtable(L, 0, 3);
    lua_pushstring(L, f->col[c].name), lua_setfield(L, -2, "name");
    lua_pushstring(L, f->col[c].unit), lua_setfield(L, -2, "unit");
    lua_pushstring(L, dtype_of(&f->col[c])), lua_setfield(L, -2, "dtype");
    lua_rawseti(L, -2, c + 1);
  }
  lua_setfield(L, -2, "columns");
  return 1;
}

static int f_read(lua_State *L) {
  const char *fn = "ions:read";
  ow_ions *f = check(L);
  lua_settop(L, 4);
  if (!lua_istable(L, 2)) return owl_badarg(L, fn, "columns", "a table of column names", 2);
  int cols[OW_IONS_MAXCOL], k = (int)lua_rawlen(L, 2);
  if (k < 1 || k > OW_IONS_MAXCOL) return owl_error(L, fn, OW_EARG, "columns: expected 1 to %d names, got %d", OW_IONS_MAXCOL, k);
  const char *dtype = NULL;
  for (int j = 0; j < k; j++) {
    lua_rawgeti(L, 2, j + 1);
    const char *name = owl_checkstr(L, -1, fn, "columns");
    cols[j] = ow_ions_find(f, name);
    if (cols[j] < 0) return owl_error(L, fn, OW_EARG, "%s: no column \"%s\" in a .%s file", f->path, name, f->format);
    const char *d = dtype_of(&f->col[cols[j]]);
    if (dtype && strcmp(d, dtype))
      return owl_error(L, fn, OW_EDTYPE, "column %s is %s, those before it %s: read them one by one", name, d, dtype);
    dtype = d;
    lua_pop(L, 1);
  }
  lua_Integer first = lua_isnil(L, 3) ? 1 : owl_checkint(L, 3, fn, "first", 1, f->n + 1);
  lua_Integer count = lua_isnil(L, 4) ? f->n - first + 1 : owl_checkint(L, 4, fn, "count", 0, f->n - first + 1);
  int64_t shape[2] = {count, k};
  ow_dtype type = !strcmp(dtype, "i64") ? OW_I64 : !strcmp(dtype, "f64") ? OW_F64 : OW_F32;
  ow_tensor *t = owl_pushnew(L, fn, type, k == 1 ? 1 : 2, shape);
  ow_err e;
  if (!ow_ions_read(f, k, cols, first - 1, count, t, &e)) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return 1;
}

// write_pos(path, xyz [n,3], mass [n])
static int f_write(lua_State *L) {
  const char *fn = "apt.write_pos", *path = owl_checkstr(L, 1, fn, "path");
  lua_settop(L, 3);
  ow_tensor *xyz = owl_pusharray(L, 2, fn, "positions", OW_F32, 2), *mass = owl_pusharray(L, 3, fn, "mass", OW_F32, 1);
  if (xyz->shape[1] != 3 || xyz->shape[0] != mass->shape[0] || !mass->shape[0])
    return owl_error(L, fn, OW_ESHAPE, "expected positions [n,3] and mass [n] with n > 0, got [%d,%d] and [%d]", (int)xyz->shape[0],
                     (int)xyz->shape[1], (int)mass->shape[0]);
  ow_err e;
  if (!ow_ions_write_pos(path, xyz, mass, &e)) return e.code == OW_EIO ? owl_nil_err(L, fn, &e) : owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  lua_pushboolean(L, 1);
  return 1;
}

int ow_open_ions(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", f_close}, {"__close", f_close}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"info", f_info}, {"read", f_read}, {"close", f_close}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"open", f_open}, {"write_pos", f_write}, {NULL, NULL}};
  if (luaL_newmetatable(L, IONS_META)) {
    luaL_setfuncs(L, meta, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
  luaL_newlib(L, funcs);
  return 1;
}
