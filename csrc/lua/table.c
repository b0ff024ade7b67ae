// Text tables: io.read_table, io.parse_table, io.write_table.
#include "io/table.h"

#include <stdio.h>
#include <string.h>

#include "base/replace.h"
#include "lua/owlua.h"

#define TABLE "orowan.io.table"
#define WRITER "orowan.io.table_writer"

static int table_gc(lua_State *L) {
  ow_table_free(luaL_checkudata(L, 1, TABLE));
  return 0;
}

// ---- options -------------------------------------------------------------------------------

// columns = {1, "name", ...} at the field: an array in a userdata left on the stack.
static struct ow_table_want *wanted(lua_State *L, int idx, const char *fn, const char *field, int64_t *n, int64_t none) {
  *n = none;
  if (!lua_istable(L, idx) || lua_getfield(L, idx, field) == LUA_TNIL) {
    lua_settop(L, lua_istable(L, idx) ? lua_gettop(L) - 1 : lua_gettop(L));
    lua_pushnil(L);
    return NULL;
  }
  if (lua_type(L, -1) == LUA_TNUMBER || lua_type(L, -1) == LUA_TSTRING) {
    lua_createtable(L, 1, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
  }
  if (!lua_istable(L, -1)) owl_badarg(L, fn, field, "a table of column numbers and names", -1);
  *n = (int64_t)lua_rawlen(L, -1);
  struct ow_table_want *w = lua_newuserdatauv(L, ((size_t)*n + 1) * sizeof *w, 1);
  lua_pushvalue(L, -2);
  lua_setiuservalue(L, -2, 1);  // keeps the names alive
  for (int64_t i = 0; i < *n; i++) {
    w[i].name = NULL;
    if (lua_rawgeti(L, -2, i + 1) == LUA_TSTRING) w[i].name = lua_tostring(L, -1);
    else if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1) w[i].index = lua_tointeger(L, -1) - 1;
    else owl_badarg(L, fn, field, "column numbers (from 1) and names", -1);
    lua_pop(L, 1);
  }
  lua_remove(L, -2);
  return w;
}

static char one_char(lua_State *L, int idx, const char *fn, const char *field, const char *allowed) {
  const char *s = owl_optfield_str(L, idx, fn, field, NULL);
  if (!s) return 0;
  if (!strcmp(s, "whitespace")) s = " ";
  if (strlen(s) != 1 || (allowed && !strchr(allowed, *s)) || strchr("\"\n\r0123456789+-", *s))
    owl_error(L, fn, OW_EARG, "%s: expected %s, got \"%s\"", field, allowed ? "\".\" or \",\"" : "one character or \"whitespace\"", s);
  return *s;
}

static void options(lua_State *L, int idx, const char *fn, ow_table_options *o) {
  memset(o, 0, sizeof *o);
  if (!lua_isnoneornil(L, idx) && !lua_istable(L, idx)) owl_badarg(L, fn, "options", "a table", idx);
  o->delimiter = one_char(L, idx, fn, "delimiter", NULL);
  o->decimal = one_char(L, idx, fn, "decimal", ".,");
  o->header = -1;
  if (lua_istable(L, idx)) {
    if (lua_getfield(L, idx, "header") != LUA_TNIL) o->header = owl_optfield_bool(L, idx, fn, "header", false);
    lua_pop(L, 1);
  }
  const char *missing = owl_optfield_str(L, idx, fn, "missing", "error");
  o->missing_nan = !strcmp(missing, "nan");
  if (!o->missing_nan && strcmp(missing, "error"))
    owl_error(L, fn, OW_EARG, "missing: expected \"nan\" or \"error\", got \"%s\"", missing);
  o->comment = owl_optfield_str(L, idx, fn, "comment", NULL);
  o->skip = owl_optfield_int(L, idx, fn, "skip", 0);
  if (o->skip < 0) owl_error(L, fn, OW_EARG, "skip: expected 0 or more lines, got %lld", (long long)o->skip);
  o->want = wanted(L, idx, fn, "columns", &o->nwant, -1);
  o->text = wanted(L, idx, fn, "text", &o->ntext, 0);
}

// ---- reading -------------------------------------------------------------------------------

