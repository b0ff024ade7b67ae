// HDF5 files as userdata. Reading gives nil, err; writing raises, since a lost result must
// not pass unseen. The probe of unknown files is driven by lua/orowan/io.lua.
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/h5.h"
#include "lua/owlua.h"

#define FILE_META "orowan.h5"
#define STRINGS "orowan.h5.strings"
#define KNOWN "orowan.h5.known"

static ow_h5 *check_any(lua_State *L) { return luaL_checkudata(L, 1, FILE_META); }

static ow_h5 *check_file(lua_State *L, const char *fn) {
  ow_h5 *h = luaL_testudata(L, 1, FILE_META);
  if (!h) owl_badarg(L, fn, "self", "an HDF5 file (call it with a colon)", 1);
  if (h->id <= 0) owl_error(L, fn, OW_EARG, "%s: this file was closed", h->path);
  return h;
}

static const char *check_name(lua_State *L, int idx, const char *fn, const char *what) {
  size_t n;
  owl_checkstr(L, idx, fn, what);
  const char *s = lua_tolstring(L, idx, &n);
  if (strlen(s) != n) owl_error(L, fn, OW_EARG, "%s: a name in HDF5 cannot hold a zero byte", what);
  return s;
}

static int read_failed(lua_State *L, const char *fn, const ow_err *e) {
  return e->code == OW_EINTR ? owl_raise(L, "", e) : owl_nil_err(L, fn, e);
}
static int write_failed(lua_State *L, const char *fn, const ow_err *e) {
  return owl_raise(L, e->code == OW_EINTR ? "" : fn, e);
}

// Strings on their way out, freed whatever happens.
typedef struct { ow_text text; int64_t *ends, n; } strings;
static int strings_gc(lua_State *L) {
  strings *s = luaL_checkudata(L, 1, STRINGS);
  ow_text_free(&s->text);
  ow_free(s->ends);
  s->ends = NULL;
  return 0;
}
static strings *new_strings(lua_State *L) {
  strings *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  luaL_setmetatable(L, STRINGS);
  return s;
}

// ---- life cycle ----------------------------------------------------------------------------

// open(path, "r"|"w"|"a") -> file | nil, err
static int f_open(lua_State *L) {
  const char *fn = "io.h5_open", *path = check_name(L, 1, fn, "path"), *mode = luaL_optstring(L, 2, "r");
  if (strlen(mode) != 1 || !strchr("rwa", *mode)) return owl_badarg(L, fn, "mode", "\"r\", \"w\" or \"a\"", 2);
  ow_h5 *h = lua_newuserdatauv(L, sizeof *h, 0);
  memset(h, 0, sizeof *h);
  h->file.fd = -1;
  luaL_setmetatable(L, FILE_META);
  ow_err e;
  if (!ow_h5_open(h, path, *mode, &e)) return read_failed(L, fn, &e);
  return 1;
}

// Files that went through the probe or come from this process are known by device, inode,
// size and times: such a file need not be probed again.
static bool push_stamp(lua_State *L, const char *path) {
  struct stat st;
  char b[160];
  if (stat(path, &st)) return false;
  snprintf(b, sizeof b, "%llu %llu %lld %lld.%ld %lld.%ld", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
           (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
  lua_pushstring(L, b);
  return true;
}

static void remember(lua_State *L, const char *path) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, KNOWN);
  if (push_stamp(L, path)) {
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
  }
  lua_pop(L, 1);
}

static int h_close(lua_State *L) {
  ow_h5 *h = check_any(L);
  bool written = h->id > 0 && h->writable;
  ow_err e;
  if (!ow_h5_close(h, true, &e)) return write_failed(L, "close", &e);
  if (written) remember(L, h->file.path);
  return 0;
}

static int h_discard(lua_State *L) {
  ow_err e;
  if (!ow_h5_close(check_any(L), false, &e)) return write_failed(L, "discard", &e);
  return 0;
}

// Forgotten by its owner: what was written was never finished.
static int h_gc(lua_State *L) {
  ow_err ignored;
  ow_h5_close(check_any(L), false, &ignored);
  return 0;
}

// `local f <close>`: kept at a normal end of the block, thrown away after an error.
static int h_toclose(lua_State *L) { return lua_isnoneornil(L, 2) ? h_close(L) : h_gc(L); }

