// orowan.core.depinning: lines (userdata), runs over several lines at once, the published
// simulator. The Lua side (lua/orowan/depinning) checks names and units and documents.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lua/owlua.h"
#include "physics/depinning.h"

#define LINE "orowan.depinning.line"

typedef struct { ow_dp *s; } line_ud;

static ow_dp *check_line(lua_State *L, int idx, const char *fn) {
  line_ud *u = luaL_testudata(L, idx, LINE);
  if (!u) owl_badarg(L, fn, "line", "a depinning line", idx);
  if (!u->s) owl_error(L, fn, OW_EARG, "the line is closed");
  return u->s;
}

static int l_close(lua_State *L) {
  line_ud *u = luaL_checkudata(L, 1, LINE);
  ow_dp_free(u->s);
  u->s = NULL;
  return 0;
}

static line_ud *push_line(lua_State *L) {
  line_ud *u = lua_newuserdatauv(L, sizeof *u, 0);
  u->s = NULL;
  luaL_setmetatable(L, LINE);
  return u;
}

static int32_t int_field(lua_State *L, const char *fn, const char *name, lua_Integer def) {
  lua_Integer v = owl_optfield_int(L, 1, fn, name, def);
  if (v < INT32_MIN || v > INT32_MAX) owl_error(L, fn, OW_EARG, "%s: %lld is too large", name, (long long)v);
  return (int32_t)v;
}

static ow_dp_kernel *shared_kernel(lua_State *L, int idx, const char *fn) {
  if (!lua_istable(L, idx)) return NULL;
  ow_dp_kernel *k = NULL;
  if (lua_getfield(L, idx, "share") != LUA_TNIL) k = check_line(L, -1, fn)->k;
  lua_pop(L, 1);
  return k;
}

static int f_new(lua_State *L) {
  const char *fn = "depinning.line";
  if (!lua_istable(L, 1)) return owl_badarg(L, fn, "parameters", "a table", 1);
  ow_dp_params p = {0};
  p.lx = int_field(L, fn, "lx", 400);
  p.ly = int_field(L, fn, "ly", 0);
  p.y0 = int_field(L, fn, "y0", p.ly ? p.ly / 4 : 0);
  p.edge = owl_optfield_bool(L, 1, fn, "edge", true);
  p.plain = owl_optfield_bool(L, 1, fn, "plain", false);
  p.drive = owl_optfield_bool(L, 1, fn, "quasistatic", false) ? OW_DP_QUASISTATIC : OW_DP_SPRING;
#define NUM(field, name, def) p.field = owl_optfield_num(L, 1, fn, name, def)
  NUM(mu, "mu", 1);
  NUM(b, "b", 1);
  NUM(a, "a", 1);
  NUM(nu, "nu", 0.35);
  NUM(sigma_pin, "sigma_pin", 0.0175);
  NUM(sigma0, "sigma_0", 0);
  NUM(rate, "rate", 1e-10);
  NUM(spring, "B", 1e-8);
  NUM(wait, "wait", 20);
  NUM(step_max, "step_max", 0);
#undef NUM
  p.seed = (uint64_t)owl_optfield_int(L, 1, fn, "seed", 1);
  p.replica = (uint64_t)owl_optfield_int(L, 1, fn, "replica", 0);
  line_ud *u = push_line(L);
  const double *field = NULL;
  if (lua_getfield(L, 1, "pinning") != LUA_TNIL) {
    ow_tensor *t = owl_pusharray(L, -1, fn, "pinning", OW_F64, 2);
    if (t->shape[0] != p.lx || t->shape[1] != p.ly)
      return owl_error(L, fn, OW_ESHAPE, "pinning: expected lx x ly = %d x %d values, got %lld x %lld", p.lx, p.ly,
                       (long long)t->shape[0], (long long)t->shape[1]);
    field = ow_tensor_data(t);
  }
  ow_err e;
  u->s = ow_dp_new(&p, field, shared_kernel(L, 1, fn), &e);
  if (!u->s) return owl_raise(L, fn, &e);
  lua_pushvalue(L, 2);
  return 1;
}

