// Line editing for the interactive session: libedit's own el_* calls (BSD license).
//   ed = edit.open(history_path or nil, complete)
//   ed:read(prompt) -> line | nil, "end" | nil, "interrupt";  ed:add(line);  ed:close()
// complete(text before the cursor) returns what to insert and, optionally, a listing.
//
// Characters are read by our own function: libedit retries a read that a signal broke and
// would swallow Ctrl-C. It looks at the flag ten times a second, since the signal may have
// come between two looks, or to another thread, and then breaks no read. Lua is entered from libedit only under lua_pcall, so no error
// jumps over libedit's frames. Signal handlers only set flags.
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "lua/owlua.h"

#define EDIT_META "orowan.edit"
enum { HISTORY_LINES = 5000 };

typedef struct {
  EditLine *el;
  History *history;
  lua_State *L;  // set while ed:read runs
  char *path;
  char prompt[64];
} editor;

static volatile sig_atomic_t resized, continued;

static void on_winch(int sig) {
  (void)sig;
  resized = 1;
}
static void on_cont(int sig) {
  (void)sig;
  continued = 1;
}

static editor *client(EditLine *el) {
  void *p = NULL;
  el_get(el, EL_CLIENTDATA, &p);
  return p;
}

static char *prompt(EditLine *el) { return client(el)->prompt; }

// One character from the terminal: 1, 0 at the end, -1 after an interrupt or an error.
static int getwide(EditLine *el, wchar_t *out) {
  mbstate_t state;
  memset(&state, 0, sizeof state);
  for (;;) {
    char c;
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = poll(&in, 1, 100);
    if (ow_interrupted() || (ready < 0 && errno != EINTR)) return -1;
    if (ready <= 0) {
      if (continued) {
        continued = 0;
        el_set(el, EL_PREP_TERM, 1);
        el_set(el, EL_REFRESH);
      }
      if (resized) {
        resized = 0;
        el_resize(el);
        fputs("\r\033[J", stdout);
        fflush(stdout);
        el_set(el, EL_REFRESH);
      }
      continue;
    }
    ssize_t n = read(STDIN_FILENO, &c, 1);
    if (n == 0) return 0;
    if (n < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return -1;
    }
    size_t r = mbrtowc(out, &c, 1, &state);
    if (r == (size_t)-2) continue;  // a sequence that goes on
    if (r == (size_t)-1) {          // not text in this locale: skip it
      memset(&state, 0, sizeof state);
      continue;
    }
    return 1;
  }
}

static unsigned char complete(EditLine *el, int ch) {
  (void)ch;
  editor *ed = client(el);
  lua_State *L = ed->L;
  const LineInfo *li = el_line(el);
  int top = lua_gettop(L);
  if (!lua_checkstack(L, 8)) return CC_ERROR;
  lua_getiuservalue(L, 1, 1);
  lua_pushlstring(L, li->buffer, (size_t)(li->cursor - li->buffer));
  if (lua_pcall(L, 1, 2, 0) != LUA_OK) {
    lua_settop(L, top);
    return CC_ERROR;
  }
  unsigned char code = CC_REFRESH_BEEP;
  const char *insert = lua_tostring(L, -2), *listing = lua_tostring(L, -1);
  if (insert && *insert && el_insertstr(el, insert) == 0) code = CC_REFRESH;
  if (listing && *listing) {
    fprintf(stdout, "\n%s\n", listing);
    code = CC_REDISPLAY;
  }
  lua_settop(L, top);
  return code;
}

static editor *check(lua_State *L) {
  editor *ed = luaL_checkudata(L, 1, EDIT_META);
  if (!ed->el) owl_error(L, "edit", OW_EARG, "this editor was closed");
  return ed;
}

static void save(editor *ed) {
  char tmp[4096];
  HistEvent ev;
  if (!ed->path || snprintf(tmp, sizeof tmp, "%s.%ld.new", ed->path, (long)getpid()) >= (int)sizeof tmp) return;
  if (history(ed->history, &ev, H_SAVE, tmp) < 0 || chmod(tmp, 0600) < 0 || rename(tmp, ed->path) < 0) unlink(tmp);
}

static int e_close(lua_State *L) {
  editor *ed = luaL_checkudata(L, 1, EDIT_META);
  if (ed->el) el_end(ed->el);  // restores the terminal
  if (ed->history) history_end(ed->history);
  free(ed->path);
  ed->el = NULL;
  ed->history = NULL;
  ed->path = NULL;
  return 0;
}

