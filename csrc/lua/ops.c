// Elementwise operations in Lua, made from the op table: for each row a function
// ow.NAME(a [, b] [, {out=}]), a method t:NAME(...), an in-place method t:NAME_(...), and
// the operators. A number may stand on either side; two numbers give a number.
#include <stdio.h>
#include <string.h>

#include "lua/owlua.h"
#include "op/op.h"
#include "op/ulp.h"

// An argument that is not a tensor: a 0-d tensor on the C stack.
typedef struct {
  ow_tensor t;
  ow_storage s;
  union { int64_t i; double d; ow_c128 c; unsigned char bytes[16]; } value;
} number;

static void set_number(number *n, lua_State *L, int idx, ow_dtype dtype) {
  memset(n, 0, sizeof *n);
  n->s = (ow_storage){.data = n->value.bytes, .bytes = 16, .refs = 1, .device = OW_ANYWHERE};
  n->t = (ow_tensor){.storage = &n->s, .dtype = dtype};
  lua_Integer i = lua_isboolean(L, idx) ? lua_toboolean(L, idx) : lua_tointeger(L, idx);
  lua_Number d = lua_isboolean(L, idx) ? (lua_Number)i : lua_tonumber(L, idx);
  switch (dtype) {
    case OW_U8: n->value.bytes[0] = (unsigned char)i; break;
    case OW_I32: { int32_t v = (int32_t)i; memcpy(n->value.bytes, &v, 4); break; }
    case OW_I64: n->value.i = i; break;
    case OW_F32: { float v = (float)d; memcpy(n->value.bytes, &v, 4); break; }
    case OW_C64: { ow_c64 v = (float)d; memcpy(n->value.bytes, &v, 8); break; }
    case OW_C128: n->value.c = d; break;
    default: n->value.d = d;
  }
}

static bool is_number(lua_State *L, int idx) { return lua_type(L, idx) == LUA_TNUMBER || lua_isboolean(L, idx); }

static bool is_data_table(lua_State *L, int idx) {
  return lua_istable(L, idx) && lua_rawlen(L, idx) > 0;
}

// Tensor at idx (a data table is replaced by its tensor), or NULL for a number.
static ow_tensor *operand(lua_State *L, int idx, const char *fn, const char *name) {
  if (is_number(L, idx)) return NULL;
  if (is_data_table(L, idx)) {
    owl_pushfromlua(L, idx, fn, name, -1);
    lua_replace(L, idx);
  }
  if (!owl_totensor(L, idx)) owl_badarg(L, fn, name, "a tensor, a table of numbers or a number", idx);
  return owl_anytensor(L, idx, fn, name);
}

// Arguments at 1..arity. out_idx: stack index of a tensor to write into, 0: a new one.
static int apply(lua_State *L, const ow_op *op, const char *fn, int out_idx, bool reference) {
  static const char *const names[2] = {"a", "b"};
  number num[2];
  ow_tensor *t[2] = {NULL, NULL};
  const ow_tensor *in[2];
  for (int k = 0; k < op->arity; k++) t[k] = operand(L, k + 1, fn, op->arity == 1 ? "input" : names[k]);
  bool plain = !t[0] && (op->arity == 1 || !t[1]);
  for (int k = 0; k < op->arity; k++) {
    if (!t[k]) {
      bool integer = lua_isinteger(L, k + 1) || lua_isboolean(L, k + 1);
      ow_dtype d = integer ? OW_I64 : OW_F64;
      if (!plain) d = ow_op_number_dtype(t[1 - k]->dtype, integer, lua_tointeger(L, k + 1));
      set_number(&num[k], L, k + 1, d);
    }
    in[k] = t[k] ? t[k] : &num[k].t;
  }
  ow_err e;
  ow_tensor *out;
  if (out_idx) {
    out = owl_anytensor(L, out_idx, fn, "out");
    lua_pushvalue(L, out_idx);
  } else out = owl_newtensor(L);
  if (!ow_op_apply(op, out, in, reference, &e)) return owl_raise(L, fn, &e);
  if (!out_idx) {
    owl_account(L, out);
    if (plain) {
      const void *p = ow_tensor_data(out);
      if (out->dtype == OW_U8 && op->rule == OW_RULE_BOOL) lua_pushboolean(L, *(const uint8_t *)p);
      else if (out->dtype == OW_I64) lua_pushinteger(L, *(const int64_t *)p);
      else lua_pushnumber(L, *(const double *)p);
    }
  }
  return 1;
}

