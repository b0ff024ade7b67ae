// Making tensors: constants, ranges, copies of shape.
#include <math.h>
#include <string.h>

#include "lua/tensor.h"
#include "op/index.h"

static int f_zeros(lua_State *L) {
  int64_t shape[OW_MAXDIM];
  ow_dtype dtype = OW_F64;
  ow_err e;
  int ndim = owl_shape_dtype(L, 1, "zeros", shape, &dtype, NULL);
  ow_tensor *t = owl_newtensor(L);
  if (!ow_tensor_zeros(t, dtype, ndim, shape, &e)) owl_raise(L, "zeros", &e);
  owl_account(L, t);
  return 1;
}

static int f_empty(lua_State *L) {
  int64_t shape[OW_MAXDIM];
  ow_dtype dtype = OW_F64;
  int ndim = owl_shape_dtype(L, 1, "empty", shape, &dtype, NULL);
  owl_pushnew(L, "empty", dtype, ndim, shape);
  return 1;
}

static void push_full(lua_State *L, const char *fn, ow_dtype dtype, int ndim, const int64_t *shape, int value) {
  _Alignas(16) char v[16];
  owl_storeelement(L, value, fn, dtype, v);
  ow_fill(owl_pushnew(L, fn, dtype, ndim, shape), v);
}

static int f_ones(lua_State *L) {
  int64_t shape[OW_MAXDIM];
  ow_dtype dtype = OW_F64;
  int ndim = owl_shape_dtype(L, 1, "ones", shape, &dtype, NULL);
  lua_pushinteger(L, 1);
  push_full(L, "ones", dtype, ndim, shape, lua_gettop(L));
  return 1;
}

// dtype of a Lua value: integer -> i64, float -> f64, {re, im} -> c128.
static ow_dtype dtype_of(lua_State *L, int idx, const char *fn) {
  if (lua_isinteger(L, idx) || lua_isboolean(L, idx)) return OW_I64;
  if (lua_type(L, idx) == LUA_TNUMBER) return OW_F64;
  if (!owl_iselement(L, idx, OW_C128)) owl_badarg(L, fn, "value", "a number or {re, im}", idx);
  return OW_C128;
}

static int f_full(lua_State *L) {
  int64_t shape[OW_MAXDIM];
  if (!lua_istable(L, 1)) owl_badarg(L, "full", "shape", "a table {rows, columns, ...}", 1);
  int ndim = owl_checkshape(L, 1, "full", shape);
  ow_dtype dtype = lua_isnoneornil(L, 3) ? dtype_of(L, 2, "full") : owl_checkdtype(L, 3, "full");
  push_full(L, "full", dtype, ndim, shape, 2);
  return 1;
}

static ow_tensor *push_like(lua_State *L, const char *fn, const ow_tensor *s, ow_dtype dtype) {
  ow_err e;
  ow_tensor *t = owl_newtensor(L);
  if (!ow_tensor_new_on(t, s->storage->device, dtype, s->ndim, s->shape, &e)) owl_raise(L, fn, &e);
  owl_account(L, t);
  return t;
}

static void push_full_like(lua_State *L, const char *fn, const ow_tensor *s, ow_dtype dtype, int value) {
  _Alignas(16) char v[16];
  owl_storeelement(L, value, fn, dtype, v);
  owl_fill(L, fn, push_like(L, fn, s, dtype), v);
}

static int f_zeros_like(lua_State *L) {
  static const _Alignas(16) char zero[16];
  ow_tensor *s = owl_anytensor(L, 1, "zeros_like", "like");
  owl_fill(L, "zeros_like", push_like(L, "zeros_like", s, owl_optdtype(L, 2, "zeros_like", s->dtype)), zero);
  return 1;
}

static int f_ones_like(lua_State *L) {
  ow_tensor *s = owl_anytensor(L, 1, "ones_like", "like");
  ow_dtype dtype = owl_optdtype(L, 2, "ones_like", s->dtype);
  lua_pushinteger(L, 1);
  push_full_like(L, "ones_like", s, dtype, lua_gettop(L));
  return 1;
}

static int f_empty_like(lua_State *L) {
  ow_tensor *s = owl_anytensor(L, 1, "empty_like", "like");
  push_like(L, "empty_like", s, owl_optdtype(L, 2, "empty_like", s->dtype));
  return 1;
}