static int h_tostring(lua_State *L) {
  ow_h5 *h = check_any(L);
  lua_pushfstring(L, "HDF5 file %s (%s)", h->path, h->id <= 0 ? "closed" : h->writable ? "writing" : "reading");
  return 1;
}

static int h_path(lua_State *L) {
  lua_pushstring(L, check_any(L)->path);
  return 1;
}

// ---- reading -------------------------------------------------------------------------------

static int push_strings(lua_State *L, const char *fn, ow_h5 *h, const char *name, const char *key, bool one) {
  strings *s = new_strings(L);
  ow_err e;
  if (!ow_h5_read_strings(h, name, key, &s->text, &s->ends, &s->n, &e)) return read_failed(L, fn, &e);
  if (one) {
    lua_pushlstring(L, s->text.data, s->text.len);
    return 1;
  }
  lua_createtable(L, s->n < 1 << 26 ? (int)s->n : 0, 0);
  int64_t from = 0;
  for (int64_t i = 0; i < s->n; i++) {
    lua_pushlstring(L, s->text.data + from, (size_t)(s->ends[i] - from));
    lua_rawseti(L, -2, i + 1);
    from = s->ends[i];
  }
  return 1;
}

static int push_value(lua_State *L, const char *fn, ow_h5 *h, const char *name, const char *key, const int64_t *first, const int64_t *count) {
  ow_h5_info info;
  ow_err e;
  if (!ow_h5_describe(h, name, key, &info, &e)) return read_failed(L, fn, &e);
  if (info.cls == OW_H5_STRINGS || info.cls == OW_H5_BYTES) {
    if (first || count) return owl_error(L, fn, OW_EARG, "first, count: strings are read as a whole");
    return push_strings(L, fn, h, name, key, info.scalar);
  }
  if (info.cls == OW_H5_OTHER || info.cls == OW_H5_GROUP) {
    OW_FAIL(&e, OW_EDTYPE, "%s: \"%s\" is %s", h->path, key ? key : name, info.cls == OW_H5_GROUP ? "a group" : "of a type that is not supported");
    return owl_nil_err(L, fn, &e);
  }
  ow_tensor *t = owl_newtensor(L), got;
  if (!ow_h5_read(h, name, key, first, count, &got, &e)) return read_failed(L, fn, &e);
  *t = got;
  owl_account(L, t);
  if (!info.scalar || ow_dtype_is_complex(info.dtype)) return 1;
  if (info.cls == OW_H5_BOOLS) {
    lua_pushboolean(L, *(uint8_t *)ow_tensor_data(t));
    return 1;
  }
  ow_tensor *v = owl_newtensor(L);
  bool whole = ow_dtype_is_int(info.dtype);
  if (!ow_tensor_cast(v, t, whole ? OW_I64 : OW_F64, true, &e)) return owl_raise(L, fn, &e);
  if (whole) lua_pushinteger(L, *(int64_t *)ow_tensor_data(v));
  else lua_pushnumber(L, *(double *)ow_tensor_data(v));
  return 1;
}

