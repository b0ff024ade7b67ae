// Clocks, memory, files, folders. Atomic writing is in replace.c.
#define _GNU_SOURCE
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "base/alloc.h"
#include "base/replace.h"
#include "base/sha256.h"
#include "base/threads.h"

// ---- machine -------------------------------------------------------------------------------

static double seconds(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
double ow_clock(void) { return seconds(CLOCK_MONOTONIC); }
double ow_wall_time(void) { return seconds(CLOCK_REALTIME); }
double ow_cpu_time(void) { return seconds(CLOCK_PROCESS_CPUTIME_ID); }

// A line "KEY: N kB" of /proc/self/status in bytes, 0 when there is none.
static uint64_t proc_status(const char *key) {
  FILE *f = fopen("/proc/self/status", "re");
  if (!f) return 0;
  char line[256];
  unsigned long long kb = 0;
  size_t n = strlen(key);
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, key, n) && line[n] == ':') { kb = strtoull(line + n + 1, NULL, 10); break; }
  fclose(f);
  return kb * 1024;
}

uint64_t ow_peak_memory(void) {
  // getrusage also remembers what the process was before exec; /proc does not.
  uint64_t b = proc_status("VmHWM");
  if (b) return b;
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
#ifdef __APPLE__
  return (uint64_t)u.ru_maxrss;
#else
  return (uint64_t)u.ru_maxrss * 1024;
#endif
}
uint64_t ow_resident_memory(void) { return proc_status("VmRSS"); }

void ow_cpu_name(char *out, size_t n) {
  snprintf(out, n, "unknown");
#ifdef __APPLE__
  size_t size = n;
  if (sysctlbyname("machdep.cpu.brand_string", out, &size, NULL, 0)) snprintf(out, n, "unknown");
#else
  FILE *f = fopen("/proc/cpuinfo", "re");
  if (!f) return;
  char line[512];
  while (fgets(line, sizeof line, f)) {
    char *c = strchr(line, ':');
    if (!c || (strncmp(line, "model name", 10) && strncmp(line, "Model", 5))) continue;
    c += 1 + strspn(c + 1, " \t");
    c[strcspn(c, "\n")] = 0;
    snprintf(out, n, "%s", c);
    break;
  }
  fclose(f);
#endif
}

int ow_columns(void) {
  struct winsize w;
  for (int fd = 2; fd >= 1; fd--)
    if (!ioctl(fd, TIOCGWINSZ, &w) && w.ws_col > 0) return w.ws_col;
  const char *v = getenv("COLUMNS");
  int n = v ? atoi(v) : 0;
  return n > 0 && n < 10000 ? n : 80;
}

bool ow_sleep(double s) {
  double end = ow_clock() + s;
  for (double left = s; left > 0; left = end - ow_clock()) {
    if (ow_interrupted()) return false;
    double slice = left < 0.05 ? left : 0.05;  // the signal may reach another thread
    struct timespec t = {(time_t)slice, (long)((slice - (double)(time_t)slice) * 1e9)};
    nanosleep(&t, NULL);
  }
  return !ow_interrupted();
}

// ---- buffers -------------------------------------------------------------------------------

bool ow_buf_reserve(ow_buf *b, size_t more, ow_err *e) {
  if (b->n + more + 1 <= b->cap) return true;
  size_t cap = b->cap ? b->cap : 4096;
  while (cap < b->n + more + 1) cap *= 2;
  char *p = ow_realloc(b->p, cap, e);
  if (!p) return false;
  b->p = p;
  b->cap = cap;
  return true;
}
bool ow_buf_add(ow_buf *b, const void *data, size_t n, ow_err *e) {
  if (!ow_buf_reserve(b, n, e)) return false;
  if (n) memcpy(b->p + b->n, data, n);
  b->n += n;
  b->p[b->n] = 0;
  return true;
}
void ow_buf_free(ow_buf *b) {
  ow_free(b->p);
  *b = (ow_buf){0};
}

// ---- files ---------------------------------------------------------------------------------

bool ow_fail_errno(ow_err *e, const char *path, const char *verb) {
  int code = errno;
  return OW_FAIL(e, OW_EIO, "%.300s: cannot %s: %s", path, verb, strerror(code));
}

static int open_retry(const char *path, int flags, mode_t mode) {
  int fd;
  do fd = open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR && !ow_interrupted());
  return fd;
}

static int open_regular(const char *path, struct stat *st, ow_err *e) {
  int fd = open_retry(path, O_RDONLY, 0);
  if (fd < 0) { ow_fail_errno(e, path, "open"); return -1; }
  if (!fstat(fd, st) && S_ISDIR(st->st_mode)) {
    errno = EISDIR;
    ow_fail_errno(e, path, "read");
    close(fd);
    return -1;
  }
  return fd;
}

// Hands every piece of the file to `take`.
static bool read_pieces(const char *path, int fd, bool (*take)(void *, const char *, size_t, ow_err *), void *arg,
                        ow_err *e) {
  size_t size = (size_t)1 << 18;
  char *piece = ow_alloc(size, e);
  bool ok = piece != NULL;
  while (ok) {
    ssize_t n = read(fd, piece, size);
    if (ow_interrupted()) ok = OW_FAIL(e, OW_EINTR, "interrupted");
    else if (n < 0 && errno == EINTR) continue;
    else if (n < 0) ok = ow_fail_errno(e, path, "read");
    else if (n == 0) break;
    else ok = take(arg, piece, (size_t)n, e);
  }
  ow_free(piece);
  close(fd);
  return ok;
}

