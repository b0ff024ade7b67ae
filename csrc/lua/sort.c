// Ordering and counting for Lua. Positions are 1-based everywhere.
#include <math.h>
#include <string.h>

#include "lua/tensor.h"
#include "op/index.h"
#include "op/sort.h"

static int axis_or_last(lua_State *L, int idx, const char *fn, const ow_tensor *t) {
  if (t->ndim == 0) owl_error(L, fn, OW_ESHAPE, "expected one or more dimensions");
  return lua_isnoneornil(L, idx) ? t->ndim - 1 : owl_checkaxis(L, idx, fn, t->ndim);
}

// (t [, axis = -1] [, {descending =}]); the axis may be left out before the options.
static int sort_args(lua_State *L, const char *fn, ow_tensor **t, bool *desc) {
  *t = owl_pushfromlua(L, 1, fn, "values", -1);
  lua_replace(L, 1);
  owl_checkhost(L, fn, *t);
  if (lua_istable(L, 2)) { lua_settop(L, 2); lua_pushnil(L); lua_insert(L, 2); }
  *desc = owl_optfield_bool(L, 3, fn, "descending", false);
  return axis_or_last(L, 2, fn, *t);
}

static int f_sort(lua_State *L) {
  ow_err e;
  ow_tensor *t;
  bool desc;
  int axis = sort_args(L, "sort", &t, &desc);
  ow_tensor *r = owl_pushnew(L, "sort", t->dtype, t->ndim, t->shape);
  if (!ow_sort(r, t, axis, desc, &e)) owl_raise(L, "sort", &e);
  return 1;
}

static int f_argsort(lua_State *L) {
  ow_err e;
  ow_tensor *t;
  bool desc;
  int axis = sort_args(L, "argsort", &t, &desc);
  ow_tensor *r = owl_pushnew(L, "argsort", OW_I64, t->ndim, t->shape);
  if (!ow_argsort(r, t, axis, desc, &e)) owl_raise(L, "argsort", &e);
  return 1;
}

// topk(t, k [, axis [, {smallest =}]]) -> values, positions; greatest first
static int f_topk(lua_State *L) {
  const char *fn = "topk";
  ow_err e;
  ow_tensor *t = owl_pushfromlua(L, 1, fn, "values", -1);
  lua_replace(L, 1);
  owl_checkhost(L, fn, t);
  if (lua_istable(L, 3)) { lua_settop(L, 3); lua_pushnil(L); lua_insert(L, 3); }
  int axis = axis_or_last(L, 3, fn, t);
  int64_t k = owl_checkint(L, 2, fn, "k", 0, LUA_MAXINTEGER);
  if (k > t->shape[axis])
    return owl_error(L, fn, OW_EARG, "k: asked for %lld of %lld on axis %d", (long long)k, (long long)t->shape[axis], axis + 1);
  bool smallest = owl_optfield_bool(L, 4, fn, "smallest", false);
  ow_tensor *order = owl_pushnew(L, fn, OW_I64, t->ndim, t->shape);
  if (!ow_argsort(order, t, axis, !smallest, &e)) return owl_raise(L, fn, &e);
  ow_tensor head = *order;
  head.shape[axis] = k;
  ow_tensor *values = owl_newtensor(L);
  if (!ow_gather(values, t, axis, &head, &e)) return owl_raise(L, fn, &e);
  ow_tensor *at = owl_newtensor(L);
  if (!ow_tensor_contiguous(at, &head, &e)) return owl_raise(L, fn, &e);
  return 2;
}

// kth(t, k [, axis]): the k-th smallest
static int f_kth(lua_State *L) {
  const char *fn = "kth";
  ow_err e;
  ow_tensor *t = owl_pushfromlua(L, 1, fn, "values", -1);
  lua_replace(L, 1);
  owl_checkhost(L, fn, t);
  int axis = axis_or_last(L, 3, fn, t);
  int64_t k = owl_index(L, fn, owl_checkint(L, 2, fn, "k", LUA_MININTEGER, LUA_MAXINTEGER), axis, t->shape[axis]);
  ow_tensor *s = owl_pushnew(L, fn, t->dtype, t->ndim, t->shape);
  if (!ow_sort(s, t, axis, false, &e)) return owl_raise(L, fn, &e);
  ow_tensor v = *s;
  owl_drop_axis(&v, axis, k);
  if (v.ndim == 0) { owl_pushelement(L, v.dtype, ow_tensor_data(&v)); return 1; }
  ow_tensor *r = owl_newtensor(L);  // its own memory: the view would keep all of s
  if (!ow_tensor_new_like(r, &v, &e) || !ow_tensor_copy(r, &v, true, &e)) return owl_raise(L, fn, &e);
  return 1;
}

