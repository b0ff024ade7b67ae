// The tensor userdata: life cycle, description, conversion, whole-tensor access.
// Invariant: an object is on the Lua stack, with its metatable, before its storage exists.
#include "lua/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "op/index.h"
#include "opencl/device.h"

// ---- shared with the other tensor bindings -------------------------------------------------

void owl_checkhost(lua_State *L, const char *fn, const ow_tensor *t) {
  if (t->storage->device != OW_CPU)
    owl_error(L, fn, OW_EDEVICE, "not available on %s; move the tensor with t:to('cpu')", ow_device_name(t->storage->device));
}

void owl_checkwritable(lua_State *L, const char *fn, const ow_tensor *t) {
  owl_checkhost(L, fn, t);
  owl_checkdistinct(L, fn, t);
}

void owl_checkdistinct(lua_State *L, const char *fn, const ow_tensor *t) {
  for (int d = 0; d < t->ndim; d++)
    if (t->shape[d] > 1 && t->stride[d] == 0)
      owl_error(L, fn, OW_EARG, "cannot write into a broadcast view (axis %d repeats one element); use :copy() first", d + 1);
}

void owl_pushelement(lua_State *L, ow_dtype dtype, const void *p) {
  double c[2];
  if (ow_dtype_is_int(dtype)) {
    int64_t v;
    ow_convert(OW_I64, &v, 0, dtype, p, 0, 1, true);
    lua_pushinteger(L, v);
    return;
  }
  ow_convert(OW_C128, c, 0, dtype, p, 0, 1, true);
  if (!ow_dtype_is_complex(dtype)) { lua_pushnumber(L, c[0]); return; }
  lua_createtable(L, 2, 0);
  for (int i = 0; i < 2; i++) {
    lua_pushnumber(L, c[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

bool owl_iselement(lua_State *L, int idx, ow_dtype dtype) {
  if (lua_type(L, idx) == LUA_TNUMBER || lua_isboolean(L, idx)) return true;
  if (!ow_dtype_is_complex(dtype) || !lua_istable(L, idx) || lua_rawlen(L, idx) != 2) return false;
  bool ok = true;
  for (int i = 1; i <= 2; i++) {
    if (lua_rawgeti(L, idx, i) != LUA_TNUMBER) ok = false;
    lua_pop(L, 1);
  }
  return ok;
}

void owl_storeelement(lua_State *L, int idx, const char *fn, ow_dtype dtype, void *p) {
  bool ok;
  if (lua_isinteger(L, idx) || lua_isboolean(L, idx)) {
    int64_t v = lua_isboolean(L, idx) ? lua_toboolean(L, idx) : lua_tointeger(L, idx);
    ok = ow_convert(dtype, p, 0, OW_I64, &v, 0, 1, false);
  } else if (lua_type(L, idx) == LUA_TNUMBER) {
    double v = lua_tonumber(L, idx);
    ok = ow_convert(dtype, p, 0, OW_F64, &v, 0, 1, false);
  } else if (owl_iselement(L, idx, dtype)) {
    double c[2];
    for (int i = 0; i < 2; i++) {
      lua_rawgeti(L, idx, i + 1);
      c[i] = lua_tonumber(L, -1);
      lua_pop(L, 1);
    }
    ok = ow_convert(dtype, p, 0, OW_C128, c, 0, 1, false);
  } else {
    owl_badarg(L, fn, "value", ow_dtype_is_complex(dtype) ? "a number or {re, im}" : "a number", idx);
    return;
  }
  if (!ok) {
    char buf[64];
    snprintf(buf, sizeof buf, "a value that %s can hold", ow_dtype_name(dtype));
    owl_badarg(L, fn, "value", buf, idx);
  }
}

ow_tensor *owl_pushview(lua_State *L, const ow_tensor *src) {
  ow_tensor *t = owl_newtensor(L);
  ow_tensor_view(t, src);
  return t;
}

void owl_fill(lua_State *L, const char *fn, const ow_tensor *t, const void *value) {
  ow_err e;
  if (t->storage->device <= OW_CPU) ow_fill(t, value);
  else if (!ow_device_layer_in_use->fill(t, value, &e)) owl_raise(L, fn, &e);
}

void owl_assign(lua_State *L, const char *fn, const ow_tensor *dst, int idx) {
  ow_err e;
  idx = lua_absindex(L, idx);
  owl_checkdistinct(L, fn, dst);
  if (owl_iselement(L, idx, dst->dtype)) {
    _Alignas(16) char value[16];
    owl_storeelement(L, idx, fn, dst->dtype, value);
    owl_fill(L, fn, dst, value);
    return;
  }
  ow_tensor *src;
  if (owl_totensor(L, idx)) {
    lua_pushvalue(L, idx);
    src = owl_anytensor(L, -1, fn, "value");
  } else src = owl_pushfromlua(L, idx, fn, "value", -1);
  if (!ow_tensor_copy(dst, src, false, &e)) owl_raise(L, fn, &e);
  lua_pop(L, 1);
}

int64_t owl_index(lua_State *L, const char *fn, lua_Integer i, int axis, int64_t n) {
  int64_t k = i < 0 ? i + n : i - 1;
  if (i == 0 || k < 0 || k >= n)
    owl_error(L, fn, OW_EARG, "index %lld is out of range on axis %d of size %lld", (long long)i, axis + 1, (long long)n);
  return k;
}

int owl_shape_dtype(lua_State *L, int idx, const char *fn, int64_t *shape, ow_dtype *dtype, bool *given) {
  int ndim = owl_checkshape(L, idx, fn, shape), at = lua_istable(L, idx) ? idx + 1 : idx + ndim;
  bool has = !lua_isnoneornil(L, at);
  if (has) *dtype = owl_checkdtype(L, at, fn);
  if (given) *given = has;
  return ndim;
}

// ---- life cycle, description ---------------------------------------------------------------

static int t_gc(lua_State *L) {
  ow_tensor *t = luaL_checkudata(L, 1, OWL_TENSOR);
  ow_tensor_close(t);
  return 0;
}

static int t_shape(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "shape", "self");
  if (!lua_isnoneornil(L, 2)) {
    lua_pushinteger(L, t->shape[owl_checkaxis(L, 2, "shape", t->ndim)]);
    return 1;
  }
  lua_createtable(L, t->ndim, 0);
  for (int d = 0; d < t->ndim; d++) {
    lua_pushinteger(L, t->shape[d]);
    lua_rawseti(L, -2, d + 1);
  }
  return 1;
}

static int t_stride(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "stride", "self");
  lua_createtable(L, t->ndim, 0);
  for (int d = 0; d < t->ndim; d++) {
    lua_pushinteger(L, t->stride[d]);
    lua_rawseti(L, -2, d + 1);
  }
  return 1;
}

static int t_dtype(lua_State *L) {
  lua_pushstring(L, ow_dtype_name(owl_anytensor(L, 1, "dtype", "self")->dtype));
  return 1;
}

static int t_ndim(lua_State *L) {
  lua_pushinteger(L, owl_anytensor(L, 1, "ndim", "self")->ndim);
  return 1;
}

static int t_numel(lua_State *L) {
  lua_pushinteger(L, ow_tensor_numel(owl_anytensor(L, 1, "numel", "self")));
  return 1;
}

static int t_iscontiguous(lua_State *L) {
  lua_pushboolean(L, ow_tensor_is_contiguous(owl_anytensor(L, 1, "is_contiguous", "self")));
  return 1;
}

static int t_shares(lua_State *L) {
  ow_tensor *a = owl_anytensor(L, 1, "shares_storage", "self"), *b = owl_anytensor(L, 2, "shares_storage", "other");
  lua_pushboolean(L, a->storage == b->storage);
  return 1;
}

static int t_len(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "#", "self");
  lua_pushinteger(L, t->ndim ? t->shape[0] : 1);
  return 1;
}

// ---- whole-tensor access -------------------------------------------------------------------

static void push_table(lua_State *L, const ow_tensor *t, int d, const char *p) {
  if (d == t->ndim) { owl_pushelement(L, t->dtype, p); return; }
  luaL_checkstack(L, 3, "totable");
  if (t->shape[d] > INT32_MAX) { owl_error(L, "totable", OW_EARG, "too many elements for a Lua table"); return; }
  lua_createtable(L, (int)t->shape[d], 0);
  for (int64_t i = 0; i < t->shape[d]; i++) {
    push_table(L, t, d + 1, p + i * t->stride[d] * (int64_t)ow_dtype_size(t->dtype));
    lua_rawseti(L, -2, i + 1);
  }
}

static int t_totable(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "totable", "self");
  t = owl_tohost(L, "totable", t);
  push_table(L, t, 0, ow_tensor_data(t));
  return 1;
}