static int f_full_like(lua_State *L) {
  ow_tensor *s = owl_anytensor(L, 1, "full_like", "like");
  push_full_like(L, "full_like", s, owl_optdtype(L, 3, "full_like", s->dtype), 2);
  return 1;
}

// A fresh 1-D f64 or i64 result, converted to the dtype asked for.
static int finish(lua_State *L, const char *fn, ow_tensor *t, ow_dtype dtype) {
  ow_err e;
  if (t->dtype == dtype) return 1;
  ow_tensor *r = owl_newtensor(L);
  if (!ow_tensor_cast(r, t, dtype, false, &e)) owl_raise(L, fn, &e);
  owl_account(L, r);
  return 1;
}

static double check_finite(lua_State *L, int idx, const char *fn, const char *name) {
  double v = owl_checknum(L, idx, fn, name);
  if (!isfinite(v)) owl_badarg(L, fn, name, "a finite number", idx);
  return v;
}

// arange(last) | arange(first, last [, step [, dtype]]): both ends included, as in `for`.
static int f_arange(lua_State *L) {
  const char *fn = "arange";
  int n = lua_gettop(L), dt = 0;
  if (n > 1 && lua_type(L, n) == LUA_TSTRING) { dt = n; n--; }
  if (n == 1) {  // arange(last)
    lua_pushinteger(L, 1);
    lua_insert(L, 1);
    n++;
    if (dt) dt++;
  }
  bool has_step = n >= 3 && !lua_isnil(L, 3);
  double a = check_finite(L, 1, fn, "first"), b = check_finite(L, 2, fn, "last");
  double s = has_step ? check_finite(L, 3, fn, "step") : 1.0;
  if (s == 0) owl_badarg(L, fn, "step", "a number other than 0", 3);
  bool ints = lua_isinteger(L, 1) && lua_isinteger(L, 2) && (!has_step || lua_isinteger(L, 3));
  // A last point missed by rounding alone is kept.
  double q = (b - a) / s, steps = floor(q + fabs(q) * 0x1p-50);
  if (ints) {
    int64_t i = lua_tointeger(L, 1), j = lua_tointeger(L, 2), k = has_step ? lua_tointeger(L, 3) : 1;
    unsigned __int128 span = k > 0 ? (j < i ? 0 : (unsigned __int128)((__int128)j - i)) : (i < j ? 0 : (unsigned __int128)((__int128)i - j));
    steps = (k > 0 ? j < i : i < j) ? -1 : (double)(span / (uint64_t)(k > 0 ? k : -(__int128)k));
  }
  if (steps >= 1e13) owl_error(L, fn, OW_EMEM, "from %g to %g in steps of %g gives %g elements: too many", a, b, s, steps + 1);
  int64_t shape[1] = {steps < 0 ? 0 : (int64_t)steps + 1};
  ow_dtype dtype = dt ? owl_checkdtype(L, dt, fn) : ints ? OW_I64 : OW_F64;
  ow_tensor *t = owl_pushnew(L, fn, ints ? OW_I64 : OW_F64, 1, shape);
  if (ints) {
    int64_t i = lua_tointeger(L, 1), k = has_step ? lua_tointeger(L, 3) : 1, *p = ow_tensor_data(t);
    for (int64_t j = 0; j < shape[0]; j++) p[j] = i + j * k;
  } else {
    double *p = ow_tensor_data(t);
    for (int64_t j = 0; j < shape[0]; j++) p[j] = a + (double)j * s;
  }
  return finish(L, fn, t, dtype);
}

// n points from a to b, both exact; the middle by the nearer end, so that it is symmetric.
static ow_tensor *push_linspace(lua_State *L, const char *fn) {
  double a = check_finite(L, 1, fn, "first"), b = check_finite(L, 2, fn, "last");
  int64_t n = owl_checkint(L, 3, fn, "n", 0, LUA_MAXINTEGER);
  ow_tensor *t = owl_pushnew(L, fn, OW_F64, 1, &n);
  double *p = ow_tensor_data(t), s = n > 1 ? (b - a) / (double)(n - 1) : 0;
  for (int64_t i = 0; i < n; i++) p[i] = i < (n + 1) / 2 ? a + s * (double)i : b - s * (double)(n - 1 - i);
  return t;
}

