// orowan.sys: machine, files, child processes. Annotated in lua/orowan/meta/sys.lua.
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/sha256.h"
#include "base/sys.h"
#include "lua/owlua.h"

#define PROCESS "orowan.process"
#define BUFFER "orowan.buffer"

static int result(lua_State *L, const char *fn, bool ok, const ow_err *e) {
  if (!ok && e->code == OW_EINTR) return owl_raise(L, fn, e);
  if (!ok) return owl_nil_err(L, fn, e);
  lua_pushboolean(L, 1);
  return 1;
}

static const char *checkpath(lua_State *L, int idx, const char *fn) {
  size_t n;
  const char *p = owl_checkstr(L, idx, fn, "path");
  lua_tolstring(L, idx, &n);
  if (strlen(p) != n) owl_error(L, fn, OW_EARG, "path: holds a zero byte");
  return p;
}

static const char *checkdata(lua_State *L, int idx, const char *fn, const char *name, size_t *n) {
  if (lua_type(L, idx) != LUA_TSTRING) owl_badarg(L, fn, name, "a string", idx);
  return lua_tolstring(L, idx, n);
}

// ---- machine -------------------------------------------------------------------------------

static int f_clock(lua_State *L) { return lua_pushnumber(L, ow_clock()), 1; }
static int f_time(lua_State *L) { return lua_pushnumber(L, ow_wall_time()), 1; }
static int f_cpu_time(lua_State *L) { return lua_pushnumber(L, ow_cpu_time()), 1; }
static int f_peak_memory(lua_State *L) { return lua_pushinteger(L, (lua_Integer)ow_peak_memory()), 1; }
static int f_resident_memory(lua_State *L) { return lua_pushinteger(L, (lua_Integer)ow_resident_memory()), 1; }
static int f_columns(lua_State *L) { return lua_pushinteger(L, ow_columns()), 1; }
static int f_getpid(lua_State *L) { return lua_pushinteger(L, (lua_Integer)getpid()), 1; }
static int f_cores(lua_State *L) { return lua_pushinteger(L, omp_get_num_procs()), 1; }

static int f_isatty(lua_State *L) {
  lua_pushboolean(L, isatty((int)owl_checkint(L, 1, "sys.isatty", "fd", 0, INT_MAX)));
  return 1;
}

static int f_sleep(lua_State *L) {
  double s = owl_checknum(L, 1, "sys.sleep", "seconds");
  if (!(s >= 0 && s < 1e9)) owl_badarg(L, "sys.sleep", "seconds", "0 or more", 1);
  if (!ow_sleep(s)) owl_check_interrupt(L);
  return 0;
}

static int f_hostname(lua_State *L) {
  char name[256] = "unknown";
  if (gethostname(name, sizeof name - 1)) strcpy(name, "unknown");
  lua_pushstring(L, name);
  return 1;
}

static int f_cpu_name(lua_State *L) {
  char name[256];
  ow_cpu_name(name, sizeof name);
  lua_pushstring(L, name);
  return 1;
}

static int f_os_name(lua_State *L) {
  struct utsname u;
  if (uname(&u)) lua_pushliteral(L, "unknown");
  else lua_pushfstring(L, "%s %s %s", u.sysname, u.release, u.machine);
  return 1;
}

static int f_setenv(lua_State *L) {
  const char *name = owl_checkstr(L, 1, "sys.setenv", "name");
  if (!*name || strchr(name, '=')) owl_badarg(L, "sys.setenv", "name", "a name without '='", 1);
  if (lua_isnoneornil(L, 2)) unsetenv(name);
  else setenv(name, owl_checkstr(L, 2, "sys.setenv", "value"), 1);
  return 0;
}

static int f_sha256(lua_State *L) {
  size_t n;
  const char *p = checkdata(L, 1, "sys.sha256", "data", &n);
  ow_sha256 s;
  char hex[65];
  ow_sha256_init(&s);
  ow_sha256_add(&s, p, n);
  ow_sha256_end(&s, hex);
  lua_pushstring(L, hex);
  return 1;
}

