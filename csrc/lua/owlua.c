#include "lua/owlua.h"
#include "lua/scope.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERR_META "orowan.error"

// ---- errors --------------------------------------------------------------------------------

static int err_tostring(lua_State *L) {
  lua_getfield(L, 1, "message");
  lua_getfield(L, 1, "hint");
  if (lua_isstring(L, -1) && *lua_tostring(L, -1)) lua_pushfstring(L, "%s (%s)", lua_tostring(L, -2), lua_tostring(L, -1));
  else lua_pop(L, 1);
  return 1;
}

void owl_push_err(lua_State *L, const char *fn, const ow_err *e) {
  lua_createtable(L, 0, 4);
  if (fn && *fn) lua_pushfstring(L, "%s: %s", fn, e->msg);
  else lua_pushstring(L, e->msg);
  lua_setfield(L, -2, "message");
  lua_pushstring(L, ow_code_name(e->code));
  lua_setfield(L, -2, "code");
  lua_pushstring(L, e->hint);
  lua_setfield(L, -2, "hint");
  if (e->file) {
    lua_pushfstring(L, "%s:%d", e->file, e->line);
    lua_setfield(L, -2, "where");
  }
  if (luaL_newmetatable(L, ERR_META)) {
    lua_pushcfunction(L, err_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushstring(L, ERR_META);
    lua_setfield(L, -2, "__name");
  }
  lua_setmetatable(L, -2);
}

int owl_raise(lua_State *L, const char *fn, const ow_err *e) {
  if (e->code == OW_EINTR) owl_count_interrupt(L);
  owl_push_err(L, fn, e);
  // The place in the user's code: the innermost Lua line above this C function.
  for (int level = 1; level < 8; level++) {
    luaL_where(L, level);
    size_t n;
    const char *w = lua_tolstring(L, -1, &n);
    if (n > 2) {
      lua_pushlstring(L, w, n - 2);
      lua_setfield(L, -3, "traceback_line");
      lua_pop(L, 1);
      break;
    }
    lua_pop(L, 1);
  }
  return lua_error(L);
}

int owl_error(lua_State *L, const char *fn, ow_code code, const char *fmt, ...) {
  ow_err e;
  char msg[sizeof e.msg];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(msg, sizeof msg, fmt, ap);
  va_end(ap);
  OW_FAIL(&e, code, "%s", msg);
  e.file = NULL;
  return owl_raise(L, fn, &e);
}

int owl_nil_err(lua_State *L, const char *fn, const ow_err *e) {
  lua_pushnil(L);
  owl_push_err(L, fn, e);
  return 2;
}

int owl_badarg(lua_State *L, const char *fn, const char *name, const char *expected, int idx) {
  const char *got = luaL_typename(L, idx);
  char buf[64];
  if (lua_type(L, idx) == LUA_TNUMBER) {
    snprintf(buf, sizeof buf, "%.14g", lua_tonumber(L, idx));
    got = buf;
  } else if (lua_type(L, idx) == LUA_TSTRING) {
    snprintf(buf, sizeof buf, "\"%.40s\"", lua_tostring(L, idx));
    got = buf;
  } else if (lua_isnone(L, idx)) got = "nothing";
  else if (owl_totensor(L, idx)) got = "a tensor";
  return owl_error(L, fn, OW_EARG, "%s: expected %s, got %s", name, expected, got);
}

void owl_check_interrupt(lua_State *L) {
  if (ow_interrupted()) owl_error(L, "", OW_EINTR, "interrupted");
}

// ---- tensors -------------------------------------------------------------------------------

ow_tensor *owl_newtensor(lua_State *L) {
  ow_tensor *t = lua_newuserdatauv(L, sizeof *t, 0);
  memset(t, 0, sizeof *t);
  luaL_setmetatable(L, OWL_TENSOR);
  if (owl_scopes) owl_scope_note(L);
  return t;
}

void owl_account(lua_State *L, const ow_tensor *t) {
  // Lua counts 150 bytes for a tensor of a gigabyte: step its collector for what it cannot see.
  static size_t pending = 0;
  if (t->storage->refs == 1) pending += t->storage->bytes;
  if (pending > (size_t)8 << 20) {
    pending = 0;
    lua_gc(L, LUA_GCSTEP, 0);
    ow_alloc_stats_t s = ow_alloc_stats();
    static uint64_t live = 64u << 20;  // full cycle when what is in use has doubled
    if (s.in_use > 2 * live) {
      lua_gc(L, LUA_GCCOLLECT, 0);
      s = ow_alloc_stats();
      live = s.in_use > (64u << 20) ? s.in_use : 64u << 20;
    }
  }
}

ow_tensor *owl_pushnew(lua_State *L, const char *fn, ow_dtype dtype, int ndim, const int64_t *shape) {
  ow_tensor *t = owl_newtensor(L);
  ow_err e;
  if (!ow_tensor_new(t, dtype, ndim, shape, &e)) owl_raise(L, fn, &e);
  owl_account(L, t);
  return t;
}

ow_tensor *owl_totensor(lua_State *L, int idx) { return luaL_testudata(L, idx, OWL_TENSOR); }

ow_tensor *owl_anytensor(lua_State *L, int idx, const char *fn, const char *name) {
  ow_tensor *t = owl_totensor(L, idx);
  if (!t) owl_badarg(L, fn, name, "a tensor", idx);
  if (!t->storage) owl_error(L, fn, OW_EARG, "%s: this tensor was closed", name);
  return t;
}

ow_tensor *owl_checktensor(lua_State *L, int idx, const char *fn, const char *name) {
  ow_tensor *t = owl_anytensor(L, idx, fn, name);
  ow_err e;
  if (!ow_need_host(t, &e)) owl_raise(L, fn, &e);
  return t;
}

ow_tensor *owl_tohost(lua_State *L, const char *fn, const ow_tensor *t) {
  ow_err e;
  ow_tensor *r = owl_newtensor(L);
  if (!ow_tensor_to(r, t, OW_CPU, &e)) owl_raise(L, fn, &e);
  owl_account(L, r);
  return r;
}

// Nested table -> shape; all leaves must be numbers, all rows of one length.
static int table_shape(lua_State *L, int idx, const char *fn, const char *name, int64_t *shape) {
  int ndim = 0;
  lua_pushvalue(L, idx);
  int top = lua_gettop(L);
  while (lua_istable(L, -1)) {
    if (ndim == OW_MAXDIM) owl_error(L, fn, OW_ESHAPE, "%s: nested deeper than %d", name, OW_MAXDIM);
    shape[ndim++] = (int64_t)lua_rawlen(L, -1);
    lua_rawgeti(L, -1, 1);
  }
  lua_settop(L, top - 1);
  return ndim;
}

typedef struct {
  lua_State *L;
  const char *fn, *name;
  const int64_t *shape;
  int ndim;
  ow_tensor *t;      // NULL in the survey pass
  bool all_int, small;
  char *out;
} fill_state;

static void fill(fill_state *f, int depth) {
  lua_State *L = f->L;
  if (depth == f->ndim) {
    if (lua_type(L, -1) == LUA_TNUMBER) {
      if (!f->t) { if (!lua_isinteger(L, -1)) f->all_int = false; return; }
      if (f->t->dtype == OW_I64) {
        *(int64_t *)f->out = lua_tointeger(L, -1);
        f->out += 8;
      } else {
        *(double *)f->out = lua_tonumber(L, -1);
        f->out += 8;
      }
      return;
    }
    if (lua_isboolean(L, -1) && f->ndim >= 0) {
      if (!f->t) return;
      if (f->t->dtype == OW_I64) *(int64_t *)f->out = lua_toboolean(L, -1);
      else *(double *)f->out = lua_toboolean(L, -1);
      f->out += 8;
      return;
    }
    owl_badarg(L, f->fn, f->name, lua_istable(L, -1) ? "rows of equal depth" : "numbers in the table", -1);
  }
  if (!lua_istable(L, -1)) owl_badarg(L, f->fn, f->name, "a nested table of numbers with rows of equal depth", -1);
  int64_t n = (int64_t)lua_rawlen(L, -1);
  if (n != f->shape[depth])
    owl_error(L, f->fn, OW_ESHAPE, "%s: ragged table: a row at depth %d has %lld items, the first has %lld", f->name,
              depth + 1, (long long)n, (long long)f->shape[depth]);
  luaL_checkstack(L, 2, "nested table");
  for (int64_t i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, i);
    fill(f, depth + 1);
    lua_pop(L, 1);
  }
}

