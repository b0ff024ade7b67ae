// orowan.core.stats_data: samples, resampling, relations and spectra for lua/orowan/stats.
#include <math.h>
#include <string.h>

#include "lua/owlua.h"
#include "stats/data.h"

static int f_sort(lua_State *L) {
  ow_tensor *t = owl_pusharray(L, 1, "stats", "x", OW_F64, 1);
  ow_tensor *o = owl_pushnew(L, "stats", OW_F64, 1, t->shape);
  memcpy(ow_tensor_data(o), ow_tensor_data(t), (size_t)t->shape[0] * sizeof(double));
  ow_sort_doubles(ow_tensor_data(o), t->shape[0]);
  return 1;
}

// (noise, length, points, frames, seed, smallest) -> tensor of areas
static int f_line_noise(lua_State *L) {
  static const char fn[] = "stats.line_noise_sizes";
  double *v, noise = luaL_checknumber(L, 1), length = luaL_checknumber(L, 2), smallest = luaL_checknumber(L, 6);
  int64_t n;
  ow_err e;
  ow_tensor *out = owl_newtensor(L);
  if (!ow_line_noise(noise, length, owl_checkint(L, 3, fn, "points", 2, 1 << 24), owl_checkint(L, 4, fn, "frames", 2, INT64_C(1) << 40), (uint64_t)luaL_checkinteger(L, 5), smallest, &v, &n, &e))
    return owl_raise(L, fn, &e);
  bool ok = ow_tensor_new(out, OW_F64, 1, &n, &e);
  if (ok) memcpy(ow_tensor_data(out), v, (size_t)n * sizeof(double));
  ow_free(v);
  if (!ok) return owl_raise(L, fn, &e);
  owl_account(L, out);
  return 1;
}

// ---- relations -----------------------------------------------------------------------------

static ow_tensor *doubles(lua_State *L, int idx, const char *name) { return owl_pusharray(L, idx, "stats", name, OW_F64, 1); }

// x and y of one length, pushed in this order.
static ow_tensor *paired(lua_State *L, ow_tensor **x) {
  *x = doubles(L, 1, "x");
  ow_tensor *y = doubles(L, 2, "y");
  if ((*x)->shape[0] != y->shape[0] || !y->shape[0])
    owl_error(L, "stats", OW_ESHAPE, "x and y: expected one length above 0, got %d and %d", (int)(*x)->shape[0], (int)y->shape[0]);
  return y;
}

// (x, y, pairs, seed) -> 8 numbers: slope, intercept of each line
static int f_regress(lua_State *L) {
  static const char fn[] = "stats.regress";
  lua_settop(L, 4);
  int64_t pairs = luaL_checkinteger(L, 3);
  uint64_t seed = (uint64_t)luaL_checkinteger(L, 4);
  ow_tensor *x, *y = paired(L, &x);
  ow_lines l;
  ow_err e;
  if (!ow_regress(ow_tensor_data(x), ow_tensor_data(y), x->shape[0], pairs, seed, &l, &e)) return owl_raise(L, fn, &e);
  for (int k = 0; k < OW_NLINE; k++) lua_pushnumber(L, l.slope[k]), lua_pushnumber(L, l.intercept[k]);
  return 2 * OW_NLINE;
}

// (x, y, block, pairs, seed, repeats) -> tensor repeats x 8: 4 slopes, 4 intercepts
static int f_regress_bootstrap(lua_State *L) {
  static const char fn[] = "stats.regress";
  lua_settop(L, 6);
  int64_t block = owl_checkint(L, 3, fn, "block", 1, INT64_MAX), pairs = luaL_checkinteger(L, 4);
  uint64_t seed = (uint64_t)luaL_checkinteger(L, 5);
  int64_t shape[2] = {luaL_checkinteger(L, 6), 2 * OW_NLINE};
  ow_err e;
  ow_tensor *x, *y = paired(L, &x), *out = owl_pushnew(L, fn, OW_F64, 2, shape);
  if (!ow_regress_bootstrap(ow_tensor_data(x), ow_tensor_data(y), x->shape[0], block, pairs, seed, shape[0], ow_tensor_data(out), &e))
    return owl_raise(L, fn, &e);
  return 1;
}

static int f_pearson(lua_State *L) {
  lua_settop(L, 2);
  ow_tensor *x, *y = paired(L, &x);
  lua_pushnumber(L, ow_pearson(ow_tensor_data(x), ow_tensor_data(y), x->shape[0]));
  return 1;
}

static int f_ranks(lua_State *L) {
  lua_settop(L, 1);
  ow_err e;
  ow_tensor *x = doubles(L, 1, "x"), *out = owl_pushnew(L, "stats", OW_F64, 1, x->shape);
  if (!ow_ranks(ow_tensor_data(x), x->shape[0], ow_tensor_data(out), &e)) return owl_raise(L, "stats", &e);
  return 1;
}

