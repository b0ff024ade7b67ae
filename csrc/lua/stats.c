// orowan.core.stats: distributions of sizes, fits, distances, Monte Carlo. The Lua side
// (lua/orowan/stats) names things for users, validates and composes; a distribution crosses
// as a table {model, discrete, a, b, p0, p1}.
#include "stats/model.h"

#include <math.h>

#include "lua/owlua.h"
#include "stats/gof.h"
#include "stats/special.h"

static double field(lua_State *L, int idx, const char *name, double def) {
  double v = def;
  if (lua_getfield(L, idx, name) != LUA_TNIL) v = luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return v;
}

static ow_dist check_dist(lua_State *L, int idx, const char *fn) {
  ow_dist d = {.b = INFINITY};
  ow_err e;
  if (!lua_istable(L, idx)) owl_badarg(L, fn, "dist", "a table {model=, a=, ...}", idx);
  lua_getfield(L, idx, "model");
  const char *m = lua_tostring(L, -1);
  if (!m || !ow_model_from_name(m, &d.model)) owl_error(L, fn, OW_EARG, "unknown model '%s'", m ? m : "?");
  lua_getfield(L, idx, "discrete");
  d.discrete = lua_toboolean(L, -1);
  lua_pop(L, 2);
  d.a = field(L, idx, "a", NAN);
  d.b = field(L, idx, "b", INFINITY);
  d.p0 = field(L, idx, "p0", 0);
  d.p1 = field(L, idx, "p1", 0);
  if (!ow_dist_init(&d, &e)) owl_raise(L, fn, &e);
  return d;
}

static void set(lua_State *L, const char *name, double v) {
  lua_pushnumber(L, v);
  lua_setfield(L, -2, name);
}

static void push_dist(lua_State *L, const ow_dist *d) {
  lua_createtable(L, 0, 6);
  lua_pushstring(L, ow_model_name(d->model));
  lua_setfield(L, -2, "model");
  lua_pushboolean(L, d->discrete);
  lua_setfield(L, -2, "discrete");
  set(L, "a", d->a);
  set(L, "b", d->b);
  set(L, "p0", d->p0);
  set(L, "p1", d->p1);
}

static ow_tensor *doubles(lua_State *L, int idx, const char *fn, const char *name) {
  return owl_pusharray(L, idx, fn, name, OW_F64, 1);
}

static int f_fit(lua_State *L) {
  static const char fn[] = "stats.fit";
  ow_model m;
  const char *name = owl_checkstr(L, 1, fn, "model");
  if (!ow_model_from_name(name, &m)) return owl_error(L, fn, OW_EARG, "unknown model '%s'", name);
  bool discrete = lua_toboolean(L, 3);
  double a = owl_checknum(L, 4, fn, "smin"), b = lua_isnoneornil(L, 5) ? INFINITY : owl_checknum(L, 5, fn, "smax");
  double level = lua_isnoneornil(L, 6) ? 0.95 : owl_checknum(L, 6, fn, "level");
  ow_tensor *t = doubles(L, 2, fn, "x");
  int64_t n = t->shape[0];
  ow_err e;
  ow_tensor *y = owl_pushnew(L, fn, OW_F64, 1, &n);
  ow_suff s;
  ow_fit f;
  ow_suff_of(&s, ow_tensor_data(t), n, a, m == OW_TRUNCATED ? b : INFINITY, ow_tensor_data(y));
  s.b = b;
  if (!ow_fit_model(m, discrete, &s, level, &f, &e)) return owl_raise(L, fn, &e);
  lua_createtable(L, 0, 12);
  push_dist(L, &f.d);
  lua_setfield(L, -2, "dist");
  lua_pushinteger(L, f.n);
  lua_setfield(L, -2, "n");
  lua_pushinteger(L, f.npar);
  lua_setfield(L, -2, "npar");
  lua_pushboolean(L, f.at_edge);
  lua_setfield(L, -2, "at_edge");
  set(L, "loglik", f.loglik);
  for (int i = 0; i < 2; i++) {
    static const char *const k[2][4] = {{"par1", "se1", "low1", "high1"}, {"par2", "se2", "low2", "high2"}};
    set(L, k[i][0], f.par[i]);
    set(L, k[i][1], f.se[i]);
    set(L, k[i][2], f.low[i]);
    set(L, k[i][3], f.high[i]);
  }
  return 1;
}

