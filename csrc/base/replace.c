// Invariant: `path` is only ever touched by rename(), so it always holds a complete file.
#define _GNU_SOURCE
#include "base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(ow_err *e, const char *path, int code) {
  return OW_FAIL(e, code == ENOMEM ? OW_EMEM : OW_EIO, "%s: cannot write: %s", path, strerror(code));
}

static int open_retry(const char *path, int flags, int mode) {
  int fd;
  do fd = open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

bool ow_replace_begin(ow_replace *r, const char *path, ow_err *e) {
  static unsigned counter;
  memset(r, 0, sizeof *r);
  r->fd = -1;
  if (!*path) return fail(e, "(empty name)", ENOENT);
  if (strlen(path) >= PATH_MAX - 40) return fail(e, path, ENAMETOOLONG);
  strcpy(r->name, path);
  struct stat old;
  bool had = !stat(path, &old);
  if (had && S_ISDIR(old.st_mode)) return fail(e, path, EISDIR);
  if (had && !S_ISREG(old.st_mode)) return OW_FAIL(e, OW_EIO, "%s: cannot write: not a regular file", path);
  if (!had || !realpath(path, r->path)) strcpy(r->path, path);
  r->mode = had ? (int)(old.st_mode & 07777) : -1;
  unsigned id = __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
  if (snprintf(r->temp, sizeof r->temp, "%.*s.tmp-%ld-%u", PATH_MAX - 40, r->path, (long)getpid(), id) >= PATH_MAX)
    return r->temp[0] = 0, fail(e, path, ENAMETOOLONG);
  // A file of this name can only be the leftover of a dead process with our number.
  r->fd = open_retry(r->temp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
  if (r->fd < 0) {
    int code = errno;
    r->temp[0] = 0;
    return fail(e, path, code);
  }
  if (had) (void)!fchmod(r->fd, old.st_mode & 07777);
  return true;
}

bool ow_replace_write(ow_replace *r, const void *data, size_t n, ow_err *e) {
  const char *p = data;
  while (n) {
    ssize_t k = write(r->fd, p, n < ((size_t)1 << 30) ? n : (size_t)1 << 30);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) return fail(e, r->name, k ? errno : ENOSPC);
    p += k;
    n -= (size_t)k;
  }
  return true;
}

void ow_replace_detach(ow_replace *r) {
  if (r->fd >= 0) close(r->fd);
  r->fd = -1;
}

bool ow_replace_commit(ow_replace *r, ow_err *e) {
  if (!r->temp[0]) return OW_FAIL(e, OW_EARG, "nothing is open for writing");
  if (r->fd < 0) r->fd = open_retry(r->temp, O_RDWR | O_NOFOLLOW, 0);
  bool ok = r->fd >= 0 && !fsync(r->fd);
  int code = errno;
  if (r->fd >= 0 && close(r->fd) && ok && errno != EINTR) ok = false, code = errno;
  r->fd = -1;
  if (ok && rename(r->temp, r->path)) ok = false, code = errno;
  if (!ok) {
    ow_replace_abort(r);
    return fail(e, r->name, code);
  }
  r->temp[0] = 0;
  // The new name survives a power cut only once the folder is on disk.
  char dir[PATH_MAX];
  strcpy(dir, r->path);
  char *slash = strrchr(dir, '/');
  if (!slash) strcpy(dir, ".");
  else slash[slash == dir] = 0;
  int d = open_retry(dir, O_RDONLY, 0);
  if (d >= 0) {
    (void)!fsync(d);
    close(d);
  }
  return true;
}

void ow_replace_abort(ow_replace *r) {
  ow_replace_detach(r);
  if (r->temp[0]) unlink(r->temp);
  r->temp[0] = 0;
}
