// JSON text <-> Lua values. The reader and the output buffer live in userdata, so that an
// error raised by Lua (memory, a bad value) frees them.
#include "io/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/owlua.h"

#define READER "orowan.json.reader"
#define TEXT "orowan.json.text"
#define ARRAY "orowan.json.array"
#define NULL_KEY "orowan.json.null"

static int reader_gc(lua_State *L) {
  ow_json_free(luaL_checkudata(L, 1, READER));
  return 0;
}

static int text_gc(lua_State *L) {
  ow_text_free(luaL_checkudata(L, 1, TEXT));
  return 0;
}

static int null_tostring(lua_State *L) {
  lua_pushliteral(L, "null");
  return 1;
}

// ---- decode --------------------------------------------------------------------------------

// One open container on the Lua stack is (table, key or next index); `null` sits at null_idx.
static void put_value(lua_State *L, int base) {
  if (lua_gettop(L) == base + 1) return;  // the whole document
  if (lua_type(L, -2) == LUA_TNUMBER) {   // array: table, index, value
    lua_Integer i = lua_tointeger(L, -2);
    lua_rawseti(L, -3, i);
    lua_pop(L, 1);
    lua_pushinteger(L, i + 1);
  } else {
    lua_rawset(L, -3);
  }
}

// json.decode(s [, {null=value}]) -> value | nil, err
static int f_decode(lua_State *L) {
  size_t n;
  if (lua_type(L, 1) != LUA_TSTRING) owl_badarg(L, "json.decode", "s", "a string", 1);
  const char *s = lua_tolstring(L, 1, &n);
  lua_settop(L, 2);
  if (lua_istable(L, 2) && lua_getfield(L, 2, "null") != LUA_TNIL) lua_replace(L, 2);
  else {
    lua_settop(L, 2);
    lua_getfield(L, LUA_REGISTRYINDEX, NULL_KEY);
    lua_replace(L, 2);
  }
  ow_json_reader *r = lua_newuserdatauv(L, sizeof *r, 0);
  ow_json_init(r, s, n);
  luaL_setmetatable(L, READER);
  ow_err e;
  const int base = 3;
  for (unsigned count = 1;; count++) {
    if (!(count & 4095)) owl_check_interrupt(L);
    luaL_checkstack(L, 8, "json.decode");
    ow_json_token t = ow_json_next(r, &e);
    switch (t) {
      case OW_JSON_ERROR: ow_json_free(r); return owl_nil_err(L, "json.decode", &e);
      case OW_JSON_END: ow_json_free(r); return 1;
      case OW_JSON_OBJECT: lua_newtable(L); continue;
      case OW_JSON_ARRAY:
        lua_newtable(L);
        luaL_setmetatable(L, ARRAY);
        lua_pushinteger(L, 1);
        continue;
      case OW_JSON_KEY: lua_pushlstring(L, r->text, r->text_len); continue;
      case OW_JSON_ARRAY_END: lua_pop(L, 1); break;
      case OW_JSON_OBJECT_END: break;
      case OW_JSON_STRING: lua_pushlstring(L, r->text, r->text_len); break;
      case OW_JSON_INT: lua_pushinteger(L, r->number.i); break;
      case OW_JSON_FLOAT: lua_pushnumber(L, r->number.f); break;
      case OW_JSON_TRUE: lua_pushboolean(L, 1); break;
      case OW_JSON_FALSE: lua_pushboolean(L, 0); break;
      case OW_JSON_NULL: lua_pushvalue(L, 2); break;
    }
    put_value(L, base);
  }
}

// ---- encode --------------------------------------------------------------------------------

typedef struct {
  lua_State *L;
  ow_text *out;
  int indent, depth;
  unsigned count;
  struct { const char *key; size_t len; lua_Integer index; } path[OW_JSON_DEPTH];  // key NULL: index
} encoder;

static void check(encoder *c, bool ok, const ow_err *e) {
  if (!ok) owl_raise(c->L, "json.encode", e);
}
#define PUT(call) do { ow_err e_; e_.msg[0] = 0; check(c, (call), &e_); } while (0)
#define OUT(s) PUT(ow_text_puts(c->out, (s), &e_))