static int t_item(lua_State *L) {
  char buf[160];
  ow_tensor *t = owl_anytensor(L, 1, "item", "self");
  if (ow_tensor_numel(t) != 1)
    return owl_error(L, "item", OW_ESHAPE, "expected a tensor of one element, got shape %s", ow_shape_string(buf, t->ndim, t->shape));
  t = owl_tohost(L, "item", t);
  owl_pushelement(L, t->dtype, ow_tensor_data(t));
  return 1;
}

static int t_copy(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "copy", "self");
  ow_err e;
  if (!lua_isnoneornil(L, 2)) {  // t:copy(source): fills t
    owl_assign(L, "copy", t, 2);
    lua_settop(L, 1);
    return 1;
  }
  ow_tensor *r = owl_newtensor(L);
  if (!ow_tensor_new_like(r, t, &e) || !ow_tensor_copy(r, t, true, &e)) owl_raise(L, "copy", &e);
  owl_account(L, r);
  return 1;
}

static int t_contiguous(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "contiguous", "self");
  ow_err e;
  if (ow_tensor_is_contiguous(t)) { lua_settop(L, 1); return 1; }
  ow_tensor *r = owl_newtensor(L);
  if (!ow_tensor_contiguous(r, t, &e)) owl_raise(L, "contiguous", &e);
  owl_account(L, r);
  return 1;
}