// ---- files ---------------------------------------------------------------------------------

static int f_sha256_file(lua_State *L) {
  const char *path = checkpath(L, 1, "sys.sha256_file");
  char hex[65];
  ow_err e;
  if (!ow_sha256_file(path, hex, &e)) return result(L, "sys.sha256_file", false, &e);
  lua_pushstring(L, hex);
  return 1;
}

static int buffer_gc(lua_State *L) {
  ow_buf_free(luaL_checkudata(L, 1, BUFFER));
  return 0;
}

static int f_read_file(lua_State *L) {
  const char *path = checkpath(L, 1, "sys.read_file");
  ow_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  memset(b, 0, sizeof *b);
  luaL_setmetatable(L, BUFFER);
  ow_err e;
  if (!ow_read_file(path, b, &e)) return result(L, "sys.read_file", false, &e);
  lua_pushlstring(L, b->p ? b->p : "", b->n);
  ow_buf_free(b);
  return 1;
}

static int f_write_atomic(lua_State *L) {
  size_t n;
  const char *path = checkpath(L, 1, "sys.write_atomic");
  const char *data = checkdata(L, 2, "sys.write_atomic", "data", &n);
  ow_err e;
  return result(L, "sys.write_atomic", ow_write_atomic(path, data, n, &e), &e);
}

static int f_mkdir(lua_State *L) {
  ow_err e;
  return result(L, "sys.mkdir", ow_mkdirs(checkpath(L, 1, "sys.mkdir"), &e), &e);
}

static int f_remove_tree(lua_State *L) {
  ow_err e;
  return result(L, "sys.remove_tree", ow_remove_tree(checkpath(L, 1, "sys.remove_tree"), &e), &e);
}

static int f_remove(lua_State *L) {
  const char *path = checkpath(L, 1, "sys.remove");
  ow_err e;
  return result(L, "sys.remove", !remove(path) || ow_fail_errno(&e, path, "remove"), &e);
}

static int f_rename(lua_State *L) {
  const char *from = checkpath(L, 1, "sys.rename"), *to = checkpath(L, 2, "sys.rename");
  ow_err e;
  return result(L, "sys.rename", !rename(from, to) || ow_fail_errno(&e, from, "rename"), &e);
}

static const char *kind_name(mode_t m) {
  if (S_ISREG(m)) return "file";
  if (S_ISDIR(m)) return "folder";
  if (S_ISLNK(m)) return "link";
  return "other";
}

static int f_stat(lua_State *L) {
  const char *path = checkpath(L, 1, "sys.stat");
  struct stat st;
  ow_err e;
  if (stat(path, &st)) return result(L, "sys.stat", ow_fail_errno(&e, path, "look at"), &e);
  lua_createtable(L, 0, 4);
  lua_pushstring(L, kind_name(st.st_mode)), lua_setfield(L, -2, "kind");
  lua_pushinteger(L, (lua_Integer)st.st_size), lua_setfield(L, -2, "size");
#ifdef __APPLE__
  lua_pushnumber(L, (double)st.st_mtimespec.tv_sec + 1e-9 * (double)st.st_mtimespec.tv_nsec);
#else
  lua_pushnumber(L, (double)st.st_mtim.tv_sec + 1e-9 * (double)st.st_mtim.tv_nsec);
#endif
  lua_setfield(L, -2, "mtime");
  lua_pushinteger(L, st.st_mode & 07777), lua_setfield(L, -2, "mode");
  return 1;
}

static int f_exists(lua_State *L) {
  struct stat st;
  lua_pushboolean(L, !stat(checkpath(L, 1, "sys.exists"), &st));
  return 1;
}

static int f_isdir(lua_State *L) {
  struct stat st;
  lua_pushboolean(L, !stat(checkpath(L, 1, "sys.isdir"), &st) && S_ISDIR(st.st_mode));
  return 1;
}

