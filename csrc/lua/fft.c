// Bindings of csrc/linalg/fft.c. Conventions and formulas: lua/orowan/meta/fft.lua.
#include <math.h>
#include <string.h>

#include "linalg/fft.h"
#include "lua/owlua.h"

// Axes from the options: `axis` (one), `axes` (a list) or the last `def` of them (0: all).
static void read_axes(lua_State *L, const char *fn, int ndim, int def, ow_fft_spec *s) {
  if (lua_istable(L, 2) && lua_getfield(L, 2, def == 1 ? "axis" : "axes") != LUA_TNIL) {
    if (def == 1) {
      s->naxes = 1;
      s->axis[0] = owl_checkaxis(L, -1, fn, ndim);
    } else {
      if (!lua_istable(L, -1)) owl_badarg(L, fn, "axes", "a table of axes", -1);
      lua_Unsigned n = lua_rawlen(L, -1);
      if (n < 1 || n > (lua_Unsigned)ndim) owl_error(L, fn, OW_EARG, "axes: expected 1 to %d axes, got %d", ndim, (int)n);
      s->naxes = (int)n;
      for (int i = 0; i < s->naxes; i++) {
        lua_rawgeti(L, -1, i + 1);
        s->axis[i] = owl_checkaxis(L, -1, fn, ndim);
        for (int j = 0; j < i; j++)
          if (s->axis[j] == s->axis[i]) owl_error(L, fn, OW_EARG, "axes: axis %d is given twice", s->axis[i] + 1);
        lua_pop(L, 1);
      }
    }
    lua_settop(L, 2);
    return;
  }
  lua_settop(L, 2);
  s->naxes = def ? def : ndim;
  if (ndim < s->naxes || ndim == 0)
    owl_error(L, fn, OW_ESHAPE, "expected at least %d dimension%s, got %d", def ? def : 1, def > 1 ? "s" : "", ndim);
  for (int i = 0; i < s->naxes; i++) s->axis[i] = ndim - s->naxes + i;
}

// Lengths: field `n` (one axis) or `s` (a list), else the input's.
static void read_lengths(lua_State *L, const char *fn, const ow_tensor *a, int def, ow_fft_spec *s) {
  for (int i = 0; i < s->naxes; i++) s->n[i] = a->shape[s->axis[i]];
  int last = s->naxes - 1;
  if (s->kind == OW_FFT_C2R) s->n[last] = 2 * (s->n[last] - 1);
  if (!lua_istable(L, 2) || lua_getfield(L, 2, def == 1 ? "n" : "s") == LUA_TNIL) { lua_settop(L, 2); return; }
  if (def == 1) s->n[0] = owl_checkint(L, -1, fn, "n", 1, INT32_MAX);
  else {
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) != (lua_Unsigned)s->naxes)
      owl_error(L, fn, OW_EARG, "s: expected a table of %d lengths", s->naxes);
    for (int i = 0; i < s->naxes; i++) {
      lua_rawgeti(L, -1, i + 1);
      s->n[i] = owl_checkint(L, -1, fn, "s", 1, INT32_MAX);
      lua_pop(L, 1);
    }
  }
  lua_settop(L, 2);
}

static int transform(lua_State *L, const char *fn, ow_fft_kind kind, int sign, int def) {
  ow_fft_spec s = {.kind = kind, .sign = sign};
  if (!lua_isnoneornil(L, 2) && !lua_istable(L, 2)) owl_badarg(L, fn, "options", "a table", 2);
  lua_settop(L, 2);
  ow_tensor *a = owl_pushfromlua(L, 1, fn, "a", -1);
  lua_replace(L, 1);
  read_axes(L, fn, a->ndim, def, &s);
  read_lengths(L, fn, a, def, &s);
  const char *norm = owl_optfield_str(L, 2, fn, "norm", "backward"), *plan = owl_optfield_str(L, 2, fn, "plan", "estimate");
  double count = 1;
  for (int i = 0; i < s.naxes; i++) count *= (double)s.n[i];
  if (!strcmp(norm, "ortho")) s.scale = 1 / sqrt(count);
  else if (!strcmp(norm, "backward")) s.scale = sign > 0 ? 1 / count : 1;
  else if (!strcmp(norm, "forward")) s.scale = sign < 0 ? 1 / count : 1;
  else owl_error(L, fn, OW_EARG, "norm: expected \"backward\", \"ortho\" or \"forward\", got \"%s\"", norm);
  s.measure = !strcmp(plan, "measure");
  if (!s.measure && strcmp(plan, "estimate"))
    owl_error(L, fn, OW_EARG, "plan: expected \"estimate\" or \"measure\", got \"%s\"", plan);
  ow_err e;
  ow_dtype t;
  int64_t shape[OW_MAXDIM];
  if (!ow_fft_result(a, &s, &t, shape, &e)) return owl_raise(L, fn, &e);
  ow_tensor *out = owl_optfield_tensor(L, 2, fn, "out");
  if (!out) out = owl_pushnew(L, fn, t, a->ndim, shape);
  if (!ow_fft(out, a, &s, &e)) return owl_raise(L, fn, &e);
  return 1;
}