static bool take_buf(void *b, const char *p, size_t n, ow_err *e) { return ow_buf_add(b, p, n, e); }
static bool take_hash(void *s, const char *p, size_t n, ow_err *e) {
  (void)e;
  ow_sha256_add(s, p, n);
  return true;
}

bool ow_read_file(const char *path, ow_buf *out, ow_err *e) {
  struct stat st;
  *out = (ow_buf){0};
  int fd = open_regular(path, &st, e);
  if (fd < 0) return false;
  if (S_ISREG(st.st_mode) && !ow_buf_reserve(out, (size_t)st.st_size, e)) { close(fd); return false; }
  if (read_pieces(path, fd, take_buf, out, e)) return true;
  ow_buf_free(out);
  return false;
}

bool ow_sha256_file(const char *path, char hex[65], ow_err *e) {
  struct stat st;
  ow_sha256 s;
  ow_sha256_init(&s);
  int fd = open_regular(path, &st, e);
  if (fd < 0 || !read_pieces(path, fd, take_hash, &s, e)) return false;
  ow_sha256_end(&s, hex);
  return true;
}

bool ow_write_atomic(const char *path, const void *data, size_t n, ow_err *e) {
  ow_replace r;
  if (!ow_replace_begin(&r, path, e)) return false;
  bool ok = ow_replace_write(&r, data, n, e) && ow_replace_commit(&r, e);
  ow_replace_abort(&r);
  return ok;
}

bool ow_mkdirs(const char *path, ow_err *e) {
  char p[PATH_MAX];
  if (!*path) { errno = ENOENT; return ow_fail_errno(e, "(empty path)", "make folder"); }
  if (strlen(path) >= sizeof p) { errno = ENAMETOOLONG; return ow_fail_errno(e, path, "make folder"); }
  snprintf(p, sizeof p, "%s", path);
  for (char *c = p + 1;; c++) {
    if (*c && *c != '/') continue;
    char keep = *c;
    *c = 0;
    struct stat st;
    if (mkdir(p, 0777) && (errno != EEXIST || stat(p, &st) || !S_ISDIR(st.st_mode))) {
      // EROFS or EACCES on a parent that is there is no failure
      int code = errno;
      if (stat(p, &st) || !S_ISDIR(st.st_mode)) {
        errno = code;
        return ow_fail_errno(e, p, "make folder");
      }
    }
    if (!keep) return true;
    *c = keep;
  }
}

const char *ow_temp_root(void) {
  const char *t = getenv("TMPDIR");
  return t && *t ? t : "/tmp";
}

bool ow_mktempdir(const char *prefix, char out[PATH_MAX], ow_err *e) {
  if (snprintf(out, PATH_MAX, "%s/%s-XXXXXX", ow_temp_root(), prefix) >= PATH_MAX) errno = ENAMETOOLONG;
  else if (mkdtemp(out)) return true;
  return ow_fail_errno(e, ow_temp_root(), "make a temporary folder");
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f) {
  (void)st, (void)f;
  return kind == FTW_DP || kind == FTW_D || kind == FTW_DNR ? rmdir(path) : unlink(path);
}

bool ow_remove_tree(const char *path, ow_err *e) {
  char real[PATH_MAX], root[PATH_MAX], home[PATH_MAX];
  struct stat st;
  if (lstat(path, &st)) return errno == ENOENT ? true : ow_fail_errno(e, path, "remove");
  if (S_ISDIR(st.st_mode)) {  // a typing error must not take everything with it
    const char *h = getenv("HOME");
    if (!realpath(path, real)) return ow_fail_errno(e, path, "remove");
    if (!realpath(ow_temp_root(), root)) root[0] = 0;
    if (!h || !realpath(h, home)) home[0] = 0;
    size_t n = strlen(real);
    const char *keep[] = {root, home, NULL};
    if (n == 1) return OW_FAIL(e, OW_EARG, "%.300s: refusing to remove the root folder", path);
    for (int i = 0; keep[i]; i++)
      if (!strncmp(keep[i], real, n) && (keep[i][n] == 0 || keep[i][n] == '/'))
        return OW_FAIL(e, OW_EARG, "%.300s: refusing to remove a folder that holds %.100s", path, keep[i]);
  }
  if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS)) return ow_fail_errno(e, path, "remove");
  return true;
}

bool ow_which(const char *program, char out[PATH_MAX]) {
  struct stat st;
  if (!*program) return false;
  if (strchr(program, '/')) {
    snprintf(out, PATH_MAX, "%s", program);
    return !access(out, X_OK) && !stat(out, &st) && S_ISREG(st.st_mode);
  }
  const char *path = getenv("PATH");
  if (!path) path = "/usr/local/bin:/usr/bin:/bin";
  for (const char *p = path;; p++) {
    size_t n = strcspn(p, ":");
    int k = snprintf(out, PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? p : ".", program);
    if (k < PATH_MAX && !access(out, X_OK) && !stat(out, &st) && S_ISREG(st.st_mode)) return true;
    p += n;
    if (!*p) return false;
  }
}
