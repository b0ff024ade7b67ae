// orowan.core.plot: numbers of a figure as the binary records that gnuplot reads, with the
// ranges that the layout needs, and contour lines. Used by lua/orowan/plot only.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "geometry/contour.h"
#include "lua/owlua.h"

typedef struct { double min, max, minpos; int64_t missing, nonpos; } range;

static void look(range *r, double v) {
  if (!isfinite(v)) { r->missing++; return; }
  if (v < r->min) r->min = v;
  if (v > r->max) r->max = v;
  if (v > 0) { if (v < r->minpos) r->minpos = v; } else r->nonpos++;
}

static void push_range(lua_State *L, const range *r) {
  lua_createtable(L, 0, 5);
  lua_pushnumber(L, r->min), lua_setfield(L, -2, "min");
  lua_pushnumber(L, r->max), lua_setfield(L, -2, "max");
  lua_pushnumber(L, r->minpos), lua_setfield(L, -2, "minpos");
  lua_pushinteger(L, r->missing), lua_setfield(L, -2, "missing");
  lua_pushinteger(L, r->nonpos), lua_setfield(L, -2, "nonpos");
}

// pack(fn, {name, column, name, column, ...}) -> string of rows of f64, rows, ranges.
// A column is a 1-D tensor, a table, or one number for all rows. Infinity becomes NaN (a gap).
static int f_pack(lua_State *L) {
  enum { MAX = 12 };
  const char *fn = owl_checkstr(L, 1, "pack", "fn"), *first = NULL;
  luaL_checktype(L, 2, LUA_TTABLE);
  int k = (int)lua_rawlen(L, 2) / 2;
  if (k < 1 || k > MAX) return owl_error(L, fn, OW_EARG, "1 to %d columns", MAX);
  const double *col[MAX];
  double constant[MAX];
  range r[MAX];
  int64_t n = -1;
  luaL_checkstack(L, 3 * MAX, fn);
  for (int j = 0; j < k; j++) {
    lua_rawgeti(L, 2, 2 * j + 1);
    const char *name = owl_checkstr(L, -1, fn, "name");
    r[j] = (range){INFINITY, -INFINITY, INFINITY, 0, 0};
    if (lua_rawgeti(L, 2, 2 * j + 2) == LUA_TNUMBER) {
      constant[j] = lua_tonumber(L, -1);
      col[j] = NULL;
      continue;
    }
    ow_tensor *t = owl_totensor(L, -1);
    if (t && ow_dtype_is_complex(t->dtype))
      return owl_error(L, fn, OW_EDTYPE, "%s: expected real numbers, got %s", name, ow_dtype_name(t->dtype));
    t = owl_pusharray(L, -1, fn, name, OW_F64, 1);
    if (t->shape[0] == 0) return owl_error(L, fn, OW_ESHAPE, "%s: is empty", name);
    if (n >= 0 && t->shape[0] != n)
      return owl_error(L, fn, OW_ESHAPE, "%s has %lld values, %s has %lld", first, (long long)n, name, (long long)t->shape[0]);
    if (n < 0) n = t->shape[0], first = name;
    col[j] = ow_tensor_data(t);
  }
  if (n < 0) n = 1;
  luaL_Buffer b;
  double *out = (double *)luaL_buffinitsize(L, &b, (size_t)n * (size_t)k * sizeof *out);
  for (int64_t i = 0; i < n; i++)
    for (int j = 0; j < k; j++) {
      double v = col[j] ? col[j][i] : constant[j];
      look(&r[j], v);
      *out++ = isfinite(v) ? v : NAN;
    }
  luaL_pushresultsize(&b, (size_t)n * (size_t)k * sizeof *out);
  lua_pushinteger(L, n);
  lua_createtable(L, k, 0);
  for (int j = 0; j < k; j++) {
    push_range(L, &r[j]);
    lua_rawseti(L, -2, j + 1);
  }
  return 3;
}

// image(fn, t) -> string, height, width, channels, range. One channel: f64; three: u8.
static int f_image(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "image", "fn");
  char buf[160];
  range r = {INFINITY, -INFINITY, INFINITY, 0, 0};
  lua_settop(L, 2);
  ow_tensor *t = owl_totensor(L, 2);
  if (t && ow_dtype_is_complex(t->dtype))
    return owl_error(L, fn, OW_EDTYPE, "image: expected real numbers, got %s (take its absolute value)", ow_dtype_name(t->dtype));
  t = owl_pushfromlua(L, 2, fn, "image", -1);
  bool rgb = t->ndim == 3 && t->shape[2] == 3;
  if (t->ndim != 2 && !rgb)
    return owl_error(L, fn, OW_ESHAPE, "image: expected height x width, or height x width x 3, got %s", ow_shape_string(buf, t->ndim, t->shape));
  int64_t n = ow_tensor_numel(t), h = t->shape[0], w = t->shape[1];
  if (n == 0) return owl_error(L, fn, OW_ESHAPE, "image: is empty (%s)", ow_shape_string(buf, t->ndim, t->shape));
  t = owl_pusharray(L, -1, fn, "image", rgb ? OW_U8 : OW_F64, t->ndim);
  if (rgb) lua_pushlstring(L, ow_tensor_data(t), (size_t)n);
  else {
    const double *p = ow_tensor_data(t);
    luaL_Buffer b;
    double *out = (double *)luaL_buffinitsize(L, &b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++) {
      look(&r, p[i]);
      out[i] = isfinite(p[i]) ? p[i] : NAN;
    }
    luaL_pushresultsize(&b, (size_t)n * sizeof *out);
  }
  lua_pushinteger(L, h);
  lua_pushinteger(L, w);
  lua_pushinteger(L, rgb ? 3 : 1);
  push_range(L, &r);
  return 5;
}