// A device ("cpu", "opencl", "opencl:0") or a dtype.
static int t_to(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "to", "self");
  ow_err e;
  const char *what = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  int device = t->storage->device;
  ow_dtype dtype = t->dtype;
  bool unchecked = owl_optfield_bool(L, 3, "to", "unchecked", false);
  if (!strcmp(what, "cpu") || !strncmp(what, "opencl", 6)) {
    if (!ow_cl_find(what, &device, &e)) owl_raise(L, "to", &e);
  } else if (!ow_dtype_from_name(what, &dtype))
    owl_badarg(L, "to", "dtype", "one of u8 i32 i64 f32 f64 c64 c128 f16 bf16, or a device (\"cpu\", \"opencl:0\")", 2);
  if (device == t->storage->device && t->dtype == dtype) { lua_settop(L, 1); return 1; }
  ow_tensor *r = owl_newtensor(L);
  if (device != t->storage->device) {
    if (!ow_tensor_to(r, t, device, &e)) owl_raise(L, "to", &e);
  } else if (!ow_tensor_cast(r, t, dtype, unchecked, &e)) owl_raise(L, "to", &e);
  owl_account(L, r);
  return 1;
}

static int t_device(lua_State *L) {
  lua_pushstring(L, ow_device_name(owl_anytensor(L, 1, "device", "self")->storage->device));
  return 1;
}

static int t_fill(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "fill", "self");
  owl_checkdistinct(L, "fill", t);
  _Alignas(16) char value[16];
  owl_storeelement(L, 2, "fill", t->dtype, value);
  owl_fill(L, "fill", t, value);
  lua_settop(L, 1);
  return 1;
}

// ---- bytes ---------------------------------------------------------------------------------