static int dir_gc(lua_State *L) {
  DIR **d = luaL_checkudata(L, 1, "orowan.dir");
  if (*d) closedir(*d);
  *d = NULL;
  return 0;
}

static int f_list(lua_State *L) {
  const char *path = checkpath(L, 1, "sys.list");
  DIR **d = lua_newuserdatauv(L, sizeof *d, 0);
  *d = NULL;
  luaL_setmetatable(L, "orowan.dir");
  ow_err e;
  if (!(*d = opendir(path))) return result(L, "sys.list", ow_fail_errno(&e, path, "list"), &e);
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "sort");
  lua_newtable(L);
  lua_Integer n = 0;
  for (struct dirent *f; (f = readdir(*d)); ) {
    if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, "..")) continue;
    lua_pushstring(L, f->d_name);
    lua_rawseti(L, -2, ++n);
  }
  closedir(*d);
  *d = NULL;
  lua_insert(L, -2);  // table, then sort
  lua_pushvalue(L, -2);
  lua_call(L, 1, 0);
  return 1;
}

static int f_which(lua_State *L) {
  char out[PATH_MAX];
  if (!ow_which(owl_checkstr(L, 1, "sys.which", "program"), out)) return lua_pushnil(L), 1;
  lua_pushstring(L, out);
  return 1;
}

static int f_cwd(lua_State *L) {
  char out[PATH_MAX];
  ow_err e;
  if (!getcwd(out, sizeof out)) return result(L, "sys.cwd", ow_fail_errno(&e, ".", "find"), &e);
  lua_pushstring(L, out);
  return 1;
}

static int f_realpath(lua_State *L) {
  const char *path = checkpath(L, 1, "sys.realpath");
  char out[PATH_MAX];
  ow_err e;
  if (!realpath(path, out)) return result(L, "sys.realpath", ow_fail_errno(&e, path, "resolve"), &e);
  lua_pushstring(L, out);
  return 1;
}

static int f_tmpdir(lua_State *L) {
  const char *prefix = luaL_optstring(L, 1, "orowan");
  char out[PATH_MAX];
  ow_err e;
  if (!ow_mktempdir(prefix, out, &e)) return result(L, "sys.tmpdir", false, &e);
  lua_pushstring(L, out);
  return 1;
}

static int f_temp_root(lua_State *L) { return lua_pushstring(L, ow_temp_root()), 1; }

// ---- child processes -----------------------------------------------------------------------

static ow_process *check_process(lua_State *L) { return luaL_checkudata(L, 1, PROCESS); }

static int p_gc(lua_State *L) {
  ow_process_close(check_process(L));
  return 0;
}

static ow_stream stream_option(lua_State *L, const char *fn, const char *name, ow_stream def) {
  static const char *const names[] = {"pipe", "null", "inherit", "merge"};
  const char *v = owl_optfield_str(L, 2, fn, name, NULL);
  if (!v) return def;
  for (int i = 0; i < 4; i++)
    if (!strcmp(v, names[i]) && (i < 3 || !strcmp(name, "stderr"))) return (ow_stream)i;
  owl_error(L, fn, OW_EARG, "%s: expected \"pipe\", \"null\", \"inherit\"%s, got \"%s\"", name,
            !strcmp(name, "stderr") ? " or \"merge\"" : "", v);
  return def;
}

