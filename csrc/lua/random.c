// Generators: objects {seed, stream, next word}, and one default generator behind the
// module's functions. A draw moves `next` by a fixed number of words, so two programs that
// draw the same shapes in the same order see the same numbers on any machine.
#include <math.h>
#include <string.h>

#include "lua/tensor.h"
#include "op/index.h"
#include "op/random.h"

#define RNG_META "orowan.rng"
#define DEFAULT "orowan.rng.default"

static ow_rng *check_rng(lua_State *L, int idx) { return luaL_checkudata(L, idx, RNG_META); }

static ow_rng *push_rng(lua_State *L, uint64_t seed, uint64_t stream) {
  ow_rng *g = lua_newuserdatauv(L, sizeof *g, 0);
  *g = ow_rng_make(seed, stream);
  luaL_setmetatable(L, RNG_META);
  return g;
}

// Shape (none: one number) and options from idx on. Options: a table without an array part.
typedef struct {
  bool scalar;
  int ndim, opts;  // opts: stack index, 0 when none
  int64_t shape[OW_MAXDIM];
  ow_dtype dtype;
} request;

static request get_request(lua_State *L, int idx, const char *fn, ow_dtype def) {
  request r = {.scalar = true, .dtype = def};
  int top = lua_gettop(L);
  while (top >= idx && lua_isnil(L, top)) top--;
  lua_settop(L, top < idx ? idx - 1 : top);
  if (top < idx) return r;
  bool first_table = lua_istable(L, idx), empty_table = first_table && lua_rawlen(L, idx) == 0;
  bool options_only = false;
  if (empty_table) {  // {} is a shape (scalar tensor), {lo = 0} are options
    lua_pushnil(L);
    options_only = lua_next(L, idx) != 0;
    lua_settop(L, top);
  }
  int next = idx;
  if (!options_only) {
    r.ndim = owl_checkshape(L, idx, fn, r.shape);
    r.scalar = false;
    next = first_table ? idx + 1 : idx + r.ndim;
  }
  if (next > top) return r;
  if (lua_type(L, next) == LUA_TSTRING) r.dtype = owl_checkdtype(L, next, fn);
  else if (lua_istable(L, next)) {
    r.opts = next;
    lua_getfield(L, next, "dtype");
    r.dtype = owl_optdtype(L, -1, fn, def);
    lua_pop(L, 1);
  } else owl_badarg(L, fn, "options", "a table such as {dtype = \"f32\"}, or a dtype", next);
  return r;
}

static double option(lua_State *L, const request *r, const char *fn, const char *name, double def) {
  return r->opts ? owl_optfield_num(L, r->opts, fn, name, def) : def;
}

static int draw(lua_State *L, const char *fn, ow_rng *g, const request *r, const ow_law *law) {
  ow_err e;
  int64_t n = 1;
  if (r->dtype != OW_F64 && r->dtype != OW_F32 && law->dist != OW_INTEGERS && law->dist != OW_POISSON)
    return owl_error(L, fn, OW_EDTYPE, "dtype: expected f32 or f64, got %s", ow_dtype_name(r->dtype));
  if (r->dtype > OW_F64) return owl_error(L, fn, OW_EDTYPE, "dtype: expected a real dtype, got %s", ow_dtype_name(r->dtype));
  ow_tensor *t = owl_pushnew(L, fn, r->dtype, r->ndim, r->shape);
  n = ow_tensor_numel(t);
  if (!ow_random_fill(t, law, g->seed, g->stream, g->next, &e)) return owl_raise(L, fn, &e);
  ow_rng_seek(g, g->next + ow_law_words(law, n));
  if (r->scalar) owl_pushelement(L, t->dtype, ow_tensor_data(t));
  return 1;
}

static int g_uniform(lua_State *L) {
  const char *fn = "uniform";
  ow_rng *g = check_rng(L, 1);
  request r = get_request(L, 2, fn, OW_F64);
  ow_law law = {OW_UNIFORM, option(L, &r, fn, "lo", 0), option(L, &r, fn, "hi", 1), 0, 0};
  if (!(law.a <= law.b) || isinf(law.b - law.a)) return owl_error(L, fn, OW_EARG, "lo, hi: expected finite lo <= hi, got %g, %g", law.a, law.b);
  return draw(L, fn, g, &r, &law);
}

static int g_normal(lua_State *L) {
  const char *fn = "normal";
  ow_rng *g = check_rng(L, 1);
  request r = get_request(L, 2, fn, OW_F64);
  ow_law law = {OW_NORMAL, option(L, &r, fn, "mean", 0), option(L, &r, fn, "std", 1), 0, 0};
  if (!(law.b >= 0)) return owl_error(L, fn, OW_EARG, "std: expected 0 or more, got %g", law.b);
  return draw(L, fn, g, &r, &law);
}