static const ow_op *this_op(lua_State *L) { return lua_touserdata(L, lua_upvalueindex(1)); }

static int f_op(lua_State *L) {
  const ow_op *op = this_op(L);
  int opts = op->arity + 1, out = 0;
  lua_settop(L, opts);
  if (!lua_isnil(L, opts)) {
    if (!lua_istable(L, opts)) owl_badarg(L, op->name, "options", "a table {out=tensor}", opts);
    if (owl_optfield_any(L, opts, op->name, "out")) out = lua_gettop(L);
  }
  return apply(L, op, op->name, out, owl_optfield_bool(L, opts, op->name, "reference", false));
}

static int f_inplace(lua_State *L) {
  const ow_op *op = this_op(L);
  lua_settop(L, op->arity);
  owl_anytensor(L, 1, op->name, "self");
  return apply(L, op, op->name, 1, false);
}

static int f_meta(lua_State *L) {
  const ow_op *op = this_op(L);
  lua_settop(L, op->arity);
  // The operand on the right may be a value of its own kind that knows how (nn's variables).
  if (op->arity == 2 && lua_istable(L, 2) && luaL_getmetafield(L, 2, lua_tostring(L, lua_upvalueindex(2))) != LUA_TNIL) {
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
  }
  return apply(L, op, op->name, 0, false);
}

// ~mask: u8 is the type of masks, so it is the logical not there; bits elsewhere.
static int meta_bnot(lua_State *L) {
  lua_settop(L, 1);
  ow_tensor *t = owl_anytensor(L, 1, "~", "a");
  return apply(L, &ow_ops[t->dtype == OW_U8 ? OW_OP_logical_not : OW_OP_bnot], "~", 0, false);
}

