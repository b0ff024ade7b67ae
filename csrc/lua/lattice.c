// orowan.core.lattice: table(pairs, cell, positions, edges, same, vectors?) -> other i32 [n, width],
// start i32 [shells + 1], vector f64 [n, width, 3] or nil; count(other, start, types, k) -> i64
// [shells, k, k]; mc(other, start, types, {energy, kt, steps, every, seed, stream, counts}) ->
// types, energies, counts or nil, accepted; sqs(other, start, types, {weight, wanted, steps,
// restarts, seed}) -> types, misfit. The public face is lua/orowan/atoms/.
#include "physics/lattice_mc.h"

#include "lua/pairs.h"

static int f_table(lua_State *L) {
  static const char *const fn = "atoms.shells";
  const ow_pair_list *l = owl_checkpairs(L, 1, fn);
  const double *cell = owl_pushcell(L, 2, fn);
  const ow_tensor *x = owl_pushpositions(L, 3, fn), *edges = owl_pusharray(L, 4, fn, "edges", OW_F64, 1);
  double same = owl_checknum(L, 5, fn, "same");
  bool vectors = lua_toboolean(L, 6);
  if (x->shape[0] != l->n) return owl_error(L, fn, OW_ESHAPE, "%d positions and a list of pairs of %d atoms", (int)x->shape[0], (int)l->n);
  int64_t shells = edges->shape[0] - 1;
  if (shells < 1 || shells > 255) return owl_error(L, fn, OW_EARG, "expected 1 to 255 shells, got %d", (int)shells);
  const double *edge = ow_tensor_data(edges);
  ow_tensor *start = owl_pushnew(L, fn, OW_I32, 1, (int64_t[]){shells + 1});
  int at = lua_gettop(L);
  int32_t *first = ow_tensor_data(start);
  ow_shell_widths(l, cell, ow_tensor_data(x), (int)shells, edge, first);
  int64_t width = first[shells];
  int32_t *other = ow_tensor_data(owl_pushnew(L, fn, OW_I32, 2, (int64_t[]){l->n, width}));
  lua_pushvalue(L, at);
  double *v = vectors ? ow_tensor_data(owl_pushnew(L, fn, OW_F64, 3, (int64_t[]){l->n, width, 3})) : NULL;
  ow_err e;
  if (!ow_shell_fill(l, cell, ow_tensor_data(x), (int)shells, edge, first, same, other, v, &e)) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  return vectors ? 3 : 2;
}

// Table of shells from arguments 1 and 2, left on the stack.
static ow_shell_table table_of(lua_State *L, const char *fn) {
  const ow_tensor *o = owl_pusharray(L, 1, fn, "other", OW_I32, 2), *s = owl_pusharray(L, 2, fn, "start", OW_I32, 1);
  ow_shell_table t = {o->shape[0], (int)s->shape[0] - 1, ow_tensor_data(s), ow_tensor_data(o)};
  bool ok = t.shells >= 1 && t.n >= 1 && t.start[0] == 0 && t.start[t.shells] == o->shape[1];
  for (int k = 0; ok && k < t.shells; k++) ok = t.start[k] <= t.start[k + 1];
  for (int64_t k = 0; ok && k < t.n * o->shape[1]; k++) ok = t.other[k] >= 0 && t.other[k] <= t.n;
  if (!ok) owl_error(L, fn, OW_EARG, "the table of neighbours does not fit together");
  return t;
}

static int f_count(lua_State *L) {
  static const char *const fn = "atoms.order";
  ow_shell_table t = table_of(L, fn);
  int64_t k = owl_checkint(L, 4, fn, "species", 1, 1024);
  const int32_t *types = owl_pushtypes(L, 3, fn, t.n, k);
  ow_shell_count(&t, types, (int)k, ow_tensor_data(owl_pushnew(L, fn, OW_I64, 3, (int64_t[]){t.shells, k, k})));
  return 1;
}

