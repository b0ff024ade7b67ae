// Child processes by posix_spawn (fork alone would hang in a process that has used OpenMP).
// Each child leads a process group, so that killing it takes its own children along. The
// leader is looked at with WNOWAIT and its group is killed before it is reaped: until then
// its number, and with it the group's, cannot be given to anybody else.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/sys.h"
#include "base/threads.h"

extern char **environ;

static void shut(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// Both ends above 2, so that wiring one stream never overwrites another.
static bool make_pipe(int ends[2], ow_err *e) {
  int raw[2];
  if (pipe(raw)) return ow_fail_errno(e, "pipe", "make");
  for (int i = 0; i < 2; i++) ends[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, 3);
  int code = errno;
  close(raw[0]), close(raw[1]);
  if (ends[0] >= 0 && ends[1] >= 0) return true;
  shut(&ends[0]), shut(&ends[1]);
  errno = code;
  return ow_fail_errno(e, "pipe", "make");
}

// The environment with the changes applied: pointers into environ and changes.
static char **make_env(const char *const *changes, ow_err *e) {
  size_t have = 0, more = 0;
  while (environ[have]) have++;
  while (changes[more]) more++;
  char **env = ow_alloc_array(have + more + 1, sizeof *env, e);
  if (!env) return NULL;
  size_t n = 0;
  for (size_t i = 0; i < have; i++) {
    size_t len = strcspn(environ[i], "=");
    bool replaced = false;
    for (size_t j = 0; j < more && !replaced; j++)
      replaced = strcspn(changes[j], "=") == len && !strncmp(changes[j], environ[i], len);
    if (!replaced) env[n++] = environ[i];
  }
  for (size_t j = 0; j < more; j++)
    if (strchr(changes[j], '=')) env[n++] = (char *)(uintptr_t)changes[j];
  env[n] = NULL;
  return env;
}

static void wire(posix_spawn_file_actions_t *fa, ow_stream s, int child_end, int fd) {
  if (s == OW_PIPE) posix_spawn_file_actions_adddup2(fa, child_end, fd);
  else if (s == OW_NULL) posix_spawn_file_actions_addopen(fa, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
  else if (s == OW_MERGE) posix_spawn_file_actions_adddup2(fa, 1, fd);
}

static int spawn(ow_process *p, const ow_spawn *s, char **env, const int child[3]) {
  posix_spawn_file_actions_t fa;
  posix_spawnattr_t at;
  sigset_t none, all;
  pid_t pid = 0;
  posix_spawn_file_actions_init(&fa);
  posix_spawnattr_init(&at);
  int rc = 0;
  if (s->cwd) rc = posix_spawn_file_actions_addchdir_np(&fa, s->cwd);
  wire(&fa, s->in, child[0], 0);
  wire(&fa, s->out, child[1], 1);
  wire(&fa, s->err, child[2], 2);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
  posix_spawn_file_actions_addclosefrom_np(&fa, 3);  // files that libraries opened without O_CLOEXEC
#endif
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&at, &none);
  posix_spawnattr_setsigdefault(&at, &all);
  posix_spawnattr_setpgroup(&at, 0);
  posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (!rc) rc = posix_spawnp(&pid, s->argv[0], &fa, &at, (char *const *)(uintptr_t)s->argv, env);
  posix_spawnattr_destroy(&at);
  posix_spawn_file_actions_destroy(&fa);
  if (!rc) p->pid = pid;
  return rc;
}

bool ow_process_start(ow_process *p, const ow_spawn *s, ow_err *e) {
  memset(p, 0, sizeof *p);
  p->in = p->out = p->err = -1;
  struct stat st;
  char found[PATH_MAX];
  if (s->cwd && (stat(s->cwd, &st) || !S_ISDIR(st.st_mode)))
    return OW_FAIL(e, OW_EIO, "%.300s: no such folder to run %.100s in", s->cwd, s->argv[0]);
  if (!strchr(s->argv[0], '/') && !ow_which(s->argv[0], found))
    return OW_FAIL(e, OW_EMISSING, "%.200s: program not found in PATH", s->argv[0]);
  int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
  ow_stream how[3] = {s->in, s->out, s->err};
  char **env = environ;
  bool ok = true;
  for (int i = 0; ok && i < 3; i++)
    if (how[i] == OW_PIPE) ok = make_pipe(pipes[i], e);
  if (ok && s->env) ok = (env = make_env(s->env, e)) != NULL;
  if (ok) {
    int child[3] = {pipes[0][0], pipes[1][1], pipes[2][1]};
    int rc = spawn(p, s, env, child);
    errno = rc;
    if (rc == ENOENT) ok = OW_FAIL(e, OW_EMISSING, "%.200s: program not found", s->argv[0]);
    else if (rc) ok = ow_fail_errno(e, s->argv[0], "start");
  }
  if (s->env && env != environ) ow_free(env);
  shut(&pipes[0][0]), shut(&pipes[1][1]), shut(&pipes[2][1]);
  p->in = pipes[0][1], p->out = pipes[1][0], p->err = pipes[2][0];
  int ours[3] = {p->in, p->out, p->err};
  for (int i = 0; i < 3; i++)
    if (ours[i] >= 0) fcntl(ours[i], F_SETFL, fcntl(ours[i], F_GETFL) | O_NONBLOCK);
  if (!ok) shut(&p->in), shut(&p->out), shut(&p->err);
  return ok;
}

// write() to a reader that went away raises SIGPIPE; take it back, unless it was there before.
static ssize_t write_quietly(int fd, const char *data, size_t n) {
  sigset_t pipe_set, old, pending;
  sigemptyset(&pipe_set);
  sigaddset(&pipe_set, SIGPIPE);
  sigpending(&pending);
  bool before = sigismember(&pending, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
  ssize_t k = write(fd, data, n);
  int code = errno;
  if (k < 0 && code == EPIPE && !before) {
    int sig;
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE)) sigwait(&pipe_set, &sig);
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  errno = code;
  return k;
}

// One read of up to 64 KiB; closes at the end of the stream.
static bool collect(int *fd, ow_buf *b, ow_err *e) {
  if (!ow_buf_reserve(b, 65536, e)) return false;
  ssize_t n = read(*fd, b->p + b->n, 65536);
  if (n > 0) b->p[b->n += (size_t)n] = 0;
  else if (n == 0 || (errno != EINTR && errno != EAGAIN)) shut(fd);
  return true;
}

bool ow_process_step(ow_process *p, const char *in, size_t n, size_t *written, double timeout, ow_err *e) {
  struct pollfd f[3];
  int who[3], k = 0;
  bool feed = p->in >= 0 && n > 0;
  if (feed) f[k] = (struct pollfd){.fd = p->in, .events = POLLOUT}, who[k++] = 0;
  if (p->out >= 0) f[k] = (struct pollfd){.fd = p->out, .events = POLLIN}, who[k++] = 1;
  if (p->err >= 0) f[k] = (struct pollfd){.fd = p->err, .events = POLLIN}, who[k++] = 2;
  double end = ow_clock() + timeout;
  for (;;) {
    if (ow_interrupted()) return OW_FAIL(e, OW_EINTR, "interrupted");
    double left = end - ow_clock();
    double slice = k == 0 ? 0.002 : 0.05;  // with nothing to poll only the child's end can come
    int ms = left <= 0 ? 0 : (int)((left < slice ? left : slice) * 1e3) + 1;
    int r = poll(f, (nfds_t)k, ms);
    if (r < 0 && errno != EINTR) return ow_fail_errno(e, "child process", "poll");
    if (r > 0) break;
    if (ow_process_ended(p) || left <= 0) return true;
  }
  for (int i = 0; i < k; i++) {
    if (!f[i].revents) continue;
    if (who[i] == 1 && !collect(&p->out, &p->outbuf, e)) return false;
    if (who[i] == 2 && !collect(&p->err, &p->errbuf, e)) return false;
    if (who[i] == 0) {
      ssize_t w = write_quietly(p->in, in, n < 65536 ? n : 65536);
      if (w > 0) *written += (size_t)w;
      else if (w < 0 && errno != EAGAIN && errno != EINTR) {
        shut(&p->in);
        return OW_FAIL(e, OW_EIO, "the program closed its input before all of it was written");
      }
    }
  }
  return true;
}

bool ow_process_ended(ow_process *p) {
  if (p->done || !p->pid) return true;
  siginfo_t si;
  memset(&si, 0, sizeof si);
  int r;
  do r = waitid(P_PID, (id_t)p->pid, &si, WEXITED | WNOWAIT | WNOHANG);
  while (r < 0 && errno == EINTR);
  if (r == 0 && si.si_pid == 0) return false;
  if (r == 0) {
    p->status = si.si_code == CLD_EXITED ? si.si_status : -1;
    p->signal = si.si_code == CLD_EXITED ? 0 : si.si_status;
  } else p->status = -1;  // someone else reaped it
  kill((pid_t)-p->pid, SIGKILL);
  while (waitpid((pid_t)p->pid, NULL, 0) < 0 && errno == EINTR) {}
  p->done = true;
  p->ended = ow_clock();
  p->pid = 0;
  return true;
}

void ow_process_signal(ow_process *p, int sig) {
  if (p->pid && !p->done) kill((pid_t)-p->pid, sig);
}

bool ow_process_run(ow_process *p, const char *in, size_t n, double timeout, bool *timed_out, ow_err *e) {
  double start = ow_clock(), grace = 0.5, asked = 0;
  size_t done = 0;
  *timed_out = false;
  if (!n) shut(&p->in);
  for (;;) {
    bool open = p->out >= 0 || p->err >= 0;
    if (ow_process_ended(p) && !open) return true;
    // its group is dead by then, so only a process that left the group can hold the pipes
    if (p->done && ow_clock() > p->ended + 1) { shut(&p->out), shut(&p->err); return true; }
    double left = timeout < 0 ? 1 : timeout - (ow_clock() - start);
    if (left <= 0 && !p->done) {
      *timed_out = true;
      if (!asked) { asked = ow_clock(); ow_process_signal(p, SIGTERM); }
      else if (ow_clock() > asked + grace) ow_process_signal(p, SIGKILL);
    }
    ow_err local;
    if (!ow_process_step(p, in + done, n - done, &done, left > 0.05 ? left : 0.05, &local)) {
      if (local.code == OW_EIO && p->in < 0 && n > done) { n = done; continue; }  // it may well stop reading early
      *e = local;
      ow_process_close(p);
      return false;
    }
    if (p->in >= 0 && done == n) shut(&p->in);
  }
}

void ow_process_close(ow_process *p) {
  if (p->pid && !ow_process_ended(p)) {
    ow_process_signal(p, SIGKILL);
    while (waitpid((pid_t)p->pid, NULL, 0) < 0 && errno == EINTR) {}
    p->pid = 0;
    p->done = true;
    p->status = -1;
    p->signal = SIGKILL;
  }
  if (p->in > 0) shut(&p->in);
  if (p->out > 0) shut(&p->out);
  if (p->err > 0) shut(&p->err);
  ow_buf_free(&p->outbuf);
  ow_buf_free(&p->errbuf);
}
