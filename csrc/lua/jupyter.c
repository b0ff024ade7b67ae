// orowan.core.jupyter: the sockets of a Jupyter kernel, or of a client of one (for specs).
//   e = open {client=, key=, session=, addresses = {shell = "tcp://...", ...}}   or nil, err
//   e:send(channel, {frame, ...});  e:receive({channel, ...}, seconds) -> message | nil, reason
//   e:capture();  e:parent(header, running);  e:rejected();  e:log(text);  e:close()
// message: {channel=, idents = {...}, frames = {signature, header, parent, metadata, content, buffer, ...}}
#include "jupyter/engine.h"

#include <string.h>

#include "base/sha256.h"
#include "lua/owlua.h"

#define META "orowan.jupyter"
#define MESSAGE "orowan.jupyter.message"

typedef struct { ow_jp *j; } engine;
typedef struct { ow_jp_message *m; } holder;  // frees the message when Lua raises

static ow_jp *check(lua_State *L) {
  engine *e = luaL_checkudata(L, 1, META);
  if (!e->j) owl_error(L, "jupyter", OW_EARG, "these sockets were closed");
  return e->j;
}

static int e_close(lua_State *L) {
  engine *e = luaL_checkudata(L, 1, META);
  ow_jp_close(e->j);
  e->j = NULL;
  return 0;
}

static int m_gc(lua_State *L) {
  holder *h = luaL_checkudata(L, 1, MESSAGE);
  ow_jp_message_free(h->m);
  h->m = NULL;
  return 0;
}

static holder *new_holder(lua_State *L) {
  holder *h = lua_newuserdatauv(L, sizeof *h, 0);
  h->m = NULL;
  luaL_setmetatable(L, MESSAGE);
  return h;
}

static ow_jp_channel channel_at(lua_State *L, int idx, const char *fn) {
  const char *name = owl_checkstr(L, idx, fn, "channel");
  for (int c = 0; c < OW_JP_CHANNELS; c++)
    if (!strcmp(name, ow_jp_channel_names[c])) return (ow_jp_channel)c;
  owl_error(L, fn, OW_EARG, "channel: expected control, stdin, shell, iopub or hb, got \"%s\"", name);
  return OW_JP_SHELL;
}

static int f_available(lua_State *L) {
  ow_err e;
  if (!ow_zmq_load(&e)) return owl_nil_err(L, "", &e);
  int a, b, c;
  ow_zmq.version_(&a, &b, &c);
  lua_pushfstring(L, "%d.%d.%d", a, b, c);
  return 1;
}

// hmac(key, part, ...) -> hex
static int f_hmac(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  ow_hmac h;
  char hex[65];
  ow_hmac_init(&h, s, n);
  for (int i = 2; i <= lua_gettop(L); i++) {
    s = luaL_checklstring(L, i, &n);
    ow_hmac_add(&h, s, n);
  }
  ow_hmac_end(&h, hex);
  lua_pushstring(L, hex);
  return 1;
}

static int f_open(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  ow_jp_options o = {.client = owl_optfield_bool(L, 1, "jupyter", "client", false)};
  lua_getfield(L, 1, "key");
  o.key = luaL_optlstring(L, -1, "", &o.key_len);
  lua_getfield(L, 1, "session");
  o.session = luaL_checkstring(L, -1);
  lua_getfield(L, 1, "addresses");
  luaL_checktype(L, -1, LUA_TTABLE);
  for (int c = 0, t = lua_gettop(L); c < OW_JP_CHANNELS; c++) {
    lua_getfield(L, t, ow_jp_channel_names[c]);
    o.address[c] = luaL_optstring(L, -1, NULL);
  }
  engine *e = lua_newuserdatauv(L, sizeof *e, 0);
  e->j = NULL;
  luaL_setmetatable(L, META);
  ow_err err;
  if (!(e->j = ow_jp_open(&o, &err))) return owl_nil_err(L, "jupyter", &err);
  return 1;
}