static const double *field(lua_State *L, const char *fn, const char *name, int ndim, const int64_t *shape) {
  lua_getfield(L, 4, name);
  const ow_tensor *t = owl_pusharray(L, -1, fn, name, OW_F64, ndim);
  for (int d = 0; d < ndim; d++)
    if (t->shape[d] != shape[d]) owl_error(L, fn, OW_ESHAPE, "%s: expected size %d along axis %d, got %d", name, (int)shape[d], d + 1, (int)t->shape[d]);
  return ow_tensor_data(t);
}

// A copy of the types, 0-based, to be changed and given back 1-based.
static int64_t species_of(lua_State *L, const char *fn) { return owl_optfield_int(L, 4, fn, "species", 0); }

static void one_based(int32_t *type, int64_t n) {
  for (int64_t i = 0; i < n; i++) type[i]++;
}

static int f_mc(lua_State *L) {
  static const char *const fn = "atoms.lattice_swaps";
  luaL_checktype(L, 4, LUA_TTABLE);
  ow_lattice_mc m = {.table = table_of(L, fn)};
  int64_t k = species_of(L, fn), shells = m.table.shells;
  m.k = (int)k;
  m.energy = field(L, fn, "energy", 3, (int64_t[]){shells, k, k});
  m.kt = owl_optfield_num(L, 4, fn, "kt", 0);
  m.steps = owl_optfield_int(L, 4, fn, "steps", 0), m.every = owl_optfield_int(L, 4, fn, "every", 0);
  m.seed = (uint64_t)owl_optfield_int(L, 4, fn, "seed", 0), m.stream = (uint64_t)owl_optfield_int(L, 4, fn, "stream", 0);
  if (m.steps < 0 || m.every < 1) return owl_error(L, fn, OW_EARG, "steps: expected 0 or more, record: 1 or more");
  int32_t *types = owl_pushtypes(L, 3, fn, m.table.n, k);
  int64_t records = m.steps / m.every, accepted;
  double *energy = ow_tensor_data(owl_pushnew(L, fn, OW_F64, 1, &records));
  if (owl_optfield_bool(L, 4, fn, "counts", true)) owl_pushnew(L, fn, OW_I64, 4, (int64_t[]){records, shells, k, k});
  else lua_pushnil(L);
  ow_tensor *count = owl_totensor(L, -1);
  ow_err e;
  if (!ow_lattice_mc_run(&m, types, energy, count ? ow_tensor_data(count) : NULL, &accepted, &e)) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  one_based(types, m.table.n);
  lua_pushinteger(L, accepted);
  return 4;
}

static int f_sqs(lua_State *L) {
  static const char *const fn = "atoms.sqs";
  luaL_checktype(L, 4, LUA_TTABLE);
  ow_sqs q = {.table = table_of(L, fn)};
  int64_t k = species_of(L, fn), shells = q.table.shells;
  q.k = (int)k;
  q.weight = field(L, fn, "weight", 1, &shells);
  q.wanted = field(L, fn, "wanted", 3, (int64_t[]){shells, k, k});
  q.steps = owl_optfield_int(L, 4, fn, "steps", 0);
  int64_t restarts = owl_optfield_int(L, 4, fn, "restarts", 1);
  q.seed = (uint64_t)owl_optfield_int(L, 4, fn, "seed", 0);
  if (q.steps < 0 || restarts < 1 || restarts > 10000) return owl_error(L, fn, OW_EARG, "steps: expected 0 or more, restarts: 1 to 10000");
  q.restarts = (int)restarts;
  int32_t *types = owl_pushtypes(L, 3, fn, q.table.n, k);
  double misfit;
  ow_err e;
  if (!ow_sqs_run(&q, types, &misfit, &e)) return owl_raise(L, e.code == OW_EINTR ? "" : fn, &e);
  one_based(types, q.table.n);
  lua_pushnumber(L, misfit);
  return 2;
}

int ow_open_lattice(lua_State *L) {
  static const luaL_Reg funcs[] = {{"table", f_table}, {"count", f_count}, {"mc", f_mc}, {"sqs", f_sqs}, {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
