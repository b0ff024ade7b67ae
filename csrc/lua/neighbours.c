// orowan.core.neighbours: points sorted into a tree (userdata) and the searches over it.
// cells(points [, vectors, {p, p, p}]) -> object with knn, within, count_within, order, info,
// close. Options of the searches: queries, exclude (i64 rows, 0: none), leave_self, labels,
// reference. The Lua side (lua/orowan/geometry.lua) reads boxes and documents.
#include <string.h>

#include "geometry/cells_cl.h"
#include "lua/tensor.h"
#include "opencl/device.h"

#define CELLS "orowan.neighbours.cells"

typedef struct { ow_cells *c; } cells_ud;

static ow_cells *check_cells(lua_State *L, const char *fn) {
  cells_ud *u = luaL_testudata(L, 1, CELLS);
  if (!u) owl_badarg(L, fn, "cells", "sorted points", 1);
  if (!u->c) owl_error(L, fn, OW_EARG, "the cells are closed");
  return u->c;
}

static int c_close(lua_State *L) {
  cells_ud *u = luaL_checkudata(L, 1, CELLS);
  ow_cells_free(u->c);
  u->c = NULL;
  return 0;
}

// The tensor (or table) at idx as contiguous n x 3 of its float dtype, others become f64.
static ow_tensor *push_points(lua_State *L, int idx, const char *fn, const char *name, int dtype_or_minus1) {
  ow_tensor *t = owl_totensor(L, idx);
  ow_dtype dtype = dtype_or_minus1 >= 0 ? (ow_dtype)dtype_or_minus1 : t && t->storage && t->dtype == OW_F32 ? OW_F32 : OW_F64;
  t = owl_pusharray(L, idx, fn, name, dtype, -1);
  bool none = t->ndim == 1 && t->shape[0] == 0;  // {} is an empty set
  if (!none && (t->ndim != 2 || t->shape[1] != 3)) {
    char b[160];
    owl_error(L, fn, OW_ESHAPE, "%s: expected N x 3 coordinates, got %s", name, ow_shape_string(b, t->ndim, t->shape));
  }
  return t;
}

static cells_ud *push_cells(lua_State *L) {
  cells_ud *u = lua_newuserdatauv(L, sizeof *u, 0);
  u->c = NULL;
  luaL_setmetatable(L, CELLS);
  return u;
}