static int e_send(lua_State *L) {
  ow_jp *j = check(L);
  ow_jp_channel c = channel_at(L, 2, "jupyter.send");
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  int n = (int)lua_rawlen(L, 3);
  holder *h = new_holder(L);
  ow_err e;
  if (!(h->m = ow_jp_message_new(c, n, &e))) return owl_raise(L, "jupyter.send", &e);
  for (int i = 1; i <= n; i++) {
    size_t len;
    lua_rawgeti(L, 3, i);
    const char *s = luaL_checklstring(L, -1, &len);
    if (!ow_jp_frame(h->m, s, len, &e)) return owl_raise(L, "jupyter.send", &e);
    lua_pop(L, 1);
  }
  ow_jp_message *m = h->m;
  h->m = NULL;
  ow_jp_send(j, m);
  return 0;
}

static int e_receive(lua_State *L) {
  ow_jp *j = check(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  double seconds = luaL_optnumber(L, 3, -1);
  unsigned channels = 0;
  for (int i = 1, n = (int)lua_rawlen(L, 2); i <= n; i++) {
    lua_rawgeti(L, 2, i);
    channels |= 1u << channel_at(L, -1, "jupyter.receive");
    lua_pop(L, 1);
  }
  holder *h = new_holder(L);
  static const char *const reasons[] = {"", "timeout", "interrupt", "orphan"};
  ow_jp_result r = ow_jp_receive(j, channels, seconds, &h->m);
  if (r != OW_JP_GOT) {
    lua_pushnil(L);
    lua_pushstring(L, reasons[r]);
    return 2;
  }
  ow_jp_message *m = h->m;
  lua_createtable(L, 0, 3);
  lua_pushstring(L, ow_jp_channel_names[m->channel]);
  lua_setfield(L, -2, "channel");
  lua_createtable(L, m->delimiter, 0);
  lua_createtable(L, m->n - m->delimiter - 1, 0);
  for (int i = 0; i < m->n; i++) {
    if (i == m->delimiter) continue;
    lua_pushlstring(L, ow_zmq.msg_data_(&m->frame[i]), ow_zmq.msg_size_(&m->frame[i]));
    if (i < m->delimiter) lua_rawseti(L, -3, i + 1);
    else lua_rawseti(L, -2, i - m->delimiter);
  }
  lua_setfield(L, -3, "frames");
  lua_setfield(L, -2, "idents");
  ow_jp_message_free(m);
  h->m = NULL;
  return 1;
}

static int e_capture(lua_State *L) {
  ow_err e;
  if (!ow_jp_capture(check(L), &e)) return owl_nil_err(L, "jupyter", &e);
  lua_pushboolean(L, 1);
  return 1;
}

static int e_parent(lua_State *L) {
  ow_jp *j = check(L);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  ow_err e;
  if (!ow_jp_parent(j, s, n, lua_toboolean(L, 3), &e)) return owl_raise(L, "jupyter", &e);
  return 0;
}

static int e_rejected(lua_State *L) { return lua_pushinteger(L, (lua_Integer)ow_jp_rejected(check(L))), 1; }

static int e_log(lua_State *L) {
  ow_jp_log_line(check(L), luaL_checkstring(L, 2));
  return 0;
}

int ow_open_jupyter(lua_State *L) {
  static const luaL_Reg methods[] = {{"send", e_send}, {"receive", e_receive}, {"capture", e_capture}, {"parent", e_parent},
                                     {"rejected", e_rejected}, {"log", e_log}, {"close", e_close}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"available", f_available}, {"hmac", f_hmac}, {"open", f_open}, {NULL, NULL}};
  luaL_newmetatable(L, MESSAGE);
  lua_pushcfunction(L, m_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newmetatable(L, META);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, e_close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, e_close);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 2);
  luaL_newlib(L, funcs);
  return 1;
}
