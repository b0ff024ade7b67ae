// orowan.core.clusters: linking by distance, nearest members, histograms of pairs, sums over
// groups. Arguments are checked here, documented in lua/orowan/apt/*.lua.
#include <math.h>
#include <string.h>

#include "geometry/grid.h"
#include "geometry/groups.h"
#include "geometry/hdbscan.h"
#include "geometry/planes.h"
#include "lua/owlua.h"

static const ow_tensor *positions(lua_State *L, int idx, const char *fn) {
  const ow_tensor *t = owl_pusharray(L, idx, fn, "positions", OW_F32, 2);
  if (t->shape[1] != 3) owl_error(L, fn, OW_ESHAPE, "positions: expected n x 3 coordinates, got %d columns", (int)t->shape[1]);
  return t;
}

// A vector with one entry for each of the n points; NULL when nil.
static const void *column(lua_State *L, int idx, const char *fn, const char *name, ow_dtype dtype, int64_t n) {
  if (lua_isnoneornil(L, idx)) return NULL;
  const ow_tensor *t = owl_pusharray(L, idx, fn, name, dtype, 1);
  if (t->shape[0] != n) owl_error(L, fn, OW_ESHAPE, "%s: expected %lld entries, one for each ion, got %lld", name, (long long)n, (long long)t->shape[0]);
  return ow_tensor_data(t);
}

static int fail(lua_State *L, const char *fn, const ow_err *e) { return owl_raise(L, e->code == OW_EINTR ? "" : fn, e); }

// link(function, positions, keep or nil, distance, min_points, border) -> labels i64, core u8, clusters
static int f_link(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "link", "function");
  lua_settop(L, 6);
  const ow_tensor *x = positions(L, 2, fn);
  int64_t n = x->shape[0], clusters;
  const uint8_t *keep = column(L, 3, fn, "keep", OW_U8, n);
  double d = owl_checknum(L, 4, fn, "distance");
  int64_t least = owl_checkint(L, 5, fn, "min_points", 1, INT32_MAX);
  ow_tensor *label = owl_pushnew(L, fn, OW_I64, 1, &n), *core = owl_pushnew(L, fn, OW_U8, 1, &n);
  ow_err e;
  if (!ow_link(ow_tensor_data(x), n, keep, d, least, lua_toboolean(L, 6), ow_tensor_data(label), ow_tensor_data(core), &clusters, &e))
    return fail(L, fn, &e);
  lua_pushinteger(L, clusters);
  return 3;
}

// nearest(function, positions, members u8, queries u8, distance) -> rows i64, 0: none
static int f_nearest(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "nearest", "function");
  const ow_tensor *x = positions(L, 2, fn);
  int64_t n = x->shape[0];
  const uint8_t *member = column(L, 3, fn, "members", OW_U8, n), *query = column(L, 4, fn, "queries", OW_U8, n);
  double d = owl_checknum(L, 5, fn, "distance");
  ow_tensor *rows = owl_pushnew(L, fn, OW_I64, 1, &n);
  ow_err e;
  int64_t *r = ow_tensor_data(rows);
  if (!ow_nearest_member(ow_tensor_data(x), n, member, query, d, r, &e)) return fail(L, fn, &e);
  for (int64_t i = 0; i < n; i++) r[i]++;
  return 1;
}

// {radial =, reach = {..}, bins = {..}, lateral =} at idx; pushes nothing.
static void read_window(lua_State *L, int idx, const char *fn, ow_window *w) {
  w->radial = owl_optfield_bool(L, idx, fn, "radial", false);
  w->lateral = owl_optfield_num(L, idx, fn, "lateral", INFINITY);
  lua_getfield(L, idx, "reach");
  lua_getfield(L, idx, "bins");
  for (int d = 0; d < 3; d++) {
    w->reach[d] = 1, w->bins[d] = 1;
    if (d > 0 && w->radial) continue;
    lua_geti(L, -2, d + 1);
    w->reach[d] = owl_checknum(L, -1, fn, "reach");
    lua_pop(L, 1);
    lua_geti(L, -1, d + 1);
    w->bins[d] = owl_checkint(L, lua_gettop(L), fn, "bins", 1, 100000);
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}

static int push_counts(lua_State *L, const char *fn, const ow_window *w, int64_t rows, ow_tensor **t) {
  int64_t shape[4] = {rows, w->bins[0], w->bins[1], w->bins[2]};
  *t = owl_pushnew(L, fn, OW_I64, w->radial ? 2 : 4, shape);
  return 1;
}

// pairs(function, positions, centres u8, kinds u8, number of kinds, window) -> counts i64
static int f_pairs(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "pairs", "function");
  ow_window w;
  ow_err e;
  ow_tensor *t;
  const ow_tensor *x = positions(L, 2, fn);
  int64_t n = x->shape[0], kinds = owl_checkint(L, 5, fn, "kinds", 1, 255);
  const uint8_t *centre = column(L, 3, fn, "centres", OW_U8, n), *kind = column(L, 4, fn, "kinds", OW_U8, n);
  read_window(L, 6, fn, &w);
  push_counts(L, fn, &w, kinds, &t);
  if (!ow_pairs_by_kind(ow_tensor_data(x), n, centre, kind, (int)kinds, &w, ow_tensor_data(t), &e)) return fail(L, fn, &e);
  return 1;
}