static void push_column(lua_State *L, const char *fn, ow_table *t, int64_t c) {
  ow_column *k = &t->col[c];
  ow_err e;
  if (k->kind != OW_COL_TEXT) {
    ow_tensor *u = owl_newtensor(L);
    if (!ow_table_take(t, c, u, &e)) owl_raise(L, fn, &e);
    owl_account(L, u);
    return;
  }
  lua_createtable(L, t->nrow < 1 << 30 ? (int)t->nrow : 0, 0);
  int64_t from = 0;
  for (int64_t i = 0; i < t->nrow; i++) {
    lua_pushlstring(L, k->text.data + from, (size_t)(k->ends[i] - from));
    lua_rawseti(L, -2, i + 1);
    from = k->ends[i];
  }
}

static int push_result(lua_State *L, const char *fn, ow_table *t, const ow_table_options *o) {
  int64_t n = o->nwant < 0 ? t->ncol : o->nwant, col;
  ow_err e;
  lua_createtable(L, 0, 8);
  int out = lua_gettop(L);
  lua_createtable(L, (int)n, 0);  // names, columns
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 0; i < n; i++) {
    if (o->nwant < 0) col = i;
    else if (!ow_table_find(t, &o->want[i], o->name, &col, &e)) return owl_raise(L, fn, &e);
    int64_t before = 0;  // a column asked for twice is one tensor
    for (; before < i && o->nwant >= 0; before++) {
      int64_t other;
      ow_table_find(t, &o->want[before], o->name, &other, &e);
      if (other == col) break;
    }
    lua_pushlstring(L, t->col[col].name, t->col[col].name_len);
    lua_rawseti(L, out + 1, i + 1);
    if (o->nwant >= 0 && before < i) lua_rawgeti(L, out + 2, before + 1);
    else push_column(L, fn, t, col);
    lua_rawseti(L, out + 2, i + 1);
  }
  lua_setfield(L, out, "columns");
  lua_setfield(L, out, "names");
  lua_newtable(L);
  const char *s = t->comments.data, *end = s + t->comments.len;
  for (lua_Integer i = 1; s < end; i++) {
    const char *q = memchr(s, '\n', (size_t)(end - s));
    lua_pushlstring(L, s, (size_t)(q - s));
    lua_rawseti(L, -2, i);
    s = q + 1;
  }
  lua_setfield(L, out, "comments");
  lua_pushlstring(L, &t->delimiter, 1), lua_setfield(L, out, "delimiter");
  lua_pushlstring(L, &t->decimal, 1), lua_setfield(L, out, "decimal");
  lua_pushboolean(L, t->header), lua_setfield(L, out, "header");
  lua_pushinteger(L, t->nrow), lua_setfield(L, out, "rows");
  ow_table_free(t);
  return 1;
}

static int read_from(lua_State *L, const char *fn, bool file) {
  size_t len;
  owl_checkstr(L, 1, fn, file ? "path" : "text");
  const char *s = lua_tolstring(L, 1, &len);
  lua_settop(L, 2);
  ow_table_options o;
  options(L, 2, fn, &o);
  ow_table *t = lua_newuserdatauv(L, sizeof *t, 0);
  memset(t, 0, sizeof *t);
  luaL_setmetatable(L, TABLE);
  ow_err e;
  o.name = file ? s : "text";
  if (!(file ? ow_table_read_file(t, s, &o, &e) : ow_table_read_memory(t, s, len, &o, &e))) {
    if (e.code == OW_EINTR) owl_raise(L, "", &e);
    return owl_nil_err(L, fn, &e);
  }
  return push_result(L, fn, t, &o);
}

static int f_read(lua_State *L) { return read_from(L, "io.read_table", true); }
static int f_parse(lua_State *L) { return read_from(L, "io.parse_table", false); }

// ---- writing -------------------------------------------------------------------------------

// From here on the file is open: nothing may raise before it is committed or thrown away
// (but for memory, where the collector does it).
typedef struct {
  ow_replace file;
  ow_text text;
} writer;

static int writer_gc(lua_State *L) {
  writer *w = luaL_checkudata(L, 1, WRITER);
  ow_replace_abort(&w->file);
  ow_text_free(&w->text);
  return 0;
}

typedef struct { ow_dtype dtype; const char *data; int table; } out_column;  // table: stack index of strings, or 0