// An integer or a table of integers in a field; returns how many, 0 when absent.
static int sizes_field(lua_State *L, int idx, const char *fn, const char *name, int64_t *out) {
  int n = 0;
  if (!lua_istable(L, idx) || lua_getfield(L, idx, name) == LUA_TNIL) {
    if (lua_istable(L, idx)) lua_pop(L, 1);
    return 0;
  }
  if (lua_isinteger(L, -1)) out[n++] = lua_tointeger(L, -1);
  else {
    if (!lua_istable(L, -1)) owl_badarg(L, fn, name, "an integer or a table of integers, one an axis", -1);
    lua_Integer len = (lua_Integer)lua_rawlen(L, -1);
    if (len < 1 || len > OW_MAXDIM) owl_error(L, fn, OW_EARG, "%s: expected 1 to %d integers, got %lld", name, OW_MAXDIM, (long long)len);
    for (; n < len; n++) {
      lua_rawgeti(L, -1, n + 1);
      if (!lua_isinteger(L, -1)) owl_badarg(L, fn, name, "integers", -1);
      out[n] = lua_tointeger(L, -1);
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
  return n;
}

static void known_options(lua_State *L, int idx, const char *fn, const char *const *names) {
  if (lua_isnoneornil(L, idx)) return;
  if (!lua_istable(L, idx)) owl_badarg(L, fn, "options", "a table", idx);
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    bool ok = false;
    for (const char *const *n = names; *n && lua_type(L, -2) == LUA_TSTRING; n++) ok |= !strcmp(*n, lua_tostring(L, -2));
    if (!ok) owl_error(L, fn, OW_EARG, "unknown option %s", luaL_tolstring(L, -2, NULL));
  }
}

// read(name [, {first=, count=}]) -> value | nil, err
static int h_read(lua_State *L) {
  static const char *const names[] = {"first", "count", NULL};
  ow_h5 *h = check_file(L, "read");
  const char *name = check_name(L, 2, "read", "name");
  lua_settop(L, 3);
  known_options(L, 3, "read", names);
  int64_t first[OW_MAXDIM], count[OW_MAXDIM];
  int nf = sizes_field(L, 3, "read", "first", first), nc = sizes_field(L, 3, "read", "count", count);
  if (nf || nc) {
    ow_h5_info info;
    ow_err e;
    if (!ow_h5_describe(h, name, NULL, &info, &e)) return read_failed(L, "read", &e);
    if ((nf && nf > info.ndim) || (nc && nc > info.ndim))
      return owl_error(L, "read", OW_ESHAPE, "\"%s\" has %d dimensions; first and count have at most one entry for each", name, info.ndim);
    for (int i = 0; i < nf; i++) {
      if (first[i] < 1) return owl_error(L, "read", OW_EARG, "first: counts from 1, got %lld", (long long)first[i]);
      first[i]--;
    }
    for (int i = 0; i < nc; i++)
      if (count[i] < -1) return owl_error(L, "read", OW_EARG, "count: expected 0 or more, or -1 for the rest, got %lld", (long long)count[i]);
    for (int i = nf; i < OW_MAXDIM; i++) first[i] = 0;
    for (int i = nc; i < OW_MAXDIM; i++) count[i] = -1;
  }
  return push_value(L, "read", h, name, NULL, nf || nc ? first : NULL, nf || nc ? count : NULL);
}

static int push_names(lua_State *L, const char *fn, ow_h5 *h, const char *name, bool attributes) {
  strings *s = new_strings(L);
  ow_err e;
  if (!ow_h5_list(h, name, attributes, &s->text, &e)) return read_failed(L, fn, &e);
  lua_newtable(L);
  const char *p = s->text.data, *end = p + s->text.len;
  for (lua_Integer i = 1; p < end; p += strlen(p) + 1, i++) {
    lua_pushstring(L, p);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

// list([group]) -> names | nil, err
static int h_list(lua_State *L) {
  ow_h5 *h = check_file(L, "list");
  return push_names(L, "list", h, lua_isnoneornil(L, 2) ? "/" : check_name(L, 2, "list", "group"), false);
}

// attrs([name]) -> table of all attributes | nil, err
static int h_attrs(lua_State *L) {
  ow_h5 *h = check_file(L, "attrs");
  const char *name = lua_isnoneornil(L, 2) ? "/" : check_name(L, 2, "attrs", "name");
  lua_settop(L, 2);
  int got = push_names(L, "attrs", h, name, true);
  if (got == 2) return 2;
  int keys = lua_gettop(L), n = (int)lua_rawlen(L, -1);
  lua_newtable(L);
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, keys, i);
    int top = lua_gettop(L);
    if (push_value(L, "attrs", h, name, lua_tostring(L, top), NULL, NULL) == 2) return 2;
    lua_pushvalue(L, top);
    lua_insert(L, -2);
    lua_rawset(L, keys + 1);
    lua_settop(L, keys + 1);
  }
  return 1;
}

static void push_sizes(lua_State *L, int n, const int64_t *v) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_pushinteger(L, v[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

// info(name) -> {kind=, dtype=, shape=, chunk=, bytes=, growable=} | nil, err
static int h_info(lua_State *L) {
  static const char *const kinds[] = {"numbers", "strings", "booleans", "bytes", "group", "other"};
  ow_h5 *h = check_file(L, "info");
  const char *name = check_name(L, 2, "info", "name");
  ow_h5_info info;
  ow_err e;
  if (!ow_h5_describe(h, name, NULL, &info, &e)) return read_failed(L, "info", &e);
  lua_createtable(L, 0, 6);
  lua_pushstring(L, kinds[info.cls]), lua_setfield(L, -2, "kind");
  if (info.cls == OW_H5_GROUP) return 1;
  if (info.cls == OW_H5_NUMBERS || info.cls == OW_H5_BOOLS) lua_pushstring(L, ow_dtype_name(info.dtype)), lua_setfield(L, -2, "dtype");
  push_sizes(L, info.ndim, info.shape), lua_setfield(L, -2, "shape");
  if (info.chunk_ndim) push_sizes(L, info.chunk_ndim, info.chunk), lua_setfield(L, -2, "chunk");
  lua_pushinteger(L, info.stored), lua_setfield(L, -2, "bytes");
  lua_pushboolean(L, info.growable), lua_setfield(L, -2, "growable");
  return 1;
}

static int h_exists(lua_State *L) {
  ow_h5 *h = check_file(L, "exists");
  const char *name = check_name(L, 2, "exists", "name");
  lua_pushboolean(L, ow_h5_exists(h, name, lua_isnoneornil(L, 3) ? NULL : check_name(L, 3, "exists", "key")));
  return 1;
}

// ---- writing -------------------------------------------------------------------------------

static void layout(lua_State *L, int idx, const char *fn, ow_h5_layout *l) {
  static const char *const names[] = {"chunk", "compress", "checksum", NULL};
  memset(l, 0, sizeof *l);
  known_options(L, idx, fn, names);
  if (!lua_istable(L, idx)) return;
  if (lua_getfield(L, idx, "chunk") == LUA_TBOOLEAN) l->chunked = lua_toboolean(L, -1);
  else l->chunk_ndim = sizes_field(L, idx, fn, "chunk", l->chunk);
  lua_pop(L, 1);
  if (lua_getfield(L, idx, "compress") == LUA_TBOOLEAN) l->compress = lua_toboolean(L, -1) ? 4 : 0;
  else if (!lua_isnil(L, -1)) l->compress = (int)owl_checkint(L, -1, fn, "compress", 0, 9);
  lua_pop(L, 1);
  l->checksum = owl_optfield_bool(L, idx, fn, "checksum", false);
}

static void write_value(lua_State *L, const char *fn, ow_h5 *h, const char *name, const char *key, int idx, const ow_h5_layout *l) {
  ow_err e;
  bool ok;
  idx = lua_absindex(L, idx);
  bool list = false;
  if (lua_istable(L, idx)) {
    list = lua_rawgeti(L, idx, 1) == LUA_TSTRING;
    lua_pop(L, 1);
  }
  if (lua_type(L, idx) == LUA_TSTRING || list) {
    lua_Integer n = list ? (lua_Integer)lua_rawlen(L, idx) : 1;
    const char **s = lua_newuserdatauv(L, (size_t)n * sizeof *s, 0);
    size_t *len = lua_newuserdatauv(L, (size_t)n * sizeof *len, 0);
    for (lua_Integer i = 0; i < n; i++) {
      if (list) lua_rawgeti(L, idx, i + 1);
      else lua_pushvalue(L, idx);
      if (lua_type(L, -1) != LUA_TSTRING) owl_badarg(L, fn, "value", "strings in the list", -1);
      s[i] = lua_tolstring(L, -1, &len[i]);
      lua_pop(L, 1);  // the list keeps it alive
    }
    ok = ow_h5_write_strings(h, name, key, s, len, n, !list, &e);
  } else if (lua_isboolean(L, idx)) {
    ok = ow_h5_write_bool(h, name, key, lua_toboolean(L, idx), &e);
  } else {
    if (!lua_istable(L, idx) && lua_type(L, idx) != LUA_TNUMBER && !owl_totensor(L, idx))
      owl_badarg(L, fn, "value", "a tensor, number, boolean, string, list of strings or nested table of numbers", idx);
    ow_tensor *t = owl_pushfromlua(L, idx, fn, "value", -1);
    ok = ow_h5_write(h, name, key, t, l, &e);
  }
  if (!ok) write_failed(L, fn, &e);
}

// write(name, value [, {chunk=, compress=, checksum=}]) -> file
static int h_write(lua_State *L) {
  ow_h5 *h = check_file(L, "write");
  const char *name = check_name(L, 2, "write", "name");
  ow_h5_layout l;
  lua_settop(L, 4);
  layout(L, 4, "write", &l);
  write_value(L, "write", h, name, NULL, 3, &l);
  lua_settop(L, 1);
  return 1;
}

// append(name, tensor [, {chunk=, compress=, checksum=}]) -> file
static int h_append(lua_State *L) {
  ow_h5 *h = check_file(L, "append");
  const char *name = check_name(L, 2, "append", "name");
  ow_h5_layout l;
  lua_settop(L, 4);
  layout(L, 4, "append", &l);
  ow_tensor *t = owl_pushfromlua(L, 3, "append", "rows", -1);
  ow_err e;
  if (!ow_h5_append(h, name, t, &l, &e)) return write_failed(L, "append", &e);
  lua_settop(L, 1);
  return 1;
}

// attr(name, key) -> value | nil, err;  attr(name, key, value) -> file
static int h_attr(lua_State *L) {
  ow_h5 *h = check_file(L, "attr");
  const char *name = check_name(L, 2, "attr", "name"), *key = check_name(L, 3, "attr", "key");
  if (lua_isnoneornil(L, 4)) return push_value(L, "attr", h, name, key, NULL, NULL);
  write_value(L, "attr", h, name, key, 4, NULL);
  lua_settop(L, 1);
  return 1;
}

static int h_group(lua_State *L) {
  ow_h5 *h = check_file(L, "group");
  ow_err e;
  if (!ow_h5_group(h, check_name(L, 2, "group", "name"), &e)) return write_failed(L, "group", &e);
  lua_settop(L, 1);
  return 1;
}

static int h_remove(lua_State *L) {
  ow_h5 *h = check_file(L, "remove");
  const char *name = check_name(L, 2, "remove", "name");
  ow_err e;
  if (!ow_h5_remove(h, name, lua_isnoneornil(L, 3) ? NULL : check_name(L, 3, "remove", "key"), &e)) return write_failed(L, "remove", &e);
  lua_settop(L, 1);
  return 1;
}

// ---- the probe, in a process of its own ----------------------------------------------------

// probe(path, seconds) -> true | nil, err
static int f_probe(lua_State *L) {
  const char *path = check_name(L, 1, "probe", "path");
  ow_err e;
  if (!ow_h5_probe(path, owl_checknum(L, 2, "probe", "seconds"), &e)) return read_failed(L, "", &e);
  lua_pushboolean(L, 1);
  return 1;
}

static int f_remember(lua_State *L) {
  remember(L, check_name(L, 1, "remember", "path"));
  return 0;
}

static int f_known(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, KNOWN);
  bool yes = push_stamp(L, check_name(L, 1, "known", "path")) && lua_rawget(L, -2) != LUA_TNIL;
  lua_pushboolean(L, yes);
  return 1;
}

// The program that runs us, or nil where the system does not tell.
static int f_executable(lua_State *L) {
  char b[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", b, sizeof b);
  if (n <= 0) return 0;
  lua_pushlstring(L, b, (size_t)n);
  return 1;
}

static int f_library(lua_State *L) {
  lua_pushstring(L, ow_h5_library());
  return 1;
}

int ow_open_hdf5(lua_State *L) {
  static const luaL_Reg funcs[] = {{"open", f_open}, {"probe", f_probe}, {"library", f_library},
                                   {"remember", f_remember}, {"known", f_known}, {"executable", f_executable}, {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__gc", h_gc}, {"__close", h_toclose}, {"__tostring", h_tostring}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"close", h_close}, {"discard", h_discard}, {"read", h_read}, {"write", h_write}, {"append", h_append},
      {"attr", h_attr}, {"attrs", h_attrs}, {"list", h_list}, {"info", h_info}, {"exists", h_exists},
      {"group", h_group}, {"remove", h_remove}, {"path", h_path}, {NULL, NULL}};
  luaL_newmetatable(L, STRINGS);
  lua_pushcfunction(L, strings_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newmetatable(L, FILE_META);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, funcs);
  return 1;
}