// Over all elements without an axis; a number when nothing is left.
static int quantiles(lua_State *L, const char *fn, const double *q, int64_t nq, bool list, int axis_at) {
  ow_err e;
  ow_tensor *t = owl_totensor(L, 1);
  int axis = 0;
  if (lua_isnoneornil(L, axis_at)) {
    int64_t n = ow_tensor_numel(t);
    ow_tensor *flat = owl_newtensor(L), *c = owl_newtensor(L);
    if (!ow_tensor_contiguous(c, t, &e)) return owl_raise(L, fn, &e);
    ow_tensor_try_reshape(flat, c, 1, &n);
    t = flat;
  } else axis = owl_checkaxis(L, axis_at, fn, t->ndim);
  ow_tensor *r = owl_newtensor(L);
  if (!ow_quantile(r, t, axis, q, nq, &e)) return owl_raise(L, fn, &e);
  if (!list) {
    ow_tensor all = *r;
    owl_drop_axis(r, 0, 0);
    if (all.ndim == 1) owl_pushelement(L, OW_F64, ow_tensor_data(&all));
  }
  return 1;
}

static void values_first(lua_State *L, const char *fn) {
  ow_tensor *t = owl_pushfromlua(L, 1, fn, "values", -1);
  lua_replace(L, 1);
  owl_checkhost(L, fn, t);
}

static int f_median(lua_State *L) {
  static const double half = 0.5;
  values_first(L, "median");
  lua_settop(L, 2);
  return quantiles(L, "median", &half, 1, false, 2);
}

static int f_quantile(lua_State *L) {
  values_first(L, "quantile");
  lua_settop(L, 3);
  bool list = lua_type(L, 2) != LUA_TNUMBER;
  ow_tensor *q = owl_pusharray(L, 2, "quantile", "q", OW_F64, list ? 1 : 0);
  return quantiles(L, "quantile", ow_tensor_data(q), ow_tensor_numel(q), list, 3);
}

// unique(t [, {counts = true, inverse = true}]) -> values [, counts] [, inverse]
static int f_unique(lua_State *L) {
  const char *fn = "unique";
  ow_err e;
  bool want_counts = owl_optfield_bool(L, 2, fn, "counts", false), want_inverse = owl_optfield_bool(L, 2, fn, "inverse", false);
  ow_tensor *t = owl_pushfromlua(L, 1, fn, "values", -1);
  owl_checkhost(L, fn, t);
  int64_t n = ow_tensor_numel(t);
  ow_tensor *c = owl_newtensor(L), *flat = owl_newtensor(L);
  if (!ow_tensor_contiguous(c, t, &e)) return owl_raise(L, fn, &e);
  ow_tensor_try_reshape(flat, c, 1, &n);
  ow_tensor *sorted, *order = NULL;
  if (want_inverse) {
    order = owl_pushnew(L, fn, OW_I64, 1, &n);
    if (!ow_argsort(order, flat, 0, false, &e)) return owl_raise(L, fn, &e);
    sorted = owl_newtensor(L);
    if (!ow_take(sorted, flat, 0, ow_tensor_data(order), n, &e)) return owl_raise(L, fn, &e);
  } else {
    sorted = owl_pushnew(L, fn, t->dtype, 1, &n);
    if (!ow_sort(sorted, flat, 0, false, &e)) return owl_raise(L, fn, &e);
  }
  ow_tensor *inverse = want_inverse ? owl_pushnew(L, fn, OW_I64, t->ndim, t->shape) : NULL;
  int at_inverse = lua_gettop(L);
  ow_tensor *first = owl_newtensor(L), *values = owl_newtensor(L), *counts = want_counts ? owl_newtensor(L) : NULL;
  if (!ow_unique_sorted(values, counts, first, sorted, &e)) return owl_raise(L, fn, &e);
  if (!want_inverse) return 1 + want_counts;
  int64_t *o = ow_tensor_data(inverse), *at = ow_tensor_data(first), *ord = ow_tensor_data(order), m = first->shape[0];
  for (int64_t k = 0; k < m; k++)
    for (int64_t i = at[k] - 1; i < (k + 1 < m ? at[k + 1] - 1 : n); i++) o[ord[i] - 1] = k + 1;
  lua_pushvalue(L, at_inverse);
  return 2 + want_counts;
}