// The box at 2 (vectors) and 3 (periodic flags) of the arguments; false when there is none.
static bool read_box(lua_State *L, const char *fn, ow_box *box) {
  ow_err e;
  if (lua_isnil(L, 2)) return false;
  const ow_tensor *m = owl_pusharray(L, 2, fn, "box", OW_F64, 2);
  bool periodic[3];
  for (int i = 0; i < 3; i++) {
    lua_geti(L, 3, i + 1);
    periodic[i] = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  if (m->shape[0] != 3 || m->shape[1] != 3) owl_badarg(L, fn, "box", "3 x 3 vectors", 2);
  if (!ow_box_set(box, ow_tensor_data(m), periodic, &e)) owl_raise(L, fn, &e);
  return true;
}

static int f_cells(lua_State *L) {
  const char *fn = owl_checkstr(L, 4, "cells", "function");
  ow_err e;
  ow_box box;
  const ow_box *b = read_box(L, fn, &box) ? &box : NULL;
  cells_ud *u = push_cells(L);
  ow_tensor *t = push_points(L, 1, fn, "points", -1);
  u->c = ow_cells_new(ow_tensor_data(t), t->shape[0], t->dtype, b, "points", &e);
  if (!u->c) return owl_raise(L, fn, &e);
  lua_pop(L, 1);
  return 1;
}

// slabs(points, vectors, periodic, function, bins) -> order i32 [N], start i64 [bins + 1],
// bound f64 [bins + 1], change of the slab coordinate with distance, rounding of positions
static int f_slabs(lua_State *L) {
  const char *fn = owl_checkstr(L, 4, "slabs", "function");
  ow_err e;
  ow_box box;
  double g[3] = {0, 0, 1}, norm = 1, size = 0;
  bool wrap = false;
  int64_t bins = owl_checkint(L, 5, fn, "bins", 1, 1 << 20), edges = bins + 1;
  lua_settop(L, 5);
  if (read_box(L, fn, &box)) {
    memcpy(g, box.g[2], sizeof g);
    norm = box.gnorm[2], wrap = box.periodic[2], size = box.diagonal;
  }
  ow_tensor *t = push_points(L, 1, fn, "points", -1);
  ow_tensor *order = owl_pushnew(L, fn, OW_I32, 1, &t->shape[0]);
  ow_tensor *start = owl_pushnew(L, fn, OW_I64, 1, &edges), *bound = owl_pushnew(L, fn, OW_F64, 1, &edges);
  if (!ow_slab_order(ow_tensor_data(t), t->shape[0], t->dtype, g, wrap, bins, ow_tensor_data(order), ow_tensor_data(start),
                     ow_tensor_data(bound), &e))
    return owl_raise(L, fn, &e);
  lua_pushnumber(L, norm);
  lua_pushnumber(L, 16 * (t->dtype == OW_F32 ? 1.2e-7 : 2.3e-16) * size);
  return 5;
}

static const int64_t *field_i64(lua_State *L, const char *fn, const char *name, int64_t n) {
  if (lua_getfield(L, 3, name) == LUA_TNIL) return NULL;
  const ow_tensor *t = owl_pusharray(L, -1, fn, name, OW_I64, 1);
  if (t->shape[0] != n)
    owl_error(L, fn, OW_ESHAPE, "%s: expected %lld entries, got %lld", name, (long long)n, (long long)t->shape[0]);
  return ow_tensor_data(t);
}

// (cells, k or radius, options, function's name): fills s; tensors stay on the stack.
static bool read_search(lua_State *L, const char *fn, ow_search *s) {
  ow_err e;
  memset(s, 0, sizeof *s);
  s->points = s->queries = check_cells(L, fn);
  if (!lua_istable(L, 3)) owl_badarg(L, fn, "options", "a table", 3);
  luaL_checkstack(L, 20, NULL);
  if (lua_getfield(L, 3, "queries") != LUA_TNIL) {
    int at = lua_gettop(L);
    cells_ud *u = push_cells(L);
    ow_tensor *t = push_points(L, at, fn, "queries", (int)s->points->dtype);
    s->queries = u->c = ow_cells_new(ow_tensor_data(t), t->shape[0], t->dtype, &s->points->box, "queries", &e);
    if (!u->c) owl_raise(L, fn, &e);
  } else s->leave_self = owl_optfield_bool(L, 3, fn, "leave_self", false);
  s->label = field_i64(L, fn, "labels", s->points->n);
  if (s->label)
    for (int64_t i = 1; i < s->points->n; i++)
      if (s->label[i] <= s->label[i - 1]) owl_error(L, fn, OW_EARG, "labels: expected increasing values; entry %lld is %lld after %lld",
                                                    (long long)i + 1, (long long)s->label[i], (long long)s->label[i - 1]);
  const int64_t *ex = field_i64(L, fn, "exclude", s->queries->n);
  if (ex) {
    ow_tensor *t = owl_pushnew(L, fn, OW_I64, 1, &s->queries->n);
    int64_t *to = ow_tensor_data(t);
    for (int64_t i = 0; i < s->queries->n; i++) {
      if (ex[i] < 0 || ex[i] > s->points->n)
        owl_error(L, fn, OW_EARG, "exclude: entry %lld is %lld; expected a point from 1 to %lld, or 0", (long long)i + 1,
                  (long long)ex[i], (long long)s->points->n);
      to[i] = ex[i] - 1;
    }
    s->exclude = to;
  }
  return owl_optfield_bool(L, 3, fn, "reference", false);
}

// Entries of n numbers as a tensor of the device, NULL for none.
static ow_tensor *push_there(lua_State *L, const char *fn, const int64_t *v, int64_t n, int device) {
  if (!v) return NULL;
  ow_err e;
  ow_tensor *host = owl_pushnew(L, fn, OW_I64, 1, &n), *t = owl_newtensor(L);
  if (n) memcpy(ow_tensor_data(host), v, (size_t)n * sizeof *v);
  if (!ow_tensor_to(t, host, device, &e)) owl_raise(L, fn, &e);
  return t;
}

static int knn_there(lua_State *L, const char *fn, const ow_search *s, int64_t k, int device) {
  ow_err e;
  const ow_tensor *label = push_there(L, fn, s->label, s->points->n, device);
  const ow_tensor *exclude = push_there(L, fn, s->exclude, s->queries->n, device);
  ow_tensor *id = owl_newtensor(L), *d = owl_newtensor(L);
  if (!ow_knn_cl(s, k, device, label, exclude, id, d, &e)) return owl_raise(L, fn, &e);
  owl_account(L, id), owl_account(L, d);
  return 2;
}

static int c_knn(lua_State *L) {
  const char *fn = owl_checkstr(L, 4, "knn", "function");
  ow_err e;
  ow_search s;
  int64_t k = owl_checkint(L, 2, fn, "k", 1, INT32_MAX);
  bool reference = read_search(L, fn, &s);
  const char *where = owl_optfield_str(L, 3, fn, "device", NULL);
  int device = OW_CPU;
  if (where && !ow_cl_find(where, &device, &e)) return owl_raise(L, fn, &e);
  if (device > OW_CPU && reference) return owl_error(L, fn, OW_EARG, "reference: the plain loop runs on the CPU; leave out device");
  if (device > OW_CPU) return knn_there(L, fn, &s, k, device);
  int64_t shape[2] = {s.queries->n, k};
  ow_tensor *id = owl_newtensor(L), *d = owl_newtensor(L);
  if (k > s.points->n && !s.points->box.any) shape[0] = 0;  // refused below, before memory is asked for
  if (!ow_tensor_new(id, OW_I64, 2, shape, &e) || !ow_tensor_new(d, s.points->dtype, 2, shape, &e)) return owl_raise(L, fn, &e);
  owl_account(L, id), owl_account(L, d);
  bool ok = reference ? ow_neighbours_reference(&s, k, 0, NULL, NULL, ow_tensor_data(id), ow_tensor_data(d), &e)
                      : ow_knn(&s, k, ow_tensor_data(id), ow_tensor_data(d), &e);
  return ok ? 2 : owl_raise(L, fn, &e);
}

static int c_count_within(lua_State *L) {
  const char *fn = owl_checkstr(L, 4, "count_within", "function");
  ow_err e;
  ow_search s;
  double radius = owl_checknum(L, 2, fn, "radius");
  bool reference = read_search(L, fn, &s);
  ow_tensor *n = owl_pushnew(L, fn, OW_I64, 1, &s.queries->n);
  bool ok = reference ? ow_neighbours_reference(&s, 0, radius, ow_tensor_data(n), NULL, NULL, NULL, &e)
                      : ow_within_count(&s, radius, ow_tensor_data(n), &e);
  return ok ? 1 : owl_raise(L, fn, &e);
}

static int c_within(lua_State *L) {
  const char *fn = owl_checkstr(L, 4, "within", "function");
  ow_err e;
  ow_search s;
  double radius = owl_checknum(L, 2, fn, "radius");
  bool reference = read_search(L, fn, &s);
  int64_t bounds = s.queries->n + 1;
  ow_tensor *offset = owl_pushnew(L, fn, OW_I64, 1, &bounds);
  int64_t *o = ow_tensor_data(offset);
  o[0] = 0;
  if (reference ? !ow_neighbours_reference(&s, 0, radius, o + 1, NULL, NULL, NULL, &e) : !ow_within_count(&s, radius, o + 1, &e))
    return owl_raise(L, fn, &e);
  for (int64_t i = 1; i < bounds; i++) o[i] += o[i - 1];
  ow_tensor *id = owl_pushnew(L, fn, OW_I64, 1, &o[bounds - 1]);
  ow_tensor *d = owl_pushnew(L, fn, s.points->dtype, 1, &o[bounds - 1]);
  bool ok = reference ? ow_neighbours_reference(&s, 0, radius, NULL, o, ow_tensor_data(id), ow_tensor_data(d), &e)
                      : ow_within(&s, radius, o, ow_tensor_data(id), ow_tensor_data(d), &e);
  return ok ? 3 : owl_raise(L, fn, &e);
}

static int c_order(lua_State *L) {
  const ow_cells *c = check_cells(L, "order");
  ow_tensor *t = owl_pushnew(L, "order", OW_I64, 1, &c->n);
  int64_t *o = ow_tensor_data(t);
  const ow_leaf_f32 *f = c->leaf;
  const ow_leaf_f64 *g = c->leaf;
  for (int64_t i = 0; i < c->n; i++)
    o[i] = 1 + (int64_t)(c->dtype == OW_F32 ? f[i / OW_LEAF].id[i % OW_LEAF] : g[i / OW_LEAF].id[i % OW_LEAF]);
  return 1;
}

static int c_info(lua_State *L) {
  const ow_cells *c = check_cells(L, "info");
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, c->n), lua_setfield(L, -2, "points");
  lua_pushinteger(L, ow_cells_bytes(c)), lua_setfield(L, -2, "bytes");
  lua_pushstring(L, ow_dtype_name(c->dtype)), lua_setfield(L, -2, "dtype");
  return 1;
}

int ow_open_neighbours(lua_State *L) {
  static const luaL_Reg methods[] = {{"knn", c_knn}, {"within", c_within}, {"count_within", c_count_within},
                                     {"order", c_order}, {"info", c_info}, {"close", c_close}, {NULL, NULL}};
  if (luaL_newmetatable(L, CELLS)) {
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, c_close);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
  }
  lua_pop(L, 1);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, f_cells);
  lua_setfield(L, -2, "cells");
  lua_pushcfunction(L, f_slabs);
  lua_setfield(L, -2, "slabs");
  return 1;
}