static int f_restore(lua_State *L) {
  const char *fn = "depinning.restore";
  line_ud *u = push_line(L);
  ow_tensor *t = owl_pusharray(L, 1, fn, "state", OW_U8, 1);
  ow_err e;
  u->s = ow_dp_state_read(ow_tensor_data(t), (size_t)t->shape[0], shared_kernel(L, 2, fn), &e);
  if (!u->s) return owl_raise(L, fn, &e);
  lua_pushvalue(L, -2);
  return 1;
}

static int l_save(lua_State *L) {
  ow_dp *s = check_line(L, 1, "save");
  int64_t n = (int64_t)ow_dp_state_size(s);
  ow_tensor *t = owl_pushnew(L, "save", OW_U8, 1, &n);
  ow_dp_state_write(s, ow_tensor_data(t));
  return 1;
}

static int l_info(lua_State *L) {
  ow_dp *s = check_line(L, 1, "info");
  static const char *const stops[] = {"running", "top", "bottom", "starved"};
  lua_createtable(L, 0, 16);
#define INT(name, v) lua_pushinteger(L, (lua_Integer)(v)), lua_setfield(L, -2, name)
  INT("pick", s->pick);
  INT("area", s->area);
  INT("segments", s->nseg);
  INT("lx", s->par.lx);
  INT("row_low", s->lo);
  INT("row_high", s->hi);
  INT("flips", s->net);
  INT("wide", s->wide);
  INT("full", s->full);
  INT("folded", s->folded);
#undef INT
  lua_pushnumber(L, ow_dp_stress_ext(s)), lua_setfield(L, -2, "stress");
  lua_pushstring(L, stops[s->stop]), lua_setfield(L, -2, "stop");
  return 1;
}

static int l_heights(lua_State *L) {
  ow_dp *s = check_line(L, 1, "heights");
  int64_t n = s->par.lx;
  ow_tensor *t = owl_pushnew(L, "heights", OW_I32, 1, &n);
  memcpy(ow_tensor_data(t), s->height, (size_t)n * sizeof *s->height);
  return 1;
}

// nseg x 3 integers x, y, vertical (0/1) in the list's order, and n stresses without the
// external one, by the way named ("plain" or "fast").
static int l_segments(lua_State *L) {
  ow_dp *s = check_line(L, 1, "segments");
  const char *way = lua_isnoneornil(L, 2) ? "fast" : owl_checkstr(L, 2, "segments", "way");
  int plain = !strcmp(way, "plain");
  if (!plain && strcmp(way, "fast")) return owl_badarg(L, "segments", "way", "\"plain\" or \"fast\"", 2);
  int64_t shape[2] = {s->nseg, 3};
  ow_tensor *t = owl_pushnew(L, "segments", OW_I32, 2, shape);
  int32_t *v = ow_tensor_data(t);
  for (int32_t i = 0; i < s->nseg; i++) {
    v[3 * i] = (int32_t)(s->seg[i].xt >> 1);
    v[3 * i + 1] = s->seg[i].y;
    v[3 * i + 2] = (int32_t)(s->seg[i].xt & 1);
  }
  t = owl_pushnew(L, "segments", OW_F64, 1, shape);
  double *d = ow_tensor_data(t);
  for (int32_t i = 0; i < s->nseg; i++) d[i] = plain ? ow_dp_stress_plain(s, i) : ow_dp_stress_fast(s, i);
  return 2;
}

// Cells of the window: rows x lx, u8, and the lowest row's number.
static int l_cells(lua_State *L) {
  ow_dp *s = check_line(L, 1, "cells");
  int64_t shape[2] = {(int64_t)s->hi - s->lo + 1, s->par.lx};
  ow_tensor *t = owl_pushnew(L, "cells", OW_U8, 2, shape);
  uint8_t *v = ow_tensor_data(t);
  for (int32_t y = s->lo; y <= s->hi; y++)
    memcpy(v + (int64_t)(y - s->lo) * shape[1], s->site + ow_dp_cell(s, 0, y), (size_t)shape[1]);
  lua_pushinteger(L, s->lo);
  return 2;
}