// searchsorted(sorted, values [, {right =}])
static int f_searchsorted(lua_State *L) {
  const char *fn = "searchsorted";
  ow_err e;
  lua_settop(L, 3);
  bool right = owl_optfield_bool(L, 3, fn, "right", false), number = lua_type(L, 2) == LUA_TNUMBER;
  ow_tensor *s = owl_pushfromlua(L, 1, fn, "sorted", -1), *v = owl_pushfromlua(L, 2, fn, "values", -1);
  ow_dtype type = ow_dtype_is_int(ow_dtype_promote(s->dtype, v->dtype)) ? OW_I64 : OW_F64;
  s = owl_pusharray(L, 4, fn, "sorted", type, 1);
  v = owl_pusharray(L, 5, fn, "values", type, -1);
  ow_tensor *r = owl_pushnew(L, fn, OW_I64, v->ndim, v->shape);
  if (!ow_searchsorted(ow_tensor_data(r), s, v, right, &e)) return owl_raise(L, fn, &e);
  if (number) owl_pushelement(L, OW_I64, ow_tensor_data(r));
  return 1;
}

// bincount(t [, {weights =, first = 1, size =}]): entry k counts the value first + k - 1
static int f_bincount(lua_State *L) {
  const char *fn = "bincount";
  ow_err e;
  lua_settop(L, 2);
  ow_tensor *t = owl_pusharray(L, 1, fn, "values", OW_I64, -1), *w = NULL;
  int64_t n = ow_tensor_numel(t), first = owl_optfield_int(L, 2, fn, "first", 1), size = owl_optfield_int(L, 2, fn, "size", 0);
  bool fixed = size != 0;
  if (size < 0) return owl_error(L, fn, OW_EARG, "size: expected 0 or more, got %lld", (long long)size);
  if (lua_istable(L, 2) && lua_getfield(L, 2, "weights") != LUA_TNIL) {
    w = owl_pusharray(L, -1, fn, "weights", OW_F64, -1);
    if (ow_tensor_numel(w) != n)
      return owl_error(L, fn, OW_ESHAPE, "weights: expected %lld entries, got %lld", (long long)n, (long long)ow_tensor_numel(w));
  }
  const int64_t *x = ow_tensor_data(t);
  for (int64_t i = 0; i < n; i++) {
    if (x[i] < first) return owl_error(L, fn, OW_EARG, "values: entry %lld is %lld, below first = %lld", (long long)i + 1, (long long)x[i], (long long)first);
    int64_t need;
    if (__builtin_sub_overflow(x[i], first - 1, &need) || need > (int64_t)1 << 40)
      return owl_error(L, fn, OW_EARG, "values: entry %lld is %lld: too many bins", (long long)i + 1, (long long)x[i]);
    if (fixed && need > size)
      return owl_error(L, fn, OW_EARG, "values: entry %lld is %lld, above the last bin (%lld)", (long long)i + 1, (long long)x[i], (long long)(first + size - 1));
    if (need > size) size = need;
  }
  ow_tensor *r = owl_newtensor(L);
  if (!ow_tensor_zeros(r, w ? OW_F64 : OW_I64, 1, &size, &e)) return owl_raise(L, fn, &e);
  owl_account(L, r);
  int64_t *o = ow_tensor_data(r);
  double *d = ow_tensor_data(r);
  const double *p = w ? ow_tensor_data(w) : NULL;
  for (int64_t i = 0; i < n; i++) {
    if (p) d[x[i] - first] += p[i];
    else o[x[i] - first]++;
  }
  return 1;
}

// Least and greatest finite value (above 0 for log bins); false when there is none.
static bool spread(const double *x, int64_t n, bool log, double *lo, double *hi) {
  *lo = INFINITY, *hi = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(x[i]) || (log && x[i] <= 0)) continue;
    if (x[i] < *lo) *lo = x[i];
    if (x[i] > *hi) *hi = x[i];
  }
  return *lo <= *hi;
}