// (x, y, block, seed, repeats) -> tensor repeats x 2: Pearson, Spearman
static int f_correlation_bootstrap(lua_State *L) {
  lua_settop(L, 5);
  int64_t block = owl_checkint(L, 3, "stats", "block", 1, INT64_MAX), shape[2] = {luaL_checkinteger(L, 5), 2};
  uint64_t seed = (uint64_t)luaL_checkinteger(L, 4);
  ow_err e;
  ow_tensor *x, *y = paired(L, &x), *out = owl_pushnew(L, "stats", OW_F64, 2, shape);
  if (!ow_correlation_bootstrap(ow_tensor_data(x), ow_tensor_data(y), x->shape[0], block, seed, shape[0], ow_tensor_data(out), &e))
    return owl_raise(L, "stats", &e);
  return 1;
}

// (x, block, seed, r) -> the r-th resample; the same indices for every x of that length
static int f_resample(lua_State *L) {
  lua_settop(L, 4);
  int64_t block = owl_checkint(L, 2, "stats.bootstrap", "block", 1, INT64_MAX), r = luaL_checkinteger(L, 4);
  uint64_t seed = (uint64_t)luaL_checkinteger(L, 3);
  ow_err e;
  ow_tensor *x = doubles(L, 1, "x"), *out = owl_pushnew(L, "stats", OW_F64, 1, x->shape);
  int64_t n = x->shape[0], *index = ow_alloc_array((size_t)n, sizeof *index, &e);
  if (!index) return owl_raise(L, "stats.bootstrap", &e);
  ow_resample(n, block, seed, r, index);
  const double *v = ow_tensor_data(x);
  double *o = ow_tensor_data(out);
  for (int64_t i = 0; i < n; i++) o[i] = v[index[i]];
  ow_free(index);
  return 1;
}

// (x, first, last) -> x without the elements first..last (1-based)
static int f_without(lua_State *L) {
  lua_settop(L, 3);
  ow_tensor *x = doubles(L, 1, "x");
  int64_t n = x->shape[0], a = owl_checkint(L, 2, "stats", "first", 1, n) - 1, b = owl_checkint(L, 3, "stats", "last", a + 1, n);
  int64_t m = n - (b - a);
  double *o = ow_tensor_data(owl_pushnew(L, "stats", OW_F64, 1, &m));
  const double *v = ow_tensor_data(x);
  memcpy(o, v, (size_t)a * sizeof *o);
  memcpy(o + a, v + b, (size_t)(n - b) * sizeof *o);
  return 1;
}

// (x, bandwidth, at) -> density at `at`
static int f_kde(lua_State *L) {
  lua_settop(L, 3);
  double h = luaL_checknumber(L, 2);
  ow_err e;
  ow_tensor *x = doubles(L, 1, "x"), *at = doubles(L, 3, "at"), *out = owl_pushnew(L, "stats", OW_F64, 1, at->shape);
  if (!ow_kde(ow_tensor_data(x), x->shape[0], h, ow_tensor_data(at), at->shape[0], ow_tensor_data(out), &e))
    return owl_raise(L, "stats.kde", &e);
  return 1;
}

// (x 1-D or 2-D, seg, hop, rate, hann, detrend) -> power, segments
static int f_welch(lua_State *L) {
  static const char fn[] = "stats.welch";
  static const char *const how[] = {"none", "constant", "linear", NULL};
  lua_settop(L, 6);
  int64_t seg = luaL_checkinteger(L, 2), hop = luaL_checkinteger(L, 3), count = 0;
  double rate = luaL_checknumber(L, 4);
  bool hann = lua_toboolean(L, 5);
  ow_detrend d = (ow_detrend)luaL_checkoption(L, 6, "constant", how);
  ow_tensor *x = owl_pusharray(L, 1, fn, "x", OW_F64, -1);
  if (x->ndim < 1 || x->ndim > 2) return owl_error(L, fn, OW_ESHAPE, "x: expected 1 or 2 dimensions (rows are series), got %d", x->ndim);
  int64_t rows = x->ndim == 2 ? x->shape[0] : 1, n = x->shape[x->ndim - 1], bins = seg / 2 + 1;
  if (seg < 2 || seg > n || hop < 1) return owl_error(L, fn, OW_EARG, "segment: expected 2 to %d samples, got %d", (int)n, (int)seg);
  ow_err e;
  ow_tensor *out = owl_pushnew(L, fn, OW_F64, 1, &bins);
  if (!ow_welch(ow_tensor_data(x), rows, n, seg, hop, rate, hann, d, ow_tensor_data(out), &count, &e)) return owl_raise(L, fn, &e);
  lua_pushinteger(L, count);
  return 2;
}

int ow_open_stats_data(lua_State *L) {
  static const luaL_Reg funcs[] = {{"sort", f_sort}, {"line_noise", f_line_noise}, {"regress", f_regress},
                                   {"regress_bootstrap", f_regress_bootstrap}, {"pearson", f_pearson}, {"ranks", f_ranks},
                                   {"correlation_bootstrap", f_correlation_bootstrap}, {"resample", f_resample},
                                   {"without", f_without}, {"kde", f_kde}, {"welch", f_welch}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