static void check_strings(lua_State *L, int idx, const char *fn, const char *name) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, idx);
  for (lua_Integer i = 1; i <= n; i++) {
    int type = lua_rawgeti(L, idx, i);
    if (type != LUA_TSTRING && type != LUA_TNUMBER) owl_badarg(L, fn, name, "strings", -1);
    lua_pop(L, 1);
  }
}

// Puts the columns of argument 2 on the stack, one slot each, contiguous; returns how many.
static int push_columns(lua_State *L, const char *fn, int cols, int64_t *rows) {
  int first = lua_gettop(L) + 1, n;
  ow_tensor *m = owl_totensor(L, cols);
  ow_err e;
  if (m) {
    owl_checktensor(L, cols, fn, "columns");
    if (m->ndim < 1 || m->ndim > 2) owl_error(L, fn, OW_ESHAPE, "columns: expected a tensor of 1 or 2 dimensions, got %d", m->ndim);
    int64_t wide = m->ndim == 2 ? m->shape[1] : 1;
    if (wide > 1 << 16) owl_error(L, fn, OW_ESHAPE, "columns: at most 65536 columns, got %lld", (long long)wide);
    n = (int)wide;
    luaL_checkstack(L, n + 20, "write_table: too many columns");
    for (int c = 0; c < n; c++) {
      ow_tensor v = *m, *u = owl_newtensor(L);
      v.ndim = 1;
      if (m->ndim == 2) v.offset += (size_t)(c * m->stride[1]) * ow_dtype_size(m->dtype);
      if (!ow_tensor_contiguous(u, &v, &e)) owl_raise(L, fn, &e);
    }
  } else {
    if (!lua_istable(L, cols)) owl_badarg(L, fn, "columns", "a table of columns or a tensor", cols);
    size_t count = lua_rawlen(L, cols);
    if (count > 1 << 16) owl_error(L, fn, OW_ESHAPE, "columns: at most 65536 columns, got %zu", count);
    n = (int)count;
    luaL_checkstack(L, n + 20, "write_table: too many columns");
    for (int c = 0; c < n; c++) {
      char name[32];
      snprintf(name, sizeof name, "column %d", c + 1);
      lua_rawgeti(L, cols, c + 1);
      int at = lua_gettop(L);
      if (lua_istable(L, at)) {
        bool text = lua_rawgeti(L, at, 1) == LUA_TSTRING;
        lua_pop(L, 1);
        if (text) { check_strings(L, at, fn, name); continue; }
      }
      ow_tensor *t = owl_pushfromlua(L, at, fn, name, -1);
      if (ow_dtype_is_complex(t->dtype)) owl_error(L, fn, OW_EDTYPE, "%s: complex numbers: write real and imaginary part as two columns", name);
      ow_dtype as = ow_dtype_is_int(t->dtype) ? OW_I64 : t->dtype == OW_F64 ? OW_F64 : OW_F32;
      owl_pusharray(L, -1, fn, name, as, 1);
      lua_replace(L, at);
      lua_settop(L, at);
    }
  }
  *rows = -1;
  for (int c = 0; c < n; c++) {
    ow_tensor *t = owl_totensor(L, first + c);
    int64_t len = t ? t->shape[0] : (int64_t)lua_rawlen(L, first + c);
    if (*rows >= 0 && len != *rows)
      owl_error(L, fn, OW_ESHAPE, "column %d has %lld rows, column 1 has %lld", c + 1, (long long)len, (long long)*rows);
    *rows = len;
  }
  return n;
}

static bool put_number(ow_text *out, const out_column *k, int64_t i, ow_err *e) {
  char b[OW_NUMBER_MAX];
  int n;
  if (k->dtype == OW_I64) n = ow_format_i64(b, ((const int64_t *)k->data)[i]);
  else if (k->dtype == OW_F64) n = ow_format_f64(b, ((const double *)k->data)[i], true);
  else n = ow_format_f32(b, ((const float *)k->data)[i], true);
  return ow_text_put(out, b, (size_t)n, e);
}