// histogram(x [, {bins = 10 | edges, range = {lo, hi}, log =, weights =, density =}])
//   -> counts, edges, left_out
static int f_histogram(lua_State *L) {
  const char *fn = "histogram";
  ow_err e;
  lua_settop(L, 2);
  ow_tensor *t = owl_pusharray(L, 1, fn, "values", OW_F64, -1), *w = NULL, *edges;
  bool log = owl_optfield_bool(L, 2, fn, "log", false), density = owl_optfield_bool(L, 2, fn, "density", false);
  int64_t n = ow_tensor_numel(t), bins = 10;
  const double *x = ow_tensor_data(t);
  ow_bins kind = log ? OW_BINS_LOG : OW_BINS_EVEN;
  if (lua_istable(L, 2) && lua_getfield(L, 2, "weights") != LUA_TNIL) {
    w = owl_pusharray(L, -1, fn, "weights", OW_F64, -1);
    if (ow_tensor_numel(w) != n)
      return owl_error(L, fn, OW_ESHAPE, "weights: expected %lld entries, got %lld", (long long)n, (long long)ow_tensor_numel(w));
  }
  int given = lua_istable(L, 2) ? lua_getfield(L, 2, "bins") : LUA_TNIL;
  if (given != LUA_TNIL && given != LUA_TNUMBER) {
    edges = owl_pusharray(L, -1, fn, "bins", OW_F64, 1);
    ow_tensor *own = owl_newtensor(L);  // what is returned must not be the user's tensor
    if (!ow_tensor_new_like(own, edges, &e) || !ow_tensor_copy(own, edges, true, &e)) return owl_raise(L, fn, &e);
    edges = own;
    bins = edges->shape[0] - 1;
    kind = OW_BINS_FREE;
    const double *d = ow_tensor_data(edges);
    if (bins < 1) return owl_error(L, fn, OW_ESHAPE, "bins: expected 2 or more edges, got %lld", (long long)edges->shape[0]);
    for (int64_t k = 0; k <= bins; k++)
      if (isnan(d[k]) || (k > 0 && !(d[k] > d[k - 1])))
        return owl_error(L, fn, OW_EARG, "bins: edges must increase; edge %lld is %g", (long long)k + 1, d[k]);
  } else {
    if (given == LUA_TNUMBER) bins = owl_checkint(L, -1, fn, "bins", 1, (int64_t)1 << 40);
    double r[2];
    if (lua_istable(L, 2) && lua_getfield(L, 2, "range") != LUA_TNIL) {
      if (!lua_istable(L, -1)) return owl_badarg(L, fn, "range", "{lo, hi}", -1);
      for (int i = 0; i < 2; i++) {
        lua_rawgeti(L, -1, i + 1);
        r[i] = owl_checknum(L, -1, fn, i ? "range[2]" : "range[1]");
        lua_pop(L, 1);
      }
      if (!(r[0] < r[1]) || !isfinite(r[1] - r[0]) || (log && r[0] <= 0))
        return owl_error(L, fn, OW_EARG, "range: expected finite lo < hi%s, got {%g, %g}", log ? ", both above 0" : "", r[0], r[1]);
    } else if (!spread(x, n, log, &r[0], &r[1])) {
      r[0] = log ? 1 : 0, r[1] = log ? 10 : 1;
    } else if (r[0] == r[1]) {
      if (log) r[0] /= 2, r[1] *= 2;
      else r[0] -= 0.5, r[1] += 0.5;
      if (r[0] == r[1]) r[0] = nextafter(r[0], -INFINITY), r[1] = nextafter(r[1], INFINITY);
    }
    int64_t m = bins + 1;
    edges = owl_pushnew(L, fn, OW_F64, 1, &m);
    double *d = ow_tensor_data(edges);
    double a = log ? log10(r[0]) : r[0], b = log ? log10(r[1]) : r[1], s = b / (double)bins - a / (double)bins;
    for (int64_t k = 0; k <= bins; k++) {
      double v = k <= bins / 2 ? a + s * (double)k : b - s * (double)(bins - k);
      d[k] = k == 0 ? r[0] : k == bins ? r[1] : log ? pow(10.0, v) : v;
    }
    for (int64_t k = 1; k <= bins; k++)
      if (!(d[k] > d[k - 1])) return owl_error(L, fn, OW_EARG, "bins: %lld bins do not fit between %g and %g", (long long)bins, r[0], r[1]);
  }
  int at_edges = lua_gettop(L);
  const double *d = ow_tensor_data(edges);
  ow_tensor *r = owl_newtensor(L);
  if (!ow_tensor_zeros(r, w || density ? OW_F64 : OW_I64, 1, &bins, &e)) return owl_raise(L, fn, &e);
  owl_account(L, r);
  int64_t left_out = 0, *c = ow_tensor_data(r);
  double *sums = ow_tensor_data(r);
  if (!ow_histogram(x, w ? ow_tensor_data(w) : NULL, n, d, bins, kind, sums, c, &left_out, &e)) return owl_raise(L, fn, &e);
  if (density) {
    double total = 0;
    for (int64_t k = 0; k < bins; k++) {
      if (!w) sums[k] = (double)c[k];
      total += sums[k];
    }
    for (int64_t k = 0; k < bins; k++) sums[k] /= total * (d[k + 1] - d[k]);
  }
  lua_pushvalue(L, at_edges);
  lua_pushinteger(L, left_out);
  return 3;
}

int ow_open_sort(lua_State *L) {
  static const luaL_Reg funcs[] = {
      {"sort", f_sort}, {"argsort", f_argsort}, {"topk", f_topk}, {"kth", f_kth}, {"median", f_median},
      {"quantile", f_quantile}, {"unique", f_unique}, {"searchsorted", f_searchsorted}, {"bincount", f_bincount},
      {"histogram", f_histogram}, {NULL, NULL}};
  owl_methods(L, funcs);
  luaL_newlib(L, funcs);
  return 1;
}