// The pinning of the window's cells: rows x lx, f64 (row 1 is row_low).
static int l_pinning(lua_State *L) {
  ow_dp *s = check_line(L, 1, "pinning");
  int64_t shape[2] = {(int64_t)s->hi - s->lo + 1, s->par.lx};
  ow_tensor *t = owl_pushnew(L, "pinning", OW_F64, 2, shape);
  double *v = ow_tensor_data(t);
  for (int32_t y = s->lo; y <= s->hi; y++)
    memcpy(v + (int64_t)(y - s->lo) * shape[1], s->pin + ow_dp_cell(s, 0, y), (size_t)shape[1] * sizeof *v);
  lua_pushinteger(L, s->lo);
  return 2;
}

static const char *const record_names[] = {"pick", "area", "stress", "heights"};

// record(lines, picks, every, heights): room for one record every `every` picks of a run of
// `picks` picks from now: a list of {pick=, area=, stress=, heights=, every=, count=0}.
static int f_record(lua_State *L) {
  const char *fn = "depinning.run";
  if (!lua_istable(L, 1)) return owl_badarg(L, fn, "lines", "a table of lines", 1);
  int n = (int)luaL_len(L, 1);
  int64_t picks = owl_checkint(L, 2, fn, "picks", 0, (lua_Integer)1 << 53);
  int64_t every = owl_checkint(L, 3, fn, "every", 1, (lua_Integer)1 << 53);
  static const ow_dtype types[] = {OW_I64, OW_I64, OW_F64, OW_I32};
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 1, i + 1);
    ow_dp *s = check_line(L, -1, fn);
    lua_pop(L, 1);
    int64_t max = s->stop ? 0 : (s->pick + picks) / every - s->pick / every + (s->par.ly ? 1 : 0);
    int64_t shape[2] = {max, s->par.lx};
    lua_createtable(L, 0, 6);
    for (int f = 0; f < 3 + lua_toboolean(L, 4); f++) {
      owl_pushnew(L, fn, types[f], f == 3 ? 2 : 1, shape);
      lua_setfield(L, -2, record_names[f]);
    }
    lua_pushinteger(L, every), lua_setfield(L, -2, "every");
    lua_pushinteger(L, 0), lua_setfield(L, -2, "count");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

// run(lines, picks, records or nil): every line on its own thread; records are filled on.
static int f_run(lua_State *L) {
  const char *fn = "depinning.run";
  if (!lua_istable(L, 1)) return owl_badarg(L, fn, "lines", "a table of lines", 1);
  int n = (int)luaL_len(L, 1);
  int64_t picks = owl_checkint(L, 2, fn, "picks", 0, (lua_Integer)1 << 53);
  bool recorded = lua_istable(L, 3);
  if (n < 1 || n > 100000) return owl_badarg(L, fn, "lines", "at least one line", 1);
  typedef struct { ow_dp *s; ow_dp_record r; ow_err e; bool ok; } job;
  job *jobs = lua_newuserdatauv(L, (size_t)n * sizeof *jobs, 0);
  for (int i = 0; i < n; i++) {
    memset(&jobs[i], 0, sizeof *jobs);
    lua_rawgeti(L, 1, i + 1);
    ow_dp *s = jobs[i].s = check_line(L, -1, fn);
    lua_pop(L, 1);
    for (int j = 0; j < i; j++)
      if (jobs[j].s == s) return owl_error(L, fn, OW_EARG, "lines: the same line stands in it twice");
    if (!recorded) continue;
    ow_dp_record *r = &jobs[i].r;
    void *data[4] = {NULL, NULL, NULL, NULL};
    if (lua_rawgeti(L, 3, i + 1) != LUA_TTABLE) return owl_badarg(L, fn, "records", "one record for each line", 3);
    for (int f = 0; f < 4; f++) {
      if (lua_getfield(L, -1, record_names[f]) != LUA_TNIL) {
        ow_tensor *t = owl_checktensor(L, -1, fn, record_names[f]);
        if (f == 0) r->max = t->shape[0];
        data[f] = ow_tensor_data(t);
      }
      lua_pop(L, 1);
    }
    r->pick = data[0];
    r->area = data[1];
    r->stress = data[2];
    r->height = data[3];
    r->every = owl_optfield_int(L, lua_gettop(L), fn, "every", 1);
    r->count = owl_optfield_int(L, lua_gettop(L), fn, "count", 0);
    lua_pop(L, 1);
  }
  #pragma omp parallel for schedule(dynamic, 1) num_threads(ow_threads())
  for (int i = 0; i < n; i++) jobs[i].ok = ow_dp_run(jobs[i].s, picks, recorded ? &jobs[i].r : NULL, &jobs[i].e);
  for (int i = 0; recorded && i < n; i++) {
    lua_rawgeti(L, 3, i + 1);
    lua_pushinteger(L, jobs[i].r.count), lua_setfield(L, -2, "count");
    lua_pop(L, 1);
  }
  for (int i = 0; i < n; i++)
    if (!jobs[i].ok) return owl_raise(L, fn, &jobs[i].e);
  return 0;
}