// relabelled_pairs(function, positions, code u8, seed, first, window) -> counts i64 [64, ..]
static int f_relabelled(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "relabelled_pairs", "function");
  ow_window w;
  ow_err e;
  ow_tensor *t;
  const ow_tensor *x = positions(L, 2, fn);
  int64_t n = x->shape[0], seed = owl_checkint(L, 4, fn, "seed", INT64_MIN, INT64_MAX), first = owl_checkint(L, 5, fn, "first", 0, INT64_MAX);
  const uint8_t *code = column(L, 3, fn, "code", OW_U8, n);
  read_window(L, 6, fn, &w);
  push_counts(L, fn, &w, 64, &t);
  uint64_t *bits = ow_alloc_array(2 * (size_t)n + 1, sizeof *bits, &e);
  bool ok = bits && ow_relabel(code, n, (uint64_t)seed, (uint64_t)first, bits, bits + n, &e) &&
            ow_pairs_by_bit(ow_tensor_data(x), n, bits, bits + n, &w, ow_tensor_data(t), &e);
  ow_free(bits);
  return ok ? 1 : fail(L, fn, &e);
}

// moments(function, positions, labels i64, use u8 or nil, groups) -> f64 [groups, 10]
static int f_moments(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "moments", "function");
  const ow_tensor *x = positions(L, 2, fn);
  int64_t n = x->shape[0], shape[2] = {owl_checkint(L, 5, fn, "groups", 0, INT32_MAX), 10};
  const int64_t *label = column(L, 3, fn, "labels", OW_I64, n);
  const uint8_t *use = column(L, 4, fn, "use", OW_U8, n);
  ow_tensor *t = owl_pushnew(L, fn, OW_F64, 2, shape);
  ow_err e;
  return ow_group_moments(ow_tensor_data(x), n, label, use, shape[0], ow_tensor_data(t), &e) ? 1 : fail(L, fn, &e);
}

// extents(function, positions, labels, use or nil, centres f64 [g, 3], axes f64 [g, 3, 3]) -> lo, hi [g, 3]
static int f_extents(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "extents", "function");
  const ow_tensor *x = positions(L, 2, fn);
  int64_t n = x->shape[0];
  const int64_t *label = column(L, 3, fn, "labels", OW_I64, n);
  const uint8_t *use = column(L, 4, fn, "use", OW_U8, n);
  const ow_tensor *c = owl_pusharray(L, 5, fn, "centres", OW_F64, 2), *a = owl_pusharray(L, 6, fn, "axes", OW_F64, 3);
  if (a->shape[0] != c->shape[0] || c->shape[1] != 3 || a->shape[1] != 3 || a->shape[2] != 3) return owl_error(L, fn, OW_ESHAPE, "axes: expected one 3 x 3 matrix for each centre");
  ow_tensor *lo = owl_pushnew(L, fn, OW_F64, 2, c->shape), *hi = owl_pushnew(L, fn, OW_F64, 2, c->shape);
  ow_err e;
  return ow_group_extents(ow_tensor_data(x), n, label, use, c->shape[0], ow_tensor_data(c), ow_tensor_data(a), ow_tensor_data(lo),
                          ow_tensor_data(hi), &e) ? 2 : fail(L, fn, &e);
}