static int g_exponential(lua_State *L) {
  const char *fn = "exponential";
  ow_rng *g = check_rng(L, 1);
  request r = get_request(L, 2, fn, OW_F64);
  ow_law law = {OW_EXPONENTIAL, option(L, &r, fn, "mean", 1), 0, 0, 0};
  if (!(law.a >= 0)) return owl_error(L, fn, OW_EARG, "mean: expected 0 or more, got %g", law.a);
  return draw(L, fn, g, &r, &law);
}

static int g_integers(lua_State *L) {  // (lo, hi, shape...): both included
  const char *fn = "integers";
  ow_rng *g = check_rng(L, 1);
  int64_t lo = owl_checkint(L, 2, fn, "lo", LUA_MININTEGER, LUA_MAXINTEGER);
  int64_t hi = owl_checkint(L, 3, fn, "hi", LUA_MININTEGER, LUA_MAXINTEGER);
  if (hi < lo) return owl_error(L, fn, OW_EARG, "hi: expected at least lo = %lld, got %lld", (long long)lo, (long long)hi);
  request r = get_request(L, 4, fn, OW_I64);
  ow_law law = {OW_INTEGERS, 0, 0, lo, (uint64_t)hi - (uint64_t)lo + 1};
  return draw(L, fn, g, &r, &law);
}

static int g_poisson(lua_State *L) {
  const char *fn = "poisson";
  ow_rng *g = check_rng(L, 1);
  double mean = owl_checknum(L, 2, fn, "mean");
  if (!(mean >= 0 && mean <= 1e15)) return owl_badarg(L, fn, "mean", "a number from 0 to 1e15", 2);
  request r = get_request(L, 3, fn, OW_I64);
  ow_law law = {OW_POISSON, mean, 0, 0, 0};
  return draw(L, fn, g, &r, &law);
}

static int g_gamma(lua_State *L) {
  const char *fn = "gamma";
  ow_rng *g = check_rng(L, 1);
  double shape = owl_checknum(L, 2, fn, "shape");
  if (!(shape > 0 && isfinite(shape))) return owl_badarg(L, fn, "shape", "a number above 0", 2);
  request r = get_request(L, 3, fn, OW_F64);
  ow_law law = {OW_GAMMA, shape, option(L, &r, fn, "scale", 1), 0, 0};
  if (!(law.b >= 0)) return owl_error(L, fn, OW_EARG, "scale: expected 0 or more, got %g", law.b);
  return draw(L, fn, g, &r, &law);
}

static ow_tensor *push_permutation(lua_State *L, const char *fn, ow_rng *g, int64_t n) {
  ow_err e;
  ow_tensor *t = owl_pushnew(L, fn, OW_I64, 1, &n);
  ow_rng h = *g;  // an interrupted draw leaves the generator alone
  if (!ow_random_permutation(ow_tensor_data(t), n, &h, &e)) owl_raise(L, fn, &e);
  *g = h;
  return t;
}

static int g_permutation(lua_State *L) {
  ow_rng *g = check_rng(L, 1);
  push_permutation(L, "permutation", g, owl_checkint(L, 2, "permutation", "n", 0, LUA_MAXINTEGER));
  return 1;
}

// shuffle(t | table [, axis]): a new tensor with its rows in random order; a Lua table is
// shuffled in place, whatever it holds.
static int g_shuffle(lua_State *L) {
  const char *fn = "shuffle";
  ow_rng *g = check_rng(L, 1);
  ow_err e;
  if (lua_istable(L, 2)) {
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, 2); i > 1; i--) {
      lua_Integer j = (lua_Integer)ow_rng_below(g, (uint64_t)i) + 1;
      lua_rawgeti(L, 2, i);
      lua_rawgeti(L, 2, j);
      lua_rawseti(L, 2, i);
      lua_rawseti(L, 2, j);
    }
    lua_settop(L, 2);
    return 1;
  }
  ow_tensor *t = owl_checktensor(L, 2, fn, "values");
  owl_checkhost(L, fn, t);
  int axis = lua_isnoneornil(L, 3) ? owl_axis(L, fn, 1, t->ndim) : owl_checkaxis(L, 3, fn, t->ndim);
  ow_tensor *p = push_permutation(L, fn, g, t->shape[axis]), *r = owl_newtensor(L);
  if (!ow_take(r, t, axis, ow_tensor_data(p), t->shape[axis], &e)) return owl_raise(L, fn, &e);
  owl_account(L, r);
  return 1;
}

