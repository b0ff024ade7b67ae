// The table of network kernels in Lua: orowan.core.nn.NAME(in1, in2, ..., options) for every
// row; absent inputs are nil, options hold the row's parameters and
//   out = {t | false, ...}   outputs to write into; false declines an optional one; one that
//                            is changed in place is declined when it is absent, too
//   reference = true         the plain scalar kernel
// Returns the outputs (nil for a declined one). core.nn.table() describes the rows.
#include <math.h>
#include <string.h>

#include "lua/owlua.h"
#include "nn/nn.h"

static int count_in(const ow_nn_op *op) {
  int n = 0;
  while (n < OW_NN_MAXIN && op->in[n].name) n++;
  return n;
}

static int count_out(const ow_nn_op *op) {
  int n = 0;
  while (n < OW_NN_MAXOUT && op->out[n].name) n++;
  return n;
}

static int word_index(const char *words, const char *w) {
  size_t n = strlen(w);
  for (int k = 0; *words; k++) {
    size_t len = strcspn(words, " ");
    if (len == n && !strncmp(words, w, n)) return k;
    words += len + (words[len] == ' ');
  }
  return -1;
}

static void read_param(lua_State *L, const ow_nn_op *op, const ow_nn_param *p, int opts, ow_nn_call *c, int k) {
  int type = opts ? lua_getfield(L, opts, p->name) : (lua_pushnil(L), LUA_TNIL);
  if (type == LUA_TNIL) {
    if (isnan(p->def)) owl_error(L, op->name, OW_EARG, "%s must be given", p->name);
    c->p[k].i[0] = c->p[k].i[1] = c->p[k].i[2] = (int64_t)p->def;
    c->p[k].f = p->def;
  } else if (p->kind == OW_NN_NUM) {
    c->p[k].f = owl_checknum(L, -1, op->name, p->name);
  } else if (p->kind == OW_NN_ENUM) {
    const char *w = owl_checkstr(L, -1, op->name, p->name);
    int i = word_index(p->words, w);
    if (i < 0) owl_error(L, op->name, OW_EARG, "%s: expected one of \"%s\", got \"%s\"", p->name, p->words, w);
    c->p[k].i[0] = i;
  } else if (p->kind == OW_NN_INT3 && type == LUA_TTABLE) {
    lua_Integer n = luaL_len(L, -1);
    if (n < 1 || n > 3) owl_error(L, op->name, OW_EARG, "%s: expected one integer or one per spatial axis, got %d", p->name, (int)n);
    for (int d = 0; d < 3; d++) {
      lua_geti(L, -1, d < n ? d + 1 : n);
      c->p[k].i[d] = owl_checkint(L, -1, op->name, p->name, INT32_MIN, INT32_MAX);
      lua_pop(L, 1);
    }
  } else {
    if (lua_isboolean(L, -1)) lua_pushinteger(L, lua_toboolean(L, -1)), lua_replace(L, -2);
    int64_t v = owl_checkint(L, -1, op->name, p->name, INT64_MIN, INT64_MAX);
    c->p[k].i[0] = c->p[k].i[1] = c->p[k].i[2] = v;
  }
  lua_pop(L, 1);
}