// Where in the value the culprit sits: value.results[3].name
static void bad_value(encoder *c, const char *what) {
  char where[200];
  size_t n = (size_t)snprintf(where, sizeof where, "value");
  for (int d = 0; d < c->depth && n < sizeof where - 48; d++) {
    char key[40];
    if (c->path[d].key)
      n += (size_t)snprintf(where + n, sizeof where - n, ".%s", ow_quote(key, sizeof key, c->path[d].key, c->path[d].len));
    else n += (size_t)snprintf(where + n, sizeof where - n, "[%lld]", (long long)c->path[d].index);
  }
  owl_error(c->L, "json.encode", OW_EARG, "%s: %s", where, what);
}

static void newline(encoder *c, int depth) {
  if (!c->indent) return;
  PUT(ow_text_putc(c->out, '\n', &e_));
  PUT(ow_text_fill(c->out, ' ', (size_t)(c->indent * depth), &e_));
}

static void encode(encoder *c);

// True when all items of the array on top are short (no tables): such a row stays on one line.
static bool flat_array(lua_State *L, lua_Integer n) {
  for (lua_Integer i = 1; i <= n; i++) {
    int t = lua_rawgeti(L, -1, i);
    lua_pop(L, 1);
    if (t == LUA_TTABLE || t == LUA_TUSERDATA) return false;
  }
  return true;
}

static void encode_array(encoder *c, lua_Integer n) {
  lua_State *L = c->L;
  bool flat = !c->indent || flat_array(L, n);
  OUT("[");
  c->depth++;
  for (lua_Integer i = 1; i <= n; i++) {
    if (i > 1) OUT(c->indent && flat ? ", " : ",");
    if (!flat) newline(c, c->depth);
    c->path[c->depth - 1].key = NULL;
    c->path[c->depth - 1].index = i;
    lua_rawgeti(L, -1, i);
    encode(c);
    lua_pop(L, 1);
  }
  c->depth--;
  if (!flat && n) newline(c, c->depth);
  OUT("]");
}

typedef struct { const char *s; size_t n; } key_ref;
static int by_bytes(const void *pa, const void *pb) {
  const key_ref *a = pa, *b = pb;
  int d = memcmp(a->s, b->s, a->n < b->n ? a->n : b->n);
  return d ? d : (a->n > b->n) - (a->n < b->n);
}

static void encode_object(encoder *c, size_t n) {
  lua_State *L = c->L;
  int t = lua_gettop(L);
  key_ref *keys = lua_newuserdatauv(L, (n ? n : 1) * sizeof *keys, 0);
  size_t k = 0;
  for (lua_pushnil(L); lua_next(L, t); lua_pop(L, 1), k++) keys[k].s = lua_tolstring(L, -2, &keys[k].n);
  qsort(keys, n, sizeof *keys, by_bytes);
  OUT("{");
  c->depth++;
  for (k = 0; k < n; k++) {
    if (k) OUT(",");
    newline(c, c->depth);
    c->path[c->depth - 1].key = keys[k].s;
    c->path[c->depth - 1].len = keys[k].n;
    PUT(ow_json_quote(c->out, keys[k].s, keys[k].n, &e_));
    OUT(c->indent ? ": " : ":");
    lua_pushlstring(L, keys[k].s, keys[k].n);
    lua_rawget(L, t);
    encode(c);
    lua_pop(L, 1);
  }
  c->depth--;
  if (n) newline(c, c->depth);
  OUT("}");
  lua_settop(L, t);
}

static void encode_table(encoder *c) {
  lua_State *L = c->L;
  if (c->depth >= OW_JSON_DEPTH) {
    c->depth = 4;
    bad_value(c, "nested deeper than 512 (does it contain itself?)");
  }
  luaL_checkstack(L, 12, "json.encode");
  bool is_array = false;
  if (lua_getmetatable(L, -1)) {
    luaL_getmetatable(L, ARRAY);
    is_array = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  size_t strings = 0, others = 0;
  lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING) strings++;
    else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= n) others++;
    else bad_value(c, "a table has keys 1..n or strings; this one has another key, or a hole");
  }
  if (others != (size_t)n) bad_value(c, "an array has a hole (nil); use json.null there");
  if (strings && (n || is_array)) bad_value(c, "a table with both 1..n and string keys is neither array nor object");
  if (n || is_array) encode_array(c, n);
  else encode_object(c, strings);
}