static int f_linspace(lua_State *L) {
  ow_dtype dtype = owl_optdtype(L, 4, "linspace", OW_F64);
  return finish(L, "linspace", push_linspace(L, "linspace"), dtype);
}

// n points from a to b (values, not exponents) with a constant ratio.
static int f_logspace(lua_State *L) {
  const char *fn = "logspace";
  double a = check_finite(L, 1, fn, "first"), b = check_finite(L, 2, fn, "last");
  if (!(a > 0)) owl_badarg(L, fn, "first", "a number above 0", 1);
  if (!(b > 0)) owl_badarg(L, fn, "last", "a number above 0", 2);
  ow_dtype dtype = owl_optdtype(L, 4, fn, OW_F64);
  lua_pushnumber(L, log10(a)), lua_replace(L, 1);
  lua_pushnumber(L, log10(b)), lua_replace(L, 2);
  ow_tensor *t = push_linspace(L, fn);
  double *p = ow_tensor_data(t);
  int64_t n = t->shape[0];
  for (int64_t i = 0; i < n; i++) p[i] = i == 0 ? a : i == n - 1 ? b : pow(10.0, p[i]);
  return finish(L, fn, t, dtype);
}

static int f_eye(lua_State *L) {
  int64_t shape[2];
  ow_err e;
  shape[0] = shape[1] = owl_checkint(L, 1, "eye", "n", 0, LUA_MAXINTEGER);
  int at = 2;
  if (lua_type(L, 2) == LUA_TNUMBER) shape[1] = owl_checkint(L, at++, "eye", "m", 0, LUA_MAXINTEGER);
  ow_dtype dtype = owl_optdtype(L, at, "eye", OW_F64);
  ow_tensor *t = owl_newtensor(L);
  if (!ow_tensor_zeros(t, dtype, 2, shape, &e)) owl_raise(L, "eye", &e);
  owl_account(L, t);
  ow_tensor diag = *t;
  diag.ndim = 1;
  diag.shape[0] = shape[0] < shape[1] ? shape[0] : shape[1];
  diag.stride[0] = shape[1] + 1;
  _Alignas(16) char one[16];
  lua_pushinteger(L, 1);
  owl_storeelement(L, -1, "eye", dtype, one);
  lua_pop(L, 1);
  ow_fill(&diag, one);
  return 1;
}

// The parts are copied into every second real number of the result.
static int f_complex(lua_State *L) {
  const char *fn = "complex";
  ow_err e;
  const ow_tensor *part[2];
  lua_settop(L, 2);
  for (int k = 0; k < 2; k++) {
    const char *name = k ? "im" : "re";
    part[k] = owl_pushfromlua(L, k + 1, fn, name, -1);
    if (ow_dtype_is_complex(part[k]->dtype)) owl_badarg(L, fn, name, "real numbers", k + 1);
  }
  bool single = part[0]->dtype == OW_F32 && part[1]->dtype == OW_F32;
  int64_t shape[OW_MAXDIM];
  int ndim;
  if (!ow_broadcast_shapes(part[0], part[1], &ndim, shape, &e)) return owl_raise(L, fn, &e);
  ow_tensor *t = owl_pushnew(L, fn, single ? OW_C64 : OW_C128, ndim, shape);
  for (int k = 0; k < 2; k++) {
    ow_tensor half = *t;
    half.dtype = single ? OW_F32 : OW_F64;
    half.offset += (size_t)k * ow_dtype_size(half.dtype);
    for (int d = 0; d < ndim; d++) half.stride[d] *= 2;
    if (!ow_tensor_copy(&half, part[k], true, &e)) return owl_raise(L, fn, &e);
  }
  return 1;
}

int ow_open_create(lua_State *L) {
  static const luaL_Reg funcs[] = {
      {"zeros", f_zeros}, {"ones", f_ones}, {"full", f_full}, {"empty", f_empty}, {"zeros_like", f_zeros_like},
      {"ones_like", f_ones_like}, {"full_like", f_full_like}, {"empty_like", f_empty_like}, {"arange", f_arange},
      {"linspace", f_linspace}, {"logspace", f_logspace}, {"eye", f_eye},
      {"complex", f_complex}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