#define TRANSFORMS(X)                                                                       \
  X(fft, OW_FFT_C2C, -1, 1) X(ifft, OW_FFT_C2C, 1, 1) X(rfft, OW_FFT_R2C, -1, 1) X(irfft, OW_FFT_C2R, 1, 1) \
  X(fft2, OW_FFT_C2C, -1, 2) X(ifft2, OW_FFT_C2C, 1, 2) X(rfft2, OW_FFT_R2C, -1, 2) X(irfft2, OW_FFT_C2R, 1, 2) \
  X(fftn, OW_FFT_C2C, -1, 0) X(ifftn, OW_FFT_C2C, 1, 0) X(rfftn, OW_FFT_R2C, -1, 0) X(irfftn, OW_FFT_C2R, 1, 0)
#define FUNCTION(name, kind, sign, def) \
  static int f_##name(lua_State *L) { return transform(L, #name, kind, sign, def); }
TRANSFORMS(FUNCTION)

// Sample frequencies in cycles per unit of d: 0, 1, ... in units of 1 / (n d).
static int frequencies(lua_State *L, const char *fn, bool half) {
  int64_t n = owl_checkint(L, 1, fn, "n", 1, INT32_MAX), count = half ? n / 2 + 1 : n;
  double d = lua_isnoneornil(L, 2) ? 1 : owl_checknum(L, 2, fn, "d");
  if (!(d > 0) || isinf(d)) owl_badarg(L, fn, "d", "a spacing above 0", 2);
  ow_tensor *t = owl_pushnew(L, fn, OW_F64, 1, &count);
  double *p = ow_tensor_data(t), unit = (double)n * d;
  for (int64_t i = 0; i < count; i++) p[i] = (double)(half || i < (n + 1) / 2 ? i : i - n) / unit;
  return 1;
}
static int f_fftfreq(lua_State *L) { return frequencies(L, "fftfreq", false); }
static int f_rfftfreq(lua_State *L) { return frequencies(L, "rfftfreq", true); }

static int shift(lua_State *L, const char *fn, bool inverse) {
  ow_fft_spec s = {.kind = OW_FFT_C2C};
  if (!lua_isnoneornil(L, 2) && !lua_istable(L, 2)) owl_badarg(L, fn, "options", "a table", 2);
  lua_settop(L, 2);
  ow_tensor *a = owl_pushfromlua(L, 1, fn, "a", -1);
  lua_replace(L, 1);
  read_axes(L, fn, a->ndim, 0, &s);
  int64_t by[OW_MAXDIM] = {0};
  for (int i = 0; i < s.naxes; i++) {
    int64_t n = a->shape[s.axis[i]];
    by[s.axis[i]] = inverse ? n - n / 2 : n / 2;
  }
  ow_tensor *t = owl_newtensor(L);
  ow_err e;
  if (!ow_fft_roll(t, a, by, &e)) return owl_raise(L, fn, &e);
  owl_account(L, t);
  return 1;
}
static int f_fftshift(lua_State *L) { return shift(L, "fftshift", false); }
static int f_ifftshift(lua_State *L) { return shift(L, "ifftshift", true); }

static int f_fft_plans(lua_State *L) {
  ow_fft_stats_t s = ow_fft_stats();
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, s.cached);
  lua_setfield(L, -2, "cached");
  lua_pushinteger(L, s.planned);
  lua_setfield(L, -2, "planned");
  lua_pushinteger(L, s.hits);
  lua_setfield(L, -2, "hits");
  return 1;
}

static int f_fft_forget(lua_State *L) {
  (void)L;
  ow_fft_forget();
  return 0;
}

int ow_open_fft(lua_State *L) {
#define ENTRY(name, kind, sign, def) {#name, f_##name},
  static const luaL_Reg funcs[] = {TRANSFORMS(ENTRY){"fftfreq", f_fftfreq},
                                   {"rfftfreq", f_rfftfreq},
                                   {"fftshift", f_fftshift},
                                   {"ifftshift", f_ifftshift},
                                   {"fft_plans", f_fft_plans},
                                   {"fft_forget", f_fft_forget},
                                   {NULL, NULL}};
  luaL_newlib(L, funcs);
  return 1;
}