// thin(rows of x, y, x0, x1, log, columns) -> the rows that a line needs on so many columns of
// pixels from x0 to x1: of those that fall on one, the first, the lowest, the highest and the
// last. Nothing can be seen of it. nil when x does not ascend.
typedef struct { int64_t first, low, high, last; } column;

static void put_row(luaL_Buffer *b, const double *xy, int64_t i, int64_t *done) {
  if (i <= *done) return;
  luaL_addlstring(b, (const char *)(xy + 2 * i), 2 * sizeof *xy);
  *done = i;
}

static int f_thin(lua_State *L) {
  size_t bytes;
  const char *raw = luaL_checklstring(L, 1, &bytes);
  double x0 = luaL_checknumber(L, 2), x1 = luaL_checknumber(L, 3), columns = luaL_checknumber(L, 5);
  bool is_log = lua_toboolean(L, 4);
  int64_t n = (int64_t)(bytes / (2 * sizeof(double))), done = -1;
  lua_settop(L, 1);
  double *xy = lua_newuserdatauv(L, bytes + 1, 0);  // aligned, unlike the string
  memcpy(xy, raw, bytes);
  double scale = columns / (is_log ? log(x1) - log(x0) : x1 - x0), before = -INFINITY, at = NAN;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  column c = {-1, -1, -1, -1};
  for (int64_t i = 0; i <= n; i++) {
    double x = i < n ? xy[2 * i] : NAN, y = i < n ? xy[2 * i + 1] : NAN;
    bool gap = isnan(x) || isnan(y);
    double where = NAN;
    if (!gap) {
      if (x < before) return lua_pushnil(L), 1;
      before = x;
      where = floor(scale * (is_log ? log(x) - log(x0) : x - x0));
      where = where < 0 ? -1 : where > columns ? columns + 1 : where;  // all that lies outside is one column
    }
    if (c.first >= 0 && where != at) {
      put_row(&b, xy, c.first, &done);
      put_row(&b, xy, c.low < c.high ? c.low : c.high, &done);
      put_row(&b, xy, c.low < c.high ? c.high : c.low, &done);
      put_row(&b, xy, c.last, &done);
      c.first = -1;
    }
    at = where;
    if (gap) {
      if (i < n && (i == 0 || !(isnan(xy[2 * i - 2]) || isnan(xy[2 * i - 1])))) put_row(&b, xy, i, &done);
      continue;
    }
    if (c.first < 0) c = (column){i, i, i, i};
    c.last = i;
    if (y < xy[2 * c.low + 1]) c.low = i;
    if (y > xy[2 * c.high + 1]) c.high = i;
  }
  luaL_pushresult(&b);
  return 1;
}

// contour(fn, z, x, y, level) -> string of pairs of f64 (NaN between lines), pairs, lines
static int f_contour(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "contour", "fn");
  ow_tensor *z = owl_pusharray(L, 2, fn, "z", OW_F64, 2);
  ow_tensor *x = owl_pusharray(L, 3, fn, "x", OW_F64, 1), *y = owl_pusharray(L, 4, fn, "y", OW_F64, 1);
  if (x->shape[0] != z->shape[1] || y->shape[0] != z->shape[0])
    return owl_error(L, fn, OW_ESHAPE, "z is %lldx%lld but y has %lld values and x has %lld", (long long)z->shape[0],
                     (long long)z->shape[1], (long long)y->shape[0], (long long)x->shape[0]);
  double level = owl_checknum(L, 5, fn, "level");
  ow_contour c;
  ow_err e;
  ow_tensor *hold = owl_newtensor(L);  // owns the pairs while the string is made
  if (!ow_contour_lines(&c, ow_tensor_data(z), z->shape[0], z->shape[1], ow_tensor_data(x), ow_tensor_data(y), level, &e))
    return owl_raise(L, fn, &e);
  size_t bytes = (size_t)c.points * 2 * sizeof *c.xy;
  if (!ow_tensor_wrap(hold, OW_F64, 2, (int64_t[]){c.points, 2}, c.xy, bytes, NULL, NULL, &e)) {
    ow_free(c.xy);
    return owl_raise(L, fn, &e);
  }
  lua_pushlstring(L, ow_tensor_data(hold), bytes);
  ow_tensor_close(hold);
  lua_pushinteger(L, c.points);
  lua_pushinteger(L, c.lines);
  return 3;
}

int ow_open_plot(lua_State *L) {
  static const luaL_Reg funcs[] = {{"pack", f_pack}, {"image", f_image}, {"contour", f_contour}, {"thin", f_thin}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