static int over_x(lua_State *L, const char *fn, double (*op)(const ow_dist *, double)) {
  ow_dist d = check_dist(L, 1, fn);
  ow_tensor *x = doubles(L, 2, fn, "x");
  ow_tensor *out = owl_pushnew(L, fn, OW_F64, 1, x->shape);
  double *o = ow_tensor_data(out);
  const double *v = ow_tensor_data(x);
  int64_t n = x->shape[0];
#pragma omp parallel for num_threads(ow_threads()) if (n > 4096)
  for (int64_t i = 0; i < n; i++) o[i] = ow_interrupted() ? NAN : op(&d, v[i]);
  owl_check_interrupt(L);
  return 1;
}
static int f_logpdf(lua_State *L) { return over_x(L, "stats.logpdf", ow_dist_logpdf); }
static int f_cdf(lua_State *L) { return over_x(L, "stats.cdf", ow_dist_cdf); }

static int f_sample(lua_State *L) {
  static const char fn[] = "stats.sample";
  ow_dist d = check_dist(L, 1, fn);
  int64_t n = owl_checkint(L, 2, fn, "n", 0, INT64_C(1) << 40);
  uint64_t seed = (uint64_t)luaL_optinteger(L, 3, 0);
  ow_err e;
  ow_tensor *out = owl_pushnew(L, fn, OW_F64, 1, &n);
  double *o = ow_tensor_data(out);
  ow_sampler s;
  if (!ow_sampler_init(&s, &d, &e)) return owl_raise(L, fn, &e);
  // Chunk c of 4096 draws reads stream c.
#pragma omp parallel for num_threads(ow_threads()) if (n > 4096)
  for (int64_t c = 0; c < (n + 4095) / 4096; c++) {
    ow_rng g = ow_rng_make(seed, (uint64_t)c);
    for (int64_t i = c * 4096; i < n && i < (c + 1) * 4096 && !ow_interrupted(); i++) o[i] = ow_sampler_draw(&s, &g);
  }
  ow_sampler_free(&s);
  owl_check_interrupt(L);
  return 1;
}

// ks(x, dist, published): distance over the events of x in [a, b].
static int f_ks(lua_State *L) {
  static const char fn[] = "stats.ks";
  ow_dist d = check_dist(L, 2, fn);
  bool published = lua_toboolean(L, 3);
  ow_tensor *x = doubles(L, 1, fn, "x");
  ow_err e;
  ow_sorted s;
  if (!ow_sorted_make(&s, ow_tensor_data(x), x->shape[0], &e)) return owl_raise(L, fn, &e);
  int64_t from = 0, to = s.m - 1;
  while (from < s.m && s.v[from] < d.a) from++;
  while (to >= 0 && s.v[to] > d.b) to--;
  double ks = from <= to ? ow_ks(&s, from, to, &d, published, INFINITY) : NAN;
  int64_t n = from <= to ? s.c[to] - (from ? s.c[from - 1] : 0) : 0;
  ow_sorted_free(&s);
  lua_pushnumber(L, ks);
  lua_pushinteger(L, n);
  return 2;
}

// What the scans share: (x, discrete, min_tail, max_xmin), then the rest of the arguments.
static void scan_args(lua_State *L, const char *fn, ow_sorted *s, bool *discrete, int64_t *min_tail, double *max_xmin) {
  ow_err e;
  *discrete = lua_toboolean(L, 2);
  *min_tail = owl_checkint(L, 3, fn, "min_tail", 2, INT64_C(1) << 40);
  *max_xmin = lua_isnoneornil(L, 4) ? INFINITY : owl_checknum(L, 4, fn, "max_xmin");
  ow_tensor *x = doubles(L, 1, fn, "x");
  if (!ow_sorted_make(s, ow_tensor_data(x), x->shape[0], &e)) owl_raise(L, fn, &e);
}

static int f_xmin_scan(lua_State *L) {
  static const char fn[] = "stats.fit_power_law";
  ow_sorted s;
  bool discrete;
  int64_t min_tail;
  double top;
  ow_err e;
  ow_scan sc;
  scan_args(L, fn, &s, &discrete, &min_tail, &top);
  bool ok = ow_xmin_scan(&s, discrete, min_tail, top, &sc, &e);
  ow_sorted_free(&s);
  if (!ok) return owl_raise(L, fn, &e);
  lua_createtable(L, 0, 4);
  set(L, "alpha", sc.alpha);
  set(L, "xmin", sc.xmin);
  set(L, "ks", sc.ks);
  lua_pushinteger(L, sc.n_tail);
  lua_setfield(L, -2, "n_tail");
  return 1;
}