// The k largest of keys, as 1-based numbers in idx: a heap of the smallest on top.
static void largest(const double *key, int64_t n, int64_t *idx, int64_t k) {
  for (int64_t i = 0; i < n; i++) {
    int64_t at;
    if (i < k) {
      for (at = i; at > 0 && key[idx[(at - 1) / 2] - 1] > key[i]; at = (at - 1) / 2) idx[at] = idx[(at - 1) / 2];
    } else {
      if (k == 0 || key[i] <= key[idx[0] - 1]) continue;
      for (at = 0;;) {
        int64_t c = 2 * at + 1;
        if (c >= k) break;
        if (c + 1 < k && key[idx[c + 1] - 1] < key[idx[c] - 1]) c++;
        if (key[idx[c] - 1] >= key[i]) break;
        idx[at] = idx[c];
        at = c;
      }
    }
    idx[at] = i + 1;
  }
}

// Weights -> entries: with replacement by bisection of the running sum, without by the
// largest u^(1/w) (Efraimidis and Spirakis 2006).
static void weighted(lua_State *L, const char *fn, ow_rng *g, const ow_tensor *w, int64_t k, bool replace, int64_t *idx) {
  int64_t n = w->shape[0];
  const double *p = ow_tensor_data(w);
  double *c = ow_tensor_data(owl_pushnew(L, fn, OW_F64, 1, &n)), sum = 0;
  int64_t usable = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!(p[i] >= 0 && p[i] < INFINITY)) owl_error(L, fn, OW_EARG, "weights: entry %lld is %g, expected 0 or more", (long long)i + 1, p[i]);
    usable += p[i] > 0;
    c[i] = sum += p[i];
  }
  if (k > 0 && !(sum > 0 && sum < INFINITY)) owl_error(L, fn, OW_EARG, "weights: their sum is %g, expected a number above 0", sum);
  if (!replace && k > usable)
    owl_error(L, fn, OW_EARG, "k: asked for %lld different entries, %lld have a weight above 0", (long long)k, (long long)usable);
  if (replace) {
    for (int64_t j = 0; j < k; j++) {
      double x = ow_rng_uniform(g) * sum;
      int64_t lo = 0, hi = n - 1;  // first entry with c > x
      while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (c[mid] > x) hi = mid;
        else lo = mid + 1;
      }
      while (p[lo] == 0) lo--;  // x rounded up to the sum
      idx[j] = lo + 1;
    }
    return;
  }
  for (int64_t i = 0; i < n; i++) {  // log of u^(1/w)
    double u = log((double)((ow_rng_u64(g) >> 11) + 1) * 0x1p-53);
    c[i] = p[i] > 0 ? u / p[i] : -INFINITY;
  }
  largest(c, n, idx, k);
  for (int64_t i = k - 1; i > 0; i--) {  // the heap's order is not random
    int64_t j = (int64_t)ow_rng_below(g, (uint64_t)i + 1), v = idx[i];
    idx[i] = idx[j];
    idx[j] = v;
  }
}

// choice(n | tensor, k [, {replace = true, weights =}]): numbers of 1..n, or rows of a tensor
static int g_choice(lua_State *L) {
  const char *fn = "choice";
  ow_rng *g = check_rng(L, 1);
  ow_err e;
  ow_tensor *t = lua_isinteger(L, 2) ? NULL : owl_pushfromlua(L, 2, fn, "values", -1);
  if (t) {
    if (t->ndim == 0) return owl_error(L, fn, OW_ESHAPE, "values: expected one or more dimensions");
    lua_replace(L, 2);
    owl_checkhost(L, fn, t);
  }
  int64_t n = t ? t->shape[0] : owl_checkint(L, 2, fn, "n", 0, LUA_MAXINTEGER);
  int64_t k = owl_checkint(L, 3, fn, "k", 0, LUA_MAXINTEGER);
  bool replace = owl_optfield_bool(L, 4, fn, "replace", true);
  if (k > 0 && n == 0) return owl_error(L, fn, OW_EARG, "nothing to choose from");
  if (!replace && k > n) return owl_error(L, fn, OW_EARG, "k: asked for %lld different entries of %lld", (long long)k, (long long)n);
  ow_tensor *idx = owl_pushnew(L, fn, OW_I64, 1, &k);
  int64_t *p = ow_tensor_data(idx);
  int at = lua_gettop(L);
  bool has_weights = lua_istable(L, 4) && lua_getfield(L, 4, "weights") != LUA_TNIL;
  ow_rng h = *g;
  if (has_weights) {
    ow_tensor *w = owl_pusharray(L, -1, fn, "weights", OW_F64, 1);
    if (w->shape[0] != n) return owl_error(L, fn, OW_ESHAPE, "weights: expected %lld entries, got %lld", (long long)n, (long long)w->shape[0]);
    weighted(L, fn, &h, w, k, replace, p);
  } else if (replace) {
    for (int64_t j = 0; j < k; j++) p[j] = (int64_t)ow_rng_below(&h, (uint64_t)n) + 1;
  } else if (!ow_random_subset(p, k, n, &h, &e)) return owl_raise(L, fn, &e);
  *g = h;
  lua_settop(L, at);
  if (!t) return 1;
  ow_tensor *r = owl_newtensor(L);
  if (!ow_take(r, t, 0, p, k, &e)) return owl_raise(L, fn, &e);
  owl_account(L, r);
  return 1;
}