// hdbscan(function, positions, min_size, min_samples, single) -> labels i64, probabilities, stabilities, births,
// core distances, edges i64 [n - 1, 2], weights f64 [n - 1]
static int f_hdbscan(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "hdbscan", "function");
  lua_settop(L, 5);
  const ow_tensor *x = owl_pusharray(L, 2, fn, "positions", OW_F64, 2);
  if (x->shape[1] != 3) return owl_error(L, fn, OW_ESHAPE, "positions: expected n x 3 coordinates, got %d columns", (int)x->shape[1]);
  int64_t n = x->shape[0], edges = n > 0 ? n - 1 : 0, pair[2] = {edges, 2};
  ow_hdbscan h = {.n = n, .min_size = owl_checkint(L, 3, fn, "min_size", 2, INT32_MAX), .single = lua_toboolean(L, 5)};
  int64_t k = owl_checkint(L, 4, fn, "min_samples", 1, INT32_MAX);
  ow_tensor *label = owl_pushnew(L, fn, OW_I64, 1, &n), *prob = owl_pushnew(L, fn, OW_F64, 1, &n);
  ow_tensor *stable = owl_newtensor(L), *birth = owl_newtensor(L), *core = owl_pushnew(L, fn, OW_F64, 1, &n);
  ow_tensor *ab = owl_pushnew(L, fn, OW_I64, 2, pair), *w = owl_pushnew(L, fn, OW_F64, 1, &edges);
  h.label = ow_tensor_data(label), h.probability = ow_tensor_data(prob);
  ow_err e;
  bool ok = true;
  int64_t *id = NULL;
  double *d = NULL;
  ow_edge *edge = NULL;
  ow_cells *c = ow_cells_new(ow_tensor_data(x), n, OW_F64, NULL, "positions", &e);
  ok = c && (id = ow_alloc_array((size_t)n * (size_t)k + 1, sizeof *id, &e)) && (d = ow_alloc_array((size_t)n * (size_t)k + 1, sizeof *d, &e)) &&
       (edge = ow_alloc_array((size_t)n + 1, sizeof *edge, &e));
  double *cd = ow_tensor_data(core);
  if (ok) {
    ow_search s = {.points = c, .queries = c};  // the point itself is its first neighbour
    ok = n == 0 || ow_knn(&s, k, id, d, &e);
    for (int64_t i = 0; ok && i < n; i++) cd[i] = d[i * k + k - 1];
    ok = ok && ow_reach_tree(c, cd, edge, &e) && ow_condense(edge, &h, &e);
  }
  if (ok) {
    int64_t *to = ow_tensor_data(ab);
    double *weight = ow_tensor_data(w);
    for (int64_t i = 0; i < edges; i++) to[2 * i] = edge[i].a + 1, to[2 * i + 1] = edge[i].b + 1, weight[i] = edge[i].w;
    ok = ow_tensor_new(stable, OW_F64, 1, &h.clusters, &e) && ow_tensor_new(birth, OW_F64, 1, &h.clusters, &e);
    if (ok && h.clusters) {
      memcpy(ow_tensor_data(stable), h.stability, (size_t)h.clusters * sizeof(double));
      memcpy(ow_tensor_data(birth), h.birth, (size_t)h.clusters * sizeof(double));
    }
    ow_free(h.stability);
    ow_free(h.birth);
  }
  ow_free(edge);
  ow_free(d);
  ow_free(id);
  ow_cells_free(c);
  if (!ok) return fail(L, fn, &e);
  owl_account(L, stable), owl_account(L, birth);
  return 7;
}

// plane_power(function, positions, directions f64 [m, 3], first, step, steps) -> f32 [m, steps]
static int f_plane_power(lua_State *L) {
  const char *fn = owl_checkstr(L, 1, "plane_power", "function");
  const ow_tensor *x = positions(L, 2, fn), *u = owl_pusharray(L, 3, fn, "directions", OW_F64, 2);
  double first = owl_checknum(L, 4, fn, "first"), step = owl_checknum(L, 5, fn, "step");
  int64_t shape[2] = {u->shape[0], owl_checkint(L, 6, fn, "steps", 1, 1 << 20)};
  if (u->shape[1] != 3) return owl_error(L, fn, OW_ESHAPE, "directions: expected m x 3");
  ow_tensor *t = owl_pushnew(L, fn, OW_F32, 2, shape);
  ow_err e;
  return ow_plane_power(ow_tensor_data(x), x->shape[0], ow_tensor_data(u), shape[0], first, step, shape[1], ow_tensor_data(t), &e) ? 1 : fail(L, fn, &e);
}

int ow_open_clusters(lua_State *L) {
  static const luaL_Reg funcs[] = {{"link", f_link}, {"nearest", f_nearest}, {"pairs", f_pairs}, {"relabelled_pairs", f_relabelled},
                                   {"moments", f_moments}, {"extents", f_extents}, {"hdbscan", f_hdbscan}, {"plane_power", f_plane_power},
                                   {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