static int f_call(lua_State *L) {
  const ow_nn_op *op = lua_touserdata(L, lua_upvalueindex(1));
  int nin = count_in(op), nout = count_out(op), opts = 0;
  lua_settop(L, nin + 1);
  if (!lua_isnil(L, nin + 1)) {
    if (!lua_istable(L, nin + 1)) owl_badarg(L, op->name, "options", "a table", nin + 1);
    opts = nin + 1;
  }
  ow_nn_call c;
  memset(&c, 0, sizeof c);
  c.op = op;
  for (int k = 0; k < nin; k++)
    if (!lua_isnil(L, k + 1)) c.in[k] = owl_anytensor(L, k + 1, op->name, op->in[k].name);
  for (int k = 0; k < OW_NN_MAXPARAM && op->param[k].name; k++) read_param(L, op, &op->param[k], opts, &c, k);
  bool reference = opts && owl_optfield_bool(L, opts, op->name, "reference", false);
  bool given = opts && lua_getfield(L, opts, "out") == LUA_TTABLE;
  int outs = lua_gettop(L), first = outs + 1;
  bool made[OW_NN_MAXOUT] = {0};
  for (int k = 0; k < nout; k++) {
    int type = given ? lua_geti(L, outs, k + 1) : LUA_TNIL;
    if (type == LUA_TBOOLEAN || (type == LUA_TNIL && op->out[k].inplace && op->out[k].optional)) {
      if (given) lua_pop(L, 1);
      lua_pushnil(L);
    } else if (type == LUA_TNIL) {
      if (given) lua_pop(L, 1);
      c.out[k] = owl_newtensor(L);
      made[k] = true;
    } else c.out[k] = owl_anytensor(L, -1, op->name, op->out[k].name);
  }
  ow_err e;
  if (!ow_nn_run(&c, reference, &e)) return owl_raise(L, op->name, &e);
  for (int k = 0; k < nout; k++)
    if (made[k]) owl_account(L, c.out[k]);
  lua_settop(L, first + nout - 1);
  return nout;
}

static void push_args(lua_State *L, const ow_nn_arg *a, int n) {
  static const char *const types[] = {"float", "index", "double"};
  lua_createtable(L, n, 0);
  for (int k = 0; k < n; k++) {
    lua_createtable(L, 0, 5);
    lua_pushstring(L, a[k].name), lua_setfield(L, -2, "name");
    lua_pushstring(L, types[a[k].type]), lua_setfield(L, -2, "type");
    lua_pushboolean(L, a[k].optional), lua_setfield(L, -2, "optional");
    lua_pushboolean(L, a[k].inplace), lua_setfield(L, -2, "inplace");
    lua_pushstring(L, a[k].doc ? a[k].doc : ""), lua_setfield(L, -2, "doc");
    lua_rawseti(L, -2, k + 1);
  }
}

static int f_table(lua_State *L) {
  static const char *const kinds[] = {"integer", "integers", "number", "word"};
  lua_newtable(L);
  for (int i = 0; ow_nn_ops[i]; i++) {
    const ow_nn_op *op = ow_nn_ops[i];
    lua_createtable(L, 0, 8);
    lua_pushstring(L, op->name), lua_setfield(L, -2, "name");
    lua_pushstring(L, op->doc), lua_setfield(L, -2, "doc");
    push_args(L, op->in, count_in(op)), lua_setfield(L, -2, "inputs");
    push_args(L, op->out, count_out(op)), lua_setfield(L, -2, "outputs");
    lua_newtable(L);
    for (int k = 0; k < OW_NN_MAXPARAM && op->param[k].name; k++) {
      const ow_nn_param *p = &op->param[k];
      lua_createtable(L, 0, 5);
      lua_pushstring(L, p->name), lua_setfield(L, -2, "name");
      lua_pushstring(L, kinds[p->kind]), lua_setfield(L, -2, "kind");
      if (!isnan(p->def)) lua_pushnumber(L, p->def), lua_setfield(L, -2, "default");
      if (p->words) lua_pushstring(L, p->words), lua_setfield(L, -2, "words");
      lua_pushstring(L, p->doc ? p->doc : ""), lua_setfield(L, -2, "doc");
      lua_rawseti(L, -2, k + 1);
    }
    lua_setfield(L, -2, "params");
    lua_pushboolean(L, op->cpu != NULL), lua_setfield(L, -2, "cpu");
    lua_pushboolean(L, op->opencl != NULL), lua_setfield(L, -2, "opencl");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

int ow_open_nn(lua_State *L) {
  lua_newtable(L);
  for (int i = 0; ow_nn_ops[i]; i++) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)ow_nn_ops[i]);
    lua_pushcclosure(L, f_call, 1);
    lua_setfield(L, -2, ow_nn_ops[i]->name);
  }
  lua_pushcfunction(L, f_table);
  lua_setfield(L, -2, "table");
  return 1;
}
