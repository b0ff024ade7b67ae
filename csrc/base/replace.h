// A file that appears whole or not at all: written under a temporary name in the same
// folder, then fsync and rename. Before the commit the old file stays as it was.
#ifndef OW_BASE_REPLACE_H
#define OW_BASE_REPLACE_H
#include <limits.h>
#include <stdio.h>

#include "base/err.h"

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

typedef struct {
  char name[PATH_MAX];  // as the caller gave it, for messages
  char path[PATH_MAX];  // what it will become; a symbolic link is followed
  char temp[PATH_MAX];  // "" when nothing is open
  int fd;               // -1 once closed
  int mode;             // permissions of the old file, -1: there was none
} ow_replace;

// Creates the temporary file (mode 0666 less umask, or the old file's).
bool ow_replace_begin(ow_replace *r, const char *path, ow_err *e);
bool ow_replace_write(ow_replace *r, const void *data, size_t n, ow_err *e);
// A library that writes by name: closes our descriptor, keeps the temporary name.
void ow_replace_detach(ow_replace *r);
bool ow_replace_commit(ow_replace *r, ow_err *e);  // on failure the temporary file is gone
void ow_replace_abort(ow_replace *r);              // idempotent, nothing after a commit

#endif