// argv at 1, options at 2 -> running process on the top of the stack; NULL: nil, err pushed.
static ow_process *start(lua_State *L, const char *fn, bool feed) {
  if (!lua_istable(L, 1)) owl_badarg(L, fn, "argv", "a table {program, argument, ...}", 1);
  if (!lua_isnoneornil(L, 2) && !lua_istable(L, 2)) owl_badarg(L, fn, "options", "a table", 2);
  lua_settop(L, 2);
  ow_spawn s = {.cwd = owl_optfield_str(L, 2, fn, "cwd", NULL)};
  s.in = feed ? OW_PIPE : stream_option(L, fn, "stdin", OW_PIPE);
  s.out = stream_option(L, fn, "stdout", OW_PIPE);
  s.err = stream_option(L, fn, "stderr", OW_PIPE);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  if (n < 1) owl_error(L, fn, OW_EARG, "argv: expected the program's name first, got an empty table");
  const char **argv = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *argv, 0);
  lua_newtable(L);  // keeps converted strings alive
  for (lua_Integer i = 1; i <= n; i++) {
    int t = lua_rawgeti(L, 1, i);
    if (t != LUA_TSTRING && t != LUA_TNUMBER) owl_badarg(L, fn, "argv", "strings or numbers", -1);
    size_t len;
    argv[i - 1] = lua_tolstring(L, -1, &len);
    if (strlen(argv[i - 1]) != len) owl_error(L, fn, OW_EARG, "argv: item %d holds a zero byte", (int)i);
    lua_rawseti(L, 4, i);
  }
  argv[n] = NULL;
  s.argv = argv;
  if (lua_istable(L, 2) && lua_getfield(L, 2, "env") != LUA_TNIL) {
    if (!lua_istable(L, -1)) owl_badarg(L, fn, "env", "a table {NAME = value, ...}", -1);
    int env_idx = lua_gettop(L);
    size_t k = 0, cap = 0;
    for (lua_pushnil(L); lua_next(L, env_idx); lua_pop(L, 1)) cap++;
    const char **env = lua_newuserdatauv(L, (cap + 1) * sizeof *env, 0);
    for (lua_pushnil(L); lua_next(L, env_idx); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING) owl_badarg(L, fn, "env", "names as keys", -2);
      bool unset = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
      if (!unset && !lua_isstring(L, -1)) owl_badarg(L, fn, "env", "strings (or false to remove) as values", -1);
      if (unset) lua_pushvalue(L, -2);
      else {
        lua_pushvalue(L, -1);
        lua_pushfstring(L, "%s=%s", lua_tostring(L, -3), lua_tostring(L, -1));
        lua_remove(L, -2);
      }
      env[k++] = lua_tostring(L, -1);
      lua_rawseti(L, 4, n + (lua_Integer)k);
    }
    env[k] = NULL;
    s.env = env;
  }
  ow_process *p = lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  luaL_setmetatable(L, PROCESS);
  ow_err e;
  if (ow_process_start(p, &s, &e)) return p;
  result(L, fn, false, &e);
  return NULL;
}

static void push_result(lua_State *L, ow_process *p, bool timed_out) {
  lua_createtable(L, 0, 5);
  if (p->signal) lua_pushinteger(L, p->signal), lua_setfield(L, -2, "signal");
  else lua_pushinteger(L, p->status), lua_setfield(L, -2, "status");
  lua_pushlstring(L, p->outbuf.n ? p->outbuf.p : "", p->outbuf.n), lua_setfield(L, -2, "stdout");
  lua_pushlstring(L, p->errbuf.n ? p->errbuf.p : "", p->errbuf.n), lua_setfield(L, -2, "stderr");
  lua_pushboolean(L, timed_out), lua_setfield(L, -2, "timed_out");
}

static double opt_timeout(lua_State *L, int idx, const char *fn) {
  if (lua_isnoneornil(L, idx)) return -1;
  double t = owl_checknum(L, idx, fn, "timeout");
  if (!(t >= 0)) owl_badarg(L, fn, "timeout", "0 or more seconds", idx);
  return t < 1e9 ? t : 1e9;
}

static int f_run(lua_State *L) {
  const char *fn = "sys.run", *in = NULL;
  size_t n = 0;
  double timeout = -1;
  bool timed_out;
  if (lua_istable(L, 2)) {
    lua_getfield(L, 2, "timeout");
    timeout = opt_timeout(L, -1, fn);
    if (lua_getfield(L, 2, "input") != LUA_TNIL) in = checkdata(L, -1, fn, "input", &n);
    lua_pop(L, 2);  // options keep the string alive
  }
  ow_process *p = start(L, fn, in != NULL);
  if (!p) return 2;
  ow_err e;
  if (!ow_process_run(p, in, n, timeout, &timed_out, &e)) return owl_raise(L, fn, &e);
  push_result(L, p, timed_out);
  ow_process_close(p);
  return 1;
}