ow_tensor *owl_pushfromlua(lua_State *L, int idx, const char *fn, const char *name, int dtype) {
  idx = lua_absindex(L, idx);
  if (owl_totensor(L, idx)) {
    ow_tensor *src = owl_checktensor(L, idx, fn, name);
    if (dtype < 0 || src->dtype == (ow_dtype)dtype) { lua_pushvalue(L, idx); return src; }
    ow_tensor *t = owl_newtensor(L);
    ow_err e;
    if (!ow_tensor_cast(t, src, (ow_dtype)dtype, false, &e)) owl_raise(L, fn, &e);
    owl_account(L, t);
    return t;
  }
  if (!lua_istable(L, idx) && lua_type(L, idx) != LUA_TNUMBER && !lua_isboolean(L, idx))
    owl_badarg(L, fn, name, "a tensor, a table of numbers or a number", idx);
  int64_t shape[OW_MAXDIM];
  int ndim = table_shape(L, idx, fn, name, shape);
  // Rows may be one table many times over, so a small table can describe a huge tensor.
  size_t count = 1;
  for (int d = 0; d < ndim; d++)
    if (__builtin_mul_overflow(count, (size_t)shape[d], &count) || count > (size_t)1 << 40)
      owl_error(L, fn, OW_EMEM, "%s: a table of more than 2^40 elements", name);
  fill_state f = {.L = L, .fn = fn, .name = name, .shape = shape, .ndim = ndim, .all_int = true};
  lua_pushvalue(L, idx);
  fill(&f, 0);
  lua_pop(L, 1);
  if (count == 0) f.all_int = false;  // an empty table is f64
  ow_tensor *t = owl_pushnew(L, fn, f.all_int ? OW_I64 : OW_F64, ndim, shape);
  f.t = t;
  f.out = ow_tensor_data(t);
  lua_pushvalue(L, idx);
  fill(&f, 0);
  lua_pop(L, 1);
  if (dtype >= 0 && t->dtype != (ow_dtype)dtype) {
    ow_tensor *u = owl_newtensor(L);
    ow_err e;
    if (!ow_tensor_cast(u, t, (ow_dtype)dtype, false, &e)) owl_raise(L, fn, &e);
    owl_account(L, u);
    ow_tensor_close(t);  // ours alone: no need to wait for the collector
    lua_remove(L, -2);
    return u;
  }
  return t;
}