// (x, discrete, min_tail, max_xmin, {alpha, xmin, ks, n_tail}, seed, repeats) -> p
static int f_xmin_pvalue(lua_State *L) {
  static const char fn[] = "stats.power_law_pvalue";
  luaL_checktype(L, 5, LUA_TTABLE);
  ow_scan sc = {.alpha = field(L, 5, "alpha", NAN), .xmin = field(L, 5, "xmin", NAN), .ks = field(L, 5, "ks", NAN),
                .n_tail = (int64_t)field(L, 5, "n_tail", 0)};
  uint64_t seed = (uint64_t)luaL_checkinteger(L, 6);
  int64_t repeats = owl_checkint(L, 7, fn, "repeats", 1, 100000000);
  ow_sorted s;
  bool discrete;
  int64_t min_tail;
  double top, p = NAN;
  ow_err e;
  scan_args(L, fn, &s, &discrete, &min_tail, &top);
  bool ok = ow_xmin_pvalue(&s, discrete, &sc, min_tail, top, seed, repeats, &p, &e);
  ow_sorted_free(&s);
  if (!ok) return owl_raise(L, fn, &e);
  lua_pushnumber(L, p);
  return 1;
}

// (x, discrete, min_tail, max_xmin, seed, repeats) -> tensor repeats x 4: alpha, xmin, ks, n_tail
static int f_xmin_bootstrap(lua_State *L) {
  static const char fn[] = "stats.fit_power_law";
  uint64_t seed = (uint64_t)luaL_checkinteger(L, 5);
  int64_t shape[2] = {owl_checkint(L, 6, fn, "repeats", 1, 10000000), 4};
  ow_sorted s;
  bool discrete;
  int64_t min_tail;
  double top;
  ow_err e;
  ow_tensor *out = owl_pushnew(L, fn, OW_F64, 2, shape);
  scan_args(L, fn, &s, &discrete, &min_tail, &top);
  ow_scan *sc = ow_alloc_array((size_t)shape[0], sizeof *sc, &e);
  bool ok = sc && ow_xmin_bootstrap(&s, discrete, min_tail, top, seed, shape[0], sc, &e);
  double *o = ow_tensor_data(out);
  for (int64_t r = 0; ok && r < shape[0]; r++) {
    o[4 * r] = sc[r].alpha;
    o[4 * r + 1] = sc[r].xmin;
    o[4 * r + 2] = sc[r].ks;
    o[4 * r + 3] = (double)sc[r].n_tail;
  }
  ow_free(sc);
  ow_sorted_free(&s);
  if (!ok) return owl_raise(L, fn, &e);
  lua_pop(L, 1);  // the array of scan_args
  return 1;
}

// (dist, n, ks, seed, repeats, decide) -> p, repeats made
static int f_gof(lua_State *L) {
  static const char fn[] = "stats.goodness_of_fit";
  ow_dist d = check_dist(L, 1, fn);
  int64_t n = owl_checkint(L, 2, fn, "n", 2, INT64_C(1) << 40), done = 0;
  double ks = owl_checknum(L, 3, fn, "ks"), p = NAN;
  ow_err e;
  if (!ow_gof_pvalue(&d, n, ks, (uint64_t)luaL_checkinteger(L, 4), owl_checkint(L, 5, fn, "repeats", 1, 100000000),
                     luaL_optnumber(L, 6, 0), &p, &done, &e))
    return owl_raise(L, fn, &e);
  lua_pushnumber(L, p);
  lua_pushinteger(L, done);
  return 2;
}

// (dist, n, seed, repeats, level) -> tensor repeats x 8
static int f_calibrate(lua_State *L) {
  static const char fn[] = "stats.calibrate";
  lua_settop(L, 5);
  ow_dist d = check_dist(L, 1, fn);
  int64_t n = owl_checkint(L, 2, fn, "n", 2, INT64_C(1) << 40);
  int64_t shape[2] = {owl_checkint(L, 4, fn, "repeats", 1, 100000000), 8};
  ow_err e;
  ow_tensor *out = owl_pushnew(L, fn, OW_F64, 2, shape);
  if (!ow_calibrate(&d, n, (uint64_t)luaL_checkinteger(L, 3), shape[0], luaL_optnumber(L, 5, 0.95), ow_tensor_data(out), &e))
    return owl_raise(L, fn, &e);
  return 1;
}

// (x) -> {n, nan, nonpositive, infinite, fractional (counts), first_bad (1-based), min, max, distinct2}
static int f_survey(lua_State *L) {
  ow_tensor *t = doubles(L, 1, "stats", "x");
  const double *x = ow_tensor_data(t);
  int64_t n = t->shape[0], nan = 0, low = 0, inf = 0, frac = 0, first = 0;
  double lo = INFINITY, hi = -INFINITY;
  for (int64_t i = 0; i < n; i++) {
    bool bad = true;
    if (isnan(x[i])) nan++;
    else if (isinf(x[i])) inf++;
    else if (x[i] <= 0) low++;
    else bad = false;
    if (bad) {
      if (!first) first = i + 1;
      continue;
    }
    if (x[i] != floor(x[i])) frac++;
    lo = fmin(lo, x[i]);
    hi = fmax(hi, x[i]);
  }
  lua_createtable(L, 0, 8);
  const char *k[] = {"n", "nan", "nonpositive", "infinite", "fractional", "first_bad"};
  int64_t v[] = {n, nan, low, inf, frac, first};
  for (int i = 0; i < 6; i++) {
    lua_pushinteger(L, v[i]);
    lua_setfield(L, -2, k[i]);
  }
  set(L, "min", lo);
  set(L, "max", hi);
  return 1;
}