static int f_spawn(lua_State *L) { return start(L, "sys.spawn", false) ? 1 : 2; }

// One turn of at most 50 ms within the deadline; raises on an interrupt. False: time is up.
static bool turn(lua_State *L, ow_process *p, const char *fn, double timeout, double start_time) {
  ow_err e;
  size_t none = 0;
  double left = timeout < 0 ? 0.05 : timeout - (ow_clock() - start_time);
  if (!ow_process_step(p, NULL, 0, &none, left > 0.05 ? 0.05 : left, &e)) owl_raise(L, fn, &e);
  return timeout < 0 || ow_clock() - start_time < timeout;
}

static void take(lua_State *L, ow_buf *b, size_t n, size_t drop) {
  lua_pushlstring(L, n ? b->p : "", n);
  if (b->n > n + drop) memmove(b->p, b->p + n + drop, b->n - n - drop);
  b->n -= n + drop;
}

static int end_or_timeout(lua_State *L, bool ended) {
  lua_pushnil(L);
  lua_pushstring(L, ended ? "end" : "timeout");
  return 2;
}

static int p_read(lua_State *L) {
  ow_process *p = check_process(L);
  double t = opt_timeout(L, 2, "process:read"), start_time = ow_clock();
  for (bool more = true;;) {
    if (p->outbuf.n) return take(L, &p->outbuf, p->outbuf.n, 0), 1;
    if (p->out <= 0) return end_or_timeout(L, true);
    if (!more) return end_or_timeout(L, false);
    more = turn(L, p, "process:read", t, start_time);
  }
}

static int p_read_line(lua_State *L) {
  ow_process *p = check_process(L);
  double t = opt_timeout(L, 2, "process:read_line"), start_time = ow_clock();
  size_t seen = 0;
  for (bool more = true;;) {
    char *nl = p->outbuf.n > seen ? memchr(p->outbuf.p + seen, '\n', p->outbuf.n - seen) : NULL;
    if (nl) return take(L, &p->outbuf, (size_t)(nl - p->outbuf.p), 1), 1;
    seen = p->outbuf.n;
    if (p->out <= 0 && p->outbuf.n) return take(L, &p->outbuf, p->outbuf.n, 0), 1;
    if (p->out <= 0) return end_or_timeout(L, true);
    if (!more) return end_or_timeout(L, false);
    more = turn(L, p, "process:read_line", t, start_time);
  }
}

static int p_stderr(lua_State *L) {
  ow_process *p = check_process(L);
  ow_err e;
  size_t none = 0;
  if (p->err > 0 && !ow_process_step(p, NULL, 0, &none, 0, &e)) return owl_raise(L, "process:stderr", &e);
  take(L, &p->errbuf, p->errbuf.n, 0);
  return 1;
}

static int p_write(lua_State *L) {
  ow_process *p = check_process(L);
  size_t n, done = 0;
  const char *data = checkdata(L, 2, "process:write", "data", &n);
  double t = opt_timeout(L, 3, "process:write"), start_time = ow_clock();
  ow_err e;
  while (done < n) {
    if (p->in <= 0) {
      OW_FAIL(&e, OW_EIO, "the program's input is closed");
      return owl_nil_err(L, "process:write", &e);
    }
    double left = t < 0 ? 0.05 : t - (ow_clock() - start_time);
    if (left < 0) {
      OW_FAIL(&e, OW_EIO, "timeout: %zu of %zu bytes were taken", done, n);
      return owl_nil_err(L, "process:write", &e);
    }
    if (!ow_process_step(p, data + done, n - done, &done, left < 0.05 ? left : 0.05, &e))
      return result(L, "process:write", false, &e);
  }
  lua_pushboolean(L, 1);
  return 1;
}