ow_tensor *owl_pusharray(lua_State *L, int idx, const char *fn, const char *name, ow_dtype dtype, int ndim) {
  char buf[160];
  ow_tensor *t = owl_pushfromlua(L, idx, fn, name, dtype);
  if (ndim >= 0 && t->ndim != ndim)
    owl_error(L, fn, OW_ESHAPE, "%s: expected %d dimension%s, got shape %s", name, ndim, ndim == 1 ? "" : "s",
              ow_shape_string(buf, t->ndim, t->shape));
  if (ow_tensor_is_contiguous(t)) return t;
  ow_tensor *u = owl_newtensor(L);
  ow_err e;
  if (!ow_tensor_contiguous(u, t, &e)) owl_raise(L, fn, &e);
  owl_account(L, u);
  lua_remove(L, -2);
  return u;
}

// ---- arguments -----------------------------------------------------------------------------

ow_dtype owl_checkdtype(lua_State *L, int idx, const char *fn) {
  ow_dtype d;
  if (lua_type(L, idx) != LUA_TSTRING || !ow_dtype_from_name(lua_tostring(L, idx), &d))
    owl_badarg(L, fn, "dtype", "one of u8 i32 i64 f32 f64 c64 c128 f16 bf16", idx);
  return d;
}

ow_dtype owl_optdtype(lua_State *L, int idx, const char *fn, ow_dtype def) {
  return lua_isnoneornil(L, idx) ? def : owl_checkdtype(L, idx, fn);
}

int owl_axis(lua_State *L, const char *fn, lua_Integer axis, int ndim) {
  lua_Integer a = axis < 0 ? axis + ndim : axis - 1;
  if (axis == 0 || a < 0 || a >= ndim)
    owl_error(L, fn, OW_EARG, "axis: expected 1..%d or -%d..-1 for a tensor of %d dimensions, got %lld", ndim, ndim,
              ndim, (long long)axis);
  return (int)a;
}

int owl_checkaxis(lua_State *L, int idx, const char *fn, int ndim) {
  if (!lua_isinteger(L, idx)) owl_badarg(L, fn, "axis", "an integer", idx);
  return owl_axis(L, fn, lua_tointeger(L, idx), ndim);
}