static void encode(encoder *c) {
  lua_State *L = c->L;
  if (!(++c->count & 4095)) owl_check_interrupt(L);
  switch (lua_type(L, -1)) {
    case LUA_TNIL: OUT("null"); return;
    case LUA_TBOOLEAN: OUT(lua_toboolean(L, -1) ? "true" : "false"); return;
    case LUA_TNUMBER:
      if (lua_isinteger(L, -1)) {
        char b[OW_NUMBER_MAX];
        PUT(ow_text_put(c->out, b, (size_t)ow_format_i64(b, lua_tointeger(L, -1)), &e_));
      } else PUT(ow_json_f64(c->out, lua_tonumber(L, -1), &e_));
      return;
    case LUA_TSTRING: {
      size_t n;
      const char *s = lua_tolstring(L, -1, &n);
      PUT(ow_json_quote(c->out, s, n, &e_));
      return;
    }
    case LUA_TTABLE: encode_table(c); return;
    case LUA_TUSERDATA:
      lua_getfield(L, LUA_REGISTRYINDEX, NULL_KEY);
      bool null = lua_rawequal(L, -1, -2);
      lua_pop(L, 1);
      if (null) { OUT("null"); return; }
      if (owl_totensor(L, -1)) {
        owl_checktensor(L, -1, "json.encode", "value");
        luaL_checkstack(L, 4, "json.encode");
        lua_getfield(L, -1, "totable");
        lua_pushvalue(L, -2);
        lua_call(L, 1, 1);
        if (lua_istable(L, -1)) luaL_setmetatable(L, ARRAY);  // an empty tensor is []
        encode(c);
        lua_pop(L, 1);
        return;
      }
      // fall through
    default: {
      char what[80];
      snprintf(what, sizeof what, "a %s cannot be written as JSON", luaL_typename(L, -1));
      bad_value(c, what);
    }
  }
}

// json.encode(value [, {indent=n}]) -> string
static int f_encode(lua_State *L) {
  luaL_checkany(L, 1);
  lua_Integer indent = owl_optfield_int(L, 2, "json.encode", "indent", 0);
  if (indent < 0 || indent > 16) owl_error(L, "json.encode", OW_EARG, "indent: expected 0 to 16, got %lld", (long long)indent);
  lua_settop(L, 1);
  ow_text *out = lua_newuserdatauv(L, sizeof *out, 0);
  memset(out, 0, sizeof *out);
  luaL_setmetatable(L, TEXT);
  encoder *c = lua_newuserdatauv(L, sizeof *c, 0);
  memset(c, 0, sizeof *c);
  c->L = L;
  c->out = out;
  c->indent = (int)indent;
  lua_pushvalue(L, 1);
  encode(c);
  lua_pushlstring(L, out->data, out->len);
  ow_text_free(out);
  return 1;
}

// json.array([t]) -> t, marked: it is written as [...] even when empty
static int f_array(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  } else if (!lua_istable(L, 1)) owl_badarg(L, "json.array", "t", "a table", 1);
  lua_settop(L, 1);
  luaL_getmetatable(L, ARRAY);
  if (lua_getmetatable(L, 1)) {
    if (!lua_rawequal(L, -1, -2)) owl_error(L, "json.array", OW_EARG, "t: the table has a metatable of its own");
    lua_pop(L, 1);
  }
  lua_setmetatable(L, 1);
  return 1;
}

static int f_is_array(lua_State *L) {
  bool yes = false;
  if (lua_istable(L, 1) && lua_getmetatable(L, 1)) {
    luaL_getmetatable(L, ARRAY);
    yes = lua_rawequal(L, -1, -2);
  }
  lua_pushboolean(L, yes);
  return 1;
}

static void gc_type(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

int ow_open_json(lua_State *L) {
  static const luaL_Reg funcs[] = {
      {"decode", f_decode}, {"encode", f_encode}, {"array", f_array}, {"is_array", f_is_array}, {NULL, NULL}};
  gc_type(L, READER, reader_gc);
  gc_type(L, TEXT, text_gc);
  luaL_newmetatable(L, ARRAY);
  lua_pop(L, 1);
  luaL_newlib(L, funcs);
  if (lua_getfield(L, LUA_REGISTRYINDEX, NULL_KEY) == LUA_TNIL) {  // one null for all loads of the module
    lua_pop(L, 1);
    lua_newuserdatauv(L, 0, 0);
    lua_newtable(L);
    lua_pushcfunction(L, null_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, NULL_KEY);
  }
  lua_setfield(L, -2, "null");
  return 1;
}