// Size of the words that a byte order applies to: a complex number is two of them.
static size_t word_size(ow_dtype d) { return ow_dtype_is_complex(d) ? ow_dtype_size(d) / 2 : ow_dtype_size(d); }

static bool swap_wanted(lua_State *L, int idx, const char *fn) {
  const char *s = owl_optfield_str(L, idx, fn, "endian", "little");
  if (strcmp(s, "little") && strcmp(s, "big"))
    owl_error(L, fn, OW_EARG, "endian: expected \"little\" or \"big\", got \"%.20s\"", s);
  return (s[0] == 'b') == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

static void swap_words(char *p, size_t bytes, size_t w) {
  if (w == 2) for (size_t i = 0; i < bytes; i += 2) { uint16_t v; memcpy(&v, p + i, 2); v = __builtin_bswap16(v); memcpy(p + i, &v, 2); }
  if (w == 4) for (size_t i = 0; i < bytes; i += 4) { uint32_t v; memcpy(&v, p + i, 4); v = __builtin_bswap32(v); memcpy(p + i, &v, 4); }
  if (w == 8) for (size_t i = 0; i < bytes; i += 8) { uint64_t v; memcpy(&v, p + i, 8); v = __builtin_bswap64(v); memcpy(p + i, &v, 8); }
}

static int t_bytes(lua_State *L) {
  ow_tensor *t = owl_anytensor(L, 1, "bytes", "self");
  bool swap = swap_wanted(L, 2, "bytes");
  owl_tohost(L, "bytes", t);
  lua_replace(L, 1);
  t = owl_pusharray(L, 1, "bytes", "self", t->dtype, -1);
  size_t n = (size_t)ow_tensor_numel(t) * ow_dtype_size(t->dtype);
  if (!swap) { lua_pushlstring(L, ow_tensor_data(t), n); return 1; }
  luaL_Buffer b;
  char *p = luaL_buffinitsize(L, &b, n);
  memcpy(p, ow_tensor_data(t), n);
  swap_words(p, n, word_size(t->dtype));
  luaL_pushresultsize(&b, n);
  return 1;
}

static int f_from_bytes(lua_State *L) {
  size_t len;
  char buf[160];
  if (lua_type(L, 1) != LUA_TSTRING) owl_badarg(L, "from_bytes", "data", "a string", 1);
  const char *s = lua_tolstring(L, 1, &len);
  ow_dtype dtype = owl_checkdtype(L, 2, "from_bytes");
  int64_t shape[OW_MAXDIM];
  size_t es = ow_dtype_size(dtype);
  int ndim = 1;
  bool swap = swap_wanted(L, 4, "from_bytes");
  if (lua_isnoneornil(L, 3)) {
    shape[0] = (int64_t)(len / es);
    if (len % es) return owl_error(L, "from_bytes", OW_EARG, "data: %zu bytes are not a multiple of %zu (%s)", len, es, ow_dtype_name(dtype));
  } else ndim = owl_checkshape(L, 3, "from_bytes", shape);
  ow_tensor *t = owl_pushnew(L, "from_bytes", dtype, ndim, shape);
  size_t need = (size_t)ow_tensor_numel(t) * es;
  if (need != len)
    return owl_error(L, "from_bytes", OW_ESHAPE, "data: shape %s of %s needs %zu bytes, got %zu",
                     ow_shape_string(buf, ndim, shape), ow_dtype_name(dtype), need, len);
  memcpy(ow_tensor_data(t), s, len);
  if (swap) swap_words(ow_tensor_data(t), len, word_size(dtype));
  return 1;
}

// ---- comparison as a whole -----------------------------------------------------------------

static int compare(lua_State *L, const char *fn, bool exact) {
  double rtol = 0, atol = 0;
  bool equal_nan = owl_optfield_bool(L, 3, fn, "equal_nan", false);
  if (!exact) {
    rtol = owl_optfield_num(L, 3, fn, "rtol", 1e-5);
    atol = owl_optfield_num(L, 3, fn, "atol", 1e-8);
  }
  for (int i = 1; i <= 2; i++) {  // what is on a device is read back
    ow_tensor *t = owl_totensor(L, i);
    if (!t || !t->storage || t->storage->device <= OW_CPU) continue;
    owl_tohost(L, fn, t);
    lua_replace(L, i);
  }
  ow_tensor *a = owl_pushfromlua(L, 1, fn, "a", -1), *b = owl_pushfromlua(L, 2, fn, "b", -1);
  int64_t shape[OW_MAXDIM];
  int ndim;
  ow_err e;
  bool same = a->ndim == b->ndim;
  for (int d = 0; same && d < a->ndim; d++) same = a->shape[d] == b->shape[d];
  if (exact && !same) { lua_pushboolean(L, 0); return 1; }
  if (!ow_broadcast_shapes(a, b, &ndim, shape, &e)) owl_raise(L, fn, &e);
  ow_dtype type = ow_dtype_promote(a->dtype, b->dtype);
  ow_tensor *v[2] = {a, b}, *w[2];
  for (int i = 0; i < 2; i++) {
    ow_tensor *c = owl_newtensor(L);
    if (v[i]->dtype == type) ow_tensor_view(c, v[i]);
    else if (!ow_tensor_cast(c, v[i], type, false, &e)) owl_raise(L, fn, &e);
    w[i] = owl_newtensor(L);
    if (!ow_tensor_broadcast_to(w[i], c, ndim, shape, &e)) owl_raise(L, fn, &e);
  }
  lua_pushboolean(L, ow_close_to(w[0], w[1], rtol, atol, equal_nan));
  return 1;
}

static int f_equal(lua_State *L) { return compare(L, "equal", true); }
static int f_allclose(lua_State *L) { return compare(L, "allclose", false); }

static int f_tensor(lua_State *L) {
  int dtype = lua_isnoneornil(L, 2) ? -1 : (int)owl_checkdtype(L, 2, "tensor");
  ow_tensor *t = owl_totensor(L, 1);
  ow_err e;
  if (t) {  // always fresh memory
    t = owl_checktensor(L, 1, "tensor", "data");
    ow_tensor *r = owl_pushnew(L, "tensor", dtype < 0 ? t->dtype : (ow_dtype)dtype, t->ndim, t->shape);
    if (!ow_tensor_copy(r, t, false, &e)) owl_raise(L, "tensor", &e);
    return 1;
  }
  owl_pushfromlua(L, 1, "tensor", "data", dtype);
  return 1;
}

static int f_istensor(lua_State *L) {
  lua_pushboolean(L, owl_totensor(L, 1) != NULL);
  return 1;
}

// __index: a string is a method, everything else an index.
static int t_index(lua_State *L) {
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
  }
  return owl_getindex(L);
}

int ow_open_tensor(lua_State *L) {
  static const luaL_Reg meta[] = {{"__gc", t_gc}, {"__close", t_gc}, {"__len", t_len}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"close", t_gc}, {"shape", t_shape}, {"stride", t_stride}, {"dtype", t_dtype}, {"ndim", t_ndim},
      {"numel", t_numel}, {"is_contiguous", t_iscontiguous}, {"shares_storage", t_shares}, {"totable", t_totable},
      {"item", t_item}, {"copy", t_copy}, {"contiguous", t_contiguous}, {"device", t_device}, {"to", t_to}, {"fill", t_fill},
      {"bytes", t_bytes}, {"equal", f_equal}, {"allclose", f_allclose}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"tensor", f_tensor}, {"is_tensor", f_istensor}, {"from_bytes", f_from_bytes},
                                   {"equal", f_equal}, {"allclose", f_allclose}, {NULL, NULL}};
  owl_metamethods(L, meta);
  owl_methods(L, methods);
  luaL_getmetatable(L, OWL_TENSOR);
  lua_getfield(L, -1, "methods");
  lua_pushcclosure(L, t_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, funcs);
  return 1;
}