static int g_u64(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)ow_rng_u64(check_rng(L, 1)));
  return 1;
}

static int g_state(lua_State *L) {
  ow_rng *g = check_rng(L, 1);
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, (lua_Integer)g->seed), lua_setfield(L, -2, "seed");
  lua_pushinteger(L, (lua_Integer)g->stream), lua_setfield(L, -2, "stream");
  lua_pushinteger(L, (lua_Integer)g->next), lua_setfield(L, -2, "next");
  return 1;
}

static int g_restore(lua_State *L) {
  ow_rng *g = check_rng(L, 1);
  static const char *const names[3] = {"seed", "stream", "next"};
  uint64_t v[3];
  if (!lua_istable(L, 2)) return owl_badarg(L, "restore", "state", "a table made by state()", 2);
  for (int i = 0; i < 3; i++) {
    lua_getfield(L, 2, names[i]);
    v[i] = (uint64_t)owl_checkint(L, -1, "restore", names[i], LUA_MININTEGER, LUA_MAXINTEGER);
    lua_pop(L, 1);
  }
  *g = ow_rng_make(v[0], v[1]);
  ow_rng_seek(g, v[2]);
  lua_settop(L, 1);
  return 1;
}

static int g_tostring(lua_State *L) {
  ow_rng *g = check_rng(L, 1);
  lua_pushfstring(L, "rng(seed %I, stream %I, next word %I)", (LUAI_UACINT)g->seed, (LUAI_UACINT)g->stream, (LUAI_UACINT)g->next);
  return 1;
}

static int f_rng(lua_State *L) {
  uint64_t seed = lua_isnoneornil(L, 1) ? 0 : (uint64_t)owl_checkint(L, 1, "rng", "seed", LUA_MININTEGER, LUA_MAXINTEGER);
  uint64_t stream = lua_isnoneornil(L, 2) ? 0 : (uint64_t)owl_checkint(L, 2, "rng", "stream", LUA_MININTEGER, LUA_MAXINTEGER);
  push_rng(L, seed, stream);
  return 1;
}

static int f_seed(lua_State *L) {
  lua_settop(L, 2);
  lua_getfield(L, LUA_REGISTRYINDEX, DEFAULT);
  ow_rng *g = check_rng(L, -1);
  *g = ow_rng_make((uint64_t)owl_checkint(L, 1, "seed", "n", LUA_MININTEGER, LUA_MAXINTEGER),
                   lua_isnoneornil(L, 2) ? 0 : (uint64_t)owl_checkint(L, 2, "seed", "stream", LUA_MININTEGER, LUA_MAXINTEGER));
  return 1;
}

static int f_generator(lua_State *L) {  // the generator that ow.random.normal and friends use
  lua_getfield(L, LUA_REGISTRYINDEX, DEFAULT);
  return 1;
}

static int on_default(lua_State *L) {  // upvalue: the method
  lua_getfield(L, LUA_REGISTRYINDEX, DEFAULT);
  lua_insert(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

int ow_open_random(lua_State *L) {
  static const luaL_Reg laws[] = {
      {"uniform", g_uniform}, {"normal", g_normal}, {"exponential", g_exponential}, {"integers", g_integers},
      {"poisson", g_poisson}, {"gamma", g_gamma}, {"permutation", g_permutation}, {"shuffle", g_shuffle},
      {"choice", g_choice}, {NULL, NULL}};
  static const luaL_Reg others[] = {{"u64", g_u64}, {"state", g_state}, {"restore", g_restore}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"rng", f_rng}, {"seed", f_seed}, {"generator", f_generator}, {NULL, NULL}};
  luaL_newmetatable(L, RNG_META);
  lua_newtable(L);
  luaL_setfuncs(L, laws, 0);
  luaL_setfuncs(L, others, 0);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, g_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 1);
  push_rng(L, 0, 0);
  lua_setfield(L, LUA_REGISTRYINDEX, DEFAULT);
  luaL_newlib(L, funcs);
  for (const luaL_Reg *l = laws; l->name; l++) {
    lua_pushcfunction(L, l->func);
    lua_pushcclosure(L, on_default, 1);
    lua_setfield(L, -2, l->name);
  }
  return 1;
}