static int p_close_input(lua_State *L) {
  ow_process *p = check_process(L);
  if (p->in > 0) close(p->in);
  p->in = -1;
  return 0;
}

// True while it runs.
static int p_poll(lua_State *L) {
  lua_pushboolean(L, !ow_process_ended(check_process(L)));
  return 1;
}

static int p_wait(lua_State *L) {
  ow_process *p = check_process(L);
  double t = opt_timeout(L, 2, "process:wait"), start_time = ow_clock();
  for (bool more = true;;) {
    bool ended = ow_process_ended(p);
    if (ended && ((p->out <= 0 && p->err <= 0) || ow_clock() > p->ended + 1)) break;
    if (!more) return end_or_timeout(L, false);
    more = turn(L, p, "process:wait", t, start_time);
  }
  push_result(L, p, false);
  ow_process_close(p);
  return 1;
}

static int p_kill(lua_State *L) {
  static const struct { const char *name; int sig; } sigs[] = {
      {"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"USR1", SIGUSR1}};
  ow_process *p = check_process(L);
  const char *name = luaL_optstring(L, 2, "KILL");
  for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++)
    if (!strcmp(name, sigs[i].name)) return ow_process_signal(p, sigs[i].sig), 0;
  return owl_badarg(L, "process:kill", "signal", "KILL, TERM, INT, STOP, CONT or USR1", 2);
}

static int p_pid(lua_State *L) {
  ow_process *p = check_process(L);
  if (p->pid) lua_pushinteger(L, p->pid);
  else lua_pushnil(L);
  return 1;
}

static int p_tostring(lua_State *L) {
  ow_process *p = check_process(L);
  if (p->pid) lua_pushfstring(L, "process %d, running", (int)p->pid);
  else if (p->signal) lua_pushfstring(L, "process, ended by signal %d", p->signal);
  else lua_pushfstring(L, "process, ended with status %d", p->status);
  return 1;
}

static void new_meta(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc), lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, gc), lua_setfield(L, -2, "__close");
}

int ow_open_sys(lua_State *L) {
  static const luaL_Reg funcs[] = {
      {"clock", f_clock}, {"time", f_time}, {"cpu_time", f_cpu_time}, {"peak_memory", f_peak_memory},
      {"resident_memory", f_resident_memory}, {"columns", f_columns}, {"getpid", f_getpid}, {"cores", f_cores},
      {"isatty", f_isatty}, {"sleep", f_sleep}, {"hostname", f_hostname}, {"cpu_name", f_cpu_name},
      {"os_name", f_os_name}, {"setenv", f_setenv}, {"sha256", f_sha256}, {"sha256_file", f_sha256_file},
      {"read_file", f_read_file}, {"write_atomic", f_write_atomic}, {"mkdir", f_mkdir}, {"remove", f_remove},
      {"remove_tree", f_remove_tree}, {"rename", f_rename}, {"stat", f_stat}, {"exists", f_exists},
      {"isdir", f_isdir}, {"list", f_list}, {"which", f_which}, {"cwd", f_cwd}, {"realpath", f_realpath},
      {"tmpdir", f_tmpdir}, {"temp_root", f_temp_root}, {"run", f_run}, {"spawn", f_spawn}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"read", p_read}, {"read_line", p_read_line}, {"stderr", p_stderr}, {"write", p_write},
      {"close_input", p_close_input}, {"poll", p_poll}, {"wait", p_wait}, {"kill", p_kill}, {"pid", p_pid},
      {"close", p_gc}, {NULL, NULL}};
  new_meta(L, "orowan.dir", dir_gc);
  new_meta(L, BUFFER, buffer_gc);
  new_meta(L, PROCESS, p_gc);
  lua_pushcfunction(L, p_tostring), lua_setfield(L, -2, "__tostring");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 3);
  luaL_newlib(L, funcs);
  return 1;
}