int owl_checkshape(lua_State *L, int idx, const char *fn, int64_t *shape) {
  int n = 0;
  if (lua_istable(L, idx)) {
    lua_Unsigned len = lua_rawlen(L, idx);
    if (len > OW_MAXDIM) owl_error(L, fn, OW_ESHAPE, "shape: at most %d dimensions, got %lld", OW_MAXDIM, (long long)len);
    n = (int)len;
    for (int i = 0; i < n; i++) {
      lua_rawgeti(L, idx, i + 1);
      if (!lua_isinteger(L, -1)) owl_badarg(L, fn, "shape", "integers", -1);
      shape[i] = lua_tointeger(L, -1);
      lua_pop(L, 1);
    }
  } else {
    for (int i = idx; i <= lua_gettop(L) && lua_type(L, i) == LUA_TNUMBER; i++) {
      if (n == OW_MAXDIM) owl_error(L, fn, OW_ESHAPE, "shape: at most %d dimensions", OW_MAXDIM);
      if (!lua_isinteger(L, i)) owl_badarg(L, fn, "shape", "integers", i);
      shape[n++] = lua_tointeger(L, i);
    }
    if (n == 0) owl_badarg(L, fn, "shape", "a table {rows, columns, ...} or integers", idx);
  }
  return n;
}

lua_Integer owl_checkint(lua_State *L, int idx, const char *fn, const char *name, lua_Integer lo, lua_Integer hi) {
  int ok;
  lua_Integer v = lua_tointegerx(L, idx, &ok);
  if (!ok || lua_type(L, idx) != LUA_TNUMBER) owl_badarg(L, fn, name, "an integer", idx);
  if (v < lo || v > hi) {
    char buf[80];
    if (hi == LUA_MAXINTEGER) snprintf(buf, sizeof buf, "an integer of at least %lld", (long long)lo);
    else snprintf(buf, sizeof buf, "an integer from %lld to %lld", (long long)lo, (long long)hi);
    owl_badarg(L, fn, name, buf, idx);
  }
  return v;
}

double owl_checknum(lua_State *L, int idx, const char *fn, const char *name) {
  if (lua_type(L, idx) != LUA_TNUMBER) owl_badarg(L, fn, name, "a number", idx);
  return lua_tonumber(L, idx);
}

const char *owl_checkstr(lua_State *L, int idx, const char *fn, const char *name) {
  if (lua_type(L, idx) != LUA_TSTRING) owl_badarg(L, fn, name, "a string", idx);
  return lua_tostring(L, idx);
}

// Pushes the field and returns its type; nil when there is no table.
static int optfield(lua_State *L, int idx, const char *name) {
  if (!lua_istable(L, idx)) { lua_pushnil(L); return LUA_TNIL; }
  return lua_getfield(L, idx, name);
}

double owl_optfield_num(lua_State *L, int idx, const char *fn, const char *name, double def) {
  if (optfield(L, idx, name) != LUA_TNIL) def = owl_checknum(L, -1, fn, name);
  lua_pop(L, 1);
  return def;
}

lua_Integer owl_optfield_int(lua_State *L, int idx, const char *fn, const char *name, lua_Integer def) {
  if (optfield(L, idx, name) != LUA_TNIL) def = owl_checkint(L, -1, fn, name, LUA_MININTEGER, LUA_MAXINTEGER);
  lua_pop(L, 1);
  return def;
}

bool owl_optfield_bool(lua_State *L, int idx, const char *fn, const char *name, bool def) {
  int t = optfield(L, idx, name);
  if (t == LUA_TBOOLEAN) def = lua_toboolean(L, -1);
  else if (t != LUA_TNIL) owl_badarg(L, fn, name, "true or false", -1);
  lua_pop(L, 1);
  return def;
}

const char *owl_optfield_str(lua_State *L, int idx, const char *fn, const char *name, const char *def) {
  if (optfield(L, idx, name) != LUA_TNIL) def = owl_checkstr(L, -1, fn, name);
  lua_pop(L, 1);  // the table keeps the string alive
  return def;
}

ow_tensor *owl_optfield_any(lua_State *L, int idx, const char *fn, const char *name) {
  if (optfield(L, idx, name) == LUA_TNIL) { lua_pop(L, 1); return NULL; }
  return owl_anytensor(L, -1, fn, name);
}

ow_tensor *owl_optfield_tensor(lua_State *L, int idx, const char *fn, const char *name) {
  ow_tensor *t = owl_optfield_any(L, idx, fn, name);
  return t ? owl_checktensor(L, -1, fn, name) : NULL;
}

// ---- registration --------------------------------------------------------------------------

void owl_methods(lua_State *L, const luaL_Reg *methods) {
  luaL_getmetatable(L, OWL_TENSOR);
  lua_getfield(L, -1, "methods");
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 2);
}

void owl_metamethods(lua_State *L, const luaL_Reg *methods) {
  luaL_getmetatable(L, OWL_TENSOR);
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
}