// trim(records): drops the room that was not used (a line that stopped early).
static int f_trim(lua_State *L) {
  for (int i = 1, n = (int)luaL_len(L, 1); i <= n; i++) {
    lua_rawgeti(L, 1, i);
    int64_t count = owl_optfield_int(L, lua_gettop(L), "depinning.run", "count", 0);
    for (int f = 0; f < 4; f++) {
      if (lua_getfield(L, -1, record_names[f]) != LUA_TNIL) owl_totensor(L, -1)->shape[0] = count;
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  return 0;
}

static int f_row_h(lua_State *L) {
  lua_pushnumber(L, ow_dp_row_h(owl_checknum(L, 1, "row_h", "dx"), owl_checknum(L, 2, "row_h", "dy"), owl_checknum(L, 3, "row_h", "period")));
  return 1;
}

static int f_row_v(lua_State *L) {
  lua_pushnumber(L, ow_dp_row_v(owl_checknum(L, 1, "row_v", "dx"), owl_checknum(L, 2, "row_v", "dy"), owl_checknum(L, 3, "row_v", "period")));
  return 1;
}

static int f_bessel(lua_State *L) {
  double x = owl_checknum(L, 1, "bessel_k01", "x");
  lua_pushnumber(L, ow_bessel_k0(x));
  lua_pushnumber(L, ow_bessel_k1(x));
  return 2;
}

static int f_trigamma(lua_State *L) {
  lua_pushnumber(L, ow_trigamma(owl_checknum(L, 1, "trigamma", "x")));
  return 1;
}

// ---- the published simulator -----------------------------------------------------------------
static bool write_line(void *ctx, const ow_dds_line *l) {
  return fprintf(ctx, "%lld\t%lld\t%.6g\n", (long long)l->pick, (long long)l->area, l->stress) > 0;
}

static bool no_line(void *ctx, const ow_dds_line *l) {
  *(ow_dds_line *)ctx = *l;
  return true;
}

// dds(parameters, pinning lx x ly, path or nil, max_picks) -> stop, picks | nil, err
static int f_dds(lua_State *L) {
  const char *fn = "depinning.compat_run";
  if (!lua_istable(L, 1)) return owl_badarg(L, fn, "control", "a table", 1);
  ow_dds_params p;
  ow_dds_defaults(&p);
#define NUM(field, name) p.field = owl_optfield_num(L, 1, fn, name, p.field)
  NUM(burgers, "Burgers");
  NUM(mu, "mu");
  NUM(poisson, "Poisson");
  NUM(cellsize, "cellsize");
  NUM(spring, "spring_constant");
  NUM(stress_init, "stress_init");
  NUM(stress_rate, "stress_rate");
#undef NUM
  p.lx = int_field(L, fn, "Lx", p.lx);
  p.ly = int_field(L, fn, "Ly", p.ly);
  p.y0 = int_field(L, fn, "initial_height", p.y0);
  p.seed = int_field(L, fn, "seed", p.seed);
  p.vertical_burgers = owl_optfield_bool(L, 1, fn, "vertical_burgers", false);
  ow_tensor *pin = owl_pusharray(L, 2, fn, "pinning", OW_F64, 2);
  if (pin->shape[0] != p.lx || pin->shape[1] != p.ly)
    return owl_error(L, fn, OW_ESHAPE, "pinning: expected Lx x Ly = %d x %d values, got %lld x %lld", p.lx, p.ly,
                     (long long)pin->shape[0], (long long)pin->shape[1]);
  const char *path = luaL_optstring(L, 3, NULL);
  int64_t max = luaL_optinteger(L, 4, 0);
  ow_err e;
  ow_dp_stop stop;
  ow_dds_line last = {0, 0, 0};
  if (path) {
    FILE *f = fopen(path, "w");
    if (!f) {
      OW_FAIL(&e, OW_EIO, "%s: cannot be written", path);
      return owl_nil_err(L, fn, &e);
    }
    bool ok = ow_dds_run(&p, ow_tensor_data(pin), max, write_line, f, &stop, &e);
    bool wrote = !ferror(f);
    if (fclose(f) || !wrote) {
      OW_FAIL(&e, OW_EIO, "%s: writing failed", path);
      return owl_nil_err(L, fn, &e);
    }
    if (!ok) return owl_raise(L, fn, &e);
  } else if (!ow_dds_run(&p, ow_tensor_data(pin), max, no_line, &last, &stop, &e)) return owl_raise(L, fn, &e);
  static const char *const stops[] = {"running", "top", "bottom", "starved"};
  lua_pushstring(L, stops[stop]);
  lua_pushinteger(L, last.pick);
  lua_pushinteger(L, last.area);
  return 3;
}

// ---- events ----------------------------------------------------------------------------------
// events(area, window, threshold) -> first, last (i64, 0-based records)
static int f_events(lua_State *L) {
  const char *fn = "depinning.events";
  ow_tensor *t = owl_pusharray(L, 1, fn, "area", OW_I64, 1);
  int64_t n = t->shape[0], window = owl_checkint(L, 2, fn, "window", 1, INT32_MAX);
  double threshold = owl_checknum(L, 3, fn, "threshold");
  int64_t room = n / 2 + 1;
  ow_tensor *a = owl_pushnew(L, fn, OW_I64, 1, &room), *b = owl_pushnew(L, fn, OW_I64, 1, &room);
  int64_t count = ow_dp_events(ow_tensor_data(t), n, window, threshold, ow_tensor_data(a), ow_tensor_data(b));
  a->shape[0] = b->shape[0] = count;
  return 2;
}

static int push_shapes(lua_State *L, const char *fn, const ow_dp_shape *s, int64_t n) {
  for (int f = 0; f < 3; f++) {
    double *v = ow_tensor_data(owl_pushnew(L, fn, OW_F64, 1, &n));
    for (int64_t i = 0; i < n; i++) v[i] = f == 0 ? s[i].width : f == 1 ? s[i].height : s[i].size;
  }
  return 3;
}

// shapes(heights, first, last, mean, columns, cut) -> width, height, size (f64)
static int f_shapes(lua_State *L) {
  const char *fn = "depinning.shapes";
  ow_tensor *h = owl_pusharray(L, 1, fn, "heights", OW_I32, 2);
  ow_tensor *a = owl_pusharray(L, 2, fn, "first", OW_I64, 1), *b = owl_pusharray(L, 3, fn, "last", OW_I64, 1);
  int64_t mean = owl_checkint(L, 4, fn, "mean", 0, INT32_MAX), n = a->shape[0];
  int columns = (int)owl_checkint(L, 5, fn, "columns", 1, h->shape[1]);
  double cut = owl_checknum(L, 6, fn, "cut");
  const int64_t *from = ow_tensor_data(a), *to = ow_tensor_data(b);
  if (b->shape[0] != n) return owl_error(L, fn, OW_ESHAPE, "first and last: expected the same length");
  for (int64_t i = 0; i < n; i++)
    if (from[i] < 0 || to[i] < from[i] || to[i] >= h->shape[0])
      return owl_error(L, fn, OW_EARG, "event %lld: records %lld .. %lld do not lie in the %lld recorded", (long long)i + 1,
                       (long long)from[i], (long long)to[i], (long long)h->shape[0]);
  ow_dp_shape *s = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *s, 0);
  ow_err e;
  for (int64_t i = 0; i < n; i++) {
    owl_check_interrupt(L);
    if (!ow_dp_event_shape(ow_tensor_data(h), h->shape[0], (int32_t)h->shape[1], from[i], to[i], mean, columns, cut, s + i, &e))
      return owl_raise(L, fn, &e);
  }
  return push_shapes(L, fn, s, n);
}

// growth(heights, first, lags, mean, columns, cut) -> width, height, size at first + lags
static int f_growth(lua_State *L) {
  const char *fn = "depinning.growth";
  ow_tensor *h = owl_pusharray(L, 1, fn, "heights", OW_I32, 2);
  int64_t first = owl_checkint(L, 2, fn, "first", 0, h->shape[0] - 1);
  ow_tensor *lag = owl_pusharray(L, 3, fn, "lags", OW_I64, 1);
  int64_t mean = owl_checkint(L, 4, fn, "mean", 0, INT32_MAX);
  int columns = (int)owl_checkint(L, 5, fn, "columns", 1, h->shape[1]);
  double cut = owl_checknum(L, 6, fn, "cut");
  int64_t n = lag->shape[0];
  const int64_t *v = ow_tensor_data(lag);
  for (int64_t i = 0; i < n; i++)
    if (v[i] < 0 || first + v[i] >= h->shape[0]) return owl_error(L, fn, OW_EARG, "lags: %lld leaves the record", (long long)v[i]);
  ow_dp_shape *s = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *s, 0);
  ow_err e;
  if (!ow_dp_event_growth(ow_tensor_data(h), h->shape[0], (int32_t)h->shape[1], first, mean, columns, cut, v, (int)n, s, &e))
    return owl_raise(L, fn, &e);
  return push_shapes(L, fn, s, n);
}