// (x) -> contiguous f64 tensor with the same values
static int f_array(lua_State *L) {
  owl_pusharray(L, 1, luaL_optstring(L, 2, "stats"), luaL_optstring(L, 3, "x"), OW_F64, 1);
  return 1;
}

// (x, a, b) -> tensor of the values in [a, b], in order
static int f_between(lua_State *L) {
  double a = luaL_checknumber(L, 2), b = luaL_checknumber(L, 3);
  ow_tensor *t = doubles(L, 1, "stats", "x");
  const double *x = ow_tensor_data(t);
  int64_t n = t->shape[0], m = 0;
  for (int64_t i = 0; i < n; i++) m += x[i] >= a && x[i] <= b;
  double *o = ow_tensor_data(owl_pushnew(L, "stats", OW_F64, 1, &m));
  for (int64_t i = 0; i < n; i++)
    if (x[i] >= a && x[i] <= b) *o++ = x[i];
  return 1;
}

static int f_sorted(lua_State *L) {
  ow_tensor *t = doubles(L, 1, "stats", "x");
  ow_sorted s;
  ow_err e;
  if (!ow_sorted_make(&s, ow_tensor_data(t), t->shape[0], &e)) return owl_raise(L, "stats", &e);
  int64_t m = s.m;
  lua_createtable(L, (int)m, 0);  // distinct values, counts of events at or above each
  lua_createtable(L, (int)m, 0);
  for (int64_t k = 0; k < m; k++) {
    lua_pushnumber(L, s.v[k]);
    lua_rawseti(L, -3, k + 1);
    lua_pushinteger(L, s.n - (k ? s.c[k - 1] : 0));
    lua_rawseti(L, -2, k + 1);
  }
  ow_sorted_free(&s);
  return 2;
}

// ---- special functions ---------------------------------------------------------------------

#define NUM(i) luaL_checknumber(L, i)
static int f_log_expint(lua_State *L) { return lua_pushnumber(L, ow_log_expint_scaled(NUM(1), NUM(2)) - NUM(2)), 1; }
static int f_log_gamma_upper(lua_State *L) { return lua_pushnumber(L, ow_log_gamma_upper(NUM(1), NUM(2))), 1; }
static int f_log_zeta_sum(lua_State *L) { return lua_pushnumber(L, ow_log_zeta_sum(NUM(1), NUM(2), NUM(3), NUM(4))), 1; }
static int f_log_erfcx(lua_State *L) { return lua_pushnumber(L, ow_log_erfcx(NUM(1))), 1; }
static int f_normal_quantile(lua_State *L) { return lua_pushnumber(L, ow_normal_quantile(NUM(1))), 1; }
static int f_normal_cdf(lua_State *L) { return lua_pushnumber(L, ow_normal_cdf(NUM(1))), 1; }
static int f_student_p(lua_State *L) { return lua_pushnumber(L, ow_student_p(NUM(1), NUM(2))), 1; }
static int f_chi2_p(lua_State *L) { return lua_pushnumber(L, 1 - ow_gamma_p(NUM(2) / 2, NUM(1) / 2)), 1; }
static int f_kolmogorov_p(lua_State *L) { return lua_pushnumber(L, ow_kolmogorov_p(NUM(1), NUM(2))), 1; }
static int f_beta_inc(lua_State *L) { return lua_pushnumber(L, ow_beta_inc(NUM(1), NUM(2), NUM(3))), 1; }

int ow_open_stats(lua_State *L) {
  static const luaL_Reg funcs[] = {
      {"fit", f_fit}, {"logpdf", f_logpdf}, {"cdf", f_cdf}, {"sample", f_sample}, {"ks", f_ks},
      {"xmin_scan", f_xmin_scan}, {"xmin_pvalue", f_xmin_pvalue}, {"xmin_bootstrap", f_xmin_bootstrap},
      {"gof", f_gof}, {"calibrate", f_calibrate}, {"survey", f_survey}, {"distinct", f_sorted},
      {"array", f_array}, {"between", f_between},
      {"log_expint", f_log_expint}, {"log_gamma_upper", f_log_gamma_upper}, {"log_zeta_sum", f_log_zeta_sum},
      {"log_erfcx", f_log_erfcx}, {"normal_quantile", f_normal_quantile}, {"normal_cdf", f_normal_cdf},
      {"student_p", f_student_p}, {"chi2_p", f_chi2_p}, {"kolmogorov_p", f_kolmogorov_p}, {"beta_inc", f_beta_inc},
      {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