// write_table(path, columns, names or nil, delimiter, comment or nil) -> true | nil, err
static int f_write(lua_State *L) {
  const char *fn = "io.write_table", *path = owl_checkstr(L, 1, fn, "path");
  char delim = *owl_checkstr(L, 4, fn, "delimiter");
  size_t comment_len = 0;
  const char *comment = lua_isnoneornil(L, 5) ? NULL : (owl_checkstr(L, 5, fn, "comment"), lua_tolstring(L, 5, &comment_len));
  lua_settop(L, 5);
  writer *w = lua_newuserdatauv(L, sizeof *w, 0);
  memset(w, 0, sizeof *w);
  w->file.fd = -1;
  luaL_setmetatable(L, WRITER);
  ow_err e;
  int64_t rows;
  int first = lua_gettop(L) + 1, n = push_columns(L, fn, 2, &rows);
  if (n == 0) owl_error(L, fn, OW_EARG, "columns: expected at least one");
  if (!lua_isnil(L, 3) && (int)lua_rawlen(L, 3) != n)
    owl_error(L, fn, OW_ESHAPE, "names: expected %d, one a column, got %d", n, (int)lua_rawlen(L, 3));
  if (!lua_isnil(L, 3)) check_strings(L, 3, fn, "names");
  out_column *col = lua_newuserdatauv(L, (size_t)n * sizeof *col, 0);
  for (int c = 0; c < n; c++) {
    ow_tensor *t = owl_totensor(L, first + c);
    col[c] = t ? (out_column){t->dtype, ow_tensor_data(t), 0} : (out_column){OW_U8, NULL, first + c};
    if (t && t->dtype != OW_I64 && t->dtype != OW_F64 && t->dtype != OW_F32) {  // columns of a 2-D tensor
      owl_pusharray(L, first + c, fn, "columns", ow_dtype_is_int(t->dtype) ? OW_I64 : OW_F64, 1);
      lua_replace(L, first + c);
      t = owl_totensor(L, first + c);
      col[c] = (out_column){t->dtype, ow_tensor_data(t), 0};
    }
  }
  if (!ow_replace_begin(&w->file, path, &e)) return owl_nil_err(L, fn, &e);
  bool ok = true;
  for (size_t i = 0; ok && i < comment_len;) {
    const char *q = memchr(comment + i, '\n', comment_len - i);
    size_t len = q ? (size_t)(q - comment) - i : comment_len - i;
    ok = ow_text_puts(&w->text, "# ", &e) && ow_text_put(&w->text, comment + i, len, &e) && ow_text_putc(&w->text, '\n', &e);
    i += len + 1;
  }
  for (int64_t i = lua_isnil(L, 3) ? 0 : -1; ok && i < rows; i++) {
    for (int c = 0; ok && c < n; c++) {
      if (c) ok = ow_text_putc(&w->text, delim, &e);
      if (!ok) break;
      if (i >= 0 && !col[c].table) { ok = put_number(&w->text, &col[c], i, &e); continue; }
      size_t len;
      lua_rawgeti(L, i < 0 ? 3 : col[c].table, i < 0 ? c + 1 : i + 1);
      const char *s = lua_tolstring(L, -1, &len);
      ok = ow_table_put_text(&w->text, s, len, delim, &e);
      lua_pop(L, 1);
    }
    if (ok) ok = ow_text_putc(&w->text, '\n', &e);
    if (ok && (w->text.len > (1 << 20) || i + 1 == rows)) {
      if (ow_interrupted()) ok = OW_FAIL(&e, OW_EINTR, "interrupted");
      if (ok) ok = ow_replace_write(&w->file, w->text.data, w->text.len, &e);
      w->text.len = 0;
    }
  }
  if (ok && w->text.len) ok = ow_replace_write(&w->file, w->text.data, w->text.len, &e);
  if (ok) ok = ow_replace_commit(&w->file, &e);
  ow_replace_abort(&w->file);
  ow_text_free(&w->text);
  if (!ok && e.code == OW_EINTR) return owl_raise(L, "", &e);
  if (!ok) return owl_nil_err(L, fn, &e);
  lua_pushboolean(L, 1);
  return 1;
}

static void gc_type(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

int ow_open_table(lua_State *L) {
  static const luaL_Reg funcs[] = {{"read", f_read}, {"parse", f_parse}, {"write", f_write}, {NULL, NULL}};
  gc_type(L, TABLE, table_gc);
  gc_type(L, WRITER, writer_gc);
  luaL_newlib(L, funcs);
  return 1;
}