// roughness(heights, first record (0-based), stride) -> power[lx/2], diff[lx/2]
static int f_roughness(lua_State *L) {
  const char *fn = "depinning.roughness";
  ow_tensor *h = owl_pusharray(L, 1, fn, "heights", OW_I32, 2);
  int64_t first = owl_checkint(L, 2, fn, "first", 0, h->shape[0] - 1), stride = owl_checkint(L, 3, fn, "stride", 1, INT32_MAX);
  int64_t half = h->shape[1] / 2;
  if (half < 1) return owl_error(L, fn, OW_ESHAPE, "heights: expected records x columns with 2 columns or more");
  ow_tensor *p = owl_pushnew(L, fn, OW_F64, 1, &half), *d = owl_pushnew(L, fn, OW_F64, 1, &half);
  ow_err e;
  if (!ow_dp_roughness((int32_t *)ow_tensor_data(h) + first * h->shape[1], h->shape[0] - first, (int32_t)h->shape[1], stride,
                       ow_tensor_data(p), ow_tensor_data(d), &e))
    return owl_raise(L, fn, &e);
  return 2;
}

// profiles(heights, first record (0-based), n) -> n x lx i32, equally spaced records
static int f_profiles(lua_State *L) {
  const char *fn = "depinning.profiles";
  ow_tensor *h = owl_pusharray(L, 1, fn, "heights", OW_I32, 2);
  int64_t first = owl_checkint(L, 2, fn, "first", 0, h->shape[0] - 1), have = h->shape[0] - first;
  int64_t n = owl_checkint(L, 3, fn, "n", 1, INT32_MAX);
  int64_t shape[2] = {n < have ? n : have, h->shape[1]};
  ow_tensor *t = owl_pushnew(L, fn, OW_I32, 2, shape);
  int32_t *out = ow_tensor_data(t);
  const int32_t *in = ow_tensor_data(h);
  for (int64_t i = 0; i < shape[0]; i++)
    memcpy(out + i * shape[1], in + (first + (shape[0] > 1 ? i * (have - 1) / (shape[0] - 1) : 0)) * shape[1], (size_t)shape[1] * sizeof *out);
  return 1;
}

int ow_open_depinning(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"close", l_close},       {"save", l_save},   {"info", l_info},       {"heights", l_heights},
                                     {"segments", l_segments}, {"cells", l_cells}, {"pinning", l_pinning}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"line", f_new},   {"restore", f_restore}, {"record", f_record},     {"run", f_run},           {"trim", f_trim},
                                   {"row_h", f_row_h},
                                   {"row_v", f_row_v}, {"bessel_k01", f_bessel}, {"trigamma", f_trigamma}, {"dds", f_dds},
                                   {"events", f_events}, {"shapes", f_shapes}, {"growth", f_growth}, {"roughness", f_roughness},
                                   {"profiles", f_profiles},
                                   {NULL, NULL}};
  if (luaL_newmetatable(L, LINE)) {
    luaL_setfuncs(L, meta, 0);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
  luaL_newlib(L, funcs);
  return 1;
}