static int e_open(lua_State *L) {
  const char *path = lua_isnoneornil(L, 1) ? NULL : owl_checkstr(L, 1, "edit.open", "history");
  if (lua_type(L, 2) != LUA_TFUNCTION) return owl_badarg(L, "edit.open", "complete", "a function", 2);
  if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) setlocale(LC_CTYPE, "C.UTF-8");
  editor *ed = lua_newuserdatauv(L, sizeof *ed, 1);
  memset(ed, 0, sizeof *ed);
  luaL_setmetatable(L, EDIT_META);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
  ed->el = el_init("orowan", stdin, stdout, stderr);
  ed->history = history_init();
  if (!ed->el || !ed->history) return owl_error(L, "edit.open", OW_EMISSING, "the terminal cannot be edited on");
  HistEvent ev;
  history(ed->history, &ev, H_SETSIZE, HISTORY_LINES);
  history(ed->history, &ev, H_SETUNIQUE, 1);  // not the same line twice in a row
  if (path) {
    ed->path = strdup(path);
    history(ed->history, &ev, H_LOAD, path);  // absent at first: fine
  }
  el_set(ed->el, EL_CLIENTDATA, ed);
  el_set(ed->el, EL_PROMPT, prompt);
  el_set(ed->el, EL_EDITOR, "emacs");
  el_set(ed->el, EL_SIGNAL, 0);
  el_set(ed->el, EL_HIST, history, ed->history);
  el_set(ed->el, EL_GETCFN, getwide);
  el_set(ed->el, EL_ADDFN, "ow-complete", "Complete a Lua name", complete);
  static const char *const keys[][2] = {
      {"^I", "ow-complete"},         {"^R", "em-inc-search-prev"}, {"\033[1;5C", "em-next-word"},
      {"\033[1;5D", "ed-prev-word"}, {"\033[H", "ed-move-to-beg"}, {"\033[F", "ed-move-to-end"},
      {"\033[1~", "ed-move-to-beg"}, {"\033[4~", "ed-move-to-end"}, {"\033[3~", "ed-delete-next-char"},
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) el_set(ed->el, EL_BIND, keys[i][0], keys[i][1], NULL);
  el_source(ed->el, NULL);  // the user's ~/.editrc
  return 1;
}

static int e_read(lua_State *L) {
  editor *ed = check(L);
  snprintf(ed->prompt, sizeof ed->prompt, "%s", owl_checkstr(L, 2, "edit.read", "prompt"));
  struct sigaction winch, cont, old_winch, old_cont;
  memset(&winch, 0, sizeof winch);
  winch.sa_handler = on_winch;
  cont = winch;
  cont.sa_handler = on_cont;
  sigaction(SIGWINCH, &winch, &old_winch);
  sigaction(SIGCONT, &cont, &old_cont);
  int count = 0;
  ed->L = L;
  fflush(stdout);
  el_resize(ed->el);
  el_set(ed->el, EL_PREP_TERM, 1);  // before the prompt: who sees it may press Ctrl-D
  const char *line = el_gets(ed->el, &count);
  ed->L = NULL;
  sigaction(SIGWINCH, &old_winch, NULL);
  sigaction(SIGCONT, &old_cont, NULL);
  if (ow_interrupted()) {
    owl_clear_interrupt(L);
    el_reset(ed->el);
    fputs("^C\n", stdout);
    fflush(stdout);
    lua_pushnil(L);
    lua_pushliteral(L, "interrupt");
    return 2;
  }
  if (!line || count <= 0) {
    lua_pushnil(L);
    lua_pushliteral(L, "end");
    return 2;
  }
  size_t n = strlen(line);
  while (n && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
  lua_pushlstring(L, line, n);
  return 1;
}

static int e_add(lua_State *L) {
  editor *ed = check(L);
  HistEvent ev;
  history(ed->history, &ev, H_ENTER, owl_checkstr(L, 2, "edit.add", "line"));
  save(ed);
  return 0;
}

int ow_open_edit(lua_State *L) {
  static const luaL_Reg methods[] = {{"read", e_read}, {"add", e_add}, {"close", e_close}, {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__gc", e_close}, {"__close", e_close}, {NULL, NULL}};
  static const luaL_Reg funcs[] = {{"open", e_open}, {NULL, NULL}};
  if (luaL_newmetatable(L, EDIT_META)) {
    luaL_setfuncs(L, meta, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
  luaL_newlib(L, funcs);
  return 1;
}