static int f_list(lua_State *L) {
  static const char *const rules[] = {"same", "float", "bool", "part", "int"};
  lua_createtable(L, OW_NOPS, 0);
  for (int i = 0; i < OW_NOPS; i++) {
    const ow_op *op = &ow_ops[i];
    lua_createtable(L, 0, 8);
    lua_pushstring(L, op->name), lua_setfield(L, -2, "name");
    lua_pushstring(L, op->doc), lua_setfield(L, -2, "doc");
    lua_pushstring(L, rules[op->rule]), lua_setfield(L, -2, "rule");
    lua_pushinteger(L, op->arity), lua_setfield(L, -2, "arity");
    for (int k = 0; k < op->arity; k++) {
      char name[16];
      snprintf(name, sizeof name, "lo%d", k + 1);
      lua_pushnumber(L, op->lo[k]), lua_setfield(L, -2, name);
      snprintf(name, sizeof name, "hi%d", k + 1);
      lua_pushnumber(L, op->hi[k]), lua_setfield(L, -2, name);
    }
    lua_newtable(L);  // dtypes it computes in
    int n = 0;
    for (int d = 0; d < OW_NKERNEL_DTYPES; d++)
      if (ow_op_kernel(op->id, (ow_dtype)d, true)) {
        lua_pushstring(L, ow_dtype_name((ow_dtype)d));
        lua_rawseti(L, -2, ++n);
      }
    lua_setfield(L, -2, "dtypes");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

// ulp(name, a [, b] [, reference]): accuracy of an op on f32 or f64 arguments against long
// double -> {worst=, at={x, y}, mismatches=, first={x, y}}.
static int f_ulp(lua_State *L) {
  const ow_op *op = ow_op_find(owl_checkstr(L, 1, "ulp", "name"));
  if (!op) return owl_error(L, "ulp", OW_EARG, "name: no operation is called %.40s", lua_tostring(L, 1));
  lua_settop(L, 4);
  ow_dtype d = owl_checktensor(L, 2, "ulp", "a")->dtype == OW_F32 ? OW_F32 : OW_F64;
  ow_tensor *a = owl_pusharray(L, 2, "ulp", "a", d, -1), *b = NULL;
  if (op->arity == 2) {
    b = owl_pusharray(L, 3, "ulp", "b", d, -1);
    if (ow_tensor_numel(a) != ow_tensor_numel(b)) return owl_error(L, "ulp", OW_ESHAPE, "a and b differ in shape");
  }
  ow_ulp_report r;
  ow_err e;
  if (!ow_op_ulp(op, a, b, lua_toboolean(L, 4), &r, &e)) return owl_raise(L, "ulp", &e);
  lua_createtable(L, 0, 4);
  lua_pushnumber(L, r.worst), lua_setfield(L, -2, "worst");
  lua_pushinteger(L, r.mismatches), lua_setfield(L, -2, "mismatches");
  for (int k = 0; k < 2; k++) {
    lua_createtable(L, 2, 0);
    for (int j = 0; j < 2; j++) {
      lua_pushnumber(L, k ? r.first[j] : r.at[j]);
      lua_rawseti(L, -2, j + 1);
    }
    lua_setfield(L, -2, k ? "first" : "at");
  }
  return 1;
}

static int f_promote(lua_State *L) {
  lua_pushstring(L, ow_dtype_name(ow_dtype_promote(owl_checkdtype(L, 1, "promote"), owl_checkdtype(L, 2, "promote"))));
  return 1;
}

static void push_op(lua_State *L, const ow_op *op, lua_CFunction f) {
  lua_pushlightuserdata(L, (void *)op);
  lua_pushcclosure(L, f, 1);
}

int ow_open_ops(lua_State *L) {
  static const struct { const char *event; ow_op_id op; } events[] = {
      {"__add", OW_OP_add}, {"__sub", OW_OP_sub}, {"__mul", OW_OP_mul},   {"__div", OW_OP_div},
      {"__mod", OW_OP_mod}, {"__pow", OW_OP_pow}, {"__idiv", OW_OP_idiv}, {"__unm", OW_OP_neg},
      {"__band", OW_OP_band}, {"__bor", OW_OP_bor}, {"__bxor", OW_OP_bxor}, {"__shl", OW_OP_shl}, {"__shr", OW_OP_shr}};
  luaL_getmetatable(L, OWL_TENSOR);
  for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
    lua_pushlightuserdata(L, (void *)&ow_ops[events[i].op]);
    lua_pushstring(L, events[i].event);
    lua_pushcclosure(L, f_meta, 2);
    lua_setfield(L, -2, events[i].event);
  }
  lua_pushcfunction(L, meta_bnot);
  lua_setfield(L, -2, "__bnot");
  lua_getfield(L, -1, "methods");
  lua_createtable(L, 0, OW_NOPS + 2);  // stack: metatable, methods, module
  for (int i = 0; i < OW_NOPS; i++) {
    const ow_op *op = &ow_ops[i];
    char name[32];
    push_op(L, op, f_op);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, op->name);
    lua_setfield(L, -2, op->name);
    snprintf(name, sizeof name, "%s_", op->name);
    push_op(L, op, f_inplace);
    lua_setfield(L, -3, name);
  }
  static const luaL_Reg funcs[] = {{"promote", f_promote}, {NULL, NULL}};
  luaL_setfuncs(L, funcs, 0);
  lua_newtable(L);  // not a function: stays out of the public names
  lua_pushcfunction(L, f_list);
  lua_setfield(L, -2, "list");
  lua_pushcfunction(L, f_ulp);
  lua_setfield(L, -2, "ulp");
  lua_setfield(L, -2, "table");
  lua_remove(L, -2);
  lua_remove(L, -2);
  return 1;
}
